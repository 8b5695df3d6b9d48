"""The graph of recorded operations as programs find it (torch.autograd.graph)."""
import weakref

from fastnn import _tape
from fastnn._gradients import AccumulatorHook, part_of_run
from fastnn._tape import Node
from fastnn.autograd import saved
from fastnn.autograd.saved import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

__all__ = ["AccumulateGrad", "Node", "disable_saved_tensors_hooks", "register_multi_grad_hook", "save_on_cpu",
           "saved_tensors_hooks"]

_alive = weakref.WeakValueDictionary()  # id of a leaf -> its accumulator, which holds the leaf


class AccumulateGrad:
    """The node at which a leaf's gradient is accumulated, as ``next_functions`` gives it; ``variable`` is the leaf.

    Parameters
    ----------
    variable : Tensor
        The leaf.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> node = (x * 2).grad_fn.next_functions[0][0]
    >>> node.name(), node.variable is x
    ('torch::autograd::AccumulateGrad', True)
    """

    next_functions = ()

    def __new__(cls, variable):
        made = _alive.get(id(variable))
        if made is None:
            made = _alive[id(variable)] = super().__new__(cls)
            made.variable, made.metadata = variable, {}
        return made

    def name(self):
        """The node's name in PyTorch."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook):
        """Call ``hook((), grad_outputs)`` after a gradient was accumulated."""
        return self.variable.register_post_accumulate_grad_hook(AccumulatorHook(hook))

    def register_prehook(self, hook):
        """Call ``hook(grad_outputs)`` before a gradient is accumulated; it may return another."""
        def on_gradient(grad):
            changed = hook((grad,))
            return changed[0] if isinstance(changed, tuple) else changed
        return self.variable.register_hook(on_gradient)

    def __repr__(self):
        return f"<AccumulateGrad object at {hex(id(self))}>"


_tape.accumulator = AccumulateGrad
_tape.unpacker, _tape.saved_attribute = saved.unpacked, saved.attribute


def leaves_of(tensors, besides=()):
    """Leaves of the graph behind tensors, but for those whose ids are in `besides`, in the order of their discovery."""
    found, seen, waiting = {}, set(), [x.grad_fn for x in tensors if x.grad_fn is not None]
    while waiting:
        node = waiting.pop()
        for before, _ in node.next_functions:
            if isinstance(before, AccumulateGrad):
                if id(before.variable) not in besides:
                    found.setdefault(id(before.variable), before.variable)
            elif before is not None and id(before) not in seen:
                seen.add(id(before))
                waiting.append(before)
    return list(found.values())


class _Handles(tuple):
    """Handles of hooks that were registered together."""

    __slots__ = ()

    def remove(self):
        """Take all of them away."""
        for handle in self:
            handle.remove()


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Call ``fn`` in each backward pass when the gradients of several tensors are known.

    Parameters
    ----------
    tensors : sequence of Tensors
    fn : callable
        With `mode` "all" ``fn(grads)``, once all gradients are known that the pass computes; None stands for others.
        With "any" ``fn(grad)``, at the first one.
    mode : {"all", "any"}, default "all"

    Returns
    -------
    handle
        ``remove()`` takes the hook away.

    Examples
    --------
    >>> x, y = fastnn.ones(1, requires_grad=True), fastnn.ones(1, requires_grad=True)
    >>> handle = fastnn.autograd.graph.register_multi_grad_hook((x, y), print)
    >>> (2 * x + 3 * y).sum().backward()
    [tensor([2.]), tensor([3.])]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tensors, passes = tuple(tensors), {}

    def hook_of(place):
        def hook(grad):
            number = part_of_run(tensors[place])[0]
            if number not in passes:
                passes.clear()  # of passes that an exception ended
                passes[number] = [None] * len(tensors), [part_of_run(x)[1] for x in tensors]
                if mode == "any":
                    fn(grad)
            grads, awaited = passes[number]
            grads[place], awaited[place] = grad, False
            if not any(awaited):
                del passes[number]
                if mode == "all":
                    fn(grads)
        return hook
    return _Handles([x.register_hook(hook_of(place)) for place, x in enumerate(tensors)])
