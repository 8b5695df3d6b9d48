"""Multi-head attention."""
from fastnn.nn import init
from fastnn.nn.modules.linear import Linear
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.ops.creation import empty
from fastnn.ops.attention_composed import attend


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under the name that PyTorch prints for an attention's output projection."""


class MultiheadAttention(Module):
    """Concat(head_1, ..., head_h) W^O with head_i = softmax(q_i k_i^T / sqrt(d)) v_i, same as
    torch.nn.MultiheadAttention.

    Vaswani et al., Attention Is All You Need (2017).

    Parameters
    ----------
    embed_dim : int
        Width of queries and of the result.
    num_heads : int
        Divides `embed_dim`; a head is ``embed_dim // num_heads`` wide.
    dropout : float
        Probability that a weight is dropped in training.
    bias : bool
        Whether the projections add biases.
    add_bias_kv : bool
        One more, learned, key and value for all sequences.
    add_zero_attn : bool
        One more key and value that are 0.
    kdim, vdim : int, optional
        Widths of keys and values; default embed_dim.
    batch_first : bool
        (batch, time, width) instead of (time, batch, width).

    Shape
    -----
    query (L, N, E), key (S, N, kdim), value (S, N, vdim), result (L, N, E) and weights (N, L, S) or, with
    ``average_attn_weights=False``, (N, heads, L, S), None with ``need_weights=False``; all may lack N.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None,
                 vdim=None, batch_first=False, device=None, dtype=None):
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                             f"num_heads={num_heads} instead")
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads, self.dropout, self.batch_first = num_heads, dropout, batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def new(*shape):
            return Parameter(empty(*shape, device=device, dtype=dtype))
        same = self._qkv_same_embed_dim
        separate = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        if same:
            self.in_proj_weight = new(3 * embed_dim, embed_dim)
        for name, width in separate.items():
            self.register_parameter(name, None if same else new(embed_dim, width))
        if not same:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", new(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        if add_bias_kv:
            self.bias_k, self.bias_v = new(1, 1, embed_dim), new(1, 1, embed_dim)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
                average_attn_weights=True, is_causal=False):
        """(result, weights or None). Masks forbid where True, or are added to the scores: attn_mask (L, S) or
        (N heads, L, S), key_padding_mask (N, S) or (S,). ``is_causal``: attn_mask is the causal one."""
        weights = None if self._qkv_same_embed_dim else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return attend(query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, weights,
                      self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn,
                      self.dropout if self.training else 0.0, self.out_proj.weight, self.out_proj.bias,
                      key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal, self.batch_first)
