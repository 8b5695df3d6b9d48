"""A fixed spread of random kernel calls, the same for every run; `make fuzz` draws more. And what they can find."""
import numpy as np
import pytest

from fastnn import kernels
from fastnn.kernels import _core
from fastnn.testing import parity
from fastnn.testing.guard import guarded_outputs
from fuzz.random_kernels import FAMILIES, SPECS, check

COUNT = {"convolution": 90, "pooling": 50}


@pytest.fixture(autouse=True)
def split_everything(kernel_settings):
    _core.set_thread_cost(0)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_calls(family):
    for number in range(COUNT.get(family, 25)):
        check(2, number, (family,))


# (x's channels, h, w), (kernel), stride, padding, dilation: windows that begin beyond the plane, with gaps between taps
BEYOND = (((2, 9, 5), (3, 1), 1, 3, 2), ((1, 4, 4), (1, 2), 1, 5, 3), ((20, 3, 6), (2, 2), 1, 4, 3),
          ((18, 5, 3), (2, 3), 2, 5, 2), ((3, 2, 2), (3, 3), 1, 7, 3), ((16, 6, 6), (1, 1), 2, 4, 2))


@pytest.mark.parametrize("isa", kernels.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", BEYOND, ids=str)
def test_depthwise_windows_beyond_the_plane(case, dtype, isa):
    """They see padding alone, forward and backward, and as a transposed convolution whose output is longer."""
    from fastnn.testing.specs.conv import arrays
    from fastnn.testing.spec import Sample
    kernels.set_isa(isa)
    (c, h, w), kernel, stride, padding, dilation = case
    rng = np.random.default_rng(0)
    for n in (1, 9, 17):
        x, weight, grad, options = arrays(rng, dtype, ((n, c, h, w), (c, *kernel), (stride,) * 2, (padding,) * 2,
                                                       (dilation,) * 2, c))
        few = np.ascontiguousarray(grad[:, :, :-1, :max(grad.shape[3] - dilation + 1, 1)])
        for name, *args in (("conv_forward", x, weight, None, *options),
                            ("conv_backward_input", grad, weight, (h, w), None, *options),
                            ("conv_backward_input", few, weight, (h, w), None, *options),
                            ("conv_backward_weight", grad, x, kernel, *options),
                            ("conv_backward_weight", few, x, kernel, *options)):
            given = Sample(tuple(args), atol=1e-3 if dtype == "float32" else 1e-12, layouts=False)
            with guarded_outputs(_core) as check_guards:
                parity.check_parity(SPECS[name], dtype, [parity.prepared(SPECS[name], given)], check_guards)


@pytest.mark.parametrize("isa", kernels.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_has_one_sign(dtype, isa):
    """Of several NaN that meet in a sum the same one comes out, however tiles and threads cut the result."""
    kernels.set_isa(isa)
    rng = np.random.default_rng(1)
    for m, n, k in ((4, 73, 33), (31, 7, 124), (64, 64, 64), (17, 1, 344), (5, 40, 9)):
        a, b = (np.where(rng.random(shape) < 0.2, rng.choice([np.nan, -np.nan, np.inf, -np.inf], shape),
                         rng.standard_normal(shape)).astype(dtype) for shape in ((m, k), (k, n)))
        for args in ((a, b), (a, b.T.copy().T), (np.asfortranarray(a), b)):
            results = []
            for threads in (1, 2, 3, 5):
                kernels.set_num_threads(threads)
                results.append(kernels.matmul(*args).tobytes())
            assert len(set(results)) == 1


def test_windows_of_padding_alone():
    """Of dilated max pooling: index 0 and no gradient by taps, whatever the rows' or columns' part of it is."""
    from fastnn.testing.spec import Sample
    from fastnn.testing.specs.pool import pooled
    for shape, kernel, padding, dilation in (((7, 2, 35), (2, 4), (1, 1), (3, 3)), ((40, 35, 2), (4, 2), 1, 3),
                                             ((3, 2, 2), 2, 1, 3), ((2, 3, 2, 70), (2, 2), (1, 0), (3, 1))):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        for indices in ("taps", "flat"):
            given = Sample((x, kernel, 1, padding, dilation, False, indices), layouts=False)
            spec = SPECS["max_pool_forward"]
            parity.check_parity(spec, "float32", [parity.prepared(spec, given)])
        y, index, windows = pooled(x, (kernel, 1, padding, dilation, False), "taps")
        spec, given = SPECS["max_pool_backward"], Sample((y.clip(-1, 1), index, shape, *windows), layouts=False)
        parity.check_parity(spec, "float32", [parity.prepared(spec, given)])


# ---- the harness itself must be able to fail ----

@pytest.mark.parametrize(("fault", "message"), [
    (lambda y, threads: y.__setitem__(-1, _core.empty(y[-1].shape, y.dtype.num)), "expected"),  # not written
    (lambda y, threads: y.__iadd__(y.dtype.type(1e-6 * threads)), "threads|expected"),
    (lambda y, threads: np.lib.stride_tricks.as_strided(y, (y.size + 1,), (y.itemsize,))[-1:].fill(0), "outside"),
])
def test_faults_are_found(monkeypatch, fault, message):
    good = kernels.conv_forward

    def bad(*args):
        y = good(*args)
        if y.size:
            fault(y, kernels.get_num_threads())
        return y
    monkeypatch.setattr(kernels, "conv_forward", bad)
    with pytest.raises(AssertionError, match=message):
        for number in range(20):
            check(0, number, ("convolution",))


def test_spoilt_stacks_leave_results_alone():
    x = np.ones((64, 4, 4), np.float32)
    for threads in (1, 3):
        kernels.set_num_threads(threads)
        _core.spoil_stacks()
        assert (kernels.max_pool_forward(x, 2)[0] == 1).all()
