"""Choice of the instruction set, at import and later."""
import os
import subprocess
import sys

import pytest

import fastnn
from fastnn import kernels


def run(code, **environment):
    """A fresh interpreter; returns (exit code, stdout, stderr)."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("FASTNN_")} | environment
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout.strip(), done.stderr


def test_best_is_the_default():
    code, out, err = run("import fastnn; from fastnn import kernels; print(kernels.get_isa())")
    assert code == 0, err
    assert out == kernels.best_isa() == kernels.available_isas()[-1]


@pytest.mark.parametrize("isa", kernels.available_isas())
def test_environment_forces_one(isa):
    code, out, err = run("import fastnn; from fastnn import kernels; print(kernels.get_isa())", FASTNN_ISA=isa)
    assert (code, out) == (0, isa), err


@pytest.mark.parametrize("isa", ["sse9", ""])
def test_environment_names_one_that_is_not_there(isa):
    code, out, err = run("import fastnn; from fastnn import kernels; print(kernels.get_isa())", FASTNN_ISA=isa)
    if isa == "":  # empty means unset
        assert (code, out) == (0, kernels.best_isa()), err
        return
    assert code != 0
    last = err.strip().splitlines()[-1]
    assert "FASTNN_ISA" in last and "sse9" in last and kernels.available_isas()[0] in last


def test_set_isa(kernel_settings):
    for isa in kernels.available_isas():
        kernels.set_isa(isa)
        assert kernels.get_isa() == isa
    with pytest.raises(ValueError, match="'mmx' is not available here; available: baseline"):
        kernels.set_isa("mmx")
    assert kernels.get_isa() == kernels.available_isas()[-1], "a refused choice changes nothing"


def test_show_config(capsys):
    fastnn.show_config()
    text = capsys.readouterr().out
    for expected in (fastnn.__version__, kernels.get_isa(), *kernels.available_isas(), "OpenMP", "-ffp-contract=fast"):
        assert expected in text


def test_import_loads_no_peer():
    peers = ("torch", "tensorflow", "sklearn", "scipy", "matplotlib", "fastnn.testing")
    code, out, err = run(f"import sys, fastnn; print([name for name in {peers} if name in sys.modules])")
    assert (code, out) == (0, "[]"), err
