"""torch.func: gradients of functions, and modules called with other parameters."""
import contextlib

from fastnn._tensor import Tensor
from fastnn.autograd import enable_grad, functional
from fastnn.autograd.run import grad as _grad
from fastnn.ops import creation

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacrev", "vjp", "vmap"]


def _numbers(argnums):
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives (gradients of ``func`` for arguments number `argnums`, its value)."""
    def both(*args, **kwargs):
        places = _numbers(argnums)
        args = list(args)
        with enable_grad():
            for i in places:
                args[i] = args[i].view_as(args[i]) if args[i].requires_grad else args[i].detach().requires_grad_()
            found = func(*args, **kwargs)
            value = found[0] if has_aux else found
            if value.numel() != 1:
                raise RuntimeError(f"Expected f(*args) to return a scalar tensor, got tensor with {value.ndim} dims. "
                                   f"Maybe you wanted to use the vjp or jacrev APIs instead?")
            inputs = [args[i] for i in places]
            slopes = _grad(value.reshape(()), inputs, create_graph=_nested(args), allow_unused=True)
        slopes = tuple(creation.zeros_like(x) if g is None else g for g, x in zip(slopes, inputs))
        return (slopes[0] if isinstance(argnums, int) else slopes), (
            (value.detach(), found[1]) if has_aux else value.detach())

    def _nested(args):
        return any(x.grad_fn is not None for x in args if hasattr(x, "grad_fn"))
    return both


def grad(func, argnums=0, has_aux=False):
    """A function that gives the gradients of ``func``, a function with one value; may be nested."""
    both = grad_and_value(func, argnums, has_aux)

    def slopes(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found
    return slopes


def vjp(func, *primals):
    """(func(*primals), a function of v that gives v^T J)."""
    value = func(*primals)

    def product(v):
        found = functional.vjp(func, primals, v)[1]
        return found if isinstance(found, tuple) else (found,)
    return value, product


def _jacobian(derivative, func, argnums):
    def matrices(*args):
        places = _numbers(argnums)

        def inner(*chosen):
            given = list(args)
            for i, x in zip(places, chosen):
                given[i] = x
            return func(*given)
        chosen = tuple(args[i] for i in places)
        return derivative(inner, chosen[0] if isinstance(argnums, int) else chosen)
    return matrices


def jacrev(func, argnums=0):
    """A function that gives the Jacobian of ``func``."""
    return _jacobian(functional.jacobian, func, argnums)


def hessian(func, argnums=0):
    """A function that gives the Hessian of ``func``, a function with one value."""
    return _jacobian(functional.hessian, func, argnums)


def vmap(func, in_dims=0, out_dims=0, **options):
    """Not implemented: functions here take stacks as they are."""
    raise NotImplementedError("vmap is not implemented")


# ---- modules with other parameters ----

_MISSING = object()


def _named_tensors(module):
    """All parameters and buffers, tied ones under each of their names."""
    found = dict(module.named_parameters(remove_duplicate=False))
    return found | dict(module.named_buffers(remove_duplicate=False))


def _tied(module, values):
    """`values`, with each value also under the other names of the tensor whose place it takes."""
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
    """Put a tensor (or nothing) in the place of a parameter, buffer or attribute; returns what was there."""
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
    """The module with other parameters and buffers; afterwards `values` has what then stood in their places."""
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
    """``module(*args)`` with parameters and buffers from a dictionary (or several) in place of its own.

    Parameters
    ----------
    module : Module
    parameter_and_buffer_dicts : dict of str to Tensor, or sequence of such
        By dotted names. What the module puts in a name's place is found in the dictionary afterwards, if it is one.
    args : any or tuple
        If no tuple, the only argument.
    kwargs : dict
    tie_weights : bool
        A name stands for all names of the tensor that the module has there.
    strict : bool
        Raise unless the names are those of all parameters and buffers.
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
