"""What public programs for PyTorch do and few others: places of names, old names, switches of absent devices."""
import importlib
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.dropin import target_of


@pytest.mark.parametrize("place", [
    "torch.nn.modules.activation.MultiheadAttention", "torch.nn.modules.container.ParameterList",
    "torch.nn.modules.conv.ConvTranspose3d", "torch.nn.modules.pooling.AvgPool3d",
    "torch.nn.modules.instancenorm.InstanceNorm2d", "torch.functional.einsum", "torch.functional.lu",
    "torch.autograd.variable.Variable", "torch.optim.adamw.AdamW", "torch.cuda.amp.custom_fwd",
    "torch.amp.custom_bwd", "torch.backends.cudnn.flags", "torch.utils.benchmark.Language", "torch.layer_norm",
    "torch._jit_internal.boolean_dispatch", "torch.nn.modules.linear.NonDynamicallyQuantizableLinear",
    "torch.max_pool2d", "torch.relu_", "torch.zero_", "torch.cuda.FloatTensor", "torch.svd", "torch.qr"])
def test_places_of_names(place):
    module, _, name = place.rpartition(".")
    found = getattr(importlib.import_module(target_of(module)), name)
    assert callable(found) and found.__name__.rpartition(".")[2].rstrip("_") == name.rstrip("_")


def test_names_of_devices_that_are_absent():
    assert not isinstance(fastnn.ones(1), fastnn.cuda.FloatTensor)
    with pytest.raises(TypeError, match="torch.cuda.FloatTensor"):
        fastnn.cuda.FloatTensor([1.0])
    with fastnn.backends.cudnn.flags(enabled=False):
        assert fastnn.amp.custom_fwd(len, device_type="cpu") is len


# ---- hooks of the last operation ----

def test_backward_hooks_of_the_last_operation():
    def run(library):
        library.manual_seed(0)
        model = library.nn.Sequential(library.nn.Linear(3, 2), library.nn.Tanh())
        seen = []
        model.register_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_output[0].tolist()))
        handle = model[1].register_backward_hook(lambda module, grad_input, grad_output: (2 * grad_input[0],))
        grads = []
        for _ in range(2):
            x = library.ones(1, 3, requires_grad=True)
            model(x).sum().backward()
            grads.append(x.grad.numpy())
            handle.remove()
        return seen, grads
    seen, (double, single) = run(fastnn)
    assert seen == [[[1.0, 1.0]]] * 2
    np.testing.assert_allclose(double, 2 * single, rtol=1e-6)
    with pytest.raises(RuntimeError, match="both"):
        layer = nn.ReLU()
        layer.register_backward_hook(print)
        layer.register_full_backward_hook(print)
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(run(torch)[1], [double, single], rtol=1e-5)


# ---- contents exchanged ----

def test_swap_tensors():
    x, y = nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.zeros(3, dtype=fastnn.float64), requires_grad=False)
    (x * 3).sum().backward()
    x.name = "first"
    held = x
    fastnn.utils.swap_tensors(x, y)
    assert held.tolist() == [0.0, 0.0, 0.0] and held.grad is None and not held.requires_grad
    assert y.grad.tolist() == [3.0, 3.0] and y.requires_grad and y.name == "first" and not hasattr(x, "name")
    with pytest.raises(RuntimeError, match="leaf"):
        fastnn.utils.swap_tensors(y * 2, x)
    with pytest.raises(NotImplementedError, match="classes"):
        fastnn.utils.swap_tensors(fastnn.ones(1), x)
    with pytest.raises(TypeError, match="t2"):
        fastnn.utils.swap_tensors(x, 3)


# ---- files of whole objects ----

def test_environment_lets_whole_objects_load(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    fastnn.save(nn.Linear(1, 1), path)
    with pytest.raises(ValueError, match="weights_only=False"):
        fastnn.load(path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    assert isinstance(fastnn.load(path), nn.Linear)
    with pytest.raises(ValueError, match="weights_only=False"):
        fastnn.load(path, weights_only=True)


# ---- LU and old names of decompositions ----

LINALG = {
    "lu_factor": lambda t, a, b: t.linalg.lu_factor(a), "lu": lambda t, a, b: t.linalg.lu(a),
    "torch.lu": lambda t, a, b: t.lu(a),
    "lu of a tall matrix": lambda t, a, b: t.linalg.lu(b.detach()),
    "lu_unpack": lambda t, a, b: t.lu_unpack(*t.linalg.lu_factor(a)),
    "singular": lambda t, a, b: t.linalg.lu_factor_ex(t.zeros(2, 3, 3, dtype=t.float64)),
    "lu_solve": lambda t, a, b: t.linalg.lu_solve(*t.linalg.lu_factor(a), b),
    "lu_solve, adjoint": lambda t, a, b: t.linalg.lu_solve(*t.linalg.lu_factor(a), b, adjoint=True),
    "lu_solve, right": lambda t, a, b: t.linalg.lu_solve(*t.linalg.lu_factor(a), b.mT, left=False),
    "inv_ex": lambda t, a, b: t.linalg.inv_ex(a), "solve_ex": lambda t, a, b: t.linalg.solve_ex(a, b),
    "tensorinv": lambda t, a, b: t.linalg.tensorinv(a[0].reshape(2, 2, 4)),
    "tensorsolve": lambda t, a, b: t.linalg.tensorsolve(a[0].reshape(2, 2, 4), b[0, :, :1].reshape(2, 2)),
    "svd": lambda t, a, b: tuple(part.abs() for part in t.svd(b.detach())),
    "singular values": lambda t, a, b: t.svd(a, compute_uv=False)[1],
    "qr": lambda t, a, b: tuple(part.abs() for part in t.qr(b.detach(), some=False)),
}


def linalg_results(library, case):
    stream = np.random.default_rng(0)
    a, b = (library.from_numpy(stream.standard_normal(shape)).requires_grad_() for shape in ((2, 4, 4), (2, 4, 3)))
    out = LINALG[case](library, a, b)
    out = (out,) if isinstance(out, library.Tensor) else tuple(out)
    loss = sum((part * library.arange(part.numel(), dtype=part.dtype).reshape(part.shape)).sum() for part in out
               if part.requires_grad)
    if isinstance(loss, library.Tensor):
        loss.backward()
    return [part.detach().numpy() for part in (*out, a.grad, b.grad) if part is not None]


@pytest.mark.torch
@pytest.mark.parametrize("case", LINALG)
def test_linalg_as_torch(case):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old names
        mine, other = (linalg_results(library, case) for library in (fastnn, torch))
    for part, goal in zip(mine, other, strict=True):
        np.testing.assert_allclose(part, goal, rtol=1e-6, atol=1e-8)
        assert part.dtype == goal.dtype


def test_linalg_alone():
    a = fastnn.tensor([[0.0, 2.0], [3.0, 1.0]], dtype=fastnn.float64)
    p, low, up = fastnn.linalg.lu(a)
    assert (p @ low @ up).tolist() == a.tolist()
    x = fastnn.linalg.lu_solve(*fastnn.linalg.lu_factor(a), fastnn.tensor([[2.0], [4.0]], dtype=fastnn.float64))
    np.testing.assert_allclose(x.flatten().numpy(), [1, 1], rtol=1e-12)
    assert fastnn.linalg.inv_ex(fastnn.zeros(2, 2)).info.item() == 1
    for wrong, error in ((lambda: fastnn.linalg.lu_factor_ex(fastnn.zeros(2, 2), check_errors=True), RuntimeError),
                         (lambda: fastnn.linalg.tensorinv(fastnn.ones(2, 3)), RuntimeError),
                         (lambda: fastnn.linalg.tensorinv(fastnn.ones(2, 2), 0), RuntimeError),
                         (lambda: fastnn.linalg.tensorsolve(fastnn.ones(2, 3), fastnn.ones(2)), ValueError),
                         (lambda: fastnn.linalg.lu(fastnn.ones(2)), RuntimeError)):
        with pytest.raises(error):
            wrong()
    for values in ([[0.0, 2.0], [3.0, 1.0], [1.0, 5.0]], [[0.0, 2.0, 1.0], [3.0, 1.0, 5.0]]):
        x = fastnn.tensor(values, dtype=fastnn.float64, requires_grad=True)
        assert fastnn.autograd.gradcheck(lambda a: fastnn.linalg.lu_factor(a).LU, x)
