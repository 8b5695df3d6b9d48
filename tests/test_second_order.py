"""Gradients of gradients: every operation's second-order rule, by central differences and beside PyTorch's."""
import numpy as np
import pytest

import fastnn
from fastnn._tape import operations
from fastnn.autograd import gradgradcheck
from fastnn.ops.constant import constant
from fastnn.ops.maps import mapped, records

pytestmark = pytest.mark.filterwarnings("ignore")


def F(t):  # noqa: N802 (as programs call it)
    return t.nn.functional


def of(name, *args, **options):
    """A function of the top-level namespace."""
    return lambda t, *xs: getattr(t, name)(*xs, *args, **options)


def functional(name, *args, **options):
    return lambda t, *xs: getattr(F(t), name)(*xs, *args, **options)


def linalg(name, *args, **options):
    return lambda t, *xs: getattr(t.linalg, name)(*xs, *args, **options)


def special(name):
    return lambda t, *xs: getattr(t.special, name)(*xs)


def numbers(t, *values):
    return t.tensor(values)


def definite(t, x):
    return x @ x.mT + t.eye(x.shape[-1], dtype=t.float64)


def changed(change):
    """A function that changes (what is made of) its input in place."""
    def function(t, x, *others):
        y = x * 1
        change(t, y, *others)
        return y
    return function


def set_rows(t, y, v):
    y[1:] = v


def double_row(t, y):
    y[0].mul_(2)


def view_after_base(t, y):
    view = y[:, 1]
    y.mul_(2)
    view.mul_(3)


def fill_row(t, y):
    y[0].fill_(2.0)


def padded_rows(t, x, y):
    return t.nn.utils.rnn.pad_sequence([x, y]) * 1


def packed(t, x):
    rnn = t.nn.utils.rnn
    return rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, numbers(t, 3, 2)))[0]


def bag(mode, **options):
    def function(t, w, *scales):
        given = {"per_sample_weights": scales[0]} if scales else {}
        return F(t).embedding_bag(numbers(t, 0, 2, 2, 1, 0), w, numbers(t, 0, 2), mode=mode, **given, **options)
    return function


def reduced(reduce, include_self=True):
    return lambda t, x, s: x.scatter_reduce(0, t.tensor([[0, 1, 0], [0, 0, 2]]), s, reduce, include_self=include_self)


def at(t):
    return t.tensor([[2, 0, 1]])


def zeros_at(t):
    return t.tensor([[0.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]], dtype=t.float64)


def copied(t, x):
    return x.to(t.float64, copy=True) ** 2


def weights_of(t, q):
    layer = t.nn.MultiheadAttention(2, 1, bias=False, dtype=t.float64, batch_first=True)
    with t.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(t.linspace(-1, 1, p.numel(), dtype=t.float64).reshape(p.shape) * (i + 1))
    return layer(q, q, q)[0]


def given_weights(t, q):
    layer = t.nn.MultiheadAttention(2, 1, bias=False, dtype=t.float64, batch_first=True)
    with t.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(t.linspace(-1, 1, p.numel(), dtype=t.float64).reshape(p.shape) * (i + 1))
    return layer(q, q, q)[1] ** 2


def recurrent(name, **options):
    def function(t, x, *weights):
        layer = getattr(t.nn, name)(2, 2, dtype=t.float64, **options)
        names = [own for own, _ in layer.named_parameters()]
        state = x[:1] * 0.5 + 0.1
        if name.endswith("Cell"):
            found = t.func.functional_call(layer, dict(zip(names, weights)), (x[0],))
            return (found[0] + found[1] if name == "LSTMCell" else found) ** 2
        if name == "LSTM":
            y, (h, c) = t.func.functional_call(layer, dict(zip(names, weights)), (x, (state, state ** 2)))
            return y ** 2 + h * c
        y, h = t.func.functional_call(layer, dict(zip(names, weights)), (x, state))
        return y * h
    return function


def bidirectional(t, x, *weights):
    layer = t.nn.GRU(2, 2, dtype=t.float64, bidirectional=True, batch_first=True, bias=False)
    names = [own for own, _ in layer.named_parameters()]
    return t.func.functional_call(layer, dict(zip(names, weights)), (x,))[0] ** 2


SQUARE, ROWS, PLANE, VOLUME = (3, 3), (3, 4), (1, 2, 4, 4), (1, 1, 4, 3, 3)
# name: (function of a library and tensors, the tensors' shapes). A name with "ours" is not compared with PyTorch's.
CASES = {
    "add": (lambda t, x, y: x + y, ROWS, ROWS), "add broadcast": (lambda t, x, y: (x + y) ** 2, ROWS, (4,)),
    "sub": (lambda t, x, y: x - y, ROWS, ROWS), "sub broadcast": (lambda t, x, y: (x - y) ** 2, ROWS, (3, 1)),
    "mul": (lambda t, x, y: x * y, ROWS, (4,)), "div": (lambda t, x, y: x / y, ROWS, (3, 1)),
    "numbers": (lambda t, x: (x + 2) * 3 / 4 - 1, ROWS), "pow": (lambda t, x, y: x ** y, ROWS, (4,)),
    "maximum": (of("maximum"), ROWS, (4,)), "minimum": (of("minimum"), ROWS, (4,)),
    "stepwise": (lambda t, x, y: t.div(x, y, rounding_mode="floor") + x * y, ROWS, ROWS),
    "remainder": (lambda t, x, y: t.remainder(x, y) ** 2, ROWS, ROWS), "fmod": (of("fmod"), ROWS, ROWS),
    "polygamma": (lambda t, x: t.polygamma(1, x), ROWS),
    "binomial, ours": (lambda t, n, p: t.binomial(n * 0 + 4, p, t.Generator().manual_seed(0)) + n * p, ROWS, ROWS),
    "clamp": (lambda t, x, low: x.clamp(low, low + 0.3) * x, ROWS, (4,)),
    "glu": (functional("glu", 1), ROWS), "prelu": (functional("prelu"), (2, 3, 2), (3,)),
    "sum": (of("sum", 1), ROWS), "mean": (of("mean", (0, 1)), (2, 3, 2)), "prod": (of("prod", 1), ROWS),
    "prod of all": (lambda t, x: x.prod(), (2, 3)), "prod of zeros": (lambda t, x: (x * zeros_at(t)).prod(1), ROWS),
    "amax": (of("amax", 1), ROWS), "amin": (of("amin", (0,)), ROWS), "max": (lambda t, x: x.max() * x, ROWS),
    "min": (lambda t, x: x.min() * x, ROWS), "max along": (lambda t, x: x.max(1).values ** 2, ROWS),
    "min along": (lambda t, x: x.min(1, keepdim=True).values ** 2, ROWS), "var": (of("var", 1), ROWS),
    "std": (of("std", (0, 1), correction=0), ROWS), "softmax": (of("softmax", 1), ROWS),
    "log_softmax": (of("log_softmax", 0), ROWS), "logsumexp": (of("logsumexp", 1), ROWS),
    "view": (lambda t, x: x.reshape(2, 6) ** 2, ROWS), "squeeze": (lambda t, x: x.squeeze(1) ** 2, (3, 1)),
    "unsqueeze": (lambda t, x: x.unsqueeze(1) ** 2, ROWS), "transpose": (lambda t, x: x.t() ** 2, ROWS),
    "transpose of 0-d": (lambda t, x: x.transpose(0, 0) ** 2, ()),
    "permute": (lambda t, x: x.permute(2, 0, 1) ** 2, (2, 3, 2)), "expand": (lambda t, x: x.expand(2, 3) ** 2, (3,)),
    "clone": (lambda t, x: x.clone() ** 2, ROWS), "to": (copied, (2, 2)),
    "cat": (lambda t, x, y: t.cat((x, y, x)) ** 2, ROWS, (2, 4)),
    "stack": (lambda t, x, y: t.stack((x, y), 1) ** 2, ROWS, ROWS),
    "linear": (functional("linear"), ROWS, (2, 4), (2,)),
    "matmul": (of("matmul"), (2, 3, 4), (4, 2)), "matmul of a vector": (of("matmul"), ROWS, (4,)),
    "dot": (of("dot"), (4,), (4,)), "addbmm without input": (of("addbmm", beta=0), (2, 2), (2, 2, 3), (2, 3, 2)),
    # ---- indexing, scatter and gather ----
    "select": (lambda t, x: x[1] ** 2, ROWS), "slice": (lambda t, x: x[:, 1:3] ** 2, ROWS),
    "index": (lambda t, x: x[numbers(t, 2, 0, 2)] ** 2, ROWS), "mask": (lambda t, x: x[x > 0.6] ** 2, ROWS),
    "where": (lambda t, x, y: t.where(x > 0.6, x * x, y * x), ROWS, (4,)),
    "setitem": (lambda t, x, v: changed(set_rows)(t, x, v) ** 2, ROWS, (4,)),
    "index_put": (lambda t, x, v: x.index_put((numbers(t, 0, 2),), v) ** 2, ROWS, (4,)),
    "index_put added": (lambda t, x, v: x.index_put((numbers(t, 0, 0),), v, True) ** 2, ROWS, (2, 4)),
    "gather": (lambda t, x: x.gather(0, at(t)) ** 2, SQUARE),
    "gather nothing": (lambda t, x: x.gather(0, at(t)[:, :0]).sum() + x ** 2, SQUARE),
    "scatter": (lambda t, x, s: x.scatter(0, at(t), s) ** 2, SQUARE, (1, 3)),
    "scatter a number": (lambda t, x: x.scatter(0, at(t), 2.0) ** 2, SQUARE),
    "scatter_add": (lambda t, x, s: x.scatter_add(0, at(t), s) ** 2, SQUARE, (1, 3)),
    "scatter_add of constants": (lambda t, x: x.scatter_add(0, at(t), t.ones(3, 3, dtype=t.float64)) ** 2, SQUARE),
    "scatter_reduce sum": (reduced("sum"), SQUARE, (2, 3)), "scatter_reduce mean": (reduced("mean"), SQUARE, (2, 3)),
    "scatter_reduce amax": (lambda t, x, s: reduced("amax")(t, x, s) ** 2, SQUARE, (2, 3)),
    "scatter_reduce others": (lambda t, x, s: reduced("amin", False)(t, x, s) ** 2, SQUARE, (2, 3)),
    "frexp": (lambda t, x: t.frexp(x).mantissa * x, SQUARE),
    "nextafter ours": (lambda t, x, y: t.nextafter(x, y) * x ** 2, SQUARE, SQUARE),
    "scatter_reduce nothing ours": (lambda t, x, s: x.scatter_reduce(0, at(t)[:, :0], s, "sum") * x + s.sum(), SQUARE,
                               SQUARE),
    "index_add": (lambda t, x, s: x.index_add(0, numbers(t, 0, 0), s, alpha=2.0) ** 2, ROWS, (2, 4)),
    "index_add of constants": (lambda t, x: x.index_add(0, numbers(t, 0), t.ones(1, 4, dtype=t.float64)) ** 2, ROWS),
    "index_copy": (lambda t, x, s: x.index_copy(0, numbers(t, 2, 0), s) ** 2, ROWS, (2, 4)),
    "index_fill": (lambda t, x, v: x.index_fill(1, numbers(t, 1, 2), v) ** 2, ROWS, ()),
    "masked_scatter": (lambda t, x, s: x.masked_scatter(t.tensor([True, False, True]), s) ** 2, SQUARE, (7,)),
    # ---- rearrangements ----
    "flip": (lambda t, x: x.flip(0, 1) ** 2, ROWS), "roll": (lambda t, x: x.roll(1, 1) ** 2, ROWS),
    "rot90": (lambda t, x: x.rot90() ** 2, ROWS), "repeat": (lambda t, x: x.repeat(2, 1, 2) ** 2, (2, 2)),
    "repeat_interleave": (lambda t, x: x.repeat_interleave(numbers(t, 1, 0, 2), 0) ** 2, ROWS),
    "fill_diagonal_": (lambda t, x: changed(lambda t, y: y.fill_diagonal_(1.0))(t, x) ** 2, SQUARE),
    "diagonal": (lambda t, x: x.diagonal(1) ** 2, ROWS), "diag_embed": (lambda t, x: x.diag_embed(1) ** 2, (2, 2)),
    "tril": (lambda t, x: x.tril() ** 2, SQUARE), "triu": (lambda t, x: x.triu(1) ** 2, SQUARE),
    "block_diag": (lambda t, x, y: t.block_diag(x, y) ** 2, (2, 2), (1, 2)),
    "unsafe_split": (lambda t, x: t.unsafe_chunk(x, 2)[0] ** 2, ROWS),
    "as_strided": (lambda t, x: x.as_strided((2, 2), (1, 2), 1) ** 2, (6,)),
    "windows": (lambda t, x: x.unfold(0, 3, 2) ** 2, (7,)), "unfold": (functional("unfold", 2), PLANE),
    "fold": (lambda t, x: F(t).fold(x, (3, 3), 2) ** 2, (1, 4, 4)),
    "pad": (lambda t, x: F(t).pad(x, (1, 2, -1, 0), value=3.0) ** 2, ROWS),
    **{f"pad {mode} {n}": (lambda t, x, mode=mode, n=n: F(t).pad(x, (1, 1) * n, mode) ** 2, (2, 2, 2, 3)[-n - 1:])
       for mode in ("reflect", "replicate", "circular") for n in (1, 2, 3)},
    "nan_to_num": (lambda t, x: t.nan_to_num(x) ** 2, ROWS),
    # ---- in place ----
    "fill_": (changed(lambda t, y: y.fill_(1.0).add_(0)), ROWS), "copy_": (lambda t, x, v: changed(
        lambda t, y, v: y.copy_(v))(t, x, v) ** 2, ROWS, (4,)),
    "a row in place": (lambda t, x: changed(double_row)(t, x) ** 2, ROWS),
    "a view after its base": (lambda t, x: changed(view_after_base)(t, x) ** 2, ROWS),
    "a row overwritten": (lambda t, x: changed(fill_row)(t, x) ** 2, ROWS),
    # ---- order and scans ----
    "sort": (lambda t, x: t.sort(x, 1).values ** 2, ROWS), "topk": (lambda t, x: t.topk(x, 2).values ** 2, ROWS),
    "kthvalue": (lambda t, x: t.kthvalue(x, 2).values ** 2, ROWS),
    "median": (lambda t, x: t.median(x, 1).values ** 2, ROWS),
    "nanmedian": (lambda t, x: t.nanmedian(x, 1).values ** 2, ROWS),
    "mode": (lambda t, x: t.mode(x, 1).values ** 2, ROWS), "cumsum": (lambda t, x: x.cumsum(1) ** 2, ROWS),
    "cumprod": (of("cumprod", 1), ROWS), "cumprod with zeros": (lambda t, x: (x * zeros_at(t)).cumprod(1), ROWS),
    "cummax": (lambda t, x: t.cummax(x, 1).values ** 2, ROWS),
    "cummin": (lambda t, x: t.cummin(x, 1).values ** 2, ROWS),
    "logcumsumexp": (of("logcumsumexp", 1), ROWS),
    # ---- functions without kernels ----
    **{name: (of(name), ROWS, (4,)) for name in ("atan2", "hypot", "logaddexp", "logaddexp2", "xlogy")},
    **{name: (lambda t, x, y, name=name: getattr(t, name)(x, y) ** 2, ROWS, (4,)) for name in (
        "copysign", "fmax", "fmin")},
    **{name: (special(name), ROWS) for name in ("erfc", "ndtr", "sinc")},
    **{name: (lambda t, x, name=name: getattr(t.special, name)(x * 0.7), ROWS) for name in ("erfinv", "ndtri")},
    **{name: (special(name), ROWS) for name in ("i0", "i0e", "i1", "i1e")},
    "xlog1py": (special("xlog1py"), ROWS, (4,)), "logit": (of("logit"), ROWS),
    # ---- linear algebra ----
    "inv": (linalg("inv"), SQUARE), "det": (linalg("det"), (2, 3, 3)),
    "slogdet": (lambda t, x: t.linalg.slogdet(x)[1], SQUARE), "solve": (linalg("solve"), SQUARE, (3, 2)),
    "cholesky": (lambda t, x: t.linalg.cholesky(definite(t, x)), SQUARE),
    "eigenvalues": (lambda t, x: t.linalg.eigvalsh(definite(t, x)), SQUARE),
    "eigenvectors": (lambda t, x: t.linalg.eigh(definite(t, x))[1] ** 2, SQUARE),
    "eig": (lambda t, x: t.linalg.eig(definite(t, x))[0].real, SQUARE),
    "eig's vectors": (lambda t, x: t.linalg.eig(definite(t, x))[1].abs() ** 2, SQUARE),
    "singular vectors": (lambda t, x: sum((p ** 2 * p.abs()).sum() for p in t.linalg.svd(x, False)[::2]), (3, 2)),
    "qr": (lambda t, x: sum((p ** 2 * p.abs()).sum() for p in t.linalg.qr(x)), (3, 2)),
    "qr of rows": (lambda t, x: sum((p ** 2 * p.abs()).sum() for p in t.linalg.qr(x)), (2, 3)),
    "lstsq": (lambda t, x, y: t.linalg.lstsq(x, y)[0], (4, 2), (4, 3)),
    "svdvals": (linalg("svdvals"), (3, 2)), "svdvals of rows": (linalg("svdvals"), (2, 3)),
    "nuclear norm": (of("norm", "nuc", dim=(0, 2)), (2, 2, 3)),
    "pinv": (linalg("pinv"), (4, 2)), "norm": (of("norm", 2), ROWS),
    **{f"norm of order {p}": (lambda t, x, p=p: t.linalg.vector_norm(x, p, 1) ** 2, ROWS) for p in (1, 3, 0.5, np.inf)},
    # ---- layers ----
    "embedding": (lambda t, w: F(t).embedding(numbers(t, 2, 0, 2, 1), w, padding_idx=1) ** 2, ROWS),
    "embedding by frequency": (lambda t, w: F(t).embedding(numbers(t, 2, 0, 2), w, scale_grad_by_freq=True) ** 2, ROWS),
    "bag sum ours": (lambda t, w, s: bag("sum")(t, w, s) ** 2, ROWS, (5,)),
    "bag mean ours": (lambda t, w: bag("mean", padding_idx=1)(t, w) ** 2, ROWS),
    "bag max ours": (lambda t, w: bag("max")(t, w) ** 2, ROWS),
    "conv1d": (functional("conv1d", padding=1), (2, 2, 5), (2, 2, 3), (2,)),
    "conv_transpose2d": (functional("conv_transpose2d", stride=2), (1, 2, 2, 2), (2, 2, 2, 2), (2,)),
    "conv3d": (functional("conv3d"), VOLUME, (1, 1, 2, 2, 2), (1,)),
    "max_pool1d": (lambda t, x: F(t).max_pool1d(x, 2) ** 2, (1, 2, 6)),
    "max_pool2d": (lambda t, x: F(t).max_pool2d(x, 2) ** 2, PLANE),
    "adaptive_max_pool2d": (lambda t, x: F(t).adaptive_max_pool2d(x, 3) ** 2, PLANE),
    "avg_pool1d": (lambda t, x: F(t).avg_pool1d(x, 3, 2, 1) ** 2, (1, 2, 6)),
    "avg_pool2d": (lambda t, x: F(t).avg_pool2d(x, 2) ** 2, PLANE),
    "adaptive_avg_pool1d": (lambda t, x: F(t).adaptive_avg_pool1d(x, 3) ** 2, (1, 2, 5)),
    "adaptive_avg_pool2d": (lambda t, x: F(t).adaptive_avg_pool2d(x, (3, 1)) ** 2, PLANE),
    "adaptive_avg_pool3d": (lambda t, x: F(t).adaptive_avg_pool3d(x, 2) ** 2, VOLUME),
    "mean of planes": (lambda t, x: F(t).adaptive_avg_pool2d(x, 1) ** 2, PLANE),
    "mean of volumes": (lambda t, x: F(t).adaptive_avg_pool3d(x, 1) ** 2, VOLUME),
    "max_unpool2d": (lambda t, x: F(t).max_unpool2d(x, t.tensor([[[[0, 3], [9, 10]]]]), 2) ** 2, (1, 1, 2, 2)),
    **{f"interpolate {mode} {len(shape) - 2}": (
        lambda t, x, mode=mode: F(t).interpolate(x, scale_factor=1.7, mode=mode) ** 2, shape)
       for mode, shapes in {"nearest": ((1, 1, 4), (1, 1, 3, 3), (1, 1, 2, 2, 2)),
                            "nearest-exact": ((1, 1, 4), (1, 1, 3, 3), (1, 1, 2, 2, 2)), "linear": ((1, 1, 4),),
                            "bilinear": ((1, 1, 3, 3),), "bicubic": ((1, 1, 3, 3),),
                            "trilinear": ((1, 1, 2, 2, 2),)}.items()
       for shape in shapes},
    "affine_grid": (lambda t, x: F(t).affine_grid(x, (1, 1, 2, 3), False) ** 2, (1, 2, 3)),
    **{f"grid_sample {mode} {padding} of {len(shape) - 2} ours": (
        lambda t, x, g, mode=mode, padding=padding: F(t).grid_sample(x, g * 3 - 1.7, mode, padding, False) ** 2,
        shape, (1, *[2] * (len(shape) - 2), len(shape) - 2))
       for mode in ("bilinear", "nearest", "bicubic") for padding in ("zeros", "border", "reflection")
       for shape in (PLANE, VOLUME) if (mode, shape) != ("bicubic", VOLUME)},
    "layer_norm": (lambda t, x, w, b: F(t).layer_norm(x, (4,), w, b) ** 2, ROWS, (4,), (4,)),
    "rms_norm": (lambda t, x, w: F(t).rms_norm(x, (4,), w), ROWS, (4,)),
    "group_norm": (lambda t, x, w, b: F(t).group_norm(x, 2, w, b) ** 2, (2, 4, 2), (4,), (4,)),
    "batch_norm": (lambda t, x, w, b: F(t).batch_norm(x, None, None, w, b, True) ** 2, (4, 2), (2,), (2,)),
    "instance_norm": (lambda t, x, w, b: F(t).instance_norm(x, t.zeros(2, dtype=t.float64), t.ones(2, dtype=t.float64),
                                                            w, b) ** 2, (2, 2, 4), (2,), (2,)),
    "attention": (functional("scaled_dot_product_attention"), (1, 1, 3, 2), (1, 1, 3, 2), (1, 1, 3, 2)),
    "attention of projections": (weights_of, (1, 3, 2)),
    "attention weights": (given_weights, (1, 3, 2)),
    **{f"{name}{cell}": (recurrent(name + cell), (3, 1, 2), (gates * 2, 2), (gates * 2, 2), (gates * 2,), (gates * 2,))
       for name, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)) for cell in ("", "Cell")},
    "RNN of ReLU": (recurrent("RNN", nonlinearity="relu"), (2, 1, 2), (2, 2), (2, 2), (2,), (2,)),
    "GRU bidirectional": (bidirectional, (1, 2, 2), *[(6, 2)] * 4),
    "dropout ours": (lambda t, x: _dropped(t, x) ** 2, ROWS), "padded": (padded_rows, (3, 2), (2, 2)),
    "packed": (lambda t, x: packed(t, x) ** 2, (3, 2, 2)),
    # ---- losses ----
    **{name: (functional(name), ROWS, ROWS) for name in (
        "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss",
        "binary_cross_entropy_with_logits")},
    "soft_margin_loss ours": (functional("soft_margin_loss"), ROWS, ROWS),
    "binary_cross_entropy": (lambda t, x, y: F(t).binary_cross_entropy(x * 0.9, y * 0.9), ROWS, ROWS),
    "kl_div of logs": (functional("kl_div", log_target=True, reduction="sum"), ROWS, ROWS),
    "poisson_nll_loss of numbers": (functional("poisson_nll_loss", log_input=False), ROWS, ROWS),
    "hinge_embedding_loss": (lambda t, x: F(t).hinge_embedding_loss(
        x * x, t.tensor([[1.0, -1.0, 1.0, -1.0]] * 3, dtype=t.float64)), ROWS),
    "cross_entropy": (lambda t, x: F(t).cross_entropy(x, numbers(t, 0, 3, 1)), ROWS),
    "cross_entropy weighted": (lambda t, x: F(t).cross_entropy(
        x, numbers(t, 0, 3, -100), t.tensor([1.0, 2.0, 3.0, 4.0], dtype=t.float64), label_smoothing=0.2), ROWS),
    "cross_entropy of shares": (lambda t, x, y: F(t).cross_entropy(x, y, label_smoothing=0.1), ROWS, ROWS),
    "nll_loss": (lambda t, x: F(t).nll_loss(x ** 2, numbers(t, 0, 3, 1), t.tensor([1.0, 2.0, 3.0, 4.0],
                                                                                 dtype=t.float64)), ROWS),
}
PARAMETERS = {"clamp": (0.4, 0.8), "hardtanh": (0.4, 0.8), "threshold": (0.5, 0.1), "leaky_relu": (0.2, 0),
              "leaky_relu_signed": (-0.2, 0), "elu": (0.7, 0), "elu_of_x": (0.7, 0), "celu": (0.7, 0),
              "celu_of_x": (0.7, 0), "softplus": (2.0, 20.0), "softshrink": (0.5, 0), "hardshrink": (0.5, 0),
              "pow_scalar": (2.5, 0), "rpow_scalar": (2.5, 0), "add_scalar": (2.0, 0), "mul_scalar": (2.0, 0),
              "div_scalar": (2.0, 0), "rsub_scalar": (2.0, 0), "rdiv_scalar": (2.0, 0)}
SHIFTS = {"acosh": 1.0, "relu6": 5.5}  # beyond 1; about the kink at 6


def _dropped(t, x):
    t.manual_seed(0)
    return F(t).dropout(x, 0.5)


def inputs(t, name, shapes):
    rng = np.random.default_rng(len(name))
    return [t.from_numpy(rng.uniform(0.2, 0.95, shape)).requires_grad_() for shape in shapes]


def ops_of(tensors):
    """The records of all nodes behind some tensors."""
    stack, seen, found = [x.grad_fn for x in tensors], set(), set()
    while stack:
        node = stack.pop()
        if node is None or node in seen or not hasattr(node, "op"):
            continue
        seen.add(node)
        found.add(node.op)
        if "inner" in node.op.saves:
            stack.append(node.op.saved_values(node)["inner"])
        stack += [target for target, _ in node.next_functions]
    return found


@pytest.mark.parametrize("name", CASES)
def test_rules_by_central_differences(name):
    function, *shapes = CASES[name]
    if name == "embedding by frequency":
        pytest.skip("what it gives is no gradient")
    assert gradgradcheck(lambda *xs: function(fastnn, *xs), inputs(fastnn, name, shapes))


@pytest.mark.parametrize("sign", [1, -1], ids=["above 0", "below 0"])
@pytest.mark.parametrize("name", records())
def test_rules_of_maps_by_central_differences(name, sign):
    """Every map of elementwise.def."""
    if sign < 0 and name in ("log", "log2", "log10", "sqrt", "rsqrt", "pow_scalar", "acosh"):
        pytest.skip("there is none")
    shift = SHIFTS.get(name, -6.0 if name == "digamma" and sign < 0 else 0.0)
    x, = inputs(fastnn, name, [(5,)])
    x = (x.detach() * sign + shift).requires_grad_()
    assert gradgradcheck(lambda x: mapped(x, name, *PARAMETERS.get(name, ())) * x, x)


def derivatives(t, name):
    """First and second gradients of a case."""
    function, *shapes = CASES[name]
    given = inputs(t, name, shapes)
    made = function(t, *given)
    rng = np.random.default_rng(0)
    first = t.autograd.grad((made * t.from_numpy(rng.uniform(0.5, 1, tuple(made.shape)))).sum(), given,
                            create_graph=True)
    total = sum((g * t.from_numpy(rng.uniform(0.5, 1, tuple(g.shape)))).sum() for g in first)
    second = t.autograd.grad(total, given, allow_unused=True) if total.requires_grad else ()
    return [x.detach().numpy(force=True) for x in first], [x if x is None else x.numpy(force=True) for x in second]


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in CASES if "ours" not in name])
def test_rules_are_pytorchs(name):
    torch = pytest.importorskip("torch", reason="compared with PyTorch")
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        theirs = derivatives(torch, name)
    for ours, expected in zip(derivatives(fastnn, name), theirs):
        for i, b in enumerate(expected):
            a = ours[i] if i < len(ours) else None
            if a is None or b is None:  # no path, to one of the two: a gradient of 0
                assert (a is None or not a.any()) and (b is None or not b.any())
            else:
                np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_every_rule_has_a_case():
    """Each operation with a second-order rule takes part in one of the cases above."""
    reached = set(records().values())
    for name, (function, *shapes) in CASES.items():
        given = inputs(fastnn, name, shapes)
        made = function(fastnn, *given)
        first = fastnn.autograd.grad(made.sum(), given, create_graph=True, allow_unused=True)
        reached |= ops_of([made, *(g for g in first if g is not None and g.requires_grad)])
    constants = constant("FillBackward0").backward  # they all have one rule
    # Those of sparse tensors exist once a test has loaded them, and have their cases in tests/test_sparse.py.
    missing = [op for op in operations if op.second_order is not None and op not in reached
               and not op.second_order.__module__.startswith("fastnn.sparse")]
    assert not [op for op in missing if op.backward is not constants]
