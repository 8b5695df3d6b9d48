"""Parameters of every distribution, for the tests of distributions."""
import numpy as np

rng = np.random.default_rng(0)


def above(*shape):
    return rng.random(shape) + 0.3


def real(*shape):
    return rng.normal(size=shape)


def definite(n):
    root = real(n, n)
    return root @ root.T + n * np.eye(n)


CASES = {
    "Bernoulli": [{"probs": rng.random(3)}, {"logits": real(3)}],
    "Beta": [{"concentration1": 3 * above(2, 3), "concentration0": 2 * above(3)}],
    "Binomial": [{"total_count": 5, "probs": rng.random(3)},
                 {"total_count": np.array([3.0, 8.0, 5.0]), "logits": real(3)}],
    "Categorical": [{"probs": above(2, 4)}, {"logits": real(2, 4)}],
    "Cauchy": [{"loc": real(2, 1), "scale": above(3)}],
    "Chi2": [{"df": 5 * above(3)}],
    "ContinuousBernoulli": [{"probs": np.array([0.1, 0.4999, 0.7])}, {"logits": real(3)}],
    "Dirichlet": [{"concentration": 3 * above(2, 4)}],
    "Exponential": [{"rate": above(3)}],
    "FisherSnedecor": [{"df1": 6 * above(3), "df2": 8 * above(3)}],
    "Gamma": [{"concentration": 4 * above(2, 3), "rate": above(3)}],
    "GeneralizedPareto": [{"loc": real(3), "scale": above(3), "concentration": np.array([-0.3, 0.1, 0.4])}],
    "Geometric": [{"probs": above(3) / 2}, {"logits": real(3)}],
    "Gumbel": [{"loc": real(2, 1), "scale": above(3)}],
    "HalfCauchy": [{"scale": above(3)}],
    "HalfNormal": [{"scale": above(3)}],
    "InverseGamma": [{"concentration": 4 * above(3), "rate": above(3)}],
    "Kumaraswamy": [{"concentration1": 2 * above(3), "concentration0": 2 * above(3)}],
    "LKJCholesky": [{"dim": 3, "concentration": above(2)}],
    "Laplace": [{"loc": real(2, 1), "scale": above(3)}],
    "LogNormal": [{"loc": real(2, 1), "scale": above(3)}],
    "LogisticNormal": [{"loc": real(2, 3), "scale": above(3)}],
    "LowRankMultivariateNormal": [{"loc": real(2, 3), "cov_factor": real(3, 2), "cov_diag": above(3)}],
    "Multinomial": [{"total_count": 6, "probs": above(2, 4)}, {"total_count": 3, "logits": real(3)}],
    "MultivariateNormal": [{"loc": real(2, 3), "covariance_matrix": definite(3)},
                           {"loc": real(3), "precision_matrix": definite(3)},
                           {"loc": real(3), "scale_tril": np.linalg.cholesky(definite(3))}],
    "NegativeBinomial": [{"total_count": 3, "probs": above(3) / 2}, {"total_count": 4 * above(2), "logits": real(2)}],
    "Normal": [{"loc": real(2, 1), "scale": above(3)}],
    "OneHotCategorical": [{"probs": above(2, 4)}, {"logits": real(2, 4)}],
    "OneHotCategoricalStraightThrough": [{"probs": above(2, 4)}],
    "Pareto": [{"scale": above(2, 3), "alpha": 4 * above(2, 3)}],
    "Poisson": [{"rate": 9 * above(2, 3)}],
    "RelaxedBernoulli": [{"temperature": np.array([0.7]), "probs": above(3) / 2},
                         {"temperature": np.array([0.7]), "logits": real(3)}],
    "RelaxedOneHotCategorical": [{"temperature": np.array(0.7), "probs": above(2, 3)},
                                 {"temperature": np.array(0.7), "logits": real(3)}],
    "StudentT": [{"df": 6 * above(2, 3), "loc": real(3), "scale": above(3)}],
    "Uniform": [{"low": real(2, 3), "high": real(2, 3) + 6},
                {"low": 0.8 * rng.random((2, 3)) / 2, "high": above(2, 3) / 2 + 0.3}],
    "VonMises": [{"loc": real(3), "concentration": 5 * above(3)}],
    "Weibull": [{"scale": above(3), "concentration": 3 * above(3)}],
    "Wishart": [{"df": np.array([5.0, 7.0]), "covariance_matrix": definite(3)},
                {"df": np.array(5.0), "scale_tril": np.linalg.cholesky(definite(3))},
                {"df": np.array(5.0), "precision_matrix": definite(3)}],
}
ALL = [(name, i) for name, cases in CASES.items() for i in range(len(cases))]


def made(library, name, i, dtype="float64", requires_grad=False):
    """(distribution of a library, its tensors)"""
    tensors = {key: library.tensor(value.astype(dtype), requires_grad=requires_grad)
               for key, value in CASES[name][i].items() if isinstance(value, np.ndarray)}
    kind = getattr(library.distributions, name)
    return kind(**{**CASES[name][i], **tensors}), list(tensors.values())
