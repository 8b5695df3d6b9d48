"""Layers, as ``keras.layers``."""
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.layers.spec import InputSpec
