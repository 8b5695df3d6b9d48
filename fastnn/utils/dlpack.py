"""Exchange of memory with other array libraries by DLPack, through NumPy's implementation."""
import numpy as np

from fastnn._tensor import from_array

__all__ = ["from_dlpack", "to_dlpack"]


def from_dlpack(ext_tensor):
    """A tensor that shares the memory of another library's array.

    Parameters
    ----------
    ext_tensor : object with ``__dlpack__`` and ``__dlpack_device__``
        In main memory; of a dtype that tensors have.

    Raises
    ------
    TypeError
        `ext_tensor` is no such object (a bare capsule, say), or of a dtype that tensors lack.
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__ and __dlpack_device__, got "
                        f"{type(ext_tensor).__name__}")
    return from_array(np.from_dlpack(ext_tensor))


def to_dlpack(tensor):
    """The DLPack capsule of a tensor; an old form of ``tensor.__dlpack__()``."""
    return tensor.__dlpack__()
