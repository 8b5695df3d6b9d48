"""Modules of ``fastnn.nn`` as layers."""
from fastnn.keras.layers.base import Layer
from fastnn.keras.variables import Variable, array_of


class TorchModuleWrapper(Layer):
    """A module as a layer; its parameters and buffers become the layer's weights.

    Parameters
    ----------
    module : fastnn.nn.Module
    name : str, optional
    output_shape : tuple, optional
        What `compute_output_shape` gives.

    Examples
    --------
    >>> layer = keras.layers.TorchModuleWrapper(nn.Linear(3, 2))
    >>> layer(np.ones((1, 3), "float32")).shape, len(layer.weights)
    (torch.Size([1, 2]), 2)
    """

    def __init__(self, module, name=None, output_shape=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.__dict__["module"] = module  # no layer
        self.output_shape = output_shape
        found = []
        for owner in module.modules():
            for table in (owner._parameters, owner._buffers):
                for key, tensor in table.items():
                    if tensor is not None and not isinstance(tensor, Variable):
                        table[key] = Variable(array_of(tensor), name=key, trainable=tensor.requires_grad)
                        found.append(table[key])
        self.module_variables = found
        self.built = True

    def parameters(self, recurse=True):
        """The module's."""
        return self.module.parameters(recurse)

    def call(self, *args, training=None, **kwargs):
        self.module.train(training is not False)
        return self.module(*args, **kwargs)

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(input_shape) if self.output_shape is None else self.output_shape

    compute_output_shape._is_default = True

    def get_config(self):
        raise NotImplementedError("TorchModuleWrapper: a module cannot be saved within a model; save its state_dict")
