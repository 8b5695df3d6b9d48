"""Whether two traces of a program agree, and whether a difference is larger than rounding explains.

Equal within 8 eps is agreement at once. Otherwise the program runs again in float64, as it is and with every leaf and
intermediate result changed by one rounding: the truth t, and what rounding makes of it (S). An element of fastnn's may
be off by (16 + 4 k) units of eps |t| + S, k being the worst error of PyTorch's own float32 run in these units; where
elements are sums of terms, the largest |t| of the observation counts. Where S is a jump (a tie, a kink), the float64
runs of both must agree, else it is a finding too. For functions that a number added to all inputs does not change, such
as a variance, S is no excuse. Integers, bools, dtypes and shapes must be equal, unless PyTorch changes its answer with
such a rounding.
"""
import numpy as np

from fuzz.ir import refs
from fuzz.operations import ELEMENTWISE, STABLE, is_random
from fuzz.runner import Raised, Seen, run

EPS = {"float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
TINY = {"float16": 1e-4, "float32": 1.2e-38, "float64": 2.3e-308}
PERTURBED = 6


class Finding:
    """One difference: where, of which kind, in words."""

    def __init__(self, label, kind, text):
        self.label, self.kind, self.text = label, kind, text

    def __repr__(self):
        return f"{self.label}: {self.kind}: {self.text}"


def same_error(ours, theirs):
    """Whether `except` of PyTorch's class catches fastnn's exception."""
    kind = theirs.kind
    if "LinAlgError" in kind.__name__:
        return "LinAlgError" in ours.kind.__name__
    if "NotImplemented" in kind.__name__ or "not implemented for" in theirs.text:
        kind = RuntimeError
    return issubclass(ours.kind, kind) or issubclass(ours.kind, NotImplementedError)


def structure(ours, theirs, values=True):
    """(kind, text) of a difference in structure, None; numbers are left to `apart`."""
    if isinstance(theirs, Raised) or isinstance(ours, Raised):
        if not isinstance(ours, Raised):
            return "accepts", f"PyTorch {theirs}"
        if not isinstance(theirs, Raised):
            return "refuses", repr(ours)
        return None if same_error(ours, theirs) else ("other error", f"{ours}; PyTorch {theirs}")
    if isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) != len(theirs):
            return "structure", f"{ours}, PyTorch {theirs}"
        return next((found for pair in zip(ours, theirs) if (found := structure(*pair, values))), None)
    if isinstance(theirs, Seen):
        if not isinstance(ours, Seen):
            return "structure", f"{ours}, PyTorch {theirs}"
        if ours.array.shape != theirs.array.shape:
            return "shape", f"{ours}, PyTorch {theirs}"
        if ours.dtype != theirs.dtype:
            return "dtype", f"{ours.dtype}, PyTorch {theirs.dtype}"
        if ours.grad != theirs.grad:
            return "requires_grad", f"{ours.grad}, PyTorch {theirs.grad}"
        return None
    if values and ours != theirs and str(ours).replace("fastnn", "torch") != str(theirs):
        return "value", f"{ours!r}, PyTorch {theirs!r}"
    return None


def arrays(value):
    if isinstance(value, Seen):
        return [value]
    return [seen for item in value for seen in arrays(item)] if isinstance(value, list) else []


def close(a, b, eps):
    """Elementwise agreement within a few ulp (NaN is NaN)."""
    if a.dtype.kind not in "f":
        return a == b
    return (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= 8 * eps * np.abs(b))


def compare(ours, theirs, program):
    """[(index, label, kind, text, differing)] of two traces: structure, and numbers that differ at first sight."""
    found = []
    undefined = {step.name for step in program.steps if step.structure}
    for i, ((label, x), (_, y)) in enumerate(zip(ours.observed, theirs.observed)):
        loose = bool(undefined) and label != "the next random number" and label not in {
            step.name for step in program.steps if not step.structure}
        difference = structure(x, y, not loose)
        if difference:
            found.append((i, label, *difference, None))
            if isinstance(x, Raised) or isinstance(y, Raised):
                break
            continue
        if loose:
            continue
        for j, (a, b) in enumerate(zip(arrays(x), arrays(y))):
            with np.errstate(all="ignore"):
                good = close(a.array, b.array, EPS.get(b.dtype, 2.0**-52))
            if not good.all():
                found.append((i, label, "value", j, ~good))
    if len(ours.observed) != len(theirs.observed) and not found:
        counts = f"{len(ours.observed)} observations, PyTorch {len(theirs.observed)}"
        found.append((-1, "end", "structure", counts, None))
    return found


def findings(program, ours, theirs, libraries):
    """The differences that rounding does not explain."""
    raw = compare(ours, theirs, program)
    if not raw:
        return []
    done = [Finding(label, kind, text) for _, label, kind, text, differing in raw if differing is None]
    if done:
        return done[:1]
    truth = Truth(program, libraries)
    for i, label, kind, j, differing in raw:
        text = truth.verdict(i, j, ours, theirs, differing)
        if text:
            return [Finding(label, kind, text)]
    return []


class Truth:
    """The float64 runs of a program."""

    def __init__(self, program, libraries):
        self.program, (self.torch, self.fastnn) = program, libraries
        names = {str(leaf.array.dtype) for leaf in program.leaves} | {
            seen for step in program.steps for seen in EPS if seen in repr(step.kwargs) + repr(step.args)}
        if any(step.key in ("Tensor.half",) for step in program.steps):
            names.add("float16")
        names |= {"float32" for name in names if name not in EPS and name != "bool"}  # what integers become
        self.eps = max([EPS[name] for name in names if name in EPS], default=2.0**-23)
        narrow = ("float", "rand", "zeros", "ones", "full", "space", "tensor", "array")  # float32 of their own accord
        if "float32" not in names and "float16" not in names and not any(
                word in step.key for step in program.steps for word in narrow):
            self.eps = EPS["float64"]
        self.wide = run(self.torch, program, widen=True)
        self.ours = None
        self.perturbed_runs = []

    def perturbed(self):
        step = max(self.eps / 2, 2.0**-40)
        if not self.perturbed_runs:
            self.perturbed_runs = [run(self.torch, self.program, widen=True, perturb=step, seed=n + 1)
                                   for n in range(PERTURBED)]
        return self.perturbed_runs, self.eps / 2 / step

    def get(self, trace, i, j):
        """The j-th array of an observation as float64; None if the run went another way."""
        if i >= len(trace.observed):
            return None
        found = arrays(trace.observed[i][1])
        return found[j].array if j < len(found) else None

    def verdict(self, i, j, ours, theirs, differing):
        """None if rounding explains the differing differing, else words."""
        a, b, t = self.get(ours, i, j), self.get(theirs, i, j), self.get(self.wide, i, j)
        exact = a.dtype.kind != "f"
        runs, scale = self.perturbed()
        others = [self.get(trace, i, j) for trace in runs]
        if t is None or t.shape != a.shape or any(o is None or o.shape != a.shape for o in others):
            return None  # shapes themselves depend on rounding
        with np.errstate(all="ignore"):
            if exact:
                steady = np.all([o == t for o in others], 0) & (b == t)
                bad = differing & (steady | self.is_whole())
                return self.words(bad, a, b, t, None) if bad.any() else None
            t, a64, b64 = t.astype(np.float64), a.astype(np.float64), b.astype(np.float64)
            spread = np.max([np.abs(o - t) for o in others], 0) * scale
            unsteady = ~np.all([np.isfinite(o) == np.isfinite(t) for o in others], 0)
            lower = self.eps == EPS["float64"]
            tiny = TINY["float32" if self.eps == 2.0**-23 else "float16" if self.eps > 1e-4 else "float64"]
            unit = self.eps * self.size(t, i) + np.nan_to_num(spread, nan=np.inf, posinf=np.inf) + tiny
            own = np.zeros(()) if lower else np.abs(b64 - t) / unit
            own = own[np.isfinite(own)] if own.ndim else own
            k = float(own.max()) if own.size else 0.0
            error = np.abs(a64 - t)
            bad = differing & ~((error <= (16 + 4 * k) * unit) | (a64 == t) | (np.isnan(a64) & np.isnan(t)))
            # Overflow, and what comes of it, is PyTorch's float32 answer, not the float64 one's.
            bad &= ~(np.isfinite(t) & ~np.isfinite(b64) & (np.isfinite(a64) | ~np.isfinite(a64)) & (
                np.isnan(a64) == np.isnan(b64)))
            bad &= ~unsteady
            if not self.elementwise(i):  # which infinities meet in a sum depends on its order
                bad &= np.isfinite(t) | np.isfinite(a64)
            bad |= differing & self.strict(a64, b64, t)
            jump = np.nan_to_num(spread) > 1e3 * self.eps * (np.abs(t) + 1e-30)
            if not bad.any() and not lower and (differing & jump).any():
                return self.both_wide(i, j, t, spread, differing)
        return self.words(bad, a, b, t, spread) if bad.any() else None

    def elementwise(self, i):
        """Whether each element comes from one of each operand; gradients of what is used twice are sums."""
        steps = self.program.steps
        used = [ref for step in steps for ref in refs([step.args, step.kwargs])]
        if "grad" in self.wide.observed[i][0] and len(set(used)) < len(used):
            return False
        return bool(steps) and {step.key.partition(".")[2].removesuffix("_") for step in steps} <= ELEMENTWISE

    def size(self, t, i):
        """What errors are relative to: an element, or the largest of the observation where elements are sums of terms.

        float64 is no truth of itself: what float32 runs show more sharply is not asked of it.
        """
        size = np.abs(t) * (1 if self.eps > EPS["float64"] else 1000)
        if not self.elementwise(i):
            together = [each.array[np.isfinite(each.array)] for each in arrays(self.wide.observed[i][1])
                        if each.array.dtype.kind == "f"]
            size = size + max([float(np.max(np.abs(each), initial=0)) for each in together], default=0)
            if self.eps == EPS["float64"]:
                size = size + 1
            elif not self.program.steps:  # many layers on each other: their operands' size
                size = size + 1e-3
        return size

    def is_whole(self):
        """No floating number anywhere: nothing rounds."""
        return all(leaf.array.dtype.kind != "f" for leaf in self.program.leaves)

    def strict(self, a, b, t):
        """One call on exact numbers of a function that is as good for equal numbers as for others."""
        steps = self.program.steps
        if len(steps) != 1 or steps[0].key.partition(".")[2] not in STABLE or self.eps > 1e-4 or t.size == 0:
            return np.zeros(t.shape, bool)
        size = np.max(np.abs(t[np.isfinite(t)]), initial=0)
        own = np.abs(b - t)[np.isfinite(t) & np.isfinite(b)].max(initial=0)
        return (np.abs(a - t) > 64 * self.eps * size + 8 * own + TINY["float32"]) & np.isfinite(t) & np.isfinite(b)

    def both_wide(self, i, j, t, spread, differing):
        """Where rounding decides in float32 (a tie, a kink), both must decide alike in float64."""
        if self.ours is None:
            self.ours = run(self.fastnn, self.program, widen=True)
        a = self.get(self.ours, i, j)
        if a is None or a.shape != t.shape or a.dtype.kind != "f":
            return None
        limit = 64 * 2.0**-52 * np.abs(t) + np.nan_to_num(spread) * 2.0**-29 / self.eps * 2.0**-23 * 64 + 1e-10
        bad = differing & (np.abs(a - t) > limit) & np.isfinite(t)
        return "in float64 too: " + self.words(bad, a, t, t, spread) if bad.any() else None

    def words(self, bad, a, b, t, spread):
        where = np.argwhere(bad)[0] if bad.ndim else ()
        at = tuple(int(n) for n in where)
        extra = "" if spread is None else f", rounding may change it by {np.asarray(spread)[at]:.3g}"
        return (f"{int(bad.sum())} of {bad.size} differ, first at {list(at)}: {a[at]!r}, PyTorch {b[at]!r}, in float64 "
                f"{t[at]!r}{extra}")


def steady(program):
    """The steps that neither draw nor depend on what was drawn."""
    drawn, kept = set(), []
    for step in program.steps:
        used = {ref.name for ref in refs([step.args, step.kwargs])}
        if is_random(step) or used & drawn:
            drawn |= {step.name} | used  # what it changed in place
        else:
            kept.append(step)
    found, back = program.copy(), program.backward
    found.steps = kept
    if back and {ref.name for ref in [*back.outputs, *back.inputs]} & drawn:
        found.backward = None
    return found


def roughly(program, ours, theirs, libraries):
    """Random programs: the same numbers within what transformations of them round."""
    for i, label, kind, text, differing in compare(ours, theirs, program):
        if differing is None:
            return [Finding(label, kind, text)]
        a, b = arrays(ours.observed[i][1])[text].array, arrays(theirs.observed[i][1])[text].array
        with np.errstate(all="ignore"):
            bad = differing & ~(np.abs(a.astype(float) - b) <= 1e-5 * np.abs(b) + 1e-6)
        if bad.any():
            at = tuple(np.argwhere(bad)[0])
            plain = steady(program)
            own = {step.name for step in plain.steps}
            if (label.removesuffix(" at the end") in own or "gradients" in label and plain.backward) and not findings(
                    plain, run(libraries[1], plain), run(libraries[0], plain), libraries):
                continue
            return [Finding(label, kind, f"{int(bad.sum())} of {bad.size} differ, first {a[at]!r}, PyTorch {b[at]!r}")]
    return []


def other_bits(one, other):
    """(label, text) of the first difference between runs on different numbers of threads."""
    for (label, x), (_, y) in zip(one.observed, other.observed):
        if isinstance(x, Raised) or isinstance(y, Raised):
            if type(x) is not type(y):
                return label, f"{y}, one thread {x}"
            continue
        for a, b in zip(arrays(x), arrays(y)):
            if a.array.shape != b.array.shape or a.array.tobytes() != b.array.tobytes():
                same_nan = a.array.dtype.kind == "f" and a.array.shape == b.array.shape and np.array_equal(
                    a.array, b.array, equal_nan=True)
                return label, "a NaN has other bits" if same_nan else "other numbers"
    return None


def signature(each):
    """A short name under which findings of one cause fall together."""
    import re
    text = re.sub(r"x\d+|y\d+\w*|at \[[\d, ]*\]|-?\d+(\.\d+)?(e[-+]?\d+)?", "", each["text"].partition(": ")[2])
    return f"{each['key']} {'gradient' if 'grad' in each['text'].split(':')[0] else 'result'} {text[:60]}"
