"""Habits of programs: a `convolution_op` of their own, layers as PyTorch's modules, dtypes as NumPy gives them."""
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours

import fastnn

pytestmark = MARKS
RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 7, 6, 3)).astype("f4")


# ---- convolution_op ----

@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_convolution_of_ones_own(data_format):
    def made(library):
        class Standardized(library.layers.Conv2D):
            def convolution_op(self, inputs, kernel):
                mean = library.ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
                return super().convolution_op(inputs, kernel - mean)

        class Called(library.layers.Conv2D):
            def call(self, inputs):
                return self.convolution_op(inputs, self.kernel * 2)
        return [cls(4, 3, activation="relu", padding="same", data_format=data_format, bias_initializer="ones")
                for cls in (Standardized, Called)]
    x = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2).copy()
    for mine, theirs in zip(made(ours), made(keras)):
        theirs(x), mine(x)
        mine.set_weights(theirs.get_weights())
        assert_same(mine(x), theirs(x), atol=1e-5)


# ---- PyTorch's habits ----

def test_layers_are_modules_of_parameters():
    model = ours.Sequential([ours.Input((3,)), ours.layers.Dense(2, name="first"), ours.layers.BatchNormalization()])
    assert [tuple(p.shape) for p in model.parameters()] == [tuple(v.shape) for v in model.variables]
    assert {name.rpartition("first")[2]: p for name, p in model.named_parameters()}["/kernel"] is model.layers[0].kernel
    optimizer = fastnn.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    before = model.layers[0].get_weights()[1].copy()
    loss = model(np.ones((4, 3), "f4")).sum()
    loss.backward()
    optimizer.step()
    grad = model.layers[0].bias.grad.numpy()
    np.testing.assert_allclose(model.layers[0].get_weights()[1], before - 0.5 * grad, rtol=1e-6)
    model.zero_grad(set_to_none=False)
    assert not model.layers[0].bias.grad.any()
    model.zero_grad()
    assert model.layers[0].bias.grad is None
    assert model.to("cpu") is model.train() is model.eval() is model
    assert "recurse" in inspect.signature(model.parameters).parameters


# ---- whole numbers as inputs ----

WHOLE = np.arange(96).reshape(2, 4, 4, 3)


@pytest.mark.parametrize("name, options, x", [
    ("Dense", dict(units=2), WHOLE[:, 0, 0]), ("LSTM", dict(units=2), WHOLE[:, 0]), ("GRU", dict(units=2), WHOLE[:, 0]),
    ("SimpleRNN", dict(units=2), WHOLE[:, 0]), ("GlobalAveragePooling2D", {}, WHOLE),
    ("GlobalAveragePooling1D", {}, WHOLE[:, 0])])
def test_whole_numbers_like_keras(name, options, x):
    mine, theirs = (getattr(library.layers, name)(**options) for library in (ours, keras))
    expected = theirs(x)
    mine(x)
    mine.set_weights(theirs.get_weights())
    assert_same(mine(x), expected, rtol=1e-4)
    assert mine(x).dtype is fastnn.float32


@pytest.mark.parametrize("name", ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"])
def test_whole_numbers_in_convolutions(name):
    """Keras' PyTorch backend refuses them, its others do not."""
    layer = getattr(ours.layers, name)(**({} if name == "DepthwiseConv2D" else dict(filters=2)), kernel_size=2)
    assert_same(layer(WHOLE), layer(WHOLE.astype("f4")))


def test_whole_numbers_in_a_graph():
    model = ours.Sequential([ours.Input((4, 3), dtype="int32"), ours.layers.Flatten(), ours.layers.Dense(2)])
    assert model.predict(WHOLE[:, 0], verbose=0).shape == (2, 2)


def test_a_sequential_within_a_layer_takes_sequences_of_any_length():
    class Block(ours.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = ours.Sequential([ours.layers.Dense(4, activation="relu"), ours.layers.Dense(3)])

        def call(self, x):
            return x + self.inner(x)
    inputs = ours.Input((None, 3))
    block = Block()
    model = ours.Model(inputs, block(inputs))
    assert model.output_shape == (None, None, 3) and len(model.weights) == 4
    for steps in (2, 5, 3):
        assert model.predict(np.ones((2, steps, 3)), verbose=0).shape == (2, steps, 3)
    with pytest.raises(ValueError, match="expected axis -1|incompatible"):
        block.inner(np.ones((2, 5, 4), "f4"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8"])
def test_dtypes_of_numpy(dtype):
    """As values, as `array.dtype` gives them; np.dtype("float64") is equal to Python's float."""
    given = np.dtype(dtype)
    assert ours.config.standardize_dtype(given) == dtype
    assert ours.config.standardize_dtype(ours.ops.zeros(2, dtype=given).dtype) == dtype
    assert ours.Input((3,), dtype=given).dtype == dtype


def test_filled_and_turned():
    assert ours.ops.full((2,), 7).numpy().dtype == np.float32 and ours.ops.full((2,), 7, "int32").numpy().dtype == "i4"
    x = np.array([-1.0, -0.0, 0.0, 2.0], np.float32)
    np.testing.assert_allclose(ours.ops.angle(x), np.angle(x))
