"""Dictionaries whose keys are held weakly and compared by identity, as tensors must be (``torch.utils.weak``)."""
import weakref
from collections.abc import MutableMapping

__all__ = ["TensorWeakRef", "WeakIdKeyDictionary", "WeakIdRef", "WeakTensorKeyDictionary"]

TensorWeakRef = weakref.ref


class WeakIdRef(weakref.ref):
    """A weak reference that equals another of the same object."""

    __slots__ = ("_id",)

    def __init__(self, key, callback=None):
        super().__init__(key, callback)
        self._id = id(key)

    def __hash__(self):
        return self._id

    def __eq__(self, other):
        own, others = self(), other()
        return self is other if own is None or others is None else own is others


class WeakIdKeyDictionary(MutableMapping):
    """A dictionary that drops an entry when nothing else holds its key.

    Parameters
    ----------
    dict : mapping, optional
        First entries.

    Examples
    --------
    >>> from fastnn.utils.weak import WeakIdKeyDictionary
    >>> names, x = WeakIdKeyDictionary(), fastnn.ones(2)
    >>> names[x] = "ones"
    >>> names[x], len(names)
    ('ones', 1)
    >>> del x
    >>> len(names)
    0
    """

    def __init__(self, dict=None, ref_type=WeakIdRef):  # noqa: A002 (PyTorch's name)
        self.data, self.ref_type = {}, ref_type
        self.update(dict or ())

    def _gone(self, ref):
        self.data.pop(ref, None)

    def __getitem__(self, key):
        return self.data[self.ref_type(key)]

    def __setitem__(self, key, value):
        self.data[self.ref_type(key, self._gone)] = value

    def __delitem__(self, key):
        del self.data[self.ref_type(key)]

    def __contains__(self, key):
        return self.ref_type(key) in self.data

    def __iter__(self):
        return (key for key in [ref() for ref in self.data] if key is not None)

    def __len__(self):
        return len(self.data)


WeakTensorKeyDictionary = WeakIdKeyDictionary
