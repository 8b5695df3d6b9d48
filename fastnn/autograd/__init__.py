"""Automatic differentiation: grad modes, gradients as a function, and user-defined operations."""
from fastnn._tensor import Tensor
from fastnn.autograd import anomaly as anomaly_mode
from fastnn.autograd import function, functional, graph
from fastnn.autograd.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from fastnn.autograd.function import Function
from fastnn.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from fastnn.autograd.gradcheck import gradcheck, gradgradcheck
from fastnn.autograd.run import backward, grad
from fastnn.errors import no_attribute as _no_attribute

__all__ = ["Function", "Variable", "anomaly_mode", "backward", "detect_anomaly", "enable_grad", "function",
           "functional", "grad", "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_anomaly_enabled",
           "no_grad", "set_detect_anomaly", "set_grad_enabled"]


class _IsTensor(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor)


class Variable(metaclass=_IsTensor):
    """PyTorch's old name of a tensor with gradients: ``Variable(data, requires_grad=False)`` is a Tensor.

    Same as torch.autograd.Variable.

    Parameters
    ----------
    data : Tensor
    requires_grad : bool
    volatile : bool
        Accepted, without effect.

    Examples
    --------
    >>> fastnn.autograd.Variable(fastnn.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data, requires_grad=False, volatile=False):
        made = data.detach()
        return made.requires_grad_(requires_grad)


def __getattr__(name):
    if name == "profiler":  # few programs need it
        import importlib
        return importlib.import_module("fastnn.autograd.profiler")
    raise _no_attribute(__name__, name)
