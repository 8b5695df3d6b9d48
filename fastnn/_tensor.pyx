"""Tensor: a handle on a NumPy array that remembers how it was computed.

Operations live in fastnn.ops and install themselves as Tensor's methods; this file knows none of them by name.
Memory that backward will read is guarded by version counters.
"""
cimport numpy as np
from cpython.object cimport PyObject, PyObject_GenericSetAttr

cdef extern from "Python.h":
    int delete_attribute "PyObject_GenericSetAttr"(object, object, PyObject*) except -1
from copy import deepcopy

import numpy

from fastnn import _operators, dtypes, errors
from fastnn._operators cimport Operators, need_self
from fastnn cimport _tape
from fastnn._tape cimport JOINT_METHOD, METHOD, Node, OUTPUT, Op, Output, Version, Vertex, class_of, owner
from fastnn._views cimport AS_STRIDED, COPY_SLICES, check_part, copied, layout

np.import_array()

cdef extern from *:
    """
    static __thread int fnn_grad_mode = 1;       /* a thread's own, as PyTorch's is */
    static __thread int fnn_inference_mode = 0;
    static int fnn_install(PyTypeObject *type, PyObject *name, PyObject *value) {
        /* Extension types refuse setattr from outside; this is the type's own module. */
        if (PyDict_SetItem(type->tp_dict, name, value)) return -1;
        PyType_Modified(type);
        return 0;
    }
    """
    int fnn_grad_mode, fnn_inference_mode
    int fnn_install(type cls, object name, object value) except -1


# ---- recording ----

cdef tuple shape_of(np.ndarray array):
    cdef int i
    return tuple([np.PyArray_DIM(array, i) for i in range(np.PyArray_NDIM(array))])


cdef bint grad_enabled() noexcept:
    return fnn_grad_mode


cdef bint set_grad(bint on) noexcept:
    global fnn_grad_mode
    cdef bint before = fnn_grad_mode
    fnn_grad_mode = on
    return before


cdef inline void refresh(Tensor x) noexcept:
    """Bring a view's history up to date: its base may have got another one from a change in place."""
    if x.base is not None and x.attr_version != x.version.rebases:
        renew(x)


cdef bint needs_grad(Tensor x) noexcept:
    refresh(x)
    return x.node is not None or x.leaf_requires_grad


cdef bint recording(Tensor x) noexcept:
    if not fnn_grad_mode:
        return False
    refresh(x)
    return (x.node is not None or x.leaf_requires_grad)


cpdef Vertex edge(Tensor x):
    refresh(x)
    if x.node is not None:
        return x.node
    return x if x.leaf_requires_grad else None


cdef inline Tensor handle(np.ndarray array):  # in the frequent case by a call that Cython knows
    return Tensor.__new__(Tensor) if np.PyArray_CheckExact(array) else Tensor.__new__(class_of(array, Tensor))


cdef Tensor wrap(np.ndarray array):
    cdef Tensor tensor = handle(array)
    tensor.array = array
    return tensor


cdef Tensor wrap_view(np.ndarray array, Tensor base):
    cdef Tensor tensor = handle(array)
    tensor.array = array
    tensor.base = base if base.base is None else base.base
    tensor.version = base.version_object()
    tensor.attr_version = tensor.version.rebases
    return tensor


cdef inline Tensor made_by(np.ndarray out, Op op, tuple edges, tuple saved):
    cdef Node node = Node.__new__(Node)
    cdef Tensor tensor = handle(out)
    node.op = op
    node.edges = edges
    node.saved = saved
    tensor.array = out
    tensor.node = node
    if _tape.anomaly:
        _tape.trace(node)
    return tensor


cdef Tensor record1(np.ndarray out, Op op, Tensor x, tuple saved):
    return made_by(out, op, (edge(x),), saved)


cdef Tensor record2(np.ndarray out, Op op, Tensor x, Tensor y, tuple saved):
    return made_by(out, op, (edge(x), edge(y)), saved)


cdef Tensor record3(np.ndarray out, Op op, Tensor x, Tensor y, Tensor z, tuple saved):
    return made_by(out, op, (edge(x), edge(y), edge(z) if z is not None else None), saved)


cdef Tensor recordn(np.ndarray out, Op op, tuple inputs, tuple saved):
    return made_by(out, op, edges_of(inputs), saved)


cdef tuple edges_of(tuple inputs):
    return tuple([edge(x) if isinstance(x, Tensor) else None for x in inputs])


cdef bint repeats(np.ndarray array) noexcept:
    """Whether several elements lie at one place, as after ``expand``."""
    cdef int axis
    for axis in range(np.PyArray_NDIM(array)):
        if np.PyArray_STRIDE(array, axis) == 0 and np.PyArray_DIM(array, axis) > 1:
            return np.PyArray_SIZE(array) > 0
    return False


cdef int check_inplace(Tensor tensor, bint elements=True) except -1:
    """Torch's rules on what may be changed in place; call before writing.

    `slicing`: numbers are to be written, which need memory of their own.
    """
    if elements and not np.PyArray_IS_C_CONTIGUOUS(tensor.array) and repeats(tensor.array):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single "
                           "memory location. Please clone() the tensor before performing the operation.")
    if not np.PyArray_ISWRITEABLE(tensor.array):
        raise RuntimeError("in-place operation: the tensor's memory is read-only")
    if fnn_grad_mode:
        if tensor.leaf_requires_grad and tensor.node is None:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if tensor.base is not None and tensor.base.leaf_requires_grad and tensor.base.node is None:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        if tensor.base is not None and needs_grad(tensor.base) and not needs_grad(tensor):
            raise RuntimeError("A view was created in no_grad mode and is being modified inplace with grad mode "
                               "enabled. Create the view with grad mode enabled, or change it in no_grad mode.")
    return 0


cdef Node rebase(Tensor tensor, Op op, tuple others, tuple saved):
    """Make `tensor`, just changed in place, the output of a new node; its edges: the tensor before, then `others`."""
    cdef Node node = Node.__new__(Node)
    node.op = op
    node.edges = (edge(tensor),) + edges_of(others)
    node.saved = saved
    if _tape.anomaly:
        _tape.trace(node)
    adopt_node(tensor, node)
    return node


# ---- in-place changes and views ----
# Changing a view changes its base: the base becomes the output of a CopySlices node (fastnn._views). All views of the
# base get a new history, as views of the new base, when it is asked for.

cdef int adopt_node(Tensor tensor, Node node) except -1:
    """`tensor`, just changed in place (and its version counted), is the output of `node`, whose edges[0] is what the
    tensor was before."""
    cdef Tensor base = tensor.base
    cdef Node slices
    cdef Version version
    if base is None:
        follow_node(tensor, node)
        tensor.leaf_requires_grad = False
    else:
        layouts = layout(base.array), layout(tensor.array)
        check_part(layouts[0], layouts[1])
        slices = Node.__new__(Node)
        slices.op = COPY_SLICES
        slices.edges = (edge(base),) + node.edges[1:]
        slices.saved = (node, layouts[0], layouts[1])
        follow_node(base, slices)
        base.leaf_requires_grad = False
    version = tensor.version_object()
    version.rebases += 1
    refresh(tensor)
    return 0


cdef void renew(Tensor x) noexcept:
    cdef Tensor base = x.base
    cdef Node node
    x.attr_version = x.version.rebases
    if base.node is None and not base.leaf_requires_grad:
        return
    node = Node.__new__(Node)
    node.op = AS_STRIDED
    node.edges = (base if base.node is None else base.node,)
    node.saved = (layout(base.array), layout(x.array))
    follow_node(x, node)


cdef int follow_node(Tensor tensor, Node node) except -1:
    """A tensor that retains its gradient does so where its new history begins."""
    cdef Node before = tensor.node
    tensor.node = node
    if tensor.retains and before is not None and before is not node:
        node.keeper, before.keeper = before.keeper, None
        if node.hooks is None:
            node.hooks = []
    return 0


# ---- recording from Python ----

def record(out, Op op, tuple inputs, tuple saved=(), tuple guards=(), bint reads_out=False):
    """A tensor for array `out`, made from `inputs` by an operation whose node saves `saved`.

    guards: tensors whose memory the rule reads; they must not change until backward. `reads_out`: nor must the result.
    """
    cdef bint on = False
    if not isinstance(out, np.ndarray):
        out = numpy.asarray(out)
    for item in inputs:
        if isinstance(item, Tensor) and recording(<Tensor>item):
            on = True
    if not on:
        return wrap(out)
    cdef Tensor tensor = recordn(out, op, inputs, saved)
    for item in guards:
        tensor.node.guard((<Tensor>item).version_object())
    if reads_out:
        tensor.node.guard(tensor.version_object())
    return tensor


def record_inplace(Tensor tensor not None, Op op, tuple others=(), tuple saved=()):
    """`tensor` was just changed in place; the rule's first result is the gradient of what it held before."""
    tensor.bump()
    cdef bint on = recording(tensor)
    for item in others:
        if isinstance(item, Tensor) and recording(<Tensor>item):
            on = True
    if on:
        rebase(tensor, op, others, saved)
    return tensor


def from_array(np.ndarray array):
    """A tensor on this very array."""
    return wrap(array)


def view_of(np.ndarray array, Tensor base not None):
    """A tensor on a view of `base`'s memory, without history."""
    return wrap_view(array, base)


def adopt(Tensor tensor not None, np.ndarray array, requires_grad=None):
    """Give a tensor (of a subclass) its array."""
    tensor.array = array
    if requires_grad is not None:
        tensor.requires_grad = requires_grad
    return tensor


def writable(Tensor tensor not None, bint elements=True):
    """The array of a tensor about to be changed in place, after torch's checks."""
    check_inplace(tensor, elements)
    return tensor.array


# ---- grad mode ----

def is_grad_enabled() -> bool:
    """Whether operations on this thread are recorded."""
    return bool(fnn_grad_mode)


def set_grad_mode(bint on):
    global fnn_grad_mode
    fnn_grad_mode = on


def is_inference_mode_enabled() -> bool:
    """Whether this thread is within ``inference_mode``."""
    return bool(fnn_inference_mode)


def set_inference_mode(bint on):
    global fnn_inference_mode
    fnn_inference_mode = on


# ---- Tensor ----

def install_methods(dict methods):
    """Make functions of fastnn.ops methods (or properties) of Tensor."""
    for name, value in methods.items():
        fnn_install(Tensor, name, value)


cdef object readable = None  # a door's: whether `numpy` gives the array of a recorded tensor


def set_readable(function):
    """``function(tensor)`` decides whether `numpy` of a tensor that requires gradients gives its array."""
    global readable
    readable = function


cdef class Tensor(Operators):
    """A multi-dimensional array that remembers how it was computed (torch.Tensor's interface).

    The numbers are a NumPy array: ``t.numpy()`` and ``numpy.asarray(t)`` share memory, and so does
    ``fastnn.from_numpy(array)``.

    Parameters
    ----------
    *args : int or array-like
        Sizes, or data, which gets the default dtype; ``fastnn.tensor`` finds the dtype.

    Attributes
    ----------
    shape : Size
    dtype : dtype
    device : device
    ndim, itemsize, nbytes, output_nr : int
    requires_grad, is_leaf, retains_grad : bool
    grad : Tensor, optional
    data, T, H, mT, mH, real, imag : Tensor
    layout : str
    names : tuple
    is_cpu, is_cuda, is_ipu, is_maia, is_meta, is_mkldnn, is_mps, is_mtia, is_nested, is_quantized, is_sparse : bool
    is_sparse_csr, is_vulkan, is_xla, is_xpu : bool

    Examples
    --------
    >>> fastnn.Tensor([1, 2])
    tensor([1., 2.])
    """
    __array_priority__ = 1000  # NumPy operands leave mixed arithmetic to us

    def __init__(self, *args, **kwargs):
        if self.array is None:
            self.array = _operators.functions["construct"](*args, **kwargs)

    cdef Version version_object(self):
        if self.version is None:
            self.version = Version.__new__(Version)
        return self.version

    cdef void bump(self):
        if self.version is None:
            self.version = Version.__new__(Version)
        self.version.n += 1

    def __getattr__(self, name):
        if self.extra is not None and name in self.extra:
            return self.extra[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def __setattr__(self, name, value):
        try:
            PyObject_GenericSetAttr(self, name, value)
        except AttributeError:
            if hasattr(type(self), name):
                raise
            if self.extra is None:  # made when first needed: a dict costs as much as the rest of the tensor
                self.extra = {}
            self.extra[name] = value

    def __delattr__(self, name):
        if self.extra is not None and name in self.extra:
            del self.extra[name]
        else:
            delete_attribute(self, name, NULL)

    # -- state --
    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor; may be set on a leaf."""
        return needs_grad(self)

    @requires_grad.setter
    def requires_grad(self, bint on):
        if self.node is not None:
            if not on:
                raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a "
                                   "computed variable in a subgraph that doesn't require differentiation use "
                                   "var_no_grad = var.detach().")
            return
        if on and self.array.dtype.kind not in "fc" and not self.dtype.is_floating_point:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self.leaf_requires_grad = on

    @property
    def grad_fn(self):
        """The operation that made this tensor, None for a leaf."""
        refresh(self)
        return None if self.node is None else owner(self.node)

    @property
    def is_leaf(self):
        refresh(self)
        return self.node is None

    @property
    def grad(self):
        """The gradient that backward accumulated here (a Tensor), or None."""
        return self.grad_

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type "
                                f"{type(value).__name__!r}")
            given = (<Tensor>value).array
            if shape_of(given) != shape_of(self.array):
                raise RuntimeError(f"assigned grad has data of a different size: expected shape "
                                   f"{list(shape_of(self.array))}, got {list(shape_of(given))}")
            if given.dtype != self.array.dtype and value.dtype is not self.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: expected {self.dtype}, "
                                   f"got {value.dtype}")
        self.grad_ = value

    @grad.deleter
    def grad(self):
        self.grad_ = None

    @property
    def retains_grad(self):
        return self.retains

    @property
    def _version(self):
        return 0 if self.version is None else self.version.n

    @property
    def _base(self):
        return self.base

    @property
    def data(self):
        """The same memory without history; changes through it are not noticed by autograd."""
        return wrap(self.array)

    @data.setter
    def data(self, Tensor value not None):
        if self.node is not None and value.array.dtype != self.array.dtype:
            raise RuntimeError("data: cannot change the dtype of a tensor inside a graph")
        if class_of(value.array, Tensor) is not class_of(self.array, Tensor):
            raise errors.data_of_another_class()
        self.array = value.array

    @property
    def shape(self):
        return dtypes.Size(shape_of(self.array))

    @property
    def dtype(self):
        return dtypes.from_numpy(self.array.dtype)

    # -- autograd; backward and hooks are in fastnn._gradients --
    def requires_grad_(self, bint requires_grad=True):
        """Set ``requires_grad`` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """The same memory outside the graph; in-place changes of either are noticed by both."""
        need_self("detach", self)
        cdef Tensor tensor = wrap(self.array)
        tensor.version = self.version_object()
        return tensor

    def detach_(self):
        """Take this tensor itself out of the graph."""
        need_self("detach_", self)
        self.node, self.leaf_requires_grad = None, False
        return self

    def numpy(self, *, bint force=False) -> np.ndarray:
        """The array of this tensor; shares memory."""
        need_self("numpy", self)
        if not force and fnn_grad_mode and needs_grad(self) and not (readable is not None and readable(self)):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self.array

    def __array__(self, dtype=None, copy=None):
        return numpy.array(self.numpy(), dtype=dtype, copy=copy)

    # -- copies; other protocols and the operators are in fastnn._operators --
    def __deepcopy__(self, memo):
        """Memory that several share is copied once, as they see it; a gradient is copied with its tensor."""
        need_self("__deepcopy__", self)
        refresh(self)
        if self.node is not None:
            raise errors.copy_within_graph()
        if (found := memo.get(id(self))) is not None:
            return found
        cdef Tensor tensor = Tensor.__new__(type(self))
        tensor.array = copied(self.array, memo)
        tensor.leaf_requires_grad = self.leaf_requires_grad
        memo[id(self)] = tensor
        if self.grad_ is not None:
            tensor.grad_ = self.grad_.__deepcopy__(memo)
        set_attributes(tensor, deepcopy(attributes(self), memo))
        return tensor

    def __reduce__(self):
        """A copy or an unpickled tensor is a leaf, whatever its original was; `copy.copy` shares the memory."""
        need_self("__reduce__", self)
        return rebuild, (type(self), self.array, bool(needs_grad(self)), attributes(self) or None)


def attribute(x, str name, default=None):
    """What ``getattr(x, name, default)`` finds for an attribute that a program adds, without the cost of an error."""
    if type(x) is Tensor:
        return default if (<Tensor>x).extra is None else (<Tensor>x).extra.get(name, default)
    return getattr(x, name, default)


def attributes(Tensor tensor not None):
    """What a program added to a tensor."""
    return {**(tensor.extra or {}), **getattr(tensor, "__dict__", {})}


cdef int set_attributes(Tensor tensor, dict values) except -1:
    for name, value in values.items():
        setattr(tensor, name, value)
    return 0


def rebuild(cls, array, requires_grad, dict added=None):
    """Unpickles a tensor."""
    cdef Tensor tensor = Tensor.__new__(cls)
    tensor.array, tensor.leaf_requires_grad = array, requires_grad
    set_attributes(tensor, added or {})
    return tensor


def make_node(Node node, tuple inputs, int outputs):
    """A node of a Python class, whose method is the rule, goes into the graph behind its inputs."""
    if outputs == 1:
        node.op = METHOD
    else:
        node.op, node.outputs = JOINT_METHOD, outputs
    node.edges = edges_of(inputs)
    if _tape.anomaly:
        _tape.trace(node)


cpdef Node set_output(Tensor tensor, Node node, int slot):
    """`tensor` is output number `slot` of a node, whatever its history was; returns the tensor's vertex."""
    cdef Output output
    if node.op.joint != NULL:
        output = Output.__new__(Output)
        output.op, output.edges, output.slot = OUTPUT, (node,), slot
        node = output
    follow_node(tensor, node)
    tensor.leaf_requires_grad, tensor.base = False, None
    return node


def adopt_output(Tensor tensor not None, Node node, int slot):
    """The same of a tensor that was changed in place, and is no view."""
    tensor.bump()
    set_output(tensor, node, slot)
    (<Version>tensor.version).rebases += 1


def take_history(Tensor tensor not None, Tensor other not None):
    """`tensor` becomes the output of the node that made `other`."""
    tensor.node = other.node
    return tensor


def wrap_numpy(np.ndarray array):
    """A tensor on a caller's array; a subclass of ndarray becomes a plain view."""
    return wrap(array if type(array) is np.ndarray else numpy.asarray(array).view(numpy.ndarray))


def to_array(Tensor tensor not None):
    """The array of a tensor, whatever its history."""
    return tensor.array
