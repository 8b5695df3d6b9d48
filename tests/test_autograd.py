"""The tape: gradients, accumulation, hooks, in-place changes, errors."""
import gc
import threading
import weakref

import numpy as np
import pytest

import fastnn as torch
from fastnn import nn


def leaf(*values, dtype=torch.float64):
    return torch.tensor(list(values), dtype=dtype, requires_grad=True)


def test_chain_rule():
    x = leaf(1.0, 2.0, 3.0)
    y = (x * x + 2 * x).sum()
    y.backward()
    assert x.grad.tolist() == [4.0, 6.0, 8.0]


def test_tensor_used_twice_and_accumulation():
    x = leaf(2.0)
    (x * x * x).backward()
    assert x.grad.item() == 12.0
    (x * x).backward()
    assert x.grad.item() == 16.0


def test_leaves_that_share_a_gradient_get_memory_of_their_own():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).sum().backward()
    x.grad.mul_(10)
    assert y.grad.tolist() == [1.0, 1.0]


def test_leaf_keeps_a_reshaped_gradient_only_if_nobody_else_knows_it():
    x, y = torch.ones(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    (x.reshape(6) * 2.0).sum().backward()
    assert x.grad.numpy().base.shape == (6,)  # the product's memory, not a copy
    (x.reshape(6) + y.reshape(6)).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    given = torch.ones(6)
    x.grad = None
    x.reshape(6).backward(given)
    assert not np.shares_memory(x.grad.numpy(), given.numpy())


def test_caller_keeps_the_gradient_given_to_backward():
    x = leaf(1.0, 2.0)
    given = torch.tensor([1.0, 1.0], dtype=torch.float64)
    (x + 0).backward(given)
    x.grad.mul_(5)
    assert given.tolist() == [1.0, 1.0]


def test_broadcast_gradients_are_summed():
    x, b = torch.ones(4, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    s = torch.tensor(2.0, requires_grad=True)
    (x * b + s).sum().backward()
    assert x.grad.shape == (4, 3) and b.grad.tolist() == [4.0, 4.0, 4.0] and s.grad.item() == 12.0


def test_graph_is_freed_after_backward():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    z = x * x
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad.item() == 12.0


def test_saved_memory_is_released():
    x = torch.ones(1000, requires_grad=True)
    middle = x * 2
    out = (middle * middle).sum()
    watch = weakref.ref(middle)
    del middle
    out.backward()
    del out
    gc.collect()
    assert watch() is None


def test_no_grad_modes():
    x = leaf(1.0)
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    with torch.inference_mode():
        assert not (x * 2).requires_grad and torch.is_inference_mode_enabled()
    assert (x * 2).requires_grad

    @torch.no_grad()
    def quiet():
        return x * 2

    @torch.no_grad
    def quiet_too():
        return x * 2
    assert not quiet().requires_grad and not quiet_too().requires_grad


def test_grad_mode_belongs_to_a_thread():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_in_place_change_of_saved_tensor_is_noticed():
    x = leaf(1.0, 2.0)
    y = x * 1.0
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_in_place_operations_keep_gradients_right():
    x = leaf(1.0, -2.0, 3.0)
    y = x * 2
    y += 1
    y.mul_(3)
    nn.functional.relu(y, inplace=True).sum().backward()
    assert x.grad.tolist() == [6.0, 0.0, 6.0]


def test_in_place_on_leaf_raises():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        x.add_(1)
    with torch.no_grad():
        x.add_(1)
    assert x.item() == 2.0


def test_setitem_gradient():
    x, v = leaf(1.0, 2.0, 3.0), leaf(5.0)
    y = x * 1.0
    y[1] = v[0] * 2
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 6.0] and v.grad.item() == 40.0


def test_hooks():
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []
    handle = y.register_hook(lambda grad: seen.append(grad.tolist()))
    x.register_hook(lambda grad: grad * 2)
    y.sum().backward()
    assert seen == [[1.0, 1.0]] and x.grad.tolist() == [6.0, 6.0]
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 1


def test_retain_grad():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    (y * 3).backward()
    assert y.grad.item() == 3.0 and x.grad.item() == 12.0


def test_autograd_grad():
    x, y, z = leaf(2.0), leaf(3.0), leaf(1.0)
    out = x * x * y
    gx, gy = torch.autograd.grad(out, (x, y), retain_graph=True)
    assert gx.item() == 12.0 and gy.item() == 4.0 and x.grad is None
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(out, z, retain_graph=True)
    assert torch.autograd.grad(out, z, allow_unused=True) == (None,)


def test_gradients_of_gradients():
    x = leaf(2.0)
    first, = torch.autograd.grad(x ** 3, x, create_graph=True)
    second, = torch.autograd.grad(first, x, create_graph=True)
    third, = torch.autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)
    y = leaf(1.0)
    (x * y * y).backward(create_graph=True)
    assert x.grad.requires_grad
    x.grad.backward()
    assert y.grad.item() == 4.0 + 2.0
    product = x.reshape(1).scatter_reduce(0, torch.tensor([0]), torch.ones(1).double(), "prod")
    first, = torch.autograd.grad(product.sum(), x, create_graph=True)
    assert first.item() == 1.0
    with pytest.raises(NotImplementedError, match="scatter_reduce"):  # none before it is asked for
        torch.autograd.grad(first, x)


def test_function():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, grad):
            x, = ctx.saved_tensors
            return grad * 3 * x * x
    x = leaf(2.0)
    Cube.apply(x).backward()
    assert x.grad.item() == 12.0


def test_errors_of_backward():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(torch.ones(3, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="floating point"):
        torch.tensor([1, 2]).requires_grad_()


def test_very_long_chain():
    x = leaf(1.0)
    y = x
    for _ in range(20000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_views_share_memory_and_pass_gradients():
    x = torch.arange(6.0).requires_grad_()
    m = x.view(2, 3)
    assert m._base is x and np.shares_memory(m.detach().numpy(), x.detach().numpy())
    (m.t()[0] * torch.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0, 10.0, 0.0, 0.0]


def test_multiple_outputs_and_max():
    x = torch.tensor([[1.0, 5.0], [7.0, 2.0]], requires_grad=True)
    values, indices = x.max(dim=1)
    assert indices.tolist() == [1, 0]
    values.sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_gradients_are_added_to_a_grad_of_any_layout():
    x = torch.ones(2, 3, requires_grad=True)
    given = torch.arange(6.0).reshape(3, 2).t()
    x.grad = given
    (x * 2).sum().backward()
    assert x.grad is given and x.grad.tolist() == [[2.0, 4.0, 6.0], [3.0, 5.0, 7.0]]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_given_gradient_of_another_dtype(kind, create_graph):
    """It is cast to the output's, recorded or not."""
    x, w = torch.ones(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    given = torch.ones(2, 2, dtype=getattr(torch, kind))
    found, = torch.autograd.grad(torch.nn.functional.linear(x, w), x, given, create_graph=create_graph)
    assert found.dtype is torch.float32 and found.tolist() == [[2.0] * 3] * 2 and found.requires_grad == create_graph
    torch.nn.functional.linear(x, w).backward(given, create_graph=create_graph)
    assert x.grad.dtype is torch.float32 and x.grad.tolist() == found.tolist()


@pytest.mark.parametrize("create_graph", [False, True])
def test_given_gradient_of_complex_numbers(create_graph):
    x = torch.ones(2, requires_grad=True)
    for y, given in ((x * 2, torch.ones(2, dtype=torch.complex64)), (x * 1j, torch.ones(2))):
        with pytest.raises(RuntimeError, match="For complex Tensors, both grad_output and output are required to have"):
            torch.autograd.grad(y, x, given, create_graph=create_graph)


def test_history_of_a_given_gradient_of_another_dtype():
    x, v = torch.ones(2, requires_grad=True), torch.ones(2, dtype=torch.float64, requires_grad=True)
    found, = torch.autograd.grad(x * 3, x, v, create_graph=True)
    found.sum().backward()
    assert v.grad.dtype is torch.float64 and v.grad.tolist() == [3.0, 3.0]
