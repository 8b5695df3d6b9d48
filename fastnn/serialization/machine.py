"""Carries out a pickle's instructions, those few that build numbers, strings, plain containers and tensors.

It cannot import, call what the file names or set attributes: everything else is refused by name. What
one instruction makes is bounded by the size of the file, and so is the sum.
"""
import collections
import pickletools

from fastnn import dtypes
from fastnn.errors import FileFormatError, UnsafeFileError
from fastnn.serialization.limits import Nesting, check_depth, check_keys, damaged, short

ADVICE = ("fastnn reads tensors, numbers, strings and plain containers of them, because anything else could execute "
          "code. If you trust the file's author, load(..., weights_only=False) restores whole objects; where it was "
          "made, saving model.state_dict() instead avoids them")


class Name:
    """What a GLOBAL instruction names: a name, never the thing."""

    def __init__(self, module, name):
        self.module, self.name, self.full = module, name, f"{module}.{name}"

    def __repr__(self):
        return self.full


def is_tensor(name):
    """Whether it is the class of tensors."""
    return name.full in ("torch.Tensor", "torch._tensor.Tensor")


def unsafe(name):
    """The refusal of something that is named in a file."""
    return UnsafeFileError(f"the file holds a {short(name)}. {ADVICE}")


# What a file may have called, beside what makes tensors: numbers and plain containers, of arguments whose items are
# hashed only after a look at them, and whose size is that of something in the file.

def _encode(text, encoding):
    """Bytes as the second pickle protocol writes them."""
    if encoding != "latin1":
        raise FileFormatError(f"bytes are encoded in {short(encoding)}")
    return text.encode("latin1")


def _bytearray(text=b"", encoding="latin-1"):
    return bytearray(text if isinstance(text, bytes) else text.encode(encoding))


def _ordered(items=()):
    if not isinstance(items, dict):
        check_keys([key for key, _ in items])
    return collections.OrderedDict(items)


def _counter(counts):
    if not isinstance(counts, dict):
        raise FileFormatError(f"a Counter is made of a {type(counts).__name__}")
    return collections.Counter(counts)


def _set(items=()):
    check_keys(items)
    return set(items)


def _complex(real, imag):
    return complex(float(real), float(imag))


PLAIN_CALLS = {"collections.OrderedDict": _ordered, "collections.Counter": _counter, "_codecs.encode": _encode,
               **{f"{module}.{name}": call for module in ("builtins", "__builtin__") for name, call in
                  [("set", _set), ("bytearray", _bytearray), ("complex", _complex)]}}


class Machine:
    """One pickle's run.

    Parameters
    ----------
    calls : dict
        What the pickle may call, by name, beside `PLAIN_CALLS`.
    persistent : callable
        What a reference to something outside the pickle, a tuple, stands for.
    size : int
        Of the file.
    """

    # Instructions whose argument is the value.
    PLAIN = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING",
             "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE",
             "BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT"}

    def __init__(self, calls, persistent, size):
        self.calls, self.persistent = PLAIN_CALLS | calls, persistent
        self.work = size  # items that calls may still take: each is in the file, once
        self.nesting = Nesting(size)
        self.stack, self.marks, self.memo = [], [], {}

    def run(self, file):
        """The object of the pickle that begins at the file's position."""
        with damaged("the pickle"):  # pickletools warns of wrong escapes, which a caller may have made an error
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "STOP":
                    value = self.stack.pop()
                    check_depth(value, self.check_value)
                    return self.constant(value)
                method = getattr(self, "do_" + opcode.name, None)
                if method is not None:
                    method(argument)
                elif opcode.name in self.PLAIN:
                    self.stack.append(argument)
                else:
                    raise UnsafeFileError(f"the file uses the pickle instruction {opcode.name}. {ADVICE}")
        raise FileFormatError("the pickle is cut off")

    def check_value(self, value):
        """Names belong to tensors; by themselves few are values."""
        if isinstance(value, Name):
            self.constant(value)

    def constant(self, value):
        """What a name stands for by itself: torch.float32 and its like are values."""
        if not isinstance(value, Name):
            return value
        found = getattr(dtypes, value.name, None)
        if value.module != "torch" or not isinstance(found, dtypes.dtype):
            raise unsafe(value)
        return found

    def value(self):
        """The top of the stack."""
        return self.part(self.stack.pop())

    def part(self, value):
        """A container's item. Names of storages, of what makes tensors and of their class remain such: they may become
        part of a reference, or of a call."""
        if isinstance(value, Name) and (value.name.endswith("Storage") or value.full in self.calls or is_tensor(value)):
            return value
        return self.constant(value)

    def values(self):
        """All above the last mark."""
        begin = self.marks.pop()
        values = self.stack[begin:]
        del self.stack[begin:]
        return [self.part(value) if isinstance(value, Name) else value for value in values]

    def do_PROTO(self, version):
        pass

    do_FRAME = do_PROTO

    def do_MARK(self, _):
        self.marks.append(len(self.stack))

    def do_POP(self, _):
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def do_POP_MARK(self, _):
        del self.stack[self.marks.pop():]

    def do_NONE(self, _):
        self.stack.append(None)

    def do_NEWTRUE(self, _):
        self.stack.append(True)

    def do_NEWFALSE(self, _):
        self.stack.append(False)

    def do_EMPTY_DICT(self, _):
        self.stack.append({})

    def do_EMPTY_LIST(self, _):
        self.stack.append([])

    def do_EMPTY_TUPLE(self, _):
        self.stack.append(())

    def do_EMPTY_SET(self, _):
        self.stack.append(set())

    def do_TUPLE(self, _):
        self.stack.append(self.nesting.add(tuple(self.values())))

    def do_LIST(self, _):
        self.stack.append(self.values())

    def do_DICT(self, _):
        values = self.values()
        check_keys(values[::2])
        self.stack.append(dict(zip(values[::2], values[1::2], strict=True)))

    def do_FROZENSET(self, _):
        values = self.values()
        check_keys(values)
        self.stack.append(self.nesting.add(frozenset(values)))

    def small_tuple(self, count):
        self.marks.append(len(self.stack) - count)
        self.do_TUPLE(None)

    def do_TUPLE1(self, _):
        self.small_tuple(1)

    def do_TUPLE2(self, _):
        self.small_tuple(2)

    def do_TUPLE3(self, _):
        self.small_tuple(3)

    def container(self, kinds, what):
        top = self.stack[-1]
        if not isinstance(top, kinds):
            raise FileFormatError(f"the pickle adds {what} to a {type(top).__name__}")
        return top

    def do_APPEND(self, _):
        value = self.value()
        self.container(list, "items").append(value)

    def do_APPENDS(self, _):
        values = self.values()
        self.container(list, "items").extend(values)

    def do_ADDITEMS(self, _):
        values = self.values()
        check_keys(values)
        self.container(set, "items").update(values)

    def do_SETITEM(self, _):
        value, key = self.value(), self.value()
        check_keys([key])
        self.container(dict, "entries")[key] = value

    def do_SETITEMS(self, _):
        values = self.values()
        check_keys(values[::2])
        self.container(dict, "entries").update(zip(values[::2], values[1::2], strict=True))

    def do_MEMOIZE(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def do_BINPUT(self, index):
        index = int(index)
        if index >> 32:
            raise FileFormatError("the pickle numbers its parts too high")
        self.memo[index] = self.stack[-1]

    do_PUT = do_LONG_BINPUT = do_BINPUT

    def do_BINGET(self, index):
        self.stack.append(self.memo[int(index)])

    do_GET = do_LONG_BINGET = do_BINGET

    def do_GLOBAL(self, names):
        self.stack.append(Name(*names.split(" ", 1)))

    def do_STACK_GLOBAL(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise FileFormatError("the pickle names something by no string")
        self.stack.append(Name(module, name))

    def do_REDUCE(self, _):
        arguments, name = self.value(), self.stack.pop()
        if not isinstance(name, Name):
            raise FileFormatError(f"the pickle calls a {type(name).__name__}")
        if name.full not in self.calls:
            raise unsafe(name)
        if not isinstance(arguments, tuple):
            raise FileFormatError(f"the pickle calls {name} without arguments")
        for argument in (*arguments, *(part for nested in arguments if type(nested) is tuple for part in nested)):
            if isinstance(argument, (str, bytes, bytearray, list, tuple, dict, set, frozenset)):
                self.work -= len(argument)
                if self.work < 0:
                    raise FileFormatError("the pickle uses its parts again and again")
        self.stack.append(self.calls[name.full](*arguments))

    def do_NEWOBJ(self, _):
        self.do_REDUCE(None)

    def do_BUILD(self, _):
        """Attributes: a state_dict has its `_metadata`; others are left out."""
        state, top = self.value(), self.container(dict, "attributes")
        if isinstance(top, collections.OrderedDict) and isinstance(state, dict) and "_metadata" in state:
            top._metadata = state["_metadata"]

    def do_BINPERSID(self, _):
        self.stack.append(self.persistent(self.stack.pop()))
