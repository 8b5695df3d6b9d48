"""Sources of batches. A source is iterated once an epoch; `len` is its number of batches, where that is known."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.random import default_generator
from fastnn.utils.data._rows import take_rows


class ArrayBatches:
    """Batches of arrays whose rows belong together.

    Parameters
    ----------
    arrays : sequence of arrays
        All with the same number of rows; a batch is gathered from each in one call.
    batch_size : int
    shuffle : bool
        A new order of the rows in every epoch.
    pack : callable
        Makes a batch of the list of tensors; the list itself without it.
    drop_last : bool
        Leave out a last batch that is smaller than the others.
    generator : Generator, optional
        Where the order comes from; the default generator without it.

    Examples
    --------
    >>> import numpy as np
    >>> batches = ArrayBatches([np.arange(5.0), np.arange(5)], batch_size=2)
    >>> [x.tolist() for x, y in batches]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """

    def __init__(self, arrays, batch_size=32, shuffle=False, pack=None, drop_last=False, generator=None):
        self.arrays = list(arrays)
        counts = [len(array) for array in self.arrays]
        if len(set(counts)) > 1:
            raise ValueError(f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples: "
                             f"got {', '.join(map(str, counts))}")
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        self.rows = counts[0] if counts else 0
        self.batch_size, self.shuffle, self.pack, self.drop_last = batch_size, shuffle, pack, drop_last
        self.generator = default_generator if generator is None else generator

    def __len__(self):
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def order(self):
        """The order of the rows in the next epoch; None: as they lie."""
        return self.generator.randperm(self.rows) if self.shuffle else None

    def __iter__(self):
        size, arrays, pack = self.batch_size, self.arrays, self.pack
        order = self.order()
        numbers = not any(array.dtype.kind in "OUS" for array in arrays)
        for begin in range(0, len(self) * size, size):
            if order is None:
                rows = slice(begin, min(begin + size, self.rows))
                batch = [from_array(array[rows]) for array in arrays] if numbers else [_rows(a, rows) for a in arrays]
            else:
                rows = order[begin:begin + size]
                batch = [from_array(take_rows(array, rows)) for array in arrays] if numbers \
                    else [_rows(a, rows) for a in arrays]
            yield batch if pack is None else pack(batch)


def _rows(array, rows):
    """Rows of an array as a tensor; strings, which are none, as they are."""
    found = array[rows]
    return found if array.dtype.kind in "OUS" else from_array(found)


class IterableBatches:
    """Batches that an iterable gives: a generator, a data loader, any sequence of batches.

    Parameters
    ----------
    source : iterable
        Iterated again in each epoch. A generator, which can be iterated once, goes on where the epoch before stopped.
    pack : callable, optional
        What to make of each item.
    """

    def __init__(self, source, pack=None):
        self.source, self.pack = source, pack
        self.endless = iter(source) is source

    def __len__(self):
        return len(self.source)

    def __iter__(self):
        return iter(self.source) if self.pack is None else map(self.pack, self.source)


def length(source):
    """Number of batches of an epoch; None if it is not known beforehand."""
    try:
        return len(source)
    except TypeError:
        return None


def split(arrays, fraction):
    """(first part, last part): the last ``fraction`` of the rows, as they lie, is for validation.

    Raises
    ------
    ValueError
        If one of the parts would be empty.
    """
    rows = len(arrays[0])
    at = int(np.floor(rows * (1.0 - fraction)))
    if at == 0 or at == rows:
        raise ValueError(f"Training data contains {rows} samples, which is not sufficient to split it into a "
                         f"validation and training set as specified by `validation_split={fraction}`. Either provide "
                         f"more data, or a different value for the `validation_split` argument.")
    return [array[:at] for array in arrays], [array[at:] for array in arrays]
