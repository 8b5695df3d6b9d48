"""Pooling; adaptive pooling where the windows are all of one size."""
from fastnn.onnx.rules._declare import rule, spread
from fastnn.onnx.rules.convolution import with_batch
from fastnn.onnx.rules.reduce import reduced
from fastnn.onnx.graph import is_static


def max_pool(spatial):
    def write(g, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        if return_indices:
            raise g.unsupported("return_indices=True")
        stride = kernel_size if stride in (None, (), []) else stride
        return with_batch(g, input, spatial, lambda x: g.op(
            "MaxPool", x, kernel_shape=spread(kernel_size, spatial), strides=spread(stride, spatial),
            pads=spread(padding, spatial) * 2, dilations=spread(dilation, spatial), ceil_mode=int(ceil_mode)))
    return write


def average_pool(spatial):
    def write(g, input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
              divisor_override=None):
        if divisor_override is not None:
            raise g.unsupported("divisor_override")
        stride = kernel_size if stride in (None, (), []) else stride
        return with_batch(g, input, spatial, lambda x: g.op(
            "AveragePool", x, kernel_shape=spread(kernel_size, spatial), strides=spread(stride, spatial),
            pads=spread(padding, spatial) * 2, ceil_mode=int(ceil_mode), count_include_pad=int(count_include_pad)))
    return write


def adaptive(kind, reduction, spatial):
    def write(g, input, output_size, return_indices=False):
        if return_indices:
            raise g.unsupported("return_indices=True")
        new, old = g.result.shape[-spatial:], input.shape[-spatial:]
        if all(n == 1 for n in new):
            return reduced(g, reduction, input, list(range(-spatial, 0)), True, input.ndim)
        if not is_static(old) or any(n % m for n, m in zip(old, new)):
            raise g.unsupported(f"windows of several sizes, {old} to {new},")
        windows = [n // m for n, m in zip(old, new)]
        return with_batch(g, input, spatial, lambda x: g.op(kind, x, kernel_shape=windows, strides=windows))
    return write


for _spatial in (1, 2, 3):
    rule(f"max_pool{_spatial}d")(max_pool(_spatial))
    rule(f"adaptive_avg_pool{_spatial}d")(adaptive("AveragePool", "ReduceMean", _spatial))
for _spatial in (1, 2):
    rule(f"avg_pool{_spatial}d")(average_pool(_spatial))
    rule(f"adaptive_max_pool{_spatial}d")(adaptive("MaxPool", "ReduceMax", _spatial))
