"""``torch._assert`` and ``torch._check``, with which libraries state what must hold."""

__all__ = ["_assert", "_check", "_check_index", "_check_is_size", "_check_not_implemented", "_check_type",
           "_check_value", "_check_with"]


def _assert(condition, message):
    """``assert`` as a function.

    Parameters
    ----------
    condition : bool or Tensor
    message : str

    Raises
    ------
    AssertionError
        The condition does not hold.

    Examples
    --------
    >>> fastnn._assert(fastnn.ones(2).ndim == 1, "expected a vector")
    """
    if not condition:
        raise AssertionError(message)


def _check_with(error_type, cond, message=None):
    """Raise an error of a class unless a condition holds.

    Parameters
    ----------
    error_type : type
    cond : bool
    message : callable, optional
        Gives the text.

    Examples
    --------
    >>> fastnn._check_with(ValueError, 1 < 2, lambda: "expected less")
    """
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is not None and not callable(message):
        raise TypeError("message must be a callable")
    raise error_type("Expected cond to be True, but got False." if message is None else str(message()))


def _of(name, error_type):
    def check(cond, message=None):
        _check_with(error_type, cond, message)
    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"""Raise {error_type.__name__} unless a condition holds.

    Parameters
    ----------
    cond : bool
    message : callable, optional
        Gives the text.

    Examples
    --------
    >>> fastnn.{name}(1 < 2, lambda: "expected less")
    """
    return check


_check = _of("_check", RuntimeError)
_check_index = _of("_check_index", IndexError)
_check_value = _of("_check_value", ValueError)
_check_type = _of("_check_type", TypeError)
_check_not_implemented = _of("_check_not_implemented", NotImplementedError)


def _check_is_size(i, message=None, *, max=None):  # noqa: A002 (PyTorch's name)
    """Raise RuntimeError unless a number may be a size.

    Parameters
    ----------
    i : int
    message : callable, optional
    max : int, optional

    Examples
    --------
    >>> fastnn._check_is_size(3)
    """
    _check(i >= 0 and (max is None or i <= max), message)
