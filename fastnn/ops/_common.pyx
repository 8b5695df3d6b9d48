"""What the operations share."""
cimport numpy as np
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_TYPE

import os
import warnings

import numpy

from fastnn import dtypes
from fastnn.errors import OutOfMemoryError
from fastnn._tensor cimport Tensor, grad_enabled, needs_grad, shape_of, wrap
from fastnn.kernels cimport reduce as K
from fastnn.kernels import sum_to

np.import_array()

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char *where) except *  # not 0, which number depends on the version
    void Py_LeaveRecursiveCall()

cdef extern from "numpy/arrayobject.h":
    np.ndarray PyArray_NewFromDescr(type kind, np.dtype dtype, int n, np.npy_intp *dims, np.npy_intp *strides,
                                    void *data, int flags, PyObject *like)


cdef bint is_real(np.ndarray array) noexcept:
    cdef int typenum = np.PyArray_TYPE(array)
    return typenum == np.NPY_FLOAT or typenum == np.NPY_DOUBLE


cdef bint is_complex(np.ndarray array) noexcept:
    return np.PyArray_ISCOMPLEX(array)


cdef int form_of_array(np.ndarray array) noexcept:
    cdef int number = np.PyArray_TYPE(array)
    return FORMS[number] if number < LEGACY_TYPES else ORDINARY  # strings, types of other packages: refused later


cdef bint is_ordinary(np.ndarray array) noexcept:
    return form_of_array(array) == ORDINARY


cdef np.ndarray zero_d(object value):
    """NumPy turns 0-d results into scalars; tensors hold arrays."""
    return value if isinstance(value, np.ndarray) else numpy.asarray(value)


cdef np.ndarray strided(np.ndarray x, int n, np.npy_intp *dims, np.npy_intp *strides, char *data):
    """A view of an array's memory; ValueError of sizes that no array has."""
    cdef np.dtype kind = <np.dtype><PyObject *>np.PyArray_DESCR(x)
    Py_INCREF(kind)  # which the call takes
    cdef np.ndarray out = PyArray_NewFromDescr(type(x), kind, n, dims, strides, data,
                                               np.NPY_ARRAY_WRITEABLE if np.PyArray_ISWRITEABLE(x) else 0, NULL)
    np.set_array_base(out, x)
    return out


cdef np.ndarray undo(np.ndarray grad, tuple shape):
    """Sum a gradient over the axes along which its operand was broadcast."""
    cdef int i, ndim = np.PyArray_NDIM(grad)
    if ndim == len(shape):
        for i in range(ndim):
            if np.PyArray_DIM(grad, i) != <np.npy_intp>shape[i]:
                break
        else:
            return grad
    if np.PyArray_TYPE(grad) == np.NPY_VOID:
        from fastnn import formats
        return formats.in_numbers(sum_to, grad, shape)
    return K.sum_to(grad, shape)


def undone(grad, shape):
    """`undo` for Python modules."""
    return undo(grad, shape)


cdef int wrap_dim(object dim, int ndim) except -1:
    """A dimension counted from the end becomes one counted from the start; IndexError out of range."""
    if isinstance(dim, float):  # C would cut it
        raise TypeError(f"a dimension must be an int, not {type(dim).__name__}")
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


cdef Tensor tensor_of(str op, str name, int position, object value):
    """The argument as a Tensor; TypeError that names it otherwise."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}")
    return <Tensor>value


def need_tensors(str op, *values):
    """TypeError as PyTorch's argument parser raises it."""
    for position, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise TypeError(f"{op}(): argument {position + 1} must be Tensor, not {type(value).__name__}")


def need_one_dtype(str op, x, y):
    """RuntimeError where two tensors are of different dtypes."""
    if x.dtype is not y.dtype:
        raise RuntimeError(f"{op}: expected tensors of one dtype, got {x.dtype} and {y.dtype}")


def need_real(str op, *values):
    """NotImplementedError, as PyTorch's, where one of the values is a complex tensor."""
    for value in values:
        if isinstance(value, Tensor) and is_complex((<Tensor>value).array):
            from fastnn.ops import complex_numbers
            complex_numbers.refusing(op)(value)


cdef object MOST_MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # below 0: the system does not say


def need_dimensions(str op, Py_ssize_t count):
    """ValueError for more dimensions than NumPy has: some of its versions overflow the stack before they say so."""
    if count > MOST_DIMS:
        raise ValueError(f"{op}(): tensors have at most {MOST_DIMS} dimensions, got {count}")


def room(str op, sizes, itemsize):
    """Raise before any work if a result of these sizes cannot fit into this machine's memory, or is no NumPy array."""
    need_dimensions(op, len(sizes))
    wanted = itemsize
    for size in sizes:
        wanted = wanted * size
    if wanted > MOST_MEMORY > 0 or wanted >= 1 << 62:
        raise OutOfMemoryError(f"{op}(): can't allocate memory: you tried to allocate {wanted} bytes, for sizes "
                               f"{list(sizes)}")


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
    if np.PyArray_TYPE(target.array) == np.NPY_VOID or np.PyArray_TYPE(source.array) == np.NPY_VOID:
        source = source.to(target.dtype)
    numpy.copyto(target.array, source.array, casting="unsafe")
    target.bump()
    return out


# ---- arguments with rules of their own ----
# Operations of complex numbers, and of formats that hold numbers but have no arithmetic, are tables: those of
# fastnn.ops.complex_numbers and fastnn.ops.format_rules, loaded when the first one comes. A class of tensors may have
# ``rules(function, args, keywords)``, which calls its functions.

cdef enum:
    LEGACY_TYPES = 24  # those with numbers below are NumPy's own, but for its newest

cdef char[LEGACY_TYPES] FORMS  # by NumPy's number of a dtype
for _number in range(LEGACY_TYPES):
    FORMS[_number] = COMPLEX if np.NPY_CFLOAT <= _number <= np.NPY_CLONGDOUBLE else ORDINARY
for _number in (np.NPY_VOID, np.NPY_FLOAT16, np.NPY_USHORT, np.NPY_UINT, np.NPY_ULONG, np.NPY_ULONGLONG):
    FORMS[_number] = STORED

cdef object dtype_class = dtypes.dtype
cdef object device_class = dtypes.device
cdef dict special = {}  # {class: rules}
cdef PyTypeObject *SPECIAL_CLASSES[2]  # sparse tensors, tensors without numbers
SPECIAL_CLASSES[0] = SPECIAL_CLASSES[1] = NULL


def set_special(tensor_class, rules):
    """Calls with a tensor of exactly this class among the arguments, or in a list of them, go to `rules`."""
    SPECIAL_CLASSES[len(special)] = <PyTypeObject *>tensor_class
    special[tensor_class] = rules


cdef bint is_special(object value):
    return Py_TYPE(value) == SPECIAL_CLASSES[0] or Py_TYPE(value) == SPECIAL_CLASSES[1]


cdef object special_rules(tuple values):
    """The rules of the first special tensor among values; None: there is none."""
    nested()
    try:
        for value in values:
            found = special_rules(tuple(value)) if isinstance(value, (tuple, list)) else special.get(type(value))
            if found is not None:
                return found
    finally:
        Py_LeaveRecursiveCall()


cdef int nested() except -1:
    """RecursionError before lists that hold themselves, or nest too deep, exhaust the stack."""
    Py_EnterRecursiveCall(" while looking for tensors in nested lists")
    return 0


cdef int form_of(object value) except -1:
    """Whose rules an argument has: complex tensors', arrays', numbers' and dtypes', formats', special tensors'."""
    cdef int form
    if is_special(value):
        return SPECIAL
    if isinstance(value, Tensor):
        return ORDINARY if (<Tensor>value).array is None else form_of_array((<Tensor>value).array)
    if isinstance(value, (tuple, list)):
        nested()
        try:
            for item in value:
                if isinstance(item, (int, float, str)):
                    return ORDINARY
                form = form_of(item)
                if form != ORDINARY:
                    return form
            return ORDINARY
        finally:
            Py_LeaveRecursiveCall()
    if isinstance(value, np.ndarray):
        return form_of_array(value)
    if isinstance(value, str):
        return SPECIAL if value == "meta" else ORDINARY
    if type(value) is device_class:
        return SPECIAL if value.type == "meta" else ORDINARY
    if isinstance(value, dtype_class):
        return FORMS[value.numpy.num]
    return COMPLEX if isinstance(value, (complex, numpy.complexfloating)) else ORDINARY


def complex_rule(str name, function=None, str home="fastnn"):
    """What stands for a public function where complex numbers are; NotImplementedError where nothing does."""
    from fastnn.ops import complex_numbers
    return complex_numbers.rule_of(name, function, home)


cdef object rule_of(int form, str name, function=None, str home="fastnn"):
    if form == COMPLEX:
        return complex_rule(name, function, home)
    from fastnn.ops import format_rules
    return format_rules.rule_of(name, function, home)


cdef object ruled(str name, object x, object y):
    """What the rules make of an operation, None where its operands are ordinary."""
    cdef int form = max(form_of(x), form_of(y))
    return rule_of(form, name)(x, y) if form == COMPLEX or form == STORED else None


def promote(x, y):
    """NumPy dtype of an operation on two operands, tensors or Python numbers, by PyTorch's rules.

    The highest category (bool, integer, float) decides; within it tensors with dimensions come before 0-d tensors,
    and those before Python numbers.
    """
    def category(operand):
        if isinstance(operand, Tensor):
            kind = (<Tensor>operand).array.dtype.kind
            if is_special(operand):
                raise NotImplementedError(f"this operation takes no tensor of layout {operand.layout}, device "
                                          f"{operand.device}: it may have no data")
            return 2 + operand.dtype.is_complex if kind == "V" else {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}[kind]
        return (0 if isinstance(operand, (bool, numpy.bool_)) else 1 if isinstance(operand, (int, numpy.integer)) else
                3 if isinstance(operand, (complex, numpy.complexfloating)) else 2)

    def rank(operand):
        return (2 if (<Tensor>operand).array.ndim else 1) if isinstance(operand, Tensor) else 0

    def own(operand):
        if isinstance(operand, Tensor):
            return (<Tensor>operand).array.dtype
        real = dtypes.get_computing_dtype().numpy
        return (numpy.dtype(bool), numpy.dtype(numpy.int64), real, dtypes.to_complex(real))[category(operand)]

    # Beside complex numbers, floating-point ones of a higher rank say how exact those are.
    cx, cy, rx, ry = category(x), category(y), rank(x), rank(y)
    if rx == ry:
        tx, ty = own(x), own(y)
        if cx == cy or min(cx, cy) == 2:
            if tx.kind == "V" or ty.kind == "V":
                from fastnn import formats
                return formats.promoted(tx, ty)
            return numpy.promote_types(tx, ty)
        return tx if cx > cy else ty
    high, low, ch, cl = (x, y, cx, cy) if rx > ry else (y, x, cy, cx)
    if ch == 2 and cl == 3:
        return dtypes.to_complex(own(high))
    return own(high) if ch >= cl else own(low)


cdef Tensor as_tensor(object value, Tensor like):
    """`value` as a tensor; a Python number becomes 0-d of the dtype that it promotes `like` to."""
    if isinstance(value, Tensor):
        return <Tensor>value
    if isinstance(value, (complex, numpy.complexfloating)):
        return wrap(numpy.asarray(value).astype(promote(like, value)))
    if like is not None and np.PyArray_TYPE(like.array) == np.NPY_VOID:
        return wrap(dtypes.number(value, promote(like, value)))
    if isinstance(value, (bool, int, float, numpy.number, numpy.bool_)):
        if -65504 <= value <= 65504:  # fits into all
            return wrap(numpy.asarray(value).astype(promote(like, value)))
        with numpy.errstate(over="ignore", invalid="ignore"):  # wraps around, or becomes infinite, where it does not
            return wrap(numpy.asarray(value).astype(promote(like, value)))
    if isinstance(value, np.ndarray):
        dtypes.from_numpy(value.dtype)
        return wrap(value)
    raise TypeError(f"expected a Tensor or a number, got {type(value).__name__}")


def broadcast_shapes(*shapes) -> dtypes.Size:
    """The shape that these shapes broadcast to; RuntimeError as PyTorch's if they do not."""
    try:
        return dtypes.Size(numpy.broadcast_shapes(*shapes))
    except ValueError:
        raise RuntimeError(
            f"Shape mismatch: objects cannot be broadcast to a single shape: {[list(s) for s in shapes]}") from None
