"""Image data sets and transforms: files, damaged files, the batch path against the item path."""
import gzip
import io
import os
import socket
import threading

import numpy as np
import pytest

import fastnn
from fastnn.utils.data import DataLoader, Subset, random_split
from fastnn.vision import datasets, transforms, utils
from fastnn.vision._pixels import look_up
from fastnn.vision.datasets.idx import read_idx
from fastnn.vision.transforms import functional as F


def idx(array, kind=0x08):
    """The bytes of an IDX file."""
    return bytes([0, 0, kind, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (50, 28, 28), np.uint8), rng.integers(0, 10, 50, np.uint8)


@pytest.fixture
def root(tmp_path, arrays, monkeypatch):
    """A folder with MNIST's files: 50 training images, plain, and 50 test images, compressed."""
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(idx(arrays[0]))
    (raw / "train-labels-idx1-ubyte").write_bytes(idx(arrays[1]))
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(arrays[0][::-1])))
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(arrays[1][::-1])))
    return tmp_path


STANDARD = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])


# ---- IDX ----

@pytest.mark.parametrize(
    "kind, dtype", [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_idx(tmp_path, kind, dtype):
    array = (np.random.default_rng(1).random((3, 4, 5)) * 100).astype(dtype)
    for data in (idx(array, kind), gzip.compress(idx(array, kind))):
        (tmp_path / "x").write_bytes(data)
        found = read_idx(tmp_path / "x")
        np.testing.assert_array_equal(found, array)
        assert found.dtype.isnative and found.flags.writeable


GOOD = idx(np.arange(12, dtype=np.uint8).reshape(3, 4))
DAMAGED = {
    "empty": (b"", "cut off"),
    "three bytes": (GOOD[:3], "cut off"),
    "no sizes": (GOOD[:4], "expected 2 sizes"),
    "half the sizes": (GOOD[:9], "expected 2 sizes"),
    "wrong magic": (b"\1" + GOOD[1:], "not an IDX file"),
    "wrong type": (b"\0\0\7\2" + GOOD[4:], "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0", "1 to 8 dimensions"),
    "many dimensions": (b"\0\0\x08\xff" + bytes(2000), "1 to 8 dimensions"),
    "data cut": (GOOD[:-1], "expected 12 bytes.*got 11"),
    "no data": (GOOD[:12], "expected 12 bytes.*got 0"),
    "data after": (GOOD + b"\0", "got more"),
    "huge sizes": (b"\0\0\x08\3" + b"\xff" * 12, "would take"),
    "large sizes": (b"\0\0\x08\2" + b"\0\x0f\xff\xff" * 2, "would take 1099"),
    "an HTML page": (b"<html>not found</html>", "not an IDX file"),
    "gzip cut": (gzip.compress(GOOD)[:-10], "gzip"),
    "gzip header alone": (b"\x1f\x8b", "gzip"),
    "gzip of rubbish": (b"\x1f\x8b" + bytes(100), "gzip"),
    "gzip with a wrong sum": (gzip.compress(GOOD)[:-8] + bytes(8), "gzip"),
    "gzip of something else": (gzip.compress(b"hello"), "not an IDX file"),
    "gzip bomb": (gzip.compress(GOOD + bytes(1 << 24)), "got more"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_idx(tmp_path, name):
    data, reason = DAMAGED[name]
    (tmp_path / "damaged-file").write_bytes(data)
    with pytest.raises(ValueError, match=f"damaged-file.*{reason}"):
        read_idx(tmp_path / "damaged-file")


# ---- MNIST ----

def test_mnist(root, arrays):
    for train, order in ((True, 1), (False, -1)):
        dataset = datasets.MNIST(root, train=train, transform=STANDARD)
        images, labels = arrays[0][::order], arrays[1][::order]
        assert len(dataset) == 50 and dataset.data.shape == (50, 28, 28) and dataset.data.dtype is fastnn.uint8
        assert dataset.targets.dtype is fastnn.int64 and dataset.targets.tolist() == labels.tolist()
        image, label = dataset[3]
        assert (
            type(label) is int and label == labels[3] and image.shape == (1, 28, 28) and image.dtype is fastnn.float32
        )
        expected = (images[3].astype(np.float32) / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
        np.testing.assert_array_equal(image.numpy()[0], expected)
        assert dataset[-1][1] == labels[-1]
        with pytest.raises(IndexError):
            dataset[50]
    assert datasets.MNIST.classes[7] == "7 - seven" and dataset.class_to_idx["0 - zero"] == 0


def test_repr(root):
    assert repr(datasets.MNIST(str(root), transform=STANDARD)) == f"""\
Dataset MNIST
    Number of datapoints: 50
    Root location: {root}
    Split: Train
    StandardTransform
Transform: Compose(
               ToTensor()
               Normalize(mean=(0.1307,), std=(0.3081,))
           )"""
    assert repr(datasets.MNIST(str(root), train=False)).endswith("    Split: Test")


def test_place_of_the_files(root, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(RuntimeError, match="You can use download=True.*FASTNN_DATA"):
        datasets.MNIST(elsewhere)
    monkeypatch.setenv("FASTNN_DATA", str(root))
    assert len(datasets.MNIST(elsewhere)) == 50
    assert len(datasets.MNIST(elsewhere, download=True)) == 50
    assert not os.listdir(elsewhere)


def test_damaged_mnist(root, arrays):
    raw = root / "MNIST" / "raw"
    for name, data, match in [
            ("train-labels-idx1-ubyte", idx(arrays[1][:49]), "expected 50 uint8 labels"),
            ("train-labels-idx1-ubyte", idx(arrays[1] + 1 + 200), "expected labels below 10"),
            ("train-labels-idx1-ubyte", idx(arrays[1].astype(">i4"), 0x0C), "uint8 labels"),
            ("train-images-idx3-ubyte", idx(arrays[1]), "expected uint8 images"),
            ("train-images-idx3-ubyte", idx(arrays[0])[:-5], "train-images-idx3-ubyte.*expected 39200 bytes")]:
        good = (raw / name).read_bytes()
        (raw / name).write_bytes(data)
        with pytest.raises(ValueError, match=match):
            datasets.MNIST(root)
        (raw / name).write_bytes(good)
    assert len(datasets.MNIST(root)) == 50


def test_changed_data(root):
    """Programs filter .data and .targets."""
    dataset = datasets.MNIST(root, transform=STANDARD)
    dataset.data, dataset.targets = dataset.data[:7], dataset.targets[:7] * 2
    images, labels = next(iter(DataLoader(dataset, 100)))
    assert images.shape == (7, 1, 28, 28) and labels.tolist() == dataset.targets.tolist() and len(dataset) == 7


def test_offline(tmp_path, monkeypatch):
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
    with pytest.raises(RuntimeError, match=f"{url}train-images-idx3-ubyte.gz.*FASTNN_DATA") as caught:
        datasets.MNIST(tmp_path, download=True)
    assert str(tmp_path) in str(caught.value) and isinstance(caught.value, OSError)
    assert not any(files for _, _, files in os.walk(tmp_path))


def test_download(tmp_path, arrays, monkeypatch):
    import hashlib
    from http.server import BaseHTTPRequestHandler, HTTPServer

    files = {name: gzip.compress(idx(array)) for name, array in zip(
        [name for name, _ in datasets.MNIST.resources], [arrays[0], arrays[1]] * 2)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            folder, name = self.path.strip("/").split("/")
            if folder == "missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(files[name] if folder == "good" else b"rubbish")

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.delenv("FASTNN_DATA", raising=False)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(
            datasets.MNIST, "resources", [(name, hashlib.md5(data).hexdigest()) for name, data in files.items()]
        )
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{base}/missing/", f"{base}/bad/"])
        with pytest.raises(RuntimeError, match="404.*MD5"):
            datasets.MNIST(tmp_path, download=True)
        assert os.listdir(tmp_path / "MNIST" / "raw") == []
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{base}/missing/", f"{base}/bad/", f"{base}/good/"])
        np.testing.assert_array_equal(datasets.MNIST(tmp_path, download=True).data.numpy(), arrays[0])
        monkeypatch.setattr(datasets.MNIST, "mirrors", [])
        assert len(datasets.MNIST(tmp_path, download=True)) == 50
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_real_digits():
    folder = os.environ.get("FASTNN_DATA", "")
    if not os.path.isdir(os.path.join(folder, "MNIST", "raw")):
        pytest.skip("FASTNN_DATA has no MNIST")
    for train, counts in ((True, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
                          (False, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])):
        dataset = datasets.MNIST(folder, train=train)
        assert np.bincount(dataset.targets.numpy()).tolist() == counts
        assert dataset.data.shape == (sum(counts), 28, 28)


# ---- the batch path ----

def item_by_item(loader):
    """The same loader, its data set hidden behind one without a batch path."""
    class Hidden:
        def __init__(self, dataset):
            self.dataset = dataset

        def __getitem__(self, index):
            return self.dataset[index]

        def __len__(self):
            return len(self.dataset)

    return lambda dataset, **options: loader(Hidden(dataset), **options)


@pytest.mark.parametrize("transform", [STANDARD, transforms.ToTensor(), transforms.Compose([transforms.ToTensor()]),
                                       transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: x * 2)])])
@pytest.mark.parametrize(
    "options", [dict(batch_size=7), dict(batch_size=50, shuffle=True), dict(batch_size=16, drop_last=True)]
)
def test_batch_path(root, transform, options):
    dataset = datasets.MNIST(root, transform=transform)
    for chosen in (
        dataset,
        Subset(dataset, [4, 2, -1]),
        Subset(dataset, range(5, 30)),
        random_split(dataset, [0.5, 0.5])[1],
    ):
        fastnn.manual_seed(1)
        fast = list(DataLoader(chosen, **options))
        fastnn.manual_seed(1)
        slow = list(item_by_item(DataLoader)(chosen, **options))
        assert len(fast) == len(slow)
        for (a, b), (c, d) in zip(fast, slow):
            np.testing.assert_array_equal(a.numpy(), c.numpy())
            assert b.tolist() == d.tolist() and a.dtype is c.dtype and b.dtype is d.dtype
            assert type(a) is type(c) and a.numpy().flags.c_contiguous


def test_batch_path_is_taken(root):
    dataset = datasets.MNIST(root, transform=STANDARD)
    assert dataset.__getbatch__(slice(0, 5))[0].shape == (5, 1, 28, 28)
    assert datasets.MNIST(root, transform=transforms.Lambda(lambda x: x)).__getbatch__(slice(0, 5)) is None
    assert datasets.MNIST(root, transform=STANDARD, target_transform=float).__getbatch__(slice(0, 5)) is None

    class Louder(transforms.ToTensor):
        def __call__(self, image):
            return super().__call__(image) * 10

    assert datasets.MNIST(root, transform=Louder()).__getbatch__(slice(0, 5)) is None

    class Own(datasets.MNIST):
        def __init__(self):
            self.__dict__.update(dataset.__dict__)

        def __getitem__(self, index):
            return 1, 2

    assert Own().__getbatch__(slice(0, 5)) is None


def test_batch_path_follows_changes(root):
    """A table of the 256 bytes stands for the transforms; it must notice when they change."""
    normalize = transforms.Normalize([0.5], [0.5])
    dataset = datasets.MNIST(root, transform=transforms.Compose([transforms.ToTensor(), normalize]))
    for mean in (0.5, 0.25):
        normalize.mean[0] = mean
        batch = dataset.__getbatch__(slice(0, 9))[0]
        np.testing.assert_array_equal(batch.numpy()[3], dataset[3][0].numpy())
    normalize.mean = [0.1, 0.2]
    with pytest.raises(ValueError, match="does not fit 1 channels"):
        dataset.__getbatch__(slice(0, 9))


def test_look_up_errors():
    table = np.zeros((1, 256), np.float32)
    for images, values in [(np.zeros((2, 3, 3), np.int8), table), (np.zeros((3, 3), np.uint8), table),
                           (np.zeros((2, 3, 6), np.uint8)[..., ::2], table), (np.zeros((2, 3, 3, 2), np.uint8), table),
                           (np.zeros((2, 3, 3), np.uint8), table[:, :255]),
                           (np.zeros((2, 3, 3), np.uint8), table.astype(np.float64))]:
        with pytest.raises(ValueError, match="look_up"):
            look_up(images, values)


def test_cifar(tmp_path, monkeypatch):
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 3, 32, 32), np.uint8), rng.integers(0, 10, 20, np.uint8)
    rows = np.concatenate([labels[:, None], images.reshape(20, -1)], 1)
    for i in range(5):
        (folder / f"data_batch_{i + 1}.bin").write_bytes(rows[4 * i:4 * i + 4].tobytes())
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))])
    dataset = datasets.CIFAR10(tmp_path, transform=transform)
    assert dataset.data.shape == (20, 32, 32, 3) and dataset.targets == labels.tolist()
    np.testing.assert_array_equal(dataset.data.transpose(0, 3, 1, 2), images)
    fast, slow = (list(loader(dataset, batch_size=8)) for loader in (DataLoader, item_by_item(DataLoader)))
    for (a, b), (c, d) in zip(fast, slow):
        np.testing.assert_array_equal(a.numpy(), c.numpy())
        assert b.tolist() == d.tolist() and a.shape[1:] == (3, 32, 32)
    (folder / "data_batch_3.bin").write_bytes(rows[:4].tobytes()[:-1])
    with pytest.raises(ValueError, match="data_batch_3.bin.*rows of 3073 bytes"):
        datasets.CIFAR10(tmp_path)
    with pytest.raises(RuntimeError, match="not found"):
        datasets.CIFAR10(tmp_path, train=False)


def test_fake_data():
    dataset = datasets.FakeData(5, (3, 8, 6), 4, transforms.ToTensor())
    assert dataset[2][0].shape == (3, 8, 6) and 0 <= dataset[2][1] < 4 and len(dataset) == 5
    np.testing.assert_array_equal(dataset[2][0].numpy(), dataset[2][0].numpy())
    with pytest.raises(IndexError):
        dataset[5]


# ---- Pillow ----

def test_pil_images(root):
    image_module = pytest.importorskip("PIL.Image")
    dataset = datasets.MNIST(root)
    image, label = dataset[0]
    assert isinstance(image, image_module.Image) and image.mode == "L" and image.size == (28, 28)
    np.testing.assert_array_equal(np.array(image), dataset.data[0].numpy())
    np.testing.assert_array_equal(
        transforms.ToTensor()(image).numpy(), transforms.ToTensor()(dataset.data[0].numpy()).numpy()
    )
    assert datasets.MNIST(root, transform=lambda image: image.size)[0][0] == (28, 28)
    with pytest.raises(TypeError, match="default_collate"):
        next(iter(DataLoader(dataset)))


def test_without_pillow(root, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image", raising=False)
    assert datasets.MNIST(root, transform=STANDARD)[0][0].shape == (1, 28, 28)
    with pytest.raises(ImportError, match="Pillow.*ToTensor"):
        datasets.MNIST(root)[0]


# ---- transforms ----

def test_reprs():
    assert repr(STANDARD) == "Compose(\n    ToTensor()\n    Normalize(mean=(0.1307,), std=(0.3081,))\n)"
    for transform, text in [
        (transforms.Lambda(abs), "Lambda()"),
        (transforms.PILToTensor(), "PILToTensor()"),
        (transforms.Resize(32), "Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)"),
        (transforms.CenterCrop(24), "CenterCrop(size=(24, 24))"),
        (transforms.Pad(2), "Pad(padding=2, fill=0, padding_mode=constant)"),
        (transforms.RandomCrop(28, padding=4), "RandomCrop(size=(28, 28), padding=4)"),
        (transforms.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
        (
            transforms.RandomRotation(10),
            "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)",
        ),
        (transforms.Grayscale(), "Grayscale(num_output_channels=1)"),
        (transforms.ToPILImage(), "ToPILImage()"),
    ]:
        assert repr(transform) == text


def test_to_tensor():
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    x = F.to_tensor(colour)
    assert x.shape == (3, 4, 5) and x.dtype is fastnn.float32
    np.testing.assert_array_equal(x.numpy(), (colour / np.float32(255)).transpose(2, 0, 1).astype(np.float32))
    for array in (colour.astype("int32"), colour.astype("float64"), colour.astype("float32")):
        np.testing.assert_array_equal(F.to_tensor(array).numpy(), array.transpose(2, 0, 1))
        assert F.to_tensor(array).numpy().dtype == array.dtype and not np.shares_memory(
            F.to_tensor(array).numpy(), array
        )
    for bad, error in (
        (np.ones(3), ValueError),
        (np.ones((1, 1, 1, 1)), ValueError),
        ([[1]], TypeError),
        (fastnn.ones(2, 2), TypeError),
    ):
        with pytest.raises(error, match="pic should be"):
            F.to_tensor(bad)


def test_normalize():
    x = fastnn.rand(2, 3, 4, 5)
    y = F.normalize(x, [0.1, 0.2, 0.3], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(y.numpy()[:, 1], (x.numpy()[:, 1] - 0.2) / 2, rtol=1e-6)
    assert F.normalize(x, [0.1], [1.0], inplace=True) is x
    for call, error in [
        (lambda: F.normalize(x, [1, 2], [1, 2]), ValueError),
        (lambda: F.normalize(x, [0.1], [0.0]), ValueError),
        (lambda: F.normalize(np.ones((1, 2, 2)), [0], [1]), TypeError),
        (lambda: F.normalize(x.long(), [0], [1]), TypeError),
        (lambda: F.normalize(fastnn.ones(2, 2), [0], [1]), ValueError),
    ]:
        with pytest.raises(error):
            call()


def test_geometry():
    x = fastnn.arange(24).float().reshape(1, 4, 6)
    np.testing.assert_array_equal(F.hflip(x).numpy(), x.numpy()[..., ::-1])
    np.testing.assert_array_equal(F.vflip(x).numpy(), x.numpy()[:, ::-1])
    np.testing.assert_array_equal(F.center_crop(x, 2).numpy(), x.numpy()[:, 1:3, 2:4])
    assert F.center_crop(x, (6, 8)).shape == (1, 6, 8) and F.center_crop(x, (5, 3)).shape == (1, 5, 3)
    np.testing.assert_array_equal(F.crop(x, -1, -1, 3, 3).numpy()[:, 1:, 1:], x.numpy()[:, :2, :2])
    np.testing.assert_array_equal(
        F.pad(x, [1, 2, 3, 4], 9).numpy(), np.pad(x.numpy(), [(0, 0), (2, 4), (1, 3)], constant_values=9)
    )
    np.testing.assert_array_equal(F.pad(x, -1).numpy(), x.numpy()[:, 1:-1, 1:-1])
    for mode in ("edge", "reflect", "symmetric"):
        np.testing.assert_array_equal(
            F.pad(x, [1, 2], padding_mode=mode).numpy(), np.pad(x.numpy(), [(0, 0), (2, 2), (1, 1)], mode)
        )
    np.testing.assert_array_equal(F.rotate(x, 180).numpy(), x.numpy()[:, ::-1, ::-1])
    np.testing.assert_array_equal(F.rotate(x, 90, expand=True).numpy(), np.rot90(x.numpy(), 1, (1, 2)))
    np.testing.assert_allclose(F.rotate(x, 360, F.InterpolationMode.BILINEAR).numpy(), x.numpy())
    for call in (
        lambda: F.pad(x, [1, 2, 3]),
        lambda: F.pad(x, 1, padding_mode="no"),
        lambda: F.crop(3, 0, 0, 1, 1),
        lambda: F.resize(x, 0),
        lambda: F.resize(x, 4, max_size=3),
    ):
        with pytest.raises((ValueError, TypeError)):
            call()


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "nearest-exact"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(9, 9), (4, 5), (16, 20), (17, 3)])
def test_resize_against_torch(mode, antialias, size):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).random((2, 3, 10, 12), np.float32)
    smooth = mode in ("bilinear", "bicubic")
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), size, mode=mode, antialias=antialias and smooth,
                                               **({"align_corners": False} if smooth else {})).numpy()
    got = F.resize(fastnn.from_numpy(x), size, F.InterpolationMode(mode), antialias=antialias).numpy()
    np.testing.assert_allclose(got, expected, atol=2e-6)


def test_resize_sizes():
    x = fastnn.ones(1, 10, 20)
    assert (
        F.resize(x, 5).shape == (1, 5, 10)
        and F.resize(x, [5]).shape == (1, 5, 10)
        and F.resize(x, 5, max_size=8).shape == (1, 4, 8)
    )
    pytest.importorskip("PIL")
    image = F.to_pil_image(np.zeros((10, 20), np.uint8))
    assert F.resize(image, 5).size == (10, 5)


def test_conversions():
    x = fastnn.tensor([0, 128, 255], dtype=fastnn.uint8)
    assert F.convert_image_dtype(x, fastnn.float32).tolist() == pytest.approx([0, 128 / 255, 1])
    assert F.convert_image_dtype(F.convert_image_dtype(x, fastnn.float32), fastnn.uint8).tolist() == [0, 128, 255]
    assert F.convert_image_dtype(x, fastnn.int16).tolist() == [0, 128 * 128, 255 * 128]
    with pytest.raises(RuntimeError, match="safely"):
        F.convert_image_dtype(fastnn.ones(1), fastnn.int32)
    pytest.importorskip("PIL")
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    image = F.to_pil_image(F.to_tensor(colour))
    np.testing.assert_array_equal(np.array(image), colour)
    np.testing.assert_array_equal(F.pil_to_tensor(image).numpy(), colour.transpose(2, 0, 1))
    assert transforms.Grayscale()(image).mode == "L" and F.rgb_to_grayscale(F.to_tensor(colour)).shape == (1, 4, 5)


def test_random_transforms():
    x = fastnn.arange(100).float().reshape(1, 10, 10)
    for transform in (transforms.RandomCrop(8), transforms.RandomCrop(10, padding=2), transforms.RandomHorizontalFlip(),
                      transforms.RandomVerticalFlip(), transforms.RandomRotation(30), transforms.RandomApply([F.hflip]),
                      transforms.RandomChoice([F.hflip, F.vflip])):
        seen = set()
        for seed in range(20):
            fastnn.manual_seed(seed)
            first = transform(x)
            fastnn.manual_seed(seed)
            np.testing.assert_array_equal(transform(x).numpy(), first.numpy())
            seen.add(first.numpy().tobytes())
        assert len(seen) > 1
    with pytest.raises(ValueError, match="larger than input"):
        transforms.RandomCrop(11)(x)
    assert transforms.RandomCrop(12, pad_if_needed=True)(x).shape == (1, 12, 12)


# ---- pictures ----

def test_make_grid():
    x = fastnn.rand(5, 1, 4, 6)
    grid = utils.make_grid(x, nrow=3, padding=1, pad_value=0.5)
    assert grid.shape == (3, 11, 22)
    np.testing.assert_array_equal(grid.numpy()[0, 1:5, 1:7], x.numpy()[0, 0])
    np.testing.assert_array_equal(grid.numpy()[2, 6:10, 8:14], x.numpy()[4, 0])
    assert (grid.numpy()[:, 0] == 0.5).all()
    assert utils.make_grid(x[0]).shape == (3, 4, 6) and utils.make_grid([x[0], x[1]], padding=0).shape == (3, 4, 12)
    normal = utils.make_grid(x * 10 - 3, normalize=True, padding=0).numpy()
    assert normal.min() == 0 and normal.max() == 1
    with pytest.raises(TypeError):
        utils.make_grid([1, 2])


def test_save_image(tmp_path):
    x = fastnn.rand(3, 3, 4, 5)
    utils.save_image(x, tmp_path / "x.png", nrow=2)
    buffer = io.BytesIO()
    utils.save_image(x, buffer, nrow=2)
    assert buffer.getvalue() == (tmp_path / "x.png").read_bytes()
    image_module = pytest.importorskip("PIL.Image")
    expected = (utils.make_grid(x, nrow=2).numpy() * 255 + 0.5).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    with image_module.open(tmp_path / "x.png") as image:
        np.testing.assert_array_equal(np.array(image), expected)
    utils.save_image(x, tmp_path / "x.jpg")
    with image_module.open(tmp_path / "x.jpg") as image:
        assert image.size == (23, 8)


def test_names_of_older_programs(root):
    dataset = datasets.MNIST(str(root))
    with pytest.warns(UserWarning, match="renamed data"):
        assert dataset.train_data is dataset.data
    with pytest.warns(UserWarning, match="renamed targets"):
        assert dataset.test_labels is dataset.targets
