"""Gradients by a tape, as ``tf.GradientTape``."""
import numpy as np

from fastnn import autograd
from fastnn._tensor import Tensor, from_array
from fastnn.keras import tree
from fastnn.keras.layers import base
from fastnn.keras.layers.base import tapes
from fastnn.keras.variables import Variable, array_of
from fastnn.ops.joining import stack


class GradientTape:
    """Within, what is computed from variables (and watched tensors) is recorded; `gradient` then gives derivatives.

    Parameters
    ----------
    persistent : bool
        `gradient` may be called more than once.
    watch_accessed_variables : bool
        Accepted; gradients are only ever computed for what `gradient` names.

    Examples
    --------
    >>> import fastnn.tensorflow as tf
    >>> x = tf.Variable(3.0)
    >>> with tf.GradientTape() as tape:
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent, self._used, self._inside = persistent, False, False
        self._modes, self._watched = [], []

    def __enter__(self):
        if self._inside:
            raise ValueError("Tape is still recording, This can happen if you try to re-enter an already-active tape.")
        self._inside = True
        self._mode = autograd.enable_grad()
        self._mode.__enter__()
        tapes(1)
        return self

    def __exit__(self, *exception):
        tapes(-1)
        self._mode.__exit__(*exception)
        self._inside = False

    def watch(self, tensor):
        """Derivatives with respect to this tensor will be asked for."""
        for each in tree.flatten(tensor):
            if not isinstance(each, Tensor):
                raise ValueError(f"Passed in object {each} of type {type(each).__name__!r}, not tf.Tensor or "
                                 f"tf.Variable")
            if not each.requires_grad:
                each.requires_grad_()
                each._watched = True
                self._watched.append(each)

    def stop_recording(self):
        """A context in which nothing is recorded."""
        return autograd.no_grad()

    def reset(self):
        """Forget what was recorded: tensors keep their history, but the tape may be used again."""
        self._used = False

    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """Derivatives of (the sum of) `target` with respect to `sources`, in their structure.

        Returns
        -------
        tensors, or None (zeros with ``unconnected_gradients="zero"``) where target does not depend on a source
        """
        if self._used and not self._persistent:
            raise RuntimeError("A non-persistent GradientTape can only be used to compute one set of gradients (or "
                               "jacobians)")
        self._used = True
        flat = tree.flatten(sources)
        for each in flat:
            if not isinstance(each, Tensor):
                raise TypeError(f"GradientTape.gradient: expected tensors or variables as sources, got "
                                f"{type(each).__name__}")
        targets = [each for each in tree.flatten(target) if isinstance(each, Tensor) and each.requires_grad]
        known = [each for each in flat if each.requires_grad]
        found = {}
        if targets and known:
            given = tree.flatten(output_gradients) if output_gradients is not None else \
                [from_array(np.ones_like(array_of(each))) for each in targets]
            outer = _recording_tapes() > int(self._inside)
            # Retained, because another tape beside this one may walk the graph too.
            grads = autograd.grad(targets, known, given, retain_graph=True,
                                  create_graph=self._inside or outer, allow_unused=True)
            found = {id(each): grad for each, grad in zip(known, grads)}
        results = [found.get(id(each)) for each in flat]
        if str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero":
            results = [each.detach() * 0 if grad is None else grad for each, grad in zip(flat, results)]
        return tree.pack_sequence_as(sources, results) if tree.is_nested(sources) else results[0]

    def jacobian(self, target, sources, **kwargs):
        """Derivatives of each element of `target`: (shape of target, shape of the source)."""
        flat = tree.flatten(sources)
        rows = [autograd.grad(element, flat, retain_graph=True, allow_unused=True) for element in target.reshape(-1)]
        results = [None if rows[0][i] is None else
                   stack([row[i] for row in rows]).reshape(*target.shape, *each.shape) for i, each in enumerate(flat)]
        return tree.pack_sequence_as(sources, results) if tree.is_nested(sources) else results[0]

    def watched_variables(self):
        """The tensors that `watch` was given and that are variables."""
        return tuple(each for each in self._watched if isinstance(each, Variable))


def _recording_tapes():
    return getattr(base._state, "tapes", 0)


class UnconnectedGradients:
    """What `GradientTape.gradient` gives where there is no path."""

    NONE, ZERO = "none", "zero"


def stop_gradient(input, name=None):
    """The tensor outside of the graph."""
    return input.detach()
