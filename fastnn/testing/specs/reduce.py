"""Specs of reductions."""
import itertools

import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, OpSpec, Sample, normal

SHAPES = [(), (1,), (3, 4), (64, 784), (3, 1, 5, 2, 7), (1000, 10), (5, 0), (0, 5), (5000, 3), (200, 600), (130, 2, 65)]


def reduce_samples(op):
    def samples(rng, dtype):
        def number(*shape):
            x = normal(rng, dtype, *shape)
            return np.asarray(x if op != "prod" else 1 + x / 100, dtype)  # 0-d stays an array; products stay near 1
        for n in (*SIZES, 300_007):
            if n or op not in ("max", "min"):
                yield Sample((op, number(n)))
        for shape in SHAPES:
            for count in range(len(shape) + 1):
                for axes in itertools.combinations(range(len(shape)), count):
                    reduced = [shape[axis] for axis in axes] if axes else shape
                    if op not in ("max", "min") or all(reduced):
                        yield Sample((op, number(*shape), axes, count % 2 == 1), layouts=shape == (3, 4))
        yield Sample((op, number(30, 40).T, 0))
        x = number(5, 40)
        x[1, 3], x[2, 5], x[3, 7] = np.nan, np.inf, -np.inf
        yield Sample((op, x, 1))
        yield Sample((op, x, 0))
    return samples


def arg_samples(op):
    def samples(rng, dtype):
        for n in SIZES[1:]:
            yield Sample((op, normal(rng, dtype, n), 0))
        for shape in ((3, 4), (64, 10), (5, 6, 70), (2, 600, 3)):
            for axis in (None, *range(len(shape))):
                yield Sample((op, np.round(normal(rng, dtype, *shape)), axis, axis == 0))
        x = normal(rng, dtype, 5, 40)
        x[1, 3], x[1, 9], x[2, 5] = np.nan, np.nan, np.inf
        yield Sample((op, x, 1))
        yield Sample((op, x, 0))
    return samples


def sum_to_samples(rng, dtype):
    for shape, target in (((64, 784), (784,)), ((64, 784), (64, 1)), ((64, 784), ()), ((2, 3, 4), (3, 1)),
                          ((0, 3), (3,)), ((5,), (1,)), ((7, 1, 5), (1, 1, 5))):
        yield Sample((normal(rng, dtype, *shape), target))


def cumulate_samples(op):
    def samples(rng, dtype):
        def number(*shape):
            x = normal(rng, dtype, *shape)
            return np.asarray(x if op != "prod" else 1 + x / 100, dtype)
        for n in (*SIZES, 300_007):
            yield Sample((op, number(n), 0))
            yield Sample((op, number(n), 0, True), layouts=False)
        for shape in SHAPES:
            for axis in range(max(len(shape), 1)):
                yield Sample((op, number(*shape), axis, axis % 2 == 0), layouts=shape == (3, 4))
        x = number(5, 40)
        x[1, 3], x[2, 5], x[3, 7] = np.nan, np.inf, -np.inf
        yield Sample((op, x, 1))
        yield Sample((op, x, 0))
    return samples


def cumulate_errors(dtype):
    x = np.ones(3, dtype)
    yield ErrorSample(("sum", x, 1), {}, IndexError, "cumulate: expected an axis from -1 to 0, got 1")
    yield ErrorSample(("sum", np.ones(3, int), 0), {}, DTypeError, "got int64")
    yield ErrorSample(("no such", x, 0), {}, ValueError, "no such")


def reduce_errors(dtype):
    x = np.ones(3, dtype)
    yield ErrorSample(("sum", x, 1), {}, IndexError, "sum: expected an axis from -1 to 0, got 1")
    yield ErrorSample(("sum", x, (0, 0)), {}, ValueError, "twice")
    yield ErrorSample(("sum", np.ones(3, int)), {}, DTypeError, "got int64")
    yield ErrorSample(("no such", x), {}, ValueError, "no such")


def max_errors(dtype):
    yield ErrorSample(("max", np.ones((0, 3), dtype), 0), {}, ShapeError, "at least one element")


def arg_errors(dtype):
    yield ErrorSample(("argmax", np.ones(0, dtype), 0), {}, ShapeError, "at least one element")
    yield ErrorSample(("argmax", np.ones(3, dtype), 2), {}, IndexError, "expected an axis")


def sum_to_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), (4,)), {}, ShapeError, "broadcasts to (3,), got (4,)")


def bench(op):
    def cases(rng, dtype):
        for label, shape, axis in (("6", (2, 3), None), ("columns", (64, 784), 0), ("rows", (64, 784), 1),
                                   ("1e6", (10**6,), 0)):
            x = normal(rng, dtype, *shape)
            yield Bench(label, (op, x, axis), flops=x.size, bytes=x.nbytes)
    return cases


def cumulate_bench(op):
    def cases(rng, dtype):
        for label, shape, axis in (("64", (64,), 0), ("1e6", (10**6,), 0), ("rows", (64, 784), 1),
                                   ("columns", (64, 784), 0)):
            x = np.asarray(1 + normal(rng, dtype, *shape) / 100, dtype)
            yield Bench(label, (op, x, axis), flops=x.size, bytes=2 * x.nbytes)
    return cases


def sum_to_bench(rng, dtype):
    x = normal(rng, dtype, 64, 784)
    yield Bench("bias", (x, (784,)), flops=x.size, bytes=x.nbytes)


ATOL = {"float32": 2e-5, "float64": 2e-13}
RTOL = {"float32": 1e-5, "float64": 1e-13}
SPECS = [OpSpec("reduce", reduce_samples(op), variant=op, kernels=("reduce",),
                errors={"sum": reduce_errors, "max": max_errors}.get(op), rtol=RTOL, atol=ATOL,
                oracle="double", bench=bench(op))
         for op in ("sum", "mean", "prod", "max", "min", "norm")]
SPECS += [OpSpec("argreduce", arg_samples(op), variant=op, kernels=("argreduce",),
                 errors=arg_errors if op == "argmax" else None, rtol=0.0, bench=bench(op))
          for op in ("argmax", "argmin")]
SPECS += [OpSpec("sum_to", sum_to_samples, kernels=("reduce",), errors=sum_to_errors, rtol=RTOL, atol={"float32": 1e-4,
                 "float64": 1e-12}, oracle="double", bench=sum_to_bench)]
SPECS += [OpSpec("cumulate", cumulate_samples(op), variant=op, kernels=("cumulate",),
                 errors=cumulate_errors if op == "sum" else None, rtol=RTOL,
                 atol={"float32": 1e-4, "float64": 1e-12} if op == "sum" else ATOL, oracle="double",
                 bench=cumulate_bench(op))
          for op in ("sum", "prod", "logsumexp")]
