"""Results of elementwise functions lie in memory as their operands do, for every order of the axes, as in PyTorch."""
import itertools

import fastnn
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch says where results should lie")
pytestmark = pytest.mark.torch

FUNCTIONS = {
    "relu": lambda m, x: m.relu(x), "tanh": lambda m, x: m.tanh(x), "gelu": lambda m, x: m.nn.functional.gelu(x),
    "times a number": lambda m, x: x * 2, "power": lambda m, x: x ** 2, "negative": lambda m, x: -x,
    "clamp": lambda m, x: x.clamp(0, 1), "itself": lambda m, x: x + x, "a row": lambda m, x: m.ones(x.shape[-1]) + x,
    "row behind": lambda m, x: x + m.ones(x.shape[-1]), "C order first": lambda m, x: x.contiguous() * x,
    "C order behind": lambda m, x: x * x.contiguous(), "maximum": lambda m, x: m.maximum(x, x.mean()),
    "comparison": lambda m, x: x >= x.contiguous(), "with zero": lambda m, x: x > 0, "clone": lambda m, x: x.clone(),
    "integers": lambda m, x: (x * 10).int().clone(), "bools": lambda m, x: (x > 0).clone()}
SHAPES = [(2, 3, 4, 5), (2, 1, 4, 5), (2, 3, 4), (3, 4), (1, 5), (6,), (1, 1, 3, 3)]


def arrays(shape, step):
    """An array of `shape` with its axes in every order, of every second element with `step` 2."""
    large = np.random.default_rng(0).standard_normal([n * step for n in shape]).astype(np.float32)
    for order in itertools.permutations(range(len(shape))):
        yield large[tuple(slice(None, None, step) for _ in shape)].transpose(order)


def strides(tensor):
    return [step for n, step in zip(tensor.shape, tensor.stride()) if n != 1]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_lie_as_in_pytorch(name, step):
    function = FUNCTIONS[name]
    for shape in SHAPES:
        for array in arrays(shape, step):
            x, expected = fastnn.from_numpy(array).requires_grad_(), torch.from_numpy(array.copy("K")).requires_grad_()
            if step == 2:
                expected = torch.from_numpy(array).requires_grad_()
            found, expected_y = function(fastnn, x), function(torch, expected)
            np.testing.assert_allclose(found.detach().numpy(), expected_y.detach().numpy(), rtol=1e-5, atol=1e-6)
            assert strides(found) == strides(expected_y)
            if not found.requires_grad:
                continue
            for order in "CF":
                grad = np.asarray(np.random.default_rng(1).random(found.shape), np.float32, order)
                x.grad = expected.grad = None
                function(fastnn, x).backward(fastnn.from_numpy(grad))
                function(torch, expected).backward(torch.from_numpy(grad))
                np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_gradients_add_up_in_any_order_of_axes():
    array = np.random.default_rng(0).random((3, 4, 5), np.float32).transpose(2, 0, 1)
    x = fastnn.from_numpy(array).requires_grad_()
    y = x * 2
    (y.exp() + y.transpose(0, 1).contiguous().transpose(0, 1) + y * y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * (np.exp(2 * array) + 1 + 4 * array), rtol=1e-5)
    with fastnn.no_grad():
        z = x.clone()
        assert z.stride() == x.stride() and z.contiguous().is_contiguous()
        z += x.transpose(0, 2).contiguous().transpose(0, 2)
    np.testing.assert_allclose(z.numpy(), 2 * array, rtol=1e-6)


def test_dropout_keeps_the_layout():
    x = fastnn.ones(2, 5, 6, 3).permute(0, 3, 1, 2).requires_grad_()
    y = fastnn.nn.functional.dropout(x, 0.5)
    y.sum().backward()
    assert y.stride() == x.stride()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
