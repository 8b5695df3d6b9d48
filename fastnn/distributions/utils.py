"""What distributions share: broadcasting of parameters, probabilities and logits, triangles as vectors."""
import functools
import math
import numbers

import fastnn
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
           "vec_to_tril_matrix"]
euler_constant = 0.57721566490153286061
Number = numbers.Number


def broadcast_all(*values):
    """Tensors and numbers broadcast against each other; numbers take the first tensor's dtype.

    Raises
    ------
    ValueError
        Neither a tensor nor a number.
    """
    if not all(isinstance(value, (fastnn.Tensor, Number)) for value in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                         "__torch_function__.")
    dtype = next((value.dtype for value in values if isinstance(value, fastnn.Tensor)), fastnn.get_default_dtype())
    return fastnn.broadcast_tensors(*(value if isinstance(value, fastnn.Tensor) else fastnn.tensor(value, dtype=dtype)
                                      for value in values))


def batch_of(tensor, *given):
    """The batch's shape: none if all parameters were numbers."""
    return Size() if all(isinstance(value, Number) for value in given) else tensor.shape


def _standard_normal(shape, dtype, device=None):
    return fastnn.empty(shape, dtype=dtype).normal_()


def uniform_of(shape, like):
    """Uniform numbers of [0, 1) in the dtype of `like`."""
    return fastnn.rand(shape, dtype=like.dtype)


def _sum_rightmost(value, dim):
    return value if dim == 0 else value.reshape(value.shape[:-dim] + (-1,)).sum(-1)


def logits_to_probs(logits, is_binary=False):
    """The sigmoid, or the softmax of the last dimension."""
    return fastnn.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs):
    """Probabilities at least the dtype's epsilon away from 0 and 1."""
    eps = fastnn.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """The logarithms of (clamped) probabilities, or of their odds."""
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property:  # noqa: N801 (PyTorch's name)
    """A property that is computed once, and then an attribute of the instance."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with fastnn.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class Odds:
    """Parameters `probs` or `logits`, of which the other is computed when asked for."""

    _binary = True

    def _take(self, probs, logits):
        """Keep the one that is given; the batch's shape."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        value, = broadcast_all(logits if probs is None else probs)
        setattr(self, self._given, value)
        return batch_of(value, logits if probs is None else probs)

    @lazy_property
    def logits(self):
        """The logarithms of the odds, or of the probabilities of categories."""
        return probs_to_logits(self.probs, is_binary=self._binary)

    @lazy_property
    def probs(self):
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=self._binary)

    @property
    def _param(self):
        return self.__dict__[self._given]

    @property
    def param_shape(self):
        """The shape of the parameter."""
        return self._param.shape


def _triangle(n, diag):
    row = fastnn.arange(n)
    return row < row.reshape(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat, diag=0):
    """The lower triangles of matrices, row by row, as vectors."""
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _triangle(n, diag)]


def vec_to_tril_matrix(vec, diag=0):
    """Vectors, row by row, as the lower triangles of square matrices."""
    odd, length = 1 + 2 * diag, vec.shape[-1]
    n = (math.sqrt(odd * odd + 8 * length + 4 * abs(diag) * (diag + 1)) - odd) / 2
    if round(n) - n > fastnn.finfo(vec.dtype).eps:
        raise ValueError(f"The size of last dimension is {length} which cannot be expressed as the lower triangular "
                         "part of a square D x D matrix.")
    n = round(n)
    indices = _triangle(n, diag).reshape(-1).nonzero().squeeze(-1)
    flat = fastnn.zeros(vec.shape[:-1] + (n * n,), dtype=vec.dtype)
    return flat.index_add(-1, indices, vec).reshape(vec.shape[:-1] + (n, n))
