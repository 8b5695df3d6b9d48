"""Memory without a name that several processes map; loaded when a tensor is shared."""
import mmap
import os
import tempfile


class Memory(mmap.mmap):
    """Shared memory, which knows its handle; it goes with the last process that maps it."""

    handle = None

    @classmethod
    def new(cls, size):
        """Memory of zeros."""
        if os.name != "posix":
            raise NotImplementedError("share_memory_: memory is shared between processes on POSIX systems alone")
        if hasattr(os, "memfd_create"):
            handle = os.memfd_create("fastnn")
        else:
            with tempfile.TemporaryFile() as file:
                handle = os.dup(file.fileno())
        os.ftruncate(handle, size)
        return cls.of(handle, size)

    @classmethod
    def of(cls, handle, size):
        """The memory of a handle, which it owns from now on."""
        try:
            made = cls(handle, size)
        except BaseException:
            os.close(handle)
            raise
        made.handle = handle
        return made

    def __del__(self):
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
