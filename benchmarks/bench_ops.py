"""Times every operation of the specs: C on 1 and on all threads, the NumPy reference, PyTorch where it is installed.

Each case is checked first (C against the reference), then all contenders are timed in turns within this process.
The peak that a share refers to is measured in this run too, for the same dtype, threads and working set.
"""
import contextlib
import copy
import functools
import re
import sys
import zlib

from common import duration, import_torch, machine, parser, ratio, save, time_in_turns
from peak import Peak

import numpy as np

from fastnn import kernels, reference
from fastnn.testing.compare import arrays_in, assert_same, map_arrays, walk
from fastnn.testing.spec import all_specs

NOISE = 1.10  # a case counts as slower on more threads beyond this ratio of the fastest blocks


def bound(module, spec, bench):
    """A call without arguments, on copies of the case's arrays, so that nothing is shared between contenders."""
    function = getattr(module, spec.name)
    args, kwargs = map_arrays(np.copy, bench.args), map_arrays(np.copy, bench.kwargs)
    return lambda: function(*args, **kwargs)


@contextlib.contextmanager
def on_threads(threads):
    before = kernels.get_num_threads()
    kernels.set_num_threads(threads)
    yield
    kernels.set_num_threads(before)


def torch_call(torch, spec, bench):
    """The second oracle as a contender. Those of backward passes and of optimizers set up more than they measure."""
    if torch is None or spec.torch is None or spec.inplace or "backward" in spec.name:
        return None
    args = map_arrays(lambda x: torch.from_numpy(np.copy(x)), bench.args)
    kwargs = map_arrays(lambda x: torch.from_numpy(np.copy(x)), bench.kwargs)

    def run():
        with torch.no_grad():
            return spec.torch(*args, **kwargs)
    return run


def check(spec, bench, dtype):
    """C equals the reference on this case, within rounding relative to each result's largest element.

    Tests are stricter; here it matters that what is timed does the work.
    """
    def result(module):
        args, kwargs = copy.deepcopy(bench.args), copy.deepcopy(bench.kwargs)
        with np.errstate(all="ignore"):
            value = getattr(module, spec.name)(*args, **kwargs)
        changed = [args[key] if isinstance(key, int) else kwargs.get(key) for key in spec.inplace]
        return None if any(value is array for array in arrays_in(changed)) else value, changed
    rtol, atol = spec.tolerance(dtype)
    rounding = 1e-5 if dtype == "float32" else 1e-13
    for where, actual, expected in walk(result(kernels), result(reference), f"{spec.id} {bench.label}"):
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0) if isinstance(expected, np.ndarray) else 0
        assert_same(actual, expected, rtol, max(atol, rounding * float(size)), where)


def cases(pattern, dtypes):
    for spec in all_specs():
        if spec.bench is None:
            continue
        for dtype in dtypes:
            if dtype in spec.dtypes:
                rng = np.random.default_rng(zlib.crc32(f"{spec.id} {dtype}".encode()))
                for bench in spec.bench(rng, dtype):
                    if re.search(pattern, f"{spec.id} {bench.label}"):
                        yield spec, dtype, bench


def measure(spec, dtype, bench, torch, options, peak):
    if not options.no_reference:
        check(spec, bench, dtype)
    contenders, scopes = {}, {}
    c = bound(kernels, spec, bench)
    thread_counts = sorted({1, options.threads})
    for threads in thread_counts:
        contenders[f"c{threads}"] = c
        scopes[f"c{threads}"] = functools.partial(on_threads, threads)
    if not options.no_reference:
        contenders["numpy"] = bound(reference, spec, bench)
    if call := torch_call(torch, spec, bench):
        contenders["torch"] = call
    effort = {"rounds": 11, "block": 0.004, "budget": 5}
    if options.quick:
        effort = {"rounds": 5, "block": 0.001, "budget": 0.5}
    if len(contenders) == len(thread_counts):
        effort["settled"] = False  # nobody else's threads
    with np.errstate(all="ignore"):
        times = time_in_turns(contenders, scopes, **effort)
    result = {"spec": spec.id, "label": bench.label, "dtype": dtype, "flops": bench.flops, "bytes": bench.bytes,
              "times": times, "share": {}}
    for threads in thread_counts:
        share = peak.share(dtype, threads, bench.flops, bench.bytes, times[f"c{threads}"]["median"])
        if share:
            result["share"][f"c{threads}"] = share
    return result


def row(result, threads):
    times = {name: time["median"] for name, time in result["times"].items()}
    best = times[f"c{threads}"]
    rate = f"{result['flops'] / best / 1e9:7.1f} GFLOP/s" if result["flops"] > 4 * result["bytes"] else \
        f"{result['bytes'] / best / 1e9:7.1f} GB/s   " if result["bytes"] else " " * 15
    share = result["share"].get(f"c{threads}")
    name = f"{result['spec']} {result['label']}" + ("" if result["dtype"] == "float32" else " f64")
    ratios = [ratio(times[peer] / best if peer in times else None) for peer in ("numpy", "torch")]
    return (f"{name:<52.52} {duration(times['c1'])} {duration(best)} {duration(times.get('numpy'))} "
            f"{duration(times.get('torch'))} {' '.join(ratios)} {rate} "
            f"{'' if share is None else f'{100 * share:5.0f} %'}")


def slower_on_threads(result, threads):
    """By how much the fastest block on `threads` threads is slower than that on one; None within the noise."""
    if threads == 1:
        return None
    found = result["times"][f"c{threads}"]["min"] / result["times"]["c1"]["min"]
    return found if found > NOISE else None


def main():
    options = parser(__doc__)
    options.add_argument("--no-reference", action="store_true", help="leave NumPy out: only 1 thread against more")
    options = options.parse_args()
    torch = import_torch(not options.no_torch)
    if torch:
        torch.set_num_threads(options.threads)
    if options.isa:
        kernels.set_isa(options.isa)
    info = machine(kernels.get_isa(), options.threads)
    dtypes = ["float32", "float64"] if options.dtype == "both" else [options.dtype]
    print(f"{info['cpu']}, {info['cores']} cores; {info['versions']}; isa {info['isa']}")
    print(f"{'operation':<52} {'c, 1 thr.':>9} {f'c, {options.threads} thr.':>9} {'numpy':>9} {'torch':>9} "
          f"{'numpy/c':>7} {'torch/c':>7} {'rate':>15} {'peak':>7}")
    peak, results, slower = Peak(), [], []
    for spec, dtype, bench in cases(options.filter, dtypes):
        result = measure(spec, dtype, bench, torch, options, peak)
        for _ in range(3):  # noise? ask again before saying so
            if slower_on_threads(result, options.threads):
                again = measure(spec, dtype, bench, torch, options, peak)
                result = min(result, again, key=lambda r: slower_on_threads(r, options.threads) or 0)
        results.append(result)
        print(row(result, options.threads), flush=True)
        if found := slower_on_threads(result, options.threads):
            slower.append(f"  {spec.id} {bench.label} {dtype}: {found:.2f}x")
    if not results:
        sys.exit(f"no benchmark case matches {options.filter!r}")
    if slower:
        print(f"\nslower on {options.threads} threads than on 1:\n" + "\n".join(slower))
    elif options.threads > 1:
        print(f"\nno case is slower on {options.threads} threads than on 1")
    save("ops", options.json, {"kind": "ops", "machine": info, "peak": peak.as_json(), "results": results,
                               "slower_on_threads": slower})


if __name__ == "__main__":
    main()
