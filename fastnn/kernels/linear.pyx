"""The dense layer: y = f(x W^T + bias), forward and backward in one C call each."""
cimport numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core, elementwise, gemm
from fastnn.kernels import _core as core
from fastnn.reference import linear as reference

np.import_array()

cdef list names = core.unary_names()
cdef list saves = [elementwise.unary_saves(name) for name in names]


cdef int activation_number(activation) except -1:
    try:
        return elementwise.unary_number(activation)
    except ValueError:
        raise ValueError(f"linear: unknown activation {activation!r}; known: {', '.join(names)}") from None


cdef int check(np.ndarray x, np.ndarray weight) except -1:
    """The kind of x and weight, which must fit each other."""
    cdef int kind = _core.same_real_kind(x, weight, "linear")
    if np.PyArray_NDIM(weight) != 2:
        raise ShapeError(f"linear: expected weight (out, in), got {(<object>weight).shape}")
    cdef int ndim = np.PyArray_NDIM(x)
    if ndim == 0 or np.PyArray_DIM(x, ndim - 1) != np.PyArray_DIM(weight, 1):
        raise ShapeError(f"linear: expected input (*, {weight.shape[1]}), got {(<object>x).shape}")
    return kind


cdef int check_like_output(np.ndarray array, np.ndarray x, np.ndarray weight, str what) except -1:
    """`array` must have the shape (*, out)."""
    cdef np.npy_intp shape[64]
    cdef int i, ndim = np.PyArray_NDIM(x)
    for i in range(ndim - 1):
        shape[i] = np.PyArray_DIM(x, i)
    shape[ndim - 1] = np.PyArray_DIM(weight, 0)
    return _core.check_shape("linear_backward", what, x, array, ndim, shape)


cdef int check_sum(np.ndarray array, np.ndarray x, int ndim, np.npy_intp *shape, str what) except -1:
    """`array` is to be added to."""
    _core.check_shape("linear_backward", what, x, array, ndim, shape)
    if not np.PyArray_ISCARRAY(array):
        raise ValueError(f"linear_backward: expected {what} C-contiguous and writeable")
    return 0


cdef np.ndarray as_rows(np.ndarray x, int64_t *m, int64_t *xs_m, int64_t *xs_k):
    """x or its copy, and its strides as a matrix (m, k)."""
    cdef int i, ndim = np.PyArray_NDIM(x)
    if ndim > 2 and not np.PyArray_IS_C_CONTIGUOUS(x):
        x = _core.contiguous(x)
    else:
        x = gemm.strided(x)
    cdef np.npy_intp item = np.PyArray_ITEMSIZE(x)
    m[0] = 1
    for i in range(ndim - 1):
        m[0] *= np.PyArray_DIM(x, i)
    xs_k[0] = np.PyArray_STRIDE(x, ndim - 1) // item
    xs_m[0] = np.PyArray_STRIDE(x, 0) // item if ndim == 2 else np.PyArray_DIM(x, ndim - 1)
    return x


cpdef np.ndarray linear_forward(np.ndarray x, np.ndarray weight, np.ndarray bias=None, activation=None, double a=0.0,
                                double b=0.0):
    """``y = f(x @ weight.T + bias)``

    Parameters
    ----------
    x : array (*, in)
        float32 or float64; all arrays have one dtype.
    weight : array (out, in)
        May be a transposed view.
    bias : array (out,), optional
    activation : str or int, optional
        A map of `unary_names()` with the parameters `a` and `b`; none: f(z) = z.

    Returns
    -------
    y : array (*, out)

    Raises
    ------
    ShapeError
        Shapes do not fit: ``linear: expected input (*, 784), got (32, 100)``.
    DTypeError
        Other dtypes, or several.
    """
    if x is None or weight is None:
        raise TypeError("linear: expected arrays, got None")
    cdef int status
    cdef int kind = check(x, weight)
    cdef int64_t n = np.PyArray_DIM(weight, 0), k = np.PyArray_DIM(weight, 1)
    cdef int op = -1
    if bias is not None:
        _core.check_vector("linear", "bias", x, bias, n)
    if activation is not None:
        op = activation_number(activation)
    if _core.use_reference:
        return reference.linear_forward(x, weight, bias, names[op] if op >= 0 else None, a, b)
    cdef int64_t m, xs_m, xs_k
    x = as_rows(x, &m, &xs_m, &xs_k)
    weight = gemm.strided(weight)
    cdef np.npy_intp item = np.PyArray_ITEMSIZE(x)
    cdef int64_t ws_n = np.PyArray_STRIDE(weight, 0) // item, ws_k = np.PyArray_STRIDE(weight, 1) // item
    cdef np.npy_intp shape[64]
    cdef int i, ndim = np.PyArray_NDIM(x)
    for i in range(ndim - 1):
        shape[i] = np.PyArray_DIM(x, i)
    shape[ndim - 1] = n
    cdef np.ndarray y = _core.new_array(ndim, shape, np.PyArray_TYPE(x))
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *pw = np.PyArray_DATA(weight)
    cdef void *pb = NULL
    if bias is not None:
        bias = _core.contiguous(bias)
        pb = np.PyArray_DATA(bias)
    with nogil:
        status = _core.active[kind].linear_forward(py, px, pw, pb, m, n, k, xs_m, xs_k, ws_n, ws_k, op, a, b)
    _core.check_status(status, "linear")
    return y


cdef int check_backward(np.ndarray grad, np.ndarray x, np.ndarray weight, np.ndarray y, activation, np.ndarray dw,
                        np.ndarray db) except -2:
    """The activation's number, -1 if there is none; dw and db, if given, are to be added to."""
    cdef int op = -1
    cdef np.npy_intp n = np.PyArray_DIM(weight, 0)
    check_like_output(grad, x, weight, "grad")
    if activation is not None:
        op = activation_number(activation)
        if y is None:
            raise ValueError("linear_backward: expected y with an activation, got None")
        if "x" in <str>saves[op]:
            raise ValueError(f"linear_backward: the gradient of {names[op]} needs its input, not y alone")
        check_like_output(y, x, weight, "y")
    if dw is not None:
        check_sum(dw, x, 2, np.PyArray_DIMS(weight), "dw")
    if db is not None:
        check_sum(db, x, 1, &n, "db")
    return op


cdef np.ndarray cleared(np.ndarray array, bint accumulate):
    """A new array: 0 where it will be added to."""
    if accumulate:
        memset(np.PyArray_DATA(array), 0, np.PyArray_NBYTES(array))
    return array


cpdef tuple linear_backward(np.ndarray grad, np.ndarray x, np.ndarray weight, np.ndarray y=None, activation=None,
                            double a=0.0, double b=0.0, bint need_x=True, bint need_weight=True, bint need_bias=True,
                            np.ndarray dw=None, np.ndarray db=None):
    """Gradients of `linear_forward`: with ``dz = grad * f'(y)``,
    ``dx = dz @ weight``, ``dw = dz.T @ x`` and ``db = dz.sum(0)`` over all leading axes.

    Parameters
    ----------
    grad : array (*, out)
        The gradient with respect to y.
    x, weight : arrays (*, in) and (out, in)
        As in the forward call.
    y : array (*, out)
        What the forward call returned; not read without an activation.
    activation, a, b
        As in the forward call. The map must be one whose derivative is a function of y.
    need_x, need_weight, need_bias : bool
        Which gradients to compute.
    dw, db : arrays (out, in) and (out,), optional
        C-contiguous buffers to which the gradients are added instead of being returned.

    Returns
    -------
    (dx, dw, db) : arrays (*, in), (out, in), (out,), each None if not needed or
        added to its buffer

    Raises
    ------
    ShapeError
        Shapes do not fit.
    DTypeError
        Other dtypes, or several.
    """
    if grad is None or x is None or weight is None:
        raise TypeError("linear_backward: expected arrays, got None")
    cdef int status
    cdef int kind = check(x, weight)
    cdef np.npy_intp n = np.PyArray_DIM(weight, 0), k = np.PyArray_DIM(weight, 1)
    if not need_weight:
        dw = None
    if not need_bias:
        db = None
    cdef int op = check_backward(grad, x, weight, y, activation, dw, db)
    if _core.use_reference:
        return reference.linear_backward(grad, x, weight, y, names[op] if op >= 0 else None, a, b, need_x,
                                         need_weight, need_bias, dw, db)
    cdef bint accumulate = dw is not None or db is not None
    cdef int64_t m, xs_m, xs_k
    grad = _core.contiguous(grad)
    if op >= 0:
        y = _core.contiguous(y)
    x = as_rows(x, &m, &xs_m, &xs_k)
    weight = gemm.strided(weight)
    cdef np.npy_intp item = np.PyArray_ITEMSIZE(x)
    cdef int64_t ws_n = np.PyArray_STRIDE(weight, 0) // item, ws_k = np.PyArray_STRIDE(weight, 1) // item
    cdef int typenum = np.PyArray_TYPE(x)
    # As the weight lies, so its gradient is laid out: a transposed view's is one too, and the owner's is contiguous.
    cdef bint transposed = need_weight and dw is None and ws_n == 1 and ws_k == n and k > 1
    cdef np.ndarray dx = _core.new_like(x, typenum) if need_x else None, new_dw = None, new_db = None
    if need_weight and dw is None:
        new_dw = np.PyArray_SwapAxes(weight, 0, 1) if transposed else weight
        new_dw = cleared(_core.new_like(new_dw, typenum), accumulate)
    if need_bias and db is None:
        new_db = cleared(_core.new_array(1, &n, typenum), accumulate)
    cdef np.ndarray scratch = _core.new_like(grad, typenum) if op >= 0 else None
    cdef void *pdx = _core.data(dx)
    cdef void *pdw = _core.data(new_dw if dw is None else dw)
    cdef void *pdb = _core.data(new_db if db is None else db)
    cdef void *dz = _core.data(scratch)
    cdef void *py = _core.data(y) if op >= 0 else NULL
    cdef void *pgrad = np.PyArray_DATA(grad)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *pw = np.PyArray_DATA(weight)
    with nogil:
        status = _core.active[kind].linear_backward(pdx, pdw, pdb, dz, pgrad, px, pw, py, m, n, k, n, 1, xs_m, xs_k,
                                                    ws_n, ws_k, op, a, b, accumulate, transposed)
    _core.check_status(status, "linear_backward")
    return dx, np.PyArray_SwapAxes(new_dw, 0, 1) if transposed else new_dw, new_db
