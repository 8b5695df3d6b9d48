"""Losses, as ``keras.losses``."""
from fastnn.keras.losses.base import Loss, LossFunctionWrapper
from fastnn.keras.losses.losses import (BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError,
                                        SparseCategoricalCrossentropy, binary_crossentropy, categorical_crossentropy,
                                        mean_squared_error, sparse_categorical_crossentropy)
from fastnn.keras.saving.objects import Family as _Family

_family = _Family("loss", __name__, lambda: {"mse": mean_squared_error, "MSE": mean_squared_error,
                                             "bce": binary_crossentropy})
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
