"""Activations as modules."""
from fastnn.nn import functional
from fastnn.nn.modules.module import Module, Planned
from fastnn.nn.parameter import Parameter
from fastnn.ops import activation, pointwise, reduce
from fastnn.ops.creation import full


class Activation(Planned):
    """A map of single numbers. `fused` tells Sequential how to do it inside a preceding Linear's kernel."""

    def fused(self):
        """(map, a, b) for the fused kernel, or None if the map's backward needs more than its output."""
        return None


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


class _SilentInPlace(_InPlace):
    """One whose repr says nothing of it, as PyTorch's."""

    def extra_repr(self):
        return ""


class Hardsigmoid(_SilentInPlace):
    """relu6(x + 3) / 6."""

    _function = staticmethod(pointwise.hardsigmoid)


class Hardswish(_SilentInPlace):
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


class _WithOptions(Activation):
    """An activation with options: `_options` names those that its function takes, and `inplace` where it has that."""

    _function = None
    _options = ()

    def __init__(self, *values, inplace=None):
        super().__init__()
        for name, value in zip(self._options, values, strict=True):
            setattr(self, name, value)
        if inplace is not None:
            self.inplace = inplace

    def forward(self, input):
        values = [getattr(self, name) for name in self._options]
        return type(self)._function(input, *values, self.inplace) if "inplace" in self.__dict__ else \
            type(self)._function(input, *values)

    def extra_repr(self):
        shown = [f"{name}={getattr(self, name)!r}" for name in self._options]
        return ", ".join(shown + (["inplace=True"] if getattr(self, "inplace", False) else []))


class LeakyReLU(_WithOptions):
    """x if x > 0, else negative_slope * x."""

    _function, _options = staticmethod(pointwise.leaky_relu), ("negative_slope",)

    def __init__(self, negative_slope=1e-2, inplace=False):
        super().__init__(negative_slope, inplace=inplace)

    def fused(self):
        return ("leaky_relu", float(self.negative_slope), 0.0) if self.negative_slope > 0 else None


class ELU(_WithOptions):
    """x if x > 0, else alpha * (exp(x) - 1)."""

    _function, _options = staticmethod(pointwise.elu), ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(alpha, inplace=inplace)


class CELU(_WithOptions):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""

    _function, _options = staticmethod(pointwise.celu), ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(alpha, inplace=inplace)


class Hardtanh(_WithOptions):
    """x limited to [min_val, max_val]."""

    _function, _options = staticmethod(pointwise.hardtanh), ("min_val", "max_val")

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False):
        if min_val > max_val:
            raise ValueError("min_val cannot be greater than max_val")
        super().__init__(min_val, max_val, inplace=inplace)


class Threshold(_WithOptions):
    """x if x > threshold, else value."""

    _function, _options = staticmethod(pointwise.threshold), ("threshold", "value")

    def __init__(self, threshold, value, inplace=False):
        super().__init__(threshold, value, inplace=inplace)


class RReLU(_WithOptions):
    """x if x > 0, else a x: a uniform of [lower, upper] in training, its mean otherwise (Xu et al. 2015)."""

    _options = ("lower", "upper")

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__(lower, upper, inplace=inplace)

    def forward(self, input):
        return activation.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class GELU(_WithOptions):
    """x times the normal distribution function of x."""

    _function, _options = staticmethod(pointwise.gelu), ("approximate",)

    def __init__(self, approximate="none"):
        super().__init__(approximate)


class Softplus(_WithOptions):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""

    _function, _options = staticmethod(pointwise.softplus), ("beta", "threshold")

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__(beta, threshold)


class Softshrink(_WithOptions):
    """x moved towards 0 by lambd, 0 within it."""

    _function, _options = staticmethod(pointwise.softshrink), ("lambd",)

    def __init__(self, lambd=0.5):
        super().__init__(lambd)

    def extra_repr(self):
        return str(self.lambd)


class Hardshrink(Softshrink):
    """x where |x| > lambd, else 0."""

    _function = staticmethod(pointwise.hardshrink)


class PReLU(Module):
    """x if x > 0, else a learned slope times x; one slope for all channels (dimension 1) or one each."""

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self):
        """The slopes as they were at first."""
        self.weight.data.fill_(self.init)

    def forward(self, input):
        return pointwise.prelu(input, self.weight)

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
        return functional.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`."""

    def forward(self, input):
        return functional.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """softmax(-x) along `dim`."""

    def forward(self, input):
        return functional.softmin(input, self.dim, _stacklevel=5)


class GLU(Module):
    """a * sigmoid(b), where a and b are the halves of the input along `dim`."""

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return pointwise.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over channels, for input (N, C, H, W) or (C, H, W)."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D (got {input.ndim}D input)")
        return reduce.softmax(input, -3)
