"""``torch.utils.tensorboard``: event files for TensorBoard, written by the library tensorboardX."""
try:
    import tensorboardX as _writer
except ImportError as error:
    raise ImportError("torch.utils.tensorboard: event files are written by the library tensorboardX, which is not "
                      "installed: pip install tensorboardX", name="tensorboardX") from error

SummaryWriter, FileWriter, RecordWriter = _writer.SummaryWriter, _writer.FileWriter, _writer.RecordWriter
__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
