"""What a published encoder's ``config.json`` says, under one set of names."""
import dataclasses
import json
from pathlib import Path

from fastnn.errors import check_integer, check_number, shown

# Activations by their names in config.json, as maps of the engine.
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
               "relu": "relu", "silu": "silu", "swish": "silu", "tanh": "tanh"}
ROBERTA = ("roberta", "xlm-roberta", "camembert")
KINDS = {dict: "an object", list: "a list"}  # JSON's words
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

    Examples
    --------
    >>> from fastnn.models import EncoderConfig
    >>> config = EncoderConfig.from_dict({"vocab_size": 100, "hidden_size": 8, "num_hidden_layers": 2,
    ...                                   "num_attention_heads": 2, "intermediate_size": 16})
    >>> config.num_layers, config.activation, config.max_positions
    (2, 'gelu', 512)
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
        for name, least in (("vocab_size", 1), ("hidden_size", 1), ("num_layers", 1), ("num_heads", 1),
                            ("intermediate_size", 1), ("max_positions", 1), ("position_offset", 0),
                            ("type_vocab_size", 0), ("relative_buckets", 0), ("relative_distance", 1)):
            check_integer(getattr(self, name), name, "EncoderConfig", least)
        if self.embedding_size is not None:
            check_integer(self.embedding_size, "embedding_size", "EncoderConfig")
        check_number(self.layer_norm_eps, "layer_norm_eps", "EncoderConfig")
        for name in ("dropout", "attention_dropout"):
            check_number(getattr(self, name), name, "EncoderConfig", below=1)
        if self.hidden_size % self.num_heads:
            raise ValueError(f"EncoderConfig: hidden_size {self.hidden_size} is not divisible by num_heads "
                             f"{self.num_heads}")
        if self.relative_buckets and not 4 <= self.relative_buckets < 4 * self.relative_distance:
            raise ValueError(f"EncoderConfig: expected relative_buckets from 4 up to less than four times the "
                             f"relative_distance {self.relative_distance}, got {self.relative_buckets}")
        if self.activation not in ACTIVATIONS.values():
            raise NotImplementedError(f"EncoderConfig: activation {self.activation!r}; known: "
                                      f"{', '.join(sorted(set(ACTIVATIONS.values())))}")

    @classmethod
    def from_dict(cls, given, where="config.json"):
        """From the values of a ``config.json``.

        Parameters
        ----------
        given : dict
            Published names; what says nothing about the encoder is left.
        where : str
            What errors begin with.

        Raises
        ------
        TypeError, ValueError
            A value is missing, of another type, or makes no sense.
        NotImplementedError
            There is no code for it.
        """
        kind = given.get("model_type", "bert")
        if kind not in MODEL_TYPES:
            raise NotImplementedError(f"{where}: model_type {kind!r}; known: {', '.join(MODEL_TYPES)}")
        for name in ("is_decoder", "add_cross_attention"):
            if given.get(name):
                raise NotImplementedError(f"{where}: {name}: decoders")
        if given.get("position_embedding_type", "absolute") != "absolute":
            raise NotImplementedError(f"{where}: position_embedding_type {given['position_embedding_type']!r}; "
                                      f"known: 'absolute'")
        distil = kind == "distilbert"
        if distil and given.get("sinusoidal_pos_embds") and "sinusoidal" in given:
            raise NotImplementedError(f"{where}: sinusoidal_pos_embds")

        def integer(name, other=None, default=None, least=1):
            name = other if distil and other else name
            if default is None and given.get(name) is None:
                raise ValueError(f"{where}: lacks {name!r}")
            value = given.get(name, default)
            check_integer(value, name, where, least)
            return value

        def number(name, other, default, below=float("inf")):
            name = other if distil else name
            value = given.get(name, default)
            check_number(value, name, where, below=below)
            return value

        activation = given.get("activation" if distil else "hidden_act", "gelu")
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise NotImplementedError(f"{where}: activation {activation!r}; known: {', '.join(ACTIVATIONS)}")
        hidden, heads = integer("hidden_size", "dim"), integer("num_attention_heads", "n_heads")
        if hidden % heads:
            raise ValueError(f"{where}: hidden_size {hidden} is not divisible by num_attention_heads {heads}")
        # Position 0 of a text has the row behind that of the padding.
        offset = 2 if kind == "mpnet" else integer("pad_token_id", default=1, least=0) + 1 if kind in ROBERTA else 0
        positions = integer("max_position_embeddings", default=512)
        if positions <= offset:
            raise ValueError(f"{where}: expected max_position_embeddings of more than {offset}, got {positions}")
        embedding = integer("embedding_size", default=hidden) if kind == "electra" else hidden
        return cls(
            vocab_size=integer("vocab_size"), hidden_size=hidden, num_heads=heads,
            num_layers=integer("num_hidden_layers", "n_layers"),
            intermediate_size=integer("intermediate_size", "hidden_dim"), max_positions=positions - offset,
            activation=ACTIVATIONS[activation],
            layer_norm_eps=1e-12 if distil else number("layer_norm_eps", None, 1e-12), position_offset=offset,
            type_vocab_size=0 if kind in ("distilbert", "mpnet") else integer("type_vocab_size", default=2, least=0),
            embedding_size=None if embedding == hidden else embedding,
            relative_buckets=integer("relative_attention_num_buckets", default=32, least=4) if kind == "mpnet" else 0,
            dropout=number("hidden_dropout_prob", "dropout", 0.1, 1),
            attention_dropout=number("attention_probs_dropout_prob", "attention_dropout", 0.1, 1))

    @classmethod
    def from_folder(cls, folder):
        """From the ``config.json`` of a folder; errors as of `from_dict` and `read_json`."""
        path = Path(folder) / "config.json"
        return cls.from_dict(read_json(path), f"from_folder: {path}")


def within(folder, name, source):
    """The file or folder of a name that `source`, a file of the folder, gives; ValueError if it is elsewhere."""
    if Path(name).is_absolute() or ".." in Path(name).parts or len(name) > 200 or "\0" in name:
        raise ValueError(f"from_folder: {source} names {name!r:.200}, which is not in {folder}")
    return folder / name


def read_json(path, missing=None, kind=dict):
    """What a JSON file holds, a `kind`. A file that is not there: `missing`, or FileNotFoundError if that is None."""
    if not path.is_file():
        if missing is not None:
            return missing
        raise FileNotFoundError(f"from_folder: expected {path.name} in {path.parent}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"from_folder: {path} is not JSON: {error}") from None
    if not isinstance(found, kind):
        raise ValueError(f"from_folder: {path}: expected {KINDS[kind]}, got {shown(found)}")
    return found
