"""What types public functions take: their docstrings say it, and PyTorch's TypeError is raised by it.

A type is a set of bits. `fastnn.ops._common` looks at those of plain Python values before it calls a function; every
other value is judged when the call has failed.
"""
import inspect
import re

import numpy as np

from fastnn._tensor import Tensor
from fastnn.dtypes import dtype
from fastnn.errors import IntegerError, OutOfMemoryError
from fastnn.ops.declare import HOMES

NONE, BOOL, INT, FLOAT, COMPLEX, STR, SEQUENCE, TENSOR, DTYPE, OTHER = (1 << i for i in range(10))
ANY = (1 << 11) - 1  # with the bit of types that are not told apart before a call

_PARAMETERS = r"(?sm)^Parameters\n-+\n(.*?)(?=^[A-Z]\w*(?: \w+)?\n-+\n|\Z)"
_ENTRY = r"(?m)^([*\w]+(?:, [*\w]+)*) : (.*)$"
_SAME = r"as of ``(\w+)``"
_NO_TYPE = r"\(.*?\)|(, |^)(optional|default\b.*)$"
# The first word of an alternative -> (its bits, PyTorch's word).
_WORDS = {
    "Tensor": (TENSOR, "Tensor"), "number": (BOOL | INT | FLOAT | COMPLEX, "Number"),
    "float": (BOOL | INT | FLOAT, "float"), "int": (INT, "int"), "bool": (BOOL, "bool"), "str": (STR, "str"),
    "dtype": (DTYPE, "torch.dtype"), "None": (NONE, "None"),
    **dict.fromkeys(("tuple", "sequence", "list"), (SEQUENCE, "tuple")),
}
_MANY = r"(?:tuple|sequence|list) of (?:two )?(\w+?)s?\b"


def words(function):
    """{parameter: its type in words} by the docstring of a function, or of the one that it is a form of."""
    while function is not None:
        section = re.search(_PARAMETERS, inspect.cleandoc(function.__doc__ or ""))
        if section:
            found = {name.lstrip("*"): text for names, text in re.findall(_ENTRY, section[1])
                     for name in names.split(", ")}
            for name, text in found.items():
                same = re.match(_SAME, text)
                found[name] = words(HOMES["fastnn"][same[1]].function)[name] if same else text
            return found
        function = getattr(function, "__wrapped__", None)
    return {}


def bits(text):
    """(the bits of a type in words, PyTorch's name of it)."""
    found, title = 0, None
    if ", optional" in text or "default None" in text:
        found = NONE
    text = re.sub(_NO_TYPE, "", re.sub(_NO_TYPE, "", text))
    for part in re.split(r", or | or |, (?![^{]*})", text):
        many = re.match(_MANY, part)
        if many:
            kind, word = SEQUENCE, f"tuple of {many[1]}s"
        elif part.startswith(("{", '"', "'")):
            kind, word = STR, "str"
        else:
            kind, word = _WORDS.get(part.partition(" ")[0], (ANY, ""))
        found |= kind
        title = word if title is None or kind == SEQUENCE else title
    return found, title


def bits_of(value):
    """The bit of a value's type, or those of all types that it may stand for."""
    if isinstance(value, Tensor):
        return TENSOR | (BOOL | INT | FLOAT | COMPLEX if value.numel() == 1 else 0)
    if value is None:
        return NONE
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    if isinstance(value, (int, np.integer)):
        return INT
    if isinstance(value, (float, np.floating)):
        return FLOAT
    if isinstance(value, (complex, np.complexfloating)):
        return COMPLEX
    if isinstance(value, str):
        return STR
    if isinstance(value, (tuple, list)):
        return SEQUENCE
    if isinstance(value, (dtype, type, np.dtype)):
        return DTYPE
    return INT if hasattr(value, "__index__") and not isinstance(value, np.ndarray) else OTHER


def described(function):
    """(positional parameters, name of ``*many`` or None, {parameter: bits}) of a function.

    What its docstring does not describe takes anything. Types that are not told apart before a call are one bit, which
    all parameters have but those of words and flags.
    """
    said, found, positional, many = words(function), {}, (), None
    while hasattr(function, "__code__"):  # a form that passes what it gets to another takes that one's
        code = function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        positional = code.co_varnames[:code.co_argcount]
        many = code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else None
        defaults = function.__defaults__ or ()
        defaults = {**dict(zip(positional[len(positional) - len(defaults):], defaults)),
                    **(function.__kwdefaults__ or {})}
        for name in code.co_varnames[:count]:
            kind = bits(said[name])[0] if name in said else ANY
            kind |= bits_of(defaults[name]) if name in defaults else 0
            found[name] = kind if not kind & ~(NONE | BOOL | STR) else kind | ANY & ~(ANY >> 1)
        function = getattr(function, "__wrapped__", None)
    return positional, many, found


def signature(function, method, out):
    """The function's, with ``out=`` if it is taken before the call, a method's with ``self``."""
    found = inspect.signature(function)
    parameters = list(found.parameters.values())
    if method and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        parameters[0] = parameters[0].replace(name="self")
    if out and "out" not in found.parameters:
        rest = parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
        parameters.insert(len(parameters) - rest, inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY,
                                                                    default=None))
    return found.replace(parameters=parameters)


def judge(name, function, parameters, many, taken, home, args, given, error):
    """Raise PyTorch's TypeError if an argument is of no type that its parameter takes.

    Parameters
    ----------
    name : str
        The function's.
    function : callable
    parameters, many, taken : tuple, str or None, dict
        What `described` says of it.
    home : str
        Where it is called; a method counts its arguments behind the tensor.
    args, given : tuple, dict
        Its arguments.
    error : Exception or None
        What the call raised.
    """
    names = [*parameters, *[many] * (len(args) - len(parameters))] if many else parameters
    first = home != "fastnn.Tensor"
    args = [*((parameter, i + first, value) for i, (parameter, value) in enumerate(zip(names, args))),
            *((parameter, None, value) for parameter, value in given.items())]
    said = words(function)
    for parameter, position, value in args:
        written, wanted = bits(said.get(parameter, "Tensor, optional" if parameter == "out" else ""))
        allowed = taken.get(parameter, written | SEQUENCE)  # ``*parameter``, whose values may come in a sequence
        if allowed & ANY >> 1 == ANY >> 1:
            continue
        if not allowed & bits_of(value):
            _refuse(name, parameter, position, wanted, type(value))
        element = _WORDS.get(wanted.removeprefix("tuple of ").rstrip("s"))
        if error is not None and element and wanted != "tuple" and isinstance(value, (tuple, list)):
            for i, item in enumerate(value):
                if not element[0] & bits_of(item):
                    raise TypeError(f"{name}(): argument '{parameter}' must be {wanted}, but found element of type "
                                    f"{type(item).__name__} at pos {i}") from None
    if isinstance(error, OverflowError) and not isinstance(error, IntegerError):
        _too_large(name, args, error)
    if isinstance(error, MemoryError) and "():" not in str(error):
        text = str(error) if isinstance(error, OutOfMemoryError) else f"can't allocate memory: {error}"
        raise OutOfMemoryError(f"{name}(): {text}") from None
    text = str(error).split() if isinstance(error, TypeError) else []
    if text[:1] == ["Argument"] and text[2:5] == ["has", "incorrect", "type"]:  # Cython's
        raise TypeError(f"{name}(): argument {text[1]} must be {text[6].rpartition('.')[2].strip(',')}, not "
                        f"{text[8].rpartition('.')[2].strip(')')}") from None
    if text[:2] == ["Cannot", "convert"] and "Tensor" in text[-1]:
        for parameter, position, value in args:
            if type(value).__name__ == text[2]:
                _refuse(name, parameter, position, "Tensor", type(value))


def _too_large(name, args, error):
    """Raise what PyTorch does for a whole number that no 64 bits hold: ValueError, among several TypeError."""
    for parameter, _, value in args:
        for many in ((value,), value if isinstance(value, (tuple, list)) else ()):
            for item in many:
                if isinstance(item, int) and not -2 ** 63 <= item < 2 ** 63:
                    raise (TypeError if many is value else IntegerError)(
                        f"{name}(): argument '{parameter}' does not fit into 64 bits: {_short(item)}") from None
    raise IntegerError(f"{name}(): {error}") from None


def _short(number):
    return number if abs(number) < 10 ** 30 else f"a number of {number.bit_length()} bits"


def _refuse(name, parameter, position, wanted, kind):
    given = kind.__name__ if kind.__module__ == "builtins" or issubclass(kind, Tensor) else \
        f"{kind.__module__}.{kind.__name__}"
    place = "" if position is None else f" (position {position})"
    raise TypeError(f"{name}(): argument '{parameter}'{place} must be {wanted}, not {given}") from None


# ---- whole numbers, checked by the functions themselves ----

def int64_of(op, name, value):
    """A size, step, place ... as an int; TypeError and ValueError as PyTorch's argument parser raises them."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be int, not {type(value).__name__}")
    number = value.__index__()
    if not -2 ** 63 <= number < 2 ** 63:
        raise IntegerError(f"{op}(): argument '{name}' does not fit into 64 bits: {_short(number)}")
    return number


def int64s_of(op, name, values):
    """A tuple of them, TypeError for everything else."""
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"{op}(): argument '{name}' must be tuple of ints, not {type(values).__name__}")
    try:
        return tuple(int64_of(op, name, value) for value in values)
    except ValueError as error:
        raise TypeError(str(error)) from None
