"""What the modules of devices that are not there have in common."""
import functools
import warnings

from fastnn import dtypes


def refuse(name):
    """The function `name` of a device: an error when it is called."""
    def function(*args, **kwargs):
        raise dtypes.NoDevice(f"{name}: fastnn computes on the CPU alone, there is no such device")
    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = "Raise an error, AssertionError and RuntimeError: there is no such device."
    return function


def refused_class(name):
    """A class of a device, which annotations name and nothing is an instance of."""
    made = refuse(name)
    return type(name.rpartition(".")[2], (), {"__new__": lambda cls, *args, **kwargs: made(), "__doc__": made.__doc__,
                                              "__module__": f"torch.{name.rpartition('.')[0]}"})


def ignore(name, value=None):
    """The function `name` of a device, which has nothing to do: returns `value`."""
    def function(*args, **kwargs):
        return value
    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Do nothing, return {value!r}: there is no such device."
    return function


def fill(namespace, device, refused=(), ignored=(), zero=()):
    """Put the named functions of ``torch.<device>`` into a module's namespace."""
    for name in refused:
        namespace[name] = refused_class(f"{device}.{name}") if name[0].isupper() else refuse(f"{device}.{name}")
    for name in ignored:
        namespace[name] = ignore(f"{device}.{name}")
    for name in zero:
        namespace[name] = ignore(f"{device}.{name}", 0)


class NoOp:
    """A context manager and decorator that changes nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self:
                return function(*args, **kwargs)
        return wrapped


def warn(message):
    """A warning at the place of the program that called into fastnn."""
    warnings.warn(message, UserWarning, stacklevel=3)
