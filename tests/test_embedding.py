"""Embeddings: gradients of the rows in use, padding, shortened rows, bags; both backends, threads, PyTorch's seeds."""
import numpy as np
import pytest

import fastnn
from fastnn import kernels, nn
from fastnn.config import use_backend
from fastnn.nn import functional as F


@pytest.fixture(params=["c", "reference"])
def backend(request):
    with use_backend(request.param):
        yield request.param


def test_rows_and_their_gradient(backend):
    layer = nn.Embedding(5, 3, padding_idx=1)
    assert (layer.weight[1] == 0).all() and not (layer.weight[0] == 0).any()
    tokens = fastnn.tensor([[0, 1, 4], [4, 4, 1]])
    out = layer(tokens)
    assert out.shape == (2, 3, 3) and (out[0, 2] == layer.weight[4]).all()
    out.sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [1, 0, 0, 0, 3]


def test_no_tokens(backend):
    layer = nn.Embedding(4, 2)
    out = layer(fastnn.zeros(0, 7, dtype=fastnn.int64))
    assert out.shape == (0, 7, 2)
    out.sum().backward()
    assert (layer.weight.grad == 0).all()


def test_padding_counts_from_the_end():
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3 and repr(layer) == "Embedding(4, 2, padding_idx=3)"
    with pytest.raises(AssertionError, match="Padding_idx"):
        nn.Embedding(4, 2, padding_idx=4)


def test_long_rows_are_shortened():
    weight = fastnn.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]], requires_grad=True)
    out = F.embedding(fastnn.tensor([0, 1]), weight, max_norm=1.0)
    assert np.allclose(out.detach().numpy(), [[0.6, 0.8], [0.3, 0.4]], atol=1e-6)
    assert weight[2].tolist() == [30, 40], "rows that are not in use stay"
    with pytest.raises(IndexError):
        F.embedding(fastnn.tensor([2, 9]), weight, max_norm=1.0)
    assert weight[2].tolist() == [30, 40], "an error changes nothing"


def test_frequency_scales_gradients():
    weight = fastnn.ones(3, 2).requires_grad_()
    F.embedding(fastnn.tensor([0, 0, 2, 0]), weight, scale_grad_by_freq=True).sum().backward()
    assert np.allclose(weight.grad.numpy()[:, 0], [1, 0, 1])


def test_sparse_gradient():
    layer = nn.Embedding(3, 2, sparse=True)
    layer(fastnn.tensor([1])).sum().backward()
    assert layer.weight.grad.is_sparse and layer.weight.grad.to_dense().tolist() == [[0, 0], [1, 1], [0, 0]]


def test_changed_indices_are_an_error():
    weight, index = fastnn.ones(3, 2).requires_grad_(), fastnn.tensor([0, 1])
    out = F.embedding(index, weight).sum()
    index += 1
    with pytest.raises(RuntimeError, match="inplace"):
        out.backward()


@pytest.mark.parametrize(("index", "error"), [
    (fastnn.tensor([3]), IndexError), (fastnn.tensor([-1]), IndexError), (fastnn.tensor([0.0]), RuntimeError)])
def test_bad_indices(index, error):
    with pytest.raises(error, match="embedding"):
        nn.Embedding(3, 2)(index)


def test_from_pretrained():
    layer = nn.Embedding.from_pretrained(fastnn.tensor([[1.0, 2.0]]))
    assert not layer.weight.requires_grad and layer(fastnn.tensor(0)).tolist() == [1, 2]
    assert nn.EmbeddingBag.from_pretrained(fastnn.ones(2, 2), freeze=False).weight.requires_grad


def test_bags(backend):
    weight = fastnn.tensor([[1.0, 5.0], [2.0, 4.0], [3.0, 3.0]], requires_grad=True)
    index, offsets = fastnn.tensor([0, 1, 2, 2]), fastnn.tensor([0, 2, 2])
    expected = {"sum": [[3, 9], [0, 0], [6, 6]], "mean": [[1.5, 4.5], [0, 0], [3, 3]],
                "max": [[2, 5], [0, 0], [3, 3]]}
    for mode, values in expected.items():
        assert F.embedding_bag(index, weight, offsets, mode=mode).tolist() == values
    assert F.embedding_bag(index.reshape(2, 2), weight, mode="sum", padding_idx=0).tolist() == [[2, 4], [6, 6]]
    F.embedding_bag(index, weight, offsets, mode="max").sum().backward()
    assert weight.grad.tolist() == [[0, 1], [1, 0], [1, 1]]


def test_weighted_bags(backend):
    weight = fastnn.tensor([[1.0, 5.0], [2.0, 4.0]], requires_grad=True)
    factors = fastnn.tensor([[0.5, 2.0]], requires_grad=True)
    out = F.embedding_bag(fastnn.tensor([[0, 1]]), weight, mode="sum", per_sample_weights=factors)
    assert out.tolist() == [[4.5, 10.5]]
    out.sum().backward()
    assert factors.grad.tolist() == [[6, 6]] and weight.grad.tolist() == [[0.5, 0.5], [2, 2]]
    with pytest.raises(NotImplementedError, match="per_sample_weights"):
        F.embedding_bag(fastnn.tensor([[0, 1]]), weight, per_sample_weights=factors)


def test_same_bits_for_any_thread_count(kernel_settings):
    kernels._core.set_thread_cost(0)
    rng = np.random.default_rng(0)
    grad, index = rng.standard_normal((5000, 80)).astype(np.float32), rng.zipf(1.5, 5000) % 300
    results = []
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        results.append(kernels.embedding_backward(grad, index, 300))
    assert all((result == results[0]).all() for result in results)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
def test_same_seed_same_weights_as_torch(kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    fastnn.manual_seed(3)
    theirs, ours = getattr(torch.nn, kind)(20, 6, padding_idx=2), getattr(nn, kind)(20, 6, padding_idx=2)
    assert (theirs.weight.detach().numpy() == ours.weight.detach().numpy()).all()
    assert repr(theirs) == repr(ours) and list(theirs.state_dict()) == list(ours.state_dict())
