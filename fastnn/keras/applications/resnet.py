"""Residual networks (He et al., 2015 and 2016)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (application, batch_norm, decode_predictions, kernels_file,
                                                 preprocessing)

__all__ = ["ResNet101", "ResNet152", "ResNet50", "decode_predictions", "preprocess_input"]


def _bn(x, name):
    return batch_norm(x, name, epsilon=1.001e-5)


def _relu(x, name):
    return layers.Activation("relu", name=name)(x)


def _block(x, filters, stride, shortcut, name):
    """Convolutions of 1, 3 and 1 beside a shortcut."""
    beside = x
    if shortcut:
        beside = _bn(layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x), f"{name}_0_bn")
    x = _bn(layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x), f"{name}_1_bn")
    x = _relu(x, f"{name}_1_relu")
    x = _bn(layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x), f"{name}_2_bn")
    x = _relu(x, f"{name}_2_relu")
    x = _bn(layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3_bn")
    return _relu(layers.Add(name=f"{name}_add")([beside, x]), f"{name}_out")


def _block_v2(x, filters, stride, shortcut, name):
    """The same with normalisation before the convolutions."""
    before = _relu(_bn(x, f"{name}_preact_bn"), f"{name}_preact_relu")
    if shortcut:
        beside = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        beside = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, strides=1, use_bias=False, name=f"{name}_1_conv")(before)
    x = _relu(_bn(x, f"{name}_1_bn"), f"{name}_1_relu")
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = _relu(_bn(x, f"{name}_2_bn"), f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([beside, x])


def resnet_body(counts, second=False):
    """Features by so many blocks in each of four stacks; of the first or second version."""
    def body(x, weights):
        x = layers.ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(x)
        x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
        if not second:
            x = _relu(_bn(x, "conv1_bn"), "conv1_relu")
        x = layers.ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        for stack, count in enumerate(counts):
            for i in range(count):
                name, filters = f"conv{stack + 2}_block{i + 1}", 64 << stack
                if second:  # the last block of a stack halves the image
                    x = _block_v2(x, filters, 2 if i == count - 1 and stack < 3 else 1, i == 0, name)
                else:
                    x = _block(x, filters, 2 if i == 0 and stack else 1, i == 0, name)
        return _relu(_bn(x, "post_bn"), "post_relu") if second else x
    return body


def _resnet(depth, counts, top, no_top, second=False):
    name = f"resnet{depth}v2" if second else f"resnet{depth}"
    return application(f"ResNet{depth}{'V2' * second}", name, resnet_body(counts, second),
                       kernels_file("resnet/", name, top, no_top),
                       "He et al., 2016" if second else "He et al., 2015")


ResNet50 = _resnet(50, (3, 4, 6, 3), "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626")
ResNet101 = _resnet(101, (3, 4, 23, 3), "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21")
ResNet152 = _resnet(152, (3, 8, 36, 3), "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c")
preprocess_input = preprocessing("caffe")
