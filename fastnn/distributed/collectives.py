"""Functions on tensors that all processes of a group call together.

With ``async_op=True`` they return a `Work` that has been done already: a call returns when its result is there.
"""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd.grad_mode import no_grad
from fastnn.distributed import operations
from fastnn.distributed.groups import get_group_rank, resolve
from fastnn.distributed.operations import ReduceOp
from fastnn.utils.futures import Future


class Work:
    """A call that was made with ``async_op=True``."""

    def __init__(self, request=None, result=None):
        self.request, self.values = request, result

    def wait(self, timeout=None):
        """Until it is done; True."""
        if self.request is not None:
            self.request.wait()
            self.request = None
        return True

    def is_completed(self):
        """Whether it is done."""
        return self.request is None or bool(self.request.test()[0])

    def is_success(self):
        """True: one that failed raised."""
        return True

    def result(self):
        """The tensors of the call."""
        return self.values

    def get_future(self):
        """A Future that holds them."""
        future = Future()
        future.set_result(self.values)
        return future


def _array(tensor, name):
    """The numbers of a tensor as a C-contiguous array, its own where it is contiguous."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: Invalid function argument. Expected parameter of type torch.Tensor, got "
                        f"{type(tensor).__name__}")
    return np.ascontiguousarray(tensor.detach().numpy()).reshape(tuple(tensor.shape))


def _set(tensor, array):
    with no_grad():
        tensor.copy_(from_array(np.ascontiguousarray(array)).reshape(tensor.shape))


def _done(async_op, *tensors):
    return Work(result=list(tensors)) if async_op else None


def _root(group, rank, group_rank, name):
    """A root's number in the group; ranks of arguments are those among all processes."""
    if group_rank is not None:
        return group_rank
    if rank is None:
        raise ValueError(f"{name}: expected the rank of a process")
    return get_group_rank(group, rank)


def _list(tensors, count, name):
    tensors = list(tensors) if isinstance(tensors, (list, tuple)) else None
    if tensors is None or len(tensors) != count:
        raise ValueError(f"{name}: expected a list of {count} tensors, one for each process, got "
                         f"{'none' if tensors is None else len(tensors)}")
    return tensors


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op=False):
    """Reduce a tensor over all processes, in place; all have the same bits then.

    Parameters
    ----------
    tensor : Tensor
    op : ReduceOp
    group : ProcessGroup, optional
    async_op : bool
    """
    found = resolve(group)
    if found is None:
        return None
    array = _array(tensor, "all_reduce").copy()
    found.engine.all_reduce(array, operations.check(op, "all_reduce", array.dtype))
    _set(tensor, array)
    return _done(async_op, tensor)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op=False, group_dst=None):
    """Reduce a tensor over all processes into that of process `dst`; others keep theirs."""
    found = resolve(group)
    if found is None:
        return None
    root, array = _root(group, dst, group_dst, "reduce"), _array(tensor, "reduce").copy()
    found.engine.reduce(array, operations.check(op, "reduce", array.dtype), root)
    if found.engine.rank == root:
        _set(tensor, array)
    return _done(async_op, tensor)


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """Set a tensor, in all processes, to that of process `src`."""
    found = resolve(group)
    if found is None:
        return None
    root, array = _root(group, src, group_src, "broadcast"), _array(tensor, "broadcast").copy()
    found.engine.broadcast(array, root)
    if found.engine.rank != root:
        _set(tensor, array)
    return _done(async_op, tensor)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """Set the tensors of a list to those of all processes, in the order of ranks."""
    found = resolve(group)
    if found is None:
        return None
    outs = _list(tensor_list, found.size(), "all_gather")
    for out, array in zip(outs, found.engine.all_gather(_array(tensor, "all_gather"))):
        _set(out, array)
    return _done(async_op, *outs)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """Set a tensor to those of all processes, one behind the other along the first axis, or along a new one."""
    found = resolve(group)
    if found is None:
        return None
    _set(output_tensor, found.engine.all_gather(_array(input_tensor, "all_gather_into_tensor")))
    return _done(async_op, output_tensor)


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """Set the tensors of a list, in process `dst` (default 0), to those of all processes."""
    found = resolve(group)
    if found is None:
        return None
    root = _root(group, 0 if dst is None else dst, group_dst, "gather")
    if found.engine.rank == root:
        outs = _list(gather_list, found.size(), "gather")
    elif gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    arrays = found.engine.gather(_array(tensor, "gather"), root)
    if found.engine.rank == root:
        for out, array in zip(outs, arrays):
            _set(out, array)
    return _done(async_op, tensor)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """Set a tensor to its part of process `src`'s (default 0) list of tensors, which all have its shape and dtype."""
    found = resolve(group)
    if found is None:
        return None
    root, arrays = _root(group, 0 if src is None else src, group_src, "scatter"), None
    like = _array(tensor, "scatter")
    if found.engine.rank == root:
        arrays = [_array(each, "scatter") for each in _list(scatter_list, found.size(), "scatter")]
        if any(each.shape != like.shape or each.dtype != like.dtype for each in arrays):
            raise ValueError("scatter: expected tensors of the shape and dtype of `tensor`")
        arrays = np.stack(arrays)
    elif scatter_list:
        raise ValueError("Argument ``scatter_list`` must NOT be specified on non-source ranks.")
    _set(tensor, found.engine.scatter(arrays, like, root))
    return _done(async_op, tensor)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op=False):
    """Reduce a list of tensors over all processes; each keeps the one of its rank."""
    found = resolve(group)
    if found is None:
        return None
    arrays = np.stack([_array(each, "reduce_scatter") for each in _list(input_list, found.size(), "reduce_scatter")])
    found.engine.all_reduce(arrays, operations.check(op, "reduce_scatter", arrays.dtype))
    _set(output, arrays[found.engine.rank])
    return _done(async_op, output)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op=False):
    """Reduce a tensor over all processes; each keeps its part along the first axis."""
    found = resolve(group)
    if found is None:
        return None
    return reduce_scatter(output, [part.reshape(output.shape) for part in input.chunk(found.size())], op, group,
                          async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op=False):
    """Send the tensors of a list to the processes, one each; receive one from each."""
    found = resolve(group)
    if found is None:
        return None
    arrays = [_array(each, "all_to_all") for each in _list(input_tensor_list, found.size(), "all_to_all")]
    outs = _list(output_tensor_list, found.size(), "all_to_all")
    for out, data in zip(outs, found.engine.all_to_all([array.tobytes() for array in arrays])):
        _set(out, np.frombuffer(bytearray(data), out.detach().numpy().dtype))
    return _done(async_op, *outs)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op=False):
    """Send parts of a tensor along the first axis to the processes; receive parts from them."""
    found = resolve(group)
    if found is None:
        return None
    sent = list(input.split(input_split_sizes or input.shape[0] // found.size()))
    received = list(output.split(output_split_sizes or output.shape[0] // found.size()))
    return all_to_all(received, sent, group, async_op)


def barrier(group=None, async_op=False, device_ids=None):
    """Wait for all processes."""
    found = resolve(group)
    if found is None:
        return None
    found.engine.barrier()
    return _done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks=False):
    """Wait for all processes; without a limit of time."""
    barrier(group)


# ---- from one process to another ----

def isend(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Begin to send a tensor to a process."""
    found = resolve(group)
    if found is None:
        return None
    return Work(found.engine.send_bytes(_array(tensor, "send").tobytes(), _root(group, dst, group_dst, "send"), tag))


def send(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Send a tensor to a process, which calls `recv`."""
    work = isend(tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def recv(tensor, src=None, group=None, tag=0, group_src=None):
    """Set a tensor to what a process sends (any, if `src` is None); returns the sender's rank."""
    found = resolve(group)
    if found is None:
        return -1
    source = None if src is None and group_src is None else _root(group, src, group_src, "recv")
    data, sender = found.engine.receive_bytes(source, tag)
    dtype = _array(tensor, "recv").dtype
    if len(data) != tensor.numel() * dtype.itemsize:
        raise ValueError(f"recv: {len(data)} bytes came, expected {tensor.numel() * dtype.itemsize}")
    _set(tensor, np.frombuffer(bytearray(data), dtype))
    return found.ranks[sender]


class _Receiving(Work):
    def __init__(self, *arguments):
        super().__init__()
        self.arguments = arguments

    def wait(self, timeout=None):
        if self.arguments is not None:
            recv(*self.arguments)
            self.arguments = None
        return True

    def is_completed(self):
        return self.arguments is None


def irecv(tensor, src=None, group=None, tag=0, group_src=None):
    """Receive a tensor when the result's `wait` is called."""
    return None if resolve(group) is None else _Receiving(tensor, src, group, tag, group_src)


class P2POp:
    """One `isend` or `irecv` of `batch_isend_irecv`."""

    def __init__(self, op, tensor, peer=None, group=None, tag=0, group_peer=None):
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                             "``torch.distributed.irecv``.")
        self.op, self.arguments = op, (tensor, peer, group, tag, group_peer)


def batch_isend_irecv(p2p_op_list):
    """Begin several of them."""
    return [each.op(*each.arguments) for each in p2p_op_list]
