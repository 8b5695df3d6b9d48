"""Functions of functions (torch.func): gradients, Jacobians, and modules called with other parameters."""
import contextlib

from fastnn._tensor import Tensor
from fastnn.autograd import enable_grad, functional
from fastnn.autograd.run import grad as _grad
from fastnn.ops import creation

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacrev", "vjp", "vmap"]


def _numbers(argnums):
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives (gradients of ``func``, its value).

    Same as torch.func.grad_and_value.

    Parameters
    ----------
    func : callable
        Returns a Tensor of one element; with `has_aux` a tuple of it and anything else.
    argnums : int or tuple of int
        The arguments to differentiate for; default 0.
    has_aux : bool
        Whether ``func`` returns more than its value; the result is then (gradients, (value, the rest)).

    Raises
    ------
    RuntimeError
        When called: the value has several elements.

    Examples
    --------
    >>> fastnn.func.grad_and_value(lambda x: (x**2).sum())(fastnn.tensor([1.0, 3.0]))
    (tensor([2., 6.]), tensor(10.))
    """
    def both(*args, **kwargs):
        positions = _numbers(argnums)
        args = list(args)
        with enable_grad():
            for i in positions:
                args[i] = args[i].view_as(args[i]) if args[i].requires_grad else args[i].detach().requires_grad_()
            found = func(*args, **kwargs)
            value = found[0] if has_aux else found
            if value.numel() != 1:
                raise RuntimeError(f"Expected f(*args) to return a scalar tensor, got tensor with {value.ndim} dims. "
                                   f"Maybe you wanted to use the vjp or jacrev APIs instead?")
            inputs = [args[i] for i in positions]
            slopes = _grad(value.reshape(()), inputs, create_graph=_nested(args), allow_unused=True)
        slopes = tuple(creation.zeros_like(x) if g is None else g for g, x in zip(slopes, inputs))
        return (slopes[0] if isinstance(argnums, int) else slopes), (
            (value.detach(), found[1]) if has_aux else value.detach())

    def _nested(args):
        return any(x.grad_fn is not None for x in args if hasattr(x, "grad_fn"))
    return both


def grad(func, argnums=0, has_aux=False):
    """A function that gives the gradients of ``func``, a function with one value; may be nested.

    Same as torch.func.grad.

    Parameters
    ----------
    func, argnums, has_aux
        As in `grad_and_value`; with `has_aux` the result is (gradients, the rest).

    Examples
    --------
    >>> cube = lambda x: x**3
    >>> fastnn.func.grad(cube)(fastnn.tensor(2.0)), fastnn.func.grad(fastnn.func.grad(cube))(fastnn.tensor(2.0))
    (tensor(12.), tensor(12.))
    """
    both = grad_and_value(func, argnums, has_aux)

    def slopes(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found
    return slopes


def vjp(func, *primals):
    """Value of a function, and a function that multiplies vectors with its Jacobian: (func(*primals), v -> v^T J).

    Same as torch.func.vjp.

    Parameters
    ----------
    func : callable
    *primals : Tensor

    Examples
    --------
    >>> value, product = fastnn.func.vjp(lambda x: x**2, fastnn.tensor([1.0, 3.0]))
    >>> value, product(fastnn.ones(2))
    (tensor([1., 9.]), (tensor([2., 6.]),))
    """
    value = func(*primals)

    def product(v):
        found = functional.vjp(func, primals, v)[1]
        return found if isinstance(found, tuple) else (found,)
    return value, product


def _jacobian(derivative, func, argnums):
    def matrices(*args):
        positions = _numbers(argnums)

        def inner(*chosen):
            given = list(args)
            for i, x in zip(positions, chosen):
                given[i] = x
            return func(*given)
        chosen = tuple(args[i] for i in positions)
        return derivative(inner, chosen[0] if isinstance(argnums, int) else chosen)
    return matrices


def jacrev(func, argnums=0):
    """A function that gives the Jacobian of ``func``.

    Same as torch.func.jacrev.

    Parameters
    ----------
    func : callable
    argnums : int or tuple of int
        The arguments to differentiate for; default 0.

    Examples
    --------
    >>> fastnn.func.jacrev(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    return _jacobian(functional.jacobian, func, argnums)


def hessian(func, argnums=0):
    """A function that gives the Hessian of ``func``, a function with one value.

    Same as torch.func.hessian.

    Parameters
    ----------
    func, argnums
        As in `jacrev`.

    Examples
    --------
    >>> fastnn.func.hessian(lambda x: (x**3).sum())(fastnn.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return _jacobian(functional.hessian, func, argnums)


def vmap(func, in_dims=0, out_dims=0, **options):
    """A function mapped over a dimension of its arguments; not implemented.

    Functions here take stacks of samples as they are.

    Parameters
    ----------
    func, in_dims, out_dims, **options
        As in PyTorch.

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> fastnn.func.vmap(fastnn.sin)
    Traceback (most recent call last):
        ...
    NotImplementedError: vmap is not implemented
    """
    raise NotImplementedError("vmap is not implemented")


# ---- modules with other parameters ----

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
