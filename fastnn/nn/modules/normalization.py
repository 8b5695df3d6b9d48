"""Normalization within a sample: layer, group, RMS, local response."""
from fastnn.nn import init
from fastnn.nn.functional import group_norm, layer_norm, local_response_norm, rms_norm
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.ops.creation import empty


class _Affine(Module):
    """Weight and bias that start as 1 and 0, or are None."""

    def _make(self, shape, weight, bias, device, dtype):
        for name, wanted in (("weight", weight), ("bias", bias)):
            if wanted is None:
                continue
            if wanted:
                setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self):
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


def _row(normalized_shape):
    return (normalized_shape,) if hasattr(normalized_shape, "__index__") else tuple(normalized_shape)


class LayerNorm(_Affine):
    """Layer normalization: y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimensions.

    var is the biased variance. Same as torch.nn.LayerNorm (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The last sizes of the input.
    eps : float
        Default 1e-5.
    elementwise_affine : bool
        Whether there are weight (initially 1) and bias (0), both of `normalized_shape`; default True.
    bias : bool
        Whether there is a bias too; default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Shape
    -----
    Input (*, *normalized_shape); output alike.

    Raises
    ------
    ShapeError
        The last sizes of the input are others.

    Examples
    --------
    >>> nn.LayerNorm(4)(fastnn.tensor([[1.0, 2.0, 3.0, 4.0]])).detach()
    tensor([[-1.3416, -0.4472,  0.4472,  1.3416]])
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape, self.eps = _row(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input):
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(_Affine):
    """Root mean square normalization: y = x / sqrt(mean(x^2) + eps) * weight over the last dimensions.

    Same as torch.nn.RMSNorm (Zhang & Sennrich 2019).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The last sizes of the input.
    eps : float, optional
        Default the machine epsilon of the input's dtype.
    elementwise_affine : bool
        Whether there is a weight of `normalized_shape`, initially 1; default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Shape
    -----
    Input (*, *normalized_shape); output alike.

    Examples
    --------
    >>> nn.RMSNorm(2)(fastnn.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2000, 1.4000]])
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape, self.eps = _row(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, None, device, dtype)

    def forward(self, x):
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Group normalization: y = (x - mean) / sqrt(var + eps) over a group of channels, * weight + bias for each channel.

    Same as torch.nn.GroupNorm (Wu & He 2018).

    Parameters
    ----------
    num_groups, num_channels : int
        The first divides the second.
    eps : float
        Default 1e-5.
    affine : bool
        Whether there are weight (initially 1) and bias (0), both (num_channels,); default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.
    bias : bool
        Whether there is a bias too; default True.

    Shape
    -----
    Input (N, num_channels, *); output alike.

    Raises
    ------
    ValueError
        `num_groups` does not divide `num_channels`.

    Examples
    --------
    >>> nn.GroupNorm(2, 4)(fastnn.tensor([[1.0, 3.0, 10.0, 50.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *, bias=True):
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input):
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LocalResponseNorm(Module):
    """y = x / (k + alpha * mean of the squares of `size` neighbouring channels)^beta.

    Channels beyond the first and last count as 0. Same as torch.nn.LocalResponseNorm (Krizhevsky, Sutskever & Hinton
    2012).

    Parameters
    ----------
    size : int
        How many channels, this one in the middle.
    alpha, beta, k : float
        Default 1e-4, 0.75 and 1.

    Shape
    -----
    Input (N, C, *); output alike.

    Examples
    --------
    >>> nn.LocalResponseNorm(2, alpha=2.0, beta=1.0, k=0.0)(fastnn.tensor([[[1.0], [2.0]]])).flatten()
    tensor([1.0000, 0.4000])
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(LocalResponseNorm):
    """`LocalResponseNorm` over an odd number of channels: one less than `size` if that is even, and `alpha` / `size`.

    Same as torch.nn.CrossMapLRN2d.

    Parameters
    ----------
    size : int
    alpha, beta, k : float
        Default 1e-4, 0.75 and 1.

    Shape
    -----
    Input (N, C, H, W); output alike.

    Examples
    --------
    >>> nn.CrossMapLRN2d(1, alpha=2.0, beta=1.0, k=0.0)(fastnn.tensor([[[[1.0]], [[2.0]]]])).flatten()
    tensor([0.5000, 0.2500])
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1):
        super().__init__(size, alpha, beta, k)

    def forward(self, input):
        odd = self.size - 1 + self.size % 2
        return local_response_norm(input, odd, self.alpha * odd / self.size, self.beta, self.k)
