"""What the operations share."""
cimport numpy as np

import functools
import warnings

import numpy

from fastnn import dtypes
from fastnn._tensor cimport Tensor, grad_enabled, needs_grad, shape_of, wrap
from fastnn.kernels cimport reduce as K

np.import_array()


cdef bint is_real(np.ndarray array) noexcept:
    cdef int typenum = np.PyArray_TYPE(array)
    return typenum == np.NPY_FLOAT or typenum == np.NPY_DOUBLE


cdef np.ndarray zero_d(object value):
    """NumPy turns 0-d results into scalars; tensors hold arrays."""
    return value if isinstance(value, np.ndarray) else numpy.asarray(value)


cdef np.ndarray undo(np.ndarray grad, tuple shape):
    """Sum a gradient over the axes along which its operand was broadcast."""
    cdef int i, ndim = np.PyArray_NDIM(grad)
    if ndim == len(shape):
        for i in range(ndim):
            if np.PyArray_DIM(grad, i) != <np.npy_intp>shape[i]:
                break
        else:
            return grad
    return K.sum_to(grad, shape)


cdef int wrap_dim(object dim, int ndim) except -1:
    """A dimension counted from the end becomes one counted from the start; IndexError out of range."""
    cdef long d = dim
    cdef int n = ndim if ndim > 0 else 1
    if d < -n or d >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
    return d + n if d < 0 else d


def axis_of(dim, int ndim):
    """`wrap_dim` for Python modules."""
    if not hasattr(dim, "__index__"):
        raise TypeError(f"a dimension must be an int, not {type(dim).__name__}")
    return wrap_dim(dim, ndim)


def need_tensors(str op, *values):
    """TypeError as PyTorch's argument parser raises it."""
    for position, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise TypeError(f"{op}(): argument {position + 1} must be Tensor, not {type(value).__name__}")


def into(str op, out, made, tuple inputs=()):
    """``out=``: `made` itself without it; else its numbers written to `out`, which takes the shape of `made`."""
    if out is None:
        return made
    need_tensors(op, out)
    cdef Tensor target = <Tensor>out, source = <Tensor>made
    if grad_enabled() and needs_grad(target) or source.requires_grad:
        raise RuntimeError(f"{op}(): functions with out=... arguments don't support automatic differentiation, but one "
                           f"of the arguments requires grad.")
    if not dtypes.can_cast(source.dtype, target.dtype):
        raise RuntimeError(f"{op}(): result type {source.dtype} can't be cast to the desired output type "
                           f"{target.dtype}")
    for item in inputs:
        if item is out or isinstance(item, Tensor) and numpy.shares_memory((<Tensor>item).array, target.array):
            raise RuntimeError(f"{op}(): unsupported operation: some elements of the input tensor and the written-to "
                               f"tensor refer to a single memory location. Please clone() the tensor before "
                               f"performing the operation.")
    cdef int i
    for i in range(np.PyArray_NDIM(target.array)):
        if np.PyArray_DIM(target.array, i) > 1 and np.PyArray_STRIDE(target.array, i) == 0 and target.array.size:
            raise RuntimeError(f"{op}(): unsupported operation: more than one element of the written-to tensor refers "
                               f"to a single memory location. Please clone() the tensor before performing the "
                               f"operation.")
    if shape_of(target.array) != shape_of(source.array):
        if np.PyArray_SIZE(target.array):
            warnings.warn(f"An output with one or more elements was resized since it had shape "
                          f"{list(shape_of(target.array))}, which does not match the required output shape "
                          f"{list(shape_of(source.array))}.", stacklevel=3)
        target.array = numpy.empty(shape_of(source.array), target.array.dtype)
    numpy.copyto(target.array, source.array, casting="unsafe")
    target.bump()
    return out


cdef tuple distinct_inputs(out, tuple args):
    """Inputs that overlap `out` without being it: element-wise operations may write over a whole input, not a part."""
    cdef list found = []
    cdef np.ndarray x, z = (<Tensor?>out).array
    for item in args:
        if isinstance(item, Tensor):
            x = (<Tensor>item).array
            if not (np.PyArray_DATA(x) == np.PyArray_DATA(z) and np.PyArray_SAMESHAPE(x, z)) \
                    and np.PyArray_IS_C_CONTIGUOUS(x) and np.PyArray_IS_C_CONTIGUOUS(z):
                found.append(item)
    return tuple(found)


def with_out(str name, function):
    """A function of the top-level namespace that takes ``out=``: a tensor, or one for each result."""
    def wrapped(*args, out=None, **kwargs):
        if out is None:
            return function(*args, **kwargs)
        made = function(*args, **kwargs)
        if isinstance(made, tuple):
            if not isinstance(out, (tuple, list)) or len(out) != len(made):
                raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(made)} Tensors")
            for target, result in zip(out, made):
                into(name, target, result)
            return type(made)(out)
        if isinstance(out, (tuple, list)) and len(out) == 1:
            out = out[0]
        need_tensors(name, out)
        return into(name, out, made, distinct_inputs(out, args))
    functools.update_wrapper(wrapped, function)
    home, _, wrapped.__name__ = f"fastnn.{name}".rpartition(".")
    wrapped.__module__, wrapped.__qualname__ = home, wrapped.__name__  # where a pickle finds it
    return wrapped


def promote(x, y):
    """NumPy dtype of an operation on two operands, tensors or Python numbers, by PyTorch's rules.

    The highest category (bool, integer, float) decides; within it tensors with dimensions come before 0-d tensors,
    and those before Python numbers.
    """
    def category(operand):
        if isinstance(operand, Tensor):
            kind = (<Tensor>operand).array.dtype.kind
            return {"b": 0, "i": 1, "u": 1, "f": 2}[kind]
        return 0 if isinstance(operand, (bool, numpy.bool_)) else 1 if isinstance(operand, (int, numpy.integer)) else 2

    def rank(operand):
        return (2 if (<Tensor>operand).array.ndim else 1) if isinstance(operand, Tensor) else 0

    def own(operand):
        if isinstance(operand, Tensor):
            return (<Tensor>operand).array.dtype
        return (numpy.dtype(bool), numpy.dtype(numpy.int64), dtypes.get_default_dtype().numpy)[category(operand)]

    cx, cy, rx, ry = category(x), category(y), rank(x), rank(y)
    if rx == ry:
        tx, ty = own(x), own(y)
        if cx == cy == 2 or cx == cy:
            if {tx, ty} == {numpy.dtype(numpy.float16), numpy.dtype(numpy.float32)}:
                return numpy.dtype(numpy.float32)
            return numpy.promote_types(tx, ty)
        return tx if cx > cy else ty
    high, low, ch, cl = (x, y, cx, cy) if rx > ry else (y, x, cy, cx)
    return own(high) if ch >= cl else own(low)


cdef Tensor as_tensor(object value, Tensor like):
    """`value` as a tensor; a Python number becomes 0-d of the dtype that it promotes `like` to."""
    if isinstance(value, Tensor):
        return <Tensor>value
    if isinstance(value, (bool, int, float, numpy.number, numpy.bool_)):
        return wrap(numpy.asarray(value).astype(promote(like, value)))  # wraps around where it does not fit
    if isinstance(value, np.ndarray):
        dtypes.from_numpy(value.dtype)
        return wrap(value)
    raise TypeError(f"expected a Tensor or a number, got {type(value).__name__}")


def broadcast_shapes(*shapes):
    """The shape that these shapes broadcast to; RuntimeError as PyTorch's if they do not."""
    try:
        return dtypes.Size(numpy.broadcast_shapes(*shapes))
    except ValueError:
        raise RuntimeError(
            f"Shape mismatch: objects cannot be broadcast to a single shape: {[list(s) for s in shapes]}") from None
