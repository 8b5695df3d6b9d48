"""Special functions in units of the last place, near their zeros, poles, branch points and ends of their domains."""
import numpy as np
import pytest

import fastnn
from fastnn import special
from fastnn.nn import functional as F

mpmath = pytest.importorskip("mpmath", reason="mpmath is not installed")
mp = mpmath.mp


def softplus(x):
    return mp.log1p(mp.exp(x))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def log_gamma(x):
    return mp.log(abs(mp.gamma(x)))


def filled(number, x):
    return fastnn.full_like(x, number)


# name: (function, exact, domain, units in the last place for float32 and float64)
FUNCTIONS = {
    "exp": (fastnn.exp, mp.exp, "real"), "exp2": (fastnn.exp2, lambda x: mp.mpf(2) ** x, "real"),
    "expm1": (fastnn.expm1, mp.expm1, "real"), "log": (fastnn.log, mp.log, "positive"),
    "log2": (fastnn.log2, lambda x: mp.log(x) / mp.log(2), "positive"),
    "log10": (fastnn.log10, lambda x: mp.log(x) / mp.log(10), "positive"),
    "log1p": (fastnn.log1p, mp.log1p, "above -1"), "rsqrt": (fastnn.rsqrt, lambda x: 1 / mp.sqrt(x), "positive"),
    "sin": (fastnn.sin, mp.sin, "real"), "cos": (fastnn.cos, mp.cos, "real"), "tan": (fastnn.tan, mp.tan, "real"),
    "asin": (fastnn.asin, mp.asin, "unit"), "acos": (fastnn.acos, mp.acos, "unit"),
    "atan": (fastnn.atan, mp.atan, "real"), "sinh": (fastnn.sinh, mp.sinh, "real"),
    "cosh": (fastnn.cosh, mp.cosh, "real"), "tanh": (fastnn.tanh, mp.tanh, "real"),
    "asinh": (fastnn.asinh, mp.asinh, "real"), "acosh": (fastnn.acosh, mp.acosh, "from 1"),
    "atanh": (fastnn.atanh, mp.atanh, "unit"), "erf": (fastnn.erf, mp.erf, "real"),
    "erfc": (fastnn.erfc, mp.erfc, "real"), "erfinv": (fastnn.erfinv, mp.erfinv, "unit"),
    "lgamma": (fastnn.lgamma, log_gamma, "gamma"),
    "digamma": (fastnn.digamma, lambda x: mp.psi(0, x), "gamma"), "i0": (fastnn.i0, lambda x: mp.besseli(0, x), "real"),
    "sinc": (fastnn.sinc, mp.sincpi, "real"), "sigmoid": (fastnn.sigmoid, sigmoid, "real"),
    "logit": (fastnn.logit, lambda x: mp.log(x) - mp.log1p(-x), "probability"),
    "ndtr": (special.ndtr, mp.ncdf, "real"),
    "ndtri": (special.ndtri, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), "probability"),
    "entr": (special.entr, lambda x: -x * mp.log(x), "positive"),
    "xlogy": (lambda x: special.xlogy(filled(2.5, x), x), lambda x: mp.mpf(2.5) * mp.log(x), "positive"),
    "xlog1py": (lambda x: special.xlog1py(filled(2.5, x), x), lambda x: mp.mpf(2.5) * mp.log1p(x), "above -1"),
    "logaddexp": (lambda x: fastnn.logaddexp(x, filled(0.0, x)), softplus, "real"),
    "softplus": (lambda x: F.softplus(x, threshold=1e9), softplus, "real"),
    "logsigmoid": (F.logsigmoid, lambda x: -softplus(-x), "real"),
    "silu": (F.silu, lambda x: x * sigmoid(x), "real"), "gelu": (F.gelu, lambda x: x * mp.ncdf(x), "real"),
    "mish": (F.mish, lambda x: x * mp.tanh(softplus(x)), "real"),
    "elu": (F.elu, lambda x: x if x > 0 else mp.expm1(x), "real"),
    "celu": (lambda x: F.celu(x, 2.0), lambda x: x if x > 0 else 2 * mp.expm1(x / 2), "real"),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x)), "real"),
    "tanhshrink": (F.tanhshrink, lambda x: x - mp.tanh(x), "real"),
}
POINTS = (0.25, 0.5, 0.6931471805599453, 0.75, 1, 1.4616321449683623, 1.5, 1.5707963267948966, 2, 3, 3.141592653589793,
          4, 5)
INSIDE = {"real": lambda x: abs(x) < 1e3, "positive": lambda x: x > 0, "above -1": lambda x: x > -1,
          "from 1": lambda x: x >= 1, "unit": lambda x: abs(x) < 1, "probability": lambda x: (x > 0) & (x < 1),
          "gamma": lambda x: (abs(x) < 150) & ((x > 0) | (x != np.floor(x)))}


def arguments(domain, dtype):
    rng = np.random.default_rng(0)
    small = 10.0 ** rng.uniform(-30, 0, 60)
    wide = np.concatenate([rng.uniform(0, 30, 60), 10.0 ** rng.uniform(1, 2.5, 30)])
    close = np.array([p + sign * 10.0 ** -j for p in POINTS for j in range(1, 17) for sign in (1, -1)])
    x = np.concatenate([small, -small, 1 - small, small - 1, wide, -wide, close, -close])
    if domain in ("positive", "above -1"):
        x = np.concatenate([x, 10.0 ** rng.uniform(-35, 35, 60)])
    x = np.unique(x.astype(dtype))
    return x[INSIDE[domain](x)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_units_in_the_last_place(name, dtype):
    """At most 8, or what half a unit of the argument makes (negative zeros of digamma, which are no floats)."""
    function, exact, domain = FUNCTIONS[name]
    x = arguments(domain, dtype)
    found = function(fastnn.from_numpy(x)).numpy()
    assert found.dtype == x.dtype
    info, worst = np.finfo(dtype), (0, None)
    with mpmath.workdps(120):
        for argument, y in zip(x, found, strict=True):
            expected = exact(mp.mpf(float(argument)))
            if not 1e4 * info.tiny < abs(expected) < info.max:  # kernels take subnormal numbers for 0, on the way too
                continue
            unit = mp.mpf(float(np.spacing(x.dtype.type(abs(float(expected))))))
            error = abs(mp.mpf(float(y)) - expected) / unit if np.isfinite(y) else mp.inf
            if name == "digamma" and argument < 0:
                slope = abs(mp.psi(1, mp.mpf(float(argument))))
                error -= slope * abs(mp.mpf(float(argument))) * float(info.eps) / unit
            if error > worst[0]:
                worst = float(error), argument
    assert worst[0] <= 8, f"{worst[0]:.3g} units at {worst[1]!r}"


SLOPES = {"lgamma": lambda x: mp.psi(0, x), "digamma": lambda x: mp.psi(1, x),
          "sinc": lambda x: (mp.cospi(x) - mp.sincpi(x)) / x, "logit": lambda x: 1 / (x * (1 - x)),
          "ndtr": mp.npdf, "ndtri": lambda p: mp.sqrt(2 * mp.pi) * mp.exp(mp.erfinv(2 * p - 1) ** 2),
          "erfinv": lambda y: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(y) ** 2),
          "tanhshrink": lambda x: mp.tanh(x) ** 2, "erfc": lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name, dtype):
    """Relative to the slope, or to what a few units of the argument change it by."""
    function, _, domain = FUNCTIONS[name]
    x = arguments(domain, dtype)
    t = fastnn.from_numpy(x).requires_grad_()
    function(t).sum().backward()
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    with mpmath.workdps(120):
        for argument, slope in zip(x[::3], t.grad.numpy()[::3], strict=True):
            z = mp.mpf(float(argument))
            expected = SLOPES[name](z)
            if not tiny < abs(expected) < 1e30:
                continue
            step = abs(z) * eps
            change = abs(SLOPES[name](z + step) - expected) if domain not in ("unit", "probability") else 0
            if domain in ("unit", "probability"):  # where an end is near, the distance to it counts
                change = abs(expected) * eps * 16 * (1 + abs(mp.log(abs(expected))))
            assert abs(mp.mpf(float(slope)) - expected) <= 30 * eps * abs(expected) + 4 * change, argument


def test_ends_and_poles():
    inf, nan = np.inf, np.nan
    for dtype in (fastnn.float32, fastnn.float64):
        for function, arguments, expected in (
                (fastnn.lgamma, (0, -1, -2, inf, -inf, nan, 1, 2), (inf, inf, inf, inf, inf, nan, 0, 0)),
                (fastnn.digamma, (0.0, -0.0, -1, inf, -inf, nan), (-inf, inf, nan, inf, nan, nan)),
                (special.ndtri, (0, 1, -0.1, 1.1, nan, 0.5), (-inf, inf, nan, nan, nan, 0)),
                (special.ndtr, (-inf, inf, nan, 0, -50), (0, 1, nan, 0.5, 0)),
                (fastnn.erfinv, (-1, 1, 2, nan, 0), (-inf, inf, nan, nan, 0)),
                (fastnn.logit, (0, 1, -1, 2, nan, 0.5), (-inf, inf, nan, nan, nan, 0)),
                (fastnn.sinc, (0, 1, -3, 1e6, inf, nan), (1, 0, 0, 0, nan, nan)),
                (F.tanhshrink, (0, inf, -inf, nan), (0, inf, -inf, nan)),
                (fastnn.i0, (0, nan), (1, nan))):
            found = function(fastnn.tensor(arguments, dtype=dtype)).numpy()
            np.testing.assert_array_equal(found, expected, f"{function.__name__} {dtype}")


@pytest.mark.torch
@pytest.mark.parametrize("name", ["lgamma", "digamma", "sinc", "logit", "erfinv", "special.ndtr", "special.ndtri"])
def test_as_pytorch(name):
    """Values, gradients, types and forms."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    results = []
    for library in (fastnn, torch):
        function = library
        for part in name.split("."):
            function = getattr(function, part)
        x = library.from_numpy(np.array([0.1, 0.3, 0.45, 0.8])).requires_grad_()
        y = function(x)
        y.sum().backward()
        out = library.empty(4, dtype=library.float64)
        function(x.detach(), out=out)
        whole = function(library.tensor([0, 1]))
        results.append((y.detach().numpy(), x.grad.numpy(), out.numpy(), str(whole.dtype)))
        if "." not in name:
            z = x.detach().clone()
            getattr(z, name + "_")()
            assert z.tolist() == y.tolist()
    for own, other in zip(*results, strict=True):
        if isinstance(own, str):
            assert own == other
        else:  # PyTorch's digamma has a slope of nine digits
            np.testing.assert_allclose(own, other, rtol=1e-12 if own is not results[0][1] else 1e-8)
