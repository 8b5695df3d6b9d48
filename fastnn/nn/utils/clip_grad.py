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
    """The norm of all tensors as one vector (what their own norms' norm is), a 0-d tensor.

    Raises
    ------
    RuntimeError
        With `error_if_nonfinite`, if the norm is infinite or NaN.
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
    """Multiply the gradients by max_norm / total_norm if that is less than 1."""
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if not factor >= 1:  # NaN too
        clip.scale_(_gradients(parameters), factor)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale the gradients so that their norm, all as one vector, is at most `max_norm` (Pascanu et al. 2013).

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
    max_norm : float
    norm_type : float
        Order of the norm; inf is the largest absolute value.
    error_if_nonfinite : bool
        Raise RuntimeError if the norm is infinite or NaN.
    foreach : bool, optional
        Accepted for compatibility: it is always one call for all gradients.

    Returns
    -------
    Tensor
        The norm before scaling.
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
    """Old name of `clip_grad_norm_`."""
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters, clip_value, foreach=None):
    """Limit the gradients' elements to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)
