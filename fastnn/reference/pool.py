"""Largest elements and averages of windows over the last two axes."""
import numpy as np


def _pair(value):
    return tuple(value) * (2 // len(value)) if isinstance(value, (tuple, list)) else (value, value)


def _count(n, kernel, stride, padding, dilation, ceil_mode):
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    out = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return out - 1 if ceil_mode and (out - 1) * stride >= n + padding else out


def _flat(x):
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _positions(n, out, kernel, stride, padding, dilation):
    """(out, kernel): where along an axis the elements of windows are; those outside 0..n-1 are padding."""
    return np.arange(out)[:, None] * stride - padding + np.arange(kernel) * dilation


def _windows(shape, out, kernel, stride, padding, dilation):
    """Positions (oH, oW, kH kW) within a flat plane, and which of them lie within it."""
    (h, w), (oh, ow) = shape[-2:], out
    rows = _positions(h, oh, kernel[0], stride[0], padding[0], dilation[0])[:, None, :, None]
    columns = _positions(w, ow, kernel[1], stride[1], padding[1], dilation[1])[None, :, None, :]
    inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
    return np.where(inside, rows * w + columns, 0).reshape(oh, ow, -1), inside.reshape(oh, ow, -1)


def _largest(values, inside):
    """Taps of the largest: the last NaN, or else the first that equals the maximum."""
    values = np.where(inside, values, -np.inf)
    nan = np.isnan(values)
    most = np.max(np.where(nan, -np.inf, values), axis=-1, keepdims=True)
    last_nan = values.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)
    tap = np.where(nan.any(-1), last_nan, np.argmax((values == most) & inside, axis=-1))
    return np.take_along_axis(values, tap[..., None], -1)[..., 0], tap


def max_pool_forward(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, indices=None):
    kernel, padding, dilation = map(_pair, (kernel_size, padding, dilation))
    stride = kernel if stride is None else _pair(stride)
    out = tuple(_count(*sizes, ceil_mode) for sizes in zip(x.shape[-2:], kernel, stride, padding, dilation))
    positions, inside = _windows(x.shape, out, kernel, stride, padding, dilation)
    y, tap = _largest(_flat(x)[..., positions], inside)
    if indices is None:
        return y.astype(x.dtype), None
    if indices == "taps":
        return y.astype(x.dtype), tap.astype(np.uint8 if kernel[0] * kernel[1] <= 256 else np.int32)
    everywhere = np.broadcast_to(positions, (*tap.shape, positions.shape[-1]))
    return y.astype(x.dtype), np.take_along_axis(everywhere, tap[..., None], -1)[..., 0]


def max_pool_backward(grad, index, shape, kernel_size=None, stride=None, padding=0, dilation=1):
    out, position = grad.shape[-2:], index
    if index.dtype != np.int64:
        kernel, padding, dilation = map(_pair, (kernel_size, padding, dilation))
        stride = kernel if stride is None else _pair(stride)
        tap = index.astype(np.int64)[..., None]

        def of_tap(table):
            return np.take_along_axis(np.broadcast_to(table, (*index.shape, table.shape[-1])), tap, -1)[..., 0]
        position, inside = map(of_tap, _windows(shape, out, kernel, stride, padding, dilation))
        grad = np.where(inside, grad, 0).astype(grad.dtype)  # nothing for windows of padding alone
    n, size = int(np.prod(shape[:-2])), shape[-2] * shape[-1]
    dx = np.zeros(n * size, grad.dtype)
    np.add.at(dx, (np.arange(n)[:, None] * size + position.reshape(n, out[0] * out[1])).reshape(-1), grad.reshape(-1))
    return dx.reshape(shape)


def _even_windows(shape, out):
    """(i, j, rows, columns) of each of evenly spread windows."""
    for i, j in np.ndindex(*out):
        yield i, j, *(slice(k * n // o, -(-(k + 1) * n // o)) for k, n, o in zip((i, j), shape[-2:], out))


def adaptive_max_pool_forward(x, output_size):
    w, (oh, ow) = x.shape[-1], _pair(output_size)
    y = np.empty((*x.shape[:-2], oh, ow), x.dtype)
    index = np.empty(y.shape, np.int64)
    for i, j, rows, columns in _even_windows(x.shape, (oh, ow)):
        positions = (np.arange(rows.start, rows.stop)[:, None] * w + np.arange(columns.start, columns.stop)).reshape(-1)
        y[..., i, j], tap = _largest(_flat(x)[..., positions], True)
        index[..., i, j] = positions[tap]
    return y, index


def _divisors(shape, out, kernel, stride, padding, count_include_pad, divisor_override):
    if divisor_override is not None:
        return divisor_override
    counts = []
    for n, o, k, s, p in zip(shape[-2:], out, kernel, stride, padding):
        positions = _positions(n, o, k, s, p, 1)
        low, high = (-p, n + p) if count_include_pad else (0, n)
        counts.append(((positions >= low) & (positions < high)).sum(1))
    return counts[0][:, None] * counts[1]


def avg_pool_forward(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                     divisor_override=None):
    kernel, padding = _pair(kernel_size), _pair(padding)
    stride = kernel if stride is None else _pair(stride)
    out = tuple(_count(*sizes, 1, ceil_mode) for sizes in zip(x.shape[-2:], kernel, stride, padding))
    positions, inside = _windows(x.shape, out, kernel, stride, padding, (1, 1))
    values = np.where(inside, _flat(x)[..., positions], 0)
    divisors = _divisors(x.shape, out, kernel, stride, padding, count_include_pad, divisor_override)
    return (values.sum(-1) / divisors).astype(x.dtype)


def avg_pool_backward(grad, shape, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None):
    kernel, padding = _pair(kernel_size), _pair(padding)
    stride = kernel if stride is None else _pair(stride)
    out, n = grad.shape[-2:], int(np.prod(shape[:-2]))
    positions, inside = _windows(shape, out, kernel, stride, padding, (1, 1))
    part = grad / _divisors(shape, out, kernel, stride, padding, count_include_pad, divisor_override)
    dx = np.zeros((n, shape[-2] * shape[-1]), grad.dtype)
    values = np.broadcast_to(part.reshape(n, *out, 1), (n, *positions.shape))[:, inside]
    np.add.at(dx, (slice(None), positions[inside]), values)
    return dx.reshape(shape)


def adaptive_avg_pool_forward(x, output_size):
    y = np.empty((*x.shape[:-2], *_pair(output_size)), x.dtype)
    for i, j, rows, columns in _even_windows(x.shape, y.shape[-2:]):
        y[..., i, j] = x[..., rows, columns].mean((-2, -1))
    return y


def adaptive_avg_pool_backward(grad, shape):
    dx = np.zeros(shape, grad.dtype)
    for i, j, rows, columns in _even_windows(shape, grad.shape[-2:]):
        part = dx[..., rows, columns]
        part += grad[..., i, j, None, None] / (part.shape[-2] * part.shape[-1])
    return dx
