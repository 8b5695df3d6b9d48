"""MobileNetV2: inverted residual blocks (Sandler et al., 2018)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (STORE, batch_norm, channels, correct_pad, decode_predictions,
                                                 divisible, nearest, network, preprocessing, sides)

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

_SIZES, _ALPHAS = (96, 128, 160, 192, 224), (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# Filters, blocks, stride of the first.
_STACKS = (16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)


def _bn(x, name):
    return batch_norm(x, name, epsilon=1e-3, momentum=0.999)


def _block(inputs, filters, stride, number):
    x, before, name = inputs, channels(inputs), f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = layers.Conv2D(6 * before, 1, padding="same", use_bias=False, name=f"{name}expand")(x)
        x = layers.ReLU(6.0, name=f"{name}expand_relu")(_bn(x, f"{name}expand_BN"))
    if stride == 2:
        x = layers.ZeroPadding2D(correct_pad(x, 3), name=f"{name}pad")(x)
    x = layers.DepthwiseConv2D(3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid",
                               name=f"{name}depthwise")(x)
    x = layers.ReLU(6.0, name=f"{name}depthwise_relu")(_bn(x, f"{name}depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}project")(x)
    x = _bn(x, f"{name}project_BN")
    return layers.Add(name=f"{name}add")([inputs, x]) if before == filters and stride == 1 else x


def MobileNetV2(input_shape=None, alpha=1.0, include_top=True, weights="imagenet", input_tensor=None, pooling=None,
                classes=1000, classifier_activation="softmax", name=None):
    """MobileNetV2 (Sandler et al., 2018).

    Parameters
    ----------
    alpha : float
        Factor of all widths.
    input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name
        As in `ResNet50`.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        ImageNet's weights, which do not exist for this `alpha`.

    Examples
    --------
    >>> model = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 1280)
    """
    rows, columns = sides(input_shape, input_tensor)
    size = rows if rows == columns and rows in _SIZES else 224
    label = sides(input_shape, None)[0] or (size if include_top else None)
    if weights == "imagenet":
        if alpha not in _ALPHAS:
            raise ValueError(f"If imagenet weights are being loaded, alpha must be one of `0.35`, `0.50`, `0.75`, "
                             f"`1.0`, `1.3` or `1.4` only; Received `alpha={alpha}`")
        label = size if include_top else nearest(*sides(input_shape, None), _SIZES,
                                                 f"`rows` is not in {list(_SIZES)}")

    def body(x):
        x = layers.Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
        x, number = layers.ReLU(6.0, name="Conv1_relu")(_bn(x, "bn_Conv1")), 0
        for filters, count, stride in _STACKS:
            for i in range(count):
                x = _block(x, divisible(int(filters * alpha)), stride if i == 0 else 1, number)
                number += 1
        last = divisible(1280 * alpha) if alpha > 1.0 else 1280
        x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
        return layers.ReLU(6.0, name="out_relu")(_bn(x, "Conv_1_bn"))

    def top(x, classes, activation):
        x = layers.GlobalAveragePooling2D()(x)
        return layers.Dense(classes, activation=activation, name="predictions")(x)

    def find(include_top):
        file = (f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{label}"
                f"{'' if include_top else '_no_top'}.h5")
        return file, f"{STORE}mobilenet_v2/{file}", None
    return network(body, top, find, include_top=include_top, weights=weights, input_tensor=input_tensor,
                   input_shape=input_shape, pooling=pooling, classes=classes,
                   classifier_activation=classifier_activation, name=name or f"mobilenetv2_{alpha:0.2f}_{label}",
                   size=size, pools=(None, None))


preprocess_input = preprocessing("tf")
