"""Tensor methods that are no functions: casts, filling in place, and what only methods have."""
import numpy as np

from fastnn import dtypes
from fastnn import random as _random
from fastnn._tensor import Tensor, from_array, record_inplace, writable
from fastnn.ops import inplace, shape


def size(self, dim=None):
    """The shape, or one of its sizes."""
    return self.shape if dim is None else self.shape[dim]


def stride(self, dim=None):
    """Steps in memory, in elements, to the next index of each dimension."""
    array = self.detach().numpy()
    strides = tuple(step // array.itemsize for step in array.strides)
    return strides if dim is None else strides[dim]


def is_contiguous(self, memory_format=None):
    """Whether the memory is in C order."""
    return bool(self.detach().numpy().flags.c_contiguous)


def element_size(self):
    """Bytes of one element."""
    return self.dtype.itemsize


def data_ptr(self):
    """Address of the first element."""
    return self.detach().numpy().ctypes.data


def is_floating_point(self):
    """Whether the dtype is a floating-point type."""
    return self.dtype.is_floating_point


TYPE_NAMES = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int",
              "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}


def type_(self, dtype=None, non_blocking=False):
    """The type's name, or the tensor cast to a dtype, which may be such a name (``"torch.FloatTensor"``)."""
    if dtype is None:
        return f"torch.{TYPE_NAMES[self.dtype.name]}Tensor"
    if isinstance(dtype, str) and dtype.startswith("torch."):
        found = [name for name, short in TYPE_NAMES.items() if dtype == f"torch.{short}Tensor"]
        if not found:
            raise ValueError(f"invalid type: {dtype!r}")
        dtype = getattr(dtypes, found[0])
    elif dtype in (float, int, bool):
        raise ValueError(f"invalid type: {dtype.__name__!r}")
    return shape.cast(self, dtype)


def to(self, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """Cast to a dtype, or to another tensor's; devices other than the CPU raise."""
    flags = [arg for arg in args if isinstance(arg, bool)]  # non_blocking, copy
    copy = flags[1] if len(flags) > 1 else copy
    for arg in args:
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, (dtypes.dtype, np.dtype)) or arg in (float, int, bool):
            dtype = arg
        elif isinstance(arg, bool):
            continue
        elif arg is not None:
            dtypes.need_cpu(arg)
    dtypes.need_cpu(device)
    return shape.cast(self, self.dtype if dtype is None else dtype, copy)


def cpu(self, memory_format=None):
    """The tensor itself: everything lives on the CPU."""
    return self


def cuda(self, device=None, non_blocking=False, memory_format=None):
    """Always an error: there is no CUDA here."""
    raise RuntimeError("Tensor.cuda: fastnn computes on the CPU alone")


def _caster(name):
    def cast(self, memory_format=None):
        return shape.cast(self, getattr(dtypes, name))
    cast.__doc__ = f"Cast to {name}."
    return cast


def _copy_backward(grad, shape_, dtype):
    from fastnn.kernels import sum_to
    return np.zeros_like(grad), sum_to(grad, shape_).astype(dtype, copy=False)


def copy_(self, other, non_blocking=False):
    """The elements of `other`, broadcast and cast."""
    array = writable(self)
    try:
        np.copyto(array, other.detach().numpy(), casting="unsafe")
    except ValueError:
        raise RuntimeError(f"copy_: the shape of src {list(other.shape)} does not broadcast to {list(self.shape)}"
                           ) from None
    return record_inplace(self, _copy_backward, "CopyBackwards", (other,),
                          (tuple(other.shape), other.detach().numpy().dtype))


def _float_in_place(self, name):
    array = writable(self)
    if array.dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for {self.dtype}")
    return array


def _random_fill(self, name, draw):
    draw(_float_in_place(self, name))
    return record_inplace(self, lambda grad: np.zeros_like(grad), "RandomBackward0")


def uniform_(self, from_=0.0, to=1.0, *, generator=None, **kwargs):
    """Uniform random numbers of [from, to)."""
    low = kwargs.pop("from", from_)
    if low > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    source = generator or _random.default_generator
    return _random_fill(self, "uniform_", lambda array: source.uniform(array, low, to))


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Normal random numbers."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    source = generator or _random.default_generator
    return _random_fill(self, "normal_", lambda array: source.normal(array, mean, std))


def _drawn(name, method):
    """An in-place filling by one of the generator's distributions, with PyTorch's parameters and defaults."""
    def fill(self, *args, generator=None, **kwargs):
        source = generator or _random.default_generator
        getattr(source, method)(writable(self), *args, **kwargs)
        return record_inplace(self, lambda grad: np.zeros_like(grad), "RandomBackward0")
    fill.__name__ = name
    fill.__wrapped__ = getattr(_random.Generator, method)
    fill.__doc__ = f"Random numbers of ``Generator.{method}``'s distribution."
    return fill


def random_(self, from_=None, to=None, *, generator=None, **kwargs):
    """Random integers of [from, to); of the whole range of the dtype without bounds."""
    low = kwargs.pop("from", from_)
    if to is None and low is not None:
        low, to = 0, low
    return _drawn("random_", "random")(self, low, to, generator=generator)


def bernoulli_(self, p=0.5, *, generator=None):
    """1 with probability p (a number or a tensor), else 0."""
    return _drawn("bernoulli_", "bernoulli")(self, p.detach().numpy() if isinstance(p, Tensor) else p,
                                             generator=generator)


def fill_diagonal_(self, fill_value, wrap=False):
    """The main diagonal becomes one value; `wrap`: again below it, for tall matrices."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    keep = np.ones(tuple(self.shape), bool)
    np.fill_diagonal(keep, False, wrap=wrap and self.ndim == 2)
    array = writable(self)
    np.fill_diagonal(array, dtypes.number(fill_value, array.dtype), wrap=wrap and self.ndim == 2)
    return record_inplace(self, lambda grad: grad * keep, "FillDiagonalBackward0")


def apply_(self, callable):
    """Every element becomes ``callable(element)``, a Python call each."""
    array = writable(self)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item())
    self.detach()
    return record_inplace(self, lambda grad: np.zeros_like(grad), "ApplyBackward0")


def map_(self, other, callable):
    """Every element becomes ``callable(element, element of other)``, a Python call each."""
    array = writable(self)
    given = np.broadcast_to(other.detach().numpy(), array.shape)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item(), given[place].item())
    return record_inplace(self, lambda grad: np.zeros_like(grad), "MapBackward0")


def new(self, *args, size=None, other=None, device=None):
    """PyTorch's old constructor: sizes, data or another tensor, in this tensor's dtype."""
    from fastnn.ops.creation import empty, tensor
    dtypes.need_cpu(device)
    args = args if size is None and other is None else (tuple(size) if other is None else other,)
    if len(args) == 1 and size is None and not isinstance(args[0], (int, dtypes.Size)):
        return tensor(args[0], dtype=self.dtype)
    return empty(*args, dtype=self.dtype) if args else empty(0, dtype=self.dtype)


def _array_wrap(self, array, context=None, return_scalar=False):
    """NumPy's functions of a tensor give a tensor."""
    return from_array(np.asarray(array))


def _unimplemented_cast(name):
    def cast(self, memory_format=None):
        return shape.cast(self, dtypes.ABSENT[name])
    cast.__doc__ = f"Always an error: there are no {name} tensors."
    return cast


def type_as(self, other):
    """Cast to another tensor's dtype."""
    return shape.cast(self, other.dtype)


def storage_offset(self):
    """Elements between the start of the memory and the first element."""
    array = self.detach().numpy()
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return (array.ctypes.data - owner.ctypes.data) // array.itemsize


def resize_(self, *size, memory_format=None):
    """Other sizes over the same elements; new ones are undefined."""
    from fastnn.ops.creation import empty
    made = empty(*size, dtype=self.dtype)
    old, new = writable(self).reshape(-1), made.numpy().reshape(-1)
    new[:old.size] = old[:new.size]
    self.data = made
    return self


def reversed_(self):
    """The rows in reverse order."""
    from fastnn.ops.rearrange import flip
    return flip(self, [0]) if self.ndim else self


def _no_complex(self):
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this one's dtype."""
    from fastnn.ops.creation import tensor
    return tensor(data, dtype=self.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad,
                  pin_memory=pin_memory)


def _new(name):
    def new(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        from fastnn.ops import creation
        return getattr(creation, name)(*size, dtype=self.dtype if dtype is None else dtype, device=device,
                                       requires_grad=requires_grad, layout=layout, pin_memory=pin_memory)
    new.__name__ = f"new_{name}"
    new.__doc__ = f"``{name}`` of this tensor's dtype."
    return new


def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """One value, in this tensor's dtype."""
    from fastnn.ops.creation import full
    return full(size, fill_value, dtype=self.dtype if dtype is None else dtype, device=device,
                requires_grad=requires_grad, layout=layout, pin_memory=pin_memory)


def shares_memory(self, other):
    """Whether both tensors may share memory."""
    return bool(np.may_share_memory(self.detach().numpy(), other.detach().numpy()))


def dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """The array's DLPack capsule: other libraries' ``from_dlpack(tensor)`` share its memory.

    Raises
    ------
    BufferError
        The tensor requires gradients; use ``tensor.detach()``.
    """
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream is not None:
        raise BufferError(f"__dlpack__: expected stream=None in main memory, got {stream!r}")
    return self.detach().numpy().__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)


METHODS = {
    "__dlpack__": dlpack, "__dlpack_device__": lambda self: (1, 0),
    "size": size, "stride": stride, "is_contiguous": is_contiguous, "element_size": element_size,
    "data_ptr": data_ptr, "is_floating_point": is_floating_point, "type": type_, "to": to, "cpu": cpu, "cuda": cuda,
    "float": _caster("float32"), "double": _caster("float64"), "long": _caster("int64"), "int": _caster("int32"),
    "short": _caster("int16"), "bool": _caster("bool"), "byte": _caster("uint8"), "half": _caster("float16"),
    "fill_": inplace.fill_, "zero_": inplace.zero_, "copy_": copy_, "uniform_": uniform_, "normal_": normal_,
    "random_": random_, "bernoulli_": bernoulli_, "exponential_": _drawn("exponential_", "exponential"),
    "log_normal_": _drawn("log_normal_", "log_normal"), "cauchy_": _drawn("cauchy_", "cauchy"),
    "geometric_": _drawn("geometric_", "geometric"), "fill_diagonal_": fill_diagonal_, "apply_": apply_, "map_": map_,
    "new_tensor": new_tensor, "new_zeros": _new("zeros"), "new_ones": _new("ones"),
    "new_empty": _new("empty"), "new_full": new_full, "nelement": Tensor.numel, "ndimension": Tensor.dim,
    "device": property(lambda self: dtypes.cpu), "layout": property(lambda self: "torch.strided"),
    "new": new, "__array_wrap__": _array_wrap, "bfloat16": _unimplemented_cast("bfloat16"),
    "cfloat": _unimplemented_cast("complex64"), "cdouble": _unimplemented_cast("complex128"),
    "type_as": type_as, "storage_offset": storage_offset, "resize_": resize_, "__reversed__": reversed_,
    "resize_as_": lambda self, the_template, memory_format=None: resize_(self, *the_template.shape),
    "char": _caster("int8"), "is_complex": lambda self: False, "is_conj": lambda self: False,
    "is_neg": lambda self: False, "is_inference": lambda self: False, "is_pinned": lambda self, device=None: False,
    "is_shared": lambda self: False, "share_memory_": lambda self: self, "pin_memory": lambda self, device=None: self,
    "is_signed": lambda self: self.dtype.is_signed, "is_nonzero": lambda self: bool(self),
    "get_device": lambda self: -1,
    "to_dense": lambda self, dtype=None, *, masked_grad=None: self if dtype is None else self.to(dtype),
    "conj": lambda self: self, "resolve_conj": lambda self: self, "resolve_neg": lambda self: self,
    "real": property(lambda self: self), "imag": property(_no_complex), "is_cpu": property(lambda self: True),
    **{f"is_{kind}": property(lambda self: False) for kind in (
        "cuda", "ipu", "maia", "meta", "mkldnn", "mps", "mtia", "nested", "quantized", "sparse", "sparse_csr", "vulkan",
        "xla", "xpu")},
    "names": property(lambda self: (None,) * self.ndim), "output_nr": property(lambda self: 0),
    "mH": property(lambda self: shape.transpose(self, -2, -1)), "H": property(lambda self: shape.t(self)),
    "nbytes": property(lambda self: self.detach().numpy().nbytes), "itemsize": property(element_size),
    "T": property(lambda self: shape.permute(self, tuple(range(self.ndim))[::-1])),
    "mT": property(lambda self: shape.transpose(self, -2, -1)),
}
