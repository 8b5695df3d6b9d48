"""Models beside real Keras: structure, summaries, training, files, errors. Weights are carried over, rows not
shuffled."""
import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, plain, without_modules

from fastnn.keras import naming

pytestmark = MARKS
RNG = np.random.default_rng(4)
X = RNG.normal(size=(40, 6)).astype(np.float32)
X2 = RNG.normal(size=(40, 3)).astype(np.float32)
Y = RNG.normal(size=(40, 2)).astype(np.float32)
LABELS = RNG.integers(0, 3, (40, 1))
WEIGHTS = RNG.uniform(0.1, 2, 40).astype(np.float32)


def reset_names():
    naming.reset_uids()
    keras.src.backend.common.global_state.set_global_attribute("object_name_uids", None)


def chain(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="relu"), k.layers.BatchNormalization(),
                         k.layers.Dense(2)])


def regularized(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(4, "tanh", kernel_regularizer="l2", activity_regularizer="l2"),
                         k.layers.Dense(2, bias_regularizer=k.regularizers.L1(0.1))])


def two_inputs(k):
    a, b = k.Input((6,), name="a"), k.Input((3,), name="b")
    x = k.layers.concatenate([k.layers.Dense(4, activation="relu", name="left")(a), b])
    return k.Model([a, b], k.layers.Dense(2, name="out")(x), name="two")


def dict_inputs(k):
    a, b = k.Input((6,), name="a"), k.Input((3,), name="b")
    x = k.layers.Concatenate()([a, b])
    return k.Model({"a": a, "b": b}, {"first": k.layers.Dense(2, name="first")(x),
                                      "second": k.layers.Dense(3, activation="softmax", name="second")(x)})


def two_outputs(k):
    x = k.Input((6,))
    h = k.layers.Dense(5, activation="tanh")(x)
    return k.Model(x, [k.layers.Dense(2, name="first")(h), k.layers.Dense(3, activation="softmax", name="second")(h)])


def shared(k):
    layer = k.layers.Dense(4, activation="relu", name="shared")
    a, b = k.Input((6,), name="a"), k.Input((6,), name="b")
    return k.Model([a, b], k.layers.Dense(2)(k.layers.Subtract()([layer(a), layer(b)])))


def nested(k):
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(4, activation="relu"), k.layers.Dense(4)], name="inner")
    x = k.Input((6,))
    y = k.layers.Add()([inner(x), k.layers.Dense(4)(x)])
    return k.Model(x, k.layers.Dense(2)(y), name="outer")


def operations(k):
    x = k.Input((6,), name="x")
    h = k.layers.Dense(4)(x)
    h = h * 2 + 1
    h = k.ops.relu(h) - k.ops.mean(h, axis=-1, keepdims=True)
    return k.Model(x, k.layers.Dense(2)(h[:, :3]))


def images(k):
    return k.Sequential([k.Input((6, 1)), k.layers.Conv1D(3, 2, padding="same", activation="relu"),
                         k.layers.MaxPooling1D(), k.layers.LSTM(4, return_sequences=True),
                         k.layers.GlobalAveragePooling1D(), k.layers.Dense(2)])


def attention(k):
    x = k.Input((6, 4))
    y = k.layers.MultiHeadAttention(2, 3)(x, x)
    y = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    return k.Model(x, k.layers.Dense(2)(k.layers.Flatten()(y)))


SINGLE = [chain, regularized, nested, operations]


def pair(build):
    """The model of both, with the same weights."""
    reset_names()
    mine = build(ours)
    reset_names()
    theirs = build(keras)
    values = [w + np.abs(RNG.normal(size=w.shape)).astype(w.dtype) * 0.1 for w in theirs.get_weights()]
    mine.set_weights(values)
    theirs.set_weights(values)
    return mine, theirs


def close(got, expected, **tolerance):
    """Equal results, nested in lists or dicts."""
    if isinstance(expected, dict):
        assert set(got) == set(expected)
        for key in expected:
            close(got[key], expected[key], **tolerance)
    elif isinstance(expected, (list, tuple)):
        assert type(got) is type(expected)
        assert len(got) == len(expected)
        for a, b in zip(got, expected):
            close(a, b, **tolerance)
    else:
        assert_same(np.asarray(plain(got)), np.asarray(plain(expected)), **{"rtol": 2e-4, "atol": 2e-5, **tolerance})


def data_of(build):
    """Inputs for a model."""
    return {two_inputs: [X, X2], dict_inputs: {"a": X, "b": X2}, shared: [X, X[::-1].copy()], images: X[..., None],
            attention: np.repeat(X[..., None], 4, -1)}.get(build, X)


def targets_of(build):
    return {dict_inputs: {"first": Y, "second": LABELS}, two_outputs: [Y, LABELS]}.get(build, Y)


ALL = [chain, regularized, two_inputs, dict_inputs, two_outputs, shared, nested, operations, images, attention]
LOSSES = {dict_inputs: {"first": "mse", "second": "sparse_categorical_crossentropy"},
          two_outputs: ["mae", "sparse_categorical_crossentropy"]}
METRICS = {dict_inputs: {"first": ["mae"], "second": ["accuracy"]}, two_outputs: [["mse"], ["accuracy"]]}


@pytest.mark.parametrize("build", ALL)
def test_structure(build):
    mine, theirs = pair(build)
    for name in ("name", "input_shape", "output_shape", "input_names", "output_names", "trainable", "built"):
        if hasattr(theirs, name):
            assert getattr(mine, name) == getattr(theirs, name), name
    assert [layer.name for layer in mine.layers] == [layer.name for layer in theirs.layers]
    assert [w.path for w in mine.weights] == [w.path for w in theirs.weights]
    assert mine.count_params() == theirs.count_params()
    for layer in theirs.layers:
        assert mine.get_layer(layer.name).name == layer.name
    close(mine(data_of(build)), theirs(data_of(build)))
    close(mine.predict(data_of(build), verbose=0), theirs.predict(data_of(build), verbose=0))
    close(mine.predict_on_batch(data_of(build)), theirs.predict_on_batch(data_of(build)))


@pytest.mark.parametrize("build", ALL)
def test_summary(build, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = []
    for model in pair(build):
        text = []
        model.summary(print_fn=lambda line, text=text, **kwargs: text.append(line))
        lines.append("\n".join(text).splitlines())
    assert lines[0] == lines[1]


def test_summary_of_nested_and_frozen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    mine, theirs = pair(nested)
    for model in (mine, theirs):
        model.layers[1].trainable = False
    for kwargs in (dict(expand_nested=True), dict(show_trainable=True), dict(line_length=80)):
        texts = []
        for model in (mine, theirs):
            text = []
            model.summary(print_fn=lambda line, text=text, **kw: text.append(line), **kwargs)
            texts.append("\n".join(text).splitlines())
        assert texts[0] == texts[1], kwargs


def compiled(build, optimizer="adam", **kwargs):
    mine, theirs = pair(build)
    kwargs = {"loss": LOSSES.get(build, "mse"), "metrics": METRICS.get(build, ["mae"]), **kwargs}
    for model in (mine, theirs):
        model.compile(optimizer, **kwargs)
    return mine, theirs


def fitted(pair, x, y=None, **kwargs):
    """`fit` of both: equal histories and weights."""
    histories = []
    for model in pair:
        arguments = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0, **kwargs}
        if callable(x):
            arguments.pop("batch_size")
            arguments.pop("shuffle")
            histories.append(model.fit(x(), **arguments))
        else:
            histories.append(model.fit(x, y, **arguments))
    assert list(histories[0].history) == list(histories[1].history)
    assert histories[0].epoch == histories[1].epoch
    for name, values in histories[1].history.items():
        close(histories[0].history[name], [float(v) for v in values], rtol=1e-3, atol=1e-4)
    close(pair[0].get_weights(), pair[1].get_weights(), rtol=1e-3, atol=2e-4)
    return histories


@pytest.mark.parametrize("build", ALL)
def test_fit_evaluate_predict(build):
    x, y = data_of(build), targets_of(build)
    models = compiled(build)
    fitted(models, x, y, validation_split=0.25)
    mine, theirs = models
    close(mine.evaluate(x, y, batch_size=16, verbose=0), theirs.evaluate(x, y, batch_size=16, verbose=0), rtol=1e-3)
    got, expected = (m.evaluate(x, y, batch_size=16, verbose=0, return_dict=True) for m in models)
    assert list(got) == list(expected)
    close(got, expected, rtol=1e-3, atol=1e-4)
    close(mine.predict(x, batch_size=7, verbose=0), theirs.predict(x, batch_size=7, verbose=0), rtol=1e-3, atol=1e-3)
    assert mine.metrics_names == theirs.metrics_names


@pytest.mark.parametrize("build", [chain, two_outputs, dict_inputs])
def test_batches(build):
    x, y = data_of(build), targets_of(build)
    mine, theirs = compiled(build)
    for _ in range(2):
        close(mine.train_on_batch(x, y), theirs.train_on_batch(x, y), rtol=1e-3)
    close(mine.test_on_batch(x, y), theirs.test_on_batch(x, y), rtol=1e-3)
    got, expected = mine.train_on_batch(x, y, return_dict=True), theirs.train_on_batch(x, y, return_dict=True)
    assert list(got) == list(expected)
    close(got, expected, rtol=1e-3)
    close(mine.get_weights(), theirs.get_weights(), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("kwargs", [
    dict(loss_weights=[0.3, 2.0]), dict(loss_weights={"first": 0.5, "second": 1.5}),
    dict(loss={"second": "sparse_categorical_crossentropy", "first": "mae"}), dict(metrics={"second": "accuracy"}),
    dict(metrics=["mse", "acc"]), dict(weighted_metrics=[["mae"], ["accuracy"]], metrics=None), dict(metrics=None),
    dict(loss=["mse", None], metrics=None)])
def test_several_outputs(kwargs):
    y = [Y, LABELS]
    fitted(compiled(two_outputs, **kwargs), X, y, validation_data=(X[:9], [Y[:9], LABELS[:9]]))


@pytest.mark.parametrize("kwargs", [dict(loss_weights={"first": 0.5, "second": 1.5}),
                                    dict(metrics={"second": "accuracy"}),
                                    dict(weighted_metrics={"first": ["mae"]}, metrics=None)])
def test_outputs_by_name(kwargs):
    fitted(compiled(dict_inputs, **kwargs), {"a": X, "b": X2}, {"first": Y, "second": LABELS})


def test_sample_weights_of_outputs():
    weights = [WEIGHTS, WEIGHTS[::-1].copy()]
    fitted(compiled(two_outputs, weighted_metrics=[["mae"], ["accuracy"]]), X, [Y, LABELS], sample_weight=weights)


def classes(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(3, activation="softmax")])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("kwargs", [dict(class_weight={0: 1.0, 1: 3.0, 2: 0.5}), dict(sample_weight=WEIGHTS),
                                    dict(validation_data=(X[:10], LABELS[:10], WEIGHTS[:10])),
                                    dict(validation_data=(X[:10], LABELS[:10]), validation_freq=2, epochs=4),
                                    dict(epochs=3, initial_epoch=1), dict(steps_per_epoch=2), dict(batch_size=None),
                                    dict(validation_data=(X, LABELS), validation_steps=1, validation_batch_size=8)])
def test_arguments_of_fit(kwargs):
    fitted(compiled(classes, loss="sparse_categorical_crossentropy", metrics=["accuracy"],
                    weighted_metrics=["accuracy"]),
           X, LABELS, **kwargs)


class Batches:
    """Batches by number."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return X[8 * i:8 * i + 8], Y[8 * i:8 * i + 8]


def generator(count=None):
    i = 0
    while count is None or i < count:
        yield X[8 * (i % 5):8 * (i % 5) + 8], Y[8 * (i % 5):8 * (i % 5) + 8]
        i += 1


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_generators():
    fitted(compiled(chain), generator, steps_per_epoch=3)
    fitted(compiled(chain), lambda: generator(10), steps_per_epoch=5)
    mine, theirs = compiled(chain)
    history = mine.fit(Batches(), epochs=2, verbose=0)
    class Sequence(keras.utils.PyDataset):
        __len__, __getitem__ = Batches.__len__, Batches.__getitem__
    expected = theirs.fit(Sequence(), epochs=2, verbose=0, shuffle=False)
    close(history.history["loss"], expected.history["loss"], rtol=1e-3)
    close(mine.evaluate(generator(5), verbose=0), theirs.evaluate(generator(5), verbose=0), rtol=1e-3)
    close(mine.predict(generator(3), verbose=0), theirs.predict(generator(3), verbose=0), rtol=1e-3, atol=1e-3)


def subclassed(k, extra):
    class Own(k.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = k.layers.Dense(5, activation="relu"), k.layers.Dense(2)
            self.drop = k.layers.Dropout(0.0)

        def call(self, inputs, training=False):
            h = self.drop(self.first(inputs), training=training)
            if extra == "add_loss":
                self.add_loss(0.1 * k.ops.mean(k.ops.square(h)))
            return self.second(h)

        if extra == "compute_loss":
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return k.ops.mean(k.ops.abs(y - y_pred)) + 0.01 * k.ops.mean(k.ops.square(x))
        if extra == "train_step":
            def train_step(self, data):
                x, y = data[:2]
                logs = super().train_step((x, 2 * y))
                return {**logs, "twice": logs["loss"] * 2}
        if extra == "test_step":
            def test_step(self, data):
                x, y = data[:2]
                return {"error": k.ops.mean(k.ops.abs(self(x, training=False) - y))}
    made = Own()
    made(k.ops.convert_to_tensor(X))
    return made


@pytest.mark.parametrize("extra", ["", "add_loss", "compute_loss", "train_step", "test_step"])
def test_subclassed(extra):
    models = mine, theirs = pair(lambda k: subclassed(k, extra))
    for model in models:
        model.compile("sgd", loss="mse", metrics=["mae"])
    # losses that `compute_loss` gives of a batch are averaged in the same way
    fitted(models, X, Y, validation_data=(X[:10], Y[:10]))
    close(mine.evaluate(X, Y, verbose=0, return_dict=True), theirs.evaluate(X, Y, verbose=0, return_dict=True),
          rtol=1e-3)
    assert [w.path for w in mine.weights] == [w.path for w in theirs.weights]


def test_frozen_layers():
    models = mine, theirs = pair(chain)
    for model in models:
        model.layers[0].trainable = False
        model.layers[1].trainable = False
        model.compile("adam", "mse")
    assert [w.path for w in mine.trainable_weights] == [w.path for w in theirs.trainable_weights]
    assert [w.path for w in mine.non_trainable_weights] == [w.path for w in theirs.non_trainable_weights]
    before = mine.get_weights()
    fitted(models, X, Y)
    close(mine.get_weights()[:6], before[:6])
    for model in models:  # and thawed
        model.trainable = True
        model.compile("sgd", "mse")
    fitted(models, X, Y)


@pytest.mark.parametrize("build", ALL)
def test_clone(build):
    mine = build(ours)
    copy = ours.models.clone_model(mine)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in mine.layers]
    copy.set_weights(mine.get_weights())
    close(copy(data_of(build)), mine(data_of(build)))
    assert not {id(layer) for layer in copy.layers} & {id(layer) for layer in mine.layers}


def test_clone_with_a_function():
    def change(k):
        def function(layer):
            config = layer.get_config()
            if isinstance(layer, k.layers.Dense):
                config["activation"] = "tanh"
            return type(layer).from_config(config)
        return function
    mine, theirs = pair(two_inputs)
    copies = [k.models.clone_model(m, clone_function=change(k)) for k, m in ((ours, mine), (keras, theirs))]
    for copy in copies:
        copy.set_weights(theirs.get_weights())
    close(copies[0]([X, X2]), copies[1]([X, X2]))


@pytest.mark.parametrize("build", ALL)
def test_records(build):
    mine, theirs = pair(build)
    again = type(mine).from_config(mine.get_config())
    again.set_weights(mine.get_weights())
    close(again(data_of(build)), mine(data_of(build)))
    assert without_modules(mine.get_config()).keys() == without_modules(theirs.get_config()).keys()
    again = ours.models.model_from_json(mine.to_json())
    again.set_weights(mine.get_weights())
    close(again(data_of(build)), mine(data_of(build)))
    close(ours.models.model_from_json(theirs.to_json()).count_params(), theirs.count_params())


@pytest.mark.parametrize("build", ALL)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_files(build, tmp_path):
    pytest.importorskip("h5py")
    x, y = data_of(build), targets_of(build)
    mine, theirs = compiled(build)
    fitted((mine, theirs), x, y, epochs=1)
    expected = theirs.predict(x, verbose=0)
    theirs.save(tmp_path / "theirs.keras")
    mine.save(tmp_path / "mine.keras")
    read, written = ours.models.load_model(tmp_path / "theirs.keras"), keras.models.load_model(tmp_path / "mine.keras")
    close(read.predict(x, verbose=0), expected)
    close(mine.predict(x, verbose=0), written.predict(x, verbose=0))
    close([plain(v) for v in read.optimizer.variables], [plain(v) for v in theirs.optimizer.variables])
    close([plain(v) for v in mine.optimizer.variables], [plain(v) for v in written.optimizer.variables])
    fitted((read, theirs), x, y, epochs=1)  # goes on where it was
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    mine.save_weights(tmp_path / "mine.weights.h5")
    other, another = build(ours), build(keras)
    other.load_weights(tmp_path / "theirs.weights.h5")
    another.load_weights(tmp_path / "mine.weights.h5")
    close(other.predict(x, verbose=0), theirs.predict(x, verbose=0))
    close(another.predict(x, verbose=0), mine.predict(x, verbose=0))
    if build is not operations:  # whose record in Keras' older format names no operations
        theirs.save(tmp_path / "theirs.h5")
        close(ours.models.load_model(tmp_path / "theirs.h5").predict(x, verbose=0), theirs.predict(x, verbose=0))


LAYERS = [
    ((5, 4), lambda L: L.Bidirectional(L.LSTM(3, return_sequences=True))), ((5, 4), lambda L: L.GRU(3)),
    ((5, 4), lambda L: L.TimeDistributed(L.Dense(3))), ((5, 4), lambda L: L.RNN([L.GRUCell(3), L.LSTMCell(2)])),
    ((5, 4), lambda L: L.SpectralNormalization(L.Conv1D(3, 2))), ((5, 4), lambda L: L.BatchNormalization()),
    ((5, 4), lambda L: L.SeparableConv1D(3, 2)),
    ((5, 4), lambda L: L.EinsumDense("abc,cd->abd", (5, 3), bias_axes="d")),
    ((3, 6, 5, 2), lambda L: L.ConvLSTM2D(3, 2)), ((5, 4), lambda L: L.PReLU()),
    ((5, 4), lambda L: L.GroupNormalization(2)),
    ((5, 4), lambda L: L.Dropout(0.2)), ((6, 5, 2), lambda L: L.DepthwiseConv2D(2)),
    ((6, 5, 2), lambda L: L.RandomFlip()), ((6, 5, 2), lambda L: L.Resizing(3, 3))]


@pytest.mark.parametrize(("shape", "make"), LAYERS)
def test_files_of_layers(shape, make, tmp_path):
    """Sublayers and variables lie where Keras looks for them."""
    pytest.importorskip("h5py")
    def build(k):
        return k.Sequential([k.Input(shape), make(k.layers), k.layers.Flatten(), k.layers.Dense(2)])
    mine, theirs = pair(build)
    x = RNG.normal(size=(3, *shape)).astype(np.float32)
    mine.save(tmp_path / "mine.keras")
    theirs.save(tmp_path / "theirs.keras")
    close(ours.models.load_model(tmp_path / "theirs.keras").predict(x, verbose=0), theirs.predict(x, verbose=0))
    close(mine.predict(x, verbose=0), keras.models.load_model(tmp_path / "mine.keras").predict(x, verbose=0))


@pytest.mark.parametrize("build", [attention, lambda k: grouped(k)])
def test_files_of_attention(build, tmp_path):
    pytest.importorskip("h5py")
    mine, theirs = pair(build)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    mine.save_weights(tmp_path / "mine.weights.h5")
    for model, path in ((mine, "theirs"), (theirs, "mine")):
        model.load_weights(tmp_path / f"{path}.weights.h5")
    close(mine(data_of(attention)), theirs(data_of(attention)))


def grouped(k):
    x = k.Input((6, 4))
    return k.Model(x, k.layers.Flatten()(k.layers.GroupQueryAttention(3, 4, 2)(x, x)))


def both_raise(function, *words):
    """The same class of error from both, ours with the words that say what to change."""
    caught = []
    for k in (ours, keras):
        with pytest.raises(Exception) as info:  # noqa: B017, PT011
            function(k)
        caught.append(info.value)
    assert isinstance(caught[0], type(caught[1])), f"{caught[0]!r} instead of {caught[1]!r}"
    for word in words:
        assert word in str(caught[0]), f"{caught[0]} says nothing of {word}"
        assert word in str(caught[1])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(("function", "words"), [
    (lambda k: chain(k)(X2), ["incompatible with the layer"]), (lambda k: chain(k)(X[0, 0]), []),
    (lambda k: two_inputs(k)([X]), ["expects 2 named input(s)"]),
    (lambda k: dict_inputs(k)({"a": X}), ["Missing data for input"]),
    (lambda k: two_inputs(k)([X2, X]), ["incompatible"]),
    (lambda k: chain(k).get_layer("none"), ["No such layer: none"]),
    (lambda k: chain(k).get_layer(index=9), ["index"]), (lambda k: chain(k).get_layer(), ["name"]),
    (lambda k: chain(k).fit(X, Y, verbose=0), ["call `compile()`"]),
    (lambda k: chain(k).train_on_batch(X, Y), ["call `compile()`"]),
    (lambda k: chain(k).compile("nope", "mse"), []),
    (lambda k: fit(k, loss="nope"), []), (lambda k: fit(k, metrics=["nope"]), []),
    (lambda k: fit(k, loss=None), ["loss"]),
    (lambda k: fit(k, x=X[:5]), []),
    (lambda k: fit(k, build=two_outputs, y=[Y]), []),
    (lambda k: fit(k, build=two_outputs, y=[Y, LABELS], loss=["mse", "mse", "mse"]), []),
    (lambda k: fit(k, build=two_outputs, y=[Y, LABELS], loss={"none": "mse"}), ["none"]),
    (lambda k: fit(k, class_weight={0: 1.0}, sample_weight=WEIGHTS), []),
    (lambda k: chain(k).set_weights([X]), ["weights"]), (lambda k: k.Sequential().predict(X), []),
    (lambda k: k.Model(k.Input((3,)), k.layers.Dense(2)(k.Input((3,)))), []), (lambda k: k.Model(X, X), []),
    (lambda k: k.Sequential([3]), []),
    (lambda k: k.layers.Dense(2)(X, X), []), (lambda k: k.layers.Dense(2).count_params(), ["count_params"]),
    (lambda k: k.models.load_model("nothing.keras"), ["nothing.keras"]),
    (lambda k: k.models.load_model("nothing.h5"), ["nothing.h5"]), (lambda k: fit(k, x=X[:, :5]), ["incompatible"]),
    (lambda k: fit(k, sample_weight=np.ones(7)), []), (lambda k: fit(k, x=None), []),
    (lambda k: k.Sequential().add(5), []),
    (lambda k: dict_inputs(k).predict({"a": X, "c": X2}, verbose=0), []),
    (lambda k: k.layers.Concatenate()([k.Input((2, 3)), k.Input((3, 3))]), ["matching shapes"]),
    (lambda k: k.layers.Reshape((5,))(k.Input((4,))), []), (lambda k: k.layers.Dense(3)(k.Input((None,))), []),
    (lambda k: k.layers.Dense(3)("abc"), []), (lambda k: chain(k).compile(5, "mse"), []),
    (lambda k: k.layers.Layer()(X), ["does not have a `call` method"]),
    (lambda k: same_names(k), ["is used 2 times"]),
    (lambda k: evaluate_nothing(k), []),
    (lambda k: chain(k).save("model.txt"), ["extension"]), (lambda k: chain(k).load_weights("no.weights.h5"), []),
    (lambda k: k.Sequential([k.Input((3,)), k.layers.Dense(2, name="a"), k.layers.Dense(2, name="a")]), ["unique"]),
    (lambda k: k.Input(), ["shape"]), (lambda k: bool(k.Input((2,))), []), (lambda k: np.asarray(k.Input((2,))), []),
])
def test_errors(function, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both_raise(function, *words)


def same_names(k):
    x = k.Input((2,))
    return k.Model(x, k.layers.Dense(2, name="q")(k.layers.Dense(2, name="q")(x)))


def evaluate_nothing(k):
    model = chain(k)
    model.compile("sgd", "mse")
    model.evaluate(X[:0], Y[:0], verbose=0)


def fit(k, build=chain, x=X, y=Y, loss="mse", metrics=None, **kwargs):
    model = build(k)
    model.compile("sgd", loss=loss, metrics=metrics)
    model.fit(x, y, verbose=0, **kwargs)


def test_call_that_is_replaced_later_takes_effect():
    """Also where the model has found how to bypass the layers' `__call__` already."""
    inputs = ours.Input((3,))
    hidden = ours.layers.Dense(3, kernel_initializer="ones")
    chain, graph = ours.Model(inputs, hidden(inputs)), ours.Model(inputs, ours.layers.add([inputs, hidden(inputs)]))
    x = np.ones((1, 3), "float32")
    before = plain(chain(x)), plain(graph(x))
    hidden.call = lambda inputs: inputs * 0
    assert not plain(chain(x)).any() and np.array_equal(plain(graph(x)), x)
    del hidden.call
    assert np.array_equal(plain(chain(x)), before[0]) and np.array_equal(plain(graph(x)), before[1])
