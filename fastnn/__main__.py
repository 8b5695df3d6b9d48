"""The command line: ``python -m fastnn script.py [args]`` runs a program written for another library on fastnn."""
import importlib
import importlib.machinery
import importlib.util
import os
import runpy
import sys
import types

import fastnn
from fastnn import dropin

USAGE = """\
usage: python -m fastnn [--as LIBRARY] [-m MODULE | -c CODE | SCRIPT | -] [ARGUMENTS ...]
       python -m fastnn demo | bench | info | names [ARGUMENTS ...]

Run a program written for PyTorch, Keras or scikit-learn's networks, unchanged: its `import torch`, `torchvision`,
`keras` and `tensorflow` give fastnn, and `from sklearn.neural_network import MLPClassifier, MLPRegressor` fastnn's.

  SCRIPT      a file, a folder or zip file with a __main__.py; - is the standard input
  -m MODULE   a module, as with python -m
  -c CODE     a program given as a string
  --as torch  take PyTorch's place alone: with KERAS_BACKEND=torch, Keras itself runs on fastnn;
              --as keras takes that of Keras and TensorFlow alone, --as sklearn that of two classes
  demo        train the autoencoder on digits and show what it learned
  bench       time fastnn, its NumPy reference and the libraries that are installed (bench --help)
  info        show version, instruction set, threads and compiler options
  names TEXT  list the names that fastnn has of those libraries, all that contain TEXT
  --version   print the version
"""

COMMANDS = {**dict.fromkeys(("-h", "--help", "-V", "--version", "info")),
            "demo": "fastnn.demo", "bench": "fastnn.bench.command", "names": "fastnn.names"}


def main(argv=None):
    """Entry point of ``python -m fastnn`` and of the command ``fastnn``; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        sys.stderr.write(USAGE)
        return 2
    first, rest = arguments[0], arguments[1:]
    if first in COMMANDS:
        return _command(first, rest)
    libraries = ()
    if first == "--as":
        if len(rest) < 2 or rest[0] not in dropin.TOGETHER:
            sys.stderr.write(f"--as: expected one of {', '.join(dropin.TOGETHER)}, then a program\n{USAGE}")
            return 2
        libraries, first, rest = rest[:1], rest[1], rest[2:]
    if first in ("-m", "-c") and not rest:
        sys.stderr.write(f"Argument expected for the {first} option\n{USAGE}")
        return 2
    if first.startswith("-") and first not in ("-", "-m", "-c"):
        sys.stderr.write(f"unknown option {first}\n{USAGE}")
        return 2
    dropin.install(*libraries)
    if any(name.endswith(("_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")) for name in os.environ):
        from fastnn.distributed import environment
        environment.export()  # as torchrun does
    if first == "-m":
        return _run(rest[0], rest[1:], _prepare_module)
    if first == "-c":
        return _run(rest[0], rest[1:], _prepare_code)
    return _run(first, rest, _prepare_script)


def _command(name, arguments):
    """One of fastnn's own; returns the exit code."""
    code = 0
    try:
        if name in ("-h", "--help"):
            print(USAGE, end="")
        elif name in ("-V", "--version"):
            print(f"fastnn {fastnn.__version__}")
        elif name == "info":
            fastnn.show_config()
        else:
            code = importlib.import_module(COMMANDS[name]).main(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `fastnn names | head`: nobody reads the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


# ---- running a program as `python` does ----

class _Failure(Exception):
    """The program cannot be started: message and exit code."""


def _fail(message, code):
    raise _Failure(message, code)


def _set_path(folder):
    """Put `folder` where Python puts the program's: ahead, in the place of the one that found fastnn."""
    if getattr(sys.flags, "safe_path", False):
        return
    if sys.path:
        sys.path[0] = folder
    else:
        sys.path.insert(0, folder)


def _module(**attributes):
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, **attributes)
    if "__annotations__" in sys.modules["__main__"].__dict__:  # before Python 3.14
        module.__dict__["__annotations__"] = {}
    return module


def _prepare_code(text, arguments):
    sys.argv = ["-c", *arguments]
    _set_path("")
    return (_module(__loader__=importlib.machinery.BuiltinImporter),
            lambda: compile(text, "<string>", "exec", dont_inherit=True))


def _prepare_script(path, arguments):
    sys.argv = [path, *arguments]
    if path == "-":
        _set_path("")
        text = sys.stdin.buffer.read()
        return _module(), lambda: compile(text, "<stdin>", "exec", dont_inherit=True)
    full = os.path.abspath(path)
    if os.path.isdir(full) or _is_zip(full):
        _set_path(full)
        if not _finds_main(full):
            _fail(f"can't find '__main__' module in {path!r}", 1)
        return None, lambda: runpy.run_path(full, run_name="__main__")
    try:
        with open(full, "rb") as file:
            text = file.read()
    except OSError as error:
        _fail(f"can't open file {full!r}: [Errno {error.errno}] {error.strerror}", 2)
    _set_path(os.path.dirname(os.path.realpath(full)))
    loader = importlib.machinery.SourceFileLoader("__main__", full)
    return (_module(__file__=full, __cached__=None, __loader__=loader),
            lambda: compile(text, full, "exec", dont_inherit=True))


def _is_zip(path):
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if file.read(2) == b"#!":
            file.readline()
        else:
            file.seek(0)
        return file.read(4) == b"PK\x03\x04"


def _finds_main(path):
    return importlib.machinery.PathFinder.find_spec("__main__", [path]) is not None


def _prepare_module(name, arguments):
    sys.argv = ["-m", *arguments]
    _set_path(os.getcwd())
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            package, spec = name, importlib.util.find_spec(f"{name}.__main__")
            if spec is None:
                _fail(f"No module named {package}.__main__; {package!r} is a package and cannot be directly "
                      "executed", 1)
    except (ImportError, ValueError, AttributeError) as error:
        _fail(f"Error while finding module specification for {name!r} ({type(error).__name__}: {error})", 1)
    if spec is None or spec.loader is None:
        _fail(f"No module named {name}", 1)
    code = spec.loader.get_code(spec.name)
    if code is None:
        _fail(f"No code object available for {spec.name}", 1)
    sys.argv[0] = spec.origin
    return _module(__file__=spec.origin, __cached__=spec.cached, __loader__=spec.loader, __package__=spec.parent,
                   __spec__=spec), lambda: code


def _is_launcher(frame):
    name = frame.f_code.co_filename
    return name == __file__ or "runpy" in name and name.startswith("<frozen") or name == runpy.__file__


def _run(what, arguments, prepare):
    """Run a program as ``__main__``. Its exceptions go on to the interpreter, which exits as always."""
    try:
        module, compiled = prepare(what, arguments)
    except _Failure as failure:
        message, code = failure.args
        sys.stderr.write(f"{sys.executable} -m fastnn: {message}\n")
        return code
    try:
        if module is None:
            compiled()
            return 0
        _run.launcher = sys.modules["__main__"]  # its names must live on while the program runs
        sys.modules["__main__"] = module
        exec(compiled(), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        dropin.explain(error)
        _hide_launcher(error)
        raise
    return 0


def _hide_launcher(error):
    """Let the traceback begin with the program, as if there were no launcher."""
    def program_frames(traceback):
        """What follows the launcher's frames; the script that the command `fastnn` is may be in front of them."""
        first = traceback
        while first is not None and not _is_launcher(first.tb_frame):
            first = first.tb_next
        if first is None:
            return traceback
        while first is not None and _is_launcher(first.tb_frame):
            first = first.tb_next
        return first

    def hook(kind, value, traceback):
        sys.excepthook = before
        if value is not None:
            value.__traceback__ = program_frames(traceback)
        before(kind, value, program_frames(traceback))

    before, sys.excepthook = sys.excepthook, hook


if __name__ == "__main__":
    sys.exit(main())
