"""Learning rate schedules under the names of torch.optim.lr_scheduler.

A scheduler sets the learning rates of an optimizer's groups when it is made and at each `step`. Its numbers are
PyTorch's bit for bit: most schedules compute a rate from the one before, in PyTorch's order of operations.
"""
from fastnn.optim.lr_scheduler.base import LRScheduler, _LRScheduler
from fastnn.optim.lr_scheduler.composite import ChainedScheduler, SequentialLR
from fastnn.optim.lr_scheduler.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from fastnn.optim.lr_scheduler.decay import (ConstantLR, CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR,
                                             MultiplicativeLR, MultiStepLR, PolynomialLR, StepLR)
from fastnn.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
           "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
           "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR", "_LRScheduler"]
