"""Views by strides: ``as_strided`` and the windows of ``Tensor.unfold``."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import record, take_history, view_of
from fastnn.ops import indexing
from fastnn.ops._common import axis_of, need_dimensions, need_tensors
from fastnn.ops.arguments import int64_of, int64s_of
from fastnn.ops.declare import operation


def storage_of(array):
    """The memory that an array is a view of, as a flat array of bytes."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    whole = array if array.flags.c_contiguous else array.T
    if not whole.flags.c_contiguous:
        raise NotImplementedError("as_strided: the memory of the tensor is a part of another library's, with gaps")
    return whole.reshape(-1).view(np.uint8)


def _element_offsets(sizes, steps, offset):
    """Where the elements of a view lie, counted in elements from `offset` = 0."""
    offsets = np.full(sizes, offset)
    for axis, (size, step) in enumerate(zip(sizes, steps)):
        offsets += (np.arange(size) * step).reshape([-1 if i == axis else 1 for i in range(len(sizes))])
    return offsets


def _as_strided_backward(grad, own, view):
    """Every place of a view hands its gradient to the element that it shows, which may be one of the input's, several
    (of an expanded input; they share it) or none."""
    first = min(own.min(), view.min())
    memory = np.zeros(max(own.max(), view.max()) - first + 1, grad.dtype)
    np.add.at(memory, view.reshape(-1) - first, grad.reshape(-1))
    return memory[own - first] / np.bincount((own - first).reshape(-1))[own - first].astype(grad.dtype)


def _strided_backward(grad, shape, own, view):
    """`own`, `view`: (sizes, steps, first offset) of the input and of the view."""
    if not grad.size or 0 in shape:
        return np.zeros(shape, grad.dtype)
    if grad.dtype.kind == "V":  # of a format
        from fastnn.formats import in_numbers
        return in_numbers(_strided_backward, grad, shape, own, view)
    return _as_strided_backward(grad, _element_offsets(*own), _element_offsets(*view))


AS_STRIDED = Op("AsStridedBackward0", _strided_backward, "shape own view")


@AS_STRIDED.linear
def _strided(x, shape, own, view):
    if not x.size or 0 in view[0]:
        return np.zeros(view[0], x.dtype)
    own, wanted = _element_offsets(*own), _element_offsets(*view)
    memory = np.zeros(max(own.max(), wanted.max()) + 1, x.dtype)
    memory[own] = x
    return memory[wanted]


@operation(inplace="view")
def as_strided(input, size, stride, storage_offset=None):
    """The memory below a tensor with other sizes and steps, from another offset on (all counted in elements).

    Parameters
    ----------
    input : Tensor
    size : tuple of ints
    stride : tuple of ints
        Elements from one index to the next.
    storage_offset : int, optional
        The first element; the tensor's own if not given.

    Raises
    ------
    RuntimeError
        It would reach outside of the memory.

    Examples
    --------
    >>> fastnn.as_strided(fastnn.arange(4), (2, 2), (1, 1))
    tensor([[0, 1],
            [1, 2]])
    """
    need_tensors("as_strided", input)
    x = input.detach().numpy()
    memory = storage_of(x)
    need_dimensions("as_strided", len(size))
    size, stride = int64s_of("as_strided", "size", size), int64s_of("as_strided", "stride", stride)
    start = x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    offset = (start // x.itemsize if storage_offset is None else
              int64_of("as_strided", "storage_offset", storage_offset))
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(n < 0 for n in size):
        raise RuntimeError(f"as_strided: sizes must not be negative, got {list(size)}")
    if any(step < 0 for step in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if all(size) and (last + 1) * x.itemsize > memory.size:
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out "
                           f"of bounds for storage of {memory.size // x.itemsize} elements")
    steps = [min(step, 2 ** 40) for step in stride]  # what is larger is never taken
    try:
        out = (np.ndarray(size, x.dtype, memory, offset * x.itemsize, [step * x.itemsize for step in steps])
               if all(size) else np.empty(size, x.dtype))
    except ValueError:
        raise RuntimeError(f"as_strided: sizes {list(size)}: too many elements") from None
    out.flags.writeable = x.flags.writeable
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    own = x.shape, [step // x.itemsize for step in x.strides], start // x.itemsize  # not x: no memory of it is read
    return take_history(viewed, record(out, AS_STRIDED, (input,), (x.shape, own, (size, steps, offset))))


def _unfold_backward(grad, shape, dim, size, step):
    dx = np.zeros(shape, grad.dtype)
    moved = np.moveaxis(dx, dim, 0)
    for i, window in enumerate(np.moveaxis(grad, dim, 0)):
        moved[i * step:i * step + size] += np.moveaxis(window, -1, 0)
    return dx


UNFOLD = Op("UnfoldBackward0", _unfold_backward, "shape dim size step")


@UNFOLD.linear
def _unfold(x, shape, dim, size, step):
    """A view."""
    sizes = (*shape[:dim], (shape[dim] - size) // step + 1, *shape[dim + 1:], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1:], x.strides[dim])
    return np.lib.stride_tricks.as_strided(x, sizes, strides, writeable=x.flags.writeable)


@operation("Tensor")
def unfold(input, dimension, size, step):
    """Windows of `size` elements along a dimension, `step` apart, as a new last dimension (a view).

    Parameters
    ----------
    input : Tensor
    dimension : int
    size : int
    step : int

    Examples
    --------
    >>> fastnn.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    need_tensors("unfold", input)
    dim = axis_of(dimension, input.ndim)
    x = input.detach().numpy() if input.ndim else input.detach().numpy().reshape(1)
    size, step = int64_of("unfold", "size", size), min(int64_of("unfold", "step", step), 2 ** 40)
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > x.shape[dim]:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {x.shape[dim]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if input.ndim == 0 or size == 0:
        count = (x.shape[dim] - size) // step + 1
        return input.reshape(1)[:size] if input.ndim == 0 else indexing.getitem(
            input, (slice(None),) * dim + (slice(0, 0),)).reshape((*x.shape[:dim], count, *x.shape[dim + 1:], 0))
    out = _unfold(x, x.shape, dim, size, step)
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    return take_history(viewed, record(out, UNFOLD, (input,), (x.shape, dim, size, step)))
