"""The functions of ``tf.keras.backend`` for losses and networks; see `backend_functions`."""
import numpy as np

from fastnn.keras import config, ops, tree


def _clipped(output):
    return ops.clip(output, config.epsilon(), 1 - config.epsilon())


def binary_crossentropy(target, output, from_logits=False):
    """``-(target * log(output) + (1 - target) * log(1 - output))``, element by element.

    Parameters
    ----------
    target, output : tensor
    from_logits : bool

    Examples
    --------
    >>> keras.backend.binary_crossentropy([0.0, 1.0], [0.25, 0.75]).round(decimals=4)
    tensor([0.2877, 0.2877])
    """
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    if from_logits:
        return ops.maximum(output, 0.0) - output * target + ops.log1p(ops.exp(-ops.abs(output)))
    output, tiny = _clipped(output), config.epsilon()
    return -(target * ops.log(output + tiny) + (1 - target) * ops.log(1 - output + tiny))


def binary_focal_crossentropy(target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False):
    """`binary_crossentropy` with terms multiplied by ``(1 - p)**gamma``, p the probability of the true label.

    Parameters
    ----------
    target, output : tensor
    apply_class_balancing : bool
        Weights `alpha` and ``1 - alpha`` of labels 1 and 0.
    alpha, gamma : float
    from_logits : bool

    Examples
    --------
    >>> keras.backend.binary_focal_crossentropy(np.array([1.0]), np.array([0.75])).round(decimals=4)
    tensor([0.0180], dtype=torch.float64)
    """
    likely = ops.sigmoid(output) if from_logits else output
    right = target * likely + (1 - target) * (1 - likely)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(target, output, from_logits)
    return (target * alpha + (1 - target) * (1 - alpha)) * loss if apply_class_balancing else loss


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-sum(target * log(output))`` over an axis.

    Parameters
    ----------
    target, output : tensor (..., classes)
    from_logits : bool
    axis : int

    Examples
    --------
    >>> keras.backend.categorical_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    if from_logits:
        return -ops.sum(target * ops.log_softmax(output, axis), axis)
    return -ops.sum(target * ops.log(_clipped(output / ops.sum(output, axis, True))), axis)


def categorical_focal_crossentropy(target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1):
    """``-sum(alpha * (1 - output)**gamma * target * log(output))`` over an axis.

    Parameters
    ----------
    target, output : tensor (..., classes)
    alpha, gamma : float
    from_logits : bool
    axis : int

    Examples
    --------
    >>> keras.backend.categorical_focal_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.25, 0.75]])).round(decimals=4)
    tensor([0.0045], dtype=torch.float64)
    """
    if from_logits:
        output = ops.softmax(output, axis)
    output = _clipped(output / ops.sum(output, axis, True))
    return ops.sum(alpha * ops.power(1.0 - output, gamma) * -target * ops.log(output), axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1, ignore_class=None):
    """``-log(output[target])`` for classes given as whole numbers; 0 at those of `ignore_class`.

    Parameters
    ----------
    target : tensor of int (...)
    output : tensor (..., classes)
    from_logits : bool
    axis : int
    ignore_class : int, optional

    Examples
    --------
    >>> keras.backend.sparse_categorical_crossentropy([1], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
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
    """Connectionist temporal classification: loss of each sample, (samples, 1).

    Parameters
    ----------
    y_true : tensor of int (samples, longest)
    y_pred : tensor (samples, steps, classes)
        Probabilities; the last class is the blank one.
    input_length, label_length : tensor of int (samples, 1)

    Examples
    --------
    >>> keras.backend.ctc_batch_cost([[0]], np.full((1, 1, 2), 0.5), [[1]], [[1]]).round(decimals=4)
    tensor([[0.6931]], dtype=torch.float64)
    """
    return ops.expand_dims(ops.ctc_loss(
        ops.cast(y_true, "int32"), ops.log(y_pred + config.epsilon()), ops.cast(ops.squeeze(label_length, -1), "int32"),
        ops.cast(ops.squeeze(input_length, -1), "int32"), y_pred.shape[-1] - 1), 1)


def ctc_decode(y_pred, input_length, greedy=True, beam_width=100, top_paths=1):
    """Sequences of classes, a tensor (samples, steps) for each path with -1 behind sequences; and scores.

    Parameters
    ----------
    y_pred : tensor (samples, steps, classes)
        Probabilities; the last class is the blank one.
    input_length : tensor of int (samples,)
    greedy : bool
    beam_width, top_paths : int

    Examples
    --------
    >>> keras.backend.ctc_decode(np.array([[[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]]), [2])[0]
    [tensor([[1, 0]], dtype=torch.int32)]
    """
    paths, scores = ops.ctc_decode(ops.log(y_pred + config.epsilon()), input_length,
                                   "greedy" if greedy else "beam_search", beam_width, top_paths,
                                   mask_index=y_pred.shape[-1] - 1)
    return [paths[i] for i in range(paths.shape[0])], scores


def ctc_label_dense_to_sparse(labels, label_lengths):
    """Not implemented: there are no sparse tensors.

    Parameters
    ----------
    labels, label_lengths : tensor

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.backend.ctc_label_dense_to_sparse(None, None)  # doctest: +SKIP
    """
    raise NotImplementedError("backend.ctc_label_dense_to_sparse is not implemented: there are no sparse tensors")


def _format(data_format):
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Unknown data_format: {data_format}")
    return data_format


def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    """``gamma * (x - mean) / sqrt(var + epsilon) + beta``

    Parameters
    ----------
    x : tensor
    mean, var : tensor
    beta, gamma : tensor or None
    axis
        Accepted.
    epsilon : float

    Examples
    --------
    >>> keras.backend.batch_normalization(np.array([1.0, 3.0]), 2.0, 1.0, None, None, epsilon=0.0).tolist()
    [-1.0, 1.0]
    """
    scale = 1.0 / ops.sqrt(var + epsilon)
    made = (x - mean) * (scale if gamma is None else scale * gamma)
    return made if beta is None else made + beta


def bias_add(x, bias, data_format=None):
    """Adds a bias to the features.

    Parameters
    ----------
    x : tensor
    bias : tensor
        Of the features, or of all axes but the batch.
    data_format : {"channels_last", "channels_first"}, optional

    Raises
    ------
    ValueError
        A bias of another number of axes.

    Examples
    --------
    >>> keras.backend.bias_add(np.zeros((1, 2)), np.array([1.0, 2.0])).tolist()
    [[1.0, 2.0]]
    """
    first = _format(data_format) == "channels_first"
    sizes = tuple(bias.shape)
    if len(sizes) not in (1, len(x.shape) - 1):
        raise ValueError(f"Unexpected bias dimensions {len(sizes)}. Expected it to be 1 or {len(x.shape) - 1} "
                         "dimensions")
    if len(sizes) == 1:
        return x + (ops.reshape(bias, sizes + (1,) * (len(x.shape) - 2)) if first else bias)
    return x + ops.reshape(bias, (1, sizes[-1], *sizes[:-1]) if first else (1, *sizes))


def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of steps; see `ops.conv`.

    Parameters
    ----------
    x : tensor (batch, steps, channels)
    kernel : tensor (size, channels, filters)
    strides, dilation_rate : int
    padding : {"valid", "same", "causal"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.conv1d(np.ones((1, 5, 2)), np.ones((3, 2, 4))).shape
    torch.Size([1, 3, 4])
    """
    data_format = _format(data_format)
    if padding == "causal":
        missing = dilation_rate * (kernel.shape[0] - 1)
        x = ops.pad(x, [[0, 0], [0, 0], [missing, 0]] if data_format == "channels_first" else
                    [[0, 0], [missing, 0], [0, 0]])
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Convolution of images; see `ops.conv`.

    Parameters
    ----------
    x, kernel : tensor
    strides, dilation_rate : pair of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.conv2d(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape
    torch.Size([1, 3, 3, 4])
    """
    return ops.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv3d(x, kernel, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1)):
    """Convolution of volumes; see `ops.conv`.

    Parameters
    ----------
    x, kernel : tensor
    strides, dilation_rate : triple of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.conv3d(np.ones((1, 3, 3, 3, 1)), np.ones((2, 2, 2, 1, 4))).shape
    torch.Size([1, 2, 2, 2, 4])
    """
    return ops.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv2d_transpose(x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    """Gradient of `conv2d` with respect to inputs of `output_shape`.

    Parameters
    ----------
    x, kernel : tensor
        The kernel is (height, width, filters, channels).
    output_shape : tuple
    strides, dilation_rate : pair of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.conv2d_transpose(np.ones((1, 4, 4, 2)), np.ones((3, 3, 5, 2)), (1, 8, 8, 5), (2, 2), "same").shape
    torch.Size([1, 8, 8, 5])
    """
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
    """Convolution of each channel of images with kernels of its own.

    Parameters
    ----------
    x : tensor
    depthwise_kernel : tensor (height, width, channels, multiplier)
    strides, dilation_rate : pair of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.depthwise_conv2d(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 3))).shape
    torch.Size([1, 3, 3, 6])
    """
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, _format(data_format), dilation_rate)


def separable_conv2d(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    """`depthwise_conv2d`, then a convolution of size 1 across channels.

    Parameters
    ----------
    x : tensor
    depthwise_kernel, pointwise_kernel : tensor
    strides, dilation_rate : pair of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.separable_conv2d(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 3)), np.ones((1, 1, 6, 4))).shape
    torch.Size([1, 3, 3, 4])
    """
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, _format(data_format),
                              dilation_rate)


def _pool(x, pool_size, strides, padding, data_format, pool_mode):
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {pool_mode}")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, _format(data_format))


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """Pooling of images.

    Parameters
    ----------
    x : tensor
    pool_size, strides : pair of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    pool_mode : {"max", "avg"}

    Raises
    ------
    ValueError
        Another `pool_mode`.

    Examples
    --------
    >>> keras.backend.pool2d(np.ones((1, 4, 4, 1)), (2, 2), (2, 2)).shape
    torch.Size([1, 2, 2, 1])
    """
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    """Pooling of volumes.

    Parameters
    ----------
    x : tensor
    pool_size, strides : triple of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    pool_mode : {"max", "avg"}

    Raises
    ------
    ValueError
        Another `pool_mode`.

    Examples
    --------
    >>> keras.backend.pool3d(np.ones((1, 4, 4, 4, 1)), (2, 2, 2), (2, 2, 2)).shape
    torch.Size([1, 2, 2, 2, 1])
    """
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pad(x, padding, data_format):
    inner = [list(pair) for pair in padding]
    return ops.pad(x, [[0, 0], [0, 0], *inner] if data_format == "channels_first" else [[0, 0], *inner, [0, 0]])


def temporal_padding(x, padding=(1, 1)):
    """Zeros before and after the steps of (batch, steps, features).

    Parameters
    ----------
    x : tensor
    padding : pair of int

    Examples
    --------
    >>> keras.backend.temporal_padding(np.ones((1, 3, 2))).shape
    torch.Size([1, 5, 2])
    """
    return _pad(x, (padding,), "channels_last")


def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    """Zeros around images.

    Parameters
    ----------
    x : tensor
    padding : pair of pairs of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.spatial_2d_padding(np.ones((1, 3, 3, 1))).shape
    torch.Size([1, 5, 5, 1])
    """
    return _pad(x, padding, _format(data_format))


def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    """Zeros around volumes.

    Parameters
    ----------
    x : tensor
    padding : triple of pairs of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.backend.spatial_3d_padding(np.ones((1, 3, 3, 3, 1))).shape
    torch.Size([1, 5, 5, 5, 1])
    """
    return _pad(x, padding, _format(data_format))


def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Enlarges images by whole factors.

    Parameters
    ----------
    x : tensor
    height_factor, width_factor : int
    data_format : {"channels_last", "channels_first"}
    interpolation : str
        As in `ops.image.resize`.

    Raises
    ------
    ValueError
        Another layout.

    Examples
    --------
    >>> keras.backend.resize_images(np.ones((1, 2, 3, 1)), 2, 3, "channels_last").shape
    torch.Size([1, 4, 9, 1])
    """
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Invalid `data_format` argument: {data_format}")
    axis = 2 if data_format == "channels_first" else 1
    return ops.image.resize(x, (x.shape[axis] * height_factor, x.shape[axis + 1] * width_factor), interpolation,
                            data_format=data_format)


def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    """Enlarges volumes by whole factors.

    Parameters
    ----------
    x : tensor
    depth_factor, height_factor, width_factor : int
    data_format : {"channels_last", "channels_first"}

    Raises
    ------
    ValueError
        Another layout.

    Examples
    --------
    >>> keras.backend.resize_volumes(np.ones((1, 2, 2, 2, 1)), 1, 2, 3, "channels_last").shape
    torch.Size([1, 2, 4, 6, 1])
    """
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Invalid data_format: {data_format}")
    axis = 2 if data_format == "channels_first" else 1
    for i, factor in enumerate((depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, factor, axis + i)
    return x


def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None, time_major=False, zero_output_for_mask=False, return_all_outputs=True):
    """Runs a step function over the steps of a sequence.

    Parameters
    ----------
    step_function : callable
        ``(input of a step, states) -> (output, states)``
    inputs : tensor (batch, steps, ...), or structure of them
    initial_states : list of tensor
    go_backwards : bool
    mask : tensor of bool (batch, steps), optional
    constants : list of tensor, optional
        Given to the step function after the states.
    unroll
        Accepted.
    input_length : int or tensor of int, optional
    time_major : bool
        Whether steps are the first axis.
    zero_output_for_mask, return_all_outputs : bool

    Returns
    -------
    (last output, outputs, states)

    Examples
    --------
    >>> step = lambda x, states: (x + states[0], [x + states[0]])
    >>> last, outputs, states = keras.backend.rnn(step, np.ones((1, 3, 2)), [np.zeros((1, 2))])
    >>> last.tolist(), outputs.shape
    ([[3.0, 3.0]], torch.Size([1, 3, 2]))
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
