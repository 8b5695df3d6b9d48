"""Specs of dropout."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, special

KEY = 0x9e3779b97f4a7c15


def arrays(rng, dtype):
    for n in SIZES:
        yield normal(rng, dtype, n), {}
    yield np.asarray(normal(rng, dtype)), {}
    yield special(dtype), {}
    for shape in ((3, 5), (3, 5, 7), (70, 2, 3, 3), (0, 3, 4), (3, 4, 0), (1, 1, 1), (300, 8, 40)):
        yield normal(rng, dtype, *shape), {"features": True}


def forward_samples(rng, dtype):
    for i, (x, options) in enumerate(arrays(rng, dtype)):
        yield Sample((x, (0.5, 0.1, 0.9)[i % 3], KEY + i), options, layouts=x.ndim > 0)
    for p in (0.0, 1.0, 1e-12):
        yield Sample((normal(rng, dtype, 100), p, KEY))
        yield Sample((normal(rng, dtype, 100), p, KEY), {"alpha": True})
    yield Sample((normal(rng, dtype, 1000), 0.3, 0, False, True))
    yield Sample((normal(rng, dtype, 10, 10, 10), 0.3, 1, True, True))


def backward_samples(rng, dtype):
    for i, (x, options) in enumerate(arrays(rng, dtype)):
        mask = rng.random(x.shape[:2] if options else x.shape) < 0.7
        yield Sample((x, np.asarray(mask), 0.3, bool(i % 2)), layouts=x.ndim > 0)
    yield Sample((normal(rng, dtype, 100), np.zeros(100, bool), 1.0))


def forward_errors(dtype):
    yield ErrorSample((np.ones(3, int), 0.5, 1), {}, DTypeError, "got int64")
    yield ErrorSample((np.ones(3, dtype), 1.5, 1), {}, ValueError, "between 0 and 1, but got 1.5")
    yield ErrorSample((np.ones(3, dtype), float("nan"), 1), {}, ValueError, "between 0 and 1, but got nan")
    yield ErrorSample((np.ones(3, dtype), 0.5, 1, True), {}, ShapeError, "requires at least 2 dimensions")


def backward_errors(dtype):
    yield ErrorSample((np.ones(3, int), np.ones(3, bool), 0.5), {}, DTypeError, "got int64")
    yield ErrorSample((np.ones(3, dtype), np.ones(3, dtype), 0.5), {}, DTypeError, "expected a bool array as mask")
    yield ErrorSample((np.ones((3, 4, 5), dtype), np.ones((3, 5), bool), 0.5), {}, ShapeError, "got (3, 5)")
    yield ErrorSample((np.ones((3, 4), dtype), np.ones(3, bool), 0.5), {}, ShapeError, "got (3,)")


def gradient(kernels, rng):
    for options in ({}, {"alpha": True}, {"features": True}):
        x, weights = rng.standard_normal((2, 4, 5, 3))

        def function(x, weights=weights, options=options):
            return float((kernels.dropout_forward(x, 0.4, KEY, **options)[0] * weights).sum())
        _, mask = kernels.dropout_forward(x, 0.4, KEY, **options)
        yield GradientCase(f"{options}", function, x,
                           kernels.dropout_backward(weights, mask, 0.4, options.get("alpha", False)))


def bench_forward(rng, dtype):
    for shape in ((64, 128), (64, 4096)):
        x = normal(rng, dtype, *shape)
        yield Bench("x".join(map(str, shape)), (x, 0.5, KEY), flops=x.size, bytes=2 * x.nbytes + x.size)


def bench_backward(rng, dtype):
    for shape in ((64, 128), (64, 4096)):
        x = normal(rng, dtype, *shape)
        yield Bench("x".join(map(str, shape)), (x, x > 0, 0.5), flops=x.size, bytes=2 * x.nbytes + x.size)


SPECS = [
    OpSpec("dropout_forward", forward_samples, kernels=("dropout_forward",), errors=forward_errors, gradient=gradient,
           atol={"float32": 1e-6, "float64": 1e-14}, bench=bench_forward),
    OpSpec("dropout_backward", backward_samples, kernels=("dropout_backward",), errors=backward_errors,
           bench=bench_backward),
]
