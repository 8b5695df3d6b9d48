"""Times whole training steps and single calls, the same program on fastnn, its NumPy reference and PyTorch.

All run in this process, in turns. `torch` is PyTorch with its ordinary optimizer, `torch-fused` with fused=True.
"""
import contextlib
import functools
import re
import sys

from common import cores, duration, import_torch, machine, parser, ratio, save, time_in_turns

import numpy as np

import fastnn
from fastnn import kernels

NUMPY_DTYPE = {"float32": np.float32, "float64": np.float64}


class Program:
    """One case: build(T, dtype, fused) returns the step to time; T is fastnn or torch, whose names are the same."""

    def __init__(self, name, build, flops=0, optimizer=False):
        self.name, self.build, self.flops, self.optimizer = name, build, flops, optimizer


def data(T, dtype, *shape, seed=0):
    return T.from_numpy(np.random.default_rng(seed).random(shape).astype(NUMPY_DTYPE[dtype]))


def labels(T, n, classes):
    return T.from_numpy(np.random.default_rng(1).integers(0, classes, n))


def made(T, module, dtype):
    """The module with parameters of `dtype`."""
    return module.double() if dtype == "float64" else module


def training_step(model, loss, optimizer, x, target):
    def step():
        optimizer.zero_grad()
        value = loss(model(x), target)
        value.backward()
        optimizer.step()
        return value
    return step


def layers(T, sizes, activation, last=None):
    modules = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        modules.append(T.nn.Linear(a, b))
        if i < len(sizes) - 2:
            modules.append(activation())
    return T.nn.Sequential(*modules, *([last()] if last else []))


def autoencoder(T, dtype, fused):
    model = made(T, layers(T, (784, 128, 64, 32, 64, 128, 784), T.nn.ReLU, T.nn.Sigmoid), dtype)
    x = data(T, dtype, 64, 784)
    return training_step(model, T.nn.MSELoss(), T.optim.Adam(model.parameters(), lr=1e-3, **fused), x, x)


def classifier(T, dtype, fused):
    model = made(T, layers(T, (784, 64, 10), T.nn.ReLU), dtype)
    return training_step(model, T.nn.CrossEntropyLoss(), T.optim.Adam(model.parameters(), lr=1e-3, **fused),
                         data(T, dtype, 32, 784), labels(T, 32, 10))


def xor(T, dtype, fused):
    model = made(T, layers(T, (2, 3, 1), T.nn.Tanh, T.nn.Sigmoid), dtype)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], NUMPY_DTYPE[dtype])
    target = np.array([[0], [1], [1], [0]], NUMPY_DTYPE[dtype])
    return training_step(model, T.nn.MSELoss(), T.optim.SGD(model.parameters(), lr=0.1, **fused),
                         T.from_numpy(x), T.from_numpy(target))


def no_grad(T, call):
    def run():
        with T.no_grad():
            return call()
    return run


def dense_forward(T, dtype, fused):
    model = made(T, T.nn.Sequential(T.nn.Linear(784, 128), T.nn.ReLU()), dtype)
    x = data(T, dtype, 64, 784)
    return no_grad(T, lambda: model(x))


def predict_row(T, dtype, fused):
    model = made(T, layers(T, (784, 128, 10), T.nn.ReLU), dtype)
    x = data(T, dtype, 1, 784)
    return no_grad(T, lambda: model(x))


def matmul(n):
    def build(T, dtype, fused):
        a, b = data(T, dtype, n, n), data(T, dtype, n, n, seed=1)
        return no_grad(T, lambda: a @ b)
    return build


def optimizer_step(build_optimizer, *shapes):
    """One step with gradients that stay."""
    def build(T, dtype, fused):
        parameters = [T.nn.Parameter(data(T, dtype, *shape)) for shape in shapes]
        for parameter in parameters:
            parameter.grad = data(T, dtype, *parameter.shape, seed=1)
        return build_optimizer(T, parameters, fused).step
    return build


def adam(T, parameters, fused):
    return T.optim.Adam(parameters, lr=1e-3, **fused)


def small_add(T, dtype, fused):
    x, y = data(T, dtype, 64), data(T, dtype, 64, seed=1)
    x.requires_grad_()
    return lambda: x + y


AUTOENCODER = [shape for inputs, outputs in [(784, 128), (128, 64), (64, 32), (32, 64), (64, 128), (128, 784)]
               for shape in [(outputs, inputs), (outputs,)]]
PROGRAMS = [
    Program("autoencoder 784-128-64-32-64-128-784, batch 64, Adam", autoencoder, optimizer=True,
            flops=6 * 64 * 2 * (784 * 128 + 128 * 64 + 64 * 32) - 2 * 64 * 784 * 128),
    Program("MLP 784-64-10, batch 32, Adam", classifier, optimizer=True,
            flops=6 * 32 * (784 * 64 + 64 * 10) - 2 * 32 * 784 * 64),
    Program("XOR 2-3-1, 4 rows, SGD", xor, optimizer=True),
    Program("dense forward (64,784)x(784,128)+bias+ReLU", dense_forward, flops=2 * 64 * 784 * 128),
    Program("predict 784-128-10, one row", predict_row, flops=2 * (784 * 128 + 128 * 10)),
    Program("matmul 1024^3", matmul(1024), flops=2 * 1024 ** 3),
    Program("matmul 256^3", matmul(256), flops=2 * 256 ** 3),
    Program("Adam step, autoencoder's parameters", optimizer_step(adam, *AUTOENCODER), optimizer=True),
    Program("Adam step, 10 million parameters", optimizer_step(adam, (10_000_000,)), optimizer=True),
    Program("x + y with its record, 64 elements", small_add),
]


def contenders(program, dtype, torch, threads):
    """What time_in_turns takes: steps, and the settings under which they run."""
    steps, scopes = {}, {}
    for n in sorted({1, threads}):
        name = "fastnn" if n == threads else "fastnn-1"
        steps[name] = program.build(fastnn, dtype, {})
        scopes[name] = functools.partial(fastnn.num_threads, n)
    steps["numpy"] = program.build(fastnn, dtype, {})
    scopes["numpy"] = functools.partial(fastnn.use_backend, "reference")
    if torch:
        steps["torch"] = program.build(torch, dtype, {})
        if program.optimizer:
            with contextlib.suppress(RuntimeError, TypeError):  # not every optimizer has a fused form
                steps["torch-fused"] = program.build(torch, dtype, {"fused": True})
    return steps, scopes


def row(name, times, flops):
    median = {key: value["median"] for key, value in times.items()}
    torch = min((median[key] for key in ("torch", "torch-fused") if key in median), default=None)
    own = median["fastnn"]
    return (f"{name:<52.52} {duration(median.get('fastnn-1'))} {duration(own)} {duration(median['numpy'])} "
            f"{duration(median.get('torch'))} {duration(median.get('torch-fused'))} {ratio(median['numpy'] / own)} "
            f"{ratio(torch / own if torch else None)} {f'{flops / own / 1e9:7.1f} GFLOP/s' if flops else ''}")


def main():
    options = parser(__doc__).parse_args()
    torch = import_torch(not options.no_torch)
    if torch:
        torch.set_num_threads(options.threads)
    if options.isa:
        kernels.set_isa(options.isa)
    info = machine(kernels.get_isa(), options.threads)
    print(f"{info['cpu']}, {cores()} cores; {info['versions']}; isa {info['isa']}; medians")
    print(f"{'step':<52} {'1 thread':>9} {f'{options.threads} threads':>9} {'numpy':>9} {'torch':>9} {'fused':>9} "
          f"{'numpy/f':>7} {'torch/f':>7}")
    results = []
    for dtype in ["float32", "float64"] if options.dtype == "both" else [options.dtype]:
        for program in PROGRAMS:
            if not re.search(options.filter, program.name):
                continue
            times = time_in_turns(*contenders(program, dtype, torch, options.threads),
                                  **({"rounds": 5, "block": 0.01, "budget": 3} if options.quick else
                                     {"rounds": 21, "block": 0.05, "budget": 30}))
            name = program.name + ("" if dtype == "float32" else " f64")
            results.append({"label": program.name, "dtype": dtype, "flops": program.flops, "times": times})
            print(row(name, times, program.flops), flush=True)
    if not results:
        sys.exit(f"no program matches {options.filter!r}")
    save("train", options.json, {"kind": "train", "machine": info, "results": results})


if __name__ == "__main__":
    main()
