"""Bounds of what a file may make: depth, size and work grow with the file's size and no faster."""
import contextlib
import math
import reprlib
import sys

from fastnn import dtypes
from fastnn._tensor import Tensor, attributes
from fastnn.errors import FileFormatError

MAX_DEPTH = 100  # of containers in what `save` takes, and of tuples in what `load` makes
MAX_KEY = 64  # numbers and strings in a key
MOST_DIMENSIONS = 64  # NumPy's; some of its versions overflow the stack before they say so
ATOMS = {int, float, str, bytes, bool, type(None)}  # values without parts
SHARED = 1 << 20  # a tuple that holds itself many times over may stand for so many values
ROOM = 1 << 26  # bytes that a compressed or a model's file may make in any case,
MOST = 100  # and how many times its own size

_brief = reprlib.Repr()
_brief.maxlevel, _brief.maxstring, _brief.maxother, _brief.maxlong = 2, 100, 100, 40


def short(value):
    """A short description of a value from a file; its repr might be endless."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    try:
        return f"{_brief.repr(value):.200}"
    except ValueError:  # an integer too long to print, inside
        return f"a {type(value).__name__}"


def is_count(value):
    """Whether a value is a size; the bound is beyond all sizes, and keeps products of 64 of them printable."""
    return type(value) is int and 0 <= value < 1 << 100


def bytes_of(shape, itemsize, most=math.inf):
    """How many bytes an array takes: sizes that come from files are multiplied here, as integers without end.

    FileFormatError if the shape is none, or if it takes more than `most`.
    """
    if not isinstance(shape, (tuple, list)) or not all(map(is_count, shape)) or len(shape) > MOST_DIMENSIONS:
        raise FileFormatError(f"expected a shape of at most {MOST_DIMENSIONS} non-negative integers, "
                              f"got {short(shape)}")
    size = math.prod(shape) * itemsize
    if size > most:
        raise FileFormatError(f"shape {short(shape)} would take {short(size)} bytes, expected at most {most} bytes "
                              f"of data")
    if not size and math.prod(n or 1 for n in shape) * itemsize >= 1 << 63:  # a size of 0 among large ones
        raise FileFormatError(f"shape {short(shape)} is larger than an array can be")
    return size


def room(size):
    """Bytes that what a file of `size` bytes is unpacked to may take."""
    return max(ROOM, MOST * size)


def is_key(value, left=MAX_KEY):
    """Whether a value is hashed quickly: a string, a number of 61 bits, None, a dtype, or a small tuple of them."""
    return _key_size(value, left) <= left


def _key_size(value, left):
    if isinstance(value, int):  # larger ones may be chosen to have the same hash
        return 1 if abs(value) < sys.hash_info.modulus else left + 1
    if value is None or isinstance(value, (str, bytes, float, complex, dtypes.dtype, dtypes.device)):
        return 1
    if not isinstance(value, (tuple, frozenset)) or len(value) > left:
        return left + 1
    size = 1
    for item in value:
        size += _key_size(item, left - size)
        if size > left:
            break
    return size


def check_keys(keys):
    """The keys of a dict or the items of a set, before they are hashed."""
    for key in keys:
        if not is_key(key):
            raise FileFormatError(f"{short(key)} cannot be a key")


class Nesting:
    """How deep tuples and frozensets nest, and how many values they stand for when written out.

    Both are C recursion in their hash, comparison and repr, and a file of 400 bytes can hold 2 ** 60 of them.
    """

    def __init__(self, size):
        self.most = max(size, SHARED)
        self.known = {}  # id -> (the object, depth, values); of those only that contain others

    def add(self, made):
        """`made`, if its bounds are kept."""
        depth, values = 0, len(made)
        for item in made:
            if isinstance(item, (tuple, frozenset)):
                _, below, more = self.known.get(id(item), (None, 0, len(item)))
                depth, values = max(depth, below + 1), values + more
        if depth > MAX_DEPTH or values > self.most:
            raise FileFormatError(f"tuples are nested {depth} deep and hold {short(values)} values")
        if depth:
            self.known[id(made)] = made, depth, values
        return made


def check_depth(value, refuse, most=5 * MAX_DEPTH):
    """Go once through a value, without recursion: `refuse` raises for parts that it must not have."""
    heights, path = {}, [(value, iter(_inner(value)))]
    refuse(value)
    while path:
        parent, rest = path[-1]
        for item in rest:
            if type(item) in ATOMS:
                continue
            if id(item) in heights:
                heights[id(parent)] = max(heights.get(id(parent), 0), heights[id(item)] + 1)
                continue
            refuse(item)
            inner = _inner(item)
            if inner:
                heights[id(item)] = 0  # known from now on, so that what contains itself comes to an end
                path.append((item, iter(inner)))
                break
        else:
            path.pop()
            if path:
                above = id(path[-1][0])
                heights[above] = max(heights.get(above, 0), heights.get(id(parent), 0) + 1)
            if heights.get(id(parent), 0) > most:
                raise FileFormatError(f"containers are nested more than {most} deep")


def _inner(value):
    if isinstance(value, dict):
        return [*value.keys(), *value.values(), *filter(None, [getattr(value, "_metadata", None)])]
    if isinstance(value, Tensor):
        return list(attributes(value).values())
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


@contextlib.contextmanager
def damaged(what):
    """Whatever reading damaged bytes raises means that they are damaged."""
    try:
        yield
    except (FileFormatError, MemoryError):
        raise
    except Exception as error:
        raise FileFormatError(f"{what} is damaged: {type(error).__name__}: {str(error):.200}") from None
