"""Specs of softmax, log-softmax and log-sum-exp."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.reference import softmax_forward
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal


def arrays(rng, dtype):
    for n in SIZES[1:]:
        yield normal(rng, dtype, n), 0
    for shape in ((), (64, 10), (3, 4, 5), (3, 70, 600), (0, 4), (2, 1000)):
        for axis in range(-1, len(shape) or 1):
            yield np.asarray(normal(rng, dtype, *shape, scale=3)), axis
    yield normal(rng, dtype, 30, 20).T, 0
    x = normal(rng, dtype, 6, 40)
    x[0], x[1, 2], x[2, 1], x[3] = -np.inf, -np.inf, np.nan, x[3] * 1e4
    yield x, 1


def forward_samples(log):
    def samples(rng, dtype):
        for x, axis in arrays(rng, dtype):
            yield Sample((x, axis, log), layouts=x.ndim > 0)
    return samples


def backward_samples(log):
    def samples(rng, dtype):
        for x, axis in arrays(rng, dtype):
            if np.isfinite(x).all():
                yield Sample((np.asarray(normal(rng, dtype, *x.shape)), softmax_forward(x, axis, log), axis, log),
                             layouts=x.ndim > 0)
    return samples


def logsumexp_samples(rng, dtype):
    for x, axis in arrays(rng, dtype):
        yield Sample((x, axis), layouts=x.ndim > 0)
        yield Sample((x, axis, True), layouts=x.ndim > 0)


def gradient(log):
    def cases(kernels, rng):
        for shape, axis in (((5, 7), 1), ((4, 3, 6), 1)):
            x, weights = rng.standard_normal((2, *shape))

            def function(x, axis=axis, weights=weights):
                return float((kernels.softmax_forward(x, axis, log) * weights).sum())

            yield GradientCase(f"x {shape}", function, x, kernels.softmax_backward(
                weights, kernels.softmax_forward(x, axis, log), axis, log))
    return cases


def forward_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), 1), {}, IndexError, "softmax: expected an axis from -1 to 0, got 1")
    yield ErrorSample((np.ones(3, int), 0), {}, DTypeError, "got int64")


def backward_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), np.ones(4, dtype), 0), {}, ShapeError,
                      "expected grad of shape (4,), got (3,)")


def logsumexp_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), 1), {}, IndexError, "logsumexp: expected an axis")


def bench(log, backward=False):
    def cases(rng, dtype):
        for shape in ((64, 10), (512, 64), (128, 1000)):
            x = normal(rng, dtype, *shape)
            args = (x, np.exp(x), 1, log) if backward else (x, 1, log)
            yield Bench("x".join(map(str, shape)), args, flops=4 * x.size, bytes=(3 if backward else 2) * x.nbytes)
    return cases


def logsumexp_bench(rng, dtype):
    x = normal(rng, dtype, 128, 1000)
    yield Bench("128x1000", (x, 1), flops=2 * x.size, bytes=x.nbytes)


RTOL = {"float32": 3e-5, "float64": 1e-13}
ATOL = {"float32": 1e-5, "float64": 1e-13}
SPECS = []
for _log in (False, True):
    _variant = "log" if _log else "plain"
    SPECS.append(OpSpec("softmax_forward", forward_samples(_log), variant=_variant, kernels=("softmax_forward",),
                        errors=None if _log else forward_errors, rtol=RTOL, atol=ATOL, oracle="double",
                        gradient=gradient(_log), bench=bench(_log),
                        torch=lambda x, axis, log: x.log_softmax(axis) if log else x.softmax(axis)))
    SPECS.append(OpSpec("softmax_backward", backward_samples(_log), variant=_variant, kernels=("softmax_backward",),
                        errors=None if _log else backward_errors, rtol=RTOL, atol={"float32": 2e-4, "float64": 1e-12},
                        oracle="double", bench=bench(_log, backward=True)))
SPECS.append(OpSpec("logsumexp", logsumexp_samples, kernels=("logsumexp",), errors=logsumexp_errors,
                    rtol=RTOL, atol=ATOL, oracle="double", bench=logsumexp_bench,
                    torch=lambda x, axis, keepdims=False: x.logsumexp(axis, keepdims)))
