"""``torch.FloatTensor`` and its like: constructors of tensors of one dtype, which answer ``isinstance`` too."""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops import creation

_DTYPES = {"FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
           "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8",
           "BoolTensor": "bool"}
__all__ = list(_DTYPES)


class _Typed(type):
    """The class of these classes, which make no instances of their own."""

    def __call__(cls, *arguments):
        """Like ``torch.Tensor(...)``: sizes (undefined contents), or one sequence of values."""
        if len(arguments) == 1 and isinstance(arguments[0], Tensor):
            if arguments[0].dtype is not cls.dtype:
                raise TypeError(f"{cls.__name__}: expected a tensor of {cls.dtype}, got {arguments[0].dtype}")
            return arguments[0].detach()
        if all(isinstance(size, int) for size in arguments):
            return creation.empty(*(arguments or (0,)), dtype=cls.dtype)
        if len(arguments) != 1:
            raise TypeError(f"{cls.__name__}: expected sizes or one sequence of values, got {len(arguments)} arguments")
        if isinstance(arguments[0], dtypes.Size):
            return creation.empty(arguments[0], dtype=cls.dtype)
        return creation.tensor(arguments[0], dtype=cls.dtype)

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and not instance.layout.startswith(
            "torch.sparse")


globals().update({name: _Typed(name, (), {"dtype": getattr(dtypes, kind), "__module__": "fastnn",
                                          "__doc__": f"""Constructor of tensors of {kind}, from sizes or a sequence.

    Examples
    --------
    >>> fastnn.{name}([0, 1]).dtype
    torch.{kind}
    """})
                  for name, kind in _DTYPES.items()})
