"""Models in files: small Keras models in each of their formats, folders of sentence encoders, data sets of Keras; how
they are read, and damage that knows them."""
import contextlib
import functools
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import fastnn
from fastnn.keras.datasets._files import load_npz, read_json
from fastnn.models import SentenceEncoder
from fuzz import damage

try:
    import h5py
except ImportError:  # an extra: formats without it are left out
    h5py = None
try:
    import tokenizers
except ImportError:
    tokenizers = None


# ---- reading ----

def linked(path, ending):
    """Another name of the file, by which a reader knows its kind."""
    link = os.fspath(path) + ending
    if not os.path.islink(link):
        os.symlink(path, link)
    return link


def loaded(ending):
    """A reader of whole models."""
    def read(path):
        from fastnn import keras
        keras.utils.clear_session()
        model = keras.models.load_model(linked(path, ending))
        return model.get_weights(), model.get_config() and None
    return read


def weights(ending):
    """A reader of the weights of a model that is there."""
    def read(path):
        model = layers()[0]
        model.load_weights(linked(path, ending))
        return model.get_weights()
    return read


def architecture(path):
    """The model of a text, whose errors have no file to name."""
    from fastnn import keras
    keras.utils.clear_session()
    return keras.models.model_from_json(Path(path).read_bytes().decode("utf-8", "replace")).get_weights()


def folder(path):
    """A sentence encoder of the files in an archive, which stands for their folder here."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path), prefix=os.path.basename(path)) as place:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(place)
        model = SentenceEncoder.from_folder(place)
    with contextlib.suppress(ValueError, IndexError):  # what `encode` says that it raises
        model.encode(["a b", "b"])
    return model.state_dict()


MODELS = ValueError, TypeError, NotImplementedError  # what load_model says it raises
READERS = {"keras": [loaded(".keras")], "fastnn": [loaded(".fastnn")], "h5": [loaded(".h5")],
           "weights": [weights(".weights.h5")], "weights_safe": [weights(".safetensors")], "config": [architecture],
           "npz": [load_npz], "words": [read_json], "sentence": [folder]}
READERS |= {"h5_bytes": READERS["h5"], "weights_bytes": READERS["weights"]}
ERRORS = {read: MODELS for kind in ("keras", "fastnn", "h5", "config") for read in READERS[kind]}
ERRORS[folder] = *MODELS, FileNotFoundError
UNNAMED = {architecture}
APART = {"h5_bytes", "weights_bytes"}  # HDF5's own structures damaged: hangs and leaks are that library's own
# Never damaged blindly: archives are the harness' own; of HDF5 see `APART`.
BY_FORMAT_ALONE = {"sentence", "h5", "weights"}


# ---- whole files ----

@functools.cache
def layers():
    """A model of a few layers in a row, one with branches, a recurrent one."""
    from fastnn import keras
    keras.utils.clear_session()
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu", kernel_regularizer="l2"),
                              keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    x = keras.Input((6, 6, 1))
    y = keras.layers.Conv2D(2, 3, padding="same", activation="tanh")(x)
    y = keras.layers.Add()([y, keras.layers.Conv2D(2, 1)(x)])
    y = keras.layers.Flatten()(keras.layers.MaxPooling2D()(y))
    branched = keras.Model(x, [keras.layers.Dense(2, name="a")(y), keras.layers.Concatenate()([y, y * 2.0])])
    recurrent = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(5, 3, mask_zero=True),
                                  keras.layers.Bidirectional(keras.layers.LSTM(2)), keras.layers.Dense(1)])
    for model in (dense, branched, recurrent):
        model.compile("adam", "mse", metrics=["mae"])
    dense.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    return dense, branched, recurrent


def sentence_folder():
    """The files of a small encoder, by name."""
    from fastnn.serialization import save_file
    config = {"model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
              "intermediate_size": 6, "max_position_embeddings": 12, "type_vocab_size": 2, "hidden_act": "gelu"}
    rng, tensors = np.random.default_rng(0), {}
    for name, rows in (("word", 9), ("position", 12), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = (rows, 4)
    for part, shape in (("embeddings.LayerNorm", (4,)), ("encoder.layer.0.attention.self.query", (4, 4)),
                        ("encoder.layer.0.attention.self.key", (4, 4)),
                        ("encoder.layer.0.attention.self.value", (4, 4)),
                        ("encoder.layer.0.attention.output.dense", (4, 4)),
                        ("encoder.layer.0.attention.output.LayerNorm", (4,)),
                        ("encoder.layer.0.intermediate.dense", (6, 4)), ("encoder.layer.0.output.dense", (4, 6)),
                        ("encoder.layer.0.output.LayerNorm", (4,))):
        tensors[f"{part}.weight"], tensors[f"{part}.bias"] = shape, shape[:1]
    file = io.BytesIO()
    save_file({name: rng.random(shape).astype("f4") for name, shape in tensors.items()}, file)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b"]
    kind = "sentence_transformers.models."
    texts = {"config.json": config, "sentence_bert_config.json": {"max_seq_length": 8, "do_lower_case": False},
             "modules.json": [{"idx": i, "name": str(i), "path": path, "type": kind + name} for i, (path, name) in
                              enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_N", "Normalize")])],
             "1_Pooling/config.json": {"word_embedding_dimension": 4, "pooling_mode_mean_tokens": True},
             "tokenizer_config.json": {"do_lower_case": True}}
    tokenizer = tokenizers.implementations.BertWordPieceTokenizer(vocab={word: i for i, word in enumerate(words)})
    return {"model.safetensors": file.getvalue(), "tokenizer.json": tokenizer.to_str().encode(),
            **{name: json.dumps(value).encode() for name, value in texts.items()}}


def saved(model, ending, weights_alone=False):
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "model" + ending)
        model.save_weights(path) if weights_alone else model.save(path)
        return Path(path).read_bytes()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def samples():
    """Files by format."""
    fastnn.manual_seed(0)
    models, rng = layers(), np.random.default_rng(0)
    rows = np.empty(3, object)
    rows[:] = [[1, 2], [3], []]
    found = {"fastnn": [saved(model, ".fastnn") for model in models],
             "weights_safe": [saved(models[0], ".safetensors", True)],
             "config": [model.to_json().encode() for model in models],
             "npz": [npz(x_train=rng.random((2, 3, 3)), y_train=np.arange(2, dtype="u1")), npz(x=rows, y=np.arange(3))],
             "words": [json.dumps({"the": 1, "a": 2, "ä": 3}).encode()]}
    if h5py:
        found |= {"keras": [saved(model, ".keras") for model in models],
                  "h5": [saved(model, ".h5") for model in models],
                  "weights": [saved(models[0], ".weights.h5", True)]}
        found |= {name: found[name.removesuffix("_bytes")] for name in APART}
    if tokenizers:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in sentence_folder().items():
                archive.writestr(name, content)
        found["sentence"] = [file.getvalue()]
    return found


# ---- damage ----

def _json(data, rng, others):
    try:
        text = json.dumps(damage.strange_json(json.loads(data), rng))
    except (ValueError, RecursionError):
        return damage.blind(data, rng, others)
    if rng.random() < 0.03:
        text = text.replace("[", "[" * int(rng.choice([2, 300, 5000])), 1)
    return text.encode("utf-8", "surrogatepass")


def _hdf5(data, rng, others):
    """Another value of an attribute, or an array that is missing, of another shape or type, compressed or a link."""
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as found:
        places = []
        found.visit(places.append)
        groups = [found] + [found[name] for name in places]
        for _ in range(rng.integers(1, 3)):
            place = groups[rng.integers(0, len(groups))]
            if len(place.attrs) and rng.random() < 0.6:
                key = list(place.attrs)[rng.integers(0, len(place.attrs))]
                _strange_attribute(place, key, rng, others)
            elif isinstance(place, h5py.Group) and len(place):
                key = list(place)[rng.integers(0, len(place))]
                _strange_member(place, key, rng)
                break  # others of `groups` may be gone
    return file.getvalue()


def _strange_attribute(place, key, rng, others):
    value = place.attrs[key]
    if isinstance(value, str) and value.startswith("{") and rng.random() < 0.8:
        place.attrs[key] = _json(value.encode(), rng, others).decode("utf-8", "replace")
    elif rng.random() < 0.3:
        del place.attrs[key]
    else:
        choices = [1.5, -1, "", "x" * 300, np.arange(3), np.array([b"a", b"\xff"]), np.array([b"a/b", b"../.."]),
                   h5py.Empty("f4"), b"\xff\xfe", np.array(["a", "b"], h5py.string_dtype())]
        place.attrs[key] = choices[rng.integers(0, len(choices))]


def _strange_member(place, key, rng):
    del place[key]
    match rng.integers(0, 11):
        case 0:
            place[key] = h5py.SoftLink("/")
        case 1:
            place[key] = h5py.ExternalLink("/etc/passwd", "/")
        case 2:
            place.create_group(key)
        case 3:
            place.create_dataset(key, (1 << 40,), "f4", chunks=(1024,), compression="gzip")
        case 4:
            place.create_dataset(key, (3, 1 << 20), "f4", chunks=(1, 1024), compression="gzip", fillvalue=np.nan)
        case 5:
            place[key] = np.array([b"text"])
        case 6:
            place[key] = np.zeros((2, 2), "c8")
        case 7:
            place[key] = h5py.Empty("f4")
        case 8:
            place[key] = np.zeros((0, 3), "i8")
        case 9:
            place[key] = 1.0
        case _:
            pass


def _member(name, content, rng, others):
    if name.endswith(".json"):
        return _json(content, rng, others) if rng.random() < 0.9 else damage.blind(content, rng, others)
    if name.endswith(".safetensors"):
        return damage.safetensors(content, rng, others)
    if name.endswith(".h5"):
        return _hdf5(content, rng, others)
    return damage.blind(content, rng, others)


def archive(data, rng, others):
    """One member damaged behind its check sum, by its format."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        names = found.namelist()
    victim = names[rng.integers(0, len(names))]

    def change(name, content):
        if name != victim:
            return content
        return None if rng.random() < 0.03 else _member(name, content, rng, others)
    return damage.rezipped(data, change)


BY_FORMAT = {"keras": archive, "fastnn": archive, "sentence": archive, "npz": archive, "h5": _hdf5, "weights": _hdf5,
             "weights_safe": damage.safetensors, "config": _json, "words": _json}
