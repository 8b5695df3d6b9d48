"""The base class of optimizers: parameter groups, state, saving and loading."""
import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Iterable

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.autograd import enable_grad
from fastnn.errors import type_name
from fastnn.optim import _update
from fastnn.utils.hooks import register

ParamsT = _params_t = Iterable  # of parameters, (name, parameter) or groups, for annotations


class _Required:
    """Marks an option without default."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()


_HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "_optimizer_state_dict_pre_hooks",
          "_optimizer_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks",
          "_optimizer_load_state_dict_post_hooks")
_global_pre_hooks, _global_post_hooks = OrderedDict(), OrderedDict()


def register_optimizer_step_pre_hook(hook):
    """Call a hook before the step of every optimizer.

    Parameters
    ----------
    hook : callable
        ``hook(optimizer, args, kwargs)``; it may return new (args, kwargs).

    Returns
    -------
    RemovableHandle
        ``handle.remove()`` takes the hook away.

    Examples
    --------
    >>> say = lambda optimizer, args, kwargs: print(type(optimizer).__name__)
    >>> handle = fastnn.optim.optimizer.register_optimizer_step_pre_hook(say)
    >>> fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))]).step()
    SGD
    >>> handle.remove()
    """
    return register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call a hook after the step of every optimizer.

    Parameters
    ----------
    hook : callable
        ``hook(optimizer, args, kwargs)``.

    Returns
    -------
    RemovableHandle
        ``handle.remove()`` takes the hook away.

    Examples
    --------
    >>> say = lambda optimizer, args, kwargs: print(type(optimizer).__name__)
    >>> handle = fastnn.optim.optimizer.register_optimizer_step_post_hook(say)
    >>> fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))]).step()
    SGD
    >>> handle.remove()
    """
    return register(_global_post_hooks, hook)


def _with_hooks(step):
    """A `step` that calls the hooks, for every class that defines one."""
    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        own = self.__dict__  # of a wrapper, which may not have called __init__
        before, after = own.get("_optimizer_step_pre_hooks") or {}, own.get("_optimizer_step_post_hooks") or {}
        if not (before or after or _global_pre_hooks or _global_post_hooks):
            return step(self, *args, **kwargs)
        for hook in [*_global_pre_hooks.values(), *before.values()]:
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(f"{step.__qualname__}: a pre hook must return None or (args, kwargs), "
                                       f"got {changed}")
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        for hook in [*after.values(), *_global_post_hooks.values()]:
            hook(self, args, kwargs)
        return result
    hooked.hooked = True
    return hooked


def check_at_least_zero(**options):
    """Raise ValueError with PyTorch's messages for options that are negative or NaN."""
    for name, value in options.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {_SPOKEN.get(name, name + ' value')}: {value}")


_SPOKEN = {"lr": "learning rate", "eps": "epsilon value"}


def check_lr(lr):
    """A learning rate is a number, or a Tensor of one element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_at_least_zero(lr=lr)


def check_betas(betas):
    """Two decay rates from 0 to below 1."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_modes(foreach=None, fused=None, capturable=False, differentiable=False):
    """`foreach` and `fused` choose nothing here: every step is one kernel call."""
    if differentiable and fused:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError("optim: differentiable=True is not implemented in fastnn")
    if capturable:
        raise NotImplementedError("optim: capturable=True is for graphs on an accelerator, fastnn runs on the CPU")


class Optimizer:
    """Base class of optimizers.

    A subclass gives `defaults` to ``__init__`` and defines ``step``, or ``_update_group(group)``, which ``step`` calls
    for each group. Same as torch.optim.Optimizer.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What to optimize; dicts are parameter groups with a key "params" and options of their own.
    defaults : dict
        Options of groups that do not name them.

    Attributes
    ----------
    param_groups : list of dict
        Parameters and options; options may be changed between steps.
    state : dict
        What is kept for each parameter from step to step.

    Raises
    ------
    TypeError
        `params` is a tensor, or holds something else than tensors.
    ValueError
        There are no parameters, or one is in two groups.

    Examples
    --------
    >>> class Descent(fastnn.optim.Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     @fastnn.no_grad()
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.sub_(p.grad, alpha=group["lr"])
    >>> p = nn.Parameter(fastnn.ones(2))
    >>> (3 * p).sum().backward()
    >>> Descent([p], lr=1.0).step()
    >>> p.detach()
    tensor([-2., -2.])
    """

    _later_options = {}  # what groups saved by an older version may lack
    _without_sparse = ""  # what the error of a sparse gradient says besides

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls) and not getattr(cls.step, "hooked", False):
            cls.step = _with_hooks(cls.step)

    def __init__(self, params, defaults):
        self.defaults = defaults
        for name in _HOOKS:
            setattr(self, name, OrderedDict())
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            + params.type())
        self.state = defaultdict(dict)
        self.param_groups = []
        self._repeated = False
        self._plans = {}  # of fastnn.optim._update: what it gathered for the last step
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        for group in self.param_groups:
            for name, value in self._later_options.items():
                group.setdefault(name, value)
        self.__dict__.setdefault("_repeated", False)
        self._plans = {}

    def __repr__(self):
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- stepping ----

    def step(self, closure=None):
        """Update the parameters from their gradients; parameters without one are left alone.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew; what it returns is returned.

        Examples
        --------
        >>> p = nn.Parameter(fastnn.ones(1))
        >>> p.sum().backward()
        >>> fastnn.optim.SGD([p], lr=0.5).step()
        >>> p.detach()
        tensor([0.5000])
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        update = self._update_group
        for group in self.param_groups:
            apart = _update.apart(group["params"])
            if apart:
                for param in apart:
                    (self._update_half if param.dtype in dtypes.HALVES else self._update_sparse)(group, param)
                group = {**group, "params": [p for p in group["params"] if all(p is not q for q in apart)]}
            if self._repeated:
                for param in group["params"]:
                    update({**group, "params": [param]})
            else:
                update(group)
        return loss

    def _update_group(self, group):
        raise NotImplementedError(f"{type(self).__name__}: step is not implemented")

    def _update_sparse(self, group, param):
        """A step of a parameter with a sparse gradient, as an embedding with ``sparse=True`` has."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients{self._without_sparse}")

    def _update_half(self, group, param):
        """A step of a parameter in half precision: in float32, rounded once, as its state is."""
        wide, kind = param.detach().float(), param.dtype
        wide.grad = param.grad.float()
        self.state[wide] = {key: value.float() if isinstance(value, Tensor) and value.dtype is kind else value
                            for key, value in self.state[param].items()}
        try:
            self._update_group({**group, "params": [wide]})
            param.detach().copy_(wide)
            self.state[param] = {key: value.to(kind) if isinstance(value, Tensor) and value.ndim and key != "step" else
                                 value for key, value in self.state[wide].items()}
        finally:
            del self.state[wide]

    def zero_grad(self, set_to_none=True):
        """Remove all gradients, or set them to zeros.

        Parameters
        ----------
        set_to_none : bool
            Default True.

        Examples
        --------
        >>> p = nn.Parameter(fastnn.ones(1))
        >>> p.sum().backward()
        >>> fastnn.optim.SGD([p]).zero_grad()
        >>> p.grad is None
        True
        """
        for group in self.param_groups:
            _update.zero_grad(group["params"], set_to_none)

    # ---- groups ----

    def add_param_group(self, param_group):
        """Add a parameter group.

        Parameters
        ----------
        param_group : dict
            With "params" and any options.

        Raises
        ------
        ValueError
            A parameter is in another group already, or is no leaf.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=0.5)
        >>> optimizer.add_param_group({"params": nn.Parameter(fastnn.ones(1)), "lr": 0.25})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.5, 0.25]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [item[0] for item in params if isinstance(item, tuple)]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        if names:
            param_group["param_names"] = names
            params = [item[1] for item in params]
        param_group["params"] = params
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError("optimizer can only optimize Tensors, but one of the params is "
                                + type_name(param))
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            self._repeated = True
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                          "an error; see github.com/pytorch/pytorch/issues/40967 for more information", stacklevel=3)
        for group in self.param_groups:
            if ("param_names" in group) != ("param_names" in param_group):
                kind = "with" if names else "without"
                raise ValueError("all optimizer param groups should be with/without names. cannot add param group "
                                 f"{kind} names to the optimizer")
            if not set(group["params"]).isdisjoint(params):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # ---- saving and loading ----

    def state_dict(self):
        """State and options: {"state": {number: dict}, "param_groups": [dict]}; parameters are numbers from 0.

        Tensors in it are the optimizer's own, not copies.

        Examples
        --------
        >>> state = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=0.5).state_dict()
        >>> state["param_groups"][0]["lr"], state["param_groups"][0]["params"]
        (0.5, [0])
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers, groups, start = {}, [], 0
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for number, param in enumerate(group["params"], start):
                numbers.setdefault(id(param), number)
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {numbers[id(key)] if isinstance(key, Tensor) else key: value for key, value in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict):
        """Restore what `state_dict` returned; tensors are copied, and converted to the dtype of their parameter.

        Parameters
        ----------
        state_dict : dict

        Raises
        ------
        ValueError
            Its groups are others.

        Examples
        --------
        >>> p = nn.Parameter(fastnn.ones(1))
        >>> optimizer = fastnn.optim.SGD([p], lr=0.5)
        >>> optimizer.load_state_dict(fastnn.optim.SGD([p], lr=0.25).state_dict())
        >>> optimizer.param_groups[0]["lr"]
        0.25
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        loaded = copy.deepcopy(state_dict["param_groups"])
        if len(loaded) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(new["params"]) != len(old["params"]) for new, old in zip(loaded, self.param_groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                             "group")
        params = {}
        for new, old in zip(loaded, self.param_groups, strict=True):
            params.update(zip(new["params"], old["params"], strict=True))
            new["params"] = old["params"]
            if "param_names" in old:
                new.setdefault("param_names", old["param_names"])
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _converted(params[key], value)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": loaded})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- hooks ----

    def register_step_pre_hook(self, hook):
        """Call a hook before each step.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, args, kwargs)``; it may return new (args, kwargs).

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: print("step"))
        >>> optimizer.step()
        step
        """
        return register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call a hook after each step.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, args, kwargs)``.

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_step_post_hook(lambda optimizer, args, kwargs: print("stepped"))
        >>> optimizer.step()
        stepped
        """
        return register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call a hook before `state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer)``.
        prepend : bool
            Whether it is called before the other hooks.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_state_dict_pre_hook(lambda optimizer: print("saved"))
        >>> _ = optimizer.state_dict()
        saved
        """
        return register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call a hook after `state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, state_dict)``; it may return another one.
        prepend : bool
            Whether it is called before the other hooks.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_state_dict_post_hook(lambda optimizer, state: {**state, "version": 2})
        >>> optimizer.state_dict()["version"]
        2
        """
        return register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call a hook before `load_state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, state_dict)``; it may return another one.
        prepend : bool
            Whether it is called before the other hooks.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_load_state_dict_pre_hook(lambda optimizer, state: print("restoring"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        restoring
        """
        return register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call a hook after `load_state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer)``.
        prepend : bool
            Whether it is called before the other hooks.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))])
        >>> handle = optimizer.register_load_state_dict_post_hook(lambda optimizer: print("restored"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        restored
        """
        return register(self._optimizer_load_state_dict_post_hooks, hook, prepend)


Optimizer.step = _with_hooks(Optimizer.step)


def _converted(param, value, key=None):
    """A deep copy with tensors in the parameter's dtype; step counts keep theirs."""
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return copied if key == "step" or not param.is_floating_point() else copied.to(param.dtype)
    if isinstance(value, dict):
        return {name: _converted(param, item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_converted(param, item) for item in value)
    return copy.deepcopy(value)
