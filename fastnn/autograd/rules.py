"""Rules of nodes written in tensor operations, for backward that is recorded.

From an array that a node saved and the position of its input in the graph the tensor is made again. For a node without
such a rule, or with options that the rule does not know, the tape's own rule gives the gradients; differentiating those
raises NotImplementedError with the node's name.
"""
import math

import numpy as np

from fastnn import _gradients, _tape, kernels
from fastnn._tensor import from_array, record
from fastnn.autograd.function import Context, refuse_later
from fastnn.autograd.maps import LOSSES, MAPS, only_where, piecewise, times_slope
from fastnn.kernels.dropout import dropout_backward
from fastnn.kernels.reduce import cumulate
from fastnn.ops import arithmetic, indexing, pointwise, reduce, shape

RULES = {}        # name of a node -> rule(step, g): a tensor, or a tuple with one (or None) for each edge
PYTHON_RULES = {}  # the same by the name of the Python function that is the node's rule


class Step:
    """A node as rules see it."""

    def __init__(self, node):
        self.node = node
        self.name, self.edges, self.saved, self.a, self.b = _tape.parts_of(node)

    def input(self, array, i):
        """The tensor that was input number i."""
        return _gradients.tensor_at(array, self.edges[i])

    def inputs(self):
        """Tensors at the positions in the graph that the node depends on, without its numbers."""
        zero = np.zeros(())
        return [_gradients.tensor_at(zero, edge) for edge in self.edges if edge is not None]

    def output(self, array):
        """The tensor that the node made."""
        return _gradients.tensor_at(array, self.node)


def rule(*names):
    def add(function):
        RULES.update(dict.fromkeys(names, function))
        return function
    return add


def python_rule(*names):
    def add(function):
        PYTHON_RULES.update(dict.fromkeys(names, function))
        return function
    return add


# ---- linear maps: a rule whose transpose is known ----

def linear(g, forward, transposed, beside=None, shape=None):
    """forward(g) for a linear function of arrays, recorded with its transpose; `beside`, of that shape, gets zeros."""
    return record(forward(g.detach().numpy()), _linear_rule, "LinearMapBackward0",
                  (g,) if beside is None else (g, beside), (forward, transposed, shape))


def _linear_rule(grad, forward, transposed, shape):
    found = transposed(grad)
    return found if shape is None else (found, np.zeros(shape, grad.dtype))


@python_rule("_linear_rule")
def _(step, g):
    forward, transposed, shape = step.saved[1:]
    found = linear(g, transposed, forward)
    return found if shape is None else (found, from_array(np.zeros(shape, g.detach().numpy().dtype)))


def sum_to(g, shape):
    """Undo a broadcast."""
    shape = tuple(shape)
    if tuple(g.shape) == shape:
        return g
    extra = g.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1)
    return reduce.sum(g, axes, True).reshape(shape) if axes else g.reshape(shape)


# ---- arithmetic ----

@rule("AddBackward0", "SubBackward0")
def _(step, g):
    if len(step.edges) == 1:
        return g
    if not step.saved:  # both of one shape
        return g, g if step.name == "AddBackward0" else -g
    sign = -1 if step.name == "SubBackward0" else 1
    return sum_to(g, step.saved[0]), sum_to(g if sign > 0 else -g, step.saved[1])


@rule("MulBackward0")
def _(step, g):
    if len(step.edges) == 1:
        return g * step.a
    shape_x, shape_y, x, y = step.saved
    return (None if y is None else sum_to(g * step.input(y, 1), shape_x),
            None if x is None else sum_to(g * step.input(x, 0), shape_y))


@rule("DivBackward0")
def _(step, g):
    if len(step.edges) == 1:
        return g / step.a
    shape_x, shape_y, x, y = step.saved
    x, y = step.input(x, 0), step.input(y, 1)
    dx = g / y
    return sum_to(dx, shape_x), sum_to(-dx * (x / y), shape_y) if step.edges[1] is not None else None


@rule("PowBackward1")
def _(step, g):
    shape_x, shape_y, x, y, z = step.saved
    x, y, z = step.input(x, 0), step.input(y, 1), step.output(z)
    dx = dy = None
    if step.edges[0] is not None:
        dx = sum_to(indexing.where(y == 0, 0.0, g * y * arithmetic.pow(x, y - 1)), shape_x)
    if step.edges[1] is not None:
        dy = sum_to(indexing.where((x == 0) & (y >= 0), 0.0, g * z * pointwise.log(x)), shape_y)
    return dx, dy


@rule("MaximumBackward0", "MinimumBackward0")
def _(step, g):
    shape_x, shape_y, x, y, largest = step.saved
    equal = from_array(np.asarray(x == y))
    mine, theirs = (only_where(~np.asarray(smaller), indexing.where(equal, g * 0.5, g))
                    for smaller in ((x < y, x > y) if largest else (x > y, x < y)))
    return sum_to(mine, shape_x), sum_to(theirs, shape_y)


@python_rule("clamp_backward")
def _(step, g):
    return tuple(None if share is None else
                 sum_to(only_where(share != 0, g * from_array(np.asarray(share, g.detach().numpy().dtype))), shape)
                 for share, shape in zip(*step.saved[1:]))


# ---- sums and softmax ----

def _spread(g, shape, axes):
    return g.reshape([1 if i in axes else n for i, n in enumerate(shape)]).expand(shape)


@rule("GluBackward0")
def _(step, g):
    array, first, second, dim = step.saved
    x = step.input(array, 0)
    a, s = x[first], pointwise.sigmoid(x[second])
    return shape.cat((g * s, g * a * s * (1 - s)), dim)


@rule("PreluKernelBackward0")
def _(step, g):
    array, slopes, shape_of_weight = step.saved
    x, w = step.input(array, 0), step.input(slopes.reshape(shape_of_weight), 1)
    positive = np.asarray(array > 0)
    if step.edges[0] is None:
        share = np.where(positive, array.dtype.type(0), array)
        axes = tuple(i for i in range(x.ndim) if w.numel() == 1 or i != 1)
        return None, linear(g, lambda grad: (grad * share).sum(axes).reshape(shape_of_weight),
                            lambda dw: dw.reshape(slopes.shape) * share, w, shape_of_weight)
    level, slope = np.asarray(array == 0), w.reshape(slopes.shape)
    dx = (piecewise(g, x, lambda a: np.where(positive, a, a.dtype.type(0)))
          + piecewise(g * slope, x, lambda a: np.where(positive | level, a.dtype.type(0), a)))
    if level.any():  # there the slope is the weight, but does not change with it
        dx = dx + piecewise(g * slope.detach(), x, lambda a: np.where(level, a, a.dtype.type(0)))
    dw = indexing.where(from_array(np.asarray(array >= 0)), 0.0, g * x).to(x.dtype)  # at 0 without a slope
    dw = reduce.sum(dw) if w.numel() == 1 else reduce.sum(dw, [i for i in range(x.ndim) if i != 1])
    return dx, dw.reshape(tuple(w.shape))


@rule("SumBackward0")
def _(step, g):
    return _spread(g, *step.saved)


@rule("MeanBackward0")
def _(step, g):
    shape, axes, factor = step.saved
    return _spread(g * factor, shape, axes)


@rule("AmaxBackward0", "AminBackward0", "MaxBackward1", "MinBackward1")
def _(step, g):
    chosen, count = reduce.extreme_share(*step.saved)
    shape, axes = step.saved[2:4]
    return _spread(g / from_array(count), shape, axes) * from_array(np.asarray(chosen, count.dtype))


@rule("MaxBackward0", "MinBackward0")
def _(step, g):
    shape, axis, indices, keepdim = step.saved
    if not shape:
        return g.reshape(())
    kept = tuple(1 if i == axis else n for i, n in enumerate(shape))
    places = indices.reshape(kept)

    def put(array):
        dx = np.zeros(shape, array.dtype)
        np.put_along_axis(dx, places, array.reshape(kept), axis)
        return dx
    return linear(g, put, lambda grad: np.take_along_axis(grad, places, axis).reshape(tuple(g.shape)))


@rule("SoftmaxBackward0")
def _(step, g):
    y, axis, _ = step.saved
    y = step.output(y)
    weighted = g * y
    return weighted - y * reduce.sum(weighted, axis, True)


@rule("LogSoftmaxBackward0")
def _(step, g):
    y, axis, _ = step.saved
    return g - pointwise.exp(step.output(y)) * reduce.sum(g, axis, True)


# ---- averages and interpolation: linear, but in the graph with their input, as PyTorch's rules read it ----

@python_rule("_avg_backward", "_avg_row_backward")
def _(step, g):
    function, shape, kernel_size, stride, padding, *others = step.saved
    row = function.__name__ == "_avg_row_backward"

    def forward(array):
        planes = array[..., None, :] if row else array
        for ceil_mode in (False, True):
            y = kernels.avg_pool_forward(planes, kernel_size, stride, padding, ceil_mode, *others)
            y = y[..., 0, :] if row else y
            if y.shape == tuple(g.shape):
                return y
    return linear(g, lambda grad: function(grad, shape, *step.saved[2:]), forward, step.inputs()[0],
                  shape[:-2] + shape[-1:] if row else shape)


@python_rule("adaptive_avg_pool_backward", "_adaptive_row_backward")
def _(step, g):
    function, shape = step.saved
    if function.__name__ == "_adaptive_row_backward":
        return linear(g, lambda grad: function(grad, shape),
                      lambda array: kernels.adaptive_avg_pool_forward(array[..., None, :], (1, g.shape[-1]))[..., 0, :],
                      step.inputs()[0], shape[:-2] + shape[-1:])
    return linear(g, lambda grad: function(grad, shape),
                  lambda array: kernels.adaptive_avg_pool_forward(array, tuple(g.shape[-2:])), step.inputs()[0], shape)


@python_rule("_tables_backward")
def _(step, g):
    function, tables, shape = step.saved

    def forward(array):
        for axis in range(-1, -1 - len(tables), -1):
            array = kernels.resample_forward(array, *tables[axis], axis)
        return array
    return linear(g, lambda grad: function(grad, tables, shape), forward, step.inputs()[0], shape)


# ---- products ----

@rule("MmBackward0")
def _(step, g):
    x, y = step.input(step.saved[0], 0), step.input(step.saved[1], 1)
    if x.ndim == y.ndim == 1:
        return g * y, g * x
    left, right = x if x.ndim > 1 else x.unsqueeze(0), y if y.ndim > 1 else y.unsqueeze(1)
    if x.ndim == 1:
        g = g.unsqueeze(-2)
    if y.ndim == 1:
        g = g.unsqueeze(-1)
    return (sum_to(g @ right.mT, left.shape).reshape(tuple(x.shape)) if step.edges[0] is not None else None,
            sum_to(left.mT @ g, right.shape).reshape(tuple(y.shape)) if step.edges[1] is not None else None)


@rule("AddmmBackward0")
def _(step, g):
    x, w, y, activation = step.saved
    if y is not None:
        name = activation if isinstance(activation, str) else MAPS[activation]
        g = times_slope(g, name, None, step.output(y), step.a, step.b)
    x, w = step.input(x, 0), step.input(w, 1)
    rows = g.reshape(-1, w.shape[0])
    return (g @ w if step.edges[0] is not None else None,
            rows.t() @ x.reshape(-1, w.shape[1]) if step.edges[1] is not None else None,
            reduce.sum(rows, 0) if step.edges[2] is not None else None)


# ---- losses ----

@rule("MseLossBackward0", "L1LossBackward0", "SmoothL1LossBackward0", "HuberLossBackward0", "KlDivBackward0",
      "BinaryCrossEntropyBackward0", "BinaryCrossEntropyWithLogitsBackward0", "PoissonNllLossBackward0",
      "SoftMarginLossBackward0")
def _(step, g):
    op, x, t, weight, pos_weight, reduction = step.saved
    if reduction == "mean" and x.size:
        g = g / x.size
    if weight is not None:
        g = g * from_array(weight)
    if pos_weight is not None:
        op, pos_weight = op + "_weighted", from_array(pos_weight)
    given = step.input(x, 0), step.input(t, 1), pos_weight, step.a, step.b
    return tuple(None if edge is None else g * slope(*given) for edge, slope in zip(step.edges, LOSSES[op]))


@rule("NllLossBackward0")
def _(step, g):
    x, t, _, weight, ignored, reduction = step.saved
    if weight is not None or step.a or t.dtype.kind == "f":
        raise NotImplementedError("create_graph=True: weighted or smoothed losses of classes cannot be differentiated "
                                  "twice")
    dim = 1 if x.ndim > 1 else 0
    counts = np.expand_dims(t != ignored, dim).astype(x.dtype)
    hits = np.zeros_like(x)
    np.put_along_axis(hits, np.expand_dims(np.where(t == ignored, 0, t), dim), counts, dim)
    scale = g / float(counts.sum()) if reduction == "mean" else g.unsqueeze(dim) if reduction == "none" else g
    if not step.b:
        return scale * from_array(-hits), None
    return scale * (reduce.softmax(step.input(x, 0), dim) * from_array(counts) - from_array(hits)), None


@rule("DropoutBackward0")
def _(step, g):
    mask, alpha, unbatched = step.saved

    def masked(array):
        return dropout_backward(array[None], mask, step.a, alpha)[0] if unbatched else \
            dropout_backward(array, mask, step.a, alpha)
    return linear(g, masked, masked)


# ---- views and copies ----

@python_rule("reshape_backward")
def _(step, g):
    return g.reshape(step.saved[-1])


@python_rule("transpose_backward")
def _(step, g):
    return g.transpose(*step.saved[-1])


@python_rule("permute_backward")
def _(step, g):
    return g.permute([int(i) for i in np.argsort(step.saved[-1])])


@python_rule("expand_backward")
def _(step, g):
    return sum_to(g, step.saved[-1])


@python_rule("copy_backward")
def _(step, g):
    return g if g.detach().numpy().dtype == step.saved[-1] else g.to(step.saved[-1])


@python_rule("stack_backward")
def _(step, g):
    dim, kinds = step.saved[-1]
    return tuple(indexing.select(g, dim, i).to(kind) for i, kind in enumerate(kinds))


@python_rule("concat_backward")
def _(step, g):
    dim, sizes, kinds = step.saved[-1]
    starts = np.cumsum([0, *(size or 0 for size in sizes[:-1])])
    return tuple(indexing.narrow(g, dim, int(start), size).to(kind) if size is not None else
                 from_array(np.zeros(0, kind)) for start, size, kind in zip(starts, sizes, kinds))


@python_rule("_slice_backward", "_gather_rule")
def _(step, g):
    shape, index, *basic = step.saved[1:]

    def put(array):
        dx = np.zeros(shape if basic else shape or (1,), array.dtype)
        if basic and basic[0]:
            dx[index] = array
        else:
            np.add.at(dx, index, array)
        return dx.reshape(shape)
    return linear(g, put, lambda grad: np.asarray((grad if basic else np.atleast_1d(grad))[index]).reshape(
        tuple(g.shape)))


@python_rule("_put_backward")  # of what is sorted
def _(step, g):
    shape, dim, indices = step.saved[1:]

    def put(array):
        dx = np.zeros(shape, array.dtype)
        np.put_along_axis(dx, indices, array, dim)
        return dx
    return linear(g, put, lambda grad: np.take_along_axis(grad, indices, dim))


@python_rule("_where_backward")
def _(step, g):
    condition, shapes = step.saved[1:]
    mask = from_array(condition)
    return None, sum_to(indexing.where(mask, g, 0.0), shapes[0]), sum_to(indexing.where(mask, 0.0, g), shapes[1])


@python_rule("_norm_backward")
def _(step, g):
    x, norms, p, axes = step.saved[1:]
    if p != 2:
        raise NotImplementedError(f"create_graph=True: the gradient of the {p}-norm cannot be differentiated yet")
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    size = step.output(norms).reshape(kept)
    scale = g.reshape(kept) / indexing.where(size == 0, 1.0, size)
    return step.input(x, 0) * indexing.where(size == 0, 0.0, scale)


@rule("VarBackward0", "StdBackward0")
def _(step, g):
    x, _, axes, freedom, y = step.saved
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    scale = g.reshape(kept) * (2.0 / freedom if freedom else math.inf)
    if y is not None:
        y = step.output(y).reshape(kept)
        scale = indexing.where(y == 0, 0.0, scale / indexing.where(y == 0, 1.0, 2.0 * y))
    x = step.input(x, 0)
    return (x - reduce.mean(x, axes, True)) * scale


@python_rule("_cumsum_backward")
def _(step, g):
    dim = step.saved[1]
    return linear(g, lambda a: cumulate("sum", a, dim, True), lambda a: cumulate("sum", a, dim))


@python_rule("_piecewise_rule")
def _(step, g):
    scale, alone = step.saved[1:]
    return piecewise(g, None, scale), None if alone else from_array(np.zeros_like(g.detach().numpy()))


@python_rule("_refuse")
def _(step, g):
    raise step.saved[1]


def _unary(step, g):
    number, x, y = step.saved
    x = None if x is None else step.input(x, 0)
    y = None if y is None else step.output(y)
    return times_slope(g, MAPS[number], x, y, step.a, step.b)


def _own_rule(step):
    """The node's rule in tensor operations, or None."""
    if step.name in RULES:
        return RULES[step.name]
    if len(step.edges) == 1 and len(step.saved) == 3 and isinstance(step.saved[0], int):
        return _unary
    function = step.saved[0] if step.saved and callable(step.saved[0]) else None
    return PYTHON_RULES.get(getattr(function, "__name__", None))


def gradients_of(node, grads):
    """The gradients of a node's inputs, in tensors, from those of its outputs."""
    step = Step(node)
    if isinstance(node, Context):
        return node._gradients(grads)
    try:
        own = _own_rule(step)
        if own is None:
            raise NotImplementedError(f"create_graph=True: {step.name} has no gradient that can be differentiated")
        found = own(step, *grads)
    except NotImplementedError as error:
        inputs = [x for x in grads if x is not None] + ([] if _tape.keeps_nothing(node) else step.inputs())
        return refuse_later(_gradients.rule_on_arrays(node, list(grads)), tuple(inputs), error)
    return found if isinstance(found, tuple) else (found,)
