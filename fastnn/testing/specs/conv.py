"""Convolution of images."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal
from fastnn.testing.specs.gemm import atol

# (n, c, h, w), (o, kh, kw), stride, padding, dilation, groups
CASES = (
    ((1, 1, 1, 1), (1, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((0, 2, 4, 4), (3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 0, 4, 4), (3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 3, 5, 5), (4, 5, 5), (1, 1), (0, 0), (1, 1), 1),          # one position
    ((2, 1, 11, 13), (7, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((3, 5, 7, 7), (17, 3, 3), (1, 1), (1, 1), (1, 1), 1),         # vectors across images
    ((1, 3, 9, 70), (33, 3, 5), (2, 1), (0, 2), (1, 1), 1),
    ((2, 4, 9, 9), (6, 2, 2), (3, 3), (1, 0), (1, 1), 1),          # stride > kernel
    ((2, 6, 12, 10), (9, 3, 2), (2, 3), (2, 1, 0, 3), (2, 3), 3),
    ((2, 8, 6, 6), (8, 3, 3), (1, 1), (1, 1), (1, 1), 8),          # depthwise
    ((1, 5, 1, 100), (3, 1, 4), (1, 2), (0, 3), (1, 3), 1),        # a sequence
    ((2, 50, 6, 6), (13, 3, 3), (1, 1), (1, 1), (1, 1), 1),        # more than one block of depth
    ((2, 16, 8, 8), (31, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((9, 8, 32, 33), (16, 3, 3), (1, 1), (1, 1), (1, 1), 1),       # threads
    ((5, 16, 9, 36), (24, 3, 3), (1, 1), (1, 1), (1, 1), 1),       # more tiles in a row than a vector has
    ((3, 32, 12, 13), (40, 3, 3), (1, 1), (0, 2), (1, 1), 2),
    ((2, 16, 40, 5), (17, 3, 3), (1, 1), (2, 0, 1, 3), (1, 1), 1),
    ((2, 96, 10, 10), (96, 3, 3), (1, 1), (1, 1), (1, 1), 1),      # more than one block of channels
    ((1, 400, 4, 8), (16, 3, 3), (1, 1), (1, 1), (1, 1), 1),       # and of depth
    ((9, 12, 7, 7), (20, 5, 5), (1, 1), (2, 2), (1, 1), 1),        # batches of small images, mostly padding
    ((17, 8, 7, 6), (9, 7, 7), (2, 1), (3, 3), (1, 1), 1),
    ((34, 6, 9, 8), (18, 3, 3), (1, 2), (2, 2, 1, 3), (2, 2), 2),
    ((8, 9, 6, 6), (35, 2, 2), (3, 3), (1, 1), (1, 1), 1),
    ((8, 24, 30, 28), (20, 5, 5), (1, 1), (2, 2), (1, 1), 1),      # more than one block of rows
    ((13, 20, 8, 8), (1, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((3, 9, 7, 8), (1, 3, 4), (1, 2), (2, 0, 1, 3), (2, 1), 1),    # one channel: planes as operands
    ((17, 16, 12, 11), (1, 5, 5), (1, 1), (2, 2), (1, 1), 1),
    ((2, 12, 20, 22), (20, 7, 7), (1, 1), (3, 3), (1, 1), 1),      # few images, padding all the same
    ((1, 16, 9, 30), (33, 5, 3), (1, 1), (2, 0), (2, 1), 1),
    ((3, 8, 14, 13), (6, 5, 5), (1, 1), (4, 1, 0, 3), (1, 2), 2),
    ((3, 12, 17, 20), (18, 1, 1), (1, 1), (0, 0), (1, 1), 3),      # planes as operands
    ((1, 40, 17, 20), (30, 1, 1), (1, 1), (0, 0), (1, 1), 1),      # whose parts must not be dot products
    ((3, 12, 17, 20), (18, 1, 1), (2, 3), (0, 0), (1, 1), 3),      # gathered before, spread out after
    ((2, 24, 11, 10), (40, 1, 1), (1, 2), (0, 0), (1, 1), 1),
    ((1, 7, 9, 9), (6, 1, 1), (3, 2), (1, 0, 2, 1), (1, 1), 1),
    ((2, 24, 9, 11), (70, 5, 5), (2, 2), (2, 2), (1, 1), 1),       # few images, strides: positions as rows
    ((1, 40, 36, 34), (80, 5, 5), (2, 2), (2, 2), (1, 1), 1),      # in more than one block
    ((1, 8, 6, 60), (64, 2, 20), (1, 2), (0, 4), (1, 1), 1),       # kernel rows longer than a vector
    ((2, 3, 70, 65), (20, 4, 4), (2, 2), (1, 1), (1, 1), 1),       # few channels
    ((9, 6, 21, 20), (33, 3, 3), (2, 3), (2, 1, 0, 3), (2, 3), 3),
    ((3, 24, 9, 10), (24, 3, 3), (2, 1), (1, 1), (1, 1), 24),      # depthwise: planes in lanes, of more than one image
    ((7, 3, 8, 9), (3, 5, 5), (1, 1), (2, 2), (1, 1), 3),          # few channels
    ((17, 20, 5, 5), (20, 5, 5), (2, 2), (2, 2), (1, 1), 20),
    ((1, 40, 40, 37), (40, 3, 3), (1, 1), (1, 1), (1, 1), 40),     # bands of rows
    ((2, 20, 37, 30), (20, 3, 3), (2, 2), (1, 1), (1, 1), 20),
    ((2, 18, 7, 6), (18, 2, 3), (1, 2), (4, 0, 5, 1), (2, 2), 18), # nothing but padding under some positions
    ((2, 18, 3, 4), (18, 2, 2), (1, 1), (4, 5), (1, 1), 18),
    ((1, 17, 1, 90), (17, 1, 7), (1, 1), (0, 3), (1, 1), 17),
    ((1, 16, 12, 11), (16, 9, 9), (1, 1), (4, 4), (1, 1), 16),     # more elements than a tile of kernels holds
)
WITH_TILES = ((4, 16, 16, 16), (16, 3, 3), (1, 1), (1, 1), (1, 1), 1)
TO_ONE_CHANNEL = ((4, 16, 16, 16), (1, 3, 3), (2, 2), (1, 1), (1, 1), 1)
SPECIAL = (np.inf, -np.inf, np.nan)


def arrays(rng, dtype, case):
    """x, weight, a gradient and the options of a case."""
    (n, c, h, w), (o, kh, kw), stride, padding, dilation, groups = case
    margins = padding if len(padding) == 4 else (padding[0], padding[0], padding[1], padding[1])
    oh = (h + margins[0] + margins[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (w + margins[2] + margins[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    return (normal(rng, dtype, n, c, h, w), normal(rng, dtype, o, c // groups, kh, kw),
            normal(rng, dtype, n, o, oh, ow), (stride, padding, dilation, groups))


def rounding(dtype, terms, weight, options):
    """Of so many terms; sums and differences of up to 16 elements of a tile round besides (conv_winograd.inc.h)."""
    tiles = weight.shape[2:] == (3, 3) and options[0] == options[2] == (1, 1)
    return atol(dtype, terms + 1) * (4 if tiles else 1)


def spoilt(x, value):
    """One element is `value`, at the border between tiles."""
    x[-1, x.shape[1] // 2, 4, 3] = value
    return x


def forward_samples(rng, dtype):
    for case in CASES:
        x, weight, _, options = arrays(rng, dtype, case)
        tolerance = rounding(dtype, weight[0].size, weight, options)
        plain = len(options[1]) == 2 and x.shape[1] > 0  # PyTorch makes none from none
        yield Sample((x, weight, normal(rng, dtype, weight.shape[0]), *options), atol=tolerance, torch=plain)
        yield Sample((x, weight, None, *options, True), atol=tolerance, torch=plain, layouts=False)
        last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        yield Sample((last, weight, None, *options), atol=tolerance, torch=plain, layouts=False)
    for value in SPECIAL:
        x, weight, _, options = arrays(rng, dtype, WITH_TILES)
        yield Sample((spoilt(x, value), weight, None, *options), atol=atol(dtype, 300), layouts=False)


def input_samples(rng, dtype):
    for case in CASES:
        x, weight, grad, options = arrays(rng, dtype, case)
        tolerance = rounding(dtype, grad.shape[1] * weight[0, :1].size, weight, options)
        yield Sample((grad, weight, x.shape[2:], normal(rng, dtype, x.shape[1]), *options), atol=tolerance)
        yield Sample((grad, weight, x.shape[2:], None, *options, True), atol=tolerance, layouts=False)
    yield Sample((normal(rng, dtype, 2, 3, 3, 4), normal(rng, dtype, 3, 2, 3, 3), (10, 12), None, (2, 2)),
                 atol=atol(dtype, 27))  # larger than what grad comes from
    for value in SPECIAL:
        x, weight, grad, options = arrays(rng, dtype, WITH_TILES)
        yield Sample((spoilt(grad, value), weight, x.shape[2:], None, *options), atol=atol(dtype, 300), layouts=False)


def weight_samples(rng, dtype):
    for case in CASES:
        x, weight, grad, options = arrays(rng, dtype, case)
        yield Sample((grad, x, weight.shape[2:], *options), atol=rounding(dtype, grad[:, :1].size, weight, options))
    for value in SPECIAL:
        x, weight, grad, options = arrays(rng, dtype, WITH_TILES)
        yield Sample((grad, spoilt(x, value), weight.shape[2:], *options), atol=atol(dtype, 600), layouts=False)
        x, weight, grad, options = arrays(rng, dtype, TO_ONE_CHANNEL)
        yield Sample((grad, spoilt(x, value), weight.shape[2:], *options), atol=atol(dtype, 600), layouts=False)
    few = normal(rng, dtype, 2, 3, 40, 9)
    for o in (1, 2, 5, 12):  # dot products
        yield Sample((normal(rng, dtype, 2, o, 38, 7), few, (3, 3)), atol=atol(dtype, 600))


def forward_errors(dtype):
    x, weight = np.ones((2, 4, 5, 5), dtype), np.ones((6, 4, 3, 3), dtype)
    yield ErrorSample((x[0], weight), {}, ShapeError, "conv: expected input with 4 dimensions, got (4, 5, 5)")
    yield ErrorSample((x, weight[:, :3]), {}, ShapeError, "to have 3 channels, but got 4 channels instead")
    yield ErrorSample((x, weight, np.ones(5, dtype)), {}, ShapeError, "conv: expected bias (6,), got (5,)")
    yield ErrorSample((x, weight[:5, :2]), {"groups": 2}, ShapeError, "divisible by groups=2, got 5")
    yield ErrorSample((x, weight), {"groups": 0}, ShapeError, "expected groups >= 1, got 0")
    yield ErrorSample((x, weight), {"stride": (0, 1)}, ShapeError, "conv: expected stride >= 1, got (0, 1)")
    yield ErrorSample((x, weight), {"dilation": (1, 3)}, ShapeError, "Kernel size: (3 x 7)")
    yield ErrorSample((x, weight), {"padding": (-1, 1)}, ShapeError, "conv: expected padding >= 0, got (-1, 1)")
    yield ErrorSample((x, weight), {"padding": 1}, ShapeError, "expected padding (rows, columns)")
    yield ErrorSample((x.astype(int), weight), {}, DTypeError, "conv: expected arrays of one dtype")


def input_errors(dtype):
    grad, weight = np.ones((2, 6, 3, 3), dtype), np.ones((6, 4, 3, 3), dtype)
    yield ErrorSample((grad, weight, (4, 5)), {}, ShapeError, "expected grad (2, 6, 2, 3), got (2, 6, 3, 3)")
    yield ErrorSample((grad[:, :5], weight, (5, 5)), {}, ShapeError, "to have 6 channels, but got 5")
    yield ErrorSample((grad, weight, (5, 5), np.ones(6, dtype)), {}, ShapeError, "expected bias (4,), got (6,)")
    yield ErrorSample((grad, weight, 5), {}, ShapeError, "expected size (of rows, of columns), got 5")


def weight_errors(dtype):
    grad, x = np.ones((2, 6, 3, 3), dtype), np.ones((2, 4, 5, 5), dtype)
    yield ErrorSample((grad, x[:1], (3, 3)), {}, ShapeError, "expected grad (1, 6, 3, 3), got (2, 6, 3, 3)")
    yield ErrorSample((grad, x, (4, 3)), {}, ShapeError, "expected grad (2, 6, 2, 3), got (2, 6, 3, 3)")
    yield ErrorSample((grad, x, (3, 3)), {"groups": 3}, ShapeError, "divisible by groups=3, got 4 and 6")


def gradient(kernels, rng):
    x, weight, grad, options = arrays(rng, "float64", ((2, 4, 6, 5), (6, 3, 2), (2, 1), (1, 0, 2, 1), (1, 2), 2))
    bias = rng.standard_normal(6)

    def value(x, weight):
        return float((kernels.conv_forward(x, weight, bias, *options) * grad).sum())
    yield GradientCase("x", lambda x: value(x, weight), x,
                       kernels.conv_backward_input(grad, weight, x.shape[2:], None, *options))
    yield GradientCase("weight", lambda weight: value(x, weight), weight,
                       kernels.conv_backward_weight(grad, x, weight.shape[2:], *options))


def torch_forward(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, relu=False):
    import torch
    y = torch.nn.functional.conv2d(x, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)
    return y.relu() if relu else y


# (n, c, size, o, k, stride)
LAYERS = ((32, 1, 28, 32, 3, 1), (32, 32, 13, 64, 3, 1), (1, 64, 28, 64, 3, 1), (16, 64, 28, 64, 3, 1),
          (8, 128, 14, 128, 3, 2), (16, 64, 14, 256, 1, 1), (16, 3, 64, 16, 7, 2), (32, 128, 7, 128, 3, 1))


def bench(which):
    def cases(rng, dtype):
        for n, c, size, o, k, stride in LAYERS:
            x, weight, grad, options = arrays(rng, dtype, ((n, c, size, size), (o, k, k), (stride, stride),
                                                           (k // 2, k // 2), (1, 1), 1))
            args = {"forward": (x, weight, None, *options), "input": (grad, weight, x.shape[2:], None, *options),
                    "weight": (grad, x, (k, k), *options)}[which]
            yield Bench(f"{n}x{c}x{size}x{size}-{o} k{k} s{stride}", args, flops=2 * grad.size * weight[0].size,
                        bytes=x.nbytes + weight.nbytes + grad.nbytes)
    return cases


SPECS = [
    OpSpec("conv_forward", forward_samples, kernels=("conv_forward",), errors=forward_errors, oracle="double",
           torch=torch_forward, gradient=gradient, bench=bench("forward")),
    OpSpec("conv_backward_input", input_samples, kernels=("conv_backward_input",), errors=input_errors,
           oracle="double", bench=bench("input")),
    OpSpec("conv_backward_weight", weight_samples, kernels=("conv_backward_weight",), errors=weight_errors,
           oracle="double", bench=bench("weight")),
]
