"""``torch.types``: names for annotations."""
from typing import Any, Sequence, Union

from fastnn._tensor import Tensor  # noqa: F401
from fastnn.dtypes import Size, device, dtype

Number = (int, float, bool)
_Number = Union[int, float, bool]
_int, _float, _bool, _dtype, _device, _size = int, float, bool, dtype, device, Union[Size, list, tuple]
_qscheme = _layout = _dispatchkey = Any
IntLikeType, FloatLikeType, BoolLikeType = int, float, bool
Device = Union[device, str, int, None]
_TensorOrTensors = Union[Tensor, Sequence[Tensor]]
_TensorOrTensorsOrGradEdge = _TensorOrTensors
FileLike = Any


class Storage:
    """PyTorch's memory behind tensors; a name here."""
