"""``tf.strings``, as far as functions for TextVectorization use it: on arrays of str, which are no tensors."""
import re

import numpy as np

from fastnn.keras.layers.strings import strings_of
from fastnn.keras.variables import convert


def _each(function, input):
    array = strings_of(input)
    made = [function(s) for s in array.ravel().tolist()]
    return strings_of(np.array(made, object).reshape(array.shape))


def lower(input, encoding="", name=None):
    """Small letters; without `encoding` of ASCII alone."""
    if encoding:
        return _each(str.lower, input)
    return _each(lambda s: re.sub("[A-Z]+", lambda m: m.group().lower(), s), input)


def upper(input, encoding="", name=None):
    """Capital letters; without `encoding` of ASCII alone."""
    if encoding:
        return _each(str.upper, input)
    return _each(lambda s: re.sub("[a-z]+", lambda m: m.group().upper(), s), input)


def strip(input, name=None):
    """Without space at both ends."""
    return _each(str.strip, input)


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):
    """What matches the pattern, replaced; ``\\1`` in `rewrite` is the first group."""
    found, rewrite = re.compile(_text(pattern)), _text(rewrite).replace("\\0", "\\g<0>")
    return _each(lambda s: found.sub(rewrite, s, count=0 if replace_global else 1), input)


def split(input, sep=None, maxsplit=-1, name=None):
    """The parts of each string: a list of lists; of one string an array."""
    array = strings_of(input)
    rows = [s.split(sep or None, maxsplit) for s in array.ravel().tolist()]
    return rows if array.ndim else strings_of(np.array(rows[0], object))


def unicode_split(input, input_encoding, name=None):
    """The characters of each string: a list of lists; of one string an array."""
    array = strings_of(input)
    rows = [list(s) for s in array.ravel().tolist()]
    return rows if array.ndim else strings_of(np.array(rows[0], object))


def join(inputs, separator="", name=None):
    """Strings of several arrays put together, element by element."""
    arrays = np.broadcast_arrays(*[strings_of(x) for x in inputs])
    made = [separator.join(parts) for parts in zip(*(a.ravel().tolist() for a in arrays))]
    return strings_of(np.array(made, object).reshape(arrays[0].shape))


def length(input, unit="BYTE", name=None):
    """Numbers of bytes, or of characters with ``unit="UTF8_CHAR"``."""
    array = strings_of(input)
    count = len if unit == "UTF8_CHAR" else lambda s: len(s.encode("utf-8"))
    return convert(np.array([count(s) for s in array.ravel().tolist()], np.int32).reshape(array.shape))


def substr(input, pos, len, name=None):
    """A part of each string."""
    return _each(lambda s: s[pos:pos + len], input)


def _text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
