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
    """A tensor of anything."""
    if isinstance(x, KerasTensor):
        return x
    return tensor(x, dtype)


def convert_to_numpy(x):
    """The NumPy array of anything."""
    return array_of(convert(x))


def is_tensor(x):
    """Whether it is a tensor."""
    return isinstance(x, Tensor)


def dtype(x):
    """The name of a tensor's type."""
    return config.dtype_of(x if isinstance(x, KerasTensor) else convert(x))


@operation
def stop_gradient(variable):
    """The tensor outside of the graph."""
    return tensor(variable).detach()


def cond(pred, true_fn, false_fn):
    """What the first function gives if `pred` holds, else the second."""
    return true_fn() if bool(pred) else false_fn()


def switch(index, branches, *operands):
    """What the function at a position gives."""
    return branches[int(np.clip(int(index), 0, len(branches) - 1))](*operands)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Repeat `body` while `cond` holds."""
    many = isinstance(loop_vars, (list, tuple))
    state, count = tuple(loop_vars) if many else (loop_vars,), 0
    while bool(cond(*state)) and (maximum_iterations is None or count < maximum_iterations):
        found = body(*state)
        state = tuple(found) if isinstance(found, (list, tuple)) else (found,)
        count += 1
    return state if many else state[0]


def fori_loop(lower, upper, body_fun, init_val):
    """Repeat ``value = body_fun(i, value)``."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """``carry, y = f(carry, x)`` along the first axis; (last carry, all y)."""
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
    """``f`` of all elements up to each, along an axis."""
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
    """``f`` of each part along the first axis."""
    count = tree.flatten(xs)[0].shape[0]
    found = [f(tree.map_structure(lambda each, i=i: tensor(each)[i], xs)) for i in range(count)]
    return tree.map_structure(lambda *ys: fastnn.stack([tensor(y) for y in ys]), *found)


def vectorized_map(function, elements):
    """`map`"""
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

    Examples
    --------
    >>> @custom_gradient
    ... def negated(x):
    ...     return x * 1, lambda upstream: -upstream
    """
    @functools.wraps(f)
    def call(*args, **kwargs):
        return _Custom.apply(f, kwargs, *(convert(x) if isinstance(x, np.ndarray) else x for x in args))
    return call


@operation
def slice(inputs, start_indices, shape):
    """A block of a tensor."""
    inputs = tensor(inputs)
    for axis, (start, size) in enumerate(zip(sizes(start_indices), sizes(shape))):
        inputs = inputs.narrow(axis, start, size if size >= 0 else inputs.shape[axis] - start)
    return inputs


@operation
def slice_update(inputs, start_indices, updates):
    """The tensor with another block."""
    inputs, updates = tensor(inputs).clone(), tensor(updates)
    key = tuple(builtin_slice(start, start + n) for start, n in zip(sizes(start_indices), updates.shape))
    inputs[key] = updates
    return inputs


builtin_slice = type(np.s_[0:1])


@operation
def scatter(indices, values, shape):
    """Values added up at positions of zeros."""
    values = tensor(values)
    made = fastnn.zeros(sizes(shape), dtype=values.dtype)
    key = tuple(tensor(indices).long().unbind(-1))
    return made.index_put(key, values, accumulate=True)


@operation
def scatter_update(inputs, indices, updates, reduction=None):
    """The tensor with other values at positions: set, or by "add", "max", "min", "mul"."""
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
    """Windows of the last axis, as rows."""
    return tensor(x).unfold(-1, sequence_length, sequence_stride)


def view_as_complex(x):
    """Not implemented: there are no complex tensors."""
    raise NotImplementedError("view_as_complex: complex numbers are not implemented")


def view_as_real(x):
    """Not implemented: there are no complex tensors."""
    raise NotImplementedError("view_as_real: complex numbers are not implemented")
