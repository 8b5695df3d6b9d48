"""Paths and file objects: whole bytes in, and out so that a reader never sees half a file."""
import contextlib
import errno
import io
import os
import re
import stat

from fastnn.errors import FileFormatError


def write(pieces, target, op):
    """Write bytes, given piece by piece, to a path (atomically) or a binary file; `op` is named in errors."""
    if hasattr(target, "write"):
        if getattr(target, "closed", False):
            raise ValueError(f"{op}: the file is closed")
        if isinstance(target, io.TextIOBase):
            raise TypeError(f"{op}: expected a file opened in binary mode ('wb'), got a text file")
        for piece in pieces:
            _write_all(target, memoryview(piece), op)
        if hasattr(target, "flush"):  # what some file objects send their content at
            target.flush()
        return
    try:
        path = os.fsdecode(os.path.realpath(os.fspath(target)))
    except TypeError:
        raise TypeError(f"{op}: expected a path or a binary file, got {type(target).__name__}") from None
    with replacing(path, op) as file:
        for piece in pieces:
            file.write(piece)


def _write_all(target, piece, op):
    """One piece into a file object, which may take less than it is given."""
    while len(piece):
        written = target.write(piece)
        if written is None and not isinstance(target, io.RawIOBase):  # no count: it took all
            return
        if not isinstance(written, int) or not 0 < written <= len(piece):
            raise OSError(f"{op}: the file took {written!r:.40} of {len(piece)} bytes")
        piece = piece[written:]


@contextlib.contextmanager
def replacing(path, op):
    """A file to write, which takes the name `path` when the block ends, and vanishes if it fails.

    Readers see the old file or the new one, after a power failure too; when the block has ended, the new one. What
    processes that were killed meanwhile have left is removed.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{op}: {path} is a folder")
    if mode is not None and not stat.S_ISREG(mode):  # a device or a pipe
        with open(path, "wb") as file:
            yield file
        return
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{op}: there is no folder {folder}")
    if mode is not None and not os.access(path, os.W_OK):
        raise PermissionError(f"{op}: {path} is not writable")
    begin = os.fsdecode(b"." + os.fsencode(name)[:200] + b".")  # a name has at most 255 bytes
    _remove_abandoned(folder, begin)
    try:
        file = _locked(folder, begin)
    except OSError as error:
        raise type(error)(error.errno, f"{op}: cannot write into {folder}: {error.strerror}", path) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            os.replace(file.name, path)
        _sync_folder(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise


def _sync_folder(folder):
    """Let the names in a folder reach the disk, where the system can do that for folders."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:  # a folder to write into only, or Windows
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS, errno.EBADF):
            raise
    finally:
        os.close(handle)


def _lock(file):
    """Whether `file` is this process' own from now on; a lock ends with its process, however that ends."""
    import fcntl
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: everybody's file is taken for a living one's
        return None
    return True


def _locked(folder, begin):
    """A new file for the time of writing, locked."""
    while True:
        file = open(os.path.join(folder, f"{begin}{os.urandom(6).hex()}.tmp"), "xb")
        # Between its making and its locking another process may take it for an abandoned one.
        if _lock(file) is not False and os.path.exists(file.name):
            return file
        file.close()


def _remove_abandoned(folder, begin):
    """Remove what `_locked` made with the same beginning and no process holds any more."""
    def opener(path, flags):  # of whatever has such a name
        return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)

    names = ()
    with contextlib.suppress(OSError):  # the folder may be one to write into only
        names = os.listdir(folder)
    for name in names:
        if name.startswith(begin) and re.fullmatch(r"[0-9a-f]{12}\.tmp", name[len(begin):]):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError), open(path, "rb", opener=opener) as file:
                if _lock(file):
                    os.unlink(path)


class Reader(io.BufferedReader):
    """A file to read that makes no room for more than it has, however much is asked for: archives say sizes, too."""

    def __init__(self, path):
        super().__init__(open(path, "rb", buffering=0))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size=-1):
        left = max(self.size - self.tell(), 0)
        return super().read(left if size is None or not 0 <= size < left else size)


def read(source, op, parse):
    """What ``parse(file, size)`` makes of a path or binary file; refusals of it name the file."""
    if hasattr(source, "read"):
        name = getattr(source, "name", None) or type(source).__name__
        if getattr(source, "closed", False):
            raise ValueError(f"{op}: the file {name} is closed")
        data = source.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"{op}: expected a file opened in binary mode ('rb'), got a text file")
        file, size = io.BytesIO(data), len(data)
    else:
        try:
            name = os.fspath(source)
        except TypeError:
            raise TypeError(f"{op}: expected a path or a binary file, got {type(source).__name__}") from None
        file = Reader(name)
        size = file.size
    with file:
        try:
            return parse(file, size)
        except FileFormatError as error:
            raise type(error)(f"{op}: {name}: {error}") from None
