"""ConvNeXt: convolutions arranged as in transformers (Liu et al., 2022)."""
from fastnn.keras import config, initializers, layers, random
from fastnn.keras.applications._building import (PREPROCESSING, STORE, channels, decode_predictions, named, network,
                                                 preprocessing)
from fastnn.keras.layers.base import Layer
from fastnn.keras.models import Sequential

__all__ = ["ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "decode_predictions",
           "preprocess_input"]

# Blocks of each of four stacks, filters, hashes with and without the classifier.
_SIZES = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768),
             "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
             "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768),
              "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
              "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024),
             "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
             "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536),
              "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
              "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
    "xlarge": ((3, 3, 27, 3), (256, 512, 1024, 2048),
               "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
               "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05")}


class StochasticDepth(Layer):
    """Whole samples become 0 in training with probability `drop_path_rate`, the others are scaled (Huang et al.,
    2016)."""

    def __init__(self, drop_path_rate, **kwargs):
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, x, training=None):
        if not training:
            return x
        return random.dropout(x, self.drop_path_rate, (x.shape[0], *[1] * (x.ndim - 1)))

    def get_config(self):
        return {**self._base_config(), "drop_path_rate": self.drop_path_rate}


class LayerScale(Layer):
    """A factor for each of the last axis' features, `init_values` at first (Touvron et al., 2021)."""

    def __init__(self, init_values, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, _):
        self.gamma = self.add_weight((self.projection_dim,), initializers.Constant(self.init_values), name="gamma")

    def call(self, x):
        return x * self.gamma

    def get_config(self):
        return {**self._base_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}


def _norm(name=None):
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _block(inputs, filters, name):
    x = layers.Conv2D(filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv")(inputs)
    x = _norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, filters, name=f"{name}_layer_scale")(x)
    return inputs + layers.Activation("linear", name=f"{name}_identity")(x)


def _body(kind, name, include_preprocessing):
    counts, widths = _SIZES[kind][:2]

    def body(x):
        if config.image_data_format() == "channels_first":
            raise ValueError("ConvNeXt does not support the `channels_first` image data format. Switch to "
                             "`channels_last` by editing your local config file at ~/.keras/keras.json")
        if include_preprocessing and channels(x) == 3:
            x = layers.Normalization(mean=[0.485 * 255, 0.456 * 255, 0.406 * 255],
                                     variance=[(0.229 * 255) ** 2, (0.224 * 255) ** 2, (0.225 * 255) ** 2],
                                     name=f"{name}_prestem_normalization")(x)
        smaller = [Sequential([layers.Conv2D(widths[0], 4, strides=4, name=f"{name}_stem_conv"),
                               _norm(f"{name}_stem_layernorm")], name=f"{name}_stem")]
        for i, width in enumerate(widths[1:]):
            smaller.append(Sequential([_norm(f"{name}_downsampling_layernorm_{i}"), layers.Conv2D(
                width, 2, strides=2, name=f"{name}_downsampling_conv_{i}")], name=f"{name}_downsampling_block_{i}"))
        for i, (count, width) in enumerate(zip(counts, widths)):
            x = smaller[i](x)
            for j in range(count):
                x = _block(x, width, f"{name}_stage_{i}_block_{j}")
        return x
    return body


def _convnext(kind):
    own, hashes = f"convnext_{kind}", _SIZES[kind][2:]

    def find(include_top):
        file = f"{own}{'' if include_top else '_notop'}.h5"
        return file, f"{STORE}convnext/{file}", hashes[0 if include_top else 1]

    def build(include_top=True, include_preprocessing=True, weights="imagenet", input_tensor=None, input_shape=None,
              pooling=None, classes=1000, classifier_activation="softmax", name=own):
        def top(x, classes, activation):
            x = _norm(f"{name}_head_layernorm")(layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x))
            return layers.Dense(classes, activation=activation, name=f"{name}_head_dense")(x)
        return network(_body(kind, name, include_preprocessing), top, find, include_top=include_top, weights=weights,
                       input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
                       classifier_activation=classifier_activation, name=name, size=224, pools=(None, None),
                       finish=lambda x: _norm()(x))
    return named(build, f"ConvNeXt{'XLarge' if kind == 'xlarge' else kind.capitalize()}", "Liu et al., 2022", 224,
                 PREPROCESSING)


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge = map(_convnext, _SIZES)
preprocess_input = preprocessing(None)
