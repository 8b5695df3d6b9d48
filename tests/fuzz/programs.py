"""``python -m fuzz.programs --count N --seed S [--threads]`` (in tests/): random tensor programs beside PyTorch.

A program is one to six calls over a pool of tensors (views and in-place changes among them) and a backward pass. fastnn
runs with every new array filled with NaN between guard bytes, on one thread and on two or three, which must give the
same bits. Each difference that rounding does not explain (`judge`) is made small (`shrink`) and printed as lines that
run on both libraries, unless a line of `explained.txt` says why it is there. Program number i of a seed is always the
same.
"""
import argparse
import collections
import functools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fuzz import judge, operations, samples
from fuzz.arguments import Draw, Skip
from fuzz.explain import Explained
from fuzz.ir import Backward, Leaf, Program, Ref, Step, source
from fuzz.runner import Raised, Run, libraries, run, tensors_of
from fuzz.shrink import smallest

MODES = [("backward", 35), ("grad", 20), ("second", 20), ("twice", 8), ("again", 5), ("create", 5), ("parts", 7)]
STEPS = (1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6)
LARGE = 300_000  # elements of results that are not kept
SECONDS = 60  # for one program; beyond it hangs


@functools.cache
def keys():
    return [key for key in operations.public() if not operations.is_excluded(key)]


@functools.lru_cache(2)
def turn_order(seed, turn):
    return random.Random(f"{seed} {turn}").sample(keys(), len(keys()))


class Maker:
    """Makes program number `index` of a seed, by running it on PyTorch as it grows."""

    def __init__(self, seed, index, library, only=None):
        self.rng = random.Random(f"{seed} {index}")
        self.library, self.only, self.index, self.seed = library, only, index, seed
        self.program = Program([], [], seed=self.rng.getrandbits(31))
        self.run = Run(library, self.program)
        self.made = 0  # leaves that exist already
        self.dirty = False  # a refused call changed something

    def key(self, position):
        """The first call of the programs of a seed goes through all operations in a random order, others are drawn."""
        if self.only:
            return self.rng.choice(self.only)
        every = keys()
        if position == 0:
            turn, at = divmod(self.index, len(every))
            return turn_order(self.seed, turn)[at]
        return self.rng.choice(every)

    def pool(self, most):
        return {Ref(name, i): t for name, tensors in self.run.trace.env.items() for i, t in enumerate(tensors)
                if t.numel() < most}

    def make(self):
        main = self.rng.choices(("float32", "float64", "float16"), (75, 20, 5))[0]
        self.library.seed(self.program.seed)
        for position in range(self.rng.choice(STEPS)):
            for _ in range(8):
                if self.grow(self.key(position) if not (position == 0 and _ > 5) else self.rng.choice(keys()), main):
                    break
            last = self.program.steps[-1] if self.program.steps else None
            if last and (last.structure or last.key.partition(".")[2] in operations.RANDOM
                         or isinstance(self.run.trace.observed[-1][1], Raised)):
                break
        self.end()
        return self.program

    def theirs(self):
        """PyTorch's trace; run again where discarded draws moved the generator or changed a tensor."""
        if self.dirty or is_random(self.program):
            return run(self.library, self.program)
        return self.run.finish()

    def new_leaves(self):
        for leaf in self.program.leaves[self.made:]:
            self.run.leaf(leaf)
        self.made = len(self.program.leaves)

    def undo(self, leaves):
        for leaf in self.program.leaves[leaves:]:
            self.run.trace.env.pop(leaf.name, None)
        del self.program.leaves[leaves:]
        self.made = leaves

    def grow(self, key, main):
        """Adds one call; False if PyTorch refuses it (a part of the refused ones stays)."""
        program, leaves = self.program, len(self.program.leaves)
        owner, _, name = key.partition(".")
        grows = name.removesuffix("_") in operations.GROWING
        draw = Draw(self.rng, program, self.pool(70 if grows else 30000), main, grows)
        draw.big |= name in operations.LONG and self.rng.random() < 0.25
        draw.in_place = name.endswith("_") or key.startswith("op.i") or key == "op.setitem"
        try:
            drawn = samples.draw(draw, key) if self.rng.random() < 0.2 else None
            args, kwargs = drawn or draw.call(self.rng.choice(operations.parameters(key)), owner in ("Tensor", "op"))
            if owner == "op":
                args += kwargs.values()
                kwargs = {}
            if owner == "Tensor" and not (args and isinstance(args[0], Ref)):
                raise Skip
        except Skip:
            self.undo(leaves)
            return False
        self.new_leaves()
        step = Step(f"y{len(program.steps) + 1}", key, args, kwargs, structure=name in operations.UNDEFINED
                    or "dropout" in name, no_grad=self.rng.random() < 0.06 or name in operations.NO_GRADIENT)
        if self.rng.random() < 0.1:
            step.watch = self.rng.choice(("hook", "retain"))
        value = self.run.step(step)
        raised = isinstance(self.run.trace.observed[-1][1], Raised)
        if not raised and owner in ("torch", "linalg", "special") and self.rng.random() < 0.12 and not step.structure:
            value = self.with_out(step, value, draw)
            raised = isinstance(self.run.trace.observed[-1][1], Raised)
        self.dirty |= raised and draw.in_place
        large = not raised and sum(t.numel() for t in self.run.trace.env[step.name]) > LARGE
        if large or raised and self.rng.random() < (0.9 if program.steps else 0.7):
            self.run.trace.observed.pop()
            del self.run.trace.env[step.name]
            self.undo(leaves)
            return False
        if isinstance(value, (list, tuple)):
            step.unpack = len(self.run.trace.env[step.name])
        program.steps.append(step)
        return True

    def with_out(self, step, value, draw):
        """The same call once more with ``out=``."""
        found = tensors_of(value, self.library.module.Tensor)
        if not found or "out" in step.kwargs or sum(t.numel() for t in found) > LARGE:
            return value
        targets = []
        for t in found:
            shape, name = tuple(t.shape), str(t.dtype)[6:]
            if self.rng.random() < 0.2:
                shape = (0,)
            if self.rng.random() < 0.1:
                name = self.rng.choice(("float32", "float64", "int64"))
            leaf = Leaf(f"x{len(self.program.leaves) + 1}", np.full(shape, 7, name),
                        "contiguous" if self.rng.random() < 0.7 or 0 in shape else "transposed")
            self.program.leaves.append(leaf)
            targets.append(Ref(leaf.name))
        self.new_leaves()
        step.kwargs = {**step.kwargs, "out": targets[0] if not isinstance(value, tuple) else tuple(targets)}
        step.watch = ""
        self.run.trace.observed.pop()
        return self.run.step(step)

    def end(self):
        """A backward pass from some of the results."""
        rng, env = self.rng, self.run.trace.env
        outputs = [Ref(step.name, i) for step in self.program.steps if not step.structure
                   for i, t in enumerate(env[step.name]) if t.requires_grad and t.is_floating_point()]
        inputs = [Ref(leaf.name) for leaf in self.program.leaves if leaf.requires_grad]
        if not outputs or not inputs or rng.random() < 0.15:
            return
        chosen = outputs[-1:] if rng.random() < 0.7 else rng.sample(outputs, rng.randint(1, min(3, len(outputs))))
        mode = rng.choices(*zip(*MODES))[0]
        between = [ref for ref in outputs if ref not in chosen and ref.item == 0]
        if mode == "parts" and between:
            self.program.backward = Backward(mode, chosen, [rng.choice(between), *inputs], rng.getrandbits(16))
            return
        # What passes through a watched tensor the second time depends on what a rule saves.
        watched = any(step.watch for step in self.program.steps)
        mode = "grad" if mode == "parts" or watched and mode in ("second", "create") else mode
        if mode != "backward" and rng.random() < 0.2:
            inputs = inputs + [ref for ref in rng.sample(outputs, 1) if ref not in chosen]
        self.program.backward = Backward(mode, chosen, inputs, rng.getrandbits(16))


def is_random(program):
    return any(operations.is_random(step) for step in program.steps)


class Judge:
    """Runs programs on both libraries and says how they differ."""

    def __init__(self):
        self.libraries = libraries()
        from fastnn.kernels import _core
        self.core = _core
        _core.set_thread_cost(0)
        _core.set_guard(True)
        _core.set_flush_denormal(False)

    def ours(self, program, threads=1):
        self.core.set_num_threads(threads)
        return run(self.libraries[1], program)

    def check(self, program, theirs=None, threads=()):
        """The finding of a program; None."""
        theirs = theirs or run(self.libraries[0], program)
        ours = self.ours(program)
        if self.core.guard_damage():
            return judge.Finding("memory", "guard", "a kernel wrote outside the array it was given")
        if is_random(program):
            found = judge.roughly(program, ours, theirs, self.libraries)
        else:
            found = judge.findings(program, ours, theirs, self.libraries)
        if found:
            return found[0]
        for count in threads:
            text = judge.other_bits(ours, self.ours(program, count))
            if text:
                return judge.Finding(*text[:1], "bits", f"{count} threads: {text[1]}")
        return None

    def small(self, program, finding):
        """The smallest program with a finding of that kind, and its finding."""
        threads = (2, 3) if finding.kind == "bits" else ()

        def fails(candidate):
            found = self.check(candidate, threads=threads)
            return found if found and found.kind == finding.kind and ("grad" in found.label) == (
                "grad" in finding.label) else None
        return smallest(program, finding, fails, lambda each: run(self.libraries[0], each).env)


def threads_of(rng, always):
    return (2, 3) if always else rng.choices(((), (2,), (3,)), (60, 20, 20))[0]


def one(index, seed, judged, always, only=None):
    """The finding of program number `index`: (program, finding) before shrinking; None."""
    maker = Maker(seed, index, judged.libraries[0], only)
    program = maker.make()
    theirs = maker.theirs()
    found = judged.check(program, theirs, threads_of(maker.rng, always))
    return program, found


def unexplained(seed, indices, judged, explained):
    """[(program, finding)] that no line explains, made small."""
    found = []
    for index in indices:
        program, finding = one(index, seed, judged, index % 50 == 0)
        if finding and explained.early(program, finding) is None:
            program, finding = judged.small(program, finding)
            if explained.line(program, finding) is None:
                found.append((program, finding))
    return found


def worker(args):
    """Programs start..stop; findings as lines of JSON, the number in work in a file."""
    judged, explained = Judge(), Explained()
    only = [key for key in keys() if key.partition(".")[2] in args.only.split(",") or key in args.only.split(",")] \
        if args.only else None
    with open(args.progress, "r+b", buffering=0) as progress:
        for index in range(args.start, args.stop):
            progress.seek(0)
            progress.write(b"%12d" % index)
            signal.alarm(SECONDS)
            if args.theirs:
                maker = Maker(args.seed, index, judged.libraries[0], only)
                maker.make()
                maker.theirs()
                continue
            program, found = one(index, args.seed, judged, args.threads, only)
            if found:
                whole, line = program, explained.early(program, found)
                if line is None:
                    program, found = judged.small(program, found)
                    line = explained.line(program, found)
                print(json.dumps({"index": index, "key": program.last_key(), "kind": found.kind, "text": repr(found),
                                  "source": source(program), "explained": line, "steps": len(whole.steps)}), flush=True)
            signal.alarm(0)
        progress.seek(0)
        progress.write(b"%12d" % args.stop)


def worker_command(args, start, stop, progress):
    return [sys.executable, "-m", "fuzz.programs", "--worker", "--start", str(start), "--stop", str(stop), "--seed",
            str(args.seed), "--progress", progress.name, "--only", args.only, *["--threads"] * args.threads]


def supervised(args, report):
    """Runs workers until all programs are done; one that dies is a finding, and the next goes on behind it."""
    with tempfile.NamedTemporaryFile() as progress:
        at = args.start
        while at < args.stop:
            progress.seek(0)
            progress.write(b"%12d" % at)
            progress.flush()
            child = subprocess.Popen(worker_command(args, at, args.stop, progress), stdout=subprocess.PIPE, text=True)
            for line in child.stdout:
                report(json.loads(line))
            status = child.wait()
            at = int(Path(progress.name).read_bytes())
            if status:
                alone = subprocess.run([*worker_command(args, at, at + 1, progress), "--theirs"],
                                       stdout=subprocess.DEVNULL)
                report({"index": at, "key": "?", "kind": "crash", "text": f"the process ended with status {status}",
                        "source": f"program {at} of seed {args.seed}", "steps": 0,
                        "explained": 0 if alone.returncode == status else None})  # PyTorch alone ends so too
                at += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--threads", action="store_true", help="two and three threads for every program")
    parser.add_argument("--only", default="", help="operations, separated by commas")
    parser.add_argument("--json", help="a file for all findings")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--theirs", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--stop", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--progress", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args)
    args.stop = args.start + args.count
    found, lines, began = {}, collections.Counter(), time.time()
    log = open(args.json, "w") if args.json else None

    def report(each):
        if log:
            print(json.dumps(each), file=log, flush=True)
        if each["explained"] is not None:
            lines[each["explained"]] += 1
            return
        name = judge.signature(each)
        if name not in found:
            found[name] = [0, each]
            print(f"\n#{each['index']} {each['key']}: {each['text']}\n{each['source']}\n", flush=True)
        found[name][0] += 1
    supervised(args, report)
    print(f"{args.count} programs in {time.time() - began:.0f} s, {sum(n for n, _ in found.values())} findings of "
          f"{len(found)} kinds, {sum(lines.values())} explained")
    for name, (n, each) in sorted(found.items(), key=lambda item: -item[1][0]):
        print(f"{n:6} {name}  (#{each['index']})")
    for entry in Explained().entries:
        if entry.number not in lines:
            print(f"explained.txt:{entry.number} matched nothing: {entry.reason}")
    return bool(found)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(main())
