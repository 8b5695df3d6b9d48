"""``x += y`` within layers and tapes, as in TensorFlow: x is a new tensor, whoever else holds the old one keeps it."""
from fastnn import _operators
from fastnn.autograd import no_grad
from fastnn.keras import config
from fastnn.keras.layers.base import _state
from fastnn.keras.variables import Variable
from fastnn.ops import arithmetic


def _either(name):
    """With TensorFlow's habits a new tensor: within a layer's call, a step of training or a tape, and for variables and
    watched tensors everywhere, then without recording. In place with PyTorch's, and for other tensors outside."""
    def augmented(x, other):
        # Looked up here, as an export to ONNX replaces them while it records.
        anew, in_place = getattr(arithmetic, name), getattr(arithmetic, f"{name}_")
        within = getattr(_state, "call", None) is not None or getattr(_state, "tapes", 0)
        if not within and not isinstance(x, Variable) and not hasattr(x, "_watched") or config.backend() == "torch":
            return in_place(x, other)
        if within:
            return anew(x, other)
        with no_grad():
            return anew(x, other)
    return augmented


_operators.install(**{f"i{name}": _either(name) for name in ("add", "sub", "mul", "div", "pow")})
