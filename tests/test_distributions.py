"""Every distribution beside PyTorch's: densities, moments, draws, gradients, shapes, errors."""
import itertools
import warnings

import fastnn
import numpy as np
import pytest
from distribution_cases import ALL, CASES, made
from fastnn import distributions

scipy = pytest.importorskip("scipy", reason="SciPy is not installed")
pytest.importorskip("scipy.stats")
torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
# PyTorch says so of regular draws of Wishart
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:Singular sample")]

IMPLICIT = ("Beta", "Chi2", "Dirichlet", "FisherSnedecor", "Gamma", "InverseGamma", "StudentT")
# What PyTorch computes wrongly or not at all, and why.
PYTORCHS = {
    ("Kumaraswamy", "mode"): "the logarithm of a negative number: NaN everywhere",
    ("Multinomial", "entropy"): "rounds total_count's part to float32",
    ("Multinomial", "perplexity"): "rounds total_count's part to float32",
    ("GeneralizedPareto", "log_prob"): "compares with a float32 number, and refuses float64",
    ("GeneralizedPareto", "cdf"): "compares with a float32 number, and refuses float64",
    ("Wishart", "sample"): "draws a second time what is not singular",
    ("Wishart", "rsample"): "draws a second time what is not singular",
}


def array(value):
    return value.detach().numpy() if hasattr(value, "detach") else value


def agree(mine, theirs, tolerance, what):
    """The same numbers, shape and dtype, or both refuse."""
    answers = []
    for call in (mine, theirs):
        try:
            answers.append(array(call()))
        except (NotImplementedError, ValueError, AttributeError) as error:
            answers.append(type(error) if not isinstance(error, AttributeError) else NotImplementedError)
    a, b = answers
    if not isinstance(b, np.ndarray) or not isinstance(a, np.ndarray):
        assert a == b, f"{what}: {a} beside {b}"
        return
    assert a.shape == b.shape and a.dtype == b.dtype, f"{what}: {a.shape} {a.dtype} beside {b.shape} {b.dtype}"
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=str(what))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name, i", ALL)
def test_distribution_is_pytorchs(name, i, dtype):
    tolerance = 1e-10 if dtype == "float64" else 1e-5 if name not in ("Wishart", "LKJCholesky") else 1e-4  # of matrices
    mine, theirs = (made(library, name, i, dtype)[0] for library in (fastnn, torch))
    for attribute in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert repr(mine) == repr(theirs)
    assert repr(mine.support).partition("(")[0] == repr(theirs.support).partition("(")[0]
    assert mine.support.event_dim == theirs.support.event_dim and mine.support.is_discrete == theirs.support.is_discrete
    for attribute in ("mean", "variance", "stddev", "mode"):
        if (name, attribute) not in PYTORCHS:
            agree(lambda: getattr(mine, attribute), lambda: getattr(theirs, attribute), tolerance, attribute)
    for attribute in ("entropy", "enumerate_support", "perplexity"):
        if (name, attribute) not in PYTORCHS:
            agree(lambda: getattr(mine, attribute)(), lambda: getattr(theirs, attribute)(), tolerance, attribute)
    torch.manual_seed(2)
    x = theirs.sample((4,))
    p = torch.rand((4, *theirs.batch_shape), dtype=getattr(torch, dtype))
    same = [fastnn.tensor(value.numpy()) for value in (x, p)]
    for attribute in ("log_prob", "cdf"):
        if (name, attribute) not in PYTORCHS or dtype == "float32":
            agree(lambda: getattr(mine, attribute)(same[0]), lambda: getattr(theirs, attribute)(x), tolerance,
                  attribute)
    agree(lambda: mine.icdf(same[1]), lambda: theirs.icdf(p), tolerance, "icdf")
    shape = (6, *theirs.batch_shape)
    larger, their_larger = mine.expand(shape), theirs.expand(shape)
    assert larger.batch_shape == their_larger.batch_shape and larger.event_shape == their_larger.event_shape
    assert larger.sample((2,)).shape == (2, *shape, *mine.event_shape)
    agree(lambda: larger.variance, lambda: their_larger.variance, tolerance, "variance of an expanded one")
    if (name, "log_prob") not in PYTORCHS:
        agree(lambda: larger.log_prob(same[0][0]), lambda: their_larger.log_prob(x[0]), tolerance, "log_prob")


@pytest.mark.parametrize("method", ["sample", "rsample"])
@pytest.mark.parametrize("name, i", ALL)
def test_draws_are_pytorchs(name, i, method):
    """The same numbers after the same seed; in float64 those of rejection, too."""
    if (name, method) in PYTORCHS:
        return
    mine, theirs = (made(library, name, i)[0] for library in (fastnn, torch))
    for shape in ((), (5,), (20, 2)):
        fastnn.manual_seed(1)
        torch.manual_seed(1)
        agree(lambda: getattr(mine, method)(shape), lambda: getattr(theirs, method)(shape), 1e-12, method)


@pytest.mark.parametrize("what", ["log_prob", "entropy", "cdf", "rsample"])
@pytest.mark.parametrize("name, i", ALL)
def test_gradients_are_pytorchs(name, i, what):
    (mine, my_tensors), (theirs, tensors) = (made(library, name, i, requires_grad=True) for library in (fastnn, torch))
    if (name, what) in PYTORCHS or what == "rsample" and not theirs.has_rsample:
        return
    torch.manual_seed(2)
    x = theirs.sample((4,))
    mine_x = fastnn.tensor(x.numpy())
    if not theirs.support.is_discrete and what in ("log_prob", "cdf"):
        tensors, my_tensors = [*tensors, x.requires_grad_()], [*my_tensors, mine_x.requires_grad_()]
    torch.manual_seed(3)
    fastnn.manual_seed(3)
    call = {"entropy": lambda d, x: d.entropy(), "rsample": lambda d, x: d.rsample((5,))}.get(
        what, lambda d, x: getattr(d, what)(x))
    try:
        y = call(theirs, x)
        weights = np.random.default_rng(0).normal(size=tuple(y.shape))
        wanted = torch.autograd.grad((y * torch.tensor(weights)).sum(), tensors, allow_unused=True)
    except (NotImplementedError, RuntimeError):
        return  # PyTorch has none
    found = fastnn.autograd.grad((call(mine, mine_x) * fastnn.tensor(weights)).sum(), my_tensors, allow_unused=True)
    # PyTorch approximates implicit gradients to about 1e-3; tests of fastnn.ops.families have the exact ones
    tolerance = 3e-3 if what == "rsample" and name in IMPLICIT else 1e-9 if what == "entropy" else 1e-10
    for a, b in zip(found, wanted):
        assert (a is None) == (b is None)
        if a is not None:
            if name == "Wishart" and what == "log_prob" and b.ndim == 2 and "scale_tril" in CASES[name][i]:
                b = b.tril()  # PyTorch's cholesky_solve gives a gradient to the zeros above the diagonal
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=tolerance, atol=tolerance)


UNIVARIATE = {
    "Bernoulli": lambda d: scipy.stats.bernoulli(d.probs),
    "Binomial": lambda d: scipy.stats.binom(d.total_count, d.probs),
    "Poisson": lambda d: scipy.stats.poisson(d.rate), "Geometric": lambda d: scipy.stats.geom(d.probs, loc=-1),
    "NegativeBinomial": lambda d: scipy.stats.nbinom(d.total_count, 1 - d.probs),
    "Beta": lambda d: scipy.stats.beta(d.concentration1, d.concentration0),
    "Cauchy": lambda d: scipy.stats.cauchy(d.loc, d.scale), "Chi2": lambda d: scipy.stats.chi2(d.df),
    "Exponential": lambda d: scipy.stats.expon(scale=1 / d.rate),
    "FisherSnedecor": lambda d: scipy.stats.f(d.df1, d.df2),
    "Gamma": lambda d: scipy.stats.gamma(d.concentration, scale=1 / d.rate),
    "GeneralizedPareto": lambda d: scipy.stats.genpareto(d.concentration, d.loc, d.scale),
    "Gumbel": lambda d: scipy.stats.gumbel_r(d.loc, d.scale),
    "HalfCauchy": lambda d: scipy.stats.halfcauchy(scale=d.scale),
    "HalfNormal": lambda d: scipy.stats.halfnorm(scale=d.scale),
    "InverseGamma": lambda d: scipy.stats.invgamma(d.concentration, scale=d.rate),
    "Laplace": lambda d: scipy.stats.laplace(d.loc, d.scale),
    "LogNormal": lambda d: scipy.stats.lognorm(s=d.scale, scale=np.exp(d.loc)),
    "Normal": lambda d: scipy.stats.norm(d.loc, d.scale),
    "Pareto": lambda d: scipy.stats.pareto(d.alpha, scale=d.scale),
    "StudentT": lambda d: scipy.stats.t(d.df, d.loc, d.scale),
    "Uniform": lambda d: scipy.stats.uniform(d.low, d.high - d.low),
    "VonMises": lambda d: scipy.stats.vonmises(d.concentration, d.loc),
    "Weibull": lambda d: scipy.stats.weibull_min(d.concentration, scale=d.scale),
}


class Numbers:
    """A distribution whose attributes are arrays."""

    def __init__(self, distribution):
        self.distribution = distribution

    def __getattr__(self, name):
        return np.asarray(array(getattr(self.distribution, name)))


@pytest.mark.parametrize("name", UNIVARIATE)
def test_draws_follow_the_distribution(name):
    """Kolmogorov's and Smirnov's test of each batch for continuous ones, the chi-squared test for discrete ones."""
    mine = made(fastnn, name, 0)[0]
    known = UNIVARIATE[name](Numbers(mine))
    fastnn.manual_seed(7)
    x = mine.sample((4000,)).numpy()
    if mine.support.is_discrete:
        least = int(min(x.min(), 0))
        values = np.arange(least, int(x.max()) + 1).reshape(-1, *[1] * len(mine.batch_shape))
        wanted = 4000 * np.broadcast_to(known.pmf(values), (len(values), *mine.batch_shape))
        counts = (x[:, None] == values).sum(0)
        for place in np.ndindex(*mine.batch_shape):
            often = wanted[(slice(None), *place)] > 5
            a, b = counts[(often, *place)], wanted[(often, *place)]
            statistic = ((a - b) ** 2 / b).sum()
            assert scipy.stats.chi2.sf(statistic, max(often.sum() - 1, 1)) > 1e-4
        return
    if name == "VonMises":  # SciPy's angles begin half a turn below loc
        x = (x - mine.loc.numpy() + np.pi) % (2 * np.pi) - np.pi + mine.loc.numpy()
    uniform = known.cdf(x)
    for place in np.ndindex(*mine.batch_shape):
        assert scipy.stats.kstest(uniform[(slice(None), *place)], "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name, i", [case for case in ALL if case[0] not in UNIVARIATE])
def test_draws_follow_pytorchs(name, i):
    """The two-sample test of Kolmogorov and Smirnov, of each number of a draw, where SciPy has no such distribution."""
    mine, theirs = (made(library, name, i)[0] for library in (fastnn, torch))
    fastnn.manual_seed(7)
    torch.manual_seed(8)
    x, y = (draws.reshape(2000, -1).T for draws in (mine.sample((2000,)).numpy(), theirs.sample((2000,)).numpy()))
    for a, b in zip(x, y):
        assert scipy.stats.ks_2samp(a, b, method="asymp").pvalue > 1e-4


@pytest.mark.parametrize("name, i", [case for case in ALL if case[0] not in (
    "Cauchy", "HalfCauchy", "LKJCholesky", "LogisticNormal", "Categorical", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "StudentT", "FisherSnedecor", "InverseGamma", "Pareto", "VonMises",
    "GeneralizedPareto", "LogNormal")])
def test_moments_of_draws(name, i):
    mine = made(fastnn, name, i)[0]
    fastnn.manual_seed(5)
    x = mine.sample((4000,))
    deviation = mine.variance.sqrt()
    assert bool(((x.mean(0) - mine.mean).abs() <= 5 * deviation / 4000 ** 0.5 + 1e-6).all())
    assert bool(((x.var(0) - mine.variance).abs() <= 0.25 * mine.variance + 1e-6).all())


def texts(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (compared with PyTorch's)
        call()
    return type(caught.value).__mro__, str(caught.value)


BAD = [
    lambda t, d: d.Normal(0.0, -1.0), lambda t, d: d.Normal(t.tensor([0.0, float("nan")]), 1.0),
    lambda t, d: d.Normal("a", 1.0), lambda t, d: d.Normal(t.zeros(2), t.ones(3)),
    lambda t, d: d.Bernoulli(1.5), lambda t, d: d.Bernoulli(), lambda t, d: d.Bernoulli(0.5, 0.5),
    lambda t, d: d.Bernoulli(0.5).log_prob(t.tensor(0.5)), lambda t, d: d.Uniform(1.0, 0.0),
    lambda t, d: d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0)), lambda t, d: d.Exponential(t.tensor([0.0])),
    lambda t, d: d.Exponential(1.0).log_prob(t.tensor(-1.0)), lambda t, d: d.Gamma(0.0, 1.0),
    lambda t, d: d.Beta(-1.0, 1.0), lambda t, d: d.Poisson(-1.0), lambda t, d: d.Poisson(1.0).log_prob(t.tensor(0.5)),
    lambda t, d: d.Dirichlet(t.tensor(1.0)), lambda t, d: d.Dirichlet(t.tensor([1.0, -1.0])),
    lambda t, d: d.Dirichlet(t.ones(2)).log_prob(t.tensor([0.5, 0.6])), lambda t, d: d.Geometric(0.0),
    lambda t, d: d.Multinomial(t.tensor(3), t.ones(2)), lambda t, d: d.MultivariateNormal(t.zeros(2)),
    lambda t, d: d.MultivariateNormal(t.zeros(2), -t.eye(2)),
    lambda t, d: d.MultivariateNormal(t.tensor(0.0), t.eye(2)),
    lambda t, d: d.MultivariateNormal(t.zeros(2), t.ones(2)), lambda t, d: d.LowRankMultivariateNormal(
        t.zeros(2), t.ones(3, 1), t.ones(2)), lambda t, d: d.Categorical(t.tensor([-1.0, 2.0])),
    lambda t, d: d.Categorical(t.ones(2)).log_prob(t.tensor(2)), lambda t, d: d.Categorical(t.tensor(1.0)),
    lambda t, d: d.OneHotCategorical(t.ones(2)).log_prob(t.tensor([1.0, 1.0])),
    lambda t, d: d.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)), lambda t, d: d.Normal(0.0, 1.0).log_prob(1.0),
    lambda t, d: d.Independent(d.Normal(t.zeros(2), 1.0), 2), lambda t, d: d.MixtureSameFamily(
        d.Categorical(t.ones(2)), d.Normal(t.zeros(3), 1.0)), lambda t, d: d.TransformedDistribution(
        d.Normal(0.0, 1.0), 3), lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()),
    lambda t, d: d.kl_divergence(d.Normal(0.0, 1.0), d.Poisson(1.0)),
    lambda t, d: d.Normal(0.0, 1.0).expand(2).sample(),
    lambda t, d: d.LKJCholesky(1), lambda t, d: d.Wishart(t.tensor(0.5), t.eye(2)),
    lambda t, d: d.ExpTransform(cache_size=2), lambda t, d: d.ReshapeTransform((2,), (3,)),
    lambda t, d: d.biject_to(d.constraints.boolean), lambda t, d: d.biject_to.register(3, None)(3),
    lambda t, d: d.Binomial(t.tensor([1.0, 2.0]), t.tensor([0.5, 0.5])).enumerate_support(),
    lambda t, d: d.Binomial(3, 0.5).log_prob(t.tensor(4.0)), lambda t, d: d.VonMises(0.0, -1.0),
    lambda t, d: d.Weibull(-1.0, 1.0), lambda t, d: d.Pareto(0.0, 1.0), lambda t, d: d.StudentT(0.0),
    lambda t, d: d.Distribution.set_default_validate_args("no"),
]


@pytest.mark.parametrize("i", range(len(BAD)))
def test_errors_are_pytorchs(i):
    """The same class, and the same words up to the class's name and the printed tensor."""
    kind, text = texts(lambda: BAD[i](fastnn, distributions))
    wanted, their_text = texts(lambda: BAD[i](torch, torch.distributions))
    assert wanted[0] in kind, f"{kind[0]}: {text}\nbeside {wanted[0]}: {their_text}"
    if kind[0] is ValueError and their_text:
        assert text.split("\n")[0][:40] == their_text.split("\n")[0][:40]


def outcome(call):
    """None, or the classes of what was raised and how its text begins."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 (compared with PyTorch's)
        text = str(error).split("\n")[0][:40] if isinstance(error, ValueError) else ""
        return [kind.__name__.lstrip("_") for kind in type(error).__mro__], text
    return None


def same_outcome(mine, theirs, what):
    found, wanted = outcome(mine), outcome(theirs)
    assert (found is None) == (wanted is None), f"{what}: {found} beside {wanted}"
    if found is not None:
        assert wanted[0][0] in found[0], f"{what}: {found} beside {wanted}"
        assert found[1] == wanted[1] or "ValueError" not in wanted[0], f"{what}: {found} beside {wanted}"


@pytest.mark.parametrize("name, i", ALL)
def test_validation_is_pytorchs(name, i):
    """Numbers that no parameter, or no value, may be: the same are refused, in the same words."""
    arrays = {key: value for key, value in CASES[name][i].items() if isinstance(value, np.ndarray)}
    for key, bad in itertools.product(arrays, (float("nan"), float("inf"), -1.5, 0.0, 1.0, 2.5)):
        spoilt = arrays[key].copy()
        spoilt.reshape(-1)[0] = bad
        if key in ("cov_factor", "cov_diag", "covariance_matrix", "precision_matrix") and not np.isfinite(bad) \
                or key == "df":
            continue  # Cholesky decompositions fail before the check or not at all; Wishart warns of other numbers
        parts = {**CASES[name][i], **arrays, key: spoilt}
        calls = [lambda library=library: getattr(library.distributions, name)(**{
            key: library.tensor(value) if isinstance(value, np.ndarray) else value for key, value in parts.items()})
            for library in (fastnn, torch)]
        same_outcome(*calls, f"{key} with {bad}")
    if (name, "log_prob") in PYTORCHS:
        return
    mine, theirs = (made(library, name, i)[0] for library in (fastnn, torch))
    shape = tuple(theirs.batch_shape + theirs.event_shape)
    for bad in (float("nan"), -7.25, 0.0, 0.5, 1.0, 1e3):
        value = np.full(shape, bad)
        same_outcome(lambda: mine.log_prob(fastnn.tensor(value)), lambda: theirs.log_prob(torch.tensor(value)), bad)
    for wrong in ((*shape, 7), (7, *shape[1:]) if shape else (7,), (3, *shape)):
        value = np.full(wrong, 0.25)
        same_outcome(lambda: mine.log_prob(fastnn.tensor(value)), lambda: theirs.log_prob(torch.tensor(value)), wrong)


def test_validation_can_be_switched_off():
    assert distributions.Normal(0.0, -1.0, validate_args=False).scale == -1
    distributions.Distribution.set_default_validate_args(False)
    try:
        distributions.Normal(0.0, -1.0)
    finally:
        distributions.Distribution.set_default_validate_args(True)


def test_a_subclass_with_its_own_init_must_expand_itself():
    class Mine(distributions.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)
    with pytest.raises(NotImplementedError, match="custom .expand"):
        Mine(0.0).expand((2,))


def test_names_load_when_asked_for():
    assert set(torch.distributions.__all__) <= set(distributions.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = distributions.Nothing


def test_a_distribution_without_declarations_warns():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        distributions.Distribution()
    assert "arg_constraints" in str(seen[0].message)
