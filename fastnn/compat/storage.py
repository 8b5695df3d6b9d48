"""``torch.storage``: classes of the memory behind tensors."""
from fastnn.ops.storage import TypedStorage, UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]
