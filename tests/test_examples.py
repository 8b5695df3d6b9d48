"""Every example, and every program of the README, runs as a user runs it and does what its text says."""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BACKENDS = ("c", "reference")


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_python(*args, cwd):
    """The output of Python with these arguments; fails when the program does."""
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "PYTHONWARNINGS": "error"}
    environment.pop("FASTNN_DATA", None)
    done = subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env=environment, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_examples*.py"))
    names = {path.stem for path in EXAMPLES.glob("[!_]*.py")}
    assert names
    assert not {name for name in names if f'load("{name}")' not in tests and f"python examples/{name}.py" not in tests}


# ---- perceptron ----

@pytest.mark.parametrize("backend", BACKENDS)
def test_perceptron_learns_what_a_line_separates(backend, capsys):
    example = load("perceptron")
    with fastnn.use_backend(backend):
        scores = example.main(["--rows", "100", "--epochs", "200"])
    assert scores.pop("xor") <= 0.75  # no line gets more than three of the four corners
    assert set(scores.values()) == {1.0}
    assert "xor" in capsys.readouterr().out


def test_perceptron_on_other_sets():
    example = load("perceptron")
    for seed in range(3):
        x, target = example.separable(50, seed)
        assert x.shape == (50, 2) and target.shape == (50,)
        assert 0 < target.sum() < 50
        perceptron = example.Perceptron(2)
        assert perceptron.fit(x, target, epochs=500) < 500
        assert perceptron.accuracy(x, target) == 1.0


def test_perceptron_step_is_zero_at_zero():
    example = load("perceptron")
    assert example.Perceptron(2)(fastnn.zeros(1, 2)).tolist() == [0.0]


# ---- the 10-5-1 sigmoid network ----

def test_sigmoid_network_falls_as_the_gradients_by_hand_say(capsys):
    example = load("sigmoid_network")
    curves = {}
    for backend in BACKENDS:
        with fastnn.use_backend(backend):
            losses, by_hand = example.main(["--epochs", "300"])
        np.testing.assert_allclose(losses, by_hand, rtol=1e-3)
        curves[backend] = losses
    np.testing.assert_allclose(curves["c"], curves["reference"], rtol=1e-3)
    assert np.all(np.diff(curves["c"]) < 0), "gradient descent goes down in every step"
    assert curves["c"][-1] < curves["c"][0] / 20
    assert "by hand" in capsys.readouterr().out


def test_sigmoid_network_in_double_precision():
    example = load("sigmoid_network")
    x, target, model = example.problem()
    x, target, model = x.double(), target.double(), model.double()
    by_hand = example.by_hand(model, x, target, 200, 2.0)
    np.testing.assert_allclose(example.train(model, x, target, 200, 2.0), by_hand, rtol=1e-10)


# ---- XOR ----

@pytest.mark.parametrize("backend", BACKENDS)
def test_xor_gets_all_four_right(backend, capsys):
    example = load("xor")
    with fastnn.use_backend(backend):
        model, losses = example.main([])
        assert example.right(model) == 4
    assert losses[-1] < 0.001 < losses[0]
    assert "1 xor 1 = 0" in capsys.readouterr().out


# ---- the fully connected network ----

@pytest.mark.parametrize("backend", BACKENDS)
def test_fully_connected_parts_have_the_right_values(backend, capsys):
    example = load("fully_connected")
    with fastnn.use_backend(backend):
        results = example.main([])
    assert results["parameters"] == 32 * 64 + 64 + 64 * 32 + 32 + 32 + 1
    assert results["same"] < 1e-6
    assert results["linear"] < 1e-5 < results["curved"]

    x = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
    expected = {"sigmoid": 1 / (1 + np.exp(-x)), "tanh": np.tanh(x), "relu": np.maximum(x, 0),
                "leaky_relu": np.where(x > 0, x, 0.01 * x), "softmax": np.exp(x) / np.exp(x).sum()}
    assert results["activations"].keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(results["activations"][name], values, rtol=1e-6, err_msg=name)

    z, t = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.0, 1.0])
    bce = np.mean(np.log1p(np.exp(z)) - t * z)
    logits, classes = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), [0, 2]
    entropy = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], classes]
    expected = {"mse": np.mean((z - t) ** 2), "l1": np.mean(np.abs(z - t)), "bce": bce, "bce_with_logits": bce,
                "cross_entropy": entropy.mean(), "cross_entropy sum": entropy.sum()}
    assert results["losses"].keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(results["losses"][name], value, rtol=1e-6, err_msg=name)

    assert {"SGD", "Adagrad", "RMSprop", "Adam"} <= results["optimizers"].keys()
    for name, history in results["optimizers"].items():
        assert history[-1] < 0.6 * history[0], name
    assert "(fc1): Linear(in_features=32, out_features=64, bias=True)" in capsys.readouterr().out


# ---- autoencoder ----

def test_autoencoder_learns_features(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    example = load("autoencoder")
    history, scores = example.main(["--epochs", "15", "--out", str(tmp_path / "features.npz")])
    assert history[-1] < history[0] / 4
    assert scores["codes"] > 0.93 and scores["codes"] > scores["pixels"] - 0.04
    with np.load(tmp_path / "features.npz") as file:
        assert file["features"].shape == (1797, 32) and file["features"].dtype == np.float32
        assert file["features"].min() == 0 and file["features"].max() == 1
        assert np.bincount(file["labels"]).sum() == 1797 and len(np.unique(file["labels"])) == 10
    assert "1797 x 32 features" in capsys.readouterr().out


# ---- convolutional network ----

def test_cnn_reads_digits(monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    example = load("cnn")
    assert example.main(["--epochs", "8"]) > 0.96
    assert "of the test images right" in capsys.readouterr().out


def test_cnn_fits_mnist():
    example = load("cnn")
    assert example.network(28)(fastnn.rand(2, 1, 28, 28)).shape == (2, 10)


# ---- self-attention ----

@pytest.mark.parametrize("args, best", [([], 0.93), (["--layers", "1", "--epochs", "8"], 0.9)])
def test_attention_reads_digits(args, best, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    history, score = load("attention_digits").main(args)
    assert history[-1] < history[0] / 4 and score > best
    assert "held-out digits right" in capsys.readouterr().out


def test_keras_transfer_leaves_frozen_features_alone(monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    scores = load("keras_transfer").main(["--epochs", "5", "--few", "10"])  # checks the frozen weights itself
    assert set(scores) == {"transfer", "scratch"} and min(scores.values()) > 0.7
    assert "transfer: 8581 trainable parameters" in capsys.readouterr().out


# ---- as programs ----

@pytest.mark.parametrize("name, args, text", [
    ("perceptron", ["--rows", 30, "--epochs", 50], "xor"),
    ("sigmoid_network", ["--epochs", 20], "by hand"),
    ("xor", ["--epochs", 800], "4 of 4 right"),
    ("fully_connected", ["--steps", 5], "cross_entropy"),
    ("autoencoder", ["--epochs", 1], "saved 1797 x 32 features"),
    ("attention_digits", ["--epochs", 1], "are looked at"),
    ("cnn", ["--epochs", 1], "of the test images right"),
    ("sklearn_digits", ["--epochs", 2, "--jobs", 2], "that the search has not seen"),
    ("sklearn_ensemble", ["--epochs", 2, "--members", 2], "spread where there are points"),
])
def test_runs_as_a_program(name, args, text, tmp_path):
    if name in ("attention_digits", "autoencoder", "cnn", "sklearn_digits", "sklearn_ensemble"):
        pytest.importorskip("sklearn")
    assert text in run_python(EXAMPLES / f"{name}.py", *args, cwd=tmp_path)


# ---- the README's programs ----

ROOT = EXAMPLES.parent
DOCUMENTS = sorted(path for folder in (".", "docs", "benchmarks", "examples") for path in (ROOT / folder).glob("*.md"))


def readme_programs():
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("program", readme_programs(), ids=lambda program: program.splitlines()[-1])
def test_readme_program_runs(program, tmp_path):
    if "sklearn" in program:
        pytest.importorskip("sklearn")
    output = run_python("-c", program, cwd=tmp_path).splitlines()
    assert output == re.findall(r"print\(.*\)   # (.*)", program), "what the comments behind print() say"


@pytest.mark.skipif(not (ROOT / "src_c").is_dir(), reason="a wheel is tested, whose sources are elsewhere")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert not [link for link in links if not (document.parent / link).exists()]


# ---- recurrent layers ----

@pytest.mark.parametrize("options", [[], ["--pixels"]])
def test_lstm_reads_digits(options, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    history, score = load("lstm_digits").main(["--epochs", "25", "--count", "600", *options])
    assert history[-1] < history[0] < 2.4
    assert score > (0.4 if options else 0.85)
    assert f"{64 if options else 8} steps" in capsys.readouterr().out


def test_character_model_learns_to_write_sums(capsys):
    example = load("char_model")
    model, history, written = example.main(["--sums", "--epochs", "14", "--hidden", "32", "--length", "100"])
    assert history[-1] < 0.75 * history[0]
    lines = written.strip("\n").split("\n")[:-1]
    assert len(lines) > 10
    assert sum(bool(re.fullmatch(r"\d\+\d=\d\d?", line)) for line in lines) > 0.8 * len(lines)
    assert written in capsys.readouterr().out
    fastnn.manual_seed(1)
    assert model.write("\n", 20, temperature=0) == model.write("\n", 20, temperature=0)


# ---- scikit-learn's estimators ----

def test_search_finds_a_good_classifier(capsys):
    pytest.importorskip("sklearn")
    found, accuracy = load("sklearn_digits").main(["--epochs", "10", "--jobs", "2"])
    assert accuracy > 0.94 and len(found.cv_results_["params"]) == 8
    assert f"{accuracy:.1%}" in capsys.readouterr().out


def test_ensemble_is_unsure_where_it_has_seen_nothing(capsys):
    pytest.importorskip("sklearn")
    inside, outside = load("sklearn_ensemble").main(["--epochs", "100", "--members", "12"])
    assert 2 * inside < outside
    assert "0.0 " in capsys.readouterr().out
