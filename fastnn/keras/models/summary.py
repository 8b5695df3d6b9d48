"""The table of a model's layers, as Keras prints it."""
import re
import shutil

from fastnn.keras import tree
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import above


def _shape(layer):
    """The output's shape as text; ? before it is known."""
    def text(shape):
        return f"({', '.join(map(str, shape))})"
    if layer._inbound_nodes:
        shapes = [text(x.shape) for x in layer._inbound_nodes[-1].outputs]
        return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"
    if not getattr(layer, "_build_shapes", None):
        return "?"
    try:
        found = layer.output_shape if hasattr(type(layer), "output_shape") else \
            layer.compute_output_shape(**layer._build_shapes)
        shapes = []
        tree.map_shape_structure(lambda shape: shapes.append(text(shape)), found)
    except (NotImplementedError, AttributeError, TypeError):
        return "?"
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _bytes(size):
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"


def _is_chain(model):
    """Whether every layer has one input, which is the layer before."""
    seen, last = set(), None
    for node in model._nodes:
        sources = {x._keras_history.operation for x in node.input_tensors}
        if len(sources) > 1 or len(node.input_tensors) > 1 or node.operation in seen:
            return False
        if last is not None and sources != {last}:
            return False
        seen.add(node.operation)
        last = node.operation
    return True


def _wrapped(text, width):
    """Lines of at most `width`: broken at spaces; a longer word is cut."""
    indent = text[:len(text) - len(text.lstrip())]
    lines, line = [], ""
    for i, word in enumerate(text.split()):
        word = word if i else indent + word
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [each if len(each) <= width else each[:width - 1] + "…" for each in [*lines, line]]


def _connections(model, layer):
    nodes = {id(node) for node in model._nodes}
    found = [f"{x._keras_history.operation.name}[{x._keras_history.node_index}][{x._keras_history.tensor_index}]"
             for node in layer._inbound_nodes if id(node) in nodes for x in node.input_tensors]
    return ", ".join(found) or "-"


def _range(layers, bounds):
    if bounds is None:
        return layers
    if len(bounds) != 2 or not all(isinstance(bound, str) for bound in bounds):
        raise ValueError(f"layer_range must be a list or tuple of two strings. Received: layer_range = {bounds}")
    first, last = ([i for i, layer in enumerate(layers) if re.match(bound, layer.name)] for bound in bounds)
    if not first or not last:
        raise ValueError(f"Passed layer_names do not match the layer names in the model. Received: {bounds}")
    low, high = (min(last), max(first)) if min(first) > max(last) else (min(first), max(last))
    return layers[low:high + 1]


def _table(header, alignment, widths, rows):
    """The lines of a table with borders."""
    def line(left, fill, cross, right):
        return left + cross.join(fill * width for width in widths) + right

    def row(cells, edge):
        columns = [_wrapped(cell, width - 2) for cell, width in zip(cells, widths)]
        for i in range(max(map(len, columns))):
            texts = [format(column[i] if i < len(column) else "", f"{how}{width - 2}")
                     for column, how, width in zip(columns, alignment, widths)]
            yield edge + edge.join(f" {text} " for text in texts) + edge
    yield line("┏", "━", "┳", "┓")
    yield from row(header, "┃")
    yield line("┡", "━", "╇", "┩")
    for i, cells in enumerate(rows):
        if i:
            yield line("├", "─", "┼", "┤")
        yield from row(cells, "│")
    yield line("└", "─", "┴", "┘")


def _shrunk(widths, excess):
    """Widths less `excess` in all, shared evenly."""
    found = []
    for i, width in enumerate(widths):
        part = round(excess / (len(widths) - i))
        found.append(width - part)
        excess -= part
    return found


def print_summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
                  layer_range=None):
    """Print the table of a model's layers and the numbers of its parameters.

    Parameters
    ----------
    model : Model
    line_length : int, optional
        Width of the table.
    positions : list of float, optional
        Where columns end, as shares of the width.
    print_fn : callable, optional
        Gets the whole text; `print` without it.
    expand_nested : bool
        Show the layers of models within.
    show_trainable : bool
        A column that says which layers are trained.
    layer_range : pair of str, optional
        The first and the last layer's name, or patterns of them.
    """
    chain = not isinstance(model, Functional) or _is_chain(model)
    layers = model._operations if isinstance(model, Functional) else model.layers
    header, alignment = ["Layer (type)", "Output Shape", "Param #"], ["<", "<", ">"]
    length, ends = (88, [0.45, 0.80, 1.0]) if chain else (108, [0.3, 0.56, 0.74, 1.0])
    ends = list(positions or ends)
    if not chain:
        header.append("Connected to")
        alignment.append("<")
    if show_trainable:
        length += 12
        ends = [end * 0.90 for end in ends] + [1.0]
        header.append("Trainable")
        alignment.append("^")
    length = line_length or min(length, shutil.get_terminal_size().columns - 4)
    stops = [int(end * length) for end in ends]
    widths = [stop - before for before, stop in zip([0, *stops], stops)]
    if min(widths) < 4:
        raise ValueError("Insufficient console width to print summary.")
    widths = [width + 2 for width in widths]  # with a space on each side
    widths = _shrunk(widths, sum(widths) + len(widths) + 1 - length)
    rows = []

    def add(layer, level):
        prefix = "   " * level + "└ " if level else ""
        count = "0" if not hasattr(layer, "built") else "0 (unbuilt)" if not layer.built \
            else f"{layer.count_params():,}"
        kind = getattr(layer, "class_name", None) or type(layer).__name__
        cells = [f"{prefix}{layer.name} ({kind})", _shape(layer), count]
        if not chain:
            cells.append(_connections(model, layer) if not level else "-")
        if show_trainable:
            cells.append("-" if not getattr(layer, "weights", None) else "Y" if layer.trainable else "N")
        rows.append(cells)
        if expand_nested:
            for inner in getattr(layer, "layers", ()):
                add(inner, level + 1)
    for layer in _range(layers, layer_range):
        add(layer, 0)
    counts = []
    for name, variables in (("Trainable", model.trainable_weights), ("Non-trainable", model.non_trainable_weights)):
        counts.append((name, variables))
    optimizer = model.optimizer if model.compiled else None
    if optimizer is not None and optimizer.built:
        counts.append(("Optimizer", optimizer.variables))
    sizes = [(name, sum(v.array_.size for v in group), sum(v.array_.nbytes for v in group)) for name, group in counts]
    lines = [f'Model: "{model.name}"', *_table(header, alignment, widths, rows)]
    total = "Total", sum(size for _, size, _ in sizes), sum(size for _, _, size in sizes)
    lines += [f" {name} params: {count:,} ({_bytes(size)})" for name, count, size in [total, *sizes]]
    text = "\n".join(lines)
    (print_fn or print)(text)


above.print_summary = print_summary
