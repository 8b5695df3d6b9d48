"""Feature learning as a transformer."""
import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted

from fastnn.sklearn._base import BaseMLP, keep, through
from fastnn.sklearn._network import ACTIVATIONS, classification_loss, regression_loss
from fastnn.training.dense import DenseStack


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseMLP):
    """A network that learns to reproduce its input through a narrow layer, whose values are the features.

    ``features = f(... f(x W + b) ...)`` by the encoder's layers, a reconstruction of x by the decoder's, which mirror
    them; both are learned by making the squared distance (or the cross-entropy) between x and its reconstruction small
    (Hinton and Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006).

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(32,)
        Units of the encoder's layers; the last are the features.
    activation : str, default="relu"
        Of all layers but those of features and outputs.
    code_activation : str, default="identity"
        Of the features.
    loss : {"squared_error", "log_loss"} or callable, default="squared_error"
        "log_loss" takes x as probabilities, 0 to 1, and reconstructions go through a sigmoid.
    solver, alpha, batch_size and all others
        As of `MLPRegressor`.

    Attributes
    ----------
    coefs_, intercepts_ : list of arrays
        Of the encoder and the decoder.
    n_features_out_ : int
        Number of features.
    loss_, loss_curve_, n_iter_ and others
        As of `MLPRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> x, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(Autoencoder((24,), max_iter=30, learning_rate_init=0.01, random_state=0, tol=0),
    ...                       LogisticRegression(max_iter=1000))
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # 30 epochs do not converge
    ...     bool(model.fit(x / 16, y).score(x / 16, y) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "code_activation": [StrOptions(set(ACTIVATIONS))],
        "loss": [StrOptions({"squared_error", "log_loss"}), callable],
    }
    _score_name = "val_r2"

    def __init__(self, hidden_layer_sizes: "tuple | list" = (32,), activation="relu", *, code_activation="identity",
                 loss="squared_error", solver="adam", alpha=0.0001, batch_size: "int | str" = "auto",
                 learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
                 early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
                 n_iter_no_change=10, max_fun=15000, dropout=0.0, batch_norm=False, weight_decay=0.0, dtype=None,
                 n_jobs=None, callbacks=None):
        keep(self, locals())

    # ---- what BaseMLP asks ----

    def _encoder_layers(self):
        return len(self.coefs_) // 2

    def _hidden_layers(self):
        encoder = super()._hidden_layers()
        if not encoder:
            raise ValueError("hidden_layer_sizes: expected at least the number of features")
        return encoder + encoder[-2::-1]

    def _hidden_activations(self):
        names = [self.activation] * (len(self.coefs_) - 1)
        names[self._encoder_layers() - 1] = self.code_activation
        return [ACTIVATIONS[name] for name in names]

    def _out_activation(self):
        return "logistic" if self.loss == "log_loss" else "identity"

    def _loss_settings(self):
        if self.loss == "log_loss":
            return classification_loss("log_loss", self.n_outputs_, False)
        return regression_loss(self.loss, self.n_outputs_, 0.5, 1.0)

    def _output_count(self, y):
        return y.shape[1]

    def _validate_input(self, X, y, incremental, reset):
        X = self._check_X(X, reset=reset)
        y = X.toarray() if hasattr(X, "toarray") else X
        if self.loss == "log_loss" and len(y) and not (0 <= y.min() and y.max() <= 1):
            raise ValueError(f"loss='log_loss' takes inputs as probabilities: expected 0 to 1, got {y.min()} to "
                             f"{y.max()}")
        return X, y

    def _target(self, y, dtype):
        return np.ascontiguousarray(y, dtype)

    def _validation_score(self, out, y, target, weight):
        found = self._activated(out)
        return _explained(target, found, weight) if np.isfinite(found).all() else float("nan")

    # ---- for users ----

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn to reproduce X (rows, features), dense or sparse; y is not read.

        Returns
        -------
        self
        """
        return self._fit(X, None, sample_weight)

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """One epoch over these rows.

        Returns
        -------
        self
        """
        return self._fit(X, None, sample_weight, incremental=True)

    def _part(self, part):
        norms = self.batch_norms_ and [*self.batch_norms_, None][part]
        return DenseStack(self.coefs_[part], self.intercepts_[part], [*self._fitted_activations(), None][part],
                          norms=norms)

    def transform(self, X):
        """Features (rows, units of the narrow layer)."""
        X = self._checked(X)
        return through(self._part(slice(0, self._encoder_layers())), X)

    def inverse_transform(self, X):
        """Reconstructions (rows, features of the input) of features."""
        check_is_fitted(self)
        dtype = self.coefs_[0].dtype
        X = check_array(X, dtype=dtype)
        if X.shape[1] != self.n_features_out_:
            raise ValueError(f"inverse_transform: expected (rows, {self.n_features_out_}), got {X.shape}")
        return self._activated(through(self._part(slice(self._encoder_layers(), None)), X))

    def score(self, X, y=None, sample_weight=None):
        """Share of the variance of X that reconstructions keep: 1 - sum (x - r)**2 / sum (x - mean)**2."""
        X = self._checked(X)
        found = self._activated(self._decisions(X))
        return _explained(X.toarray() if hasattr(X, "toarray") else X, found, sample_weight)

    @property
    def n_features_out_(self):
        """Number of features."""
        return self.coefs_[self._encoder_layers() - 1].shape[1]

    @property
    def _n_features_out(self):
        return self.n_features_out_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _explained(x, found, weight):
    mean = np.average(x, axis=0, weights=weight)
    left, all_ = ((np.average((x - other) ** 2, axis=0, weights=weight)).sum() for other in (found, mean))
    return float(1 - left / all_) if all_ else float(left == 0)
