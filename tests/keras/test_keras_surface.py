"""The names of real Keras, module by module; scopes, functions of graphs, quantizers, distribution, wrappers."""
import inspect
import subprocess
import sys

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain

import fastnn

pytestmark = MARKS
RNG = np.random.default_rng(47)
# Modules and names of real Keras that are not here; the list can only shrink.
ABSENT = {"distillation", "export", "visualization", "utils.bounding_boxes", "applications.nasnet"}
ABSENT_NAMES = {
    "applications": {"NASNetLarge", "NASNetMobile"},
    "dtype_policies": {"AWQDTypePolicy", "DTypePolicyMap", "GPTQDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy",
                       "QuantizedFloat8DTypePolicy"},
}
# Names that raise NotImplementedError when they are called.
RAISING = ["layers.FlaxLayer", "layers.JaxLayer", "layers.MaxNumBoundingBoxes", "layers.TFSMLayer",
           "callbacks.OrbaxCheckpoint", "optimizers.MultiOptimizer", "saving.KerasFileEditor",
           "quantizers.Int8QuantizationConfig", "distribution.ModelParallel", "distribution.LayoutMap"]


def member(root, path):
    for part in path.split(".") if path else ():
        root = getattr(root, part)
    return root


def modules(path="", seen=None):
    """Paths of the public modules of real Keras."""
    seen = {""} if seen is None else seen
    for name in dir(member(keras, path)):
        found = getattr(member(keras, path), name)
        own = f"{path}.{name}".strip(".")
        if inspect.ismodule(found) and not name.startswith("_") and found.__name__.startswith("keras.") \
                and name != "src" and own not in seen:
            seen.add(own)
            modules(own, seen)
    return sorted(seen)


@pytest.mark.parametrize("path", modules())
def test_names(path):
    if path in ABSENT:
        pytest.skip("not here")
    mine, theirs = member(ours, path), member(keras, path)
    names = {name for name in dir(theirs) if not name.startswith("_") and not inspect.ismodule(getattr(theirs, name))}
    missing = {name for name in names if not hasattr(mine, name)}
    assert missing == ABSENT_NAMES.get(path, set())


@pytest.mark.parametrize("path", RAISING)
def test_names_that_raise(path):
    with pytest.raises(NotImplementedError, match=path):
        member(ours, path)()


def test_rare_things_are_imported_late():
    program = "import sys, fastnn.keras; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    lazy = {"fastnn.vision", "fastnn.keras.applications", "fastnn.keras.datasets", "fastnn.keras.layers.mixing",
            "fastnn.keras.ops.image", "fastnn.keras.saving.archive", "fastnn.keras.wrappers", "urllib.request", "PIL",
            "h5py", "sklearn", "graphviz", "ssl", "logging"}
    assert not lazy & set(loaded)


def test_stateless_scope():
    for k in (ours, keras):
        v, w = k.Variable(np.ones(3, "float32")), k.Variable(2.0)
        with k.StatelessScope([(v, k.ops.array([4.0, 5, 6]))]) as scope:
            w.assign(v[0] + 1)
            scope.add_update((v, k.ops.array([7.0, 8, 9])))
            assert plain(scope.get_current_value(w)) == 5
        assert plain(v).tolist() == [1, 1, 1] and plain(w) == 2
        assert plain(scope.get_current_value(v)).tolist() == [7, 8, 9]
        assert plain(scope.get_current_value(w)) == 5
        for wrong in ([(3, 4)], [(v, k.ops.ones(2))]):
            with pytest.raises(ValueError, match="StatelessScope"):
                k.StatelessScope(wrong)


def test_scopes_and_devices():
    for k in (ours, keras):
        with k.device("cpu"), k.RematScope("full"), k.SymbolicScope():
            pass
        with pytest.raises(ValueError, match="device_name"):
            k.device(3).__enter__()
        assert k.remat(lambda x: x + 1)(1) == 2
        with pytest.raises(ValueError, match="mode"):
            k.RematScope("nope")
    with pytest.raises(ValueError, match="gpu"):
        ours.device("gpu:0")
    for name in ("StatelessScope", "RematScope", "SymbolicScope", "Function"):
        assert_same_signature(getattr(ours, name).__init__, getattr(keras, name).__init__)
    assert_same_signature(ours.remat, keras.remat)


def test_functions_of_graphs():
    found = []
    for k in (ours, keras):
        a, b = k.Input((3,)), k.Input((3,))
        made = k.Function([a, b], {"sum": a + b, "product": k.ops.multiply(a, b)})
        x, y = np.arange(6, dtype="float32").reshape(2, 3), np.ones((2, 3), "float32")
        found.append(made([k.ops.array(x), k.ops.array(y)]))
        assert made([k.Input((3,)), k.Input((3,))])["sum"].shape == (None, 3)
        assert len(made.inputs) == 2 and len(made.outputs) == 2
        with pytest.raises(ValueError):
            made([k.ops.array(x)])
    assert_same(found[0]["sum"], found[1]["sum"])
    assert_same(found[0]["product"], found[1]["product"])


def test_quantizers():
    x = RNG.normal(size=(3, 6)).astype(np.float32)
    for options in (dict(axis=0), dict(axis=(0, 1)), dict(axis=-1, value_range=(-7, 7))):
        for got, wanted in zip(*(k.quantizers.abs_max_quantize(x, **options) for k in (ours, keras))):
            assert plain(got).dtype == plain(wanted).dtype
            assert_same(got, wanted)
    mine, theirs = (k.quantizers.AbsMaxQuantizer(axis=1) for k in (ours, keras))
    for got, wanted in zip(mine(x), theirs(x)):
        assert_same(got, wanted)
    assert mine.get_config() == theirs.get_config()
    again = ours.quantizers.deserialize(ours.quantizers.serialize(mine))
    assert list(again.get_config()["value_range"]) == [-127, 127]
    assert isinstance(ours.quantizers.get("abs_max_quantizer"), ours.quantizers.AbsMaxQuantizer)
    for k in (ours, keras):
        with pytest.raises(ValueError, match="int8"):
            k.quantizers.AbsMaxQuantizer(value_range=(-300, 300))
    for dtype, low, high in (("int8", -8, 8), ("uint8", 0, 16)):
        numbers = RNG.integers(low, high, (5, 3)).astype(dtype)
        for axis in (0, 1, -1):
            (got, shape, count), (wanted, *rest) = (k.quantizers.pack_int4(k.ops.array(numbers), axis, dtype)
                                                    for k in (ours, keras))
            assert (plain(got) == plain(wanted)).all() and (shape, count) == tuple(rest)
            back = plain(ours.quantizers.unpack_int4(got, count, axis, dtype))
            assert back.dtype == numbers.dtype and (back == numbers).all()
    for name in ("abs_max_quantize", "pack_int4", "unpack_int4", "AbsMaxQuantizer", "Quantizer"):
        assert_same_signature(getattr(ours.quantizers, name), getattr(keras.quantizers, name))


def test_distribution_over_one_processor():
    d = ours.distribution
    assert d.list_devices() == ["cpu:0"] and d.get_device_count() == 1 and d.get_device_count("gpu") == 0
    assert d.distribution() is None
    with d.DataParallel().scope():
        assert isinstance(d.distribution(), d.DataParallel)
    assert d.distribution() is None
    with pytest.raises(NotImplementedError, match="2 devices"):
        d.DataParallel(devices=["cpu:0", "cpu:1"])
    with pytest.raises(NotImplementedError, match="num_processes"):
        d.initialize(num_processes=4)
    for k in (ours, keras):
        with pytest.raises(ValueError):
            k.distribution.DeviceMesh((1, 1), ["batch"], ["cpu:0"])
    for name in ("DeviceMesh", "DataParallel", "list_devices", "get_device_count", "initialize", "set_distribution"):
        assert_same_signature(getattr(d, name), getattr(keras.distribution, name))


# Without float64, which Keras takes for float32 here.
@pytest.mark.parametrize("types", [("int32", "float32"), ("int8", int), ("int32", float), (int, int), (int, float),
                                   ("bool", int), ("float32", int), ("uint8", "int8")], ids=str)
def test_result_type(types):
    assert ours.backend.result_type(*types) == keras.backend.result_type(*types)


def compiled(k, units, activation, loss):
    model = k.Sequential([k.Input((3,)), k.layers.Dense(8, activation="relu"),
                          k.layers.Dense(units, activation=activation)])
    model.compile(k.optimizers.Adam(0.05), loss)
    return model


def test_models_as_estimators():
    base = pytest.importorskip("sklearn.base", reason="the wrappers are scikit-learn's estimators")
    x = RNG.normal(size=(60, 3)).astype(np.float32)
    y = np.array(["no", "yes"])[(x[:, 0] > 0).astype(int)]
    classifier = ours.wrappers.SKLearnClassifier(compiled(ours, 2, "softmax", "categorical_crossentropy"),
                                                 fit_kwargs=dict(epochs=60, verbose=0))
    assert classifier.fit(x, y).score(x, y) > 0.8
    assert classifier.classes_.tolist() == ["no", "yes"] and classifier.predict(x[:4]).dtype == y.dtype
    assert classifier.decision_function(x).shape == (60, 2)
    assert base.is_classifier(classifier) and base.clone(classifier).fit_kwargs == classifier.fit_kwargs
    regressor = ours.wrappers.SKLearnRegressor(lambda X, y, loss: compiled(ours, 1, None, loss),
                                               model_kwargs=dict(loss="mse"), fit_kwargs=dict(verbose=0))
    assert regressor.fit(x, x.sum(1), epochs=3).predict(x).shape == (60,)
    features = ours.wrappers.SKLearnTransformer(compiled(ours, 4, None, "mse"), fit_kwargs=dict(verbose=0))
    assert features.fit(x, RNG.normal(size=(60, 4))).transform(x).shape == (60, 4)
    with pytest.raises(ValueError, match="one class"):
        classifier.fit(x, np.zeros(60, int))
    with pytest.raises(RuntimeError, match="compiled"):
        ours.wrappers.SKLearnRegressor(ours.Sequential([ours.layers.Dense(1)])).fit(x, x[:, 0])
    for name in ("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"):
        assert_same_signature(getattr(ours.wrappers, name).__init__, getattr(keras.wrappers, name).__init__)


def test_modules_as_layers():
    module = fastnn.nn.Sequential(fastnn.nn.Linear(3, 5), fastnn.nn.BatchNorm1d(5), fastnn.nn.ReLU(),
                                  fastnn.nn.Linear(5, 1))
    layer = ours.layers.TorchModuleWrapper(module)
    x, y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 1)).astype(np.float32)
    assert_same(layer(x, training=False), module.eval()(fastnn.tensor(x)))
    assert len(layer.trainable_weights) == 6 and len(layer.weights) == 9
    model = ours.Sequential([ours.Input((3,)), layer])
    model.compile(ours.optimizers.Adam(0.05), "mse")
    before = plain(layer.weights[0]).copy()
    history = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0] and not np.allclose(plain(layer.weights[0]), before)
    assert_same(model.predict(x, verbose=0), module.eval()(fastnn.tensor(x)), rtol=1e-4, atol=1e-5)
    assert_same_signature(ours.layers.TorchModuleWrapper.__init__, keras.layers.TorchModuleWrapper.__init__)
    with pytest.raises(NotImplementedError, match="state_dict"):
        layer.get_config()
