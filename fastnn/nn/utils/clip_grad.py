"""Clipping gradients, all of a model together."""
import functools
import math
import types
import warnings

from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.ops import clip
from fastnn.ops.creation import tensor as new_tensor


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all tensors as one vector, a tensor without dimensions.

    Same as torch.nn.utils.get_total_norm.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float
        Order of the norm, default 2; inf is the largest absolute value.
    error_if_nonfinite : bool
        Whether an infinite or NaN norm is an error.
    foreach : bool, optional
        Accepted, without effect.

    Raises
    ------
    RuntimeError
        With `error_if_nonfinite`, if the norm is infinite or NaN.

    Examples
    --------
    >>> nn.utils.get_total_norm([fastnn.tensor([3.0]), fastnn.tensor([4.0])])
    tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return new_tensor(0.0)
    norm = clip.total_norm(tensors, norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
                           f"cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           f"anyway, set `error_if_nonfinite=False`")
    dtype = functools.reduce(lambda a, b: a if a == b or a.itemsize > b.itemsize else b, [t.dtype for t in tensors])
    return new_tensor(norm, dtype=dtype)


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Multiply gradients by max_norm / (total_norm + 1e-6) if that is less than 1.

    Same as torch.nn.utils.clip_grads_with_norm_.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose gradients are multiplied.
    max_norm : float
    total_norm : Tensor or float
    foreach : bool, optional
        Accepted, without effect.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.ones(2))
    >>> p.grad = fastnn.tensor([6.0, 8.0])
    >>> nn.utils.clip_grads_with_norm_([p], max_norm=5.0, total_norm=fastnn.tensor(10.0))
    >>> p.grad
    tensor([3.0000, 4.0000])
    """
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if not factor >= 1:  # NaN too
        clip.scale_(_gradients(parameters), factor)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale gradients so that their norm, all as one vector, is at most `max_norm` (Pascanu et al. 2013).

    Same as torch.nn.utils.clip_grad_norm_.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
    max_norm : float
    norm_type : float
        Order of the norm, default 2; inf is the largest absolute value.
    error_if_nonfinite : bool
        Whether an infinite or NaN norm is an error.
    foreach : bool, optional
        Accepted, without effect: it is always one call for all gradients.

    Returns
    -------
    Tensor
        The norm before scaling.

    Raises
    ------
    RuntimeError
        With `error_if_nonfinite`, if the norm is infinite or NaN.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.ones(2))
    >>> p.grad = fastnn.tensor([6.0, 8.0])
    >>> nn.utils.clip_grad_norm_([p], max_norm=5.0)
    tensor(10.)
    >>> p.grad
    tensor([3.0000, 4.0000])
    """
    if not isinstance(parameters, Tensor):
        generated = isinstance(parameters, types.GeneratorType)
        parameters = list(parameters)
        if generated and not parameters:
            warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Old name of `clip_grad_norm_`, with a FutureWarning.

    Parameters
    ----------
    parameters, max_norm, norm_type, error_if_nonfinite, foreach
        As in `clip_grad_norm_`.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.ones(2))
    >>> p.grad = fastnn.tensor([6.0, 8.0])
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     nn.utils.clip_grad_norm([p], max_norm=5.0)
    tensor(10.)
    """
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters, clip_value, foreach=None):
    """Limit the elements of gradients to [-clip_value, clip_value].

    Same as torch.nn.utils.clip_grad_value_.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
    clip_value : float
    foreach : bool, optional
        Accepted, without effect.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.ones(3))
    >>> p.grad = fastnn.tensor([-3.0, 0.5, 4.0])
    >>> nn.utils.clip_grad_value_(p, 1.0)
    >>> p.grad
    tensor([-1.0000,  0.5000,  1.0000])
    """
    clip_value = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)
