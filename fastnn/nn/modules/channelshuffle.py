"""Channels in another order."""
from fastnn.nn.modules.module import Module
from fastnn.ops.shuffle import channel_shuffle


class ChannelShuffle(Module):
    """First channels of all groups, then second ones, ... (Zhang et al. 2017), for (N, C, ...)."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
