"""RNN: a cell over a sequence, step by step; and several cells on top of each other."""
import numpy as np

from fastnn.keras import tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.random import dropout
from fastnn.keras.saving import objects
from fastnn.keras.variables import Variable, array_of, convert
from fastnn.ops.indexing import where
from fastnn.ops.joining import stack


class DropoutRNNCell:
    """Dropout masks that a cell keeps for all steps of a sequence."""

    def _mask(self, name, like, rate, count=None):
        kept = self.__dict__.setdefault("_dropout_masks", {})
        if name not in kept:
            ones = like.detach() * 0 + 1
            make = lambda: dropout(ones, rate, seed=self.seed_generator)
            kept[name] = make() if count is None else [make() for _ in range(count)]
        return kept[name]

    def get_dropout_mask(self, step_input):
        """The mask of the inputs."""
        return self._mask("inputs", step_input, self.dropout, getattr(self, "dropout_mask_count", None))

    def get_recurrent_dropout_mask(self, step_input):
        """The mask of the states."""
        return self._mask("states", step_input, self.recurrent_dropout, getattr(self, "dropout_mask_count", None))

    def reset_dropout_mask(self):
        """Draw a new mask of the inputs at its next use."""
        self.__dict__.get("_dropout_masks", {}).pop("inputs", None)

    def reset_recurrent_dropout_mask(self):
        """Draw a new mask of the states at its next use."""
        self.__dict__.get("_dropout_masks", {}).pop("states", None)


def run_cell(step, inputs, states, mask=None, go_backwards=False, zero_output_for_mask=False):
    """Call ``step(x, states)`` for each step of (batch, steps, ...); masked steps repeat output and states.

    Returns
    -------
    (last output, outputs (batch, steps, ...), states)
    """
    steps = inputs.shape[1] if not tree.is_nested(inputs) else tree.flatten(inputs)[0].shape[1]
    if steps == 0:
        raise ValueError("RNN: expected sequences of at least one step, got none")
    order = range(steps - 1, -1, -1) if go_backwards else range(steps)
    outputs, output = [], None
    for t in order:
        x = tree.map_structure(lambda each: each[:, t], inputs)
        found, new_states = step(x, states)
        new_states = list(new_states) if isinstance(new_states, (list, tuple)) else [new_states]
        if mask is not None:
            keep = mask[:, t]

            def chosen(new, old, keep=keep):
                return where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            before = found * 0 if output is None or zero_output_for_mask else output
            new_states = [chosen(new, old) for new, old in zip(tree.flatten(new_states), tree.flatten(list(states)))]
            found = chosen(found, before)
        output, states = found, new_states
        outputs.append(found)
    return output, stack(outputs, 1), states


class RNN(Layer):
    """A cell applied to the steps of (batch, steps, ...), one after the other.

    Parameters
    ----------
    cell : Layer or list of Layer
        With ``call(inputs of a step, states) -> (output, states)`` and `state_size`; a list is stacked.
    return_sequences : bool
        All outputs, not only the last.
    return_state : bool
        The last states too.
    go_backwards : bool
        From the last step to the first.
    stateful : bool
        Begin with the last states of the batch before.
    unroll : bool
        Accepted; steps are always run one after the other.
    zero_output_for_mask : bool
        Outputs of masked steps are 0, not those of the step before.

    Raises
    ------
    ValueError
        The cell lacks `call` or `state_size`, there is no step, or states of another number are given.

    Examples
    --------
    >>> keras.layers.RNN(keras.layers.GRUCell(4), return_sequences=True)(np.ones((2, 5, 3))).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, zero_output_for_mask=False, **kwargs):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if not hasattr(cell, "state_size"):
            raise ValueError(f"The RNN cell should have a `state_size` attribute (single integer or list of integers, "
                             f"one integer per RNN state). Received: cell={cell}")
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.supports_masking = True
        self.__dict__["states"] = None
        size = cell.state_size
        self.single_state = isinstance(size, int)
        self.state_size = [size] if self.single_state else list(size)

    @property
    def _state_sizes(self):
        """Of every state, those of stacked cells one after the other."""
        if isinstance(self.cell, StackedRNNCells):
            return [n for cell in self.cell.cells
                    for n in (cell.state_size if isinstance(cell.state_size, list) else [cell.state_size])]
        return self.state_size

    def build(self, sequences_shape, initial_state_shape=None):
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(f"When using `stateful=True` in a RNN, the batch size must be static. Found dynamic "
                                 f"batch size: sequence.shape={sequences_shape}")
            self.__dict__["states"] = [Variable(array_of(state), trainable=False, name="rnn_state")
                                       for state in self.get_initial_state(sequences_shape[0])]

    def get_initial_state(self, batch_size):
        """The states to begin with, zeros by default."""
        own = getattr(self.cell, "get_initial_state", None)
        if own is not None:
            states = own(batch_size=batch_size)
            return list(states) if isinstance(states, (list, tuple)) else [states]
        return [convert(np.zeros((batch_size, *(n if isinstance(n, tuple) else (n,))), self.compute_dtype))
                for n in self._state_sizes]

    def reset_state(self):
        """Set the states of a stateful layer to zeros."""
        for state in self.states or ():
            state.assign(np.zeros_like(state.array_))

    reset_states = reset_state

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """(last output, outputs, states): the cell at every step."""
        kwargs = {}
        if isinstance(self.cell, Layer) and self.cell._call_has_training_arg:
            kwargs["training"] = training

        def step(x, states):
            return self.cell(x, states if not self.single_state or len(states) > 1 else list(states), **kwargs)
        return run_cell(step, sequences, initial_state, mask, self.go_backwards, self.zero_output_for_mask)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        batch = tree.flatten(sequences)[0].shape[0]
        if mask is not None and tree.is_nested(mask):
            mask = tree.flatten(mask)[0]
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(batch)
        elif not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        initial_state = [state.detach() if isinstance(state, Variable) else convert(state, self.compute_dtype)
                         for state in initial_state]
        if len(initial_state) != len(self._state_sizes):
            raise ValueError(f"An `initial_state` was passed that is not compatible with `cell.state_size`. Received "
                             f"`state_spec`={[tuple(s.shape) for s in initial_state]}; however `cell.state_size` is "
                             f"{self.state_size}")
        cells = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]
        for cell in cells:
            if isinstance(cell, DropoutRNNCell):
                cell.reset_dropout_mask()
                cell.reset_recurrent_dropout_mask()
        last, outputs, states = self.inner_loop(sequences, initial_state, mask, training)
        if self.stateful:
            for own, state in zip(self.states, states):
                own.assign(state)
        result = outputs if self.return_sequences else last
        return (result, *states) if self.return_state else result

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, steps = sequences_shape[:2]
        size = getattr(self.cell, "output_size", None) or self._state_sizes[0]
        size = size if isinstance(size, (tuple, list)) else (size,)
        output = (batch, steps, *size) if self.return_sequences else (batch, *size)
        if self.return_state:
            return (output, *[(batch, *(n if isinstance(n, (tuple, list)) else (n,))) for n in self._state_sizes])
        return output

    def compute_mask(self, inputs, mask):
        mask = tree.flatten(mask)[0]
        mask = mask if self.return_sequences else None
        return [mask] + [None] * len(self._state_sizes) if self.return_state else mask

    def _rnn_config(self):
        return {"return_sequences": self.return_sequences, "return_state": self.return_state,
                "go_backwards": self.go_backwards, "stateful": self.stateful, "unroll": self.unroll,
                "zero_output_for_mask": self.zero_output_for_mask}

    def get_config(self):
        return {**self._base_config(), **self._rnn_config(), "cell": objects.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["cell"] = objects.deserialize_keras_object(config["cell"], custom_objects)
        return super().from_config(config)


class StackedRNNCells(Layer):
    """Several cells as one: each reads the output of the one before.

    Parameters
    ----------
    cells : list of Layer

    Raises
    ------
    ValueError
        A cell lacks `call` or `state_size`.

    Examples
    --------
    >>> cell = keras.layers.StackedRNNCells([keras.layers.LSTMCell(4), keras.layers.LSTMCell(2)])
    >>> keras.layers.RNN(cell)(np.ones((1, 5, 3))).shape
    torch.Size([1, 2])
    """

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
                raise ValueError(f"All cells must have a `call` method and a `state_size`. Received cell without: "
                                 f"{cell}")
        self.cells = list(cells)

    @property
    def state_size(self):
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        last = self.cells[-1]
        size = getattr(last, "output_size", None)
        return size if size is not None else last.state_size[0] if isinstance(last.state_size, (list, tuple)) \
            else last.state_size

    def get_initial_state(self, batch_size=None):
        states = []
        for cell in self.cells:
            own = getattr(cell, "get_initial_state", None)
            found = own(batch_size=batch_size) if own else [
                convert(np.zeros((batch_size, n), self.compute_dtype)) for n in tree.flatten(cell.state_size)]
            states.append(list(found) if isinstance(found, (list, tuple)) else [found])
        return [state for group in states for state in group]

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            size = getattr(cell, "output_size", None) or cell.state_size
            input_shape = (input_shape[0], size[0] if isinstance(size, (list, tuple)) else size)

    def call(self, inputs, states, training=False, **kwargs):
        rest, new = list(tree.flatten(list(states))), []
        for cell in self.cells:
            count = len(tree.flatten(cell.state_size))
            own, rest = rest[:count], rest[count:]
            extra = {"training": training} if isinstance(cell, Layer) and cell._call_has_training_arg else {}
            inputs, found = cell(inputs, own, **extra)
            new += list(found) if isinstance(found, (list, tuple)) else [found]
        return inputs, new

    def get_config(self):
        return {**self._base_config(), "cells": [objects.serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cells = [objects.deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)
