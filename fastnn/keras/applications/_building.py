"""What the networks share: arguments, images, the classifier on top, files of weights."""
import os
import warnings

from fastnn.keras import activations, config, layers
from fastnn.keras.applications.imagenet_utils import decode_predictions, obtain_input_shape
from fastnn.keras.applications.imagenet_utils import preprocess_input as _preprocess_input
from fastnn.keras.models import Functional
from fastnn.keras.symbolic import get_source_inputs, is_keras_tensor
from fastnn.keras.utils.files import get_file

STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"
__all__ = ["STORE", "application", "batch_norm", "channels", "classifier", "correct_pad", "decode_predictions",
           "divisible", "kernels_file", "network", "preprocessing"]


def axis():
    """Of an image's channels."""
    return 3 if config.image_data_format() == "channels_last" else 1


def channels(x):
    """Of a symbolic image."""
    return x.shape[axis()]


def batch_norm(x, name=None, **options):
    """Batch normalisation of the channels."""
    return layers.BatchNormalization(axis=axis(), name=name, **options)(x)


def divisible(width, divisor=8):
    """Width close to the requested one: a multiple of `divisor`, at least nine tenths of it."""
    found = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return int(found + divisor if found < 0.9 * width else found)


def correct_pad(x, size):
    """Zeros around an image before a window of `size` with stride 2, as TensorFlow pads."""
    rows, columns = x.shape[1:3] if axis() == 3 else x.shape[2:4]
    return tuple((size // 2 - (1 if n is None or rows is None else 1 - n % 2), size // 2) for n in (rows, columns))


def preprocessing(mode):
    """A network's `preprocess_input`; mode None: images stay as they are."""
    def preprocess_input(x, data_format=None):
        """Images of 0 .. 255 as the network takes them; see ``imagenet_utils.preprocess_input``."""
        return x if mode is None else _preprocess_input(x, data_format, mode)
    return preprocess_input


def classifier(x, classes, activation, **options):
    """The mean over the image, and a dense layer."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    dropout = options.pop("dropout", 0)
    if dropout:
        x = layers.Dropout(dropout, name="top_dropout")(x)
    return layers.Dense(classes, activation=activation, name="predictions", **options)(x)


def kernels_file(folder, name, top, no_top):
    """The file of weights of a network whose name and hashes are given, by whether it has a classifier."""
    def find(include_top):
        file = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
        return file, STORE + folder + file, top if include_top else no_top
    return find


def network(body, top, find, *, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, name, size, least=32, pools=("avg_pool", "max_pool"), finish=None):
    """A network.

    Parameters
    ----------
    body : callable
        Features of a symbolic image.
    top : callable
        ``top(features, classes, activation)``
    find : callable
        ``find(include_top)``: (name, origin, hash) of the file with ImageNet's weights.
    size, least : int
        Sides of images: as they are by default, and the least.
    pools : pair of str
        Names of the layers for ``pooling="avg"`` and ``"max"``.
    finish : callable, optional
        What follows instead of the classifier.

    Raises
    ------
    ValueError
        Weights that are neither None, "imagenet" nor a file, or do not fit the other arguments.
    """
    if weights not in ("imagenet", None) and not os.path.exists(weights):
        raise ValueError(f"The `weights` argument should be either `None` (random initialization), 'imagenet' "
                         f"(pre-training on ImageNet), or the path to the weights file to be loaded. Received: "
                         f"weights={weights}")
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(f"If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. Received "
                         f"classes={classes}")
    shape = obtain_input_shape(input_shape, size, least, config.image_data_format(), include_top, weights)
    if is_keras_tensor(input_tensor):
        image = input_tensor
    else:
        image = layers.Input(shape=shape) if input_tensor is None else layers.Input(tensor=input_tensor, shape=shape)
    x = body(image)
    if include_top:
        known = activations.get("softmax"), activations.get(None)
        if weights is not None and activations.get(classifier_activation) not in known:
            raise ValueError(f"Only `None` and `softmax` activations are allowed for the `classifier_activation` "
                             f"argument when using pretrained weights, with `include_top=True`; Received: "
                             f"classifier_activation={classifier_activation}")
        x = top(x, classes, classifier_activation)
    elif pooling == "avg":
        x = layers.GlobalAveragePooling2D(name=pools[0])(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D(name=pools[1])(x)
    if finish is not None and not include_top:
        x = finish(x)
    model = Functional(image if input_tensor is None else get_source_inputs(input_tensor), x, name=name)
    if weights == "imagenet":
        file, origin, file_hash = find(include_top)
        weights = get_file(file, origin, file_hash=file_hash, cache_subdir="models")
    if weights is not None:
        model.load_weights(weights)
    return model


def application(public_name, own_name, body, find, paper, size=224, least=32, top=classifier,
                pools=("avg_pool", "max_pool")):
    """A network's function with the arguments that most have; ``body(image, weights)`` gives the features."""
    def build(include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None, classes=1000,
              classifier_activation="softmax", name=own_name):
        return network(lambda x: body(x, weights), top, find, include_top=include_top, weights=weights,
                       input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
                       classifier_activation=classifier_activation, name=name, size=size, least=least, pools=pools)
    return named(build, public_name, paper, size)


def named(build, public_name, paper, size, more=""):
    """A network's function with its name and its docstring."""
    build.__name__ = build.__qualname__ = public_name
    build.__doc__ = f"""{public_name} ({paper}).

    Parameters
    ----------
    include_top : bool
        Whether to include the classifier.
    weights : {{"imagenet", None}} or path
        Weights of ImageNet, downloaded unless they are in ``~/.keras/models``; random ones; or those of a file.
    input_tensor : KerasTensor, optional
        To use as the image.
    input_shape : tuple, optional
        Of images; {size} x {size} with 3 channels by default.
    pooling : {{None, "avg", "max"}}
        What follows the features without a classifier.
    classes : int
    classifier_activation : str or callable
    name : str{more}

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        Weights that do not exist, or do not fit the other arguments.

    Examples
    --------
    >>> model = keras.applications.{public_name}(weights=None, classes=10)  # doctest: +SKIP
    """
    return build


PREPROCESSING = """
    include_preprocessing : bool
        Whether the network itself scales images of 0 .. 255."""


def nearest(rows, columns, known, advice):
    """The size of images for which there are weights; with a warning if it is another one."""
    if rows == columns and rows in known:
        return rows
    warnings.warn(f"`input_shape` is undefined or non-square, or {advice}. Weights for input shape (224, 224) will be "
                  f"loaded as the default.", stacklevel=3)
    return 224


def sides(input_shape, input_tensor):
    """Rows and columns of images, or None."""
    shape = input_shape if input_shape is not None else input_tensor.shape[1:] if is_keras_tensor(input_tensor) else \
        (None,) * 3
    return tuple(shape[:2] if axis() == 3 else shape[1:3])
