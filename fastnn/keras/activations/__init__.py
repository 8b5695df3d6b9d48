"""Activation functions, as ``keras.activations``."""
import types

from fastnn.keras.activations.piecewise import (hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
                                                relu, relu6, soft_shrink, sparse_plus, sparse_sigmoid, threshold)
from fastnn.keras.activations.smooth import (celu, elu, exponential, gelu, glu, log_sigmoid, log_softmax, mish, selu,
                                             sigmoid, silu, softmax, softplus, softsign, sparsemax, squareplus, tanh,
                                             tanh_shrink)
from fastnn.keras.saving.objects import Family

# Those that the engine's dense layer computes in one call with the product: name -> (the engine's map, its parameters).
FUSED = {"relu": ("relu", 0.0, 0.0), "sigmoid": ("sigmoid", 0.0, 0.0), "tanh": ("tanh", 0.0, 0.0),
         "relu6": ("relu6", 0.0, 0.0), "elu": ("elu", 1.0, 0.0), "selu": ("selu", 0.0, 0.0),
         "leaky_relu": ("leaky_relu", 0.2, 0.0), "hard_sigmoid": ("hardsigmoid", 0.0, 0.0),
         "exponential": ("exp", 0.0, 0.0)}

swish, hard_swish = silu, hard_silu

_family = Family("activation function", __name__, lambda: {"hard_swish": hard_silu, "swish": silu})


def get(identifier):
    """Activation of a name, a record or a function; `linear` of None.

    Parameters
    ----------
    identifier : str, dict, callable or None

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        There is no such activation.

    Examples
    --------
    >>> keras.activations.get("relu") is keras.activations.relu
    True
    """
    if identifier is None:
        return linear
    return _family.get(identifier)


def serialize(activation):
    """Name of one of these functions, record of another one.

    Parameters
    ----------
    activation : callable

    Returns
    -------
    str or dict

    Examples
    --------
    >>> keras.activations.serialize(keras.activations.relu)
    'relu'
    """
    name = getattr(activation, "__name__", None)
    if isinstance(activation, types.FunctionType) and globals().get(name) is activation:
        return name
    return _family.serialize(activation)


deserialize = _family.deserialize
