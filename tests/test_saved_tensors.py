"""What nodes keep for backward: hooks that keep it in a form of the program's own, and how programs look at it."""
import numpy as np
import pytest

import fastnn


def saved_results(library):
    """Gradients of a network with its saved tensors packed, and how often hooks ran."""
    library.manual_seed(0)
    nn = library.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Dropout(0.5), nn.Linear(4, 2))
    x, calls = library.ones(2, 3, requires_grad=True), [0, 0]

    def pack(tensor):
        calls[0] += 1
        return tensor.detach().numpy().copy()

    def unpack(array):
        calls[1] += 1
        return library.from_numpy(array)
    with library.autograd.graph.saved_tensors_hooks(pack, unpack):
        out = model(x)
        loss = library.nn.functional.cross_entropy(out, library.tensor([1, 0])) * out.softmax(1)[0].prod()
    assert calls[0] > 5 and calls[1] == 0
    loss.backward()
    assert calls[1] > 5
    return [p.grad.numpy() for p in model.parameters()] + [x.grad.numpy()]


def test_saved_tensors_hooks():
    found = saved_results(fastnn)
    graph = fastnn.autograd.graph
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    for mine, other in zip(found, saved_results(torch), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda tensor: tensor.tolist(), fastnn.tensor):
        y = (x * x * x).sum()
    first, = fastnn.autograd.grad(y, x, create_graph=True)  # outside of the context, and twice
    assert fastnn.autograd.grad(first.sum(), x)[0].tolist() == [6.0, 12.0]


class _Square(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * a

    @staticmethod
    def backward(ctx, grad):
        return 2 * ctx.saved_tensors[0] * grad


def test_saved_tensors_hooks_of_functions_and_mistakes():
    graph = fastnn.autograd.graph
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda tensor: tensor * 10, lambda tensor: tensor):
        y = _Square.apply(x).sum()
    y.backward()
    assert x.grad.tolist() == [20.0, 40.0]
    for wrong, error, words in ((lambda kept: 3, TypeError, "Tensor"),
                                (lambda kept: fastnn.ones(3), RuntimeError, "shape"),
                                (lambda kept: kept.double(), RuntimeError, "float64")):
        with graph.saved_tensors_hooks(lambda tensor: tensor, wrong):
            y = (x * x).sum()
        with pytest.raises(error, match=words):
            y.backward()
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"):
            with graph.save_on_cpu():
                pass
    with fastnn.autograd.set_detect_anomaly(True), graph.save_on_cpu():
        assert fastnn.is_anomaly_enabled()
    assert not fastnn.is_anomaly_enabled()
    (x * x).sum().backward()


def test_what_nodes_keep():
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    node, y = x.pow(2).grad_fn, x.exp()
    assert node._saved_self is x and y.grad_fn._saved_result.equal(y) and not hasattr(y.grad_fn, "_saved_self")
    product = (x * y).grad_fn
    assert product._saved_self is x and product._saved_other.equal(y)
    with pytest.raises(AttributeError, match="no attribute '_saved_exponent'"):
        node._saved_exponent  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'weight'"):
        node.weight  # noqa: B018
