"""Published weights under the names of `TextEncoder`."""
import re

from fastnn._tensor import Tensor
from fastnn.errors import shown
from fastnn.models.config import EncoderConfig, read_json, within
from fastnn.models.encoder import TextEncoder
from fastnn.ops.joining import cat
from fastnn.serialization import load

FILES = ("model.safetensors", "pytorch_model.bin")
# Prefixes of whole models, whose encoder is one part.
PREFIX = re.compile(r"^(?:module\.|0\.auto_model\.|auto_model\.)*"
                    r"(?:(?:bert|roberta|electra|distilbert|mpnet)\.)?(?=embeddings|encoder|transformer)")
# Published names of a layer's parts; of queries, keys and values one layer is made.
PARTS = {
    "attention.self.query": "q", "attention.self.key": "k", "attention.self.value": "v",
    "attention.output.dense": "output", "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "output_norm",
    # DistilBERT
    "attention.q_lin": "q", "attention.k_lin": "k", "attention.v_lin": "v", "attention.out_lin": "output",
    "sa_layer_norm": "attention_norm", "ffn.lin1": "up", "ffn.lin2": "down", "output_layer_norm": "output_norm",
    # MPNet
    "attention.attn.q": "q", "attention.attn.k": "k", "attention.attn.v": "v", "attention.attn.o": "output",
    "attention.LayerNorm": "attention_norm",
}
EMBEDDINGS = {"embeddings.word_embeddings": "word", "embeddings.position_embeddings": "position",
              "embeddings.token_type_embeddings": "token_type", "embeddings.LayerNorm": "norm",
              "embeddings_project": "project", "encoder.relative_attention_bias": "relative"}
OLD = {"gamma": "weight", "beta": "bias"}  # of normalisation, in files of 2018
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")  # no parameters
LAYER = re.compile(r"^(?:encoder|transformer)\.layer\.(\d+)\.(.+)$")


def read_weights(folder):
    """(the file, all its tensors) of a folder, from one file or from the parts that an index names."""
    for name in FILES:
        path, index = folder / name, folder / f"{name}.index.json"
        if path.is_file():
            return path, _tensors(path)
        if index.is_file():
            parts = read_json(index).get("weight_map")
            if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
                raise ValueError(f"from_folder: {index}: expected weight_map, an object of names of files")
            missing = sorted(part for part in set(parts.values()) if not within(folder, part, index).is_file())
            if missing:
                raise FileNotFoundError(f"from_folder: {index} names {missing[0]}, which is not there")
            return index, {key: value for part in sorted(set(parts.values()))
                           for key, value in _tensors(folder / part).items()}
    raise FileNotFoundError(f"from_folder: expected {' or '.join(FILES)} in {folder}")


def _tensors(path):
    found = load(path)
    if not isinstance(found, dict):
        raise ValueError(f"from_folder: {path}: expected tensors by name, got {shown(found)}")
    return {name: value for name, value in found.items() if isinstance(name, str)}


def _own_name(name):
    """The name that a `TextEncoder` has for a published one, and which third of it that is; None for what it has not.

    ValueError if the name is of a part of the encoder that is not known.
    """
    name = PREFIX.sub("", name)
    part, _, kind = name.rpartition(".")
    kind, layer = OLD.get(kind, kind), LAYER.match(part)
    if layer and layer[2] in PARTS:
        own = PARTS[layer[2]]
        third = own if own in ("q", "k", "v") else None
        return f"layers.{layer[1]}.{'qkv' if third else own}.{kind}", third
    if part in EMBEDDINGS:
        return f"{EMBEDDINGS[part]}.{kind}", None
    if name.startswith(("embeddings.", "encoder.", "transformer.")) and name not in BUFFERS:
        raise ValueError(name)
    return None


def renamed(published, path):
    """The tensors that a `TextEncoder` knows, under its names and in float32; heads, poolers and others are left.

    Returns
    -------
    dict of str to (Tensor, list of str)
        The tensor and its published names.
    """
    found, thirds = {}, {}
    for name, tensor in published.items():
        try:
            own = _own_name(name)
        except ValueError:
            raise NotImplementedError(f"from_folder: {path}: {name} is part of an encoder that is not known") from None
        if own is None:
            continue
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            raise TypeError(f"from_folder: {path}: expected {name} to be a tensor of floating point, got "
                            f"{getattr(tensor, 'dtype', type(tensor).__name__)}")
        if not tensor.isfinite().all():
            raise ValueError(f"from_folder: {path}: {name} has numbers that are NaN or infinite")
        parts = thirds.setdefault(own[0], {}) if own[1] else found
        key = own[1] or own[0]
        if key in parts:
            raise ValueError(f"from_folder: {path}: {name} and {parts[key][1][0]} are the same part of the encoder")
        parts[key] = tensor.float(), [name]
    for name, parts in thirds.items():
        names = [each for key in "qkv" if key in parts for each in parts[key][1]]
        if len(parts) < 3:
            raise ValueError(f"from_folder: {path}: has {', '.join(names)}, but not queries, keys and values")
        tensors = [parts[key][0] for key in "qkv"]
        if len({tuple(tensor.shape) for tensor in tensors}) > 1 or not tensors[0].ndim:
            raise ValueError(f"from_folder: {path}: expected {', '.join(names)} of one shape, got "
                             f"{', '.join(str(tuple(tensor.shape)) for tensor in tensors)}")
        found[name] = cat(tensors), names
    return found


def shapes(config):
    """The shapes of a `TextEncoder`'s parameters by name, as a generator: nothing is made."""
    size, width, inner = config.hidden_size, config.embedding_size or config.hidden_size, config.intermediate_size
    yield "word.weight", (config.vocab_size, width)
    yield "position.weight", (config.max_positions + config.position_offset, width)
    if config.type_vocab_size:
        yield "token_type.weight", (config.type_vocab_size, width)
    yield from (("norm.weight", (width,)), ("norm.bias", (width,)))
    if config.embedding_size:
        yield from (("project.weight", (size, width)), ("project.bias", (size,)))
    if config.relative_buckets:
        yield "relative.weight", (config.relative_buckets, config.num_heads)
    for i in range(config.num_layers):
        for name, rows, columns in (("qkv", 3 * size, size), ("output", size, size), ("up", inner, size),
                                    ("down", size, inner)):
            yield from ((f"layers.{i}.{name}.weight", (rows, columns)), (f"layers.{i}.{name}.bias", (rows,)))
        for name in ("attention_norm", "output_norm"):
            yield from ((f"layers.{i}.{name}.weight", (size,)), (f"layers.{i}.{name}.bias", (size,)))


def read_encoder(folder):
    """A `TextEncoder` with a folder's sizes and weights, in evaluation mode.

    Files are compared before anything is made, so that no wrong size takes the machine's memory.
    """
    config = EncoderConfig.from_folder(folder)
    path, published = read_weights(folder)
    found, known = renamed(published, path), set()
    for name, shape in shapes(config):
        if name not in found:
            raise ValueError(f"from_folder: {path} lacks {name}, which config.json asks for")
        tensor, names = found[name]
        if tuple(tensor.shape) != shape:
            raise ValueError(f"from_folder: {path}: expected {', '.join(names)} to make up a {name} of shape {shape}, "
                             f"as config.json says, got {tuple(tensor.shape)}")
        known.add(name)
    more = sorted(found.keys() - known)
    if more:
        raise ValueError(f"from_folder: {path} has {found[more[0]][1][0]}, which config.json has no place for")
    encoder = TextEncoder(config)
    encoder.load_state_dict({name: tensor for name, (tensor, _) in found.items()})
    return encoder.eval()
