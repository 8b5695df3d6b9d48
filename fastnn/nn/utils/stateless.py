"""The older name of ``torch.func.functional_call``."""
import warnings

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Old form of `fastnn.func.functional_call`, with one dictionary and a FutureWarning.

    Parameters
    ----------
    module, parameters_and_buffers, args, kwargs, tie_weights, strict
        As in `fastnn.func.functional_call`.

    Examples
    --------
    >>> import warnings
    >>> parameters = {"weight": fastnn.ones(1, 2), "bias": fastnn.zeros(1)}
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     nn.utils.stateless.functional_call(nn.Linear(2, 1), parameters, fastnn.ones(1, 2))
    tensor([[2.]])
    """
    from fastnn import func  # few programs need it
    warnings.warn("`torch.nn.utils.stateless.functional_call` is deprecated; use `torch.func.functional_call`",
                  FutureWarning, stacklevel=2)
    return func.functional_call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
