"""Names that programs import: profiler, benchmark, testing, storages, hub, models and images, beside PyTorch's."""
import gzip
import importlib
import json

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.compat import hub, profiler, testing
from fastnn.nn import attention
from fastnn.nn.modules.utils import _pair
from fastnn.utils import benchmark
from fastnn.vision import io as images
from fastnn.vision import models


# ---- torch.profiler ----

def _program():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = fastnn.optim.Adam(model.parameters())
    with profiler.record_function("mine"):
        nn.functional.cross_entropy(model(fastnn.randn(5, 4)), fastnn.zeros(5, dtype=fastnn.int64)).backward()
    optimizer.step()
    return fastnn.exp(fastnn.ones(3)).softmax(0)


def test_profile(tmp_path):
    exp = fastnn.exp
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU], record_shapes=True) as prof:
        _program()
        _program()
    assert fastnn.exp is exp and fastnn.ones(2).exp is not None
    averages = {event.key: event for event in prof.key_averages()}
    for name in ("mine", "aten::exp", "aten::softmax", "aten::cross_entropy", "autograd::backward",
                 "Optimizer.step#Adam.step", "nn.Module: Linear"):
        assert averages[name].count in (2, 4) and averages[name].cpu_time_total > 0, name
    assert averages["mine"].cpu_time_total >= averages["aten::cross_entropy"].cpu_time_total
    table = prof.key_averages().table(sort_by="cpu_time_total", row_limit=3)
    assert "Self CPU time total" in table and "# of Calls" in table and len(table.splitlines()) == 8
    shaped = {(event.key, str(event.input_shapes)) for event in prof.key_averages(group_by_input_shape=True)}
    assert ("aten::exp", "[[3]]") in shaped
    for name, opened in (("trace.json", open), ("trace.json.gz", gzip.open)):
        prof.export_chrome_trace(tmp_path / name)
        with opened(tmp_path / name, "rt") as file:
            events = json.load(file)["traceEvents"]
        assert len(events) == len(prof.events()) and {"name", "ts", "dur", "ph"} <= set(events[0])
    with pytest.raises(AttributeError, match="sort_by"):
        prof.key_averages().table(sort_by="size")


def test_profile_by_schedule(tmp_path):
    seen = []
    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with profiler.profile(schedule=plan, on_trace_ready=lambda prof: seen.append(len(prof.events()))) as prof:
        for _ in range(10):
            fastnn.exp(fastnn.ones(2))
            prof.step()
    assert len(seen) == 2 and min(seen) >= 4
    with profiler.profile(on_trace_ready=profiler.tensorboard_trace_handler(tmp_path / "log", "me")):
        fastnn.exp(fastnn.ones(2))
    assert [path.name for path in (tmp_path / "log").iterdir()][0].startswith("me.")
    with fastnn.autograd.profiler.profile() as prof, pytest.raises(RuntimeError, match="nested"):
        profiler.profile().start()
    with pytest.raises(AssertionError, match="schedule"):
        profiler.schedule(wait=1, warmup=0, active=0)


@pytest.mark.torch
def test_schedule_as_in_pytorch():
    theirs = pytest.importorskip("torch.profiler", reason="compares with PyTorch")
    for options in (dict(wait=1, warmup=1, active=2), dict(wait=0, warmup=1, active=1, repeat=2, skip_first=3)):
        a, b = profiler.schedule(**options), theirs.schedule(**options)
        assert [a(i).name for i in range(15)] == [b(i).name for i in range(15)]


# ---- torch.testing ----

CLOSE = {
    "equal": (lambda t: t.ones(2), lambda t: t.ones(2), {}),
    "near": (lambda t: t.ones(2), lambda t: t.ones(2) + 1e-6, {}),
    "far": (lambda t: t.ones(2), lambda t: t.tensor([1.0, 1.5]), {}),
    "allowed": (lambda t: t.ones(2), lambda t: t.tensor([1.0, 1.5]), {"rtol": 0, "atol": 0.6}),
    "integers": (lambda t: t.tensor([1, 2]), lambda t: t.tensor([1, 3]), {}),
    "shape": (lambda t: t.ones(2), lambda t: t.ones(3), {}),
    "dtype": (lambda t: t.ones(2), lambda t: t.ones(2).double(), {}),
    "other dtype": (lambda t: t.ones(2), lambda t: t.ones(2).double(), {"check_dtype": False}),
    "nan": (lambda t: t.tensor([float("nan")]), lambda t: t.tensor([float("nan")]), {}),
    "equal nan": (lambda t: t.tensor([float("nan")]), lambda t: t.tensor([float("nan")]), {"equal_nan": True}),
    "infinite": (lambda t: t.tensor([float("inf")]), lambda t: t.tensor([float("inf")]), {}),
    "scalar": (lambda t: t.tensor(1.0), lambda t: t.tensor(2.0), {}),
    "numbers": (lambda t: 1.0, lambda t: 1.0 + 1e-9, {}),
    "wrong numbers": (lambda t: 1.0, lambda t: 2.0, {}),
    "lists": (lambda t: [t.ones(1), 2], lambda t: [t.ones(1), 2], {}),
    "lengths": (lambda t: [t.ones(1)], lambda t: [t.ones(1), t.ones(1)], {}),
    "mappings": (lambda t: {"a": t.ones(1)}, lambda t: {"a": t.zeros(1)}, {}),
    "keys": (lambda t: {"a": t.ones(1)}, lambda t: {"b": t.ones(1)}, {}),
    "none": (lambda t: None, lambda t: None, {}),
    "kinds": (lambda t: t.ones(1), lambda t: [1.0], {}),
    "one tolerance": (lambda t: t.ones(1), lambda t: t.ones(1), {"rtol": 0.1}),
    "message": (lambda t: t.ones(1), lambda t: t.zeros(1), {"msg": "mine"}),
    "bool": (lambda t: t.tensor([True]), lambda t: t.tensor([False]), {}),
    "large": (lambda t: t.tensor([2**60 + 1]), lambda t: t.tensor([2**60]), {}),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", CLOSE)
def test_assert_close_as_in_pytorch(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    first, second, options = CLOSE[name]
    found = []
    for library, function in ((fastnn, testing.assert_close), (torch, torch.testing.assert_close)):
        try:
            found.append(function(first(library), second(library), **options))
        except (AssertionError, TypeError, ValueError) as error:
            found.append((type(error), str(error).splitlines()[0].split(":")[0]))
    assert (found[0] is None) == (found[1] is None) and (found[0] is None or found[0][0] is found[1][0])
    if name in ("far", "integers", "scalar", "shape", "message"):
        assert found[0][1][:30] == found[1][1][:30]


def test_make_tensor():
    x = testing.make_tensor((4, 5), dtype=fastnn.float32, device="cpu", low=2, high=3, requires_grad=True)
    assert x.shape == (4, 5) and x.requires_grad and (x >= 2).all() and (x < 3).all()
    assert (testing.make_tensor(50, dtype=fastnn.int64, device="cpu", low=0, high=2, exclude_zero=True) == 1).all()
    assert testing.make_tensor(2, 3, dtype=fastnn.bool, device="cpu").dtype is fastnn.bool
    assert not testing.make_tensor(2, 3, dtype=fastnn.float64, device="cpu", noncontiguous=True).is_contiguous()


# ---- torch.utils.benchmark ----

def test_benchmark():
    timer = benchmark.Timer("f(x)", "import math", globals={"f": fastnn.exp, "x": fastnn.ones(4)}, label="maps",
                            sub_label="four", description="exp")
    found = timer.blocked_autorange(min_run_time=0.01)
    assert found.median > 0 and found.iqr >= 0 and len(found.times) >= 1 and found.label == "maps"
    assert "maps: four" in repr(found) and timer.timeit(5).number_per_run == 5
    assert timer.adaptive_autorange(max_run_time=0.05).mean > 0
    table = str(benchmark.Compare([found, found]))
    assert "maps" in table and "four" in table and "exp" in table and "Times are in" in table
    with pytest.raises(NotImplementedError, match="language"):
        benchmark.Timer("x", language="c++")
    with pytest.raises(ValueError, match="Measurement"):
        benchmark.Compare([1])


# ---- storages, files, flops ----

@pytest.mark.torch
def test_storages_as_in_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    for library in (fastnn, torch):
        x = library.arange(6, dtype=library.float32).reshape(2, 3)
        whole, part = x.untyped_storage(), x[1].untyped_storage()
        assert whole.nbytes() == part.nbytes() == 24 and whole.data_ptr() == part.data_ptr() == x.data_ptr()
        assert len(whole) == 24 and whole[0] == 0 and len(whole[4:8]) == 4
        assert isinstance(whole, library.UntypedStorage)
        assert library.frombuffer(bytearray(b"abcd"), dtype=library.uint8, offset=1, count=2).tolist() == [98, 99]
        with pytest.raises(ValueError):
            library.frombuffer(bytearray(3), dtype=library.float32)
        assert library.zeros(1).set_(library.ones(2)).tolist() == [1, 1]


def test_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    fastnn.save({"w": fastnn.ones(2)}, tmp_path / "hub" / "checkpoints" / "m.pth")
    assert hub.load_state_dict_from_url("https://example.org/m.pth?x=1")["w"].tolist() == [1, 1]
    with pytest.raises(FileNotFoundError, match="downloads nothing"):
        hub.load_state_dict_from_url("https://example.org/other.pth")
    with pytest.raises(NotImplementedError, match="hub.load"):
        hub.load("a/b", "c")


def test_flops():
    from fastnn.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))(fastnn.ones(2, 3))
        nn.Conv2d(2, 3, 3)(fastnn.ones(1, 2, 5, 5))
        nn.ConvTranspose2d(2, 3, 3)(fastnn.ones(1, 2, 5, 5))
    assert counter.get_flop_counts()["Global"] == {"Linear": 80, "Conv2d": 972, "ConvTranspose2d": 2700}


def test_flops_by_module():
    from fastnn.utils.flop_counter import FlopCounterMode

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))

        def forward(self, x):
            with pytest.raises(ValueError, match="expected input"):
                self.b(x)
            return self.b(self.a(x))

    with FlopCounterMode(display=False) as counter:
        Net()(fastnn.ones(5, 3))
    assert {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()} == {
        "Global": 360, "Net": 360, "Net.a": 120, "Net.b": 240, "Net.b.0": 160, "Net.b.2": 80}


# ---- names ----

NAMES = """_C._log_api_usage_once _C._get_tracing_state _utils._flatten_dense_tensors compiler.set_stance
_dynamo.config cpu.is_available types.Device overrides.has_torch_function storage.UntypedStorage fx.GraphModule
fx.Tracer jit.ScriptModule cuda.CUDAGraph cuda.get_rng_state_all"""


@pytest.mark.parametrize("name", NAMES.split())
def test_name(name):
    module, _, attribute = name.partition(".")
    assert hasattr(importlib.import_module(f"fastnn.compat.{module}"), attribute)


def test_answers():
    from fastnn.compat import _C, _utils, fx, overrides
    assert _C._nn._parse_to("cpu", fastnn.float64, non_blocking=True)[:2] == (fastnn.device("cpu"), fastnn.float64)
    parts = [fastnn.ones(2), fastnn.zeros(1, 3)]
    flat = _utils._flatten_dense_tensors(parts)
    assert [tuple(x.shape) for x in _utils._unflatten_dense_tensors(flat, parts)] == [(2,), (1, 3)]
    assert not overrides.has_torch_function((1,)) and overrides.is_tensor_like(flat)
    for refused in (fx.Tracer, fx.GraphModule, _C.Graph):
        with pytest.raises(NotImplementedError):
            refused()
    assert fastnn.cuda.get_rng_state_all() == [] and isinstance(fastnn.strided, fastnn.layout)
    assert isinstance(fastnn.channels_last, fastnn.memory_format) and repr(fastnn.strided) == "torch.strided"
    with attention.sdpa_kernel([attention.SDPBackend.MATH]):
        assert _pair(3) == (3, 3)


# ---- torchvision ----

PARAMETERS = {"resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "vgg11": 132863336,
              "mobilenet_v2": 3504872, "squeezenet1_0": 1248424, "squeezenet1_1": 1235496}


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "vgg11"])
def test_models(name, tmp_path):
    model = getattr(models, name)().eval()
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]
    assert model(fastnn.zeros(1, 3, 64, 64)).shape == (1, 1000)


def test_models_files_and_names(tmp_path):
    model = models.squeezenet1_1(num_classes=3)
    fastnn.save(model.state_dict(), tmp_path / "w.pt")
    again = models.squeezenet1_1(weights=tmp_path / "w.pt", num_classes=3)
    assert all(fastnn.equal(p, q) for p, q in zip(model.parameters(), again.parameters()))
    keys = list(models.resnet18(num_classes=2).state_dict())
    assert keys[0] == "conv1.weight" and "layer2.0.downsample.1.running_var" in keys and keys[-1] == "fc.bias"
    keys = list(models.mobilenet_v2().state_dict())
    assert keys[0] == "features.0.0.weight" and "features.17.conv.1.1.num_batches_tracked" in keys
    assert [name for name, _ in models.vgg11_bn(init_weights=False).features.named_children()][:3] == ["0", "1", "2"]
    with pytest.raises(NotImplementedError, match="resnet18: fastnn brings no weights"):
        models.resnet18(weights=models.ResNet18_Weights.DEFAULT)
    x = fastnn.randn(2, 3, 64, 64)
    models.resnet18(num_classes=2)(x).sum().backward()


def test_images_in_files(tmp_path):
    pytest.importorskip("PIL", reason="images are read by Pillow")
    x = fastnn.arange(3 * 4 * 5, dtype=fastnn.uint8).reshape(3, 4, 5)
    images.write_png(x, tmp_path / "x.png")
    assert fastnn.equal(images.read_image(tmp_path / "x.png"), x)
    assert images.read_image(tmp_path / "x.png", images.ImageReadMode.GRAY).shape == (1, 4, 5)
    assert images.read_image(tmp_path / "x.png", "RGB_ALPHA").shape == (4, 4, 5)
    assert fastnn.equal(images.decode_image(images.encode_png(x[:1])), x[:1])
    assert images.decode_jpeg(images.encode_jpeg(x, 90)).shape == x.shape
    with pytest.raises(RuntimeError, match="encode_png"):
        images.encode_png(x.float())
    assert np.array_equal(images.read_file(tmp_path / "x.png")[1:4].numpy(), np.frombuffer(b"PNG", np.uint8))


@pytest.mark.parametrize("value", [[1.0, 2.0], None, {}])
def test_tensorboard_refuses_what_is_no_number(tmp_path, value):
    pytest.importorskip("tensorboardX", reason="an extra")
    from fastnn.utils.tensorboard import SummaryWriter
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 1.0, 0)
        with pytest.raises(NotImplementedError, match="numpy array or torch tensor are expected"):
            writer.add_scalar("loss", value, 1)


def test_tensorboard_flush_writes_all(tmp_path):
    pytest.importorskip("tensorboardX", reason="an extra")
    from fastnn.utils.tensorboard import SummaryWriter
    with SummaryWriter(tmp_path) as writer:
        for step in range(2):
            for number in range(20):
                writer.add_scalar("loss", number, step)
            writer.flush()
            flushed = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert flushed > 40 * 40
    assert flushed == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_tensorboard_names_what_encodes_videos(tmp_path, capsys):
    pytest.importorskip("tensorboardX", reason="an extra")
    if importlib.util.find_spec("moviepy") is not None:
        pytest.skip("moviepy is installed")
    from fastnn.utils.tensorboard import SummaryWriter
    with SummaryWriter(tmp_path) as writer:
        writer.add_video("film", fastnn.rand(1, 2, 3, 4, 4))
    assert "moviepy" in capsys.readouterr().out


def test_tensorboard_takes_tensors(tmp_path):
    pytest.importorskip("tensorboardX", reason="an extra")
    from fastnn.utils.tensorboard import SummaryWriter
    x = fastnn.rand(3, 8, 8, requires_grad=True)
    with SummaryWriter(tmp_path) as writer:
        size = 0
        for name, *args in (("scalar", "a", x.sum()), ("scalars", "b", {"c": x.sum(), "d": x.mean().bfloat16()}),
                            ("histogram", "e", x), ("image", "f", x), ("images", "g", x[None]),
                            ("embedding", x[0], ["h"] * 8), ("pr_curve", "i", x[0, 0] > 0.5, x[0, 0]),
                            ("mesh", "j", x[None, 0, :, :3]), ("hparams", {"k": 1}, {"l": x.sum()})):
            getattr(writer, f"add_{name}")(*args)
            writer.flush()
            before, size = size, sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
            assert size > before, name
