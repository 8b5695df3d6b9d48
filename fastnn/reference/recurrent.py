"""Recurrent layers over whole sequences."""
import numpy as np

from fastnn.reference.elementwise import unary_forward

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}


def _sigmoid(a):
    return unary_forward("sigmoid", a)


def _rows(x, batch_sizes, batch_first):
    """For each step, where its rows lie in x made a matrix, and where in what is saved: slices."""
    if batch_sizes is not None:
        ends = np.cumsum(batch_sizes)
        return [(slice(end - size, end),) * 2 for end, size in zip(ends, batch_sizes, strict=True)]
    steps, batch = (x.shape[1], x.shape[0]) if batch_first else x.shape[:2]
    ordered = [slice(t * batch, (t + 1) * batch) for t in range(steps)]
    if batch_first:
        return [(slice(t, steps * batch, steps), own) for t, own in enumerate(ordered)]
    return [(own, own) for own in ordered]


def _directions(mode, x, weights, h0, c0, batch_sizes, batch_first, directions):
    """For each direction: the steps in its order, w_ih, w_hh, b_ih, b_hh, initial h and c."""
    rows = _rows(x, batch_sizes, batch_first)
    batch = (x.shape[0] if batch_first else x.shape[1]) if batch_sizes is None else max([0, *batch_sizes[:1]])
    hidden, per = weights[1].shape[1], len(weights) // directions
    for d in range(directions):
        w = list(weights[d * per:(d + 1) * per]) + [np.zeros(len(weights[1]), x.dtype)] * (4 - per)
        zero = np.zeros((batch, hidden), x.dtype)
        yield (rows[::-1] if d else rows, *w, (zero if h0 is None else h0[d]).copy(),
               (zero if c0 is None else c0[d]).copy())


def recurrent_forward(mode, x, weights, h0=None, c0=None, batch_sizes=None, batch_first=False, directions=1,
                      save=True):
    hidden = weights[1].shape[1]
    flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    y = np.empty((len(flat), directions, hidden), x.dtype)
    gates = np.empty((directions, len(flat), 4, hidden), x.dtype)
    states = np.empty((directions, len(flat), hidden), x.dtype)
    last_h, last_c = [], []
    for d, (rows, w_ih, w_hh, b_ih, b_hh, h, c) in enumerate(
            _directions(mode, x, weights, h0, c0, batch_sizes, batch_first, directions)):
        inputs = flat @ w_ih.T + b_ih
        for at, own in rows:
            from_x = inputs[at]
            alive = len(from_x)
            from_h = h[:alive] @ w_hh.T + b_hh
            if mode == "lstm":
                i, f, g, o = np.split(from_x + from_h, 4, axis=1)
                i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
                c[:alive] = f * c[:alive] + i * g
                h[:alive] = o * np.tanh(c[:alive])
                gates[d, own] = np.stack([i, f, g, o], axis=1)
                states[d, own] = c[:alive]
            elif mode == "gru":
                (xr, xz, xn), (hr, hz, hn) = np.split(from_x, 3, axis=1), np.split(from_h, 3, axis=1)
                r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
                n = np.tanh(xn + r * hn)
                h[:alive] = n + z * (h[:alive] - n)
                gates[d, own] = np.stack([r, z, n, hn], axis=1)
            else:
                h[:alive] = unary_forward(mode[4:], from_x + from_h)
            y[at, d] = h[:alive]
        last_h.append(h)
        last_c.append(c)
    saved = {"lstm": lambda: np.concatenate([gates.ravel(), states.ravel()]), "gru": gates.ravel}
    return (y.reshape(*x.shape[:-1], directions * hidden), np.stack(last_h),
            np.stack(last_c) if mode == "lstm" else None, saved[mode]() if save and mode in saved else None)


def recurrent_backward(mode, grad, grad_h, grad_c, x, y, weights, saved, h0=None, c0=None, batch_sizes=None,
                       batch_first=False, directions=1, need_x=True, need_weights=True):
    hidden, per = weights[1].shape[1], len(weights) // directions
    flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    size = directions * len(flat) * hidden
    gates = states = None
    if saved is not None:
        gates = saved[:4 * size].reshape(directions, len(flat), 4, hidden)
        states = saved[4 * size:].reshape(directions, -1, hidden)
    y = np.ascontiguousarray(y).reshape(-1, directions, hidden)
    dy = np.zeros_like(y) if grad is None else np.ascontiguousarray(grad).reshape(-1, directions, hidden)
    dx, first_h, first_c, dweights = np.zeros_like(flat), [], [], []
    for d, (rows, w_ih, w_hh, _, _, h, c) in enumerate(
            _directions(mode, x, weights, h0, c0, batch_sizes, batch_first, directions)):
        dh = np.zeros_like(h) if grad_h is None else grad_h[d].copy()
        dc = np.zeros_like(c) if grad_c is None else grad_c[d].copy()
        before, before_c = np.empty((len(flat), hidden), x.dtype), np.empty((len(flat), hidden), x.dtype)
        for at, own in rows:
            alive = len(flat[at])
            before[at], before_c[at] = h[:alive], c[:alive]
            h[:alive] = y[at, d]
            if mode == "lstm":
                c[:alive] = states[d, own]
        from_x, from_h = np.empty((2, len(flat), GATES[mode] * hidden), x.dtype)
        for at, own in rows[::-1]:
            alive = len(flat[at])
            down, passed = dy[at, d] + dh[:alive], 0
            if mode == "lstm":
                i, f, g, o = np.moveaxis(gates[d, own], 1, 0)
                tanh_c = np.tanh(states[d, own])
                down_c = dc[:alive] + down * o * (1 - tanh_c**2)
                from_x[at] = from_h[at] = np.concatenate(
                    [down_c * g * i * (1 - i), down_c * before_c[at] * f * (1 - f), down_c * i * (1 - g**2),
                     down * tanh_c * o * (1 - o)], axis=1)
                dc[:alive] = down_c * f
            elif mode == "gru":
                r, z, n, inner = np.moveaxis(gates[d, own], 1, 0)
                dn = down * (1 - z) * (1 - n**2)
                dr, dz = dn * inner * r * (1 - r), down * (before[at] - n) * z * (1 - z)
                from_x[at], from_h[at] = np.concatenate([dr, dz, dn], 1), np.concatenate([dr, dz, dn * r], 1)
                passed = down * z
            elif mode == "rnn_tanh":
                from_x[at] = from_h[at] = down * (1 - y[at, d]**2)
            else:
                from_x[at] = from_h[at] = np.where(y[at, d] <= 0, 0, down)
            dh[:alive] = from_h[at] @ w_hh + passed
        dx += from_x @ w_ih
        dweights += [from_x.T @ flat, from_h.T @ before, from_x.sum(axis=0), from_h.sum(axis=0)][:per]
        first_h.append(dh)
        first_c.append(dc)
    return (dx.reshape(x.shape) if need_x else None, np.stack(first_h), np.stack(first_c) if mode == "lstm" else None,
            dweights if need_weights else None)
