"""Tensors of modules changed for others by name, whatever they are."""
from fastnn._tensor import Tensor


def swap_tensor(module, name, tensor, allow_missing=False):
    """Put a tensor (or None) in the place of a module's parameter, buffer or attribute; returns what was there.

    Parameters
    ----------
    module : Module
    name : str
        Without a dot.
    tensor : Tensor or None
    allow_missing : bool, default False
        Whether there may be none of the name.

    Examples
    --------
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> weight = swap_tensor(layer, "weight", fastnn.ones(1, 1))
    >>> layer(fastnn.ones(1)).item(), swap_tensor(layer, "weight", weight).item()
    (1.0, 1.0)
    """
    if "." in name:
        raise KeyError('tensor name can\'t contain "."')
    table = next((table for table in (module._parameters, module._buffers) if name in table), vars(module))
    if name not in table and not allow_missing:
        raise AttributeError(f"{type(module).__name__} has no attribute {name!r}")
    before = table.get(name)
    if before is not None and not isinstance(before, Tensor):
        raise TypeError(f"attribute {name!r} is no Tensor but {type(before).__name__}")
    if tensor is None and table is vars(module):
        table.pop(name, None)
    else:
        table[name] = tensor
    return before
