"""Handwritten digits that are at hand: MNIST's if its files are there, else scikit-learn's."""
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fastnn.vision import datasets


class Digits(NamedTuple):
    """Images as rows of pixels from -1 to 1, the range of tanh; the first `known` rows are there to learn from."""

    source: str
    images: np.ndarray  # (rows, side * side) float32
    labels: np.ndarray  # (rows,) int64
    known: int
    epochs: int         # enough for this set

    @property
    def side(self):
        return round(self.images.shape[1] ** 0.5)


def load_digits(root=None, seed=0):
    """MNIST from `root` or the folder FASTNN_DATA, else scikit-learn's 1,797 digits of 8 x 8 pixels, in random order.

    A `root` without MNIST is an error (FileNotFoundError); FASTNN_DATA without MNIST is not.
    """
    folder = root or os.environ.get("FASTNN_DATA")
    if folder and (Path(folder) / "MNIST" / "raw").is_dir():
        return _mnist(folder)
    if root:
        raise FileNotFoundError(f"load_digits: expected the IDX files of MNIST in {Path(folder) / 'MNIST' / 'raw'}")
    from sklearn.datasets import load_digits as load
    images, labels = load(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    return Digits("scikit-learn's digits", (images[order] / 8 - 1).astype(np.float32), labels[order].astype(np.int64),
                  known=len(images) * 4 // 5, epochs=300)


def _mnist(folder):
    parts = [datasets.MNIST(root=folder, train=train) for train in (True, False)]
    images = np.concatenate([part.data.numpy() for part in parts]).reshape(-1, 28 * 28)
    labels = np.concatenate([part.targets.numpy() for part in parts])
    return Digits("MNIST", images.astype(np.float32) / 127.5 - 1, labels, known=len(parts[0]), epochs=20)
