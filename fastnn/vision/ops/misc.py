"""Layers that image models are made of."""
import fastnn
from fastnn import nn


def _tuple(value, length):
    return (value,) * length if isinstance(value, int) else tuple(value)


class ConvNormActivation(nn.Sequential):
    """A convolution, a normalization and an activation.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride : int or tuple of int
    padding : int, tuple of int or str, optional
        Without it, what keeps the size if the stride is 1.
    groups : int
    norm_layer, activation_layer : callable, optional
        None: left out.
    dilation : int or tuple of int
    inplace : bool, optional
        What the activation is told; None: nothing.
    bias : bool, optional
        Default: a bias if there is no normalization.
    conv_layer : callable

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> len(ops.Conv2dNormActivation(3, 8, stride=2))
    3
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, groups=1,
                 norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU, dilation=1, inplace=True, bias=None,
                 conv_layer=nn.Conv2d):
        if padding is None:
            if isinstance(kernel_size, int) and isinstance(dilation, int):
                padding = (kernel_size - 1) // 2 * dilation
            else:
                length = len(dilation if isinstance(kernel_size, int) else kernel_size)
                kernel_size, dilation = _tuple(kernel_size, length), _tuple(dilation, length)
                padding = tuple((k - 1) // 2 * d for k, d in zip(kernel_size, dilation))
        layers = [conv_layer(in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups,
                             bias=norm_layer is None if bias is None else bias)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class Conv2dNormActivation(ConvNormActivation):
    """`ConvNormActivation` of ``nn.Conv2d``."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, groups=1,
                 norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU, dilation=1, inplace=True, bias=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer, activation_layer,
                         dilation, inplace, bias)


class Conv3dNormActivation(ConvNormActivation):
    """`ConvNormActivation` of ``nn.Conv3d``."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, groups=1,
                 norm_layer=nn.BatchNorm3d, activation_layer=nn.ReLU, dilation=1, inplace=True, bias=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer, activation_layer,
                         dilation, inplace, bias, nn.Conv3d)


class SqueezeExcitation(nn.Module):
    """Channels scaled by numbers that a small network makes of their means (Hu et al. 2018).

    Parameters
    ----------
    input_channels, squeeze_channels : int
    activation, scale_activation : callable
        Modules after the first and the second convolution.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.SqueezeExcitation(8, 2)(fastnn.ones(1, 8, 4, 4)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(self, input_channels, squeeze_channels, activation=nn.ReLU, scale_activation=nn.Sigmoid):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def _scale(self, input):
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input)))))

    def forward(self, input):
        return self._scale(input) * input


class MLP(nn.Sequential):
    """Linear layers with normalization, activation and dropout between them.

    Parameters
    ----------
    in_channels : int
    hidden_channels : list of int
        Outputs of each layer; after the last one is a dropout alone.
    norm_layer, activation_layer : callable
    inplace : bool, optional
        What activations and dropouts are told; None: nothing.
    bias : bool
    dropout : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.MLP(4, [8, 2])(fastnn.ones(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(self, in_channels, hidden_channels, norm_layer=None, activation_layer=nn.ReLU, inplace=None, bias=True,
                 dropout=0.0):
        told = {} if inplace is None else {"inplace": inplace}
        layers, last = [], in_channels
        for width in hidden_channels[:-1]:
            layers += [nn.Linear(last, width, bias=bias), *([norm_layer(width)] if norm_layer is not None else []),
                       activation_layer(**told), nn.Dropout(dropout, **told)]
            last = width
        super().__init__(*layers, nn.Linear(last, hidden_channels[-1], bias=bias), nn.Dropout(dropout, **told))


class FrozenBatchNorm2d(nn.Module):
    """Batch normalization whose statistics and weights are buffers that training leaves alone.

    Parameters
    ----------
    num_features : int
    eps : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.FrozenBatchNorm2d(3)
    FrozenBatchNorm2d(3, eps=1e-05)
    """

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            self.register_buffer(name, fastnn.full((num_features,), float(value)))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x):
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def __repr__(self):
        return f"{type(self).__name__}({len(self.weight)}, eps={self.eps})"


class Permute(nn.Module):
    """Dimensions in another order.

    Parameters
    ----------
    dims : list of int

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.Permute([0, 2, 1])(fastnn.ones(1, 2, 3)).shape
    torch.Size([1, 3, 2])
    """

    def __init__(self, dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return x.permute(self.dims)


def stochastic_depth(input, p, mode, training=True):
    """`input`, or zeros with probability `p`; what stays is divided by 1 - p (Huang et al. 2016).

    Parameters
    ----------
    input : Tensor
        (N, ...)
    p : float
    mode : "batch" or "row"
        One decision, or one a row.
    training : bool
        False: `input` itself.

    Raises
    ------
    ValueError
        Another `p` or `mode`.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.stochastic_depth(fastnn.ones(2), 0.5, "row", training=False)
    tensor([1., 1.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0:
        return input
    rows = input.shape[:1] if mode == "row" else (1,)
    kept = fastnn.empty((*rows, *[1] * (input.ndim - 1)), dtype=input.dtype).bernoulli_(1 - p)
    return input * (kept / (1 - p) if p < 1 else kept)


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a module.

    Parameters
    ----------
    p : float
    mode : "batch" or "row"

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.StochasticDepth(0.1, "row")
    StochasticDepth(p=0.1, mode=row)
    """

    def __init__(self, p, mode):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input):
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
