"""Exceptions that both a PyTorch user and a NumPy user can catch by the class they expect.

PyTorch raises ``RuntimeError`` for most bad input, NumPy ``ValueError`` or ``TypeError``; each class here is both.
Two checks that Python code makes everywhere say by which argument, what was expected and what came.
"""
import numbers
import pickle
import sys


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


class OptionError(ValueError, RuntimeError):
    """A number outside of what a draw allows; a ValueError, and a RuntimeError as in PyTorch."""


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


class IntegerError(ValueError, OverflowError):
    """A whole number that no 64 bits hold; a ValueError, as PyTorch's argument parser raises, and an OverflowError.

    Examples
    --------
    >>> try:
    ...     fastnn.eye(2 ** 64)
    ... except ValueError as error:
    ...     print(error)
    eye(): argument 'n' does not fit into 64 bits: 18446744073709551616
    """


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


def check_integer(value, name, where, least=1):
    """TypeError or ValueError unless `value` is an integer (and no bool) of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{where}: expected {name} to be an integer, got {shown(value)}")
    if value < least:
        raise ValueError(f"{where}: expected {name} of at least {least}, got {value}")


def check_number(value, name, where, least=0, below=float("inf"), kind="number"):
    """TypeError or ValueError unless ``least <= value < below``, which NaN never is."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{where}: expected {name} to be a {kind}, got {shown(value)}")
    if not least <= value < below:
        raise ValueError(f"{where}: expected {name} of at least {least} and less than {below}, got {value}")


def shown(value):
    """A value as a message has it: itself if it is short, else its type."""
    return repr(value) if isinstance(value, (int, float, complex, str, type(None), slice)) else type(value).__name__


def type_name(value):
    """The name of a class or function, or of another value's class, with its module unless it is built in."""
    kind = value if hasattr(value, "__qualname__") else type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def no_implicit_gradient(array):
    """What backward raises where an output gets no gradient and is not a real scalar, in PyTorch's words."""
    if array.size == 1:
        return RuntimeError(f"grad can be implicitly created only for real scalar outputs but got torch.{array.dtype}")
    return RuntimeError("grad can be implicitly created only for scalar outputs")


def copy_within_graph():
    return RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                        "the moment.")


def data_of_another_class():
    return RuntimeError("Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible "
                        "tensor type.")


def no_attribute(module, name, more="", obj=None):
    """What a module's ``__getattr__`` raises: with the name that was meant, which Python looks for among few names."""
    obj = sys.modules.get(module) if obj is None else obj
    names, close = dir(obj), []
    if len(names) >= 750:
        import difflib  # similar ones alone are compared: `hasattr` asks for many names
        similar = [other for other in names if other[:1] == name[:1] and abs(len(other) - len(name)) < 3]
        close = difflib.get_close_matches(name, similar, n=1, cutoff=0.7)
    more += "".join(f". Did you mean: {other!r}?" for other in close)
    return AttributeError(f"module {module!r} has no attribute {name!r}{more}", name=name, obj=obj)
