"""New tensors."""
import functools
import operator

import numpy as np

from fastnn import dtypes
from fastnn import random as _random
from fastnn._tensor import Tensor, from_array, wrap_numpy
from fastnn.kernels import _core
from fastnn.ops._common import into, promote, room


def _check(device, layout=None, pin_memory=False):
    dtypes.need_cpu(device)
    if layout is not None and str(layout) != "torch.strided":
        raise NotImplementedError(f"layout={layout} is not implemented")
    if pin_memory:
        raise NotImplementedError("pin_memory=True: there is no other device to copy to")


def _sizes(size):
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


def _finish(array, requires_grad):
    made = from_array(array)
    if requires_grad:
        made.requires_grad = True
    return made


# ---- from numbers ----

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


def _promoted(a, b):
    return promote(from_array(np.empty(1, a)), from_array(np.empty(1, b)))


def _array_of(data, kind):
    """Nested numbers as a new array of the NumPy dtype `kind`, or of the dtype that PyTorch infers (None)."""
    found = set()
    data = _plain(data, found)
    own = functools.reduce(_promoted, map(_dtype_of, found)) if found else dtypes.get_default_dtype().numpy
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


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor with a copy of `data` (nested sequences, numbers, an array or a tensor)."""
    _check(device, None, pin_memory)
    kind = None if dtype is None else dtypes.to_numpy(dtype)
    if isinstance(data, Tensor):
        data = data.detach().numpy()
    if isinstance(data, np.ndarray):
        kind = dtypes.from_numpy(data.dtype).numpy if kind is None else kind
        with np.errstate(invalid="ignore", over="ignore"):
            array = np.ascontiguousarray(data.astype(kind)).reshape(data.shape)
    else:
        array = _array_of(data, kind)
    return _finish(array, requires_grad)


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing memory where it can."""
    _check(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        made = from_numpy(data)
        return made if dtype is None else made.to(dtype)
    return tensor(data, dtype=dtype)


def from_numpy(ndarray):
    """A tensor on the memory of a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy(ndarray.dtype)
    if not ndarray.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. "
                         "Conversion between byte orders is currently not supported.")
    return wrap_numpy(ndarray)


def empty(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None,
          memory_format=None):
    """A tensor with undefined contents."""
    _check(device, layout, pin_memory)
    if out is not None:
        return into("empty", out, empty(*size, dtype=out.dtype))
    return _finish(_empty("empty", _sizes(size), dtypes.to_numpy(dtype)), requires_grad)


def _empty(op, size, kind):
    room(op, size, kind.itemsize)
    return _core.empty(size, kind.num)


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, names=None,
         out=None):
    """A tensor filled with one value; the dtype follows the value."""
    _check(device, layout, pin_memory)
    if names is not None:
        raise NotImplementedError("full: named dimensions are not implemented")
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if dtype is None:
        dtype = (bool if isinstance(fill_value, bool) else
                 np.int64 if isinstance(fill_value, (int, np.integer)) else None)
    array = _empty("full", _sizes((size,)), dtypes.to_numpy(dtype if out is None else out.dtype))
    array.fill(dtypes.number(fill_value, array.dtype))
    return into("full", out, _finish(array, requires_grad))


def zeros(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of zeros."""
    return full(_sizes(size), 0, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


def ones(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of ones."""
    return full(_sizes(size), 1, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory, out=out)


def _like(input, dtype):
    return input.dtype if dtype is None else dtype


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``empty`` with the shape and dtype of another tensor."""
    return empty(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``zeros`` with the shape and dtype of another tensor."""
    return zeros(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad,
                 layout=layout, pin_memory=pin_memory)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``ones`` with the shape and dtype of another tensor."""
    return ones(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``full`` with the shape and dtype of another tensor."""
    return full(tuple(input.shape), fill_value, dtype=_like(input, dtype), device=device, requires_grad=requires_grad,
                layout=layout, pin_memory=pin_memory)


def arange(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
           out=None):
    """start, start + step, ... below end; int64 for integers, else the default float type."""
    _check(device, layout, pin_memory)
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
    return into("arange", out, _finish(values.astype(kind), requires_grad))


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """`steps` evenly spaced numbers from start to end, both included."""
    _check(device, layout, pin_memory)
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
    return into("linspace", out, _finish(values, requires_grad))


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Ones on the diagonal, zeros elsewhere."""
    _check(device, layout, pin_memory)
    n, m = _count("eye", "n", n), None if m is None else _count("eye", "m", m)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    room("eye", (n, n if m is None else m), kind.itemsize)
    return into("eye", out, _finish(np.eye(n, m, dtype=kind), requires_grad))


def _generator(generator):
    return _random.default_generator if generator is None else generator


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Uniform random numbers of [0, 1)."""
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout, pin_memory=pin_memory)
    _generator(generator).uniform(made.numpy(), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("rand", out, made)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Normal random numbers with mean 0 and variance 1."""
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout, pin_memory=pin_memory)
    _generator(generator).normal(made.numpy(), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("randn", out, made)


def randint(low=0, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
            pin_memory=False, out=None):
    """Random integers of [low, high); ``randint(high, size)`` starts at 0."""
    _check(device, layout, pin_memory)
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    size = _sizes((size,))
    room("randint", size, 8)
    kind = np.int64 if dtype is None else dtypes.to_numpy(dtype)
    return into("randint", out, _finish(_generator(generator).randint(low, high, size, kind), requires_grad))


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """A random permutation of 0..n-1."""
    _check(device, layout, pin_memory)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    room("randperm", (n,), 8)
    array = _generator(generator).randperm(n)
    return into("randperm", out, _finish(array if dtype is None else array.astype(dtypes.to_numpy(dtype)),
                                         requires_grad))


def _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, fill, *args):
    """A tensor that lies in memory as `input` does, which is the order in which its elements are drawn."""
    _check(device, layout, pin_memory)
    array = input.detach().numpy()
    order = _random.memory_order(array)
    made = np.empty([array.shape[axis] for axis in order], dtypes.to_numpy(_like(input, dtype)))
    made = made.transpose(np.argsort(order))
    getattr(_generator(generator), fill)(made, *args)
    return _finish(made, requires_grad)


def rand_like(input, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``rand`` with the shape and dtype of another tensor."""
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "uniform")


def randn_like(input, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``randn`` with the shape and dtype of another tensor."""
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "normal")


def randint_like(input, low=0, high=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
                 pin_memory=False, memory_format=None):
    """``randint`` with the shape and dtype of another tensor; ``randint_like(input, high)`` starts at 0."""
    low, high = (0, low) if high is None else (low, high)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "random", low, high)


def result_type(tensor1, tensor2):
    """The dtype of an operation on two operands, tensors or Python numbers."""
    return dtypes.from_numpy(promote(tensor1, tensor2))


def promote_types(type1, type2):
    """The smallest dtype that both cast to without loss of category."""
    if type1 is type2:
        return type1
    return dtypes.from_numpy(_promoted(type1.numpy, type2.numpy))


def can_cast(from_, to):
    """Whether PyTorch lets a result of one dtype be written to a tensor of another."""
    return dtypes.can_cast(from_, to)


def logspace(start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False, out=None):
    """`steps` numbers from base^start to base^end, evenly spaced in their exponents."""
    _check(device, layout, pin_memory)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    exponents = linspace(start, end, steps, dtype=dtypes.float64).numpy()
    return into("logspace", out, _finish(np.power(float(base), exponents).astype(kind), requires_grad))


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A 0-d tensor of the default float type."""
    return tensor(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device,
                  requires_grad=requires_grad, pin_memory=pin_memory)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """`obj` as a tensor, sharing memory unless ``copy=True``."""
    made = as_tensor(obj, dtype, device)
    if copy:
        made = made.clone()
    if requires_grad and not made.requires_grad:
        made = made.detach().requires_grad_()
    return made


def is_floating_point(input):
    """Whether the dtype is a floating-point type."""
    return input.is_floating_point()


def is_complex(input):
    """False: there are no complex tensors."""
    return False


def is_nonzero(input):
    """Whether a tensor of one element is not 0."""
    if input.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with " + ("no values" if input.numel() == 0 else
                                                              "more than one value") + " is ambiguous")
    return bool(input)


def fill(input, value):
    """A copy filled with one value."""
    return input.clone().fill_(value)


def detach(input):
    """The same memory outside the graph."""
    return input.detach()


def construct(*args, dtype=None, device=None):
    """What ``Tensor(...)`` makes: sizes give undefined contents, data gives the default float type."""
    _check(device)
    if len(args) == 1 and not isinstance(args[0], int):
        if isinstance(args[0], dtypes.Size):
            return empty(args[0], dtype=dtype).numpy()
        return tensor(args[0], dtype=dtype or dtypes.get_default_dtype()).numpy()
    return empty(*args, dtype=dtype).numpy() if args else np.empty(0, dtypes.to_numpy(dtype))


__all__ = [name for name, value in list(globals().items())
           if callable(value) and getattr(value, "__module__", None) == __name__ and not name.startswith("_")
           and name not in ("construct", "adopt")]
