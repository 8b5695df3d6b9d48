"""Attributions of a neuron within the model instead of its output."""
from fastnn.explain import _inputs as common
from fastnn.explain import _steps
from fastnn.explain._views import Head, Tail, evaluate, layer_values
from fastnn.explain.attribution import Attribution
from fastnn.explain.deeplift import DeepLift
from fastnn.explain.gradients import IntegratedGradients, Saliency, path_integral, quadrature
from fastnn.explain.guided import Deconvolution, GuidedBackprop
from fastnn.explain.noise import GradientShap
from fastnn.explain.perturbation import FeatureAblation


_GLOBAL = (IntegratedGradients, DeepLift, GradientShap, FeatureAblation)  # attributions are multiples of inputs


class NeuronAttribution(Attribution):
    """Base: the method `method` for the function from the inputs to a neuron.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer
        Where the neuron is.
    **options
        Of the method's constructor.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import InputXGradient, NeuronAttribution
    >>> class NeuronInputXGradient(NeuronAttribution):  # input times gradient of a neuron
    ...     method = InputXGradient
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronInputXGradient(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1)
    tensor([[0., 2.]])
    """

    method = None

    def __init__(self, forward_func, layer, **options):
        super().__init__(forward_func)
        if not _steps.is_layer(layer):
            raise TypeError(f"{self._name}: expected a layer of the model, got {type(layer).__name__}")
        self.layer, self._options = layer, options

    @property
    def multiplies_by_inputs(self):
        return type(self).method is not None and self._options.get("multiply_by_inputs", type(self).method in _GLOBAL)

    def attribute(self, inputs, neuron_selector, *args, attribute_to_neuron_input=False, **kwargs):
        """Of the inputs' shapes.

        Parameters
        ----------
        inputs : Tensor or tuple of Tensor
        neuron_selector : int, tuple of int or slice, or callable
            The neuron's indices after the batch, slices for the sum of several neurons; or a function of the layer's
            output that gives one number a row.
        attribute_to_neuron_input : bool
            The neuron is part of what the layer takes.
        *args, **kwargs
            As of the method's ``attribute``, but for `target`.
        """
        head = Head(self.forward_func, self.layer, neuron_selector, attribute_to_neuron_input, self._name)
        names = ("baselines",) if len(args) == 1 else ()
        if len(args) > len(names):
            raise TypeError(f"{self._name}.attribute: give arguments after neuron_selector by name")
        method = self._by(type(self).method(head, **self._options))
        return method.attribute(inputs, **dict(zip(names, args)), **kwargs)


class NeuronGradient(NeuronAttribution):
    """The gradient of a neuron: ``dh / dx``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronGradient
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> found = NeuronGradient(model, model[0]).attribute(fastnn.ones(1, 2), 1)
    >>> fastnn.equal(found[0], model[0].weight[1].detach())
    True
    """

    method = Saliency

    def attribute(self, inputs, neuron_selector, additional_forward_args=None, attribute_to_neuron_input=False):
        """Of the inputs' shapes; arguments as `NeuronAttribution.attribute`."""
        return super().attribute(inputs, neuron_selector, abs=False, additional_forward_args=additional_forward_args,
                                 attribute_to_neuron_input=attribute_to_neuron_input)


class NeuronIntegratedGradients(NeuronAttribution):
    """`IntegratedGradients` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronIntegratedGradients
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronIntegratedGradients(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1).round(decimals=3)
    tensor([[0., 2.]])
    """

    method = IntegratedGradients


class NeuronDeepLift(NeuronAttribution):
    """`DeepLift` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronDeepLift
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronDeepLift(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1, baselines=1.0)
    tensor([[0., 1.]])
    """

    method = DeepLift


class NeuronGradientShap(NeuronAttribution):
    """`GradientShap` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronGradientShap
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronGradientShap(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1, baselines=fastnn.ones(4, 2))
    tensor([[0., 1.]])
    """

    method = GradientShap


class NeuronGuidedBackprop(NeuronAttribution):
    """`GuidedBackprop` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronGuidedBackprop
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronGuidedBackprop(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1)
    tensor([[0., 1.]])
    """

    method = GuidedBackprop


class NeuronDeconvolution(NeuronAttribution):
    """`Deconvolution` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronDeconvolution
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronDeconvolution(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1)
    tensor([[0., 1.]])
    """

    method = Deconvolution


class NeuronFeatureAblation(NeuronAttribution):
    """`FeatureAblation` of a neuron.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronFeatureAblation
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronFeatureAblation(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1)
    tensor([[0., 2.]])
    """

    method = FeatureAblation


class NeuronConductance(NeuronAttribution):
    """How much of the output's difference goes from each input through one neuron.

    ``a_i = (x_i - b_i) * integral_0^1 df/dh dh/dx_i dt`` along the line from the baselines to the inputs.

    Dhamdhere, Sundararajan, Yan 2018, arXiv:1805.12233.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer
    multiply_by_inputs : bool
        False leaves the factor out.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import NeuronConductance
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> NeuronConductance(model, model[0]).attribute(fastnn.tensor([[3.0, 2.0]]), 1, target=1, method="riemann_right")
    tensor([[0.0000, 2.0000]])
    """

    method = IntegratedGradients

    def __init__(self, forward_func, layer, multiply_by_inputs=True):
        super().__init__(forward_func, layer, multiply_by_inputs=multiply_by_inputs)

    def attribute(self, inputs, neuron_selector, baselines=None, target=None, additional_forward_args=None,
                  n_steps=50, method="riemann_trapezoid", internal_batch_size=None, attribute_to_neuron_input=False):
        """Of the inputs' shapes; arguments as `IntegratedGradients.attribute`."""
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        start = tuple(common.full(b, each) for b, each in zip(common.as_baselines(baselines, x, self._name), x))
        arguments = common.as_arguments(additional_forward_args)
        points, weights = quadrature(method, n_steps, self._name)
        head = Head(self.forward_func, self.layer, neuron_selector, attribute_to_neuron_input, self._name)

        def gradient(line, target, arguments):
            values, _ = layer_values(self.forward_func, self.layer, line, arguments, attribute_to_neuron_input,
                                     self._name)
            tail = Tail(self.forward_func, self.layer, len(values), attribute_to_neuron_input)
            slopes = common.gradients(tail, values, target, (*line, *arguments), self._name)
            slope = head.chosen(slopes)

            def passed(*given):
                found, was_tuple = evaluate(self.forward_func, self.layer, given, (), attribute_to_neuron_input,
                                            self._name)
                return (head.chosen(found, was_tuple) * slope).unsqueeze(-1).flatten(1).sum(1)
            return common.gradients(passed, line, None, arguments, self._name)
        means = path_integral(gradient, x, start, target, arguments, points, weights, self._name,
                              internal_batch_size)
        found = [mean * (each - b).detach() if self.multiplies_by_inputs else mean
                 for mean, each, b in zip(means, x, start)]
        return common.as_given(found, was_tuple)
