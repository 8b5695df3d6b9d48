"""Callbacks, as ``keras.callbacks``: those of the training loop."""
from fastnn.keras import lazy
from fastnn.training.callbacks import (BackupAndRestore, Callback, CallbackList, CSVLogger, EarlyStopping, History,
                                       LambdaCallback, LearningRateScheduler, ModelCheckpoint, ProgbarLogger,
                                       ReduceLROnPlateau, RemoteMonitor, SwapEMAWeights, TensorBoard, TerminateOnNaN)

__all__ = ["BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
           "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor",
           "SwapEMAWeights", "TensorBoard", "TerminateOnNaN"]


def __getattr__(name):
    if name == "OrbaxCheckpoint":
        return lazy.missing("keras.callbacks.OrbaxCheckpoint")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
