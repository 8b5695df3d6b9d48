"""Exceptions that both a PyTorch user and a NumPy user can catch by the class they expect.

PyTorch raises ``RuntimeError`` for most bad input, NumPy ``ValueError`` or ``TypeError``; each class here is both.
"""
import pickle


class ShapeError(ValueError, RuntimeError):
    """Shapes or sizes do not fit the operation."""


class DTypeError(TypeError, RuntimeError):
    """The operation does not take this dtype, or not this mixture of dtypes."""


class FileFormatError(ValueError, RuntimeError):
    """The file is not what it should be: damaged, cut off, or of another format."""


class UnsafeFileError(FileFormatError, pickle.UnpicklingError):
    """The file holds an object whose loading could execute code, which the caller has not allowed."""
