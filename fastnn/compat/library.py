"""``torch.library``: a program's own operations, which are ordinary functions here.

What tells compilers and other devices about them is accepted; `register_autograd` gives a gradient.
"""
import inspect
import types

from fastnn import ops
from fastnn.autograd import Function

_known = {}  # "namespace::name" -> CustomOpDef


class CustomOpDef:
    """An operation made by `custom_op`; call it like the function.

    Examples
    --------
    >>> from fastnn.compat import library
    >>> @library.custom_op("mine::twice", mutates_args=())
    ... def twice(x):
    ...     return x.detach() * 2
    >>> twice.register_autograd(lambda ctx, grad: grad * 2)
    >>> x = fastnn.ones(1, requires_grad=True)
    >>> twice(x).backward()
    >>> x.grad
    tensor([2.])
    """

    def __init__(self, name, function):
        self._qualname, self._function, self._apply = name, function, None
        self.__name__ = name.rpartition(":")[2]
        self.__doc__ = function.__doc__

    def __call__(self, *args, **kwargs):
        if self._apply is None:
            return self._function(*args, **kwargs)
        bound = inspect.signature(self._function).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise NotImplementedError(f"{self._qualname}: an operation with a gradient takes {', '.join(bound.kwargs)} "
                                      "by position")
        return self._apply(*bound.args)

    @property
    def default(self):
        """The operation: its one overload."""
        return self

    def overloads(self):
        """["default"]"""
        return ["default"]

    def register_autograd(self, backward, /, *, setup_context=None):
        """Give it a gradient: ``backward(ctx, *grads)``, after ``setup_context(ctx, inputs, output)``."""
        def keep(ctx, inputs, output):
            if setup_context is not None:
                setup_context(ctx, inputs, output)
        self._apply = type(self.__name__, (Function,), {
            "forward": staticmethod(lambda *args: self._function(*args)), "setup_context": staticmethod(keep),
            "backward": staticmethod(backward)}).apply

    def register_kernel(self, device_types, func=None, /):
        """Take another implementation for the CPU; others are not looked at."""
        def register(func):
            types = [device_types] if isinstance(device_types, str) or device_types is None else device_types
            if any(kind in ("cpu", "CPU", "CompositeExplicitAutograd", None) for kind in types):
                self._function = func
            return func
        return register if func is None else register(func)

    def register_fake(self, fn, /):
        """Accepted: what it says of shapes is for compilers."""
        return fn

    def register_vmap(self, func=None, /):
        """Accepted: `vmap` calls the operation for each sample."""
        return func if func is not None else lambda func: func


def custom_op(name, fn=None, /, *, mutates_args=(), device_types=None, schema=None, tags=None):
    """A decorator that makes a function an operation.

    Parameters
    ----------
    name : str
        ``"namespace::name"``.
    fn : callable, optional
    mutates_args, device_types, schema, tags
        Accepted without effect.

    Returns
    -------
    CustomOpDef
    """
    if "::" not in name:
        raise ValueError(f"custom_op: expected a name 'namespace::name', got {name!r}")

    def make(function):
        made = _known[name] = CustomOpDef(name, function)
        space, _, own = name.partition("::")
        found = vars(ops).setdefault(space, types.SimpleNamespace())  # torch.ops.<namespace>
        if isinstance(found, types.SimpleNamespace):
            setattr(found, own, made)
        return made
    return make if fn is None else make(fn)


triton_op = custom_op


def _found(op):
    if isinstance(op, CustomOpDef):
        return op
    try:
        return _known[op]
    except KeyError:
        raise RuntimeError(f"torch.library: there is no operation {op!r}; custom_op makes one") from None


def register_autograd(op, backward, /, *, setup_context=None, lib=None):
    """`CustomOpDef.register_autograd` of an operation or its name."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_kernel(op, device_types, func=None, /, *, lib=None):
    """`CustomOpDef.register_kernel` of an operation or its name."""
    return _found(op).register_kernel(device_types, func)


def register_fake(op, func=None, /, *, lib=None, _stacklevel=1, allow_override=False):
    """Accepted: what it says of shapes is for compilers."""
    return func if func is not None else lambda func: func


register_vmap = impl_abstract = register_fake


def define(qualname, schema, *, lib=None, tags=()):
    """Name an operation, whose function `impl` gives."""
    def missing(*args, **kwargs):
        raise NotImplementedError(f"{qualname}: the operation has no implementation for the CPU; register one by impl")
    custom_op(qualname, missing)


def impl(qualname, types, func=None, *, lib=None):
    """`register_kernel`."""
    return register_kernel(qualname, types, func)


class Library:
    """Operations of a namespace.

    Parameters
    ----------
    ns : str
    kind : str
    dispatch_key : str
    """

    def __init__(self, ns, kind, dispatch_key=""):
        self.ns, self.kind = ns, kind

    def define(self, schema, alias_analysis="", *, tags=()):
        """Name an operation by its signature ``name(Tensor x) -> Tensor``."""
        name = schema.partition("(")[0].strip()
        define(f"{self.ns}::{name}", schema)
        return name

    def impl(self, op_name, fn, dispatch_key="", *, with_keyset=False, allow_override=False):
        """Give its function."""
        register_kernel(f"{self.ns}::{op_name}", "cpu" if dispatch_key in ("", "CPU") else dispatch_key, fn)
