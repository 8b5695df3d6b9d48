"""Initializers, regularizers, constraints and activations beside real Keras."""
import importlib
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_config, keras, ours, parameters, plain, public_names

pytestmark = MARKS
RNG = np.random.default_rng(9)
MODULES = "initializers", "regularizers", "constraints", "activations"
WITHOUT = {"get", "serialize", "deserialize"}


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("module, name", [(module, name) for module in MODULES
                                          for name in public_names(getattr(keras, module), WITHOUT)])
def test_signature(module, name):
    mine, theirs = getattr(getattr(ours, module), name), getattr(getattr(keras, module), name)
    assert parameters(mine) == parameters(theirs)
    if inspect.isclass(theirs) and module == "initializers":
        assert parameters(mine.__call__)[:3] == parameters(theirs.__call__)[:3]


@pytest.mark.parametrize("module", MODULES)
def test_names(module):
    mine, theirs = getattr(ours, module), getattr(keras, module)
    for name, thing in importlib.import_module(f"keras.src.{module}").ALL_OBJECTS_DICT.items():
        if name is None or name in WITHOUT:
            continue
        if inspect.isclass(thing) and module != "initializers" and name in ("Regularizer", "Constraint"):
            continue
        found = mine._family.find(name)
        assert found is not None and found.__name__ == thing.__name__, name
    for wrong in ("nonsense", "Family", "convert"):
        with pytest.raises(ValueError):
            mine.get(wrong)
    assert theirs.get(None) is None if module != "activations" else mine.get(None) is mine.linear


DETERMINISTIC = [("Zeros", {}, (3, 4)), ("Ones", {}, (2, 3)), ("Constant", {"value": 0.3}, (4,)),
                 ("Identity", {}, (3, 5)), ("Identity", {"gain": 2.0}, (4, 4)), ("Zeros", {}, ())]
RANDOM = [("RandomNormal", {}), ("RandomNormal", {"mean": 1.0, "stddev": 2.0}), ("TruncatedNormal", {}),
          ("TruncatedNormal", {"mean": -1.0, "stddev": 0.5}), ("RandomUniform", {}),
          ("RandomUniform", {"minval": 1.0, "maxval": 3.0}), ("VarianceScaling", {}),
          *(("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
            for mode in ("fan_in", "fan_out", "fan_avg")
            for distribution in ("truncated_normal", "untruncated_normal", "uniform")),
          *((name, {}) for name in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
                                    "LecunNormal"))]


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("name, kwargs, shape", DETERMINISTIC)
def test_deterministic_initializers(name, kwargs, shape, dtype):
    mine, theirs = (getattr(k.initializers, name)(**kwargs) for k in (ours, keras))
    got, expected = plain(mine(shape, dtype=dtype)), plain(theirs(shape, dtype=dtype))
    assert got.dtype == expected.dtype
    assert_same(got, expected)
    assert_same_config(mine, theirs)


@pytest.mark.parametrize("shape", [(200, 100), (3, 3, 40, 50), (4000,)])
@pytest.mark.parametrize("name, kwargs", RANDOM)
def test_random_initializers(name, kwargs, shape):
    """The same mean and variance within four standard errors, the same bounds."""
    mine, theirs = (getattr(k.initializers, name)(seed=3, **kwargs) for k in (ours, keras))
    got, expected = plain(mine(shape)).astype(np.float64), plain(theirs(shape)).astype(np.float64)
    scale = expected.std()
    assert abs(got.mean() - expected.mean()) < 4 * scale * (2 / got.size) ** 0.5
    assert abs(got.var() - expected.var()) < 4 * scale ** 2 * (4 / got.size) ** 0.5
    if "uniform" in f"{name}{kwargs}".lower() or "truncated" in f"{name}{kwargs}".lower() and "un" not in str(kwargs):
        assert abs(np.abs(got - got.mean()).max() - np.abs(expected - expected.mean()).max()) < 0.1 * scale
    assert_same(mine(shape), mine(shape), rtol=0, atol=0)
    assert_same_config(mine, theirs)
    assert_same_config(*(getattr(k.initializers, name)(**kwargs) for k in (ours, keras)))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 5), (5, 5)])
def test_orthogonal(shape):
    mine, theirs = ours.initializers.Orthogonal(gain=2.0, seed=1), keras.initializers.Orthogonal(gain=2.0, seed=1)
    for values in (plain(mine(shape)), plain(theirs(shape))):
        matrix = values.reshape(-1, shape[-1])
        matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        np.testing.assert_allclose(matrix @ matrix.T, 4 * np.eye(len(matrix)), atol=1e-5)
    assert_same_config(mine, theirs)


def test_initializers_by_name_and_value():
    init = ours.initializers
    assert type(init.get("he_normal")) is init.HeNormal and type(init.get("zeros")) is init.Zeros
    assert_same(init.get(2.0)((2,)), np.full(2, 2.0, np.float32))
    assert_same(init.get(lambda shape, dtype=None: np.ones(shape))((2,)), np.ones(2))
    record = init.serialize(init.VarianceScaling(2.0, "fan_out", "uniform", seed=4))
    assert_same(init.deserialize(record)((3, 3)), init.VarianceScaling(2.0, "fan_out", "uniform", seed=4)((3, 3)))


@pytest.mark.parametrize("make", [lambda i: i.VarianceScaling(scale=0), lambda i: i.VarianceScaling(mode="x"),
                                  lambda i: i.VarianceScaling(distribution="x"), lambda i: i.Orthogonal()((3,)),
                                  lambda i: i.Identity()((2, 3, 4))])
def test_initializer_errors(make):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            make(k.initializers)


REGULARIZERS = [("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.3}), ("L1L2", {}),
                ("L1L2", {"l1": 0.1, "l2": 0.2}), ("OrthogonalRegularizer", {}),
                ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"})]


@pytest.mark.parametrize("name, kwargs", REGULARIZERS)
def test_regularizer(name, kwargs):
    import torch

    import fastnn
    mine, theirs = (getattr(k.regularizers, name)(**kwargs) for k in (ours, keras))
    values = numbers(5, 4)
    x, y = fastnn.tensor(values).requires_grad_(), torch.tensor(values).requires_grad_()
    got, expected = mine(x), theirs(y)
    assert_same(got, expected)
    if expected.requires_grad:
        got.backward()
        expected.backward()
        assert_same(x.grad, y.grad, rtol=1e-4)
    for key, value in theirs.get_config().items():  # Keras writes some as rounded to float32
        assert mine.get_config()[key] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-7))
    assert ours.regularizers.deserialize(ours.regularizers.serialize(mine)).get_config() == mine.get_config()


CONSTRAINTS = [("MaxNorm", {}), ("MaxNorm", {"max_value": 0.5, "axis": 1}), ("MaxNorm", {"axis": [0, 1]}),
               ("NonNeg", {}), ("UnitNorm", {}), ("UnitNorm", {"axis": [0, 1]}), ("MinMaxNorm", {}),
               ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.8, "rate": 0.6, "axis": 1})]


@pytest.mark.parametrize("name, kwargs", CONSTRAINTS)
def test_constraint(name, kwargs):
    mine, theirs = (getattr(k.constraints, name)(**kwargs) for k in (ours, keras))
    for shape in ((5, 4), (3, 4, 5)):
        values = numbers(*shape)
        assert_same(mine(values), theirs(keras.ops.array(values)))
    assert_same_config(mine, theirs)
    assert ours.constraints.deserialize(ours.constraints.serialize(mine)).get_config() == mine.get_config()


FUNCTIONS = [(name, {}) for name in public_names(keras.activations, WITHOUT | {"threshold", "sparsemax"})]
FUNCTIONS += [("relu", {"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.5}), ("relu", {"max_value": 0.5}),
              ("relu", {"threshold": 0.3}), ("relu", {"negative_slope": 0.2}), ("leaky_relu", {"negative_slope": 0.4}),
              ("elu", {"alpha": 0.5}), ("celu", {"alpha": 0.5}), ("gelu", {"approximate": True}),
              ("softmax", {"axis": 0}),
              ("log_softmax", {"axis": 0}), ("glu", {"axis": 1}), ("soft_shrink", {"threshold": 0.2}),
              ("hard_shrink", {"threshold": 0.2}), ("squareplus", {"b": 1}),
              ("softmax", {"axis": (0, 1)}), ("threshold", {"threshold": 0.2, "default_value": -1.0})]


@pytest.mark.parametrize("name, kwargs", FUNCTIONS)
def test_activation(name, kwargs):
    import torch

    import fastnn
    mine, theirs = getattr(ours.activations, name), getattr(keras.activations, name)
    for shape in ((6, 4), (2, 4, 6)):
        values = 3 * numbers(*shape)
        x, y = fastnn.tensor(values).requires_grad_(), torch.tensor(values).requires_grad_()
        got, expected = mine(x, **kwargs), theirs(y, **kwargs)
        assert_same(got, expected, rtol=2e-5, atol=2e-6)
        weight = numbers(*expected.shape)
        (got * fastnn.tensor(weight)).sum().backward()
        (expected * torch.tensor(weight)).sum().backward()
        assert_same(x.grad, y.grad, rtol=1e-4, atol=1e-5)
    shape = getattr(ours.activations, name)(ours.Input((4, 6)), **kwargs).shape
    assert shape[1:] == plain(theirs(keras.ops.ones((2, 4, 6)), **kwargs)).shape[1:]
    if not kwargs:
        assert ours.activations.get(name) is mine
        assert ours.activations.serialize(mine) == keras.activations.serialize(theirs)
        assert ours.activations.deserialize(name) is mine


@pytest.mark.parametrize("axis", [-1, 0])
def test_sparsemax(axis):
    """Keras is wrong here, so beside the definition: x - t where that is above 0, t such that the sum is 1."""
    values = numbers(6, 4)
    moved = np.moveaxis(values, axis, -1)
    low, high = moved.max(-1, keepdims=True) - 1.0, moved.max(-1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(moved - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    expected = np.moveaxis(np.maximum(moved - low, 0), -1, axis)
    assert_same(ours.activations.sparsemax(values, axis), expected, atol=1e-6)
