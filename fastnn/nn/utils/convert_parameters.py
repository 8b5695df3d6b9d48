"""Parameters as one vector and back."""
from fastnn._tensor import Tensor
from fastnn.ops.shape import cat


def parameters_to_vector(parameters):
    """All elements of the parameters in one 1-D tensor."""
    return cat([parameter.view(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Give the parameters the elements of a vector, whose memory they then share."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    at = 0
    for parameter in parameters:
        size = parameter.numel()
        parameter.data = vec[at:at + size].view_as(parameter).data
        at += size
