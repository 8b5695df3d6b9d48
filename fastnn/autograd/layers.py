"""Rules of whole layers for backward that is recorded: convolutions, max pooling, normalisation, attention.

A convolution, its gradient by the input and its gradient by the weight are the three sides of one trilinear form, so
each one's gradients are the other two. Of normalisation and attention the gradients are those of the same function
written in tensor operations.
"""
import math

import numpy as np

from fastnn import _gradients, kernels
from fastnn._tensor import from_array, record
from fastnn.autograd.maps import times_slope
from fastnn.autograd.rules import linear, python_rule, rule
from fastnn.ops import indexing, pointwise, reduce, splitting


def _in_graph(found, inputs, held=()):
    """Gradients that do not depend on the inputs are in the graph too, as PyTorch's rules read them: with zeros.

    PyTorch gives none of the inputs at the positions `held`.
    """
    given = [(x, None if i in held else tuple(x.shape)) for i, x in enumerate(inputs)
             if x is not None and x.requires_grad]
    inputs, shapes = tuple(x for x, _ in given), tuple(sizes for _, sizes in given)
    return tuple(x if x is None or x.requires_grad or not inputs else
                 record(x.detach().numpy(), _nothing, "ZerosBackward0", inputs, shapes) for x in found)


def _nothing(grad, *shapes):
    return tuple(None if sizes is None else np.zeros(sizes, grad.dtype) for sizes in shapes)


@python_rule("_nothing")
def _(step, g):
    return tuple(None if x is None else from_array(x) for x in _nothing(g.detach().numpy(), *step.saved[1:]))


# ---- convolution ----

SIDES = {  # of what: its gradients for v, by the first and by the second operand
    "forward": lambda v, x, w: (("input", v, w), ("weight", v, x)),
    "input": lambda v, g, w: (("forward", v, w), ("weight", g, v)),
    "weight": lambda v, g, x: (("forward", x, v), ("input", g, v)),
}


def _convolved(side, a, b, sizes, kernel, outputs, options):
    """y of (x, w), dx of (g, w) or dw of (g, x), arrays of 4 dimensions."""
    if side == "forward":
        y = kernels.conv_forward(a, b, None, *options)
        return y[:, :, :outputs[0], :outputs[1]]  # more, where output_padding >= stride
    if side == "input":
        return kernels.conv_backward_input(a, b, sizes, None, *options)
    return kernels.conv_backward_weight(a, b, kernel, *options)


def _convolution(side, a, b, *geometry):
    x, y = a.detach().numpy(), b.detach().numpy()
    return record(_convolved(side, x, y, *geometry), _convolution_backward, "ConvolutionBackwardBackward0", (a, b),
                  (side, x, y, *geometry), (a, b))


def _convolution_backward(grad, side, a, b, *geometry):
    return tuple(_convolved(*each, *geometry) for each in SIDES[side](grad, a, b))


@python_rule("_convolution_backward")
def _(step, g):
    side, a, b, *geometry = step.saved[1:]
    return tuple(None if edge is None else _convolution(*each, *geometry)
                 for edge, each in zip(step.edges, SIDES[side](g, step.input(a, 0), step.input(b, 1))))


@rule("ConvolutionBackward0")
def _(step, g):
    x, w, activated, *options, transposed, _, x_shape, w_shape = step.saved
    large = list(g.shape)
    if len(x_shape) == len(w_shape) - 1:  # without a batch
        large = [1, *large]
    if len(w_shape) == 3:  # rows
        large = [*large[:2], 1, large[2]]
    g = g.reshape(large)
    if activated is not None:
        g = times_slope(g, "relu", None, from_array(activated), 0.0, 0.0)
    inputs = step.input(x.reshape(x_shape), 0), step.input(w.reshape(w_shape), 1)
    left, right = inputs[0].reshape(x.shape), inputs[1].reshape(w.shape)
    inner, outer = (g.shape, x.shape) if transposed else (x.shape, g.shape)
    geometry = tuple(inner[2:]), tuple(w.shape[2:]), tuple(outer[2:]), options
    sides = (("forward", g, right), ("weight", left, g)) if transposed else (("input", g, right), ("weight", g, left))
    dx, dw = [None if edge is None else _convolution(*each, *geometry).reshape(size)
              for edge, each, size in zip(step.edges, sides, (x_shape, w_shape))]
    return _in_graph((dx, dw, None if step.edges[2] is None else reduce.sum(g, (0, 2, 3))), inputs)


# ---- the largest of windows ----

def _pair(value):
    return tuple(value) * (2 // len(value)) if isinstance(value, (tuple, list)) else (value, value)


def _places(index, plane, sizes):
    """Numbers within the flat plane for those within windows."""
    if index.dtype == np.int64:
        return index
    kernel, stride, padding, dilation = sizes
    kernel, padding, dilation = _pair(kernel), _pair(padding), _pair(dilation)
    stride = kernel if stride is None or stride == () or stride == [] else _pair(stride)
    tap = np.divmod(index.astype(np.int64), kernel[1])
    at = np.indices(index.shape[-2:])
    row, column = (np.clip(at[i] * stride[i] - padding[i] + tap[i] * dilation[i], 0, plane[i] - 1) for i in range(2))
    return row * plane[1] + column


@python_rule("_max_backward", "_max_row_backward")
def _(step, g):
    function, index, whole, sizes = step.saved
    row = function.__name__ == "_max_row_backward"
    places = _places(index, whole[-2:], sizes)
    flat = whole[:-2] + (whole[-2] * whole[-1],)
    lines = places.reshape(places.shape[:-2] + (places.shape[-2] * places.shape[-1],))

    def taken(array):
        found = np.take_along_axis(array.reshape(flat), lines, -1)
        return found.reshape(tuple(g.shape))
    return linear(g, lambda grad: function(grad, index, whole, sizes), taken, step.inputs()[0],
                  whole[:-2] + whole[-1:] if row else whole)


# ---- by the same function in tensor operations ----

def _through(step, g, arrays, function, unread=(), held=()):
    """The gradients of a node as those of ``function(*inputs)``; `arrays` of the inputs stand in the edges' order.

    `unread`: positions of inputs that PyTorch's rule does not have; `held`: that it has, but does not read.
    """
    from fastnn.autograd.recorded import run  # which imports this
    inputs = [None if array is None else from_array(array) if edge is None else step.input(array, i).expand(array.shape)
              for i, (array, edge) in enumerate(zip(arrays, step.edges))]  # views: vertices of this call alone
    made = function(*inputs)
    vertices = [None if edge is None else _gradients.vertex_of(x) for edge, x in zip(step.edges, inputs)]
    found = run([made], [g], True, dict.fromkeys(vertex for vertex in vertices if vertex is not None))
    return _in_graph([None if vertex is None else found.get(vertex) for vertex in vertices],
                     [None if i in unread else x for i, x in enumerate(inputs)], held)


def _normed(x, axes, mean, rstd):
    """(x - mean) / sqrt(var + eps), whose eps is what is missing to `rstd`; `mean` None: of the squares."""
    away = x if mean is None else x - reduce.mean(x, axes, True)
    var = reduce.mean(away * away, axes, True)
    missing = 1 / (rstd * rstd) - var.detach().numpy()
    return away * pointwise.rsqrt(var + from_array(missing))


def _scaled(y, weight, bias, sizes):
    y = y if weight is None else y * weight.reshape(sizes)
    return y if bias is None else y + bias.reshape(sizes)


def _like(array, edge, shape):
    """An array for a bias, whose numbers no node saves."""
    return None if edge is None else np.zeros(shape, array.dtype)


@rule("NativeLayerNormBackward0", "RmsNormBackward0")
def _(step, g):
    x, mean, rstd, weight, ndim, rms = step.saved
    axes, row = tuple(range(x.ndim - ndim, x.ndim)), x.shape[x.ndim - ndim:]
    rstd = rstd.reshape(x.shape[:x.ndim - ndim] + (1,) * ndim)

    def function(x, weight, bias):
        return _scaled(_normed(x, axes, None if rms else mean, rstd), weight, bias, row)
    return _through(step, g, (x, weight, _like(x, step.edges[2], row)), function, held=(2,))


@rule("NativeBatchNormBackward0", "NativeGroupNormBackward0")
def _(step, g):
    x, mean, rstd, weight, how = step.saved
    channels = (-1,) + (1,) * (x.ndim - 2)

    def function(y, weight, bias):
        if not isinstance(how, bool):  # groups
            rows = y.reshape(x.shape[0], how, math.prod(x.shape[1:]) // how)
            y = _normed(rows, (2,), mean, rstd.reshape(x.shape[0], how, 1)).reshape(x.shape)
        elif how:
            y = _normed(y, (0, *range(2, x.ndim)), mean, rstd.reshape(channels))
        else:
            y = (y - from_array(mean.reshape(channels))) * from_array(rstd.reshape(channels))
        return _scaled(y, weight, bias, channels)
    return _through(step, g, (x, weight, _like(x, step.edges[2], x.shape[1:2])), function, (2,))


def _attention(q, k, v, mask, options):
    """(batch, heads, time, width) tensors; a query that may see nothing gives 0."""
    heads, kept = q.shape[1], k.shape[1]
    if heads != kept:
        k, v = (x.unsqueeze(2).expand(x.shape[0], kept, heads // kept, *x.shape[2:]).reshape(
            x.shape[0], heads, *x.shape[2:]) for x in (k, v))
    scale = options.scale if options.scale is not None else 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    scores = (q @ k.mT) * scale
    seen = np.ones(tuple(scores.shape), bool)
    if options.causal:
        seen &= np.tri(*seen.shape[-2:], dtype=bool)
    if mask is not None and mask.is_floating_point():
        seen &= mask.detach().numpy() != -np.inf
        scores = scores + indexing.where(from_array(np.isinf(mask.detach().numpy())), 0.0, mask)
    elif mask is not None:
        seen &= mask.numpy() ^ options.drop
    blind = ~seen.any(-1, keepdims=True)
    weights = reduce.softmax(indexing.where(from_array(seen | blind), scores, -math.inf), -1)
    factor = np.where(blind, 0, seen).astype(v.detach().numpy().dtype)
    if options.keep is not None:
        factor *= options.keep / (1 - options.p) if options.p < 1 else 0
    return (weights * from_array(factor)) @ v


@rule("ScaledDotProductAttentionBackward0")
def _(step, g):
    if len(step.saved) == 7:
        q, k, v, _, _, mask, options = step.saved
        return _through(step, g, (q, k, v, mask), lambda *given: _attention(*given, options))
    arrays, y, _, mask, options = step.saved
    order = (0, 2, 1, 3) if options.batch_first else (1, 2, 0, 3)

    def function(*given):
        *sources, mask = given
        counts = {1: (3,), 2: (1, 2), 3: (1, 1, 1)}[len(sources)]
        parts = [piece for x, count in zip(sources, counts) for piece in splitting.chunk(x, count, 2)]
        q, k, v = (x.reshape(*x.shape[:2], options.heads, -1).permute(order) for x in parts)
        made = _attention(q, k, v, mask, options)
        return made.permute([order.index(i) for i in range(4)]).reshape(y.shape)
    return _through(step, g, (*arrays, mask), function)
