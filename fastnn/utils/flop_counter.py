"""Floating-point operations of layers (``torch.utils.flop_counter``)."""
import math
import weakref

from fastnn.nn.modules import hooks
from fastnn.nn.modules.conv import _Conv
from fastnn.nn.modules.linear import Linear

__all__ = ["FlopCounterMode"]


def _flops(module, inputs, output):
    """Two operations for each product and sum."""
    if isinstance(module, Linear):
        return 2 * output.numel() * module.in_features
    if isinstance(module, _Conv):
        many = inputs[0] if module.transposed else output
        return 2 * many.numel() * math.prod(module.weight.shape[1:])
    return 0


class FlopCounterMode:
    """A context that counts the operations of linear and convolution layers called in it, as 2 for a product and sum.

    Products of matrices outside of layers, other layers and backward are not counted.

    Parameters
    ----------
    mods, depth : optional
        Without effect.
    display : bool
        Whether a line with the sum is printed in the end.
    custom_mapping : optional
        None alone.

    Examples
    --------
    >>> from fastnn.utils.flop_counter import FlopCounterMode
    >>> with FlopCounterMode(display=False) as counter:
    ...     y = nn.Linear(3, 4)(fastnn.ones(2, 3))
    >>> counter.get_total_flops()
    48
    """

    def __init__(self, mods=None, depth=2, display=True, custom_mapping=None):
        if custom_mapping:
            raise NotImplementedError("FlopCounterMode: custom_mapping is not implemented")
        self.display, self.flop_counts = display, {"Global": {}}

    def _begin(self, module, inputs):
        """A module that no other contains has its class's name; those within it are named from there."""
        name = self._names.setdefault(module, type(module).__name__)
        for path, part in module.named_modules():
            self._names.setdefault(part, f"{name}.{path}")
        self._running.append(name)

    def _count(self, module, inputs, output):
        found = 0 if output is None else _flops(module, inputs, output)  # None: it failed
        if found:
            kind = type(module).__name__
            for name in {"Global", *self._running}:
                counts = self.flop_counts.setdefault(name, {})
                counts[kind] = counts.get(kind, 0) + found
        self._running.pop()

    def __enter__(self):
        self.flop_counts, self._names, self._running = {"Global": {}}, weakref.WeakKeyDictionary(), []
        self._hooks = (hooks.register_module_forward_pre_hook(self._begin),
                       hooks.register_module_forward_hook(self._count, always_call=True))
        return self

    def __exit__(self, *error):
        for hook in self._hooks:
            hook.remove()
        if self.display:
            print(f"Total FLOPs: {self.get_total_flops()}")

    def get_total_flops(self):
        """The sum."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self):
        """{"Global" or a module's path, as "Sequential.0": {class of layer: operations}}"""
        return self.flop_counts
