"""Attention, as products and a softmax."""
import math

import numpy as np

from fastnn.onnx.rules._declare import rule
from fastnn.ops.attention import packed_attention


def attended(g, q, k_t, v, scale, masks, dtype):
    """(softmax(scale q k^T + masks) v, the weights) of tensors (batch, heads, time, width), k transposed.

    A query that may see nothing gets 0, not NaN.
    """
    scores = g.op("MatMul", g.op("Mul", q, g.scalar(scale, dtype)), k_t)
    for mask in masks:
        scores = g.op("Add", scores, mask)
    weights = g.op("Softmax", scores, axis=-1)
    if masks:
        weights = g.op("Where", g.op("IsNaN", weights), g.scalar(0, dtype), weights)
    return g.op("MatMul", weights, v), weights


def added(g, mask, dtype, drop):
    """A mask as numbers to add: those that forbid, or of which True allows, become minus infinity."""
    if mask.dtype != bool:
        return g.cast(mask, dtype)
    allowed, forbidden = g.scalar(0, dtype), g.scalar(-math.inf, dtype)
    return g.op("Where", mask, *((forbidden, allowed) if drop else (allowed, forbidden)))


def causal_mask(g, length, keys, dtype):
    """(length, keys), minus infinity above the diagonal."""
    full = g.op("Expand", g.scalar(-math.inf, dtype), g.ints(length, keys))
    return g.op("Trilu", full, np.int64(1), upper=1)


@rule("scaled_dot_product_attention")
def _attention(g, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if dropout_p:
        raise g.unsupported("dropout")
    if enable_gqa and query.shape[-3] != key.shape[-3]:
        raise g.unsupported("enable_gqa with fewer heads of keys than of queries")
    dtype = g.result.dtype
    masks = [] if attn_mask is None else [added(g, attn_mask, dtype, False)]
    if is_causal:
        masks.append(causal_mask(g, query.shape[-2], key.shape[-2], dtype))
    order = list(range(key.ndim))
    order[-2:] = order[-1], order[-2]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return attended(g, query, g.op("Transpose", key, perm=order), value, scale, masks, dtype)[0]


@rule(packed_attention)
def _packed(g, sources, heads, batch_first, mask=None, drop=False, p=0.0, causal=False, weights=None):
    if p:
        raise g.unsupported("dropout")
    dtype, first = g.result.dtype, sources[0]
    width = first.shape[2] // (3 if len(sources) == 1 else 1)
    parts = []
    for source in sources:
        count = source.shape[2] // width
        parts += [source.name] if count == 1 else g.op("Split", source, g.ints(*[width] * count), axis=2, outputs=count)
    keys = sources[-1].shape[1 if batch_first else 0]
    length = first.shape[1 if batch_first else 0]

    def separate(name, transposed):
        split = g.op("Reshape", name, g.ints(0, 0, heads, width // heads))
        batch, time = (0, 1) if batch_first else (1, 0)
        return g.op("Transpose", split, perm=[batch, 2, 3, time] if transposed else [batch, 2, time, 3])
    q, k_t, v = separate(parts[0], False), separate(parts[1], True), separate(parts[2], False)
    masks = [] if mask is None else [added(g, mask, dtype, drop)]
    if causal:
        masks.append(causal_mask(g, length, keys, dtype))
    made, seen = attended(g, q, k_t, v, 1 / math.sqrt(width // heads), masks, dtype)
    made = g.op("Transpose", made, perm=[0, 2, 1, 3] if batch_first else [2, 0, 1, 3])
    made = g.op("Reshape", made, g.ints(0, 0, width))
    if weights is None:
        return (made,)
    if weights == "mean":
        seen = g.op("ReduceMean", seen, g.ints(1), keepdims=0) if g.opset >= 18 else \
            g.op("ReduceMean", seen, axes=[1], keepdims=0)
    return made, seen
