"""Functions of the top level that few programs call: older names, and in-place forms without a method."""
import functools
import math

import fastnn
from fastnn.nn import functional as F  # noqa: N812
from fastnn.ops._common import into, need_tensors
from fastnn.ops._function import Function
from fastnn.ops.inplace import changed


def _public(function):
    """A function of the top level, with NumPy's names of its parameters."""
    return Function(function, function.__name__)


def _in_place(name):
    function = getattr(F, name)

    def form(input, p, train):
        need_tensors(f"{name}_", input)
        return changed(f"{name}_", input, function, (p, train), {})
    form.__name__ = form.__qualname__ = f"{name}_"
    form.__doc__ = f"""``nn.functional.{name}`` in place.

    Parameters
    ----------
    input : Tensor
    p : float
    train : bool
    """
    return _public(form)


dropout_, alpha_dropout_, feature_alpha_dropout_ = map(_in_place, ("dropout", "alpha_dropout", "feature_alpha_dropout"))


@_public
def feature_dropout(input, p, train):
    """Whole channels become 0: `nn.functional.dropout2d` for any number of dimensions behind the second.

    Parameters
    ----------
    input : Tensor
        (N, C, ...)
    p : float
    train : bool

    Examples
    --------
    >>> fastnn.feature_dropout(fastnn.ones(1, 2, 3), 0.0, True).sum()
    tensor(6.)
    """
    need_tensors("feature_dropout", input)
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    shape = (*input.shape[:2], *[1] * (input.ndim - 2))
    return input * F.dropout(input.new_ones(shape), p) if train and p else input * 1


@_public
def feature_dropout_(input, p, train):
    """`feature_dropout` in place.

    Parameters
    ----------
    input : Tensor
    p : float
    train : bool
    """
    need_tensors("feature_dropout_", input)
    return changed("feature_dropout_", input, feature_dropout, (p, train), {})


def chain_matmul(*matrices, out=None):
    """The product of matrices; `linalg.multi_dot` of today.

    Parameters
    ----------
    *matrices : Tensor
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.chain_matmul(fastnn.eye(2), fastnn.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    if len(matrices) == 1 and isinstance(matrices[0], (tuple, list)):
        matrices = matrices[0]
    if len(matrices) == 1:
        return matrices[0]
    return fastnn.linalg.multi_dot(matrices, out=out)


def range(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None,  # noqa: A001
          pin_memory=False, out=None):
    """`arange` with its end included, of the default float type; PyTorch's older name.

    Parameters
    ----------
    start : number, default 0
    end : number
    step : number, default 1
    dtype, device, requires_grad, layout, pin_memory, out
        Those of `arange`.

    Examples
    --------
    >>> fastnn.range(1, 3)
    tensor([1., 2., 3.])
    """
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    steps = fastnn.arange(count, dtype=dtype or fastnn.get_default_dtype(), device=device, layout=layout,
                          pin_memory=pin_memory)
    return into("range", out, (steps * step + start).requires_grad_(requires_grad))


def empty_strided(size, stride, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """Undefined contents with the strides that are given.

    Parameters
    ----------
    size, stride : tuple of ints
    dtype, device, requires_grad, layout, pin_memory
        Those of `empty`.

    Examples
    --------
    >>> fastnn.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(f"dimensionality of sizes ({len(size)}) must match dimensionality of strides "
                           f"({len(stride)})")
    last = functools.reduce(lambda at, axis: at + (axis[0] - 1) * axis[1], zip(size, stride), 0)
    count = 0 if 0 in size else last + 1
    memory = fastnn.empty(count, dtype=dtype, device=device, layout=layout, pin_memory=pin_memory)
    return memory.as_strided(size, stride).requires_grad_(requires_grad)


_warn_always = False


def set_warn_always(b):
    """Noted, without effect: warnings come as Python's filters let them.

    Parameters
    ----------
    b : bool
    """
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled():
    """What `set_warn_always` was given last."""
    return _warn_always
