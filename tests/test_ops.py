"""Every operation spec: C against NumPy on each instruction set, errors, PyTorch as second oracle, gradients."""
import functools
import re
import zlib

import numpy as np
import pytest

from fastnn import kernels, reference
from fastnn.kernels import _core
from fastnn.testing.compare import Mismatch, assert_same, assert_same_bits, map_arrays
from fastnn.testing.gradcheck import check_gradient
from fastnn.testing.guard import guarded_outputs
from fastnn.testing.parity import call, check_parity, describe, prepared, transform
from fastnn.testing.spec import GradientCase, OpSpec, Sample, all_specs

SPECS = all_specs()
ISAS = kernels.available_isas()


def cases(specs):
    return pytest.mark.parametrize(("spec", "dtype"), [pytest.param(spec, dtype, id=f"{spec.id}-{dtype}")
                                                       for spec in specs for dtype in spec.dtypes])


def rng_for(spec, dtype):
    return np.random.default_rng(zlib.crc32(f"{spec.id} {dtype}".encode()))


@functools.lru_cache(maxsize=2)
def samples_of(spec_id, dtype):
    spec = next(spec for spec in SPECS if spec.id == spec_id)
    return prepared_samples(spec, dtype)


def prepared_samples(spec, dtype):
    return [prepared(spec, sample) for sample in spec.samples(rng_for(spec, dtype), dtype)]


@pytest.mark.parametrize("isa", ISAS)
@cases(SPECS)
def test_parity(spec, dtype, isa, kernel_settings):
    assert not _core.get_use_reference(), "FASTNN_BACKEND=reference would compare NumPy with itself"
    kernels.set_isa(isa)
    _core.set_thread_cost(0)  # split whatever can be split
    with guarded_outputs(_core) as check_guards:
        check_parity(spec, dtype, samples_of(spec.id, dtype), check_guards)


@cases([spec for spec in SPECS if spec.errors])
def test_errors(spec, dtype):
    for sample in spec.errors(dtype):
        where = f"{spec.id}({describe(sample)})"
        args, kwargs = map_arrays(np.copy, sample.args), map_arrays(np.copy, sample.kwargs)
        try:
            getattr(kernels, spec.name)(*args, **kwargs)
        except Exception as error:  # whatever comes is judged
            assert type(error) is sample.exception, \
                f"{where}: expected {sample.exception.__name__}, got {type(error).__name__}: {error}"
            message = str(error)
            assert sample.match in message, f"{where}: expected {sample.match!r} in the message {message!r}"
            assert names_operation(message, spec), f"{where}: the message names no operation: {message!r}"
        else:
            raise AssertionError(f"{where}: expected {sample.exception.__name__}, nothing was raised")
        assert_same_bits([args, kwargs], [sample.args, sample.kwargs], f"{where}: an argument changed before the error")


def names_operation(message, spec):
    """`linear: ...` for linear_forward, `mse: ...` for a variant, or Cython's words for an argument of a wrong type."""
    if re.match(r"Argument '\w+' ", message):
        return True
    prefix = re.match(r"(\w+): ", message)
    return bool(prefix) and (prefix[1] in spec.name or spec.name in prefix[1] or prefix[1] == spec.variant)


@pytest.mark.torch
@cases([spec for spec in SPECS if spec.torch])
def test_torch(spec, dtype, kernel_settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    kernels.set_flush_denormal(False)
    for sample in spec.samples(rng_for(spec, dtype), dtype):
        if not sample.torch:
            continue
        args, kwargs = transform(spec, sample, np.copy)
        result, changed = call(kernels, spec, args, kwargs)
        with torch.no_grad():
            args, kwargs = transform(spec, sample, lambda x: torch.from_numpy(np.copy(x)),
                                     lambda x: torch.from_numpy(np.copy(x)))
            oracle = from_torch(torch, spec.torch(*args, **kwargs))
        rtol, atol = spec.tolerance(dtype, sample)
        # both sides round: twice the tolerance of one
        assert_same(changed if spec.inplace else result, oracle, max(2 * rtol, 1e-15), max(2 * atol, 1e-45),
                    f"{spec.id}({describe(sample)}) against PyTorch")


def from_torch(torch, value):
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, (tuple, list)):
        return type(value)(from_torch(torch, item) for item in value)
    return value


@pytest.mark.parametrize("module", [kernels, reference], ids=["c", "reference"])
@pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.id) for spec in SPECS if spec.gradient])
def test_gradient(spec, module):
    rng = rng_for(spec, "gradient")
    for case in spec.gradient(module, rng):
        check_gradient(case, rng)


# ---- the harness itself must be able to fail ----

class TestHarness:
    x = np.linspace(-1, 1, 11, dtype=np.float32)

    def spec(self, **changes):
        return OpSpec("unary_forward", lambda rng, dtype: [Sample(("relu", self.x))], **changes)

    def check(self, monkeypatch, fault, **changes):
        good = kernels.unary_forward
        monkeypatch.setattr(kernels, "unary_forward", lambda op, x: fault(good, x))
        spec = self.spec(**changes)
        check_parity(spec, "float32", prepared_samples(spec, "float32"))

    def test_passes_what_is_right(self, monkeypatch, kernel_settings):
        self.check(monkeypatch, lambda f, x: f("relu", x), rtol=0.0)

    @pytest.mark.parametrize(("fault", "message"), [
        (lambda f, x: f("relu", x) * np.float32(1.0001), "differ; worst at"),
        (lambda f, x: f("relu", x).astype(np.float64), "expected dtype float32, got float64"),
        (lambda f, x: f("relu", x)[1:], "expected shape"),
        (lambda f, x: (f("relu", x), x.fill(0))[0], "an input changed"),
        (lambda f, x: np.maximum(x, 0, out=x), "an input changed"),
        (lambda f, x: f("relu", x) + np.float32(1e-7 * kernels.get_num_threads()), "2 threads"),
        (lambda f, x: np.lib.stride_tricks.as_strided(x, (x.size + 1,))[-1:].fill(0) or f("relu", x),
         "wrote outside its inputs"),
        (lambda f, x: f("relu", x) if x.flags.c_contiguous else f("relu", x) + 1, "stepped inputs"),
        (lambda f, x: None, "got None"),
    ])
    def test_finds_faults(self, monkeypatch, kernel_settings, fault, message):
        with pytest.raises((AssertionError, Mismatch), match=message):
            self.check(monkeypatch, fault, rtol=1e-6, atol=1e-6)

    def test_finds_overlap(self, monkeypatch, kernel_settings):
        self.x = abs(self.x)
        with pytest.raises(AssertionError, match="overlaps"):
            self.check(monkeypatch, lambda f, x: x.view())

    def test_finds_writes_outside_outputs(self):
        with pytest.raises(AssertionError, match="outside"), guarded_outputs(_core):
            y = kernels.unary_forward("relu", self.x)
            np.lib.stride_tricks.as_strided(y, (y.size + 1,))[-1] = 0
            del y

    def test_unwritten_outputs_are_nan(self):
        with guarded_outputs(_core):
            assert np.isnan(_core.empty((100,), np.dtype(np.float32).num)).all()

    @pytest.mark.parametrize("size", [5, 500])
    def test_finds_wrong_gradients(self, size):
        x = np.linspace(1, 2, size)
        rng = np.random.default_rng(0)
        check_gradient(GradientCase("x", lambda x: float((x ** 3).sum()), x, 3 * x ** 2), rng)
        with pytest.raises(Mismatch):
            check_gradient(GradientCase("x", lambda x: float((x ** 3).sum()), x, 3.001 * x ** 2), rng)
