"""Attributions to what a layer gives or takes, instead of to the inputs."""
import fastnn
from fastnn import nn
from fastnn.explain import _inputs as common
from fastnn.explain import _steps
from fastnn.explain._views import Tail, layer_values
from fastnn.explain.attribution import Attribution
from fastnn.explain.deeplift import DeepLift
from fastnn.explain.gradients import IntegratedGradients, path_integral, quadrature
from fastnn.explain.lrp import LRP
from fastnn.explain.noise import NoiseTunnel
from fastnn.explain.perturbation import FeatureAblation


class LayerAttribution(Attribution):
    """Base of the methods that attribute to a layer.

    Parameters
    ----------
    forward_func : callable
        A model, or a function that calls one.
    layer : Module or Keras layer
        Runs once in a call of the model.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerAttribution
    >>> LayerAttribution.interpolate(fastnn.tensor([[[1.0, 2.0]]]), 4)
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(self, forward_func, layer):
        super().__init__(forward_func)
        if not _steps.is_layer(layer):
            raise TypeError(f"{self._name}: expected a layer of the model, got {type(layer).__name__}")
        self.layer = layer

    def _values(self, x, arguments, attribute_to_layer_input, layer=None):
        layer = self.layer if layer is None else layer
        return layer_values(self.forward_func, layer, x, arguments, attribute_to_layer_input, self._name)

    def _on_tail(self, make, inputs, additional, attribute_to_layer_input, given=None, layer=None, **kwargs):
        """A method for inputs, applied to the model from the layer on; `given` are arguments that are layer values."""
        layer = self.layer if layer is None else layer
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        arguments = common.as_arguments(additional)
        values, was_tuple = self._values(x, arguments, attribute_to_layer_input, layer)
        tail = Tail(self.forward_func, layer, len(values), attribute_to_layer_input)
        if given is not None:
            kwargs["baselines"] = self._values(given, arguments, attribute_to_layer_input)[0]
        found = self._by(make(tail)).attribute(values, additional_forward_args=(*x, *arguments), **kwargs)
        if kwargs.get("return_convergence_delta"):
            return common.as_given(found[0], was_tuple), found[1]
        return common.as_given(found, was_tuple)

    def _starts(self, baselines, inputs):
        """Baselines of the inputs, as many rows as these."""
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        return tuple(common.full(b, each) for b, each in zip(common.as_baselines(baselines, x, self._name), x))

    @staticmethod
    def interpolate(layer_attribution, interpolate_dims, interpolate_mode="nearest"):
        """A layer's attributions (batch, channels, ...) at another size, as ``nn.functional.interpolate`` does it.

        Parameters
        ----------
        layer_attribution : Tensor
        interpolate_dims : int or tuple
            The sizes after the channels.
        interpolate_mode : str
        """
        return nn.functional.interpolate(layer_attribution, interpolate_dims, mode=interpolate_mode)


class LayerActivation(LayerAttribution):
    """What a layer gives for the inputs.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer, or list of them

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerActivation
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerActivation(model, model[0]).attribute(fastnn.tensor([[1.0, -1.0]]))
    tensor([[1., 0.]])
    """

    def __init__(self, forward_func, layer):
        self.layers = list(layer) if isinstance(layer, (list, tuple)) else None
        for each in [layer] if self.layers is None else self.layers:
            super().__init__(forward_func, each)

    def attribute(self, inputs, additional_forward_args=None, attribute_to_layer_input=False):
        """The layer's output, or with `attribute_to_layer_input` its input; a list for a list of layers.

        Of the shape that the layer gives, a tuple if it gives one.
        """
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        found = [common.as_given(*layer_values(self.forward_func, layer, x, common.as_arguments(
            additional_forward_args), attribute_to_layer_input, self._name))
            for layer in ([self.layer] if self.layers is None else self.layers)]
        return found[0] if self.layers is None else found


class LayerGradientXActivation(LayerAttribution):
    """A layer's values times the output's gradient with respect to them.

    ``a = h * df / dh``

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer
    multiply_by_inputs : bool
        False gives the gradient alone.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerGradientXActivation
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerGradientXActivation(model, model[0]).attribute(fastnn.tensor([[3.0]]))
    tensor([[3.]])
    """

    def __init__(self, forward_func, layer, multiply_by_inputs=True):
        super().__init__(forward_func, layer)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, target=None, additional_forward_args=None, attribute_to_layer_input=False):
        """Of the layer's shape; arguments as `Saliency.attribute`."""
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        arguments = common.as_arguments(additional_forward_args)
        values, was_tuple = self._values(x, arguments, attribute_to_layer_input)
        tail = Tail(self.forward_func, self.layer, len(values), attribute_to_layer_input)
        found = common.gradients(tail, values, target, (*x, *arguments), self._name)
        return common.as_given([h * g if self._multiplies else g for h, g in zip(values, found)], was_tuple)


class LayerIntegratedGradients(LayerAttribution):
    """Integrated gradients from the layer's values for the baselines to those for the inputs; embeddings are such a
    layer where inputs are words.

    ``a = (h - h0) * integral_0^1 df(h0 + t (h - h0)) / dh dt``; Sundararajan et al. 2017, arXiv:1703.01365.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer
    multiply_by_inputs : bool

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerIntegratedGradients
    >>> model = nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.Linear(6, 2))
    >>> LayerIntegratedGradients(model, model[0]).attribute(fastnn.tensor([[4, 7]]), target=1).shape
    torch.Size([1, 2, 3])
    """

    _complete = True

    def __init__(self, forward_func, layer, multiply_by_inputs=True):
        super().__init__(forward_func, layer)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, n_steps=50,
                  method="gausslegendre", internal_batch_size=None, return_convergence_delta=False,
                  attribute_to_layer_input=False):
        """Of the layer's shape; arguments as `IntegratedGradients.attribute`, baselines of the inputs."""
        return self._on_tail(lambda tail: IntegratedGradients(tail, self._multiplies), inputs, additional_forward_args,
                             attribute_to_layer_input, self._starts(baselines, inputs), target=target, n_steps=n_steps,
                             method=method, internal_batch_size=internal_batch_size,
                             return_convergence_delta=return_convergence_delta)


class LayerDeepLift(LayerAttribution):
    """DeepLIFT from a layer on: shares of the difference that the layer's values make.

    Shrikumar et al. 2017, arXiv:1704.02685; see `DeepLift`.

    Parameters
    ----------
    model : Module or Keras model
    layer : Module or Keras layer
    multiply_by_inputs : bool
        False leaves the factor out.
    eps : float
        As of `DeepLift`.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerDeepLift
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerDeepLift(model, model[0]).attribute(fastnn.tensor([[3.0]]), baselines=1.0)
    tensor([[2.]])
    """

    _complete = True

    def __init__(self, model, layer, multiply_by_inputs=True, eps=1e-10):
        super().__init__(model, layer)
        self._multiplies, self.eps = multiply_by_inputs, eps

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None,
                  return_convergence_delta=False, attribute_to_layer_input=False, custom_attribution_func=None):
        """Of the layer's shape; arguments as `DeepLift.attribute`, baselines of the inputs."""
        return self._on_tail(lambda tail: DeepLift(tail, self._multiplies, self.eps), inputs, additional_forward_args,
                             attribute_to_layer_input, self._starts(baselines, inputs), target=target,
                             return_convergence_delta=return_convergence_delta,
                             custom_attribution_func=custom_attribution_func)


class LayerLRP(LayerAttribution):
    """Relevance of a layer's values; see `LRP`.

    Parameters
    ----------
    model : Module or Keras model
    layer : Module or Keras layer, or list of them
        For a list, `attribute` gives a list.
    composite : Composite or Rule, optional

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerLRP
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerLRP(model, model[0]).attribute(fastnn.tensor([[3.0]]))
    tensor([[3.]])
    """

    _multiplies = True
    _complete = True

    def __init__(self, model, layer, composite=None):
        self.layers = list(layer) if isinstance(layer, (list, tuple)) else None
        for each in [layer] if self.layers is None else self.layers:
            super().__init__(model, each)
        self.composite = composite

    def attribute(self, inputs, target=None, additional_forward_args=None, return_convergence_delta=False,
                  attribute_to_layer_input=False, verbose=False):
        """Of the layer's shape; arguments as `LRP.attribute`."""
        found = []
        for layer in [self.layer] if self.layers is None else self.layers:
            found.append(self._on_tail(lambda tail: LRP(tail, self.composite), inputs, additional_forward_args,
                                       attribute_to_layer_input, layer=layer, target=target, verbose=verbose,
                                       return_convergence_delta=return_convergence_delta))
        return found[0] if self.layers is None else found


class LayerFeatureAblation(LayerAttribution):
    """The output's change when values of a layer are replaced by those of the baselines; see `FeatureAblation`.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerFeatureAblation
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerFeatureAblation(model, model[0]).attribute(fastnn.tensor([[3.0]]), layer_baselines=1.0)
    tensor([[2.]])
    """

    _multiplies = True

    def attribute(self, inputs, layer_baselines=None, target=None, additional_forward_args=None, layer_mask=None,
                  attribute_to_layer_input=False, perturbations_per_eval=1):
        """Of the layer's shape; `layer_baselines` and `layer_mask` are of the layer's values."""
        return self._on_tail(FeatureAblation, inputs, additional_forward_args, attribute_to_layer_input,
                             baselines=layer_baselines, target=target, feature_mask=layer_mask,
                             perturbations_per_eval=perturbations_per_eval)


class _AlongPath(LayerAttribution):
    """What the methods share that take a layer's gradients on the way from the baselines to the inputs."""

    def _line(self, inputs, baselines, additional):
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        return x, self._starts(baselines, inputs), common.as_arguments(additional)

    def _gradients(self, line, target, arguments, to_input):
        """(gradients of the layer's values, the values, whether they are a tuple) for points of the inputs."""
        values, was_tuple = self._values(line, arguments, to_input)
        tail = Tail(self.forward_func, self.layer, len(values), to_input)
        return common.gradients(tail, values, target, (*line, *arguments), self._name), values, was_tuple


class _LayerBaselineXGradient(_AlongPath):
    """``(h(x) - h(b)) * df/dh`` at a random place between b and x."""

    _complete = True

    def __init__(self, forward_func, layer, multiply_by_inputs, attribute_to_layer_input):
        super().__init__(forward_func, layer)
        self._multiplies, self._to_input = multiply_by_inputs, attribute_to_layer_input

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None,
                  return_convergence_delta=False):
        x, start, arguments = self._line(inputs, baselines, additional_forward_args)
        where = fastnn.rand(x[0].shape[0], dtype=x[0].dtype)
        line = tuple(b + common.by_rows(where, each).to(each.dtype) * (each - b) for each, b in zip(x, start))
        slopes, _, was_tuple = self._gradients(line, target, arguments, self._to_input)
        if self._multiplies:
            ends = [self._values(each, arguments, self._to_input)[0] for each in (x, start)]
            slopes = [slope * (h - h0) for slope, h, h0 in zip(slopes, *ends)]
        result = common.as_given(slopes, was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, start, x, target, additional_forward_args)


class LayerGradientShap(LayerAttribution):
    """Expected gradients of a layer's values, at random points between random baselines and noisy inputs.

    ``a_h = E[(h(x') - h(b)) * df/dh (b + u (x' - b))]``; Lundberg, Lee 2017, arXiv:1705.07874; see `GradientShap`.

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
    >>> from fastnn.explain import LayerGradientShap
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerGradientShap(model, model[0]).attribute(fastnn.tensor([[3.0]]), baselines=fastnn.ones(2, 1))
    tensor([[2.]])
    """

    _complete = True

    def __init__(self, forward_func, layer, multiply_by_inputs=True):
        super().__init__(forward_func, layer)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, baselines, n_samples=5, stdevs=0.0, target=None, additional_forward_args=None,
                  return_convergence_delta=False, attribute_to_layer_input=False):
        """Of the layer's shape; arguments as `GradientShap.attribute`, baselines of the inputs."""
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        if callable(baselines) and not isinstance(baselines, fastnn.Tensor):
            baselines = baselines(*common.taken(baselines, x))
        start = common.as_baselines(baselines, x, self._name, distribution=True)
        inner = _LayerBaselineXGradient(self.forward_func, self.layer, self._multiplies, attribute_to_layer_input)
        return self._by(NoiseTunnel(self._by(inner))).attribute(
            inputs, nt_samples=n_samples, stdevs=stdevs, draw_baseline_from_distrib=True, baselines=start,
            target=target, additional_forward_args=additional_forward_args,
            return_convergence_delta=return_convergence_delta)


class LayerConductance(_AlongPath):
    """How much of the output's difference passes through each value of a layer.

    ``a_h = integral df/dh dh(t)`` along the straight line from the baselines to the inputs, as the sum
    ``sum_k df/dh(t_k) (h(t_k+1) - h(t_k))``.

    Dhamdhere, Sundararajan, Yan 2018, "How important is a neuron?", arXiv:1805.12233.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerConductance
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> LayerConductance(model, model[0]).attribute(fastnn.tensor([[2.0]]), n_steps=8, method="riemann_trapezoid")
    tensor([[2.]])
    """

    _multiplies = True
    _complete = True

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, n_steps=50,
                  method="gausslegendre", internal_batch_size=None, return_convergence_delta=False,
                  attribute_to_layer_input=False):
        """Of the layer's shape; arguments as `IntegratedGradients.attribute`."""
        x, start, arguments = self._line(inputs, baselines, additional_forward_args)
        points, _ = quadrature(method, n_steps + 1, self._name)
        rows = x[0].shape[0]
        at_once = len(points) if internal_batch_size is None else max(2, internal_batch_size // max(rows, 1))
        totals, was_tuple = None, False
        for begin in range(0, len(points) - 1, at_once - 1):
            part = points[begin:begin + at_once]
            line = tuple(fastnn.cat([b + float(p) * (each - b) for p in part]).detach() for each, b in zip(x, start))
            slopes, values, was_tuple = self._gradients(
                line, common.tile_target(target, len(part), rows, self._name),
                tuple(common.tile(each, len(part), rows) for each in arguments), attribute_to_layer_input)
            parts = []
            for slope, value in zip(slopes, values):
                slope, value = (each.reshape(len(part), -1, *each.shape[1:]) for each in (slope, value))
                parts.append((slope[:-1] * (value[1:] - value[:-1])).sum(0))
            totals = parts if totals is None else [a + b for a, b in zip(totals, parts)]
        result = common.as_given(totals, was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, start, x, target, additional_forward_args)


class InternalInfluence(_AlongPath):
    """The mean gradient of a layer's values along the straight line from the baselines to the inputs.

    ``a_h = integral_0^1 df/dh (b + t (x - b)) dt``

    Leino, Sen, Datta, Fredrikson, Li 2018, "Influence-directed explanations for deep convolutional networks",
    arXiv:1802.03788.

    Parameters
    ----------
    forward_func : callable
    layer : Module or Keras layer

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import InternalInfluence
    >>> model = nn.Sequential(nn.ReLU(), nn.Flatten())
    >>> InternalInfluence(model, model[0]).attribute(fastnn.tensor([[3.0]]), baselines=1.0)
    tensor([[1.0000]])
    """

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, n_steps=50,
                  method="gausslegendre", internal_batch_size=None, attribute_to_layer_input=False):
        """Of the layer's shape; arguments as `IntegratedGradients.attribute`."""
        x, start, arguments = self._line(inputs, baselines, additional_forward_args)
        points, weights = quadrature(method, n_steps, self._name)
        values, was_tuple = self._values(x, arguments, attribute_to_layer_input)

        def gradient(line, target, arguments):
            return self._gradients(line, target, arguments, attribute_to_layer_input)[0]
        found = path_integral(gradient, x, start, target, arguments, points, weights, self._name, internal_batch_size,
                              values)
        return common.as_given(found, was_tuple)


class LayerGradCam(LayerAttribution):
    """Grad-CAM: a layer's channels, weighted by their mean gradients.

    ``a = sum_c mean_positions(df / dh_c) h_c``, of shape (batch, 1, ...).

    Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017, "Grad-CAM", arXiv:1610.02391.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LayerGradCam
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 3))
    >>> LayerGradCam(model, model[0]).attribute(fastnn.randn(2, 1, 6, 6), target=0).shape
    torch.Size([2, 1, 4, 4])
    """

    def attribute(self, inputs, target=None, additional_forward_args=None, attribute_to_layer_input=False,
                  relu_attributions=False, attr_dim_summation=True):
        """The map.

        Parameters
        ----------
        inputs, target, additional_forward_args
            As for `Saliency.attribute`.
        attribute_to_layer_input : bool
            The map of what the layer takes.
        relu_attributions : bool
            Only what speaks for the target, as in the paper.
        attr_dim_summation : bool
            The sum over channels; else each by itself.

        Returns
        -------
        Tensor or tuple of Tensor
            (batch, 1, ...) or (batch, channels, ...); channels last for such layers of the Keras door.
        """
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        arguments = common.as_arguments(additional_forward_args)
        values, was_tuple = self._values(x, arguments, attribute_to_layer_input)
        tail = Tail(self.forward_func, self.layer, len(values), attribute_to_layer_input)
        slopes = common.gradients(tail, values, target, (*x, *arguments), self._name)
        axis, found = _steps.channels_axis(self.layer), []
        for h, slope in zip(values, slopes):
            positions = tuple(i for i in range(1, h.ndim) if i != axis % h.ndim)
            product = h * (slope.mean(positions, keepdim=True) if positions else slope)
            product = product.sum(axis, keepdim=True) if attr_dim_summation else product
            found.append(product.relu() if relu_attributions else product)
        return common.as_given(found, was_tuple)
