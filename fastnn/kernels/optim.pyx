"""One step of an optimizer: one call for all parameters of a model, in place.

Every function takes lists of arrays, the i-th of each belonging to parameter i, all of one dtype (float32 or float64)
and, for one parameter, of one shape; arrays must not overlap. `steps` are float32 arrays of one element that count the
parameter's steps, increased here before use. Formulas and their order are PyTorch's.
"""
cimport numpy as np
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t

from fastnn.kernels cimport _core
from fastnn.errors import DTypeError, ShapeError
from fastnn.reference import optim as reference

np.import_array()

cdef extern from *:
    """
    /* Contiguous, aligned, writeable, in native byte order, of this type. */
    static int fnn_is_plain(PyObject *o, int typenum, int flags) {
        PyArrayObject *a = (PyArrayObject *)o;
        return PyArray_Check(o) && PyArray_CHKFLAGS(a, flags) && PyArray_TYPE(a) == typenum &&
               PyArray_ISNOTSWAPPED(a);
    }
    static int fnn_same_shape(PyObject *a, PyObject *b) {
        PyArrayObject *x = (PyArrayObject *)a, *y = (PyArrayObject *)b;
        int ndim = PyArray_NDIM(x), same = ndim == PyArray_NDIM(y);
        for (int i = 0; same && i < ndim; i++)
            same = PyArray_DIM(x, i) == PyArray_DIM(y, i);
        return same;
    }
    static void *fnn_data(PyObject *a) { return PyArray_DATA((PyArrayObject *)a); }
    static npy_intp fnn_size(PyObject *a) {
        npy_intp size = 1;
        for (int i = 0; i < PyArray_NDIM((PyArrayObject *)a); i++)
            size *= PyArray_DIM((PyArrayObject *)a, i);
        return size;
    }
    """
    PyObject *PyList_GetItem "PyList_GET_ITEM"(object list, Py_ssize_t i) nogil  # borrowed, so not counted
    bint fnn_is_plain(PyObject *array, int typenum, int flags) nogil
    bint fnn_same_shape(PyObject *a, PyObject *b) nogil
    void *fnn_data(PyObject *array) nogil
    np.npy_intp fnn_size(PyObject *array) nogil


cdef class Tables:
    """Pointers to the arrays of all parameters, sizes, and copies of those that are not contiguous."""

    def __dealloc__(self):
        PyMem_Free(self.memory)

    cdef int start(self, str op, list params, list grads) except -1:
        cdef Py_ssize_t i
        self.op = op
        self.arrays = params
        self.count = PyList_GET_SIZE(params)
        if self.count <= FEW:
            self.next = self.few
        else:
            self.memory = PyMem_Malloc(self.count * (MOST_TABLES + 2) * sizeof(void *))
            if self.memory == NULL:
                raise MemoryError(f"{op}: {self.count} parameters")
            self.next = <void **>self.memory
        self.sizes = <int64_t *>self.next
        self.next += self.count
        self.typenum = np.NPY_FLOAT
        if self.count:
            first = params[0]
            if not isinstance(first, np.ndarray):
                raise TypeError(f"{op}: expected arrays as params, got {type(first).__name__}")
            self.kind = _core.real_kind(first, op)
            self.typenum = np.PyArray_TYPE(<np.ndarray>first)
        self.params = self.add(params, "params", True)
        for i in range(self.count):
            self.sizes[i] = fnn_size(PyList_GetItem(params, i))
        self.grads = self.add(grads, "grads", False)
        return 0

    cdef int check_count(self, list arrays, str name) except -1:
        if arrays is None or PyList_GET_SIZE(arrays) != self.count:
            raise ShapeError(f"{self.op}: expected {self.count} {name}, one for each parameter, got "
                             f"{'None' if arrays is None else len(arrays)}")
        return 0

    cdef void **add(self, list arrays, str name, bint writeable) except NULL:
        """A table of the pointers to `arrays`, one for each parameter."""
        cdef void **table = self.next
        cdef int flags = np.NPY_ARRAY_CARRAY if writeable else np.NPY_ARRAY_CARRAY_RO
        cdef Py_ssize_t i
        cdef PyObject *item
        self.next += self.count
        self.check_count(arrays, name)
        for i in range(self.count):
            item = PyList_GetItem(arrays, i)
            if fnn_is_plain(item, self.typenum, flags):
                table[i] = fnn_data(item)
            else:
                table[i] = self.copy(<object>item, i, name, writeable)
            if not fnn_same_shape(item, PyList_GetItem(self.arrays, i)):
                raise ShapeError(f"{self.op}: expected {name}[{i}] of shape {self.arrays[i].shape}, got "
                                 f"{(<object>item).shape}")
        return table

    cdef void **add_shaped(self, list arrays, list shapes, str name) except NULL:
        """A table of the pointers to writeable arrays of these shapes; NULL where the shape is None."""
        cdef void **table = self.next
        cdef Py_ssize_t i
        self.next += self.count
        self.check_count(arrays, name)
        for i in range(self.count):
            array, shape = arrays[i], shapes[i]
            if shape is None:
                table[i] = NULL
                continue
            if fnn_is_plain(<PyObject *>array, self.typenum, np.NPY_ARRAY_CARRAY):
                table[i] = fnn_data(<PyObject *>array)
            else:
                table[i] = self.copy(array, i, name, True)
            if array.shape != shape:
                raise ShapeError(f"{self.op}: expected {name}[{i}] of shape {shape}, got {array.shape}")
        return table

    cdef void *copy(self, object array, Py_ssize_t i, str name, bint writeable) except? NULL:
        cdef np.ndarray plain
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{self.op}: expected an array as {name}[{i}], got {type(array).__name__}")
        if np.PyArray_TYPE(array) != self.typenum or not array.dtype.isnative:
            raise DTypeError(f"{self.op}: expected {name}[{i}] of dtype {self.arrays[0].dtype}, got {array.dtype}")
        if writeable and not array.flags.writeable:
            raise ValueError(f"{self.op}: {name}[{i}] is read-only")
        plain = array.copy()
        if self.kept is None:
            self.kept, self.changed = [], []
        self.kept.append(plain)
        if writeable:
            self.changed.append((array, plain))
        return np.PyArray_DATA(plain)

    cdef float **add_numbers(self, list numbers, str name) except NULL:
        """A table of the pointers to float32 arrays of one element each."""
        cdef void **table = self.next
        cdef Py_ssize_t i
        cdef PyObject *item
        self.next += self.count
        self.check_count(numbers, name)
        for i in range(self.count):
            item = PyList_GetItem(numbers, i)
            if not fnn_is_plain(item, np.NPY_FLOAT, np.NPY_ARRAY_CARRAY) or fnn_size(item) != 1:
                raise DTypeError(f"{self.op}: expected {name}[{i}] to be a writeable float32 array of one element, got "
                                 f"{<object>item!r}")
            table[i] = fnn_data(item)
        return <float **>table

    cdef int finish(self) except -1:
        if self.changed is not None:
            for array, plain in self.changed:
                array[...] = plain
        return 0


cdef Tables tables_of(str op, list params, list grads):
    cdef Tables tables = Tables.__new__(Tables)
    tables.start(op, params, grads)
    return tables


cpdef sgd_step(list params, list grads, list momentum_buffers, double lr, double momentum=0.0, double dampening=0.0,
               double weight_decay=0.0, bint nesterov=False, bint maximize=False):
    """Stochastic gradient descent, in place on `params` and `momentum_buffers`.

    ``g = sign * grad + weight_decay * p``; ``buffer = momentum * buffer + (1 - dampening) * g`` (on the first step
    ``g``); ``p -= lr * (g + momentum * buffer if nesterov else buffer)``.

    Parameters
    ----------
    params, grads : lists of arrays
    momentum_buffers : list of arrays or None, or None
        Not read when momentum is 0. An entry that is None is replaced by a new array: the parameter's first step.
    """
    if _core.use_reference:
        return reference.sgd_step(params, grads, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov,
                                  maximize)
    cdef Tables tables = tables_of("sgd_step", params, grads)
    cdef void **buffers = NULL
    cdef uint8_t few[FEW]
    cdef uint8_t *first = few
    cdef list firsts = None
    cdef Py_ssize_t i
    if momentum != 0:
        tables.check_count(momentum_buffers, "momentum_buffers")
        if tables.count > FEW:
            first = <uint8_t *>tables.next
            tables.next += tables.count
        for i in range(tables.count):
            first[i] = PyList_GetItem(momentum_buffers, i) == <PyObject *>None
            if first[i]:
                if firsts is None:
                    firsts = list(momentum_buffers)
                firsts[i] = _core.new_like(params[i], tables.typenum)
        buffers = tables.add(momentum_buffers if firsts is None else firsts, "momentum_buffers", True)
    with nogil:
        _core.active[tables.kind].sgd_step(tables.params, tables.grads, buffers, first, tables.sizes, tables.count, lr,
                                           momentum, dampening, weight_decay, nesterov, maximize)
    _core.check_interrupt()
    tables.finish()
    if firsts is not None:
        momentum_buffers[:] = firsts


cpdef adagrad_step(list params, list grads, list sums, list steps, double lr, double lr_decay=0.0,
                   double weight_decay=0.0, double eps=1e-10, bint maximize=False):
    """Adagrad, in place on `params`, `sums` and `steps`.

    ``g = sign * grad + weight_decay * p``; ``sum += g**2``;
    ``p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(sum) + eps)``.
    """
    if _core.use_reference:
        return reference.adagrad_step(params, grads, sums, steps, lr, lr_decay, weight_decay, eps, maximize)
    cdef Tables tables = tables_of("adagrad_step", params, grads)
    cdef void **sum_table = tables.add(sums, "sums", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].adagrad_step(tables.params, tables.grads, sum_table, step_table, tables.sizes,
                                               tables.count, lr, lr_decay, weight_decay, eps, maximize)
    _core.check_interrupt()
    tables.finish()


cpdef rmsprop_step(list params, list grads, list square_avgs, list grad_avgs, list momentum_buffers, list steps,
                   double lr, double alpha=0.99, double eps=1e-8, double weight_decay=0.0, double momentum=0.0,
                   bint maximize=False):
    """RMSprop, in place on `params`, all state and `steps`.

    ``g = sign * grad + weight_decay * p``; ``square_avg = alpha * square_avg + (1 - alpha) * g**2``;
    ``change = g / (sqrt(square_avg - grad_avg**2) + eps)``; ``buffer = momentum * buffer + change``;
    ``p -= lr * buffer``.

    Parameters
    ----------
    grad_avgs : list of arrays or None
        Averages of the gradients, for the centered variant; None: the plain variant.
    momentum_buffers : list of arrays or None
        Not read when momentum is 0.
    """
    if _core.use_reference:
        return reference.rmsprop_step(params, grads, square_avgs, grad_avgs, momentum_buffers, steps, lr, alpha, eps,
                                      weight_decay, momentum, maximize)
    cdef Tables tables = tables_of("rmsprop_step", params, grads)
    cdef void **grad_avg_table = NULL
    cdef void **buffer_table = NULL
    cdef void **square_avg_table = tables.add(square_avgs, "square_avgs", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    if grad_avgs is not None:
        grad_avg_table = tables.add(grad_avgs, "grad_avgs", True)
    if momentum > 0:
        buffer_table = tables.add(momentum_buffers, "momentum_buffers", True)
    with nogil:
        _core.active[tables.kind].rmsprop_step(tables.params, tables.grads, square_avg_table, grad_avg_table,
                                               buffer_table, step_table, tables.sizes, tables.count, lr, alpha, eps,
                                               weight_decay, momentum, maximize)
    _core.check_interrupt()
    tables.finish()


cpdef adadelta_step(list params, list grads, list square_avgs, list acc_deltas, list steps, double lr, double rho=0.9,
                    double eps=1e-6, double weight_decay=0.0, bint maximize=False):
    """Adadelta, in place on `params`, all state and `steps`.

    ``g = sign * grad + weight_decay * p``; ``square_avg = rho * square_avg + (1 - rho) * g**2``;
    ``change = sqrt(acc_delta + eps) / sqrt(square_avg + eps) * g``;
    ``acc_delta = rho * acc_delta + (1 - rho) * change**2``; ``p -= lr * change``.
    """
    if _core.use_reference:
        return reference.adadelta_step(params, grads, square_avgs, acc_deltas, steps, lr, rho, eps, weight_decay,
                                       maximize)
    cdef Tables tables = tables_of("adadelta_step", params, grads)
    cdef void **square_avg_table = tables.add(square_avgs, "square_avgs", True)
    cdef void **acc_delta_table = tables.add(acc_deltas, "acc_deltas", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].adadelta_step(tables.params, tables.grads, square_avg_table, acc_delta_table,
                                                step_table, tables.sizes, tables.count, lr, rho, eps, weight_decay,
                                                maximize)
    _core.check_interrupt()
    tables.finish()


cpdef rprop_step(list params, list grads, list prevs, list step_sizes, list steps, double etaminus=0.5,
                 double etaplus=1.2, double step_size_min=1e-6, double step_size_max=50.0, bint maximize=False):
    """Resilient backpropagation, in place on `params`, all state and `steps`.

    ``g = sign * grad``; step_size is multiplied by `etaplus` where ``g * prev > 0``, by `etaminus` where it is
    negative, and clamped; there ``g = 0``; ``p -= sign(g) * step_size``; ``prev = g``.
    """
    if _core.use_reference:
        return reference.rprop_step(params, grads, prevs, step_sizes, steps, etaminus, etaplus, step_size_min,
                                    step_size_max, maximize)
    cdef Tables tables = tables_of("rprop_step", params, grads)
    cdef void **prev_table = tables.add(prevs, "prevs", True)
    cdef void **size_table = tables.add(step_sizes, "step_sizes", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].rprop_step(tables.params, tables.grads, prev_table, size_table, step_table,
                                             tables.sizes, tables.count, etaminus, etaplus, step_size_min,
                                             step_size_max, maximize)
    _core.check_interrupt()
    tables.finish()


cpdef asgd_step(list params, list grads, list axs, list mus, list etas, list steps, double lr, double lambd=1e-4,
                double alpha=0.75, double t0=1e6, double weight_decay=0.0, bint maximize=False):
    """Averaged stochastic gradient descent, in place on `params`, all state and `steps`.

    ``g = sign * grad + weight_decay * p``; ``p = (1 - lambd * eta) * p - eta * g``; ``ax += (p - ax) * mu``; for the
    next step ``eta = lr / (1 + lambd * lr * step)**alpha``, ``mu = 1 / max(1, step - t0)``.

    Parameters
    ----------
    axs : list of arrays
        The averages.
    mus, etas : list of arrays
        float32 arrays of one element.
    """
    if _core.use_reference:
        return reference.asgd_step(params, grads, axs, mus, etas, steps, lr, lambd, alpha, t0, weight_decay, maximize)
    cdef Tables tables = tables_of("asgd_step", params, grads)
    cdef void **ax_table = tables.add(axs, "axs", True)
    cdef float **mu_table = tables.add_numbers(mus, "mus")
    cdef float **eta_table = tables.add_numbers(etas, "etas")
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].asgd_step(tables.params, tables.grads, ax_table, mu_table, eta_table, step_table,
                                            tables.sizes, tables.count, lr, lambd, alpha, t0, weight_decay, maximize)
    _core.check_interrupt()
    tables.finish()
