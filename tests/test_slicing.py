"""Slices along a dimension, what an index names along one, views of other dimensions, all and any: beside NumPy."""
import itertools

import numpy as np
import pytest

import fastnn

DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"]
rng = np.random.default_rng(0)


def numbers(shape, dtype):
    return (10 * rng.random(shape)).astype(dtype) if dtype != "bool" else rng.random(shape) > 0.4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_gather_takes_along_a_dimension(dtype, dim):
    x = numbers((3, 4, 5), dtype)
    shape = list(x.shape)
    shape[dim] = 6
    index = rng.integers(0, x.shape[dim], shape)
    wanted = np.take_along_axis(x, index, dim)
    for source, places in itertools.product((x, np.asfortranarray(x)), (index, np.asfortranarray(index))):
        found = fastnn.tensor(source).gather(dim, fastnn.from_numpy(places))
        assert found.dtype is fastnn.tensor(x).dtype and np.array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gradient_of_gather_adds_up(dtype, dim):
    x = fastnn.tensor(numbers((3, 4, 2), dtype), requires_grad=True)
    shape = list(x.shape)
    shape[dim] = 5
    index, dy = rng.integers(0, x.shape[dim], shape), rng.normal(size=shape).astype(dtype)
    wanted = np.zeros(x.shape, dtype)
    places = list(np.indices(shape, sparse=True))
    places[dim] = index
    np.add.at(wanted, tuple(places), dy)
    for grad in (fastnn.tensor(dy), fastnn.tensor(np.asfortranarray(dy))):
        found, = fastnn.autograd.grad(x.gather(dim, fastnn.tensor(index)), x, grad)
        assert np.array_equal(found.numpy(), wanted)
    if dtype == "float64":
        assert fastnn.autograd.gradgradcheck(lambda x: x.gather(dim, fastnn.tensor(index)) ** 2, x)


def test_gather_refuses_places_that_there_are_not():
    x = fastnn.ones(2, 3)
    for index in ([[3]], [[-1]], [[0, 9]]):
        with pytest.raises(RuntimeError, match="index"):
            x.gather(1, fastnn.tensor(index))
    with pytest.raises(RuntimeError, match="Size does not match"):
        x.gather(1, fastnn.zeros(3, 1, dtype=fastnn.int64))
    index = fastnn.tensor([[0], [1]])
    y = x.requires_grad_().gather(1, index)
    index[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_slices_are_views(dim):
    values = rng.normal(size=(2, 3, 4))
    for source in (values, values[::-1, :, ::2], values.T):
        x = fastnn.from_numpy(source.copy(order="K"))
        for i in range(-x.shape[dim], x.shape[dim]):
            part = x.select(dim, i)
            assert np.array_equal(part.numpy(), np.take(x.numpy(), i, dim))
            assert np.shares_memory(part.numpy(), x.numpy())
        assert [part.tolist() for part in x.unbind(dim)] == [np.take(x.numpy(), i, dim).tolist()
                                                             for i in range(x.shape[dim])]
    x = fastnn.tensor(values, requires_grad=True)
    found, = fastnn.autograd.grad(sum((i + 1) * part.sum() for i, part in enumerate(x.unbind(dim))), x)
    wanted = np.moveaxis(np.ones(x.shape), dim, -1) * (1 + np.arange(x.shape[dim]))
    assert np.array_equal(found.numpy(), np.moveaxis(wanted, -1, dim))
    assert fastnn.autograd.gradgradcheck(lambda x: x.select(dim, 1) ** 3, x)


def test_rows():
    x = fastnn.arange(6.0).reshape(3, 2)
    row = x[1]
    row += 10
    assert x.tolist() == [[0, 1], [12, 13], [4, 5]] and [row.tolist() for row in x] == x.tolist()
    assert fastnn.tensor([7.0, 8.0])[-1].item() == 8
    for index in (3, -4, 10 ** 30):
        with pytest.raises(IndexError, match="out of bounds"):
            x[index]
    with pytest.raises(IndexError, match="0-dim"):
        fastnn.tensor(1.0)[0]
    with pytest.raises(TypeError, match="0-d"):
        iter(fastnn.tensor(1.0))


def test_writing_a_row():
    x = fastnn.zeros(3, 2)
    y = (x * 1).requires_grad_() * 2
    version = x._version
    x[1] = fastnn.ones(2)
    x[2] = x[1]
    x[-3] = fastnn.tensor([5.0, 6.0])
    assert x.tolist() == [[5, 6], [1, 1], [1, 1]] and x._version == version + 3
    x[0] = fastnn.tensor([1, 2])
    assert x[0].tolist() == [1, 2] and x.dtype is fastnn.float32
    y[0] = fastnn.ones(2)
    assert y.grad_fn is not None and y.sum().requires_grad
    with pytest.raises(RuntimeError):
        x[0] = fastnn.ones(3)
    with pytest.raises(RuntimeError):
        fastnn.zeros(1, 2).expand(3, 2)[0] = fastnn.ones(3)
    with pytest.raises(RuntimeError):
        fastnn.zeros(1, 1).expand(1, 3)[0] = fastnn.ones(3)
    leaf = fastnn.zeros(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        leaf[0] = fastnn.ones(2)
    with fastnn.no_grad():
        leaf[0] = fastnn.ones(2)
    assert leaf[0].tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(), (3,), (1,), (2, 1, 3), (1, 1), (0, 2), (2, 0), (1, 0, 1)])
def test_dimensions_more_and_less(shape):
    values = rng.normal(size=shape)
    for source in (values, np.asfortranarray(values), values.T):
        x = fastnn.from_numpy(source)
        for dim in range(-x.ndim - 1, x.ndim + 1):
            found = x.unsqueeze(dim)
            assert np.array_equal(found.numpy(), np.expand_dims(source, dim))
            assert np.shares_memory(found.numpy(), source) or not source.size
            assert np.array_equal(found.squeeze(dim).numpy(), source)
        assert np.array_equal(x.squeeze().numpy(), source.squeeze())
        wanted = (4, *(5 if size == 1 else size for size in source.shape))
        assert np.array_equal(x.expand(wanted).numpy(), np.broadcast_to(source, wanted))
        assert np.array_equal(x.expand(2, *[-1] * x.ndim).numpy(), np.broadcast_to(source, (2, *source.shape)))
    with pytest.raises(RuntimeError, match="negative size"):
        x.expand(-2, *x.shape)
    with pytest.raises(RuntimeError, match="too many elements"):
        fastnn.ones(1).expand(2 ** 40, 2 ** 40)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (65,), (3, 0), (0, 3), (7, 9), (2, 3, 4)])
def test_all_and_any_of_bools(shape):
    for share in (0.0, 0.1, 0.9, 1.0):
        values = rng.random(shape) < share
        for source in (values, values.T):
            x = fastnn.from_numpy(np.asarray(source))
            for name, keep in itertools.product(("all", "any"), (False, True)):
                for dim in (None, *range(-x.ndim, x.ndim), *([(0, 1)] if x.ndim > 1 else [])):
                    found = getattr(x, name)(keepdim=keep) if dim is None else getattr(x, name)(dim, keepdim=keep)
                    assert np.array_equal(found.numpy(), getattr(np, name)(source, axis=dim, keepdims=keep))
    with pytest.raises(IndexError):
        fastnn.ones(2, dtype=fastnn.bool).all(1)


def test_cholesky_of_what_is_not_finite():
    for value in (float("nan"), float("inf")):
        with pytest.raises(RuntimeError, match="cholesky"):
            fastnn.linalg.cholesky(fastnn.tensor([[value, 0.0], [0.0, 1.0]]))
