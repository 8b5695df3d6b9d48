"""Helpers, as ``keras.utils``."""
import random

import numpy as np

import fastnn
from fastnn.keras.config import (disable_interactive_logging, enable_interactive_logging,
                                 is_interactive_logging_enabled, standardize_dtype)
from fastnn.keras.lazy import lazy as _late_names
from fastnn.keras.models.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from fastnn.keras.naming import reset_uids as clear_session
from fastnn.keras.saving import (CustomObjectScope, custom_object_scope, deserialize_keras_object, get_custom_objects,
                                 get_registered_name, get_registered_object, register_keras_serializable,
                                 serialize_keras_object)
from fastnn.keras.symbolic import get_source_inputs, is_keras_tensor
from fastnn.keras.utils.arrays import normalize, to_categorical
from fastnn.keras.utils.datasets import PyDataset
from fastnn.keras.utils.sequences import pad_sequences
from fastnn.training.progbar import Progbar

Sequence = PyDataset  # its name before Keras 3
__getattr__, __dir__ = _late_names(__name__, {
    "directories": "audio_dataset_from_directory image_dataset_from_directory text_dataset_from_directory",
    "drawing": "model_to_dot plot_model", "features": "FeatureSpace", "files": "get_file",
    "images": "array_to_img img_to_array load_img save_img", "series": "split_dataset timeseries_dataset_from_array",
    "settings": "Config"}, "legacy")


def set_random_seed(seed):
    """Seeds Python's, NumPy's and fastnn's generators.

    Parameters
    ----------
    seed : int

    Raises
    ------
    ValueError
        `seed` is no int.

    Examples
    --------
    >>> keras.utils.set_random_seed(1)
    >>> x = keras.random.normal((3,))
    >>> keras.utils.set_random_seed(1)
    >>> bool((x == keras.random.normal((3,))).all())
    True
    """
    if not isinstance(seed, int):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed)})")
    random.seed(seed)
    np.random.seed(seed)
    fastnn.manual_seed(seed)
