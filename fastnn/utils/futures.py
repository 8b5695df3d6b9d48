"""``torch.futures``: values that come later, set by the program itself; nothing here computes in the background."""
import threading
import traceback

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value that may come later.

    Parameters
    ----------
    devices
        Accepted if empty or None: there are no other devices.

    Examples
    --------
    >>> from fastnn.utils.futures import Future
    >>> future = Future()
    >>> doubled = future.then(lambda done: done.value() * 2)
    >>> future.set_result(3)
    >>> doubled.wait()
    6
    """

    def __init__(self, *, devices=None):
        if devices:
            raise ValueError("Future: expected no devices, fastnn computes on the CPU alone")
        self._changed, self._callbacks = threading.Condition(), []
        self._done, self._value, self._error = False, None, None

    def __class_getitem__(cls, item):
        return cls

    def done(self):
        """Whether there is a value or an error."""
        return self._done

    def wait(self):
        """The value, as soon as it is there; raises what `set_exception` gave."""
        with self._changed:
            self._changed.wait_for(self.done)
        return self.value()

    def value(self):
        """The value, which must be there.

        Raises
        ------
        RuntimeError
            It is not there yet.
        """
        if not self._done:
            raise RuntimeError("Future: value() was called before there is one; wait() waits for it")
        if self._error is not None:
            raise self._error
        return self._value

    def set_result(self, result):
        """Give the value; once."""
        self._set(result, None)

    def set_exception(self, result):
        """Give an exception, which `wait` and `value` raise."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._set(None, result)

    def _set(self, value, error):
        with self._changed:
            if self._done:
                raise RuntimeError("Future can only be marked completed once.")
            self._value, self._error, self._done = value, error, True
            callbacks, self._callbacks = self._callbacks, []
            self._changed.notify_all()
        for callback in callbacks:
            callback(self)

    def then(self, callback):
        """A Future of ``callback(self)``, which runs when this one is done; its error becomes the new one's."""
        made = Future()

        def run(done):
            try:
                value = callback(done)
            except Exception as error:
                made.set_exception(error)
            else:
                made.set_result(value)
        self._when_done(run)
        return made

    def add_done_callback(self, callback):
        """Call ``callback(self)`` when this one is done; what it raises is printed, as in PyTorch."""
        def run(done):
            try:
                callback(done)
            except Exception:
                traceback.print_exc()
        self._when_done(run)

    def _when_done(self, callback):
        with self._changed:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)


def collect_all(futures):
    """A Future of the list of `futures`, done when all of them are."""
    futures, made = list(futures), Future()
    left, lock = [len(futures)], threading.Lock()

    def one_more(_):
        with lock:
            left[0] -= 1
            last = not left[0]
        if last:
            made.set_result(futures)
    if not futures:
        made.set_result(futures)
    for future in futures:
        future._when_done(one_more)
    return made


def wait_all(futures):
    """The values of all, in order; raises the first error."""
    return [future.wait() for future in futures]
