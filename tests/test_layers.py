"""Small layers as users see them: parameter containers, padding, shuffles, random activations, refusals."""
from collections import OrderedDict

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F


def test_parameter_list():
    weights = nn.ParameterList([nn.Parameter(fastnn.ones(2, 3)), fastnn.zeros(4)])
    weights.append(nn.Parameter(fastnn.ones(1)))
    weights += [fastnn.ones(2)]
    assert len(weights) == 4 and [tuple(w.shape) for w in weights] == [(2, 3), (4,), (1,), (2,)]
    assert all(isinstance(w, nn.Parameter) for w in weights) and len(list(weights.parameters())) == 4
    assert list(weights.state_dict()) == ["0", "1", "2", "3"]
    weights[-1] = fastnn.ones(7)
    assert weights[3].shape == (7,) and len(weights[1:3]) == 2 and isinstance(weights[1:3], nn.ParameterList)
    for wrong in (lambda: weights[4], lambda: weights[-5]):
        with pytest.raises(IndexError, match="out of range"):
            wrong()
    with pytest.raises(TypeError, match="should be called with an iterable"):
        weights.extend(fastnn.ones(3))
    with pytest.raises(RuntimeError, match="should not be called"):
        weights()


def test_parameter_dict():
    weights = nn.ParameterDict({"b": fastnn.ones(2), "a": fastnn.zeros(3)})
    assert list(weights) == ["a", "b"]  # as PyTorch sorts a plain dict
    assert list(nn.ParameterDict(OrderedDict(b=fastnn.ones(2), a=fastnn.zeros(3)))) == ["b", "a"]
    weights["c"] = fastnn.ones(1)
    assert isinstance(weights["c"], nn.Parameter) and "c" in weights and len(weights) == 3
    assert list(weights.state_dict()) == ["a", "b", "c"]
    assert weights.pop("c").shape == (1,) and weights.get("c") is None
    assert weights.setdefault("d", fastnn.ones(5)).shape == (5,)
    assert weights.popitem()[0] == "d" and list(weights.keys()) == ["a", "b"]
    both = weights | {"z": fastnn.ones(1)}
    assert list(both) == ["a", "b", "z"] and both["a"] is weights["a"]
    assert [tuple(v.shape) for v in both.values()] == [(3,), (2,), (1,)]
    weights.clear()
    assert not list(weights.parameters()) and len(weights) == 0
    with pytest.raises(TypeError, match="not a string"):
        weights[1] = fastnn.ones(1)
    with pytest.raises(ValueError, match="has length 3"):
        weights.update([(1, 2, 3)])
    with pytest.raises(KeyError):
        weights.popitem()


@pytest.mark.torch
def test_parameter_containers_print_as_pytorch_does():
    torch = pytest.importorskip("torch")
    texts = []
    for library in (fastnn, torch):
        values = [library.nn.Parameter(library.ones(2, 3)), "text"]
        texts.append((repr(library.nn.ParameterList(values)),
                      repr(library.nn.ParameterDict({"a": values[0], "b": values[1]}))))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind,mode", [("Reflection", "reflect"), ("Replication", "edge"), ("Circular", "wrap"),
                                       ("Zero", "constant")])
@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_padding_is_numpy_s(kind, mode, spatial):
    layer = getattr(nn, f"{kind}Pad{spatial}d")((1, 2) * spatial)
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6)[:2 + spatial])
    expected = np.pad(x, [(0, 0), (0, 0)] + [(1, 2)] * spatial, mode)
    np.testing.assert_array_equal(layer(fastnn.from_numpy(x)).numpy(), expected)
    np.testing.assert_array_equal(layer(fastnn.from_numpy(x[0])).numpy(), expected[0])
    assert repr(layer) == f"{kind}Pad{spatial}d({(1, 2) * spatial})"
    with pytest.raises(ValueError, match="expected padding of"):
        type(layer)((1,))


def test_channel_shuffle():
    x = fastnn.arange(8).reshape(1, 8, 1)
    assert nn.ChannelShuffle(2)(x).flatten().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    with pytest.raises(RuntimeError, match="divisible by groups"):
        nn.ChannelShuffle(3)(x)


def test_random_leaky_relu():
    fastnn.manual_seed(0)
    x = fastnn.full((1000,), -1.0, requires_grad=True)
    layer = nn.RReLU()
    y = layer(x)
    y.sum().backward()
    slopes = -y.detach().numpy()
    assert 0.125 <= slopes.min() < 0.14 and 0.32 < slopes.max() <= 1 / 3
    np.testing.assert_array_equal(x.grad.numpy(), slopes)
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), -(1 / 8 + 1 / 3) / 2, rtol=1e-6)
    assert repr(layer) == "RReLU(lower=0.125, upper=0.3333333333333333)"


def test_gumbel_softmax():
    fastnn.manual_seed(0)
    logits = fastnn.zeros(500, 4, requires_grad=True)
    y = F.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(y.detach().sum(1).numpy(), 1, rtol=1e-6)
    assert ((abs(y.detach()) < 1e-6) | (abs(y.detach() - 1) < 1e-6)).all() and 60 < float(y.detach().sum(0).min())
    (y * fastnn.arange(4)).sum().backward()
    assert (logits.grad != 0).any()


def test_functions_of_the_top_level():
    x = fastnn.randn(3, 4)
    assert (fastnn.pdist(x) == F.pdist(x)).all() and fastnn.pdist(x).shape == (3,)
    assert fastnn.dropout(x, 0.5, False) is x and (fastnn.selu(x) == F.selu(x)).all()
    with pytest.raises(RuntimeError, match="only supports 2D"):
        F.pdist(x[0])


def test_deprecated_reduction_flags_warn():
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none'"):
        assert F.l1_loss(fastnn.ones(3), fastnn.zeros(3), reduce=False).shape == (3,)
