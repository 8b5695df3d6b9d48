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
