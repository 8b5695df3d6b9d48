"""Gradients of views that their place in memory alone describes, and of bases that were changed through a view."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node, declare

np.import_array()


cdef tuple layout(np.ndarray array):
    """Where an array lies, without its memory: (address, lowest and end of its bytes, shape, strides, dtype)."""
    cdef np.npy_intp first = <np.npy_intp>np.PyArray_DATA(array), low = first, high = first, reach
    cdef int i
    for i in range(np.PyArray_NDIM(array) if np.PyArray_SIZE(array) else 0):
        reach = (np.PyArray_DIM(array, i) - 1) * np.PyArray_STRIDE(array, i)
        low += min(reach, 0)
        high += max(reach, 0)
    return (first, low, high + np.PyArray_ITEMSIZE(array), (<object>array).shape, (<object>array).strides, array.dtype)


cdef int check_part(tuple base, tuple view) except -1:
    """RuntimeError if a view is not a part of its base; of both the layout is given."""
    if 0 not in view[3] and (view[1] < base[1] or view[2] > base[2] or view[5] != base[5]):
        raise RuntimeError("in-place change of a view inside a graph: the view is not a part of its base's memory in "
                           "the same dtype")
    return 0


cdef tuple part_of(tuple base, tuple view, dtype):
    """Zeros laid out in memory as `base`, and in them the part that `view` is; of both the layout is given."""
    start, low, high, shape, strides, _ = base
    first, _, _, view_shape, view_strides, _ = view
    check_part(base, view)
    memory = numpy.zeros(high - low, numpy.uint8)
    return (numpy.ndarray(shape, dtype, memory, start - low, strides),
            numpy.ndarray(view_shape, dtype, memory, 0 if 0 in view_shape else first - low, view_strides))


def put_part(base, view, grad):
    """Zeros as the base, with a gradient in the part that the view is."""
    whole, part = part_of(base, view, grad.dtype)
    if part.size:
        repeated = tuple([i for i in range(part.ndim) if part.shape[i] > 1 and part.strides[i] == 0])
        if repeated:  # of an expanded tensor one element stands for many
            one = tuple([slice(0, 1) if i in repeated else slice(None) for i in range(part.ndim)])
            part[one] = grad.sum(axis=repeated, keepdims=True)
        else:
            part[...] = grad
    return whole


def take_part(base, view, array):
    """The part of an array as the base that the view is."""
    whole, part = part_of(base, view, array.dtype)
    whole[...] = array
    return part.copy()


def without_part(base, view, array):
    """An array as the base, with zeros in the part that the view is."""
    whole, part = part_of(base, view, array.dtype)
    whole[...] = array
    part[...] = 0
    return whole


cdef object as_strided_backward(Node node, np.ndarray grad):
    """Of a view, by its place in memory."""
    return put_part(node.saved[0], node.saved[1], grad)


AS_STRIDED = declare("AsStridedBackward0", as_strided_backward, "base view")


@AS_STRIDED.second
def _as_strided_second(step, g):
    return step.linear(g, lambda array: put_part(step.base, step.view, array),
                       lambda array: take_part(step.base, step.view, array))


cdef object copy_slices(Node node, np.ndarray grad):
    """Of a base whose view was changed by a node: that node's rule on the view's part of the gradient."""
    cdef Node inner = node.saved[0]
    whole, part = part_of(node.saved[1], node.saved[2], grad.dtype)
    whole[...] = grad
    inner.check_guards()
    result = inner.op.rule(inner, part.copy())
    if not isinstance(result, tuple):
        result = (result,)
    part[...] = 0 if result[0] is None else result[0]
    return (None if node.edges[0] is None else whole,) + result[1:]


COPY_SLICES = declare("CopySlices", copy_slices, "inner base view")


@COPY_SLICES.second
def _copy_slices_second(step, g):
    def put(array):
        return put_part(step.base, step.view, array)

    def take(array):
        return take_part(step.base, step.view, array)

    def rest(array):
        return without_part(step.base, step.view, array)
    first, *others = step.of(step.inner).gradients(step.linear(g, take, put))
    whole = None
    if step.needs(0):
        whole = step.linear(g, rest, rest)
        if first is not None:
            whole = whole + step.linear(first, put, take)
    return whole, *others


cdef object copied(object array, dict memo):
    """A deep copy with the same strides: a view of a copy of all the memory that the array is a view of."""
    base = array
    while type(base.base) is numpy.ndarray:
        base = base.base
    if not array.size or not (base.flags.c_contiguous or base.flags.f_contiguous):
        return array.copy(order="K")
    known = memo.setdefault("fastnn", {})  # id -> what has it, and the copy
    if id(base) not in known:
        known[id(base)] = base, base.ravel(order="K").view(numpy.uint8).copy()
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return numpy.ndarray(array.shape, array.dtype, known[id(base)][1], start, array.strides)
