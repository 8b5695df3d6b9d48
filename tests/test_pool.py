"""Pooling, interpolation and windows as users see them: edges, layouts, both backends, threads."""
import numpy as np
import pytest

import fastnn
from fastnn import kernels, nn
from fastnn.config import use_backend
from fastnn.nn import functional as F


@pytest.fixture(params=["c", "reference"])
def backend(request):
    with use_backend(request.param):
        yield request.param


def test_two_by_two(backend):
    x = fastnn.arange(20.0).reshape(1, 4, 5).requires_grad_()
    y = F.max_pool2d(x, 2)
    assert y.tolist() == [[[6, 8], [16, 18]]]
    y.sum().backward()
    assert x.grad.sum() == 4 and x.grad[0, 1, 1] == 1 and (x.grad[..., 4] == 0).all()
    assert F.avg_pool2d(x.detach(), 2).tolist() == [[[3, 5], [13, 15]]]


def test_ties_and_nan(backend):
    x = fastnn.tensor([[1.0, 1.0, float("nan"), 2.0]], requires_grad=True)
    y, index = F.max_pool1d(x, 2, return_indices=True)
    assert index.tolist() == [[0, 2]] and np.isnan(y[0, 1].item())
    y.sum().backward()
    assert x.grad.tolist() == [[1, 0, 1, 0]]


def test_kernel_as_large_as_the_image(backend):
    x = fastnn.randn(2, 3, 7, 9)
    assert np.allclose(F.avg_pool2d(x, (7, 9)).numpy()[..., 0, 0], x.numpy().mean((2, 3)), atol=1e-6)
    assert (F.max_pool2d(x, (7, 9)).numpy()[..., 0, 0] == x.numpy().max((2, 3))).all()
    assert (F.max_pool2d(x, (7, 9)) == F.adaptive_max_pool2d(x, 1)).all()


def test_no_images_and_one_pixel(backend):
    empty = fastnn.zeros(0, 3, 4, 4).requires_grad_()
    for layer in (nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(2)):
        y = layer(empty)
        assert y.shape[:2] == (0, 3)
        y.sum().backward()
        assert layer(fastnn.ones(1, 1, 2, 2)).shape[:2] == (1, 1)
    assert F.max_pool2d(fastnn.ones(1, 1, 1), 1).tolist() == [[[1]]]


def test_channels_last_stays_channels_last():
    x = fastnn.randn(2, 6, 8, 32).permute(0, 3, 1, 2)
    for function in (F.max_pool2d, F.avg_pool2d):
        y = function(x, 3, 2, 1)
        assert y.permute(0, 2, 3, 1).is_contiguous()
        assert np.allclose(y.numpy(), function(x.contiguous(), 3, 2, 1).numpy(), atol=1e-6)


def test_unpool_puts_elements_back():
    x = fastnn.randn(2, 3, 6, 6).requires_grad_()
    y, index = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(y, index)
    assert back.shape == x.shape and back.sum().item() == pytest.approx(y.sum().item(), abs=1e-4)
    back.sum().backward()
    assert x.grad.sum() == 2 * 3 * 9
    with pytest.raises(RuntimeError, match="max_unpool2d"):
        F.max_unpool2d(y.detach(), index + 100, 2)


def test_integers():
    x = fastnn.arange(16).reshape(1, 4, 4)
    assert F.max_pool2d(x, 2).tolist() == [[[5, 7], [13, 15]]]
    assert F.avg_pool2d(x, 2).tolist() == [[[2, 4], [10, 12]]]


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: F.max_pool2d(x, 5), "output size is too small"),
    (lambda x: F.max_pool2d(x, 2, padding=2), "at most half"),
    (lambda x: F.max_pool1d(x, 2), "max_pool1d: Expected 2D or 3D"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "divisor"),
    (lambda x: F.adaptive_avg_pool2d(x, -1), "greater than or equal to 0"),
    (lambda x: F.unfold(x, 9), "too small"),
    (lambda x: F.fold(x[0], 4, 3), "fold"),
    (lambda x: F.pixel_shuffle(x, 2), "pixel_shuffle"),
    (lambda x: F.interpolate(x), "either size or scale_factor"),
    (lambda x: F.interpolate(x, 0), "greater than 0"),
])
def test_errors(call, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        call(fastnn.ones(2, 3, 4, 4))


@pytest.mark.parametrize("mode", ["linear", "trilinear", "lanczos"])
def test_modes_that_do_not_fit(mode):
    with pytest.raises(NotImplementedError, match=mode):
        F.interpolate(fastnn.ones(1, 1, 4, 4), 2, mode=mode)


def test_interpolation_of_constants_and_lines(backend):
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area"):
        assert np.allclose(F.interpolate(fastnn.full((1, 2, 5, 7), 3.0), (8, 3), mode=mode).numpy(), 3, atol=1e-5)
    line = fastnn.arange(4.0).reshape(1, 1, 4)
    assert F.interpolate(line, 7, mode="linear", align_corners=True).tolist() == [[[0, 0.5, 1, 1.5, 2, 2.5, 3]]]
    assert F.interpolate(line, scale_factor=2).tolist() == [[[0, 0, 1, 1, 2, 2, 3, 3]]]


def test_windows_without_overlap_fold_back():
    x = fastnn.randn(2, 3, 6, 4)
    assert (nn.Fold((6, 4), 2, stride=2)(nn.Unfold(2, stride=2)(x)) == x).all()
    assert (nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(fastnn.randn(2, 8, 3, 3))).shape) == (2, 8, 3, 3)


def test_same_bits_for_any_thread_count(kernel_settings):
    kernels._core.set_thread_cost(0)
    for shape in ((3, 5, 17, 19), (2, 19, 17, 300)):
        results = []
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            fastnn.manual_seed(0)
            x = fastnn.randn(*shape).requires_grad_()
            y = (x if shape[0] == 3 else x.permute(0, 3, 1, 2))
            out = F.max_pool2d(y, 3, 2, 1).sum() + (F.avg_pool2d(y, 3, 2, 1) ** 2).sum() + (
                F.interpolate(y, (9, 40), mode="bilinear") ** 2).sum() + (F.adaptive_avg_pool2d(y, (4, 5)) ** 2).sum()
            out.backward()
            results.append((out.item(), x.grad.numpy()))
        assert all(value == results[0][0] and (grad == results[0][1]).all() for value, grad in results)


@pytest.mark.torch
@pytest.mark.parametrize("make", [
    "MaxPool1d(2, padding=1)", "MaxPool2d((3, 2), stride=(2, 1), ceil_mode=True)", "AvgPool1d(3)",
    "AvgPool2d(3, count_include_pad=False)", "AdaptiveAvgPool2d((None, 3))", "AdaptiveMaxPool1d(4)", "MaxUnpool2d(3)",
    "MaxUnpool1d(2, 3)", "LPPool2d(2, 3)", "Upsample(scale_factor=2)", "Upsample(size=(3, 4), mode='bilinear')",
    "UpsamplingNearest2d(scale_factor=3)", "UpsamplingBilinear2d(size=5)", "PixelShuffle(2)", "PixelUnshuffle(3)",
    "Fold((4, 4), 2)", "Unfold((2, 3), padding=1)"])
def test_repr(make):
    torch = pytest.importorskip("torch")
    assert repr(eval(f"nn.{make}")) == repr(eval(f"torch.nn.{make}", {"torch": torch}))


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 5), (20, 11), (7, 9)])
def test_antialias(mode, size):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 13, 9))
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), size, mode=mode, antialias=True)
    assert np.allclose(F.interpolate(fastnn.from_numpy(x), size, mode=mode, antialias=True).numpy(), expected.numpy(),
                       atol=1e-6)
