"""Random tensors of given distributions: the streams are PyTorch's."""
import numpy as np
import pytest

import fastnn

CASES = [
    lambda torch, t: torch.normal(t([0.0, 1.0, 2.0]), t([1.0, 0.5, 0.1])),
    lambda torch, t: torch.normal(t([[0.0], [1.0]]), 2.0),
    lambda torch, t: torch.normal(3.0, t([1.0, 0.5, 0.0])),
    lambda torch, t: torch.normal(1.0, 0.25, (3, 7)),
    lambda torch, t: torch.normal(2 * torch.ones(40, 2), 1),
    lambda torch, t: torch.bernoulli(t([0.0, 0.5, 1.0, 0.25] * 10)),
    lambda torch, t: torch.bernoulli(torch.empty(5, 3), 0.3),
    lambda torch, t: t([0.3] * 12).bernoulli(),
    lambda torch, t: torch.multinomial(t([0.1, 0.2, 0.7]), 2),
    lambda torch, t: torch.multinomial(t([[0.1, 0.2, 0.7], [1.0, 0.0, 3.0]]), 6, replacement=True),
    lambda torch, t: torch.randint_like(torch.zeros(3, 4), 10),
    lambda torch, t: torch.randint(7, size=(5,)),
    lambda torch, t: torch.randint(high=7, size=(5,), low=2),
]


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES)
def test_streams_are_pytorchs(case):
    torch = pytest.importorskip("torch")
    results = []
    for library in (torch, fastnn):
        library.manual_seed(3)
        first = case(library, library.tensor)
        results.append((first.numpy(), str(first.dtype), library.rand(2).numpy()))
    (theirs, kind, after), (ours, our_kind, our_after) = results
    assert kind == our_kind
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(our_after, after)


def test_errors():
    with pytest.raises(RuntimeError, match="std"):
        fastnn.normal(0.0, -1.0, (2,))
    with pytest.raises(RuntimeError, match="std"):
        fastnn.normal(fastnn.zeros(2), fastnn.tensor([1.0, -1.0]))
    with pytest.raises(RuntimeError, match=r"0 \.\. 1"):
        fastnn.bernoulli(fastnn.tensor([1.5]))
    with pytest.raises(RuntimeError, match=r"0 \.\. 1"):
        fastnn.bernoulli(fastnn.tensor([float("nan")]))
    with pytest.raises(RuntimeError):
        fastnn.multinomial(fastnn.tensor([1.0, 0.0]), 3)
    with pytest.raises(RuntimeError):
        fastnn.multinomial(fastnn.tensor([1.0, -1.0]), 1)
    with pytest.raises(TypeError, match="floating"):
        fastnn.bernoulli(fastnn.tensor([1]))


def test_drawing_has_gradient_zero():
    chances = fastnn.full((4,), 0.5, requires_grad=True)
    fastnn.bernoulli(chances).sum().backward()
    assert chances.grad.tolist() == [0.0] * 4
