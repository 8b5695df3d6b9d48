"""The functions of ``tf.keras.backend`` on elements and over axes; see `backend_functions`."""
import builtins

import numpy as np

from fastnn.keras import ops


def clip(x, min_value, max_value):
    """``min(max(x, min_value), max_value)``, element by element.

    Parameters
    ----------
    x : tensor
    min_value, max_value : number or None

    Examples
    --------
    >>> keras.backend.clip([-2.0, 0.5, 2.0], 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = builtins.max(low, high)
    return ops.clip(x, low, high)


def equal(x, y):
    """``x == y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.equal([1, 2], [1, 3])
    tensor([ True, False])
    """
    return ops.equal(x, y)


def not_equal(x, y):
    """``x != y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.not_equal([1, 2], [1, 3])
    tensor([False,  True])
    """
    return ops.not_equal(x, y)


def greater(x, y):
    """``x > y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.greater([1, 2], [1, 1])
    tensor([False,  True])
    """
    return ops.greater(x, y)


def greater_equal(x, y):
    """``x >= y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.greater_equal([1, 2], [1, 3])
    tensor([ True, False])
    """
    return ops.greater_equal(x, y)


def less(x, y):
    """``x < y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.less([1, 2], [1, 3])
    tensor([False,  True])
    """
    return ops.less(x, y)


def less_equal(x, y):
    """``x <= y``, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.less_equal([1, 2], [1, 1])
    tensor([ True, False])
    """
    return ops.less_equal(x, y)


def maximum(x, y):
    """Larger of two values, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.maximum([1, 5], [3, 4])
    tensor([3, 5], dtype=torch.int32)
    """
    return ops.maximum(x, y)


def minimum(x, y):
    """Smaller of two values, element by element.

    Parameters
    ----------
    x, y : tensor

    Examples
    --------
    >>> keras.backend.minimum([1, 5], [3, 4])
    tensor([1, 4], dtype=torch.int32)
    """
    return ops.minimum(x, y)


def pow(x, a):
    """``x ** a``, element by element.

    Parameters
    ----------
    x : tensor
    a : number

    Examples
    --------
    >>> keras.backend.pow([1.0, 3.0], 2)
    tensor([1., 9.])
    """
    return ops.power(x, a)


def round(x):
    """Rounds to whole numbers, halves to the even one.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.round([0.5, 1.6])
    tensor([0., 2.])
    """
    return ops.round(x)


def sqrt(x):
    """Square root, element by element; 0 of negative numbers.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.sqrt([4.0, -1.0])
    tensor([2., 0.])
    """
    return ops.sqrt(ops.maximum(x, 0.0))


def hard_sigmoid(x):
    """``min(max(0.2 * x + 0.5, 0), 1)``, another slope than that of `ops.hard_sigmoid`.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.hard_sigmoid(np.array([0.0, 9.0]))
    tensor([0.5000, 1.0000], dtype=torch.float64)
    """
    return ops.clip(x * 0.2 + 0.5, 0.0, 1.0)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """``x`` above `threshold` and at most `max_value`, ``alpha * (x - threshold)`` below.

    Parameters
    ----------
    x : tensor
    alpha, threshold : float
    max_value : float, optional

    Examples
    --------
    >>> keras.backend.relu([-1.0, 2.0], alpha=0.5)
    tensor([-0.5000,  2.0000])
    """
    x = ops.convert_to_tensor(x)
    made = ops.where(ops.greater(x, threshold), x, 0.0) if threshold != 0 else ops.relu(x)
    if max_value is not None:
        made = ops.clip(made, 0.0, max_value)
    return made - alpha * ops.relu(threshold - x) if alpha != 0 else made


def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along an axis.

    Parameters
    ----------
    x : tensor
    axis : int

    Raises
    ------
    ValueError
        `x` has fewer than two axes.

    Examples
    --------
    >>> keras.backend.softmax(np.array([[1.0, 1.0]]))
    tensor([[0.5000, 0.5000]], dtype=torch.float64)
    """
    if len(x.shape) <= 1:
        raise ValueError(f"Cannot apply softmax to a tensor that is 1D. Received input: {x}")
    return ops.softmax(x, axis)


def switch(condition, then_expression, else_expression):
    """One tensor where a condition is true, else another.

    Parameters
    ----------
    condition : tensor
    then_expression, else_expression : tensor or callable

    Raises
    ------
    ValueError
        The condition has more axes than the tensors.

    Examples
    --------
    >>> keras.backend.switch(np.array([True, False]), np.array([1, 1]), np.array([2, 2]))
    tensor([1, 2])
    """
    def value(expression):
        return expression() if callable(expression) else expression
    condition = ops.cast(condition, "bool")
    if not len(condition.shape):
        return ops.cond(condition, lambda: value(then_expression), lambda: value(else_expression))
    first, second = value(then_expression), value(else_expression)
    lacking = len(first.shape) - len(condition.shape)
    if lacking < 0:
        raise ValueError("Rank of `condition` should be less than or equal to rank of `then_expression` and "
                         f"`else_expression`. ndim(condition)={len(condition.shape)}, "
                         f"ndim(then_expression)={len(first.shape)}")
    if len(condition.shape) > 1:
        condition = ops.reshape(condition, tuple(condition.shape) + (1,) * lacking)
    return ops.where(condition, first, second)


def argmax(x, axis=-1):
    """Index of the largest element along an axis.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.argmax([1, 5, 3])
    tensor(1, dtype=torch.int32)
    """
    return ops.argmax(x, axis)


def argmin(x, axis=-1):
    """Index of the smallest element along an axis.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.argmin([1, 5, 3])
    tensor(0, dtype=torch.int32)
    """
    return ops.argmin(x, axis)


def max(x, axis=None, keepdims=False):
    """Largest element over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Examples
    --------
    >>> keras.backend.max([1, 5, 3])
    tensor(5, dtype=torch.int32)
    """
    return ops.max(x, axis, keepdims)


def min(x, axis=None, keepdims=False):
    """Smallest element over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Examples
    --------
    >>> keras.backend.min([1, 5, 3])
    tensor(1, dtype=torch.int32)
    """
    return ops.min(x, axis, keepdims)


def prod(x, axis=None, keepdims=False):
    """Product over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Examples
    --------
    >>> keras.backend.prod([1, 5, 3])
    tensor(15, dtype=torch.int32)
    """
    return ops.prod(x, axis, keepdims)


def cumsum(x, axis=0):
    """Sums of the elements up to each, along an axis.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.cumsum([1, 2, 3])
    tensor([1, 3, 6], dtype=torch.int32)
    """
    return ops.cumsum(x, axis)


def cumprod(x, axis=0):
    """Products of the elements up to each, along an axis.

    Parameters
    ----------
    x : tensor
    axis : int

    Examples
    --------
    >>> keras.backend.cumprod([1, 2, 3])
    tensor([1, 2, 6], dtype=torch.int32)
    """
    return ops.cumprod(x, axis)


def l2_normalize(x, axis=None):
    """``x / sqrt(max(sum(x**2), 1e-12))`` over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.

    Examples
    --------
    >>> keras.backend.l2_normalize(np.array([3.0, 4.0]))
    tensor([0.6000, 0.8000], dtype=torch.float64)
    """
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis, True), 1e-12))


def in_top_k(predictions, targets, k):
    """Whether each target is among the `k` largest predictions of its row.

    Parameters
    ----------
    predictions : tensor (n, classes)
    targets : tensor of int (n,)
    k : int

    Examples
    --------
    >>> keras.backend.in_top_k([[0.1, 0.9]], [1], 1)
    tensor([True])
    """
    return ops.in_top_k(targets, predictions, k)


def foldl(fn, elems, initializer=None, name=None):
    """``fn(... fn(fn(initializer, elems[0]), elems[1]) ..., elems[-1])``

    Parameters
    ----------
    fn : callable
    elems : tensor
    initializer : tensor, optional
        The first element without it.
    name
        Accepted.

    Examples
    --------
    >>> int(keras.backend.foldl(lambda a, b: a - b, np.array([1, 2, 3])))
    -4
    """
    items = [elems[i] for i in range(elems.shape[0])]
    made = items.pop(0) if initializer is None else initializer
    for item in items:
        made = fn(made, item)
    return made


def foldr(fn, elems, initializer=None, name=None):
    """As `foldl`, from the last element to the first.

    Parameters
    ----------
    fn, elems, initializer, name
        As in `foldl`.

    Examples
    --------
    >>> int(keras.backend.foldr(lambda a, b: a - b, np.array([1, 2, 3])))
    0
    """
    return foldl(fn, ops.flip(elems, 0), initializer)


def map_fn(fn, elems, name=None, dtype=None):
    """``fn(x)`` for each part of a tensor along the first axis.

    Parameters
    ----------
    fn : callable
    elems : tensor
    name, dtype
        Accepted.

    Examples
    --------
    >>> keras.backend.map_fn(lambda x: 2 * x, np.array([1, 2]))
    tensor([2, 4])
    """
    return ops.map(fn, elems)
