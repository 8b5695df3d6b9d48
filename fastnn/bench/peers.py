"""Which other libraries are installed, and how each is told its number of threads."""
import contextlib
import importlib
import importlib.util
import os
import sys
import warnings

import fastnn

# Name: what pip calls it, what it is called in tables. ONNX Runtime needs `onnx` too, which writes its models.
PACKAGES = {"torch": ("torch", "PyTorch"), "jax": ("jax", "JAX"), "keras": ("keras", "Keras"),
            "sklearn": ("scikit-learn", "scikit-learn"), "onnxruntime": ("onnxruntime onnx", "ONNX Runtime")}
TITLES = {"reference": "NumPy", **{name: title for name, (_, title) in PACKAGES.items()}}
KERAS_BACKENDS = ("tensorflow", "torch", "jax")


def has_module(name):
    """Whether a module can be imported; nothing is imported for it."""
    spec = getattr(sys.modules[name], "__spec__", None) if name in sys.modules else importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None  # not a mere folder of that name


def is_there(name):
    """Whether a peer can be imported."""
    if not all(map(has_module, ("onnxruntime", "onnx") if name == "onnxruntime" else (name,))):
        return False
    return name != "keras" or _keras_backend() is not None


def _keras_backend():
    """Keras' own choice where it is made, else the first library that is installed."""
    chosen = os.environ.get("KERAS_BACKEND")
    return chosen or next((name for name in KERAS_BACKENDS if has_module(name)), None)


def installed():
    return [name for name in PACKAGES if is_there(name)]


def load(names):
    """Import peers; a message for each that fails instead of an end of it all."""
    failed = {}
    for name in names:
        if name == "keras":
            os.environ.setdefault("KERAS_BACKEND", _keras_backend())
        try:
            importlib.import_module(name)
        except Exception as error:  # an installation that is damaged fails in many ways
            failed[name] = f"{type(error).__name__}: {error}"
    return failed


@contextlib.contextmanager
def _torch_threads(n):
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _blas_threads(n):
    """NumPy's BLAS keeps its own number where threadpoolctl is not installed."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(n, "blas")


@contextlib.contextmanager
def _reference(n):
    with fastnn.use_backend("reference"), _blas_threads(n):
        yield


def sets_threads(contender):
    """Whether the number of a contender's threads can be set in a running process."""
    name = contender.partition("-")[0]
    if name == "keras":
        return sys.modules["keras"].backend.backend() == "torch"
    if name in ("reference", "sklearn"):
        return has_module("threadpoolctl")
    return name != "jax"


def thread_counts(contender, wanted):
    """On which numbers of threads it is timed: a peer on one too, which is often its best for small networks."""
    if contender == "fastnn":
        return wanted
    return sorted({1, *wanted}) if sets_threads(contender) else wanted[:1]


def scope(contender, n):
    """A context in which a contender runs on `n` threads, if it can be told."""
    name = contender.partition("-")[0]
    if name == "fastnn":
        return fastnn.num_threads(n)
    if name == "reference":
        return _reference(n)
    if name == "torch" or name == "keras" and sets_threads("keras"):
        return _torch_threads(n)
    if name == "sklearn":
        return _blas_threads(n)
    return contextlib.nullcontext()  # ONNX Runtime's session knows its threads


@contextlib.contextmanager
def quiet():
    """No warnings: of fits that end early, of a peer about its own setting up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
