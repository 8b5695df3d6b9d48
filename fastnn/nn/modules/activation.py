"""Activations as modules: smooth ones and those that couple elements; the piecewise ones are imported."""
from fastnn.nn import functional as F
from fastnn.nn.functional import log_softmax, softmax, softmin
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.piecewise import (Activation, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, PReLU,
                                         ReLU, ReLU6, RReLU, Softshrink, Step, Threshold, _InPlace, _Plain,
                                         _WithOptions)

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Activation", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax",
    "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "Step", "Tanh", "Tanhshrink", "Threshold"]


class SELU(_InPlace):
    """Scaled exponential linear unit: scale * (max(0, x) + min(0, alpha * (exp(x) - 1))).

    alpha = 1.6732632423543772 and scale = 1.0507009873554805 keep the mean 0 and the variance 1 from layer to layer
    (Klambauer et al. 2017). Same as torch.nn.SELU; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.SELU()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """

    _function, _map = staticmethod(F.selu), "selu"


class SiLU(_InPlace):
    """Sigmoid linear unit, or swish: x * sigmoid(x) (Elfwing et al. 2017).

    Same as torch.nn.SiLU; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.SiLU()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """

    _function = staticmethod(F.silu)


class Mish(_InPlace):
    """x * tanh(softplus(x)) (Misra 2019).

    Same as torch.nn.Mish; shapes as for `ReLU`.

    Parameters
    ----------
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.Mish()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """

    _function = staticmethod(F.mish)


class Sigmoid(_Plain):
    """Logistic function: 1 / (1 + exp(-x)).

    Same as torch.nn.Sigmoid; shapes as for `ReLU`.

    Examples
    --------
    >>> nn.Sigmoid()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([0.2689, 0.5000, 0.8808])
    """

    _function, _map = staticmethod(F.sigmoid), "sigmoid"


class Tanh(_Plain):
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Same as torch.nn.Tanh; shapes as for `ReLU`.

    Examples
    --------
    >>> nn.Tanh()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.7616,  0.0000,  0.9640])
    """

    _function, _map = staticmethod(F.tanh), "tanh"


class LogSigmoid(_Plain):
    """Logarithm of the sigmoid, log(1 / (1 + exp(-x))), computed without overflow.

    Same as torch.nn.LogSigmoid; shapes as for `ReLU`.

    Examples
    --------
    >>> nn.LogSigmoid()(fastnn.tensor([-200.0, 0.0, 2.0]))
    tensor([-2.0000e+02, -6.9315e-01, -1.2693e-01])
    """

    _function = staticmethod(F.logsigmoid)


class Softsign(_Plain):
    """x / (1 + abs(x)).

    Same as torch.nn.Softsign; shapes as for `ReLU`.

    Examples
    --------
    >>> nn.Softsign()(fastnn.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """

    _function = staticmethod(F.softsign)


class Tanhshrink(_Plain):
    """x - tanh(x).

    Same as torch.nn.Tanhshrink; shapes as for `ReLU`.

    Examples
    --------
    >>> nn.Tanhshrink()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2384,  0.0000,  1.0360])
    """

    _function = staticmethod(F.tanhshrink)


class ELU(_WithOptions):
    """Exponential linear unit: x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015).

    Same as torch.nn.ELU; shapes as for `ReLU`.

    Parameters
    ----------
    alpha : float
        Minus the limit for x towards minus infinity; default 1.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.ELU()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """

    _function, _options = staticmethod(F.elu), ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(alpha, inplace=inplace)


class CELU(_WithOptions):
    """ELU with a continuous derivative: max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) (Barron 2017).

    Same as torch.nn.CELU; shapes as for `ReLU`.

    Parameters
    ----------
    alpha : float
        Minus the limit for x towards minus infinity, not 0; default 1.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Examples
    --------
    >>> nn.CELU(2.0)(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.7869,  0.0000,  2.0000])
    """

    _function, _options = staticmethod(F.celu), ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__(alpha, inplace=inplace)


class GELU(_WithOptions):
    """Gaussian error linear unit: x * Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016).

    Same as torch.nn.GELU; shapes as for `ReLU`.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        "tanh" computes 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Examples
    --------
    >>> nn.GELU()(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    >>> nn.GELU("tanh")(fastnn.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1588,  0.0000,  1.9546])
    """

    _function, _options = staticmethod(F.gelu), ("approximate",)

    def __init__(self, approximate="none"):
        super().__init__(approximate)


class Softplus(_WithOptions):
    """Smooth approximation of ReLU: log(1 + exp(beta * x)) / beta, and x itself where beta * x > threshold.

    Same as torch.nn.Softplus; shapes as for `ReLU`.

    Parameters
    ----------
    beta : float
        Sharpness; default 1.
    threshold : float
        Where the function is taken to be linear; default 20.

    Examples
    --------
    >>> nn.Softplus()(fastnn.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """

    _function, _options = staticmethod(F.softplus), ("beta", "threshold")

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__(beta, threshold)


class _AlongDim(Module):
    """An activation that couples the elements along a dimension."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x_i) / sum_j exp(x_j) along a dimension; the results are positive and sum to 1.

    The largest element is subtracted first, so that nothing overflows. Same as torch.nn.Softmax.

    Parameters
    ----------
    dim : int, optional
        The dimension. Without it the old rule of PyTorch chooses (0 for 0, 1 and 3 dimensions, else 1), with a warning.

    Shape
    -----
    Input of any shape; output alike.

    Examples
    --------
    >>> nn.Softmax(dim=1)(fastnn.tensor([[0.0, 0.0], [1000.0, 0.0]]))
    tensor([[0.5000, 0.5000],
            [1.0000, 0.0000]])
    """

    def forward(self, input):
        return softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """x_i - log(sum_j exp(x_j)) along a dimension, computed without overflow.

    Same as torch.nn.LogSoftmax.

    Parameters
    ----------
    dim : int, optional
        The dimension; see `Softmax`.

    Examples
    --------
    >>> nn.LogSoftmax(dim=0)(fastnn.tensor([0.0, 0.0, 0.0, 0.0]))
    tensor([-1.3863, -1.3863, -1.3863, -1.3863])
    """

    def forward(self, input):
        return log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """softmax(-x) along a dimension.

    Same as torch.nn.Softmin.

    Parameters
    ----------
    dim : int, optional
        The dimension; see `Softmax`.

    Examples
    --------
    >>> nn.Softmin(dim=0)(fastnn.tensor([1.0, 2.0]))
    tensor([0.7311, 0.2689])
    """

    def forward(self, input):
        return softmin(input, self.dim, _stacklevel=5)


class GLU(Module):
    """Gated linear unit: a * sigmoid(b), a and b the halves of the input along a dimension (Dauphin et al. 2016).

    Same as torch.nn.GLU.

    Parameters
    ----------
    dim : int
        The dimension, of even size; default -1.

    Shape
    -----
    Input (*, 2 N, *), output (*, N, *).

    Examples
    --------
    >>> nn.GLU()(fastnn.tensor([[4.0, 2.0, 0.0, 0.0]]))
    tensor([[2., 1.]])
    """

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels of each pixel.

    Same as torch.nn.Softmax2d.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike.

    Raises
    ------
    ValueError
        The input has another number of dimensions.

    Examples
    --------
    >>> nn.Softmax2d()(fastnn.zeros(4, 1, 1)).flatten()
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D (got {input.ndim}D input)")
        return softmax(input, -3)
