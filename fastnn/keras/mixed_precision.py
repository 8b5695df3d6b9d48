"""``keras.mixed_precision``: older names of `dtype_policies`."""
from fastnn.keras.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from fastnn.keras.optimizers import LossScaleOptimizer

Policy, global_policy, set_global_policy = DTypePolicy, dtype_policy, set_dtype_policy

__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy",
           "set_global_policy"]
