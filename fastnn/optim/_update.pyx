"""What an optimizer's step does for one parameter group: gathers the arrays, makes state where there is none, calls the
kernel once for all parameters (once for each dtype if they differ)."""
cimport numpy as np
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.list cimport PyList_GET_SIZE
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.string cimport memset

import numpy

from fastnn._tensor cimport Tensor, wrap
from fastnn.kernels cimport _core
from fastnn.kernels cimport optim as K
from fastnn.kernels cimport optim_adam as adam_kernels
from fastnn.kernels cimport optim_factor as factor_kernels

np.import_array()

cdef extern from *:
    PyObject *PyList_GetItem "PyList_GET_ITEM"(object list, Py_ssize_t i)  # borrowed, so not counted

# ---- layouts: (name, kind, start) of each state of a parameter, in PyTorch's order ----

cdef enum:
    MOST_PLANS = 100

cdef enum:
    LIKE        # an array like the parameter, filled with `start`
    NUMBER      # a float32 number, `start` at first
    BY_KERNEL   # like the parameter, made by the kernel in the first step

cdef tuple STEP = ("step", NUMBER, 0)
cdef tuple MOMENTUM = (("momentum_buffer", BY_KERNEL, 0),)
cdef tuple MOMENTUM_OF_ZEROS = (("momentum_buffer", LIKE, 0),)
cdef tuple GRAD_AVG = (("grad_avg", LIKE, 0),)
cdef tuple RMSPROP = (STEP, ("square_avg", LIKE, 0))
cdef tuple ADADELTA = (STEP, ("square_avg", LIKE, 0), ("acc_delta", LIKE, 0))
cdef tuple ADAM = (STEP, ("exp_avg", LIKE, 0), ("exp_avg_sq", LIKE, 0))
cdef tuple AMSGRAD = ADAM + (("max_exp_avg_sq", LIKE, 0),)
cdef tuple ADAMAX = (STEP, ("exp_avg", LIKE, 0), ("exp_inf", LIKE, 0))
cdef tuple NADAM = (STEP, ("mu_product", NUMBER, 1), ("exp_avg", LIKE, 0), ("exp_avg_sq", LIKE, 0))


cdef class Plan:
    """What was gathered for the last step of a group, kept for the next one as long as everything is where it was:
    looking at 200 parameters costs less than asking two dicts about each."""
    cdef list tensors, params  # those with a gradient, their arrays
    cdef list values           # for each parameter its state tensors, in the layout's order
    cdef tuple states          # for each entry of the layout the arrays
    cdef tuple layout
    cdef Py_ssize_t place      # in the dict of states, just before the first parameter

    cdef list grads(self, list group, dict state, tuple layout):
        """The gradients' arrays, or None if a parameter, an array or state is another one than in the last step."""
        cdef Py_ssize_t i = 0, k, inner, outer = self.place, n = PyList_GET_SIZE(self.params), count = len(layout)
        cdef Tensor tensor
        cdef PyObject *key
        cdef PyObject *own
        cdef PyObject *value
        cdef list grads
        if count != len(self.layout):
            return None
        for k in range(count):
            if <PyObject *>(<tuple>layout[k])[0] != <PyObject *>(<tuple>self.layout[k])[0]:
                return None
        grads = [None] * n
        for item in group:
            tensor = <Tensor?>item
            if tensor.grad_ is None:
                continue
            if i == n or <PyObject *>tensor != PyList_GetItem(self.tensors, i) \
                    or <PyObject *>tensor.array != PyList_GetItem(self.params, i):
                return None
            grads[i] = (<Tensor>tensor.grad_).array
            if count:
                # Entries mostly lie in the order of the parameters, and in each the layout's order.
                if not PyDict_Next(state, &outer, &key, &own) or key != <PyObject *>tensor:
                    own = PyDict_GetItemWithError(state, tensor)
                if own == NULL or not isinstance(<object>own, dict):
                    return None
                inner = 0
                for k in range(count):
                    name = (<tuple>PyTuple_GET_ITEM(layout, k))[0]
                    if not PyDict_Next(<object>own, &inner, &key, &value) or key != <PyObject *>name:
                        value = PyDict_GetItemWithError(<object>own, name)
                    if value == NULL or value != PyList_GetItem(self.values, i * count + k) \
                            or <PyObject *>(<Tensor>value).array != PyList_GetItem(self.states[k], i):
                        return None
            i += 1
        return grads if i == n else None


cdef class Gathered:
    """Parameters of one dtype that have gradients, with their state."""
    cdef list group         # all parameters of the group
    cdef object state
    cdef tuple layout
    cdef dict plans         # the optimizer's, by the group's identity; None: do not keep any
    cdef object key
    cdef list tensors, params, grads
    cdef tuple states       # for each (name, kind, start) of the layout the arrays of that state
    cdef unsigned long done  # a bit for each type number that was handled
    cdef bint more, first, lacks

    cdef bint next(self) except -1:
        """Gather the parameters of the next dtype; False when there are none left."""
        cdef Plan plan
        if not self.more:
            return False
        if self.first and self.plans is not None:
            plan = <Plan>self.plans.get(self.key)
            if plan is not None:
                self.grads = plan.grads(self.group, <dict>self.state, self.layout)
                if self.grads is not None:
                    self.tensors, self.params, self.states = plan.tensors, plan.params, plan.states
                    self.more = False
                    return True
                del self.plans[self.key]
        if not self.collect():
            return False
        if np.PyArray_ISCOMPLEX(<np.ndarray>self.params[0]):
            self.pair()
        elif self.first and not self.more and not self.lacks and self.plans is not None:
            self.keep()
        self.first = False
        return True

    cdef bint collect(self) except -1:
        cdef Tensor tensor
        cdef int typenum = -1, own
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
            self.tensors.append(tensor)
            self.params.append(tensor.array)
            self.grads.append((<Tensor>tensor.grad_).array)
        if typenum < 0:
            return False
        self.done |= 1ul << typenum
        self.find_states()
        return True

    cdef int find_states(self) except -1:
        """State of all parameters; what a parameter lacks (on its first step all) is made."""
        cdef Tensor tensor
        cdef dict own
        cdef PyObject *value
        cdef int kind
        cdef Py_ssize_t i, count = len(self.layout)
        self.states = tuple([[] for _ in range(count)])
        self.lacks = False
        if count == 0:
            return 0
        for item in self.tensors:
            tensor = <Tensor>item
            own = state_of(self.state, tensor)
            for i in range(count):
                name, kind, start = <tuple>PyTuple_GET_ITEM(self.layout, i)
                value = PyDict_GetItemWithError(own, name)
                if kind == BY_KERNEL and (value == NULL or <object>value is None):
                    self.lacks = True
                    (<list>PyTuple_GET_ITEM(self.states, i)).append(None)
                    continue
                if (value == NULL or type(<object>value) is not Tensor
                        or kind == NUMBER and np.PyArray_TYPE((<Tensor>value).array) != np.NPY_FLOAT):
                    own[name] = made = new_state(tensor, value, name, kind == NUMBER, start)
                    value = <PyObject *>made
                (<list>PyTuple_GET_ITEM(self.states, i)).append((<Tensor>value).array)
        return 0

    cdef int pair(self) except -1:
        """Of complex numbers kernels see both parts as numbers of their own."""
        self.params, self.grads = [pairs(array) for array in self.params], [pairs(array) for array in self.grads]
        self.states = tuple([[pairs(array) for array in arrays] for arrays in self.states])
        return 0

    cdef int keep(self) except -1:
        """Make a plan of what was gathered."""
        cdef Plan plan = Plan.__new__(Plan)
        cdef Py_ssize_t before = 0, after = 0
        cdef PyObject *key
        cdef PyObject *value
        plan.tensors, plan.params, plan.states, plan.layout = self.tensors, self.params, self.states, self.layout
        if len(self.layout):
            plan.values = [self.state[tensor][name] for tensor in self.tensors for name, _, _ in self.layout]
            while PyDict_Next(self.state, &after, &key, &value):
                if key == PyList_GetItem(self.tensors, 0):
                    plan.place = before
                    break
                before = after
        if len(self.plans) >= MOST_PLANS:  # of groups that are gone
            self.plans.clear()
        self.plans[self.key] = plan
        return 0

    cdef int changed(self) except -1:
        """The parameters' values are new: backward of older operations must notice."""
        for tensor in self.tensors:
            (<Tensor>tensor).bump()
        return 0


cdef object pairs(object array):
    """Complex numbers as a view with one dimension more; anything else as it is."""
    if array is None or not np.PyArray_ISCOMPLEX(array):
        return array
    parts = array.real
    return numpy.lib.stride_tricks.as_strided(parts, (*array.shape, 2), (*array.strides, parts.itemsize))


cdef Gathered gather(dict group, object state, dict plans, tuple layout):
    cdef Gathered gathered = Gathered.__new__(Gathered)
    gathered.group, gathered.state, gathered.layout = group["params"], state, layout
    if plans is not None and isinstance(state, dict):
        gathered.plans, gathered.key = plans, id(group)
    gathered.more = gathered.first = True
    return gathered


cdef dict state_of(object state, Tensor tensor):
    """The parameter's state, made when first asked for."""
    cdef PyObject *found = PyDict_GetItemWithError(state, tensor)  # `state` is a defaultdict
    if found != NULL:
        return <dict?><object>found
    return state[tensor]


cpdef Tensor zeros_like(Tensor tensor):
    """State of a parameter: zeros of its shape and dtype, C-contiguous."""
    if np.PyArray_TYPE(tensor.array) == np.NPY_VOID:  # of a format
        return wrap(numpy.zeros_like(tensor.array, order="C"))
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
        made.array.fill(complex(start, start) if np.PyArray_ISCOMPLEX(made.array) else start)
    return made


def sgd(dict group, state, plans=None):
    """One SGD step."""
    cdef double momentum = group["momentum"]
    cdef Gathered g = gather(group, state, plans, MOMENTUM if momentum != 0 else ())
    cdef list buffers
    while g.next():
        buffers = g.states[0] if momentum != 0 else None
        lacking = [i for i, buffer in enumerate(buffers) if buffer is None] if g.lacks else ()
        K.sgd_step(g.params, g.grads, buffers, group["lr"], momentum, group["dampening"], group["weight_decay"],
                   group["nesterov"], group["maximize"])
        for i in lacking:
            made = buffers[i]
            if np.PyArray_ISCOMPLEX((<Tensor>g.tensors[i]).array):
                made = numpy.ascontiguousarray(made).view((<Tensor>g.tensors[i]).array.dtype)[..., 0]
            state[g.tensors[i]]["momentum_buffer"] = wrap(numpy.asarray(made))
        g.changed()


def adam(dict group, state, plans=None):
    """One step of Adam or, with decoupled_weight_decay, AdamW."""
    cdef bint amsgrad = group["amsgrad"]
    cdef Gathered g = gather(group, state, plans, AMSGRAD if amsgrad else ADAM)
    cdef tuple s
    beta1, beta2 = group["betas"]
    while g.next():
        s = g.states
        adam_kernels.adam_step(g.params, g.grads, s[1], s[2], s[3] if amsgrad else None, s[0], group["lr"], beta1,
                               beta2, group["eps"], group["weight_decay"], group["decoupled_weight_decay"],
                               group["maximize"])
        g.changed()


def adamax(dict group, state, plans=None):
    """One Adamax step."""
    cdef Gathered g = gather(group, state, plans, ADAMAX)
    beta1, beta2 = group["betas"]
    while g.next():
        steps, averages, largest = g.states
        adam_kernels.adamax_step(g.params, g.grads, averages, largest, steps, group["lr"], beta1, beta2, group["eps"],
                                 group["weight_decay"], group["maximize"])
        g.changed()


def nadam(dict group, state, plans=None):
    """One NAdam step."""
    cdef Gathered g = gather(group, state, plans, NADAM)
    beta1, beta2 = group["betas"]
    while g.next():
        steps, products, averages, squares = g.states
        adam_kernels.nadam_step(g.params, g.grads, averages, squares, products, steps, group["lr"], beta1, beta2,
                                group["eps"], group["weight_decay"], group["momentum_decay"],
                                group["decoupled_weight_decay"], group["maximize"])
        g.changed()


def radam(dict group, state, plans=None):
    """One RAdam step."""
    cdef Gathered g = gather(group, state, plans, ADAM)
    beta1, beta2 = group["betas"]
    while g.next():
        steps, averages, squares = g.states
        adam_kernels.radam_step(g.params, g.grads, averages, squares, steps, group["lr"], beta1, beta2, group["eps"],
                                group["weight_decay"], group["decoupled_weight_decay"], group["maximize"])
        g.changed()


def adagrad(dict group, state, plans=None):
    """One Adagrad step."""
    cdef Gathered g = gather(group, state, plans, adagrad_layout(group))
    while g.next():
        steps, sums = g.states
        K.adagrad_step(g.params, g.grads, sums, steps, group["lr"], group["lr_decay"], group["weight_decay"],
                       group["eps"], group["maximize"])
        g.changed()


cdef tuple adagrad_layout(dict group):
    return (STEP, ("sum", LIKE, float(group["initial_accumulator_value"])))


def init_adagrad(dict group, state):
    """Adagrad's state, which is there before the first step."""
    cdef Gathered g = gather(group, state, None, adagrad_layout(group))
    g.tensors = group["params"]
    g.find_states()


def rmsprop(dict group, state, plans=None):
    """One RMSprop step."""
    cdef double momentum = group["momentum"]
    cdef bint centered = group["centered"]
    cdef tuple s, layout = RMSPROP
    if momentum > 0:
        layout += MOMENTUM_OF_ZEROS
    if centered:
        layout += GRAD_AVG
    cdef Gathered g = gather(group, state, plans, layout)
    while g.next():
        s = g.states
        K.rmsprop_step(g.params, g.grads, s[1], s[len(s) - 1] if centered else None, s[2] if momentum > 0 else None,
                       s[0], group["lr"], group["alpha"], group["eps"], group["weight_decay"], momentum,
                       group["maximize"])
        g.changed()


def adadelta(dict group, state, plans=None):
    """One Adadelta step."""
    cdef Gathered g = gather(group, state, plans, ADADELTA)
    while g.next():
        steps, squares, changes = g.states
        K.adadelta_step(g.params, g.grads, squares, changes, steps, group["lr"], group["rho"], group["eps"],
                        group["weight_decay"], group["maximize"])
        g.changed()


def rprop(dict group, state, plans=None):
    """One Rprop step."""
    cdef Gathered g = gather(group, state, plans,
                             (STEP, ("prev", LIKE, 0), ("step_size", LIKE, float(group["lr"]))))
    minus, plus = group["etas"]
    low, high = group["step_sizes"]
    while g.next():
        steps, last, sizes = g.states
        K.rprop_step(g.params, g.grads, last, sizes, steps, minus, plus, low, high, group["maximize"])
        g.changed()


def asgd(dict group, state, plans=None):
    """One ASGD step."""
    cdef Gathered g = gather(group, state, plans,
                             (STEP, ("eta", NUMBER, float(group["lr"])), ("mu", NUMBER, 1), ("ax", LIKE, 0)))
    while g.next():
        steps, etas, mus, averages = g.states
        K.asgd_step(g.params, g.grads, averages, mus, etas, steps, group["lr"], group["lambd"], group["alpha"],
                    group["t0"], group["weight_decay"], group["maximize"])
        g.changed()


def adafactor(dict group, state, plans=None):
    """One Adafactor step. A matrix' state has other shapes than the parameter."""
    cdef Gathered g = gather(group, state, None, (STEP,))
    cdef Tensor tensor
    cdef dict own
    eps1, eps2 = group["eps"]
    while g.next():
        rows, cols, variances = [], [], []
        for item in g.tensors:
            tensor = <Tensor>item
            if np.PyArray_ISCOMPLEX(tensor.array):
                raise RuntimeError("Adafactor does not support complex parameters")
            own, shape = state[tensor], (<object>tensor.array).shape
            shapes = ({"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])} if len(shape) > 1
                      else {"variance": shape})
            for name in shapes:
                if name not in own:
                    own[name] = wrap(numpy.zeros(shapes[name], tensor.array.dtype))
            for name, arrays in (("row_var", rows), ("col_var", cols), ("variance", variances)):
                arrays.append((<Tensor?>own[name]).array if name in shapes else None)
        factor_kernels.adafactor_step(g.params, g.grads, rows, cols, variances, g.states[0], group["lr"],
                                      group["beta2_decay"], eps1, eps2, group["d"], group["weight_decay"],
                                      group["maximize"])
        g.changed()


# ---- all parameters as one vector ----

def flat_grad(list tensors):
    """The gradients side by side; zeros where there is none."""
    cdef Tensor tensor
    cdef list parts = []
    for item in tensors:
        tensor = <Tensor?>item
        parts.append(pairs((zeros_like(tensor) if tensor.grad_ is None else <Tensor>tensor.grad_).array).ravel())
    return numpy.concatenate(parts)


def move(list tensors, np.ndarray update, double factor):
    """p += factor * update, each parameter with its part of the vector."""
    cdef Tensor tensor
    cdef dict kinds = {}
    cdef Py_ssize_t start = 0, size
    for item in tensors:
        tensor = <Tensor?>item
        values = pairs(tensor.array)
        size = values.size
        params, parts = kinds.setdefault(values.dtype.num, ([], []))
        params.append(values)
        parts.append(update[start:start + size].reshape(values.shape).astype(values.dtype, copy=False))
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


def apart(list tensors):
    """The parameters that a step of arrays does not take: with sparse gradients, in half precision."""
    cdef Tensor tensor
    cdef list found = []
    cdef int number
    for item in tensors:
        tensor = <Tensor?>item
        if tensor.grad_ is not None:
            number = np.PyArray_TYPE(tensor.array)
            if not np.PyArray_CheckExact((<Tensor>tensor.grad_).array) or number == np.NPY_FLOAT16 \
                    or number == np.NPY_VOID:
                found.append(tensor)
    return found


def zero_grad(list tensors, bint set_to_none):
    """Drop the gradients of these parameters, or fill them with zeros."""
    cdef Tensor tensor, grad
    for item in tensors:
        tensor = <Tensor?>item
        if set_to_none:
            tensor.grad_ = None
        elif tensor.grad_ is not None:
            grad = <Tensor>tensor.grad_
            if not np.PyArray_CheckExact(grad.array):
                tensor.grad_ = grad.detach().zero_()
                continue
            if grad.node is not None:
                tensor.grad_ = grad = wrap(grad.array.copy())
            grad.leaf_requires_grad = False
            grad.array.fill(0)
            grad.bump()
