"""Where PyTorch has its old name of tensors."""
from fastnn.autograd import Variable

__all__ = ["Variable"]
