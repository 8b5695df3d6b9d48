"""``torch.distributed`` over MPI: data-parallel training of several processes.

``mpiexec -n 4 python -m mpi4py -m fastnn train.py`` runs a program of PyTorch's in four processes; ``pip install
fastnn-cpu[mpi]`` brings mpi4py. Without mpiexec there is one process, and the same program runs in it.
docs/distributed.md has the whole.
"""
from fastnn.distributed.collectives import (
    P2POp, Work, all_gather, all_gather_into_tensor, all_reduce, all_to_all, all_to_all_single, barrier,
    batch_isend_irecv, broadcast, gather, irecv, isend, monitored_barrier, recv, reduce, reduce_scatter,
    reduce_scatter_tensor, scatter, send)
from fastnn.distributed.groups import (
    Backend, DistBackendError, DistError, DistNetworkError, DistStoreError, GroupMember, ProcessGroup,
    QueueEmptyError, _get_default_group, destroy_process_group, get_backend, get_default_backend_for_device,
    get_global_rank, get_group_rank, get_node_local_rank, get_process_group_ranks, get_rank, get_world_size, group,
    init_process_group, is_available, is_gloo_available, is_initialized, is_mpi_available, is_nccl_available,
    is_torchelastic_launched, is_ucc_available, is_xccl_available, new_group)
from fastnn.distributed.objects import (
    all_gather_object, broadcast_object_list, gather_object, recv_object_list, scatter_object_list, send_object_list)
from fastnn.distributed.operations import ReduceOp, reduce_op
from fastnn.distributed.stores import FileStore, HashStore, PrefixStore, Store
from fastnn.distributed.tcp_store import TCPStore

__all__ = ["Backend", "DistBackendError", "DistError", "DistNetworkError", "DistStoreError", "FileStore",
           "GroupMember", "HashStore", "P2POp", "PrefixStore", "ProcessGroup", "QueueEmptyError", "ReduceOp", "Store",
           "TCPStore", "Work", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all",
           "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast", "broadcast_object_list",
           "destroy_process_group", "gather", "gather_object", "get_backend", "get_default_backend_for_device",
           "get_global_rank", "get_group_rank", "get_node_local_rank", "get_process_group_ranks", "get_rank",
           "get_world_size", "group", "init_process_group", "irecv", "is_available", "is_gloo_available",
           "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched", "is_ucc_available",
           "is_xccl_available", "isend", "monitored_barrier", "new_group", "recv", "recv_object_list", "reduce",
           "reduce_op", "reduce_scatter", "reduce_scatter_tensor", "scatter", "scatter_object_list", "send",
           "send_object_list"]
