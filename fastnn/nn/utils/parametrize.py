"""Parameters computed from others: ``module.weight`` from ``module.parametrizations.weight.original``."""
import contextlib
import copy
from collections.abc import Sequence

from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.nn.modules.container import ModuleDict, ModuleList
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization",
           "remove_parametrizations", "type_before_parametrizations"]

_cache, _caching = {}, 0


@contextlib.contextmanager
def cached():
    """Context in which each parametrized tensor is computed once.

    Same as torch.nn.utils.parametrize.cached.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> with nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(module, name, value):
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _same_kind(found, expected, what):
    if not isinstance(found, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(found).__name__}.")
    for attribute in ("dtype", "shape"):
        before, after = getattr(expected, attribute), getattr(found, attribute)
        if before != after:
            raise ValueError(f"Registering a parametrization may not change the {attribute} of the tensor, unless "
                             f"`unsafe` flag is enabled.\nunparametrized {attribute}: {before}\n{what} {attribute}: "
                             f"{after}")


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied one after the other, and the parameters that they start from.

    ``original`` is a parameter or buffer; ``original0``, ``original1``, ... if `right_inverse` gives several tensors.
    Same as torch.nn.utils.parametrize.ParametrizationList.

    Parameters
    ----------
    modules : sequence of Module
    original : Parameter or Tensor
    unsafe : bool
        Whether shape and dtype may change.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> type(layer.parametrizations.weight).__name__, len(layer.parametrizations.weight)
    ('ParametrizationList', 1)
    """

    def __init__(self, modules, original, unsafe=False):
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()
        values = self._inverse(original, strict=False)
        self.is_tensor = isinstance(values, Tensor)
        if not self.is_tensor and not isinstance(values, Sequence):
            raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                             f"{type(values).__name__}")
        self.ntensors = 1 if self.is_tensor else len(values)
        if self.is_tensor:
            if values.dtype != original.dtype:
                raise ValueError(f"When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                                 f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {values.dtype}")
            if values is not original:
                original.data = values.detach()
            _register(self, "original", original)
        else:
            for i, value in enumerate(values):
                if not isinstance(value, Tensor):
                    raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                                     f"Got element {i} of the sequence with type {type(value).__name__}.")
                if isinstance(original, Parameter):
                    value = Parameter(value, original.requires_grad)
                _register(self, f"original{i}", value.requires_grad_(original.requires_grad))
        if not unsafe:
            _same_kind(self(), before, "parametrized")

    @no_grad()
    def _inverse(self, value, strict):
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                try:
                    value = module.right_inverse(value)
                except NotImplementedError:
                    if strict:
                        raise
            elif strict:
                raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
        return value

    def right_inverse(self, value):
        """Change the original(s) such that the parametrized tensor becomes a given one.

        Parameters
        ----------
        value : Tensor

        Raises
        ------
        RuntimeError
            A parametrization has no ``right_inverse``.

        Examples
        --------
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 1))
        >>> layer.parametrizations.weight.right_inverse(fastnn.tensor([[3.0, 4.0]]))
        >>> layer.parametrizations.weight.original0.detach()
        tensor([[5.]])
        """
        value = self._inverse(value, strict=True)
        originals = [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]
        values = [value] if self.is_tensor else value
        if len(values) != len(originals):
            raise ValueError(f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                             f"sequence of length {len(values)}.")
        for original, new in zip(originals, values):
            if not isinstance(new, Tensor):
                raise ValueError(f"`right_inverse` should return a tensor. Got {type(new).__name__}")
            if new.dtype != original.dtype:
                raise ValueError(f"The tensor returned by `right_inverse` has dtype {new.dtype} while `original` has "
                                 f"dtype {original.dtype}")
            original.data = new.detach()

    def forward(self):
        if self.is_tensor:
            value = self[0](self.original)
        else:
            value = self[0](*[getattr(self, f"original{i}") for i in range(self.ntensors)])
        for module in list(self)[1:]:
            value = module(value)
        return value


def _parametrised_class(cls):
    """A subclass of its own for one module, to carry the properties."""
    def deepcopy(self, memo):
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__setstate__(copy.deepcopy(Module.__getstate__(self), memo))
        return made

    def reduce(self, protocol):
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict().")
    return type(f"Parametrized{cls.__name__}", (cls,), {"__deepcopy__": deepcopy, "__reduce_ex__": reduce})


def _property(name):
    def get(self):
        if not _caching:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def set(self, value):
        self.parametrizations[name].right_inverse(value)
    return property(get, set)


def is_parametrized(module, tensor_name=None):
    """Whether a module has a parametrized tensor, or one of a given name.

    Same as torch.nn.utils.parametrize.is_parametrized.

    Parameters
    ----------
    module : Module
    tensor_name : str, optional

    Examples
    --------
    >>> nn.utils.parametrize.is_parametrized(nn.Linear(2, 2))
    False
    """
    found = module._modules.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Make a tensor of a module the output of a parametrization, itself a module, of the tensor before.

    The tensor itself becomes ``module.parametrizations.<tensor_name>.original``. A method ``right_inverse`` of the
    parametrization is used for the initial value and for assignments. Several parametrizations are applied in order.
    Same as torch.nn.utils.parametrize.register_parametrization.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    tensor_name : str
    parametrization : Module
    unsafe : bool
        Whether shape and dtype may change; default False.

    Raises
    ------
    ValueError
        There is no such tensor, or shape or dtype change without `unsafe`.

    Examples
    --------
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.Linear(2, 2)
    >>> layer.weight.data = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> _ = nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> layer.weight.detach()
    tensor([[1., 2.],
            [2., 4.]])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        parametrizations = module.parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            _same_kind(parametrization(before), before, "parametrized")
        parametrizations.append(parametrization)
        parametrizations.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                         f"'{tensor_name}'")
    parametrizations = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.__class__ = _parametrised_class(type(module))
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = parametrizations
    return module


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Make a parametrized tensor an ordinary one again.

    Same as torch.nn.utils.parametrize.remove_parametrizations.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    tensor_name : str
    leave_parametrized : bool
        Whether its value is the present one (default) or that of the original.

    Raises
    ------
    ValueError
        The tensor is not parametrized, or there are several originals and `leave_parametrized` is False.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> layer = nn.utils.parametrize.remove_parametrizations(layer, "weight")
    >>> type(layer.weight).__name__
    'Parameter'
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    if not parametrizations.is_tensor and not leave_parametrized:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                         "terms of a sequence of tensors.")
    with no_grad():
        value = getattr(module, tensor_name)
    if parametrizations.is_tensor:
        original = parametrizations.original
        if leave_parametrized:
            original.data = value.detach()
    else:
        wanted = any(p.requires_grad for p in parametrizations.parameters())
        original = Parameter(value.detach()) if wanted else value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module):
    """The class of a module before it was parametrized.

    Same as torch.nn.utils.parametrize.type_before_parametrizations.

    Parameters
    ----------
    module : Module

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> nn.utils.parametrize.type_before_parametrizations(layer) is nn.Linear
    True
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)
