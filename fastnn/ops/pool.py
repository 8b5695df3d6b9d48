"""Pooling: the largest elements, averages or norms of windows of one size; see `adaptive_pool` and `unpool` too.

A row (1d) is a plane of height 1 to the kernels; a volume is pooled by planes, then across them.
"""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.ops.declare import operation


def pair_of(value):
    """One int for both axes, or two."""
    if isinstance(value, (tuple, list)):
        return tuple(value) * 2 if len(value) == 1 else tuple(value)
    return value, value


def single_of(name, value):
    """An int, or a sequence with one."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise ShapeError(f"{name} must be a single int, or a tuple of one int, got {value!r}")
        return value[0]
    return value


def _row_sizes(name, **sizes):
    """Sizes for planes of height 1, with `first` along the height."""
    flat = []
    for key, (value, first) in sizes.items():
        if value is not None and not (isinstance(value, (tuple, list)) and not value):
            value = (first, single_of(f"{name}: {key}", value))
        else:
            value = None
        flat.append(value)
    return flat


def row_planes(name, input):
    """A 1d operation's input as planes."""
    need_tensors(name, input)
    if input.ndim not in (2, 3):
        raise ShapeError(f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but "
                         f"got: {list(input.shape)}")
    return input.detach().numpy()[..., None, :]


def _is_integer(x):
    return x.dtype.kind in "iu"


def _max_backward(grad, index, shape, sizes, row):
    if row:
        return kernels.max_pool_backward(grad[..., None, :], index, shape, *sizes)[..., 0, :]
    return kernels.max_pool_backward(grad, index, shape, *sizes)


MAX_POOL = {name: Op(name, _max_backward, "index shape sizes row") for name in (
    "MaxPool1DBackward0", "MaxPool2DWithIndicesBackward0", "AdaptiveMaxPool2DBackward0")}


def _places(index, plane, sizes):
    """Numbers within the flat plane for those within windows."""
    if index.dtype == np.int64:
        return index
    kernel, stride, padding, dilation = sizes
    kernel, padding, dilation = pair_of(kernel), pair_of(padding), pair_of(dilation)
    stride = kernel if stride is None or stride == () or stride == [] else pair_of(stride)
    tap = np.divmod(index.astype(np.int64), kernel[1])
    at = np.indices(index.shape[-2:])
    row, column = (np.clip(at[i] * stride[i] - padding[i] + tap[i] * dilation[i], 0, plane[i] - 1) for i in range(2))
    return row * plane[1] + column


def _max_second(step, g):
    places, whole, own = _places(step.index, step.shape[-2:], step.sizes), step.shape, tuple(g.shape)
    flat = whole[:-2] + (whole[-2] * whole[-1],)
    lines = places.reshape(places.shape[:-2] + (places.shape[-2] * places.shape[-1],))
    return step.linear(g, lambda grad: _max_backward(grad, *step.saved),
                       lambda array: np.take_along_axis(array.reshape(flat), lines, -1).reshape(own),
                       step.inputs()[0], whole[:-2] + whole[-1:] if step.row else whole)


for _op in MAX_POOL.values():
    _op.second(_max_second)


def _max_pool(name, input, x, sizes, ceil_mode, return_indices, row):
    """The output, with flat indices or not; `x` are the input's planes."""
    form = "flat" if return_indices else "taps" if input.requires_grad else None
    if _is_integer(x):  # exact below 2^53
        y, index = kernels.max_pool_forward(x.astype(np.float64), *sizes, ceil_mode, form)
        y = y.astype(x.dtype)
    else:
        y, index = kernels.max_pool_forward(x, *sizes, ceil_mode, form)
    shape, kept = x.shape, index
    if row:
        y, index = y[..., 0, :], None if index is None else index[..., 0, :]
    if not return_indices:
        return record(y, MAX_POOL[name], (input,), (kept, shape, sizes, row))
    places = from_array(index)
    return record(y, MAX_POOL[name], (input,), (kept, shape, sizes, row), (places,)), places


@operation("nn")
def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a row; NaN where there is one.

    Shape: input (C, L) or (N, C, L), result (..., n), n = floor((L + 2 padding - dilation (kernel_size - 1) - 1) /
    stride) + 1, with `ceil_mode` rounded up. `stride` None is `kernel_size`. With `return_indices` also where
    the largest are, int64.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    x = row_planes("max_pool1d", input)
    sizes = _row_sizes("max_pool1d", kernel_size=(kernel_size, 1), stride=(stride, 1), padding=(padding, 0),
                       dilation=(dilation, 1))
    return _max_pool("MaxPool1DBackward0", input, x, sizes, ceil_mode, return_indices, True)


@operation("nn")
def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a plane; NaN where there is one.

    Shape: input (C, H, W) or (N, C, H, W), result (..., oH, oW) as for ``max_pool1d``; sizes are ints or pairs. With
    `return_indices` also where in its plane each one is, h * W + w, int64.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.max_pool2d(fastnn.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    need_tensors("max_pool2d", input)
    return _max_pool("MaxPool2DWithIndicesBackward0", input, input.detach().numpy(),
                     (kernel_size, stride, padding, dilation), ceil_mode, return_indices, False)


@operation("nn")
def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool1d`` with `return_indices`.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Without effect.

    Examples
    --------
    >>> F.max_pool1d_with_indices(fastnn.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
    (tensor([[3., 5.]]), tensor([[1, 3]]))
    """
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


@operation("nn")
def max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool2d`` with `return_indices`.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Without effect.

    Examples
    --------
    >>> F.max_pool2d_with_indices(fastnn.arange(4.0).reshape(1, 2, 2), 2)
    (tensor([[[3.]]]), tensor([[[3]]]))
    """
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def _avg_backward(grad, shape, kernel_size, stride, padding, count_include_pad, divisor, row):
    options = kernel_size, stride, padding, count_include_pad, divisor
    if row:
        return kernels.avg_pool_backward(grad[..., None, :], shape, *options)[..., 0, :]
    return kernels.avg_pool_backward(grad, shape, *options)


AVG_POOL1D, AVG_POOL2D = (Op(f"AvgPool{dims}DBackward0", _avg_backward, "shape kernel_size stride padding "
                             "count_include_pad divisor row") for dims in (1, 2))


@AVG_POOL1D.second
@AVG_POOL2D.second
def _avg_second(step, g):
    shape, row, own = step.shape, step.row, tuple(g.shape)

    def forward(array):
        planes = array[..., None, :] if row else array
        for ceil_mode in (False, True):
            y = kernels.avg_pool_forward(planes, step.kernel_size, step.stride, step.padding, ceil_mode,
                                         step.count_include_pad, step.divisor)
            y = y[..., 0, :] if row else y
            if y.shape == own:
                return y
    return step.linear(g, lambda grad: _avg_backward(grad, *step.saved), forward, step.inputs()[0],
                       shape[:-2] + shape[-1:] if row else shape)


def _average(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    windows = kernel_size, stride, padding, ceil_mode, count_include_pad
    if not _is_integer(x):
        return kernels.avg_pool_forward(x, *windows, divisor_override)
    ones = np.ones((1, 1, *x.shape[-2:]))  # integers are divided as integers
    divisor = kernels.avg_pool_forward(ones, *windows, 1) / kernels.avg_pool_forward(ones, *windows, divisor_override)
    total = kernels.avg_pool_forward(x.astype(np.float64), *windows, 1)
    return np.trunc(total / np.rint(divisor.reshape(divisor.shape[-2:]))).astype(x.dtype)


@operation("functional")
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The average of each window of a row; zeros of the padding count unless `count_include_pad` is False.

    Shape: as ``max_pool1d``.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    count_include_pad : bool, default True
        Whether zeros of the padding count.

    Examples
    --------
    >>> F.avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0, 6.0]]), 2)
    tensor([[2., 4.]])
    """
    x = row_planes("avg_pool1d", input)
    sizes = _row_sizes("avg_pool1d", kernel_size=(kernel_size, 1), stride=(stride, 1), padding=(padding, 0))
    y = _average(x, *sizes, ceil_mode, count_include_pad, None)
    return record(y[..., 0, :], AVG_POOL1D, (input,), (x.shape, *sizes, count_include_pad, None, True))


@operation("functional")
def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The average of each window of a plane; `divisor_override` divides the sums instead of the elements' number.

    Shape: as ``max_pool2d``.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    count_include_pad : bool, default True
        Whether zeros of the padding count.
    divisor_override : int, optional

    Examples
    --------
    >>> F.avg_pool2d(fastnn.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    need_tensors("avg_pool2d", input)
    x = input.detach().numpy()
    y = _average(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return record(y, AVG_POOL2D, (input,),
                  (x.shape, kernel_size, stride, padding, count_include_pad, divisor_override, False))


def _lp_pool(name, pool, max_pool, input, norm_type, kernel_size, stride, ceil_mode, elements):
    need_tensors(name, input)
    if norm_type == float("inf"):
        return max_pool(input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == -float("inf"):
        return -max_pool(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    mean = pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (mean.sign() * mean.abs().relu()).mul(elements).pow(1.0 / norm_type)


@operation("nn")
def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x^p over each window)^(1/p), p = `norm_type`; a sum below 0 counts as PyTorch's does.

    Shape: as ``max_pool1d`` without padding.

    Parameters
    ----------
    input : Tensor
    norm_type : float
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.

    Examples
    --------
    >>> F.lp_pool1d(fastnn.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _lp_pool("lp_pool1d", avg_pool1d, max_pool1d, input, norm_type, kernel_size, stride, ceil_mode,
                    single_of("lp_pool1d: kernel_size", kernel_size))


@operation("nn")
def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``lp_pool1d`` over windows of planes.

    Parameters
    ----------
    input : Tensor
    norm_type : float
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.

    Examples
    --------
    >>> F.lp_pool2d(fastnn.tensor([[[3.0], [4.0]]]), 2, (2, 1))
    tensor([[[5.]]])
    """
    height, width = pair_of(kernel_size)
    return _lp_pool("lp_pool2d", avg_pool2d, max_pool2d, input, norm_type, kernel_size, stride, ceil_mode,
                    height * width)


def triple_of(value):
    """An int for all axes, or three."""
    if isinstance(value, (tuple, list)):
        return tuple(value) * 3 if len(value) == 1 else tuple(value)
    return value, value, value


def triples_of(name, **sizes):
    found = {key: triple_of(value) for key, value in sizes.items()}
    for key, value in found.items():
        if len(value) != 3:
            raise ShapeError(f"{name}: {key} must either be a single int, or a tuple of three ints, got {sizes[key]!r}")
    return found.values()


@operation("nn")
def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a volume; NaN where there is one.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., oD, oH, oW), sizes as for ``max_pool1d``; ints or
    triples. With `return_indices` also where in its volume each one is, (d * H + h) * W + w, int64.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.max_pool3d(fastnn.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    need_tensors("max_pool3d", input)
    if input.ndim not in (4, 5) or 0 in input.shape[1:]:
        raise ShapeError(f"max_pool3d: Expected 4D or 5D (batch mode) tensor with optional 0 dim batch size for input, "
                         f"but got: {list(input.shape)}")
    stride = kernel_size if stride is None or isinstance(stride, (tuple, list)) and not stride else stride
    kernel, stride, padding, dilation = triples_of("max_pool3d", kernel_size=kernel_size, stride=stride,
                                                   padding=padding, dilation=dilation)
    *batch, depth, height, width = input.shape
    planes = input.reshape(-1, depth, height, width)
    y, places = max_pool2d(planes, kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode, True)
    _, _, rows, columns = y.shape
    y, layers = max_pool2d(y.reshape(-1, 1, depth, rows * columns), (kernel[0], 1), (stride[0], 1), (padding[0], 0),
                           (dilation[0], 1), ceil_mode, True)
    shape = (*batch, y.shape[2], rows, columns)
    y = y.reshape(shape)
    if not return_indices:
        return y
    # A chosen number among (depth, rows * columns) names its layer; there stands where it came from in the plane.
    chosen = layers.reshape(len(planes), -1)
    plane = places.reshape(len(planes), -1).gather(1, chosen)
    layer = chosen.div(rows * columns, rounding_mode="floor")
    return y, (layer * (height * width) + plane).reshape(shape)


@operation("nn")
def max_pool3d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool3d`` with `return_indices`.

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    ceil_mode : bool, default False
        Whether a window may reach over the last border.
    return_indices : bool, default False
        Without effect.

    Examples
    --------
    >>> F.max_pool3d_with_indices(fastnn.arange(8.0).reshape(1, 2, 2, 2), 2)
    (tensor([[[[7.]]]]), tensor([[[[7]]]]))
    """
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)
