"""``torch.utils.tensorboard.writer``: the classes that write event files."""
from fastnn.utils.tensorboard import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
