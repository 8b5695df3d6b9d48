"""Reductions over dimensions."""
cimport numpy as np

import math

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, record1, recording, wrap, shape_of
from fastnn.kernels cimport elementwise, normalization as N, reduce as K
from fastnn.ops._common cimport form_of_array, is_ordinary, is_real, rule_of, wrap_dim, zero_d
from fastnn.ops._common import into
from fastnn.ops.slicing cimport along
from fastnn.ops.compare import maximum, minimum
from fastnn.ops.declare import operation

np.import_array()


cdef tuple axes_of(object dim, int ndim):
    """Dimensions to reduce as a sorted tuple of axes; None and () mean all."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    axes = sorted([wrap_dim(d, ndim) for d in dim])
    if len(set(axes)) != len(axes):
        raise RuntimeError("dim appears multiple times in the list of dims")
    return tuple(axes) if axes and ndim else tuple(range(ndim))


cdef np.ndarray spread(np.ndarray grad, tuple shape, tuple axes):
    """A reduced gradient, repeated over the axes that were reduced (a view)."""
    kept = tuple([1 if i in axes else size for i, size in enumerate(shape)])
    return numpy.broadcast_to(grad.reshape(kept), shape)


def repeated(g, shape, axes):
    """The same of a tensor, recorded."""
    return g.reshape([1 if i in axes else n for i, n in enumerate(shape)]).expand(shape)


cdef object sum_backward(Node node, np.ndarray grad):
    return spread(grad, node.saved[0], node.saved[1])


cdef Op SUM = declare("SumBackward0", sum_backward, "shape axes")
SUM.second(lambda step, g: repeated(g, step.shape, step.axes))


cdef object mean_backward(Node node, np.ndarray grad):
    return spread(elementwise.unary_forward("mul_scalar", grad, node.saved[2]), node.saved[0], node.saved[1])


cdef Op MEAN = declare("MeanBackward0", mean_backward, "shape axes factor")
MEAN.second(lambda step, g: repeated(g * step.factor, step.shape, step.axes))


cdef object prod_backward(Node node, np.ndarray grad):
    """The product of the others: exclusive products from both sides, right for zeros too."""
    shape, axes, x = node.saved
    if not axes or not x.size:
        return numpy.broadcast_to(grad, shape) if not axes else numpy.zeros(shape, x.dtype)
    moved = numpy.moveaxis(x, axes, range(-len(axes), 0))
    flat = moved.reshape(moved.shape[:x.ndim - len(axes)] + (-1,))
    ones = numpy.ones(flat.shape[:-1] + (1,), flat.dtype)
    left = K.cumulate("prod", numpy.concatenate([ones, flat[..., :-1]], -1), -1)
    right = K.cumulate("prod", numpy.concatenate([flat[..., 1:], ones], -1), -1, True)
    others = (left * right).reshape(moved.shape)
    others = numpy.moveaxis(others, range(-len(axes), 0), axes)
    return elementwise.binary("mul", numpy.ascontiguousarray(others), spread(grad, shape, axes))


cdef Op PROD = declare("ProdBackward0", prod_backward, "shape axes x")


@PROD.second
def _prod_second(step, g):
    """By running products of tensors, which have rules of their own."""
    shape, axes, x = step.shape, step.axes, step.input(step.x, 0)
    if not axes or not step.x.size:
        return g.expand(shape) if not axes else step.linear(
            g, lambda grad: numpy.zeros(shape, grad.dtype), lambda grad: numpy.zeros(tuple(g.shape), grad.dtype))
    moved = x.movedim(axes, tuple(range(-len(axes), 0)))
    flat = moved.reshape(*moved.shape[:x.ndim - len(axes)], -1)
    ones, count = (flat.detach() * 0 + 1).narrow(-1, 0, 1), flat.shape[-1]
    left = step.cat((ones, flat.narrow(-1, 0, count - 1)), -1).cumprod(-1)
    right = step.cat((flat.narrow(-1, 1, count - 1), ones), -1).flip(-1).cumprod(-1).flip(-1)
    others = (left * right).reshape(moved.shape).movedim(tuple(range(-len(axes), 0)), axes)
    return others * repeated(g, shape, axes)


def extreme_share(x, y, shape, axes, bint whole):
    """Where x is the extreme y, and how often: 0 times among the others' NaN in amax and amin, whose gradient is NaN.

    max() and min() over everything (`whole`) find the NaN.
    """
    chosen = x == spread(y, shape, axes)
    if whole and numpy.isnan(y).any():
        chosen = numpy.isnan(x)
    return zero_d(chosen), zero_d(chosen.sum(axis=axes, dtype=x.dtype)).reshape(shape_of(y))


cdef object extreme_backward(Node node, np.ndarray grad):
    """amax, amin and max(), min() over everything: equal extremes share the gradient."""
    chosen, count = extreme_share(*node.saved)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return zero_d(spread(zero_d(grad / count), node.saved[2], node.saved[3]) * chosen)


cdef Op AMAX = declare("AmaxBackward0", extreme_backward, "x y shape axes whole")
cdef Op AMIN = declare("AminBackward0", extreme_backward, "x y shape axes whole")
cdef Op MAX_OF_ALL = declare("MaxBackward1", extreme_backward, "x y shape axes whole")
cdef Op MIN_OF_ALL = declare("MinBackward1", extreme_backward, "x y shape axes whole")


@AMAX.second
@AMIN.second
@MAX_OF_ALL.second
@MIN_OF_ALL.second
def _extreme_second(step, g):
    chosen, count = extreme_share(*step.saved)
    return repeated(g / wrap(count), step.shape, step.axes) * wrap(numpy.asarray(chosen, count.dtype))


cdef Tensor reduced(str op, Tensor x, tuple axes, bint keepdim, Op record=None):
    cdef np.ndarray y = K.reduce(op, x.array, axes, keepdim)
    if not recording(x):
        return wrap(y)
    shape = shape_of(x.array)
    cdef Tensor out
    if op == "sum":
        return record1(y, SUM, x, (shape, axes))
    if op == "mean":
        count = 1
        for axis in axes:
            count *= shape[axis]
        return record1(y, MEAN, x, (shape, axes, 1.0 / count if count else numpy.nan))
    if op == "prod":
        out = record1(y, PROD, x, (shape, axes, x.array))
    else:
        out = record1(y, record, x, (x.array, y, shape, axes, record is MAX_OF_ALL or record is MIN_OF_ALL))
        out.node.guard(out.version_object())
    out.node.guard(x.version_object())
    return out


cdef Tensor floating(object input, object dtype, str op):
    cdef Tensor x = <Tensor?>input
    if dtype is not None:
        return x.to(dtype)
    return x


@operation(out=True)
def sum(input, dim=None, bint keepdim=False, *, dtype=None):
    """Sum over dimensions (all by default). Integers are added as int64.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    keepdim : bool, default False
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.sum(fastnn.tensor([[1, 2], [3, 4]]), 0)
    tensor([4, 6])
    """
    cdef Tensor x = floating(input, dtype, "sum")
    cdef tuple axes = axes_of(dim, np.PyArray_NDIM(x.array))
    if not is_ordinary(x.array):
        return rule_of(form_of_array(x.array), "sum")(x, dim, keepdim)
    if not is_real(x.array):
        wide = x.array.dtype if dtype is not None else numpy.int64
        return wrap(zero_d(x.array.sum(axis=axes, keepdims=keepdim, dtype=wide)))
    return reduced("sum", x, axes, keepdim)


@operation(out=True)
def mean(input, dim=None, bint keepdim=False, *, dtype=None):
    """Mean over dimensions (all by default).

    Parameters
    ----------
    input, dim, keepdim, dtype : as of ``sum``

    Examples
    --------
    >>> fastnn.mean(fastnn.tensor([1.0, 3.0]))
    tensor(2.)
    """
    cdef Tensor x = floating(input, dtype, "mean")
    if not is_ordinary(x.array):
        return rule_of(form_of_array(x.array), "mean")(x, dim, keepdim)
    if not is_real(x.array):
        raise RuntimeError(f"mean(): could not infer output dtype. Input dtype must be either a floating point or "
                           f"complex dtype. Got: {x.dtype}")
    return reduced("mean", x, axes_of(dim, np.PyArray_NDIM(x.array)), keepdim)


@operation(out=True)
def prod(input, dim=None, bint keepdim=False, *, dtype=None):
    """Product over all dimensions, or one.

    Parameters
    ----------
    input, dim, keepdim, dtype : as of ``sum``

    Examples
    --------
    >>> fastnn.prod(fastnn.tensor([2, 3]))
    tensor(6)
    """
    cdef Tensor x = floating(input, dtype, "prod")
    cdef tuple axes = axes_of(dim, np.PyArray_NDIM(x.array))
    if not is_ordinary(x.array):
        return rule_of(form_of_array(x.array), "prod")(x, dim, keepdim)
    if not is_real(x.array):
        return wrap(zero_d(x.array.prod(axis=axes, keepdims=keepdim,
                                        dtype=x.array.dtype if dtype is not None else numpy.int64)))
    return reduced("prod", x, axes, keepdim)


cdef Tensor extreme(str op, object input, object dim, bint keepdim, bint whole=False):
    cdef Tensor x = <Tensor?>input
    cdef tuple axes = axes_of(dim, np.PyArray_NDIM(x.array))
    if np.PyArray_SIZE(x.array) == 0:
        if dim is None or dim == ():
            raise RuntimeError(f"a{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                               f"reduction dim with the 'dim' argument.")
        for axis in axes:
            if np.PyArray_DIM(x.array, axis) == 0:
                raise IndexError(f"a{op}(): Expected reduction dim {axis} to have non-zero size.")
    if not is_real(x.array):
        return wrap(zero_d((numpy.max if op == "max" else numpy.min)(x.array, axis=axes, keepdims=keepdim)))
    cdef Op largest = MAX_OF_ALL if whole else AMAX, smallest = MIN_OF_ALL if whole else AMIN
    return reduced(op, x, axes, keepdim, largest if op == "max" else smallest)


@operation()
def amax(input, dim=(), bint keepdim=False, *, out=None):
    """Largest values over dimensions; equal ones share the gradient.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    keepdim : bool, default False
    out : Tensor, optional

    Examples
    --------
    >>> fastnn.amax(fastnn.tensor([[1, 2], [3, 4]]), 0)
    tensor([3, 4])
    """
    return same_dtype("amax", out, extreme("max", input, dim, keepdim))


@operation()
def amin(input, dim=(), bint keepdim=False, *, out=None):
    """Smallest values over dimensions; equal ones share the gradient.

    Parameters
    ----------
    input, dim, keepdim, out : as of ``amax``

    Examples
    --------
    >>> fastnn.amin(fastnn.tensor([[1, 2], [3, 4]]), 0)
    tensor([1, 2])
    """
    return same_dtype("amin", out, extreme("min", input, dim, keepdim))


cdef object same_dtype(str op, object out, Tensor made):
    if out is None:
        return made
    if out.dtype is not made.dtype:
        raise RuntimeError(f"{op}(): Expected the dtype for input and out to match, but got {made.dtype} for input's "
                           f"dtype and {out.dtype} for out's dtype.")
    return into(op, out, made)


class values_and_indices(tuple):
    """What ``max(dim)`` and ``min(dim)`` return: (values, indices)."""

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])

    def __repr__(self):
        return f"torch.return_types.{self.kind}(\nvalues={self[0]!r},\nindices={self[1]!r})"


class max_result(values_and_indices):
    kind = "max"


class min_result(values_and_indices):
    kind = "min"


cdef object pick_backward(Node node, np.ndarray grad):
    """The gradient goes to the chosen element of each row."""
    shape, axis, indices, keepdim = node.saved
    dx = numpy.zeros(shape, grad.dtype)
    if not keepdim and len(shape):
        grad, indices = numpy.expand_dims(grad, axis), numpy.expand_dims(indices, axis)
    if len(shape):
        numpy.put_along_axis(dx, indices, grad, axis)
    else:
        dx[...] = grad
    return dx


cdef Op MAX = declare("MaxBackward0", pick_backward, "shape axis indices keepdim")
cdef Op MIN = declare("MinBackward0", pick_backward, "shape axis indices keepdim")


@MAX.second
@MIN.second
def _pick_second(step, g):
    shape, axis = step.shape, step.axis
    if not shape:
        return g.reshape(())
    kept = tuple([1 if i == axis else n for i, n in enumerate(shape)])
    index, own = step.indices.reshape(kept), tuple(g.shape)

    def put(array):
        dx = numpy.zeros(shape, array.dtype)
        numpy.put_along_axis(dx, index, array.reshape(kept), axis)
        return dx
    return step.linear(g, put, lambda grad: numpy.take_along_axis(grad, index, axis).reshape(own))


cdef object extreme_along(str op, object input, object dim, bint keepdim):
    cdef Tensor x = <Tensor?>input, values, chosen
    cdef int axis = wrap_dim(dim, np.PyArray_NDIM(x.array))
    if np.PyArray_NDIM(x.array) and np.PyArray_DIM(x.array, axis) == 0:
        raise IndexError(f"{op}(): Expected reduction dim {axis} to have non-zero size.")
    cdef np.ndarray indices = argextreme(op, x.array, axis if np.PyArray_NDIM(x.array) else None, keepdim)
    cdef np.ndarray y
    if np.PyArray_NDIM(x.array) == 0:
        y = x.array.copy()
    else:
        shape = (<object>indices).shape
        kept = indices if keepdim else (<object>indices).reshape(shape[:axis] + (1,) + shape[axis:])
        y = along(x.array, kept, axis)
        if y is None:
            y = numpy.take_along_axis(x.array, kept, axis)
        y = (<object>y).reshape(shape)
    chosen = wrap(indices)
    if recording(x):
        values = record1(y, MAX if op == "max" else MIN, x, (shape_of(x.array), axis, indices, keepdim))
        values.node.guard(chosen.version_object())
    else:
        values = wrap(y)
    return (max_result if op == "max" else min_result)((values, chosen))


cdef np.ndarray argextreme(str op, np.ndarray x, object axis, bint keepdim):
    if is_real(x):
        if axis is None:
            flat = K.argreduce("arg" + op, x.reshape(-1), 0, False)
            return flat.reshape((1,) * x.ndim) if keepdim else flat
        return K.argreduce("arg" + op, x, axis, keepdim)
    return zero_d((numpy.argmax if op == "max" else numpy.argmin)(x, axis=axis, keepdims=keepdim)).astype(
        numpy.int64, copy=False)


@operation(out=True, keywords={"other": "dim", "x2": "dim"})
def max(input, dim=None, keepdim=False) -> Tensor | max_result:
    """Largest element; with `dim` (values, indices) along it; with a tensor in its place ``maximum``.

    Parameters
    ----------
    input : Tensor
    dim : int or Tensor, optional
    keepdim : bool, default False

    Examples
    --------
    >>> fastnn.max(fastnn.tensor([[1, 5], [3, 4]]), 1).values
    tensor([5, 4])
    """
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError("max(): Expected reduction dim to be specified for input.numel() == 0. "
                               "Specify the reduction dim with the 'dim' argument.")
        return extreme("max", input, None, False, True)
    return extreme_along("max", input, dim, keepdim)


@operation(out=True, keywords={"other": "dim", "x2": "dim"})
def min(input, dim=None, keepdim=False) -> Tensor | min_result:
    """Smallest element; with `dim` (values, indices) along it; with a tensor in its place ``minimum``.

    Parameters
    ----------
    input, dim, keepdim : as of ``max``

    Examples
    --------
    >>> fastnn.min(fastnn.tensor([[1, 5], [3, 4]]), 1).indices
    tensor([0, 0])
    """
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError("min(): Expected reduction dim to be specified for input.numel() == 0. "
                               "Specify the reduction dim with the 'dim' argument.")
        return extreme("min", input, None, False, True)
    return extreme_along("min", input, dim, keepdim)


cdef Tensor place_of(str op, Tensor x, object dim, bint keepdim):
    cdef object axis = None if dim is None else wrap_dim(dim, np.PyArray_NDIM(x.array))
    if np.PyArray_SIZE(x.array) == 0 and (axis is None or np.PyArray_DIM(x.array, axis) == 0):
        raise IndexError(f"arg{op}(): Expected reduction dim to be specified for input.numel() == 0.")
    return wrap(argextreme(op, x.array, axis if np.PyArray_NDIM(x.array) else None, keepdim))


@operation(out=True)
def argmax(input, dim=None, bint keepdim=False):
    """Index of the first largest element, over everything or along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
    keepdim : bool, default False

    Examples
    --------
    >>> fastnn.argmax(fastnn.tensor([1, 5, 3]))
    tensor(1)
    """
    return place_of("max", <Tensor?>input, dim, keepdim)


@operation(out=True)
def argmin(input, dim=None, bint keepdim=False):
    """Index of the first smallest element, over everything or along `dim`.

    Parameters
    ----------
    input, dim, keepdim : as of ``argmax``

    Examples
    --------
    >>> fastnn.argmin(fastnn.tensor([3, 1, 2]))
    tensor(1)
    """
    return place_of("min", <Tensor?>input, dim, keepdim)


cdef object var_backward(Node node, np.ndarray grad):
    """2 (x - mean) / (n - correction); of std, y, over 2 y more, 0 where y is 0."""
    x, mean, axes, freedom, y = node.saved
    if y is not None:
        with numpy.errstate(all="ignore"):
            grad = numpy.where(y == 0, y, grad / (2 * y))
    cdef double scale = 2.0 / freedom if freedom else numpy.inf
    grad = elementwise.unary_forward("mul_scalar", numpy.ascontiguousarray(grad), scale)
    away = elementwise.binary("sub", x, mean)
    away = elementwise.binary("sub", away, K.reduce("mean", away, axes, True))  # the mean's rounding
    return elementwise.binary("mul", away, grad.reshape((<object>mean).shape))


cdef Op VAR = declare("VarBackward0", var_backward, "x mean axes freedom y")
cdef Op STD = declare("StdBackward0", var_backward, "x mean axes freedom y")


@VAR.second
@STD.second
def _var_second(step, g):
    kept = [1 if i in step.axes else n for i, n in enumerate(step.x.shape)]
    scale = g.reshape(kept) * (2.0 / step.freedom if step.freedom else math.inf)
    if step.y is not None:
        y = step.output(step.y).reshape(kept)
        scale = step.where(y == 0, 0.0, scale / step.where(y == 0, 1.0, 2.0 * y))
    x = step.input(step.x, 0)
    return (x - x.mean(step.axes, True)) * scale


cdef Tensor spread_of(object input, object dim, object unbiased, bint keepdim, object correction, bint root):
    cdef Tensor x = <Tensor?>input, out
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    if not is_real(x.array):
        raise RuntimeError("std and var only support floating point and complex dtypes")
    cdef tuple axes = axes_of(dim, np.PyArray_NDIM(x.array))
    count = 1
    for axis in axes:
        count *= x.array.shape[axis]
    y, mean = N.variance(x.array, axes, correction, True)
    if root:
        y = elementwise.unary_forward("sqrt", y)
    if not keepdim:
        y = y.squeeze(axes)
    if not recording(x):
        return wrap(y)
    out = record1(y, STD if root else VAR, x, (x.array, mean, axes, count - correction, y if root else None))
    out.node.guard(x.version_object())
    if root:
        out.node.guard(out.version_object())
    return out


@operation(out=True)
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Variance over dimensions, divided by n - correction (default 1).

    Parameters
    ----------
    input : Tensor
    dim : int, tuple of ints or bool, optional
    unbiased : bool, optional
    keepdim : bool, default False
    correction : number, optional

    Examples
    --------
    >>> fastnn.var(fastnn.tensor([1.0, 3.0]))
    tensor(2.)
    """
    return spread_of(input, dim, unbiased, keepdim, correction, False)


@operation(out=True)
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Standard deviation: the square root of ``var``.

    Parameters
    ----------
    input, dim, unbiased, keepdim, correction : as of ``var``

    Examples
    --------
    >>> fastnn.std(fastnn.tensor([0.0, 1.0, 2.0]))
    tensor(1.)
    """
    return spread_of(input, dim, unbiased, keepdim, correction, True)
