"""Reductions made of other operations; those with kernels are in `reduce`."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops import arithmetic, reduce
from fastnn.ops._common import need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.named import Shown
from fastnn.ops.indexing import where


@operation()
def count_nonzero(input, dim=None):
    """How many elements are not 0.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional

    Examples
    --------
    >>> fastnn.count_nonzero(fastnn.tensor([0, 3, 5]))
    tensor(2)
    """
    return reduce.sum(input != 0, dim)


class aminmax_result(Shown):  # noqa: N801
    """(min, max)."""

    names = ("min", "max")


@operation(out=True)
def aminmax(input, *, dim=None, keepdim=False) -> aminmax_result:
    """(min, max) of everything or along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Returns
    -------
    tuple
        ``min`` and ``max``, with these names.

    Examples
    --------
    >>> fastnn.aminmax(fastnn.tensor([3, 1, 2]))
    torch.return_types.aminmax(
    min=tensor(1),
    max=tensor(3))
    """
    need_tensors("aminmax", input)
    if dim is None and input.numel() == 0:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity")
    dims = () if dim is None else dim
    low, high = reduce.amin(input, dims, keepdim), reduce.amax(input, dims, keepdim)
    if dim is None and keepdim:
        low, high = low.reshape((1,) * input.ndim), high.reshape((1,) * input.ndim)
    return aminmax_result((low, high))


@operation("fastnn")
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None) -> tuple[Tensor, Tensor]:
    """(variance, mean).

    Parameters
    ----------
    input : Tensor
    dim : int, tuple of ints or bool, optional
    unbiased : bool, optional
        Old form: True is `correction` 1, False 0.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    correction : number, optional
        What is taken from the number of elements; 1 if not given.

    Examples
    --------
    >>> fastnn.var_mean(fastnn.tensor([1.0, 3.0]))
    (tensor(2.), tensor(2.))
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (reduce.var(input, dim, unbiased, keepdim, correction=correction), reduce.mean(input, dim, keepdim))


@operation("fastnn")
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean).

    Parameters
    ----------
    input : Tensor
    dim : int, tuple of ints or bool, optional
    unbiased : bool, optional
        Old form: True is `correction` 1, False 0.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    correction : number, optional
        What is taken from the number of elements; 1 if not given.

    Examples
    --------
    >>> fastnn.std_mean(fastnn.tensor([0.0, 1.0, 2.0]))
    (tensor(1.), tensor(1.))
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (reduce.std(input, dim, unbiased, keepdim, correction=correction), reduce.mean(input, dim, keepdim))


@operation(out=True)
def nansum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum; NaN counts as 0.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.nansum(fastnn.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    need_tensors("nansum", input)
    if input.is_floating_point():
        input = where(from_array(np.asarray(np.isnan(input.detach().numpy()))), 0.0, input)
    return reduce.sum(input, dim, keepdim, dtype=dtype)


@operation(out=True)
def nanmean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean of those that are not NaN.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.nanmean(fastnn.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    need_tensors("nanmean", input)
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    count = reduce.sum(from_array(np.asarray(~np.isnan(x)).astype(x.dtype)), dim, keepdim)
    return arithmetic.div(nansum(input, dim, keepdim), count)
