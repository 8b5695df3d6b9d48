"""Modules called with other parameters, and the parameters of several models as one."""
import contextlib

from fastnn._tensor import Tensor
from fastnn.ops.joining import stack

_MISSING = object()


def _named_tensors(module):
    """All parameters and buffers, tied ones under each of their names."""
    found = dict(module.named_parameters(remove_duplicate=False))
    return found | dict(module.named_buffers(remove_duplicate=False))


def _tied(module, values):
    """`values`, with each value also under the other names of the tensor that it replaces."""
    names = {}
    for name, tensor in _named_tensors(module).items():
        names.setdefault(id(tensor), []).append(name)
    tied = {name: group for group in names.values() if len(group) > 1 for name in group}
    spread = dict(values)
    for name in values:
        for other in tied.get(name, ()):
            if other in values and values[other] is not values[name]:
                raise ValueError(f"functional_call got multiple values for keys {sorted(tied[name])}, which are tied. "
                                 f"Consider using tie_weights=False")
            spread[other] = values[name]
    return spread


def _owner(module, path):
    for name in path.split(".") if path else ():
        found = getattr(module, name, None)
        if found is None:
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if not hasattr(found, "named_parameters"):
            raise TypeError(f"submodule `{name}`: {found} is not an instance of torch.nn.Module")
        module = found
    return module


def _swap(module, name, value):
    """Replace a parameter, buffer or attribute by a tensor (or nothing); returns what it was."""
    path, _, last = name.rpartition(".")
    owner = _owner(module, path)
    if value is not _MISSING and value is not None and not isinstance(value, Tensor):
        raise TypeError(f"{value} is not an instance of torch.Tensor")
    table = next((table for table in (owner._parameters, owner._buffers) if last in table), None)
    before = getattr(owner, last, _MISSING) if table is None else table[last]
    if table is not None:
        if value is _MISSING:
            del table[last]
        else:
            table[last] = value
        return before
    if before is not _MISSING and before is not None and not isinstance(before, Tensor):
        raise TypeError(f"attribute `{last}`: {before} is not an instance of torch.Tensor")
    if value is not _MISSING:
        setattr(owner, last, value)
    elif before is not _MISSING:
        delattr(owner, last)
    return before


@contextlib.contextmanager
def _replaced(module, values, tie_weights, strict):
    """Context with other parameters and buffers; afterwards `values` has what the module then had under their names."""
    used = _tied(module, values) if tie_weights else values
    if strict:
        known = set(_named_tensors(module))
        errors = [f"{kind} key(s): {', '.join(map(repr, sorted(names)))}." for kind, names in
                  (("Unexpected", set(used) - known), ("Missing", known - set(used))) if names]
        if errors:
            raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(errors))
    before = {}
    try:
        for name, value in used.items():
            before[name] = _swap(module, name, value)
        yield
    finally:
        after = {name: _swap(module, name, value) for name, value in before.items()}
        values.update({name: after[name] for name in values if after.get(name, _MISSING) is not _MISSING})


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """``module(*args)`` with parameters and buffers from a dictionary (or several) instead of its own.

    Same as torch.func.functional_call.

    Parameters
    ----------
    module : Module
    parameter_and_buffer_dicts : dict of str to Tensor, or sequence of such
        By dotted names. What the module assigns to a name is found in the dictionary afterwards, if it is one.
    args : any or tuple
        If no tuple, the only argument.
    kwargs : dict, optional
    tie_weights : bool
        Whether a name stands for all names of the same tensor in the module; default True.
    strict : bool
        Whether the names must be those of all parameters and buffers; default False.

    Raises
    ------
    RuntimeError
        With `strict`, names are missing or unexpected.
    ValueError
        A name is in several dictionaries, or tied names have different values.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> parameters = {"weight": fastnn.tensor([[1.0, 2.0]]), "bias": fastnn.tensor([10.0])}
    >>> fastnn.func.functional_call(layer, parameters, fastnn.tensor([1.0, 1.0]))
    tensor([13.])
    """
    given = parameter_and_buffer_dicts
    if not isinstance(given, dict):
        if not isinstance(given, (list, tuple)):
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                             f"{type(given)}")
        if not all(isinstance(each, dict) for each in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for each in given for name in each]
        repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: value for each in given for name, value in each.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models):
    """Parameters and buffers of models of one kind, stacked along a new first dimension: for `vmap` over an ensemble.

    Same as torch.func.stack_module_state.

    Parameters
    ----------
    models : sequence of Module

    Returns
    -------
    tuple of (dict of str to Tensor, dict of str to Tensor)
        Leaves of their own.

    Raises
    ------
    RuntimeError
        There is no model, or they differ in their class or mode.

    Examples
    --------
    >>> parameters, buffers = fastnn.func.stack_module_state([nn.Linear(2, 1) for _ in range(3)])
    >>> {name: tuple(value.shape) for name, value in parameters.items()}
    {'weight': (3, 1, 2), 'bias': (3, 1)}
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(each):
        made = {}
        for name, first in each[0].items():
            tensors = [named[name] for named in each]
            if len({x.requires_grad for x in tensors}) > 1:
                raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
            made[name] = stack([x.detach() for x in tensors]).requires_grad_(first.requires_grad)
        return made
    return (stacked([dict(model.named_parameters()) for model in models]),
            stacked([dict(model.named_buffers()) for model in models]))


def replace_all_batch_norm_modules_(root):
    """Let every BatchNorm of a module take statistics of its batch alone, and keep none; returns the module.

    Same as torch.func.replace_all_batch_norm_modules_.

    Parameters
    ----------
    root : Module

    Examples
    --------
    >>> fastnn.func.replace_all_batch_norm_modules_(nn.BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if hasattr(module, "track_running_stats") and hasattr(module, "num_batches_tracked"):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
