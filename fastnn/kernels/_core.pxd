"""What the kernel modules share: the active table of C kernels, new arrays, and checks of arguments."""
cimport numpy as np
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef extern from "fastnn.h" nogil:
    int FNN_F32, FNN_F64, FNN_MAX_NDIM
    int FNN_NO_MEMORY, FNN_NO_IMPLEMENTATION
    ctypedef struct fnn_windows:
        int64_t outer, h, w, inner, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw
    ctypedef struct fnn_conv:
        int64_t n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left, dh, dw, groups

# The table of C kernels, made of src_c/kernels.def when the package is built.
include "_table.pxi"

cdef extern from "memory.h":
    void *fnn_alloc(size_t size) nogil
    void fnn_free(void *pointer) nogil

cdef const fnn_kernels *active   # active[FNN_F32] and active[FNN_F64]; set_isa changes what they hold
cdef bint conv_forced            # by conv_implementation, for tests: even where another kernel would do
cdef bint use_reference          # set by use_backend: wrappers then call the reference instead

# New arrays, uninitialised, C-contiguous, from the buffer cache. `typenum` is NumPy's (np.NPY_FLOAT, ...).
cdef np.ndarray new_array(int ndim, np.npy_intp *shape, int typenum)
cdef np.ndarray new_like(np.ndarray array, int typenum)
# The same for float32, float64 and bool, with its axes in memory in the order of the array's, as NumPy's and PyTorch's
# elementwise functions have it.
cdef np.ndarray new_in_order(np.ndarray array, int typenum)
# The axes by falling strides in `order`; whether that is another order than C's. No order with strides of 0 or below.
cdef bint memory_order(np.ndarray array, int *order) noexcept
# Whether the array can be walked as one block of memory, its axes in whatever order.
cdef bint has_no_gaps(np.ndarray array) noexcept
# The array itself, or a copy, with the strides of another one of its shape and item size that has no gaps.
cdef np.ndarray laid_out_as(np.ndarray array, np.ndarray other)

# Where an array's elements are; NULL for None.
cdef inline void *data(np.ndarray array) noexcept nogil:
    return np.PyArray_DATA(array) if array is not None else NULL

# 0 for float32, 1 for float64; DTypeError naming `op` for anything else.
cdef int real_kind(np.ndarray array, str op) except -1
# The same, when all arrays must agree.
cdef int same_real_kind(np.ndarray x, np.ndarray y, str op) except -1
# Checks that `array` has x's dtype, and this shape, (n,), or x's: errors that name `op` and `what`.
cdef int check_shape(str op, str what, np.ndarray x, np.ndarray array, int ndim, const np.npy_intp *shape) except -1
cdef int check_vector(str op, str what, np.ndarray x, np.ndarray array, np.npy_intp n) except -1
cdef int check_alike(str op, str what, np.ndarray x, np.ndarray array) except -1
# The array itself if C-contiguous, aligned and in native byte order, else such a copy.
cdef np.ndarray contiguous(np.ndarray array)
# After every kernel that can take long: raises what a signal's handler raised meanwhile (KeyboardInterrupt, say). Then
# the rest of the kernel was skipped.
cdef int interrupted
cdef int raise_interrupt() except -1
cdef inline int check_interrupt() except -1:
    return raise_interrupt() if interrupted else 0

# Between kernels of a loop without the GIL: whether a handler has raised; then the loop ends with check_interrupt.
cdef bint interrupted_between() noexcept nogil
# A further limit of threads for kernels that this thread calls, 0 for none; returns the one before.
cdef int limit_this_thread(int n) noexcept nogil

# range(context, begin, end) for parts of 0..n on several threads; what takes long within them looks for signals.
ctypedef void (*range_of_work)(void *context, int64_t begin, int64_t end) noexcept nogil
# `work` estimates the nanoseconds that all take on one thread.
cdef void run_side_by_side(int64_t n, double work, range_of_work range, void *context) noexcept nogil

# After every kernel that returns a status: MemoryError naming `op` if it got no scratch memory; ValueError if an
# implementation that tests ask for cannot do the call.
cdef int failed(int status, str op) except -1
cdef inline int check_status(int status, str op) except -1:
    check_interrupt()
    return failed(status, op) if status else 0

# Memory for loops without the GIL, as kernels get it, or NULL.
cdef void *take_memory(size_t size) noexcept nogil
cdef void give_memory(void *memory) noexcept nogil
