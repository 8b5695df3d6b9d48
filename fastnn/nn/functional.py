"""torch.nn.functional: operations of networks as functions of tensors."""
import functools
import warnings

from fastnn.ops import pointwise
from fastnn.ops import softmax as _softmax
from fastnn.ops.activation import (celu, elu, glu, hardsigmoid, hardswish, hardtanh, leaky_relu, mish, relu, relu6,
                                    selu, sigmoid, silu, softsign, tanhshrink, threshold)
from fastnn.ops.activation_composed import gumbel_softmax, rrelu
from fastnn.ops.adaptive_pool import (adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d,
                                      adaptive_max_pool2d)
from fastnn.ops.attention_composed import multi_head_attention_forward
from fastnn.ops.declare import operation as _operation
from fastnn.ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from fastnn.ops.embedding import embedding, embedding_bag
from fastnn.ops.fold import fold, unfold
from fastnn.ops.functions import public as _public
from fastnn.ops.loss import (binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy,
                             hinge_embedding_loss, huber_loss, kl_div, l1_loss, mse_loss, nll_loss, poisson_nll_loss,
                             smooth_l1_loss, soft_margin_loss)
from fastnn.ops.loss_composed import (cosine_embedding_loss, ctc_loss, gaussian_nll_loss, margin_ranking_loss,
                                      multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss,
                                      triplet_margin_loss, triplet_margin_with_distance_loss)
from fastnn.ops.normalization import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm, rms_norm
from fastnn.ops.norms import normalize
from fastnn.ops.padding import pad
from fastnn.ops.pool import (lp_pool1d, lp_pool2d, max_pool1d, max_pool1d_with_indices, max_pool2d,
                             max_pool2d_with_indices, max_pool3d, max_pool3d_with_indices)
from fastnn.ops.resample import interpolate, upsample, upsample_bilinear, upsample_nearest
from fastnn.ops.trigonometric import tanh
from fastnn.ops.unpool import max_unpool1d, max_unpool2d, max_unpool3d
from fastnn.ops.volumes import adaptive_max_pool3d, adaptive_max_pool3d_with_indices, lp_pool3d


def _in_place(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*args, inplace=True, **kwargs)
    wrapped.__name__, wrapped.__doc__ = function.__name__ + "_", f"``{function.__name__}`` in place."
    return wrapped


celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_ = map(
    _in_place, (celu, elu, hardtanh, leaky_relu, relu, rrelu, selu, threshold))


def _implicit_dim(name, ndim, stacklevel):
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  f"argument.", stacklevel=stacklevel)
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / sum(exp(x)) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it 0 for inputs of 0, 1 or 3 dimensions, else 1, with PyTorch's warning.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.softmax(fastnn.zeros(1, 2), dim=1)
    tensor([[0.5000, 0.5000]])
    """
    dim = _implicit_dim("softmax", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.softmax(input, dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it as in ``softmax``.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.log_softmax(fastnn.zeros(1, 2), dim=1)
    tensor([[-0.6931, -0.6931]])
    """
    dim = _implicit_dim("log_softmax", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.log_softmax(input, dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it as in ``softmax``.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.softmin(fastnn.tensor([[0.0, 1.0]]), dim=1)
    tensor([[0.7311, 0.2689]])
    """
    dim = _implicit_dim("softmin", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.softmax(pointwise.neg(input), dim, dtype=dtype)


_operation("functional")(celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_)
# Behind PyTorch's parser are these; its others are Python functions, whose own names are all.
globals().update(_public("functional"))

__all__ = [name for name in sorted(globals()) if callable(globals()[name]) and not name.startswith("_")]
