"""Worker processes of a loader: the same batches, errors and ends as PyTorch's, and no process is left."""
import collections
import mmap
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.utils import data

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="data sets of these tests reach workers by fork"),
              pytest.mark.filterwarnings("ignore:This DataLoader will create"),
              pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")]
Pair = collections.namedtuple("Pair", "x y")


def active_workers():
    """Living child processes but joblib's, which stay when a test of another file is over."""
    return [child for child in multiprocessing.active_children() if not child.name.startswith("LokyProcess")]


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    import gc
    gc.collect()
    assert not active_workers()


class Items:
    """Items of `function(index)`."""

    def __init__(self, function=lambda i: i * i, n=11):
        self.function, self.n = function, n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return self.function(index)


def stream(T, function, length=None):
    """An IterableDataset of what `function(get_worker_info())` iterates."""
    methods = {"__iter__": lambda self: iter(function(T.utils.data.get_worker_info()))}
    if length is not None:
        methods["__len__"] = lambda self: length
    return type("Stream", (T.utils.data.IterableDataset,), methods)()


def plain(value):
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return str(value.dtype).replace("fastnn.", "torch."), value.tolist()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(plain, value)]
    return value


def outcome(function):
    """What it gives, or the class and the first line of what it raises."""
    try:
        return function()
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0].replace(str(os.getpid()), "pid")


def walked(loader, epochs=1):
    """Batches, and errors at their positions."""
    found = []
    for _ in range(epochs):
        batches = iter(loader)
        for _ in range(99):
            try:
                found.append(plain(next(batches)))
            except StopIteration:
                found.append("end")
                break
            except Exception as error:
                text = str(error)
                found.append((type(error).__name__, text.splitlines()[0]))
                assert "Traceback" in text and Path(__file__).name in text
        del batches
    return found


def loader(T, dataset, *args, seed=0, **options):
    return T.utils.data.DataLoader(dataset, *args, generator=T.Generator().manual_seed(seed), **options)


class TwoWords(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


def failing(at, error):
    def item(i):
        if i in at:
            raise error
        return i
    return item


def shard(info):
    return range(info.id, 11, info.num_workers)


def uneven(info):
    return range(100 * info.id, 100 * info.id + (2, 9, 0)[info.id])


def failing_stream(info):
    yield from range(3)
    raise LookupError(f"stream {info.id}")


def dicts(T):
    return lambda i: {"x": T.ones(2) * i, "p": Pair(np.full(3, i, np.float32), "text"), "n": (i, 0.5 * i, True)}


def partial_set(T):
    def init(worker):
        info = T.utils.data.get_worker_info()
        info.dataset.function = lambda i: (i, info.id, info.num_workers)
    return init


SCENARIOS = {
    "order": lambda T: walked(loader(T, Items(), 3, num_workers=2)),
    "one worker": lambda T: walked(loader(T, Items(), 4, num_workers=1, drop_last=True)),
    "more workers than batches": lambda T: walked(loader(T, Items(n=3), 2, num_workers=3)),
    "nothing": lambda T: walked(loader(T, Items(n=0), 2, num_workers=2)),
    "single items": lambda T: walked(loader(T, Items(), None, num_workers=2)),
    "shuffled twice": lambda T: walked(loader(T, Items(), 3, num_workers=2, shuffle=True), 2),
    "ahead": lambda T: walked(loader(T, Items(), 1, num_workers=3, prefetch_factor=4, shuffle=True)),
    "kept": lambda T: walked(loader(T, Items(), 3, num_workers=2, shuffle=True, persistent_workers=True), 3),
    "batch sampler": lambda T: walked(loader(T, Items(), batch_sampler=[[3, 1], [2], [5, 5, 5]], num_workers=2)),
    "nested": lambda T: walked(loader(T, Items(dicts(T), 5), 2, num_workers=2)),
    "collate": lambda T: walked(loader(T, Items(), 3, num_workers=2, collate_fn=lambda items: ("c", sum(items)))),
    "init": lambda T: walked(loader(T, Items(), 2, num_workers=3, worker_init_fn=partial_set(T))),
    "streams": lambda T: walked(loader(T, stream(T, lambda info: range(5)), 2, num_workers=2)),
    "sharded": lambda T: walked(loader(T, stream(T, shard), 2, num_workers=3)),
    "uneven": lambda T: walked(loader(T, stream(T, uneven), 2, num_workers=3, drop_last=True)),
    "uneven, single": lambda T: walked(loader(T, stream(T, uneven), None, num_workers=3)),
    "uneven, kept": lambda T: walked(loader(T, stream(T, uneven), 2, num_workers=3, persistent_workers=True), 2),
    "an error": lambda T: walked(loader(T, Items(failing({4, 9}, ValueError("no"))), 2, num_workers=2)),
    "a key": lambda T: walked(loader(T, Items(failing({0}, KeyError("key"))), 2, num_workers=2)),
    "two words": lambda T: walked(loader(T, Items(failing({0}, TwoWords(1, 2))), 2, num_workers=2)),
    "stream fails": lambda T: walked(loader(T, stream(T, failing_stream), 2, num_workers=2)),
    "init fails": lambda T: walked(loader(T, Items(n=1), 1, num_workers=2, worker_init_fn=lambda worker: 1 // worker)),
    "collate fails": lambda T: walked(loader(T, Items(), 4, num_workers=2, collate_fn=lambda items: 1 // items[0])),
    "no length": lambda T: outcome(lambda: len(loader(T, stream(T, shard), 2, num_workers=2))),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", SCENARIOS)
def test_as_pytorch(name):
    torch = pytest.importorskip("torch")
    assert SCENARIOS[name](fastnn) == SCENARIOS[name](torch)


def test_too_slow():
    batches = iter(data.DataLoader(Items(lambda i: time.sleep(1)), 2, num_workers=1, timeout=0.1))
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.1 seconds"):
        next(batches)
    assert not active_workers()


def test_no_batches_ahead():
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(data.DataLoader(Items(), 2, num_workers=2, prefetch_factor=0))


def test_left_in_the_middle():
    """The next iteration of kept workers begins anew; those of others are gone."""
    for persistent in (False, True):
        batches = data.DataLoader(Items(), 1, num_workers=2, persistent_workers=persistent)
        wanted = [i * i for i in range(11)]
        for upto in (0, 1, 4):
            for i, _ in enumerate(batches):
                if i == upto:
                    break
            assert [batch.item() for batch in batches] == wanted
        assert len(active_workers()) == (2 if persistent else 0)


def test_out_of_order():
    def item(i):
        time.sleep(0.3 if i == 0 else 0)
        return i
    found = [batch.item() for batch in data.DataLoader(Items(item), 1, num_workers=2, in_order=False)]
    assert sorted(found) == list(range(11)) and found[0] != 0


def test_random_numbers_do_not_depend_on_who_is_quicker():
    def item(i):
        time.sleep(random.random() * 0.01)
        return fastnn.rand(1).item(), random.random(), np.random.rand()
    found = [plain(list(loader(fastnn, Items(item), 2, num_workers=3, seed=4))) for _ in range(2)]
    assert found[0] == found[1]


def test_large_batches_share_memory():
    """Written once, writable, and freed with their tensors."""
    def item(i):
        x = np.full((300, 400), i, np.float64)
        return x, x.T, x[::2], np.asfortranarray(x[:3]).astype(np.int16), np.float32(i), np.zeros((0, 4))
    kept = []
    for i, batch in enumerate(data.DataLoader(Items(item, 8), 2, num_workers=2)):
        for x in batch:
            assert x.numpy().flags.writeable and (x[0] == 2 * i).all() and (x[1] == 2 * i + 1).all()
        batch[0] += 1
        assert batch[0][0, 0, 0] == 2 * i + 1 and batch[1][0, 0, 0] == 2 * i
        kept.append(batch)
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert maps.read_text().count("memfd:fastnn") == 12  # four batches with three large arrays each
        kept = [batch[4] for batch in kept]
        del batch, x
        assert "memfd:fastnn" not in maps.read_text(), "small arrays do not keep large ones"


@pytest.mark.parametrize("end, text", [(lambda: os.kill(os.getpid(), signal.SIGKILL), "is killed by signal: Killed"),
                                       (lambda: os._exit(3), "with exit code 3")], ids=["killed", "gone"])
@pytest.mark.parametrize("persistent", [False, True])
def test_a_worker_that_dies(end, text, persistent):
    batches = iter(data.DataLoader(Items(lambda i: end() if i == 5 else i), 1, num_workers=2,
                                   persistent_workers=persistent))
    assert [next(batches).item() for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly") as caught:
        next(batches), next(batches)
    assert text in str(caught.value.__cause__)
    assert not active_workers()
    with pytest.raises(RuntimeError, match="have ended"):
        next(batches)


@pytest.mark.parametrize("make", [lambda x: x.transpose(2, 0, 1), lambda x: x[::-1, :, ::2], lambda x: x[1:, None].T,
                                  lambda x: np.broadcast_to(x, (2, 50, 60, 7)), lambda x: x.astype(object)[:, ::2]],
                         ids=["permuted", "reversed", "part", "broadcast", "objects"])
def test_arrays_of_any_strides(make):
    x = make(np.arange(21000.0).reshape(50, 60, 7))
    batch = next(iter(data.DataLoader(Items(lambda i: x), 1, num_workers=1, collate_fn=lambda items: items[0])))
    assert np.array_equal(batch, x) and batch.dtype == x.dtype and batch.flags.writeable
    while isinstance(batch, np.ndarray):
        batch = batch.base
    assert x.dtype == object or isinstance(batch.obj, mmap.mmap), "not in shared memory"


def test_what_cannot_be_sent_is_an_error():
    with pytest.raises(Exception, match="(?s)worker process 0.*local object|pickle"):
        next(iter(data.DataLoader(Items(lambda i: lambda: i), 1, num_workers=1, collate_fn=lambda items: items)))


def test_an_exception_of_a_class_that_cannot_be_sent():
    class Local(Exception):
        pass
    batches = iter(data.DataLoader(Items(failing({1}, Local("local"))), 1, num_workers=1))
    assert next(batches).item() == 0
    with pytest.raises(RuntimeError, match="(?s)Caught Local in DataLoader worker process 0.*Traceback.*local"):
        next(batches)
    assert next(batches).item() == 2


@pytest.mark.parametrize("way", ["memory", "file", "pipe"])
def test_ways_to_send(way, monkeypatch):
    """Where there is memory without a name; where a file without a name stands for it; where neither can be sent."""
    from fastnn.utils.data import _transfer
    if way == "pipe":
        monkeypatch.setattr(_transfer, "SHARED", False)
    elif way == "file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif not hasattr(os, "memfd_create"):
        pytest.skip("no memfd_create")
    value = {"large": fastnn.rand(300, 200), "small": np.arange(3), "text": ["a", None],
             "odd": fastnn.rand(40, 500).t(), "many": [np.full(20000, i, np.float32) for i in range(70)]}
    here, there = multiprocessing.Pipe()
    with here, there, ThreadPoolExecutor() as pool:
        for _ in range(3):
            sent = pool.submit(_transfer.send, here, value)
            found = _transfer.receive(there)
            sent.result()
            assert plain(found) == plain(value) and found["odd"].numpy().flags.writeable
        with pytest.raises(Exception, match="pickle|local object"):
            _transfer.send(here, lambda: 0)
        assert not there.poll(), "nothing was sent"


def test_many_indices_at_once():
    """More than a pipe holds, while the worker answers with more than a pipe holds."""
    sampler = [list(range(60000))] * 4
    dataset = Items(lambda i: i, 60000)
    for batch in data.DataLoader(dataset, batch_sampler=sampler, num_workers=1, collate_fn=lambda items: items):
        assert batch == sampler[0]


def test_array_data_sets_stay_in_this_process():
    x = fastnn.arange(12)
    for dataset in (data.TensorDataset(x), data.Subset(data.TensorDataset(x), range(5))):
        batches = data.DataLoader(dataset, 2, num_workers=2)
        iterator = iter(batches)
        assert not active_workers()
        assert [batch[0].tolist() for batch in iterator][:2] == [[0, 1], [2, 3]]
    moved = data.TensorDataset(x.float().requires_grad_())  # rows that gradients flow through: item by item
    batches = iter(data.DataLoader(moved, 2, num_workers=1))
    assert len(active_workers()) == 1
    assert next(batches)[0].tolist() == [0, 1]


class Module:
    """A data set that other ways of starting can find by its name."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return np.full(20000, index), data.get_worker_info().id, fastnn.get_num_threads()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_ways_to_start(method):
    found = [[x[0, 0].item(), worker.item(), threads.item()] for x, worker, threads in
             data.DataLoader(Module(), 1, num_workers=2, multiprocessing_context=method)]
    assert found == [[i, i % 2, 1] for i in range(6)]


def test_what_cannot_be_sent_to_a_worker():
    with pytest.warns(UserWarning, match="Got pickle error"), pytest.raises((AttributeError, TypeError)):
        iter(data.DataLoader(Items(lambda i: i), num_workers=1, multiprocessing_context="spawn"))


PROGRAM = """
import os, sys, time
import fastnn
from fastnn.utils.data import DataLoader
class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i):
        {work}
        return i
if __name__ == "__main__":
    for i, batch in enumerate(DataLoader(Slow(), 1, num_workers=2)):
        if i == 2:
            import multiprocessing
            print(*(child.pid for child in multiprocessing.active_children()), flush=True)
            {then}
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc")
@pytest.mark.parametrize("way", ["interrupt", "interrupt all", "kill", "error", "exit"])
@pytest.mark.parametrize("work", ["time.sleep(0.02)", "time.sleep(0 if i < 4 else 8)"], ids=["quick", "slow"])
def test_no_process_stays_behind(way, work):
    """Ctrl-C of a terminal goes to all; kill -INT to one; kill -9 leaves nobody to clean up."""
    if way == "kill" and "8" in work:
        pytest.skip("a worker looks up when its item is done")
    then = {"error": "raise ValueError('program')", "exit": "sys.exit(0)"}.get(way, "pass")
    program = textwrap.dedent(PROGRAM).format(work=work, then=then)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, cwd=ROOT, start_new_session=True)
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    if way == "interrupt":
        process.send_signal(signal.SIGINT)
    elif way == "interrupt all":
        os.killpg(process.pid, signal.SIGINT)
    elif way == "kill":
        process.kill()
    out, err = process.communicate(timeout=20)
    if way.startswith("interrupt"):
        assert "KeyboardInterrupt" in err and process.returncode in (-signal.SIGINT, 1), err
        assert "Process ForkProcess" not in err, "workers are silent"
    until = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(alive, workers))
