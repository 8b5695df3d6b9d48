"""Arguments that methods cannot take: every class says which, what was expected and what came."""
import inspect

import pytest

import fastnn
from fastnn import explain, nn

CLASSES = [name for name in explain.__all__ if isinstance(getattr(explain, name), type)
           and issubclass(getattr(explain, name), explain.Attribution)
           and name not in ("Attribution", "LayerAttribution", "NeuronAttribution")]
ATTENTION = ("AttentionRollout", "AttentionXGradient")
X = fastnn.linspace(-1, 1, 48).reshape(4, 2, 6)


def made(name, first=nn.Identity):
    """(a method of the class, arguments with which it works)."""
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Sequential(first(), nn.Conv1d(2, 4, 3, padding=1)), nn.ReLU(), nn.Flatten(),
                          nn.Linear(24, 3)).eval()
    kind = getattr(explain, name)
    if name in ATTENTION:
        method = kind(nn.TransformerEncoderLayer(6, 2, 8, batch_first=True).eval())
    elif name == "NoiseTunnel":
        method = kind(explain.Saliency(model))
    elif name.startswith(("Layer", "Neuron")) or name in ("InternalInfluence", "GuidedGradCam"):
        method = kind(model, model[0])
    else:
        method = kind(model)
    given = {}
    if name.startswith("Neuron"):
        given["neuron_selector"] = (1, 2)
    if "target" in parameters(method):
        given["target"] = (1, 2) if name in ATTENTION else 1
    if name == "NoiseTunnel":
        given["target"] = 1
    if "GradientShap" in name or name == "DeepLiftShap":
        given["baselines"] = fastnn.zeros(3, 2, 6)
    if name == "Occlusion":
        given["sliding_window_shapes"] = (1, 2)
    if name == "ShapleyValues":
        given["feature_mask"] = fastnn.zeros(1, 2, 6).long()
    return method, given


def parameters(method):
    found = dict(inspect.signature(method.attribute).parameters)
    inner = getattr(type(method), "method", None)
    if "kwargs" in found and inner is not None:
        found.update(inspect.signature(inner.attribute).parameters)
        found.pop("target", None)
    return found


COUNT = [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)]
BAD = {
    "inputs": [(None, TypeError), (3, TypeError), ((), ValueError), (X.numpy(), TypeError),
               (fastnn.tensor(1.0), ValueError)],
    "target": [(1.0, TypeError), (True, TypeError), ("1", TypeError), ([0, 1], ValueError), ([0.5] * 4, TypeError),
               (fastnn.tensor([0.5] * 4), TypeError), (fastnn.tensor([[0, 1, 2, 0]]), ValueError),
               ([], ValueError), ([0, (1,), 0, 0], ValueError), (99, IndexError),
               ([0, 1, 2, 99], (IndexError, ValueError)), ((0, 1, 1), (IndexError, ValueError))],
    "baselines": [("0", TypeError), (1j, TypeError), (fastnn.zeros(2, 6), ValueError), ((0, 0), ValueError),
                  (fastnn.zeros(4, 2, 5), ValueError), (X.numpy(), TypeError), (fastnn.zeros(0, 2, 6), ValueError)],
    "n_steps": [*COUNT, (None, TypeError)], "n_samples": [*COUNT, (None, TypeError)],
    "nt_samples": [*COUNT, (None, TypeError)], "perturbations_per_eval": [*COUNT, (None, TypeError)],
    "internal_batch_size": COUNT, "nt_samples_batch_size": COUNT,
    "method": [("simpson", ValueError), (None, ValueError)],
    "nt_type": [("mean", ValueError)],
    "stdevs": [(-1.0, ValueError), ("1", TypeError), (None, TypeError), ((0.1, 0.2), ValueError), ([0.1], TypeError),
               (float("nan"), ValueError), (float("inf"), ValueError)],
    "feature_mask": [(fastnn.zeros(1, 2, 5).long(), ValueError), (fastnn.zeros(1, 2, 6), TypeError), (3, TypeError)],
    "layer_mask": [(fastnn.zeros(1, 2, 5).long(), ValueError), (3, TypeError)],
    "layer_baselines": [(fastnn.zeros(1, 2, 5), ValueError), ("0", TypeError)],
    "sliding_window_shapes": [(2, ValueError), ((2,), ValueError), ((0, 1), ValueError), ((1.5, 1), TypeError),
                              ((3, 1), ValueError), ("ab", TypeError), (None, TypeError), ((), ValueError),
                              (((1, 2), (1, 2)), ValueError)],
    "strides": [(0, ValueError), (-1, ValueError), (1.5, TypeError), ((1,), ValueError), ((1, 3), ValueError)],
    "neuron_selector": [(1, ValueError), ((9, 9), IndexError), ((1, 2, 3), ValueError), ("a", TypeError),
                        (None, TypeError), ((1.0, 2), TypeError), (lambda y: y, ValueError)],
    "custom_attribution_func": [(3, TypeError), (lambda m: 3, TypeError), (lambda m: (m[0], m[0]), ValueError)],
    "head_fusion": [("sum", ValueError)], "residual": [(2, ValueError)],
}


@pytest.mark.parametrize("name", CLASSES)
def test_each_argument(name):
    method, given = made(name)
    method.attribute(X, **given)
    for parameter in parameters(method):
        for value, error in BAD.get(parameter, ()):
            if parameter == "neuron_selector" and callable(value) and name in ("NeuronConductance",
                                                                               "NeuronFeatureAblation"):
                continue  # one row of it is explained at a time
            arguments = {"inputs": X, **given, parameter: value}
            if parameter == "target" and name in ATTENTION and isinstance(value, list) and error is ValueError:
                arguments[parameter] = [0, 1, 2]
            with pytest.raises(error) as caught:
                method.attribute(**arguments)
            assert str(caught.value).startswith(f"{name}: "), (parameter, value, str(caught.value))


class Writes(nn.Module):
    def forward(self, x):
        return x.mul_(2)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ATTENTION])
def test_models_that_write_to_their_inputs(name):
    """The caller's tensors stay; values are those of a model that does not write."""
    class Multiplies(nn.Module):
        def forward(self, x):
            return x * 2
    x, found = X.clone(), []
    for first in (Writes, Multiplies):
        method, given = made(name, first)
        fastnn.manual_seed(1)
        found.append(method.attribute(x, **given))
        assert fastnn.equal(x, X)
    assert fastnn.allclose(*found)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("FeaturePermutation", "NoiseTunnel")])
def test_no_rows(name):
    method, given = made(name)
    found = method.attribute(X[:0], **given)
    assert found.shape[0] == 0


@pytest.mark.parametrize("name", [name for name in CLASSES if name.startswith(("Saliency", "Input", "Integ", "Grad",
                                                                              "Feature", "Shapley"))])
def test_models_that_cannot_be_explained(name):
    _, given = made(name)
    weight = fastnn.ones(12, 3, requires_grad=True)

    def method(function):
        return getattr(explain, name)(function)
    with pytest.raises(TypeError, match=f"{name}: expected the model to return a tensor, got tuple"):
        method(lambda x: (x.flatten(1), x)).attribute(X, **given)
    with pytest.raises(TypeError, match=f"{name}: expected the model to return a tensor, got NoneType"):
        method(lambda x: None).attribute(X, **given)
    if name.startswith(("Feature", "Shapley")):
        return
    for function in (lambda x: x.detach().flatten(1) @ weight, lambda x: x.round().long().flatten(1).float() @ weight,
                     lambda x: x.detach().flatten(1)):
        with pytest.raises(RuntimeError, match=f"{name}: .*(no gradient flows|does not depend)"):
            method(function).attribute(X, **given)


def test_masks_of_curves_may_have_any_numbers():
    x = fastnn.tensor([[1.0, 2.0, 4.0]])
    found = [explain.deletion_curve(total, x, x, steps=2, feature_mask=fastnn.tensor([mask])).values
             for mask in ([0, 0, 1], [7, 7, -3])]
    assert fastnn.equal(*found) and found[0].tolist() == [[7, 3, 0]]


def test_baselines_of_integers():
    method = explain.FeatureAblation(lambda x: x.float().sum(1))
    words = fastnn.tensor([[3, 4]])
    assert method.attribute(words, 1).tolist() == [[2, 3]]
    for baseline in (0.5, fastnn.tensor([[0.5, 1.0]])):
        with pytest.raises(TypeError, match="FeatureAblation: expected baselines of integers"):
            method.attribute(words, baseline)
    assert method.attribute(words, fastnn.tensor(1)).tolist() == [[2, 3]]


def test_lists_of_inputs_and_baselines():
    x = fastnn.ones(2, 3)
    found = explain.IntegratedGradients(lambda a, b: (a * b).sum(1)).attribute([x, x], [x * 0, 0.0])
    assert all(fastnn.allclose(each, x / 2) for each in found)


def test_functions_that_permute():
    for function, says in ((3, "perm_func to be a function"), (lambda x, where: None, "perm_func to give a tensor"),
                           (lambda x, where: x[:1], r"perm_func to give a tensor of shape \(4, 2, 6\)")):
        with pytest.raises(TypeError, match=f"FeaturePermutation: expected {says}"):
            explain.FeaturePermutation(total, function).attribute(X)
    with pytest.raises(TypeError, match="FeatureAblation: expected the model to return numbers"):
        explain.FeatureAblation(lambda x: x.flatten(1).sum(1) > 0).attribute(X)


def test_occlusion_takes_numbers_for_one_dimension():
    method, x = explain.Occlusion(lambda x: x.sum(1)), fastnn.rand(3, 6)
    wanted = method.attribute(x, (3,), (2,))
    for window, strides in ((3, 2), ([3], [2]), (((3,),), ((2,),)), ((3,), 2)):
        assert fastnn.equal(method.attribute(x, window, strides), wanted)
    pair = explain.Occlusion(lambda a, b: a.sum(1) + b.sum((1, 2)))
    first, second = pair.attribute((x, fastnn.rand(3, 2, 4)), (3, (1, 2)), (2, 1))
    assert fastnn.allclose(first, wanted) and second.shape == (3, 2, 4)


def total(x):
    return x.flatten(1).sum(1)


@pytest.mark.parametrize("call, error, text", [
    (lambda: explain.deletion_curve(total, X, X, steps=1.5), TypeError, "deletion_curve: .*steps"),
    (lambda: explain.infidelity(total, None, X, X), TypeError, "infidelity: .*perturb_func"),
    (lambda: explain.infidelity(total, lambda x: (x, x), X, X, n_perturb_samples=0), ValueError,
     "infidelity: .*n_perturb_samples"),
    (lambda: explain.sensitivity_max(3, X), TypeError, "sensitivity_max: .*explanation_func"),
    (lambda: explain.sensitivity_max(explain.Saliency(total).attribute, X, perturb_radius=-1),
     ValueError, "sensitivity_max: .*perturb_radius"),
    (lambda: explain.deletion_curve(total, X, X, feature_mask=fastnn.zeros(3, 3).long()), ValueError, "broadcasts"),
    (lambda: explain.deletion_curve(lambda x: x, X, X), ValueError, "deletion_curve: target is missing"),
    (lambda: explain.insertion_curve(total, (X, X), X), ValueError, "insertion_curve: expected inputs to be one"),
    (lambda: explain.infidelity(total, lambda x: x, X, X), TypeError, "infidelity: .* to give a pair"),
    (lambda: explain.sensitivity_max(lambda x: 3, X), TypeError, "sensitivity_max: expected what explanation_func"),
    (lambda: explain.sensitivity_max(explain.Saliency(total).attribute, X, norm_ord="nuc"), TypeError, "norm_ord"),
    (lambda: explain.permutation_importance(lambda x, y: None, X, None), TypeError, "expected score to give a number"),
    (lambda: explain.DeepLift(nn.ReLU(), eps="1"), TypeError, "DeepLift: expected eps to be a number"),
    (lambda: explain.lrp.Epsilon("1"), TypeError, "Epsilon: expected epsilon"),
    (lambda: explain.lrp.Gamma(float("nan")), ValueError, "Gamma: expected gamma"),
    (lambda: explain.lrp.AlphaBeta(0.5, -0.5), ValueError, "AlphaBeta: expected beta"),
    (lambda: explain.lrp.ZBox(None, 1), TypeError, "ZBox: expected low to be a number or a tensor"),
    (lambda: explain.lrp.Flat(-1), ValueError, "Flat: expected epsilon"),
    (lambda: explain.permutation_importance(lambda x, y: 0.0, X, None, n_repeats=0), ValueError, "n_repeats"),
])
def test_measures(call, error, text):
    with pytest.raises(error, match=text):
        call()
