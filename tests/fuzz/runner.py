"""A program run on one library: what each step made, as NumPy arrays, or what it raised."""
import operator
import warnings

import numpy as np

from fuzz.ir import Ref, laid_out, substitute

WIDER = {"float16": "float64", "float32": "float64", "half": "float64", "float": "float64"}
CAST = {"Tensor.float": "Tensor.double", "Tensor.half": "Tensor.double"}


class Seen:
    """One observed tensor: a copy of its values, its dtype's name, whether it requires a gradient."""
    __slots__ = ("array", "dtype", "grad")

    def __init__(self, array, dtype, grad):
        self.array, self.dtype, self.grad = array, dtype, grad

    def __repr__(self):
        return f"{self.dtype}{list(self.array.shape)}"


class Raised:
    """An exception instead of a result."""

    def __init__(self, error):
        self.kind, self.text = type(error), " ".join(str(error).split())[:300]

    def __repr__(self):
        return f"{self.kind.__name__}: {self.text}"


class Trace:
    """What a run showed: (label, value) in the order of the program; `env` holds the live tensors."""

    def __init__(self):
        self.observed, self.env = [], {}


def torch_array(t):
    return t.detach().resolve_neg().numpy(force=t._is_zerotensor())


def fastnn_array(t):
    return t.detach().numpy()


class Library:
    """What a run needs to know of a library."""

    def __init__(self, module, array):
        self.module, self.array = module, array
        functional = module.nn.functional
        self.seed = getattr(module, "default_generator", module).manual_seed  # torch.manual_seed asks all devices
        self.owners = {"torch": module, "F": functional, "linalg": module.linalg, "special": module.special,
                       "op": operator}

    def function(self, key):
        owner, _, name = key.partition(".")
        if owner == "Tensor":
            return lambda self, *args, **kwargs: getattr(self, name)(*args, **kwargs)
        if owner == "op":
            return OPERATORS.get(name) or getattr(operator, name)
        return getattr(self.owners[owner], name)


def setitem(x, index, value):
    x[index] = value
    return x


OPERATORS = {
    "getitem": operator.getitem, "setitem": setitem, "radd": lambda x, y: y + x, "rsub": lambda x, y: y - x,
    "rmul": lambda x, y: y * x, "rtruediv": lambda x, y: y / x, "rpow": lambda x, y: y ** x,
    "rfloordiv": lambda x, y: y // x, "rmod": lambda x, y: y % x,
}


def libraries():
    """(PyTorch's, fastnn's); importing PyTorch costs seconds."""
    import torch

    import fastnn
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    return Library(torch, torch_array), Library(fastnn, fastnn_array)


def tensors_of(value, kind):
    if isinstance(value, kind):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in tensors_of(item, kind)]
    return []


class Run:
    """One execution; `widen` replaces float32 and float16 by float64, `perturb` changes every float by that part."""

    def __init__(self, library, program, widen=False, perturb=0.0, seed=0):
        self.library, self.program, self.widen, self.perturb = library, program, widen, perturb
        self.kind = library.module.Tensor
        self.rng = np.random.default_rng(seed) if perturb else None
        self.trace = Trace()

    def leaf(self, leaf):
        array = laid_out(leaf.array, leaf.layout)
        if self.widen and array.dtype.kind == "f":
            wide = laid_out(leaf.array.astype(np.float64), leaf.layout)
            if self.perturb and wide.size:
                wide = laid_out(self.noisy(np.array(wide)), leaf.layout)
            array = wide
        made = self.library.module.from_numpy(np.asarray(array))
        if leaf.layout == "contiguous":
            made = made.clone()  # memory of the library's own, which may grow
        if leaf.requires_grad:
            made.requires_grad_()
        self.trace.env[leaf.name] = [made]

    def noisy(self, array):
        return array * (1 + self.perturb * self.rng.choice((-1.0, 1.0), array.shape))

    def look(self, t):
        return Seen(self.library.array(t).copy(), str(t.dtype)[6:], t.requires_grad)

    def observe(self, value):
        if isinstance(value, self.kind):
            return self.look(value)
        if isinstance(value, (list, tuple)):
            return [self.observe(item) for item in value]
        if isinstance(value, np.ndarray):
            return Seen(value.copy(), f"numpy {value.dtype}", False)
        if isinstance(value, float):
            return Seen(np.asarray(value), "number", False)
        return repr(value) if not isinstance(value, (int, str, bool, type(None))) else value

    def resolve(self, item):
        if isinstance(item, Ref):
            return self.trace.env[item.name][item.item]
        return getattr(self.library.module, WIDER.get(item.name, item.name) if self.widen else item.name)

    def step(self, step):
        """Runs one step; a Raised is observed and the step has no tensors."""
        module, key = self.library.module, step.key
        if self.widen:
            key = CAST.get(key, key)
        try:
            args, kwargs = substitute(step.args, self.resolve), substitute(step.kwargs, self.resolve)
            function = self.library.function(key)
            if step.no_grad:
                with module.no_grad():
                    value = function(*args, **kwargs)
            else:
                value = function(*args, **kwargs)
            found = tensors_of(value, self.kind)
            if step.watch and found and found[0].requires_grad:
                if step.watch == "retain":
                    found[0].retain_grad()
                else:
                    found[0].register_hook(lambda g: None if g is None else g * 2)
            self.trace.observed.append((step.name, self.observe(value)))
        except MemoryError:
            raise
        except Exception as error:  # whatever it is, it is the result
            self.trace.observed.append((step.name, Raised(error)))
            self.trace.env[step.name] = []
            return None
        self.trace.env[step.name] = found
        if self.perturb:
            for t in found:
                self.shake(t)
        return value

    def shake(self, t):
        array = self.library.array(t)
        if array.dtype == np.float64 and array.flags.writeable and not any(
                s == 0 and n > 1 for s, n in zip(array.strides, array.shape)):
            array *= 1 + self.perturb * self.rng.choice((-1.0, 1.0), array.shape)

    def weights(self, t, rng):
        array = np.asarray(rng.standard_normal(tuple(t.shape))).astype(str(t.dtype)[6:])
        if self.perturb:
            array = np.asarray(self.noisy(array.astype(np.float64)))
        return self.library.module.from_numpy(array)

    def backward(self):
        back, module = self.program.backward, self.library.module
        rng, label = lambda: np.random.default_rng(back.seed), "gradients"
        try:
            outputs, inputs = substitute(back.outputs, self.resolve), substitute(back.inputs, self.resolve)
            given = [self.weights(t, rng()) for t in outputs]
            if back.mode in ("backward", "twice", "again"):
                module.autograd.backward(outputs, given, retain_graph=back.mode == "twice")
                if back.mode != "backward":
                    module.autograd.backward(outputs, given)
                found = [t.grad for t in inputs]
            elif back.mode in ("grad", "create"):
                label = "gradients" if back.mode == "grad" else "gradients to be differentiated"
                found = module.autograd.grad(outputs, inputs, given, allow_unused=True,
                                             create_graph=back.mode == "create")
            elif back.mode == "parts":
                upper = module.autograd.grad(outputs, inputs[:1], given, allow_unused=True)
                self.trace.observed.append(("upper gradients", [self.observe(g) for g in upper]))
                found = module.autograd.grad(inputs[:1], inputs[1:], [self.weights(inputs[0], rng())],
                                             allow_unused=True)
            else:
                first = module.autograd.grad(outputs, inputs, given, allow_unused=True, create_graph=True)
                self.trace.observed.append(("first gradients", [self.observe(g) for g in first]))
                live = [g for g in first if g is not None and g.requires_grad]
                found = module.autograd.grad(live, inputs, [self.weights(g, rng()) for g in live],
                                             allow_unused=True) if live else []
            self.trace.observed.append((label, [self.observe(g) for g in found]))
        except Exception as error:
            self.trace.observed.append((label, Raised(error)))

    def finish(self):
        """Backward, then what the tensors hold at the end: in-place changes reach views and bases."""
        names = [step.name for step in self.program.steps]
        if any(step.key.endswith("_") or "out" in step.kwargs or step.key in ("op.setitem",)
               or step.key.startswith("op.i") or step.kwargs.get("inplace") for step in self.program.steps):
            for name in [leaf.name for leaf in self.program.leaves] + names:
                self.trace.observed.append((f"{name} at the end", [self.look(t) for t in self.trace.env.get(name, ())]))
        if self.program.backward:
            self.backward()
            if isinstance(self.trace.observed[-1][1], Raised):  # what was done until then depends on the order
                return self.trace
            self.trace.observed += [(f"{step.name}.grad", self.observe(self.trace.env[step.name][0].grad))
                                for step in self.program.steps if step.watch == "retain" and self.trace.env[step.name]]
        if any(step.structure for step in self.program.steps):  # the streams are at the same place
            self.trace.observed.append(("the next random number", float(self.library.module.rand(()).item())))
        return self.trace


def run(library, program, **how):
    """The whole program; its Trace."""
    if hasattr(program, "execute"):
        return program.execute(library, **how)
    each = Run(library, program, **how)
    library.seed(program.seed)
    for leaf in program.leaves:
        each.leaf(leaf)
    for step in program.steps:
        each.step(step)
    return each.finish()
