"""Bases of activation modules, and the activations whose formula is piecewise: rectifiers, thresholds, shrinkage."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module, Planned
from fastnn.nn.parameter import Parameter
from fastnn.ops import activation
from fastnn.ops.creation import full


class Activation(Planned):
    """An element-wise map; `fused` describes it to the kernel of a preceding Linear, for Sequential."""

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
    """Rectified linear unit: max(x, 0), element by element.

    Same as torch.nn.ReLU (Nair & Hinton 2010). In a `Sequential`, after a `Linear` or a convolution, it is computed
    inside that layer's kernel.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Shape
    -----
    Input of any shape and floating-point dtype; output alike.

    Examples
    --------
    >>> nn.ReLU()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """

    _function, _map = staticmethod(F.relu), "relu"


class ReLU6(_InPlace):
    """ReLU limited to 6: min(max(x, 0), 6).

    Same as torch.nn.ReLU6; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.ReLU6()(fastnn.tensor([-1.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """

    _function, _map = staticmethod(F.relu6), "relu6"


class _SilentInPlace(_InPlace):
    """One whose repr does not show it, as in PyTorch."""

    def extra_repr(self):
        return ""


class Hardsigmoid(_SilentInPlace):
    """Piecewise linear approximation of the sigmoid: min(max(x + 3, 0), 6) / 6.

    Same as torch.nn.Hardsigmoid; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.Hardsigmoid()(fastnn.tensor([-4.0, 0.0, 1.5, 4.0]))
    tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """

    _function = staticmethod(F.hardsigmoid)


class Hardswish(_SilentInPlace):
    """x * min(max(x + 3, 0), 6) / 6, an approximation of SiLU (Howard et al. 2019).

    Same as torch.nn.Hardswish; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.Hardswish()(fastnn.tensor([-4.0, 0.0, 1.5, 4.0]))
    tensor([-0.0000, 0.0000, 1.1250, 4.0000])
    """

    _function = staticmethod(F.hardswish)


class _Plain(Activation):
    """An activation without parameters."""

    _function = None
    _map = None

    def forward(self, input):
        return type(self)._function(input)

    def fused(self):
        return (self._map, 0.0, 0.0) if self._map else None


class Step(_Plain):
    """Heaviside step: 1 where x > 0, else 0; the activation of the perceptron (Rosenblatt 1958).

    Its gradient is 0 everywhere. Not in PyTorch.

    Examples
    --------
    >>> nn.Step()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 1.])
    """

    _function = staticmethod(activation.step)


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
    """x where x > 0, else negative_slope * x (Maas et al. 2013).

    Same as torch.nn.LeakyReLU; shapes as for `ReLU`.

    Parameters
    ----------
    negative_slope : float
        Factor of negative elements; default 0.01.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.LeakyReLU(0.5)(fastnn.tensor([-2.0, 3.0]))
    tensor([-1.,  3.])
    """

    _function, _options = staticmethod(F.leaky_relu), ("negative_slope",)

    def __init__(self, negative_slope=1e-2, inplace=False):
        super().__init__(negative_slope, inplace=inplace)

    def fused(self):
        return ("leaky_relu", float(self.negative_slope), 0.0) if self.negative_slope > 0 else None


class Hardtanh(_WithOptions):
    """Elements limited to [min_val, max_val]: min(max(x, min_val), max_val).

    Same as torch.nn.Hardtanh; shapes as for `ReLU`.

    Parameters
    ----------
    min_val, max_val : float
        The limits; default -1 and 1.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Raises
    ------
    ValueError
        `min_val` is greater than `max_val`.

    Examples
    --------
    >>> nn.Hardtanh(-2, 2)(fastnn.tensor([-3.0, 1.0, 5.0]))
    tensor([-2.,  1.,  2.])
    """

    _function, _options = staticmethod(F.hardtanh), ("min_val", "max_val")

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False):
        if min_val > max_val:
            raise ValueError("min_val cannot be greater than max_val")
        super().__init__(min_val, max_val, inplace=inplace)


class Threshold(_WithOptions):
    """x where x > threshold, else `value`.

    Same as torch.nn.Threshold; shapes as for `ReLU`.

    Parameters
    ----------
    threshold : float
        Elements up to this number are replaced.
    value : float
        What replaces them.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.Threshold(1, 20)(fastnn.tensor([0.5, 1.0, 3.0]))
    tensor([20., 20.,  3.])
    """

    _function, _options = staticmethod(F.threshold), ("threshold", "value")

    def __init__(self, threshold, value, inplace=False):
        super().__init__(threshold, value, inplace=inplace)


class RReLU(_WithOptions):
    """Leaky ReLU with random slopes: x where x > 0, else a x (Xu et al. 2015).

    In training each negative element has its own slope a, uniform in [lower, upper]; in evaluation a is
    (lower + upper) / 2. Same as torch.nn.RReLU; shapes as for `ReLU`.

    Parameters
    ----------
    lower, upper : float
        Limits of the slopes; default 1/8 and 1/3.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.RReLU(0.25, 0.75).eval()(fastnn.tensor([-2.0, 3.0]))
    tensor([-1.,  3.])
    """

    _options = ("lower", "upper")

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__(lower, upper, inplace=inplace)

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Softshrink(_WithOptions):
    """Soft thresholding: x - lambd where x > lambd, x + lambd where x < -lambd, else 0.

    Same as torch.nn.Softshrink; shapes as for `ReLU`.

    Parameters
    ----------
    lambd : float
        The threshold, at least 0; default 0.5.

    Examples
    --------
    >>> nn.Softshrink()(fastnn.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """

    _function, _options = staticmethod(F.softshrink), ("lambd",)

    def __init__(self, lambd=0.5):
        super().__init__(lambd)

    def extra_repr(self):
        return str(self.lambd)


class Hardshrink(Softshrink):
    """Hard thresholding: x where abs(x) > lambd, else 0.

    Same as torch.nn.Hardshrink; shapes as for `ReLU`.

    Parameters
    ----------
    lambd : float
        The threshold; default 0.5.

    Examples
    --------
    >>> nn.Hardshrink()(fastnn.tensor([-2.0, 0.25, 1.0]))
    tensor([-2.,  0.,  1.])
    """

    _function = staticmethod(F.hardshrink)


class PReLU(Module):
    """Leaky ReLU with learned slopes: x where x > 0, else weight * x (He et al. 2015).

    Same as torch.nn.PReLU.

    Parameters
    ----------
    num_parameters : int
        1 for one slope (the default), or the number of channels for one each.
    init : float
        Initial slope; default 0.25.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight : Parameter, shape (num_parameters,)

    Shape
    -----
    Input (N, C, *), or any shape with one slope; output alike.

    Examples
    --------
    >>> nn.PReLU()(fastnn.tensor([[-4.0, 2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self):
        """Set the slopes to their initial value.

        Examples
        --------
        >>> layer = nn.PReLU()
        >>> layer.reset_parameters()
        >>> layer.weight.item()
        0.25
        """
        self.weight.data.fill_(self.init)

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"
