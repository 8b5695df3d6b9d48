"""utils.checkpoint beside PyTorch's: the same gradients, the same draws, less kept."""
import importlib
import weakref

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.utils.checkpoint import checkpoint, checkpoint_sequential


def program(library, utils):
    """Gradients of a network in checkpoints, of nested ones, and of gradients."""
    out, n = [], library.nn
    for reentrant in (False, True):
        library.manual_seed(0)
        model = n.Sequential(n.Linear(4, 5), n.Tanh(), n.Dropout(0.5), n.Linear(5, 3), n.Tanh(), n.Linear(3, 2))
        x = library.randn(6, 4, requires_grad=True)
        y = utils.checkpoint(model, x * 2, use_reentrant=reentrant)
        library.randn(3)  # draws between the passes change nothing
        y.pow(2).sum().backward()
        out += [y, x.grad, library.randn(2), *(p.grad for p in model.parameters())]
        model.zero_grad()
        h = x.detach().requires_grad_()
        utils.checkpoint_sequential(model, 3, h, use_reentrant=reentrant).sum().backward()
        out += [h.grad, *(p.grad for p in model.parameters())]
    w = library.tensor([1.5, 2.0], requires_grad=True)
    held = w.exp()

    def inner(a):
        return (a * held).sin()

    def outer(a, scale=None):
        return {"y": utils.checkpoint(inner, a, use_reentrant=False) * scale, "n": 3}
    a = library.tensor([0.3, 0.4], requires_grad=True)
    result = utils.checkpoint(outer, a, use_reentrant=False, scale=w)
    assert result["n"] == 3
    first = library.autograd.grad(result["y"].sum(), [a, w], create_graph=True)
    out += [*first, *library.autograd.grad(first[0].sum() + (first[1] ** 2).sum(), [a, w])]
    return [x.detach().numpy() for x in out]


@pytest.mark.torch
def test_as_in_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    mine = program(fastnn, importlib.import_module("fastnn.utils.checkpoint"))
    theirs = program(torch, importlib.import_module("torch.utils.checkpoint"))
    for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=str(i))


def test_runs_again_and_keeps_nothing_between():
    calls, kept = [], []

    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            calls.append(fastnn.is_grad_enabled())
            y = self.layer(x).exp()
            kept.append(weakref.ref(y))
            return y.sum(1)
    part = Part()
    y = checkpoint(part, fastnn.ones(2, 3), use_reentrant=False)  # no argument requires a gradient
    assert y.requires_grad and len(calls) == 1 and kept[0]() is None
    y.sum().backward()
    assert len(calls) == 2 and part.layer.weight.grad is not None
    with fastnn.no_grad():
        assert not checkpoint(part, fastnn.ones(2, 3), use_reentrant=False).requires_grad
    with pytest.warns(UserWarning, match="None of the inputs"):
        assert not checkpoint(part, fastnn.ones(2, 3), use_reentrant=True).requires_grad
    x = fastnn.ones(2, 3, requires_grad=True)
    with pytest.warns(UserWarning, match="use_reentrant parameter"):
        checkpoint(part, x).sum().backward()
    assert x.grad is not None
    assert checkpoint(lambda x: (x, 5), fastnn.ones(2), use_reentrant=False)[1] == 5


def test_contexts_and_errors():
    entered = []

    class Seen:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *error):
            pass
    x = fastnn.ones(2, requires_grad=True)
    y = checkpoint(fastnn.sin, x, use_reentrant=False, context_fn=lambda: (Seen("first"), Seen("second")))
    y.sum().backward()
    assert entered == ["first", "second"]
    sizes = iter([2, 3])
    y = checkpoint(lambda x: x.sum() * fastnn.ones(next(sizes)), x, use_reentrant=False)
    with pytest.raises(RuntimeError, match="different metadata"):
        y.sum().backward()
    for options, text in (({"determinism_check": "some", "use_reentrant": False}, "determinism_check"),
                          ({"use_reentrant": True, "other": 1}, "Unexpected keyword arguments: other")):
        with pytest.raises(ValueError, match=text):
            checkpoint(fastnn.sin, x, **options)
    with pytest.raises(ValueError, match="Unexpected"):
        checkpoint_sequential(nn.Sequential(nn.ReLU()), 1, x, other=1)
