"""Operations on tensors and symbolic tensors, as ``keras.ops``."""
from fastnn.keras.late import late as _late
from fastnn.keras.naming import name_scope
from fastnn.keras.ops import core as _core
from fastnn.keras.ops import elementwise as _elementwise
from fastnn.keras.ops import image, linalg, nn
from fastnn.keras.ops import reductions as _reductions
from fastnn.keras.ops import shaping as _shaping
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


globals().update(_public(linalg, nn, _core, _elementwise, _reductions, _shaping))
__getattr__, __dir__ = _late(__name__, {
    "ctc": "ctc_decode ctc_loss", "signal": "fft fft2 ifft2 irfft istft rfft stft"}, "image numpy")
