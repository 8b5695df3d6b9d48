"""Specs of dropout."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, special


def arrays(rng, dtype):
    """x and a mask for it."""
    for n in SIZES:
        yield normal(rng, dtype, n), rng.random(n) < 0.7
    yield np.asarray(normal(rng, dtype)), np.asarray(True)
    yield special(dtype), np.arange(special(dtype).size).reshape(special(dtype).shape) % 3 > 0
    for shape in ((3, 5), (3, 5, 7), (70, 2, 3, 3), (0, 3, 4), (3, 4, 0), (1, 1, 1), (300, 8, 40)):
        yield normal(rng, dtype, *shape), rng.random(shape[:2]) < 0.7
    yield normal(rng, dtype, 9, 5, 7), rng.random(9) < 0.7


def samples(rng, dtype):
    for i, (x, mask) in enumerate(arrays(rng, dtype)):
        for alpha in (False, True):
            yield Sample((x, mask, (0.5, 0.1, 0.9)[i % 3], alpha), layouts=x.ndim > 0 and i % 2 == alpha)
    for p, mask in ((0.0, np.ones(100, bool)), (1.0, np.zeros(100, bool)), (1e-12, np.ones(100, bool))):
        yield Sample((normal(rng, dtype, 100), mask, p))
        yield Sample((normal(rng, dtype, 100), mask, p, True))


def errors(dtype):
    mask = np.ones(3, bool)
    yield ErrorSample((np.ones(3, int), mask, 0.5), {}, DTypeError, "got int64")
    yield ErrorSample((np.ones(3, dtype), mask, 1.5), {}, ValueError, "between 0 and 1, but got 1.5")
    yield ErrorSample((np.ones(3, dtype), mask, float("nan")), {}, ValueError, "between 0 and 1, but got nan")
    yield ErrorSample((np.ones(3, dtype), np.ones(3, dtype), 0.5), {}, DTypeError, "expected a bool array as mask")
    yield ErrorSample((np.ones((3, 4, 5), dtype), np.ones((3, 5), bool), 0.5), {}, ShapeError, "got (3, 5)")
    yield ErrorSample((np.ones(3, dtype), np.ones((3, 1), bool), 0.5), {}, ShapeError, "got (3, 1)")


def gradient(kernels, rng):
    for alpha in (False, True):
        for ndim in (3, 2):
            x, weights = rng.standard_normal((2, 4, 5, 3))
            mask = rng.random(x.shape[:ndim]) < 0.6

            def function(x, mask=mask, weights=weights, alpha=alpha):
                return float((kernels.dropout_forward(x, mask, 0.4, alpha) * weights).sum())
            yield GradientCase(f"alpha={alpha}, {mask.shape}", function, x,
                               kernels.dropout_backward(weights, mask, 0.4, alpha))


def bench(rng, dtype):
    for shape in ((64, 128), (64, 4096)):
        x = normal(rng, dtype, *shape)
        yield Bench("x".join(map(str, shape)), (x, x > 0, 0.5), flops=x.size, bytes=2 * x.nbytes + x.size)


SPECS = [
    OpSpec("dropout_forward", samples, kernels=("dropout",), errors=errors, gradient=gradient,
           atol={"float32": 1e-6, "float64": 1e-14}, bench=bench),
    OpSpec("dropout_backward", samples, kernels=("dropout",), errors=errors, bench=bench),
]
