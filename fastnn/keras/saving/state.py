"""The state of a model as arrays by path, in the order and under the names that Keras 3's files use.

``layers/dense/vars/0`` is the first variable of the first Dense among ``model.layers``; ``optimizer/vars/2`` the third
of the optimizer. `collect` makes such a dict, `restore` takes one.
"""
import warnings

from fastnn.keras.layers.base import Layer
from fastnn.keras.metrics import Metric
from fastnn.keras.models import Functional, Sequential
from fastnn.keras.naming import to_snake_case
from fastnn.keras.optimizers import Optimizer


def _is_saveable(value):
    return isinstance(value, (Layer, Metric, Optimizer))


def _children(thing):
    """(name, saveable or container) pairs, public names first."""
    if isinstance(thing, (Functional, Sequential)):
        yield "layers", thing.layers
    names = [name for name in vars(thing) if not (isinstance(thing, Layer) and name in _OF_LAYERS)]
    if isinstance(thing, Layer):  # Keras' files name a sublayer by a property that gives it, if there is one
        kind = type(thing)
        names += [name for name in dir(kind)
                  if name not in _base_names() and isinstance(getattr(kind, name, None), property)]
    for name in sorted(names, key=lambda name: "~" + name if name.startswith("_") else name):
        try:
            value = getattr(thing, name)
        except Exception:  # a property of a layer that is not built yet
            continue
        if _is_saveable(value) or isinstance(value, (list, tuple, dict)):
            yield name, value


def _base_names():
    """What all layers and models have."""
    if not _names:
        _names.update(dir(Functional), dir(Sequential))
    return _names


_names = set()
# What layers and models keep for themselves.
_OF_LAYERS = {"_tracked", "_extra_variables", "_inbound_nodes", "_outbound_nodes", "_losses", "_functional", "_stack",
              "_operations", "_graph_layers", "_nodes", "_inputs", "_outputs", "_inputs_struct", "_outputs_struct",
              "_build_shapes", "_compile_config", "_direct", "_call_names", "_mask_args", "_loss_tracker"}


def walk(thing, path="", visited=None):
    """Every saveable within, once: pairs (path, saveable)."""
    visited = set() if visited is None else visited
    if id(thing) in visited:
        return
    visited.add(id(thing))
    yield path, thing
    for name, child in _children(thing):
        inner = f"{path}/{name}" if path else name
        if _is_saveable(child):
            yield from walk(child, inner, visited)
        else:
            yield from _walk_container(child, inner, visited, ())


def _walk_container(container, path, visited, around):
    if any(container is each for each in around):
        return
    counts = {}
    for child in list(container.values()) if isinstance(container, dict) else container:
        saveable = _is_saveable(child)
        if not saveable and not isinstance(child, (list, tuple, dict)):
            continue
        name = to_snake_case(getattr(child, "class_name_in_files", type(child).__name__)) if saveable else "container"
        count = counts[name] = counts.get(name, -1) + 1
        inner = f"{path}/{name}_{count}" if count else f"{path}/{name}"
        if saveable:
            yield from walk(child, inner, visited)
        else:
            yield from _walk_container(child, inner, visited, (*around, container))


def collect(thing):
    """{path: (name or None, {variable: array})} of everything that has state."""
    found = {}
    for path, each in walk(thing):
        store = {}
        each.save_own_variables(store)
        if store or getattr(each, "name", None):
            found[path] = (getattr(each, "name", None), store)
    return found


def restore(thing, lookup, skip_mismatch=False):
    """Set the state from ``lookup(path)``, a mapping of arrays (empty where there is nothing).

    Raises
    ------
    ValueError
        A layer's variables are missing, or have other shapes; with `skip_mismatch` a warning.
    """
    failures, any_found = [], False
    for path, each in walk(thing):
        store = lookup(path)
        any_found = any_found or bool(len(store))
        if not len(store) and not _has_state(each):
            continue
        try:
            each.load_own_variables(store)
        except (ValueError, KeyError) as error:
            if not skip_mismatch:
                failures.append((each, error))
            else:
                warnings.warn(f"Skipping {getattr(each, 'name', path)}: {error}", stacklevel=4)
    if failures:
        each, error = failures[0]
        raise ValueError(f"A total of {len(failures)} objects could not be loaded. Example error message for object "
                         f"{each}:\n\n{error}\n\nList of objects that could not be loaded:\n{[e for e, _ in failures]}")


def _has_state(thing):
    if isinstance(thing, Layer):
        return bool(thing._own_variables)
    return bool(thing.variables) and not isinstance(thing, Optimizer)
