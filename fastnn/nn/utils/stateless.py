"""The older place of ``torch.func.functional_call``."""
import warnings

from fastnn import func

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """`fastnn.func.functional_call`, with one dictionary."""
    warnings.warn("`torch.nn.utils.stateless.functional_call` is deprecated; use `torch.func.functional_call`",
                  FutureWarning, stacklevel=2)
    return func.functional_call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
