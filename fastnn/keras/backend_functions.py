"""The functions of ``tf.keras.backend`` that Keras 3 keeps for older programs, by the operations of `ops`."""
import math

import numpy as np

from fastnn.autograd import no_grad
from fastnn.keras import config, ops, random
from fastnn.keras.variables import Variable, array_of


def variable(value, dtype=None, name=None, constraint=None):
    """Variable of given values.

    Parameters
    ----------
    value : array or number
    dtype : str, optional
        `config.floatx` without it.
    name : str, optional
    constraint : Constraint, optional

    Examples
    --------
    >>> keras.backend.variable([1.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """
    made = Variable(value, dtype=dtype or config.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value, dtype=None, shape=None, name=None):
    """Tensor of given values.

    Parameters
    ----------
    value : array or number
    dtype : str, optional
        `config.floatx` without it.
    shape : tuple, optional
    name : str, optional
        Accepted.

    Examples
    --------
    >>> keras.backend.constant(2, shape=(2,))
    tensor([2., 2.])
    """
    array = np.asarray(array_of(value))
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return ops.convert_to_tensor(array, dtype or config.floatx())


def zeros(shape, dtype=None, name=None):
    """Variable of zeros.

    Parameters
    ----------
    shape : tuple
    dtype, name : str, optional

    Examples
    --------
    >>> keras.backend.zeros((2,)).numpy()
    array([0., 0.], dtype=float32)
    """
    return variable(np.zeros(shape), dtype, name)


def ones(shape, dtype=None, name=None):
    """Variable of ones.

    Parameters
    ----------
    shape : tuple
    dtype, name : str, optional

    Examples
    --------
    >>> keras.backend.ones((2,)).numpy()
    array([1., 1.], dtype=float32)
    """
    return variable(np.ones(shape), dtype, name)


def eye(size, dtype=None, name=None):
    """Variable that is the identity matrix.

    Parameters
    ----------
    size : int
    dtype, name : str, optional

    Examples
    --------
    >>> keras.backend.eye(2).numpy()
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return variable(np.eye(size), dtype, name)


def zeros_like(x, dtype=None, name=None):
    """Zeros in the shape of a tensor.

    Parameters
    ----------
    x : tensor
    dtype : str, optional
    name
        Accepted.

    Examples
    --------
    >>> keras.backend.zeros_like([1.0, 2.0])
    tensor([0., 0.])
    """
    return ops.zeros_like(x, dtype)


def ones_like(x, dtype=None, name=None):
    """Ones in the shape of a tensor.

    Parameters
    ----------
    x : tensor
    dtype : str, optional
    name
        Accepted.

    Examples
    --------
    >>> keras.backend.ones_like([1.0, 2.0])
    tensor([1., 1.])
    """
    return ops.ones_like(x, dtype)


def arange(start, stop=None, step=1, dtype="int32"):
    """Numbers from `start` up to, but without, `stop`; from 0 if only one is given.

    Parameters
    ----------
    start, stop, step : number
    dtype : str

    Examples
    --------
    >>> keras.backend.arange(3)
    tensor([0, 1, 2], dtype=torch.int32)
    """
    if stop is None and start < 0:
        start = 0
    return ops.arange(start, stop, step, dtype)


def get_value(x):
    """Values of a tensor, as a NumPy array.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.get_value(keras.backend.ones((2,)))
    array([1., 1.], dtype=float32)
    """
    return np.array(array_of(x)) if ops.is_tensor(x) else x


def eval(x):
    """As `get_value`.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.eval(keras.backend.ones((2,)))
    array([1., 1.], dtype=float32)
    """
    return get_value(x)


def batch_get_value(tensors):
    """Values of tensors, as NumPy arrays.

    Parameters
    ----------
    tensors : list of tensor

    Examples
    --------
    >>> keras.backend.batch_get_value([keras.backend.ones((2,))])
    [array([1., 1.], dtype=float32)]
    """
    return [get_value(x) for x in tensors]


def set_value(x, value):
    """Sets the values of a variable.

    Parameters
    ----------
    x : Variable
    value : array

    Examples
    --------
    >>> v = keras.backend.zeros((2,))
    >>> keras.backend.set_value(v, [1, 2])
    >>> v.numpy()
    array([1., 2.], dtype=float32)
    """
    x.assign(np.asarray(value, array_of(x).dtype))


def batch_set_value(tuples):
    """Sets the values of variables.

    Parameters
    ----------
    tuples : list of (Variable, array)

    Examples
    --------
    >>> v = keras.backend.zeros((2,))
    >>> keras.backend.batch_set_value([(v, [1, 2])])
    >>> v.numpy()
    array([1., 2.], dtype=float32)
    """
    for x, value in tuples:
        set_value(x, value)


def update(x, new_x):
    """Sets a variable to a tensor.

    Parameters
    ----------
    x : Variable
    new_x : tensor

    Examples
    --------
    >>> v = keras.backend.update(keras.backend.zeros((2,)), [1.0, 2.0])
    >>> v.numpy()
    array([1., 2.], dtype=float32)
    """
    return x.assign(new_x)


def update_add(x, increment):
    """Adds to a variable.

    Parameters
    ----------
    x : Variable
    increment : tensor

    Examples
    --------
    >>> keras.backend.update_add(keras.backend.ones((2,)), [1.0, 2.0]).numpy()
    array([2., 3.], dtype=float32)
    """
    return x.assign_add(increment)


def update_sub(x, decrement):
    """Subtracts from a variable.

    Parameters
    ----------
    x : Variable
    decrement : tensor

    Examples
    --------
    >>> keras.backend.update_sub(keras.backend.ones((2,)), [1.0, 2.0]).numpy()
    array([ 0., -1.], dtype=float32)
    """
    return x.assign_sub(decrement)


def moving_average_update(x, value, momentum):
    """``x = momentum * x + (1 - momentum) * value``

    Parameters
    ----------
    x : Variable
    value : tensor
    momentum : float

    Examples
    --------
    >>> keras.backend.moving_average_update(keras.backend.ones((1,)), np.array([3.0]), 0.5).numpy()
    array([2.], dtype=float32)
    """
    with no_grad():
        return x.assign(x - (x - ops.cast(value, x.dtype)) * (1 - momentum))


def cast_to_floatx(x):
    """A tensor or an array as `config.floatx`.

    Parameters
    ----------
    x : tensor or array

    Examples
    --------
    >>> keras.backend.cast_to_floatx([1, 2])
    array([1., 2.], dtype=float32)
    """
    return ops.cast(x, config.floatx()) if ops.is_tensor(x) else np.asarray(x, config.floatx())


def int_shape(x):
    """Shape as a tuple.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.int_shape(keras.backend.ones((2, 3)))
    (2, 3)
    """
    return tuple(x.shape)


def count_params(x):
    """Number of elements.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.backend.count_params(keras.backend.ones((2, 3)))
    6
    """
    return math.prod(x.shape)


def is_sparse(tensor):
    """False: there are no sparse tensors.

    Parameters
    ----------
    tensor : tensor

    Examples
    --------
    >>> keras.backend.is_sparse(keras.backend.ones((2,)))
    False
    """
    return False


def to_dense(tensor):
    """The tensor itself: there are no sparse ones.

    Parameters
    ----------
    tensor : tensor

    Examples
    --------
    >>> keras.backend.to_dense(keras.backend.ones((1,))).numpy()
    array([1.], dtype=float32)
    """
    return tensor


def stop_gradient(variables):
    """Tensors through which no gradient flows.

    Parameters
    ----------
    variables : tensor or list of tensor

    Examples
    --------
    >>> keras.backend.stop_gradient(keras.backend.ones((2,))).requires_grad
    False
    """
    if isinstance(variables, (list, tuple)):
        return map(ops.stop_gradient, variables)
    return ops.stop_gradient(variables)


def gradients(loss, variables):
    """Not possible, as in TensorFlow when it is eager: use `tf.GradientTape`.

    Parameters
    ----------
    loss : tensor
    variables : list of Variable

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> keras.backend.gradients(None, [])  # doctest: +SKIP
    """
    raise RuntimeError("gradients is not supported when eager execution is enabled. Use tf.GradientTape instead.")


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal random numbers.

    Parameters
    ----------
    shape : tuple
    mean, stddev : float
    dtype : str, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.random_normal((2, 3)).shape
    torch.Size([2, 3])
    """
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Uniform random numbers of [minval, maxval).

    Parameters
    ----------
    shape : tuple
    minval, maxval : float
    dtype : str, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.random_uniform((2, 3)).shape
    torch.Size([2, 3])
    """
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal random numbers, those beyond two standard deviations drawn again.

    Parameters
    ----------
    shape, mean, stddev, dtype, seed
        As in `random_normal`.

    Examples
    --------
    >>> keras.backend.truncated_normal((2, 3)).shape
    torch.Size([2, 3])
    """
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


def random_bernoulli(shape, p=0.0, dtype=None, seed=None):
    """1 with probability `p`, else 0.

    Parameters
    ----------
    shape : tuple
    p : float
    dtype : str, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.random_bernoulli((2,), p=1.0)
    tensor([1., 1.])
    """
    return ops.cast(ops.less_equal(random.uniform(shape, seed=seed), p), dtype or config.floatx())


def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    """Variable of normal random numbers.

    Parameters
    ----------
    shape : tuple
    mean, scale : float
    dtype, name : str, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.random_normal_variable((2, 3), 0.0, 1.0).shape
    torch.Size([2, 3])
    """
    return variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    """Variable of uniform random numbers.

    Parameters
    ----------
    shape : tuple
    low, high : float
    dtype, name : str, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.random_uniform_variable((2, 3), 0.0, 1.0).shape
    torch.Size([2, 3])
    """
    return variable(random.uniform(shape, low, high, dtype, seed), dtype, name)


def dropout(x, level, noise_shape=None, seed=None):
    """Sets entries to 0 with probability `level` and divides the others by ``1 - level``.

    Parameters
    ----------
    x : tensor
    level : float
    noise_shape : tuple, optional
    seed : int, optional

    Examples
    --------
    >>> keras.backend.dropout(np.ones(100), 0.5, seed=0).unique()
    tensor([0., 2.], dtype=torch.float64)
    """
    return random.dropout(x, level, noise_shape, seed)
