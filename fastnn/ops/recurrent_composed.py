"""Recurrent layers step by step: the LSTM with a projected h (Sak, Senior and Beaufays 2014), and what gradients of
gradients go through."""
from fastnn.ops.creation import zeros
from fastnn.ops.linear import linear
from fastnn.ops.activation import relu, sigmoid
from fastnn.ops.trigonometric import tanh
from fastnn.ops.joining import cat, stack


def cell(mode, x, h, c, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None):
    """(h, c) after one step, c None unless LSTM; w_hr (projected, hidden): h is projected."""
    from_x, from_h = linear(x, w_ih, b_ih), linear(h, w_hh, b_hh)
    if mode == "lstm":
        i, f, g, o = (from_x + from_h).chunk(4, 1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return h if w_hr is None else linear(h, w_hr), c
    if mode == "gru":
        (xr, xz, xn), (hr, hz, hn) = from_x.chunk(3, 1), from_h.chunk(3, 1)
        n = tanh(xn + sigmoid(xr + hr) * hn)
        return n + sigmoid(xz + hz) * (h - n), None
    return (tanh if mode == "rnn_tanh" else relu)(from_x + from_h), None


def by_steps(mode, input, weights, h0=None, c0=None, batch_sizes=None, batch_first=False, directions=1,
             projected=False):
    """One recurrent layer in tensor operations; arguments and results as `ops.recurrent.recurrent`, if `projected`
    with w_hr as the last of each direction's weights."""
    per = len(weights) // directions
    if batch_sizes is None:
        x = input.transpose(0, 1) if batch_first else input
        steps = list(x.unbind(0))
    else:
        steps = list(input.split([int(size) for size in batch_sizes]))
    batch = len(steps[0]) if steps else input.shape[0 if batch_first else 1]
    outputs, last_h, last_c = [], [], []
    for d in range(directions):
        own = weights[d * per:(d + 1) * per]
        w_hr = own.pop() if projected else None
        w_ih, size = own[0], own[1].shape[1]
        states = [zeros(batch, n, dtype=w_ih.dtype) for n in (size, w_hr.shape[1] if projected else size)]
        h, c = states[0] if h0 is None else h0[d], states[1] if c0 is None else c0[d]
        outs = []
        for x in steps[::-1] if d else steps:
            alive = len(x)
            new_h, new_c = cell(mode, x, h[:alive], c[:alive], *own, *[None] * (4 - len(own)), w_hr)
            outs.append(new_h)
            whole = alive == batch
            h = new_h if whole else cat([new_h, h[alive:]])
            c = c if new_c is None else new_c if whole else cat([new_c, c[alive:]])
        outputs.append(outs[::-1] if d else outs)
        last_h.append(h)
        last_c.append(c)
    rows = [cat(list(parts), 1) for parts in zip(*outputs, strict=True)]
    if batch_sizes is not None:
        y = cat(rows)
    elif rows:
        y = stack(rows, 1 if batch_first else 0)
    else:
        y = zeros(*input.shape[:2], directions * size, dtype=w_ih.dtype)
    return y, stack(last_h), stack(last_c) if mode == "lstm" else None


def projected_lstm(*args):
    """h = w_hr (sigmoid(o) tanh(c)); arguments and results as `ops.recurrent.recurrent`, weights of each direction with
    w_hr (projected, hidden) as the last."""
    return by_steps(*args, projected=True)
