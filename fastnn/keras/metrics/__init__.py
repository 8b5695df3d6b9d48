"""Metrics, as ``keras.metrics``."""
from fastnn.keras.losses import (binary_crossentropy, categorical_crossentropy, mean_squared_error,
                                 sparse_categorical_crossentropy)
from fastnn.keras.metrics.accuracy import (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
                                           binary_accuracy, categorical_accuracy, sparse_categorical_accuracy)
from fastnn.keras.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from fastnn.keras.saving.objects import Family as _Family

_family = _Family("metric", __name__, lambda: {"mse": mean_squared_error, "MSE": mean_squared_error,
                                               "bce": binary_crossentropy, "BCE": binary_crossentropy})
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
