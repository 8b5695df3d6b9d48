"""Files, images, folders as data sets, series, drawings of models and the data sets of files beside real Keras."""
import hashlib
import io
import json
import os
import pathlib
import pickle
import tarfile
import types
import wave
import zipfile

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain

from fastnn.errors import UnsafeFileError
from fastnn.keras.utils.pipeline import Dataset

pytestmark = MARKS
RNG = np.random.default_rng(23)
NAMES = ["array_to_img", "audio_dataset_from_directory", "get_file", "get_source_inputs",
         "image_dataset_from_directory", "img_to_array", "load_img", "model_to_dot", "plot_model", "save_img",
         "split_dataset", "text_dataset_from_directory", "timeseries_dataset_from_array"]


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    assert_same_signature(getattr(ours.utils, name), getattr(keras.utils, name))


@pytest.mark.parametrize("name", ["boston_housing", "california_housing", "imdb", "reuters"])
def test_signatures_of_data_sets(name):
    for function in ("load_data", "get_word_index", "get_label_names"):
        if hasattr(getattr(keras.datasets, name), function):
            assert_same_signature(getattr(getattr(ours.datasets, name), function),
                                  getattr(getattr(keras.datasets, name), function))


# ---- get_file ----

def text_of(path):
    return pathlib.Path(path).read_text()


@pytest.fixture
def origin(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "words.txt").write_text("some words")
    return tmp_path / "source"


def test_a_file_is_fetched_once(origin):
    url = (origin / "words.txt").as_uri()
    md5 = hashlib.md5(b"some words").hexdigest()
    path = ours.utils.get_file(origin=url, file_hash=md5)
    assert path.endswith("home/datasets/words.txt") and text_of(path) == "some words"
    (origin / "words.txt").write_text("other words")
    assert text_of(ours.utils.get_file(origin=url)) == "some words"
    assert text_of(ours.utils.get_file("words.txt", url, force_download=True)) == "other words"
    with pytest.raises(ValueError, match="hash"):
        ours.utils.get_file("words.txt", url, md5_hash=md5)
    sha = hashlib.sha256(b"other words").hexdigest()
    assert ours.utils.get_file("w", url, file_hash=sha, cache_subdir="x", cache_dir=str(origin)) == str(
        origin / "x" / "w")


def test_files_that_are_not_there(origin):
    with pytest.raises(Exception, match="URL fetch failure"):
        ours.utils.get_file(origin=(origin / "none.txt").as_uri())
    assert not os.listdir(origin.parent / "home" / "datasets")
    for arguments in (dict(), dict(fname="a/b", origin="http://x/y"), dict(origin="http://x/")):
        with pytest.raises(ValueError):
            ours.utils.get_file(**arguments)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_are_unpacked_within_their_folder(origin, kind):
    archive = origin / f"texts.{kind}"
    if kind == "tar":
        with tarfile.open(archive, "w:gz") as file:
            file.add(origin / "words.txt", "texts/words.txt")
            file.add(origin / "words.txt", "../../outside.txt")
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.write(origin / "words.txt", "texts/words.txt")
            file.write(origin / "words.txt", "../../outside.txt")
    with pytest.warns(UserWarning, match="outside"):
        folder = ours.utils.get_file(origin=archive.as_uri(), extract=True)
    assert folder.endswith(f"texts.{kind}")
    assert [name for _, _, names in os.walk(origin.parent / "home") for name in names if "outside" in name] == []
    assert text_of(os.path.join(folder, "texts", "words.txt")) == "some words"
    with pytest.warns(UserWarning):
        assert ours.utils.get_file("texts", archive.as_uri(), extract=True).endswith("datasets/texts")
    with pytest.warns(UserWarning, match="Could not extract"):
        ours.utils.get_file(origin=(origin / "words.txt").as_uri(), extract=True)


# ---- images ----

@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (5, 4, 4), (3, 5, 4)])
def test_images_and_arrays(shape, tmp_path):
    pytest.importorskip("PIL", reason="reading images needs Pillow")
    x = RNG.uniform(-1, 3, shape).astype(np.float32)
    options = dict(data_format="channels_first") if shape[0] == 3 else {}
    for scale in (True, False):
        got, wanted = (k.utils.array_to_img(x, scale=scale, **options) for k in (ours, keras))
        assert got.mode == wanted.mode and (np.asarray(got) == np.asarray(wanted)).all()
        assert_same(ours.utils.img_to_array(got, **options), keras.utils.img_to_array(wanted, **options))
    for k, name in ((ours, "a.png"), (keras, "b.png")):
        k.utils.save_img(tmp_path / name, x, **options)
    for mode in ("rgb", "rgba", "grayscale"):
        for size in (None, (3, 6)):
            for keep in (False, True):
                for interpolation in ("nearest", "bicubic"):
                    found = [np.asarray(k.utils.load_img(tmp_path / name, mode, size, interpolation, keep))
                             for k, name in ((ours, "a.png"), (keras, "b.png"))]
                    assert found[0].shape == found[1].shape and (found[0] == found[1]).all()
    for arguments in ((3,), (tmp_path / "a.png", "cmyk"), (tmp_path / "a.png", "rgb", (2, 2), "nope")):
        for k in (ours, keras):
            with pytest.raises((TypeError, ValueError)):
                k.utils.load_img(*arguments)
    with pytest.raises(ValueError, match="rank 3"):
        ours.utils.array_to_img(x[0])


def test_smart_resize():
    x = RNG.uniform(0, 255, (7, 9, 3)).astype(np.float32)
    for size in ((4, 4), (6, 3)):
        got, wanted = (k.preprocessing.image.smart_resize(x, size) for k in (ours, keras))
        assert isinstance(got, np.ndarray)
        assert_same(got, wanted, atol=1e-3)  # of 255


@pytest.fixture
def folders(tmp_path):
    """Images and texts of three classes: grey values and words that say which file it is."""
    image = pytest.importorskip("PIL.Image", reason="reading images needs Pillow")
    number = 0
    for name in ("ants", "bees", "cats"):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(4):
            folder = tmp_path / name / ("deep" if i == 3 else "")
            image.fromarray(np.full((6, 4, 3), number, np.uint8)).save(folder / f"{i}.png")
            (folder / f"{i}.txt").write_text(f"text {number}")
            with wave.open(str(folder / f"{i}.wav"), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(np.full(3 + number, number * 100, "<i2").tobytes())
            number += 1
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def rows(dataset):
    """(numbers of the files, labels)"""
    batches = list(dataset)
    xs = np.concatenate([plain(x)[:, 0, 0, 0] for x, _ in batches])
    return xs.astype(int).tolist(), np.concatenate([plain(y) for _, y in batches])


def test_images_of_a_folder(folders, capsys):
    dataset = ours.utils.image_dataset_from_directory(folders, image_size=(3, 3), batch_size=5, shuffle=False)
    assert capsys.readouterr().out == "Found 12 files belonging to 3 classes.\n"
    assert dataset.class_names == ["ants", "bees", "cats"] and len(dataset) == 3 and len(dataset.file_paths) == 12
    x, y = next(iter(dataset))
    assert x.shape == (5, 3, 3, 3) and plain(x).dtype == np.float32 and plain(y).dtype == np.int32
    found, labels = rows(dataset)
    assert found == list(range(12)) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    shuffled = ours.utils.image_dataset_from_directory(folders, seed=3, verbose=False, batch_size=12)
    found, labels = rows(shuffled)
    assert sorted(found) == list(range(12)) and found != list(range(12)) and labels.tolist() == [n // 4 for n in found]
    assert rows(shuffled)[0] != found  # mixed anew in every pass
    # the order before mixing is Keras'
    from keras.src.utils import dataset_utils
    paths, labels, _ = dataset_utils.index_directory(str(folders), "inferred", (".png",), seed=3, verbose=False)
    assert [os.path.relpath(p, folders) for p in shuffled.file_paths] == [os.path.relpath(p, folders) for p in paths]
    one = ours.utils.image_dataset_from_directory(folders, labels=None, batch_size=None, color_mode="grayscale",
                                                  verbose=False, shuffle=False, data_format="channels_first")
    assert next(iter(one)).shape == (1, 256, 256)


def test_labels_and_parts_of_a_folder(folders):
    options = dict(batch_size=20, shuffle=False, verbose=False, image_size=6)
    _, labels = rows(ours.utils.image_dataset_from_directory(folders, label_mode="categorical", **options))
    assert (labels == np.eye(3).repeat(4, 0)).all()
    _, labels = rows(ours.utils.image_dataset_from_directory(folders, label_mode="binary", class_names=["cats", "ants"],
                                                             **options))
    assert labels.tolist() == [[0.0]] * 4 + [[1.0]] * 4
    given = list(range(12))
    _, labels = rows(ours.utils.image_dataset_from_directory(folders, labels=given, **options))
    assert labels.tolist() == given
    train, validation = ours.utils.image_dataset_from_directory(folders, validation_split=0.25, subset="both",
                                                                **options)
    assert rows(train)[0] == list(range(9)) and rows(validation)[0] == [9, 10, 11]
    for subset, count in (("training", 9), ("validation", 3)):
        found = ours.utils.image_dataset_from_directory(folders, validation_split=0.25, subset=subset, **options)
        assert len(rows(found)[0]) == count


@pytest.mark.parametrize("options", [
    dict(labels="x"), dict(labels=[1, 2]), dict(label_mode="x"), dict(color_mode="x"), dict(image_size=(1, 2, 3)),
    dict(interpolation="x"), dict(format="x"), dict(validation_split=2.0, subset="training"),
    dict(validation_split=0.5), dict(subset="both"), dict(validation_split=0.5, subset="x", seed=1),
    dict(validation_split=0.5, subset="training"), dict(label_mode="binary"), dict(class_names=["x"]),
    dict(labels=[1], class_names=["x"])], ids=str)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Keras leaves its threads open
def test_wrong_arguments_for_a_folder(folders, options):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            k.utils.image_dataset_from_directory(folders, **options)


def test_texts_of_a_folder(folders):
    dataset = ours.utils.text_dataset_from_directory(folders, batch_size=5, shuffle=False, verbose=False)
    x, y = next(iter(dataset))
    assert list(x) == [f"text {i}" for i in range(5)] and y.tolist() == [0, 0, 0, 0, 1]
    short = ours.utils.text_dataset_from_directory(folders, max_length=4, labels=None, verbose=False)
    assert set(next(iter(short))) == {"text"}
    layer = ours.layers.TextVectorization(output_mode="int")
    layer.adapt(dataset.map(lambda x, y: x))
    assert layer.vocabulary_size() == 15


def test_sounds_of_a_folder(folders):
    dataset = ours.utils.audio_dataset_from_directory(folders, batch_size=6, shuffle=False, verbose=False)
    x, y = next(iter(dataset))
    assert x.shape == (6, 8, 1) and y.tolist() == [0] * 4 + [1] * 2
    assert plain(x)[5, :, 0].tolist() == [500 / 32768] * 8 and plain(x)[0, 3:].sum() == 0
    fixed = ours.utils.audio_dataset_from_directory(folders, output_sequence_length=4, verbose=False)
    assert next(iter(fixed))[0].shape == (12, 4, 1)


def test_a_model_trains_on_a_folder(folders):
    train, validation = ours.utils.image_dataset_from_directory(folders, validation_split=0.25, subset="both", seed=1,
                                                                image_size=(6, 6), batch_size=4, verbose=False)
    model = ours.Sequential([ours.Input((6, 6, 3)), ours.layers.Rescaling(1 / 255), ours.layers.Flatten(),
                             ours.layers.Dense(3)])
    model.compile("sgd", ours.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(train.prefetch(1), validation_data=validation.cache(), epochs=2, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]


# ---- series ----

@pytest.mark.parametrize("options", [{}, dict(sequence_stride=2), dict(sampling_rate=3), dict(batch_size=None),
                                     dict(start_index=3, end_index=15), dict(shuffle=True, seed=4)], ids=str)
def test_windows_over_a_series(options):
    data, targets = np.arange(20.0).reshape(20, 1), np.arange(20) * 10
    dataset = ours.utils.timeseries_dataset_from_array(data, targets, 3, **{"batch_size": 4, **options})
    found = list(dataset)
    if options.get("batch_size", 4) is None:
        found = [(x[None], y[None]) for x, y in found]
    else:
        assert len(dataset) == len(found) and all(len(x) == 4 for x, _ in found[:-1])
    x, y = (np.concatenate([plain(each) for each in column]) for column in zip(*found))
    start, end, rate = options.get("start_index", 0), options.get("end_index", 20), options.get("sampling_rate", 1)
    begins = np.arange(0, end - start - 2 * rate, options.get("sequence_stride", 1))
    if options.get("shuffle"):
        assert (x[:, 0, 0] != begins).any()
        order = np.argsort(y)
        x, y = x[order], y[order]
    assert y.tolist() == ((begins + start) * 10).tolist()
    assert x[..., 0].tolist() == [[b + start + i * rate for i in range(3)] for b in begins]


def test_windows_without_targets_and_wrong_arguments():
    windows = next(iter(ours.utils.timeseries_dataset_from_array([1.0, 2.0, 3.0], None, 2)))
    assert windows.tolist() == [[1, 2], [2, 3]]
    for options in (dict(start_index=-1), dict(start_index=99), dict(end_index=99), dict(sampling_rate=0),
                    dict(start_index=5, end_index=3), dict(sequence_stride=0), dict(format="x")):
        for k in (ours, keras):
            with pytest.raises(ValueError):
                k.utils.timeseries_dataset_from_array(np.arange(9), None, 2, **options)


@pytest.mark.parametrize("sizes", [(0.25, None), (None, 0.25), (3, None), (None, 3), (0.5, 0.25), (2, 3)], ids=str)
def test_split_dataset(sizes):
    x, y = np.arange(24.0).reshape(12, 2), np.arange(12)
    left, right = ours.utils.split_dataset((x, y), *sizes, preferred_backend="tensorflow")
    if None in sizes:  # Keras' parts of PyTorch must hold all rows
        wanted = keras.utils.split_dataset((x, y), *sizes, preferred_backend="torch")
        assert [len(left), len(right)] == [len(part) for part in wanted]
    first, last = ([int(y) for _, y in part] for part in (left, right))
    assert first == list(range(len(first))) and last == list(range(12 - len(last), 12))
    shuffled, _ = ours.utils.split_dataset((x, y), *sizes, shuffle=True, seed=2, preferred_backend="tensorflow")
    assert [int(y) for _, y in shuffled] != first
    subsets = ours.utils.split_dataset((x, y), *sizes, preferred_backend="torch")
    assert [len(part) for part in subsets] == [len(left), len(right)] and subsets[0][1][0].tolist() == [2, 3]
    batched, _ = ours.utils.split_dataset(Dataset.from_tensor_slices(x).batch(5), *sizes)
    assert sum(len(part) for part in batched) == len(left) and batched.batch_size == 5
    rows, _ = ours.utils.split_dataset(x, *sizes, preferred_backend="tensorflow")
    assert len(rows) == len(left)


@pytest.mark.parametrize("arguments", [
    (np.zeros(4),), (np.zeros(4), 0.0), (np.zeros(4), 5), (np.zeros(4), 0.7, 0.7), (np.zeros(4), "x"), (3, 0.5),
    ([np.zeros(3), np.zeros(4)], 0.5), (np.zeros(4), 3, 3), (np.zeros(4), 0.01), ([], 0.5)], ids=str)
def test_split_dataset_refuses(arguments):
    with pytest.raises((ValueError, TypeError)) as found:
        ours.utils.split_dataset(*arguments)
    if arguments[1:] and isinstance(arguments[0], np.ndarray):
        with pytest.raises(found.type):
            keras.utils.split_dataset(*arguments)


# ---- drawings ----

class Pydot:
    """What Keras takes of pydot, made of our drawings: its text is the oracle's."""

    @staticmethod
    def module():
        from fastnn.keras.utils.drawing import Dot

        class Node:
            def __init__(self, name, label):
                self.name, self.label = name, label

            def set(self, name, value):
                pass

        class Drawing(Dot):
            def set_node_defaults(self, shape):
                self.defaults["shape"] = shape

            def add_node(self, node):
                self.nodes[node.name] = node.label

            def get_edge(self, source, destination):
                return (source, destination) in self.edges

            def add_edge(self, edge):
                self.edges[edge.name] = None

            def add_subgraph(self, part):
                self.parts.append(part)

            def set(self, name, value):
                self.attributes[name] = value
        return types.SimpleNamespace(
            Dot=Drawing, Node=Node, Cluster=lambda style, graph_name: Drawing(graph_name, True, style=style),
            Edge=lambda source, destination: Node((source, destination), None))


def drawn(k):
    inputs = k.Input((6, 6, 1), name="images")
    inner = k.Sequential([k.Input((4, 4, 2)), k.layers.Flatten(name="flat"), k.layers.Dense(3, name="small")],
                         name="inner")
    x = k.layers.Conv2D(2, 3, activation="relu", name="conv")(inputs)
    y = inner(x)
    other = k.Input((3,), name="other")
    z = k.layers.Add(name="sum")([y, other])
    model = k.Model([inputs, other], k.layers.Dense(2, name="last")(z), name="whole")
    model.get_layer("conv").trainable = False
    return model


def names_for_numbers(text, model):
    for layer in [*model.layers, *model.get_layer("inner").layers] if model.name == "whole" else model.layers:
        text = text.replace(str(id(layer)), layer.name)
    return text


@pytest.mark.parametrize("options", [{}, dict(show_shapes=True), dict(show_layer_names=False, rankdir="LR"),
                                     dict(expand_nested=True), dict(show_dtype=True, show_trainable=True, dpi=96),
                                     dict(show_shapes=True, show_layer_activations=True, expand_nested=True)], ids=str)
def test_drawings_of_models(options, monkeypatch):
    from keras.src.utils import model_visualization
    monkeypatch.setattr(model_visualization, "pydot", Pydot.module())
    found = []
    for k in (ours, keras):
        model = drawn(k)
        found.append(names_for_numbers(k.utils.model_to_dot(model, **options).to_string(), model).splitlines())
    assert sorted(found[0]) == sorted(found[1])
    assert found[0][0] == "digraph G {" and found[0][-1] == "}"
    assert any("conv -> flat" in line for line in found[0]) == bool(options.get("expand_nested"))


def test_drawings_of_other_models(tmp_path):
    model = ours.Sequential([ours.layers.Dense(3, name="one"), ours.layers.Dense(2, name="two")])
    with pytest.raises(ValueError, match="not yet been built"):
        ours.utils.model_to_dot(model)
    model.build((None, 4))
    text = names_for_numbers(str(ours.utils.model_to_dot(model)), model)
    assert "  one -> two [penwidth=2];" in text
    ours.utils.plot_model(model, tmp_path / "model.dot", show_shapes=True)
    assert "Output shape: <b>(None, 2)</b>" in (tmp_path / "model.dot").read_text()
    with pytest.raises(ValueError, match="layer_range"):
        ours.utils.plot_model(model, layer_range=[1])

    class Own(ours.Model):
        def call(self, x):
            return x
    own = Own(name="own")
    own(np.zeros((1, 2)))
    assert str(ours.utils.model_to_dot(own)).count("[label=") == 1


def test_pictures_need_graphviz(tmp_path):
    graphviz = pytest.importorskip("graphviz", reason="pictures of models need it")
    model = ours.Sequential([ours.Input((3,)), ours.layers.Dense(2)])
    import shutil
    if shutil.which("dot"):
        ours.utils.plot_model(model, tmp_path / "m.svg")
        assert "<svg" in (tmp_path / "m.svg").read_text()
    else:
        assert graphviz
        with pytest.raises(ImportError, match="graphviz"):
            ours.utils.plot_model(model, tmp_path / "m.png")


def test_source_inputs():
    for k in (ours, keras):
        a, b = k.Input((3,)), k.Input((3,))
        found = k.utils.get_source_inputs(k.layers.Add()([k.layers.Dense(3)(a), b, a]))
        assert len(found) == 2 and found[0] is a and found[1] is b


def test_config_of_names():
    for k in (ours, keras):
        config = k.utils.Config(rate=0.1, steps=3)
        config.size, config["name"] = 2, "x"
        assert dict(config.items()) == json.loads(config.to_json()) == config.as_dict() and "size" in config
        assert list(config) == ["name", "rate", "size", "steps"] and len(config) == 4 and config.get("no", 1) == 1
        with pytest.raises(AttributeError, match="Did you mean 'rate'"):
            config.rates  # noqa: B018
        config.update(rate=1)
        del config["size"]
        config.freeze()
        assert config.frozen and config.rate == 1
        for change in (lambda: setattr(config, "new", 1), lambda: config.pop("rate"), lambda: config.update(a=1)):
            with pytest.raises(ValueError, match="frozen"):
                change()
        config.unfreeze()
        assert config.pop("rate") == 1


# ---- data sets of files ----

@pytest.fixture
def words(tmp_path, monkeypatch):
    """Files as Keras keeps them, of few rows; real Keras takes them without asking for their hash."""
    def reviews(count):
        made = np.empty(count, object)
        made[:] = [RNG.integers(1, 30, RNG.integers(2, 9)).tolist() for _ in range(count)]
        return made
    np.savez(tmp_path / "imdb.npz", x_train=reviews(12), y_train=np.arange(12) % 2, x_test=reviews(7),
             y_test=np.arange(7) % 2)
    np.savez(tmp_path / "reuters.npz", x=reviews(15), y=np.arange(15))
    np.savez(tmp_path / "boston_housing.npz", x=RNG.normal(size=(11, 13)), y=np.arange(11.0))
    np.savez(tmp_path / "california_housing.npz", x=RNG.normal(size=(700, 8)), y=np.arange(700.0))
    for name in ("imdb", "reuters"):
        (tmp_path / f"{name}_word_index.json").write_text('{"the": 1, "a": 2}')
    for name in ("imdb", "reuters", "boston_housing", "california_housing"):
        monkeypatch.setattr(getattr(keras.src.datasets, name), "get_file",
                            lambda fname, *args, **kwargs: str(tmp_path / fname))
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("name", "options"), [
    ("imdb", {}), ("imdb", dict(num_words=20, skip_top=3)), ("imdb", dict(maxlen=6, oov_char=None, num_words=15)),
    ("imdb", dict(start_char=None, index_from=0, seed=1)), ("imdb", dict(start_char=None)),
    ("reuters", {}), ("reuters", dict(test_split=0.5, num_words=9, maxlen=7)), ("reuters", dict(start_char=None)),
    ("reuters", dict(start_char=None, index_from=0, oov_char=None, skip_top=2)),
    ("boston_housing", {}), ("boston_housing", dict(test_split=0.0, seed=2)),
    ("california_housing", {}), ("california_housing", dict(version="small", test_split=0.3))], ids=str)
def test_data_sets(words, name, options):
    got, wanted = (getattr(k.datasets, name).load_data(**options) for k in (ours, keras))
    for (x, y), (u, v) in zip(got, wanted):
        assert x.shape == u.shape and x.dtype == u.dtype and y.shape == v.shape and y.dtype == v.dtype
        assert [list(row) for row in x] == [list(row) for row in u] and (y == v).all()
    again = getattr(ours.datasets, name).load_data(path=str(words / f"{name}.npz"), **options)
    assert (again[1][1] == got[1][1]).all()


def test_words_and_topics(words):
    assert ours.datasets.imdb.get_word_index() == ours.datasets.reuters.get_word_index() == {"the": 1, "a": 2}
    assert ours.datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_data_sets_refuse(words):
    for call in (lambda k: k.datasets.imdb.load_data(maxlen=1), lambda k: k.datasets.boston_housing.load_data(
            test_split=1.5), lambda k: k.datasets.california_housing.load_data("x")):
        for k in (ours, keras):
            with pytest.raises(ValueError):
                call(k)
    with pytest.raises(FileNotFoundError):
        ours.datasets.imdb.load_data(path=str(words / "none.npz"))


class Evil:
    def __reduce__(self):
        return os.system, ("echo executed",)


def test_nothing_in_a_data_set_is_executed(words, capfd):
    made = np.empty(1, object)
    made[0] = Evil()
    np.savez(words / "imdb.npz", x_train=made, y_train=np.zeros(1), x_test=made, y_test=np.zeros(1))
    with pytest.raises((UnsafeFileError, pickle.UnpicklingError)):
        ours.datasets.imdb.load_data()
    assert "executed" not in capfd.readouterr().out
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, dict(descr="|O", fortran_order=False, shape=(1,)))
    pickle.dump({"a": 1}, stream)
    with zipfile.ZipFile(words / "reuters.npz", "w") as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, stream.getvalue())
    with pytest.raises(UnsafeFileError):
        ours.datasets.reuters.load_data()


def test_interactive_logging(capsys, caplog):
    assert ours.config.is_interactive_logging_enabled()
    model = ours.Sequential([ours.Input((2,)), ours.layers.Dense(1)])
    model.compile("sgd", "mse")
    ours.utils.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", "fastnn"):
            model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=2)
    finally:
        ours.utils.enable_interactive_logging()
    assert capsys.readouterr().out == "" and "1/1 - " in caplog.text
    model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=2)
    assert "1/1 - " in capsys.readouterr().out


def test_limits_of_epochs_and_steps():
    for k in (ours, keras):
        model = k.Sequential([k.Input((2,)), k.layers.Dense(1)])
        model.compile("sgd", "mse")
        k.config.set_max_epochs(2)
        k.config.set_max_steps_per_epoch(3)
        steps = []
        try:
            with pytest.warns(UserWarning, match="Limiting"):
                history = model.fit(np.zeros((40, 2)), np.zeros((40, 1)), batch_size=4, epochs=5, verbose=0, callbacks=[
                    k.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))])
        finally:
            k.config.set_max_epochs(None)
            k.config.set_max_steps_per_epoch(None)
        assert len(history.history["loss"]) == 2 and steps == [0, 1, 2] * 2
        assert k.config.max_epochs() is None and k.config.max_steps_per_epoch() is None


def test_tree():
    structure = [(1, 2), [3], {"b": 4, "a": (5,)}]
    for k in (ours, keras):
        seen = []
        assert k.tree.traverse(seen.append, structure) == structure
        assert seen[:3] == [structure, (1, 2), 1] and len(seen) == 10
        assert k.tree.traverse(lambda x: x * 2 if isinstance(x, int) else None, structure) == [
            (2, 4), [6], {"b": 8, "a": (10,)}]
        assert k.tree.traverse(lambda x: k.tree.MAP_TO_NONE if x == 3 else None, structure, False)[1] == [None]
        assert k.tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == ["[1, 1]", ["2", "2"]]
        k.tree.assert_same_paths([0, {"a": 1}], (2, {"a": 3}))
        with pytest.raises(ValueError, match="paths"):
            k.tree.assert_same_paths([0, 1], [0, [1]])
        with pytest.raises(ValueError):
            k.tree.map_structure_up_to([None], str)
