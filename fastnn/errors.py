"""Exceptions that both a PyTorch user and a NumPy user can catch by the class they expect.

PyTorch raises ``RuntimeError`` for most bad input, NumPy ``ValueError`` or ``TypeError``; each class here is both.
"""
import pickle


class ShapeError(ValueError, RuntimeError):
    """Shapes or sizes do not fit the operation; a ValueError and a RuntimeError.

    Examples
    --------
    >>> try:
    ...     nn.Linear(2, 3)(fastnn.ones(4, 5))
    ... except RuntimeError as error:
    ...     print(error)
    linear: expected input (*, 2), got (4, 5)
    """


class DTypeError(TypeError, RuntimeError):
    """The operation does not take this dtype, or not this mixture of dtypes; a TypeError and a RuntimeError.

    Examples
    --------
    >>> try:
    ...     nn.Linear(2, 3)(fastnn.ones(4, 2, dtype=fastnn.float64))
    ... except TypeError as error:
    ...     print(type(error).__name__)
    DTypeError
    """


class FileFormatError(ValueError, RuntimeError):
    """The file is not what it should be: damaged, cut off, or of another format; a ValueError and a RuntimeError.

    Examples
    --------
    >>> import io
    >>> try:
    ...     fastnn.load(io.BytesIO(b"no tensors"))
    ... except ValueError as error:
    ...     print(type(error).__name__)
    FileFormatError
    """


class UnsafeFileError(FileFormatError, pickle.UnpicklingError):
    """The file holds an object whose loading could execute code, which the caller has not allowed.

    A FileFormatError, and a pickle.UnpicklingError as in PyTorch.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> fastnn.save(nn.Linear(1, 1), file)
    >>> _ = file.seek(0)
    >>> try:
    ...     fastnn.load(file)
    ... except ValueError as error:
    ...     print(type(error).__name__)
    UnsafeFileError
    """


class OutOfMemoryError(MemoryError, RuntimeError):
    """The result would be larger than this machine's memory."""


class RangeError(ValueError, RuntimeError):
    """Numbers outside of where the operation is defined; a ValueError and a RuntimeError.

    Examples
    --------
    >>> try:
    ...     nn.BCELoss()(fastnn.tensor([2.0]), fastnn.tensor([1.0]))
    ... except ValueError as error:
    ...     print(type(error).__name__)
    RangeError
    """
