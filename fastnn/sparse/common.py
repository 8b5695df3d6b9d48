"""What the forms of functions for sparse tensors share: the table's decorator, and steps that many have."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.sparse.patterns import Coordinates
from fastnn.sparse.tensor import RULES, SparseTensor, entries, frozen, pattern_of, with_values


def rule(names):
    """Decorator: the form of these functions."""
    def declare(function):
        for name in names.split():
            RULES[name] = function
        return function
    return declare


def is_sparse(x):
    return isinstance(x, SparseTensor)


def at_entries(dense, pattern):
    """The elements of a dense tensor at a pattern's entries."""
    return dense[tuple(from_array(np.ascontiguousarray(numbers)) for numbers in pattern.indices)]


def as_coo(tensor):
    """A tensor of any sparse layout as COO."""
    pattern = pattern_of(tensor)
    if isinstance(pattern, Coordinates):
        return tensor
    made = Coordinates(frozen(np.ascontiguousarray(pattern.indices)), pattern.sizes, pattern.axis == 0)
    if pattern.axis == 0 and not (np.diff(made.keys) > 0).all():
        made.coalesced = False  # columns of a row out of order
    return with_values(made, entries(tensor))


def is_scalar(x):
    return not isinstance(x, Tensor) or not is_sparse(x) and x.ndim == 0


def check_same_shape(op, x, y):
    if x.shape != y.shape:
        raise RuntimeError(f"{op}: expected sizes of 'self' and 'other' to match, but {list(x.shape)} != "
                           f"{list(y.shape)}")


def same_places(tensor, values):
    return with_values(pattern_of(tensor), values)
