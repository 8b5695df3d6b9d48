"""Fractional max pooling."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module


class _FractionalMaxPool(Module):
    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        super().__init__()
        name, n = type(self).__name__, self._n
        self.kernel_size = (kernel_size,) * n if isinstance(kernel_size, int) else tuple(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = (output_size,) * n if isinstance(output_size, int) else output_size
        self.output_ratio = (output_ratio,) * n if isinstance(output_ratio, float) else output_ratio
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input):
        return self._function(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
                              _random_samples=self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest elements of windows of images at positions that are drawn, so that sizes shrink by any factor.

    Same as torch.nn.FractionalMaxPool2d (Graham 2014).

    Parameters
    ----------
    kernel_size : int or (rows, columns)
    output_size : int or (rows, columns), optional
        Of the result, or else `output_ratio`.
    output_ratio : float or tuple of floats, optional
        The result's sizes over the input's, within (0, 1).
    return_indices : bool
        Whether the elements' positions in the flattened image are given too.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output with the sizes asked for.

    Examples
    --------
    >>> nn.FractionalMaxPool2d(2, output_ratio=0.7)(fastnn.ones(1, 1, 10, 10)).shape
    torch.Size([1, 1, 7, 7])
    """

    _n, _function = 2, staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest elements of windows of volumes at positions that are drawn, so that sizes shrink by any factor.

    Same as torch.nn.FractionalMaxPool3d (Graham 2014).

    Parameters
    ----------
    kernel_size : int or (depth, rows, columns)
    output_size : int or (depth, rows, columns), optional
        Of the result, or else `output_ratio`.
    output_ratio : float or tuple of floats, optional
        The result's sizes over the input's, within (0, 1).
    return_indices : bool
        Whether the elements' positions in the flattened volume are given too.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output with the sizes asked for.

    Examples
    --------
    >>> nn.FractionalMaxPool3d(2, output_size=3)(fastnn.ones(1, 1, 5, 5, 5)).shape
    torch.Size([1, 1, 3, 3, 3])
    """

    _n, _function = 3, staticmethod(F.fractional_max_pool3d)
