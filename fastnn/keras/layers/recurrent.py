"""SimpleRNN, LSTM and GRU: cells, and layers that the engine runs over whole sequences."""
import numpy as np

from fastnn.keras import activations, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.rnn import RNN, DropoutRNNCell
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.random import SeedGenerator
from fastnn.keras.variables import array_of, convert
from fastnn.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from fastnn.ops.indexing import where
from fastnn.ops.linear import matmul
from fastnn.ops.recurrent import recurrent
from fastnn.ops.joining import cat


class _Cell(DropoutRNNCell, Layer):
    """Base of cells: `gates` groups of columns in the kernels."""

    gates = 1

    def _init(self, units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
              kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
              bias_constraint, dropout, recurrent_dropout, seed):
        if units <= 0:
            raise ValueError(f"Received an invalid value for argument `units`, expected a positive integer, got "
                             f"{units}.")
        self.units, self.use_bias, self.activation = units, use_bias, activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout, self.recurrent_dropout = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        if self.dropout or self.recurrent_dropout:
            self.seed_generator = SeedGenerator(seed)
        self.state_size, self.output_size = units, units

    def build(self, input_shape):
        columns = self.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], columns), self.kernel_initializer, name="kernel",
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.recurrent_kernel = self.add_weight(
            (self.units, columns), self.recurrent_initializer, name="recurrent_kernel",
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint)
        self.bias = self.add_weight(self._bias_shape(), self._first_bias, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None

    def _bias_shape(self):
        return (self.gates * self.units,)

    def _first_bias(self, shape, dtype=None):
        return self.bias_initializer(shape, dtype=dtype)

    def _dropped(self, inputs, h, training):
        """Input and state with their dropout."""
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout:
            h = h * self.get_recurrent_dropout_mask(h)
        return inputs, h

    def get_initial_state(self, batch_size=None):
        """Zeros."""
        count = 2 if isinstance(self.state_size, list) else 1
        return [convert(np.zeros((batch_size, self.units), self.compute_dtype)) for _ in range(count)]

    def _own_config(self):
        made = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        if hasattr(self, "recurrent_activation"):
            made["recurrent_activation"] = activations.serialize(self.recurrent_activation)
        made.update(_weight_config(self, "kernel", "recurrent", "bias"))
        made.update({"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "seed": self.seed})
        for name in ("unit_forget_bias", "reset_after"):
            if hasattr(self, name):
                made[name] = getattr(self, name)
        return made

    def get_config(self):
        return {**self._base_config(), **self._own_config()}


class SimpleRNNCell(_Cell):
    """One step of a recurrent network: ``h = activation(x @ kernel + bias + h @ recurrent_kernel)``.

    Parameters
    ----------
    units : int
        Size of the state.
    activation : str or callable
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : Initializer or str
    kernel_regularizer, recurrent_regularizer, bias_regularizer : Regularizer or str, optional
    kernel_constraint, recurrent_constraint, bias_constraint : Constraint or str, optional
    dropout, recurrent_dropout : float
        Rates of dropout of the inputs and of the state in training; one mask for all steps.
    seed : int, optional

    Shape
    -----
    Called as ``cell(x, [h])``: (batch, in), (batch, units); gives ``(h, [h])``.

    Raises
    ------
    ValueError
        `units` is not positive.

    Examples
    --------
    >>> cell = keras.layers.SimpleRNNCell(4)
    >>> y, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> y.shape
    torch.Size([2, 4])
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._init(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                   kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
                   bias_constraint, dropout, recurrent_dropout, seed)

    def call(self, sequence, states, training=False):
        nested = isinstance(states, (list, tuple))
        x, h = self._dropped(sequence, states[0] if nested else states, training)
        y = matmul(x, self.kernel)
        y = y if self.bias is None else y + self.bias
        y = self.activation(y + matmul(h, self.recurrent_kernel))
        return y, [y] if nested else y


class LSTMCell(_Cell):
    """One step of an LSTM (Hochreiter and Schmidhuber, 1997).

    With ``i, f, c', o`` the parts of ``x @ kernel + h @ recurrent_kernel + bias`` and ``s`` the recurrent activation:
    ``c = s(f) * c + s(i) * activation(c')``, ``h = s(o) * activation(c)``.

    Parameters
    ----------
    units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer
        As in `SimpleRNNCell`.
    recurrent_activation : str or callable
        Of the gates.
    unit_forget_bias : bool
        Whether the forget gate's bias begins at 1.
    kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint
        As in `SimpleRNNCell`.
    bias_constraint, dropout, recurrent_dropout, seed
        As in `SimpleRNNCell`.

    Shape
    -----
    Called as ``cell(x, [h, c])``, gives ``(h, [h, c])``. Kernels (in, 4 * units) and (units, 4 * units).

    Examples
    --------
    >>> cell = keras.layers.LSTMCell(4)
    >>> y, (h, c) = cell(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, cell.kernel.shape
    (torch.Size([2, 4]), torch.Size([3, 16]))
    """

    gates = 4

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, **kwargs):
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.implementation = implementation
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self._init(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                   kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
                   bias_constraint, dropout, recurrent_dropout, seed)
        self.state_size = [units, units]

    def _first_bias(self, shape, dtype=None):
        bias = array_of(self.bias_initializer(shape, dtype=dtype)).copy()
        if self.unit_forget_bias:
            bias[self.units:2 * self.units] = 1
        return convert(bias)

    def call(self, inputs, states, training=False):
        x, h = self._dropped(inputs, states[0], training)
        z = matmul(x, self.kernel) + matmul(h, self.recurrent_kernel)
        z = z if self.bias is None else z + self.bias
        i, f, g, o = z.chunk(4, -1)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


class GRUCell(_Cell):
    """One step of a GRU (Cho et al., 2014).

    ``h = z * h + (1 - z) * candidate`` with the update gate z; the reset gate r multiplies ``h @ recurrent_kernel`` in
    the candidate if `reset_after`, else h itself.

    Parameters
    ----------
    units, activation, recurrent_activation, use_bias, dropout, recurrent_dropout, seed
        As in `LSTMCell`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `SimpleRNNCell`.
    bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `SimpleRNNCell`.
    reset_after : bool

    Shape
    -----
    Called as ``cell(x, [h])``, gives ``(h, [h])``. Kernels (in, 3 * units), (units, 3 * units): z, r, candidate; the
    bias is (2, 3 * units) with `reset_after`.

    Examples
    --------
    >>> cell = keras.layers.GRUCell(4)
    >>> y, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, cell.bias.shape
    (torch.Size([2, 4]), torch.Size([2, 12]))
    """

    gates = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, reset_after=True,
                 seed=None, **kwargs):
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.implementation = implementation
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after
        self._init(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                   kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
                   bias_constraint, dropout, recurrent_dropout, seed)

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        before = states[0] if nested else states
        x, h = self._dropped(inputs, before, training)
        u = self.units
        input_bias, recurrent_bias = (None, None) if self.bias is None else \
            (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, None)
        x = matmul(x, self.kernel)
        x = x if input_bias is None else x + input_bias
        if self.reset_after:
            inner = matmul(h, self.recurrent_kernel)
            inner = inner if recurrent_bias is None else inner + recurrent_bias
        else:
            inner = matmul(h, self.recurrent_kernel[:, :2 * u])
        z = self.recurrent_activation(x[:, :u] + inner[:, :u])
        r = self.recurrent_activation(x[:, u:2 * u] + inner[:, u:2 * u])
        candidate = r * inner[:, 2 * u:] if self.reset_after else matmul(r * h, self.recurrent_kernel[:, 2 * u:])
        candidate = self.activation(x[:, 2 * u:] + candidate)
        h = z * before + (1 - z) * candidate
        return h, [h] if nested else h


class _Recurrent(RNN):
    """Base of layers whose cell the engine knows."""

    mode = ""

    def _init_layer(self, cell, activity_regularizer, seed, kwargs):
        super().__init__(cell, activity_regularizer=activity_regularizer, **kwargs)
        self.input_spec = [InputSpec(ndim=3)]

    def __getattr__(self, name):
        """The cell's arguments are the layer's."""
        if name.startswith("_") or "cell" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        return getattr(self.__dict__["cell"], name)

    @property
    def input_spec(self):
        return self._spec

    @input_spec.setter
    def input_spec(self, value):
        self.__dict__["_spec"] = InputSpec(ndim=3) if value is not None else None

    def _known(self, training):
        """Whether the engine's layer computes what the cell does."""
        cell = self.cell
        return cell.activation is activations.tanh and not (training and cell.recurrent_dropout)

    def _weights(self):
        """w_ih, w_hh, and perhaps b_ih, b_hh, as the engine wants them."""
        cell = self.cell
        weights = [cell.kernel.t(), cell.recurrent_kernel.t()]
        if cell.bias is not None:
            weights += [cell.bias, convert(np.zeros(cell.bias.array_.shape, cell.bias.array_.dtype))]
        return weights

    def inner_loop(self, sequences, initial_state, mask, training=False):
        sequences = self._floats(sequences)
        if not self._known(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        lengths = None
        if mask is not None:
            lengths = prefix_lengths(array_of(mask))
            if lengths is None or self.go_backwards or self.zero_output_for_mask:
                return super().inner_loop(sequences, initial_state, mask, training)
        x = sequences
        if training and self.cell.dropout:
            x = x * self.cell.get_dropout_mask(x[:, 0]).unsqueeze(1)
        if self.go_backwards:
            x = x.flip(1)
        h0 = initial_state[0].unsqueeze(0)
        c0 = initial_state[1].unsqueeze(0) if len(initial_state) > 1 else None
        if lengths is not None:
            return self._packed(x, lengths, h0, c0)
        y, h, c = recurrent(self.mode, x, self._weights(), h0, c0, batch_first=True)
        states = [h[0]] if c is None else [h[0], c[0]]
        return h[0], y, states

    def _packed(self, x, lengths, h0, c0):
        """Sequences of several lengths: steps behind the end repeat the last output."""
        packed = pack_padded_sequence(x, convert(lengths), batch_first=True, enforce_sorted=False)
        order, back = packed.sorted_indices, packed.unsorted_indices
        h0 = h0.index_select(1, order)
        c0 = None if c0 is None else c0.index_select(1, order)
        y, h, c = recurrent(self.mode, packed.data, self._weights(), h0, c0, packed.batch_sizes.numpy())
        h = h.index_select(1, back)[0]
        c = None if c is None else c.index_select(1, back)[0]
        y, _ = pad_packed_sequence(packed._replace(data=y), batch_first=True, total_length=x.shape[1])
        valid = convert(np.arange(x.shape[1])[None, :] < lengths[:, None])
        y = where(valid.unsqueeze(-1), y, h.unsqueeze(1))
        return h, y, [h] if c is None else [h, c]

    def get_config(self):
        return {**self._base_config(), **self._rnn_config(), **self.cell._own_config(),
                **_weight_config(self, "activity")}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


def prefix_lengths(mask):
    """Number of steps of each sequence if the mask is true up to there and false behind; None if it is not, or 0."""
    lengths = mask.sum(1)
    if (lengths == 0).any() or not (mask == (np.arange(mask.shape[1])[None, :] < lengths[:, None])).all():
        return None
    return lengths


class SimpleRNN(_Recurrent):
    """`SimpleRNNCell` over a sequence.

    Parameters
    ----------
    units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer
        As in `SimpleRNNCell`.
    kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint
        As in `SimpleRNNCell`.
    bias_constraint, dropout, recurrent_dropout, seed
        As in `SimpleRNNCell`.
    activity_regularizer : Regularizer or str, optional
    return_sequences, return_state, go_backwards, stateful, unroll
        As in `RNN`.

    Shape
    -----
    (batch, steps, in) -> (batch, units), or (batch, steps, units) with `return_sequences`.

    Examples
    --------
    >>> keras.layers.SimpleRNN(4)(np.ones((2, 5, 3))).shape
    torch.Size([2, 4])
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
                 return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 seed=None, **kwargs):
        cell = SimpleRNNCell(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                             kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
                             recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
                             dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="simple_rnn_cell")
        kwargs.update(return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                      stateful=stateful, unroll=unroll)
        self._init_layer(cell, activity_regularizer, seed, kwargs)

    def _known(self, training):
        return self.cell.activation in (activations.tanh, activations.relu) and \
            not (training and self.cell.recurrent_dropout)

    def get_config(self):
        made = super().get_config()
        made.pop("seed")  # as Keras' record
        return made

    @property
    def mode(self):
        return "rnn_tanh" if self.cell.activation is activations.tanh else "rnn_relu"


class LSTM(_Recurrent):
    """`LSTMCell` over a sequence.

    Parameters
    ----------
    units, activation, recurrent_activation, use_bias, unit_forget_bias
        As in `LSTMCell`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `SimpleRNNCell`.
    bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `SimpleRNNCell`.
    dropout, recurrent_dropout, seed
        As in `SimpleRNNCell`.
    activity_regularizer : Regularizer or str, optional
    return_sequences, return_state, go_backwards, stateful, unroll
        As in `RNN`; the states are h and c.
    use_cudnn
        Accepted.

    Shape
    -----
    (batch, steps, in) -> (batch, units), or (batch, steps, units) with `return_sequences`.

    Examples
    --------
    >>> y, h, c = keras.layers.LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 4]), torch.Size([2, 4]))
    """

    mode = "lstm"

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 dropout=0.0, recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, use_cudnn="auto", **kwargs):
        kwargs.pop("implementation", None)
        cell = LSTMCell(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
                        bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
                        kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
                        dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="lstm_cell")
        kwargs.update(return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                      stateful=stateful, unroll=unroll)
        self._init_layer(cell, activity_regularizer, seed, kwargs)

    def _known(self, training):
        return super()._known(training) and self.cell.recurrent_activation is activations.sigmoid


class GRU(_Recurrent):
    """`GRUCell` over a sequence.

    Parameters
    ----------
    units, activation, recurrent_activation, use_bias, reset_after
        As in `GRUCell`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `SimpleRNNCell`.
    bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `SimpleRNNCell`.
    dropout, recurrent_dropout, seed
        As in `SimpleRNNCell`.
    activity_regularizer : Regularizer or str, optional
    return_sequences, return_state, go_backwards, stateful, unroll
        As in `RNN`.
    use_cudnn
        Accepted.

    Shape
    -----
    (batch, steps, in) -> (batch, units), or (batch, steps, units) with `return_sequences`.

    Examples
    --------
    >>> keras.layers.GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    torch.Size([2, 5, 4])
    """

    mode = "gru"

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, unroll=False, reset_after=True, use_cudnn="auto", **kwargs):
        kwargs.pop("implementation", None)
        cell = GRUCell(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
                       bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
                       recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed,
                       dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="gru_cell")
        kwargs.update(return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                      stateful=stateful, unroll=unroll)
        self._init_layer(cell, activity_regularizer, seed, kwargs)

    def _known(self, training):
        return super()._known(training) and self.cell.recurrent_activation is activations.sigmoid \
            and self.cell.reset_after

    def _weights(self):
        """Keras' gates are z, r, candidate; the engine's r, z, candidate."""
        u, cell = self.cell.units, self.cell

        def swapped(w):
            return cat([w[..., u:2 * u], w[..., :u], w[..., 2 * u:]], -1)
        weights = [swapped(cell.kernel).t(), swapped(cell.recurrent_kernel).t()]
        if cell.bias is not None:
            bias = swapped(cell.bias)
            weights += [bias[0], bias[1]]
        return weights
