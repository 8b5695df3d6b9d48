"""Timing in turns, which the benchmarks, `fastnn bench` and `fastnn demo` share, and whether noise spoilt it."""
import contextlib
import gc
import json
import os
import platform
import statistics
import sys
import time

import numpy as np

import fastnn
from fastnn.bench.peers import PACKAGES

SPOILT, LEAST_SHARE, MOST_OF_OTHERS = 1.5, 0.9, 0.1


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


def _number(call, block):
    """How many calls take about `block` seconds."""
    call()
    once = min(seconds_of(call, 1) for _ in range(3))
    if once < block / 20:  # one call says too little
        once = min(seconds_of(call, 10) for _ in range(3)) / 10
    return max(1, int(block / max(once, 1e-9)))


def time_in_turns(contenders, scopes=None, rounds=9, block=0.004, budget=None, settled=True, warm=0.001):
    """Time several callables in one process, in turns, so that a noisy moment hits all of them.

    Parameters
    ----------
    contenders : dict of name to callable
    scopes : dict of name to callable, optional
        Functions that return a context manager for a contender's blocks: settings that cost no time there.
    rounds : int
        Every round gives each contender one block.
    block : float
        Seconds of a block, about.
    budget : float, optional
        Ends early, after three rounds at least, when so many seconds were timed.
    settled : bool
        Wait before a block until the threads of the contender before it stop spinning.
    warm : float
        Seconds of untimed calls before a block: they wake the contender's own threads and fill the caches.

    Returns
    -------
    dict
        For each name "median" and "min", seconds of a call in the middle and in the fastest block; "share", the
        processors that the process had in its blocks; "others", the share of all processors that others had meanwhile.
    """
    scopes = scopes or {}
    numbers, samples, processor = {}, {name: [] for name in contenders}, dict.fromkeys(contenders, 0.0)
    for name, call in contenders.items():
        with scopes.get(name, contextlib.nullcontext)():
            numbers[name] = _number(call, block)
    timed, at_start = 0.0, busy_seconds()
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
                    begun = time.process_time()
                    took = seconds_of(call, numbers[name])
                    processor[name] += time.process_time() - begun
                    samples[name].append(took / numbers[name])
                    timed += took
            if budget and done >= 2 and timed > budget:
                break
    finally:
        gc.enable()
    others = noise(at_start)
    return {name: {"median": statistics.median(times), "min": min(times), "others": others,
                   "share": processor[name] / (sum(times) * numbers[name])} for name, times in samples.items()}


def is_spoilt(*times):
    """Whether something else ran meanwhile, by what `time_in_turns` found of contenders.

    A contender did not have its processor, its median is far above its fastest block, or others had a good part of the
    processors: then threads that wait for each other are slow in every block.

    Examples
    --------
    >>> from fastnn.bench.timing import is_spoilt
    >>> quiet = {"median": 1.0, "min": 0.9, "share": 1.9, "others": 0.02}
    >>> is_spoilt(quiet), is_spoilt(quiet, {**quiet, "median": 2.0})
    (False, True)
    """
    return any(time["share"] < LEAST_SHARE or time["median"] > SPOILT * time["min"]
               or (time["others"] or 0.0) > MOST_OF_OTHERS for time in times)


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
    versions = {"python": platform.python_version(), "numpy": np.__version__, "fastnn": fastnn.__version__}
    versions |= {name: sys.modules[name].__version__ for name in PACKAGES
                 if sys.modules.get(name)}
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


def noise(begun=BEGUN):
    """The share of the processors that others had since `busy_seconds` gave `begun` (default: since this module was
    imported); None if the system does not say."""
    if begun is None:
        return None
    wall, busy, own = (now - before for now, before in zip(busy_seconds(), begun))
    return max(0.0, busy - own) / (wall * os.cpu_count())


def write(path, data):
    """A result file; says so when others kept the processors busy."""
    data = {**data, "noise": noise()}
    if data["noise"] is not None and data["noise"] > NOISE:
        print(f"\nOthers had {data['noise']:.0%} of the processors meanwhile: these figures are spoilt, repeat them on "
              "a quiet machine.")
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
