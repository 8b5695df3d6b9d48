"""Operation specs: one description of an operation drives its parity test, error test, gradient check and benchmark.

A family's specs are the list `SPECS` of `fastnn/testing/specs/<family>.py`; `all_specs()` finds them all.
Specs are plain data and generators; they import NumPy and this module, never `fastnn.kernels`.
"""
import dataclasses
import importlib
import os
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

DTYPES = ("float32", "float64")


@dataclasses.dataclass
class Sample:
    """One call. `rtol` and `atol` replace the spec's when given; `torch=False` keeps PyTorch out of this sample
    (where fastnn's convention differs or PyTorch lacks the option); `layouts=False` keeps strided copies out."""
    args: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)
    rtol: float | None = None
    atol: float | None = None
    torch: bool = True
    layouts: bool = True


@dataclasses.dataclass
class ErrorSample:
    """One call that must raise `exception` with a message that contains `match` (plain text, no pattern)."""
    args: tuple
    kwargs: dict
    exception: type[BaseException]
    match: str = ""


@dataclasses.dataclass
class GradientCase:
    """`function(x)` is a float, computed by forward calls alone; `gradient` is what the backward says is df/dx.

    Usually function = sum(forward(x) * weights) with fixed random weights, gradient = backward(weights, ...).
    `x` is float64 and away from kinks by more than `eps`.
    """
    label: str
    function: Callable[[np.ndarray], float]
    x: np.ndarray
    gradient: np.ndarray
    eps: float = 1e-6
    rtol: float = 1e-5
    atol: float = 1e-7


@dataclasses.dataclass
class Bench:
    """One timed call. `flops` and `bytes` are what the operation needs at least: each input read once, each output
    written once. Give both when known; the larger share of its measured peak is reported."""
    label: str
    args: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)
    flops: float = 0
    bytes: float = 0


@dataclasses.dataclass
class OpSpec:
    """What there is to know about one public function of `fastnn.kernels` (or one variant of it).

    name      the function, in `fastnn.kernels` and in `fastnn.reference`
    samples   samples(rng, dtype) -> iterable of Sample; arrays of `dtype` ("float32" or "float64")
    variant   tells specs of one function apart, for example the map's name
    kernels   the C kernels it exercises, names of src_c/kernels.def
    errors    errors(dtype) -> iterable of ErrorSample
    rtol/atol by dtype name, or one number for both
    oracle    "same": the reference runs in the dtype of the sample; "double": float32 samples are compared with the
              reference run in float64 and rounded (for reductions, whose NumPy result is less exact than ours)
    torch     torch(*tensors, **kwargs) -> tensor(s) to compare with: a second, independent oracle
    gradient  gradient(kernels, rng) -> iterable of GradientCase; `kernels` is the module to call
    inplace   indices or names of the arguments that the function modifies (an array, or a list of arrays);
              all others must come back unchanged
    layouts   False if the function only takes C-contiguous arrays (then `errors` shows what it says to others)
    bench     bench(rng, dtype) -> iterable of Bench
    """
    name: str
    samples: Callable[[np.random.Generator, str], Iterable[Sample]]
    variant: str = ""
    kernels: tuple[str, ...] = ()
    errors: Callable[[str], Iterable[ErrorSample]] | None = None
    rtol: dict[str, float] | float = dataclasses.field(default_factory=lambda: {"float32": 2e-6, "float64": 1e-14})
    atol: dict[str, float] | float = 0.0
    oracle: str = "same"
    torch: Callable[..., Any] | None = None
    gradient: Callable[[Any, np.random.Generator], Iterable[GradientCase]] | None = None
    inplace: tuple[int | str, ...] = ()
    layouts: bool = True
    bench: Callable[[np.random.Generator, str], Iterable[Bench]] | None = None
    dtypes: tuple[str, ...] = DTYPES

    @property
    def id(self):
        return f"{self.name}-{self.variant}" if self.variant else self.name

    def tolerance(self, dtype, sample=None):
        """(rtol, atol) for a sample."""
        def pick(own, general):
            if own is not None:
                return own
            return general.get(dtype, 0.0) if isinstance(general, dict) else general
        return pick(sample and sample.rtol, self.rtol), pick(sample and sample.atol, self.atol)


def all_specs():
    """Every spec of every family, in the order of the families' names; ValueError if two share an id."""
    found, folder = {}, os.path.join(os.path.dirname(__file__), "specs")
    for module in sorted(pkgutil.iter_modules([folder]), key=lambda module: module.name):
        if module.name.startswith("_"):
            continue
        for spec in importlib.import_module(f"fastnn.testing.specs.{module.name}").SPECS:
            if spec.id in found:
                raise ValueError(f"two specs are called {spec.id!r}")
            found[spec.id] = spec
    return list(found.values())


# ---- makers of sample arrays ----

# Around the edges of vectors (4..64 elements), unrolled loops and blocks of 1024; primes; a few threads' worth.
SIZES = (0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 257, 1023, 1024, 1025, 4099, 70001)


def normal(rng, dtype, *shape, scale=1.0):
    """Normally distributed numbers."""
    return np.asarray(rng.standard_normal(shape) * scale, dtype)


def uniform(rng, dtype, *shape, low=-1.0, high=1.0):
    """Uniformly distributed numbers."""
    return np.asarray(rng.uniform(low, high, shape), dtype)


def special(dtype):
    """Zeros of both signs, the largest, smallest and subnormal numbers, infinities and NaN."""
    info = np.finfo(dtype)
    positive = [0.0, 1.0, info.eps, info.tiny, info.tiny / 2, info.smallest_subnormal, info.max, info.max / 2,
                0.5, 2.0, 80.0, 90.0, 100.0, 700.0, 750.0, 1e-4, np.inf]
    return np.array(positive + [-value for value in positive] + [np.nan], dtype=dtype)
