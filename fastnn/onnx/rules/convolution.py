"""Convolutions, transposed ones too."""
from fastnn.onnx.rules._declare import rule, spread
from fastnn.ops.conv import convolve


def with_batch(g, x, spatial, write):
    """What `write` makes of a batch; a sample by itself becomes one, and its result a sample again."""
    if x.ndim == spatial + 2:
        return write(x)
    return g.op("Squeeze", write(g.op("Unsqueeze", x, g.ints(0))), g.ints(0))


def convolution(g, spatial, input, weight, bias, stride, padding, dilation, groups, relu=False):
    kernel, dilations = list(weight.shape[2:]), spread(dilation, spatial)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilations, kernel)]
        pads = [n // 2 for n in total] + [n - n // 2 for n in total]
    else:
        pads = [0] * 2 * spatial if padding == "valid" else spread(padding, spatial) * 2

    def write(x):
        return g.op("Conv", x, weight, bias, kernel_shape=kernel, strides=spread(stride, spatial), pads=pads,
                    dilations=dilations, group=groups)
    made = with_batch(g, input, spatial, write)
    return g.op("Relu", made) if relu else made


@rule("conv1d")
def _conv1d(g, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolution(g, 1, input, weight, bias, stride, padding, dilation, groups)


@rule("conv2d")
def _conv2d(g, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolution(g, 2, input, weight, bias, stride, padding, dilation, groups)


@rule("conv3d")
def _conv3d(g, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolution(g, 3, input, weight, bias, stride, padding, dilation, groups)


@rule(convolve)
def _convolve(g, op, spatial, input, weight, bias, stride, padding, dilation, groups, relu):
    return convolution(g, spatial, input, weight, bias, stride, padding, dilation, groups, relu)


def transposed(spatial):
    def write(g, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return with_batch(g, input, spatial, lambda x: g.op(
            "ConvTranspose", x, weight, bias, kernel_shape=list(weight.shape[2:]), strides=spread(stride, spatial),
            pads=spread(padding, spatial) * 2, output_padding=spread(output_padding, spatial),
            dilations=spread(dilation, spatial), group=groups))
    return write


for _spatial in (1, 2, 3):
    rule(f"conv_transpose{_spatial}d")(transposed(_spatial))
