"""``torch._foreach_*``: one operation on each tensor of a list, as optimizers of libraries over PyTorch write it.

``_foreach_add(xs, ys, alpha=2)`` is the list of ``x + 2 y``; the second operand may be a list, a tensor or a number.
``_foreach_add_`` changes the tensors of `xs`. fastnn's own optimizers make one kernel call instead.
"""
from fastnn._tensor import Tensor

UNARY = ("abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal "
         "round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc")
BINARY = "add sub mul div pow maximum minimum clamp_min clamp_max"
TERNARY = "addcmul addcdiv lerp"


def _listed(name, operand, count):
    """One operand for each tensor."""
    if not isinstance(operand, (list, tuple)):
        return [operand] * count
    if len(operand) != count:
        raise RuntimeError(f"{name}: Tensor lists must have the same number of tensors, got {count} and {len(operand)}")
    return operand


def _function(operation, arity, in_place):
    title = f"_foreach_{operation}{'_' * in_place}"
    compute = getattr(Tensor, operation)
    change = getattr(Tensor, f"{operation}_", None) if in_place else None

    def function(tensors, /, *operands, **options):
        if not isinstance(tensors, (list, tuple)) or not all(isinstance(x, Tensor) for x in tensors):
            raise TypeError(f"{title}(): argument 'self' must be a list of Tensors")
        third = operands[arity - 1:]  # addcmul's value, given by place
        if third and operation.startswith("addc"):
            operands, options = operands[:arity - 1], {**options, "value": third[0]}
        if len(operands) != arity - 1:
            raise TypeError(f"{title}(): expected {arity - 1} operands, got {len(operands)}")
        lists = [_listed(title, operand, len(tensors)) for operand in operands]
        named = [_listed(title, value, len(tensors)) for value in options.values()]
        made = []
        for i, x in enumerate(tensors):
            arguments = [each[i] for each in lists]
            keywords = {name: value[i] for name, value in zip(options, named)}
            if not in_place:
                made.append(compute(x, *arguments, **keywords))
            elif change is not None:
                change(x, *arguments, **keywords)
            else:
                x.copy_(compute(x, *arguments, **keywords))
        return None if in_place else made
    function.__name__ = function.__qualname__ = title
    function.__doc__ = f"``{operation}`` on each tensor of a list{', in place' * in_place}."
    return function


FUNCTIONS = {f"_foreach_{name}{'_' * in_place}": _function(name, arity, in_place)
             for names, arity in ((UNARY, 1), (BINARY, 2), (TERNARY, 3)) for name in names.split()
             for in_place in (False, True)}


def _foreach_norm(tensors, ord=2, dtype=None):  # noqa: A002
    """The norm of each tensor of a list."""
    return [x.norm(ord, dtype=dtype) for x in tensors]


def _foreach_zero_(tensors):
    """Each tensor of a list becomes 0."""
    for x in tensors:
        x.zero_()


def _foreach_copy_(tensors, sources, non_blocking=False):
    """Each tensor of a list becomes that of the other list."""
    for x, source in zip(tensors, _listed("_foreach_copy_", sources, len(tensors))):
        x.copy_(source)


globals().update(FUNCTIONS)
__all__ = [*FUNCTIONS, "_foreach_copy_", "_foreach_norm", "_foreach_zero_"]  # noqa: PLE0604 (the rest are strings too)
