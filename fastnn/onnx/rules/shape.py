"""Shapes, order of elements, several tensors as one and one as several, padding and interpolation."""
import numpy as np

from fastnn.onnx.graph import Size, is_static
from fastnn.onnx.rules._declare import axes_of, axis_of, rule, spread, static
from fastnn.onnx.rules.indexing import indexed
from fastnn.ops import shape as ops
from fastnn.ops.indexing import getitem

LAST = np.iinfo(np.int64).max


def given(sizes):
    """Sizes that were given one by one or as one sequence."""
    return list(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else list(sizes)


@rule("reshape view", ops.reshape, ops.view_as_shape)
def _reshape(g, input, *shape, size=None):
    if size is not None:
        shape = (size,)
    if shape and not isinstance(shape[0], (int, Size, tuple, list)):  # view(dtype)
        raise g.unsupported("the bytes of a tensor as another dtype")
    sizes = given(shape)
    if -1 in sizes and not is_static(sizes):  # the only one that needs computation is left to ONNX
        return g.reshape(input, sizes)
    return g.reshape(input, sizes if -1 in sizes else g.result.shape)


@rule("reshape_as view_as flatten ravel unflatten squeeze unsqueeze atleast_1d atleast_2d atleast_3d")
def _reshaped(g, input, *args, **kwargs):
    old, new = input.shape, g.result.shape
    added = [i for i in range(len(new)) if new[i] == 1]
    for count in (len(new) - len(old),):
        if count > 0 and len(added) >= count and _without(new, added[:count]) == list(old):
            return g.op("Unsqueeze", input, g.ints(*added[:count]))
    dropped = [i for i in range(len(old)) if old[i] == 1]
    if len(new) < len(old) and _without(old, dropped) == list(new):
        return g.op("Squeeze", input, g.ints(*dropped))
    return g.reshape(input, _open(old, new))


def _without(sizes, axes):
    return [n for i, n in enumerate(sizes) if i not in axes]


def _open(old, new):
    """`new` with -1 for the one size that is not at its place in `old`, if one is not known."""
    moved = [i for i, n in enumerate(new) if isinstance(n, Size) and not (i < len(old) and old[i] == n)]
    return [-1 if [i] == moved else n for i, n in enumerate(new)]


@rule("unsqueeze", ops.unsqueeze)
def _unsqueeze(g, input, dim):
    return g.op("Unsqueeze", input, g.ints(axis_of(dim, input.ndim + 1)))


@rule("transpose swapaxes swapdims", ops.transpose)
def _transpose(g, input, dim0, dim1):
    order, a, b = list(range(input.ndim)), axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    if order:
        order[a], order[b] = b, a
    return g.op("Transpose", input, perm=order)


@rule("t adjoint", ops.t)
def _t(g, input):
    return g.op("Transpose", input, perm=list(range(input.ndim))[::-1]) if input.ndim == 2 else input.name


@rule("permute", ops.permute)
def _permute(g, input, *dims):
    return g.op("Transpose", input, perm=[axis_of(d, input.ndim) for d in given(dims)])


@rule("movedim moveaxis")
def _movedim(g, input, source, destination):
    source, destination = axes_of(source, input.ndim), axes_of(destination, input.ndim)
    order = [axis for axis in range(input.ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return g.op("Transpose", input, perm=order)


@rule("expand expand_as broadcast_to", ops.expand, ops.expand_as)
def _expand(g, input, *args, **kwargs):
    return g.op("Expand", input, g.ints(*[1 if i >= 0 and input.shape[i] == n and isinstance(n, Size) else n for i, n in
                                          enumerate(g.result.shape, input.ndim - g.result.ndim)]))


@rule("repeat tile")
def _repeat(g, input, *repeats):
    counts = given(repeats)
    missing = len(counts) - input.ndim
    x = input if missing <= 0 else g.op("Unsqueeze", input, g.ints(*range(missing)))
    return g.op("Tile", x, g.ints(*[1] * -missing, *counts))


@rule("cat concat concatenate")
def _cat(g, tensors, dim=0, out=None):
    parts = [t for t in tensors if not (t.ndim == 1 and t.shape == (0,) and g.result.ndim != 1)]
    return g.op("Concat", *[g.cast(t, g.result.dtype) for t in parts], axis=axis_of(dim, g.result.ndim))


@rule("stack")
def _stack(g, tensors, dim=0, out=None):
    axis = axis_of(dim, g.result.ndim)
    return g.op("Concat", *[g.op("Unsqueeze", g.cast(t, g.result.dtype), g.ints(axis)) for t in tensors], axis=axis)


@rule("split split_with_sizes chunk unsafe_chunk tensor_split")
def _split(g, tensor, *args, dim=None, **kwargs):
    dim = dim if dim is not None else args[1] if len(args) > 1 else 0
    axis = axis_of(dim, tensor.ndim)
    if len(g.results) == 1:
        return [g.op("Identity", tensor)]
    made = g.op("Split", tensor, g.ints(*[part.shape[axis] for part in g.results]), axis=axis, outputs=len(g.results))
    return made


@rule("unbind")
def _unbind(g, input, dim=0):
    return [g.op("Gather", input, np.int64(i), axis=axis_of(dim, input.ndim)) for i in range(len(g.results))]


def sliced(g, x, axis, start, stop, step=1):
    start, stop = (0 if start is None else start), (LAST if stop is None else stop)
    return g.op("Slice", x, g.ints(start), g.ints(stop), g.ints(axis), g.ints(step))


@rule("narrow")
def _narrow(g, input, dim, start, length):
    axis = axis_of(dim, input.ndim)
    if isinstance(length, Size) and (start == 0 and length == input.shape[axis]):
        return input.name
    if not is_static((start, length)):
        stop = Size([a + b for a, b in zip(*[n.found if isinstance(n, Size) else [n] * len(g.traces)
                                             for n in (start, length)])])
    else:
        stop = start + length if start >= 0 or start + length < 0 else LAST
    return sliced(g, input, axis, start, stop)


@rule("select")
def _select(g, input, dim, index):
    return g.op("Gather", input, g.op("Squeeze", g.ints(index)) if isinstance(index, Size) else np.int64(index),
                axis=axis_of(dim, input.ndim))


@rule(getitem)
def _getitem(g, input, index, read=()):
    return indexed(g, input, index)


@rule("flip")
def _flip(g, input, *args, dims=None):
    axes = axes_of(given(args) if dims is None else dims, input.ndim)
    return g.op("Slice", input, g.ints(*[-1] * len(axes)), g.ints(*[-LAST] * len(axes)), g.ints(*axes),
                g.ints(*[-1] * len(axes)))


@rule("roll")
def _roll(g, input, shifts, dims=None):
    if dims is None:
        raise g.unsupported("rolling over all elements")
    x = input
    for shift, axis in zip(static(g, "a shift", *spread(shifts, 1)), axes_of(dims, input.ndim)):
        if isinstance(input.shape[axis], Size):
            raise g.unsupported("rolling along a dynamic dimension")
        shift %= max(input.shape[axis], 1)
        if shift:
            x = g.op("Concat", sliced(g, x, axis, -shift, None), sliced(g, x, axis, 0, -shift), axis=axis)
    return g.op("Identity", x)


@rule("tril triu")
def _triangle(g, input, diagonal=0):
    upper = g.current.rstrip("_") == "triu"
    if input.dtype == bool:  # ONNX Runtime knows numbers alone
        return g.cast(g.op("Trilu", g.cast(input, np.int64), np.int64(diagonal), upper=int(upper)), bool)
    return g.op("Trilu", input, np.int64(diagonal), upper=int(upper))


@rule("pad")
def _pad(g, input, pad, mode="constant", value=None):
    pad, count = list(pad), len(pad) // 2
    first, last = [0] * input.ndim, [0] * input.ndim
    for i in range(count):
        first[-1 - i], last[-1 - i] = pad[2 * i], pad[2 * i + 1]
    x = input
    for axis, (before, after) in enumerate(zip(first, last)):
        if before < 0 or after < 0:
            x = sliced(g, x, axis, max(-before, 0), min(after, 0) or None)
            first[axis], last[axis] = max(before, 0), max(after, 0)
    kind = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    if kind != "wrap":
        fill = g.scalar(value or 0, input.dtype) if kind == "constant" else None
        return g.op("Pad", x, g.ints(*first, *last), fill, mode=kind)
    # Pad knows it from opset 19 on, few runtimes do.
    for axis, (before, after) in enumerate(zip(first, last)):
        parts = [sliced(g, x, axis, -before, None)] if before else []
        parts += [x] + ([sliced(g, x, axis, 0, after)] if after else [])
        x = g.op("Concat", *parts, axis=axis) if len(parts) > 1 else x
    return x if isinstance(x, str) else x.name


@rule("interpolate")
def _interpolate(g, input, size=None, scale_factor=None, mode="nearest", align_corners=None,
                 recompute_scale_factor=None, antialias=False):
    kinds = {"nearest": "nearest", "nearest-exact": "nearest", "linear": "linear", "bilinear": "linear",
             "trilinear": "linear", "bicubic": "cubic"}
    if mode not in kinds or antialias:
        raise g.unsupported(f"mode {mode!r}{' with antialias' if antialias else ''}")
    kind, count = kinds[mode], input.ndim - 2
    where = "align_corners" if align_corners else "asymmetric" if mode == "nearest" else "half_pixel"
    if where == "half_pixel" and kind == "linear" and any(n == 1 for n in g.result.shape[2:]):
        where = "pytorch_half_pixel"
    scales = sizes = None
    if size is None and not recompute_scale_factor:
        scales = np.array([1.0, 1.0, *spread(scale_factor, count)], np.float32)
    else:
        sizes = g.ints(*g.result.shape)
    return g.op("Resize", input, None, scales, sizes, mode=kind, coordinate_transformation_mode=where,
                nearest_mode={"nearest": "floor", "nearest-exact": "round_prefer_ceil"}.get(mode),
                cubic_coeff_a=-0.75 if kind == "cubic" else None)


@rule("pixel_shuffle")
def _pixel_shuffle(g, input, upscale_factor):
    return g.op("DepthToSpace", input, blocksize=upscale_factor, mode="CRD")


@rule("pixel_unshuffle")
def _pixel_unshuffle(g, input, downscale_factor):
    (n, c, h, w), r = input.shape, downscale_factor
    static(g, "an image size", h, w)
    split = g.reshape(input, [n, c, h // r, r, w // r, r])
    moved = g.op("Transpose", split, perm=[0, 1, 3, 5, 2, 4])
    return g.reshape(moved, [n, c * r * r, h // r, w // r], (n, c, r, r, h // r, w // r))
