"""Normalisation as users see it: running statistics, edge shapes, layouts, exchange with PyTorch, threads."""
import numpy as np
import pytest

import fastnn
from fastnn import kernels, nn
from fastnn.kernels import _core
from fastnn.nn import functional as F


def images(*shape, seed=0):
    return fastnn.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 2 + 3)


@pytest.fixture(params=[False, True], ids=["c", "reference"])
def backend(request):
    before = _core.get_use_reference()
    _core.set_use_reference(request.param)
    yield
    _core.set_use_reference(before)


def test_batch_norm_normalises(backend):
    x = images(8, 3, 5, 5)
    norm = nn.BatchNorm2d(3)
    y = norm(x).detach().numpy()
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((0, 2, 3)), 1, rtol=1e-4)
    channel = x.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * channel.mean(1), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var.numpy(), 0.9 + 0.1 * channel.var(1, ddof=1), rtol=1e-5)
    assert norm.num_batches_tracked.dtype == fastnn.int64 and norm.num_batches_tracked.item() == 1
    state = {name: value.numpy().copy() for name, value in norm.state_dict().items()}
    norm.eval()(x)
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name])


def test_cumulative_average(backend):
    norm = nn.BatchNorm1d(4, momentum=None)
    batches = [images(10, 4, seed=seed) for seed in range(3)]
    for batch in batches:
        norm(batch)
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean([b.numpy().mean(0) for b in batches], 0), rtol=1e-5)


def test_without_statistics_or_parameters(backend):
    norm = nn.BatchNorm1d(4, affine=False, track_running_stats=False).eval()
    assert not list(norm.parameters()) and not norm.state_dict()
    np.testing.assert_allclose(norm(images(20, 4)).numpy().mean(0), 0, atol=1e-5)
    assert nn.BatchNorm1d(4, bias=False).bias is None
    assert nn.LayerNorm(4, bias=False).bias is None and nn.LayerNorm(4, elementwise_affine=False).weight is None


def test_one_value_per_channel_is_an_error_in_training():
    norm = nn.BatchNorm1d(4)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training, got input size"):
        norm(images(1, 4))
    assert norm.eval()(images(1, 4)).shape == (1, 4)
    with pytest.raises(ValueError, match="Expected more than 1 spatial element when training"):
        nn.InstanceNorm1d(4)(images(2, 4, 1))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        F.group_norm(images(1, 4), 4)


@pytest.mark.parametrize(("module", "shape", "message"), [
    (nn.BatchNorm1d(3), (2, 3, 4, 4), "expected 2D or 3D input \\(got 4D input\\)"),
    (nn.BatchNorm2d(3), (2, 3), "expected 4D input \\(got 2D input\\)"),
    (nn.BatchNorm2d(3), (2, 4, 3, 3), "running_mean should contain 4 elements not 3"),
    (nn.InstanceNorm2d(3, affine=True), (2, 4, 3, 3), "to match num_features \\(3\\), but got: 4"),
    (nn.LayerNorm(5), (2, 4), "Given normalized_shape=\\[5\\], expected input with shape \\[\\*, 5\\]"),
    (nn.RMSNorm(5), (2, 4), "Given normalized_shape=\\[5\\]"),
    (nn.GroupNorm(2, 4), (2, 6, 3), "Expected weight to be a vector of size equal to the number of channels"),
    (nn.LocalResponseNorm(2), (2, 6), "Expected 3D or higher"),
])
def test_wrong_shapes(module, shape, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        module(images(*shape))


def test_wrong_dtypes():
    with pytest.raises(RuntimeError):
        nn.LayerNorm(4)(images(2, 4).double())
    with pytest.raises(RuntimeError):
        nn.BatchNorm1d(4)(images(2, 4).long())


@pytest.mark.parametrize(("module", "shape"), [
    (nn.BatchNorm1d(3).eval(), (0, 3)), (nn.BatchNorm2d(3), (0, 3, 4, 4)), (nn.LayerNorm(3), (0, 3)),
    (nn.GroupNorm(1, 3), (0, 3, 2)), (nn.InstanceNorm1d(3), (0, 3, 2)), (nn.RMSNorm(3), (0, 3)),
])
def test_empty_batches(module, shape, backend):
    x = fastnn.zeros(*shape, requires_grad=True)
    y = module(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.shape == shape
    for parameter in module.parameters():
        assert not parameter.grad.numpy().any()
        parameter.grad = None
    if isinstance(module, nn.BatchNorm2d):
        assert not module.running_mean.numpy().any()


def test_one_channel_and_length_one(backend):
    assert abs(nn.BatchNorm2d(1)(images(2, 1, 3, 3)).detach().numpy().mean()) < 1e-5
    assert not nn.LayerNorm(1)(images(5, 1)).detach().numpy().any()
    x = images(5, 1).requires_grad_()
    (nn.LayerNorm(1)(x) * images(5, 1)).sum().backward()
    assert not x.grad.numpy().any()
    assert nn.BatchNorm1d(2)(images(4, 2, 1)).shape == (4, 2, 1)


def test_large_mean_keeps_the_variance():
    x = fastnn.from_numpy(np.float32([[1e4 + 1, 1e4 + 2, 1e4 + 3, 1e4 + 4]]))
    expected = np.array([-3, -1, 1, 3]) / np.sqrt(5)
    np.testing.assert_allclose(F.layer_norm(x, (4,)).numpy()[0], expected, rtol=1e-4)
    np.testing.assert_allclose(F.batch_norm(x.t(), None, None, training=True).numpy()[:, 0], expected, rtol=1e-4)


def test_channels_last_needs_no_copy_and_keeps_the_layout():
    x = np.random.default_rng(0).standard_normal((4, 6, 5, 3)).astype(np.float32)
    last, first = fastnn.from_numpy(x).permute(0, 3, 1, 2), fastnn.from_numpy(x.transpose(0, 3, 1, 2).copy())
    y = F.batch_norm(last, None, None, training=True)
    np.testing.assert_allclose(y.numpy(), F.batch_norm(first, None, None, training=True).numpy(), atol=1e-5)
    assert y.stride() == last.stride()


def test_changed_in_place_before_backward():
    norm, x = nn.LayerNorm(3), images(2, 3).requires_grad_()
    y = norm(x * 1)
    with fastnn.no_grad():
        norm.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    norm = nn.BatchNorm1d(3).eval()  # what backward needs is a copy of the running statistics
    y = norm(x)
    norm.running_mean.fill_(5)
    y.sum().backward()


def test_frozen_parameters():
    norm, x = nn.BatchNorm1d(3), images(4, 3).requires_grad_()
    norm.weight.requires_grad_(False)
    norm(x).sum().backward()
    assert norm.weight.grad is None and norm.bias.grad is not None and x.grad is not None


def gradients(layer, x, weights):
    for parameter in layer.parameters():
        parameter.grad = None
    x = fastnn.from_numpy(x).requires_grad_()
    y = layer(x)
    (y * fastnn.from_numpy(weights)).sum().backward()
    return [y.detach().numpy(), x.grad.numpy(), *(p.grad.numpy().copy() for p in layer.parameters()),
            *(b.numpy().copy() for b in layer.buffers())]


@pytest.mark.parametrize(("make", "shape"), [
    (lambda: nn.BatchNorm2d(2), (64, 2, 32, 32)), (lambda: nn.BatchNorm2d(40), (16, 40, 9, 9)),
    (lambda: nn.BatchNorm1d(70), (3000, 70)), (lambda: nn.BatchNorm1d(7), (400, 7, 20)),
    (lambda: nn.LayerNorm(65), (999, 65)), (lambda: nn.GroupNorm(4, 16), (20, 16, 11, 11)),
    (lambda: nn.InstanceNorm2d(16, affine=True, track_running_stats=True), (20, 16, 11, 11)),
    (lambda: nn.RMSNorm(130), (700, 130)),
])
def test_same_bits_for_any_number_of_threads(make, shape):
    rng = np.random.default_rng(1)
    x, weights = rng.standard_normal((2, *shape)).astype(np.float32)
    threads, results = kernels.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            kernels.set_num_threads(n)
            results.append(gradients(make(), x, weights))
    finally:
        kernels.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


TORCH = [
    (lambda nn: nn.BatchNorm1d(6), (10, 6)), (lambda nn: nn.BatchNorm1d(6, momentum=None), (4, 6, 9)),
    (lambda nn: nn.BatchNorm2d(3, momentum=0.3, eps=1e-2), (4, 3, 7, 7)),
    (lambda nn: nn.BatchNorm3d(3, affine=False), (2, 3, 4, 4, 4)),
    (lambda nn: nn.InstanceNorm1d(3, affine=True, track_running_stats=True), (4, 3, 10)),
    (lambda nn: nn.InstanceNorm2d(3), (4, 3, 5, 5)), (lambda nn: nn.GroupNorm(2, 6), (3, 6, 4)),
    (lambda nn: nn.LayerNorm([3, 5]), (2, 3, 5)), (lambda nn: nn.RMSNorm(8, eps=1e-3), (4, 8)),
    (lambda nn: nn.LocalResponseNorm(3, alpha=0.1), (2, 6, 4, 4)),
]


@pytest.mark.torch
@pytest.mark.parametrize(("make", "shape"), TORCH, ids=lambda value: None)
def test_state_and_results_as_pytorch(make, shape):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    own, other = make(nn), make(torch.nn)
    assert repr(own) == repr(other) and list(own.state_dict()) == list(other.state_dict())
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.uniform_(0.5, 2)
    own.load_state_dict({name: fastnn.from_numpy(value.numpy().copy()) for name, value in other.state_dict().items()})
    rng = np.random.default_rng(0)
    for training in (True, True, False):
        own.train(training), other.train(training)
        x, weights = rng.standard_normal((2, *shape)).astype(np.float32)
        found = gradients(own, x, weights)
        other.zero_grad()
        x = torch.from_numpy(x).requires_grad_()
        y = other(x)
        (y * torch.from_numpy(weights)).sum().backward()
        expected = [y.detach(), x.grad, *(p.grad for p in other.parameters()), *other.buffers()]
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b.numpy(), rtol=2e-4, atol=2e-5)
            assert a.dtype == b.numpy().dtype
    for name, value in own.state_dict().items():
        other.state_dict()[name].copy_(torch.from_numpy(value.numpy()))
