"""DistributedDataParallel: each process computes on its part of a batch, all make the same step."""
import contextlib

import numpy as np

from fastnn._tensor import Tensor, from_array, is_grad_enabled
from fastnn.autograd.grad_mode import no_grad
from fastnn.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]

UNFINISHED = (
    "Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that "
    "your module has parameters that were not used in producing loss. You can enable unused parameter detection by "
    "passing the keyword argument `find_unused_parameters=True` to `torch.nn.parallel.DistributedDataParallel`, and by "
    "making sure all `forward` function outputs participate in calculating loss.")


class DistributedDataParallel(Module):
    """A module whose gradients are averaged over the processes of a group, when backward has made the last of them.

    With equal parts of a batch in all processes and losses that are means, the step is that of one process with the
    whole batch. All processes then have the same gradients, bit for bit, and so the same weights.

    Parameters
    ----------
    module : Module
        Parameters and buffers of the group's first process are taken over by all.
    device_ids, output_device
        For GPUs: None.
    broadcast_buffers : bool
        Take over the first process' buffers (running means) before every forward pass of training.
    init_sync : bool
        False: leave parameters and buffers as they are, and unchecked.
    process_group : ProcessGroup, optional
        Default: all processes.
    find_unused_parameters : bool
        Parameters may be without a gradient: which, is read off the graph of what `forward` returns. A gradient that
        some processes lack counts as 0 in them; what none has stays untouched.
    gradient_as_bucket_view : bool
        Gradients are parts of the array that was reduced, which saves a copy.
    static_graph : bool
        Like `find_unused_parameters`.
    dim, bucket_cap_mb, check_reduction, skip_all_reduce_unused_params
        Accepted without effect: there is one reduction a step, over all gradients of a dtype.
    delay_all_reduce_named_params, param_to_hook_all_reduce, mixed_precision, device_mesh
        Raise NotImplementedError.

    Raises
    ------
    ValueError
        No process group, or devices are named.
    RuntimeError
        No parameter wants a gradient; parameters differ between processes; or, in the next forward pass, a parameter
        had no gradient in the last.

    Notes
    -----
    Gradients travel when backward has reached every parameter, not in between: at the sizes that are trained on CPUs
    one message of all of them costs less than several that overlap with computing.

    Examples
    --------
    >>> from fastnn import distributed
    >>> distributed.init_process_group("gloo")  # a world of one, if mpiexec has not started more
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    >>> model(fastnn.ones(3, 2)).shape
    torch.Size([3, 1])
    >>> distributed.destroy_process_group()
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0, broadcast_buffers=True, init_sync=True,
                 process_group=None, bucket_cap_mb=None, find_unused_parameters=False, check_reduction=False,
                 gradient_as_bucket_view=False, static_graph=False, delay_all_reduce_named_params=None,
                 param_to_hook_all_reduce=None, mixed_precision=None, device_mesh=None,
                 skip_all_reduce_unused_params=False):
        from fastnn.distributed import groups
        super().__init__()
        found = groups.resolve(process_group)
        if found is None:
            raise ValueError("DistributedDataParallel: this process is not in the process group")
        for name, value in (("delay_all_reduce_named_params", delay_all_reduce_named_params),
                            ("param_to_hook_all_reduce", param_to_hook_all_reduce),
                            ("mixed_precision", mixed_precision), ("device_mesh", device_mesh)):
            if value is not None:
                raise NotImplementedError(f"DistributedDataParallel: {name} is not implemented")
        if device_ids or output_device is not None:
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with single-device/multiple-"
                f"device GPU modules or CPU modules, but got device_ids {device_ids}, output_device {output_device}, "
                "and module parameters {device(type='cpu')}.")
        ignored = set(getattr(module, "_ddp_params_and_buffers_to_ignore", ()))
        self._parameters_here = [
            (name, p) for name, p in module.named_parameters() if p.requires_grad and name not in ignored]
        if not self._parameters_here:
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameters that "
                               "require a gradient.")
        self.module = module
        self.device_ids, self.output_device, self.dim = None, None, dim
        self.process_group, self.broadcast_buffers = found, broadcast_buffers
        self.find_unused_parameters = find_unused_parameters or static_graph
        self.static_graph, self.gradient_as_bucket_view = static_graph, gradient_as_bucket_view
        self.require_backward_grad_sync = True
        self._waiting = None  # numbers of parameters whose gradients the backward pass has not made yet
        self._expected = frozenset()
        if init_sync:
            self._same_everywhere()
            self._take_over([p for name, p in module.named_parameters() if name not in ignored] + self._buffers_here())
        self._listen()

    def _listen(self):
        for number, (_, parameter) in enumerate(self._parameters_here):
            parameter.register_post_accumulate_grad_hook(lambda p, number=number: self._made(number))

    def _buffers_here(self):
        ignored = set(getattr(self.module, "_ddp_params_and_buffers_to_ignore", ()))
        return [buffer for name, buffer in self.module.named_buffers() if name not in ignored]

    def _same_everywhere(self):
        from fastnn.distributed import all_gather_object
        shapes = [(name, tuple(p.shape), str(p.dtype)) for name, p in self._parameters_here]
        others = [None] * self.process_group.size()
        all_gather_object(others, shapes, self.process_group)
        for rank, theirs in enumerate(others):
            if theirs != others[0]:
                here = next((pair for pair in zip(others[0], theirs) if pair[0] != pair[1]), "their number")
                raise RuntimeError("DistributedDataParallel: parameters of process "
                                   f"{rank} differ from those of process 0: {here}")

    def _take_over(self, tensors):
        """Let tensors be those of the group's first process."""
        from fastnn.distributed import utils
        utils.take_over(tensors, self.process_group, 0)

    def forward(self, *inputs, **kwargs):
        syncs = is_grad_enabled() and self.require_backward_grad_sync
        if syncs and self._waiting and len(self._waiting) < len(self._expected):
            names = [self._parameters_here[number][0] for number in sorted(self._waiting)]
            raise RuntimeError(f"{UNFINISHED}\nParameters which did not receive grad: {', '.join(names)}")
        if self.broadcast_buffers and syncs and self.training:
            self._take_over(self._buffers_here())
        outputs = self.module(*inputs, **kwargs)
        if syncs:
            numbers = set(range(len(self._parameters_here)))
            if self.find_unused_parameters:
                numbers &= self._reached(outputs)
            self._expected, self._waiting = frozenset(numbers), set(numbers)
        elif is_grad_enabled():
            self._waiting = None
        return outputs

    def _reached(self, outputs):
        """Numbers of the parameters that the graph of the outputs ends at."""
        numbers = {id(p): number for number, (_, p) in enumerate(self._parameters_here)}
        found, seen, left = set(), set(), [t.grad_fn for t in _tensors(outputs) if t.grad_fn is not None]
        kept = list(left)  # objects with these ids live
        found.update(numbers[id(t)] for t in _tensors(outputs) if id(t) in numbers)
        while left:
            node = left.pop()
            variable = getattr(node, "variable", None)
            if id(variable) in numbers:
                found.add(numbers[id(variable)])
            for following, _ in node.next_functions:
                if following is not None and id(following) not in seen:
                    seen.add(id(following))
                    kept.append(following)
                    left.append(following)
        return found

    def _made(self, number):
        """A gradient is there; with the last of them all are averaged."""
        if self._waiting is not None:
            self._waiting.discard(number)
            if not self._waiting:
                self._waiting = None
                self._average(self._expected)

    def _average(self, numbers):
        if self.process_group.size() == 1:
            return
        from fastnn.distributed import utils
        parameters = [p for _, p in self._parameters_here]
        for kind in utils.by_dtype(parameters):
            arrays, lacking = [], []
            for parameter in kind:
                grad = parameter.grad
                lacking.append(grad is None)
                arrays.append(np.zeros(tuple(parameter.shape), parameter.detach().numpy().dtype) if grad is None
                              else grad.detach().numpy())
            mine = {id(parameters[number]) for number in numbers}
            used = np.array([id(p) in mine for p in kind], arrays[0].dtype)
            extra = [used] if self.find_unused_parameters else []
            flat = utils.flat([*arrays, *extra], self.process_group.size())
            self.process_group.engine.all_reduce(flat, "AVG")
            total = sum(array.size for array in arrays)
            anywhere = flat[total:total + len(kind)] > 0 if extra else np.ones(len(kind), bool)
            for parameter, part, there, none in zip(kind, utils.parts(flat, kind), anywhere, lacking):
                if not there:
                    continue
                if none or self.gradient_as_bucket_view:
                    parameter.grad = from_array(part)
                else:
                    with no_grad():
                        parameter.grad.copy_(from_array(part))

    @contextlib.contextmanager
    def no_sync(self):
        """What is computed forward within the block leaves its gradients in their processes; the first backward pass of
        what is computed after it averages the sums."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(self, divide_by_initial_world_size=True, enable=True, throw_on_early_termination=False):
        """For processes that have different numbers of batches: not there for more than one process."""
        if enable and self.process_group.size() > 1:
            raise NotImplementedError("DistributedDataParallel.join is not implemented: give all processes as many "
                                      "batches (DistributedSampler does)")
        yield

    def register_comm_hook(self, state, hook):
        """Raise NotImplementedError."""
        raise NotImplementedError("DistributedDataParallel.register_comm_hook is not implemented")

    def __getstate__(self):
        return {key: value for key, value in super().__getstate__().items() if key != "process_group"}

    def __setstate__(self, state):
        """A copy, or what was pickled, trains in the group of all processes."""
        from fastnn.distributed import groups
        super().__setstate__(state)
        self.process_group, self._waiting = groups.resolve(None), None
        self._listen()


def _tensors(value):
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
