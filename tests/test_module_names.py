"""Names in modules: own ``__getattr__``, members named like methods, and calls with other parameters."""
import numpy as np
import pytest

import fastnn
from fastnn import func, nn
from fastnn.nn.utils import stateless


class Wrapper(nn.Module):
    """Asks the base class first, then what it wraps, as public wrappers do."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.register_buffer("counter", fastnn.zeros(1))
        self.own = nn.Parameter(fastnn.ones(2))

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def test_own_getattr_finds_members_in_the_base_class():
    net = Wrapper(nn.Linear(2, 3))
    assert net.in_features == 2 and net.weight is net.module.weight
    base = super(Wrapper, net)
    assert base.__getattr__("module") is net.module and base.__getattr__("own") is net.own
    assert base.__getattr__("counter") is net._buffers["counter"]
    net.register_parameter("nothing", None)
    assert base.__getattr__("nothing") is None
    for lookup in (lambda: net.no_such, lambda: nn.Module().x, lambda: nn.Linear(1, 1).__getattr__("x")):
        with pytest.raises(AttributeError, match="object has no attribute"):
            lookup()

    class Before(nn.Module):
        def __getattr__(self, name):
            return super().__getattr__(name)
    with pytest.raises(AttributeError, match="object has no attribute 'x'"):
        getattr(Before.__new__(Before), "x")  # noqa: B009 (before __init__ too)


class Counted(nn.Module):
    """Has a look at each access to what it holds, as probabilistic libraries do with parameters."""

    def __getattr__(self, name):
        found = super().__getattr__(name)
        vars(self).setdefault("asked", []).append(name)
        return found


def test_own_getattr_is_asked_each_time():
    net = Counted()
    net.weight = nn.Parameter(fastnn.ones(2))
    net.layer = nn.Linear(2, 2)
    net.register_buffer("state", fastnn.zeros(1))
    for _ in range(2):
        assert net.weight is net._parameters["weight"] and net.layer is net._modules["layer"]
        assert net.state is net._buffers["state"]
    assert net.asked == ["weight", "layer", "state"] * 2
    nn.utils.parametrizations.weight_norm(net, "weight")
    assert nn.utils.parametrize.is_parametrized(net, "weight")


def test_a_new_class_is_asked():
    """As when a library puts a class of its own in the place of a module's."""
    net = nn.Module()
    net.weight = nn.Parameter(fastnn.ones(2))
    net.plain = 3
    weight = net.weight
    net.__class__ = Counted
    assert net.weight is weight and net.weight is weight and net.plain == 3 and net.asked == ["weight", "weight"]
    net.__class__ = nn.Module
    assert net.weight is weight and vars(net)["weight"] is weight and len(net.asked) == 2


@pytest.mark.parametrize("name", ["parameters", "modules", "children", "buffers", "named_parameters", "apply", "train",
                                  "half", "extra_repr", "forward"])
def test_a_child_named_like_a_method_hides_nothing(name):
    net = nn.Module()
    child = nn.Linear(2, 3)
    setattr(net, name, child)
    assert getattr(net, name) == getattr(nn.Module, name).__get__(net)
    assert len(list(net.parameters())) == 2 and list(net.children()) == [child] and len(list(net.modules())) == 2
    assert list(net.state_dict()) == [f"{name}.weight", f"{name}.bias"]
    net.eval()
    assert not child.training
    delattr(net, name)
    assert not list(net.parameters()) and callable(getattr(net, name))
    with pytest.raises(KeyError, match=f"attribute '{name}' already exists"):
        setattr(net, name, nn.Parameter(fastnn.ones(1)))
    setattr(net, name, [1])  # a plain value does hide the method, as in any class
    assert getattr(net, name) == [1]


def test_parameters_of_ones_own():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.parameters = nn.ParameterList([nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.ones(3))])
    optimizer = fastnn.optim.SGD(Net().parameters(), 0.1)
    assert [p.numel() for p in optimizer.param_groups[0]["params"]] == [2, 3]


def tied(nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight
            self.register_buffer("shift", self.a.weight.detach()[0] * 0)
            self.register_buffer("same", self.shift)
            self.count = self.shift + 1  # a plain tensor

        def forward(self, x, scale=1):
            self.shift = self.shift + 1
            return self.b(self.a(x)) * scale + self.same + self.count
    return Net()


CALLS = {
    "one of two names": ({"a.weight": 2}, {}), "the other": ({"b.weight": 3}, {}),
    "both alike": ({"a.weight": 2, "b.weight": 2}, {}), "both different": ({"a.weight": 2, "b.weight": 3}, {}),
    "untied": ({"a.weight": 2}, {"tie_weights": False}),
    "untied, both": ({"a.weight": 2, "b.weight": 3}, {"tie_weights": False}),
    "a buffer": ({"shift": 5}, {}), "its other name": ({"same": 5}, {}), "a plain attribute": ({"count": 7}, {}),
    "a new name": ({"fresh": 1}, {}), "a new name below": ({"a.fresh": 1}, {}), "no such module": ({"c.weight": 1}, {}),
    "through a tensor": ({"a.weight.x": 1}, {}), "a number": ({"a.weight": None}, {}),
    "strict": ({"a.weight": 2, "shift": 1}, {"strict": True}),
    "strict, missing": ({"a.weight": 2}, {"strict": True}),
    "strict, unexpected": ({"a.weight": 2, "shift": 1, "fresh": 1}, {"strict": True}),
    "strict, untied": ({"a.weight": 2, "shift": 1}, {"strict": True, "tie_weights": False}),
    "keywords": ({"a.weight": 2}, {"kwargs": {"scale": 10}}),
}


def outcome(library, call, values, options):
    """What a call returns and leaves behind, or its error."""
    net = tied(library.nn)
    with library.no_grad():
        net.a.weight.fill_(1)
    before = net.a.weight, net.b.weight, net.same
    made = {}  # equal numbers are one tensor
    size = {"a.weight": (2, 2), "b.weight": (2, 2)}
    given = {name: 3.0 if value is None else made.setdefault(value, library.full(size.get(name, (2,)), float(value)))
             for name, value in values.items()}
    try:
        y = call(net, given, library.ones(1, 2), **options)
    except Exception as error:
        result = type(error).__name__, str(error)
    else:
        result = y.tolist(), {name: value.tolist() for name, value in given.items()}
    assert all(a is b for a, b in zip((net.a.weight, net.b.weight, net.same), before, strict=True))
    return result, net.count.tolist(), hasattr(net, "fresh")


@pytest.mark.torch
@pytest.mark.parametrize("case", CALLS)
def test_functional_call_as_pytorch(case):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    values, options = CALLS[case]
    own = outcome(fastnn, func.functional_call, values, options)
    other = outcome(torch, torch.func.functional_call, values, options)
    if isinstance(other[0][0], str) and "instance of" in other[0][1]:  # the words print the tensors
        own, other = own[0][0], other[0][0]
    assert own == other


def test_tied_parameters_get_one_value():
    net = tied(nn)
    w = fastnn.full((2, 2), 2.0, requires_grad=True)
    with fastnn.no_grad():
        net.a.weight.fill_(1)
    y = func.functional_call(net, {"a.weight": w}, fastnn.ones(1, 2))
    assert y.tolist() == [[17.0, 17.0]] and net.a.weight is net.b.weight and net.a.weight is not w
    y.sum().backward()
    assert w.grad.abs().sum() > 0 and net.a.weight.grad is None


def test_several_dictionaries():
    net, x = nn.Linear(2, 1), fastnn.ones(1, 2)
    weight, bias = {"weight": fastnn.ones(1, 2)}, {"bias": fastnn.ones(1)}
    for both in ((weight, bias), [weight, bias]):
        assert func.functional_call(net, both, x).item() == func.functional_call(net, both, (x,)).item() == 3
    for wrong, words in (((weight, weight), r"\['weight'\] appeared in multiple dictionaries"),
                         ((weight, 1), "all elements"), (3, "to be a dict, or a list/tuple of dicts, but got")):
        with pytest.raises(ValueError, match=words):
            func.functional_call(net, wrong, x)
    with pytest.warns(FutureWarning, match="deprecated"):
        assert stateless.functional_call(net, weight | bias, x).item() == 3
    failing = nn.Linear(2, 1)
    own = failing.weight
    with pytest.raises(RuntimeError):
        func.functional_call(failing, {"weight": fastnn.ones(1, 3)}, x)
    assert failing.weight is own
    np.testing.assert_array_equal(func.functional_call(failing, {}, x).detach().numpy(), failing(x).detach().numpy())
