"""Layers of the Keras door that a kernel computes whole, written out as those of `_unrolled` are."""
import math

import fastnn
from fastnn.explain import _unrolled


def _plain(values):
    return None if values is None else values.detach()


def _cell(cell, rules, x, state):
    """One step of a cell: its new state, the output first."""
    kernel, inner = cell.kernel.detach().t(), cell.recurrent_kernel.detach().t()
    bias, h = _plain(cell.bias), state[0]
    if len(state) == 2:
        gates = (rules.affine(x, kernel, bias) + rules.affine(h, inner, None)).chunk(4, -1)
        i, f, o = (rules.map(cell.recurrent_activation, gates[k]) for k in (0, 1, 3))
        c = rules.gate(f, state[1]) + rules.gate(i, rules.map(cell.activation, gates[2]))
        return rules.gate(o, rules.map(cell.activation, c)), c
    if not hasattr(cell, "reset_after"):
        return (rules.map(cell.activation, rules.affine(x, kernel, bias) + rules.affine(h, inner, None)),)
    u = cell.units
    first, second = (None, None) if bias is None else bias if cell.reset_after else (bias, None)
    a = rules.affine(x, kernel, first).chunk(3, -1)
    if cell.reset_after:
        b = rules.affine(h, inner, second).chunk(3, -1)
    else:
        b = rules.affine(h, inner[:2 * u], None).chunk(2, -1)
    z, r = (rules.map(cell.recurrent_activation, a[k] + b[k]) for k in (0, 1))
    candidate = rules.gate(r, b[2]) if cell.reset_after else rules.affine(rules.gate(r, h), inner[2 * u:], None)
    candidate = rules.map(cell.activation, a[2] + candidate)
    return (rules.gate(z, h) + rules.gate(1 - z, candidate),)


def recurrent(step, rules, args, kwargs, output):
    """What `SimpleRNN`, `LSTM` and `GRU` give; None with masks, given states or dropout."""
    layer, cell = step.layer, step.layer.cell
    if len(args) > 1 or layer.stateful or any(kwargs.get(name) is not None for name in ("mask", "initial_state")) or \
            kwargs.get("training") and (cell.dropout or cell.recurrent_dropout):
        return None
    x = args[0] if args else kwargs["sequences"]
    rows = [row.squeeze(1) for row in x.split(1, 1)]
    state = tuple(x.new_zeros(x.shape[0], layer.units) for _ in range(2 if isinstance(cell.state_size, list) else 1))
    steps = []
    for row in reversed(rows) if layer.go_backwards else rows:
        state = _cell(cell, rules, row, state)
        steps.append(state[0])
    found = fastnn.stack(steps, 1) if layer.return_sequences else steps[-1]
    return type(output)([found, *state]) if layer.return_state else found


def _projected(dense, rules, x, made):
    """`x` through a projection whose kernel's last `made` axes are the result's."""
    kernel, bias = dense.kernel.detach(), _plain(dense.bias)
    shape = tuple(kernel.shape)
    weight = kernel.reshape(math.prod(shape[:-made]), -1).t()
    return rules.affine(x, weight, None if bias is None else bias.flatten()), shape[-made:]


def attention(step, rules, args, kwargs, output):
    """What `MultiHeadAttention` gives for sequences; None with a gate, padding masks, windows or dropout."""
    layer = step.layer
    given = dict(zip(("query", "value", "key"), args), **kwargs)
    query, value = given["query"], given["value"]
    key = value if given.get("key") is None else given["key"]
    masks = [given.get(f"{name}_mask") for name in ("query", "value", "key")]
    if query.ndim != 3 or len(args) > 3 or layer.get_config()["use_gate"] or any(m is not None for m in masks) or \
            layer.get_config()["sliding_window"] is not None or given.get("training") and layer.dropout:
        return None
    q, k, v = (_heads(*_projected(dense, rules, x, 2)) for dense, x in (
        (layer.query_dense, query), (layer.key_dense, key), (layer.value_dense, value)))
    scores = rules.product(q * layer.key_dim ** -0.5, k.transpose(-1, -2), _unrolled.matmul)
    allowed = None if given.get("attention_mask") is None else given["attention_mask"].bool()
    if given.get("use_causal_mask"):
        causal = fastnn.ones(1, query.shape[1], value.shape[1]).tril().bool()
        allowed = causal if allowed is None else allowed & causal
    if allowed is not None:
        allowed = allowed.unsqueeze(1) if allowed.ndim == 3 else allowed
        scores = scores.masked_fill(~allowed, fastnn.finfo(scores.dtype).min / 4)
    weights = rules.softmax(scores, -1)
    out, _ = _projected(layer.output_dense, rules, rules.mixture(weights, v).transpose(1, 2).flatten(2),
                        layer.output_dense.kernel.ndim - 2)
    return (out, weights) if given.get("return_attention_scores") else out


def _heads(x, shape):
    return x.unflatten(-1, shape).transpose(1, 2)
