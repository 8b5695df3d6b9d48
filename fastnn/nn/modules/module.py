"""Module: the base of all layers and models."""
import types

from fastnn._tensor import Tensor
from fastnn.errors import type_name
from fastnn.nn.modules import hooks as _hooks
from fastnn.nn.modules.hooks import (register_module_backward_hook, register_module_forward_hook,
                                     register_module_forward_pre_hook,
                                     register_module_full_backward_hook, register_module_full_backward_pre_hook)
from fastnn.nn.modules.modes import Modes
from fastnn.nn.modules.state import _EXTRA_STATE_KEY_SUFFIX, _IncompatibleKeys  # noqa: F401 (PyTorch's place)
from fastnn.nn.modules.tree import Tree
from fastnn.nn.parameter import Buffer, Parameter

_global_parameter_registration_hooks = {}  # which libraries go through: nothing enters any

__all__ = ["Module", "register_module_backward_hook", "register_module_forward_hook",
           "register_module_forward_pre_hook", "register_module_full_backward_hook",
           "register_module_full_backward_pre_hook"]


class _Registry(dict):
    """Named parameters, buffers or modules of one Module, which are also its plain attributes.

    Writing through to the instance's own dict makes ``self.weight`` an ordinary, fast attribute access; PyTorch
    pays a failed look-up and a Python call for each. What the class has under that name (a method ``parameters``) comes
    first, as there; and a class with a ``__getattr__`` of its own is asked each time.
    """

    __slots__ = ("asked", "attributes", "kind")

    def __new__(cls, attributes=(), kind=None):
        """A plain dictionary for libraries that make one of the class of another: ``type(d)(items)``."""
        return dict(attributes) if kind is None else super().__new__(cls)

    def __init__(self, attributes, kind):
        self.attributes, self.kind, self.asked = attributes, kind, kind.__getattr__ is not Module.__getattr__

    def __reduce_ex__(self, protocol):
        return dict, (dict(self),)  # without the module, whose own copies and pickles make new ones

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        if self.asked or hasattr(self.kind, name):
            self.attributes.pop(name, None)
        else:
            self.attributes[name] = value
        _hooks.structure_changed()

    def __delitem__(self, name):
        super().__delitem__(name)
        self.attributes.pop(name, None)
        _hooks.structure_changed()

    def pop(self, name, *default):
        if name in self:
            value = self[name]
            del self[name]
            return value
        return super().pop(name, *default)

    def clear(self):
        for name in list(self):
            del self[name]

    def update(self, *args, **kwargs):
        for name, value in dict(*args, **kwargs).items():
            self[name] = value


_REGISTRIES = ("_parameters", "_buffers", "_modules")


def _hook_property(kind):
    return property(lambda self: self._hook_table(kind), doc=f"The hooks of kind {kind!r} by number, in calling order.")


class Module(Tree, Modes):
    """Base class of all layers and models, with PyTorch's protocol.

    Subclasses call ``super().__init__()``, assign parameters, buffers and other modules as attributes, and define
    ``forward``. Calling the module runs its forward pre-hooks, ``forward`` and its forward hooks. Same as
    torch.nn.Module.

    Parameters
    ----------
    args, kwargs
        Accepted, without effect.

    Attributes
    ----------
    training : bool
        Whether layers such as dropout behave as in training; `train` and `eval` set it.

    Examples
    --------
    >>> class Scale(nn.Module):
    ...     def __init__(self, size):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(fastnn.full((size,), 2.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale(3)
    >>> model(fastnn.ones(3)).tolist()
    [2.0, 2.0, 2.0]
    >>> [(name, p.shape) for name, p in model.named_parameters()]
    [('factor', torch.Size([3]))]
    >>> list(model.state_dict())
    ['factor']
    """

    training: bool

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        init = cls.__init__
        if cls.__module__.startswith("fastnn.nn.") and cls.__name__[0] != "_" and init.__qualname__[0] == "_":
            own = types.FunctionType(init.__code__, init.__globals__, "__init__", init.__defaults__, init.__closure__)
            own.__kwdefaults__, own.__doc__ = init.__kwdefaults__, init.__doc__
            own.__qualname__ = f"{cls.__name__}.__init__"  # which Python's errors say, not a base's
            cls.__init__ = own

    def __init__(self, *args, **kwargs):
        attributes = self.__dict__
        attributes["training"] = True
        for name in _REGISTRIES:
            attributes[name] = _Registry(attributes, type(self))
        attributes["_non_persistent_buffers_set"] = set()
        attributes["_hooks"] = None  # a hooks.Hooks once there are any

    def forward(self, *input):
        """The computation; subclasses define it.

        Parameters
        ----------
        *input : Any

        Examples
        --------
        >>> nn.Identity().forward(3)
        3
        """
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args, **kwargs):
        if self._hooks is None and not _hooks.global_hooks:
            return self.forward(*args, **kwargs)
        return _hooks.call(self, args, kwargs)

    # -- attributes --
    def __setattr__(self, name, value):
        attributes = self.__dict__
        if isinstance(value, Parameter):
            self._check_initialised(name)
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._check_initialised(name)
            self._forget(name, "_modules")
            attributes["_modules"][name] = value
        elif isinstance(value, Buffer):
            self._check_initialised(name)
            self._forget(name, "_buffers")
            self.register_buffer(name, value, value.persistent)
        elif "_parameters" in attributes and name in attributes["_parameters"]:
            if value is not None:
                raise TypeError(f"cannot assign '{type(value).__name__}' as parameter '{name}' "
                                f"(torch.nn.Parameter or None expected)")
            attributes["_parameters"][name] = None
        elif "_modules" in attributes and name in attributes["_modules"]:
            if value is not None:
                raise TypeError(f"cannot assign '{type(value).__name__}' as child module '{name}' "
                                f"(torch.nn.Module or None expected)")
            attributes["_modules"][name] = None
        elif "_buffers" in attributes and name in attributes["_buffers"]:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"cannot assign '{type(value).__name__}' as buffer '{name}' "
                                f"(torch.nn.Buffer, torch.Tensor or None expected)")
            attributes["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)
            if name == "__class__":
                Module.__setstate__(self, Module.__getstate__(self))  # attributes are the new class's

    def _check_initialised(self, name):
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {name!r} before Module.__init__() call")

    def _forget(self, name, keep=None):
        for registry in _REGISTRIES:
            if registry != keep and name in self.__dict__[registry]:
                del self.__dict__[registry][name]
        if keep and name not in self.__dict__[keep]:
            self.__dict__.pop(name, None)

    def __delattr__(self, name):
        for registry in _REGISTRIES:
            if name in self.__dict__.get(registry, ()):
                del self.__dict__[registry][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __getattr__(self, name):
        for registry in _REGISTRIES:  # for subclasses whose own __getattr__ asks this one
            if name in self.__dict__.get(registry, ()):
                return self.__dict__[registry][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __getstate__(self):
        state = {name: value for name, value in self.__dict__.items()
                 if name not in _REGISTRIES and not any(name in self.__dict__[r] for r in _REGISTRIES)}
        return state | {name: dict(self.__dict__[name]) for name in _REGISTRIES}

    def __setstate__(self, state):
        attributes = self.__dict__
        attributes["_hooks"] = None  # which a state from PyTorch lacks
        attributes.update({name: value for name, value in state.items() if name not in _REGISTRIES})
        for name in _REGISTRIES:
            attributes[name] = _Registry(attributes, type(self))
            attributes[name].update(state[name])

    def register_parameter(self, name, param):
        """Register a parameter (or None) under a name; the same as assigning it as an attribute.

        Parameters
        ----------
        name : str
        param : Parameter or None

        Raises
        ------
        KeyError
            The name is empty, has a dot, or is that of another attribute.
        TypeError
            `param` is no Parameter.

        Examples
        --------
        >>> module = nn.Module()
        >>> module.register_parameter("weight", nn.Parameter(fastnn.ones(2)))
        >>> module.weight.detach()
        tensor([1., 1.])
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
                            f"(torch.nn.Parameter or None required)")
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                             f"explicitly.")
        self._parameters[name] = param

    def register_buffer(self, name, tensor, persistent=True):
        """Register a tensor (or None) that is state but not trained.

        Parameters
        ----------
        name : str
        tensor : Tensor or None
        persistent : bool
            Whether it is part of ``state_dict``; default True.

        Raises
        ------
        KeyError
            The name is empty, has a dot, or is that of another attribute.
        TypeError
            `tensor` is no Tensor.

        Examples
        --------
        >>> module = nn.Module()
        >>> module.register_buffer("mean", fastnn.zeros(2))
        >>> list(module.state_dict())
        ['mean']
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' "
                            f"(torch Tensor or None required)")
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name, module):
        """Register a child module (or None) under a name; the same as assigning it as an attribute.

        Parameters
        ----------
        name : str
        module : Module or None

        Raises
        ------
        KeyError
            The name is empty, has a dot, or is that of another attribute.
        TypeError
            `module` is no Module.

        Examples
        --------
        >>> module = nn.Module()
        >>> module.add_module("activation", nn.ReLU())
        >>> module
        Module(
          (activation): ReLU()
        )
        """
        self._check_name("module", name, "_modules")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type_name(module)} is not a Module subclass")
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, kind, name, registry):
        self._check_initialised(name)
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[registry] and (name in self.__dict__ or hasattr(type(self), name)):
            raise KeyError(f"attribute '{name}' already exists")

    # -- hooks --
    def _hook_table(self, kind):
        if self._hooks is None:
            self._hooks = _hooks.Hooks()
            _hooks.structure_changed()
        return self._hooks.tables[kind]

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call a hook before forward; what it returns, unless None, replaces the arguments.

        Parameters
        ----------
        hook : callable
            ``hook(module, args)``, or ``hook(module, args, kwargs)`` with `with_kwargs`.
        prepend : bool
            Whether it is called before the other hooks.
        with_kwargs : bool

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
        >>> layer(fastnn.zeros(2))
        tensor([1., 1.])
        """
        return self._hook_table("forward_pre").add(hook, prepend, with_kwargs=with_kwargs)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call a hook after forward; what it returns, unless None, replaces the output.

        Parameters
        ----------
        hook : callable
            ``hook(module, args, output)``, or ``hook(module, args, kwargs, output)`` with `with_kwargs`.
        prepend : bool
            Whether it is called before the other hooks.
        with_kwargs : bool
        always_call : bool
            Whether it is called when forward raises an exception too.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_hook(lambda module, args, output: output + 1)
        >>> layer(fastnn.zeros(2))
        tensor([1., 1.])
        """
        return self._hook_table("forward").add(hook, prepend, with_kwargs=with_kwargs, always_call=always_call)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call a hook when the gradients of the module's inputs are known; what it returns, unless None, replaces them.

        Parameters
        ----------
        hook : callable
            ``hook(module, grad_input, grad_output)``, with tuples.
        prepend : bool
            Whether it is called before the other hooks.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
        >>> layer(fastnn.tensor([-1.0, 2.0], requires_grad=True)).sum().backward()
        (tensor([0., 1.]),)
        """
        if self._hook_table("backward_last"):
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. "
                               "Please use only one of them.")
        return self._hook_table("backward").add(hook, prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call a hook before the module's backward; what it returns, unless None, replaces the outputs' gradients.

        Parameters
        ----------
        hook : callable
            ``hook(module, grad_output)``, with a tuple.
        prepend : bool
            Whether it is called before the other hooks.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_full_backward_pre_hook(lambda module, grad_output: print(grad_output))
        >>> layer(fastnn.tensor([-1.0, 2.0], requires_grad=True)).sum().backward()
        (tensor([1., 1.]),)
        """
        return self._hook_table("backward_pre").add(hook, prepend)

    def register_backward_hook(self, hook):
        """PyTorch's deprecated form of `register_full_backward_hook`: it sees the last operation of forward alone.

        Parameters
        ----------
        hook : callable
            ``hook(module, grad_input, grad_output)``, with the gradients of that operation's inputs, in fastnn's order
            (of a linear layer: input, weight, bias); what it returns, unless None, replaces the first.

        Returns
        -------
        RemovableHandle

        Raises
        ------
        RuntimeError
            The module has full backward hooks.

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
        >>> layer(fastnn.tensor([-1.0, 2.0], requires_grad=True)).sum().backward()
        (tensor([0., 1.]),)
        """
        if self._hook_table("backward"):
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. "
                               "Please use only one of them.")
        return self._hook_table("backward_last").add(hook)

    _forward_pre_hooks, _forward_hooks = _hook_property("forward_pre"), _hook_property("forward")
    _backward_pre_hooks, _backward_hooks = _hook_property("backward_pre"), _hook_property("backward")
    _state_dict_pre_hooks, _state_dict_hooks = _hook_property("state_dict_pre"), _hook_property("state_dict")
    _load_state_dict_pre_hooks = _hook_property("load_pre")
    _load_state_dict_post_hooks = _hook_property("load_post")

    # -- printing --
    def extra_repr(self):
        """Text between the parentheses of the module's ``repr``; subclasses define it.

        Examples
        --------
        >>> nn.Dropout(0.25).extra_repr()
        'p=0.25, inplace=False'
        """
        return ""

    def _get_name(self):
        return type(self).__name__

    def __repr__(self):
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        body = lines + children
        if not body:
            return self._get_name() + "()"
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        return self._get_name() + "(\n  " + "\n  ".join(body) + "\n)"

    def __dir__(self):
        return sorted(set(dir(type(self))) | set(self.__dict__))


class Planned(Module):
    """A module whose attributes decide how `Sequential` runs it: changing one invalidates the plans."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        _hooks.structure_changed()
