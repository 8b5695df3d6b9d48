"""What an optimizer's step does for one parameter group: gathers the arrays, makes state where there is none, calls the
kernel once for all parameters (once for each dtype if they differ)."""
cimport numpy as np
from cpython.dict cimport PyDict_GetItemWithError
from cpython.ref cimport PyObject
from libc.string cimport memset

import numpy

from fastnn._tensor cimport Tensor, wrap
from fastnn.kernels cimport _core
from fastnn.kernels cimport optim as K

np.import_array()


cdef class Gathered:
    """Parameters of one dtype that have gradients."""
    cdef list group         # all parameters of the group
    cdef list tensors, params, grads
    cdef unsigned long done  # a bit for each type number that was handled
    cdef bint more

    cdef bint next(self) except -1:
        """Gather the parameters of the next dtype; False when there are none left."""
        cdef Tensor tensor, grad
        cdef int typenum = -1, own
        if not self.more:
            return False
        self.tensors, self.params, self.grads, self.more = [], [], [], False
        for item in self.group:
            tensor = <Tensor?>item
            if tensor.grad_ is None:
                continue
            own = np.PyArray_TYPE(tensor.array)
            if own != typenum:
                if self.done >> own & 1:
                    continue
                if typenum >= 0:
                    self.more = True
                    continue
                typenum = own
            grad = <Tensor>tensor.grad_
            self.tensors.append(tensor)
            self.params.append(tensor.array)
            self.grads.append(grad.array)
        if typenum >= 0:
            self.done |= 1ul << typenum
        return typenum >= 0

    cdef int changed(self) except -1:
        """The parameters' values are new: backward of older operations must notice."""
        for tensor in self.tensors:
            (<Tensor>tensor).bump()
        return 0


cdef dict state_of(object state, Tensor tensor):
    """The parameter's state, made when first asked for."""
    cdef PyObject *found = PyDict_GetItemWithError(state, tensor)  # `state` is a defaultdict
    if found != NULL:
        return <dict?><object>found
    return state[tensor]


cdef Gathered gather(dict group):
    cdef Gathered gathered = Gathered.__new__(Gathered)
    gathered.group = group["params"]
    gathered.more = True
    return gathered


cpdef Tensor zeros_like(Tensor tensor):
    """State of a parameter: zeros of its shape and dtype, C-contiguous."""
    cdef np.ndarray array = _core.new_like(tensor.array, np.PyArray_TYPE(tensor.array))
    memset(np.PyArray_DATA(array), 0, np.PyArray_NBYTES(array))
    return wrap(array)


cpdef Tensor new_step(value=0.0):
    """A step count: float32, no dimension."""
    return wrap(numpy.array(value, numpy.float32))


cdef np.ndarray step_of(dict state):
    """The step count's array; a number or a tensor of another dtype that a program put there is converted."""
    value = state.get("step")
    if type(value) is Tensor and np.PyArray_TYPE((<Tensor>value).array) == np.NPY_FLOAT:
        return (<Tensor>value).array
    if value is None:
        raise KeyError("step")
    state["step"] = new_step(float(value))
    return (<Tensor>state["step"]).array


cdef np.ndarray array_of(dict state, str key, Tensor tensor):
    """State `key` of a parameter; zeros if there is none (an option switched on after the first step)."""
    value = state.get(key)
    if type(value) is Tensor:
        return (<Tensor>value).array
    if value is None:
        value = state[key] = zeros_like(tensor)
    return (<Tensor?>value).array


def sgd(dict group, state):
    """One SGD step."""
    cdef Gathered g = gather(group)
    cdef double momentum = group["momentum"]
    cdef list buffers = None
    cdef list made
    cdef Py_ssize_t i
    while g.next():
        if momentum != 0:
            buffers, made = [], []
            for i in range(len(g.tensors)):
                value = state_of(state, <Tensor>g.tensors[i]).get("momentum_buffer")
                buffers.append(None if value is None else (<Tensor?>value).array)
                if value is None:
                    made.append(i)
        K.sgd_step(g.params, g.grads, buffers, group["lr"], momentum, group["dampening"], group["weight_decay"],
                   group["nesterov"], group["maximize"])
        if momentum != 0:
            for i in made:
                state[g.tensors[i]]["momentum_buffer"] = wrap(buffers[i])
        g.changed()


def adam(dict group, state):
    """One step of Adam or, with decoupled_weight_decay, AdamW."""
    cdef Gathered g = gather(group)
    cdef list averages, squares, largest, steps
    cdef bint amsgrad = group["amsgrad"]
    cdef dict own
    cdef Tensor tensor
    beta1, beta2 = group["betas"]
    while g.next():
        averages, squares, largest, steps = [], [], [] if amsgrad else None, []
        for item in g.tensors:
            tensor = <Tensor>item
            own = state_of(state, tensor)
            if not own:
                own["step"] = new_step()
                own["exp_avg"] = zeros_like(tensor)
                own["exp_avg_sq"] = zeros_like(tensor)
                if amsgrad:
                    own["max_exp_avg_sq"] = zeros_like(tensor)
            steps.append(step_of(own))
            averages.append(array_of(own, "exp_avg", tensor))
            squares.append(array_of(own, "exp_avg_sq", tensor))
            if amsgrad:
                largest.append(array_of(own, "max_exp_avg_sq", tensor))
        K.adam_step(g.params, g.grads, averages, squares, largest, steps, group["lr"], beta1, beta2, group["eps"],
                    group["weight_decay"], group["decoupled_weight_decay"], group["maximize"])
        g.changed()


def adagrad(dict group, state):
    """One Adagrad step."""
    cdef Gathered g = gather(group)
    cdef list sums, steps
    cdef dict own
    cdef Tensor tensor
    while g.next():
        sums, steps = [], []
        for item in g.tensors:
            tensor = <Tensor>item
            own = state_of(state, tensor)
            if not own:
                init_adagrad(own, tensor, group["initial_accumulator_value"])
            steps.append(step_of(own))
            sums.append(array_of(own, "sum", tensor))
        K.adagrad_step(g.params, g.grads, sums, steps, group["lr"], group["lr_decay"], group["weight_decay"],
                       group["eps"], group["maximize"])
        g.changed()


cpdef init_adagrad(dict own, Tensor tensor, double value):
    """Adagrad's state of one parameter."""
    cdef Tensor total = zeros_like(tensor)
    if value != 0:
        total.array.fill(value)
    own["step"] = new_step()
    own["sum"] = total


def rmsprop(dict group, state):
    """One RMSprop step."""
    cdef Gathered g = gather(group)
    cdef list squares, averages, buffers, steps
    cdef double momentum = group["momentum"]
    cdef bint centered = group["centered"]
    cdef dict own
    cdef Tensor tensor
    while g.next():
        squares, averages, buffers, steps = [], [] if centered else None, [] if momentum > 0 else None, []
        for item in g.tensors:
            tensor = <Tensor>item
            own = state_of(state, tensor)
            if not own:
                own["step"] = new_step()
                own["square_avg"] = zeros_like(tensor)
                if momentum > 0:
                    own["momentum_buffer"] = zeros_like(tensor)
                if centered:
                    own["grad_avg"] = zeros_like(tensor)
            steps.append(step_of(own))
            squares.append(array_of(own, "square_avg", tensor))
            if momentum > 0:
                buffers.append(array_of(own, "momentum_buffer", tensor))
            if centered:
                averages.append(array_of(own, "grad_avg", tensor))
        K.rmsprop_step(g.params, g.grads, squares, averages, buffers, steps, group["lr"], group["alpha"], group["eps"],
                       group["weight_decay"], momentum, group["maximize"])
        g.changed()


def zero_grad(list tensors, bint set_to_none):
    """Drop the gradients of these parameters, or fill them with zeros."""
    cdef Tensor tensor, grad
    for item in tensors:
        tensor = <Tensor?>item
        if set_to_none:
            tensor.grad_ = None
        elif tensor.grad_ is not None:
            grad = <Tensor>tensor.grad_
            if grad.node is not None:
                tensor.grad_ = grad = wrap(grad.array.copy())
            grad.leaf_requires_grad = False
            grad.array.fill(0)
            grad.bump()
