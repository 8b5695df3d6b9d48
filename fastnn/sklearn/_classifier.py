"""The classifier."""
import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fastnn.sklearn._base import BaseMLP, keep
from fastnn.sklearn._network import classification_loss


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that predicts classes: scikit-learn's `MLPClassifier`, and more.

    Parameters, defaults, attributes and random numbers are scikit-learn's as far as `max_fun`; what follows is not in
    scikit-learn.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer.
    activation : str, default="relu"
        Of the hidden layers: "identity", "logistic", "tanh", "relu", and beyond scikit-learn "leaky_relu", "elu",
        "selu", "gelu", "silu" ("swish"), "mish", "relu6", "hardswish", "softplus", "softsign", "sigmoid" (as
        "logistic", with wider initial weights).
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        "lbfgs" sees all rows in every step and computes in float64.
    alpha : float, default=1e-4
        ``alpha / 2 / rows`` times the sum of squared weights is added to the loss of a batch.
    batch_size : int or "auto", default="auto"
        "auto" is ``min(200, rows)``.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Of sgd: constant; ``learning_rate_init / (t + 1)**power_t``; divided by 5 whenever training would stop.
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start
        As in scikit-learn. `max_iter` counts epochs, with lbfgs steps.
    momentum, nesterovs_momentum
        Of sgd.
    early_stopping, validation_fraction, n_iter_no_change
        Keep `validation_fraction` of the rows for validation, stop when their score does not improve by `tol` for more
        than `n_iter_no_change` epochs, and return to the best epoch. Without it, the loss of training is watched.
    beta_1, beta_2, epsilon
        Of adam.
    max_fun : int, default=15000
        Most evaluations of the loss by lbfgs.
    loss : "log_loss" or callable, default="log_loss"
        ``loss(scores, target)`` of fastnn tensors gives a number, or the losses of rows. For more than two classes
        scores are (rows, classes) and the target their numbers; else scores and target are (rows, outputs).
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factors of the sample weights, class by class.
    dropout : float, default=0.0
        Probability that a value of a hidden layer is left out of a step (Srivastava et al., 2014).
    batch_norm : bool, default=False
        Normalise what hidden layers give before their activation (Ioffe & Szegedy, 2015).
    weight_decay : float, default=0.0
        Every step makes weights smaller by ``learning rate * weight_decay`` (Loshchilov & Hutter, 2019).
    dtype : {"float32", "float64"} or None, default=None
        What to compute in; None: in the data's.
    n_jobs : int or None, default=None
        Most threads of a fit; None and -1: as many as fastnn may use. Results have the same bits for any number.
    callbacks : list or None, default=None
        Callbacks of epochs as Keras' users know them, `fastnn.training.callbacks` or `fastnn.keras.callbacks`:
        ``EarlyStopping``, ``ReduceLROnPlateau``, ``LambdaCallback``... Logs are ``loss``, ``accuracy``, and with
        `early_stopping` ``val_loss`` and ``val_accuracy``. scikit-learn's callbacks are set by `set_callbacks`.

    Attributes
    ----------
    classes_, loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, t_, coefs_, intercepts_, \
n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_, out_activation_
        As in scikit-learn.
    validation_loss_curve_ : list of float or None
        The validation rows' loss after each epoch.
    batch_norms_ : list of BatchNorm or None
        Scale, shift and statistics of hidden layers.

    References
    ----------
    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    Kingma and Ba, Adam: a method for stochastic optimization, 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((32,), dropout=0.1, early_stopping=True, learning_rate_init=0.01, random_state=0)
    >>> model = model.fit(x / 16, y)
    >>> bool(model.score(x / 16, y) > 0.95)
    True
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"log_loss"}), callable],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }
    _score_name = "val_accuracy"

    def __init__(self, hidden_layer_sizes: "tuple | list" = (100,), activation="relu", *, solver="adam", alpha=0.0001,
                 batch_size: "int | str" = "auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
                 max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
                 nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,
                 epsilon=1e-8, n_iter_no_change=10, max_fun=15000, loss="log_loss", class_weight=None, dropout=0.0,
                 batch_norm=False, weight_decay=0.0, dtype=None, n_jobs=None, callbacks=None):
        keep(self, locals())

    # ---- what BaseMLP asks ----

    def _out_activation(self):
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _loss_settings(self):
        return classification_loss(self.loss, self.n_outputs_, self.out_activation_ == "softmax")

    def _output_count(self, y):
        kind = self._label_binarizer.y_type_
        return len(self.classes_) if kind.startswith(("multiclass", "multilabel")) else 1

    def _validate_input(self, X, y, incremental, reset):
        X, y = self._check_X(X, y=y, multi_output=True, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not self.warm_start and not incremental:
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError("warm_start can only be used where `y` has the same classes as in the previous call "
                                 f"to fit. Previously got {self.classes_}, `y` has {classes}")
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has "
                             f"{classes}.")
        return X, y

    def _target(self, y, dtype):
        kind = self._label_binarizer.y_type_
        if y.ndim == 2 and not kind.startswith("multilabel"):
            raise ValueError("The object was not fitted with multilabel input.")
        if kind == "multiclass":
            return np.searchsorted(self.classes_, y).astype(np.int64)
        target = self._label_binarizer.transform(y)
        if kind.startswith("multilabel") and target.shape[1] != len(self.classes_):
            raise ValueError("The object was fitted with multilabel input: expected y of "
                             f"{len(self.classes_)} columns, got shape {y.shape}")
        return (target.toarray() if hasattr(target, "toarray") else target).astype(dtype)

    def _stratify(self, y):
        return self._label_binarizer.transform(y).astype(bool) if self.n_outputs_ == 1 else None

    def _weights_of_classes(self, y, incremental, rows):
        if self.class_weight is None:
            return None
        if incremental and self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' is not supported for partial_fit, which sees a part of the data "
                             "at a time: compute weights by sklearn.utils.compute_class_weight, pass them as a dict")
        return compute_sample_weight(self.class_weight, y, indices=rows if self.class_weight == "balanced" else None)

    def _validation_score(self, out, y, target, weight):
        if not np.isfinite(out).all():
            return float("nan")
        right = out.argmax(1) == target if target.ndim == 1 else ((out > 0) == (target > 0.5)).all(1)
        return float(np.average(right, weights=weight))

    # ---- for users ----

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit to X (rows, features), dense or sparse, and labels y (rows,), or an indicator matrix (rows, labels).

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """One epoch over these rows; `classes`, all labels there will be, are needed in the first call.

        Returns
        -------
        self
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Labels (rows,), or an indicator matrix (rows, labels)."""
        z = self._decisions(self._checked(X))
        kind = self._label_binarizer.y_type_
        if kind == "multiclass":
            return self.classes_[z.argmax(1)]
        if kind.startswith("multilabel"):
            return self._label_binarizer.inverse_transform(self._activated(z))
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(z))
        return self.classes_[(z.ravel() > 0).astype(int)]

    def predict_proba(self, X):
        """Probabilities (rows, classes), columns in the order of `classes_`."""
        y = self._activated(self._decisions(self._checked(X)))
        return np.column_stack([1 - y.ravel(), y.ravel()]) if self.n_outputs_ == 1 else y

    def predict_log_proba(self, X):
        """Logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
