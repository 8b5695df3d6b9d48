"""Automatic differentiation: grad modes, gradients as a function, and operations of one's own."""
from fastnn.autograd.function import Function
from fastnn.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from fastnn.autograd.run import backward, grad

__all__ = ["Function", "backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]
