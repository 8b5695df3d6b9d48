"""Regressors."""
from numbers import Real

import numpy as np
import scipy.sparse
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import mean_pinball_loss, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions

from fastnn.sklearn._base import BaseMLP, keep
from fastnn.sklearn._network import REGRESSION, regression_loss


class BaseMLPRegressor(RegressorMixin, BaseMLP):
    """Targets are numbers."""

    _score_name = "val_r2"

    def _loss(self):
        """(name or callable, quantile, delta)"""
        return self.loss, self.quantile, self.delta

    def _out_activation(self):
        return "identity" if callable(self._loss()[0]) else REGRESSION[self._loss()[0]][1]

    def _loss_settings(self):
        name, quantile, delta = self._loss()
        return regression_loss(name, self.n_outputs_, quantile, delta)

    def _output_count(self, y):
        return 1 if y.ndim == 1 else y.shape[1]

    def _validate_input(self, X, y, incremental, reset):
        X, y = self._check_X(X, y=y, multi_output=True, y_numeric=True, reset=reset)
        if scipy.sparse.issparse(y) or y.dtype.kind not in "buif":
            raise TypeError(f"{type(self).__name__}: expected y to be a dense array of numbers, got {type(y).__name__} "
                            f"of {y.dtype}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self._loss()[0] == "poisson" and (y < 0).any():
            raise ValueError("Some value(s) of y are out of the valid range of the loss 'poisson': expected y >= 0, "
                             f"got {y.min()}")
        return X, y

    def _target(self, y, dtype):
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype)

    def _loss_constant(self, y, weight):
        return (xlogy(y, y) - y).sum(1) if self._loss()[0] == "poisson" else None

    def _validation_score(self, out, y, target, weight):
        predicted = self._activated(out)
        if not np.isfinite(predicted).all():
            return float("nan")
        return float(self._score_of(y, predicted.reshape(np.shape(y)), weight))

    def _score_of(self, y, predicted, weight):
        return r2_score(y, predicted, sample_weight=weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit to X (rows, features), dense or sparse, and numbers y (rows,) or (rows, outputs).

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """One epoch over these rows; lbfgs, as scikit-learn's regressor, goes on with them for `max_iter` steps.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Numbers (rows,) or (rows, outputs)."""
        y = self._activated(self._decisions(self._checked(X)))
        return y.ravel() if y.shape[1] == 1 else y


class MLPRegressor(BaseMLPRegressor):
    """A multi-layer perceptron that predicts numbers: scikit-learn's `MLPRegressor`, and more.

    Parameters, defaults, attributes and random numbers are scikit-learn's as far as `max_fun`; what follows is not in
    scikit-learn.

    Parameters
    ----------
    loss : str or callable, default="squared_error"
        "squared_error" (half of it) and "poisson" (half of the deviance, with exp as the activation of the outputs)
        as in scikit-learn; "absolute_error"; "huber"; "quantile"; or ``loss(prediction, target)`` of fastnn tensors,
        (rows, outputs) both, which gives a number or the losses of rows.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        As of `MLPClassifier`; the score of `early_stopping` is R2.
    quantile : float, default=0.5
        Of the loss "quantile".
    delta : float, default=1.0
        Distance up to which the loss "huber" is squared.
    dropout, batch_norm, weight_decay, dtype, n_jobs, callbacks
        As of `MLPClassifier`; logs are ``loss``, and with `early_stopping` ``val_loss`` and ``val_r2``.

    Attributes
    ----------
    loss_, best_loss_, loss_curve_, validation_scores_, validation_loss_curve_, best_validation_score_, t_, coefs_, \
intercepts_, batch_norms_, n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_, out_activation_
        As of `MLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs", random_state=0)
    >>> bool(model.fit(x, x.ravel() ** 2).score(x, x.ravel() ** 2) > 0.99)
    True
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION)), callable],
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, loss="squared_error", hidden_layer_sizes: "tuple | list" = (100,), activation="relu", *,
                 solver="adam", alpha=0.0001, batch_size: "int | str" = "auto", learning_rate="constant",
                 learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None, tol=1e-4,
                 verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
                 validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
                 quantile=0.5, delta=1.0, dropout=0.0, batch_norm=False, weight_decay=0.0, dtype=None, n_jobs=None,
                 callbacks=None):
        keep(self, locals())


class MLPQuantileRegressor(BaseMLPRegressor):
    """A multi-layer perceptron that predicts a quantile of the target: `MLPRegressor` with the loss "quantile".

    The loss of a row is ``quantile * (y - f)`` above the prediction f and ``(1 - quantile) * (f - y)`` below it
    (Koenker and Bassett, 1978); `score` is the share of that loss that the constant quantile of y makes and the model
    does not.

    Parameters
    ----------
    quantile : float, default=0.5
    hidden_layer_sizes and all others
        As of `MLPRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(size=(500, 1))
    >>> y = x.ravel() + rng.normal(scale=0.1, size=500)
    >>> model = MLPQuantileRegressor(0.9, random_state=0, learning_rate_init=0.01).fit(x, y)
    >>> bool(0.85 < (y <= model.predict(x)).mean() < 0.95)
    True
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "quantile": [Interval(Real, 0, 1, closed="both")],
    }
    _score_name = "val_d2"

    def __init__(self, quantile=0.5, hidden_layer_sizes: "tuple | list" = (100,), activation="relu", *, solver="adam",
                 alpha=0.0001, batch_size: "int | str" = "auto", learning_rate="constant", learning_rate_init=0.001,
                 power_t=0.5, max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
                 momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9,
                 beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000, dropout=0.0, batch_norm=False,
                 weight_decay=0.0, dtype=None, n_jobs=None, callbacks=None):
        keep(self, locals())

    def _loss(self):
        return "quantile", self.quantile, 1.0

    def _score_of(self, y, predicted, weight):
        constant = np.tile(np.quantile(y, self.quantile, axis=0), (len(y), 1) if np.ndim(y) == 2 else len(y))
        worst = mean_pinball_loss(y, constant, sample_weight=weight, alpha=self.quantile)
        found = mean_pinball_loss(y, predicted, sample_weight=weight, alpha=self.quantile)
        return 1 - found / worst if worst else float(found == 0)

    def score(self, X, y, sample_weight=None):
        """1 - loss / loss of the constant quantile of y (D2 of the pinball loss)."""
        return float(self._score_of(np.asarray(y), self.predict(X), sample_weight))
