"""Layers whose sizes the first input tells."""
import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn.modules.lazy import LazyModuleMixin
from fastnn.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

LAYERS = [
    (lambda nn: nn.LazyLinear(5), lambda nn: nn.Linear(3, 5), (2, 3)),
    (lambda nn: nn.LazyLinear(5, bias=False), lambda nn: nn.Linear(3, 5, bias=False), (4, 2, 3)),
    (lambda nn: nn.LazyConv1d(4, 3, padding=1, groups=2), lambda nn: nn.Conv1d(6, 4, 3, padding=1, groups=2),
     (2, 6, 9)),
    (lambda nn: nn.LazyConv2d(4, (3, 2), stride=2), lambda nn: nn.Conv2d(3, 4, (3, 2), stride=2), (2, 3, 9, 8)),
    (lambda nn: nn.LazyConv2d(4, 3, padding_mode="reflect", padding=1),
     lambda nn: nn.Conv2d(3, 4, 3, padding_mode="reflect", padding=1), (3, 9, 8)),
    (lambda nn: nn.LazyConvTranspose1d(4, 3), lambda nn: nn.ConvTranspose1d(3, 4, 3), (2, 3, 9)),
    (lambda nn: nn.LazyConvTranspose2d(4, 3, stride=2, output_padding=1, groups=2),
     lambda nn: nn.ConvTranspose2d(6, 4, 3, stride=2, output_padding=1, groups=2), (2, 6, 4, 5)),
    (lambda nn: nn.LazyBatchNorm1d(), lambda nn: nn.BatchNorm1d(3), (4, 3)),
    (lambda nn: nn.LazyBatchNorm2d(affine=False), lambda nn: nn.BatchNorm2d(3, affine=False), (4, 3, 5, 5)),
    (lambda nn: nn.LazyBatchNorm3d(bias=False), lambda nn: nn.BatchNorm3d(3, bias=False), (4, 3, 2, 2, 2)),
    (lambda nn: nn.LazyInstanceNorm1d(), lambda nn: nn.InstanceNorm1d(3, affine=True, track_running_stats=True),
     (4, 3, 7)),
    (lambda nn: nn.LazyInstanceNorm2d(affine=False), lambda nn: nn.InstanceNorm2d(3, track_running_stats=True),
     (4, 3, 5, 5)),
    (lambda nn: nn.LazyInstanceNorm3d(), lambda nn: nn.InstanceNorm3d(3, affine=True, track_running_stats=True),
     (4, 3, 2, 2, 2)),
]


def numbers(shape):
    return fastnn.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize(("lazy", "plain", "shape"), LAYERS)
def test_becomes_the_plain_layer(lazy, plain, shape):
    x = numbers(shape)
    fastnn.manual_seed(0)
    layer = lazy(nn)
    names = list(layer.state_dict())
    assert layer._get_name().startswith("Lazy")
    y = layer(x)
    fastnn.manual_seed(0)
    other = plain(nn)
    expected = other(x)
    assert type(layer) is type(other) and repr(layer) == repr(other)
    assert fastnn.equal(y, expected) and names == list(other.state_dict())
    for name, value in other.state_dict().items():
        assert fastnn.equal(layer.state_dict()[name], value), name
    assert layer._hooks is None and not hasattr(layer, "_initialize_hook")  # calls cost what they do elsewhere
    assert fastnn.equal(layer(x), other(x))


@pytest.mark.torch
@pytest.mark.parametrize(("lazy", "plain", "shape"), LAYERS)
def test_as_pytorch(lazy, plain, shape):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    own, other = lazy(nn), lazy(torch.nn)
    assert repr(own) == repr(other)
    assert {k: repr(v) for k, v in own.state_dict().items()} == {k: repr(v) for k, v in other.state_dict().items()}
    x = numbers(shape)
    fastnn.manual_seed(3), torch.manual_seed(3)
    np.testing.assert_allclose(own(x).detach().numpy(), other(torch.from_numpy(x.numpy())).detach().numpy(), rtol=1e-4,
                               atol=1e-5)
    assert repr(own) == repr(other)


@pytest.mark.parametrize(("lazy", "plain", "shape"), LAYERS)
def test_loading(lazy, plain, shape):
    state = plain(nn).state_dict()
    for source in (lazy(nn).state_dict(), state):
        layer = lazy(nn)
        assert str(layer.load_state_dict(source)) == "<All keys matched successfully>"
    if state:
        assert not layer.has_uninitialized_params()
        assert layer(numbers(shape)) is not None and type(layer) is type(plain(nn))
        for name, value in plain(nn).state_dict().items():
            assert layer.state_dict()[name].shape == value.shape
    if "weight" in state:
        with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
            plain(nn).load_state_dict(lazy(nn).state_dict())


def test_a_network_learns():
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    optimizer = fastnn.optim.Adam(net.parameters(), 0.01)  # before there are sizes: the objects stay the same
    before = list(net.parameters())
    x, target = numbers((8, 3, 6, 6)), fastnn.tensor([0, 1] * 4)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(a is b and type(a) is nn.Parameter for a, b in zip(before, net.parameters(), strict=True))
    assert [type(layer).__name__ for layer in net] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear"]


@pytest.mark.parametrize("make", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))],
                         ids=["deepcopy", "pickle"])
def test_copies_are_lazy_on_their_own(make):
    for layer in (nn.LazyLinear(3), nn.LazyBatchNorm1d()):
        twin = make(layer)
        twin(numbers((4, 2)))
        assert layer.has_uninitialized_params() and not hasattr(twin, "has_uninitialized_params")
        layer(numbers((4, 5)))
        assert twin.weight.shape[-1] == 2 and layer.weight.shape[-1] == 5
        again = make(layer)
        assert {k: v.tolist() for k, v in again.state_dict().items()} == \
            {k: v.tolist() for k, v in layer.state_dict().items()}


def test_dtype_before_there_are_sizes():
    for layer in (nn.LazyLinear(3).double(), nn.LazyLinear(3, dtype=fastnn.float64), nn.LazyBatchNorm1d().double()):
        layer(numbers((4, 2)).double())
        assert {value.dtype for value in layer.state_dict().values()} <= {fastnn.float64, fastnn.int64}


def test_what_has_no_shape_is_refused():
    parameter, buffer = UninitializedParameter(), UninitializedBuffer()
    assert repr(parameter) == "<UninitializedParameter>" and str(buffer) == "<UninitializedBuffer>"
    assert is_lazy(parameter) and is_lazy(buffer) and not is_lazy(nn.Parameter(fastnn.ones(1)))
    assert parameter.dtype is fastnn.float32 and parameter.requires_grad and parameter.is_leaf
    assert parameter.grad is None
    assert not buffer.requires_grad and isinstance(parameter, nn.Parameter) and isinstance(buffer, fastnn.Tensor)
    for use in (lambda p: p.sum(), lambda p: p + 1, lambda p: 1 + p, lambda p: len(p), lambda p: p[0], lambda p: -p,
                lambda p: p.numel(), lambda p: p.clone(), lambda p: p == p, lambda p: p.zero_(), lambda p: p.numpy(),
                lambda p: np.asarray(p), lambda p: bool(p), lambda p: nn.init.normal_(p),
                lambda p: p.requires_grad_(False), lambda p: nn.utils.parameters_to_vector([p])):
        with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter in"):
            use(parameter)
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        _ = parameter.shape
    with pytest.raises(RuntimeError, match="Can't share memory"):
        buffer.share_memory_()
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter and parameter.shape == (2, 3) and (parameter + 1).shape == (2, 3)


def test_wrong_inputs():
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d, but got"):
        nn.LazyConv2d(4, 3)(fastnn.ones(3, 5))
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.LazyConv2d(4, 3, groups=2)(fastnn.ones(1, 3, 5, 5))
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 4D input\)"):
        nn.LazyBatchNorm1d()(fastnn.ones(2, 3, 4, 4))
    layer = nn.LazyLinear(2)
    layer.load_state_dict(nn.Linear(3, 2).state_dict())
    with pytest.raises(AssertionError, match="in_features inferred from input: 4 is not equal"):
        layer(fastnn.ones(1, 4))


def test_a_class_of_ones_own():
    class Scale(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = UninitializedParameter()

        def initialize_parameters(self, x, *, start=1.0):
            if self.has_uninitialized_params():
                self.scale.materialize(x.shape[-1:])
                nn.init.constant_(self.scale, start)

        def forward(self, x, *, start=1.0):
            return x * self.scale

    module, seen = Scale(), []
    module.register_forward_hook(lambda *args: seen.append(args))
    assert module(fastnn.ones(2, 3), start=2.0).tolist() == [[2.0] * 3] * 2
    assert type(module) is Scale and len(seen) == 1 and len(module._forward_hooks) == 1

    class Forgetful(Scale):
        def initialize_parameters(self, x):
            pass
    with pytest.raises(RuntimeError, match="module Forgetful has not been fully initialized"):
        Forgetful()(fastnn.ones(1))

    class Undefined(LazyModuleMixin, nn.Module):
        pass
    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for Undefined"):
        Undefined()(fastnn.ones(1))


@pytest.mark.parametrize("make", [lambda: nn.BatchNorm1d(3), lambda: nn.BatchNorm2d(3),
                                  lambda: nn.InstanceNorm1d(3, track_running_stats=True)])
def test_states_from_before_batches_were_counted(make):
    layer = make()
    layer.num_batches_tracked.fill_(7)
    old = {name: value + 1 for name, value in layer.state_dict().items() if name != "num_batches_tracked"}
    assert str(layer.load_state_dict(dict(old))) == "<All keys matched successfully>"
    assert layer.num_batches_tracked.item() == 7 and (layer.running_mean == 1).all()
    net = nn.Sequential(make())
    net.load_state_dict({f"0.{name}": value for name, value in old.items()})
    assert net[0].num_batches_tracked.item() == 0
    state = layer.state_dict()
    assert state._metadata[""] == {"version": 2}
    del state["num_batches_tracked"]  # a newer state lacks something
    with pytest.raises(RuntimeError, match='Missing key.*"num_batches_tracked"'):
        layer.load_state_dict(state)


def test_running_statistics_of_an_instance_norm_without():
    state = dict(nn.InstanceNorm1d(3, track_running_stats=True).state_dict())
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match='Unexpected running stats.*"running_mean" and "running_var" for Instance'):
        nn.InstanceNorm1d(3).load_state_dict(state)
