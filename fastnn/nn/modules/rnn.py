"""Recurrent layers and cells."""
import math
import numbers
import warnings

from fastnn.nn import init
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.nn.utils.rnn import PackedSequence
from fastnn.ops._common import need_tensors
from fastnn.ops.creation import empty
from fastnn.ops.dropout import sequence_dropout
from fastnn.ops.recurrent_composed import projected_lstm
from fastnn.ops.recurrent import recurrent, recurrent_cell
from fastnn.ops.joining import cat

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _uniform(module):
    """All weights uniform in +-1 / sqrt(hidden_size)."""
    bound = 1 / math.sqrt(module.hidden_size) if module.hidden_size > 0 else 0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


def _check_type(name, value, expected):
    if not isinstance(value, expected):
        raise TypeError(f"{name} should be of type {expected.__name__}, got: {type(value).__name__}")


def stacked(mode, x, weights, h, c, batch_sizes, batch_first, num_layers, dropout, projected=False):
    """Recurrent layers on top of each other: (output, last h of all layers, last c or None).

    `weights` are those of each layer and direction, as a list of lists; `h` and `c` may be None.
    """
    directions = len(weights) // num_layers
    run = projected_lstm if projected else recurrent
    last_h, last_c = [], []
    for layer in range(num_layers):
        first = layer * directions
        own_h, own_c = [state if state is None or num_layers == 1 else state.narrow(0, first, directions)
                        for state in (h, c)]
        own = [weight for group in weights[first:first + directions] for weight in group]
        x, hn, cn = run(mode, x, own, own_h, own_c, batch_sizes, batch_first, directions)
        last_h.append(hn)
        last_c.append(cn)
        if dropout and layer < num_layers - 1:
            x = sequence_dropout(x, dropout, batch_first and batch_sizes is None)
    if num_layers == 1:
        return x, hn, cn
    return x, cat(last_h), cat(last_c) if cn is not None else None


class RNNBase(Module):
    """Base of `RNN`, `LSTM` and `GRU`.

    Parameters
    ----------
    mode : {"RNN_TANH", "RNN_RELU", "LSTM", "GRU"}
    input_size, hidden_size : int
        Sizes of the input of one step and of the state.
    num_layers : int
        Layers on top of each other; default 1.
    bias : bool
        Whether there are b_ih and b_hh; default True.
    batch_first : bool
        Whether input and output are (N, L, features) instead of (L, N, features); states stay as they are.
    dropout : float
        Probability of dropout on the output of each layer but the last, in training; default 0.
    bidirectional : bool
        Whether each layer has a second one that runs from the last step to the first.
    proj_size : int
        LSTM alone: the size to which h is projected (Sak et al. 2014), 0 for none. Such layers are computed step by
        step by tensor operations.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ... : Parameter
        Initially uniform in +-1 / sqrt(hidden_size); gates are in PyTorch's order.

    Shape
    -----
    Input (L, N, input_size), (N, L, input_size), (L, input_size) or a PackedSequence; states (num_layers * directions,
    N, hidden_size), without N for an input without it; output like the input, with directions * hidden_size as its last
    size.

    Raises
    ------
    ValueError
        A size is not positive, `dropout` is not in [0, 1], or dtypes of input and weights differ.
    RuntimeError
        The input's or a state's shape does not fit.

    Examples
    --------
    >>> layer = nn.RNNBase("GRU", 3, 4)
    >>> sorted(name for name, _ in layer.named_parameters())
    ['bias_hh_l0', 'bias_ih_l0', 'weight_hh_l0', 'weight_ih_l0']
    """

    def __init__(self, mode, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, proj_size=0, device=None, dtype=None):
        super().__init__()
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element "
                             "being zeroed")
        if dropout > 0 and num_layers == 1:
            warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                          f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                          stacklevel=3)
        _check_type("bias", bias, bool)
        _check_type("batch_first", batch_first, bool)
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if name != "num_layers":
                _check_type(name, value, int)
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights = []
        rows, out, directions = GATES[mode] * hidden_size, proj_size or hidden_size, 1 + bool(bidirectional)
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                shapes = {"weight_ih": (rows, out * directions if layer else input_size), "weight_hh": (rows, out)}
                if bias:
                    shapes.update(bias_ih=(rows,), bias_hh=(rows,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(list(names))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values.

        Examples
        --------
        >>> layer = nn.GRU(2, 2)
        >>> layer.reset_parameters()
        """
        _uniform(self)

    def flatten_parameters(self):
        """Accepted, without effect: kernels read the parameters where they are.

        Examples
        --------
        >>> nn.GRU(2, 2).flatten_parameters()
        """

    @property
    def all_weights(self):
        """The parameters of each layer and direction, as a list of lists."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name) for name in self._flat_weights_names]

    def check_input(self, input, batch_sizes):
        """Raise an error if an input does not fit the layer.

        Parameters
        ----------
        input : Tensor
        batch_sizes : ndarray or None
            Those of a PackedSequence.

        Examples
        --------
        >>> nn.GRU(2, 2).check_input(fastnn.ones(4, 3, 2), None)
        """
        weight = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert "
                             f"input: input.to({weight.dtype}), or convert model: model.to({input.dtype})")
        expected = 3 if batch_sizes is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{input.shape[-1]}")

    def _check_state(self, state, batch, size, what):
        expected = (self.num_layers * (1 + bool(self.bidirectional)), batch, size)
        if tuple(state.shape) != expected:
            raise RuntimeError(f"Expected {what} size {expected}, got {list(state.shape)}")

    def _states(self, hx, dims):
        """(h, c) from what was given as hx, with a batch dimension; None for zeros."""
        if hx is None:
            return None, None
        what = "batched 3-D" if dims == 3 else "unbatched 2-D"
        if self.mode == "LSTM":
            if not isinstance(hx, (tuple, list)) or len(hx) != 2:
                found = f"{len(hx)} of them" if isinstance(hx, (tuple, list)) else type(hx).__name__
                raise TypeError(f"LSTM: expected hx as a pair of tensors (h_0, c_0), got {found}")
            h, c = hx
            need_tensors("LSTM", h, c)
            if h.ndim != dims or c.ndim != dims:
                raise RuntimeError(f"For {what} input, hx and cx should also be {dims}-D but got ({h.ndim}-D, "
                                   f"{c.ndim}-D) tensors")
        else:
            h, c = hx, None
            need_tensors(type(self).__name__, h)
            if h.ndim != dims:
                raise RuntimeError(f"For {what} input, hx should also be {dims}-D but got {h.ndim}-D tensor")
        if dims == 2:
            h, c = h.unsqueeze(1), None if c is None else c.unsqueeze(1)
        return h, c

    def forward(self, input, hx=None):
        packed = isinstance(input, PackedSequence)
        batch_sizes = order = back = None
        batched, batch_dim = True, 0 if self.batch_first else 1
        if packed:
            x, sizes, order, back = input
            batch_sizes = sizes.numpy()
            batch = int(batch_sizes[0])
            h, c = self._states(hx, 3)
        else:
            x = input
            need_tensors(type(self).__name__, x)
            if x.ndim not in (2, 3):
                raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {x.ndim}D instead")
            batched = x.ndim == 3
            if not batched:
                x = x.unsqueeze(batch_dim)
            h, c = self._states(hx, 2 + batched)
            batch = x.shape[batch_dim]
        self.check_input(x, batch_sizes)
        if h is not None:
            self._check_state(h, batch, self.proj_size or self.hidden_size, "hidden[0]" if c is not None else "hidden")
        if c is not None:
            self._check_state(c, batch, self.hidden_size, "hidden[1]")
        if order is not None:
            h, c = [None if state is None else state.index_select(1, order) for state in (h, c)]
        y, h, c = self._layers(x, h, c, batch_sizes)
        if back is not None:
            h, c = [None if state is None else state.index_select(1, back) for state in (h, c)]
        if not batched:
            y, h, c = y.squeeze(batch_dim), h.squeeze(1), None if c is None else c.squeeze(1)
        if packed:
            y = PackedSequence(y, sizes, order, back)
        return y, (h, c) if self.mode == "LSTM" else h

    def _layers(self, x, h, c, batch_sizes):
        return stacked(self.mode.lower(), x, self.all_weights, h, c, batch_sizes, self.batch_first, self.num_layers,
                       self.dropout if self.training else 0, bool(self.proj_size))

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False),
                            ("dropout", 0), ("bidirectional", False)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(RNNBase):
    """Elman network over sequences: h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or with relu.

    ``RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None)``; ``forward(input, h0=None)`` returns ``(output, hn)``. Same as
    torch.nn.RNN.

    Parameters
    ----------
    nonlinearity : {"tanh", "relu"}
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        As in `RNNBase`, shapes too.

    Examples
    --------
    >>> output, hn = nn.RNN(3, 4)(fastnn.zeros(5, 2, 3))
    >>> output.shape, hn.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory over sequences (Hochreiter & Schmidhuber 1997).

    With z = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh in four parts i, f, g, o and s the sigmoid:
    c_t = s(f) c_(t-1) + s(i) tanh(g), h_t = s(o) tanh(c_t). Same as torch.nn.LSTM.

    ``LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    proj_size=0, device=None, dtype=None)``; ``forward(input, (h0, c0)=None)`` returns ``(output, (hn, cn))``.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        As in `RNNBase`, shapes too.

    Examples
    --------
    >>> output, (hn, cn) = nn.LSTM(3, 4, num_layers=2, bidirectional=True)(fastnn.zeros(5, 2, 3))
    >>> output.shape, hn.shape, cn.shape
    (torch.Size([5, 2, 8]), torch.Size([4, 2, 4]), torch.Size([4, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units over sequences (Cho et al. 2014).

    With a = W_ih x_t + b_ih and b = W_hh h_(t-1) + b_hh in three parts r, z, n and s the sigmoid: r = s(a_r + b_r),
    z = s(a_z + b_z), n = tanh(a_n + r b_n), h_t = (1 - z) n + z h_(t-1). Same as torch.nn.GRU.

    ``GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    device=None, dtype=None)``; ``forward(input, h0=None)`` returns ``(output, hn)``.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        As in `RNNBase`, shapes too.

    Examples
    --------
    >>> output, hn = nn.GRU(3, 4, batch_first=True)(fastnn.zeros(2, 5, 3))
    >>> output.shape, hn.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """Base of the cells, which compute one step of a layer.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    num_chunks : int
        Number of gates: rows of the weights are ``num_chunks * hidden_size``.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Shape
    -----
    Input (N, input_size) or (input_size,), states (N, hidden_size) or (hidden_size,).

    Examples
    --------
    >>> nn.RNNCellBase(3, 4, True, 4).weight_ih.shape
    torch.Size([16, 3])
    """

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values.

        Examples
        --------
        >>> cell = nn.GRUCell(2, 2)
        >>> cell.reset_parameters()
        """
        _uniform(self)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _step(self, mode, input, states, names):
        kind = type(self).__name__
        need_tensors(kind, input, *[state for state in states if state is not None])
        if input.ndim not in (1, 2):
            raise ValueError(f"{kind}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for state, name in zip(states, names, strict=True):
            if state is not None and state.ndim not in (1, 2):
                raise ValueError(f"{kind}: Expected {name} to be 1D or 2D, got {state.ndim}D instead")
        batched = input.ndim == 2
        if not batched:
            input = input.unsqueeze(0)
            states = [None if state is None else state.unsqueeze(0) for state in states]
        if input.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {self.input_size}")
        for i, state in enumerate(states):
            if state is None:
                continue
            if state.shape[0] != input.shape[0]:
                raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size "
                                   f"{state.shape[0]}")
            if state.shape[1] != self.hidden_size:
                raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {state.shape[1]}, expected "
                                   f"{self.hidden_size}")
        weights = [self.weight_ih, self.weight_hh] + ([self.bias_ih, self.bias_hh] if self.bias else [])
        h, c = recurrent_cell(mode, input, weights, *states)
        if not batched:
            h, c = h.squeeze(0), None if c is None else c.squeeze(0)
        return h, c


class RNNCell(RNNCellBase):
    """One step of `RNN`: ``forward(input, h=None)`` returns the new h.

    Same as torch.nn.RNNCell.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
        Default True.
    nonlinearity : {"tanh", "relu"}
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Examples
    --------
    >>> nn.RNNCell(3, 4)(fastnn.zeros(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"rnn_{self.nonlinearity}", input, [hx], ["hidden"])[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: ``forward(input, (h, c)=None)`` returns the new (h, c).

    Same as torch.nn.LSTMCell.

    Parameters
    ----------
    input_size, hidden_size, bias, device, dtype
        As in `RNNCell`.

    Examples
    --------
    >>> h, c = nn.LSTMCell(3, 4)(fastnn.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input, hx=None):
        return self._step("lstm", input, list(hx) if hx is not None else [None, None], ["hx[0]", "hx[1]"])


class GRUCell(RNNCellBase):
    """One step of `GRU`: ``forward(input, h=None)`` returns the new h.

    Same as torch.nn.GRUCell.

    Parameters
    ----------
    input_size, hidden_size, bias, device, dtype
        As in `RNNCell`.

    Examples
    --------
    >>> nn.GRUCell(3, 4)(fastnn.zeros(3)).shape
    torch.Size([4])
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input, hx=None):
        return self._step("gru", input, [hx], ["hidden"])[0]
