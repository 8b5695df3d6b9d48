"""Recurrent layers: ONNX has the same three, with their gates in another order."""
import numpy as np

from fastnn.onnx.rules._declare import rule
from fastnn.ops.recurrent import recurrent, recurrent_cell

# ONNX's operator, and where it has the gates that stand here as (i, f, g, o) and (r, z, n).
KINDS = {"lstm": ("LSTM", (0, 3, 1, 2)), "gru": ("GRU", (1, 0, 2)), "rnn_tanh": ("RNN", (0,)),
         "rnn_relu": ("RNN", (0,))}


def arranged(g, groups, order):
    """One tensor of all directions' weights, or pairs of biases side by side, with the gates in ONNX's order."""
    weights = [weight for group in groups for weight in group]
    if all(weight.constant is not None for weight in weights):
        return g.constant(np.stack([np.concatenate([np.split(weight.constant, len(order))[i]
                                                    for weight in group for i in order]) for group in groups]))
    rows = []
    for group in groups:
        parts = []
        for weight in group:
            size = weight.shape[0] // len(order)
            gates = g.op("Split", weight, g.ints(*[size] * len(order)), axis=0, outputs=len(order))
            parts += [gates[i] for i in order] if len(order) > 1 else [weight]
        rows.append(g.op("Unsqueeze", g.op("Concat", *parts, axis=0), g.ints(0)))
    return g.op("Concat", *rows, axis=0)


def layer(g, mode, x, weights, h0, c0, directions):
    """(Y, h, c) of x (time, batch, in): Y (time, directions, batch, hidden)."""
    kind, order = KINDS[mode]
    per = len(weights) // directions
    own = [weights[d * per:(d + 1) * per] for d in range(directions)]
    w, r = [arranged(g, [[part[i]] for part in own], order) for i in (0, 1)]
    b = arranged(g, [part[2:] for part in own], order) if per == 4 else None
    options = {"hidden_size": own[0][1].shape[1], "direction": "bidirectional" if directions == 2 else "forward"}
    if kind == "RNN":
        options["activations"] = ["Tanh" if mode == "rnn_tanh" else "Relu"] * directions
    if kind == "GRU":
        options["linear_before_reset"] = 1
    states = (h0, c0) if kind == "LSTM" else (h0,)
    made = g.op(kind, x, w, r, b, None, *states, outputs=1 + len(states), **options)
    return made if kind == "LSTM" else [*made, None]


@rule(recurrent)
def _recurrent(g, mode, input, weights, h0=None, c0=None, batch_sizes=None, batch_first=False, directions=1):
    if batch_sizes is not None:
        raise g.unsupported("a packed sequence")
    x = g.op("Transpose", input, perm=[1, 0, 2]) if batch_first else input.name
    y, h, c = layer(g, mode, x, weights, h0, c0, directions)
    if directions == 1:
        y = g.op("Squeeze", y, g.ints(1))
        return g.op("Transpose", y, perm=[1, 0, 2]) if batch_first else y, h, c
    y = g.op("Transpose", y, perm=[2, 0, 1, 3] if batch_first else [0, 2, 1, 3])
    return g.op("Reshape", y, g.ints(0, 0, -1)), h, c


@rule(recurrent_cell)
def _recurrent_cell(g, mode, input, weights, h0=None, c0=None):
    states = [None if state is None else g.op("Unsqueeze", state, g.ints(0)) for state in (h0, c0)]
    _, h, c = layer(g, mode, g.op("Unsqueeze", input, g.ints(0)), weights, *states, 1)
    return tuple([None if state is None else g.op("Squeeze", state, g.ints(0)) for state in (h, c)])
