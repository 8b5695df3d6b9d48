"""Gradients of views that their place in memory alone describes, and of bases that were changed through a view."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node

np.import_array()


cdef tuple part_of(base, view, dtype):
    """Zeros laid out in memory as `base`, and in them the part that `view` is."""
    low, high = numpy.lib.array_utils.byte_bounds(base)
    first = view.__array_interface__["data"][0]
    if view.size:
        view_low, view_high = numpy.lib.array_utils.byte_bounds(view)
        if view_low < low or view_high > high or view.dtype != base.dtype:
            raise RuntimeError("in-place change of a view inside a graph: the view is not a part of its base's memory "
                               "in the same dtype")
    memory = numpy.zeros(high - low, numpy.uint8)
    start = base.__array_interface__["data"][0] - low
    return (numpy.ndarray(base.shape, dtype, memory, start, base.strides),
            numpy.ndarray(view.shape, dtype, memory, first - low if view.size else 0, view.strides))


cdef object as_strided_backward(Node node, np.ndarray grad):
    """Of a view, by its place in memory; saved = (array of the base, array of the view)."""
    whole, part = part_of(node.saved[0], node.saved[1], grad.dtype)
    if part.size:
        repeated = tuple([i for i in range(part.ndim) if part.shape[i] > 1 and part.strides[i] == 0])
        if repeated:  # of an expanded tensor one element stands for many
            one = tuple([slice(0, 1) if i in repeated else slice(None) for i in range(part.ndim)])
            part[one] = grad.sum(axis=repeated, keepdims=True)
        else:
            part[...] = grad
    return whole


cdef object copy_slices(Node node, np.ndarray grad):
    """Of a base whose view was changed by a node: that node's rule on the view's part of the gradient.

    saved = (the node, array of the base, array of the view)
    """
    cdef Node inner = node.saved[0]
    whole, part = part_of(node.saved[1], node.saved[2], grad.dtype)
    whole[...] = grad
    inner.check_guards()
    result = inner.rule(inner, part.copy())
    if not isinstance(result, tuple):
        result = (result,)
    part[...] = 0 if result[0] is None else result[0]
    return (None if node.edges[0] is None else whole,) + result[1:]
