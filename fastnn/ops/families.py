"""Random numbers whose generator rejects (`fastnn.ops.draws`), with gradients of their parameters.

The gradient of a gamma or beta number is implicit, dx/da = -(dF/da) / (dF/dx) of its distribution function F (Figurnov,
Mohamed and Mnih 2018); the derivatives of F come from its series and fractions, differentiated term by term, where
PyTorch takes approximations.
"""
import numpy as np

from fastnn import random as _random
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import draws
from fastnn.ops._common import need_tensors
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.gamma_functions import digamma_of, incomplete
from fastnn.ops.incomplete import beta_series


def _floating(op, *tensors):
    need_tensors(op, *tensors)
    for tensor in tensors:
        if not tensor.is_floating_point():
            raise RuntimeError(f"{op}: expected a floating-point tensor, got {tensor.dtype}")
    return [tensor.detach().numpy() for tensor in tensors]


def _source(generator):
    return _random.default_generator if generator is None else generator


def _drawn(op, generator, kind, *parameters):
    with np.errstate(all="ignore"):
        return np.asarray(draws.draw(op, _source(generator), *parameters)).astype(kind)


@operation("fastnn")
def poisson(input, generator=None):
    """Poisson random numbers of the rates `input`, element by element, with PyTorch's stream; their gradient is zero.

    Parameters
    ----------
    input : Tensor
        Rates, none negative.
    generator : Generator, optional

    Raises
    ------
    RuntimeError
        A negative rate.

    Examples
    --------
    >>> fastnn.poisson(fastnn.tensor([0.0, 3.0])).shape
    torch.Size([2])
    """
    rate, = _floating("poisson", input)
    if rate.size and not (rate >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return record(_drawn("poisson", generator, rate.dtype, rate), constant("PoissonBackward0"), (input,), (rate.shape,))


def _binomial_backward(grad, count_shape, prob_shape):
    return np.zeros(count_shape, grad.dtype), np.zeros(prob_shape, grad.dtype)


BINOMIAL = Op("BinomialBackward0", _binomial_backward, "count_shape prob_shape")
BINOMIAL.second(lambda step, g: (step.zeros(g, step.count_shape), step.zeros(g, step.prob_shape)))


@operation("fastnn")
def binomial(count, prob, generator=None):
    """Binomial random numbers: successes of probability `prob` among `count` trials, with PyTorch's stream.

    Parameters
    ----------
    count, prob : Tensor
        Both broadcast; of one floating dtype.
    generator : Generator, optional

    Examples
    --------
    >>> fastnn.binomial(fastnn.tensor([4.0, 4.0]), fastnn.tensor([0.0, 1.0]))
    tensor([0., 4.])
    """
    n, p = _floating("binomial", count, prob)
    if n.dtype != p.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype} but expected {count.dtype}")
    n, p = np.broadcast_arrays(n, p)
    return record(_drawn("binomial", generator, n.dtype, n, p), BINOMIAL, (count, prob),
                  (tuple(count.shape), tuple(prob.shape)))


def _standard_gamma_backward(grad, shape, drawn):
    return np.asarray(grad * _gamma_slope(shape, drawn)).astype(shape.dtype)


IMPLICIT = "the implicit gradient of a random number is a series of its own; PyTorch does not differentiate it either"
STANDARD_GAMMA = Op("StandardGammaBackward0", _standard_gamma_backward, "shape drawn", reason=IMPLICIT)


@operation("fastnn")
def _standard_gamma(input, generator=None):
    """Gamma random numbers of the shapes `input` and rate 1, with the implicit gradient."""
    shape, = _floating("_standard_gamma", input)
    made = np.maximum(_drawn("gamma", generator, shape.dtype, shape), np.finfo(shape.dtype).tiny)
    return record(made, STANDARD_GAMMA, (input,), (shape, made))


def _gamma_slope(shape, value):
    good = shape > 0
    return incomplete(np.where(good, shape, 1.0).astype(np.float64), value.astype(np.float64))[3] * good


@operation("fastnn")
def _standard_gamma_grad(input, output):
    """dx/da of a gamma number x = `output` of the shape a = `input`."""
    shape, value = np.broadcast_arrays(*_floating("_standard_gamma_grad", input, output))
    return from_array(np.asarray(_gamma_slope(shape, value)).astype(value.dtype))


def _beta_slope(x, a, total):
    """dx/da / (1 - x) of a beta number x of a and b = total - a."""
    b = total - a
    with np.errstate(all="ignore"):
        left = x <= (a + 1) / (total + 2)
        s, s_a, s_b = beta_series(np.where(left, x, 1 - x), np.where(left, a, b), np.where(left, b, a))
        log = np.log(np.maximum(x, 1e-320))
        common = digamma_of(total) + log
        lower = -x / a * (s * (common - digamma_of(a + 1)) + s_a)
        upper = x / b * (s * (common - digamma_of(a)) + s_b)
        return np.where(x > 0, np.where(left, lower, upper), 0)


@operation("fastnn")
def _dirichlet_grad(x, alpha, total):
    """dx_i/dalpha_i / (1 - x_i) of the parts of Dirichlet numbers, `total` being the sum of `alpha`."""
    arrays = np.broadcast_arrays(*_floating("_dirichlet_grad", x, alpha, total))
    return from_array(np.asarray(_beta_slope(*(each.astype(np.float64) for each in arrays))).astype(arrays[0].dtype))


@operation("fastnn")
def _sample_dirichlet(input, generator=None):
    """Dirichlet random numbers of the concentrations `input`, without gradient."""
    shape, = _floating("_sample_dirichlet", input)
    drawn = np.asarray(draws.draw("gamma", _source(generator), shape))
    total = drawn.sum(-1, keepdims=True)
    tiny = np.finfo(shape.dtype).tiny
    return from_array(np.clip(drawn / np.where(total == 0, 1, total), tiny, 1 - np.finfo(shape.dtype).epsneg).astype(
        shape.dtype))


def _dirichlet_backward(grad, alpha, x):
    total = np.broadcast_to(alpha.sum(-1, keepdims=True, dtype=np.float64), alpha.shape)
    slope = _beta_slope(x.astype(np.float64), alpha.astype(np.float64), total)
    return np.asarray(slope * (grad - (x * grad).sum(-1, keepdims=True))).astype(alpha.dtype)


DIRICHLET = Op("_DirichletBackward", _dirichlet_backward, "alpha x", reason=IMPLICIT)


def dirichlet(concentration):
    """Dirichlet random numbers with the implicit gradient of their parts, each of which has a beta distribution."""
    x = _sample_dirichlet(concentration.detach()).numpy()
    return record(x, DIRICHLET, (concentration,), (concentration.detach().numpy(), x))
