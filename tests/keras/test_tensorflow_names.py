"""What Keras programs touch of TensorFlow: variables, modules, images, a tape's tensors as NumPy's arrays."""
import numpy as np
import pytest

import fastnn
import fastnn.tensorflow as tf
from fastnn import keras

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 6, 5, 3)).astype("f4")


@pytest.fixture(autouse=True)
def habits(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


# ---- tensors and variables ----

def test_recorded_tensors_give_arrays(monkeypatch):
    w, x = tf.Variable([[2.0], [1.0]]), tf.constant([[1.0, 3.0]])
    y = tf.matmul(x, w) + 1
    assert y.numpy().item() == np.asarray(y).item() == 6
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(x * x)
        assert loss.numpy() == 10
    assert loss.numpy() == 10 and tape.gradient(loss, x).numpy().tolist() == [[2, 6]]
    for other in (fastnn.ones(2, requires_grad=True), fastnn.ones(2, requires_grad=True) * 2):
        with pytest.raises(RuntimeError, match="requires grad"):
            other.numpy()
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(RuntimeError, match="requires grad"):
        (w * 2).numpy()


def test_variables():
    v = tf.Variable(initial_value=lambda: tf.zeros((2,)), trainable=True, name="v", constraint=lambda x: x)
    assert v.assign_add([1, 2], read_value=False).numpy().tolist() == [1, 2] and v.assign_sub([1, 1]).name == "v"
    assert isinstance(v, tf.Variable) and isinstance(v, keras.Variable) and callable(v.constraint)
    assert tf.Variable(3, dtype="float64").numpy().dtype == np.float64
    assert not tf.Variable([1, 2]).trainable and not tf.Variable(1.0, trainable=False).requires_grad
    assert tf.Variable(1.0, shape=(2,)).shape == (2,)
    with pytest.raises(ValueError, match="initial_value"):
        tf.Variable()
    with pytest.raises(ValueError, match="shape"):
        v.assign([1.0])


def test_module():
    class Line(tf.Module):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.weights = {"w": tf.Variable(5.0), "steps": [tf.Variable(0, trainable=False)]}
            self.layer = keras.layers.Dense(2)

    class Outer(tf.Module):
        def __init__(self):
            super().__init__()
            self.lines = [Line(), Line(name="second")]
            self.same = self.lines[0]

        @tf.Module.with_name_scope
        def __call__(self, x):
            return x

    outer = Outer()
    outer.lines[0].layer.build((None, 3))
    assert outer.name == "outer" and outer.lines[1].name == "second"
    assert len(outer.variables) == 6 and len(outer.trainable_variables) == 4 and len(outer.non_trainable_variables) == 2
    assert len(outer.submodules) == 4 and outer(3) == 3
    with outer.name_scope:
        assert keras.Variable(1.0, name="x").path == "outer/x"


def test_optimizer_steps_of_a_loop():
    """A linear model, by a tape and `apply_gradients`, and by `assign_sub`."""
    x = RNG.normal(size=(64, 1)).astype("f4")
    y = 3 * x + 2
    for by_hand in (True, False):
        w, b = tf.Variable(5.0), tf.Variable(0.0)
        optimizer = keras.optimizers.SGD(0.1)
        for _ in range(60):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(y - (w * x + b)))
            slopes = tape.gradient(loss, [w, b])
            if by_hand:
                w.assign_sub(0.1 * slopes[0])
                b.assign_sub(0.1 * slopes[1])
            else:
                optimizer.apply_gradients(zip(slopes, [w, b]))
        assert abs(float(w) - 3) < 1e-2 and abs(b.numpy() - 2) < 1e-2


def test_functions():
    assert tf.add_n([tf.constant([1.0]), [2.0], np.ones(1, "f4")]).numpy().tolist() == [4]
    assert tf.roll([1, 2, 3], 1, 0).numpy().tolist() == [3, 1, 2]
    assert tf.slice(np.arange(12).reshape(3, 4), [1, 1], [-1, 2]).numpy().tolist() == [[5, 6], [9, 10]]
    table = tf.math.confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1], num_classes=4)
    assert table.numpy().tolist() == [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    rows, ids = tf.constant([[1.0], [2.0], [4.0]]), [0, 2, 0]
    assert tf.math.unsorted_segment_mean(rows, ids, 3).numpy().ravel().tolist() == [2.5, 0, 2]
    assert tf.math.unsorted_segment_max(rows, ids, 3).numpy().ravel().tolist()[::2] == [4, 2]
    kernel = RNG.normal(size=(3, 3, 3, 4)).astype("f4")
    for strides in (2, [1, 2, 2, 1], (2, 2)):
        got = tf.nn.conv2d(IMAGES, kernel, strides, "SAME")
        np.testing.assert_array_equal(got.numpy(), keras.ops.conv(IMAGES, kernel, 2, "same").numpy())
    assert tf.nn.max_pool2d(IMAGES, 2, 2, "VALID").shape == (2, 3, 2, 3)
    np.testing.assert_allclose(tf.nn.bias_add(IMAGES, [1, 2, 3.0]).numpy(), IMAGES + np.float32([1, 2, 3]))
    for wrong in (dict(padding=[[0, 0]]), dict(padding="SAME", data_format="NCHW")):
        with pytest.raises(NotImplementedError, match="conv2d"):
            tf.nn.conv2d(IMAGES, kernel, 1, **wrong)
    with pytest.raises(ValueError, match="strides"):
        tf.nn.conv2d(IMAGES, kernel, [2, 1, 1, 1], "SAME")
    assert tf.version.VERSION == tf.__version__
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.ensure_shape(IMAGES, (3,))


# ---- images ----

def test_image_shapes_and_types():
    assert tf.image.resize(IMAGES[0], [3, 4]).shape == (3, 4, 3)
    whole = (IMAGES * 255).astype("u1")
    assert tf.image.resize(whole, [3, 4]).dtype is tf.float32
    assert tf.image.resize(whole, [3, 4], method="nearest").dtype is tf.uint8
    assert tf.image.resize(IMAGES, (12, 15), preserve_aspect_ratio=True).shape == (2, 12, 10, 3)
    assert tf.image.rgb_to_grayscale(IMAGES).shape == (2, 6, 5, 1)
    assert tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(IMAGES[0])).shape == (6, 5, 3)
    np.testing.assert_allclose(tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(IMAGES)).numpy(), IMAGES, atol=1e-6)
    np.testing.assert_allclose(tf.image.convert_image_dtype(whole, tf.float32).numpy(), whole / 255, rtol=1e-6)
    again = tf.image.convert_image_dtype(tf.image.convert_image_dtype(whole, "float32"), "uint8")
    np.testing.assert_array_equal(again.numpy(), whole)
    with pytest.raises(NotImplementedError, match="area"):
        tf.image.resize(IMAGES, (2, 2), method="area")


def test_image_parts():
    np.testing.assert_array_equal(tf.image.crop_to_bounding_box(IMAGES, 1, 2, 3, 2).numpy(), IMAGES[:, 1:4, 2:4])
    padded = tf.image.pad_to_bounding_box(IMAGES[0], 1, 2, 9, 8).numpy()
    np.testing.assert_array_equal(padded[1:7, 2:7], IMAGES[0])
    assert padded.sum() == pytest.approx(IMAGES[0].sum(), rel=1e-5)
    assert tf.image.resize_with_crop_or_pad(IMAGES, 4, 9).shape == (2, 4, 9, 3)
    np.testing.assert_array_equal(tf.image.central_crop(IMAGES, 0.5).numpy(), IMAGES[:, 1:5, 1:4])
    found = tf.image.extract_patches(IMAGES, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
    np.testing.assert_array_equal(found.numpy()[1, 0, 1], IMAGES[1, :2, 2:4].ravel())
    np.testing.assert_array_equal(tf.image.flip_left_right(IMAGES).numpy(), IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(tf.image.flip_up_down(IMAGES[0]).numpy(), IMAGES[0, ::-1])
    np.testing.assert_array_equal(tf.image.rot90(IMAGES).numpy(), np.rot90(IMAGES, 1, (1, 2)))
    np.testing.assert_array_equal(tf.image.transpose(IMAGES).numpy(), IMAGES.transpose(0, 2, 1, 3))


def test_image_colours():
    np.testing.assert_allclose(tf.image.adjust_brightness(IMAGES, 0.1).numpy(), IMAGES + np.float32(0.1), rtol=1e-6)
    mean = IMAGES.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(tf.image.adjust_contrast(IMAGES, 2.0).numpy(), (IMAGES - mean) * 2 + mean, atol=1e-6)
    np.testing.assert_allclose(tf.image.adjust_saturation(IMAGES, 1.0).numpy(), IMAGES, atol=1e-6)
    grey = tf.image.adjust_saturation(IMAGES, 0.0).numpy()
    np.testing.assert_allclose(grey, np.repeat(IMAGES.max(-1, keepdims=True), 3, -1), atol=1e-6)
    np.testing.assert_allclose(tf.image.adjust_hue(IMAGES, 1.0).numpy(), IMAGES, atol=1e-5)
    standard = tf.image.per_image_standardization(IMAGES).numpy()
    np.testing.assert_allclose([standard.mean((1, 2, 3)), standard.std((1, 2, 3)) - 1], 0, atol=1e-5)
    assert tf.image.adjust_brightness((IMAGES * 255).astype("u1"), 0.5).dtype is tf.uint8
    assert float(tf.image.psnr(IMAGES, IMAGES + np.float32(0.1), 1.0)[0]) == pytest.approx(20, rel=1e-4)


def test_image_at_random():
    tf.random.set_seed(0)
    flips = {tf.image.random_flip_left_right(IMAGES[0]).numpy()[0, 0, 0] for _ in range(20)}
    assert flips == {IMAGES[0, 0, 0, 0], IMAGES[0, 0, -1, 0]}
    assert tf.image.random_flip_up_down(IMAGES).shape == IMAGES.shape
    for change, bounds in ((tf.image.random_contrast, (0.5, 1.5)), (tf.image.random_saturation, (0.5, 1.5)),
                           (tf.image.random_brightness, (0.2,)), (tf.image.random_hue, (0.2,))):
        assert not np.array_equal(change(IMAGES, *bounds).numpy(), change(IMAGES, *bounds).numpy())
    part = tf.image.random_crop(IMAGES[0], (2, 3, 3)).numpy()
    assert any(np.array_equal(part, IMAGES[0, i:i + 2, j:j + 3]) for i in range(5) for j in range(3))
    with pytest.raises(ValueError, match="size"):
        tf.image.random_crop(IMAGES, (2, 9, 5, 3))


# ---- what programs see of batches ----

@pytest.mark.parametrize("parts, kind", [((0,), fastnn.Tensor), ((0, 1), tuple), ((0, 1, 1), tuple)])
def test_steps_of_ones_own_get_x_alone_or_tuples(parts, kind):
    seen = []

    class Own(keras.Model):
        def __init__(self, first, second):  # two arguments that are no inputs and outputs
            super().__init__()
            self.first = first

        def call(self, x):
            return self.first(x)

        def train_step(self, data):
            seen.append(data)
            return {}
    model = Own(keras.layers.Dense(1), None)
    model.compile("sgd")
    arrays = [np.ones((4, 2), "f4"), np.ones(4, "f4")]
    x, y, weight = ([arrays[i] for i in parts] + [None, None])[:3]
    model.fit(x, y, sample_weight=weight, batch_size=2, verbose=0)
    assert len(seen) == 2 and isinstance(seen[0], kind) and (kind is not tuple or len(seen[0]) == len(parts))


def test_strings_of_data_sets():
    data = tf.data.Dataset.from_tensor_slices(({"word": np.array(["a", "b", "c"], object)}, [0, 1, 2])).batch(2)
    words, numbers = next(iter(data))
    assert words["word"].numpy().tolist() == [b"a", b"b"] and numbers.numpy().tolist() == [0, 1]
    layer = keras.layers.StringLookup(vocabulary=["b", "a"])
    assert layer(words["word"]).numpy().tolist() == [2, 1]


def test_callbacks_get_logs():
    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(logs.keys())

        on_train_batch_begin = on_epoch_begin = lambda self, number, logs=None: seen.append(logs.keys())
    seen = []
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[Look()])
    assert len(seen) == 3


def test_shapes_of_strings():
    words = next(iter(tf.data.Dataset.from_tensor_slices(np.array(["a", "b"], object)).batch(2)))
    assert tf.expand_dims(words, -1).shape == (2, 1) and tf.reshape(words, [1, 2]).numpy().tolist() == [[b"a", b"b"]]
    assert tf.squeeze(tf.expand_dims(words, axis=1)).shape == (2,) and tf.squeeze([[1], [2]]).shape == (2,)


def test_model_from_config():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="last")(inputs))
    made = keras.Model.from_config(model.get_config(), custom_objects={})
    assert made.get_layer("last").units == 2 and made.output_shape == (None, 2)

    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.units = units
    assert Own.from_config({"units": 4}).units == 4
    with pytest.raises(TypeError, match="Unable to revive model from config"):
        Own.from_config({"unit": 4})


def test_tensors_of_strings():
    for made in (tf.constant(["a", "b"]), tf.convert_to_tensor(["a", "b"]), tf.constant(np.array([b"a", b"b"]))):
        assert made.numpy().tolist() == [b"a", b"b"]
    assert tf.constant("a").numpy() == b"a" and tf.constant("a", shape=(2,)).shape == (2,)
    assert keras.layers.StringLookup(vocabulary=["b", "a"])(tf.convert_to_tensor(["a"])).numpy().tolist() == [2]


def test_augmented_assignment_makes_new_tensors(monkeypatch):
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = (keras.layers.Dense(4, activation="relu") for _ in range(2))

        def call(self, x):
            x = before = self.first(x)
            x += self.second(x)
            x *= 2
            return x, before
    block, inputs = Block(), np.ones((2, 4), "f4")
    x, before = block(inputs)
    np.testing.assert_allclose(before.numpy(), block.first(inputs).numpy())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(inputs)[0])
    assert all(slope is not None for slope in tape.gradient(loss, block.trainable_variables))
    image = first = tf.ones(2)
    for _ in range(2):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_sum(image * image)
        image += tape.gradient(loss, image)
    assert first.numpy().tolist() == [1, 1] and image.numpy().tolist() == [9, 9] and not image.requires_grad
    plain = same = fastnn.ones(2)  # a program of the PyTorch door
    plain += 1
    assert same.tolist() == [2, 2]
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with fastnn.no_grad():
        weight = same = tf.Variable([1.0])
        weight += 1
    assert same is weight and same.numpy().tolist() == [2]


def test_tapes_side_by_side():
    w = tf.Variable(2.0)
    with tf.GradientTape() as first, tf.GradientTape() as second:
        y = w * w
        z = y * 3
    assert float(first.gradient(y, w)) == 4 and float(second.gradient(z, w)) == 12
