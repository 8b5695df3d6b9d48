"""autograd.Function, autograd.functional, gradcheck and gradients of gradients."""
import warnings

import numpy as np
import pytest

import fastnn as torch
from fastnn import nn
from fastnn.autograd import Function, functional, gradcheck, gradgradcheck
from fastnn.autograd.function import once_differentiable
from fastnn.nn import functional as F


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


class SumAndProduct(Function):
    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.save_for_backward(x, y)
        ctx.factor = factor
        return x + y, x * y * factor, torch.tensor([1, 2])

    @staticmethod
    def backward(ctx, dsum, dproduct, _):
        x, y = ctx.saved_tensors
        dproduct = dproduct * ctx.factor
        return dsum + dproduct * y, dsum + dproduct * x, None


def test_function_of_several_outputs():
    x, y = leaf(1.0, 2.0), leaf(3.0, 5.0)
    a, b, whole = SumAndProduct.apply(x, y, 2)
    assert not whole.requires_grad and a.requires_grad
    (a * 3 + b).sum().backward()
    assert x.grad.tolist() == [9.0, 13.0] and y.grad.tolist() == [5.0, 7.0]
    x.grad = None
    SumAndProduct.apply(x, y, 2)[1].sum().backward()  # the other output is not used
    assert x.grad.tolist() == [6.0, 10.0]
    assert gradcheck(lambda p, q: SumAndProduct.apply(p, q, 0.5)[:2], (x, y))


class Double(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


def test_function_that_changes_its_input():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = Double.apply(y)
    assert z is y and y.tolist() == [6.0, 12.0]
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


class Cube(Function):
    @staticmethod
    def forward(x):
        return x ** 3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad * 3 * x * x


def test_setup_context_and_second_derivative():
    x = leaf(2.0)
    first, = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    assert first.item() == 12.0 and torch.autograd.grad(first, x)[0].item() == 12.0
    assert gradgradcheck(Cube.apply, (leaf(0.5, 2.0),))


def test_saved_tensor_that_changed_and_bad_results():
    x = leaf(1.0)
    y = x * 1
    z = Cube.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()

    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @once_differentiable
        def backward(ctx, grad):
            assert not torch.is_grad_enabled()
            return grad, grad
    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        Bad.apply(x).sum().backward()
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        Bad()


def test_gradcheck_sees_a_wrong_gradient():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return grad
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(Wrong.apply, (leaf(1.0, 2.0),))
    assert not gradcheck(Wrong.apply, (leaf(1.0, 2.0),), raise_exception=False)
    assert gradcheck(lambda x, w: torch.tanh(x @ w), (torch.randn(2, 3, dtype=torch.float64, requires_grad=True),
                                                      torch.randn(3, 2, dtype=torch.float64, requires_grad=True)))


@pytest.mark.torch
def test_functional_is_pytorchs():
    theirs = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y, v, w = (rng.standard_normal(n) for n in (3, 2, 3, 2))

    def outcome(library):
        def several(a, b):
            return (a.exp() * b.sum(), (a * a).sum() + b ** 3)

        def one(a, b):
            return (a.sin() * a).sum() * (b ** 2).sum()
        make = library.from_numpy
        f = library.autograd.functional
        given = make(x), make(y)
        return [f.jacobian(several, given), f.jacobian(lambda a: a * a, make(x)), f.hessian(one, given),
                f.hessian(lambda a: (a ** 3).sum(), make(x)), f.vjp(several, given, (make(v), make(w))),
                f.jvp(several, given, (make(v), make(w))), f.vhp(one, given, (make(v), make(w))),
                f.hvp(one, given, (make(v), make(w)))]

    def flat(value):
        return [item for part in value for item in flat(part)] if isinstance(value, (list, tuple)) else [value.numpy()]
    found, expected = flat(outcome(torch)), flat(outcome(theirs))
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    assert functional.jacobian(lambda a: a[:0], torch.ones(2)).shape == (0, 2)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "silu", "gelu", "sigmoid", "elu"])
def test_second_derivatives_of_a_network(activation):
    """u'' of a network, as programs that solve differential equations need it, and its gradient for the weights."""
    torch.manual_seed(0)
    f = getattr(F, activation)
    w1, b1, w2 = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((4, 1), (4,), (1, 4)))
    x = torch.linspace(0.1, 1, 3, dtype=torch.float64).reshape(3, 1).requires_grad_()

    def residual(x, w1, b1, w2):
        u = F.linear(f(F.linear(x, w1, b1)), w2)
        first, = torch.autograd.grad(u.sum(), x, create_graph=True)
        second, = torch.autograd.grad(first.sum(), x, create_graph=True)
        return second + u
    assert gradcheck(residual, (x, w1, b1, w2), atol=1e-4)


def test_gradient_penalty():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1))
    x = torch.randn(4, 2, requires_grad=True)
    slope, = torch.autograd.grad(critic(x), x, torch.ones(4, 1), create_graph=True, retain_graph=True)
    ((slope.norm(2, dim=1) - 1) ** 2).mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in (critic[0].weight, critic[2].weight))


@pytest.mark.parametrize("loss", ["mse_loss", "cross_entropy", "binary_cross_entropy_with_logits"])
def test_second_derivatives_of_losses(loss):
    torch.manual_seed(0)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 3, 1]) if loss == "cross_entropy" else torch.rand(3, 4, dtype=torch.float64)
    assert gradgradcheck(lambda x: getattr(F, loss)(x, target), (x,))


def test_gradients_into_some_inputs():
    x, y = leaf(1.0), leaf(2.0)
    (x * y).backward(inputs=x)
    assert x.grad.item() == 2.0 and y.grad is None
    found = torch.autograd.grad((x * 2).sum(), (x, y), materialize_grads=True)
    assert found[1].tolist() == [0.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * y).backward(inputs=[])
    assert isinstance(torch.autograd.Variable(torch.ones(1)), torch.Tensor)


def test_func():
    from fastnn import func
    x = leaf(1.0, 2.0).detach()
    assert func.grad(lambda x: (x ** 3).sum())(x).tolist() == [3.0, 12.0]
    assert func.grad(lambda x: func.grad(lambda y: (y ** 3).sum())(x).sum())(x).tolist() == [6.0, 12.0]
    assert func.jacrev(lambda x: x * x)(x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert func.hessian(lambda x: (x ** 3).sum())(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    slopes, value = func.grad_and_value(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x * 2)
    assert slopes[0].tolist() == [2.0, 4.0] and slopes[1].tolist() == [1.0, 2.0] and value.item() == 10.0
    model = nn.Linear(2, 1)
    own = model.weight
    weights = {"weight": torch.ones(1, 2, requires_grad=True), "bias": torch.zeros(1)}
    out = func.functional_call(model, weights, (torch.tensor([[1.0, 2.0]]),))
    assert out.item() == 3.0 and model.weight is own
    out.sum().backward()
    assert weights["weight"].grad.tolist() == [[1.0, 2.0]] and own.grad is None


@pytest.mark.parametrize("function, shapes", [
    (lambda x: F.glu(x, 0), [(4, 3)]), (F.prelu, [(2, 3, 2), (3,)]), (F.prelu, [(2, 3), (1,)]),
    (lambda x, y: torch.stack((x * y, y), 1), [(2, 3), (2, 3)]),
    (lambda x, y: torch.cat((x * y, y), 1), [(2, 3), (2, 1)]),
], ids=["glu", "prelu of channels", "prelu", "stack", "cat"])
def test_gradient_of_gradient(function, shapes):
    """Of f(x)^2, by central differences of its first gradient."""
    torch.manual_seed(0)
    inputs = tuple(torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes)

    def first(*values):
        return torch.autograd.grad((function(*values) ** 2).sum(), values, create_graph=True)
    assert gradcheck(first, inputs)


MAPS = {
    "relu": F.relu, "relu6": F.relu6, "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "elu": F.elu, "celu": F.celu,
    "selu": F.selu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
    "mish": F.mish, "softplus": F.softplus,
    "hardswish": F.hardswish, "hardtanh": F.hardtanh, "logsigmoid": F.logsigmoid,
    "softsign": F.softsign, "tanhshrink": F.tanhshrink, "softshrink": F.softshrink, "hardshrink": F.hardshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 0.5), "prelu": lambda x: F.prelu(x, torch.tensor([0.2]).double()),
    **{name: getattr(torch, name) for name in (
        "sigmoid", "tanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square",
        "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf")},
    "pow": lambda x: x ** 3, "pow of 1": lambda x: x ** 1,
}


def first_and_second(library, function, x):
    """f', f'' and, through f'^2, both together; as PyTorch's programs take them."""
    first, = library.autograd.grad(function(x).sum(), x, create_graph=True)
    second, = library.autograd.grad(first.sum(), x, retain_graph=True)
    mixed, = library.autograd.grad((first * first).sum(), x)
    return first.detach(), second, mixed


@pytest.mark.torch
@pytest.mark.parametrize("name", MAPS)
def test_second_derivatives_of_maps_are_pytorchs(name):
    """Also of those that are linear between kinks: zeros, not an error; and of 0-d tensors."""
    theirs = pytest.importorskip("torch")
    functional, short = theirs.nn.functional, {
        "leaky_relu": lambda x: theirs.nn.functional.leaky_relu(x, 0.2), "pow": lambda x: x ** 3,
        "gelu_tanh": lambda x: theirs.nn.functional.gelu(x, approximate="tanh"), "pow of 1": lambda x: x ** 1,
        "threshold": lambda x: theirs.nn.functional.threshold(x, 0.1, 0.5),
        "prelu": lambda x: theirs.nn.functional.prelu(x, theirs.tensor([0.2]).double())}
    judge = short.get(name) or getattr(theirs, name, None) or getattr(functional, name)
    for values in (np.array([0.5, -0.25, 0.75, 1.5, 2.5, -3.5, 7.0]), np.array(0.25)):
        found = first_and_second(torch, MAPS[name], torch.from_numpy(values.copy()).requires_grad_())
        expected = first_and_second(theirs, judge, theirs.from_numpy(values.copy()).requires_grad_())
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "hardtanh", "softshrink", "hardshrink", "threshold",
                                  "prelu"])
def test_second_derivatives_of_maps_with_kinks_are_zero(name):
    x = leaf(0.3, -0.7, 2.0)
    assert first_and_second(torch, MAPS[name], x)[1].tolist() == [0.0, 0.0, 0.0]
    layer = nn.Sequential(nn.Linear(3, 3), nn.ReLU()).double()  # one fused node
    first, = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
    assert torch.autograd.grad(first.sum(), x)[0].tolist() == [0.0, 0.0, 0.0]


LOSSES = {
    "mse_loss": {}, "l1_loss": {}, "smooth_l1_loss": {"beta": 0.3}, "huber_loss": {"delta": 0.3}, "kl_div": {},
    "kl_div of logs": {"log_target": True}, "binary_cross_entropy": {}, "binary_cross_entropy weighted": {"weight": 1},
    "binary_cross_entropy_with_logits": {}, "soft_margin_loss": {}, "poisson_nll_loss": {},
    "poisson_nll_loss of numbers": {"log_input": False},
    "binary_cross_entropy_with_logits weighted": {"weight": 1, "pos_weight": 1},
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_second_derivatives_of_losses_of_elements(name, reduction):
    """By both arguments, by central differences of the first."""
    torch.manual_seed(0)
    x, t = (torch.rand(2, 3).double().mul(0.8).add(0.1).requires_grad_() for _ in range(2))
    options = {key: torch.rand(3).double().add(0.5).expand(2, 3).clone() if key.endswith("weight") else value
               for key, value in LOSSES[name].items()}
    loss = getattr(F, name.split()[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of kl_div
        assert gradgradcheck(lambda x, t: loss(x, t, reduction=reduction, **options), (x, t))


def test_second_derivatives_raise_only_when_they_are_asked_for():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def product():
        return (x * w).scatter_reduce(0, torch.tensor([0, 0]), w, "prod").sum()
    y = product()
    first, other = torch.autograd.grad(y, (x, w), create_graph=True)
    plain = torch.autograd.grad(product(), (x, w))
    assert first.tolist() == plain[0].tolist() and other.tolist() == plain[1].tolist()
    x.grad = None
    (y * 2 + w.sum()).backward(create_graph=True)
    assert x.grad.tolist() == (2 * plain[0]).tolist()
    with pytest.raises(NotImplementedError, match="scatter_reduce"):
        torch.autograd.grad(first.sum(), x)


@pytest.mark.parametrize("name", ["flip", "roll", "tril", "diagonal", "repeat"])
def test_gradients_of_linear_rearrangements_depend_on_no_input(name):
    x = torch.rand(3, 3).double().requires_grad_()
    arguments = {"flip": (0,), "roll": (1, 0), "repeat": (2, 1)}.get(name, ())
    y = getattr(x, name)(*arguments)
    first, = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    assert first.requires_grad
    first, = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert not first.requires_grad


def _selected(t, x, zero):
    return {"clamp": lambda: x.clamp(min=0).sqrt(), "maximum": lambda: t.maximum(x, zero).log(),
            "minimum": lambda: (1 / t.minimum(-x, zero)), "tensor bounds": lambda: x.clamp(zero, zero + 5).sqrt(),
            "round": lambda: 1 / x.round().clamp(min=0), "power 0": lambda: 1 / (x ** 0 - 1),
            "sign": lambda: 1 / (x.sign() + 1)}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", ["clamp", "maximum", "minimum", "tensor bounds", "round", "power 0", "sign"])
def test_what_is_not_selected_gets_no_nan(name, create_graph):
    """Infinite slopes behind a choice do not reach what was not chosen."""
    x = torch.tensor([-1.0, -2.0], requires_grad=True)
    y = _selected(torch, x, torch.zeros(2))[name]()
    slope, = torch.autograd.grad(y.sum(), x, create_graph=create_graph)
    assert slope.tolist() == [0.0, 0.0]
