"""Padding: constant, reflected, replicated, circular."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import record
from fastnn.ops._common import need_tensors, room
from fastnn.ops.declare import operation


def _sources(size, before, after, mode):
    """For every place of a padded dimension the element that it shows."""
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return places.clip(0, max(size - 1, 0))
    if mode == "circular":  # of what negative widths leave
        first, last = max(-before, 0), size - max(-after, 0)
        return first + np.arange(-max(before, 0), last - first + max(after, 0)) % max(last - first, 1)
    return (size - 1) - np.abs((size - 1) - np.abs(places))  # reflect


def _pad_backward(grad, sizes, sources):
    """Every place hands its gradient to the element that it shows."""
    for axis, (size, source) in enumerate(zip(sizes, sources)):
        if source is not None:
            moved = np.moveaxis(grad, axis, 0)
            total = np.zeros((size,) + moved.shape[1:], grad.dtype)
            np.add.at(total, source, moved)
            grad = np.moveaxis(total, 0, axis)
    return grad


def _padded(x, sizes, sources):
    for axis, source in enumerate(sources):
        if source is not None:
            x = np.take(x, source, axis)
    return x


MODES = {mode: Op(f"{mode.capitalize()}ionPadBackward0", _pad_backward, "sizes sources")
         for mode in ("reflect", "replicate", "circular")}
for _op in MODES.values():
    _op.linear(_padded)


@operation("nn")
def pad(input, pad, mode="constant", value=None):
    """More elements at the borders, `pad` = (before, after) of the last dimension, of the last but one, ...

    `mode`: "constant" (`value`, 0 by default; negative widths crop), "reflect", "replicate" or "circular".

    Parameters
    ----------
    input : Tensor
    pad : tuple of ints
        Elements before and after, of the last dimension first.
    mode : str, default "constant"
    value : number, optional

    Raises
    ------
    RuntimeError
        An odd number of widths, or more of them than twice the dimensions.

    Examples
    --------
    >>> F.pad(fastnn.tensor([[1, 2]]), (1, 1))
    tensor([[0, 1, 2, 0]])
    >>> F.pad(fastnn.tensor([[1.0, 2.0]]), (0, 2), mode="replicate")
    tensor([[1., 2., 2., 2.]])
    """
    need_tensors("pad", input)
    pad = [int(n) for n in pad]
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2: got {len(pad)} numbers")
    if len(pad) // 2 > input.ndim:
        raise RuntimeError(f"Padding length should be less than or equal to two times the input dimension but got "
                           f"padding length {len(pad)} and input of dimension {input.ndim}")
    sizes = tuple(input.shape)
    widths = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    room("pad", [max(size + sum(pair), 0) for size, pair in zip(sizes, widths)], input.itemsize)
    if mode == "constant":
        return _pad_constant(input, sizes, widths, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    spatial = len(pad) // 2
    if input.ndim not in (spatial + 1, spatial + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    for size, (before, after) in zip(sizes, widths):
        if mode == "reflect" and (before >= size or after >= size) and (before or after):
            raise RuntimeError(f"Argument #4: Padding size should be less than the corresponding input dimension, but "
                               f"got: padding ({before}, {after}) at dimension of input {list(sizes)}")
        if mode == "circular" and (before > size or after > size):
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "replicate" and size == 0 and (before or after):
            raise RuntimeError(f"pad: expected a non-empty input for replicate padding, got {list(sizes)}")
    sources = [None if pair == (0, 0) else _sources(size, *pair, mode) for size, pair in zip(sizes, widths)]
    return record(_padded(input.detach().numpy(), sizes, sources), MODES[mode], (input,), (sizes, sources))


def _constant_backward(grad, sizes, kept, inside, result):
    dx = np.zeros(sizes, grad.dtype)
    dx[kept] = grad[inside]
    return dx


CONSTANT_PAD = Op("ConstantPadNdBackward0", _constant_backward, "sizes kept inside result")


@CONSTANT_PAD.linear
def _zero_padded(x, sizes, kept, inside, result):
    out = np.zeros(result, x.dtype)
    out[inside] = x[kept]
    return out


def _pad_constant(input, sizes, widths, value):
    x = input.detach().numpy()
    result = [size + before + after for size, (before, after) in zip(sizes, widths)]
    for axis, size in enumerate(result):
        if size < 0:
            raise RuntimeError(f"The input size {sizes[axis]}, plus negative padding {widths[axis][0]} and "
                               f"{widths[axis][1]}, resulted in a negative output size, which is invalid. Check "
                               f"dimension {axis} of your input.")
    inside = tuple(slice(max(before, 0), max(before, 0) + max(size + min(before, 0) + min(after, 0), 0))
                   for size, (before, after) in zip(sizes, widths))
    kept = tuple(slice(max(-before, 0), max(-before, 0) + (part.stop - part.start))
                 for part, (before, _) in zip(inside, widths))
    out = np.full(result, dtypes.number(value, x.dtype), x.dtype)
    out[inside] = x[kept]
    return record(out, CONSTANT_PAD, (input,), (sizes, kept, inside, result))
