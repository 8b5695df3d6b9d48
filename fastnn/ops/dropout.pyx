"""Dropout of elements and of features. The default generator draws the masks, number for number those of PyTorch.

A function returns its input itself where nothing is dropped: ``training=False``, p = 0, no elements.
"""
cimport numpy as np

import warnings

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, adopt_node, check_inplace, recording, record1, wrap
from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels cimport dropout as K
from fastnn.kernels cimport elementwise
from fastnn.ops._common cimport tensor_of
from fastnn.ops.declare import operation
from fastnn.random cimport Generator, memory_order
from fastnn.random import default_generator

np.import_array()

cdef Generator generator = default_generator


cpdef np.ndarray draw_mask(tuple shape, double p):
    """A new array of bools, False with probability p; for p = 1 nothing is drawn."""
    cdef np.npy_intp dims[np.NPY_MAXDIMS]
    cdef int i, ndim = len(shape)
    for i in range(ndim):
        dims[i] = shape[i]
    cdef np.ndarray mask = _core.new_array(ndim, dims, np.NPY_BOOL)
    if p == 1.0:
        mask[...] = False
    else:
        generator.hits(mask, 1.0 - p)
    return mask


cdef object dropout_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    if saved[2] is not None:
        grad = grad.transpose(saved[2])
    grad = K.dropout_backward(grad, saved[0], node.a, saved[1])
    return grad if saved[2] is None else grad.transpose(numpy.argsort(saved[2]))


cdef Op DROPOUT = declare("DropoutBackward0", dropout_backward, "mask alpha order", "p")


@DROPOUT.second
def _dropout_second(step, g):
    def masked(array):
        if step.order is None:
            return K.dropout_backward(array, step.mask, step.p, step.alpha)
        found = K.dropout_backward(array.transpose(step.order), step.mask, step.p, step.alpha)
        return found.transpose(numpy.argsort(step.order))
    return step.linear(g, masked, masked)


cdef object apply(str name, object input, double p, bint training, bint inplace, int features=-1, bint alpha=False,
                  order=None):
    """Dropout of single elements, whose decisions are drawn along the axes in `order`, default as they lie in memory;
    or of all elements together that agree in their first `features` indices."""
    cdef Tensor x = tensor_of(name, "input", 1, input), out
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    cdef np.ndarray array = x.array, y, mask
    if p == 0.0 or not training or np.PyArray_SIZE(array) == 0:
        return x
    if features > np.PyArray_NDIM(array):
        raise ShapeError(f"{name}: Feature dropout requires at least 2 dimensions in the input")
    if features < 0 and order is None and not np.PyArray_IS_C_CONTIGUOUS(array):
        order = memory_order(array)
    if order is not None:
        array = array.transpose(order)
    mask = draw_mask((<object>array).shape if features < 0 else (<object>array).shape[:features], p)
    if inplace:
        check_inplace(x)  # after drawing, as PyTorch does
    y = K.dropout_forward(array, mask, p, alpha)
    if order is not None:
        y = y.transpose(numpy.argsort(order))
    if not recording(x):
        if not inplace:
            return wrap(y)
        elementwise.copy_into(x.array, y)
        x.bump()
        return x
    out = record1(y, DROPOUT, x, (mask, alpha, order))
    out.node.a = p
    if not inplace:
        return out
    elementwise.copy_into(x.array, y)
    x.bump()
    adopt_node(x, out.node)
    return x


@operation("fastnn", keywords={"train": "training"})
def dropout(input, double p=0.5, bint training=True, bint inplace=False):
    """Each element becomes 0 with probability p, or is divided by 1 - p (Srivastava et al. 2014).

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default True
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Raises
    ------
    ValueError
        `p` is outside of [0, 1].

    Examples
    --------
    >>> F.dropout(fastnn.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    return apply("dropout", input, p, training, inplace)


def sequence_dropout(input, double p, bint batch_first):
    """`dropout` between recurrent layers: PyTorch draws for one step after the other, whichever dimension is first."""
    return apply("dropout", input, p, True, False, -1, False, (1, 0, 2) if batch_first else None)


@operation("fastnn", keywords={"train": "training"})
def alpha_dropout(input, double p=0.5, bint training=False, bint inplace=False):
    """Dropout that keeps mean 0 and variance 1 of what SELU gives (Klambauer et al. 2017).

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default False
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.alpha_dropout(fastnn.ones(2), 0.5)
    tensor([1., 1.])
    """
    return apply("alpha_dropout", input, p, training, inplace, -1, True)


@operation("fastnn", keywords={"train": "training"})
def feature_alpha_dropout(input, double p=0.5, bint training=False, bint inplace=False):
    """`alpha_dropout` of whole features input[n, c].

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default False
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.feature_alpha_dropout(fastnn.ones(1, 2), 0.5)
    tensor([[1., 1.]])
    """
    return apply("feature_alpha_dropout", input, p, training, inplace, 2, True)


def dropout1d(input, double p=0.5, bint training=True, bint inplace=False):
    """Dropout of whole channels of (N, C, L) or (C, L) (Tompson et al. 2015).

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default True
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.dropout1d(fastnn.ones(2, 3), 1.0)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    if isinstance(input, Tensor) and input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
                           f"dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, a "
                           f"channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs).")
    return apply("dropout1d", input, p, training, inplace, 1 if isinstance(input, Tensor) and input.ndim == 2 else 2)


cdef object odd_dimensions(str name, int ndim, int expected):
    warnings.warn(f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a "
                  f"future release. To retain the behavior and silence this warning, please use dropout instead. Note "
                  f"that {name} exists to provide channel-wise dropout on inputs with {expected - 2} spatial "
                  f"dimensions, a channel dimension, and an optional batch dimension (i.e. {expected - 1}D or "
                  f"{expected}D inputs).", stacklevel=2)


def dropout2d(input, double p=0.5, bint training=True, bint inplace=False):
    """Dropout of whole channels of (N, C, H, W); three dimensions are taken for (N, C, L), as PyTorch does.

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default True
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.dropout2d(fastnn.ones(1, 1, 1, 2), 1.0)
    tensor([[[[0., 0.]]]])
    """
    if isinstance(input, Tensor) and input.ndim not in (3, 4):
        odd_dimensions("dropout2d", input.ndim, 4)
    if isinstance(input, Tensor) and input.ndim == 3:
        warnings.warn("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
                      "is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This "
                      "behavior will change in a future release to interpret the input as one without a batch "
                      "dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please "
                      "switch to using dropout1d instead.", stacklevel=2)
    return apply("dropout2d", input, p, training, inplace, 2)


def dropout3d(input, double p=0.5, bint training=True, bint inplace=False):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
    training : bool, default True
        Without it the input is returned as it is.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.dropout3d(fastnn.ones(1, 1, 1, 2), 1.0)
    tensor([[[[0., 0.]]]])
    """
    if isinstance(input, Tensor) and input.ndim not in (4, 5):
        odd_dimensions("dropout3d", input.ndim, 5)
    return apply("dropout3d", input, p, training, inplace, 1 if isinstance(input, Tensor) and input.ndim != 5 else 2)


operation("nn")(alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout)
