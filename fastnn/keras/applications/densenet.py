"""Networks whose layers see all layers before (Huang et al., 2016)."""
from fastnn.keras import config, layers
from fastnn.keras.applications._building import (application, axis, batch_norm, channels, decode_predictions,
                                                 kernels_file, preprocessing)

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]


def _before(x, name):
    """Normalisation and ReLU."""
    return layers.Activation("relu", name=f"{name}relu")(batch_norm(x, f"{name}bn", epsilon=1.001e-5))


def _dense(x, count, name):
    for i in range(1, count + 1):
        own = f"{name}_block{i}"
        y = layers.Conv2D(128, 1, use_bias=False, name=f"{own}_1_conv")(_before(x, f"{own}_0_"))
        y = layers.Conv2D(32, 3, padding="same", use_bias=False, name=f"{own}_2_conv")(_before(y, f"{own}_1_"))
        x = layers.Concatenate(axis=axis(), name=f"{own}_concat")([x, y])
    return x


def _body(counts):
    def body(x, weights):
        if config.image_data_format() == "channels_first":
            raise ValueError("DenseNet does not support the `channels_first` image data format. Switch to "
                             "`channels_last` by editing your local config file at ~/.keras/keras.json")
        x = layers.ZeroPadding2D(((3, 3), (3, 3)))(x)
        x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
        x = _before(x, "conv1_")
        x = layers.ZeroPadding2D(((1, 1), (1, 1)))(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for i, count in enumerate(counts, 2):
            x = _dense(x, count, f"conv{i}")
            if i < 5:
                x = _before(x, f"pool{i}_")
                x = layers.Conv2D(channels(x) // 2, 1, use_bias=False, name=f"pool{i}_conv")(x)
                x = layers.AveragePooling2D(2, strides=2, name=f"pool{i}_pool")(x)
        return _before(x, "")
    return body


def _densenet(depth, counts, top, no_top):
    return application(f"DenseNet{depth}", f"densenet{depth}", _body(counts),
                       kernels_file("densenet/", f"densenet{depth}", top, no_top), "Huang et al., 2016")


DenseNet121 = _densenet(121, (6, 12, 24, 16), "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738")
DenseNet169 = _densenet(169, (6, 12, 32, 32), "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b")
DenseNet201 = _densenet(201, (6, 12, 48, 32), "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1")
preprocess_input = preprocessing("torch")
