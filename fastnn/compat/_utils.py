"""``torch._utils``, as far as libraries over PyTorch use it."""
import itertools
import sys

from fastnn.compat import module
from fastnn.ops.joining import cat
from fastnn.serialization.torch_files import CALLS


def _flatten_dense_tensors(tensors):
    """The numbers of all tensors as one vector."""
    return cat([x.reshape(-1) for x in tensors])


def _unflatten_dense_tensors(flat, tensors):
    """Parts of a vector in the shapes of tensors."""
    made, offset = [], 0
    for x in tensors:
        made.append(flat.narrow(0, offset, x.numel()).view(x.shape))
        offset += x.numel()
    return tuple(made)


def _take_tensors(tensors, size_limit):
    """Lists of tensors of one dtype, of about so many bytes."""
    groups = {}
    for x in tensors:
        group = groups.setdefault(x.dtype, [[], 0])
        if group[0] and group[1] + x.nbytes > size_limit:
            yield group[0]
            group[:] = [[], 0]
        group[0].append(x)
        group[1] += x.nbytes
    for group, _ in groups.values():
        if group:
            yield group


def _get_available_device_type():
    """None: there is no accelerator."""


def _get_device_module(device_type):
    """The module that stands for a device: ``torch.cpu``."""
    found = module(device_type)
    if found is None:
        raise RuntimeError(f"Device {device_type!r} does not have a corresponding module registered as "
                           f"'torch.{device_type}'.")
    return found


def _get_device_index(device, optional=False, allow_cpu=False):
    """-1: the CPU."""
    return -1


class ExceptionWrapper:
    """An exception with its traceback as text, to be raised elsewhere.

    Parameters
    ----------
    exc_info : tuple, optional
    where : str
    """

    def __init__(self, exc_info=None, where="in background"):
        import traceback
        exc_info = sys.exc_info() if exc_info is None else exc_info
        self.exc_type, self.where = exc_info[0], where
        self.exc_msg = "".join(traceback.format_exception(*exc_info))

    def reraise(self):
        """Raise it, with the text."""
        raise self.exc_type(f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}")




def _accumulate(iterable, fn=lambda a, b: a + b):
    """Sums of the first 1, 2, ... elements; ``itertools.accumulate``."""
    return itertools.accumulate(iterable, fn)


# What pickles of PyTorch's call to make tensors.
globals().update({name.removeprefix("torch._utils."): call for name, call in CALLS.items()
                  if name.startswith("torch._utils.")})
