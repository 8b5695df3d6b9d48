"""Adafactor's step: models and options as in the specs of the other optimizers, and batches of matrices."""
import numpy as np

from fastnn.errors import ShapeError
from fastnn.testing.spec import ErrorSample, OpSpec, Sample
from fastnn.testing.specs.optim import Model, bench_with, common_errors, options_for

OPTIONS = [{}, {"weight_decay": 0.1}, {"maximize": True, "beta2_decay": -1.0}, {"eps1": 0.1, "eps2": 0.5, "d": 2.0}]


def states(model):
    """(row_vars, col_vars, variances)."""
    rows = [np.square(p).mean(-1, keepdims=True) + p.dtype.type(0.1) if p.ndim > 1 and p.size else
            np.zeros((*p.shape[:-1], 1), p.dtype) if p.ndim > 1 else None for p in model.params]
    cols = [np.square(p).mean(-2, keepdims=True) + p.dtype.type(0.1) if p.ndim > 1 and p.size else
            np.zeros((*p.shape[:-2], 1, p.shape[-1]), p.dtype) if p.ndim > 1 else None for p in model.params]
    return rows, cols, [None if p.ndim > 1 else np.asarray(p * p) for p in model.params]


def samples(rng, dtype):
    for model, options in options_for(OPTIONS, rng, dtype):
        if any(np.isnan(p).any() for p in model.params):  # one NaN in a norm leaves nothing to compare
            continue
        yield Sample((model.params, model.grads, *states(model), model.steps, 0.05), options)
    for shapes in ([(4, 3, 2), (2, 1, 5, 7)], [(1, 1), (1, 9), (9, 1)], [(300, 700), (64, 64)], [(2, 0, 3), (0, 4)]):
        for steps in (0, 3):
            model = Model(rng, dtype, shapes, steps)
            yield Sample((model.params, model.grads, *states(model), model.steps, 0.05), {})


def errors(dtype):
    one, v = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, [None], [None], v, one, 0.1))
    x, m = np.ones(3, dtype), np.ones((3, 4), dtype)
    row, col = np.ones((3, 1), dtype), np.ones((1, 4), dtype)
    yield ErrorSample(([x], [x], [None], [None], [np.ones(2, dtype)], one, 0.1), {}, ShapeError,
                      "row_vars or variances[0] of shape (3,), got (2,)")
    yield ErrorSample(([m], [m], [row], [row], [None], one, 0.1), {}, ShapeError, "col_vars[0] of shape (1, 4)")
    yield ErrorSample(([m], [m], [None], [col], [None], one, 0.1), {}, TypeError, "expected an array as row_vars")
    yield ErrorSample(([m], [m], [row], [], [None], one, 0.1), {}, ShapeError, "expected 1 col_vars")


SPECS = [OpSpec("adafactor_step", samples, kernels=("adafactor_step",), errors=errors, inplace=(0, 2, 3, 4, 5),
                rtol={"float32": 1e-5, "float64": 1e-13}, atol={"float32": 1e-6, "float64": 1e-14},
                bench=bench_with(lambda m: ((m.params, m.grads, *states(m), m.steps, 1e-9), {}), 3))]
