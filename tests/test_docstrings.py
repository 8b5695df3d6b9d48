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
# Namespaces in which every public function and class describes its parameters and has an example.
COMPLETE = ["fastnn.distributions", "fastnn.explain", "fastnn.explain.lrp", "fastnn.models"]
# Names of COMPLETE namespaces that need no example, and why.
WITHOUT_EXAMPLE = {"fastnn.models.SentenceEncoder": "needs files of a model"}


def members(namespace):
    """{name: function or class} that programs find in a namespace (a module, or a class for its methods)."""
    owner = importlib.import_module(namespace) if namespace != "fastnn.Tensor" else fastnn.Tensor
    names = getattr(owner, "__all__", None) or [name for name in vars(owner) if not name.startswith("_")]
    found = {name: getattr(owner, name) for name in names}
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


def documented(module):
    """(name, docstring) of all that is defined in a module and has an example."""
    for name, value in vars(module).items():
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


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    if name == "fastnn.explain.plots":
        pytest.importorskip("matplotlib", reason="needs matplotlib (pip install fastnn-cpu[explain])").use("Agg")
    module = importlib.import_module(name)
    texts = [(name, module.__doc__)] if ">>>" in (module.__doc__ or "") else []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for label, text in [*texts, *documented(module)]:
        fastnn.manual_seed(0)
        given = {**vars(module), "np": np, "fastnn": fastnn, "nn": nn, "F": F, "keras": keras}
        runner.run(doctest.DocTestParser().get_doctest(text, given, label, name, 0))
    assert not runner.summarize(False).failed
