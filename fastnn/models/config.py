"""What a published encoder's ``config.json`` says, under one set of names."""
import dataclasses
import json
from pathlib import Path

# Activations by their names in config.json, as maps of the engine.
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
               "relu": "relu", "silu": "silu", "swish": "silu", "tanh": "tanh"}
ROBERTA = ("roberta", "xlm-roberta", "camembert")
MODEL_TYPES = ("bert", *ROBERTA, "electra", "distilbert", "mpnet")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes and options of a `TextEncoder`.

    Parameters
    ----------
    vocab_size, hidden_size, num_layers, num_heads, intermediate_size : int
        Words, width, layers, heads, and width between the two dense layers of each layer.
    max_positions : int
        The most tokens of a text.
    activation : str
        A map of the engine: "gelu", "gelu_tanh", "relu", "silu" or "tanh".
    layer_norm_eps : float
    position_offset : int
        Row of the position table that belongs to the first token (RoBERTa's tables begin behind the padding's row).
    type_vocab_size : int
        Rows of the table of token types; without types 0.
    embedding_size : int, optional
        Width of the embeddings where it is not `hidden_size` (ELECTRA); a dense layer follows them.
    relative_buckets, relative_distance : int
        Buckets of relative positions that are added to the scores of attention, and the distance from which on there
        is one bucket (MPNet); 0 buckets: none.
    dropout, attention_dropout : float
        In training.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
    max_positions: int = 512
    activation: str = "gelu"
    layer_norm_eps: float = 1e-12
    position_offset: int = 0
    type_vocab_size: int = 2
    embedding_size: int | None = None
    relative_buckets: int = 0
    relative_distance: int = 128
    dropout: float = 0.1
    attention_dropout: float = 0.1

    def __post_init__(self):
        for name in ("vocab_size", "hidden_size", "num_heads", "intermediate_size", "max_positions"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"EncoderConfig: expected {name} of at least 1, got {value!r}")
        if self.hidden_size % self.num_heads:
            raise ValueError(f"EncoderConfig: hidden_size {self.hidden_size} is not divisible by num_heads "
                             f"{self.num_heads}")
        if self.activation not in ACTIVATIONS.values():
            raise NotImplementedError(f"EncoderConfig: activation {self.activation!r}; known: "
                                      f"{', '.join(sorted(set(ACTIVATIONS.values())))}")

    @classmethod
    def from_dict(cls, given):
        """From the values of a ``config.json``; NotImplementedError names what there is no code for."""
        kind = given.get("model_type", "bert")
        if kind not in MODEL_TYPES:
            raise NotImplementedError(f"TextEncoder: model_type {kind!r}; known: {', '.join(MODEL_TYPES)}")
        if given.get("is_decoder") or given.get("add_cross_attention"):
            raise NotImplementedError("TextEncoder: is_decoder, add_cross_attention: decoders")
        if given.get("position_embedding_type", "absolute") != "absolute":
            raise NotImplementedError(f"TextEncoder: position_embedding_type {given['position_embedding_type']!r}; "
                                      f"known: 'absolute'")
        distil = kind == "distilbert"
        if distil and given.get("sinusoidal_pos_embds") and "sinusoidal" in given:
            raise NotImplementedError("TextEncoder: sinusoidal_pos_embds")

        def take(name, other, default=None):
            value = given.get(other if distil else name, default)
            if value is None:
                raise ValueError(f"TextEncoder: config.json lacks {other if distil else name!r}")
            return value

        activation = take("hidden_act", "activation", "gelu")
        if activation not in ACTIVATIONS:
            raise NotImplementedError(f"TextEncoder: activation {activation!r}; known: {', '.join(ACTIVATIONS)}")
        # Position 0 of a text has the row behind that of the padding.
        offset = 2 if kind == "mpnet" else given.get("pad_token_id", 1) + 1 if kind in ROBERTA else 0
        hidden = take("hidden_size", "dim")
        embedding = given.get("embedding_size", hidden) if kind == "electra" else hidden
        return cls(
            vocab_size=take("vocab_size", "vocab_size"), hidden_size=hidden,
            num_layers=take("num_hidden_layers", "n_layers"), num_heads=take("num_attention_heads", "n_heads"),
            intermediate_size=take("intermediate_size", "hidden_dim"),
            max_positions=take("max_position_embeddings", "max_position_embeddings", 512) - offset,
            activation=ACTIVATIONS[activation],
            layer_norm_eps=1e-12 if distil else given.get("layer_norm_eps", 1e-12), position_offset=offset,
            type_vocab_size=0 if kind in ("distilbert", "mpnet") else given.get("type_vocab_size", 2),
            embedding_size=None if embedding == hidden else embedding,
            relative_buckets=given.get("relative_attention_num_buckets", 32) if kind == "mpnet" else 0,
            dropout=take("hidden_dropout_prob", "dropout", 0.1),
            attention_dropout=take("attention_probs_dropout_prob", "attention_dropout", 0.1))

    @classmethod
    def from_folder(cls, folder):
        """From the ``config.json`` of a folder."""
        return cls.from_dict(read_json(Path(folder) / "config.json"))


def read_json(path, missing=None):
    """The dict in a JSON file. A file that is not there: `missing`, or FileNotFoundError if that is None."""
    if not path.is_file():
        if missing is not None:
            return missing
        raise FileNotFoundError(f"from_folder: expected {path.name} in {path.parent}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"from_folder: {path} is not JSON: {error}") from None
