"""Compares two result files: `python benchmarks/compare.py before.json after.json`.

The ratio is before / after: above 1 is faster now. Exit status 1 when a case became slower than --limit allows.
"""
import argparse
import json
import math
import sys

from common import duration


def load(path):
    with open(path) as file:
        data = json.load(file)
    return data, {(result.get("spec", ""), result["label"], result.get("dtype", "")): result["times"]
                  for result in data["results"]}


def compare(before, after, contender, statistic="median"):
    """[(key, seconds before, seconds after)] of the cases that both files have, slowest change first."""
    rows = [(key, before[key][contender][statistic], after[key][contender][statistic]) for key in before
            if key in after and contender in before[key] and contender in after[key]]
    return sorted(rows, key=lambda row: row[1] / row[2])


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("before")
    options.add_argument("after")
    options.add_argument("--contender", help="whose times: c1, c2, numpy, torch, ... (default: the most threads of C)")
    options.add_argument("--min", action="store_true", help="compare fastest blocks instead of medians")
    options.add_argument("--limit", type=float, default=0.87, help="ratios below this are regressions (default 0.87)")
    options = options.parse_args()
    (first, before), (second, after) = load(options.before), load(options.after)
    for key in ("cpu", "cores", "isa", "threads"):
        if first["machine"].get(key) != second["machine"].get(key):
            print(f"caution: {key} differs: {first['machine'].get(key)} and {second['machine'].get(key)}")
    contender = options.contender or {
        "train": "fastnn", "bench": f"fastnn-{second['machine']['threads']}"}.get(
        second["kind"], f"c{second['machine']['threads']}")
    rows = compare(before, after, contender, "min" if options.min else "median")
    if not rows:
        sys.exit(f"the files have no common case with times of {contender!r}")
    print(f"{'case':<60} {'before':>9} {'after':>9} {'ratio':>7}   (times of {contender})")
    regressions = 0
    for key, old, new in rows:
        slower = old / new < options.limit
        regressions += slower
        print(f"{' '.join(filter(None, key)):<60.60} {duration(old)} {duration(new)} {old / new:6.2f}x"
              f"{'  SLOWER' if slower else ''}")
    mean = math.exp(sum(math.log(old / new) for _, old, new in rows) / len(rows))
    print(f"\n{len(rows)} cases, geometric mean {mean:.3f}x, {regressions} slower than the limit of {options.limit}x")
    for name, missing in (("only before", set(before) - set(after)), ("only after", set(after) - set(before))):
        if missing:
            print(f"{name}: {', '.join(' '.join(filter(None, key)) for key in sorted(missing))}")
    sys.exit(1 if regressions else 0)


if __name__ == "__main__":
    main()
