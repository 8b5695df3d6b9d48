"""Random tensors whose distribution is given by other tensors. The streams are those of PyTorch's CPU generator."""
import numpy as np

from fastnn import dtypes
from fastnn import random as _random
from fastnn._tensor import Tensor, from_array, record
from fastnn.errors import DTypeError
from fastnn.ops._common import into, room
from fastnn.ops.creation import empty


def _floating(name, tensor):
    array = tensor.detach().numpy()
    if array.dtype.kind != "f":
        raise DTypeError(f"{name}: expected a floating-point tensor, got {tensor.dtype}")
    return array


def normal(mean, std=1.0, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
           pin_memory=False, out=None):
    """Normal random numbers: of given mean and deviation (numbers with `size`, or tensors that broadcast).

    Raises
    ------
    RuntimeError
        A deviation below 0, or `size` beside tensors.
    """
    source = generator or _random.default_generator
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None and out is None:
            raise TypeError("normal: expected size, or tensors for mean or std")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        made = empty(size if size is not None else out.shape, dtype=dtype if out is None else out.dtype, device=device)
        source.normal(made.numpy(), mean, std)
        return into("normal", out, made.requires_grad_(requires_grad))
    if size is not None:
        raise TypeError("normal: expected no size beside tensors for mean or std")
    centre = _floating("normal", mean) if isinstance(mean, Tensor) else mean
    spread = _floating("normal", std) if isinstance(std, Tensor) else std
    if np.size(spread) and not np.min(spread) >= 0:
        raise RuntimeError("normal expects all elements of std >= 0.0")
    kind = (centre if isinstance(mean, Tensor) else spread).dtype
    drawn = np.empty(np.broadcast_shapes(np.shape(centre), np.shape(spread)), kind)
    source.normal(drawn, 0.0, 1.0)
    drawn *= spread
    drawn += centre
    return into("normal", out, from_array(drawn))


def bernoulli(input, p=None, *, generator=None, out=None):
    """1 with the probability that each element of `input` (or `p`) gives, else 0. The gradient is zero.

    Raises
    ------
    RuntimeError
        A probability outside of 0 .. 1.
    """
    chances = _floating("bernoulli", input) if p is None else np.broadcast_to(p, input.shape)
    if np.size(chances) and not (np.min(chances) >= 0 and np.max(chances) <= 1):
        raise RuntimeError("bernoulli: expected probabilities of 0 .. 1, "
                           f"got {np.min(chances):.6g} .. {np.max(chances):.6g}")
    drawn = np.empty(input.shape, dtypes.to_numpy(input.dtype))
    source = generator or _random.default_generator
    source.bernoulli(drawn, chances if p is None else p)
    return into("bernoulli", out, record(drawn, np.zeros_like, "BernoulliBackward0", (input,)))


def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Indices drawn in proportion to the weights of each row: int64, (num_samples,) or (rows, num_samples).

    Raises
    ------
    RuntimeError
        Weights that are negative, infinite or NaN, or fewer than `num_samples` without replacement.
    """
    room("multinomial", (*input.shape[:-1], max(num_samples, 0)), 8)
    source = generator or _random.default_generator
    return into("multinomial", out, from_array(source.multinomial(_floating("multinomial", input), num_samples,
                                                                  replacement)))
