"""What every method does with its arguments: tuples, baselines, targets, copies of a batch."""
import contextlib
import math
import sys

import numpy as np

import fastnn
from fastnn import Tensor


def as_tuple(value, name, method):
    """(the tensors as a tuple, whether they came as one)."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not values:
        raise ValueError(f"{method}: {name} is empty; expected a tensor or a tuple of tensors")
    for each in values:
        if not isinstance(each, Tensor):
            raise TypeError(f"{method}: expected {name} to be a tensor or a tuple of tensors, got "
                            f"{type(each).__name__}")
        if not each.ndim:
            raise ValueError(f"{method}: expected {name} of at least one dimension (the batch), got one without")
    return values, isinstance(value, (tuple, list))


def as_tensor(value, name, method):
    """One tensor with a batch."""
    values, was_tuple = as_tuple(value, name, method)
    if len(values) > 1:
        raise ValueError(f"{method}: expected {name} to be one tensor, got {len(values)}")
    return values[0]


def as_given(values, was_tuple):
    """One tensor where one was given."""
    return tuple(values) if was_tuple else values[0]


def as_arguments(additional):
    """``additional_forward_args`` as a tuple."""
    if additional is None:
        return ()
    return additional if isinstance(additional, tuple) else (additional,)


def as_baselines(baselines, inputs, method, distribution=False):
    """Baselines as tensors that broadcast against the inputs: None is 0, a number is itself everywhere.

    With `distribution` any number of rows is allowed, as `GradientShap` draws among them.
    """
    if isinstance(baselines, (tuple, list)):
        given = tuple(baselines)
    else:
        given = (baselines,) * (1 if baselines is not None else len(inputs))
    if len(given) != len(inputs):
        raise ValueError(f"{method}: expected a baseline for each of {len(inputs)} inputs, got {len(given)}")
    found = []
    for baseline, x in zip(given, inputs):
        if baseline is None:
            baseline = 0
        if isinstance(baseline, Tensor) and not baseline.ndim:
            baseline = baseline.item()
        if not isinstance(baseline, (Tensor, int, float)) or isinstance(baseline, Tensor) and baseline.is_complex():
            raise TypeError(f"{method}: expected baselines to be tensors or numbers, got "
                            f"{getattr(baseline, 'dtype', type(baseline).__name__)}")
        fraction = baseline.is_floating_point() if isinstance(baseline, Tensor) else isinstance(baseline, float)
        if fraction and not x.is_floating_point():
            raise TypeError(f"{method}: expected baselines of integers for inputs of {x.dtype}, got "
                            f"{getattr(baseline, 'dtype', baseline)}")
        if not isinstance(baseline, Tensor):
            found.append(fastnn.full((1, *x.shape[1:]), baseline, dtype=x.dtype))
            continue
        rows = baseline.shape[0]
        fits = rows > 0 or not x.shape[0] if distribution else rows in (1, x.shape[0])
        if tuple(baseline.shape[1:]) != tuple(x.shape[1:]) or not fits:
            others = "with other rows" if distribution else "with one row"
            raise ValueError(f"{method}: expected a baseline of the input's shape {tuple(x.shape)} or {others}, got "
                             f"{tuple(baseline.shape)}")
        found.append(baseline.detach().to(x.dtype))
    return tuple(found)


def masks_of(feature_mask, x, method):
    """A mask of feature numbers for each input; each number of a row's own feature without one."""
    if feature_mask is None:
        found, at = [], 0
        for each in x:
            count = math.prod(each.shape[1:])
            found.append(fastnn.arange(at, at + count).reshape(1, *each.shape[1:]))
            at += count
        return tuple(found)
    masks = feature_mask if isinstance(feature_mask, tuple) else (feature_mask,)
    if len(masks) != len(x):
        raise ValueError(f"{method}: expected a feature_mask for each of {len(x)} inputs, got {len(masks)}")
    for mask, each in zip(masks, x):
        if not isinstance(mask, Tensor) or mask.is_floating_point():
            raise TypeError(f"{method}: expected feature_mask to be tensors of integers")
        try:
            fits = np.broadcast_shapes(tuple(mask.shape), tuple(each.shape)) == tuple(each.shape)
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{method}: expected a feature_mask that broadcasts to the input's shape "
                             f"{tuple(each.shape)}, got {tuple(mask.shape)}")
    return masks


def full(baseline, x):
    """A baseline with the input's number of rows."""
    return baseline.expand(x.shape)


# ---- targets ----

def _integers(values, method):
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{method}: expected targets to be integers, got {values.dtype}")
    return values


def _column(output, target, method):
    """``output[:, target...]``"""
    target = (target,) if not isinstance(target, tuple) else target
    _integers(target, method)
    if len(target) > output.ndim - 1:
        raise ValueError(f"{method}: target {target} has more indices than an output of shape {tuple(output.shape)} "
                         f"has dimensions after the batch")
    for index, size in zip(target, output.shape[1:]):
        if not -size <= index < size:
            raise IndexError(f"{method}: target {target} lies outside of an output of shape {tuple(output.shape)}")
    return output[(slice(None), *(int(index) for index in target))]


def select(output, target, method="attribute"):
    """The numbers of an output that a target means: one per row where the target is complete.

    Parameters
    ----------
    output : Tensor
        (batch, ...).
    target : int, tuple of int, Tensor, list of int or list of tuples, optional
        An int or a tuple is the same index for every row, a list or a tensor of one dimension has one for each.
    """
    if target is None:
        return output
    if isinstance(target, Tensor):
        if not target.ndim or target.numel() == 1:
            return _column(output, int(target.item()), method)
        if target.ndim > 1:
            raise ValueError(f"{method}: expected a target tensor of no or one dimension, got shape "
                             f"{tuple(target.shape)}")
        target = target.tolist()
    if isinstance(target, np.ndarray):
        target = target.tolist()
    if not isinstance(target, list):
        return _column(output, target, method)
    if len(target) == 1 and output.shape[0] != 1:
        return _column(output, target[0], method)
    if len(target) != output.shape[0]:
        raise ValueError(f"{method}: expected a target for each of {output.shape[0]} rows, got {len(target)}")
    indices = [each if isinstance(each, tuple) else (each,) for each in target]
    if len({len(each) for each in indices}) > 1:
        raise ValueError(f"{method}: expected targets of the same number of indices")
    columns = _integers(indices, method)
    if columns.shape[1] > output.ndim - 1:
        raise ValueError(f"{method}: targets of {columns.shape[1]} indices for an output of shape "
                         f"{tuple(output.shape)}")
    sizes = np.asarray(output.shape[1:1 + columns.shape[1]])
    if (columns >= sizes).any() or (columns < -sizes).any():
        raise IndexError(f"{method}: a target lies outside of an output of shape {tuple(output.shape)}")
    rows = fastnn.tensor(np.arange(len(target)))
    return output[(rows, *(fastnn.tensor(np.ascontiguousarray(column)) for column in columns.T))]


# ---- calling the model ----

def copies(values):
    """Values with copies of tensors: what a model may write to."""
    return [x.clone() if isinstance(x, Tensor) else x for x in values]


def recording(function):
    """A context in which the model records what it computes, also one of the Keras door."""
    keras = sys.modules.get("fastnn.keras.layers.base")  # a Keras model cannot come from anywhere else
    return contextlib.nullcontext() if keras is None else keras.recorded()


def run(function, inputs, target=None, additional=(), method="attribute"):
    """The selected numbers of ``function(*inputs, *additional)``."""
    with recording(function):
        output = function(*copies((*inputs, *additional)))
    if isinstance(output, (int, float)):
        return fastnn.tensor([float(output)])
    if not isinstance(output, Tensor):
        raise TypeError(f"{method}: expected the model to return a tensor, got {type(output).__name__}; wrap it in a "
                        f"function that returns the one to be explained")
    return select(output if output.ndim else output.reshape(1), target, method)


def value(function, inputs, target=None, additional=(), method="attribute"):
    """`run`, without recording."""
    with fastnn.no_grad():
        return run(function, inputs, target, additional, method)


def one_per_row(selected, rows, method):
    """The numbers whose gradients are taken: one a row, else a target is missing."""
    if selected.numel() > rows and selected.numel() != 1:
        raise ValueError(f"{method}: target is missing or incomplete: the model's output has the shape "
                         f"{tuple(selected.shape)}; give the index of the one number that is to be explained")
    return selected.sum()


def need_floats(inputs, method):
    """TypeError unless gradients with respect to the inputs exist."""
    for x in inputs:
        if not x.is_floating_point():
            raise TypeError(f"{method}: gradients need inputs of floating point, got {x.dtype}; for numbers of an "
                            f"embedding, explain the embedding's output with a Layer method")


def leaves(inputs, method):
    """The inputs as leaves of a graph of their own; the caller's tensors stay as they are."""
    need_floats(inputs, method)
    return tuple(x.detach().requires_grad_() for x in inputs)


def gradients(function, inputs, target=None, additional=(), method="attribute"):
    """Gradients of the selected numbers, one a row, with respect to the inputs.

    ``d f_target(x_n) / d x_n`` for each row ``n``; of the inputs' shapes. Zero where nothing depends on an input;
    RuntimeError if that is all of them.
    """
    with fastnn.enable_grad():
        x = leaves(inputs, method)
        total = one_per_row(run(function, x, target, additional, method), x[0].shape[0], method)
        if not total.requires_grad:
            raise RuntimeError(f"{method}: the model's output does not depend on its inputs by recorded operations")
        found = fastnn.autograd.grad(total, x, allow_unused=True)
    if all(g is None for g in found):
        raise RuntimeError(f"{method}: no gradient flows from the model's output to what is explained; is it detached, "
                           f"turned into integers, or not used?")
    return tuple(fastnn.zeros_like(each) if g is None else g.detach() for g, each in zip(found, inputs))


# ---- copies of a batch ----

def tile(x, times, rows=None):
    """The batch `times` times one after the other; what is no tensor of `rows` rows stays."""
    if isinstance(x, Tensor) and x.ndim and times != 1 and (rows is None or x.shape[0] == rows):
        return x.repeat(times, *[1] * (x.ndim - 1))
    return x


def repeat_rows(x, times, rows=None):
    """Each row `times` times one after the other."""
    if isinstance(x, Tensor) and x.ndim and times != 1 and (rows is None or x.shape[0] == rows):
        return x.repeat_interleave(times, dim=0)
    return x


def _for_rows(target, rows, method):
    """Targets as Python or Tensor; ValueError unless there is one for all rows or one for each."""
    target = target.tolist() if isinstance(target, np.ndarray) else target
    count = len(target) if isinstance(target, list) or isinstance(target, Tensor) and target.ndim else 1
    if count not in (1, rows):
        raise ValueError(f"{method}: expected a target for each of {rows} rows, got {count}")
    return target


def tile_target(target, times, rows, method):
    """Targets for a tiled batch."""
    target = _for_rows(target, rows, method)
    if isinstance(target, Tensor):
        return tile(target, times) if target.numel() > 1 else target
    return target * times if isinstance(target, list) and len(target) > 1 else target


def repeat_target(target, times, rows, method):
    """Targets for a batch of repeated rows."""
    target = _for_rows(target, rows, method)
    if isinstance(target, Tensor):
        return target.repeat_interleave(times) if target.numel() > 1 else target
    if isinstance(target, list) and len(target) > 1:
        return [each for each in target for _ in range(times)]
    return target


def by_rows(vector, x):
    """A vector over rows, shaped so that it broadcasts against `x`."""
    return vector.reshape(-1, *[1] * (x.ndim - 1))


def row_sums(values):
    """The sum of all elements of all tensors, for each row."""
    return sum(each.reshape(each.shape[0], -1).sum(1) for each in values)


def taken(function, x):
    """The inputs for a function that makes baselines: none if it takes none."""
    code = getattr(function, "__code__", None)
    return x if code is None or code.co_argcount else ()
