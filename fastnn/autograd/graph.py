"""The graph of recorded operations as programs find it (torch.autograd.graph)."""
import weakref

from fastnn import _tape
from fastnn._gradients import AccumulatorHook
from fastnn._tape import Node
from fastnn.autograd import saved
from fastnn.autograd.saved import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

__all__ = ["AccumulateGrad", "Node", "disable_saved_tensors_hooks", "save_on_cpu", "saved_tensors_hooks"]

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
