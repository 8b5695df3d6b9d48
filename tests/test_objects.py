"""Whole objects in files, memory that several tensors share, and copies: what is the same afterwards, what is not."""
import collections
import copy
import io
import os
import pickle
import signal
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.errors import UnsafeFileError
from fastnn.serialization import load, load_file, save
from fastnn.utils.data import DataLoader, TensorDataset


def through_a_file(value, **options):
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file, **options)


def size_of_file(value):
    file = io.BytesIO()
    save(value, file)
    return len(file.getvalue())


# ---- shared memory ----

BASE = fastnn.arange(600.0).reshape(20, 30)
SHARED = {
    "a step": lambda t: [t, t[1::2]],
    "the view first": lambda t: [t[1::2], t],
    "transposed": lambda t: [t, t.t()],
    "expanded": lambda t: [t[:1].expand(20, 30), t],
    "reshaped": lambda t: [t, t.view(-1), t.view(600)[5:]],
    "parts that interlock": lambda t: [t[:, ::2], t[:, 1::2], t[3:5]],
    "columns": lambda t: [t[:, 1], t[:, 2:], t[4]],
    "another dtype": lambda t: [t, t.view(fastnn.int32)],
    "bytes of it": lambda t: [t[1:].view(fastnn.uint8), t[1:, 3:]],
    "one number": lambda t: [t, t[3, 4]],
    "detached": lambda t: [t, t.detach()],
    "an array": lambda t: [t, t.numpy()[2:]],
    "arrays backwards": lambda t: [t.numpy()[::-1], t.numpy()[1:, ::-2]],
}


@pytest.mark.parametrize("how", SHARED)
@pytest.mark.parametrize("copied", ["a file", "a deep copy"])
def test_shared_memory_is_shared_again(how, copied):
    values = SHARED[how](BASE.clone())
    if copied == "a deep copy" and any(isinstance(value, np.ndarray) for value in values):
        pytest.skip("of arrays NumPy decides")
    found = through_a_file(values) if copied == "a file" else copy.deepcopy(values)
    arrays = [np.asarray(value) for value in values]
    again = [np.asarray(value) for value in found]
    for one, other in zip(arrays, again, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
        assert one.shape != other.shape or one.size < 2 or one.strides == other.strides
        assert not np.shares_memory(one, other)
    for i in range(len(arrays)):
        for j in range(i):
            assert np.shares_memory(arrays[i], arrays[j]) == np.shares_memory(again[i], again[j])
    which = next(i for i, array in enumerate(arrays) if array.flags.writeable)
    arrays[which][...] = again[which][...] = 77  # a change of one is seen by the others as before
    for one, other in zip(arrays, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("how", SHARED)
def test_shared_memory_is_written_once(how):
    assert size_of_file(SHARED[how](BASE.clone())) < BASE.nbytes + 1500


def test_what_is_not_shared_stays_apart():
    t = fastnn.arange(1000.0)
    assert size_of_file(t[::100]) < 500, "of a view alone its own numbers"
    first, second = through_a_file([t[:500], t[500:]])
    assert first.tolist() + second.tolist() == t.tolist()
    a, b, c = through_a_file([fastnn.zeros(0, 3), fastnn.zeros(3, 0), fastnn.tensor(2.0)])
    assert [tuple(x.shape) for x in (a, b, c)] == [(0, 3), (3, 0), ()]


def test_tied_weights(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    state = through_a_file(model.state_dict())
    state["0.weight"][0, 0] = 5.0
    assert state["1.weight"][0, 0] == 5.0
    again = through_a_file(model, weights_only=False)
    assert again[1].weight is again[0].weight
    save(model.state_dict(), tmp_path / "x")
    assert sorted(load_file(tmp_path / "x")) == ["0.bias", "0.weight", "1.bias"]


def test_kinds_of_tensors_are_kept():
    leaf = fastnn.ones(2, requires_grad=True)
    frozen = nn.Parameter(fastnn.ones(2), requires_grad=False)
    marked = nn.Parameter(fastnn.ones(2))
    marked.tag = "decayed"
    noted = fastnn.ones(2)
    noted.note = {"a": fastnn.zeros(1)}
    values = [leaf, leaf * 2, nn.Parameter(fastnn.ones(2)), frozen, marked, noted, nn.Buffer(fastnn.ones(2)), leaf]
    found = through_a_file(values)
    assert [type(x) for x in found] == [fastnn.Tensor] * 2 + [nn.Parameter] * 3 + [fastnn.Tensor] * 3
    assert [x.requires_grad for x in found] == [x.requires_grad for x in values]
    assert found[0] is found[-1] and found[1].is_leaf
    assert found[4].tag == "decayed" and found[5].note["a"].tolist() == [0.0]
    state = nn.BatchNorm1d(2).state_dict()
    assert through_a_file(state)._metadata == state._metadata
    others = [1 + 2j, complex("nan"), bytearray(b"ab"), collections.Counter("aab"), {(1, ("a", None)): frozenset([2])}]
    assert repr(through_a_file(others)) == repr(others)
    for value in (collections.defaultdict(int), {1 << 70: 1}, range(3), [signal.SIGINT],
                  os.stat(os.curdir)):
        assert repr(through_a_file(value, weights_only=False)) == repr(value)
        with pytest.raises(UnsafeFileError):
            through_a_file(value)


# ---- whole objects ----

class Net(nn.Module):
    """A program's own module."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.scale = nn.Linear(4, 5), fastnn.tanh, nn.Parameter(fastnn.ones(1))
        self.register_buffer("steps", fastnn.zeros(1, dtype=fastnn.int64))
        self.second = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Dropout(0.5))
        self.note = {"made by": ("hand", 3)}
        self.itself = [self]

    def forward(self, x):
        return self.second(self.act(self.first(x)) * self.scale)


def noted(module, arguments, result):
    module.calls = getattr(module, "calls", 0) + 1


def objects():
    layers = [nn.Linear(4, 2), nn.LSTM(4, 3, 2), nn.GRU(4, 3), nn.Conv2d(1, 2, 3), nn.ConvTranspose1d(2, 2, 3),
              nn.BatchNorm2d(3), nn.LayerNorm(4), nn.Embedding(3, 4), nn.MultiheadAttention(4, 2), nn.Bilinear(2, 2, 2),
              nn.TransformerEncoderLayer(4, 2, 8, activation=fastnn.sigmoid), nn.Transformer(4, 2, 1, 1, 8),
              nn.ModuleDict({"a": nn.PReLU()}), nn.ModuleList([nn.GELU()]),
              nn.ParameterList([nn.Parameter(fastnn.ones(2))]), nn.ParameterDict({"b": nn.Parameter(fastnn.ones(2))}),
              nn.CrossEntropyLoss(weight=fastnn.ones(3)),
              nn.Sequential(nn.Conv2d(1, 2, 3, padding="same", padding_mode="reflect"), nn.ReLU(), nn.Flatten())]
    optimizer = fastnn.optim.Adam(layers[0].parameters())
    layers[0](fastnn.ones(1, 4)).sum().backward()
    optimizer.step()
    data = TensorDataset(fastnn.ones(3, 2), fastnn.zeros(3))
    others = [optimizer, fastnn.optim.lr_scheduler.StepLR(optimizer, 2), data, DataLoader(data, 2), fastnn.Generator()]
    functions = [fastnn.relu, fastnn.tanh, fastnn.add, fastnn.sum, nn.functional.gelu, fastnn.linalg.norm,
                 fastnn.special.erf]
    return [*layers, *others, *functions]


@pytest.mark.parametrize("value", objects(), ids=lambda value: getattr(value, "__name__", type(value).__name__))
def test_everything_can_be_copied_and_saved(value):
    for again in (through_a_file(value, weights_only=False), pickle.loads(pickle.dumps(value)),
                  pickle.loads(pickle.dumps(value, 5)), copy.deepcopy(value), copy.copy(value)):
        assert type(again) is type(value)
        if isinstance(value, (nn.Module, fastnn.optim.Optimizer)):
            assert repr(again) == repr(value)
        if isinstance(value, nn.Module):
            for (name, one), (same, other) in zip(value.state_dict().items(), again.state_dict().items(), strict=True):
                assert name == same and one.dtype is other.dtype
                np.testing.assert_array_equal(one.numpy(), other.numpy())
        if not isinstance(value, (nn.Module, fastnn.optim.Optimizer)) and callable(value):
            assert again is value
    with pytest.raises(UnsafeFileError):
        through_a_file(value)


def test_whole_module_goes_on_as_before(tmp_path):
    fastnn.manual_seed(0)
    model, x = Net().eval(), fastnn.rand(3, 4)
    model.first.register_forward_hook(noted)
    optimizer = fastnn.optim.SGD(model.parameters(), lr=0.1)
    save({"net": model, "optimizer": optimizer, "w": model.scale}, tmp_path / "x.pt")
    found = load(tmp_path / "x.pt", weights_only=False)
    again = found["net"]
    np.testing.assert_array_equal(again(x).detach().numpy(), model(x).detach().numpy())
    assert again.scale is found["w"] and again.itself[0] is again and again.note == model.note and not again.training
    assert found["optimizer"].param_groups[0]["params"][0] is next(again.parameters())
    again(x).sum().backward()
    found["optimizer"].step()
    assert again.first.calls == 2
    save(model, tmp_path / "y.pt")
    assert sorted(load_file(tmp_path / "y.pt")) == sorted(["object", *model.state_dict()]), "names stay readable"


@pytest.mark.parametrize("options", [{}, {"weights_only": True}, {"weights_only": None}, {"pickle_module": pickle}])
def test_whole_objects_are_refused_without_the_word(tmp_path, options):
    save(Net(), tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"x\.pt: .*test_objects\.Net.*weights_only=False.*state_dict") as caught:
        load(tmp_path / "x.pt", **options)
    assert isinstance(caught.value, pickle.UnpicklingError), "PyTorch's class"


class Command:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_is_run_without_the_word(tmp_path):
    save({"a": [Command(str(tmp_path / "made"))]}, tmp_path / "x.pt")
    for options in ({}, {"weights_only": True}):
        with pytest.raises(ValueError, match="weights_only"):
            load(tmp_path / "x.pt", **options)
        load_file(tmp_path / "x.pt")
    assert not (tmp_path / "made").exists()
    load(tmp_path / "x.pt", weights_only=False)
    assert (tmp_path / "made").exists()


class Other(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class(module, {"Net": "Renamed"}.get(name, name))


class Renamed(Net):
    pass


def test_unpickler_of_the_callers(tmp_path):
    class Module:
        Unpickler = Other

    save(Net(), tmp_path / "x.pt", pickle_module=pickle, pickle_protocol=5)
    assert type(load(tmp_path / "x.pt", pickle_module=Module, weights_only=False)) is Renamed


def test_what_cannot_be_pickled_leaves_no_file(tmp_path):
    class Local(nn.Module):
        pass

    for value in (Local(), {"a": lambda x: x}, [open(os.devnull)]):
        with value[0] if isinstance(value, list) else warnings.catch_warnings():
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                save(value, tmp_path / "x")
    assert not os.listdir(tmp_path)


# ---- copies of tensors ----

def test_copies_of_tensors_inside_a_graph():
    w = fastnn.ones(3, requires_grad=True)
    y = w * 2
    for again in (copy.copy(y), pickle.loads(pickle.dumps(y)), copy.copy(y.view(3, 1)), copy.copy(w.view(3))):
        assert again.is_leaf and again.requires_grad and again.grad_fn is None
    assert np.shares_memory(copy.copy(y).detach().numpy(), y.detach().numpy())
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(y)
    plain = copy.copy(w.detach())
    assert not plain.requires_grad


def test_gradients_and_copies():
    """A Parameter's gradient stays behind, as in PyTorch; that of another leaf is copied deeply."""
    w, p = fastnn.ones(3, requires_grad=True), nn.Parameter(fastnn.ones(3))
    (w * p).sum().backward()
    assert copy.deepcopy(p).grad is None and copy.copy(p).grad is None and copy.copy(w).grad is None
    again = copy.deepcopy([w, w.grad])
    assert again[0].grad is again[1] and again[1].tolist() == [1.0] * 3
    layer = nn.Linear(2, 2)
    layer(fastnn.ones(1, 2)).sum().backward()
    assert copy.deepcopy(layer).weight.grad is None


def test_attributes_and_copies():
    t, p = fastnn.ones(2), nn.Parameter(fastnn.ones(2, 3).t())
    t.note, p.note = [1], [2]
    for again in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t)), copy.copy(p),
                  pickle.loads(pickle.dumps(p))):
        assert again.note in ([1], [2])
    assert copy.copy(t).note is t.note and copy.deepcopy(t).note is not t.note
    assert not hasattr(copy.deepcopy(p), "note") and copy.deepcopy(p).stride() == (1, 3)
    buffer = nn.Buffer(fastnn.ones(2), persistent=False)
    for again in (copy.copy(buffer), copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer))):
        assert type(again) is nn.Buffer and again.persistent is False


# ---- PyTorch's files of whole objects ----

def torch_modules(nn):
    return [nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                          nn.Flatten()),
            nn.LSTM(3, 4, 2, bidirectional=True), nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2),
            nn.TransformerEncoderLayer(4, 2, 8, activation=nn.functional.gelu), nn.ModuleDict({"a": nn.PReLU()}),
            nn.Transformer(4, 2, 1, 1, 8), nn.EmbeddingBag(5, 3), nn.GroupNorm(1, 3),
            nn.Conv2d(1, 1, 3, padding="same")]


@pytest.mark.torch
@pytest.mark.parametrize("in_zip", [True, False], ids=["zip", "stream"])
def test_modules_of_pytorch(in_zip):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch_modules(torch.nn)
    x = torch.randn(2, 3, 6, 6)
    for module in theirs:
        file = io.BytesIO()
        torch.save(module.eval(), file, _use_new_zipfile_serialization=in_zip)
        with pytest.raises(UnsafeFileError, match=r"holds a .*torch.nn.*weights_only=False"):
            load(io.BytesIO(file.getvalue()))
        ours = load(io.BytesIO(file.getvalue()), weights_only=False)
        assert repr(ours) == repr(module).replace("NonDynamicallyQuantizableLinear", "Linear")
        for (name, one), (same, other) in zip(module.state_dict().items(), ours.state_dict().items(), strict=True):
            assert name == same
            np.testing.assert_array_equal(one.numpy(), other.numpy())
        if isinstance(module, torch.nn.Sequential):
            np.testing.assert_allclose(ours(fastnn.from_numpy(x.numpy())).detach().numpy(), module(x).detach().numpy(),
                                       rtol=1e-4, atol=1e-5)
        assert repr(through_a_file(ours, weights_only=False)) == repr(ours)


@pytest.mark.torch
def test_objects_of_pytorch():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.Adam(torch.nn.Linear(2, 2).parameters())
    for thing, check in ((optimizer, lambda found: isinstance(found, fastnn.optim.Adam)),
                         (np.arange(3), lambda found: found.tolist() == [0, 1, 2]),
                         ({"f": torch.relu, "d": torch.float64}, lambda found: found == {"f": fastnn.relu,
                                                                                        "d": fastnn.float64})):
        file = io.BytesIO()
        torch.save(thing, file)
        with pytest.raises(UnsafeFileError):
            load(io.BytesIO(file.getvalue()))
        assert check(load(io.BytesIO(file.getvalue()), weights_only=False))
    file = io.BytesIO()
    torch.save(torch.nn.Flatten, file)
    assert load(io.BytesIO(file.getvalue()), weights_only=False) is nn.Flatten
    file = io.BytesIO()
    torch.save(torch.fx.Graph, file)
    with pytest.raises(ValueError, match="torch.fx.graph.Graph.*lacks"):
        load(io.BytesIO(file.getvalue()), weights_only=False)
