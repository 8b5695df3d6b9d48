"""Gradient methods: completeness, linear models, targets, and bad input."""
import fastnn
import pytest
from fastnn import explain
from explain_models import build, keras_model

KINDS = ["dense", "conv", "pooled", "recurrent", "attention"]


def difference(model, x, baseline, target):
    """``f(x) - f(baseline)`` for each row."""
    with fastnn.no_grad():
        rows = fastnn.arange(x.shape[0])
        return model(x)[rows, target] - model(baseline.expand(x.shape))[rows, target]


@pytest.mark.parametrize("kind", KINDS)
def test_integrated_gradients_are_complete(kind):
    model, x, target = build(fastnn, kind)
    baseline = fastnn.full_like(x[:1], 0.3)
    # Kinks of ReLU cost a rule its order: then many points.
    rule = dict(n_steps=50) if kind == "recurrent" else dict(n_steps=2000, method="riemann_middle")
    found, delta = explain.IntegratedGradients(model).attribute(x, baseline, target, return_convergence_delta=True,
                                                                **rule)
    wanted = difference(model, x, baseline, target)
    off = (found.reshape(4, -1).sum(1) - wanted).abs()
    assert (off <= 1e-3 * wanted.abs()).all(), (off, wanted)
    assert fastnn.allclose(delta.abs(), off)


@pytest.mark.parametrize("method", ["gausslegendre", "riemann_left", "riemann_right", "riemann_middle",
                                    "riemann_trapezoid"])
def test_linear_model_gives_weight_times_input(method):
    model, x, _ = build(fastnn, "linear")
    wanted = x * model.weight[1]
    found = explain.IntegratedGradients(model).attribute(x, target=1, n_steps=3, method=method)
    assert fastnn.allclose(found, wanted.detach())


def test_saliency_and_input_times_gradient_on_a_linear_model():
    model, x, target = build(fastnn, "linear")
    weight = model.weight.detach()[target]
    assert fastnn.equal(explain.Saliency(model).attribute(x, target), weight.abs())
    assert fastnn.equal(explain.Saliency(model).attribute(x, target, abs=False), weight)
    assert fastnn.equal(explain.InputXGradient(model).attribute(x, target), x * weight)


@pytest.mark.parametrize("kind", ["dense", "conv", "recurrent"])
def test_keras_models(kind):
    model, x = keras_model(kind)
    found, delta = explain.IntegratedGradients(model).attribute(x, target=2, n_steps=100, return_convergence_delta=True)
    assert found.shape == x.shape and delta.abs().max() < 1e-3
    assert explain.Saliency(model).attribute(x, target=0).abs().sum() > 0


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_steps_in_parts(size):
    model, x, target = build(fastnn, "dense")
    method = explain.IntegratedGradients(model)
    assert fastnn.allclose(method.attribute(x, target=target),
                           method.attribute(x, target=target, internal_batch_size=size))


def test_targets():
    fastnn.manual_seed(0)
    weight, x = fastnn.randn(4, 2, 3), fastnn.randn(3, 4)

    def model(x):
        return fastnn.einsum("ni,ijk->njk", x, weight)
    method = explain.Saliency(model)
    wanted = weight[:, 1, 2].abs().expand(3, 4)
    assert fastnn.allclose(method.attribute(x, (1, 2)), wanted)
    assert fastnn.allclose(method.attribute(x, [(1, 2)] * 3), wanted)
    assert fastnn.allclose(method.attribute(x, [(1, 2), (0, 0), (1, 1)])[1], weight[:, 0, 0].abs())
    flat = explain.Saliency(lambda x: model(x)[:, 1])
    assert fastnn.allclose(flat.attribute(x, 2), wanted)
    assert fastnn.allclose(flat.attribute(x, -1), wanted)
    assert fastnn.allclose(flat.attribute(x, fastnn.tensor(2)), wanted)
    assert fastnn.allclose(flat.attribute(x, fastnn.tensor([2, 2, 2])), wanted)
    assert fastnn.allclose(flat.attribute(x, [2, 2, 2]), wanted)


def test_several_inputs_and_further_arguments():
    a, b, scale = fastnn.randn(3, 2), fastnn.randn(3, 4), fastnn.tensor([1.0, 2.0, 3.0])

    def model(a, b, scale, power):
        return ((a.sum(1) + 2 * b.sum(1)) * scale) ** power
    found = explain.IntegratedGradients(model).attribute((a, b), additional_forward_args=(scale, 1))
    assert isinstance(found, tuple) and len(found) == 2
    assert fastnn.allclose(found[0], a * scale[:, None])
    assert fastnn.allclose(found[1], 2 * b * scale[:, None], atol=1e-6)


def test_inputs_stay_as_they_are():
    model, x, target = build(fastnn, "dense")
    before = x.clone()
    explain.IntegratedGradients(model).attribute(x, target=target)
    assert fastnn.equal(x, before) and not x.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    x.requires_grad_()
    with fastnn.no_grad():
        assert not explain.InputXGradient(model).attribute(x, target).requires_grad
    assert x.grad is None


@pytest.mark.parametrize("change, error, text", [
    (dict(target=7), IndexError, "outside"),
    (dict(target=[0, 1]), ValueError, "target for each"),
    (dict(target=None), ValueError, "target is missing"),
    (dict(target=(0, 0)), ValueError, "more indices"),
    (dict(target=1.5), TypeError, "integers"),
    (dict(baselines=fastnn.zeros(2, 5, dtype=fastnn.float64)), ValueError, "one row"),
    (dict(baselines="black"), TypeError, "baselines"),
    (dict(method="simpson"), ValueError, "riemann_left"),
    (dict(n_steps=0), ValueError, "n_steps"),
    (dict(inputs=fastnn.zeros(4, 5, dtype=fastnn.int64)), TypeError, "floating point"),
    (dict(inputs="x"), TypeError, "expected inputs"),
    (dict(inputs=()), ValueError, "empty"),
])
def test_bad_input(change, error, text):
    model, x, target = build(fastnn, "dense")
    with pytest.raises(error, match=text):
        explain.IntegratedGradients(model).attribute(**{"inputs": x, "target": target, **change})


def test_output_that_is_no_tensor():
    model = fastnn.nn.LSTM(3, 4)
    with pytest.raises(TypeError, match="tuple"):
        explain.Saliency(model).attribute(fastnn.randn(2, 1, 3), 0)
    with pytest.raises(RuntimeError, match="does not depend"):
        explain.Saliency(lambda x: fastnn.ones(2)).attribute(fastnn.randn(2, 3))
    with pytest.raises(TypeError, match="model or a function"):
        explain.Saliency(3)
