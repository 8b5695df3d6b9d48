"""``torch.testing``: comparisons of tensors that say how they differ, and random tensors to test with."""
import math
from collections.abc import Mapping, Sequence
from numbers import Number

import numpy as np

import fastnn
from fastnn._tensor import Tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
# dtype: (rtol, atol)
TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def _tolerances(rtol, atol, *kinds):
    if (rtol is None) != (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or unspecified, but got no "
                         f"{'rtol' if rtol is None else 'atol'}.")
    if rtol is not None:
        return rtol, atol
    found = [TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
    return max(each[0] for each in found), max(each[1] for each in found)


class _Comparison:
    def __init__(self, options, msg):
        self.options, self.msg = options, msg

    def fail(self, path, text, error=AssertionError):
        if path:
            text += f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in path)}"
        if error is AssertionError and self.msg is not None:
            text = self.msg(text) if callable(self.msg) else self.msg
        raise error(text)

    def compare(self, actual, expected, path=()):
        if isinstance(actual, Mapping) and isinstance(expected, Mapping):
            missing, extra = set(expected) - set(actual), set(actual) - set(expected)
            if missing or extra:
                self.fail(path, f"The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                                f"{sorted(missing, key=str)}\nAdditional keys in the actual mapping: "
                                f"{sorted(extra, key=str)}")
            for key in actual:
                self.compare(actual[key], expected[key], (*path, key))
        elif all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
            if len(actual) != len(expected):
                self.fail(path, f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
            for i, pair in enumerate(zip(actual, expected)):
                self.compare(*pair, (*path, i))
        elif actual is None or expected is None:
            if actual is not expected:
                self.fail(path, f"None mismatch: {actual} is not {expected}")
        elif isinstance(actual, Number) and isinstance(expected, Number):
            self.numbers(actual, expected, path)
        elif any(isinstance(x, Tensor) for x in (actual, expected)):
            self.tensors(actual, expected, path)
        elif any(isinstance(x, (np.ndarray, np.generic)) for x in (actual, expected)):
            self.tensors(actual, expected, path)
        else:
            self.fail(path, f"No comparison pair was able to handle inputs of type {type(actual)} and "
                            f"{type(expected)}.", TypeError)

    def numbers(self, actual, expected, path):
        kinds = {"float64" if isinstance(x, float) else type(x).__name__ for x in (actual, expected)}
        if isinstance(actual, bool) and isinstance(expected, bool):
            if actual is not expected:
                self.fail(path, f"Booleans mismatch: {actual} is not {expected}")
            return
        if self.options["check_dtype"] and type(actual) is not type(expected):
            self.fail(path, f"The (d)types do not match: {type(actual)} != {type(expected)}.")
        rtol, atol = _tolerances(self.options["rtol"], self.options["atol"], *kinds)
        if self.options["equal_nan"] and actual != actual and expected != expected:
            return
        difference = abs(actual - expected)
        if actual == expected or math.isfinite(difference) and difference <= atol + rtol * abs(expected):
            return
        if not rtol and not atol:
            self.fail(path, f"Scalars are not equal!\n\nExpected {expected} but got {actual}.\n"
                            f"Absolute difference: {difference}\n"
                            f"Relative difference: {difference / abs(expected) if expected else math.inf}")
        self.fail(path, f"Scalars are not close!\n\nExpected {expected} but got {actual}.\n"
                        f"Absolute difference: {difference} (up to {atol} allowed)\n"
                        f"Relative difference: {difference / abs(expected) if expected else math.inf} (up to {rtol} "
                        f"allowed)")

    def tensors(self, actual, expected, path):
        if isinstance(actual, Tensor) != isinstance(expected, Tensor) and self.options["strict"]:
            self.fail(path, f"No comparison pair was able to handle inputs of type {type(actual)} and "
                            f"{type(expected)}.", TypeError)
        a, b = (x if isinstance(x, Tensor) else fastnn.as_tensor(x) for x in (actual, expected))
        if not self.options["allow_subclasses"] and type(actual) is not type(expected):
            self.fail(path, f"allow_subclasses=False: types do not match: {type(actual)} != {type(expected)}",
                      TypeError)
        if a.shape != b.shape:
            self.fail(path, f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}.")
        if self.options["check_dtype"] and a.dtype is not b.dtype:
            self.fail(path, f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}.")
        if self.options["check_stride"] and a.stride() != b.stride():
            self.fail(path, f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}.")
        rtol, atol = _tolerances(self.options["rtol"], self.options["atol"], a.dtype.name, b.dtype.name)
        x, y = a.detach().numpy(), b.detach().numpy()
        exact = x.dtype.kind in "biu" and y.dtype.kind in "biu"
        x, y = (v.astype(object if exact and v.dtype.itemsize == 8 and np.abs(v).max(initial=0) > 2**53 else np.float64)
                for v in (x, y))
        with np.errstate(all="ignore"):
            close = x == y
            if x.dtype != object:
                close |= np.isfinite(y) & (np.abs(x - y) <= atol + rtol * np.abs(y))
                if self.options["equal_nan"]:
                    close |= np.isnan(x) & np.isnan(y)
            if close.all():
                return
            absolute = np.where(close, 0, np.abs(x - y)).astype(np.float64)
            relative = np.where(close, 0, absolute / np.abs(y).astype(np.float64))
        self.fail(path, self.difference(close, absolute, relative, rtol, atol))

    @staticmethod
    def difference(close, absolute, relative, rtol, atol):
        equal = not rtol and not atol
        if close.ndim == 0:
            text = f"Scalars are not {'equal' if equal else 'close'}!\n\n"
        else:
            wrong = close.size - int(close.sum())
            text = (f"Tensor-likes are not {'equal' if equal else 'close'}!\n\n"
                    f"Mismatched elements: {wrong} / {close.size} ({100 * wrong / close.size:.1f}%)\n")
        for name, values, allowed in (("absolute", absolute, atol), ("relative", relative, rtol)):
            place = np.unravel_index(np.argmax(np.where(np.isnan(values), np.inf, values)), values.shape)
            where = f" at index {tuple(int(i) for i in place)}" if close.ndim else ""
            text += (f"{'Greatest ' + name if close.ndim else name.capitalize()} difference: {values[place]}{where}"
                     + ("" if equal else f" (up to {allowed} allowed)") + "\n")
        return text.rstrip()


def assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, equal_nan=False, check_device=True,
                 check_dtype=True, check_layout=True, check_stride=False, msg=None):
    """Raise AssertionError unless tensors, numbers or structures of them are close: |a - b| <= atol + rtol |b|.

    Same as torch.testing.assert_close.

    Parameters
    ----------
    actual, expected : Tensor, array, number, or sequences and mappings of such
    allow_subclasses : bool
        False: the classes must be the same.
    rtol, atol : float, optional
        Both or none; default those of the dtype, 1.3e-6 and 1e-5 in float32, 1e-7 in float64, 0 for integers.
    equal_nan : bool
        Whether NaN is close to NaN.
    check_device, check_layout : bool
        Without effect: there are no others.
    check_dtype, check_stride : bool
        Whether these must be the same.
    msg : str or callable, optional
        The message, or a function of the usual one.

    Examples
    --------
    >>> fastnn.compat.testing.assert_close(fastnn.ones(2), fastnn.ones(2) + 1e-7)
    """
    options = {"allow_subclasses": allow_subclasses, "rtol": rtol, "atol": atol, "equal_nan": equal_nan,
               "check_dtype": check_dtype, "check_stride": check_stride, "strict": True}
    _Comparison(options, msg).compare(actual, expected)


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """The older form of `assert_close`, which takes other dtypes and numbers.

    Parameters
    ----------
    actual, expected : Tensor, array or number
    rtol, atol : float, optional
    equal_nan : bool
    msg : str
    """
    options = {"allow_subclasses": True, "rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": False,
               "check_stride": False, "strict": False}
    _Comparison(options, msg or None).compare(fastnn.as_tensor(actual), fastnn.as_tensor(expected))


def make_tensor(*shape, dtype, device="cpu", low=None, high=None, requires_grad=False, noncontiguous=False,
                exclude_zero=False, memory_format=None):
    """A tensor of random numbers, uniform in [low, high).

    Parameters
    ----------
    *shape : int, or one sequence
    dtype : dtype
    device : device
    low, high : number, optional
        Default -9 and 9; for integers -9 and 10 within the dtype's limits.
    requires_grad, noncontiguous : bool
    exclude_zero : bool
        Whether 0 becomes the smallest positive number, or 1.
    memory_format : optional
        Without effect.

    Examples
    --------
    >>> fastnn.compat.testing.make_tensor(2, 3, dtype=fastnn.float32, device="cpu", low=0, high=1).shape
    torch.Size([2, 3])
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if dtype is fastnn.bool:
        made = fastnn.randint(0, 2, sizes, device=device).to(dtype)
    elif dtype.is_floating_point:
        low, high = -9 if low is None else low, 9 if high is None else high
        if not low < high:
            raise ValueError(f"make_tensor: expected low < high, got {low} and {high}")
        kind = fastnn.float64 if dtype is fastnn.float64 else fastnn.float32
        made = fastnn.empty(sizes, dtype=kind, device=device).uniform_(low, high).to(dtype)
    else:
        limits = fastnn.iinfo(dtype)
        low, high = max(limits.min, -9 if low is None else low), min(limits.max + 1, 10 if high is None else high)
        made = fastnn.randint(int(low), int(high), sizes, device=device).to(dtype)
    if exclude_zero:
        made[made == 0] = fastnn.finfo(dtype).tiny if dtype.is_floating_point else 1
    if noncontiguous and made.numel() > 1:
        made = made.repeat_interleave(2, -1)[..., ::2]
    return made.requires_grad_(requires_grad) if requires_grad else made
