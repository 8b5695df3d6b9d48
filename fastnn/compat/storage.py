"""``torch.storage``: classes of the memory behind tensors."""
import io

from fastnn import serialization
from fastnn.ops.storage import TypedStorage, UntypedStorage

StorageBase = UntypedStorage

__all__ = ["PyTorchFileReader", "StorageBase", "TypedStorage", "UntypedStorage"]


class PyTorchFileReader:
    """PyTorch's reader of its files, as a name: `fastnn.load` reads them."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("torch.PyTorchFileReader: files of PyTorch are read by torch.load")


def _load_from_bytes(b):
    """What a pickle of PyTorch's calls for the memory of a tensor."""
    return serialization.load(io.BytesIO(b), weights_only=False)
