"""Gradients against central differences, in float64."""
import numpy as np

from fastnn.testing.compare import assert_same

MOST_ELEMENTS = 120  # larger arrays are checked along this many random directions


def numeric_gradient(function, x, eps=1e-6):
    """df/dx[i] = (f(x + eps e_i) - f(x - eps e_i)) / (2 eps) for a float-valued `function` of a float64 array."""
    gradient = np.empty(x.size)
    for i in range(x.size):
        gradient[i] = derivative_along(function, x, i, eps)
    return gradient.reshape(x.shape)


def derivative_along(function, x, direction, eps):
    """The derivative along an element (an int) or an array of x' shape."""
    step = np.zeros(x.shape)
    if isinstance(direction, int):
        step.reshape(-1)[direction] = eps
    else:
        step += eps * direction
    return (function(x + step) - function(x - step)) / (2 * eps)


def check_gradient(case, rng):
    """Raises compare.Mismatch if a GradientCase's gradient is not the numeric one."""
    if case.x.dtype != np.float64:
        raise ValueError(f"{case.label}: gradients are checked in float64, got {case.x.dtype}")
    assert_same(case.gradient.shape, case.x.shape, where=f"shape of the gradient of {case.label}")
    if case.x.size <= MOST_ELEMENTS:
        numeric = numeric_gradient(case.function, case.x, case.eps)
        assert_same(case.gradient, numeric, case.rtol, case.atol, f"gradient of {case.label}")
        return
    for i in range(MOST_ELEMENTS):
        direction = rng.choice([-1.0, 1.0], case.x.shape) * (rng.random(case.x.shape) < 0.3)
        numeric = derivative_along(case.function, case.x, direction, case.eps)
        scale = np.sqrt(direction.astype(bool).sum())
        assert_same(np.asarray((case.gradient * direction).sum()), np.asarray(numeric), case.rtol, case.atol * scale,
                    f"derivative of {case.label} along direction {i}")
