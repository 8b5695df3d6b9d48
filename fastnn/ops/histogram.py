"""Histograms of numbers and of vectors."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops._common import into, need_one_dtype, need_tensors, room
from fastnn.ops.declare import operation
from fastnn.ops.named import Shown
from fastnn.ops.ranges import linspace


@operation(out=True)
def histc(input, bins=100, min=0, max=0):
    """How many elements fall into each of `bins` equal parts of [min, max] (the data's range if both are 0).

    Parameters
    ----------
    input : Tensor
    bins : int, default 100
    min : number, default 0
    max : number, default 0

    Examples
    --------
    >>> fastnn.histc(fastnn.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    need_tensors("histc", input)
    x = input.detach().numpy()
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    room("histc", (bins,), 8)
    kind = x.dtype.type if x.dtype.kind == "f" else np.float64
    low, high = (x.min(), x.max()) if min == max and x.size else (min, max)
    low, high = (float(low) - 1, float(high) + 1) if low == high else (low, high)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"histc: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    low, high = kind(low), kind(high)
    inside = x[(x >= low) & (x <= high)].astype(kind, copy=False)
    with np.errstate(all="ignore"):
        bin_of = ((inside - low) * kind(bins) / (high - low)).astype(np.int64)  # in the numbers' own precision
    bin_of[bin_of == bins] -= 1  # the last part has its upper end
    return from_array(np.bincount(bin_of, minlength=bins).astype(x.dtype))


class histogram_result(Shown):  # noqa: N801
    """(hist, bin_edges)."""

    names = ("hist", "bin_edges")


class histogramdd_result(histogram_result):  # noqa: N801
    """(hist, bin_edges)."""


def _edges(op, x, bins, low_and_high):
    """The bounds of the bins of a dimension, whose numbers are x."""
    if isinstance(bins, Tensor):
        need_one_dtype(op, bins, x)
        if bins.ndim != 1:
            raise RuntimeError(f"{op}: bins tensor should have one dimension, but got {bins.ndim}")
        if bins.numel() < 2:
            raise RuntimeError(f"{op}: expected at least two edges, got {bins.numel()}")
        return bins.detach().numpy()
    if bins <= 0:
        raise RuntimeError(f"{op}(): bins must be > 0, but got {bins}")
    room(op, (bins,), 8)
    if low_and_high is None:
        low_and_high = (x.min().item(), x.max().item()) if x.numel() else (0.0, 1.0)
    low, high = low_and_high
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{op}: range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{op}: min should not exceed max, but got min {low} max {high}")
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    return linspace(low, high, bins + 1, dtype=x.dtype).numpy()


def _counted(op, x, edges, weight, density):
    """How many rows of x, or how much weight, fall into each cell between the edges."""
    numbers = x.detach().numpy()
    inside = np.ones(len(numbers), bool)
    cells = []
    for column, bounds in zip(numbers.T, edges):
        inside &= (column >= bounds[0]) & (column <= bounds[-1])
        cells.append(np.clip(np.searchsorted(bounds, column, "right") - 1, 0, len(bounds) - 2))
    if weight is not None:
        need_one_dtype(op, weight, x)
        weight = weight.detach().numpy().reshape(-1)[inside]
    shape = [len(bounds) - 1 for bounds in edges]
    room(op, shape, 8)
    cell_of = np.ravel_multi_index([cell[inside] for cell in cells], shape)
    made = np.bincount(cell_of, weight, int(np.prod(shape))).reshape(shape)
    if density:
        with np.errstate(all="ignore"):
            made = made / made.sum()
            for axis, bounds in enumerate(edges):
                made = made / np.diff(bounds).reshape([-1 if d == axis else 1 for d in range(made.ndim)])
    return from_array(np.asarray(made, numbers.dtype))


def _need_floats(op, input):
    need_tensors(op, input)
    if not input.is_floating_point():
        raise NotImplementedError(f'"{op}" not implemented for {input.dtype}')


@operation()
def histogram(input, bins, *, range=None, weight=None, density=False, out=None) -> histogram_result:
    """How many elements fall between neighbouring edges; the last bin has its upper edge.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    bins : int or Tensor
        Number of bins of equal width, or the edges, in order.
    range : (float, float), optional
        Lowest and highest edge; the data's if not given.
    weight : Tensor, optional
        What each element counts, of the input's shape; 1 if not given.
    density : bool, default False
        Whether the integral over the bins is 1.
    out : tuple of Tensors, optional

    Returns
    -------
    tuple
        ``hist`` and ``bin_edges``, with these names.

    Examples
    --------
    >>> fastnn.histogram(fastnn.tensor([1.0, 2.0, 1.0]), 4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    _need_floats("histogram", input)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(f"histogram(): expected a weight of the input's shape {list(input.shape)}, got "
                           f"{list(weight.shape)}")
    x = input.detach().reshape(-1)
    edges = _edges("histogram", x, bins, range)
    made = _counted("histogram", x.reshape(-1, 1), [edges], weight, density)
    found = histogram_result((made, from_array(np.array(edges))))
    return found if out is None else histogram_result(into("histogram", *pair) for pair in zip(out, found))


@operation()
def histogramdd(input, bins, range=None, weight=None, density=False) -> histogramdd_result:
    """How many vectors fall into each cell of a grid.

    Parameters
    ----------
    input : Tensor
        (..., dimensions)
    bins : int, sequence of ints or of Tensors
        Number of bins of each dimension, or the edges.
    range : sequence of floats, optional
        Lowest and highest edge of the first dimension, of the second, ...; the data's if not given.
    weight : Tensor, optional
        (...), what each vector counts.
    density : bool, default False
        Whether the integral over the grid is 1.

    Returns
    -------
    tuple
        ``hist`` and ``bin_edges`` (a Tensor of each dimension), with these names.

    Examples
    --------
    >>> fastnn.histogramdd(fastnn.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), 2).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    _need_floats("histogramdd", input)
    if input.ndim < 2:
        raise RuntimeError(f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {input.ndim}")
    n = input.shape[-1]
    bins = [bins] * n if isinstance(bins, int) else list(bins)
    if len(bins) != n or range is not None and len(range) != 2 * n:
        raise RuntimeError(f"torch.histogramdd: expected {n} sequences of bins and {2 * n} bounds, got {len(bins)}"
                           + (f" and {len(range)}" if range is not None else ""))
    if weight is not None and weight.shape != input.shape[:-1]:
        raise RuntimeError(f"torch.histogramdd: expected a weight of shape {list(input.shape[:-1])}, got "
                           f"{list(weight.shape)}")
    x = input.detach().reshape(-1, n)
    edges = [_edges("histogramdd", x[:, d], part, None if range is None else tuple(range[2 * d:2 * d + 2]))
             for d, part in enumerate(bins)]
    made = _counted("histogramdd", x, edges, weight, density)
    return histogramdd_result((made, tuple(from_array(np.array(bounds)) for bounds in edges)))
