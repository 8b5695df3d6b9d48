"""Specs of the norm of many arrays and their scaling."""
import numpy as np

from fastnn.errors import DTypeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, OpSpec, Sample, normal


def tables(rng, dtype):
    yield []
    yield [normal(rng, dtype, n) for n in SIZES]
    yield [normal(rng, dtype, 3, 5), np.asarray(normal(rng, dtype)), normal(rng, dtype, 0, 2)]
    yield [normal(rng, dtype, 100_003)]
    yield [normal(rng, dtype, 100) for _ in range(200)]
    yield [normal(rng, dtype, 8, 9).T, normal(rng, dtype, 20)[::2]]


def norm_samples(rng, dtype):
    for arrays in tables(rng, dtype):
        for p in (1.0, 2.0, np.inf):
            yield Sample((arrays, p), layouts=False)
    for value in (np.nan, np.inf):
        x = normal(rng, dtype, 5000)
        x[4321] = value
        for p in (1.0, 2.0, np.inf):
            yield Sample(([x, x[:10].copy()], p), layouts=False)


def scale_samples(rng, dtype):
    for arrays in tables(rng, dtype):
        yield Sample((arrays, 0.37), layouts=False)
    yield Sample(([normal(rng, dtype, 10)], np.nan), layouts=False)


def errors(function):
    def cases(dtype):
        other = "float64" if dtype == "float32" else "float32"
        yield ErrorSample(([np.ones(3, int)], 2.0), {}, DTypeError, "got int64")
        yield ErrorSample(([np.ones(3, dtype), np.ones(3, other)], 2.0), {}, DTypeError, "of one dtype")
        yield ErrorSample(([1.0], 2.0), {}, DTypeError, "expected arrays, got float")
        if function == "total_norm":
            yield ErrorSample(([np.ones(3, dtype)], 3.0), {}, ValueError, "expected p = 1, 2 or inf, got 3.0")
    return cases


def bench(rng, dtype):
    for count, n in ((200, 100), (10, 100_000)):
        arrays = [normal(rng, dtype, n) for _ in range(count)]
        yield Bench(f"{count}x{n}", (arrays, 1.0), flops=2 * count * n, bytes=count * arrays[0].nbytes)


SPECS = [
    OpSpec("total_norm", norm_samples, kernels=("total_norm",), errors=errors("total_norm"), bench=bench,
           rtol={"float32": 1e-6, "float64": 1e-13}),
    OpSpec("scale_arrays", scale_samples, kernels=("scale_arrays",), errors=errors("scale_arrays"), bench=bench,
           inplace=(0,)),
]
