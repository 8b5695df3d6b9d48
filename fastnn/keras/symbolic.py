"""Symbolic tensors: what `Input` gives, what layers make of it, and the graph that remembers how."""
from collections import namedtuple
from functools import wraps

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd import no_grad
from fastnn.keras import config, naming, tree
from fastnn.keras.variables import mask_of, trial

KerasHistory = namedtuple("KerasHistory", ["operation", "node_index", "tensor_index"])
DUMMY_SIZES = 2, 3  # an unknown size is tried as each of them; sizes that differ between the results are unknown too


class KerasTensor:
    """Symbolic tensor: shape (None where a size is not known), dtype, and the operation that makes it.

    Operators and methods of tensors give other symbolic tensors.

    Parameters
    ----------
    shape : tuple
    dtype : str
    sparse, ragged : bool
        Noted.
    record_history : bool
        Accepted.
    name : str, optional

    Examples
    --------
    >>> x = keras.KerasTensor((None, 3))
    >>> (x + 1).shape
    (None, 3)
    """

    def __init__(self, shape, dtype="float32", sparse=False, ragged=False, record_history=True, name=None, **kwargs):
        self._shape = tuple(None if size is None else int(size) for size in shape)
        self._dtype = config.standardize_dtype(dtype)
        self.sparse, self.ragged = sparse, ragged
        self.name = name or naming.auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_mask = None

    @property
    def shape(self):
        return self._shape

    @property
    def dtype(self):
        return self._dtype

    @property
    def ndim(self):
        return len(self._shape)

    rank = ndim

    def get_shape(self):
        return self._shape

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, ragged={self.ragged}, " \
               f"name={self.name}>"

    def __array__(self, *args, **kwargs):
        raise ValueError("A KerasTensor is symbolic: it's a placeholder for a shape and a dtype. It doesn't have any "
                         "actual numerical value. You cannot convert it to a NumPy array.")

    def __iter__(self):
        raise TypeError("Iterating over a symbolic KerasTensor is not supported.")

    def __bool__(self):
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __float__(self):
        raise TypeError("A symbolic KerasTensor has no value that could be a float.")

    __int__ = __index__ = __float__

    def __getattr__(self, name):
        """Methods of tensors, recorded: ``x.sum(dim=1)``."""
        if name.startswith("_") or not callable(getattr(Tensor, name, None)):
            raise AttributeError(f"'KerasTensor' object has no attribute {name!r}")

        def method(tensor, *args, **kwargs):
            return getattr(tensor, name)(*args, **kwargs)
        method.__name__ = name
        return lambda *args, **kwargs: apply_function(method, (self, *args), kwargs)


# Operators and the functions of `ops` that they mean; those with r before the name have their operands exchanged.
_OPERATORS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
              "mod": "mod", "pow": "power", "matmul": "matmul", "lt": "less", "le": "less_equal", "gt": "greater",
              "ge": "greater_equal", "ne": "not_equal", "eq": "equal", "and": "logical_and", "or": "logical_or",
              "xor": "logical_xor", "neg": "negative", "abs": "absolute", "invert": "logical_not",
              "getitem": "get_item"}


functions = {}  # name -> function; `fastnn.keras.ops`, which stands above this module, puts them here


def _operator(name, exchanged=False):
    def call(self, *others):
        return functions[name](*others, self) if exchanged else functions[name](self, *others)
    return call


for _name, _function in _OPERATORS.items():
    setattr(KerasTensor, f"__{_name}__", _operator(_function))
    if _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
        setattr(KerasTensor, f"__r{_name}__", _operator(_function, exchanged=True))
KerasTensor.__hash__ = lambda self: id(self)


def is_symbolic(x):
    return isinstance(x, KerasTensor)


def any_symbolic(args, kwargs=None):
    """Whether a symbolic tensor is among the arguments, in lists and dicts too."""
    for arg in args:
        if isinstance(arg, KerasTensor):
            return True
        if isinstance(arg, (list, tuple)) and any_symbolic(arg):
            return True
        if isinstance(arg, dict) and any_symbolic(arg.values()):
            return True
    return bool(kwargs) and any_symbolic(kwargs.values())


class Node:
    """One call of an operation with symbolic arguments."""

    def __init__(self, operation, args, kwargs, outputs):
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs = [x for x in tree.flatten(outputs) if isinstance(x, KerasTensor)]
        self.input_tensors = [x for x in tree.flatten([list(args), kwargs]) if isinstance(x, KerasTensor)]
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, x in enumerate(self.outputs):
            x._keras_history = KerasHistory(operation, index, i)
        for x in self.input_tensors:
            if hasattr(x, "_keras_history"):
                x._keras_history.operation._outbound_nodes.append(self)

    @property
    def output_tensors(self):
        return self.outputs

    @property
    def is_input(self):
        return not self.input_tensors

    @property
    def parent_nodes(self):
        return [x._keras_history.operation._inbound_nodes[x._keras_history.node_index] for x in self.input_tensors]


class Operation:
    """Base of what symbolic tensors come from: layers, and functions.

    Parameters
    ----------
    name : str, optional

    Raises
    ------
    ValueError
        The name is no string, or contains "/".

    Examples
    --------
    >>> isinstance(keras.layers.Dense(1), keras.Operation)
    True
    """

    def __init__(self, name=None):
        if name is None:
            name = naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: "
                             f"name={name} (of type {type(name)})")
        self.name = name
        self._inbound_nodes, self._outbound_nodes = [], []

    @property
    def input(self):
        """The symbolic input of an operation that was called once."""
        return self._of_first_node("input", lambda node: node.args[0] if node.args and (
            len(node.input_tensors) == 1 or tree.is_nested(node.args[0])) else node.input_tensors)

    @property
    def output(self):
        """The symbolic output of an operation that was called once."""
        return self._of_first_node("output", lambda node: node.outputs[0] if len(node.outputs) == 1 else node.outputs)

    def _of_first_node(self, what, find):
        if not self._inbound_nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {what}.")
        return find(self._inbound_nodes[0])


class FunctionOperation(Operation):
    """A function as an operation of a graph; its spec comes from trying it."""

    def __init__(self, function, name=None):
        self.function = function
        super().__init__(name or naming.auto_name(function.__name__.strip("_") or "function"))

    @property
    def class_name(self):
        """The name that Keras' class for the function has: ``expand_dims`` is an ``ExpandDims``."""
        return "".join(part[:1].upper() + part[1:] for part in self.function.__name__.split("_"))

    def __call__(self, *args, **kwargs):
        if any_symbolic(args, kwargs):
            outputs = infer(self.function, args, kwargs)
            Node(self, args, kwargs, outputs)
            return outputs
        return self.function(*args, **kwargs)


def apply_function(function, args, kwargs):
    """Call a function on symbolic arguments, as a new operation of the graph."""
    return FunctionOperation(function)(*args, **kwargs)


def infer(function, args, kwargs):
    """The symbolic result of a function: it is tried on ones, with every unknown size as 2 and again as 3."""
    unknown = any(None in x.shape for x in tree.flatten([list(args), kwargs]) if isinstance(x, KerasTensor))
    results = []
    for size in DUMMY_SIZES if unknown else DUMMY_SIZES[:1]:
        def dummy(x, size=size):
            if not isinstance(x, KerasTensor):
                return x
            if x.dtype == "string":
                raise NotImplementedError("symbolic strings are not implemented")
            made = from_array(np.ones([size if n is None else n for n in x.shape], config.torch_dtype(x.dtype).numpy))
            if x._keras_mask is not None:
                made._keras_mask = from_array(np.ones([size if n is None else n for n in x._keras_mask.shape], bool))
            return made
        with no_grad(), trial(), np.errstate(all="ignore"):
            results.append(function(*tree.map_structure(dummy, list(args)), **tree.map_structure(dummy, kwargs)))

    def merge(*found):
        first = found[0]
        if not hasattr(first, "shape"):
            return first
        if len({len(x.shape) for x in found}) > 1:
            raise ValueError("the number of dimensions of the result depends on an unknown size")
        shape = [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(x.shape for x in found))]
        made = KerasTensor(shape, config.dtype_of(first))
        mask = mask_of(first)
        if mask is not None:
            masks = [x._keras_mask.shape for x in found]
            made._keras_mask = KerasTensor([s[0] if len(set(s)) == 1 else None for s in zip(*masks)], "bool")
        return made
    return tree.map_structure(merge, *results)


def operation(function):
    """Decorates a function of tensors: called with symbolic tensors it becomes an operation of their graph.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable

    Examples
    --------
    >>> double = operation(lambda x: 2 * x)
    >>> double(keras.Input((3,))).shape
    (None, 3)
    """
    @wraps(function)
    def call(*args, **kwargs):
        if len(args) == 1 and not kwargs and type(args[0]) is Tensor:
            return function(*args)
        if any_symbolic(args, kwargs):
            return apply_function(function, args, kwargs)
        return function(*args, **kwargs)
    return call


def is_keras_tensor(x):
    """Whether `x` is a symbolic tensor.

    Parameters
    ----------
    x : object

    Returns
    -------
    bool

    Examples
    --------
    >>> keras.utils.is_keras_tensor(keras.Input((3,))), keras.utils.is_keras_tensor(np.ones(3))
    (True, False)
    """
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor):
    """The `Input`s that a symbolic tensor depends on.

    Parameters
    ----------
    tensor : KerasTensor

    Returns
    -------
    list of KerasTensor

    Examples
    --------
    >>> x = keras.Input((3,), name="x")
    >>> [each.name for each in keras.utils.get_source_inputs(keras.layers.Dense(2)(x))]
    ['x']
    """
    if not hasattr(tensor, "_keras_history"):
        return tensor
    operation, index, _ = tensor._keras_history
    node = operation._inbound_nodes[index]
    if node.is_input:
        return list(node.outputs)
    found = {}
    for source in node.input_tensors:
        found.update((id(x), x) for x in get_source_inputs(source))
    return list(found.values())
