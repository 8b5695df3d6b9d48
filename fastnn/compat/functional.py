"""``torch.functional``: functions that have this module in PyTorch, and that programs find in ``torch``."""
from fastnn import (atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_shapes, broadcast_tensors, cartesian_prod,
                    cdist, einsum, lu, meshgrid, norm, split, tensordot, unique, unique_consecutive, unravel_index)

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors",
           "cartesian_prod", "cdist", "einsum", "lu", "meshgrid", "norm", "split", "tensordot", "unique",
           "unique_consecutive", "unravel_index"]
