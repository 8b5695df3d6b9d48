"""Batch, group, layer and RMS normalisation."""
import numpy as np


def _centred(x, axes):
    """x - mean and the mean over `axes` (kept as 1). Distances are taken from one of the elements first: equal elements
    have none, and a mean's rounding does not count beside a large mean."""
    if not x.size:
        return x, np.full([1 if d in axes else n for d, n in enumerate(x.shape)], np.nan, x.dtype)
    mean = x[tuple(slice(1) if d in axes else slice(None) for d in range(x.ndim))]
    away = x - mean
    step = away.mean(axes, keepdims=True)
    away, mean = away - step, mean + step
    step = away.mean(axes, keepdims=True)
    return away - step, np.where(np.isfinite(mean), mean + step, mean)


def _rows_forward(rows, weight, bias, eps, rms=False):
    """rows (..., row) are normalised one by one; weight and bias broadcast. Returns y, mean (...), rstd (...)."""
    n = rows.shape[-1] or np.nan  # the mean of nothing is NaN
    centred, mean = _centred(rows, (rows.ndim - 1,)) if not rms else (rows, np.zeros(rows.shape[:-1], rows.dtype))
    rstd = np.asarray(1 / np.sqrt((centred * centred).sum(-1) / n + eps), rows.dtype)
    y = centred * rstd[..., None]
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias), np.asarray(mean, rows.dtype).reshape(rows.shape[:-1]), rstd


def _rows_backward(grad, rows, rstd, weight, rms=False):
    """dx of `_rows_forward`, and the normalised rows."""
    z = (rows if rms else _centred(rows, (rows.ndim - 1,))[0]) * rstd[..., None]
    g = grad if weight is None else grad * weight
    n = rows.shape[-1] or np.nan
    dx = g - z * ((g * z).sum(-1, keepdims=True) / n)
    return (dx if rms else dx - g.sum(-1, keepdims=True) / n) * rstd[..., None], z


def group_norm_forward(x, groups, weight=None, bias=None, eps=1e-5):
    n, c = x.shape[:2]
    rows = x.reshape(n, groups, -1) if x.size else np.zeros((n, groups, 0), x.dtype)
    spread = x.size // max(n * c, 1)
    weight, bias = (None if w is None else np.repeat(w, spread).reshape(1, groups, -1) if x.size else None
                    for w in (weight, bias))
    y, mean, rstd = _rows_forward(rows, weight, bias, eps)
    return y.reshape(x.shape), mean, rstd


def group_norm_backward(grad, x, mean, rstd, groups, weight=None, need_dx=True, need_dw=True, need_db=True):
    n, c = x.shape[:2]
    if not x.size:
        zeros = np.zeros(c, x.dtype)
        return (x.copy() if need_dx else None, zeros if need_dw else None, zeros.copy() if need_db else None)
    rows, grads = x.reshape(n, groups, -1), grad.reshape(n, groups, -1)
    spread = None if weight is None else np.repeat(weight, x.size // (n * c)).reshape(1, groups, -1)
    dx, z = _rows_backward(grads, rows, rstd, spread)
    return (dx.reshape(x.shape) if need_dx else None,
            (grads * z).reshape(n, c, -1).sum((0, 2)) if need_dw else None,
            grads.reshape(n, c, -1).sum((0, 2)) if need_db else None)


def layer_norm_forward(x, ndim, weight=None, bias=None, eps=1e-5, rms=False):
    leading, row = x.shape[:x.ndim - ndim], x.shape[x.ndim - ndim:]
    rows = x.reshape(*leading, int(np.prod(row)))
    y, mean, rstd = _rows_forward(rows, None if weight is None else weight.ravel(),
                                  None if bias is None else bias.ravel(), eps, rms)
    return y.reshape(x.shape), mean, rstd


def layer_norm_backward(grad, x, mean, rstd, ndim, weight=None, need_dx=True, need_dw=True, need_db=True, rms=False):
    leading, row = x.shape[:x.ndim - ndim], x.shape[x.ndim - ndim:]
    shape, axes = (*leading, int(np.prod(row))), tuple(range(len(leading)))
    grads = grad.reshape(shape)
    dx, z = _rows_backward(grads, x.reshape(shape), rstd, None if weight is None else weight.ravel(), rms)
    return (dx.reshape(x.shape) if need_dx else None,
            (grads * z).sum(axes).reshape(row) if need_dw else None,
            grads.sum(axes).reshape(row) if need_db else None)


def _per_channel(vector, x):
    return vector.reshape((1, -1) + (1,) * (x.ndim - 2))


def batch_norm_forward(x, weight=None, bias=None, running_mean=None, running_var=None, training=True, momentum=0.1,
                       eps=1e-5):
    axes, count = (0, *range(2, x.ndim)), x.size // max(x.shape[1], 1)
    if not training:
        mean, rstd = running_mean.copy(), np.asarray(1 / np.sqrt(running_var + eps), x.dtype)
        centred = x - _per_channel(mean, x)
    elif count == 0:
        mean, rstd, centred = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype), x
    else:
        centred, mean = _centred(x, axes)
        mean, squares = mean.reshape(-1), (centred ** 2).sum(axes)
        rstd = np.asarray(1 / np.sqrt(squares / count + eps), x.dtype)
        if running_mean is not None:
            running_mean[...] = (1 - momentum) * running_mean + momentum * mean
        if running_var is not None:
            running_var[...] = (1 - momentum) * running_var + momentum * (squares / (count - 1))
    y = centred * _per_channel(rstd if weight is None else rstd * weight, x)
    return (y if bias is None else y + _per_channel(bias, x)), mean, rstd


def batch_norm_backward(grad, x, mean, rstd, weight=None, training=True, need_dx=True, need_dw=True, need_db=True):
    axes, count = (0, *range(2, x.ndim)), x.size // max(x.shape[1], 1)
    z = (_centred(x, axes)[0] if training else x - _per_channel(mean, x)) * _per_channel(rstd, x)
    dw, db, dx = (grad * z).sum(axes), grad.sum(axes), None
    if need_dx:
        dx = grad - (_per_channel(db / count, x) + z * _per_channel(dw / count, x)) if training and count else grad
        dx = dx * _per_channel(rstd if weight is None else rstd * weight, x)
    return dx, dw if need_dw else None, db if need_db else None


def variance(x, axes, correction=1, keepdims=False):
    with np.errstate(all="ignore"):
        centred, mean = _centred(x, axes)
        count = x.size // mean.size if mean.size else 0
        found = np.asarray((centred * centred).sum(axes, keepdims=True) / x.dtype.type(max(count - correction, 0)))
    return (found, mean) if keepdims else (found.squeeze(axes), mean.squeeze(axes))
