"""Broadcasting and more dimensions, made of the views of `shape`."""
from fastnn._tensor import Tensor
from fastnn.ops import reduce
from fastnn.ops._common import broadcast_shapes
from fastnn.ops.declare import operation


@operation("Tensor")
def sum_to_size(input, *size):
    """Summed over the dimensions that broadcasting to the tensor's shape would have repeated.

    Parameters
    ----------
    input : Tensor
    *size : int

    Examples
    --------
    >>> fastnn.ones(3, 2).sum_to_size(1, 2)
    tensor([[3., 3.]])
    """
    size = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)
    if not size:
        return reduce.sum(input)
    extra = input.ndim - len(size)
    if extra < 0 or any(n != m and n != 1 for n, m in zip(size, tuple(input.shape)[extra:])):
        raise RuntimeError(f"size {list(size)} is not expandable to size {list(input.shape)}.")
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(size) if n == 1 != input.shape[i + extra])
    return reduce.sum(input, axes, True).reshape(size) if axes else input


@operation("fastnn.broadcast_shapes")
def broadcast_shapes_of(*shapes):
    """The shape that these shapes broadcast to.

    Parameters
    ----------
    *shapes : int or tuple of ints

    Raises
    ------
    RuntimeError
        They do not broadcast.

    Examples
    --------
    >>> fastnn.broadcast_shapes((3, 1), (2,))
    torch.Size([3, 2])
    """
    return broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes))


@operation()
def is_same_size(input, other) -> bool:
    """Whether both have one shape.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.is_same_size(fastnn.ones(2), fastnn.ones(3))
    False
    """
    return tuple(input.shape) == tuple(other.shape)


def all_tensors(tensors, op):
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError(f"{op} expects a non-empty TensorList")
    return tensors


@operation("fastnn")
def atleast_1d(*tensors):
    """With at least one dimension.

    Parameters
    ----------
    *tensors : Tensor
        Tensors, or one sequence of them.

    Examples
    --------
    >>> fastnn.atleast_1d(fastnn.tensor(5))
    tensor([5])
    """
    return _each(tensors, lambda x: x.reshape(1) if x.ndim == 0 else x)


@operation("fastnn")
def atleast_2d(*tensors):
    """With at least two dimensions.

    Parameters
    ----------
    *tensors : Tensor
        Tensors, or one sequence of them.

    Examples
    --------
    >>> fastnn.atleast_2d(fastnn.tensor(5))
    tensor([[5]])
    """
    return _each(tensors, lambda x: x.reshape(1, 1) if x.ndim == 0 else x.unsqueeze(0) if x.ndim == 1 else x)


@operation("fastnn")
def atleast_3d(*tensors):
    """With at least three dimensions.

    Parameters
    ----------
    *tensors : Tensor
        Tensors, or one sequence of them.

    Examples
    --------
    >>> fastnn.atleast_3d(fastnn.tensor(5))
    tensor([[[5]]])
    """
    return _each(tensors, lambda x: x.reshape(1, 1, 1) if x.ndim == 0 else x.unsqueeze(0).unsqueeze(-1)
                 if x.ndim == 1 else x.unsqueeze(-1) if x.ndim == 2 else x)


def _each(tensors, function):
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    return tuple(function(x) for x in (tensors[0] if len(tensors) == 1 else tensors))


@operation("fastnn")
def broadcast_tensors(*tensors) -> tuple[Tensor, ...]:
    """All expanded to their common shape.

    Parameters
    ----------
    *tensors : Tensor

    Returns
    -------
    tuple of Tensors
        Views.

    Examples
    --------
    >>> fastnn.broadcast_tensors(fastnn.tensor([1, 2]), fastnn.tensor([[3], [4]]))[0]
    tensor([[1, 2],
            [1, 2]])
    """
    shapes = [x.shape for x in tensors]
    if all(shape == shapes[0] for shape in shapes):
        return tensors
    common = broadcast_shapes(*map(tuple, shapes))
    return tuple(x if x.shape == common else x.expand(common) for x in tensors)
