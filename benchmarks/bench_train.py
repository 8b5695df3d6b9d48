"""Times whole training steps and single calls, the same program on fastnn, its NumPy reference and PyTorch.

All run in this process, in turns. `torch` is PyTorch with its ordinary optimizer, `torch-fused` with fused=True.
"""
import contextlib
import functools
import re
import sys

from common import cores, duration, import_torch, machine, parser, ratio, save, time_in_turns
from programs import PROGRAMS

import fastnn
from fastnn import kernels


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
            times = {key: {kind: seconds / program.repeat for kind, seconds in value.items()}
                     for key, value in times.items()}
            name = program.name + ("" if dtype == "float32" else " f64")
            results.append({"label": program.name, "dtype": dtype, "flops": program.flops, "times": times})
            print(row(name, times, program.flops), flush=True)
    if not results:
        sys.exit(f"no program matches {options.filter!r}")
    save("train", options.json, {"kind": "train", "machine": info, "results": results})


if __name__ == "__main__":
    main()
