"""Optimizer steps: parameters of many sizes, all options, with and without earlier steps."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import SIZES, Bench, ErrorSample, OpSpec, Sample, normal, special

MIXED = [(3, 2), (3,), (), (0,), (1,), (70, 33), (5, 0, 2), (4097,), (2, 3, 5)]


class Model:
    """Parameters, gradients and state of given shapes."""

    def __init__(self, rng, dtype, shapes, steps=3):
        self.rng, self.dtype, self.shapes = rng, dtype, shapes
        self.params, self.grads = self.normal(), self.normal()
        self.steps = [np.array(steps + i % 3, np.float32) for i in range(len(shapes))]

    def normal(self):
        return [np.asarray(normal(self.rng, self.dtype, *shape)) for shape in self.shapes]

    def squares(self, least=0.0):
        return [np.asarray(x * x + x.dtype.type(least)) for x in self.normal()]

    def numbers(self, value):
        """One number for each parameter."""
        return [np.array(value, np.float32) for _ in self.shapes]

    def zeros(self):
        return [np.zeros(shape, self.dtype) for shape in self.shapes]


def models(rng, dtype):
    for n in SIZES:
        yield Model(rng, dtype, [(n,)])
    yield Model(rng, dtype, MIXED)
    yield Model(rng, dtype, MIXED, steps=0)
    yield Model(rng, dtype, [(17,)] * 150)
    yield Model(rng, dtype, [])
    odd = Model(rng, dtype, [special(dtype).shape])
    odd.params, odd.grads = [special(dtype)], [np.roll(special(dtype), 5)]
    yield odd


def options_for(options, rng, dtype):
    """Each model with the options in turn, and the mixed model with all of them."""
    for i, model in enumerate(models(rng, dtype)):
        yield model, options[i % len(options)]
    for choice in options:
        yield Model(rng, dtype, MIXED), choice


# ---- SGD ----

SGD_OPTIONS = [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
               {"momentum": 0.5, "dampening": 0.3, "maximize": True}, {"weight_decay": 0.1, "maximize": True},
               {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}]


def sgd_samples(rng, dtype):
    for model, options in options_for(SGD_OPTIONS, rng, dtype):
        buffers = model.normal() if options.get("momentum") else None
        yield Sample((model.params, model.grads, buffers, 0.1), options)
    for options in SGD_OPTIONS[1:4]:
        model = Model(rng, dtype, MIXED)
        buffers = [None if i % 2 else buffer for i, buffer in enumerate(model.normal())]
        yield Sample((model.params, model.grads, buffers, 0.1), options)


def sgd_errors(dtype):
    yield from common_errors(dtype, lambda params, grads: (params, grads, None, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], None, 0.1, 0.9), {}, ShapeError, "expected 1 momentum_buffers")
    yield ErrorSample(([x], [x], [np.ones(4, dtype)], 0.1, 0.9), {}, ShapeError, "momentum_buffers[0] of shape (3,)")


def common_errors(dtype, arguments):
    x, other = np.ones(3, dtype), "float64" if dtype == "float32" else "float32"
    fixed = np.ones(3, dtype)
    fixed.flags.writeable = False
    yield ErrorSample(arguments([np.ones(3, np.int64)], [x]), {}, DTypeError, "got int64")
    yield ErrorSample(arguments([x], [np.ones(3, other)]), {}, DTypeError, "grads[0] of dtype")
    yield ErrorSample(arguments([x, x.copy()], [x]), {}, ShapeError, "expected 2 grads")
    yield ErrorSample(arguments([x], [np.ones((3, 1), dtype)]), {}, ShapeError, "grads[0] of shape (3,), got (3, 1)")
    yield ErrorSample(arguments([x], [None]), {}, TypeError, "expected an array as grads[0], got NoneType")
    yield ErrorSample(arguments([3.0], [x]), {}, TypeError, "expected arrays as params, got float")


# ---- Adagrad ----

ADAGRAD_OPTIONS = [{}, {"weight_decay": 0.1, "lr_decay": 0.05}, {"maximize": True, "eps": 1e-3}]


def adagrad_samples(rng, dtype):
    for model, options in options_for(ADAGRAD_OPTIONS, rng, dtype):
        yield Sample((model.params, model.grads, model.squares(), model.steps, 0.1), options)


def adagrad_errors(dtype):
    step = [np.zeros((), np.float32)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, [np.ones(3, dtype)], step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], [x], [1.0], 0.1), {}, DTypeError, "expected steps[0] to be a writeable float32 array")
    yield ErrorSample(([x], [x], [x], [], 0.1), {}, ShapeError, "expected 1 steps")


# ---- RMSprop ----

RMSPROP_OPTIONS = [{}, {"centered": True}, {"momentum": 0.9, "weight_decay": 0.1}, {"alpha": 0.3, "maximize": True},
                   {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "alpha": 0.2}]


def rmsprop_samples(rng, dtype):
    for model, options in options_for(RMSPROP_OPTIONS, rng, dtype):
        options = dict(options)
        centered = options.pop("centered", False)
        average = [np.asarray(x * x.dtype.type(0.1)) for x in model.normal()] if centered else None
        buffers = model.normal() if options.get("momentum") else None
        yield Sample((model.params, model.grads, model.squares(1.0), average, buffers, model.steps, 0.01), options)


def rmsprop_errors(dtype):
    step = [np.zeros((), np.float32)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, [np.ones(3, dtype)], None, None, step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], [x], None, None, step, 0.1), {"momentum": 0.9}, ShapeError,
                      "expected 1 momentum_buffers")


# ---- Adadelta ----

ADADELTA_OPTIONS = [{}, {"weight_decay": 0.1, "rho": 0.5}, {"maximize": True, "eps": 1e-3}]


def adadelta_samples(rng, dtype):
    for model, options in options_for(ADADELTA_OPTIONS, rng, dtype):
        yield Sample((model.params, model.grads, model.squares(), model.squares(), model.steps, 0.1), options)


def adadelta_errors(dtype):
    step, state = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], step, 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(2, dtype)], step, 0.1), {}, ShapeError, "acc_deltas[0]")


# ---- Rprop ----

RPROP_OPTIONS = [{}, {"etaminus": 0.3, "etaplus": 2.0, "step_size_min": 0.5, "step_size_max": 1.5}, {"maximize": True}]


def rprop_samples(rng, dtype):
    for model, options in options_for(RPROP_OPTIONS, rng, dtype):
        prevs = model.normal()
        for grad in model.grads:  # what is flushed to 0 has no sign
            grad[...] = np.where((grad != 0) & (abs(grad) < 1e-3), 1e-3, grad)
        if model.grads and model.grads[0].size > 1:
            prevs[0].flat[0] = 0
        yield Sample((model.params, model.grads, prevs, model.squares(), model.steps), options)


def rprop_errors(dtype):
    step, state = [np.zeros((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, [np.ones(3, dtype)], step))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, [np.ones(2, dtype)], step), {}, ShapeError, "step_sizes[0]")


# ---- ASGD ----

ASGD_OPTIONS = [{}, {"weight_decay": 0.1, "t0": 1.0}, {"maximize": True, "lambd": 0.1, "alpha": 0.5}]


def asgd_samples(rng, dtype):
    for i, (model, options) in enumerate(options_for(ASGD_OPTIONS, rng, dtype)):
        mus = [np.array((1, 0.5)[(i + k) % 2], np.float32) for k in range(len(model.steps))]
        etas = [np.array(0.01 + 0.01 * k, np.float32) for k in range(len(model.steps))]
        yield Sample((model.params, model.grads, model.normal(), mus, etas, model.steps, 0.1), options)


def asgd_errors(dtype):
    one, state = [np.ones((), np.float32)], [np.ones(3, dtype)]
    yield from common_errors(dtype, lambda params, grads: (params, grads, state, one, [np.ones((), np.float32)],
                                                           [np.ones((), np.float32)], 0.1))
    x = np.ones(3, dtype)
    yield ErrorSample(([x], [x], state, one, [0.1], one, 0.1), {}, DTypeError, "expected etas[0] to be a writeable")


def bench_with(arguments, arrays):
    def bench(rng, dtype):
        for label, shapes in (("xor", [(3, 2), (3,), (1, 3), (1,)]), ("200 x 100", [(100,)] * 200),
                              ("autoencoder", [(128, 784), (128,), (64, 128), (64,), (32, 64), (32,), (64, 32), (64,),
                                               (128, 64), (128,), (784, 128), (784,)]), ("4M", [(2048, 2048)])):
            model = Model(rng, dtype, shapes)
            n = sum(x.size for x in model.params)
            yield Bench(label, *arguments(model), bytes=arrays * n * np.dtype(dtype).itemsize)
    return bench


TOLERANCE = {"rtol": {"float32": 4e-6, "float64": 1e-14}, "atol": {"float32": 4e-7, "float64": 1e-15}}

SPECS = [
    OpSpec("sgd_step", sgd_samples, kernels=("sgd_step",), errors=sgd_errors, inplace=(0, 2), **TOLERANCE,
           bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), 1e-9), {"momentum": 0.9}), 5)),
    OpSpec("adagrad_step", adagrad_samples, kernels=("adagrad_step",), errors=adagrad_errors, inplace=(0, 2, 3),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.squares(), m.steps, 1e-9), {}), 5)),
    OpSpec("rmsprop_step", rmsprop_samples, kernels=("rmsprop_step",), errors=rmsprop_errors, inplace=(0, 2, 3, 4, 5),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.squares(), None, None, m.steps, 1e-9), {}),
                                         5)),
    OpSpec("adadelta_step", adadelta_samples, kernels=("adadelta_step",), errors=adadelta_errors, inplace=(0, 2, 3, 4),
           **TOLERANCE, bench=bench_with(lambda m: ((m.params, m.grads, m.squares(), m.squares(), m.steps, 1e-9), {}),
                                         7)),
    OpSpec("rprop_step", rprop_samples, kernels=("rprop_step",), errors=rprop_errors, inplace=(0, 2, 3, 4), **TOLERANCE,
           bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.squares(), m.steps), {}), 7)),
    OpSpec("asgd_step", asgd_samples, kernels=("asgd_step",), errors=asgd_errors, inplace=(0, 2, 3, 4, 5), **TOLERANCE,
           bench=bench_with(lambda m: ((m.params, m.grads, m.zeros(), m.numbers(1.0), m.numbers(1e-9), m.steps, 1e-9),
                                       {}), 5)),
]
