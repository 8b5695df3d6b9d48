"""``torch.storage``: classes of the memory behind tensors, as names; ``tensor.untyped_storage()`` gives the memory."""


class UntypedStorage:
    """Bytes behind tensors; not made by hand here."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"torch.{type(self).__name__}: storages are not made by hand; a tensor has its memory")


class TypedStorage(UntypedStorage):
    """The same with a dtype."""
