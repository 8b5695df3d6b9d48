"""Control flow, slices, and what a tensor is."""
import functools
import inspect

import numpy as np

import fastnn
from fastnn._tensor import Tensor
from fastnn.autograd import Function
from fastnn.keras import config, tree
from fastnn.keras.ops.common import sizes, tensor
from fastnn.keras.symbolic import KerasTensor, operation
from fastnn.keras.variables import array_of, convert


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """Tensor of a number, an array, nested lists or a tensor.

    Parameters
    ----------
    x : object
    dtype : str, optional
        Without it floating numbers become `config.floatx`, whole ones int32, and arrays keep their dtype.
    sparse, ragged
        Accepted.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.convert_to_tensor([1, 2], "float32")
    tensor([1., 2.])
    """
    if isinstance(x, KerasTensor):
        return x
    return tensor(x, dtype)


def convert_to_numpy(x):
    """NumPy array of a tensor or of what can become one.

    Parameters
    ----------
    x : object

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> keras.ops.convert_to_numpy(keras.ops.ones(2))
    array([1., 1.], dtype=float32)
    """
    return array_of(convert(x))


def is_tensor(x):
    """Whether an object is a tensor.

    Parameters
    ----------
    x : object

    Returns
    -------
    bool

    Examples
    --------
    >>> keras.ops.is_tensor(keras.ops.ones(2)), keras.ops.is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, Tensor)


def dtype(x):
    """Name of a tensor's dtype.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    str

    Examples
    --------
    >>> keras.ops.dtype(keras.ops.ones(2))
    'float32'
    """
    return config.dtype_of(x if isinstance(x, KerasTensor) else convert(x))


@operation
def stop_gradient(variable):
    """The tensor, through which no gradient flows.

    Parameters
    ----------
    variable : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.stop_gradient(keras.Variable([1.0])).requires_grad
    False
    """
    return tensor(variable).detach()


def cond(pred, true_fn, false_fn):
    """``true_fn()`` if `pred` is true, else ``false_fn()``.

    Parameters
    ----------
    pred : bool or tensor
    true_fn, false_fn : callable

    Returns
    -------
    object

    Examples
    --------
    >>> keras.ops.cond(True, lambda: 1, lambda: 2)
    1
    """
    return true_fn() if bool(pred) else false_fn()


def switch(index, branches, *operands):
    """``branches[index](*operands)``, with the index clipped to the list.

    Parameters
    ----------
    index : int or tensor
    branches : list of callable
    *operands

    Returns
    -------
    object

    Examples
    --------
    >>> keras.ops.switch(1, [lambda x: x, lambda x: -x], 3)
    -3
    """
    return branches[int(np.clip(int(index), 0, len(branches) - 1))](*operands)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Repeats ``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)`` is true.

    Parameters
    ----------
    cond, body : callable
    loop_vars : tensor, or list or tuple of them
    maximum_iterations : int, optional

    Returns
    -------
    As `loop_vars`

    Examples
    --------
    >>> keras.ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0)
    6
    """
    many = isinstance(loop_vars, (list, tuple))
    state, count = tuple(loop_vars) if many else (loop_vars,), 0
    while bool(cond(*state)) and (maximum_iterations is None or count < maximum_iterations):
        found = body(*state)
        state = tuple(found) if isinstance(found, (list, tuple)) else (found,)
        count += 1
    return state if many else state[0]


def fori_loop(lower, upper, body_fun, init_val):
    """Repeats ``value = body_fun(i, value)`` for i from `lower` to ``upper - 1``.

    Parameters
    ----------
    lower, upper : int
    body_fun : callable
    init_val : object

    Returns
    -------
    object

    Examples
    --------
    >>> keras.ops.fori_loop(0, 4, lambda i, value: value + i, 0)
    6
    """
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """Repeats ``carry, y = f(carry, x)`` for the parts x of `xs` along the first axis.

    Parameters
    ----------
    f : callable
    init : object
        First carry.
    xs : structure of tensors, optional
    length : int, optional
        Number of steps without `xs`.
    reverse : bool
        From the last part to the first.
    unroll
        Accepted.

    Returns
    -------
    (carry, ys)
        The last carry, and all y stacked.

    Examples
    --------
    >>> carry, sums = keras.ops.scan(lambda c, x: (c + x, c + x), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> carry, sums
    (tensor(6., dtype=torch.float64), tensor([1., 3., 6.], dtype=torch.float64))
    """
    count = length if xs is None else tree.flatten(xs)[0].shape[0]
    carry, found = init, []
    for i in reversed(range(count)) if reverse else range(count):
        x = None if xs is None else tree.map_structure(lambda each, i=i: tensor(each)[i], xs)
        carry, y = f(carry, x)
        found.append(y)
    if reverse:
        found.reverse()
    return carry, tree.map_structure(lambda *ys: None if ys[0] is None else fastnn.stack([tensor(y) for y in ys]),
                                     *found)


def associative_scan(f, elems, reverse=False, axis=0):
    """Combines all elements up to each along an axis: ``e0, f(e0, e1), f(f(e0, e1), e2), ...``.

    Parameters
    ----------
    f : callable
        Associative, of two slices.
    elems : structure of tensors
    reverse : bool
    axis : int

    Returns
    -------
    As `elems`

    Examples
    --------
    >>> keras.ops.associative_scan(lambda a, b: a + b, np.array([1, 2, 3]))
    tensor([1, 3, 6])
    """
    flat = [tensor(each) for each in tree.flatten(elems)]
    count = flat[0].shape[axis]
    order = list(reversed(range(count))) if reverse else list(range(count))
    found = [None] * count
    now = None
    for i in order:
        here = tree.pack_sequence_as(elems, [each.narrow(axis, i, 1) for each in flat])
        now = here if now is None else f(now, here)
        found[i] = now
    return tree.map_structure(lambda *parts: fastnn.cat(list(parts), axis), *found)


def map(f, xs):
    """``f(x)`` for each part of `xs` along the first axis, stacked.

    Parameters
    ----------
    f : callable
    xs : structure of tensors

    Returns
    -------
    Structure of tensors

    Examples
    --------
    >>> keras.ops.map(lambda x: x * 2, np.array([1, 2]))
    tensor([2, 4])
    """
    count = tree.flatten(xs)[0].shape[0]
    found = [f(tree.map_structure(lambda each, i=i: tensor(each)[i], xs)) for i in range(count)]
    return tree.map_structure(lambda *ys: fastnn.stack([tensor(y) for y in ys]), *found)


def vectorized_map(function, elements):
    """The same as `map`.

    Parameters
    ----------
    function : callable
    elements : structure of tensors

    Returns
    -------
    Structure of tensors

    Examples
    --------
    >>> keras.ops.vectorized_map(lambda x: x * 2, np.array([1, 2]))
    tensor([2, 4])
    """
    return map(function, elements)


class _Custom(Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx, f, kwargs, *args):
        outputs, ctx.grad_fn = f(*args, **kwargs)
        ctx.args = args
        return outputs

    @staticmethod
    def backward(ctx, *grads):
        parameters = inspect.signature(ctx.grad_fn).parameters
        if "upstream" in parameters and len(parameters) > 1:
            found = ctx.grad_fn(*ctx.args, upstream=grads[0] if len(grads) == 1 else grads)
        else:
            found = ctx.grad_fn(*grads)
        found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        return (None, None, *found)


def custom_gradient(f):
    """Decorates a function of tensors that returns (outputs, gradient function).

    The gradient function is called with the outputs' gradients, or, if it takes `upstream` beside others, with the
    arguments and ``upstream=`` the gradient; it returns a gradient for each argument.

    Parameters
    ----------
    f : callable

    Returns
    -------
    callable

    Examples
    --------
    >>> @keras.ops.custom_gradient
    ... def negated(x):
    ...     return x * 1, lambda upstream: -upstream
    >>> x = fastnn.tensor(1.0, requires_grad=True)
    >>> negated(x).backward()
    >>> x.grad
    tensor(-1.)
    """
    @functools.wraps(f)
    def call(*args, **kwargs):
        return _Custom.apply(f, kwargs, *(convert(x) if isinstance(x, np.ndarray) else x for x in args))
    return call


@operation
def slice(inputs, start_indices, shape):
    """Block of a tensor.

    Parameters
    ----------
    inputs : tensor
    start_indices : sequence of int
    shape : sequence of int
        -1: up to the end.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.slice(np.arange(6).reshape(2, 3), (0, 1), (2, 2))
    tensor([[1, 2],
            [4, 5]])
    """
    inputs = tensor(inputs)
    for axis, (start, size) in enumerate(zip(sizes(start_indices), sizes(shape))):
        inputs = inputs.narrow(axis, start, size if size >= 0 else inputs.shape[axis] - start)
    return inputs


@operation
def slice_update(inputs, start_indices, updates):
    """Copy of a tensor with another block.

    Parameters
    ----------
    inputs : tensor
    start_indices : sequence of int
    updates : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.slice_update(np.zeros(4), (1,), np.array([5.0, 6.0]))
    tensor([0., 5., 6., 0.], dtype=torch.float64)
    """
    inputs, updates = tensor(inputs).clone(), tensor(updates)
    key = tuple(builtin_slice(start, start + n) for start, n in zip(sizes(start_indices), updates.shape))
    inputs[key] = updates
    return inputs


builtin_slice = type(np.s_[0:1])


@operation
def scatter(indices, values, shape):
    """Zeros of a shape, with values added at indices.

    Parameters
    ----------
    indices : tensor (n, rank)
    values : tensor (n, ...)
    shape : tuple

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (4,))
    tensor([4., 0., 2., 0.])
    """
    values = tensor(values)
    made = fastnn.zeros(sizes(shape), dtype=values.dtype)
    key = tuple(tensor(indices).long().unbind(-1))
    return made.index_put(key, values, accumulate=True)


@operation
def scatter_update(inputs, indices, updates, reduction=None):
    """Copy of a tensor with other values at indices.

    Parameters
    ----------
    inputs : tensor
    indices : tensor (n, rank)
    updates : tensor (n, ...)
    reduction : {None, "add", "max", "min", "mul"}
        How values are combined with the old ones; None replaces them. The last three have no gradient.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Another reduction.

    Examples
    --------
    >>> keras.ops.scatter_update(np.zeros(3), [[1]], [5.0])
    tensor([0., 5., 0.], dtype=torch.float64)
    """
    inputs, indices, updates = tensor(inputs), tensor(indices).long(), tensor(updates)
    key = tuple(indices.unbind(-1))
    if reduction in (None, "add"):
        return inputs.index_put(key, updates.to(inputs.dtype), accumulate=reduction == "add")
    if reduction not in ("max", "min", "mul"):
        raise ValueError(f"scatter_update: expected reduction None, 'add', 'max', 'min' or 'mul', got {reduction!r}")
    made = array_of(inputs).copy()
    {"max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction].at(
        made, tuple(array_of(k) for k in key), array_of(updates))
    return convert(made)


@operation
def extract_sequences(x, sequence_length, sequence_stride):
    """Windows of the last axis.

    Parameters
    ----------
    x : tensor
    sequence_length, sequence_stride : int

    Returns
    -------
    Tensor (..., windows, sequence_length)

    Examples
    --------
    >>> keras.ops.extract_sequences(np.arange(5), 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    return tensor(x).unfold(-1, sequence_length, sequence_stride)


def view_as_complex(x):
    """Not implemented: there are no complex tensors.

    Parameters
    ----------
    x : tensor

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.ops.view_as_complex(np.ones((1, 2)))  # doctest: +SKIP
    """
    raise NotImplementedError("view_as_complex: complex numbers are not implemented")


def view_as_real(x):
    """Not implemented: there are no complex tensors.

    Parameters
    ----------
    x : tensor

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.ops.view_as_real(np.ones(1))  # doctest: +SKIP
    """
    raise NotImplementedError("view_as_real: complex numbers are not implemented")
