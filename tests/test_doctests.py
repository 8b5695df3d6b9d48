"""Examples in docstrings run, and every public name has one."""
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re

import pytest

import fastnn
from fastnn import explain, models

PACKAGES = (explain, explain.lrp, models)
MODULES = [module.name for package in (explain, models)
           for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    if name == "fastnn.explain.plots":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install fastnn[explain])").use("Agg")
    fastnn.manual_seed(0)
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_public_names_have_docstrings(package):
    """An example of each; what a constructor takes, and what a function takes and gives."""
    for name in package.__all__:
        thing = getattr(package, name)
        if inspect.ismodule(thing):
            continue
        text = thing.__doc__
        assert ">>>" in text or name == "SentenceEncoder", f"{name} has no example"  # which needs weights
        if inspect.isclass(thing):
            wanted = ["Parameters" if name != "Curve" and "Packed" not in name else "Attributes"] * (
                "__init__" in vars(thing))
        else:
            wanted = [] if "Arguments" in text else ["Parameters", "Returns"]
        for section in wanted:
            assert f"{section}\n    ---" in text, f"{name} has no {section}"


def test_methods_name_their_source():
    """A year of a paper, or the method that it applies to something else."""
    for name in explain.__all__:
        thing = getattr(explain, name)
        if inspect.isclass(thing) and name not in ("Attribution", "Curve", "LayerActivation", "LayerAttribution",
                                                   "NeuronAttribution", "NeuronGradient", "LayerGradientXActivation"):
            text = thing.__doc__.partition("Parameters\n")[0].partition("Examples\n")[0]
            assert re.search(r"\b(19|20)\d\d\b|`[A-Z]\w+`", text), f"{name} names no source"
