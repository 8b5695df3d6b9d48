"""Interpolation as modules."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module


class Upsample(Module):
    """Resampling of rows, images or volumes to another size; `functional.interpolate` as a module.

    Same as torch.nn.Upsample.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new size; give this or `scale_factor`.
    scale_factor : float or tuple of float, optional
        New size = floor(old size * factor).
    mode : {"nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact"}
    align_corners : bool, optional
        For the modes "linear" to "trilinear": whether the centres of the first and last elements coincide (True) or
        their outer edges (False, the default).
    recompute_scale_factor : bool, optional
        Whether positions are computed from the rounded sizes instead of the given factors.

    Shape
    -----
    Input (N, C, L), (N, C, H, W) or (N, C, D, H, W); output with the new sizes as its last ones.

    Examples
    --------
    >>> nn.Upsample(scale_factor=2, mode="linear", align_corners=True)(fastnn.tensor([[[0.0, 3.0]]]))
    tensor([[[0., 1., 2., 3.]]])
    """

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                                    self.recompute_scale_factor)

    def extra_repr(self):
        size = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images of another size, each element the nearest one of the input: `Upsample` with mode="nearest".

    Same as torch.nn.UpsamplingNearest2d.

    Parameters
    ----------
    size : int or (rows, columns), optional
    scale_factor : float or (rows, columns), optional
        One of the two; as in `Upsample`.

    Shape
    -----
    Input (N, C, H, W), output (N, C, OH, OW).

    Examples
    --------
    >>> nn.UpsamplingNearest2d(scale_factor=2)(fastnn.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images of another size by linear interpolation: `Upsample` with mode="bilinear" and align_corners=True.

    Same as torch.nn.UpsamplingBilinear2d.

    Parameters
    ----------
    size : int or (rows, columns), optional
    scale_factor : float or (rows, columns), optional
        One of the two; as in `Upsample`.

    Shape
    -----
    Input (N, C, H, W), output (N, C, OH, OW).

    Examples
    --------
    >>> nn.UpsamplingBilinear2d(size=(1, 4))(fastnn.tensor([[[[0.0, 3.0]]]]))
    tensor([[[[0., 1., 2., 3.]]]])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
