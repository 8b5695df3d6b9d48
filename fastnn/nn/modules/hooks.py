"""Functions that run around modules' forward, backward and state; apart, so that a module without them pays nothing."""
import functools
import warnings
from collections import OrderedDict

from fastnn._tensor import Tensor
from fastnn.autograd import Function
from fastnn.utils.hooks import RemovableHandle, register

structure = 0  # grows when any module gets a hook or another child: plans made before are then invalid


def structure_changed():
    """Invalidate the plans of all Sequentials."""
    global structure
    structure += 1


class Table(OrderedDict):
    """Hooks of one kind by number, in calling order; `flags` has the options of each."""

    def __init__(self):
        super().__init__()
        self.flags = {}

    def __delitem__(self, key):
        super().__delitem__(key)
        self.flags.pop(key, None)
        structure_changed()

    def pop(self, key, *default):
        self.flags.pop(key, None)
        structure_changed()
        return super().pop(key, *default)

    def popitem(self, last=True):
        key = next(reversed(self) if last else iter(self), None)
        return (key, self.pop(key)) if self else super().popitem(last)  # which raises KeyError

    def clear(self):
        super().clear()
        self.flags.clear()
        structure_changed()

    def add(self, hook, prepend=False, **flags):
        """Register; returns the handle."""
        handle = register(self, hook, prepend)
        self.flags[handle.id] = flags
        structure_changed()
        return handle

    def __reduce__(self):
        return _restored, (list(self.items()), self.flags)


def _restored(items, flags):
    table = Table()
    table.update(items)
    table.flags = flags
    return table


KINDS = ("forward_pre", "forward", "backward_pre", "backward", "backward_last", "state_dict_pre", "state_dict",
         "load_pre", "load_post")


class Hooks:
    """The hooks of one module by kind."""

    def __init__(self):
        self.tables = {kind: Table() for kind in KINDS}


global_hooks = {}  # kind -> Table, for every module; only kinds that have hooks
_global_tables = {kind: Table() for kind in KINDS[:5]}


class _GlobalHandle(RemovableHandle):
    def __init__(self, handle):
        self.hooks, self.id, self.extra = handle.hooks, handle.id, []

    def remove(self):
        super().remove()
        for kind, table in _global_tables.items():
            if not table:
                global_hooks.pop(kind, None)


def register_global(kind, hook, **flags):
    """A hook for every module."""
    handle = _global_tables[kind].add(hook, **flags)
    global_hooks[kind] = _global_tables[kind]
    return _GlobalHandle(handle)


def of(module, kind):
    """[(hook, flags)]: the global ones, then the module's."""
    found = []
    for table in (global_hooks.get(kind), module._hooks and module._hooks.tables.get(kind)):
        if table:
            found += [(key, hook, table.flags.get(key, {})) for key, hook in list(table.items())]
    return found


def call(module, args, kwargs):
    """``module.forward`` with all hooks around it."""
    result, done = None, set()

    def after(key, hook, flags):
        done.add(key)
        changed = (hook(module, args, kwargs, result) if flags.get("with_kwargs") else hook(module, args, result))
        return result if changed is None else changed

    try:
        for _, hook, flags in of(module, "forward_pre"):
            if flags.get("with_kwargs"):
                changed = hook(module, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                                           f"but got {changed}.")
                    args, kwargs = changed
            else:
                changed = hook(module, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        joined = _Joined(module, args) if of(module, "backward") or of(module, "backward_pre") else None
        result = module.forward(*(joined.args if joined else args), **kwargs)
        for key, hook, flags in of(module, "forward"):
            result = after(key, hook, flags)
        _watch_last(module, result)
        return joined.watch(result) if joined else result
    except Exception:
        for key, hook, flags in of(module, "forward"):
            if flags.get("always_call") and key not in done:
                try:
                    result = after(key, hook, flags)
                except Exception as error:
                    warnings.warn(f"module forward hook with ``always_call=True`` raised an exception that was "
                                  f"silenced as another error was raised in forward: {error}", stacklevel=3)
        raise


def _watch_last(module, result):
    """Let the last operation of `module` call its backward hooks that are not full ones."""
    found = of(module, "backward_last")
    while found and isinstance(result, (dict, tuple, list)) and result:
        values = list(result.values()) if isinstance(result, dict) else result
        result = next((value for value in values if isinstance(value, Tensor)), values[0])
    node = result.grad_fn if found and isinstance(result, Tensor) else None
    for _, hook, _ in found if node is not None else ():
        node.register_hook(functools.partial(hook, module))


class _Same(Function):
    """The identity; its backward sees the gradients of all its tensors at once."""

    @staticmethod
    def forward(ctx, observer, *tensors):
        ctx.observer = observer
        ctx.set_materialize_grads(False)
        outputs = tuple(t.view_as(t) for t in tensors)
        ctx.mark_non_differentiable(*[out for out, t in zip(outputs, tensors) if not t.requires_grad])
        return outputs

    @staticmethod
    def backward(ctx, *grads):
        return None, *ctx.observer(grads)


def _pass_through(observer, values):
    """`values` with its tensors through `_Same`; None if no tensor among them needs a gradient."""
    at = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not any(values[i].requires_grad for i in at):
        return None
    values = list(values)
    for i, value in zip(at, _Same.apply(lambda grads: observer(at, grads), *[values[i] for i in at])):
        values[i] = value
    return tuple(values)


def _spread(at, grads, count):
    found = [None] * count
    for i, grad in zip(at, grads):
        found[i] = grad
    return tuple(found)


def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


class _Joined:
    """Joins the gradients at a module's inputs and at its outputs for full backward hooks."""

    def __init__(self, module, args):
        self.module, self.count, self.grad_output = module, len(args), None
        passed = _pass_through(self.inputs_came, args)
        self.args, self.watches_inputs = (args, False) if passed is None else (passed, True)

    def inputs_came(self, at, grads):
        grads = _spread(at, grads, self.count)
        for _, hook, _ in of(self.module, "backward"):
            changed = hook(self.module, grads, self.grad_output)
            if changed is not None:
                changed = tuple(changed) if isinstance(changed, list) else _as_tuple(changed)
                if len(changed) != len(grads):
                    raise RuntimeError(f"Backward hook returned an invalid number of grad_input, got {len(changed)}, "
                                       f"but expected {len(grads)}")
                grads = changed
        self.grad_output = None
        return [grads[i] for i in at]

    def watch(self, output):
        outputs = _as_tuple(output)

        def came(at, grads):
            self.grad_output = _spread(at, grads, len(outputs))
            for _, hook, _ in of(self.module, "backward_pre"):
                changed = hook(self.module, self.grad_output)
                if changed is not None:
                    changed = _as_tuple(changed)
                    if len(changed) != len(outputs):
                        raise RuntimeError(f"Backward pre hook returned an invalid number of grad_output, got "
                                           f"{len(changed)}, but expected {len(outputs)}")
                    self.grad_output = changed
            grads = tuple(self.grad_output)
            if not self.watches_inputs:
                for _, hook, _ in of(self.module, "backward"):
                    if hook(self.module, (None,) * self.count, grads) is not None:
                        raise RuntimeError("Backward hook for Modules where no input requires gradient should always "
                                           "return None or None for all gradients.")
            return [grads[i] for i in at]

        passed = _pass_through(came, outputs)
        if passed is None:
            return output
        return passed if isinstance(output, tuple) else passed[0]


def register_module_forward_pre_hook(hook):
    """`Module.register_forward_pre_hook` for all modules.

    Parameters
    ----------
    hook : callable
        ``hook(module, args)``; what it returns, unless None, replaces the arguments.

    Examples
    --------
    >>> handle = nn.modules.module.register_module_forward_pre_hook(lambda module, args: print(module))
    >>> _ = nn.ReLU()(fastnn.zeros(1))
    ReLU()
    >>> handle.remove()
    """
    return register_global("forward_pre", hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """`Module.register_forward_hook` for all modules.

    Parameters
    ----------
    hook : callable
        ``hook(module, args, output)``; what it returns, unless None, replaces the output.
    with_kwargs, always_call : bool
        As in `Module.register_forward_hook`.

    Examples
    --------
    >>> handle = nn.modules.module.register_module_forward_hook(lambda module, args, output: output + 1)
    >>> nn.ReLU()(fastnn.zeros(1))
    tensor([1.])
    >>> handle.remove()
    """
    return register_global("forward", hook, with_kwargs=with_kwargs, always_call=always_call)


def register_module_backward_hook(hook):
    """`Module.register_backward_hook` for all modules.

    Parameters
    ----------
    hook : callable
        ``hook(module, grad_input, grad_output)``.

    Examples
    --------
    >>> handle = nn.modules.module.register_module_backward_hook(lambda module, gi, go: print(go))
    >>> nn.ReLU()(fastnn.ones(1, requires_grad=True)).backward()
    (tensor([1.]),)
    >>> handle.remove()
    """
    return register_global("backward_last", hook)


def register_module_full_backward_hook(hook):
    """`Module.register_full_backward_hook` for all modules.

    Parameters
    ----------
    hook : callable
        ``hook(module, grad_input, grad_output)``.

    Examples
    --------
    >>> handle = nn.modules.module.register_module_full_backward_hook(lambda module, gi, go: print(gi))
    >>> nn.ReLU()(fastnn.ones(1, requires_grad=True)).backward()
    (tensor([1.]),)
    >>> handle.remove()
    """
    return register_global("backward", hook)


def register_module_full_backward_pre_hook(hook):
    """`Module.register_full_backward_pre_hook` for all modules.

    Parameters
    ----------
    hook : callable
        ``hook(module, grad_output)``.

    Examples
    --------
    >>> handle = nn.modules.module.register_module_full_backward_pre_hook(lambda module, go: print(go))
    >>> nn.ReLU()(fastnn.ones(1, requires_grad=True)).backward()
    (tensor([1.]),)
    >>> handle.remove()
    """
    return register_global("backward_pre", hook)
