"""``torch.utils.hooks``: what registering a hook returns."""
import itertools

from fastnn._tape import Handle

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class _AnyHandle(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Handle)


class RemovableHandle(metaclass=_AnyHandle):
    """Takes a hook off again: ``remove()``, or at the end of a ``with``.

    What tensors', modules' and nodes' methods return counts as such a handle. Programs that keep hooks of their own
    make one for an entry of their dict.

    Parameters
    ----------
    hooks_dict : dict
        ``hooks_dict[handle.id]`` is the hook, which the program puts there.
    extra_dict : dict or list of dict, optional
        From which the entry of that number is taken as well.
    """

    def __new__(cls, hooks_dict, *, extra_dict=None):
        return _OwnHandle(hooks_dict, extra_dict)


class _OwnHandle(Handle):
    def __init__(self, hooks, extra):
        self.hooks, self.id = hooks, next(_ids)
        self.extra = [] if extra is None else extra if isinstance(extra, list) else [extra]

    def remove(self):
        for hooks in (self.hooks, *self.extra):
            hooks.pop(self.id, None)
