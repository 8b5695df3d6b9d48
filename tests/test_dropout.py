"""Dropout as users see it: rates, scale, gradients, reproducible masks, modes, errors."""
import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F

ELEMENTWISE = [F.dropout, F.alpha_dropout]
FEATURES = [(F.dropout1d, (40, 30, 5)), (F.dropout2d, (40, 30, 5, 2)), (F.dropout3d, (40, 30, 5, 2, 1)),
            (F.feature_alpha_dropout, (40, 30, 7))]


@pytest.mark.parametrize("dtype", [fastnn.float32, fastnn.float64])
def test_rate_scale_and_gradient(dtype):
    fastnn.manual_seed(0)
    x = fastnn.ones(300, 300, dtype=dtype, requires_grad=True)
    y = F.dropout(x, 0.2)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - 0.8) < 0.01 and y.dtype == dtype
    np.testing.assert_allclose(y.detach().numpy()[kept], 1.25, rtol=1e-6)
    y.backward(fastnn.full((300, 300), 2.0, dtype=dtype))
    np.testing.assert_allclose(x.grad.numpy(), np.where(kept, 2.5, 0), rtol=1e-6)


def test_alpha_keeps_mean_and_variance():
    fastnn.manual_seed(0)
    x = fastnn.randn(1000, 300)
    for p in (0.1, 0.5):
        y = F.alpha_dropout(x, p, training=True).numpy()
        assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.01


@pytest.mark.parametrize("function,shape", FEATURES)
def test_features_go_together(function, shape):
    fastnn.manual_seed(0)
    y = function(fastnn.ones(shape), 0.4, training=True).numpy().reshape(shape[0] * shape[1], -1)
    assert (y == y[:, :1]).all()
    assert 0.5 < (y[:, 0] == y.max()).mean() < 0.7


def test_without_batch_dimension():
    fastnn.manual_seed(0)
    x = fastnn.ones(60, 8, requires_grad=True)
    y = F.dropout1d(x, 0.5)
    assert y.shape == (60, 8) and ((y == 0).all(1) | (y == 2).all(1)).all()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert F.dropout3d(fastnn.ones(60, 2, 2, 2), 0.5).shape == (60, 2, 2, 2)


@pytest.mark.parametrize("function", [*ELEMENTWISE, *(function for function, _ in FEATURES)])
def test_nothing_to_drop_gives_the_input_itself(function):
    x = fastnn.ones(3, 4, 5, 2)[:, :, :, 0] if function is F.dropout1d else fastnn.ones(3, 4, 5, 2)
    assert function(x, 0.5, training=False) is x
    assert function(x, 0.0, training=True) is x
    assert (function(x, 1.0, training=True) == 0).all()
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            function(x, p, training=True)


def test_in_place():
    fastnn.manual_seed(0)
    leaf = fastnn.ones(100, requires_grad=True)
    x = leaf * 2
    assert F.dropout(x, 0.5, inplace=True) is x
    x.sum().backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), x.detach().numpy())
    base = fastnn.ones(10, 10)
    F.dropout(base[:, ::2], 0.5, inplace=True)
    assert (base[:, 1::2] == 1).all() and (base[:, ::2] != 1).all()
    with pytest.raises(RuntimeError, match="in-place"):
        F.dropout(leaf, 0.5, inplace=True)


def test_same_mask_from_the_same_seed_on_both_backends_and_any_thread_count(kernel_settings):
    def run():
        fastnn.manual_seed(7)
        return [F.dropout(fastnn.ones(70001), 0.3).numpy(), F.dropout2d(fastnn.ones(50, 9, 30, 30), 0.3).numpy()]
    expected = run()
    from fastnn.kernels import _core
    _core.set_thread_cost(0)
    for threads in (1, 2, 3):
        kernel_settings.set_num_threads(threads)
        for a, b in zip(run(), expected):
            np.testing.assert_array_equal(a, b)
    with fastnn.use_backend("reference"):
        for a, b in zip(run(), expected):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    assert not np.array_equal(F.dropout(fastnn.ones(100)).numpy(), F.dropout(fastnn.ones(100)).numpy())


def test_gradients_of_gradients():
    fastnn.manual_seed(0)
    x = fastnn.randn(6, 5, dtype=fastnn.float64, requires_grad=True)
    for function in (F.dropout, F.dropout1d):
        y = function(x, 0.5) ** 3
        (grad,) = fastnn.autograd.grad(y.sum(), x, create_graph=True)
        (second,) = fastnn.autograd.grad(grad.sum(), x)
        kept = (y != 0).double()
        np.testing.assert_allclose(second.numpy(), (kept * 48 * x).detach().numpy())


def test_modules():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.ReLU())
    assert repr(model[1]) == "Dropout(p=0.5, inplace=False)"
    x = fastnn.ones(2, 3)
    model.eval()
    assert (model(x) == model(x)).all()
    model.train()
    fastnn.manual_seed(0)
    outputs = [model(x).detach().numpy() for _ in range(20)]
    assert any(not np.array_equal(outputs[0], other) for other in outputs)
    for kind in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout):
        with pytest.raises(ValueError, match="between 0 and 1"):
            kind(2)


def test_bad_input():
    with pytest.raises(TypeError, match="must be Tensor"):
        F.dropout(np.ones(3))
    with pytest.raises(RuntimeError, match="got int64"):
        F.dropout(fastnn.ones(3, dtype=fastnn.int64))
    with pytest.raises(RuntimeError, match="Expected 2D or 3D"):
        F.dropout1d(fastnn.ones(3))
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        F.feature_alpha_dropout(fastnn.ones(3), 0.5, training=True)
    with pytest.warns(UserWarning, match="dropout2d: Received a 3D input"):
        F.dropout2d(fastnn.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="dropout3d: Received a 3-D input"):
        F.dropout3d(fastnn.ones(2, 3, 4))
