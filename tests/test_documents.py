"""The blocks of Python in the README and the documents run, those of a document one after the other."""
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^(<!-- not run: [^\n]+ -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    """The sources of a document's blocks but for those marked `<!-- not run: reason -->`, behind as many lines as they
    have in front of them."""
    return ["\n" * text[:match.start(2)].count("\n") + match[2] for match in BLOCK.finditer(text) if not match[1]]


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path.read_text())], ids=lambda path: path.name)
def test_blocks_run(path, tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="documents use its data")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in blocks(path.read_text()):
            exec(compile(source, str(path), "exec"), names)


def test_blocks_are_found():
    text = "a\n```python\nx = 1\n```\n<!-- not run: needs a file -->\n```python\nwrong(\n```\n```\nno Python\n```\n"
    assert blocks(text) == ["\n\nx = 1\n"]
