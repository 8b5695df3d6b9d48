"""``python -m fuzz.kernels --count N --seed S``: random calls of kernels against the reference; see
tests/fuzz/random_kernels.py. A failure is printed with what repeats it; the exit status says whether there was one.
"""
import argparse
import sys
import time

from fastnn.kernels import _core
from fuzz.random_kernels import FAMILIES, check


def main():
    parser = argparse.ArgumentParser(prog="python -m fuzz.kernels", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="problems to draw, each with some calls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    parser.add_argument("--families", default=",".join(FAMILIES), help="some of " + ", ".join(FAMILIES))
    options = parser.parse_args()
    families, calls, failures, start = tuple(options.families.split(",")), 0, 0, time.monotonic()
    cost = _core.set_thread_cost(0)  # split whatever can be split
    for number in range(options.first, options.first + options.count):
        try:
            calls += check(options.seed, number, families)
        except AssertionError as error:
            failures += 1
            print(f"{error}\n    repeat: --seed {options.seed} --first {number} --count 1 --families "
                  f"{options.families}", flush=True)
    _core.set_thread_cost(cost)
    print(f"{options.count} problems, {calls} calls of kernels, {failures} failures, "
          f"{time.monotonic() - start:.0f} s")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
