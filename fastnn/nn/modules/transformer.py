"""Transformers: encoder, decoder, both (Vaswani et al. 2017; norm_first: Xiong et al. 2020)."""
import copy

import numpy as np

from fastnn.nn import init
from fastnn.nn.functional import gelu, relu
from fastnn.nn.modules import hooks
from fastnn.nn.modules.activation import GELU, ReLU
from fastnn.nn.modules.attention import MultiheadAttention
from fastnn.nn.modules.container import ModuleList
from fastnn.nn.modules.dropout import Dropout
from fastnn.nn.modules.linear import Linear
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.normalization import LayerNorm
from fastnn.ops._common import need_tensors
from fastnn.ops.creation import full
from fastnn.ops.linear import fused_linear
from fastnn.ops.diagonals import triu


def _causal_mask(sz, device=None, dtype=None):
    return triu(full((sz, sz), float("-inf"), device=device, dtype=dtype), 1)


def _is_causal(mask, hint, size):
    """The hint, or where there is none, whether the mask (size, size) forbids exactly what comes later."""
    if hint is not None or mask is None:
        return hint is True
    need_tensors("Transformer", mask)
    array = mask.detach().numpy()
    later = np.triu(np.ones((size, size), bool), 1)
    if array.shape != later.shape:
        return False
    return np.array_equal(array, later if array.dtype == bool else np.where(later, -np.inf, 0))


def _length(x, batch_first):
    return x.shape[0] if x.ndim == 2 or not batch_first else x.shape[1]


def _copies(module, count):
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


def _get_activation_fn(activation):
    """`relu` or `gelu` by its name."""
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return relu if activation == "relu" else gelu


class _Layer(Module):
    """What encoder and decoder layers share: the feed-forward part and how a part is put around the residual."""

    def _set_activation(self, activation):
        if isinstance(activation, str):
            activation = _get_activation_fn(activation)
        self.activation = activation

    def __setstate__(self, state):
        super().__setstate__({"activation": relu} | state)

    def _feed_forward(self, x):
        linear = self.linear1
        simple = (self.activation is relu or type(self.activation) is ReLU and self.activation._hooks is None)
        if simple and type(linear) is Linear and linear._hooks is None and not hooks.global_hooks:
            hidden = fused_linear(x, linear.weight, linear.bias, "relu", 0.0, 0.0)
        else:
            hidden = self.activation(linear(x))
        return self.linear2(self.dropout(hidden))


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward network, each with a residual connection and layer normalization.

    x = norm1(x + dropout(attention(x))), then x = norm2(x + dropout(linear2(dropout(activation(linear1(x)))))). Same as
    torch.nn.TransformerEncoderLayer (Vaswani et al. 2017; `norm_first`: Xiong et al. 2020).

    Parameters
    ----------
    d_model, nhead, dim_feedforward : int
        Width, number of heads, and width between the two linear layers (default 2048).
    dropout : float
        Default 0.1.
    activation : {"relu", "gelu"} or callable
    layer_norm_eps : float
        Default 1e-5.
    batch_first : bool
        Whether tensors are (N, L, width) instead of (L, N, width).
    norm_first : bool
        Whether x + dropout(attention(norm1(x))) is computed, and likewise for the feed-forward network.
    bias : bool
        Whether linear layers and normalizations add biases.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Shape
    -----
    src (L, N, d_model) or (L, d_model); output alike.

    Examples
    --------
    >>> layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
    >>> layer(fastnn.zeros(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=relu, layer_norm_eps=1e-5,
                 batch_first=False, norm_first=False, bias=True, device=None, dtype=None):
        super().__init__()
        factory = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **factory)
        self.linear1 = Linear(d_model, dim_feedforward, **factory)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **factory)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, **factory)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, **factory)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self._set_activation(activation)
        self.activation_relu_or_gelu = (1 if self.activation is relu or isinstance(self.activation, ReLU) else
                                        2 if self.activation is gelu or isinstance(self.activation, GELU) else 0)

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        """Output, of src's shape; masks as in `MultiheadAttention`."""
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
        return self.dropout1(self.self_attn(x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
                                            need_weights=False, is_causal=is_causal)[0])

    def _ff_block(self, x):
        return self.dropout2(self._feed_forward(x))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output and a feed-forward network.

    Each has a residual connection and a normalization.

    Same as torch.nn.TransformerDecoderLayer; called as ``layer(tgt, memory, ...)``.

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype
        As in `TransformerEncoderLayer`.

    Shape
    -----
    tgt (T, N, d_model), memory (S, N, d_model); output like tgt.

    Examples
    --------
    >>> layer = nn.TransformerDecoderLayer(8, 2, dim_feedforward=16)
    >>> layer(fastnn.zeros(4, 3, 8), fastnn.zeros(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=relu, layer_norm_eps=1e-5,
                 batch_first=False, norm_first=False, bias=True, device=None, dtype=None):
        super().__init__()
        factory = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **factory)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **factory)
        self.linear1 = Linear(d_model, dim_feedforward, **factory)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **factory)
        self.norm_first = norm_first
        for name in ("norm1", "norm2", "norm3"):
            setattr(self, name, LayerNorm(d_model, eps=layer_norm_eps, **factory))
        for name in ("dropout1", "dropout2", "dropout3"):
            setattr(self, name, Dropout(dropout))
        self._set_activation(activation)

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=False, memory_is_causal=False):
        """Output, of tgt's shape; masks as in `MultiheadAttention`."""
        x = tgt
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *other))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
        return self.dropout1(self.self_attn(x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
                                            need_weights=False, is_causal=is_causal)[0])

    def _mha_block(self, x, mem, attn_mask, key_padding_mask, is_causal=False):
        return self.dropout2(self.multihead_attn(x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
                                                 need_weights=False, is_causal=is_causal)[0])

    def _ff_block(self, x):
        return self.dropout3(self._feed_forward(x))


class TransformerEncoder(Module):
    """Copies of an encoder layer one after the other, then a normalization if given.

    Same as torch.nn.TransformerEncoder; padded positions are computed like all others.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        Copied `num_layers` times, its initial values too.
    num_layers : int
    norm : Module, optional
    enable_nested_tensor, mask_check : bool
        Accepted, without effect.

    Examples
    --------
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), num_layers=2)
    >>> encoder(fastnn.zeros(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.use_nested_tensor, self.mask_check = enable_nested_tensor, False, mask_check

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        """Output, of src's shape; ``is_causal=None``: whether the mask is the causal one is found from its numbers."""
        causal = _is_causal(mask, is_causal, _length(src, self.layers[0].self_attn.batch_first))
        for layer in self.layers:
            src = layer(src, src_mask=mask, is_causal=causal, src_key_padding_mask=src_key_padding_mask)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """Copies of a decoder layer one after the other, then a normalization if given.

    Same as torch.nn.TransformerDecoder; called as ``decoder(tgt, memory, ...)``.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        Copied `num_layers` times, its initial values too.
    num_layers : int
    norm : Module, optional

    Examples
    --------
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), num_layers=2)
    >>> decoder(fastnn.zeros(4, 3, 8), fastnn.zeros(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=None, memory_is_causal=False):
        """Output, of tgt's shape; ``tgt_is_causal=None``: whether the mask is causal is found from its numbers."""
        causal = _is_causal(tgt_mask, tgt_is_causal, _length(tgt, self.layers[0].self_attn.batch_first))
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=causal, memory_is_causal=memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder of src and a decoder of tgt, which attends to the encoder's output.

    Same as torch.nn.Transformer (Vaswani et al. 2017); called as ``model(src, tgt, ...)``.

    Parameters
    ----------
    d_model, nhead : int
        Width and number of heads; default 512 and 8.
    num_encoder_layers, num_decoder_layers : int
        Default 6.
    custom_encoder, custom_decoder : Module, optional
        Replace the stacks of layers.
    dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype
        As in `TransformerEncoderLayer`.

    Shape
    -----
    src (S, N, d_model), tgt (T, N, d_model); output like tgt. All may lack N.

    Raises
    ------
    RuntimeError
        Batch sizes of src and tgt differ, or a width is not `d_model`.

    Examples
    --------
    >>> model = nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> model(fastnn.zeros(5, 3, 8), fastnn.zeros(4, 3, 8)).shape
    torch.Size([4, 3, 8])
    >>> nn.Transformer.generate_square_subsequent_mask(3)
    tensor([[0., -inf, -inf],
            [0., 0., -inf],
            [0., 0., 0.]])
    """

    def __init__(self, d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048,
                 dropout=0.1, activation=relu, custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-5,
                 batch_first=False, norm_first=False, bias=True, device=None, dtype=None):
        super().__init__()
        factory = {"bias": bias, "device": device, "dtype": dtype}
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)

        def stack(custom, make_stack, make_layer, count):
            if custom is not None:
                return custom
            first = make_layer(*layer, **factory)
            return make_stack(first, count, LayerNorm(d_model, eps=layer_norm_eps, **factory))
        self.encoder = stack(custom_encoder, TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        self.decoder = stack(custom_decoder, TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self):
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src, tgt, src_mask=None, tgt_mask=None, memory_mask=None, src_key_padding_mask=None,
                tgt_key_padding_mask=None, memory_key_padding_mask=None, src_is_causal=None, tgt_is_causal=None,
                memory_is_causal=False):
        """The decoder's output, of tgt's shape; masks as in `MultiheadAttention`."""
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(f"Transformer: expected src and tgt of one batch size, got {src.shape[batch]} and "
                               f"{tgt.shape[batch]}")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(f"Transformer: expected src and tgt of width {self.d_model}, got {src.shape[-1]} and "
                               f"{tgt.shape[-1]}")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                            tgt_key_padding_mask=tgt_key_padding_mask,
                            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
                            memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz, device=None, dtype=None):
        """The causal mask (sz, sz): minus infinity above the diagonal, else 0.

        Parameters
        ----------
        sz : int
        device, dtype
            As in PyTorch; the device can only be the CPU.

        Examples
        --------
        >>> nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return _causal_mask(sz, device, dtype)
