"""Metrics, as ``keras.metrics``."""
from fastnn.keras.losses import (KLD, MAE, MAPE, MSE, MSLE, binary_crossentropy, binary_focal_crossentropy,
                                 categorical_crossentropy, categorical_focal_crossentropy, categorical_hinge, hinge,
                                 huber, kl_divergence, kld, kullback_leibler_divergence, log_cosh, logcosh, mae, mape,
                                 mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
                                 mean_squared_logarithmic_error, mse, msle, poisson, sparse_categorical_crossentropy,
                                 squared_hinge)
from fastnn.keras.metrics.accuracies import (Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
                                             SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy, binary_accuracy,
                                             categorical_accuracy, sparse_categorical_accuracy,
                                             sparse_top_k_categorical_accuracy, top_k_categorical_accuracy)
from fastnn.keras.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from fastnn.keras.metrics.confusion import (AUC, FalseNegatives, FalsePositives, Precision, PrecisionAtRecall, Recall,
                                            RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity,
                                            TrueNegatives, TruePositives)
from fastnn.keras.metrics.means import (BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge,
                                        ConcordanceCorrelation, CosineSimilarity, Hinge, KLDivergence, LogCoshError,
                                        MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
                                        MeanSquaredLogarithmicError, PearsonCorrelation, Poisson, R2Score,
                                        RootMeanSquaredError, SparseCategoricalCrossentropy, SquaredHinge,
                                        concordance_correlation, pearson_correlation)
from fastnn.keras.metrics.overlaps import BinaryIoU, F1Score, FBetaScore, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from fastnn.keras.naming import to_snake_case as _snake
from fastnn.keras.saving.objects import Family as _Family


def _names():
    classes = [thing for thing in globals().values() if isinstance(thing, type) and issubclass(thing, Metric)]
    return {**{each.__name__: each for each in classes}, **{_snake(each.__name__): each for each in classes},
            "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy, "mse": MeanSquaredError, "MSE": MeanSquaredError,
            "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError, "mape": MeanAbsolutePercentageError,
            "MAPE": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError,
            "MSLE": MeanSquaredLogarithmicError}


_family = _Family("metric", __name__, _names)
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
