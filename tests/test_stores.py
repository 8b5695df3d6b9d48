"""Key-value stores of ``torch.distributed``."""
import datetime
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import fastnn
import pytest

from fastnn import distributed as dist

SHORT = datetime.timedelta(milliseconds=50)
KINDS = ("hash", "file", "tcp", "prefix")


def make(dist, kind, tmp_path):
    """A store of each kind, for fastnn's module or PyTorch's."""
    return {"hash": dist.HashStore, "file": lambda: dist.FileStore(str(tmp_path / dist.__name__), 1),
            "tcp": lambda: dist.TCPStore("127.0.0.1", 0, 1, is_master=True),
            "prefix": lambda: dist.PrefixStore("a", dist.PrefixStore("b", dist.HashStore()))}[kind]()


def values_of(store, kind):
    """What a program sees of a store."""
    seen = []
    for name, *arguments in [
            ("set", "a", "1"), ("set", "b", b"x\0y"), ("get", "a"), ("get", "b"), ("num_keys",), ("add", "n", 3),
            ("add", "n", -5), ("get", "n"), ("add", "a", 1), ("check", ["a", "b"]), ("check", ["a", "none"]),
            ("check", []), ("wait", ["a", "n"]), ("compare_set", "c", "", "v"), ("compare_set", "c", "no", "w"),
            ("compare_set", "c", "v", "w"), ("compare_set", "none", "v", "w"), ("check", ["none"]),
            ("append", "d", "x"), ("append", "d", "y"), ("get", "d"), ("multi_set", ["e", "f"], ["5", "6"]),
            ("multi_get", ["f", "e"]), ("delete_key", "e"), ("num_keys",), ("has_extended_api",), ("timeout",)]:
        found = getattr(store, name)
        seen.append(found(*arguments) if callable(found) else found)
    seen.append(sorted(store.list_keys()))
    if kind != "file":
        store.queue_push("q", "1")
        store.queue_push("q", "2")
        seen += [store.queue_len("q"), store.queue_pop("q"), store.queue_pop("q", False), store.queue_len("q")]
    return seen


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
def test_as_in_pytorch(kind, tmp_path):
    torch_dist = pytest.importorskip("torch.distributed", reason="PyTorch is not installed")
    assert values_of(make(dist, kind, tmp_path), kind) == values_of(make(torch_dist, kind, tmp_path), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_come_raises(kind, tmp_path):
    store = make(dist, kind, tmp_path)
    with pytest.raises(dist.DistStoreError, match="wait timeout after 50ms, keys: /.*none"):
        store.wait(["none"], SHORT)
    store.set_timeout(SHORT)
    assert store.timeout == SHORT
    store.set("text", "abc")
    for call in (lambda: store.get("none"), lambda: store.multi_get(["text", "none"]), lambda: store.wait(["none"])):
        with pytest.raises(dist.DistStoreError, match="none"):
            call()
    if kind == "file":
        with pytest.raises(NotImplementedError, match="queue_pop"):
            store.queue_pop("q")
    else:
        with pytest.raises(dist.DistStoreError, match="wait timeout"):
            store.queue_pop("q")
        with pytest.raises(dist.QueueEmptyError, match="empty"):
            store.queue_pop("q", block=False)
    for call, error in [(lambda: store.add("text", 1), ValueError), (lambda: store.set("a", 1), TypeError),
                        (lambda: store.set(1, "a"), TypeError), (lambda: store.add("a", "b"), TypeError),
                        (lambda: store.check("text"), TypeError), (lambda: store.set_timeout(3), TypeError),
                        (lambda: store.multi_set(["a"], []), ValueError), (lambda: pickle.dumps(store), TypeError)]:
        with pytest.raises(error):
            call()
    assert store.get("text") == b"abc"


@pytest.mark.parametrize("kind", KINDS)
def test_threads_wait_for_each_other(kind, tmp_path):
    store = make(dist, kind, tmp_path)
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.clone().get("later")))] + [
        threading.Thread(target=lambda: store.clone().barrier("all", 3)) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    store.set("later", "now")
    store.barrier("all", 3)
    for thread in threads:
        thread.join(20)
    assert found == [b"now"] and not any(thread.is_alive() for thread in threads)


PROGRAM = """
import sys, torch.distributed as dist
kind, where, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = dist.TCPStore("127.0.0.1", int(where), 3) if kind == "tcp" else dist.FileStore(where, 3)
store = dist.PrefixStore("run", store)
store.set(f"rank{rank}", "x" * 100000 * rank)
assert store.add("sum", rank) in (1, 2, 3)
assert store.get("go") == b"yes"
store.add("done", 1)
store.barrier("end", 3)
"""


@pytest.mark.parametrize("kind", ["tcp", "file"])
def test_processes_share_one(kind, tmp_path):
    path, store = str(tmp_path / "store"), None
    if kind == "tcp":
        store = dist.TCPStore("127.0.0.1", 0, 3, is_master=True, wait_for_workers=False)
        where = str(store.port)
    else:
        store, where = dist.FileStore(path, 3), path
    folder = str(Path(fastnn.__path__[0]).parent)
    workers = [subprocess.Popen([sys.executable, "-m", "fastnn", "-c", PROGRAM, kind, where, str(rank)],
                                cwd=tmp_path, env={**os.environ, "PYTHONPATH": folder}) for rank in (1, 2)]
    inner = dist.PrefixStore("run", store)
    assert [len(value) for value in inner.multi_get(["rank1", "rank2"])] == [100000, 200000]
    inner.set("go", "yes")
    inner.barrier("end", 3)
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert (inner.get("sum"), inner.get("done")) == (b"3", b"2")
    assert kind != "tcp" or store.get("init/") == b"3"
    del inner, store
    assert not os.path.exists(path)


def test_no_master_and_too_few_workers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(dist.DistNetworkError, match=f"timed out after 50ms.*{port}"):
            dist.TCPStore("127.0.0.1", port, timeout=SHORT)
        taken.listen()
        with pytest.raises(dist.DistNetworkError, match="EADDRINUSE"):
            dist.TCPStore("127.0.0.1", port, is_master=True)
    with pytest.raises(dist.DistStoreError, match="1/2 clients joined"):
        dist.TCPStore("127.0.0.1", 0, 2, is_master=True, timeout=SHORT)
    with pytest.raises(TypeError, match="timedelta"):
        dist.TCPStore("127.0.0.1", 0, timeout=3)
    with pytest.raises(ValueError, match="port"):
        dist.TCPStore("127.0.0.1", 65536)


def test_the_others_notice_that_the_master_is_gone():
    master = dist.TCPStore("127.0.0.1", 0, is_master=True)
    other, errors = dist.TCPStore("127.0.0.1", master.port), []

    def wait():
        try:
            other.get("never")
        except RuntimeError as error:
            errors.append(error)
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    del master
    thread.join(20)
    assert len(errors) == 1 and isinstance(errors[0], (dist.DistNetworkError, dist.DistStoreError))
    with pytest.raises(dist.DistNetworkError):
        other.set("a", "b")
        other.set("a", "b")


def test_what_is_no_store_is_sent_away():
    store = dist.TCPStore("127.0.0.1", 0, is_master=True)
    with socket.create_connection(("127.0.0.1", store.port), 5) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        stranger.settimeout(10)
        try:
            assert stranger.recv(10) == b""
        except ConnectionResetError:  # bytes were left unread
            pass
    store.set("a", "1")
    assert store.get("a") == b"1"


def test_masters_of_one_process_share():
    first = dist.TCPStore("127.0.0.1", 0, is_master=True, multi_tenant=True)
    second = dist.TCPStore("127.0.0.1", first.port, is_master=True, multi_tenant=True)
    first.set("a", "1")
    assert second.get("a") == b"1"


def test_a_programs_own_store():
    class Own(dist.Store):
        def __init__(self):
            super().__init__()
            self.held = {}

        def set(self, key, value):
            self.held[key] = value

        def get(self, key):
            return self.held[key]

    own = Own()
    prefix = dist.PrefixStore("p", own)
    prefix.set("a", "b")
    assert own.held == {"p/a": b"b"} and prefix.get("a") == b"b" and prefix.underlying_store is own
    with pytest.raises(NotImplementedError, match="add"):
        dist.Store().add("a", 1)
