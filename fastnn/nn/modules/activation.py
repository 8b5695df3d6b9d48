"""Activations as modules."""
from fastnn.nn.modules import hooks
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.ops import composed, pointwise, reduce


class Activation(Module):
    """A map of single numbers. `fused` tells Sequential how to do it inside a preceding Linear's kernel."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        hooks.structure_changed()  # plans hold the activation's parameters

    def fused(self):
        """(map, a, b) for the fused kernel, or None if the map's backward needs more than its output."""
        return None


def _inplace_repr(module, *parts):
    return ", ".join([part for part in parts if part] + (["inplace=True"] if module.inplace else []))


class _InPlace(Activation):
    """An activation without parameters that can work in place."""

    _function = None
    _map = None

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return type(self)._function(input, self.inplace)

    def fused(self):
        return (self._map, 0.0, 0.0) if self._map else None

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """max(x, 0)."""

    _function, _map = staticmethod(pointwise.relu), "relu"


class ReLU6(_InPlace):
    """min(max(x, 0), 6)."""

    _function, _map = staticmethod(pointwise.relu6), "relu6"


class SELU(_InPlace):
    """Scaled ELU of self-normalising networks (Klambauer et al. 2017)."""

    _function, _map = staticmethod(pointwise.selu), "selu"


class SiLU(_InPlace):
    """x * sigmoid(x)."""

    _function = staticmethod(pointwise.silu)


class Mish(_InPlace):
    """x * tanh(softplus(x))."""

    _function = staticmethod(pointwise.mish)


class Hardsigmoid(_InPlace):
    """relu6(x + 3) / 6."""

    _function = staticmethod(pointwise.hardsigmoid)


class Hardswish(_InPlace):
    """x * relu6(x + 3) / 6."""

    _function = staticmethod(pointwise.hardswish)


class _Plain(Activation):
    """An activation without parameters."""

    _function = None
    _map = None

    def forward(self, input):
        return type(self)._function(input)

    def fused(self):
        return (self._map, 0.0, 0.0) if self._map else None


class Sigmoid(_Plain):
    """1 / (1 + exp(-x))."""

    _function, _map = staticmethod(pointwise.sigmoid), "sigmoid"


class Tanh(_Plain):
    """Hyperbolic tangent."""

    _function, _map = staticmethod(pointwise.tanh), "tanh"


class LogSigmoid(_Plain):
    """log(sigmoid(x))."""

    _function = staticmethod(pointwise.logsigmoid)


class Softsign(_Plain):
    """x / (1 + |x|)."""

    _function = staticmethod(pointwise.softsign)


class Tanhshrink(_Plain):
    """x - tanh(x)."""

    _function = staticmethod(pointwise.tanhshrink)


class Step(_Plain):
    """1 if x > 0, else 0: the perceptron's activation (Rosenblatt 1958); not in PyTorch. Its gradient is 0."""

    _function = staticmethod(pointwise.step)


class LeakyReLU(Activation):
    """x if x > 0, else negative_slope * x."""

    def __init__(self, negative_slope=1e-2, inplace=False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return pointwise.leaky_relu(input, self.negative_slope, self.inplace)

    def fused(self):
        return ("leaky_relu", float(self.negative_slope), 0.0) if self.negative_slope > 0 else None

    def extra_repr(self):
        return _inplace_repr(self, f"negative_slope={self.negative_slope}")


class ELU(Activation):
    """x if x > 0, else alpha * (exp(x) - 1)."""

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return pointwise.elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return _inplace_repr(self, f"alpha={self.alpha}")


class CELU(Activation):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return pointwise.celu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return _inplace_repr(self, f"alpha={self.alpha}")


class Hardtanh(Activation):
    """x limited to [min_val, max_val]."""

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False):
        super().__init__()
        if min_val > max_val:
            raise ValueError("min_val cannot be greater than max_val")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input):
        return pointwise.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return _inplace_repr(self, f"min_val={self.min_val}", f"max_val={self.max_val}")


class Threshold(Activation):
    """x if x > threshold, else value."""

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input):
        return pointwise.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self):
        return _inplace_repr(self, f"threshold={self.threshold}", f"value={self.value}")


class RReLU(Activation):
    """x if x > 0, else a x: a uniform of [lower, upper] in training, its mean otherwise (Xu et al. 2015)."""

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input):
        return composed.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return _inplace_repr(self, f"lower={self.lower}", f"upper={self.upper}")


class GELU(Activation):
    """x times the normal distribution function of x."""

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return pointwise.gelu(input, self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input):
        return pointwise.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(Activation):
    """x moved towards 0 by lambd, 0 within it."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return pointwise.softshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)


class Hardshrink(Activation):
    """x where |x| > lambd, else 0."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return pointwise.hardshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)


class PReLU(Module):
    """x if x > 0, else a learned slope times x; one slope for all channels (dimension 1) or one each."""

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        from fastnn.ops.creation import full
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self):
        """The slopes as they were at first."""
        self.weight.data.fill_(self.init)

    def forward(self, input):
        return composed.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class _AlongDim(Module):
    """An activation that couples the elements along a dimension."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along `dim`."""

    def forward(self, input):
        from fastnn.nn.functional import softmax
        return softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`."""

    def forward(self, input):
        from fastnn.nn.functional import log_softmax
        return log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """softmax(-x) along `dim`."""

    def forward(self, input):
        from fastnn.nn.functional import softmin
        return softmin(input, self.dim, _stacklevel=5)


class GLU(Module):
    """a * sigmoid(b), where a and b are the halves of the input along `dim`."""

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return composed.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over channels, for input (N, C, H, W) or (C, H, W)."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D (got {input.ndim}D input)")
        return reduce.softmax(input, -3)
