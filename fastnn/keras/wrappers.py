"""Models as scikit-learn's estimators, as ``keras.wrappers``. Needs scikit-learn."""
import copy

import numpy as np

from fastnn.keras.models import Model, clone_model

try:
    import sklearn
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
except ImportError:
    sklearn = None
    BaseEstimator = ClassifierMixin = RegressorMixin = TransformerMixin = type("Base", (), {})
if ClassifierMixin is RegressorMixin:  # without scikit-learn the classes need bases of their own
    ClassifierMixin, RegressorMixin, TransformerMixin = (type(name, (), {}) for name in "CRT")


class SKLBase(BaseEstimator):
    """Base of models as scikit-learn's estimators.

    Parameters
    ----------
    model : Model or callable
        A compiled model, which is cloned for each `fit`; or a function ``model(X, y, **model_kwargs)`` that gives one.
    warm_start : bool
        Accepted, as in Keras.
    model_kwargs : dict, optional
    fit_kwargs : dict, optional
        Arguments of the model's `fit`.

    Raises
    ------
    ImportError
        scikit-learn is missing.

    Examples
    --------
    >>> keras.wrappers.SKLearnRegressor(keras.Sequential([keras.layers.Dense(1)])).warm_start  # doctest: +SKIP
    """

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        if sklearn is None:
            raise ImportError(f"{type(self).__name__} requires `scikit-learn` to be installed. Run `pip install "
                              f"scikit-learn` to install it.")
        self.model, self.warm_start, self.model_kwargs, self.fit_kwargs = model, warm_start, model_kwargs, fit_kwargs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self):
        model = self.model if not isinstance(self.model, Model) else copy.deepcopy(self.model)
        return type(self)(model=model, warm_start=self.warm_start, model_kwargs=self.model_kwargs,
                          fit_kwargs=self.fit_kwargs)

    def _checked(self, X, y=None):
        from sklearn.utils.validation import check_is_fitted, validate_data
        if y is not None:
            return validate_data(self, X, y, multi_output=True)
        check_is_fitted(self)
        return validate_data(self, X, reset=False)

    def _get_model(self, X, y):
        if not isinstance(self.model, Model):
            return self.model(X=X, y=y, **(self.model_kwargs or {}))
        made = clone_model(self.model)
        if self.model.compiled and not made.compiled:
            made.compile_from_config(self.model.get_compile_config())
        return made

    def fit(self, X, y, **kwargs):
        """Train a new model."""
        X, y = self._checked(X, y)
        y = self._process_target(y, reset=True)
        model = self._get_model(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError("Given model needs to be compiled, and have a loss and an optimizer.")
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X):
        """Predictions in the form of the targets."""
        X = self._checked(X)
        return self._reverse_process_target(self.model_.predict(X))

    def _process_target(self, y, reset=False):
        if reset:
            self._target_ndim = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _reverse_process_target(self, y):
        return np.squeeze(y, axis=1) if self._target_ndim == 1 and y.ndim == 2 else y


class SKLearnClassifier(ClassifierMixin, SKLBase):
    """A model as a classifier of scikit-learn; targets become one-hot rows.

    Parameters
    ----------
    model, warm_start, model_kwargs, fit_kwargs
        As in `SKLBase`.

    Raises
    ------
    ValueError
        Targets that are no classes, or of one class only.

    Examples
    --------
    >>> classifier = keras.wrappers.SKLearnClassifier(model, fit_kwargs={"epochs": 5})  # doctest: +SKIP
    >>> classifier.fit(X, y).predict(X)  # doctest: +SKIP
    """

    def decision_function(self, X):
        """What the model gives."""
        return self.model_.predict(self._checked(X))

    def _process_target(self, y, reset=False):
        from sklearn.utils.multiclass import type_of_target
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        if reset:
            self._target_ndim, self.classes_ = y.ndim, np.unique(y)
            if len(self.classes_) == 1:
                raise ValueError("Classifier can't train when only one class is present.")
        return (y.reshape(-1, 1) == self.classes_).astype(float)

    def _reverse_process_target(self, y):
        found = self.classes_[y.argmax(1)]
        return found if self._target_ndim == 1 else found[:, None]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLBase):
    """A model as a regressor of scikit-learn.

    Parameters
    ----------
    model, warm_start, model_kwargs, fit_kwargs
        As in `SKLBase`.

    Examples
    --------
    >>> regressor = keras.wrappers.SKLearnRegressor(model)  # doctest: +SKIP
    >>> regressor.fit(X, y).predict(X)  # doctest: +SKIP
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):
    """A model as a transformer of scikit-learn: its outputs are the features.

    Parameters
    ----------
    model, warm_start, model_kwargs, fit_kwargs
        As in `SKLBase`.

    Examples
    --------
    >>> transformer = keras.wrappers.SKLearnTransformer(model)  # doctest: +SKIP
    >>> transformer.fit(X, y).transform(X)  # doctest: +SKIP
    """

    def transform(self, X):
        """What the model gives."""
        return self.model_.predict(self._checked(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
