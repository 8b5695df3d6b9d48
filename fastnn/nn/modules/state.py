"""What a module saves and loads: ``state_dict`` and ``load_state_dict`` with their hooks."""
import itertools
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Mapping

from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.nn.parameter import Parameter, is_lazy

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` returns: missing and unexpected keys."""

    def __repr__(self):
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


class _WithoutModule:
    """A hook that does not take the module; it is pickled with a module whose hook it is."""

    def __init__(self, hook):
        self.hook = hook

    def __call__(self, module, *args):
        return self.hook(*args)


class State:
    """The part of Module that saves it as a dictionary of tensors and restores it."""

    _version = 1  # of what a subclass puts into its state_dict
    dump_patches = False

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        """All parameters and persistent buffers by dotted name, detached, with shared memory.

        Parameters
        ----------
        destination : dict, optional
            Where they are put; default a new OrderedDict.
        prefix : str
            Put before each name.
        keep_vars : bool
            Whether tensors stay attached to the graph.

        Returns
        -------
        dict

        Examples
        --------
        >>> {name: tuple(value.shape) for name, value in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        if args:
            warnings.warn("Positional args are being deprecated, use kwargs instead. Refer to "
                          "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for "
                          "details.", FutureWarning, stacklevel=2)
            destination, prefix, keep_vars = (*args, *(destination, prefix, keep_vars)[len(args):])
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_hooks("state_dict_pre"):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
        for hook in self._state_hooks("state_dict"):
            if hook(self, destination, prefix, metadata) is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return destination

    def _state_hooks(self, kind):
        return list(self._hooks.tables[kind].values()) if self._hooks is not None else ()

    def _own_state(self):
        return [(name, value) for name, value in itertools.chain(self._parameters.items(), self._buffers.items())
                if value is not None and name not in self._non_persistent_buffers_set]

    def _has_extra_state(self):
        return type(self).get_extra_state is not State.get_extra_state

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        for name, value in self._own_state():
            destination[prefix + name] = value if keep_vars else value.detach()
        if self._has_extra_state():
            destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def get_extra_state(self):
        """State of a subclass besides tensors, for ``state_dict``; the subclass defines this and `set_extra_state`.

        Examples
        --------
        >>> class Counter(nn.Module):
        ...     count = 3
        ...
        ...     def get_extra_state(self):
        ...         return self.count
        ...
        ...     def set_extra_state(self, state):
        ...         self.count = state
        >>> dict(Counter().state_dict())
        {'_extra_state': 3}
        """
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state):
        """Restore what `get_extra_state` returned.

        Parameters
        ----------
        state : Any

        Examples
        --------
        >>> class Counter(nn.Module):
        ...     count = 3
        ...
        ...     def get_extra_state(self):
        ...         return self.count
        ...
        ...     def set_extra_state(self, state):
        ...         self.count = state
        >>> counter = Counter()
        >>> counter.load_state_dict({"_extra_state": 7})
        <All keys matched successfully>
        >>> counter.count
        7
        """
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    @no_grad
    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copy tensors by name into parameters and buffers.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
        strict : bool
            Whether the keys must match exactly; default True.
        assign : bool
            Whether the tensors themselves are taken instead of copied; default False.

        Returns
        -------
        IncompatibleKeys
            (missing_keys, unexpected_keys).

        Raises
        ------
        RuntimeError
            Shapes differ, or with `strict` keys.
        TypeError
            `state_dict` is no mapping.

        Examples
        --------
        >>> layer = nn.Linear(2, 1)
        >>> layer.load_state_dict({"weight": fastnn.ones(1, 2), "bias": fastnn.zeros(1)})
        <All keys matched successfully>
        >>> layer(fastnn.ones(2)).item()
        2.0
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing, unexpected, errors = [], [], []
        versions = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)  # hooks may change it

        def load(module, prefix):
            metadata = {} if versions is None else versions.get(prefix[:-1], {})
            if assign:
                metadata["assign_to_params_buffers"] = True
            part = {key: value for key, value in state_dict.items() if key.startswith(prefix)} if prefix else state_dict
            module._load_from_state_dict(part, prefix, metadata, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    load(child, prefix + name + ".")
            keys = _IncompatibleKeys(missing, unexpected)
            for hook in module._state_hooks("load_post"):
                if hook(module, keys) is not None:
                    raise RuntimeError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                                       "to return new values; change the lists of keys in place.")

        load(self, "")
        if strict:
            for kind, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    errors.insert(0, f"{kind} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". ")
        if errors:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors))
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                              error_msgs):
        """Copy what belongs to this module and not to those below; subclasses may extend it, as in PyTorch."""
        for hook in self._state_hooks("load_pre"):
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = dict(self._own_state())
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                self._load_one(name, value, key, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        extra = prefix + _EXTRA_STATE_KEY_SUFFIX
        if self._has_extra_state() and extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif self._has_extra_state() and strict:
            missing_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and (key != extra or not self._has_extra_state()):
                    first, *rest = key[len(prefix):].split(".", 1)
                    if first not in (self._modules if rest else own):
                        unexpected_keys.append(key)

    def _load_one(self, name, value, key, given, assign, error_msgs):
        if not isinstance(given, Tensor):
            error_msgs.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                              f"from checkpoint but received {type(given)}")
            return
        if is_lazy(value) and is_lazy(given):
            return
        if value.ndim == 0 and given.ndim == 1 and given.shape[0] == 1:
            given = given[0]
        if given.shape != value.shape:
            error_msgs.append(f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, the "
                              f"shape in current model is {value.shape}.")
        elif assign:
            if isinstance(value, Parameter) and not isinstance(given, Parameter):
                given = Parameter(given, requires_grad=value.requires_grad)
            elif isinstance(value, Parameter):
                given.requires_grad_(value.requires_grad)
            setattr(self, name, given)
        else:
            value.copy_(given)

    def register_state_dict_pre_hook(self, hook):
        """Call a hook before the module's part of a ``state_dict`` is collected.

        Parameters
        ----------
        hook : callable
            ``hook(module, prefix, keep_vars)``.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_state_dict_pre_hook(lambda module, prefix, keep_vars: print("saved"))
        >>> _ = layer.state_dict()
        saved
        """
        return self._hook_table("state_dict_pre").add(hook)

    def register_state_dict_post_hook(self, hook):
        """Call a hook after the state of the module and those below was collected.

        Parameters
        ----------
        hook : callable
            ``hook(module, state_dict, prefix, local_metadata)``; returns None.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_state_dict_post_hook(lambda module, state, *args: state.update(version=2))
        >>> dict(layer.state_dict())
        {'version': 2}
        """
        return self._hook_table("state_dict").add(hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook):
        """Call a hook before tensors are copied; it may change the (shallow copy of the) dictionary.

        Parameters
        ----------
        hook : callable
            ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> def rename(module, state_dict, *args):
        ...     state_dict["weight"] = state_dict.pop("w")
        >>> handle = layer.register_load_state_dict_pre_hook(rename)
        >>> layer.load_state_dict({"w": fastnn.ones(1, 1)})
        <All keys matched successfully>
        """
        return self._hook_table("load_pre").add(hook)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        return self._hook_table("load_pre").add(hook if with_module else _WithoutModule(hook))

    def register_load_state_dict_post_hook(self, hook):
        """Call a hook after tensors were copied; it may change the lists of keys.

        Parameters
        ----------
        hook : callable
            ``hook(module, incompatible_keys)``.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> layer = nn.ReLU()
        >>> handle = layer.register_load_state_dict_post_hook(lambda module, keys: keys.unexpected_keys.clear())
        >>> layer.load_state_dict({"unknown": fastnn.ones(1)})
        <All keys matched successfully>
        """
        return self._hook_table("load_post").add(hook)
