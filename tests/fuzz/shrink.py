"""The smallest program that still fails in the same way."""
import numpy as np

from fuzz.ir import Leaf, Ref, refs

MOST = 400  # programs tried


class Shrinker:
    def __init__(self, program, finding, fails, values):
        self.program, self.finding, self.fails, self.values = program, finding, fails, values
        self.tried = 0

    def accept(self, candidate):
        """Whether a smaller program fails too; then it is the program."""
        if self.tried >= MOST:
            return False
        self.tried += 1
        try:
            found = self.fails(candidate)
        except Exception:  # a program that has lost a name
            return False
        if found:
            self.program, self.finding = candidate, found
        return bool(found)

    def attempt(self, change):
        """`change(copy)` returns False where there is nothing to do."""
        candidate = self.program.copy()
        return change(candidate) is not False and self.accept(candidate)

    def run(self):
        while True:
            before = self.tried
            changed = any([self.cut(), self.constants(), self.plain(), self.shapes(), self.numbers()])
            self.sweep()
            if not changed or self.tried >= MOST or self.tried == before:
                return self.program, self.finding

    def cut(self):
        changed = False

        def no_backward(p):
            if p.backward is None:
                return False
            p.backward = None
        changed |= self.attempt(no_backward)
        for name in [step.name for step in reversed(self.program.steps)]:
            def drop(p):
                p.steps = [step for step in p.steps if step.name != name]
                if p.backward:
                    p.backward.outputs = [r for r in p.backward.outputs if r.name != name]
                    p.backward.inputs = [r for r in p.backward.inputs if r.name != name]
                    if not p.backward.outputs or not p.backward.inputs:
                        p.backward = None
                return bool(p.steps) and not any(r.name == name for step in p.steps
                                                 for r in refs([step.args, step.kwargs]))
            changed |= self.attempt(drop)
        back = self.program.backward
        for side in ("outputs", "inputs") if back else ():
            for ref in getattr(self.program.backward, side):
                def fewer(p):
                    rest = [r for r in getattr(p.backward, side) if r != ref]
                    setattr(p.backward, side, rest)
                    return bool(rest)
                if self.program.backward and len(getattr(self.program.backward, side)) > 1:
                    changed |= self.attempt(fewer)
        return changed

    def constants(self):
        """Steps replaced by what they made."""
        changed = False
        for name in [step.name for step in self.program.steps[:-1]]:
            env = self.values(self.program)
            if name not in env:
                continue

            def freeze(p):
                new = {}
                for i, t in enumerate(env[name]):
                    leaf = Leaf(f"{name}v{i}", np.array(t.detach().numpy()), "contiguous",
                                bool(t.requires_grad and t.is_floating_point()))
                    p.leaves.append(leaf)
                    new[Ref(name, i)] = Ref(leaf.name)
                p.steps = [step for step in p.steps if step.name != name]
                rename(p, new)
                if p.backward:
                    p.backward.inputs += [Ref(leaf.name) for leaf in p.leaves if leaf.name.startswith(f"{name}v")
                                          and leaf.requires_grad and Ref(leaf.name) not in p.backward.inputs]
            changed |= self.attempt(freeze)
        return changed

    def plain(self):
        changed = False
        for step in self.program.steps:
            name = step.name

            def named(p):
                return next((each for each in p.steps if each.name == name), None)

            def no_watch(p):
                if named(p) is None or not (named(p).watch or named(p).no_grad):
                    return False
                named(p).watch, named(p).no_grad = "", False
            changed |= self.attempt(no_watch)
            for key in list(step.kwargs):
                def without(p):
                    if named(p) is None or key not in named(p).kwargs:
                        return False
                    del named(p).kwargs[key]
                changed |= self.attempt(without)
        for leaf in list(self.program.leaves):
            label = leaf.name
            for field, value in (("layout", "contiguous"), ("requires_grad", False)):
                def simpler(p):
                    each = next((each for each in p.leaves if each.name == label), None)
                    if each is None or getattr(each, field) == value:
                        return False
                    setattr(each, field, value)
                    if field == "requires_grad" and p.backward:
                        p.backward.inputs = [r for r in p.backward.inputs if r.name != label]
                        return bool(p.backward.inputs)
                changed |= self.attempt(simpler)
        if self.program.backward and self.program.backward.mode != "grad":
            def grad(p):
                p.backward.mode = "grad"
            changed |= self.attempt(grad)
        return changed

    def shapes(self):
        """Equal sizes of all leaves made smaller together."""
        changed = False
        sizes = sorted({n for leaf in self.program.leaves for n in leaf.array.shape if n > 1}, reverse=True)
        for n in sizes:
            for smaller in dict.fromkeys((1, 2, n // 2, n - 1)):
                def cut(p):
                    if smaller >= n:
                        return False
                    for leaf in p.leaves:
                        leaf.array = leaf.array[tuple(slice(0, smaller) if m == n else slice(None)
                                                      for m in leaf.array.shape)].copy()
                if self.attempt(cut):
                    changed = True
                    break
            for leaf in list(self.program.leaves):
                def alone(p):
                    each = next((each for each in p.leaves if each.name == leaf.name), None)
                    if each is None or n not in each.array.shape or n < 2:
                        return False
                    each.array = each.array[tuple(slice(0, n // 2) if m == n else slice(None)
                                                  for m in each.array.shape)].copy()
                changed |= self.attempt(alone)
        return changed

    def numbers(self):
        """Simpler numbers: all one, a few, rounded."""
        changed = False
        for leaf in list(self.program.leaves):
            label, array = leaf.name, leaf.array
            simple = [np.ones_like(array)]
            if array.dtype.kind == "f":
                simple += [np.arange(1, array.size + 1).reshape(array.shape).astype(array.dtype),
                           np.round(array).astype(array.dtype), np.round(array, 1).astype(array.dtype)]
            for value in simple:
                def other(p):
                    each = next((each for each in p.leaves if each.name == label), None)
                    if each is None or np.array_equal(each.array, value) or each.array.shape != value.shape:
                        return False
                    each.array = value
                if np.array_equal(leaf.array, value) or self.attempt(other):
                    changed |= not np.array_equal(array, value)
                    break
        return changed

    def sweep(self):
        """Leaves that nothing uses."""
        def unused(p):
            used = {r.name for step in p.steps for r in refs([step.args, step.kwargs])}
            kept = [leaf for leaf in p.leaves if leaf.name in used]
            if len(kept) == len(p.leaves):
                return False
            p.leaves = kept
            if p.backward:
                p.backward.inputs = [r for r in p.backward.inputs if r.name in used or r.name.startswith("y")]
                return bool(p.backward.inputs)
        self.attempt(unused)


def rename(program, new):
    from fuzz.ir import substitute
    change = lambda item: new.get(item, item)
    for step in program.steps:
        step.args, step.kwargs = substitute(step.args, change), substitute(step.kwargs, change)
    if program.backward:
        program.backward.outputs = substitute(program.backward.outputs, change)
        program.backward.inputs = list(dict.fromkeys(substitute(program.backward.inputs, change)))


def smallest(program, finding, fails, values):
    """(program, finding) made small."""
    return Shrinker(program, finding, fails, values).run()
