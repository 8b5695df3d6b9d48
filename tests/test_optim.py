"""Optimizers: trajectories against PyTorch and by hand, groups, state, errors."""
import copy
import itertools
import pickle
import weakref

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

SHAPES = [(3, 2), (3,), (), (40, 17), (1,)]
STEPS = 100
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def grid(**options):
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


CASES = [
    *(("SGD", o) for o in grid(lr=[0.05], momentum=[0, 0.9], weight_decay=[0, 0.1], maximize=[False, True])),
    *(("SGD", o) for o in grid(lr=[0.05], momentum=[0.5], dampening=[0.3])),
    *(("SGD", o) for o in grid(lr=[0.05], momentum=[0.9], nesterov=[True], weight_decay=[0, 0.1])),
    *(("Adagrad", o) for o in grid(lr=[0.1], lr_decay=[0, 0.05], weight_decay=[0, 0.1],
                                   initial_accumulator_value=[0, 0.2])),
    ("Adagrad", {"maximize": True, "eps": 1e-4}),
    *(("RMSprop", o) for o in grid(lr=[0.01], momentum=[0, 0.9], centered=[False, True], weight_decay=[0, 0.1])),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-4, "maximize": True}),
    *((name, o) for name in ("Adam", "AdamW") for o in grid(lr=[0.01], amsgrad=[False, True], weight_decay=[0, 0.1],
                                                            maximize=[False, True])),
    *((name, o) for name in ("NAdam", "RAdam") for o in grid(lr=[0.01], decoupled_weight_decay=[False, True],
                                                             weight_decay=[0, 0.1], maximize=[False, True])),
    ("NAdam", {"momentum_decay": 0.1, "betas": (0.5, 0.6), "eps": 1e-3}), ("RAdam", {"betas": (0.5, 0.9)}),
    *(("Adamax", o) for o in grid(lr=[0.01], weight_decay=[0, 0.1], maximize=[False, True])),
    *(("Adadelta", o) for o in grid(lr=[1.0], rho=[0.5, 0.9], weight_decay=[0, 0.1], maximize=[False, True])),
    *(("Rprop", o) for o in grid(lr=[0.01], etas=[(0.5, 1.2), (0.3, 1.5)], maximize=[False, True])),
    ("Rprop", {"step_sizes": (0.01, 0.1)}),
    *(("ASGD", o) for o in grid(lr=[0.01], t0=[1e6, 10], weight_decay=[0, 0.1], maximize=[False, True])),
    ("ASGD", {"lambd": 0.1, "alpha": 0.5}),
    ("Adam", {"betas": (0.3, 0.6), "eps": 1e-3}), ("Adam", {"betas": (0.0, 0.0), "eps": 1e-2}), ("AdamW", {}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.05}), ("Adam", {}), ("SGD", {}), ("RMSprop", {}),
]


def start(dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape).astype(dtype)) for shape in SHAPES]


def gradients(dtype, steps=STEPS, seed=1):
    """For each step one gradient per parameter; some parameters sit a step out."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        yield [None if (step + i) % 7 == 3 else np.asarray((rng.standard_normal(shape) + 0.3).astype(dtype))
               for i, shape in enumerate(SHAPES)]


def parameters(arrays):
    return [nn.Parameter(fastnn.from_numpy(array.copy())) for array in arrays]


def run(optimizer, params, dtype, steps=STEPS, seed=1):
    for grads in gradients(dtype, steps, seed):
        for param, grad in zip(params, grads, strict=True):
            param.grad = None if grad is None else fastnn.from_numpy(grad)
        optimizer.step()
    return [param.detach().numpy() for param in params]


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_trajectory_equals_pytorch(name, options, dtype):
    torch = pytest.importorskip("torch")
    arrays = start(dtype)
    params = parameters(arrays)
    ours = run(getattr(optim, name)(params, **options), params, dtype)
    twins = [torch.nn.Parameter(torch.from_numpy(array.copy())) for array in arrays]
    optimizer = getattr(torch.optim, name)(twins, foreach=False, **options)
    for grads in gradients(dtype):
        for twin, grad in zip(twins, grads, strict=True):
            twin.grad = None if grad is None else torch.from_numpy(grad)
        optimizer.step()
    for our, twin in zip(ours, twins, strict=True):
        np.testing.assert_allclose(our, twin.detach().numpy(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True}),
                                               ("RMSprop", {"centered": True, "momentum": 0.1}), ("Adagrad", {}),
                                               ("Adamax", {}), ("NAdam", {}), ("RAdam", {}), ("Adadelta", {}),
                                               ("Rprop", {}), ("ASGD", {})])
def test_repr_and_state_equal_pytorch(name, options):
    torch = pytest.importorskip("torch")
    params = parameters(start("float32"))
    twins = [torch.nn.Parameter(torch.from_numpy(param.detach().numpy().copy())) for param in params]
    ours, theirs = getattr(optim, name)(params, **options), getattr(torch.optim, name)(twins, **options)
    assert repr(ours) == repr(theirs)
    assert ours.defaults == theirs.defaults
    for param, twin in zip(params, twins, strict=True):
        param.grad, twin.grad = fastnn.ones_like(param), torch.ones_like(twin)
    ours.step()
    theirs.step()
    mine, other = ours.state_dict(), theirs.state_dict()
    assert mine["param_groups"] == other["param_groups"]
    assert mine["state"].keys() == other["state"].keys()
    for number, state in other["state"].items():
        assert mine["state"][number].keys() == state.keys()
        for key, value in state.items():
            assert mine["state"][number][key].dtype == getattr(fastnn, str(value.dtype).removeprefix("torch."))
            np.testing.assert_allclose(mine["state"][number][key].numpy(), value.numpy(), rtol=1e-6)


ALL = [("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True}), ("Adagrad", {}),
       ("RMSprop", {"centered": True, "momentum": 0.5}), ("Adamax", {}), ("NAdam", {"momentum_decay": 0.1}),
       ("RAdam", {}), ("Adadelta", {"lr": 1.0}), ("Rprop", {}), ("ASGD", {"t0": 2}), ("Adafactor", {})]
each = pytest.mark.parametrize(("name", "options"), ALL, ids=[name for name, _ in ALL])


def test_sgd_by_hand():
    p = nn.Parameter(fastnn.tensor([1.0, 2.0]))
    optimizer = optim.SGD([p], lr=0.5, momentum=0.5, weight_decay=0.1)
    p.grad = fastnn.tensor([1.0, -1.0])
    optimizer.step()  # g = 1.1, -0.8
    np.testing.assert_allclose(p.detach().numpy(), [0.45, 2.4], rtol=1e-6)
    optimizer.step()  # g = 1.045, -0.76; buffer = 1.595, -1.16
    np.testing.assert_allclose(p.detach().numpy(), [-0.3475, 2.98], rtol=1e-6)


def test_adam_first_step_is_lr_times_sign():
    p = nn.Parameter(fastnn.tensor([1.0, 2.0, 3.0]))
    p.grad = fastnn.tensor([100.0, -1e-3, 0.0])
    optim.Adam([p], lr=0.1).step()
    np.testing.assert_allclose(p.detach().numpy(), [0.9, 2.1, 3.0], rtol=1e-5)


@each
def test_minimizes(name, options):
    x = nn.Parameter(fastnn.tensor([3.0, -2.0]))
    optimizer = getattr(optim, name)([x], **{**options, "lr": 10.0 if name == "Adadelta" else 0.1})
    losses = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = ((x - fastnn.tensor([1.0, 1.0])) ** 2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saved_and_loaded_goes_on_the_same(name, options, dtype):
    params = parameters(start(dtype))
    optimizer = getattr(optim, name)(params, **options)
    run(optimizer, params, dtype, 5)
    saved = copy.deepcopy(optimizer.state_dict())
    twins = parameters([param.detach().numpy() for param in params])
    other = getattr(optim, name)(twins, lr=123.0)
    other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    for a, b in zip(run(optimizer, params, dtype, 5, seed=2), run(other, twins, dtype, 5, seed=2), strict=True):
        np.testing.assert_array_equal(a, b)
    for value in saved["state"][0].values():  # what was loaded is a copy
        assert all(value is not own for own in other.state[twins[0]].values())


@each
def test_state_takes_the_dtype_of_its_parameter(name, options):
    params = parameters(start("float32"))
    optimizer = getattr(optim, name)(params, **options)
    run(optimizer, params, "float32", 2)
    twins = parameters([x.astype("float64") for x in start("float32")])
    other = getattr(optim, name)(twins, **options)
    other.load_state_dict(optimizer.state_dict())
    assert all(value.dtype == (fastnn.float32 if key == "step" else fastnn.float64)
               for state in other.state.values() for key, value in state.items())
    run(other, twins, "float64", 2)


@each
def test_pickle_and_deepcopy(name, options):
    params = parameters(start("float32"))
    optimizer = getattr(optim, name)(params, **options)
    run(optimizer, params, "float32", 3)
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        own = twin.param_groups[0]["params"]
        expected = run(copy.deepcopy(optimizer), params, "float32", 0)
        for a, b in zip(run(twin, own, "float32", 0), expected, strict=True):
            np.testing.assert_array_equal(a, b)
        run(twin, own, "float32", 2)
        assert repr(twin) == repr(optimizer)


@each
def test_parameters_in_any_memory(name, options):
    """Transposed parameters and parameters of two dtypes move as contiguous ones of one dtype do."""
    rng = np.random.default_rng(0)
    values, grad = rng.standard_normal((4, 6)).astype("float32"), rng.standard_normal((4, 6)).astype("float32")

    def stepped(p, extra=()):
        optimizer = getattr(optim, name)([*extra, p], **options)
        for _ in range(3):
            for param in (*extra, p):
                param.grad = fastnn.from_numpy(grad.astype(param.detach().numpy().dtype))
            optimizer.step()
        return p.detach().numpy()
    expected = stepped(nn.Parameter(fastnn.from_numpy(values.copy())))
    transposed = nn.Parameter(fastnn.from_numpy(values.T.copy().T))
    np.testing.assert_allclose(stepped(transposed), expected, rtol=1e-6)
    double = nn.Parameter(fastnn.from_numpy(values.astype("float64")))
    np.testing.assert_array_equal(stepped(nn.Parameter(fastnn.from_numpy(values.copy())), [double]), expected)
    np.testing.assert_allclose(double.detach().numpy(), expected, rtol=1e-5)


@each
def test_bits_do_not_depend_on_threads(name, options, kernel_settings):
    from fastnn.kernels import _core
    _core.set_thread_cost(0)
    results = []
    for threads in (1, 2, 3):
        kernel_settings.set_num_threads(threads)
        params = parameters(start("float32") + [np.ones(20_001, "float32")])
        optimizer = getattr(optim, name)(params, **options)
        for step in range(5):
            for param in params:
                param.grad = (param.detach() * 0.1 + step).clone()
            optimizer.step()
        results.append([param.detach().numpy().tobytes() for param in params])
    assert results[0] == results[1] == results[2]


@each
def test_reference_backend(name, options):
    results = []
    for backend in ("c", "reference"):
        with fastnn.use_backend(backend):
            params = parameters(start("float64"))
            results.append(run(getattr(optim, name)(params, **options), params, "float64", 20))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_groups_have_their_own_options():
    a, b, c = (nn.Parameter(fastnn.ones(2)) for _ in range(3))
    optimizer = optim.SGD([{"params": [a], "lr": 0.1}, {"params": b}], lr=0.5)
    optimizer.add_param_group({"params": [c], "lr": 1.0, "maximize": True})
    for p in (a, b, c):
        p.grad = fastnn.ones(2)
    optimizer.step()
    assert [p[0].item() for p in (a, b, c)] == pytest.approx([0.9, 0.5, 2.0])
    optimizer.param_groups[1]["lr"] = 0.25
    optimizer.step()
    assert b[0].item() == pytest.approx(0.25)
    assert optimizer.state_dict()["param_groups"][2]["params"] == [2]


def test_named_parameters():
    layer = nn.Linear(2, 1)
    optimizer = optim.SGD(layer.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [nn.Parameter(fastnn.ones(1))]})


def test_zero_grad():
    p, q = nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.ones(2))
    optimizer = optim.SGD([p, q])
    p.grad = fastnn.ones(2)
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad and grad.tolist() == [0, 0] and q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_closure_and_hooks():
    p = nn.Parameter(fastnn.ones(2))
    optimizer = optim.SGD([p], lr=0.1)
    calls = []
    before = optimizer.register_step_pre_hook(lambda *args: calls.append("before"))
    optimizer.register_step_post_hook(lambda *args: calls.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        calls.append("closure")
        return loss
    with fastnn.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 2.0
    assert calls == ["before", "closure", "after"]
    np.testing.assert_allclose(p.detach().numpy(), 0.8, rtol=1e-6)
    before.remove()
    optimizer.step()
    assert calls[3:] == ["after"]


def test_step_is_noticed_by_backward():
    p = nn.Parameter(fastnn.ones(2))
    optimizer = optim.SGD([p], lr=0.1)
    loss = (p * p).sum()
    p.grad = fastnn.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_repeated_parameter_moves_twice():
    p = nn.Parameter(fastnn.ones(2))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = optim.SGD([p, p], lr=0.25)
    p.grad = fastnn.ones(2)
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]


def test_subclass_defines_step():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            with fastnn.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p -= group["lr"] * p.grad.sign()
    p = nn.Parameter(fastnn.tensor([1.0, 1.0]))
    optimizer = Sign([p], 0.25)
    seen = []
    optimizer.register_step_post_hook(lambda *args: seen.append(1))
    p.grad = fastnn.tensor([3.0, -5.0])
    optimizer.step()
    assert p.tolist() == [0.75, 1.25] and seen == [1]


P = nn.Parameter(fastnn.ones(2))


@pytest.mark.parametrize(("make", "exception", "message"), [
    (lambda: optim.SGD([P], lr=-1), ValueError, "Invalid learning rate: -1"),
    (lambda: optim.SGD([P], lr=float("nan")), ValueError, "Invalid learning rate: nan"),
    (lambda: optim.SGD([P], momentum=-0.5), ValueError, "Invalid momentum value: -0.5"),
    (lambda: optim.SGD([P], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    (lambda: optim.SGD([P], nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
    (lambda: optim.SGD([P], differentiable=True), NotImplementedError, "differentiable"),
    (lambda: optim.SGD([P], fused=True, foreach=True), RuntimeError, "cannot be `True` together"),
    (lambda: optim.Adam([P], eps=-1), ValueError, "Invalid epsilon value: -1"),
    (lambda: optim.Adam([P], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
    (lambda: optim.Adam([P], betas=(0.9, -0.1)), ValueError, "Invalid beta parameter at index 1: -0.1"),
    (lambda: optim.Adam([P], betas=(0, 0.9)), ValueError, "betas must be either both floats or both Tensors"),
    (lambda: optim.Adam([P], capturable=True), NotImplementedError, "capturable"),
    (lambda: optim.AdamW([P], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    (lambda: optim.Adagrad([P], lr_decay=-1), ValueError, "Invalid lr_decay value: -1"),
    (lambda: optim.Adagrad([P], initial_accumulator_value=-1), ValueError,
     "Invalid initial_accumulator_value value: -1"),
    (lambda: optim.RMSprop([P], alpha=-1), ValueError, "Invalid alpha value: -1"),
    (lambda: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
    (lambda: optim.SGD(P), TypeError, "params argument given to the optimizer should be an iterable of Tensors"),
    (lambda: optim.SGD([1.0]), TypeError, "optimizer can only optimize Tensors, but one of the params is float"),
    (lambda: optim.SGD([{"params": {P}}]), TypeError, "ordered collections"),
    (lambda: optim.SGD([P * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    (lambda: optim.SGD([{"params": [P]}, {"params": [P]}]), ValueError, "appear in more than one parameter group"),
    (lambda: optim.SGD([P]).add_param_group([P]), TypeError, "param_group must be a dict"),
    (lambda: optim.Optimizer([P], {}).step(), NotImplementedError, "step is not implemented"),
    (lambda: optim.SGD([P]).load_state_dict({"state": {}, "param_groups": []}), ValueError,
     "different number of parameter groups"),
    (lambda: optim.SGD([P]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}), ValueError,
     "doesn't match the size of optimizer's group"),
])
def test_errors(make, exception, message):
    with pytest.raises(exception, match=message.replace("(", r"\(").replace(")", r"\)")):
        make()


def quartic(optimizer, x):
    def closure():
        optimizer.zero_grad()
        loss = ((x - 1) ** 4).sum() + ((x - 1) ** 2 * fastnn.tensor([1.0, 10.0, 100.0], dtype=x.dtype)).sum()
        loss.backward()
        return loss
    return closure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
@pytest.mark.parametrize("backend", ["c", "reference"])
def test_lbfgs_minimizes(dtype, line_search_fn, backend):
    with fastnn.use_backend(backend):
        x = nn.Parameter(fastnn.tensor([1.5, 0.5, 2.0], dtype=getattr(fastnn, dtype)))
        y = nn.Parameter(fastnn.zeros(2))  # has no gradient, and another dtype perhaps
        optimizer = optim.LBFGS([x, y], lr=1 if line_search_fn else 0.5, line_search_fn=line_search_fn)
        closure = quartic(optimizer, x)
        first = optimizer.step(closure)
        for _ in range(5):
            last = optimizer.step(closure)
    assert last < 1e-6 < first
    np.testing.assert_allclose(x.detach().numpy(), 1, atol=1e-3)
    assert y.tolist() == [0, 0]
    assert optimizer.state[x]["func_evals"] >= optimizer.state[x]["n_iter"] > 3


def test_lbfgs_state_round_trip():
    results = []
    for reload in (False, True):
        x = nn.Parameter(fastnn.tensor([1.5, 0.5, 2.0], dtype=fastnn.float64))
        optimizer = optim.LBFGS([x], lr=0.3, max_iter=3, history_size=4)
        optimizer.step(quartic(optimizer, x))
        if reload:
            saved = copy.deepcopy(optimizer.state_dict())
            optimizer = optim.LBFGS([x])
            optimizer.load_state_dict(saved)
        optimizer.step(quartic(optimizer, x))
        results.append(x.detach().numpy().tobytes())
    assert results[0] == results[1]


def test_lbfgs_errors():
    p, q = (nn.Parameter(fastnn.ones(2)) for _ in range(2))
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS([{"params": [p]}, {"params": [q]}])
    optimizer = optim.LBFGS([p], line_search_fn="weak_wolfe")

    def closure():
        p.grad = fastnn.ones(2)
        return fastnn.tensor(1.0)
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure)


def replace_state(optimizer, params):
    for state in optimizer.state.values():
        for key, value in state.items():
            if isinstance(value, fastnn.Tensor) and value.dim():
                state[key] = value * 0.5


def replace_one_dict(optimizer, params):
    optimizer.state[params[1]] = {key: value.clone() for key, value in reversed(optimizer.state[params[1]].items())}


def through_state_dict(optimizer, params):
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def other_order(optimizer, params):
    optimizer.param_groups[0]["params"].reverse()


def same_state_other_memory(optimizer, params):
    for state in optimizer.state.values():
        for value in state.values():
            value.data = value.detach().clone()


def other_dtype(optimizer, params):
    params[0].data = params[0].detach().to(fastnn.float64)
    params[0].grad = None
    optimizer.state.pop(params[0])


def other_shape(optimizer, params):
    params[2].data = fastnn.ones(3, 1)
    params[2].grad = None
    optimizer.state.pop(params[2], None)


CHANGES = {
    "nothing": lambda optimizer, params: None,
    "data": lambda optimizer, params: setattr(params[0], "data", fastnn.full((2, 3), 0.5)),
    "values": lambda optimizer, params: params[0].data.fill_(0.25),
    "no-grad-one": lambda optimizer, params: params[1].requires_grad_(False),
    "group": lambda optimizer, params: optimizer.add_param_group({"params": [params.pop()], "lr": 0.2}),
    "longer": lambda optimizer, params: optimizer.param_groups[0]["params"].append(params[-1]),
    "shorter": lambda optimizer, params: optimizer.param_groups[0]["params"].pop(),
    "other-list": lambda optimizer, params: optimizer.param_groups[0].update(params=params[1:3]),
    "state": replace_state, "one-dict": replace_one_dict, "load": through_state_dict, "order": other_order,
    "memory": same_state_other_memory, "dtype": other_dtype, "shape": other_shape,
    "no-state": lambda optimizer, params: optimizer.state.clear(),
    "whole-state": lambda optimizer, params: setattr(optimizer, "state", copy.copy(optimizer.state)),
    "lr": lambda optimizer, params: optimizer.param_groups[0].update(lr=0.5),
}


@each
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_old_is_used(name, options, change):
    """What a step remembers of the one before never shows: the same as when it forgets everything."""
    results = []
    for forget in (False, True):
        params = [nn.Parameter(fastnn.full(shape, 0.1 * (1 + i))) for i, shape in enumerate([(2, 3), (3,), (2,), (4,)])]
        optimizer = getattr(optim, name)(params[:3], **options)
        for number in range(6):
            if number == 3:
                change(optimizer, params)
            for i, param in enumerate(params):
                skipped = (number, i) in ((1, 1), (4, 0))
                param.grad = None if skipped or not param.requires_grad else (param.detach() * 0.3 + 0.1 * number)
            if forget:
                optimizer._plans.clear()
            optimizer.step()
        results.append([param.detach().numpy().tobytes() for param in params])
    assert results[0] == results[1]


def test_gradients_are_let_go():
    param = nn.Parameter(fastnn.ones(3))
    optimizer = optim.Adam([param])
    for _ in range(3):
        param.grad = fastnn.ones(3)
        optimizer.step()
    alive = weakref.ref(param.grad.numpy().base if param.grad.numpy().base is not None else param.grad.numpy())
    optimizer.zero_grad()
    assert alive() is None


def test_sparse_adam_refuses_dense_gradients():
    param = nn.Parameter(fastnn.ones(2))
    optimizer = optim.SparseAdam([param])
    optimizer.step()
    param.grad = fastnn.ones(2)
    with pytest.raises(RuntimeError, match="does not support dense gradients, please consider Adam instead"):
        optimizer.step()
    for options, message in (({"lr": 0.0}, "Invalid learning rate: 0.0"), ({"eps": 0.0}, "Invalid epsilon value: 0.0"),
                             ({"betas": (1.0, 0.5)}, "Invalid beta parameter at index 0: 1.0")):
        with pytest.raises(ValueError, match=message):
            optim.SparseAdam([param], **options)
