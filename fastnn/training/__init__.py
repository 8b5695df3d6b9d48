"""The training loop that the doors share: epochs over batches, callbacks, history and progress.

The loop knows no layers: a step is a function of a batch. `train` goes through epochs, `batches` cuts data into
batches, `callbacks` act in between, `Progbar` shows how far it is; `fit` is all of them for programs with an optimizer.
A loop of one's own shows itself by `progress`; `plot_history` draws what a training left.
`dense` trains stacks of dense layers.
"""
from fastnn.training import callbacks
from fastnn.training.batches import ArrayBatches, IterableBatches
from fastnn.training.callbacks import Callback, CallbackList, History, LambdaCallback
from fastnn.training.curves import plot_history
from fastnn.training.steps import fit, gradient_step
from fastnn.training.loop import run_epoch, train
from fastnn.training.progbar import Progbar, progress
