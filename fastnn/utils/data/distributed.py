"""A sampler for processes that share a data set (``torch.utils.data.distributed``)."""
import math

import numpy as np

from fastnn import random
from fastnn.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler):
    """Each process' part of the indices: every n-th, of an order that all of them draw from one seed.

    Parameters
    ----------
    dataset : sized
    num_replicas : int, optional
        How many processes; default: those of the process group.
    rank : int, optional
        This one's number.
    shuffle : bool
        A new order every epoch; call `set_epoch` before each.
    seed : int
        The same in all processes.
    drop_last : bool
        Leave out the indices at the end that would make parts unequal; else some from the beginning come twice.

    Raises
    ------
    ValueError
        `rank` is not one of 0 ... num_replicas - 1, or neither is given and there is no process group.

    Notes
    -----
    The order is PyTorch's for the same seed.

    Examples
    --------
    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    chunked = True  # the loader takes whole arrays of indices, see `sampler.batches`

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False):
        if num_replicas is None or rank is None:
            from fastnn import distributed
            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.drop_last, self.shuffle, self.seed = 0, drop_last, shuffle, seed
        count = len(dataset)
        if drop_last and count % num_replicas:
            self.num_samples = math.ceil((count - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(count / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def chunks(self):
        """The indices as one array."""
        count = len(self.dataset)
        if self.shuffle:
            order = random.Generator().manual_seed(self.seed + self.epoch).randperm(count)
        else:
            order = np.arange(count)
        if not self.drop_last and count:
            order = np.resize(order, self.total_size)
        order = order[:self.total_size]
        if len(order) != self.total_size:
            raise AssertionError(f"Number of indices ({len(order)}) does not match total_size ({self.total_size})")
        yield order[self.rank::self.num_replicas]

    def __iter__(self):
        for chunk in self.chunks():
            yield from chunk.tolist()

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """Which epoch's order the next iteration has."""
        self.epoch = epoch
