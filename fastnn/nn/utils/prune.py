"""Pruning: masks that take weights out of a module's parameters (``torch.nn.utils.prune``).

A pruned parameter ``weight`` becomes ``weight_orig`` and a buffer ``weight_mask``; before each forward pass the
module's attribute ``weight`` is their product.
"""
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable

from fastnn.ops import creation, sampling
from fastnn.ops.joining import cat

__all__ = ["BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
           "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity",
           "is_pruned", "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove"]


def _amount(amount):
    """Check what is to be taken out: a whole number of elements, or a part of them from 0 to 1."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if isinstance(amount, numbers.Integral) and amount < 0 or \
            not isinstance(amount, numbers.Integral) and not 0.0 <= float(amount) <= 1.0:
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount, size):
    """How many of `size` elements that is."""
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
        return int(amount)
    return round(amount * size)


def _norms(t, n, dim):
    """The norm of each slice along a dimension."""
    return t.norm(p=n, dim=[i for i in range(t.ndim) if i != dim % t.ndim])


class BasePruningMethod(ABC):
    """Base class of pruning methods: `compute_mask` says which elements stay.

    It is a forward pre-hook of the module. Same as torch.nn.utils.prune.BasePruningMethod.

    Examples
    --------
    >>> class Even(nn.utils.prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[::2] = 0
    ...         return mask
    >>> layer = nn.Linear(4, 1)
    >>> Even.apply(layer, "weight").compute_mask(layer.weight, fastnn.ones(1, 4))
    tensor([[0., 1., 0., 1.]])
    """

    _tensor_name: str

    def __call__(self, module, inputs):
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t, default_mask):
        """The mask for importances `t`; it may only add zeros to `default_mask`."""

    def apply_mask(self, module):
        """The module's parameter times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask = getattr(module, f"{self._tensor_name}_mask")
        orig = getattr(module, f"{self._tensor_name}_orig")
        return mask.to(dtype=orig.dtype) * orig

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **kwargs):
        """Prune a parameter of a module by this method, after those that it has been pruned by; returns the method.

        `args` and `kwargs` are what the method is made with; the mask is computed from `importance_scores`, default
        the parameter.
        """
        before = next(((key, hook) for key, hook in module._forward_pre_hooks.items()
                       if isinstance(hook, BasePruningMethod) and hook._tensor_name == name), None)
        if before is not None:
            del module._forward_pre_hooks[before[0]]
        method = cls(*args, **kwargs)
        method._tensor_name = name
        tensor = getattr(module, name)
        if importance_scores is None:
            importance_scores = tensor
        elif importance_scores.shape != tensor.shape:
            raise AssertionError(f"importance_scores should have the same shape as parameter {name} of {module}")
        if before is not None:
            container = before[1]
            if not isinstance(container, PruningContainer):
                container = PruningContainer(container)
            container.add_pruning_method(method)
            method = container
            default = getattr(module, f"{name}_mask").to(dtype=getattr(module, f"{name}_orig").dtype)
        else:
            default = creation.ones_like(importance_scores.detach())
            module.register_parameter(f"{name}_orig", module._parameters.pop(name))
        try:
            mask = method.compute_mask(importance_scores.detach(), default_mask=default)
            module.register_buffer(f"{name}_mask", mask)
            setattr(module, name, method.apply_mask(module))
            module.register_forward_pre_hook(method)
        except Exception:
            if before is None:
                module.register_parameter(name, module._parameters.pop(f"{name}_orig"))
            raise
        return method

    def prune(self, t, default_mask=None, importance_scores=None):
        """A tensor with zeros where this method takes elements out of it, by their own or other importances."""
        if importance_scores is None:
            importance_scores = t
        elif importance_scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        default_mask = creation.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(importance_scores, default_mask=default_mask)

    def remove(self, module):
        """Make the pruning of a module permanent: the product becomes the parameter."""
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        if name in module.__dict__:
            delattr(module, name)
        orig = module._parameters.pop(f"{name}_orig")
        orig.data = weight.detach()
        del module._buffers[f"{name}_mask"]
        setattr(module, name, orig)


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one parameter, one after the other.

    Parameters
    ----------
    *args : BasePruningMethod
        Of the same parameter.

    Examples
    --------
    >>> layer = nn.Linear(4, 4)
    >>> for amount in (0.5, 0.5):
    ...     layer = nn.utils.prune.l1_unstructured(layer, "weight", amount)
    >>> int(layer.weight_mask.sum())
    4
    """

    def __init__(self, *args):
        self._pruning_methods = ()
        if len(args) == 1 and not isinstance(args[0], Iterable):
            self._tensor_name = args[0]._tensor_name
            self.add_pruning_method(args[0])
        elif not args or len(args) == 1 and not tuple(args[0]):
            self._tensor_name = None
        else:
            methods = tuple(args[0]) if len(args) == 1 else args
            self._tensor_name = methods[0]._tensor_name
            for method in methods:
                self.add_pruning_method(method)

    def add_pruning_method(self, method):
        """Append a method."""
        if method is not None and not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                             f"PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, idx):
        return self._pruning_methods[idx]

    def compute_mask(self, t, default_mask):
        """The mask of the last method on what those before have left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        kind = method.PRUNING_TYPE
        if kind == "unstructured":
            left = mask == 1
        elif kind == "structured":
            dim = method.dim % t.ndim
            kept = mask.sum(dim=[d for d in range(t.ndim) if d != dim]) != 0
            left = tuple(kept if d == dim else slice(None) for d in range(t.ndim))
        elif kind == "global":
            left = (slice(None),) * t.ndim
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
        combined = mask.clone()
        combined[left] = method.compute_mask(t[left], default_mask=mask[left]).to(combined.dtype)
        return combined


class Identity(BasePruningMethod):
    """Take nothing out, but let the parameter look pruned.

    Examples
    --------
    >>> nn.utils.prune.Identity().prune(fastnn.ones(2))
    tensor([1., 1.])
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        """The default mask."""
        return default_mask

    @classmethod
    def apply(cls, module, name):
        """Prune a parameter by this method."""
        return super().apply(module, name)


class _Amount(BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def __init__(self, amount):
        _amount(amount)
        self.amount = amount

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            out = self._scores(t).view(-1).topk(k=count, largest=False).indices
            mask.view(-1)[out] = 0
        return mask

    @classmethod
    def apply(cls, module, name, amount, **kwargs):
        """Prune `amount` of a parameter by this method."""
        return super().apply(module, name, amount=amount, **kwargs)


class RandomUnstructured(_Amount):
    """Take out elements by chance.

    Parameters
    ----------
    amount : int or float
        How many, or which part.

    Examples
    --------
    >>> int(nn.utils.prune.RandomUnstructured(0.25).prune(fastnn.ones(8)).sum())
    6
    """

    def _scores(self, t):
        return -sampling.rand_like(t)


class L1Unstructured(_Amount):
    """Take out the elements nearest to 0.

    Parameters
    ----------
    amount : int or float
        How many, or which part.

    Examples
    --------
    >>> nn.utils.prune.L1Unstructured(2).prune(fastnn.tensor([3.0, -1.0, 2.0, -4.0]))
    tensor([ 3., -0.,  0., -4.])
    """

    def _scores(self, t):
        return t.abs().contiguous()


class _Structured(BasePruningMethod):
    PRUNING_TYPE = "structured"

    def compute_mask(self, t, default_mask):
        if t.ndim < 2:
            raise ValueError(f"Structured pruning can only be applied to multidimensional tensors. Found tensor of "
                             f"shape {t.shape} with {t.ndim} dims")
        if self.dim >= t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if not count:
            return default_mask
        kept = creation.zeros(size)
        kept[self._scores(t).topk(k=size - count, largest=True).indices] = 1
        shape = [1] * t.ndim
        shape[self.dim] = size
        return default_mask * kept.reshape(shape).to(default_mask.dtype)


class RandomStructured(_Structured):
    """Take out slices of a dimension by chance.

    Parameters
    ----------
    amount : int or float
        How many, or which part.
    dim : int

    Examples
    --------
    >>> int(nn.utils.prune.RandomStructured(1, dim=0).prune(fastnn.ones(3, 2)).sum())
    4
    """

    def __init__(self, amount, dim=-1):
        _amount(amount)
        self.amount, self.dim = amount, dim

    def _scores(self, t):
        return sampling.rand(t.shape[self.dim])

    @classmethod
    def apply(cls, module, name, amount, dim=-1):
        """Prune slices of a parameter by this method."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Take out the slices of a dimension that have the least norm.

    Parameters
    ----------
    amount : int or float
        How many, or which part.
    n : int, float or str
        Which norm, as in ``fastnn.norm``.
    dim : int

    Examples
    --------
    >>> nn.utils.prune.LnStructured(1, n=1, dim=0).prune(fastnn.tensor([[1.0, 1.0], [2.0, 0.5]]))
    tensor([[0.0000, 0.0000],
            [2.0000, 0.5000]])
    """

    def __init__(self, amount, n, dim=-1):
        _amount(amount)
        self.amount, self.n, self.dim = amount, n, dim

    def _scores(self, t):
        return _norms(t, self.n, self.dim)

    @classmethod
    def apply(cls, module, name, amount, n, dim, importance_scores=None):
        """Prune slices of a parameter by this method."""
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """Take out what a mask says.

    Parameters
    ----------
    mask : Tensor

    Examples
    --------
    >>> nn.utils.prune.CustomFromMask(fastnn.tensor([1.0, 0.0])).prune(fastnn.ones(2))
    tensor([1., 0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask):
        self.mask = mask

    def compute_mask(self, t, default_mask):
        """Both masks' product."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError("default_mask and self.mask must have the same shape")
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module, name, mask):
        """Prune a parameter by a mask."""
        return super().apply(module, name, mask=mask)


def identity(module, name):
    """Let a parameter look pruned; see `Identity`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str

    Examples
    --------
    >>> sorted(nn.utils.prune.identity(nn.Linear(2, 1, bias=False), "weight").state_dict())
    ['weight_mask', 'weight_orig']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    """Take elements out of a parameter by chance; see `RandomUnstructured`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str
    amount : int or float

    Examples
    --------
    >>> int(nn.utils.prune.random_unstructured(nn.Linear(4, 2), "weight", 3).weight_mask.sum())
    5
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    """Take the elements nearest to 0 out of a parameter; see `L1Unstructured`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str
    amount : int or float
    importance_scores : Tensor, optional
        Compared instead of the elements.

    Examples
    --------
    >>> int(nn.utils.prune.l1_unstructured(nn.Linear(4, 2), "weight", 0.5).weight_mask.sum())
    4
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    """Take slices out of a parameter by chance; see `RandomStructured`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str
    amount : int or float
    dim : int

    Examples
    --------
    >>> int(nn.utils.prune.random_structured(nn.Linear(4, 2), "weight", 1, dim=1).weight_mask.sum())
    6
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """Take the slices of least norm out of a parameter; see `LnStructured`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str
    amount : int or float
    n : int, float or str
    dim : int
    importance_scores : Tensor, optional
        Compared instead of the parameter.

    Examples
    --------
    >>> int(nn.utils.prune.ln_structured(nn.Linear(4, 2), "weight", 1, n=2, dim=0).weight_mask.sum())
    4
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs):
    """Prune several parameters as if they were one: elements of all of them are compared with each other.

    Parameters
    ----------
    parameters : iterable of (Module, str)
    pruning_method : type
        A class whose PRUNING_TYPE is "unstructured".
    importance_scores : dict of (Module, str) to Tensor, optional
    **kwargs
        What the method is made with: ``amount``.

    Examples
    --------
    >>> layers = [nn.Linear(4, 2), nn.Linear(2, 2)]
    >>> nn.utils.prune.global_unstructured([(layer, "weight") for layer in layers],
    ...                                    nn.utils.prune.L1Unstructured, amount=6)
    >>> int(sum(layer.weight_mask.sum() for layer in layers))
    6
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    importance_scores = {} if importance_scores is None else importance_scores
    if not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    scores = cat([importance_scores.get((module, name), getattr(module, name)).detach().reshape(-1)
                  for module, name in parameters])
    masks = cat([getattr(module, f"{name}_mask", creation.ones_like(getattr(module, name).detach())).reshape(-1)
                 for module, name in parameters])
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
                        f'{pruning_method} of type {method.PRUNING_TYPE}')
    final, place = container.compute_mask(scores, masks), 0
    for module, name in parameters:
        parameter = getattr(module, name)
        custom_from_mask(module, name, final[place:place + parameter.numel()].view_as(parameter))
        place += parameter.numel()


def custom_from_mask(module, name, mask):
    """Prune a parameter by a mask; see `CustomFromMask`. Returns the module.

    Parameters
    ----------
    module : Module
    name : str
    mask : Tensor

    Examples
    --------
    >>> layer = nn.utils.prune.custom_from_mask(nn.Linear(2, 1), "bias", fastnn.zeros(1))
    >>> layer.bias_mask
    tensor([0.])
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module, name):
    """Make the pruning of a parameter permanent; returns the module.

    Parameters
    ----------
    module : Module
    name : str

    Raises
    ------
    ValueError
        The parameter is not pruned.

    Examples
    --------
    >>> layer = nn.utils.prune.remove(nn.utils.prune.l1_unstructured(nn.Linear(4, 2), "weight", 0.5), "weight")
    >>> sorted(layer.state_dict()), int((layer.weight == 0).sum())
    (['bias', 'weight'], 4)
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module):
    """Whether a parameter of the module or of one within it is pruned.

    Parameters
    ----------
    module : Module

    Examples
    --------
    >>> nn.utils.prune.is_pruned(nn.Sequential(nn.Linear(2, 2)))
    False
    """
    return any(isinstance(hook, BasePruningMethod) for _, submodule in module.named_modules()
               for hook in submodule._forward_pre_hooks.values())
