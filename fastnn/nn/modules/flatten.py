"""Changes of shape as modules."""
from fastnn.nn.modules.module import Module


class Flatten(Module):
    """Dimensions start_dim to end_dim become one; no copy where the memory allows.

    Same as torch.nn.Flatten.

    Parameters
    ----------
    start_dim, end_dim : int
        First and last of them; default 1 and -1, all but the batch.

    Examples
    --------
    >>> nn.Flatten()(fastnn.zeros(2, 3, 4)).shape
    torch.Size([2, 12])
    """

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension becomes several.

    Same as torch.nn.Unflatten.

    Parameters
    ----------
    dim : int
        The dimension.
    unflattened_size : tuple of int
        Their sizes; one may be -1.

    Raises
    ------
    NotImplementedError
        `dim` is a name.
    TypeError
        `unflattened_size` is not a tuple or list of int.

    Examples
    --------
    >>> nn.Unflatten(1, (3, 4))(fastnn.zeros(2, 12)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, dim, unflattened_size):
        super().__init__()
        if not isinstance(dim, int):
            raise NotImplementedError("Unflatten: named dimensions are not implemented")
        if not isinstance(unflattened_size, (tuple, list)) or not all(isinstance(n, int) for n in unflattened_size):
            raise TypeError(f"unflattened_size must be tuple of ints, but found type {type(unflattened_size).__name__}")
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input):
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
