"""Scaled dot-product attention (Vaswani et al. 2017), of separate heads and of the projections that hold them."""
cimport numpy as np

import math

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, recording, recordn, wrap
from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core, attention as K
from fastnn.kernels import matmul, softmax_backward, sum_to
from fastnn.ops.declare import operation
from fastnn.ops.dropout import draw_mask

np.import_array()


cdef class Options:
    """What forward and backward share besides tensors."""
    cdef readonly bint causal, drop, batch_first
    cdef readonly object scale, weights
    cdef readonly double p
    cdef readonly np.ndarray keep
    cdef readonly int heads


cdef Options options(np.ndarray q, np.ndarray k, double p, bint causal, scale):
    cdef Options o = Options.__new__(Options)
    o.p, o.causal, o.scale = p, causal, scale
    if p > 0:
        o.keep = draw_mask((<object>q).shape[:3] + (np.PyArray_DIM(k, 2),), p)
    return o


cdef bint any_recording(tuple tensors):
    for tensor in tensors:
        if tensor is not None and recording(<Tensor>tensor):
            return True
    return False


cdef int guard(Tensor out, tuple tensors) except -1:
    """Backward reads the result and all inputs."""
    for tensor in tensors:
        if tensor is not None:
            out.node.guard((<Tensor>tensor).version_object())
    return 0


# ---- separate heads ----

cdef object heads_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved, edges = node.edges
    cdef Options o = saved[6]
    need = (edges[0] is not None, edges[1] is not None, edges[2] is not None, edges[3] is not None)
    return K.attention_backward(grad, saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], o.causal, o.scale,
                                o.p, o.keep, False, need)


def weights_of(step, q, k, mask, options):
    """The attention weights of (batch, heads, time, width) tensors, in tensor operations; of a query that may see
    nothing they are 0."""
    scale = options.scale if options.scale is not None else 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    scores = (q @ k.mT) * scale
    attended = numpy.ones(tuple(scores.shape), bool)
    if options.causal:
        attended &= numpy.tri(*attended.shape[-2:], dtype=bool)
    if mask is not None and mask.is_floating_point():
        infinite = numpy.isinf((<Tensor>mask).array)
        attended &= (<Tensor>mask).array != -numpy.inf
        scores = scores + step.where(wrap(infinite), 0.0, mask)
    elif mask is not None:
        attended &= (<Tensor>mask).array ^ options.drop
    masked = ~attended.any(-1, keepdims=True)
    weights = step.where(wrap(attended | masked), scores, -math.inf).softmax(-1)
    factor = numpy.where(masked, 0, attended).astype((<Tensor>q).array.dtype)
    if options.keep is not None:
        factor *= options.keep / (1 - options.p) if options.p < 1 else 0
    return weights * wrap(factor)


def in_tensor_operations(step, q, k, v, mask, options):
    """Attention of (batch, heads, time, width) tensors."""
    heads, kept = q.shape[1], k.shape[1]
    if heads != kept:
        k, v = [x.unsqueeze(2).expand(x.shape[0], kept, heads // kept, *x.shape[2:]).reshape(
            x.shape[0], heads, *x.shape[2:]) for x in (k, v)]
    return weights_of(step, q, k, mask, options) @ v


cdef Op ATTENTION = declare("ScaledDotProductAttentionBackward0", heads_backward, "q k v y lse mask options")
ATTENTION.second(lambda step, g: step.through(g, (step.q, step.k, step.v, step.mask),
                                              lambda *given: in_tensor_operations(step, *given, step.options)))


@operation("functional")
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                 enable_gqa=False):
    """softmax(scale query key^T + mask) value, without ever holding all of the weights (Vaswani et al. 2017).

    Shape: query (*, heads, L, E), key (*, heads, S, E), value (*, heads, S, Ev), result (*, heads, L, Ev); leading
    dimensions broadcast. With ``enable_gqa`` key and value may have fewer heads, of which several queries' share one
    (Ainslie et al. 2023). attn_mask broadcasts to (*, heads, L, S): bool, True where a query may look, or added to the
    scores. ``is_causal``: query i sees keys 0..i. scale: default 1 / sqrt(E). A query that may see nothing gives 0.

    Parameters
    ----------
    query : Tensor
    key : Tensor
    value : Tensor
    attn_mask : Tensor, optional
        bool (True: takes part) or floating (added).
    dropout_p : float, default 0.0
    is_causal : bool, default False
        Whether query i attends to keys up to i alone.
    scale : float, optional
        1 / sqrt(E) if not given.
    enable_gqa : bool, default False
        Whether groups of query heads share a key head.

    Examples
    --------
    >>> q = fastnn.ones(1, 2, 4)
    >>> F.scaled_dot_product_attention(q, q, q).shape
    torch.Size([1, 2, 4])
    """
    for tensor in (query, key, value):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"scaled_dot_product_attention: expected Tensors, got {type(tensor).__name__}")
    cdef np.ndarray q = (<Tensor>query).array, k = (<Tensor>key).array, v = (<Tensor>value).array, m = None
    if np.PyArray_NDIM(q) < 2 or np.PyArray_NDIM(k) < 2 or np.PyArray_NDIM(v) < 2:
        raise ShapeError(f"scaled_dot_product_attention: expected query, key and value with 2 or more dimensions, got "
                         f"{q.ndim}, {k.ndim} and {v.ndim}")
    if np.PyArray_TYPE(q) != np.PyArray_TYPE(k) or np.PyArray_TYPE(q) != np.PyArray_TYPE(v):
        raise DTypeError(f"scaled_dot_product_attention: expected query, key and value of one dtype, got {q.dtype}, "
                         f"{k.dtype} and {v.dtype}")
    if not 0.0 <= dropout_p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if attn_mask is not None:
        m = (<Tensor?>attn_mask).array
        if np.PyArray_TYPE(m) != np.NPY_BOOL and np.PyArray_TYPE(m) != np.PyArray_TYPE(q):
            raise DTypeError(f"scaled_dot_product_attention: expected attn_mask of bool or {q.dtype}, got {m.dtype}")
        if np.PyArray_NDIM(m) < 2:
            raise IndexError(f"scaled_dot_product_attention: expected attn_mask with 2 or more dimensions, got "
                             f"{m.ndim}")
    cdef int i
    cdef bint plain = np.PyArray_NDIM(q) == 4 and np.PyArray_NDIM(k) == 4 and np.PyArray_NDIM(v) == 4
    if plain:
        for i in range(2):
            plain = plain and np.PyArray_DIM(k, i) == np.PyArray_DIM(v, i) and (
                np.PyArray_DIM(q, i) == np.PyArray_DIM(k, i) or (i == 1 and enable_gqa))
    if not plain:
        return broadcast_heads(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    cdef Options o = options(q, k, dropout_p, is_causal, None if scale is None else float(scale))
    cdef tuple found = K.attention_forward(q, k, v, m, o.causal, o.scale, o.p, o.keep)
    cdef tuple inputs = (query, key, value, attn_mask)
    if not any_recording(inputs):
        return wrap(found[0])
    cdef Tensor out = recordn(found[0], ATTENTION, inputs,
                              (q, k, v, found[0], found[1], m, o))
    guard(out, inputs)
    out.node.guard(out.version_object())
    return out


def broadcast_heads(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa):
    """Other numbers of dimensions, and leading dimensions that broadcast."""
    cdef list tensors = [query, key, value]
    cdef int ndim = max(3, max([tensor.ndim for tensor in tensors]))
    tensors = [tensor.reshape((1,) * (ndim - tensor.ndim) + tuple(tensor.shape)) for tensor in tensors]
    cdef int kept = 3 if enable_gqa else 2  # with its own number of heads each
    try:
        lead = numpy.broadcast_shapes(*[tuple(tensor.shape[:ndim - kept]) for tensor in tensors])
    except ValueError:
        raise ShapeError(f"scaled_dot_product_attention: leading dimensions of {tuple(query.shape)}, "
                         f"{tuple(key.shape)} and {tuple(value.shape)} do not broadcast") from None
    tensors = [tensor.expand(lead + tuple(tensor.shape[ndim - kept:])) for tensor in tensors]
    shape = tuple(tensors[0].shape)
    if attn_mask is not None and ndim > 4 and attn_mask.ndim > 3:
        attn_mask = attn_mask.expand(shape[:-1] + (key.shape[-2],)).reshape((-1,) + shape[-3:-1] + (key.shape[-2],))
    count = 1
    for size in shape[:-3]:
        count *= size
    q, k, v = [tensor.reshape((count,) + tuple(tensor.shape[-3:])) for tensor in tensors]
    out = scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    out = out.reshape(shape[:-1] + (value.shape[-1],))
    largest = max(query.ndim, key.ndim, value.ndim)
    return out if out.ndim == largest else out.reshape(tuple(out.shape)[out.ndim - largest:])


# ---- projections that hold all heads side by side ----

cdef np.ndarray heads_of(np.ndarray x, int part, int parts, int heads, bint batch_first):
    """Part number `part` of x (batch, time, parts * width) or (time, batch, ...) as a view (batch, heads, time, e)."""
    cdef np.npy_intp width = np.PyArray_DIM(x, 2) // parts
    view = x if parts == 1 else x[:, :, part * width:(part + 1) * width]
    view = view.reshape((np.PyArray_DIM(x, 0), np.PyArray_DIM(x, 1), heads, width // heads))
    return view.transpose((0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


cdef tuple split_heads(tuple arrays, int heads, bint batch_first):
    """(q, k, v) as views of one array with all three, of q and of k beside v, or of three arrays."""
    if len(arrays) == 1:
        return tuple([heads_of(arrays[0], i, 3, heads, batch_first) for i in range(3)])
    if len(arrays) == 2:
        return (heads_of(arrays[0], 0, 1, heads, batch_first), heads_of(arrays[1], 0, 2, heads, batch_first),
                heads_of(arrays[1], 1, 2, heads, batch_first))
    return tuple([heads_of(array, 0, 1, heads, batch_first) for array in arrays])


cdef object packed_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved, edges = node.edges, arrays = saved[0]
    cdef Options o = saved[4]
    cdef int i, count = len(arrays)
    cdef tuple buffers = tuple([_core.new_like(array, np.PyArray_TYPE(<np.ndarray>array)) for array in arrays])
    q, k, v = split_heads(arrays, o.heads, o.batch_first)
    need = [edges[0] is not None, edges[count // 2] is not None, edges[count - 1] is not None, edges[count] is not None]
    out = heads_of(saved[1], 0, 1, o.heads, o.batch_first)
    grad = heads_of(_core.contiguous(grad), 0, 1, o.heads, o.batch_first)
    found = K.attention_backward(grad, q, k, v, out, saved[2], saved[3], o.causal, o.scale, o.p, o.keep, o.drop,
                                 tuple(need), split_heads(buffers, o.heads, o.batch_first))
    return tuple([buffers[i] if edges[i] is not None else None for i in range(count)]) + (found[3],)


cdef Op PACKED_ATTENTION = declare("ScaledDotProductAttentionBackward0", packed_backward, "arrays y lse mask options")


def split_tensors(sources, options, order):
    """`split_heads` of tensors."""
    counts = {1: (3,), 2: (1, 2), 3: (1, 1, 1)}[len(sources)]
    parts = [piece for x, count in zip(sources, counts) for piece in x.chunk(count, 2)]
    return [x.reshape(*x.shape[:2], options.heads, -1).permute(order) for x in parts]


@PACKED_ATTENTION.second
def _packed_second(step, g):
    options = step.options
    order = (0, 2, 1, 3) if options.batch_first else (1, 2, 0, 3)

    def function(*given):
        made = in_tensor_operations(step, *split_tensors(given[:-1], options, order), given[-1], options)
        return made.permute([order.index(i) for i in range(4)]).reshape(step.y.shape)
    return step.through(g, (*step.arrays, step.mask), function)


cdef object weights_backward(Node node, np.ndarray grad):
    """Gradient of the weights that were given out: rarely wanted, so the weights are computed again and kept whole."""
    cdef tuple saved = node.saved, edges = node.edges, arrays = saved[0]
    cdef Options o = saved[2]
    cdef int count = len(arrays)
    mask = saved[1]
    q, k = split_heads(arrays, o.heads, o.batch_first)[:2]
    p = K.attention_forward(q, k, k, mask, o.causal, o.scale, 0.0, None, o.drop, "heads")[2]
    dp = grad[:, None] / o.heads if o.weights == "mean" else grad
    if o.p > 0:
        dp = dp * o.keep / (1 - o.p) if o.p < 1 else dp * 0
    dx = softmax_backward(_core.contiguous(dp + 0 * p), p, -1)
    scale = q.dtype.type(q.shape[-1] ** -0.5)
    buffers = tuple([array * 0 for array in arrays])
    dq, dk, _ = split_heads(buffers, o.heads, o.batch_first)
    dq[...] = matmul(dx, k) * scale
    dk[...] = matmul(dx.swapaxes(-1, -2), q) * scale
    return tuple([buffers[i] if edges[i] is not None else None for i in range(count)]) + (
        sum_to(dx, mask.shape) if edges[count] is not None else None,)


cdef Op ATTENTION_WEIGHTS = declare("AttentionWeightsBackward0", weights_backward, "arrays mask options")


@ATTENTION_WEIGHTS.second
def _weights_second(step, g):
    options = step.options

    def function(*given):
        q, k, _ = split_tensors(given[:-1], options, (0, 2, 1, 3) if options.batch_first else (1, 2, 0, 3))
        weights = weights_of(step, q, k, given[-1], options)
        return weights.mean(1) if options.weights == "mean" else weights
    return step.through(g, (*step.arrays, step.mask), function)


def packed_attention(tuple sources, int heads, bint batch_first, mask=None, bint drop=False, double p=0.0,
                     bint causal=False, weights=None):
    """Attention of heads that lie side by side in the last dimension, as projections leave them.

    sources: Tensors (batch, time, 3 E), or q (batch, time, E) and k beside v (batch, S, 2 E), or q, k, v; the first two
    dimensions the other way round unless ``batch_first``. mask: Tensor that broadcasts to (batch, heads, time, S); True
    forbids if ``drop``. weights: None, "heads" or "mean". Returns the result (batch, time, E) and the weights or None.
    """
    cdef tuple arrays = tuple([(<Tensor?>source).array for source in sources]), found
    cdef np.ndarray m = None if mask is None else (<Tensor?>mask).array, first = arrays[0]
    cdef np.npy_intp shape[3]
    cdef int i, parts = 3 if len(arrays) == 1 else 1
    q, k, v = split_heads(arrays, heads, batch_first)
    cdef Options o = options(q, k, p, causal, None)
    o.drop, o.heads, o.batch_first, o.weights = drop, heads, batch_first, weights
    for i in range(3):
        shape[i] = np.PyArray_DIM(first, i)
    shape[2] //= parts
    cdef np.ndarray y = _core.new_array(3, shape, np.PyArray_TYPE(first))
    found = K.attention_forward(q, k, v, m, causal, None, p, o.keep, drop, weights,
                                heads_of(y, 0, 1, heads, batch_first))
    cdef tuple inputs = sources + (mask,)
    if not any_recording(inputs):
        return wrap(y), None if found[2] is None else wrap(found[2])
    cdef Tensor out = recordn(y, PACKED_ATTENTION, inputs,
                              (arrays, y, found[1], m, o)), w = None
    guard(out, inputs)
    out.node.guard(out.version_object())
    if found[2] is not None:
        w = recordn(found[2], ATTENTION_WEIGHTS, inputs, (arrays, m, o))
        guard(w, inputs)
    return out, w
