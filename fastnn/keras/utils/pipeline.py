"""Pipelines of data, as far as Keras programs use ``tf.data``: lazy, in order, on the calling thread."""
import itertools

import numpy as np

from fastnn._tensor import Tensor
from fastnn.keras import config, tree
from fastnn.keras.layers.strings import is_strings, strings_of
from fastnn.keras.variables import array_of, convert
from fastnn.ops.joining import stack
from fastnn.random import Generator, default_generator

AUTOTUNE = -1
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = -1, -2


def _element(value):
    """An element as tensors; strings stay as they are."""
    def one(leaf):
        if isinstance(leaf, Tensor) or isinstance(leaf, (str, bytes, Dataset)):
            return leaf
        array = np.asarray(leaf)
        if array.dtype.kind in "OUS":
            return strings_of(array) if is_strings(array) else array
        return convert(leaf)
    return tree.map_structure(one, value)


def _batched(items):
    def join(*leaves):
        if isinstance(leaves[0], (str, bytes)) or isinstance(leaves[0], np.ndarray):
            array = np.asarray(leaves)
            return strings_of(array) if is_strings(array) else array
        try:
            return stack(list(leaves))
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"Dataset.batch: elements of several shapes ({sorted({tuple(x.shape) for x in leaves})}); "
                             f"`padded_batch` pads them") from error
    return tree.map_structure(join, *items)


class Dataset:
    """A sequence of elements: tensors, or tuples, lists and dicts of them. Iterating starts it again.

    Examples
    --------
    >>> ds = Dataset.range(5).map(lambda x: x * 2).batch(2)
    >>> [batch.tolist() for batch in ds]
    [[0, 2], [4, 6], [8]]
    """

    batch_size = None  # of what `batch` gives

    def __init__(self, iterate, count=None):
        self._iterate, self._count = iterate, count  # count: None unknown, -1 endless

    # -- sources --
    @staticmethod
    def from_tensor_slices(tensors, name=None):
        """The rows of arrays."""
        arrays = tree.map_structure(lambda x: array_of(x) if isinstance(x, Tensor) else np.asarray(x), _lists(tensors))
        leaves = tree.flatten(arrays)
        counts = {len(leaf) for leaf in leaves}
        if len(counts) != 1:
            raise ValueError(f"from_tensor_slices: expected the same number of rows everywhere, got {sorted(counts)}")
        count = counts.pop()

        def iterate():
            for i in range(count):
                yield _element(tree.map_structure(lambda array: array[i], arrays))
        return Dataset(iterate, count)

    @staticmethod
    def from_tensors(tensors, name=None):
        """One element."""
        return Dataset(lambda: iter([_element(tensors)]), 1)

    @staticmethod
    def from_generator(generator, output_types=None, output_shapes=None, args=None, output_signature=None, name=None):
        """What a generator function yields."""
        arguments = () if args is None else tuple(args)
        if output_types is None and output_signature is not None:
            output_types = tree.map_structure(lambda spec: getattr(spec, "dtype", None), output_signature)

        def iterate():
            for item in generator(*arguments):
                item = tuple(item) if isinstance(item, list) and isinstance(output_types, tuple) else item
                if output_types is not None and tree.is_nested(item) == tree.is_nested(output_types):
                    yield tree.map_structure(lambda x, kind: x if kind is None or isinstance(x, str) else
                                             convert(x, config.standardize_dtype(kind)), item, output_types)
                else:
                    yield _element(item)
        return Dataset(iterate)

    @staticmethod
    def range(*args, **kwargs):
        """Whole numbers."""
        numbers = range(*[int(arg) for arg in args])
        return Dataset(lambda: (convert(np.int64(i)) for i in numbers), len(numbers))

    @staticmethod
    def zip(*datasets, name=None):
        """Tuples of the elements of several."""
        structure = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], Dataset) else tuple(datasets)
        flat = tree.flatten(structure)
        counts = [each._count for each in flat if each._count is not None and each._count >= 0]
        known = min(counts) if counts and all(each._count is not None for each in flat) else None

        def iterate():
            for items in zip(*flat):
                rest = iter(items)
                yield tree.map_structure(lambda _: next(rest), structure)
        return Dataset(iterate, known)

    @staticmethod
    def list_files(pattern, shuffle=None, seed=None):
        """Not implemented."""
        raise NotImplementedError("tf.data.Dataset.list_files is not implemented")

    # -- changes --
    def _changed(self, iterate, count="same"):
        return type(self)(iterate, self._count if count == "same" else count)

    def map(self, map_func, num_parallel_calls=None, deterministic=None, name=None):
        """A function of each element; a tuple's parts are its arguments."""
        def iterate():
            for item in self:
                yield _element(map_func(*item) if isinstance(item, tuple) else map_func(item))
        return self._changed(iterate)

    def filter(self, predicate, name=None):
        """The elements for which a function holds."""
        def iterate():
            for item in self:
                if bool(predicate(*item) if isinstance(item, tuple) else predicate(item)):
                    yield item
        return self._changed(iterate, None)

    def flat_map(self, map_func, name=None):
        """The elements of the data sets that a function gives."""
        def iterate():
            for item in self:
                yield from (map_func(*item) if isinstance(item, tuple) else map_func(item))
        return self._changed(iterate, None)

    def interleave(self, map_func, cycle_length=None, block_length=1, num_parallel_calls=None, deterministic=None,
                   name=None):
        """`flat_map`, one data set after the other."""
        return self.flat_map(map_func)

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None):
        """Elements at random from a buffer, another order in every pass."""
        size = int(buffer_size)
        if size < 1:
            raise ValueError(f"shuffle: expected a buffer_size of at least 1, got {buffer_size}")
        kept = []

        def iterate():
            if seed is None:
                generator = default_generator
            elif reshuffle_each_iteration:
                if not kept:
                    kept.append(Generator().manual_seed(int(seed)))
                generator = kept[0]
            else:
                generator = Generator().manual_seed(int(seed))
            buffer = []
            for item in self:
                buffer.append(item)
                if len(buffer) >= size:
                    at = int(generator.random(np.empty(1, np.int64), 0, len(buffer))[0])
                    buffer[at], buffer[-1] = buffer[-1], buffer[at]
                    yield buffer.pop()
            for at in generator.randperm(len(buffer)):
                yield buffer[at]
        return self._changed(iterate)

    def batch(self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None, name=None):
        """So many elements as one, along a new first axis."""
        size = int(batch_size)
        if size < 1:
            raise ValueError(f"batch: expected a batch_size of at least 1, got {batch_size}")

        def iterate():
            rest = iter(self)
            while items := list(itertools.islice(rest, size)):
                if len(items) == size or not drop_remainder:
                    yield _batched(items)
        count = self._count
        if count is not None and count >= 0:
            count = count // size if drop_remainder else -(-count // size)
        made = self._changed(iterate, count)
        made.batch_size = size
        return made

    def padded_batch(self, batch_size, padded_shapes=None, padding_values=None, drop_remainder=False, name=None):
        """`batch` of elements of several shapes: shorter ones are padded."""
        size = int(batch_size)

        def iterate():
            rest = iter(self)
            while items := list(itertools.islice(rest, size)):
                if len(items) == size or not drop_remainder:
                    yield _padded(items, padded_shapes, padding_values)
        count = self._count
        if count is not None and count >= 0:
            count = count // size if drop_remainder else -(-count // size)
        return self._changed(iterate, count)

    def unbatch(self, name=None):
        """The rows of the elements."""
        def iterate():
            for item in self:
                for i in range(len(tree.flatten(item)[0])):
                    yield tree.map_structure(lambda x, i=i: x[i], item)
        return self._changed(iterate, None)

    def repeat(self, count=None, name=None):
        """Over and over; without end by default."""
        endless = count is None or int(count) < 0

        def iterate():
            for _ in itertools.count() if endless else range(int(count)):
                empty = True
                for item in self:
                    empty = False
                    yield item
                if empty:
                    return
        own = self._count
        return self._changed(iterate, -1 if endless else None if own is None else own * int(count) if own >= 0 else own)

    def take(self, count, name=None):
        """The first elements."""
        n = int(count)
        own = self._count
        known = own if n < 0 else n if own == -1 else None if own is None else min(own, n)
        return self._changed(lambda: iter(self) if n < 0 else itertools.islice(iter(self), n), known)

    def skip(self, count, name=None):
        """All but the first elements."""
        n, own = int(count), self._count
        return self._changed(lambda: itertools.islice(iter(self), n, None),
                             own if own is None or own < 0 else max(own - n, 0))

    def shard(self, num_shards, index, name=None):
        """Every `num_shards`-th element."""
        return self._changed(lambda: itertools.islice(iter(self), int(index), None, int(num_shards)), None)

    def cache(self, filename="", name=None):
        """Keep the elements after the first pass."""
        kept, done = [], []

        def iterate():
            if done:
                yield from kept
                return
            found = []
            for item in self:
                found.append(item)
                yield item
            if not done:
                kept.extend(found)
                done.append(True)
        return self._changed(iterate)

    def prefetch(self, buffer_size=None, name=None):
        """Accepted; elements are made when they are asked for."""
        return self

    def concatenate(self, dataset, name=None):
        """The elements of another after its own."""
        counts = self._count, dataset._count
        count = None if None in counts else -1 if -1 in counts else sum(counts)
        return self._changed(lambda: itertools.chain(iter(self), iter(dataset)), count)

    def enumerate(self, start=0, name=None):
        """Pairs (number, element)."""
        return self._changed(lambda: ((convert(np.int64(i)), item) for i, item in enumerate(self, start)))

    def window(self, size, shift=None, stride=1, drop_remainder=False, name=None):
        """Data sets of so many elements each."""
        shift = int(size if shift is None else shift)

        def iterate():
            items, start = list(self), 0
            while start < len(items):
                part = items[start:start + int(size) * int(stride):int(stride)]
                if len(part) == size or not drop_remainder:
                    nested = tree.is_nested(part[0])
                    made = [Dataset(lambda part=part, path=path: iter([_at(p, path) for p in part]), len(part))
                            for path, _ in tree.flatten_with_path(part[0])]
                    yield tree.pack_sequence_as(part[0], made) if nested else made[0]
                start += shift
        return self._changed(iterate, None)

    def apply(self, transformation_func):
        """A function of the data set."""
        return transformation_func(self)

    def reduce(self, initial_state, reduce_func, name=None):
        """``state = reduce_func(state, element)`` over all elements."""
        state = _element(initial_state)
        for item in self:
            state = reduce_func(state, item)
        return state

    def with_options(self, options, name=None):
        """Accepted."""
        return self

    # -- what it holds --
    def __iter__(self):
        return self._iterate()

    def __len__(self):
        if self._count is None:
            raise TypeError("The dataset length is unknown.")
        if self._count < 0:
            raise TypeError("The dataset is infinite.")
        return self._count

    def __bool__(self):
        return True

    def cardinality(self, name=None):
        """Number of elements; -1 endless, -2 unknown."""
        return convert(np.int64(-2 if self._count is None else self._count))

    def as_numpy_iterator(self):
        """The elements as NumPy arrays."""
        return (tree.map_structure(lambda x: array_of(x) if isinstance(x, Tensor) else x, item) for item in self)

    def get_single_element(self, name=None):
        """The one element."""
        items = list(itertools.islice(iter(self), 2))
        if len(items) != 1:
            raise ValueError("get_single_element: expected exactly one element")
        return items[0]

    @property
    def element_spec(self):
        """Shapes and types of an element."""
        first = next(iter(self))
        return tree.map_structure(lambda x: TensorSpec(getattr(x, "shape", ()), getattr(x, "dtype", "string")), first)

    def __repr__(self):
        return f"<Dataset cardinality={-2 if self._count is None else self._count}>"


class TensorSpec:
    """Shape and type of a tensor to come."""

    def __init__(self, shape, dtype="float32", name=None):
        self.shape, self.dtype, self.name = None if shape is None else tuple(shape), dtype, name

    def __repr__(self):
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype}, name={self.name!r})"


def _at(item, path):
    for key in path:
        item = item[key]
    return item


def _lists(value):
    """Lists of numbers are arrays; lists of arrays stay lists."""
    if isinstance(value, list):
        return np.asarray(value) if not any(isinstance(item, (np.ndarray, Tensor)) for item in value) else value
    if isinstance(value, tuple):
        return tuple(_lists(item) for item in value)
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return value


def _padded(items, shapes, values):
    flat = [tree.flatten(item) for item in items]
    wanted = [None] * len(flat[0])
    if shapes is not None:
        if len(flat[0]) == 1:
            wanted = [tuple(shapes) if not isinstance(shapes, (list, tuple)) or not shapes
                      or not isinstance(shapes[0], (list, tuple)) else tuple(shapes[0])]
        else:
            wanted = [tuple(each) for each in (shapes.values() if isinstance(shapes, dict) else shapes)]
    fills = [0] * len(flat[0]) if values is None else tree.flatten(values) if tree.is_nested(values) else \
        [values] * len(flat[0])
    joined = []
    for leaves, shape, fill in zip(zip(*flat), wanted, fills):
        arrays = [array_of(leaf) for leaf in leaves]
        most = [max(sizes) for sizes in zip(*(array.shape for array in arrays))]
        if shape:
            most = [m if n in (None, -1) else n for m, n in zip(most, shape)]
        made = np.full((len(arrays), *most), 0 if fill is None else fill, arrays[0].dtype)
        for i, array in enumerate(arrays):
            made[(i, *map(slice, array.shape))] = array
        joined.append(convert(made))
    return tree.pack_sequence_as(items[0], joined) if tree.is_nested(items[0]) else joined[0]


class Options:
    """Accepted."""

    def __init__(self):
        self.experimental_distribute = self.threading = type("Options", (), {})()
