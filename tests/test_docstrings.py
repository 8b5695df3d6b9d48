"""Docstrings: each is there, describes its parameters, and its example runs.

Examples may use ``np``, ``fastnn``, ``nn``, ``F``, ``keras`` and the names of their own module without importing them.
"""
import doctest
import importlib
import inspect
import pkgutil
import re

import fastnn
import numpy as np
import pytest
from fastnn import explain, keras, nn
from fastnn.nn import functional as F

MODULES = [module.name for module in pkgutil.walk_packages(fastnn.__path__, "fastnn.")
           if not module.name.startswith(("fastnn.__main__", "fastnn.tensorflow"))]
# Namespaces of operations, whose functions are those of fastnn.ops with the names that programs use.
OPERATIONS = ["fastnn", "fastnn.nn.functional", "fastnn.linalg", "fastnn.special", "fastnn.fft", "fastnn.Tensor"]
# Namespaces in which every public function and class describes its parameters and has an example.
COMPLETE = [
    "fastnn.explain", "fastnn.explain.lrp", "fastnn.models",
    "fastnn.keras",
    *(f"fastnn.keras.{name}" for name in (
        "activations", "applications", "applications.imagenet_utils", "backend", "backend_elements",
        "backend_functions", "backend_networks", "backend_shapes", "callbacks", "config", "constraints",
        "distribution", "dtype_policies", "initializers", "layers", "losses", "metrics", "mixed_precision", "models",
        "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "optimizers", "optimizers.schedules",
        "preprocessing", "preprocessing.image", "preprocessing.sequence", "quantizers", "random", "regularizers",
        "saving", "tree", "utils", "wrappers")),
    *(f"fastnn.keras.datasets.{name}" for name in ("boston_housing", "california_housing", "cifar10", "cifar100",
                                                   "fashion_mnist", "imdb", "mnist", "reuters")),
    "fastnn.nn.Module", "fastnn.optim.Optimizer", "fastnn.nn", "fastnn.nn.parallel", "fastnn.optim",
    "fastnn.optim.lr_scheduler", "fastnn.optim.swa_utils", "fastnn.nn.utils", "fastnn.nn.utils.parametrizations",
    "fastnn.nn.utils.parametrize", "fastnn.nn.utils.rnn", "fastnn.nn.utils.stateless",
    "fastnn.nn.utils.prune", "fastnn.nn.utils.fusion", "fastnn.utils.data",
    "fastnn.utils._pytree", "fastnn.utils.dlpack", "fastnn.utils", "fastnn.utils.hooks", "fastnn.nn.init",
    "fastnn.random", "fastnn.autograd", "fastnn.autograd.functional", "fastnn.autograd.grad_mode", "fastnn.func",
    *OPERATIONS, "fastnn.config", "fastnn.serialization", "fastnn.distributions", "fastnn.vision.transforms",
    "fastnn.vision.transforms.functional", "fastnn.vision.transforms.v2", "fastnn.vision.transforms.v2.functional",
    "fastnn.vision.tv_tensors", "fastnn.vision.datasets", "fastnn.vision.utils", "fastnn.onnx",
    "fastnn.onnx.errors",
]
# Names of COMPLETE namespaces that need no example, and why.
WITHOUT_EXAMPLE = {
    "fastnn.models.SentenceEncoder": "needs files of a model",
    "fastnn.random.memory_order": "for fastnn's own modules",
    "fastnn.random.seed": "its result is random",
    "fastnn.seed": "the same",
    **{f"fastnn.nn.init.{name}": "old name of the function with an underscore" for name in (
        "uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
        "kaiming_normal", "orthogonal", "sparse")},
}


def members(namespace):
    """{name: function or class} that programs find in a namespace (a module, or a class for its methods)."""
    owner = pkgutil.resolve_name(namespace)
    kinds = owner.__mro__[:-1] if inspect.isclass(owner) else (owner,)
    names = getattr(owner, "__all__", None) or [name for kind in kinds for name in vars(kind)
                                                if not name.startswith("_")]
    found = {name: getattr(owner, name) for name in names}
    if namespace.startswith("fastnn.keras"):  # what its modules import from the engine is no part of the door
        found = {name: value for name, value in found.items()
                 if str(getattr(value, "__module__", "")).startswith(("fastnn.keras", "fastnn.training"))}
    return {name: value for name, value in found.items()
            if callable(value) and not inspect.ismodule(value)
            and str(getattr(value, "__module__", "fastnn")).startswith("fastnn")}


def parameters(value):
    """Names that a docstring describes; a class that takes its base's has them there."""
    if inspect.isclass(value) and "__init__" not in vars(value):
        return []
    try:
        found = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return []
    return [name for name in found if name not in ("self", "args", "kwargs", "out", "name")]


@pytest.mark.parametrize("namespace", COMPLETE)
def test_complete(namespace):
    lacking = []
    for name, value in members(namespace).items():
        text = inspect.getdoc(value) or ""
        if not text:
            lacking.append(f"{name}: no docstring")
            continue
        if re.match(r"``\w+`` in place", text):  # its function says the rest
            continue
        if parameters(value) and not re.search(r"(Parameters|Attributes)\n---|Arguments", text):
            lacking.append(f"{name}: no Parameters")
        if ">>>" not in text and f"{namespace}.{name}" not in WITHOUT_EXAMPLE:
            lacking.append(f"{name}: no example")
    assert not lacking, f"{namespace}: {len(lacking)} lacking:\n" + "\n".join(lacking)


def test_methods_of_explanation_name_their_source():
    """A year of a paper, or the method that it applies to something else."""
    general = ("Attribution", "Curve", "LayerActivation", "LayerAttribution", "NeuronAttribution", "NeuronGradient",
               "LayerGradientXActivation")
    for name in explain.__all__:
        thing = getattr(explain, name)
        if inspect.isclass(thing) and name not in general:
            text = thing.__doc__.partition("Parameters\n")[0].partition("Examples\n")[0]
            assert re.search(r"\b(19|20)\d\d\b|`[A-Z]\w+`", text), f"{name} names no source"

NEEDS = {"fastnn.explain.plots": "matplotlib", "fastnn.training.callbacks.tensorboard": "tensorboardX",
         "fastnn.utils.tensorboard": "tensorboardX"}


def documented(module):
    """(name, docstring) of all that is defined in a module and has an example."""
    for name, value in list(vars(module).items()):  # examples may load further names
        if getattr(value, "__module__", None) != module.__name__:
            continue
        text = getattr(value, "__doc__", None)
        if isinstance(text, str) and ">>>" in text:
            yield name, text
        if inspect.isclass(value):
            for part, method in vars(value).items():
                text = getattr(method, "__doc__", None)
                if isinstance(text, str) and ">>>" in text:
                    yield f"{name}.{part}", text


def run_examples(texts, names, of):
    """All examples of [(label, docstring)], each with the names that modules' examples may use."""
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for label, text in texts:
        fastnn.manual_seed(0)
        given = {**names, "np": np, "fastnn": fastnn, "nn": nn, "F": F, "keras": keras}
        runner.run(doctest.DocTestParser().get_doctest(text, given, label, of, 0))
    assert not runner.summarize(False).failed


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("namespace", OPERATIONS)
def test_examples_of_operations(namespace):
    """Public functions are made of those of fastnn.ops; here each name's docstring runs, also of compiled ones."""
    texts = {inspect.getdoc(value) or "": name for name, value in members(namespace).items()
             if value.__module__ in OPERATIONS or value.__module__.startswith("fastnn.ops.")}
    run_examples([(name, text) for text, name in texts.items()], {}, namespace)


@pytest.mark.parametrize("name", [name for name in MODULES
                                  if not name.startswith("fastnn.ops.") and name not in OPERATIONS])
def test_examples(name, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)  # which the tests of Keras set: then layers record their calls
    if name in NEEDS:
        needed = pytest.importorskip(NEEDS[name], reason=f"its examples need {NEEDS[name]}")
        if NEEDS[name] == "matplotlib":
            needed.use("Agg")
    module = importlib.import_module(name)
    texts = [(name, module.__doc__)] if ">>>" in (module.__doc__ or "") else []
    run_examples([*texts, *documented(module)], vars(module), name)
