"""Tensor methods that are no functions: questions about memory, copies and fillings in place, new tensors like one."""
import inspect
import math

import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import (Tensor, from_array, is_grad_enabled, is_inference_mode_enabled, record_inplace,
                            to_array, writable)
from fastnn.ops import creation, shape
from fastnn.ops._common import undone
from fastnn.ops.complex_names import adjoint_of
from fastnn.ops.creation import empty, full, sizes_of, tensor
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.inplace import need_apart
from fastnn.ops.rearrange import flip
from fastnn.ops.strides import as_strided


@operation("Tensor")
def size(self, dim=None) -> dtypes.Size | int:
    """The shape, or one of its sizes.

    Parameters
    ----------
    dim : int, optional

    Examples
    --------
    >>> fastnn.ones(2, 3).size(1)
    3
    """
    return self.shape if dim is None else self.shape[dim]


@operation("Tensor")
def stride(self, dim=None) -> tuple[int, ...] | int:
    """Steps in memory, in elements, to the next index of each dimension.

    Parameters
    ----------
    dim : int, optional

    Examples
    --------
    >>> fastnn.ones(2, 3).stride()
    (3, 1)
    """
    array = to_array(self)
    strides = tuple(step // array.itemsize for step in array.strides)
    return strides if dim is None else strides[dim]


@operation("Tensor")
def is_contiguous(self, memory_format=None) -> bool:
    """Whether the memory is in C order.

    Parameters
    ----------
    memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2, 3).t().is_contiguous()
    False
    """
    return bool(to_array(self).flags.c_contiguous)


@operation("Tensor")
def element_size(self) -> int:
    """Bytes of one element.

    Examples
    --------
    >>> fastnn.ones(2).element_size()
    4
    """
    return self.dtype.itemsize


@operation("Tensor")
def data_ptr(self) -> int:
    """Address of the first element.

    Examples
    --------
    >>> fastnn.ones(2).data_ptr() > 0
    True
    """
    return self.detach().numpy().ctypes.data


@operation("Tensor")
def is_floating_point(self) -> bool:
    """Whether the dtype is a floating-point type.

    Examples
    --------
    >>> fastnn.ones(2).is_floating_point()
    True
    """
    return self.dtype.is_floating_point


@operation("Tensor")
def cpu(self, memory_format=None):
    """The tensor itself: everything lives on the CPU.

    Parameters
    ----------
    memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2).cpu()
    tensor([1., 1.])
    """
    return self


@operation("Tensor")
def cuda(self, device=None, non_blocking=False, memory_format=None):
    """Always an error: there is no CUDA here.

    Parameters
    ----------
    device, non_blocking, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    AssertionError
        Always; PyTorch's without CUDA. It is a RuntimeError too.

    Examples
    --------
    >>> fastnn.ones(2).cuda()
    Traceback (most recent call last):
    fastnn.dtypes.NoDevice: Torch not compiled with CUDA enabled: ...
    """
    dtypes.refuse_device("cuda")


def _copy_backward(grad, shape_, dtype):
    found = undone(grad, shape_)
    found = found.real if found.dtype.kind == "c" and dtype.kind != "c" else found
    return np.zeros_like(grad), found if found.dtype == dtype else shape.converted(found, dtype)


COPY = Op("CopyBackwards", _copy_backward, "shape dtype")


@COPY.second
def _copy_second(step, g):
    found = step.sum_to(g, step.shape)
    return step.zeros(g, g.shape), (found if step.dtype.kind == "c" else found.real).to(step.dtype)


@operation("Tensor")
def copy_(self, other, non_blocking=False):
    """The elements of `other`, broadcast and cast.

    Parameters
    ----------
    other : Tensor
    non_blocking : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        The shape does not broadcast.

    Examples
    --------
    >>> fastnn.zeros(2, 2).copy_(fastnn.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    array = writable(self)
    need_apart("copy_", self, other)
    try:
        source = other.detach().numpy()
        np.copyto(array, shape.converted(source, array.dtype) if source.dtype.kind in "cV" or array.dtype.kind == "V"
                  else source, casting="unsafe")
    except ValueError:
        raise RuntimeError(f"copy_: the shape of src {list(other.shape)} does not broadcast to {list(self.shape)}"
                           ) from None
    return record_inplace(self, COPY, (other,),
                          (tuple(other.shape), other.detach().numpy().dtype))


@operation("Tensor")
def apply_(self, callable):
    """Every element becomes ``callable(element)``, a Python call each.

    Parameters
    ----------
    callable : callable

    Examples
    --------
    >>> fastnn.tensor([1, 2]).apply_(lambda x: x * 10)
    tensor([10, 20])
    """
    array = writable(self)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item())
    self.detach()
    return record_inplace(self, constant("ApplyBackward0"), (), (array.shape,))


@operation("Tensor")
def map_(self, other, callable):
    """Every element becomes ``callable(element, element of other)``, a Python call each.

    Parameters
    ----------
    other : Tensor
    callable : callable

    Examples
    --------
    >>> fastnn.tensor([1, 2]).map_(fastnn.tensor([3, 4]), lambda x, y: x + y)
    tensor([4, 6])
    """
    array = writable(self)
    given = np.broadcast_to(other.detach().numpy(), array.shape)
    for place in np.ndindex(array.shape):
        array[place] = callable(array[place].item(), given[place].item())
    return record_inplace(self, constant("MapBackward0"), (), (array.shape,))


@operation("Tensor")
def new(self, *args, size=None, other=None, device=None):
    """PyTorch's old constructor: sizes, data or another tensor, in this tensor's dtype.

    Parameters
    ----------
    *args : int, Tensor or sequence
    size : tuple of ints, optional
    other : Tensor, optional
    device : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2).new([5, 6])
    tensor([5., 6.])
    """
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
def storage_offset(self) -> int:
    """Elements between the start of the memory and the first element.

    Examples
    --------
    >>> fastnn.arange(4)[2:].storage_offset()
    2
    """
    array = to_array(self)
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return (array.ctypes.data - owner.ctypes.data) // array.itemsize


@operation("Tensor")
def resize_(self, *size, memory_format=None):
    """Other sizes over the memory below a tensor, whose elements lie one after the other then.

    Where the memory is too small, the tensor gets larger memory of its own; what is new in it is undefined.

    Parameters
    ----------
    *size : int
    memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        The tensor requires gradients.

    Examples
    --------
    >>> fastnn.arange(4).resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    size = sizes_of(size)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if tuple(self.shape) != size:
        first, count = self.storage_offset(), self.untyped_storage().nbytes() // self.element_size()
        memory = as_strided(self.detach(), (count,), (1,), 0)
        if first + math.prod(size) > count:
            memory, old = empty(first + math.prod(size), dtype=self.dtype), memory
            memory[:count] = old
        self.data = memory[first:first + math.prod(size)].view(size)
    return self


@operation("Tensor.__reversed__")
def reversed_(self):
    """The rows in reverse order."""
    return flip(self, [0]) if self.ndim else self


@operation("Tensor")
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this one's dtype.

    Parameters
    ----------
    data : array-like
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2).new_tensor([1, 2])
    tensor([1., 2.])
    """
    return tensor(data, dtype=self.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad,
                  pin_memory=pin_memory)


def _new(name):
    def new(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        return getattr(creation, name)(*size, dtype=self.dtype if dtype is None else dtype, device=device,
                                       requires_grad=requires_grad, layout=layout, pin_memory=pin_memory)
    new.__name__ = f"new_{name}"
    return new


@operation("Tensor")
def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """One value, in this tensor's dtype.

    Parameters
    ----------
    size : int or tuple of ints
        Sizes.
    fill_value : number
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.ones(2).new_full((2,), 5)
    tensor([5., 5.])
    """
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


# What is the same for every tensor, and what is said in one expression: the method, what it gives, an example.
_SELF = "The tensor itself: "
for _name, (_method, _text, _example, _result) in {
        "__dlpack_device__": (lambda self: (1, 0), "(1, 0): main memory.", "x.__dlpack_device__()", "(1, 0)"),
        "nelement": (Tensor.numel, "", "", ""), "ndimension": (Tensor.dim, "", "", ""),
        "resize_as_": (lambda self, the_template, memory_format=None: resize_(self, *the_template.shape),
                       "``resize_`` to the shape of another tensor.", "x.resize_as_(fastnn.ones(1)).shape",
                       "torch.Size([1])"),
        "new_zeros": (_new("zeros"), "Zeros of this tensor's dtype; ``fastnn.zeros``.", "x.new_zeros(2)",
                      "tensor([0., 0.])"),
        "new_ones": (_new("ones"), "Ones of this tensor's dtype; ``fastnn.ones``.", "x.new_ones(2)",
                     "tensor([1., 1.])"),
        "new_empty": (_new("empty"), "Undefined contents in this tensor's dtype; ``fastnn.empty``.",
                      "x.new_empty(2).shape", "torch.Size([2])"),
        "is_complex": (lambda self: self.dtype.is_complex, "Whether the dtype is complex.", "x.is_complex()", "False"),
        "is_conj": (lambda self: False, "False: no tensor is conjugated when it is read.", "x.is_conj()", "False"),
        "is_neg": (lambda self: False, "False: no tensor is negated when it is read.", "x.is_neg()", "False"),
        "is_inference": (lambda self: False, "False: tensors of inference mode are like others.", "x.is_inference()",
                         "False"),
        "is_pinned": (lambda self, device=None: False, "False: there is no other device.", "x.is_pinned()", "False"),
        "is_signed": (lambda self: self.dtype.is_signed, "Whether the dtype has negative numbers.", "x.is_signed()",
                      "True"),
        "is_nonzero": (lambda self: bool(self), "Whether the only element is not 0.", "x[0].is_nonzero()", "True"),
        "get_device": (lambda self: -1, "-1: the CPU.", "x.get_device()", "-1"),
        "pin_memory": (lambda self, device=None: self, f"{_SELF}there is no other device.", "x.pin_memory() is x",
                       "True"),
        "resolve_conj": (lambda self: self, f"{_SELF}no tensor is conjugated when it is read.",
                         "x.resolve_conj() is x", "True"),
        "resolve_neg": (lambda self: self, f"{_SELF}no tensor is negated when it is read.", "x.resolve_neg() is x",
                        "True"),
        "to_dense": (lambda self, dtype=None, *, masked_grad=None: self if dtype is None else self.to(dtype),
                     f"{_SELF}it is no sparse one, which would become dense. It is cast if a dtype is given.",
                     "x.to_dense() is x", "True"),
}.items():
    if _text:
        _options = {"resize_as_": "the_template : Tensor", "is_pinned": "device : optional",
                    "pin_memory": "device : optional", "to_dense": "dtype : dtype, optional"}.get(_name, "")
        if _name.startswith("new_"):
            _options = "*size : int\n    dtype : dtype, optional\n    requires_grad : bool, default False"
        _options = f"    Parameters\n    ----------\n    {_options}\n\n" if _options else ""
        _method.__doc__ = (f"{_text}\n\n{_options}    Examples\n    --------\n    >>> x = fastnn.ones(2)\n"
                           f"    >>> {_example}\n    {_result}\n    ")
    if _name.startswith("is_") or _name == "get_device":
        _method.__annotations__["return"] = int if _name == "get_device" else bool
    operation(f"Tensor.{_name}")(_method)
for _name, _value in {
        "device": lambda self: dtypes.cpu, "layout": lambda self: dtypes.layout("torch.strided"),
        "is_cpu": lambda self: True, "names": lambda self: (None,) * self.ndim,
        "output_nr": lambda self: 0, "nbytes": lambda self: self.detach().numpy().nbytes, "itemsize": element_size,
        "T": lambda self: shape.permute(self, tuple(range(self.ndim))[::-1]),
        "H": lambda self: adjoint_of(shape.t(self)), "mT": lambda self: shape.transpose(self, -2, -1),
        "mH": lambda self: adjoint_of(shape.transpose(self, -2, -1)),
        **dict.fromkeys([f"is_{kind}" for kind in (
            "cuda", "ipu", "maia", "meta", "mkldnn", "mps", "mtia", "nested", "quantized", "sparse", "sparse_csr",
            "vulkan", "xla", "xpu")], lambda self: False)}.items():
    operation(f"Tensor.{_name}")(property(_value))

# Methods and functions of the compiled core, whose docstrings there are their summaries.
_HOOK = "hook : callable\n\nReturns\n-------\nHandle\n    ``remove()`` takes the hook away."
_LEAF = "x = fastnn.ones(2, requires_grad=True)"
for _function, _options, _lines in (
        (is_grad_enabled, "", ("fastnn.is_grad_enabled()", "True")),
        (is_inference_mode_enabled, "", ("fastnn.is_inference_mode_enabled()", "False")),
        (Tensor.requires_grad_, "requires_grad : bool, default True",
         ("fastnn.ones(2).requires_grad_().requires_grad", "True")),
        (Tensor.detach, "", (_LEAF, "x.detach().requires_grad", "False")),
        (Tensor.detach_, "", (_LEAF, "x.detach_().requires_grad", "False")),
        (Tensor.numpy, "force : bool, default False\n    Whether a tensor that requires gradients gives its array too.",
         ("fastnn.tensor([1, 2]).numpy()", "array([1, 2])")),
        (Tensor.backward, "", (_LEAF, "(x * 3).sum().backward()", "x.grad", "tensor([3., 3.])")),
        (Tensor.register_hook, _HOOK,
         (_LEAF, "handle = x.register_hook(lambda grad: grad * 2)", "x.sum().backward()", "x.grad",
          "tensor([2., 2.])")),
        (Tensor.register_post_accumulate_grad_hook, _HOOK,
         (_LEAF, "handle = x.register_post_accumulate_grad_hook(lambda tensor: print(tensor.grad))",
          "x.sum().backward()", "tensor([1., 1.])")),
        (Tensor.retain_grad, "", (_LEAF, "y = x * 3", "y.retain_grad()", "y.sum().backward()", "y.grad",
                                  "tensor([1., 1.])"))):
    _text = f"Parameters\n----------\n{_options}\n\n" if _options else ""
    _examples = "\n".join([f">>> {line}" for line in _lines[:-1]] + [_lines[-1]])
    _function.__doc__ = f"{inspect.getdoc(_function)}\n\n{_text}Examples\n--------\n{_examples}\n"
