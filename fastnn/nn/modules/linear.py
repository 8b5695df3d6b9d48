"""Fully connected layers, and layers of two inputs."""
import math

from fastnn.nn import init
from fastnn.nn.modules.lazy import LazyModuleMixin
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.utils import check_sizes
from fastnn.nn.parameter import Parameter, UninitializedParameter
from fastnn.ops.products import bilinear
from fastnn.ops.creation import empty
from fastnn.ops.linear import linear


class Identity(Module):
    """Returns its input.

    Same as torch.nn.Identity.

    Parameters
    ----------
    args, kwargs
        Accepted, without effect.

    Examples
    --------
    >>> nn.Identity(54, unused=True)(fastnn.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input


class Linear(Module):
    """Fully connected layer: y = x W^T + b.

    Same as torch.nn.Linear, initial values included.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of one input and one output row.
    bias : bool
        Whether b is added; default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter, shape (out_features,), or None
        Both start uniform in +-1 / sqrt(in_features).

    Shape
    -----
    Input (*, in_features), output (*, out_features), both of the parameters' dtype.

    Raises
    ------
    ShapeError
        The last size of the input is not `in_features`.
    DTypeError
        The input's dtype is not that of the parameters.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> layer(fastnn.zeros(5, 3)).shape
    torch.Size([5, 2])
    >>> with fastnn.no_grad():
    ...     _ = layer.weight.fill_(2), layer.bias.fill_(1)
    >>> layer(fastnn.tensor([1.0, 2.0, 3.0])).tolist()
    [13.0, 13.0]
    """

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values.

        Examples
        --------
        >>> layer = nn.Linear(2, 2)
        >>> layer.reset_parameters()
        """
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """Bilinear map of two inputs: y[o] = x1 W[o] x2 + b[o].

    Same as torch.nn.Bilinear.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        Sizes of a row of the first input, of the second and of the output.
    bias : bool
        Whether b is added; default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in1_features, in2_features)
    bias : Parameter, shape (out_features,), or None
        Both start uniform in +-1 / sqrt(in1_features).

    Shape
    -----
    Inputs (*, in1_features) and (*, in2_features), output (*, out_features).

    Examples
    --------
    >>> nn.Bilinear(3, 4, 2)(fastnn.zeros(5, 3), fastnn.zeros(5, 4)).shape
    torch.Size([5, 2])
    """

    def __init__(self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values.

        Examples
        --------
        >>> layer = nn.Bilinear(2, 2, 1)
        >>> layer.reset_parameters()
        """
        if self.in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={self.in1_features})")
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1, input2):
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self):
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose `in_features` is the last size of its first input; it becomes a `Linear` then.

    Same as torch.nn.LazyLinear.

    Parameters
    ----------
    out_features, bias, device, dtype
        As in `Linear`.

    Examples
    --------
    >>> layer = nn.LazyLinear(2)
    >>> layer(fastnn.zeros(5, 3)).shape
    torch.Size([5, 2])
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become = Linear

    def __init__(self, out_features, bias=True, device=None, dtype=None):
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self):
        """New random weights, once there are weights."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        """Give the weights their shapes and values."""
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:  # the weights were loaded
            if input.shape[-1] != self.weight.shape[-1]:
                raise AssertionError(f"The in_features inferred from input: {input.shape[-1]} is not equal to "
                                     f"in_features from self.weight: {self.weight.shape[-1]}")
            self.in_features = input.shape[-1]
