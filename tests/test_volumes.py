"""Convolution and max pooling of volumes, beside PyTorch; errors."""
import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.nn import functional as F

RNG = np.random.default_rng(0)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")


@pytest.mark.torch
@pytest.mark.parametrize("options", [
    dict(kernel_size=2), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=3, stride=2, ceil_mode=True),
    dict(kernel_size=(2, 3, 1), stride=(1, 2, 2), padding=(1, 1, 0), dilation=(2, 1, 1))])
@pytest.mark.parametrize("batch", [(2, 3), (3,)])
def test_max_pool3d(torch, options, batch):
    x = RNG.integers(-3, 4, (*batch, 6, 7, 8)).astype("float32")  # with ties: the first counts
    mine, other = fastnn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, indices = F.max_pool3d(mine, return_indices=True, **options)
    z, wanted = torch.nn.functional.max_pool3d(other, return_indices=True, **options)
    assert np.array_equal(y.detach().numpy(), z.detach().numpy()) and np.array_equal(indices.numpy(), wanted.numpy())
    grad = RNG.normal(size=y.shape).astype("float32")
    y.backward(fastnn.tensor(grad))
    z.backward(torch.tensor(grad))
    assert np.allclose(mine.grad.numpy(), other.grad.numpy(), atol=1e-6)
    layer = nn.MaxPool3d(**options)
    assert fastnn.equal(layer(mine), F.max_pool3d(mine, **options))
    assert repr(layer) == repr(torch.nn.MaxPool3d(**options))


@pytest.mark.torch
def test_max_unpool3d(torch):
    x = RNG.normal(size=(2, 3, 4, 6, 7)).astype("float32")
    y, indices = F.max_pool3d(fastnn.tensor(x), 2, return_indices=True)
    back = nn.MaxUnpool3d(2)(y, indices, output_size=x.shape)
    wanted = torch.nn.MaxUnpool3d(2)(torch.tensor(y.numpy()), torch.tensor(indices.numpy()), output_size=x.shape)
    assert np.array_equal(back.numpy(), wanted.numpy())
    assert repr(nn.MaxUnpool3d(2)) == repr(torch.nn.MaxUnpool3d(2))


@pytest.mark.torch
@pytest.mark.parametrize("options", [
    {}, dict(stride=2, padding=1), dict(groups=2, padding=(2, 0, 1), dilation=(1, 2, 1)),
    dict(padding="same", dilation=2), dict(padding="valid", bias=False), dict(padding=1, padding_mode="replicate"),
    dict(padding_mode="circular", padding=1)])
def test_conv3d(torch, options):
    theirs = torch.nn.Conv3d(4, 6, (2, 3, 2), **options).double()
    layer = nn.Conv3d(4, 6, (2, 3, 2), **options).double()
    layer.load_state_dict({name: fastnn.tensor(value.detach().numpy()) for name, value in theirs.state_dict().items()})
    x = RNG.normal(size=(2, 4, 6, 7, 5))
    mine, other = fastnn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = layer(mine), theirs(other)
    grad = RNG.normal(size=y.shape)
    y.backward(fastnn.tensor(grad))
    z.backward(torch.tensor(grad))
    assert np.allclose(y.detach().numpy(), z.detach().numpy()) and np.allclose(mine.grad.numpy(), other.grad.numpy())
    for a, b in zip(layer.parameters(), theirs.parameters()):
        assert np.allclose(a.grad.numpy(), b.grad.numpy())
    assert repr(layer) == repr(theirs)
    assert fastnn.allclose(layer(mine[0]), y[0])


def test_conv3d_in_a_sequential_with_relu():
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Conv3d(1, 2, 3), nn.ReLU(), nn.MaxPool3d(2), nn.Flatten())
    x = fastnn.randn(2, 1, 6, 6, 6)
    assert fastnn.allclose(model(x), F.max_pool3d(model[0](x).relu(), 2).flatten(1)) and model(x).shape == (2, 16)


@pytest.mark.parametrize("call, error, text", [
    (lambda x: F.conv3d(x, fastnn.ones(2, 5, 2, 2, 2)), RuntimeError, "to have 5 channels"),
    (lambda x: F.conv3d(x, fastnn.ones(2, 3, 9, 2, 2)), RuntimeError, "Kernel size can't be greater"),
    (lambda x: F.conv3d(x[0, 0], fastnn.ones(2, 3, 2, 2, 2)), RuntimeError, "Expected 4D"),
    (lambda x: F.conv3d(x, fastnn.ones(2, 3, 2, 2)), RuntimeError, "5 dimensions"),
    (lambda x: F.conv3d(x, fastnn.ones(2, 3, 2, 2, 2), stride=0), RuntimeError, "above 0"),
    (lambda x: F.conv3d(x, fastnn.ones(2, 3, 2, 2, 2), padding="full"), RuntimeError, "padding string"),
    (lambda x: F.conv3d(x, fastnn.ones(3, 1, 2, 2, 2), groups=2), RuntimeError, "groups"),
    (lambda x: F.max_pool3d(x[0, 0], 2), RuntimeError, "4D or 5D"),
    (lambda x: F.max_pool3d(x, (2, 2)), RuntimeError, "three ints"),
    (lambda x: F.max_pool3d(x, 9), RuntimeError, None),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call(fastnn.ones(2, 3, 4, 4, 4))


# ---- averages, norms, largest elements, transposed convolution ----

def beside(torch, make, shape, ties=False, rtol=1e-9):
    """The same layer in both libraries: values, indices, gradients, repr."""
    x = RNG.integers(-3, 4, shape).astype("float64") if ties else RNG.normal(size=shape)
    mine, other = fastnn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    layer, theirs = make(nn).double(), make(torch.nn).double()
    layer.load_state_dict({name: fastnn.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    y, z = layer(mine), theirs(other)
    if isinstance(y, tuple):
        assert np.array_equal(y[1].numpy(), z[1].numpy())
        y, z = y[0], z[0]
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol, 1e-12)
    grad = RNG.normal(size=z.shape)
    y.backward(fastnn.tensor(grad))
    z.backward(torch.tensor(grad))
    np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol, 1e-12)
    for p, q in zip(layer.parameters(), theirs.parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol, 1e-12)
    for p, q in zip(layer.buffers(), theirs.buffers()):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol, 1e-12)
    assert repr(layer) == repr(theirs)


@pytest.mark.torch
@pytest.mark.parametrize("batch", [(2, 3), (3,)])
@pytest.mark.parametrize("options", [
    dict(kernel_size=2), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=2, stride=3, ceil_mode=True),
    dict(kernel_size=3, stride=2, ceil_mode=True, padding=1, count_include_pad=False),
    dict(kernel_size=(2, 3, 1), stride=(1, 2, 2), padding=(1, 1, 0), divisor_override=5, ceil_mode=True)])
def test_avg_pool3d(torch, options, batch):
    beside(torch, lambda n: n.AvgPool3d(**options), (*batch, 6, 7, 8))


@pytest.mark.torch
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("size", [1, 2, (3, 2, 4), (None, 2, 1)])
def test_adaptive_max_pool3d(torch, size, ties):
    beside(torch, lambda n: n.AdaptiveMaxPool3d(size, return_indices=True), (2, 3, 6, 7, 8), ties)
    x = fastnn.tensor(RNG.normal(size=(3, 6, 7, 8)))
    assert fastnn.equal(nn.AdaptiveMaxPool3d(size)(x), F.adaptive_max_pool3d_with_indices(x, size)[0])


@pytest.mark.torch
def test_lp_pool3d(torch):
    beside(torch, lambda n: n.Sequential(n.Softplus(), n.LPPool3d(3, (1, 2, 3), stride=2, ceil_mode=True)),
           (2, 3, 6, 7, 8), rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("options", [
    {}, dict(stride=2, padding=1, output_padding=1), dict(bias=False, dilation=2),
    dict(groups=2, stride=(1, 2, 3), dilation=(2, 1, 1), padding=(1, 0, 2), output_padding=(1, 0, 2))])
@pytest.mark.parametrize("batch", [(2,), ()])
def test_conv_transpose3d(torch, options, batch):
    beside(torch, lambda n: n.ConvTranspose3d(4, 6, (2, 3, 2), **options), (*batch, 4, 3, 4, 5))


@pytest.mark.torch
@pytest.mark.parametrize("make, shape", [
    (lambda n: n.SyncBatchNorm(3), (4, 3, 2)), (lambda n: n.SyncBatchNorm(3, affine=False), (4, 3)),
    (lambda n: n.SyncBatchNorm.convert_sync_batchnorm(n.Sequential(n.BatchNorm1d(3), n.Sequential(n.BatchNorm1d(3)))),
     (4, 3, 2))])
def test_sync_batch_norm_of_one_process(torch, make, shape):
    beside(torch, make, shape)


@pytest.mark.parametrize("call, text", [
    (lambda x: F.avg_pool3d(x[0, 0], 2), "Expected 4D or 5D"),
    (lambda x: F.avg_pool3d(x, 2, divisor_override=0), "divisor must be not zero"),
    (lambda x: F.avg_pool3d(x, (2, 2)), "kernel_size must either"),
    (lambda x: F.conv_transpose3d(x, fastnn.ones(4, 2, 2, 2, 2)), "to have 4 channels"),
    (lambda x: F.conv_transpose3d(x, fastnn.ones(3, 2, 2, 2, 2), output_padding=1), "output padding must be smaller"),
    (lambda x: F.conv_transpose3d(x, fastnn.ones(3, 2, 2, 2, 2), stride=0), "above 0"),
    (lambda x: F.conv_transpose3d(x, fastnn.ones(3, 2, 2, 2, 2), padding=9), "at least one layer|too small|negative"),
    (lambda x: F.adaptive_max_pool3d(x, (2, 2)), "output_size must be")])
def test_errors_of_volumes(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(fastnn.ones(2, 3, 4, 4, 4))
