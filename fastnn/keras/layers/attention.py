"""Dot-product attention between sequences."""
from fastnn.keras import tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.random import dropout, SeedGenerator
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import convert
from fastnn.nn import functional as F
from fastnn.ops.linear import matmul


class Attention(Layer):
    """``softmax(query @ key^T) @ value`` (Luong et al., 2015).

    Parameters
    ----------
    use_scale : bool
        Multiply the scores by a trained number.
    score_mode : "dot" or "concat"
        ``query @ key^T``, or ``sum(tanh(query + key))``.
    dropout : float
        Of the weights.
    seed : int, optional

    Notes
    -----
    Called with ``[query, value]`` or ``[query, value, key]``: (batch, Tq, dim), (batch, Tv, dim), (batch, Tv, dim).
    Masks: ``[query mask, value mask]``.
    """

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"Invalid value for argument score_mode. Expected one of {{'dot', 'concat'}}. Received: "
                             f"score_mode={score_mode}")
        self.use_scale, self.score_mode, self.dropout, self.seed = use_scale, score_mode, dropout, seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.scale = self.concat_score_weight = None
        self._return_attention_scores = False
        self.supports_masking = True

    def build(self, input_shape):
        self._validate(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _validate(self, inputs, mask=None):
        if not isinstance(inputs, list):
            raise ValueError(f"{type(self).__name__} layer must be called on a list of inputs, namely [query, value] "
                             f"or [query, value, key]. Received: inputs={inputs}.")
        if not 2 <= len(inputs) <= 3:
            raise ValueError(f"{type(self).__name__} layer accepts inputs list of length 2 or 3, namely [query, value] "
                             f"or [query, value, key]. Received length: {len(inputs)}.")
        if mask is not None:
            if not isinstance(mask, list):
                raise ValueError(f"{type(self).__name__} layer mask must be a list, namely [query_mask, value_mask]. "
                                 f"Received: mask={mask}.")
            if not 2 <= len(mask) <= 3:
                raise ValueError(f"{type(self).__name__} layer accepts mask list of length 2 or 3. Received: "
                                 f"inputs={inputs}, mask={mask}.")

    def _calculate_scores(self, query, key):
        if self.score_mode == "dot":
            scores = matmul(query, key.transpose(-1, -2))
            return scores if self.scale is None else scores * self.scale
        total = query.unsqueeze(-2) + key.unsqueeze(-3)
        if self.scale is not None:
            total = total * self.scale
        return self.concat_score_weight * total.tanh().sum(-1)

    def _fused(self, training):
        """Whether the engine's attention computes it without storing the weights."""
        return (type(self)._calculate_scores is Attention._calculate_scores and self.score_mode == "dot"
                and not self.use_scale and not (training and self.dropout))

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self._validate(inputs, mask)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask = mask[0] if mask else None
        value_mask = mask[1] if mask else None
        if not return_attention_scores and value_mask is None and self._fused(training):
            result = F.scaled_dot_product_attention(query, key, value, is_causal=use_causal_mask, scale=1.0)
            weights = None
        else:
            scores = self._calculate_scores(query, key)
            if value_mask is not None or use_causal_mask:
                keep = None if value_mask is None else convert(value_mask).bool().unsqueeze(-2)
                if use_causal_mask:
                    causal = scores.detach().new_ones(scores.shape[-2:]).tril().bool()
                    keep = causal if keep is None else keep & causal
                scores = scores - 1e9 * (~keep).to(scores.dtype)
            weights = F.softmax(scores, -1)
            if training and self.dropout:
                weights = dropout(weights, self.dropout, seed=self.seed_generator)
            result = matmul(weights, value)
        if query_mask is not None:
            result = result * convert(query_mask).to(result.dtype).unsqueeze(-1)
        return (result, weights) if return_attention_scores else result

    def compute_mask(self, inputs, mask=None):
        if mask is None or tree.flatten(mask)[0] is None:
            return None
        return mask[0]

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs, mask=None, return_attention_scores=False, training=None,
                            use_causal_mask=False):
        self._validate(inputs, mask)
        query, value = inputs[:2]
        output = KerasTensor((*query.shape[:-1], value.shape[-1]), self.compute_dtype)
        if return_attention_scores:
            return output, KerasTensor((*query.shape[:2], value.shape[1]), self.compute_dtype)
        return output

    def get_config(self):
        return {**self._base_config(), "use_scale": self.use_scale, "score_mode": self.score_mode,
                "dropout": self.dropout, "seed": self.seed}
