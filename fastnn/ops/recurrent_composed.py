"""LSTM whose h is projected to fewer numbers (Sak, Senior and Beaufays 2014), step by step."""
from fastnn.ops.creation import zeros
from fastnn.ops.linear import linear
from fastnn.ops.activation import sigmoid
from fastnn.ops.trigonometric import tanh
from fastnn.ops.joining import cat, stack


def projected_lstm(mode, input, weights, h0=None, c0=None, batch_sizes=None, batch_first=False, directions=1):
    """h = w_hr (sigmoid(o) tanh(c)); arguments and results as `ops.recurrent.recurrent`, weights of each direction with
    w_hr (projected, hidden) as the last."""
    per = len(weights) // directions
    if batch_sizes is None:
        x = input.transpose(0, 1) if batch_first else input
        steps = list(x.unbind(0))
    else:
        steps = list(input.split([int(size) for size in batch_sizes]))
    batch = len(steps[0]) if steps else input.shape[0 if batch_first else 1]
    outputs, last_h, last_c = [], [], []
    for d in range(directions):
        w_ih, w_hh, *biases, w_hr = weights[d * per:(d + 1) * per]
        b_ih, b_hh = biases or (None, None)
        initial = [zeros(batch, size, dtype=w_ih.dtype) for size in w_hr.shape]
        h, c = initial[0] if h0 is None else h0[d], initial[1] if c0 is None else c0[d]
        outs = []
        for x in steps[::-1] if d else steps:
            alive = len(x)
            i, f, g, o = (linear(x, w_ih, b_ih) + linear(h[:alive], w_hh, b_hh)).chunk(4, 1)
            new_c = sigmoid(f) * c[:alive] + sigmoid(i) * tanh(g)
            new_h = linear(sigmoid(o) * tanh(new_c), w_hr)
            outs.append(new_h)
            h, c = (new_h, new_c) if alive == batch else (cat([new_h, h[alive:]]), cat([new_c, c[alive:]]))
        outputs.append(outs[::-1] if d else outs)
        last_h.append(h)
        last_c.append(c)
    rows = [cat(list(parts), 1) for parts in zip(*outputs, strict=True)]
    if batch_sizes is not None:
        y = cat(rows)
    elif rows:
        y = stack(rows, 1 if batch_first else 0)
    else:
        y = zeros(*input.shape[:2], directions * w_hr.shape[0], dtype=w_ih.dtype)
    return y, stack(last_h), stack(last_c)
