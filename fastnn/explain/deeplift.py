"""DeepLIFT: differences from a reference, shared out step by step."""
import fastnn
from fastnn.errors import check_number
from fastnn.explain import _inputs as common
from fastnn.explain import _steps, _unrolled
from fastnn.explain._views import model_of
from fastnn.explain.attribution import Attribution


class _Differences(_unrolled.Rules):
    """The rescale rule: the first run of the model keeps what each step takes and gives, the second compares.

    A step's slope is the slope of the secant between reference and input; a product's is that of its mean.
    """

    def __init__(self, eps):
        self.eps, self.kept, self.at = eps, [], None

    def begin(self):
        """What was kept is the reference from now on."""
        self.at = 0

    def _reference(self, *values):
        """The reference's values for these; None while they are kept."""
        if self.at is None:
            self.kept.append(tuple(value.detach().clone() for value in values))  # the model may write to them
            return None
        found = self.kept[self.at] if self.at < len(self.kept) else ()
        self.at += 1
        if [tuple(x.shape) for x in found] != [tuple(x.shape) for x in values]:
            raise RuntimeError("DeepLift: the model takes other steps for the inputs than for the baselines")
        return found

    def secant(self, x, x0, y, y0):
        """A function of x with the value of `y` and the secant's slope; the tangent's where the ends meet."""
        dx = (x - x0).detach()
        tiny = dx.abs() < self.eps
        slope = (y - y0).detach() / dx.masked_fill(tiny, 1)
        return _steps.same_value(y, fastnn.where(tiny, y, x * slope))

    def map(self, function, x):
        y = function(x)
        reference = self._reference(x, y)
        return y if reference is None else self.secant(x, reference[0], y, reference[1])

    def product(self, a, b, function):
        y = function(a, b)
        reference = self._reference(a, b)
        if reference is None:
            return y
        a0, b0 = reference
        return _steps.same_value(y, function(a, (b.detach() + b0) / 2) + function((a.detach() + a0) / 2, b))

    def softmax(self, x, dim):
        return self._exponentials(x, dim, False)

    def _exponentials(self, x, dim, logarithm):
        """Softmax as exp(x - log(sum(exp(x)))), each function by its secant."""
        reference = self._reference(x)
        if reference is None:
            return x.log_softmax(dim) if logarithm else x.softmax(dim)
        x0 = reference[0]
        top = fastnn.maximum(x.detach().amax(dim, keepdim=True), x0.amax(dim, keepdim=True))
        least = fastnn.finfo(x.dtype).tiny
        e, e0 = (x - top).exp(), (x0 - top).exp()
        e = self.secant(x, x0, e, e0)
        s, s0 = e.sum(dim, keepdim=True).clamp(min=least), e0.sum(dim, keepdim=True).clamp(min=least)
        u = x - top - self.secant(s, s0, s.log(), s0.log())
        u0 = x0 - top - s0.log()
        return u if logarithm else self.secant(u, u0, u.exp(), u0.exp())

    def max_pool(self, x, function):
        """Each maximum's difference goes to where it and the reference's maximum were."""
        y = function(x)
        reference = self._reference(x, y)
        if reference is None:
            return y
        x0, y0 = reference
        dx = (x - x0).detach()
        tiny = dx.abs() < self.eps
        share = (x - x.detach()) * (1 / dx.masked_fill(tiny, 1)).masked_fill(tiny, 0)
        larger = fastnn.maximum(y.detach(), y0)
        return _steps.same_value(y, function(x.detach() + share) * (larger - y0)
                                 + function(x0 + share) * (y.detach() - larger))

    def rule(self, step, args, kwargs, output):
        if step.kind in ("recurrent", "attention"):
            return step.facts["unroll"](step, self, args, kwargs, output)
        if step.kind == "product":
            return self.product(*args[0], lambda a, b: a * b) if len(args[0]) == 2 else None
        x = _steps.first_tensor(args, kwargs)
        if step.kind == "map":
            return self.map(step.function, x)
        if step.kind in ("softmax", "log_softmax"):
            return self._exponentials(x, step.facts["dim"](x.ndim), step.kind == "log_softmax")
        if step.kind == "max_pool":
            return self.max_pool(x, step.function)
        return _unrolled.layer_norm(step, self, x)


_KINDS = {"map", "softmax", "log_softmax", "max_pool", "layer_norm", "product", "recurrent", "attention"}


class DeepLift(Attribution):
    """Differences from a baseline, shared out step by step with the slopes of secants (the rescale rule).

    ``a = m (x - b)``, where the multipliers ``m`` are gradients in which each function of single numbers has the slope
    ``(f(x) - f(b)) / (x - b)``; then ``sum_i a_i = f(x) - f(b)``.

    Shrikumar, Greenside, Kundaje 2017, "Learning important features through propagating activation differences",
    arXiv:1704.02685; products and maxima as Lundberg, Lee 2017, arXiv:1705.07874.

    Parameters
    ----------
    model : Module or Keras model
    multiply_by_inputs : bool
        False gives the multipliers.
    eps : float
        Ends nearer than this have the tangent's slope.

    Notes
    -----
    The sum is exact through dense and convolutional layers, activations, softmax, pooling, normalisation,
    recurrent layers and multi-head attention, which are written out in small steps for it. (Captum's values differ
    there: it shares out max pooling and softmax otherwise, and takes the gradient of the last three.)
    Functions that the model's `forward` calls by itself keep their gradient; `return_convergence_delta` shows what is
    lost. Products with a gate go by the mean, ``d(gs) = mean(s) dg + mean(g) ds``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import DeepLift
    >>> DeepLift(nn.Sequential(nn.ReLU(), nn.Flatten())).attribute(fastnn.tensor([[3.0]]), baselines=-1.0)
    tensor([[3.]])
    """

    _complete = True

    def __init__(self, model, multiply_by_inputs=True, eps=1e-10):
        super().__init__(model)
        check_number(eps, "eps", self._name)
        self.model, self._multiplies, self.eps = model_of(model, self._name), multiply_by_inputs, eps

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None,
                  return_convergence_delta=False, custom_attribution_func=None):
        """Shares of the difference from the baselines.

        Parameters
        ----------
        inputs, baselines, target, additional_forward_args
            As for `IntegratedGradients.attribute`.
        return_convergence_delta : bool
        custom_attribution_func : callable, optional
            Gets the tuples of multipliers, inputs and baselines, or as many of them as it takes, and gives the
            attributions.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        Tensor
            (batch,), with `return_convergence_delta`: how far the sum is off.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        start = tuple(common.full(b, each) for b, each in zip(common.as_baselines(baselines, x, self._name), x))
        found = self._shares(x, start, target, common.as_arguments(additional_forward_args), custom_attribution_func)
        result = common.as_given(found, was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, start, x, target, additional_forward_args)

    def _shares(self, x, start, target, arguments, custom):
        differences = _Differences(self.eps)
        with _steps.replaced(self.model, differences.rule, _KINDS):
            common.value(self.forward_func, start, target, arguments, self._name)
            differences.begin()
            slopes = common.gradients(self.forward_func, x, target, arguments, self._name)
        if custom is not None:
            count = custom.__code__.co_argcount if hasattr(custom, "__code__") else 3
            found, _ = common.as_tuple(custom(*(slopes, x, start)[:count]), "custom_attribution_func's result",
                                       self._name)
            if len(found) != len(x):
                raise ValueError(f"{self._name}: expected custom_attribution_func to give {len(x)} tensors, got "
                                 f"{len(found)}")
            return found
        return [slope * (each - b).detach() if self._multiplies else slope
                for slope, each, b in zip(slopes, x, start)]


class DeepLiftShap(DeepLift):
    """The mean of `DeepLift` over several baselines: an estimate of Shapley values.

    ``a = mean_b DeepLift(x, b)``, over all rows b of the baselines, and ``sum_i a_i = f(x) - mean_b f(b)``.

    Lundberg, Lee 2017, "A unified approach to interpreting model predictions", arXiv:1705.07874.

    Parameters
    ----------
    model : Module or Keras model
    multiply_by_inputs : bool
        False gives the mean multipliers.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import DeepLiftShap
    >>> DeepLiftShap(nn.ReLU()).attribute(fastnn.tensor([[3.0]]), baselines=fastnn.tensor([[0.0], [1.0]]))
    tensor([[2.5000]])
    """

    def __init__(self, model, multiply_by_inputs=True):
        super().__init__(model, multiply_by_inputs)

    def attribute(self, inputs, baselines, target=None, additional_forward_args=None, return_convergence_delta=False,
                  custom_attribution_func=None):
        """As `DeepLift.attribute`; `baselines` has any number of rows, or is a function of the inputs that gives them.

        With `return_convergence_delta` the second value has (batch * baselines,) entries, a row's ones together.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        baselines = baselines(*common.taken(baselines, x)) if callable(baselines) else baselines
        start = common.as_baselines(baselines, x, self._name, distribution=True)
        rows, count = x[0].shape[0], start[0].shape[0]
        if any(b.shape[0] != count for b in start):
            raise ValueError(f"{self._name}: expected baselines with the same number of rows for all inputs")
        arguments = tuple(common.repeat_rows(each, count, rows)
                          for each in common.as_arguments(additional_forward_args))
        target = common.repeat_target(target, count, rows, self._name)
        x = tuple(common.repeat_rows(each, count) for each in x)
        start = tuple(common.tile(b, rows) for b in start)
        found = self._shares(x, start, target, arguments, custom_attribution_func)
        result = common.as_given([each.unflatten(0, (rows, count)).mean(1) for each in found], was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(tuple(found), start, x, target, arguments)
