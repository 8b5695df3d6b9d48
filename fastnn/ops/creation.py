"""New tensors: from data, of one value, like another tensor. Those by rule are in `ranges`."""
import functools
import operator

import numpy as np

from fastnn import dtypes, random
from fastnn._tensor import Tensor, from_array, wrap_numpy
from fastnn.kernels import _core
from fastnn.ops import shape
from fastnn.ops._common import into, promote, room
from fastnn.ops.declare import operation


def check_options(device, layout=None, pin_memory=False):
    dtypes.need_cpu(device)
    if layout is not None and str(layout) != "torch.strided":
        raise NotImplementedError(f"layout={layout} is not implemented")
    if pin_memory:
        raise NotImplementedError("pin_memory=True: there is no other device to copy to")


def sizes_of(size):
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    try:
        size = tuple([operator.index(n) for n in size])
    except TypeError:
        raise TypeError(f"argument 'size' must be tuple of ints, not {size}") from None
    for n in size:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
        if n >= 2 ** 63:
            raise TypeError(f"argument 'size' does not fit into 64 bits: {n}")
    return size


def finish(array, requires_grad):
    made = from_array(array)
    if requires_grad:
        made.requires_grad = True
    return made


def _plain(data, found):
    """Sequences as lists, tensors as numbers or arrays; `found` gets the types (or dtypes) of the numbers."""
    if isinstance(data, np.ndarray):
        found.add(data.dtype)
        return data
    if isinstance(data, Tensor):
        found.add(data.detach().numpy().dtype)
        if data.numel() != 1:
            raise TypeError("tensor: only tensors of a single element can be elements of a sequence")
        return data.item()
    if not isinstance(data, (list, tuple)):
        if isinstance(data, (str, bytes, dict)) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
            found.add(type(data))
            return data
        if hasattr(data, "__array__"):
            return _plain(np.asarray(data), found)
        data = [data[i] for i in range(len(data))]
    kinds = set(map(type, data))
    if kinds <= _NUMBERS:
        found |= kinds
        return data
    return [_plain(item, found) for item in data]


_NUMBERS = {bool, int, float}


def _dtype_of(kind):
    """The NumPy dtype that PyTorch infers from a number's type: that of NumPy's numbers, the default of Python's."""
    if isinstance(kind, np.dtype):
        return kind
    if issubclass(kind, (np.number, np.bool_)):
        return np.dtype(kind)
    if kind in _NUMBERS:
        return dtypes.get_default_dtype().numpy if kind is float else np.dtype(kind)
    if issubclass(kind, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{kind.__name__}'")
    if issubclass(kind, complex):
        return dtypes.get_default_dtype().to_complex().numpy
    if hasattr(kind, "__index__") or hasattr(kind, "__float__"):
        return np.dtype(np.int64) if hasattr(kind, "__index__") else dtypes.get_default_dtype().numpy
    raise RuntimeError(f"Could not infer dtype of {kind.__name__}")


def promoted_kinds(a, b):
    return promote(from_array(np.empty(1, a)), from_array(np.empty(1, b)))


def _array_of(data, kind):
    """Nested numbers as a new array of the NumPy dtype `kind`, or of the dtype that PyTorch infers (None)."""
    found = set()
    data = _plain(data, found)
    own = functools.reduce(promoted_kinds, map(_dtype_of, found)) if found else dtypes.get_default_dtype().numpy
    kind = own if kind is None else kind
    dtypes.from_numpy(kind)  # TypeError for those that tensors lack
    if kind.kind == "V":
        from fastnn import formats
        return formats.encoded(np.array(data, formats.wide(kind)), kind)
    wide = np.dtype(np.int64) if kind.kind in "iu" else kind
    try:
        with np.errstate(over="ignore"):
            array = np.array(data, np.uint64 if kind == np.uint64 else wide)
    except (OverflowError, ValueError) as error:
        if "float" in str(error):  # NaN or an infinity
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow") from None
        if isinstance(error, OverflowError):
            raise ValueError("Overflow when unpacking long long") from None
        raise ValueError(f"tensor: expected a rectangular nest of numbers: {error}") from None
    if kind != wide:
        limits = np.iinfo(kind)
        if array.size and not (limits.min or -limits.max) <= array.min() <= array.max() <= limits.max:
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    return array.astype(kind, copy=False)


@operation("fastnn")
def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor with a copy of `data` (nested sequences, numbers, an array or a tensor).

    Parameters
    ----------
    data : array-like or Tensor
    dtype : dtype, optional
        Found from the data if not given; of Python floats it is the default one.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        A number that the dtype cannot hold.

    Examples
    --------
    >>> fastnn.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    check_options(device, None, pin_memory)
    kind = None if dtype is None else dtypes.to_numpy(dtype)
    if isinstance(data, Tensor):
        data = data.detach().numpy()
    if isinstance(data, np.ndarray):
        kind = dtypes.from_numpy(data.dtype).numpy if kind is None else kind
        with np.errstate(invalid="ignore", over="ignore"):
            array = np.ascontiguousarray(shape.converted(data, kind)).reshape(data.shape)
    else:
        array = _array_of(data, kind)
    return finish(array, requires_grad)


@operation("fastnn")
def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing memory where it can.

    Parameters
    ----------
    data : array-like or Tensor
    dtype : dtype, optional
        Of the result.
    device : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.as_tensor(np.arange(3))
    tensor([0, 1, 2])
    """
    check_options(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        made = from_numpy(data)
        return made if dtype is None else made.to(dtype)
    return tensor(data, dtype=dtype)


@operation("fastnn")
def from_numpy(ndarray):
    """A tensor on the memory of a NumPy array.

    Parameters
    ----------
    ndarray : numpy.ndarray

    Raises
    ------
    TypeError
        No array, or a dtype that PyTorch lacks.

    Examples
    --------
    >>> fastnn.from_numpy(np.arange(3))
    tensor([0, 1, 2])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy(ndarray.dtype)
    if not ndarray.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. "
                         "Conversion between byte orders is currently not supported.")
    return wrap_numpy(ndarray)


@operation("fastnn")
def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None, pin_memory=False,
              requires_grad=False):
    """A vector on the bytes of a file, which are read when they are used.

    Parameters
    ----------
    filename : path
    shared : bool, optional
        Whether changes go to the file, which is made or lengthened if need be. Otherwise they stay in memory.
    size : int
        Number of elements.
    dtype : dtype, optional
    requires_grad : bool, default False
    layout, device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        There is no such file, or it is shorter.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> _ = fastnn.from_file(path, shared=True, size=3).fill_(2)
    >>> fastnn.from_file(path, size=3)
    tensor([2., 2., 2.])
    """
    check_options(device, layout, pin_memory)
    kind = dtypes.to_numpy(dtype)
    (size,) = sizes_of((size,))
    if not size:
        return empty(0, dtype=dtype)
    try:
        if shared:
            with open(filename, "ab") as file:
                if file.tell() < size * kind.itemsize:
                    file.truncate(size * kind.itemsize)
        mapped = np.memmap(filename, kind, "r+" if shared else "c", 0, (size,))
    except (OSError, ValueError) as error:
        raise RuntimeError(f"from_file: {filename}: {error}") from None
    return finish(mapped.view(np.ndarray), requires_grad)


@operation("fastnn")
def empty(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None,
          memory_format=None):
    """A tensor with undefined contents.

    Parameters
    ----------
    *size : int
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.empty(2, 3).shape
    torch.Size([2, 3])
    """
    check_options(device, layout, pin_memory)
    if out is not None:
        return into("empty", out, empty(*size, dtype=out.dtype))
    return finish(_empty("empty", sizes_of(size), dtypes.to_numpy(dtype)), requires_grad)


def _empty(op, size, kind):
    room(op, size, kind.itemsize)
    return np.empty(size, kind) if kind.kind == "V" else _core.empty(size, kind.num)


@operation("fastnn")
def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, names=None,
         out=None):
    """A tensor filled with one value; the dtype follows the value.

    Parameters
    ----------
    size : int or tuple of ints
        Sizes.
    fill_value : number
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory, names : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.full((2,), 3)
    tensor([3, 3])
    """
    check_options(device, layout, pin_memory)
    if names is not None:
        raise NotImplementedError("full: named dimensions are not implemented")
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if dtype is None:
        dtype = (bool if isinstance(fill_value, bool) else
                 np.int64 if isinstance(fill_value, (int, np.integer)) else None)
    if dtype is None and isinstance(fill_value, complex):
        dtype = dtypes.get_default_dtype().to_complex().numpy
    array = _empty("full", sizes_of((size,)), dtypes.to_numpy(dtype if out is None else out.dtype))
    array.fill(dtypes.number(fill_value, array.dtype))
    return into("full", out, finish(array, requires_grad))


@operation("fastnn")
def zeros(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of zeros.

    Parameters
    ----------
    *size : int
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return full(sizes_of(size), 0, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


@operation("fastnn")
def ones(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of ones.

    Parameters
    ----------
    *size : int
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2)
    tensor([1., 1.])
    """
    return full(sizes_of(size), 1, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


def like_of(input, dtype):
    return input.dtype if dtype is None else dtype


@operation("fastnn")
def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``empty`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.empty_like(fastnn.tensor([1, 2])).shape
    torch.Size([2])
    """
    return empty(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``zeros`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.zeros_like(fastnn.tensor([1, 2]))
    tensor([0, 0])
    """
    return zeros(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``ones`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones_like(fastnn.tensor([1, 2]))
    tensor([1, 1])
    """
    return ones(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``full`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    fill_value : number
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.full_like(fastnn.tensor([1, 2]), 7)
    tensor([7, 7])
    """
    return full(tuple(input.shape), fill_value, dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A 0-d tensor of the default float type.

    Parameters
    ----------
    s : number
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.scalar_tensor(2)
    tensor(2.)
    """
    return tensor(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device,
                  requires_grad=requires_grad, pin_memory=pin_memory)


@operation("fastnn")
def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """`obj` as a tensor, sharing memory unless ``copy=True``.

    Parameters
    ----------
    obj : array-like or Tensor
    dtype : dtype, optional
        Of the result.
    copy : bool, optional
        True: never share memory.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    made = as_tensor(obj, dtype, device)
    if copy:
        made = made.clone()
    if requires_grad and not made.requires_grad:
        made = made.detach().requires_grad_()
    return made


@operation("fastnn")
def fill(input, value):
    """A copy filled with one value.

    Parameters
    ----------
    input : Tensor
    value : number

    Examples
    --------
    >>> fastnn.fill(fastnn.zeros(2), 3)
    tensor([3., 3.])
    """
    return input.clone().fill_(value)


@operation("fastnn")
def detach(input):
    """The same memory outside the graph.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.detach(fastnn.ones(2, requires_grad=True)).requires_grad
    False
    """
    return input.detach()


def construct(*args, dtype=None, device=None):
    """What ``Tensor(...)`` makes: sizes give undefined contents, data gives the default float type; a tensor of that
    type shares its memory."""
    check_options(device)
    if len(args) == 1 and not isinstance(args[0], int):
        if isinstance(args[0], dtypes.Size):
            return empty(args[0], dtype=dtype).numpy()
        kind = dtype or dtypes.get_default_dtype()
        if isinstance(args[0], Tensor) and args[0].dtype is kind:
            return args[0].detach().numpy()
        return tensor(args[0], dtype=kind).numpy()
    return empty(*args, dtype=dtype).numpy() if args else np.empty(0, dtypes.to_numpy(dtype))


random.tensor_of = from_array
