"""Unpooling: zeros with the elements of a maximum pooling where they came from."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import record
from fastnn.errors import ShapeError
from fastnn.ops._common import need_real, need_tensors, room
from fastnn.ops.declare import operation
from fastnn.ops.pool import pair_of, single_of, triple_of, triples_of


def _unpool_size(name, shape, kernel, stride, padding, output_size):
    usual = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(shape[-len(kernel):], kernel, stride, padding)]
    if output_size is None:
        size = usual
    else:
        size = list(output_size)
        if len(size) == len(kernel) + 2:
            size = size[2:]
        if len(size) != len(kernel):
            raise ValueError(f"{name}: output_size should be a sequence containing {len(kernel)} or {len(kernel) + 2} "
                             f"elements, but it has a length of '{len(size)}'")
        for d, (n, s) in enumerate(zip(usual, stride)):
            if not n - s < size[d] < n + s:
                raise ValueError(f'{name}: invalid output_size "{size}" (dim {d} must be between {n - s} and {n + s})')
    if min(size) < 0:
        raise ShapeError(f"{name}: expected an output_size of at least 0, got {size}")
    return tuple(size)


def _unpool_backward(grad, shape, index, result):
    n = len(index)
    if not n or 0 in shape:
        return np.zeros(shape, grad.dtype)
    return np.take_along_axis(grad.reshape(n, -1), index, 1).reshape(shape)


UNPOOL = Op("MaxUnpool2DBackward0", _unpool_backward, "shape index result")


@UNPOOL.linear
def _unpooled(x, shape, index, result):
    """Of several at one index the last one counts."""
    y, n = np.zeros(result, x.dtype), len(index)
    if n:
        np.put_along_axis(y.reshape(n, -1), index, x.reshape(n, -1), 1)
    return y


def _unpool(name, input, indices, size, dims):
    """Zeros with the input's numbers at their indices, of which the last one counts; by NumPy."""
    need_tensors(name, input, indices)
    if indices.numpy().dtype != np.int64:
        raise RuntimeError(f"{name}: elements in indices should be type int64 but got: {indices.dtype}")
    x, shape, count = input.detach().numpy(), tuple(input.shape), len(dims)
    if input.shape != indices.shape:
        raise ShapeError(f"{name}: Expected shape of indices to be same as that of the input tensor ({list(shape)}) "
                         f"but got indices tensor with shape: {list(indices.shape)}")
    if len(shape) not in (count + 1, count + 2) or 0 in shape[1:]:
        raise ShapeError(f"{name}: Input to {name} should be a {count + 1}d or {count + 2}d Tensor with non-zero "
                         f"dimensions, but got {list(shape)}")
    room(name, (*shape[:-count], *size), x.itemsize)
    n, total = int(np.prod(shape[:-count])), int(np.prod(size))
    index = indices.numpy().reshape(n, -1) if n else np.zeros((0, 1), np.int64)
    if index.size and (index.min() < 0 or index.max() >= total):
        raise ShapeError(f"{name}: Found an invalid max index: expected 0 to {total - 1} (output volumes are of size "
                         f"{'x'.join(map(str, size))}), got {index.min()} to {index.max()}")
    saved = shape, index, shape[:-count] + size
    return record(_unpooled(x, *saved), UNPOOL, (input,), saved, (indices,))


@operation("nn")
def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool1d`` found them.

    Shape: input and indices (C, L) or (N, C, L), result (..., (L - 1) stride - 2 padding + kernel_size) or as
    `output_size` says, which may differ by less than a stride.

    Parameters
    ----------
    input : Tensor
    indices : Tensor of int64
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        As of the pooling.
    output_size : int or tuple of ints, optional
        Sizes of the result.

    Examples
    --------
    >>> F.max_unpool1d(*F.max_pool1d(fastnn.tensor([[1.0, 3.0, 5.0, 2.0]]), 2, return_indices=True), 2)
    tensor([[0., 3., 5., 0.]])
    """
    kernel = single_of("max_unpool1d: kernel_size", kernel_size),
    padding = single_of("max_unpool1d: padding", padding),
    stride = kernel if stride is None else (single_of("max_unpool1d: stride", stride),)
    need_tensors("max_unpool1d", input, indices)
    need_real("max_unpool1d", input)
    size = _unpool_size("max_unpool1d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool1d", input, indices, size, kernel)


@operation("nn")
def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool2d`` found them; shapes as for ``max_unpool1d``.

    Parameters
    ----------
    input : Tensor
    indices : Tensor of int64
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        As of the pooling.
    output_size : int or tuple of ints, optional
        Sizes of the result.

    Examples
    --------
    >>> F.max_unpool2d(*F.max_pool2d(fastnn.arange(4.0).reshape(1, 2, 2), 2, return_indices=True), 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    kernel, padding = pair_of(kernel_size), pair_of(padding)
    stride = kernel if stride is None else pair_of(stride)
    need_tensors("max_unpool2d", input, indices)
    need_real("max_unpool2d", input)
    size = _unpool_size("max_unpool2d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool2d", input, indices, size, kernel)


@operation("nn")
def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool3d`` found them; shapes as for ``max_unpool1d``.

    Parameters
    ----------
    input : Tensor
    indices : Tensor of int64
    kernel_size : int or tuple of ints
        Size of the windows.
    stride : int or tuple of ints, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of ints, default 0
        As of the pooling.
    output_size : int or tuple of ints, optional
        Sizes of the result.

    Examples
    --------
    >>> F.max_unpool3d(*F.max_pool3d(fastnn.arange(8.0).reshape(1, 2, 2, 2), 2, return_indices=True), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    kernel, padding = triples_of("max_unpool3d", kernel_size=kernel_size, padding=padding)
    stride = kernel if stride is None else triple_of(stride)
    need_tensors("max_unpool3d", input, indices)
    need_real("max_unpool3d", input)
    size = _unpool_size("max_unpool3d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool3d", input, indices, size, kernel)
