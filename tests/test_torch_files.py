"""`load` reads the files of torch.save: their tensors and containers, and nothing that could execute."""
import collections
import io
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest

import fastnn
from fastnn.serialization import load
from fuzz.damage import crafted_pickles, overlapping


class Command:
    """Unpickling it would create a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def archive(content, name="data.pkl", compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        target.writestr(f"archive/{name}", content)
    file.seek(0)
    return file


@pytest.mark.parametrize("protocol", range(2, 6))
def test_code_is_refused_and_not_run(tmp_path, protocol):
    victim = tmp_path / "victim"
    for thing in (Command(str(victim)), {"a": [Command(str(victim))]}):
        text = pickle.dumps(thing, protocol)
        for file in (archive(text), io.BytesIO(text)):
            with pytest.raises(ValueError, match=r"mkdir.*state_dict"):
                load(file)
    assert not victim.exists()


@pytest.mark.parametrize(("file", "message"), [
    (lambda: archive(b""), "damaged|cut off"),
    (lambda: archive(b"x", "data/0"), "no data.pkl"),
    (lambda: archive(pickle.dumps(1, 2), compression=zipfile.ZIP_DEFLATED), "compressed"),
    (lambda: archive(b"\x80\x02U", "data.pkl"), "damaged|cut off"),
    (lambda: io.BytesIO(pickle.dumps({"a": 1}, 2)), "none of torch.save"),
    (lambda: io.BytesIO(b"PK\x03\x04 and no more"), "damaged"),
    (lambda: archive(b"\x80\x02}]a."), "damaged|adds items"),
    (lambda: archive(b"\x80\x02cos\nsystem\n."), "os.system"),
    (lambda: archive(b"\x80\x02)R."), "damaged|calls"),
    (lambda: archive(b"\x80\x02X\x01\x00\x00\x00aQ."), "unknown thing"),
    (lambda: archive(b"\x80\x02]}(X\x01\x00\x00\x00aK\x01ub."), "attributes"),
])
def test_damaged_files(file, message):
    with pytest.raises(ValueError, match=message):
        load(file())


LOADED = {"lists that hold lists twice", "list in itself", "long integer", "metadata of one list"}


@pytest.mark.parametrize("name, text", [pytest.param(*case, id=case[0]) for case in crafted_pickles()])
def test_what_is_deep_large_or_long_is_refused_before_it_is_built(name, text):
    if name in LOADED:
        load(archive(text))
        return
    with pytest.raises(ValueError, match="load: BytesIO: ") as caught:
        load(archive(text))
    assert len(str(caught.value)) < 1000


def test_archives_have_room_for_what_they_hold():
    with pytest.raises(ValueError, match="overlaps another entry"):
        load(io.BytesIO(overlapping(3, 1000)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            target.writestr("archive/data.pkl", pickle.dumps(1, 2))
    file.seek(0)
    with pytest.raises(ValueError, match="a name twice"):
        load(file)


def test_npz_is_named():
    file = io.BytesIO()
    np.savez(file, a=np.ones(2))
    file.seek(0)
    with pytest.raises(ValueError, match="numpy.load"):
        load(file)


def contents(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    base = torch.arange(12.).reshape(3, 4)
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
            "mixed": (1, 2.5, "x", None, True, [2 ** 40, -1]), "view": base[:, 1:3].t(), "base": base,
            "bfloat16": torch.randn(3).bfloat16(), "half": torch.ones(2).half(), "bool": torch.tensor([True, False]),
            "parameter": torch.nn.Parameter(torch.ones(2)), "size": torch.Size([2, 3]), "dtype": torch.float32,
            "bytes": b"\0\xff", "counter": collections.Counter("aab"), "complex": 1 + 2j, "bytearray": bytearray(b"ab"),
            "device": torch.device("cpu"), "set": {1, 2}, "empty": torch.zeros(0, 3), "scalar": torch.tensor(2.5),
            "wants gradient": torch.ones(2, requires_grad=True), "long": torch.arange(3),
            "byte": torch.arange(3, dtype=torch.uint8), "double": torch.randn(2, 2, dtype=torch.float64)}


def assert_same(torch, theirs, ours, where=""):
    if isinstance(theirs, torch.Tensor):
        wide = theirs.detach().float() if theirs.dtype == torch.bfloat16 else theirs.detach()
        assert isinstance(ours, fastnn.Tensor) and str(ours.dtype) == str(theirs.dtype), where
        ours = ours.detach().float() if theirs.dtype == torch.bfloat16 else ours
        np.testing.assert_array_equal(wide.numpy(), ours.detach().numpy(), where, strict=True)
        assert theirs.requires_grad == ours.requires_grad, where
        assert not theirs.numel() or theirs.stride() == tuple(ours.stride()), where
    elif isinstance(theirs, dict):
        assert type(theirs) is type(ours), where
        assert list(theirs) == list(ours), where
        for key, value in theirs.items():
            assert_same(torch, value, ours[key], f"{where}/{key}")
    elif isinstance(theirs, (list, tuple)):
        assert len(theirs) == len(ours), where
        for i, (a, b) in enumerate(zip(theirs, ours, strict=True)):
            assert_same(torch, a, b, f"{where}/{i}")
    else:
        assert str(theirs) == str(ours), where


@pytest.mark.torch
@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "stream"])
def test_files_of_pytorch(in_zip):
    torch = pytest.importorskip("torch")
    for protocol in (2, 4):
        file = io.BytesIO()
        saved = contents(torch)
        torch.save(saved, file, pickle_protocol=protocol, _use_new_zipfile_serialization=in_zip)
        file.seek(0)
        found = load(file, map_location="cpu", weights_only=True)
        assert_same(torch, saved, found)
        assert found["model"]._metadata == saved["model"]._metadata
        assert isinstance(found["parameter"], fastnn.nn.Parameter)
        found["base"][0, 1] = 99.0
        assert found["view"][0, 0].item() == 99.0, "tensors that shared memory do so again"


@pytest.mark.torch
@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "stream"])
def test_storages_of_pytorch(in_zip, weights_only):
    torch = pytest.importorskip("torch")
    x = torch.arange(4.)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"storage": x.storage(), "x": x[1:]}, file, _use_new_zipfile_serialization=in_zip)
    file.seek(0)
    found = load(file, weights_only=weights_only)
    assert type(found["storage"]) is fastnn.TypedStorage and found["storage"].tolist() == [0, 1, 2, 3]
    found["x"][0] = 9.0
    assert found["storage"].tolist() == [0, 9, 2, 3] and found["storage"].dtype is fastnn.float32


@pytest.mark.torch
@pytest.mark.parametrize("weights_only", [True, False])
def test_attributes_of_tensors_of_pytorch(weights_only):
    torch = pytest.importorskip("torch")
    x, p = torch.ones(2, requires_grad=True), torch.nn.Parameter(torch.ones(2))
    x.note, x.dtypes, p.note = {"a": [1, 2]}, (torch.float32, torch.int64), "weight"
    buffer = torch.nn.Buffer(torch.zeros(3), persistent=False)
    buffer.note = torch.arange(2)
    file = io.BytesIO()
    torch.save([x, p, buffer, torch.nn.Buffer(torch.zeros(1))], file)
    x, p, first, second = load(io.BytesIO(file.getvalue()), weights_only=weights_only)
    assert (x.note, x.dtypes, x.requires_grad) == ({"a": [1, 2]}, (fastnn.float32, fastnn.int64), True)
    assert type(p) is fastnn.nn.Parameter and p.note == "weight"
    assert type(first) is type(second) is fastnn.nn.Buffer and not first.persistent and second.persistent
    assert first.note.tolist() == [0, 1] and first.tolist() == [0, 0, 0]


@pytest.mark.torch
def test_modules_with_buffers_of_pytorch():
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(2, 2)
    module.mean = torch.nn.Buffer(torch.ones(2))
    file = io.BytesIO()
    torch.save(module, file)
    found = load(io.BytesIO(file.getvalue()), weights_only=False)
    assert [name for name, _ in found.named_buffers()] == ["mean"] and found.mean.tolist() == [1, 1]


class Noted:
    def __init__(self, call, kind, arguments, state):
        self.parts = call, kind, arguments, state

    def __reduce__(self):
        import torch
        return torch._tensor._rebuild_from_type_v2, self.parts


@pytest.mark.torch
@pytest.mark.parametrize("wrong", [
    lambda torch, call, kind, parts: (os.mkdir, kind, ("victim",), {}),
    lambda torch, call, kind, parts: (torch._tensor._rebuild_from_type_v2, kind, parts, {}),
    lambda torch, call, kind, parts: (torch.Size, kind, ((1,),), {}),
    lambda torch, call, kind, parts: (call, torch.nn.Linear, parts, {}),
    lambda torch, call, kind, parts: (call, os.mkdir, parts, {}),
    lambda torch, call, kind, parts: (call, kind, parts[:2], {}),
    lambda torch, call, kind, parts: (call, kind, 3, {}),
    lambda torch, call, kind, parts: (call, kind, parts, [1]),
    lambda torch, call, kind, parts: (call, kind, parts, {1: 2}),
    lambda torch, call, kind, parts: (call, kind, parts, {"note": (call, 1)}),
    lambda torch, call, kind, parts: (call, kind, parts, {"note": [(kind,)]}),
    lambda torch, call, kind, parts: (3, kind, parts, {}),
])
def test_wrong_attributes_of_tensors_are_refused(tmp_path, monkeypatch, wrong):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    call, parts = torch.ones(2).__reduce_ex__(2)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save([Noted(*wrong(torch, call, torch.Tensor, parts))], file)
    file.seek(0)
    with pytest.raises(ValueError, match="load: BytesIO: "):
        load(file)
    assert not os.listdir(tmp_path)


@pytest.mark.torch
@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "stream"])
def test_other_objects_are_refused(in_zip):
    torch = pytest.importorskip("torch")
    for thing in (torch.nn.Linear(2, 2), np.ones(3), {"loss": np.float64(3)}, print, collections.deque("ab")):
        file = io.BytesIO()
        torch.save(thing, file, _use_new_zipfile_serialization=in_zip)
        file.seek(0)
        with pytest.raises(ValueError, match="holds a|not supported"):
            load(file)


@pytest.mark.torch
@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "stream"])
def test_changed_bytes_give_tensors_or_an_error(in_zip):
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(contents(torch), file, _use_new_zipfile_serialization=in_zip)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        data = bytearray(file.getvalue())
        for position in generator.integers(0, len(data), generator.integers(1, 4)):
            data[position] = generator.integers(0, 256)
        if generator.random() < 0.2:
            del data[generator.integers(0, len(data)):]
        try:
            load(io.BytesIO(bytes(data)))
        except ValueError:
            refused += 1
    assert refused > 75


@pytest.mark.parametrize("how, message", [("error", "damaged: DeprecationWarning: invalid escape"),
                                          ("ignore", "holds a tor.*FloatStorage")])
def test_damaged_strings_are_refused_whatever_becomes_of_warnings(how, message):
    with warnings.catch_warnings():
        warnings.simplefilter(how)
        with pytest.raises(ValueError, match=message):
            load(io.BytesIO(b"\x80\x02ctor\\(ch\nFloatStorage\n."))
