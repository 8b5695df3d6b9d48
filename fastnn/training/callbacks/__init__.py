"""What acts between steps and epochs of a training loop."""
from fastnn.training.callbacks.base import Callback, CallbackList, History, LambdaCallback
from fastnn.training.callbacks.logging import ProgbarLogger
