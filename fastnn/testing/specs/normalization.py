"""Batch, group, layer and RMS normalisation."""
import itertools

import numpy as np

from fastnn import reference
from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, uniform

# (shape, groups); channels last where the shape comes from a transposed array
GROUPED = (((2, 6), 3), ((3, 4, 5), 2), ((2, 6, 7, 9), 3), ((4, 3, 33), 3), ((5, 8, 4, 4), 1), ((1, 2, 70), 2),
           ((0, 4, 3), 2), ((2, 4, 0), 2), ((3, 16, 17, 19), 4), ((70, 6), 2), ((2, 3, 5000), 3))
# (shape, normalised dimensions)
LAYERED = (((3,), 1), ((1, 1), 1), ((2, 7), 1), ((4, 64), 1), ((3, 5, 17), 2), ((0, 8), 1), ((3, 0), 1), ((600, 33), 1),
           ((2, 3, 129), 1), ((2, 9001), 1), ((9, 1), 1))
BATCHED = ((4, 3), (2, 5, 7), (3, 4, 6, 5), (8, 3, 8, 8), (2, 1, 1), (70, 129), (300, 3, 4), (2, 600), (33, 2, 65),
           (2, 3, 5000), (0, 3), (3, 0, 2), (3000, 17), (5, 3, 90, 97), (7, 40, 33), (40, 30, 5, 6))


def offset(rng, dtype, *shape):
    """Numbers far from 0, where a variance from sums of squares would be lost."""
    return normal(rng, dtype, *shape) + np.asarray(3, dtype)


def pair(rng, dtype, *shape):
    return uniform(rng, dtype, *shape, low=0.5, high=2), normal(rng, dtype, *shape)


def group_forward(rng, dtype):
    for shape, groups in GROUPED:
        x, (weight, bias) = offset(rng, dtype, *shape), pair(rng, dtype, shape[1])
        torch = 0 not in shape
        yield Sample((x, groups, weight, bias), torch=torch)
        yield Sample((x, groups), torch=torch, layouts=False)
        yield Sample((x, groups, weight, None, 0.1), torch=torch, layouts=False)
        yield Sample((x, groups, None, bias, 0.1), torch=torch, layouts=False)


def group_backward(rng, dtype):
    for shape, groups in GROUPED:
        x, (weight, bias) = offset(rng, dtype, *shape), pair(rng, dtype, shape[1])
        weight[0] = 0
        with np.errstate(all="ignore"):
            _, mean, rstd = reference.group_norm_forward(x, groups, weight, bias)
        grad = normal(rng, dtype, *shape)
        yield Sample((grad, x, mean, rstd, groups, weight))
        yield Sample((grad, x, mean, rstd, groups), layouts=False)
        for need in ((True, False, False), (False, True, False), (False, False, True)):
            yield Sample((grad, x, mean, rstd, groups, weight, *need), layouts=False)


def layer_forward(rms):
    def samples(rng, dtype):
        for shape, ndim in LAYERED:
            x, (weight, bias) = offset(rng, dtype, *shape), pair(rng, dtype, *shape[len(shape) - ndim:])
            yield Sample((x, ndim, weight, bias, 1e-5, rms))
            yield Sample((x, ndim, None, None, 1e-5, rms), layouts=False)
            yield Sample((x, ndim, weight, None, 0.1, rms), layouts=False)
            yield Sample((x, ndim, None, bias, 0.1, rms), layouts=False)
        x = offset(rng, dtype, 4, 20)
        x[0, 3], x[1, 2], x[2] = np.nan, np.inf, 5
        yield Sample((x, 1, None, None, 1e-5, rms))
    return samples


def layer_backward(rms):
    def samples(rng, dtype):
        for shape, ndim in LAYERED:
            x, (weight, bias) = offset(rng, dtype, *shape), pair(rng, dtype, *shape[len(shape) - ndim:])
            with np.errstate(all="ignore"):
                _, mean, rstd = reference.layer_norm_forward(x, ndim, weight, bias, 1e-5, rms)
            grad = normal(rng, dtype, *shape)
            yield Sample((grad, x, mean, rstd, ndim, weight, True, True, True, rms))
            yield Sample((grad, x, mean, rstd, ndim, None, True, True, True, rms), layouts=False)
            for need in ((True, False, False), (False, True, False), (False, False, True), (True, True, False)):
                yield Sample((grad, x, mean, rstd, ndim, weight, *need, rms), layouts=False)
    return samples


def batch_arrays(rng, dtype):
    for shape in BATCHED:
        yield offset(rng, dtype, *shape)
    for shape in ((2, 5, 3, 4), (3, 40, 41, 7), (2, 3, 150, 50)):
        n, h, w, c = shape
        yield np.ascontiguousarray(offset(rng, dtype, n, h, w, c)).transpose(0, 3, 1, 2)


def batch_forward(rng, dtype):
    for x in batch_arrays(rng, dtype):
        c, torch = x.shape[1], x.size > 0 and x.size > x.shape[1]
        weight, bias = pair(rng, dtype, c)
        var, mean = pair(rng, dtype, c)
        single = x.size == c
        if not single:
            yield Sample((x, weight, bias, mean, var, True, 0.3, 1e-3), torch=torch)
            yield Sample((x, None, bias, None, None), torch=torch, layouts=False)
        yield Sample((x, weight, None, mean, var, False), torch=torch, layouts=False)
        yield Sample((x, None, None, mean, var, False, 0.1, 1e-3), torch=torch, layouts=False)


def batch_backward(rng, dtype):
    for x in batch_arrays(rng, dtype):
        c = x.shape[1]
        weight, _ = pair(rng, dtype, c)
        if c:
            weight[0] = 0
        _, mean, rstd = reference.batch_norm_forward(x)
        grad = normal(rng, dtype, *x.shape)
        yield Sample((grad, x, mean, rstd, weight))
        yield Sample((grad, x, mean, rstd, None, False), layouts=False)
        for need in ((True, False, False), (False, True, False), (False, False, True)):
            yield Sample((grad, x, mean, rstd, weight, True, *need), layouts=False)
            yield Sample((grad, x, mean, rstd, weight, False, *need), layouts=False)


def variance_samples(rng, dtype):
    for shape in ((), (1,), (7,), (64, 33), (3, 4, 5), (2, 3, 70, 5), (0, 4), (4, 0), (100_003,), (5, 3, 9001)):
        for count in range(len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), count):
                x = np.asarray(offset(rng, dtype, *shape))
                yield Sample((x, axes or tuple(range(len(shape))), int(count % 2 == 0), count == 1),
                             layouts=shape == (3, 4, 5))
    x = offset(rng, dtype, 5, 40)
    x[1, 3], x[2, 5] = np.nan, np.inf
    yield Sample((x, (1,)))
    yield Sample((x, (0,), 7))


def group_errors(dtype):
    x = np.ones((2, 6, 3), dtype)
    yield ErrorSample((x[0, 0], 3), {}, ShapeError, "group_norm: expected input (n, c, *), got (3,)")
    yield ErrorSample((x, 4), {}, ShapeError, "group_norm: expected a number of channels divisible by 4, got (2, 6, 3)")
    yield ErrorSample((x, 0), {}, ValueError, "group_norm: expected groups > 0, got 0")
    yield ErrorSample((x, 3, x[0, :5, 0]), {}, ShapeError, "group_norm: expected weight (6,), got (5,)")
    yield ErrorSample((x.astype(int), 3), {}, DTypeError, "group_norm: expected a float32 or float64 array")


def group_backward_errors(dtype):
    x, stats = np.ones((2, 6, 3), dtype), np.ones((2, 3), dtype)
    yield ErrorSample((x[0], x, stats, stats, 3), {}, ShapeError, "group_norm_backward: expected grad (2, 6, 3), got")
    yield ErrorSample((x, x, stats[0], stats, 3), {}, ShapeError, "group_norm_backward: expected mean (6,), got (3,)")


def layer_errors(dtype):
    x = np.ones((2, 6), dtype)
    yield ErrorSample((x, 3), {}, ShapeError, "layer_norm: expected 1 to 2 normalised dimensions for input (2, 6)")
    yield ErrorSample((x, 1, x), {}, ShapeError, "layer_norm: expected weight (6,), got (2, 6)")
    yield ErrorSample((x, 1, x[0], x[0, 1:]), {}, ShapeError, "layer_norm: expected bias (6,), got (5,)")
    yield ErrorSample((x.astype(int), 1), {}, DTypeError, "layer_norm: expected a float32 or float64 array, got int64")


def layer_backward_errors(dtype):
    x, stats = np.ones((2, 6), dtype), np.ones(2, dtype)
    yield ErrorSample((x[:1], x, stats, stats, 1), {}, ShapeError, "layer_norm_backward: expected grad (2, 6), got")
    yield ErrorSample((x, x, stats[:1], stats, 1), {}, ShapeError, "layer_norm_backward: expected mean and rstd of")


def variance_errors(dtype):
    yield ErrorSample((np.ones(3, int), (0,)), {}, DTypeError, "variance: expected a float32 or float64 array")


def variance_bench(rng, dtype):
    for shape, axes in (((64, 784), (0,)), ((64, 784), (1,)), ((1000, 1000), (0, 1))):
        x = normal(rng, dtype, *shape)
        yield Bench(f"{'x'.join(map(str, shape))} {axes}", (x, axes), flops=3 * x.size, bytes=x.nbytes)


def batch_errors(dtype):
    x = np.ones((2, 6), dtype)
    row = x[0].copy()
    yield ErrorSample((row,), {}, ShapeError, "batch_norm: expected input (n, c, *), got (6,)")
    yield ErrorSample((x, row[1:]), {}, ShapeError, "batch_norm: expected weight (6,), got (5,)")
    yield ErrorSample((x, row, row, row, row[1:].copy()), {}, ShapeError, "batch_norm: expected running_var (6,), got")
    yield ErrorSample((x, row, row), {"training": False}, ValueError, "batch_norm: expected running_mean and running")


def batch_backward_errors(dtype):
    x = np.ones((2, 6), dtype)
    yield ErrorSample((x[:1], x, x[0], x[0]), {}, ShapeError, "batch_norm_backward: expected grad (2, 6), got (1, 6)")
    yield ErrorSample((x, x, x[0, 1:], x[0]), {}, ShapeError, "batch_norm_backward: expected mean (6,), got (5,)")


def gradient(forward, backward, shape, weight_shape, *args):
    """The gradients of x, weight and bias; args stand between the arrays of a call and weight."""
    def cases(kernels, rng):
        x, grad = rng.standard_normal((2, *shape))
        weight, bias = rng.standard_normal((2, *weight_shape))
        run, back = getattr(kernels, forward), getattr(kernels, backward)

        def loss(x, weight, bias):
            return float((run(x, *args, weight, bias)[0] * grad).sum())

        _, mean, rstd = run(x, *args, weight, bias)
        dx, dw, db = back(grad, x, mean, rstd, *args, weight)
        yield GradientCase("x", lambda x: loss(x, weight, bias), x, dx)
        yield GradientCase("weight", lambda weight: loss(x, weight, bias), weight, dw)
        yield GradientCase("bias", lambda bias: loss(x, weight, bias), bias, db)
    return cases


def rms_gradient(kernels, rng):
    x, grad = rng.standard_normal((2, 4, 7))
    weight = rng.standard_normal(7)
    _, mean, rstd = kernels.layer_norm_forward(x, 1, weight, None, 1e-5, True)
    dx, dw, _ = kernels.layer_norm_backward(grad, x, mean, rstd, 1, weight, True, True, False, True)

    def loss(x, weight):
        return float((kernels.layer_norm_forward(x, 1, weight, None, 1e-5, True)[0] * grad).sum())

    yield GradientCase("x", lambda x: loss(x, weight), x, dx)
    yield GradientCase("weight", lambda weight: loss(x, weight), weight, dw)


def bench(op, cases, args_of, backward):
    def benches(rng, dtype):
        for shape in cases:
            x = normal(rng, dtype, *shape)
            weight = np.ones(shape[-1] if op == "layer_norm" else shape[1], dtype)
            middle = args_of(shape)
            args = (x, *middle, weight, weight)
            if backward:
                _, mean, rstd = getattr(reference, f"{op}_forward")(*args)
                args = (x, x, mean, rstd, *middle, weight)
            yield Bench("x".join(map(str, shape)), args, flops=(9 if backward else 6) * x.size,
                        bytes=(3 if backward else 2) * x.nbytes)
    return benches


IMAGES = ((32, 16, 28, 28), (32, 64, 14, 14), (32, 128, 3, 3), (128, 64))
ROWS = ((64, 64), (2048, 64), (1024, 512))
RTOL = {"float32": 2e-5, "float64": 1e-13}
ATOL = {"float32": 2e-5, "float64": 1e-13}
BACK = {"float32": 2e-4, "float64": 1e-12}


def torch_group(x, groups, weight=None, bias=None, eps=1e-5):
    import torch
    y, mean, rstd = torch.native_group_norm(x, weight, bias, len(x), x.shape[1], x[0, 0].numel(), groups, eps)
    return y, mean, rstd


def torch_layer(x, ndim, weight=None, bias=None, eps=1e-5, rms=False):
    import torch
    y, mean, rstd = torch.native_layer_norm(x, x.shape[x.ndim - ndim:], weight, bias, eps)
    leading = x.shape[:x.ndim - ndim]
    return y, mean.reshape(leading), rstd.reshape(leading)


def torch_batch(x, weight=None, bias=None, running_mean=None, running_var=None, training=True, momentum=0.1, eps=1e-5):
    import torch
    torch.native_batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps)
    return running_mean, running_var


SPECS = [
    OpSpec("group_norm_forward", group_forward, kernels=("group_norm_forward",), errors=group_errors, rtol=RTOL,
           atol=ATOL, oracle="double", torch=torch_group,
           gradient=gradient("group_norm_forward", "group_norm_backward", (3, 6, 4), (6,), 3),
           bench=bench("group_norm", IMAGES[:3], lambda shape: (4,), False)),
    OpSpec("group_norm_backward", group_backward, kernels=("group_norm_backward",), errors=group_backward_errors,
           rtol=RTOL, atol=BACK, oracle="double", bench=bench("group_norm", IMAGES[:3], lambda shape: (4,), True)),
    OpSpec("layer_norm_forward", layer_forward(False), kernels=("group_norm_forward",), errors=layer_errors, rtol=RTOL,
           atol=ATOL, oracle="double", gradient=gradient("layer_norm_forward", "layer_norm_backward", (4, 7), (7,), 1),
           bench=bench("layer_norm", ROWS, lambda shape: (1,), False)),
    OpSpec("layer_norm_forward", layer_forward(True), variant="rms", kernels=("group_norm_forward",), rtol=RTOL,
           atol=ATOL, oracle="double", gradient=rms_gradient),
    OpSpec("layer_norm_backward", layer_backward(False), kernels=("group_norm_backward",),
           errors=layer_backward_errors, rtol=RTOL, atol=BACK, oracle="double",
           bench=bench("layer_norm", ROWS, lambda shape: (1,), True)),
    OpSpec("layer_norm_backward", layer_backward(True), variant="rms", kernels=("group_norm_backward",), rtol=RTOL,
           atol=BACK, oracle="double"),
    OpSpec("batch_norm_forward", batch_forward, kernels=("batch_norm_forward",), errors=batch_errors, rtol=RTOL,
           atol=ATOL, oracle="double", inplace=(3, 4), torch=torch_batch,
           gradient=gradient("batch_norm_forward", "batch_norm_backward", (5, 3, 4), (3,)),
           bench=bench("batch_norm", IMAGES, lambda shape: (), False)),
    OpSpec("batch_norm_backward", batch_backward, kernels=("batch_norm_backward",), errors=batch_backward_errors,
           rtol=RTOL, atol=BACK, oracle="double", bench=bench("batch_norm", IMAGES, lambda shape: (), True)),
    OpSpec("variance", variance_samples, kernels=("variance",), errors=variance_errors, rtol=RTOL, atol=ATOL,
           oracle="double", bench=variance_bench),
]
