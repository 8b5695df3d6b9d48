"""Times of operations: events of what a program calls, their sums as a table, and a trace for chrome://tracing.

While a profile runs, the functions and methods that programs and layers call are replaced by ones that note when they
begin and end. Layers are events too, since some compute with their neighbours in one go; backward is one event. Not
noted are the operators ``+ - * /`` and comparisons between tensors, whose time counts for what they stand in.
"""
import contextlib
import functools
import gzip
import json
import os
import sys
import threading
import time

from fastnn import _tensor
from fastnn._tensor import Tensor
from fastnn.ops import declare, functions

__all__ = ["EventList", "FunctionEvent", "emit_itt", "emit_nvtx", "profile", "record_function"]

_local = threading.local()
_active = None  # the profile that notes events
_lock = threading.RLock()


class FunctionEvent:
    """A call: name, begin and length in microseconds, the thread, what it was called within.

    Parameters
    ----------
    name : str
    start : float
    parent : FunctionEvent or None
    shapes : list
    """

    def __init__(self, name, start, parent, shapes, annotation=False):
        self.name = self.key = name
        self.start, self.cpu_time_total, self.children_time = start, 0.0, 0.0
        self.cpu_parent, self.input_shapes, self.is_user_annotation = parent, shapes, annotation
        self.thread, self.count = threading.get_ident(), 1

    @property
    def self_cpu_time_total(self):
        """Microseconds without those of the calls within."""
        return max(self.cpu_time_total - self.children_time, 0.0)

    cpu_time = property(lambda self: self.cpu_time_total / self.count)

    def __repr__(self):
        return f"<FunctionEvent {self.name} cpu_time={_time(self.cpu_time_total)}>"


class FunctionEventAvg:
    """Events of one name (and shapes) together.

    Parameters
    ----------
    key : str
    input_shapes : list
    """

    # what PyTorch has and is not measured here
    cpu_memory_usage = self_cpu_memory_usage = device_time_total = self_device_time_total = device_time = flops = 0

    def __init__(self, key, input_shapes):
        self.key, self.input_shapes, self.count = key, input_shapes, 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0

    cpu_time = property(lambda self: self.cpu_time_total / self.count if self.count else 0.0)

    def add(self, event):
        """Count one more event."""
        self.count += 1
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total

    def __repr__(self):
        return (f"<FunctionEventAvg key={self.key} self_cpu_time={_time(self.self_cpu_time_total)} "
                f"cpu_time={_time(self.cpu_time)} count={self.count}>")


def _time(us):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3f}{unit}"
    return f"{us:.3f}us"


SORTS = ("cpu_time", "cpu_time_total", "self_cpu_time_total", "count", "key", "cuda_time", "cuda_time_total",
         "self_cuda_time_total", "device_time", "device_time_total", "self_device_time_total", "cpu_memory_usage",
         "self_cpu_memory_usage", "cuda_memory_usage", "self_cuda_memory_usage", "xpu_time_total")


class EventList(list):
    """Events, or their averages."""

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0):
        """Events of one name together, as an EventList of FunctionEventAvg.

        Parameters
        ----------
        group_by_input_shape : bool
            Whether those with other shapes are kept apart.
        group_by_stack_n : int
            Without effect.
        """
        found = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shape else []
            place = event.key, str(shapes)
            if place not in found:
                found[place] = FunctionEventAvg(event.key, shapes)
            found[place].add(event)
        return EventList(found.values())

    @property
    def self_cpu_time_total(self):
        """Microseconds of all."""
        return sum(event.self_cpu_time_total for event in self)

    def total_average(self):
        """All events as one."""
        made = FunctionEventAvg("Total", [])
        for event in self:
            made.add(event)
        return made

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55,
              max_shapes_column_width=80, header=None, top_level_events_only=False, time_unit=None):
        """The averages as text.

        Parameters
        ----------
        sort_by : str, optional
            An attribute, largest first: cpu_time_total, self_cpu_time_total, cpu_time, count.
        row_limit : int
            -1: all.
        max_src_column_width, max_name_column_width, max_shapes_column_width : int
        header : str, optional
        top_level_events_only : bool
        time_unit : str, optional
            Without effect.
        """
        events = list(self)
        if top_level_events_only:
            events = [event for event in events if getattr(event, "cpu_parent", None) is None]
        if sort_by is not None:
            if sort_by not in SORTS:
                raise AttributeError(f"EventList.table: expected sort_by one of {', '.join(SORTS)}, got {sort_by!r}")
            events.sort(key=lambda event: getattr(event, sort_by, 0), reverse=sort_by != "key")
        total = self.self_cpu_time_total
        if row_limit >= 0:
            events = events[:row_limit]

        def part(us):
            return f"{100 * us / total:.2f}%" if total else "0.00%"
        heads = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls"]
        longest = max_name_column_width
        rows = [[event.key if len(event.key) <= longest else event.key[:longest - 3] + "...",
                 part(event.self_cpu_time_total), _time(event.self_cpu_time_total), part(event.cpu_time_total),
                 _time(event.cpu_time_total), _time(event.cpu_time), str(event.count)] for event in events]
        if any(event.input_shapes for event in events):
            heads.append("Input Shapes")
            for row, event in zip(rows, events):
                row.append(str(event.input_shapes)[:max_shapes_column_width])
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        line = "  ".join("-" * width for width in widths)
        text = [header] if header else []
        text += [line, "  ".join(f"{head:>{width}}" for head, width in zip(heads, widths)), line]
        text += ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths)) for row in rows]
        return "\n".join([*text, line, f"Self CPU time total: {_time(total)}", ""])

    def __str__(self):
        return self.table()

    def export_chrome_trace(self, path):
        """Write the events as JSON for chrome://tracing and Perfetto.

        Parameters
        ----------
        path : str or path
            Compressed if it ends with .gz.
        """
        threads = {ident: i for i, ident in enumerate(dict.fromkeys(event.thread for event in self))}
        trace = [{"ph": "X", "cat": "user_annotation" if event.is_user_annotation else "cpu_op", "name": event.name,
                  "pid": os.getpid(), "tid": threads[event.thread], "ts": event.start, "dur": event.cpu_time_total,
                  "args": {"Input Dims": event.input_shapes} if event.input_shapes else {}} for event in self]
        text = json.dumps({"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": trace})
        if str(path).endswith(".gz"):
            with gzip.open(path, "wt") as file:
                file.write(text)
        else:
            with open(path, "w") as file:
                file.write(text)


# ---- noting events ----

def _shapes(args):
    return [list(x.shape) if isinstance(x, Tensor) else [] for x in args]


def _begin(name, args=(), annotation=False):
    run = _active
    if run is None:
        return None
    parent = getattr(_local, "event", None)
    event = FunctionEvent(name, time.perf_counter() * 1e6, parent, _shapes(args) if run.record_shapes else [],
                          annotation)
    run.noted.append(event)
    _local.event = event
    return event


def _end(event):
    if event is not None:
        event.cpu_time_total = time.perf_counter() * 1e6 - event.start
        _local.event = event.cpu_parent
        if event.cpu_parent is not None:
            event.cpu_parent.children_time += event.cpu_time_total


def _noting(name, function):
    @functools.wraps(function)
    def noted(*args, **kwargs):
        event = _begin(name(args[0]) if callable(name) else name, args)
        try:
            return function(*args, **kwargs)
        finally:
            _end(event)
    return noted


# Methods of classes that are noted, under the name of the object's class.
_METHODS = {"optim": {"step": lambda x: f"Optimizer.step#{type(x).__name__}.step"},
            "nn": {"__call__": lambda x: f"nn.Module: {type(x).__name__}"}}


def _operations():
    """{id of a function: (the function, its name)} of all that `ops` declares, and of backward."""
    found = {}
    for declared in declare.HOMES.values():
        for name, declaration in declared.items():
            if not isinstance(declaration.function, property):
                found.setdefault(id(declaration.function), (declaration.function, f"aten::{name}"))
    for place in ("fastnn.ops.namespace", "fastnn.linalg", "fastnn.special", "fastnn.nn.functional"):
        for name, function in vars(sys.modules[place]).items():
            if callable(function) and not isinstance(function, type) and not name.startswith("_"):
                found.setdefault(id(function), (function, f"aten::{name}"))
    return found


def _replace():
    """Put noting functions in the place of operations wherever fastnn's modules hold them; returns how to undo it."""
    operations, undo, wrappers = _operations(), [], {}

    def wrapper(function, name):
        if id(function) not in wrappers:
            wrappers[id(function)] = _noting(name, function)
        return wrappers[id(function)]

    def change(owner, attribute, old, new):
        setattr(owner, attribute, new)
        undo.append(lambda: setattr(owner, attribute, old))
    modules = [module for name, module in list(sys.modules.items())
               if (name == "fastnn" or name.startswith("fastnn.")) and module is not None
               and not name.startswith(("fastnn.ops.declare", "fastnn.ops.functions", "fastnn.autograd.profiler"))]
    for module in dict.fromkeys(modules):
        for attribute, value in list(vars(module).items()):
            own = operations.get(id(value))
            if own is not None and own[0] is value:
                change(module, attribute, value, wrapper(*own))
            elif isinstance(value, type) and value.__module__ == module.__name__ != "fastnn":
                for name, member in list(vars(value).items()):
                    inner = member.__func__ if isinstance(member, staticmethod) else None
                    if inner is not None and id(inner) in operations:
                        change(value, name, member, staticmethod(wrapper(*operations[id(inner)])))
                for method, name in _METHODS.get(value.__module__.split(".")[1], {}).items():
                    if method in vars(value):
                        change(value, method, vars(value)[method], _noting(name, vars(value)[method]))
    methods = {name: function for name, function in functions.public("Tensor").items()
               if not isinstance(function, property) and not name.startswith("__")}
    methods["backward"] = Tensor.__dict__["backward"]
    _tensor.install_methods({name: _noting("autograd::backward" if name == "backward" else f"aten::{name}", function)
                             for name, function in methods.items()})
    undo.append(lambda: _tensor.install_methods(methods))
    return undo


class _Run:
    """One stretch of time in which events are noted."""

    def __init__(self, record_shapes):
        self.record_shapes, self.noted, self._undo = record_shapes, [], None

    def start(self):
        global _active
        with _lock:
            if _active is not None:
                raise RuntimeError("Can't disable Kineto profiler when it's not running; a profile runs already, they "
                                   "cannot be nested")
            self._undo = _replace()
            _active = self

    def stop(self):
        global _active
        with _lock:
            _active = None
            for back in reversed(self._undo):
                back()
            self._undo = None
        return EventList(self.noted)


class record_function(contextlib.ContextDecorator):  # noqa: N801 (PyTorch's name)
    """A context (or decorator) whose time is an event of its own in a profile.

    Parameters
    ----------
    name : str
    args : str, optional
        Without effect.

    Examples
    --------
    >>> with fastnn.autograd.profiler.profile() as prof:
    ...     with fastnn.autograd.profiler.record_function("mine"):
    ...         y = fastnn.exp(fastnn.ones(3))
    >>> sorted(event.key for event in prof.key_averages() if event.key in ("mine", "aten::exp"))
    ['aten::exp', 'mine']
    """

    def __init__(self, name, args=None):
        self.name = name

    def __enter__(self):
        self._event = _begin(self.name, annotation=True)
        return self

    def __exit__(self, *error):
        _end(self._event)


class profile:  # noqa: N801 (PyTorch's name)
    """A context in which operations are timed.

    Same as torch.autograd.profiler.profile.

    Parameters
    ----------
    enabled : bool
    use_cuda : bool
        Without effect.
    record_shapes : bool
        Whether events have the shapes of tensors given.
    **options
        PyTorch's others, without effect.

    Examples
    --------
    >>> with fastnn.autograd.profiler.profile() as prof:
    ...     y = fastnn.exp(fastnn.ones(3))
    >>> "aten::exp" in prof.key_averages().table()
    True
    """

    def __init__(self, enabled=True, *, use_cuda=False, record_shapes=False, **options):
        self.enabled, self.record_shapes, self.function_events = enabled, record_shapes, None

    def __enter__(self):
        if self.enabled:
            self._run = _Run(self.record_shapes)
            self._run.start()
        return self

    def __exit__(self, *error):
        if self.enabled:
            self.function_events = self._run.stop()
        return False

    def _events(self):
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def events(self):
        """The EventList."""
        return self._events()

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0):
        """`EventList.key_averages`."""
        return self._events().key_averages(group_by_input_shape, group_by_stack_n)

    def table(self, **options):
        """`EventList.table` of the averages."""
        return self.key_averages().table(**options)

    def total_average(self):
        """All events as one."""
        return self._events().total_average()

    @property
    def self_cpu_time_total(self):
        """Microseconds of all."""
        return self._events().self_cpu_time_total

    def export_chrome_trace(self, path):
        """`EventList.export_chrome_trace`."""
        self._events().export_chrome_trace(path)

    def __repr__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self):
        return repr(self) if self.function_events is None else self.table()


class emit_nvtx(contextlib.nullcontext):  # noqa: N801 (PyTorch's name)
    """Accepted, without effect: there is no such tool to tell."""

    def __init__(self, enabled=True, record_shapes=False):
        super().__init__()


emit_itt = emit_nvtx
