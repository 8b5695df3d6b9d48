"""Perturbation, noise, layers, neurons, attention and measures: exact cases, both doors, bad input."""

import fastnn
import numpy as np
import pytest
from explain_models import build, keras_model
from fastnn import explain, nn

KINDS = ["dense", "conv", "pooled", "recurrent", "attention"]


def test_a_linear_model_gives_weight_times_difference():
    model, x, target = build(fastnn, "linear")
    weight, base = model.weight.detach()[target], fastnn.full((1, 5), 0.4, dtype=x.dtype)
    wanted = weight * (x - base)
    given = dict(baselines=base, target=target)
    for found in (explain.FeatureAblation(model).attribute(x, **given),
                  explain.ShapleyValueSampling(model).attribute(x, n_samples=2, **given),
                  explain.ShapleyValues(model).attribute(x, **given),
                  explain.GradientShap(model).attribute(x, n_samples=3, **given),
                  explain.IntegratedGradients(model).attribute(x, **given),
                  explain.Occlusion(model).attribute(x, (1,), **given)):
        assert fastnn.allclose(found, wanted)
    inner = nn.Sequential(nn.Identity(), model)
    for method in (explain.LayerIntegratedGradients, explain.LayerDeepLift):
        assert fastnn.allclose(method(inner, inner[0]).attribute(x, **given), wanted), method
    found = explain.LayerConductance(inner, inner[0]).attribute(x, method="riemann_trapezoid", **given)
    assert fastnn.allclose(found, wanted)
    assert fastnn.allclose(explain.LayerGradientXActivation(inner, inner[0]).attribute(x, target), weight * x)
    assert fastnn.allclose(explain.InternalInfluence(inner, inner[0]).attribute(x, target=target), weight)


def test_shapley_values_of_a_game():
    """Of a product of three, each has a third of what all have together; a null player has nothing."""
    x = fastnn.tensor([[2.0, 3.0, 4.0, 9.0]])
    found = explain.ShapleyValues(lambda x: x[:, :3].prod(1)).attribute(x)
    assert fastnn.allclose(found, fastnn.tensor([[8.0, 8.0, 8.0, 0.0]]))
    sampled = explain.ShapleyValueSampling(lambda x: x[:, :3].prod(1)).attribute(x, n_samples=300)
    assert fastnn.allclose(sampled.sum(), fastnn.tensor(24.0)) and (sampled - found).abs().max() < 2


def test_groups_across_inputs():
    """Features of equal numbers are one for Shapley values; ablation takes inputs one by one."""
    a, b = fastnn.ones(2, 2), fastnn.ones(2, 3)
    masks = fastnn.tensor([[0, 0]]), fastnn.tensor([[0, 1, 1]])

    def model(a, b):
        return a.sum(1) * b[:, 0] + b.sum(1)
    found = explain.ShapleyValues(model).attribute((a, b), feature_mask=masks)
    assert fastnn.allclose(found[0], fastnn.full((2, 2), 3.0))
    assert fastnn.allclose(found[1], fastnn.tensor([[3.0, 2.0, 2.0]] * 2))
    found = explain.FeatureAblation(model).attribute((a, b), feature_mask=masks, perturbations_per_eval=2)
    assert fastnn.allclose(found[0], fastnn.full((2, 2), 2.0)) and fastnn.allclose(found[1][:, 0], fastnn.tensor(3.0))


def test_one_output_for_the_batch():
    found = explain.FeatureAblation(lambda x: (x ** 2).sum()).attribute(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert fastnn.allclose(found, fastnn.tensor([[10.0, 20.0]]))


def test_permutation_finds_the_columns_that_matter(capsys):
    x = fastnn.randn(200, 4)
    y = 3 * x[:, 1] + x[:, 2]
    mean, deviation = explain.permutation_importance(lambda x, y: -((3 * x[:, 1] + x[:, 2] - y) ** 2).mean(), x, y, 4)
    assert mean.argsort(descending=True)[:2].tolist() == [1, 2] and mean[0] == mean[3] == 0
    assert (deviation[[1, 2]] > 0).all()
    explain.FeaturePermutation(lambda x: x[:, 0]).attribute(x, show_progress=True)
    assert "FeaturePermutation: 4/4" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_shap_and_deeplift_shap_are_complete(kind):
    model, x, target = build(fastnn, kind)
    base = fastnn.randn(5, *x.shape[1:], dtype=x.dtype)
    found, delta = explain.DeepLiftShap(model).attribute(x, base, target, return_convergence_delta=True)
    with fastnn.no_grad():
        wanted = model(x)[fastnn.arange(4), target] - model(base).mean(0)[target]
    assert fastnn.allclose(found.flatten(1).sum(1), wanted) and delta.shape == (20,)
    found, delta = explain.GradientShap(model).attribute(x, base, n_samples=40, target=target, stdevs=0.01,
                                                         return_convergence_delta=True)
    assert delta.shape == (160,) and (found.flatten(1).sum(1) - wanted).abs().max() < 0.5


@pytest.mark.parametrize("kind", ["dense", "conv", "pooled", "attention"])
def test_layers_share_the_same_output(kind):
    """DeepLIFT, conductance and relevance of each layer add up to the same."""
    model, x, target = build(fastnn, kind)
    layers = [model.encoder.layers[0], model.encoder.layers[1]] if kind == "attention" else [model[0], model[2]]
    with fastnn.no_grad():
        wanted = (model(x) - model(x * 0))[fastnn.arange(4), target]
    for layer in layers:
        found, delta = explain.LayerDeepLift(model, layer).attribute(x, target=target, return_convergence_delta=True)
        assert fastnn.allclose(found.flatten(1).sum(1), wanted) and delta.abs().max() < 1e-12
        if kind == "attention":
            continue  # the path begins at 0, where layer norm jumps
        found = explain.LayerConductance(model, layer).attribute(x, target=target, n_steps=600,
                                                                 method="riemann_trapezoid")
        assert fastnn.allclose(found.flatten(1).sum(1), wanted, atol=5e-3)
    for name, parameter in model.named_parameters():
        if "bias" in name:
            parameter.data.zero_()
    output = model(x)[fastnn.arange(4), target]
    for found in explain.LayerLRP(model, layers).attribute(x, target):
        assert fastnn.allclose(found.flatten(1).sum(1), output, atol=1e-6)


def test_embedding_layers_explain_words():
    model = nn.Sequential(nn.Embedding(20, 4), nn.Flatten(), nn.Linear(12, 2))
    words = fastnn.tensor([[1, 5, 7], [2, 2, 9]])
    found, delta = explain.LayerIntegratedGradients(model, model[0]).attribute(
        words, baselines=0, target=1, return_convergence_delta=True)
    assert found.shape == (2, 3, 4) and delta.abs().max() < 1e-5
    with pytest.raises(TypeError, match="embedding"):
        explain.Saliency(model).attribute(words, 0)


def test_layer_input_and_lists():
    model, x, _ = build(fastnn, "dense")
    a, b = explain.LayerActivation(model, [model[0], model[1]]).attribute(x)
    assert fastnn.equal(a, model[0](x).detach()) and fastnn.equal(b, a.relu())
    assert fastnn.equal(explain.LayerActivation(model, model[1]).attribute(x, attribute_to_layer_input=True), a)
    gave = explain.LayerGradientXActivation(model, model[0]).attribute(x, 1)
    took = explain.LayerGradientXActivation(model, model[1]).attribute(x, 1, attribute_to_layer_input=True)
    assert fastnn.equal(gave, took)
    whole = explain.NeuronGradient(model, model[0]).attribute(x, lambda y: y.sum(1))
    parts = [explain.NeuronGradient(model, model[0]).attribute(x, i) for i in range(8)]
    assert fastnn.allclose(whole, sum(parts))
    with pytest.raises(ValueError, match="neuron_selector"):
        explain.NeuronGradient(model, model[0]).attribute(x, (1, 2))
    with pytest.raises(RuntimeError, match="did not run"):
        explain.LayerActivation(model, nn.ReLU()).attribute(x)
    with pytest.raises(TypeError, match="expected a layer"):
        explain.LayerActivation(model, "0")


def test_grad_cam_finds_the_place():
    """The class is the brightness of one corner: the map is largest there."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 2, bias=False))
    model[3].weight.data.zero_()
    model[3].weight.data[1].view(2, 8, 8)[:, :3, :3] = 1.0
    for parameter in model[0].parameters():
        parameter.data.abs_()
    x = fastnn.zeros(1, 1, 8, 8)
    x[0, 0, :3, :3] = 1.0
    cam = explain.LayerGradCam(model, model[1]).attribute(x, 1, relu_attributions=True)
    assert cam.shape == (1, 1, 8, 8) and cam[0, 0, :3, :3].mean() > 3 * cam[0, 0, 5:, 5:].mean() > -1
    assert explain.LayerAttribution.interpolate(cam, (16, 16)).shape == (1, 1, 16, 16)
    assert explain.GuidedGradCam(model, model[0]).attribute(x, 1).shape == x.shape


@pytest.mark.parametrize("first", [True, False])
def test_attention_weights_and_rollout(first):
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=first), 3,
                                  enable_nested_tensor=False).eval().double()
    x = fastnn.randn(3, 3, 8).double()
    maps = explain.attention_weights(model, x)
    assert [tuple(each.shape) for each in maps] == [(3, 2, 3, 3)] * 3
    layer = model.layers[0].self_attn
    assert fastnn.allclose(maps[0], layer(x, x, x, average_attn_weights=False)[1].detach())
    rollout = explain.AttentionRollout(model).attribute(x)
    wanted = fastnn.eye(3).double().expand(3, 3, 3)
    for each in maps:
        wanted = (each.mean(1) / 2 + fastnn.eye(3).double() / 2) @ wanted
    assert fastnn.allclose(rollout, wanted)
    for fusion in ("max", "min"):
        found = explain.AttentionRollout(model).attribute(x, head_fusion=fusion, residual=0.2, discard=0.5)
        assert fastnn.allclose(found.sum(-1), fastnn.ones(3, 3).double())
    assert len(explain.attention_weights(model, x, layers=[layer])) == 1


def test_attention_times_gradient():
    """The gradient of the weights by finite differences of what they multiply."""
    model, x, target = build(fastnn, "attention")
    before = model(x)
    products = explain.AttentionXGradient(model).attribute(x, target, combine=False)
    combined = explain.AttentionXGradient(model).attribute(x, target)
    assert [tuple(each.shape) for each in products] == [(4, 2, 5, 5)] * 2 and combined.shape == (4, 5, 5)
    first, second = (each.clamp(min=0).mean(1) for each in products)
    eye = fastnn.eye(5).double()
    assert fastnn.allclose(combined, (eye + second) @ (eye + first))
    assert fastnn.equal(model(x), before)

    class Mean(nn.Module):  # attention whose output is the values' mean by its weights: dA is the values
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 1, bias=False, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0].sum((1, 2))
    model, x = Mean().double(), fastnn.randn(2, 3, 4).double()
    layer = model.attention
    values = (x @ layer.in_proj_weight[8:].t() @ layer.out_proj.weight.t()).sum(-1).detach()
    found = explain.AttentionXGradient(model).attribute(x, combine=False)[0]
    assert fastnn.allclose(found, explain.attention_weights(model, x)[0] * values[:, None, None, :])


def test_keras_layers_and_attention():
    from fastnn.keras import Input, Model, layers
    model, x = keras_model("conv")
    convolution, pool = model.layers[0], model.layers[1]
    assert explain.LayerActivation(model, convolution).attribute(x).shape == (4, 6, 6, 4)
    assert explain.LayerGradCam(model, convolution).attribute(x, 1).shape == (4, 6, 6, 1)
    assert explain.GuidedGradCam(model, pool).attribute(x, 1).shape == x.shape
    found = explain.LayerDeepLift(model, pool).attribute(x, 0, 1)
    wanted = (model(x) - model(x * 0))[:, 1]
    assert fastnn.allclose(found.flatten(1).sum(1), wanted.detach(), atol=1e-6)
    assert explain.NeuronGradient(model, model.layers[-1]).attribute(x, 2).abs().sum() > 0
    inputs = Input((5, 8))
    attention = layers.MultiHeadAttention(2, 4)
    model = Model(inputs, layers.Dense(3)(layers.Flatten()(attention(inputs, inputs))))
    x = fastnn.randn(2, 5, 8)
    before = model(x)
    assert explain.attention_weights(model, x)[0].shape == (2, 2, 5, 5)
    assert explain.AttentionXGradient(model).attribute(x, 1, combine=False)[0].abs().sum() > 0
    assert fastnn.allclose(explain.AttentionRollout(model).attribute(x).sum(-1), fastnn.ones(2, 5))
    assert fastnn.equal(model(x), before)


def trained():
    """A small network that tells which half of an image is brighter, and its images."""
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 2))
    x = fastnn.rand(256, 1, 8, 8)
    y = (x[..., :4].sum((1, 2, 3)) > x[..., 4:].sum((1, 2, 3))).long()
    optimizer = fastnn.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval(), x[:32], y[:32]


def test_deletion_and_insertion_beat_random_order():
    model, x, y = trained()
    noise = fastnn.rand(*x.shape)
    base = fastnn.full_like(x, 0.5)
    for method in (explain.IntegratedGradients(model), explain.DeepLift(model)):
        found = method.attribute(x, base, y)
        for curve, sign in ((explain.deletion_curve, -1), (explain.insertion_curve, 1)):
            good, random = (curve(model, x, a, y, baselines=base, steps=8).area for a in (found, noise))
            assert (sign * (good - random) > 0).float().mean() > 0.9
    curve = explain.deletion_curve(model, x, noise, y, baselines=base, steps=3, feature_mask=fastnn.zeros(
        1, 1, 8, 8, dtype=fastnn.long))
    assert curve.values.shape == (32, 4) and curve.fractions.tolist()[-1] == 1


def test_infidelity_with_baselines_in_parts():
    model, x, target = build(fastnn, "linear")
    found = explain.IntegratedGradients(model).attribute(x, target=target)
    seen = []

    def perturb(x, baselines):
        seen.append(x.shape[0])
        mask = (fastnn.rand(*x.shape, dtype=x.dtype) > 0.5).to(x.dtype)
        changed = x * mask + baselines * (1 - mask)
        return (x - changed) * 1.0, changed
    weight = model.weight.detach()[target]
    off = explain.infidelity(model, perturb, x, weight, baselines=0.0, target=target, n_perturb_samples=7,
                             max_examples_per_batch=9)
    assert off.shape == (4,) and off.abs().max() < 1e-20 and sum(seen) == 28 and max(seen) <= 9
    assert (explain.infidelity(model, perturb, x, found * 0, baselines=0.0, target=target) > 0).all()
    assert (explain.sensitivity_max(explain.Saliency(model).attribute, x, target=target) == 0).all()
    assert (explain.sensitivity_max(explain.InputXGradient(model).attribute, x, target=target) > 0).all()


def test_nothing_is_left_behind():
    """Hooks, modes, attributes and gradients are as before, also after an error."""
    model, x, target = build(fastnn, "encoder")
    activation = model.encoder.layers[0].activation
    for method in (explain.DeepLift(model), explain.LRP(model), explain.GuidedBackprop(model)):
        with pytest.raises(IndexError):
            method.attribute(x, target=17)
        method.attribute(x, target=target)
    assert model.encoder.layers[0].activation is activation
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("call, error, text", [
    (lambda m, x: explain.FeatureAblation(m).attribute(x), ValueError, "target is missing"),
    (lambda m, x: explain.FeatureAblation(m).attribute(x, target=0, feature_mask=fastnn.zeros(1, 3).long()),
     ValueError, "broadcasts"),
    (lambda m, x: explain.FeatureAblation(m).attribute(x, target=0, feature_mask=fastnn.zeros(1, 5)), TypeError,
     "integers"),
    (lambda m, x: explain.Occlusion(m).attribute(x, (6,), target=0), ValueError, "windows up to"),
    (lambda m, x: explain.Occlusion(m).attribute(x, (2,), strides=3, target=0), ValueError, "strides"),
    (lambda m, x: explain.FeaturePermutation(m).attribute(x[:1], target=0), ValueError, "two rows"),
    (lambda m, x: explain.ShapleyValues(lambda x: x.sum(1)).attribute(fastnn.zeros(1, 11)), ValueError, "11!"),
    (lambda m, x: explain.ShapleyValueSampling(m).attribute(x, target=0, n_samples=0), ValueError, "n_samples"),
    (lambda m, x: explain.NoiseTunnel(m), TypeError, "method"),
    (lambda m, x: explain.NoiseTunnel(explain.Saliency(m)).attribute(x, "smooth", target=0), ValueError, "nt_type"),
    (lambda m, x: explain.NoiseTunnel(explain.Saliency(m)).attribute(x, nt_samples=0), ValueError, "nt_samples"),
    (lambda m, x: explain.AttentionRollout(m).attribute(x), ValueError, "no attention"),
    (lambda m, x: explain.deletion_curve(m, x, x[:2], 0), ValueError, "attributions of the inputs"),
    (lambda m, x: explain.deletion_curve(m, x, x, 0, steps=0), ValueError, "steps"),
    (lambda m, x: explain.infidelity(m, lambda x: (x, x[:1]), x, x, target=0), ValueError, "two tensors"),
    (lambda m, x: explain.Saliency(m).attribute_future(x), NotImplementedError, "at once"),
])
def test_bad_input(call, error, text):
    model, x, _ = build(fastnn, "dense")
    with pytest.raises(error, match=text):
        call(model, x)


def test_pictures(tmp_path):
    plt = pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install fastnn-cpu[explain])")
    plt.use("Agg")
    import matplotlib.pyplot as plt
    maps = fastnn.randn(3, 6, 5)
    drawn = [explain.heat_map(maps, fastnn.rand(3, 6, 5)), explain.heat_map(maps.sum(0)),
             explain.heat_map(fastnn.zeros(6, 5, 1), np.ones((6, 5)), channels_last=True),
             explain.bars(fastnn.randn(8, 5), names=list("abcde"), most=3), explain.bars(fastnn.randn(4)),
             explain.text("a film of rare and quiet beauty".split(), fastnn.randn(7, 4), width=12),
             explain.layer_relevance({"input": fastnn.randn(2, 5), "dense": fastnn.randn(2, 3)})]
    for number, ax in enumerate(drawn):
        ax.figure.savefig(tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").stat().st_size > 1000
    assert [label.get_text() for label in drawn[3].get_yticklabels()].__len__() == 3
    plt.close("all")
    for call, text in ((lambda: explain.heat_map(fastnn.zeros(2)), "dimensions"),
                       (lambda: explain.heat_map(fastnn.zeros(2, 2), fastnn.zeros(3, 3)), "size"),
                       (lambda: explain.heat_map(fastnn.full((2, 2), float("nan"))), "finite"),
                       (lambda: explain.bars(fastnn.zeros(3), names=["a"]), "names"),
                       (lambda: explain.text(["a"], fastnn.zeros(3)), "tokens"),
                       (lambda: explain.layer_relevance([fastnn.zeros(2)], names=[]), "names")):
        with pytest.raises(ValueError, match=text):
            call()
    plt.close("all")


def test_methods_say_what_they_are():
    model, _, _ = build(fastnn, "dense")
    glob = {name for name in explain.__all__ if isinstance(getattr(explain, name), type)
            and issubclass(getattr(explain, name), explain.Attribution)
            and name not in ("Attribution", "LayerAttribution", "NeuronAttribution", "NoiseTunnel")}
    made = {name: getattr(explain, name)(model, *[model[0]] * (name.startswith(("Layer", "Neuron"))
                                                              or name in ("InternalInfluence", "GuidedGradCam")))
            for name in glob}
    local = {name for name, method in made.items() if not method.multiplies_by_inputs}
    assert local == {"Saliency", "GuidedBackprop", "Deconvolution", "GuidedGradCam", "InternalInfluence",
                     "LayerActivation", "LayerGradCam", "NeuronGradient", "NeuronGuidedBackprop",
                     "NeuronDeconvolution", "AttentionRollout", "AttentionXGradient"}
    assert explain.NoiseTunnel(made["IntegratedGradients"]).has_convergence_delta()
    assert repr(made["Saliency"]) == "Saliency(Sequential)"
