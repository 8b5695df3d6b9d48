"""User-defined operations with their own backward."""
import functools

import numpy as np

from fastnn import _tape, _tensor
from fastnn._tensor import Tensor, from_array, record, record_inplace
from fastnn.autograd.grad_mode import no_grad
from fastnn.autograd.saved import Held, active


class Context(_tape.Node):
    """What ``forward`` passes to ``backward``, and the ``grad_fn`` of the outputs.

    Programs may set attributes of their own. Same as the ctx of torch.autograd.Function.

    Examples
    --------
    >>> class Double(fastnn.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.factor = 2
    ...         return x * ctx.factor
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * ctx.factor
    >>> y = Double.apply(fastnn.ones(2, requires_grad=True))
    >>> y.grad_fn.factor
    2
    """

    _function = None  # the Function whose backward is the rule
    _to_save = _constants = _dirty = _inputs = _outputs = needs_input_grad = ()
    _materialize = True

    def save_for_backward(self, *tensors):
        """Keep tensors for backward."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type "
                                f"{type(tensor).__name__}")
        self._to_save = tensors

    @property
    def saved_tensors(self):
        """The tensors kept by ``save_for_backward``; RuntimeError if one was changed in place afterwards."""
        found = []
        for tensor, version, slot in _tape.kept(self):
            if isinstance(tensor, Held):
                tensor, version = tensor.tensor(), None
            if version is not None and tensor._version != version:
                raise RuntimeError(f"one of the variables needed for gradient computation has been modified by an "
                                   f"inplace operation: a saved tensor is at version {tensor._version}; expected "
                                   f"version {version} instead.")
            if slot is not None:
                tensor = tensor.detach()
                _tensor.set_output(tensor, self, slot)
            found.append(tensor)
        return tuple(found)

    saved_variables = saved_tensors

    def mark_non_differentiable(self, *tensors):
        """Declare outputs that get no gradient."""
        self._constants = tensors

    def mark_dirty(self, *tensors):
        """Declare inputs that forward changed in place and returns."""
        self._dirty = tensors

    def set_materialize_grads(self, value):
        """Whether gradients of unused outputs are zeros (the default) or None."""
        self._materialize = value

    def _begin(self, args, outputs):
        """Forward is done: into the graph behind the arguments, and note what backward has to give and gets."""
        _tensor.make_node(self, args, len(outputs))
        self._inputs = [(tuple(x.shape), x.dtype) if isinstance(x, Tensor) else None for x in args]
        self._outputs = [(tuple(x.shape), x.detach().numpy().dtype) if isinstance(x, Tensor) else None for x in outputs]

    def _finish(self, made):
        """Keep what was to be saved; an output without its history, which is this node: a cycle otherwise."""
        entries = []
        for tensor in self._to_save:
            slot = next((i for i, x in enumerate(made) if x is tensor and tensor is not None), None)
            version = None if tensor is None else tensor._version
            tensor = tensor if slot is None else tensor.detach()
            entries.append((Held(tensor) if tensor is not None and active() else tensor, version, slot))
        _tape.keep(self, tuple(entries))
        self._to_save = self._constants = self._dirty = ()

    def _gradients(self, given):
        """What ``backward`` gives for each argument, from a tensor or None for each output."""
        name = type(self).__name__
        if self._materialize:
            given = [from_array(np.zeros(*about)) if g is None and about is not None else g
                     for g, about in zip(given, self._outputs)]
        results = self._function.backward(self, *given)
        results = results if isinstance(results, tuple) else (results,)
        count = len(self._inputs)
        if len(results) < count or any(extra is not None for extra in results[count:]):
            raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {count}, "
                               f"got {len(results)})")
        return tuple(self._fit(name, i, g) for i, g in enumerate(results[:count]))

    def _fit(self, name, i, g):
        """A gradient in the shape and dtype of argument number i; None where none is needed."""
        if g is None:
            return None
        if self._inputs[i] is None:
            raise RuntimeError(f"function {name} returned a gradient different than None at position {i + 1}, but the "
                               f"corresponding forward input was not a Variable")
        if not isinstance(g, Tensor):
            raise TypeError(f"function {name} returned an invalid gradient at index {i}: expected a Tensor or None, "
                            f"got {type(g).__name__}")
        if not self.needs_input_grad[i]:
            return None
        shape, dtype = self._inputs[i]
        if tuple(g.shape) != shape:
            own = (1,) * (g.ndim - len(shape)) + shape
            if len(own) != g.ndim or any(n not in (1, m) for n, m in zip(own, g.shape)):
                raise RuntimeError(f"Function {name} returned an invalid gradient at index {i} - got {list(g.shape)} "
                                   f"but expected shape compatible with {list(shape)}")
            g = g.sum_to_size(shape)
        return g if g.dtype is dtype else g.to(dtype)

    def _run_backward(self, arrays):
        """For the backward run."""
        found = self._gradients([None if array is None else from_array(array) for array in arrays])
        return tuple(None if g is None else g.detach().numpy() for g in found)


FunctionCtx = Context


def refuse_later(tensors, inputs, error):
    """The tensors as functions of the inputs that raise `error` when they are differentiated."""
    return tuple(None if x is None else record(x.detach().numpy(), REFUSAL, inputs, (error,)) for x in tensors)


def _refuse(grad, error):
    raise error


REFUSAL = _tape.Op("Error", _refuse, "error", listed=False)


@REFUSAL.second
def refuse_second(step, g):
    raise step.error


def once_differentiable(function):
    """Decorator of a backward that is not recorded itself: differentiating its results raises RuntimeError.

    Same as torch.autograd.function.once_differentiable.

    Parameters
    ----------
    function : callable
        ``backward(ctx, *grad_outputs)``.

    Examples
    --------
    >>> class Square(fastnn.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...
    ...     @staticmethod
    ...     @fastnn.autograd.function.once_differentiable
    ...     def backward(ctx, grad):
    ...         return 2 * ctx.saved_tensors[0] * grad
    >>> x = fastnn.tensor(3.0, requires_grad=True)
    >>> fastnn.autograd.grad(Square.apply(x), x)
    (tensor(6.),)
    """
    @functools.wraps(function)
    def wrapped(ctx, *args):
        with no_grad():
            results = function(ctx, *args)
        inputs = tuple(x for x in args if isinstance(x, Tensor) and x.requires_grad)
        if not (inputs and _tensor.is_grad_enabled()):
            return results
        refused = refuse_later(results if isinstance(results, tuple) else (results,), inputs, RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"))
        return refused if isinstance(results, tuple) else refused[0]
    return wrapped


def _among(tensor, tensors):
    return any(tensor is each for each in tensors)


class Function:
    """Base class of user-defined operations: static methods ``forward(ctx, ...)`` and ``backward(ctx, *grad_outputs)``.

    They are run by ``apply``. ``backward`` returns a gradient, or None, for each argument of ``forward``.
    ``forward(...)`` with ``setup_context(ctx, inputs, output)`` is possible too. Same as torch.autograd.Function.

    Raises
    ------
    RuntimeError
        An object is made, or backward returns another number of gradients than there are arguments.

    Examples
    --------
    >>> class Exp(fastnn.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         y, = ctx.saved_tensors
    ...         return grad * y
    >>> x = fastnn.zeros(2, requires_grad=True)
    >>> Exp.apply(x).sum().backward()
    >>> x.grad
    tensor([1., 1.])
    """

    @staticmethod
    def forward(ctx, *args, **kwargs):
        """The computation; subclasses define it.

        Parameters
        ----------
        ctx : Context
            Keeps what ``backward`` needs.
        *args, **kwargs
            As given to ``apply``.
        """
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """The gradients of the arguments of ``forward``, or None; subclasses define it.

        Parameters
        ----------
        ctx : Context
        *grad_outputs : Tensor
            Gradients of the outputs.
        """
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    def __init__(self, *args, **kwargs):
        raise RuntimeError(f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so "
                           f"you should invoke them on the class itself.")

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        own = {"_function": cls, "__module__": cls.__module__}
        cls._backward_cls = type(cls.__name__ + "Backward", (Context,), own)
        if "vjp" in vars(cls):  # the other name of backward
            cls.backward = staticmethod(cls.vjp)

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward`` and record ``backward``.

        Parameters
        ----------
        *args, **kwargs
            Arguments of ``forward``.

        Examples
        --------
        >>> class Double(fastnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         return grad * 2
        >>> Double.apply(fastnn.ones(2))
        tensor([2., 2.])
        """
        context = cls._backward_cls()
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
        context._begin(args, outputs)
        made = []
        for i, x in enumerate(outputs):
            if isinstance(x, Tensor) and x.is_floating_point() and not _among(x, context._constants):
                x = _output(context, x, i, args, _among(x, made))
            made.append(x)
        context._finish(made)
        return tuple(made) if isinstance(out, tuple) else made[0]


def _output(context, x, i, args, again):
    """Output number i, in the graph."""
    if not _among(x, context._dirty):
        if again or x.requires_grad or _among(x, args):
            x = x.detach()  # the program's tensor keeps its own history
        _tensor.set_output(x, context, i)
        return x
    _tensor.writable(x, False)
    if x._base is None:
        _tensor.adopt_output(x, context, i)
        return x
    if len(context._outputs) > 1:
        raise NotImplementedError(f"{type(context).__name__}: mark_dirty of a view with several outputs is not "
                                  f"implemented")
    place = next(i for i, a in enumerate(args) if a is x)
    op = _tape.Op(type(context).__name__, _own_first, "context place", "a part of another tensor was changed in place",
                  listed=False)
    return record_inplace(x, op, args[:place] + args[place + 1:], (context, place))


def _own_first(grad, context, place):
    results = context._run_backward([grad])
    return results[place], *results[:place], *results[place + 1:]
