"""Attention as users see it: shapes at the edge, masks, threads, backends, weights, exchange with PyTorch."""
import contextlib
import math

import numpy as np
import pytest

import fastnn
import fastnn.nn.functional as F
from fastnn import nn

BACKENDS = ("c", "reference")


def draw(*shape, seed=0, dtype=fastnn.float32):
    return fastnn.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def plain(q, k, v, mask=None):
    """The textbook's formula by other operations."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def gradients(function, *tensors):
    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    out = function(*tensors)
    out.backward(draw(*out.shape, seed=9, dtype=out.dtype))
    return [out, *[tensor.grad for tensor in tensors]]


@contextlib.contextmanager
def use_threads(count):
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(count)
    yield
    fastnn.set_num_threads(before)


def same(found, expected, tolerance=1e-5):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (3, 7, 8), (6, 2), (2, 1, 2, 3, 4), (0, 2, 3, 4), (1, 1, 1, 1)])
def test_is_the_formula(shape, backend):
    q, k, v = (draw(*shape, seed=i) for i in range(3))
    with fastnn.use_backend(backend):
        same(gradients(F.scaled_dot_product_attention, q, k, v), gradients(plain, q, k, v))
        causal = fastnn.ones(shape[-2], shape[-2]).tril().bool()
        same(gradients(lambda *x: F.scaled_dot_product_attention(*x, is_causal=True), q, k, v),
             gradients(lambda *x: plain(*x, causal), q, k, v))


def test_heads_in_a_projection_need_no_copy():
    x = draw(2, 9, 3 * 8).requires_grad_()
    q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in x.chunk(3, -1))
    out = F.scaled_dot_product_attention(q, k, v)
    assert out.transpose(1, 2).is_contiguous()
    same([out], [plain(q, k, v)])


def test_a_query_that_sees_nothing_gives_zero():
    q = draw(1, 1, 3, 4).requires_grad_()
    mask = fastnn.tensor([[True, True], [False, False], [True, False]])
    for given in (mask, fastnn.zeros(3, 2).masked_fill(~mask, -math.inf)):
        q.grad = None
        out = F.scaled_dot_product_attention(q, draw(1, 1, 2, 4), draw(1, 1, 2, 4), attn_mask=given)
        out.sum().backward()
        assert (out[0, 0, 1] == 0).all() and (q.grad[0, 0, 1] == 0).all()
        assert out.isfinite().all() and q.grad.isfinite().all()


def test_causal_and_mask_are_both_obeyed():
    q, k, v = (draw(1, 2, 20, 4, seed=i) for i in range(3))
    mask = fastnn.from_numpy(np.random.default_rng(3).random((20, 20)) < 0.7) | fastnn.eye(20).bool()
    same([F.scaled_dot_product_attention(q, k, v, mask, is_causal=True)],
         [plain(q, k, v, mask & fastnn.ones(20, 20).tril().bool())])


def test_shared_key_heads():
    q, k, v = draw(2, 6, 5, 4), draw(2, 2, 7, 4, seed=1), draw(2, 2, 7, 3, seed=2)
    same(gradients(lambda *x: F.scaled_dot_product_attention(*x, enable_gqa=True), q, k, v),
         gradients(lambda q, k, v: plain(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1)), q, k, v))
    with pytest.raises(RuntimeError):
        F.scaled_dot_product_attention(q, k, v)


@pytest.mark.parametrize("shape", [(1, 1, 600, 16), (2, 3, 70, 20), (3, 1, 300, 8)])
def test_same_bits_for_any_number_of_threads(shape):
    q, k, v = (draw(*shape, seed=i) for i in range(3))
    results = []
    for threads in (1, 2, 3):
        with use_threads(threads):
            fastnn.manual_seed(0)
            results.append(gradients(lambda *x: F.scaled_dot_product_attention(*x, dropout_p=0.2, is_causal=True),
                                     q, k, v))
    for other in results[1:]:
        for x, y in zip(results[0], other):
            assert x.detach().numpy().tobytes() == y.detach().numpy().tobytes()


def test_dropout_drops_weights_and_keeps_their_mean():
    q, k = draw(1, 1, 200, 8), draw(1, 1, 50, 8)
    fastnn.manual_seed(0)
    out = F.scaled_dot_product_attention(q, k, fastnn.eye(50)[None, None], dropout_p=0.25)
    assert abs((out == 0).float().mean().item() - 0.25) < 0.02
    assert abs(out.sum(-1).mean().item() - 1) < 0.02
    fastnn.manual_seed(0)
    again = F.scaled_dot_product_attention(q, k, fastnn.eye(50)[None, None], dropout_p=0.25)
    assert (out == again).all()


def test_change_of_a_saved_tensor_is_noticed():
    q, k, v = (draw(1, 1, 3, 4, seed=i).requires_grad_() for i in range(3))
    for which in range(4):
        x = [tensor * 1 for tensor in (q, k, v)]
        out = F.scaled_dot_product_attention(*x)
        (x + [out])[which].mul_(2)
        with pytest.raises(RuntimeError, match="inplace"):
            out.sum().backward()


@pytest.mark.parametrize("args, error", [
    ((draw(4), draw(3, 4), draw(3, 4)), RuntimeError),
    ((draw(3, 4), draw(3, 5), draw(3, 4)), RuntimeError),
    ((draw(3, 4), draw(3, 4), draw(2, 4)), RuntimeError),
    ((draw(3, 4).double(), draw(3, 4), draw(3, 4)), RuntimeError),
    ((draw(3, 4).long(),) * 3, RuntimeError),
    ((draw(3, 4),) * 3 + (fastnn.zeros(4, 3),), RuntimeError),
    ((draw(3, 4),) * 3 + (fastnn.zeros(3, 3).long(),), RuntimeError),
    ((draw(3, 4),) * 3 + (None, 1.5), RuntimeError),
    ((draw(3, 4), None, draw(3, 4)), TypeError),
])
def test_errors(args, error):
    with pytest.raises(error):
        F.scaled_dot_product_attention(*args)


# ---- modules ----

@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("masked", ["", "padding", "attn", "both", "causal"])
def test_weights_do_not_change_the_result(masked, batch_first, backend):
    with fastnn.use_backend(backend):
        fastnn.manual_seed(0)
        layer = nn.MultiheadAttention(12, 3, batch_first=batch_first)
        x = draw(2, 5, 12) if batch_first else draw(5, 2, 12)
        padding = fastnn.tensor([[False] * 5, [False] * 3 + [True] * 2])
        attn = fastnn.ones(5, 5).triu(1).bool()
        masks = {"padding": {"key_padding_mask": padding}, "attn": {"attn_mask": attn}, "causal": {"attn_mask": attn},
                 "both": {"key_padding_mask": padding, "attn_mask": attn}, "": {}}[masked]
        with_weights = layer(x, x, x, **masks)
        without = layer(x, x, x, need_weights=False, is_causal=masked == "causal", **masks)
        same([without[0]], [with_weights[0]])
        assert without[1] is None and with_weights[1].shape == (2, 5, 5)
        per_head = layer(x, x, x, average_attn_weights=False, **masks)[1]
        assert per_head.shape == (2, 3, 5, 5)
        same([per_head.mean(1), per_head.sum(-1)], [with_weights[1], fastnn.ones(2, 3, 5)])


def test_layouts_and_missing_batch_agree():
    fastnn.manual_seed(1)
    first = nn.MultiheadAttention(8, 2, batch_first=True)
    last = nn.MultiheadAttention(8, 2)
    last.load_state_dict(first.state_dict())
    q, kv = draw(3, 4, 8), draw(3, 6, 8, seed=1)
    out, weights = first(q, kv, kv)
    other, _ = last(q.transpose(0, 1), kv.transpose(0, 1), kv.transpose(0, 1))
    same([other.transpose(0, 1)], [out])
    single, single_weights = first(q[1], kv[1], kv[1])
    same([single, single_weights], [out[1], weights[1]])
    same([first(q, kv, kv.clone())[0]], [out])


def test_gradient_through_the_weights():
    layer = nn.MultiheadAttention(6, 2, batch_first=True).double()
    x = draw(2, 3, 6, dtype=fastnn.float64)

    def loss(value):
        out, weights = layer(value, value, value)
        return (out ** 2).sum() + (weights ** 3).sum()
    tracked = x.clone().requires_grad_()
    loss(tracked).backward()
    for at in ((0, 0, 0), (1, 2, 5)):
        step = fastnn.zeros(2, 3, 6, dtype=fastnn.float64)
        step[at] = 1e-6
        slope = (loss(x + step) - loss(x - step)).item() / 2e-6
        assert abs(slope - tracked.grad[at].item()) < 1e-6


def test_zero_batch_and_length_one():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    for shape in ((0, 3, 8), (2, 1, 8), (1, 1, 8)):
        x = draw(*shape).requires_grad_()
        out = layer(x)
        out.sum().backward()
        assert out.shape == shape and x.grad.shape == shape and out.isfinite().all()


def test_causal_hint_is_found_and_used():
    fastnn.manual_seed(0)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2)
    x, mask = draw(2, 5, 8), nn.Transformer.generate_square_subsequent_mask(5)
    out = encoder(x, mask=mask)
    changed = x.clone()
    changed[:, 3:] += 1
    same([encoder(changed, mask=mask)[:, :3], encoder(x, mask=mask, is_causal=False)], [out[:, :3], out])


def test_dropout_in_training_only():
    fastnn.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    x = draw(2, 5, 8)
    assert not (layer(x, x, x)[0] == layer(x, x, x)[0]).all()
    layer.eval()
    assert (layer(x, x, x)[0] == layer(x, x, x)[0]).all()


def test_module_errors():
    layer, x = nn.MultiheadAttention(8, 2), draw(5, 2, 8)
    with pytest.raises(AssertionError):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(ValueError):
        nn.MultiheadAttention(0, 1)
    with pytest.raises(AssertionError):
        layer(draw(5, 2, 7), x, x)
    with pytest.raises(RuntimeError):
        layer(x, x, x, attn_mask=fastnn.zeros(4, 5))
    with pytest.raises(RuntimeError):
        layer(x, x, x, is_causal=True, need_weights=False)
    with pytest.raises(AssertionError):
        layer(x, x, x, key_padding_mask=fastnn.zeros(2, 5).long())
    with pytest.raises(RuntimeError):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")
    with pytest.raises(RuntimeError):
        nn.Transformer(8, 2, 1, 1, 16)(x, draw(5, 3, 8))
    with pytest.raises(NotImplementedError, match="static_k"):
        F.multi_head_attention_forward(x, x, x, 8, 2, layer.in_proj_weight, None, None, None, False, 0.0,
                                       layer.out_proj.weight, None, static_k=x)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_state_and_results_are_pytorch_s(norm_first):
    torch = pytest.importorskip("torch")
    options = {"d_model": 8, "nhead": 2, "num_encoder_layers": 2, "num_decoder_layers": 1, "dim_feedforward": 12,
               "dropout": 0.0, "norm_first": norm_first, "activation": "gelu"}
    torch.manual_seed(0)
    fastnn.manual_seed(0)
    theirs, ours = torch.nn.Transformer(**options), nn.Transformer(**options)
    assert repr(ours) == repr(theirs)
    for (name, x), (expected_name, y) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert name == expected_name and np.allclose(x.numpy(), y.numpy(), atol=1e-7), name
    theirs.load_state_dict({name: torch.from_numpy(x.numpy() + 0.1) for name, x in ours.state_dict().items()})
    ours.load_state_dict({name: fastnn.from_numpy(x.numpy()) for name, x in theirs.state_dict().items()})
    src, tgt = draw(5, 3, 8), draw(4, 3, 8, seed=1)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    found = ours(src, tgt, tgt_mask=mask)
    expected = theirs(*(torch.from_numpy(x.numpy()) for x in (src, tgt)), tgt_mask=torch.from_numpy(mask.numpy()))
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    found.square().mean().backward()
    expected.square().mean().backward()
    for (name, x), y in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
