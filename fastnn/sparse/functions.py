"""The functions of ``torch.sparse``."""
import contextlib

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.sparse import creation, products, reductions, rules  # noqa: F401 (puts the rules in use)
from fastnn.sparse.creation import sparse_coo_tensor
from fastnn.sparse.patterns import CSR, Coordinates
from fastnn.sparse.tensor import SparseTensor, entries, frozen, pattern_of, with_values

_LEGACY = {"FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
           "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8"}
__all__ = list(_LEGACY)
__all__ += ["addmm", "as_sparse_gradcheck", "check_sparse_tensor_invariants", "hspmm", "log_softmax", "mm",
            "sampled_addmm", "smm", "softmax", "spdiags", "spmm", "sum"]


class _Legacy(type):
    """The class of PyTorch's old constructors, which make no instances of their own."""

    def __call__(cls, *args, device=None):
        """``(indices, values)``, ``(indices, values, size)``, sizes, or nothing."""
        if args and isinstance(args[0], Tensor):
            return sparse_coo_tensor(*args, dtype=cls.dtype, device=device)
        size = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args or (0,)
        return sparse_coo_tensor(size, dtype=cls.dtype, device=device)

    def __instancecheck__(cls, instance):
        return isinstance(instance, SparseTensor) and instance.is_sparse and instance.dtype is cls.dtype


globals().update({name: _Legacy(name, (), {
    "dtype": getattr(dtypes, kind), "__module__": "fastnn.sparse",
    "__doc__": f"""Old constructor of sparse tensors of {kind}, from indices, values, size; see `sparse_coo_tensor`.

    Examples
    --------
    >>> fastnn.sparse.{name}(fastnn.tensor([[0], [1]]), fastnn.tensor([2]), (2, 2)).dtype
    torch.{kind}
    """}) for name, kind in _LEGACY.items()})


def spmm(input, mat2):
    """The product of two matrices, one of which, or both, may be sparse.

    Same as torch.spmm.

    Parameters
    ----------
    input, mat2 : Tensor

    Raises
    ------
    RuntimeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> fastnn.spmm(fastnn.eye(2).to_sparse(), fastnn.tensor([[1.0], [2.0]]))
    tensor([[1.],
            [2.]])
    """
    return Tensor.mm(input, mat2)


def mm(mat1, mat2, reduce="sum"):
    """The product of a sparse and a dense matrix, in either order, or of two sparse ones, which is sparse.

    Same as torch.sparse.mm. The product with a dense matrix adds the rows of each sum in the order of the entries, so
    that the number of threads does not change a bit of it.

    Parameters
    ----------
    mat1, mat2 : Tensor
    reduce : str
        "sum", or for a first matrix of layout ``fastnn.sparse_csr`` "mean", "amax" or "amin" of each row's products;
        rows without entries give 0.

    Raises
    ------
    RuntimeError
        Shapes or dtypes that do not fit, another `reduce`.
    NotImplementedError
        Such a `reduce` with another layout.

    Examples
    --------
    >>> fastnn.sparse.mm(fastnn.tensor([[0.0, 2.0]]).to_sparse(), fastnn.tensor([[1.0], [3.0]]))
    tensor([[6.]])
    """
    if reduce == "sum":
        return Tensor.mm(mat1, mat2)
    if reduce not in ("mean", "amax", "amin"):
        raise RuntimeError(f"sparse.mm: expected reduce of sum, mean, amax or amin, got {reduce!r}")
    if not isinstance(mat1, SparseTensor) or mat1.layout != CSR or isinstance(mat2, SparseTensor):
        raise NotImplementedError(f"sparse.mm: reduce={reduce!r} is implemented for a first matrix of layout "
                                  f"torch.sparse_csr and a dense second one, got {mat1.layout} and {mat2.layout}")
    need_tensors("sparse.mm", mat1, mat2)
    pattern, values = pattern_of(mat1), entries(mat1)
    if mat2.ndim != 2 or mat2.shape[0] != mat1.shape[1]:
        raise ShapeError(f"sparse.mm: expected a dense matrix of {mat1.shape[1]} rows, got shape {list(mat2.shape)}")
    if reduce == "mean":
        counts = np.maximum(np.diff(pattern.starts), 1).astype(values.dtype.numpy)
        return products.product(pattern, values, mat2) / from_array(counts[:, None])
    rows, columns = pattern.indices
    parts = values.unsqueeze(1) * mat2.index_select(0, from_array(columns))
    zeros = from_array(np.zeros((mat1.shape[0], mat2.shape[1]), values.dtype.numpy))
    index = from_array(np.broadcast_to(rows[:, None], tuple(parts.shape)).copy())
    return zeros.scatter_reduce(0, index, parts, reduce, include_self=False)


def addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0):
    """``beta * mat + alpha * (mat1 @ mat2)`` with a sparse `mat1`.

    Same as torch.sparse.addmm.

    Parameters
    ----------
    mat, mat1, mat2 : Tensor
    beta, alpha : number

    Examples
    --------
    >>> fastnn.sparse.addmm(fastnn.ones(1, 1), fastnn.tensor([[0.0, 2.0]]).to_sparse(), fastnn.ones(2, 1))
    tensor([[3.]])
    """
    return Tensor.addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


def smm(input, mat):
    """The product of a sparse and a dense matrix as a sparse one.

    Same as torch.smm.

    Parameters
    ----------
    input, mat : Tensor

    Examples
    --------
    >>> fastnn.smm(fastnn.eye(2).to_sparse(), fastnn.ones(2, 1)).to_dense()
    tensor([[1.],
            [1.]])
    """
    return Tensor.mm(input, mat).to_sparse()


def hspmm(mat1, mat2):
    """The same with one sparse dimension: the rows of the product that have entries.

    Same as torch.hspmm.

    Parameters
    ----------
    mat1, mat2 : Tensor

    Examples
    --------
    >>> fastnn.hspmm(fastnn.tensor([[0.0, 0.0], [0.0, 2.0]]).to_sparse(), fastnn.ones(2, 1)).values()
    tensor([[2.]])
    """
    if not isinstance(mat1, SparseTensor) or isinstance(mat2, SparseTensor):
        raise RuntimeError(f"hspmm: expected a sparse and a dense matrix, got {mat1.layout} and {mat2.layout}")
    dense = Tensor.mm(mat1, mat2)
    rows = np.unique(pattern_of(mat1).indices[0])
    return with_values(Coordinates(frozen(rows[None]), (mat1.shape[0],), True),
                       dense.index_select(0, from_array(rows)))


def sum(input, dim=None, dtype=None):  # noqa: A001 (PyTorch's name)
    """The sum of a sparse tensor's elements, or along dimensions; sparse as long as a sparse dimension is left.

    Same as torch.sparse.sum.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.sparse.sum(fastnn.eye(3).to_sparse())
    tensor(3.)
    """
    return reductions.sum_(input, dim, dtype=dtype)


def softmax(input, dim, *, dtype=None):
    """Softmax along a dimension over the entries; positions without one count as minus infinity.

    Same as torch.sparse.softmax.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.sparse.softmax(fastnn.eye(2).to_sparse(), 1).values()
    tensor([1., 1.])
    """
    return reductions.softmax_of("sparse.softmax", input, dim, dtype, False)


def log_softmax(input, dim, *, dtype=None):
    """The logarithm of `softmax`.

    Same as torch.sparse.log_softmax.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.sparse.log_softmax(fastnn.eye(2).to_sparse(), 1).values()
    tensor([0., 0.])
    """
    return reductions.softmax_of("sparse.log_softmax", input, dim, dtype, True)


def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0):
    """``beta * input + alpha * (mat1 @ mat2)`` at the entries of a sparse `input` alone.

    Same as torch.sparse.sampled_addmm.

    Parameters
    ----------
    input : Tensor
        Of layout ``fastnn.sparse_csr``.
    mat1, mat2 : Tensor
        Dense.
    beta, alpha : number

    Raises
    ------
    RuntimeError
        Another layout, shapes that do not fit.

    Examples
    --------
    >>> fastnn.sparse.sampled_addmm(fastnn.eye(2).to_sparse_csr(), fastnn.ones(2, 3), fastnn.ones(3, 2)).values()
    tensor([4., 4.])
    """
    if not isinstance(input, SparseTensor) or input.layout != CSR:
        raise RuntimeError(f"sampled_addmm: Expected self to have layout torch.sparse_csr, got {input.layout}")
    need_tensors("sparse.sampled_addmm", mat1, mat2)
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0] or \
            (mat1.shape[0], mat2.shape[1]) != tuple(input.shape):
        raise RuntimeError(f"sampled_addmm: shapes {list(mat1.shape)} and {list(mat2.shape)} do not make "
                           f"{list(input.shape)}")
    pattern, values = pattern_of(input), entries(input)
    return with_values(pattern, values * beta + products.dots(pattern, mat1, mat2.t()) * alpha)


def spdiags(diagonals, offsets, shape, layout=None):
    """A sparse matrix with the rows of `diagonals` on its diagonals; element j of a row lies in column j.

    Same as torch.sparse.spdiags.

    Parameters
    ----------
    diagonals : Tensor (diagonals, columns)
        Or one diagonal.
    offsets : Tensor (diagonals,) of int64
        0 for the main diagonal, above it positive.
    shape : (int, int)
    layout : layout, optional

    Examples
    --------
    >>> fastnn.sparse.spdiags(fastnn.ones(1, 2), fastnn.tensor([1]), (2, 2)).to_dense()
    tensor([[0., 1.],
            [0., 0.]])
    """
    need_tensors("sparse.spdiags", diagonals, offsets)
    if offsets.dtype is not dtypes.int64:
        raise RuntimeError(f"spdiags: Offset Tensor must have dtype Long but got {offsets.dtype}")
    values = diagonals if diagonals.ndim == 2 else diagonals.unsqueeze(0)
    steps = offsets.numpy().reshape(-1)
    if len(steps) != len(values) or len(shape) != 2 or len(set(steps.tolist())) != len(steps):
        raise RuntimeError(f"spdiags: expected one distinct offset for each of {len(values)} diagonals and a shape of "
                           f"two sizes, got {steps.tolist()} and {list(shape)}")
    number, column = np.meshgrid(np.arange(len(steps)), np.arange(min(values.shape[1], shape[1])), indexing="ij")
    row = column - steps[number]
    kept = (row >= 0) & (row < shape[0])
    indices = frozen(np.stack((row[kept], column[kept])).astype(np.int64))
    picked = values[from_array(number[kept]), from_array(column[kept])]
    made = with_values(Coordinates(indices, shape), picked)
    return made if layout is None else made.to_sparse(layout=layout)


class check_sparse_tensor_invariants(contextlib.ContextDecorator):  # noqa: N801 (PyTorch's name)
    """Whether claims that cost a sort are checked when a sparse tensor is made; indices out of range always are.

    Same as torch.sparse.check_sparse_tensor_invariants: a context, a decorator, and ``enable``, ``disable``.

    Parameters
    ----------
    enable : bool

    Examples
    --------
    >>> with fastnn.sparse.check_sparse_tensor_invariants():
    ...     fastnn.sparse.check_sparse_tensor_invariants.is_enabled()
    True
    """

    def __init__(self, enable=True):
        self.state, self.saved = enable, []

    @staticmethod
    def is_enabled():
        """Whether they are checked."""
        return creation.always_check

    @staticmethod
    def enable():
        """Check from now on."""
        creation.always_check = True

    @staticmethod
    def disable():
        """Check no longer."""
        creation.always_check = False

    def __enter__(self):
        self.saved.append(creation.always_check)
        creation.always_check = self.state

    def __exit__(self, *error):
        creation.always_check = self.saved.pop()


def as_sparse_gradcheck(gradcheck):
    """Always NotImplementedError: compare gradients of the values instead.

    Parameters
    ----------
    gradcheck : callable

    Examples
    --------
    >>> fastnn.sparse.as_sparse_gradcheck(fastnn.autograd.gradcheck)
    Traceback (most recent call last):
    NotImplementedError: as_sparse_gradcheck: not implemented; ...
    """
    raise NotImplementedError("as_sparse_gradcheck: not implemented; give gradcheck a function of the values")
