"""Norms of vectors and matrices, and what is scaled to a norm."""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import arithmetic, pointwise, reduce
from fastnn.ops._common import complex_rule, axis_of, into, need_tensors
from fastnn.ops.arithmetic import div
from fastnn.ops.declare import operation
from fastnn.ops.decompositions import svdvals
from fastnn.ops.indexing import where
from fastnn.ops.linalg import inv


@operation("linalg", out=True)
def matrix_norm(input, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """Norms of matrices: "fro", "nuc", 1, -1, inf, -inf, 2 or -2.

    Parameters
    ----------
    input : Tensor
    ord : number or str, default "fro"
    dim : tuple of two ints, default (-2, -1)
        Rows and columns.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.linalg.matrix_norm(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    x = input if dtype is None else input.to(dtype)
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    if ord == "fro":
        return vector_norm(x, 2, dim, keepdim)
    rows, columns = (d % x.ndim for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {dim}")
    if ord == "nuc" or abs(ord) == 2:
        values = svdvals(x.movedim((rows, columns), (-2, -1)))
        found = reduce.sum(values, -1) if ord == "nuc" else (reduce.amax if ord > 0 else reduce.amin)(values, -1)
        return found.reshape([1 if i in (rows, columns) else n for i, n in enumerate(x.shape)]) if keepdim else found
    if ord not in (1, -1, np.inf, -np.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    added, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = vector_norm(x, 1, added, True)
    found = (reduce.amax if ord > 0 else reduce.amin)(sums, over, True)
    return found if keepdim else found.squeeze((rows, columns))


@operation("linalg.norm", out=True)
def linalg_norm(input, ord=None, dim=None, keepdim=False, *, dtype=None):
    """``vector_norm``, or ``matrix_norm`` for two dimensions with an order.

    Parameters
    ----------
    input : Tensor
    ord : number or str, optional
    dim : int or tuple of ints, optional
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.linalg.norm(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    if dim is not None and not isinstance(dim, (tuple, list)):
        dim = (dim,)
    if ord is not None and (dim is None and input.ndim == 2 or dim is not None and len(dim) == 2):
        return matrix_norm(input, ord, (-2, -1) if dim is None else tuple(dim), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: input.dim() must be 2 or dim two dimensions for ord={ord!r}")
    if ord is not None and dim is None and input.ndim not in (1, 2):
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                           f"{input.ndim}D.")
    return vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


@operation("linalg", out=True)
def cond(input, p=None):
    """The condition number: the norm of each matrix times its inverse's.

    Parameters
    ----------
    input : Tensor
    p : number or str, optional
        Order of the norm; the 2-norm if not given.

    Examples
    --------
    >>> fastnn.linalg.cond(fastnn.tensor([[2.0, 0.0], [0.0, 8.0]]))
    tensor(4.)
    """
    if input.numel() == 0 and input.ndim > 1:
        return from_array(np.zeros(tuple(input.shape)[:-2], input.detach().numpy().dtype))
    if p is None or p in (2, -2):
        values = svdvals(input)
        large, small = reduce.amax(values, -1), reduce.amin(values, -1)
        return arithmetic.div(small, large) if p == -2 else arithmetic.div(large, small)
    return arithmetic.mul(matrix_norm(input, p), matrix_norm(inv(input), p))


def _norm_backward(grad, x, norms, p, axes):
    """d|x|_p/dx = sign(x) (|x| / |x|_p)^(p-1), 0 where the norm is 0; extremes share it equally."""
    kept = [1 if i in axes else size for i, size in enumerate(x.shape)]
    grad, norms = grad.reshape(kept), norms.reshape(kept)
    sign = np.where(np.isnan(x), x.dtype.type(0), np.sign(x))  # PyTorch's, of NaN
    with np.errstate(divide="ignore", invalid="ignore"):
        if p == 0:
            return np.zeros_like(x)
        if p == 1:
            return sign * grad
        if p == 2:
            return np.where(norms == 0, x.dtype.type(0), x * (grad / norms))
        size = np.abs(x)
        if np.isinf(p):
            chosen = (size == norms) | np.isnan(size)
            return sign * chosen * (grad / chosen.sum(axis=tuple(axes), keepdims=True, dtype=x.dtype))
        if p < 1:
            part = np.where(x == 0, x.dtype.type(0), np.sign(x) * size ** (p - 1))
        else:
            part = np.sign(x) * size ** (p - 1)
        return np.where(norms == 0, x.dtype.type(0), part * (grad * norms ** (1 - p)))


VECTOR_NORM = Op("LinalgVectorNormBackward0", _norm_backward, "x norms p axes")


@VECTOR_NORM.second
def _norm_second(step, g):
    kept, p = [1 if i in step.axes else n for i, n in enumerate(step.x.shape)], step.p
    if p in (0, 1) or np.isinf(p):  # linear between kinks
        ones = _norm_backward(np.ones(tuple(g.shape), step.x.dtype), step.x, step.norms, p, step.axes)
        return step.piecewise(g.reshape(kept).expand(tuple(step.x.shape)), step.input(step.x, 0), lambda a: a * ones)
    size = step.output(step.norms).reshape(kept)
    scale = g.reshape(kept) / where(size == 0, 1.0, size)
    x = step.input(step.x, 0)
    if p != 2:
        x = x * where(x == 0, 1.0, pointwise.abs(x)) ** (p - 2)
        scale = g.reshape(kept) * where(size == 0, 1.0, size) ** (1 - p)
    return x * where(size == 0, 0.0, scale)


@operation("linalg", out=True)
def vector_norm(input, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(sum |x|^ord)^(1/ord) over dimensions; inf and -inf: the largest and smallest |x|, 0: how many are not 0.

    Parameters
    ----------
    input : Tensor
    ord : number, default 2
    dim : int or tuple of ints, optional
        All dimensions if not given.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.linalg.vector_norm(fastnn.tensor([3.0, -4.0]), 1)
    tensor(7.)
    """
    need_tensors("linalg.vector_norm", input)
    if dtype is not None:
        input = input.to(dtype)
    if input.is_complex():
        return complex_rule("vector_norm")(input, ord, dim, keepdim)
    if not input.is_floating_point():
        raise RuntimeError(f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                           f"{input.dtype}")
    everything = dim is None or dim == () or dim == []
    dims = range(input.ndim) if everything else dim if isinstance(dim, (tuple, list)) else (dim,)
    axes = tuple(axis_of(d, input.ndim) for d in dims)
    if len(set(axes)) != len(axes):
        raise RuntimeError("dim appears multiple times in the list of dims")
    axes = axes if input.ndim else ()
    array = input.detach().numpy()
    p = float(ord)
    size = np.abs(array) if p != 2 else array

    def total(op, values):
        return kernels.reduce(op, np.asarray(values, np.promote_types(values.dtype, np.float32)), axes, keepdim)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if np.isinf(p):
            if array.size == 0:
                if p < 0 or not all(array.shape[a] for a in axes):
                    raise RuntimeError(f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because "
                                       f"the operation does not have an identity")
            norms = (np.max if p > 0 else np.min)(size, axis=axes, keepdims=keepdim)
        elif p == 0:
            norms = (array != 0).sum(axis=axes, keepdims=keepdim, dtype=array.dtype)
        elif p == 1:
            norms = total("sum", size)
        elif p == 2:
            norms = total("norm", size)
        else:
            norms = total("sum", size ** p) ** (1 / p)
    norms = np.asarray(norms, array.dtype)
    return record(norms, VECTOR_NORM, (input,), (array, norms, p, axes), (input,))


def _nuclear(x, dim, keepdim):
    """Sum of singular values."""
    if dim is None:
        if x.ndim != 2:
            raise RuntimeError(f"norm: the nuclear norm expects a matrix or two dimensions, got {x.ndim} dimensions")
        dim = (0, 1)
    if len(dim) != 2:
        raise RuntimeError(f"norm: the nuclear norm takes two dimensions, got {len(dim)}")
    return matrix_norm(x, "nuc", [axis_of(d, x.ndim) for d in dim], keepdim)


@operation()
def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """The p-norm of all elements or along dimensions; "fro" is the 2-norm, "nuc" the sum of singular values.

    Parameters
    ----------
    input : Tensor
    p : number or str, optional
    dim : int or tuple of ints, optional
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    out : Tensor, optional
        Where the result is written.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.norm(fastnn.tensor([3.0, 4.0]))
    tensor(5.)
    """
    need_tensors("norm", input)
    if out is not None:
        return into("norm", out, norm(input, p, dim, keepdim, dtype=dtype))
    if p == "nuc":
        return _nuclear(input if dtype is None else input.to(dtype), dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: expected a number, 'fro' or 'nuc' for p, got {p!r}")
    return vector_norm(input, 2.0 if p is None or p == "fro" else p, dim, keepdim, dtype=dtype)


@operation("nn")
def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """input / max(its p-norm along `dim`, eps).

    Parameters
    ----------
    input : Tensor
    p : float, default 2.0
        Order of the norm.
    dim : int, default 1
        Dimension; negative ones count from the end.
    eps : float, default 1e-12
        Least norm.
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> F.normalize(fastnn.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    size = vector_norm(input, p, dim, True)
    return into("normalize", out, div(input, pointwise.clamp(size, eps).expand_as(input)))


@operation(inplace=True, out=True)
def renorm(input, p, dim, maxnorm):
    """Slices along `dim` scaled down to the p-norm `maxnorm` where theirs is larger.

    Parameters
    ----------
    input : Tensor
    p : float
        Order of the norm.
    dim : int
        Dimension; negative ones count from the end.
    maxnorm : float

    Examples
    --------
    >>> fastnn.renorm(fastnn.tensor([[3.0, 4.0], [0.6, 0.8]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.6000, 0.8000]])
    """
    need_tensors("renorm", input)
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = axis_of(dim, input.ndim)
    sizes = vector_norm(input, p, [i for i in range(input.ndim) if i != dim], True)
    factor = where(sizes > maxnorm, arithmetic.mul(pointwise.reciprocal(sizes + 1e-7), float(maxnorm)), 1.0)
    return arithmetic.mul(input, factor)
