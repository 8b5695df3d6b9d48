"""``fastnn bench``: what it prints and writes, which peers it takes, what it says of noise. No time is asserted."""
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.bench import cases, command, peers, report, timing

ROOT = Path(__file__).resolve().parent.parent
QUIET = {"median": 1.0, "min": 0.9, "share": 0.99, "others": 0.0}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(command, "QUICK", {"rounds": 1, "block": 0, "warm": 0, "settled": False})


def contenders_of(case):
    return {name.partition("-")[0] for name in case.builders}


def test_command(quick, tmp_path, capsys):
    file, picture = tmp_path / "results.json", tmp_path / "ratios.png"
    drawn = ["--picture", str(picture)] if importlib.util.find_spec("matplotlib") else []
    assert command.main(["--quick", "--threads", "1,2", "--batch", "1,4", "--filter", "mlp 784-128", "--peers", "none",
                         "--json", str(file), *drawn]) == 0
    output = capsys.readouterr().out
    assert "predict" in output and "NumPy" in output and "MLP 784-128-10, batch 4" in output and "PyTorch" not in output
    results = json.loads(file.read_text())
    assert results["kind"] == "bench" and results["machine"]["threads"] == 2
    assert [result["batch"] for result in results["results"]] == [1, 4]
    for result in results["results"]:
        assert set(result["times"]) == {"fastnn-1", "fastnn-2"} | {
            f"reference-{n}" for n in peers.thread_counts("reference", [1, 2])}
        assert not result["failures"]
        assert all(0 < times["min"] <= times["median"] for times in result["times"].values())
        assert all(set(found) == {"reference"} for found in result["ratios"].values())
    assert not drawn or picture.read_bytes().startswith(b"\x89PNG")
    assert fastnn.get_backend() == "c"


@pytest.mark.parametrize("case", [case for case in cases.all_cases(["sklearn"]) if case.group != "operation"],
                         ids=lambda case: f"{case.group} {case.name}")
def test_backends_compute_the_same(case):
    if case.group == "sklearn":
        pytest.importorskip("sklearn")
    with peers.quiet():
        calls, _, failures = command.build(case, 2, [1], [])
    assert not failures and "fastnn-1" in calls and "reference-1" in calls


@pytest.mark.parametrize("peer", sorted(peers.PACKAGES))
def test_peers_compute_the_same(peer):
    if not peers.is_there(peer):
        pytest.skip(f"{peer} is not installed")
    assert not peers.load([peer])
    found = [case for case in cases.all_cases([peer]) if peer in contenders_of(case)]
    assert len({case.name for case in found}) == len(found) > 1
    for case in found:
        with peers.quiet():
            _, scopes, failures = command.build(case, 2, [1], [peer])
        assert not failures, case.name
        assert any(name.startswith(peer) for name in scopes)


def test_what_computes_something_else_is_not_timed():
    def fails(batch, threads):
        raise RuntimeError("no such layer")
    case = cases.Case("x", "y", {"fastnn": lambda batch, threads: lambda: np.ones(batch),
                                 "torch": lambda batch, threads: lambda: np.full(batch, 1.1),
                                 "jax": lambda batch, threads: lambda: np.ones((batch, 1)),
                                 "onnxruntime": fails, "sklearn": lambda batch, threads: lambda: np.ones(batch)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "scope", lambda contender, n: peers.contextlib.nullcontext())
        calls, _, failures = command.build(case, 3, [1], ["torch", "jax", "onnxruntime", "sklearn"])
    assert set(calls) == {"fastnn-1", "reference-1", "sklearn-1"}
    assert "differs by 0.1" in failures["torch-1"] and "shape (3, 1)" in failures["jax-1"]
    assert failures["onnxruntime-1"] == "RuntimeError: no such layer"
    assert command.differs(np.array([np.nan]), np.ones(1))


def test_noise_is_told():
    assert not timing.is_spoilt(QUIET, {**QUIET, "others": None})
    for spoilt in ({"share": 0.5}, {"median": 2.0}, {"others": 0.5}):
        assert timing.is_spoilt(QUIET, {**QUIET, **spoilt})
    times = {"fastnn-1": QUIET, "reference-1": {**QUIET, "median": 4.0, "min": 3.5}, "reference-2": {
        **QUIET, "median": 3.0, "min": 2.8}, "torch-1": {**QUIET, "median": 8.0, "min": 1.0}, "fastnn-2": QUIET}
    assert report.ratios(times, 1) == {"reference": (4.0, False), "torch": (8.0, True)}
    assert report.ratios(times, 2)["reference"] == (3.0, False)
    first, second = report.rows("case", times, [1, 2], ["torch"])
    assert first.split()[-2:] == ["4x", "~8x"] and second.split()[0] == "2"
    numpy, torch = report.summary([{"times": times}], 1, ["torch"])
    assert "4.00 times" in numpy and "1 spoilt" in list(report.summary([{"times": times}, {"times": {
        **times, "torch-1": QUIET}}], 1, ["torch"]))[1]
    assert "left out" not in numpy and "spoilt all 1 cases" in torch


@pytest.mark.parametrize("arguments, message", [
    (["--peers", "caffe"], "expected some of torch"), (["--batch", "0"], "invalid list of positive integers"),
    (["--threads", "x"], "invalid list"), (["--filter", "no such"], "no case contains")])
def test_bad_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err


def test_missing_and_damaged_peers(monkeypatch, capsys):
    monkeypatch.setattr(peers, "is_there", lambda name: False)
    with pytest.raises(SystemExit, match="1"):
        command.main(["--peers", "jax"])
    assert "pip install jax" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "jax", None)
    assert "ModuleNotFoundError" in peers.load(["jax"])["jax"]


def test_interrupted(monkeypatch, tmp_path, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt
    monkeypatch.setattr(command, "measure", interrupt)
    file = tmp_path / "x.json"
    assert command.main(["--quick", "--peers", "none", "--json", str(file)]) == 130
    assert "interrupted" in capsys.readouterr().out and json.loads(file.read_text())["results"] == []


def test_needs_numpy_alone():
    """In a process in which nothing else can be imported."""
    program = ("import sys\n"
               "for name in 'torch jax keras sklearn onnx onnxruntime matplotlib threadpoolctl tqdm scipy'.split():\n"
               "    sys.modules[name] = None\n"
               "import runpy; sys.argv = ['fastnn', 'bench', '--quick', '--threads', '1', '--batch', '1',\n"
               "                          '--peers', 'none', '--filter', 'layer norm']\n"
               "runpy.run_module('fastnn', run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "layer norm" in done.stdout, done.stderr
