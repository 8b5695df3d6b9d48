"""Operations with a backward of one's own."""
from fastnn import _tensor
from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import no_grad


class Context:
    """What ``forward`` hands to ``backward``."""

    def __init__(self):
        self._saved, self.needs_input_grad, self._no_grad, self._dirty = (), (), (), ()

    def save_for_backward(self, *tensors):
        """Keep tensors for backward."""
        self._saved = tensors

    @property
    def saved_tensors(self):
        """The tensors kept by ``save_for_backward``."""
        return self._saved

    def mark_non_differentiable(self, *tensors):
        """Outputs that get no gradient."""
        self._no_grad = tensors

    def mark_dirty(self, *tensors):
        """Inputs changed in place."""
        self._dirty = tensors

    def set_materialize_grads(self, value):
        """Accepted; gradients are always given as tensors here."""


class Function:
    """Base of operations with a backward of one's own: static methods ``forward(ctx, ...)`` and ``backward(ctx, ...)``.

    Call them through ``apply``. One output is supported; a tuple of several raises NotImplementedError when gradients
    are needed.
    """

    @staticmethod
    def forward(ctx, *args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward`` and record ``backward``."""
        context = Context()
        context.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            if "setup_context" in {name for base in cls.__mro__ for name in vars(base)}:
                out = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, out)
            else:
                out = cls.forward(context, *args, **kwargs)
        if not (_tensor.is_grad_enabled() and any(context.needs_input_grad)):
            return out
        if not isinstance(out, Tensor):
            raise NotImplementedError(f"{cls.__name__}: autograd.Function with several outputs is not implemented")
        if any(out is tensor for tensor in context._no_grad):
            return out

        def rule(grad):
            with no_grad():
                results = cls.backward(context, _tensor.from_array(grad))
            results = results if isinstance(results, tuple) else (results,)
            if len(results) < len(args):
                raise RuntimeError(f"function {cls.__name__}Backward returned an incorrect number of gradients "
                                   f"(expected {len(args)}, got {len(results)})")
            return tuple(None if g is None else g.detach().numpy() for g in results[:len(args)])
        return _tensor.record(out.detach().numpy(), rule, cls.__name__ + "Backward", args)
