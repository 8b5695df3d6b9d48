"""Batch normalization in evaluation, taken into the layer before it (``torch.nn.utils.fusion``)."""
import copy

from fastnn.nn.parameter import Parameter
from fastnn.ops import creation

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def _fused(weight, bias, mean, var, eps, gain, shift, shape):
    """weight * s and (bias - mean) * s + shift, s = gain / sqrt(var + eps)."""
    bias = creation.zeros_like(mean) if bias is None else bias
    gain = creation.ones_like(mean) if gain is None else gain
    shift = creation.zeros_like(mean) if shift is None else shift
    scale = gain * (var + eps).rsqrt()
    needs = weight.requires_grad, bias.requires_grad
    made = ((weight * scale.reshape(shape)).to(dtype=weight.dtype),
            ((bias - mean) * scale + shift).to(dtype=bias.dtype))
    return tuple(Parameter(x.detach(), requires_grad=need) for x, need in zip(made, needs))


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False):
    """(weight, bias) of a convolution that gives what it and the normalization behind it give.

    Parameters
    ----------
    conv_w : Tensor
    conv_b : Tensor or None
    bn_rm, bn_rv : Tensor
        Running mean and variance.
    bn_eps : float
    bn_w, bn_b : Tensor or None
    transpose : bool
        Whether the convolution is a transposed one.

    Examples
    --------
    >>> one, zero = fastnn.ones(1), fastnn.zeros(1)
    >>> nn.utils.fusion.fuse_conv_bn_weights(fastnn.ones(1, 1, 1), None, one, 4 * one, 0.0, None, None)
    (Parameter containing:
    tensor([[[0.5000]]]), Parameter containing:
    tensor([-0.5000]))
    """
    shape = [1, -1] if transpose else [-1, 1]
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape + [1] * (conv_w.ndim - 2))


def _layers(name, layer, bn):
    if layer.training or bn.training:
        raise AssertionError(f"{name}: fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"{name}: expected a normalization with running statistics")
    return copy.deepcopy(layer), (bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)


def fuse_conv_bn_eval(conv, bn, transpose=False):
    """A convolution that gives what a convolution and the batch normalization behind it give in evaluation.

    Parameters
    ----------
    conv : Conv1d, Conv2d, ...
    bn : BatchNorm1d, BatchNorm2d, ...
    transpose : bool
        Whether it is a transposed convolution.

    Examples
    --------
    >>> conv, norm = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
    >>> x = fastnn.ones(1, 1, 4, 4)
    >>> fastnn.allclose(nn.utils.fusion.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)))
    True
    """
    made, statistics = _layers("fuse_conv_bn_eval", conv, bn)
    made.weight, made.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics, transpose)
    return made


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """(weight, bias) of a linear layer that gives what it and the normalization behind it give.

    Parameters
    ----------
    linear_w : Tensor
    linear_b : Tensor or None
    bn_rm, bn_rv : Tensor
        Running mean and variance.
    bn_eps : float
    bn_w, bn_b : Tensor or None

    Examples
    --------
    >>> one = fastnn.ones(1)
    >>> weight, bias = nn.utils.fusion.fuse_linear_bn_weights(fastnn.ones(1, 2), one, one, 4 * one, 0.0, one, one)
    >>> weight.tolist(), bias.tolist()
    ([[0.5, 0.5]], [1.0])
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def fuse_linear_bn_eval(linear, bn):
    """A linear layer that gives what a linear layer and the batch normalization behind it give in evaluation.

    Parameters
    ----------
    linear : Linear
    bn : BatchNorm1d

    Examples
    --------
    >>> linear, norm = nn.Linear(3, 2).eval(), nn.BatchNorm1d(2).eval()
    >>> x = fastnn.ones(4, 3)
    >>> fastnn.allclose(nn.utils.fusion.fuse_linear_bn_eval(linear, norm)(x), norm(linear(x)))
    True
    """
    made, statistics = _layers("fuse_linear_bn_eval", linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    made.weight, made.bias = fuse_linear_bn_weights(linear.weight, linear.bias, *statistics)
    return made
