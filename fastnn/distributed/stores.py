"""Key-value stores of ``torch.distributed``, as names: processes find each other by MPI here."""


class Store:
    """Base of stores, none of which can be made."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"distributed.{type(self).__name__}: there are no stores; processes find each other "
                                  f"by MPI")


class TCPStore(Store):
    """A store behind a socket; not made here."""


class FileStore(Store):
    """A store in a file; not made here."""


class HashStore(Store):
    """A store in memory; not made here."""


class PrefixStore(Store):
    """A store within another one; not made here."""
