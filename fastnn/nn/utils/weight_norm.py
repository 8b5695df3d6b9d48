"""Weight normalisation (Salimans & Kingma 2016) in PyTorch's older form: parameters weight_g, weight_v and a hook."""
import warnings

from fastnn.nn.parameter import Parameter
from fastnn.ops.arithmetic import div, mul
from fastnn.ops.pointwise import sqrt
from fastnn.ops.reduce import sum


def norm_except_dim(v, dim):
    """Norms of v[..., i, ...] along `dim`, other dimensions kept as 1; of the whole for dim = -1."""
    if dim == -1:
        return sqrt(sum(mul(v, v)))
    return sqrt(sum(mul(v, v), [d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True))


def scaled(v, g, dim):
    """v g / |v|."""
    return mul(v, div(g, norm_except_dim(v, dim)))


class WeightNorm:
    """The hook that computes the weight before each forward."""

    def __init__(self, name, dim):
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module):
        return scaled(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    def apply(self, module):
        weight = getattr(module, self.name)
        del module._parameters[self.name]
        module.register_parameter(self.name + "_g", Parameter(norm_except_dim(weight.detach(), self.dim)))
        module.register_parameter(self.name + "_v", Parameter(weight.data))
        self(module, None)
        module.register_forward_pre_hook(self)

    def remove(self, module):
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def hook_of(module, kind, name):
    """The hook of a class for a parameter's name, or None."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, kind) and hook.name == name:
            return hook
    return None


def drop_hook(module, hook):
    """Take a pre-hook off again."""
    for key, each in list(module._forward_pre_hooks.items()):
        if each is hook:
            del module._forward_pre_hooks[key]


def weight_norm(module, name="weight", dim=0):
    """Make a parameter v g / norm(v), with one g for each index of a dimension, by a hook; with a FutureWarning.

    The older form of `parametrizations.weight_norm`: parameters ``<name>_g`` and ``<name>_v``. Same as
    torch.nn.utils.weight_norm (Salimans & Kingma 2016).

    Parameters
    ----------
    module : Module
        It is changed and returned.
    name, dim
        As in `parametrizations.weight_norm`.

    Raises
    ------
    RuntimeError
        The parameter has such a hook already.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     layer = nn.utils.weight_norm(nn.Linear(2, 2))
    >>> sorted(layer.state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    warnings.warn("`torch.nn.utils.weight_norm` is deprecated in favor of "
                  "`torch.nn.utils.parametrizations.weight_norm`.", FutureWarning, stacklevel=2)
    if hook_of(module, WeightNorm, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    WeightNorm(name, dim).apply(module)
    return module


def remove_weight_norm(module, name="weight"):
    """Remove `weight_norm`: an ordinary parameter again, with its present value.

    Same as torch.nn.utils.remove_weight_norm.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    name : str
        Default "weight".

    Raises
    ------
    ValueError
        The parameter has no such hook.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     layer = nn.utils.weight_norm(nn.Linear(2, 2))
    >>> sorted(nn.utils.remove_weight_norm(layer).state_dict())
    ['bias', 'weight']
    """
    hook = hook_of(module, WeightNorm, name)
    if hook is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    hook.remove(module)
    drop_hook(module, hook)
    return module
