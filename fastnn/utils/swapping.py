"""Exchange of two tensors' contents."""
from fastnn._tensor import Tensor, attributes


def swap_tensors(t1, t2):
    """Exchange the contents of two tensors of one class, whoever holds them: numbers, gradients, attributes.

    Same as torch.utils.swap_tensors, for leaves of the graph.

    Parameters
    ----------
    t1, t2 : Tensor

    Raises
    ------
    RuntimeError
        A tensor was made by an operation that is recorded.
    NotImplementedError
        Their classes differ.

    Examples
    --------
    >>> a, b = fastnn.zeros(1), fastnn.ones(2)
    >>> fastnn.utils.swap_tensors(a, b)
    >>> a, b
    (tensor([1., 1.]), tensor([0.]))
    """
    for name, tensor in (("t1", t1), ("t2", t2)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"swap_tensors: expected {name} to be a Tensor, got {type(tensor).__name__}")
        if tensor.grad_fn is not None:
            raise RuntimeError(f"swap_tensors: expected {name} to be a leaf, got what {tensor.grad_fn.name()} made")
    if type(t1) is not type(t2):
        raise NotImplementedError(f"swap_tensors: tensors of two classes, {type(t1).__name__} and {type(t2).__name__}")
    first, second = ((tensor.detach(), tensor.requires_grad, tensor.grad, attributes(tensor)) for tensor in (t1, t2))
    for tensor, (numbers, needs, grad, added) in ((t1, second), (t2, first)):
        tensor.requires_grad = False
        tensor.grad = None
        tensor.data = numbers
        tensor.requires_grad, tensor.grad = needs, grad
        for name in attributes(tensor):
            delattr(tensor, name)
        for name, value in added.items():
            setattr(tensor, name, value)
