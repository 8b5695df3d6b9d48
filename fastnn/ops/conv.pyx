"""Convolutions and transposed convolutions of sequences and images."""
cimport numpy as np

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, recording, record3, wrap, shape_of
from fastnn._tensor import record
from fastnn import kernels
from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport conv as K, elementwise, reduce
from fastnn.ops._common cimport form_of_array, is_ordinary, rule_of, tensor_of
from fastnn.ops._common import need_tensors
from fastnn.ops.slopes import times_slope
from fastnn.ops.declare import operation
from fastnn.reference import conv as reference

np.import_array()


cdef object conv_backward(Node node, np.ndarray grad):
    cdef tuple edges = node.edges
    cdef bint transposed
    cdef np.ndarray x, weight, dz
    x, weight, activated, stride, padding, dilation, groups, transposed, missing, x_shape, weight_shape = node.saved
    dx = dw = db = None
    dz = in_4d(grad, missing)
    if activated is not None:
        dz = elementwise.unary_backward("relu", dz, None, activated)
    kernel = (weight.shape[2], weight.shape[3])
    if edges[0] is not None:
        if transposed:
            dx = K.conv_forward(dz, weight, None, stride, padding, dilation, groups)
            dx = dx[:, :, :x.shape[2], :x.shape[3]]  # more, where output_padding >= stride
        else:
            dx = K.conv_backward_input(dz, weight, (x.shape[2], x.shape[3]), None, stride, padding, dilation, groups)
        dx = dx.reshape(x_shape)
    if edges[1] is not None:
        dw = K.conv_backward_weight(x if transposed else dz, dz if transposed else x, kernel, stride, padding, dilation,
                                    groups).reshape(weight_shape)
    if edges[2] is not None:
        db = reduce.reduce("sum", dz, (0, 2, 3))
    return dx, dw, db


cdef Op CONVOLUTION = declare("ConvolutionBackward0", conv_backward, "x weight activated stride padding dilation "
                              "groups transposed missing x_shape weight_shape")

# A convolution, its gradient by the input and its gradient by the weight are the three sides of one trilinear form, so
# each one's gradients are the other two.
SIDES = {  # of what: its gradients for v, by the first and by the second operand
    "forward": lambda v, x, w: (("input", v, w), ("weight", v, x)),
    "input": lambda v, g, w: (("forward", v, w), ("weight", g, v)),
    "weight": lambda v, g, x: (("forward", x, v), ("input", g, v)),
}


def side_of(side, a, b, sizes, kernel, outputs, options):
    """y of (x, w), dx of (g, w) or dw of (g, x), arrays of 4 dimensions."""
    if side == "forward":
        y = kernels.conv_forward(a, b, None, *options)
        return y[:, :, :outputs[0], :outputs[1]]  # more, where output_padding >= stride
    if side == "input":
        return kernels.conv_backward_input(a, b, sizes, None, *options)
    return kernels.conv_backward_weight(a, b, kernel, *options)


def side_backward(grad, side, a, b, *geometry):
    return tuple([side_of(*each, *geometry) for each in SIDES[side](grad, a, b)])


cdef Op SIDE = Op("ConvolutionBackwardBackward0", side_backward, "side a b sizes kernel outputs options")


def recorded_side(side, a, b, *geometry):
    x, y = (<Tensor>a).array, (<Tensor>b).array
    return record(side_of(side, x, y, *geometry), SIDE, (a, b), (side, x, y, *geometry), (a, b))


@SIDE.second
def _side_second(step, g):
    pairs = SIDES[step.side](g, step.input(step.a, 0), step.input(step.b, 1))
    return tuple([None if edge is None else recorded_side(*each, step.sizes, step.kernel, step.outputs, step.options)
                  for edge, each in zip(step.edges, pairs)])


@CONVOLUTION.second
def _conv_second(step, g):
    large = list(g.shape)
    if len(step.x_shape) == len(step.weight_shape) - 1:  # without a batch
        large = [1, *large]
    if len(step.weight_shape) == 3:  # rows
        large = [*large[:2], 1, large[2]]
    g = g.reshape(large)
    if step.activated is not None:
        g = times_slope(step, g, "relu", None, wrap(step.activated), 0.0, 0.0)
    inputs = step.input(step.x.reshape(step.x_shape), 0), step.input(step.weight.reshape(step.weight_shape), 1)
    left, right = inputs[0].reshape(step.x.shape), inputs[1].reshape(step.weight.shape)
    inner, outer = (g.shape, step.x.shape) if step.transposed else (step.x.shape, g.shape)
    options = [step.stride, step.padding, step.dilation, step.groups]
    geometry = tuple(inner[2:]), tuple(step.weight.shape[2:]), tuple(outer[2:]), options
    sides = (("forward", g, right), ("weight", left, g)) if step.transposed else \
        (("input", g, right), ("weight", g, left))
    dx, dw = [None if edge is None else recorded_side(*each, *geometry).reshape(size)
              for edge, each, size in zip(step.edges, sides, (step.x_shape, step.weight_shape))]
    return step.in_graph((dx, dw, g.sum((0, 2, 3)) if step.needs(2) else None), inputs)


cdef np.ndarray in_4d(np.ndarray x, int missing):
    """With a batch of one (bit 1) and with rows of one (bit 0)."""
    if missing & 1:
        x = (<object>x)[..., None, :]
    if missing & 2:
        x = (<object>x)[None]
    return x


cdef np.ndarray without(np.ndarray y, int missing):
    """The result with as many dimensions as the input had."""
    if missing & 1:
        y = (<object>y)[:, :, 0]
    if missing & 2:
        y = (<object>y)[0]
    return y


cdef bint whole_numbers(np.ndarray x, np.ndarray weight, np.ndarray bias) except -1:
    """Integers of one dtype: rare enough for NumPy."""
    return x.dtype.kind in "iu" and x.dtype == weight.dtype and (bias is None or bias.dtype == x.dtype)


cdef tuple numbers(str op, str name, object value, int count):
    """An int or a sequence of `count` ints; one stands for all."""
    cdef tuple found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for part in found:
        if not hasattr(part, "__index__"):
            raise TypeError(f"{op}(): argument '{name}' must be tuple of ints, not {type(part).__name__}")
    found = tuple([int(part) for part in found])
    if len(found) == 1:
        found *= count
    if len(found) != count:
        raise ShapeError(f"{op}: expected {name} to be a single integer value or a list of {count} values to match "
                         f"the convolution dimensions, but got {name}={list(found)}")
    return found


cdef int check(str op, Tensor input, Tensor weight, object bias, int spatial) except -1:
    cdef int ndim = np.PyArray_NDIM(input.array)
    need_tensors(op, input, weight)
    if bias is not None:
        need_tensors(op, bias)
    if ndim != spatial + 1 and ndim != spatial + 2:
        raise ShapeError(f"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {op}, but got "
                         f"input of size: {list(shape_of(input.array))}")
    if np.PyArray_NDIM(weight.array) != spatial + 2:
        raise ShapeError(f"{op}: expected weight with {spatial + 2} dimensions, got {list(shape_of(weight.array))}")
    return 0


cdef Tensor finish(np.ndarray y, Tensor input, Tensor weight, object bias, bint relu, tuple options, bint transposed,
                   int missing, np.ndarray x, np.ndarray w):
    """The result without the dimensions that it was computed with, recorded."""
    cdef np.ndarray whole = y
    cdef Tensor out
    y = without(y, missing)
    if not (recording(input) or recording(weight) or (bias is not None and recording(<Tensor>bias))):
        return wrap(y)
    out = record3(y, CONVOLUTION, input, weight, bias,
                  (x, w, whole if relu else None, *options, transposed, missing, shape_of(input.array),
                   shape_of(weight.array)))
    out.node.guard(input.version_object())
    out.node.guard(weight.version_object())
    if relu:
        out.node.guard(out.version_object())
    return out


cpdef Tensor convolve(str op, int spatial, object input, object weight, object bias, object stride, object padding,
                      object dilation, object groups, bint relu):
    """A convolution in `spatial` dimensions, then max(0, y) if `relu`, as one kernel."""
    cdef Tensor x = tensor_of(op, "input", 1, input), w = tensor_of(op, "weight", 2, weight)
    if not is_ordinary(x.array):
        if x.dtype is not w.dtype:
            raise DTypeError(f"{op}: expected arrays of one dtype, got {x.dtype} and {w.dtype}")
        made = rule_of(form_of_array(x.array), op)(x, w, bias, stride, padding, dilation, groups)
        return made.relu() if relu else made
    check(op, x, w, bias, spatial)
    cdef int missing = (1 if spatial == 1 else 0) | (2 if np.PyArray_NDIM(x.array) == spatial + 1 else 0)
    stride = numbers(op, "stride", stride, spatial)
    dilation = numbers(op, "dilation", dilation, spatial)
    if isinstance(padding, str):
        if padding == "valid":
            padding = (0,) * (2 * spatial)
        elif padding == "same":
            if any([s != 1 for s in stride]):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            totals = [d * (k - 1) for d, k in zip(dilation, shape_of(w.array)[2:])]
            padding = tuple([n for total in totals for n in (total // 2, total - total // 2)])
        else:
            raise RuntimeError(f"Invalid padding string: {padding!r}")
    else:
        padding = tuple([n for n in numbers(op, "padding", padding, spatial) for _ in range(2)])
    if spatial == 1:
        stride, dilation, padding = (1, *stride), (1, *dilation), (0, 0, *padding)
    cdef np.ndarray x4 = in_4d(x.array, missing), w4 = in_4d(w.array, missing & 1)
    cdef np.ndarray b = None if bias is None else (<Tensor>bias).array, y
    if whole_numbers(x4, w4, b):
        doubles = [None if array is None else array.astype(float) for array in (x4, w4, b)]
        kernels.conv_forward(*doubles, stride, padding, dilation, groups)  # checks
        y = reference.conv_forward(x4, w4, b, stride, padding, dilation, groups, relu)
        return wrap(without(y, missing))
    y = K.conv_forward(x4, w4, b, stride, padding, dilation, groups, relu)
    return finish(y, x, w, bias, relu, (stride, padding, dilation, groups), False, missing, x4, w4)


@operation("fastnn functional")
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of sequences with kernels.

    Parameters
    ----------
    input : Tensor (n, c, length) or (c, length)
    weight : Tensor (o, c / groups, k)
    bias : Tensor (o,), optional
    stride, dilation : int or tuple
        Steps between positions, and between what neighbouring elements of a kernel see.
    padding : int, tuple, 'valid' or 'same'
        Zeros around the input; 'same' (stride 1 only) keeps the length.
    groups : int
        Channels are cut into so many groups that do not see each other.

    Returns
    -------
    Tensor (n, o, out) or (o, out), out = (length + 2 * padding - dilation * (k - 1) - 1) // stride + 1

    Examples
    --------
    >>> F.conv1d(fastnn.tensor([[[1.0, 2.0, 4.0]]]), fastnn.tensor([[[1.0, 1.0]]]))
    tensor([[[3., 6.]]])
    """
    return convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups, False)


@operation("fastnn functional")
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels.

    y[n, o] = bias[o] + sum over c of weight[o, c] * input[n, c], with `*` the sum over a window.

    Shape: input (n, c, h, w) or (c, h, w), weight (o, c / groups, kh, kw), bias (o,), result (n, o, oh, ow) or
    (o, oh, ow). Options as of `conv1d`, one number or (rows, columns).

    Parameters
    ----------
    input : Tensor
    weight : Tensor
        (o, c / groups, kh, kw)
    bias : Tensor, optional
        (o,)
    stride : int or tuple of ints, default 1
    padding : int, tuple of ints or str, default 0
        Zeros at both borders, or "same" or "valid".
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    groups : int, default 1
        Channels are divided into so many groups.

    Examples
    --------
    >>> F.conv2d(fastnn.ones(1, 1, 3, 3), fastnn.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups, False)


cdef Tensor convolve_transposed(str op, int spatial, object input, object weight, object bias, object stride,
                                object padding, object output_padding, object groups, object dilation):
    cdef Tensor x = tensor_of(op, "input", 1, input), w = tensor_of(op, "weight", 2, weight)
    check(op, x, w, bias, spatial)
    cdef int missing = (1 if spatial == 1 else 0) | (2 if np.PyArray_NDIM(x.array) == spatial + 1 else 0)
    stride = numbers(op, "stride", stride, spatial)
    padding = numbers(op, "padding", padding, spatial)
    dilation = numbers(op, "dilation", dilation, spatial)
    output_padding = numbers(op, "output_padding", output_padding, spatial)
    for extra, s, d in zip(output_padding, stride, dilation):
        if extra < 0:
            raise ShapeError(f"{op}: negative output_padding is not supported, got {output_padding}")
        if extra >= max(s, d):
            raise ShapeError(f"{op}: output padding must be smaller than either stride or dilation, but got "
                             f"output_padding={output_padding}, stride={stride}, dilation={dilation}")
    if spatial == 1:
        stride, dilation, padding, output_padding = (1, *stride), (1, *dilation), (0, *padding), (0, *output_padding)
    cdef np.ndarray x4 = in_4d(x.array, missing), w4 = in_4d(w.array, missing & 1)
    size = tuple([(x4.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (w4.shape[2 + i] - 1)
                  + output_padding[i] + 1 for i in range(2)])
    if min(size) < 1:
        raise ShapeError(f"{op}: given input of size {list(shape_of(x.array))}, calculated output size "
                         f"{size[2 - spatial:]} is too small")
    cdef np.ndarray b = None if bias is None else (<Tensor>bias).array, y
    if whole_numbers(x4, w4, b):
        doubles = [None if array is None else array.astype(float) for array in (x4, w4, b)]
        kernels.conv_backward_input(*doubles[:2], size, doubles[2], stride, padding, dilation, groups)
        y = reference.conv_backward_input(x4, w4, size, b, stride, padding, dilation, groups)
        return wrap(without(y, missing))
    y = K.conv_backward_input(x4, w4, size, b, stride, padding, dilation, groups)
    return finish(y, x, w, bias, False, (stride, padding, dilation, groups), True, missing, x4, w4)


@operation("fastnn functional")
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv1d` with respect to its input, as an operation: a sequence grows by `stride`.

    Shape: input (n, c, length) or (c, length), weight (c, o / groups, k), bias (o,), result (n, o, out) or (o, out),
    out = (length - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1.

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
    >>> F.conv_transpose1d(fastnn.ones(1, 1, 2), fastnn.ones(1, 1, 2))
    tensor([[[1., 2., 1.]]])
    """
    return convolve_transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups,
                               dilation)


@operation("fastnn functional")
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv2d` with respect to its input, as an operation: images grow by `stride`.

    Shape: input (n, c, h, w) or (c, h, w), weight (c, o / groups, kh, kw), bias (o,), result (n, o, oh, ow) or
    (o, oh, ow); sizes as of `conv_transpose1d`.

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
    >>> F.conv_transpose2d(fastnn.ones(1, 1, 2, 2), fastnn.ones(1, 1, 2, 2), stride=2).shape
    torch.Size([1, 1, 4, 4])
    """
    return convolve_transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups,
                               dilation)
