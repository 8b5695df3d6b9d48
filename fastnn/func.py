"""torch.func: gradients of functions, and modules called with other parameters."""
import contextlib

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


@contextlib.contextmanager
def _replaced(module, values):
    """The module with other parameters and buffers, by their names."""
    saved = []
    try:
        for name, value in values.items():
            owner = module
            *path, last = name.split(".")
            for part in path:
                owner = getattr(owner, part)
            table = owner._parameters if last in owner._parameters else owner._buffers
            if last not in table:
                raise KeyError(f"functional_call: the module has no parameter or buffer {name!r}")
            saved.append((table, last, table[last]))
            table[last] = value
        yield
    finally:
        for table, last, value in reversed(saved):
            table[last] = value


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """``module(*args)`` with parameters and buffers from a dictionary (or several) in place of its own."""
    given = parameter_and_buffer_dicts
    values = dict(given) if isinstance(given, dict) else {name: value for each in given for name, value in each.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, values):
        return module(*args, **(kwargs or {}))
