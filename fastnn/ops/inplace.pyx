"""In-place forms: ``x.name_(...)`` computes ``name(x, ...)`` and lets x take over the result and its history."""
cimport numpy as np

from libc.string cimport memset

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, Version
from fastnn._tensor cimport Tensor, adopt_node, check_inplace, grad_enabled, recording, shape_of, wrap
from fastnn._tensor import record_inplace
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation

np.import_array()

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char *where) except *  # not 0, which number depends on the version
    void Py_LeaveRecursiveCall()


cdef bint any_recording(object values):
    Py_EnterRecursiveCall(" while looking for tensors in nested lists")
    try:
        for value in values:
            if isinstance(value, Tensor):
                if recording(<Tensor>value):
                    return True
            elif isinstance(value, (tuple, list)) and any_recording(value):
                return True
        return False
    finally:
        Py_LeaveRecursiveCall()


FILL = constant("FillBackward0")


def replaced_backward(grad):
    """What was overwritten gets nothing, the result everything."""
    return numpy.zeros_like(grad), grad


REPLACE = Op("CopyBackwards", replaced_backward)
REPLACE.second(lambda step, g: (step.zeros(g, g.shape), g))


cdef int check_result(str op, Tensor x, Tensor out) except -1:
    if not np.PyArray_SAMESHAPE(x.array, out.array):
        raise RuntimeError(f"{op}: output with shape {list(shape_of(x.array))} doesn't match the broadcast shape "
                           f"{list(shape_of(out.array))}")
    if np.PyArray_TYPE(x.array) != np.PyArray_TYPE(out.array) and not dtypes.can_cast(out.dtype, x.dtype):
        raise RuntimeError(f"result type {out.dtype} can't be cast to the desired output type {x.dtype}")
    return 0


# Their other tensors may be parts of the first one.
cdef frozenset SEQUENTIAL = frozenset(("masked_fill_", "masked_scatter_"))


cdef bint overlap_partly(np.ndarray x, np.ndarray y) noexcept:
    """Whether two arrays without gaps share some of their memory but are not the same view."""
    cdef char *a = np.PyArray_BYTES(x)
    cdef char *b = np.PyArray_BYTES(y)
    cdef int i
    if a + np.PyArray_NBYTES(x) <= b or b + np.PyArray_NBYTES(y) <= a:
        return False
    if not ((np.PyArray_IS_C_CONTIGUOUS(x) or np.PyArray_IS_F_CONTIGUOUS(x))
            and (np.PyArray_IS_C_CONTIGUOUS(y) or np.PyArray_IS_F_CONTIGUOUS(y))):
        return False
    if a != b or np.PyArray_NBYTES(x) != np.PyArray_NBYTES(y):
        return np.PyArray_SIZE(x) > 0 and np.PyArray_SIZE(y) > 0
    if np.PyArray_NDIM(x) != np.PyArray_NDIM(y):
        return False
    for i in range(np.PyArray_NDIM(x)):
        if np.PyArray_DIM(x, i) > 1 and np.PyArray_STRIDE(x, i) != np.PyArray_STRIDE(y, i):
            return True
    return False


cpdef int need_apart(str op, Tensor x, object value) except -1:
    """RuntimeError, as PyTorch's, if a tensor shares a part of the memory of `x`, which is about to change."""
    if isinstance(value, Tensor) and value is not x and overlap_partly(x.array, (<Tensor>value).array):
        raise RuntimeError(f"{op}: unsupported operation: some elements of the input tensor and the written-to tensor "
                           f"refer to a single memory location. Please clone() the tensor before performing the "
                           f"operation.")
    return 0


cdef void follow(Node node, Version made, Version own):
    """A rule that reads its own result must fail when x, which now is the result, changes again."""
    if made is None:
        return
    if node.guard0 is made:
        node.guard0, node.expected0 = own, own.n
    if node.guard1 is made:
        node.guard1, node.expected1 = own, own.n
    if node.guard2 is made:
        node.guard2, node.expected2 = own, own.n


cpdef Tensor changed(str op, Tensor x, object function, tuple args, dict kwargs, bint reads=True):
    """x becomes ``function(x, *args, **kwargs)``, in its own memory. `reads`: the rules need what x held before."""
    cdef Tensor out, before
    check_inplace(x)
    if op not in SEQUENTIAL:
        for value in args:
            need_apart(op, x, value)
        for value in kwargs.values():
            need_apart(op, x, value)
    if not (recording(x) or grad_enabled() and (any_recording(args) or any_recording(kwargs.values()))):
        out = <Tensor?>function(x, *args, **kwargs)
        check_result(op, x, out)
        if np.PyArray_TYPE(x.array) == np.NPY_VOID or np.PyArray_TYPE(out.array) == np.NPY_VOID:
            out = out.to(x.dtype)
        numpy.copyto(x.array, out.array, casting="unsafe")
        x.bump()
        return x
    before = wrap(x.array.copy() if reads else x.array)
    before.node = x.node
    out = <Tensor?>function(before, *args, **kwargs)
    check_result(op, x, out)
    cdef Version made = out.version
    cdef Node last = out.node
    if out.array.dtype != x.array.dtype:
        out = out.to(x.dtype)
    numpy.copyto(x.array, out.array, casting="unsafe")
    if out.node is None:  # no gradient flows through this operation
        return record_inplace(x, constant(op.capitalize() + "Backward0"), (), (shape_of(x.array),))
    if x.base is not None:  # the base takes over the part by way of a copy
        return record_inplace(x, REPLACE, (out,))
    x.bump()
    follow(last, made, x.version_object())
    adopt_node(x, out.node)
    return x


cpdef Tensor viewed(Tensor x, object function, tuple args, dict kwargs):
    """x becomes the view ``function(x, ...)`` of its own memory."""
    cdef Tensor view
    check_inplace(x, False)
    view = <Tensor?>function(x, *args, **kwargs)
    x.array = view.array
    if view is not x and view.node is not None:
        x.node = view.node
    x.bump()
    return x


cdef Tensor filled(Tensor x):
    """After all of x was overwritten: nothing flows back to what it held."""
    if recording(x):
        return record_inplace(x, FILL, (), (shape_of(x.array),))
    x.bump()
    return x


@operation("Tensor")
def fill_(self, value):
    """Every element becomes `value`.

    Parameters
    ----------
    value : number or Tensor
        A tensor has one element.

    Examples
    --------
    >>> fastnn.empty(2).fill_(3)
    tensor([3., 3.])
    """
    cdef Tensor x = <Tensor?>self
    check_inplace(x, isinstance(value, Tensor))
    if isinstance(value, Tensor):
        value = value.item()
    x.array.fill(dtypes.number(value, x.array.dtype))
    return filled(x)


@operation("Tensor")
def zero_(self):
    """Every element becomes 0.

    Examples
    --------
    >>> fastnn.ones(2).zero_()
    tensor([0., 0.])
    """
    cdef Tensor x = <Tensor?>self
    check_inplace(x, False)
    if np.PyArray_TYPE(x.array) == np.NPY_VOID:
        x.array.fill(dtypes.number(0, x.array.dtype))
    elif np.PyArray_IS_C_CONTIGUOUS(x.array):
        memset(np.PyArray_DATA(x.array), 0, np.PyArray_NBYTES(x.array))
    else:
        x.array.fill(0)
    return filled(x)


def form(str name, function, bint reads=True):
    """The in-place form of a function whose first parameter is the tensor."""
    cdef str title = name + "_"

    def method(input, *args, **kwargs):
        if not isinstance(input, Tensor):
            raise TypeError(f"{title}(): argument 'self' must be Tensor, not {type(input).__name__}")
        return changed(title, <Tensor>input, function, args, kwargs, reads)
    method.__name__ = method.__qualname__ = title
    method.__wrapped__ = function
    method.__doc__ = f"``{name}`` in place."
    return method


def view_form(str name, function):
    """The in-place form of a function that gives a view."""
    cdef str title = name + "_"

    def method(self, *args, **kwargs):
        return viewed(<Tensor?>self, function, args, kwargs)
    method.__name__ = method.__qualname__ = title
    method.__wrapped__ = function
    method.__doc__ = f"``{name}`` in place: the tensor's own shape and strides change."
    return method
