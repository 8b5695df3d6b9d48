"""Losses, as ``keras.losses``."""
from fastnn.keras.losses.base import Loss, LossFunctionWrapper
from fastnn.keras.losses.ctc import CTC, ctc
from fastnn.keras.losses.overlap import Circle, Dice, Tversky, circle, dice, tversky
from fastnn.keras.losses.probabilistic import (BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
                                               CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy,
                                               KLDivergence, SparseCategoricalCrossentropy, binary_crossentropy,
                                               binary_focal_crossentropy, categorical_crossentropy,
                                               categorical_focal_crossentropy, categorical_generalized_cross_entropy,
                                               kl_divergence, sparse_categorical_crossentropy)
from fastnn.keras.losses.regression import (CategoricalHinge, CosineSimilarity, Hinge, Huber, LogCosh,
                                            MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
                                            MeanSquaredLogarithmicError, Poisson, SquaredHinge, categorical_hinge,
                                            cosine_similarity, hinge, huber, log_cosh, mean_absolute_error,
                                            mean_absolute_percentage_error, mean_squared_error,
                                            mean_squared_logarithmic_error, poisson, squared_hinge)
from fastnn.keras.saving.objects import Family as _Family

# Names of older programs.
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh


class Reduction:
    """Names of reductions in programs of Keras 2.

    Examples
    --------
    >>> keras.losses.Reduction.SUM
    'sum'
    """

    AUTO, NONE, SUM, SUM_OVER_BATCH_SIZE = "auto", "none", "sum", "sum_over_batch_size"

    @classmethod
    def all(cls):
        """All of them."""
        return cls.AUTO, cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE


_family = _Family("loss", __name__, lambda: {"bce": binary_crossentropy, "BCE": binary_crossentropy})
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
