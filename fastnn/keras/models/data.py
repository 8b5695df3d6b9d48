"""What `fit`, `evaluate` and `predict` take, as batches ``(x, y, sample_weight)``."""
import numpy as np

from fastnn._tensor import Tensor
from fastnn.keras import config, tree
from fastnn.keras.layers.strings import is_strings, strings_of
from fastnn.keras.variables import array_of, convert
from fastnn.training.batches import ArrayBatches, IterableBatches, length, split


def unpack_x_y_sample_weight(data):
    """Inputs, targets and sample weights of what a data set yields.

    Parameters
    ----------
    data : array, or tuple of up to three

    Returns
    -------
    tuple
        (x, y, sample_weight), None for what is missing.

    Raises
    ------
    ValueError
        A tuple of more than three.

    Examples
    --------
    >>> keras.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3:
        raise ValueError(f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, found: "
                         f"{len(data)} entries")
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """What a data set yields for `fit`: a tuple of what is not None.

    Parameters
    ----------
    x : array or structure of arrays
    y, sample_weight : array, optional

    Returns
    -------
    tuple, or `x` if it is alone and no tuple

    Examples
    --------
    >>> keras.utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None:
        return x if not isinstance(x, (tuple, list)) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def is_array(value):
    """Whether it is an array or becomes one: NumPy's, a tensor, pandas', SciPy's, a list of numbers."""
    return isinstance(value, (np.ndarray, Tensor)) or hasattr(value, "__array__") or hasattr(value, "toarray")


def _is_numbers(value):
    """A plain (nested) list of numbers or strings."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (int, float, str, bytes, np.generic))


def as_array(value):
    """An array to cut batches of: floating values are `floatx`."""
    if value is None:
        return None
    if hasattr(value, "toarray"):
        value = value.toarray()
    if hasattr(value, "to_numpy") and not isinstance(value, np.ndarray):
        value = value.to_numpy()
    array = array_of(value) if isinstance(value, Tensor) else np.asarray(value)
    if is_strings(array):
        return strings_of(array)
    if array.dtype.kind == "f" and array.dtype.name != config.floatx():
        array = array.astype(config.floatx())
    elif array.dtype == object:
        try:
            array = array.astype(config.floatx())
        except (TypeError, ValueError):
            raise ValueError(f"Failed to convert a NumPy array to a Tensor (Unsupported object type "
                             f"{type(array.ravel()[0]).__name__ if array.size else 'object'}).") from None
    if array.ndim == 0:
        raise ValueError(f"Expected arrays with a batch axis, got the number {array}")
    return array


def _structure(value):
    """Lists of numbers are arrays, lists of arrays are several inputs."""
    if value is None or is_array(value):
        return as_array(value)
    if isinstance(value, (list, tuple)):
        if _is_numbers(value):
            return as_array(np.asarray(value))
        return type(value)(_structure(item) for item in value)
    if isinstance(value, dict):
        return {key: _structure(item) for key, item in value.items()}
    raise ValueError(f"Unrecognized data type: {value} (of type {type(value)})")


def is_arrays(value):
    """Whether `x` is given as arrays (in lists, dicts) and not as a source of batches."""
    if is_array(value):
        return True
    if isinstance(value, dict):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and (_is_numbers(value) or all(map(is_arrays, value)))


def class_weights(y, class_weight):
    """Sample weights from the weights of classes."""
    if not isinstance(class_weight, dict):
        raise TypeError(f"fit: expected class_weight to be a dict of a weight for each class, got "
                        f"{type(class_weight).__name__}")
    if tree.is_nested(y):
        raise ValueError("`class_weight` is only supported for Models with a single output.")
    labels = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y), -1)[:, 0] if y.ndim > 1 else y
    labels = np.rint(labels).astype(np.int64)
    weights = np.ones(len(labels), config.floatx())
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights


def _batch(data, class_weight=None):
    """One batch that came from outside, as tensors."""
    x, y, weight = unpack_x_y_sample_weight(data)

    def tensor(value):
        if isinstance(value, (str, bytes)):
            return value
        value = value if isinstance(value, Tensor) else value.to_numpy() if hasattr(value, "to_numpy") else value
        if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
            return strings_of(value)
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            return convert(value, config.floatx())
        return convert(value)
    x, y, weight = (None if part is None else tree.map_structure(tensor, part) for part in (x, y, weight))
    if class_weight is not None and y is not None:
        extra = convert(class_weights(array_of(y), class_weight))
        weight = extra if weight is None else weight * extra
    return x, y, weight


class Source:
    """Batches for the loop, from anything that `fit` takes.

    Attributes
    ----------
    batches : ArrayBatches or IterableBatches
    steps : int or None
        Batches of an epoch, if known.
    """

    def __init__(self, x=None, y=None, sample_weight=None, batch_size=None, shuffle=False, class_weight=None,
                 steps=None):
        if x is None:
            raise ValueError("Missing data: `x` is None")
        self.on_epoch_end = None
        if is_arrays(x):
            self.batches = _array_batches(x, y, sample_weight, batch_size, shuffle, class_weight)
        else:
            if y is not None:
                raise ValueError("When passing a data set, generator or `PyDataset`, do not pass `y`: it should yield "
                                 "batches of inputs and targets")
            if sample_weight is not None:
                raise ValueError("When passing a data set, generator or `PyDataset`, do not pass `sample_weight`")
            if hasattr(x, "as_batches"):  # PyDataset
                self.batches = IterableBatches(x.as_batches(shuffle), lambda data: _batch(data, class_weight))
                self.on_epoch_end = x.on_epoch_end
            elif hasattr(x, "__iter__") or hasattr(x, "__next__"):
                self.batches = IterableBatches(x, lambda data: _batch(data, class_weight))
            elif hasattr(x, "__getitem__") and hasattr(x, "__len__"):
                self.batches = IterableBatches(_Indexed(x), lambda data: _batch(data, class_weight))
                self.on_epoch_end = getattr(x, "on_epoch_end", None)
            else:
                raise ValueError(f"Unrecognized data type: x={x} (of type {type(x)})")
        steps = config.limited("max_steps_per_epoch", steps)
        known = length(self.batches)
        self.steps = known if steps is None else steps
        self.limit = None if known is not None and steps == known else steps


class _Indexed:
    """Batches by number."""

    def __init__(self, source):
        self.source = source

    def __len__(self):
        return len(self.source)

    def __iter__(self):
        return (self.source[i] for i in range(len(self.source)))


def _array_batches(x, y, sample_weight, batch_size, shuffle, class_weight):
    x, y, sample_weight = _structure(x), _structure(y), _structure(sample_weight)
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        sample_weight = class_weights(y, class_weight)
    structure = (x, y, sample_weight)
    flat = [leaf for leaf in tree.flatten(list(structure)) if leaf is not None]
    if flat and len(flat[0]) == 0:
        raise ValueError("Expected at least one row of data, got arrays without rows")
    pack = _packer(structure)
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ValueError(f"shuffle: expected a bool or 'batch', got {shuffle!r}")
    return ArrayBatches(flat, 32 if batch_size is None else batch_size, bool(shuffle), pack)


def _packer(structure):
    """From the list of a batch's tensors to (x, y, sample weight)."""
    x, y, weight = structure
    if isinstance(x, np.ndarray) and weight is None:
        if y is None:
            return lambda tensors: (tensors[0], None, None)
        if isinstance(y, np.ndarray):
            return lambda tensors: (tensors[0], tensors[1], None)

    def pack(tensors):
        rest = iter(tensors)

        def fill(part):
            if part is None:
                return None
            return tree.pack_sequence_as(part,
                                         [next(rest) if leaf is not None else None for leaf in tree.flatten(part)])
        return fill(x), fill(y), fill(weight)
    return pack


def train_validation_split(x, y, sample_weight, fraction):
    """((x, y, weights) for training, the same for validation): the last part of the rows, as they lie."""
    if not is_arrays(x):
        raise ValueError(f"Argument `validation_split` is only supported for tensors or NumPy arrays. Found "
                         f"incompatible type in the input: {type(x)}")
    structure = [_structure(x), _structure(y), _structure(sample_weight)]
    flat = [leaf for leaf in tree.flatten(structure) if leaf is not None]
    first, last = split(flat, fraction)

    def again(arrays):
        rest = iter(arrays)
        return tuple(None if part is None else tree.map_structure(lambda leaf: None if leaf is None else leaf,
                     tree.pack_sequence_as(part, [next(rest) for _ in tree.flatten(part)])) for part in structure)
    return again(first), again(last)
