"""The shape of the code: imports point one way, only kernels/ touches C, no giant files, no tests in the wheel."""
import ast
import re
import runpy
import subprocess
import sys
import tokenize
import tomllib
import types
import zlib
from pathlib import Path

import pytest
from conftest import SANITIZED

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fastnn"
if not PACKAGE.is_dir():
    pytest.skip("a wheel is tested, whose sources are elsewhere", allow_module_level=True)
MOST_LINES = 600
MOST_LINES_OF_A_FUNCTION = 80  # with its docstring
# A file that cannot be split may be listed here with its present length; the number may only fall.
LONGER = {}
# Outside kernels/, these include a header of src_c.
ALSO_C = {"random.pyx", "random.pxd"}  # random streams: C, but the same for every instruction set

# Layer of each part of the package; a module may import its own layer and lower ones. The doors (top) see all.
LAYERS = [
    {"errors"},
    {"reference"},
    {"kernels"},
    {"config", "dtypes", "formats", "random"},
    {"_gradients", "_operators", "_tape", "_tensor", "_views", "autograd", "fft", "linalg", "ops", "sparse", "special"},
    {"distributed", "func", "nn", "optim", "signal", "utils", "serialization"},
    {"training", "vision", "models"},
    {"compat", "distributions", "keras", "sklearn", "explain", "onnx", "dropin", "names", "demo",
     "bench"},
    {"tensorflow"},
]
DOORS = {"keras", "sklearn"}  # none imports another

# What may be imported inside a function. Everything else stands at the top of its file; where that makes a cycle, the
# shared part belongs further down, or the upper module registers with the lower one.
OPTIONAL = {"IPython", "PIL", "fcntl", "graphviz", "h5py", "matplotlib", "mpi4py", "onnx", "onnxruntime", "scipy",
            "sklearn", "tensorboardX", "threadpoolctl", "tokenizers", "torch", "tqdm"}  # may not be installed
# Dear to import, needed by few programs; `import fastnn.keras` loads none of them.
LAZY = {"concurrent.futures", "difflib", "fastnn.distributed", "fastnn.fft", "fastnn.formats", "fastnn.func",
        "fastnn.keras.models.exporting", "fastnn.keras.ops.ctc", "fastnn.onnx", "fastnn.ops._memory",
        "fastnn.ops.complex_numbers", "fastnn.ops.format_rules", "fastnn.ops.meta", "fastnn.ops.narrow_default",
        "fastnn.serialization.objects", "fastnn.serialization.torch_files", "fastnn.sklearn", "fastnn.sparse",
        "fastnn.utils.data._processes", "hashlib", "logging", "multiprocessing.context", "traceback", "urllib.parse",
        "urllib.request", "wave"}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n#]+)|c?import[ \t]+([\w., \t]+))",
                    re.MULTILINE)


def sources(*patterns):
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))
            if not re.match(r"(build|dist|\.venv[^/]*)/", str(path.relative_to(ROOT)))]


def imports_of(text, path):
    """Dotted names that a Python or Cython source imports, wherever the statement stands."""
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parents = path.relative_to(ROOT).with_suffix("").parts[:-node.level]
                    base = ".".join([*parents, base]).strip(".")
                yield from (f"{base}.{alias.name}" for alias in node.names)
        return
    text = re.sub(r'("""|\'\'\').*?\1', "", text, flags=re.DOTALL)
    for match in IMPORT.finditer(text):
        base, names, plain = match.groups()
        for name in re.split(r"[,\s]+", (plain or names).strip("() \n")):
            if name and name != "as":
                yield name if plain else f"{base}.{name}"


def part_of(dotted):
    """`fastnn.nn.modules.x` -> `nn`; None outside the package and for the package itself."""
    parts = dotted.split(".")
    return parts[1] if parts[0] == "fastnn" and len(parts) > 1 else None


def wrong_imports(path, text):
    """Imports that point upwards, as sentences."""
    own = part_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own == "testing" or own in ("__init__", "__main__"):
        allowed = len(LAYERS)
    else:
        allowed = LEVEL.get(own, len(LAYERS))
    for name in imports_of(text, path):
        target = part_of(name)
        if target == "testing" and own != "testing":
            yield f"{path.name} imports {name}: production code never imports fastnn.testing"
        elif target in LEVEL and LEVEL[target] > allowed:
            yield f"{path.name} ({own}) imports {name}: upwards"
        elif target in DOORS and own in DOORS and target != own:
            yield f"{path.name} ({own}) imports {name}: another door"


@pytest.mark.parametrize("path", sources("fastnn/**/*.py", "fastnn/**/*.pyx", "fastnn/**/*.pxd"),
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    assert not list(wrong_imports(path, path.read_text()))


def inner_imports(path, text):
    """Dotted names that functions import; a module's `__getattr__` is there to import what is asked for."""
    if path.suffix == ".py":
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name != "__getattr__":
                for node in ast.walk(function):
                    if isinstance(node, (ast.Import, ast.ImportFrom)):
                        yield from imports_of(ast.unparse(node), path)
        return
    indented = "\n".join(line.strip() for line in re.sub(r'("""|\'\'\').*?\1', "", text, flags=re.DOTALL).splitlines()
                         if line.startswith(" "))
    yield from imports_of(indented, path)


def wrong_inner_imports(path, text):
    return [name for name in inner_imports(path, text) if name.partition(".")[0] not in OPTIONAL
            and not any(name == lazy or name.startswith(lazy + ".") for lazy in LAZY)]


@pytest.mark.parametrize("path", sources("fastnn/**/*.py", "fastnn/**/*.pyx"),
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stand_at_the_top(path):
    assert not wrong_inner_imports(path, path.read_text())


def test_inner_import_is_found():
    python, cython = PACKAGE / "x.py", PACKAGE / "x.pyx"
    assert wrong_inner_imports(python, "def f():\n    def g():\n        from fastnn import nn\n")
    assert wrong_inner_imports(cython, "cdef f():\n    from fastnn.ops.arithmetic import add\n")
    assert not wrong_inner_imports(cython, 'cdef f():\n    """\n    import fastnn\n    """\n    import traceback\n')
    assert not wrong_inner_imports(python, "def f():\n    from scipy.signal import get_window\n")


def test_every_part_has_a_layer():
    parts = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()
             if path.suffix in (".py", ".pyx") or path.is_dir() and any(path.glob("*.py*"))}
    unknown = {part for part in parts if not part.startswith("__")} - set(LEVEL) - {"testing"}
    assert not unknown, f"put {sorted(unknown)} into LAYERS of {Path(__file__).name}"


def test_upward_import_is_found():
    path = PACKAGE / "kernels" / "x.pyx"
    for text in ("from fastnn.nn cimport module\n", "import numpy, fastnn.optim as o\n",
                 "  from fastnn import nn, errors\n", "from fastnn.nn import (a,\n    b)\n"):
        assert any("upwards" in sentence for sentence in wrong_imports(path, text)), text
    assert not list(wrong_imports(path, "from fastnn.errors import ShapeError\nfrom fastnn import reference\n"))
    assert any("never" in sentence for sentence in
               wrong_imports(PACKAGE / "nn" / "x.py", "def f():\n    from ..testing import spec\n"))


def test_only_kernels_touch_c():
    headers = {path.name for path in sources("src_c/*.h")}
    for path in sources("fastnn/**/*.py", "fastnn/**/*.pyx", "fastnn/**/*.pxd"):
        if path.is_relative_to(PACKAGE / "kernels") or path.name in ALSO_C:
            continue
        text = path.read_text()
        assert not [header for header in headers if f'"{header}"' in text], f"{path} includes a header of src_c"
        assert "import ctypes" not in text, f"{path} uses ctypes"


def test_c_knows_no_python():
    for path in sources("src_c/**/*.[ch]", "src_c/**/*.def"):
        assert "Python.h" not in re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL), path


def too_long(files):
    """(name, lines, limit) of files over the limit, and of entries of LONGER that no longer need one."""
    for name, lines in files:
        limit = LONGER.get(name, MOST_LINES)
        if lines > limit:
            yield name, lines, limit


def test_no_giant_files():
    files = [(str(path.relative_to(ROOT)), len(path.read_text().splitlines()))
             for path in sources("*.py", "tools/*.py", "fastnn/**/*.py", "fastnn/**/*.pyx", "fastnn/**/*.pxd",
                                 "src_c/**/*.[ch]", "src_c/**/*.def", "tests/**/*.py", "tests/**/*.c",
                                 "benchmarks/**/*.py", "examples/**/*.py")
             if path.suffix != ".c" or not path.with_suffix(".pyx").exists()]
    assert files
    assert not list(too_long(files))
    assert list(too_long([("x.py", MOST_LINES + 1)])), "the check can fail"


def functions(path):
    """(name, lines) of the functions of a source: of Python's by its tree, without their docstrings, of Cython's by
    indentation, of C's by braces in the first column, as clang-format writes them."""
    text = path.read_text()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                text = node.body[0] if ast.get_docstring(node) else None
                documented = text.end_lineno - text.lineno + 1 if text else 0
                yield node.name, node.end_lineno - node.lineno + 1 - documented
        return
    lines = text.splitlines()
    if path.suffix in (".pyx", ".pxi", ".pxd"):
        for first, line in enumerate(lines):
            found = re.match(r"( *)(?!cdef class )(?:def|cpdef|cdef)\b[^=(]*?(\w+)\(", line)
            if found:
                last = first
                for i in range(first + 1, len(lines)):
                    indent = len(lines[i]) - len(lines[i].lstrip())
                    if lines[i].strip() and indent <= len(found[1]) and not lines[i].lstrip().startswith(")"):
                        break
                    last = i if lines[i].strip() else last
                yield found[2], last - first + 1
        return
    for first, line in enumerate(lines):
        if line == "{":
            last = lines.index("}", first)
            while first and lines[first - 1].strip() and not lines[first - 1].endswith((";", "}", "*/")):
                first -= 1
            yield lines[first], last - first + 1


@pytest.mark.parametrize("suffix", ["py", "pyx", "pxi", "pxd", "h", "c"])
def test_no_giant_functions(suffix):
    files = [path for folder in ("fastnn", "src_c", "tests", "benchmarks", "docs", "examples")
             for path in sources(f"{folder}/**/*.{suffix}") if suffix != "c" or not path.with_suffix(".pyx").exists()]
    found = [(path, name, lines) for path in files for name, lines in functions(path)]
    assert found or suffix == "pxd"
    assert not [each for each in found if each[2] > MOST_LINES_OF_A_FUNCTION]


@pytest.mark.parametrize("suffix, text", [
    ("py", "def f(x):\n    y = x\n\n    return y\n\n\nz = 1\n"),
    ("pyx", "cdef class A(B):\n    cdef int f(self,\n               x):\n\n        return 1\n\n    cdef int y\n"),
    ("h", "static int\nf(int x)\n{\n}\n")])
def test_lines_of_functions_are_counted(suffix, text, tmp_path):
    path = tmp_path / f"x.{suffix}"
    path.write_text(text)
    (_, lines), = functions(path)
    assert lines == 4


# Words that say nothing to a reader who knows the field; docs/glossary.md has those that do: index, offset, lane, ...
VAGUE = {"places", "ways", "near", "late", "thin", "turn", "turns"}


def identifiers(path):
    """The names in a source, without strings and comments."""
    text = path.read_text()
    if path.suffix == ".py":
        with path.open("rb") as file:
            return {token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME}
    text = re.sub(r'/\*.*?\*/|"""(?:.|\n)*?"""', "", text, flags=re.DOTALL)
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"\n]*"|\'[^\'\n]*\'|#.*', "", text)))


@pytest.mark.parametrize("suffix", ["py", "pyx", "pxi", "pxd", "h"])
def test_names_are_the_fields(suffix):
    paths = [path for folder in ("fastnn", "src_c", "benchmarks") for path in sources(f"{folder}/**/*.{suffix}")]
    assert paths and not {str(path): names for path in paths if (names := identifiers(path) & VAGUE)}


def test_wheel_holds_only_the_package():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert config["packages"]["find"]["include"] == ["fastnn*"]
    assert not config["include-package-data"]
    assert not (PACKAGE / "tests").exists()
    assert not (ROOT / "tests" / "__init__.py").exists()


@pytest.mark.skipif(SANITIZED, reason="checks in every function make them larger")
def test_wheel_stays_small():
    """4.02 MB compiled, 5.5 MB with the Python, a good part of which is docstrings, and type stubs: what a wheel holds,
    compressed as a wheel is; a build of fewer variants is smaller."""
    sizes = {path.relative_to(PACKAGE): len(zlib.compress(path.read_bytes(), 6))
             for pattern in ("**/*.so", "**/*.py", "**/*.pyi") for path in PACKAGE.glob(pattern)}
    if not any(path.suffix == ".so" for path in sizes):
        pytest.skip("the compiled modules are not beside the sources")
    total, largest = sum(sizes.values()), sorted(sizes, key=sizes.get)[-5:]
    compiled = sum(size for path, size in sizes.items() if path.suffix == ".so")
    assert total <= 5.5e6 and compiled <= 4.02e6, \
        f"{total} bytes, {compiled} compiled; the largest: { {str(path): sizes[path] for path in largest} }"


def test_import_loads_only_what_it_needs():
    """Besides NumPy a few small modules of Python's own; what is dear to import waits until it is used."""
    program = "import sys, numpy; before = set(sys.modules); import fastnn; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split()
    foreign = {name.partition(".")[0] for name in loaded if not name.startswith("_")} - {"fastnn", "cython_runtime"}
    assert foreign <= {"bisect", "copy", "dataclasses", "errno", "json", "random", "string"}
    lazy = {"vision", "models", "keras", "tensorflow", "training", "sklearn", "explain", "distributions", "dropin",
            "names", "demo", "bench", "onnx", "sparse", "testing"}
    assert not [name for name in loaded if name.startswith("fastnn.") and name.split(".")[1] in lazy]


def test_what_functions_import_is_lazy():
    program = "import sys; before = set(sys.modules); import fastnn.keras; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split()
    assert not LAZY & set(loaded)


def test_packages_are_attributes():
    """What the stub says is there after ``import fastnn``, and completion finds it."""
    names = sorted(path.parent.name for path in (ROOT / "fastnn").glob("[a-z]*/__init__.py")
                   if path.parent.name not in {"bench", "tensorflow"})
    pytest.importorskip("sklearn", reason="one of them needs it")
    program = f"import fastnn\nfor name in {names}: assert name in dir(fastnn) and getattr(fastnn, name), name"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_missing_extra_is_told():
    program = ("import sys; sys.modules['sklearn'] = None; import fastnn\n"
               "assert not hasattr(fastnn, 'sklearn')\nfastnn.sklearn")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert re.search(r"AttributeError: .*pip install 'fastnn-cpu\[sklearn\]'", done.stderr), done.stderr


def test_docstrings_may_be_stripped():
    """``python -OO`` imports every module and computes."""
    program = ("import importlib, pkgutil, fastnn\n"
               "for module in pkgutil.walk_packages(fastnn.__path__, 'fastnn.'):\n"
               "    if '__main__' not in module.name and 'testing' not in module.name:\n"
               "        try:\n"
               "            importlib.import_module(module.name)\n"
               "        except ImportError as error:\n"
               f"            assert error.name in {sorted(OPTIONAL)}, module.name\n"
               "print(fastnn.nn.BatchNorm1d(3)(fastnn.ones(2, 3)).sum().item())")
    done = subprocess.run([sys.executable, "-OO", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "0.0", done.stderr


def test_modules_depend_on_what_their_headers_include():
    """Else a new line of a .def leaves compiled modules with numbers of before."""
    lines = [line for line in ast.parse((ROOT / "setup.py").read_text()).body
             if "C_INTERFACE" in ast.unparse(line) and "def " not in ast.unparse(line)]
    names = {"glob": types.SimpleNamespace(glob=lambda pattern: [str(path.relative_to(ROOT)) for path in
                                                                 ROOT.glob(pattern)])}
    exec("\n".join(map(ast.unparse, lines)), names)
    included, left = set(), ["src_c/fastnn.h", "src_c/memory.h", "src_c/parallel.h", "src_c/random.h"]
    while left:
        name = left.pop()
        included.add(name)
        left += [f"src_c/{other}" for other in re.findall(r'#include "(.*)"', (ROOT / name).read_text())
                 if f"src_c/{other}" not in included]
    assert "src_c/kernels/elementwise.def" in included and included <= set(names["C_INTERFACE"])


def test_no_generated_files_in_git():
    import shutil
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in tracked if re.search(r"\.(so|o|a|html|npz)$|^fastnn/.*\.(c|pyi)$|_table\.pxi$", name)]


def test_table_of_kernels_is_that_of_its_source():
    """The wrappers are compiled against the table of src_c/kernels.def: one field of a struct for each line."""
    make = runpy.run_path(str(ROOT / "src_c" / "kernel_table.py"))["table"]
    source = "/* KERNEL(void, not, (int x)) */\nKERNEL(int, f, (void *const *p,\n        const int64_t *sizes))\n"
    assert make(source).endswith("        int (*f)(void **p, const int64_t *sizes) noexcept nogil\n")
    made = ROOT / "fastnn" / "kernels" / "_table.pxi"
    if made.exists():  # where the sources are built
        assert made.read_text() == make((ROOT / "src_c" / "kernels.def").read_text())
