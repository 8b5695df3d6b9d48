"""Modules that hold modules."""
import operator
from collections import OrderedDict
from itertools import islice

from fastnn.nn.modules import hooks
from fastnn.nn.modules.activation import Activation, Sigmoid
from fastnn.nn.modules.conv import Conv1d, Conv2d
from fastnn.nn.modules.linear import Linear
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.pooling import MaxPool1d, MaxPool2d
from fastnn.ops.linear import fused_linear

_ACTIVATIONS = {Activation.__module__, Sigmoid.__module__}  # of the activations that may be fused; not of users' own


def _plain(module):
    """Whether no hook and no replaced forward can observe or change its input and output."""
    return module._hooks is None and not hooks.global_hooks and "forward" not in module.__dict__


class Sequential(Module):
    """Modules called one after the other: y = f_n(... f_2(f_1(x))).

    Same as torch.nn.Sequential. A `Linear` followed by an activation, or a convolution followed by `ReLU`, runs as one
    fused kernel if neither has hooks; results agree within rounding. Between a convolution and max pooling `ReLU` is
    applied after the pooling, to fewer elements and with the same result.

    Parameters
    ----------
    args : Modules, or one OrderedDict of names and modules

    Raises
    ------
    TypeError
        An argument is no Module.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> model(fastnn.zeros(5, 4)).shape
    torch.Size([5, 2])
    >>> model[0], len(model), model[:2]
    (Linear(in_features=4, out_features=3, bias=True), 3, Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    ))
    """

    def __init__(self, *args):
        super().__init__()
        self.__dict__["_plan"], self.__dict__["_planned"] = None, -1
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for index, module in enumerate(args):
                self.add_module(str(index), module)

    def _make_plan(self):
        """Steps (module, None), or (module, (map, a, b)) with the activation behind it."""
        plan, modules = [], list(self._modules.values())
        while modules:
            module, following, next_but_one = (*modules[:3], None, None)[:3]
            fused = None
            if (type(module) in (Linear, Conv1d, Conv2d) and isinstance(following, Activation)
                    and type(following).__module__ in _ACTIVATIONS and _plain(module) and _plain(following)):
                fused = following.fused()
                if fused and type(module) is not Linear and fused[0] != "relu":
                    fused = None
            if (fused and type(module) is not Linear and type(next_but_one) in (MaxPool1d, MaxPool2d)
                    and _plain(next_but_one) and next_but_one.commutes()):
                plan += [(module, None), (next_but_one, None), (following, None)]
                modules = modules[3:]
                continue
            plan.append((module, fused))
            modules = modules[2:] if fused else modules[1:]
        self.__dict__["_plan"], self.__dict__["_planned"] = plan, hooks.structure
        return plan

    def forward(self, input):
        plan = self._plan if self._planned == hooks.structure else self._make_plan()
        for module, fused in plan:
            if fused is None:
                input = module(input)
            elif type(module) is Linear:
                input = fused_linear(input, module.weight, module.bias, *fused)
            else:
                input = module.with_relu(input)
        return input

    def __getstate__(self):
        state = super().__getstate__()
        del state["_plan"], state["_planned"]
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        self.__dict__["_plan"], self.__dict__["_planned"] = None, -1

    def _name_at(self, index):
        size = len(self)
        index = operator.index(index)
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of range")
        return next(islice(self._modules, index % size, None))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name_at(index)]

    def __setitem__(self, index, module):
        self._modules[self._name_at(index)] = module

    def __delitem__(self, index):
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name_at(index)]
        for name in names:
            del self._modules[name]
        self._renumber()

    def _renumber(self):
        """Renumber the modules, as PyTorch does after every change."""
        modules = list(self._modules.values())
        self._modules.clear()
        for i, module in enumerate(modules):
            self._modules[str(i)] = module

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __add__(self, other):
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return Sequential(*self, *other)

    def __iadd__(self, other):
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return self.extend(list(other))

    def __mul__(self, times):
        return Sequential(*list(self) * self._times(times))

    __rmul__ = __mul__

    def __imul__(self, times):
        return self.extend(list(self) * (self._times(times) - 1))

    @staticmethod
    def _times(times):
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {Sequential} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {Sequential}")
        return times

    def append(self, module):
        """Append a module; returns the container.

        Parameters
        ----------
        module : Module

        Examples
        --------
        >>> nn.Sequential(nn.ReLU()).append(nn.Tanh())
        Sequential(
          (0): ReLU()
          (1): Tanh()
        )
        """
        self.add_module(str(len(self)), module)
        return self

    def extend(self, sequential):
        """Append several modules; returns the container.

        Parameters
        ----------
        sequential : iterable of Module

        Examples
        --------
        >>> len(nn.Sequential(nn.ReLU()).extend([nn.Tanh(), nn.ReLU()]))
        3
        """
        for module in sequential:
            self.append(module)
        return self

    def insert(self, index, module):
        """Insert a module before a position; returns the container.

        Parameters
        ----------
        index : int
        module : Module

        Raises
        ------
        IndexError
            `index` is out of range.

        Examples
        --------
        >>> nn.Sequential(nn.ReLU()).insert(0, nn.Tanh())[0]
        Tanh()
        """
        size = len(self)
        if not -size <= index <= size:
            raise IndexError(f"Index out of range: {index}")
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._modules.clear()
        for i, item in enumerate(modules):
            self._modules[str(i)] = item
        return self

    def pop(self, key):
        """Remove a module and return it.

        Parameters
        ----------
        key : int

        Examples
        --------
        >>> nn.Sequential(nn.ReLU(), nn.Tanh()).pop(0)
        ReLU()
        """
        module = self[key]
        del self[key]
        return module


class ModuleList(Module):
    """A list of modules that are registered under their positions.

    Same as torch.nn.ModuleList.

    Parameters
    ----------
    modules : iterable of Module, optional

    Examples
    --------
    >>> layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    >>> layers
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    >>> [name for name, _ in layers.named_parameters()][:2]
    ['0.weight', '0.bias']
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    _name_at = Sequential._name_at
    _renumber = Sequential._renumber
    __setitem__ = Sequential.__setitem__
    __delitem__ = Sequential.__delitem__
    __len__ = Sequential.__len__
    __iter__ = Sequential.__iter__
    append = Sequential.append
    insert = Sequential.insert
    pop = Sequential.pop

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[self._name_at(index)]

    def extend(self, modules):
        """Append several modules; returns the list.

        Parameters
        ----------
        modules : iterable of Module

        Examples
        --------
        >>> len(nn.ModuleList([nn.ReLU()]).extend([nn.Tanh(), nn.ReLU()]))
        3
        """
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        return ModuleList([*self, *other])

    def __repr__(self):
        """Runs of equal modules in one line, as ``(0-2): 3 x Linear(...)``."""
        texts = [repr(module) for module in self]
        if not texts:
            return self._get_name() + "()"
        lines, start = [], 0
        for i, text in enumerate(texts):
            if i + 1 < len(texts) and texts[i + 1] == text:
                continue
            name = f"({start})" if start == i else f"({start}-{i})"
            lines.append(f"{name}: {'' if start == i else f'{i - start + 1} x '}{text}".replace("\n", "\n  "))
            start = i + 1
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"

    def forward(self, *input):
        raise NotImplementedError('Module [ModuleList] is missing the required "forward" function')


class ModuleDict(Module):
    """A dictionary of modules that are registered under their keys.

    Same as torch.nn.ModuleDict.

    Parameters
    ----------
    modules : mapping, or iterable of (str, Module), optional

    Examples
    --------
    >>> heads = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.Identity()})
    >>> list(heads), heads["b"]
    (['a', 'b'], Identity())
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key):
        return self._modules[key]

    def __setitem__(self, key, module):
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def clear(self):
        """Remove all modules.

        Examples
        --------
        >>> modules = nn.ModuleDict({"a": nn.ReLU()})
        >>> modules.clear()
        >>> len(modules)
        0
        """
        self._modules.clear()

    def pop(self, key):
        """Remove a module and return it.

        Parameters
        ----------
        key : str

        Examples
        --------
        >>> nn.ModuleDict({"a": nn.ReLU()}).pop("a")
        ReLU()
        """
        return self._modules.pop(key)

    def keys(self):
        """The names.

        Examples
        --------
        >>> list(nn.ModuleDict({"a": nn.ReLU()}).keys())
        ['a']
        """
        return self._modules.keys()

    def values(self):
        """The modules.

        Examples
        --------
        >>> list(nn.ModuleDict({"a": nn.ReLU()}).values())
        [ReLU()]
        """
        return self._modules.values()

    def items(self):
        """Names and modules.

        Examples
        --------
        >>> list(nn.ModuleDict({"a": nn.ReLU()}).items())
        [('a', ReLU())]
        """
        return self._modules.items()

    def update(self, modules):
        """Add the pairs of a mapping or iterable.

        Parameters
        ----------
        modules : mapping, or iterable of (str, Module)

        Examples
        --------
        >>> modules = nn.ModuleDict()
        >>> modules.update({"a": nn.ReLU()})
        >>> list(modules)
        ['a']
        """
        for name, module in modules.items() if hasattr(modules, "items") else modules:
            self[name] = module
