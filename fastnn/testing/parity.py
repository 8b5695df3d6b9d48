"""One call of a kernel against the reference: results, threads, memory around its arrays and below them."""
import numpy as np

from fastnn import kernels, reference
from fastnn.kernels import _core
from fastnn.testing.compare import arrays_in, assert_same, assert_same_bits, map_arrays
from fastnn.testing.guard import LAYOUTS, GuardedArrays

LAYOUT_ELEMENTS = 5000  # larger samples are not repeated in other layouts


def describe(sample):
    def short(value):
        if isinstance(value, np.ndarray):
            return f"{value.dtype}{list(value.shape)}"
        if isinstance(value, (list, tuple)):
            return f"{type(value).__name__}({', '.join(map(short, value[:4]))}{', ...' if len(value) > 4 else ''})"
        return repr(value)
    return ", ".join([short(value) for value in sample.args] +
                     [f"{key}={short(value)}" for key, value in sample.kwargs.items()])


def is_inplace(spec, key):
    return key in spec.inplace


def transform(spec, sample, function, inplace_function=np.copy):
    """The call's arguments with arrays replaced; those that the call modifies by `inplace_function`."""
    args = tuple(map_arrays(inplace_function if is_inplace(spec, i) else function, value)
                 for i, value in enumerate(sample.args))
    kwargs = {key: map_arrays(inplace_function if is_inplace(spec, key) else function, value)
              for key, value in sample.kwargs.items()}
    return args, kwargs


def modified(spec, args, kwargs):
    return tuple(args[key] if isinstance(key, int) else kwargs[key] for key in spec.inplace
                 if isinstance(key, str) and key in kwargs or isinstance(key, int) and key < len(args))


def call(module, spec, args, kwargs):
    """(what the call returns, the arguments that it modifies). What it returns in place is not compared twice. The C
    kernels find NaN on their stacks."""
    if module is kernels:
        _core.spoil_stacks()
    result = getattr(module, spec.name)(*args, **kwargs)
    changed = modified(spec, args, kwargs)
    if any(result is array for array in arrays_in(changed)):
        result = None
    return result, changed


def flushed(array):
    """Subnormal numbers replaced by zeros of their sign, as processors do that flush them."""
    if array.dtype.kind != "f":
        return array.copy()
    return np.where(abs(array) < np.finfo(array.dtype).tiny, np.copysign(array.dtype.type(0), array), array)


def widened(array):
    return array.astype(np.float64) if array.dtype == np.float32 else array.copy()


def has_subnormals(sample):
    return any(((abs(array) < np.finfo(array.dtype).tiny) & (array != 0)).any()
               for array in arrays_in([sample.args, sample.kwargs]) if array.dtype.kind == "f")


def reference_result(spec, sample, prepare=np.copy):
    with np.errstate(all="ignore"):
        exact = call(reference, spec, *transform(spec, sample, prepare, prepare))
        if spec.oracle == "same":
            return exact
        wide = call(reference, spec, *transform(spec, sample, lambda x: widened(prepare(x)),
                                                lambda x: widened(prepare(x))))

        def rounded(wide, exact):
            if isinstance(exact, (tuple, list)):
                return type(exact)(map(rounded, wide, exact))
            return None if exact is None else np.asarray(wide).astype(np.asarray(exact).dtype)
        return rounded(wide, exact)


def prepared(spec, sample):
    """(sample, expected, expected when subnormals are flushed)"""
    expected = reference_result(spec, sample)
    flush = reference_result(spec, sample, flushed) if has_subnormals(sample) else expected
    return sample, expected, flush


def check_parity(spec, dtype, samples, check_guards=lambda where: None):
    """Prepared samples of a spec on the instruction set in use. Raises AssertionError naming the sample."""
    tiny = float(np.finfo(dtype).tiny)
    for sample, expected, expected_flushed in samples:
        where = f"{spec.id}({describe(sample)})"
        rtol, atol = spec.tolerance(dtype, sample)

        # Subnormals kept, one thread, inputs between guard bytes.
        kernels.set_flush_denormal(False)
        kernels.set_num_threads(1)
        guards = GuardedArrays()
        args, kwargs = transform(spec, sample, guards.copy, guards.copy)
        result = call(kernels, spec, args, kwargs)
        assert_same(result, expected, rtol, atol, where)
        assert guards.intact(), f"{where}: wrote outside its inputs"
        unchanged = [(now, then) for key, now, then in
                     [*zip(range(len(args)), args, sample.args, strict=True),
                      *((key, kwargs[key], sample.kwargs[key]) for key in kwargs)] if not is_inplace(spec, key)]
        assert_same_bits([now for now, _ in unchanged], [then for _, then in unchanged], f"{where}: an input changed")
        for output in arrays_in(result[0]):
            assert not any(np.may_share_memory(output, array) for array in arrays_in([args, kwargs])), \
                f"{where}: the output overlaps an input"

        # Subnormals flushed (the default), on 1, 2 and 3 threads with the same bits.
        kernels.set_flush_denormal(True)
        one_thread = call(kernels, spec, *transform(spec, sample, np.copy))
        assert_same(one_thread, expected_flushed, rtol, max(atol, tiny), f"{where}, subnormals flushed")
        for threads in (2, 3):
            kernels.set_num_threads(threads)
            assert_same_bits(call(kernels, spec, *transform(spec, sample, np.copy)), one_thread,
                             f"{where}, {threads} threads")
        kernels.set_num_threads(1)

        # Other memory layouts.
        if spec.layouts and sample.layouts and \
                sum(array.size for array in arrays_in([sample.args, sample.kwargs])) <= LAYOUT_ELEMENTS:
            for name, layout in LAYOUTS.items():
                assert_same(call(kernels, spec, *transform(spec, sample, layout)), expected_flushed, rtol,
                            max(atol, tiny), f"{where}, {name} inputs")
        del result, one_thread
        check_guards(where)
