"""Tensor methods that are no functions: questions about memory, copies and fillings in place, new tensors like one."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record_inplace, writable
from fastnn.kernels import sum_to
from fastnn.ops import creation, shape
from fastnn.ops.creation import empty, full, tensor
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.rearrange import flip


@operation("Tensor")
def size(self, dim=None):
    """The shape, or one of its sizes."""
    return self.shape if dim is None else self.shape[dim]


@operation("Tensor")
def stride(self, dim=None):
    """Steps in memory, in elements, to the next index of each dimension."""
    array = self.detach().numpy()
    strides = tuple(step // array.itemsize for step in array.strides)
    return strides if dim is None else strides[dim]


@operation("Tensor")
def is_contiguous(self, memory_format=None):
    """Whether the memory is in C order."""
    return bool(self.detach().numpy().flags.c_contiguous)


@operation("Tensor")
def element_size(self):
    """Bytes of one element."""
    return self.dtype.itemsize


@operation("Tensor")
def data_ptr(self):
    """Address of the first element."""
    return self.detach().numpy().ctypes.data


@operation("Tensor")
def is_floating_point(self):
    """Whether the dtype is a floating-point type."""
    return self.dtype.is_floating_point


@operation("Tensor")
def cpu(self, memory_format=None):
    """The tensor itself: everything lives on the CPU."""
    return self


@operation("Tensor")
def cuda(self, device=None, non_blocking=False, memory_format=None):
    """Always an error: there is no CUDA here."""
    raise RuntimeError("Tensor.cuda: fastnn computes on the CPU alone")


def _copy_backward(grad, shape_, dtype):
    return np.zeros_like(grad), sum_to(grad, shape_).astype(dtype, copy=False)


COPY = Op("CopyBackwards", _copy_backward, "shape dtype")


@COPY.second
def _copy_second(step, g):
    return step.zeros(g, g.shape), step.sum_to(g, step.shape).to(step.dtype)


@operation("Tensor")
def copy_(self, other, non_blocking=False):
    """The elements of `other`, broadcast and cast."""
    array = writable(self)
    try:
        np.copyto(array, other.detach().numpy(), casting="unsafe")
    except ValueError:
        raise RuntimeError(f"copy_: the shape of src {list(other.shape)} does not broadcast to {list(self.shape)}"
                           ) from None
    return record_inplace(self, COPY, (other,),
                          (tuple(other.shape), other.detach().numpy().dtype))


@operation("Tensor")
def apply_(self, callable):
    """Every element becomes ``callable(element)``, a Python call each."""
    array = writable(self)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item())
    self.detach()
    return record_inplace(self, constant("ApplyBackward0"), (), (array.shape,))


@operation("Tensor")
def map_(self, other, callable):
    """Every element becomes ``callable(element, element of other)``, a Python call each."""
    array = writable(self)
    given = np.broadcast_to(other.detach().numpy(), array.shape)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item(), given[place].item())
    return record_inplace(self, constant("MapBackward0"), (), (array.shape,))


@operation("Tensor")
def new(self, *args, size=None, other=None, device=None):
    """PyTorch's old constructor: sizes, data or another tensor, in this tensor's dtype."""
    dtypes.need_cpu(device)
    args = args if size is None and other is None else (tuple(size) if other is None else other,)
    if len(args) == 1 and size is None and not isinstance(args[0], (int, dtypes.Size)):
        return tensor(args[0], dtype=self.dtype)
    return empty(*args, dtype=self.dtype) if args else empty(0, dtype=self.dtype)


@operation("Tensor.__array_wrap__")
def _array_wrap(self, array, context=None, return_scalar=False):
    """NumPy's functions of a tensor give a tensor."""
    return from_array(np.asarray(array))


@operation("Tensor")
def storage_offset(self):
    """Elements between the start of the memory and the first element."""
    array = self.detach().numpy()
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return (array.ctypes.data - owner.ctypes.data) // array.itemsize


@operation("Tensor")
def resize_(self, *size, memory_format=None):
    """Other sizes over the same elements; new ones are undefined."""
    made = empty(*size, dtype=self.dtype)
    old, new = writable(self).reshape(-1), made.numpy().reshape(-1)
    new[:old.size] = old[:new.size]
    self.data = made
    return self


@operation("Tensor.__reversed__")
def reversed_(self):
    """The rows in reverse order."""
    return flip(self, [0]) if self.ndim else self


def _no_complex(self):
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


@operation("Tensor")
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this one's dtype."""
    return tensor(data, dtype=self.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad,
                  pin_memory=pin_memory)


def _new(name):
    def new(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        return getattr(creation, name)(*size, dtype=self.dtype if dtype is None else dtype, device=device,
                                       requires_grad=requires_grad, layout=layout, pin_memory=pin_memory)
    new.__name__ = f"new_{name}"
    new.__doc__ = f"``{name}`` of this tensor's dtype."
    return new


@operation("Tensor")
def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """One value, in this tensor's dtype."""
    return full(size, fill_value, dtype=self.dtype if dtype is None else dtype, device=device,
                requires_grad=requires_grad, layout=layout, pin_memory=pin_memory)


def shares_memory(self, other):
    """Whether both tensors may share memory."""
    return bool(np.may_share_memory(self.detach().numpy(), other.detach().numpy()))


@operation("Tensor.__dlpack__")
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


# What is the same for every tensor, and what is said in one expression.
for _name, _method in {
        "__dlpack_device__": lambda self: (1, 0), "nelement": Tensor.numel, "ndimension": Tensor.dim,
        "resize_as_": lambda self, the_template, memory_format=None: resize_(self, *the_template.shape),
        "new_zeros": _new("zeros"), "new_ones": _new("ones"), "new_empty": _new("empty"),
        "is_complex": lambda self: False, "is_conj": lambda self: False, "is_neg": lambda self: False,
        "is_inference": lambda self: False, "is_shared": lambda self: False,
        "is_pinned": lambda self, device=None: False, "is_signed": lambda self: self.dtype.is_signed,
        "is_nonzero": lambda self: bool(self), "get_device": lambda self: -1, "share_memory_": lambda self: self,
        "pin_memory": lambda self, device=None: self, "conj": lambda self: self, "resolve_conj": lambda self: self,
        "resolve_neg": lambda self: self,
        "to_dense": lambda self, dtype=None, *, masked_grad=None: self if dtype is None else self.to(dtype)}.items():
    operation(f"Tensor.{_name}")(_method)
for _name, _value in {
        "device": lambda self: dtypes.cpu, "layout": lambda self: "torch.strided", "real": lambda self: self,
        "imag": _no_complex, "is_cpu": lambda self: True, "names": lambda self: (None,) * self.ndim,
        "output_nr": lambda self: 0, "nbytes": lambda self: self.detach().numpy().nbytes, "itemsize": element_size,
        "T": lambda self: shape.permute(self, tuple(range(self.ndim))[::-1]), "H": lambda self: shape.t(self),
        "mT": lambda self: shape.transpose(self, -2, -1), "mH": lambda self: shape.transpose(self, -2, -1),
        **dict.fromkeys([f"is_{kind}" for kind in (
            "cuda", "ipu", "maia", "meta", "mkldnn", "mps", "mtia", "nested", "quantized", "sparse", "sparse_csr",
            "vulkan", "xla", "xpu")], lambda self: False)}.items():
    operation(f"Tensor.{_name}")(property(_value))
