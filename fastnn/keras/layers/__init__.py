"""Layers, as ``keras.layers``."""
from fastnn.keras.layers.activations import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fastnn.keras.layers.attention import Attention
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.basic import (ActivityRegularization, Embedding, Identity, Lambda, Masking, Permute,
                                       RepeatVector, Rescaling, Reshape, UnitNormalization, Wrapper)
from fastnn.keras.layers.conv import Conv1D, Conv2D
from fastnn.keras.layers.conv_kinds import (Conv1DTranspose, Conv2DTranspose, DepthwiseConv1D, DepthwiseConv2D,
                                             SeparableConv1D, SeparableConv2D)
from fastnn.keras.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten
from fastnn.keras.layers.einsum import EinsumDense
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.layers.merging import (Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average,
                                         concatenate, dot, maximum, minimum, multiply, subtract)
from fastnn.keras.layers.multihead import AdditiveAttention, GroupQueryAttention, MultiHeadAttention
from fastnn.keras.layers.noise import (AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D)
from fastnn.keras.layers.normalization import (BatchNormalization, GroupNormalization, LayerNormalization,
                                               RMSNormalization, SpectralNormalization)
from fastnn.keras.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from fastnn.keras.layers.recurrent import GRU, LSTM, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from fastnn.keras.layers.rnn import RNN, StackedRNNCells
from fastnn.keras.layers.spatial import (Cropping1D, Cropping2D, GlobalAveragePooling1D, GlobalAveragePooling2D,
                                         GlobalMaxPooling1D, GlobalMaxPooling2D, UpSampling1D, UpSampling2D, ZeroPadding1D,
                                         ZeroPadding2D)
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.wrappers import Bidirectional, TimeDistributed

# Other names of the same.
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
MaxPool1D, MaxPool2D, AvgPool1D, AvgPool2D = MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
