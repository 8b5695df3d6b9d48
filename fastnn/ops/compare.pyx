"""Comparisons and logic, which give bool tensors without gradients; the larger and the smaller of two operands."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn cimport _operators
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, recording, record2, shape_of, wrap
from fastnn._operators import foreign
from fastnn.errors import ShapeError
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport is_complex, is_real, ruled, undo, zero_d
from fastnn.ops._common import broadcast_shapes, need_one_dtype, need_tensors, promote
from fastnn.ops.arithmetic cimport compute, operands
from fastnn.ops.declare import operation

np.import_array()

# In the kernels' order.
NAMES = ("eq", "ne", "lt", "le", "gt", "ge")
FUNCTIONS = (numpy.equal, numpy.not_equal, numpy.less, numpy.less_equal, numpy.greater, numpy.greater_equal)


cdef object array_of(object value):
    return (<Tensor>value).array if isinstance(value, Tensor) else value


cdef object compared(int number, object input, object other):
    cdef np.ndarray x, z = None
    if not isinstance(input, Tensor):
        need_tensors(NAMES[number], input)
    x = (<Tensor>input).array
    if isinstance(other, Tensor):
        z = K.compare_alike(number, x, (<Tensor>other).array)
        if z is None and is_real(x) and np.PyArray_TYPE(x) == np.PyArray_TYPE((<Tensor>other).array):
            z = K.compare(number, x, (<Tensor>other).array)
    elif type(other) is float or type(other) is int and -2 ** 53 <= other <= 2 ** 53:
        z = K.compare_number(number, x, other)
    elif foreign(other):
        return NotImplemented
    if z is not None:
        return wrap(z)
    y = array_of(other)
    if number > 1 or not (is_complex(x) or isinstance(y, np.ndarray) and is_complex(y) or isinstance(y, complex)):
        found = ruled(NAMES[number], input, other)  # which says of complex numbers that they have no order
        if found is not None:
            return found
    try:
        return wrap(zero_d(FUNCTIONS[number](x, y)))
    except ValueError as error:
        raise ShapeError(f"{NAMES[number]}: {error}") from None


_operators.quick_compare = compared


cdef object answer(int number, object input, object other):
    """What a function gives: unlike an operator it does not ask the other operand."""
    found = compared(number, input, other)
    if found is NotImplemented:
        raise TypeError(f"{NAMES[number]}(): argument 'other' must be Tensor or a number, not {type(other).__name__}")
    return found


@operation(inplace=True, out=True)
def eq(input, other):
    """input == other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.eq(fastnn.tensor([1, 2]), 2)
    tensor([False,  True])
    """
    return answer(0, input, other)


@operation(aliases="not_equal", inplace=True, out=True)
def ne(input, other):
    """input != other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.ne(fastnn.tensor([1, 2]), 2)
    tensor([ True, False])
    """
    return answer(1, input, other)


@operation(aliases="less", inplace=True, out=True)
def lt(input, other):
    """input < other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.lt(fastnn.tensor([1, 2]), 2)
    tensor([ True, False])
    """
    return answer(2, input, other)


@operation(aliases="less_equal", inplace=True, out=True)
def le(input, other):
    """input <= other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.le(fastnn.tensor([1, 2]), 1)
    tensor([ True, False])
    """
    return answer(3, input, other)


@operation(aliases="greater", inplace=True, out=True)
def gt(input, other):
    """input > other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.gt(fastnn.tensor([1, 2]), 1)
    tensor([False,  True])
    """
    return answer(4, input, other)


@operation(aliases="greater_equal", inplace=True, out=True)
def ge(input, other):
    """input >= other, element by element.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.ge(fastnn.tensor([1, 2]), 2)
    tensor([False,  True])
    """
    return answer(5, input, other)


@operation()
def equal(input, other) -> bool:
    """Whether both have the same shape and elements (a Python bool).

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.equal(fastnn.tensor([1, 2]), fastnn.tensor([1, 2]))
    True
    """
    return numpy.array_equal(array_of(input), array_of(other))


@operation()
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere (a Python bool).

    Parameters
    ----------
    input : Tensor
    other : Tensor
    rtol : float, default 1e-05
    atol : float, default 1e-08
    equal_nan : bool, default False
        Whether NaN equals NaN.

    Examples
    --------
    >>> fastnn.allclose(fastnn.tensor([1.0]), fastnn.tensor([1.0 + 1e-6]))
    True
    """
    need_tensors("allclose", input, other)
    need_one_dtype("allclose", input, other)
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@operation()
def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Where |input - other| <= atol + rtol * |other|.

    Parameters
    ----------
    input : Tensor
    other : Tensor
    rtol : float, default 1e-05
    atol : float, default 1e-08
    equal_nan : bool, default False
        Whether NaN equals NaN.

    Examples
    --------
    >>> fastnn.isclose(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    need_tensors("isclose", input, other)
    need_one_dtype("isclose", input, other)
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    broadcast_shapes(input.shape, other.shape)
    return wrap(zero_d(numpy.isclose(array_of(input), array_of(other), rtol, atol, equal_nan)))


@operation(out=True)
def isnan(input):
    """Where the element is NaN.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isnan(fastnn.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    return wrap(zero_d(numpy.isnan(array_of(input))))


@operation(out=True)
def isinf(input):
    """Where the element is infinite.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isinf(fastnn.tensor([1.0, -float("inf")]))
    tensor([False,  True])
    """
    return wrap(zero_d(numpy.isinf(array_of(input))))


@operation(out=True)
def isfinite(input):
    """Where the element is neither infinite nor NaN.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isfinite(fastnn.tensor([1.0, float("inf")]))
    tensor([ True, False])
    """
    return wrap(zero_d(numpy.isfinite(array_of(input))))


cdef object logical(str op, function, input, other):
    need_tensors("logical_" + op, input, other)
    broadcast_shapes(input.shape, other.shape)
    return wrap(zero_d(function(array_of(input), array_of(other))))


@operation(inplace=True, out=True)
def logical_and(input, other):
    """Both true (not 0).

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.logical_and(fastnn.tensor([0, 2]), fastnn.tensor([1, 1]))
    tensor([False,  True])
    """
    return logical("and", numpy.logical_and, input, other)


@operation(inplace=True, out=True)
def logical_or(input, other):
    """Either true (not 0).

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.logical_or(fastnn.tensor([0, 2]), fastnn.tensor([0, 0]))
    tensor([False,  True])
    """
    return logical("or", numpy.logical_or, input, other)


@operation(inplace=True, out=True)
def logical_xor(input, other):
    """Exactly one true (not 0).

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.logical_xor(fastnn.tensor([0, 2]), fastnn.tensor([1, 1]))
    tensor([ True, False])
    """
    return logical("xor", numpy.logical_xor, input, other)


@operation(inplace=True, out=True)
def logical_not(input):
    """True where the element is 0.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.logical_not(fastnn.tensor([0, 2]))
    tensor([ True, False])
    """
    return wrap(zero_d(numpy.logical_not(array_of(input))))


cdef bint same_whole(np.ndarray x, np.ndarray y) noexcept:
    """Whether both are bools or both integers of one dtype, in the same shape."""
    cdef int d
    if np.PyArray_TYPE(x) != np.PyArray_TYPE(y) or np.PyArray_TYPE(x) > np.NPY_ULONGLONG or \
            np.PyArray_NDIM(x) != np.PyArray_NDIM(y):
        return False
    for d in range(np.PyArray_NDIM(x)):
        if np.PyArray_DIM(x, d) != np.PyArray_DIM(y, d):
            return False
    return True


def _bitwise(op, function, input, other):
    if isinstance(input, Tensor) and isinstance(other, Tensor) and same_whole((<Tensor>input).array,
                                                                              (<Tensor>other).array):
        return wrap(zero_d(function((<Tensor>input).array, (<Tensor>other).array)))
    if not isinstance(other, Tensor):
        need_tensors(f"bitwise_{op}", input)
    dtype = promote(input, other)
    if dtype.kind in "fc":
        raise NotImplementedError(f'"bitwise_{op}_cpu" not implemented for {dtype}')
    x, y = (numpy.asarray(array_of(value)).astype(dtype, copy=False) for value in (input, other))
    broadcast_shapes(x.shape, y.shape)
    return wrap(zero_d(function(x, y)))


@operation(inplace=True, out=True)
def bitwise_and(input, other):
    """Bits set in both; logical for bool.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.bitwise_and(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([2])
    """
    return _bitwise("and", numpy.bitwise_and, input, other)


@operation(inplace=True, out=True)
def bitwise_or(input, other):
    """Bits set in either; logical for bool.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.bitwise_or(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([7])
    """
    return _bitwise("or", numpy.bitwise_or, input, other)


@operation(inplace=True, out=True)
def bitwise_xor(input, other):
    """Bits set in exactly one; logical for bool.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.bitwise_xor(fastnn.tensor([6]), fastnn.tensor([3]))
    tensor([5])
    """
    return _bitwise("xor", numpy.bitwise_xor, input, other)


@operation(inplace=True, out=True)
def bitwise_not(input):
    """All bits inverted; logical for bool.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.bitwise_not(fastnn.tensor([6]))
    tensor([-7])
    """
    x = array_of(input)
    if x.dtype.kind in "fc":
        raise NotImplementedError(f'"bitwise_not_cpu" not implemented for {dtypes.from_numpy(x.dtype)}')
    return wrap(zero_d(numpy.invert(x)))


def invert(input):
    """``~input``."""
    if array_of(input).dtype.kind in "fc":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(input)


# ---- the larger and the smaller ----

cdef object extremum_backward(Node node, np.ndarray grad):
    """maximum and minimum: the larger gets the gradient, equal ones half each, both all of it where one is NaN."""
    cdef tuple saved = node.saved
    x, y = saved[2], saved[3]
    equal, less, more = zero_d(x == y), zero_d(x < y), zero_d(x > y)
    if not saved[4]:
        less, more = more, less
    half = K.unary_forward("mul_scalar", grad, 0.5)
    zero = numpy.zeros((), grad.dtype)
    dx = K.where(equal, half, K.where(less, zero, grad)) if node.edges[0] is not None else None
    dy = K.where(equal, half, K.where(more, zero, grad)) if node.edges[1] is not None else None
    return (undo(dx, saved[0]) if dx is not None else None, undo(dy, saved[1]) if dy is not None else None)


cdef Op MAXIMUM = declare("MaximumBackward0", extremum_backward, "shape_x shape_y x y largest")
cdef Op MINIMUM = declare("MinimumBackward0", extremum_backward, "shape_x shape_y x y largest")


@MAXIMUM.second
@MINIMUM.second
def _extremum_second(step, g):
    x, y = step.x, step.y
    equal = step.tensor(zero_d(x == y))
    less, more = (x < y, x > y) if step.largest else (x > y, x < y)
    return tuple([step.sum_to(step.only_where(~zero_d(smaller), step.where(equal, g * 0.5, g)), shape)
                  for smaller, shape in ((less, step.shape_x), (more, step.shape_y))])


def extremum(str op, input, other):
    cdef Tensor x, y, out
    need_tensors(op, input, other)
    x, y = operands(input, other)
    cdef np.ndarray z = compute(op, x.array, y.array)
    if recording(x) or recording(y):
        out = record2(z, MAXIMUM if op == "maximum" else MINIMUM, x, y,
                      (shape_of(x.array), shape_of(y.array), x.array, y.array, op == "maximum"))
        out.node.guard(x.version_object())
        out.node.guard(y.version_object())
        return out
    return wrap(z)


@operation(out=True)
def maximum(input, other):
    """The larger of the two, element by element; NaN wins.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.maximum(fastnn.tensor([1, 5]), fastnn.tensor([3, 3]))
    tensor([3, 5])
    """
    return extremum("maximum", input, other)


@operation(out=True)
def minimum(input, other):
    """The smaller of the two, element by element; NaN wins.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.minimum(fastnn.tensor([1, 5]), fastnn.tensor([3, 3]))
    tensor([1, 3])
    """
    return extremum("minimum", input, other)
