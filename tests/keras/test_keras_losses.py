"""Losses beside real Keras: values, gradients, reductions with weights and masks, names, records."""
import numpy as np
import pytest
from keras_oracle import (MARKS, assert_same, assert_same_config, assert_same_signature, keras, ours, parameters, plain,
                          public_names)

pytestmark = MARKS
RNG = np.random.default_rng(5)
WITHOUT = set()


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def probabilities(*shape):
    x = RNG.random(shape).astype(np.float32) + 0.05
    return x / x.sum(-1, keepdims=True)


def one_hot(*shape):
    return np.eye(shape[-1], dtype=np.float32)[RNG.integers(0, shape[-1], shape[:-1])]


def bits(*shape):
    return RNG.integers(0, 2, shape).astype(np.float32)


def units(*shape):
    x = numbers(*shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def classes(*shape, below=4):
    return RNG.integers(0, below, shape)


TWO, THREE = (6, 4), (3, 5, 4)
REGRESSION = [(numbers(*TWO), numbers(*TWO)), (numbers(*THREE), numbers(*THREE)), (numbers(6), numbers(6, 1)),
              (numbers(6, 1), numbers(6)), (classes(6, 4), numbers(6, 4))]
LABELS = [(bits(*TWO), numbers(*TWO)), (2 * bits(*THREE) - 1, numbers(*THREE)), (classes(6, 1, below=2), numbers(6, 1))]
CATEGORICAL = [(one_hot(*TWO), probabilities(*TWO)), (probabilities(*THREE), probabilities(*THREE))]
LOGITS = [(one_hot(*TWO), numbers(*TWO)), (probabilities(*THREE), numbers(*THREE))]
SPARSE = [(classes(6), probabilities(*TWO)), (classes(6, 1), probabilities(*TWO)),
          (classes(3, 5), probabilities(*THREE)), (classes(3, 5).astype(np.float32), probabilities(*THREE))]
SPARSE_LOGITS = [(classes(6), numbers(*TWO)), (classes(3, 5), numbers(*THREE))]
BINARY = [(bits(*TWO), RNG.random(TWO).astype(np.float32)), (bits(3, 5, 1), RNG.random((3, 5, 1)).astype(np.float32)),
          (classes(6, 1, below=2), RNG.random((6, 1)).astype(np.float32))]
BINARY_LOGITS = [(bits(*TWO), 3 * numbers(*TWO))]
POSITIVE = [(np.abs(numbers(*TWO)), np.abs(numbers(*TWO))), (np.abs(numbers(*THREE)), np.abs(numbers(*THREE)))]
SEQUENCES = [(np.array([[1, 2, 2], [3, 1, 0]]), numbers(2, 7, 4)), (classes(3, 2) + 1, 3 * numbers(3, 5, 6))]
EMBEDDINGS = [(classes(12), units(12, 3)), (classes(12, 1), units(12, 3))]

CASES = [
    ("MeanSquaredError", {}, REGRESSION), ("MeanAbsoluteError", {}, REGRESSION),
    ("MeanAbsolutePercentageError", {}, REGRESSION), ("MeanSquaredLogarithmicError", {}, REGRESSION + POSITIVE),
    ("CosineSimilarity", {}, REGRESSION), ("CosineSimilarity", {"axis": 0}, REGRESSION[:2]),
    ("Huber", {}, REGRESSION), ("Huber", {"delta": 0.3}, REGRESSION), ("LogCosh", {}, REGRESSION),
    ("Poisson", {}, POSITIVE), ("Hinge", {}, LABELS), ("SquaredHinge", {}, LABELS),
    ("CategoricalHinge", {}, LABELS[:2]),
    ("KLDivergence", {}, CATEGORICAL),
    ("BinaryCrossentropy", {}, BINARY), ("BinaryCrossentropy", {"label_smoothing": 0.2}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True}, BINARY_LOGITS), ("BinaryCrossentropy", {"axis": 0}, BINARY),
    ("BinaryFocalCrossentropy", {}, BINARY),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5}, BINARY),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY_LOGITS),
    ("CategoricalCrossentropy", {}, CATEGORICAL), ("CategoricalCrossentropy", {"label_smoothing": 0.2}, CATEGORICAL),
    ("CategoricalCrossentropy", {"from_logits": True}, LOGITS),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, LOGITS),
    ("CategoricalCrossentropy", {"axis": 1}, CATEGORICAL),
    ("CategoricalFocalCrossentropy", {}, CATEGORICAL),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.0, "label_smoothing": 0.1},
     CATEGORICAL),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, LOGITS),
    ("SparseCategoricalCrossentropy", {}, SPARSE),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, SPARSE_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, SPARSE),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, SPARSE_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, [(classes(6) - 1, probabilities(*TWO))]),
    ("CategoricalGeneralizedCrossEntropy", {}, SPARSE[:1] + SPARSE[2:3]),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, SPARSE[:1]),
    ("Dice", {}, BINARY), ("Dice", {"axis": (1,)}, BINARY), ("Tversky", {}, BINARY),
    ("Tversky", {"alpha": 0.2, "beta": 0.7, "axis": -1}, BINARY),
    ("CTC", {}, SEQUENCES),
    ("Circle", {}, EMBEDDINGS), ("Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, EMBEDDINGS),
]
FLAT = [(name, kwargs, i, pair) for name, kwargs, pairs in CASES for i, pair in enumerate(pairs)]
IDS = [f"{name}-{'-'.join(map(str, kwargs))}-{i}" for name, kwargs, i, _ in FLAT]


def both(which, kwargs, **more):
    return getattr(ours.losses, which)(**kwargs, **more), getattr(keras.losses, which)(**kwargs, **more)


@pytest.mark.parametrize("name, kwargs, i, pair", FLAT, ids=IDS)
def test_value_and_gradient(name, kwargs, i, pair):
    import torch

    import fastnn
    mine, theirs = both(name, kwargs)
    x, y = fastnn.tensor(pair[1]).requires_grad_(), torch.tensor(pair[1]).requires_grad_()
    got, expected = mine(pair[0], x), theirs(pair[0], y)
    assert_same(got, expected, rtol=2e-5)
    got.backward()
    expected.backward()
    assert_same(x.grad, y.grad, rtol=1e-4, atol=1e-6 + 1e-5 * float(y.grad.abs().max()))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("name, kwargs, i, pair", FLAT, ids=IDS)
def test_reductions(name, kwargs, i, pair, reduction):
    mine, theirs = both(name, kwargs, reduction=reduction)
    values = plain(theirs(*pair)) if reduction in ("none", None) else \
        plain(both(name, kwargs, reduction="none")[1](*pair))
    assert_same(mine(*pair), theirs(*pair), rtol=2e-5, atol=1e-5)
    weights = [0.5] if not values.ndim else [RNG.random(values.shape).astype(np.float32)]
    if name != "Circle" and "ignore_class" not in kwargs:  # losses without a mask: Keras multiplies in place else
        weights.append(2.0)
    if values.ndim == 1:
        weights += [RNG.random((len(values), 1)).astype(np.float32), np.zeros(len(values), np.float32)]
    for weight in weights:
        assert_same(mine(*pair, sample_weight=weight), theirs(*pair, sample_weight=weight), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize("kept", ["some", "none", "all"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masks(reduction, kept, weighted):
    import torch

    import fastnn
    true, pred = numbers(*THREE), numbers(*THREE)
    mask = {"some": bits(3, 5) > 0, "none": np.zeros((3, 5), bool), "all": np.ones((3, 5), bool)}[kept]
    mine, theirs = both("MeanSquaredError", {}, reduction=reduction)
    x, y = fastnn.tensor(pred), torch.tensor(pred)
    x._keras_mask, y._keras_mask = fastnn.tensor(mask), torch.tensor(mask)
    weight = RNG.random((3, 5)).astype(np.float32) if weighted else None
    assert_same(mine(true, x, weight), theirs(true, y, weight))


@pytest.mark.parametrize("name", public_names(keras.losses, WITHOUT))
def test_signature(name):
    mine, theirs = getattr(ours.losses, name), getattr(keras.losses, name)
    assert parameters(mine) == parameters(theirs) if name not in ("get", "serialize", "deserialize") else callable(mine)


@pytest.mark.parametrize("name, kwargs", [(name, kwargs) for name, kwargs, _ in CASES])
def test_config(name, kwargs):
    assert_same_config(*both(name, kwargs))
    assert_same_config(*both(name, kwargs, reduction="sum", name="other"))


FUNCTIONS = [name for name in public_names(keras.losses, WITHOUT) if name[0].islower()
             and name not in ("get", "serialize", "deserialize", "categorical_generalized_cross_entropy")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_name(name):
    pair = {"sparse_categorical_crossentropy": SPARSE[0], "circle": EMBEDDINGS[0],
            "ctc": SEQUENCES[0]}.get(name, BINARY[0])
    assert_same(getattr(ours.losses, name)(*pair), getattr(keras.losses, name)(*pair), rtol=2e-5, atol=1e-5)
    assert ours.losses.get(name) is getattr(ours.losses, name)
    assert ours.losses.get(ours.losses.serialize(ours.losses.get(name))) is getattr(ours.losses, name)


def test_names():
    from keras.src.losses import ALL_OBJECTS_DICT
    for name, theirs in ALL_OBJECTS_DICT.items():
        if name in WITHOUT:
            continue
        mine = ours.losses._family.find(name)
        assert mine.__name__ == theirs.__name__, name
    for name in ("nonsense", "base", 3):
        with pytest.raises(ValueError, match="Could not interpret loss identifier"):
            ours.losses.get(name)
    for older in ("mse", "MAE", "mape", "MSLE", "kld", "KLD", "logcosh"):
        assert callable(getattr(ours.losses, older))


def test_a_function_as_a_loss():
    def mine(y_true, y_pred):
        return (y_true - y_pred).abs().sum(-1)
    loss = ours.losses.LossFunctionWrapper(mine, name="mine")
    true, pred = REGRESSION[0]
    assert_same(loss(true, pred), np.abs(true - pred).sum(-1).mean())
    record = ours.losses.LossFunctionWrapper(ours.losses.huber, delta=2.0).get_config()
    assert_same(ours.losses.LossFunctionWrapper.from_config(record)(true, pred), keras.losses.Huber(2.0)(true, pred))


def test_a_subclass_gets_tensors_of_its_type():
    class Mine(ours.losses.Loss):
        def call(self, y_true, y_pred):
            assert y_true.dtype is y_pred.dtype and y_true.dtype.name == "float32"
            return (y_true - y_pred).square().mean(-1)
    assert_same(Mine()(classes(6, 4), numbers(6, 4).astype(np.float64)).ndim, 0)
    assert Mine().name == "mine" or Mine().name.startswith("mine_")


def test_symbolic():
    for name, pair in (("mean_squared_error", REGRESSION[0]), ("sparse_categorical_crossentropy", SPARSE[0])):
        x, y = ours.Input(pair[0].shape[1:], dtype="int32" if name[0] == "s" else "float32"), ours.Input((4,))
        assert getattr(ours.losses, name)(x, y).shape == (None,)


@pytest.mark.parametrize("make", [lambda k: k.losses.MeanSquaredError(reduction="nonsense"),
                                  lambda k: k.losses.CategoricalGeneralizedCrossEntropy(q=1.0),
                                  lambda k: k.losses.binary_crossentropy(bits(3, 2), bits(3, 3)),
                                  lambda k: k.losses.categorical_crossentropy(bits(3, 2), bits(3, 3)),
                                  lambda k: k.losses.categorical_crossentropy(bits(3, 2), bits(3, 2), axis=True),
                                  lambda k: k.losses.sparse_categorical_crossentropy(classes(2), bits(3, 3))])
def test_errors(make):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            make(k)


def test_one_class_is_warned_of():
    with pytest.warns(SyntaxWarning, match="expected y_pred.shape"):
        ours.losses.categorical_crossentropy(bits(3, 1), probabilities(3, 1))


def test_signature_can_differ():
    with pytest.raises(AssertionError):
        assert_same_signature(ours.losses.huber, keras.losses.mean_squared_error)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "softplus"])
@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy",
                                  "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"])
@pytest.mark.parametrize("axes", [(-1, -1), (1, -1), (1, 1)])
def test_behind_an_activation(name, activation, axes):
    """Logits that are known are used only where softmax or sigmoid along this axis gave the probabilities."""
    import torch

    import fastnn
    values = 0.5 * numbers(3, 4, 4)
    true = classes(3, 4) if name.startswith("Sparse") else one_hot(3, 4, 4)
    x, y = fastnn.tensor(values).requires_grad_(), torch.tensor(values).requires_grad_()
    results = []
    for k, z in ((ours, x), (keras, y)):
        along = {"axis": axes[0]} if activation == "softmax" else {}
        p = getattr(k.activations, activation)(z, **along)
        found = getattr(k.losses, name)(axis=axes[1])(true, p / 3 if activation == "softplus" else p)
        found.backward()
        results.append(found)
    assert_same(*results, rtol=1e-4)
    assert_same(x.grad, y.grad, rtol=1e-3, atol=1e-6)


def test_logits_are_used():
    """Probabilities of 0 and 1 in float32 still have the right loss."""
    import fastnn
    logits = fastnn.tensor([[-200.0, 200.0]])
    assert float(ours.losses.binary_crossentropy([[1.0, 0.0]], ours.activations.sigmoid(logits))[0]) == 200.0
    assert float(ours.losses.categorical_crossentropy([[1.0, 0.0]], ours.activations.softmax(logits))[0]) == 400.0
    assert float(ours.losses.sparse_categorical_crossentropy([0], ours.activations.softmax(logits))[0]) == 400.0
