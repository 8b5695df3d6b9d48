"""Batches by one step are for the library's own words: whoever changes what an item is, is asked for every item."""
import random

import numpy as np
import pytest

import fastnn
from fastnn.utils import data
from fastnn.vision import transforms
from fastnn.vision.datasets.vision import ArrayImages

X, Y = fastnn.arange(12.0).reshape(6, 2), fastnn.arange(6)


def rows(dataset, **options):
    """The first column of all batches."""
    return fastnn.cat([batch[0] for batch in data.DataLoader(dataset, 4, **options)]).flatten().tolist()


class Ten(data.TensorDataset):
    def __getitem__(self, index):
        return tuple(tensor * 10 for tensor in super().__getitem__(index))


class TenAtOnce(data.TensorDataset):
    def __getitems__(self, indices):
        return [tuple(tensor * 10 for tensor in self[index]) for index in indices]


class TenOfSubset(data.Subset):
    def __getitems__(self, indices):
        return [tuple(tensor * 10 for tensor in item) for item in super().__getitems__(indices)]


class Wrapper:
    """Gives on every attribute that it does not have."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getattr__(self, name):
        if name in ("dataset", "__getitems__"):
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return tuple(tensor * 10 for tensor in self.dataset[index])


class Below(TenAtOnce):
    """Nothing of its own."""


class Own(Ten):
    """A class that brings its own shortcut."""

    def __getbatch__(self, indices):
        return [tensor * 10 for tensor in super().__getbatch__(indices)]


def patched():
    dataset = data.TensorDataset(X, Y)
    dataset.__getitems__ = lambda indices: [tuple(tensor * 10 for tensor in dataset[index]) for index in indices]
    return dataset


DATASETS = {
    "items": lambda: Ten(X, Y), "batches of items": lambda: TenAtOnce(X, Y), "inherited": lambda: Below(X, Y),
    "an attribute": patched, "a wrapper": lambda: Wrapper(data.TensorDataset(X, Y)), "its own": lambda: Own(X, Y),
    "a subset's": lambda: TenOfSubset(data.TensorDataset(X, Y), list(range(6))),
    "of a subset's set": lambda: data.Subset(TenAtOnce(X, Y), list(range(6))),
    "of a subset of a subset": lambda: data.Subset(data.Subset(Ten(X, Y), range(6)), list(range(6))),
    "of a wrapped set's subset": lambda: data.Subset(Wrapper(data.TensorDataset(X, Y)), range(6)),
}


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("kind", DATASETS)
def test_a_data_set_has_its_say(kind, shuffle, workers):
    got = rows(DATASETS[kind](), shuffle=shuffle, num_workers=workers)
    assert sorted(got) == [10 * x for x in range(12)]


def test_shortcuts_are_taken():
    from fastnn.utils.data.dataset import batch_method
    plain = data.TensorDataset(X, Y)
    for dataset in (plain, data.Subset(plain, [1, 2]), Own(X, Y)):
        assert batch_method(dataset) is not None
    for kind in ("items", "batches of items", "inherited", "an attribute", "a wrapper", "a subset's"):
        assert batch_method(DATASETS[kind]()) is None


class Images(ArrayImages):
    def __init__(self, transform):
        super().__init__(None, transform=transform)
        self.array = np.full((6, 2, 2), 255, np.uint8)
        self.targets = list(range(6))

    def images(self):
        return self.array


class LouderCompose(transforms.Compose):
    def __call__(self, image):
        return super().__call__(image) * 10


class LouderNormalize(transforms.Normalize):
    def forward(self, image):
        return super().forward(image) * 10


class LouderToTensor(transforms.ToTensor):
    def __call__(self, image):
        assert not isinstance(image, np.ndarray)  # what torchvision's transforms see first
        return super().__call__(image) * 10


class Stranger:
    """Has a `batch` that means something else."""

    batch = 17

    def __call__(self, image):
        return image * 10


def hooked():
    normalize = transforms.Normalize([0.0], [1.0])
    normalize.register_forward_hook(lambda module, inputs, output: output * 10)
    return normalize


TRANSFORMS = {
    "Compose": lambda: LouderCompose([transforms.ToTensor()]),
    "Compose in Compose": lambda: transforms.Compose([LouderCompose([transforms.ToTensor()])]),
    "Normalize": lambda: transforms.Compose([transforms.ToTensor(), LouderNormalize([0.0], [1.0])]),
    "ToTensor": LouderToTensor,
    "ToTensor in Compose": lambda: transforms.Compose([LouderToTensor()]),
    "a stranger": lambda: transforms.Compose([transforms.ToTensor(), Stranger()]),
    "a hook": lambda: transforms.Compose([transforms.ToTensor(), hooked()]),
}


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_a_transform_has_its_say(kind):
    pytest.importorskip("PIL")
    assert rows(Images(TRANSFORMS[kind]())) == [10.0] * 24
    assert rows(data.Subset(Images(TRANSFORMS[kind]()), [0, 2])) == [10.0] * 8
    plain = Images(transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.0], [1.0])]))
    assert rows(plain) == [1.0] * 24 and plain.__getbatch__(slice(0, 2)) is not None


# ---- random numbers of workers ----

class Drawing(data.Dataset):
    """Items of random numbers: the library's, Python's and NumPy's."""

    def __init__(self, T):
        self.T = T

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return self.T.rand(1).item(), random.random(), np.random.rand(), self.T.utils.data.get_worker_info().seed


class DrawingStream(data.IterableDataset):
    def __init__(self, T):
        self.T = T

    def __iter__(self):
        for _ in range(5):
            yield self.T.rand(1).item(), random.random(), np.random.rand()


def seed_worker(worker):
    seed = fastnn.initial_seed() % 2 ** 32
    np.random.seed(seed), random.seed(seed + worker)


def seed_torch_worker(worker):
    import torch
    seed = torch.initial_seed() % 2 ** 32
    np.random.seed(seed), random.seed(seed + worker)


def drawn(T, workers, init, epochs=2, **options):
    T.manual_seed(5), random.seed(5), np.random.seed(5)
    loader = T.utils.data.DataLoader(Drawing(T), 3, shuffle=True, num_workers=workers, worker_init_fn=init,
                                     generator=T.Generator().manual_seed(1), **options)
    values = [np.stack([np.asarray(column) for column in batch]) for _ in range(epochs) for batch in loader]
    return np.concatenate(values, 1), (T.rand(2).tolist(), random.random(), np.random.rand())


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"persistent_workers": True}])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("seeds", [False, True])
def test_workers_draw_what_pytorchs_draw(workers, seeds, options):
    torch = pytest.importorskip("torch")
    theirs, after = drawn(torch, workers, seed_torch_worker if seeds else None, **options)
    ours, our_after = drawn(fastnn, workers, seed_worker if seeds else None, **options)
    np.testing.assert_array_equal(ours, theirs)
    assert our_after == after


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_workers_leave_the_callers_streams_alone():
    def after(workers, stream):
        fastnn.manual_seed(5), random.seed(5), np.random.seed(5)
        dataset = DrawingStream(fastnn) if stream else data.TensorDataset(X)
        for _ in data.DataLoader(dataset, 2, num_workers=workers):
            pass
        return fastnn.rand(2).tolist(), random.random(), np.random.rand()
    assert after(2, True) == after(2, False) == after(0, False) != after(0, True)
    with pytest.raises(ZeroDivisionError):
        next(iter(data.DataLoader(X, 2, num_workers=1, collate_fn=lambda items: 1 / 0)))
    assert data.get_worker_info() is None
