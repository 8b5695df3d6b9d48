"""What the arguments that methods share must be: one rule for each name, applied before any method runs."""
import functools
import inspect
import numbers

import numpy as np

from fastnn import Tensor
from fastnn.errors import check_integer, check_number, shown


def deviation(value, name, method):
    """A finite number of at least 0, or a tuple of them."""
    for each in value if isinstance(value, tuple) else (value,):
        check_number(each, name, method, kind="number or a tuple of numbers")


def index(value, name, method):
    """An int or a tuple of them, or one of these for each row, in a list or a tensor of one dimension."""
    if isinstance(value, (Tensor, np.ndarray)):
        if value.ndim > 1:
            raise ValueError(f"{method}: expected a {name} tensor of no or one dimension, got shape "
                             f"{tuple(value.shape)}")
        kind = np.asarray(value.detach() if isinstance(value, Tensor) else value).dtype
        if kind.kind not in "iu":
            raise TypeError(f"{method}: expected {name} to be integers, got {kind}")
        return
    if isinstance(value, list) and not value:
        raise ValueError(f"{method}: expected {name} for each row, got an empty list")
    for row in value if isinstance(value, list) else [value]:
        for each in row if isinstance(row, tuple) else (row,):
            if isinstance(each, Tensor) and each.numel() == 1 and not each.is_floating_point():
                continue
            if isinstance(each, bool) or not isinstance(each, numbers.Integral):
                raise TypeError(f"{method}: expected {name} to be integers, got {shown(each)}")
    if isinstance(value, list) and len({len(row) if isinstance(row, tuple) else 0 for row in value}) > 1:
        raise ValueError(f"{method}: expected {name} of the same number of indices for all rows")


def neuron(value, name, method):
    """Indices or slices, or a function."""
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, bool) or not (isinstance(each, (numbers.Integral, slice)) or callable(value)):
            raise TypeError(f"{method}: expected {name} to be an int, a tuple of ints and slices, or a function, got "
                            f"{shown(each)}")


def function(value, name, method):
    if not callable(value):
        raise TypeError(f"{method}: expected {name} to be a function, got {shown(value)}")


def _optional(check):
    return lambda value, name, method: None if value is None else check(value, name, method)


_COUNTS = ("n_steps", "n_samples", "nt_samples", "n_perturb_samples", "n_repeats", "steps", "perturbations_per_eval")
_LIMITS = ("internal_batch_size", "nt_samples_batch_size", "max_examples_per_batch")
CHECKS = {**dict.fromkeys(_COUNTS, check_integer), **dict.fromkeys(_LIMITS, _optional(check_integer)),
          **dict.fromkeys(("stdevs", "perturb_radius"), deviation), "target": _optional(index),
          "neuron_selector": neuron, "custom_attribution_func": _optional(function), "perturb_func": function,
          "explanation_func": function}


def checked(call, method=None):
    """A function whose arguments are checked by their names; errors begin with `method`, else ``self._name``."""
    signature = inspect.signature(call)

    @functools.wraps(call)
    def checking(*args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return call(*args, **kwargs)  # Python says what is wrong
        name = method or args[0]._name
        for key, value in {**given, **given.get("kwargs", {})}.items():
            if key in CHECKS:
                CHECKS[key](value, key, name)
        return call(*args, **kwargs)
    return checking
