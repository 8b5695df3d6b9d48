"""Views by sizes, strides and offsets that the caller gives: within the memory, or refused as PyTorch refuses them."""
import re

import numpy as np
import pytest

import fastnn

N = 1000
HUGE = (2 ** 62, 2 ** 63 - 1)
# size, stride, storage_offset: what leaves the memory of N elements, and what says nothing
REFUSED = [((N,), (1,), -1), ((N + 1,), (1,), 0), ((N,), (1,), 1), ((10,), (-1,), N - 1), ((10,), (1,), 2 ** 62),
           ((2 ** 40,), (1,), 0), ((2, 2 ** 62), (2 ** 62, 4), 0), ((-1,), (1,), 0), ((0,), (1,), -1),
           ((0,), (-1,), 0), ((2, 3), (1,), 0), ((), (), N), ((), (), -1), ((3, 400), (400, 1), 0),
           ((1,), (2 ** 62,), N), *(((2,), (step,), 0) for step in HUGE), *(((2,), (1,), at) for at in HUGE)]
NO_NUMBERS = [((1.5,), (1,), 0), ((True,), (1,), 0), ((2,), (1.0,), 0), ((2,), (1,), 1.5), (2, 1, 0), ((2,), 1, 0),
              ((2 ** 64,), (1,), 0), ((2,), (2 ** 64,), 0), (("2",), (1,), 0)]
FUNCTIONS = [lambda x, *given: x.as_strided(*given), lambda x, *given: x.as_strided_(*given),
             lambda x, *given: fastnn.as_strided(x, *given)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["method", "in place", "function"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "float16"])
def test_as_strided_stays_in_memory(function, dtype):
    memory = np.zeros(N + 64, dtype)
    x = fastnn.from_numpy(memory[32:-32].copy())
    for given in REFUSED:
        with pytest.raises(RuntimeError):
            function(x, *given)
    for given in NO_NUMBERS:
        with pytest.raises(TypeError):
            function(x, *given)
    with pytest.raises(ValueError, match="64 bits"):
        function(x, (2,), (1,), 2 ** 64)
    assert x.shape == (N,) and x.stride() == (1,), "as it was"


@pytest.mark.parametrize("given", [((0,), (1,), 5000), ((1,), (5000,), N - 1), ((), (), N - 1), ((N,), (1,), 0),
                                   ((3, 4), (0, 0), 7), ((2, 3, 4), (500, 20, 3), 50)], ids=str)
def test_as_strided_within_memory(given):
    x = fastnn.arange(float(N))
    offsets = np.full(given[0], float(given[2]))
    for axis, (size, step) in enumerate(zip(*given[:2], strict=True)):
        offsets = offsets + (np.arange(size) * step).reshape([-1 if i == axis else 1 for i in range(len(given[0]))])
    assert (x.as_strided(*given).numpy() == offsets).all()


def test_places_count_from_the_beginning_of_the_memory():
    base = fastnn.arange(12.0)
    part, turned = base[2:], base.reshape(3, 4).t()
    assert part.as_strided((3,), (1,)).tolist() == [2, 3, 4]
    assert part.as_strided((3,), (1,), 0).tolist() == [0, 1, 2]
    assert part.as_strided((12,), (1,), 0).tolist() == base.tolist()
    assert turned.as_strided((2, 2), (1, 4), 1).tolist() == [[1, 5], [2, 6]]
    assert part.as_strided((2,), (3,), 1).storage_offset() == 1
    for x, size in ((part, 11), (turned, 13)):
        with pytest.raises(RuntimeError, match="out of bounds"):
            x.as_strided((size,), (1,))
    part.as_strided((2,), (1,), 0).fill_(-1.0)
    assert base.tolist()[:3] == [-1, -1, 2]


@pytest.mark.torch
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x[1:], lambda x: x.t(), lambda x: x[:, ::2],
                                  lambda x: x[:1].expand(3, 6), lambda x: x[2]], ids=list("abcdef"))
@pytest.mark.parametrize("given", [((3, 2), (2, 1), 4), ((4,), (1,), None), ((3, 3), (0, 1), 7), ((2, 2), (6, 3), 0)],
                         ids=str)
def test_gradients(view, given):
    """Through the memory: to the elements that the input shows, shared among those that show the same."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    values = np.random.default_rng(0).standard_normal((4, 6))
    size, stride, offset = given

    def run(module):
        x = view(module.from_numpy(values.copy())).requires_grad_()
        y = x.as_strided(size, stride, offset)
        (y * module.arange(float(y.numel())).reshape(size)).sum().backward()
        return y.detach().numpy(), x.grad.numpy()
    for ours, theirs in zip(run(fastnn), run(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


# function, arguments, the error
OTHERS = [("unfold", (0, 4, 1), RuntimeError), ("unfold", (0, -1, 1), RuntimeError),
          ("unfold", (0, 2, 0), RuntimeError), ("unfold", (0, 2, -1), RuntimeError),
          ("unfold", (1, 2 ** 63 - 1, 1), RuntimeError),
          ("unfold", (1, 2 ** 64, 1), ValueError), ("unfold", (1, 2, 2 ** 64), ValueError),
          ("unfold", (5, 1, 1), IndexError), ("unfold", (1, 1.5, 1), TypeError),
          ("narrow", (0, 0, 4), RuntimeError), ("narrow", (0, -4, 1), IndexError), ("narrow", (0, 3, 1), RuntimeError),
          ("narrow", (0, 4, 0), IndexError), ("narrow", (0, 0, -1), RuntimeError),
          ("narrow", (0, 2, 2 ** 62), RuntimeError), ("narrow", (0, 2 ** 62, 2), IndexError),
          ("narrow", (0, -3, 4), RuntimeError), ("narrow", (0, 2 ** 64, 1), ValueError),
          ("narrow", (0, 1.5, 1), TypeError), ("narrow", (0, 1, 1.0), TypeError),
          ("select", (0, 3), IndexError), ("select", (0, -4), IndexError), ("select", (0, 2 ** 62), IndexError),
          ("select", (0, 2 ** 64), ValueError), ("select", (0, 1.5), TypeError),
          ("expand", (3, 4, 5), RuntimeError), ("expand", (2, 4), RuntimeError), ("expand", (3, -2), RuntimeError),
          ("expand", (2 ** 62, 3, 4), RuntimeError), ("expand", (2 ** 40, 2 ** 40, 3, 4), RuntimeError),
          ("view", (3, 4, 5), RuntimeError), ("view", (2 ** 62, 3, 4), RuntimeError), ("view", (3, -2), RuntimeError)]


@pytest.mark.parametrize(("name", "args", "error"), OTHERS, ids=lambda value: re.sub(r"\W+", "_", str(value)))
def test_other_views(name, args, error):
    x = fastnn.arange(12.0).reshape(3, 4)
    with pytest.raises(error):
        getattr(x, name)(*args)
    if name == "narrow":
        with pytest.raises(error):
            x.narrow_copy(*args)


def test_steps_beyond_the_end_give_one_window():
    x = fastnn.arange(12.0).reshape(3, 4)
    assert x.unfold(0, 2, 2 ** 62).shape == (1, 4, 2)
    assert x.unfold(0, 0, 2 ** 62).shape == (1, 4, 0)


@pytest.mark.parametrize("make", [
    lambda t: t.ones(1).expand(3).resize_as_(t.ones(5)), lambda t: t.arange(6.0).reshape(2, 3).t().resize_(2, 2),
    lambda t: t.arange(6.0)[2:].resize_(3), lambda t: t.arange(6.0)[2:].resize_(7)[:4],
    lambda t: t.tensor(3.0).resize_(1, 1),
    lambda t: t.arange(4).bfloat16().resize_(2, 2), lambda t: t.arange(4.0).resize_(0)])
def test_resized(make):
    """Sizes over the memory below a tensor."""
    torch = pytest.importorskip("torch")
    found, expected = make(fastnn), make(torch)
    assert found.shape == tuple(expected.shape) and found.stride() == expected.stride()
    assert found.storage_offset() == expected.storage_offset()
    if found.shape != (5,):  # of which four elements are undefined
        assert found.tolist() == expected.tolist()


def test_resizing_shares_memory():
    whole = fastnn.arange(6.0)
    part = whole[2:].resize_(3)
    part[0] = 9.0
    assert whole.tolist() == [0, 1, 9, 3, 4, 5]
    with pytest.raises(RuntimeError, match="require grad"):
        fastnn.ones(2, requires_grad=True).resize_(3)
