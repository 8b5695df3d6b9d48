"""Every layer beside real Keras: weights, outputs, gradients, records, shapes, masks and default arguments."""
import numpy as np
import pytest
from keras_oracle import (MARKS, assert_same, assert_same_signature, keras, ours, parameters, plain, public_names,
                          torch, without_modules)
from layer_cases import CASES, ELSEWHERE, HOLES, RIGHT

from fastnn.keras import naming, tree
from fastnn.keras.layers.base import recorded

pytestmark = MARKS
RNG = np.random.default_rng(5)
COUNTS = {}


def reset_names():
    """Count names from the same number in both."""
    naming.reset_uids()
    keras.src.backend.common.global_state.set_global_attribute("object_name_uids", None)


def made(k, name, kwargs):
    reset_names()
    kwargs = kwargs(k.layers) if callable(kwargs) else kwargs
    return getattr(k.layers, name)(**{"name": "under_test", **kwargs})


def inputs_of(inputs):
    """Arrays in place of shapes."""
    if isinstance(inputs, list):
        return [inputs_of(each) for each in inputs]
    return np.random.default_rng(3).normal(size=inputs).astype(np.float32) if isinstance(inputs, tuple) else inputs


def tensors(k, inputs, mask, grad=False):
    """The arrays as tensors of either, the first one masked."""
    def tensor(x):
        x = k.ops.convert_to_tensor(x)
        floating = "float" in str(x.dtype)
        return x.clone().requires_grad_() if grad and floating else x
    found = tree.map_structure(tensor, inputs)
    if mask is not None:
        found[0]._keras_mask = k.ops.convert_to_tensor(mask)
    return found


def called(k, layer, found, options, **kwargs):
    call = {name: tree.map_structure(k.ops.convert_to_tensor, value) if isinstance(value, (list, np.ndarray)) else value
            for name, value in options.get("call", {}).items()}
    if layer._call_has_training_arg:
        call.update(kwargs)
    return layer(found, **call) if options.get("several") else layer(*found, **call)


def leaves(outputs):
    return [leaf for leaf in tree.flatten(outputs) if leaf is not None]


def tail(variable):
    return variable.path.partition("under_test/")[2] or variable.path


def randomized(layer):
    """Weights none of which is zero; variances stay positive."""
    return [w + np.abs(RNG.normal(size=w.shape)).astype(w.dtype) * 0.3 if w.dtype.kind == "f" else w
            for w in (plain(v) for v in layer.weights)]


def mask_of(x):
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else plain(mask)


def assert_same_masks(mine, theirs):
    for got, wanted in zip(leaves(mine), leaves(theirs)):
        got, wanted = mask_of(got), mask_of(wanted)
        assert (got is None) == (wanted is None)
        if got is not None:
            np.testing.assert_array_equal(got, wanted)


def gradients(k, layer, inputs, options):
    """(losses, outputs, gradients of weights, of inputs) of a training call."""
    found = tensors(k, inputs, options.get("mask"), grad=True)
    weights = np.random.default_rng(9)
    if k is ours:
        with recorded():
            outputs = called(k, layer, found, options, training=True)
            total = sum((y * ours.ops.convert_to_tensor(weights.normal(size=y.shape).astype(plain(y).dtype))).sum()
                        for y in leaves(outputs))
            for loss in layer.losses:
                total = total + loss
            if total.requires_grad:
                total.backward()
        variables = [v.grad for v in layer.trainable_weights]
    else:
        outputs = called(k, layer, found, options, training=True)
        total = sum((y * torch.tensor(weights.normal(size=y.shape).astype(plain(y).dtype))).sum()
                    for y in leaves(outputs))
        for loss in layer.losses:
            total = total + loss
        if total.requires_grad:
            total.backward()
        variables = [v.value.grad for v in layer.trainable_weights]
    given = [x.grad for x in tree.flatten(found) if x.requires_grad]
    return outputs, [None if g is None else plain(g) for g in [*variables, *given]]


def compare(name, kwargs, inputs, options):
    off, tolerance = options.get("off", set()), options.get("tolerance", {})
    mine, theirs = made(ours, name, kwargs), made(keras, name, kwargs)
    if "call" in off:
        return
    inputs = inputs_of(inputs)
    first = [called(k, layer, tensors(k, inputs, options.get("mask")), options, training=False)
             for k, layer in ((ours, mine), (keras, theirs))]
    assert [tail(v) for v in mine.weights] == [tail(v) for v in theirs.weights]
    assert [tuple(v.shape) for v in mine.weights] == [tuple(v.shape) for v in theirs.weights]
    assert len(mine.trainable_weights) == len(theirs.trainable_weights)
    values = randomized(theirs)
    mine.set_weights(values)
    theirs.set_weights(values)
    # outputs and masks
    first = [called(k, layer, tensors(k, inputs, options.get("mask")), options, training=False)
             for k, layer in ((ours, mine), (keras, theirs))]
    assert [y.shape for y in leaves(first[0])] == [tuple(y.shape) for y in leaves(first[1])]
    assert [plain(y).dtype for y in leaves(first[0])] == [plain(y).dtype for y in leaves(first[1])]
    if "outputs" not in off:
        for got, wanted in zip(leaves(first[0]), leaves(first[1])):
            assert_same(got, wanted, **{"rtol": 1e-5, "atol": 1e-5, **tolerance})
    assert_same_masks(*first)
    # a step of training, and what it changes
    if not options.get("random") and "gradients" not in off:
        (y, grads), (z, expected) = gradients(ours, mine, inputs, options), gradients(keras, theirs, inputs, options)
        for got, wanted in zip(leaves(y), leaves(z)):
            assert_same(got, wanted, **{"rtol": 1e-5, "atol": 1e-5, **tolerance})
        assert len(grads) == len(expected)
        for got, wanted in zip(grads, expected):
            assert (got is None) == (wanted is None) or not np.any(got if wanted is None else wanted)
            if got is not None and wanted is not None:
                assert_same(got, wanted, **{"rtol": 1e-4, "atol": 2e-5, **tolerance})
        for got, wanted in zip(mine.get_weights(), theirs.get_weights()):
            assert_same(got, wanted, **{"rtol": 1e-5, "atol": 1e-5, **tolerance})
    elif options.get("random"):
        y, _ = gradients(ours, mine, inputs, options)
        assert [a.shape for a in leaves(y)] == [a.shape for a in leaves(first[0])]
    if "config" not in off:
        compare_records(mine, theirs, values)
    compare_shapes(mine, theirs, name, kwargs, inputs, options, first[0])


def compare_records(mine, theirs, values):
    """Equal configurations, that make equal layers in either."""
    config = mine.get_config()
    assert without_modules(config) == without_modules(theirs.get_config())
    again = type(mine).from_config(config)
    assert without_modules(again.get_config()) == without_modules(config)
    type(theirs).from_config(theirs.get_config())
    record = ours.saving.serialize_keras_object(mine)
    revived = keras.saving.deserialize_keras_object(record)
    assert type(revived) is type(theirs)
    back = ours.saving.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(back) is type(mine)
    if mine.get_build_config():
        assert tree.lists_to_tuples(mine.get_build_config()) == tree.lists_to_tuples(theirs.get_build_config())
        back.build_from_config(mine.get_build_config())
        if len(back.weights) == len(values):
            back.set_weights(values)


def shapes_of(structure):
    return [tuple(x.shape) for x in leaves(structure)]


def flat_shapes(structure):
    """Every shape within, as a list."""
    if tree.is_shape(structure):
        return [tuple(structure)]
    return [shape for item in structure for shape in flat_shapes(item)]


def compare_shapes(mine, theirs, name, kwargs, inputs, options, outputs):
    """Shapes that are computed, and those of symbolic tensors with an unknown number of rows."""
    shapes = tree.map_structure(lambda x: x.shape, inputs)
    if isinstance(inputs, list) and not any(isinstance(x, list) for x in inputs):
        given = [shapes] if options.get("several") else shapes if len(shapes) == 1 or name not in CELLS else None
        if given is not None and "return_attention_scores" not in options.get("call", {}):
            assert flat_shapes(mine.compute_output_shape(*given)) == flat_shapes(theirs.compute_output_shape(*given))
    if options.get("mask") is not None or name in CELLS or "call" in options:
        return
    found = []
    for k in (ours, keras):
        layer = made(k, name, kwargs)
        symbolic = [k.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs]
        found.append(called(k, layer, symbolic, options))
    assert shapes_of(found[0]) == shapes_of(found[1])
    assert [x.dtype for x in leaves(found[0])] == [x.dtype for x in leaves(found[1])]
    got = ours.Model(symbolic_inputs(found[0]), found[0])
    for shape, symbolic in zip(shapes_of(outputs), shapes_of(got.outputs)):
        assert all(n in (m, None) for m, n in zip(shape, symbolic))


CELLS = {"SimpleRNNCell", "GRUCell", "LSTMCell"}


def symbolic_inputs(outputs):
    """The `Input`s that symbolic tensors come from."""
    found = {}

    def walk(x):
        history = x._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if node.is_input:
            found[id(x)] = x
        for each in node.input_tensors:
            walk(each)
    for x in leaves(outputs):
        walk(x)
    return list(found.values())


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask")  # Keras, of its own GroupQueryAttention
@pytest.mark.filterwarnings("ignore:Exception encountered when calling GroupedQueryAttention")
@pytest.mark.parametrize(("name", "kwargs", "inputs", "options"), [(*case, {})[:4] for case in CASES],
                         ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)])
def test_layer(name, kwargs, inputs, options):
    COUNTS["total"] = COUNTS.get("total", 0) + 1
    compare(name, kwargs, inputs, options)
    COUNTS["passed"] = COUNTS.get("passed", 0) + 1


def test_passed_and_total(capsys):
    with capsys.disabled():
        print(f"\nlayers beside Keras: {COUNTS.get('passed', 0)} of {COUNTS.get('total', 0)} configurations equal")


def test_the_comparison_can_fail(monkeypatch):
    call = ours.layers.Dense.call
    monkeypatch.setattr(ours.layers.Dense, "call", lambda self, inputs, training=None: -call(self, inputs))
    with pytest.raises(AssertionError):
        compare("Dense", dict(units=4), [(3, 5)], {})


NAMES = [name for name in public_names(ours.layers) if name[0].isupper() and hasattr(keras.layers, name)]


@pytest.mark.parametrize("name", NAMES)
def test_default_arguments(name):
    mine, theirs = getattr(ours.layers, name), getattr(keras.layers, name)
    assert_same_signature(mine.__init__, theirs.__init__)
    if hasattr(theirs, "call") and name not in ("Layer", "Wrapper"):
        assert [p[0] for p in parameters(mine.call)] == [p[0] for p in parameters(theirs.call)]


def test_every_layer_is_in_the_table():
    known = {getattr(ours.layers, case[0]) for case in CASES}
    assert {name for name in NAMES if getattr(ours.layers, name) not in known} <= ELSEWHERE


@pytest.mark.parametrize("name", ["add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"])
def test_merging_functions(name):
    kwargs = dict(axes=1) if name == "dot" else {}
    arrays = [RNG.normal(size=(2, 3)).astype(np.float32) for _ in range(2)]
    assert_same(getattr(ours.layers, name)(arrays, **kwargs), getattr(keras.layers, name)(arrays, **kwargs))
    assert_same_signature(getattr(ours.layers, name), getattr(keras.layers, name))


def test_average_pooling_counts_no_padding():
    x = RNG.normal(size=(2, 7, 6, 3)).astype(np.float32)
    got = plain(ours.layers.AveragePooling2D(3, 2, padding="same")(x))
    padded = np.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0)), constant_values=np.nan)
    expected = [[np.nanmean(padded[:, i:i + 3, j:j + 3], axis=(1, 2)) for j in (0, 2, 4)] for i in (0, 2, 4, 6)]
    np.testing.assert_allclose(got, np.moveaxis(np.array(expected), 2, 0), rtol=1e-5, atol=1e-6)


def test_layer_normalization_of_inner_axes():
    # Keras' torch backend raises for axes that are not the last ones.
    x = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    got = plain(ours.layers.LayerNormalization(axis=1)(x))
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2])
def test_transposed_convolution_with_output_padding(size):
    # Keras' torch backend shifts the output; as in TensorFlow it is the gradient of the convolution of the larger
    # image.
    layer = ours.layers.Conv1DTranspose(1, 3, strides=3, padding="same", output_padding=size, use_bias=False)
    x = RNG.normal(size=(1, 4, 1)).astype(np.float32)
    got = plain(layer(x))[0, :, 0]
    kernel, length = layer.get_weights()[0][:, 0, 0], len(got)
    total = max((-(-length // 3) - 1) * 3 + 3 - length, 0)
    expected = np.zeros(length + 6)
    for i, value in enumerate(x[0, :, 0]):
        expected[i * 3 + 3 - 1:][:3] += value * kernel
    assert any(np.allclose(got, expected[begin:begin + length], atol=1e-5) for begin in (2, 2 + total // 2))


def sequence_model(k, layers):
    inputs = k.Input((6,), dtype="int32")
    x = k.layers.Embedding(9, 4, mask_zero=True)(inputs)
    for layer in layers(k.layers):
        x = layer(x)
    return k.Model(inputs, x)


@pytest.mark.parametrize("layers", [
    lambda L: [L.LSTM(4)],
    lambda L: [L.Dropout(0.2), L.GRU(4, return_sequences=True), L.SimpleRNN(3)],
    lambda L: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.TimeDistributed(L.Dense(2)), L.GRU(3)],
    lambda L: [L.Conv1D(3, 2, padding="same"), L.GlobalAveragePooling1D()],
    lambda L: [L.Dense(4, activation="relu"), L.GlobalAveragePooling1D()],
    lambda L: [L.Activation("relu"), L.LayerNormalization(), L.BatchNormalization(), L.LSTM(2)],
    lambda L: [L.LSTM(3, return_sequences=True), L.Masking(), L.GRU(2)],
    lambda L: [L.Reshape((6, 4)), L.LSTM(2)],
    lambda L: [L.ZeroPadding1D(1), L.Flatten()],
    lambda L: [L.Permute((2, 1)), L.Flatten()],
])
@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_masks_through_models(layers):
    mine, theirs = sequence_model(ours, layers), sequence_model(keras, layers)
    theirs.set_weights(randomized(theirs))
    mine.set_weights([plain(w) for w in theirs.get_weights()])
    ids = np.where(RIGHT, 1 + np.arange(18).reshape(3, 6) % 8, 0).astype("int32")
    assert_same(mine(ids), theirs(ids), atol=1e-5)
    assert_same(mine.predict(ids, verbose=0), theirs.predict(ids, verbose=0), atol=1e-5)


def test_stateful_layers_remember():
    x = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    for name in ("LSTM", "GRU", "SimpleRNN"):
        mine, theirs = (getattr(k.layers, name)(3, stateful=True) for k in (ours, keras))
        mine.build((2, 3, 4))
        theirs.build((2, 3, 4))
        mine.set_weights(theirs.get_weights())
        for _ in range(3):
            assert_same(mine(x), theirs(x), atol=1e-5)
        mine.reset_state()
        theirs.reset_state()
        assert_same(mine(x), theirs(x), atol=1e-5)


def test_initial_states():
    x, h, c = (RNG.normal(size=size).astype(np.float32) for size in ((2, 3, 4), (2, 5), (2, 5)))
    mine, theirs = (k.layers.LSTM(5) for k in (ours, keras))
    expected = theirs(x, initial_state=[h, c])
    mine(x, initial_state=[h, c])
    mine.set_weights(theirs.get_weights())
    assert_same(mine(x, initial_state=[h, c]), expected, atol=1e-5)
    with pytest.raises(ValueError, match="initial_state"):
        mine(x, initial_state=[h])


@pytest.mark.parametrize(("name", "kwargs"), [
    ("Dropout", dict(rate=0.5)), ("AlphaDropout", dict(rate=0.3)), ("GaussianDropout", dict(rate=0.3)),
    ("GaussianNoise", dict(stddev=0.5)), ("SpatialDropout1D", dict(rate=0.5)), ("SpatialDropout2D", dict(rate=0.5))])
def test_random_layers(name, kwargs):
    x = np.ones((40, 50, 30) if "1D" in name else (20, 10, 10, 30) if "2D" in name else (200, 300), np.float32)
    if name == "AlphaDropout":
        x = RNG.normal(size=x.shape).astype(np.float32)
    layer, theirs = (getattr(k.layers, name)(seed=3, **kwargs) for k in (ours, keras))
    got, expected = plain(layer(x, training=True)), plain(theirs(x, training=True))
    assert abs(got.mean() - expected.mean()) < 0.1
    assert abs(got.std() - expected.std()) < 0.1
    again = getattr(ours.layers, name)(seed=3, **kwargs)
    np.testing.assert_array_equal(plain(again(x, training=True)), got)  # the seed decides
    assert not np.array_equal(plain(layer(x, training=True)), got)
    if name.startswith("Spatial"):
        assert (got.reshape(len(x), -1, x.shape[-1]).std(1) == 0).all()


def error_of(k, name, kwargs, inputs):
    try:
        layer = made(k, name, kwargs)
        if inputs is not None:
            layer(inputs if isinstance(inputs, list) else np.zeros(inputs, np.float32))
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize(("name", "kwargs", "inputs"), [
    ("Dense", dict(units=0), None), ("Dense", dict(units=-1), None), ("Dense", dict(units=3, wrong=1), None),
    ("Conv2D", dict(filters=0, kernel_size=3), None), ("Conv2D", dict(filters=3, kernel_size=(1, 2, 3)), None),
    ("Conv2D", dict(filters=3, kernel_size=3, padding="full"), None),
    ("Conv2D", dict(filters=3, kernel_size=3), (2, 5)),
    ("Conv2D", dict(filters=3, kernel_size=9), (2, 5, 5, 1)),
    ("Conv1D", dict(filters=3, kernel_size=3, strides=0), None),
    ("Conv2D", dict(filters=3, kernel_size=3, groups=2), None),
    ("Conv2D", dict(filters=3, kernel_size=3, strides=2, dilation_rate=2), None),
    ("Dropout", dict(rate=1.5), None), ("Embedding", dict(input_dim=0, output_dim=3), None),
    ("LSTM", dict(units=0), None), ("LSTM", dict(units=3), (2, 3)), ("MaxPooling2D", {}, (2, 3)),
    ("Reshape", dict(target_shape=(7,)), (2, 3)), ("Permute", dict(dims=(0, 1)), None),
    ("RepeatVector", dict(n=0), None), ("RepeatVector", dict(n="2"), None),
    ("Activation", dict(activation="nope"), None),
    ("Add", {}, (2, 3)), ("Add", {}, [np.zeros((2, 3), "float32"), np.zeros((2, 4), "float32")]),
    ("Subtract", {}, [np.zeros((2, 3), "float32")] * 3),
    ("Concatenate", {}, [np.zeros((2, 3), "float32"), np.zeros((3, 4), "float32")]),
    ("GroupNormalization", dict(groups=4), (2, 3, 6)),
    ("Bidirectional", dict(layer=3), None), ("TimeDistributed", dict(layer=3), None), ("RNN", dict(cell=3), None),
    ("ReLU", dict(max_value=-1.0), None), ("LeakyReLU", dict(negative_slope=None), None),
    ("Cropping2D", dict(cropping=(1, 2, 3)), None), ("Cropping1D", dict(cropping=3), (2, 5, 3)),
    ("UpSampling2D", dict(interpolation="nope"), None), ("ZeroPadding2D", dict(padding=(1, 2, 3)), None),
    ("Attention", dict(score_mode="nope"), None), ("Dense", dict(units=3), []),
])
def test_errors(name, kwargs, inputs):
    mine, theirs = error_of(ours, name, kwargs, inputs), error_of(keras, name, kwargs, inputs)
    if theirs is not None:
        assert mine is not None, f"Keras raises {type(theirs).__name__}: {theirs}"
        assert isinstance(mine, type(theirs)), f"{mine!r} instead of {theirs!r}"


def test_holes_are_tested():
    assert HOLES.any() and not HOLES.all()  # or the masked cases show nothing
