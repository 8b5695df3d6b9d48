"""How operations take their arguments: tensors, arrays, numbers and lists, of types that may differ."""
import numpy as np

import fastnn
from fastnn._tensor import Tensor
from fastnn.keras import config
from fastnn.keras.variables import array_of, convert

FLOATS = ("float16", "float32", "float64")


def tensor(x, dtype=None):
    """A tensor of anything."""
    return convert(x, None if dtype is None else config.standardize_dtype(dtype))


def floating(x):
    """A tensor of a floating type: whole numbers become `floatx`."""
    x = convert(x)
    return x if x.is_floating_point() else x.to(config.torch_dtype(None))


def pair(x1, x2):
    """Two tensors of one type: Python's numbers take the other's, arrays and tensors the wider of both."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        if x1.dtype is x2.dtype:
            return x1, x2
    elif isinstance(x2, (int, float)) and not isinstance(x2, bool) and not isinstance(x1, (int, float)):
        x1 = convert(x1)
        if isinstance(x2, float) and not x1.is_floating_point():
            return x1.to(config.torch_dtype(None)), convert(x2)
        return x1, convert(np.asarray(x2, array_of(x1).dtype if x1.dtype.name != "bool" else np.int32))
    elif isinstance(x1, (int, float)) and not isinstance(x1, bool) and not isinstance(x2, (int, float)):
        x2, x1 = pair(x2, x1)
        return x1, x2
    x1, x2 = convert(x1), convert(x2)
    if x1.dtype is not x2.dtype:
        common = fastnn.promote_types(x1.dtype, x2.dtype)
        x1, x2 = x1.to(common), x2.to(common)
    return x1, x2


def many(xs):
    """Tensors of one type."""
    xs = [convert(x) for x in xs]
    common = xs[0].dtype
    for x in xs[1:]:
        if x.dtype is not common:
            common = fastnn.promote_types(common, x.dtype)
    return [x if x.dtype is common else x.to(common) for x in xs]


def axes_of(axis, ndim):
    """Axes as a list of positive numbers; all for None."""
    if axis is None:
        return list(range(ndim))
    axes = [int(a) for a in axis] if isinstance(axis, (list, tuple)) else [int(axis)]
    for a in axes:
        if not -ndim <= a < ndim:
            raise ValueError(f"axis {a} is out of bounds for a tensor of {ndim} dimensions")
    return [a % ndim for a in axes]


def sizes(shape):
    """A shape as whole numbers, of which some may be tensors."""
    if isinstance(shape, Tensor):
        return [int(n) for n in array_of(shape).ravel()]
    if isinstance(shape, (int, np.integer)):
        return [int(shape)]
    return [int(n) for n in shape]
