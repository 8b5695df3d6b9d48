"""``fastnn bench``: times fastnn, its NumPy reference and every peer that is installed, in turns in one process."""
import argparse
import functools
import sys

import numpy as np

from fastnn import kernels
from fastnn.bench import peers as libraries
from fastnn.bench import report
from fastnn.bench.cases import all_cases
from fastnn.bench.timing import cores, machine, time_in_turns, write

EFFORT = {"rounds": 9, "block": 0.02, "budget": 4}
QUICK = {"rounds": 3, "block": 0.002, "budget": 0.5}
TOLERANCE = 1e-3  # of the largest element: the order of sums differs, and steps of Adam make more of it


def result_of(call, repeat=3):
    """What the third call returns, as an array: a third step shows whether the first two updates are right."""
    value = [call() for _ in range(repeat)][-1]
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return None if value is None else np.asarray(value)


def differs(actual, expected):
    """A sentence if two results are not the same within rounding, else None."""
    if actual is None or expected is None:
        return None
    if actual.shape != expected.shape:
        return f"has shape {actual.shape}, not {expected.shape}"
    error = np.abs(actual - expected).max(initial=0.0)
    limit = TOLERANCE * np.abs(expected).max(initial=0.0) + 1e-6
    return None if error <= limit else f"differs by {error:.2g}"  # NaN differs


def build(case, batch, thread_counts, peers):
    """(calls, scopes, failures) of a case; what fails or computes something else is left out and named."""
    calls, scopes, failures, expected = {}, {}, {}, None
    for contender in case.contenders(peers):
        for threads in libraries.thread_counts(contender, thread_counts):
            key, scope = f"{contender}-{threads}", functools.partial(libraries.scope, contender, threads)
            try:
                with scope():
                    call = case.build(contender, batch, threads)
                    found = result_of(call)
            except Exception as error:  # a peer's trouble must not end the others' measurement
                failures[key] = f"{type(error).__name__}: {error}"
                continue
            expected = found if expected is None else expected
            if wrong := differs(found, expected):
                failures[key] = f"computes something else, {wrong}"
            else:
                calls[key], scopes[key] = call, scope
    return calls, scopes, failures


def measure(case, batch, thread_counts, peers, effort):
    """One entry of the results."""
    calls, scopes, failures = build(case, batch, thread_counts, peers)
    times = time_in_turns(calls, scopes, **effort)
    return {"label": f"{case.group}: {case.title(batch)}", "group": case.group, "name": case.name,
            "batch": batch if case.sized else None, "dtype": "float32", "times": times, "failures": failures,
            "ratios": {threads: {peer: {"ratio": value, "spoilt": spoilt}
                                 for peer, (value, spoilt) in report.ratios(times, threads).items()}
                       for threads in thread_counts}}


def run(cases, thread_counts, peers, effort, results):
    """Measure (case, batch) after (case, batch), print a line for each and append it to `results`."""
    group = None
    for case, batch in cases:
        if case.group != group:
            group = case.group
            columns = [name for name in peers if any(name in each.builders for each, _ in cases if each.group == group)]
            print(report.header(group, columns))
        result = measure(case, batch, thread_counts, peers, effort)
        results.append(result)
        for line in report.rows(case.title(batch), result["times"], thread_counts, columns):
            print(line, flush=True)
        for contender, message in result["failures"].items():
            print(f"  {contender}: {message}", flush=True)


def numbers(text):
    """`1,32` as [1, 32]; positive, ascending, each once."""
    found = sorted({int(each) for each in text.split(",")})
    if found[0] < 1:
        raise ValueError(text)
    return found


numbers.__name__ = "list of positive integers"  # argparse names it in its message


def parse(argv):
    parser = argparse.ArgumentParser(prog="fastnn bench", description=(
        "time operations, training steps and predictions: fastnn, its NumPy reference and the libraries installed "
        "here, in turns in one process"))
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases whose name contains TEXT")
    parser.add_argument("--quick", action="store_true",
                        help="batch 32 on all processors, few rounds: minutes, for a look and not for a record")
    parser.add_argument("--threads", type=numbers, metavar="1,2", help="numbers of threads (default: 1 and all)")
    parser.add_argument("--batch", type=numbers, metavar="1,32", help="rows of a batch (default: 1,32,256)")
    parser.add_argument("--peers", metavar="NAMES", help=f"some of {','.join(libraries.PACKAGES)}, or none (default: "
                                                         "all that are installed)")
    parser.add_argument("--json", metavar="FILE", help="write all results to FILE")
    parser.add_argument("--picture", metavar="FILE", help="draw the ratios, as .png, .svg or .pdf; needs matplotlib")
    options = parser.parse_args(argv)
    options.threads = options.threads or ([cores()] if options.quick else sorted({1, cores()}))
    options.batch = options.batch or ([32] if options.quick else [1, 32, 256])
    options.peers = wanted(parser, options.peers)
    if options.picture and not libraries.has_module("matplotlib"):
        parser.exit(1, "fastnn bench: --picture needs matplotlib: pip install 'fastnn-cpu[plots]'\n")
    cases = [(case, batch) for case in all_cases(options.peers) for batch in (options.batch if case.sized else [1])
             if options.filter.lower() in f"{case.group}: {case.title(batch)}".lower()]
    if not cases:
        parser.error(f"no case contains {options.filter!r}")
    return options, cases


def wanted(parser, text):
    """The peers asked for, or all that are there."""
    if text is None:
        return libraries.installed()
    names = [] if text in ("", "none") else text.split(",")
    for name in names:
        if name not in libraries.PACKAGES:
            parser.error(f"--peers: expected some of {','.join(libraries.PACKAGES)}, got {name!r}")
        if not libraries.is_there(name):
            parser.exit(1, f"fastnn bench: {name} is not installed: pip install {libraries.PACKAGES[name][0]}\n")
    return names


def main(argv=None):
    """The command; returns its exit status."""
    options, cases = parse(argv)
    for name, message in libraries.load(options.peers).items():
        print(f"{libraries.TITLES[name]} is left out, it cannot be imported: {message}", file=sys.stderr)
        options.peers.remove(name)
    most, info = options.threads[-1], machine(kernels.get_isa(), options.threads[-1])
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
    about = f"{info['cpu']}, {info['cores']} processors, {info['isa']}\n{versions}"
    print(f"{about}\n{len(cases)} cases; medians; under a peer's name how many times as long it takes as fastnn "
          f"({report.SIGN} spoilt by noise)\n")
    results, status = [], 0
    with libraries.quiet():
        try:
            run(cases, options.threads, options.peers, QUICK if options.quick else EFFORT, results)
        except KeyboardInterrupt:
            print("\ninterrupted: what follows is of the cases until here")
            status = 130
    print()
    for line in report.summary(results, most, options.peers):
        print(line)
    if options.json:
        write(options.json, {"kind": "bench", "machine": info, "results": results})
    if options.picture and results:
        report.picture(options.picture, results, most, options.peers, about)
        print(f"picture: {options.picture}")
    return status


if __name__ == "__main__":
    sys.exit(main())
