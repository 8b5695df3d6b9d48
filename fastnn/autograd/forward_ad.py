"""``torch.autograd.forward_ad``: no tensor has a tangent here; `fastnn.func.jvp` gives products with the Jacobian."""
from typing import NamedTuple

from fastnn._tensor import Tensor

__all__ = ["UnpackedDualTensor", "unpack_dual"]

_current_level = -1


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent.

    Parameters
    ----------
    primal : Tensor
    tangent : Tensor or None
    """

    primal: Tensor
    tangent: Tensor | None


def unpack_dual(tensor, *, level=None):
    """(tensor, None): outside of a level of forward differentiation there is no tangent.

    Parameters
    ----------
    tensor : Tensor
    level : int, optional

    Examples
    --------
    >>> from fastnn.autograd import forward_ad
    >>> forward_ad.unpack_dual(fastnn.ones(1)).tangent is None
    True
    """
    return UnpackedDualTensor(tensor, None)
