"""Parameters as one vector and back."""
from fastnn._tensor import Tensor
from fastnn.ops.joining import cat


def parameters_to_vector(parameters):
    """All elements of the parameters in one tensor of one dimension.

    Same as torch.nn.utils.parameters_to_vector.

    Parameters
    ----------
    parameters : iterable of Tensor

    Examples
    --------
    >>> nn.utils.parameters_to_vector([fastnn.ones(1, 2), fastnn.zeros(1)])
    tensor([1., 1., 0.])
    """
    return cat([parameter.view(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Give parameters the elements of a vector, whose memory they then share.

    Same as torch.nn.utils.vector_to_parameters.

    Parameters
    ----------
    vec : Tensor, shape (n,)
    parameters : iterable of Tensor

    Raises
    ------
    TypeError
        `vec` is no Tensor.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> nn.utils.vector_to_parameters(fastnn.arange(3.0), layer.parameters())
    >>> layer.weight.detach(), layer.bias.detach()
    (tensor([[0., 1.]]), tensor([2.]))
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    at = 0
    for parameter in parameters:
        size = parameter.numel()
        parameter.data = vec[at:at + size].view_as(parameter).data
        at += size
