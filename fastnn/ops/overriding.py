"""Classes and contexts that take over functions: ``__torch_function__`` (PyTorch's protocol).

Calls come here from `fastnn.ops._function` and, for what does not go through it, from wrappers in the namespace of
`nn.init`; but only while a class of tensors overrides functions or a mode is active. An argument of another class with
``__torch_function__`` is found when its call has failed.
"""
import _thread
import contextlib
import functools
import sys

from fastnn import _operators, _tensor, dtypes
from fastnn._tensor import Tensor
from fastnn.ops._function import Function, set_handing
from fastnn.ops.creation import construct
from fastnn.ops.declare import operation

NOT_HANDED = object()  # what `hand_on` gives if nothing takes the call over


class _State(_thread._local):
    def __init__(self):
        self.modes, self.off = [], False


state = _State()
_lock = _thread.allocate_lock()
_users = 0  # classes, active modes, a narrow default dtype
innermost = None  # what takes calls over that neither modes nor classes do
_undo = []


def disabled(func, types, args=(), kwargs=None):
    """``func`` itself on the arguments: a class with it as its ``__torch_function__`` overrides nothing."""
    return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def subclasses_off():
    """Classes override nothing on this thread."""
    before, state.off = state.off, True
    try:
        yield
    finally:
        state.off = before


def _as_class(made, cls):
    if isinstance(made, Tensor) and not isinstance(made, cls):
        return as_subclass(made, cls)
    if isinstance(made, (tuple, list)) and any(isinstance(part, Tensor) for part in made):
        return type(made)([_as_class(part, cls) for part in made])
    return made


def _default(cls, func, types, args=(), kwargs=None):
    """What ``super().__torch_function__`` does: the function, whose tensors become those of the class."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with subclasses_off():
        return _as_class(func(*args, **(kwargs or {})), cls)


@operation("Tensor")
def as_subclass(self, cls):
    """The same memory and history as a tensor of a class.

    Parameters
    ----------
    cls : type

    Examples
    --------
    >>> class Named(fastnn.Tensor):
    ...     pass
    >>> type(fastnn.ones(2).as_subclass(Named)).__name__
    'Named'
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(f"as_subclass(): argument 'cls' must be a class of tensors, not {cls!r}")
    made = _tensor.adopt(Tensor.__new__(cls), _tensor.to_array(self))
    return _tensor.take_history(made, self.view(self.shape)) if self.requires_grad else made


def _make_subclass(cls, data, require_grad=False):
    return _tensor.adopt(Tensor.__new__(cls), data.detach().numpy(), require_grad)


_bare = Tensor.__new__


def _new(cls, *args, **kwargs):
    """What a class' own ``__new__`` asks for gets its numbers here, because its ``__init__`` need not know of them."""
    made = _bare(cls)
    return _tensor.adopt(made, construct(*args, **kwargs)) if cls.__new__ is not _new else made


def _init_subclass(cls, **options):
    super(Tensor, cls).__init_subclass__(**options)
    if overrides(cls):
        begin()


_tensor.install_methods({
    "__torch_function__": classmethod(_default), "__init_subclass__": classmethod(_init_subclass),
    "__new__": staticmethod(_new), "_make_subclass": staticmethod(_make_subclass)})


def overrides(kind):
    """Whether a class takes over functions that get its objects."""
    found = getattr(kind, "__torch_function__", None)
    return found is not None and getattr(found, "__func__", found) not in (_default, disabled)


def overloaded(args):
    """Those of the arguments, and of what lists of them hold, whose classes take over; derived classes come first."""
    found = []
    for value in args:
        for one in value if isinstance(value, (tuple, list)) else (value,):
            kind = type(one)
            if kind is not Tensor and overrides(kind) and all(type(other) is not kind for other in found):
                place = next((i for i, other in enumerate(found) if issubclass(kind, type(other))), len(found))
                found.insert(place, one)
    return found


def hand_on(function, args, kwargs, own=None):
    """The result of what takes a call over, `NOT_HANDED` if nothing does. `own`: what programs know the function as."""
    if own is None:
        own = getattr(Tensor, function.__name__, function) if function.home == "fastnn.Tensor" else function
    found = [] if state.off else overloaded((*args, *kwargs.values()))
    kinds = tuple(type(one) for one in found)
    if state.modes:
        mode = state.modes.pop()  # within it, the ones below it see calls
        try:
            made = mode.__torch_function__(own, kinds, args, kwargs)
        finally:
            state.modes.append(mode)
        if made is not NotImplemented:
            return made
    for one in found:
        made = type(one).__torch_function__(own, kinds, args, kwargs)
        if made is not NotImplemented:
            return made
    if found:
        raise TypeError(f"Multiple dispatch failed for 'torch.{own.__name__}'; all __torch_function__ handlers "
                        f"returned NotImplemented: {list(kinds)}")
    return NOT_HANDED if innermost is None else innermost(function, args, kwargs)


set_handing(False, hand_on, NOT_HANDED)


def _wrapper(function):
    @functools.wraps(function)
    def handed(*args, **kwargs):
        made = hand_on(function, args, kwargs, handed)
        return function(*args, **kwargs) if made is NOT_HANDED else made
    return handed


def _method(name, function):
    """The public method that an operator's function is; else one of that function under the operator's name."""
    for title in (f"{name[1:]}_" if name[0] == "i" and len(name) > 2 else name, name, function.__name__):
        found = getattr(Tensor, title, None)
        if isinstance(found, Function) and found.__wrapped__ is function:
            return found
    return Function(function, f"__{name}__", "fastnn.Tensor")


def begin():
    """Calls are looked at from now on, until `end` is called as often."""
    global _users
    with _lock:
        _users += 1
        if _users > 1:
            return
        namespace = vars(sys.modules["fastnn.nn.init"])
        for name, value in list(namespace.items()):
            if not name.startswith("_") and callable(value) and not isinstance(value, (Function, type)) \
                    and value.__module__.startswith("fastnn"):
                namespace[name] = _wrapper(value)
                _undo.append(functools.partial(namespace.__setitem__, name, value))
        before = dict(_operators.functions)
        _operators.install(**{name: function if name in ("repr", "construct", "unbind") else _method(name, function)
                              for name, function in before.items()})
        _operators.by_name(True)
        _undo.append(lambda: (_operators.install(**before), _operators.by_name(False)))
        set_handing(True, hand_on, NOT_HANDED)


def end():
    """Undo `begin`."""
    global _users
    with _lock:
        _users -= 1
        if not _users:
            set_handing(False, hand_on, NOT_HANDED)
            while _undo:
                _undo.pop()()


def _on_narrow(narrow):
    """Calls are looked at while the default dtype is float16 or bfloat16."""
    global innermost
    if not narrow:
        innermost = None
        return end()
    from fastnn.ops import narrow_default
    innermost = narrow_default.call
    begin()


dtypes.on_narrow = _on_narrow


def has_torch_function(relevant_args):
    """Whether an argument's class takes over PyTorch's functions.

    Parameters
    ----------
    relevant_args : tuple

    Examples
    --------
    >>> F.has_torch_function((fastnn.ones(1),))
    False
    """
    return not state.off and bool(overloaded(relevant_args))


def has_torch_function_unary(arg):
    """`has_torch_function` of one argument.

    Parameters
    ----------
    arg : object

    Examples
    --------
    >>> F.has_torch_function_unary(fastnn.ones(1))
    False
    """
    return has_torch_function((arg,))


def has_torch_function_variadic(*args):
    """`has_torch_function` of all arguments.

    Parameters
    ----------
    *args : object

    Examples
    --------
    >>> F.has_torch_function_variadic(fastnn.ones(1), 2)
    False
    """
    return has_torch_function(args)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """``public_api`` on the arguments, or what takes it over.

    Parameters
    ----------
    public_api : callable
    relevant_args : tuple
        Without effect.
    *args, **kwargs
        Its arguments.

    Examples
    --------
    >>> F.handle_torch_function(max, (), 2, 3)
    3
    """
    made = hand_on(public_api, args, kwargs, public_api)
    return public_api(*args, **kwargs) if made is NOT_HANDED else made
