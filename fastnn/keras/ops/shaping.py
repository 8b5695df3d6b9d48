"""Making tensors, and arranging what they hold."""
import math

import numpy as np

import fastnn
from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.ops.common import axes_of, floating, many, pair, sizes, tensor
from fastnn.keras.symbolic import KerasTensor, operation
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F


# ---- making ----

def _numpy(dtype):
    return config.torch_dtype(dtype).numpy


def zeros(shape, dtype=None):
    """Tensor of zeros.

    Parameters
    ----------
    shape : tuple
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.zeros((2,))
    tensor([0., 0.])
    """
    return from_array(np.zeros(sizes(shape), _numpy(dtype)))


def ones(shape, dtype=None):
    """Tensor of ones.

    Parameters
    ----------
    shape : tuple
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ones((2,), "int32")
    tensor([1, 1], dtype=torch.int32)
    """
    return from_array(np.ones(sizes(shape), _numpy(dtype)))


def empty(shape, dtype=None):
    """Tensor of zeros; memory is never left as it is.

    Parameters
    ----------
    shape : tuple
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.empty((2,))
    tensor([0., 0.])
    """
    return zeros(shape, dtype)


def full(shape, fill_value, dtype=None):
    """Tensor of one value.

    Parameters
    ----------
    shape : tuple
    fill_value : number or tensor
    dtype : str, optional
        That of the value without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.full((2,), 7)
    tensor([7, 7], dtype=torch.int32)
    """
    value = array_of(convert(fill_value, None if dtype is None else config.standardize_dtype(dtype)))
    return from_array(np.array(np.broadcast_to(value, sizes(shape))))


def _like(x, dtype):
    return config.dtype_of(x) if dtype is None else dtype


@operation
def zeros_like(x, dtype=None):
    """Zeros in the shape and dtype of `x`.

    Parameters
    ----------
    x : tensor
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.zeros_like([1.0, 2.0])
    tensor([0., 0.])
    """
    x = tensor(x)
    return zeros(x.shape, _like(x, dtype))


@operation
def ones_like(x, dtype=None):
    """Ones in the shape and dtype of `x`.

    Parameters
    ----------
    x : tensor
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ones_like([1.0, 2.0])
    tensor([1., 1.])
    """
    x = tensor(x)
    return ones(x.shape, _like(x, dtype))


@operation
def full_like(x, fill_value, dtype=None):
    """One value in the shape and dtype of `x`.

    Parameters
    ----------
    x : tensor
    fill_value : number
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.full_like([1.0, 2.0], 7)
    tensor([7., 7.])
    """
    x = tensor(x)
    return full(x.shape, fill_value, _like(x, dtype))


@operation
def empty_like(x, dtype=None):
    """Zeros in the shape and dtype of `x`; memory is never left as it is.

    Parameters
    ----------
    x : tensor
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.empty_like([1.0, 2.0])
    tensor([0., 0.])
    """
    return zeros_like(x, dtype)


def array(x, dtype=None):
    """Tensor of an array, nested lists or a number.

    Parameters
    ----------
    x : object
    dtype : str, optional
        As in `convert_to_tensor`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.array([1, 2], "float32")
    tensor([1., 2.])
    """
    return tensor(x, dtype)


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from `start` up to, but without, `stop`; from 0 if only one is given.

    Parameters
    ----------
    start, stop, step : number
    dtype : str, optional
        int32 for whole numbers, else `config.floatx`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.arange(3), keras.ops.arange(1, 2, 0.5)
    (tensor([0, 1, 2], dtype=torch.int32), tensor([1.0000, 1.5000]))
    """
    given = [n for n in (start, stop, step) if n is not None]
    values = [float(n) if not isinstance(n, (int, np.integer))
              and "float" in np.asarray(array_of(convert(n))).dtype.name else int(n) for n in given]
    if dtype is None:
        dtype = config.floatx() if any(isinstance(n, float) for n in values) else "int32"
    start, stop, step = (0, values[0], 1) if stop is None else (values[0], values[1],
                                                                values[2] if step is not None else 1)
    return from_array(np.arange(start, stop, step, _numpy(dtype)))


def _spaced(function, start, stop, num, endpoint, dtype, axis, **options):
    made = function(array_of(convert(start)).astype(np.float64), array_of(convert(stop)).astype(np.float64), num,
                    endpoint=endpoint, axis=axis, **options)
    return from_array(np.ascontiguousarray(made).astype(_numpy(dtype)))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` evenly spaced numbers from `start` to `stop`.

    Parameters
    ----------
    start, stop : number or tensor
    num : int
    endpoint : bool
        Whether `stop` is among them.
    retstep : bool
        Whether to return the step too.
    dtype : str, optional
        `config.floatx` without it.
    axis : int
        Of the numbers, for tensors.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    made = _spaced(np.linspace, start, stop, num, endpoint, dtype, axis)
    if not retstep:
        return made
    parts = num - 1 if endpoint else num
    return made, (floating(stop) - floating(start)) / parts if parts else convert(float("nan"))


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """``base ** linspace(start, stop, num)``

    Parameters
    ----------
    start, stop, num, endpoint, dtype, axis
        As in `linspace`.
    base : number

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    return _spaced(np.logspace, start, stop, num, endpoint, dtype, axis, base=base)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop` in constant proportion.

    Parameters
    ----------
    start, stop, num, endpoint, dtype, axis
        As in `linspace`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.geomspace(1, 8, 4)
    tensor([1., 2., 4., 8.])
    """
    return _spaced(np.geomspace, start, stop, num, endpoint, dtype, axis)


def eye(N, M=None, k=0, dtype=None):
    """Matrix of ones on a diagonal, else zeros.

    Parameters
    ----------
    N : int
        Rows.
    M : int, optional
        Columns; `N` without it.
    k : int
        Number of the diagonal; positive ones are above the main diagonal.
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    return from_array(np.eye(int(N), None if M is None else int(M), k, _numpy(dtype)))


def identity(n, dtype=None):
    """Identity matrix.

    Parameters
    ----------
    n : int
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.identity(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """Matrix of ones on and below a diagonal, else zeros.

    Parameters
    ----------
    N : int
        Rows.
    M : int, optional
        Columns; `N` without it.
    k : int
        Number of the diagonal; positive ones are above the main diagonal.
    dtype : str, optional
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tri(2, 3)
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return from_array(np.tri(int(N), M, k, _numpy(dtype)))


def _window(name, title, result):
    def call(x):
        return from_array(getattr(np, name)(int(x)).astype(config.floatx()))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{title} window of `x` points.

    Parameters
    ----------
    x : int

    Returns
    -------
    Tensor (x,)

    Examples
    --------
    >>> keras.ops.{name}(3).abs().round(decimals=4)
    {result}
    """
    return call


bartlett, blackman = (_window(name, name.capitalize(), "tensor([0., 1., 0.])") for name in ("bartlett", "blackman"))
hamming = _window("hamming", "Hamming", "tensor([0.0800, 1.0000, 0.0800])")
hanning = _window("hanning", "Hann", "tensor([0., 1., 0.])")


def kaiser(x, beta):
    """Kaiser window of `x` points.

    Parameters
    ----------
    x : int
    beta : float

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.kaiser(3, 0.0)
    tensor([1., 1., 1.])
    """
    return from_array(np.kaiser(int(x), float(beta)).astype(config.floatx()))


# ---- shapes ----

def shape(x):
    """Shape as a tuple; None for sizes that a symbolic tensor does not know.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    tuple

    Examples
    --------
    >>> keras.ops.shape(keras.Input((3,)))
    (None, 3)
    """
    return tuple(x.shape) if isinstance(x, KerasTensor) else tuple(tensor(x).shape)


def ndim(x):
    """Number of axes.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    int

    Examples
    --------
    >>> keras.ops.ndim([[1, 2]])
    2
    """
    return len(shape(x))


def size(x):
    """Number of elements.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    int

    Examples
    --------
    >>> keras.ops.size([[1, 2]])
    2
    """
    return math.prod(shape(x))


@operation
def reshape(x, newshape):
    """Tensor of another shape.

    Parameters
    ----------
    x : tensor
    newshape : tuple
        One size may be -1: what the others leave.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.reshape([1, 2, 3, 4], (2, -1))
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return tensor(x).reshape(sizes(newshape))


@operation
def ravel(x):
    """All elements as a vector.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ravel([[1, 2], [3, 4]])
    tensor([1, 2, 3, 4], dtype=torch.int32)
    """
    return tensor(x).reshape(-1)


@operation
def transpose(x, axes=None):
    """Axes in another order.

    Parameters
    ----------
    x : tensor
    axes : sequence of int, optional
        Reversed order without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.transpose([[1, 2], [3, 4]])
    tensor([[1, 3],
            [2, 4]], dtype=torch.int32)
    """
    x = tensor(x)
    return x.permute(*(range(x.ndim - 1, -1, -1) if axes is None else axes))


@operation
def swapaxes(x, axis1, axis2):
    """Exchanges two axes.

    Parameters
    ----------
    x : tensor
    axis1, axis2 : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    torch.Size([4, 3, 2])
    """
    return tensor(x).transpose(axis1, axis2)


@operation
def moveaxis(x, source, destination):
    """Moves axes to other positions; the rest keep their order.

    Parameters
    ----------
    x : tensor
    source, destination : int or sequence of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    return tensor(x).movedim(source, destination)


@operation
def expand_dims(x, axis):
    """Inserts axes of size 1.

    Parameters
    ----------
    x : tensor
    axis : int or sequence of int
        In the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.expand_dims([1, 2], 0)
    tensor([[1, 2]], dtype=torch.int32)
    """
    x = tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    for a in sorted(axes_of(axes, x.ndim + len(axes))):
        x = x.unsqueeze(a)
    return x


@operation
def squeeze(x, axis=None):
    """Removes axes of size 1.

    Parameters
    ----------
    x : tensor
    axis : int or sequence of int, optional
        All of size 1 without it.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        An axis of another size.

    Examples
    --------
    >>> keras.ops.squeeze([[1, 2]])
    tensor([1, 2], dtype=torch.int32)
    """
    x = tensor(x)
    if axis is None:
        return x.squeeze()
    for a in sorted(axes_of(axis, x.ndim), reverse=True):
        if x.shape[a] != 1:
            raise ValueError(f"Cannot squeeze axis {a} of a tensor of shape {tuple(x.shape)}: its size is not 1")
        x = x.squeeze(a)
    return x


@operation
def broadcast_to(x, shape):
    """Repeats a tensor along axes of size 1, without a copy.

    Parameters
    ----------
    x : tensor
    shape : tuple

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.broadcast_to([1, 2], (2, 2))
    tensor([[1, 2],
            [1, 2]], dtype=torch.int32)
    """
    return tensor(x).expand(sizes(shape))


@operation
def flip(x, axis=None):
    """Reverses axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.flip([1, 2, 3])
    tensor([3, 2, 1], dtype=torch.int32)
    """
    x = tensor(x)
    return x.flip(axes_of(axis, x.ndim))


@operation
def fliplr(x):
    """Reverses the second axis.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.fliplr([[1, 2], [3, 4]])
    tensor([[2, 1],
            [4, 3]], dtype=torch.int32)
    """
    return tensor(x).flip(1)


@operation
def flipud(x):
    """Reverses the first axis.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.flipud([[1, 2], [3, 4]])
    tensor([[3, 4],
            [1, 2]], dtype=torch.int32)
    """
    return tensor(x).flip(0)


@operation
def roll(x, shift, axis=None):
    """Shifts elements along axes; those that leave at the end enter at the start.

    Parameters
    ----------
    x : tensor
    shift : int or sequence of int
    axis : int or sequence of int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.roll([1, 2, 3], 1)
    tensor([3, 1, 2], dtype=torch.int32)
    """
    return tensor(x).roll(shift, axis)


@operation
def rot90(array, k=1, axes=(0, 1)):
    """Rotates by `k` right angles, from the first axis of `axes` to the second.

    Parameters
    ----------
    array : tensor
    k : int
    axes : pair of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.rot90([[1, 2], [3, 4]])
    tensor([[2, 4],
            [1, 3]], dtype=torch.int32)
    """
    return tensor(array).rot90(k, list(axes))


@operation
def tile(x, repeats):
    """Repeats a tensor along each axis.

    Parameters
    ----------
    x : tensor
    repeats : int or sequence of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tile([1, 2], 2)
    tensor([1, 2, 1, 2], dtype=torch.int32)
    """
    return tensor(x).tile(sizes(repeats))


@operation
def repeat(x, repeats, axis=None):
    """Repeats each element.

    Parameters
    ----------
    x : tensor
    repeats : int or tensor of int
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.repeat([1, 2], 2)
    tensor([1, 1, 2, 2], dtype=torch.int32)
    """
    x = tensor(x)
    repeats = repeats if isinstance(repeats, int) else tensor(repeats).long()
    if not isinstance(repeats, int) and repeats.numel() == 1:
        repeats = int(repeats)
    return x.reshape(-1).repeat_interleave(repeats, 0) if axis is None else x.repeat_interleave(repeats, axis)


@operation
def concatenate(xs, axis=0):
    """Joins tensors along an axis.

    Parameters
    ----------
    xs : sequence of tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.concatenate([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    return fastnn.cat(many(xs), axis)


@operation
def stack(x, axis=0):
    """Joins tensors of one shape along a new axis.

    Parameters
    ----------
    x : sequence of tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.stack([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return fastnn.stack(many(x), axis)


@operation
def append(x1, x2, axis=None):
    """Joins two tensors.

    Parameters
    ----------
    x1, x2 : tensor
    axis : int, optional
        Flattened tensors without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.append([1, 2], [3])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    return fastnn.cat([x1.reshape(-1), x2.reshape(-1)]) if axis is None else fastnn.cat([x1, x2], axis)


@operation
def hstack(xs):
    """Joins tensors along the second axis, vectors along the first.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.hstack([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    return fastnn.hstack(many(xs))


@operation
def vstack(xs):
    """Joins tensors along the first axis; vectors are rows.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.vstack([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return fastnn.vstack(many(xs))


@operation
def dstack(xs):
    """Joins tensors along the third axis.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.dstack([np.ones((2, 3)), np.ones((2, 3))]).shape
    torch.Size([2, 3, 2])
    """
    return fastnn.dstack(many(xs))


@operation
def split(x, indices_or_sections, axis=0):
    """Cuts a tensor along an axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int or sequence of int
        Number of equal parts, or indices where parts begin.
    axis : int

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        The axis does not divide into equal parts.

    Examples
    --------
    >>> keras.ops.split(np.arange(4), 2)
    [tensor([0, 1]), tensor([2, 3])]
    """
    x = tensor(x)
    if isinstance(indices_or_sections, int):
        if x.shape[axis] % indices_or_sections:
            raise ValueError(f"split: axis {axis} of size {x.shape[axis]} cannot be cut into {indices_or_sections} "
                             f"equal parts")
        return list(x.tensor_split(indices_or_sections, axis))
    return list(x.tensor_split([int(i) for i in indices_or_sections], axis))


@operation
def array_split(x, indices_or_sections, axis=0):
    """Cuts a tensor along an axis; sizes of parts may differ by 1.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int or sequence of int
        Number of parts, or indices where parts begin.
    axis : int

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> keras.ops.array_split(np.arange(3), 2)
    [tensor([0, 1]), tensor([2])]
    """
    given = indices_or_sections
    return list(tensor(x).tensor_split(given if isinstance(given, int) else [int(i) for i in given], axis))


@operation
def hsplit(x, indices_or_sections):
    """`split` along the second axis, of vectors along the first.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.hsplit(np.ones((2, 4)), 2)]
    [torch.Size([2, 2]), torch.Size([2, 2])]
    """
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@operation
def vsplit(x, indices_or_sections):
    """`split` along the first axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.vsplit(np.ones((2, 4)), 2)]
    [torch.Size([1, 4]), torch.Size([1, 4])]
    """
    return split(x, indices_or_sections, 0)


@operation
def dsplit(x, indices_or_sections):
    """`split` along the third axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.dsplit(np.ones((2, 3, 4)), 2)]
    [torch.Size([2, 3, 2]), torch.Size([2, 3, 2])]
    """
    return split(x, indices_or_sections, 2)


@operation
def unstack(x, num=None, axis=0):
    """Slices along an axis, without it.

    Parameters
    ----------
    x : tensor
    num : int, optional
        Accepted.
    axis : int

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> keras.ops.unstack(np.array([[1, 2], [3, 4]]))
    [tensor([1, 2]), tensor([3, 4])]
    """
    return list(tensor(x).unbind(axis))


@operation
def meshgrid(*x, indexing="xy"):
    """Coordinates of the points of a grid, a tensor for each axis.

    Parameters
    ----------
    *x : tensor
        Coordinates along each axis.
    indexing : {"xy", "ij"}
        Whether the first axis of the results belongs to the second tensor, or to the first.

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        Another `indexing`.

    Examples
    --------
    >>> keras.ops.meshgrid(np.array([1, 2]), np.array([3, 4]))
    [tensor([[1, 2],
            [1, 2]]), tensor([[3, 3],
            [4, 4]])]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing parameter must be either 'xy' or 'ij'. Received: indexing={indexing}")
    return list(fastnn.meshgrid(*[tensor(each).reshape(-1) for each in x], indexing=indexing))


@operation
def pad(x, pad_width, mode="constant", constant_values=None):
    """Adds elements at both ends of axes.

    Parameters
    ----------
    x : tensor
    pad_width : int, pair of int, or pair for each axis
        Numbers before and after.
    mode : str
        "constant", or one of `numpy.pad` that repeats elements: "reflect", "symmetric", "edge", "wrap".
    constant_values : number, optional
        0 without it.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        `constant_values` with another mode.

    Examples
    --------
    >>> keras.ops.pad([1, 2], (1, 1))
    tensor([0, 1, 2, 0], dtype=torch.int32)
    """
    x = tensor(x)
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)] * x.ndim
    elif isinstance(pad_width[0], int):
        pad_width = [tuple(pad_width) if len(pad_width) == 2 else (pad_width[0],) * 2] * x.ndim
    elif len(pad_width) == 1:
        pad_width = list(pad_width) * x.ndim
    pairs = [tuple(int(n) for n in each) for each in pad_width]
    if mode == "constant":
        return F.pad(x, [n for each in reversed(pairs) for n in each], value=0 if constant_values is None else
                     constant_values)
    if constant_values is not None:
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: "
                         f"mode={mode}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            index = np.pad(np.arange(x.shape[axis]), (before, after), mode={"edge": "edge"}.get(mode, mode))
            x = x.index_select(axis, convert(index))
    return x


@operation
def diag(x, k=0):
    """Matrix with a vector on a diagonal, or the diagonal of a matrix.

    Parameters
    ----------
    x : tensor
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diag([1, 2])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    return fastnn.diag(tensor(x), k)


@operation
def diagflat(x, k=0):
    """Matrix with all elements on a diagonal.

    Parameters
    ----------
    x : tensor
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diagflat([[1, 2]])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    return fastnn.diag(tensor(x).reshape(-1), k)


@operation
def diagonal(x, offset=0, axis1=0, axis2=1):
    """Diagonals of the matrices in two axes.

    Parameters
    ----------
    x : tensor
    offset : int
        As `k` of `diag`.
    axis1, axis2 : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diagonal([[1, 2], [3, 4]])
    tensor([1, 4], dtype=torch.int32)
    """
    return tensor(x).diagonal(offset, axis1, axis2)


@operation
def trace(x, offset=0, axis1=0, axis2=1):
    """Sums of the diagonals of the matrices in two axes.

    Parameters
    ----------
    x : tensor
    offset, axis1, axis2
        As in `diagonal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.trace([[1, 2], [3, 4]])
    tensor(5)
    """
    return tensor(x).diagonal(offset, axis1, axis2).sum(-1)


@operation
def tril(x, k=0):
    """Lower triangle: zeros above a diagonal.

    Parameters
    ----------
    x : tensor (..., m, n)
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tril([[1, 2], [3, 4]])
    tensor([[1, 0],
            [3, 4]], dtype=torch.int32)
    """
    return tensor(x).tril(k)


@operation
def triu(x, k=0):
    """Upper triangle: zeros below a diagonal.

    Parameters
    ----------
    x : tensor (..., m, n)
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.triu([[1, 2], [3, 4]])
    tensor([[1, 2],
            [0, 4]], dtype=torch.int32)
    """
    return tensor(x).triu(k)


@operation
def vander(x, N=None, increasing=False):
    """Vandermonde matrix: powers of the elements as columns.

    Parameters
    ----------
    x : tensor (n,)
    N : int, optional
        Number of columns; n without it.
    increasing : bool
        Whether powers ascend.

    Returns
    -------
    Tensor (n, N)

    Examples
    --------
    >>> keras.ops.vander([2, 3], 3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    return fastnn.vander(tensor(x), N, increasing)


@operation
def take(x, indices, axis=None):
    """Elements, or slices along an axis, by index.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.take([10, 20, 30], [2, 0])
    tensor([30, 10], dtype=torch.int32)
    """
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = axis % x.ndim
    found = x.index_select(axis, indices.reshape(-1))
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1:])


@operation
def take_along_axis(x, indices, axis=None):
    """Elements by an index for each along an axis.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
        Of the shape of `x` but for the axis.
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], 1)
    tensor([[20],
            [30]], dtype=torch.int32)
    """
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return fastnn.take_along_dim(x, indices, axis)


@operation
def get_item(x, key):
    """``x[key]``

    Parameters
    ----------
    x : tensor
    key : index, slice, or tuple of them

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.get_item(np.array([10, 20, 30]), slice(1, None))
    tensor([20, 30])
    """
    return tensor(x)[key]


@operation
def nonzero(x):
    """Indices of the elements that are not 0.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    tuple of Tensor
        int32, one for each axis.

    Examples
    --------
    >>> keras.ops.nonzero([0, 5, 7])
    (tensor([1, 2], dtype=torch.int32),)
    """
    return tuple(each.to(config.torch_dtype("int32")) for each in fastnn.nonzero(tensor(x), as_tuple=True))


@operation
def select(condlist, choicelist, default=0):
    """Elements of the first choice whose condition is true.

    Parameters
    ----------
    condlist : list of tensor of bool
    choicelist : list of tensor
    default : number or tensor
        Where none is true.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.select([np.array([True, False])], [np.array([1, 2])], 9)
    tensor([1, 9])
    """
    found = tensor(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        choice, found = pair(choice, found)
        found = fastnn.where(tensor(condition).bool(), choice, found)
    return found


@operation
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of `x1` is one of `x2`.

    Parameters
    ----------
    x1, x2 : tensor
    assume_unique : bool
        Accepted.
    invert : bool
        Whether to negate the result.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.isin([1, 2, 3], [2, 5])
    tensor([False,  True, False])
    """
    return fastnn.isin(*pair(x1, x2), assume_unique=assume_unique, invert=invert)


@operation
def unravel_index(indices, shape):
    """Indices by axis of indices into the flattened tensor.

    Parameters
    ----------
    indices : tensor of int
    shape : tuple

    Returns
    -------
    tuple of Tensor of int32

    Examples
    --------
    >>> keras.ops.unravel_index([5], (2, 3))
    (tensor([1], dtype=torch.int32), tensor([2], dtype=torch.int32))
    """
    return tuple(tensor(each.astype("int32")) for each in np.unravel_index(array_of(tensor(indices)), sizes(shape)))


@operation
def view(x, dtype=None):
    """The same memory as another dtype.

    Parameters
    ----------
    x : tensor
    dtype : str, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.view(np.array([1.0], "float32"), "int32")
    tensor([1065353216], dtype=torch.int32)
    """
    return tensor(x) if dtype is None else from_array(array_of(tensor(x)).view(_numpy(dtype)))


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of numbers as one of tensors; without gradient.

    Parameters
    ----------
    pyfunc : callable
    excluded, signature
        Not implemented.

    Returns
    -------
    callable

    Raises
    ------
    NotImplementedError
        `excluded` or `signature` is given.

    Examples
    --------
    >>> keras.ops.vectorize(lambda x: 2 * x)(np.array([1, 2]))
    tensor([2, 4])
    """
    if excluded is not None or signature is not None:
        raise NotImplementedError("vectorize: excluded and signature are not implemented")
    made = np.vectorize(lambda *args: array_of(convert(pyfunc(*args))))
    return lambda *args: convert(made(*[array_of(convert(arg)) for arg in args]))


@operation
def rearrange(tensor, pattern, **axes_lengths):
    """Reorders, splits and joins axes by a pattern such as ``"b (h w) c -> b h w c"`` (as einops does).

    Parameters
    ----------
    tensor : tensor
    pattern : str
    **axes_lengths : int
        Sizes of axes that cannot be inferred.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        The pattern does not fit the tensor.

    Examples
    --------
    >>> keras.ops.rearrange(np.ones((2, 12, 3)), "b (h w) c -> b c h w", h=3).shape
    torch.Size([2, 3, 3, 4])
    """
    from fastnn.keras.ops.common import tensor as make
    x = make(tensor)
    try:
        left, right = (_groups(side) for side in pattern.split("->"))
    except ValueError:
        raise ValueError(f"rearrange: expected a pattern 'a b -> b a', got {pattern!r}") from None
    if len(left) != x.ndim:
        raise ValueError(f"rearrange: {pattern!r} names {len(left)} axes, the tensor has {x.ndim}")
    known = dict(axes_lengths)
    for group, n in zip(left, x.shape):
        unknown = [name for name in group if name not in known]
        rest = math.prod(known[name] for name in group if name in known)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: sizes of {unknown} are not known")
        if unknown:
            known[unknown[0]] = n // rest
        if math.prod(known[name] for name in group) != n:
            raise ValueError(f"rearrange: an axis of size {n} is no {group} of {known}")
    names = [name for group in left for name in group]
    order = [name for group in right for name in group]
    if sorted(names) != sorted(order):
        raise ValueError(f"rearrange: the axes on both sides of {pattern!r} differ")
    x = x.reshape([known[name] for name in names]).permute([names.index(name) for name in order])
    return x.reshape([math.prod(known[name] for name in group) for group in right])


def _groups(side):
    groups, inside = [], None
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            inside = []
        elif token == ")":
            groups.append(inside)
            inside = None
        elif inside is None:
            groups.append([token])
        else:
            inside.append(token)
    return groups
