"""EfficientNet: depth, width and size scaled together (Tan and Le, 2019)."""
import math

from fastnn.keras import layers
from fastnn.keras.applications._building import (application, axis, batch_norm, classifier, correct_pad,
                                                 decode_predictions, divisible, preprocessing)

__all__ = ["EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
           "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input"]

# Size of windows, blocks, filters before and after, expansion, stride of the first.
_STACKS = ((3, 1, 32, 16, 1, 1), (3, 2, 16, 24, 6, 2), (5, 2, 24, 40, 6, 2), (3, 3, 40, 80, 6, 2),
           (5, 3, 80, 112, 6, 1), (5, 4, 112, 192, 6, 2), (3, 1, 192, 320, 6, 1))
# Width, depth, size of images, dropout, hashes with and without the classifier.
_SIZES = ((1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
          (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
          (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
          (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
          (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
          (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
          (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
          (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"))


def _init(scale, distribution):
    return {"class_name": "VarianceScaling", "config": {"scale": scale, "mode": "fan_out",
                                                        "distribution": distribution}}


KERNELS, DENSE = _init(2.0, "truncated_normal"), _init(1.0 / 3.0, "uniform")


def conv(x, filters, size, name, **options):
    """A convolution with the family's first weights."""
    return layers.Conv2D(filters, size, padding=options.pop("padding", "same"), kernel_initializer=KERNELS, name=name,
                         **options)(x)


def excited(x, reduced, filters, activation, name):
    """Channels weighted by what a small network makes of their means."""
    found = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    found = layers.Reshape((1, 1, filters) if axis() == 3 else (filters, 1, 1), name=f"{name}se_reshape")(found)
    found = conv(found, reduced, 1, f"{name}se_reduce", activation=activation)
    found = conv(found, filters, 1, f"{name}se_expand", activation="sigmoid")
    return layers.multiply([x, found], name=f"{name}se_excite")


def _block(inputs, drop, name, size, before, after, expansion, stride):
    x, wide = inputs, before * expansion

    def normed(x, norm, activation):
        return layers.Activation("swish", name=name + activation)(batch_norm(x, name + norm))
    if expansion != 1:
        x = normed(conv(x, wide, 1, f"{name}expand_conv", use_bias=False), "expand_bn", "expand_activation")
    if stride == 2:
        x = layers.ZeroPadding2D(correct_pad(x, size), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(size, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False,
                               depthwise_initializer=KERNELS, name=f"{name}dwconv")(x)
    x = normed(x, "bn", "activation")
    x = excited(x, max(1, int(before * 0.25)), wide, "swish", name)
    x = batch_norm(conv(x, after, 1, f"{name}project_conv", use_bias=False), f"{name}project_bn")
    if stride == 1 and before == after:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        x = layers.add([x, inputs], name=f"{name}add")
    return x


def _body(width, depth):
    counts = [math.ceil(depth * stack[1]) for stack in _STACKS]

    def filters(n):
        return divisible(n * width)

    def body(x, weights):
        x = layers.Rescaling(1.0 / 255.0)(x)
        x = layers.Normalization(axis=axis())(x)
        if weights == "imagenet":  # its weights come of images divided by the variance
            x = layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in (0.229, 0.224, 0.225)])(x)
        x = layers.ZeroPadding2D(correct_pad(x, 3), name="stem_conv_pad")(x)
        x = conv(x, filters(32), 3, "stem_conv", strides=2, padding="valid", use_bias=False)
        x, number = layers.Activation("swish", name="stem_activation")(batch_norm(x, "stem_bn")), 0
        for i, ((size, _, before, after, expansion, stride), count) in enumerate(zip(_STACKS, counts), 1):
            for j in range(count):
                x = _block(x, 0.2 * number / float(sum(counts)), f"block{i}{chr(j + 97)}_", size,
                           filters(after if j else before), filters(after), expansion, 1 if j else stride)
                number += 1
        x = batch_norm(conv(x, filters(1280), 1, "top_conv", use_bias=False), "top_bn")
        return layers.Activation("swish", name="top_activation")(x)
    return body


def _efficientnet(number):
    width, depth, size, dropout, *hashes = _SIZES[number]

    def find(include_top):
        file = f"efficientnetb{number}{'' if include_top else '_notop'}.h5"
        return file, f"https://storage.googleapis.com/keras-applications/{file}", hashes[0 if include_top else 1]

    def top(x, classes, activation):
        return classifier(x, classes, activation, dropout=dropout, kernel_initializer=DENSE)
    return application(f"EfficientNetB{number}", f"efficientnetb{number}", _body(width, depth), find,
                       "Tan and Le, 2019", size=size, top=top)


(EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3, EfficientNetB4, EfficientNetB5, EfficientNetB6,
 EfficientNetB7) = map(_efficientnet, range(8))
preprocess_input = preprocessing(None)
