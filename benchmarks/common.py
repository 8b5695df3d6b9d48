"""What the benchmarks share: options and result files; they time by `fastnn.bench.timing`."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from fastnn.bench.timing import cores, duration, machine, ratio, time_in_turns, write  # noqa: F401

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results")


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
    """Writes a result file, by default beside the others."""
    if not path:
        os.makedirs(RESULTS, exist_ok=True)
        path = os.path.join(RESULTS, f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}.json")
    write(path, data)
