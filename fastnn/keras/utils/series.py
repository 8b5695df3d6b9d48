"""Data sets in two parts, and windows over series."""
import random

import numpy as np

from fastnn.keras import config
from fastnn.keras.utils.pipeline import Dataset
from fastnn.keras.variables import array_of, convert
from fastnn.utils import data


def _sizes(left, right, total):
    """Rows of both parts."""
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and type(size) not in (int, float):
            raise TypeError(f"Invalid `{name}` Type. Expected: int or float or None, Received: "
                            f"type({name})={type(size)}.")
    if left == 0 and right == 0:
        raise ValueError("Both `left_size` and `right_size` are zero. At least one of the split sizes must be "
                         "non-zero.")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and not 0 < size < (total if type(size) is int else 1):
            raise ValueError(f"`{name}` should be either a positive integer smaller than {total}, or a float within "
                             f"the range `[0, 1]`. Received: {name}={size}")
    if type(left) is type(right) is float and left + right > 1:
        raise ValueError("The sum of `left_size` and `right_size` is greater than 1. It must be less than or equal to "
                         "1.")
    left, right = (round(size * total) if type(size) is float else size for size in (left, right))
    left, right = total - right if left is None else left, total - left if right is None else right
    if left + right > total:
        raise ValueError(f"The sum of `left_size` and `right_size` should be smaller than the {total}. Received: "
                         f"left_size + right_size = {left + right} and total_length = {total}")
    for side, size in (("left", left), ("right", right)):
        if not size:
            raise ValueError(f"With `dataset` of length={total}, `left_size`={left} and `right_size`={right}. "
                             f"Resulting {side} side dataset split will be empty. Adjust any of the aforementioned "
                             f"parameters")
    return left, right


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """A data set in two parts: the first rows, and the last.

    Parameters
    ----------
    dataset : array, list or tuple of arrays, Dataset, or a data set of ``fastnn.utils.data``
    left_size, right_size : int or float, optional
        Rows, or the share of them; one of them may be left out.
    shuffle, seed
        Mix the rows before.
    preferred_backend : str, optional
        ``"torch"``: parts are `Subset` of ``fastnn.utils.data``.

    Returns
    -------
    pair of Dataset
        Batched as `dataset` was; pair of `Subset` for a data set of ``fastnn.utils.data``.

    Raises
    ------
    TypeError, ValueError
        No size, one that is out of range, or another kind of data set.
    """
    own, pipeline = isinstance(dataset, data.Dataset), isinstance(dataset, Dataset)
    if not own and not pipeline and not isinstance(dataset, (list, tuple, np.ndarray)):
        raise TypeError(f"Unsupported dataset type: {type(dataset)}")
    if left_size is None and right_size is None:
        raise ValueError("At least one of the `left_size` or `right_size` must be specified. Received: left_size=None "
                         "and right_size=None")
    if isinstance(dataset, (list, tuple)):
        for i, array in enumerate(dataset):
            if not isinstance(array, np.ndarray):
                raise ValueError(f"Expected a {type(dataset).__name__} of `numpy.ndarray` objects, Received: "
                                 f"{type(array)} at index {i}.")
            if len(array) != len(dataset[0]):
                raise ValueError(f"Received a {type(dataset).__name__} of NumPy arrays with different lengths. "
                                 f"Mismatch found at index {i}, Expected shape={dataset[0].shape} Received "
                                 f"shape={array.shape}. Please provide NumPy arrays of the same length.")
    batch_size = dataset.batch_size if pipeline else None
    rows = list(dataset.unbatch() if batch_size else dataset) if pipeline else dataset
    count = len(rows) if own or pipeline or isinstance(rows, np.ndarray) else len(rows[0]) if rows else 0
    if not count:
        raise ValueError("Received an empty dataset. Argument `dataset` must be a non-empty list/tuple of "
                         "`numpy.ndarray` objects or `tf.data.Dataset` objects.")
    left, right = _sizes(left_size, right_size, count)
    order = list(range(count))
    if shuffle:
        random.Random(random.randint(0, int(1e6)) if seed is None else seed).shuffle(order)
    parts = order[:left], order[-right:]
    backend = preferred_backend or config.backend()
    if own or backend == "torch" and not pipeline:
        arrays = [dataset] if isinstance(dataset, np.ndarray) else dataset
        rows = dataset if own else data.TensorDataset(*[convert(array) for array in arrays])
        return tuple(data.Subset(rows, part) for part in parts)
    made = []
    for part in parts:
        if pipeline:
            kept = [rows[i] for i in part]
            chosen = Dataset(lambda kept=kept: iter(kept), len(kept))
        else:
            arrays = rows[part] if isinstance(rows, np.ndarray) else tuple(array[part] for array in rows)
            chosen = Dataset.from_tensor_slices(arrays)
        made.append(chosen.batch(batch_size) if batch_size else chosen)
    return tuple(made)


def timeseries_dataset_from_array(data, targets, sequence_length, sequence_stride=1, sampling_rate=1, batch_size=128,
                                  shuffle=False, seed=None, start_index=None, end_index=None, format="tf"):
    """Batches of windows over a series, with the targets of where they begin.

    Window ``i`` begins at ``s = i * sequence_stride`` and holds
    ``data[s], data[s + sampling_rate], ..., data[s + (sequence_length - 1) * sampling_rate]``; its target is
    ``targets[s]``.

    Parameters
    ----------
    data : array (steps, ...)
    targets : array, optional
    sequence_length, sequence_stride, sampling_rate : int
    batch_size : int or None
        None: single windows.
    shuffle, seed
        Windows in random order.
    start_index, end_index : int, optional
        The part of the series to use.
    format : "tf"

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        An index, stride or rate out of range.
    """
    steps = len(data)
    if start_index and not 0 <= start_index < steps:
        raise ValueError(f"`start_index` must be 0 or greater and lower than the length of the data. Received: "
                         f"start_index={start_index}, for data of length {steps}")
    if end_index and not (start_index or 0) < end_index < steps:
        raise ValueError(f"`end_index` must be higher than 0 and `start_index` and lower than the length of the data. "
                         f"Received: start_index={start_index}, end_index={end_index}, for data of length {steps}")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < steps:
            raise ValueError(f"`{name}` must be higher than 0 and lower than the length of the data. Received: "
                             f"{name}={value}, for data of length {steps}")
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if format == "grain":
        raise NotImplementedError("timeseries_dataset_from_array: format='grain' is not implemented")
    start, end = start_index or 0, steps if end_index is None else end_index
    series = array_of(convert(data))[start:end]
    wanted = None if targets is None else array_of(convert(targets))[start:end]
    count = end - start - (sequence_length - 1) * sampling_rate
    begins = np.arange(0, count if targets is None else min(count, len(targets)), sequence_stride)
    if shuffle:
        seed = np.random.randint(1e6) if seed is None else seed
        np.random.RandomState(seed).shuffle(begins)
    offsets = np.arange(sequence_length) * sampling_rate
    made = Dataset.from_tensor_slices(begins)
    if shuffle:
        made = made.shuffle(1024 if batch_size is None else batch_size * 8, seed=seed)
    if batch_size is not None:
        made = made.batch(batch_size)
    size = made.batch_size

    def windows(at):
        at = array_of(at)
        x = convert(series[at[..., None] + offsets])
        return x if wanted is None else (x, convert(wanted[at]))
    made = made.map(windows)
    made.batch_size = size
    return made
