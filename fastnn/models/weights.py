"""Published weights under the names of `TextEncoder`."""
import re

from fastnn.models.config import read_json
from fastnn.ops.shape import cat
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
LAYER = re.compile(r"^(?:encoder|transformer)\.layer\.(\d+)\.(.+)$")


def read_weights(folder):
    """All tensors of a folder, from one file or from the parts that an index names."""
    for name in FILES:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return load(folder / name)
        if index.is_file():
            parts = sorted(set(read_json(index)["weight_map"].values()))
            return {key: value for part in parts for key, value in load(folder / part).items()}
    raise FileNotFoundError(f"from_folder: expected {' or '.join(FILES)} in {folder}")


def renamed(published):
    """The tensors that a `TextEncoder` knows, under its names and in float32; heads, poolers and others are left."""
    found, thirds = {}, {}
    for name, tensor in published.items():
        name = PREFIX.sub("", name)
        part, _, kind = name.rpartition(".")
        kind = OLD.get(kind, kind)
        layer = LAYER.match(part)
        if layer and layer[2] in PARTS:
            own = PARTS[layer[2]]
            if own in ("q", "k", "v"):
                thirds.setdefault(f"layers.{layer[1]}.qkv.{kind}", {})[own] = tensor.float()
            else:
                found[f"layers.{layer[1]}.{own}.{kind}"] = tensor.float()
        elif part in EMBEDDINGS:
            found[f"{EMBEDDINGS[part]}.{kind}"] = tensor.float()
    for name, parts in thirds.items():
        if len(parts) == 3:
            found[name] = cat([parts["q"], parts["k"], parts["v"]])
    return found


def load_weights(encoder, folder):
    """Fill an encoder from a folder; ValueError if parameters are missing or have another shape."""
    found, own = renamed(read_weights(folder)), encoder.state_dict()
    missing = sorted(own.keys() - found.keys())
    if missing:
        raise ValueError(f"from_folder: the weights in {folder} lack {', '.join(missing[:5])}"
                         f"{' and others' if len(missing) > 5 else ''}")
    for name, tensor in own.items():
        if found[name].shape != tensor.shape:
            raise ValueError(f"from_folder: expected {name} of shape {tuple(tensor.shape)}, as config.json says, got "
                             f"{tuple(found[name].shape)}")
    encoder.load_state_dict({name: found[name] for name in own})
