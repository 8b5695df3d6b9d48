"""Many tensors in one message: what lets processes have the same ones."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd.grad_mode import no_grad


def _sync_module_states(module, process_group, broadcast_bucket_size, src, params_and_buffers_to_ignore,
                        broadcast_buffers=True):
    """Let the parameters and buffers of a module be those of process `src`; the sizes of messages are fastnn's own."""
    named = [*module.named_parameters(), *(module.named_buffers() if broadcast_buffers else ())]
    take_over([tensor for name, tensor in named if name not in params_and_buffers_to_ignore], process_group, src)


def take_over(tensors, group, src):
    """Let tensors be those of a group's process `src`: one message for each dtype."""
    if group.size() == 1:
        return
    for kind in by_dtype(tensors):
        together = flat([tensor.detach().numpy() for tensor in kind])
        group.engine.broadcast(together, src)
        with no_grad():
            for tensor, part in zip(kind, parts(together, kind)):
                tensor.copy_(from_array(part))


def by_dtype(tensors):
    """Lists of tensors of one dtype each."""
    kinds = {}
    for tensor in tensors:
        kinds.setdefault(tensor.dtype, []).append(tensor)
    return kinds.values()


def flat(arrays, multiple=1):
    """All numbers of arrays in one, filled up to a multiple of a length."""
    count = sum(array.size for array in arrays)
    made = np.zeros(-(-count // multiple) * multiple, arrays[0].dtype)
    place = 0
    for array in arrays:
        made[place:place + array.size].reshape(array.shape)[...] = array
        place += array.size
    return made


def parts(together, tensors):
    """Views of what `flat` put together."""
    place = 0
    for tensor in tensors:
        yield together[place:place + tensor.numel()].reshape(tuple(tensor.shape))
        place += tensor.numel()
