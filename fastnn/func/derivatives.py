"""Derivatives as functions: of tensors in any nested structure, and of each other."""
import functools

from fastnn._tensor import Tensor, is_grad_enabled
from fastnn.autograd import enable_grad
from fastnn.autograd.graph import leaves_of
from fastnn.autograd.run import grad as _grad
from fastnn.ops import creation
from fastnn.ops.joining import stack
from fastnn.utils._pytree import tree_flatten, tree_map, tree_unflatten


class _Inputs:
    """The arguments to differentiate for, with tensors of their own in the place of the caller's."""

    def __init__(self, name, args, argnums):
        if not isinstance(argnums, int) and not (isinstance(argnums, tuple) and argnums):
            raise RuntimeError(f"{name}: argnums should be int or a non-empty Tuple[int, ...], got: {argnums!r}")
        positions = (argnums,) if isinstance(argnums, int) else argnums
        for i in positions:
            if not isinstance(i, int) or not -len(args) <= i < len(args):
                raise RuntimeError(f"{name}: Got argnum={i}, but only {len(args)} positional inputs")
        if len({i % len(args) for i in positions}) < len(positions):
            raise RuntimeError(f"{name}: argnums elements must be unique, got {argnums}")
        chosen = args[positions[0]] if isinstance(argnums, int) else tuple(args[i] for i in positions)
        given, self.spec = tree_flatten(chosen)
        for x in given:
            if not isinstance(x, Tensor):
                raise RuntimeError(f"{name}: expected tensors in the arguments of argnums={argnums}, got "
                                   f"{type(x).__name__}")
        self.tensors = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in given]
        fresh = tree_unflatten(self.tensors, self.spec)
        self.args = list(args)
        for i, value in zip(positions, (fresh,) if isinstance(argnums, int) else fresh):
            self.args[i] = value

    def tracked(self, outputs):
        """Whether outputs have a history beyond these tensors, which derivatives must have too."""
        own = {id(x) for x in self.tensors}
        return any(id(leaf) not in own for leaf in leaves_of(outputs))


def _is_one(value, name):
    if not isinstance(value, Tensor):
        raise RuntimeError(f"{name}: Expected f(*args) to return a single tensor, got {type(value).__name__}")
    if value.numel() != 1:
        raise RuntimeError(f"Expected f(*args) to return a scalar tensor, got tensor with {value.ndim} dims. "
                           f"Maybe you wanted to use the vjp or jacrev APIs instead?")


def _tensors(name, value):
    """The tensors that a function returned, and their structure."""
    outputs, spec = tree_flatten(value)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise RuntimeError(f"{name}: expected f(*primals) to return only tensors, got unsupported type {type(y)}")
    return outputs, spec


def _plain(tree):
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


def _of(outputs, inputs, weights, recorded):
    """Gradients of outputs times weights, zeros where there is no path."""
    pairs = [(y, w) for y, w in zip(outputs, weights) if y.requires_grad]
    found = [None] * len(inputs)
    if pairs:
        found = _grad([y for y, _ in pairs], inputs, [w for _, w in pairs], retain_graph=True, create_graph=recorded,
                      allow_unused=True)
    return [creation.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]


def _with_aux(name, result, has_aux):
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives (gradients of ``func``, its value).

    Same as torch.func.grad_and_value.

    Parameters
    ----------
    func : callable
        Returns a Tensor of one element; with `has_aux` a tuple of it and anything else.
    argnums : int or tuple of int
        The arguments to differentiate for, tensors or structures of them; default 0.
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
    @functools.wraps(func)
    def both(*args, **kwargs):
        recording = is_grad_enabled()
        with enable_grad():
            inputs = _Inputs("grad", args, argnums)
            value, rest = _with_aux("grad_and_value", func(*inputs.args, **kwargs), has_aux)
            _is_one(value, "grad")
            tracked = recording and inputs.tracked([value])
            slopes = _of([value], inputs.tensors, [creation.ones_like(value.detach())], tracked)
        if not tracked:
            slopes, value, rest = [x.detach() for x in slopes], value.detach(), _plain(rest)
        return tree_unflatten(slopes, inputs.spec), ((value, rest) if has_aux else value)
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

    @functools.wraps(func)
    def slopes(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found
    return slopes


def vjp(func, *primals, has_aux=False):
    """Value of a function, and a function that multiplies vectors with its Jacobian: (func(*primals), v -> v^T J).

    Same as torch.func.vjp.

    Parameters
    ----------
    func : callable
    *primals : Tensor or structure of such
    has_aux : bool
        Whether ``func`` returns (value, anything else); the rest is then a third result.

    Examples
    --------
    >>> value, product = fastnn.func.vjp(lambda x: x**2, fastnn.tensor([1.0, 3.0]))
    >>> value, product(fastnn.ones(2))
    (tensor([1., 9.]), (tensor([2., 6.]),))
    """
    recording = is_grad_enabled()
    with enable_grad():
        inputs = _Inputs("vjp", primals, tuple(range(len(primals))))
        value, rest = _with_aux("vjp", func(*inputs.args), has_aux)
    outputs, spec = _tensors("vjp", value)
    tracked = recording and inputs.tracked(outputs)

    def product(*cotangents, retain_graph=True, create_graph=None):
        weights, own = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if own != spec:
            raise RuntimeError(f"Expected pytree structure of cotangents to be the same as pytree structure of outputs "
                               f"to the function. cotangents: {own}, primal output: {spec}")
        for w in weights:
            if not isinstance(w, Tensor):
                raise TypeError(f"vjp: expected cotangents to be Tensors, got {type(w).__name__}")
        recorded = is_grad_enabled() and (tracked or any(w.requires_grad for w in weights))
        found = _of(outputs, inputs.tensors, weights, recorded)
        return tree_unflatten(found if recorded else [x.detach() for x in found], inputs.spec)
    shown = value if tracked else _plain(value)
    return (shown, product, rest if tracked else _plain(rest)) if has_aux else (shown, product)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None):
    """A function that gives the Jacobian of ``func``: d func_i / d x_j, of shape (*output, *input).

    Same as torch.func.jacrev; with structures of tensors, a structure of inputs in each place of an output.

    Parameters
    ----------
    func : callable
    argnums : int or tuple of int
        The arguments to differentiate for; default 0.
    has_aux : bool
        Whether ``func`` returns (value, anything else); so does the result then.
    chunk_size : int, optional
        Accepted, without effect.

    Examples
    --------
    >>> fastnn.func.jacrev(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size > 0):
        raise ValueError(f"jacrev: `chunk_size` should be None or greater than 0, got {chunk_size!r}")

    @functools.wraps(func)
    def matrices(*args, **kwargs):
        recording = is_grad_enabled()
        with enable_grad():
            inputs = _Inputs("jacrev", args, argnums)
            value, rest = _with_aux("jacrev", func(*inputs.args, **kwargs), has_aux)
            outputs, spec = _tensors("jacrev", value)
            tracked = recording and inputs.tracked(outputs)
            made = []
            for y in outputs:
                rows = [_of([element], inputs.tensors, [creation.ones_like(element.detach())], tracked)
                        for element in y.reshape(-1)]
                made.append(tree_unflatten(
                    [stack([row[j] for row in rows]).reshape((*y.shape, *x.shape)) if rows else
                     creation.zeros((*y.shape, *x.shape), dtype=x.dtype) for j, x in enumerate(inputs.tensors)],
                    inputs.spec))
        found = tree_unflatten(made, spec)
        if not tracked:
            found, rest = _plain(found), _plain(rest)
        return (found, rest) if has_aux else found
    return matrices


def _forward(func, primals):
    """Value, structures and a function from tangents to J v, as the derivative of v^T J with respect to v."""
    recording = is_grad_enabled()
    with enable_grad():
        inputs = _Inputs("jvp", primals, tuple(range(len(primals))))
        result = func(*inputs.args)

    def finish(value):
        outputs, spec = _tensors("jvp", value)
        tracked = recording and inputs.tracked(outputs)
        with enable_grad():
            weights = [creation.zeros_like(y.detach()).requires_grad_() for y in outputs]
            slopes = _of(outputs, inputs.tensors, weights, True)

        def push(tangents):
            given, own = tree_flatten(tangents)
            for t in given:
                if not isinstance(t, Tensor):
                    raise RuntimeError(f"jvp: Expected tangents to only contain Tensors, got {type(t)}")
                if not (t.dtype.is_floating_point or t.dtype.is_complex):
                    raise ValueError(f"jvp: Expected tangent to be floating point or complex, but got: {t.dtype}")
            if own != inputs.spec or any(x.shape != t.shape for x, t in zip(inputs.tensors, given)):
                raise RuntimeError("jvp: Expected primals and tangents to have the same python structure and shapes")
            recorded = recording and (tracked or any(t.requires_grad for t in given))
            found = _of(slopes, weights, given, recorded)
            return tree_unflatten(found if recorded else [x.detach() for x in found], spec)
        return push, tracked
    return result, finish


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """Value of a function, and product of its Jacobian with vectors: (func(*primals), J v).

    Same as torch.func.jvp. It is found by differentiating v^T J with respect to v.

    Parameters
    ----------
    func : callable
    primals, tangents : tuple of Tensor or structures of such
    strict : bool
        False alone.
    has_aux : bool
        Whether ``func`` returns (value, anything else); the rest is then a third result.

    Examples
    --------
    >>> fastnn.func.jvp(lambda x: x**2, (fastnn.tensor([1.0, 3.0]),), (fastnn.ones(2),))
    (tensor([1., 9.]), tensor([2., 6.]))
    """
    if strict:
        raise NotImplementedError("jvp: strict=True is not implemented")
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError(f"jvp: Expected primals and tangents to be tuples, got {type(primals).__name__} and "
                           f"{type(tangents).__name__}")
    result, finish = _forward(func, primals)
    value, rest = _with_aux("jvp", result, has_aux)
    push, tracked = finish(value)
    found = push(tangents)
    shown = value if tracked else _plain(value)
    return (shown, found, _plain(rest)) if has_aux else (shown, found)


def linearize(func, *primals):
    """Value of a function, and the function v -> J v at this place, which may be called many times.

    Same as torch.func.linearize.

    Parameters
    ----------
    func : callable
    *primals : Tensor or structure of such

    Examples
    --------
    >>> value, product = fastnn.func.linearize(lambda x: x**2, fastnn.tensor([1.0, 3.0]))
    >>> value, product(fastnn.ones(2))
    (tensor([1., 9.]), tensor([2., 6.]))
    """
    value, finish = _forward(func, primals)
    push, tracked = finish(value)
    return value if tracked else _plain(value), lambda *tangents: push(tangents)


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """`jacrev` under its other name: Jacobians are found row by row here.

    Same results as torch.func.jacfwd.

    Parameters
    ----------
    func, argnums, has_aux
        As in `jacrev`.
    randomness : str
        Accepted, without effect: ``func`` is called once.

    Examples
    --------
    >>> fastnn.func.jacfwd(lambda x: x**2)(fastnn.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func, argnums=0):
    """A function that gives the Hessian of ``func``: the Jacobian of its Jacobian.

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
    return jacrev(jacrev(func, argnums), argnums)


def functionalize(func, *, remove="mutations"):
    """`func` itself: nothing traces programs here.

    Parameters
    ----------
    func : callable
    remove : str
        Without effect.

    Examples
    --------
    >>> fastnn.func.functionalize(fastnn.sin)(fastnn.zeros(1))
    tensor([0.])
    """
    return func
