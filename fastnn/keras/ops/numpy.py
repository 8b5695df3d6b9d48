"""The operations that NumPy has too, as ``keras.ops.numpy``."""
from fastnn.keras.ops import (creation, elementwise, indexing, joining, linalg, nan_reductions, reductions, shapes,
                              sorting, statistics)

_OTHERS = {"erf", "erfc", "erfinv", "rsqrt", "cast", "saturate_cast", "segment_sum", "segment_max", "segment_min",
           "segment_prod", "top_k", "in_top_k", "logsumexp"}
globals().update({
    name: thing for module in (elementwise, nan_reductions, reductions, sorting, statistics, creation, shapes,
                                         joining, indexing) for name, thing in vars(module).items()
    if not name.startswith("_") and callable(thing) and not isinstance(thing, type) and name not in _OTHERS
    and str(getattr(thing, "__module__", "")) == module.__name__})
globals().update({name: getattr(linalg, name) for name in ("correlate", "cross", "dot", "einsum", "inner", "kron",
                                                           "matmul", "outer", "slogdet", "tensordot", "vdot")})
