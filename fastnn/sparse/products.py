"""Products of sparse and dense matrices, as operations on a pattern's values and the dense matrix.

Each is linear in both; with its two gradients, a product with the transposed pattern and the dot products at the
pattern's positions, the family is closed, so that gradients of gradients are its members too.
"""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import record
from fastnn.errors import ShapeError

_CHUNK = 1 << 18  # numbers of gathered rows at a time


def product_of(pattern, values, dense):
    """The array ``S @ dense`` of the matrix S with these values."""
    starts, columns, order = pattern.by_row
    values = values if order is None else values[order]
    if dense.dtype == np.float16:
        return product_of(pattern, values.astype(np.float32), dense.astype(np.float32)).astype(np.float16)
    if dense.dtype.kind == "f":
        return kernels.embedding_bag_forward(dense, columns, starts, "sum", values)[0]
    made = np.zeros((pattern.sizes[0], dense.shape[1]), dense.dtype)
    np.add.at(made, np.repeat(np.arange(pattern.sizes[0]), np.diff(starts)), values[:, None] * dense[columns])
    return made


def dots_of(pattern, left, right):
    """The array of ``left[i] . right[j]`` at the entries (i, j)."""
    rows, columns = pattern.indices
    made, step = np.empty(pattern.nnz, left.dtype), max(_CHUNK // max(left.shape[1], 1), 1)
    for begin in range(0, pattern.nnz, step):
        part = slice(begin, begin + step)
        made[part] = np.einsum("nd,nd->n", left[rows[part]], right[columns[part]])
    return made


def _product_backward(grad, values, dense, pattern, wants):
    return (dots_of(pattern, grad, dense) if wants[0] else None,
            product_of(pattern.transposed(), values, grad) if wants[1] else None)


PRODUCT = Op("MmBackward0", _product_backward, "values dense pattern wants")


@PRODUCT.second
def _product_second(step, g):
    return (dots(step.pattern, g, step.input(step.dense, 1)) if step.needs(0) else None,
            product(step.pattern.transposed(), step.input(step.values, 0), g) if step.needs(1) else None)


def product(pattern, values, dense):
    """S @ dense, the values of S and the dense matrix being tensors."""
    v, x = values.detach().numpy(), dense.detach().numpy()
    if v.dtype != x.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {values.dtype} != {dense.dtype}")
    if x.ndim != 2 or x.shape[0] != pattern.sizes[1]:
        raise ShapeError(f"sparse matrix product: expected a dense matrix of {pattern.sizes[1]} rows for the sparse "
                         f"one of shape {list(pattern.sizes)}, got shape {list(x.shape)}")
    return record(product_of(pattern, v, x), PRODUCT, (values, dense),
                  (v, x, pattern, (values.requires_grad, dense.requires_grad)), (values, dense))


def _dots_backward(grad, left, right, pattern):
    return product_of(pattern, grad, right), product_of(pattern.transposed(), grad, left)


DOTS = Op("SampledAddmmBackward0", _dots_backward, "left right pattern")


@DOTS.second
def _dots_second(step, g):
    return (product(step.pattern, g, step.input(step.right, 1)) if step.needs(0) else None,
            product(step.pattern.transposed(), g, step.input(step.left, 0)) if step.needs(1) else None)


def dots(pattern, left, right):
    """The values of ``left @ right.t()`` at the pattern's entries."""
    x, y = left.detach().numpy(), right.detach().numpy()
    return record(dots_of(pattern, x, y), DOTS, (left, right), (x, y, pattern), (left, right))
