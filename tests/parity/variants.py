"""The same samples through the in-place form of an operation and through ``out=``. Imports torch."""
import numpy as np
import torch

import fastnn
from parity.carry import Different, array_of, compare, copy_of, leaves, map_tensors, to_fastnn
from parity.runner import compare_gradients, quiet, tolerances


def takes_out(op):
    """Whether ``out=`` is compared; nn.functional's functions document none (normalize does)."""
    return op.supports_out and (not op.name.startswith("nn.functional.") or op.name == "nn.functional.normalize")


def inplace_name(op):
    """The Tensor method that is an operation's in-place form, None if there is none."""
    if op.name in ("asinh", "acosh"):
        return None  # PyTorch has no gradient of these
    name = getattr(op.inplace_variant, "__name__", None)
    return name if name and name.endswith("_") and hasattr(torch.Tensor, name) else None


def cloned(value):
    """Leaves that require a gradient cannot be changed: their clones can."""
    return value.clone() if value.requires_grad else value


def run_inplace(op, sample):
    """``x.name_(...)`` changes x to PyTorch's result and hands on PyTorch's gradients, or raises as PyTorch does."""
    method = inplace_name(op)
    theirs = copy_of([sample.input, *sample.args]), copy_of(sample.kwargs)
    ours = to_fastnn([sample.input, *sample.args]), to_fastnn(sample.kwargs)
    x, y = cloned(theirs[0][0]), cloned(ours[0][0])
    try:
        with quiet():
            expected = getattr(x, method)(*theirs[0][1:], **theirs[1])
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        try:
            with quiet():
                getattr(y, method)(*ours[0][1:], **ours[1])
        except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
            return
        raise Different(f"{method}: raises nothing, PyTorch {type(error).__name__}: {error}") from None
    if expected.numel() != sample.input.numel():
        return  # addbmm_ grows its tensor
    with quiet():
        found = getattr(y, method)(*ours[0][1:], **ours[1])
    if expected is x and found is not y:
        raise Different(f"{method}: returns another tensor")
    rtol, atol = tolerances(op)
    compare(found, expected, method, rtol, atol)
    if expected.requires_grad != found.requires_grad:
        raise Different(f"{method}: requires_grad is {found.requires_grad}, PyTorch's {expected.requires_grad}")
    compare_gradients(leaves(ours, fastnn.Tensor), leaves(theirs, torch.Tensor), [found], [expected], rtol, atol)


def without_grad(value):
    return map_tensors(value, lambda t: t.detach())


def spread_out(array):
    """Memory of the same shape with gaps, filled with something else."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]) if array.ndim else (2,), 7, array.dtype)
    return wide[..., ::2] if array.ndim else wide[1:].reshape(())


def run_out(op, sample, function):
    """``out=`` gets PyTorch's result in its own memory, and is resized where it has another shape."""
    theirs = without_grad(copy_of([sample.input, *sample.args])), without_grad(copy_of(sample.kwargs))
    ours = to_fastnn(theirs[0]), to_fastnn(theirs[1])
    with quiet():
        expected = op.op(*theirs[0], **theirs[1])
    tensors = list(expected) if isinstance(expected, tuple) else [expected]
    if not all(isinstance(t, torch.Tensor) for t in tensors):
        return
    rtol, atol = tolerances(op)
    for make in (spread_out, lambda array: np.empty(0, array.dtype)):
        targets = [fastnn.from_numpy(make(array_of(t))) for t in tensors]
        before = [t.data_ptr() for t in targets]
        with quiet():
            found = function(*ours[0], **ours[1], out=tuple(targets) if isinstance(expected, tuple) else targets[0])
        returned = list(found) if isinstance(found, tuple) else [found]
        if any(a is not b for a, b in zip(returned, targets)):
            raise Different("out=: returns another tensor")
        if make is spread_out and [t.data_ptr() for t in targets] != before:
            raise Different("out=: moved to other memory")
        compare(returned, tensors, "out=", rtol, atol)
    leaf = fastnn.from_numpy(np.empty(tuple(tensors[0].shape), np.float32)).requires_grad_()
    if isinstance(expected, torch.Tensor) and expected.dtype == torch.float32:
        try:
            with quiet():
                function(*ours[0], **ours[1], out=leaf)
        except RuntimeError:
            return
        raise Different("out=: a tensor that requires grad is accepted")
