"""Channels and pixels in another order."""
import numpy as np

from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.ops.declare import operation


@operation("fastnn functional")
def channel_shuffle(input, groups):
    """Channels (dimension 1) in another order: first ones of all groups, then second ones, ... (Zhang et al. 2017).

    Parameters
    ----------
    input : Tensor
    groups : int
        Channels are divided into so many groups.

    Examples
    --------
    >>> F.channel_shuffle(fastnn.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    need_tensors("channel_shuffle", input)
    if input.ndim <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and "
                           f"{groups} groups.")
    made = input.unflatten(1, (groups, input.shape[1] // groups)).transpose(1, 2).flatten(1, 2)
    shared = np.may_share_memory(made.detach().numpy(), input.detach().numpy())
    return made.clone() if shared else made  # never a view


@operation("functional")
def pixel_shuffle(input, upscale_factor):
    """Channels to pixels (Shi et al. 2016): (*, C r^2, H, W) becomes (*, C, H r, W r).

    Parameters
    ----------
    input : Tensor
    upscale_factor : int
        r

    Examples
    --------
    >>> F.pixel_shuffle(fastnn.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])
    """
    need_tensors("pixel_shuffle", input)
    r = upscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} "
                         f"dimension(s)")
    if r <= 0:
        raise ShapeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                         f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    if r == 1:
        return input.clone()
    n = len(lead)
    parts = input.reshape(*lead, c // (r * r), r, r, h, w)
    return parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(*lead, c // (r * r), h * r, w * r)


@operation("functional")
def pixel_unshuffle(input, downscale_factor):
    """Pixels to channels: (*, C, H r, W r) becomes (*, C r^2, H, W).

    Parameters
    ----------
    input : Tensor
    downscale_factor : int
        r

    Examples
    --------
    >>> F.pixel_unshuffle(fastnn.arange(4).reshape(1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    need_tensors("pixel_unshuffle", input)
    r = downscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
                         f"{input.ndim} dimension(s)")
    if r <= 0:
        raise ShapeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
                         f"{h}x{w} is not divisible by {r}")
    if r == 1:
        return input.clone()
    n = len(lead)
    parts = input.reshape(*lead, c, h // r, r, w // r, r)
    return parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(*lead, c * r * r, h // r, w // r)
