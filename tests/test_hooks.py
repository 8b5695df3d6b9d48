"""Hooks on tensors and nodes, retained gradients, anomaly mode, modes as decorators: beside PyTorch."""
import copy
import gc
import pickle
import tracemalloc
import warnings

import pytest

import fastnn
from fastnn import nn

LIBRARIES = ["fastnn", pytest.param("torch", marks=pytest.mark.torch)]  # the judge is held to the same lines


@pytest.fixture(params=LIBRARIES)
def t(request):
    return pytest.importorskip(request.param)


def leaf(t, *values):
    return t.tensor(values, requires_grad=True)


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_mode_inside_hooks(t, create_graph):
    x, seen = leaf(t, 1.0), []

    def note(*_):
        seen.append(t.is_grad_enabled())
    y = x * 2
    y.register_hook(note)
    x.register_hook(note)
    x.register_post_accumulate_grad_hook(note)
    y.grad_fn.register_hook(note)
    y.grad_fn.register_prehook(note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of reference cycles
        y.backward(create_graph=create_graph)
    assert seen == [create_graph] * 5 and t.is_grad_enabled()
    with t.no_grad(), pytest.raises(ZeroDivisionError):
        y = t.enable_grad()(lambda: x * 2)()
        y.register_hook(lambda grad: 1 / 0)
        y.backward()
    assert t.is_grad_enabled()


@pytest.mark.parametrize("change, error", [
    (lambda g: g.sum(), "changed the size"), (lambda g: g.expand(2, 2), "changed the size"),
    (lambda g: g.double(), "changed the type"), (lambda g: 3, "expected Variable"),
], ids=["smaller", "larger", "dtype", "number"])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("where", ["leaf", "inner", "node"])
def test_hooks_keep_shape_and_dtype(t, change, error, create_graph, where):
    x = leaf(t, 1.0, 2.0)
    y = -x
    if where == "node":
        y.grad_fn.register_hook(lambda inputs, outputs: (change(inputs[0]),))
    else:
        (x if where == "leaf" else y).register_hook(change)
    with pytest.raises((RuntimeError, TypeError), match=error):
        t.autograd.grad(y.sum(), x, create_graph=create_graph)


def test_hook_of_a_node_keeps_the_number_of_gradients(t):
    x = leaf(t, 1.0)
    y = x + x
    y.grad_fn.register_hook(lambda inputs, outputs: inputs[:1])
    with pytest.raises(RuntimeError, match="incorrect number of values"):
        y.backward()


def test_gradient_is_one_object_for_all_hooks(t):
    x, seen = leaf(t, 1.0), []
    y = x + 1
    y.register_hook(lambda grad: setattr(grad, "tag", 5))
    y.register_hook(lambda grad: seen.append(grad))
    x.register_hook(lambda grad: seen.append(grad))  # what addition passes on is the same gradient
    y.backward()
    assert seen[0] is seen[1] and seen[0].tag == 5


def test_retained_gradient_is_what_all_hooks_leave(t):
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    y.sum().backward()
    assert y.grad.tolist() == [10.0, 10.0] and x.grad.tolist() == [20.0, 20.0] and y.retains_grad


@pytest.mark.parametrize("change", [
    lambda y: y.mul_(10), lambda y: y[0].mul_(10), lambda y: y.t_().mul_(2).t_() if y.ndim > 1 else y.add_(1),
], ids=["itself", "through a view", "twice"])
def test_retained_gradient_follows_changes_in_place(t, change):
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    change(y)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]


def test_retained_gradient_of_a_view_whose_base_changes(t):
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    v = y[0]
    v.retain_grad()
    y.mul_(10)
    (v * 3).backward()
    assert v.grad.item() == 3.0 and x.grad.tolist() == [60.0, 0.0]


def test_retained_gradient_accumulates_and_holds_no_cycle(t):
    x = leaf(t, 1.0)
    y = x * 2
    y.retain_grad()
    assert t.autograd.grad(y * 3, [x], retain_graph=True)[0].item() == 6.0 and y.grad.item() == 3.0
    (y * y).backward(retain_graph=True)
    assert y.grad.item() == 7.0
    first, = t.autograd.grad(y * y, [x], create_graph=True)
    assert y.grad.item() == 11.0 and first.requires_grad


def test_hooks_and_what_is_asked_for(t):
    x = leaf(t, 1.0)
    y = x * 3
    y.register_hook(lambda grad: grad * 10)
    assert t.autograd.grad(y * 2, [y], retain_graph=True)[0].item() == 20.0
    assert [g.item() for g in t.autograd.grad(y * 2, [y, x])] == [2.0, 60.0]
    x.register_hook(lambda grad: grad * 10)
    seen = []
    x.register_post_accumulate_grad_hook(lambda tensor: seen.append(tensor.grad.item()))
    assert t.autograd.grad(x * 2, [x])[0].item() == 20.0 and x.grad is None and not seen
    (x * 2).backward(inputs=[x])
    assert seen == [20.0]


def test_accumulator_node(t):
    x, seen = leaf(t, 1.0), []
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    assert node.variable is x and node.next_functions == () and node.name() == "torch::autograd::AccumulateGrad"
    assert type(node).__name__ == "AccumulateGrad" and node is y.grad_fn.next_functions[0][0]
    handle = node.register_hook(lambda inputs, outputs: seen.append((inputs, outputs[0].item(), x.grad.item())))
    node.register_prehook(lambda outputs: (outputs[0] * 5,))
    y.backward()
    handle.remove()
    (x * 2).backward()
    assert seen == [((), 10.0, 10.0)] and x.grad.item() == 20.0


def test_hook_before_a_node(t):
    x = leaf(t, 1.0)
    y = x * 2
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 5,))
    y.backward()
    assert x.grad.item() == 10.0


# ---- anomaly mode ----

def nan_backward(t):
    x = leaf(t, 0.0, 1.0)
    (x * 0).sqrt().sum().backward()  # 0 * inf


@pytest.mark.parametrize("create_graph", [False, True])
def test_anomaly_mode_finds_nan_and_its_origin(t, create_graph):
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        mode = t.autograd.detect_anomaly()
    with mode, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        x = leaf(t, 0.0, 1.0)
        y = (x * 0).sqrt()
        with pytest.raises(RuntimeError, match="Function 'MulBackward0' returned nan values in its 0th output"):
            t.autograd.grad(y.sum(), x, create_graph=create_graph)
        assert t.is_anomaly_enabled() and t.is_anomaly_check_nan_enabled()
    found = [str(w.message) for w in told]
    assert any("Error detected in MulBackward0. Traceback of forward call" in text and "(x * 0)" in text
               for text in found), found
    assert not t.is_anomaly_enabled()
    nan_backward(t)
    with t.autograd.set_detect_anomaly(True, check_nan=False):
        nan_backward(t)


def test_anomaly_mode_after_forward_and_for_errors(t):
    x = leaf(t, 1.0)
    y = x * 2
    y.register_hook(lambda grad: 1 / 0)
    with t.autograd.set_detect_anomaly(True), pytest.warns(UserWarning, match="No forward pass information"), \
            pytest.raises(ZeroDivisionError):
        y.backward()


# ---- modes as decorators ----

def test_modes_on_generators(t):
    for mode, inside in ((t.no_grad, False), (t.inference_mode, False), (lambda: t.set_grad_enabled(False), False),
                         (t.enable_grad, True)):
        with t.set_grad_enabled(not inside):
            @mode()
            def steps(first):
                """What it does."""
                seen = [t.is_grad_enabled()]
                try:
                    got = yield first
                    seen.append(t.is_grad_enabled())
                    try:
                        yield got
                    except ValueError:
                        seen.append(t.is_grad_enabled())
                    yield 3
                finally:
                    ended.append(t.is_grad_enabled())
                return seen
            ended = []
            run = steps(1)
            assert next(run) == 1 and t.is_grad_enabled() is not inside
            assert run.send(2) == 2 and run.throw(ValueError) == 3 and t.is_grad_enabled() is not inside
            with pytest.raises(StopIteration) as stop:
                next(run)
            assert stop.value.value == [inside] * 3 and ended == [inside] and steps.__doc__ == "What it does."
            run = steps(1)
            next(run)
            run.close()
            assert ended == [inside] * 2 and t.is_grad_enabled() is not inside
    assert t.is_grad_enabled()


def test_only_inputs(t):
    x = leaf(t, 1.0)
    assert t.autograd.grad(x * 2, x, None, None, False, True)[0].item() == 2.0
    with pytest.warns(FutureWarning, match="only_inputs"):
        assert t.autograd.grad(x * 2, x, only_inputs=False)[0].item() == 2.0


# ---- modules' hooks ----

REGISTER = ["register_forward_pre_hook", "register_forward_hook", "register_full_backward_hook",
            "register_full_backward_pre_hook", "register_state_dict_pre_hook", "register_load_state_dict_post_hook"]


def without(module, name):
    """Register a hook and take it off again."""
    getattr(module, name)(lambda *args: None).remove()


@pytest.mark.parametrize("name", REGISTER)
def test_module_hook_leaves_nothing_behind(name):
    module = nn.Linear(2, 2)
    without(module, name)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            without(module, name)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()


def test_hook_tables_forget_options_with_their_hooks():
    module = nn.Linear(2, 2)
    table = module._forward_hooks
    for _ in range(4):
        module.register_forward_hook(lambda *args, **kwargs: None, with_kwargs=True)
    del table[next(iter(table))]
    table.popitem()
    table.pop(next(iter(table)))
    assert len(table) == len(table.flags) == 1
    table.clear()
    assert not table.flags
    with pytest.raises(KeyError):
        table.popitem()


def test_hook_that_changes_its_gradient_in_place(t):
    x = leaf(t, 1.0, 1.0)
    y = x * 2
    y.register_hook(lambda grad: (grad.mul_(3), None)[1])
    y.backward(t.ones(2))
    assert x.grad.tolist() == [6.0, 6.0]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_backward_hooks_of_the_first_form():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    seen = {}
    for t in (fastnn, torch):
        model = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Tanh())
        t.nn.init.constant_(model[0].weight, 0.5)
        t.nn.init.zeros_(model[0].bias)
        found = seen[t.__name__] = []
        handles = [part.register_backward_hook(lambda module, gi, go, found=found: found.append(
            (type(module).__name__, len(gi), [g.tolist() for g in go]))) for part in (model, model[0])]
        for _ in range(2):
            model(t.ones(1, 2)).sum().backward()
            for handle in handles:
                handle.remove()
        model.register_backward_hook(lambda module, gi, go: (gi[0] * 2,))
        model.zero_grad()
        model(t.zeros(1, 2)).sum().backward()
        found.append(model[0].bias.grad.tolist())
        with pytest.raises(RuntimeError, match="both regular backward hooks and full"):
            model.register_full_backward_hook(print)
    ours, theirs = seen["fastnn"], seen["torch"]
    assert len(ours) == 3 and ours[:1] == theirs[:1] and ours[2] == theirs[2]


def test_registries_copied_alone_are_dictionaries():
    model = fastnn.nn.Sequential(fastnn.nn.Linear(2, 3))
    modules = model._modules
    for copied in (copy.copy(modules), copy.deepcopy(modules), pickle.loads(pickle.dumps(modules))):
        assert type(copied) is dict and list(copied) == ["0"]
    state = copy.deepcopy(model.__dict__)
    assert state["_modules"]["0"].weight is not model[0].weight


def test_an_optimizer_around_another_steps():
    """Libraries derive wrappers that share the class and nothing else."""
    class Around(fastnn.optim.Optimizer):
        def __init__(self, inner):
            self.inner = inner

        def step(self, closure=None):
            self.inner.step(closure)

    parameter = nn.Parameter(fastnn.ones(1))
    parameter.grad = fastnn.ones(1)
    Around(fastnn.optim.SGD([parameter], lr=0.5)).step()
    assert parameter.item() == 0.5


def rename(state, prefix, *others):
    state[f"{prefix}weight"] = state.pop(f"{prefix}old")


def test_private_hooks_of_loading_are_pickled(t):
    layer = t.nn.Linear(1, 1, bias=False)
    layer._register_load_state_dict_pre_hook(rename)
    for same in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        same.load_state_dict({"old": t.tensor([[3.0]])})
        assert same.weight.item() == 3


def test_full_backward_hooks_may_return_lists_and_none(t):
    layer, x = t.nn.Linear(3, 2), t.ones(1, 3, requires_grad=True)
    layer.register_full_backward_hook(lambda module, inputs, outputs: [inputs[0] * 2])
    layer(x).sum().backward()
    assert t.allclose(x.grad, 2 * layer.weight.sum(0))


@pytest.mark.parametrize("given", [[1, 1], []])
def test_as_many_gradients_as_outputs(given):
    x = fastnn.ones(2, requires_grad=True)
    for call in (lambda g: fastnn.autograd.grad(x.sum(), x, g), lambda g: fastnn.autograd.backward([x.sum()], g)):
        with pytest.raises(RuntimeError, match="got 1 tensors and . gradients"):
            call([fastnn.tensor(float(g)) for g in given])


def test_batches_of_gradients_have_one_size():
    x = fastnn.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="same number of rows"):
        fastnn.autograd.grad([x.sin(), x.cos()], x, [fastnn.ones(4, 2), fastnn.ones(5, 2)], is_grads_batched=True)
