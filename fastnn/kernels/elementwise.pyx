"""Maps of one array, arithmetic and comparison of two with broadcasting, copies."""
cimport numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels import _core as core
from fastnn.reference import elementwise as reference

cdef extern from "fastnn.h":
    enum:
        FNN_UNARY_COUNT
        MAX_NDIM "FNN_MAX_NDIM"
        SAVES_X
        SAVES_Y
        FNN_leaky_relu
        FNN_elu
        SMALL "1024"  # elements: below, giving the GIL up costs more than the work

np.import_array()

cdef list names = core.unary_names()
cdef dict numbers = {name: number for number, name in enumerate(names)}
cdef int saved[FNN_UNARY_COUNT]  # SAVES_X, SAVES_Y, ... of each map
for _number, _flags in enumerate(core.unary_saves_flags()):
    saved[_number] = _flags


cpdef int unary_number(op) except -1:
    """The number of a unary map given by name or number."""
    if type(op) is int and 0 <= <Py_ssize_t>op < FNN_UNARY_COUNT:
        return op
    cdef object number = numbers.get(op)
    if number is not None:
        return number
    raise ValueError(f"unary: unknown map {op!r}; known: {', '.join(names)}")


cpdef str unary_saves(op):
    """Which arrays `unary_backward` reads for the map `op`: 'x', 'y', 'xy' or ''; the others may be None."""
    cdef int saves = saved[unary_number(op)]
    return ("x" if saves & SAVES_X else "") + ("y" if saves & SAVES_Y else "")


cpdef np.ndarray unary_forward(op, np.ndarray x, double a=0.0, double b=0.0):
    """y = f(x; a, b), element by element.

    Parameters
    ----------
    op : str or int
        A name or number of `unary_names()`: an activation or a mathematical function; what `a` and `b` mean
        for it (slope, alpha, bounds, exponent, ...) stands in `src_c/kernels/elementwise.def`.
    x : ndarray, float32 or float64
        Any shape and strides.

    Returns
    -------
    y : ndarray, new, shape and dtype of x, its axes in memory in the order of x's
    """
    return unary_map(unary_number(op), x, a, b)


cdef np.ndarray unary_map(int number, np.ndarray x, double a, double b):
    if _core.use_reference:
        return reference.unary_forward(names[number], x, a, b)
    cdef int kind = _core.real_kind(x, "unary_forward")
    cdef np.ndarray y
    if np.PyArray_ISCARRAY_RO(x):
        y = _core.new_like(x, np.PyArray_TYPE(x))
    else:
        y = _core.new_in_order(x, np.PyArray_TYPE(x))
        x = _core.laid_out_as(x, y)
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    if n < SMALL:
        _core.active[kind].unary_forward(number, py, px, n, a, b)
        return y
    with nogil:
        _core.active[kind].unary_forward(number, py, px, n, a, b)
    _core.check_interrupt()
    return y


cdef int _check_saved(np.ndarray array, np.ndarray grad, str name, int number) except -1:
    if array is None:
        raise ValueError(f"unary_backward: {names[number]} needs {name}, got None")
    if not np.PyArray_SAMESHAPE(array, grad):
        raise ShapeError(f"unary_backward: expected {name} of shape {(<object>grad).shape}, as grad has, "
                         f"got {(<object>array).shape}")
    _core.same_real_kind(grad, array, "unary_backward")
    return 0


cpdef np.ndarray unary_backward(op, np.ndarray grad, np.ndarray x, np.ndarray y, double a=0.0, double b=0.0):
    """dx = grad * f'(x; a, b), element by element.

    Parameters
    ----------
    op, a, b : as given to `unary_forward`
    grad : ndarray, float32 or float64
        Gradient with respect to y.
    x, y : ndarray or None
        Input and output of the forward map, shape and dtype of grad; only those that `unary_saves(op)` names
        are read.

    Returns
    -------
    dx : ndarray, new, shape and dtype of grad, its axes in memory in the order of y's or x's, if one is read
    """
    cdef int number = unary_number(op)
    if a < 0 and (number == FNN_leaky_relu or number == FNN_elu):
        raise ValueError(f"unary_backward: {names[number]} reads its gradient off y, which needs a >= 0, got a={a}; "
                         f"use {names[number]}{'_signed' if number == FNN_leaky_relu else '_of_x'}")
    if _core.use_reference:
        return reference.unary_backward(names[number], grad, x, y, a, b)
    cdef int kind = _core.real_kind(grad, "unary_backward")
    cdef int saves = saved[number]
    cdef void *px = NULL
    cdef void *py = NULL
    cdef np.ndarray leading = grad  # whose layout dx has: what was saved, as the gradient's may be any
    if saves & SAVES_X:
        _check_saved(x, grad, "x", number)
        leading = x
    if saves & SAVES_Y:
        _check_saved(y, grad, "y", number)
        leading = y
    cdef np.ndarray dx = _core.new_in_order(leading, np.PyArray_TYPE(grad))
    grad = _core.laid_out_as(grad, dx)
    if saves & SAVES_X:
        x = _core.laid_out_as(x, dx)
        px = np.PyArray_DATA(x)
    if saves & SAVES_Y:
        y = _core.laid_out_as(y, dx)
        py = np.PyArray_DATA(y)
    cdef int64_t n = np.PyArray_SIZE(grad)
    cdef void *pdx = np.PyArray_DATA(dx)
    cdef void *pdy = np.PyArray_DATA(grad)
    if n < SMALL:
        _core.active[kind].unary_backward(number, pdx, pdy, px, py, n, a, b)
        return dx
    with nogil:
        _core.active[kind].unary_backward(number, pdx, pdy, px, py, n, a, b)
    _core.check_interrupt()
    return dx


# ---- two arrays ----

cdef list binary_list = core.binary_names()
cdef list compare_list = core.compare_names()
cdef dict binary_numbers = {name: number for number, name in enumerate(binary_list)}
cdef dict compare_numbers = {name: number for number, name in enumerate(compare_list)}
binary_numbers.update({number: number for number in range(len(binary_list))})
compare_numbers.update({number: number for number in range(len(compare_list))})


cdef int number_of(dict numbers_of, op, str what) except -1:
    number = numbers_of.get(op)
    if number is None:
        known = ", ".join([name for name in numbers_of if isinstance(name, str)])
        raise ValueError(f"{what}: unknown operation {op!r}; known: {known}")
    return number


cdef inline np.ndarray behaved(np.ndarray array):
    """The array itself if the kernels can walk it by its strides, else a contiguous copy."""
    if np.PyArray_ISBEHAVED_RO(array):
        return array
    return _core.contiguous(array)


cdef int broadcast(int ndim, const np.npy_intp *shape, np.ndarray x, int64_t *strides) except -1:
    """Strides with which x is read as an array of `shape`; -1 without an exception set if it cannot be."""
    cdef int d, own = np.PyArray_NDIM(x), first = ndim - own
    cdef np.npy_intp *dims = np.PyArray_DIMS(x)
    cdef np.npy_intp *steps = np.PyArray_STRIDES(x)
    for d in range(first):
        strides[d] = 0
    for d in range(own):
        strides[first + d] = 0 if dims[d] == 1 else steps[d]
    return 0


cdef int common_shape(np.ndarray x, int ndim, np.npy_intp *shape) noexcept:
    """Widens `shape` (ndim dimensions, right-aligned, at least x's number) by x; 0 if they do not fit."""
    cdef int d, own = np.PyArray_NDIM(x), first = ndim - own
    cdef np.npy_intp *dims = np.PyArray_DIMS(x)
    for d in range(own):
        if dims[d] != shape[first + d]:
            if shape[first + d] == 1:
                shape[first + d] = dims[d]
            elif dims[d] != 1:
                return 0
    return 1


cdef int result_shape(str op, np.npy_intp *shape, np.ndarray x, np.ndarray y, np.ndarray z) except -1:
    """The common shape of two or three (z may be None) arrays; returns the number of dimensions."""
    cdef int d, fits, ndim = max(np.PyArray_NDIM(x), np.PyArray_NDIM(y))
    if z is not None:
        ndim = max(ndim, np.PyArray_NDIM(z))
    if ndim > MAX_NDIM:
        raise ShapeError(f"{op}: expected at most {MAX_NDIM} dimensions, got {ndim}")
    for d in range(ndim):
        shape[d] = 1
    fits = common_shape(x, ndim, shape) and common_shape(y, ndim, shape)
    if fits and z is not None:
        fits = common_shape(z, ndim, shape)
    if not fits:
        shapes = [(<object>array).shape for array in (x, y, z) if array is not None]
        raise ShapeError(f"{op}: expected shapes that broadcast together, got {' and '.join(map(str, shapes))}")
    return ndim


cdef bint _has_shape(np.ndarray x, int ndim, np.npy_intp *shape) noexcept:
    return np.PyArray_NDIM(x) == ndim and np.PyArray_CompareLists(np.PyArray_DIMS(x), shape, ndim)


cdef np.ndarray _result(int ndim, np.npy_intp *shape, np.ndarray x, np.ndarray y, int typenum):
    """A new array of `shape`, laid out like the first of x and y that has it."""
    if np.PyArray_IS_C_CONTIGUOUS(x) and np.PyArray_IS_C_CONTIGUOUS(y):
        return _core.new_array(ndim, shape, typenum)
    if _has_shape(x, ndim, shape):
        return _core.new_in_order(x, typenum)
    return _core.new_in_order(y, typenum) if _has_shape(y, ndim, shape) else _core.new_array(ndim, shape, typenum)


cdef int _apply(bint comparing, int number, str name, np.ndarray out, np.ndarray x, np.ndarray y, int ndim,
                np.npy_intp *shape) except -1:
    """Runs the kernel on prepared arrays; out has `shape`. Axes are given to it in the order of out's memory."""
    cdef int64_t xs[MAX_NDIM]
    cdef int64_t ys[MAX_NDIM]
    cdef int64_t turned[4][MAX_NDIM]
    cdef int order[MAX_NDIM]
    cdef int d
    cdef int kind = np.PyArray_TYPE(x) == np.NPY_DOUBLE
    cdef void *pz = np.PyArray_DATA(out)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *py = np.PyArray_DATA(y)
    cdef int64_t *zs = <int64_t *>np.PyArray_STRIDES(out)
    cdef int64_t *sizes = <int64_t *>shape
    cdef int64_t *x_strides = xs
    cdef int64_t *y_strides = ys
    broadcast(ndim, shape, x, xs)
    broadcast(ndim, shape, y, ys)
    if not np.PyArray_IS_C_CONTIGUOUS(out) and _core.memory_order(out, order):
        for d in range(ndim):
            turned[0][d], turned[1][d] = shape[order[d]], zs[order[d]]
            turned[2][d], turned[3][d] = xs[order[d]], ys[order[d]]
        sizes, zs, x_strides, y_strides = turned[0], turned[1], turned[2], turned[3]
    with nogil:
        if comparing:
            _core.active[kind].compare(number, ndim, sizes, pz, zs, px, x_strides, py, y_strides)
        else:
            _core.active[kind].binary(number, ndim, sizes, pz, zs, px, x_strides, py, y_strides)
    _core.check_interrupt()
    return 0


cpdef np.ndarray binary(op, np.ndarray x, np.ndarray y):
    """z = op(x, y), element by element with broadcasting.

    Parameters
    ----------
    op : str or int
        'add', 'sub', 'mul', 'div', 'maximum', 'minimum' (NaN wins), 'pow', 'atan2', 'fmod' (sign of x),
        'remainder' and 'floor_divide' (sign of y, as Python), 'prelu', 'prelu_slope', 'prelu_share', 'glu' and
        'glu_rest' (x times sigmoid(y), sigmoid(-y)), or their number in `binary_names()`.
    x, y : ndarray, both float32 or both float64
        Any strides; shapes broadcast as in NumPy. ShapeError if they do not.

    Returns
    -------
    z : ndarray, new, the broadcast shape; its axes in memory in the order of those of the first operand that has it
    """
    cdef int number = number_of(binary_numbers, op, "binary")
    cdef np.npy_intp shape[MAX_NDIM]
    cdef int ndim
    if _core.use_reference:
        return reference.binary(binary_list[number], x, y)
    _core.same_real_kind(x, y, <str>binary_list[number])
    x, y = behaved(x), behaved(y)
    ndim = result_shape(<str>binary_list[number], shape, x, y, None)
    cdef np.ndarray z = _result(ndim, shape, x, y, np.PyArray_TYPE(x))
    _apply(False, number, "", z, x, y, ndim, shape)
    return z


cdef int binary_number(str op) except -1:
    return number_of(binary_numbers, op, "binary")


cdef np.ndarray binary_alike(int number, np.ndarray x, np.ndarray y):
    """op(x, y) of two small contiguous arrays of one shape and dtype, keeping the GIL; None if they are not that."""
    cdef int typenum = np.PyArray_TYPE(x)
    cdef int64_t n = np.PyArray_SIZE(x), step
    if (typenum != np.NPY_FLOAT and typenum != np.NPY_DOUBLE) or typenum != np.PyArray_TYPE(y) or n >= SMALL \
            or not np.PyArray_SAMESHAPE(x, y) or not np.PyArray_ISCARRAY_RO(x) or not np.PyArray_ISCARRAY_RO(y) \
            or _core.use_reference:
        return None
    cdef np.ndarray z = _core.new_like(x, typenum)
    step = np.PyArray_ITEMSIZE(x)
    _core.active[typenum == np.NPY_DOUBLE].binary(number, 1, &n, np.PyArray_DATA(z), &step, np.PyArray_DATA(x), &step,
                                                  np.PyArray_DATA(y), &step)
    return z


cpdef np.ndarray compare(op, np.ndarray x, np.ndarray y):
    """x op y, element by element with broadcasting; op is 'eq', 'ne', 'lt', 'le', 'gt' or 'ge'.

    x, y : ndarray, both float32 or both float64. Returns a new bool array of the broadcast shape.
    """
    cdef int number = number_of(compare_numbers, op, "compare")
    cdef np.npy_intp shape[MAX_NDIM]
    cdef int ndim
    if _core.use_reference:
        return reference.compare(compare_list[number], x, y)
    _core.same_real_kind(x, y, <str>compare_list[number])
    x, y = behaved(x), behaved(y)
    ndim = result_shape(<str>compare_list[number], shape, x, y, None)
    cdef np.ndarray z = _result(ndim, shape, x, y, np.NPY_BOOL)
    _apply(True, number, "", z, x, y, ndim, shape)
    return z


cdef np.ndarray compare_alike(int number, np.ndarray x, np.ndarray y):
    """`compare` of two small contiguous arrays of one shape and dtype, keeping the GIL; None if they are not that."""
    cdef int typenum = np.PyArray_TYPE(x)
    cdef int64_t n = np.PyArray_SIZE(x), step, one = 1
    if (typenum != np.NPY_FLOAT and typenum != np.NPY_DOUBLE) or typenum != np.PyArray_TYPE(y) or n >= SMALL \
            or not np.PyArray_SAMESHAPE(x, y) or not np.PyArray_ISCARRAY_RO(x) or not np.PyArray_ISCARRAY_RO(y) \
            or _core.use_reference:
        return None
    cdef np.ndarray z = _core.new_like(x, np.NPY_BOOL)
    step = np.PyArray_ITEMSIZE(x)
    _core.active[typenum == np.NPY_DOUBLE].compare(number, 1, &n, np.PyArray_DATA(z), &one, np.PyArray_DATA(x), &step,
                                                   np.PyArray_DATA(y), &step)
    return z


cdef np.ndarray compare_number(int number, np.ndarray x, double y):
    """`compare` of an array of floats with a number, rounded to their dtype; None for other arrays."""
    cdef int typenum = np.PyArray_TYPE(x)
    cdef int64_t n = np.PyArray_SIZE(x), step, one = 1, zero = 0
    cdef float single = <float>y
    if typenum != np.NPY_FLOAT and typenum != np.NPY_DOUBLE:
        return None
    cdef int kind = typenum == np.NPY_DOUBLE
    cdef void *py = <void *>&y if kind else <void *>&single
    cdef np.ndarray z
    step = np.PyArray_ITEMSIZE(x)
    if not np.PyArray_ISCARRAY_RO(x) or _core.use_reference:
        z = _core.new_array(0, NULL, typenum)
        memcpy(np.PyArray_DATA(z), py, step)
        return compare(number, x, z)
    z = _core.new_like(x, np.NPY_BOOL)
    cdef void *pz = np.PyArray_DATA(z)
    cdef void *px = np.PyArray_DATA(x)
    with nogil:
        _core.active[kind].compare(number, 1, &n, pz, &one, px, &step, py, &zero)
    _core.check_interrupt()
    return z


cdef void extent(np.ndarray array, size_t *low, size_t *high) noexcept:
    """The addresses that the array's elements lie between."""
    cdef int d
    cdef np.npy_intp step
    low[0] = high[0] = <size_t>np.PyArray_DATA(array)
    high[0] += np.PyArray_ITEMSIZE(array)
    for d in range(np.PyArray_NDIM(array)):
        step = np.PyArray_STRIDES(array)[d] * (np.PyArray_DIMS(array)[d] - 1)
        if step > 0:
            high[0] += step
        else:
            low[0] += step


cdef np.ndarray apart(np.ndarray out, np.ndarray x):
    """x, or a copy of it where writing out before reading x could change x's elements yet unread."""
    cdef int d
    cdef size_t low, high, out_low, out_high
    extent(x, &low, &high)
    extent(out, &out_low, &out_high)
    if high <= out_low or out_high <= low:
        return x
    if np.PyArray_DATA(x) == np.PyArray_DATA(out) and np.PyArray_SAMESHAPE(x, out):
        for d in range(np.PyArray_NDIM(x)):
            if np.PyArray_DIMS(x)[d] != 1 and np.PyArray_STRIDES(x)[d] != np.PyArray_STRIDES(out)[d]:
                break
        else:
            return x
    return np.PyArray_NewCopy(x, np.NPY_KEEPORDER)


cdef int check_out(str op, np.ndarray out, np.ndarray x) except -1:
    """Can the result of shape and dtype x-like be written into out?"""
    _core.same_real_kind(out, x, op)
    if not np.PyArray_ISWRITEABLE(out):
        raise ValueError(f"{op}: expected a writeable out, got a read-only array")
    if np.PyArray_NDIM(out) > MAX_NDIM:
        raise ShapeError(f"{op}: expected at most {MAX_NDIM} dimensions, got {np.PyArray_NDIM(out)}")
    return 0


cpdef np.ndarray binary_into(op, np.ndarray out, np.ndarray x, np.ndarray y):
    """out[...] = op(x, y), in place; see `binary`.

    out : ndarray, dtype of x and y, of the shape that x and y broadcast to (out's own, at most); any strides;
        it may be x or y or overlap them. Returns out.
    """
    cdef int number = number_of(binary_numbers, op, "binary_into")
    cdef np.npy_intp shape[MAX_NDIM]
    cdef int d, ndim
    _core.same_real_kind(x, y, <str>binary_list[number])
    check_out("binary_into", out, x)
    ndim = result_shape(<str>binary_list[number], shape, x, y, out)
    if ndim != np.PyArray_NDIM(out) or not all([shape[d] == np.PyArray_DIMS(out)[d] for d in range(ndim)]):
        raise ShapeError(f"binary_into: expected shapes that broadcast to {(<object>out).shape}, "
                         f"got {(<object>x).shape} and {(<object>y).shape}")
    if _core.use_reference:
        return reference.binary_into(binary_list[number], out, x, y)
    if not np.PyArray_ISBEHAVED(out):
        out[...] = binary(number, x, y)
        return out
    x, y = apart(out, behaved(x)), apart(out, behaved(y))
    _apply(False, number, "", out, x, y, ndim, shape)
    return out


cpdef np.ndarray where(np.ndarray condition, np.ndarray x, np.ndarray y):
    """condition ? x : y, element by element with broadcasting.

    condition : bool ndarray; x, y : ndarray, both float32 or both float64. Returns a new array.
    """
    cdef np.npy_intp shape[MAX_NDIM]
    cdef int64_t cs[MAX_NDIM]
    cdef int64_t xs[MAX_NDIM]
    cdef int64_t ys[MAX_NDIM]
    cdef int ndim, kind = _core.same_real_kind(x, y, "where")
    if condition is None or np.PyArray_TYPE(condition) != np.NPY_BOOL:
        raise DTypeError(f"where: expected a bool condition, got {getattr(condition, 'dtype', None)}")
    ndim = result_shape("where", shape, condition, x, y)
    if _core.use_reference:
        return reference.where(condition, x, y)
    x, y = behaved(x), behaved(y)
    cdef np.ndarray z = _core.new_array(ndim, shape, np.PyArray_TYPE(x))
    broadcast(ndim, shape, condition, cs)
    broadcast(ndim, shape, x, xs)
    broadcast(ndim, shape, y, ys)
    cdef void *pz = np.PyArray_DATA(z)
    cdef void *pc = np.PyArray_DATA(condition)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *py = np.PyArray_DATA(y)
    cdef int64_t *zs = <int64_t *>np.PyArray_STRIDES(z)
    with nogil:
        _core.active[kind].where(ndim, <int64_t *>shape, pz, zs, <const unsigned char *>pc, cs, px, xs, py, ys)
    _core.check_interrupt()
    return z


# ---- copies ----

cdef int _copy(np.ndarray out, np.ndarray x, int kind) except -1:
    """out[...] = x, which broadcasts to out's shape and does not overlap it."""
    cdef int64_t xs[MAX_NDIM]
    cdef int64_t turned[3][MAX_NDIM]
    cdef int64_t *x_strides = xs
    cdef int order[MAX_NDIM]
    cdef int d
    cdef int ndim = np.PyArray_NDIM(out)
    cdef int64_t *shape = <int64_t *>np.PyArray_DIMS(out)
    cdef int64_t *zs = <int64_t *>np.PyArray_STRIDES(out)
    cdef void *pz = np.PyArray_DATA(out)
    cdef void *px = np.PyArray_DATA(x)
    broadcast(ndim, np.PyArray_DIMS(out), x, xs)
    if not np.PyArray_IS_C_CONTIGUOUS(out) and _core.memory_order(out, order):
        for d in range(ndim):
            turned[0][d], turned[1][d], turned[2][d] = shape[order[d]], zs[order[d]], xs[order[d]]
        shape, zs, x_strides = turned[0], turned[1], turned[2]
    with nogil:
        _core.active[kind].copy(ndim, shape, pz, zs, px, x_strides)
    _core.check_interrupt()
    return 0


cpdef np.ndarray copy(np.ndarray x, bint keep_order=False):
    """A new array equal to x (float32 or float64, any strides): C-contiguous, or, with `keep_order`, with its axes in
    memory in the order of x's."""
    if x is not None and (np.PyArray_ISCOMPLEX(x) or np.PyArray_TYPE(x) == np.NPY_VOID):  # kernels have no such numbers
        return reference.copy(x, keep_order)
    cdef int kind = _core.real_kind(x, "copy")
    if _core.use_reference:
        return reference.copy(x, keep_order)
    if np.PyArray_NDIM(x) > MAX_NDIM or not np.PyArray_ISBEHAVED_RO(x):
        return np.PyArray_NewCopy(_core.contiguous(x), np.NPY_CORDER)
    cdef int typenum = np.PyArray_TYPE(x)
    cdef np.ndarray z = _core.new_in_order(x, typenum) if keep_order else _core.new_like(x, typenum)
    _copy(z, x, kind)
    return z


cpdef np.ndarray copy_into(np.ndarray out, np.ndarray x):
    """out[...] = x, in place: x broadcasts to out's shape; any strides; they may overlap. Returns out.

    ShapeError if x does not broadcast to out.shape, DTypeError if the dtypes differ.
    """
    cdef np.npy_intp shape[MAX_NDIM]
    cdef int d, fits, ndim = np.PyArray_NDIM(out)
    check_out("copy_into", out, x)
    for d in range(ndim):
        shape[d] = np.PyArray_DIMS(out)[d]
    fits = np.PyArray_NDIM(x) <= ndim and common_shape(x, ndim, shape)
    for d in range(ndim):
        fits = fits and shape[d] == np.PyArray_DIMS(out)[d]
    if not fits:
        raise ShapeError(f"copy_into: expected a shape that broadcasts to {(<object>out).shape}, "
                         f"got {(<object>x).shape}")
    if _core.use_reference:
        return reference.copy_into(out, x)
    if not np.PyArray_ISBEHAVED(out):
        out[...] = x
        return out
    x = apart(out, behaved(x))
    _copy(out, x, np.PyArray_TYPE(x) == np.NPY_DOUBLE)
    return out


cpdef np.ndarray add_into(np.ndarray out, np.ndarray x, double alpha=1.0):
    """out += alpha * x, in place; same shape and dtype, out without gaps in memory. Returns out."""
    check_out("add_into", out, x)
    if not np.PyArray_SAMESHAPE(out, x):
        raise ShapeError(f"add_into: expected x of shape {(<object>out).shape}, got {(<object>x).shape}")
    if not _core.has_no_gaps(out):
        raise ValueError("add_into: expected an aligned out without gaps in memory")
    if _core.use_reference:
        return reference.add_into(out, x, alpha)
    x = apart(out, _core.laid_out_as(x, out))
    cdef int kind = np.PyArray_TYPE(x) == np.NPY_DOUBLE
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef void *pz = np.PyArray_DATA(out)
    cdef void *px = np.PyArray_DATA(x)
    with nogil:
        _core.active[kind].add_scaled(pz, px, n, alpha)
    _core.check_interrupt()
    return out


cdef int add_at_once(np.ndarray out, np.ndarray x) except -1:
    """out += x, both of one shape and dtype: other threads see nothing of it half done, and none adds meanwhile.

    So far as it is the kernel that adds: NumPy, for the reference and for other strides, lets them in.
    """
    cdef object any_array = out
    if not np.PyArray_SAMESHAPE(out, x):
        raise ShapeError(f"a gradient of shape {(<object>x).shape} cannot be added to one of {(<object>out).shape}")
    if _core.use_reference or not np.PyArray_ISWRITEABLE(out) or not _core.has_no_gaps(out) \
            or np.PyArray_TYPE(out) != np.PyArray_TYPE(x) or np.PyArray_TYPE(out) not in (np.NPY_FLOAT, np.NPY_DOUBLE):
        any_array += x
        return 0
    x = apart(out, _core.laid_out_as(x, out))
    _core.active[np.PyArray_TYPE(out) == np.NPY_DOUBLE].add_scaled(
        np.PyArray_DATA(out), np.PyArray_DATA(x), np.PyArray_SIZE(x), 1.0)
    return 0
