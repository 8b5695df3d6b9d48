"""Sentence encoders from damaged and unusual folders: what is wrong is said by file and field."""
import json
import math

import numpy as np
import pytest
from test_models import TINY, published, write_folder

import fastnn
from fastnn.models import EncoderConfig, SentenceEncoder, TextEncoder
from fastnn.models.weights import shapes
from fastnn.serialization import save_file


@pytest.fixture(name="folder")
def a_folder(tmp_path):
    pytest.importorskip("tokenizers", reason="the tokenizers of sentence encoders")
    return write_folder(tmp_path / "tiny")


def write(name, text):
    """A change of a folder: a file with this text."""
    def change(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return change


def options(**values):
    """A change of config.json; an ellipsis takes an option out."""
    chosen = {name: value for name, value in (TINY | values).items() if value is not ...}
    return write("config.json", json.dumps(chosen))


def weights(**values):
    """A change of the weights: names with dots for double underscores; None takes one out."""
    def change(folder):
        found = published(TINY) | {name.replace("__", "."): value for name, value in values.items()}
        save_file({name: value for name, value in found.items() if value is not None}, folder / "model.safetensors")
    return change


def modules(*kinds, pooling=None):
    def change(folder):
        write("modules.json", json.dumps([{"type": f"st.{kind}", "path": "" if kind == "Transformer" else "1"}
                                          for kind in kinds]))(folder)
        if pooling is not None:
            write("1/config.json", json.dumps(pooling))(folder)
    return change


def index(text):
    def change(folder):
        (folder / "model.safetensors").rename(folder / "part.safetensors")
        write("model.safetensors.index.json", text)(folder)
    return change


def torch_file(value):
    def change(folder):
        (folder / "model.safetensors").unlink()
        fastnn.save(value, folder / "pytorch_model.bin")
    return change


QUERY = "encoder__layer__0__attention__self__query__weight"
DAMAGE = [
    *((options(num_hidden_layers=value), error, "config.json: .*num_hidden_layers")
      for value, error in ((0, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError), (..., ValueError))),
    (options(num_hidden_layers=1), ValueError, "encoder.layer.1.*no place"),
    *((options(layer_norm_eps=value), error, "config.json: .*layer_norm_eps")
      for value, error in (("1e-12", TypeError), (None, TypeError), (-1, ValueError), (math.nan, ValueError))),
    (options(hidden_size=15), ValueError, "config.json: hidden_size 15 is not divisible by num_attention_heads 2"),
    (options(hidden_size="16"), TypeError, "config.json: .*hidden_size"),
    (options(vocab_size=10 ** 12), ValueError, "word.weight of shape"),
    (options(max_position_embeddings=[12]), TypeError, "config.json: .*max_position_embeddings"),
    (options(type_vocab_size=0), ValueError, "token_type_embeddings.weight, which config.json has no place for"),
    (options(hidden_dropout_prob="0.1"), TypeError, "config.json: .*hidden_dropout_prob"),
    (options(attention_probs_dropout_prob=2), ValueError, "config.json: .*attention_probs_dropout_prob"),
    (options(hidden_act=["gelu"]), NotImplementedError, "config.json: activation"),
    (options(model_type="roberta", pad_token_id=None), TypeError, "config.json: .*pad_token_id"),
    (options(model_type="roberta", pad_token_id=50), ValueError, "config.json: .*max_position_embeddings"),
    (options(model_type="mpnet", relative_attention_num_buckets=1), ValueError, "relative_attention_num_buckets"),
    *((write(name, text), ValueError, name) for name in ("config.json", "modules.json", "tokenizer_config.json",
                                                         "sentence_bert_config.json", "tokenizer.json")
      for text in ("3", "null", '"a"', "[1]", "{", "", b"\xff\xfe{", "[" * 100_000)),
    (write("modules.json", '[{"type": "st.Transformer"}]'), ValueError, "modules.json: .*path"),
    (write("modules.json", '[{"type": 3, "path": ""}]'), ValueError, "modules.json: .*type"),
    (modules(), ValueError, "modules.json: .*got none"),
    (modules("Transformer"), ValueError, "modules.json names no Pooling"),
    (modules("Normalize", "Transformer"), ValueError, "modules.json: .*in this order"),
    (modules("Transformer", "Transformer"), ValueError, "modules.json: .*in this order"),
    (modules("Transformer", "WordWeights"), NotImplementedError, "modules.json: .*WordWeights"),
    (modules("Transformer", "Pooling"), FileNotFoundError, "config.json in .*1"),
    (modules("Transformer", "Pooling", pooling=[]), ValueError, "1.config.json: expected an object"),
    (modules("Transformer", "Pooling", pooling={}), NotImplementedError, "1.config.json: pooling none"),
    (modules("Transformer", "Pooling", pooling={"pooling_mode_cls_token": "yes"}), ValueError, "true or false"),
    (modules("Transformer", "Pooling", pooling={"pooling_mode_lasttoken": True}), NotImplementedError, "lasttoken"),
    (modules("Transformer", "Pooling", pooling={"pooling_mode_cls_token": True, "word_embedding_dimension": 9}),
     ValueError, "word_embedding_dimension 9"),
    *((write("sentence_bert_config.json", json.dumps({"max_seq_length": value})), error, "max_seq_length")
      for value, error in ((0, ValueError), (-1, ValueError), (2, ValueError), (2.5, TypeError), ("6", TypeError))),
    (write("sentence_roberta_config.json", '{"max_seq_length": 0}'), ValueError, "sentence_roberta_config.json"),
    (write("sentence_bert_config.json", '{"do_lower_case": true}'), NotImplementedError, "do_lower_case"),
    (weights(**{QUERY: np.full((16, 16), np.nan, np.float32)}), ValueError, "query.weight has numbers that are NaN"),
    (weights(**{QUERY: None}), ValueError, "key.weight, .*but not queries"),
    (weights(**{QUERY: np.zeros((16, 8), np.float32)}), ValueError, "query.weight.* of one shape"),
    (weights(**{QUERY: np.zeros((16, 16), np.int8)}), TypeError, "query.weight to be a tensor of floating point"),
    (weights(**{"bert__" + QUERY: np.zeros((16, 16), np.float32)}), ValueError, "the same part"),
    (weights(embeddings__LayerNorm__bias=None), ValueError, "lacks norm.bias"),
    (weights(embeddings__LayerNorm__bias=np.zeros(4, np.float32)), ValueError, r"norm.bias of shape \(16,\)"),
    (weights(encoder__layer__2__output__dense__bias=np.zeros(16, np.float32)), ValueError, "layer.2.*no place"),
    (weights(encoder__layer__0__adapter__weight=np.zeros(3, np.float32)), NotImplementedError, "layer.0.adapter"),
    (weights(embeddings__languages__weight=np.zeros(3, np.float32)), NotImplementedError, "embeddings.languages"),
    *((write("model.safetensors", text), ValueError, "model.safetensors") for text in (b"", b"hello world" * 9)),
    *((torch_file(value), ValueError, "pytorch_model.bin: expected tensors") for value in ([1], fastnn.ones(2))),
    *((index(text), ValueError, "index.json") for text in ("[]", "{}", '{"weight_map": 3}',
                                                           '{"weight_map": {"a": 3}}')),
    (index('{"weight_map": {"a": "gone.safetensors"}}'), FileNotFoundError, "index.json names gone.safetensors"),
    (write("vocab.txt", "a\nb"), ValueError, "vocab.txt is damaged"),
    (write("vocab.txt", b"\xff\xfe\x00"), ValueError, "vocab.txt is damaged"),
    (write("tokenizer_config.json", '{"do_lower_case": "yes"}'), TypeError, "tokenizer_config.json: .*do_lower_case"),
]


@pytest.mark.parametrize("number", range(len(DAMAGE)))
def test_damaged_and_unusual_folders(number, folder):
    change, error, says = DAMAGE[number]
    change(folder)
    with pytest.raises(error, match=says):
        SentenceEncoder.from_folder(folder)


@pytest.mark.parametrize("change", [
    options(layer_norm_eps=...), options(type_vocab_size=2, pad_token_id=None),
    weights(pooler__dense__weight=np.ones((16, 16), np.float32)),
    weights(embeddings__position_ids=np.zeros((1, 12), np.int64)),
    weights(cls__predictions__bias=np.ones(20, np.float32)),
    write("sentence_bert_config.json", '{"max_seq_length": null}'),
    write("tokenizer_config.json", '{"do_lower_case": true, "strip_accents": null}')])
def test_what_says_nothing_about_the_encoder(change, folder):
    expected = SentenceEncoder.from_folder(folder).encode(["the cat sat"])
    change(folder)
    np.testing.assert_array_equal(SentenceEncoder.from_folder(folder).encode(["the cat sat"]), expected)


def test_shapes_are_those_of_the_network():
    for given in ({}, {"model_type": "mpnet", "max_position_embeddings": 20}, {"model_type": "electra",
                                                                              "embedding_size": 8}):
        config = EncoderConfig.from_dict(TINY | given)
        state = TextEncoder(config).state_dict()
        assert dict(shapes(config)) == {name: tuple(tensor.shape) for name, tensor in state.items()}


def test_encode_is_without_dropout_whatever_the_mode(folder):
    model = SentenceEncoder.from_folder(folder)
    expected = model.encode(["the cat sat"])
    model.train()
    model.encoder.layers[0].eval()
    np.testing.assert_array_equal(model.encode(["the cat sat"]), expected)
    assert model.training and model.encoder.norm.training and not model.encoder.layers[0].training
    assert not np.array_equal(model(["the cat sat"]).detach().numpy(), expected)
    with pytest.raises(IndexError):
        model.encode([[99]])
    assert model.training and model.encoder.norm.training


@pytest.mark.parametrize("given, error, says", [
    ({"max_length": 0}, ValueError, "max_length of at least 1"), ({"max_length": -1}, ValueError, "max_length"),
    ({"max_length": 2.5}, TypeError, "max_length"), ({"max_length": "6"}, TypeError, "max_length"),
    ({"max_length": 1}, ValueError, "2 special tokens"), ({"max_length": 2}, ValueError, "2 special tokens"),
    ({"pooling": ""}, ValueError, "pooling"), ({"pooling": 3}, ValueError, "pooling"),
    ({"normalized": "yes"}, TypeError, "normalized")])
def test_bad_options(given, error, says, folder):
    with pytest.raises(error, match=says):
        SentenceEncoder.from_folder(folder, **given)
