"""Derivatives of functions: Jacobians, Hessians and their products with vectors (torch.autograd.functional)."""
from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import enable_grad
from fastnn.autograd.run import grad
from fastnn.ops import creation
from fastnn.ops.joining import stack

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(value):
    return (value if isinstance(value, tuple) else (value,)), not isinstance(value, tuple)


def _same(values, alone):
    return values[0] if alone else tuple(values)


def _inputs(inputs, create_graph):
    """Leaves of their own (views with the caller's history under create_graph)."""
    inputs, alone = _tuple(inputs)
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"The inputs given to the function must be Tensors, but argument {i} is a "
                            f"{type(x).__name__}")
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else x.clone().requires_grad_() for x in inputs), alone
    return tuple(x.detach().clone().requires_grad_() for x in inputs), alone


def _outputs(func, inputs):
    with enable_grad():
        return _tuple(func(*inputs))


def _grads(output, inputs, create_graph, strict, **how):
    """Gradients, zeros where there is no path."""
    if not output.requires_grad:
        if strict:
            raise RuntimeError("The output of the user-provided function is independent of the inputs. This is not "
                               "allowed in strict mode.")
        return tuple(creation.zeros_like(x) for x in inputs)
    found = grad(output, inputs, retain_graph=True, create_graph=create_graph, allow_unused=True, **how)
    if strict and any(g is None for g in found):
        raise RuntimeError("The output of the user-provided function is independent of an input. This is not allowed "
                           "in strict mode.")
    return tuple(creation.zeros_like(x) if g is None else g for g, x in zip(found, inputs))


def _finish(values, create_graph):
    return tuple(v if create_graph else v.detach() for v in values)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """Jacobian of a function: d func(inputs)_i / d inputs_j, of shape (*output, *input), or tuples of such.

    Same as torch.autograd.functional.jacobian.

    Parameters
    ----------
    func : callable
        Returns a Tensor or a tuple of them.
    inputs : Tensor or tuple of Tensor
    create_graph : bool
        Whether the result can be differentiated.
    strict : bool
        Whether an output without dependence on an input is an error instead of 0.
    vectorize : bool
        Accepted, without effect.
    strategy : str
        "reverse-mode" alone.

    Raises
    ------
    RuntimeError
        With `strict`, an output does not depend on an input.

    Examples
    --------
    >>> fastnn.autograd.functional.jacobian(lambda x: x**2, fastnn.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy != "reverse-mode":
        raise NotImplementedError(f"jacobian: strategy={strategy!r} is not implemented")
    inputs, one_input = _inputs(inputs, create_graph)
    outputs, one_output = _outputs(func, inputs)
    rows = []
    for y in outputs:
        parts = [_grads(element, inputs, create_graph, strict) for element in y.reshape(-1)] if y.numel() else []
        rows.append(_same([stack([part[j] for part in parts]).reshape((*y.shape, *x.shape)) if parts else
                           creation.zeros((*y.shape, *x.shape), dtype=x.dtype) for j, x in enumerate(inputs)],
                          one_input))
    if not create_graph:
        rows = [row.detach() if isinstance(row, Tensor) else tuple(t.detach() for t in row) for row in rows]
    return _same(rows, one_output)


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """Hessian of a function with one value: d^2 func(inputs) / (d inputs_i d inputs_j).

    Same as torch.autograd.functional.hessian.

    Parameters
    ----------
    func : callable
        Returns a Tensor of one element.
    inputs : Tensor or tuple of Tensor
    create_graph, strict : bool
        As in `jacobian`.
    vectorize : bool
        Accepted, without effect.
    outer_jacobian_strategy : str
        "reverse-mode" alone.

    Raises
    ------
    RuntimeError
        The function has several values.

    Examples
    --------
    >>> fastnn.autograd.functional.hessian(lambda x: (x**3).sum(), fastnn.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    inputs, one_input = _tuple(inputs)

    def first(*values):
        outputs, _ = _outputs(func, values)
        if len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return _grads(outputs[0].reshape(()), values, True, strict)
    found = jacobian(first, inputs, create_graph, strict)
    return found[0][0] if one_input else found


def _vectors(v, like, name):
    if v is None:
        if any(x.numel() != 1 for x in like):
            raise RuntimeError(f"The vector v can only be None if the user-provided function {name} a Tensor with a "
                               f"single element.")
        return tuple(creation.ones_like(x) for x in like)
    v, _ = _tuple(v)
    for a, b in zip(v, like, strict=True):
        if a.shape != b.shape:
            raise RuntimeError(f"v has invalid size: should be {list(b.shape)} but got {list(a.shape)}.")
    return v


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """Value of a function, and product of a vector with its Jacobian: (func(inputs), v^T J).

    Same as torch.autograd.functional.vjp.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As in `jacobian`.
    v : Tensor or tuple of Tensor, optional
        Of the shape of the outputs; default 1 for one element.

    Examples
    --------
    >>> fastnn.autograd.functional.vjp(lambda x: x**2, fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    inputs, one_input = _inputs(inputs, create_graph)
    outputs, one_output = _outputs(func, inputs)
    v = _vectors(v, outputs, "returns")
    totals = [creation.zeros_like(x) for x in inputs]
    for y, weight in zip(outputs, v):
        totals = [a + b for a, b in zip(totals, _grads(y, inputs, create_graph, strict, grad_outputs=weight))]
    return (_same(_finish(outputs, create_graph), one_output), _same(_finish(totals, create_graph), one_input))


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """Value of a function, and product of its Jacobian with a vector: (func(inputs), J v).

    It is found by differentiating v^T J with respect to v. Same as torch.autograd.functional.jvp.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As in `jacobian`.
    v : Tensor or tuple of Tensor, optional
        Of the shape of the inputs; default 1 for one element.

    Examples
    --------
    >>> fastnn.autograd.functional.jvp(lambda x: x**2, fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    inputs, _ = _inputs(inputs, create_graph)
    outputs, one_output = _outputs(func, inputs)
    v = _vectors(v, inputs, "takes")
    found = []
    for y in outputs:
        probe = creation.zeros_like(y).requires_grad_()
        with enable_grad():
            first = _grads(y, inputs, True, strict, grad_outputs=probe)
            product = sum((g * weight).sum() for g, weight in zip(first, v))
        found.extend(_grads(product, (probe,), create_graph, False))
    return _same(_finish(outputs, create_graph), one_output), _same(_finish(found, create_graph), one_output)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """Value of a function with one value, and product of a vector with its Hessian: (func(inputs), v^T H).

    Same as torch.autograd.functional.vhp.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As in `jacobian`.
    v : Tensor or tuple of Tensor, optional
        Of the shape of the inputs; default 1 for one element.

    Examples
    --------
    >>> fastnn.autograd.functional.vhp(lambda x: (x**3).sum(), fastnn.tensor([1.0, 2.0]), fastnn.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    inputs, one_input = _inputs(inputs, create_graph)
    outputs, one_output = _outputs(func, inputs)
    v = _vectors(v, inputs, "takes")
    with enable_grad():
        first = _grads(outputs[0], inputs, True, strict)
        product = sum((g * weight).sum() for g, weight in zip(first, v))
    found = _grads(product, inputs, create_graph, strict)
    return _same(_finish(outputs, create_graph), one_output), _same(_finish(found, create_graph), one_input)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """Value of a function with one value, and product of its Hessian with a vector: (func(inputs), H v).

    Same as torch.autograd.functional.hvp; H is symmetric, so it is computed as `vhp`.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As in `vhp`.

    Examples
    --------
    >>> fastnn.autograd.functional.hvp(lambda x: (x**3).sum(), fastnn.tensor([1.0, 2.0]), fastnn.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
