"""PyTorch's own samples of modules (ModuleInfo) run on fastnn; ``python -m parity.modules [name ...]`` (in tests/).

One sample on both sides: initial values, repr, state_dict, outputs, gradients of inputs and parameters, buffers after
the call. Imports torch.
"""
import contextlib
import functools
import sys
from collections import Counter

import numpy as np
import torch

import fastnn
from parity.carry import Different, array_of, compare, copy_of, leaves, map_tensors, to_fastnn
from parity.module_names import SCOPE, class_of
from parity.runner import limit, quiet, spread

# (rtol, atol) of float32 where torch.testing's default is too narrow for two right answers.
TOLERANCES = {
    "Bilinear": (1e-5, 1e-5),  # sums of products in another order
    # PyTorch takes exp of logarithms as large as the whole loss, of 100 and more, rounded: 4e-5 off its float64 result.
    "CTCLoss": (1e-5, 1e-4),
    # Sums whose terms are up to ten times the result: of one element of in_proj_weight's gradient, -2.4912 beside
    # others of 30, PyTorch's lies 6.5e-6 above and ours 7.4e-6 below the float64 result (on which both agree to 1e-14);
    # of another sample (with a key and value of its own) PyTorch's lies 2.0e-5 off it, ours 0.9e-5.
    "MultiheadAttention": (1.3e-6, 3e-5),
    "Transformer": (1e-4, 1e-4),
    "TransformerDecoderLayer": (1e-4, 1e-4),
    "TransformerEncoder": (1e-4, 1e-4),
    "TransformerEncoderLayer": (1e-4, 1e-4),
}


@functools.cache
def module_database():
    """Class name -> its ModuleInfo."""
    with quiet():
        from torch.testing._internal.common_modules import module_db
    return {info.module_cls.__name__: info for info in module_db if info.module_cls.__module__.startswith("torch.nn.")}


def samples(name, dtype, training):
    """(number, ModuleInput) of a name."""
    info = module_database()[name]
    torch.manual_seed(0)
    with quiet():
        found = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
    for i, sample in enumerate(found):
        if sample.forward_input is not None and in_scope(sample):
            yield i, sample


def in_scope(sample):
    """Half precision and complex numbers are out of scope."""
    outside = (torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.complex32)
    given = [[each.args, each.kwargs] for each in (sample.constructor_input, sample.forward_input) if each]
    return not any(t.dtype in outside for t in leaves(given, torch.Tensor))


def construct(sample, cls, carried):
    """A module of one library, initial values drawn from one seed; `carried` takes PyTorch's arguments over."""
    args, kwargs = carried([list(sample.constructor_input.args), sample.constructor_input.kwargs])
    for library in (torch, fastnn):
        library.manual_seed(1)
    with quiet():  # both libraries warn of the same arguments
        return cls(*args, **kwargs)


def compare_state(found, expected, what):
    """Same keys in the same order, same tensors."""
    if list(found) != list(expected):
        raise Different(f"{what}: keys {list(found)}, PyTorch {list(expected)}")
    for key in expected:
        compare(found[key], expected[key], f"{what} {key}")


@contextlib.contextmanager
def nothing_dropped(module):
    """Dropout with probability 0 in all layers of a module of either library."""
    changed = []
    for layer in module.modules():
        for attribute in ("p", "dropout"):
            if "Loss" not in type(layer).__name__ and isinstance(getattr(layer, attribute, None), float):
                changed.append((layer, attribute, getattr(layer, attribute)))
                setattr(layer, attribute, 0.0)
    yield
    for layer, attribute, value in changed:
        setattr(layer, attribute, value)


def is_random(module, args, kwargs):
    """Whether a call draws random numbers; buffers are as before afterwards."""
    state = {key: value.clone() for key, value in module.state_dict().items()}
    before = torch.get_rng_state()
    with quiet(), torch.no_grad():
        module(*copy_of(args), **copy_of(kwargs))
    module.load_state_dict(state)
    return not torch.equal(before, torch.get_rng_state())


def same_structure(found, expected, what):
    """Like `compare`, but values are left out."""
    def blank(t):
        return t if isinstance(t, torch.Size) else torch.zeros_like(t)
    zeros = [fastnn.zeros_like(t) for t in leaves(found, fastnn.Tensor)]
    compare(zeros, leaves(map_tensors(expected, blank), torch.Tensor), what)


def run_sample(name, sample, dtype, training, cls=None):
    """Raise Different (or whatever fastnn raises) if fastnn does not do as PyTorch on this sample."""
    tolerance = TOLERANCES.get(name, (None, None)) if dtype == torch.float32 else (None, None)
    theirs = construct(sample, module_database()[name].module_cls, copy_of)
    ours = construct(sample, cls or class_of(name), to_fastnn)
    if repr(ours) != repr(theirs):
        raise Different(f"repr {ours!r}, PyTorch {theirs!r}")
    compare_state(ours.state_dict(), theirs.state_dict(), "initial state")
    theirs.to(dtype)
    ours.to(getattr(fastnn, str(dtype).split(".")[1]))
    ours.load_state_dict({key: fastnn.from_numpy(array_of(value).copy()) for key, value in theirs.state_dict().items()})
    for module in (theirs, ours):
        module.train(training)
    if [name for name, _ in ours.named_parameters()] != [name for name, _ in theirs.named_parameters()]:
        raise Different("named_parameters")
    args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
    if is_random(theirs, args, kwargs):
        with quiet():
            same_structure(ours(*to_fastnn(args), **to_fastnn(kwargs)), theirs(*copy_of(args), **copy_of(kwargs)),
                           "random result")
        with nothing_dropped(theirs), nothing_dropped(ours):
            compare_calls(ours, theirs, args, kwargs, tolerance)
    else:
        compare_calls(ours, theirs, args, kwargs, tolerance)


def compare_calls(ours, theirs, args, kwargs, tolerance):
    """One call and its backward on both sides."""
    args_t, kwargs_t = copy_of([args, kwargs])
    args_f, kwargs_f = to_fastnn([args, kwargs])
    with quiet():
        expected = theirs(*args_t, **kwargs_t)
        found = ours(*args_f, **kwargs_f)
    compare(found, expected, "result", *tolerance)
    compare_state(dict(ours.named_buffers()), dict(theirs.named_buffers()), "buffer")
    inputs_f = [t for t in leaves([args_f, kwargs_f], fastnn.Tensor) if t.requires_grad]
    inputs_t = [t for t in leaves([args_t, kwargs_t], torch.Tensor) if t.requires_grad]
    inputs_f += [p for p in ours.parameters() if p.requires_grad]
    inputs_t += [p for p in theirs.parameters() if p.requires_grad]
    names = [f"input {i}" for i in range(len(inputs_t))]
    names[len(names) - len(list(theirs.parameters())):] = [n for n, p in theirs.named_parameters() if p.requires_grad]
    pairs = list(zip(leaves(found, fastnn.Tensor), leaves(expected, torch.Tensor)))
    for x, y in pairs:
        if x.requires_grad != y.requires_grad:
            raise Different(f"requires_grad is {x.requires_grad}, PyTorch's {y.requires_grad}")
    pairs = [(x, y) for x, y in pairs if y.requires_grad and y.is_floating_point()]
    if not pairs or not inputs_t:
        return
    rng = np.random.default_rng(0)
    grads = [np.asarray(rng.standard_normal(tuple(y.shape))).astype(array_of(y).dtype) for _, y in pairs]
    with quiet():
        torch.autograd.backward([y for _, y in pairs], [torch.from_numpy(g) for g in grads])
        fastnn.autograd.backward([x for x, _ in pairs], [fastnn.from_numpy(g) for g in grads])
    for name, x, y in zip(names, inputs_f, inputs_t):
        if x.grad is None or y.grad is None:
            other = y.grad if x.grad is None else x.grad
            if other is not None and (other != 0).any():
                raise Different(f"gradient of {name}: None on one side alone "
                                f"({'fastnn' if x.grad is None else 'PyTorch'})")
            continue
        compare(x.grad, y.grad, f"gradient of {name}", *tolerance)


def describe(sample):
    """A sample's arguments with tensors shortened to dtype and shape."""
    class Short(str):
        __repr__ = str.__str__

    def short(t):
        return t if isinstance(t, torch.Size) else Short(f"{str(t.dtype).split('.')[1]}{list(t.shape)}")
    given = [[list(each.args), each.kwargs] for each in (sample.constructor_input, sample.forward_input) if each]
    return repr(map_tensors(given, short))[:300]


def error_cases(name, dtype=torch.float32):
    """(number, ErrorModuleInput) of a name."""
    info = module_database()[name]
    if info.module_error_inputs_func is None:
        return
    torch.manual_seed(0)
    with quiet():
        cases = info.module_error_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=True)
    yield from enumerate(cases)


def run_error_case(name, case):
    """fastnn must raise where PyTorch does (in the constructor or the call), something that `except` of its class
    catches."""
    sample = case.module_error_input
    step = "constructor"
    try:
        with quiet():
            module = construct(sample, class_of(name), to_fastnn)
            if case.error_on.name == "FORWARD_ERROR":
                step = "call"
                module(*to_fastnn(sample.forward_input.args), **to_fastnn(sample.forward_input.kwargs))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        kinds = case.error_type if isinstance(case.error_type, tuple) else (case.error_type,)
        if case.error_on.name == "FORWARD_ERROR" and step == "constructor":
            raise Different(f"the constructor raises {type(error).__name__} ({error})") from None
        if not isinstance(error, kinds):
            raise Different(f"raises {type(error).__name__} ({error}), PyTorch {case.error_type}") from None
        return
    raise Different(f"raises nothing, PyTorch {case.error_type}: {case.error_regex}")


def cases(name):
    """(dtype, training, number, sample): all samples of a name, or `limit()` of each dtype and mode."""
    for dtype in (torch.float32, torch.float64):
        for training in (True, False):
            for i, sample in spread(samples(name, dtype, training), limit()):
                yield dtype, training, i, sample


def failures(name, score, cls=None):
    """What goes wrong, in words; counts into `score`."""
    found = []
    for dtype, training, i, sample in cases(name):
        score["samples"] += 1
        try:
            run_sample(name, sample, dtype, training, cls)
            score["passed"] += 1
        except Exception as error:  # whatever it is, the sample failed
            found.append(f"{name} {'training' if training else 'evaluation'} sample {i} {describe(sample)}: "
                         f"{type(error).__name__}: {str(error)[:400]}")
    return found


def error_failures(name, score):
    """The same for error cases."""
    found = []
    for i, case in error_cases(name):
        score["errors"] += 1
        try:
            run_error_case(name, case)
            score["raised"] += 1
        except Exception as error:
            found.append(f"{name} error case {i} {describe(case.module_error_input)}: {type(error).__name__}: {error}")
    return found


def main():
    total = Counter()
    for name in sys.argv[1:] or SCOPE:
        if class_of(name) is None:
            print(f"{name}: missing")
            total["missing"] += 1
            continue
        score = Counter()
        found = failures(name, score) + error_failures(name, score)
        for text in found[:4]:
            print("    " + text)
        total.update(score)
        print(f"{name}: {score['passed']}/{score['samples']} samples, {score['raised']}/{score['errors']} errors"
              + ("   <----" if found else ""))
    print(dict(total))
    return total["passed"] != total["samples"] or total["raised"] != total["errors"] or total["missing"] > 0


if __name__ == "__main__":
    sys.exit(main())
