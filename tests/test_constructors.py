"""New tensors from Python's and NumPy's numbers: values, dtypes and errors beside PyTorch, one call a line."""
import builtins

import numpy as np
import pytest

import fastnn

CALLS = """
T.tensor(0.1, dtype=T.float64)
T.tensor([16777217.], dtype=T.int64)
T.tensor([2**62+1, 1.0], dtype=T.int64)
T.tensor([2**63])
T.tensor([2**63], dtype=T.float64)
T.tensor(2**63)
T.tensor(2**64, dtype=T.float32)
T.tensor([300], dtype=T.uint8)
T.tensor([-1], dtype=T.uint8)
T.tensor([1.9, -1.9], dtype=T.int32)
T.tensor(float('nan'), dtype=T.int64)
T.tensor([float('inf')], dtype=T.int32)
T.tensor(1e300)
T.tensor(1e6, dtype=T.float16)
T.tensor([1e300], dtype=T.float32)
T.tensor([True, 1])
T.tensor([True, 2.5])
T.tensor([np.float64(.1)])
T.tensor([np.float64(.1), .1])
T.tensor([np.float32(.1), .1])
T.tensor([np.float32(.1), 1])
T.tensor([np.float16(.1), .1])
T.tensor([np.int32(1)])
T.tensor([np.int32(1), 1])
T.tensor([np.uint8(1), np.int8(1)])
T.tensor([np.bool_(True)])
T.tensor(np.float64(.1))
T.tensor(np.int32(3))
T.tensor(np.bool_(True))
T.tensor([np.array([1., 2.]), np.array([1., 2.])])
T.tensor([np.array([1, 2], dtype=np.int32), [3, 4]])
T.tensor([T.tensor(1), T.tensor(2)])
T.tensor([T.tensor(1., dtype=T.float64), 2.])
T.tensor([T.tensor(1), 2.])
T.tensor([T.tensor([1]), T.tensor([2])])
T.tensor([T.tensor([1, 2]), T.tensor([2, 3])])
T.tensor([])
T.tensor([[]])
T.tensor([[], []], dtype=T.int64)
T.tensor(range(3))
T.tensor((1, 2))
T.tensor([[1, 2], [3]])
T.tensor([None])
T.tensor(None)
T.tensor({})
T.tensor({1, 2})
T.tensor("a")
T.tensor([1, "a"])
T.tensor(b"ab")
T.tensor([0.1], dtype=float)
T.tensor([0.1], dtype=int)
T.tensor([0, 2], dtype=bool)
T.tensor([0.1], dtype=bool)
T.tensor([float('nan')], dtype=bool)
T.zeros(2, dtype=float)
T.ones(2).to(float)
T.full((2, ), np.int64(3))
T.full((2, ), np.int32(3))
T.full((2, ), np.float64(3))
T.full((2, ), np.float32(3))
T.full((2, ), np.bool_(True))
T.full((2, ), True)
T.full((2, ), 3)
T.full((2, ), T.tensor(3))
T.full((2, ), T.tensor(3., dtype=T.float64))
T.full((2, ), T.tensor(3, dtype=T.int32))
T.full((2, ), T.tensor(True))
T.full((2, ), 2**62+1)
T.full((2, ), 300, dtype=T.uint8)
T.full((2, ), -1, dtype=T.uint8)
T.full((2, ), 1e6, dtype=T.float16)
T.full((2, ), 1e300)
T.full((2, ), 1e300, dtype=T.float64)
T.full((2, ), float('inf'), dtype=T.float16)
T.full((2, ), 2.7, dtype=T.int64)
T.full((2, ), -2.7, dtype=T.int64)
T.full((2, ), float('nan'), dtype=T.int64)
T.full((2, ), 0.1, dtype=T.float64)
T.full((2, ), 2, dtype=T.bool)
T.full((2, ), 0.5, dtype=T.bool)
T.full_like(T.ones(2, dtype=T.int32), 2.7)
T.full_like(T.ones(2, dtype=T.int8), 300)
T.full_like(T.ones(2, dtype=T.float64), 0.1)
T.ones(2, dtype=T.float64).new_full((2, ), 0.1)
T.ones(2, dtype=T.float64).new_tensor(0.1)
T.ones(2, dtype=T.float64).new_tensor([0.1])
T.ones(2, dtype=T.int64).new_tensor([0.1])
T.ones(2, dtype=T.float64).fill_(0.1)
T.ones(2, dtype=T.int8).fill_(300)
T.ones(2, dtype=T.int8).fill_(2.7)
T.ones(2, dtype=T.uint8).fill_(-1)
T.ones(2, dtype=T.float16).fill_(1e6)
T.ones(2, dtype=T.int64).fill_(2**62+1)
T.ones(2, dtype=T.float32).fill_(1e300)
T.scalar_tensor(0.1, dtype=T.float64)
T.scalar_tensor(3)
T.scalar_tensor(True)
T.scalar_tensor(2**62+1, dtype=T.int64)
T.as_tensor(0.1, dtype=T.float64)
T.as_tensor([0.1], dtype=T.float64)
T.as_tensor(np.float64(.1))
T.as_tensor([np.float64(.1)])
T.asarray(0.1)
T.asarray([0.1], dtype=T.float64)
T.asarray(np.float64(.1))
T.asarray([True, False])
T.Tensor([16777217.])
T.Tensor([2**62+1])
T.Tensor([np.float64(.1)])
T.DoubleTensor([0.1])
T.LongTensor([2**62+1])
T.LongTensor([1.5])
T.arange(0, 1, 0.1, dtype=T.float64)
T.arange(0.1, 1, 0.3)
T.arange(np.float64(.1), 1, .3)
T.arange(np.int64(3))
T.arange(2**62, 2**62+3)
T.arange(2**62+1., 2**62+3)
T.arange(3.)
T.arange(3, dtype=T.float16)
T.arange(True)
T.arange(T.tensor(3))
T.arange(T.tensor(3., dtype=T.float64))
T.arange(0, 5, 2.5, dtype=T.int64)
T.arange(0.5, 3.5, 1, dtype=T.int64)
T.arange(5, dtype=T.uint8)
T.arange(300, 302, dtype=T.uint8)
T.arange(-1, 1, dtype=T.uint8)
T.arange(3, dtype=T.bool)
T.linspace(0.1, 0.3, 3, dtype=T.float64)
T.linspace(0, 1, 3, dtype=T.float16)
T.linspace(0, 2**53+1, 3, dtype=T.int64)
T.linspace(np.float64(0), 1, 3)
T.linspace(0, 1, np.int64(3))
T.linspace(0, 1, T.tensor(3))
T.logspace(0.1, 0.3, 3, dtype=T.float64)
T.logspace(0, 2, 3, 2, dtype=T.int64)
T.logspace(0, 2, 3, dtype=T.float16)
T.eye(2, dtype=float)
T.zeros(2).masked_fill(T.tensor([True, False]), np.float64(.1))
T.zeros(2, dtype=T.float64).masked_fill(T.tensor([True, False]), 0.1)
T.where(T.tensor([True]), 0.1, T.zeros(1, dtype=T.float64))
T.where(T.tensor([True]), 0.1, T.zeros(1))
T.where(T.tensor([True]), 0.1, 0.2)
T.where(T.tensor([True]), 1, 2)
T.where(T.tensor([True]), 2**62+1, T.zeros(1, dtype=T.int64))
T.where(T.tensor([True]), 1, T.zeros(1, dtype=T.int8))
T.zeros(2, dtype=T.float64).index_fill(0, T.tensor([0]), 0.1)
T.zeros(2, dtype=T.float64).scatter(0, T.tensor([0]), 0.1)
T.zeros(2, dtype=T.int64).scatter(0, T.tensor([0]), 2**62+1)
T.nn.functional.pad(T.zeros(1, dtype=T.float64), (1, 1), value=0.1)
T.zeros(1, dtype=T.float64).clamp(0.1)
T.zeros(1, dtype=T.int64).clamp(2**62+1)
T.zeros(1, dtype=T.int64)+(2**62+1)
T.zeros(1, dtype=T.int64).add(1, alpha=2**62+1)
T.zeros(1, dtype=T.int64)-(2**62+1)
T.ones(1, dtype=T.int64)*(2**62+1)
T.zeros(1)+np.float64(.1)
T.zeros(1)*np.float64(.1)
np.float64(.1)*T.ones(1)
T.zeros(1, dtype=T.int64)+np.float64(.5)
T.zeros(1, dtype=T.int32)+np.int64(5)
T.zeros((), dtype=T.int32)+np.int64(5)
T.zeros((), dtype=T.float32)+np.float64(5)
T.result_type(T.zeros(1), np.float64(1))
T.isin(T.tensor([0.1], dtype=T.float64), 0.1)
T.searchsorted(T.tensor([0.1, 0.2], dtype=T.float64), 0.1)
T.bucketize(0.1, T.tensor([0.1, 0.2], dtype=T.float64))
T.quantile(T.tensor([0., 1.], dtype=T.float64), 0.1)
T.lerp(T.zeros(1, dtype=T.float64), T.ones(1, dtype=T.float64), 0.1)
T.tensor([1., 2.], dtype=T.float64).pow(0.1)
T.pow(0.1, T.ones(1, dtype=T.float64))
T.tensor([2**62+1]).eq(2**62+1)
T.tensor([2**62+1]).gt(2**62)
T.tensor([1.], dtype=T.float64).eq(1+1e-12)
T.tensor([0.1]).eq(0.1)
T.tensor([0.1])<0.1
T.tensor([True]).eq(2)
T.tensor([1, 2], dtype=T.uint8)<300
T.maximum(T.tensor([1], dtype=T.int64), T.tensor(2**62+1))
T.nan_to_num(T.tensor([float('nan')], dtype=T.float64), nan=0.1)
T.tensor([1, 2]).float().dtype
T.tensor(3).new_tensor([1.5])
T.zeros(2, 3).new_zeros(2, dtype=float)
T.tensor([1.5]).type(float)
T.tensor([1.5]).sum(dtype=float)
T.tensor([[1, 2], [3, 4]], dtype=T.float16)
T.heaviside(T.zeros(1, dtype=T.float64), T.tensor([0.1], dtype=T.float64))
T.tensor([1, 2, 3]).cumsum(0, dtype=float)
T.tensor(T.tensor([1.5, 2.5]), dtype=T.int64)
T.tensor(np.array([1.5, 2.5]), dtype=T.int64)
T.tensor(np.array([300, -1]), dtype=T.uint8)
T.zeros(2).normal_(0., 1.).dtype
T.zeros(np.int64(2))
T.zeros((np.int64(2), 3))
T.zeros(T.tensor(2))
T.zeros(2.0)
T.zeros((2, 2.5))
T.zeros("2")
T.zeros([])
T.ones(())
T.zeros(-1)
T.empty(2, -3)
T.eye(np.int64(2))
T.eye(2.5)
T.eye(-1)
T.eye(2, dtype=T.bool)
T.linspace(0, 1, -1)
T.linspace(0, 1, 2.5)
T.linspace(0, 1, 0)
T.arange(0, 3, 0)
T.arange(3, 0)
T.arange(0, float('nan'))
T.arange(0, float('inf'))
T.tensor(1.5).item()
T.tensor([T.tensor(1.5), T.tensor([1.5])])
""".strip().split("\n")


def outcome(call, library):
    try:
        made = eval(call, {"T": library, "np": np})
    except Exception as error:  # compared by its class
        return type(error)
    return (str(made.dtype), tuple(made.shape), repr(made.tolist())) if hasattr(made, "tolist") else repr(made)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
def test_beside_pytorch(call):
    torch = pytest.importorskip("torch")
    expected, found = outcome(call, torch), outcome(call, fastnn)
    if isinstance(expected, type):
        assert isinstance(found, type) and issubclass(found, expected), (found, expected)
    else:
        assert found == expected


def test_numbers_keep_what_their_dtype_holds():
    """Without PyTorch: nothing passes through the default dtype."""
    f64, i64 = fastnn.float64, fastnn.int64
    for made in (fastnn.tensor(0.1, dtype=f64), fastnn.tensor([0.1], dtype=f64), fastnn.full((1,), 0.1, dtype=f64),
                 fastnn.as_tensor(0.1, dtype=f64), fastnn.scalar_tensor(0.1, dtype=f64), fastnn.tensor(np.float64(0.1)),
                 fastnn.tensor([np.float64(0.1)]), fastnn.zeros(1, dtype=f64).new_tensor(0.1),
                 fastnn.DoubleTensor([0.1]), fastnn.tensor([0.1], dtype=float)):
        assert made.dtype is f64 and made.item() == 0.1
    assert fastnn.tensor(1e300, dtype=f64).item() == 1e300
    assert fastnn.tensor([2 ** 62 + 1, 1.0], dtype=i64).tolist() == [2 ** 62 + 1, 1]
    assert fastnn.full((2,), np.int64(3)).dtype is i64
    with pytest.raises(RuntimeError, match="overflow"):
        fastnn.full((2,), 1e300)


def test_large_lists_are_read_once():
    rows = [[float(i) for i in range(200)] for _ in range(300)]
    assert fastnn.tensor(rows).shape == (300, 200)
    assert fastnn.tensor([builtins.tuple(row) for row in rows]).sum().item() == 300 * 199 * 100


@pytest.mark.torch
@pytest.mark.parametrize("args", [
    ("cuda",), ("cuda:1",), ("cuda", 1), ("meta",), ("mps",), ("cpu:0",), ("cpu",), ("foo",), ("cuda:x",), ("cuda:01",),
    ("",), ("cpu", -1), ("cuda:0", 0), (1,), (2.5,), ("cpu", True), ("privateuseone",)])
def test_devices_are_values(args):
    torch = pytest.importorskip("torch")
    try:
        expected = torch.device(*args)
    except (RuntimeError, TypeError) as error:
        with pytest.raises(type(error)):
            fastnn.device(*args)
        return
    found = fastnn.device(*args)
    assert (found.type, found.index, str(found), repr(found)) == (expected.type, expected.index, str(expected),
                                                                  repr(expected))
    for other in (("cuda",), ("cuda:1",), ("cpu",), ("cpu:0",)):
        assert (found == fastnn.device(*other)) is (expected == torch.device(*other))
    assert fastnn.device(found) == found and hash(fastnn.device(*args)) == hash(found)


@pytest.mark.parametrize("where", ["cuda", "mps:0"])
def test_only_computing_elsewhere_fails(where):
    place = fastnn.device(where)
    for call in (lambda: fastnn.zeros(2, device=place), lambda: fastnn.tensor([1.0], device=where),
                 lambda: fastnn.ones(2).to(place), lambda: fastnn.nn.Linear(2, 2).to(place),
                 lambda: fastnn.ones(2).new_zeros(2, device=place), lambda: fastnn.nn.Linear(2, 2, device=where)):
        with pytest.raises(RuntimeError, match="CPU"):
            call()
    with fastnn.device("cpu"):
        assert fastnn.zeros(2).device == fastnn.device("cpu")
