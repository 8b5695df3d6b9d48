"""Real Keras beside ours: helpers of the differential tests."""
import inspect
import os
import warnings

import numpy as np
import pytest

from fastnn import keras as ours  # noqa: F401

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch", reason="the oracle, Keras, needs it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras", reason="the oracle")

MARKS = [pytest.mark.torch,  # real Keras warns of itself with NumPy 2
         pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")]
TOLERANCE = dict(rtol=1e-5, atol=1e-6)


def plain(x):
    """The NumPy array of a result of either."""
    if isinstance(x, (list, tuple)):
        return type(x)(plain(each) for each in x)
    if type(x).__module__.startswith("keras."):
        x = x.value  # a variable
    if hasattr(x, "detach"):
        x = x.detach()
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def assert_same(got, expected, **tolerance):
    got, expected = plain(got), plain(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, **{**TOLERANCE, **tolerance})


def parameters(thing):
    """(name, kind, default) of each parameter."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(thing).parameters.values()]


def assert_same_signature(mine, theirs):
    assert parameters(mine) == parameters(theirs)


def without_modules(config):
    """A record without what names modules."""
    if isinstance(config, dict):
        return {key: without_modules(value) for key, value in config.items()
                if key not in ("module", "registered_name", "build_config")}
    if isinstance(config, (list, tuple)):
        return [without_modules(each) for each in config]
    return config


# Arguments that the records of real Keras leave out, so that a loaded object would be another one than the saved.
FORGOTTEN = {"Huber": {"delta"}, "CosineSimilarity": {"axis"}, "SparseCategoricalCrossentropy": {"axis"},
             "Identity": {"gain"}}


def assert_same_config(mine, theirs):
    """Equal records, which make an equal object."""
    mine_config, wanted = mine.get_config(), without_modules(theirs.get_config())
    more = FORGOTTEN.get(type(mine).__name__, set()) - set(wanted)
    assert {key: value for key, value in without_modules(mine_config).items() if key not in more} == wanted
    type(theirs).from_config({**theirs.get_config(), **{key: mine_config[key] for key in more}})
    again = type(mine).from_config(mine.get_config())
    assert type(again) is type(mine) and without_modules(again.get_config()) == without_modules(mine_config)


def public_names(module, without=()):
    """Public names of a module of real Keras."""
    return [name for name in dir(module) if not name.startswith("_") and name not in without
            and (inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name)))]
