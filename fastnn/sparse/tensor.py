"""SparseTensor: a tensor of layout COO, CSR or CSC."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op, register_kind
from fastnn._tensor import Tensor, from_array, record, to_array
from fastnn.ops.printing import body_of, with_suffixes
from fastnn.sparse.patterns import CSR, Compressed, Coordinates, SparseArray

_NAMES = {"torch.sparse_coo": "Sparse", "torch.sparse_csr": "SparseCsr", "torch.sparse_csc": "SparseCsc"}
_TYPES = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int",
          "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}
BINARY = "add sub mul matmul pow truediv floordiv mod and or xor lshift rshift".split()
_COMPARED = "eq ne lt le gt ge".split()


# ---- between a sparse tensor and its values, in the graph ----

def _values_backward(grad, pattern):
    """The gradient of a position's element, to which its entries add up, is that of any of them."""
    unique, _, where = pattern.unique
    return SparseArray(pattern if where is None else unique, grad if where is None else grad[where])


VALUES = Op("ValuesBackward0", _values_backward, "pattern")


@VALUES.second
def _values_second(step, g):
    unique, _, where = step.pattern.unique
    return with_values(step.pattern, g) if where is None else with_values(unique, g.index_select(0, from_array(where)))


def _with_values_backward(grad, pattern):
    if isinstance(grad, SparseArray):
        return grad.at(pattern)
    return grad[tuple(pattern.indices)]


WITH_VALUES = Op("SparseCooTensorWithDimsAndTensorsBackward0", _with_values_backward, "pattern")


@WITH_VALUES.second
def _with_values_second(step, g):
    return found_values(coalesced(g), step.pattern.keys)


def sparse_array(tensor):
    array = to_array(tensor)
    if not isinstance(array, SparseArray):
        raise TypeError("a sparse tensor is expected here, not a dense one")
    return array


def pattern_of(tensor):
    """The pattern of a sparse tensor."""
    return sparse_array(tensor).pattern


def entries(tensor):
    """The values of a sparse tensor as a dense one; gradients go from these to the sparse one."""
    array = sparse_array(tensor)
    return record(array.values, VALUES, (tensor,), (array.pattern,))


def with_values(pattern, values):
    """The sparse tensor of a pattern and a tensor of values, to which its gradients go."""
    return record(SparseArray(pattern, values.detach().numpy()), WITH_VALUES, (values,), (pattern,))


def coalesced(tensor):
    """Without duplicates, which are added."""
    pattern, group, _ = pattern_of(tensor).unique
    if group is None:
        return tensor if pattern is pattern_of(tensor) else with_values(pattern, entries(tensor))
    return with_values(pattern, summed(entries(tensor), group, pattern.nnz))


def found_values(tensor, keys):
    """The values of a coalesced tensor at the positions `keys`, 0 where it has none."""
    at = pattern_of(tensor).find(keys)
    values = entries(tensor)
    if not len(values):
        return summed(values, np.zeros(0, np.int64), len(keys))
    found = values.index_select(0, from_array(np.maximum(at, 0)))
    there = from_array((at >= 0).reshape((-1,) + (1,) * (values.ndim - 1)))
    return found * there.to(values.dtype)


def summed(values, group, n):
    """Sums of the rows of each of n groups."""
    if values.dtype is dtypes.bool:
        return summed(values.to(dtypes.int64), group, n).to(dtypes.bool)
    zeros = from_array(np.zeros((n, *values.shape[1:]), values.dtype.numpy))
    return zeros.index_add(0, from_array(group), values)


def frozen(array):
    """Indices are not written to: what was derived from them is kept."""
    array.setflags(write=False)
    return array


def _refuse_numpy(self, *args, **kwargs):
    raise TypeError(f"can't convert {_NAMES[self.layout]} layout tensor to numpy. Use Tensor.to_dense() first.")


class SparseTensor(Tensor):
    """A tensor that holds the elements at some positions, and is 0 elsewhere.

    Made by `fastnn.sparse_coo_tensor`, `fastnn.sparse_csr_tensor` and ``Tensor.to_sparse``; same as a torch.Tensor of
    layout ``torch.sparse_coo``, ``torch.sparse_csr`` or ``torch.sparse_csc``. Functions that have a sparse form take
    it, all others raise NotImplementedError with their name.

    Examples
    --------
    >>> fastnn.eye(2).to_sparse()
    tensor(indices=tensor([[0, 1],
                           [0, 1]]),
           values=tensor([1., 1.]),
           size=(2, 2), nnz=2, layout=torch.sparse_coo)
    """

    @property
    def dtype(self):
        return dtypes.from_numpy(to_array(self).values.dtype)

    @property
    def layout(self):
        return pattern_of(self).layout

    @property
    def is_sparse(self):
        return isinstance(pattern_of(self), Coordinates)

    @property
    def is_sparse_csr(self):
        return self.layout == CSR

    # ---- parts ----

    def _parts(self, op, kind, expected):
        pattern = pattern_of(self)
        if not isinstance(pattern, kind) or kind is Compressed and expected != pattern.axis:
            wanted = "coordinate" if kind is Coordinates else ("row", "column")[expected] + " compressed"
            raise RuntimeError(f"{op} expected sparse {wanted} tensor layout but got {_NAMES[self.layout]}")
        return pattern

    def _nnz(self):
        """The number of entries."""
        return pattern_of(self).nnz

    def sparse_dim(self):
        """The number of sparse dimensions."""
        return len(pattern_of(self).sizes)

    def dense_dim(self):
        """The number of dense dimensions, which come last: the values are rows of them."""
        return to_array(self).values.ndim - 1

    def is_coalesced(self):
        """Whether every position is named once, in order."""
        return self._parts("is_coalesced", Coordinates, None).coalesced

    def coalesce(self):
        """Every position once, in order: values of the same position are added."""
        self._parts("coalesce", Coordinates, None)
        return coalesced(self)

    def _indices(self):
        """The positions (sparse dimensions, entries), as they are."""
        return from_array(frozen(self._parts("_indices", Coordinates, None).indices))

    def _values(self):
        """The values (entries, dense dimensions), as they are, outside the graph; shares memory."""
        self._parts("_values", Coordinates, None)
        return from_array(to_array(self).values)

    def indices(self):
        """The positions (sparse dimensions, entries) of a coalesced tensor."""
        if not self._parts("indices", Coordinates, None).coalesced:
            raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
        return self._indices()

    def values(self):
        """The values (entries, dense dimensions), those of a coalesced tensor; gradients flow through them."""
        if not pattern_of(self).coalesced:
            raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
        return entries(self)

    def crow_indices(self):
        """Where each row's entries begin, and the end of the last."""
        return from_array(self._parts("crow_indices", Compressed, 0).starts)

    def col_indices(self):
        """The column of each entry."""
        return from_array(self._parts("col_indices", Compressed, 0).plain)

    def ccol_indices(self):
        """Where each column's entries begin, and the end of the last."""
        return from_array(self._parts("ccol_indices", Compressed, 1).starts)

    def row_indices(self):
        """The row of each entry."""
        return from_array(self._parts("row_indices", Compressed, 1).plain)

    # ---- NumPy and Python ----

    numpy = __array__ = _refuse_numpy

    def item(self):
        """The only element."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return coalesced(self)._dense_array().item()

    def _dense_array(self):
        return to_array(self).dense()

    def tolist(self):
        raise RuntimeError("tolist: a sparse tensor has no elements in order; use Tensor.to_dense() first")

    def __bool__(self):
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __float__(self):
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return float(self.item())

    def __int__(self):
        return int(float(self)) if self.dtype.is_floating_point else int(self.item())

    def __complex__(self):
        return complex(float(self))

    def __index__(self):
        if self.numel() != 1 or self.dtype.is_floating_point:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element):
        raise NotImplementedError(f"in: not implemented for tensors of layout {self.layout}")

    def __iter__(self):
        return iter(self.unbind(0))

    def __getitem__(self, index):
        return RULES["getitem"](self, index)

    def __setitem__(self, index, value):
        raise NotImplementedError(f"index_put_: not implemented for tensors of layout {self.layout}")

    def __format__(self, spec):
        return object.__format__(self, spec)

    def __repr__(self):
        return text(self)

    def __deepcopy__(self, memo):
        if self.grad_fn is not None:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                               "protocol at the moment.")
        if id(self) not in memo:
            made = from_array(to_array(self).copy())
            made.requires_grad = self.requires_grad
            memo[id(self)] = made
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        array = to_array(self)
        return rebuilt, (array.pattern, array.values, self.requires_grad)

    @property
    def T(self):  # noqa: N802 (PyTorch's name)
        """The dimensions in reverse order."""
        return self.permute(*range(self.ndim)[::-1])

    @property
    def mT(self):  # noqa: N802
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D "
                               f"tensor.")
        return self.transpose(-2, -1)

    @property
    def H(self):  # noqa: N802
        """A matrix transposed."""
        if self.ndim != 2:
            raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.")
        return self.T

    mH = mT

    def __abs__(self):
        return RULES["abs"](self)

    def __neg__(self):
        return RULES["neg"](self)

    def __invert__(self):
        return call("bitwise_not", (self,), {})

    __hash__ = Tensor.__hash__


RULES = {}  # {name of a function: its form for sparse tensors}; filled by fastnn.sparse.rules


def refuse(name, tensor):
    """The error of an operation without a sparse form."""
    raise NotImplementedError(f"Could not run '{name}' with arguments of layout {tensor.layout}: it has no form for "
                              f"sparse tensors here; Tensor.to_dense() makes a dense one")


def call(name, args, keywords):
    """A function's form for sparse tensors."""
    rule = RULES.get(name)
    if rule is None:
        refuse(name, next(x for arg in (*args, *keywords.values()) for x in (arg if isinstance(arg, (list, tuple))
                                                                             else (arg,))
                          if isinstance(x, SparseTensor)))
    return rule(*args, **keywords)


def _operator(name, reflected=False):
    def operator(self, other):
        if not isinstance(other, (Tensor, int, float)):
            return NotImplemented
        return call(name, (other, self) if reflected else (self, other), {})
    return operator


for _name in BINARY:
    _own = {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder"}.get(_name, _name)
    setattr(SparseTensor, f"__{_name}__", _operator(_own))
    setattr(SparseTensor, f"__r{_name}__", _operator(_own, True))
for _name in ("add", "sub", "mul", "truediv"):
    setattr(SparseTensor, f"__i{_name}__", _operator({"truediv": "div"}.get(_name, _name) + "_"))
for _name in _COMPARED:
    setattr(SparseTensor, f"__{_name}__", _operator(_name))
SparseTensor.__hash__ = Tensor.__hash__


def rebuilt(pattern, values, requires_grad):
    """Unpickles a sparse tensor."""
    made = from_array(SparseArray(pattern, values))
    made.requires_grad = requires_grad
    return made


def typename(tensor):
    """PyTorch's name of the type: ``torch.sparse.FloatTensor``."""
    kind = "sparse" if tensor.is_sparse else "sparse_csr" if tensor.is_sparse_csr else "sparse_csc"
    return f"torch.{kind}.{_TYPES[tensor.dtype.name]}Tensor"


def text(tensor):
    """``repr``, as PyTorch writes it."""
    pattern, values = pattern_of(tensor), to_array(tensor).values
    if isinstance(pattern, Coordinates):
        parts = {"indices": pattern.indices, "values": values}
    else:
        names = ("crow_indices", "col_indices") if pattern.axis == 0 else ("ccol_indices", "row_indices")
        parts = dict(zip((*names, "values"), (pattern.starts, pattern.plain, values)))
    indent, lines = len("tensor("), []
    for name, array in parts.items():
        numbers = body_of(array, indent + len(f"{name}=tensor(")) if array.size else f"[], size={array.shape}"
        lines.append(f"{name}=tensor({numbers})")
    suffixes = [f"size={tuple(tensor.shape)}", f"nnz={pattern.nnz}"]
    if tensor.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool):
        suffixes.append(f"dtype={tensor.dtype}")
    suffixes.append(f"layout={pattern.layout}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    made = "tensor(" + (",\n" + " " * indent).join(lines)
    last = None if isinstance(pattern, Coordinates) else len(made.rsplit("\n", 1)[-1]) + 2
    return with_suffixes(made, suffixes, indent, last)


register_kind(SparseArray, SparseTensor)
