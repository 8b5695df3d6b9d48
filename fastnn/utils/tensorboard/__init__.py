"""``torch.utils.tensorboard``: event files for TensorBoard, written by the library tensorboardX."""
import functools
import importlib.util
import warnings

import numpy as np

from fastnn._tensor import Tensor
from fastnn.dtypes import bfloat16

try:
    import tensorboardX as _writer
except ImportError as error:
    raise ImportError("torch.utils.tensorboard: event files are written by the library tensorboardX, which is not "
                      "installed: pip install tensorboardX", name="tensorboardX") from error

FileWriter, RecordWriter = _writer.FileWriter, _writer.RecordWriter


class SummaryWriter(_writer.SummaryWriter):
    """tensorboardX's writer of event files; graphs of models are left out."""

    def add_scalar(self, tag, scalar_value, *args, **kwargs):
        """Write a number: a Tensor, an array or a number of one element; NotImplementedError for another object."""
        if not isinstance(scalar_value, (Tensor, np.ndarray)) and not np.isscalar(scalar_value):
            raise NotImplementedError(f"Got {type(scalar_value)}, but numpy array or torch tensor are expected.")
        super().add_scalar(tag, scalar_value, *args, **kwargs)

    def add_video(self, *args, **kwargs):
        """Write a video; print which library is needed to encode it where that is not installed, as PyTorch's does."""
        if importlib.util.find_spec("moviepy") is None:
            print("add_video needs package moviepy")
        super().add_video(*args, **kwargs)

    def flush(self):
        """What was added is in the files when this returns, as PyTorch's writer has it; tensorboardX's may wait."""
        for writer in (self.all_writers or {}).values():
            events = getattr(writer, "event_writer", None)
            if events is not None and not events._closed:
                events._worker.stop()  # it writes all that waits
                events._closed = True
                events.reopen()
        super().flush()

    def add_graph(self, *args, **kwargs):
        """Warn: fastnn runs programs as they are and has no graph of a model to write."""
        warnings.warn("SummaryWriter.add_graph: fastnn does not trace models; no graph is written", stacklevel=2)


def _plain(value):
    """With arrays in the place of tensors."""
    if isinstance(value, Tensor):
        value = value.detach()
        return (value.float() if value.dtype is bfloat16 else value).numpy()
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value


def _taking_tensors(method):
    """tensorboardX knows tensors by PyTorch's name alone."""
    @functools.wraps(method)
    def add(self, *args, **kwargs):
        return method(self, *_plain(args), **_plain(kwargs))
    return add


for _name in dir(SummaryWriter):
    if _name.startswith("add_"):
        setattr(SummaryWriter, _name, _taking_tensors(getattr(SummaryWriter, _name)))

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
