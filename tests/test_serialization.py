"""safetensors files: round trips, exchange with the safetensors package, and every way to be damaged."""
import collections
import io
import json
import os
import pickle
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn.serialization import load, load_file, save, save_file

DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
]


def arrays():
    rng = np.random.default_rng(0)
    return {f"{dtype}.{i}": np.asarray(rng.random(shape) * 100).astype(dtype)
            for dtype in DTYPES for i, shape in enumerate([(), (0,), (1,), (3, 5), (2, 0, 4), (2, 3, 4)])}


def assert_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array)


# ---- arrays ----

def test_round_trip(tmp_path):
    save_file(arrays(), tmp_path / "x.safetensors", {"author": "Zoë"})
    assert_same(load_file(tmp_path / "x.safetensors", as_numpy=True), arrays())
    buffer = io.BytesIO()
    save_file(arrays(), buffer)
    buffer.seek(0)
    assert_same(load_file(buffer, as_numpy=True), arrays())
    save_file({}, tmp_path / "empty")
    assert load_file(tmp_path / "empty") == {}


def test_layouts_and_byte_orders(tmp_path):
    x = np.arange(24, dtype="float32").reshape(4, 6)
    saved = {
        "T": x.T,
        "step": x[::2, ::3],
        "reversed": x[::-1],
        "big": x.astype(">f4"),
        "read-only": np.broadcast_to(x, (2, 4, 6)),
    }
    save_file(saved, tmp_path / "x")
    found = load_file(tmp_path / "x", as_numpy=True)
    for name, array in saved.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.writeable and found[name].dtype.isnative


def test_exchange_with_the_safetensors_package(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    save_file(arrays(), tmp_path / "ours", {"a": "b"})
    assert_same(package.load_file(tmp_path / "ours"), arrays())
    package.save_file(arrays(), tmp_path / "theirs", {"a": "b"})
    assert_same(load_file(tmp_path / "theirs", as_numpy=True), arrays())


def test_bfloat16(tmp_path):
    header = json.dumps({"x": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    (tmp_path / "x").write_bytes(
        len(header).to_bytes(8, "little") + header + np.array([0x3F80, 0xC000, 0x7F80], "<u2").tobytes()
    )
    found = load_file(tmp_path / "x", as_numpy=True)["x"]
    assert load_file(tmp_path / "x")["x"].tolist() == [1, -2, np.inf]
    np.testing.assert_array_equal(found.view("<u2"), [0x3F80, 0xC000, 0x7F80])


# ---- damaged files ----

def file(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


GOOD = file({"a": entry(), "b": entry(offsets=(8, 16))}, bytes(16))
DAMAGED = {
    "empty": (b"", "cut off"),
    "short length": (b"\x05\0\0", "cut off"),
    "length beyond the file": (file({}, length=1000), "cut off"),
    "length beyond the limit": (file({}, length=100_000_001), "more than 100000000"),
    "length of 64 bits": (file({}, length=2**64 - 1), "more than"),
    "empty header": (file(b""), "does not start"),
    "header of spaces": (file(b"   {}"), "does not start"),
    "header is a list": (file(b"[]"), "does not start"),
    "header is not JSON": (file(b"{'a': 1}"), "not JSON"),
    "header is cut": (file(b'{"a":'), "not JSON"),
    "header has rubbish after": (file(b"{}x"), "not JSON"),
    "header is not UTF-8": (file(b'{"\xff": 1}'), "UTF-8"),
    "header has NaN": (file(b'{"__metadata__": NaN}'), "not JSON"),
    "header is deep": (file(b'{"a":' * 20000 + b"1" + b"}" * 20000), "deep"),
    "a number of 10,000 digits": (file(b'{"a": ' + b"9" * 10000 + b"}"), "header|expected"),
    "double name": (file(b'{"a": 1, "a": 2}'), "twice"),
    "double key": (file(b'{"a": {"dtype": "F32", "dtype": "F64"}}'), "twice"),
    "entry is a number": (file({"a": 3}), "expected dtype, shape"),
    "entry lacks shape": (file({"a": {"dtype": "F32", "data_offsets": [0, 4]}}), "expected dtype, shape"),
    "entry has more": (file({"a": entry(x=1)}, bytes(8)), "expected dtype, shape"),
    "unknown dtype": (file({"a": entry("F31")}, bytes(8)), "not supported"),
    "dtype is a list": (file({"a": entry(["F32"])}, bytes(8)), "not supported"),
    "negative shape": (file({"a": entry(shape=(-2, -1))}, bytes(8)), "non-negative"),
    "fractional shape": (file({"a": entry(shape=(2.0,))}, bytes(8)), "non-negative"),
    "boolean shape": (file({"a": entry(shape=(True, 2))}, bytes(8)), "non-negative"),
    "65 dimensions": (file({"a": entry(shape=[1] * 64 + [2])}, bytes(8)), "64"),
    "shape of another size": (file({"a": entry(shape=(3,))}, bytes(8)), "takes 12 bytes"),
    "shape that overflows 64 bits": (
        file({"a": entry("U8", (4194305, 4194305, 211106198978564), (0, 4))}, bytes(4)),
        "takes",
    ),
    "zero-size shape that NumPy cannot have": (file({"a": entry("U8", (0, 2**62, 2**62), (0, 0))}), "shape"),
    "negative offset": (file({"a": entry(offsets=(-8, 0))}, bytes(8)), "non-negative"),
    "reversed offsets": (file({"a": entry(offsets=(8, 0))}, bytes(8)), "hold -8"),
    "three offsets": (file({"a": entry(offsets=(0, 4, 8))}, bytes(8)), "two non-negative"),
    "fractional offsets": (file({"a": entry(offsets=(0.0, 8.0))}, bytes(8)), "two non-negative"),
    "offsets beyond the file": (file({"a": entry()}, bytes(7)), "cut off"),
    "offsets of 64 bits": (file({"a": entry(offsets=(2**64, 2**64 + 8))}, bytes(8)), "hole"),
    "hole at the start": (file({"a": entry(offsets=(4, 12))}, bytes(12)), "hole"),
    "hole between": (file({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)), "hole"),
    "overlap": (file({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)), "overlaps"),
    "the same bytes twice": (file({"a": entry(), "b": entry()}, bytes(8)), "overlaps"),
    "zero-size inside another": (file({"a": entry(), "b": entry(shape=(0,), offsets=(4, 4))}, bytes(8)), "overlaps"),
    "bytes after": (file({"a": entry()}, bytes(9)), "1 bytes follow"),
    "metadata is a list": (file({"__metadata__": []}), "strings"),
    "metadata of numbers": (file({"__metadata__": {"a": 1}}), "strings"),
    "a boolean of 2": (file({"a": entry("BOOL", (2,), (0, 2))}, b"\1\2"), "neither 0 nor 1"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(tmp_path, name):
    data, reason = DAMAGED[name]
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(data)
    for read in (load_file, load):
        with pytest.raises(ValueError, match=reason) as caught:
            read(path)
        assert "damaged.safetensors" in str(caught.value) and len(str(caught.value)) < 1000
        with pytest.raises(ValueError, match=reason):
            read(io.BytesIO(data))


def test_every_truncation(tmp_path):
    for length in range(len(GOOD)):
        with pytest.raises(ValueError):
            load_file(io.BytesIO(GOOD[:length]), as_numpy=True)
    assert set(load_file(io.BytesIO(GOOD), as_numpy=True)) == {"a", "b"}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_changed_bytes_never_crash(changes):
    data = bytearray(GOOD)
    for position, value in changes:
        data[position] = value
    try:
        found = load_file(io.BytesIO(bytes(data)), as_numpy=True)
    except ValueError:
        return
    assert sum(array.nbytes for array in found.values()) == 16


def test_other_formats(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(ValueError, match="pickle.*state_dict"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(ValueError, match="pickle is (damaged|cut off)"):
        load(path)
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(ValueError, match="numpy.load"):
        load(tmp_path / "x.npy")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match="HDF5"):
        load(path)


# ---- paths and files ----

def test_file_errors(tmp_path):
    x = {"x": np.ones(3)}
    closed = open(tmp_path / "closed", "w+b")
    closed.close()
    for call in (
        lambda: save_file(x, closed),
        lambda: save(x, closed),
        lambda: load(closed),
        lambda: load_file(closed),
    ):
        with pytest.raises(ValueError, match="closed"):
            call()
    for call in (lambda: save_file(x, io.StringIO()), lambda: load_file(io.StringIO("text"))):
        with pytest.raises(TypeError, match="binary"):
            call()
    with pytest.raises(io.UnsupportedOperation), open(tmp_path / "closed", "rb") as reader:
        save(x, reader)
    with pytest.raises(FileNotFoundError, match="no folder"):
        save_file(x, tmp_path / "missing" / "x")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")
    for call in (lambda: save_file(x, tmp_path), lambda: load_file(tmp_path)):
        with pytest.raises(IsADirectoryError):
            call()
    for call in (lambda: save(x, 3.5), lambda: load_file(None)):
        with pytest.raises(TypeError, match="path or a binary file"):
            call()
    assert os.listdir(tmp_path) == ["closed"]


def test_unwritable(tmp_path):
    if os.geteuid() == 0:
        with pytest.raises(OSError):
            save_file({"x": np.ones(3)}, "/proc/fastnn")
        return
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o400)
    with pytest.raises(PermissionError):
        save_file({"x": np.ones(3)}, path)


def test_atomic(tmp_path, monkeypatch):
    path = tmp_path / "x"
    save_file({"x": np.ones(3)}, path)
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        save_file({"x": np.zeros(3)}, link)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["link", "x"]
    np.testing.assert_array_equal(load_file(path, as_numpy=True)["x"], np.ones(3))
    save_file({"x": np.zeros(3)}, link)
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640
    np.testing.assert_array_equal(load_file(path, as_numpy=True)["x"], np.zeros(3))


def test_small_writes():
    """A raw file may take less than it is given."""
    class Slow(io.BytesIO):
        def write(self, data):
            return super().write(bytes(data)[:5])

    slow = Slow()
    save_file(arrays(), slow)
    slow.seek(0)
    assert_same(load_file(slow, as_numpy=True), arrays())


def test_file_objects_are_flushed():
    class Remote(io.BytesIO):
        sent = b""

        def flush(self):
            self.sent = self.getvalue()

    file = Remote()
    save({"x": 2.5}, file)
    assert load(io.BytesIO(file.sent)) == {"x": 2.5}


@pytest.mark.parametrize(
    "tensors, error",
    [
        ({"x": 3}, TypeError),
        ({"x": [1.0]}, TypeError),
        ({3: np.ones(2)}, TypeError),
        ([np.ones(2)], TypeError),
        ({"__metadata__": np.ones(2)}, ValueError),
        ({"x": np.array(["a"])}, TypeError),
        ({"x": np.ones(2, complex)}, TypeError),
        ({"x": np.array([None])}, TypeError),
    ],
)
def test_save_file_errors(tmp_path, tensors, error):
    with pytest.raises(error, match="save_file"):
        save_file(tensors, tmp_path / "x")
    with pytest.raises(TypeError, match="metadata"):
        save_file({}, tmp_path / "x", {"a": 1})
    assert not os.listdir(tmp_path)


# ---- nested state ----

def test_nested_round_trip(tmp_path):
    fastnn = pytest.importorskip("fastnn._tensor") and __import__("fastnn")
    state = collections.OrderedDict(
        [
            (
                "model",
                collections.OrderedDict([("0.weight", fastnn.tensor([[1.0, 2.0]])), ("0.bias", fastnn.zeros(1))]),
            ),
            (
                "optimizer",
                {
                    "state": {0: {"step": fastnn.tensor(3.0), "exp_avg": fastnn.ones(2, 1)}},
                    "param_groups": [
                        {"lr": 1e-3, "betas": (0.9, 0.999), "amsgrad": False, "maximize": None, "params": [0]}
                    ],
                },
            ),
            ("epoch", 3),
            ("loss", float("inf")),
            ("big", 1 << 100),
            ("name", "Zoë \u2603"),
            ("raw", b"\0\1"),
            ("dtype", fastnn.float64),
            ("size", fastnn.Size([2, 3])),
            ("set", {1, 2}),
            ("frozen", frozenset("ab")),
            ("array", np.arange(3, dtype="uint32")),
            ("scalar", np.float64(2.5)),
            ((1, "key"), [None, True, [[]], {}]),
            ("variable", fastnn.ones(2, requires_grad=True)),
            ("device", fastnn.device("cpu")), ("other device", fastnn.device("cuda:1")),
            (None, ()),
            (2.5, -1),
        ]
    )
    for target in (tmp_path / "x", io.BytesIO()):
        save(state, target)
        if hasattr(target, "seek"):
            target.seek(0)
        found = load(target, map_location="cpu", weights_only=True)
        assert list(found) == list(state) and type(found) is collections.OrderedDict

        def compare(a, b):
            assert type(a) is type(b)
            if isinstance(a, fastnn.Tensor):
                assert a.dtype is b.dtype and a.requires_grad == b.requires_grad
                np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
            elif isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, b)
            elif isinstance(a, dict):
                assert list(a) == list(b)
                for key in a:
                    compare(a[key], b[key])
            elif isinstance(a, (list, tuple)):
                assert len(a) == len(b)
                for x, y in zip(a, b):
                    compare(x, y)
            else:
                assert a == b

        compare(found, state)


def test_state_dict_names_stay(tmp_path):
    fastnn = pytest.importorskip("fastnn._tensor") and __import__("fastnn")
    save({"0.weight": fastnn.ones(2), "0.bias": fastnn.zeros(1)}, tmp_path / "x")
    assert sorted(load_file(tmp_path / "x")) == ["0.bias", "0.weight"]
    save_file({"a": fastnn.ones(2)}, tmp_path / "y")
    assert list(load(tmp_path / "y")) == ["a"]


def test_names_do_not_collide(tmp_path):
    state = {"a": {"b": np.ones(1)}, "a.b": np.zeros(1), "__metadata__": np.full(1, 2.0)}
    save(state, tmp_path / "x")
    found = load(tmp_path / "x")
    assert [found["a"]["b"][0], found["a.b"][0], found["__metadata__"][0]] == [1, 0, 2]


def test_unsavable(tmp_path):
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(200):
        deep = [deep]
    for value, match in ((loop, "itself"), (deep, "deeper")):
        with pytest.raises(ValueError, match=match):
            save(value, tmp_path / "x")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "structure",
    [
        "",
        "3",
        "{}",
        '{"version":2,"tree":1}',
        '{"version":1,"tree":{"tensor":"missing"}}',
        '{"version":1,"tree":{"tensor":3}}',
        '{"version":1,"tree":{"tensor":{"a":1}}}',
        '{"version":1,"tree":{"no such":1}}',
        '{"version":1,"tree":{"__init__":1}}',
        '{"version":1,"tree":{}}',
        '{"version":1,"tree":{"dict":[1]}}',
        '{"version":1,"tree":{"dict":3}}',
        '{"version":1,"tree":{"int":"x"}}',
        '{"version":1,"tree":{"dict":[[{"dict":[]},1]]}}',
        '{"version":1,"tree":{"dtype":"np"}}',
        '{"version":1,"tree":{"scalar":"a"}}',
        '{"version":1,"tree":{"size":[-1]}}',
        '{"version":1,"tree":{"set":[[]]}}',
        '{"version":1,"tree":{"device":"nowhere"}}',
        '{"version":1,"tree":{"float":"x"}}',
        '{"version":1,"tree":' + "[" * 900 + "]" * 900 + "}",
        '{"version":1,"version":1,"tree":1}',
        '{"version":1,"tree":{"tensor":"a","array":"a"}}',
        '{"version":1,"tree":{"again":0}}',
        '{"version":1,"tree":[{"tensor":"a"},{"again":-1}]}',
        '{"version":1,"tree":[{"tensor":"a"},{"again":true}]}',
        '{"version":1,"tree":{"tensor":["a"]}}',
        '{"version":1,"tree":{"tensor":["b","F32",0,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":[["a","F32",0,[1],[4]],"F32",0,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F31",0,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","Q16",0,[1],[2]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[4],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",12,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",-4,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",1,[1],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[2],[-4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[2],[4611686018427387904]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[2],[36893488147419103232]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[4611686018427387904,4],[0,0]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[1.0],[4]]}}',
        '{"version":1,"tree":{"tensor":["a","F32",0,[1],[4,4]]}}',
        '{"version":1,"tree":{"tensor":["a","F64",0,[2],[8]]}}',
        '{"version":1,"tree":{"tensor":["a","BOOL",0,[12],[1]]}}',
        '{"version":1,"tree":{"attributes":[1,{"dict":[]}]}}',
        '{"version":1,"tree":{"attributes":[{"tensor":"a"},{"dict":[["data",1]]}]}}',
        '{"version":1,"tree":{"attributes":[{"tensor":"a"},{"dict":[[1,1]]}]}}',
        '{"version":1,"tree":{"pickle":"a"}}',
        '{"version":1,"tree":{"pickle":["a","b",[]]}}',
        '{"version":1,"tree":[{"pickle":[{"bytes":"a"},"b",[]]}]}',
        '{"version":1,"tree":{"complex":[1,2,3]}}',
        '{"version":1,"tree":{"counter":[[[],1]]}}',
        '{"version":1,"tree":{"dict":[[{"tuple":' + json.dumps(list(range(100))) + "},1]]}}",
        '{"version":1,"tree":{"dict":[[{"int":"0x2000000000000000"},1]]}}',
    ],
)
def test_damaged_structure(tmp_path, structure):
    save_file({"a": np.ones(3, "float32")}, tmp_path / "x", {"fastnn": structure})
    with pytest.raises(ValueError, match="load: "):
        load(tmp_path / "x")


def test_names_at_the_top_level(tmp_path):
    import fastnn
    fastnn.save({"x": fastnn.ones(2)}, tmp_path / "x.pt")
    assert fastnn.load(tmp_path / "x.pt")["x"].tolist() == [1.0, 1.0]
