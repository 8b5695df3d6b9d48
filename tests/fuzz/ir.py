"""A program as data: leaves, steps, a backward pass. One form runs on both libraries, shrinks and prints itself."""
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ref:
    """The `item`-th tensor that a leaf or step of that name made."""
    name: str
    item: int = 0

    def __repr__(self):
        return self.name if self.item == 0 else f"{self.name}_{self.item}"


@dataclasses.dataclass(frozen=True)
class Dtype:
    name: str

    def __repr__(self):
        return f"torch.{self.name}"


@dataclasses.dataclass
class Leaf:
    """A tensor made of numbers, with a layout in memory."""
    name: str
    array: np.ndarray
    layout: str = "contiguous"
    requires_grad: bool = False


@dataclasses.dataclass
class Step:
    """One call: `key` is a function ("torch.sum"), a method ("Tensor.sum") or an operator ("op.add")."""
    name: str
    key: str
    args: list
    kwargs: dict
    no_grad: bool = False
    watch: str = ""  # "hook": a tensor hook that doubles; "retain": retain_grad
    unpack: int = 0  # how many tensors its tuple holds
    structure: bool = False  # the values are random or undefined: dtypes and shapes alone are compared


@dataclasses.dataclass
class Backward:
    """What follows the steps.

    mode: "backward"; "twice", with retain_graph, and "again", without; "grad"; "create", with create_graph, and
    "second", the gradients of those gradients; "parts", down to the first input, and then from there.
    """
    mode: str
    outputs: list
    inputs: list
    seed: int


@dataclasses.dataclass
class Program:
    leaves: list
    steps: list
    backward: Backward | None = None
    seed: int = 0

    def copy(self):
        return dataclasses.replace(self, leaves=[dataclasses.replace(leaf) for leaf in self.leaves],
                                   steps=[dataclasses.replace(step, args=list(step.args), kwargs=dict(step.kwargs))
                                          for step in self.steps],
                                   backward=self.backward and dataclasses.replace(self.backward))

    def last_key(self):
        return self.steps[-1].key if self.steps else "leaf"


def substitute(value, function):
    """`value` with `function` applied to the Refs and Dtypes in it."""
    if isinstance(value, (Ref, Dtype)):
        return function(value)
    if isinstance(value, (list, tuple)):
        return type(value)([substitute(item, function) for item in value])
    if isinstance(value, dict):
        return {key: substitute(item, function) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*[substitute(each, function) for each in (value.start, value.stop, value.step)])
    return value


def refs(value):
    """The Refs in nested arguments."""
    found = []
    substitute(value, lambda item: found.append(item) if isinstance(item, Ref) else None)
    return found


# ---- memory of the same values in other layouts; PyTorch has no negative strides ----

def laid_out(array, layout):
    """A fresh array of the same values."""
    if layout == "transposed" and array.ndim > 1:
        return np.array(array.T, order="C").T
    if layout == "stepped" and array.ndim:
        return np.repeat(array, 2, -1)[..., ::2]
    if layout == "offset" and array.ndim:
        return np.concatenate([array[:1], array])[1:] if len(array) else array.copy()
    if layout == "expanded" and array.ndim and array.shape[0]:
        return np.lib.stride_tricks.as_strided(array[:1].copy(), array.shape, (0, *array[:1].copy().strides[1:]))
    copy = np.array(array)
    if layout == "read-only":
        copy.flags.writeable = False
    return copy


LAYOUTS = ("transposed", "stepped", "offset", "expanded", "read-only")


# ---- printing ----

def numbers(array):
    """Numbers as Python source: a full() where all are equal."""
    if array.size > 1 and (array == array.flat[0]).all():
        return f"np.full({array.shape}, {array.flat[0].item()!r}, np.{array.dtype})".replace("np.bool)", "bool)")
    if array.size == 0:
        return f"np.zeros({array.shape}, {np.dtype(array.dtype).str!r})"
    shown = array.tolist() if array.size <= 2000 else array.ravel()[:2000].tolist()
    listed = repr(shown).replace("nan", "np.nan").replace("inf", "np.inf")
    if array.size > 300:
        listed = f"({listed[:400]} ...)  # {array.size} numbers, min {array.min()}, max {array.max()}"
    return f"np.array({listed}, {np.dtype(array.dtype).str!r})"


MAKERS = {
    "transposed": "np.ascontiguousarray({}.T).T", "stepped": "np.repeat({}, 2, -1)[..., ::2]",
    "offset": "np.pad({}, [(1, 0)] + [(0, 0)] * {ndim})[1:]", "read-only": "{}", "contiguous": "{}",
}


def source(program):
    """The program as lines that run on both libraries."""
    lines = ["import numpy as np", "import torch  # or: import fastnn as torch", "F = torch.nn.functional"]
    for leaf in program.leaves:
        text = numbers(leaf.array)
        if leaf.layout == "expanded" and leaf.array.ndim and leaf.array.shape[0]:
            made = f"torch.from_numpy({numbers(leaf.array[:1])}).expand{leaf.array.shape}"
        else:
            made = f"torch.from_numpy({MAKERS.get(leaf.layout, '{}').format(text, ndim=leaf.array.ndim - 1)})"
        if leaf.array.ndim == 0:
            made = f"torch.from_numpy(np.asarray({text}))"
        if leaf.layout == "contiguous":
            made += ".clone()"
        if leaf.layout == "contiguous" and not leaf.array.flags.c_contiguous:
            made += f".as_strided({leaf.array.shape}, {tuple(n // leaf.array.itemsize for n in leaf.array.strides)})"
        lines.append(f"{leaf.name} = {made}" + (".requires_grad_()" if leaf.requires_grad else "")
                     + (f"  # {leaf.layout}" if leaf.layout == "read-only" else ""))
    for step in program.steps:
        lines.append(("with torch.no_grad(): " if step.no_grad else "") + f"{step.name} = {call_source(step)}")
        if step.unpack:
            parts = ", ".join(repr(Ref(step.name, i)) for i in range(step.unpack))
            lines.append(f"{parts}{',' * (step.unpack == 1)} = {step.name}")
        if step.watch:
            lines.append(f"{step.name}." + ("retain_grad()" if step.watch == "retain" else
                                            "register_hook(lambda g: g * 2)"))
    back = program.backward
    if back:
        weights = f"[weights(t) for t in {back.outputs}]"
        call = f"torch.autograd.grad({back.outputs}, {back.inputs}, {weights}, allow_unused=True"
        lines.insert(3, f"def weights(t): return torch.from_numpy(np.random.default_rng({back.seed})"
                        ".standard_normal(tuple(t.shape)).astype(str(t.dtype).split('.')[1]))")
        if back.mode in ("backward", "twice", "again"):
            lines += [f"torch.autograd.backward({back.outputs}, {weights}"
                      + (", retain_graph=True)" if back.mode == "twice" and i == 0 else ")")
                      for i in range(1 + (back.mode != "backward"))]
            lines.append(f"print([t.grad for t in {back.inputs}])")
        elif back.mode in ("grad", "create"):
            lines.append(f"print({call}{', create_graph=True' * (back.mode == 'create')}))")
        elif back.mode == "parts":
            lines += [f"print(torch.autograd.grad({back.outputs}, {back.inputs[:1]}, {weights}, allow_unused=True))",
                      f"print(torch.autograd.grad({back.inputs[:1]}, {back.inputs[1:]}, "
                      f"[weights(t) for t in {back.inputs[:1]}], allow_unused=True))"]
        else:
            lines += [f"gs = {call}, create_graph=True)",
                      f"print(torch.autograd.grad([g for g in gs if g is not None and g.requires_grad], {back.inputs}, "
                      "[weights(g) for g in gs if g is not None and g.requires_grad], allow_unused=True))"]
    elif program.steps:
        lines.append(f"print({program.steps[-1].name})")
    return "\n".join(lines)


def call_source(step):
    args = list(step.args)
    owner, _, name = step.key.partition(".")
    if owner == "op":
        return {"getitem": "{0}[{1}]", "setitem": "{0}.__setitem__({1}, {2})"}.get(
            name, "operator." + name + "(" + ", ".join(f"{{{i}}}" for i in range(len(args))) + ")").format(
                *[shown(a) for a in args])
    prefix = {"torch": "torch.", "F": "F.", "linalg": "torch.linalg.", "special": "torch.special."}.get(owner)
    if prefix is None:
        prefix, args = f"{shown(args[0])}.", args[1:]
    given = [shown(a) for a in args] + [f"{key}={shown(value)}" for key, value in step.kwargs.items()]
    return f"{prefix}{name}({', '.join(given)})"


def shown(value):
    return repr(value).replace("nan", "float('nan')").replace("inf", "float('inf')") if not isinstance(value, str) \
        else repr(value)
