"""torch.nn.functional: operations of networks as functions of tensors."""
import warnings

from fastnn.ops import pointwise, reduce
from fastnn.ops.arithmetic import mul
from fastnn.ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from fastnn.ops.linear import linear
from fastnn.ops.loss import (binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy,
                             hinge_embedding_loss, huber_loss, kl_div, l1_loss, mse_loss, nll_loss, poisson_nll_loss,
                             smooth_l1_loss, soft_margin_loss)
from fastnn.ops.pointwise import (celu, elu, gelu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid,
                                  mish, relu, relu6, selu, sigmoid, silu, softplus, softshrink, softsign, tanh,
                                  tanhshrink, threshold)
from fastnn.ops.products import cosine_similarity, normalize, pairwise_distance
from fastnn.ops.rearrange import pad

__all__ = [
    "alpha_dropout", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "cosine_similarity",
    "cross_entropy", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu", "feature_alpha_dropout", "gelu",
    "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "kl_div",
    "l1_loss", "leaky_relu", "linear", "log_softmax", "logsigmoid", "mish", "mse_loss", "nll_loss", "normalize",
    "one_hot", "pad", "pairwise_distance", "poisson_nll_loss", "prelu", "relu", "relu6", "relu_", "selu",
    "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "tanh", "tanhshrink", "threshold",
]


def relu_(input):
    """``relu`` in place."""
    return pointwise.relu(input, True)


def _implicit_dim(name, ndim, stacklevel):
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  f"argument.", stacklevel=stacklevel)
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / sum(exp(x)) along `dim`."""
    return reduce.softmax(input, _implicit_dim("softmax", input.ndim, _stacklevel) if dim is None else dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`."""
    dim = _implicit_dim("log_softmax", input.ndim, _stacklevel) if dim is None else dim
    return reduce.log_softmax(input, dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along `dim`."""
    dim = _implicit_dim("softmin", input.ndim, _stacklevel) if dim is None else dim
    return reduce.softmax(pointwise.neg(input), dim, dtype=dtype)


def glu(input, dim=-1):
    """a * sigmoid(b), where a and b are the halves of the input along `dim`."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    a, b = input.chunk(2, dim)
    return mul(a, sigmoid(b))


def prelu(input, weight):
    """x if x > 0, else weight * x; the weight has one element, or one for each channel (dimension 1)."""
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{weight.numel()} and channel size = {channels}.")
        weight = weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    elif weight.ndim != input.ndim:
        weight = weight.reshape((1,) * input.ndim)
    from fastnn.ops.indexing import where
    return where(input > 0, input, mul(weight, input))


def one_hot(tensor, num_classes=-1):
    """A row of zeros with a 1 at each class number, int64."""
    import numpy as np

    from fastnn._tensor import from_array
    classes = tensor.numpy()
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif num_classes < 1 and classes.size == 0 or num_classes == 0:
        raise RuntimeError("num_classes should be positive")
    if classes.size and classes.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return from_array((classes[..., None] == np.arange(num_classes)).astype(np.int64))
