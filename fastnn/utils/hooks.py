"""``torch.utils.hooks``: what registering a hook returns."""
import itertools

from fastnn._tape import Handle

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class _AnyHandle(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Handle)


class RemovableHandle(Handle, metaclass=_AnyHandle):
    """Handle of a hook: ``remove()``, or the end of a ``with`` statement, takes the hook away.

    What methods of tensors and nodes return counts as such a handle. Programs that keep hooks of their own
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

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.hooks, self.id = hooks_dict, next(_ids)
        self.extra = [] if extra_dict is None else extra_dict if isinstance(extra_dict, list) else [extra_dict]

    def remove(self):
        """Take the hook away; a second call does nothing."""
        for hooks in (self.hooks, *self.extra):
            hooks.pop(self.id, None)


def register(hooks, hook, prepend=False):
    """Put a hook into an ordered dict, at its end or beginning; the handle that takes it out again."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle
