"""Layers, as ``keras.layers``."""
from fastnn.keras.layers.attention import Attention
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import Conv1D, Conv2D
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from fastnn.keras.layers.recurrent import GRU, LSTM, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from fastnn.keras.layers.rnn import RNN, StackedRNNCells
from fastnn.keras.layers.spec import InputSpec

Convolution1D, Convolution2D = Conv1D, Conv2D
MaxPool1D, MaxPool2D, AvgPool1D, AvgPool2D = MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D
