"""How a rule is declared: beside the names of the functions whose calls it writes."""
from fastnn.ops.declare import HOMES

RULES = {}  # {function of fastnn.ops: rule}


def rule(*functions):
    """Decorator of a rule, ``rule(graph, *args, **kwargs)`` with the function's own arguments.

    Tensors come as Values, numbers that depend on the inputs' sizes as Sizes. A rule returns the name of the result in
    the graph, or as many names as the function gives tensors (`fastnn.onnx.graph`).

    Parameters
    ----------
    *functions : str or function
        A string holds public names, separated by spaces, of which each home may have its own function.
    """
    found = []
    for item in functions:
        if not isinstance(item, str):
            found.append(item)
            continue
        for name in item.split():
            candidates = [home[name].function for home in HOMES.values()
                          if name in home and home[name].function.__module__ != "fastnn.nn.functional"]
            found += candidates
            if not candidates:
                raise ValueError(f"no function has the name {name!r}")

    def declare(written):
        for function in found:
            RULES[function] = written
        return written
    return declare


def static(graph, what, *numbers):
    """Numbers that a node holds as attributes: an error for those that depend on the inputs' sizes."""
    for number in numbers:
        if not isinstance(number, int):
            raise graph.unsupported(f"{what} that depends on the inputs' sizes")
    return list(numbers)


def spread(value, count):
    """A number or sequence of them as a list of `count`."""
    return list(value) * (count if len(value) == 1 else 1) if isinstance(value, (tuple, list)) else [value] * count


def axis_of(dim, ndim):
    return dim % max(ndim, 1)


def axes_of(dim, ndim):
    """Axes, counted from 0; all for None or an empty tuple."""
    if dim is None or dim == ():
        return list(range(ndim))
    return [axis_of(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
