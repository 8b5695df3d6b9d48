"""What the benchmarks share: timing in turns, the machine's description, tables, result files."""
import argparse
import contextlib
import gc
import json
import os
import platform
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import numpy as np

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results")


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def seconds_of(call, number):
    start = time.perf_counter()
    for _ in range(number):
        call()
    return time.perf_counter() - start


def settle(step=0.01, longest=0.3):
    """Sleeps until no thread of this process runs any more: OpenBLAS' spin for 100 ms and would hold a processor."""
    for _ in range(int(longest / step)):
        before = time.process_time()
        time.sleep(step)
        if time.process_time() - before < step / 10:
            break


def time_in_turns(contenders, scopes=None, rounds=9, block=0.004, budget=None, settled=True, warm=0.001):
    """{name: {"median", "min"}} seconds a call, of {name: callable}.

    `scopes` are functions that return a context manager for a contender's blocks: settings that cost no time there.
    Every round gives each contender one block of about `block` seconds, so that a noisy moment hits all of them. Before
    it the threads of the contender before stop spinning (with `settled`), and untimed calls for `warm` seconds wake its
    own. Ends early after `budget` timed seconds.
    """
    scopes = scopes or {}
    numbers, samples = {}, {name: [] for name in contenders}
    for name, call in contenders.items():
        with scopes.get(name, contextlib.nullcontext)():
            call()
            once = min(seconds_of(call, 1) for _ in range(3))
            if once < block / 20:  # one call says too little
                once = min(seconds_of(call, 10) for _ in range(3)) / 10
        numbers[name] = max(1, int(block / max(once, 1e-9)))
    timed = 0.0
    gc.collect()
    gc.disable()
    try:
        for done in range(rounds):
            for name, call in contenders.items():
                with scopes.get(name, contextlib.nullcontext)():
                    if settled:
                        settle()
                    start = time.perf_counter()
                    seconds_of(call, min(3, numbers[name]))
                    while time.perf_counter() - start < warm:
                        call()
                    took = seconds_of(call, numbers[name])
                    samples[name].append(took / numbers[name])
                    timed += took
            if budget and done >= 2 and timed > budget:
                break
    finally:
        gc.enable()
    return {name: {"median": statistics.median(times), "min": min(times)} for name, times in samples.items()}


def cpu_model():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine(isa, threads):
    """What a result depends on and a reader must know."""
    import fastnn
    versions = {"python": platform.python_version(), "numpy": np.__version__,
                "fastnn": getattr(fastnn, "__version__", "?")}
    if "torch" in sys.modules:
        versions["torch"] = sys.modules["torch"].__version__
    return {"cpu": cpu_model(), "cores": cores(), "system": f"{platform.system()} {platform.release()}",
            "versions": versions, "isa": isa, "threads": threads, "time": time.strftime("%Y-%m-%d %H:%M:%S")}


def busy_seconds():
    """Seconds until now: (wall, all processors', this process' and its children's); None if the system does not say."""
    try:
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = fields[3] + fields[4]
    own = sum(os.times()[:4])
    return time.perf_counter(), (sum(fields) - idle) / os.sysconf("SC_CLK_TCK"), own


BEGUN = busy_seconds()
NOISE = 0.05  # of the processors


def noise():
    """The share of the processors that others had since this module was imported; None if the system does not say."""
    if BEGUN is None:
        return None
    wall, busy, own = (now - before for now, before in zip(busy_seconds(), BEGUN))
    return max(0.0, busy - own) / (wall * os.cpu_count())


def import_torch(wanted):
    """PyTorch or None."""
    if not wanted:
        return None
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: no comparison with it", file=sys.stderr)
        return None
    return torch


def parser(doc):
    p = argparse.ArgumentParser(description=doc.splitlines()[0])
    p.add_argument("--filter", default="", metavar="PATTERN", help="only cases whose name matches this pattern")
    p.add_argument("--dtype", choices=["float32", "float64", "both"], default="float32")
    p.add_argument("--isa", help="instruction set (default: the best)")
    p.add_argument("--threads", type=int, default=cores(), help="threads besides 1 (default: all cores)")
    p.add_argument("--quick", action="store_true", help="fewer and shorter rounds: for a look, not for a record")
    p.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    p.add_argument("--json", metavar="FILE", help="where results go (default: benchmarks/results/)")
    return p


def save(kind, path, data):
    """Writes a result file, and says so when others kept the processors busy."""
    data = {**data, "noise": noise()}
    if data["noise"] is not None and data["noise"] > NOISE:
        print(f"\nOthers had {data['noise']:.0%} of the processors meanwhile: these figures are spoilt, repeat them on "
              "a quiet machine.")
    if not path:
        os.makedirs(RESULTS, exist_ok=True)
        path = os.path.join(RESULTS, f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}.json")
    with open(path, "w") as file:
        json.dump(data, file, indent=1, default=lambda number: number.item())  # NumPy's numbers
        file.write("\n")
    print(f"\nresults: {os.path.relpath(path)}")


def duration(seconds):
    """`12.3 us` and the like, in nine columns."""
    if seconds is None:
        return "        -"
    for unit, scale in (("s ", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:6.4g} {unit}"
    return f"{seconds * 1e9:6.4g} ns"


def ratio(value):
    return "      -" if value is None else f"{value:6.3g}x"
