"""Casts, and the types that operations give: ``to``, ``type``, ``float`` ..., ``result_type``."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops import shape
from fastnn.ops._common import promote
from fastnn.ops.creation import promoted_kinds
from fastnn.ops.declare import operation


@operation("fastnn", keywords={"tensor": "tensor1", "scalar1": "tensor1", "other": "tensor2", "x2": "tensor2",
                               "scalar": "tensor2", "scalar2": "tensor2"})
def result_type(tensor1, tensor2) -> dtypes.dtype:
    """The dtype of an operation on two operands, tensors or Python numbers.

    Parameters
    ----------
    tensor1 : Tensor or number
    tensor2 : Tensor or number

    Examples
    --------
    >>> fastnn.result_type(fastnn.tensor([1, 2]), 1.5)
    torch.float32
    """
    return dtypes.from_numpy(promote(tensor1, tensor2))


@operation("fastnn")
def promote_types(type1, type2) -> dtypes.dtype:
    """The smallest dtype that both cast to without loss of category.

    Parameters
    ----------
    type1 : dtype
    type2 : dtype

    Examples
    --------
    >>> fastnn.promote_types(fastnn.int32, fastnn.float64)
    torch.float64
    """
    if type1 is type2:
        return type1
    return dtypes.from_numpy(promoted_kinds(type1.numpy, type2.numpy))


@operation("fastnn")
def can_cast(from_, to) -> bool:
    """Whether PyTorch lets a result of one dtype be written to a tensor of another.

    Parameters
    ----------
    from_ : dtype
    to : dtype

    Examples
    --------
    >>> fastnn.can_cast(fastnn.float32, fastnn.int64)
    False
    """
    return dtypes.can_cast(from_, to)


@operation("fastnn")
def is_floating_point(input) -> bool:
    """Whether the dtype is a floating-point type.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.is_floating_point(fastnn.tensor([1.0]))
    True
    """
    return input.is_floating_point()


@operation("fastnn")
def is_complex(input):
    """Whether the dtype is complex.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.is_complex(fastnn.tensor([1j]))
    True
    """
    return input.dtype.is_complex


@operation("fastnn")
def is_nonzero(input):
    """Whether a tensor of one element is not 0.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        Not one element.

    Examples
    --------
    >>> fastnn.is_nonzero(fastnn.tensor([2.0]))
    True
    """
    if input.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with " + ("no values" if input.numel() == 0 else
                                                              "more than one value") + " is ambiguous")
    return bool(input)


TYPE_NAMES = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int",
              "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
              "complex128": "ComplexDouble", "complex32": "ComplexHalf", "bfloat16": "BFloat16", "uint16": "UInt16",
              "uint32": "UInt32", "uint64": "UInt64",
              **{name: name.capitalize() for name in dtypes.FORMATS if name.startswith("float")}}


@operation("Tensor.type")
def type_(self, dtype=None, non_blocking=False):
    """The type's name, or the tensor cast to a dtype, which may be such a name (``"torch.FloatTensor"``).

    Parameters
    ----------
    dtype : dtype or str, optional
    non_blocking : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.tensor([1.5]).type("torch.LongTensor")
    tensor([1])
    """
    if dtype is None:
        return f"torch.{TYPE_NAMES[self.dtype.name]}Tensor"
    if isinstance(dtype, str) and dtype.startswith("torch."):
        found = [name for name, short in TYPE_NAMES.items() if dtype == f"torch.{short}Tensor"]
        if not found:
            raise ValueError(f"invalid type: {dtype!r}")
        dtype = getattr(dtypes, found[0])
    elif dtype in (float, int, bool, complex):
        raise ValueError(f"invalid type: {dtype.__name__!r}")
    return shape.cast(self, dtype)


@operation("Tensor")
def to(self, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """Cast to a dtype, or to another tensor's; devices other than the CPU raise.

    Parameters
    ----------
    *args : dtype, device or Tensor
        What to cast to; a tensor stands for its dtype.
    dtype : dtype, optional
    copy : bool, default False
        Whether a tensor that has the dtype already is copied.
    memory_format : memory_format, optional
        How the result's dimensions lie in memory: ``contiguous_format``, or, of 4 dimensions, ``channels_last``. The
        tensor itself is returned if it lies so.
    device, non_blocking : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.tensor([1.5, 2.5]).to(fastnn.int64)
    tensor([1, 2])
    """
    flags = [arg for arg in args if isinstance(arg, bool)]  # non_blocking, copy
    copy = flags[1] if len(flags) > 1 else copy
    for arg in args:
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, (dtypes.dtype, np.dtype)) or arg in (float, int, bool, complex):
            dtype = arg
        elif isinstance(arg, bool):
            continue
        elif arg is not None:
            if isinstance(arg, type):
                raise TypeError(f"to(): expected a dtype, a device or a Tensor, got the class {arg.__name__}")
            dtypes.need_cpu(arg)
    dtypes.need_cpu(device)
    made = shape.cast(self, self.dtype if dtype is None else dtype, copy)
    return made if memory_format in (None, "torch.preserve_format") else _laid_out(made, memory_format)


def _laid_out(x, memory_format):
    """The tensor, or a copy of it, in a memory format."""
    if memory_format == "torch.channels_last":
        if x.ndim != 4:
            raise RuntimeError(f"to: expected 4 dimensions for memory_format=channels_last, got {x.ndim}")
        lying = x.permute(0, 2, 3, 1)
        return x if lying.is_contiguous() else lying.contiguous().permute(0, 3, 1, 2)
    return x.contiguous()


def _caster(method, name):
    def cast(self, memory_format=None):
        return shape.cast(self, getattr(dtypes, name))
    cast.__doc__ = f"""Cast to {name}; the tensor itself if it has that dtype.

    Parameters
    ----------
    memory_format : optional
        Without effect.

    Examples
    --------
    >>> fastnn.tensor([1, 0]).{method}().dtype
    torch.{name}
    """
    return cast


for _name, _kind in {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32",
                     "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
                     "cdouble": "complex128", "bfloat16": "bfloat16", "chalf": "complex32"}.items():
    operation(f"Tensor.{_name}")(_caster(_name, _kind))


@operation("Tensor")
def type_as(self, other):
    """Cast to another tensor's dtype.

    Parameters
    ----------
    other : Tensor

    Examples
    --------
    >>> fastnn.tensor([1.5]).type_as(fastnn.tensor([1]))
    tensor([1])
    """
    return shape.cast(self, other.dtype)
