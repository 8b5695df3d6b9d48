"""Operations of volumes by those of planes: averages, norms and largest elements of windows, transposed convolution."""
from fastnn import dtypes
from fastnn.errors import ShapeError
from fastnn.ops import ranges
from fastnn.ops._common import need_tensors
from fastnn.ops.adaptive_pool import adaptive_max_pool2d
from fastnn.ops.conv import conv_transpose2d
from fastnn.ops.declare import operation
from fastnn.ops.pool import avg_pool2d, lp_pool, max_pool3d, triple_of, triples_of


def _whole(name, input):
    """The batch and channels of a volume's shape, and its own sizes."""
    need_tensors(name, input)
    if input.ndim not in (4, 5):
        raise ShapeError(f"{name}: Expected 4D or 5D (batch mode) tensor with optional 0 dim batch size for input, but "
                         f"got: {list(input.shape)}")
    return tuple(input.shape[:-3]), tuple(input.shape[-3:])


@operation("functional")
def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The average of each window of a volume: of the averages of its planes.

    Shape: as ``max_pool3d``.

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
        What sums are divided by instead of the elements' number.

    Examples
    --------
    >>> F.avg_pool3d(fastnn.arange(16.0).reshape(1, 4, 2, 2), 2).flatten()
    tensor([ 3.5000, 11.5000])
    """
    outer, (depth, height, width) = _whole("avg_pool3d", input)
    stride = kernel_size if stride is None or stride == () or stride == [] else stride
    kernel, stride, padding = triples_of("avg_pool3d", kernel_size=kernel_size, stride=stride, padding=padding)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if input.dtype == dtypes.bool:
        raise NotImplementedError(f"avg_pool3d: not implemented for {input.dtype}")
    if not input.is_floating_point():  # one division, towards 0; the mean of means may lie an ulp below a whole number
        mean = avg_pool3d(input.double(), kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return (mean + mean.sign() * 1e-9).trunc().to(input.dtype)
    last = None if divisor_override is None else 1
    planes = input.reshape(-1, depth, height, width)
    y = avg_pool2d(planes, kernel[1:], stride[1:], padding[1:], ceil_mode, count_include_pad, divisor_override)
    rows, columns = y.shape[-2:]
    y = avg_pool2d(y.reshape(-1, 1, depth, rows * columns), (kernel[0], 1), (stride[0], 1), (padding[0], 0), ceil_mode,
                   count_include_pad, last)
    return y.reshape(*outer, y.shape[-2], rows, columns)


@operation("nn")
def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``lp_pool1d`` over windows of volumes.

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
    >>> F.lp_pool3d(fastnn.tensor([[[[3.0]], [[4.0]]]]), 2, (2, 1, 1))
    tensor([[[[5.]]]])
    """
    kernel = triple_of(kernel_size)
    return lp_pool("lp_pool3d", avg_pool3d, max_pool3d, input, norm_type, kernel_size, stride, ceil_mode,
                   kernel[0] * kernel[1] * kernel[2])


@operation("nn")
def adaptive_max_pool3d(input, output_size, return_indices=False):
    """The largest elements of windows that cover a volume evenly; None in `output_size` keeps the input's.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., *output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple
        Sizes of the result.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.adaptive_max_pool3d(fastnn.arange(8.0).reshape(1, 2, 2, 2), (1, 2, 1)).flatten()
    tensor([5., 7.])
    """
    outer, (depth, height, width) = _whole("adaptive_max_pool3d", input)
    size = triple_of(output_size)
    if len(size) != 3:
        raise ShapeError(f"adaptive_max_pool3d: output_size must be an int or three, got {output_size!r}")
    layers, rows, columns = (own if n is None else n for n, own in zip(size, (depth, height, width)))
    y, place = adaptive_max_pool2d(input.reshape(-1, depth, height, width), (rows, columns), True)
    flat, place = y.reshape(-1, 1, depth, rows * columns), place.reshape(-1, depth * rows * columns)
    y, which = adaptive_max_pool2d(flat, (layers, rows * columns), True)
    y = y.reshape(*outer, layers, rows, columns)
    if not return_indices:
        return y
    which = which.reshape(which.shape[0], -1)
    within = place.gather(1, which) + which.div(rows * columns, rounding_mode="floor") * (height * width)
    return y, within.reshape(y.shape)


@operation("nn")
def adaptive_max_pool3d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool3d`` with `return_indices`.

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple
        Sizes of the result.
    return_indices : bool, default False
        Without effect.

    Examples
    --------
    >>> F.adaptive_max_pool3d_with_indices(fastnn.arange(8.0).reshape(1, 2, 2, 2), 1)[1].item()
    7
    """
    return adaptive_max_pool3d(input, output_size, True)


@operation("fastnn functional")
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv3d` with respect to its input, as an operation: volumes grow by `stride`.

    Shape: input (n, c, d, h, w) or (c, d, h, w), weight (c, o / groups, kd, kh, kw), bias (o,), result
    (n, o, od, oh, ow) or (o, od, oh, ow); sizes as of `conv_transpose1d`.

    Parameters
    ----------
    input : Tensor
    weight : Tensor
    bias : Tensor, optional
    stride : int or tuple of ints, default 1
    padding : int or tuple of ints, default 0
        Elements taken away at both borders.
    output_padding : int or tuple of ints, default 0
        Elements added at the end.
    groups : int, default 1
        Channels are divided into so many groups.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.

    Examples
    --------
    >>> F.conv_transpose3d(fastnn.ones(1, 1, 2, 2, 2), fastnn.ones(1, 1, 2, 2, 2), stride=2).shape
    torch.Size([1, 1, 4, 4, 4])
    """
    need_tensors("conv_transpose3d", input, weight, *(() if bias is None else (bias,)))
    if weight.ndim != 5:
        raise ShapeError(f"conv_transpose3d: expected a weight of 5 dimensions (C, O / groups, kD, kH, kW), got "
                         f"{tuple(weight.shape)}")
    if input.ndim not in (4, 5):
        raise ShapeError(f"Expected 4D (unbatched) or 5D (batched) input to conv_transpose3d, but got input of size: "
                         f"{list(input.shape)}")
    stride, padding, extra, dilation = triples_of("conv_transpose3d", stride=stride, padding=padding,
                                                  output_padding=output_padding, dilation=dilation)
    if min(*stride, *dilation) < 1 or min(*padding, *extra) < 0:
        raise RuntimeError(f"conv_transpose3d: expected stride and dilation above 0, paddings not below it, got "
                           f"stride={stride}, dilation={dilation}, padding={padding}, output_padding={extra}")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got output_padding: "
                           f"{extra} stride: {stride} dilation: {dilation}")
    x = input if input.ndim == 5 else input.unsqueeze(0)
    batch, channels, depth, height, width = x.shape
    if not hasattr(groups, "__index__") or groups < 1 or weight.shape[0] % groups:
        raise RuntimeError(f"conv_transpose3d: expected groups that divide the weight's {weight.shape[0]} input "
                           f"channels, got {groups!r}")
    if channels != weight.shape[0]:
        raise ShapeError(f"Given transposed=1, weight of size {list(weight.shape)}, expected input {list(x.shape)} to "
                         f"have {weight.shape[0]} channels, but got {channels} channels instead")
    each, taps = weight.shape[1:3]
    if bias is not None and tuple(bias.shape) != (groups * each,):
        raise ShapeError(f"conv_transpose3d: expected bias ({groups * each},), got {tuple(bias.shape)}")
    # one convolution of planes gives what each layer adds to each of `taps` layers of the result
    planes = x.permute(0, 2, 1, 3, 4).reshape(batch * depth, channels, height, width)
    flat = weight.reshape(channels, each * taps, *weight.shape[3:])
    y = conv_transpose2d(planes, flat, None, stride[1:], padding[1:], extra[1:], groups, dilation[1:])
    rows, columns = y.shape[-2:]
    y = y.reshape(batch, depth, groups * each, taps, rows, columns).permute(0, 2, 1, 3, 4, 5)
    y = y.reshape(batch, groups * each, depth * taps, rows, columns)
    long = (depth - 1) * stride[0] + dilation[0] * (taps - 1) + 1 + extra[0]
    if long - 2 * padding[0] < 1:
        raise ShapeError(f"conv_transpose3d: expected a result of at least one layer, got {long - 2 * padding[0]}")
    to = ranges.arange(depth).mul(stride[0]).unsqueeze(1) + ranges.arange(taps).mul(dilation[0])
    y = y.new_zeros(batch, groups * each, long, rows, columns).index_add(2, to.flatten(), y)
    if padding[0]:
        y = y.narrow(2, padding[0], long - 2 * padding[0])
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1, 1)
    return y if input.ndim == 5 else y.squeeze(0)
