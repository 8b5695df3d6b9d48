"""Layers, as ``keras.layers``."""
from fastnn.keras.lazy import lazy as _late_names, missing as _missing
from fastnn.keras.layers import rebinding as _rebinding
from fastnn.keras.layers.activations import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fastnn.keras.layers.attention import Attention
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.basic import (ActivityRegularization, Embedding, Identity, Lambda, Masking, Permute,
                                       RepeatVector, Rescaling, Reshape, ReversibleEmbedding, UnitNormalization,
                                       Wrapper)
from fastnn.keras.layers.conv import Conv1D, Conv2D, Conv3D
from fastnn.keras.layers.conv_kinds import (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, DepthwiseConv1D,
                                             DepthwiseConv2D, SeparableConv1D, SeparableConv2D)
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten
from fastnn.keras.layers.images import CenterCrop, Resizing
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.layers.merging import (Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add,
                                         average, concatenate, dot, maximum, minimum, multiply, subtract)
from fastnn.keras.layers.multihead import AdditiveAttention, GroupQueryAttention, MultiHeadAttention
from fastnn.keras.layers.noise import (AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D,
                                       SpatialDropout3D)
from fastnn.keras.layers.normalization import (BatchNormalization, GroupNormalization, LayerNormalization,
                                               RMSNormalization, SpectralNormalization)
from fastnn.keras.layers.pooling import (AdaptiveAveragePooling1D, AdaptiveAveragePooling2D,
                                         AdaptiveAveragePooling3D, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D,
                                         AdaptiveMaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D,
                                         MaxPooling1D, MaxPooling2D, MaxPooling3D)
from fastnn.keras.layers.recurrent import GRU, LSTM, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from fastnn.keras.layers.rnn import RNN, StackedRNNCells
from fastnn.keras.layers.spatial import (Cropping1D, Cropping2D, Cropping3D, GlobalAveragePooling1D,
                                         GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D,
                                         GlobalMaxPooling2D, GlobalMaxPooling3D, UpSampling1D, UpSampling2D,
                                         UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.wrappers import Bidirectional, TimeDistributed

from fastnn.keras.saving import objects as _objects


def serialize(layer):
    """Record of a layer, as a dict that can be written as JSON.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    dict
        "module", "class_name", "config", "registered_name".

    Examples
    --------
    >>> keras.layers.serialize(keras.layers.Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    return _objects.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """Layer of a record, the inverse of `serialize`.

    Parameters
    ----------
    config : dict or str
        A record, or the name of a class.
    custom_objects : dict, optional
        Name -> class, for classes that are not registered.

    Returns
    -------
    Layer

    Raises
    ------
    TypeError
        The record names no known class.
    ValueError
        The record makes something other than a layer.

    Examples
    --------
    >>> layer = keras.layers.deserialize(keras.layers.serialize(keras.layers.Dense(3)))
    >>> layer.units
    3
    """
    made = _objects.deserialize_keras_object(config, custom_objects)
    if not isinstance(made, Layer):
        raise ValueError(f"`keras.layers.deserialize` was passed a `config` object that is not a `keras.layers.Layer`. "
                         f"Received: {config}")
    return made


# Other names of the same.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
MaxPool1D, MaxPool2D, AvgPool1D, AvgPool2D = MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool3D, AvgPool3D = MaxPooling3D, AveragePooling3D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D

_late, __dir__ = _late_names(__name__, {
    "augmentation": "RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom",
    "colors":
        "AutoContrast ContrastLimitedAdaptiveHistogramEqualization Equalization RandomColorDegeneration "
        "RandomColorJitter RandomGrayscale RandomHue RandomInvert RandomPosterization RandomSaturation RandomSharpness "
        "Solarization",
    "conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "einsum": "EinsumDense",
    "hashing": "HashedCrossing Hashing",
    "lookup": "IntegerLookup StringLookup",
    "mixing":
        "AugMix CutMix MixUp Pipeline RandAugment RandomElasticTransform RandomErasing RandomGaussianBlur "
        "RandomPerspective RandomShear",
    "modules": "TorchModuleWrapper",
    "numerical": "CategoryEncoding Discretization Normalization",
    "spectrograms": "MelSpectrogram STFTSpectrogram",
    "text": "TextVectorization",
})


def __getattr__(name):
    if name in ("FlaxLayer", "JaxLayer", "MaxNumBoundingBoxes", "TFSMLayer"):
        return _missing(f"keras.layers.{name}")
    return _late(name)
