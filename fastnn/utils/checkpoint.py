"""``torch.utils.checkpoint``: activations of a part are computed again in backward instead of being kept."""
import contextlib
import warnings

from fastnn import random
from fastnn._tensor import Tensor, is_grad_enabled
from fastnn.autograd import Function, enable_grad, run, set_grad_enabled
from fastnn.autograd.graph import leaves_of
from fastnn.utils._pytree import tree_flatten, tree_unflatten

__all__ = ["checkpoint", "checkpoint_sequential", "noop_context_fn", "set_checkpoint_debug_enabled",
           "set_checkpoint_early_stop"]


def noop_context_fn():
    """Two contexts without effect, for the forward pass and for the second one.

    Examples
    --------
    >>> len(fastnn.utils.checkpoint.noop_context_fn())
    2
    """
    return contextlib.nullcontext(), contextlib.nullcontext()


def get_device_states(*args):
    """([], []): the states of the generators of devices, of which there are none."""
    return [], []


def set_device_states(devices, states, *, device_type=None):
    """Nothing to do: there are no devices."""


class _Door(Function):
    """The argument itself; gradients do not go through while it is closed."""

    @staticmethod
    def forward(ctx, x, closed):
        ctx.closed = closed
        return x.detach()

    @staticmethod
    def backward(ctx, grad):
        return (None if ctx.closed else grad), None


class _Again(Function):
    """The outputs of a part that ran already; backward runs it once more. `tensors` are all that it depends on."""

    @staticmethod
    def forward(ctx, part, outputs, *tensors):
        ctx.part, ctx.shapes = part, [(tuple(x.shape), x.dtype) for x in outputs]
        ctx.save_for_backward(*tensors)
        return tuple(x.detach() for x in outputs)

    @staticmethod
    def backward(ctx, *grads):
        recorded = is_grad_enabled()
        tensors, closed = ctx.saved_tensors, [True]
        with enable_grad():
            # Arguments apart from their history, which may reach the other tensors too.
            own = list(tensors)
            for i, x in enumerate(tensors[:ctx.part.count]):
                if x.requires_grad:
                    own[i] = _Door.apply(x, closed) if recorded else x.detach().requires_grad_()
            outputs = ctx.part.run(own[:ctx.part.count], True)
            shapes = [(tuple(x.shape), x.dtype) for x in outputs]
            if shapes != ctx.shapes and ctx.part.check:
                raise RuntimeError(f"checkpoint: Recomputed values have different metadata than during the forward "
                                   f"pass: {ctx.shapes} became {shapes}")
            wanted = [x for x in own if x.requires_grad]
            pairs = [(y, g) for y, g in zip(outputs, grads) if y.requires_grad and g is not None]
            found = run.grad([y for y, _ in pairs], wanted, [g for _, g in pairs], retain_graph=True,
                             create_graph=recorded, allow_unused=True)
        closed.clear()
        given = iter(found)
        return None, None, *(next(given) if x.requires_grad else None for x in own)


class _Part:
    """A function with its arguments, tensors among them apart, and the random state that it began with."""

    def __init__(self, function, args, kwargs, contexts, preserve_rng_state, check):
        self.function, self.contexts, self.check = function, contexts, check
        self.leaves, self.spec = tree_flatten((args, kwargs))
        self.indices = [i for i, x in enumerate(self.leaves) if isinstance(x, Tensor)]
        self.tensors = [self.leaves[i] for i in self.indices]
        for i in self.indices:
            self.leaves[i] = None
        self.count = len(self.tensors)
        self.state = random.get_rng_state() if preserve_rng_state else None

    def run(self, tensors, again):
        """The outputs that are tensors."""
        leaves = list(self.leaves)
        for i, x in zip(self.indices, tensors):
            leaves[i] = x
        args, kwargs = tree_unflatten(leaves, self.spec)
        now = random.get_rng_state() if again and self.state is not None else None
        try:
            if now is not None:
                random.set_rng_state(self.state)
            with self.contexts[again]:
                result = self.function(*args, **kwargs)
        finally:
            if now is not None:
                random.set_rng_state(now)
        found, spec = tree_flatten(result)
        if not again:
            self.found, self.result_spec = found, spec
        return [x for x in found if isinstance(x, Tensor)]


def checkpoint(function, *args, use_reentrant=None, context_fn=noop_context_fn, determinism_check="default",
               debug=False, early_stop=True, preserve_rng_state=True, **kwargs):
    """``function(*args, **kwargs)``, whose intermediate results are computed again in backward, not kept.

    Memory of a chain of n parts falls to that of one part and n inputs, for one more forward pass (Chen et al. 2016).
    Same as torch.utils.checkpoint.checkpoint.

    Parameters
    ----------
    function : callable
        Must do the same both times. Parameters that it holds get their gradients too.
    *args
        Its arguments.
    use_reentrant : bool
        To be given. True: there are gradients only if an argument requires one, as in PyTorch; what else
        PyTorch's older variant forbids is allowed.
    context_fn : callable
        Returns two contexts: one for each pass.
    determinism_check : {"default", "none"}
        Whether shapes and dtypes of the second pass are compared with those of the first.
    debug, early_stop : bool
        Accepted, without effect.
    preserve_rng_state : bool
        Whether both passes draw the same random numbers.
    **kwargs
        Its other arguments.

    Raises
    ------
    RuntimeError
        In backward: the second pass has results of other shapes.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> fastnn.utils.checkpoint.checkpoint(lambda x: x.exp().log(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([1., 1.])
    """
    if use_reentrant is None:
        warnings.warn("torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly; "
                      "use_reentrant=False is recommended", UserWarning, stacklevel=2)
        use_reentrant = True
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'] but got {determinism_check}")
    if use_reentrant and (kwargs or context_fn is not noop_context_fn):
        what = "Unexpected keyword arguments: " + ",".join(kwargs) if kwargs else "Passing `context_fn`"
        raise ValueError(f"{what}; it is only supported when use_reentrant=False")
    part = _Part(function, args, kwargs, context_fn(), preserve_rng_state, determinism_check == "default")
    recording = is_grad_enabled()
    if use_reentrant and recording and not any(x.requires_grad for x in part.tensors):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2)
        recording = False
    # Arguments are cut off from their history, so that what the part itself reaches can be told from it.
    own = [x.detach().requires_grad_(x.requires_grad) if recording and x.requires_grad else x for x in part.tensors]
    with set_grad_enabled(recording):
        outputs = part.run(own, False)
    if not any(x.requires_grad for x in outputs):
        return tree_unflatten(part.found, part.result_spec)
    others = leaves_of(outputs, {id(x) for x in own})
    made = iter(_Again.apply(part, outputs, *part.tensors, *others))
    results = []
    for x in part.found:
        if isinstance(x, Tensor):
            y = next(made)
            x = y if x.requires_grad else y.detach()
        results.append(x)
    part.tensors = part.found = None
    return tree_unflatten(results, part.result_spec)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):  # noqa: A002
    """A Sequential, divided into `segments` parts, each of which but the last is a `checkpoint`.

    Same as torch.utils.checkpoint.checkpoint_sequential.

    Parameters
    ----------
    functions : Sequential or list of callable
    segments : int
    input : Tensor
    use_reentrant : bool
    preserve_rng_state : bool
        As in `checkpoint`.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> fastnn.utils.checkpoint.checkpoint_sequential(model, 2, fastnn.ones(1, 2), use_reentrant=False).shape
    torch.Size([1, 1])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(functions) // segments

    def part(start, end):
        def forward(x):
            for function in functions[start:end]:
                x = function(x)
            return x
        return forward
    for i in range(segments - 1):
        input = checkpoint(part(i * size, (i + 1) * size), input, use_reentrant=use_reentrant,  # noqa: A001
                           preserve_rng_state=preserve)
    return part((segments - 1) * size, len(functions))(input)


@contextlib.contextmanager
def _accepted(enabled):
    yield


def set_checkpoint_debug_enabled(enabled):
    """A context without effect.

    Parameters
    ----------
    enabled : bool, optional

    Examples
    --------
    >>> with fastnn.utils.checkpoint.set_checkpoint_debug_enabled(True):
    ...     pass
    """
    return _accepted(enabled)


def set_checkpoint_early_stop(enable):
    """A context without effect: the second pass is always a whole one.

    Parameters
    ----------
    enable : bool

    Examples
    --------
    >>> with fastnn.utils.checkpoint.set_checkpoint_early_stop(False):
    ...     pass
    """
    return _accepted(enable)
