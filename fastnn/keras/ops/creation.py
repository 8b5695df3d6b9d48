"""Making tensors."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.ops.common import floating, sizes, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of, convert


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
        `config.floatx` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.full((2,), 7)
    tensor([7., 7.])
    """
    value = array_of(convert(fill_value, config.standardize_dtype(dtype)))
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
