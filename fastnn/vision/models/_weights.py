"""The functions of `vision.models`: networks with weights from a file."""
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


def constructor(network, name, about, result, arguments="num_classes=3", loaded=(), **fixed):
    """The function `name` of `vision.models`.

    Parameters
    ----------
    network : class
    name, about : str
    result : (str, int)
        An attribute of what its example makes, and its value.
    arguments : str
        Of the example.
    loaded : tuple of pairs
        Arguments of the network where weights are loaded.
    **fixed
        Arguments of the network.
    """
    def make(*, weights=None, progress=True, pretrained=None, **kwargs):
        given = {**fixed, **kwargs, **dict(() if weights is None else loaded)}
        return filled(network(**given), name, weights, pretrained)
    make.__name__ = make.__qualname__ = name
    make.__module__ = network.__module__
    make.__doc__ = f"""{about}

    Same as torchvision.models.{name}.

    Parameters
    ----------
    weights : str or path, optional
        A local file of a state_dict; none: random numbers.
    progress : bool
        Without effect.
    pretrained : bool, optional
        False alone.
    **kwargs
        Arguments of `{network.__name__}`.

    Examples
    --------
    >>> from fastnn.vision import models
    >>> models.{name}({arguments}).{result[0]}
    {result[1]}
    """
    return make
