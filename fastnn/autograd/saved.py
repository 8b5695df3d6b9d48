"""What nodes of the graph keep for backward: hooks that keep it in another form, and how programs look at it."""
import numpy as np

from fastnn import _tape, dtypes
from fastnn._tensor import Tensor, from_array

_hooks = []     # [(pack, unpack)]: the last are in force
_refusals = []  # why there may be none, the last in force


class Held:
    """What a pack hook made of a tensor."""

    __slots__ = ("dtype", "packed", "shape", "unpack")

    def __init__(self, tensor):
        pack, self.unpack = _hooks[-1]
        self.packed, self.shape, self.dtype = pack(tensor), tuple(tensor.shape), tensor.dtype

    def tensor(self):
        """What the unpack hook makes of it."""
        found = self.unpack(self.packed)
        if not isinstance(found, Tensor):
            raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                            f"{type(found)}")
        if tuple(found.shape) != self.shape or found.dtype is not self.dtype:
            raise RuntimeError(f"saved_tensors_hooks: expected the unpack hook to give a tensor of shape {self.shape} "
                               f"and {self.dtype}, as it was packed, got {tuple(found.shape)} and {found.dtype}")
        return found


_KINDS = {np.dtype(kind.numpy) for kind in map(dtypes.__dict__.get, ("float32", "float64", "float16", "int64"))}


def packed(values):
    """A node's saved values with arrays of numbers as `Held`; the same tuple if there are none."""
    if not _hooks:
        return values
    found = tuple(Held(from_array(value)) if isinstance(value, np.ndarray) and value.dtype in _KINDS else
                  packed(value) if type(value) is tuple else value for value in values)
    return found if any(new is not old for new, old in zip(found, values)) else values


def unpacked(values):
    """The reverse of `packed`."""
    return tuple(value.tensor().detach().numpy() if isinstance(value, Held) else
                 unpacked(value) if type(value) is tuple else value for value in values)


def active():
    """Whether hooks are in force."""
    return bool(_hooks)


class saved_tensors_hooks:  # noqa: N801 (PyTorch's name)
    """Context in which what operations save for backward is kept in a form of the program's own.

    Same as torch.autograd.graph.saved_tensors_hooks. The weights and states of recurrent layers stay as they are; the
    memory of what was saved may still not be changed before backward.

    Parameters
    ----------
    pack_hook : callable
        From a tensor to anything.
    unpack_hook : callable
        From that to a tensor of the same numbers, when backward needs it.

    Examples
    --------
    >>> from fastnn.autograd import graph
    >>> x = fastnn.tensor([2.0, 3.0], requires_grad=True)
    >>> with graph.saved_tensors_hooks(lambda tensor: tensor.tolist(), fastnn.tensor):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([4., 6.])
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        if _refusals:
            raise RuntimeError(_refusals[-1])
        _hooks.append((self.pack_hook, self.unpack_hook))
        _tape.set_packer(packed)

    def __exit__(self, *exception):
        _hooks.pop()
        _tape.set_packer(packed if _hooks else None)


class save_on_cpu(saved_tensors_hooks):  # noqa: N801 (PyTorch's name)
    """Context in which what operations save is kept on the CPU, where everything is: without effect.

    Same as torch.autograd.graph.save_on_cpu.

    Parameters
    ----------
    pin_memory, device_type : optional
        Without effect.

    Examples
    --------
    >>> with fastnn.autograd.graph.save_on_cpu():
    ...     y = fastnn.ones(1, requires_grad=True).exp()
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


class disable_saved_tensors_hooks:  # noqa: N801 (PyTorch's name)
    """Context in which `saved_tensors_hooks` are an error.

    Same as torch.autograd.graph.disable_saved_tensors_hooks.

    Parameters
    ----------
    error_message : str

    Examples
    --------
    >>> from fastnn.autograd import graph
    >>> with graph.disable_saved_tensors_hooks("not here"):
    ...     graph.save_on_cpu().__enter__()
    Traceback (most recent call last):
        ...
    RuntimeError: not here
    """

    def __init__(self, error_message):
        self.error_message = error_message

    def __enter__(self):
        if _hooks:
            raise RuntimeError(self.error_message)
        _refusals.append(self.error_message)

    def __exit__(self, *exception):
        _refusals.pop()


# PyTorch's names of what nodes keep, and those of this package.
_NAMES = {"self": ("x",), "other": ("y",), "result": ("z", "y"), "input": ("x",), "mat1": ("x",),
          "mat2": ("weight", "y"), "output": ("y",)}


def attribute(node, name):
    """``node._saved_<name>``: a tensor (an input that is a leaf itself)."""
    op, edges, values, *_ = _tape.parts_of(node)
    known = dict(zip(op.saves, values)) if op.saves and values else {}
    value = next((known[own] for own in (name, *_NAMES.get(name, ())) if isinstance(known.get(own), np.ndarray)), None)
    if value is None:
        raise AttributeError(f"{node.name()} has no attribute '_saved_{name}': fastnn's keeps the arrays "
                             f"{[own for own in known if isinstance(known[own], np.ndarray)]}")
    for leaf in edges:
        if isinstance(leaf, Tensor) and leaf.detach().numpy() is value:
            return leaf
    return from_array(value)
