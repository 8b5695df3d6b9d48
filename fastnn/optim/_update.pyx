"""What an optimizer's step does for one parameter group: gathers the arrays, makes state where there is none, calls the
kernel once for all parameters (once for each dtype if they differ)."""
cimport numpy as np
from cpython.dict cimport PyDict_GetItemWithError
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.string cimport memset

import numpy

from fastnn._tensor cimport Tensor, wrap
from fastnn.kernels cimport _core
from fastnn.kernels cimport optim as K
from fastnn.kernels cimport optim_adam as adam_kernels

np.import_array()

cdef tuple STEP = ("step", True, 0)


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

    cdef tuple states(self, object state, tuple layout):
        """For each (name, scalar, start) of the layout the arrays of this state of all parameters, in order; what a
        parameter lacks (on its first step all) is made: a float32 number or an array like it, filled with `start`."""
        cdef tuple found = tuple([[] for _ in layout])
        cdef Tensor tensor
        cdef dict own
        cdef PyObject *value
        cdef Py_ssize_t i, count = len(layout)
        for item in self.tensors:
            tensor = <Tensor>item
            own = state_of(state, tensor)
            for i in range(count):
                name, scalar, start = <tuple>PyTuple_GET_ITEM(layout, i)
                value = PyDict_GetItemWithError(own, name)
                if (value == NULL or type(<object>value) is not Tensor
                        or scalar and np.PyArray_TYPE((<Tensor>value).array) != np.NPY_FLOAT):
                    own[name] = made = new_state(tensor, NULL if value == NULL else value, name, scalar, start)
                    value = <PyObject *>made
                (<list>PyTuple_GET_ITEM(found, i)).append((<Tensor>value).array)
        return found

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


cdef Tensor new_state(Tensor tensor, PyObject *value, str name, bint scalar, double start):
    """State of a parameter where there is none (an option was switched on after the first step), or where a program
    put a number or a tensor of another kind."""
    cdef Tensor made
    if scalar:
        return new_step(start if value == NULL else float(<object>value))
    if value != NULL:
        if not isinstance(<object>value, Tensor):
            raise TypeError(f"optimizer: expected a Tensor as state {name!r}, got {type(<object>value).__name__}")
        return wrap((<Tensor>value).array)
    made = zeros_like(tensor)
    if start != 0:
        made.array.fill(start)
    return made


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
    cdef bint amsgrad = group["amsgrad"]
    cdef tuple layout = (STEP, ("exp_avg", False, 0), ("exp_avg_sq", False, 0))
    if amsgrad:
        layout += (("max_exp_avg_sq", False, 0),)
    beta1, beta2 = group["betas"]
    while g.next():
        s = g.states(state, layout)
        adam_kernels.adam_step(g.params, g.grads, s[1], s[2], s[3] if amsgrad else None, s[0], group["lr"], beta1,
                               beta2, group["eps"], group["weight_decay"], group["decoupled_weight_decay"],
                               group["maximize"])
        g.changed()


def adamax(dict group, state):
    """One Adamax step."""
    cdef Gathered g = gather(group)
    beta1, beta2 = group["betas"]
    while g.next():
        steps, averages, largest = g.states(state, (STEP, ("exp_avg", False, 0), ("exp_inf", False, 0)))
        adam_kernels.adamax_step(g.params, g.grads, averages, largest, steps, group["lr"], beta1, beta2, group["eps"],
                                 group["weight_decay"], group["maximize"])
        g.changed()


def nadam(dict group, state):
    """One NAdam step."""
    cdef Gathered g = gather(group)
    cdef tuple layout = (STEP, ("mu_product", True, 1), ("exp_avg", False, 0), ("exp_avg_sq", False, 0))
    beta1, beta2 = group["betas"]
    while g.next():
        steps, products, averages, squares = g.states(state, layout)
        adam_kernels.nadam_step(g.params, g.grads, averages, squares, products, steps, group["lr"], beta1, beta2,
                                group["eps"], group["weight_decay"], group["momentum_decay"],
                                group["decoupled_weight_decay"], group["maximize"])
        g.changed()


def radam(dict group, state):
    """One RAdam step."""
    cdef Gathered g = gather(group)
    beta1, beta2 = group["betas"]
    while g.next():
        steps, averages, squares = g.states(state, (STEP, ("exp_avg", False, 0), ("exp_avg_sq", False, 0)))
        adam_kernels.radam_step(g.params, g.grads, averages, squares, steps, group["lr"], beta1, beta2, group["eps"],
                                group["weight_decay"], group["decoupled_weight_decay"], group["maximize"])
        g.changed()


def adagrad(dict group, state):
    """One Adagrad step."""
    cdef Gathered g = gather(group)
    cdef tuple layout = adagrad_layout(group)
    while g.next():
        steps, sums = g.states(state, layout)
        K.adagrad_step(g.params, g.grads, sums, steps, group["lr"], group["lr_decay"], group["weight_decay"],
                       group["eps"], group["maximize"])
        g.changed()


cdef tuple adagrad_layout(dict group):
    return (STEP, ("sum", False, float(group["initial_accumulator_value"])))


def init_adagrad(dict group, state):
    """Adagrad's state, which is there before the first step."""
    cdef Gathered g = Gathered.__new__(Gathered)
    g.tensors = group["params"]
    g.states(state, adagrad_layout(group))


def rmsprop(dict group, state):
    """One RMSprop step."""
    cdef Gathered g = gather(group)
    cdef double momentum = group["momentum"]
    cdef bint centered = group["centered"]
    cdef tuple s, layout = (STEP, ("square_avg", False, 0))
    if momentum > 0:
        layout += (("momentum_buffer", False, 0),)
    if centered:
        layout += (("grad_avg", False, 0),)
    while g.next():
        s = g.states(state, layout)
        K.rmsprop_step(g.params, g.grads, s[1], s[len(s) - 1] if centered else None, s[2] if momentum > 0 else None,
                       s[0], group["lr"], group["alpha"], group["eps"], group["weight_decay"], momentum,
                       group["maximize"])
        g.changed()


def adadelta(dict group, state):
    """One Adadelta step."""
    cdef Gathered g = gather(group)
    while g.next():
        steps, squares, changes = g.states(state, (STEP, ("square_avg", False, 0), ("acc_delta", False, 0)))
        K.adadelta_step(g.params, g.grads, squares, changes, steps, group["lr"], group["rho"], group["eps"],
                        group["weight_decay"], group["maximize"])
        g.changed()


def rprop(dict group, state):
    """One Rprop step."""
    cdef Gathered g = gather(group)
    cdef tuple layout = (STEP, ("prev", False, 0), ("step_size", False, float(group["lr"])))
    minus, plus = group["etas"]
    low, high = group["step_sizes"]
    while g.next():
        steps, last, sizes = g.states(state, layout)
        K.rprop_step(g.params, g.grads, last, sizes, steps, minus, plus, low, high, group["maximize"])
        g.changed()


def asgd(dict group, state):
    """One ASGD step."""
    cdef Gathered g = gather(group)
    cdef tuple layout = (STEP, ("eta", True, float(group["lr"])), ("mu", True, 1), ("ax", False, 0))
    while g.next():
        steps, etas, mus, averages = g.states(state, layout)
        K.asgd_step(g.params, g.grads, averages, mus, etas, steps, group["lr"], group["lambd"], group["alpha"],
                    group["t0"], group["weight_decay"], group["maximize"])
        g.changed()


# ---- all parameters as one vector ----

def flat_grad(list tensors):
    """The gradients side by side; zeros where there is none."""
    cdef Tensor tensor
    cdef list parts = []
    for item in tensors:
        tensor = <Tensor?>item
        parts.append((zeros_like(tensor) if tensor.grad_ is None else <Tensor>tensor.grad_).array.ravel())
    return numpy.concatenate(parts)


def move(list tensors, np.ndarray update, double factor):
    """p += factor * update, each parameter with its part of the vector."""
    cdef Tensor tensor
    cdef dict kinds = {}
    cdef Py_ssize_t start = 0, size
    for item in tensors:
        tensor = <Tensor?>item
        size = np.PyArray_SIZE(tensor.array)
        params, parts = kinds.setdefault(np.PyArray_TYPE(tensor.array), ([], []))
        params.append(tensor.array)
        parts.append(update[start:start + size].reshape((<object>tensor.array).shape)
                     .astype(tensor.array.dtype, copy=False))
        start += size
    for params, parts in kinds.values():
        K.sgd_step(params, parts, None, -factor)
    for item in tensors:
        (<Tensor>item).bump()


def assign(list tensors, list arrays):
    """Give the parameters these values."""
    for item, array in zip(tensors, arrays, strict=True):
        (<Tensor?>item).array[...] = array
        (<Tensor>item).bump()


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
