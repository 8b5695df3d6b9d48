"""What a function of `vision.models` does with ``weights=``."""
import os

from fastnn import serialization


def filled(model, name, weights, pretrained=None):
    """The model, with weights from a local file if one is given.

    Parameters
    ----------
    model : Module
    name : str
        The function's name.
    weights : str or path, optional
        A file of a state_dict, as `fastnn.load` reads it.
    pretrained : bool, optional
        PyTorch's old argument: False alone.
    """
    if pretrained or weights is not None and not isinstance(weights, (str, os.PathLike)) or \
            isinstance(weights, str) and not os.path.exists(weights):
        raise NotImplementedError(f"models.{name}: fastnn brings no weights and downloads none; expected weights=None "
                                  f"or the path of a local file, got "
                                  f"{weights if weights is not None else 'pretrained'!r}")
    if weights is not None:
        model.load_state_dict(serialization.load(weights))
    return model
