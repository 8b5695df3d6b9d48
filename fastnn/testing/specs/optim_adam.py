"""Optimizer steps of Adam's family; models and options as in the specs of the others."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import ErrorSample, OpSpec, Sample
from fastnn.testing.specs.optim import TOLERANCE, bench_with, common_errors, options_for

# ---- Adam ----

ADAM_OPTIONS = [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}, {"amsgrad": True},
                {"amsgrad": True, "weight_decay": 0.1, "maximize": True}, {"beta1": 0.3, "beta2": 0.9, "eps": 1e-3},
                {"amsgrad": True, "weight_decay": 0.1, "decoupled": True}, {"beta1": 0.0, "beta2": 0.0}]


def adam_samples(rng, dtype):
    for model, options in options_for(ADAM_OPTIONS, rng, dtype):
        options = dict(options)
        largest = model.squares() if options.pop("amsgrad", False) else None
        yield Sample((model.params, model.grads, model.normal(), model.squares(), largest, model.steps, 0.01), options)


def adam_errors(dtype):
    step, state = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], None, step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(2, dtype)], None, step, 0.1), {}, ShapeError, "exp_avg_sqs[0]")


# ---- Adamax ----

ADAMAX_OPTIONS = [{}, {"weight_decay": 0.1}, {"maximize": True, "eps": 1e-3}, {"beta1": 0.3, "beta2": 0.6}]


def adamax_samples(rng, dtype):
    for model, options in options_for(ADAMAX_OPTIONS, rng, dtype):
        yield Sample((model.params, model.grads, model.normal(), model.squares(), model.steps, 0.01), options)


def adamax_errors(dtype):
    step, state = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(2, dtype)], step, 0.1), {}, ShapeError, "exp_infs[0]")


# ---- NAdam ----

NADAM_OPTIONS = [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}, {"maximize": True, "eps": 1e-3},
                 {"beta1": 0.3, "beta2": 0.6, "momentum_decay": 0.1}]


def nadam_samples(rng, dtype):
    for model, options in options_for(NADAM_OPTIONS, rng, dtype):
        products = [np.array(0.5 ** (1 + i % 3), np.float32) for i in range(len(model.steps))]
        yield Sample((model.params, model.grads, model.normal(), model.squares(), products, model.steps, 0.01), options)


def nadam_errors(dtype):
    one, state = [np.ones((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], one,
                                                           [np.ones((), np.float32)], 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(3, dtype)], [1.0], one, 0.1), {}, DTypeError,
                      "expected mu_products[0]")


# ---- RAdam ----

RADAM_OPTIONS = [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}, {"maximize": True, "eps": 1e-3},
                 {"beta1": 0.3, "beta2": 0.9}]


def radam_samples(rng, dtype):
    for i, (model, options) in enumerate(options_for(RADAM_OPTIONS, rng, dtype)):
        for step in model.steps:
            step += 6 * (i % 2)  # rectified or not
        yield Sample((model.params, model.grads, model.normal(), model.squares(), model.steps, 0.01), options)


def radam_errors(dtype):
    step, state = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(2, dtype)], step, 0.1), {}, ShapeError, "exp_avg_sqs[0]")


SPECS = [
    OpSpec("adam_step", adam_samples, kernels=("adam_step",), errors=adam_errors, inplace=(0, 2, 3, 4, 5), **TOLERANCE,
           bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.squares(), None, m.steps, 1e-9), {}), 7)),
    OpSpec("adamax_step", adamax_samples, kernels=("adamax_step",), errors=adamax_errors, inplace=(0, 2, 3, 4),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.squares(), m.steps, 1e-9), {}),
                                         7)),
    OpSpec("nadam_step", nadam_samples, kernels=("nadam_step",), errors=nadam_errors, inplace=(0, 2, 3, 4, 5),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.squares(), m.numbers(0.5), m.steps,
                                                     1e-9), {}), 7)),
    OpSpec("radam_step", radam_samples, kernels=("radam_step",), errors=radam_errors, inplace=(0, 2, 3, 4),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.squares(), m.steps, 1e-9), {}),
                                         7)),
]
