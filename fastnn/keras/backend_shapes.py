"""The functions of ``tf.keras.backend`` for shapes and products; see `backend_functions`."""
import builtins
import math

from fastnn.keras import ops


def reshape(x, shape):
    """Tensor of another shape.

    Parameters
    ----------
    x : tensor
    shape : tuple

    Examples
    --------
    >>> keras.backend.reshape([1, 2, 3, 4], (2, 2))
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return ops.reshape(x, shape)


def flatten(x):
    """All elements as a vector.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.flatten([[1, 2], [3, 4]])
    tensor([1, 2, 3, 4], dtype=torch.int32)
    """
    return ops.reshape(x, (-1,))


def batch_flatten(x):
    """(batch, ...) -> (batch, product of the other sizes)

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.batch_flatten(np.ones((2, 3, 4))).shape
    torch.Size([2, 12])
    """
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


def expand_dims(x, axis=-1):
    """Inserts an axis of size 1.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.expand_dims(np.ones(2)).shape
    torch.Size([2, 1])
    """
    return ops.expand_dims(x, axis)


def squeeze(x, axis):
    """Removes an axis of size 1.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.squeeze(np.ones((2, 1)), 1).shape
    torch.Size([2])
    """
    return ops.squeeze(x, axis)


def permute_dimensions(x, pattern):
    """Axes in another order.

    Parameters
    ----------
    x : tensor
    pattern : sequence of int

    Examples
    --------
    >>> keras.backend.permute_dimensions(np.ones((2, 3)), (1, 0)).shape
    torch.Size([3, 2])
    """
    return ops.transpose(x, tuple(pattern))


def transpose(x):
    """Axes in reversed order.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.transpose(np.ones((2, 3))).shape
    torch.Size([3, 2])
    """
    return ops.transpose(x)


def concatenate(tensors, axis=-1):
    """Joins tensors along an axis.

    Parameters
    ----------
    tensors : list of tensor
    axis : int

    Examples
    --------
    >>> keras.backend.concatenate([np.ones((2, 3)), np.ones((2, 4))]).shape
    torch.Size([2, 7])
    """
    return ops.concatenate(tensors, axis)


def tile(x, n):
    """Repeats a tensor along each axis.

    Parameters
    ----------
    x : tensor
    n : int or list of int

    Examples
    --------
    >>> keras.backend.tile([1, 2], 2)
    tensor([1, 2, 1, 2], dtype=torch.int32)
    """
    return ops.tile(x, [n] if isinstance(n, int) else n)


def repeat(x, n):
    """Repeats samples: (samples, features) -> (samples, n, features).

    Parameters
    ----------
    x : tensor
    n : int

    Raises
    ------
    ValueError
        `x` is no matrix.

    Examples
    --------
    >>> keras.backend.repeat(np.ones((2, 3)), 4).shape
    torch.Size([2, 4, 3])
    """
    if len(x.shape) != 2:
        raise ValueError(f"Expected input `x` to have rank 2. Received: rank(x)={len(x.shape)}")
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def repeat_elements(x, rep, axis):
    """Repeats each element along an axis.

    Parameters
    ----------
    x : tensor
    rep : int
    axis : int

    Examples
    --------
    >>> keras.backend.repeat_elements([1, 2], 2, 0)
    tensor([1, 1, 2, 2], dtype=torch.int32)
    """
    return ops.repeat(x, rep, axis)


def reverse(x, axes):
    """Reverses axes.

    Parameters
    ----------
    x : tensor
    axes : int or sequence of int

    Examples
    --------
    >>> keras.backend.reverse([1, 2, 3], 0)
    tensor([3, 2, 1], dtype=torch.int32)
    """
    return ops.flip(x, axes)


def gather(reference, indices):
    """Slices along the first axis, by index.

    Parameters
    ----------
    reference : tensor
    indices : tensor of int

    Examples
    --------
    >>> keras.backend.gather([10, 20, 30], [2, 0])
    tensor([30, 10], dtype=torch.int32)
    """
    return ops.take(reference, ops.cast(indices, "int32"), 0)


def one_hot(indices, num_classes):
    """1 at the number's position along a new last axis, else 0.

    Parameters
    ----------
    indices : tensor of int
    num_classes : int

    Examples
    --------
    >>> keras.backend.one_hot([0, 2], 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    return ops.one_hot(indices, num_classes)


def dot(x, y):
    """Product of matrices, or of tensors over the last axis of `x` and the last but one of `y`.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.dot(np.ones((2, 3)), np.ones((3, 4))).shape
    torch.Size([2, 4])
    """
    return ops.dot(x, y) if len(x.shape) > 2 or len(y.shape) > 2 else ops.matmul(x, y)


def batch_dot(x, y, axes=None):
    """Product of two tensors for each sample, summed over one axis of each.

    Parameters
    ----------
    x, y : tensor (batch, ...)
    axes : int or pair of int, optional
        The last of `x` and the last but one of `y` without it.

    Raises
    ------
    ValueError
        Axis 0, fewer than two axes, or sizes that differ.

    Examples
    --------
    >>> keras.backend.batch_dot(np.ones((2, 3, 4)), np.ones((2, 4, 5))).shape
    torch.Size([2, 3, 5])
    """
    ranks = len(x.shape), len(y.shape)
    if builtins.min(ranks) < 2:
        raise ValueError("Cannot do batch_dot on inputs with rank < 2. "
                         f"Received inputs with tf.shapes {tuple(x.shape)} and {tuple(y.shape)}.")
    if axes is None:
        axes = ranks[0] - 1, builtins.max(ranks[1] - 2, 1)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % ranks[0], second % ranks[1]
    if not first or not second:
        raise ValueError("Cannot perform batch_dot over axis 0. If your inputs are not batched, add a dummy batch "
                         "dimension to your inputs using K.expand_dims(x, 0)")
    if None not in (x.shape[first], y.shape[second]) and x.shape[first] != y.shape[second]:
        raise ValueError(f"Cannot do batch_dot on inputs with tf.shapes {tuple(x.shape)} and {tuple(y.shape)} with "
                         f"axes={[first, second]}. x.shape[{first}] != y.shape[{second}] ({x.shape[first]} != "
                         f"{y.shape[second]}).")
    # batch: a; summed: b; the others their own letters
    left = ["a", *(chr(ord("c") + i) for i in range(ranks[0] - 2))]
    right = ["a", *(chr(ord("m") + i) for i in range(ranks[1] - 2))]
    result = left + right[1:]
    left.insert(first, "b")
    right.insert(second, "b")
    made = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x, y)
    return ops.expand_dims(made, 1) if ranks == (2, 2) else made
