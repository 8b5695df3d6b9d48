"""Layers that a kernel computes whole, written out in small steps, so that rules can say how each step passes on.

A `Rules` object gives the small steps: ``map(function, x)`` of single numbers, ``product(a, b, function)`` bilinear,
``gate(g, s)``, ``softmax(x, dim)``, ``affine(x, weight, bias)``.
"""
import fastnn
from fastnn import nn
from fastnn.nn import functional as F


def _tanh(x):
    return x.tanh()


def _sigmoid(x):
    return x.sigmoid()


def _relu(x):
    return x.relu()


def _multiply(a, b):
    return a * b


def matmul(a, b):
    return a @ b


def layer_norm(step, rules, x):
    """(x - mean) / sqrt(variance + eps) * weight + bias; RMS norm without the mean."""
    dims, eps = step.facts["dims"], step.facts["eps"](x)
    centred = x - x.mean(dims, keepdim=True) if step.facts["centred"] else x
    inverse = rules.map(lambda v: (v + eps).rsqrt(), rules.map(lambda c: c * c, centred).mean(dims, keepdim=True))
    y = rules.gate(inverse, centred)
    if step.facts["weight"] is not None:
        y = y * step.facts["weight"].detach()
    return y if step.facts["bias"] is None else y + step.facts["bias"].detach()


# ---- recurrent layers ----

def _rnn_cell(rules, x, h, w, nonlinearity):
    total = rules.affine(x, w["ih"], w["bias_ih"]) + rules.affine(h, w["hh"], w["bias_hh"])
    return rules.map(_relu if nonlinearity == "relu" else _tanh, total)


def _lstm_cell(rules, x, state, w):
    h, c = state
    gates = (rules.affine(x, w["ih"], w["bias_ih"]) + rules.affine(h, w["hh"], w["bias_hh"])).chunk(4, -1)
    i, f, o = (rules.map(_sigmoid, gates[k]) for k in (0, 1, 3))
    c = rules.gate(f, c) + rules.gate(i, rules.map(_tanh, gates[2]))
    h = rules.gate(o, rules.map(_tanh, c))
    return (h if w["hr"] is None else rules.affine(h, w["hr"], None)), c


def _gru_cell(rules, x, h, w):
    a, b = rules.affine(x, w["ih"], w["bias_ih"]).chunk(3, -1), rules.affine(h, w["hh"], w["bias_hh"]).chunk(3, -1)
    r, z = rules.map(_sigmoid, a[0] + b[0]), rules.map(_sigmoid, a[1] + b[1])
    n = rules.map(_tanh, a[2] + rules.gate(r, b[2]))
    return rules.gate(1 - z, n) + rules.gate(z, h)


def _cell(rules, module, x, state, w):
    if isinstance(module, (nn.LSTM, nn.LSTMCell)):
        return _lstm_cell(rules, x, state, w)
    if isinstance(module, (nn.GRU, nn.GRUCell)):
        return (_gru_cell(rules, x, state[0], w),)
    return (_rnn_cell(rules, x, state[0], w, module.nonlinearity),)


def _weights(module, suffix=""):
    found = {"ih": f"weight_ih{suffix}", "hh": f"weight_hh{suffix}", "bias_ih": f"bias_ih{suffix}",
             "bias_hh": f"bias_hh{suffix}", "hr": f"weight_hr{suffix}"}
    given = {name: getattr(module, attribute, None) for name, attribute in found.items()}
    return {name: None if value is None else value.detach() for name, value in given.items()}


def recurrent(step, rules, args, kwargs):
    """The output of `nn.RNN`, `nn.LSTM`, `nn.GRU` or one of their cells; None for packed sequences."""
    module = step.layer
    x = kwargs.get("input", args[0] if args else None)
    given = kwargs.get("hx", args[1] if len(args) > 1 else None)
    given = () if given is None else given if isinstance(given, tuple) else (given,)
    if not isinstance(x, fastnn.Tensor):
        return None
    states = 2 if isinstance(module, (nn.LSTM, nn.LSTMCell)) else 1
    if isinstance(module, (nn.RNNCell, nn.LSTMCell, nn.GRUCell)):
        state = given or tuple(x.new_zeros(*x.shape[:-1], module.hidden_size) for _ in range(states))
        state = _cell(rules, module, x, state, _weights(module))
        return state if states == 2 else state[0]
    if module.dropout and module.training:
        return None
    batched = x.ndim == 3
    time = (1 if module.batch_first else 0) if batched else 0
    rows = [each.squeeze(time) for each in x.split(1, time)]
    ends = [[] for _ in range(states)]
    directions = 2 if module.bidirectional else 1
    for layer in range(module.num_layers):
        outputs = []
        for direction in range(directions):
            w = _weights(module, f"_l{layer}" + ("_reverse" if direction else ""))
            number = layer * directions + direction
            widths = (getattr(module, "proj_size", 0) or module.hidden_size, module.hidden_size)[:states]
            state = tuple(each[number] for each in given) or tuple(
                x.new_zeros(*rows[0].shape[:-1], width) for width in widths)
            steps = []
            for row in reversed(rows) if direction else rows:
                state = _cell(rules, module, row, state, w)
                steps.append(state[0])
            outputs.append(steps[::-1] if direction else steps)
            for each, value in zip(ends, state):
                each.append(value)
        rows = [fastnn.cat(step, -1) for step in zip(*outputs)] if directions == 2 else outputs[0]
    end = tuple(fastnn.stack(each) for each in ends)
    return fastnn.stack(rows, time), end if states == 2 else end[0]


# ---- attention ----

def attention(step, rules, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
              average_attn_weights=True, is_causal=False):
    """(output, weights or None) of `nn.MultiheadAttention`; None for what is not written out here."""
    module = step.layer
    if module.bias_k is not None or module.add_zero_attn or module.dropout and module.training:
        return None
    batched = query.ndim == 3
    q, k, v = (x if batched else x.unsqueeze(1 if not module.batch_first else 0) for x in (query, key, value))
    if not module.batch_first:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    if module.in_proj_weight is not None:
        weights = module.in_proj_weight.detach().chunk(3)
    else:
        weights = [w.detach() for w in (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)]
    biases = (None,) * 3 if module.in_proj_bias is None else module.in_proj_bias.detach().chunk(3)
    heads = module.num_heads
    q, k, v = (rules.affine(x, w, b).unflatten(-1, (heads, -1)).transpose(1, 2)
               for x, w, b in zip((q, k, v), weights, biases))
    scores = rules.product(q * module.head_dim ** -0.5, k.transpose(-1, -2), matmul)
    lowest = fastnn.finfo(scores.dtype).min / 4  # differences of infinities would be NaN
    if attn_mask is not None:
        if attn_mask.ndim == 3:
            attn_mask = attn_mask.unflatten(0, (-1, heads))
        scores = _masked(scores, attn_mask, lowest)
    if key_padding_mask is not None:
        mask = key_padding_mask if key_padding_mask.ndim == 2 else key_padding_mask.unsqueeze(0)
        scores = _masked(scores, mask[:, None, None, :], lowest)
    weights = rules.softmax(scores, -1)
    out = rules.mixture(weights, v).transpose(1, 2).flatten(2)
    bias = module.out_proj.bias
    out = rules.affine(out, module.out_proj.weight.detach(), None if bias is None else bias.detach())
    if not module.batch_first:
        out = out.transpose(0, 1)
    weights = None if not need_weights else weights.mean(1) if average_attn_weights else weights
    if not batched:
        out, weights = out.squeeze(0 if module.batch_first else 1), None if weights is None else weights.squeeze(0)
    return out, weights


def _masked(scores, mask, lowest):
    if mask.dtype == fastnn.bool:
        return scores.masked_fill(mask, lowest)
    return scores + mask.detach().clamp(min=lowest)


class Rules:
    """How small steps pass on; here as the gradient does. Methods override what they change."""

    def affine(self, x, weight, bias):
        return F.linear(x, weight, bias)

    def map(self, function, x):
        return function(x)

    def product(self, a, b, function):
        return function(a, b)

    def gate(self, g, s):
        """A signal and what it is multiplied by."""
        return self.product(g, s, _multiply)

    def mixture(self, weights, values):
        """Attention's weights (..., L, S) times values (..., S, E)."""
        return self.product(weights, values, matmul)

    def softmax(self, x, dim):
        return x.softmax(dim)
