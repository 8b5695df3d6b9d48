"""What Keras programs touch of TensorFlow: ``import tensorflow as tf`` gives this under ``python -m fastnn``."""
from fastnn import keras

__version__ = "2.20.0"
