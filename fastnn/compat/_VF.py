"""``torch._VF``: recurrent networks as functions of their weights, which libraries over PyTorch call."""
from fastnn.nn.modules.rnn import stacked
from fastnn.nn.utils.rnn import PackedSequence


def _run(mode, name, input, h, c, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):  # noqa: A002
    if isinstance(input, PackedSequence) or not isinstance(batch_first, bool):
        raise NotImplementedError(f"_VF.{name}: packed sequences are not implemented; nn.{mode.upper()} takes them")
    directions = 1 + bool(bidirectional)
    each = len(params) // (num_layers * directions)
    if each * num_layers * directions != len(params) or each < (4 if has_biases else 2):
        raise RuntimeError(f"_VF.{name}: expected {4 if has_biases else 2} weights for each of {num_layers} layers and "
                           f"{directions} directions, got {len(params)}")
    weights = [list(params[i:i + each]) for i in range(0, len(params), each)]
    return stacked(mode, input, weights, h, c, None, batch_first, num_layers, dropout if train else 0,
                   each == (5 if has_biases else 3))


def lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):  # noqa: A002
    """(output, h, c) of LSTM layers; arguments in PyTorch's order, `params` as ``nn.LSTM._flat_weights``."""
    return _run("lstm", "lstm", input, *hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)


def _of_one_state(mode, name):
    def function(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):  # noqa: A002
        return _run(mode, name, input, hx, None, params, has_biases, num_layers, dropout, train, bidirectional,
                    batch_first)[:2]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"(output, h) of {name} layers; see `lstm`."
    return function


gru = _of_one_state("gru", "gru")
rnn_tanh = _of_one_state("rnn_tanh", "rnn_tanh")
rnn_relu = _of_one_state("rnn_relu", "rnn_relu")
