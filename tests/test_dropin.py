"""python -m fastnn: unchanged PyTorch programs, run as Python runs them."""
import importlib.util
import inspect
import os
import subprocess
import sys
import zipfile

import pytest

import fastnn
from fastnn import dropin, names

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(fastnn.__file__)))


def run(*arguments, cwd, fastnn=True, text=None, **environment):
    """A process's (exit code, standard output, standard error): with python -m fastnn, or python alone."""
    command = [sys.executable, *(["-m", "fastnn"] if fastnn else []), *map(str, arguments)]
    paths = [ROOT, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, input=text, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def script(tmp_path):
    """Writes the script and gives its path."""
    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def installed():
    """PyTorch's name means fastnn within the test, and what it meant before afterwards."""
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in dropin.REPLACEMENTS}
    dropin.install()
    yield
    dropin.uninstall()
    sys.modules.update(saved)


# ---- import ----

def test_same_modules(installed):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    import torch.nn.init
    import torch.utils.data
    import torchvision
    import torchvision.datasets
    import torchvision.transforms as transforms
    import torchvision.utils
    from torch.utils.data import DataLoader

    assert torch is fastnn and nn is fastnn.nn and F is fastnn.nn.functional and torch.optim is fastnn.optim
    assert torch.nn.init is fastnn.nn.init and torch.utils.data is fastnn.utils.data
    assert (
        torchvision is fastnn.vision
        and transforms is fastnn.vision.transforms
        and DataLoader is fastnn.utils.data.DataLoader
    )
    assert torch.__name__ == "torch" and torch.__spec__.name == "fastnn" and nn.__spec__.name == "fastnn.nn"
    dropin.install()  # a second time does nothing
    assert sum(finder is dropin._finder for finder in sys.meta_path) == 1


def test_missing(installed):
    import torch
    for name in ("torch.no_such", "torch.nn.no_such", "torch._Z", "torchvision.models.no_such", "torch.no.such"):
        with pytest.raises(ModuleNotFoundError, match="fastnn.*fastnn names") as caught:
            __import__(name)
        assert name.startswith(caught.value.name)
    with pytest.raises(AttributeError, match="'torch.nn' has no attribute 'NoSuch' in fastnn.*fastnn names"):
        torch.nn.NoSuch  # noqa: B018
    with pytest.raises(AttributeError, match="NoSuch.*fastnn names"):
        torch.NoSuch  # noqa: B018
    with pytest.raises(ImportError):
        from torch.nn import NoSuch  # noqa: F401
    assert not hasattr(torch, "no_such") and getattr(torch, "__no_such__", None) is None


def test_uninstall():
    before = {name for name in sys.modules if name.partition(".")[0] in dropin.REPLACEMENTS}
    if before:
        with pytest.raises(RuntimeError, match="imported already"):
            dropin.install()
        return
    dropin.install()
    import torch
    assert torch is fastnn and dropin.is_installed()
    dropin.uninstall()
    dropin.uninstall()
    assert not dropin.is_installed() and "torch" not in sys.modules and type(fastnn) is type(sys)


def test_never_falls_through(script, tmp_path):
    """Even if a real PyTorch is there and has the name."""
    folder = tmp_path / "site" / "torch"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemError('the real one')")
    (folder / "only_real.py").write_text("")
    path = script("import torch\nassert torch.__spec__.name == 'fastnn'\nimport torch.only_real\n")
    code, _, error = run(path, cwd=tmp_path, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path / 'site'}")
    assert code == 1 and "No module named 'torch.only_real' in fastnn" in error and "the real one" not in error


# ---- programs, compared with python itself ----

PROGRAM = """\
import os, sys
print(__name__, __file__, sys.argv, sys.path[0], __spec__, __package__, __doc__, sorted(name for name in globals()))
print(sys.modules["__main__"].__dict__ is globals(), type(__loader__).__name__, __builtins__ is not None)
"""


@pytest.mark.parametrize("relative", [True, False])
def test_environment_of_a_script(script, tmp_path, relative):
    path = script(PROGRAM)
    arguments = ["script.py" if relative else path, "a", "--b", "-m"]
    assert run(*arguments, cwd=tmp_path) == run(*arguments, cwd=tmp_path, fastnn=False)


@pytest.mark.parametrize(
    "text",
    [
        "import sys; sys.exit(7)",
        "import sys; sys.exit('a message')",
        "import sys; sys.exit()",
        "raise SystemExit(None)",
        "def f():\n    g()\n\n\ndef g():\n    1 / 0\n\n\nf()\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('second') from e\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('second')\n",
        "import sys\nsys.excepthook = lambda kind, value, tb: print(kind, value, tb.tb_lineno)\n1 / 0\n",
        "def f(:\n",
        "x = '\\ud800'\nprint(x)\n",
        "import no_such_module_at_all\n",
        "# -*- coding: latin-1 -*-\nprint('x')\n",
        "from __future__ import annotations\nx: no_such = 3\nprint(x)\n",
        "import atexit\nvalue = 3\natexit.register(lambda: print(value))\n",
        "print(input())\n",
        "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)\n",
        "raise ExceptionGroup('g', [ValueError(1)])\n",
        "import sys\nprint(sys.flags.optimize, sys.executable)\n",
        "import warnings\nwarnings.warn('careful')\n",
        "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))\n",
    ],
)
def test_as_python_runs_it(script, tmp_path, text):
    path = script(text)
    assert run(path, cwd=tmp_path, text="typed\n") == run(path, cwd=tmp_path, fastnn=False, text="typed\n")


def test_interrupt(script, tmp_path):
    path = script("raise KeyboardInterrupt\n")
    expected, got = run(path, cwd=tmp_path, fastnn=False), run(path, cwd=tmp_path)
    assert got[0] == expected[0] and got[2] == expected[2]


def test_imports_beside_the_script(script, tmp_path):
    (tmp_path / "folder").mkdir()
    script("value = 42", "folder/beside.py")
    script("import beside\nprint(beside.value)", "folder/program.py")
    assert run("folder/program.py", cwd=tmp_path)[:2] == (0, "42\n")
    (tmp_path / "link.py").symlink_to(tmp_path / "folder" / "program.py")
    assert run("link.py", cwd=tmp_path)[:2] == (0, "42\n")


def test_module_code_input_folder_and_zip(script, tmp_path):
    (tmp_path / "package").mkdir()
    script("", "package/__init__.py")
    script(
        "import sys, torch\nprint(__name__, __package__, __spec__.name, sys.argv[1:], torch.__spec__.name)\n"
        "from . import other",
        "package/__main__.py",
    )
    script("print('other')", "package/other.py")
    assert run("-m", "package", "x", cwd=tmp_path)[:2] == (0, "__main__ package package.__main__ ['x'] fastnn\nother\n")
    assert run("-m", "package.other", cwd=tmp_path)[:2] == (0, "other\n")
    assert run("-c", "import sys, torch; print(sys.argv, torch.__spec__.name)", "x", cwd=tmp_path)[:2] == (
        0,
        "['-c', 'x'] fastnn\n",
    )
    assert run("-", "x", cwd=tmp_path, text="import sys; print(sys.argv)")[:2] == (0, "['-', 'x']\n")
    (tmp_path / "folder").mkdir()
    script("import torch, helper; print(__name__, torch.__spec__.name, helper.x)", "folder/__main__.py")
    script("x = 3", "folder/helper.py")
    assert run("folder", cwd=tmp_path)[:2] == (0, "__main__ fastnn 3\n")
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.write(tmp_path / "folder" / "__main__.py", "__main__.py")
        archive.write(tmp_path / "folder" / "helper.py", "helper.py")
    assert run("app.zip", cwd=tmp_path)[:2] == (0, "__main__ fastnn 3\n")


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["missing.py"], 2, "can't open file"),
        (["-m", "no_such_module"], 1, "No module named no_such_module"),
        (["-m"], 2, "Argument expected"),
        (["-c"], 2, "Argument expected"),
        (["--frobnicate"], 2, "unknown option"),
        ([], 2, "usage:"),
        (["--as", "jax", "x.py"], 2, "--as: expected one of torch, keras"),
        (["--as", "torch"], 2, "--as: expected one of torch, keras"),
        (["."], 1, "can't find '__main__'"),
    ],
)
def test_cannot_start(tmp_path, arguments, code, message):
    got = run(*arguments, cwd=tmp_path)
    assert got[0] == code and message in got[2] and "Traceback" not in got[2]


def test_note_for_missing_names(script, tmp_path):
    path = script("from torch.nn import NoSuchLayer\n")
    code, _, error = run(path, cwd=tmp_path)
    assert code == 1 and "NoSuchLayer" in error and "fastnn names" in error and "__main__.py" not in error


def test_note_for_names_of_modules_that_are_not_imported(script, tmp_path):
    """Modules that `import torch` makes known, at once or when they are asked for."""
    path = script("""\
import torch, torchvision, keras, tensorflow
for module in ("torch.nn", "torch.nn.functional", "torch.nn.utils.rnn", "torch.optim.lr_scheduler", "torch.cuda",
               "torch.distributions", "torchvision.models", "keras.layers", "keras.applications", "tensorflow.random"):
    try:
        eval(f"{module}.no_such_name")
    except AttributeError as error:
        assert f"module {module!r} has no attribute 'no_such_name' in fastnn" in str(error), error
    else:
        raise AssertionError(module)
""")
    code, _, error = run(path, cwd=tmp_path)
    assert code == 0, error


def test_names(tmp_path):
    code, out, _ = run("names", "conv2d", cwd=tmp_path)
    found = out.split()
    assert code == 0 and "torch.nn.Conv2d" in found and "torch.nn.functional.conv2d" in found
    assert "keras.layers.Conv2D" in found and all("conv2d" in name.lower() for name in found)
    assert "torch.Tensor.cumsum" in run("names", "cumsum", "tensor", cwd=tmp_path)[1].split()
    code, out, _ = run("names", "no_such_name", cwd=tmp_path)
    assert code == 1 and "nothing contains no_such_name" in out
    assert run("names", "--help", cwd=tmp_path)[1].startswith("usage: fastnn names")


@pytest.mark.torch
def test_names_of_all_modules():
    """Whatever fastnn has of a public module of PyTorch's is listed, under this module's name or another one's."""
    pytest.importorskip("torch")
    for name in dropin.compat.MODULES:
        importlib.import_module(f"torch.{name}")
    missing, last = set(), {name.rpartition(".")[2] for name in names.listed(["torch."])}
    for name in [name for name in sys.modules if name.startswith("torch.") and "._" not in name]:
        try:
            module = importlib.import_module(dropin.target_of(name))
        except ImportError:
            continue
        for each in set(getattr(module, "__all__", ())) & set(dir(sys.modules[name])):
            if each not in last and each[0] != "_" and not inspect.ismodule(getattr(module, each)):
                missing.add(f"{name}.{each}")
    assert not missing


@pytest.mark.parametrize("command", ["names", "info", "--help"])
def test_nobody_reads(command, tmp_path):
    """As in `fastnn names | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as out:
        done = subprocess.run([sys.executable, "-m", "fastnn", command], stdout=out, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120)
    assert done.returncode == 1 and not done.stderr, done.stderr


def test_commands(tmp_path):
    code, out, _ = run("--help", cwd=tmp_path)
    assert code == 0 and out.startswith("usage:")
    assert run("--version", cwd=tmp_path)[:2] == (0, f"fastnn {fastnn.__version__}\n")
    code, out, _ = run("info", cwd=tmp_path)
    assert code == 0 and out.strip()


def test_a_program(script, tmp_path):
    path = script("""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.tensor([[0., 0], [0, 1], [1, 0], [1, 1]])
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=2, shuffle=True)
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
losses = []
for epoch in range(50):
    for a, b in loader:
        model.zero_grad()
        loss = nn.MSELoss()(model(a), b)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
        losses.append(loss.item())
print(sum(losses[-8:]) < sum(losses[:8]) / 5, round(losses[0], 4))
""")
    code, out, error = run(path, cwd=tmp_path)
    assert code == 0, error
    assert out.startswith("True")
    pytest.importorskip("torch")
    assert run(path, cwd=tmp_path, fastnn=False)[1] == out


# ---- some libraries alone ----

@pytest.mark.parametrize("library, mine, others", [("torch", "torch", "keras"), ("keras", "keras", "torch")])
def test_one_library_alone(library, mine, others, tmp_path):
    (tmp_path / f"{others}.py").write_text("name = 'itself'\n")
    program = f"import {mine}, {others}; print({mine}.__spec__.name, {others}.name)"
    code, out, error = run("--as", library, "-c", program, cwd=tmp_path)
    assert (code, out.split()) == (0, ["fastnn" + ".keras" * (mine == "keras"), "itself"]), error


@pytest.mark.torch
def test_pickles_of_pytorch(tmp_path):
    pytest.importorskip("torch")
    wrote = run("-c", """import pickle, torch
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).eval()
x = torch.randn(5, 3)
optimizer = torch.optim.Adam(net.parameters())
columns = torch.arange(6.).reshape(2, 3).t()
with open("all.pkl", "wb") as file:
    pickle.dump([net, optimizer, x, net(x).detach(), columns, torch.ones(2, dtype=torch.bfloat16)], file)
""", cwd=tmp_path, fastnn=False)
    assert wrote[0] == 0, wrote[2]
    code, out, err = run("-c", """import pickle, torch
with open("all.pkl", "rb") as file:
    net, optimizer, x, y, columns, narrow = pickle.load(file)
print(torch.allclose(net(x), y, atol=1e-6), type(optimizer) is torch.optim.Adam, narrow)
print(columns, columns.stride(), isinstance(net[0].weight, torch.nn.Parameter))
""", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == """True True tensor([1., 1.], dtype=torch.bfloat16)
tensor([[0., 3.],
        [1., 4.],
        [2., 5.]]) (1, 3) True
"""


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow itself is used")
def test_keras_of_a_tensorflow_that_is_not_installed(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("name = 'itself'\n")
    (tmp_path / "keras" / "layers.py").write_text("Dense = 'theirs'\n")
    program = ("import keras\nimport tensorflow as tf\nfrom tensorflow.keras.layers import Dense\n"
               "from tensorflow import keras as other\n"
               "print(tf.keras is keras is other, Dense, keras.__spec__.name)\ntf.constant")
    code, out, error = run("--as", "torch", "-c", program, cwd=tmp_path)
    assert code == 1 and out.split() == ["True", "theirs", "keras"] and "gives tf.keras alone" in error


def test_unknown_library():
    with pytest.raises(ValueError, match="install: expected names of .*'jax'"):
        dropin.install("jax")


def test_import_from_groups_of_tensorflow(tmp_path):
    program = ("from tensorflow.random import normal\nimport tensorflow.nn as functions\nfrom tensorflow import image\n"
               "import tensorflow.image\nimport tensorflow as tf\n"
               "print(functions is tf.nn, tf.random.normal is normal, image is tf.image)\nimport tensorflow.nosuch")
    code, out, error = run("-c", program, cwd=tmp_path)
    assert code == 1 and out.split() == ["True"] * 3 and "No module named 'tensorflow.nosuch'" in error
