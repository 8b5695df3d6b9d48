"""What a rule reads must not change between the call and backward: masks, indices and operands, given or handed out."""
import numpy as np
import pytest

import fastnn
from fastnn.nn import functional as F


def leaf(*shape):
    return fastnn.ones(*shape).requires_grad_()


MASKS = {
    "getitem": lambda x, m: x[m],
    "getitem beside a number": lambda x, m: fastnn.stack([x, x])[1, m],
    "where": lambda x, m: fastnn.where(m, x, x * 2),
    "where of a number": lambda x, m: fastnn.where(m, x, 1),
    "masked_fill": lambda x, m: x.masked_fill(m, 0.0),
    "masked_select": lambda x, m: x.masked_select(m),
    "masked_scatter": lambda x, m: x.masked_scatter(m, fastnn.zeros(2)),
}
INDICES = {
    "getitem": lambda x, i: x[i],
    "index_select": lambda x, i: x.index_select(0, i),
    "gather": lambda x, i: x.gather(0, i),
    "take": lambda x, i: x.take(i),
    "scatter": lambda x, i: fastnn.zeros(2).scatter(0, i, x),
    "scatter_add": lambda x, i: fastnn.zeros(2).scatter_add(0, i, x),
    "scatter_reduce": lambda x, i: fastnn.zeros(2).scatter_reduce(0, i, x, "amax"),
    "index_add": lambda x, i: fastnn.zeros(2).index_add(0, i, x),
    "index_copy": lambda x, i: fastnn.zeros(2).index_copy(0, i, x),
    "index_put": lambda x, i: fastnn.zeros(2).index_put((i,), x),
    "put": lambda x, i: fastnn.zeros(2).put(i, x),
    "embedding": lambda x, i: F.embedding(i, x.reshape(2, 1)),
}
HANDED_OUT = {
    "max": lambda x: x.max(0), "min": lambda x: x.min(0), "sort": lambda x: x.sort(), "topk": lambda x: x.topk(2),
    "kthvalue": lambda x: x.kthvalue(1), "median": lambda x: x.median(0), "mode": lambda x: x.mode(0),
    "cummax": lambda x: x.cummax(0), "cummin": lambda x: x.cummin(0),
}


def refused(y):
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("name", MASKS)
def test_masks(name):
    mask = fastnn.tensor([True, False])
    y = MASKS[name](leaf(2), mask)
    mask.fill_(True)
    refused(y)


@pytest.mark.parametrize("name", INDICES)
def test_indices(name):
    index = fastnn.tensor([0, 1])
    y = INDICES[name](leaf(2), index)
    index.zero_()
    refused(y)


@pytest.mark.parametrize("name", HANDED_OUT)
def test_indices_handed_out(name):
    values, indices = HANDED_OUT[name](leaf(3))
    indices.zero_()
    refused(values)


def test_unchanged_ones_are_read():
    x = leaf(3)
    (x[fastnn.tensor([0, 0])].sum() + x.masked_fill(fastnn.tensor([True, False, False]), 0).sum()).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 1, 1])


def test_assignment_keeps_its_own_index():
    """The tensor's memory is written at once; which elements were written is the rule's own."""
    x, index = leaf(2), fastnn.tensor([0])
    y = x * 1
    y[index] = 5.0
    index.fill_(1)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 1])


@pytest.mark.parametrize("name", ["leaky_relu", "relu6", "hardtanh"])
def test_results_that_may_change(name):
    """As in PyTorch: a sum is added to an activation in place, and backward reads what came in."""
    x = fastnn.tensor([-2.0, 0.5, 7.0], requires_grad=True)
    z = x * 1
    y = getattr(F, name)(z)
    expected, = fastnn.autograd.grad(getattr(F, name)(x).sum(), x)
    y += 100
    y.sum().backward()
    assert (x.grad == expected).all()
    y = getattr(F, name)(z := x * 1)
    z += 1
    refused(y)


# ---- memory in which one place stands for several elements ----

WRITES = {
    "map": lambda x: x.rsqrt_(), "arithmetic": lambda x: x.add_(1), "operator": lambda x: x.__imul__(2),
    "compare": lambda x: x.le_(1), "form": lambda x: x.index_add_(0, fastnn.tensor([0]), fastnn.ones(1, 3)),
    "product": lambda x: x.addmm_(fastnn.ones(2, 2), fastnn.ones(2, 3)), "fill": lambda x: x.fill_(fastnn.tensor(2)),
    "copy": lambda x: x.copy_(fastnn.ones(2, 3)), "random": lambda x: x.uniform_(), "draw": lambda x: x.random_(),
    "assignment": lambda x: x.__setitem__(slice(None), 1.0), "activation": lambda x: F.relu_(x),
    "dropout": lambda x: F.dropout(x, 0.5, True, True), "remainder": lambda x: x.remainder_(0.5),
}


@pytest.mark.parametrize("name", WRITES)
def test_expanded_memory_is_not_written(name):
    for x in (fastnn.ones(3).expand(2, 3), fastnn.ones(2, 1).expand(2, 3)):
        with pytest.raises(RuntimeError, match="single memory location"):
            WRITES[name](x)
        assert (x == 1).all()


def test_expanded_memory_with_one_place_each():
    """Views of it, zeros, and what changes no element are allowed."""
    x = fastnn.ones(3).expand(2, 3)
    x[0] = 4.0
    assert (x == 4).all()
    assert (x.zero_() == 0).all() and x.t_().shape == (3, 2)
    assert fastnn.ones(1).expand(1).add_(1).item() == 2 and fastnn.ones(1).expand(0).add_(1).numel() == 0


def test_take_along_dim_keeps_indices_of_its_own():
    """As PyTorch does: what becomes of the caller's does not matter."""
    x, index = fastnn.tensor([1.0, 2.0], requires_grad=True), fastnn.tensor([0, 0])
    y = x.take_along_dim(index, 0)
    index.fill_(1)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0]
