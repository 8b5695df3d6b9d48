"""Gradients of a program's functions compared with central differences (torch.autograd.gradcheck)."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd.run import grad


class GradcheckError(RuntimeError):
    """Numerical and analytical gradients differ."""


def _outputs(found):
    """The floating-point results; of complex ones both parts."""
    found = found if isinstance(found, (tuple, list)) else (found,)
    return [part for x in found if isinstance(x, Tensor) and (x.is_floating_point() or x.is_complex())
            for part in ((x.real, x.imag) if x.is_complex() else (x,))]


def _parts(array):
    """What is varied by itself: of complex numbers both parts, views."""
    return (array.real, array.imag) if array.dtype.kind == "c" else (array,)


def _numeric(func, inputs, which, eps):
    """Jacobians of all outputs with respect to one input, (its elements, the output's elements)."""
    x = inputs[which]
    columns = []
    for array in _parts(x.detach().numpy()):
        for place in np.ndindex(array.shape):
            before = array[place].copy()
            array[place] = before + eps
            high = [y.detach().numpy().astype(np.float64) for y in _outputs(func(*inputs))]
            array[place] = before - eps
            low = [y.detach().numpy().astype(np.float64) for y in _outputs(func(*inputs))]
            array[place] = before
            columns.append([((a - b) / (2 * eps)).reshape(-1) for a, b in zip(high, low)])
    return [np.stack(column) if columns else np.zeros((0, 0)) for column in zip(*columns)]


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0,
              check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
              check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True, fast_mode=False,
              masked=None):
    """Whether the gradients of ``func(*inputs)`` are those of central differences (f(x + eps) - f(x - eps)) / (2 eps).

    Same as torch.autograd.gradcheck.

    Parameters
    ----------
    func : callable
        Returns a Tensor or several.
    inputs : Tensor or tuple
        Those that require gradients are checked; they should be float64 or complex128.
    eps, atol, rtol : float
        Step, and tolerances; default 1e-6, 1e-5 and 1e-3.
    raise_exception : bool
        Whether a difference raises GradcheckError (default) or gives False.
    nondet_tol, check_undefined_grad, check_grad_dtypes, check_backward_ad, fast_mode, masked
        Accepted, without effect.
    check_batched_grad, check_batched_forward_grad, check_forward_ad : bool
        False alone.

    Raises
    ------
    GradcheckError
        Gradients differ.
    ValueError
        No input requires a gradient.

    Examples
    --------
    >>> x = fastnn.tensor([1.0, 2.0], dtype=fastnn.float64, requires_grad=True)
    >>> fastnn.autograd.gradcheck(fastnn.sin, x)
    True
    """
    if check_forward_ad or check_batched_grad or check_batched_forward_grad:
        raise NotImplementedError("gradcheck: forward mode and batched gradients are not implemented")
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have "
                         "requires_grad=True.")
    try:
        outputs = _outputs(func(*inputs))
        numeric = {i: _numeric(func, inputs, i, eps) for i in wanted}
        for j, y in enumerate(outputs):
            if not y.requires_grad:
                continue
            rows = []
            for k in range(y.numel()):
                seed = np.zeros(y.numel(), y.detach().numpy().dtype)
                seed[k] = 1
                rows.append(grad(y, [inputs[i] for i in wanted], from_array(seed.reshape(tuple(y.shape))),
                                 retain_graph=True, allow_unused=True))
            for place, i in enumerate(wanted):
                size = sum(part.size for part in _parts(inputs[i].detach().numpy()))
                analytic = np.zeros((size, y.numel()))
                for k, row in enumerate(rows):
                    if row[place] is not None:
                        found = _parts(row[place].detach().numpy())
                        analytic[:, k] = np.concatenate([part.reshape(-1) for part in found])
                if size and not np.allclose(analytic, numeric[i][j], rtol, atol, equal_nan=True):
                    raise GradcheckError(f"Jacobian mismatch for output {j} with respect to input {i},\n"
                                         f"numerical:{numeric[i][j]}\nanalytical:{analytic}\n")
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, **options):
    """`gradcheck` of the gradients of ``func(*inputs)``.

    Same as torch.autograd.gradgradcheck.

    Parameters
    ----------
    func, inputs, eps, atol, rtol, raise_exception
        As in `gradcheck`.
    grad_outputs : Tensor or tuple, optional
        Weights of the outputs; default random numbers.
    **options
        Accepted, without effect.

    Examples
    --------
    >>> x = fastnn.tensor([1.0, 2.0], dtype=fastnn.float64, requires_grad=True)
    >>> fastnn.autograd.gradgradcheck(fastnn.sin, x)
    True
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    outputs = _outputs(func(*inputs))
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        grad_outputs = [from_array(np.asarray(rng.standard_normal(tuple(y.shape)))).to(y.dtype).requires_grad_()
                        for y in outputs]
    grad_outputs = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)

    def first(*values):
        given, weights = values[:len(inputs)], values[len(inputs):]
        made = _outputs(func(*given))
        found = grad(made, [given[i] for i in wanted], weights, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)
    return gradcheck(first, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
