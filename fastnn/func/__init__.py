"""Functions of functions (torch.func): derivatives, functions of batches, modules called with other parameters."""
from fastnn.func.batches import vmap
from fastnn.func.derivatives import (functionalize, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize,
                                     vjp)
from fastnn.func.modules import functional_call, replace_all_batch_norm_modules_, stack_module_state

__all__ = ["functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
           "linearize", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
