"""InceptionResNetV2: Inception with shortcuts (Szegedy et al., 2016)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (application, axis, batch_norm, channels, decode_predictions,
                                                 kernels_file, preprocessing)
from fastnn.keras.layers.base import Layer

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]


class CustomScaleLayer(Layer):
    """``inputs[0] + scale * inputs[1]``"""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        return inputs[0] + inputs[1] * self.scale

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])

    def get_config(self):
        return {**self._base_config(), "scale": self.scale}


def _conv(x, filters, size=1, strides=1, padding="same", name=None):
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False, name=name)(x)
    x = batch_norm(x, name and f"{name}_bn", scale=False)
    return layers.Activation("relu", name=name and f"{name}_ac")(x)


def _chain(x, *steps):
    for step in steps:
        x = _conv(x, *step)
    return x


def _mixed(parts, name):
    return layers.Concatenate(axis=axis(), name=name)(parts)


# What stands beside the shortcut in the three kinds of blocks.
_BRANCHES = {"block35": [((32,),), ((32,), (32, 3)), ((32,), (48, 3), (64, 3))],
             "block17": [((192,),), ((128,), (160, (1, 7)), (192, (7, 1)))],
             "block8": [((192,),), ((192,), (224, (1, 3)), (256, (3, 1)))]}


def _block(x, kind, number, scale, activation="relu"):
    name = f"{kind}_{number}"
    mixed = _mixed([_chain(x, *steps) for steps in _BRANCHES[kind]], f"{name}_mixed")
    up = layers.Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, up])
    return x if activation is None else layers.Activation(activation, name=f"{name}_ac")(x)


def _body(x, weights):
    x = _chain(x, (32, 3, 2, "valid"), (32, 3, 1, "valid"), (64, 3))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _chain(x, (80, 1, 1, "valid"), (192, 3, 1, "valid"))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _mixed([_conv(x, 96), _chain(x, (48,), (64, 5)), _chain(x, (64,), (96, 3), (96, 3)),
                _conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), 64)], "mixed_5b")
    for i in range(1, 11):
        x = _block(x, "block35", i, 0.17)
    halved = 3, 2, "valid"
    x = _mixed([_conv(x, 384, *halved), _chain(x, (256,), (256, 3), (384, *halved)),
                layers.MaxPooling2D(3, strides=2)(x)], "mixed_6a")
    for i in range(1, 21):
        x = _block(x, "block17", i, 0.1)
    x = _mixed([_chain(x, (256,), (384, *halved)), _chain(x, (256,), (288, *halved)),
                _chain(x, (256,), (288, 3), (320, *halved)), layers.MaxPooling2D(3, strides=2)(x)], "mixed_7a")
    for i in range(1, 11):
        x = _block(x, "block8", i, 0.2 if i < 10 else 1.0, "relu" if i < 10 else None)
    return _conv(x, 1536, name="conv_7b")


InceptionResNetV2 = application("InceptionResNetV2", "inception_resnet_v2", _body, kernels_file(
    "inception_resnet_v2/", "inception_resnet_v2", "e693bd0210a403b3192acc6073ad2e96",
    "d19885ff4a710c122648d3b5c3b684e4"), "Szegedy et al., 2016", size=299, least=75, pools=(None, None))
preprocess_input = preprocessing("tf")
