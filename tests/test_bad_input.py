"""Calls with one argument spoilt: an exception of a fitting class or a result, never a crash, a hang or a stray write.

Each operation runs in a process of its own, which prints what it is about to do; a crash then names its call.
"""
import os
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from conftest import SANITIZED

import fastnn
import fastnn.nn.functional as F
from fastnn import kernels
from fastnn.errors import ShapeError
from fastnn.kernels import _core
from fastnn.testing.compare import arrays_in, map_arrays
from fastnn.testing.guard import guarded_outputs
from fastnn.testing.spec import all_specs

# What bad input may raise. AttributeError, SystemError, AssertionError and the like are faults of ours.
FITTING = (TypeError, ValueError, IndexError, OverflowError, RuntimeError, MemoryError)
MOST_ELEMENTS = 2000
SAMPLES = 6  # of each spec
MOST_MEMORY = 4 << 30


def spoilt_arrays(x):
    """Things to put in an array's position."""
    yield None
    yield "text"
    yield 3
    yield 1e300
    yield x.tolist()
    yield x.astype(object)
    yield x.astype(np.float16)
    yield x.astype(np.int32) if x.dtype.kind == "f" else x.astype(np.float32)
    yield x.astype(np.complex64)
    yield x.astype(np.float64 if x.dtype == np.float32 else np.float32)
    yield x.astype(x.dtype.newbyteorder())
    yield x[..., None]
    yield x[None]
    yield x.reshape(-1)
    yield np.empty(0, x.dtype)
    yield np.empty((0, 3), x.dtype)
    yield np.array(1, x.dtype)
    yield np.ones((1,) * 40, x.dtype)
    yield np.broadcast_to(np.ones(1, x.dtype), (*x.shape, 3))
    yield np.concatenate([x, x]) if x.ndim else x
    if x.ndim:
        yield x[:-1]
        yield x[..., :-1]
        yield x.T
        yield np.broadcast_to(x[:1], x.shape)  # overlaps itself
    if x.dtype.kind in "iu":
        for value in (-1, 2 ** 31, -2 ** 63, 2 ** 63 - 1, 10 ** 6):
            yield np.full_like(x, np.clip(value, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max))
    if x.dtype.kind == "f":
        yield np.full_like(x, np.nan)
        yield np.full_like(x, np.inf)


def spoilt_values(value):
    """Things to put in the position of something else than an array."""
    if isinstance(value, (tuple, list)) and arrays_in(value):
        yield value[:-1]
        yield [*value, *value]
        yield list(value)[::-1]
        yield []
        for i, item in enumerate(value[:2]):
            if isinstance(item, np.ndarray):
                for other in spoilt_arrays(item):
                    yield [*value[:i], other, *value[i + 1:]]
    yield from (None, "text", -1, 2 ** 31, 2 ** 63, -2 ** 70, float("nan"), float("inf"), 1e300, (), (1, 1), (0, 0),
                (-1,), (100,), [1.5], object(), b"", True, np.ones(3), np.float32(2), 1 + 2j, slice(None), int)


def spoilt_calls(sample):
    """(args, kwargs) with one argument replaced, left out or added; arrays are fresh copies."""
    def copied(value):
        return map_arrays(np.copy, value)
    positions = [*range(len(sample.args)), *sample.kwargs]
    for position in positions:
        value = copied(sample.args[position] if isinstance(position, int) else sample.kwargs[position])
        others = spoilt_arrays(value) if isinstance(value, np.ndarray) else spoilt_values(value)
        for other in others:
            args, kwargs = list(copied(sample.args)), copied(sample.kwargs)
            if isinstance(position, int):
                args[position] = other
            else:
                kwargs[position] = other
            yield position, tuple(args), kwargs
        yield position, tuple(copied(sample.args[:-1])), copied(sample.kwargs)
    yield "no_such_argument", copied(sample.args), {**copied(sample.kwargs), "no_such_argument": 1}


def text(value):
    if isinstance(value, np.ndarray):
        odd = [name for name in ("aligned", "writeable", "c_contiguous") if not getattr(value.flags, name)]
        return f"{value.dtype}{list(value.shape)}{' not ' * bool(odd)}{', '.join(odd)}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__}({', '.join(map(text, value[:6]))})"
    return repr(value)[:40]


def limit_memory():
    """Sizes like 2 ** 31 rows are lawful: they shall meet a MemoryError, not fill gigabytes."""
    if sys.platform == "linux" and not SANITIZED:  # its shadow takes terabytes
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def run_all(name):
    """In the process of its own: prints a line before each call, and `fault` lines."""
    limit_memory()
    warnings.simplefilter("ignore")
    calls = faults = 0
    kernels.set_num_threads(1)
    with guarded_outputs(_core) as check_guards:
        for spec in all_specs():
            if spec.name != name:
                continue
            rng = np.random.default_rng(zlib.crc32(spec.id.encode()))
            samples = [sample for sample in spec.samples(rng, "float32")
                       if 0 < sum(array.size for array in arrays_in([sample.args, sample.kwargs])) <= MOST_ELEMENTS]
            for sample in samples[::max(1, len(samples) // SAMPLES)][:SAMPLES]:
                for position, args, kwargs in spoilt_calls(sample):
                    calls += 1
                    named = ", ".join(f"{key}={text(value)}" for key, value in kwargs.items())
                    where = f"{spec.id} (argument {position}): {text(args)} {named}"
                    print("call", where)
                    try:
                        getattr(kernels, name)(*args, **kwargs)
                    except FITTING as error:
                        if isinstance(error, RuntimeError) and type(error) is RuntimeError and not str(error):
                            print("fault", f"{where}: an error without a message")
                    except BaseException as error:
                        faults += 1
                        print("fault", f"{where}: {type(error).__name__}: {error}")
                    check_guards(where)
    print("done", calls, faults)


@pytest.mark.parametrize("name", sorted({spec.name for spec in all_specs()}))
def test_bad_input(name):
    root = os.path.dirname(os.path.dirname(os.path.abspath(fastnn.__file__)))
    done = subprocess.run([sys.executable, "-u", __file__, name], capture_output=True, text=True, timeout=300,
                          env=os.environ | {"PYTHONPATH": root})
    lines = done.stdout.splitlines()
    last = next((line for line in reversed(lines) if line.startswith("call")), "nothing was called")
    assert done.returncode == 0, f"exit code {done.returncode} after: {last}\n{done.stderr[-3000:]}"
    faults = [line for line in lines if line.startswith("fault")]
    assert not faults, "\n".join(faults[:20])
    assert int(lines[-1].split()[1]) > 20, "the spec has no sample small enough to spoil"


if __name__ == "__main__":
    run_all(sys.argv[1])


def test_none_in_the_place_of_a_dense_layers_tensors():
    layer, x = fastnn.nn.Linear(3, 2), fastnn.ones(4, 3)
    for call, name in ((lambda: layer(None), "input"), (lambda: fastnn.nn.functional.linear(x, None), "weight"),
                       (lambda: fastnn.nn.Sequential(layer, fastnn.nn.ReLU())(None), "input")):
        for grad in (True, False):
            with fastnn.set_grad_enabled(grad), pytest.raises(TypeError, match=f"'{name}' .*must be Tensor, not None"):
                call()


WINDOWS = {
    "max_pool1d": lambda size: F.max_pool1d(fastnn.ones(1, 4, 6), size),
    "max_pool2d": lambda size: F.max_pool2d(fastnn.ones(1, 4, 6, 6), (2, size)),
    "max_pool3d": lambda size: F.max_pool3d(fastnn.ones(1, 4, 6, 6, 6), size),
    "avg_pool1d": lambda size: F.avg_pool1d(fastnn.ones(1, 4, 6), size),
    "avg_pool2d": lambda size: F.avg_pool2d(fastnn.ones(1, 4, 6, 6), 2, size),
    "avg_pool3d": lambda size: F.avg_pool3d(fastnn.ones(1, 4, 6, 6, 6), size),
    "unfold": lambda size: F.unfold(fastnn.ones(1, 4, 6, 6), size),
    "conv2d": lambda size: F.conv2d(fastnn.ones(1, 4, 6, 6), fastnn.ones(1, 4, 3, 3), stride=(size, 1))}


@pytest.mark.parametrize("call", WINDOWS.values(), ids=WINDOWS)
def test_sizes_of_windows_are_no_floats(call):
    with pytest.raises(TypeError, match="int"):
        call(1.5)
    call(1)


@pytest.mark.parametrize("shape", [(1,), (), (3, 1), (6,)])
def test_bias_of_transposed_volumes_does_not_broadcast(shape):
    with pytest.raises(ShapeError, match=r"conv_transpose3d: expected bias \(3,\)"):
        F.conv_transpose3d(fastnn.ones(1, 4, 3, 3, 3), fastnn.ones(4, 3, 2, 2, 2), fastnn.ones(*shape))


@pytest.mark.parametrize("groups", [0, -1, 3])
def test_groups_of_transposed_volumes(groups):
    with pytest.raises(RuntimeError, match="conv_transpose3d: expected groups that divide"):
        F.conv_transpose3d(fastnn.ones(1, 4, 3, 3, 3), fastnn.ones(4, 3, 2, 2, 2), groups=groups)


def test_booleans_have_no_average():
    with pytest.raises(NotImplementedError, match="avg_pool3d"):
        F.avg_pool3d(fastnn.ones(1, 1, 2, 2, 2) > 0, 2)


@pytest.mark.parametrize("call, message", [
    (lambda: fastnn.amax(2), r"amax\(\): argument 'input' \(position 1\) must be Tensor, not int"),
    (lambda: fastnn.rsub(2, fastnn.ones(2)), r"rsub\(\): argument 'input' \(position 1\) must be Tensor, not int"),
    (lambda: fastnn.conv1d(fastnn.ones(1, 1, 3), "w"), r"argument 'weight' \(position 2\) must be Tensor, not str"),
    (lambda: fastnn.nn.functional.gelu(fastnn.ones(2), fastnn.ones(2)),
     r"gelu\(\): argument 'approximate' \(position 2\) must be str, not Tensor"),
    (lambda: fastnn.poisson(fastnn.ones(2), "g"), r"poisson\(\): argument 'generator' must be Generator, not str")])
def test_arguments_of_wrong_types_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("make", [lambda sizes: fastnn.zeros(sizes), lambda sizes: fastnn.ones(1).reshape(sizes),
                                  lambda sizes: fastnn.ones(1).expand(sizes), lambda sizes: fastnn.rand(sizes),
                                  lambda sizes: fastnn.ones(1).as_strided(sizes, sizes),
                                  lambda sizes: fastnn.ones(1).repeat(sizes), lambda sizes: fastnn.ones(1).view(sizes)])
def test_most_dimensions(make):
    """NumPy 2.1 crashes for so many."""
    with pytest.raises((ValueError, RuntimeError), match="64"):
        make((1,) * 1_000_000)


NESTED = {
    "itself": (lambda nested: (nested.append(nested), nested)[1])([]),
    "behind a number": (lambda nested: (nested.extend([1, nested]), nested)[1])([]),
    "twice": (lambda nested: (nested.extend([nested, nested]), nested)[1])([]),
    "before a sparse tensor": (lambda nested: (nested.extend([nested, fastnn.eye(2).to_sparse()]), nested)[1])([])}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_lists_that_hold_themselves(nested):
    x = fastnn.ones(2)
    for call in (lambda: fastnn.tensor(nested), lambda: fastnn.stack(nested), lambda: fastnn.zeros(nested),
                 lambda: x + nested, lambda: x.view(nested), lambda: x.index_put_((nested,), x), lambda: x[nested],
                 lambda: F.pad(x, nested), lambda: x.fill_(nested), lambda: fastnn.einsum("i", nested)):
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            call()


@pytest.mark.parametrize("call, error", [
    (lambda: F.conv2d(fastnn.ones(1, 1, 3, 3), fastnn.ones(1, 1, 2, 2), stride=2 ** 64), ValueError),
    (lambda: F.conv2d(fastnn.ones(1, 1, 3, 3), fastnn.ones(1, 1, 2, 2), padding=[2 ** 63, 1]), TypeError),
    (lambda: fastnn.ones(2).sum(2 ** 64), ValueError), (lambda: fastnn.eye(2 ** 64), ValueError),
    (lambda: fastnn.zeros(2 ** 64), TypeError), (lambda: fastnn.nn.Linear(2 ** 64, 1), TypeError),
    (lambda: fastnn.arange(2 ** 64), ValueError), (lambda: fastnn.hann_window(2 ** 63), ValueError),
    (lambda: fastnn.clamp(fastnn.ones(2), max=10 ** 400), ValueError)])
def test_numbers_beyond_64_bits(call, error):
    with pytest.raises(error, match="does not fit into 64 bits"):
        call()


@pytest.mark.skipif(sys.platform != "linux" or SANITIZED, reason="limits its memory")
def test_too_little_memory_is_a_runtime_error():
    code = ("import resource, fastnn\nresource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
            "x, y = fastnn.ones(2 ** 16, 1), fastnn.ones(1, 2 ** 16)\n"
            "for call in (lambda: fastnn.zeros(2 ** 30), lambda: x + y, lambda: x @ y, lambda: (x * y).exp(),\n"
            "             lambda: x.expand(2 ** 16, 2 ** 16).double()):\n"
            "    try:\n        call()\n    except RuntimeError as error:\n"
            "        print(isinstance(error, MemoryError) and 'allocate' in str(error))")
    root = os.path.dirname(os.path.dirname(os.path.abspath(fastnn.__file__)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100,
                          env=os.environ | {"PYTHONPATH": root})
    assert done.stdout.split() == ["True"] * 5, done.stderr


def test_windows_of_absurd_lengths():
    for call in (fastnn.hann_window, fastnn.bartlett_window, fastnn.signal.windows.cosine):
        with pytest.raises(RuntimeError, match="allocate"):
            call(2 ** 63 - 1)
        with pytest.raises(TypeError, match="must be int"):
            call(2.5)


def test_missing_names_say_what_was_meant():
    for module, name, meant in ((fastnn, "rnadn", "randn"), (fastnn, "linaglg", "linalg")):
        with pytest.raises(AttributeError, match=f"Did you mean: '{meant}'"):
            getattr(module, name)
    with pytest.raises(AttributeError) as caught:
        fastnn.special.gamaln  # noqa: B018
    assert caught.value.name == "gamaln" and caught.value.obj is fastnn.special  # Python does the rest


@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose1d", "MaxPool2d", "BatchNorm2d"])
def test_constructors_are_named_by_their_class(name):
    with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\)"):
        getattr(fastnn.nn, name)()
    with pytest.raises(TypeError, match=r"^ReLU\.__init__\(\)"):
        fastnn.nn.ReLU(1, 2, 3)
