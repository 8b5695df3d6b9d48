"""The loss of connectionist temporal classification."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras.losses.base import Loss, LossFunctionWrapper
from fastnn.keras.variables import convert


def ctc(y_true, y_pred):
    """Connectionist temporal classification: ``-log p(y_true | y_pred)`` over all alignments (Graves et al., 2006).

    Parameters
    ----------
    y_true : tensor (batch, longest target)
        Classes; 0 is padding, and the blank class.
    y_pred : tensor (batch, steps, classes)
        Scores before softmax.

    Returns
    -------
    Tensor (batch,)

    Raises
    ------
    ValueError
        Tensors of another rank.

    Examples
    --------
    >>> keras.losses.ctc([[1]], np.zeros((1, 1, 2))).round(decimals=4)
    tensor([0.6931], dtype=torch.float64)
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
    """The loss `ctc`, reduced over the samples: connectionist temporal classification: ``-log p(y_true | y_pred)`` over
    all alignments (Graves et al., 2006).

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Tensors of another rank.

    Examples
    --------
    >>> loss = keras.losses.CTC()
    >>> loss([[1]], np.zeros((1, 1, 2))).round(decimals=4)
    tensor(0.6931)
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return Loss.get_config(self)
