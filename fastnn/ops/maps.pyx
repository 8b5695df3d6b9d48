"""Maps of one tensor: each is a line of src_c/kernels/elementwise.def, and has its Op here.

The second-order rules are one table, by the maps' names, as elementwise.def is one list: fastnn.ops.slopes.
"""
cimport numpy as np

from fastnn import dtypes
from fastnn._tape cimport Node, Op, describe
from fastnn._tape import operations
from fastnn._tensor cimport Tensor, adopt_node, check_inplace, record1, recording, wrap
from fastnn.kernels cimport elementwise as K
from fastnn.kernels import unary_names, unary_saves
from fastnn.ops._common cimport is_complex, is_ordinary, is_real, tensor_of, zero_d
from fastnn.ops._common import complex_rule
from fastnn.ops.inplace cimport changed

np.import_array()

cdef dict maps = {}
cdef dict node_names = {"pow_scalar": "PowBackward0", "square": "PowBackward0", "clamp": "ClampBackward1",
                        "gelu_tanh": "GeluBackward0", "relu6": "HardtanhBackward0", "logsigmoid": "LogSigmoidBackward0",
                        "leaky_relu_signed": "LeakyReluBackward0", "elu_of_x": "EluBackward0",
                        "celu_of_x": "CeluBackward0", "selu_of_x": "SeluBackward0"}


cdef class Map(Op):
    """The record of one map."""


cdef object unary_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.unary_backward((<Map>node.op).number, grad, saved[0], saved[1], node.a, node.b)


def define_maps():
    cdef Map map
    for number, name in enumerate(unary_names()):
        map = Map.__new__(Map)
        map.kernel, map.number, map.index, map.rule = name, number, number, unary_backward
        title = "".join(word.capitalize() for word in name.split("_"))
        describe(map, node_names.get(name, title + "Backward0"), "x y", "a b")
        map.saves_x, map.saves_y = "x" in unary_saves(name), "y" in unary_saves(name)
        map.x_will_do = name in ("relu6", "hardtanh", "leaky_relu")
        maps[name] = map
        operations.append(map)


define_maps()


cdef Map map_of(str name):
    return <Map>maps[name]


def records():
    """{name: Map}: all of elementwise.def."""
    return maps


def record_of(str name, str node):
    """The record of a map, whose nodes are called `node` from now on (None: as they are)."""
    cdef Map map = <Map>maps[name]
    map.name = map.name if node is None else node
    return map


cdef Tensor apply(str name, object input, double a=0.0, double b=0.0):
    return apply_map(<Map>maps[name], name, tensor_of(name, "input", 1, input), a, b)


cdef Tensor apply_map(Map map, str name, Tensor x, double a, double b):
    cdef Tensor out
    if not is_real(x.array):
        if not is_ordinary(x.array):
            return with_rules(x, name, a, b)
        x = wrap(x.array.astype(dtypes.get_computing_dtype().numpy))
    cdef np.ndarray y = K.unary_map(map.index, x.array, a, b)
    if not recording(x):
        return wrap(y)
    if map.x_will_do:  # as PyTorch does: then y may be changed in place
        out = record1(y, map, x, (None, x.array))
        out.node.a, out.node.b = a, b
        out.node.guard(x.version_object())
        return out
    out = record1(y, map, x, (x.array if map.saves_x else None, y if map.saves_y else None))
    out.node.a, out.node.b = a, b
    if map.saves_x:
        out.node.guard(x.version_object())
    if map.saves_y:
        out.node.guard(out.version_object())
    return out


def mapped(input, str name, double a=0.0, double b=0.0):
    """The map of this name in elementwise.def, with its parameters."""
    return apply(name, input, a, b)


def with_rules(Tensor x, str name, a, b):
    """The map of a tensor that is complex or of a format."""
    if is_complex(x.array):
        return complex_rule(name)(x)
    from fastnn.ops import format_rules
    return format_rules.computed(name, mapped)(x, name, a, b)


cdef Tensor apply_in_place(str name, object input, double a=0.0, double b=0.0):
    """The same, written over the input."""
    cdef Tensor x = <Tensor?>input, out
    check_inplace(x)
    cdef Map map = <Map>maps[name]
    if not is_ordinary(x.array):
        return changed(name + "_", x, with_rules, (name, a, b), {})
    if not is_real(x.array):
        raise RuntimeError(f"result type {dtypes.get_computing_dtype()} can't be cast to the desired output type "
                           f"{dtypes.from_numpy(x.array.dtype)}")
    if not recording(x):
        K.copy_into(x.array, K.unary_forward(map.number, x.array, a, b))
        x.bump()
        return x
    cdef np.ndarray before = K.copy(x.array) if map.saves_x else None  # what the rule reads is overwritten below
    cdef np.ndarray y = K.unary_forward(map.number, x.array, a, b)
    out = record1(y, map, x, (before, None))
    out.node.a, out.node.b = a, b
    K.copy_into(x.array, y)
    x.bump()
    if map.saves_y:
        out.node.saved = (before, x.array)
        out.node.guard(x.version_object())
    adopt_node(x, out.node)
    return x


cdef Tensor whole(function, str name, object input):
    """Integer and bool tensors keep their dtype under this map; NumPy does those."""
    if isinstance(input, Tensor) and not is_real((<Tensor>input).array) and (<Tensor>input).array.dtype.kind in "biu":
        return wrap(zero_d(function((<Tensor>input).array)))
    return apply(name, input)


def in_place_form(str name, outside):
    """``name_`` of a map: written over the tensor."""
    def function(input, *args, **kwargs):
        if not is_real((<Tensor?>input).array) or args or kwargs:
            return changed(name + "_", input, outside, args, kwargs)
        return apply_in_place(name, input)
    function.__name__, function.__doc__, function.__wrapped__ = name + "_", f"``{name}`` in place.", outside
    return function
