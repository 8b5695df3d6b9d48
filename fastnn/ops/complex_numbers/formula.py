"""An operation of complex tensors: its value in NumPy, its gradients in operations on tensors.

A gradient is PyTorch's: for a real loss L and z = x + iy it is dL/dx + i dL/dy, the conjugate of twice Wirtinger's
derivative dL/dz. Of a holomorphic f it is the result's gradient times the conjugate of f'.

One rule does for both backward runs: on tensors without a history in the first, recorded in the second.
"""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record, to_array


class Formula:
    """A differentiable operation of complex tensors.

    Parameters
    ----------
    name : str
        The name of its nodes, PyTorch's.
    value : callable
        ``value(*arrays, *options)`` -> array.
    *gradients : callable
        One for each input: ``gradient(g, z, *inputs, *options)`` -> tensor, from the gradient and the value of the
        result. It may have the broadcast shape, and be complex where the input is real: then its real part counts.
    reads : str
        The values that the gradients read, the others are None: "z" the result, "x", "y" and "w" the inputs.
    joint : callable, optional
        Instead of `gradients`, for any number of inputs: ``joint(g, z, inputs, *options)`` -> a sequence; "x" in
        `reads` means all inputs.
    """

    def __init__(self, name, value, *gradients, reads="", joint=None):
        self.value, self.gradients, self.joint, self.reads = value, gradients, joint, reads
        self.op = Op(name, self._on_arrays, "arrays result kinds options", listed=False)
        self.op.second(self._recorded)

    def __call__(self, *inputs, options=()):
        arrays = [to_array(x) for x in inputs]
        with np.errstate(all="ignore"):
            made = np.asarray(self.value(*arrays, *options))
        if not any(x.requires_grad for x in inputs):
            return from_array(made)
        read = [self.joint is not None and "x" in self.reads or self.joint is None and letter in self.reads
                for letter in ("xyw"[:len(inputs)] if self.joint is None else inputs)]
        saved = (tuple(array if wanted else None for array, wanted in zip(arrays, read)),
                 made if "z" in self.reads else None,
                 tuple((array.shape, array.dtype, x.requires_grad) for array, x in zip(arrays, inputs)), options)
        return record(made, self.op, inputs, saved, tuple(x for x, wanted in zip(inputs, read) if wanted),
                      "z" in self.reads)

    def _found(self, g, result, inputs, kinds, options):
        if self.joint is not None:
            found = self.joint(g, result, inputs, *options)
        else:
            found = [rule(g, result, *inputs, *options) if wanted else None
                     for rule, (_, _, wanted) in zip(self.gradients, kinds)]
        return tuple(None if x is None or not wanted else settled(x, shape, dtype)
                     for x, (shape, dtype, wanted) in zip(found, kinds))

    def _on_arrays(self, grad, arrays, result, kinds, options):
        found = self._found(from_array(grad), None if result is None else from_array(result),
                            [None if array is None else from_array(array) for array in arrays], kinds, options)
        return tuple(None if x is None else to_array(x) for x in found)

    def _recorded(self, step, g):
        inputs = [None if array is None else step.input(array, i) for i, array in enumerate(step.arrays)]
        result = None if step.result is None else step.output(step.result)
        return self._found(g, result, inputs, step.kinds, step.options)


def settled(x, shape, dtype):
    """A gradient as its input is: real if that is, of its dtype, summed over what was broadcast."""
    if dtype.kind != "c":
        x = real(x)
    if to_array(x).dtype != dtype:
        x = cast(x, dtype)
    return sum_to(x, shape)


# ---- the few operations that every rule needs ----

def is_complex(x):
    """Whether a tensor is complex."""
    return to_array(x).dtype.kind == "c"


def conj(x):
    """The conjugate; a real tensor itself."""
    return CONJ(x) if is_complex(x) else x


def real(x):
    """The real part as a tensor of its own; a real tensor itself."""
    return REAL(x) if is_complex(x) else x


def imag(x):
    """The imaginary part as a tensor of its own."""
    return IMAG(x)


def cast(x, dtype):
    """A tensor in another NumPy dtype of its kind, or as a complex one."""
    return CAST(x, options=(np.dtype(dtype),))


def sum_to(x, shape):
    """Undo a broadcast."""
    own = tuple(x.shape)
    if own == tuple(shape):
        return x
    extra = len(own) - len(shape)
    axes = tuple(i for i in range(len(own)) if i < extra or shape[i - extra] == 1 != own[i])
    return SUM(x, options=(axes, tuple(shape), own))


def _spread(g, z, x, axes, shape, own):
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(own))).expand(own)


def tensors(*values):
    """All as tensors: numbers become 0-d ones, arrays are wrapped."""
    return [x if isinstance(x, Tensor) else from_array(np.asarray(x)) for x in values]


CONJ = Formula("ConjBackward0", np.conj, lambda g, z, x: conj(g))
REAL = Formula("RealBackward0", lambda x: x.real.copy(), lambda g, z, x: g)
IMAG = Formula("ImagBackward0", lambda x: x.imag.copy(), lambda g, z, x: g * 1j)
SUM = Formula("SumBackward0", lambda x, axes, shape, own: x.sum(axis=axes).reshape(shape), _spread)
CAST = Formula("ToCopyBackward0", lambda x, dtype: x.astype(dtype), lambda g, z, x, dtype: g)
