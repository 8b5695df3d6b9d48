"""Module's protocol: hooks of all kinds, names, state, copies, refusals. What PyTorch does is in the comparisons."""
import copy
import pickle
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn


class Two(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x, y, scale=1.0):
        return self.first(x) * scale, self.second(y)


def test_forward_hooks_with_kwargs_and_order():
    model, seen = Two(), []
    x = fastnn.ones(2, 3)

    def pre(module, args, kwargs):
        seen.append("pre")
        return args, {**kwargs, "scale": 0.0}

    def post(module, args, kwargs, output):
        seen.append(("post", kwargs))
        return output[0] + 1, output[1]
    handles = [model.register_forward_pre_hook(pre, with_kwargs=True),
               model.register_forward_hook(post, with_kwargs=True),
               model.register_forward_hook(lambda m, args, out: seen.append("first"), prepend=True)]
    assert (model(x, x, scale=2.0)[0] == 1).all()
    assert seen == ["pre", "first", ("post", {"scale": 0.0})]
    with handles[1]:
        pass
    handles[0].remove()
    assert len(model._forward_hooks) == 1 and not model._forward_pre_hooks
    model._forward_hooks.clear()
    seen.clear()
    model(x, x)
    assert not seen
    model.register_forward_pre_hook(lambda m, args, kwargs: 1, with_kwargs=True)
    with pytest.raises(RuntimeError, match="tuple of"):
        model(x, x)


def test_always_called_hooks_see_failures():
    model, seen = nn.Linear(3, 3), []
    model.register_forward_hook(lambda m, args, out: seen.append(("ordinary", out)))
    model.register_forward_hook(lambda m, args, out: seen.append(("always", out)), always_call=True)
    with pytest.raises(RuntimeError):
        model(fastnn.ones(2, 4))
    assert seen == [("always", None)]

    def fails(module, args, output):
        raise KeyError("mine")
    model.register_forward_hook(fails, always_call=True)
    with pytest.warns(UserWarning, match="silenced"), pytest.raises(RuntimeError):
        model(fastnn.ones(2, 4))


def test_backward_hooks_join_several_inputs_and_outputs():
    model, seen = Two(), []
    model.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append((grad_in, grad_out)))
    model.register_full_backward_pre_hook(lambda m, grad_out: tuple(g * 2 for g in grad_out))
    x, y = fastnn.ones(2, 3, requires_grad=True), fastnn.ones(2, 3)
    a, b = model(x, y)
    (a.sum() + 3 * b.sum()).backward()
    assert len(seen) == 1
    (grad_x, grad_y), (grad_a, grad_b) = seen[0]
    assert grad_y is None and (grad_a == 2).all() and (grad_b == 6).all()
    np.testing.assert_allclose(grad_x.numpy(), x.grad.numpy())
    expected = 2 * model.first.weight.detach().numpy().sum(0)
    np.testing.assert_allclose(x.grad.numpy(), np.tile(expected, (2, 1)), rtol=1e-5)


def test_backward_hooks_replace_gradients_and_work_without_inputs_gradients():
    model, seen = nn.Linear(3, 2), []
    handle = model.register_full_backward_hook(lambda m, grad_in, grad_out: (grad_in[0] * 0,))
    x = fastnn.ones(2, 3, requires_grad=True)
    model(x).sum().backward()
    assert (x.grad == 0).all() and (model.bias.grad == 2).all()
    handle.remove()
    model.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append((grad_in, grad_out)))
    model(fastnn.ones(2, 3)).sum().backward()
    assert seen[0][0] == (None,) and (seen[0][1][0] == 1).all()


def test_hooks_for_all_modules():
    from fastnn.nn.modules import module
    seen = []
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    handles = [module.register_module_forward_pre_hook(lambda m, args: seen.append(("pre", type(m).__name__))),
               module.register_module_forward_hook(lambda m, args, out: seen.append(("post", type(m).__name__)))]
    model(fastnn.ones(1, 3))
    assert [name for kind, name in seen if kind == "pre"] == ["Sequential", "Linear", "ReLU"]
    assert [name for kind, name in seen if kind == "post"] == ["Linear", "ReLU", "Sequential"]
    for handle in handles:
        handle.remove()
    seen.clear()
    model(fastnn.ones(1, 3))
    assert not seen


def test_names():
    shared = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared, nn.ReLU())})
    assert [name for name, _ in model.named_modules()] == ["", "a", "b", "b.1"]
    assert [name for name, _ in model.named_modules(remove_duplicate=False)] == ["", "a", "b", "b.0", "b.1"]
    assert [name for name, _ in model.named_parameters(prefix="p")] == ["p.a.weight", "p.a.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 4
    assert model.get_submodule("b.0") is shared and model.get_submodule("") is model
    assert model.get_parameter("a.weight") is shared.weight
    shared.register_buffer("count", fastnn.zeros(1))
    assert model.get_buffer("b.0.count") is shared.count
    for wrong, message in ((lambda: model.get_submodule("c"), "has no attribute `c`"),
                           (lambda: model.get_submodule("a.weight"), "is not an nn.Module"),
                           (lambda: model.get_parameter("a.count"), "is not an nn.Parameter"),
                           (lambda: model.get_buffer("a.weight"), "is not a buffer")):
        with pytest.raises(AttributeError, match=message):
            wrong()
    model.set_submodule("b.1", nn.Tanh())
    assert isinstance(model["b"][1], nn.Tanh)
    with pytest.raises(AttributeError):
        model.set_submodule("b.7", nn.Tanh(), strict=True)


class Versioned(nn.Module):
    """State of its own."""

    _version = 3

    def __init__(self):
        super().__init__()
        self.weight, self.extra, self.calls = nn.Parameter(fastnn.zeros(2)), 5, []

    def get_extra_state(self):
        return fastnn.tensor(self.extra)

    def set_extra_state(self, state):
        self.extra = int(state)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        self.calls.append((prefix, local_metadata.get("version")))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def test_extra_state_versions_and_own_loading():
    model, other = nn.Sequential(Versioned()), nn.Sequential(Versioned())
    model[0].extra = 9
    state = model.state_dict()
    assert list(state) == ["0.weight", "0._extra_state"] and state._metadata["0"] == {"version": 3}
    other.load_state_dict(state)
    assert other[0].extra == 9 and other[0].calls == [("0.", 3)]
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match='Missing key.*"0._extra_state"'):
        other.load_state_dict(state)


def test_state_dict_hooks():
    model, seen = nn.Linear(2, 2), []
    model.register_state_dict_pre_hook(lambda m, prefix, keep_vars: seen.append("before"))
    model.register_state_dict_post_hook(lambda m, state, prefix, metadata: state.update({prefix + "more": 1}))
    state = model.state_dict()
    assert seen == ["before"] and state["more"] == 1

    def rename(module, state_dict, prefix, *args):
        state_dict[prefix + "weight"] = state_dict.pop(prefix + "old")
        state_dict.pop(prefix + "more")
    model.register_load_state_dict_pre_hook(rename)
    model.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    given = {"old": fastnn.ones(2, 2), "more": 1}
    assert model.load_state_dict(given).missing_keys == []
    assert (model.weight == 1).all() and list(given) == ["old", "more"]


@pytest.mark.torch
@pytest.mark.parametrize("state", [{"0.weight": (3, 3)}, {"0.weight": (2, 3), "0.bias": (2,), "x": (1,), "0.y": (1,)},
                                   {"0.weight": (2, 3), "0.bias": (2,), "1.weight": (1,)}])
def test_load_state_dict_reports_as_pytorch_does(state):
    torch = pytest.importorskip("torch")
    texts = []
    for library in (fastnn, torch):
        model = library.nn.Sequential(library.nn.Linear(3, 2), library.nn.ReLU())
        given = {name: library.zeros(shape) for name, shape in state.items()}
        with pytest.raises(RuntimeError) as error:
            model.load_state_dict(given)
        try:
            loose = tuple(model.load_state_dict(given, strict=False))
        except RuntimeError as mismatch:
            loose = str(mismatch)
        texts.append((str(error.value), loose))
    assert texts[0] == texts[1]


def test_assign():
    model = nn.Linear(2, 2)
    weight, bias = fastnn.ones(2, 2), nn.Parameter(fastnn.ones(2), requires_grad=False)
    model.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    assert isinstance(model.weight, nn.Parameter) and model.bias is bias and bias.requires_grad
    weight.fill_(3)
    assert (model.weight == 3).all()


def test_copies_and_pickles():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.1))
    seen = []
    model[0].register_forward_hook(lambda *args: seen.append(1))
    twin = copy.deepcopy(model)
    twin(fastnn.ones(1, 3))
    assert seen == [1] and twin[0].weight is not model[0].weight and (twin[0].weight == model[0].weight).all()
    model[0]._forward_hooks.clear()
    again = pickle.loads(pickle.dumps(model))
    assert repr(again) == repr(model) and (again[0].weight == model[0].weight).all()
    assert isinstance(again[0].weight, nn.Parameter) and again[0].weight.requires_grad


def test_modes_casts_and_refusals():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4) if hasattr(nn, "BatchNorm1d") else nn.ReLU())
    assert model.double()[0].weight.dtype == fastnn.float64 and model.type(fastnn.float32) is model
    assert model.to(fastnn.zeros(1, dtype=fastnn.float64))[0].weight.dtype == fastnn.float64
    assert model.requires_grad_(False)[0].weight.requires_grad is False
    assert model.share_memory() is model and model.cpu() is model and model.compile() is None
    assert model.to_empty(device="cpu")[0].weight.shape == (4, 3)
    for refused, error in ((model.cuda, AssertionError),
                           (model.cuda, RuntimeError), (lambda: model.to("cuda"), AssertionError)):
        with pytest.raises(error):
            refused()
    assert nn.ReLU().cuda() is not None and copy.deepcopy(model).half()[0].weight.dtype is fastnn.float16
    with pytest.raises(TypeError, match="only accepts floating point"):
        model.to(fastnn.int64)
    with pytest.warns(FutureWarning, match="Positional args"):
        assert list(model.state_dict(None, "p."))[0] == "p.0.weight"


def test_sequential_arithmetic():
    pair = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    assert len(pair + pair) == 4 and len(pair * 3) == 6 and len(2 * pair) == 4
    pair *= 2
    pair += nn.Sequential(nn.Tanh())
    assert [type(m).__name__ for m in pair] == ["Linear", "ReLU", "Linear", "ReLU", "Tanh"]
    for wrong, error in ((lambda: pair * 0, ValueError), (lambda: pair * 1.5, TypeError),
                         (lambda: pair + [1], ValueError)):
        with pytest.raises(error):
            wrong()


def test_no_hooks_cost_nothing():
    """A module without hooks takes the short way: no table is made by looking at it."""
    model = nn.Linear(2, 2)
    model(fastnn.ones(1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.state_dict()
    assert model._hooks is None


@pytest.mark.parametrize("library", ["fastnn", pytest.param("torch", marks=pytest.mark.torch)])
def test_data_parallel_without_devices(library):
    """The module itself, under the name that checkpoints of such models have."""
    T = pytest.importorskip(library)
    inner = T.nn.Linear(3, 2)
    model = T.nn.DataParallel(inner, device_ids=[0, 1])
    x = T.ones(4, 3)
    assert list(model.state_dict()) == ["module.weight", "module.bias"] and model.module is inner
    assert T.equal(model(x), inner(x))
    if library == "fastnn":  # PyTorch's function asks for a device
        assert T.equal(T.nn.parallel.data_parallel(inner, x), inner(x))
