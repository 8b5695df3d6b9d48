"""Modules that hold parameters (and, as in PyTorch, any other values)."""
import operator
from collections.abc import Iterable, Mapping

from fastnn._tensor import Tensor
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter


def _line(key, value, with_dtype):
    if not isinstance(value, Tensor):
        return f"  ({key}): Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    name = value.dtype if with_dtype else value.type()
    return f"  ({key}): {kind} containing: [{name} of size {'x'.join(map(str, value.shape))}]"


def _as_parameter(value):
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


class ParameterList(Module):
    """A list of parameters that are registered under their positions; tensors become parameters.

    Same as torch.nn.ParameterList.

    Parameters
    ----------
    values : iterable, optional
        Tensors, or other values, which are kept as plain attributes.

    Examples
    --------
    >>> weights = nn.ParameterList([fastnn.zeros(2), fastnn.ones(2, 3)])
    >>> weights
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2]
        (1): Parameter containing: [torch.float32 of size 2x3]
    )
    >>> len(list(weights.parameters()))
    2
    """

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _name_at(self, index):
        index = operator.index(index)
        if not -self._size <= index < self._size:
            raise IndexError(f"index {index} is out of range")
        return str(index % self._size)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index, value):
        setattr(self, self._name_at(index), _as_parameter(value))

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter([self[i] for i in range(self._size)])

    def append(self, value):
        """Append a value; a tensor becomes a parameter. Returns the list.

        Parameters
        ----------
        value : Any

        Examples
        --------
        >>> len(nn.ParameterList().append(fastnn.ones(2)))
        1
        """
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values):
        """Append several values; tensors become parameters. Returns the list.

        Parameters
        ----------
        values : iterable

        Raises
        ------
        TypeError
            A tensor, or nothing that can be iterated.

        Examples
        --------
        >>> len(nn.ParameterList().extend([fastnn.ones(2), fastnn.ones(3)]))
        2
        """
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def __dir__(self):
        return [name for name in super().__dir__() if not name.isdigit()]

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")

    def extra_repr(self):
        return "\n".join(_line(i, value, True) for i, value in enumerate(self))


class ParameterDict(Module):
    """A dictionary of parameters that are registered under their keys; tensors become parameters.

    Same as torch.nn.ParameterDict.

    Parameters
    ----------
    parameters : mapping, or iterable of (str, value), optional
        A plain dict's keys are sorted, as in PyTorch.

    Examples
    --------
    >>> weights = nn.ParameterDict({"b": fastnn.zeros(2), "a": fastnn.ones(1)})
    >>> list(weights), type(weights["a"]).__name__
    (['a', 'b'], 'Parameter')
    """

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key):
        return getattr(self, self._checked(key))

    def _checked(self, key):
        if not isinstance(key, str):
            raise TypeError(f"Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                            f"'{type(key).__name__}').")
        return key

    def __setitem__(self, key, value):
        setattr(self, self._checked(key), _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, key)

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(self._keys)

    def __contains__(self, key):
        return key in self._keys

    def keys(self):
        """The names.

        Examples
        --------
        >>> list(nn.ParameterDict({"a": fastnn.ones(1)}).keys())
        ['a']
        """
        return self._keys.keys()

    def values(self):
        """The parameters.

        Examples
        --------
        >>> len(list(nn.ParameterDict({"a": fastnn.ones(1)}).values()))
        1
        """
        return (self[key] for key in self._keys)

    def items(self):
        """Names and parameters.

        Examples
        --------
        >>> [(name, tuple(value.shape)) for name, value in nn.ParameterDict({"a": fastnn.ones(1)}).items()]
        [('a', (1,))]
        """
        return ((key, self[key]) for key in self._keys)

    def copy(self):
        """Another dictionary of the same parameters.

        Examples
        --------
        >>> weights = nn.ParameterDict({"a": fastnn.ones(1)})
        >>> weights.copy()["a"] is weights["a"]
        True
        """
        return ParameterDict(self)

    def get(self, key, default=None):
        """The parameter of a name, or a default where there is none.

        Parameters
        ----------
        key : str
        default : Any

        Examples
        --------
        >>> nn.ParameterDict().get("a") is None
        True
        """
        return self[key] if key in self else default

    def setdefault(self, key, default=None):
        """The parameter of a name; the default is added where there is none.

        Parameters
        ----------
        key : str
        default : Any

        Examples
        --------
        >>> nn.ParameterDict().setdefault("a", fastnn.ones(1)).detach()
        tensor([1.])
        """
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys, default=None):
        """Another dictionary with one value for all names.

        Parameters
        ----------
        keys : iterable of str
        default : Any

        Examples
        --------
        >>> list(nn.ParameterDict().fromkeys(["a", "b"], 1.0))
        ['a', 'b']
        """
        return ParameterDict((key, default) for key in keys)

    def clear(self):
        """Remove all parameters.

        Examples
        --------
        >>> weights = nn.ParameterDict({"a": fastnn.ones(1)})
        >>> weights.clear()
        >>> len(weights)
        0
        """
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        """Remove a parameter and return it.

        Parameters
        ----------
        key : str

        Examples
        --------
        >>> nn.ParameterDict({"a": fastnn.ones(1)}).pop("a").detach()
        tensor([1.])
        """
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        """Remove the last parameter and return (name, parameter).

        Examples
        --------
        >>> nn.ParameterDict({"a": fastnn.ones(1)}).popitem()[0]
        'a'
        """
        if not self._keys:
            raise KeyError("popitem(): the ParameterDict is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def update(self, parameters):
        """Add the pairs of a mapping (a plain dict's in the order of its keys) or of an iterable.

        Parameters
        ----------
        parameters : mapping, or iterable of (str, value)

        Raises
        ------
        TypeError, ValueError
            It has something else than pairs.

        Examples
        --------
        >>> weights = nn.ParameterDict()
        >>> weights.update({"b": fastnn.ones(1), "a": fastnn.ones(1)})
        >>> list(weights)
        ['a', 'b']
        """
        if not isinstance(parameters, (Iterable, ParameterDict)):
            raise TypeError(f"ParametersDict.update should be called with an iterable of key/value pairs, but got "
                            f"{type(parameters).__name__}")
        if isinstance(parameters, Mapping) and not hasattr(parameters, "move_to_end"):  # not an OrderedDict
            parameters = sorted(parameters.items())
        elif hasattr(parameters, "items"):
            parameters = parameters.items()
        for i, pair in enumerate(parameters):
            if not isinstance(pair, Iterable):
                raise TypeError(f"ParameterDict update sequence element #{i} should be Iterable; is "
                                f"{type(pair).__name__}")
            pair = tuple(pair)
            if len(pair) != 2:
                raise ValueError(f"ParameterDict update sequence element #{i} has length {len(pair)}; 2 is required")
            self[pair[0]] = pair[1]

    def __or__(self, other):
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other):
        result = ParameterDict(other)
        result.update(self)
        return result

    def __ior__(self, other):
        self.update(other)
        return self

    def __call__(self, input):
        raise RuntimeError("ParameterDict should not be called.")

    def extra_repr(self):
        return "\n".join(_line(key, value, False) for key, value in self.items())
