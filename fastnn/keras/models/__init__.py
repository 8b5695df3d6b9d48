"""Models, as ``keras.models``."""
import json

from fastnn.keras import saving
from fastnn.keras.models import config as _config, summary as _summary  # noqa: F401 (complete models)
from fastnn.keras.layers.base import Layer
from fastnn.keras.models.cloning import clone_model
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import Model
from fastnn.keras.models.sequential import Sequential
from fastnn.keras.saving import deserialize_keras_object, objects


def model_from_json(json_string, custom_objects=None):
    """The model of `Model.to_json`, with new weights.

    Parameters
    ----------
    json_string : str
    custom_objects : dict, optional
        Name -> class or function, for those that are not registered.

    Returns
    -------
    Model

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        The text is no model's. Its sizes are not bounded: weights of any size are made.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    with objects.errors_of("model_from_json"):
        made = deserialize_keras_object(json.loads(json_string), custom_objects)
        if not isinstance(made, Layer):
            raise ValueError(f"expected a model, got the record of a {type(made).__name__}")
        return made


def __getattr__(name):
    if name in ("load_model", "save_model"):
        return getattr(saving, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
