"""The scikit-learn door: multi-layer perceptrons for pipelines and searches, on fastnn's engine.

`MLPClassifier` and `MLPRegressor` take the place of scikit-learn's by one changed import, and have what those lack.

Examples
--------
>>> from fastnn.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> x, y = load_iris(return_X_y=True)
>>> model = MLPClassifier((16,), solver="lbfgs", random_state=0).fit(x, y)
>>> bool(model.score(x, y) > 0.95)
True
"""
try:
    import sklearn
except ImportError as error:
    raise ImportError("fastnn.sklearn needs scikit-learn, whose estimators it joins: pip install 'fastnn-cpu[sklearn]' "
                      "(scikit-learn 1.6 or newer)", name="sklearn") from error

from fastnn.sklearn._autoencoder import Autoencoder
from fastnn.sklearn._classifier import MLPClassifier
from fastnn.sklearn._ensemble import MLPEnsemble
from fastnn.sklearn._regressor import MLPQuantileRegressor, MLPRegressor

__all__ = ["Autoencoder", "MLPClassifier", "MLPEnsemble", "MLPQuantileRegressor", "MLPRegressor"]
