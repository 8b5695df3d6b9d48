"""Guided backpropagation and deconvolution: gradients with other rules for ReLU."""
from fastnn.explain import _inputs as common
from fastnn.explain import _steps
from fastnn.explain._views import model_of
from fastnn.explain.attribution import Attribution


class _ModifiedRelu(Attribution):
    def __init__(self, model):
        super().__init__(model)
        self.model = model_of(model, self._name)

    def attribute(self, inputs, target=None, additional_forward_args=None):
        """The modified gradient; arguments and shapes as `Saliency.attribute`.

        ReLU counts where it is a layer (``nn.ReLU``), the activation of a Keras layer, or that of a transformer layer;
        called as a function in a model's ``forward`` it stays as it is.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        with _steps.replaced(self.model, self._rule, {"map"}):
            found = common.gradients(self.forward_func, x, target, common.as_arguments(additional_forward_args),
                                     self._name)
        return common.as_given(found, was_tuple)

    def _rule(self, step, args, kwargs, output):
        if not step.facts["relu"] or not output.requires_grad:
            return None
        return self._relu(_steps.first_tensor(args, kwargs), output)


def _positive(gradient):
    return gradient.clamp(min=0)


class GuidedBackprop(_ModifiedRelu):
    """The gradient, where each ReLU lets only positive gradients through.

    ``dx = [x > 0] max(dy, 0)`` at ReLU. The maps hardly depend on the weights (Adebayo et al. 2018, arXiv:1810.03292):
    they show the input's edges rather than the reasons for the output.

    Springenberg, Dosovitskiy, Brox, Riedmiller 2014, "Striving for simplicity", arXiv:1412.6806.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import GuidedBackprop
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> _ = model[1].weight.data.copy_(fastnn.tensor([[3.0, -2.0]]))
    >>> GuidedBackprop(model).attribute(fastnn.ones(1, 2))
    tensor([[3., 0.]])
    """

    @staticmethod
    def _relu(x, output):
        output = output.view_as(output)
        output.register_hook(_positive)
        return output


class Deconvolution(_ModifiedRelu):
    """The gradient, where each ReLU lets positive gradients through whatever its input was.

    ``dx = max(dy, 0)`` at ReLU.

    Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", arXiv:1311.2901.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import Deconvolution
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> _ = model[1].weight.data.copy_(fastnn.tensor([[3.0, 2.0]]))
    >>> Deconvolution(model).attribute(fastnn.tensor([[1.0, -1.0]]))
    tensor([[3., 2.]])
    """

    @staticmethod
    def _relu(x, output):
        output = _steps.same_value(output, x)
        output.register_hook(_positive)
        return output
