"""Specs of scaled dot-product attention."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.reference import attention_forward
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal

# (b, h, hk, l, s, e, ev): few queries, tile edges, several blocks, shared key heads, a head for all threads, nothing
SHAPES = ((1, 1, 1, 1, 1, 1, 1), (2, 3, 3, 5, 7, 4, 6), (2, 4, 2, 17, 33, 16, 16), (1, 2, 1, 70, 131, 33, 17),
          (1, 1, 1, 150, 600, 8, 8), (3, 1, 1, 40, 9, 5, 64), (1, 2, 2, 3, 300, 64, 8), (2, 2, 2, 0, 3, 4, 4),
          (2, 2, 2, 3, 0, 4, 4), (0, 2, 2, 3, 3, 4, 4))


def cases(rng, dtype):
    """(q, k, v, options): every kind of mask, alone and with others."""
    for b, h, hk, n, s, e, ev in SHAPES:
        q, k, v = normal(rng, dtype, b, h, n, e), normal(rng, dtype, b, hk, s, e), normal(rng, dtype, b, hk, s, ev)
        padding = np.arange(s) < np.maximum(s // 2, 1) + np.zeros((b, 1, 1, 1))
        holes = rng.random((b, h, n, s)) < 0.7
        holes[..., n // 2:n // 2 + 1, :] = False
        yield q, k, v, {}
        yield q, k, v, {"causal": True, "scale": 0.3}
        yield q, k, v, {"mask": padding}
        yield q, k, v, {"mask": holes, "drop": True, "causal": True}
        yield q, k, v, {"mask": normal(rng, dtype, n, s), "p": 0.3, "keep": rng.random((b, h, n, s)) < 0.7}
    yield q, k, v, {"p": 1.0, "causal": True, "keep": np.zeros((b, h, n, s), bool)}


def forward_samples(rng, dtype):
    for i, (q, k, v, options) in enumerate(cases(rng, dtype)):
        yield Sample((q, k, v), options, layouts=i % 7 == 0)
        if not options.get("drop"):
            yield Sample((q, k, v), {**options, "weights": ("heads", "mean")[i % 2]}, layouts=False)
    x = normal(rng, dtype, 1, 1, 9, 4)
    x[0, 0, 2], x[0, 0, 5] = np.nan, np.inf
    yield Sample((x, x[:, :, :2], x[:, :, :2]), layouts=False)


def backward_samples(rng, dtype):
    for i, (q, k, v, options) in enumerate(cases(rng, dtype)):
        out, lse, _ = attention_forward(q, k, v, **options)
        grad = normal(rng, dtype, *out.shape)
        mask = options.get("mask")
        need = (i % 3 != 1, i % 4 != 1, i % 5 != 1, mask is not None and mask.dtype != bool)
        yield Sample((grad, q, k, v, out, lse), {**options, "need": need}, layouts=i % 7 == 0)


def forward_errors(dtype):
    x = np.ones((2, 3, 4, 5), dtype)
    yield ErrorSample((x[0], x, x), {}, ShapeError, "attention: expected q, k, v (batch, heads, time, width)")
    yield ErrorSample((x, x[:, :2], x[:, :2]), {}, ShapeError, "attention: expected q (b, h, l, e)")
    yield ErrorSample((x, x[..., :4], x), {}, ShapeError, "got (2, 3, 4, 5), (2, 3, 4, 4), (2, 3, 4, 5)")
    yield ErrorSample((x, x, x), {"mask": np.ones((5, 4), bool)}, ShapeError, "broadcasts to (2, 3, 4, 4), got (5, 4)")
    yield ErrorSample((x, x, x), {"mask": np.ones((4, 4), int)}, DTypeError, "attention: expected a mask of bool or")
    yield ErrorSample((x.astype(int), x, x), {}, DTypeError, "attention: expected arrays of one dtype")
    yield ErrorSample((x, x, x), {"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1, but got 1.5")
    yield ErrorSample((x, x, x), {"p": 0.5}, ShapeError, "a bool array keep of shape (2, 3, 4, 4), got None")
    yield ErrorSample((x, x, x), {"p": 0.5, "keep": np.ones((4, 4), bool)}, ShapeError, "(2, 3, 4, 4), got (dtype(")
    yield ErrorSample((x, x, x), {"weights": "all"}, ValueError, "expected weights None, 'heads' or 'mean', got 'all'")
    yield ErrorSample((x, x, x), {"out": x[..., :4].copy()}, ShapeError, "expected out (2, 3, 4, 5)")


def backward_errors(dtype):
    x, lse = np.ones((2, 3, 4, 5), dtype), np.ones((2, 3, 4), dtype)
    yield ErrorSample((x[:, :1], x, x, x, x, lse), {}, ShapeError, "attention_backward: expected grad (2, 3, 4, 5)")
    yield ErrorSample((x, x, x, x, x, lse[:1]), {}, ShapeError, "attention_backward: expected lse (2, 3, 4)")
    yield ErrorSample((x, x, x, x, x, lse), {"need": (True, True, True, True)}, ValueError, "only a mask that is added")


def gradient(kernels, rng):
    q, k, v = rng.standard_normal((1, 2, 4, 3)), rng.standard_normal((1, 1, 5, 3)), rng.standard_normal((1, 1, 5, 2))
    mask, weights = rng.standard_normal((4, 5)), rng.standard_normal((1, 2, 4, 2))
    arrays, options = [q, k, v, mask], {"p": 0.25, "keep": rng.random((1, 2, 4, 5)) < 0.75, "causal": True}

    def function_of(i):
        def function(x):
            inputs = [x if j == i else array for j, array in enumerate(arrays)]
            return float((kernels.attention_forward(*inputs, **options)[0] * weights).sum())
        return function
    out, lse, _ = kernels.attention_forward(*arrays, **options)
    found = kernels.attention_backward(weights, q, k, v, out, lse, mask, need=(True,) * 4, **options)
    for i, name in enumerate(("q", "k", "v", "mask")):
        yield GradientCase(name, function_of(i), arrays[i], np.ascontiguousarray(found[i]))


BENCH = ((32, 4, 64, 16), (16, 4, 64, 32), (8, 8, 256, 64), (1, 1, 1000, 64), (64, 4, 1, 32))


def bench(backward):
    def cases(rng, dtype):
        for b, h, n, e in BENCH:
            q, k, v, grad = (normal(rng, dtype, b, h, n, e) for _ in range(4))
            flops = 4 * b * h * n * n * e
            label = f"{b}x{h}x{n}x{e}"
            if backward:
                out, lse, _ = attention_forward(q, k, v)
                yield Bench(label, (grad, q, k, v, out, lse), flops=2.5 * flops, bytes=8 * q.nbytes)
            else:
                yield Bench(label, (q, k, v), flops=flops, bytes=4 * q.nbytes)
    return cases


RTOL = {"float32": 2e-5, "float64": 1e-11}
SPECS = [
    OpSpec("attention_forward", forward_samples, kernels=("attention_forward",), errors=forward_errors,
           rtol=RTOL, atol={"float32": 2e-5, "float64": 1e-12}, oracle="double", bench=bench(False)),
    OpSpec("attention_backward", backward_samples, kernels=("attention_backward",), errors=backward_errors, rtol=RTOL,
           atol={"float32": 2e-4, "float64": 1e-11}, oracle="double", gradient=gradient, bench=bench(True)),
]
