"""New tensors: from data, of one value, ranges, grids, powers."""
import functools
import operator

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, wrap_numpy
from fastnn.kernels import _core
from fastnn.ops import arithmetic
from fastnn.ops._common import into, promote, room
from fastnn.ops.declare import operation
from fastnn.ops.shape import stack


@operation("fastnn")
def vander(x, N=None, increasing=False):  # noqa: N803 (PyTorch's name)
    """Powers of a vector's elements, one element a row."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    powers = powers_of(x, n)
    return powers if increasing else powers.flip(1)


def powers_of(x, count):
    """x^0, x^1, ... along a new last dimension; of whole numbers in int64."""
    room("vander", (*x.shape, count), x.itemsize)
    x = x if x.is_floating_point() else x.to(dtypes.int64)
    powers = [from_array(np.ones(tuple(x.shape), x.detach().numpy().dtype))]
    while len(powers) < count:
        powers.append(arithmetic.mul(powers[-1], x))
    return stack(powers, -1)[..., :count]


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
    return size


def _count(op, name, value):
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be int, not {type(value).__name__}")
    return operator.index(value)


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
        raise TypeError("tensor: complex numbers are not implemented")
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
    wide = np.dtype(np.int64) if kind.kind in "iu" else kind
    try:
        with np.errstate(over="ignore"):
            array = np.array(data, wide)
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
    """A tensor with a copy of `data` (nested sequences, numbers, an array or a tensor)."""
    check_options(device, None, pin_memory)
    kind = None if dtype is None else dtypes.to_numpy(dtype)
    if isinstance(data, Tensor):
        data = data.detach().numpy()
    if isinstance(data, np.ndarray):
        kind = dtypes.from_numpy(data.dtype).numpy if kind is None else kind
        with np.errstate(invalid="ignore", over="ignore"):
            array = np.ascontiguousarray(data.astype(kind)).reshape(data.shape)
    else:
        array = _array_of(data, kind)
    return finish(array, requires_grad)


@operation("fastnn")
def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing memory where it can."""
    check_options(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        made = from_numpy(data)
        return made if dtype is None else made.to(dtype)
    return tensor(data, dtype=dtype)


@operation("fastnn")
def from_numpy(ndarray):
    """A tensor on the memory of a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy(ndarray.dtype)
    if not ndarray.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. "
                         "Conversion between byte orders is currently not supported.")
    return wrap_numpy(ndarray)


@operation("fastnn")
def empty(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None,
          memory_format=None):
    """A tensor with undefined contents."""
    check_options(device, layout, pin_memory)
    if out is not None:
        return into("empty", out, empty(*size, dtype=out.dtype))
    return finish(_empty("empty", sizes_of(size), dtypes.to_numpy(dtype)), requires_grad)


def _empty(op, size, kind):
    room(op, size, kind.itemsize)
    return _core.empty(size, kind.num)


@operation("fastnn")
def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, names=None,
         out=None):
    """A tensor filled with one value; the dtype follows the value."""
    check_options(device, layout, pin_memory)
    if names is not None:
        raise NotImplementedError("full: named dimensions are not implemented")
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if dtype is None:
        dtype = (bool if isinstance(fill_value, bool) else
                 np.int64 if isinstance(fill_value, (int, np.integer)) else None)
    array = _empty("full", sizes_of((size,)), dtypes.to_numpy(dtype if out is None else out.dtype))
    array.fill(dtypes.number(fill_value, array.dtype))
    return into("full", out, finish(array, requires_grad))


@operation("fastnn")
def zeros(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of zeros."""
    return full(sizes_of(size), 0, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


@operation("fastnn")
def ones(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of ones."""
    return full(sizes_of(size), 1, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


def like_of(input, dtype):
    return input.dtype if dtype is None else dtype


@operation("fastnn")
def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``empty`` with the shape and dtype of another tensor."""
    return empty(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``zeros`` with the shape and dtype of another tensor."""
    return zeros(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``ones`` with the shape and dtype of another tensor."""
    return ones(tuple(input.shape), dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``full`` with the shape and dtype of another tensor."""
    return full(tuple(input.shape), fill_value, dtype=like_of(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


@operation("fastnn")
def arange(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
           out=None):
    """start, start + step, ... below end; int64 for integers, else the default float type."""
    check_options(device, layout, pin_memory)
    if end is None:
        start, end = 0, start
    start, end, step = (value.item() if isinstance(value, Tensor) else value for value in (start, end, step))
    if out is not None:
        dtype = out.dtype
        if not dtype.is_floating_point and int(step) == 0:
            raise ValueError("step must be nonzero")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (np.isfinite(start) and np.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        dtype = np.int64 if all(isinstance(value, (int, np.integer)) for value in (start, end, step)) else None
    kind = dtypes.to_numpy(dtype)
    if kind.kind == "b":
        raise NotImplementedError('"arange_cpu" not implemented for \'Bool\'')
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)
    if all(isinstance(value, int) for value in (start, end, step)):  # exactly
        count = -(-(end - start) // step)
    else:
        count = int(np.ceil((end - start) / step))
    room("arange", (count,), 8)
    if kind.kind in "iu":
        start, step = int(start), int(step)
    values = start + np.arange(count, dtype=np.int64 if isinstance(start, int) and isinstance(step, int) else
                               np.float64) * step
    return into("arange", out, finish(values.astype(kind), requires_grad))


@operation("fastnn")
def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """`steps` evenly spaced numbers from start to end, both included."""
    check_options(device, layout, pin_memory)
    steps = _count("linspace", "steps", steps)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if any(isinstance(value, Tensor) and value.ndim for value in (start, end)):
        raise RuntimeError("linspace only supports 0-dimensional start and end tensors")
    room("linspace", (steps,), 8)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    start, end = (value.item() if isinstance(value, Tensor) else value for value in (start, end))
    # From both ends towards the middle, in the dtype itself (integers in float64), as PyTorch counts.
    real = kind if kind.kind == "f" else np.dtype(np.float64)
    start, end = (np.asarray(value).astype(kind).astype(real)[()] for value in (start, end))
    step = real.type((end - start) / (steps - 1)) if steps > 1 else real.type(0)
    index = np.arange(steps)
    lower = start + step * index.astype(real)
    upper = end - step * (steps - 1 - index).astype(real)
    values = np.where(index < steps // 2, lower, upper).astype(kind) if steps != 1 else np.asarray([start], kind)
    return into("linspace", out, finish(values, requires_grad))


@operation("fastnn")
def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Ones on the diagonal, zeros elsewhere."""
    check_options(device, layout, pin_memory)
    n, m = _count("eye", "n", n), None if m is None else _count("eye", "m", m)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    room("eye", (n, n if m is None else m), kind.itemsize)
    return into("eye", out, finish(np.eye(n, m, dtype=kind), requires_grad))


@operation("fastnn")
def logspace(start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False, out=None):
    """`steps` numbers from base^start to base^end, evenly spaced in their exponents."""
    check_options(device, layout, pin_memory)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    exponents = linspace(start, end, steps, dtype=dtypes.float64).numpy()
    return into("logspace", out, finish(np.power(float(base), exponents).astype(kind), requires_grad))


@operation("fastnn")
def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A 0-d tensor of the default float type."""
    return tensor(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device,
                  requires_grad=requires_grad, pin_memory=pin_memory)


@operation("fastnn")
def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """`obj` as a tensor, sharing memory unless ``copy=True``."""
    made = as_tensor(obj, dtype, device)
    if copy:
        made = made.clone()
    if requires_grad and not made.requires_grad:
        made = made.detach().requires_grad_()
    return made


@operation("fastnn")
def fill(input, value):
    """A copy filled with one value."""
    return input.clone().fill_(value)


@operation("fastnn")
def detach(input):
    """The same memory outside the graph."""
    return input.detach()


def construct(*args, dtype=None, device=None):
    """What ``Tensor(...)`` makes: sizes give undefined contents, data gives the default float type."""
    check_options(device)
    if len(args) == 1 and not isinstance(args[0], int):
        if isinstance(args[0], dtypes.Size):
            return empty(args[0], dtype=dtype).numpy()
        return tensor(args[0], dtype=dtype or dtypes.get_default_dtype()).numpy()
    return empty(*args, dtype=dtype).numpy() if args else np.empty(0, dtypes.to_numpy(dtype))



@operation("fastnn")
def meshgrid(*tensors, indexing=None):
    """Coordinates of a grid: each vector expanded over the dimensions of the others."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(tensors) > 1
    if swapped:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    sizes = [x.numel() for x in tensors]
    grids = [x.reshape([-1 if i == axis else 1 for i in range(len(tensors))] if x.numel() else
                       [0 if i == axis else 1 for i in range(len(tensors))]).expand(sizes)
             for axis, x in enumerate(tensors)]
    if swapped:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)
