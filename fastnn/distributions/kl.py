"""Kullback-Leibler divergences: ``kl_divergence`` and ``register_kl``.

Most pairs are one formula, ``KL(p || q) = E_p[-log q] - H(p)``: a class q says which expectations its ``-log q`` needs
(`_CROSS`), a class p which it knows (`_EXPECTED`). Where p has values outside
of q's support the divergence is infinite.
"""
import math
import warnings

import fastnn
from fastnn.distributions.bernoulli import Bernoulli
from fastnn.distributions.beta import Beta
from fastnn.distributions.binomial import Binomial
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.cauchy import Cauchy
from fastnn.distributions.continuous_bernoulli import ContinuousBernoulli
from fastnn.distributions.dirichlet import Dirichlet
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.exponential import Exponential
from fastnn.distributions.gamma import Gamma
from fastnn.distributions.geometric import Geometric
from fastnn.distributions.gumbel import Gumbel
from fastnn.distributions.half_normal import HalfNormal
from fastnn.distributions.independent import Independent
from fastnn.distributions.laplace import Laplace
from fastnn.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from fastnn.distributions.multivariate_normal import MultivariateNormal, _batch_mahalanobis, _log_diagonal
from fastnn.distributions.normal import Normal
from fastnn.distributions.one_hot_categorical import OneHotCategorical
from fastnn.distributions.pareto import Pareto
from fastnn.distributions.poisson import Poisson
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.uniform import Uniform
from fastnn.distributions.utils import _sum_rightmost, euler_constant
from fastnn.nn import functional as F

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY = {}
_KL_MEMOIZE = {}


def register_kl(type_p, type_q):
    """A decorator that makes ``fun(p, q)`` the divergence of two classes and of their subclasses.

    Parameters
    ----------
    type_p, type_q : type
        Subclasses of `Distribution`.

    Examples
    --------
    >>> from fastnn.distributions import Normal, kl_divergence, register_kl
    >>> class Mine(Normal): pass
    >>> @register_kl(Mine, Mine)
    ... def mine(p, q):
    ...     return fastnn.tensor(0.0)
    >>> kl_divergence(Mine(0.0, 1.0), Mine(1.0, 1.0))
    tensor(0.)
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type):  # any class, as in PyTorch: Pyro registers its own base class
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(fun):
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()
        return fun
    return decorator


def _nearest(pairs):
    """The pair of the most derived first class, and of these of the most derived second."""
    best = pairs[0]
    for pair in pairs[1:]:
        for one, other in zip(pair, best):
            if one is not other:
                best = pair if issubclass(one, other) else best
                break
    return best


def _dispatch_kl(type_p, type_q):
    pairs = [(p, q) for p, q in _KL_REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not pairs:
        return None
    left = _nearest(pairs)
    right = _nearest([(q, p) for p, q in pairs])
    found = _KL_REGISTRY[left]
    if found is not _KL_REGISTRY[right[1], right[0]]:
        warnings.warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl("
                      f"{left[0].__name__}, {right[0].__name__})", RuntimeWarning, stacklevel=3)
    return found


def kl_divergence(p, q):
    """``KL(p || q)``, the expectation under p of ``log p(x) - log q(x)``, for each of the batch.

    Parameters
    ----------
    p, q : Distribution

    Raises
    ------
    NotImplementedError
        For pairs of classes that nobody registered.

    Examples
    --------
    >>> from fastnn.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    kinds = type(p), type(q)
    if kinds not in _KL_MEMOIZE:
        _KL_MEMOIZE[kinds] = _dispatch_kl(*kinds)
    fun = _KL_MEMOIZE[kinds]
    if fun is None:
        raise NotImplementedError("No KL(p || q) is implemented for p type "
                                  f"{type(p).__name__} and q type {type(q).__name__}")
    return fun(p, q)


def _x_log_x(x):
    return fastnn.xlogy(x, x)


def _infinite_where(condition, found):
    return fastnn.where(condition, math.inf, found)


# ---- expectations under p ----

def _uniform_log(p):
    return (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1


def _uniform_log_rest(p):
    return (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / (p.high - p.low) - 1


def _uniform_exp(p, b):
    return b * ((-p.low / b).exp() - (-p.high / b).exp()) / (p.high - p.low)


def _normal_distance(p, m):
    """E|x - m|"""
    d = p.loc - m
    z = d / p.scale
    return math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp() + d * fastnn.erf(math.sqrt(0.5) * z)


def _laplace_distance(p, m):
    d = (p.loc - m).abs()
    return d + p.scale * (-d / p.scale).exp()


def _pareto_moments(p):
    """(mean, variance), infinite where they do not exist"""
    a = p.alpha
    return (_infinite_where(a <= 1, a * p.scale / (a - 1)),
            _infinite_where(a <= 2, a * p.scale.pow(2) / ((a - 1).pow(2) * (a - 2))))


def _moments(p):
    return _pareto_moments(p) if isinstance(p, Pareto) else (p.mean, p.variance)


_EXPECTED = {  # E log x, E log(1 - x), E exp(-x / b), E|x - m|
    "log": {Beta: lambda p: p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma(),
            Gamma: lambda p: p.concentration.digamma() - p.rate.log(),
            Exponential: lambda p: -euler_constant - p.rate.log(),
            Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(), Uniform: _uniform_log},
    "log_rest": {Beta: lambda p: p.concentration0.digamma() - (p.concentration1 + p.concentration0).digamma(),
                 Uniform: _uniform_log_rest},
    "exp": {Exponential: lambda p, b: p.rate / (p.rate + 1 / b),
            Gamma: lambda p, b: (1 + (p.rate * b).reciprocal()).pow(-p.concentration),
            Normal: lambda p, b: (-p.loc / b + 0.5 * (p.scale / b).pow(2)).exp(),
            Gumbel: lambda p, b: (-p.loc / b + (1 + p.scale / b).lgamma()).exp(), Uniform: _uniform_exp},
    "distance": {Normal: _normal_distance, Laplace: _laplace_distance},
}


def _expected(name, p, *args):
    return next(_EXPECTED[name][kind](p, *args) for kind in type(p).__mro__ if kind in _EXPECTED[name])


# ---- E_p[-log q] ----

def _to_beta(p, q):
    a, b = q.concentration1, q.concentration0
    return (a.lgamma() + b.lgamma() - (a + b).lgamma() - (a - 1) * _expected("log", p)
            - (b - 1) * _expected("log_rest", p))


def _to_normal(p, q):
    mean, variance = _moments(p)
    square = 2 * q.scale.pow(2)
    return 0.5 * (math.pi * square).log() + (variance + (mean - q.loc).pow(2)) / square


def _to_gamma(p, q):
    return (q.concentration.lgamma() - q.concentration * q.rate.log() - (q.concentration - 1) * _expected("log", p)
            + q.rate * _moments(p)[0])


def _to_gumbel(p, q):
    return q.scale.log() + (p.mean - q.loc) / q.scale + (q.loc / q.scale).exp() * _expected("exp", p, q.scale)


def _to_pareto(p, q):
    return (q.alpha + 1) * _expected("log", p) - q.alpha.log() - q.alpha * q.scale.log()


_CROSS = {
    Beta: _to_beta, Normal: _to_normal, Gamma: _to_gamma, Gumbel: _to_gumbel, Pareto: _to_pareto,
    Exponential: lambda p, q: q.rate * _moments(p)[0] - q.rate.log(),
    ContinuousBernoulli: lambda p, q: -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm(),
    Uniform: lambda p, q: (q.high - q.low).log(),
    Laplace: lambda p, q: (2 * q.scale).log() + _expected("distance", p, q.loc) / q.scale,
    Poisson: lambda p, q: q.rate - p.probs * q.rate.log(),
}


def _bounds(p):
    """(least, largest) of the support; None where there is no end."""
    if isinstance(p, Uniform):
        return p.low, p.high
    if isinstance(p, (Beta, ContinuousBernoulli)):
        return 0.0, 1.0
    if isinstance(p, Pareto):
        return p.scale, None
    return (0.0, None) if isinstance(p, (Exponential, Gamma, Poisson, Bernoulli)) else (None, None)


def _general(cross):
    def divergence(p, q):
        found = cross(p, q) - p.entropy()
        (low, high), (least, largest) = _bounds(p), _bounds(q)
        if least is not None and not (isinstance(low, float) and isinstance(least, float)):
            found = _infinite_where(fastnn.as_tensor(low < least), found)
        if largest is not None and not (isinstance(high, float) and isinstance(largest, float)):
            found = _infinite_where(fastnn.as_tensor(high > largest), found)
        return found
    return divergence


def _infinite(p, q):
    """A tensor of p's batch, filled with infinity."""
    like = next(value for value in (getattr(p, name) for name in p.arg_constraints) if isinstance(value, fastnn.Tensor))
    return fastnn.full_like(like, math.inf)


for _p, _qs in {Bernoulli: (Poisson,), Beta: (ContinuousBernoulli, Exponential, Gamma, Normal, Uniform),
                ContinuousBernoulli: (Exponential, Normal, Uniform), Exponential: (Gamma, Gumbel, Normal),
                Gamma: (Exponential, Gumbel, Normal), Gumbel: (Normal,), Laplace: (Laplace, Normal),
                Normal: (Gumbel, Laplace), Pareto: (Exponential, Gamma, Normal),
                Uniform: (Uniform, Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Normal, Pareto)}.items():
    for _q in _qs:
        register_kl(_p, _q)(_general(_CROSS[_q]))
for _p, _qs in {Beta: (Pareto,), ContinuousBernoulli: (Pareto,),
                Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
                Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
                Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
                Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
                Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
                Pareto: (Beta, ContinuousBernoulli, Uniform), Poisson: (Bernoulli, Binomial)}.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)


# ---- two of one family ----

@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    one = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    none = (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))
    one = fastnn.where(p.probs == 0, 0.0, _infinite_where(q.probs == 0, one))
    return one + fastnn.where(p.probs == 1, 0.0, _infinite_where(q.probs == 1, none))


@register_kl(Beta, Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return _infinite_where(p.total_count > q.total_count, p.total_count * one)


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    terms = _infinite_where(q.probs == 0, p.probs * (p.logits - q.logits))
    return fastnn.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    return (p.mean * (p.logits - q.logits) + p._cont_bern_log_norm() + (-p.probs).log1p()
            - q._cont_bern_log_norm() - (-q.probs).log1p())


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    return (total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
            + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1))


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    return (b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma()
            + (q.rate - p.rate) * (a / p.rate))


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return (shift - ratio.log() + euler_constant * (ratio - 1) - 1
            + ((1 + ratio).lgamma() - shift).exp())


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    return _infinite_where(p.scale < q.scale, q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1)


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    """Chyzak and Nielsen 2019."""
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    """Bregman's divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError("The cross KL-divergence between different exponential families cannot be computed "
                                  "using Bregman divergences")
    natural = [value.detach().requires_grad_() for value in p._natural_params]
    with fastnn.enable_grad():
        normalizer = p._log_normalizer(*natural)
        slopes = fastnn.autograd.grad(normalizer.sum(), natural, create_graph=True)
    found = q._log_normalizer(*q._natural_params) - normalizer
    for mine, theirs, slope in zip(natural, q._natural_params, slopes):
        found = found - _sum_rightmost((theirs - mine) * slope, len(q.event_shape))
    return found


# ---- multivariate normal ones ----

def _square_sum(x):
    return x.pow(2).sum((-2, -1))


def _same_size(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two (Low Rank) Multivariate Normals with different event shapes "
                         f"cannot be computed ({p.event_shape} and {q.event_shape})")


def _log_det(p):
    return p._log_det if isinstance(p, LowRankMultivariateNormal) else 2 * _log_diagonal(p._unbroadcasted_scale_tril)


def _roots(p):
    """Matrices whose squares make the covariance."""
    if isinstance(p, LowRankMultivariateNormal):
        return p._unbroadcasted_cov_factor, fastnn.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    return (p._unbroadcasted_scale_tril,)


def _multivariate(p, q):
    """``(log det C_q / C_p + trace(C_q^-1 C_p) + distance - K) / 2``"""
    _same_size(p, q)
    off = q.loc - p.loc
    if isinstance(q, LowRankMultivariateNormal):
        distance = q._distance(off)
        part = fastnn.linalg.solve_triangular(q._capacitance_tril, q._scaled_factor, upper=False)
        root = q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1)
        trace = sum(_square_sum(each * root) - _square_sum(part @ each) for each in _roots(p))
    else:
        lower = q._unbroadcasted_scale_tril
        distance = _batch_mahalanobis(lower, off)
        trace = sum(_square_sum(fastnn.linalg.solve_triangular(lower, each, upper=False)) for each in _roots(p))
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_multivariate)


# ---- distributions made of others ----

@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)
