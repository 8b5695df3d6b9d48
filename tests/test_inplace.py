"""In-place forms and ``out=``: histories, versions, errors."""
import numpy as np
import pytest

import fastnn as torch


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


def test_saved_result_that_changes_is_an_error():
    x = leaf(1.0, 2.0) * 1
    x.exp_()
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        x.sum().backward()


def test_saved_input_that_changes_is_an_error():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * 2
    z = y * w
    y.masked_fill_(torch.tensor([True, False]), 0.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_changes_that_nobody_reads_are_fine():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    y.add_(1).mul_(3).clamp_(0, 16)
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0, 0.0]


def test_leaf_and_its_view_are_refused():
    x = leaf(1.0, 2.0)
    for change in (lambda: x.mul_(2), lambda: x.lerp_(torch.ones(2), 0.5), lambda: x[0:1].tril_(),
                   lambda: x.unsqueeze_(0)):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            change()
    with torch.no_grad():
        x.addcmul_(torch.ones(2), torch.ones(2))
    assert x.tolist() == [2.0, 3.0] and x.is_leaf and x.requires_grad


def test_view_changed_by_a_composite_operation():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    base = x * 1
    base[1:3].lerp_(torch.tensor([10.0, 10.0]), 0.25)
    (base * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 1.5, 2.25, 4.0]


def test_comparison_in_place_stops_the_gradient():
    x = leaf(1.0, -2.0)
    y = x * 1
    y.gt_(0)
    assert y.tolist() == [1.0, 0.0] and y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_views_in_place():
    x = torch.arange(6.0).requires_grad_()
    y = (x * 2).reshape(2, 3)
    z = y.clone().t_().unsqueeze_(0).transpose_(0, 1).squeeze_(1)
    assert z.shape == (3, 2)
    (z * torch.arange(6.0).reshape(3, 2)).sum().backward()
    assert x.grad.tolist() == [0.0, 4.0, 8.0, 2.0, 6.0, 10.0]


def test_dtype_and_shape_of_the_result_must_fit():
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        torch.tensor([1, 2]).mul_(torch.tensor([1.5, 2.0]))
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        torch.tensor([True]).add_(torch.tensor([1]))
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        torch.ones(3).mul_(torch.ones(2, 3))
    x = torch.tensor([1, 2], dtype=torch.uint8)
    assert x.add_(torch.tensor([1, 2])).tolist() == [2, 4] and x.dtype is torch.uint8


def test_out():
    x, z = torch.tensor([1.0, 4.0]), torch.empty(2)
    assert torch.sqrt(x, out=z) is z and z.tolist() == [1.0, 2.0]
    assert torch.add(x, x, out=x).tolist() == [2.0, 8.0]
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    found = torch.max(torch.tensor([[1.0, 3.0], [5.0, 2.0]]), 1, out=(values, indices))
    assert values.tolist() == [3.0, 5.0] and indices.tolist() == [1, 0] and found.values is values
    with pytest.warns(UserWarning, match="resized"):
        torch.add(x, x, out=torch.empty(3))
    with pytest.raises(RuntimeError, match="requires grad"):
        torch.mul(leaf(1.0, 2.0), x, out=z)
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.mul(x, x, out=torch.empty(2, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="single memory location"):
        torch.add(torch.arange(4.0)[:2], 1, out=z.expand(2, 2))


def test_out_over_a_part_of_an_input():
    x = torch.arange(4.0)
    with pytest.raises(RuntimeError, match="single memory location"):
        torch.exp(x[:-1], out=x[1:])


@pytest.mark.parametrize("name", ["uniform_", "normal_", "zero_", "exponential_", "bernoulli_", "random_"])
def test_filling_stops_the_gradient(name):
    x = leaf(1.0, 2.0)
    y = x * 1
    getattr(y, name)()
    y.sum().backward()
    assert not np.any(x.grad.numpy())


def test_hooks_see_and_change_gradients():
    x = leaf(1.0, 2.0)
    seen = []
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.tolist()))
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    y.sum().backward()
    assert seen == [[20.0, 20.0], [20.0, 20.0]]
    handle.remove()
    y = x * 2
    y.register_hook(lambda g: g * 10)
    assert torch.autograd.grad(y.sum(), y)[0].tolist() == [10.0, 10.0]
    gy, gx = torch.autograd.grad(y.sum(), (y, x))  # of a tensor on the way to another before its hooks, as in PyTorch
    assert gy.tolist() == [1.0, 1.0] and gx.tolist() == [20.0, 20.0] and len(seen) == 3
