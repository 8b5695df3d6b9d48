"""Writing files: whole or not at all, into whatever takes bytes, and nothing stays of those who were killed."""
import contextlib
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.serialization import load, load_file, save, save_file
from fastnn.serialization.files import replacing
from fastnn.vision.datasets import CIFAR10
from fastnn.vision.utils import save_image

ROOT = Path(__file__).resolve().parent.parent
STATE = {"x": np.arange(5.0)}
HANGS = """
import sys, time
from fastnn.serialization.files import replacing
with replacing(sys.argv[1], "save") as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(1000)
"""


@contextlib.contextmanager
def saver_in_the_middle(path):
    """Meanwhile a process has begun to save; then it is killed."""
    with subprocess.Popen([sys.executable, "-c", HANGS, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout.readline() == b"writing\n"
        yield
        process.kill()


def writers():
    image = fastnn.rand(3, 4, 5)
    yield "save", lambda path: save(STATE, path)
    yield "save_file", lambda path: save_file(STATE, path)
    yield "save_image", lambda path: save_image(image, path)


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in writers()])
@pytest.mark.parametrize("name", ["x.png", "\N{SNOWMAN}" * 83 + ".png", "x" * 251 + ".png"],
                         ids=["short", "wide", "long"])
def test_what_a_killed_process_left_goes_with_the_next_save(tmp_path, write, name):
    path = tmp_path / name
    for _ in range(2):
        with saver_in_the_middle(path):
            pass
    (tmp_path / ".other.0123456789ab.tmp").write_bytes(b"another file's")
    left = set(os.listdir(tmp_path))
    assert len(left) > 1 and name not in left
    write(path)
    assert set(os.listdir(tmp_path)) == {name, ".other.0123456789ab.tmp"}


def test_a_living_process_keeps_its_file(tmp_path):
    path = tmp_path / "x"
    with saver_in_the_middle(path):
        before = os.listdir(tmp_path)
        with replacing(path, "save") as file:
            save(STATE, path)
            assert sorted([*before, Path(file.name).name, "x"]) == sorted(os.listdir(tmp_path))
    save(STATE, path)
    assert os.listdir(tmp_path) == ["x"]


def test_savers_of_one_name_at_once(tmp_path):
    states = [{"x": np.full(1000, float(i))} for i in range(4)]
    threads = [threading.Thread(target=lambda state=state: [save(state, tmp_path / "x") for _ in range(20)])
               for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["x"]
    found = load(tmp_path / "x")["x"]
    assert found.shape == (1000,) and (found == found[0]).all()


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in writers()])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, write):
    path = tmp_path / "x.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write(path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x.png"]


class Taking(io.RawIOBase):
    """A file that takes `count` bytes at a time, or says so."""

    def __init__(self, count):
        self.count, self.data = count, b""

    def writable(self):
        return True

    def write(self, data):
        if isinstance(self.count, int) and self.count > 0:
            self.data += bytes(data)[:self.count]
        return min(self.count, len(data)) if type(self.count) is int and self.count < 1 << 60 else self.count


class Silent:
    """A file-like object whose `write` returns nothing: it takes all."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in writers()])
def test_files_that_take_little(write):
    whole = io.BytesIO()
    write(whole)
    for file in (Taking(1), Taking(7), Silent()):
        write(file)
        assert file.data == whole.getvalue()
    for answer in (0, None, -1, 1 << 60, "all", 2.0):
        with pytest.raises(OSError, match=r"the file took .* of \d+ bytes"):
            write(Taking(answer))


def test_pictures_of_other_formats_are_whole_too(tmp_path):
    pytest.importorskip("PIL")
    image = fastnn.rand(3, 4, 5)
    for name in ("x.jpg", "x.bmp", "x.png"):
        save_image(image, tmp_path / name)
    save_image(image, tmp_path / "y", format="PNG")
    buffer = io.BytesIO()
    save_image(image, buffer, format="jpeg")
    assert buffer.getvalue() == (tmp_path / "x.jpg").read_bytes()
    assert (tmp_path / "y").read_bytes() == (tmp_path / "x.png").read_bytes()
    with pytest.raises(ValueError, match="unknown file extension: .xyz"):
        save_image(image, tmp_path / "x.xyz")
    assert sorted(os.listdir(tmp_path)) == ["x.bmp", "x.jpg", "x.png", "y"]


def test_headers_of_any_length(tmp_path):
    """The first bytes of a file are a length, which may look like the beginning of a pickle or an archive."""
    begun = set()
    for length in range(0, 1500, 8):
        save_file(STATE, tmp_path / "x", {"a": "b" * length})
        assert list(load_file(tmp_path / "x")) == list(load(tmp_path / "x")) == ["x"]
        begun.add((tmp_path / "x").read_bytes()[:2])
    assert {b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"} <= begun


def test_a_damaged_archive_of_cifar_is_named(tmp_path):
    (tmp_path / "cifar.tar.gz").write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(ValueError, match=r"cifar\.tar\.gz: damaged"):
        CIFAR10._unpack(CIFAR10, tmp_path / "cifar.tar.gz", tmp_path)
