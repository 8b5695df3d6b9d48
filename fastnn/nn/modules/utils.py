"""Sizes of windows as tuples (``torch.nn.modules.utils``), which modules of other libraries use."""
from fastnn.errors import ShapeError, shown


def _ntuple(n, name="parse"):
    def parse(x):
        return tuple(x) if hasattr(x, "__iter__") else (x,) * n
    parse.__name__ = name
    return parse


_single, _pair, _triple, _quadruple = (_ntuple(n, name) for n, name in enumerate(
    ("_single", "_pair", "_triple", "_quadruple"), 1))


def _reverse_repeat_tuple(t, n):
    return tuple(x for x in reversed(t) for _ in range(n))


def check_sizes(layer, **sizes):
    """TypeError or ShapeError, which name the layer's argument, where a size is no int or negative."""
    for name, value in sizes.items():
        if not hasattr(value, "__index__"):
            raise TypeError(f"{layer}: expected {name} to be an integer, got {shown(value)}")
        if value < 0:
            raise ShapeError(f"{layer}: expected {name} >= 0, got {value}")


def consume_prefix_in_state_dict_if_present(state_dict, prefix):
    """Take a prefix off the names of a state_dict, in place.

    Parameters
    ----------
    state_dict : dict
    prefix : str

    Examples
    --------
    >>> state = {"module.weight": 1}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'weight': 1}
    """
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix):]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    for key in list(metadata or ()):
        if key == prefix.rstrip(".") or key.startswith(prefix):
            metadata[key[len(prefix):]] = metadata.pop(key)
