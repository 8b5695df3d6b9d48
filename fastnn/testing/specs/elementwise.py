"""Specs of maps, arithmetic with broadcasting, selection and copies."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels import unary_names
from fastnn.testing.spec import SIZES, Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, special

# Parameters a, b to try; (0, 0) for the maps that take none.
PARAMETERS = {
    "leaky_relu": [(0.01, 0)], "leaky_relu_signed": [(-0.5, 0)], "elu": [(1, 0), (0.5, 0)],
    "elu_of_x": [(-2, 0), (1, 0)], "celu_of_x": [(0.5, 0), (-2, 0)],
    "celu": [(1, 0), (0.7, 0)], "softplus": [(1, 20), (2, 3)], "hardtanh": [(-1, 1), (-0.5, 2)],
    "threshold": [(0.5, 0.2), (-1, 3)], "softshrink": [(0.5, 0)], "hardshrink": [(0.5, 0)],
    "clamp": [(-1, 1), (-np.inf, 0.5), (0.1, np.inf)], "add_scalar": [(1.5, 0)], "mul_scalar": [(-1.5, 0)],
    "div_scalar": [(3, 0)], "rsub_scalar": [(1.5, 0)], "rdiv_scalar": [(1.5, 0)],
    "pow_scalar": [(2, 0), (3, 0), (0.5, 0), (-1, 0), (2.5, 0), (0, 0)], "rpow_scalar": [(2.5, 0)],
}
MAPS = unary_names()  # all of elementwise.def
FLAT = {"step", "floor", "ceil", "round", "trunc", "sign"}  # no gradient to check
POSITIVE = {"log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "rdiv_scalar", "pow_scalar"}
UNIT = {"asin", "acos", "atanh"}
SMALL = (0, 1, 7, 16, 33, 4099)


def domain(name, x):
    """x moved to where the map is defined and smooth enough to compare."""
    if name in POSITIVE:
        return np.abs(x) + x.dtype.type(0.1)
    if name in UNIT:
        return np.tanh(x) * x.dtype.type(0.9)
    if name in ("lgamma", "digamma"):  # away from zeros and poles
        return np.where(x > 0, x + x.dtype.type(2.1), np.clip(x, -0.45, -0.05))
    if name == "erfcx":  # its large values would hide the slopes of others
        return np.where(x < 0, x / 2, x)
    if name == "log_ndtr":  # far into the tail
        return np.where(x < 0, x * 20, x)
    if name == "acosh":
        return np.abs(x) + x.dtype.type(1.1)
    return np.abs(x) if name == "log1p" else x


def forward_samples(name):
    def samples(rng, dtype):
        for a, b in PARAMETERS.get(name, [(0, 0)]):
            for n in SIZES if name in ("relu", "sigmoid", "tanh") else SMALL:
                yield Sample((name, domain(name, normal(rng, dtype, n)), a, b))
            yield Sample((name, domain(name, normal(rng, dtype, 5, 7, 11, scale=3)), a, b))
    return samples


def backward_samples(name):
    def samples(rng, dtype):
        for a, b in PARAMETERS.get(name, [(0, 0)]):
            for shape in ((0,), (1,), (17,), (3, 33), (4099,)):
                x = domain(name, normal(rng, dtype, *shape))
                y = reference_forward(name, x, a, b)
                yield Sample((name, normal(rng, dtype, *shape), x, y, a, b))
    return samples


def reference_forward(name, x, a, b):
    from fastnn.reference import unary_forward
    return unary_forward(name, x, a, b)


def special_samples(rng, dtype):
    for name in ("relu", "sigmoid", "tanh", "exp", "expm1", "log", "silu", "abs", "neg", "sqrt", "hardsigmoid"):
        x = special(dtype)
        x = x[(x == 0) | ~(np.abs(x) < np.finfo(dtype).tiny)]  # kernels flush subnormal numbers, NumPy does not
        if name in ("exp", "expm1", "sigmoid"):  # results that are subnormal
            x = x[~((x < -80) & (x > -110)) & ~((x < -700) & (x > -800))]
        yield Sample((name, x), atol=1e-37)


def unary_errors(dtype):
    yield ErrorSample(("relu", np.ones(3, np.int64)), {}, DTypeError, "expected a float32 or float64 array, got int64")
    yield ErrorSample(("relu", None), {}, DTypeError, "got None")
    yield ErrorSample(("no such map", np.ones(3, dtype)), {}, ValueError, "no such map")


def backward_errors(dtype):
    ones = np.ones(3, dtype)
    yield ErrorSample(("tanh", ones, None, None), {}, ValueError, "tanh needs y, got None")
    yield ErrorSample(("gelu", ones, None, ones), {}, ValueError, "gelu needs x, got None")
    yield ErrorSample(("tanh", ones, None, np.ones(4, dtype)), {}, ShapeError, "expected y of shape (3,)")
    yield ErrorSample(("leaky_relu", ones, None, ones, -0.5), {}, ValueError, "leaky_relu_signed")


def unary_gradient(name):
    def gradient(kernels, rng):
        for a, b in PARAMETERS.get(name, [(0, 0)]):
            if name == "leaky_relu_signed" or a >= 0 or name in ("hardtanh", "clamp", "threshold", "mul_scalar"):
                x, weights = rng.standard_normal((2, 5, 7))
                kinks = (-3, -1, -0.5, 0, 0.1, 0.5, 1, 1.5, 2, 3, 6)
                for kink in kinks:
                    x[abs(x - kink) < 0.01] += 0.03
                x = domain(name, x)

                def function(x, a=a, b=b, weights=weights):
                    return float((kernels.unary_forward(name, x, a, b) * weights).sum())

                y = kernels.unary_forward(name, x, a, b)
                yield GradientCase(f"x a={a} b={b}", function, x, kernels.unary_backward(name, weights, x, y, a, b))
    return gradient


def unary_bench(name, backward=False):
    def bench(rng, dtype):
        a, b = PARAMETERS.get(name, [(0, 0)])[0]
        for n in (64, 100_000):
            x = domain(name, normal(rng, dtype, n))
            if backward:
                y = reference_forward(name, x, a, b)
                yield Bench(f"{n}", (name, x, x, y, a, b), flops=n, bytes=3 * x.nbytes)
            else:
                yield Bench(f"{n}", (name, x, a, b), flops=n, bytes=2 * x.nbytes)
    return bench


# ---- two arrays ----

SHAPES = [((2, 3), (2, 3)), ((5,), ()), ((), (5,)), ((), ()), ((4, 5), (5,)), ((4, 5), (4, 1)), ((4, 1), (1, 5)),
          ((0, 3), (3,)), ((0,), (1,)), ((7, 1, 5), (1, 6, 5)), ((300, 70), (70,)), ((33, 64), (33, 1)),
          ((2, 3, 4, 5), (3, 1, 5)), ((70001,), (70001,)), ((1025,), ())]
ARITHMETIC = ("add sub mul div maximum minimum pow atan2 fmod remainder floor_divide prelu prelu_slope prelu_share "
              "glu glu_rest").split()
COMPARISONS = "eq ne lt le gt ge".split()


def pairs(rng, dtype):
    for left, right in SHAPES:
        yield np.asarray(normal(rng, dtype, *left)), np.asarray(normal(rng, dtype, *right))  # 0-d stays an array
    yield normal(rng, dtype, 40, 30).T, normal(rng, dtype, 30, 40)
    yield normal(rng, dtype, 3, 4, 6)[:, ::2, ::-1], normal(rng, dtype, 2, 1)


def binary_samples(name):
    def samples(rng, dtype):
        for x, y in pairs(rng, dtype):
            yield Sample((name, np.asarray(np.abs(x)) if name == "pow" else x, y), layouts=x.ndim * y.ndim > 0)
        if name in ("add", "mul", "maximum", "minimum"):
            x = np.array([0, 1, -1, 2.5, np.inf, -np.inf, np.nan], dtype)
            yield Sample((name, x[:, None], x))
    return samples


def compare_samples(name):
    def samples(rng, dtype):
        for x, y in pairs(rng, dtype):
            yield Sample((name, np.asarray(np.round(x)), np.asarray(np.round(y))), layouts=x.ndim * y.ndim > 0)
    return samples


def into_samples(rng, dtype):
    for x, y in pairs(rng, dtype):
        out = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype)
        yield Sample(("add", out, x, y), layouts=x.ndim * y.ndim > 0)


def where_samples(rng, dtype):
    for x, y in pairs(rng, dtype):
        condition = normal(rng, dtype, *np.broadcast_shapes(x.shape, y.shape)) > 0
        yield Sample((np.asarray(condition), x, y), layouts=x.ndim * y.ndim > 0)


def copy_samples(rng, dtype):
    for x, _ in pairs(rng, dtype):
        yield Sample((x,), layouts=x.ndim > 0)
    yield Sample((normal(rng, dtype, 200, 300).T,))


def copy_into_samples(rng, dtype):
    for x, y in pairs(rng, dtype):
        yield Sample((np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype), y), layouts=x.ndim * y.ndim > 0)


def add_into_samples(rng, dtype):
    for n in SIZES:
        yield Sample((normal(rng, dtype, n), normal(rng, dtype, n)), rtol=0)
        yield Sample((normal(rng, dtype, n), normal(rng, dtype, n), 0.5), atol=1e-6 if dtype == "float32" else 1e-14)


def binary_errors(dtype):
    x = np.ones(3, dtype)
    other = "float64" if dtype == "float32" else "float32"
    yield ErrorSample(("add", x, np.ones(4, dtype)), {}, ShapeError, "broadcast together, got (3,) and (4,)")
    yield ErrorSample(("add", x, x.astype(other)), {}, DTypeError, "arrays of one dtype")
    yield ErrorSample(("add", np.ones(3, int), np.ones(3, int)), {}, DTypeError, "got int64")
    yield ErrorSample(("no such", x, x), {}, ValueError, "no such")


def compare_errors(dtype):
    yield ErrorSample(("lt", np.ones(3, dtype), np.ones(4, dtype)), {}, ShapeError, "broadcast together")


def into_errors(dtype):
    x = np.ones(3, dtype)
    yield ErrorSample(("add", x, np.ones((2, 3), dtype), x), {}, ShapeError, "broadcast to (3,)")


def where_errors(dtype):
    x = np.ones(3, dtype)
    yield ErrorSample((x, x, x), {}, DTypeError, "expected a bool condition")


def copy_errors(dtype):
    yield ErrorSample((np.ones(3, int),), {}, DTypeError, "copy: expected a float32 or float64 array")


def copy_into_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), np.ones((2, 3), dtype)), {}, ShapeError, "broadcasts to (3,)")


def add_into_errors(dtype):
    yield ErrorSample((np.ones(3, dtype), np.ones(1, dtype)), {}, ShapeError, "expected x of shape (3,)")


def bench_pair(*leading, into=False, bool_first=False):
    def bench(rng, dtype):
        for label, left, right in (("6", (2, 3), (2, 3)), ("rows", (64, 784), (784,)), ("1e6", (10**6,), (10**6,))):
            x, y = normal(rng, dtype, *left), normal(rng, dtype, *right)
            first = (np.zeros_like(x),) if into else (x > 0,) if bool_first else ()
            yield Bench(label, (*leading, *first, x, y), flops=x.size, bytes=2 * x.nbytes + y.nbytes)
    return bench


def copy_bench(rng, dtype):
    for label, x in (("6", normal(rng, dtype, 2, 3)), ("transposed", normal(rng, dtype, 784, 64).T)):
        yield Bench(label, (x,), bytes=2 * x.nbytes)


def into_bench(rng, dtype):
    for n in (64, 10**6):
        x = normal(rng, dtype, n)
        yield Bench(f"{n}", (np.zeros_like(x), x), bytes=3 * x.nbytes)


LOOSE = {"float32": 2e-5, "float64": 1e-13}
TIGHT = {"float32": 2e-6, "float64": 1e-14}
SPECS = [OpSpec("unary_forward", special_samples, variant="special", kernels=("unary_forward",), rtol=TIGHT)]
for _name in MAPS:
    SPECS.append(OpSpec("unary_forward", forward_samples(_name), variant=_name, kernels=("unary_forward",),
                        errors=unary_errors if _name == "relu" else None, rtol=LOOSE, atol=TIGHT,
                        gradient=None if _name in FLAT else unary_gradient(_name), bench=unary_bench(_name)))
    SPECS.append(OpSpec("unary_backward", backward_samples(_name), variant=_name, kernels=("unary_backward",),
                        errors=backward_errors if _name == "relu" else None, rtol=LOOSE,
                        atol={"float32": 1e-5, "float64": 1e-13}, bench=unary_bench(_name, backward=True)))
for _name in ARITHMETIC:
    SPECS.append(OpSpec("binary", binary_samples(_name), variant=_name, kernels=("binary",),
                        errors=binary_errors if _name == "add" else None,
                        rtol=LOOSE if _name in ("pow", "atan2", "glu", "glu_rest") else 0.0, bench=bench_pair(_name)))
for _name in COMPARISONS:
    SPECS.append(OpSpec("compare", compare_samples(_name), variant=_name, kernels=("compare",),
                        errors=compare_errors if _name == "lt" else None, rtol=0.0, bench=bench_pair(_name)))
SPECS += [
    OpSpec("binary_into", into_samples, kernels=("binary",), errors=into_errors, rtol=0.0, inplace=(1,),
           bench=bench_pair("add", into=True)),
    OpSpec("where", where_samples, kernels=("where",), errors=where_errors, rtol=0.0,
           torch=lambda c, x, y: x.where(c, y), bench=bench_pair(bool_first=True)),
    OpSpec("copy", copy_samples, kernels=("copy",), errors=copy_errors, rtol=0.0, torch=lambda x: x.clone(),
           bench=copy_bench),
    OpSpec("copy_into", copy_into_samples, kernels=("copy",), errors=copy_into_errors, rtol=0.0, inplace=(0,),
           bench=into_bench),
    OpSpec("add_into", add_into_samples, kernels=("add_scaled",), errors=add_into_errors, inplace=(0,), layouts=False,
           bench=into_bench),
]
