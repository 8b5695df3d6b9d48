"""The extension that links the C kernels: instruction sets, threads, memory, and what wrappers share."""
cimport numpy as np

from cpython.object cimport PyObject

from fastnn.errors import DTypeError, OutOfMemoryError, ShapeError

cdef extern from "fastnn.h":
    enum:
        MAX_NDIM "FNN_MAX_NDIM"
    fnn_kernels *fnn_active
    int fnn_available(const char **names, int capacity)
    int fnn_select(const char *isa)
    const char *fnn_best()
    const char **fnn_kernel_names
    const char **fnn_unary_names
    const char **fnn_loss_names
    const int *fnn_unary_saves
    const char **fnn_conv_names
    int fnn_conv_forced
    const char **fnn_binary_names
    const char **fnn_compare_names
    void fnn_set_num_threads(int n)
    int fnn_get_num_threads()
    int fnn_limit_this_thread(int n) nogil
    int fnn_openmp_version()
    const char *const fnn_compiler
    const char *const fnn_compiler_flags
    int fnn_has_threads()
    void fnn_set_flush_denormal(int on)
    int fnn_get_flush_denormal()

cdef extern from "parallel.h":
    double fnn_thread_cost
    void fnn_set_look(int (*look)() noexcept nogil)
    void fnn_resume()
    int fnn_interrupted() nogil
    int fnn_interrupted_between() nogil
    int fnn_threads_for(double work) nogil
    void fnn_run_blocks(int threads, double work, int64_t n, int64_t grain, range_of_work range, void *context,
                        int sliced) nogil
    void fnn_spoil_stacks() nogil

cdef extern from "memory.h":
    void *fnn_realloc(void *pointer, size_t size) nogil
    size_t fnn_cached_bytes()
    void fnn_empty_cache()
    void fnn_set_guard(int on)
    size_t fnn_guard_damage()
    void fnn_fail_after(long count)

cdef extern from *:
    """
    #include "memory.h"
    /* NumPy's allocator interface over fnn_alloc: arrays own their buffers as any array does. */
    static void *fnn_np_malloc(void *ctx, size_t size) { (void)ctx; return fnn_alloc(size); }
    static void *fnn_np_calloc(void *ctx, size_t n, size_t size) {
        size_t bytes;
        (void)ctx;
        if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
        void *p = fnn_alloc(bytes);
        if (p) memset(p, 0, bytes);
        return p;
    }
    static void *fnn_np_realloc(void *ctx, void *p, size_t size) { (void)ctx; return fnn_realloc(p, size); }
    static void fnn_np_free(void *ctx, void *p, size_t size) { (void)ctx; (void)size; fnn_free(p); }
    static PyDataMem_Handler fnn_handler = {
        "fastnn", 1, {NULL, fnn_np_malloc, fnn_np_calloc, fnn_np_realloc, fnn_np_free}};
    static PyObject *fnn_new_handler(void) { return PyCapsule_New(&fnn_handler, "mem_handler", NULL); }
    /* The array takes over a buffer of fnn_alloc. */
    static void fnn_own(PyArrayObject *array, PyObject *handler) {
        PyArrayObject_fields *fields = (PyArrayObject_fields *)array;
        Py_INCREF(handler);
        Py_XSETREF(fields->mem_handler, handler);
        PyArray_ENABLEFLAGS(array, NPY_ARRAY_OWNDATA);
    }
    static PyObject *fnn_no_memory;  /* OutOfMemoryError */
    static PyArrayObject *fnn_new_array(int ndim, npy_intp *shape, npy_intp *strides, int typenum,
                                        PyObject *handler) {
        PyArray_Descr *descr = PyArray_DescrFromType(typenum);
        if (!descr) return NULL;
        size_t bytes = (size_t)PyDataType_ELSIZE(descr);
        for (int i = 0; i < ndim; i++)
            if (shape[i] < 0 || __builtin_mul_overflow(bytes, (size_t)shape[i], &bytes) || bytes > NPY_MAX_INTP) {
                Py_DECREF(descr);
                PyErr_SetString(PyExc_ValueError, "array is too big or has a negative size");
                return NULL;
            }
        void *data = fnn_alloc(bytes);
        if (!data) {
            Py_DECREF(descr);
            PyErr_Format(fnn_no_memory, "can't allocate memory: you tried to allocate %zu bytes", bytes);
            return NULL;
        }
        PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, shape, strides, data, NPY_ARRAY_CARRAY,
                                               NULL);
        if (!array) { fnn_free(data); return NULL; }
        fnn_own((PyArrayObject *)array, handler);
        return (PyArrayObject *)array;
    }
    """
    PyObject *fnn_no_memory
    object fnn_new_handler()
    np.ndarray fnn_new_array(int ndim, np.npy_intp *shape, np.npy_intp *strides, int typenum, object handler)

cdef extern from *:
    """
    /* The exception of a signal's handler that ran during a kernel, until the kernel's wrapper raises it; handlers run
     * on one thread only, the main one. */
    static struct {
        unsigned long thread;
        PyObject *type, *value, *traceback;
    } fnn_raised;

    /* Called by long kernels on the thread that called them: whether a handler has raised. */
    static int fnn_look_for_signals(int *interrupted) {
        if (!PyGILState_GetThisThreadState())
            return 0;
        const PyGILState_STATE state = PyGILState_Ensure();
        const int raised = !PyErr_Occurred() && PyErr_CheckSignals() < 0;
        if (raised) {
            PyErr_Fetch(&fnn_raised.type, &fnn_raised.value, &fnn_raised.traceback);
            fnn_raised.thread = PyThread_get_thread_ident();
            *interrupted = 1;
        }
        PyGILState_Release(state);
        return raised;
    }

    static int fnn_raise(int *interrupted) {
        if (fnn_raised.thread != PyThread_get_thread_ident())
            return 0;
        *interrupted = 0;
        PyErr_Restore(fnn_raised.type, fnn_raised.value, fnn_raised.traceback);
        return -1;
    }
    """
    int fnn_look_for_signals(int *interrupted) noexcept nogil
    int fnn_raise(int *interrupted) except -1

np.import_array()

cdef object handler = fnn_new_handler()
fnn_no_memory = <PyObject *>OutOfMemoryError
fnn_select(b"baseline")
active = fnn_active
use_reference = False


# ---- for the other kernel modules ----

cdef np.ndarray new_array(int ndim, np.npy_intp *shape, int typenum):
    return fnn_new_array(ndim, shape, NULL, typenum, handler)


cdef np.ndarray new_like(np.ndarray array, int typenum):
    return fnn_new_array(np.PyArray_NDIM(array), np.PyArray_DIMS(array), NULL, typenum, handler)


cdef bint memory_order(np.ndarray array, int *order) noexcept:
    cdef int ndim = np.PyArray_NDIM(array), i, j, n = 0
    cdef np.npy_intp *strides = np.PyArray_STRIDES(array)
    cdef np.npy_intp *shape = np.PyArray_DIMS(array)
    cdef bint changed = False
    if ndim > MAX_NDIM:
        return False
    for i in range(ndim):
        if shape[i] != 1:
            if strides[i] <= 0:
                return False
            j = n
            n += 1
            while j > 0 and strides[order[j - 1]] < strides[i]:
                order[j] = order[j - 1]
                j -= 1
                changed = True
            order[j] = i
    for i in range(ndim):  # axes of one element may stand anywhere
        if shape[i] == 1:
            order[n] = i
            n += 1
    return changed


cdef bint has_no_gaps(np.ndarray array) noexcept:
    cdef int order[MAX_NDIM]
    cdef int i
    cdef np.npy_intp step = np.PyArray_ITEMSIZE(array)
    if np.PyArray_ISCARRAY_RO(array):
        return True
    if not np.PyArray_ISBEHAVED_RO(array) or not memory_order(array, order):
        return False
    for i in range(np.PyArray_NDIM(array) - 1, -1, -1):
        if np.PyArray_DIM(array, order[i]) != 1:
            if np.PyArray_STRIDE(array, order[i]) != step:
                return False
            step *= np.PyArray_DIM(array, order[i])
    return True


cdef np.ndarray new_in_order(np.ndarray array, int typenum):
    cdef int order[MAX_NDIM]
    cdef np.npy_intp strides[MAX_NDIM]
    cdef int ndim = np.PyArray_NDIM(array), i
    cdef np.npy_intp *shape = np.PyArray_DIMS(array)
    cdef np.npy_intp step
    if not memory_order(array, order):
        return new_like(array, typenum)
    step = 8 if typenum == np.NPY_DOUBLE else 4 if typenum == np.NPY_FLOAT else 1
    for i in range(ndim - 1, -1, -1):
        strides[order[i]] = step
        step *= shape[order[i]]
    return fnn_new_array(ndim, shape, strides, typenum, handler)


cdef np.ndarray laid_out_as(np.ndarray array, np.ndarray other):
    cdef int i
    cdef np.npy_intp *shape = np.PyArray_DIMS(array)
    if np.PyArray_ISCARRAY_RO(other):
        return contiguous(array)
    if np.PyArray_ISBEHAVED_RO(array):
        for i in range(np.PyArray_NDIM(array)):
            if shape[i] != 1 and np.PyArray_STRIDES(array)[i] != np.PyArray_STRIDES(other)[i]:
                break
        else:
            return array
    cdef np.ndarray copied = fnn_new_array(np.PyArray_NDIM(array), shape, np.PyArray_STRIDES(other),
                                           np.PyArray_TYPE(array), handler)
    np.PyArray_CopyInto(copied, array)
    return copied


cdef int real_kind(np.ndarray array, str op) except -1:
    if array is None:  # Cython lets None pass for any array
        raise DTypeError(f"{op}: expected a float32 or float64 array, got None")
    cdef int typenum = np.PyArray_TYPE(array)
    if typenum == np.NPY_FLOAT:
        return FNN_F32
    if typenum == np.NPY_DOUBLE:
        return FNN_F64
    raise DTypeError(f"{op}: expected a float32 or float64 array, got {array.dtype}")


cdef int same_real_kind(np.ndarray x, np.ndarray y, str op) except -1:
    if x is None or y is None:
        raise DTypeError(f"{op}: expected two float32 or float64 arrays, got None")
    if np.PyArray_TYPE(x) != np.PyArray_TYPE(y):
        raise DTypeError(f"{op}: expected arrays of one dtype, got {x.dtype} and {y.dtype}")
    return real_kind(x, op)


cdef int check_shape(str op, str what, np.ndarray x, np.ndarray array, int ndim, const np.npy_intp *shape) except -1:
    cdef int i
    same_real_kind(x, array, op)
    cdef bint fits = np.PyArray_NDIM(array) == ndim
    if fits:
        for i in range(ndim):
            fits = fits and np.PyArray_DIM(array, i) == shape[i]
    if not fits:
        raise ShapeError(f"{op}: expected {what} {tuple([shape[i] for i in range(ndim)])}, got "
                         f"{(<object>array).shape}")
    return 0


cdef int check_vector(str op, str what, np.ndarray x, np.ndarray array, np.npy_intp n) except -1:
    return check_shape(op, what, x, array, 1, &n)


cdef int check_alike(str op, str what, np.ndarray x, np.ndarray array) except -1:
    same_real_kind(x, array, op)
    return check_shape(op, what, x, array, np.PyArray_NDIM(x), np.PyArray_DIMS(x))


cdef np.ndarray contiguous(np.ndarray array):
    if np.PyArray_ISCARRAY_RO(array):
        return array
    return np.PyArray_FROMANY(array, np.PyArray_TYPE(array), 0, 0, np.NPY_ARRAY_CARRAY_RO)


cdef int look_for_signals() noexcept nogil:
    return fnn_look_for_signals(&interrupted)


fnn_set_look(look_for_signals)


cdef int raise_interrupt() except -1:
    fnn_resume()
    return fnn_raise(&interrupted)


cdef bint interrupted_between() noexcept nogil:
    return fnn_interrupted() or fnn_interrupted_between()


cdef void run_side_by_side(int64_t n, double work, range_of_work range, void *context) noexcept nogil:
    fnn_run_blocks(fnn_threads_for(work), work, n, 1, range, context, 1)


cdef int limit_this_thread(int n) noexcept nogil:
    return fnn_limit_this_thread(n)


cdef void *take_memory(size_t size) noexcept nogil:
    return fnn_alloc(size)


cdef void give_memory(void *memory) noexcept nogil:
    fnn_free(memory)


cdef int failed(int status, str op) except -1:
    if status == FNN_NO_IMPLEMENTATION:
        raise ValueError(f"{op}: {conv_implementations()[fnn_conv_forced]} does not fit this call")
    raise MemoryError(f"{op}: no memory for scratch")


# ---- for Python ----

def empty(shape, typenum):
    """An uninitialised array whose buffer comes from the cache; `typenum` is NumPy's type number."""
    cdef np.npy_intp dims[64]
    cdef int i, ndim = len(shape)
    for i in range(ndim):
        dims[i] = shape[i]
    return new_array(ndim, dims, typenum)


def available_isas():
    """Instruction sets that were built and that this CPU supports, slowest first."""
    cdef const char *names[8]
    cdef int i, count = fnn_available(names, 8)
    return [names[i].decode() for i in range(count)]


def get_isa():
    """The instruction set whose kernels are in use."""
    return active[FNN_F32].isa.decode()


def set_isa(name):
    """Use the kernels built for instruction set `name`; ValueError if it was not built or cannot run here."""
    if fnn_select(name.encode()) != 0:
        raise ValueError(f"set_isa: {name!r} is not available here; available: {', '.join(available_isas())}")


def best_isa():
    return fnn_best().decode()


def kernel_names():
    """Names of all C kernels."""
    names = []
    cdef int i = 0
    while fnn_kernel_names[i] != NULL:
        names.append(fnn_kernel_names[i].decode())
        i += 1
    return names


cdef list _names(const char **table):
    names = []
    cdef int i = 0
    while table[i] != NULL:
        names.append(table[i].decode())
        i += 1
    return names


def unary_names():
    """Names of the unary maps, in the order of their numbers."""
    return _names(<const char **>fnn_unary_names)


def binary_names():
    """Names of the binary maps, in the order of their numbers."""
    return _names(<const char **>fnn_binary_names)


def compare_names():
    """Names of the comparisons, in the order of their numbers."""
    return _names(<const char **>fnn_compare_names)


def loss_names():
    """Names of the losses of `pointwise_loss_forward`, in the order of their numbers."""
    return _names(<const char **>fnn_loss_names)


def unary_saves_flags():
    """What the backward of each unary map reads, in the order of `unary_names`: bit 0 is x, bit 1 is y."""
    return [fnn_unary_saves[i] for i in range(len(unary_names()))]


def conv_implementations():
    """Names of the implementations of convolution, in the order in which they are asked; for tests.

    Returns
    -------
    list of str
        The list of src_c/kernels/conv/conv.def; its README describes them. The last one does every call.
    """
    return _names(<const char **>fnn_conv_names)


class conv_implementation:
    """For tests: a context in which convolutions are done by one implementation, even where it does not pay.

    Parameters
    ----------
    name : str
        One of `conv_implementations`.

    Raises
    ------
    ValueError
        The name is unknown; or, by a call of `conv_forward`, `conv_backward_input` or `conv_backward_weight` within the
        context, the implementation cannot do that call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import kernels
    >>> with kernels.conv_implementation("implicit_gemm"):
    ...     kernels.conv_forward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """

    def __init__(self, name):
        if name not in conv_implementations():
            raise ValueError(f"conv_implementation: unknown implementation {name!r}; known: "
                             f"{', '.join(conv_implementations())}")
        self.number = conv_implementations().index(name)

    def __enter__(self):
        global conv_forced, fnn_conv_forced
        self.before = fnn_conv_forced
        fnn_conv_forced, conv_forced = self.number, True

    def __exit__(self, *_):
        global conv_forced, fnn_conv_forced
        fnn_conv_forced = self.before
        conv_forced = fnn_conv_forced >= 0


def set_use_reference(bint on):
    global use_reference
    use_reference = on


def get_use_reference():
    return bool(use_reference)


def set_num_threads(int n):
    fnn_set_num_threads(n)


def limit_threads(int n):
    """A further limit for kernels that this thread calls, 0 for none; returns the one before."""
    return fnn_limit_this_thread(n)


def get_num_threads():
    return fnn_get_num_threads()


def openmp_version():
    """The date of the OpenMP specification (`_OPENMP`), 0 when built without."""
    return fnn_openmp_version()


def compiler():
    """The compiler of the C kernels and the options that it was given, two strings."""
    return fnn_compiler.decode(), fnn_compiler_flags.decode()


def has_threads():
    """Whether kernels may run on several threads: OpenMP's, or those of `src_c/team.c` in a build without it."""
    return bool(fnn_has_threads())


def set_flush_denormal(bint on):
    fnn_set_flush_denormal(on)


def get_flush_denormal():
    return bool(fnn_get_flush_denormal())


def cached_bytes():
    return fnn_cached_bytes()


def empty_cache():
    fnn_empty_cache()


def set_guard(bint on):
    """For tests: surround new buffers by guard bytes and fill them with NaN."""
    fnn_set_guard(on)


def guard_damage():
    """For tests: how many guarded buffers were found damaged when freed, since the last call or `set_guard(True)`."""
    return fnn_guard_damage()


def spoil_stacks():
    """For tests: fill the stacks of this thread and of those that kernels use with NaN."""
    fnn_spoil_stacks()


def fail_after(long count):
    """For tests, while guards are on: no memory after `count` blocks more; -1: memory again."""
    fnn_fail_after(count)


def set_thread_cost(double nanoseconds):
    """For tests: the work that pays for one more thread; 0 splits whatever can be split. Returns the old value."""
    global fnn_thread_cost
    old = fnn_thread_cost
    fnn_thread_cost = nanoseconds
    return old
