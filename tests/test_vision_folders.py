"""Data sets in folders and files of others: ImageFolder, EMNIST, SVHN, STL10, against torchvision where it is there."""
import gzip
import io
import os
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from test_vision import idx

import fastnn
from fastnn.utils.data import DataLoader
from fastnn.vision import datasets, transforms
from fastnn.vision.datasets import folder, mnist, stl10

try:
    import torchvision.datasets as theirs
except (ImportError, RuntimeError):  # RuntimeError: torchvision's build fits another PyTorch
    theirs = None
NEEDS_TORCHVISION = pytest.mark.skipif(theirs is None, reason="torchvision is not installed")
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_other_folder(monkeypatch):
    monkeypatch.delenv("FASTNN_DATA", raising=False)


# ---- folders ----

@pytest.fixture
def photographs(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    for i, name in enumerate(["dog/b.png", "dog/deep/a.PNG", "cat/x.bmp", "cat/notes.txt", "ant/1.png", "ant/0.jpeg"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("txt"):
            path.write_text("no image")
        else:
            Image.fromarray(RNG.integers(0, 256, (4, 5, 3) if i % 2 == 0 else (4, 5), np.uint8)).save(path)
    return tmp_path


def test_image_folder(photographs):
    data = datasets.ImageFolder(str(photographs), transforms.ToTensor(), lambda label: label + 10)
    assert data.classes == ["ant", "cat", "dog"] and data.class_to_idx == {"ant": 0, "cat": 1, "dog": 2}
    assert [os.path.basename(path) for path, _ in data.imgs] == ["0.jpeg", "1.png", "x.bmp", "b.png", "a.PNG"]
    assert data.targets == [0, 0, 1, 2, 2] and len(data) == 5
    image, label = data[3]
    assert image.shape == (3, 4, 5) and label == 12
    images, labels = next(iter(DataLoader(data, batch_size=5)))
    assert images.shape == (5, 3, 4, 5) and labels.tolist() == [10, 10, 11, 12, 12]
    assert "Number of datapoints: 5" in repr(data)


@NEEDS_TORCHVISION
@pytest.mark.parametrize("options", [{}, {"is_valid_file": lambda path: "b" in os.path.basename(path)},
                                     {"loader": os.path.getsize}])
def test_image_folder_as_torchvision(photographs, options):
    options = {**options, "allow_empty": True}
    mine, other = (library.ImageFolder(photographs, **options) for library in (datasets, theirs))
    assert mine.samples == other.samples and mine.classes == other.classes and mine.targets == other.targets
    for (a, i), (b, j) in zip(mine, other):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        assert i == j


def test_folders_that_do_not_fit(photographs, monkeypatch):
    with pytest.raises(FileNotFoundError, match="any class folder"):
        datasets.ImageFolder(photographs / "cat")
    (photographs / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the classes empty.*jpg"):
        datasets.ImageFolder(photographs)
    assert len(datasets.ImageFolder(photographs, allow_empty=True).classes) == 4
    with pytest.raises(ValueError, match="extensions and is_valid_file"):
        datasets.DatasetFolder(photographs, np.load)
    with pytest.raises(ValueError, match="at least one entry"):
        folder.make_dataset(photographs, {}, ".png")
    with pytest.raises(ValueError, match="class_to_idx"):
        datasets.DatasetFolder.make_dataset(photographs, None, ".png")
    data = datasets.ImageFolder(photographs, allow_empty=True)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install Pillow"):
        data[0]


# ---- EMNIST ----

def emnist_files(split, labels):
    images = RNG.integers(0, 256, (len(labels), 28, 28), np.uint8)
    for part in ("train", "test"):
        yield f"emnist-{split}-{part}-images-idx3-ubyte", idx(images)
        yield f"emnist-{split}-{part}-labels-idx1-ubyte", idx(np.array(labels, np.uint8))
        images = images[::-1].copy()


@pytest.mark.parametrize("split", datasets.EMNIST.splits)
def test_emnist(tmp_path, split):
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, data in emnist_files(split, [1, 9, 3]):
        (raw / name).write_bytes(data)
    mine = datasets.EMNIST(tmp_path, split, train=False)
    assert mine.targets.tolist() == [1, 9, 3] and mine.data.shape == (3, 28, 28)
    if theirs is not None:
        other = theirs.EMNIST(tmp_path, split, train=False)
        assert mine.classes == other.classes and mine.class_to_idx == other.class_to_idx
        np.testing.assert_array_equal(mine.data.numpy(), other.data.numpy())
        assert mine[1][1] == other[1][1] and repr(mine) == repr(other)


def test_emnist_archive(tmp_path, monkeypatch):
    def fetch(name, urls, path, md5):
        os.makedirs(os.path.dirname(path))
        assert urls == [datasets.EMNIST.url] and md5 == datasets.EMNIST.md5
        with zipfile.ZipFile(path, "w") as file:
            for part, data in emnist_files("digits", [0, 1]):
                file.writestr(f"gzip/{part}.gz", gzip.compress(data))

    monkeypatch.setattr(mnist, "download", fetch)
    data = datasets.EMNIST(tmp_path, "digits", download=True, transform=transforms.ToTensor())
    assert data[1][0].shape == (1, 28, 28) and data[1][1] == 1
    with pytest.raises(ValueError, match="damaged.*emnist-letters"):
        datasets.EMNIST(tmp_path, "letters", download=True)
    with pytest.raises(ValueError, match="Unknown value 'all'.*byclass"):
        datasets.EMNIST(tmp_path, "all")
    with pytest.raises(RuntimeError, match="EMNIST: Dataset not found"):
        datasets.EMNIST(tmp_path, "letters")


# ---- SVHN ----

def test_svhn(tmp_path, monkeypatch):
    matlab = pytest.importorskip("scipy.io")
    images = RNG.integers(0, 256, (32, 32, 3, 4), np.uint8)
    matlab.savemat(tmp_path / "test_32x32.mat", {"X": images, "y": np.array([[10], [1], [9], [10]], np.uint8)})
    mine = datasets.SVHN(tmp_path, "test", transform=transforms.ToTensor())
    assert mine.labels.tolist() == [0, 1, 9, 0] and mine.labels.dtype == np.int64
    np.testing.assert_array_equal(mine.data, images.transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(mine[2][0].numpy(), images[..., 2].transpose(2, 0, 1) / np.float32(255))
    batch, labels = next(iter(DataLoader(mine, batch_size=4)))  # in one step
    assert fastnn.equal(batch[2], mine[2][0]) and labels.tolist() == [0, 1, 9, 0]
    if theirs is not None:
        monkeypatch.setitem(theirs.SVHN.split_list, "test", ["", "test_32x32.mat", None])
        other = theirs.SVHN(tmp_path, "test")
        np.testing.assert_array_equal(mine.data, other.data)
        np.testing.assert_array_equal(mine.labels, other.labels)
    with pytest.raises(RuntimeError, match="train_32x32.mat"):
        datasets.SVHN(tmp_path)
    with pytest.raises(ValueError, match="Unknown value 'valid'"):
        datasets.SVHN(tmp_path, "valid")


@pytest.mark.parametrize("content, words", [(b"no file of MATLAB at all", "MATLAB"), ({"y": [1]}, "'X'"),
                                            ({"X": np.zeros((2, 2)), "y": [1]}, "expected X of uint8"),
                                            ({"X": np.zeros((2, 2, 3, 2), np.uint8), "y": [1]}, "N numbers")])
def test_damaged_svhn(tmp_path, content, words):
    matlab = pytest.importorskip("scipy.io")
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(content) if isinstance(content, bytes) else matlab.savemat(path, content)
    with pytest.raises(ValueError, match=words):
        datasets.SVHN(tmp_path)


def test_svhn_without_scipy(tmp_path, monkeypatch):
    (tmp_path / "train_32x32.mat").touch()
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        datasets.SVHN(tmp_path)


# ---- STL10 ----

def stl10_files():
    image = 3 * 96 * 96
    return {"train_X.bin": RNG.integers(0, 256, 5 * image, np.uint8), "train_y.bin": np.uint8([1, 10, 3, 4, 5]),
            "test_X.bin": RNG.integers(0, 256, 2 * image, np.uint8), "test_y.bin": np.uint8([7, 2]),
            "unlabeled_X.bin": RNG.integers(0, 256, 3 * image, np.uint8),
            "class_names.txt": np.frombuffer(b"airplane\nbird\n", np.uint8),
            "fold_indices.txt": np.frombuffer(b"0 2 \n4 3 1 \n" + b"0\n" * 8, np.uint8)}


@pytest.mark.parametrize("split, folds, labels", [
    ("train", None, [0, 9, 2, 3, 4]), ("train", 1, [4, 3, 9]), ("test", None, [6, 1]),
    ("unlabeled", None, [-1, -1, -1]), ("train+unlabeled", 0, [0, 2, -1, -1, -1])])
def test_stl10(tmp_path, monkeypatch, split, folds, labels):
    (tmp_path / "stl10_binary").mkdir()
    for name, data in stl10_files().items():
        (tmp_path / "stl10_binary" / name).write_bytes(data.tobytes())
    mine = datasets.STL10(tmp_path, split, folds)
    assert mine.labels.tolist() == labels and mine.classes == ["airplane", "bird"]
    images, found = next(iter(DataLoader(datasets.STL10(tmp_path, split, folds, transforms.ToTensor()), batch_size=9)))
    assert found.tolist() == labels and images.shape == (len(labels), 3, 96, 96)
    if theirs is not None:
        monkeypatch.setattr(theirs.STL10, "train_list", [[name, None] for name, _ in theirs.STL10.train_list])
        monkeypatch.setattr(theirs.STL10, "test_list", [[name, None] for name, _ in theirs.STL10.test_list])
        other = theirs.STL10(tmp_path, split, folds)
        np.testing.assert_array_equal(mine.data, other.data)
        np.testing.assert_array_equal(mine.labels, other.labels)
        np.testing.assert_array_equal(np.asarray(mine[1][0]), np.asarray(other[1][0]))
        assert repr(mine) == repr(other)


def test_stl10_archive_and_damage(tmp_path, monkeypatch):
    files = stl10_files()

    def fetch(name, urls, path, md5):
        with tarfile.open(path, "w:gz") as tar:
            for part, data in files.items():
                member = tarfile.TarInfo(f"stl10_binary/{part}")
                member.size = data.nbytes
                tar.addfile(member, io.BytesIO(data.tobytes()))

    monkeypatch.setattr(stl10, "download", fetch)
    assert len(datasets.STL10(tmp_path, download=True)) == 5
    folder = tmp_path / "stl10_binary"
    for name, data, words in [("fold_indices.txt", b"1 2 a", "ten lines"), ("fold_indices.txt", b"1 5", "of 5 images"),
                              ("fold_indices.txt", b"", "ten lines"), ("train_y.bin", b"\1\2", "expected 5 labels"),
                              ("train_y.bin", b"\1\2\3\4\0", "from 0 to 4"), ("train_X.bin", b"abc", "got 3 bytes")]:
        (folder / name).write_bytes(data)
        with pytest.raises(ValueError, match=words):
            datasets.STL10(tmp_path, folds=0)
    for folds in (10, -1, "a"):
        with pytest.raises(ValueError, match="folds"):
            datasets.STL10(tmp_path, folds=folds)
    del files["unlabeled_X.bin"]
    with pytest.raises(ValueError, match="damaged.*unlabeled"):
        datasets.STL10(tmp_path / "other", download=(tmp_path / "other").mkdir() is None)
    with pytest.raises(RuntimeError, match="STL10: Dataset not found"):
        datasets.STL10(tmp_path / "none")
