"""What kind a tensor is of."""
from fastnn._tensor import Tensor
from fastnn.vision import tv_tensors


def is_pure_tensor(inpt):
    """Whether it is a Tensor of no kind of `tv_tensors`.

    Same as torchvision.transforms.v2.functional.is_pure_tensor.

    Parameters
    ----------
    inpt : object

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.is_pure_tensor(fastnn.zeros(2))
    True
    """
    return isinstance(inpt, Tensor) and not isinstance(inpt, tv_tensors.TVTensor)
