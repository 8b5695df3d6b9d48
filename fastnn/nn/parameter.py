"""Tensors that modules own."""
from fastnn import _tensor
from fastnn._tensor import Tensor


class Parameter(Tensor):
    """A tensor that a Module registers when it is assigned as an attribute, and optimizers train.

    Parameters
    ----------
    data : Tensor
        Its memory is shared.
    requires_grad : bool
        Whether gradients are wanted.
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            from fastnn.ops.creation import empty
            data = empty(0)
        made = Tensor.__new__(cls)
        return _tensor.adopt(made, data.detach().numpy(), requires_grad)

    def __init__(self, data=None, requires_grad=True):
        pass

    def __deepcopy__(self, memo):
        """Its numbers alone, as in PyTorch: the gradient and what a program added stay with the original."""
        if id(self) not in memo:
            array = self.detach().numpy().copy(order="K")
            memo[id(self)] = _tensor.adopt(Tensor.__new__(type(self)), array, self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer when it is assigned as an attribute."""

    def __new__(cls, data, *, persistent=True):
        made = _tensor.adopt(Tensor.__new__(cls), data.detach().numpy(), False)
        made.persistent = persistent
        return made

    def __init__(self, data, *, persistent=True):
        pass
