"""Functions that run around modules' forward and backward; kept apart so that a module without them pays nothing."""
from fastnn._tensor import Tensor

global_hooks = {}  # kind -> [(hook, with_kwargs)], for every module
structure = 0      # grows when any module gets a hook or another child: plans made from a structure are then stale


def structure_changed():
    """Tell those who keep plans (Sequential) to make them anew."""
    global structure
    structure += 1


class Handle:
    """What registering a hook returns: ``remove()`` takes the hook off again."""

    def __init__(self, hooks, entry):
        self.hooks, self.entry, self.id = hooks, entry, id(entry)

    def remove(self):
        if self.entry in self.hooks:
            self.hooks.remove(self.entry)
            structure_changed()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


class Hooks:
    """The hooks of one module by kind."""

    KINDS = ("forward_pre", "forward", "backward_pre", "backward")

    def __init__(self):
        self.lists = {kind: [] for kind in self.KINDS}

    def add(self, kind, hook, prepend, with_kwargs):
        """Register; returns the handle."""
        entry = (hook, with_kwargs)
        self.lists[kind].insert(0 if prepend else len(self.lists[kind]), entry)
        structure_changed()
        return Handle(self.lists[kind], entry)

    def __bool__(self):
        return any(self.lists.values())


def register_global(kind, hook):
    """A hook for every module."""
    entry = (hook, False)
    hooks = global_hooks.setdefault(kind, [])
    hooks.append(entry)
    structure_changed()
    handle = Handle(hooks, entry)
    remove = handle.remove

    def remove_and_tidy():
        remove()
        if not hooks:
            global_hooks.pop(kind, None)
    handle.remove = remove_and_tidy
    return handle


def _of(module, kind):
    return global_hooks.get(kind, []) + (module._hooks.lists[kind] if module._hooks is not None else [])


def call(module, args, kwargs):
    """``module.forward`` with all hooks around it."""
    for hook, with_kwargs in _of(module, "forward_pre"):
        result = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if result is None:
            continue
        if with_kwargs:
            args, kwargs = result
        else:
            args = result if isinstance(result, tuple) else (result,)
    backward = _of(module, "backward") or _of(module, "backward_pre")
    if backward:
        inputs = _Inputs(module, args)
        args = inputs.watched
    output = module.forward(*args, **kwargs)
    for hook, with_kwargs in _of(module, "forward"):
        result = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        if result is not None:
            output = result
    if backward:
        output = inputs.watch_output(output)
    return output


class _Inputs:
    """Joins the gradients at a module's inputs and outputs for full backward hooks."""

    def __init__(self, module, args):
        self.module, self.grad_output = module, None
        self.wanted = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        self.count, self.grads = len(args), {}
        watched = list(args)
        for i in self.wanted:
            watched[i] = args[i].view_as(args[i])
            watched[i].register_hook(lambda grad, i=i: self.arrive(i, grad))
        self.watched = tuple(watched)

    def arrive(self, i, grad):
        self.grads[i] = grad
        if len(self.grads) < len(self.wanted):
            return None
        grads = tuple(self.grads.get(k) for k in range(self.count))
        for hook, _ in _of(self.module, "backward"):
            result = hook(self.module, grads, self.grad_output)
            if result is not None:
                grads = result if isinstance(result, tuple) else (result,)
        self.grads = {}
        return grads[i] if len(self.wanted) == 1 else None

    def watch_output(self, output):
        outputs = output if isinstance(output, (tuple, list)) else (output,)
        arrived = [None] * len(outputs)

        def arrive(i, grad):
            arrived[i] = grad
            self.grad_output = tuple(arrived)
            for hook, _ in _of(self.module, "backward_pre"):
                result = hook(self.module, self.grad_output)
                if result is not None:
                    self.grad_output = result if isinstance(result, tuple) else (result,)
            if not self.wanted:
                for hook, _ in _of(self.module, "backward"):
                    hook(self.module, (None,) * self.count, self.grad_output)
            return self.grad_output[i]

        watched = []
        for i, out in enumerate(outputs):
            if isinstance(out, Tensor) and out.requires_grad:
                out = out.view_as(out)
                out.register_hook(lambda grad, i=i: arrive(i, grad))
            watched.append(out)
        return type(output)(watched) if isinstance(output, (tuple, list)) else watched[0]
