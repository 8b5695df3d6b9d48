"""Models that write to their own values, and models that several threads explain."""
import threading

import numpy as np
import pytest
from explain_models import build, keras_model

import fastnn
from fastnn import explain, nn
from fastnn.explain import lrp

# How a model may use a layer or a function that works in place; the first is the same without.
USES = {
    "returned": lambda layer, h: layer(h),
    "statement": lambda layer, h: (layer(h), h)[1],
    "view": lambda layer, h: (layer(h.view(h.shape)), h)[1],
    "keyword": lambda layer, h: (layer(input=h), h)[1],
}
LAYERS = {"ReLU": {}, "LeakyReLU": {"negative_slope": 0.3}, "ELU": {}, "SiLU": {}, "Hardtanh": {}}


class Net(nn.Module):
    """Two activations, one of them beside a sum that uses what came before it."""

    def __init__(self, kind, inplace, use):
        super().__init__()
        fastnn.manual_seed(1)
        self.first, self.middle, self.last = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.one, self.two = (getattr(nn, kind)(**LAYERS[kind], inplace=inplace) for _ in range(2))
        self.use = USES[use]

    def forward(self, x):
        h = self.use(self.one, self.first(x))
        z = self.middle(h)
        h = self.use(self.two, h + z)
        return self.last(h * 2 + h.tanh() * 0.5)


def methods(model):
    yield explain.Saliency(model), {}
    yield explain.DeepLift(model), {"baselines": 0.3}
    yield explain.LRP(model, lrp.Gamma()), {}
    yield explain.GuidedBackprop(model), {}
    yield explain.Deconvolution(model), {}
    for layer in (model.one, model.two):
        for to_input in (False, True):
            for name in ("LayerActivation", "LayerGradientXActivation", "LayerDeepLift", "LayerLRP",
                         "LayerConductance", "LayerIntegratedGradients"):
                yield getattr(explain, name)(model, layer), {"attribute_to_layer_input": to_input}
        yield explain.NeuronDeepLift(model, layer), {"neuron_selector": 1}


@pytest.mark.parametrize("use", list(USES))
@pytest.mark.parametrize("kind", list(LAYERS))
def test_layers_in_place_are_explained_as_those_that_are_not(kind, use):
    fastnn.manual_seed(0)
    x = fastnn.randn(4, 5).double()
    plain, model = Net(kind, False, "returned").double(), Net(kind, True, use).double()
    output = model(x)
    assert fastnn.equal(output, plain(x))
    for (method, options), (same, _) in zip(methods(model), methods(plain)):
        if not isinstance(method, (explain.LayerActivation, explain.NeuronDeepLift)):
            options = {**options, "target": 1}
        assert fastnn.allclose(method.attribute(x, **options), same.attribute(x, **options)), method
    assert fastnn.equal(model(x), output) and model.one.inplace
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


class Written(nn.Module):
    """Functions that write, behind layers whose values a rule has kept."""

    def __init__(self, last):
        super().__init__()
        fastnn.manual_seed(2)
        self.first, self.norm, self.act, self.last = nn.Linear(5, 6), nn.BatchNorm1d(6), nn.SiLU(), nn.Linear(6, 3)
        self.norm.running_mean.uniform_(-1, 1)
        self.written = last

    def forward(self, x):
        h = self.first(x)
        if self.written:
            h.relu_()
            z = self.act(self.norm(h))
            z.mul_(2).add_(h)
            return self.last(z).mul_(3)
        h = h.relu()
        return self.last(self.act(self.norm(h)) * 2 + h) * 3


def test_functions_in_place():
    x = fastnn.randn(4, 5).double()
    plain, model = Written(False).double().eval(), Written(True).double().eval()
    for method, options in ((explain.DeepLift, {"baselines": -0.2}), (explain.LRP, {}), (explain.GuidedBackprop, {}),
                            (explain.IntegratedGradients, {}), (explain.Occlusion, {"sliding_window_shapes": (2,)}),
                            (explain.ShapleyValues, {})):
        wanted = method(plain).attribute(x, target=2, **options)
        assert fastnn.allclose(method(model).attribute(x, target=2, **options), wanted)


@pytest.mark.parametrize("kind", ["ReLU", "LeakyReLU"])
def test_deeplift_is_complete_with_layers_in_place(kind):
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.act, self.last = nn.Linear(5, 8), getattr(nn, kind)(inplace=True), nn.Linear(8, 3)

        def forward(self, x):
            h = self.first(x)
            self.act(h)
            return self.last(h)
    model, x = Small().double(), fastnn.randn(4, 5).double()
    _, off = explain.DeepLift(model).attribute(x, 0.4, 1, return_convergence_delta=True)
    assert off.abs().max() < 1e-12


@pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning")
@pytest.mark.parametrize("wrap", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.parametrize("rule", [lrp.Epsilon(0.1), lrp.Gamma(), lrp.ZPlus(), lrp.Flat()])
def test_weights_that_are_made_anew(wrap, rule):
    model, x, target = build(fastnn, "conv")
    wanted = explain.LRP(model, rule).attribute(x, target)
    for place in (0, 3, 6):
        model[place] = wrap(model[place])
    assert fastnn.allclose(explain.LRP(model, rule).attribute(x, target), wanted)


METHODS = {
    "DeepLift": (explain.DeepLift, {}),
    "LRP": (lambda model: explain.LRP(model, lrp.Gamma()), {}),
    "GuidedBackprop": (explain.GuidedBackprop, {}),
    "IntegratedGradients": (explain.IntegratedGradients, {"n_steps": 8}),
    "LayerConductance": (lambda model: explain.LayerConductance(model, layer_of(model)), {"n_steps": 8}),
    "LayerLRP": (lambda model: explain.LayerLRP(model, [layer_of(model)]), {}),
    "NeuronDeepLift": (lambda model: explain.NeuronDeepLift(model, layer_of(model)),
                       {"neuron_selector": lambda h: h.flatten(1).sum(1)}),
}


def layer_of(model):
    return model[3] if isinstance(model, nn.Module) else model.layers[1]


@pytest.mark.parametrize("door", ["pytorch", "keras"])
@pytest.mark.parametrize("name", list(METHODS))
def test_threads_explain_one_model(door, name):
    """Each gets its own right values, and so do those that only call the model meanwhile."""
    if door == "keras":
        model, x = keras_model("conv")
        x = x[:4]
    else:
        model, x, _ = build(fastnn, "conv")
        model[1].inplace = model[4].inplace = True
    make, options = METHODS[name]
    if name != "NeuronDeepLift":
        options = {**options, "target": 1}
    rounds = 6
    inputs = [x, x * 1.5, x - 0.2]

    def explained(x):
        found = make(model).attribute(x, **options)
        return (found[0] if isinstance(found, list) else found).numpy().copy()

    def called(x):
        with fastnn.no_grad():
            return model(x).numpy().copy()
    wanted = [explained(x) for x in inputs] + [called(x) for x in inputs]
    jobs = [(explained, each) for each in inputs] + [(called, each) for each in inputs]
    found, start = [[] for _ in jobs], threading.Barrier(len(jobs))

    def work(place):
        job, x = jobs[place]
        start.wait(20)
        try:
            found[place] = [job(x) for _ in range(rounds)]
        except Exception as error:
            found[place] = [error]
    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for each, right in zip(found, wanted):
        assert each and not [error for error in each if isinstance(error, Exception)], each
        for array in each:
            np.testing.assert_allclose(array, right, rtol=1e-5, atol=1e-6)
    if door == "pytorch":
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    else:
        assert not any("call" in vars(layer) for layer in model.layers)
