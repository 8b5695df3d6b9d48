"""Data sets, samplers and the loader, under the names of torch.utils.data.

Iteration orders are PyTorch's for the same seeds. A data set that can return a whole batch at once has a method
``__getbatch__(indices)``, fastnn's extension: `indices` is an int64 array, or a slice for consecutive rows; it returns
what the default collation would make of those items, or None to be asked item by item. `DataLoader` uses it when the
collation is the default one.
"""
from fastnn.utils.data.collate import default_collate, default_convert
from fastnn.utils.data.dataloader import DataLoader, get_worker_info
from fastnn.utils.data.dataset import (
    ChainDataset, ConcatDataset, Dataset, IterableDataset, StackDataset, Subset, TensorDataset, random_split)
from fastnn.utils.data.distributed import DistributedSampler
from fastnn.utils.data.sampler import (
    BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)

__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
           "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
           "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "default_convert",
           "get_worker_info", "random_split"]
