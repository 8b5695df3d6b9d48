"""nn.utils: clipping, parameters as one vector, normalised weights, parametrizations; nn.init's functions."""
import copy
import math

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import utils


def model_with_gradients(seed=0):
    fastnn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    (model(fastnn.randn(4, 5)) ** 2).sum().backward()
    return model


def gradients(model):
    return np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]).astype(np.float64)


@pytest.mark.parametrize("norm_type", [1, 2, 2.0, 3, 0.5, math.inf])
def test_clip_grad_norm(norm_type):
    model = model_with_gradients()
    before = gradients(model)
    expected = np.linalg.norm(before, norm_type)
    total = utils.clip_grad_norm_(model.parameters(), expected / 2, norm_type)
    assert isinstance(total, fastnn.Tensor) and total.dtype == fastnn.float32
    np.testing.assert_allclose(float(total), expected, rtol=1e-5)
    np.testing.assert_allclose(gradients(model), before / 2, rtol=1e-5)
    unchanged = gradients(model)
    utils.clip_grad_norm_(model.parameters(), expected, norm_type)
    np.testing.assert_array_equal(gradients(model), unchanged)


def test_clip_grad_norm_edges():
    assert float(utils.clip_grad_norm_([], 1.0)) == 0
    with pytest.warns(UserWarning, match="empty generator"):
        utils.clip_grad_norm_((p for p in []), 1.0)
    x = fastnn.ones(3, requires_grad=True)
    assert float(utils.clip_grad_norm_(x, 1.0)) == 0  # no gradient yet
    x.grad = fastnn.tensor([1.0, float("nan"), 2.0])
    with pytest.raises(RuntimeError, match="is non-finite"):
        utils.clip_grad_norm_(x, 1.0, error_if_nonfinite=True)
    assert math.isnan(float(utils.clip_grad_norm_([x], 1.0))) and np.isnan(x.grad.numpy()).all()
    mixed = [fastnn.ones(2, dtype=d, requires_grad=True) for d in (fastnn.float32, fastnn.float64)]
    for p in mixed:
        p.grad = fastnn.full_like(p, 3.0).detach()
    total = utils.clip_grad_norm_(mixed, 3.0, foreach=True)
    assert total.dtype == fastnn.float64 and abs(float(total) - 6) < 1e-6
    np.testing.assert_allclose(mixed[1].grad.numpy(), 1.5, rtol=1e-6)
    columns = fastnn.ones(4, 6).t()
    x = fastnn.ones(6, 4, requires_grad=True)
    x.grad = columns
    utils.clip_grad_norm_(x, 1.0)
    np.testing.assert_allclose(columns.numpy(), 1 / math.sqrt(24), rtol=1e-5)


def test_clip_grad_value_and_total_norm():
    model = model_with_gradients()
    before = gradients(model)
    utils.clip_grad_value_(model.parameters(), 0.1)
    np.testing.assert_allclose(gradients(model), np.clip(before, -0.1, 0.1), rtol=1e-6)
    assert abs(float(utils.get_total_norm([fastnn.full((4,), 3.0), fastnn.full((1,), 8.0)])) - 10) < 1e-6
    assert float(utils.get_total_norm([])) == 0
    with pytest.warns(FutureWarning):
        utils.clip_grad_norm(model.parameters(), 1.0)


def test_parameters_as_one_vector():
    model = model_with_gradients()
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (5 * 7 + 7 + 7 * 3 + 3,) and vector.requires_grad
    other = copy.deepcopy(model)
    changed = (vector * 2).detach()
    utils.vector_to_parameters(changed, other.parameters())
    for a, b in zip(model.parameters(), other.parameters()):
        np.testing.assert_array_equal(2 * a.detach().numpy(), b.detach().numpy())
    changed.zero_()
    assert (other[0].weight == 0).all()
    with pytest.raises(TypeError, match="expected torch.Tensor"):
        utils.vector_to_parameters([1.0], other.parameters())


def spectrum(weight):
    return np.linalg.norm(weight.detach().numpy().reshape(weight.shape[0], -1), 2)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    model = nn.Linear(4, 3)
    before = model.weight.detach().clone()
    utils.weight_norm(model, dim=dim)
    assert sorted(model.state_dict()) == ["bias", "weight_g", "weight_v"]
    np.testing.assert_allclose(model.weight.detach().numpy(), before.numpy(), rtol=1e-5)
    model(fastnn.randn(2, 4)).sum().backward()
    assert model.weight_g.grad is not None and model.weight_v.grad is not None
    with fastnn.no_grad():
        model.weight_g.mul_(2)
    model(fastnn.randn(2, 4))
    np.testing.assert_allclose(model.weight.detach().numpy(), 2 * before.numpy(), rtol=1e-5)
    with pytest.raises(RuntimeError, match="two weight_norm"):
        utils.weight_norm(model)
    saved = copy.deepcopy(model.state_dict())
    modern = utils.parametrizations.weight_norm(nn.Linear(4, 3), dim=dim)
    modern.load_state_dict(saved)
    np.testing.assert_allclose(modern.weight.detach().numpy(), 2 * before.numpy(), rtol=1e-5)
    utils.remove_weight_norm(model)
    assert sorted(model.state_dict()) == ["bias", "weight"] and not model._forward_pre_hooks
    with pytest.raises(ValueError, match="not found"):
        utils.remove_weight_norm(model)


def test_spectral_norm():
    fastnn.manual_seed(0)
    for make in (utils.spectral_norm, utils.parametrizations.spectral_norm):
        model = make(nn.Linear(6, 5), n_power_iterations=30)
        model(fastnn.randn(2, 6)).sum().backward()
        assert abs(spectrum(model.weight) - 1) < 1e-3
        assert all(p.grad is not None for p in model.parameters())
        model.eval()
        a, b = model(fastnn.ones(1, 6)), model(fastnn.ones(1, 6))
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    old = utils.spectral_norm(nn.Linear(4, 4))
    assert sorted(old.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    utils.remove_spectral_norm(old)
    assert sorted(old.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="n_power_iterations"):
        utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, x):
        return x.triu()


def test_parametrize():
    parametrize = utils.parametrize
    model = nn.Linear(3, 3)
    parametrize.register_parametrization(model, "weight", Symmetric())
    assert parametrize.is_parametrized(model) and parametrize.is_parametrized(model, "weight")
    assert type(model).__name__ == "ParametrizedLinear" and isinstance(model, nn.Linear)
    assert parametrize.type_before_parametrizations(model) is nn.Linear
    assert list(model.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert (model.weight == model.weight.t()).all()
    model(fastnn.ones(2, 3)).sum().backward()
    assert model.parametrizations.weight.original.grad is not None
    model.weight = fastnn.eye(3)
    assert (model.weight == fastnn.eye(3)).all()
    with parametrize.cached():
        assert model.weight is model.weight
    assert model.weight is not model.weight
    twin = copy.deepcopy(model)
    assert (twin.weight == model.weight).all() and twin.parametrizations.weight is not model.parametrizations.weight
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        import pickle
        pickle.dumps(model)
    parametrize.remove_parametrizations(model, "weight")
    assert type(model) is nn.Linear and isinstance(model.weight, nn.Parameter) and (model.weight == fastnn.eye(3)).all()
    with pytest.raises(ValueError, match="does not have"):
        parametrize.register_parametrization(model, "nothing", Symmetric())
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(model, "weight", nn.Flatten(0))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_normalised_weights_are_pytorch_s():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    for name in ("weight_norm", "spectral_norm", "parametrizations.weight_norm", "parametrizations.spectral_norm"):
        results = []
        for library in (fastnn, torch):
            library.manual_seed(3)
            made = library.nn.Linear(6, 5)
            function = library.nn.utils
            for part in name.split("."):
                function = getattr(function, part)
            made = function(made)
            out = made(library.from_numpy(x))
            (out * out).sum().backward()
            results.append((list(made.state_dict()), [v.numpy() for v in made.state_dict().values()],
                            out.detach().numpy(), [p.grad.numpy() for p in made.parameters()], repr(made)))
        assert results[0][0] == results[1][0], name
        if "parametrizations" not in name:
            assert results[0][4] == results[1][4]
        pairs = zip(*[[*state, out, *grads] for _, state, out, grads, _ in results])
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=name)


def test_skip_init_leaves_the_random_stream():
    fastnn.manual_seed(0)
    a = fastnn.randn(1)
    fastnn.manual_seed(0)
    assert isinstance(utils.skip_init(nn.Linear, 3, 4), nn.Linear) and (fastnn.randn(1) == a).all()


# ---- nn.init ----

CASES = [("uniform_", (4, 5), {}), ("uniform_", (4, 5), {"a": -2, "b": 3}), ("normal_", (40,), {"mean": 1, "std": 2}),
         ("trunc_normal_", (50, 3), {}), ("trunc_normal_", (50,), {"mean": 3.0, "a": -1, "b": 1}),
         ("constant_", (3,), {"val": 2}), ("ones_", (3,), {}), ("zeros_", (3,), {}), ("eye_", (3, 5), {}),
         ("dirac_", (4, 6, 3), {}), ("dirac_", (4, 2, 3, 5), {"groups": 2}), ("dirac_", (2, 2, 3, 3, 3), {}),
         ("xavier_uniform_", (6, 4), {"gain": 2}), ("xavier_normal_", (6, 4, 3), {}),
         ("kaiming_uniform_", (6, 4, 3, 3), {"mode": "FAN_OUT"}), ("kaiming_uniform_", (6, 4), {"a": 0.3}),
         ("kaiming_normal_", (6, 4), {"nonlinearity": "relu"}), ("orthogonal_", (6, 4), {"gain": 3}),
         ("orthogonal_", (3, 4, 2), {}), ("sparse_", (10, 4), {"sparsity": 0.35})]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name,shape,options", CASES)
def test_initial_values_are_pytorch_s(name, shape, options, dtype):
    torch = pytest.importorskip("torch")
    found = []
    for library in (fastnn, torch):
        library.manual_seed(11)
        x = library.nn.Parameter(library.empty(shape, dtype=getattr(library, dtype)))
        assert getattr(library.nn.init, name)(x, **options) is x
        found.append(x.detach().numpy())
        found.append(library.rand(1).numpy())  # the stream goes on at the same place
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[1], found[3])


def test_init_errors_and_old_names():
    x = fastnn.empty(3)
    for call, message in ((lambda: nn.init.xavier_uniform_(x), "fewer than 2 dimensions"),
                          (lambda: nn.init.eye_(x), "Only tensors with 2 dimensions"),
                          (lambda: nn.init.dirac_(x), "3, 4, or 5 dimensions"),
                          (lambda: nn.init.dirac_(fastnn.empty(3, 2, 1), groups=2), "divisible by groups"),
                          (lambda: nn.init.orthogonal_(x), "2 or more dimensions"),
                          (lambda: nn.init.sparse_(x, 0.1), "Only tensors with 2 dimensions"),
                          (lambda: nn.init.kaiming_normal_(fastnn.empty(2, 2), mode="fan"), "not supported"),
                          (lambda: nn.init.calculate_gain("nothing"), "Unsupported nonlinearity"),
                          (lambda: nn.init.calculate_gain("leaky_relu", True), "not a valid number")):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.warns(UserWarning, match="zero-element"):
        nn.init.kaiming_uniform_(fastnn.empty(0, 3))
    with pytest.warns(FutureWarning, match="nn.init.xavier_uniform_"):
        nn.init.xavier_uniform(fastnn.empty(3, 3))
