"""PyTorch's own samples of an operation as arguments, changed at random."""
import functools

import numpy as np
import torch
from parity import names, runner

from fuzz.arguments import Skip
from fuzz.operations import TIES
from fuzz.ir import LAYOUTS, Dtype, Leaf, Ref, laid_out

MOST = 40  # of an operation


@functools.cache
def opinfo_names():
    """Public key without owner -> OpInfo name."""
    found = {}
    for name in runner.op_database():
        if name not in names.SPECIAL:
            found.setdefault(name, name)
            if name.startswith("nn.functional."):
                found.setdefault("F." + name[len("nn.functional."):], name)
            elif "." not in name:
                found.setdefault("torch." + name, name)
                found.setdefault("Tensor." + name, name)
                found.setdefault("Tensor." + name + "_", name)
    return found


@functools.cache
def drawn(name):
    return [sample for op, _, sample in runner.spread(runner.samples(name, torch.float32), MOST)
            if op.op is not None and getattr(op.op, "__name__", name.split(".")[-1]) == name.split(".")[-1]]


def draw(draw, key):
    """(args, kwargs) of a sample, its dtypes, layouts, numbers and options changed; None if there is none."""
    found = opinfo_names().get(key) if key.partition(".")[2] not in TIES else None
    every = drawn(found) if found else []
    if not every:
        return None
    sample = draw.rng.choice(every)
    special = draw.chance(0.15)

    def carried(value):
        if isinstance(value, torch.Tensor):
            if value.numel() > 20000 or value.is_complex():
                raise Skip
            array = value.detach().resolve_neg().numpy().copy()
            if array.dtype == np.float32:
                array = array.astype(draw.main)
            if special and array.dtype.kind == "f":
                other = draw.numbers.choice((np.nan, np.inf, -np.inf, 0.0), array.shape)
                array = np.where(draw.numbers.random(array.shape) < 0.1, other, array).astype(draw.main)
            layout = draw.rng.choice(LAYOUTS) if draw.chance(0.3) else "contiguous"
            if layout == "expanded":
                array = np.array(laid_out(array, layout))
            leaf = Leaf(f"x{len(draw.program.leaves) + 1}", array, layout,
                        value.requires_grad and draw.chance(0.7) and not (draw.in_place and draw.first is None))
            draw.program.leaves.append(leaf)
            draw.first = draw.first or leaf.name
            return Ref(leaf.name)
        if isinstance(value, torch.dtype):
            return Dtype(str(value)[6:])
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, (list, tuple)):
            return type(value)([carried(item) for item in value])
        if isinstance(value, dict):
            return {name: carried(item) for name, item in value.items()}
        if isinstance(value, slice):
            return slice(carried(value.start), carried(value.stop), carried(value.step))
        if value is None or isinstance(value, (int, float, str, bool, type(Ellipsis))):
            return changed(value)
        raise Skip

    def changed(value):
        if not draw.chance(0.1) or value is None:
            return value
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + draw.rng.choice((1, -1))
        return value * 2 if isinstance(value, float) else value
    args, kwargs = carried([sample.input, *sample.args]), carried(dict(sample.kwargs))
    if kwargs and draw.chance(0.2):
        kwargs.pop(draw.rng.choice(sorted(kwargs)))
    return list(args), kwargs
