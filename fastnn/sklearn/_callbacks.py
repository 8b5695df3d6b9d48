"""Callbacks of a fit: those that know epochs, as Keras names them, and scikit-learn's own protocol."""
import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from fastnn.training.callbacks import CallbackList

try:  # since scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:
    class CallbackSupportMixin:
        """Older releases of scikit-learn have no callbacks."""


class Fit:
    """What callbacks see of a fit as their `model`.

    Attributes
    ----------
    estimator : estimator
        Which is being fitted.
    optimizer : Optimizer
        Whose `learning_rate` may be read and set.
    stop_training : bool
        Set to True to end the fit after this epoch.
    history : History
    """

    def __init__(self, estimator, stack, optimizer):
        self.estimator, self.optimizer, self.stop_training = estimator, optimizer, False
        self._stack = stack

    def __reduce__(self):
        return type(None), ()  # of a fit that has ended nothing is kept with a copied or pickled callback

    def get_weights(self):
        """Copies of all parameters: weights, biases, and what batch normalisation has."""
        return [array.copy() for array in self._arrays()]

    def set_weights(self, weights):
        """Write parameters as `get_weights` gives them."""
        for array, value in zip(self._arrays(), weights, strict=True):
            if np.shape(value) != array.shape:
                raise ValueError(f"set_weights: expected an array of shape {array.shape}, got {np.shape(value)}")
            array[...] = value

    def _arrays(self):
        norms = [array for norm in self._stack.norms if norm is not None for array in (norm.mean, norm.var)]
        return self._stack.params + norms

    def _unable(self, what):
        raise NotImplementedError(f"{what} of an estimator within fit: use joblib.dump or pickle after it, or a "
                                  "callback's get_weights")

    def save(self, *args, **kwargs):
        self._unable("save")

    def save_weights(self, *args, **kwargs):
        self._unable("save_weights")


def check_callbacks(callbacks):
    """Whether the parameter `callbacks` has callbacks of epochs, one or (nested) lists of them."""
    if isinstance(callbacks, (list, tuple)):
        for each in callbacks:
            check_callbacks(each)
    elif callbacks is not None and (isinstance(callbacks, type) or not hasattr(callbacks, "set_model")):
        raise InvalidParameterError("callbacks: expected callbacks of epochs (fastnn.training.callbacks; set_callbacks "
                                    f"takes scikit-learn's own), got {callbacks!r}")


def epoch_callbacks(estimator, fit, epochs, steps):
    """The callbacks of the parameter `callbacks` as one."""
    return CallbackList(estimator.callbacks, model=fit, verbose=int(bool(estimator.verbose)), epochs=epochs,
                        steps=steps)


class Tasks:
    """scikit-learn's protocol: a task for the fit, and one for each epoch within it.

    Parameters
    ----------
    estimator : estimator
    X, y, sample_weight
        The data of the fit.
    epochs : int
        The most that there can be.
    attributes : callable
        What an estimator needs to predict as if the fit ended now.
    """

    def __init__(self, estimator, X, y, sample_weight, epochs, attributes):
        self.estimator, self.context, self.attributes = estimator, None, attributes
        if hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx"):
            self.given = {"X": X, "y": y,
                          "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
            self.context = estimator._init_callback_context(max_subtasks=epochs)
            self.context.call_on_fit_task_begin(estimator=estimator, **self.given)

    def begin_epoch(self):
        if self.context is not None:
            self.epoch = self.context.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.given)

    def end_epoch(self):
        """Whether a callback wants the fit to stop."""
        return self.context is not None and self.epoch.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=self.attributes, **self.given)

    def end(self):
        if self.context is not None:
            self.context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=self.attributes,
                                              **self.given)
