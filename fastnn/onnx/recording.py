"""A record of what a program computes: the calls of fastnn.ops' functions, with their arguments.

The tape knows what backward needs, which is too little to write a program down: it holds no constants, no integers and
nothing of what needs no gradient. So the functions themselves are replaced while the program runs, wherever they are
bound. Of calls within calls the outermost that has a rule is recorded.
"""
import contextlib
import functools
import sys
import threading
import types

import numpy as np

from fastnn import _operators
from fastnn._tensor import Tensor, to_array
from fastnn.nn import functional
from fastnn.nn.modules.module import Module
from fastnn.onnx.errors import OnnxExporterError
from fastnn.ops._function import Function
from fastnn.ops.declare import HOMES


_one_at_a_time = threading.RLock()  # held twice by an export within an export, which is refused
_busy = False


class Ref:
    """Stands for a tensor in recorded arguments: its number among the values of the trace."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index


class Entry:
    """A value of a trace: its array, whether it depends on the program's inputs, and the call that made it."""

    __slots__ = ("array", "call", "dynamic")

    def __init__(self, array, dynamic, call=None):
        self.array, self.dynamic, self.call = array, dynamic, call


class Call:
    """A recorded call; `results` are numbers of values, `rule` is None for a function that has none."""

    __slots__ = ("args", "kwargs", "name", "results", "rule")

    def __init__(self, target, seen, results):
        self.name, self.rule, self.results = target.name, target.rule, results
        self.args, self.kwargs = seen


class Target:
    """A function that is replaced: what it does, its rule, and whether it changes its first argument."""

    __slots__ = ("asked", "function", "inplace", "name", "rule")

    def __init__(self, function, rule, name, inplace=False):
        self.function, self.rule, self.name, self.inplace = function, rule, name, inplace
        code = getattr(function, "__code__", None)
        self.asked = code is not None and "inplace" in code.co_varnames[:code.co_argcount]  # by an argument

    def may_change(self, args, kwargs):
        return self.inplace or self.asked and any(flag is True for flag in (*args, *kwargs.values()))


def tensors_of(item):
    """The tensors in arguments or results, in their order."""
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from tensors_of(part)
    elif isinstance(item, dict):
        yield from tensors_of(list(item.values()))
    elif isinstance(item, slice):
        yield from tensors_of((item.start, item.stop, item.step))


class Trace:
    """What one run of a program computed. A value is known by its array, which several tensors may hold.

    Parameters
    ----------
    inputs : list of Tensor
        What the program is given; all that is computed of them is dynamic.
    """

    def __init__(self, inputs):
        self.values, self.calls, self.numbers, self.stale, self.kept = [], [], {}, {}, []
        self.within, self.thread = 0, threading.get_ident()
        for tensor in inputs:
            self.add(to_array(tensor), True)

    def add(self, array, dynamic, call=None):
        self.numbers[id(array)] = len(self.values)
        self.values.append(Entry(array, dynamic, call))
        return len(self.values) - 1

    def number(self, tensor, reader="output"):
        """The number of a tensor's value; a new one for a tensor that no recorded call made."""
        array = to_array(tensor)
        if id(array) in self.stale:
            raise OnnxExporterError(f"{reader}: the memory of this tensor was changed by {self.stale[id(array)]} "
                                    f"through another tensor that shares it; use an operation that gives a new tensor "
                                    f"there")
        found = self.numbers.get(id(array))
        return self.add(array, False) if found is None else found

    def seen(self, item, reader="output"):
        """Arguments or results with references in the places of tensors."""
        if isinstance(item, Tensor):
            return Ref(self.number(item, reader))
        if isinstance(item, (tuple, list)):
            return (list if isinstance(item, list) else tuple)([self.seen(part, reader) for part in item])
        if isinstance(item, dict):
            return {key: self.seen(part, reader) for key, part in item.items()}
        if isinstance(item, slice):
            return slice(*[self.seen(part, reader) for part in (item.start, item.stop, item.step)])
        return item

    def call(self, target, args, kwargs):
        """What takes the place of a function: run it, and record the call."""
        if self.within or threading.get_ident() != self.thread:
            return target.function(*args, **kwargs)
        if target.rule is None and not target.inplace:  # calls within it may be recorded
            made = target.function(*args, **kwargs)
            if self.unknown(made) and any(self.is_dynamic(x) for x in tensors_of((args, kwargs))):
                self.record(target, self.seen((args, kwargs), target.name), list(tensors_of(made)))
            return made
        operands = list(tensors_of((args, kwargs)))
        versions = [tensor._version for tensor in operands]
        seen = self.seen((args, kwargs), target.name)
        if target.may_change(args, kwargs):
            self.save(operands[0])
        self.within += 1
        try:
            made = target.function(*args, **kwargs)
        finally:
            self.within -= 1
        changed = [tensor for tensor, version in zip(operands, versions)
                   if tensor._version != version and id(to_array(tensor)) in self.numbers]
        for tensor in changed:
            self.forget(tensor, target.name)
        if changed or self.unknown(made):
            self.record(target, seen, changed or list(tensors_of(made)))
        return made

    def unknown(self, made):
        """Whether there is a tensor that is no known value."""
        return any(id(to_array(tensor)) not in self.numbers for tensor in tensors_of(made))

    def is_dynamic(self, tensor):
        number = self.numbers.get(id(to_array(tensor)))
        return number is not None and self.values[number].dynamic

    def record(self, target, seen, tensors):
        call, start = Call(target, seen, []), len(self.values)
        dynamic = any(self.values[number].dynamic for number in references(seen))
        for tensor in tensors:
            found = self.numbers.get(id(to_array(tensor)))
            call.results.append(self.add(to_array(tensor), dynamic, call) if found is None else found)
        if len(self.values) > start:
            self.calls.append(call)

    def save(self, tensor):
        """Keep what a tensor holds, which a call is about to change."""
        entry = self.values[self.number(tensor)]
        self.kept.append(entry.array)  # an array that is gone would leave its id to another
        entry.array = entry.array.copy()

    def forget(self, tensor, changer):
        """The array of `tensor` holds another value now, and nobody knows what other views of its memory hold."""
        array = to_array(tensor)
        self.kept.append(array)
        del self.numbers[id(array)]
        for entry in self.values:
            if entry.array is not array and np.may_share_memory(entry.array, array):
                self.stale[id(entry.array)] = changer


def references(item):
    """The numbers of the values in recorded arguments."""
    if isinstance(item, Ref):
        yield item.index
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from references(part)
    elif isinstance(item, dict):
        yield from references(tuple(item.values()))
    elif isinstance(item, slice):
        yield from references((item.start, item.stop, item.step))


_MADE_OF_OTHERS = _operators.__name__, functional.__name__  # modules whose functions call those that are recorded


def _targets(rules):
    """{id of a function: Target} of all functions that programs and layers call."""
    found = {id(function): Target(function, rule, function.__name__) for function, rule in rules.items()}
    for names in HOMES.values():
        for name, declared in names.items():
            if not isinstance(declared.function, property) and declared.function.__module__ not in _MADE_OF_OTHERS:
                found.setdefault(id(declared.function), Target(declared.function, None, name))
    for function in _operators.functions.values():
        if function.__name__.endswith("_"):  # x += y
            found[id(function)] = Target(function, rules.get(_base(function.__name__)), function.__name__, True)
    for target in found.values():
        target.inplace = target.inplace or target.name == "setitem"
    return found


def _base(name):
    """The function that an in-place method applies; None if the method is something of its own."""
    declared = HOMES["Tensor"].get(name)
    if declared is not None and not declared.inplace:
        declared = HOMES["Tensor"].get(name[:-1])
    return None if declared is None else declared.function


class _Bindings:
    """The places where functions are bound, and what stood there; calls go to `trace`."""

    def __init__(self, rules):
        self.trace, self.rules, self.targets = None, rules, _targets(rules)
        self.undo, self.made, self.seen = [], {}, set()

    def replacement(self, function):
        """What stands in for a function; None for one that is none of ours."""
        target = self.targets.get(id(function))
        if target is None or target.function is not function:
            return None
        if id(target) not in self.made:
            @functools.wraps(function)
            def recorded(*args, **kwargs):
                return function(*args, **kwargs) if self.trace is None else self.trace.call(target, args, kwargs)
            self.made[id(target)] = recorded
        return self.made[id(target)]

    def redirect(self, function):
        """A public function, which programs may have bound anywhere: what it calls is replaced."""
        if id(function) in self.seen:
            return
        self.seen.add(id(function))
        inner = function.__wrapped__
        name = function.__name__
        if name.endswith("_") and not name.startswith("_") and name in HOMES["Tensor"]:
            rule = self.rules.get(inner) or self.rules.get(_base(name))
            self.targets[id(inner)] = Target(inner, rule, name, HOMES["Tensor"][name].inplace != "view")
        instead = self.replacement(inner)
        if instead is not None:
            function.redirect(instead)
            self.undo.append(lambda: function.redirect(inner))

    def look(self, value, put, deeper=True):
        """Replace `value`, which `put` binds, or what a dictionary or list holds."""
        if isinstance(value, Function):
            return self.redirect(value)
        if deeper and type(value) in (dict, list):
            for key, part in list(value.items() if type(value) is dict else enumerate(value)):
                self.look(part, functools.partial(value.__setitem__, key), False)
            return None
        inner = value.__func__ if isinstance(value, staticmethod) else value.func if type(value) is functools.partial \
            else value
        instead = self.replacement(inner)
        if instead is not None:
            put(staticmethod(instead) if isinstance(value, staticmethod) else instead if inner is value else
                functools.partial(instead, *value.args, **value.keywords))
            self.undo.append(lambda: put(value))

    def modules(self):
        """The namespaces of fastnn's modules, and of those that hold one of them or a function of theirs."""
        own = {name: module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "fastnn"}
        known = {*self.targets, *map(id, own.values())}
        for module in list(sys.modules.values()):
            if isinstance(module, types.ModuleType) and vars(module).get("__name__") != __name__:
                if module.__name__ in own or not known.isdisjoint(map(id, list(vars(module).values()))):
                    yield vars(module)

    def replace(self, holders):
        holders = list(holders)
        for value in list(vars(Tensor).values()):
            if isinstance(value, Function):
                self.redirect(value)
        for names in list(self.modules()):
            for name, value in list(names.items()):
                self.look(value, functools.partial(names.__setitem__, name))
                if isinstance(value, Module):
                    holders += list(value.modules())
                if isinstance(value, type) and value.__module__ == names["__name__"]:
                    for key, part in list(vars(value).items()):
                        self.look(part, functools.partial(setattr, value, key), False)
        for holder in {id(holder): holder for holder in holders}.values():
            for name, value in list(vars(holder).items()):
                self.look(value, functools.partial(vars(holder).__setitem__, name))
        _operators.install(**_operators.functions)  # whose values have just been replaced
        _operators.by_name(True)

    def restore(self):
        for undo in reversed(self.undo):
            undo()
        _operators.install(**_operators.functions)
        _operators.by_name(False)


@contextlib.contextmanager
def recording(rules, holders=()):
    """Calls on this thread go to the trace that the attribute `trace` of what this gives holds.

    Parameters
    ----------
    rules : dict
        {function of fastnn.ops: its rule}
    holders : iterable of object
        What may hold functions as attributes, the model's layers.
    """
    global _busy
    with _one_at_a_time:
        if _busy:
            raise OnnxExporterError("onnx.export: called by a model while it is exported itself")
        bindings, _busy = _Bindings(rules), True
        try:
            bindings.replace(holders)
            yield bindings
        finally:
            bindings.restore()
            _busy = False
