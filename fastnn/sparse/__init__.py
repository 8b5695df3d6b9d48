"""Sparse tensors as far as graph networks need them, and what ``torch.sparse`` has.

A sparse tensor (`fastnn.sparse.tensor`) is a pattern and values. Loaded when the first one is made.
"""
from fastnn.sparse.creation import (sparse_bsc_tensor, sparse_bsr_tensor, sparse_compressed_tensor, sparse_coo_tensor,
                                    sparse_csc_tensor, sparse_csr_tensor)
from fastnn.sparse.functions import *  # noqa: F403
from fastnn.sparse.tensor import SparseTensor
