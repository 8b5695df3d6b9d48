"""What programs ask about devices, compilers and tools, and DLPack."""
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn import nn


def test_no_other_device():
    assert not fastnn.cuda.is_available()
    assert fastnn.cuda.device_count() == 0
    assert not fastnn.backends.mps.is_available()
    assert not fastnn.backends.cudnn.is_available()
    assert not fastnn.accelerator.is_available()
    assert fastnn.accelerator.current_accelerator() is None
    assert not fastnn.mps.is_available()
    assert not fastnn.xpu.is_available()
    assert not fastnn.distributed.is_initialized()
    fastnn.cuda.manual_seed_all(0)
    fastnn.cuda.empty_cache()
    fastnn.cuda.synchronize()
    for call in (fastnn.cuda.current_device, fastnn.cuda.get_device_name, fastnn.cuda.Stream):
        with pytest.raises(RuntimeError, match="CPU alone"):
            call()


def test_wrappers_give_back_what_they_wrap():
    model = nn.Linear(2, 3)
    assert fastnn.compile(model) is model
    assert fastnn.jit.script(model) is model
    assert fastnn.jit.trace(model, fastnn.ones(1, 2)) is model

    @fastnn.compile(mode="reduce-overhead")
    def double(x):
        return 2 * x

    assert double(4) == 8
    with pytest.raises(NotImplementedError, match="state_dict"):
        fastnn.jit.save(model, "x")
    with pytest.raises(TypeError, match="compile"):
        fastnn.compile(3)


def test_mixed_precision_changes_nothing():
    model, x = nn.Linear(2, 1), fastnn.ones(4, 2)
    with fastnn.autocast("cpu", dtype=fastnn.float32):
        assert model(x).dtype is fastnn.float32
    with pytest.warns(UserWarning, match="no such device"):
        scaler = fastnn.amp.GradScaler()
    optimizer = fastnn.optim.SGD(model.parameters(), lr=0.1)
    before = model.weight.detach().clone()
    scaler.scale(model(x).sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(model.weight.detach().numpy(), before.numpy() - 0.4, rtol=1e-6)


def test_switches():
    fastnn.use_deterministic_algorithms(True)
    assert fastnn.are_deterministic_algorithms_enabled()
    fastnn.set_float32_matmul_precision("high")
    with pytest.raises(RuntimeError, match="medium"):
        fastnn.set_float32_matmul_precision("low")
    fastnn.set_default_device("cpu")
    with pytest.raises(RuntimeError, match="CPU"):
        fastnn.set_default_device("cuda")
    try:
        fastnn.set_default_tensor_type(fastnn.DoubleTensor)
        assert fastnn.ones(1).dtype is fastnn.float64
    finally:
        fastnn.set_default_tensor_type("torch.FloatTensor")
    assert fastnn.ones(1).dtype is fastnn.float32


def test_typed_constructors():
    x = fastnn.FloatTensor([[1, 2]])
    assert x.dtype is fastnn.float32
    assert isinstance(x, fastnn.FloatTensor)
    assert not isinstance(x, fastnn.LongTensor)
    assert fastnn.LongTensor(2, 3).shape == (2, 3)
    assert fastnn.BoolTensor([0, 1]).tolist() == [False, True]
    with pytest.raises(TypeError, match="LongTensor"):
        fastnn.LongTensor(x)


def test_type_names():
    x = fastnn.tensor([1, 2])
    assert x.type(fastnn.FloatTensor).dtype is fastnn.float32
    assert x.type("torch.DoubleTensor").dtype is fastnn.float64
    assert x.type() == "torch.LongTensor"
    with pytest.raises(ValueError, match="invalid type"):
        x.type("torch.SparseTensor")


def test_dlpack():
    x = fastnn.arange(6.0).reshape(2, 3)
    array = np.from_dlpack(x.t())
    x[1, 0] = 9
    assert array[0, 1] == 9
    assert x.__dlpack_device__() == (1, 0)
    y = fastnn.from_dlpack(x.t())
    y[0, 0] = 7
    assert x[0, 0].item() == 7
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(x.clone().requires_grad_())
    with pytest.raises(TypeError, match="__dlpack__"):
        fastnn.from_dlpack([1.0])


@pytest.mark.torch
def test_dlpack_with_pytorch():
    torch = pytest.importorskip("torch")
    ours = fastnn.arange(3.0)
    theirs = torch.from_dlpack(ours)
    theirs[0] = 5
    assert ours[0].item() == 5
    theirs = torch.arange(4).reshape(2, 2)
    fastnn.from_dlpack(theirs)[1, 1] = -1
    assert theirs[1, 1].item() == -1


@pytest.mark.torch
def test_a_tensor_says_what_it_is_not():
    torch = pytest.importorskip("torch")
    theirs, ours = torch.ones(2), fastnn.ones(2)
    names = [name for name in dir(theirs) if name.startswith("is_") and isinstance(getattr(theirs, name), bool)]
    assert "is_xpu" in names and {name: getattr(ours, name) for name in names} == {
        name: getattr(theirs, name) for name in names}


PROGRAM = """
import torch, torch.backends.cudnn as cudnn, torch.cuda, torch.version
from torch.cuda.amp import GradScaler, autocast
import torchvision
cudnn.benchmark = True
assert torch.backends.cudnn.benchmark
assert tuple(map(int, torch.__version__.split("+")[0].split("."))) >= (2, 0), torch.__version__
assert torch.version.__version__ == torch.__version__ and torch.version.cuda is None
assert torchvision.__version__.endswith(torch.__version__.split("fastnn.")[1])
device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
assert torch.ones(2).to(device).sum().item() == 2
for name in ("torch.nothing", "torch.cuda.nothing"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert "in fastnn" in str(error), error
    else:
        raise AssertionError(name)
"""


def test_in_the_drop_in():
    done = subprocess.run([sys.executable, "-m", "fastnn", "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
