"""``torch.squeeze_copy`` and its kind: what a function that gives views gives, in memory of its own."""
import fastnn
from fastnn.errors import no_attribute as _no_attribute
from fastnn.ops._common import into
from fastnn.ops._function import Function

_VIEWS = frozenset("""alias as_strided detach diagonal expand permute select slice split split_with_sizes squeeze t
    transpose unbind unfold unsqueeze view view_as_complex view_as_real""".split())


def _slice(input, dim=0, start=None, end=None, step=1):
    return input[(slice(None),) * (dim % max(input.ndim, 1)) + (slice(start, end, step),)]


def _alias(input):
    return input.view(input.shape)


def _copied(name):
    view = {"slice": _slice, "alias": _alias}.get(name) or getattr(fastnn.Tensor, name, None) or getattr(
        fastnn, name)

    def function(input, *args, out=None, **keywords):
        made = view(input, *args, **keywords)
        if not isinstance(made, tuple):
            return into(f"{name}_copy", out, made.clone(memory_format=fastnn.contiguous_format))
        if out is None:
            return tuple(part.clone(memory_format=fastnn.contiguous_format) for part in made)
        for target, part in zip(out, made, strict=True):
            into(f"{name}_copy", target, part)
        return out
    function.__wrapped__ = getattr(view, "__wrapped__", view)  # whose parameters it has
    function.__name__ = function.__qualname__ = f"{name}_copy"
    function.__doc__ = f"""``{name}`` in memory of its own, not a view.

    Parameters
    ----------
    input : Tensor
    *args, **keywords
        Those of ``{name}``.
    out : Tensor or tuple of Tensors, optional
        Where the result is written.
    """
    return Function(function, function.__name__)


def __getattr__(name):
    if name.endswith("_copy") and name[:-5] in _VIEWS:
        made = globals()[name] = _copied(name[:-5])
        return made
    raise _no_attribute(__name__, name)
