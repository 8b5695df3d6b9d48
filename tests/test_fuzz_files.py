"""A short spread of damaged files; `make fuzz` reads more of them."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fuzz import files


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to bound a process' memory")
def test_damaged_files():
    root = Path(fastnn.__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-m", "fuzz.files", "--count", "2000"], cwd=Path(__file__).resolve().parent,
                          env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_faults_are_told_apart(tmp_path):
    """What the judge says of readers that do each thing wrong."""
    path = tmp_path / "damaged-file"

    def raises(error):
        def read(_):
            raise error
        return read

    assert files.fault(raises(ValueError("damaged-file: cut off")), path) is None
    assert files.fault(raises(ValueError("cut off")), path) == "a ValueError does not name the file"
    assert files.fault(raises(KeyError("damaged-file")), path) == "raises KeyError"
    assert "2000" in files.fault(raises(ValueError("damaged-file" + "x" * 3000)), path)
    assert files.fault(lambda _: {"a": [1, (None, b"")]}, path) is None
    assert files.fault(lambda _: [object()], path) == "loads a object"
