"""``torch.utils.tensorboard.summary``: the protocol buffers of summaries, made by tensorboardX."""
from tensorboardX import summary as _summary


def __getattr__(name):
    try:
        return getattr(_summary, name)
    except AttributeError:
        raise AttributeError(f"module 'torch.utils.tensorboard.summary' has no attribute {name!r}") from None
