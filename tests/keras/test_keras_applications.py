"""Known networks beside real Keras: layers' names and kinds, weights' shapes, outputs, arguments, files of weights."""
import hashlib
import importlib
import json
import sys

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain

from fastnn.keras import naming

pytestmark = MARKS
RNG = np.random.default_rng(31)
applications = importlib.import_module("fastnn.keras.applications")
NAMES = [name for name in dir(applications) if name[0].isupper()]
SHAPE = (32, 32, 3)
# Of the layers' names and kinds and the weights' shapes that real Keras has, by `python test_keras_applications.py`:
# building them all with Keras takes minutes, and the largest ones too long in a test.
DIGESTS = {
    "EfficientNetV2B0": "03a2817abfc6f6cb",
    "EfficientNetV2S": "84c001a0e5f3e77c",
    "ConvNeXtTiny": "2b64d064706192bd",
    "DenseNet121": "38314847123fd5c3",
    "DenseNet169": "8855f7449bb7a00b",
    "EfficientNetB0": "aa35fbcf47c9ab99",
    "EfficientNetB1": "0210871961d1d365",
    "EfficientNetB2": "5fa1cffad01b5a03",
    "EfficientNetB3": "e01d1346e89d1436",
    "InceptionResNetV2": "b6725cb6ffe0a3af",
    "InceptionV3": "8c2387e2f2fcce1b",
    "MobileNet": "45288edf462edab1",
    "MobileNetV2": "1a2b2029765c58f0",
    "MobileNetV3Large": "fe1ca5832cef723b",
    "MobileNetV3Small": "aa44f38346f71e9e",
    "ResNet101": "70d2478480cdaf6f",
    "ResNet101V2": "530bc89cde55e74e",
    "ResNet50": "788be6d9a3a2aeea",
    "ResNet50V2": "345426d9e3a0f7a4",
    "VGG16": "3e02fbaaf5348a93",
    "VGG19": "623c64433c79c709",
    "Xception": "80d2e30fd940459e",
}


def reset_names():
    naming.reset_uids()
    keras.src.backend.common.global_state.set_global_attribute("object_name_uids", None)


def built(package, name, **options):
    reset_names()
    least = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}.get(name, 32)
    return getattr(package, name)(**{"weights": None, "classes": 7, "input_shape": (least, least, 3), **options})


def digest(model):
    layers = [(layer.name, type(layer).__name__ if hasattr(layer, "weights") else "") for layer in model.layers]
    text = repr([model.name, layers, [tuple(w.shape) for w in model.weights], model.output_shape])
    return hashlib.sha1(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", NAMES)
def test_structure(name):
    assert_same_signature(getattr(applications, name), getattr(keras.applications, name))
    if name not in DIGESTS:
        pytest.skip("too large to build in a test")
    assert digest(built(applications, name)) == DIGESTS[name]


@pytest.mark.parametrize(("name", "options"), [
    ("MobileNetV2", dict(alpha=0.35)), ("MobileNetV2", dict(include_top=False, pooling="max")),
    ("MobileNet", dict(alpha=0.25)), ("MobileNetV3Small", dict(minimalistic=True)),
    ("MobileNetV3Small", dict(include_top=False, pooling="avg", include_preprocessing=False)),
    ("VGG16", dict(include_top=False))], ids=str)
def test_outputs(name, options):
    mine, theirs = (built(package, name, **options) for package in (applications, keras.applications))
    assert digest(mine) == digest(theirs)
    weights = [plain(w) for w in theirs.get_weights()]
    weights = [w if w.ndim > 1 or w.dtype.kind != "f" else
               (np.abs(RNG.normal(size=w.shape)) * 0.1 + 0.5).astype(w.dtype) for w in weights]
    for model in (mine, theirs):
        model.set_weights(weights)
    x = RNG.uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    got, wanted = plain(mine(x)), plain(theirs(x))
    assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("options", [
    dict(weights="none.h5"), dict(weights="imagenet", classes=3), dict(input_shape=(16, 16, 3)),
    dict(input_shape=(32, 32)), dict(input_shape=(None, None, 3))], ids=str)
def test_wrong_arguments(options):
    for package in (applications, keras.applications):
        with pytest.raises(ValueError):
            built(package, "VGG16", **options)


def test_a_part_of_another_model():
    for k, package in ((ours, applications), (keras, keras.applications)):
        image = k.Input((32, 32, 3))
        base = package.MobileNetV2(include_top=False, weights=None, input_tensor=k.layers.Rescaling(2.0)(image))
        assert base.inputs[0] is image and base.output_shape == (None, 1, 1, 1280)
        anywhere = package.VGG16(include_top=False, weights=None)
        assert anywhere.output_shape == (None, None, None, 512) and anywhere.get_layer("block5_conv3")


def test_weights_of_keras_files(tmp_path):
    h5py = pytest.importorskip("h5py", reason="files of HDF5")
    theirs = built(keras.applications, "MobileNet", alpha=0.25)
    theirs.save_weights(tmp_path / "new.weights.h5")
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(tmp_path / "old.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    for name in ("new.weights.h5", "old.h5"):
        mine = built(applications, "MobileNet", alpha=0.25, weights=str(tmp_path / name))
        for got, wanted in zip(mine.get_weights(), theirs.get_weights()):
            assert_same(got, wanted)


@pytest.mark.filterwarnings("ignore:Exception encountered when calling Functional")  # Keras, of lists of one input
def test_layers_of_networks_in_files(tmp_path):
    pytest.importorskip("h5py", reason="files of HDF5")

    def model(k, package):
        image = k.Input((4, 4, 3))
        x = package.convnext.LayerScale(0.5, 3)(image)
        return k.Model(image, package.inception_resnet_v2.CustomScaleLayer(0.3)([x, image]))
    x = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
    for writer, package, reader in ((ours, applications, keras), (keras, keras.src.applications, ours)):
        made = model(writer, package)
        made.save(tmp_path / "m.keras")
        loaded = reader.models.load_model(tmp_path / "m.keras")
        assert_same(loaded.predict(x, verbose=0), made.predict(x, verbose=0))


def test_imagenet_weights_come_from_the_cache(tmp_path, monkeypatch):
    pytest.importorskip("h5py", reason="files of HDF5")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    theirs = built(keras.applications, "MobileNet", include_top=False, input_shape=None)
    (tmp_path / "models").mkdir()
    theirs.save_weights(tmp_path / "models" / "x.weights.h5")
    (tmp_path / "models" / "x.weights.h5").rename(tmp_path / "models" / "mobilenet_1_0_224_tf_no_top.h5")
    with pytest.warns(UserWarning, match="224"):
        mine = applications.MobileNet(include_top=False)
    assert_same(mine.get_weights()[0], theirs.get_weights()[0])


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (4, 5, 3), (2, 3, 4, 5), (3, 4, 5)], ids=str)
def test_preprocess_input(mode, shape):
    options = dict(mode=mode, data_format="channels_last" if shape[-1] == 3 else "channels_first")
    x = RNG.uniform(0, 255, shape).astype(np.float32)
    wanted = keras.applications.imagenet_utils.preprocess_input(x.copy(), **options)
    before = x.copy()
    assert_same(applications.imagenet_utils.preprocess_input(x, **options), wanted, atol=1e-4)
    assert (x == before).all()  # Keras writes into it
    assert_same(applications.imagenet_utils.preprocess_input(ours.ops.array(x), **options), wanted, atol=1e-4)
    whole = x.astype(np.uint8)
    assert_same(applications.imagenet_utils.preprocess_input(whole, **options),
                keras.applications.imagenet_utils.preprocess_input(whole, **options), atol=1e-4)
    symbolic = applications.imagenet_utils.preprocess_input(ours.Input(shape[1:]), **options) if len(shape) == 4 else 0
    assert len(shape) == 3 or symbolic.shape == (None, *shape[1:])


MODULES = [name for name in dir(keras.applications) if hasattr(getattr(keras.applications, name), "preprocess_input")
           and hasattr(applications, name)]


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    mine, theirs = getattr(applications, name), getattr(keras.applications, name)
    public = {each for each in dir(theirs) if not each.startswith("_")}
    assert public <= set(dir(mine))
    x = RNG.uniform(0, 255, (4, 5, 3)).astype(np.float32)
    assert_same(mine.preprocess_input(x), theirs.preprocess_input(x.copy()), atol=1e-4)
    assert_same_signature(mine.preprocess_input, theirs.preprocess_input)
    assert_same_signature(mine.decode_predictions, theirs.decode_predictions)
    with pytest.raises(ValueError):
        applications.imagenet_utils.preprocess_input(x, mode="nope")


def test_decode_predictions(tmp_path, monkeypatch):
    from fastnn.keras.applications import imagenet_utils
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({str(i): [f"n{i}", f"class {i}"] for i in range(1000)}))
    monkeypatch.setattr(imagenet_utils, "get_file", lambda *args, **kwargs: str(path))
    monkeypatch.setattr(keras.src.applications.imagenet_utils, "CLASS_INDEX", json.loads(path.read_text()))
    scores = RNG.permutation(2000).reshape(2, 1000).astype(np.float32)
    for top in (1, 5):
        got, wanted = (p.vgg16.decode_predictions(scores, top) for p in (applications, keras.applications))
        assert got == wanted
    with pytest.raises(ValueError, match="1000"):
        applications.vgg16.decode_predictions(scores[:, :10])


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        print(f'    "{each}": "{digest(built(keras.applications, each))}",', flush=True)
