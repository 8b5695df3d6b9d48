"""EfficientNetV2: the first blocks with whole convolutions (Tan and Le, 2021)."""
import math

from fastnn.keras import initializers, layers
from fastnn.keras.applications._building import (PREPROCESSING, STORE, axis, batch_norm, channels, classifier,
                                                 decode_predictions, named, network, preprocessing)
from fastnn.keras.applications.efficientnet import DENSE, KERNELS, conv, excited

__all__ = ["EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L",
           "EfficientNetV2M", "EfficientNetV2S", "decode_predictions", "preprocess_input"]

# Blocks, filters before and after, expansion, stride of the first; whole convolutions in the first three stacks,
# depthwise ones with squeeze and excitation then.
_B = (1, 32, 16, 1, 1), (2, 16, 32, 4, 2), (2, 32, 48, 4, 2), (3, 48, 96, 4, 2), (5, 96, 112, 6, 1), (8, 112, 192, 6, 2)
_STACKS = {
    "s": ((2, 24, 24, 1, 1), (4, 24, 48, 4, 2), (4, 48, 64, 4, 2), (6, 64, 128, 4, 2), (9, 128, 160, 6, 1),
          (15, 160, 256, 6, 2)),
    "m": ((3, 24, 24, 1, 1), (5, 24, 48, 4, 2), (5, 48, 80, 4, 2), (7, 80, 160, 4, 2), (14, 160, 176, 6, 1),
          (18, 176, 304, 6, 2), (5, 304, 512, 6, 1)),
    "l": ((4, 32, 32, 1, 1), (7, 32, 64, 4, 2), (7, 64, 96, 4, 2), (10, 96, 192, 4, 2), (19, 192, 224, 6, 1),
          (25, 224, 384, 6, 2), (7, 384, 640, 6, 1))}
# Width, depth, size of images, hashes with and without the classifier.
_SIZES = {"b0": (1.0, 1.0, 224, "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
          "b1": (1.0, 1.1, 240, "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
          "b2": (1.1, 1.2, 260, "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
          "b3": (1.2, 1.4, 300, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
          "s": (1.0, 1.0, 384, "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
          "m": (1.0, 1.0, 480, "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
          "l": (1.0, 1.0, 480, "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")}


def _block(inputs, whole, before, after, expansion, stride, drop, name):
    x, wide = inputs, before * expansion

    def normed(x, norm, activation=None):
        x = batch_norm(x, name + norm, momentum=0.9)
        return x if activation is None else layers.Activation("swish", name=name + activation)(x)
    if expansion != 1:
        size, step = (3, stride) if whole else (1, 1)
        x = normed(conv(x, wide, size, f"{name}expand_conv", strides=step, use_bias=False), "expand_bn",
                   "expand_activation")
    if not whole:
        x = layers.DepthwiseConv2D(3, strides=stride, depthwise_initializer=KERNELS, padding="same", use_bias=False,
                                   name=f"{name}dwconv2")(x)
        x = normed(x, "bn", "activation")
        x = excited(x, max(1, int(before * 0.25)), wide, "swish", name)
    last = whole and expansion == 1
    x = conv(x, after, 3 if last else 1, f"{name}project_conv", strides=stride if last else 1, use_bias=False)
    x = normed(x, "project_bn", "project_activation" if last else None)
    if stride == 1 and before == after:
        if drop:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        x = layers.add([x, inputs], name=f"{name}add")
    return x


def _body(kind, name, include_preprocessing):
    width, depth = _SIZES[kind][:2]
    stacks = _STACKS.get(kind, _B)
    total = float(sum(stack[0] for stack in stacks))

    def filters(n):
        return max(8, int(n * width + 4) // 8 * 8)

    def body(x):
        if include_preprocessing:
            if name.split("-")[-1].startswith("b") and channels(x) == 3:
                x = layers.Rescaling(scale=1.0 / 255)(x)
                x = layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2],
                                         axis=axis())(x)
            else:
                x = layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)
        x = conv(x, filters(stacks[0][1]), 3, "stem_conv", strides=2, use_bias=False)
        x, number = layers.Activation("swish", name="stem_activation")(batch_norm(x, "stem_bn", momentum=0.9)), 0
        for i, (count, before, after, expansion, stride) in enumerate(stacks):
            for j in range(math.ceil(depth * count)):
                x = _block(x, i < 3, filters(after if j else before), filters(after), expansion, 1 if j else stride,
                           0.2 * number / total, f"block{i + 1}{chr(j + 97)}_")
                number += 1
        x = batch_norm(conv(x, filters(1280), 1, "top_conv", use_bias=False), "top_bn", momentum=0.9)
        return layers.Activation("swish", name="top_activation")(x)
    return body


def _top(x, classes, activation):
    return classifier(x, classes, activation, dropout=0.2, kernel_initializer=DENSE,
                      bias_initializer=initializers.Constant(0.0))


def _efficientnet(kind):
    own, (_, _, size, *hashes) = f"efficientnetv2-{kind}", _SIZES[kind]

    def find(include_top):
        file = f"{own}{'' if include_top else '_notop'}.h5"
        return file, f"{STORE}efficientnet_v2/{file}", hashes[0 if include_top else 1]

    def build(include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None, classes=1000,
              classifier_activation="softmax", include_preprocessing=True, name=own):
        return network(_body(kind, name, include_preprocessing), _top, find, include_top=include_top, weights=weights,
                       input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
                       classifier_activation=classifier_activation, name=name, size=size)
    return named(build, f"EfficientNetV2{kind.upper()}", "Tan and Le, 2021", size, PREPROCESSING)


(EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3, EfficientNetV2S, EfficientNetV2M,
 EfficientNetV2L) = map(_efficientnet, _SIZES)
preprocess_input = preprocessing(None)
