"""Calls of kernels with shapes, options and memory layouts drawn at random; each is a sample of a spec.

A family draws one problem and gives the calls that belong to it, forward and backward: [(spec's id, Sample)].
"""
import numpy as np

from fastnn import kernels, reference
from fastnn.kernels import _core
from fastnn.testing import parity
from fastnn.testing.compare import arrays_in, assert_same_bits, map_arrays
from fastnn.testing.guard import guarded_outputs
from fastnn.testing.spec import Sample, all_specs, normal
from fastnn.testing.specs import (conv, elementwise, embedding, gemm, lbfgs, loss, normalization, optim,
                                  optim_adam, optim_factor, pool, recurrent, resample)

SPECS = {spec.id: spec for spec in all_specs()}
EDGES = (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)  # of vectors and tiles
ODD = (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-310, 3e38)


# ---- what problems are drawn from ----

def often(rng, share):
    return bool(rng.random() < share)


def some(rng, most, least=1):
    """A size from `least` on, often at the edge of a vector; now and then 0 if that is allowed."""
    edges = [n for n in EDGES if least <= n <= most]
    return int(rng.choice(edges)) if edges and often(rng, 0.4) else int(rng.integers(least, most + 1))


def sizes(rng, count, most, elements):
    """So many sizes, not more than so many elements together; sometimes none at all."""
    while True:
        drawn = [some(rng, most, 0 if often(rng, 0.03) else 1) for _ in range(count)]
        if np.prod(drawn) <= elements:
            return tuple(drawn)


def both(rng, most, least=1):
    """The same for rows and columns, or two numbers."""
    first = int(rng.integers(least, most + 1))
    return (first, first if often(rng, 0.6) else int(rng.integers(least, most + 1)))


def laid_out(rng, x):
    """The same values, sometimes in the memory of another order, or of a larger array."""
    if x.ndim > 1 and often(rng, 0.2):
        axes = rng.permutation(x.ndim)
        return np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
    if x.ndim and often(rng, 0.1):
        return np.repeat(x, 2, axis=-1)[..., ::2]
    return x


def sample(rng, *args, atol=None, layouts=True, **kwargs):
    args = tuple(np.asarray(x) if isinstance(x, np.floating) else x for x in args)  # 0-d results of NumPy
    whole = all(array.ndim for array in arrays_in([args, kwargs]))
    return Sample(args, kwargs, atol=atol, layouts=layouts and whole and often(rng, 0.05))


def needs(rng):
    return tuple(often(rng, 0.8) for _ in range(3))


# ---- families ----

def convolution(rng, dtype):
    """Every way of it: dense, depthwise, in groups, to or from one channel, of one position, sequences."""
    while True:
        n, groups = some(rng, 20), 1
        kind = rng.choice(["dense", "dense", "depthwise", "depthwise", "groups", "narrow"])
        c, o = some(rng, 40), some(rng, 40)
        if kind == "depthwise":
            groups = c = o = some(rng, 40)
        elif kind == "groups":
            groups = int(rng.integers(2, 5))
            c, o = groups * some(rng, 9), groups * some(rng, 9)
        elif kind == "narrow":
            c, o = (1, o) if often(rng, 0.5) else (c, 1)
        kh, kw = [(3, 3), (1, 1), both(rng, 7)][rng.choice(3, p=[0.3, 0.1, 0.6])]
        stride, dilation = [(1, 1) if often(rng, 0.5) else both(rng, 3) for _ in range(2)]
        h, w = (1 if often(rng, 0.1) else some(rng, 40)), some(rng, 40)
        reach = (kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1
        padding = [lambda: (0, 0), lambda: (reach[0] // 2, reach[1] // 2), lambda: both(rng, max(reach) + 3, 0),
                   lambda: both(rng, 5, 0) + both(rng, 5, 0)][rng.integers(4)]()
        case = (n, c, h, w), (o, kh, kw), stride, padding, dilation, groups
        top, bottom, left, right = padding if len(padding) == 4 else np.repeat(padding, 2).tolist()
        across = top + bottom, left + right
        if h + across[0] >= reach[0] and w + across[1] >= reach[1] and \
                n * o * (h + across[0]) * (w + across[1]) * c // groups * kh * kw <= 3e6:
            break
    x, weight, grad, options = conv.arrays(rng, dtype, case)
    of_input = options
    if often(rng, 0.3):  # a transposed convolution's output_padding
        cut = [min(int(rng.integers(0, max(stride[i], dilation[i]))), grad.shape[2 + i] - 1) for i in range(2)]
        grad = np.ascontiguousarray(grad[:, :, :grad.shape[2] - cut[0], :grad.shape[3] - cut[1]])

    def atol(terms):
        return conv.rounding(dtype, terms, weight, options)
    bias = normal(rng, dtype, o) if often(rng, 0.5) else None
    bias_c = normal(rng, dtype, c) if often(rng, 0.5) else None
    x, grad = laid_out(rng, x), laid_out(rng, grad)
    return [("conv_forward", sample(rng, x, weight, bias, *options, often(rng, 0.3), atol=atol(weight[0].size))),
            ("conv_backward_input", sample(rng, grad, weight, (h, w), bias_c, *of_input, often(rng, 0.3),
                                           atol=atol(o * kh * kw))),
            ("conv_backward_weight", sample(rng, grad, x, (kh, kw), *options, atol=atol(grad[:, :1].size)))]


def windows(rng):
    """(shape, kernel, stride, padding, dilation, ceil_mode) of pooling."""
    while True:
        shape = sizes(rng, 2 if often(rng, 0.8) else 1, 40, 80) + (some(rng, 40), some(rng, 40))
        kernel = shape[-2:] if often(rng, 0.1) else both(rng, 6)
        stride = None if often(rng, 0.3) else both(rng, 4)
        dilation = (1, 1) if often(rng, 0.6) else both(rng, 3)
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        padding = tuple(int(rng.integers(0, min(k, r // 2 if d > 1 else k // 2) + 1)) for k, r, d in
                        zip(kernel, reach, dilation, strict=True))
        if all(n + 2 * p >= r for n, p, r in zip(shape[-2:], padding, reach, strict=True)) and \
                0 not in shape[-2 if len(shape) == 3 else -3:]:
            return shape, kernel, stride, padding, dilation, often(rng, 0.3)


def pooling(rng, dtype):
    shape, kernel, stride, padding, dilation, ceil_mode = windows(rng)

    def planes(*shape):
        values = pool.odd_values(rng, dtype, shape) if often(rng, 0.2) else normal(rng, dtype, *shape)
        return pool.last(values) if often(rng, 0.25) else values
    x = planes(*shape)
    indices = ("taps", "flat", None)[rng.integers(3)]
    found = [("max_pool_forward", sample(rng, x, kernel, stride, padding, dilation, ceil_mode, indices))]
    y, index, given = pool.pooled(x, (kernel, stride, padding, dilation, ceil_mode), indices or "taps")
    terms = gemm.atol(dtype, int(np.prod(kernel)) + 8)
    found.append(("max_pool_backward", sample(rng, planes(*y.shape), index, shape, *given, atol=terms)))
    if dilation == (1, 1):
        include, divisor = often(rng, 0.5), int(rng.integers(1, 9)) if often(rng, 0.3) else None
        found += [("avg_pool_forward", sample(rng, x, kernel, stride, padding, ceil_mode, include, divisor,
                                              atol=terms)),
                  ("avg_pool_backward", sample(rng, planes(*y.shape), shape, kernel, stride, padding, include, divisor,
                                               atol=terms))]
    size = both(rng, 12)
    return found + [("adaptive_max_pool_forward", sample(rng, x, size)),
                    ("adaptive_avg_pool_forward", sample(rng, x, size)),
                    ("adaptive_avg_pool_backward", sample(rng, planes(*shape[:-2], *size), shape))]


def resampling(rng, dtype):
    shape = sizes(rng, int(rng.integers(1, 5)), 70, 20_000)
    axis = int(rng.integers(len(shape)))
    taps, outputs = int(rng.integers(1, 5)), some(rng, 90)
    size = max(shape[axis], 1)
    shape = (*shape[:axis], size, *shape[axis + 1:])
    index, weight = resample.table(rng, dtype, size, outputs, taps)
    weight = None if taps == 1 and often(rng, 0.5) else weight
    grad = normal(rng, dtype, *shape[:axis], outputs, *shape[axis + 1:])
    found = [("resample_forward", sample(rng, normal(rng, dtype, *shape), index, weight, axis, layouts=False)),
             ("resample_backward", sample(rng, grad, index, size, weight, axis, layouts=False,
                                          atol=gemm.atol(dtype, taps * outputs + 80)))]
    shape, kernel, stride, padding, dilation, _ = windows(rng)
    options = kernel, dilation, tuple(p + int(rng.integers(4)) for p in padding), stride or kernel
    columns = reference.unfold_forward(normal(rng, dtype, *shape), *options)
    if columns.size <= 100_000 and shape[-3]:
        found += [("unfold_forward", sample(rng, laid_out(rng, normal(rng, dtype, *shape)), *options)),
                  ("unfold_backward", sample(rng, normal(rng, dtype, *columns.shape), shape[-2:], *options))]
    return found


def blown_up(x, rstd):
    """The rounding of x, after rows that are nearly constant were stretched."""
    largest = float(rstd.max(initial=1.0, where=np.isfinite(rstd)))
    return 16 * float(np.finfo(x.dtype).eps) * float(abs(x).max(initial=1.0)) * largest ** 2


def normalisation(rng, dtype):
    groups = int(rng.integers(1, 5))
    n, c, *rest = sizes(rng, int(rng.integers(2, 5)), 90, 30_000)
    eps = float(rng.choice([1e-5, 1e-3, 0.1]))
    x = laid_out(rng, normalization.offset(rng, dtype, n, c * groups, *rest))
    weight, bias = normalization.pair(rng, dtype, c * groups)
    weight, bias = (None if often(rng, 0.3) else weight), (None if often(rng, 0.3) else bias)
    grad = laid_out(rng, normal(rng, dtype, *x.shape))
    with np.errstate(all="ignore"):
        _, mean, rstd = reference.group_norm_forward(x, groups, weight, bias, eps)
    atol = {"atol": max(normalization.BACK[dtype], blown_up(x, rstd))}
    found = [("group_norm_forward", sample(rng, x, groups, weight, bias, eps, **atol)),
             ("group_norm_backward", sample(rng, grad, x, mean, rstd, groups, weight, *needs(rng), **atol))]
    ndim, rms = int(rng.integers(1, x.ndim)), often(rng, 0.4)
    weight, bias = normalization.pair(rng, dtype, *x.shape[x.ndim - ndim:])
    with np.errstate(all="ignore"):
        _, mean, rstd = reference.layer_norm_forward(x, ndim, weight, bias, eps, rms)
    atol = {"atol": max(normalization.BACK[dtype], blown_up(x, rstd))}
    found += [("layer_norm_forward", sample(rng, x, ndim, weight, bias, eps, rms, **atol)),
              ("layer_norm_backward", sample(rng, grad, x, mean, rstd, ndim, weight, *needs(rng), rms, **atol))]
    weight, bias = normalization.pair(rng, dtype, x.shape[1])
    var, running = normalization.pair(rng, dtype, x.shape[1])
    training = often(rng, 0.6) and x.size > x.shape[1]
    with np.errstate(all="ignore"):
        _, mean, rstd = reference.batch_norm_forward(x)
    atol = {"atol": max(normalization.BACK[dtype], blown_up(x, rstd))}
    return found + [("batch_norm_forward", sample(rng, x, weight, bias, running, var, training, 0.3, eps, **atol)),
                    ("batch_norm_backward", sample(rng, grad, x, mean, rstd, weight, training, *needs(rng), **atol))]


def recurrence(rng, dtype):
    mode = str(rng.choice(list(recurrent.MODES)))
    lengths = sorted((int(n) for n in rng.integers(1, 9, rng.integers(1, 9))), reverse=True)
    hidden = 300 if often(rng, 0.05) else some(rng, 50)
    args = recurrent.arrays(rng, dtype, mode, int(rng.integers(0, 12)), some(rng, 5 if hidden > 99 else 30),
                            some(rng, 40), hidden, int(rng.integers(1, 3)), often(rng, 0.7), often(rng, 0.5),
                            lengths if often(rng, 0.3) else None)
    if often(rng, 0.3):
        args = (*args[:3], None, None, *args[5:])
    back = list(recurrent.backward_args(rng, dtype, args))
    for i in (1, 2, 3):
        back[i] = None if often(rng, 0.2) else back[i]
    if all(grad is None for grad in back[1:4]):
        back[1] = np.zeros_like(back[5])
    name = "recurrent_{}-" + mode
    return [(name.format("forward"), sample(rng, *args)),
            (name.format("backward"), sample(rng, *back, *needs(rng)[:2],
                                             atol=gemm.atol(dtype, 4 * args[1][..., 0].size + 160)))]


def attending(rng, dtype):
    b, hk, group = some(rng, 3), some(rng, 3), int(rng.integers(1, 4))
    n, s = (some(rng, 150, 0), some(rng, 300, 0)) if often(rng, 0.5) else (some(rng, 20, 0), some(rng, 20, 0))
    e, ev = some(rng, 40), some(rng, 40)
    q, k = normal(rng, dtype, b, hk * group, n, e), normal(rng, dtype, b, hk, s, e)
    v = normal(rng, dtype, b, hk, s, ev)
    options = {}
    if often(rng, 0.3):
        options["mask"] = rng.random((b, 1, n, s)) < 0.7
    elif often(rng, 0.3):
        options["mask"] = normal(rng, dtype, *((n, s) if often(rng, 0.5) else (b, hk * group, n, s)))
    if often(rng, 0.4):
        options["causal"] = True
    if often(rng, 0.3):
        options |= {"p": float(rng.choice([0.1, 0.5, 1.0])), "keep": rng.random((b, hk * group, n, s)) < 0.6}
    if often(rng, 0.3):
        options["scale"] = 0.3
    weights = {"weights": str(rng.choice(["heads", "mean"]))} if often(rng, 0.3) else {}
    out, lse, _ = reference.attention_forward(q, k, v, **options)
    need = (*needs(rng), "mask" in options and options["mask"].dtype != bool and often(rng, 0.7))
    return [("attention_forward", sample(rng, *(laid_out(rng, x) for x in (q, k, v)), **options, **weights)),
            ("attention_backward", sample(rng, normal(rng, dtype, *out.shape), q, k, v, out, lse, **options,
                                          need=need))]


def tables(rng, dtype):
    rows, dim, shape = some(rng, 200), some(rng, 130, 0), sizes(rng, int(rng.integers(1, 3)), 60, 500)
    index, weight = embedding.indices(rng, rows, shape), normal(rng, dtype, rows, dim)
    flat, skip = index.reshape(-1), int(rng.integers(-1, rows))
    offsets = np.concatenate([[0], np.sort(rng.integers(0, flat.size + 1, rng.integers(0, 9))), [flat.size]])
    scale, mode = normal(rng, dtype, flat.size), str(rng.choice(["sum", "mean", "max"]))
    atol = {"atol": gemm.atol(dtype, flat.size + 200)}
    return [("embedding_forward", sample(rng, laid_out(rng, weight), index)),
            ("embedding_backward", sample(rng, normal(rng, dtype, *shape, dim), index, rows, skip, **atol,
                                          scale=scale if often(rng, 0.4) else None)),
            ("embedding_bag_forward", sample(rng, weight, flat, offsets, mode,
                                             scale if mode == "sum" and often(rng, 0.5) else None, skip, **atol))]


def products(rng, dtype):
    while True:
        m, n, k = (some(rng, 600 if often(rng, 0.1) else 150, 0) for _ in range(3))
        if m * n * k <= 2e6:
            break
    batch = sizes(rng, int(rng.integers(0, 3)), 4, 8)
    a = laid_out(rng, normal(rng, dtype, *batch, m, k))
    b = laid_out(rng, normal(rng, dtype, *(batch if often(rng, 0.5) else ()), k, n))
    found = [("matmul", sample(rng, a, b, atol=gemm.atol(dtype, k)))]
    x, weight, bias = normal(rng, dtype, m, k), normal(rng, dtype, n, k), normal(rng, dtype, n)
    activation = (None, "relu", "tanh", "sigmoid")[rng.integers(4)]
    grad, y = normal(rng, dtype, m, n), abs(np.tanh(normal(rng, dtype, m, n)))
    given = {"dw": normal(rng, dtype, n, k), "db": normal(rng, dtype, n)} if often(rng, 0.3) else {}
    forward, backward = ("-relu", "-relu") if activation == "relu" else \
        ("-tanh", "-sigmoid") if activation else ("", "")
    return found + [
        ("linear_forward" + forward, sample(rng, laid_out(rng, x), laid_out(rng, weight),
                                            bias if often(rng, 0.6) else None, activation, atol=gemm.atol(dtype, k))),
        ("linear_backward" + backward, sample(rng, laid_out(rng, grad), laid_out(rng, x), laid_out(rng, weight), y,
                                              activation, **given, atol=gemm.atol(dtype, max(m, n))))]


def maps(rng, dtype):
    name = str(rng.choice(elementwise.MAPS))
    choices = elementwise.PARAMETERS.get(name, [(0, 0)])
    a, b = choices[rng.integers(len(choices))]
    shape = sizes(rng, int(rng.integers(0, 4)), 9000 if often(rng, 0.1) else 70, 20_000)
    x = np.asarray(elementwise.domain(name, np.asarray(normal(rng, dtype, *shape))))
    y = np.asarray(elementwise.reference_forward(name, x, a, b))
    found = [(f"unary_forward-{name}", sample(rng, name, laid_out(rng, x), a, b)),
             (f"unary_backward-{name}", sample(rng, name, np.asarray(normal(rng, dtype, *shape)), x, y, a, b))]
    shapes = [tuple(1 if often(rng, 0.2) else n for n in shape)[int(rng.integers(0, len(shape) + 1)):]
              for _ in range(3)]
    x, y, z = (laid_out(rng, np.asarray(normal(rng, dtype, *shape))) for shape in shapes)
    op, order = str(rng.choice(elementwise.ARITHMETIC)), str(rng.choice(elementwise.COMPARISONS))
    out = np.empty(np.broadcast_shapes(*shapes), dtype)
    return found + [
        (f"binary-{op}", sample(rng, op, np.asarray(abs(x)) if op == "pow" else x, y)),
        (f"compare-{order}", sample(rng, order, np.round(x, 1), np.round(y, 1))),
        ("where", sample(rng, np.asarray(z > 0), x, y)), ("copy", sample(rng, x)),
        ("copy_into", sample(rng, laid_out(rng, out), x)),
        ("binary_into", sample(rng, "add", np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype), x, y))]


def losses(rng, dtype):
    op = str(rng.choice(list(loss.POINTWISE)))
    make_x, make_target, parameters, weighted, _ = loss.POINTWISE[op]
    shape = sizes(rng, int(rng.integers(0, 4)), 5000 if often(rng, 0.1) else 60, 20_000)
    x, target = make_x(rng, dtype, *shape), make_target(rng, dtype, *shape)
    reduction = loss.REDUCTIONS[rng.integers(3)]
    rest = (loss.positive(rng, dtype, *shape[-1:]) if often(rng, 0.3) else None,
            loss.positive(rng, dtype, *shape) if weighted else None, reduction,
            *parameters[rng.integers(len(parameters))])
    grad = np.asarray(normal(rng, dtype, *(shape if reduction == "none" else ())))
    scale = float(np.prod([abs(array).max(initial=1.0) for array in (grad, *rest[:2]) if array is not None]))
    slack = {"atol": 20 * float(np.finfo(dtype).eps) * scale * (max(x.size, 1) if reduction == "sum" else 1)}
    found = [(f"pointwise_loss_forward-{op}", sample(rng, op, x, target, *rest, **slack)),
             (f"pointwise_loss_backward-{op}", sample(rng, op, grad, x, target, *rest, need_input=often(rng, 0.8),
                                                      need_target=often(rng, 0.5), atol=20 * scale *
                                                      float(np.finfo(dtype).eps)))]
    shape = sizes(rng, 2, 90, 8000) if often(rng, 0.7) else sizes(rng, 3, 40, 8000)
    shape = (shape[0], max(shape[1], 1), *shape[2:])
    soft = often(rng, 0.4)
    x = normal(rng, dtype, *shape, scale=3.0)
    target = loss.probabilities(rng, dtype, shape) if soft else loss.targets(rng, shape)
    weight = loss.positive(rng, dtype, shape[1]) if often(rng, 0.5) else None
    case = (x, target, weight, -100, float(rng.choice([0.0, 0.1])), loss.REDUCTIONS[rng.integers(3)])
    with np.errstate(all="ignore"):
        value, saved = reference.cross_entropy_forward(*case)
    way = "probabilities" if soft else "classes"
    atol = loss.case_atol(dtype, case)
    found += [(f"cross_entropy_forward-{way}", sample(rng, *case, atol=atol)),
              (f"cross_entropy_backward-{way}", sample(
                  rng, np.asarray(normal(rng, dtype, *value.shape)), x, target, saved, *case[2:],
                  need_input=not soft or often(rng, 0.8), need_target=soft and often(rng, 0.8), atol=atol,
                  layouts=False))]
    if not soft:
        case = (x, target, weight, -100, case[-1])
        with np.errstate(all="ignore"):
            value, total = reference.nll_forward(*case)
        found += [("nll_forward", sample(rng, *case, atol=atol)),
                  ("nll_backward", sample(rng, np.asarray(normal(rng, dtype, *value.shape)), x, target, total,
                                          *case[2:], layouts=False))]
    return found


def reductions(rng, dtype):
    shape = sizes(rng, int(rng.integers(1, 5)), 20_000 if often(rng, 0.1) else 90, 40_000)
    x, axis = laid_out(rng, normal(rng, dtype, *shape)), int(rng.integers(len(shape)))
    axes = tuple(int(i) for i in np.flatnonzero(rng.random(len(shape)) < 0.5))
    op, which, log = str(rng.choice(["sum", "mean", "norm"])), str(rng.choice(["argmax", "argmin"])), often(rng, 0.5)
    soft = sample(rng, x, axis, log)
    y, way = reference.softmax_forward(x, axis, log), "log" if log else "plain"
    kept = tuple(1 if often(rng, 0.4) else n for n in shape)
    found = [(f"reduce-{op}", sample(rng, op, x, axes, often(rng, 0.5))),
             ("sum_to", sample(rng, x[None], kept)), (f"softmax_forward-{way}", soft),
             (f"softmax_backward-{way}", sample(rng, normal(rng, dtype, *shape), y, axis, log)),
             ("logsumexp", sample(rng, x, axis, often(rng, 0.5)))]
    if x.size:
        op = str(rng.choice(["max", "min"]))
        found += [(f"reduce-{op}", sample(rng, op, x, axes)),
                  (f"argreduce-{which}", sample(rng, which, np.round(x, 1), axis))]
    p = float(rng.choice([0.0, 0.3, 0.9, 1.0]))
    features, alpha = x.ndim > 1 and often(rng, 0.3), often(rng, 0.3)
    mask = rng.random(shape[:2] if features else shape) < 0.7
    return found + [("dropout_forward", sample(rng, x, mask, p, alpha)),
                    ("dropout_backward", sample(rng, normal(rng, dtype, *shape), mask, p, alpha))]


def models(rng, dtype):
    """Optimizers' steps and gradient clipping, over the parameters of a model."""
    shapes = [sizes(rng, int(rng.integers(0, 4)), 200, 6000) for _ in range(rng.integers(0, 9))]
    model = optim.Model(rng, dtype, shapes, int(rng.integers(0, 9)))
    arrays = model.normal()
    found = [("total_norm", sample(rng, arrays, float(rng.choice([1.0, 2.0, np.inf])))),
             ("scale_arrays", sample(rng, arrays, 0.37)),
             ("lbfgs_direction", sample(rng, *lbfgs.history(rng, dtype, some(rng, 9000), int(rng.integers(0, 6))),
                                        0.7))]
    for module in (optim, optim_adam, optim_factor):
        for spec in module.SPECS:
            if often(rng, 0.15):  # one of the chosen samples, with these threads and this memory
                chosen = list(spec.samples(rng, dtype))
                found.append((spec.id, chosen[rng.integers(len(chosen))]))
    return found


FAMILIES = {"convolution": convolution, "pooling": pooling, "resampling": resampling, "normalisation": normalisation,
            "recurrence": recurrence, "attending": attending, "tables": tables, "products": products, "maps": maps,
            "losses": losses, "reductions": reductions, "models": models}


# ---- checks ----

def spoilt(rng, array):
    """Some elements are NaN, infinities, zeros of both signs, subnormal or huge."""
    if array.dtype.kind != "f" or not array.size:
        return array.copy()
    with np.errstate(over="ignore"):
        odd = rng.choice(np.array(ODD), array.shape).astype(array.dtype)
    return np.where(rng.random(array.shape) < rng.choice([0.02, 0.3]), odd, array)


def check_bits(spec, given, where):
    """Whatever the numbers are, any number of threads gives the same bits, or the same error."""
    results = []
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        try:
            results.append(parity.call(kernels, spec, *parity.transform(spec, given, np.copy)))
        except (ValueError, IndexError) as error:
            results.append((str(error),))
        assert_same_bits(results[-1], results[0], f"{where}, odd values, {threads} threads")
    kernels.set_num_threads(1)


def check(seed, number, families=tuple(FAMILIES)):
    """Case `number` of those that belong to a seed; AssertionError names its family, instruction set and call."""
    rng = np.random.default_rng((seed, number))
    family, dtype = families[rng.integers(len(families))], ("float32", "float64")[rng.integers(2)]
    isa = str(rng.choice(kernels.available_isas()))
    kernels.set_isa(isa)
    name = "drawing"
    try:
        with np.errstate(all="ignore"):
            calls = FAMILIES[family](rng, dtype)
        with guarded_outputs(_core) as check_guards:
            for name, given in calls:
                spec = SPECS[name]
                parity.check_parity(spec, dtype, [parity.prepared(spec, given)], check_guards)
                odd = Sample(*map_arrays(lambda x: spoilt(rng, x), [given.args, given.kwargs]))
                check_bits(spec, odd, f"{name}({parity.describe(given)})")
    except Exception as error:  # an AssertionError, or what no call here may raise
        raise AssertionError(f"case {number} of seed {seed} ({family}, {dtype}, {isa}): {name}: "
                             f"{type(error).__name__}: {error}") from error
    return len(calls)
