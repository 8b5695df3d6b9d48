"""What Keras programs touch of TensorFlow: ``import tensorflow as tf`` gives this under ``python -m fastnn``."""
from fastnn import keras
from fastnn.keras.variables import Variable
from fastnn.tensorflow.gradients import GradientTape, UnconnectedGradients, custom_gradient, stop_gradient

__version__ = "2.20.0"
