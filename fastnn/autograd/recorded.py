"""Backward that is recorded itself (``create_graph=True``): rules written in tensor operations.

The tape's rules work on arrays and leave no graph. Here stand rules for the same nodes in terms of tensors; from an
array that a node saved and the place of its input in the graph the tensor is made again. A node without such a rule
raises NotImplementedError with its name.
"""
import math

import numpy as np

from fastnn import _gradients
from fastnn._tensor import Tensor, from_array, record
from fastnn.autograd.grad_mode import enable_grad
from fastnn.kernels._core import unary_names
from fastnn.kernels.dropout import dropout_backward
from fastnn.kernels.reduce import cumulate
from fastnn.ops import arithmetic, indexing, pointwise, reduce, shape

MAPS = unary_names()
RULES = {}        # name of a node -> rule(step, g): a tensor, or a tuple with one (or None) for each edge
PYTHON_RULES = {}  # the same by the name of the Python function that is the node's rule
DERIVATIVES = {}  # name of a map -> dy/dx of (x, y, a, b)


class Step:
    """A node as rules see it."""

    def __init__(self, node):
        self.node = node
        self.name, self.edges, self.saved, self.a, self.b, self.hooks = _gradients.parts_of(node)

    def input(self, array, i):
        """The tensor that was input number i."""
        return _gradients.tensor_at(array, self.edges[i])

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

def linear(g, forward, transposed):
    """forward(g) for a linear function of arrays, recorded with its transpose."""
    return record(forward(g.detach().numpy()), _linear_rule, "LinearMapBackward0", (g,), (forward, transposed))


def _linear_rule(grad, forward, transposed):
    return transposed(grad)


@python_rule("_linear_rule")
def _(step, g):
    forward, transposed = step.saved[1:]
    return linear(g, transposed, forward)


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
    shares = [from_array(np.where(x == y, 0.5, ~smaller).astype(x.dtype))
              for smaller in ((x < y, x > y) if largest else (x > y, x < y))]
    return sum_to(g * shares[0], shape_x), sum_to(g * shares[1], shape_y)


@python_rule("clamp_backward")
def _(step, g):
    return tuple(None if share is None else sum_to(g * from_array(np.asarray(share, g.detach().numpy().dtype)), shape)
                 for share, shape in zip(*step.saved[1:]))


# ---- maps ----

def _slope(condition):
    return lambda x, y, a, b: from_array(np.asarray(condition(x, y, a, b)))


def _array(t):
    return t.detach().numpy()


def _gate(x, low, high):
    """1 inside (low, high), else 0."""
    return ((x > low) & (x < high)).to(x.dtype)


def _normal(x):
    return pointwise.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


def _gelu_tanh(x):
    c = math.sqrt(2 / math.pi)
    t = pointwise.tanh(c * (x + 0.044715 * x * x * x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)


def _silu(x):
    s = pointwise.sigmoid(x)
    return s * (1 + x * (1 - s))


def _mish(x):
    t, s = pointwise.tanh(pointwise.softplus(x)), pointwise.sigmoid(x)
    return t + x * s * (1 - t * t)


DERIVATIVES.update({
    "sigmoid": lambda x, y, a, b: y * (1 - y),
    "tanh": lambda x, y, a, b: 1 - y * y,
    "relu": lambda x, y, a, b: (y > 0).to(y.dtype),
    "relu6": lambda x, y, a, b: _gate(y, 0, 6),
    "leaky_relu": lambda x, y, a, b: indexing.where(y.detach() > 0, 1.0, a).to(y.dtype),
    "leaky_relu_signed": lambda x, y, a, b: indexing.where(x.detach() > 0, 1.0, a).to(x.dtype),
    "elu": lambda x, y, a, b: indexing.where(y > 0, 1.0, y + a),
    "elu_signed": lambda x, y, a, b: indexing.where(x > 0, 1.0, a * pointwise.exp(x)),
    "celu": lambda x, y, a, b: indexing.where(y > 0, 1.0, y / a + 1),
    "selu": lambda x, y, a, b: indexing.where(y > 0, 1.0507009873554805, y + 1.0507009873554805 * 1.6732632423543772),
    "gelu": lambda x, y, a, b: 0.5 * (1 + pointwise.erf(x * math.sqrt(0.5))) + x * _normal(x),
    "gelu_tanh": lambda x, y, a, b: _gelu_tanh(x),
    "silu": lambda x, y, a, b: _silu(x),
    "mish": lambda x, y, a, b: _mish(x),
    "hardtanh": lambda x, y, a, b: _gate(y, a, b),
    "hardsigmoid": lambda x, y, a, b: _gate(y, 0, 1) / 6,
    "logsigmoid": lambda x, y, a, b: -pointwise.expm1(y),
    "tanhshrink": lambda x, y, a, b: arithmetic.pow(pointwise.tanh(x), 2),
    "softsign": lambda x, y, a, b: 1 / arithmetic.pow(1 + pointwise.abs(x), 2),
    "threshold": lambda x, y, a, b: (x > a).to(x.dtype),
    "softshrink": lambda x, y, a, b: (y != 0).to(y.dtype),
    "hardshrink": lambda x, y, a, b: ((x < -a) | (x > a)).to(x.dtype),
    "exp": lambda x, y, a, b: y,
    "exp2": lambda x, y, a, b: y * math.log(2),
    "expm1": lambda x, y, a, b: y + 1,
    "log": lambda x, y, a, b: 1 / x,
    "log2": lambda x, y, a, b: 1 / (x * math.log(2)),
    "log10": lambda x, y, a, b: 1 / (x * math.log(10)),
    "log1p": lambda x, y, a, b: 1 / (x + 1),
    "sqrt": lambda x, y, a, b: 0.5 / y,
    "rsqrt": lambda x, y, a, b: -0.5 * (y * y * y),
    "abs": lambda x, y, a, b: pointwise.sign(x),
    "neg": lambda x, y, a, b: None,
    "square": lambda x, y, a, b: 2 * x,
    "cube": lambda x, y, a, b: 3 * x * x,
    "reciprocal": lambda x, y, a, b: -(y * y),
    "sin": lambda x, y, a, b: pointwise.cos(x),
    "cos": lambda x, y, a, b: -pointwise.sin(x),
    "tan": lambda x, y, a, b: 1 + y * y,
    "asin": lambda x, y, a, b: pointwise.rsqrt(1 - x * x),
    "acos": lambda x, y, a, b: -pointwise.rsqrt(1 - x * x),
    "atan": lambda x, y, a, b: 1 / (x * x + 1),
    "sinh": lambda x, y, a, b: pointwise.cosh(x),
    "cosh": lambda x, y, a, b: pointwise.sinh(x),
    "erf": lambda x, y, a, b: pointwise.exp(-(x * x)) * (2 / math.sqrt(math.pi)),
    "lgamma": lambda x, y, a, b: pointwise.digamma(x),
    "clamp": lambda x, y, a, b: ((x >= a) & (x <= b)).to(x.dtype),
    "pow_scalar": lambda x, y, a, b: a * arithmetic.pow(x, a - 1) if a else x * 0,
    "softplus": lambda x, y, a, b: indexing.where(a * x > b, 1.0, pointwise.sigmoid(a * x)),
})


def _unary(step, g):
    number, x, y = step.saved
    name = MAPS[number]
    if name == "neg":
        return -g
    if name in ("floor", "ceil", "round", "trunc", "sign", "step"):
        return g * 0
    if name not in DERIVATIVES:
        raise NotImplementedError(f"create_graph=True: the derivative of {name} cannot be differentiated yet")
    if name == "softplus" and x is None:
        raise NotImplementedError("create_graph=True: the derivative of softplus cannot be differentiated yet")
    x = None if x is None else step.input(x, 0)
    y = None if y is None else step.output(y)
    return g * DERIVATIVES[name](x, y, step.a, step.b)


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
    positive = x.detach() > 0
    dx = indexing.where(positive, g, g * w.reshape(slopes.shape))
    dw = indexing.where(positive, 0.0, g * x).to(x.dtype)
    return dx, reduce.sum(dw) if w.numel() == 1 else reduce.sum(dw, [i for i in range(x.ndim) if i != 1])


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
        g = g * DERIVATIVES[activation if isinstance(activation, str) else MAPS[activation]](
            None, step.output(y), step.a, step.b)
    x, w = step.input(x, 0), step.input(w, 1)
    rows = g.reshape(-1, w.shape[0])
    return (g @ w if step.edges[0] is not None else None,
            rows.t() @ x.reshape(-1, w.shape[1]) if step.edges[1] is not None else None,
            reduce.sum(rows, 0) if step.edges[2] is not None else None)


# ---- losses ----

@rule("MseLossBackward0")
def _(step, g):
    _, x, t, weight, _, reduction = step.saved
    if weight is not None:
        raise NotImplementedError("create_graph=True: weighted mse_loss cannot be differentiated twice")
    difference = step.input(x, 0) - step.input(t, 1)
    dx = g * difference * (2.0 / x.size if reduction == "mean" and x.size else 2.0)
    return dx, -dx if step.edges[1] is not None else None


@rule("BinaryCrossEntropyWithLogitsBackward0")
def _(step, g):
    _, x, t, weight, pos_weight, reduction = step.saved
    if weight is not None or pos_weight is not None:
        raise NotImplementedError("create_graph=True: weighted binary_cross_entropy_with_logits cannot be "
                                  "differentiated twice")
    g = g / x.size if reduction == "mean" and x.size else g
    x = step.input(x, 0)
    return (g * (pointwise.sigmoid(x) - step.input(t, 1)) if step.edges[0] is not None else None,
            -g * x if step.edges[1] is not None else None)


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
        dx = np.zeros(shape, array.dtype)
        if basic and basic[0]:
            dx[index] = array
        else:
            np.add.at(dx, index, array)
        return dx
    return linear(g, put, lambda grad: np.asarray(grad[index]))


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


def gradients_of(step, g):
    """The gradients of a node's inputs, in tensors."""
    if step.name in RULES:
        found = RULES[step.name](step, g)
    elif len(step.edges) == 1 and len(step.saved) == 3 and isinstance(step.saved[0], int):
        found = _unary(step, g)
    else:
        function = step.saved[0] if step.saved and callable(step.saved[0]) else None
        own = getattr(function, "twice", None) or PYTHON_RULES.get(getattr(function, "__name__", None))
        if own is None:
            raise NotImplementedError(f"create_graph=True: {step.name} has no gradient that can be differentiated")
        found = own(step, g)
    return found if isinstance(found, tuple) else (found,)


# ---- the run ----

def run(outputs, grad_outputs, keep_graph, wanted):
    """{vertex: gradient} for the vertices `wanted` (None: all leaves), as tensors with a history."""
    pending, steps, stack, roots = {}, {}, [], []
    for output in outputs:
        vertex = _gradients.vertex_of(output)
        if vertex is None:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        roots.append(vertex)
        if id(vertex) not in pending:
            pending[id(vertex)] = 0
            stack.append(vertex)
    while stack:
        vertex = stack.pop()
        if isinstance(vertex, Tensor):
            continue
        step = steps[id(vertex)] = Step(vertex)
        for target in step.edges:
            if target is not None:
                if id(target) not in pending:
                    pending[id(target)] = 0
                    stack.append(target)
                pending[id(target)] += 1
    arrived, found, ready, seen = {}, {}, [], set()
    with enable_grad():
        for vertex, output, given in zip(roots, outputs, grad_outputs):
            if given is None:
                if output.numel() != 1:
                    raise RuntimeError("grad can be implicitly created only for scalar outputs")
                given = from_array(np.ones(tuple(output.shape), output.detach().numpy().dtype))
            elif given.shape != output.shape:
                raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {list(given.shape)} and "
                                   f"output[0] has a shape of {list(output.shape)}.")
            arrived[id(vertex)] = arrived[id(vertex)] + given if id(vertex) in arrived else given
            if not pending[id(vertex)] and id(vertex) not in seen:
                seen.add(id(vertex))
                ready.append(vertex)
        while ready:
            vertex = ready.pop()
            g = arrived.pop(id(vertex), None)
            step = steps.get(id(vertex))
            hooks = _gradients.hooks_of(vertex)[0] if step is None else step.hooks
            for hook in hooks if g is not None else ():
                changed = hook.hook(g)
                g = g if changed is None else changed
            if g is not None and (wanted is None and step is None or wanted is not None and id(vertex) in wanted):
                found[id(vertex)] = (vertex, g)
            if step is None:
                continue
            results = () if g is None else gradients_of(step, g)
            for i, target in enumerate(step.edges):
                if target is None:
                    continue
                dx = results[i] if i < len(results) else None
                if dx is not None:
                    arrived[id(target)] = arrived[id(target)] + dx if id(target) in arrived else dx
                pending[id(target)] -= 1
                if not pending[id(target)]:
                    ready.append(target)
    if not keep_graph:
        for step in steps.values():
            _gradients.free_node(step.node)
    return found
