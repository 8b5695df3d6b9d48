"""TensorFlow's functions by way of `keras.ops`."""
import builtins

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.keras import config, ops
from fastnn.keras.layers.strings import Strings, is_strings, strings_of
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F


def _is_text(value):
    """Whether it is a string, or a (nested) list or array of strings."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes)) or isinstance(value, np.ndarray) and is_strings(value)


def constant(value, dtype=None, shape=None, name="Const"):
    """A tensor of a value."""
    if _is_text(value):
        return strings_of(value) if shape is None else strings_of(np.broadcast_to(value, tuple(shape)))
    made = convert(value, None if dtype is None else config.standardize_dtype(dtype))
    if shape is not None:
        made = made.expand(tuple(shape)) if made.numel() == 1 else made.reshape(tuple(shape))
    return made


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """A tensor of a value; an array of strings of strings."""
    return strings_of(value) if _is_text(value) else ops.convert_to_tensor(value, dtype)


def cast(x, dtype, name=None):
    """x in another type."""
    return ops.cast(x, dtype)


def shape(input, out_type=None, name=None):
    """The sizes; entries are whole numbers."""
    return ops.shape(input)


def _count(number):
    return convert(np.int32(number)) if isinstance(number, int) else number


def size(input, out_type=None, name=None):
    """Number of elements."""
    return _count(ops.size(input))


def rank(input, name=None):
    """Number of dimensions."""
    return _count(ops.ndim(input))


def _shaped(function, of_arrays, x, argument):
    """A function of a tensor, or NumPy's of an array of strings."""
    if isinstance(x, Strings):
        return np.asarray(of_arrays(x, tuple(argument) if isinstance(argument, list) else argument)).view(Strings)
    return function(x, argument)


def reshape(tensor, shape, name=None):
    """A tensor in another shape."""
    return _shaped(ops.reshape, np.reshape, tensor, shape)


def zeros(shape, dtype="float32", name=None):
    """All 0."""
    return ops.zeros(shape, dtype)


def ones(shape, dtype="float32", name=None):
    """All 1."""
    return ops.ones(shape, dtype)


def fill(dims, value, name=None):
    """All `value`."""
    return ops.full(dims, value)


def zeros_like(input, dtype=None, name=None):
    """All 0, in a tensor's shape."""
    return ops.zeros_like(input, dtype)


def ones_like(input, dtype=None, name=None):
    """All 1, in a tensor's shape."""
    return ops.ones_like(input, dtype)


def eye(num_rows, num_columns=None, batch_shape=None, dtype="float32", name=None):
    """1 on the diagonal, else 0."""
    made = ops.eye(num_rows, num_columns, dtype=dtype)
    return made if batch_shape is None else made.expand(*batch_shape, *made.shape)


def range(start, limit=None, delta=1, dtype=None, name="range"):  # noqa: A001
    """Numbers from `start` up to `limit`."""
    return ops.arange(start, limit, delta, dtype) if limit is not None else ops.arange(0, start, delta, dtype)


def linspace(start, stop, num, name=None, axis=0):
    """`num` numbers from `start` to `stop`."""
    return ops.linspace(start, stop, num, axis=axis)


def _reduction(name, function):
    def call(input_tensor, axis=None, keepdims=False, name=None):
        return function(input_tensor, axis, keepdims)
    call.__name__, call.__doc__ = name, f"`keras.ops.{function.__name__}`"
    return call


reduce_sum, reduce_mean = _reduction("reduce_sum", ops.sum), _reduction("reduce_mean", ops.mean)
reduce_max, reduce_min = _reduction("reduce_max", ops.max), _reduction("reduce_min", ops.min)
reduce_prod, reduce_any = _reduction("reduce_prod", ops.prod), _reduction("reduce_any", ops.any)
reduce_all, reduce_std = _reduction("reduce_all", ops.all), _reduction("reduce_std", ops.std)
reduce_variance = _reduction("reduce_variance", ops.var)
reduce_logsumexp = _reduction("reduce_logsumexp", ops.logsumexp)
reduce_euclidean_norm = _reduction("reduce_euclidean_norm", lambda x, axis, keepdims:
                                   ops.sqrt(ops.sum(ops.square(x), axis, keepdims)))


def _same(name, function, arguments=("x", "y")):
    """A function with TensorFlow's `name` argument."""
    def call(*args, name=None, **kwargs):
        return function(*args, **kwargs)
    call.__name__, call.__doc__ = name, f"`keras.ops.{getattr(function, '__name__', name)}`"
    return call


_SAME = {name: name for name in (
    "abs add subtract multiply divide maximum minimum square sqrt exp log sin cos tan tanh sign floor ceil round equal "
    "not_equal less less_equal greater greater_equal logical_and logical_or logical_not logical_xor stack unstack "
    "where squeeze transpose tile repeat expand_dims pad concat matmul einsum tensordot split gather cumsum cumprod "
    "sigmoid erf sinh cosh asinh acosh atanh log1p expm1 argmax argmin sort argsort broadcast_to floor_divide mod pow "
    "softplus softmax is_nan is_inf is_finite negative reciprocal top_k in_top_k bincount").split()}
_SAME.update({"concat": "concatenate", "gather": "take", "pow": "power", "is_nan": "isnan", "is_inf": "isinf",
              "is_finite": "isfinite", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
              "floor_divide": "floor_divide"})


def concat(values, axis, name="concat"):
    """Tensors one after the other."""
    return ops.concatenate(values, axis)


def expand_dims(input, axis, name=None):
    """A new axis of size 1."""
    return _shaped(ops.expand_dims, np.expand_dims, input, axis)


def squeeze(input, axis=None, name=None):
    """Without axes of size 1."""
    return _shaped(ops.squeeze, np.squeeze, input, axis)


def transpose(a, perm=None, conjugate=False, name="transpose"):
    """Axes in another order."""
    return ops.transpose(a, perm)


def matmul(a, b, transpose_a=False, transpose_b=False, name=None, **kwargs):
    """Product of matrices."""
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """1 at the number's position along a new axis, else 0."""
    made = ops.one_hot(indices, int(depth), -1 if axis is None else axis, dtype or "float32")
    if on_value is not None or off_value is not None:
        on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
        made = made * (on - off) + off
    return made


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """``min(max(t, clip_value_min), clip_value_max)``"""
    return ops.clip(t, clip_value_min, clip_value_max)


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """t scaled such that its norm is at most `clip_norm`."""
    norm = ops.sqrt(ops.sum(ops.square(t), axes, True))
    return t * clip_norm / ops.maximum(norm, clip_norm)


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(tensors scaled such that their common norm is at most `clip_norm`, the norm)."""
    norm = global_norm(t_list) if use_norm is None else use_norm
    scale = clip_norm / ops.maximum(norm, clip_norm)
    return [None if t is None else t * scale for t in t_list], norm


def global_norm(t_list, name=None):
    """The norm of several tensors together."""
    total = convert(0.0)
    for t in t_list:
        if t is not None:
            total = total + t.square().sum()
    return total.sqrt()


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """Parts of a tensor by their positions along an axis."""
    if batch_dims:
        raise NotImplementedError(f"tf.gather: batch_dims={batch_dims} is not implemented")
    return ops.take(params, indices, 0 if axis is None else axis)


def gather_nd(params, indices, batch_dims=0, name=None):
    """Elements or parts by the positions along the first axes."""
    if batch_dims:
        raise NotImplementedError(f"tf.gather_nd: batch_dims={batch_dims} is not implemented")
    return convert(params)[tuple(convert(indices).long().unbind(-1))]


def boolean_mask(tensor, mask, axis=None, name="boolean_mask"):
    """The parts where a mask holds."""
    if axis:
        raise NotImplementedError(f"tf.boolean_mask: axis={axis} is not implemented")
    return convert(tensor)[convert(mask).bool()]


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """Parts of equal size, or of given sizes."""
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    stops = np.cumsum([int(n) for n in num_or_size_splits])[:-1].tolist()
    return ops.split(value, stops, axis)


def pad(tensor, paddings, mode="CONSTANT", constant_values=0, name=None):
    """A tensor with more elements at both ends of its axes."""
    mode = mode.lower()
    return ops.pad(tensor, [tuple(each) for each in array_of(convert(paddings))], mode,
                   constant_values if mode == "constant" else None)


def cond(pred, true_fn=None, false_fn=None, name=None):
    """What the first function gives if `pred` holds, else the second."""
    return true_fn() if bool(pred) else false_fn()


def while_loop(cond, body, loop_vars, maximum_iterations=None, **kwargs):
    """Repeat `body` while `cond` holds."""
    return ops.while_loop(cond, body, loop_vars, maximum_iterations)


def map_fn(fn, elems, dtype=None, fn_output_signature=None, **kwargs):
    """A function of each part along the first axis."""
    return ops.map(fn, elems)


def identity(input, name=None):
    """The tensor itself."""
    return convert(input)


def argmax(input, axis=None, output_type="int64", name=None):
    """The position of the largest element, along the first axis by default."""
    return ops.cast(ops.argmax(input, 0 if axis is None else axis), output_type)


def argmin(input, axis=None, output_type="int64", name=None):
    """The position of the smallest element, along the first axis by default."""
    return ops.cast(ops.argmin(input, 0 if axis is None else axis), output_type)


def is_tensor(x):
    """Whether it is a tensor."""
    return isinstance(x, Tensor)


def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None):
    """Norm of a tensor."""
    return ops.norm(tensor, None if ord == "euclidean" else ord, axis, bool(keepdims))


def function(func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False, **kwargs):
    """The function itself: everything runs as it is called."""
    return func if func is not None else lambda func: func


def print(*inputs, **kwargs):  # noqa: A001
    """Print values."""
    builtins.print(*[array_of(x) if isinstance(x, Tensor) else x for x in inputs])


def ensure_shape(x, shape, name=None):
    """x, if its shape is this one."""
    found = tuple(x.shape)
    if len(found) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found)):
        raise ValueError(f"Shape must be {tuple(shape)}, got {found}")
    return x


def assert_equal(x, y, message=None, summarize=None, name=None):
    """ValueError if two tensors differ."""
    if not bool(ops.all(ops.equal(x, y))):
        raise ValueError(message or f"{x} and {y} are not equal")


for _name, _target in _SAME.items():
    if _name not in globals():
        globals()[_name] = _same(_name, getattr(ops, _target))

# ---- types ----

DTYPES = {name: getattr(dtypes, name) for name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64",
                                                   "uint8", "bool")}


def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """`binary_crossentropy` of logits, element by element."""
    return ops.binary_crossentropy(labels, logits, from_logits=True)


def softmax_cross_entropy_with_logits(labels, logits, axis=-1, name=None):
    """`categorical_crossentropy` of logits."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


def sparse_softmax_cross_entropy_with_logits(labels, logits, name=None):
    """`sparse_categorical_crossentropy` of logits."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def l2_normalize(x, axis=None, epsilon=1e-12, name=None):
    """x divided by its norm."""
    x = convert(x)
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, True), epsilon))


def l2_loss(t, name=None):
    """``sum(t**2) / 2``"""
    return ops.sum(ops.square(t)) / 2


def moments(x, axes, shift=None, keepdims=False, name=None):
    """(mean, variance)"""
    return ops.moments(x, axes, keepdims)


def embedding_lookup(params, ids, max_norm=None, name=None):
    """Rows by their numbers."""
    return F.embedding(convert(ids).long(), convert(params))


def leaky_relu(features, alpha=0.2, name=None):
    """``x`` above 0, ``alpha * x`` below"""
    return ops.leaky_relu(features, alpha)


def add_n(inputs, name=None):
    """The sum of tensors."""
    total, *rest = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    total = convert(total)
    for each in rest:
        total = total + convert(each)
    return total


def roll(input, shift, axis, name=None):
    """Elements moved along axes; what leaves comes in at the other end."""
    x, axis = convert(input), [axis] if isinstance(axis, int) else list(axis)
    shift = [shift] if isinstance(shift, int) else [int(n) for n in shift]
    return x.roll(shift, axis)


def slice(input_, begin, size, name=None):  # noqa: A001
    """The part of this size (-1: all that follows) at this place."""
    x = convert(input_)
    begin, size = ([int(n) for n in array_of(convert(each))] for each in (begin, size))
    return x[tuple(builtins.slice(b, None if n == -1 else b + n) for b, n in zip(begin, size))]


def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype="int32", name=None):
    """How often class i (row) was taken for class j (column)."""
    labels, predictions = (array_of(convert(each)).astype(np.int64).ravel() for each in (labels, predictions))
    count = int(max(labels.max(initial=-1), predictions.max(initial=-1)) + 1 if num_classes is None else num_classes)
    made = np.zeros((count, count), np.dtype(config.torch_dtype(dtype).numpy))
    np.add.at(made, (labels, predictions), 1 if weights is None else array_of(convert(weights)))
    return convert(made)


def _spatial(value, what):
    """(height, width) of a number, two, or one for each axis of NHWC."""
    value = [value] if isinstance(value, int) else [int(n) for n in value]
    if len(value) == 4 and value[0] == value[3] == 1:
        return tuple(value[1:3])
    if len(value) in (1, 2):
        return tuple(value * 2)[:2]
    raise ValueError(f"{what} should be of length 1, 2 or 4 with 1 for batch and channels, got {value}")


def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None, name=None):
    """Convolution of images with filters (height, width, channels, filters)."""
    if not isinstance(padding, str):
        raise NotImplementedError("tf.nn.conv2d: explicit paddings are not implemented, \"SAME\" and \"VALID\" are")
    if data_format != "NHWC":
        raise NotImplementedError(f"tf.nn.conv2d: data_format={data_format!r} is not implemented")
    return ops.conv(input, filters, _spatial(strides, "strides"), padding.lower(), "channels_last",
                    _spatial(dilations or 1, "dilations"))


def _pool2d(name, function):
    def call(input, ksize, strides, padding, data_format="NHWC", name=None):
        if data_format != "NHWC":
            raise NotImplementedError(f"tf.nn.{call.__name__}: data_format={data_format!r} is not implemented")
        return function(input, _spatial(ksize, "ksize"), _spatial(strides, "strides"), padding.lower(),
                        "channels_last")
    call.__name__, call.__doc__ = name, f"`keras.ops.{function.__name__}` of images."
    return call


max_pool2d, avg_pool2d = _pool2d("max_pool2d", ops.max_pool), _pool2d("avg_pool2d", ops.average_pool)


def bias_add(value, bias, data_format=None, name=None):
    """A number added to each channel."""
    bias = convert(bias)
    return convert(value) + (bias.reshape(-1, 1, 1) if data_format in ("NCHW", "NC..") else bias)


def _segments(name, how):
    def call(data, segment_ids, num_segments, name=None):
        return how(convert(data), convert(segment_ids), int(num_segments))
    call.__name__, call.__doc__ = name, "Over rows with the same number: sum, mean or maximum."
    return call


def _segment_means(data, ids, count):
    counts = ops.segment_sum(ops.ones_like(ids, "float32"), ids, count)
    total = ops.segment_sum(data, ids, count)
    return total / ops.maximum(counts, 1.0).reshape(count, *(1,) * (total.ndim - 1))


unsorted_segment_sum = _segments("unsorted_segment_sum", ops.segment_sum)
unsorted_segment_mean = _segments("unsorted_segment_mean", _segment_means)
unsorted_segment_max = _segments("unsorted_segment_max", ops.segment_max)
