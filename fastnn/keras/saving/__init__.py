"""Saving and loading models, and the names that files may use, as ``keras.saving``."""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.keras import lazy
from fastnn.keras.saving.objects import (CustomObjectScope, custom_object_scope, deserialize_keras_object,
                                         get_custom_objects, get_registered_name, get_registered_object,
                                         register_keras_serializable, serialize_keras_object)


def __getattr__(name):
    if name in ("load_model", "save_model", "load_weights", "save_weights"):  # they stand above layers and models
        from fastnn.keras.saving import archive
        return getattr(archive, name)
    if name == "KerasFileEditor":
        return lazy.missing("keras.saving.KerasFileEditor")
    raise _no_attribute(__name__, name)
