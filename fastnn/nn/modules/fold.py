"""Windows of planes as columns, and back, as modules."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module


class Unfold(Module):
    """Windows of images as columns (im2col).

    Same as torch.nn.Unfold.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or (rows, columns)
        As in `Conv2d`.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W), output (N, C * kernel elements, windows) or without N; windows are ordered by rows.

    Examples
    --------
    >>> nn.Unfold(2)(fastnn.arange(6.0).reshape(1, 2, 3))
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Fold(Module):
    """Columns of windows back to images, summed where windows overlap (col2im): the transpose of `Unfold`.

    Same as torch.nn.Fold.

    Parameters
    ----------
    output_size : int or (rows, columns)
        Size of the images.
    kernel_size, dilation, padding, stride : int or (rows, columns)
        As in `Unfold`.

    Shape
    -----
    Input (N, C * kernel elements, windows), output (N, C, *output_size), both perhaps without N.

    Examples
    --------
    >>> nn.Fold((2, 3), 2)(nn.Unfold(2)(fastnn.ones(1, 2, 3)))
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")
