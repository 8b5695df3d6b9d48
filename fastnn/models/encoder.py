"""Encoders of BERT's family (Devlin et al. 2018) over packed sequences."""
import math

import numpy as np

from fastnn.errors import check_integer
from fastnn.models.packed import Packed, pieces
from fastnn.nn.modules.container import ModuleList
from fastnn.nn.modules.dropout import Dropout
from fastnn.nn.modules.linear import Linear
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.normalization import LayerNorm
from fastnn.nn.modules.sparse import Embedding
from fastnn.ops.attention import packed_attention
from fastnn.ops.creation import from_numpy
from fastnn.ops.linear import fused_linear
from fastnn.ops.joining import cat


def joined(parts):
    """Tensors one behind the other; a single one without a copy."""
    return parts[0] if len(parts) == 1 else cat(parts)


class EncoderLayer(Module):
    """x = norm(x + attention(x)), then x = norm(x + down(activation(up(x)))).

    Attributes
    ----------
    qkv, output : Linear
        Queries, keys and values side by side; the projection behind attention.
    up, down : Linear
    attention_norm, output_norm : LayerNorm

    Shape
    -----
    x (tokens, hidden_size), the result like x. Dense layers see all tokens at once, attention those of one sequence.

    Parameters
    ----------
    config : EncoderConfig

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.models import EncoderConfig, EncoderLayer
    >>> layer = EncoderLayer(EncoderConfig(vocab_size=100, hidden_size=8, num_layers=1, num_heads=2,
    ...                                    intermediate_size=16)).eval()
    >>> layer(fastnn.randn(7, 8), runs=[(1, 3), (2, 2)]).shape  # a sequence of 3 tokens and two of 2
    torch.Size([7, 8])
    """

    def __init__(self, config):
        super().__init__()
        size = config.hidden_size
        self.num_heads, self.activation, self.attention_dropout = (config.num_heads, config.activation,
                                                                   config.attention_dropout)
        self.qkv, self.output = Linear(size, 3 * size), Linear(size, size)
        self.up, self.down = Linear(size, config.intermediate_size), Linear(config.intermediate_size, size)
        self.attention_norm = LayerNorm(size, config.layer_norm_eps)
        self.output_norm = LayerNorm(size, config.layer_norm_eps)
        self.dropout = Dropout(config.dropout)

    def forward(self, x, runs, biases=None):
        """`runs` as of `Packed`; `biases`: what is added to the scores of each run."""
        qkv = self.qkv(x)
        p = self.attention_dropout if self.training else 0.0
        attended = [packed_attention((part,), self.num_heads, True, bias, False, p)[0].reshape(-1, x.shape[1])
                for part, bias in zip(pieces(qkv, runs), biases or [None] * len(runs))]
        x = self.attention_norm(x + self.dropout(self.output(joined(attended or [x]))))
        hidden = fused_linear(x, self.up.weight, self.up.bias, self.activation, 0.0, 0.0)
        return self.output_norm(x + self.dropout(self.down(hidden)))


class TextEncoder(Module):
    """Embeddings and a stack of `EncoderLayer`.

    Parameters
    ----------
    config : EncoderConfig

    Attributes
    ----------
    word, position, token_type : Embedding
        Their sum is normalised by `norm`; `token_type` is None without types, and every token has type 0.
    project : Linear or None
        Behind embeddings of another width.
    relative : Embedding or None
        A number for each bucket of relative positions and each head (Song et al. 2020).
    layers : ModuleList

    Examples
    --------
    >>> from fastnn.models import EncoderConfig, Packed, TextEncoder
    >>> encoder = TextEncoder(EncoderConfig(vocab_size=100, hidden_size=8, num_layers=2, num_heads=2,
    ...                                     intermediate_size=16)).eval()
    >>> encoder(Packed.of([[5, 6, 7], [8]])).shape
    torch.Size([4, 8])
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        size = config.embedding_size or config.hidden_size
        self.word = Embedding(config.vocab_size, size)
        self.position = Embedding(config.max_positions + config.position_offset, size)
        self.token_type = Embedding(config.type_vocab_size, size) if config.type_vocab_size else None
        self.norm = LayerNorm(size, config.layer_norm_eps)
        self.project = Linear(size, config.hidden_size) if config.embedding_size else None
        self.relative = Embedding(config.relative_buckets, config.num_heads) if config.relative_buckets else None
        self.dropout = Dropout(config.dropout)
        self.layers = ModuleList([EncoderLayer(config) for _ in range(config.num_layers)])

    def embed(self, batch):
        """What goes into the first layer: (tokens, hidden_size)."""
        longest = max((length for _, length in batch.runs), default=0)
        if longest > self.config.max_positions:
            raise ValueError(f"TextEncoder: expected at most {self.config.max_positions} tokens, got {longest}")
        offset = self.config.position_offset
        x = self.word(batch.ids)
        if self.token_type is not None:
            x = x + self.token_type.weight[0]
        x = self.dropout(self.norm(x + self.position(batch.positions + offset if offset else batch.positions)))
        return x if self.project is None else self.project(x)

    def biases(self, runs):
        """What relative positions add to the scores: a tensor (1, heads, length, length) for each run, or None."""
        if self.relative is None:
            return None
        return [self.relative(self._buckets(length)).permute(2, 0, 1)[None] for _, length in runs]

    def _buckets(self, length):
        """The bucket of (query, key): one for each short distance, then ever wider ones; half of them for each side."""
        half = self.config.relative_buckets // 2
        exact = half // 2
        positions = np.arange(length)
        distance = positions[None, :] - positions[:, None]
        size = np.abs(distance).astype(np.float32)
        far = exact + np.log(np.maximum(size, 1) / np.float32(exact)) / math.log(
            self.config.relative_distance / exact) * (half - exact)
        bucket = np.where(size < exact, size, np.minimum(far, half - 1)).astype(np.int64)
        return from_numpy(bucket + half * (distance > 0))

    def forward(self, batch, layers=None):
        """The tokens' vectors (tokens, hidden_size) of a `Packed` batch.

        layers : int, optional
            Stop after so many layers; negative: so many before the end. What is left can be run by
            ``encoder.layers[i](x, batch.runs, encoder.biases(batch.runs))``.
        """
        if not isinstance(batch, Packed):
            raise TypeError(f"TextEncoder: expected a Packed batch, got {type(batch).__name__}")
        if layers is not None:
            check_integer(layers, "layers", "TextEncoder", -len(self.layers))
            if layers > len(self.layers):
                raise ValueError(f"TextEncoder: expected at most {len(self.layers)} layers, got {layers}")
        x, biases = self.embed(batch), self.biases(batch.runs)
        for layer in self.layers[:layers]:
            x = layer(x, batch.runs, biases)
        return x
