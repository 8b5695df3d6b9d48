"""Comparison of results: nested tuples, lists and dicts of arrays, numbers and None."""
import numpy as np


class Mismatch(AssertionError):
    """Two results differ; the message says where and by how much."""


def walk(actual, expected, where="result"):
    """Pairs of leaves (path, actual, expected); Mismatch if the structures differ."""
    if isinstance(expected, (tuple, list)):
        if not isinstance(actual, (tuple, list)) or len(actual) != len(expected):
            raise Mismatch(f"{where}: expected {len(expected)} values, got {describe(actual)}")
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            yield from walk(a, e, f"{where}[{i}]")
    elif isinstance(expected, dict):
        if not isinstance(actual, dict) or set(actual) != set(expected):
            raise Mismatch(f"{where}: expected the keys {sorted(expected)}, got {describe(actual)}")
        for key in expected:
            yield from walk(actual[key], expected[key], f"{where}[{key!r}]")
    elif expected is None or isinstance(expected, (str, bytes)):
        if actual != expected:
            raise Mismatch(f"{where}: expected {expected!r}, got {describe(actual)}")
    else:
        yield where, actual, expected


def describe(value):
    if isinstance(value, np.ndarray):
        return f"array{value.shape} {value.dtype}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)[:80]


def assert_same(actual, expected, rtol=0.0, atol=0.0, where="result", check_dtype=True):
    """Same structure, shapes, dtypes, and |actual - expected| <= atol + rtol |expected|; NaN equals NaN, and infinities
    equal those of their sign. Raises Mismatch."""
    for path, a, e in walk(actual, expected, where):
        if a is None:
            raise Mismatch(f"{path}: expected {describe(e)}, got None")
        a, e = np.asarray(a), np.asarray(e)
        if a.shape != e.shape:
            raise Mismatch(f"{path}: expected shape {e.shape}, got {a.shape}")
        if check_dtype and a.dtype != e.dtype:
            raise Mismatch(f"{path}: expected dtype {e.dtype}, got {a.dtype}")
        if e.size == 0:
            continue
        if e.dtype.kind in "fc":
            _assert_close(path, a, e, rtol, atol)
        elif not np.array_equal(a, e):
            index = tuple(int(i) for i in np.argwhere(a != e)[0])
            raise Mismatch(f"{path}: at {index} expected {e[index]}, got {a[index]} "
                           f"({np.count_nonzero(a != e)} of {e.size} differ)")


def _assert_close(path, a, e, rtol, atol):
    with np.errstate(all="ignore"):
        close = abs(a - e) <= atol + rtol * abs(e)
        # an infinity is close to nothing but itself: |inf - 1| <= rtol * inf would pass
        finite = np.isfinite(a) & np.isfinite(e)
        wrong = ~(np.where(finite, close, False) | (a == e) | (np.isnan(a) & np.isnan(e)))
        if not wrong.any():
            return
        error = np.where(finite, abs(a - e) - rtol * abs(e), np.inf)
        error[~wrong] = -np.inf
    worst = np.unravel_index(np.argmax(error), error.shape)
    distance = abs(a[worst] - e[worst]) if finite[worst] else np.inf
    relative = distance / abs(e[worst]) if finite[worst] and e[worst] else np.inf
    raise Mismatch(f"{path}: {np.count_nonzero(wrong)} of {e.size} differ; worst at {tuple(map(int, worst))}: expected "
                   f"{e[worst]!r}, got {a[worst]!r} (off by {distance:.3g}, relative {relative:.3g}; "
                   f"rtol {rtol:g}, atol {atol:g})")


def assert_same_bits(actual, expected, where="result"):
    """Same structure, shapes, dtypes and bits (of NaNs too). Raises Mismatch."""
    for path, a, e in walk(actual, expected, where):
        a, e = np.asarray(a), np.asarray(e)
        if a.shape != e.shape or a.dtype != e.dtype:
            raise Mismatch(f"{path}: expected {describe(e)}, got {describe(a)}")
        if a.tobytes() != e.tobytes():
            as_bytes = [np.frombuffer(x.tobytes(), np.uint8).reshape(x.size, -1) for x in (a, e)]
            different = (as_bytes[0] != as_bytes[1]).any(axis=1)
            i = int(np.argmax(different))
            raise Mismatch(f"{path}: {np.count_nonzero(different)} of {e.size} differ in bits; first at flat index "
                           f"{i}: expected {e.reshape(-1)[i]!r}, got {a.reshape(-1)[i]!r}")


def arrays_in(value):
    """All arrays of a nested value."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in arrays_in(item)]
    if isinstance(value, dict):
        return [array for item in value.values() for array in arrays_in(item)]
    return []


def map_arrays(function, value):
    """The same nested value with every array replaced by function(array)."""
    if isinstance(value, np.ndarray):
        return function(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map_arrays(function, item) for item in value)
    if isinstance(value, dict):
        return {key: map_arrays(function, item) for key, item in value.items()}
    return value
