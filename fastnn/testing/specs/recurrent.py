"""Recurrent layers over whole sequences."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.reference import recurrent_forward
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal

MODES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}
# steps, batch, in, hidden, directions, biases, batch_first, lengths instead of steps and batch
CASES = ((1, 1, 1, 1, 1, True, False, None), (3, 4, 5, 7, 1, True, False, None), (5, 2, 3, 16, 2, True, True, None),
         (4, 3, 1, 17, 2, False, False, None), (7, 1, 33, 8, 1, True, True, None), (2, 19, 4, 33, 1, True, True, None),
         (0, 0, 6, 9, 2, True, False, (5, 3, 3, 1)), (0, 0, 2, 20, 1, False, False, (6, 6, 2)),
         (0, 3, 2, 5, 1, True, False, None), (3, 0, 2, 5, 2, True, True, None), (9, 23, 12, 40, 1, True, False, None),
         (4, 2, 3, 300, 1, True, False, None))  # few sequences, many weights: cut by units


def arrays(rng, dtype, mode, steps, batch, n_in, hidden, directions, biases, batch_first, lengths):
    """Positional arguments of recurrent_forward."""
    rows, sizes = MODES[mode] * hidden, None
    if lengths:
        batch = len(lengths)
        sizes = np.array([sum(length > t for length in lengths) for t in range(lengths[0])])
        x = normal(rng, dtype, sum(lengths), n_in)
    else:
        x = normal(rng, dtype, *((batch, steps) if batch_first else (steps, batch)), n_in)
    weights = []
    for _ in range(directions):
        weights += [normal(rng, dtype, rows, n_in, scale=0.5), normal(rng, dtype, rows, hidden, scale=hidden**-0.5)]
        weights += [normal(rng, dtype, rows), normal(rng, dtype, rows)] if biases else []
    h0, c0 = (normal(rng, dtype, directions, batch, hidden) for _ in range(2))
    return mode, x, weights, h0, c0 if mode == "lstm" else None, sizes, batch_first and not lengths, directions


def forward_samples(mode):
    def samples(rng, dtype):
        for case in CASES:
            args = arrays(rng, dtype, mode, *case)
            yield Sample(args)
            yield Sample((*args[:3], None, None, *args[5:]), layouts=False)
    return samples


def backward_args(rng, dtype, args):
    """Positional arguments of recurrent_backward, with what the forward call gives."""
    mode, x, weights, h0, c0, *rest = args
    y, hn, cn, saved = recurrent_forward(*args)
    grads = [None if array is None else normal(rng, dtype, *array.shape) for array in (y, hn, cn)]
    return (mode, *grads, x, y, weights, saved, h0, c0, *rest)


def backward_samples(mode):
    def samples(rng, dtype):
        for case in CASES:
            args = backward_args(rng, dtype, arrays(rng, dtype, mode, *case))
            yield Sample(args)
            yield Sample((mode, args[1], None, None, *args[4:], False, True), layouts=False)
            yield Sample((mode, None, args[2], None, *args[4:], True, False), layouts=False)
    return samples


def forward_errors(dtype):
    x, h0 = np.ones((3, 2, 5), dtype), np.ones((1, 2, 4), dtype)
    weights = [np.ones((16, 5), dtype), np.ones((16, 4), dtype), np.ones(16, dtype), np.ones(16, dtype)]
    yield ErrorSample(("lstm", x[0], weights), {}, ShapeError,
                      "recurrent: expected input (steps, batch, in), got (2, 5)")
    yield ErrorSample(("elman", x, weights), {}, ValueError, "recurrent: expected a mode of rnn_tanh")
    yield ErrorSample(("gru", x, weights), {}, ShapeError, "recurrent: expected w_ih (12, 5), got (16, 5)")
    yield ErrorSample(("lstm", x, weights[:3]), {}, ValueError, "recurrent: expected w_ih, w_hh and perhaps b_ih, b_hh")
    yield ErrorSample(("lstm", x, weights, h0[:, :1]), {}, ShapeError, "expected h0 (1, 2, 4), got (1, 1, 4)")
    yield ErrorSample(("lstm", x, weights, h0, h0[0]), {}, ShapeError, "recurrent: expected c0 (1, 2, 4), got (2, 4)")
    yield ErrorSample(("lstm", x.astype(int), weights), {}, DTypeError, "recurrent: expected a float32 or float64")
    yield ErrorSample(("lstm", x[0], weights), {"batch_sizes": [1, 2]}, ValueError, "do not grow, got 2 at step 1")
    yield ErrorSample(("lstm", x[0], weights), {"batch_sizes": [2, 1]}, ShapeError, "expected 3 rows of input")
    yield ErrorSample(("lstm", x, weights), {"directions": 3}, ValueError, "expected 1 or 2 directions, got 3")


def backward_errors(dtype):
    rng = np.random.default_rng(0)
    args = backward_args(rng, dtype, arrays(rng, dtype, "lstm", *CASES[1]))
    for at, what in ((1, "grad"), (2, "grad_h"), (3, "grad_c"), (5, "y"), (7, "saved")):
        yield ErrorSample((*args[:at], args[at][:-1], *args[at + 1:]), {}, ShapeError,
                          f"recurrent_backward: expected {what} (")


def gradient(kernels, rng):
    for mode in MODES:
        for case in (CASES[1], CASES[6]):
            args = arrays(rng, "float64", mode, *case)
            back = backward_args(rng, "float64", args)
            dx, dh0, dc0, dweights = kernels.recurrent_backward(*back)

            def loss(index, value, args=args, back=back, entry=None):
                args = list(args)
                if entry is None:
                    args[index] = value
                else:
                    args[index] = [*args[index][:entry], value, *args[index][entry + 1:]]
                outputs = kernels.recurrent_forward(*args)[:3]
                return float(sum((a * b).sum() for a, b in zip(outputs, back[1:4], strict=True) if a is not None))

            yield GradientCase(f"{mode} x", lambda v, f=loss: f(1, v), args[1], dx)
            yield GradientCase(f"{mode} h0", lambda v, f=loss: f(3, v), args[3], dh0)
            if mode == "lstm":
                yield GradientCase(f"{mode} c0", lambda v, f=loss: f(4, v), args[4], dc0)
            for i, (weight, dweight) in enumerate(zip(args[2], dweights, strict=True)):
                yield GradientCase(f"{mode} weight {i}", lambda v, f=loss, i=i: f(2, v, entry=i), weight, dweight)


BENCHES = ((28, 32, 28, 64), (28, 32, 64, 64), (784, 32, 1, 64), (100, 1, 64, 64), (20, 64, 512, 512), (100, 16, 8, 8))


def flops(mode, steps, batch, n_in, hidden):
    return 2 * steps * batch * MODES[mode] * hidden * (n_in + hidden)


def forward_bench(mode):
    def bench(rng, dtype):
        for case in BENCHES:
            args = arrays(rng, dtype, mode, *case, 1, True, False, None)
            yield Bench("{}x{} {}-{}".format(*case), args, flops=flops(mode, *case))
    return bench


def backward_bench(mode):
    def bench(rng, dtype):
        for case in BENCHES:
            args = backward_args(rng, dtype, arrays(rng, dtype, mode, *case, 1, True, False, None))
            yield Bench("{}x{} {}-{}".format(*case), args, flops=2 * flops(mode, *case))
    return bench


TOLERANCES = {"rtol": {"float32": 2e-5, "float64": 1e-12}, "atol": {"float32": 2e-5, "float64": 1e-12}}

SPECS = [
    *(OpSpec("recurrent_forward", forward_samples(mode), variant=mode, kernels=("recurrent_forward",),
             errors=forward_errors if mode == "lstm" else None, oracle="double", bench=forward_bench(mode),
             **TOLERANCES)
      for mode in MODES),
    *(OpSpec("recurrent_backward", backward_samples(mode), variant=mode, kernels=("recurrent_backward",),
             errors=backward_errors if mode == "lstm" else None, gradient=gradient if mode == "lstm" else None,
             oracle="double", bench=backward_bench(mode), **TOLERANCES) for mode in MODES),
]
