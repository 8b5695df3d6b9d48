"""Questions about elements, made of comparisons or NumPy's."""
import math

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops import compare
from fastnn.ops._common import need_tensors
from fastnn.ops.declare import operation


@operation(out=True)
def isposinf(input):
    """Where x is +inf.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isposinf(fastnn.tensor([float("inf"), 1.0]))
    tensor([ True, False])
    """
    return compare.eq(input, math.inf)


@operation(out=True)
def isneginf(input):
    """Where x is -inf.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isneginf(fastnn.tensor([-float("inf"), 1.0]))
    tensor([ True, False])
    """
    return compare.eq(input, -math.inf)


@operation()
def isreal(input):
    """Where the imaginary part is 0: everywhere in a real tensor.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.isreal(fastnn.tensor([1.0, 2j]))
    tensor([ True, False])
    """
    need_tensors("isreal", input)
    return from_array(np.ones(tuple(input.shape), bool))


@operation("fastnn", out=True, keywords={"element": "elements", "test_element": "test_elements"})
def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Which elements are among the test elements.

    Parameters
    ----------
    elements : Tensor or number
    test_elements : Tensor or number
    assume_unique : bool, default False
        Promise that neither holds a value twice: faster.
    invert : bool, default False
        Which elements are not among them.

    Examples
    --------
    >>> fastnn.isin(fastnn.tensor([1, 2, 3]), fastnn.tensor([2, 5]))
    tensor([False,  True, False])
    """
    x, y = (v.detach().numpy() if isinstance(v, Tensor) else np.asarray(v) for v in (elements, test_elements))
    return from_array(np.asarray(np.isin(x, y, assume_unique=assume_unique, invert=invert)))
