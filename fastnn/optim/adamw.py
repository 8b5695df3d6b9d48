"""Where PyTorch has AdamW."""
from fastnn.optim.adam import AdamW

__all__ = ["AdamW"]
