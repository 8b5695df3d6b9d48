"""Guided Grad-CAM; Grad-CAM itself is a method for layers."""
from fastnn.explain import _inputs as common
from fastnn.explain import _steps
from fastnn.explain.guided import GuidedBackprop
from fastnn.explain.layer import LayerAttribution, LayerGradCam


class GuidedGradCam(LayerAttribution):
    """Guided backpropagation times Grad-CAM of a layer, brought to the inputs' size.

    ``a = guided(x) * resize(relu(gradcam(h)))``

    Selvaraju et al. 2017, arXiv:1610.02391.

    Parameters
    ----------
    model : Module or Keras model
    layer : Module or Keras layer
        The convolution whose map it is, most often the last.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import GuidedGradCam
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    >>> GuidedGradCam(model, model[0]).attribute(fastnn.randn(2, 1, 6, 6), target=0).shape
    torch.Size([2, 1, 6, 6])
    """

    def __init__(self, model, layer):
        super().__init__(model, layer)
        self.model = model

    def attribute(self, inputs, target=None, additional_forward_args=None, interpolate_mode="nearest",
                  attribute_to_layer_input=False):
        """Of the inputs' shapes.

        Parameters
        ----------
        inputs, target, additional_forward_args
            As for `Saliency.attribute`; images (batch, channels, ...), channels last for a Keras model.
        interpolate_mode : str
            As of ``nn.functional.interpolate``.
        attribute_to_layer_input : bool
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        cam = self._by(LayerGradCam(self.forward_func, self.layer)).attribute(
            inputs, target, additional_forward_args, attribute_to_layer_input, relu_attributions=True)
        if isinstance(cam, tuple):
            if len(cam) > 1:
                raise ValueError(f"{self._name}: expected a layer with one output, got {len(cam)}")
            cam = cam[0]
        guided = self._by(GuidedBackprop(self.model)).attribute(x, target, additional_forward_args)
        last = _steps.channels_axis(self.layer) == -1
        cam = cam.movedim(-1, 1) if last else cam
        found = []
        for each, grad in zip(x, guided):
            if each.ndim != cam.ndim:
                raise ValueError(f"{self._name}: expected inputs of {cam.ndim} dimensions, as the layer's output has, "
                                 f"got {tuple(each.shape)}")
            sizes = tuple(each.shape[1:-1] if last else each.shape[2:])
            resized = self.interpolate(cam, sizes, interpolate_mode)
            found.append(grad * (resized.movedim(1, -1) if last else resized))
        return common.as_given(found, was_tuple)
