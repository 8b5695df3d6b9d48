"""The loss of connectionist temporal classification."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras.losses.base import Loss, LossFunctionWrapper
from fastnn.keras.variables import convert


def ctc(y_true, y_pred):
    """``-log p(y_true | y_pred)`` over all alignments, for each sequence (Graves et al., 2006).

    Parameters
    ----------
    y_true : tensor (batch, longest target)
        Classes; 0 is padding, and the class that stands for none.
    y_pred : tensor (batch, steps, classes)
        Scores, before softmax.

    Raises
    ------
    ValueError
        Tensors of another rank.
    """
    from fastnn.keras.ops.ctc import ctc_loss
    y_true, y_pred = convert(y_true), convert(y_pred)
    if y_true.ndim != 2:
        raise ValueError(f"Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in integer "
                         f"format. Received: y_true.shape={tuple(y_true.shape)}")
    if y_pred.ndim != 3:
        raise ValueError(f"Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, "
                         f"num_classes)`. Received: y_pred.shape={tuple(y_pred.shape)}")
    lengths = from_array(np.full(y_pred.shape[0], y_pred.shape[1]))
    return ctc_loss(y_true, y_pred, (y_true != 0).sum(-1), lengths)


class CTC(LossFunctionWrapper):
    """`ctc` as a loss."""

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return Loss.get_config(self)
