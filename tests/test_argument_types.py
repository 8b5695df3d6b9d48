"""Arguments of wrong types: PyTorch's TypeError, which names the argument, whatever would fail first inside."""
import pytest

import fastnn
from fastnn import nn
from fastnn.ops import arguments
from fastnn.ops._function import Function
from fastnn.ops.declare import HOMES

X = fastnn.ones(2, 3)
V = fastnn.ones(2)


@pytest.mark.parametrize("call, message", [
    (lambda: fastnn.addr(None, V, V), r"addr\(\): argument 'input' \(position 1\) must be Tensor, not NoneType"),
    (lambda: X.inner("a"), r"inner\(\): argument 'other' \(position 1\) must be Tensor, not str"),
    (lambda: fastnn.outer(V, other=2), "unexpected keyword argument"),
    (lambda: fastnn.kron(V, [1.0]), r"argument 'other' \(position 2\) must be Tensor, not list"),
    (lambda: X.expand_as(3), "argument 'other'"), (lambda: X.view_as({}), "argument 'other'"),
    (lambda: X.reshape_as(2.0), "argument 'other'"), (lambda: X.clamp("a"), "argument 'min'"),
    (lambda: fastnn.bmm(X, object()), "argument 'mat2'"), (lambda: fastnn.cdist(X, 1j), "argument 'x2'.*not complex"),
    (lambda: X.sum(0, keepdim="yes"), "argument 'keepdim' must be bool, not str"),
    (lambda: X.sum(0, keepdim=object()), "argument 'keepdim' must be bool, not object"),
    (lambda: X.argmax(keepdim=V), "argument 'keepdim' must be bool, not Tensor"),
    (lambda: X.softmax(True), r"argument 'dim' \(position 1\) must be int, not bool"),
    (lambda: X.flatten(0, 1.0), r"argument 'end_dim' \(position 2\) must be int, not float"),
    (lambda: X.mean(dim=[0.5]), "argument 'dim'.*tuple of ints, but found element of type float at pos 0"),
    (lambda: X.permute(1, "a"), "argument 'dims'.*must be int, not str"),
    (lambda: X.hypot_(None), r"hypot_\(\): argument 'other' \(position 1\) must be Tensor, not NoneType"),
    (lambda: X.amax((0.2, 1)), "float at pos 0"),
    (lambda: fastnn.abs(V, out=1j), "argument 'out' must be Tensor, not complex")])
def test_type_errors_name_the_argument(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("call, message", [
    (lambda: nn.Sequential(nn.LSTM(3, 4), nn.Linear(4, 2))(X), r"linear\(\): argument 'input'.*not tuple"),
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU())([1.0]), r"linear\(\): argument 'input'.*not list"),
    (lambda: nn.Conv1d(2, 3, 1)([1.0]), r"conv1d\(\): argument 'input'"),
    (lambda: nn.Softmax(0)([1.0]), r"softmax\(\): argument 'input'"),
    (lambda: nn.LSTM(3, 4)(X, fastnn.zeros(1, 4)), r"LSTM: expected hx as a pair of tensors \(h_0, c_0\), got Tensor"),
    (lambda: nn.Linear("3", 4), "Linear: expected in_features to be an integer, got '3'"),
    (lambda: nn.Embedding(3, 4.0), "Embedding: expected embedding_dim to be an integer, got 4.0"),
    (lambda: nn.Conv2d(1, None, 3), "Conv2d: expected out_channels to be an integer, got None"),
    (lambda: nn.BatchNorm1d(3.0), "BatchNorm1d: expected num_features to be an integer"),
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU), r"fastnn\.nn\.modules\..*ReLU is not a Module subclass"),
    (lambda: X.to(float.__base__), "got the class object"),
    (lambda: fastnn.randint(10), "missing its argument 'size'")])
def test_mistakes_with_layers_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def functionals():
    """(name, parameter, whether it is the first) of nn.functional whose documents say its type."""
    for name, function in sorted(vars(nn.functional).items()):
        if isinstance(function, Function) and name[0] != "_":
            positional, _, taken = arguments.described(function.__wrapped__)
            for parameter in positional:
                allowed = taken[parameter]
                if not allowed & arguments.OTHER and allowed & arguments.ANY >> 1 != arguments.ANY >> 1 \
                        and (name, parameter) != ("gumbel_softmax", "eps"):  # without effect
                    yield name, parameter, parameter == positional[0]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_functions_of_networks_name_the_argument():
    found = list(functionals())
    assert len(found) > 400
    for name, parameter, first in found:
        with pytest.raises(TypeError, match=rf"{name}\(\): argument '{parameter}'.* must be .*, not object"):
            getattr(nn.functional, name)(*() if first else (X,), **{parameter: object()})


def test_what_stands_for_a_type():
    """NumPy's numbers, tensors of one element, subclasses of what is asked for."""
    import numpy as np
    assert X.sum(np.int64(0), keepdim=np.True_).shape == (1, 3)
    assert X.sum(dim=[fastnn.tensor(0)]).shape == (3,)
    assert X.view(fastnn.Size((3, 2))).shape == (3, 2)
    with pytest.raises(IndexError):
        X.sum(5)
    with pytest.raises(RuntimeError, match="shape"):
        X.view(4, 4)


def test_every_docstring_is_understood():
    """A parameter with a type in words has bits; most are a type and not anything."""
    found = [arguments.bits(text)[0] for home in HOMES.values() for declared in home.values()
             if not isinstance(declared.function, property) for text in arguments.words(declared.function).values()]
    assert found and all(found)
    assert sum(kind & arguments.ANY >> 1 == arguments.ANY >> 1 for kind in found) < 0.1 * len(found)
