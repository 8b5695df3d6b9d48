"""Public functions: how a call by programs reaches an operation."""
cimport numpy as np
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_TYPE

from fastnn._tensor cimport Tensor
from fastnn.ops._common cimport ORDINARY, SPECIAL, form_of, form_of_array, rule_of, special_rules
from fastnn.ops import arguments
from fastnn.ops._common import into, need_tensors

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
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyMethod_New(object function, object instance)

# NumPy's names of parameters, which PyTorch's functions take too.
cdef dict NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other",
                         "self": "input"}  # the last one is PyTorch's, where a number may stand for the tensor

ctypedef object (*Entry)(object, PyObject *const *, size_t, PyObject *)

cdef PyTypeObject *INT = Py_TYPE(0)
cdef PyTypeObject *FLOAT = Py_TYPE(0.0)
cdef PyTypeObject *NONE = Py_TYPE(None)
cdef PyTypeObject *BOOL = Py_TYPE(True)
cdef PyTypeObject *COMPLEX_NUMBER = Py_TYPE(0j)
cdef PyTypeObject *TUPLE = Py_TYPE(())
cdef PyTypeObject *LIST = Py_TYPE([])
cdef PyTypeObject *STR = Py_TYPE("")


cdef bint handing = False
cdef object hand_on = None, NOT_HANDED = None


def set_handing(bint on, function, nothing):
    """Whether `function` is asked first what a call gives; `nothing`: what it says if that is for the function."""
    global handing, hand_on, NOT_HANDED
    handing, hand_on, NOT_HANDED = on, function, nothing


cdef object call_special(Function f, tuple args, dict keywords):
    rules = special_rules(args + tuple(keywords.values()))
    if rules is None:  # the device "meta" is named
        from fastnn.ops import meta
        rules = meta.rules
    return rules(f, args, keywords)


cdef inline int form_of_all(PyObject *const *args, Py_ssize_t n) except -1:
    cdef Py_ssize_t i
    cdef int form, number, found = ORDINARY
    cdef PyTypeObject *kind
    for i in range(n):
        kind = Py_TYPE(<object>args[i])
        if kind == <PyTypeObject *>Tensor:
            number = np.PyArray_TYPE((<Tensor>args[i]).array)
            form = ORDINARY if number == np.NPY_FLOAT or number == np.NPY_DOUBLE else \
                form_of_array((<Tensor>args[i]).array)
            if form > found:
                found = form
        elif kind == STR:
            if PyUnicode_GET_LENGTH(<object>args[i]) == 4:  # perhaps the device meta
                found = max(found, form_of(<object>args[i]))
        elif kind != INT and kind != FLOAT and kind != NONE and kind != BOOL:
            form = form_of(<object>args[i])
            if form > found:
                found = form
    return found


cdef enum:
    MOST_JUDGED = 12  # parameters of a function


cdef inline int kind_of(PyObject *value) noexcept:
    """The bit in `fastnn.ops.arguments` of a value's type; 0 of tensors, which are judged when a call fails."""
    cdef PyTypeObject *kind = Py_TYPE(<object>value)
    return (0 if kind == <PyTypeObject *>Tensor else 1 if kind == NONE else 2 if kind == BOOL else 4 if kind == INT else
            8 if kind == FLOAT else 32 if kind == STR else 64 if kind == TUPLE or kind == LIST else
            16 if kind == COMPLEX_NUMBER else 1024)


cdef inline bint doubtful(Function f, PyObject *const *args, Py_ssize_t n) except -1:
    """Whether a value stands where the function takes none of its type, or perhaps none."""
    cdef Py_ssize_t i
    cdef int kind
    for i in range(n if n < MOST_JUDGED else MOST_JUDGED):
        kind = kind_of(args[i])
        if kind:
            if f.names is None:
                f.look()
            if not f.taken[i] & kind:
                return True
    return False


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


cdef tuple positional(PyObject *const *args, Py_ssize_t n):
    cdef Py_ssize_t i
    return tuple([<object>args[i] for i in range(n)])


cdef dict named(PyObject *const *args, PyObject *keywords):
    return {} if keywords == NULL else {key: <object>args[i] for i, key in enumerate(<tuple>keywords)}


cdef object enter(object self, PyObject *const *args, size_t count, PyObject *keywords):
    """A call: straight through, but for arguments with rules and keywords with names of their own."""
    cdef Function f = <Function>self
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(count)
    if handing:
        made = hand_on(f, positional(args, n), named(args + n, keywords))
        if made is not NOT_HANDED:
            return made
    cdef int form = form_of_all(args, n + (0 if keywords == NULL else len(<tuple>keywords)))
    if form == SPECIAL:
        return call_special(f, positional(args, n), named(args + n, keywords))
    cdef bint known = True, wrong = doubtful(f, args, n)
    if keywords != NULL:
        if f.names is None:
            f.look()
        for i, key in enumerate(<tuple>keywords):
            taken = f.names.get(key)
            if taken is None:
                known = False
            elif kind_of(args[n + i]) & ~<int>taken:
                wrong = True
    if wrong:
        made = f.refuse(positional(args, n), named(args + n, keywords), None)
        if made is not NOT_HANDED:
            return made
    try:
        if form != ORDINARY and f.ordinary:
            return f.twin(form)(*positional(args, n), **named(args + n, keywords))
        if known:
            return PyObject_Vectorcall(f.__wrapped__, args, count, keywords)
        return f.renamed(positional(args, n), named(args + n, keywords))
    except Exception as error:
        given = positional(args, n)
        if f.scaled and keywords == NULL and n and isinstance(given[n - 1], Tensor) \
                and not all([isinstance(arg, Tensor) for arg in given]) and isinstance(error, TypeError):
            return f.reordered(given)
        made = f.refuse(given, named(args + n, keywords), error)
        if made is NOT_HANDED:
            raise
        return made


cdef class Function:
    # A public function: a function of fastnn.ops that takes the other names of its parameters too, and ``out=``.
    # `home` and `name`: where programs find it, in a module or as ``fastnn.Tensor``'s. `others`: names beyond NumPy's
    # ({name: the function's own}); ``size=`` of a function that takes ``*size`` needs no mention. `out`: whether
    # ``out=`` is taken here, for a function without it. `scaled`: whether PyTorch's old order is taken, see below.
    # `numpy`: whether NumPy's names are taken.
    # No docstring of its own: its ``__doc__`` is the function's.
    cdef Entry entry
    cdef readonly object __wrapped__
    cdef readonly str __name__, home
    cdef dict names              # {parameter: the types that it takes, bits of fastnn.ops.arguments}
    cdef tuple parameters
    cdef int taken[MOST_JUDGED]  # those bits, by position
    cdef str rest                # ``*rest``, None if there is none that is a keyword too
    cdef str many                # ``*many``
    cdef dict others
    cdef bint out, scaled, numpy
    cdef bint ordinary  # whether another form of it is called where an argument has rules of its own
    cdef dict twins     # those forms

    def __init__(self, function, str name, str home="fastnn", dict others=None, bint out=False, bint scaled=False,
                 bint numpy=True):
        self.entry = enter
        self.ordinary = True
        self.__wrapped__, self.__name__, self.home, self.others = function, name, home, others or {}
        self.out, self.scaled, self.numpy = out, scaled, numpy

    cdef Function twin(self, int form):
        if self.twins is None:
            self.twins = {}
        cdef Function twin = self.twins.get(form)
        if twin is None:
            rule = rule_of(form, self.__name__, self.__wrapped__, self.home)
            twin = Function(rule, self.__name__, self.home, self.others, self.out or self.takes("out"), self.scaled,
                            self.numpy)
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
        """What the function itself takes; asked for when the first argument comes that is no tensor."""
        cdef int i
        self.parameters, self.many, self.names = arguments.described(self.__wrapped__)
        # PyTorch's are Python's, which takes no such keyword
        self.rest = None if self.many in ("tensors", "operands", "shapes") else self.many
        for i in range(MOST_JUDGED):
            self.taken[i] = arguments.ANY if self.scaled or i >= len(self.parameters) else \
                self.names[self.parameters[i]]
        return 0

    def takes(self, str name):
        """Whether `name` is a keyword of this function."""
        self.look()
        name = self.own_name(name)
        return name in self.names or name == self.rest or self.out and name == "out"

    cdef object renamed(self, tuple args, dict given):
        out = given.pop("out", None) if self.out else None
        for name in [name for name in given if name not in self.names]:
            own = self.own_name(name)
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

    cdef object refuse(self, tuple args, dict given, error):
        """Say as PyTorch does which argument has a wrong type, if one has; but its class may take the call over."""
        if not handing:
            made = hand_on(self, args, given)
            if made is not NOT_HANDED:
                return made
        if self.names is None:
            self.look()
        arguments.judge(self.__name__, self.__wrapped__, self.parameters, self.many, self.names, self.home, args,
                        {self.own_name(name): given[name] for name in given}, error)
        return NOT_HANDED

    cdef str own_name(self, str name):
        if name in self.names:
            return name
        own = self.others.get(name, NUMPY_NAMES.get(name, name) if self.numpy else name)
        return own if own in self.names or own == self.rest else name

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
            return arguments.signature(self.__wrapped__, self.home == "fastnn.Tensor", self.out)
        return self.home if name == "__module__" else getattr(self.__wrapped__, name)

    def __repr__(self):
        return f"<function {self.home}.{self.__name__}>"

    def __reduce__(self):
        return (getattr, (Tensor, self.__name__)) if self.home == "fastnn.Tensor" else self.__name__


cdef Function first = Function.__new__(Function)
fnn_callable(Function, <char *>&first.entry - <char *><PyObject *>first)
