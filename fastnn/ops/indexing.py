"""Reading and writing parts of a tensor: slices, masks, integer arrays, select, narrow, take and where."""
import numpy as np

from fastnn import dtypes, kernels
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record, record_inplace, take_history, to_array, view_of, writable
from fastnn.kernels import sum_to
from fastnn.ops._common import axis_of, broadcast_shapes, into, need_tensors, promote, undone
from fastnn.ops.arguments import int64_of
from fastnn.ops.declare import operation
from fastnn.ops.inplace import need_apart
from fastnn.ops.slicing import inserted, put_slice, slice_at
from fastnn.ops.shape import converted


@operation()
def argwhere(input):
    """Indices of the elements that are not 0, one row each.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.argwhere(fastnn.tensor([0, 3, 5]))
    tensor([[1],
            [2]])
    """
    return nonzero(input)


@operation("fastnn")
def unravel_index(indices, shape) -> tuple[Tensor, ...]:
    """Indices of the flattened tensor as one index for each dimension.

    Parameters
    ----------
    indices : Tensor of int64
    shape : int or tuple of ints

    Returns
    -------
    tuple of Tensors
        One for each dimension.

    Examples
    --------
    >>> fastnn.unravel_index(fastnn.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    need_tensors("unravel_index", indices)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(from_array(np.asarray(part, np.int64)) for part in np.unravel_index(indices.numpy(), sizes))


@operation(out=True)
def narrow_copy(input, dim, start, length):
    """``narrow`` as a copy.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    start : int or Tensor
    length : int

    Examples
    --------
    >>> fastnn.narrow_copy(fastnn.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    if dim >= input.ndim:  # PyTorch's error here; for a dim below -ndim it is that of `narrow`
        raise RuntimeError(f"narrow_copy: expected dim from {-input.ndim} to {input.ndim - 1}, got {dim}")
    return narrow(input, dim, start, length).clone()


def _numpy_index(index):
    """An index for NumPy; tensors inside become their arrays (byte masks as bool)."""
    if isinstance(index, tuple):
        return tuple(_numpy_index(item) for item in index)
    if isinstance(index, Tensor):
        array = index.detach().numpy()
        if array.dtype == np.uint8:
            return array.astype(bool)
        if array.dtype not in (np.int64, np.int32, np.bool_):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return array
    if isinstance(index, list):
        if any(isinstance(item, Tensor) and item.numel() != 1 for item in index):
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return [_numpy_index(item) for item in index]
    if isinstance(index, slice) and any(isinstance(part, Tensor) for part in (index.start, index.stop, index.step)):
        return slice(*(int(part) if isinstance(part, Tensor) else part
                       for part in (index.start, index.stop, index.step)))
    return index


def _whole_index(index):
    """The index between the brackets: a short list of more than numbers means what the tuple means, as in PyTorch."""
    if isinstance(index, list) and len(index) < 32 and any(
            isinstance(part, (Tensor, list, tuple, np.ndarray, slice)) or part is None or part is Ellipsis
            for part in index):
        index = tuple(index)
    while isinstance(index, tuple) and len(index) > 1 and index[-1] is Ellipsis \
            and any(part is Ellipsis for part in index[:-1]):
        index = index[:-1]  # PyTorch takes a second one at the end, which stands for nothing
    return _numpy_index(index)


def _tensors_in(index):
    """The tensors of an index: a rule that reads them fails once they have changed."""
    return tuple(part for part in (index if isinstance(index, (tuple, list)) else (index,)) if isinstance(part, Tensor))


def _is_basic(index):
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, slice)
               or (isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))) for part in parts)


def _without_numbers(index):
    """(numbers, rest) of an index that mixes integers and arrays, None of any other.

    To NumPy a number beside an array is an array too, and decides where the arrays' dimensions go; to PyTorch it
    selects first.
    """
    if not isinstance(index, tuple) or _is_basic(index) or not any(
            isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_)) for part in index):
        return None
    numbers, rest = [], []
    for part in index:
        if isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_)):
            numbers.append(part)
        elif part is None:
            rest.append(part)
        elif part is Ellipsis:
            numbers.append(part)
            rest.append(part)
        else:
            mask = np.asarray(part) if not isinstance(part, slice) else None
            numbers.extend([slice(None)] * (mask.ndim if mask is not None and mask.dtype == bool else 1))
            rest.append(part)
    return tuple(numbers), tuple(rest)


def _check_steps(index):
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice) and part.step is not None and part.step <= 0:
            raise ValueError("step must be greater than zero")


def _slice_backward(grad, shape, index, basic):
    dx = np.zeros(shape, grad.dtype)
    if basic:
        dx[index] = grad
    elif grad.dtype.kind == "V":  # of a format
        from fastnn.formats import in_numbers
        return in_numbers(_slice_backward, grad, shape, index, basic)
    else:
        np.add.at(dx, index, grad)
    return dx


SLICE, INDEX = (Op(name, _slice_backward, "shape index basic") for name in ("SliceBackward0", "IndexBackward0"))
for _op in (SLICE, INDEX):
    _op.linear(lambda x, shape, index, basic: np.asarray(x[index]))


def getitem(input, index, read=()):
    """``input[index]``: a view for integers and slices, a copy for masks and integer arrays.

    `read`: tensors whose arrays are in an index that holds arrays.
    """
    if type(index) is int:  # a row: the frequent case
        row = slice_at(input, 0, index)
        if row is not None:
            return row
    x = to_array(input)
    read = read or _tensors_in(index)
    index = _whole_index(index)
    parts = _without_numbers(index)
    if parts is not None:
        return getitem(getitem(input, parts[0]), parts[1], read)
    basic = _is_basic(index)
    if basic:
        _check_steps(index)
    try:
        out = x[index]
    except (IndexError, OverflowError) as error:
        if isinstance(index, int):
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {x.shape[0]}"
                             if x.ndim else "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                             "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number") from None
        raise IndexError(f"indexing: {error}") from None
    if basic:
        if not isinstance(out, np.ndarray):
            out = x[index + (Ellipsis,)] if isinstance(index, tuple) else x[index, ...]
        if index is None or isinstance(index, tuple) and None in index:
            out = inserted(x, index if isinstance(index, tuple) else (index,), out)
        viewed = view_of(out, input)
        if not input.requires_grad:
            return viewed
        made = record(out, SLICE, (input,), (x.shape, index, True))
        return _as_view(made, viewed)
    out = np.asarray(out)
    return record(out, INDEX, (input,), (x.shape, index, False), read)


def _as_view(made, viewed):
    return take_history(viewed, made)


def _setitem_backward(grad, index, shape):
    dx = grad.copy()
    dx[index] = np.zeros((), grad.dtype)
    dv = np.asarray(grad[index])
    return dx, None if shape is None else undone(np.ascontiguousarray(dv), shape)


SETITEM = Op("CopySlices", _setitem_backward, "index shape")


@SETITEM.second
def _setitem_second(step, g):
    def rest(array):
        array = array.copy()
        array[step.index] = np.zeros((), array.dtype)
        return array
    return step.linear(g, rest, rest), None if step.shape is None else step.sum_to(getitem(g, step.index), step.shape)


def setitem(input, index, value):
    """``input[index] = value``, in place."""
    if type(index) is int and put_slice(input, index, value):  # a row: the frequent case
        return
    x = writable(input, False)
    read = _tensors_in(index)
    index = _whole_index(index)
    parts = _without_numbers(index)
    if parts is not None:
        setitem(getitem(input, parts[0]), parts[1], value)
        return
    if _is_basic(index):
        _check_steps(index)
        part = from_array(np.asarray(x[index]))
        writable(part)  # these elements, not all of the input's, need memory of their own
        need_apart("setitem", part, value)
    if isinstance(value, Tensor) and (x.dtype.kind in "cV" or to_array(value).dtype.kind == "V"):
        value = value.to(input.dtype)
    source = value.detach().numpy() if isinstance(value, Tensor) else value
    if isinstance(source, (int, float, complex)):
        source = dtypes.number(source, x.dtype)
    if isinstance(source, np.ndarray) and source.dtype != x.dtype and (source.dtype.kind == "c" or x.dtype.kind == "V"):
        source = converted(source, x.dtype)
    if isinstance(source, np.ndarray) and source.ndim > 0:
        target = np.asarray(x[index]).shape
        extra = source.ndim - len(target)
        if extra > 0 and all(size == 1 for size in source.shape[:extra]):
            source = source.reshape(source.shape[extra:])
    try:
        x[index] = source
    except ValueError as error:
        raise RuntimeError(f"setitem: shape mismatch: {error}") from None
    shape = source.shape if isinstance(value, Tensor) else None
    if read and (input.requires_grad or isinstance(value, Tensor) and value.requires_grad):
        index = tuple(np.array(part) if isinstance(part, np.ndarray) else part  # the rule's own: tensors may change
                      for part in (index if isinstance(index, tuple) else (index,)))
    record_inplace(input, SETITEM, (value,) if isinstance(value, Tensor) else (),
                   (index, shape))


@operation()
def select(input, dim, index):
    """One slice along `dim`, without that dimension (a view).

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : int

    Raises
    ------
    IndexError
        The index is out of range.

    Examples
    --------
    >>> fastnn.select(fastnn.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    dim = axis_of(dim, input.ndim)
    size, index = input.shape[dim], int64_of("select", "index", index)
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension "
                         f"{dim}")
    return slice_at(input, dim, index)


@operation()
def narrow(input, dim, start, length):
    """`length` slices along `dim` from `start` on (a view).

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    start : int or Tensor
    length : int

    Examples
    --------
    >>> fastnn.narrow(fastnn.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = axis_of(dim, input.ndim)
    if isinstance(start, Tensor) and (start.ndim or start.numpy().dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start, length, size = int64_of("narrow", "start", start), int64_of("narrow", "length", length), input.shape[dim]
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return getitem(input, (slice(None),) * dim + (slice(start, start + length),))


@operation()
def index_select(input, dim, index, *, out=None):
    """The slices along `dim` whose numbers are in `index`.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64 or int32
        A vector.
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.index_select(fastnn.tensor([[1, 2], [3, 4]]), 1, fastnn.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    need_tensors("index_select", input)
    dim = axis_of(dim, input.ndim)
    need_tensors("index_select", index)
    if index.numpy().dtype not in (np.int64, np.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if (index.numpy() < 0).any():  # which elsewhere count from the end
        raise IndexError("index_select(): index out of range in self")
    if input.ndim == 0:
        return into("index_select", out, getitem(input.reshape(1), index.reshape(-1)).reshape(()), (input, index))
    made = getitem(input, (slice(None),) * dim + (index.reshape(-1),))
    return into("index_select", out, made, (input, index))


@operation()
def masked_select(input, mask, *, out=None):
    """The elements where `mask` is true, in one dimension.

    Parameters
    ----------
    input : Tensor
    mask : Tensor of bool
        Broadcasts with the input.
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.masked_select(fastnn.arange(4), fastnn.tensor([True, False, False, True]))
    tensor([0, 3])
    """
    need_tensors("masked_select", input, mask)
    shape = broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    return into("masked_select", out, getitem(input.expand(shape), mask.expand(shape)), (input, mask))


def _where_backward(grad, condition, shapes):
    zero = grad.dtype.type(0)
    return (None, sum_to(np.where(condition, grad, zero), shapes[0]),
            sum_to(np.where(condition, zero, grad), shapes[1]))


WHERE = Op("WhereBackward0", _where_backward, "condition shapes")


@WHERE.second
def _where_second(step, g):
    mask = from_array(step.condition)
    return (None, step.sum_to(where(mask, g, 0.0), step.shapes[0]), step.sum_to(where(mask, 0.0, g), step.shapes[1]))


def _as_number(value, kind):
    """A 0-d tensor of one dtype, of a number that it holds."""
    return from_array(np.asarray(dtypes.number(value, kind), kind))


@operation("fastnn")
def where(condition, input=None, other=None, *, out=None):
    """`input` where the condition holds, else `other`; with the condition alone the indices where it holds.

    Parameters
    ----------
    condition : Tensor of bool
    input : Tensor or number, optional
    other : Tensor or number, optional
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor or tuple of Tensors
        With the condition alone one vector of indices for each dimension.

    Examples
    --------
    >>> fastnn.where(fastnn.tensor([True, False]), fastnn.tensor([1, 2]), 0)
    tensor([1, 0])
    """
    if out is not None:
        return into("where", out, where(condition, input, other))
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    need_tensors("where", condition)
    if condition.dtype is dtypes.uint8:  # PyTorch's masks before it had bools
        condition = condition.to(dtypes.bool)
    if condition.detach().numpy().dtype != bool:
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                           f"{condition.dtype}")
    if isinstance(input, Tensor) and isinstance(other, Tensor):
        a, b, mask = to_array(input), to_array(other), to_array(condition)
        if a.dtype == b.dtype and a.dtype in (np.float32, np.float64):  # nothing to promote: the kernel
            return record(kernels.where(mask, a, b), WHERE, (condition, input, other),
                          (mask, (a.shape, b.shape)), (condition,))
    dtype = promote(input, other)
    x, y = (value.to(dtype) if isinstance(value, Tensor) else _as_number(value, dtype)
            for value in (input, other))
    broadcast_shapes(condition.shape, x.shape, y.shape)
    out = np.where(condition.numpy(), x.detach().numpy(), y.detach().numpy())
    return record(np.asarray(out), WHERE, (condition, x, y),
                  (condition.numpy(), (tuple(x.shape), tuple(y.shape))), (condition,))


@operation("Tensor.where")
def _where(self, condition, other):
    """`self` where the condition holds, else `other`.

    Parameters
    ----------
    condition : Tensor of bool
    other : Tensor or number

    Examples
    --------
    >>> fastnn.tensor([1, 2]).where(fastnn.tensor([True, False]), 0)
    tensor([1, 0])
    """
    return where(condition, self, other)


@operation(inplace=True)
def masked_fill(input, mask, value):
    """`value` where `mask` is true, else `input`.

    Parameters
    ----------
    input : Tensor
    mask : Tensor of bool
        Broadcasts with the input.
    value : number or Tensor

    Examples
    --------
    >>> fastnn.masked_fill(fastnn.arange(3), fastnn.tensor([True, False, True]), -1)
    tensor([-1,  1, -1])
    """
    if mask.numpy().dtype != bool:
        raise RuntimeError("masked_fill only supports boolean masks, but got mask with dtype " + str(mask.dtype))
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError("masked_fill only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.ndim} dimension(s).")
        value = value.to(input.dtype)
    elif isinstance(value, complex) and not input.is_complex():
        raise RuntimeError("value cannot be converted to a real number without overflow: a complex number")
    else:
        value = _as_number(value, input.detach().numpy().dtype)
    return where(mask, value, input)


@operation(out=True)
def nonzero(input, *, as_tuple=False):
    """Indices of the elements that are not 0: one row each, or (as_tuple) one vector for each dimension.

    Parameters
    ----------
    input : Tensor
    as_tuple : bool, default False

    Examples
    --------
    >>> fastnn.nonzero(fastnn.tensor([0, 3, 5]))
    tensor([[1],
            [2]])
    """
    x = input.detach().numpy()
    found = np.nonzero(x if input.ndim else x.reshape(1))
    if as_tuple:
        return tuple(from_array(index) for index in found)
    return from_array(np.stack(found, 1) if input.ndim else np.zeros((len(found[0]), 0), np.int64))


@operation()
def take(input, index, *, out=None):
    """Elements of the flattened tensor.

    Parameters
    ----------
    input : Tensor
    index : Tensor of int64
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.take(fastnn.tensor([[1, 2], [3, 4]]), fastnn.tensor([0, 3]))
    tensor([1, 4])
    """
    need_tensors("take", input, index)
    if index.numpy().size and (index.numpy().max() >= input.numel() or index.numpy().min() < -input.numel()):
        raise IndexError(f"take(): index out of range, the tensor has {input.numel()} elements")
    return into("take", out, input.reshape(-1)[index], (input, index))
