"""Attention of several heads."""
import math

import fastnn
from fastnn.keras import constraints, initializers, naming, regularizers
from fastnn.keras.layers.activations import Softmax
from fastnn.keras.layers.attention import Attention
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import Dropout, _weight_config
from fastnn.keras.layers.einsum import EinsumDense
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import convert, mask_of
from fastnn.nn import functional as F

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _projection(free, bound, made):
    """(equation, bias axes) of a projection that keeps `free` axes, sums over `bound` and makes `made`."""
    kept, summed = _LETTERS[:free], _LETTERS[free:free + bound]
    new = _LETTERS[free + bound:free + bound + made]
    return f"{kept}{summed},{summed}{new}->{kept}{new}", new


class MultiHeadAttention(Layer):
    """Attention of `num_heads` projections of query, key and value (Vaswani et al., 2017).

    ``softmax(q_h @ k_h^T / sqrt(key_dim)) @ v_h`` for each head h, and a projection of the heads' results.

    Parameters
    ----------
    num_heads, key_dim : int
        Number of heads, and size of each head's query and key.
    value_dim : int, optional
        Size of each head's value; `key_dim` without it.
    dropout : float
        Rate of dropout of the attention weights in training.
    use_bias : bool
    output_shape : int or tuple, optional
        Features of the result; those of the query without it.
    attention_axes : int or tuple, optional
        Axes to attend over; all between batch and features without it.
    sliding_window : int, optional
        Positions attend to those less than this far from them.
    flash_attention : bool, optional
        Accepted: weights are not stored unless they are asked for.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer
        As in `Dense`, for all projections.
    kernel_constraint, bias_constraint
        As in `Dense`, for all projections.
    use_gate : bool
        Multiply the heads' results by the sigmoid of a projection of the query.
    seed : int, optional

    Shape
    -----
    Called as ``layer(query, value, key=None, attention_mask=None, ...)``: (batch, T, dim), (batch, S, dim). The mask
    (batch, T, S) is True where attention is allowed. Result (batch, T, dim), with the weights (batch, heads, T, S) if
    ``return_attention_scores=True``.

    Raises
    ------
    ValueError
        Sizes that are not positive, or sizes of key and value that differ.

    Examples
    --------
    >>> layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> y, weights = layer(np.ones((1, 3, 8)), np.ones((1, 5, 8)), return_attention_scores=True)
    >>> y.shape, weights.shape
    (torch.Size([1, 3, 8]), torch.Size([1, 2, 3, 5]))
    """

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 attention_axes=None, sliding_window=None, flash_attention=None, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, use_gate=False, seed=None, **kwargs):
        for name, value in (("num_heads", num_heads), ("key_dim", key_dim), ("value_dim", value_dim)):
            if not (value is None and name == "value_dim") and (not isinstance(value, int) or value <= 0):
                raise ValueError(f"Received an invalid value for argument `{name}`, expected a positive integer. "
                                 f"Received: {name}={value}")
        super().__init__(**kwargs)
        self.supports_masking = True
        self._num_heads, self._key_dim, self._value_dim = num_heads, key_dim, value_dim or key_dim
        self._dropout, self._use_bias, self._use_gate, self.seed = dropout, use_bias, use_gate, seed
        if output_shape is not None:
            output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self._output_shape, self._sliding_window = output_shape, sliding_window
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise ValueError(f"`sliding_window` must be `None` or a positive integer. Received: "
                             f"sliding_window={sliding_window}")
        self._kernel_initializer = initializers.get(kernel_initializer)
        self._bias_initializer = initializers.get(bias_initializer)
        self._kernel_regularizer = regularizers.get(kernel_regularizer)
        self._bias_regularizer = regularizers.get(bias_regularizer)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self._kernel_constraint = constraints.get(kernel_constraint)
        self._bias_constraint = constraints.get(bias_constraint)
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        elif attention_axes and not isinstance(attention_axes, (list, tuple)):
            raise ValueError(f"`attention_axes` must be an int, list, or tuple. Received: "
                             f"attention_axes={attention_axes}")
        self._attention_axes = attention_axes
        self._inverse_sqrt_key_dim = 1.0 / math.sqrt(float(key_dim))

    _heads_of = {}  # heads of "key" and "value" where they are not as many as the query's

    num_heads = property(lambda self: self._num_heads)
    key_dim = property(lambda self: self._key_dim)
    value_dim = property(lambda self: self._value_dim)
    dropout = property(lambda self: self._dropout)
    use_bias = property(lambda self: self._use_bias)
    attention_axes = property(lambda self: self._attention_axes)
    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)

    def _dense(self, rank, bound, shape, name, **kwargs):
        equation, bias_axes = _projection(rank - bound, bound, len(shape))
        return EinsumDense(equation, output_shape=[None] * (rank - bound - 1) + list(shape),
                           bias_axes=bias_axes if self._use_bias else None, name=name,
                           kernel_initializer=self._kernel_initializer.clone(),
                           bias_initializer=self._bias_initializer.clone(), kernel_regularizer=self._kernel_regularizer,
                           bias_regularizer=self._bias_regularizer, activity_regularizer=self._activity_regularizer,
                           kernel_constraint=self._kernel_constraint, bias_constraint=self._bias_constraint,
                           dtype=self.dtype_policy, **kwargs)

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(f"All dimensions of `value` and `key`, except the last one, must be equal. Received: "
                             f"value_shape={value_shape} and key_shape={key_shape}")
        rank, heads = len(query_shape), self._num_heads
        self._query_dense = self._dense(rank, 1, (heads, self._key_dim), "query")
        self._query_dense.build(query_shape)
        self._key_dense = self._dense(len(key_shape), 1, (self._heads_of.get("key", heads), self._key_dim), "key")
        self._key_dense.build(key_shape)
        if self._use_gate:
            self._gate_dense = self._dense(rank, 1, (heads, self._value_dim), "gate", activation="sigmoid")
            self._gate_dense.build(query_shape)
        self._value_dense = self._dense(len(value_shape), 1, (self._heads_of.get("value", heads), self._value_dim),
                                        "value")
        self._value_dense.build(value_shape)
        if self._attention_axes is None:
            self._attention_axes = tuple(range(1, rank - 1))
        else:
            self._attention_axes = tuple(axis % rank for axis in self._attention_axes)
        count = len(self._attention_axes)
        self._softmax = Softmax(axis=tuple(range(-count, 0)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self._dropout, dtype=self.dtype_policy, seed=self.seed)
        shape = self._output_shape or (query_shape[-1],)
        self._output_dense = self._dense(rank + 1, 2, shape, "attention_output")
        self._output_dense.build((*query_shape[:-1], heads, self._value_dim))

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False,
                           **kwargs):
        """Attention of projected (batch, ..., heads, size); (result, weights or None)."""
        causal = kwargs.get("use_causal_mask", False)
        if query.ndim == 4 and not return_attention_scores and not (training and self._dropout):
            mask = None if attention_mask is None else attention_mask.unsqueeze(1) if attention_mask.ndim == 3 \
                else attention_mask
            if mask is not None:  # where nothing may be attended to, all is attended to equally, as in TensorFlow
                mask = (~mask).to(query.dtype) * -1e38
            q, k, v = (x.transpose(1, 2) for x in (query, key, value))
            return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal and mask is None,
                                                  scale=self._inverse_sqrt_key_dim).transpose(1, 2), None
        if causal:
            attention_mask = self._compute_causal_mask(query, value)
        # (batch, other axes, heads, positions, size), the positions of all attention axes in a row
        rank, axes = query.ndim, self._attention_axes
        rest = [i for i in range(1, rank - 2) if i not in axes]
        order = [0, *rest, rank - 2, *axes, rank - 1]

        def rows(x):
            x = x.permute(*order)
            return x.reshape(*x.shape[:len(rest) + 2], -1, x.shape[-1])
        sizes_q, sizes_k = [query.shape[a] for a in axes], [key.shape[a] for a in axes]
        scores = rows(query * self._inverse_sqrt_key_dim) @ rows(key).transpose(-1, -2)
        scores = scores.reshape(*scores.shape[:-2], *sizes_q, *sizes_k)
        weights = self._masked_softmax(scores, attention_mask)
        used = self._dropout_layer(weights, training=training) if self._dropout else weights
        flat = used.reshape(*used.shape[:len(rest) + 2], math.prod(sizes_q), math.prod(sizes_k))
        made = (flat @ rows(value)).reshape(*used.shape[:len(rest) + 2], *sizes_q, value.shape[-1])
        back = [order.index(i) for i in range(rank)]
        return made.permute(*back), weights

    def _masked_softmax(self, attention_scores, attention_mask=None):
        if attention_mask is not None:
            while attention_mask.ndim < attention_scores.ndim:
                attention_mask = attention_mask.unsqueeze(-len(self._attention_axes) * 2 - 1)
        return self._softmax(attention_scores, mask=attention_mask)

    def call(self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
             return_attention_scores=False, training=None, use_causal_mask=False):
        key = value if key is None else key
        plain = (use_causal_mask and query_mask is None and value_mask is None and key_mask is None
                 and attention_mask is None and self._sliding_window is None)
        mask = None if plain else self._compute_attention_mask(query, value, query_mask, value_mask, key_mask,
                                                               attention_mask, use_causal_mask)
        # the projections shall not see the masks, which are in `mask`
        query, key, value = (x.view_as(x) if mask_of(x) is not None else x
                             for x in (query, key, value))
        gate = self._gate_dense(query) if self._use_gate else None
        result, weights = self._compute_attention(self._query_dense(query), self._key_dense(key),
                                                  self._value_dense(value), mask, training, return_attention_scores,
                                                  **({"use_causal_mask": True} if plain else {}))
        if gate is not None:
            result = result * gate
        result = self._output_dense(result)
        if query_mask is not None:
            result._keras_mask = query_mask
        return (result, weights) if return_attention_scores else result

    def _compute_attention_mask(self, query, value, query_mask=None, value_mask=None, key_mask=None,
                                attention_mask=None, use_causal_mask=False):
        """All masks together: (batch, T, S)."""
        masks = []
        if query_mask is not None:
            masks.append(convert(query_mask).bool().unsqueeze(-1))
        for each in (value_mask, key_mask):
            if each is not None:
                masks.append(convert(each).bool().unsqueeze(-2))
        if use_causal_mask:
            masks.append(self._compute_causal_mask(query, value))
        if self._sliding_window is not None:
            rows = fastnn.arange(query.shape[1]).reshape(1, -1, 1)
            columns = fastnn.arange(value.shape[1]).reshape(1, 1, -1)
            masks.append((rows - columns).abs() < self._sliding_window)
        if attention_mask is not None:
            masks.append(convert(attention_mask).bool())
        found = None
        for each in masks:
            found = each if found is None else found & each
        return found

    def _compute_causal_mask(self, query, value=None):
        """True where a position may look: at itself and before."""
        rows, columns = query.shape[1], (query if value is None else value).shape[1]
        return fastnn.ones(1, rows, columns).tril().bool()

    def compute_mask(self, query, query_mask=None):
        return query_mask

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        if self._output_shape:
            return (*query_shape[:-1], *self._output_shape)
        return tuple(query_shape)

    def compute_output_spec(self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None,
                            attention_mask=None, return_attention_scores=False, training=None, use_causal_mask=False):
        output = KerasTensor(self.compute_output_shape(query.shape, value.shape), self.compute_dtype)
        if not return_attention_scores:
            return output
        axes = self._attention_axes
        rest = [query.shape[i] for i in range(1, len(query.shape) - 1) if i not in axes]
        scores = (query.shape[0], *rest, self._num_heads, *[query.shape[a] for a in axes],
                  *[value.shape[a] for a in axes])
        return output, KerasTensor(scores, self.compute_dtype)

    def get_config(self):
        made = {f"_{name}": value for name, value in _weight_config(self, "_kernel", "_bias").items()}
        return {**self._base_config(), "num_heads": self._num_heads, "key_dim": self._key_dim,
                "value_dim": self._value_dim, "dropout": self._dropout, "use_bias": self._use_bias,
                "use_gate": self._use_gate, "output_shape": self._output_shape, "attention_axes": self._attention_axes,
                "sliding_window": self._sliding_window, **{name.lstrip("_"): value for name, value in made.items()},
                "activity_regularizer": regularizers.serialize(self._activity_regularizer), "seed": self.seed}


class AdditiveAttention(Attention):
    """Additive attention, ``softmax(sum(scale * tanh(query + key))) @ value`` (Bahdanau et al., 2014).

    Parameters
    ----------
    use_scale : bool
        Whether a weight of the feature's size multiplies the hyperbolic tangents.
    dropout : float
        Rate of dropout of the attention weights in training.

    Shape
    -----
    As in `Attention`.

    Examples
    --------
    >>> keras.layers.AdditiveAttention()([np.zeros((1, 2, 4)), np.ones((1, 3, 4))]).shape
    torch.Size([1, 2, 4])
    """

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        self._validate(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def _calculate_scores(self, query, key):
        total = (query.unsqueeze(-2) + key.unsqueeze(-3)).tanh()
        return (total if self.scale is None else total * self.scale).sum(-1)

    def get_config(self):
        made = super().get_config()
        made.pop("score_mode", None)
        return made


class GroupQueryAttention(MultiHeadAttention):
    """Attention whose query heads share heads of key and value in groups (Ainslie et al., 2023).

    Parameters
    ----------
    head_dim : int
        Size of each head.
    num_query_heads, num_key_value_heads : int
        The first is a multiple of the second.
    dropout, use_bias, sliding_window, flash_attention, use_gate, seed
        As in `MultiHeadAttention`.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer
        As in `Dense`, for all projections.
    kernel_constraint, bias_constraint
        As in `Dense`, for all projections.

    Shape
    -----
    As in `MultiHeadAttention`.

    Raises
    ------
    ValueError
        The numbers of heads do not divide.

    Examples
    --------
    >>> layer = keras.layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
    >>> layer(np.ones((1, 3, 8)), np.ones((1, 5, 8))).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, sliding_window=None,
                 flash_attention=None, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, use_gate=False, seed=None, **kwargs):
        if num_query_heads % num_key_value_heads:
            raise ValueError("`num_query_heads` must be divisible by `num_key_value_heads`.")
        if kwargs.get("name") is None:
            kwargs["name"] = naming.auto_name("grouped_query_attention")
        super().__init__(num_query_heads, head_dim, None, dropout, use_bias, sliding_window=sliding_window,
                         flash_attention=flash_attention, kernel_initializer=kernel_initializer,
                         bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
                         bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer,
                         kernel_constraint=kernel_constraint, bias_constraint=bias_constraint, use_gate=use_gate,
                         seed=seed, **kwargs)
        self.head_dim, self.num_query_heads, self.num_key_value_heads = head_dim, num_query_heads, num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads

    query_dense = key_dense = value_dense = output_dense = None  # which Keras does not offer here
    class_name_in_files = "GroupedQueryAttention"  # Keras' own name of the class

    @property
    def _heads_of(self):
        return {"key": self.num_key_value_heads, "value": self.num_key_value_heads}

    def _compute_attention(self, query, key, value, *args, **kwargs):
        key, value = (x.repeat_interleave(self.num_repeats, 2) for x in (key, value))
        return super()._compute_attention(query, key, value, *args, **kwargs)

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(f"The last dimension of `query_shape` and `value_shape` must be equal, but are "
                             f"{query_shape[-1]}, {value_shape[-1]}. Received: query_shape={query_shape}, "
                             f"value_shape={value_shape}")
        return super().compute_output_shape(query_shape, value_shape, key_shape)

    def get_config(self):
        made = super().get_config()
        for name in ("num_heads", "key_dim", "value_dim", "output_shape", "attention_axes"):
            del made[name]
        return {**made, "head_dim": self.head_dim, "num_query_heads": self.num_query_heads,
                "num_key_value_heads": self.num_key_value_heads}
