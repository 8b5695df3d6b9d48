"""Second-order rules of operations that are written in Python, by the name of the function that is the node's rule."""
import numpy as np

from fastnn import kernels
from fastnn._tensor import from_array
from fastnn.autograd.step import Step
from fastnn.kernels.reduce import cumulate
from fastnn.ops import indexing

PYTHON_RULES = {}


def python_rule(*names):
    def add(function):
        PYTHON_RULES.update(dict.fromkeys(names, function))
        return function
    return add


linear, sum_to = Step.linear, Step.sum_to


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


# ---- views and copies ----

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


@python_rule("_cumsum_backward")
def _(step, g):
    dim = step.saved[1]
    return linear(g, lambda a: cumulate("sum", a, dim, True), lambda a: cumulate("sum", a, dim))


def own_rule(step):
    """The node's rule in tensor operations, or None."""
    function = step.saved[0] if step.saved and callable(step.saved[0]) else None
    return PYTHON_RULES.get(getattr(function, "__name__", None))
