"""torch.nn.functional: operations of networks as functions of tensors."""
import functools
import warnings

from fastnn.ops import pointwise
from fastnn.ops import softmax as _softmax
from fastnn.ops.declare import operation as _operation
from fastnn.ops.functions import public as _public
from fastnn.ops.overriding import (  # noqa: F401
    handle_torch_function, has_torch_function, has_torch_function_unary, has_torch_function_variadic)


def _implicit_dim(name, ndim, stacklevel):
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  f"argument.", stacklevel=stacklevel)
    return 0 if ndim in (0, 1, 3) else 1


@_operation("nn")
def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / sum(exp(x)) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it 0 for inputs of 0, 1 or 3 dimensions, else 1, with PyTorch's warning.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.softmax(fastnn.zeros(1, 2), dim=1)
    tensor([[0.5000, 0.5000]])
    """
    dim = _implicit_dim("softmax", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.softmax(input, dim, dtype=dtype)


@_operation("nn")
def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it as in ``softmax``.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.log_softmax(fastnn.zeros(1, 2), dim=1)
    tensor([[-0.6931, -0.6931]])
    """
    dim = _implicit_dim("log_softmax", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.log_softmax(input, dim, dtype=dtype)


@_operation("nn")
def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Without it as in ``softmax``.
    _stacklevel : int, default 3
        The warning's ``stacklevel``.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> F.softmin(fastnn.tensor([[0.0, 1.0]]), dim=1)
    tensor([[0.7311, 0.2689]])
    """
    dim = _implicit_dim("softmin", input.ndim, _stacklevel) if dim is None else dim
    return _softmax.softmax(pointwise.neg(input), dim, dtype=dtype)


# PyTorch's Python functions, whose own names are all; behind its parser are those of "functional", below.
globals().update(_public("nn"))


def _in_place(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*args, inplace=True, **kwargs)
    wrapped.__name__, wrapped.__doc__ = function.__name__ + "_", f"``{function.__name__}`` in place."
    return wrapped


celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_ = [
    _in_place(globals()[name]) for name in "celu elu hardtanh leaky_relu relu rrelu selu threshold".split()]


_operation("functional")(celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_)
globals().update(_public("functional"))

__all__ = [name for name in sorted(globals()) if callable(globals()[name]) and not name.startswith("_")]
