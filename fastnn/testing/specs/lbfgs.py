"""The direction of L-BFGS: histories of no, one and many pairs, vectors of many sizes."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, OpSpec, Sample, normal


def history(rng, dtype, n, count):
    """Pairs as they come up in minimizing a quadratic function with eigenvalues between 1 and 2."""
    grad = normal(rng, dtype, n)
    stps = [normal(rng, dtype, n) for _ in range(count)]
    dirs = [s * (1 + rng.random(n)).astype(dtype) for s in stps]
    ro = np.array([1 / max(float(y @ s), 1e-10) for y, s in zip(dirs, stps, strict=True)])
    return grad, dirs, stps, ro


def samples(rng, dtype):
    for i, n in enumerate(SIZES):
        yield Sample((*history(rng, dtype, n, (0, 1, 2, 5)[i % 4] if n else 0), 0.7))
    yield Sample((*history(rng, dtype, 100, 30),))
    yield Sample((*history(rng, dtype, 8192, 3), 1.0))
    yield Sample((*history(rng, dtype, 0, 0),))


def errors(dtype):
    x, ro = np.ones(3, dtype), np.ones(1)
    yield ErrorSample((np.ones(3, np.int64), [], [], np.ones(0)), {}, DTypeError, "got int64")
    yield ErrorSample((np.ones((3, 1), dtype), [], [], np.ones(0)), {}, ShapeError, "expected grad of shape (n,)")
    yield ErrorSample((x, [x], [], ro), {}, ShapeError, "expected 1 stps")
    yield ErrorSample((x, [x], [x[:2]], ro), {}, ShapeError, "expected stps of shape (3,), got (2,)")
    yield ErrorSample((x, [x], [x], np.ones(2)), {}, ShapeError, "expected ro of shape (1,)")
    yield ErrorSample((x, [x], [x], np.ones(1, np.float32)), {}, DTypeError, "expected ro of dtype float64")
    yield ErrorSample((x, [None], [x], ro), {}, TypeError, "expected an array as dirs, got NoneType")
    yield ErrorSample((3.0, [], [], ro), {}, TypeError, "expected an array as grad, got float")


def bench(rng, dtype):
    for n in (1000, 100_000):
        arguments = history(rng, dtype, n, 10)
        yield Bench(f"{n} x 10", arguments, bytes=40 * n * np.dtype(dtype).itemsize)


SPECS = [OpSpec("lbfgs_direction", samples, kernels=("lbfgs_direction",), errors=errors, bench=bench, oracle="double",
                rtol={"float32": 1e-4, "float64": 1e-12}, atol={"float32": 1e-5, "float64": 1e-13})]
