"""torch.nn.utils: helpers around modules."""
from fastnn.nn.utils import rnn

__all__ = ["rnn"]
