"""Tensor's operators and what else the array alone decides: its size, its numbers, Python's protocols.

Python looks operators up in slots of the type, so they must be there when the type is made; the functions behind them
come from fastnn.ops, which stands above.
"""
cimport numpy as np
from cpython.object cimport Py_EQ, Py_GT, Py_LE, Py_LT, Py_NE, PyObject

from fastnn._tape cimport Vertex

np.import_array()

cdef extern from *:
    """
    static void fnn_rename(PyTypeObject *type, int torch) {
        type->tp_name = torch ? "torch.Tensor" : "fastnn._tensor.Tensor";
    }

    /* Programs may give the class methods of their own. */
    static void fnn_open(PyTypeObject *type) {
    #ifdef Py_TPFLAGS_IMMUTABLETYPE
        type->tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE;
    #endif
    }

    /* What an operator answers; an object that is no number, but has the operator from the right, is left to try. */
    static inline PyObject *fnn_answer(PyObject *result, PyObject *other, const char *reflected) {
        if (result == NULL && PyErr_ExceptionMatches(PyExc_TypeError) && !PyNumber_Check(other)) {
            PyObject *type, *value, *traceback;
            PyErr_Fetch(&type, &value, &traceback);
            if (PyObject_HasAttrString((PyObject *)Py_TYPE(other), reflected)) {
                Py_DECREF(type); Py_XDECREF(value); Py_XDECREF(traceback);
                Py_RETURN_NOTIMPLEMENTED;
            }
            PyErr_Restore(type, value, traceback);
        }
        return result;
    }
    """
    void fnn_rename(type cls, bint torch)
    void fnn_open(type cls)
    object fnn_answer(PyObject *result, object other, const char *reflected)
    PyObject *PyObject_CallFunctionObjArgs(object function, ...) noexcept


def say_torch(type tensor, bint on):
    """Let the class Tensor say ``torch`` as its module, which libraries look at, or its own."""
    fnn_rename(tensor, on)


def open_class(type tensor):
    """Let programs set attributes of the class Tensor, as of a class written in Python."""
    fnn_open(tensor)


functions = {}
cdef object op_rsub, op_rdiv, op_pow, op_rpow, op_matmul, op_neg, op_getitem, op_setitem


def install(**given):
    """Give the operators their functions; the frequent ones are kept outside the dictionary."""
    global op_rsub, op_rdiv, op_pow, op_rpow, op_matmul, op_neg, op_getitem, op_setitem
    functions.update(given)
    op_rsub, op_rdiv = functions["rsub"], functions["rdiv"]
    op_pow, op_rpow, op_matmul = functions["pow"], functions["rpow"], functions["matmul"]
    op_neg, op_getitem, op_setitem = functions["neg"], functions["getitem"], functions["setitem"]


cdef Binary quick_add = NULL
cdef Binary quick_sub = NULL
cdef Binary quick_mul = NULL
cdef Binary quick_div = NULL
cdef Comparison quick_compare = NULL


# The same by the functions that `install` got, which a reader of programs replaces by its own.

cdef object named_add(object x, object y):
    return functions["add"](x, y)


cdef object named_sub(object x, object y):
    return functions["sub"](x, y)


cdef object named_mul(object x, object y):
    return functions["mul"](x, y)


cdef object named_div(object x, object y):
    return functions["div"](x, y)


def foreign(y) -> bool:
    """Whether an operand is neither a tensor nor a number, nor may hold some: how it compares is its own affair."""
    return not isinstance(y, (Operators, int, float, complex, np.ndarray, list, tuple)) \
        and not hasattr(y, "__array__")


cdef object named_compare(int number, object x, object y):
    if foreign(y) and not hasattr(type(y), "__torch_function__"):
        return NotImplemented
    return functions[("eq", "ne", "lt", "le", "gt", "ge")[number]](x, y)


cdef Binary compiled_add, compiled_sub, compiled_mul, compiled_div
cdef Comparison compiled_compare


def by_name(bint on):
    """Whether the frequent operators call the functions of `install` too, instead of their compiled forms."""
    global quick_add, quick_sub, quick_mul, quick_div, quick_compare
    global compiled_add, compiled_sub, compiled_mul, compiled_div, compiled_compare
    if on and quick_add != named_add:
        compiled_add, compiled_sub, compiled_mul, compiled_div = quick_add, quick_sub, quick_mul, quick_div
        compiled_compare = quick_compare
        quick_add, quick_sub, quick_mul, quick_div = named_add, named_sub, named_mul, named_div
        quick_compare = named_compare
    elif not on and quick_add == named_add:
        quick_add, quick_sub, quick_mul, quick_div = compiled_add, compiled_sub, compiled_mul, compiled_div
        quick_compare = compiled_compare


ctypedef PyObject *(*Unchecked)(PyObject *x, PyObject *y) noexcept


cdef object number_of(np.ndarray array, str form="item"):
    """What the array's method `form` gives."""
    if np.PyArray_TYPE(array) == np.NPY_VOID:
        from fastnn import formats
        array = formats.decoded(array)
    return getattr(array, form)()


cdef object only_element(np.ndarray array):
    if np.PyArray_SIZE(array) != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return number_of(array)


cdef object real_element(np.ndarray array):
    number = only_element(array)
    if isinstance(number, complex):
        if number.imag:
            raise RuntimeError("value cannot be converted to type double without overflow")
        return number.real
    return number


cdef int need_self(str name, object self) except -1:
    """TypeError where a method, taken from the class, is called on what is no tensor: Cython's methods trust theirs."""
    if not isinstance(self, Operators):
        raise TypeError(f"descriptor '{name}' requires a 'Tensor' object but received '{type(self).__name__}'")
    return 0


cdef class Operators(Vertex):
    def __add__(self, other):
        return fnn_answer((<Unchecked>quick_add)(<PyObject *>self, <PyObject *>other), other, "__radd__")

    def __radd__(self, other):
        return quick_add(self, other)

    def __sub__(self, other):
        return fnn_answer((<Unchecked>quick_sub)(<PyObject *>self, <PyObject *>other), other, "__rsub__")

    def __rsub__(self, other):
        return op_rsub(self, other)

    def __mul__(self, other):
        return fnn_answer((<Unchecked>quick_mul)(<PyObject *>self, <PyObject *>other), other, "__rmul__")

    def __rmul__(self, other):
        return quick_mul(self, other)

    def __truediv__(self, other):
        return fnn_answer((<Unchecked>quick_div)(<PyObject *>self, <PyObject *>other), other, "__rtruediv__")

    def __rtruediv__(self, other):
        return op_rdiv(self, other)

    def __floordiv__(self, other):
        return functions["floor_divide"](self, other)

    def __rfloordiv__(self, other):
        return functions["rfloor_divide"](self, other)

    def __mod__(self, other):
        return functions["remainder"](self, other)

    def __rmod__(self, other):
        return functions["rremainder"](self, other)

    def __pow__(self, other, modulo):
        return op_pow(self, other)

    def __rpow__(self, other, modulo):
        return op_rpow(self, other)

    def __matmul__(self, other):
        return fnn_answer(PyObject_CallFunctionObjArgs(op_matmul, <PyObject *>self, <PyObject *>other, NULL), other,
                          "__rmatmul__")

    def __rmatmul__(self, other):
        return functions["rmatmul"](self, other)

    def __neg__(self):
        return op_neg(self)

    def __pos__(self):
        return self

    def __abs__(self):
        return functions["abs"](self)

    def __invert__(self):
        return functions["invert"](self)

    def __and__(self, other):
        return functions["and"](self, other)

    def __rand__(self, other):
        return functions["and"](self, other)

    def __or__(self, other):
        return functions["or"](self, other)

    def __ror__(self, other):
        return functions["or"](self, other)

    def __xor__(self, other):
        return functions["xor"](self, other)

    def __rxor__(self, other):
        return functions["xor"](self, other)

    def __iadd__(self, other):
        return functions["iadd"](self, other)

    def __isub__(self, other):
        return functions["isub"](self, other)

    def __imul__(self, other):
        return functions["imul"](self, other)

    def __itruediv__(self, other):
        return functions["idiv"](self, other)

    def __ifloordiv__(self, other):
        return self.floor_divide_(other)

    def __imod__(self, other):
        return self.remainder_(other)

    def __iand__(self, other):
        return self.bitwise_and_(other)

    def __ior__(self, other):
        return self.bitwise_or_(other)

    def __ixor__(self, other):
        return self.bitwise_xor_(other)

    def __lshift__(self, other):
        return self.bitwise_left_shift(other)

    def __rshift__(self, other):
        return self.bitwise_right_shift(other)

    def __complex__(self):
        need_self("__complex__", self)
        return complex(only_element(self.array))

    def __ipow__(self, other, modulo):
        return functions["ipow"](self, other)

    def __richcmp__(self, other, int op):
        return quick_compare(0 if op == Py_EQ else 1 if op == Py_NE else 2 if op == Py_LT else 3 if op == Py_LE else
                             4 if op == Py_GT else 5, self, other)

    def __hash__(self):
        return <Py_hash_t><size_t><PyObject *>self >> 4

    def __getitem__(self, index):
        return op_getitem(self, index)

    def __setitem__(self, index, value):
        op_setitem(self, index, value)

    # -- size and numbers --
    @property
    def ndim(self):
        return np.PyArray_NDIM(self.array)

    def dim(self) -> int:
        """Number of dimensions.

        Examples
        --------
        >>> fastnn.ones(2, 3).dim()
        2
        """
        need_self("dim", self)
        return np.PyArray_NDIM(self.array)

    def numel(self) -> int:
        """Number of elements.

        Examples
        --------
        >>> fastnn.ones(2, 3).numel()
        6
        """
        need_self("numel", self)
        return np.PyArray_SIZE(self.array)

    def item(self) -> int | float | bool:
        """The only element as a Python number.

        Raises
        ------
        RuntimeError
            Not one element.

        Examples
        --------
        >>> fastnn.tensor([2.5]).item()
        2.5
        """
        need_self("item", self)
        if np.PyArray_SIZE(self.array) != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
        return number_of(self.array)

    def tolist(self) -> Any:
        """Nested lists of Python numbers.

        Examples
        --------
        >>> fastnn.tensor([1, 2]).tolist()
        [1, 2]
        """
        need_self("tolist", self)
        return number_of(self.array, "tolist")

    # -- protocols --
    def __len__(self):
        if np.PyArray_NDIM(self.array) == 0:
            raise TypeError("len() of a 0-d tensor")
        return np.PyArray_DIM(self.array, 0)

    def __iter__(self):
        if np.PyArray_NDIM(self.array) == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(functions["unbind"](self))

    def __bool__(self):
        if np.PyArray_SIZE(self.array) != 1:
            raise RuntimeError("Boolean value of Tensor with " +
                               ("no values" if self.array.size == 0 else "more than one value") + " is ambiguous")
        return bool(number_of(self.array))

    def __float__(self):
        return float(real_element(self.array))

    def __int__(self):
        return int(real_element(self.array))

    def __index__(self):
        if self.array.dtype.kind not in "iub" or np.PyArray_SIZE(self.array) != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __contains__(self, element):
        if np.PyArray_TYPE(self.array) == np.NPY_VOID:
            return bool((<Operators>quick_compare(0, self, element)).array.any())
        if isinstance(element, Operators):
            element = (<Operators>element).array
        return bool((self.array == element).any())

    def __repr__(self):
        return functions["repr"](self)

    def __format__(self, spec):
        need_self("__format__", self)
        if np.PyArray_NDIM(self.array) == 0 and type(self).__base__ is Operators:  # a Tensor, not a Parameter
            return format(number_of(self.array), spec)
        return object.__format__(self, spec)
