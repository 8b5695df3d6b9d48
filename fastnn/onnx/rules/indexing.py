"""Parts of tensors, selection, sorting."""
import numpy as np

from fastnn.onnx.graph import Size, Value, is_static
from fastnn.onnx.rules._declare import axis_of, rule
from fastnn.onnx.rules.reduce import reduced
from fastnn.ops import indexing as ops


def parts_of(g, index, ndim):
    """An index as a list with an entry for each dimension, and None where there is to be a new one."""
    parts = list(index) if isinstance(index, (tuple, list)) else [index]
    if isinstance(index, list) and not any(isinstance(p, (Value, slice)) or p is None or p is Ellipsis for p in index):
        parts = [np.asarray(index)]
    used = sum((p.ndim if isinstance(p, (Value, np.ndarray)) and p.dtype == bool else 1)
               for p in parts if p is not None and p is not Ellipsis)
    found = []
    for part in parts:
        if isinstance(part, (bool, np.bool_)):
            raise g.unsupported("True or False as an index")
        if part is Ellipsis:
            found += [slice(None)] * (ndim - used)
        else:
            found.append(np.asarray(part) if isinstance(part, list) else part)
    return found + [slice(None)] * (ndim - sum(p is not None for p in found))


def bounds(g, part, size):
    """(start, stop) of a slice as ONNX takes them."""
    if part.step not in (None, 1) and part.step < 0:
        raise g.unsupported("a slice with a negative step")
    start, stop = (0 if part.start is None else part.start), part.stop
    for bound in (start, stop):
        if isinstance(bound, Value):
            raise g.unsupported("a tensor as the bound of a slice")
    return start, np.iinfo(np.int64).max if stop is None or stop == size else stop


def indexed(g, input, index):
    """``input[index]``: slices, numbers, new dimensions, and tensors of whole numbers or one mask."""
    parts = parts_of(g, index, input.ndim)
    masks = [p for p in parts if isinstance(p, (Value, np.ndarray)) and p.dtype == bool]
    if masks:
        if len(parts) - parts.count(slice(None)) > 1 or parts[0] is not masks[0]:
            raise g.unsupported("a mask beside other indices")
        return _chosen(g, input, masks[0])
    dims = [p for p in parts if p is not None]
    x, starts, stops, axes, steps = input.name, [], [], [], []
    for axis, part in enumerate(dims):
        if isinstance(part, slice) and part != slice(None):
            start, stop = bounds(g, part, input.shape[axis])
            if (start, stop) == (0, np.iinfo(np.int64).max) and part.step in (None, 1):
                continue
            starts, stops, axes = [*starts, start], [*stops, stop], [*axes, axis]
            steps.append(part.step or 1)
    if axes:
        x = g.op("Slice", x, g.ints(*starts), g.ints(*stops), g.ints(*axes), g.ints(*steps))
    tensors = [axis for axis, part in enumerate(dims) if isinstance(part, (Value, np.ndarray))]
    if len(tensors) > 1:
        x = _gathered_together(g, input, x, dims, tensors)
        shift = [axis for axis in tensors[1:]]
        dims = [p for axis, p in enumerate(dims) if axis not in shift]
    elif tensors:
        axis = tensors[0]
        index = dims[axis] if isinstance(dims[axis], Value) else dims[axis].astype(np.int64)
        x = g.op("Gather", x, index, axis=axis)
        if index.ndim != 1:
            dims[axis:axis + 1] = [slice(None)] * index.ndim
    for axis in reversed(range(len(dims))):
        if isinstance(dims[axis], (int, np.integer, Size)):
            number = g.op("Squeeze", g.ints(dims[axis])) if isinstance(dims[axis], Size) else np.int64(dims[axis])
            x = g.op("Gather", x, number, axis=axis)
    new, place = [], 0
    for part in parts:
        if part is None:
            new.append(place)
        if part is None or not isinstance(part, (int, np.integer, Size)):
            place += part.ndim if isinstance(part, (Value, np.ndarray)) else 1
    if new:
        x = g.op("Unsqueeze", x, g.ints(*new))
    return x if x != input.name else g.op("Identity", x)


def _gathered_together(g, input, x, dims, axes):
    """x[..., i, j, ...] of index tensors side by side."""
    if axes != list(range(len(axes))) or any(not isinstance(p, slice) for p in dims[len(axes):]):
        raise g.unsupported("index tensors that do not stand together at the beginning")
    indices = [dims[axis] if isinstance(dims[axis], Value) else np.asarray(dims[axis]) for axis in axes]
    shape = g.result.shape[:max(index.ndim for index in indices)]
    spread = [g.op("Unsqueeze", g.op("Expand", g.op("Cast", index, to=g.type_of(np.int64)), g.ints(*shape)), g.ints(-1))
              for index in indices]
    return g.op("GatherND", x, g.op("Concat", *spread, axis=-1))


def _chosen(g, input, mask):
    """The elements, or rows, where a mask is True: as many as there are when the graph runs."""
    positions = g.op("Transpose", g.op("NonZero", mask), perm=[1, 0])
    return g.op("GatherND", input, positions)


@rule("masked_select")
def _masked_select(g, input, mask, out=None):
    if input.shape != mask.shape:
        raise g.unsupported("a mask of another shape than the tensor")
    return _chosen(g, input, mask)


@rule("index_select")
def _index_select(g, input, dim, index, out=None):
    return g.op("Gather", input, index, axis=axis_of(dim, input.ndim))


@rule("gather")
def _gather(g, input, dim, index, sparse_grad=False, out=None):
    axis = axis_of(dim, input.ndim)
    if any(a != b for i, (a, b) in enumerate(zip(input.shape, index.shape)) if i != axis):
        raise g.unsupported("an index that is smaller than the tensor")
    return g.op("GatherElements", input, index, axis=axis)


@rule("scatter")
def _scatter(g, input, dim, index, src=None, value=None, reduce=None):
    value = value if src is None else src
    if reduce is not None:
        raise g.unsupported(f"reduce={reduce!r}")
    if not isinstance(value, Value):
        value = g.op("Expand", g.scalar(value, input.dtype), g.ints(*index.shape))
    elif value.shape != index.shape:
        raise g.unsupported("a source of another shape than the index")
    return g.op("ScatterElements", input, index, value, axis=axis_of(dim, input.ndim))


@rule("scatter_add")
def _scatter_add(g, input, dim, index, src):
    if src.shape != index.shape or g.opset < 16:
        raise g.unsupported("a source of another shape than the index, or any before opset 16,")
    return g.op("ScatterElements", input, index, src, axis=axis_of(dim, input.ndim), reduction="add")


@rule("embedding")
def _embedding(g, input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
               sparse=False):
    if max_norm is not None:
        raise g.unsupported("max_norm")
    return g.op("Gather", weight, input, axis=0)


@rule("embedding_bag")
def _embedding_bag(g, input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
                   sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    if input.ndim != 2 or any(option is not None for option in (offsets, max_norm, per_sample_weights, padding_idx)):
        raise g.unsupported("anything but rows of numbers, all of one length,")
    kind = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax"}[mode]
    return reduced(g, kind, g.op("Gather", weight, input, axis=0), 1, False, 3)


@rule("one_hot")
def _one_hot(g, input, num_classes=-1):
    if num_classes == -1:
        raise g.unsupported("num_classes=-1, which reads the numbers,")
    return g.op("OneHot", input, np.int64(num_classes), np.array([0, 1], np.int64), axis=-1)


@rule("where", ops.where)
def _where(g, condition, input=None, other=None, out=None):
    if input is None:
        raise g.unsupported("where with a condition alone")
    dtype = g.result.dtype
    return g.op("Where", g.cast(condition, bool), g.operand(input, dtype), g.operand(other, dtype))


RULE_OF_METHOD = rule(ops._where)(lambda g, self, condition, other: _where(g, condition, self, other))


@rule("masked_fill")
def _masked_fill(g, input, mask, value):
    dtype = g.result.dtype
    return g.op("Where", g.cast(mask, bool), g.operand(value, dtype), g.cast(input, dtype))


@rule(ops.setitem)
def _setitem(g, input, index, value):
    """``input[index] = value`` for slices and numbers along one dimension, and for a mask."""
    parts = parts_of(g, index, input.ndim)
    dtype = input.dtype
    if isinstance(parts[0], Value) and parts[0].dtype == bool and parts[0].shape == input.shape:
        if isinstance(value, Value) and value.ndim:
            raise g.unsupported("a mask with several values")
        return g.op("Where", parts[0], g.operand(value, dtype), input)
    if any(not isinstance(p, (slice, int, Size)) for p in parts):
        raise g.unsupported("writing to tensors as indices")
    whole = [axis for axis, p in enumerate(parts) if p != slice(None)]
    if len(whole) > 1:
        raise g.unsupported("writing to a part that is limited along several dimensions")
    shape = [n for axis, n in enumerate(input.shape)]
    if not whole:
        return g.op("Expand", g.operand(value, dtype), g.ints(*shape))
    axis = whole[0]
    part, size = parts[axis], input.shape[axis]
    made = g.operand(value, dtype)
    if isinstance(part, slice):
        if part.step not in (None, 1):
            raise g.unsupported("writing to a slice with a step")
        start, stop = bounds(g, part, size)
        if not is_static((start, stop, size)) or stop < 0:
            raise g.unsupported("writing to a slice of a dynamic dimension")
        start, stop, _ = slice(start, stop).indices(size)
    else:
        if not is_static((part, size)):
            raise g.unsupported("writing to a row of a dynamic dimension")
        start, stop = part % size, part % size + 1
        if isinstance(value, Value) and value.ndim > input.ndim - 1 - axis:
            made = g.op("Unsqueeze", made, g.ints(axis - input.ndim))
    shape[axis] = stop - start
    made = g.op("Expand", made, g.ints(*shape))
    before = [g.op("Slice", input, g.ints(0), g.ints(start), g.ints(axis))] if start else []
    after = [g.op("Slice", input, g.ints(stop), g.ints(size), g.ints(axis))] if stop < size else []
    return g.op("Concat", *before, made, *after, axis=axis)


@rule("topk")
def _topk(g, input, k, dim=-1, largest=True, sorted=True):
    return g.op("TopK", input, g.ints(k), axis=axis_of(dim, input.ndim), largest=int(largest), sorted=int(sorted),
                outputs=2)


@rule("sort")
def _sort(g, input, dim=-1, descending=False, stable=False):
    axis = axis_of(dim, input.ndim)
    return g.op("TopK", input, g.ints(input.shape[axis]), axis=axis, largest=int(descending), sorted=1, outputs=2)


@rule("argsort")
def _argsort(g, input, dim=-1, descending=False, stable=False):
    return _sort(g, input, dim, descending)[1]
