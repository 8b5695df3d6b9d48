"""Largest errors of the vectorised functions, in units of the last place, on each instruction set.

float32 and float64 results are compared with NumPy's long double (64 bits of mantissa on x86), others with mpmath where
it is installed. Arguments: uniform over the range, and log-uniform towards 0. The table of docs/numerics.md comes
from here.
"""
import argparse

import numpy as np

from fastnn import kernels

try:
    import mpmath
    mpmath.mp.dps = 40
except ImportError:
    mpmath = None

LONG = np.longdouble


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_mpmath(function):
    """An array function of one of mpmath's, None without mpmath."""
    if mpmath is None:
        return None
    return lambda x: np.array([LONG(mpmath.nstr(function(mpmath.mpf(float(v))), 30)) for v in x])


# name: (low, high, function of long doubles)
FUNCTIONS = {
    "exp": (-87, 88, np.exp),
    "expm1": (-80, 88, np.expm1),
    "log": (1e-30, 1e30, np.log),
    "log1p": (-0.999, 1e10, np.log1p),
    "tanh": (-10, 10, np.tanh),
    "sigmoid": (-80, 80, sigmoid),
    "silu": (-30, 30, lambda x: x * sigmoid(x)),
    "softplus": (-30, 19, lambda x: np.log1p(np.exp(x))),
    "logsigmoid": (-19, 30, lambda x: -np.log1p(np.exp(-x))),
    "sin": (-1000, 1000, np.sin),
    "cos": (-1000, 1000, np.cos),
    "tan": (-1000, 1000, np.tan),
    "asin": (-1, 1, np.arcsin),
    "acos": (-1, 1, np.arccos),
    "atan": (-100, 100, np.arctan),
    "sinh": (-80, 80, np.sinh),
    "cosh": (-80, 80, np.cosh),
    "asinh": (-1000, 1000, np.arcsinh),
    "acosh": (1, 1000, np.arccosh),
    "atanh": (-1, 1, np.arctanh),
    "erf": (-5, 5, by_mpmath(lambda x: mpmath.erf(x))),
    "erfcx": (-9, 1000, by_mpmath(lambda x: mpmath.exp(x * x) * mpmath.erfc(x))),
    "log_ndtr": (-1000, 8, by_mpmath(lambda x: mpmath.log(mpmath.ncdf(x)) if x < 0 else
                                     mpmath.log1p(-mpmath.ncdf(-x)))),
    "gelu": (-5, 8, by_mpmath(lambda x: x * mpmath.ncdf(x))),
    "lgamma": (-150, 150, by_mpmath(lambda x: mpmath.log(abs(mpmath.gamma(x))))),
    "digamma": (0, 150, by_mpmath(lambda x: mpmath.psi(0, x))),
    "tanhshrink": (-5, 5, by_mpmath(lambda x: x - mpmath.tanh(x))),
}


def arguments(low, high, count, rng):
    near_zero = np.exp(rng.uniform(-30, np.log(max(abs(low), high)), count))
    if low < 0:
        near_zero *= rng.choice([-1.0, 1.0], count)
    x = np.concatenate([rng.uniform(low, high, count), near_zero])
    return x[(x > low) & (x < high)]


def largest_error(name, dtype, count):
    """In units of the last place of the exact result; results that are subnormal are left out."""
    low, high, function = FUNCTIONS[name]
    if function is None:
        return float("nan")
    x = arguments(low, high, count, np.random.default_rng(0)).astype(dtype)
    y = kernels.unary_forward(name, x, 1.0, 20.0)  # a and b matter to softplus alone: PyTorch's beta and threshold
    exact = function(x.astype(LONG))
    normal = np.abs(exact) >= np.finfo(dtype).tiny
    unit = np.spacing(np.abs(exact[normal]).astype(dtype)).astype(LONG)
    return float(np.max(np.abs(y[normal].astype(LONG) - exact[normal]) / unit))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="half the number of arguments")
    args = parser.parse_args()
    isas = kernels.available_isas()
    print("| function | " + " | ".join(f"{isa}, {dtype}" for isa in isas for dtype in ("float32", "float64")) + " |")
    print("|---" * (1 + 2 * len(isas)) + "|")
    for name in FUNCTIONS:
        errors = []
        for isa in isas:
            kernels.set_isa(isa)
            errors += [largest_error(name, dtype, args.count) for dtype in (np.float32, np.float64)]
        print(f"| {name} | " + " | ".join(f"{error:.1f}" for error in errors) + " |")


if __name__ == "__main__":
    main()
