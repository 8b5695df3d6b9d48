"""Module: the base of all layers and models."""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.nn.modules import hooks as _hooks
from fastnn.nn.modules.state import State
from fastnn.nn.parameter import Buffer, Parameter, is_lazy
from fastnn.ops.creation import empty_like


class _Registry(dict):
    """Named parameters, buffers or modules of one Module, which are also its plain attributes.

    Writing through to the instance's own dict makes ``self.weight`` an ordinary, fast attribute access; PyTorch
    pays a failed look-up and a Python call for each. What the class has under that name (a method ``parameters``) comes
    first, as there.
    """

    __slots__ = ("attributes", "kind")

    def __init__(self, attributes, kind):
        self.attributes, self.kind = attributes, kind

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        if not hasattr(self.kind, name):
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


def _member(module, name):
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def _hook_property(kind):
    return property(lambda self: self._hook_table(kind), doc=f"The hooks of kind {kind!r} by number, in calling order.")


class Module(State):
    """Base class of all layers and models, with PyTorch's protocol.

    Subclasses call ``super().__init__()``, assign parameters, buffers and other modules as attributes, and define
    ``forward``. Calling the module runs ``forward`` between its hooks.
    """

    training: bool

    def __init__(self, *args, **kwargs):
        attributes = self.__dict__
        attributes["training"] = True
        for name in _REGISTRIES:
            attributes[name] = _Registry(attributes, type(self))
        attributes["_non_persistent_buffers_set"] = set()
        attributes["_hooks"] = None  # a hooks.Hooks once there are any

    def forward(self, *input):
        """The computation; subclasses define it."""
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
        """Add a parameter (or None) under a name."""
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
                            f"(torch.nn.Parameter or None required)")
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                             f"explicitly.")
        self._parameters[name] = param

    def register_buffer(self, name, tensor, persistent=True):
        """Add a tensor that is state but not trained; only persistent ones go into ``state_dict``."""
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
        """Add a child module (or None) under a name."""
        self._check_name("module", name, "_modules")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
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

    def get_submodule(self, target):
        """The descendant with a dotted name."""
        module = self
        for name in target.split(".") if target else ():
            found = _member(module, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def set_submodule(self, target, module, strict=False):
        """Put a module in the place of a dotted name; with `strict` there must be one already."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if (strict or hasattr(parent, name)) and not isinstance(_member(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target):
        """The parameter with a dotted name."""
        path, _, name = target.rpartition(".")
        found = _member(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target):
        """The buffer with a dotted name."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        _member(module, name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return module._buffers[name]

    # -- walking --
    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below, each once, with dotted names."""
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
        """This module and all below, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self):
        """The modules directly below, each once, with names."""
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self):
        """The modules directly below, each once."""
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
        """Parameters with dotted names, each once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """Parameters, each once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Buffers with dotted names, each once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """Buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def apply(self, fn):
        """Call ``fn(module)`` for every module below and then this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- modes, casts, gradients --
    def train(self, mode=True):
        """Training mode (or evaluation mode) for this module and all below."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Whether the parameters' gradients are computed."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget (or zero) the parameters' gradients."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach()
                parameter.grad.zero_()

    @no_grad
    def _apply(self, fn, recurse=True):
        """Replace every parameter's and buffer's memory by ``fn`` of it."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                gradient, parameter.grad = parameter.grad, None
                parameter.data = fn(parameter.data)
                if gradient is not None:
                    parameter.grad = fn(gradient)
        for name, buffer in self._buffers.items():
            if is_lazy(buffer):
                buffer.data = fn(buffer.data)
            elif buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Cast floating-point parameters and buffers; devices other than the CPU raise."""
        dtype = kwargs.pop("dtype", None)
        for arg in args:
            if isinstance(arg, dtypes.dtype):
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.dtype
            elif arg is not None and not isinstance(arg, bool):
                dtypes.need_cpu(arg)
        dtypes.need_cpu(kwargs.get("device"))
        if dtype is None:
            return self
        if not dtype.is_floating_point:
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self):
        """Cast to float32."""
        return self.to(dtypes.float32)

    def double(self):
        """Cast to float64."""
        return self.to(dtypes.float64)

    def type(self, dst_type):
        """Cast to a dtype."""
        return self.to(dst_type)

    def cpu(self):
        """The module itself: everything lives on the CPU."""
        return self

    def cuda(self, device=None):
        """Always an error: there is no CUDA here."""
        raise RuntimeError("Module.cuda: fastnn computes on the CPU alone")

    def half(self):
        """Always an error: kernels compute in float32 and float64."""
        raise NotImplementedError("Module.half: fastnn computes in float32 and float64")

    bfloat16 = half

    def to_empty(self, *, device, recurse=True):
        """Parameters and buffers without values."""
        dtypes.need_cpu(device)
        return self._apply(lambda t: empty_like(t).detach(), recurse)

    def share_memory(self):
        """The module itself; memory is not shared with other processes."""
        return self

    def compile(self, *args, **kwargs):
        """Nothing to do: kernels are compiled already."""

    # -- hooks --
    def _hook_table(self, kind):
        if self._hooks is None:
            self._hooks = _hooks.Hooks()
            _hooks.structure_changed()
        return self._hooks.tables[kind]

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args)`` before forward; what it returns, if anything, replaces the arguments."""
        return self._hook_table("forward_pre").add(hook, prepend, with_kwargs=with_kwargs)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call ``hook(module, args, output)`` after forward; what it returns, if anything, replaces the output.

        With `always_call` also when an exception is on its way.
        """
        return self._hook_table("forward").add(hook, prepend, with_kwargs=with_kwargs, always_call=always_call)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the module's inputs are known."""
        return self._hook_table("backward").add(hook, prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_output)`` before the module's backward."""
        return self._hook_table("backward_pre").add(hook, prepend)

    def register_backward_hook(self, hook):
        """PyTorch's deprecated form."""
        raise NotImplementedError("register_backward_hook: use register_full_backward_hook")

    _forward_pre_hooks, _forward_hooks = _hook_property("forward_pre"), _hook_property("forward")
    _backward_pre_hooks, _backward_hooks = _hook_property("backward_pre"), _hook_property("backward")
    _state_dict_pre_hooks, _state_dict_hooks = _hook_property("state_dict_pre"), _hook_property("state_dict")
    _load_state_dict_pre_hooks = _hook_property("load_pre")
    _load_state_dict_post_hooks = _hook_property("load_post")

    # -- printing --
    def extra_repr(self):
        """What stands between the parentheses of a layer's ``repr``."""
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
    """A module whose attributes decide how Sequential runs it: changing one makes plans stale."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        _hooks.structure_changed()


def register_module_forward_pre_hook(hook):
    """`Module.register_forward_pre_hook` for all modules."""
    return _hooks.register_global("forward_pre", hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """`Module.register_forward_hook` for all modules."""
    return _hooks.register_global("forward", hook, with_kwargs=with_kwargs, always_call=always_call)


def register_module_full_backward_hook(hook):
    """`Module.register_full_backward_hook` for all modules."""
    return _hooks.register_global("backward", hook)


def register_module_full_backward_pre_hook(hook):
    """`Module.register_full_backward_pre_hook` for all modules."""
    return _hooks.register_global("backward_pre", hook)
