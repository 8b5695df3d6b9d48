"""Dimensions whose sizes a graph leaves open."""
import numpy as np


class Dimension:
    """An open size: its name, where it stands, as (input, axis, the name there), and its size in each trace."""

    __slots__ = ("found", "name", "positions", "size")

    def __init__(self, name, size):
        self.name, self.size, self.positions, self.found = name, size, [], ()


def _axes(given, shape, name):
    """{axis: name or None} of one input's entry in ``dynamic_axes`` or ``dynamic_shapes``."""
    if given is None:
        return {}
    if isinstance(given, (tuple, list)) and not all(isinstance(axis, int) for axis in given):
        given = dict(enumerate(given))  # a sequence with one entry per axis
    if not isinstance(given, dict):
        given = dict.fromkeys(given)
    found = {}
    for axis, symbol in given.items():
        if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
            raise ValueError(f"onnx.export: {name} has {len(shape)} axes, and none of them is {axis!r}, which is to be "
                             f"dynamic")
        kind = getattr(symbol, "__name__", symbol)  # a Dim has its name there
        found[axis % len(shape)] = kind
    return found


def _given(names, arrays, own, dynamic_axes, dynamic_shapes):
    """[(input, axis, name)] as they were asked for; a name of None is to be made."""
    for what, value, kinds in (("dynamic_axes", dynamic_axes, dict),
                               ("dynamic_shapes", dynamic_shapes, (dict, tuple, list))):
        if value is not None and not isinstance(value, kinds):
            expected = "a dictionary" if kinds is dict else "a dictionary or sequence"
            raise TypeError(f"onnx.export: expected {what} to be {expected}, got {type(value).__name__}")
    for name, axes in (dynamic_axes or {}).items():
        if name in names:
            i = names.index(name)
            axes = dict.fromkeys(axes) if not isinstance(axes, dict) else axes
            yield from ((i, axis, symbol) for axis, symbol in _axes(axes, arrays[i].shape, name).items())
    if dynamic_shapes is None:
        return
    if isinstance(dynamic_shapes, dict):
        unknown = {name for name, axes in dynamic_shapes.items() if axes} - {name for name, _ in own}
        if unknown:
            raise ValueError(f"onnx.export: dynamic_shapes names {sorted(unknown)}, which are no arguments of the "
                             f"model")
        shapes = [dynamic_shapes.get(name) for name, _ in own]
    else:
        shapes = list(dynamic_shapes)
    i = 0
    for (name, item), given in zip(own, shapes):
        for part, entry in _paired(item, given):
            for axis, symbol in _axes(entry, part.shape, name).items():
                if symbol is not None and symbol != "STATIC" and not isinstance(symbol, int):
                    yield i, axis, None if symbol in ("AUTO", "DYNAMIC") else symbol
            i += 1


def _paired(item, given):
    """(tensor, its entry) for each tensor of an argument."""
    if hasattr(item, "shape"):
        yield item, given
    elif isinstance(item, (tuple, list)):
        for j, part in enumerate(item):
            yield from _paired(part, None if given is None else given[j])
    elif isinstance(item, dict):
        for key, part in item.items():
            yield from _paired(part, None if given is None else given.get(key))


def dimensions_of(names, arrays, own, dynamic_axes, dynamic_shapes):
    """The open dimensions; those without a name that have the same size are varied together."""
    found = {}
    for i, axis, symbol in _given(names, arrays, own, dynamic_axes, dynamic_shapes):
        size = arrays[i].shape[axis]
        if size == 0:
            raise ValueError(f"onnx.export: axis {axis} of {names[i]} has no elements, of which other sizes could be "
                             f"made; give an example with some")
        key = symbol if symbol is not None else ("open", size)
        place = symbol if symbol is not None else f"{names[i]}_dim_{axis}"
        dimension = found.setdefault(key, Dimension(place, size))
        if dimension.size != size:
            raise ValueError(f"onnx.export: the dimension {symbol!r} has size {dimension.size} and {size}")
        dimension.positions.append((i, axis, place))
    dimensions = list(found.values())
    for dimension in dimensions:
        dimension.found = tuple([dimension.size, *[_other(dimension.size) if varied is dimension else dimension.size
                                                   for varied in dimensions]])
    return dimensions


def _other(size):
    """Another size; large enough that what is computed of it is another one too."""
    return 2 * size + 1


def altered(arrays, dimensions):
    """Inputs of other sizes, one for each dimension, and with other numbers; with those alone if there are none.

    Numbers that were given may be indices, lengths or masks, so they are permuted or moved a little.
    """
    for dimension in dimensions or [None]:
        made = []
        for i, array in enumerate(arrays):
            for place, axis, _ in dimension.positions if dimension is not None else ():
                if place == i:
                    array = np.take(array, np.arange(_other(dimension.size)), axis, mode="wrap")
            if array.dtype.kind == "f" and np.isfinite(array).all():
                array = array * array.dtype.type(0.75) + array.dtype.type(0.125)
            if array.dtype.kind in "iuf" and array.ndim:
                array = np.flip(array, -1)  # which element is the largest must not decide what is computed
            made.append(array)
        yield made
