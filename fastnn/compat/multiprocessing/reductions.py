"""How tensors travel between processes: their memory becomes shared, and its handle goes with the message."""
import os
import weakref
from multiprocessing import context, reduction

from fastnn._tensor import Tensor, from_array
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.ops import sharing
from fastnn.ops._memory import Memory


def rebuild_tensor(handle, size, place, kind, requires_grad):
    """The tensor that `reduce_tensor` sent."""
    memory = Memory.of(handle.detach(), size)
    made = from_array(sharing.array_at(memory, *place))
    if kind is Tensor:
        return made.requires_grad_() if requires_grad else made
    return kind(made, requires_grad) if kind is Parameter else kind(made)


def _own(handle):
    """A handle that a process which is being started does not get already, for another tensor on the same memory."""
    starting = context.get_spawning_popen()
    if handle in getattr(starting, "_fds", ()):
        handle = os.dup(handle)
        weakref.finalize(starting, os.close, handle)
    return handle


def reduce_tensor(tensor):
    """What a tensor is pickled as between processes.

    Raises
    ------
    RuntimeError
        It is a result of recorded operations: the graph does not cross the border of processes.
    """
    if tensor.grad_fn is not None:
        raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does "
                           "not support crossing process boundaries.  If you just want to transfer the data, call "
                           "detach() on the tensor before serializing (e.g., putting it on the queue).")
    if tensor.numel() == 0:
        return tensor.__reduce_ex__(2)
    array = tensor.detach().numpy()
    memory = sharing.memory_of(array)
    if memory is None:
        if array.base is None:  # later changes are seen there too, as in PyTorch
            array = tensor.share_memory_().detach().numpy()
        else:
            array = from_array(array).detach().clone().share_memory_().numpy()
        memory = sharing.memory_of(array)
    return rebuild_tensor, (reduction.DupFd(_own(memory.handle)), len(memory), sharing.place_of(array, memory),
                            type(tensor), tensor.requires_grad)


def init_reductions():
    """Let Python's queues, pipes, pools and new processes carry tensors that way, from now on."""
    for kind in (Tensor, Parameter, Buffer):
        reduction.ForkingPickler.register(kind, reduce_tensor)
