"""MobileNet: depthwise and pointwise convolutions (Howard et al., 2017)."""
from fastnn.keras import layers
from fastnn.keras.applications._building import (STORE, batch_norm, decode_predictions, nearest, network,
                                                 preprocessing, sides)

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

_SIZES = 128, 160, 192, 224
_ALPHAS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def _normed(x, name):
    return layers.ReLU(6.0, name=f"{name}_relu")(batch_norm(x, f"{name}_bn"))


def MobileNet(input_shape=None, alpha=1.0, depth_multiplier=1, dropout=1e-3, include_top=True, weights="imagenet",
              input_tensor=None, pooling=None, classes=1000, classifier_activation="softmax", name=None):
    """MobileNet (Howard et al., 2017).

    Parameters
    ----------
    alpha : float
        Factor of all widths.
    depth_multiplier : int
        Depthwise kernels for each channel.
    dropout : float
        Before the classifier.
    input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name
        As in `ResNet50`.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        ImageNet's weights, which do not exist for this `alpha` or `depth_multiplier`.

    Examples
    --------
    >>> model = keras.applications.MobileNet(weights=None, include_top=False, pooling="avg", input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 1024)
    """
    rows, columns = sides(input_shape, None)
    size = rows if rows == columns and rows in _SIZES else 224
    label = rows if rows or not include_top else 224
    if weights == "imagenet":
        if depth_multiplier != 1:
            raise ValueError(f"If imagenet weights are being loaded, depth multiplier must be 1. Received "
                             f"depth_multiplier={depth_multiplier}")
        if alpha not in _ALPHAS:
            raise ValueError(f"If imagenet weights are being loaded, alpha can be one of `0.25`, `0.50`, `0.75` or "
                             f"`1.0` only. Received alpha={alpha}")
        label = size if include_top else nearest(rows, columns, _SIZES, f"`rows` is not in {list(_SIZES)}")

    def body(x):
        x = layers.Conv2D(int(32 * alpha), 3, padding="same", use_bias=False, strides=2, name="conv1")(x)
        x = _normed(x, "conv1")
        for i, filters in enumerate((64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024), 1):
            stride = 2 if i in (2, 4, 6, 12) else 1
            if stride == 2:
                x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
            x = layers.DepthwiseConv2D(3, padding="valid" if stride == 2 else "same", strides=stride, use_bias=False,
                                       depth_multiplier=depth_multiplier, name=f"conv_dw_{i}")(x)
            x = _normed(x, f"conv_dw_{i}")
            x = layers.Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(x)
            x = _normed(x, f"conv_pw_{i}")
        return x

    def top(x, classes, activation):
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        return layers.Activation(activation, name="predictions")(x)

    def find(include_top):
        file = f"mobilenet_{_ALPHAS[alpha]}_{label}_tf{'' if include_top else '_no_top'}.h5"
        return file, f"{STORE}mobilenet/{file}", None
    return network(body, top, find, include_top=include_top, weights=weights, input_tensor=input_tensor,
                   input_shape=input_shape, pooling=pooling, classes=classes,
                   classifier_activation=classifier_activation, name=name or f"mobilenet_{alpha:0.2f}_{label}",
                   size=size, pools=(None, None))


preprocess_input = preprocessing("tf")
