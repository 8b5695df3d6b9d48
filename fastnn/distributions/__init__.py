"""Probability distributions under the names of torch.distributions; so far `Categorical`."""
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.distribution import Distribution

__all__ = ["Categorical", "Distribution"]
