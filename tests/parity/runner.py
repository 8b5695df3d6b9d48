"""One sample on both sides: result, aliasing, gradients. Imports torch."""
import contextlib
import functools
import os
import warnings

import numpy as np
import torch

import fastnn
from parity.carry import Different, array_of, compare, copy_of, leaves, map_tensors, to_fastnn
from parity.names import function_of

# (rtol, atol) where torch.testing's default is too narrow for two right answers.
TOLERANCES = {
    "pow": (1e-5, 1e-5),  # the exponent's gradient is a sum of terms of both signs
    "addbmm": (1e-5, 2e-5),  # sums of 25 products in another order
    "matmul": (1e-5, 3e-5),  # sums of terms of both signs
    "__rmatmul__": (1e-5, 3e-5),  # the same function
    "fft.hfft2": (1e-5, 3e-5),  # relative to the largest of a transform
    "logcumsumexp": (1e-2, 1e-3),  # PyTorch's float32 gradient cancels; fastnn's is taken in float64
    "asin": (1e-5, 1e-5),  # the slope near 1
    "acos": (1e-5, 1e-5),
    "nn.functional.scaled_dot_product_attention": (5e-6, 5e-5),  # PyTorch's own for it
}

# Operations that order elements: which of equal ones comes first is not defined.
TIES = ("sort", "topk", "argsort")

# Error cases that have no meaning here.
EXCLUDED_ERRORS = {("gradient", 3), ("gradient", 10),  # tensors of the device meta, which is not there
                   ("gather", 7),  # the output overlaps an input only once PyTorch has resized its storage
                   ("clamp_max", 0), ("clamp_min", 0)}  # PyTorch takes the number that the case refuses


@functools.cache
def op_database():
    """OpInfo name -> its OpInfos (variants)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    found = {}
    for op in op_db:
        found.setdefault(op.name, []).append(op)
    return found


@contextlib.contextmanager
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def samples(name, dtype):
    """(OpInfo, number, sample) of all variants of a name that take the dtype on the CPU."""
    for op in op_database()[name]:
        if dtype not in op.supported_dtypes("cpu"):
            continue
        torch.manual_seed(0)
        grad = op.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
        with quiet():
            for i, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=grad)):
                if in_scope(sample, dtype.is_complex):
                    yield op, i, sample


def in_scope(sample, numbers=False):
    """Half precision, sparse layouts and more than 64 dimensions are out of scope; complex `numbers` have runs of their
    own."""
    outside = (torch.float16, torch.bfloat16, torch.complex32)
    if not numbers:
        outside += (torch.complex64, torch.complex128)
    everything = [sample.input, sample.args, sample.kwargs]
    if any(t.ndim > 64 for t in leaves(everything, torch.Tensor)):
        return False  # NumPy ends there
    if any(t.dtype in outside or t.layout != torch.strided for t in leaves(everything, torch.Tensor)):
        return False
    return not any(value in outside for value in [*sample.args, *sample.kwargs.values()]
                   if isinstance(value, torch.dtype))


def spread(items, limit):
    """At most `limit` of a list, evenly spread, first and last among them."""
    items = list(items)
    if limit is None or len(items) <= limit:
        return items
    return [items[i] for i in sorted({round(k * (len(items) - 1) / (limit - 1)) for k in range(limit)})]


def limit():
    """How many samples of each variant are run: FASTNN_PARITY=all, or a number."""
    asked = os.environ.get("FASTNN_PARITY", "40")
    return None if asked == "all" else int(asked)


def differentiable(outputs):
    return [t for t in outputs if t.requires_grad and (t.is_floating_point() or t.is_complex())]


def alias_of_input(outputs, inputs, arrays):
    """Whether the first output shares memory with an input."""
    return any(np.shares_memory(arrays(x), arrays(outputs[0]), max_work=10**6) for x in inputs) if outputs else False


def sample_dtype(sample):
    return leaves([sample.input, *sample.args], torch.Tensor)[0].dtype


def tolerances(op, sample=None):
    """(rtol, atol) of an operation, None for torch.testing's."""
    if sample is not None and sample.kwargs.get("dropout_p"):  # other random numbers: shapes, dtypes, what is finite
        return 0, 1e30
    given = [] if sample is None else leaves([sample.input, *sample.args], torch.Tensor)
    if any(t.dtype == torch.complex64 for t in given):  # dtypes, about in single precision: complex128 has the values
        return 1e-4, 1e-4
    return TOLERANCES.get(op.name, (None, None))


def run_sample(op, sample, function, views=True):
    """Raise Different (or whatever fastnn raises) if fastnn does not do as PyTorch on this sample."""
    rtol, atol = tolerances(op, sample)
    theirs = copy_of([sample.input, *sample.args]), copy_of(sample.kwargs)
    ours = to_fastnn([sample.input, *sample.args]), to_fastnn(sample.kwargs)
    fastnn.manual_seed(42)  # as PyTorch's samples of random operations do
    with quiet():
        expected = op.op(*theirs[0], **theirs[1])
        found = function(*ours[0], **ours[1])
    if op.name in TIES and not sample_dtype(sample).is_floating_point:  # equal numbers may come in any order
        found, expected = (found[0], expected[0]) if isinstance(expected, tuple) else ((), ())
    compare(found, expected, "result", rtol, atol)
    x, y = leaves(found, fastnn.Tensor), leaves(expected, torch.Tensor)
    for a, b in zip(x, y):
        if a.requires_grad != b.requires_grad:
            raise Different(f"requires_grad is {a.requires_grad}, PyTorch's {b.requires_grad}")
    if y and y[0].numel():
        shared = (alias_of_input(y, leaves(theirs, torch.Tensor), array_of),
                  alias_of_input(x, leaves(ours, fastnn.Tensor), lambda t: t.detach().numpy()))
        if shared[0] != shared[1] and views:
            raise Different(f"shares memory with its input: {shared[1]}, PyTorch: {shared[0]}")
    try:
        compare_gradients(leaves(ours, fastnn.Tensor), leaves(theirs, torch.Tensor), x, y, rtol, atol)
    except Different:  # PyTorch's float32 rule may be the less exact one: its float64 decides
        if sample_dtype(sample) != torch.float32 or sample.kwargs.get("dtype") is not None:
            raise
        exact = in_float64([sample.input, *sample.args]), in_float64(sample.kwargs)
        with quiet():
            y = leaves(op.op(*exact[0], **exact[1]), torch.Tensor)
        compare_gradients(leaves(ours, fastnn.Tensor), leaves(exact, torch.Tensor), x, y, rtol, atol, True)


def in_float64(value):
    """Torch arguments, float32 tensors as float64 leaves."""
    seen = {}  # one tensor given twice stays one tensor

    def widened(tensor):
        if tensor.dtype == torch.float32 and id(tensor) not in seen:
            seen[id(tensor)] = tensor.detach().double().requires_grad_(tensor.requires_grad)
        return seen.get(id(tensor), tensor)
    return map_tensors(value, widened)


def compare_gradients(inputs, reference, x, y, rtol, atol, widened=False):
    """The gradients of outputs x (fastnn's) and y (PyTorch's) with respect to those inputs that require them.

    `widened`: PyTorch's are float64 where fastnn's are float32.
    """
    inputs, reference = ([t for t in tensors if t.requires_grad] for tensors in (inputs, reference))
    outputs, truth = differentiable(x), differentiable(y)
    if not truth or not reference:
        return
    rng = np.random.default_rng(0)
    grads = [(rng.standard_normal(t.shape) + (1j * rng.standard_normal(t.shape) if t.is_complex() else 0)).astype(
        t.detach().numpy().dtype) for t in outputs]
    with quiet():
        expected = torch.autograd.grad(truth, reference, [torch.from_numpy(np.asarray(g)).to(t.dtype)
                                                          for g, t in zip(grads, truth)], allow_unused=True)
        found = fastnn.autograd.grad(outputs, inputs, [fastnn.from_numpy(np.asarray(g)) for g in grads],
                                     retain_graph=True, allow_unused=True)
    for i, (a, b) in enumerate(zip(found, expected)):
        if a is None or b is None:
            other = b if a is None else a
            if other is not None and (other != 0).any():
                raise Different(f"gradient {i}: None on one side alone ({'fastnn' if a is None else 'PyTorch'})")
            continue
        compare(a, b.float() if widened else b, f"gradient {i}", rtol, atol)


def describe(sample):
    """A sample's arguments with tensors shortened to dtype and shape."""
    def short(t):
        return f"{str(t.dtype).split('.')[1]}{list(t.shape)}"

    class Short(str):
        __repr__ = str.__str__
    return repr(map_tensors([sample.input, *sample.args, sample.kwargs], lambda t: Short(short(t))))[:300]


def error_cases(name):
    """(OpInfo, number, ErrorInput) of all variants of a name."""
    for op in op_database()[name]:
        if op.error_inputs_func is None:
            continue
        torch.manual_seed(0)
        with quiet():
            for i, case in enumerate(op.error_inputs("cpu")):
                if in_scope(case.sample_input) and (name, i) not in EXCLUDED_ERRORS:
                    yield op, i, case


def run_error_case(case, function):
    """fastnn must raise, and something that `except` of PyTorch's class catches."""
    sample = case.sample_input
    ours = to_fastnn([sample.input, *sample.args, sample.kwargs], sharing=True)
    ours = ours[:-1], ours[-1]
    try:
        with quiet():
            function(*ours[0], **ours[1])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        kind = case.error_type
        if not isinstance(error, kind):
            raise Different(f"raises {type(error).__name__} ({error}), PyTorch "
                            f"{getattr(kind, '__name__', kind)}") from None
        return
    raise Different(f"raises nothing, PyTorch {case.error_type.__name__}: {case.error_regex}")


def callable_of(name):
    found = function_of(name)
    if found is None:
        raise LookupError(f"fastnn has no {name}")
    return found
