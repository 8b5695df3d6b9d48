"""Models as drawings, in the language of Graphviz."""
import os
import sys

from fastnn.keras import tree
from fastnn.keras.models import Functional, Sequential

_LATE = ("This model has not yet been built. Build the model first by calling `build()` or by calling the model on a "
         "batch of data.")


def _quoted(value):
    text = str(value)
    return text if text.startswith("<") and text.endswith(">") or text.isidentifier() or text.isdigit() else f'"{text}"'


def _attributes(found):
    return ", ".join(f"{name}={_quoted(value)}" for name, value in found.items())


class Dot:
    """A drawing: nodes, edges, and drawings within.

    Parameters
    ----------
    name : str
    within : bool
        Whether it is part of another one.
    """

    def __init__(self, name="G", within=False, **attributes):
        self.name, self.within, self.attributes = name, within, attributes
        self.nodes, self.edges, self.parts, self.defaults = {}, {}, [], {}

    def set(self, name, value):
        """Set an attribute."""
        self.attributes[name] = value

    def add_node(self, thing, label):
        self.nodes[str(id(thing))] = label

    def add_edge(self, source, destination):
        self.edges.setdefault((str(id(source)), str(id(destination))))

    def _lines(self):
        yield f"subgraph {_quoted('cluster_' + self.name)} {{" if self.within else f"digraph {self.name} {{"
        yield from (f"  {name}={_quoted(value)};" for name, value in self.attributes.items())
        if self.defaults:
            yield f"  node [{_attributes(self.defaults)}];"
        for name, label in self.nodes.items():
            yield f"  {name} [label={label}, fontname=Helvetica, border=0, margin=0];"
        for part in self.parts:
            yield from (f"  {line}" for line in part._lines())
        yield from (f"  {source} -> {destination} [penwidth=2];" for source, destination in self.edges)
        yield "}"

    def to_string(self):
        """The drawing in Graphviz' language."""
        return "\n".join(self._lines()) + "\n"

    __str__ = to_string

    def create(self, prog="dot", format="ps"):
        """The picture as bytes, drawn by Graphviz' program.

        Raises
        ------
        ImportError
            The package ``graphviz`` or the program is not installed.
        """
        try:
            import graphviz
        except ImportError:
            raise ImportError("drawing a model needs the package graphviz: pip install graphviz") from None
        try:
            return graphviz.Source(self.to_string(), engine=prog).pipe(format=format)
        except graphviz.ExecutableNotFound:
            raise ImportError(f"You must install graphviz (see instructions at https://graphviz.gitlab.io/download/) "
                              f"for `plot_model` to work: its program {prog!r} was not found.") from None

    def write(self, path, prog="dot", format="raw"):
        """Write the drawing (``format="raw"``, "dot" or "gv") or a picture to a file."""
        text = format in ("raw", "dot", "gv")
        data = self.to_string().encode() if text else self.create(prog, format)
        with open(path, "wb") as file:
            file.write(data)
        return True

    def __getattr__(self, name):
        """``write_png(path)``, ``create_svg()`` and the like."""
        for kind in ("write", "create"):
            if name.startswith(kind + "_"):
                return lambda *args, **kwargs: getattr(self, kind)(*args, format=name[len(kind) + 1:], **kwargs)
        raise AttributeError(f"'Dot' object has no attribute {name!r}")


def _shape_text(structure):
    if isinstance(structure, dict):
        return ", ".join(f"{key}: {value}" for key, value in structure.items())
    return "?" if structure is None else str(structure).replace("}", "").replace("{", "")


def _cell(text, background="white", color=None):
    style = f' color="{color}"' if color else ""
    return f'<td bgcolor="{background}"><font point-size="14"{style}>{text}</font></td>'


def _of_graph(layer, what, attribute):
    """Shapes or types of what goes into a layer or comes out; None if it has no place in a graph."""
    try:
        return tree.map_structure(lambda x: getattr(x, attribute), getattr(layer, what))
    except (ValueError, AttributeError):
        return None


def _label(layer, show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable):
    """A table: the name, and what is to be shown."""
    kind = getattr(layer, "class_name", None) or type(layer).__name__
    span = max(1, 2 * bool(show_shapes) + bool(show_dtype) + bool(show_trainable))
    head = f"<b>{layer.name}</b> ({kind})" if show_layer_names else f"<b>{kind}</b>"
    table = (f'<tr><td colspan="{span}" bgcolor="black"><font point-size="16" color="white">{head}</font></td></tr>')
    activation = getattr(layer, "activation", None)
    if show_layer_activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None) or str(activation)
        table += (f'<tr><td bgcolor="white" colspan="{span}"><font point-size="14">Activation: <b>{name}</b></font>'
                  f"</td></tr>")
    cells = []
    if show_shapes:
        shapes = [_of_graph(layer, what, "shape") for what in ("input", "output")]
        shapes = shapes if None not in shapes else [None, None]
        for what, shape in zip(("Input", "Output"), shapes):
            if what == "Output" or kind != "InputLayer":
                cells.append(_cell(f"{what} shape: <b>{_shape_text(shape)}</b>"))
    if show_dtype:
        cells.append(_cell(f"Output dtype: <b>{_of_graph(layer, 'output', 'dtype') or '?'}</b>"))
    if show_trainable and getattr(layer, "weights", None):
        color, text = ("forestgreen", "Trainable") if layer.trainable else ("firebrick", "Non-trainable")
        cells.append(_cell(f"<b>{text}</b>", color, color="white"))
    if cells:
        table += f"<tr>{''.join(cells)}</tr>"
    return f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{table}</table>>'


def model_to_dot(model, show_shapes=False, show_dtype=False, show_layer_names=True, rankdir="TB", expand_nested=False,
                 dpi=200, subgraph=False, show_layer_activations=False, show_trainable=False, splines="ortho",
                 **kwargs):
    """A model's graph as a drawing in Graphviz' language.

    Parameters
    ----------
    model : Model
        One that is built. Subclassed models are one box.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool
        What stands in a layer's box.
    rankdir : "TB" or "LR"
        Downwards or to the right.
    expand_nested : bool
        Draw the insides of models within.
    dpi : int
    subgraph : bool
        Whether the drawing is to be part of another.
    splines : str
        How lines are drawn.

    Returns
    -------
    Dot
        ``to_string()`` is the text; ``write(path, format="png")`` needs Graphviz.
    """
    if not model.built:
        raise ValueError(_LATE)
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    shown = dict(show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names,
                 show_layer_activations=show_layer_activations, show_trainable=show_trainable)
    if subgraph:
        dot = Dot(model.name, True, style="dashed", label=model.name, labeljust="l")
    else:
        dot = Dot(rankdir=rankdir, concentrate=True, dpi=dpi, splines=splines)
        dot.defaults["shape"] = "record"
    chain = isinstance(model, Sequential)
    if not chain and not isinstance(model, Functional):
        dot.add_node(model, _label(model, **shown))
        return dot
    layers = model.layers if chain else model._operations
    for layer in layers:
        if expand_nested and isinstance(layer, (Functional, Sequential)):
            dot.parts.append(model_to_dot(layer, rankdir=rankdir, expand_nested=True, subgraph=True, **shown))
        else:
            dot.add_node(layer, _label(layer, **shown))
    if chain and not expand_nested:
        for source, destination in zip(layers, layers[1:]):
            dot.add_edge(source, destination)
        return dot
    nodes = None if chain else {id(node) for node in model._nodes}
    for layer in layers[1:] if chain else layers:  # what goes into the first one is the outer drawing's
        for node in layer._inbound_nodes:
            if nodes is None or id(node) in nodes:
                for i, x in enumerate(node.input_tensors):
                    _connect(dot, x, i, layer, expand_nested)
    return dot


def _connect(dot, x, number, layer, expand_nested):
    """The edge from what makes `x` to the layer that takes it as an input; to and from the insides of models."""
    source, _, place = x._keras_history
    if expand_nested:
        while isinstance(source, (Functional, Sequential)):
            source, _, place = source.outputs[place]._keras_history
        while isinstance(layer, (Functional, Sequential)):
            layer = layer.layers[0] if isinstance(layer, Sequential) else layer.inputs[number]._keras_history.operation
    dot.add_edge(source, layer)


def plot_model(model, to_file="model.png", show_shapes=False, show_dtype=False, show_layer_names=False, rankdir="TB",
               expand_nested=False, dpi=200, show_layer_activations=False, show_trainable=False, splines="ortho",
               **kwargs):
    """Draw a model to a file: a picture by Graphviz, or its language itself for names that end in ``.dot`` or ``.gv``.

    Parameters
    ----------
    to_file : path
    model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, \
show_trainable, splines
        As of `model_to_dot`.

    Raises
    ------
    ImportError
        The package ``graphviz`` or its program is missing; in a notebook that is printed instead.
    """
    dot = model_to_dot(model, show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names,
                       rankdir=rankdir, expand_nested=expand_nested, dpi=dpi,
                       show_layer_activations=show_layer_activations, show_trainable=show_trainable, splines=splines,
                       **kwargs)
    to_file = os.fspath(to_file)
    kind = os.path.splitext(to_file)[1][1:] or "png"
    notebook = "IPython.core.magics.namespace" in sys.modules
    try:
        dot.write(to_file, format=kind)
    except ImportError as error:
        if not notebook:
            raise
        print(error)
        return None
    if notebook and kind in ("png", "jpg", "jpeg", "gif"):
        from IPython import display
        return display.Image(filename=to_file)
    return None
