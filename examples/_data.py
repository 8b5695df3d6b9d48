"""Data that several examples read: digits, clothes, messages."""
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastnn.vision.datasets.idx import read_idx

CLOTHES = ("/usr/share/datasets/fashion-mnist",)  # where Debian's package dataset-fashion-mnist puts them


class Images(NamedTuple):
    """Grey images from 0 to 1 and their labels; the first ones to learn from, the others to test."""

    source: str
    train: tuple  # (images (n, side, side) float32, labels (n,) int64)
    test: tuple


def _scaled(images, labels):
    return images.astype(np.float32) / np.float32(images.max()), labels.astype(np.int64)


def _idx(folder):
    """The four files of MNIST's format in a folder, compressed or not."""
    def read(name):
        return read_idx(next(path for path in (folder / f"{name}.gz", folder / name) if path.is_file()))
    try:
        return [_scaled(read(f"{part}-images-idx3-ubyte"), read(f"{part}-labels-idx1-ubyte"))
                for part in ("train", "t10k")]
    except StopIteration:
        raise SystemExit(f"expected {{train,t10k}}-{{images-idx3,labels-idx1}}-ubyte.gz in {folder}") from None


def digits(root=None, seed=0):
    """MNIST in root/MNIST/raw or FASTNN_DATA, else scikit-learn's 1,797 digits of 8 x 8 pixels."""
    folder = Path(root or os.environ.get("FASTNN_DATA") or "nowhere") / "MNIST" / "raw"
    if root or folder.is_dir():
        return Images("MNIST", *_idx(folder))
    from sklearn.datasets import load_digits
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = _scaled(images[order].reshape(-1, 8, 8), labels[order])
    return Images("scikit-learn's digits", (images[:1300], labels[:1300]), (images[1300:], labels[1300:]))


def clothes(folder=None):
    """Fashion-MNIST in a folder of IDX files, in FASTNN_DATA/FashionMNIST/raw, or where Debian's package puts it."""
    data = os.environ.get("FASTNN_DATA")
    for place in ([folder] if folder else [*([Path(data) / "FashionMNIST" / "raw"] if data else []), *CLOTHES]):
        if folder or Path(place).is_dir():
            return Images("Fashion-MNIST", *_idx(Path(place)))
    raise SystemExit("no Fashion-MNIST: install Debian's package dataset-fashion-mnist, or name a folder of its files")


def messages(path=None):
    """Texts and whether they are spam, of lines 'ham<TAB>text' or 'spam<TAB>text' (UCI's SMS Spam Collection)."""
    if not path and os.environ.get("FASTNN_DATA"):
        path = Path(os.environ["FASTNN_DATA"]) / "sms_spam" / "sms.tsv"
    if not path or not Path(path).is_file():
        raise SystemExit("no messages: name a file of lines 'ham<TAB>text' or 'spam<TAB>text', or have "
                         "sms_spam/sms.tsv in the folder FASTNN_DATA")
    rows = [line.split("\t", 1) for line in Path(path).read_text(encoding="utf-8").splitlines() if "\t" in line]
    return [text for _, text in rows], np.array([label == "spam" for label, _ in rows])


def spread(scores):
    """Mean and standard deviation of accuracies, as text."""
    return f"{np.mean(scores):.1%} +- {np.std(scores):.1%}"
