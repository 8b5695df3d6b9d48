"""Exchange of memory with other array libraries by DLPack, through NumPy's implementation."""
import numpy as np

from fastnn._tensor import Tensor, from_array

__all__ = ["from_dlpack", "to_dlpack"]


def from_dlpack(ext_tensor):
    """A tensor that shares the memory of another library's array.

    Same as torch.utils.dlpack.from_dlpack. NumPy 2.1 lets nobody write into what it takes from others: there tensors
    made of other libraries' arrays are read-only.

    Parameters
    ----------
    ext_tensor : object with ``__dlpack__`` and ``__dlpack_device__``
        In main memory; of a dtype that tensors have.

    Raises
    ------
    TypeError
        `ext_tensor` is no such object (a bare capsule, say), or of a dtype that tensors lack.

    Examples
    --------
    >>> array = np.zeros(2, np.float32)
    >>> x = fastnn.from_dlpack(array)
    >>> array[0] = 5
    >>> x
    tensor([5., 0.])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__ and __dlpack_device__, got "
                        f"{type(ext_tensor).__name__}")
    if isinstance(ext_tensor, Tensor):
        ext_tensor.__dlpack__()  # refuses what it cannot share
        return ext_tensor.detach()
    return from_array(np.from_dlpack(ext_tensor))


def to_dlpack(tensor):
    """The DLPack capsule of a tensor; an old form of ``tensor.__dlpack__()``.

    Same as torch.utils.dlpack.to_dlpack.

    Parameters
    ----------
    tensor : Tensor

    Examples
    --------
    >>> from fastnn.utils.dlpack import to_dlpack
    >>> type(to_dlpack(fastnn.ones(2))).__name__
    'PyCapsule'
    """
    return tensor.__dlpack__()
