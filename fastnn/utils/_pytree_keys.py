"""Paths to the leaves of nested structures: tuples of keys."""
from dataclasses import dataclass


@dataclass(frozen=True)
class SequenceKey:
    """Position in a list or tuple.

    Parameters
    ----------
    idx : int

    Examples
    --------
    >>> from fastnn.utils._pytree import SequenceKey
    >>> str(SequenceKey(2)), SequenceKey(1).get("ab")
    ('[2]', 'b')
    """

    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"

    def get(self, sequence):
        """The value there."""
        return sequence[self.idx]


@dataclass(frozen=True)
class MappingKey:
    """Key of a dict.

    Parameters
    ----------
    key : object

    Examples
    --------
    >>> from fastnn.utils._pytree import MappingKey
    >>> str(MappingKey("a")), MappingKey("a").get({"a": 1})
    ("['a']", 1)
    """

    key: object

    def __str__(self):
        return f"[{self.key!r}]"

    def get(self, mapping):
        """The value there."""
        return mapping[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    """Name of an attribute of an object or named tuple.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> from fastnn.utils._pytree import GetAttrKey
    >>> str(GetAttrKey("real")), GetAttrKey("real").get(1 + 2j)
    ('.real', 1.0)
    """

    name: str

    def __str__(self):
        return f".{self.name}"

    def get(self, obj):
        """The value there."""
        return getattr(obj, self.name)


def keystr(path):
    """A path as one would write it after the name of the structure.

    Parameters
    ----------
    path : tuple of keys

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.keystr((_pytree.MappingKey("a"), _pytree.SequenceKey(0)))
    "['a'][0]"
    """
    return "".join(map(str, path))


def key_get(tree, path):
    """The value that a path leads to.

    Parameters
    ----------
    tree : Any
    path : tuple of keys

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.key_get({"a": [5]}, (_pytree.MappingKey("a"), _pytree.SequenceKey(0)))
    5
    """
    for key in path:
        tree = key.get(tree)
    return tree
