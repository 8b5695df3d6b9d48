"""Multi-head attention (Vaswani et al. 2017): projections around the attention kernel, which reads them as they lie."""
import warnings

from fastnn._tensor import Tensor
from fastnn.dtypes import bool as bool_dtype
from fastnn.ops._common import need_tensors
from fastnn.ops._function import Function
from fastnn.ops.attention import packed_attention
from fastnn.ops.compare import logical_or
from fastnn.ops.creation import zeros, zeros_like
from fastnn.ops.declare import operation
from fastnn.ops.linear import linear
from fastnn.ops.joining import cat

NAME = "multi_head_attention_forward"


def is_batched(query, key, value, key_padding_mask, attn_mask, num_heads):
    """Whether there is a batch dimension; AssertionError if dimensions do not fit each other."""
    need_tensors(NAME, query, key, value)
    for name, mask in (("key_padding_mask", key_padding_mask), ("attn_mask", attn_mask)):
        if mask is not None and not isinstance(mask, Tensor):
            raise TypeError(f"{NAME}(): argument '{name}' must be Tensor or None, not {type(mask).__name__}")
    if query.ndim not in (2, 3):
        raise AssertionError(f"{NAME}: expected a 2-D or 3-D query, got {query.ndim}-D")
    for name, tensor, expected in (("key", key, (query.ndim,)), ("value", value, (query.ndim,)),
                                   ("key_padding_mask", key_padding_mask, (query.ndim - 1,)),
                                   ("attn_mask", attn_mask, (2, 3))):
        if tensor is not None and tensor.ndim not in expected:
            raise AssertionError(f"{NAME}: expected {name} with {' or '.join(map(str, expected))} dimensions for a "
                                 f"{query.ndim}-D query, got {tensor.ndim}")
    if query.ndim == 2 and attn_mask is not None and attn_mask.ndim == 3:
        expected = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != expected:
            raise AssertionError(f"{NAME}: expected attn_mask {expected}, got {tuple(attn_mask.shape)}")
    return query.ndim == 3


def check_masks(attn_mask, key_padding_mask):
    """Both bool (True forbids) or floating (added); a mixture works, with PyTorch's warning."""
    for name, mask in (("attn_mask", attn_mask), ("key_padding_mask", key_padding_mask)):
        if mask is not None and mask.dtype != bool_dtype and not mask.is_floating_point():
            raise AssertionError(f"{NAME}: expected {name} of bool or a floating dtype, got {mask.dtype}")
    if attn_mask is not None and key_padding_mask is not None and attn_mask.dtype != key_padding_mask.dtype:
        warnings.warn("Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both "
                      "instead.", stacklevel=3)


def longer(mask, extra):
    """The mask for `extra` more keys, which no query is masked from."""
    return mask if mask is None or not extra else cat([mask, zeros(*mask.shape[:-1], extra, dtype=mask.dtype)], -1)


def added(mask, dtype):
    """A bool mask as numbers to add."""
    if mask.dtype != bool_dtype:
        return mask
    return zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf"))


def merged(attn_mask, key_padding_mask, batch, heads, dtype):
    """One mask that broadcasts to (batch, heads, time, S), or None."""
    if attn_mask is not None and attn_mask.ndim == 3:
        attn_mask = attn_mask.reshape(batch, heads, *attn_mask.shape[1:])
    if key_padding_mask is None:
        return attn_mask
    key_padding_mask = key_padding_mask.reshape(batch, 1, 1, key_padding_mask.shape[-1])
    if attn_mask is None:
        return key_padding_mask
    if attn_mask.dtype == key_padding_mask.dtype == bool_dtype:
        return logical_or(attn_mask, key_padding_mask)
    return added(attn_mask, dtype) + added(key_padding_mask, dtype)


def project(query, key, value, weight, weights, bias):
    """The projections, as few tensors as possible: (qkv,), (q, kv) or (q, k, v)."""
    if weights is not None:
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    if query is key and key is value:
        return (linear(query, weight, bias),)
    embed = weight.shape[0] // 3
    if key is value:
        parts, inputs = [embed, 2 * embed], (query, key)
    else:
        parts, inputs = [embed] * 3, (query, key, value)
    biases = (None,) * 3 if bias is None else bias.split(parts)
    return tuple(linear(x, w, b) for x, w, b in zip(inputs, weight.split(parts), biases))


def separate(sources):
    """(q, k, v)."""
    if len(sources) == 1:
        return sources[0].chunk(3, -1)
    return sources if len(sources) == 3 else (sources[0], *sources[1].chunk(2, -1))


def check_sizes(query, key, value, embed_dim, num_heads, separate_weights):
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"{NAME}: expected query of width {embed_dim}, got {query.shape[-1]}")
    if embed_dim % num_heads:
        raise AssertionError(f"{NAME}: embed_dim {embed_dim} is not divisible by num_heads {num_heads}")
    fits = key.shape[:2] == value.shape[:2] if separate_weights else key.shape == value.shape
    if not fits:
        raise AssertionError(f"{NAME}: key {tuple(key.shape)} and value {tuple(value.shape)} do not fit")


def attend(query, key, value, embed_dim, num_heads, weight, weights, bias, bias_k, bias_v, add_zero_attn, dropout_p,
           out_weight, out_bias, key_padding_mask, need_weights, attn_mask, average, is_causal, batch_first):
    """Multi-head attention of (batch, time, width) or (time, batch, width); PyTorch's function and module call it."""
    batched = is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        batch_first = False
        same = query is key and key is value
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key, value = (query, query) if same else (key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    check_masks(attn_mask, key_padding_mask)
    if is_causal and attn_mask is None:
        raise RuntimeError(f"{NAME}: is_causal is a hint about attn_mask, which is None; "
                           f"Transformer.generate_square_subsequent_mask makes one")
    causal = is_causal and key_padding_mask is None and not need_weights
    if causal:
        attn_mask = None
    check_sizes(query, key, value, embed_dim, num_heads, weights is not None)
    time = 1 if batch_first else 0
    batch, length, keys = query.shape[1 - time], query.shape[time], key.shape[time]
    if attn_mask is not None:
        expected = (length, keys) if attn_mask.ndim == 2 else (batch * num_heads, length, keys)
        if tuple(attn_mask.shape) != expected:
            raise RuntimeError(f"{NAME}: expected attn_mask {expected}, got {tuple(attn_mask.shape)}")
    if key_padding_mask is not None and tuple(key_padding_mask.shape) != (batch, keys):
        raise AssertionError(f"{NAME}: expected key_padding_mask {(batch, keys)}, got {tuple(key_padding_mask.shape)}")

    sources = project(query, key, value, weight, weights, bias)
    if (bias_k is None) != (bias_v is None):
        raise AssertionError(f"{NAME}: expected both of bias_k and bias_v, or none")
    row = (batch, 1, embed_dim) if batch_first else (1, batch, embed_dim)
    extra = 0
    if bias_k is not None:
        q, k, v = separate(sources)
        sources = q, cat([k, bias_k.expand(row)], time), cat([v, bias_v.expand(row)], time)
        extra += 1
    if add_zero_attn:
        q, k, v = separate(sources)
        nothing = zeros(*row, dtype=k.dtype)
        sources = q, cat([k, nothing], time), cat([v, nothing], time)
        extra += 1
    mask = merged(longer(attn_mask, extra), longer(key_padding_mask, extra), batch, num_heads, query.dtype)
    out, weights = packed_attention(tuple(sources), num_heads, batch_first, mask, True, dropout_p, causal,
                                 ("mean" if average else "heads") if need_weights else None)
    if batch_first and dropout_p > 0:  # lies in memory as PyTorch's, for the draws of a dropout behind it
        out = linear(out.transpose(0, 1).contiguous(), out_weight, out_bias).transpose(0, 1)
    else:
        out = linear(out, out_weight, out_bias)
    if not batched:
        out = out.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return out, weights


attend = Function(attend, "multi_head_attention_forward", "fastnn.nn.functional")


@operation("nn")
def multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k,
                                 bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True,
                                 key_padding_mask=None, need_weights=True, attn_mask=None,
                                 use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None,
                                 v_proj_weight=None, static_k=None, static_v=None, average_attn_weights=True,
                                 is_causal=False) -> tuple[Tensor, Tensor]:
    """Attention of heads: projections of query (L, N, E), key and value (S, N, *), softmax(q k^T / sqrt(E / heads)) v
    of each head, a last projection.

    Returns the result (L, N, E) and, with ``need_weights``, the weights (N, L, S) averaged over heads, or
    (N, heads, L, S); without a batch dimension N is missing.

    Masks forbid where True, or are added to scores: attn_mask (L, S) or (N heads, L, S), key_padding_mask (N, S).

    Parameters
    ----------
    query : Tensor
        (L, N, E) or (L, E).
    key : Tensor
        (S, N, *) or (S, *).
    value : Tensor
        (S, N, *) or (S, *).
    embed_dim_to_check : int
        E.
    num_heads : int
        Divides E.
    in_proj_weight : Tensor or None
        (3 E, E), all three projections.
    in_proj_bias : Tensor or None
        (3 E,)
    bias_k : Tensor or None
        One more key.
    bias_v : Tensor or None
        And its value.
    add_zero_attn : bool
        Whether one more key and value are zeros.
    dropout_p : float
        Of the weights, in training.
    out_proj_weight : Tensor
        (E, E)
    out_proj_bias : Tensor or None
        (E,)
    training : bool, default True
    key_padding_mask : Tensor, optional
    need_weights : bool, default True
    attn_mask : Tensor, optional
    use_separate_proj_weight : bool, default False
        Whether the three weights below stand for `in_proj_weight`.
    q_proj_weight : Tensor, optional
        (E, E)
    k_proj_weight : Tensor, optional
    v_proj_weight : Tensor, optional
    static_k : Tensor, optional
        Not implemented.
    static_v : Tensor, optional
        Not implemented.
    average_attn_weights : bool, default True
    is_causal : bool, default False
        Says that `attn_mask` is the causal mask.

    Examples
    --------
    >>> x, weight, out = fastnn.ones(3, 1, 4), fastnn.ones(12, 4), fastnn.ones(4, 4)
    >>> F.multi_head_attention_forward(x, x, x, 4, 2, weight, None, None, None, False, 0.0, out, None)[0].shape
    torch.Size([3, 1, 4])
    """
    if static_k is not None or static_v is not None:
        raise NotImplementedError(f"{NAME}: static_k and static_v are not implemented")
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    needed = weights if use_separate_proj_weight else (in_proj_weight,)
    if any(weight is None for weight in needed):
        raise AssertionError(f"{NAME}: a projection's weight is None")
    return attend(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, weights, in_proj_bias, bias_k,
                  bias_v, add_zero_attn, dropout_p if training else 0.0, out_proj_weight, out_proj_bias,
                  key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal, False)
