"""Arithmetic of two operands with broadcasting: functions, operators and in-place forms."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn cimport _operators
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, check_inplace, needs_grad, recording, record1, record2, shape_of, wrap
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport as_tensor, is_real, is_special, ruled, undo, zero_d
from fastnn.ops._common import broadcast_shapes, need_tensors, promote
from fastnn.ops.declare import operation
from fastnn.ops.inplace cimport changed, overlap_partly
from fastnn.ops.maps cimport apply

np.import_array()


cdef object add_alike_backward(Node node, np.ndarray grad):
    return (grad if node.edges[0] is not None else None, grad if node.edges[1] is not None else None)


cdef object sub_alike_backward(Node node, np.ndarray grad):
    return (grad if node.edges[0] is not None else None,
            K.unary_forward("neg", grad) if node.edges[1] is not None else None)


cdef Op ADD_ALIKE = declare("AddBackward0", add_alike_backward)  # of one shape
cdef Op SUB_ALIKE = declare("SubBackward0", sub_alike_backward)
ADD_ALIKE.second(lambda step, g: (g, g))
SUB_ALIKE.second(lambda step, g: (g, -g))

cdef object add_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return (undo(grad, saved[0]) if node.edges[0] is not None else None,
            undo(grad, saved[1]) if node.edges[1] is not None else None)


cdef object sub_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return (undo(grad, saved[0]) if node.edges[0] is not None else None,
            K.unary_forward("neg", undo(grad, saved[1])) if node.edges[1] is not None else None)


cdef Op ADD = declare("AddBackward0", add_backward, "shape_x shape_y")
cdef Op SUB = declare("SubBackward0", sub_backward, "shape_x shape_y")
ADD.second(lambda step, g: (step.sum_to(g, step.shape_x), step.sum_to(g, step.shape_y)))
SUB.second(lambda step, g: (step.sum_to(g, step.shape_x), step.sum_to(-g, step.shape_y)))


cdef object mul_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return (undo(K.binary("mul", grad, saved[3]), saved[0]) if node.edges[0] is not None else None,
            undo(K.binary("mul", grad, saved[2]), saved[1]) if node.edges[1] is not None else None)


cdef Op MUL = declare("MulBackward0", mul_backward, "shape_x shape_y x y")
MUL.second(lambda step, g: (None if step.y is None else step.sum_to(g * step.input(step.y, 1), step.shape_x),
                            None if step.x is None else step.sum_to(g * step.input(step.x, 0), step.shape_y)))


cdef object div_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    cdef np.ndarray dx = K.binary("div", grad, saved[3])
    dy = None
    if node.edges[1] is not None:
        dy = K.unary_forward("neg", undo(K.binary("mul", dx, K.binary("div", saved[2], saved[3])), saved[1]))
    return (undo(dx, saved[0]) if node.edges[0] is not None else None, dy)


cdef Op DIV = declare("DivBackward0", div_backward, "shape_x shape_y x y")


@DIV.second
def _div_second(step, g):
    x, y = step.input(step.x, 0), step.input(step.y, 1)
    dx = g / y
    return step.sum_to(dx, step.shape_x), step.sum_to(-dx * (x / y), step.shape_y) if step.needs(1) else None


cdef object pow_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    cdef np.ndarray x = saved[2], y = saved[3]
    dx = dy = None
    if node.edges[0] is not None:  # y x^(y-1), 0 where y = 0
        power = K.binary("mul", y, K.binary("pow", x, K.unary_forward("add_scalar", y, -1.0)))
        dx = undo(K.binary("mul", grad, K.where(zero_d(y == 0), numpy.zeros((), x.dtype), power)), saved[0])
    if node.edges[1] is not None:  # x^y ln x, 0 where x = 0 and y >= 0
        z = saved[4]
        zero = (x == 0) & (y >= 0)
        log = K.unary_forward("log", x)
        slope = K.where(zero_d(zero), numpy.zeros((), x.dtype), K.binary("mul", z, log))
        dy = undo(K.binary("mul", grad, slope), saved[1])
    return dx, dy


cdef Op POW = declare("PowBackward1", pow_backward, "shape_x shape_y x y z")


@POW.second
def _pow_second(step, g):
    x, y, z = step.input(step.x, 0), step.input(step.y, 1), step.output(step.z)
    dx = step.where(y == 0, 0.0, g * y * pow(x, y - 1)) if step.needs(0) else None
    dy = step.where((x == 0) & (y >= 0), 0.0, g * z * x.log()) if step.needs(1) else None
    return step.sum_to(dx, step.shape_x), step.sum_to(dy, step.shape_y)


# ---- forward ----

cdef inline bint plain(Tensor x, Tensor y) noexcept:
    """Both of the same floating type: nothing to promote."""
    cdef int typenum = np.PyArray_TYPE(x.array)
    return (typenum == np.NPY_FLOAT or typenum == np.NPY_DOUBLE) and typenum == np.PyArray_TYPE(y.array)


cdef tuple operands(object x, object y):
    """Both operands as tensors of the promoted dtype (casts are recorded)."""
    dtype = promote(x, y)
    cdef Tensor a = as_tensor(x, y if isinstance(y, Tensor) else None)
    cdef Tensor b = as_tensor(y, a)
    return (a if a.array.dtype == dtype else a.to(dtype)), (b if b.array.dtype == dtype else b.to(dtype))


cdef Tensor real_tensor(object value):
    """A tensor or number as a tensor of the default float type."""
    dtype = dtypes.get_computing_dtype()
    return value.to(dtype) if isinstance(value, Tensor) else wrap(numpy.asarray(value, dtype.numpy))


cdef np.ndarray compute(str op, np.ndarray x, np.ndarray y):
    if is_real(x):
        return K.binary(op, x, y)
    ruled(op, x, y)  # which says that there are none
    if op == "pow" and y.dtype.kind == "i" and y.size and (y < 0).any():  # 1, or 0 rounded towards 0
        base = zero_d(numpy.power(x, numpy.abs(y)))
        return zero_d(numpy.where(y >= 0, base, numpy.where(numpy.abs(x) == 1, base, 0))).astype(base.dtype)
    try:
        with numpy.errstate(all="ignore"):
            return zero_d(INTEGER[op](x, y))
    except ValueError:
        broadcast_shapes(shape_of(x), shape_of(y))  # PyTorch's class of error
        raise


def trunc_divide(x, y):
    """The quotient rounded towards 0, without passing through floating-point numbers where they are integers."""
    if x.dtype.kind == "f":
        return numpy.trunc(numpy.true_divide(x, y))
    floor = numpy.floor_divide(x, y)
    return floor + ((floor < 0) & (floor * y != x)).astype(floor.dtype)


INTEGER = {"add": numpy.add, "sub": numpy.subtract, "mul": numpy.multiply, "div": numpy.true_divide,
           "pow": numpy.power, "maximum": numpy.maximum, "minimum": numpy.minimum,
           "remainder": numpy.remainder, "fmod": numpy.fmod, "floor_divide": numpy.floor_divide,
           "trunc_divide": trunc_divide}


cdef object scaled(object input, object other, object alpha):
    """alpha * other, in the result's dtype."""
    dtype = promote(input, other)
    if isinstance(alpha, (bool, numpy.bool_)) and dtype.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if dtype.kind != "f" and not isinstance(alpha, (bool, numpy.bool_)) and not hasattr(alpha, "__index__"):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if dtype.kind == "b":
        alpha = bool(alpha)
    if not isinstance(other, Tensor):
        return other * alpha
    if dtype.kind == "f" and (<Tensor>other).array.dtype != dtype and (<Tensor>other).array.dtype.kind != "f":
        other = other.to(dtype)
    return mul(other, alpha)


cdef inline bint is_one(object alpha):
    return type(alpha) is int and alpha == 1


@operation(out=True, scaled=True)
def add(input, other, *, alpha=1):
    """input + alpha * other.

    Parameters
    ----------
    input, other : Tensor or number
    alpha : number, default 1

    Examples
    --------
    >>> fastnn.add(fastnn.tensor([1, 2]), 10)
    tensor([11, 12])
    """
    if not is_one(alpha):
        other = scaled(input, other, alpha)
    if isinstance(input, Tensor) and type(other) in (int, float) and is_real((<Tensor>input).array):
        return add_scalar(<Tensor>input, other)
    cdef Tensor x, y
    if isinstance(input, Tensor) and isinstance(other, Tensor) and plain(<Tensor>input, <Tensor>other):
        x, y = <Tensor>input, <Tensor>other
    else:
        found = ruled("add", input, other)
        if found is not None:
            return found
        x, y = operands(input, other)
    cdef np.ndarray z = compute("add", x.array, y.array)
    if recording(x) or recording(y):
        return record2(z, ADD, x, y, (shape_of(x.array), shape_of(y.array)))
    return wrap(z)


@operation(aliases="subtract", out=True, scaled=True)
def sub(input, other, *, alpha=1):
    """input - alpha * other.

    Parameters
    ----------
    input, other : Tensor or number
    alpha : number, default 1

    Examples
    --------
    >>> fastnn.sub(fastnn.tensor([1, 2]), 10)
    tensor([-9, -8])
    """
    if not is_one(alpha):
        other = scaled(input, other, alpha)
    if isinstance(input, Tensor) and type(other) in (int, float) and is_real((<Tensor>input).array):
        return add_scalar(<Tensor>input, -other)
    cdef Tensor x, y
    if isinstance(input, Tensor) and isinstance(other, Tensor) and plain(<Tensor>input, <Tensor>other):
        x, y = <Tensor>input, <Tensor>other
    else:
        found = ruled("sub", input, other)
        if found is not None:
            return found
        x, y = operands(input, other)
        if x.array.dtype.kind == "b" or is_bool(input) or is_bool(other):
            raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
                               "to invert a mask, use the `~` or `logical_not()` operator instead.")
    cdef np.ndarray z = compute("sub", x.array, y.array)
    if recording(x) or recording(y):
        return record2(z, SUB, x, y, (shape_of(x.array), shape_of(y.array)))
    return wrap(z)


cdef bint is_bool(object value):
    return isinstance(value, (bool, numpy.bool_)) or (
        isinstance(value, Tensor) and np.PyArray_TYPE((<Tensor>value).array) == np.NPY_BOOL)


@operation("fastnn")
def rsub(input, other, *, alpha=1):
    """other - alpha * input.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number
    alpha : number, default 1

    Examples
    --------
    >>> fastnn.rsub(fastnn.tensor([1, 2]), 10)
    tensor([9, 8])
    """
    if is_bool(input) or is_bool(other):
        return sub(input, True)  # which refuses it
    return sub(as_tensor(other, input), input, alpha=alpha)


@operation(aliases="multiply", out=True)
def mul(input, other):
    """input * other.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.mul(fastnn.tensor([1, 2]), 10)
    tensor([10, 20])
    """
    if isinstance(input, Tensor) and type(other) in (int, float) and is_real((<Tensor>input).array):
        return mul_scalar(<Tensor>input, other)
    cdef Tensor x, y, out
    if isinstance(input, Tensor) and isinstance(other, Tensor) and plain(<Tensor>input, <Tensor>other):
        x, y = <Tensor>input, <Tensor>other
    else:
        found = ruled("mul", input, other)
        if found is not None:
            return found
        x, y = operands(input, other)
    cdef np.ndarray z = compute("mul", x.array, y.array)
    if recording(x) or recording(y):
        out = record2(z, MUL, x, y,
                      (shape_of(x.array), shape_of(y.array), x.array if needs_grad(y) else None,
                       y.array if needs_grad(x) else None))
        if needs_grad(y):
            out.node.guard(x.version_object())
        if needs_grad(x):
            out.node.guard(y.version_object())
        return out
    return wrap(z)


@operation(aliases="divide true_divide", out=True)
def div(input, other, *, rounding_mode=None):
    """input / other; `rounding_mode`: None, "trunc" or "floor".

    Parameters
    ----------
    input, other : Tensor or number
    rounding_mode : {"trunc", "floor"}, optional

    Examples
    --------
    >>> fastnn.div(fastnn.tensor([7, -7]), 2)
    tensor([ 3.5000, -3.5000])
    """
    if rounding_mode is not None:
        if rounding_mode == "floor":
            return stepwise(floor_divide(input, other), input, other)
        if rounding_mode == "trunc":
            if promote(input, other) in (numpy.float32, numpy.float64):
                return apply("trunc", div(input, other))
            return stepwise(discrete("trunc_divide", input, other), input, other)
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                           f"'{rounding_mode}'")
    if isinstance(input, Tensor) and type(other) in (int, float) and other != 0 and is_real((<Tensor>input).array):
        return div_scalar(<Tensor>input, other)
    cdef Tensor x, y, out
    if isinstance(input, Tensor) and isinstance(other, Tensor) and plain(<Tensor>input, <Tensor>other):
        x, y = <Tensor>input, <Tensor>other
    else:
        found = ruled("div", input, other)
        if found is not None:
            return found
        if promote(input, other).kind == "f":
            x, y = operands(input, other)
        else:
            x, y = real_tensor(input), real_tensor(other)
    cdef np.ndarray z = compute("div", x.array, y.array)
    if recording(x) or recording(y):
        out = record2(z, DIV, x, y,
                      (shape_of(x.array), shape_of(y.array), x.array, y.array))
        out.node.guard(y.version_object())
        if needs_grad(y):
            out.node.guard(x.version_object())
        return out
    return wrap(z)


def rdiv(input, other):
    """other / input."""
    return div(as_tensor(other, input), input)


@operation(out=True)
def pow(input, exponent):
    """input to the power `exponent`.

    Parameters
    ----------
    input, exponent : Tensor or number

    Examples
    --------
    >>> fastnn.pow(fastnn.tensor([1, 3]), 2)
    tensor([1, 9])
    """
    if not isinstance(input, Tensor):
        need_tensors("pow", exponent)
    if isinstance(input, Tensor) and type(exponent) in (int, float) and is_real((<Tensor>input).array):
        return apply("square", input) if exponent == 2 else apply("pow_scalar", input, exponent)
    cdef Tensor x, y, out
    found = ruled("pow", input, exponent)
    if found is not None:
        return found
    x, y = operands(input, exponent)
    if x.array.dtype.kind != "f" and not isinstance(exponent, Tensor) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if x.array.dtype.kind == "b":
        raise NotImplementedError('"pow" not implemented for \'Bool\'')
    cdef np.ndarray z = compute("pow", x.array, y.array)
    if recording(x) or recording(y):
        out = record2(z, POW, x, y,
                      (shape_of(x.array), shape_of(y.array), x.array, y.array, z))
        out.node.guard(x.version_object())
        out.node.guard(y.version_object())
        out.node.guard(out.version_object())
        return out
    return wrap(z)


def rpow(input, other):
    """other to the power `input`."""
    return pow(as_tensor(other, input), input)


cdef object no_slope(Node node, np.ndarray grad):
    return tuple([None if edge is None else numpy.zeros(shape, grad.dtype)
                  for edge, shape in zip(node.edges, node.saved)])


cdef Op STEPWISE = declare("DivBackward1", no_slope, "shape_x shape_y")
STEPWISE.second(lambda step, g: (step.zeros(g, step.shape_x), step.zeros(g, step.shape_y)))


cdef object stepwise(Tensor made, object input, object other):
    """A result that is constant between its steps: in the graph, with gradient 0."""
    if made.array.dtype.kind != "f":
        return made
    cdef Tensor x = as_tensor(input, made), y = as_tensor(other, made)
    if not (recording(x) or recording(y)):
        return made
    return record2(made.array, STEPWISE, x, y, (shape_of(x.array), shape_of(y.array)))


cdef object discrete(str op, object input, object other):
    cdef Tensor x, y
    x, y = operands(input, other)
    if x.array.dtype.kind == "b":
        raise NotImplementedError(f'"{op}" not implemented for \'Bool\'')
    if x.array.dtype.kind in "iu" and not y.array.all():
        raise RuntimeError("ZeroDivisionError")
    return wrap(compute(op, x.array, y.array))


@operation(inplace=True, out=True)
def floor_divide(input, other):
    """The quotient rounded towards minus infinity; no gradient.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.floor_divide(fastnn.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    return discrete("floor_divide", input, other)


def rfloor_divide(input, other):
    """other // input."""
    return as_tensor(other, input) // input


# ---- with a Python number ----

cdef object pass_backward(Node node, np.ndarray grad):
    return grad


cdef object scale_backward(Node node, np.ndarray grad):
    return K.unary_forward("mul_scalar", grad, node.a)


cdef object unscale_backward(Node node, np.ndarray grad):
    return K.unary_forward("div_scalar", grad, node.a)


cdef Op ADD_SCALAR = declare("AddBackward0", pass_backward)
cdef Op MUL_SCALAR = declare("MulBackward0", scale_backward, "", "factor")
cdef Op DIV_SCALAR = declare("DivBackward0", unscale_backward, "", "divisor")
ADD_SCALAR.second(lambda step, g: g)
MUL_SCALAR.second(lambda step, g: g * step.factor)
DIV_SCALAR.second(lambda step, g: g / step.divisor)


cdef Tensor add_scalar(Tensor x, double a):
    cdef np.ndarray z = K.unary_forward("add_scalar", x.array, a)
    return record1(z, ADD_SCALAR, x, ()) if recording(x) else wrap(z)


cdef Tensor mul_scalar(Tensor x, double a):
    cdef np.ndarray z = K.unary_forward("mul_scalar", x.array, a)
    if not recording(x):
        return wrap(z)
    cdef Tensor out = record1(z, MUL_SCALAR, x, ())
    out.node.a = a
    return out


cdef Tensor div_scalar(Tensor x, double a):
    cdef np.ndarray z = K.unary_forward("div_scalar", x.array, a)
    if not recording(x):
        return wrap(z)
    cdef Tensor out = record1(z, DIV_SCALAR, x, ())
    out.node.a = a
    return out


# ---- the operators: small tensors of one shape and dtype take a shorter way to the same kernels ----

cdef int ADD_NUMBER = K.binary_number("add"), SUB_NUMBER = K.binary_number("sub"), MUL_NUMBER = K.binary_number("mul")
cdef int DIV_NUMBER = K.binary_number("div")


cdef inline Tensor alike(int number, object input, object other, Op record):
    """The result for two tensors alike, or None for others; without `record` only for those that do not record."""
    cdef Tensor x, y
    cdef np.ndarray z
    cdef bint records
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        return None
    x, y = <Tensor>input, <Tensor>other
    records = recording(x) or recording(y)
    if records and record is None:
        return None
    z = K.binary_alike(number, x.array, y.array)
    if z is None:
        return None
    return record2(z, record, x, y, ()) if records else wrap(z)


cdef object plus(object input, object other):
    cdef Tensor out = alike(ADD_NUMBER, input, other, ADD_ALIKE)
    if out is not None:
        return out
    return NotImplemented if is_special(other) else add(input, other)


cdef object minus(object input, object other):
    cdef Tensor out = alike(SUB_NUMBER, input, other, SUB_ALIKE)
    if out is not None:
        return out
    return NotImplemented if is_special(other) else sub(input, other)


cdef object times(object input, object other):
    cdef Tensor out = alike(MUL_NUMBER, input, other, None)
    if out is not None:
        return out
    return NotImplemented if is_special(other) else mul(input, other)


cdef object over(object input, object other):
    cdef Tensor out = alike(DIV_NUMBER, input, other, None)
    if out is not None:
        return out
    return NotImplemented if is_special(other) else div(input, other)


_operators.quick_add, _operators.quick_sub, _operators.quick_mul, _operators.quick_div = plus, minus, times, over

# ---- in place ----

cdef object in_place(str op, object input, object other, function, bint reads):
    cdef Tensor x = <Tensor?>input, y
    if isinstance(other, Tensor):
        y = <Tensor>other
        if plain(x, y) and not recording(x) and not recording(y) and np.PyArray_SAMESHAPE(x.array, y.array) \
                and not overlap_partly(x.array, y.array):
            check_inplace(x)
            K.binary_into(op, x.array, x.array, y.array)
            x.bump()
            return x
    return changed(op + "_", x, function, (other,), {}, reads)


@operation("Tensor", scaled=True)
def add_(input, other, *, alpha=1):
    """``add`` in place."""
    return in_place("add", input, other if is_one(alpha) else scaled(input, other, alpha), add, False)


@operation("Tensor", aliases="subtract_", scaled=True)
def sub_(input, other, *, alpha=1):
    """``sub`` in place."""
    return in_place("sub", input, other if is_one(alpha) else scaled(input, other, alpha), sub, False)


@operation("Tensor", aliases="multiply_")
def mul_(input, other):
    """``mul`` in place."""
    return in_place("mul", input, other, mul, True)


@operation("Tensor", aliases="divide_ true_divide_")
def div_(input, other, *, rounding_mode=None):
    """``div`` in place."""
    if rounding_mode is not None:
        return changed("div_", <Tensor?>input, div, (other,), {"rounding_mode": rounding_mode})
    return in_place("div", input, other, div, True)


@operation("Tensor")
def pow_(input, exponent):
    """``pow`` in place."""
    return in_place("pow", input, exponent, pow, True)
