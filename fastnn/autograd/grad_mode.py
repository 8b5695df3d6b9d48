"""Switching the recording of operations on and off, for the current thread."""
import functools
import inspect
import warnings

from fastnn import _tensor


class _DecoratorContextManager:
    """A context manager that is a decorator too."""

    def __call__(self, function):
        if inspect.isgeneratorfunction(function):
            return _stepwise(self.clone, function)
        if inspect.isclass(function):
            warnings.warn("Decorating classes is deprecated and will be disabled in future versions. You should only "
                          "decorate functions or methods. To preserve the current behavior of class decoration, you "
                          "can directly decorate the `__init__` method and nothing else.", FutureWarning, stacklevel=2)

        @functools.wraps(function, updated=())
        def wrapped(*args, **kwargs):
            with self.clone():
                return function(*args, **kwargs)
        return wrapped

    def clone(self):
        """Another one, for a call of what is decorated."""
        return type(self)()


class _Mode(_DecoratorContextManager):
    """Whether operations are recorded."""

    def __enter__(self):
        self._before = _tensor.is_grad_enabled()
        _tensor.set_grad_mode(self._on)

    def __exit__(self, *exc):
        _tensor.set_grad_mode(self._before)


def _stepwise(mode, function):
    """A generator function whose body runs in the mode; its caller, between the steps, does not."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        steps = function(*args, **kwargs)
        resume, value = steps.send, None
        while True:
            try:
                with mode():
                    item = resume(value)
            except StopIteration as end:
                return end.value
            try:
                resume, value = steps.send, (yield item)
            except GeneratorExit:
                with mode():
                    steps.close()
                raise
            except BaseException as error:
                resume, value = steps.throw, error
    return wrapped


class _Bare(type):
    """Lets ``@no_grad`` stand without parentheses."""

    def __call__(cls, function=None):
        made = super().__call__()
        return made if function is None else made(function)


class no_grad(_Mode, metaclass=_Bare):  # noqa: N801 (PyTorch's name)
    """Context, and decorator, in which operations are not recorded: results do not require gradients.

    Same as torch.no_grad. It is a matter of the current thread.

    Parameters
    ----------
    function : callable, optional
        What to decorate.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.no_grad():
    ...     (x * 2).requires_grad
    False
    >>> @fastnn.no_grad()
    ... def double(x):
    ...     return x * 2
    >>> double(x).requires_grad
    False
    """

    _on = False


class enable_grad(_Mode, metaclass=_Bare):  # noqa: N801 (PyTorch's name)
    """Context, and decorator, in which operations are recorded, within `no_grad` too.

    Same as torch.enable_grad.

    Parameters
    ----------
    function : callable, optional
        What to decorate.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.no_grad():
    ...     with fastnn.enable_grad():
    ...         (x * 2).requires_grad
    True
    """

    _on = True


class set_grad_enabled(_Mode):  # noqa: N801 (PyTorch's name)
    """Recording on or off: at once when it is called, and as a context or decorator until its end.

    Same as torch.set_grad_enabled.

    Parameters
    ----------
    mode : bool

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.set_grad_enabled(False):
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self, mode):
        self._on = bool(mode)
        self._before = _tensor.is_grad_enabled()
        _tensor.set_grad_mode(self._on)

    def __call__(self, function):
        _tensor.set_grad_mode(self._before)  # as a decorator it acts only around the function
        return super().__call__(function)

    def clone(self):
        return set_grad_enabled(self._on)

    def __enter__(self):
        _tensor.set_grad_mode(self._on)


class inference_mode(_Mode):  # noqa: N801 (PyTorch's name)
    """`no_grad` under PyTorch's other name; tensors made inside are ordinary ones here.

    Same as torch.inference_mode otherwise.

    Parameters
    ----------
    mode : bool
        False: nothing changes.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> with fastnn.inference_mode():
    ...     (x * 2).requires_grad
    False
    """

    def __new__(cls, mode=True):
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode=True):
        self._mode = mode
        self._on = not mode and _tensor.is_grad_enabled()

    def clone(self):
        return inference_mode(self._mode)

    def __enter__(self):
        super().__enter__()
        self._inference_before = _tensor.is_inference_mode_enabled()
        _tensor.set_inference_mode(self._mode)

    def __exit__(self, *exc):
        super().__exit__(*exc)
        _tensor.set_inference_mode(self._inference_before)
