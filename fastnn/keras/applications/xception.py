"""Xception: separable convolutions with shortcuts (Chollet, 2017)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (application, batch_norm, decode_predictions, kernels_file,
                                                 preprocessing)

__all__ = ["Xception", "decode_predictions", "preprocess_input"]


def _conv(x, filters, strides, name):
    x = batch_norm(layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=name)(x), f"{name}_bn")
    return layers.Activation("relu", name=f"{name}_act")(x)


def _separable(x, filters, name):
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return batch_norm(x, f"{name}_bn")


def _relu(x, name):
    return layers.Activation("relu", name=f"{name}_act")(x)


def _halving(x, block, first, second):
    """Two separable convolutions and pooling, beside a convolution of 1 x 1."""
    beside = batch_norm(layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x))
    for i, filters in enumerate((first, second), 1):
        name = f"block{block}_sepconv{i}"
        if block > 2 or i > 1:
            x = _relu(x, name)
        x = _separable(x, filters, name)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.add([x, beside])


def _body(x, weights):
    x = _conv(x, 32, 2, "block1_conv1")
    x = _conv(x, 64, 1, "block1_conv2")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _halving(x, block, filters, filters)
    for block in range(5, 13):
        beside = x
        for i in (1, 2, 3):
            name = f"block{block}_sepconv{i}"
            x = _separable(_relu(x, name), 728, name)
        x = layers.add([x, beside])
    x = _halving(x, 13, 728, 1024)
    for i, filters in ((1, 1536), (2, 2048)):
        name = f"block14_sepconv{i}"
        x = _relu(_separable(x, filters, name), name)
    return x


Xception = application("Xception", "xception", _body, kernels_file(
    "xception/", "xception", "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"), "Chollet, 2017",
    size=299, least=71, pools=(None, None))
preprocess_input = preprocessing("tf")
