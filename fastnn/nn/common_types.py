"""``torch.nn.common_types``: what annotations call sizes of one to six dimensions."""
# ruff: noqa: UP007, UP045 (aliases of variables)
from typing import Optional, TypeVar, Union

from fastnn._tensor import Tensor

T = TypeVar("T")
_scalar_or_tuple_any_t = Union[T, tuple[T, ...]]
_ratio_any_t = _scalar_or_tuple_any_t[float]
_size_any_t = _scalar_or_tuple_any_t[int]
_size_any_opt_t = _scalar_or_tuple_any_t[Optional[int]]
_maybe_indices_t = Union[Tensor, tuple[Tensor, Tensor]]
_scalar_or_tuple_1_t = Union[T, tuple[T]]
for _count in range(2, 7):
    globals()[f"_scalar_or_tuple_{_count}_t"] = Union[T, tuple[(T,) * _count]]
for _count in range(1, 7):
    globals()[f"_size_{_count}_t"] = globals()[f"_scalar_or_tuple_{_count}_t"][int]
    globals()[f"_size_{_count}_opt_t"] = globals()[f"_scalar_or_tuple_{_count}_t"][Optional[int]]
    globals()[f"_ratio_{_count}_t"] = globals()[f"_scalar_or_tuple_{_count}_t"][float]
