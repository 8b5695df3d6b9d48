"""What programs call, made of the declarations of `fastnn.ops.declare`."""
import types

from fastnn.ops import inplace
from fastnn.ops._common import need_tensors
from fastnn.ops._function import Function
from fastnn.ops.declare import HOMES

_SELF = dict.fromkeys(("input", "a", "x", "x1"), "self")  # the tensor's names beside a method's own
MODULES = {"fastnn": "fastnn", "Tensor": "fastnn.Tensor", "functional": "fastnn.nn.functional",
           "nn": "fastnn.nn.functional", "linalg": "fastnn.linalg", "special": "fastnn.special", "fft": "fastnn.fft"}
FORMS = {True: inplace.form, "view": inplace.view_form}


def public(home):
    """{name: what programs call} of a home of `fastnn.ops.declare`."""
    made = {}
    for name, found in HOMES[home].items():
        function = found.function
        if found.inplace:
            function = FORMS.get(found.inplace, found.inplace)(function.__name__, function)
        made[name] = function if isinstance(function, property) else Function(
            function, name, MODULES[home], found.keywords, found.out, found.scaled, home != "nn")
    return made


def at_top(owner, name):
    """A method of tensors, or a function of a module, as one of the top level."""
    found = getattr(owner, name)
    function = found.__wrapped__ if isinstance(found, Function) else found
    if isinstance(owner, type) and not isinstance(found, (Function, types.FunctionType)):
        def function(self, *args, **keywords):  # a compiled method takes no keyword for its tensor
            need_tensors(name, self)
            return found(self, *args, **keywords)
        function.__wrapped__ = found
    return Function(function, name, "fastnn", _SELF if function.__code__.co_varnames[0] == "self" else None)
