"""Division of integers beside PyTorch: exact, and by zero an error; every dtype and form."""
import itertools

import numpy as np
import pytest

import fastnn

INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
FORMS = {
    "trunc": lambda T, x, y: T.div(x, y, rounding_mode="trunc"),
    "floor": lambda T, x, y: T.div(x, y, rounding_mode="floor"),
    "floor_divide": lambda T, x, y: T.floor_divide(x, y), "//": lambda T, x, y: x // y,
    "%": lambda T, x, y: x % y, "remainder": lambda T, x, y: T.remainder(x, y), "fmod": lambda T, x, y: T.fmod(x, y),
    "trunc_": lambda T, x, y: x.clone().div_(y, rounding_mode="trunc"),
    "floor_divide_": lambda T, x, y: x.clone().floor_divide_(y), "remainder_": lambda T, x, y: x.clone().remainder_(y),
    "fmod_": lambda T, x, y: x.clone().fmod_(y),
    "out": lambda T, x, y: T.div(x, y, rounding_mode="trunc", out=T.zeros(x.shape, dtype=x.dtype)),
    "remainder out": lambda T, x, y: T.remainder(x, y, out=T.zeros(x.shape, dtype=x.dtype)),
    "/": lambda T, x, y: x / y,
}
NUMBERS = [0, 1, -1, 2, -2, 3, -7, 7, 5, 127, -128, 255, 2 ** 31 - 1, -2 ** 31 + 1, 2 ** 62 + 1, -2 ** 62 - 1]


def numbers(dtype):
    info = np.iinfo(dtype)
    return [n for n in NUMBERS if info.min < n <= info.max] + [info.max]


def outcome(form, library, x, y):
    try:
        made = FORMS[form](library, x, y)
    except (RuntimeError, TypeError) as error:
        return type(error) if isinstance(error, TypeError) else RuntimeError
    return str(made.dtype), [repr(n + 0.0 if isinstance(n, float) else n) for n in made.tolist()]


@pytest.mark.torch
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtypes", list(itertools.product(INTEGERS, INTEGERS)), ids="-".join)
def test_beside_pytorch(form, dtypes):
    torch = pytest.importorskip("torch")
    dividends = numbers(dtypes[0])
    for divisor in numbers(dtypes[1]):
        both = [(library.tensor(dividends, dtype=getattr(library, dtypes[0])),
                 library.tensor([divisor], dtype=getattr(library, dtypes[1]))) for library in (torch, fastnn)]
        assert outcome(form, fastnn, *both[1]) == outcome(form, torch, *both[0]), divisor
        if -8 < divisor < 8:  # a number: what does not fit wraps around
            assert outcome(form, fastnn, both[1][0], divisor) == outcome(form, torch, both[0][0], divisor), divisor


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("form", [form for form in FORMS if form != "/"])
def test_by_zero(form, dtype):
    x = fastnn.tensor([4, 5], dtype=getattr(fastnn, dtype))
    for zero in (0, fastnn.zeros(2, dtype=x.dtype)):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            FORMS[form](fastnn, x, zero)


def test_no_floats_between():
    x = fastnn.tensor([2 ** 62 + 1, -2 ** 62 - 1])
    assert fastnn.div(x, 1, rounding_mode="trunc").tolist() == x.tolist()
    assert fastnn.div(x, 3, rounding_mode="trunc").tolist() == [(2 ** 62 + 1) // 3, -((2 ** 62 + 1) // 3)]
    assert (fastnn.tensor([100], dtype=fastnn.uint8) / -2).tolist() == [-50.0]
