"""Arithmetic of two and three operands without kernels of its own: NumPy's, or made of other operations."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import sum_to
from fastnn.ops import arithmetic, inplace
from fastnn.ops._common import broadcast_shapes, need_tensors, promote
from fastnn.ops.arithmetic import add, div, mul, rsub, sub
from fastnn.ops.declare import operation
from fastnn.ops.indexing import where
from fastnn.ops.products import scaled_by


@operation(inplace=True, out=True, scaled=True)
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2, with broadcasting.

    Parameters
    ----------
    input : Tensor
    tensor1 : Tensor
    tensor2 : Tensor
    value : number, default 1

    Examples
    --------
    >>> fastnn.addcmul(fastnn.tensor([1.0]), fastnn.tensor([2.0]), fastnn.tensor([3.0]), value=10)
    tensor([61.])
    """
    need_tensors("addcmul", input, tensor1, tensor2)
    if input.is_floating_point() and not (tensor1.is_floating_point() or tensor2.is_floating_point()):
        tensor1 = tensor1.to(input.dtype)  # before the product, which may be too large for integers
    product = mul(tensor1, tensor2)
    if not product.is_floating_point() and not input.is_floating_point():
        value = int(value)  # integers stay what they are
    return add(input, scaled_by(product, value))


@operation(inplace=True, out=True, scaled=True)
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2, with broadcasting.

    Parameters
    ----------
    input : Tensor
    tensor1 : Tensor
    tensor2 : Tensor
    value : number, default 1

    Examples
    --------
    >>> fastnn.addcdiv(fastnn.tensor([1.0]), fastnn.tensor([6.0]), fastnn.tensor([3.0]), value=10)
    tensor([21.])
    """
    need_tensors("addcdiv", input, tensor1, tensor2)
    if not (tensor1.is_floating_point() or tensor2.is_floating_point()):
        raise RuntimeError("Integer division with addcdiv is no longer supported; use (input + value * torch.trunc("
                           "tensor1 / tensor2)) for integers")
    return add(input, div(scaled_by(tensor1, value), tensor2))


@operation(inplace=True, out=True)
def lerp(input, end, weight):
    """input + weight * (end - input): between the two, for weights of [0, 1]; from a weight of 0.5, counted from `end`.

    Parameters
    ----------
    input : Tensor
    end : Tensor
    weight : number or Tensor

    Examples
    --------
    >>> fastnn.lerp(fastnn.tensor([0.0]), fastnn.tensor([10.0]), 0.25)
    tensor([2.5000])
    """
    need_tensors("lerp", input, end)
    if input.dtype is not end.dtype:
        raise RuntimeError(f"expected dtype {input.dtype} for `end` but got dtype {end.dtype}")
    if isinstance(weight, Tensor) and weight.ndim and weight.dtype is not input.dtype:
        raise RuntimeError(f"expected dtype {input.dtype} for `weight` but got dtype {weight.dtype}")
    if isinstance(weight, Tensor) and weight.dtype is dtypes.bool:
        weight = weight.to(input.dtype)
    step = sub(end, input)
    if not isinstance(weight, Tensor):
        return add(input, mul(step, weight)) if abs(weight) < 0.5 else sub(end, mul(step, 1 - weight))
    first_half = weight.detach() < 0.5
    return where(first_half, add(input, mul(step, weight)), sub(end, mul(step, rsub(weight, 1))))


def pair_of(op, x, y, floating=True, numbers=False):
    """Both as tensors of their common dtype; `numbers`: one of them may be a Python number."""
    if not numbers or not isinstance(x, Tensor) and not isinstance(y, Tensor):
        need_tensors(op, x, y)
    dtype = promote(x, y)
    if floating and dtype.kind != "f":
        dtype = dtypes.get_computing_dtype().numpy
    return tuple(v.to(dtype) if isinstance(v, Tensor) else from_array(np.asarray(v).astype(dtype)) for v in (x, y))


def _share(grad, slope, like, whole):
    """What a slope leaves of the gradient; a slope of bools chooses."""
    part = np.where(slope, grad, 0) if slope.dtype == bool else grad * slope
    return sum_to(np.ascontiguousarray(np.broadcast_to(part, whole.shape).astype(like.dtype, copy=False)), like.shape)


def _binary_backward(grad, x, y, z, slopes):
    with np.errstate(all="ignore"):
        return tuple(None if slope is None else _share(grad, slope, v, z)
                     for slope, v in zip(slopes(x, y, z), (x, y)))


def binary_op(op, node, function, slopes, second):
    """A function of two NumPy arrays as an operation on tensors of one dtype.

    ``slopes(x, y, z)`` gives both derivatives, ``second(x, y, z)`` the same of tensors; those of bools choose.
    """
    made = Op(node, _binary_backward, "x y z slopes")

    @made.second
    def rule(step, g):
        x, y = step.input(step.x, 0), step.input(step.y, 1)
        z = step.output(step.z.astype(step.x.dtype, copy=False))
        return tuple(None if edge is None else
                     step.sum_to(where(slope, g, 0.0) if slope.dtype is dtypes.bool else g * slope, v.shape)
                     for edge, slope, v in zip(step.edges, second(x, y, z), (step.x, step.y)))

    def operation(x, y):
        a, b = x.detach().numpy(), y.detach().numpy()
        with np.errstate(all="ignore"):
            try:
                z = np.asarray(function(a, b))
            except ValueError as error:
                raise RuntimeError(f"{op}: {error}") from None
        return record(z.astype(a.dtype, copy=False), made, (x, y), (a, b, z, slopes), (x, y))
    return operation


def _zero_free(b, size, minus_a):
    return np.where(size == 0, 0, b / size), np.where(size == 0, 0, minus_a / size)


def _angle_slopes_of(a, b, z):
    size = a * a + b * b
    return where(size == 0, 0.0, b / size), where(size == 0, 0.0, -a / size)


ATAN2 = binary_op("atan2", "Atan2Backward0", np.arctan2, lambda a, b, z: _zero_free(b, a * a + b * b, -a),
                  _angle_slopes_of)
HYPOT = binary_op("hypot", "HypotBackward0", np.hypot, lambda a, b, z: (a / z, b / z), lambda a, b, z: (a / z, b / z))
COPYSIGN = binary_op("copysign", "CopysignBackward0", np.copysign,
                     lambda a, b, z: (np.where(a == 0, 0, z / a), np.zeros_like(b)),
                     lambda a, b, z: (div(z, where(a == 0, 1.0, a)), b.detach() * 0))


@operation(aliases="arctan2", inplace=True, out=True)
def atan2(input, other):
    """The angle of the point (other, input) with the positive x axis, in [-pi, pi].

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.atan2(fastnn.tensor([1.0]), fastnn.tensor([1.0]))
    tensor([0.7854])
    """
    return ATAN2(*pair_of("atan2", input, other))


@operation(inplace=True, out=True)
def hypot(input, other):
    """sqrt(x^2 + y^2), without overflow.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.hypot(fastnn.tensor([3.0]), fastnn.tensor([4.0]))
    tensor([5.])
    """
    return HYPOT(*pair_of("hypot", input, other))


@operation(inplace=True, out=True)
def copysign(input, other):
    """The size of x with the sign of y.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.copysign(fastnn.tensor([3.0, 4.0]), fastnn.tensor([-1.0, 1.0]))
    tensor([-3.,  4.])
    """
    return COPYSIGN(*pair_of("copysign", input, other, numbers=isinstance(input, Tensor)))


@operation(inplace=True, out=True)
def heaviside(input, values):
    """0 where x < 0, 1 where x > 0, `values` where x = 0.

    Parameters
    ----------
    input : Tensor
    values : Tensor

    Examples
    --------
    >>> fastnn.heaviside(fastnn.tensor([-2.0, 0.0, 2.0]), fastnn.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    need_tensors("heaviside", input, values)
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    broadcast_shapes(tuple(input.shape), tuple(values.shape))
    x, y = input.detach().numpy(), values.detach().numpy()
    return from_array(np.asarray(np.where(x == 0, y, x > 0)).astype(x.dtype))


def _extreme(op, node, function, first):
    """`first`: where x is the result."""
    return binary_op(op, node, function, lambda a, b, z: (first(a, b), ~first(a, b)),
                     lambda a, b, z: (first(a, b), ~first(a, b)))


FMAX = _extreme("fmax", "FmaxBackward0", np.fmax, lambda a, b: (a >= b) | (b != b))
FMIN = _extreme("fmin", "FminBackward0", np.fmin, lambda a, b: (a <= b) | (b != b))


@operation(out=True)
def fmax(input, other):
    """The larger of the two; a number wins over NaN.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.fmax(fastnn.tensor([1.0, float("nan")]), fastnn.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """
    return FMAX(*pair_of("fmax", input, other, False))


@operation(out=True)
def fmin(input, other):
    """The smaller of the two; a number wins over NaN.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.fmin(fastnn.tensor([1.0, float("nan")]), fastnn.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """
    return FMIN(*pair_of("fmin", input, other, False))


def _in_float64(name, function):
    """An in-place form for float64 tensors alone, since the result is of that dtype."""
    made = inplace.form(name, function)

    def method(self, *args, **kwargs):
        if self.dtype is not dtypes.float64:
            raise RuntimeError(f"the base given to {name}_ has dtype {self.dtype} but the operation's result requires "
                               f"dtype {dtypes.float64}")
        return made(self, *args, **kwargs)
    method.__name__, method.__doc__, method.__wrapped__ = made.__name__, made.__doc__, function
    return method


@operation(inplace=_in_float64, out=True)
def float_power(input, exponent):
    """x to the power y, in float64.

    Parameters
    ----------
    input, exponent : Tensor or number

    Examples
    --------
    >>> fastnn.float_power(fastnn.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=torch.float64)
    """
    if not isinstance(input, Tensor):
        need_tensors("float_power", exponent)
    x, y = (v.to(dtypes.float64) if isinstance(v, Tensor) else v for v in (input, exponent))
    if not isinstance(x, Tensor):
        x = from_array(np.asarray(x, np.float64))
    return arithmetic.pow(x, y)


NEXTAFTER = binary_op("nextafter", "NextafterBackward0", np.nextafter,
                      lambda a, b, z: (np.ones_like(a), np.zeros_like(b)),
                      lambda a, b, z: (a.detach() * 0 + 1, b.detach() * 0))


@operation(inplace=True, out=True)
def nextafter(input, other):
    """The next number that the dtype holds after x, in the direction of y.

    Its gradient, which PyTorch lacks, is 1 for x and 0 for y.

    Parameters
    ----------
    input, other : Tensor
        Of floating-point numbers.

    Examples
    --------
    >>> fastnn.nextafter(fastnn.tensor(1.0), fastnn.tensor(2.0)).item()
    1.0000001192092896
    """
    need_tensors("nextafter", input, other)
    if not input.is_floating_point() and not other.is_floating_point() or dtypes.bfloat16 in (input.dtype, other.dtype):
        raise NotImplementedError(f'"nextafter" not implemented for {input.dtype}')
    return NEXTAFTER(*pair_of("nextafter", input, other))


@operation(inplace=True, out=True)
def ldexp(input, other):
    """x 2^y.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.ldexp(fastnn.tensor([1.0, 3.0]), fastnn.tensor([2, 3]))
    tensor([ 4., 24.])
    """
    need_tensors("ldexp", input, other)
    two = from_array(np.asarray(2.0, other.dtype.numpy if other.is_floating_point() else input.dtype.numpy
                                if input.is_floating_point() else dtypes.get_computing_dtype().numpy))
    return arithmetic.mul(input, arithmetic.pow(two, other))


def _whole(op, text, function):
    def operation(input, other):
        x, y = pair_of(op, input, other, False, op.startswith("bitwise"))
        if x.is_floating_point() or x.dtype is dtypes.bool:
            raise NotImplementedError(f'"{op}_cpu" not implemented for {x.dtype}')
        broadcast_shapes(tuple(x.shape), tuple(y.shape))
        return from_array(np.asarray(function(x.numpy(), y.numpy())).astype(x.numpy().dtype))
    operation.__name__ = operation.__qualname__ = op
    operation.__doc__ = f"""{text}, of integers.

    Parameters
    ----------
    input, other : Tensor{" or number" if op.startswith("bitwise") else ""}

    Examples
    --------
    >>> fastnn.{op}(fastnn.tensor([12]), fastnn.tensor([2]))
    tensor([{function(12, 2)}])
    """
    return operation


gcd = _whole("gcd", "The greatest common divisor", np.gcd)
lcm = _whole("lcm", "The least common multiple", lambda x, y: np.abs(np.lcm(x, y)))

bitwise_left_shift = _whole("bitwise_left_shift", "Bits moved left: x 2^y", np.left_shift)

bitwise_right_shift = _whole("bitwise_right_shift", "Bits moved right: floor(x / 2^y)", np.right_shift)
operation(inplace=True, out=True)(gcd, lcm, bitwise_left_shift, bitwise_right_shift)
