"""How operations take their arguments: tensors, arrays, numbers and lists, of types that may differ."""
import numpy as np

import fastnn
from fastnn._tensor import Tensor
from fastnn.keras import config
from fastnn.keras.variables import array_of, convert

INT32 = config.torch_dtype("int32")


def tensor(x, dtype=None):
    """Tensor of anything; see `convert_to_tensor`.

    Parameters
    ----------
    x : object
    dtype : str, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> tensor([1, 2], "float32")
    tensor([1., 2.])
    """
    return convert(x, None if dtype is None else config.standardize_dtype(dtype))


def floating(x):
    """Tensor of a floating dtype: whole numbers become `config.floatx`.

    Parameters
    ----------
    x : object

    Returns
    -------
    Tensor

    Examples
    --------
    >>> floating([1, 2])
    tensor([1., 2.])
    """
    x = convert(x)
    return x if x.is_floating_point() else x.to(config.torch_dtype(None))


def pair(x1, x2):
    """Two tensors of one dtype: Python's numbers take that of the other, arrays and tensors the wider of both.

    Parameters
    ----------
    x1, x2 : object

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> pair(np.ones(1, "float32"), 2)
    (tensor([1.]), tensor(2.))
    """
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
    """Tensors of one dtype.

    Parameters
    ----------
    xs : sequence of objects

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> many([[1], [0.5]])
    [tensor([1.]), tensor([0.5000])]
    """
    xs = [convert(x) for x in xs]
    common = xs[0].dtype
    for x in xs[1:]:
        if x.dtype is not common:
            common = fastnn.promote_types(common, x.dtype)
    return [x if x.dtype is common else x.to(common) for x in xs]


def axes_of(axis, ndim):
    """Axes as a list of numbers that are not negative; all for None.

    Parameters
    ----------
    axis : int, sequence of int or None
    ndim : int

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        An axis is out of range.

    Examples
    --------
    >>> axes_of(-1, 3), axes_of(None, 2)
    ([2], [0, 1])
    """
    if axis is None:
        return list(range(ndim))
    axes = [int(a) for a in axis] if isinstance(axis, (list, tuple)) else [int(axis)]
    for a in axes:
        if not -ndim <= a < ndim:
            raise ValueError(f"axis {a} is out of bounds for a tensor of {ndim} dimensions")
    return [a % ndim for a in axes]


def sizes(shape):
    """A shape as a list of int.

    Parameters
    ----------
    shape : int, tensor or sequence

    Returns
    -------
    list of int

    Examples
    --------
    >>> sizes((2, 3)), sizes(4)
    ([2, 3], [4])
    """
    if isinstance(shape, Tensor):
        return [int(n) for n in array_of(shape).ravel()]
    if isinstance(shape, (int, np.integer)):
        return [int(shape)]
    return [int(n) for n in shape]


def flattened(x, axis, keepdims, function):
    """Applies a reduction along one axis, several, or all.

    Parameters
    ----------
    x : tensor
    axis : int, sequence of int or None
    keepdims : bool
    function : callable
        ``function(x, axis, keepdims)`` for one axis.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> flattened(tensor([[1, 5], [4, 3]]), None, False, lambda y, a, k: y.argmax(a, keepdim=k))
    tensor(1)
    """
    if axis is None:
        found = function(x.reshape(-1), 0, False)
        return found.reshape([1] * x.ndim) if keepdims else found
    if isinstance(axis, (list, tuple)):
        axes = sorted(axes_of(axis, x.ndim))
        rest = [i for i in range(x.ndim) if i not in axes]
        moved = x.permute(*rest, *axes)
        found = function(moved.reshape(*moved.shape[:len(rest)], -1), len(rest), False)
        return found.reshape([1 if i in axes else x.shape[i] for i in range(x.ndim)]) if keepdims else found
    return function(x, int(axis), keepdims)
