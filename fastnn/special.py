"""torch.special: names that differ from the top level's, and those that are the same."""
from fastnn.ops import public as _public
from fastnn.ops.pointwise import digamma, erf, exp2, expm1, lgamma, log1p, round, sigmoid
from fastnn.ops.reduce import log_softmax, logsumexp, softmax
from fastnn.ops.special import entr, erfc, erfinv, i0, logit, ndtr, ndtri, sinc, xlog1py, xlogy

expit, gammaln, psi = sigmoid, lgamma, digamma

__all__ = ["digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "log1p",
           "log_softmax", "logit", "logsumexp", "ndtr", "ndtri", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy"]


globals().update(_public({name: globals()[name] for name in __all__}, "fastnn.special", __all__))


def __getattr__(name):
    raise AttributeError(f"module 'fastnn.special' has no attribute {name!r}: this part of torch.special is not "
                         f"implemented")
