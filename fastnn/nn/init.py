"""Initial values for parameters, under the names of torch.nn.init. All work in place and return the tensor.

Functions with random numbers take a `generator` (default: the global stream), and draw the numbers that PyTorch draws.
A weight (out, in, *window) has fan_in = in * window elements and fan_out = out * window elements.
"""
import math
import warnings

import numpy as np

from fastnn import dtypes
from fastnn.autograd import no_grad
from fastnn.ops import creation, ranges, sampling



def _numbers(tensor):
    """An array that NumPy computes with."""
    return (tensor.float() if tensor.dtype in dtypes.HALVES else tensor).numpy()


def calculate_gain(nonlinearity, param=None):
    """The factor that an activation asks of the standard deviation of weights.

    1 for "linear", convolutions and "sigmoid", 5/3 for "tanh", sqrt(2) for "relu", sqrt(2 / (1 + param^2)) for
    "leaky_relu", 3/4 for "selu". Same as torch.nn.init.calculate_gain.

    Parameters
    ----------
    nonlinearity : str
    param : float, optional
        Negative slope of "leaky_relu"; default 0.01.

    Raises
    ------
    ValueError
        The name is unknown.

    Examples
    --------
    >>> round(nn.init.calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity in ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
                        "conv_transpose3d", "sigmoid"):
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope ** 2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _fans(tensor):
    """Numbers of inputs and outputs of one unit of a weight (out, in, *receptive field)."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = tensor[0][0].numel() if tensor.ndim > 2 else 1
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor, mode):
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _fans(tensor)[0 if mode == "fan_in" else 1]


_calculate_fan_in_and_fan_out, _calculate_correct_fan = _fans, _fan  # PyTorch's names, which libraries use


@no_grad
def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Numbers uniform in [a, b).

    Same as torch.nn.init.uniform_.

    Parameters
    ----------
    tensor : Tensor
    a, b : float
        Default 0 and 1.
    generator : Generator, optional

    Examples
    --------
    >>> _ = fastnn.manual_seed(0)
    >>> nn.init.uniform_(fastnn.empty(3))
    tensor([0.4963, 0.7682, 0.0885])
    """
    return tensor.uniform_(a, b, generator=generator)


@no_grad
def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Normally distributed numbers.

    Same as torch.nn.init.normal_.

    Parameters
    ----------
    tensor : Tensor
    mean, std : float
        Default 0 and 1.
    generator : Generator, optional

    Examples
    --------
    >>> _ = fastnn.manual_seed(0)
    >>> nn.init.normal_(fastnn.empty(3))
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    return tensor.normal_(mean, std, generator=generator)


@no_grad
def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Normally distributed numbers within [a, b]; what falls outside is drawn again.

    Same as torch.nn.init.trunc_normal_.

    Parameters
    ----------
    tensor : Tensor
    mean, std : float
        Default 0 and 1.
    a, b : float
        Limits, not in units of `std`; default -2 and 2.
    generator : Generator, optional

    Warns
    -----
    UserWarning
        `mean` is more than 2 `std` outside of [a, b].

    Examples
    --------
    >>> weight = nn.init.trunc_normal_(fastnn.empty(1000), std=2.0)
    >>> bool(weight.abs().max() <= 2)
    True
    """

    def phi(x):
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
                      "incorrect.", stacklevel=3)
    values, fresh = creation.empty_like(tensor).detach(), creation.empty_like(tensor).detach()
    if phi((b - mean) / std) - phi((a - mean) / std) > 0.3:
        low, high = (_numbers(tensor.new_tensor(limit)) for limit in (a, b))

        def draw(into):
            array = _numbers(into.normal_(mean, std, generator=generator))
            return (array < low) | (array > high)
    else:  # so far out that few normal numbers would do: uniform ones, kept in proportion to the density
        peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

        def draw(into):
            array = _numbers(into.uniform_(a, b, generator=generator))
            chance = _numbers(creation.empty_like(into).uniform_(generator=generator).log_())
            return chance > -0.5 * ((array - mean) / std) ** 2 - peak
    again = draw(values)
    while again.any():
        refused = draw(fresh)
        np.copyto(values.numpy(), fresh.numpy(), where=again)
        again &= refused
    return tensor.copy_(values)


@no_grad
def constant_(tensor, val):
    """One number everywhere.

    Same as torch.nn.init.constant_.

    Parameters
    ----------
    tensor : Tensor
    val : float

    Examples
    --------
    >>> nn.init.constant_(fastnn.empty(2), 3.0)
    tensor([3., 3.])
    """
    return tensor.fill_(val)


def ones_(tensor):
    """Ones.

    Same as torch.nn.init.ones_.

    Parameters
    ----------
    tensor : Tensor

    Examples
    --------
    >>> nn.init.ones_(fastnn.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Zeros.

    Same as torch.nn.init.zeros_.

    Parameters
    ----------
    tensor : Tensor

    Examples
    --------
    >>> nn.init.zeros_(fastnn.empty(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


@no_grad
def eye_(tensor):
    """The identity matrix: ones on the diagonal, else zeros.

    Same as torch.nn.init.eye_.

    Parameters
    ----------
    tensor : Tensor, shape (rows, columns)

    Raises
    ------
    ValueError
        The tensor is not two-dimensional.

    Examples
    --------
    >>> nn.init.eye_(fastnn.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(ranges.eye(*tensor.shape))


@no_grad
def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Uniform in +-gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    Same as torch.nn.init.xavier_uniform_.

    Parameters
    ----------
    tensor : Tensor
        At least two-dimensional.
    gain : float
        Default 1; see `calculate_gain`.
    generator : Generator, optional

    Examples
    --------
    >>> weight = nn.init.xavier_uniform_(fastnn.empty(3, 3))
    >>> bool(weight.abs().max() <= 1)
    True
    """
    fan_in, fan_out = _fans(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return tensor.uniform_(-bound, bound, generator=generator)


@no_grad
def xavier_normal_(tensor, gain=1.0, generator=None):
    """Normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    Same as torch.nn.init.xavier_normal_.

    Parameters
    ----------
    tensor : Tensor
        At least two-dimensional.
    gain : float
        Default 1; see `calculate_gain`.
    generator : Generator, optional

    Examples
    --------
    >>> _ = fastnn.manual_seed(0)
    >>> round(nn.init.xavier_normal_(fastnn.empty(100, 100)).std().item(), 2)
    0.1
    """
    fan_in, fan_out = _fans(tensor)
    return tensor.normal_(0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator=generator)


@no_grad
def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Uniform in +-gain * sqrt(3 / fan) (He et al. 2015).

    Same as torch.nn.init.kaiming_uniform_.

    Parameters
    ----------
    tensor : Tensor
        At least two-dimensional.
    a : float
        Negative slope of "leaky_relu"; default 0.
    mode : {"fan_in", "fan_out"}
        Which fan: "fan_in" keeps the variance of outputs, "fan_out" that of gradients.
    nonlinearity : str
        Gives the gain; see `calculate_gain`.
    generator : Generator, optional

    Raises
    ------
    ValueError
        The tensor has fewer than 2 dimensions, or an argument is unknown.

    Examples
    --------
    >>> weight = nn.init.kaiming_uniform_(fastnn.empty(4, 6), nonlinearity="relu")
    >>> bool(weight.abs().max() <= 1)
    True
    """
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return tensor
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return tensor.uniform_(-bound, bound, generator=generator)


@no_grad
def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Normal with standard deviation gain / sqrt(fan) (He et al. 2015).

    Same as torch.nn.init.kaiming_normal_.

    Parameters
    ----------
    tensor, a, mode, nonlinearity, generator
        As in `kaiming_uniform_`.

    Examples
    --------
    >>> _ = fastnn.manual_seed(0)
    >>> round(nn.init.kaiming_normal_(fastnn.empty(100, 200), nonlinearity="relu").std().item(), 2)
    0.1
    """
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return tensor
    return tensor.normal_(0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator=generator)


@no_grad
def orthogonal_(tensor, gain=1, generator=None):
    """A matrix with orthogonal rows or columns, whichever are fewer, of length `gain` (Saxe et al. 2013).

    From the QR decomposition of a normal matrix, with positive diagonal of R. Same as torch.nn.init.orthogonal_.

    Parameters
    ----------
    tensor : Tensor
        At least two-dimensional; dimensions after the first count as columns.
    gain : float
        Default 1.
    generator : Generator, optional

    Examples
    --------
    >>> q = nn.init.orthogonal_(fastnn.empty(2, 5))
    >>> (q @ q.T).round().abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    if tensor.dtype in dtypes.HALVES:
        raise NotImplementedError(f"orthogonal_: decompositions take float32 and float64, got {tensor.dtype}")
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    flat = sampling.randn(rows, columns, dtype=tensor.dtype, generator=generator).numpy()
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diag(r))
    q = q.T if rows < columns else q
    return tensor.copy_(creation.from_numpy(np.ascontiguousarray(gain * q)).reshape(tuple(tensor.shape)))


@no_grad
def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Normal numbers with mean 0, with a fraction of each column 0 (Martens 2010).

    Same as torch.nn.init.sparse_.

    Parameters
    ----------
    tensor : Tensor, shape (rows, columns)
    sparsity : float
        The fraction, rounded up to whole elements.
    std : float
        Default 0.01.
    generator : Generator, optional
        For the numbers; which are 0 is drawn from the global stream, as in PyTorch.

    Examples
    --------
    >>> (nn.init.sparse_(fastnn.empty(4, 3), sparsity=0.5) == 0).sum(0)
    tensor([2, 2, 2])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = int(math.ceil(sparsity * rows))
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        tensor[sampling.randperm(rows)[:zeros], column] = 0
    return tensor


@no_grad
def dirac_(tensor, groups=1):
    """The kernel of a convolution that passes its input channels on, as many as there are outputs (of each group).

    Same as torch.nn.init.dirac_.

    Parameters
    ----------
    tensor : Tensor
        Weight of a convolution in one to three dimensions.
    groups : int
        Default 1.

    Raises
    ------
    ValueError
        The tensor has another number of dimensions, or `groups` does not divide its first size.

    Examples
    --------
    >>> nn.init.dirac_(fastnn.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    tensor.zero_()
    outputs = tensor.shape[0] // groups
    centre = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(outputs, tensor.shape[1])):
            tensor[(group * outputs + channel, channel, *centre)] = 1
    return tensor


def _old_name(function):
    def wrapped(*args, **kwargs):
        name = function.__name__
        warnings.warn(f"`nn.init.{name[:-1]}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning,
                      stacklevel=2)
        return function(*args, **kwargs)
    wrapped.__name__, wrapped.__doc__ = function.__name__[:-1], f"Old name of `{function.__name__}`."
    return wrapped


uniform, normal, constant, eye, dirac = map(_old_name, (uniform_, normal_, constant_, eye_, dirac_))
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)
orthogonal, sparse = _old_name(orthogonal_), _old_name(sparse_)
