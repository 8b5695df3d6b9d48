"""Types for users: signatures, type stubs that say what is there, and type checkers that agree with the documents."""
import ast
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import fastnn
import pytest
from fastnn.nn import functional
from fastnn.ops.declare import HOMES

ROOT = Path(__file__).resolve().parent.parent
STUBS = Path(fastnn.__file__).resolve().parent
needs_stubs = pytest.mark.skipif(not (STUBS / "__init__.pyi").exists(), reason="a build writes the type stubs")
OWNERS = {"fastnn": fastnn, "Tensor": fastnn.Tensor, "functional": functional, "linalg": fastnn.linalg,
          "special": fastnn.special}
# Compiled classes and exceptions: their docstrings say what they take.
UNSAID = {"Tensor", "Generator", "LinAlgError", "OutOfMemoryError"}
# Fragments of fastnn's own files, not programs.
FRAGMENTS = {"adding_an_op.md"}
WRONG = """
import fastnn
from fastnn import nn, optim
x = fastnn.zeros(2, 3)
x.no_such_method()                                   # attr-defined
fastnn.no_such_function(x)                           # attr-defined
nn.Linear("3", 2)                                    # arg-type
nn.Linear(3)                                         # call-arg
fastnn.matmul(x, "x")                                # arg-type
optim.SGD(nn.Linear(3, 2).parameters(), lr="fast")   # arg-type
text: str = x.sum()                                  # assignment
flag: str = x.is_contiguous()                        # assignment
values, indices, third = x.max(1)                    # misc
"""
RIGHT = """
from typing import assert_type
import numpy as np
import fastnn
from fastnn import nn
from fastnn.utils.data import DataLoader, TensorDataset

class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return nn.functional.relu(x @ self.layer.weight.T + self.layer.bias)

x = fastnn.rand(4, 3)
assert_type(x + 1, fastnn.Tensor)
assert_type(2 - x, fastnn.Tensor)
assert_type(x.add_(1).sum(), fastnn.Tensor)
assert_type(x.max(), fastnn.Tensor)
assert_type(x.max(1).values, fastnn.Tensor)
assert_type(x.size(0), int)
assert_type(x.shape, fastnn.Size)
assert_type(x.split(2), tuple[fastnn.Tensor, ...])
assert_type(x.dtype, fastnn.dtype)
assert_type(fastnn.exp(x, out=fastnn.empty(4, 3)), fastnn.Tensor)
array: np.ndarray = x.numpy()
loader = DataLoader(TensorDataset(x, x), batch_size=2, shuffle=True)
for inputs, targets in loader:
    Model()(inputs).sum().backward()
"""


@pytest.mark.parametrize("home", OWNERS)
def test_signatures_are_visible(home):
    owner, unseen = OWNERS[home], []
    for name in dir(owner):
        value = getattr(owner, name)
        if name.startswith("_") or not callable(value) or name in UNSAID:
            continue
        try:
            signature = inspect.signature(value)
        except (TypeError, ValueError):
            unseen.append(name)
            continue
        found = HOMES[home].get(name)
        if found and found.out:
            assert "out" in signature.parameters, f"{name} hides out="
        if found and home == "Tensor" and not isinstance(found.function, property):
            first = next(iter(signature.parameters.values()))
            assert first.name == "self" or first.kind is first.VAR_POSITIONAL, name
    assert not unseen, f"no signature: {unseen}"


def test_completion_finds_everything():
    x = fastnn.ones(2)
    assert set(HOMES["Tensor"]) <= set(dir(x))
    assert {"nn", "optim", "vision", "cuda", "distributed", *HOMES["fastnn"]} <= set(dir(fastnn))


def test_package_says_that_it_has_types():
    assert (STUBS / "py.typed").exists()


def defined(path, inside=None):
    """Names that a stub defines or exports, or those of one of its classes."""
    tree = ast.parse(path.read_text())
    body = tree.body if inside is None else next(
        step.body for step in tree.body if isinstance(step, ast.ClassDef) and step.name == inside)
    for step in body:
        if isinstance(step, (ast.FunctionDef, ast.ClassDef)):
            yield step.name
        elif isinstance(step, ast.AnnAssign):
            yield step.target.id
        elif isinstance(step, ast.ImportFrom):
            yield from (alias.asname for alias in step.names)


@needs_stubs
@pytest.mark.parametrize("home, path, inside", [
    ("fastnn", "__init__.pyi", None), ("Tensor", "_tensor.pyi", "Tensor"), ("functional", "nn/functional.pyi", None),
    ("linalg", "linalg.pyi", None), ("special", "special.pyi", None)])
def test_stubs_have_what_is_declared(home, path, inside):
    wanted = {name for name in HOMES[home] if not name.startswith("_")}
    assert wanted <= set(defined(STUBS / path, inside))


def programs():
    """{name: program} of the documents' blocks, a document's as one program, which is what a reader takes them for."""
    found = {}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        blocks = re.findall(r"^```(?:python|py)\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
        if blocks and path.name not in FRAGMENTS:
            found[f"document_{path.stem.lower()}"] = "\n".join(blocks)
    return found


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """{file's name: its errors} of one run over documents, examples and the programs above."""
    pytest.importorskip("mypy", reason="needs mypy (pip install fastnn-cpu[typing])")
    folder = tmp_path_factory.mktemp("programs")
    for name, program in {**programs(), "wrong": WRONG, "right": RIGHT}.items():
        (folder / f"{name}.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "--follow-imports", "silent",
         "--ignore-missing-imports", "--allow-redefinition", "--scripts-are-modules",
         *map(str, [*folder.glob("*.py"), *(ROOT / "examples").glob("*.py")])],
        capture_output=True, text=True, cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")])})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for line in done.stdout.splitlines():
        place, error, text = line.partition(": error: ")
        if error:
            found.setdefault(Path(place.partition(":")[0]).name, []).append(f"{place.split(':')[1]}: {text}")
    return found


@needs_stubs
def test_documents_and_examples_are_clean(mypy):
    assert not {name: errors for name, errors in mypy.items() if name != "wrong.py"}


@needs_stubs
def test_pyright_agrees(tmp_path):
    """In its standard mode, which reads functions without annotations too."""
    pytest.importorskip("basedpyright", reason="needs basedpyright (pip install fastnn-cpu[typing])")
    for name, program in {**programs(), "wrong": WRONG, "right": RIGHT}.items():
        (tmp_path / f"{name}.py").write_text(program)
    settings = {"typeCheckingMode": "standard", "include": [".", str(ROOT / "examples")],
                "extraPaths": [str(ROOT), str(ROOT / "examples")], "pythonVersion": "3.11",
                "useLibraryCodeForTypes": False,  # else it guesses at scikit-learn's results
                "reportPossiblyUnboundVariable": False,  # what a loop assigns
                "reportOptionalMemberAccess": False,  # __doc__, which may be stripped
                "reportMissingImports": "none", "reportMissingModuleSource": "none"}  # of libraries that are not here
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run([sys.executable, "-m", "basedpyright", "--outputjson", "-p", str(tmp_path)],
                          capture_output=True, text=True)
    found = {}
    for one in json.loads(done.stdout)["generalDiagnostics"]:
        if one["severity"] == "error":
            found.setdefault(Path(one["file"]).name, []).append((one["range"]["start"]["line"] + 1, one["message"]))
    wanted = {number for number, line in enumerate(WRONG.splitlines(), 1) if "# " in line}
    assert {line for line, _ in found.pop("wrong.py", ())} == wanted
    assert not found


@needs_stubs
def test_mistakes_are_found(mypy):
    lines = WRONG.splitlines()
    wanted = {str(number): line.rpartition("# ")[2] for number, line in enumerate(lines, 1) if "# " in line}
    found = {error.partition(":")[0]: error.rpartition("[")[2].rstrip("]") for error in mypy["wrong.py"]}
    assert found == wanted


# What mypy's stubtest says of the stubs of compiled modules and of the namespaces made of them.
STUBTEST = """
import sys
from mypy import stubtest
from mypy.options import Options
options = Options()
options.incremental, options.ignore_errors, options.ignore_missing_imports = False, True, True
stubtest.build_stubs(sys.argv[1:], options)
for name in sys.argv[1:]:
    print(*[error.get_description(concise=True) for error in stubtest.test_module(name)], sep="\\n")
"""
EXPECTED = re.compile("|".join([
    r"\._\w+_result is not present at runtime",  # named results of operations, private in Tensor's stub
    "is a disjoint base at runtime",  # true of every C type; the decorator is younger than Python 3.11
    r"\.__(pyx_capi|test|all|dir|copy|deepcopy|array_priority|class_getitem)__ is not present in stub",
    r"^fastnn\.\w+Tensor(\.__init__)? is inconsistent",  # constructors of tensors of one dtype, which are no classes
    r"^fastnn\._tensor\.Tensor\.__new__ is inconsistent",  # which looks at nothing that a class' own __init__ takes
    r"Tensor\.__getattr__ is not present in stub",  # for what programs add; with it no misspelt name is found
]))


@needs_stubs
def test_stubs_name_what_is_there():
    pytest.importorskip("mypy", reason="needs mypy (pip install fastnn-cpu[typing])")
    names = ("fastnn", "fastnn._tensor", "fastnn._operators", "fastnn._tape", "fastnn.random", "fastnn.nn.functional",
             "fastnn.linalg", "fastnn.special", "fastnn.kernels")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", STUBTEST, *names], capture_output=True, text=True,
                          cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}, check=True)
    assert not [line for line in done.stdout.splitlines() if line and not EXPECTED.search(line)]
