"""Windows of images as columns, and back: ``unfold`` and ``fold`` of torch.nn.functional."""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops._common import complex_rule, need_tensors
from fastnn.ops.declare import operation


def _unfold_backward(grad, shape, sizes):
    return kernels.unfold_backward(grad, shape[-2:], *sizes)


UNFOLD = Op("Im2ColBackward0", _unfold_backward, "shape sizes")
UNFOLD.linear(lambda x, shape, sizes: kernels.unfold_forward(x, *sizes))


def _fold_backward(grad, output_size, sizes):
    return kernels.unfold_forward(grad, *sizes)


FOLD = Op("Col2ImBackward0", _fold_backward, "output_size sizes")
FOLD.linear(lambda x, output_size, sizes: kernels.unfold_backward(x, output_size, *sizes))


@operation("nn")
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The elements of each window as a column (im2col).

    Shape: input (C, H, W) or (N, C, H, W), result (..., C kH kW, windows).

    Parameters
    ----------
    input : Tensor
    kernel_size : int or tuple of ints
        Size of the windows.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    stride : int or tuple of ints, default 1
        Steps between windows.

    Examples
    --------
    >>> F.unfold(fastnn.arange(6.0).reshape(1, 2, 3), (2, 2))
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    need_tensors("unfold", input)
    if input.is_complex():
        return complex_rule("functional.unfold")(input, kernel_size, dilation, padding, stride)
    x, sizes = input.detach().numpy(), (kernel_size, dilation, padding, stride)
    if x.dtype.kind != "f":  # exact below 2^53
        return from_array(kernels.unfold_forward(x.astype(np.float64), *sizes).astype(x.dtype))
    return record(kernels.unfold_forward(x, *sizes), UNFOLD, (input,), (x.shape, sizes))


@operation("nn")
def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns of windows back to planes of `output_size`, added up where they overlap (col2im).

    Shape: input (C kH kW, windows) or (N, C kH kW, windows), result (..., C, *output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple of ints
        Sizes of the result.
    kernel_size : int or tuple of ints
        Size of the windows.
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    padding : int or tuple of ints, default 0
        Elements added at both borders.
    stride : int or tuple of ints, default 1
        Steps between windows.

    Examples
    --------
    >>> F.fold(fastnn.ones(4, 2), (2, 3), (2, 2))
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    need_tensors("fold", input)
    if input.is_complex():
        return complex_rule("functional.fold")(input, output_size, kernel_size, dilation, padding, stride)
    sizes = kernel_size, dilation, padding, stride
    y = kernels.unfold_backward(input.detach().numpy(), output_size, *sizes)
    return record(y, FOLD, (input,), (output_size, sizes))
