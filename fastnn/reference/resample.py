"""An axis at other positions, and windows of planes as columns."""
import numpy as np

from fastnn.reference.pool import _count, _pair, _windows


def resample_forward(x, index, weight=None, axis=-1):
    moved = np.moveaxis(x, axis, -1)[..., index]
    if weight is not None:
        moved = np.where(weight != 0, moved * weight, 0).astype(x.dtype)
    y = moved.sum(-2)
    return np.ascontiguousarray(np.moveaxis(y, -1, axis))


def resample_backward(grad, index, size, weight=None, axis=-1):
    moved = np.moveaxis(grad, axis, 0)
    dx = np.zeros((size, *moved.shape[1:]), grad.dtype)
    for t in range(index.shape[0]):
        part = moved
        if weight is not None:
            factor = weight[t].reshape(-1, *[1] * (grad.ndim - 1))
            part = np.where(factor != 0, moved * factor, 0)
        np.add.at(dx, index[t], part)
    return np.ascontiguousarray(np.moveaxis(dx, 0, axis))


def _blocks(shape, kernel_size, dilation, padding, stride):
    kernel, dilation, padding, stride = map(_pair, (kernel_size, dilation, padding, stride))
    out = tuple(_count(*sizes, False) for sizes in zip(shape[-2:], kernel, stride, padding, dilation))
    return out, _windows(shape, out, kernel, stride, padding, dilation)


def unfold_forward(x, kernel_size, dilation=1, padding=0, stride=1):
    out, (positions, inside) = _blocks(x.shape, kernel_size, dilation, padding, stride)
    values = np.where(inside, x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])[..., positions], 0).astype(x.dtype)
    columns = np.moveaxis(values, -1, -3)  # (..., C, kH kW, oH, oW)
    return columns.reshape(*x.shape[:-3], x.shape[-3] * positions.shape[-1], out[0] * out[1])


def unfold_backward(grad, output_size, kernel_size, dilation=1, padding=0, stride=1):
    h, w = _pair(output_size)
    out, (positions, inside) = _blocks((h, w), kernel_size, dilation, padding, stride)
    taps = positions.shape[-1]
    n = (*grad.shape[:-2], grad.shape[-2] // taps)
    columns = np.moveaxis(grad.reshape(int(np.prod(n)), taps, *out), 1, -1)
    x = np.zeros((int(np.prod(n)), h * w), grad.dtype)
    np.add.at(x, (slice(None), positions[inside]), columns[:, inside])
    return x.reshape(*n, h, w)


# ---- positions that a grid names ----

def _within(x, last, padding, corners):
    """Positions within the axis, by the padding, and what their change is multiplied by."""
    sign = np.ones_like(x)
    if padding == "zeros":
        return x, sign
    if padding == "reflection":
        low, span = (0, last) if corners else (-0.5, last + 1)
        far = np.abs(x - low)
        sign = np.where(x < low, -1.0, 1.0)
        if span > 0:
            rest, odd = np.fmod(far, span), np.fmod(np.floor(far / span), 2) != 0
            x, sign = np.where(odd, span - rest, rest) + low, np.where(odd, -sign, sign)
        else:
            x = np.zeros_like(x)
    return np.clip(x, 0, last), np.where((x <= 0) | (x >= last), 0, sign)


def grid_places(grid, size, mode, padding, corners):
    """Of positions along an axis the elements read (-1: outside), how far behind the one in front a position lies, and
    how that changes with the position."""
    scale, last = (0.5 * (size - 1) if corners else 0.5 * size), size - 1
    far = 1e30 if grid.dtype == np.float32 else 1e300
    x = (np.clip(np.where(np.isnan(grid), -1, grid), -far, far) + 1) * scale - (0 if corners else 0.5)
    sign = np.ones_like(x)
    if mode != "bicubic":
        x, sign = _within(x, last, padding, corners)
    low = np.rint(x) if mode == "nearest" else np.floor(x)
    steps = {"nearest": (0,), "bilinear": (0, 1), "bicubic": (-1, 0, 1, 2)}[mode]
    elements = [_within(low + step, last, padding, corners)[0] if mode == "bicubic" else low + step for step in steps]
    inside = [(element >= 0) & (element <= last) for element in elements]
    return [np.where(i, element, -1).astype(np.int64) for i, element in zip(inside, elements)], x - low, sign * scale


def grid_weights(t, mode):
    """Weights of the elements by the distance from the one in front, of arrays or tensors: linear, or Keys 1981."""
    def inner(x):
        return (1.25 * x - 2.25) * x * x + 1

    def outer(x):  # at the distance x + 1
        return ((x - 2) * x + 1) * x * -0.75
    if mode == "bicubic":
        return outer(t), inner(t), inner(1 - t), outer(1 - t)
    return (t * 0 + 1,) if mode == "nearest" else (1 - t, t)


def _grid_slopes(t, mode):
    """The weights' derivatives."""
    def inner(x):
        return (3.75 * x - 4.5) * x

    def outer(x):
        return ((3 * x - 4) * x + 1) * -0.75
    if mode == "bicubic":
        return outer(t), inner(t), -inner(1 - t), -outer(1 - t)
    return (t * 0,) if mode == "nearest" else (t * 0 - 1, t * 0 + 1)


def _taps(x, grid, mode, padding, corners):
    """For each element that points read: its element in the flat plane (N, points), whether it is outside, its weight,
    and the weight's derivatives along the axes."""
    sizes = x.shape[:1:-1]  # along x, y, z
    flat = grid.reshape(grid.shape[0], int(np.prod(grid.shape[1:-1])), len(sizes))
    found = [grid_places(flat[..., a], size, mode, padding, corners) for a, size in enumerate(sizes)]
    weights = [grid_weights(t, mode) for _, t, _ in found]
    slopes = [[scale * slope for slope in _grid_slopes(t, mode)] for _, t, scale in found]
    for which in np.ndindex(*[len(elements) for elements, _, _ in found]):
        element, outside = 0, False
        for a in reversed(range(len(sizes))):
            own = found[a][0][which[a]]
            element, outside = element * sizes[a] + own, outside | (own < 0)
        factors = [weights[a][i] for a, i in enumerate(which)]
        gradients = [np.prod([*factors[:a], slopes[a][i], *factors[a + 1:]], axis=0) for a, i in enumerate(which)]
        yield np.where(outside, 0, element), outside, np.prod(factors, axis=0), gradients


def grid_sample_forward(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    planes = x.reshape(*x.shape[:2], int(np.prod(x.shape[2:])))
    y = np.zeros((*x.shape[:2], int(np.prod(grid.shape[1:-1]))), x.dtype)
    for element, outside, weight, _ in _taps(x, grid, mode, padding_mode, align_corners):
        value = np.where(outside[:, None], 0, np.take_along_axis(planes, element[:, None], 2))
        y += (value * weight[:, None]).astype(x.dtype)
    return y.reshape(*x.shape[:2], *grid.shape[1:-1])


def grid_sample_backward(grad, x, grid, mode="bilinear", padding_mode="zeros", align_corners=False, need_input=True,
                         need_grid=True):
    planes = x.reshape(*x.shape[:2], int(np.prod(x.shape[2:])))
    dy = grad.reshape(*x.shape[:2], int(np.prod(grid.shape[1:-1])))
    dx, dgrid = np.zeros_like(planes), np.zeros((grid.shape[0], dy.shape[2], grid.shape[-1]), x.dtype)
    sample, channel = np.ogrid[:x.shape[0], :x.shape[1]]
    for element, outside, weight, slopes in _taps(x, grid, mode, padding_mode, align_corners):
        outside, element = outside[:, None], element[:, None]
        np.add.at(dx, (sample[..., None], channel[..., None], element), np.where(outside, 0, weight[:, None] * dy))
        share = np.where(outside, 0, np.take_along_axis(planes, element, 2) * dy).sum(1)
        dgrid += np.stack([slope * share for slope in slopes], -1).astype(x.dtype)
    return dx.reshape(x.shape) if need_input else None, dgrid.reshape(grid.shape) if need_grid else None
