"""The functions of ``tf.keras.backend`` that Keras 3 keeps for older programs, by the operations of `ops`."""
import builtins
import math

import numpy as np

from fastnn.autograd import no_grad
from fastnn.keras import config, ops, random
from fastnn.keras.variables import Variable, array_of


# -- values and variables --
def variable(value, dtype=None, name=None, constraint=None):
    made = Variable(value, dtype=dtype or config.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value, dtype=None, shape=None, name=None):
    array = np.asarray(array_of(value))
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return ops.convert_to_tensor(array, dtype or config.floatx())


def zeros(shape, dtype=None, name=None):
    return variable(np.zeros(shape), dtype, name)


def ones(shape, dtype=None, name=None):
    return variable(np.ones(shape), dtype, name)


def eye(size, dtype=None, name=None):
    return variable(np.eye(size), dtype, name)


def zeros_like(x, dtype=None, name=None):
    return ops.zeros_like(x, dtype)


def ones_like(x, dtype=None, name=None):
    return ops.ones_like(x, dtype)


def arange(start, stop=None, step=1, dtype="int32"):
    if stop is None and start < 0:
        start = 0
    return ops.arange(start, stop, step, dtype)


def get_value(x):
    """The values of a tensor as a NumPy array."""
    return np.array(array_of(x)) if ops.is_tensor(x) else x


def eval(x):
    """As `get_value`."""
    return get_value(x)


def batch_get_value(tensors):
    return [get_value(x) for x in tensors]


def set_value(x, value):
    x.assign(np.asarray(value, array_of(x).dtype))


def batch_set_value(tuples):
    for x, value in tuples:
        set_value(x, value)


def update(x, new_x):
    return x.assign(new_x)


def update_add(x, increment):
    return x.assign_add(increment)


def update_sub(x, decrement):
    return x.assign_sub(decrement)


def moving_average_update(x, value, momentum):
    with no_grad():
        return x.assign(x - (x - ops.cast(value, x.dtype)) * (1 - momentum))


def cast_to_floatx(x):
    return ops.cast(x, config.floatx()) if ops.is_tensor(x) else np.asarray(x, config.floatx())


def int_shape(x):
    return tuple(x.shape)


def count_params(x):
    return math.prod(x.shape)


def is_sparse(tensor):
    return False


def to_dense(tensor):
    return tensor


# -- element by element --
def clip(x, min_value, max_value):
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = builtins.max(low, high)
    return ops.clip(x, low, high)


def equal(x, y):
    return ops.equal(x, y)


def not_equal(x, y):
    return ops.not_equal(x, y)


def greater(x, y):
    return ops.greater(x, y)


def greater_equal(x, y):
    return ops.greater_equal(x, y)


def less(x, y):
    return ops.less(x, y)


def less_equal(x, y):
    return ops.less_equal(x, y)


def maximum(x, y):
    return ops.maximum(x, y)


def minimum(x, y):
    return ops.minimum(x, y)


def pow(x, a):
    return ops.power(x, a)


def round(x):
    return ops.round(x)


def sqrt(x):
    """The square root; of negative numbers 0."""
    return ops.sqrt(ops.maximum(x, 0.0))


def hard_sigmoid(x):
    """``clip(0.2 x + 0.5, 0, 1)``, which is steeper than `ops.hard_sigmoid`."""
    return ops.clip(x * 0.2 + 0.5, 0.0, 1.0)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """`x` above `threshold`, at most `max_value`; ``alpha * (x - threshold)`` below."""
    x = ops.convert_to_tensor(x)
    made = ops.where(ops.greater(x, threshold), x, 0.0) if threshold != 0 else ops.relu(x)
    if max_value is not None:
        made = ops.clip(made, 0.0, max_value)
    return made - alpha * ops.relu(threshold - x) if alpha != 0 else made


def softmax(x, axis=-1):
    if len(x.shape) <= 1:
        raise ValueError(f"Cannot apply softmax to a tensor that is 1D. Received input: {x}")
    return ops.softmax(x, axis)


def switch(condition, then_expression, else_expression):
    """Where `condition` the one, else the other; each a tensor or a function that gives it."""
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


def stop_gradient(variables):
    if isinstance(variables, (list, tuple)):
        return map(ops.stop_gradient, variables)
    return ops.stop_gradient(variables)


def gradients(loss, variables):
    raise RuntimeError("gradients is not supported when eager execution is enabled. Use tf.GradientTape instead.")


# -- over axes --
def argmax(x, axis=-1):
    return ops.argmax(x, axis)


def argmin(x, axis=-1):
    return ops.argmin(x, axis)


def max(x, axis=None, keepdims=False):
    return ops.max(x, axis, keepdims)


def min(x, axis=None, keepdims=False):
    return ops.min(x, axis, keepdims)


def prod(x, axis=None, keepdims=False):
    return ops.prod(x, axis, keepdims)


def cumsum(x, axis=0):
    return ops.cumsum(x, axis)


def cumprod(x, axis=0):
    return ops.cumprod(x, axis)


def l2_normalize(x, axis=None):
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis, True), 1e-12))


def in_top_k(predictions, targets, k):
    return ops.in_top_k(targets, predictions, k)


def foldl(fn, elems, initializer=None, name=None):
    """``fn(... fn(fn(initializer, elems[0]), elems[1]) ..., elems[-1])``."""
    items = [elems[i] for i in range(elems.shape[0])]
    made = items.pop(0) if initializer is None else initializer
    for item in items:
        made = fn(made, item)
    return made


def foldr(fn, elems, initializer=None, name=None):
    """As `foldl` from the last to the first."""
    return foldl(fn, ops.flip(elems, 0), initializer)


def map_fn(fn, elems, name=None, dtype=None):
    return ops.map(fn, elems)


# -- shapes --
def reshape(x, shape):
    return ops.reshape(x, shape)


def flatten(x):
    return ops.reshape(x, (-1,))


def batch_flatten(x):
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


def expand_dims(x, axis=-1):
    return ops.expand_dims(x, axis)


def squeeze(x, axis):
    return ops.squeeze(x, axis)


def permute_dimensions(x, pattern):
    return ops.transpose(x, tuple(pattern))


def transpose(x):
    return ops.transpose(x)


def concatenate(tensors, axis=-1):
    return ops.concatenate(tensors, axis)


def tile(x, n):
    return ops.tile(x, [n] if isinstance(n, int) else n)


def repeat(x, n):
    """(samples, features) `n` times: (samples, n, features)."""
    if len(x.shape) != 2:
        raise ValueError(f"Expected input `x` to have rank 2. Received: rank(x)={len(x.shape)}")
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def repeat_elements(x, rep, axis):
    return ops.repeat(x, rep, axis)


def reverse(x, axes):
    return ops.flip(x, axes)


def gather(reference, indices):
    return ops.take(reference, ops.cast(indices, "int32"), 0)


def one_hot(indices, num_classes):
    return ops.one_hot(indices, num_classes)


# -- products --
def dot(x, y):
    return ops.dot(x, y) if len(x.shape) > 2 or len(y.shape) > 2 else ops.matmul(x, y)


def batch_dot(x, y, axes=None):
    """For each sample the product of its `x` and its `y`, summed over one axis of each."""
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


# -- random numbers --
def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


def random_bernoulli(shape, p=0.0, dtype=None, seed=None):
    return ops.cast(ops.less_equal(random.uniform(shape, seed=seed), p), dtype or config.floatx())


def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    return variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    return variable(random.uniform(shape, low, high, dtype, seed), dtype, name)


def dropout(x, level, noise_shape=None, seed=None):
    return random.dropout(x, level, noise_shape, seed)
