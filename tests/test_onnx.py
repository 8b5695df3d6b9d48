"""ONNX files agree with the models they were written from, by ONNX's reference evaluator and by ONNX Runtime."""
import functools
import inspect
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
onnx = pytest.importorskip("onnx", reason="needs the package onnx (pip install 'fastnn-cpu[onnx]')")
runtime = pytest.importorskip("onnxruntime", reason="needs the package onnxruntime")
from onnx.reference import ReferenceEvaluator  # noqa: E402 (behind the check)

from fastnn.onnx.recording import tensors_of  # noqa: E402
from fastnn.onnx.rules import RULES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")


@pytest.fixture(autouse=True)
def seeded():
    fastnn.manual_seed(0)


def rand(*shape):
    return fastnn.randn(*shape)


def session_of(proto):
    return runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def agree(model, inputs, axes=None, others=(), reference=True, tolerance=1e-5, **options):
    """Export with the first inputs, compare on all of them; returns the graph."""
    names = [f"in{i}" for i in range(len(inputs))]
    program = fastnn.onnx.export(model, inputs, input_names=names,
                                 dynamic_axes=axes and dict(zip(names, axes)), **options)
    onnx.checker.check_model(program.model_proto, full_check=True)
    runners = [session_of(program.model_proto)]
    runners += [ReferenceEvaluator(program.model_proto)] if reference else []
    if isinstance(model, nn.Module):
        model.eval()
    for given in (inputs, *others):
        with fastnn.no_grad():
            expected = [tensor.numpy() for tensor in tensors_of(model(*given))]
        for run in runners:
            found = run.run(None, {name: tensor.numpy() for name, tensor in zip(names, given)})
            assert [y.shape for y in found] == [y.shape for y in expected]
            for ours, theirs in zip(expected, found):
                assert ours.dtype == theirs.dtype
                np.testing.assert_allclose(theirs, ours, rtol=tolerance, atol=tolerance)
    return program.model_proto.graph


def sizes_of(item):
    """The sizes of an input or output of a graph, names where they are open."""
    return [size.dim_param or size.dim_value for size in item.type.tensor_type.shape.dim]


def kinds(graph):
    return {node.op_type for node in graph.node}


class Sequence(nn.Module):
    """A recurrent layer and what is made of its last step."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = getattr(nn, kind)(5, 6, batch_first=True, **options)
        self.out = nn.Linear(12 if options.get("bidirectional") else 6, 2)

    def forward(self, x):
        y, state = self.layer(x)
        return self.out(y[:, -1]), state


class Sentences(nn.Module):
    """A classifier of token numbers: embedding, positions, a transformer that ignores padding, the mean of the rest."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(30, 8, padding_idx=0), nn.Embedding(64, 8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.out = nn.Linear(8, 3)

    def forward(self, tokens):
        padding = tokens.eq(0)
        x = self.words(tokens) + self.places(fastnn.arange(tokens.size(1)))
        x = self.encoder(x, src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1).float()
        return self.out((x * kept).sum(1) / kept.sum(1).clamp(min=1))


def tokens(batch, time):
    numbers = np.random.default_rng(batch).integers(1, 30, (batch, time))
    return fastnn.from_numpy(numbers * (np.arange(time) < time - 1))


BATCH, BATCH_AND_TIME = [{0: "batch"}], [{0: "batch", 1: "time"}]
CNN = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(),
       nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
MODELS = {  # the model, an input of batch b and length t, what is open
    "fully connected": (lambda: nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Dropout(0.3), nn.Linear(20, 8),
                                              nn.GELU(), nn.Linear(8, 4), nn.Softmax(1)), lambda b, t: rand(b, 10),
                        BATCH),
    "CNN": (lambda: nn.Sequential(*CNN), lambda b, t: rand(b, 1, 12, 12), BATCH),
    "LSTM": (lambda: Sequence("LSTM"), lambda b, t: rand(b, t, 5), BATCH_AND_TIME),
    "LSTM in both directions": (lambda: Sequence("LSTM", bidirectional=True, num_layers=2), lambda b, t: rand(b, t, 5),
                                BATCH_AND_TIME),
    "GRU": (lambda: Sequence("GRU"), lambda b, t: rand(b, t, 5), BATCH_AND_TIME),
    "GRU in both directions": (lambda: Sequence("GRU", bidirectional=True, bias=False), lambda b, t: rand(b, t, 5),
                               BATCH_AND_TIME),
    "RNN": (lambda: Sequence("RNN", num_layers=2), lambda b, t: rand(b, t, 5), BATCH_AND_TIME),
    "transformer layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), lambda b, t: rand(b, t, 8),
                          BATCH_AND_TIME),
    "autoencoder": (lambda: nn.Sequential(nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 3), nn.SiLU(), nn.Linear(3, 12),
                                          nn.Sigmoid()), lambda b, t: rand(b, 12), BATCH),
    "sentence classifier": (Sentences, tokens, BATCH_AND_TIME),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_agree_for_other_batches_and_lengths(name):
    make, example, axes = MODELS[name]
    agree(make(), (example(2, 4),), axes, [(example(1, 9),), (example(7, 3),)])


def changed(x):
    y = x.clone()
    y += 1
    y[:, 0] = 0
    y[:, :, 2:4] = 1.5
    y[:, 1] = x[:, 2]
    y[y > 1] = 1
    rows, state = fastnn.zeros(x.size(0), 3, 8), fastnn.zeros(x.size(0), 8)
    for t in range(3):
        state *= 0.5
        state += x[:, t]
        rows[:, t] = state.clamp_(-1, 1)
    filled = x * 1
    moved = (x * 2).unsqueeze_(1).transpose_(1, 2)
    return y.mul_(2).relu_(), rows, filled.copy_(x[:, :1] * 3), moved, x.clone().fill_(2.5)


PROGRAMS = {
    "sizes": lambda x: x.reshape(x.size(0) * 3, 8).view(x.size(0), -1) * x.size(0) / x.numel(),
    "heads": lambda x: x.reshape(x.shape[0], 3, 2, 4).permute(0, 2, 1, 3).reshape(x.shape[0], 2, 12).transpose(1, 2),
    "dimensions": lambda x: (x.unsqueeze(1).squeeze(1).mT, x.flatten(1), x.unflatten(2, (2, 4)), x.movedim(0, 2)),
    "new": lambda x: (fastnn.zeros(x.size(0), 4) + x[:, 0, :4], fastnn.arange(x.size(0)),
                      fastnn.full((x.size(0),), 3.0), x.new_ones(x.size(0), 2)),
    "parts": lambda x: (x[:, 1:, ::2], x[:, -1], x[:, None, :, 3:-2], x[..., 0], x[:, [0, 2]], x[0], x.narrow(1, 1, 2),
                        x[:, fastnn.tensor([2, 0, 1])], x[x > 0].sum()),
    "split": lambda x: (*x.split(3, 2), *x.chunk(2, 2), x.unbind(1)[2], *[row * 2 for row in x.transpose(0, 1)]),
    "join": lambda x: (fastnn.cat([x, x * 2], 1), fastnn.stack([x, x + 1], 1), x[:, :1].expand(x.size(0), 5, 8),
                       x.repeat(1, 2, 1), F.pad(x, (1, 2)), x.flip(1), x.roll(1, 1)),
    "sums": lambda x: (x.sum(), x.mean((1, 2), keepdim=True), *x.max(1), x.argmax(1), x.var(1),
                       x.std(2, unbiased=False), x.logsumexp(1), x.cumsum(1), (x > 0).any(1),
                         (x > 0).sum(1), F.normalize(x, dim=2),
                       x.norm(dim=1), x.norm(1, 2, True), fastnn.linalg.vector_norm(x, float("inf"), (1, 2))),
    "arithmetic": lambda x: (1 - x, 2 / (x.abs() + 1), x ** 2, 2 ** x, x // 0.3, x % 0.7, x * fastnn.arange(8),
                             x.int()),
    "choice": lambda x: (fastnn.where(x > 0, x, -1.0), x.masked_fill(x > 0, -9.0), x.clamp(-1, 1),
                         fastnn.maximum(x, -x), (x > 0) & (x < 1) | ~(x >= -1), x != 0),
    "products": lambda x: (x @ x.mT, fastnn.einsum("bij,jk->bik", x, fastnn.ones(8, 3)),
                           F.scaled_dot_product_attention(x, x, x, is_causal=True),
                           F.cosine_similarity(x[:, 0], x[:, 1])),
    "order": lambda x: (*x.topk(3), *x.sort(1), x.gather(2, x.argsort(2)[:, :, :2]), F.one_hot(x.argmax(1), 3)),
    "in place": changed,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("opset", [14, 18])
def test_operations_agree(name, opset):
    agree(PROGRAMS[name], (rand(2, 3, 8),), BATCH, [(rand(1, 3, 8),), (rand(7, 3, 8),)], reference=opset == 18,
          opset_version=opset)


ROWS = [nn.Conv1d(3, 6, 3, stride=2, padding=1, dilation=2, groups=3), nn.Conv1d(3, 4, 3, padding="same"),
        nn.ConvTranspose1d(3, 4, 3, stride=2, output_padding=1, padding=1), nn.AvgPool1d(3, 2, 1),
        nn.AdaptiveMaxPool1d(2),
        nn.InstanceNorm1d(3, affine=True), nn.GroupNorm(3, 3), nn.LayerNorm([3, 8]), nn.RMSNorm(8),
        nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular"), nn.MaxPool1d(3, 2, 1, ceil_mode=True), nn.PReLU(3)]
IMAGES = [nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0)), nn.ConvTranspose2d(3, 4, 3, stride=2),
          nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AdaptiveAvgPool2d((2, 4)), nn.Upsample(scale_factor=2),
          nn.Upsample(size=(5, 7), mode="bilinear", align_corners=True), nn.Upsample(scale_factor=2, mode="bicubic"),
          nn.ReflectionPad2d(1), nn.ConstantPad2d((1, -1, 0, 2), 3.0), nn.PixelUnshuffle(2),
          nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2))]


@pytest.mark.parametrize("shape, layers", [((3, 8), ROWS), ((3, 8, 8), IMAGES)], ids=["rows", "images"])
def test_layers_agree(shape, layers):
    class All(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x):
            return [layer(x) for layer in self.layers]
    agree(All(), (rand(2, *shape),), BATCH, [(rand(7, *shape),)])


def test_functions_that_layers_hold():
    class Model(nn.Module):
        def __init__(self, function=F.relu):
            super().__init__()
            self.functions = [function, functools.partial(F.gelu, approximate="tanh"), F.silu]
            self.last = functools.partial(F.softmax, dim=1)

        def forward(self, x):
            for function in self.functions:
                x = function(x)
            return self.last(x)
    assert "Tanh" in kinds(agree(Model(), (rand(2, 8),), BATCH))


ACTIVATIONS = [nn.LeakyReLU(), nn.ELU(0.7), nn.CELU(0.5), nn.SELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(),
               nn.Softplus(2, 5),
               nn.LogSigmoid(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(-2, 2), nn.ReLU6(), nn.Tanhshrink(),
               nn.Softshrink(), nn.Hardshrink(), nn.Softsign(), nn.GLU(), nn.Threshold(0.1, 0.2), nn.ReLU(inplace=True),
               nn.LogSoftmax(1), nn.Softmin(1)]


def test_activations_agree():
    class All(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), layer) for layer in ACTIVATIONS])

        def forward(self, x):
            return [layer(x * 2) for layer in self.layers]
    agree(All(), (rand(2, 8),), BATCH, [(rand(7, 8),)])


def test_several_inputs_states_and_masks():
    agree(Sequence("RNN", nonlinearity="relu"), (rand(2, 4, 5),), reference=False)  # which knows tanh alone
    lstm, attention = nn.LSTM(4, 5, num_layers=2), nn.MultiheadAttention(8, 2, batch_first=True)
    agree(lambda x, h, c: lstm(x, (h, c)), (rand(4, 2, 4), rand(2, 2, 5), rand(2, 2, 5)),
          [{0: "t", 1: "b"}, {1: "b"}, {1: "b"}], [(rand(9, 1, 4), rand(2, 1, 5), rand(2, 1, 5))])

    def masked(x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))
        return attention(x, x, x, attn_mask=mask)
    agree(masked, (rand(2, 3, 8),), BATCH_AND_TIME, [(rand(7, 5, 8),)])
    agree(nn.EmbeddingBag(30, 4), (tokens(2, 5),), BATCH_AND_TIME, [(tokens(7, 3),)])
    agree(nn.Transformer(8, 2, 1, 1, 16, batch_first=True), (rand(2, 3, 8), rand(2, 4, 8)),
          [{0: "b", 1: "s"}, {0: "b", 1: "t"}], [(rand(7, 4, 8), rand(7, 2, 8))])


def test_names_and_open_sizes():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU()).train()
    program = fastnn.onnx.export(model, rand(2, 4), input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}})
    graph = program.model_proto.graph
    assert [item.name for item in (*graph.input, *graph.output)] == ["x", "y"]
    assert {item.name for item in graph.initializer} == {"0.weight", "0.bias"} and model.training
    assert [sizes_of(item) for item in (*graph.input, *graph.output)] == [["n", 4], ["n", 3]]
    assert kinds(graph) == {"Gemm", "Relu"}
    dim = fastnn.compat.module("export").Dim("rows")
    for shapes in ({"input": {0: dim}}, ({0: dim},), [(dim, None)]):
        program = fastnn.onnx.export(model, (rand(2, 4),), dynamic_shapes=shapes)
        assert sizes_of(program.model_proto.graph.input[0])[0] == "rows"
    assert program(rand(5, 4))[0].shape == (5, 3)
    fixed = fastnn.onnx.export(model, (rand(2, 4),), keep_initializers_as_inputs=True, verify=True).model_proto.graph
    assert len(fixed.input) == 3 and sizes_of(fixed.output[0]) == [2, 3]


def test_arguments_and_outputs_are_structures(tmp_path):
    class Model(nn.Module):
        def forward(self, a, b=None, *, c=None):
            return {"sum": a + b, "rest": (a * 2, c - 1)}
    x, c = rand(2, 3), rand(3)
    for args, kwargs in (((x,), {"b": x, "c": c}), ((x, {"b": x, "c": c}), None)):
        program = fastnn.onnx.export(Model(), args, tmp_path / "m.onnx", kwargs=kwargs)
        graph = onnx.load(tmp_path / "m.onnx").graph
        assert [item.name for item in graph.input] == ["a", "b", "c"]
        assert [item.name for item in graph.output] == ["output_sum", "output_rest_0", "output_rest_1"]
    with open(tmp_path / "n.onnx", "wb") as file:
        program.save(file)
    assert (tmp_path / "n.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()


def loop(x):
    h = 0
    for t in range(x.size(1)):
        h = fastnn.tanh(h + x[:, t])
    return h


class Square(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return fastnn.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx, grad):
        return grad


def stale(x):
    y = x * 2
    view = y.view(-1)
    y.add_(1)
    return view


ERRORS = {
    "svd": (lambda x: fastnn.linalg.svd(x)[1], "svd"), "loss": (lambda x: F.mse_loss(x, x * 2), "mse_loss"),
    "unfold": (nn.Unfold(2), "unfold"), "dropout": (lambda x: F.dropout(x, 0.5, True), "dropout"),
    "NumPy": (lambda x: fastnn.from_numpy(np.sin(x.numpy())) * x, "mul: a tensor of shape"),
    "random": (lambda x: x + fastnn.rand(3, 8, 8), "random"),
    "item": (lambda x: x * x.sum().item(), "numbers of the inputs"),
    "Function": (Square.apply, "autograd.Function"), "stale": (stale, "shares it"), "loop": (loop, "cannot be dynamic"),
    "window": (nn.AdaptiveAvgPool2d(3), "windows"),
    "squeezed": (lambda x: x.narrow(1, 2, x.size(1) - 2).squeeze(), "how many dimensions"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_written_is_named(name):
    model, message = ERRORS[name]
    with pytest.raises(fastnn.onnx.OnnxExporterError, match=message):
        fastnn.onnx.export(model, (rand(2, 3, 8, 8),), input_names=["x"],
                           dynamic_axes={"x": {1: "t"}} if name in ("loop", "squeezed") else None)


@pytest.mark.parametrize("options", [{"custom_opsets": {"a": 1}}, {"opset_version": 99}, {"export_params": False},
                                     {"training": fastnn.onnx.TrainingMode.TRAINING}, {"report": True}], ids=str)
def test_options_that_do_not_work(options):
    with pytest.raises(NotImplementedError, match=next(iter(options))):
        fastnn.onnx.export(nn.ReLU(), (rand(2),), **options)


@pytest.mark.parametrize("options, error", [({"input_names": ["a", "b"]}, ValueError), ({"args": ()}, RuntimeError),
                                            ({"dynamic_axes": {"input": {5: "b"}}}, ValueError),
                                            ({"dynamic_shapes": {"other": {0: "b"}}}, ValueError),
                                            ({"model": "a file"}, TypeError)], ids=str)
def test_bad_input(options, error):
    with pytest.raises(error, match="onnx.export"):
        fastnn.onnx.export(**{"model": nn.ReLU(), "args": (rand(2, 3),)} | options)


def test_names_that_are_none_warn():
    with pytest.warns(UserWarning, match="no input or output"):
        fastnn.onnx.export(nn.ReLU(), (rand(2),), dynamic_axes={"x": {0: "n"}})
    with pytest.warns(UserWarning, match="opset_version=11"):
        assert fastnn.onnx.export(nn.ReLU(), (rand(2),), opset_version=11).model_proto.opset_import[0].version == 13


def test_nothing_stays_replaced():
    before = fastnn.relu.__wrapped__, F.relu, fastnn.ops.linear.linear, nn.ReLU.__dict__["_function"]
    with pytest.raises(ValueError, match="stop"):
        fastnn.onnx.export(lambda x: int("stop"), (rand(2),))
    fastnn.onnx.export(nn.ReLU(), (rand(2),))
    assert before == (fastnn.relu.__wrapped__, F.relu, fastnn.ops.linear.linear, nn.ReLU.__dict__["_function"])
    assert (rand(2) + 1).shape == (2,) and not fastnn.onnx.is_in_onnx_export()


# ---- the other doors ----

def keras_models():
    from fastnn.keras import Input, Model, Sequential
    from fastnn.keras import layers as L
    x = Input((None, 8))
    y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))
    attention = Model(x, L.Dense(3)(L.GlobalAveragePooling1D()(y)))
    a, b = Input((4,), name="a"), Input((3,), name="b")
    joined = L.Concatenate()([L.Dense(5)(a), L.Dense(5, "relu")(b)])
    return {
        "Dense": (Sequential([Input((8,)), L.Dense(5, "gelu"), L.Dropout(0.2), L.Dense(3, "softmax")]),
                  [(1, 8), (7, 8)]),
        "Conv2D": (Sequential([Input((12, 12, 2)), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(),
                               L.BatchNormalization(),
                               L.Conv2D(4, 3, padding="same", strides=2), L.GlobalAveragePooling2D(), L.Dense(2)]),
                   [(1, 12, 12, 2), (7, 12, 12, 2)]),
        "LSTM": (Sequential([Input((None, 4)), L.LSTM(6, return_sequences=True), L.LSTM(5), L.Dense(2)]),
                 [(1, 5, 4), (7, 9, 4)]),
        "GRU": (Sequential([Input((None, 4)), L.Bidirectional(L.GRU(5)), L.Dense(2)]), [(1, 5, 4), (7, 9, 4)]),
        "attention": (attention, [(1, 5, 8), (7, 9, 8)]),
        "two inputs": (Model([a, b], [L.Dense(2)(joined), L.Dense(1, "sigmoid")(joined)]),
                       [[(1, 4), (1, 3)], [(7, 4), (7, 3)]]),
    }


@pytest.mark.parametrize("name", ["Dense", "Conv2D", "LSTM", "GRU", "attention", "two inputs"])
def test_keras_models_agree(name, tmp_path):
    model, shapes = keras_models()[name]
    model.export(tmp_path / "m.onnx", format="onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    for sizes in shapes:
        x = [np.random.default_rng(i).normal(size=size).astype("float32")
             for i, size in enumerate(sizes if isinstance(sizes, list) else [sizes])]
        expected = model.predict(x if len(x) > 1 else x[0], verbose=0)
        given = {item.name: array for item, array in zip(proto.graph.input, x)}
        for run in (session_of(proto), ReferenceEvaluator(proto)):
            for ours, theirs in zip(expected if isinstance(expected, list) else [expected], run.run(None, given)):
                np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


def test_keras_export_says_what_it_needs(tmp_path):
    from fastnn import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)
    model = Own()
    with pytest.raises(ValueError, match="input_signature"):
        model.export(tmp_path / "m.onnx", format="onnx")
    with pytest.raises(NotImplementedError, match="format"):
        model.export(tmp_path / "m")
    with pytest.raises(NotImplementedError, match="is_static"):
        model.export(tmp_path / "m.onnx", format="onnx", is_static=True)
    model.export(tmp_path / "m.onnx", format="onnx", input_signature=[keras.InputSpec(shape=(None, 3))])
    found, = session_of(onnx.load(tmp_path / "m.onnx")).run(None, {"input": np.ones((5, 3), "float32")})
    np.testing.assert_allclose(found, model.predict(np.ones((5, 3)), verbose=0), rtol=1e-5)


@pytest.mark.parametrize("kind, options, target", [
    ("MLPClassifier", {}, lambda r: r.integers(0, 3, 60)),
    ("MLPClassifier", {"activation": "tanh"}, lambda r: r.integers(0, 2, 60)),
    ("MLPClassifier", {"dtype": "float32", "batch_norm": True}, lambda r: r.integers(0, 2, (60, 3))),
    ("MLPRegressor", {"activation": "logistic"}, lambda r: r.normal(size=60)),
    ("MLPRegressor", {}, lambda r: r.normal(size=(60, 2))),
    ("Autoencoder", {}, lambda r: None)], ids=lambda value: "" if callable(value) else str(value))
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_agree(kind, options, target):
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    import fastnn.sklearn
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 5))
    estimator = getattr(fastnn.sklearn, kind)(hidden_layer_sizes=(4,), max_iter=10, random_state=0, **options)
    estimator.fit(X, target(random))
    expected = (estimator.predict_proba(X) if kind == "MLPClassifier" else estimator.predict(X)
                if kind == "MLPRegressor" else estimator.inverse_transform(estimator.transform(X)))
    proto = fastnn.onnx.export(estimator, X).model_proto
    X = X.astype(options.get("dtype", "float64"))
    for run in (session_of(proto), ReferenceEvaluator(proto)):
        for count in (1, 7):
            found, = run.run(None, {"X": X[:count]})
            np.testing.assert_allclose(found, expected[:count], rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="5 features"):
        fastnn.onnx.export(estimator, X[:, :3])


# ---- programs ----

PROGRAM = """
import torch
import torch.nn.functional as F
from torch.nn.functional import relu

class Net(torch.nn.Module):
    def __init__(self, act=F.gelu):
        super().__init__()
        self.conv, self.out, self.act = torch.nn.Conv2d(1, 3, 3), torch.nn.Linear(48, 2), act
    def forward(self, x, flag=True):
        x = self.act(relu(self.conv(x)))
        return F.log_softmax(self.out(torch.flatten(F.max_pool2d(x, 2), 1)), dim=1)

model = Net()
torch.onnx.export(model, torch.randn(1, 1, 10, 10), "net.onnx", export_params=True, opset_version=17,
                  do_constant_folding=True, input_names=["input"], output_names=["output"], dynamo=False,
                  dynamic_axes={"input": {0: "batch_size"}, "output": {0: "batch_size"}}, verbose=False)
batch = torch.export.Dim("batch")
program = torch.onnx.export(model, (torch.randn(2, 1, 10, 10),), dynamo=True, dynamic_shapes={"x": {0: batch}},
                            verify=True)
print(program(torch.randn(3, 1, 10, 10))[0].shape, torch.onnx.errors.UnsupportedOperatorError.__name__)
"""


def run_python(*args, cwd):
    done = subprocess.run([sys.executable, *args], cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_programs_for_pytorch_export(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    assert run_python("-m", "fastnn", "program.py", cwd=tmp_path) == "torch.Size([3, 2]) UnsupportedOperatorError\n"
    assert sizes_of(onnx.load(tmp_path / "net.onnx").graph.output[0])[0] == "batch_size"


def test_the_document_runs(tmp_path):
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "onnx.md").read_text(), re.DOTALL)
    (tmp_path / "document.py").write_text("\n".join(blocks))
    run_python("document.py", cwd=tmp_path)


def test_without_onnx_the_error_says_what_to_install():
    program = ("import sys; sys.modules['onnx'] = None\nimport fastnn\nfrom fastnn import nn\n"
               "try:\n    fastnn.onnx.export(nn.ReLU(), (fastnn.ones(2),))\n"
               "except ImportError as error:\n    print(error)")
    assert "pip install onnx" in run_python("-c", program, cwd=ROOT)


def test_rules_have_the_parameters_of_their_functions():
    wrong = []
    for function, rule in RULES.items():
        try:
            own = list(inspect.signature(function).parameters.values())
        except ValueError:  # a compiled function that does not say
            continue
        found = list(inspect.signature(rule).parameters.values())[1:]
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found):
            continue
        names, ordered = [p.name for p in found], [p.name for p in own if p.kind == p.POSITIONAL_OR_KEYWORD]
        if names[:len(ordered)] != ordered or not {p.name for p in own} <= set(names):
            wrong.append(f"{function.__module__}.{function.__name__}: {[p.name for p in own]} {names}")
    assert not wrong, "\n".join(wrong)


class Counting(nn.Module):
    """Changes a buffer in place and replaces another."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", fastnn.zeros(3))
        self.register_buffer("last", fastnn.zeros(3))

    def forward(self, x):
        self.calls += 1
        self.last = self.last + 2
        return x + self.calls + self.last


@pytest.mark.parametrize("axes", [None, {"x": {0: "n"}}])
def test_buffers_are_as_before(axes):
    model = Counting()
    calls, last = model.calls, model.last
    program = fastnn.onnx.export(model, (fastnn.ones(2, 3),), dynamic_axes=axes, verify=False)
    assert model.calls is calls and model.last is last and not calls.any() and not last.any()
    np.testing.assert_array_equal(program(np.ones((2, 3), np.float32))[0], np.full((2, 3), 4, np.float32))


def test_export_within_an_export_is_refused():
    class Nested(nn.Module):
        def forward(self, x):
            fastnn.onnx.export(nn.ReLU(), (x,))
            return x

    with pytest.raises(fastnn.onnx.OnnxExporterError, match="while it is exported itself"):
        fastnn.onnx.export(Nested(), (fastnn.ones(2, 3),))
    fastnn.onnx.export(nn.ReLU(), (fastnn.ones(2, 3),))


def test_threads_that_export_one_model_leave_its_mode():
    model, failed = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), []

    def work():
        try:
            for _ in range(3):
                assert [node.op_type for node in fastnn.onnx.export(model, (fastnn.ones(2, 3),)).model_proto.graph.node
                        ][-1] != "Dropout"
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and model.training and model[1].training


def test_index_that_the_numbers_decide_is_refused():
    with pytest.raises(fastnn.onnx.OnnxExporterError, match="depends on"):
        fastnn.onnx.export(lambda x: x[:, int(x[0].argmax())] * 2, (fastnn.tensor([[1.0, 3.0, 2.0, 0.0]]),))


@pytest.mark.parametrize("error, options", [
    (TypeError, {"dynamic_axes": ["input"]}), (TypeError, {"dynamic_shapes": 5}),
    (ValueError, {"output_names": ["input"]}),
    (ValueError, {"args": fastnn.ones(0, 3), "dynamic_axes": {"input": {0: "n"}}})])
def test_unfit_options(error, options):
    with pytest.raises(error, match="onnx.export: "):
        fastnn.onnx.export(nn.ReLU(), **{"args": (fastnn.ones(2, 3),), **options})
