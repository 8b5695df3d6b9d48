"""Axes at other positions, and windows of planes as columns."""
import numpy as np

from fastnn import reference
from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal

# (shape, axis, outputs, taps)
AXES = (((5,), -1, 9, 2), ((3, 7), 1, 4, 1), ((3, 7), 0, 5, 2), ((2, 3, 6, 5), 2, 12, 4), ((2, 3, 6, 5), -1, 3, 2),
        ((0, 4), 1, 3, 2), ((4, 0), 0, 2, 1), ((3, 1), 1, 70, 1), ((2, 5, 300), 1, 11, 3), ((40, 50, 60), -1, 120, 2),
        ((2, 4), 1, 0, 2))


def table(rng, dtype, size, outputs, taps):
    """Positions and weights, some of them 0."""
    weight = normal(rng, dtype, taps, outputs)
    weight[rng.random(weight.shape) < 0.2] = 0
    return rng.integers(0, size, (taps, outputs)), weight


def forward_samples(rng, dtype):
    for shape, axis, outputs, taps in AXES:
        index, weight = table(rng, dtype, shape[axis], outputs, taps)
        yield Sample((normal(rng, dtype, *shape), index, weight, axis), layouts=False)
        if taps == 1:
            yield Sample((normal(rng, dtype, *shape), index, None, axis), layouts=False)
    x = normal(rng, dtype, 4, 5, 6)
    x[0, 0], x[1, :, 1], x[2, 2, 2] = np.inf, -np.inf, np.nan
    for axis in (1, 2):
        yield Sample((x, *table(rng, dtype, 5, 7, 2), axis), layouts=False)
        yield Sample((np.moveaxis(x, 0, 2), *table(rng, dtype, 4, 7, 2), axis), layouts=False)


def errors(dtype):
    x, index, weight = np.ones((2, 3), dtype), np.array([[0, 1], [1, 2]]), np.ones((2, 2), dtype)
    yield ErrorSample((x, index, weight[:1]), {}, ShapeError, "resample: expected weights (2, 2), got (1, 2)")
    yield ErrorSample((x, index), {}, ShapeError, "resample: expected weights for 2 taps")
    yield ErrorSample((x, index + 1, weight), {}, IndexError, "resample: expected positions of 0 to 2, got 3")
    yield ErrorSample((x, index, weight, 2), {}, IndexError, "resample")
    yield ErrorSample((x, index.astype(np.int32), weight), {}, DTypeError, "resample: expected an index of int64")


def backward_samples(rng, dtype):
    for shape, axis, outputs, taps in AXES:
        index, weight = table(rng, dtype, shape[axis], outputs, taps)
        given = list(shape)
        given[axis] = outputs
        yield Sample((normal(rng, dtype, *given), index, shape[axis], weight, axis), layouts=False)
        if taps == 1:
            yield Sample((normal(rng, dtype, *given), index, shape[axis], None, axis), layouts=False)


def backward_errors(dtype):
    grad, index = np.ones((2, 3), dtype), np.array([[0, 1]])
    yield ErrorSample((grad, index, 3), {}, ShapeError, "resample: expected a gradient of 2 elements along axis 1")
    yield ErrorSample((grad, index, 1), {}, IndexError, "resample: expected positions of 0 to 0, got 1")


def gradient(kernels, rng):
    x, index, weight = rng.standard_normal((3, 5)), rng.integers(0, 5, (2, 7)), rng.standard_normal((2, 7))
    grad = rng.standard_normal((3, 7))
    yield GradientCase("x", lambda x: float((kernels.resample_forward(x, index, weight) * grad).sum()), x,
                       kernels.resample_backward(grad, index, 5, weight))


def bench(rng, dtype):
    x = normal(rng, dtype, 32, 64, 28, 28)
    for axis in (-1, -2):
        index, weight = table(rng, dtype, 28, 56, 2)
        yield Bench(f"32x64x28x28 axis {axis}", (x, index, weight, axis), bytes=3 * x.nbytes)


def backward_bench(rng, dtype):
    for axis, shape in ((-1, (32, 64, 28, 56)), (-2, (32, 64, 56, 28))):
        index, weight = table(rng, dtype, 28, 56, 2)
        grad = normal(rng, dtype, *shape)
        yield Bench(f"32x64x28x28 axis {axis}", (grad, index, 28, weight, axis), bytes=1.5 * grad.nbytes)


# ---- windows as columns ----

# (shape, kernel, dilation, padding, stride)
BLOCKS = (((2, 3, 6, 7), 2, 1, 0, 1), ((3, 5, 5), (3, 2), (1, 2), (1, 0), (2, 1)), ((1, 1, 1, 1), 1, 1, 0, 1),
          ((1, 1, 1, 1), 3, 1, 1, 1), ((0, 2, 4, 4), 2, 1, 0, 2), ((2, 2, 4, 4), 4, 1, 0, 1),
          ((1, 2, 3, 3), 2, 1, 3, 2), ((1, 2, 40, 70), 3, 1, 1, 1), ((8, 16, 14, 14), 5, 1, 2, 2))


def unfold_samples(rng, dtype):
    for shape, *sizes in BLOCKS:
        yield Sample((normal(rng, dtype, *shape), *sizes))


def fold_samples(rng, dtype):
    for shape, *sizes in BLOCKS:
        columns = reference.unfold_forward(normal(rng, dtype, *shape), *sizes)
        yield Sample((normal(rng, dtype, *columns.shape), shape[-2:], *sizes))


def unfold_errors(dtype):
    x = np.ones((2, 3, 4, 4), dtype)
    yield ErrorSample((x[0, 0], 2), {}, ShapeError, "unfold: expected 3D or 4D (batch mode) tensor")
    yield ErrorSample((x, 0), {}, ShapeError, "unfold: kernel size should be greater than zero")
    yield ErrorSample((x, 5), {}, ShapeError, "too small (non-positive)")
    yield ErrorSample((x, 2, 1, -1), {}, ShapeError, "unfold: padding should be non-negative")
    yield ErrorSample((x.astype(int), 2), {}, DTypeError, "unfold: expected a float32 or float64 array")


def fold_errors(dtype):
    x = np.ones((2, 12, 9), dtype)
    yield ErrorSample((x[:, :11], 4, 2), {}, ShapeError, "fold: Expected size of input's first non-batch dimension")
    yield ErrorSample((x[:, :, :8], 4, 2), {}, ShapeError, "expected size of input's last dimension to match")
    yield ErrorSample((x, 0, 2), {}, ShapeError, "fold: expected an output_size greater than zero")
    yield ErrorSample((x[0, 0], 4, 2), {}, ShapeError, "fold: expected 2D or 3D (batch mode) tensor")


def unfold_gradient(kernels, rng):
    x = rng.standard_normal((2, 3, 5, 4))
    y = kernels.unfold_forward(x, 3, 1, 1, 2)
    grad = rng.standard_normal(y.shape)
    yield GradientCase("x", lambda x: float((kernels.unfold_forward(x, 3, 1, 1, 2) * grad).sum()), x,
                       kernels.unfold_backward(grad, (5, 4), 3, 1, 1, 2))


def unfold_bench(rng, dtype):
    x = normal(rng, dtype, 8, 16, 28, 28)
    for stride in (1, 2):
        yield Bench(f"8x16x28x28 3 stride {stride}", (x, 3, 1, 1, stride), bytes=x.nbytes * (1 + 9 / stride**2))


def fold_bench(rng, dtype):
    for stride in (1, 2):
        columns = reference.unfold_forward(normal(rng, dtype, 8, 16, 28, 28), 3, 1, 1, stride)
        yield Bench(f"8x16x28x28 3 stride {stride}", (columns, 28, 3, 1, 1, stride),
                    bytes=columns.nbytes * (1 + stride**2 / 9))


# ---- positions that a grid names ----

# (input, grid without its last size); the first with all options, the last for no gradients
GRIDS = (((2, 2, 4, 5), (2, 4, 6)), ((1, 2, 1, 4), (1, 65, 1)), ((2, 1, 3, 2, 4), (2, 3, 2, 7)),
         ((1, 1, 1, 1), (1, 3, 3)), ((0, 2, 3, 3), (0, 2, 2)), ((2, 0, 3, 3), (2, 2, 2)), ((1, 2, 3, 3), (1, 0, 2)),
         ((1, 35, 6, 5), (1, 9, 15)), ((3, 2, 40, 30), (3, 33, 31)), ((1, 9, 2, 1, 6), (1, 5, 5, 3)))
GRID_MODES = ("bilinear", "nearest", "bicubic")


def grid_cases(rng, dtype, mode, small=False):
    """Inputs, grids and options; most positions within the ends or near them, and not where elements and weights change
    by a last digit."""
    for i, (shape, points) in enumerate(GRIDS[:3 if small else None]):
        for padding in ("zeros", "border", "reflection") if i < 3 else ("zeros",):
            for corners in (False, True) if i < 3 else (False,):
                if mode == "bicubic" and len(shape) == 5:
                    continue
                grid = (rng.standard_normal((*points, len(shape) - 2)) * 0.9).astype(dtype)
                for a, size in enumerate(shape[:1:-1]):
                    place = (grid[..., a] + 1) * (size - 1 if corners else size)  # twice the distance in elements
                    grid[..., a] += np.where(np.abs(place - np.rint(place)) < 0.02, 0.05 / size, 0).astype(dtype)
                yield normal(rng, dtype, *shape), grid, mode, padding, corners


def grid_samples(mode):
    def samples(rng, dtype):
        for arguments in grid_cases(rng, dtype, mode):
            yield Sample(arguments)
        x, grid = normal(rng, dtype, 1, 2, 3, 4), np.zeros((1, 3, 5, 2), dtype)
        for padding in ("zeros", "border", "reflection"):  # of far positions' reflections no digit is left
            far = (np.nan, 2.3, -1.7, 5, -4) if padding == "reflection" else (np.nan, np.inf, -np.inf, 1e38, -1e38)
            grid[0, 0, :, 0] = grid[0, 1, :, 1] = grid[0, 2, :, 0] = grid[0, 2, :, 1] = far
            for corners in (False, True):
                yield Sample((x, grid.copy(), mode, padding, corners), torch=False)  # some of these crash PyTorch
    return samples


def grid_backward_samples(mode):
    def samples(rng, dtype):
        for x, grid, *options in grid_cases(rng, dtype, mode):
            yield Sample((normal(rng, dtype, *x.shape[:2], *grid.shape[1:-1]), x, grid, *options))
    return samples


def grid_errors(dtype):
    x, grid = np.ones((1, 2, 3, 4), dtype), np.zeros((1, 5, 5, 2), dtype)
    yield ErrorSample((x, grid, "cubic"), {}, ValueError, "grid_sample: expected a mode of")
    yield ErrorSample((x, grid, "nearest", "wrap"), {}, ValueError, "and a padding_mode of")
    yield ErrorSample((x, grid[..., :1]), {}, ShapeError, "grid_sample: expected grid to have size 2 in last dimension")
    yield ErrorSample((x[0], grid), {}, ShapeError, "grid_sample: expected 4D or 5D input")
    yield ErrorSample((x, grid[:0]), {}, ShapeError, "to have same batch size")
    yield ErrorSample((x[:, :, :0], grid), {}, ShapeError, "with dimension 2 being empty")
    yield ErrorSample((x[:, :, None], np.zeros((1, 1, 1, 1, 3), dtype), "bicubic"), {}, ShapeError, "only supports 4D")
    yield ErrorSample((x, grid.astype(int)), {}, DTypeError, "grid_sample: expected input and grid of one dtype")


def grid_backward_errors(dtype):
    x, grid = np.ones((1, 2, 3, 4), dtype), np.zeros((1, 5, 5, 2), dtype)
    yield ErrorSample((x, x, grid), {}, ShapeError, "grid_sample: expected a gradient of (1, 2, 5, 5)")


def grid_gradient(mode):
    def gradient(kernels, rng):
        for x, grid, *options in grid_cases(rng, "float64", mode, small=True):
            grad = rng.standard_normal((*x.shape[:2], *grid.shape[1:-1]))
            dx, dgrid = kernels.grid_sample_backward(grad, x, grid, *options)

            def of_input(x, grid=grid, grad=grad, options=options):
                return float((kernels.grid_sample_forward(x, grid, *options) * grad).sum())

            def of_grid(grid, x=x, of_input=of_input):
                return of_input(x, grid)
            yield GradientCase(f"x {x.shape} {options}", of_input, x, dx)
            yield GradientCase(f"grid {x.shape} {options}", of_grid, grid, dgrid)
    return gradient


def grid_bench(mode, backward=False):
    def bench(rng, dtype):
        x, grid = normal(rng, dtype, 8, 16, 64, 64), (rng.random((8, 64, 64, 2)) * 2 - 1).astype(dtype)
        yield Bench("8x16x64x64", (x, x, grid, mode) if backward else (x, grid, mode), bytes=2 * x.nbytes)
    return bench


def torch_grid(x, grid, mode, padding, corners):
    import torch
    return torch.nn.functional.grid_sample(x, grid, mode, padding, corners)


def torch_fold(columns, *args):
    import torch
    return torch.nn.functional.fold(columns, *args)


def torch_unfold(x, *args):
    import torch
    return torch.nn.functional.unfold(x, *args)


SUMS = {"atol": {"float32": 1e-5, "float64": 2e-14}, "oracle": "double"}
# A position's last digit is, times the size, its weights' error: more than that of sums.
GRID = {"rtol": {"float32": 1e-4, "float64": 1e-12}, "atol": {"float32": 5e-5, "float64": 1e-12}}
SPECS = [
    OpSpec("resample_forward", forward_samples, kernels=("resample_forward",), errors=errors, bench=bench, **SUMS),
    OpSpec("resample_backward", backward_samples, kernels=("resample_backward",), errors=backward_errors,
           gradient=gradient, bench=backward_bench, **SUMS),
    OpSpec("unfold_forward", unfold_samples, kernels=("unfold_forward",), errors=unfold_errors, rtol=0.0,
           torch=torch_unfold, gradient=unfold_gradient, bench=unfold_bench),
    OpSpec("unfold_backward", fold_samples, kernels=("unfold_backward",), errors=fold_errors, torch=torch_fold,
           bench=fold_bench, **SUMS),
]
for _mode in GRID_MODES:
    SPECS += [
        OpSpec("grid_sample_forward", grid_samples(_mode), variant=_mode, kernels=("grid_sample_forward",),
               errors=grid_errors if _mode == "bilinear" else None, torch=torch_grid, gradient=grid_gradient(_mode),
               bench=grid_bench(_mode), **GRID),
        OpSpec("grid_sample_backward", grid_backward_samples(_mode), variant=_mode, kernels=("grid_sample_backward",),
               errors=grid_backward_errors if _mode == "bilinear" else None, bench=grid_bench(_mode, True), **GRID)]
