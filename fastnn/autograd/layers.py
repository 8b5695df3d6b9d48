"""Second-order rules of max pooling."""
import numpy as np

from fastnn.autograd.rules import linear, python_rule

# ---- the largest of windows ----

def _pair(value):
    return tuple(value) * (2 // len(value)) if isinstance(value, (tuple, list)) else (value, value)


def _places(index, plane, sizes):
    """Numbers within the flat plane for those within windows."""
    if index.dtype == np.int64:
        return index
    kernel, stride, padding, dilation = sizes
    kernel, padding, dilation = _pair(kernel), _pair(padding), _pair(dilation)
    stride = kernel if stride is None or stride == () or stride == [] else _pair(stride)
    tap = np.divmod(index.astype(np.int64), kernel[1])
    at = np.indices(index.shape[-2:])
    row, column = (np.clip(at[i] * stride[i] - padding[i] + tap[i] * dilation[i], 0, plane[i] - 1) for i in range(2))
    return row * plane[1] + column


@python_rule("_max_backward", "_max_row_backward")
def _(step, g):
    function, index, whole, sizes = step.saved
    row = function.__name__ == "_max_row_backward"
    places = _places(index, whole[-2:], sizes)
    flat = whole[:-2] + (whole[-2] * whole[-1],)
    lines = places.reshape(places.shape[:-2] + (places.shape[-2] * places.shape[-1],))

    def taken(array):
        found = np.take_along_axis(array.reshape(flat), lines, -1)
        return found.reshape(tuple(g.shape))
    return linear(g, lambda grad: function(grad, index, whole, sizes), taken, step.inputs()[0],
                  whole[:-2] + whole[-1:] if row else whole)
