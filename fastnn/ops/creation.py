"""New tensors."""
import numpy as np

from fastnn import dtypes
from fastnn import random as _random
from fastnn._tensor import Tensor, from_array, wrap_numpy
from fastnn.kernels import _core
from fastnn.ops._common import into, promote


def _check(device, layout=None, pin_memory=False):
    if device is not None:
        dtypes.device(device)
    if layout is not None and str(layout) != "torch.strided":
        raise NotImplementedError(f"layout={layout} is not implemented")
    if pin_memory:
        raise NotImplementedError("pin_memory=True: there is no other device to copy to")


def _sizes(size):
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    size = tuple(int(n) for n in size)
    for n in size:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
    return size


def _finish(array, requires_grad):
    made = from_array(array)
    if requires_grad:
        made.requires_grad = True
    return made


def _infer(data):
    """The dtype PyTorch gives to Python data: bool, int64, or the default float type."""
    array = np.asarray(data)
    if array.dtype == object:
        raise ValueError("tensor: the data is not a rectangular nest of numbers")
    if array.dtype.kind == "f" and not isinstance(data, (np.ndarray, np.generic)):
        return array.astype(dtypes.get_default_dtype().numpy)
    return array


def _plain(data):
    """Tensors inside nested lists become numbers."""
    if isinstance(data, Tensor):
        return data.detach().numpy()
    if isinstance(data, (list, tuple)) and any(isinstance(item, (list, tuple, Tensor)) for item in data):
        return [_plain(item) for item in data]
    return data


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor with a copy of `data` (nested sequences, numbers, an array or a tensor)."""
    _check(device, None, pin_memory)
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(data, Tensor):
        array = data.detach().numpy()
    else:
        try:
            array = _infer(_plain(data))
        except ValueError as error:
            raise ValueError(f"tensor: expected a rectangular nest of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"tensor: can't convert data of type {array.dtype}")
    if dtype is not None:
        array = array.astype(dtypes.to_numpy(dtype))
    elif array.dtype.kind == "f" and isinstance(data, (list, tuple)):
        array = array.astype(dtypes.get_default_dtype().numpy)
    else:
        array = array.astype(dtypes.from_numpy(array.dtype).numpy)
    return _finish(np.ascontiguousarray(array).reshape(array.shape), requires_grad)


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing memory where it can."""
    _check(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        made = from_numpy(data)
        return made if dtype is None else made.to(dtype)
    return tensor(data, dtype=dtype)


def from_numpy(array):
    """A tensor on the memory of a NumPy array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.from_numpy(array.dtype)
    if not array.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. "
                         "Conversion between byte orders is currently not supported.")
    return wrap_numpy(array)


def empty(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None,
          memory_format=None):
    """A tensor with undefined contents."""
    _check(device, layout, pin_memory)
    if out is not None:
        return into("empty", out, empty(*size, dtype=out.dtype))
    return _finish(_core.empty(_sizes(size), dtypes.to_numpy(dtype).num), requires_grad)


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, out=None):
    """A tensor filled with one value; the dtype follows the value."""
    _check(device, layout)
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if dtype is None:
        dtype = bool if isinstance(fill_value, bool) else np.int64 if isinstance(fill_value, int) else None
    array = _core.empty(_sizes((size,)), dtypes.to_numpy(dtype if out is None else out.dtype).num)
    array[...] = fill_value if array.dtype.kind == "f" else np.asarray(fill_value).astype(array.dtype)
    return into("full", out, _finish(array, requires_grad))


def zeros(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of zeros."""
    return full(_sizes(size), 0, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, out=out)


def ones(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """A tensor of ones."""
    return full(_sizes(size), 1, dtype=dtypes.to_numpy(dtype), device=device, requires_grad=requires_grad,
                layout=layout, out=out)


def _like(input, dtype):
    return input.dtype if dtype is None else dtype


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``empty`` with the shape and dtype of another tensor."""
    return empty(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``zeros`` with the shape and dtype of another tensor."""
    return zeros(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``ones`` with the shape and dtype of another tensor."""
    return ones(tuple(input.shape), dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``full`` with the shape and dtype of another tensor."""
    return full(tuple(input.shape), fill_value, dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None, out=None):
    """start, start + step, ... below end; int64 for integers, else the default float type."""
    _check(device, layout)
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
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)
    count = int(np.ceil((end - start) / step))
    if kind.kind in "iu":
        start, step = int(start), int(step)
    values = start + np.arange(count, dtype=np.int64 if isinstance(start, int) and isinstance(step, int) else
                               np.float64) * step
    return into("arange", out, _finish(values.astype(kind), requires_grad))


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, layout=None, out=None):
    """`steps` evenly spaced numbers from start to end, both included."""
    _check(device, layout)
    if isinstance(steps, float) or not hasattr(steps, "__index__"):
        raise TypeError(f"linspace() received an invalid combination of arguments - got "
                        f"({', '.join(type(value).__name__ for value in (start, end, steps))}): expected an int for "
                        f"steps")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if any(isinstance(value, Tensor) and value.ndim for value in (start, end)):
        raise RuntimeError("linspace only supports 0-dimensional start and end tensors")
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


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, layout=None, out=None):
    """Ones on the diagonal, zeros elsewhere."""
    _check(device, layout)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    return into("eye", out, _finish(np.eye(n, m, dtype=kind), requires_grad))


def _generator(generator):
    return _random.default_generator if generator is None else generator


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Uniform random numbers of [0, 1)."""
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout)
    _generator(generator).uniform(made.numpy(), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("rand", out, made)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Normal random numbers with mean 0 and variance 1."""
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout)
    _generator(generator).normal(made.numpy(), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("randn", out, made)


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
            out=None):
    """Random integers of [low, high); ``randint(high, size)`` starts at 0."""
    _check(device, layout)
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    array = _generator(generator).randint(low, high, _sizes((size,)))
    return into("randint", out, _finish(array if dtype is None else array.astype(dtypes.to_numpy(dtype)),
                                        requires_grad))


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """A random permutation of 0..n-1."""
    _check(device, layout)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    array = _generator(generator).randperm(n)
    return into("randperm", out, _finish(array if dtype is None else array.astype(dtypes.to_numpy(dtype)),
                                         requires_grad))


def _drawn_like(input, dtype, device, layout, requires_grad, fill, *args):
    """A tensor that lies in memory as `input` does, which is the order in which its elements are drawn."""
    _check(device, layout)
    array = input.detach().numpy()
    order = _random.memory_order(array)
    made = np.empty([array.shape[axis] for axis in order], dtypes.to_numpy(_like(input, dtype)))
    made = made.transpose(np.argsort(order))
    getattr(_random.default_generator, fill)(made, *args)
    return _finish(made, requires_grad)


def rand_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``rand`` with the shape and dtype of another tensor."""
    return _drawn_like(input, dtype, device, layout, requires_grad, "uniform")


def randn_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """``randn`` with the shape and dtype of another tensor."""
    return _drawn_like(input, dtype, device, layout, requires_grad, "normal")


def randint_like(input, low=0, high=None, *, dtype=None, device=None, requires_grad=False, layout=None,
                 memory_format=None):
    """``randint`` with the shape and dtype of another tensor; ``randint_like(input, high)`` starts at 0."""
    low, high = (0, low) if high is None else (low, high)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return _drawn_like(input, dtype, device, layout, requires_grad, "random", low, high)


def result_type(tensor1, tensor2):
    """The dtype of an operation on two operands, tensors or Python numbers."""
    return dtypes.from_numpy(promote(tensor1, tensor2))


def promote_types(type1, type2):
    """The smallest dtype that both cast to without loss of category."""
    if type1 is type2:
        return type1
    return dtypes.from_numpy(promote(from_array(np.empty(1, type1.numpy)), from_array(np.empty(1, type2.numpy))))


def can_cast(from_, to):
    """Whether PyTorch lets a result of one dtype be written to a tensor of another."""
    return dtypes.can_cast(from_, to)


def logspace(start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False, layout=None, out=None):
    """`steps` numbers from base^start to base^end, evenly spaced in their exponents."""
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    exponents = linspace(start, end, steps, dtype=dtypes.float64).numpy()
    return into("logspace", out, _finish(np.power(float(base), exponents).astype(kind), requires_grad))


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A 0-d tensor of the default float type."""
    return tensor(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, requires_grad=requires_grad)


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
