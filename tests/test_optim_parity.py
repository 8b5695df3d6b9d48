"""Optimizers against PyTorch's, over PyTorch's own grids of options: the same trajectory, state and errors."""
import copy
import re
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import optim

pytestmark = pytest.mark.torch

STEPS = 100
# Of a tensor's largest number: both libraries round in every step, and small numbers are differences of large ones.
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
NAMES = ["ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop",
         "Rprop", "SGD"]
names = pytest.mark.parametrize("name", NAMES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    before = module.get_num_threads()
    module.set_num_threads(1)  # its threads stall on a busy machine
    yield module
    module.set_num_threads(before)


@pytest.fixture(scope="module")
def grids(torch):
    """PyTorch's description of each optimizer, by name."""
    common = pytest.importorskip("torch.testing._internal.common_optimizers")
    return {info.optim_cls.__name__: info for info in common.optim_db}


def inputs(info):
    return info.optim_inputs_func(device="cpu")


def translated(torch, value):
    """PyTorch's options, groups or state with its tensors replaced by ours."""
    if isinstance(value, torch.nn.Parameter):
        return fastnn.nn.Parameter(fastnn.from_numpy(value.detach().numpy().copy()))
    if isinstance(value, torch.Tensor):
        return fastnn.from_numpy(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {key: translated(torch, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(translated(torch, item) for item in value)
    return value


class Problem:
    """A linear model on fixed data, the same in both libraries. The loss is smooth and convex, its curvature is
    between 1 and 5 in all directions, and the minimum is far: so no run is chaotic, and rounding errors stay small."""

    def __init__(self, library, dtype, seed=0):
        rng = np.random.default_rng(seed)
        columns = np.linalg.qr(np.column_stack([np.ones(16), rng.standard_normal((16, 4))]))[0][:, 1:]
        x = columns * 4 * np.linspace(1, 1.5, 4)
        weight, bias = (rng.choice([-1, 1], shape) * rng.uniform(4, 8, shape) for shape in ((3, 4), (3,)))
        start = [0.5 * rng.standard_normal(shape) for shape in ((3, 4), (3,))]
        self.library = library
        self.x, self.y = (library.tensor(array.astype(dtype)) for array in (x, x @ weight.T + bias))
        self.params = [library.nn.Parameter(library.tensor(array.astype(dtype))) for array in start]

    def loss(self):
        weight, bias = self.params
        error = self.x @ weight.t() + bias - self.y
        return (error * error + 0.2 * error.sin()).sum() / 16

    def run(self, optimizer, steps):
        def closure():
            optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            return loss
        for _ in range(steps):
            optimizer.step(closure)

    def values(self):
        return [param.detach().numpy().copy() for param in self.params]

    def load(self, values):
        for param, value in zip(self.params, values, strict=True):
            param.data = self.library.tensor(value)


def close(ours, theirs, dtype, what):
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert np.isfinite(b).all(), f"{what}: PyTorch's run is no test"
        tolerance = TOLERANCE[dtype] * max(abs(b).max(), 1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=f"{what}, parameter {i}")


@names
@dtypes
def test_trajectory(torch, grids, name, dtype):
    """100 steps for each of PyTorch's choices of options."""
    for grid in inputs(grids[name]):
        theirs, ours = Problem(torch, dtype), Problem(fastnn, dtype)
        start = ours.values()
        mine, other = (getattr(library.optim, name)(problem.params, **options) for library, problem, options in (
            (fastnn, ours, translated(torch, grid.kwargs)), (torch, theirs, copy.deepcopy(grid.kwargs))))
        theirs.run(other, STEPS)
        ours.run(mine, STEPS)
        close(ours.values(), theirs.values(), dtype, f"{name} {grid.desc}")
        assert any((a != b).any() for a, b in zip(start, ours.values(), strict=True))


@names
@dtypes
def test_state_of_pytorch_continues(torch, grids, name, dtype):
    """PyTorch's state after 20 steps, loaded here, goes on as it does there, and has the same parts."""
    for grid in inputs(grids[name]):
        theirs, ours = Problem(torch, dtype), Problem(fastnn, dtype)
        other = getattr(torch.optim, name)(theirs.params, **copy.deepcopy(grid.kwargs))
        theirs.run(other, 20)
        ours.load(theirs.values())
        mine = getattr(optim, name)(ours.params)
        mine.load_state_dict(translated(torch, other.state_dict()))
        theirs.run(other, 20)
        ours.run(mine, 20)
        what = f"{name} {grid.desc}"
        close(ours.values(), theirs.values(), dtype, what)
        same_parts(torch, mine.state_dict(), other.state_dict(), dtype, what)


def same_parts(torch, ours, theirs, dtype, path):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), path
        for key in theirs:
            same_parts(torch, ours[key], theirs[key], dtype, f"{path}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), path
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            same_parts(torch, a, b, dtype, f"{path}[{i}]")
    elif isinstance(theirs, torch.Tensor) and not isinstance(ours, float):
        assert tuple(ours.shape) == tuple(theirs.shape), path
        assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1], path
    else:
        assert isinstance(ours, type(theirs)) or isinstance(theirs, torch.Tensor), path


@names
def test_errors(torch, grids, name):
    """What PyTorch refuses is refused with an error of its class and words."""
    for error in grids[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
        given = error.optimizer_error_input
        if "complex" in given.desc:  # there are no complex tensors here
            continue
        params = [torch.nn.Parameter(torch.ones(2))] if given.params is None else given.params
        if isinstance(params, list) and params and isinstance(params[0], torch.Tensor) and len(params) == 2 \
                and params[0] is params[1]:
            params = [translated(torch, params[0])] * 2
        else:
            memo = {}
            params = twins(torch, params, memo)
        warns = issubclass(error.error_type, Warning)
        context = pytest.warns if warns else pytest.raises
        with context(error.error_type, match=error.error_regex), warnings.catch_warnings():
            if not warns:
                warnings.simplefilter("ignore")
            getattr(optim, name)(params, **translated(torch, given.kwargs))


def twins(torch, value, memo):
    """Like `translated`, and the same tensor twice stays the same."""
    if isinstance(value, torch.Tensor):
        return memo.setdefault(id(value), translated(torch, value))
    if isinstance(value, dict):
        return {key: twins(torch, item, memo) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(twins(torch, item, memo) for item in value)
    return value


@names
def test_signature_repr_and_defaults(torch, grids, name):
    theirs, ours = Problem(torch, "float32"), Problem(fastnn, "float32")
    for grid in grids[name].optim_inputs_func(device="cpu"):
        mine = getattr(optim, name)(ours.params, **translated(torch, grid.kwargs))
        other = getattr(torch.optim, name)(theirs.params, **grid.kwargs)
        assert re.sub(r"\s+", " ", repr(mine)) == re.sub(r"\s+", " ", repr(other))
        assert list(mine.defaults) == list(other.defaults)
        assert list(mine.param_groups[0]) == list(other.param_groups[0])


@dtypes
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5, 5), (1, 6)])
def test_muon(torch, monkeypatch, dtype, shape):
    """PyTorch's trajectory where it iterates in the parameter's dtype instead of bfloat16, and near it where not."""
    start, slope = np.random.default_rng(0).standard_normal((2, *shape)).astype(dtype)

    def run(library, options):
        param = library.nn.Parameter(library.tensor(start.copy()))
        optimizer = library.optim.Muon([param], **options)
        for _ in range(20):
            optimizer.zero_grad()
            ((param - 1) ** 2 + param * library.tensor(slope)).sum().backward()
            optimizer.step()
        return param.detach().numpy(), optimizer

    for options in ({}, {"nesterov": False, "lr": 0.1}, {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "lr": 0.05},
                    {"momentum": 0.0, "weight_decay": 0.0, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3}):
        ours, mine = run(fastnn, options)
        rough, theirs = run(torch, options)
        assert repr(mine) == repr(theirs) and list(mine.state_dict()["state"][0]) == ["momentum_buffer"]
        np.testing.assert_allclose(ours, rough, atol=0.1 * 20 * options.get("lr", 1e-3))
        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())
            close([ours], [run(torch, options)[0]], dtype, f"Muon {options}")


def test_muon_refuses():
    matrix = fastnn.nn.Parameter(fastnn.ones(2, 2))
    for error, params, options in (("only supports 2D parameters", [fastnn.nn.Parameter(fastnn.ones(2))], {}),
                                   ("Learning rate should be >= 0", [matrix], {"lr": -1.0}),
                                   ("momentum should be >= 0", [matrix], {"momentum": -1.0}),
                                   ("weight decay should be >= 0", [matrix], {"weight_decay": -1.0}),
                                   ("function other is not", [matrix], {"adjust_lr_fn": "other"})):
        with pytest.raises(ValueError, match=error):
            optim.Muon(params, **options)
    matrix.grad = fastnn.ones(2, 2)
    with pytest.raises(ValueError, match="less than 100"):
        optim.Muon([matrix], ns_steps=100).step()
    with pytest.raises(ValueError, match="exactly 3 values"):
        optim.Muon([matrix], ns_coefficients=(1.0, 2.0)).step()
