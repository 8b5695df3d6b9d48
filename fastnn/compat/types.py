"""``torch.types``: names for annotations."""
from typing import Any
from collections.abc import Sequence

from fastnn._tensor import Tensor  # noqa: F401
from fastnn.dtypes import Size, device, dtype

Number = (int, float, bool)
_Number = int | float | bool
_int, _float, _bool, _dtype, _device, _size = int, float, bool, dtype, device, Size | list | tuple
_qscheme = _layout = _dispatchkey = Any
IntLikeType, FloatLikeType, BoolLikeType = int, float, bool
Device = device | str | int | None
_TensorOrTensors = Tensor | Sequence[Tensor]
_TensorOrTensorsOrGradEdge = _TensorOrTensors
FileLike = Any


class Storage:
    """PyTorch's memory behind tensors; a name here."""
