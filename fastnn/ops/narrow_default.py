"""float16 or bfloat16 as the default dtype.

New tensors are made in it. Operations whose results are of the default dtype are computed in float32 and rounded once,
when they are called from outside: what they are composed of stays as wide. Loaded when such a default is set.
"""
import _thread

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops import overriding

# Functions whose result is of the default dtype, and which compute it: they are called with that dtype.
MADE = frozenset("eye fftfreq linspace logspace normal rand randn rfftfreq".split())


class _State(_thread._local):
    inside = False


state = _State()


def call(function, args, kwargs):
    """The result of a function while the default dtype is narrow."""
    if state.inside:
        return overriding.NOT_HANDED
    name, kind = function.__name__, dtypes.get_default_dtype()
    makes = name in MADE or name == "arange" and any(isinstance(value, float) for value in args)
    if makes and kwargs.get("dtype") is None and kwargs.get("out") is None:
        kwargs = {**kwargs, "dtype": kind}
    state.inside = True
    try:
        made = function(*args, **kwargs)
    finally:
        state.inside = False
    decided = name in ("float", "cfloat") or any(map(_decides, (*args, *kwargs.values())))
    return made if decided else _rounded(made, kind)


def _decides(value):
    """Whether an argument says of which floating-point dtype results are."""
    if isinstance(value, (tuple, list)):
        return any(map(_decides, value))
    if isinstance(value, Tensor):
        return value.dtype.is_floating_point or value.dtype.is_complex
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "fc"
    return isinstance(value, (dtypes.dtype, type, str))


def _rounded(made, kind):
    if isinstance(made, (tuple, list)):
        parts = [_rounded(part, kind) for part in made]
        return type(made)(*parts) if hasattr(made, "_fields") else type(made)(parts)
    if not isinstance(made, Tensor) or made.dtype not in (dtypes.float32, dtypes.complex64):
        return made
    return made.to(kind.to_complex() if made.dtype.is_complex else kind)
