"""``python -m fuzz.bits record FILE`` and ``python -m fuzz.bits compare FILE``: have any kernel's results changed?

Every sample of every spec is computed in both dtypes, with every instruction set of this build and CPU; what is kept of
a call is a hash of the bits of its results and of the arguments that it changed. Record with one build, compare with
another on the same machine: a rewriting that is meant to keep results must keep all of them.
"""
import argparse
import copy
import hashlib
import json
import sys

import numpy as np

from fastnn import kernels
from fastnn.kernels import _core
from fastnn.testing.spec import all_specs

MOST_SAMPLES = 6  # of a spec


def arrays_in(value):
    """All arrays within a result or an argument, in order."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from arrays_in(item)
    elif isinstance(value, (int, float, np.generic)):
        yield np.asarray(value)


def digest(*values):
    found = hashlib.sha256()
    for array in arrays_in(values):
        found.update(f"{array.dtype} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:24]


def calls(spec, dtype):
    """(label, digest of what a call gives) of a spec's first samples."""
    for number, sample in enumerate(spec.samples(np.random.default_rng(0), dtype)):
        if number == MOST_SAMPLES:
            break
        args, kwargs = copy.deepcopy(sample.args), copy.deepcopy(sample.kwargs)
        result = getattr(kernels, spec.name)(*args, **kwargs)
        yield f"{spec.id} {dtype} {number}", digest(result, args, [kwargs[name] for name in sorted(kwargs)])


def record():
    """{label: digest} of all calls."""
    found = {}
    before = _core.get_isa()
    try:
        for isa in _core.available_isas():
            _core.set_isa(isa)
            for spec in all_specs():
                for dtype in spec.dtypes:
                    found.update({f"{isa} {label}": bits for label, bits in calls(spec, dtype)})
    finally:
        _core.set_isa(before)
    return found


def main():
    parser = argparse.ArgumentParser(prog="python -m fuzz.bits", description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("file")
    options = parser.parse_args()
    found = record()
    if options.action == "record":
        with open(options.file, "w") as file:
            json.dump(found, file, indent=0)
        print(f"{len(found)} calls recorded")
        return 0
    with open(options.file) as file:
        before = json.load(file)
    changed = [label for label in before if label in found and found[label] != before[label]]
    for label in changed:
        print(f"changed: {label}")
    lost = len(set(before) - set(found))
    print(f"{len(found)} calls, {len(changed)} changed, {lost} no longer there, {len(set(found) - set(before))} new")
    return len(changed) + lost > 0


if __name__ == "__main__":
    sys.exit(main())
