"""Methods that change how steps pass on: DeepLIFT, LRP, guided backpropagation, deconvolution."""
import fastnn
import pytest
from explain_models import build, keras_model
from fastnn import explain, nn
from fastnn.explain import lrp

KINDS = ["dense", "conv", "pooled", "recurrent", "attention", "encoder"]
RULES = [None, lrp.Epsilon(0), lrp.Gamma(), lrp.ZPlus(), lrp.AlphaBeta(), lrp.AlphaBeta(3.0, 2.0), lrp.Flat(),
         lrp.WSquare(), lrp.Composite(lrp.Epsilon(1e-9), first=lrp.ZBox(-5.0, 5.0)), lrp.EpsilonPlusFlat(1e-9),
         lrp.EpsilonGammaBox(-5.0, 5.0, epsilon=1e-9)]


def without_biases(model):
    for name, parameter in model.named_parameters():
        if "bias" in name:
            parameter.data.zero_()
    return model


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_deeplift_is_complete(kind, softmax):
    """Also through max pooling, softmax, LSTM and attention."""
    model, x, target = build(fastnn, kind)
    model = nn.Sequential(model, nn.Softmax(-1)) if softmax else model
    baseline = fastnn.randn(*x.shape, dtype=x.dtype)
    found, delta = explain.DeepLift(model).attribute(x, baseline, target, return_convergence_delta=True)
    rows = fastnn.arange(4)
    difference = (model(x) - model(baseline))[rows, target]
    assert ((found.flatten(1).sum(1) - difference).abs() <= 1e-6 * difference.abs()).all()
    assert delta.abs().max() < 1e-12


@pytest.mark.parametrize("make", [
    lambda: nn.GRU(4, 5, 2, bidirectional=True), lambda: nn.RNN(4, 5, nonlinearity="relu"), lambda: nn.RNN(4, 5),
    lambda: nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True, proj_size=3, bias=False), lambda: nn.LSTM(4, 5)])
def test_recurrent_layers_written_out(make):
    """The steps give the kernel's values, and DeepLIFT is complete through them."""
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = make()

        def forward(self, x):
            y, state = self.rnn(x if self.rnn.batch_first else x.transpose(0, 1))
            end = state[1] if isinstance(state, tuple) else state
            return (y if self.rnn.batch_first else y.transpose(0, 1)).sum(1) + end.sum((0, 2))[:, None]
    fastnn.manual_seed(1)
    model = Last().double()
    x, baseline = fastnn.randn(3, 6, 4).double(), fastnn.randn(3, 6, 4).double()
    _, delta = explain.DeepLift(model).attribute(x, baseline, 1, return_convergence_delta=True)
    assert delta.abs().max() < 1e-12


@pytest.mark.parametrize("masks", [{}, {"attn_mask": True}, {"key_padding_mask": True}, {"floats": True}])
@pytest.mark.parametrize("first", [True, False])
def test_attention_written_out(masks, first):
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=first)

        def forward(self, x, memory):
            x, memory = (each if first else each.transpose(0, 1) for each in (x, memory))
            causal = nn.Transformer.generate_square_subsequent_mask(4, dtype=x.dtype)
            given = {"attn_mask": causal if "floats" in masks else causal < 0} if {*masks} & {"attn_mask",
                                                                                             "floats"} else {}
            if "key_padding_mask" in masks:
                given["key_padding_mask"] = fastnn.tensor([[False, False, True, True], [False] * 4])
            y, seen = self.attention(x, memory, memory, average_attn_weights=False, **given)
            return (y if first else y.transpose(0, 1)).sum(1) + (seen * taste).sum((1, 2, 3))[:, None]
    fastnn.manual_seed(1)
    model, taste = Weighted().double(), fastnn.randn(4, 4).double()
    x, start = [tuple(fastnn.randn(2, 4, 8).double() for _ in range(2)) for _ in range(2)]
    found, delta = explain.DeepLift(model).attribute(x, start, 3, return_convergence_delta=True)
    assert delta.abs().max() < 1e-12 and all(each.isfinite().all() for each in found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_lrp_conserves_relevance(kind, rule):
    """Without biases nothing is lost; also where inputs are 0."""
    model, x, target = build(fastnn, kind)
    without_biases(model)
    x = x.clone()
    x[0].view(-1)[:3] = 0
    found, delta = explain.LRP(model, rule).attribute(x, target, return_convergence_delta=True)
    output = model(x)[fastnn.arange(4), target]
    # The rules' epsilon of 1e-9 stands beside sums of one sign, which may be small.
    assert (delta.abs() <= 1e-6 * (1 + output.abs())).all()
    assert fastnn.allclose(found.flatten(1).sum(1), output, rtol=1e-6, atol=1e-6)


def test_lrp_zero_is_input_times_gradient():
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(27, 9, bias=False), nn.ReLU(), nn.Linear(9, 2, bias=False)).double()
    x = fastnn.randn(5, 1, 8, 8).double()
    assert fastnn.allclose(explain.LRP(model, lrp.Epsilon(0)).attribute(x, 1),
                           explain.InputXGradient(model).attribute(x, 1), atol=1e-12)


def test_lrp_shares_sums_and_concatenations():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False), nn.Linear(
                8, 2, bias=False)
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.head(fastnn.cat([x + self.relu(self.a(x)), self.b(x) * 2], 1))
    model, x = Residual().double(), fastnn.randn(3, 4).double()
    for rule in (lrp.Gamma(), lrp.ZPlus(), lrp.Flat()):
        _, delta = explain.LRP(model, rule).attribute(x, 1, return_convergence_delta=True)
        assert delta.abs().max() < 1e-7


@pytest.mark.parametrize("bias", [False, True])
def test_lrp_merges_batch_norm(bias):
    """As one layer with the product of both weights."""
    model = nn.Sequential(nn.Conv2d(1, 3, 3, bias=bias), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
                          nn.Linear(12, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).double()
    for _ in range(3):
        model(fastnn.randn(8, 1, 4, 4).double() + 1)
    model.eval()
    merged = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.ReLU(),
                           nn.Linear(4, 2)).double()
    merged[5].load_state_dict(model[7].state_dict())
    for own, layer, norm in ((merged[0], model[0], model[1]), (merged[3], model[4], model[5])):
        scale = norm.weight.data / (norm.running_var + norm.eps).sqrt()
        own.weight.data = layer.weight.data * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
        own.bias.data = norm.bias.data - norm.running_mean * scale
        if layer.bias is not None:
            own.bias.data += layer.bias.data * scale
    x = fastnn.randn(5, 1, 4, 4).double()
    for rule in (lrp.Epsilon(), lrp.Gamma(), lrp.ZPlus(), lrp.EpsilonPlusFlat()):
        assert fastnn.allclose(explain.LRP(model, rule).attribute(x, 1), explain.LRP(merged, rule).attribute(x, 1),
                               atol=1e-9)


def test_relevance_of_a_layer_before_batch_norm():
    """What the layer gives goes through the batch norm, which is not merged then."""
    model = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
                          nn.Linear(12, 2, bias=False)).double().eval()
    model[1].running_var.uniform_(0.2, 3.0)
    x = fastnn.randn(4, 1, 4, 4).double()
    output = model(x)[:, 1]
    for found in (explain.LRP(model).attribute(x, 1), *explain.LayerLRP(model, list(model)).attribute(x, 1)):
        assert fastnn.allclose(found.flatten(1).sum(1), output)


def test_lrp_chooses_rules():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(32, 2))
    composite = lrp.EpsilonGammaBox(0.0, 1.0, layers={model[4]: lrp.ZPlus()})
    first, second, last = [explain._steps._module_step(model[i]) for i in (0, 2, 4)]
    assert type(composite.rule(first, True)) is lrp.ZBox and type(composite.rule(second, False)) is lrp.Gamma
    assert type(composite.rule(last, False)) is lrp.ZPlus
    model[2].rule = lrp.Flat()
    assert type(composite.rule(second, False)) is lrp.Flat


@pytest.mark.parametrize("call, error, text", [
    (lambda: lrp.AlphaBeta(2.0, 2.0), ValueError, "alpha - beta = 1"),
    (lambda: lrp.Epsilon(-1.0), ValueError, "at least 0"),
    (lambda: lrp.Gamma(-1.0), ValueError, "at least 0"),
    (lambda: lrp.Composite("epsilon"), TypeError, "rules of"),
    (lambda: explain.LRP(nn.Linear(2, 2), "epsilon"), TypeError, "Composite or a Rule"),
    (lambda: explain.LRP(lambda x: x), TypeError, "made of layers"),
    (lambda: explain.DeepLift(lambda x: x), TypeError, "made of layers"),
    (lambda: explain.GuidedBackprop(lambda x: x), TypeError, "made of layers"),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("kind", ["dense", "conv", "recurrent", "both"])
def test_keras_models(kind):
    """Activations within layers count as steps; LRP explains the numbers before the softmax."""
    model, x = keras_model(kind)
    before = model(x)
    _, delta = explain.DeepLift(model).attribute(x, 0.1, 1, return_convergence_delta=True)
    assert delta.abs().max() < 1e-6
    for layer in model.layers:  # a bias would keep relevance
        layer.set_weights([w * 0 if w.ndim == 1 or len(w) == 2 else w for w in layer.get_weights()])
    for rule in (lrp.Epsilon(1e-9), lrp.Gamma(), lrp.EpsilonPlusFlat(1e-9)):
        _, delta = explain.LRP(model, rule).attribute(x, 1, return_convergence_delta=True)
        assert delta.abs().max() < 1e-5
    before = model(x)
    if kind in ("recurrent", "both"):
        return
    guided, plain = explain.GuidedBackprop(model).attribute(x, 1), explain.Saliency(model).attribute(x, 1, abs=False)
    assert not fastnn.allclose(guided, plain)
    assert fastnn.equal(model(x), before) and not any("call" in vars(layer) for layer in model.layers)


def test_steps_of_a_linear_model_all_agree():
    """Every method gives weight times input, or the weight."""
    model, x, target = build(fastnn, "linear")
    model.bias.data.zero_()
    wanted = x * model.weight.detach()[target]
    for found in (explain.DeepLift(model).attribute(x, target=target),
                  explain.DeepLiftShap(model).attribute(x, fastnn.zeros(3, 5, dtype=x.dtype), target),
                  explain.LRP(model, lrp.Epsilon(0)).attribute(x, target),
                  x * explain.GuidedBackprop(model).attribute(x, target),
                  x * explain.Deconvolution(model).attribute(x, target)):
        assert fastnn.allclose(found, wanted)


def test_random_weights_change_the_maps():
    """All but guided backpropagation react to other weights behind the first layer (Adebayo et al. 2018)."""
    def model(seed):
        fastnn.manual_seed(0)
        first = nn.Conv2d(1, 8, 3, padding=1)
        fastnn.manual_seed(seed)
        return nn.Sequential(first, nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1),
                             nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 4)).double()
    x = fastnn.rand(2, 1, 8, 8).double()

    def similarity(method):
        a, b = (method(model(seed)).attribute(x, target=0).flatten() for seed in (1, 2))
        return fastnn.corrcoef(fastnn.stack([a, b]))[0, 1].item()
    reacting = [similarity(method) for method in (
        explain.InputXGradient, explain.IntegratedGradients, explain.DeepLift, explain.LRP)]
    assert max(map(abs, reacting)) < 0.5
    assert similarity(explain.GuidedBackprop) > max(reacting) + 0.2


def test_keras_attention_and_products():
    from fastnn.keras import Input, Model, layers
    inputs, mask = Input((5, 8)), fastnn.ones(2, 5, 5).tril(1).bool()
    attention = layers.MultiHeadAttention(2, 4)
    for options in ({}, {"use_causal_mask": True}):
        mixed = layers.LayerNormalization()(layers.add([inputs, attention(inputs, inputs, **options)]))
        gated = layers.multiply([mixed, layers.Dense(8, activation="sigmoid")(inputs)])
        model = Model(inputs, layers.Dense(3)(layers.Flatten()(gated)))
        x, base = fastnn.randn(2, 5, 8), fastnn.randn(2, 5, 8)
        found, delta = explain.DeepLift(model).attribute(x, base, 1, return_convergence_delta=True)
        assert delta.abs().max() < 1e-5
        _, delta = explain.LRP(model).attribute(x, 1, return_convergence_delta=True)
        assert delta.abs().max() < 1e-4
    written = explain._steps._layer_steps(attention)[0]
    plain = explain._unrolled.Rules()
    for given in ({}, {"attention_mask": mask}, {"use_causal_mask": True, "return_attention_scores": True}):
        wanted = attention(x, base, **given)
        found = written.facts["unroll"](written, plain, (x, base), given, wanted)
        for a, b in zip(*[each if isinstance(each, tuple) else (each,) for each in (found, wanted)]):
            assert fastnn.allclose(a.detach(), b.detach(), atol=1e-5)


@pytest.mark.parametrize("make", [
    lambda layers: layers.LSTM(4, return_state=True), lambda layers: layers.GRU(4, return_sequences=True),
    lambda layers: layers.SimpleRNN(4, go_backwards=True, return_sequences=True),
    lambda layers: layers.GRU(4, reset_after=False, use_bias=False, activation="relu")])
def test_keras_recurrent_layers_written_out(make):
    from fastnn.keras import layers
    layer, x = make(layers), fastnn.randn(3, 6, 5)
    wanted = layer(x)
    step = explain._steps._layer_steps(layer)[0]
    found = step.facts["unroll"](step, explain._unrolled.Rules(), (x,), {}, wanted)
    for a, b in zip(*[each if isinstance(each, (tuple, list)) else (each,) for each in (found, wanted)]):
        assert fastnn.allclose(a.detach(), b.detach(), atol=1e-6)
