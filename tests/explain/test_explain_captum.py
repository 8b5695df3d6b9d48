"""Captum on PyTorch as second oracle: the same network, inputs and arguments, for every method that both have."""
import fastnn
import numpy as np
import pytest
from explain_models import build
from fastnn import explain

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
captum_attr = pytest.importorskip("captum.attr", reason="Captum is not installed (pip install fastnn-cpu[torch])")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:::captum.*")]

TARGET = [0, 1, 2, 1]
NETWORKS = ["dense", "conv", "recurrent", "attention"]


@pytest.fixture(scope="module")
def pair():
    """A function that gives (fastnn's model, PyTorch's with the same weights, inputs and targets of both)."""
    made = {}

    def get(kind):
        if kind not in made:
            ours, x, target = build(fastnn, kind)
            theirs, _, _ = build(torch, kind)
            theirs.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
            made[kind] = ours, theirs, x, torch.from_numpy(x.numpy()), target, torch.from_numpy(target.numpy())
        return made[kind]
    return get


def close(ours, theirs):
    theirs = theirs.detach().numpy()
    assert tuple(ours.shape) == theirs.shape
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name, arguments", [
    ("Saliency", {}), ("Saliency", dict(abs=False)), ("InputXGradient", {}), ("IntegratedGradients", {}),
    ("IntegratedGradients", dict(n_steps=12, method="riemann_left", baselines=0.2, internal_batch_size=9)),
])
def test_attributions(pair, kind, name, arguments):
    ours, theirs, x, tx, target, ttarget = pair(kind)
    close(getattr(explain, name)(ours).attribute(x, target=target, **arguments),
          getattr(captum_attr, name)(theirs).attribute(tx, target=ttarget, **arguments))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", ["DeepLift", "GuidedBackprop", "Deconvolution", "LRP"])
def test_changed_gradients(pair, kind, name):
    """Only networks whose layers Captum's method covers (see `DeepLift`'s notes)."""
    if kind in ("recurrent", "attention") and name != "GuidedBackprop":
        pytest.skip("Captum has no rule for the layers within")
    ours, theirs, x, tx, target, ttarget = pair(kind)
    if name == "LRP" and kind == "conv":
        theirs = torch.nn.Sequential(*list(theirs)[:5], Flat(), theirs[6])
    baselines = dict(baselines=0.1) if name == "DeepLift" else {}
    close(getattr(explain, name)(ours).attribute(x, target=target, **baselines),
          getattr(captum_attr, name)(theirs).attribute(tx, target=ttarget, **baselines))


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_deeplift_shap(pair, kind):
    ours, theirs, x, tx, target, ttarget = pair(kind)
    baselines = np.random.default_rng(0).normal(size=(5, *x.shape[1:]))
    found, delta = explain.DeepLiftShap(ours).attribute(x, fastnn.tensor(baselines), target,
                                                        return_convergence_delta=True)
    wanted, other = captum_attr.DeepLiftShap(theirs).attribute(tx, torch.tensor(baselines), ttarget,
                                                               return_convergence_delta=True)
    close(found, wanted)
    assert delta.shape == tuple(other.shape)


MASK = {"dense": [[0, 0, 1, 1, 2]], "conv": [[[[0, 0, 0, 0, 1, 1, 1, 1]]]], "recurrent": [[[0, 1, 1, 2]]],
        "attention": [[[0, 1, 1, 2, 2, 2, 2, 3]]]}
WINDOW = {"dense": ((2,), 1), "conv": ((1, 3, 3), (1, 2, 2)), "recurrent": ((2, 4), (2, 4)), "attention": ((2, 3), 2)}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name, arguments", [
    ("FeatureAblation", dict(baselines=0.3)), ("FeatureAblation", dict(perturbations_per_eval=3, feature_mask=True)),
    ("FeaturePermutation", dict(feature_mask=True)), ("ShapleyValueSampling", dict(n_samples=3, feature_mask=True)),
    ("ShapleyValueSampling", dict(n_samples=2, feature_mask=True, perturbations_per_eval=4)),
    ("ShapleyValues", dict(feature_mask=True, baselines=-0.2)), ("Occlusion", {}),
    ("Occlusion", dict(perturbations_per_eval=5, baselines=1.0)),
])
def test_perturbation(pair, kind, name, arguments):
    """The same seed draws the same permutations."""
    ours, theirs, x, tx, target, ttarget = pair(kind)
    arguments, mine = dict(arguments), dict(arguments)
    if "feature_mask" in arguments:
        mine["feature_mask"] = fastnn.tensor(MASK[kind]).expand(1, *x.shape[1:])
        arguments["feature_mask"] = torch.tensor(MASK[kind]).expand(1, *x.shape[1:]).contiguous()
    if name == "Occlusion":
        for each in (arguments, mine):
            each["sliding_window_shapes"], each["strides"] = WINDOW[kind]
    fastnn.manual_seed(4)
    torch.manual_seed(4)
    close(getattr(explain, name)(ours).attribute(x, target=target, **mine),
          getattr(captum_attr, name)(theirs).attribute(tx, target=ttarget, **arguments))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("nt_type", ["smoothgrad", "smoothgrad_sq", "vargrad"])
def test_noise_tunnel(kind, nt_type):
    ours, x, target = build(fastnn, kind, "float32")
    theirs, _, _ = build(torch, kind, "float32")
    theirs.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
    arguments = dict(nt_type=nt_type, nt_samples=4, nt_samples_batch_size=3, stdevs=0.1)
    fastnn.manual_seed(4)
    torch.manual_seed(4)
    close(explain.NoiseTunnel(explain.InputXGradient(ours)).attribute(x, target=target, **arguments),
          captum_attr.NoiseTunnel(captum_attr.InputXGradient(theirs)).attribute(
              torch.from_numpy(x.numpy()), target=torch.from_numpy(target.numpy()), **arguments))


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradient_shap(monkeypatch, kind):
    """With Captum's draws of baselines and points, which are NumPy's, replaced by the same generator's as ours."""
    ours, x, target = build(fastnn, kind, "float32")
    theirs, _, _ = build(torch, kind, "float32")
    theirs.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
    monkeypatch.setattr(np.random, "choice", lambda count, size: torch.randint(count, (size,)).numpy())
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: torch.rand(size).numpy())
    baselines = fastnn.randn(3, *x.shape[1:])
    fastnn.manual_seed(4)
    torch.manual_seed(4)
    close(explain.GradientShap(ours).attribute(x, baselines, target=target, n_samples=6, stdevs=0.2),
          captum_attr.GradientShap(theirs).attribute(
              torch.from_numpy(x.numpy()), torch.from_numpy(baselines.numpy()), target=torch.from_numpy(target.numpy()),
              n_samples=6, stdevs=0.2))


@pytest.mark.parametrize("name, own, other", [
    ("LayerGradientShap", dict(target=TARGET), dict(target=TARGET)),
    ("NeuronGradientShap", dict(neuron_selector=2), dict(neuron_selector=2))])
def test_layer_and_neuron_gradient_shap(monkeypatch, name, own, other):
    """The draws as in `test_gradient_shap`."""
    ours, x, _ = build(fastnn, "dense", "float32")
    theirs, _, _ = build(torch, "dense", "float32")
    theirs.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
    monkeypatch.setattr(np.random, "choice", lambda count, size: torch.randint(count, (size,)).numpy())
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: torch.rand(size).numpy())
    baselines = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    fastnn.manual_seed(4)
    torch.manual_seed(4)
    close(getattr(explain, name)(ours, ours[1]).attribute(x, baselines=fastnn.tensor(baselines), n_samples=4,
                                                          stdevs=0.1, **own),
          getattr(captum_attr, name)(theirs, theirs[1]).attribute(
              torch.from_numpy(x.numpy()), baselines=torch.tensor(baselines), n_samples=4, stdevs=0.1, **other))


LAYER = {"dense": "1", "conv": "3", "recurrent": "rnn", "attention": "encoder.layers.0"}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name, arguments", [
    ("LayerActivation", None), ("LayerGradientXActivation", {}), ("LayerIntegratedGradients", dict(n_steps=20)),
    ("LayerConductance", dict(n_steps=20)), ("LayerConductance", dict(n_steps=9, internal_batch_size=12)),
    ("InternalInfluence", dict(n_steps=10, baselines=0.5)), ("LayerDeepLift", dict(baselines=0.1)),
    ("LayerGradCam", {}), ("LayerGradCam", dict(relu_attributions=True, attr_dim_summation=False)),
    ("LayerFeatureAblation", {}), ("LayerLRP", {}),
])
def test_layers(pair, kind, name, arguments):
    ours, theirs, x, tx, target, ttarget = pair(kind)
    if name == "LayerDeepLift" and kind in ("recurrent", "attention") or name == "LayerLRP" and kind != "dense":
        pytest.skip("Captum has no rule for the layers within")
    if kind == "recurrent" and name != "LayerActivation":
        pytest.skip("Captum takes no layer whose outputs are nested tuples")
    layer = "0" if name == "LayerLRP" else LAYER[kind]
    mine, other = ours.get_submodule(layer), theirs.get_submodule(layer)
    given = (dict(target=target), dict(target=ttarget)) if arguments is not None else ({}, {})
    found = getattr(explain, name)(ours, mine).attribute(x, **given[0], **arguments or {})
    if kind == "recurrent":
        return close(found[0], theirs.rnn(tx)[0])
    close(found, getattr(captum_attr, name)(theirs, other).attribute(tx, **given[1], **arguments or {}))


@pytest.mark.parametrize("kind", ["dense", "conv", "attention"])
@pytest.mark.parametrize("name, arguments", [
    ("NeuronGradient", {}), ("NeuronIntegratedGradients", dict(n_steps=20)), ("NeuronGuidedBackprop", {}),
    ("NeuronDeconvolution", {}), ("NeuronFeatureAblation", {}), ("NeuronDeepLift", dict(baselines=0.1)),
    ("NeuronConductance", dict(n_steps=15, target=1, method="riemann_right")),
])
def test_neurons(pair, kind, name, arguments):
    if name == "NeuronDeepLift" and kind == "attention":
        pytest.skip("Captum has no rule for the layers within")
    ours, theirs, x, tx, _, _ = pair(kind)
    neuron = {"dense": 3, "conv": (1, 0, 1), "attention": (2, 5)}[kind]
    mine, other = ours.get_submodule(LAYER[kind]), theirs.get_submodule(LAYER[kind])
    close(getattr(explain, name)(ours, mine).attribute(x, neuron, **arguments),
          getattr(captum_attr, name)(theirs, other).attribute(tx, neuron, **arguments))


@pytest.mark.parametrize("name, arguments", [
    ("NeuronGradient", {}), ("NeuronIntegratedGradients", dict(n_steps=9)), ("NeuronGuidedBackprop", {}),
    ("NeuronDeepLift", {}), ("NeuronConductance", dict(n_steps=5, target=1))])
def test_slices_of_neurons(pair, name, arguments):
    """The sum of the neurons' attributions. (Captum's conductance multiplies sums instead.)"""
    ours, theirs, x, tx, _, _ = pair("conv")
    method, neurons = getattr(explain, name)(ours, ours[3]), (slice(0, 3), 0, slice(None))
    found = method.attribute(x, neurons, **arguments)
    singles = [method.attribute(x, (channel, 0, place), **arguments) for channel in range(3) for place in range(2)]
    if name != "NeuronGuidedBackprop":  # its ReLU on the way is not linear
        assert fastnn.allclose(found, sum(singles))
    if name != "NeuronConductance":
        close(found, getattr(captum_attr, name)(theirs, theirs[3]).attribute(tx, neurons, **arguments))


def test_guided_grad_cam(pair):
    ours, theirs, x, tx, target, ttarget = pair("conv")
    close(explain.GuidedGradCam(ours, ours[3]).attribute(x, target),
          captum_attr.GuidedGradCam(theirs, theirs[3]).attribute(tx, ttarget))


def test_lrp_rules(pair):
    """Gamma and alpha-beta on inputs that are not negative, which Captum's rules are for."""
    from captum.attr._utils import lrp_rules
    ours, theirs, x, _, target, ttarget = pair("conv")
    x = x.abs()
    kept = list(theirs)
    theirs = torch.nn.Sequential(*kept[:5], Flat(), kept[6])
    for mine, other in ((explain.lrp.Gamma(0.25), lrp_rules.GammaRule), (explain.lrp.Epsilon(0.1), None)):
        kept[0].rule, kept[3].rule = (other(), other()) if other else (lrp_rules.EpsilonRule(0.1),
                                                                       lrp_rules.EpsilonRule(0.1))
        composite = explain.lrp.Composite(explain.lrp.Epsilon(1e-9), convolution=mine)
        close(explain.LRP(ours, composite).attribute(x, target),
              captum_attr.LRP(theirs).attribute(torch.from_numpy(x.numpy()).requires_grad_(), ttarget))
        theirs[5].rule = lrp_rules.EpsilonRule()  # Captum takes rules off after use


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("normalize", [False, True])
def test_infidelity(pair, kind, normalize):
    from captum import metrics
    ours, theirs, x, tx, target, ttarget = pair(kind)
    noise = np.random.default_rng(0).normal(size=(x.shape[0] * 6, *x.shape[1:])) * 0.1
    attributions = explain.InputXGradient(ours).attribute(x, target)

    def perturb(convert):
        return lambda inputs: (convert(noise), inputs - convert(noise))
    close(explain.infidelity(ours, perturb(fastnn.tensor), x, attributions, target=target, n_perturb_samples=6,
                             normalize=normalize),
          metrics.infidelity(theirs, perturb(torch.tensor), tx, torch.from_numpy(attributions.numpy()), target=ttarget,
                             n_perturb_samples=6, normalize=normalize))


@pytest.mark.parametrize("kind", NETWORKS)
def test_sensitivity(pair, kind):
    from captum import metrics
    ours, theirs, x, tx, target, ttarget = pair(kind)
    noise = np.random.default_rng(0).normal(size=(x.shape[0] * 6, *x.shape[1:])) * 0.1

    def contiguous(inputs, **given):
        found = captum_attr.Saliency(theirs).attribute(inputs, **given)
        return tuple(each.contiguous() for each in found) if isinstance(found, tuple) else found.contiguous()
    close(explain.sensitivity_max(explain.Saliency(ours).attribute, x, lambda inputs: inputs + fastnn.tensor(noise),
                                  n_perturb_samples=6, target=target),
          metrics.sensitivity_max(contiguous, tx, lambda inputs: inputs + torch.tensor(noise), n_perturb_samples=6,
                                  target=ttarget))


class Flat(torch.nn.Module):
    """Captum's LRP refuses `nn.Flatten`, but lets layers be that have a rule of their own."""

    def __init__(self):
        super().__init__()
        from captum.attr._utils.lrp_rules import EpsilonRule
        self.rule = EpsilonRule()

    def forward(self, x):
        return x.flatten(1)
