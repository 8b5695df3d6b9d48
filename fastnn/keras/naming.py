"""Names: a counter for each kind of object, and the path of scopes that a variable is made in."""
import contextlib
import re
import threading

_counts = {}
_scopes = threading.local()


def to_snake_case(name):
    """``"Conv2DTranspose"`` -> ``"conv2d_transpose"``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique(name):
    """`name`, then ``name_1``, ``name_2`` and so on."""
    count = _counts.get(name, 0)
    _counts[name] = count + 1
    return f"{name}_{count}" if count else name


def auto_name(prefix):
    return unique(to_snake_case(prefix))


def get_uid(prefix=""):
    """Next number for a prefix, from 1.

    Parameters
    ----------
    prefix : str

    Returns
    -------
    int

    Examples
    --------
    >>> first, second = keras.backend.get_uid("docs"), keras.backend.get_uid("docs")
    >>> second - first
    1
    """
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


def reset_uids():
    """Resets the counters of automatic names.

    Examples
    --------
    >>> keras.utils.clear_session()
    >>> keras.layers.Dense(1).name, keras.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    _counts.clear()


def object_name(thing):
    """The name that a metric, loss or function goes by."""
    if hasattr(thing, "name"):
        return thing.name
    return to_snake_case(getattr(thing, "__name__", None) or type(thing).__name__)


def scopes():
    """This thread's stack of scopes: names, the outermost first."""
    try:
        return _scopes.stack
    except AttributeError:
        _scopes.stack = []
        return _scopes.stack


def path(name=None):
    return "/".join([*scopes(), *([name] if name else [])])


@contextlib.contextmanager
def name_scope(name, **ignored):
    """Context within which variables have `name` in their path.

    Parameters
    ----------
    name : str
    **ignored
        Accepted.

    Examples
    --------
    >>> with keras.name_scope("part"):
    ...     v = keras.Variable(1.0, name="v")
    >>> v.path
    'part/v'
    """
    stack = scopes()
    stack.append(name)
    try:
        yield
    finally:
        stack.pop()
