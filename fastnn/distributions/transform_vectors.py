"""Transforms of vectors and matrices, and of the parts of tensors."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.transform_base import Transform, _at_least, _clipped_sigmoid, _Plain
from fastnn.distributions.utils import _sum_rightmost, lazy_property, tril_matrix_to_vec, vec_to_tril_matrix
from fastnn.nn import functional as F


class CorrCholeskyTransform(Transform):
    """Vectors of D (D - 1) / 2 numbers to Cholesky factors of D x D correlation matrices (as in Stan).

    Examples
    --------
    >>> from fastnn.distributions import CorrCholeskyTransform
    >>> CorrCholeskyTransform()(fastnn.zeros(3)).shape
    torch.Size([3, 3])
    """

    domain, codomain, bijective = constraints.real_vector, constraints.corr_cholesky, True

    def _call(self, x):
        eps = fastnn.finfo(x.dtype).eps
        partial = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - partial ** 2).sqrt().cumprod(-1)
        partial = partial + fastnn.eye(partial.shape[-1], dtype=partial.dtype)
        return partial * F.pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        left = F.pad((1 - fastnn.cumsum(y * y, dim=-1))[..., :-1], [1, 0], value=1)
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (partial.log1p() - (-partial).log1p()) / 2

    def log_abs_det_jacobian(self, x, y, intermediates=None):
        """Of the stick-breaking and of tanh."""
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        return 0.5 * left.log().sum(-1) - 2 * (x + F.softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape):
        """(*, D (D - 1) / 2) to (*, D, D)"""
        _at_least(len(shape), 1)
        size = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (size, size)

    def inverse_shape(self, shape):
        """(*, D, D) to (*, D (D - 1) / 2)"""
        _at_least(len(shape), 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return shape[:-2] + (shape[-1] * (shape[-1] - 1) // 2,)


class SoftmaxTransform(_Plain):
    """Vectors to probabilities by the softmax, which is not bijective.

    Examples
    --------
    >>> from fastnn.distributions import SoftmaxTransform
    >>> SoftmaxTransform()(fastnn.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x):
        return F.softmax(x, -1)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        """The same; vectors at least."""
        _at_least(len(shape), 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_Plain):
    """Vectors of K numbers to K + 1 probabilities, each a part of what the earlier ones left.

    Examples
    --------
    >>> from fastnn.distributions import StickBreakingTransform
    >>> StickBreakingTransform()(fastnn.zeros(1))
    tensor([0.5000, 0.5000])
    """

    domain, codomain, bijective = constraints.real_vector, constraints.simplex, True

    @staticmethod
    def _log_rest(count, dtype):
        """log K, log(K - 1), ..., 0: so that zeros are equal parts."""
        return fastnn.arange(count, 0, -1, dtype=dtype).log()

    def _call(self, x):
        part = _clipped_sigmoid(x - self._log_rest(x.shape[-1], x.dtype))
        return F.pad(part, [0, 1], value=1) * F.pad((1 - part).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y):
        front = y[..., :-1]
        rest = (1 - front.cumsum(-1)).clamp(min=fastnn.finfo(y.dtype).tiny)
        return front.log() - rest.log() + self._log_rest(front.shape[-1], y.dtype)

    def log_abs_det_jacobian(self, x, y):
        """``sum of logsigmoid(z) - z + log y`` for the shifted x, z"""
        z = x - self._log_rest(x.shape[-1], x.dtype)
        return (F.logsigmoid(z) - z + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        """(*, K) to (*, K + 1)"""
        _at_least(len(shape), 1)
        return shape[:-1] + (shape[-1] + 1,)

    def inverse_shape(self, shape):
        """(*, K + 1) to (*, K)"""
        _at_least(len(shape), 1)
        return shape[:-1] + (shape[-1] - 1,)


class LowerCholeskyTransform(_Plain):
    """Square matrices to lower triangles with a positive diagonal.

    Examples
    --------
    >>> from fastnn.distributions import LowerCholeskyTransform
    >>> LowerCholeskyTransform()(fastnn.zeros(2, 2)).diagonal()
    tensor([1., 1.])
    """

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Plain):
    """Square matrices to positive definite ones, L L^T of `LowerCholeskyTransform`'s L.

    Examples
    --------
    >>> from fastnn.distributions import PositiveDefiniteTransform
    >>> PositiveDefiniteTransform()(fastnn.zeros(2, 2)).diagonal()
    tensor([1., 1.])
    """

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x):
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(fastnn.linalg.cholesky(y))


class _Parts(Transform):
    """Transforms of the parts of a tensor along one dimension."""

    def _keep(self, tseq, dim, cache_size):
        assert all(isinstance(part, Transform) for part in tseq)
        Transform.__init__(self, cache_size)
        self.transforms = [part.with_cache(cache_size) for part in tseq] if cache_size else list(tseq)
        self.dim = dim

    bijective = property(lambda self: all(part.bijective for part in self.transforms))

    def _split(self, z):
        raise NotImplementedError

    def _call(self, x):
        return self._join([part(each) for part, each in zip(self.transforms, self._split(x))], self.dim)

    def _inverse(self, y):
        return self._join([part.inv(each) for part, each in zip(self.transforms, self._split(y))], self.dim)


class CatTransform(_Parts):
    """Transforms of pieces that lie behind each other along a dimension (``torch.cat``).

    Parameters
    ----------
    tseq : list of Transform
    dim : int
    lengths : list of int, optional
        The pieces' lengths, all 1 by default.
    cache_size : int

    Examples
    --------
    >>> from fastnn.distributions import AbsTransform, CatTransform, ExpTransform
    >>> CatTransform([AbsTransform(), ExpTransform()], 0, [2, 1])(fastnn.tensor([-1.0, 2.0, 0.0]))
    tensor([1., 2., 1.])
    """

    _options = ("transforms", "dim", "lengths")
    _join = staticmethod(fastnn.cat)

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        self._keep(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.transforms)

    @lazy_property
    def event_dim(self):
        """The most of the parts'."""
        return max(part.event_dim for part in self.transforms)

    @lazy_property
    def length(self):
        """The sum of the pieces' lengths."""
        return sum(self.lengths)

    def _split(self, z):
        assert -z.dim() <= self.dim < z.dim()
        assert z.shape[self.dim] == self.length
        return fastnn.split(z, self.lengths, self.dim)

    def log_abs_det_jacobian(self, x, y):
        """The parts', behind each other; their sum where `dim` belongs to an event."""
        found = [_sum_rightmost(part.log_abs_det_jacobian(a, b), self.event_dim - part.event_dim)
                 for part, a, b in zip(self.transforms, self._split(x), self._split(y))]
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + self.event_dim
        return fastnn.cat(found, dim) if dim < 0 else sum(found)

    domain = constraints.dependent_property(lambda self: constraints.cat(
        [part.domain for part in self.transforms], self.dim, self.lengths))
    codomain = constraints.dependent_property(lambda self: constraints.cat(
        [part.codomain for part in self.transforms], self.dim, self.lengths))


class StackTransform(_Parts):
    """Transforms of the slices along a dimension (``torch.stack``).

    Parameters
    ----------
    tseq : list of Transform
    dim : int
    cache_size : int

    Examples
    --------
    >>> from fastnn.distributions import AbsTransform, ExpTransform, StackTransform
    >>> StackTransform([AbsTransform(), ExpTransform()])(fastnn.tensor([-1.0, 0.0]))
    tensor([1., 1.])
    """

    _options = ("transforms", "dim")
    _join = staticmethod(fastnn.stack)

    def __init__(self, tseq, dim=0, cache_size=0):
        self._keep(tseq, dim, cache_size)

    def _split(self, z):
        assert -z.dim() <= self.dim < z.dim()
        assert z.shape[self.dim] == len(self.transforms)
        return z.unbind(self.dim)

    def log_abs_det_jacobian(self, x, y):
        """The parts', stacked."""
        return fastnn.stack([part.log_abs_det_jacobian(a, b) for part, a, b in
                             zip(self.transforms, self._split(x), self._split(y))], self.dim)

    domain = constraints.dependent_property(lambda self: constraints.stack(
        [part.domain for part in self.transforms], self.dim))
    codomain = constraints.dependent_property(lambda self: constraints.stack(
        [part.codomain for part in self.transforms], self.dim))
