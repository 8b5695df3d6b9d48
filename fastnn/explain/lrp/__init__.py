"""Layer-wise relevance propagation: the output's value handed back layer by layer, by a rule for each.

Bach et al. 2015, PLoS ONE 10(7); overview: Montavon et al. 2019.
"""
from fastnn.explain import _inputs as common
from fastnn.explain import _steps, _unrolled
from fastnn.explain._views import model_of
from fastnn.explain.attribution import Attribution
from fastnn.explain.lrp.composites import Composite, EpsilonGammaBox, EpsilonPlusFlat
from fastnn.explain.lrp.rules import AlphaBeta, Epsilon, Flat, Gamma, Rule, WSquare, ZBox, ZPlus, nonzero

__all__ = ["LRP", "AlphaBeta", "Composite", "Epsilon", "EpsilonGammaBox", "EpsilonPlusFlat", "Flat", "Gamma", "Rule",
           "WSquare", "ZBox", "ZPlus"]


class _Inner:
    """An affine step within a recurrent layer or attention, as rules see it."""

    def __init__(self, weight, bias, compute, x):
        self.weight, self.bias, self.with_weights, self.input = weight, bias, compute, x


class _Relevance(_unrolled.Rules):
    """What each step passes on.

    Functions of single numbers hand relevance through as it is; gates, attention's weights and a normalisation's
    divisor count as constants (Arras et al. 2017, arXiv:1706.07206; Ali et al. 2022, arXiv:2202.07304).
    """

    def __init__(self, composite):
        self.composite = composite
        self.first, self.merged, self.joint = None, {}, {}
        self.last_softmax, self._last = None, None

    # -- the run before: the first layer, batch norms directly behind a layer with weights, the softmax at the end --
    def watch(self, step, args, kwargs, output):
        if step.kind in _SOFTMAX:
            self.last_softmax = step.layer, output, output._version
        if step.kind == "affine":
            self.first = step.layer if self.first is None else self.first
            self._last = step, output, output._version
        elif step.kind == "batch_norm" and self._last is not None:
            before, made, version = self._last
            whole = made is _steps.first_tensor(args, kwargs) and made._version == version
            if whole and before.facts["out"] is not None:
                self.merged[id(before.layer)] = step

    def watch_end(self, output):
        """Keep the softmax only if its result is the model's."""
        if self.last_softmax is not None:
            layer, made, version = self.last_softmax
            self.last_softmax = layer if made is output and made._version == version else None

    # -- the run itself --
    def rule(self, step, args, kwargs, output):
        if step.kind in ("recurrent", "attention"):
            return step.facts["unroll"](step, self, args, kwargs, output)
        if step.kind == "product":
            return self.product(*args[0], lambda a, b: a * b) if len(args[0]) == 2 else None
        x = _steps.first_tensor(args, kwargs)
        if step.kind in _SOFTMAX:
            return x if step.layer is self.last_softmax else output.detach()
        if step.kind == "affine":
            return self._affine(step, x, output)
        if step.kind == "batch_norm":
            return x if self.joint.get(id(step.layer)) is x else None  # unless it was put there by a method for layers
        if step.kind == "map":
            return self._through(x, output)
        if step.kind == "layer_norm":
            return _unrolled.layer_norm(step, self, x)
        return None

    def _affine(self, step, x, z):
        norm = self.merged.get(id(step.layer))
        if norm is not None:
            step = _Merged(step, norm)
            z = step.with_weights(x, step.weight, step.bias)
        step.input = x
        rule = self.composite.rule(step, step.layer is self.first)
        y = _steps.same_value(z, rule.way(step, x, z))
        if norm is not None:
            self.joint[id(norm.layer)] = y
        return y

    @staticmethod
    def _through(x, y):
        return _steps.same_value(y, x * (nonzero(y) / nonzero(x)))

    def affine(self, x, weight, bias):
        def compute(values, w, b):
            return _unrolled.Rules.affine(self, values, w, b)
        z = compute(x, weight, bias)
        return _steps.same_value(z, self.composite.dense.way(_Inner(weight, bias, compute, x), x, z))

    def map(self, function, x):
        return self._through(x, function(x))

    def product(self, a, b, function):
        """Half of it to each."""
        return _steps.same_value(function(a, b), (function(a, b.detach()) + function(a.detach(), b)) / 2)

    def gate(self, g, s):
        return g.detach() * s

    def mixture(self, weights, values):
        return weights.detach() @ values


class _Merged:
    """A layer with weights and the batch norm behind it, as one layer: ``(x w + b) scale + shift``."""

    def __init__(self, step, norm):
        self.layer, self.facts = step.layer, step.facts
        scale, self.bias = norm.facts["factor"], norm.facts["offset"]
        shape = [1] * step.weight.ndim
        shape[step.facts["out"]] = -1
        self.weight = step.weight * scale.reshape(shape)
        if step.bias is not None:
            self.bias = step.bias * scale + self.bias
        self._compute, self._biased, self._shift = step.with_weights, step.bias is not None, norm.facts["shift"]

    def with_weights(self, x, weight, bias):
        if self._biased:
            return self._compute(x, weight, bias)
        z = self._compute(x, weight, None)  # a layer without a bias has one now
        return z + bias.reshape(self._shift(z.ndim).shape)


_SOFTMAX = {"softmax", "log_softmax"}
_KINDS = {"affine", "batch_norm", "map", "layer_norm", "product", "recurrent", "attention", *_SOFTMAX}


class LRP(Attribution):
    """Layer-wise relevance propagation.

    The explained output is the relevance of the last layer; each layer hands it on to its inputs by a rule, so that
    its sum stays (but for what a rule leaves to biases and epsilon).

    Bach et al. 2015, "On pixel-wise explanations for non-linear classifier decisions by layer-wise relevance
    propagation", PLoS ONE 10(7).

    Parameters
    ----------
    model : Module or Keras model
        In evaluation mode. A softmax at its end is left out: the numbers before it are explained.
    composite : Composite or Rule, optional
        Rules by layer, or one for all; `Epsilon` with 1e-9 without it. A layer's attribute ``rule`` comes first.

    Notes
    -----
    Affine layers follow the rules. Activations hand relevance through, max pooling gives it to the maximum, mean
    pooling shares it by value. A batch norm that follows a layer with weights directly is merged with it. Gates of
    recurrent layers, attention's weights and the divisor of layer norm count as constants; so
    does any softmax but that at the end.
    Between layers (sums, concatenation, views, products with constants) relevance is shared as values are.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[2.0, -1.0]]))
    >>> LRP(model).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[ 2., -1.]])
    """

    _multiplies = True
    _complete = True

    def __init__(self, model, composite=None):
        super().__init__(model)
        self.model = model_of(model, self._name)
        if composite is None:
            composite = Epsilon(1e-9)
        self.composite = Composite(composite, None) if isinstance(composite, Rule) else composite
        if not isinstance(self.composite, Composite):
            raise TypeError(f"LRP: expected composite to be a Composite or a Rule, got {type(composite).__name__}")

    def attribute(self, inputs, target=None, additional_forward_args=None, return_convergence_delta=False,
                  verbose=False):
        """Relevance of the inputs.

        Parameters
        ----------
        inputs, target, additional_forward_args
            As for `Saliency.attribute`.
        return_convergence_delta : bool
        verbose : bool
            Print each layer's rule.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        Tensor
            (batch,), with `return_convergence_delta`: the relevance's sum less the output.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        arguments = common.as_arguments(additional_forward_args)
        relevance = self._watched(x, arguments)
        rule = relevance.rule
        if verbose:
            def rule(step, *rest):
                if step.kind == "affine":
                    print(f"{type(step.layer).__name__}: {self.composite.rule(step, step.layer is relevance.first)}")
                return relevance.rule(step, *rest)
        with _steps.replaced(self.model, rule, _KINDS):
            found = common.gradients(self.forward_func, x, target, arguments, self._name)
        result = common.as_given([m * nonzero(each) for m, each in zip(found, x)], was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, x, target, additional_forward_args)

    def _watched(self, x, arguments):
        relevance = _Relevance(self.composite)
        with _steps.replaced(self.model, relevance.watch, {"affine", "batch_norm", *_SOFTMAX}):
            relevance.watch_end(common.value(self.forward_func, x, None, arguments, self._name))
        return relevance

    def compute_convergence_delta(self, attributions, output_or_inputs, target=None, additional_forward_args=None):
        """The relevance's sum less the output, (batch,); the second argument is the inputs."""
        attributions, _ = common.as_tuple(attributions, "attributions", self._name)
        x, _ = common.as_tuple(output_or_inputs, "inputs", self._name)
        arguments = common.as_arguments(additional_forward_args)
        relevance = self._watched(x, arguments)
        with _steps.replaced(self.model, relevance.rule, _SOFTMAX):
            output = common.value(self.forward_func, x, target, arguments, self._name)
        return common.row_sums(attributions) - common.row_sums([output.reshape(output.shape[0], -1)])
