"""Variables: the tensors that layers, optimizers and metrics keep."""
import contextlib
import math
import threading

import numpy as np

from fastnn import _tensor
from fastnn._tensor import Tensor, attribute, from_array
from fastnn.errors import FileFormatError
from fastnn.keras import config, naming
from fastnn.random import default_generator


class _State(threading.local):
    trial = None  # within `trial()`: variable -> the values to give back
    room = None  # within `at_most()`: bytes that new variables may still take


state = _State()


@contextlib.contextmanager
def trial():
    """Run a computation only to see shapes: what it assigns to variables and draws at random is undone."""
    outer, state.trial = state.trial, {}
    drawn = default_generator.get_state()
    try:
        yield
    finally:
        for variable, values in state.trial.values():
            variable.array_[...] = values
        default_generator.set_state(drawn)
        state.trial = outer


@contextlib.contextmanager
def at_most(size):
    """Refuse new variables, by a FileFormatError, when those made within take more than `size` bytes together."""
    outer, state.room = state.room, size
    try:
        yield
    finally:
        state.room = outer


def _take(shape, dtype):
    """Count a variable that will be made within `at_most`."""
    if state.room is not None:
        state.room -= math.prod(shape) * np.dtype(config.torch_dtype(dtype).numpy).itemsize
        if state.room < 0:
            raise FileFormatError(f"a variable of shape {str(tuple(shape)):.200} is larger than what the file can hold")


def convert(x, dtype=None):
    """Tensor of anything that can be one: tensors as they are, arrays and numbers without copying where possible.

    Parameters
    ----------
    x : number, array, nested lists, tensor or variable
    dtype : str, optional
        Without it floating numbers become `config.floatx`, whole ones int32, and arrays and tensors keep their dtype.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Strings, objects or complex numbers.

    Examples
    --------
    >>> keras.ops.convert_to_tensor([1, 2], "float32")
    tensor([1., 2.])
    """
    if isinstance(x, Tensor):
        if dtype is None or Tensor.dtype.__get__(x).name == dtype:
            return x
        return x.to(config.torch_dtype(dtype))
    wanted = None if dtype is None else np.dtype(config.torch_dtype(dtype).numpy)
    plain = isinstance(x, (list, tuple))
    if plain and any(isinstance(item, (Tensor, list, tuple)) for item in x):
        plain = not _holds_arrays(x)
        x = np.array(_plain(x))
    elif not isinstance(x, np.ndarray) and hasattr(x, "toarray"):
        x = x.toarray()  # SciPy's sparse matrices
    is_array = not plain and (isinstance(x, (np.ndarray, np.generic)) or hasattr(x, "__array__"))
    array = np.asarray(x)
    if array.dtype.kind in "OUS" or array.dtype.kind == "c":
        raise ValueError(f"Cannot convert {type(x).__name__} of dtype {array.dtype} to a tensor: expected numbers")
    if wanted is None and not is_array:
        wanted = np.dtype({"f": config.floatx(), "i": "int32", "b": "bool"}.get(array.dtype.kind, array.dtype))
    elif wanted is None and array.dtype.kind == "u" and array.dtype.itemsize > 1:
        wanted = np.dtype("int64")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return from_array(array if wanted is None else array.astype(wanted, copy=False))


def mask_of(x):
    """The mask that came with a tensor, or None."""
    return attribute(x, "_keras_mask")


def _holds_arrays(x):
    return isinstance(x, (Tensor, np.ndarray, np.generic)) \
        or isinstance(x, (list, tuple)) and any(map(_holds_arrays, x))


def _plain(x):
    if isinstance(x, (list, tuple)):
        return [_plain(item) for item in x]
    return array_of(x) if isinstance(x, Tensor) else x


def array_of(x):
    """NumPy array of a tensor, whether it is recorded or not; of anything else through `numpy.asarray`.

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
    return _tensor.to_array(x) if isinstance(x, Tensor) else np.asarray(x)


class Variable(Tensor):
    """A tensor with a name that can be assigned to.

    Parameters
    ----------
    initializer : callable, array or number
        ``initializer(shape, dtype=...)``, or the initial value.
    shape : tuple, optional
        Needed with a callable.
    dtype : str, optional
        `config.floatx`, or that of the value, without it.
    trainable : bool
        Whether it gets gradients.
    autocast, aggregation, synchronization
        Accepted; they have no effect on one processor.
    name : str, optional

    Examples
    --------
    >>> v = keras.Variable([1.0, 2.0], name="v")
    >>> v.assign_add([1.0, 1.0])
    <Variable path=v, shape=(2,), dtype=float32, value=[2., 3.]>
    >>> v.numpy()
    array([2., 3.], dtype=float32)
    """

    def __new__(cls, initializer=None, *args, **kwargs):
        return Tensor.__new__(cls)

    def __init__(self, initializer, shape=None, dtype=None, trainable=True, autocast=True, aggregation="none",
                 synchronization="auto", name=None, **kwargs):
        if callable(initializer):
            if shape is None:
                raise ValueError("When creating a Variable from an initializer, the `shape` argument should be "
                                 f"specified. Received: initializer={initializer} and shape={shape}")
            _take(shape, dtype)
            value = initializer(tuple(shape), dtype=config.standardize_dtype(dtype))
            array = np.array(array_of(value), dtype=config.torch_dtype(dtype).numpy)
        else:
            if isinstance(initializer, str):
                raise ValueError(f"initializer: expected a callable or a value, got {initializer!r}")
            array = np.array(array_of(convert(initializer, dtype)))
            if shape is not None and tuple(shape) != array.shape:
                array = np.array(np.broadcast_to(array, shape))
        if array.dtype.kind not in "f":
            trainable = False
        self.array_ = array  # the same memory, for code that need not record
        self._trainable = bool(trainable)
        self.name = name or naming.auto_name("variable")
        self.path = naming.path(self.name)
        self.regularizer = self.constraint = self._initializer = None
        self.overwrite_with_gradient = False
        _tensor.adopt(self, array, self._trainable)

    # -- value --
    @property
    def value(self):
        """The variable itself, which is a tensor."""
        return self

    def read_value(self):
        return self

    def numpy(self):
        """A copy of the values."""
        return self.array_.copy()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array_, dtype=dtype)

    def assign(self, value):
        """Changes the values in place.

        Parameters
        ----------
        value : array or tensor

        Returns
        -------
        Variable

        Raises
        ------
        ValueError
            The shape differs.

        Examples
        --------
        >>> v = keras.Variable([1.0, 2.0], name="v")
        >>> v.assign([3.0, 4.0])
        <Variable path=v, shape=(2,), dtype=float32, value=[3., 4.]>
        """
        value = array_of(value)
        if value.shape != self.array_.shape:
            raise ValueError(f"The shape of the target variable and the shape of the target value in `variable.assign"
                             f"(value)` must match. variable.shape={tuple(self.array_.shape)}, Received: value.shape="
                             f"{tuple(value.shape)}. Target variable: {self.path}")
        if state.trial is not None:
            state.trial.setdefault(id(self), (self, self.array_.copy()))
        self.array_[...] = value
        self._changed()
        return self

    def assign_add(self, value):
        """Add to the values in place."""
        return self.assign(self.array_ + array_of(value))

    def assign_sub(self, value):
        """Subtract from the values in place."""
        return self.assign(self.array_ - array_of(value))

    def _changed(self):
        """`array_` was written to: what autograd recorded before must not be used."""
        _tensor.record_inplace(self.detach(), None)  # no gradient goes through

    # -- what Keras and TensorFlow ask for --
    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        self.requires_grad = self._trainable and self.array_.dtype.kind == "f"

    @property
    def handle(self):
        return self

    def get_shape(self):
        return self.shape

    def __hash__(self):
        return id(self)

    def __repr__(self):
        value = np.array2string(self.array_, separator=", ") if self.array_.size <= 1000 else "..."
        return (f"<Variable path={self.path}, shape={tuple(self.array_.shape)}, dtype={self.array_.dtype.name}, "
                f"value={value}>")

    def __deepcopy__(self, memo):
        made = Variable(self.array_, trainable=self._trainable, name=self.name)
        made.path, made.regularizer, made.constraint = self.path, self.regularizer, self.constraint
        memo[id(self)] = made
        return made

    def __reduce__(self):
        return _rebuild, (self.array_, self._trainable, self.name, self.path)


def _of_variables(tensor):
    """Whether `numpy` gives the array of a recorded tensor: with TensorFlow's habits, if a Variable or a tensor that a
    `GradientTape` watches is among what it was computed from."""
    if config.backend() == "torch":
        return False
    if isinstance(tensor, Variable) or hasattr(tensor, "_watched"):
        return True
    seen, left = set(), [tensor.grad_fn]
    while left:
        node = left.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        leaf = getattr(node, "variable", None)
        if leaf is not None and (isinstance(leaf, Variable) or hasattr(leaf, "_watched")):
            return True
        left.extend(before for before, _ in node.next_functions)
    return False


_tensor.set_readable(_of_variables)


def _rebuild(array, trainable, name, path):
    made = Variable(array, trainable=trainable, name=name)
    made.path = path
    return made
