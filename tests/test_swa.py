"""Averaged models and their schedule against PyTorch's."""
import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.optim import swa_utils


def weights(library, seed):
    rng = np.random.default_rng(seed)
    return {"0.weight": library.from_numpy(rng.standard_normal((3, 2)).astype("float32")),
            "0.bias": library.from_numpy(rng.standard_normal(3).astype("float32")),
            "n": library.tensor(seed), "mean": library.tensor(seed * 0.7)}


def model_of(library):
    model = library.nn.Sequential(library.nn.Linear(2, 3))
    model.register_buffer("n", library.tensor(0))
    model.register_buffer("mean", library.tensor(0.0))
    model.load_state_dict(weights(library, 0))
    return model


@pytest.mark.torch
@pytest.mark.parametrize("function", [None, "get_swa_avg_fn", "get_swa_multi_avg_fn", "get_ema_avg_fn",
                                      "get_ema_multi_avg_fn"])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages_equal_pytorch(function, use_buffers):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    from torch.optim import swa_utils as theirs
    results = []
    for library, module in ((fastnn, swa_utils), (torch, theirs)):
        options = {"use_buffers": use_buffers}
        if function is not None:
            made = getattr(module, function)(*([0.9] if "ema" in function else []))
            options["multi_avg_fn" if "multi" in function else "avg_fn"] = made
        model = model_of(library)
        if function == "get_swa_multi_avg_fn" and use_buffers:
            del model.n  # PyTorch cannot do the mean of integers so
        averaged = module.AveragedModel(model, **options)
        for seed in range(1, 6):
            model.load_state_dict({key: value for key, value in weights(library, seed).items()
                                   if key in model.state_dict()})
            averaged.update_parameters(model)
        results.append({key: value.numpy() for key, value in averaged.state_dict().items()})
        assert averaged(library.ones(4, 2)).shape == (4, 3)
    assert list(results[0]) == list(results[1])
    for key, value in results[1].items():
        np.testing.assert_allclose(results[0][key], value, rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear", "anneal_epochs": 7}, {"anneal_epochs": 0}])
def test_swalr_equals_pytorch(options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    from torch.optim.swa_utils import SWALR
    results = []
    for library, cls in ((fastnn, swa_utils.SWALR), (torch, SWALR)):
        params = [library.nn.Parameter(library.ones(1)) for _ in range(2)]
        optimizer = library.optim.SGD([{"params": params[:1], "lr": 0.3}, {"params": params[1:]}], lr=0.01)
        decay, scheduler = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.9), cls(optimizer, [0.05, 0.1],
                                                                                         **options)
        found = []
        for i in range(60):
            optimizer.step()
            (decay if i < 5 else scheduler).step()
            if i == 20:
                state = scheduler.state_dict()
                scheduler = cls(optimizer, [0.05, 0.1])
                scheduler.load_state_dict(state)
            found.append([group["lr"] for group in optimizer.param_groups])
        results.append((found, set(state)))
    assert results[0] == results[1]


@pytest.mark.torch
def test_update_bn_equals_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    from torch.optim import swa_utils as theirs
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((n, 2)).astype("float32") for n in (8, 8, 5)]
    results = []
    for library, module in ((fastnn, swa_utils), (torch, theirs)):
        layer = library.nn.BatchNorm1d(2)
        model = library.nn.Sequential(layer, library.nn.Tanh()).eval()
        layer.running_mean.fill_(7.0)
        module.update_bn([(library.from_numpy(x), None) for x in batches], model)
        assert layer.momentum == 0.1 and not model.training
        module.update_bn([], library.nn.Linear(1, 1))
        results.append({key: value.numpy() for key, value in model.state_dict().items()})
    for key, value in results[1].items():
        np.testing.assert_allclose(results[0][key], value, rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(("make", "exception", "message"), [
    (lambda o: swa_utils.SWALR(o, 0.1, anneal_strategy="x"), ValueError, "one of 'cos' or 'linear'"),
    (lambda o: swa_utils.SWALR(o, 0.1, anneal_epochs=-1), ValueError, "anneal_epochs must be equal or greater than 0"),
    (lambda o: swa_utils.SWALR(o, [0.1, 0.2]), ValueError, "swa_lr must have the same length"),
    (lambda o: swa_utils.get_ema_avg_fn(1.5), ValueError, "Invalid decay value 1.5"),
    (lambda o: swa_utils.get_ema_multi_avg_fn(-1), ValueError, "Invalid decay value -1"),
    (lambda o: swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=abs, multi_avg_fn=abs), AssertionError, "Only one of"),
])
def test_errors(make, exception, message):
    with pytest.raises(exception, match=message):
        make(optim.SGD([nn.Parameter(fastnn.ones(1))]))
