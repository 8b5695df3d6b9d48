"""MobileNetV3: inverted residual blocks with squeeze and excitation (Howard et al., 2019)."""
from fastnn.keras import config, layers
from fastnn.keras.applications._building import (STORE, batch_norm, channels, correct_pad, decode_predictions,
                                                 divisible, nearest, network, preprocessing, sides)

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

# Expansion, filters, size of windows (None: 5, or 3 in minimalistic ones), stride, whether with squeeze and excitation,
# whether with hard swish (else ReLU).
_SMALL = [(1, 16, 3, 2, 1, 0), (72 / 16, 24, 3, 2, 0, 0), (88 / 24, 24, 3, 1, 0, 0), (4, 40, None, 2, 1, 1),
          (6, 40, None, 1, 1, 1), (6, 40, None, 1, 1, 1), (3, 48, None, 1, 1, 1), (3, 48, None, 1, 1, 1),
          (6, 96, None, 2, 1, 1), (6, 96, None, 1, 1, 1), (6, 96, None, 1, 1, 1)]
_LARGE = [(1, 16, 3, 1, 0, 0), (4, 24, 3, 2, 0, 0), (3, 24, 3, 1, 0, 0), (3, 40, None, 2, 1, 0), (3, 40, None, 1, 1, 0),
          (3, 40, None, 1, 1, 0), (6, 80, 3, 2, 0, 1), (2.5, 80, 3, 1, 0, 1), (2.3, 80, 3, 1, 0, 1),
          (2.3, 80, 3, 1, 0, 1), (6, 112, 3, 1, 1, 1), (6, 112, 3, 1, 1, 1), (6, 160, None, 2, 1, 1),
          (6, 160, None, 1, 1, 1), (6, 160, None, 1, 1, 1)]
_HASHES = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4")}


def _bn(x, name):
    return batch_norm(x, name, epsilon=1e-3, momentum=0.999)


def _relu(x):
    return layers.ReLU()(x)


def _hard_swish(x):
    return layers.Activation("hard_swish")(x)


def _excited(inputs, filters, name):
    """Channels weighted by what a small network makes of their means."""
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}avg_pool")(inputs)
    x = layers.Conv2D(divisible(filters * 0.25), 1, padding="same", name=f"{name}conv")(x)
    x = layers.ReLU(name=f"{name}relu")(x)
    x = layers.Conv2D(filters, 1, padding="same", name=f"{name}conv_1")(x)
    x = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}mul")([inputs, x])


def _block(inputs, expansion, filters, size, stride, excited, activation, number):
    x, before, name = inputs, channels(inputs), f"expanded_conv_{number}_" if number else "expanded_conv_"
    wide = divisible(before * expansion)
    if number:
        x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name=f"{name}expand")(x)
        x = activation(_bn(x, f"{name}expand_bn"))
    if stride == 2:
        x = layers.ZeroPadding2D(correct_pad(x, size), name=f"{name}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
                               name=f"{name}depthwise")(x)
    x = activation(_bn(x, f"{name}depthwise_bn"))
    if excited:
        x = _excited(x, wide, f"{name}squeeze_excite_")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}project")(x)
    x = _bn(x, f"{name}project_bn")
    return layers.Add(name=f"{name}add")([inputs, x]) if stride == 1 and before == filters else x


def _network(kind, blocks, last, input_shape, alpha, minimalistic, include_top, weights, input_tensor, classes,
             pooling, dropout_rate, classifier_activation, include_preprocessing, name):
    if weights == "imagenet" and alpha not in ((1.0,) if minimalistic else (0.75, 1.0)):
        raise ValueError("If imagenet weights are being loaded, alpha can be one of `0.75`, `1.0` for non minimalistic "
                         "or `1.0` for minimalistic only.")
    rows, columns = sides(input_shape, input_tensor)
    if weights == "imagenet":
        nearest(rows, columns, (224,), "`rows` is not 224")
    if rows and columns and min(rows, columns) < 32:
        raise ValueError(f"Input size must be at least 32x32; Received `input_shape={input_shape}`")
    main = _relu if minimalistic else _hard_swish
    if input_tensor is None:  # images may have any size, with a classifier too
        last_axis = config.image_data_format() == "channels_last"
        shape = input_shape or ((None, None, 3) if last_axis else (3, None, None))
        image = layers.Input(shape=shape)
    else:
        image = input_tensor

    def body(x):
        if include_preprocessing:
            x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
        x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
        x = main(_bn(x, "conv_bn"))
        for number, (expansion, filters, size, stride, excited, swish) in enumerate(blocks):
            x = _block(x, expansion, divisible(filters * alpha), size or (3 if minimalistic else 5), stride,
                       excited and not minimalistic, main if swish else _relu, number)
        x = layers.Conv2D(divisible(channels(x) * 6), 1, padding="same", use_bias=False, name="conv_1")(x)
        return main(_bn(x, "conv_1_bn"))

    def top(x, classes, activation):
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        width = divisible(last * alpha) if alpha > 1.0 else last
        x = main(layers.Conv2D(width, 1, padding="same", name="conv_2")(x))
        if dropout_rate > 0:
            x = layers.Dropout(dropout_rate)(x)
        x = layers.Flatten()(layers.Conv2D(classes, 1, padding="same", name="logits")(x))
        return layers.Activation(activation, name="predictions")(x)

    def find(include_top):
        own = f"{kind}{'_minimalistic' * minimalistic}_224_{alpha}_float"
        file = f"weights_mobilenet_v3_{own}{'' if include_top else '_no_top_v2'}.h5"
        return file, f"{STORE}mobilenet_v3/{file}", _HASHES[own][0 if include_top else 1]
    return network(body, top, find, include_top=include_top, weights=weights, input_tensor=image, input_shape=(
        224, 224, 3) if config.image_data_format() == "channels_last" else (3, 224, 224), pooling=pooling,
        classes=classes, classifier_activation=classifier_activation, name=name, size=224)


_DOC = """{name} (Howard et al., 2019).

    Parameters
    ----------
    alpha : float
        Factor of all widths.
    minimalistic : bool
        Whether to do without squeeze and excitation, hard swish and windows of 5 x 5.
    dropout_rate : float
        Before the classifier.
    include_preprocessing : bool
        Whether the network itself scales images of 0 .. 255.
    input_shape, include_top, weights, input_tensor, classes, pooling, classifier_activation, name
        As in `ResNet50`.

    Returns
    -------
    Model

    Examples
    --------
    >>> model = keras.applications.{name}(weights=None, include_top=False, pooling="avg")
    >>> model.output_shape
    (None, {features})
    """


def MobileNetV3Small(input_shape=None, alpha=1.0, minimalistic=False, include_top=True, weights="imagenet",
                     input_tensor=None, classes=1000, pooling=None, dropout_rate=0.2, classifier_activation="softmax",
                     include_preprocessing=True, name="MobileNetV3Small"):
    return _network("small", _SMALL, 1024, input_shape, alpha, minimalistic, include_top, weights, input_tensor,
                    classes, pooling, dropout_rate, classifier_activation, include_preprocessing, name)


def MobileNetV3Large(input_shape=None, alpha=1.0, minimalistic=False, include_top=True, weights="imagenet",
                     input_tensor=None, classes=1000, pooling=None, dropout_rate=0.2, classifier_activation="softmax",
                     include_preprocessing=True, name="MobileNetV3Large"):
    return _network("large", _LARGE, 1280, input_shape, alpha, minimalistic, include_top, weights, input_tensor,
                    classes, pooling, dropout_rate, classifier_activation, include_preprocessing, name)


MobileNetV3Small.__doc__ = _DOC.format(name="MobileNetV3Small", features=576)
MobileNetV3Large.__doc__ = _DOC.format(name="MobileNetV3Large", features=960)
preprocess_input = preprocessing(None)
