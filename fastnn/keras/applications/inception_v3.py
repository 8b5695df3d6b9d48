"""InceptionV3: windows of several sizes beside each other (Szegedy et al., 2015)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (application, axis, batch_norm, decode_predictions, kernels_file,
                                                 preprocessing)

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]


def _conv(x, filters, rows=1, columns=1, strides=1, padding="same"):
    x = layers.Conv2D(filters, (rows, columns), strides=strides, padding=padding, use_bias=False)(x)
    return layers.Activation("relu")(batch_norm(x, scale=False))


def _chain(x, *steps):
    for step in steps:
        x = _conv(x, *step)
    return x


def _halved(x, filters):
    return _conv(x, filters, 3, 3, 2, "valid")


def _pooled(x, filters):
    return _conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters)


def _mixed(parts, name=None):
    return layers.concatenate(parts, axis=axis(), name=name)


def _body(x, weights):
    x = _chain(x, (32, 3, 3, 2, "valid"), (32, 3, 3, 1, "valid"), (64, 3, 3))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _chain(x, (80, 1, 1, 1, "valid"), (192, 3, 3, 1, "valid"))
    x = layers.MaxPooling2D(3, strides=2)(x)
    for i, filters in enumerate((32, 64, 64)):
        x = _mixed([_conv(x, 64), _chain(x, (48,), (64, 5, 5)), _chain(x, (64,), (96, 3, 3), (96, 3, 3)),
                    _pooled(x, filters)], f"mixed{i}")
    x = _mixed([_halved(x, 384), _halved(_chain(x, (64,), (96, 3, 3)), 96), layers.MaxPooling2D(3, strides=2)(x)],
               "mixed3")
    for i, n in enumerate((128, 160, 160, 192), 4):
        x = _mixed([_conv(x, 192), _chain(x, (n,), (n, 1, 7), (192, 7, 1)),
                    _chain(x, (n,), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)), _pooled(x, 192)], f"mixed{i}")
    x = _mixed([_halved(_conv(x, 192), 320), _halved(_chain(x, (192,), (192, 1, 7), (192, 7, 1)), 192),
                layers.MaxPooling2D(3, strides=2)(x)], "mixed8")
    for i in range(2):
        one, three = _conv(x, 320), _conv(x, 384)
        three = _mixed([_conv(three, 384, 1, 3), _conv(three, 384, 3, 1)], f"mixed9_{i}")
        double = _chain(x, (448,), (384, 3, 3))
        double = _mixed([_conv(double, 384, 1, 3), _conv(double, 384, 3, 1)])
        x = _mixed([one, three, double, _pooled(x, 192)], f"mixed{9 + i}")
    return x


InceptionV3 = application("InceptionV3", "inception_v3", _body, kernels_file(
    "inception_v3/", "inception_v3", "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    "Szegedy et al., 2015", size=299, least=75, pools=(None, None))
preprocess_input = preprocessing("tf")
