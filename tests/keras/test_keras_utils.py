"""Helpers, data sets by number and random numbers beside real Keras."""
import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, plain

pytestmark = MARKS
RNG = np.random.default_rng(17)
X, Y = RNG.normal(size=(24, 3)).astype(np.float32), RNG.normal(size=(24, 1)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"maxlen": 2}, {"maxlen": 5, "padding": "post"}, {"maxlen": 0},
                                     {"maxlen": 2, "truncating": "post"}, {"value": -1, "dtype": "float32"},
                                     {"dtype": object, "value": "none"}], ids=str)
@pytest.mark.parametrize("rows", [[[1], [2, 3], [4, 5, 6]], [[], [1]], [np.ones((2, 3)), np.zeros((1, 3))]], ids=str)
def test_pad_sequences(rows, options):
    if options.get("maxlen") == 0:  # Keras: s[-0:] is the whole sequence
        assert ours.utils.pad_sequences(rows, **options).shape[:2] == (len(rows), 0)
        return
    got, wanted = (k.utils.pad_sequences(rows, **options) for k in (ours, keras))
    assert got.dtype == wanted.dtype and got.shape == wanted.shape and (got == wanted).all()
    assert (ours.preprocessing.sequence.pad_sequences(rows, **options) == wanted).all()


@pytest.mark.parametrize("arguments", [([1, 2],), (3,), ([[1]], 2, "int32", "left"), ([[1]], 2, "int32", "pre", "left"),
                                       ([[1]], 2, "int32", "pre", "pre", "x"), ([[[1, 2]], [[1]]],)], ids=str)
def test_pad_sequences_refuses(arguments):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            k.utils.pad_sequences(*arguments)


@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1, "order": 1}, {"order": np.inf}], ids=str)
def test_normalize(options):
    x = RNG.normal(size=(4, 5))
    x[0] = 0
    if options.get("axis") == 0:  # Keras divides along another axis than it takes the norm along
        assert_same(ours.utils.normalize(x.T, **options), keras.utils.normalize(x).T)
        return
    assert_same(ours.utils.normalize(x, **options), keras.utils.normalize(x, **options))
    if options.get("order") != np.inf:
        assert_same(plain(ours.utils.normalize(ours.ops.array(x[1:]), **options)), plain(
            keras.utils.normalize(keras.ops.array(x[1:]), **options)))


def dataset(k, calls, batches=4, **options):
    class Rows(k.utils.PyDataset):
        @property
        def num_batches(self):
            return batches

        def __getitem__(self, i):
            calls.append(i)
            return X[i % 6 * 4:i % 6 * 4 + 4], Y[i % 6 * 4:i % 6 * 4 + 4]

        def on_epoch_begin(self):
            calls.append("begin")

        def on_epoch_end(self):
            calls.append("end")
    return Rows(**options)


def model(k):
    made = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
    made.set_weights([np.ones((3, 1), np.float32), np.zeros(1, np.float32)])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("workers", [1, 3])
def test_datasets_by_number(workers):
    found = []
    for k in (ours, keras if workers == 1 else ours):  # Keras' threads do not keep the order
        calls, made = [], model(k)
        history = made.fit(dataset(k, calls, workers=workers if not found else 1), epochs=2, shuffle=False, verbose=0,
                           validation_data=dataset(k, []))
        found.append((history.history, made.predict(dataset(k, []), verbose=0),
                      made.evaluate(dataset(k, []), verbose=0)))
        if k is ours:  # Keras begins once more, for a look at the first batch
            assert sorted(map(str, calls)) == sorted(["begin", "0", "1", "2", "3", "end"] * 2)
    for got, wanted in zip(*found):
        for a, b in zip(*(each.values() if isinstance(each, dict) else [each] for each in (got, wanted))):
            assert_same(np.array(a), np.array(b), rtol=1e-5, atol=1e-6)


def test_datasets_shuffle_batches_and_may_be_endless():
    calls = []
    model(ours).fit(dataset(ours, calls, 24), epochs=1, verbose=0)
    order = [each for each in calls if isinstance(each, int)]
    assert sorted(order) == list(range(24)) and order != list(range(24))
    calls.clear()
    model(ours).fit(dataset(ours, calls, None), epochs=2, steps_per_epoch=3, verbose=0)
    assert [each for each in calls if isinstance(each, int)][:6] == list(range(6))


def test_a_dataset_that_fails_says_so():
    class Broken(ours.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            raise KeyError("no such row")
    for workers in (1, 2):
        with pytest.raises(KeyError, match="no such row"):
            model(ours).fit(Broken(workers=workers), verbose=0)
    with pytest.raises(NotImplementedError, match="num_batches"):
        model(ours).fit(ours.utils.PyDataset(), verbose=0)


MOMENTS = [("truncated_normal", ((20000,), 1.0, 2.0)), ("gamma", ((20000,), 2.0)), ("beta", ((20000,), 2.0, 3.0)),
           ("binomial", ((20000,), 10.0, 0.3)), ("randint", ((20000,), 2, 9))]


@pytest.mark.parametrize("name, arguments", MOMENTS, ids=[name for name, _ in MOMENTS])
def test_distributions(name, arguments):
    made = [plain(getattr(k.random, name)(*arguments, seed=3)) for k in (ours, keras)]
    assert made[0].dtype == made[1].dtype and made[0].shape == made[1].shape
    assert np.abs(made[0].mean() - made[1].mean()) < 0.06 and np.abs(made[0].std() - made[1].std()) < 0.06
    assert (made[0] == plain(getattr(ours.random, name)(*arguments, seed=3))).all()
    assert (made[0] != plain(getattr(ours.random, name)(*arguments))).any()


def test_categorical_and_shuffle():
    logits = np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-9]])
    drawn = plain(ours.random.categorical(logits, 20000, seed=1))
    shares = np.stack([np.bincount(row, minlength=3) / 20000 for row in drawn])
    assert np.abs(shares - np.exp(logits)).max() < 0.02 and drawn.dtype == np.int32
    x = np.arange(24).reshape(2, 12)
    assert (np.sort(plain(ours.random.shuffle(x, 1, seed=2)), 1) == x).all()
    with pytest.raises(ValueError, match="2-D"):
        ours.random.categorical(np.zeros(3), 2)
    with pytest.raises(ValueError, match="integer `dtype`"):
        ours.random.randint((2,), 0, 3, dtype="float32")


def test_names_of_older_modules():
    for name in ("epsilon", "floatx", "image_data_format", "set_floatx", "is_keras_tensor", "clear_session"):
        assert callable(getattr(ours.backend, name)) and hasattr(keras.backend, name)
    for k in (ours, keras):
        assert k.version() == "3.15.1" and k.DTypePolicy("float32").compute_dtype == "float32"
        k.mixed_precision.set_global_policy("mixed_float16")
        try:
            assert k.mixed_precision.global_policy().name == k.config.dtype_policy().name == "mixed_float16"
        finally:
            k.config.set_dtype_policy("float32")
        assert k.utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
        assert k.utils.pack_x_y_sample_weight(1, 2) == (1, 2)
    for name in ("clear_session", "register_keras_serializable", "get_custom_objects", "is_keras_tensor", "Sequence"):
        assert hasattr(ours.utils, name) and hasattr(keras.utils, name)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_data_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))
    images, labels = RNG.integers(0, 256, (6, 28, 28), np.uint8), RNG.integers(0, 10, 6, np.uint8)
    for name in ("MNIST", "FashionMNIST"):
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        for part in ("train", "t10k"):
            (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    for dataset in (ours.datasets.mnist, ours.datasets.fashion_mnist):
        (x, y), (x_test, y_test) = dataset.load_data()
        assert (x == images).all() and (y == labels).all() and (x_test == images).all() and (y_test == labels).all()
        assert x.dtype == y.dtype == np.uint8
    colours = RNG.integers(0, 256, (6, 3, 32, 32), np.uint8)
    for name, columns, files in (("cifar-10-batches-bin", 1, [*(f"data_batch_{i}.bin" for i in range(1, 6)),
                                                              "test_batch.bin"]),
                                 ("cifar-100-binary", 2, ["train.bin", "test.bin"])):
        (tmp_path / name).mkdir()
        rows = np.concatenate([np.stack([labels + i for i in range(columns)], 1), colours.reshape(6, -1)], 1)
        for file in files:
            (tmp_path / name / file).write_bytes(rows.astype(np.uint8).tobytes())
    (x, y), (x_test, y_test) = ours.datasets.cifar10.load_data()
    assert x.shape == (30, 32, 32, 3) and y.shape == (30, 1) and y.dtype == np.uint8
    assert (x_test == colours.transpose(0, 2, 3, 1)).all() and (y_test[:, 0] == labels).all()
    for mode, offset in (("coarse", 0), ("fine", 1)):
        (x, y), _ = ours.datasets.cifar100.load_data(mode)
        assert x.shape == (6, 32, 32, 3) and (y[:, 0] == labels + offset).all() and y.dtype == np.int64
    with pytest.raises(ValueError, match="label_mode"):
        ours.datasets.cifar100.load_data("rough")
