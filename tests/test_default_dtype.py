"""The default dtype: float16 and bfloat16, whose results are PyTorch's."""
import numpy as np
import pytest

import fastnn
from fastnn import nn

EXPRESSIONS = """
T.zeros(2)
T.full((2,), 1.5)
T.full((2,), 1)
T.tensor(1.5)
T.tensor([1.0, 2])
T.tensor([1, 2])
T.tensor(np.ones(2, np.float32))
T.Tensor([1, 2])
T.empty(2, 0)
T.arange(0, 1, 0.3)
T.arange(3)
T.linspace(0, 1, 3)
T.logspace(0, 1, 3)
T.eye(2)
T.rand(3)
T.randn(3)
T.hann_window(4).new_zeros(1)
T.fft.fftfreq(4)
T.tensor([1, 2]) / 3
T.tensor([1, 2]) * 1.3
T.tensor([1, 2]) // 2
T.tensor([1, 2]).sqrt()
T.tensor([1, 2]).float()
T.tensor([1, 2]).to(T.float32)
T.sigmoid(T.tensor([1, 2]))
T.softmax(T.tensor([1.0, 2]).float(), 0)
T.tensor([1, 2]).double() / 3
T.ones(2, dtype=float)
T.nn.Linear(2, 2).weight
T.nn.BatchNorm1d(2).running_var
T.nn.LSTM(2, 2).weight_hh_l0
T.nn.init.xavier_normal_(T.empty(2, 2))
T.distributions.Normal(0.0, 1.0).loc
""".strip().splitlines()


@pytest.fixture(params=["float16", "bfloat16"])
def default(request):
    fastnn.set_default_dtype(getattr(fastnn, request.param))
    yield request.param
    fastnn.set_default_dtype(fastnn.float32)


@pytest.mark.torch
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_results(default, expression):
    torch = pytest.importorskip("torch")
    texts = []
    for T in (torch, fastnn):
        torch.set_default_dtype(getattr(torch, default))
        T.manual_seed(3)
        try:
            made = eval(expression, {"T": T, "np": np}).detach()
            texts.append((str(made.dtype), repr(made).replace("Parameter containing:\n", ""), made.float().tolist()))
        finally:
            torch.set_default_dtype(torch.float32)
    assert texts[0] == texts[1]


def test_layers_compute_in_it(default):
    layer = nn.Linear(3, 2)
    y = layer(fastnn.rand(4, 3))
    y.sum().backward()
    assert y.dtype is layer.weight.grad.dtype is fastnn.get_default_dtype()


def test_float32_comes_back(default):
    fastnn.set_default_dtype(fastnn.float32)
    assert (fastnn.tensor([1, 2]) / 2).dtype is fastnn.zeros(1).dtype is fastnn.float32
    assert fastnn.tensor(1j).dtype is fastnn.complex64


def test_complex_numbers(default):
    if default == "float16":
        assert fastnn.tensor(1j).dtype is fastnn.complex32
    else:
        with pytest.raises(RuntimeError, match="bfloat16"):
            fastnn.tensor(1j)


@pytest.mark.parametrize("name", ["HalfTensor", "torch.BFloat16Tensor"])
def test_tensor_types(name):
    try:
        fastnn.set_default_tensor_type(name)
        assert fastnn.zeros(1).dtype is (fastnn.float16 if "Half" in name else fastnn.bfloat16)
    finally:
        fastnn.set_default_dtype(fastnn.float32)


@pytest.mark.parametrize("kind", ["int64", "complex64", "float8_e4m3fn"])
def test_refused(kind):
    with pytest.raises(TypeError, match=f"bfloat16, got torch.{kind}"):
        fastnn.set_default_dtype(getattr(fastnn, kind))


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_gradients_of_other_dtypes_begin_backward(kind):
    x = fastnn.tensor([1.0, 2], dtype=getattr(fastnn, kind), requires_grad=True)
    y = x.float()
    y.backward(fastnn.tensor([1.5, 2]).to(x.dtype))
    x.clone().backward(fastnn.tensor([1.0, 2]))
    assert x.grad.dtype is x.dtype and x.grad.tolist() == [2.5, 4]
