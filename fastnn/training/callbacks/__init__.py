"""What acts between steps and epochs of a training loop."""
from fastnn.training.callbacks.base import Callback, History, LambdaCallback
from fastnn.training.callbacks.callback_list import CallbackList
from fastnn.training.callbacks.checkpoint import BackupAndRestore, ModelCheckpoint
from fastnn.training.callbacks.logging import CSVLogger, ProgbarLogger, RemoteMonitor, TerminateOnNaN
from fastnn.training.callbacks.monitor import (EarlyStopping, LearningRateScheduler, MonitorCallback, ReduceLROnPlateau,
                                               SwapEMAWeights)
from fastnn.training.callbacks.tensorboard import TensorBoard
