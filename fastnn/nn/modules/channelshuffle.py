"""Channels in another order."""
from fastnn.nn.modules.module import Module
from fastnn.nn.functional import channel_shuffle


class ChannelShuffle(Module):
    """Channels of `groups` groups interleaved: the first channel of each group, then the second of each, ...

    Same as torch.nn.ChannelShuffle (Zhang et al. 2017).

    Parameters
    ----------
    groups : int
        Divides the number of channels.

    Shape
    -----
    Input (N, C, *); output alike.

    Examples
    --------
    >>> nn.ChannelShuffle(2)(fastnn.arange(6).reshape(1, 6, 1, 1)).flatten()
    tensor([0, 3, 1, 4, 2, 5])
    """

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
