"""The functions of ``tf.keras.backend`` for losses and networks; see `backend_functions`."""
import numpy as np

from fastnn.keras import config, ops, tree


# -- losses, for each sample --
def _clipped(output):
    return ops.clip(output, config.epsilon(), 1 - config.epsilon())


def binary_crossentropy(target, output, from_logits=False):
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    if from_logits:
        return ops.maximum(output, 0.0) - output * target + ops.log1p(ops.exp(-ops.abs(output)))
    output, tiny = _clipped(output), config.epsilon()
    return -(target * ops.log(output + tiny) + (1 - target) * ops.log(1 - output + tiny))


def binary_focal_crossentropy(target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False):
    likely = ops.sigmoid(output) if from_logits else output
    right = target * likely + (1 - target) * (1 - likely)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(target, output, from_logits)
    return (target * alpha + (1 - target) * (1 - alpha)) * loss if apply_class_balancing else loss


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    if from_logits:
        return -ops.sum(target * ops.log_softmax(output, axis), axis)
    return -ops.sum(target * ops.log(_clipped(output / ops.sum(output, axis, True))), axis)


def categorical_focal_crossentropy(target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1):
    if from_logits:
        output = ops.softmax(output, axis)
    output = _clipped(output / ops.sum(output, axis, True))
    return ops.sum(alpha * ops.power(1.0 - output, gamma) * -target * ops.log(output), axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1, ignore_class=None):
    """Loss of each position; 0 at those of `ignore_class`."""
    target, output = ops.cast(target, "int32"), ops.convert_to_tensor(output)
    if not from_logits:
        output = ops.log(_clipped(output))
    output = ops.moveaxis(output, axis, -1)
    if len(target.shape) != len(output.shape) - 1:
        target = ops.reshape(target, tuple(output.shape[:-1]))
    kept = None if ignore_class is None else ops.not_equal(target, ignore_class)
    index = target if kept is None else ops.where(kept, target, 0)
    loss = -ops.squeeze(ops.take_along_axis(ops.log_softmax(output, -1), ops.expand_dims(index, -1), -1), -1)
    return loss if kept is None else ops.where(kept, loss, 0.0)


def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    """The loss of each sample, (samples, 1); the last class of `y_pred` (probabilities) stands for none."""
    return ops.expand_dims(ops.ctc_loss(
        ops.cast(y_true, "int32"), ops.log(y_pred + config.epsilon()), ops.cast(ops.squeeze(label_length, -1), "int32"),
        ops.cast(ops.squeeze(input_length, -1), "int32"), y_pred.shape[-1] - 1), 1)


def ctc_decode(y_pred, input_length, greedy=True, beam_width=100, top_paths=1):
    """The classes, one tensor (samples, steps) for each path, with -1 behind them; and the scores."""
    paths, scores = ops.ctc_decode(ops.log(y_pred + config.epsilon()), input_length,
                                   "greedy" if greedy else "beam_search", beam_width, top_paths,
                                   mask_index=y_pred.shape[-1] - 1)
    return [paths[i] for i in range(paths.shape[0])], scores


def ctc_label_dense_to_sparse(labels, label_lengths):
    raise NotImplementedError("backend.ctc_label_dense_to_sparse is not implemented: there are no sparse tensors")


# -- networks --
def _format(data_format):
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Unknown data_format: {data_format}")
    return data_format


def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    scale = 1.0 / ops.sqrt(var + epsilon)
    made = (x - mean) * (scale if gamma is None else scale * gamma)
    return made if beta is None else made + beta


def bias_add(x, bias, data_format=None):
    first = _format(data_format) == "channels_first"
    sizes = tuple(bias.shape)
    if len(sizes) not in (1, len(x.shape) - 1):
        raise ValueError(f"Unexpected bias dimensions {len(sizes)}. Expected it to be 1 or {len(x.shape) - 1} "
                         "dimensions")
    if len(sizes) == 1:
        return x + (ops.reshape(bias, sizes + (1,) * (len(x.shape) - 2)) if first else bias)
    return x + ops.reshape(bias, (1, sizes[-1], *sizes[:-1]) if first else (1, *sizes))


def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    data_format = _format(data_format)
    if padding == "causal":
        missing = dilation_rate * (kernel.shape[0] - 1)
        x = ops.pad(x, [[0, 0], [0, 0], [missing, 0]] if data_format == "channels_first" else
                    [[0, 0], [missing, 0], [0, 0]])
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    return ops.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv3d(x, kernel, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1)):
    return ops.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv2d_transpose(x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    """What the gradient of `conv2d` is for its inputs of `output_shape`."""
    first = _format(data_format) == "channels_first"
    made = ops.conv_transpose(ops.transpose(x, (0, 2, 3, 1)) if first else x, kernel, strides, "valid", None,
                              "channels_last", dilation_rate)
    sizes = tuple(output_shape)[2:] if first else tuple(output_shape)[1:3]
    for axis, size in enumerate(sizes, 1):
        span = (kernel.shape[axis - 1] - 1) * dilation_rate[axis - 1] + 1
        whole = (x.shape[axis + first] - 1) * strides[axis - 1] + span
        start = max(whole - size, 0) // 2 if padding == "same" else 0
        lacking = start + size - made.shape[axis]
        if lacking > 0:
            made = ops.pad(made, [[0, lacking if i == axis else 0] for i in range(4)])
        made = made[(slice(None),) * axis + (slice(start, start + size),)]
    return ops.transpose(made, (0, 3, 1, 2)) if first else made


def depthwise_conv2d(x, depthwise_kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, _format(data_format), dilation_rate)


def separable_conv2d(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, _format(data_format),
                              dilation_rate)


def _pool(x, pool_size, strides, padding, data_format, pool_mode):
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {pool_mode}")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, _format(data_format))


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pad(x, padding, data_format):
    inner = [list(pair) for pair in padding]
    return ops.pad(x, [[0, 0], [0, 0], *inner] if data_format == "channels_first" else [[0, 0], *inner, [0, 0]])


def temporal_padding(x, padding=(1, 1)):
    return _pad(x, (padding,), "channels_last")


def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    return _pad(x, padding, _format(data_format))


def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    return _pad(x, padding, _format(data_format))


def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Invalid `data_format` argument: {data_format}")
    axis = 2 if data_format == "channels_first" else 1
    return ops.image.resize(x, (x.shape[axis] * height_factor, x.shape[axis + 1] * width_factor), interpolation,
                            data_format=data_format)


def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Invalid data_format: {data_format}")
    axis = 2 if data_format == "channels_first" else 1
    for i, factor in enumerate((depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, factor, axis + i)
    return x


def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None, time_major=False, zero_output_for_mask=False, return_all_outputs=True):
    """`step_function` over the steps of `inputs`.

    Returns
    -------
    tuple
        The last output, all outputs (or the last alone), the last states.
    """
    def swapped(x):
        return ops.swapaxes(x, 0, 1)

    def spread(flags, x):
        return ops.reshape(flags, (-1,) + (1,) * (len(x.shape) - 1))
    if not time_major:
        inputs = tree.map_structure(swapped, inputs)
    steps = tree.flatten(inputs)[0].shape[0]
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = mask if time_major else swapped(mask)
    elif input_length is not None and len(np.shape(input_length)):
        mask = ops.less(ops.expand_dims(ops.arange(steps), 1), ops.expand_dims(ops.cast(input_length, "int32"), 0))
        mask = ops.flip(mask, 0) if go_backwards else mask
    states, kept, made = tuple(initial_states), None, []
    for i in reversed(range(steps)) if go_backwards else range(steps):
        output, new = step_function(tree.map_structure(lambda x: x[i], inputs), (*states, *(constants or ())))
        if mask is None:
            states = tuple(new)
        else:
            before = ops.zeros_like(output) if kept is None or zero_output_for_mask else kept
            output = ops.where(spread(mask[i], output), output, before)
            states = tuple(ops.where(spread(mask[i], one), one, other) for one, other in zip(new, states))
        kept = output
        made = [*made, output] if return_all_outputs else [output]
    outputs = ops.stack(made, 0)
    return kept, outputs if time_major else swapped(outputs), states
