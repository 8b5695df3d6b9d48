"""``torch.cuda.nvtx``: marks for a profiler of devices, which raise when they are set."""
import contextlib

from fastnn.compat import _absent

_absent.fill(globals(), "cuda.nvtx", refused="mark range_end range_pop range_push range_start".split())


@contextlib.contextmanager
def range(msg, *args, **kwargs):  # noqa: A001 (PyTorch's name)
    """A context that raises when it is entered."""
    globals()["range_push"](msg)
    yield
