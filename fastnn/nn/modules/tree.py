"""The tree of modules: finding modules, parameters and buffers by dotted names, and iterating over them."""
from fastnn.nn.parameter import Parameter


def _member(module, name):
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


class Tree:
    """The part of Module that finds what it and the modules below it have."""

    def get_submodule(self, target):
        """The descendant with a dotted name.

        Parameters
        ----------
        target : str

        Raises
        ------
        AttributeError
            There is none.

        Examples
        --------
        >>> nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh())).get_submodule("0.1")
        Tanh()
        """
        module = self
        for name in target.split(".") if target else ():
            found = _member(module, name)
            if not isinstance(found, Tree):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def set_submodule(self, target, module, strict=False):
        """Replace the descendant with a dotted name, or add it.

        Parameters
        ----------
        target : str
        module : Module
        strict : bool
            Whether there must be one already; default False.

        Raises
        ------
        AttributeError
            What has that name is no module, or with `strict` there is none.

        Examples
        --------
        >>> model = nn.Sequential(nn.ReLU())
        >>> model.set_submodule("0", nn.Tanh())
        >>> model[0]
        Tanh()
        """
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Tree):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if (strict or hasattr(parent, name)) and not isinstance(_member(parent, name), Tree):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target):
        """The parameter with a dotted name.

        Parameters
        ----------
        target : str

        Raises
        ------
        AttributeError
            There is none.

        Examples
        --------
        >>> nn.Sequential(nn.Linear(3, 2)).get_parameter("0.weight").shape
        torch.Size([2, 3])
        """
        path, _, name = target.rpartition(".")
        found = _member(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target):
        """The buffer with a dotted name.

        Parameters
        ----------
        target : str

        Raises
        ------
        AttributeError
            There is none.

        Examples
        --------
        >>> nn.Sequential(nn.BatchNorm1d(2)).get_buffer("0.running_mean")
        tensor([0., 0.])
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        _member(module, name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return module._buffers[name]

    # -- walking --
    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below it, each once, with dotted names.

        Parameters
        ----------
        memo : set, optional
            Modules to leave out.
        prefix : str
            Put before each name.
        remove_duplicate : bool

        Examples
        --------
        >>> [name for name, _ in nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, prefix + ("." if prefix else "") + name, remove_duplicate)

    def modules(self, remove_duplicate=True):
        """This module and all below it, each once.

        Parameters
        ----------
        remove_duplicate : bool

        Examples
        --------
        >>> [type(module).__name__ for module in nn.Sequential(nn.ReLU()).modules()]
        ['Sequential', 'ReLU']
        """
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self):
        """The modules directly below this one, each once, with names.

        Examples
        --------
        >>> list(nn.Sequential(nn.ReLU(), nn.Tanh()).named_children())
        [('0', ReLU()), ('1', Tanh())]
        """
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self):
        """The modules directly below this one, each once.

        Examples
        --------
        >>> list(nn.Sequential(nn.ReLU(), nn.Tanh()).children())
        [ReLU(), Tanh()]
        """
        for _, module in self.named_children():
            yield module

    def _named_members(self, registry, prefix, recurse, remove_duplicate):
        memo = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in module.__dict__[registry].items():
                if value is None or value in memo:
                    continue
                if remove_duplicate:
                    memo.add(value)
                yield path + ("." if path else "") + name, value

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Parameters of this module and those below, each once, with dotted names.

        Parameters
        ----------
        prefix : str
            Put before each name.
        recurse : bool
            False: those of this module alone.
        remove_duplicate : bool

        Examples
        --------
        >>> [name for name, _ in nn.Sequential(nn.Linear(3, 2)).named_parameters()]
        ['0.weight', '0.bias']
        """
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """Parameters of this module and those below, each once.

        Parameters
        ----------
        recurse : bool
            False: those of this module alone.

        Examples
        --------
        >>> sum(parameter.numel() for parameter in nn.Linear(3, 2).parameters())
        8
        """
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Buffers of this module and those below, each once, with dotted names.

        Parameters
        ----------
        prefix, recurse, remove_duplicate
            As in `named_parameters`.

        Examples
        --------
        >>> [name for name, _ in nn.BatchNorm1d(2).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """Buffers of this module and those below, each once.

        Parameters
        ----------
        recurse : bool
            False: those of this module alone.

        Examples
        --------
        >>> len(list(nn.BatchNorm1d(2).buffers()))
        3
        """
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def apply(self, fn):
        """Call a function for every module below, then for this one; returns this one.

        Parameters
        ----------
        fn : callable

        Examples
        --------
        >>> _ = nn.Sequential(nn.ReLU(), nn.Tanh()).apply(lambda module: print(type(module).__name__))
        ReLU
        Tanh
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self
