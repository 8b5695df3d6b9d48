"""What the operations share."""
cimport numpy as np
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_TYPE

import inspect
import os
import warnings

import numpy

from fastnn import dtypes
from fastnn.errors import OutOfMemoryError
from fastnn._tensor cimport Tensor, grad_enabled, needs_grad, shape_of, wrap
from fastnn.kernels cimport reduce as K

np.import_array()

cdef extern from *:
    """
    /* Calls of the type's objects go to the C function that stands `offset` bytes into each. */
    static void fnn_callable(PyObject *type, Py_ssize_t offset) {
        ((PyTypeObject *)type)->tp_vectorcall_offset = offset;
        ((PyTypeObject *)type)->tp_call = PyVectorcall_Call;
        ((PyTypeObject *)type)->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    }
    """
    void fnn_callable(object type, Py_ssize_t offset)
    object PyObject_Vectorcall(object function, PyObject *const *args, size_t count, PyObject *names)
    Py_ssize_t PyVectorcall_NARGS(size_t count)
    object PyMethod_New(object function, object instance)

cdef extern from "numpy/arrayobject.h":
    np.ndarray PyArray_NewFromDescr(type kind, np.dtype dtype, int n, np.npy_intp *dims, np.npy_intp *strides,
                                    void *data, int flags, PyObject *like)


cdef bint is_real(np.ndarray array) noexcept:
    cdef int typenum = np.PyArray_TYPE(array)
    return typenum == np.NPY_FLOAT or typenum == np.NPY_DOUBLE


cdef bint is_half(np.ndarray array) noexcept:
    return np.PyArray_TYPE(array) == np.NPY_FLOAT16


cdef bint is_complex(np.ndarray array) noexcept:
    return np.PyArray_ISCOMPLEX(array)


cdef bint is_ordinary(np.ndarray array) noexcept:
    return FORMS[np.PyArray_TYPE(array)] == ORDINARY


cdef object single(object value):
    return value.to(dtypes.float32) if isinstance(value, Tensor) and is_half((<Tensor>value).array) else value


def in_single(function):
    """A function that computes float16 tensors in float32 and rounds its result once, as PyTorch does."""
    def wrapped(*args, **kwargs):
        cdef bint half = False, real = False
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor):
                half = half or is_half((<Tensor>value).array)
                real = real or is_real((<Tensor>value).array)
        if not half or real:
            return function(*args, **kwargs)
        made = function(*[single(value) for value in args], **{name: single(kwargs[name]) for name in kwargs})
        return made if kwargs.get("dtype") is not None else made.to(dtypes.float16)
    wrapped.__name__, wrapped.__doc__, wrapped.__wrapped__ = function.__name__, function.__doc__, function
    wrapped.__module__ = function.__module__
    return wrapped


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


def int64_of(str op, str name, value):
    """A size, step, place ... as an int; TypeError and ValueError as PyTorch's argument parser raises them."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be int, not {type(value).__name__}")
    number = value.__index__()
    if not -2 ** 63 <= number < 2 ** 63:
        raise ValueError(f"{op}(): argument '{name}' does not fit into 64 bits: {number}")
    return number


def int64s_of(str op, str name, values):
    """A tuple of them, TypeError for everything else."""
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"{op}(): argument '{name}' must be tuple of ints, not {type(values).__name__}")
    try:
        return tuple([int64_of(op, name, value) for value in values])
    except ValueError as error:
        raise TypeError(str(error)) from None


def need_tensors(str op, *values):
    """TypeError as PyTorch's argument parser raises it."""
    for position, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise TypeError(f"{op}(): argument {position + 1} must be Tensor, not {type(value).__name__}")


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


# NumPy's names of parameters, which PyTorch's functions take too.
cdef dict NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other",
                         "self": "input"}  # the last one is PyTorch's, where a number may stand for the tensor

ctypedef object (*Entry)(object, PyObject *const *, size_t, PyObject *)

# ---- arguments with rules of their own ----
# Operations of complex numbers, and of formats that hold numbers but have no arithmetic, are tables: those of
# fastnn.ops.complex_numbers and fastnn.ops.format_rules, loaded when the first one comes. A class of tensors may have
# ``rules(function, args, keywords)``, which calls its functions.

cdef enum:
    ORDINARY, COMPLEX, STORED, SPECIAL

cdef char[32] FORMS  # by NumPy's number of a dtype
for _number in range(32):
    FORMS[_number] = (COMPLEX if np.NPY_CFLOAT <= _number <= np.NPY_CLONGDOUBLE else
                      STORED if _number in (np.NPY_VOID, np.NPY_USHORT, np.NPY_UINT, np.NPY_ULONG, np.NPY_ULONGLONG)
                      else ORDINARY)

cdef object dtype_class = dtypes.dtype
cdef object device_class = dtypes.device
cdef dict special = {}  # {class: rules}
cdef PyTypeObject *SPECIAL_CLASSES[2]  # sparse tensors, tensors without numbers
SPECIAL_CLASSES[0] = SPECIAL_CLASSES[1] = NULL
cdef PyTypeObject *INT = Py_TYPE(0)
cdef PyTypeObject *FLOAT = Py_TYPE(0.0)
cdef PyTypeObject *NONE = Py_TYPE(None)
cdef PyTypeObject *BOOL = Py_TYPE(True)


def set_special(tensor_class, rules):
    """Calls with a tensor of exactly this class among the arguments, or in a list of them, go to `rules`."""
    SPECIAL_CLASSES[len(special)] = <PyTypeObject *>tensor_class
    special[tensor_class] = rules


cdef bint is_special(object value):
    return Py_TYPE(value) == SPECIAL_CLASSES[0] or Py_TYPE(value) == SPECIAL_CLASSES[1]


cdef object special_rules(tuple values):
    """The rules of the first special tensor among values; None: there is none."""
    for value in values:
        found = special_rules(tuple(value)) if isinstance(value, (tuple, list)) else special.get(type(value))
        if found is not None:
            return found


cdef object call_special(Function f, tuple args, dict keywords):
    rules = special_rules(args + tuple(keywords.values()))
    if rules is None:  # the device "meta" is named
        from fastnn.ops import meta
        rules = meta.rules
    return rules(f, args, keywords)


cdef int form_of(object value) except -1:
    """Which rules an argument has: those of complex numbers, tensors and dtypes, of formats, of special tensors."""
    cdef int form
    if is_special(value):
        return SPECIAL
    if isinstance(value, Tensor):
        return ORDINARY if (<Tensor>value).array is None else FORMS[np.PyArray_TYPE((<Tensor>value).array)]
    if isinstance(value, (tuple, list)):
        for item in value:
            if isinstance(item, (int, float, str)):
                return ORDINARY
            form = form_of(item)
            if form != ORDINARY:
                return form
        return ORDINARY
    if isinstance(value, np.ndarray):
        return FORMS[np.PyArray_TYPE(value)]
    if isinstance(value, str):
        return SPECIAL if value == "meta" else ORDINARY
    if type(value) is device_class:
        return SPECIAL if value.type == "meta" else ORDINARY
    if isinstance(value, dtype_class):
        return FORMS[value.numpy.num]
    return COMPLEX if isinstance(value, (complex, numpy.complexfloating)) else ORDINARY


cdef inline int form_of_all(PyObject *const *args, Py_ssize_t n) except -1:
    cdef Py_ssize_t i
    cdef int form, found = ORDINARY
    cdef PyTypeObject *kind
    for i in range(n):
        kind = Py_TYPE(<object>args[i])
        if kind == <PyTypeObject *>Tensor:
            form = FORMS[np.PyArray_TYPE((<Tensor>args[i]).array)]
            if form > found:
                found = form
        elif kind != INT and kind != FLOAT and kind != NONE and kind != BOOL:
            form = form_of(<object>args[i])
            if form > found:
                found = form
    return found


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
    return None if form == ORDINARY or form == SPECIAL else rule_of(form, name)(x, y)


cdef object enter(object self, PyObject *const *args, size_t count, PyObject *keywords):
    """A call: straight through, but for arguments with rules and keywords with names of their own."""
    cdef Function f = <Function>self
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(count)
    cdef int form = form_of_all(args, n + (0 if keywords == NULL else len(<tuple>keywords)))
    if form == SPECIAL:
        return call_special(f, tuple([<object>args[i] for i in range(n)]), {} if keywords == NULL else
                            {key: <object>args[n + i] for i, key in enumerate(<tuple>keywords)})
    if form != ORDINARY and f.ordinary:
        f = f.twin(form)
    if keywords != NULL:
        if f.names is None:
            f.look()
        for name in <tuple>keywords:
            if name not in f.names:
                return f.renamed(tuple([<object>args[i] for i in range(n)]),
                                 {key: <object>args[n + i] for i, key in enumerate(<tuple>keywords)})
    try:
        return PyObject_Vectorcall(f.__wrapped__, args, count, keywords)
    except TypeError as error:
        given = tuple([<object>args[i] for i in range(n)])
        if f.scaled and keywords == NULL and n and isinstance(given[n - 1], Tensor) \
                and not all([isinstance(arg, Tensor) for arg in given]):
            return f.reordered(given)
        f.refuse(given, error)
        raise


cdef class Function:
    # A public function: a function of fastnn.ops that takes the other names of its parameters too, and ``out=``.
    # `home` and `name`: where programs find it, in a module or as ``fastnn.Tensor``'s. `others`: names beyond NumPy's
    # ({name: the function's own}); ``size=`` of a function that takes ``*size`` needs no mention. `out`: whether
    # ``out=`` is taken here, for a function without it. `scaled`: whether PyTorch's old order is taken, see below.
    # No docstring of its own: its ``__doc__`` is the function's.
    cdef Entry entry
    cdef readonly object __wrapped__
    cdef readonly str __name__, home
    cdef frozenset names
    cdef tuple parameters
    cdef str rest
    cdef dict others
    cdef bint out, scaled
    cdef bint ordinary  # whether another form of it is called where an argument has rules of its own
    cdef dict twins     # those forms

    def __init__(self, function, str name, str home="fastnn", dict others=None, bint out=False, bint scaled=False):
        self.entry = enter
        self.ordinary = True
        self.__wrapped__, self.__name__, self.home, self.others = function, name, home, others or {}
        self.out, self.scaled = out, scaled

    cdef Function twin(self, int form):
        if self.twins is None:
            self.twins = {}
        cdef Function twin = self.twins.get(form)
        if twin is None:
            rule = rule_of(form, self.__name__, self.__wrapped__, self.home)
            twin = Function(rule, self.__name__, self.home, self.others, self.out or self.takes("out"), self.scaled)
            twin.ordinary = False
            if rule is self.__wrapped__:
                twin.out = self.out
            self.twins[form] = twin
        return twin

    def redirect(self, function):
        """Call `function` from now on; returns what was called before."""
        before, self.__wrapped__, self.names, self.twins = self.__wrapped__, function, None, None
        return before

    cdef int look(self) except -1:
        """What the function itself takes; asked for when the first keyword comes."""
        function, names = self.__wrapped__, ()
        while hasattr(function, "__code__"):  # a form that passes what it gets to another takes that one's
            code = function.__code__
            count = code.co_argcount + code.co_kwonlyargcount
            self.parameters = code.co_varnames[:code.co_argcount]
            self.rest = code.co_varnames[count] if code.co_flags & 4 else None
            if self.rest in ("tensors", "operands", "shapes"):  # PyTorch's are Python's, which takes no such keyword
                self.rest = None
            names += code.co_varnames[:count]
            function = getattr(function, "__wrapped__", None)
        self.names = frozenset(names)
        return 0

    def takes(self, str name):
        """Whether `name` is a keyword of this function."""
        self.look()
        name = name if name in self.names else self.others.get(name, NUMPY_NAMES.get(name, name))
        return name in self.names or name == self.rest or self.out and name == "out"

    cdef object renamed(self, tuple args, dict given):
        out = given.pop("out", None) if self.out else None
        for name in [name for name in given if name not in self.names]:
            own = self.others.get(name, NUMPY_NAMES.get(name, name))
            own = own if own in self.names or own == self.rest else name
            if own != name and own in given:
                raise TypeError(f"{self.__name__}() got multiple values for argument '{own}'")
            given[own] = given.pop(name)
        if self.rest is not None and self.rest in given:
            args += tuple([given.pop(name) for name in self.parameters[len(args):] if name in given])
            args += (given.pop(self.rest),)
        made = self.__wrapped__(*args, **given)
        if out is None:
            return made
        if isinstance(made, tuple):
            if not isinstance(out, (tuple, list)) or len(out) != len(made):
                raise TypeError(f"{self.__name__}(): argument 'out' must be a tuple of {len(made)} Tensors")
            for target, result in zip(out, made):
                if self.home == "fastnn" and isinstance(target, Tensor) and target.dtype is not result.dtype:
                    raise RuntimeError(f"Expected out tensor to have dtype {result.dtype}, but got {target.dtype} "
                                       f"instead")
                into(self.__name__, target, result)
            return type(made)(out)
        if isinstance(out, (tuple, list)) and len(out) == 1:
            out = out[0]
        need_tensors(self.__name__, out)
        return into(self.__name__, out, made, distinct_inputs(out, args + tuple(given.values())))

    cdef int refuse(self, tuple args, error) except -1:
        """Say as PyTorch does which argument has a wrong type, where `error` is Cython's."""
        words = str(error).split()
        if words[:1] == ["Argument"] and words[2:5] == ["has", "incorrect", "type"]:
            raise TypeError(f"{self.__name__}(): argument {words[1]} must be {words[6].rpartition('.')[2].strip(',')}, "
                            f"not {words[8].rpartition('.')[2].strip(')')}") from None
        if words[:2] != ["Cannot", "convert"] or "Tensor" not in words[-1]:
            return 0
        self.look()
        for i, arg in enumerate(args[:len(self.parameters)]):
            if type(arg).__name__ == words[2]:
                raise TypeError(f"{self.__name__}(): argument '{self.parameters[i]}' (position {i + 1}) must be "
                                f"Tensor, not {words[2]}") from None
        return 0

    cdef object reordered(self, tuple args):
        """PyTorch's old order, numbers among the tensors: ``addmm(beta, input, alpha, mat1, mat2)``."""
        self.look()
        scales = [name for name in ("beta", "alpha", "value") if name in self.names]
        numbers = [arg for arg in args if not isinstance(arg, Tensor)]
        if len(numbers) > len(scales):
            raise TypeError(f"{self.__name__}() received an invalid combination of arguments - got "
                            f"({', '.join([type(arg).__name__ for arg in args])})")
        return self.__wrapped__(*[arg for arg in args if isinstance(arg, Tensor)], **dict(zip(scales, numbers)))

    @property
    def __doc__(self):
        return self.__wrapped__.__doc__

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __getattr__(self, name):
        if name == "__signature__":
            return self.signature()
        return self.home if name == "__module__" else getattr(self.__wrapped__, name)

    cdef object signature(self):
        """The function's, with ``out=`` where it is taken here, a method's with ``self``."""
        found = inspect.signature(self.__wrapped__)
        parameters = list(found.parameters.values())
        if self.home == "fastnn.Tensor" and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            parameters[0] = parameters[0].replace(name="self")
        if self.out and "out" not in found.parameters:
            rest = parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
            parameters.insert(len(parameters) - rest, inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY,
                                                                        default=None))
        return found.replace(parameters=parameters)

    def __repr__(self):
        return f"<function {self.home}.{self.__name__}>"

    def __reduce__(self):
        return (getattr, (Tensor, self.__name__)) if self.home == "fastnn.Tensor" else self.__name__


cdef Function first = Function.__new__(Function)
fnn_callable(Function, <char *>&first.entry - <char *><PyObject *>first)


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
        real = dtypes.get_default_dtype().numpy
        return (numpy.dtype(bool), numpy.dtype(numpy.int64), real, dtypes.to_complex(real))[category(operand)]

    # Beside complex numbers, floating-point ones of a higher rank say how exact those are.
    cx, cy, rx, ry = category(x), category(y), rank(x), rank(y)
    if rx == ry:
        tx, ty = own(x), own(y)
        if cx == cy or min(cx, cy) == 2:
            if tx.kind == "V" or ty.kind == "V":
                from fastnn import formats
                return formats.promoted(tx, ty)
            if {tx, ty} == {numpy.dtype(numpy.float16), numpy.dtype(numpy.float32)}:
                return numpy.dtype(numpy.float32)
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
