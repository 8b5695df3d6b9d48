"""Operations on tensors and symbolic tensors, as ``keras.ops``."""
from fastnn.keras.lazy import lazy as _late
from fastnn.keras.naming import name_scope
from fastnn.keras.ops import core as _core
from fastnn.keras.ops import creation as _creation
from fastnn.keras.ops import elementwise as _elementwise
from fastnn.keras.ops import indexing as _indexing
from fastnn.keras.ops import joining as _joining
from fastnn.keras.ops import linalg, nn
from fastnn.keras.ops import nan_reductions as _nan_reductions
from fastnn.keras.ops import reductions as _reductions
from fastnn.keras.ops import shapes as _shapes
from fastnn.keras.ops import sorting as _sorting
from fastnn.keras.ops import statistics as _statistics
from fastnn.keras.symbolic import functions as _functions
from fastnn.keras.variables import Variable


def _public(*modules):
    """The functions of modules that are theirs, by name."""
    found = {}
    for module in modules:
        for name, thing in vars(module).items():
            if not name.startswith("_") and callable(thing) and not isinstance(thing, type) \
                    and getattr(thing, "__module__", "").startswith(("fastnn.keras.ops", "fastnn.keras.activations")) \
                    and not getattr(thing, "__module__", "").endswith(".common"):
                found[name] = thing
    return found


_functions.update(_public(linalg, nn, _core, _creation, _elementwise, _indexing, _joining, _nan_reductions, _reductions,
                          _shapes, _sorting, _statistics))
globals().update(_functions)
__getattr__, __dir__ = _late(__name__, {
    "ctc": "ctc_decode ctc_loss", "signal": "fft fft2 ifft2 irfft istft rfft stft"}, "image numpy")
