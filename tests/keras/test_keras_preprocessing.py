"""Preprocessing layers beside real Keras, where it runs without TensorFlow; else the values that its documentation and
the hashes' authors give."""
import struct

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain, without_modules

from fastnn.keras.layers import augmentation, hashing, images

pytestmark = MARKS
RNG = np.random.default_rng(21)
IMAGES = RNG.uniform(0, 255, (3, 7, 10, 3)).astype(np.float32)
BYTES = RNG.integers(0, 256, (2, 9, 6, 3)).astype(np.uint8)
ROWS = RNG.normal(2, 3, (50, 4)).astype(np.float32)
NUMBERS = RNG.integers(0, 5, (6, 3))

EQUAL = [
    ("Normalization", dict(mean=3.0, variance=2.0), ROWS),
    ("Normalization", dict(axis=None, mean=1.0, variance=4.0), ROWS),
    ("Normalization", dict(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 1, 2], invert=True), ROWS),
    ("CategoryEncoding", dict(num_tokens=5), NUMBERS),
    ("CategoryEncoding", dict(num_tokens=5, output_mode="count"), NUMBERS),
    ("CategoryEncoding", dict(num_tokens=5, output_mode="one_hot"), NUMBERS[:, 0]),
    ("CategoryEncoding", dict(num_tokens=5, output_mode="one_hot"), NUMBERS[:, :1]),
    ("Discretization", dict(bin_boundaries=[0.0, 1.0, 2.5]), ROWS),
    ("Discretization", dict(bin_boundaries=[0.0, 1.0], output_mode="one_hot"), ROWS[:, :1]),
    ("Discretization", dict(bin_boundaries=[0.0, 1.0], output_mode="multi_hot"), ROWS),
    ("Discretization", dict(bin_boundaries=[0.0, 1.0], output_mode="count"), ROWS),
    *[("Resizing", kwargs, data) for data in (IMAGES, BYTES, IMAGES[0]) for kwargs in [
        dict(height=5, width=4), dict(height=12, width=13), dict(height=5, width=4, interpolation="nearest"),
        dict(height=5, width=4, antialias=True), dict(height=9, width=5, interpolation="bicubic"),
        dict(height=5, width=4, crop_to_aspect_ratio=True), dict(height=5, width=4, pad_to_aspect_ratio=True)]],
    ("Resizing", dict(height=4, width=4, data_format="channels_first"), IMAGES.transpose(0, 3, 1, 2)),
    ("CenterCrop", dict(height=4, width=5), IMAGES), ("CenterCrop", dict(height=8, width=5), IMAGES),
    ("CenterCrop", dict(height=12, width=11), BYTES), ("CenterCrop", dict(height=4, width=5), IMAGES[0]),
]
RANDOM = [("RandomFlip", dict(mode="horizontal")), ("RandomRotation", dict(factor=0.2)),
          ("RandomZoom", dict(height_factor=0.2)),
          ("RandomTranslation", dict(height_factor=0.2, width_factor=(-0.1, 0.3))),
          ("RandomContrast", dict(factor=0.3)), ("RandomBrightness", dict(factor=(-0.2, 0.1))),
          ("RandomCrop", dict(height=4, width=5, seed=3))]
NAMES = sorted({name for name, *_ in EQUAL + RANDOM} | {"Hashing", "StringLookup", "IntegerLookup",
                                                        "TextVectorization"})


@pytest.mark.parametrize(("name", "kwargs", "data"), EQUAL)
def test_equal(name, kwargs, data):
    mine, theirs = (getattr(k.layers, name)(name="under_test", **kwargs) for k in (ours, keras))
    got, expected = mine(data), theirs(data)
    # interpolated whole numbers that lie half way between two are rounded by one of both
    tolerance = dict(atol=1) if data.dtype == np.uint8 and name == "Resizing" else dict(atol=2e-4, rtol=1e-5)
    assert_same(plain(got).astype(np.float64), plain(expected).astype(np.float64), **tolerance)
    assert plain(got).dtype == plain(expected).dtype
    assert without_modules(mine.get_config()) == without_modules(theirs.get_config())
    again = type(mine).from_config(mine.get_config())
    assert_same(again(data), plain(got))
    shape = (None, *data.shape[1:]) if data.ndim != 3 else data.shape
    assert mine.compute_output_shape(shape) == theirs.compute_output_shape(shape)
    keras.saving.deserialize_keras_object(ours.saving.serialize_keras_object(mine))


@pytest.mark.parametrize("name", NAMES)
def test_default_arguments(name):
    assert_same_signature(getattr(ours.layers, name).__init__, getattr(keras.layers, name).__init__)
    assert_same_signature(getattr(ours.layers, name).call, getattr(keras.layers, name).call)


@pytest.mark.parametrize(("axis", "data"), [(-1, ROWS), (None, ROWS), ((1, 2), IMAGES), (3, IMAGES)])
def test_normalization_learns(axis, data):
    mine, theirs = (k.layers.Normalization(axis=axis) for k in (ours, keras))
    for layer in (mine, theirs):
        layer.adapt(data)
    assert_same(mine(data), theirs(data), atol=1e-4)
    assert [w.path.split("/")[-1] for w in mine.weights] == [w.path.split("/")[-1] for w in theirs.weights]
    batches = [data[:2], data[2:]]
    again = ours.layers.Normalization(axis=axis)
    again.adapt(batches)
    assert_same(again(data), theirs(data), atol=1e-3)
    copy = ours.layers.Normalization(axis=axis)
    copy.build(data.shape)
    copy.set_weights(theirs.get_weights())
    assert_same(copy(data), theirs(data), atol=1e-4)


def test_discretization_learns():
    data = RNG.normal(size=(500, 2)).astype(np.float32)
    for split in (False, True):
        mine, theirs = (k.layers.Discretization(num_bins=4, epsilon=0.02) for k in (ours, keras))
        try:
            for layer in (mine, theirs):
                layer.adapt([data[:300], data[300:]] if split else data)
        except (ImportError, AttributeError):  # Keras asks TensorFlow what the data is
            theirs.reset_state()
            for batch in [data[:300], data[300:]] if split else [data]:
                theirs.update_state(batch)
            theirs.finalize_state()
        mine.adapt([data[:300], data[300:]] if split else data)
        np.testing.assert_allclose(mine.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
        assert_same(mine(data), theirs(data))
        assert type(mine).from_config(mine.get_config()).bin_boundaries == mine.bin_boundaries


@pytest.mark.parametrize(("name", "kwargs"), RANDOM)
def test_random_layers(name, kwargs):
    mine, theirs = (getattr(k.layers, name)(name="under_test", **kwargs) for k in (ours, keras))
    assert without_modules(mine.get_config()) == without_modules(theirs.get_config())
    assert type(mine).from_config(mine.get_config()).get_config() == mine.get_config()
    got, expected = plain(mine(IMAGES, training=True)), plain(theirs(IMAGES, training=True))
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert_same(mine(IMAGES, training=False), theirs(IMAGES, training=False), atol=1e-4)
    assert plain(mine(IMAGES[0], training=True)).shape == plain(theirs(IMAGES[0], training=True)).shape
    again = [plain(mine(IMAGES, training=True)) for _ in range(20)]
    assert any(not np.array_equal(each, again[0]) for each in again)
    first, second = (getattr(ours.layers, name)(**{**kwargs, "seed": 5})(IMAGES, training=True) for _ in range(2))
    assert_same(first, second)  # the seed decides
    labels = np.arange(3)
    made = mine({"images": IMAGES, "labels": labels}, training=True)
    assert set(made) == {"images", "labels"}
    np.testing.assert_array_equal(made["labels"], labels)
    assert mine.compute_output_shape((None, 7, 10, 3)) == theirs.compute_output_shape((None, 7, 10, 3))


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_affine_maps(fill_mode, interpolation):
    matrices = np.array([[1, 0.213, -2.03, 0.117, 0.81, 1.33], [0.91, 0, 3.21, 0.313, 1.21, -4.02],
                         [1, 0, 2, 0, 1, 30]], np.float32)
    full = np.concatenate([matrices, np.zeros((3, 2), np.float32)], 1)
    expected = keras.ops.image.affine_transform(IMAGES, full, interpolation, fill_mode, 7.0)
    got = images.affine(ours.ops.convert_to_tensor(IMAGES), matrices, interpolation, fill_mode, 7.0)
    assert_same(got, expected, atol=2e-2)  # values up to 255 at coordinates of float32


def test_maps_of_the_random_layers(monkeypatch):
    """With the numbers drawn by real Keras the images are those of real Keras."""
    for name, kwargs in RANDOM:
        mine, theirs = (getattr(k.layers, name)(**kwargs) for k in (ours, keras))
        drawn = theirs.get_random_transformation(IMAGES, training=True)
        matrices = plain(drawn["rotation_matrix"]).copy() if name == "RandomRotation" else None  # which Keras changes
        expected = theirs.transform_images(keras.ops.convert_to_tensor(IMAGES), drawn, training=True)
        if name == "RandomRotation":
            given = augmentation.rotations(plain(drawn["angle"]), 7, 10)
            np.testing.assert_allclose(given, matrices[:, :6], atol=1e-4)
        elif name == "RandomZoom":
            numbers = [plain(drawn["height_zoom"])[:, 0] - 1]
            monkeypatch.setattr(mine, "_uniform", lambda *args, rest=numbers: rest.pop(0))
            given = mine._drawn(ours.ops.convert_to_tensor(IMAGES), True)
        elif name == "RandomTranslation":
            right, down = plain(drawn["translations"]).T
            numbers = [down / 7, right / 10]
            monkeypatch.setattr(mine, "_uniform", lambda *args, rest=numbers: rest.pop(0))
            given = mine._drawn(ours.ops.convert_to_tensor(IMAGES), True)
        elif name == "RandomCrop":
            given = [int(n) for n in drawn]
        else:
            given = plain(next(iter(drawn.values())))
        assert_same(mine._changed(ours.ops.convert_to_tensor(IMAGES), given, True), expected, atol=2e-2)


def test_hashes():
    letters = [["A"], ["B"], ["C"], ["D"], ["E"]]
    for kwargs, expected in [(dict(), [1, 0, 1, 1, 2]), (dict(salt=[133, 137]), [1, 2, 1, 0, 2]),
                             (dict(salt=133), [0, 0, 2, 1, 0])]:
        assert plain(ours.layers.Hashing(3, **kwargs)(letters)).ravel().tolist() == expected
    masked = ours.layers.Hashing(3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]])
    assert plain(masked).ravel().tolist() == [1, 1, 0, 2, 2]
    assert plain(ours.layers.Hashing(3)(np.arange(5)[:, None])).ravel().tolist() == [1, 0, 1, 0, 2]
    assert hashing.hashed(hashing.strings_of(["Hello", "TensorFlow", "2.x"]), 3).tolist() == [0, 2, 2]
    key = struct.unpack("<QQ", bytes(range(16)))
    assert hashing.siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5  # of SipHash's paper
    for n in (0, 3, 7, 8, 16, 17, 32, 33, 64, 65, 128, 200):  # every branch gives 64 bits
        assert 0 <= hashing.fingerprint64(b"x" * n) < 1 << 64
    one_hot = ours.layers.Hashing(3, output_mode="one_hot")(letters)
    assert plain(one_hot).argmax(1).tolist() == [1, 0, 1, 1, 2]


VOCABULARY = ["a", "b", "c", "d"]
TOKENS = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]


@pytest.mark.parametrize(("kwargs", "expected"), [
    (dict(), [[1, 3, 4, 4], [4, 0, 2, 0]]), (dict(mask_token=""), [[2, 4, 5, 5], [5, 1, 3, 1]]),
    (dict(output_mode="multi_hot"), [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
    (dict(output_mode="count"), [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
    (dict(output_mode="tf_idf", idf_weights=[0.25, 0.75, 0.6, 0.4]), [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]]),
    (dict(output_mode="multi_hot", pad_to_max_tokens=True, max_tokens=6), [[0, 1, 0, 1, 1, 0], [1, 0, 1, 0, 1, 0]]),
])
def test_string_lookup(kwargs, expected):
    layer = ours.layers.StringLookup(vocabulary=VOCABULARY, **kwargs)
    np.testing.assert_allclose(plain(layer(TOKENS)), expected, rtol=1e-6)
    again = ours.layers.StringLookup.from_config(layer.get_config())
    np.testing.assert_allclose(plain(again(np.array(TOKENS))), expected, rtol=1e-6)
    assert layer.compute_output_shape((None, 4)) == (None, *np.shape(expected)[1:])


def test_lookups():
    layer = ours.layers.StringLookup(vocabulary=VOCABULARY, num_oov_indices=2)
    assert plain(layer([["a", "c", "d"], ["m", "z", "b"]])).tolist() == [[2, 4, 5], [0, 1, 3]]
    inverse = ours.layers.StringLookup(vocabulary=VOCABULARY, invert=True)
    assert inverse([[1, 3, 4], [4, 0, 2]]).numpy().tolist() == [[b"a", b"c", b"d"], [b"d", b"[UNK]", b"b"]]
    layer = ours.layers.StringLookup()
    layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    numbers = ours.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    assert plain(numbers([[12, 1138, 42], [37, 1000, 36]])).tolist() == [[2, 4, 5], [1, 0, 3]]
    numbers = ours.layers.IntegerLookup(max_tokens=4)
    numbers.adapt(np.array([[12, 1138, 42], [42, 1000, 36], [42, 1000, 7]]))
    assert numbers.get_vocabulary() == [-1, 42, 1000, 1138]
    with pytest.raises(ValueError, match="all inputs should be in vocabulary"):
        ours.layers.StringLookup(vocabulary=VOCABULARY, num_oov_indices=0)(["z"])
    with pytest.raises(ValueError, match="repeated term"):
        ours.layers.StringLookup(vocabulary=["a", "a"])
    with pytest.raises(ValueError, match="larger than the maximum"):
        ours.layers.StringLookup(vocabulary=VOCABULARY, max_tokens=3)
    with pytest.raises(RuntimeError, match="set the layer's vocabulary"):
        ours.layers.StringLookup(output_mode="multi_hot")(["a"])


def test_vocabulary_of_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(VOCABULARY))
    layer = ours.layers.StringLookup(vocabulary=str(path))
    assert plain(layer(TOKENS)).tolist() == [[1, 3, 4, 4], [4, 0, 2, 0]]


def test_text_vectorization():
    layer = ours.layers.TextVectorization(max_tokens=5000, output_sequence_length=4, vocabulary=["baz", "bar", "foo"])
    assert plain(layer([["foo qux bar"], ["qux baz"]])).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    layer = ours.layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert plain(layer(["Earth, wind\tAND  fire!", "fire"])).tolist() == [[2, 3, 4, 5], [5, 0, 0, 0]]
    assert plain(layer("wind?")).tolist() == [3]
    layer = ours.layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    layer.adapt(["a b a", "b c"])
    assert layer.get_vocabulary() == ["[UNK]", "b", "a", "c", "b c", "b a", "a b"]
    np.testing.assert_allclose(plain(layer(["a b"]))[0, [1, 2, 6]], np.log([1 + 2 / 3, 2, 2]), rtol=1e-6)
    layer = ours.layers.TextVectorization(split="character", standardize=None, vocabulary=["a", "b"])
    assert plain(layer(["abA"])).tolist() == [[2, 3, 1]]
    layer = ours.layers.TextVectorization(standardize=lambda texts: np.char.replace(texts, "x", "y"), split=None,
                                          vocabulary=["yy"])
    assert plain(layer([["xx"], ["x"]])).tolist() == [[2], [1]]
    layer = ours.layers.TextVectorization(max_tokens=4)
    layer.adapt(["b a", "a c", "a b c d"])
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "c"]


@pytest.mark.parametrize("suffix", [".keras", ".fastnn"])
def test_vocabularies_and_statistics_are_saved(tmp_path, suffix):
    text = ours.layers.TextVectorization(output_sequence_length=3)
    text.adapt(["one two three", "two three", "three"])
    inputs = ours.Input((1,), dtype="string")
    model = ours.Model(inputs, ours.layers.Dense(2)(ours.layers.Embedding(8, 2)(text(inputs))))
    texts = np.array([["three two"], ["four"]])
    expected = plain(model(texts))
    model.save(tmp_path / f"text{suffix}")
    again = ours.models.load_model(tmp_path / f"text{suffix}")
    assert_same(again(texts), expected)
    assert again.layers[1].get_vocabulary() == ["", "[UNK]", "three", "two", "one"]
    scale = ours.layers.Normalization()
    scale.adapt(ROWS)
    model = ours.Sequential([ours.Input((4,)), scale, ours.layers.Dense(2)])
    model.save(tmp_path / f"numbers{suffix}")
    assert_same(ours.models.load_model(tmp_path / f"numbers{suffix}")(ROWS), model(ROWS))
    if suffix == ".keras":
        assert_same(keras.models.load_model(tmp_path / f"numbers{suffix}")(ROWS), model(ROWS), atol=1e-5)


def test_serialize():
    layer = ours.layers.Dense(3, activation="relu", name="first")
    record = ours.layers.serialize(layer)
    assert without_modules(record) == without_modules(keras.layers.serialize(keras.layers.Dense(3, activation="relu",
                                                                                               name="first")))
    assert ours.layers.deserialize(record).get_config() == layer.get_config()
    with pytest.raises(ValueError, match="not a `keras.layers.Layer`"):
        ours.layers.deserialize(ours.saving.serialize_keras_object(ours.losses.MeanSquaredError()))


@pytest.mark.parametrize(("name", "kwargs"), [
    ("CategoryEncoding", {}), ("CategoryEncoding", dict(num_tokens=0)), ("Discretization", {}),
    ("CategoryEncoding", dict(num_tokens=3, output_mode="no")),
    ("Discretization", dict(num_bins=2, bin_boundaries=[1.0])),
    ("Normalization", dict(mean=1.0)), ("RandomRotation", dict(factor=2)), ("RandomContrast", dict(factor=(1.5, 2))),
    ("RandomRotation", dict(factor=0.1, fill_mode="no")), ("RandomZoom", dict(height_factor=-1.0)),
    ("RandomTranslation", dict(height_factor=0.1, width_factor="x")),
    ("RandomBrightness", dict(factor=1, value_range=3))])
def test_errors(name, kwargs):
    errors = []
    for k in (ours, keras):
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            getattr(k.layers, name)(**kwargs)
        errors.append(caught.type)
    assert errors[0] is errors[1]


def test_texts_of_data_sets_through_functions_of_tensorflow():
    import re
    import string

    import fastnn.tensorflow as tf

    def clean(texts):
        texts = tf.strings.regex_replace(tf.strings.lower(texts), "<br />", " ")
        return tf.strings.regex_replace(texts, f"[{re.escape(string.punctuation)}]", "")
    layer = ours.layers.TextVectorization(standardize=clean, max_tokens=10, output_sequence_length=4)
    texts = tf.data.Dataset.from_tensor_slices(np.array(["Good<br />film!", "bad film", "film..."]))
    layer.adapt(texts.batch(2))
    assert layer.get_vocabulary() == ["", "[UNK]", "film", "good", "bad"]
    rows = [plain(row).tolist() for row in texts.map(layer)]
    assert rows == [[3, 2, 0, 0], [4, 2, 0, 0], [2, 0, 0, 0]]
    assert [plain(row).tolist() for row in texts.batch(3).map(layer)] == [rows]
    assert tf.strings.split("a b").tolist() == ["a", "b"]
    assert tf.strings.split(["a b", "c"]) == [["a", "b"], ["c"]]
    assert tf.strings.join(["a", ["b", "c"]], "-").tolist() == ["a-b", "a-c"]
    assert plain(tf.strings.length(["ä"])).tolist() == [2]
    assert tf.strings.upper("ab").numpy() == b"AB"
    assert tf.strings.strip([" a "]).tolist() == ["a"]
    assert tf.strings.substr(["abc"], 1, 1).tolist() == ["b"]
    assert tf.strings.unicode_split("ab", "UTF-8").tolist() == ["a", "b"]


def test_models_of_texts_and_categories():
    """Strings, numbers and categories from arrays, lists and data sets go through fit and predict."""
    import fastnn.tensorflow as tf
    texts, y = np.array(["a b", "b c", "c d", "d a"] * 4), np.arange(16) % 2
    vectorize = ours.layers.TextVectorization(output_sequence_length=4)
    vectorize.adapt(texts)
    model = ours.Sequential([ours.Input((1,), dtype="string"), vectorize, ours.layers.Embedding(10, 4, mask_zero=True),
                             ours.layers.LSTM(3), ours.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(texts[:, None].astype(object), y, verbose=0, epochs=2, validation_split=0.25)
    expected = model.predict(texts[:, None], verbose=0)
    assert_same(model.predict(texts.tolist(), verbose=0), expected)
    model.evaluate(tf.data.Dataset.from_tensor_slices((texts, y)).batch(4), verbose=0)

    inputs = {"age": ours.Input((1,), name="age"), "job": ours.Input((1,), name="job", dtype="string"),
              "kind": ours.Input((1,), name="kind", dtype="int64")}
    scale = ours.layers.Normalization()
    data = {"age": np.arange(16.0)[:, None], "job": np.array([["x"], ["y"]] * 8), "kind": np.arange(16)[:, None] % 3}
    scale.adapt(data["age"])
    lookup = ours.layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")
    parts = [scale(inputs["age"]), lookup(inputs["job"]),
             ours.layers.CategoryEncoding(3, output_mode="one_hot")(inputs["kind"])]
    model = ours.Model(inputs, ours.layers.Dense(1)(ours.layers.concatenate(parts)))
    assert [x.shape[-1] for x in parts] == [1, 3, 3]
    model.compile("sgd", "mse")
    model.fit(data, y, verbose=0)
    assert_same(model.predict({name: x[:, 0] for name, x in data.items()}, verbose=0), model.predict(data, verbose=0))
    model.fit(tf.data.Dataset.from_tensor_slices((data, y)).batch(4), verbose=0)


def test_augmentation_within_a_model():
    augment = ours.Sequential([ours.layers.RandomFlip("horizontal"), ours.layers.RandomRotation(0.1),
                               ours.layers.RandomZoom(0.2)])
    assert not np.array_equal(plain(augment(IMAGES, training=True)), IMAGES)
    np.testing.assert_array_equal(plain(augment(IMAGES, training=False)), IMAGES)
    model = ours.Sequential([ours.Input((7, 10, 3)), augment, ours.layers.Rescaling(1 / 255), ours.layers.Conv2D(4, 3),
                             ours.layers.GlobalAveragePooling2D(), ours.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(IMAGES, np.zeros(3), verbose=0)
    assert_same(model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))  # nothing random
