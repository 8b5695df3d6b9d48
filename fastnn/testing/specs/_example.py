"""How a spec file looks (names with an underscore are not collected): copy, rename, fill in."""
import numpy as np

from fastnn.errors import DTypeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, special


def samples(rng, dtype):
    for n in SIZES:
        yield Sample(("relu", normal(rng, dtype, n)))
    yield Sample(("relu", normal(rng, dtype, 3, 0, 5)))
    yield Sample(("relu", normal(rng, dtype, 5, 7, 11)))
    yield Sample(("relu", special(dtype)))


def errors(dtype):
    yield ErrorSample(("relu", np.ones(3, np.int64)), {}, DTypeError, "expected a float32 or float64 array, got int64")
    yield ErrorSample(("no such map", np.ones(3, dtype)), {}, ValueError, "no such map")


def gradient(kernels, rng):
    x, weights = rng.standard_normal((2, 5, 7))
    x[abs(x) < 0.01] = 0.5  # away from the kink

    def function(x):
        return float((kernels.unary_forward("relu", x) * weights).sum())

    y = kernels.unary_forward("relu", x)
    yield GradientCase("x", function, x, kernels.unary_backward("relu", weights, x, y))


def bench(rng, dtype):
    for n in (64, 100_000):
        x = normal(rng, dtype, n)
        yield Bench(f"{n}", ("relu", x), flops=n, bytes=2 * x.nbytes)


SPECS = [
    OpSpec("unary_forward", samples, variant="relu", kernels=("unary_forward",), errors=errors, rtol=0.0,
           torch=lambda op, x: x.relu(), gradient=gradient, bench=bench),
]
