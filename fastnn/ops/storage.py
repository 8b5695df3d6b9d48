"""The memory behind tensors, as programs ask for it: where it lies, how much it is."""
import warnings

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.ops import sharing
from fastnn.ops.declare import operation
from fastnn.ops.strides import storage_of


class UntypedStorage:
    """The bytes that a tensor and the views of it share. They are a tensor's; not made by hand here.

    Examples
    --------
    >>> x = fastnn.ones(2, 3)
    >>> x.untyped_storage().nbytes(), x[1].untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    (24, True)
    """

    device, is_cuda = dtypes.cpu, False

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"torch.{type(self).__name__}: storages are not made by hand; a tensor has its own")

    @classmethod
    def _of(cls, tensor):
        return cls._over(storage_of(tensor.detach().numpy()), tensor.dtype)

    @classmethod
    def _over(cls, array, dtype):
        made = object.__new__(cls)
        made._array, made.dtype = array, dtype  # flat, of bytes or elements
        return made

    def data_ptr(self):
        """The address; 0 where there are no bytes."""
        return self._array.__array_interface__["data"][0] if self._array.nbytes else 0

    def nbytes(self):
        """Bytes."""
        return self._array.nbytes

    def element_size(self):
        """1."""
        return 1

    def size(self):
        """The number of elements."""
        return self.nbytes() // self.element_size()

    def __len__(self):
        return self.size()

    def is_shared(self):
        """Whether other processes share it."""
        return sharing.memory_of(self._array) is not None

    def _bytes(self):
        return np.frombuffer(self._array, np.uint8)

    def _numbers(self, kind):
        """The whole memory as a flat array."""
        if self._array.dtype == kind.numpy:
            return self._array
        size = self.nbytes() // kind.itemsize * kind.itemsize
        return self._bytes()[:size].view(kind.numpy)

    def _elements(self, kind):
        """The whole memory as a tensor."""
        return from_array(self._numbers(kind))

    def tolist(self):
        """The numbers."""
        return self._bytes().tolist()

    def __getitem__(self, index):
        if not isinstance(index, slice):
            return self.tolist()[index]
        if index.step not in (None, 1):
            raise RuntimeError(f"storage: expected slices of step 1, got {index.step}")
        start, stop, _ = index.indices(len(self))
        size = self.element_size()
        part = self._bytes()[start * size:max(start, stop) * size]
        return self._over(np.frombuffer(memoryview(part), np.uint8), self.dtype)  # ends where it says

    def __array__(self, dtype=None, copy=None):
        found = self._bytes() if self.element_size() == 1 else self._bytes().view(self.dtype.numpy)
        return np.array(found, dtype, copy=copy)

    def __sizeof__(self):
        return 32 + self.nbytes()  # as much as PyTorch says, with what Python adds

    @classmethod
    def from_file(cls, filename, shared=False, nbytes=0):
        """The bytes of a file, mapped.

        Parameters
        ----------
        filename : str or path
        shared : bool
            Whether changes go to the file.
        nbytes : int
            How many.
        """
        array = np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)).view(np.ndarray)
        return UntypedStorage._over(array, dtypes.uint8)

    def __iter__(self):
        return iter(self.tolist())

    def __eq__(self, other):
        return isinstance(other, UntypedStorage) and type(self) is type(other) and \
            (self.data_ptr(), self.nbytes()) == (other.data_ptr(), other.nbytes())

    def __hash__(self):
        return hash((self.data_ptr(), self.nbytes()))

    def untyped(self):
        """The bytes."""
        made = object.__new__(UntypedStorage)
        made.__dict__.update(self.__dict__)
        return made

    _cdata, _untyped = property(data_ptr), property(untyped)


class TypedStorage(UntypedStorage):
    """The same memory as elements of the tensor's dtype.

    Examples
    --------
    >>> fastnn.ones(2, 3).storage().size()
    6
    """

    def element_size(self):
        """Bytes of an element."""
        return self.dtype.itemsize

    def tolist(self):
        """The numbers."""
        return self._elements(self.dtype).tolist()


@operation("Tensor")
def untyped_storage(self):
    """The memory that the tensor and its views share, as bytes.

    Examples
    --------
    >>> fastnn.ones(3).untyped_storage().nbytes()
    12
    """
    return UntypedStorage._of(self)


@operation("Tensor")
def storage(self):
    """The memory that the tensor and its views share, as elements.

    Examples
    --------
    >>> fastnn.arange(3).storage().tolist()
    [0, 1, 2]
    """
    return TypedStorage._of(self)


@operation("Tensor")
def is_set_to(self, tensor):
    """Whether another tensor has the same memory, shape and strides.

    Parameters
    ----------
    tensor : Tensor

    Examples
    --------
    >>> x = fastnn.ones(2, 3)
    >>> x.is_set_to(x.view(2, 3)), x.is_set_to(x[0])
    (True, False)
    """
    return (self.shape, self.stride(), self.data_ptr()) == (tensor.shape, tensor.stride(), tensor.data_ptr())


@operation("Tensor")
def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Let the tensor have the numbers, shape and memory of another one; nothing: become empty. Returns it.

    Parameters
    ----------
    source : Tensor or storage, optional
        A storage is taken as a vector of its elements.
    storage_offset, size, stride
        Of the tensor in that memory, as `as_strided` has them; the default is the source's.

    Examples
    --------
    >>> fastnn.zeros(1).set_(fastnn.ones(2))
    tensor([1., 1.])
    """
    if source is None:
        source = from_array(np.empty(0, self.dtype.numpy))
    if isinstance(source, UntypedStorage):
        source = source._elements(self.dtype)
        size = tuple(source.shape) if size is None and not storage_offset else size
    if not isinstance(source, Tensor):
        raise TypeError(f"set_: expected a Tensor or a storage, got {type(source).__name__}")
    if source.dtype is not self.dtype:
        raise RuntimeError(f"set_: Could not set tensor of type {source.dtype} to a tensor of type {self.dtype}")
    source = source.detach()
    if size is None and (storage_offset or stride is not None):
        raise TypeError("set_: expected size beside storage_offset and stride")
    if size is not None:
        rows = np.cumprod([1, *size[:0:-1]])[::-1].tolist() if stride is None else stride
        source = source.as_strided(size, rows, storage_offset)
    self.data = source
    return self


@operation("fastnn")
def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A tensor in the memory of a buffer: of bytes, a bytearray, an array, a mapped file.

    Parameters
    ----------
    buffer : object with the buffer protocol
    dtype : dtype
    count : int, default -1
        Elements; -1: all.
    offset : int, default 0
        Bytes before the first.
    requires_grad : bool, default False

    Raises
    ------
    ValueError
        The buffer has no bytes, or not so many.

    Examples
    --------
    >>> fastnn.frombuffer(bytearray(b"abc"), dtype=fastnn.uint8)
    tensor([97, 98, 99], dtype=torch.uint8)
    """
    view = memoryview(buffer).cast("B")
    size = dtype.itemsize
    if not len(view) or not 0 <= offset < len(view):
        raise ValueError(f"frombuffer: expected offset (got {offset}) within the buffer of {len(view)} bytes, which "
                         f"must not be empty")
    if count < 0:
        count, rest = divmod(len(view) - offset, size)
        if rest:
            raise ValueError(f"buffer length ({len(view) - offset} bytes) after offset ({offset} bytes) must be a "
                             f"multiple of element size ({size})")
    if count == 0 or offset + count * size > len(view):
        raise ValueError(f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be "
                         f"greater than actual buffer length ({len(view)} bytes)")
    if view.readonly:
        warnings.warn("The given buffer is not writable, and PyTorch does not support non-writable tensors: this one "
                      "is a copy", UserWarning, stacklevel=3)
        view = bytearray(view)
    made = from_array(np.frombuffer(view, dtype.numpy, count, offset))
    return made.requires_grad_() if requires_grad else made
