"""``torch.utils.hooks``: what registering a hook returns."""
import itertools

from fastnn._tape import Handle

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class _AnyHandle(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Handle)


class RemovableHandle(metaclass=_AnyHandle):
    """Handle of a hook: ``remove()``, or the end of a ``with`` statement, takes the hook away.

    What methods of tensors, modules and nodes return counts as such a handle. Programs that keep hooks of their own
    make one for an entry of their dict. Same as torch.utils.hooks.RemovableHandle.

    Parameters
    ----------
    hooks_dict : dict
        The program puts the hook there as ``hooks_dict[handle.id]``.
    extra_dict : dict or list of dict, optional
        The entry of that number is removed from these too.

    Attributes
    ----------
    id : int
        The number.

    Examples
    --------
    >>> from fastnn.utils.hooks import RemovableHandle
    >>> hooks = {}
    >>> handle = RemovableHandle(hooks)
    >>> hooks[handle.id] = print
    >>> handle.remove()
    >>> hooks
    {}
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
