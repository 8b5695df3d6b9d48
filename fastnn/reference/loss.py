"""Losses and their gradients; see fastnn.kernels.loss."""
import numpy as np


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def _sigmoid(x):
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _sign(x):
    return (x > 0).astype(x.dtype) - (x < 0)


def _smooth_sign(x, beta):
    return np.where(abs(x) < beta, x / beta if beta else 0, np.where(np.isnan(x) & (beta > 0), x, _sign(x)))


def _at_least(x, low):
    return np.where(x < low, low, x)


def _stirling(t, on):
    return np.where((t > 1) & bool(on), t * np.log(t) - t + 0.5 * (np.log(t) + np.log(2 * np.pi)), 0)


def _stirling_slope(t, on):
    return np.where((t > 1) & bool(on), np.log(t) + 0.5 / t, 0)


# name: (loss, its derivative by x, its derivative by t), of x, t, the third array v, and parameters a and b
POINTWISE = {
    "mse": (lambda x, t, v, a, b: (x - t) * (x - t), lambda x, t, v, a, b: 2 * (x - t),
            lambda x, t, v, a, b: 2 * (t - x)),
    "l1": (lambda x, t, v, a, b: abs(x - t), lambda x, t, v, a, b: _sign(x - t), lambda x, t, v, a, b: _sign(t - x)),
    "smooth_l1": (lambda x, t, v, a, b: np.where(abs(x - t) < a, 0.5 * (x - t) * (x - t) / (a or 1),
                                                 abs(x - t) - 0.5 * a),
                  lambda x, t, v, a, b: _smooth_sign(x - t, a), lambda x, t, v, a, b: _smooth_sign(t - x, a)),
    "huber": (lambda x, t, v, a, b: np.where(abs(x - t) <= a, 0.5 * (x - t) * (x - t), a * (abs(x - t) - 0.5 * a)),
              lambda x, t, v, a, b: np.clip(x - t, -a, a), lambda x, t, v, a, b: np.clip(t - x, -a, a)),
    "pinball": (lambda x, t, v, a, b: np.where(t > x, a * (t - x), (1 - a) * (x - t)),
                lambda x, t, v, a, b: np.where(x > t, 1 - a, np.where(x < t, -a, (x - t) * 0)),
                lambda x, t, v, a, b: np.where(x > t, a - 1, np.where(x < t, a, (t - x) * 0))),
    "bce": (lambda x, t, v, a, b: (t - 1) * _at_least(np.log1p(-x), -100) - t * _at_least(np.log(x), -100),
            lambda x, t, v, a, b: (x - t) / _at_least((1 - x) * x, 1e-12),
            lambda x, t, v, a, b: np.log1p(-x) - np.log(x)),
    "bce_with_logits": (lambda x, t, v, a, b: (1 - t) * x + _softplus(-x), lambda x, t, v, a, b: _sigmoid(x) - t,
                        lambda x, t, v, a, b: -x),
    "bce_with_logits_weighted": (lambda x, t, v, a, b: (1 - t) * x + ((v - 1) * t + 1) * _softplus(-x),
                                 lambda x, t, v, a, b: (v * t + 1 - t) * _sigmoid(x) - v * t,
                                 lambda x, t, v, a, b: (v - 1) * _softplus(-x) - x),
    "kl_div": (lambda x, t, v, a, b: np.where(t == 0, 0, t * np.log(t)) - t * x, lambda x, t, v, a, b: -t,
               lambda x, t, v, a, b: np.log(t) + 1 - x),
    "kl_div_log_target": (lambda x, t, v, a, b: np.exp(t) * (t - x), lambda x, t, v, a, b: -np.exp(t),
                          lambda x, t, v, a, b: np.exp(t) * (t - x + 1)),
    "poisson_nll": (lambda x, t, v, a, b: x - t * np.log(x + a) + _stirling(t, b),
                    lambda x, t, v, a, b: 1 - t / (x + a),
                    lambda x, t, v, a, b: _stirling_slope(t, b) - np.log(x + a)),
    "poisson_nll_log_input": (lambda x, t, v, a, b: np.exp(x) - t * x + _stirling(t, b),
                              lambda x, t, v, a, b: np.exp(x) - t, lambda x, t, v, a, b: _stirling_slope(t, b) - x),
    "soft_margin": (lambda x, t, v, a, b: _softplus(-t * x), lambda x, t, v, a, b: -t * _sigmoid(-t * x),
                    lambda x, t, v, a, b: -x * _sigmoid(-t * x)),
    "hinge_embedding": (lambda x, t, v, a, b: np.where(t == -1, 0, x) + np.where(t == 1, 0, _at_least(a - x, 0)),
                        lambda x, t, v, a, b: np.where(t == -1, 0, 1) - np.where((t != 1) & (a >= x), 1, 0),
                        lambda x, t, v, a, b: np.zeros_like(t)),
}


def _expression(op, which, x, target, weight, pos_weight, a, b):
    name = op if pos_weight is None or op.endswith("_weighted") else op + "_weighted"
    with np.errstate(all="ignore"):
        values = np.asarray(POINTWISE[name][which](x, target, pos_weight, a, b), dtype=x.dtype)
    return values if weight is None else np.asarray(values * weight)


def _reduce(values, reduction, total=None):
    if reduction == "none":
        return values
    with np.errstate(all="ignore"):
        total = values.dtype.type(values.size) if total is None else total
        result = values.sum() / (total if reduction == "mean" else 1)
    return np.asarray(result, dtype=values.dtype)


def pointwise_loss_forward(op, x, target, weight=None, pos_weight=None, reduction="mean", a=0.0, b=0.0):
    return _reduce(_expression(op, 0, x, target, weight, pos_weight, a, b), reduction)


def pointwise_loss_backward(op, grad, x, target, weight=None, pos_weight=None, reduction="mean", a=0.0, b=0.0,
                            need_input=True, need_target=False):
    if reduction == "mean":
        grad = grad / x.dtype.type(x.size)
    dx = np.asarray(_expression(op, 1, x, target, weight, pos_weight, a, b) * grad) if need_input else None
    dt = np.asarray(_expression(op, 2, x, target, weight, pos_weight, a, b) * grad) if need_target else None
    return dx, dt


# ---- classes: everything as (n, C, d) ----

def _as_images(x, target):
    """x and target as (n, C, d) and (n, d), or both as (n, C, d); the shape of the loss; whether target is classes."""
    n, c = (1, x.shape[0]) if x.ndim == 1 else x.shape[:2]
    d = int(np.prod(x.shape[2:], dtype=int))
    hard = target.dtype.kind in "iu"
    if hard:
        return x.reshape(n, c, d), target.astype(np.int64).reshape(n, d), target.shape, True
    return x.reshape(n, c, d), target.reshape(n, c, d), x.shape[:1] + x.shape[2:] if x.ndim > 1 else (), False


def _class_weights(target, weight, ignore_index, dtype):
    """Weight of each position's class, 0 where ignored; and classes with 0 in place of what is ignored."""
    live = target != ignore_index
    classes = np.where(live, target, 0)
    if weight is None:
        return live.astype(dtype), classes
    return np.where(live, weight[classes] if live.any() else 0, 0).astype(dtype), classes


def _smooth(probability, label_smoothing, c):
    return (1 - label_smoothing) * probability + label_smoothing / max(c, 1)


def _per_class(weight, c, dtype):
    return np.ones((c, 1), dtype) if weight is None else weight.reshape(c, 1)


def cross_entropy_forward(x, target, weight=None, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    x, target, shape, hard = _as_images(x, target)
    c = x.shape[1]
    with np.errstate(all="ignore"):
        top = np.fmax.reduce(x, axis=1, initial=-np.inf)
        logsum = np.log(np.exp(x - top[:, None]).sum(axis=1))
        surprise = top[:, None] - x + logsum[:, None]
        if hard:
            class_weight, classes = _class_weights(target, weight, ignore_index, x.dtype)
            live = target != ignore_index
            own = np.take_along_axis(surprise, classes[:, None], 1)[:, 0] if c else np.zeros_like(top)
            losses = (1 - label_smoothing) * class_weight * own
            if label_smoothing:
                losses += label_smoothing / max(c, 1) * (_per_class(weight, c, x.dtype) * surprise).sum(axis=1)
            losses = np.where(live, losses, 0)
            total = class_weight.sum()
        else:
            losses = (_per_class(weight, c, x.dtype) * _smooth(target, label_smoothing, c) * surprise).sum(axis=1)
            total = losses.size if c else 0
    losses = losses.astype(x.dtype)
    parts = [top.ravel(), logsum.ravel(), [total if reduction == "mean" else 1]]
    if reduction != "none":
        parts.append(losses.ravel())
    saved = np.concatenate(parts).astype(x.dtype)
    return _reduce(losses.reshape(shape), reduction, x.dtype.type(total)), saved


def cross_entropy_backward(grad, x, target, saved, weight=None, ignore_index=-100, label_smoothing=0.0,
                           reduction="mean", need_input=True, need_target=False):
    x_shape = x.shape
    x, target, shape, hard = _as_images(x, target)
    n, c, d = x.shape
    top, logsum = saved[:2 * n * d].reshape(2, n, d)
    with np.errstate(all="ignore"):
        grad = np.broadcast_to(grad.reshape(n, d) if reduction == "none" else grad.ravel(), (n, d)) / saved[2 * n * d]
        log_p = (x - top[:, None]) - logsum[:, None]
        per_class = _per_class(weight, c, x.dtype)
        if hard:
            live = target != ignore_index
            class_weight, classes = _class_weights(target, weight, ignore_index, x.dtype)
            one_hot = classes[:, None] == np.arange(c).reshape(1, c, 1)
            mass = (1 - label_smoothing) * class_weight[:, None] * one_hot + label_smoothing / max(c, 1) * per_class
        else:
            mass = per_class * _smooth(target, label_smoothing, c)
        dx = dt = None
        if need_input:
            dx = grad[:, None] * (mass.sum(axis=1, keepdims=True) * np.exp(log_p) - mass)
            if hard:
                dx = np.where(live[:, None], dx, 0)
            dx = dx.astype(x.dtype).reshape(x_shape)
        if need_target:
            dt = (grad[:, None] * (1 - label_smoothing) * per_class * -log_p).astype(x.dtype).reshape(x_shape)
    return dx, dt


def nll_forward(x, target, weight=None, ignore_index=-100, reduction="mean"):
    x, target, shape, _ = _as_images(x, target)
    class_weight, classes = _class_weights(target, weight, ignore_index, x.dtype)
    own = np.take_along_axis(x, classes[:, None], 1)[:, 0] if x.shape[1] else np.zeros(target.shape, x.dtype)
    losses = np.where(target == ignore_index, 0, -own * class_weight).astype(x.dtype)
    total = class_weight.sum() if reduction == "mean" else 1
    return _reduce(losses.reshape(shape), reduction, total), np.asarray(total, dtype=x.dtype)


def nll_backward(grad, x, target, total, weight=None, ignore_index=-100, reduction="mean"):
    x_shape = x.shape
    x, target, _, _ = _as_images(x, target)
    n, c, d = x.shape
    class_weight, classes = _class_weights(target, weight, ignore_index, x.dtype)
    with np.errstate(all="ignore"):
        grad = np.broadcast_to(grad.reshape(n, d) if reduction == "none" else grad.ravel(), (n, d)) / total
    one_hot = (classes[:, None] == np.arange(c).reshape(1, c, 1)) & (target != ignore_index)[:, None]
    return np.where(one_hot, -(grad * class_weight)[:, None], 0).astype(x.dtype).reshape(x_shape)


# ---- connectionist temporal classification ----

def _targets(targets, lengths):
    """Each sample's classes."""
    if targets.ndim == 2:
        return [row[:n] for row, n in zip(targets, lengths)]
    return np.split(targets, np.cumsum(lengths)[:-1])


def _behind(row, k=1):
    """row[i - k], -inf in front."""
    return np.concatenate([np.full(k, -np.inf, row.dtype), row])[:len(row)]


def _scaled(row):
    """Less the largest, and that."""
    top = row.max(initial=-np.inf)
    top = np.where(top == -np.inf, 0, top).astype(row.dtype)
    return row - top, top


def _steps(x, target, blank, steps):
    """The rows of one sample: logarithms for the target's classes and the blanks around them after each step, less the
    largest of the row; and what was subtracted from it and those before."""
    states = np.full(2 * len(target) + 1, blank)  # blank, class, blank, ..., class, blank
    states[1::2] = target
    skips = np.zeros(len(states), bool)
    skips[3::2] = target[1:] != target[:-1]
    row, total = np.full(len(states), -np.inf, x.dtype), np.float64(0)
    for t in range(steps):
        if t == 0:
            row[:2] = x[0, states[:2]]
        else:
            row = np.logaddexp(np.logaddexp(row, _behind(row)), np.where(skips, _behind(row, 2), -np.inf))
            row = row + x[t, states]
        row, top = _scaled(row)
        total += top
        yield row, total


def ctc_loss_forward(x, targets, input_lengths, target_lengths, blank=0):
    width = int(target_lengths.max()) + 1
    loss = np.zeros(x.shape[1], x.dtype)
    alpha = np.full((x.shape[1], x.shape[0], 2 * width), -np.inf, x.dtype)
    with np.errstate(all="ignore"):
        for b, (target, steps) in enumerate(zip(_targets(targets, target_lengths), input_lengths)):
            n = len(target)
            loss[b] = 0 if n == 0 else np.inf
            for t, (row, total) in enumerate(_steps(x[:, b], target, blank, steps)):
                alpha[b, t, width:width + n + 1], alpha[b, t, 1:n + 1] = row[::2], row[1::2]
                loss[b] = -(total + np.logaddexp.reduce(row[-2:]))
    return loss, alpha


def ctc_loss_backward(grad, x, targets, input_lengths, target_lengths, loss, alpha, blank=0, zero_infinity=False):
    dx, width = np.zeros(x.shape, x.dtype), alpha.shape[2] // 2
    with np.errstate(all="ignore"):
        for b, (target, steps) in enumerate(zip(_targets(targets, target_lengths), input_lengths)):
            n = len(target)
            if np.isposinf(loss[b]):
                dx[:steps, b] = 0 if zero_infinity else np.nan
                continue
            # backwards the target is a target too
            rows = list(_steps(x[:steps, b][::-1], target[::-1], blank, steps))[::-1]
            classes = np.concatenate([np.full(n + 1, blank), target])
            for t, (row, _) in enumerate(rows):
                both = np.concatenate([alpha[b, t, width:width + n + 1] + row[::-2],
                                       alpha[b, t, 1:n + 1] + row[-2::-2]])
                share = np.exp(_scaled(np.where(both == -np.inf, both, both - x[t, b, classes]))[0])
                dx[t, b] = np.exp(x[t, b])
                np.subtract.at(dx[t, b], classes, share / share.sum())
            dx[:steps, b] *= grad[b]
    return dx
