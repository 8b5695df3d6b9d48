"""Recurrent layers as users see them: states, packed sequences, backends, and PyTorch's results."""
import numpy as np
import pytest

import fastnn as torch
from fastnn import nn
from fastnn.kernels import _core
from fastnn.nn.utils import rnn as utils

KINDS = ("RNN", "LSTM", "GRU")


def make(kind, *args, **kwargs):
    torch.manual_seed(3)
    return getattr(nn, kind)(*args, **kwargs)


def states(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["c", "reference"])
@pytest.mark.parametrize(("steps", "batch", "hidden"), [(1, 1, 1), (4, 1, 3), (1, 5, 17), (6, 2, 1), (3, 0, 4)])
def test_edge_shapes(kind, backend, steps, batch, hidden):
    layer = make(kind, 2, hidden, 2, bidirectional=True)
    x = torch.randn(steps, batch, 2, requires_grad=True)
    with torch.use_backend(backend):
        y, state = layer(x)
        (y.sum() + sum(s.sum() for s in states(state))).backward()
    assert y.shape == (steps, batch, 2 * hidden)
    assert all(s.shape == (4, batch, hidden) for s in states(state))
    assert x.grad.shape == x.shape
    assert all(p.grad.shape == p.shape for p in layer.parameters())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_is_each_sequence_alone(kind, bidirectional):
    layer = make(kind, 3, 5, 2, bidirectional=bidirectional, batch_first=True).double()
    lengths = [4, 7, 1, 4]
    sequences = [torch.randn(n, 3, dtype=torch.float64) for n in lengths]
    packed = utils.pack_padded_sequence(utils.pad_sequence(sequences, batch_first=True), lengths, batch_first=True,
                                        enforce_sorted=False)
    out, state = layer(packed)
    padded, found = utils.pad_packed_sequence(out, batch_first=True)
    assert found.tolist() == lengths
    (padded.square().sum() + sum(s.square().sum() for s in states(state))).backward()
    gradients = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    total = 0
    for i, sequence in enumerate(sequences):
        y, alone = layer(sequence)
        total = total + y.square().sum() + sum(s.square().sum() for s in states(alone))
        np.testing.assert_allclose(padded[i, :len(sequence)].detach(), y.detach(), rtol=1e-12)
        assert not padded[i, len(sequence):].detach().numpy().any()
        for one, many in zip(states(alone), states(state), strict=True):
            np.testing.assert_allclose(many[:, i].detach(), one.detach(), rtol=1e-12)
    total.backward()
    for gradient, p in zip(gradients, layer.parameters(), strict=True):
        np.testing.assert_allclose(gradient, p.grad, rtol=1e-9, atol=1e-12)


def test_packing_there_and_back():
    sequences = [torch.arange(n) + 10 * n for n in (3, 2, 1)]
    packed = utils.pack_sequence(sequences)
    assert packed.data.tolist() == [30, 20, 10, 31, 21, 32]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices is None
    assert [s.tolist() for s in utils.unpack_sequence(packed)] == [s.tolist() for s in sequences]
    shuffled = utils.pack_sequence(sequences[::-1], enforce_sorted=False)
    assert shuffled.data.tolist() == packed.data.tolist()
    assert shuffled.sorted_indices.tolist() == [2, 1, 0]
    for batch_first in (False, True):
        padded, lengths = utils.pad_packed_sequence(shuffled, batch_first, padding_value=-1, total_length=4)
        assert lengths.tolist() == [1, 2, 3]
        padded = padded if batch_first else padded.transpose(0, 1)
        assert padded.tolist() == [[10, -1, -1, -1], [20, 21, -1, -1], [30, 31, 32, -1]]
    assert utils.pad_sequence(sequences[1:], padding_side="left").tolist() == [[20, 0], [21, 10]]


def test_packing_errors():
    x = torch.zeros(3, 2, 1)
    with pytest.raises(RuntimeError, match="sorted in decreasing order"):
        utils.pack_padded_sequence(x, [1, 2])
    with pytest.raises(RuntimeError, match="greater than 0"):
        utils.pack_padded_sequence(x, [1, 0])
    with pytest.raises(RuntimeError, match=r"at most 3.* got 4"):
        utils.pack_padded_sequence(x, [4, 1])
    with pytest.raises(RuntimeError, match="batch_size=2"):
        utils.pack_padded_sequence(x, [3])
    with pytest.raises(ValueError, match="total_length=2"):
        utils.pad_packed_sequence(utils.pack_padded_sequence(x, [3, 1]), total_length=2)
    with pytest.raises(RuntimeError, match="empty list"):
        utils.pad_sequence([])


@pytest.mark.parametrize("kind", KINDS)
def test_states_carry_on(kind):
    """A sequence in two pieces, the state handed over: same result; and detached states stop gradients."""
    layer = make(kind, 2, 6)
    x = torch.randn(8, 3, 2)
    whole, last = layer(x)
    first, state = layer(x[:5])
    second, state = layer(x[5:], state)
    np.testing.assert_array_equal(torch.cat([first, second]).detach(), whole.detach())
    np.testing.assert_array_equal(states(state)[0].detach(), states(last)[0].detach())
    x.requires_grad_()
    _, state = layer(x[:5])
    state = tuple(s.detach() for s in states(state))
    layer(x[5:], state if kind == "LSTM" else state[0])[0].sum().backward()
    assert not x.grad[:5].numpy().any()
    assert x.grad[5:].numpy().all()


def test_final_state_alone_and_twice():
    """Only the state is used; retained graphs give the same gradient again."""
    layer = make("LSTM", 2, 4)
    x = torch.randn(3, 2, 2, requires_grad=True)
    y, (h, c) = layer(x)
    c.sum().backward(retain_graph=True)
    once = x.grad.clone()
    x.grad = None
    c.sum().backward(retain_graph=True)
    np.testing.assert_array_equal(x.grad, once)
    x.grad = None
    h.sum().backward(retain_graph=True)
    of_state = x.grad.clone()
    x.grad = None
    y[-1].sum().backward()
    np.testing.assert_allclose(of_state, x.grad, rtol=1e-6)


def test_changes_in_place_are_noticed():
    layer = make("GRU", 2, 4)
    y, _ = layer(torch.randn(3, 2, 2))
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_truncated_training_lowers_the_loss():
    torch.manual_seed(0)
    layer, head = nn.LSTM(1, 16, batch_first=True), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.01)
    t = torch.arange(121, dtype=torch.float32) * 0.2
    wave = torch.sin(t).reshape(1, -1, 1)
    losses = []
    for _ in range(15):
        state = None
        for start in range(0, 120, 20):
            y, state = layer(wave[:, start:start + 20], state)
            state = tuple(s.detach() for s in state)
            loss = nn.functional.mse_loss(head(y), wave[:, start + 1:start + 21])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-6:]) < 0.1 * np.mean(losses[:6])


@pytest.mark.parametrize("kind", KINDS)
def test_nan_and_infinity_spread(kind):
    layer = make(kind, 2, 4)
    x = torch.zeros(4, 2, 2)
    x[1, 0, 0] = float("nan")
    y = layer(x)[0].detach().numpy()
    assert np.isfinite(y[:, 1]).all()
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1:, 0]).all()
    x[1, 0, 0] = float("inf")
    assert not np.isnan(layer(x)[0].detach().numpy()[:, 1]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_for_any_number_of_threads(kind, kernel_settings):
    layer = make(kind, 12, 40, 2, bidirectional=True)
    x = torch.randn(9, 23, 12)
    found = []
    _core.set_thread_cost(0)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        layer.zero_grad()
        layer(x)[0].square().sum().backward()
        found.append([p.grad.numpy().copy() for p in layer.parameters()])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_cell_is_a_layer_of_one_step(kind):
    layer, cell = make(kind, 3, 5), getattr(nn, kind + "Cell")(3, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = torch.randn(6, 2, 3)
    state = None
    for t in range(6):
        state = cell(x[t], state)
    np.testing.assert_allclose(states(state)[0].detach(), layer(x)[0][-1].detach(), rtol=1e-5, atol=1e-6)


def test_dropout_between_layers_only():
    layer = make("GRU", 4, 8, 2, dropout=1.0)
    plain = make("GRU", 4, 8, 2)
    x = torch.randn(3, 2, 4)
    np.testing.assert_array_equal(layer.eval()(x)[0].detach(), plain(x)[0].detach())
    layer.train()
    y, _ = layer(x)
    np.testing.assert_array_equal(y.detach(), layer(x * 2)[0].detach())  # the second layer sees zeros
    assert y.detach().numpy().any()


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False}])
@pytest.mark.parametrize("kind", KINDS)
def test_pytorch_exchanges_states(kind, options):
    theirs = pytest.importorskip("torch")
    ours = make(kind, 3, 20, batch_first=True, **options)
    theirs.manual_seed(3)
    other = getattr(theirs.nn, kind)(3, 20, batch_first=True, **options)
    assert repr(ours) == repr(other)
    for (name, a), (other_name, b) in zip(ours.state_dict().items(), other.state_dict().items(), strict=True):
        assert name == other_name
        np.testing.assert_array_equal(a, b)
    x = np.random.default_rng(0).standard_normal((4, 11, 3)).astype(np.float32)
    lengths = [5, 11, 1, 7]
    results = []
    for library, layer in ((torch, ours), (theirs, other)):
        packed = library.nn.utils.rnn.pack_padded_sequence(library.tensor(x), library.tensor(lengths),
                                                           batch_first=True, enforce_sorted=False)
        out, state = layer(packed)
        (out.data.square().sum() + states(state)[-1].sum()).backward()
        results.append([out.data.detach().numpy(), out.batch_sizes.numpy(), out.sorted_indices.numpy(),
                        *(s.detach().numpy() for s in states(state)), *(p.grad.numpy() for p in layer.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
