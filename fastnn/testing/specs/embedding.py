"""Rows of tables, bags of rows and their gradients."""
import numpy as np

from fastnn import reference
from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal

# (rows, dim, shape of the indices)
TABLES = ((1, 1, (1,)), (5, 3, (2, 4)), (7, 16, (0,)), (10, 33, (3, 0)), (3, 0, (4,)), (50, 64, (200,)),
          (1000, 40, (31, 7)), (9, 100, (1,)))


def indices(rng, rows, shape):
    return np.asarray(rng.integers(0, rows, shape))


def take_samples(rng, dtype):
    for rows, dim, shape in TABLES:
        yield Sample((normal(rng, dtype, rows, dim), indices(rng, rows, shape)))
    yield Sample((normal(rng, dtype, 5, 3), indices(rng, 5, (4,)).astype(np.int32)))
    yield Sample((np.array([[np.nan, np.inf], [-0.0, 1]], dtype), np.array([0, 1, 0])))
    yield Sample((normal(rng, dtype, 5, 3), np.array(2)), layouts=False)
    yield Sample((normal(rng, dtype, 3000, 64), indices(rng, 3000, (5000,))))


def take_errors(dtype):
    weight, index = np.ones((3, 2), dtype), np.array([0, 1])
    yield ErrorSample((weight[0], index), {}, ShapeError, "embedding: 'weight' must be 2-D")
    yield ErrorSample((weight, index + 2), {}, IndexError, "embedding: index out of range: expected indices of 0 to 2")
    yield ErrorSample((weight, index - 1), {}, IndexError, "got -1")
    yield ErrorSample((weight, index.astype(float)), {}, DTypeError, "embedding: expected indices of int32 or int64")
    yield ErrorSample((weight.astype(int), index), {}, DTypeError, "embedding: expected a float32 or float64 array")


def take_bench(rng, dtype):
    for rows, dim, n in ((50_000, 64, 2000), (5000, 32, 1600)):
        yield Bench(f"{n} of {rows}x{dim}", (normal(rng, dtype, rows, dim), indices(rng, rows, (n,))),
                    bytes=2 * n * dim * np.dtype(dtype).itemsize)


def backward_samples(rng, dtype):
    for rows, dim, shape in TABLES:
        index = indices(rng, rows, shape)
        yield Sample((normal(rng, dtype, *shape, dim), index, rows))
        yield Sample((normal(rng, dtype, *shape, dim), index, rows, 0))
        yield Sample((normal(rng, dtype, *shape, dim), index, rows), {"scale": normal(rng, dtype, index.size)})
    source = indices(rng, 6, (40,))
    yield Sample((normal(rng, dtype, 6, 20), indices(rng, 9, (40,)), 9, 2, source, normal(rng, dtype, 40)))
    yield Sample((normal(rng, dtype, 6, 20), rng.integers(-1, 9, (6, 20)), 9), {"largest": True})
    yield Sample((normal(rng, dtype, 3000, 96), indices(rng, 500, (3000,)), 500))


def backward_errors(dtype):
    grad, index = np.ones((4, 3), dtype), np.arange(4)
    yield ErrorSample((grad, index, 3), {}, IndexError, "embedding_backward: index out of range")
    yield ErrorSample((grad[1:], index, 4), {}, ShapeError, "embedding_backward: expected grad (4, 3)")
    yield ErrorSample((grad, index, 4), {"source": index + 1}, IndexError, "expected source of 0 to 3, got 4")
    yield ErrorSample((grad, index, 4), {"scale": grad}, ShapeError, "embedding_backward: expected scale (4,)")
    yield ErrorSample((grad, index, 4), {"largest": True}, ShapeError, "the indices of the largest of one shape")


def gradient(kernels, rng):
    weight, index, grad = rng.standard_normal((5, 3)), rng.integers(0, 5, 8), rng.standard_normal((8, 3))
    yield GradientCase("weight", lambda w: float((kernels.embedding_forward(w, index) * grad).sum()), weight,
                       kernels.embedding_backward(grad, index, 5))


def backward_bench(rng, dtype):
    for rows, dim, n in ((50_000, 64, 2000), (5000, 32, 1600)):
        yield Bench(f"{n} of {rows}x{dim}", (normal(rng, dtype, n, dim), indices(rng, rows, (n,)), rows),
                    bytes=rows * dim * np.dtype(dtype).itemsize)


def bag_samples(rng, dtype):
    for mode in ("sum", "mean", "max"):
        for rows, dim, shape in TABLES:
            index = indices(rng, rows, shape).reshape(-1)
            cuts = np.sort(rng.integers(0, index.size + 1, 4))
            offsets = np.concatenate([[0], cuts, [index.size]])
            yield Sample((normal(rng, dtype, rows, dim), index, offsets, mode, None, rows // 2))
        yield Sample((normal(rng, dtype, 300, 40), indices(rng, 300, (900,)), np.arange(0, 901, 3), mode))
    yield Sample((normal(rng, dtype, 30, 40), indices(rng, 30, (90,)), np.arange(0, 91, 3), "sum",
                  normal(rng, dtype, 90)))
    yield Sample((np.array([[np.nan, 1], [2, np.nan]], dtype), np.array([0, 1, 1, 0]), np.array([0, 2, 4]), "max"))


def bag_errors(dtype):
    weight, index, offsets = np.ones((3, 2), dtype), np.array([0, 1, 2]), np.array([0, 2, 3])
    yield ErrorSample((weight, index, offsets, "median"), {}, ValueError, "embedding_bag: mode has to be one of")
    yield ErrorSample((weight, index, offsets[::-1]), {}, ShapeError, "embedding_bag: expected ascending offsets")
    yield ErrorSample((weight, index, offsets[1:]), {}, ShapeError, "embedding_bag: expected offsets from 0")
    yield ErrorSample((weight, index + 1, offsets), {}, IndexError, "embedding_bag: index out of range")
    yield ErrorSample((weight, index, offsets, "mean", np.ones(3, dtype)), {}, ShapeError, "for mode 'sum' alone")


def bag_bench(rng, dtype):
    weight, index = normal(rng, dtype, 5000, 64), indices(rng, 5000, (3200,))
    for mode in ("mean", "max"):
        yield Bench(f"{mode} of 64 bags of 50", (weight, index, np.arange(0, 3201, 50), mode),
                    bytes=3200 * 64 * weight.itemsize)


def torch_bag(weight, index, offsets, mode="sum", scale=None, padding_idx=-1):
    import torch
    skip = padding_idx if padding_idx >= 0 else None
    y = torch.nn.functional.embedding_bag(index, weight, offsets, mode=mode, per_sample_weights=scale,
                                          include_last_offset=True, padding_idx=skip)
    argmax = reference.embedding_bag_forward(weight.numpy(), index.numpy(), offsets.numpy(), mode, None, padding_idx)[1]
    return y, None if argmax is None else torch.from_numpy(argmax)


SUMS = {"atol": {"float32": 2e-5, "float64": 4e-14}, "oracle": "double"}
SPECS = [
    OpSpec("embedding_forward", take_samples, kernels=("embedding_forward",), errors=take_errors, rtol=0.0,
           torch=lambda weight, index: weight[index.long()], bench=take_bench),
    OpSpec("embedding_backward", backward_samples, kernels=("embedding_backward",), errors=backward_errors,
           gradient=gradient, bench=backward_bench, **SUMS),
    OpSpec("embedding_bag_forward", bag_samples, kernels=("embedding_bag_forward",), errors=bag_errors, torch=torch_bag,
           bench=bag_bench, **SUMS),
]
