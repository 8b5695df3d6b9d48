"""Losses: element by element; cross-entropy and negative log-likelihood of classes and of probabilities."""
from functools import partial

import numpy as np

from fastnn import reference
from fastnn.errors import DTypeError, RangeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, special, uniform

TOLERANCE = {"rtol": {"float32": 4e-6, "float64": 4e-14}, "atol": {"float32": 2e-6, "float64": 4e-15}}
REDUCTIONS = ("none", "mean", "sum")


# ---- element by element ----

def positive(rng, dtype, *shape):
    return np.asarray(abs(normal(rng, dtype, *shape, scale=3.0)))


def unit(rng, dtype, *shape):
    return np.asarray(uniform(rng, dtype, *shape, low=0.0, high=1.0))


def signs(rng, dtype, *shape):
    return np.asarray(rng.choice([-1.0, 1.0], shape).astype(dtype))


def wide(rng, dtype, *shape):
    return np.asarray(normal(rng, dtype, *shape, scale=2.0))


# name: (input, target, parameters a, b, wants pos_weight, odd values allowed)
POINTWISE = {
    "mse": (wide, wide, [()], False, True),
    "l1": (wide, wide, [()], False, True),
    "smooth_l1": (wide, wide, [(1.0,), (0.3,), (0.0,)], False, True),
    "huber": (wide, wide, [(1.0,), (2.5,)], False, True),
    "pinball": (wide, wide, [(0.5,), (0.9,)], False, False),
    "bce": (unit, unit, [()], False, False),
    "bce_with_logits": (wide, unit, [()], False, False),
    "bce_with_logits_weighted": (wide, unit, [()], True, False),
    "kl_div": (wide, unit, [()], False, False),
    "kl_div_log_target": (wide, wide, [()], False, False),
    "poisson_nll": (positive, positive, [(1e-8, 0.0), (1e-8, 1.0)], False, False),
    "poisson_nll_log_input": (wide, positive, [(1e-8, 0.0), (1e-8, 1.0)], False, False),
    "soft_margin": (wide, signs, [()], False, False),
    "hinge_embedding": (wide, signs, [(1.0,)], False, False),
}


def pointwise_cases(op, rng, dtype):
    """(x, target, weight, pos_weight, reduction, *parameters)"""
    make_x, make_target, parameters, weighted, odd = POINTWISE[op]

    def case(i, *shape, weight=None):
        pos_weight = positive(rng, dtype, *shape) if weighted else None
        x, target = make_x(rng, dtype, *shape), make_target(rng, dtype, *shape)
        return x, target, weight, pos_weight, REDUCTIONS[i % 3], *parameters[i % len(parameters)]
    for i, n in enumerate(SIZES):
        yield case(i, n)
        if n < 2000:
            yield case(i + 1, n)
    for i in range(3 * len(parameters)):
        yield case(i, 3, 5, 7)
        yield case(i, 4, 6, weight=positive(rng, dtype, 6))
    yield case(0)
    yield case(1)
    yield case(1, 3, 0, 5)
    if op == "bce":
        for i in range(3):
            yield np.array([0, 1, 0, 1, 1e-30, 0.5], dtype), np.array([0, 1, 1, 0, 0.5, 0.5], dtype), None, None, \
                REDUCTIONS[i]
    if odd:
        values = special(dtype)
        for i in range(0, len(values), 4):
            yield values, np.roll(values, i), None, None, "none", *parameters[i % len(parameters)]
        yield values, np.zeros_like(values), None, None, "sum", *parameters[0]
    elif op.startswith(("bce_with", "soft_margin")):
        values = np.array([0, -0.0, 1e-30, 1, 30, 90, 120, 1000, 1e30, np.nan], dtype)
        values = np.concatenate([values, -values])
        target = np.ones_like(values)
        for t in (target, -target) if op == "soft_margin" else (target, target * 0, target * dtype_of(dtype)(0.25)):
            yield values, t, None, np.full_like(values, 1.5) if weighted else None, "none"


def dtype_of(name):
    return np.dtype(name).type


def pointwise_samples(op, rng, dtype):
    for x, target, *rest in pointwise_cases(op, rng, dtype):
        yield Sample((op, x, target, *rest), layouts=x.ndim > 0)


def pointwise_backward_samples(op, rng, dtype):
    for i, (x, target, weight, pos_weight, reduction, *parameters) in enumerate(pointwise_cases(op, rng, dtype)):
        grad = np.asarray(normal(rng, dtype, *(x.shape if reduction == "none" else ())))
        need = {"need_input": i % 3 != 1, "need_target": i % 3 != 0}
        # PyTorch: no gradient for the target of soft_margin; none by itself for that of hinge_embedding; bce's
        # 1e-12 is a float in it
        comparable = (need["need_input"] if op == "hinge_embedding" else
                      op != "bce" or dtype == "float32" or (x * (1 - x) > 1e-12).all())
        if op == "mse":  # 2 (x - t) overflows sooner than the result
            x, target = (np.where(abs(z) == np.inf, z, np.clip(z, -1e30, 1e30)).astype(dtype) for z in (x, target))
        yield Sample((op, grad, x, target, weight, pos_weight, reduction, *parameters), need, layouts=grad.ndim > 0,
                     torch=bool(comparable))


def pointwise_gradient(op, kernels, rng):
    make_x, make_target, parameters, weighted, _ = POINTWISE[op]
    for choice in parameters:
        shape = (5, 7)
        x, target = make_x(rng, "float64", *shape), make_target(rng, "float64", *shape)
        if op == "bce":
            x, target = 0.1 + 0.8 * x, 0.1 + 0.8 * target
        if op in ("kl_div", "poisson_nll", "poisson_nll_log_input"):
            target = target + 0.1
            x = x + 0.1 if op == "poisson_nll" else x
        kinks = [0.0, *choice] if "poisson" not in op else []
        at_kink = np.zeros(shape, bool)
        for kink in kinks:
            at_kink |= abs(abs(x - target) - kink) < 1e-3
        at_kink |= (abs(target - 1) < 1e-3) & ("poisson" in op) | (abs(x - 1) < 1e-3)
        moved = at_kink & (make_target is not signs)
        x, target = np.where(at_kink, x + 0.01, x), np.where(moved, target + 0.02, target)
        pos_weight = positive(rng, "float64", *shape) if weighted else None
        weight = positive(rng, "float64", 7)
        for reduction in REDUCTIONS:
            grad = np.asarray(rng.standard_normal(shape if reduction == "none" else ()))
            rest = (weight, pos_weight, reduction, *choice)
            dx, dt = kernels.pointwise_loss_backward(op, grad, x, target, *rest, need_target=True)

            def loss(x, target, rest=rest, grad=grad):
                return float((kernels.pointwise_loss_forward(op, x, target, *rest) * grad).sum())
            yield GradientCase(f"x, {reduction}", lambda x, target=target, loss=loss: loss(x, target), x, dx)
            if op != "hinge_embedding":
                yield GradientCase(f"target, {reduction}", lambda target, x=x, loss=loss: loss(x, target), target,
                                   dt)


def pointwise_errors(op, dtype):
    x, weight = np.full((2, 3), 0.5, dtype), np.ones((2, 3), dtype) if POINTWISE[op][3] else None
    other = "float64" if dtype == "float32" else "float32"
    yield ErrorSample((op, x, x[:1], None, weight), {}, ShapeError,
                      "expected target of the input's shape (2, 3), got (1, 3)")
    yield ErrorSample((op, x, x, np.ones(2, dtype), weight), {}, ShapeError,
                      "expected weight that broadcasts to the input's shape (2, 3), got (2,)")
    yield ErrorSample((op, x.astype(int), x, None, weight), {}, DTypeError, "got int64")
    yield ErrorSample((op, x, x.astype(other), None, weight), {}, DTypeError, "of one dtype")
    yield ErrorSample((op, x, x, None, weight, "average"), {}, ValueError,
                      "'average' is not a valid value for reduction")
    if op == "bce":
        for bad in (1.5, -0.1, np.nan):
            wrong = np.full((2, 3), bad, dtype)
            yield ErrorSample((op, wrong, x), {}, RangeError, "all elements of input should be between 0 and 1")
            yield ErrorSample((op, x, wrong), {}, RangeError, "all elements of target should be between 0 and 1")


def pointwise_backward_errors(op, dtype):
    x, weight = np.full((2, 3), 0.5, dtype), np.ones((2, 3), dtype) if POINTWISE[op][3] else None
    yield ErrorSample((op, x, x, x, None, weight), {}, ShapeError, "expected grad of one element")
    yield ErrorSample((op, x[0, :1], x, x, None, weight, "none"), {}, ShapeError,
                      "expected grad of the input's shape (2, 3), got (1,)")


def pointwise_bench(op, rng, dtype):
    for n in (64, 50_000, 1_000_000) if op in ("mse", "bce_with_logits") else (50_000,):
        x, target, *rest = (POINTWISE[op][0](rng, dtype, n), POINTWISE[op][1](rng, dtype, n), None,
                            positive(rng, dtype, n) if POINTWISE[op][3] else None, "mean", *POINTWISE[op][2][0])
        yield Bench(f"{n}", (op, x, target, *rest), bytes=2 * x.nbytes)


def pointwise_backward_bench(op, rng, dtype):
    for case in pointwise_bench(op, rng, dtype):
        grad = np.ones((), dtype)
        yield Bench(case.label, (op, grad, *case.args[1:]), bytes=1.5 * case.bytes)


def torch_pointwise(op, *args):
    import torch.nn.functional as F
    x, target, weight, pos_weight, reduction = args[:5]
    a, b = (*args[5:], 0.0, 0.0)[:2]
    calls = {
        "mse": lambda: F.mse_loss(x, target, reduction="none"),
        "l1": lambda: F.l1_loss(x, target, reduction="none"),
        "smooth_l1": lambda: F.smooth_l1_loss(x, target, reduction="none", beta=a),
        "huber": lambda: F.huber_loss(x, target, reduction="none", delta=a),
        "pinball": lambda: ((target - x) * a).maximum((target - x) * (a - 1)),
        "bce": lambda: F.binary_cross_entropy(x, target, reduction="none"),
        "bce_with_logits": lambda: F.binary_cross_entropy_with_logits(x, target, reduction="none"),
        "bce_with_logits_weighted": lambda: F.binary_cross_entropy_with_logits(x, target, reduction="none",
                                                                               pos_weight=pos_weight),
        "kl_div": lambda: F.kl_div(x, target, reduction="none"),
        "kl_div_log_target": lambda: F.kl_div(x, target, reduction="none", log_target=True),
        "poisson_nll": lambda: F.poisson_nll_loss(x, target, log_input=False, full=bool(b), eps=a,
                                                  reduction="none"),
        "poisson_nll_log_input": lambda: F.poisson_nll_loss(x, target, full=bool(b), reduction="none"),
        "soft_margin": lambda: F.soft_margin_loss(x, target, reduction="none"),
        "hinge_embedding": lambda: F.hinge_embedding_loss(x, target, margin=a, reduction="none"),
    }
    losses = calls[op]() * (1 if weight is None else weight)
    return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[reduction]


def torch_pointwise_backward(op, grad, x, target, *rest, need_input, need_target):
    import torch
    with torch.enable_grad():
        x.requires_grad_(need_input)
        target.requires_grad_(need_target)
        torch_pointwise(op, x, target, *rest).backward(grad)
    dt = target.grad
    return x.grad, torch.zeros_like(target) if need_target and dt is None else dt


def pointwise_spec(op):
    # exp(-t x) overflows in PyTorch's soft_margin and its kl_div has 0/0 in the gradient at target 0: not asked there
    extra = {"soft_margin": {"atol": {"float32": 4e-6, "float64": 4e-15}}}.get(op, {})
    return [
        OpSpec("pointwise_loss_forward", partial(pointwise_samples, op), variant=op,
               kernels=("pointwise_loss_forward", "all_between"), errors=partial(pointwise_errors, op), oracle="double",
               bench=partial(pointwise_bench, op), torch=None if op == "soft_margin" else torch_pointwise,
               **{**TOLERANCE, **extra}),
        OpSpec("pointwise_loss_backward", partial(pointwise_backward_samples, op), variant=op,
               kernels=("pointwise_loss_backward",), errors=partial(pointwise_backward_errors, op), oracle="double",
               gradient=partial(pointwise_gradient, op),
               torch=None if op == "soft_margin" else torch_pointwise_backward,
               bench=partial(pointwise_backward_bench, op), **{**TOLERANCE, **extra}),
    ]


# ---- classes ----

SHAPES = [(1, 1), (4, 3), (64, 10), (5, 2), (33, 17), (3, 1023), (3, 1024), (2, 1025), (7, 2051), (129, 100), (0, 4),
          (2, 5, 3), (3, 4, 16, 17), (2, 3, 257), (1, 2, 256), (4, 21, 1), (2, 3, 0), (7,), (1,)]


def targets(rng, shape, ignored=0.2):
    """Classes, some of them -100."""
    positions = shape[:1] + shape[2:] if len(shape) > 1 else ()
    target = rng.integers(0, shape[1] if len(shape) > 1 else shape[0], positions, dtype=np.int64)
    return np.asarray(np.where(rng.random(positions) < ignored, -100, target))


def probabilities(rng, dtype, shape):
    p = rng.random(shape)
    return (p / p.sum(axis=1 if len(shape) > 1 else 0, keepdims=True)).astype(dtype)


def class_cases(rng, dtype, soft):
    """(x, target, weight, ignore_index, label_smoothing, reduction), torch's answer comparable"""
    for i, shape in enumerate(SHAPES):
        classes = shape[1] if len(shape) > 1 else shape[0]
        for j in range(6):
            x = normal(rng, dtype, *shape, scale=3.0)
            target = probabilities(rng, dtype, shape) if soft else targets(rng, shape, 0.2 if j % 2 else 0.0)
            weight = positive(rng, dtype, classes) if j >= 3 else None
            yield x, target, weight, -100, 0.1 if (i + j) % 3 == 0 else 0.0, REDUCTIONS[j % 3]
    shift = np.array([[1000, 999, 998], [-1000, 0, 1000], [88, -88, 0], [1e30, 1e30, 0]], dtype)
    target = np.array([0, 2, 1, 1])
    for reduction in REDUCTIONS:
        yield shift, probabilities(rng, dtype, (4, 3)) if soft else target, None, -100, 0.0, reduction
    odd = np.array([[np.inf, 0, 1], [np.nan, 0, 1], [-np.inf, 0, 1], [-np.inf] * 3, [0, 0, 0]], dtype)
    if not soft:
        yield odd, np.array([0, 1, 1, 0, 2]), None, -100, 0.0, "none"
        yield normal(rng, dtype, 3, 4), np.array([-100, -100, -100]), None, -100, 0.0, "mean"
        yield normal(rng, dtype, 3, 4), np.array([-100, -100, -100]), None, -100, 0.2, "sum"
        yield normal(rng, dtype, 3, 4), np.array([2, 2, 1]), None, 2, 0.2, "mean"
        yield normal(rng, dtype, 3, 4), np.array([3, 0, 1], np.uint8), None, 2, 0.2, "mean"
    yield normal(rng, dtype, 20_000, 11), probabilities(rng, dtype, (20_000, 11)) if soft else \
        targets(rng, (20_000, 11)), positive(rng, dtype, 11), -100, 0.1, "mean"


def layouts_allowed(target):
    return target.ndim > 0  # a single number has no other layout


def ce_samples(soft):
    def samples(rng, dtype):
        for case in class_cases(rng, dtype, soft):
            yield Sample(case, layouts=layouts_allowed(case[1]), atol=case_atol(dtype, case))
    return samples


def case_atol(dtype, case):
    """Rounding of a sum of losses whose terms may be as large as the scores."""
    x, reduction = case[0], case[-1]
    finite = abs(x[np.isfinite(x)])
    largest = min(float(finite.max(initial=1.0)), 2e3)
    terms = len(x) if reduction == "sum" else 1
    return float(np.finfo(dtype).eps) * largest * max(terms, 1) * 8


def ce_backward_samples(soft):
    def samples(rng, dtype):
        for i, case in enumerate(class_cases(rng, dtype, soft)):
            x, target, weight, ignore_index, smoothing, reduction = case
            loss, saved = reference.cross_entropy_forward(*case)
            grad = np.asarray(normal(rng, dtype, *loss.shape))
            need = {"need_input": not soft or i % 3 != 1, "need_target": soft and i % 3 != 0}
            comparable = np.isfinite(x).all() and not (target.dtype.kind == "i" and (target == -100).all())
            yield Sample((grad, x, target, saved, *case[2:]), need, layouts=False, atol=case_atol(dtype, case),
                         torch=bool(comparable))
    return samples


def torch_cross_entropy(x, target, weight, ignore_index, label_smoothing, reduction):
    import torch.nn.functional as F
    return F.cross_entropy(x, target, weight, ignore_index=ignore_index, label_smoothing=label_smoothing,
                           reduction=reduction)


def torch_with_saved(x, target, weight=None, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    """PyTorch's loss beside our own `saved`, which is no business of PyTorch's."""
    options = (ignore_index, label_smoothing, reduction)
    saved = reference.cross_entropy_forward(x.numpy(), target.numpy(), None if weight is None else weight.numpy(),
                                            *options)[1]
    return torch_cross_entropy(x, target, weight, *options), saved


def torch_cross_entropy_backward(grad, x, target, saved, *rest, need_input, need_target):
    import torch
    with torch.enable_grad():
        x.requires_grad_(need_input)
        if need_target:
            target.requires_grad_()
        torch_cross_entropy(x, target, *rest).backward(grad)
    return x.grad, target.grad if need_target else None


def class_errors(name, dtype):
    x, t = np.zeros((2, 3), dtype), np.zeros(2, np.int64)
    yield ErrorSample((x, np.array([0, 5])), {}, IndexError, f"{name}: Target 5 is out of bounds.")
    yield ErrorSample((x, np.array([-1, 0])), {}, IndexError, "Target -1 is out of bounds.")
    yield ErrorSample((x, np.array([0, -100])), {"ignore_index": 7}, IndexError, "Target -100 is out of bounds.")
    yield ErrorSample((x, np.zeros(3, np.int64)), {}, ShapeError,
                      "Expected input batch_size (2) to match target batch_size (3).")
    yield ErrorSample((x, np.zeros((2, 2), np.int64)), {}, ShapeError, "expected target (2,) for input (2, 3)")
    yield ErrorSample((np.zeros((2, 3, 4), dtype), np.zeros((2, 5), np.int64)), {}, ShapeError,
                      "expected target (2, 4) for input (2, 3, 4), got (2, 5)")
    yield ErrorSample((x, t.astype(np.int32)), {}, DTypeError, "expected target dtype to be Long or Byte")
    yield ErrorSample((x, t.astype(dtype)), {}, DTypeError, "expected target dtype to be Long or Byte")
    yield ErrorSample((np.zeros((), dtype), np.zeros((), np.int64)), {}, ShapeError, "got ()")
    yield ErrorSample((np.zeros((2, 3), np.int64), t), {}, DTypeError, "got int64")
    yield ErrorSample((x, t, np.ones(2, dtype)), {}, ShapeError, "weight tensor should be defined either for all 3")
    yield ErrorSample((x, t), {"reduction": "all"}, ValueError, "'all' is not a valid value for reduction")


def ce_errors(dtype):
    yield from class_errors("cross_entropy", dtype)
    x, t = np.zeros((2, 3), dtype), np.zeros(2, np.int64)
    yield ErrorSample((x, t), {"label_smoothing": 1.5}, RuntimeError, "label_smoothing must be between 0.0 and 1.0")
    yield ErrorSample((x, x), {"ignore_index": 1}, RuntimeError, "ignore_index is not supported for floating point")
    yield ErrorSample((x, x.astype("float64" if dtype == "float32" else "float32")), {}, DTypeError, "of one dtype")


def ce_backward_errors(dtype):
    x, t, grad = np.zeros((2, 3), dtype), np.zeros(2, np.int64), np.ones((), dtype)
    yield ErrorSample((grad, x, t, np.zeros(3, dtype)), {}, ShapeError, "saved is not what cross_entropy_forward")
    yield ErrorSample((x, x, t, np.zeros(7, dtype)), {}, ShapeError, "expected grad of one element")
    yield ErrorSample((grad, x, t, np.zeros(7, dtype)), {"need_target": True}, ValueError, "have no gradient")
    yield ErrorSample((grad, x, t + 3, np.zeros(7, dtype)), {}, IndexError, "Target 3 is out of bounds")


def ce_gradient(kernels, rng):
    for shape in ((4, 5), (2, 3, 4), (6,)):
        for soft in (False, True):
            for k, reduction in enumerate(REDUCTIONS):
                x = rng.standard_normal(shape)
                target = probabilities(rng, "float64", shape) if soft else targets(rng, shape, 0.0)
                rest = (positive(rng, "float64", shape[1] if len(shape) > 1 else shape[0]), -100, 0.1 * k, reduction)
                loss, saved = kernels.cross_entropy_forward(x, target, *rest)
                grad = np.asarray(rng.standard_normal(loss.shape))
                dx, dt = kernels.cross_entropy_backward(grad, x, target, saved, *rest, need_target=soft)

                def value(x, target, rest=rest, grad=grad):
                    return float((kernels.cross_entropy_forward(x, target, *rest)[0] * grad).sum())
                yield GradientCase(f"x {shape}", lambda x, target=target, value=value: value(x, target), x, dx)
                if soft:
                    yield GradientCase(f"target {shape}", lambda target, x=x, value=value: value(x, target), target, dt)


def ce_bench(soft):
    def bench(rng, dtype):
        for shape in ((64, 10), (256, 1000), (4, 21, 64, 64)):
            x = normal(rng, dtype, *shape)
            target = probabilities(rng, dtype, shape) if soft else targets(rng, shape, 0.0)
            yield Bench("x".join(map(str, shape)), (x, target), bytes=x.nbytes + target.nbytes)
    return bench


def ce_backward_bench(soft):
    def bench(rng, dtype):
        for case in ce_bench(soft)(rng, dtype):
            saved = reference.cross_entropy_forward(*case.args)[1]
            yield Bench(case.label, (np.ones((), dtype), *case.args, saved), bytes=case.bytes + case.args[0].nbytes)
    return bench


# ---- negative log-likelihood ----

def nll_cases(rng, dtype):
    for x, target, weight, ignore_index, _, reduction in class_cases(rng, dtype, False):
        if np.isfinite(x).all():
            yield x, target, weight, ignore_index, reduction


def nll_samples(rng, dtype):
    for case in nll_cases(rng, dtype):
        yield Sample(case, atol=case_atol(dtype, case), layouts=layouts_allowed(case[1]))


def nll_backward_samples(rng, dtype):
    for case in nll_cases(rng, dtype):
        loss, total = reference.nll_forward(*case)
        grad = np.asarray(normal(rng, dtype, *loss.shape))
        yield Sample((grad, *case[:2], total, *case[2:]), layouts=False)


def torch_nll(x, target, weight, ignore_index, reduction):
    import torch.nn.functional as F
    return F.nll_loss(x, target.long(), weight, ignore_index=ignore_index, reduction=reduction)


def torch_nll_with_total(x, target, weight, *rest):
    total = reference.nll_forward(x.numpy(), target.numpy(), None if weight is None else weight.numpy(), *rest)[1]
    return torch_nll(x, target, weight, *rest), total


def torch_nll_backward(grad, x, target, total, *rest):
    import torch
    with torch.enable_grad():
        torch_nll(x.requires_grad_(), target, *rest).backward(grad)
    return x.grad


def nll_backward_errors(dtype):
    x, t = np.zeros((2, 3), dtype), np.zeros(2, np.int64)
    yield ErrorSample((x, x, t, np.ones((), dtype)), {}, ShapeError, "nll: expected grad of one element")
    yield ErrorSample((np.ones(3, dtype), x, t, np.ones((), dtype)), {"reduction": "none"}, ShapeError,
                      "expected grad of the loss's shape (2,)")


def nll_gradient(kernels, rng):
    x, target, weight = rng.standard_normal((4, 5, 2)), targets(rng, (4, 5, 2)), positive(rng, "float64", 5)
    for reduction in REDUCTIONS:
        loss, total = kernels.nll_forward(x, target, weight, -100, reduction)
        grad = np.asarray(rng.standard_normal(loss.shape))
        yield GradientCase(
            reduction,
            lambda x, r=reduction, g=grad: float((kernels.nll_forward(x, target, weight, -100, r)[0] * g).sum()), x,
            kernels.nll_backward(grad, x, target, total, weight, -100, reduction))


def nll_bench(rng, dtype):
    for shape in ((64, 10), (256, 1000)):
        x, target = normal(rng, dtype, *shape), targets(rng, shape, 0.0)
        yield Bench("x".join(map(str, shape)), (x, target), bytes=len(x) * (x.itemsize + 8))


def nll_backward_bench(rng, dtype):
    for case in nll_bench(rng, dtype):
        yield Bench(case.label, (np.ones((), dtype), *case.args, np.asarray(len(case.args[0]), dtype=dtype)),
                    bytes=case.args[0].nbytes)


# ---- connectionist temporal classification ----

# (steps, samples, classes, input lengths, target lengths, whether targets are one row)
ALIGNMENTS = ((1, 1, 2, (1,), (1,), False), (5, 2, 4, (5, 3), (2, 1), False),
              (5, 3, 4, (5, 0, 4), (0, 0, 2), True), (12, 4, 3, (12, 9, 2, 1), (5, 3, 3, 2), False),
              (70, 5, 20, (70, 64, 65, 3, 31), (17, 30, 1, 2, 15), True),
              (40, 33, 7, (40,) * 33, (9,) * 33, False), (3, 2, 5, (3, 0), (1, 1), True))


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def alignments(rng, dtype):
    for t, n, c, steps, lengths, flat in ALIGNMENTS:
        x = log_softmax(rng.standard_normal((t, n, c))).astype(dtype)
        blank = int(rng.integers(c))
        classes = rng.integers(0, c - 1, sum(lengths) if flat else (n, max(lengths) + 1))
        yield x, classes + (classes >= blank), np.array(steps), np.array(lengths), blank


def ctc_samples(rng, dtype):
    for arguments in alignments(rng, dtype):
        yield Sample(arguments)
    x = np.full((4, 1, 3), -np.inf, dtype)  # probabilities of 0
    x[[0, 1, 2, 3], 0, [1, 0, 2, 2]] = 0
    yield Sample((x, np.array([[1, 2]]), np.array([4]), np.array([2])))


def ctc_backward_samples(rng, dtype):
    for x, *arguments, blank in alignments(rng, dtype):
        loss, alpha = reference.ctc_loss_forward(x, *arguments, blank)
        for zero_infinity in (False, True):
            yield Sample((normal(rng, dtype, x.shape[1]), x, *arguments, loss, alpha, blank, zero_infinity))


def ctc_errors(dtype):
    x, classes, steps, lengths = np.zeros((5, 2, 4), dtype), np.ones((2, 3), int), np.array([5, 5]), np.array([2, 3])
    yield ErrorSample((x[0], classes, steps, lengths), {}, ShapeError, "ctc_loss: expected log_probs (T, N, C)")
    yield ErrorSample((x[:0], classes, steps, lengths), {}, ShapeError, "that are not empty")
    yield ErrorSample((x.astype(int), classes, steps, lengths), {}, DTypeError, "ctc_loss: expected a float32 or")
    yield ErrorSample((x, classes.astype(float), steps, lengths), {}, DTypeError, "ctc_loss: expected targets of int64")
    yield ErrorSample((x, classes[:1], steps, lengths), {}, ShapeError, "ctc_loss: expected targets (2, 3 or more)")
    yield ErrorSample((x, classes[0], steps, lengths), {}, ShapeError, "ctc_loss: expected targets (5,)")
    yield ErrorSample((x, classes + 3, steps, lengths), {}, RangeError, "ctc_loss: expected targets of 0 to 3, got 4")
    yield ErrorSample((x, classes - 2, steps, lengths), {}, RangeError, "ctc_loss: expected targets of 0 to 3, got -1")
    yield ErrorSample((x, classes, steps + 1, lengths), {}, RangeError, "at most 5, but got value 6")
    yield ErrorSample((x, classes, steps, lengths - 3), {}, RangeError, "target_lengths to have values of at least 0")
    yield ErrorSample((x, classes, steps[:1], lengths), {}, ShapeError, "input_lengths must be of size batch_size, 2")
    yield ErrorSample((x, classes, steps, lengths, 4), {}, RangeError, "ctc_loss: blank must be in label range")


def ctc_backward_errors(dtype):
    x, classes, steps, lengths = np.zeros((5, 2, 4), dtype), np.ones((2, 3), int), np.array([5, 5]), np.array([2, 3])
    loss, alpha = reference.ctc_loss_forward(x, classes, steps, lengths)
    yield ErrorSample((loss[:1], x, classes, steps, lengths, loss, alpha), {}, ShapeError, "ctc_loss: expected grad")
    yield ErrorSample((loss, x, classes, steps, lengths, loss, alpha[:1]), {}, ShapeError, "ctc_loss: expected alpha")


def ctc_gradient(kernels, rng):
    """By what log_softmax made x of."""
    for x, *arguments, blank in list(alignments(rng, "float64"))[:4]:
        grad = rng.standard_normal(x.shape[1])
        loss, alpha = kernels.ctc_loss_forward(x, *arguments, blank)
        dx = kernels.ctc_loss_backward(grad, x, *arguments, loss, alpha, blank, True)

        def function(z, arguments=arguments, blank=blank, grad=grad):
            loss = kernels.ctc_loss_forward(log_softmax(z), *arguments, blank)[0]
            return float((np.where(np.isinf(loss), 0, loss) * grad).sum())
        yield GradientCase(f"logits {x.shape}", function, x, dx)


def ctc_bench(rng, dtype):
    for t, n, c, s in ((50, 16, 20, 10), (200, 32, 60, 40)):
        x = log_softmax(rng.standard_normal((t, n, c))).astype(dtype)
        yield Bench(f"{t}x{n}x{c} {s}", (x, rng.integers(1, c, (n, s)), np.full(n, t), np.full(n, s)), bytes=x.nbytes)


def ctc_backward_bench(rng, dtype):
    for case in ctc_bench(rng, dtype):
        loss, alpha = reference.ctc_loss_forward(*case.args)
        yield Bench(case.label, (np.ones_like(loss), *case.args, loss, alpha), bytes=case.bytes)


# Logarithms of the steps so far, whose rounding is that of their sums, are what exp is taken of.
ALONG = {"rtol": {"float32": 2e-5, "float64": 1e-13}, "atol": {"float32": 1e-4, "float64": 2e-13}}
SPECS = [
    *(spec for op in POINTWISE for spec in pointwise_spec(op)),
    *(spec for soft in (False, True) for spec in (
        OpSpec("cross_entropy_forward", ce_samples(soft), variant="probabilities" if soft else "classes",
               kernels=("cross_entropy_forward",), errors=ce_errors, oracle="double", torch=torch_with_saved,
               bench=ce_bench(soft), **TOLERANCE),
        OpSpec("cross_entropy_backward", ce_backward_samples(soft), variant="probabilities" if soft else "classes",
               kernels=("cross_entropy_backward",), errors=ce_backward_errors, oracle="double",
               torch=torch_cross_entropy_backward, gradient=ce_gradient, bench=ce_backward_bench(soft), **TOLERANCE))),
    OpSpec("nll_forward", nll_samples, kernels=("nll_forward",), errors=lambda dtype: class_errors("nll", dtype),
           oracle="double", torch=torch_nll_with_total, bench=nll_bench, **TOLERANCE),
    OpSpec("nll_backward", nll_backward_samples, kernels=("nll_backward",), errors=nll_backward_errors, oracle="double",
           torch=torch_nll_backward, gradient=nll_gradient, bench=nll_backward_bench, **TOLERANCE),
    OpSpec("ctc_loss_forward", ctc_samples, kernels=("ctc_loss_forward",), errors=ctc_errors, oracle="double",
           gradient=ctc_gradient, bench=ctc_bench, **ALONG),
    OpSpec("ctc_loss_backward", ctc_backward_samples, kernels=("ctc_loss_backward",), errors=ctc_backward_errors,
           oracle="double", bench=ctc_backward_bench, **ALONG),
]
