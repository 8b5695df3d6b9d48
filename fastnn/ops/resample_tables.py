"""Weighted sums of positions along each axis, by tables: what interpolation and adaptive averages are."""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import record


def frozen(*arrays):
    for array in arrays:
        if array is not None:
            array.flags.writeable = False
    return arrays


def _tables_backward(grad, tables, shape):
    for axis in range(len(shape) - len(tables), len(shape)):
        index, weight = tables[axis - len(shape)]
        grad = kernels.resample_backward(grad, index, shape[axis], weight, axis)
    return grad


def _weighted(x, tables):
    for axis in range(-1, -1 - len(tables), -1):
        x = kernels.resample_forward(x, *tables[axis], axis)
    return x


RESAMPLED = {name: Op(name, _tables_backward, "tables shape") for name in (
    *(f"Upsample{mode}{dims}DBackward0" for mode in ("Nearest", "NearestExact") for dims in (1, 2, 3)),
    "UpsampleLinear1DBackward0", "UpsampleBilinear2DBackward0", "UpsampleTrilinear3DBackward0",
    "UpsampleBicubic2DBackward0", "AdaptiveAvgPool3DBackward0", "MeanBackward1")}


def _tables_second(step, g):
    """In the graph with its input, as PyTorch's rule reads it."""
    return step.linear(g, lambda grad: _tables_backward(grad, *step.saved), lambda x: _weighted(x, step.tables),
                       step.inputs()[0], step.shape)


for _op in RESAMPLED.values():
    _op.second(_tables_second)


def resampled(name, input, tables):
    """The last axes, each by its table."""
    x = input.detach().numpy()
    y = x
    for axis in range(-1, -1 - len(tables), -1):
        index, weight = tables[axis]
        if x.dtype.kind == "f":
            y = kernels.resample_forward(y, index, weight, axis)
        elif weight is None:
            y = y.take(index[0], axis)
        else:  # bytes: weights as 16-bit integers, rounded after each axis, as in PyTorch
            unit = 2.0 ** next(p for p in range(23) if p == 22 or 0.5 + weight.max() * 2 ** (p + 1) >= 2**15)
            whole = np.trunc(weight * unit + np.copysign(0.5, weight))
            y = np.floor(kernels.resample_forward(y.astype(weight.dtype), index, whole, axis) / unit + 0.5)
            y = np.clip(y, 0, 255).astype(x.dtype)
    return record(y, RESAMPLED[name], (input,), (tables, x.shape))
