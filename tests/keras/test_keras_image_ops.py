"""ops.image, against Keras itself; Conv's `convolution_op`; layers as PyTorch's modules."""
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, parameters

import fastnn

pytestmark = MARKS
RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 7, 6, 3)).astype("f4")
TRANSFORMS = np.array([[1, 0.13, -1.1, 0.21, 0.9, 0.47, 0, 0], [0.83, 0, 1, 0, 1.21, 0, 0, 0]], "f4")
CASES = {
    "resize": [dict(size=(5, 9)), dict(size=(5, 9), interpolation="nearest"), dict(size=(14, 3), antialias=True),
               dict(size=(4, 8), crop_to_aspect_ratio=True),
               dict(size=(4, 8), pad_to_aspect_ratio=True, fill_value=0.5),
               dict(size=(9, 9), interpolation="bicubic")],
    "rgb_to_grayscale": [{}], "rgb_to_hsv": [{}], "hsv_to_rgb": [{}],
    "extract_patches": [dict(size=2), dict(size=(3, 2), strides=1), dict(size=3, strides=2, padding="same"),
                        dict(size=2, strides=1, dilation_rate=2), dict(size=(2, 3), strides=(1, 2), padding="same")],
    "crop_images": [dict(top_cropping=1, target_height=4, left_cropping=0, right_cropping=2),
                    dict(bottom_cropping=1, target_height=4, left_cropping=1, target_width=3)],
    "pad_images": [dict(top_padding=1, target_height=9, left_padding=0, right_padding=2),
                   dict(bottom_padding=0, top_padding=1, right_padding=1, target_width=8)],
    "affine_transform": [dict(transform=TRANSFORMS, fill_mode=mode,
                              interpolation=how) for mode, how in [("constant", "bilinear"), ("nearest", "nearest"),
                                                                   ("reflect", "bilinear"), ("wrap", "bilinear")]],
    "gaussian_blur": [{}, dict(kernel_size=(5, 5), sigma=(1.5, 0.7))],
}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name, case", [(name, i) for name, cases in CASES.items() for i in range(len(cases))])
def test_like_keras(name, case, data_format):
    if name == "gaussian_blur" and case == 1:
        pytest.skip("Keras' torch backend mixes up the two sigmas")
    x = IMAGES if data_format == "channels_last" else np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
    options = dict(CASES[name][case], data_format=data_format)
    mine, theirs = getattr(ours.ops.image, name), getattr(keras.ops.image, name)
    assert parameters(mine) == parameters(theirs)
    for images in (x, x[0]):
        if images.ndim == 3 and "transform" in options:
            options["transform"] = TRANSFORMS[0]
        assert_same(mine(images, **options), theirs(images, **options), atol=1e-5)
    options = dict(CASES[name][case], data_format=data_format)
    spec = mine(ours.KerasTensor(x.shape), **options)
    assert tuple(spec.shape) == tuple(mine(x, **options).shape)


def test_gradients_and_whole_numbers():
    x = fastnn.tensor(IMAGES, requires_grad=True)
    ours.ops.image.extract_patches(x, 2).sum().backward()
    assert float(x.grad.sum()) == 2 * 6 * 6 * 3  # the seventh row is in no patch
    whole = (IMAGES * 255).astype("uint8")
    for name, options in (("rgb_to_grayscale", {}), ("resize", dict(size=(3, 3)))):
        got = getattr(ours.ops.image, name)(whole, **options)
        assert got.dtype is fastnn.uint8
        assert_same(got, getattr(keras.ops.image, name)(whole, **options), atol=1)


@pytest.mark.parametrize("name, x, options, error", [
    ("resize", IMAGES[0, 0], dict(size=(2, 2)), "rank"), ("resize", IMAGES, dict(size=(2,)), "two elements"),
    ("rgb_to_hsv", np.ones((2, 2, 3), "i4"), {}, "float dtype"), ("rgb_to_grayscale", IMAGES[..., :2], {}, "channel"),
    ("crop_images", IMAGES, dict(top_cropping=1), "exactly two"), ("extract_patches", IMAGES, dict(size=9), "smaller"),
    ("pad_images", IMAGES, dict(top_padding=1, target_height=3, left_padding=0, right_padding=0), ">= 0"),
    ("affine_transform", IMAGES, dict(transform=np.ones(6)), "8 numbers")])
def test_bad_input(name, x, options, error):
    with pytest.raises(ValueError, match=error):
        getattr(ours.ops.image, name)(x, **options)


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
