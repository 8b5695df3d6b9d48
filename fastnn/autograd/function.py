"""Operations with a backward of one's own."""
import functools

import numpy as np

from fastnn import _tensor
from fastnn._tensor import Tensor, from_array, record, record_inplace
from fastnn.autograd.grad_mode import no_grad


class Context:
    """What ``forward`` hands to ``backward``; programs may set attributes of their own."""

    def __init__(self):
        self._saved, self._versions, self._constants, self._dirty = (), (), (), ()
        self._materialize, self.needs_input_grad, self._freed = True, (), False

    def save_for_backward(self, *tensors):
        """Keep tensors for backward."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type "
                                f"{type(tensor).__name__}")
        self._saved = tensors
        self._versions = tuple(None if tensor is None else tensor._version for tensor in tensors)

    @property
    def saved_tensors(self):
        """The tensors kept by ``save_for_backward``; RuntimeError if one was changed in place since."""
        for tensor, version in zip(self._saved, self._versions):
            if tensor is not None and tensor._version != version:
                raise RuntimeError(f"one of the variables needed for gradient computation has been modified by an "
                                   f"inplace operation: a saved tensor is at version {tensor._version}; expected "
                                   f"version {version} instead.")
        return self._saved

    saved_variables = saved_tensors

    def mark_non_differentiable(self, *tensors):
        """Outputs that get no gradient."""
        self._constants = tensors

    def mark_dirty(self, *tensors):
        """Inputs that forward changed in place and returns."""
        self._dirty = tensors

    def set_materialize_grads(self, value):
        """Whether gradients of unused outputs are zeros (the default) or None."""
        self._materialize = value


FunctionCtx = Context


def once_differentiable(function):
    """A backward that is not itself recorded."""
    @functools.wraps(function)
    def wrapped(ctx, *args):
        with no_grad():
            return function(ctx, *args)
    return wrapped


def _among(tensor, tensors):
    return any(tensor is each for each in tensors)


class _Call:
    """One application: the gradients of its outputs meet here."""

    def __init__(self, cls, context, args, outputs):
        self.cls, self.context, self.args, self.outputs = cls, context, args, outputs
        self.came = [None] * len(outputs)

    def gradients(self, given):
        """What ``backward`` gives for each argument."""
        name = self.cls.__name__
        if self.context._materialize:
            given = [from_array(np.zeros(tuple(x.shape), x.detach().numpy().dtype))
                     if g is None and isinstance(x, Tensor) else g for g, x in zip(given, self.outputs)]
        results = self.cls.backward(self.context, *given)
        results = results if isinstance(results, tuple) else (results,)
        count = len(self.args)
        if len(results) < count or any(extra is not None for extra in results[count:]):
            raise RuntimeError(f"function {name}Backward returned an incorrect number of gradients (expected {count}, "
                               f"got {len(results)})")
        for i, (g, x) in enumerate(zip(results, self.args)):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"function {name}Backward returned an invalid gradient at index {i}: expected a Tensor "
                                f"or None, got {type(g).__name__}")
            if g is not None and isinstance(x, Tensor) and g.shape != x.shape:
                if x.requires_grad:
                    raise RuntimeError(f"Function {name}Backward returned an invalid gradient at index {i} - got "
                                       f"{list(g.shape)} but expected shape compatible with {list(x.shape)}")
        return results[:count]

    def rule(self, grad):
        """For the tape: of one output."""
        with no_grad():
            results = self.gradients([from_array(grad)])
        return tuple(None if g is None or not self.context.needs_input_grad[i] else g.detach().numpy()
                     for i, g in enumerate(results))

    def rule_of_all(self, grad):
        """For the tape: of the node that all outputs lead to; what arrived there is only a sign that they are done."""
        given, self.came = self.came, [None] * len(self.came)
        with no_grad():
            results = self.gradients([None if g is None else from_array(g) for g in given])
        return tuple(None if g is None or not self.context.needs_input_grad[i] else g.detach().numpy()
                     for i, g in enumerate(results))

    def rule_of_output(self, grad, i):
        self.came[i] = grad
        return np.zeros(())


class Function:
    """Base of operations with a backward of one's own: static methods ``forward(ctx, ...)`` and ``backward(ctx, ...)``.

    Call them through ``apply``. ``forward(...)`` with ``setup_context(ctx, inputs, output)`` is understood too.
    """

    @staticmethod
    def forward(ctx, *args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    def __init__(self, *args, **kwargs):
        raise RuntimeError(f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so "
                           f"you should invoke them on the class itself.")

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "vjp" in vars(cls):  # the other name of backward
            cls.backward = staticmethod(cls.vjp)

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward`` and record ``backward``."""
        context = Context()
        context.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        recording = _tensor.is_grad_enabled() and any(context.needs_input_grad)
        with no_grad():
            if hasattr(cls, "setup_context"):
                out = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, out)
            else:
                out = cls.forward(context, *args, **kwargs)
        if not recording:
            return out
        outputs = out if isinstance(out, tuple) else (out,)
        flow = [isinstance(x, Tensor) and x.is_floating_point() and not _among(x, context._constants) for x in outputs]
        call = _Call(cls, context, args, outputs)
        name = cls.__name__ + "Backward"
        if len(outputs) == 1:
            made = (_output(call, args, name),) if flow[0] else outputs
        else:
            if any(_among(x, outputs) for x in context._dirty):
                raise NotImplementedError(f"{cls.__name__}: mark_dirty with several outputs is not implemented")
            def all_outputs(grad):
                return call.rule_of_all(grad)
            hub = record(np.zeros(()), all_outputs, name, args)
            made = tuple(record(x.detach().numpy(), call.rule_of_output, name, (hub,), (i,)) if flow[i] else x
                         for i, x in enumerate(outputs))
        return made if isinstance(out, tuple) else made[0]


def _output(call, args, name):
    """The only output, in the graph."""
    x = call.outputs[0]

    def rule(grad):
        return call.rule(grad)

    def twice(step, g):
        return tuple(call.gradients([g]))
    rule.twice = twice
    if not _among(x, call.context._dirty):
        return record(x.detach().numpy(), rule, name, args)
    place = next(i for i, a in enumerate(args) if a is x)
    _tensor.writable(x, False)
    others = args[:place] + args[place + 1:]

    def own_first(grad):
        results = call.rule(grad)
        return results[place], *results[:place], *results[place + 1:]
    return record_inplace(x, own_first, name, others)
