"""Pixel shuffles as modules."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module


class PixelShuffle(Module):
    """Channels to pixels, with r the upscale factor (Shi et al. 2016).

    Same as torch.nn.PixelShuffle.

    Parameters
    ----------
    upscale_factor : int
        r.

    Shape
    -----
    Input (*, C r^2, H, W), output (*, C, H r, W r).

    Examples
    --------
    >>> nn.PixelShuffle(2)(fastnn.arange(4).reshape(4, 1, 1))
    tensor([[[0, 1],
             [2, 3]]])
    """

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels to channels, the inverse of `PixelShuffle`.

    Same as torch.nn.PixelUnshuffle.

    Parameters
    ----------
    downscale_factor : int
        r.

    Shape
    -----
    Input (*, C, H r, W r), output (*, C r^2, H, W).

    Examples
    --------
    >>> nn.PixelUnshuffle(2)(fastnn.arange(4).reshape(1, 2, 2)).flatten()
    tensor([0, 1, 2, 3])
    """

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"
