"""Operations on images and the layers that recolour, mix and bend them, beside real Keras."""
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain, without_modules

pytestmark = MARKS
RNG = np.random.default_rng(41)
BATCH = RNG.uniform(0, 1, (3, 8, 9, 3)).astype(np.float32)
BATCH[0, :2, :3] = BATCH[0, :2, :3].mean(-1, keepdims=True)  # grey, where hue has no meaning
BATCH[0, 3] = 0
POINTS = np.array([[0, 0], [8, 0], [0, 7], [8, 7]], np.float32)
MOVED = POINTS + RNG.uniform(-2, 2, (3, 4, 2)).astype(np.float32)
AFFINE = np.array([1.13, 0.217, -1.03, -0.113, 0.91, 1.57, 0, 0], np.float32)[None].repeat(3, 0)

OPERATIONS = [
    ("rgb_to_grayscale", [BATCH], {}), ("rgb_to_grayscale", [(BATCH * 255).astype("uint8")], {}),
    ("rgb_to_grayscale", [BATCH[..., :1]], {}), ("rgb_to_hsv", [BATCH], {}), ("hsv_to_rgb", [BATCH], {}),
    ("resize", [BATCH], dict(size=(5, 12))), ("resize", [BATCH], dict(size=(5, 4), antialias=True)),
    ("resize", [BATCH], dict(size=(12, 5), interpolation="bicubic", crop_to_aspect_ratio=True)),
    ("resize", [BATCH], dict(size=(4, 9), pad_to_aspect_ratio=True, fill_value=0.5)),
    *[("affine_transform", [BATCH, AFFINE], dict(interpolation=kind, fill_mode=mode, fill_value=0.3))
      for kind, mode in (("bilinear", "constant"), ("nearest", "reflect"), ("bilinear", "wrap"))],
    ("perspective_transform", [BATCH, POINTS[None].repeat(3, 0), MOVED], {}),
    ("perspective_transform", [BATCH[0], POINTS, MOVED[0]], dict(interpolation="nearest", fill_value=0.2)),
    *[("map_coordinates", [BATCH[0, :, :, 0], RNG.uniform(-3, 12, (2, 4, 5)).astype(np.float32)], dict(
        order=order, fill_mode=mode, fill_value=0.2)) for order in (0, 1) for mode in (
        "constant", "nearest", "wrap", "mirror", "reflect")],
    ("map_coordinates", [BATCH[0], RNG.uniform(-1, 9, (3, 7)).astype(np.float32)], dict(order=1)),
    ("map_coordinates", [np.arange(20, dtype="int32"), np.array([[1.2, 3.7, 30]], np.float32)], dict(order=1)),
    ("gaussian_blur", [BATCH], dict(data_format="channels_last")),
    ("gaussian_blur", [BATCH], dict(kernel_size=(5, 5), sigma=(0.5, 1.5), data_format="channels_last")),
    *[("scale_and_translate", [BATCH, (3, 5, 11, 3), np.array([0.6, 1.3], np.float32), np.array([0.5, -1], np.float32)],
       dict(spatial_dims=(1, 2), method=method, antialias=antialias))
      for method in ("linear", "cubic", "lanczos3", "lanczos5") for antialias in (True, False)],
    ("extract_patches", [BATCH], dict(size=3)), ("extract_patches", [BATCH], dict(size=(2, 3), strides=(1, 2))),
    ("extract_patches", [BATCH[0]], dict(size=3, padding="same")),
    ("extract_patches_3d", [BATCH[..., None]], dict(size=2)),
    ("pad_images", [BATCH], dict(top_padding=1, left_padding=2, target_height=12, target_width=12)),
    ("pad_images", [BATCH[0]], dict(bottom_padding=1, top_padding=0, right_padding=3, left_padding=1)),
    ("crop_images", [BATCH], dict(top_cropping=1, left_cropping=2, target_height=4, target_width=5)),
    ("crop_images", [BATCH[0]], dict(bottom_cropping=1, target_height=3, right_cropping=2, left_cropping=0)),
    ("sobel_edges", [BATCH], {}), ("ssim", [BATCH, BATCH * 0.9], dict(filter_size=5)),
    ("ssim", [BATCH[0], BATCH[1]], dict(filter_size=3, max_val=2.0)),
]


@pytest.mark.parametrize(("name", "arguments", "options"), OPERATIONS,
                         ids=[f"{case[0]}-{i}" for i, case in enumerate(OPERATIONS)])
def test_operation(name, arguments, options):
    mine, theirs = (getattr(k.ops.image, name) for k in (ours, keras))
    got, wanted = (function(*[a.copy() if isinstance(a, np.ndarray) else a for a in arguments], **options)
                   for function in (mine, theirs))
    assert plain(got).dtype == plain(wanted).dtype
    assert_same(got, wanted, rtol=1e-4, atol=1e-5)
    if name not in ("map_coordinates", "scale_and_translate", "gaussian_blur", "extract_patches_3d") \
            and arguments[0].ndim == 4 and "data_format" not in options:
        first = [a.transpose(0, 3, 1, 2).copy() if getattr(a, "ndim", 0) == 4 else a for a in arguments]
        turned = plain(mine(*first, data_format="channels_first", **options))
        back = np.moveaxis(turned, 1, 3) if turned.ndim > 3 else turned
        np.testing.assert_allclose(back, plain(got), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in dir(keras.ops.image) if inspect.isfunction(getattr(keras.ops.image, n))])
def test_signatures_of_operations(name):
    assert_same_signature(getattr(ours.ops.image, name), getattr(keras.ops.image, name))


def test_resizing_by_lanczos_is_a_scaling():
    got = plain(ours.ops.image.resize(BATCH, (5, 14), interpolation="lanczos3", antialias=True))
    wanted = keras.ops.image.scale_and_translate(BATCH, (3, 5, 14, 3), np.array([5 / 8, 14 / 9], np.float32),
                                                 np.zeros(2, np.float32), (1, 2), "lanczos3")
    assert_same(got, wanted, rtol=1e-4, atol=1e-5)
    assert ours.layers.UpSampling2D(2, interpolation="lanczos5")(BATCH).shape == (3, 16, 18, 3)


def test_elastic_transform():
    got = plain(ours.ops.image.elastic_transform(BATCH, 3.0, 1.0, seed=1))
    assert got.shape == BATCH.shape and 0 <= got.min() and got.max() <= 1 and not np.allclose(got, BATCH)
    assert_same(ours.ops.image.elastic_transform(BATCH, 3.0, 1.0, seed=1), got)
    assert_same(ours.ops.image.elastic_transform(BATCH, 0.0, 1.0, seed=1), BATCH)


@pytest.mark.parametrize(("name", "arguments"), [
    ("rgb_to_hsv", (np.zeros((2, 3)),)), ("rgb_to_hsv", (np.zeros((2, 3, 3), "uint8"),)),
    ("rgb_to_grayscale", (np.zeros((2, 3, 2)),)), ("affine_transform", (BATCH, np.zeros((1, 1, 8)))),
    ("affine_transform", (BATCH, np.zeros(8), "nope")), ("affine_transform", (BATCH, np.zeros(8), "nearest", "nope")),
    ("perspective_transform", (BATCH, POINTS[:3], POINTS[:3])), ("perspective_transform", (BATCH, POINTS, MOVED)),
    ("map_coordinates", (BATCH, np.zeros((2, 3)), 1)), ("map_coordinates", (np.zeros(3), np.zeros((1, 3)), 2)),
    ("resize", (BATCH, (1, 2, 3))), ("extract_patches", (BATCH, "x")), ("extract_patches", (BATCH, (1, 2, 3, 4))),
    ("pad_images", (BATCH, 1)), ("crop_images", (BATCH, 1, 1, 1, 1, 3, 3)),
    ("scale_and_translate", (BATCH, BATCH.shape, np.ones(1), np.ones(1), (1,), "nope"))])
def test_errors_of_operations(name, arguments):
    with pytest.raises((ValueError, TypeError, NotImplementedError)) as theirs:
        getattr(keras.ops.image, name)(*arguments)
    with pytest.raises(theirs.type):
        getattr(ours.ops.image, name)(*arguments)


LAYERS = [
    ("RandomHue", dict(factor=0.4, value_range=(0, 1))), ("RandomSaturation", dict(factor=(0.2, 0.7),
                                                                                   value_range=(0, 1))),
    ("RandomGrayscale", dict(factor=0.5)), ("RandomInvert", dict(factor=0.6, value_range=(0, 1))),
    ("RandomPosterization", dict(factor=(2, 6), value_range=(0, 1))),
    ("RandomPosterization", dict(factor=3, value_range=(0, 1))),
    ("RandomSharpness", dict(factor=0.9, value_range=(0, 1))),
    ("RandomColorDegeneration", dict(factor=0.8, value_range=(0, 1))),
    ("Solarization", dict(addition_factor=0.3, threshold_factor=0.6, value_range=(0, 1))),
    ("AutoContrast", dict(value_range=(0, 1))), ("Equalization", dict(value_range=(0, 1))),
    ("Equalization", dict(value_range=(0, 1), bins=16)), ("MixUp", dict(alpha=0.4)), ("CutMix", dict(factor=0.9)),
    ("RandomErasing", dict(value_range=(0, 1))),
    ("RandomErasing", dict(factor=0.7, scale=(0.1, 0.4), fill_value=0.4, value_range=(0, 1))),
    ("RandomErasing", dict(fill_value=(0.1, 0.2, 0.3), value_range=(0, 1))),
    ("RandomGaussianBlur", dict(factor=0.9, kernel_size=5, sigma=(0.4, 0.9), value_range=(0, 1))),
    ("RandomPerspective", dict(scale=0.4)), ("RandomPerspective", dict(factor=0.5, interpolation="nearest")),
    # a limit that is a whole number: Keras' torch backend cuts it off to one
    ("ContrastLimitedAdaptiveHistogramEqualization", dict(value_range=(0, 1), tile_grid_size=(2, 9), clip_limit=64.0)),
    ("ContrastLimitedAdaptiveHistogramEqualization", dict(value_range=(0, 1), tile_grid_size=(3, 2), clip_limit=0)),
]
COMPOSED = [("RandomShear", dict(x_factor=0.3, y_factor=0.2)), ("RandomElasticTransform", dict(value_range=(0, 1))),
            ("RandomColorJitter", dict(value_range=(0, 1), brightness_factor=0.2, contrast_factor=0.3,
                                       saturation_factor=0.4, hue_factor=0.1)),
            ("RandAugment", dict(value_range=(0, 1))), ("RandAugment", dict(value_range=(0, 1), num_ops=4, factor=0.2)),
            ("AugMix", dict(value_range=(0, 1))), ("AugMix", dict(value_range=(0, 1), all_ops=False, num_chains=2))]


def numbers(drawn):
    """What Keras draws, as arrays."""
    if isinstance(drawn, dict):
        return {name: value if isinstance(value, tuple) else plain(value) for name, value in drawn.items()}
    return None if drawn is None else plain(drawn)


@pytest.mark.filterwarnings("ignore:Tensor.T is deprecated on 0-D")  # PyTorch, of Keras
@pytest.mark.parametrize(("name", "kwargs"), LAYERS, ids=[f"{case[0]}-{i}" for i, case in enumerate(LAYERS)])
def test_what_layers_do(name, kwargs):
    mine, theirs = (getattr(k.layers, name)(**kwargs) for k in (ours, keras))
    for _ in range(3):
        drawn = theirs.get_random_transformation(keras.ops.array(BATCH), training=True)
        wanted = theirs.transform_images(keras.ops.array(BATCH), drawn, training=True)
        drawn = numbers(drawn)
        if name == "RandomGrayscale":
            drawn = {"chosen": drawn}
        got = mine._changed(ours.ops.array(BATCH), drawn, True)
        assert plain(got).dtype == plain(wanted).dtype
        if name == "Equalization" and kwargs.get("bins") is None:
            # a value at the edge of a bin may fall to either side
            assert (np.abs(plain(got) - plain(wanted)) < 1e-4).mean() > 0.97
        else:
            assert_same(got, wanted, rtol=1e-4, atol=1e-4)
        if name in ("MixUp", "CutMix"):
            labels = np.eye(3, dtype=np.float32)
            wanted = theirs.transform_labels(keras.ops.array(labels), {key: keras.ops.array(value) for key, value in
                                                                       drawn.items()})
            assert_same(mine._labels_changed(ours.ops.array(labels), drawn, True), wanted, rtol=1e-4)


@pytest.mark.parametrize(("name", "kwargs"), LAYERS + COMPOSED,
                         ids=[f"{case[0]}-{i}" for i, case in enumerate(LAYERS + COMPOSED)])
def test_layers(name, kwargs):
    mine, theirs = getattr(ours.layers, name), getattr(keras.layers, name)
    assert_same_signature(mine.__init__, theirs.__init__)
    if "seed" in inspect.signature(mine.__init__).parameters:
        kwargs = dict(seed=3, **kwargs)
    layer = mine(**kwargs)
    made = plain(layer(BATCH, training=True))
    assert made.shape == BATCH.shape and np.isfinite(made).all()
    assert made.min() >= -1e-5 and made.max() <= 1 + 1e-5 or name == "RandomInvert"
    np.testing.assert_array_equal(plain(mine(**kwargs)(BATCH, training=True)), made)  # the seed decides
    if name not in ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"):
        assert_same(layer(BATCH, training=False), BATCH)
    assert layer(BATCH[0], training=True).shape == BATCH.shape[1:]
    first = plain(mine(data_format="channels_first", **kwargs)(BATCH.transpose(0, 3, 1, 2).copy(), training=True))
    assert first.shape == (3, 3, 8, 9)
    data = dict(images=BATCH, labels=np.eye(3, dtype=np.float32), segmentation_masks=np.ones((3, 8, 9, 1), "int32"))
    found = layer(data, training=True)
    assert found["images"].shape == BATCH.shape and found["labels"].shape == (3, 3)
    assert found["segmentation_masks"].shape == (3, 8, 9, 1)
    assert without_modules(layer.get_config()) == without_modules(theirs(**kwargs, name=layer.name).get_config())
    again = mine.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer(ours.Input((8, 9, 3))).shape == (None, 8, 9, 3)


def test_shears_are_keras():
    mine, theirs = (k.layers.RandomShear(0.3, 0.2) for k in (ours, keras))
    drawn = theirs.get_random_transformation(keras.ops.array(BATCH), training=True)
    wanted = theirs.transform_images(keras.ops.array(BATCH), drawn, training=True)
    got = mine._changed(ours.ops.array(BATCH), mine._of_factors(plain(drawn["shear_factor"])), True)
    assert_same(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "kwargs"), [
    ("RandomHue", dict(factor=2)), ("RandomSaturation", dict(factor=0.5, value_range=3)),
    ("RandomGrayscale", dict(factor=1.5)), ("RandomPosterization", dict(factor=9)),
    ("Solarization", dict(addition_factor=2)), ("AutoContrast", dict(value_range=(1, 2, 3))),
    ("RandomGaussianBlur", dict(kernel_size=2)), ("RandomGaussianBlur", dict(sigma=2)),
    ("RandomShear", dict(x_factor=2)), ("RandomShear", dict(fill_mode="nope")),
    ("RandomPerspective", dict(scale=2.0)), ("RandomPerspective", dict(interpolation="nope")),
    ("RandomElasticTransform", dict(fill_mode="nope")), ("CutMix", dict(factor="x")),
    ("RandomErasing", dict(scale=(0.1, 0.2, 0.3)))])
def test_errors_of_layers(name, kwargs):
    with pytest.raises((ValueError, NotImplementedError)) as theirs:
        getattr(keras.layers, name)(**kwargs)
    with pytest.raises(theirs.type):
        getattr(ours.layers, name)(**kwargs)


def test_pipeline():
    made = ours.layers.Pipeline([ours.layers.Rescaling(0.5), ours.layers.RandomInvert(1.0, value_range=(0, 1))])
    assert_same(made(BATCH, training=False), BATCH * 0.5)
    assert not np.allclose(plain(made(BATCH, training=True)), BATCH * 0.5)
    again = ours.layers.Pipeline.from_config(made.get_config())
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in made.layers]
    assert_same_signature(ours.layers.Pipeline.__init__, keras.layers.Pipeline.__init__)


def test_hashed_crossing():
    # the bins that Keras' documentation gives; Keras itself needs TensorFlow for it
    layer = ours.layers.HashedCrossing(5)
    words, numbers = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    assert layer((words, numbers)).tolist() == [1, 4, 1, 1, 3]
    assert layer((words[:, None], numbers[:, None])).shape == (5, 1)
    hot = ours.layers.HashedCrossing(5, output_mode="one_hot")
    assert plain(hot((words, numbers))).argmax(1).tolist() == [1, 4, 1, 1, 3]
    assert int(layer(("A", np.int64(101)))) == 1
    assert layer.compute_output_shape([(5,), (5,)]) == (5,) and hot.compute_output_shape([(5, 1), (5, 1)]) == (5, 5)
    again = ours.layers.HashedCrossing.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and layer.get_config()["num_bins"] == 5
    for wrong in (words, (words,), (words, numbers[:3]), (words, numbers * 1.0), (words.reshape(1, 5), words[None])):
        with pytest.raises(ValueError, match="HashedCrossing"):
            layer(wrong)
    with pytest.raises(ValueError, match="output_mode"):
        ours.layers.HashedCrossing(5, output_mode="count")
    assert_same_signature(ours.layers.HashedCrossing.__init__, keras.layers.HashedCrossing.__init__)
