"""The blocks of Python in the README and the documents run, those of a document as one program."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^(<!-- not run: [^\n]+ -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(text):
    """The blocks of a document but for those marked `<!-- not run: reason -->`; all other lines are empty: errors tell
    the document's lines."""
    done, lines = 0, ""
    for match in BLOCK.finditer(text):
        if not match[1]:
            lines += "\n" * text.count("\n", done, match.start(2)) + match[2]
            done = match.end(2)
    return lines


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if program(path.read_text())], ids=lambda path: path.name)
def test_blocks_run(path, tmp_path):
    pytest.importorskip("sklearn", reason="documents use its data")
    if "onnx" in path.name:
        pytest.importorskip("onnx", reason="writes ONNX files")
    copy = tmp_path / f"document_{path.stem}.py"
    copy.write_text(program(path.read_text()))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "agg"}
    run = subprocess.run([sys.executable, str(copy)], cwd=tmp_path, env=environment, capture_output=True, text=True,
                         timeout=300)
    assert run.returncode == 0, run.stderr


def test_blocks_are_found():
    text = "a\n```python\nx = 1\n```\n<!-- not run: needs a file -->\n```python\nwrong(\n```\n```python\ny\n```\n"
    assert program(text) == "\n\nx = 1\n" + "\n" * 6 + "y\n"
