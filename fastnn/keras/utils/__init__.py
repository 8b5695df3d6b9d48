"""Helpers, as ``keras.utils``."""
import numpy as np

from fastnn.training.progress import Progbar


def set_random_seed(seed):
    """Seed Python's, NumPy's and fastnn's generators."""
    import random

    import fastnn
    if not isinstance(seed, int):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed)})")
    random.seed(seed)
    np.random.seed(seed)
    fastnn.manual_seed(seed)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows."""
    x = np.asarray(x, dtype="int64")
    shape = x.shape
    if shape and shape[-1] == 1 and len(shape) > 1:
        shape = shape[:-1]
    x = x.reshape(-1)
    if not num_classes:
        num_classes = int(x.max()) + 1
    made = np.zeros((len(x), num_classes))
    made[np.arange(len(x)), x] = 1
    return made.reshape(*shape, num_classes)
