"""What second-order rules work with: a node's saved values by name, its place in the graph, and linear maps.

The rules stand where their operations do (``@SOME_OP.second``); a rule gets a Step and the gradients of the node's
outputs, tensors, and gives a tensor, or a tuple with one (or None) for each input.
"""
import numpy as np

from fastnn import _gradients, _tape, _tensor
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import indexing, joining, reduce


class Step:
    """One node during recorded backward.

    Its saved values and numbers are attributes, by the names in its operation's record: ``step.x``, ``step.shape_x``.
    """

    where = staticmethod(indexing.where)
    cat = staticmethod(joining.cat)
    tensor = staticmethod(from_array)

    def __init__(self, node, run=None):
        self.node, self.run = node, run
        self.op, self.edges, self.saved, *numbers = _tape.parts_of(node)
        if self.op.saves:
            vars(self).update(zip(self.op.saves, self.saved, strict=True))
        vars(self).update(zip(self.op.numbers, numbers))

    def gradients(self, *grads):
        """The gradients of the node's inputs by the second-order rule, as a tuple."""
        rule = self.op.second_order
        if rule is None:
            raise NotImplementedError(f"create_graph=True: {self.op.name} has no gradient that can be differentiated"
                                      + ("" if self.op.reason is None else f": {self.op.reason}"))
        found = rule(self, *grads)
        return found if isinstance(found, tuple) else (found,)

    def of(self, node):
        """The step of a node that this one's stands for."""
        return Step(node, self.run)

    # ---- the node's place in the graph ----

    def needs(self, i):
        """Whether input number i gets a gradient."""
        return self.edges[i] is not None

    def input(self, array, i):
        """The tensor that was input number i, from its saved array."""
        return _gradients.tensor_at(array, self.edges[i])

    def inputs(self):
        """Tensors at the positions in the graph that the node depends on; without its numbers."""
        zero = np.zeros(())
        return [_gradients.tensor_at(zero, edge) for edge in self.edges if edge is not None]

    def output(self, array):
        """The tensor that the node made, from its saved array."""
        return _gradients.tensor_at(array, self.node)

    # ---- parts of rules ----

    @staticmethod
    def sum_to(g, shape):
        """Undo a broadcast; None stays None."""
        if g is None:
            return None
        shape = tuple(shape)
        if tuple(g.shape) == shape:
            return g
        extra = g.ndim - len(shape)
        axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1)
        return reduce.sum(g, axes, True).reshape(shape) if axes else g.reshape(shape)

    @staticmethod
    def only_where(mask, g):
        """g where the mask, an array, holds; else 0, also where g is infinite or NaN."""
        return indexing.where(from_array(np.asarray(mask)), g, 0.0)

    @staticmethod
    def linear(g, forward, transposed, beside=None, shape=None):
        """forward(g) for a linear function of arrays, recorded with its transpose.

        `beside`, a tensor of that shape, is an input of the recorded step too, and gets zeros: as where PyTorch's rule
        reads the operation's input for its sizes.
        """
        return record(forward(g.detach().numpy()), LINEAR, (g,) if beside is None else (g, beside),
                      (forward, transposed, shape))

    @staticmethod
    def zeros(g, shape):
        """Zeros, which depend on g as little as on anything, but are in its graph."""
        own = tuple(g.shape)
        return Step.linear(g, lambda array: np.zeros(shape, array.dtype), lambda array: np.zeros(own, array.dtype))

    @staticmethod
    def piecewise(g, x, scale):
        """scale(g), linear in g by factors that depend on x (None: constants) but do not change with it: x gets zeros.
        """
        return record(scale(np.asarray(g.detach().numpy(), order="C")), PIECEWISE, (g, x), (scale, x is None))

    def through(self, g, arrays, function, unread=(), held=()):
        """The gradients of a node as those of ``function(*inputs)``; `arrays` of the inputs stand in the edges' order.

        Of a node with several outputs `g` is the tuple of their gradients, and the function gives as many results.
        `unread`: positions of inputs that PyTorch's rule does not have; `held`: that it has, but does not read.
        """
        inputs = [None if array is None else from_array(array) if edge is None else
                  self.input(array, i).expand(array.shape)
                  for i, (array, edge) in enumerate(zip(arrays, self.edges))]  # views: vertices of this call alone
        made = function(*inputs)
        pairs = [(y, grad) for y, grad in (zip(made, g) if isinstance(g, tuple) else ((made, g),)) if grad is not None]
        vertices = [None if edge is None else _tensor.edge(x) for edge, x in zip(self.edges, inputs)]
        found = self.run(*zip(*pairs), True, dict.fromkeys(vertex for vertex in vertices if vertex is not None))
        return self.in_graph([None if vertex is None else found.get(vertex) for vertex in vertices],
                             [None if i in unread else x for i, x in enumerate(inputs)], held)

    @staticmethod
    def in_graph(found, inputs, held=()):
        """Gradients that do not depend on the inputs are in the graph too, as PyTorch's rules read them: with zeros.

        Of the inputs at the positions `held` PyTorch gives none.
        """
        given = [(x, None if i in held else tuple(x.shape)) for i, x in enumerate(inputs)
                 if x is not None and x.requires_grad]
        inputs, shapes = tuple(x for x, _ in given), tuple(sizes for _, sizes in given)
        return tuple(x if x is None or x.requires_grad or not inputs else
                     record(x.detach().numpy(), ZEROS, inputs, (shapes,)) for x in found)


# ---- the operations that rules record ----

def _linear_rule(grad, forward, transposed, shape):
    found = transposed(grad)
    return found if shape is None else (found, np.zeros(shape, grad.dtype))


LINEAR = Op("LinearMapBackward0", _linear_rule, "forward transposed shape")


@LINEAR.second
def linear_second(step, g):
    found = step.linear(g, step.transposed, step.forward)
    return found if step.shape is None else (found, from_array(np.zeros(step.shape, g.detach().numpy().dtype)))


def _piecewise_rule(grad, scale, alone):
    return scale(np.asarray(grad, order="C")), None if alone else np.zeros_like(grad)


PIECEWISE = Op("PiecewiseBackward0", _piecewise_rule, "scale alone")


@PIECEWISE.second
def piecewise_second(step, g):
    return (step.piecewise(g, None, step.scale),
            None if step.alone else from_array(np.zeros_like(g.detach().numpy())))


def _nothing(grad, shapes):
    return tuple(None if sizes is None else np.zeros(sizes, grad.dtype) for sizes in shapes)


ZEROS = Op("ZerosBackward0", _nothing, "shapes")


@ZEROS.second
def zeros_second(step, g):
    return tuple(None if x is None else from_array(x) for x in _nothing(g.detach().numpy(), step.shapes))
