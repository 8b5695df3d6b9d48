"""Data sets, samplers, collation and the loader: PyTorch's orders, shapes and complaints."""
import collections

import numpy as np
import pytest

import fastnn
from fastnn.utils import data as ours
from fastnn.utils.data._rows import take_rows

Point = collections.namedtuple("Point", "x y")


@pytest.fixture
def theirs():
    return pytest.importorskip("torch.utils.data")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


class Squares(ours.Dataset):
    def __init__(self, n=10):
        self.n = n

    def __getitem__(self, index):
        if not isinstance(index, int):
            raise TypeError(f"expected an int, got {type(index)}")
        if not 0 <= index < self.n:
            raise IndexError(index)
        return index * index

    def __len__(self):
        return self.n


class Stream(ours.IterableDataset):
    def __init__(self, n=10):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def plain(x):
    """Tensors of either library as lists, everything else as it is."""
    if hasattr(x, "tolist") and not isinstance(x, np.generic):
        return (str(x.dtype), x.tolist())
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(plain, x))
    if isinstance(x, (list, tuple)):
        return type(x)(plain(item) for item in x)
    return x


def seed_both(torch, seed):
    torch.manual_seed(seed)
    fastnn.manual_seed(seed)


# ---- rows ----

@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool"])
@pytest.mark.parametrize("shape", [(7,), (7, 0), (7, 3), (7, 2, 5), (0, 3)])
def test_take_rows(dtype, shape):
    base = (np.random.default_rng(0).random(shape) * 50).astype(dtype)
    arrays = [base, base[::-1], base[::2], np.asfortranarray(base), np.repeat(base, 2, -1)[..., ::2]]
    arrays[0].flags.writeable = False
    for array in arrays:
        n = len(array)
        for indices in (np.arange(n), np.arange(n)[::-1], np.arange(-n, n), np.zeros(min(n, 1) * 5, np.int64),
                        np.empty(0, np.int64), np.arange(n, dtype=np.int32)):
            got = take_rows(array, indices)
            np.testing.assert_array_equal(got, array[indices])
            assert got.dtype == array.dtype and got.flags.c_contiguous and not np.shares_memory(got, array)
        for cut in (slice(0, n), slice(1, 3), slice(3, 100), slice(2, 2)):
            got = take_rows(array, cut)
            np.testing.assert_array_equal(got, array[cut])
            assert not np.shares_memory(got, array)
        for indices in ([n], [-n - 1], [0, 10 ** 12] if n else [0]):
            with pytest.raises(IndexError, match="out of bounds"):
                take_rows(array, np.array(indices))


# ---- data sets ----

def test_tensor_dataset():
    x, y = fastnn.arange(12).reshape(6, 2), fastnn.arange(6)
    dataset = ours.TensorDataset(x, y)
    assert len(dataset) == 6 and plain(dataset[2]) == (("torch.int64", [4, 5]), ("torch.int64", 2))
    assert plain(dataset[1:3])[1] == ("torch.int64", [1, 2])
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        ours.TensorDataset(x, y[:5])
    with pytest.raises(TypeError, match="expected Tensors, got ndarray"):
        ours.TensorDataset(np.ones(3))


def test_stack_concat_chain_subset():
    squares = Squares()
    stacked = ours.StackDataset(squares, squares)
    assert stacked[3] == (9, 9) and stacked.__getitems__([1, 2]) == [(1, 1), (4, 4)] and len(stacked) == 10
    assert ours.StackDataset(a=squares, b=squares)[2] == {"a": 4, "b": 4}
    with pytest.raises(ValueError, match="Size mismatch"):
        ours.StackDataset(squares, Squares(3))
    with pytest.raises(ValueError, match="At least one"):
        ours.StackDataset()
    with pytest.raises(ValueError, match="both types"):
        ours.StackDataset(squares, a=squares)
    both = squares + Squares(3)
    assert isinstance(both, ours.ConcatDataset) and len(both) == 13 and both[10] == 0 and both[-1] == 4
    assert both.cumulative_sizes == [10, 13]
    with pytest.raises(ValueError, match="absolute value"):
        both[-14]
    with pytest.raises(AssertionError, match="empty iterable"):
        ours.ConcatDataset([])
    with pytest.raises(AssertionError, match="IterableDataset"):
        ours.ConcatDataset([Stream()])
    chain = Stream(2) + Stream(3)
    assert list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5
    with pytest.raises(AssertionError, match="only supports"):
        list(ours.ChainDataset([squares]))
    subset = ours.Subset(squares, [3, 1])
    assert [subset[0], subset[1]] == [9, 1] and len(subset) == 2 and subset.__getitems__([1, 0]) == [1, 9]
    with pytest.raises(NotImplementedError):
        ours.Dataset()[0]

    class Overridden(ours.Subset):
        def __getitem__(self, index):
            return -1

    with pytest.raises(NotImplementedError, match="overrides __getitem__ but not __getitems__"):
        Overridden(squares, [0])


def test_random_split(torch, theirs):
    for lengths in ([3, 7], [10], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [1.0]):
        seed_both(torch, 5)
        expected = [part.indices for part in theirs.random_split(range(10), lengths)]
        assert [part.indices for part in ours.random_split(range(10), lengths)] == expected
        expected = [part.indices for part in theirs.random_split(range(10), lengths, torch.Generator().manual_seed(1))]
        assert [p.indices for p in ours.random_split(range(10), lengths, fastnn.Generator().manual_seed(1))] == expected


def test_random_split_errors():
    with pytest.raises(ValueError, match="Sum of input lengths"):
        ours.random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="Fraction at index 0"):
        ours.random_split(range(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        ours.random_split(range(1), [0.5, 0.5])


# ---- samplers ----

def samplers(module, generator):
    data = list(range(37))
    yield module.SequentialSampler(data)
    for g in (None, generator):
        yield module.RandomSampler(data, generator=g)
        yield module.RandomSampler(data, num_samples=100, generator=g)
        yield module.RandomSampler(data, num_samples=5, generator=g)
        yield module.RandomSampler(data, replacement=True, num_samples=70, generator=g)
        yield module.RandomSampler(data, replacement=True, num_samples=64, generator=g)
        yield module.SubsetRandomSampler([5, 7, 11, 2], generator=g)
        yield module.WeightedRandomSampler([0.1, 0.9, 0.4, 3.0], 50, generator=g)
        yield module.WeightedRandomSampler([0.1, 0.9, 0.4, 3.0], 3, replacement=False, generator=g)


@pytest.mark.parametrize(
    "size, drop_last", [(None, False), (1, False), (5, False), (5, True), (37, True), (100, False), (100, True)]
)
def test_samplers(torch, theirs, size, drop_last):
    """Same indices, and generators that have moved on equally far, in the loader and by themselves."""
    seed_both(torch, 3)
    g_ours, g_theirs = fastnn.Generator().manual_seed(9), torch.Generator().manual_seed(9)
    for mine, other in zip(samplers(ours, g_ours), samplers(theirs, g_theirs)):
        assert len(mine) == len(other)
        for _ in range(2):
            if size is None:
                assert list(mine) == list(other)
            else:
                assert list(ours.BatchSampler(mine, size, drop_last)) == list(
                    theirs.BatchSampler(other, size, drop_last)
                )
                expected = [plain(batch) for batch in theirs.DataLoader(
                    theirs.TensorDataset(torch.arange(37)), size, sampler=other, drop_last=drop_last)]
                got = [plain(batch) for batch in ours.DataLoader(
                    ours.TensorDataset(fastnn.arange(37)), size, sampler=mine, drop_last=drop_last)]
                assert got == expected
            np.testing.assert_array_equal(g_ours.state_array(), g_theirs.get_state().numpy())
            np.testing.assert_array_equal(fastnn.default_generator.state_array(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("make, error, match", [
    (lambda: ours.RandomSampler([]), ValueError, "num_samples=0"),
    (lambda: ours.RandomSampler([1], num_samples=-1), ValueError, "positive integer"),
    (lambda: ours.RandomSampler([1], replacement=1), TypeError, "boolean"),
    (lambda: ours.WeightedRandomSampler([1.0], 0), ValueError, "positive integer"),
    (lambda: ours.WeightedRandomSampler([[1.0]], 1), ValueError, "1d sequence"),
    (lambda: ours.WeightedRandomSampler([1.0], 1, replacement=3), ValueError, "boolean"),
    (lambda: ours.BatchSampler([1], 0, False), ValueError, "batch_size=0"),
    (lambda: ours.BatchSampler([1], True, False), ValueError, "batch_size=True"),
    (lambda: ours.BatchSampler([1], 2, 1), ValueError, "drop_last=1")])
def test_sampler_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


# ---- collation ----

def batches_for(lib):
    yield [1, 2, 3]
    yield [True, False]
    yield [1.5, 2.0]
    yield ["a", "b"]
    yield [b"a", b"b"]
    yield [(0, "x"), (1, "y")]
    yield [[0, 1.0], [2, 3.0]]
    yield [{"a": 1, "b": [2, 3]}, {"a": 4, "b": [5, 6]}]
    yield [Point(0, 0.5), Point(1, 1.5)]
    yield [lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])]
    yield [np.ones((2, 2)), np.zeros((2, 2))]
    yield [np.float32(1), np.float32(2)]
    yield [np.int64(1), np.int64(2)]
    yield [np.bool_(True), np.bool_(False)]
    yield [collections.OrderedDict(a=1), collections.OrderedDict(a=2)]
    yield [(lib.tensor(1), {"k": (2.0, [np.array([3])])})] * 2


def test_collate(torch, theirs):
    for mine, other in zip(batches_for(fastnn), batches_for(torch)):
        assert plain(ours.default_collate(mine)) == plain(theirs.default_collate(other))
        assert plain(ours.default_convert(mine)) == plain(theirs.default_convert(other))
        assert type(ours.default_collate(mine)) is type(theirs.default_collate(other)) or isinstance(
            mine[0], fastnn.Tensor | np.generic | np.ndarray | int | float
        )


@pytest.mark.parametrize(
    "batch, error, match",
    [
        ([object()], TypeError, "found <class 'object'>"),
        ([None], TypeError, "found"),
        ([np.array(["a"])], TypeError, "found"),
        ([[1], [1, 2]], RuntimeError, "equal size"),
        ([np.ones(2), np.ones(3)], RuntimeError, "equal size"),
        ([{1}], TypeError, "found"),
    ],
)
def test_collate_errors(batch, error, match):
    with pytest.raises(error, match=match):
        ours.default_collate(batch)


def test_collate_keeps_the_graph():
    x = fastnn.ones(2, requires_grad=True)
    ours.default_collate([x * 2, x * 3]).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


# ---- loader ----

def loaders(lib, module):
    class Items(module.Dataset):
        def __getitem__(self, index):
            return lib.tensor([index, 2 * index]), index, str(index)

        def __len__(self):
            return 23

    class Numbers(module.IterableDataset):
        def __iter__(self):
            return iter(range(11))

    tensors = module.TensorDataset(lib.arange(46).reshape(23, 2), lib.arange(23))
    for dataset in (
        tensors,
        Items(),
        list(range(23)),
        module.Subset(tensors, list(range(22, -1, -1))),
        module.Subset(tensors, range(3, 20)),
        module.Subset(Items(), np.arange(23)),
        module.ConcatDataset([tensors, tensors]),
        module.Subset(module.Subset(tensors, [3, 1, 4, 1, 5]), [4, 0, -2]),
    ):
        yield module.DataLoader(dataset)
        yield module.DataLoader(dataset, batch_size=5)
        yield module.DataLoader(dataset, batch_size=5, drop_last=True)
        yield module.DataLoader(dataset, batch_size=4, shuffle=True)
        yield module.DataLoader(dataset, batch_size=4, shuffle=True, generator=lib.Generator().manual_seed(3))
        yield module.DataLoader(dataset, batch_size=None, shuffle=True)
        yield module.DataLoader(dataset, batch_sampler=[[0, 1], [2]])
        yield module.DataLoader(dataset, batch_size=2, sampler=module.SubsetRandomSampler([0, 2, 1]))
        yield module.DataLoader(dataset, batch_size=3, sampler=[2, 1, 0, 2])
        yield module.DataLoader(dataset, batch_size=2, collate_fn=lambda items: len(items))
    yield module.DataLoader(Numbers(), batch_size=4)
    yield module.DataLoader(Numbers(), batch_size=4, drop_last=True)
    yield module.DataLoader(Numbers(), batch_size=None)


def test_loader(torch, theirs):
    seed_both(torch, 0)
    for number, (mine, other) in enumerate(zip(loaders(fastnn, ours), loaders(torch, theirs))):
        for _ in range(2):
            assert [plain(batch) for batch in mine] == [plain(batch) for batch in other], number
            np.testing.assert_array_equal(fastnn.default_generator.state_array(), torch.get_rng_state().numpy())
        if not isinstance(mine.dataset, ours.IterableDataset):
            assert len(mine) == len(other)


def test_order_of_the_first_epochs(torch, theirs):
    """Interleaved with draws of the program's own, as in a training loop."""
    seed_both(torch, 0)
    for _ in range(3):
        for mine, other in zip(ours.DataLoader(ours.TensorDataset(fastnn.arange(100)), 8, shuffle=True),
                               theirs.DataLoader(theirs.TensorDataset(torch.arange(100)), 8, shuffle=True)):
            assert plain(mine) == plain(other)
            assert fastnn.rand(3).tolist() == torch.rand(3).tolist()


def test_batches_are_copies():
    x = fastnn.arange(10).float()
    for shuffle in (False, True):
        for (batch,) in ours.DataLoader(ours.TensorDataset(x), 5, shuffle=shuffle):
            batch += 100
    assert x.tolist() == list(range(10))


def test_subclass_of_tensor_dataset():
    class Doubled(ours.TensorDataset):
        def __getitem__(self, index):
            return 2 * self.tensors[0][index]

    assert plain(next(iter(ours.DataLoader(Doubled(fastnn.arange(4)), 4)))) == ("torch.int64", [0, 2, 4, 6])
    assert plain(next(iter(ours.DataLoader(ours.Subset(Doubled(fastnn.arange(4)), [1, 3]), 4)))) == (
        "torch.int64",
        [2, 6],
    )


def test_getitems():
    class Batched(Squares):
        def __getitems__(self, indices):
            return [-i for i in indices]

    assert plain(next(iter(ours.DataLoader(Batched(), 3)))) == ("torch.int64", [0, -1, -2])


def test_index_out_of_range():
    dataset = ours.TensorDataset(fastnn.arange(3))
    for indices in ([5], [-4]):
        with pytest.raises(IndexError):
            next(iter(ours.DataLoader(ours.Subset(dataset, indices), 2)))


def test_workers_in_name():
    """An array data set stays in this process; `worker_init_fn` is called for workers all the same."""
    calls = []

    def initialise(worker):
        info = ours.get_worker_info()
        calls.append((worker, info.id, info.num_workers, info.dataset is dataset))
        fastnn.manual_seed(worker), np.random.seed(worker)

    dataset = ours.TensorDataset(fastnn.arange(12))
    assert ours.get_worker_info() is None
    loader = ours.DataLoader(dataset, 10, num_workers=2, worker_init_fn=initialise, pin_memory=True, prefetch_factor=4,
                             timeout=5, multiprocessing_context="spawn")
    fastnn.manual_seed(1)
    assert plain(next(iter(loader))[0]) == ("torch.int64", list(range(10)))
    assert calls == [(0, 0, 2, True), (1, 1, 2, True)] and ours.get_worker_info() is None
    after = fastnn.rand(1).item()
    fastnn.manual_seed(1)
    list(ours.DataLoader(dataset, 10, num_workers=2))
    assert fastnn.rand(1).item() == after
    loader = ours.DataLoader(dataset, 5, num_workers=1, persistent_workers=True)
    assert [plain(batch) for batch in loader] == [plain(batch) for batch in loader]


def test_length_of_streams():
    loader = ours.DataLoader(Stream(), 3)
    assert len(loader) == 4 and len(ours.DataLoader(Stream(), 3, drop_last=True)) == 3

    class Liar(Stream):
        def __len__(self):
            return 1

    loader = ours.DataLoader(Liar(), 3)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="was reported to be 1"):
        list(loader)


ARGUMENTS = [
    (dict(num_workers=-1), ValueError),
    (dict(timeout=-1), ValueError),
    (dict(prefetch_factor=2), ValueError),
    (dict(prefetch_factor=-1, num_workers=1), ValueError),
    (dict(persistent_workers=True), ValueError),
    (dict(sampler=[1], shuffle=True), ValueError),
    (dict(batch_sampler=[[1]], batch_size=2), ValueError),
    (dict(batch_sampler=[[1]], drop_last=True), ValueError),
    (dict(batch_size=None, drop_last=True), ValueError),
    (dict(multiprocessing_context="fork"), ValueError),
    (dict(multiprocessing_context="no", num_workers=1), ValueError),
    (dict(multiprocessing_context=3, num_workers=1), TypeError),
    (dict(batch_size=0), ValueError),
    (dict(batch_size=1.5), ValueError),
]
STREAM_ARGUMENTS = [
    (dict(shuffle=True), ValueError),
    (dict(sampler=[1]), ValueError),
    (dict(batch_sampler=[[1]]), ValueError),
]


@pytest.mark.parametrize(
    "dataset, arguments, error", [(Squares(), *a) for a in ARGUMENTS] + [(Stream(), *a) for a in STREAM_ARGUMENTS]
)
def test_loader_errors(dataset, arguments, error):
    with pytest.raises(error) as caught:
        ours.DataLoader(dataset, **arguments)
    try:
        import torch.utils.data as theirs
    except ImportError:
        return
    other = (
        type("Theirs", (theirs.IterableDataset,), {"__iter__": lambda self: iter(())})()
        if isinstance(dataset, Stream)
        else list(range(10))
    )
    with pytest.raises(error) as expected:
        theirs.DataLoader(other, **arguments)
    assert str(caught.value) == str(expected.value)


def test_fixed_attributes():
    loader = ours.DataLoader(Squares())
    for name in ("batch_size", "sampler", "drop_last", "dataset", "batch_sampler", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, 1)
    with pytest.raises(AssertionError, match="timeout == 0"):
        iter(ours.DataLoader(Squares(), timeout=3))
    with pytest.raises(ValueError, match="num_samples=0"):
        ours.DataLoader([], shuffle=True)
    assert list(ours.DataLoader([])) == []
