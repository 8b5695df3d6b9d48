"""VGG: chains of convolutions of 3 x 3 (Simonyan and Zisserman, 2014)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import application, decode_predictions, kernels_file, preprocessing

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def vgg_body(counts):
    """Features by so many convolutions in each of five blocks."""
    def body(x, weights):
        for block, (count, filters) in enumerate(zip(counts, (64, 128, 256, 512, 512)), 1):
            for i in range(1, count + 1):
                x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
            x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
        return x
    return body


def vgg_top(x, classes, activation):
    """Three dense layers."""
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


VGG16 = application("VGG16", "vgg16", vgg_body((2, 2, 3, 3, 3)), kernels_file(
    "vgg16/", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    "Simonyan and Zisserman, 2014", top=vgg_top, pools=(None, None))
preprocess_input = preprocessing("caffe")
