"""Many networks of one kind, trained side by side."""
import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state, column_or_1d, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn.sklearn._base import STOCHASTIC
from fastnn.sklearn._classifier import MLPClassifier
from fastnn.sklearn._network import threads
from fastnn.sklearn._regressor import BaseMLPRegressor
from fastnn.sklearn._solvers import StochasticFit
from fastnn.training.dense import train_side_by_side


def _classifies(ensemble):
    if not isinstance(ensemble._kind(), MLPClassifier):
        raise AttributeError(f"predict_proba: {type(ensemble._kind()).__name__} predicts no classes")
    return True


class MLPEnsemble(MetaEstimatorMixin, BaseEstimator):
    """Networks that differ in their seeds, or also in their rows, trained side by side on all cores.

    Their mean is a better prediction than that of one, and their spread says how much the answer depends on chance
    (Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive uncertainty estimation using deep ensembles,
    2017). An epoch of all networks is one call without Python; member i is, bit for bit, what `estimator` with the seed
    ``estimators_[i].random_state`` becomes alone on its rows.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or MLPQuantileRegressor
        What each member is a copy of. Its `callbacks` must be None.
    n_estimators : int, default=10
    samples : {"all", "bootstrap", "folds"}, default="all"
        The rows of a member: all; as many drawn with replacement (Breiman, Bagging predictors, 1996); or all but one of
        `n_estimators` parts, each member another one.
    random_state : int, RandomState instance or None, default=None
        Gives the members' seeds and rows.
    n_jobs : int or None, default=None
        Most threads; None and -1: as many as fastnn may use.

    Attributes
    ----------
    estimators_ : list of estimators
    rows_ : list of arrays, or None
        The rows of each member.
    classes_ : array
        Of classifiers.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.sklearn import MLPRegressor
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = MLPEnsemble(MLPRegressor(hidden_layer_sizes=(16,), learning_rate_init=0.01, tol=0, max_iter=100),
    ...                     5, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # 100 epochs do not converge
    ...     mean, spread = model.fit(x, np.sin(3 * x.ravel())).predict([[0.0], [9.0]], return_std=True)
    >>> bool(spread[0] < 0.2 < spread[1])
    True
    """

    _parameter_constraints: dict = {
        "estimator": [MLPClassifier, BaseMLPRegressor],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "samples": [StrOptions({"all", "bootstrap", "folds"})],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
    }

    def __init__(self, estimator, n_estimators=10, *, samples="all", random_state=None, n_jobs=None):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.samples = samples
        self.random_state = random_state
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Fit all members to X (rows, features), dense or sparse, and y.

        Ctrl-C ends the training of all members after the steps they have made, with a warning; with lbfgs, or before
        the first step, it leaves the ensemble as it was.

        Returns
        -------
        self
        """
        before = dict(vars(self))
        try:
            self._fit(X, y, sample_weight)
        except BaseException:  # no member is newer than another, or than `classes_`
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _fit(self, X, y, sample_weight):
        self.estimator._validate_params()
        if self.estimator.callbacks:
            raise ValueError("MLPEnsemble: members are trained side by side, and take no callbacks")
        self.estimator._check_possible()
        threads(self.n_jobs)
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True,
                             y_numeric=not is_classifier(self.estimator), dtype=self.estimator._dtypes())
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        random = check_random_state(self.random_state)
        seeds = random.randint(np.iinfo(np.int32).max, size=int(self.n_estimators))
        self.rows_ = self._rows(X.shape[0], random)
        given = clone(self.estimator).get_params(deep=False)
        self.estimators_ = [type(self.estimator)(**{**given, "random_state": int(seed)}) for seed in seeds]
        if self.estimator.solver in STOCHASTIC:
            self._fit_together(X, y, sample_weight)
        else:
            for member, rows in zip(self.estimators_, self.rows_ or [slice(None)] * self.n_estimators):
                member.fit(X[rows], y[rows], None if sample_weight is None else sample_weight[rows])
        if is_classifier(self.estimator):
            self.classes_ = self.estimators_[0].classes_ if y.ndim == 2 else np.unique(y)

    def _rows(self, rows, random):
        if self.samples == "all":
            return None
        if self.samples == "bootstrap":
            return [random.randint(rows, size=rows) for _ in range(self.n_estimators)]
        if not 2 <= self.n_estimators <= rows:
            raise ValueError(f"samples='folds' leaves out one of n_estimators parts: expected 2 to {rows} of them, got "
                             f"{self.n_estimators}")
        parts = KFold(self.n_estimators, shuffle=True, random_state=random).split(np.empty((rows, 1)))
        return [kept for kept, _ in parts]

    def _fit_together(self, X, y, sample_weight):
        """Epoch after epoch of all members that have not stopped."""
        first, *others = self.estimators_
        data = first._prepare(X, y, sample_weight, False)
        for member in others:
            member._prepare_like(first, data[0].dtype)
        fits = [StochasticFit(member, *data[:3], weight, False, rows)
                for member, (weight, rows) in zip(self.estimators_, self._weights(sample_weight, data))]
        for member in self.estimators_:
            member.n_iter_ = 0
        try:
            unfinished = self._epochs(fits)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
            unfinished = 0
        for fit in fits:
            fit.finish()
            fit.estimator._check_finite()
        if unfinished:
            warnings.warn(f"MLPEnsemble: {unfinished} of {len(fits)} members reached the maximum of iterations "
                          f"({self.estimator.max_iter}) and have not converged yet.", ConvergenceWarning, stacklevel=5)

    def _weights(self, sample_weight, data):
        """(weights of samples, rows) of each member; classes are as frequent as they are in its own rows."""
        if self.rows_ is None:
            return [(data[3], None)] * len(self.estimators_)
        if getattr(self.estimator, "class_weight", None) != "balanced":
            return [(data[3], rows) for rows in self.rows_]
        X, y = data[:2]
        return [(self.estimators_[0]._weighted(sample_weight, y, X.dtype, rows=rows), rows) for rows in self.rows_]

    def _epochs(self, active):
        """Epochs of all members that have not stopped; returns how many have reached the maximum."""
        unfinished = 0
        while active:
            results = [[] for _ in active]
            try:
                train_side_by_side(
                    [fit.stack for fit in active], [fit.estimator._optimizer for fit in active],
                    [fit.x for fit in active], [fit.target for fit in active], [fit.batches.order for fit in active],
                    [fit.batch_size for fit in active], [fit.sample_weight for fit in active],
                    threads=threads(self.n_jobs), numbers=[fit.certain() for fit in active],
                    shuffles=[fit.batches.random() for fit in active], results=results)
            finally:  # what has been learnt is told, too, by members of an ensemble that is interrupted
                for fit, found in zip(active, results):
                    fit.add_all(found)
            going = [fit for fit in active if not fit.fit.stop_training]
            active = [fit for fit in going if fit.estimator.n_iter_ < self.estimator.max_iter]
            unfinished += len(going) - len(active)
        return unfinished

    # ---- predictions ----

    def _kind(self):
        """A member; before a fit what they will be copies of."""
        return self.estimators_[0] if hasattr(self, "estimators_") else self.estimator

    def _check(self, X):
        check_is_fitted(self)
        return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False, dtype=(np.float64, np.float32))

    def predict_members(self, X):
        """What each member predicts: (members, rows) or (members, rows, outputs); of classifiers the probabilities
        (members, rows, classes)."""
        X = self._check(X)
        values = [member._activated(member._decisions(X)) for member in self.estimators_]
        if is_classifier(self._kind()):
            values = [self._of_all_classes(member, v) for member, v in zip(self.estimators_, values)]
        else:
            values = [v.ravel() if v.shape[1] == 1 else v for v in values]
        return np.stack(values)

    def _of_all_classes(self, member, values):
        """A member's probabilities; those of classes that its rows lack are 0."""
        if member.n_outputs_ == 1:
            values = np.column_stack([1 - values.ravel(), values.ravel()])
        if len(member.classes_) == len(self.classes_):
            return values
        if len(member.classes_) == 1:
            values = np.ones((len(values), 1), values.dtype)
        found = np.zeros((len(values), len(self.classes_)), values.dtype)
        found[:, np.searchsorted(self.classes_, member.classes_)] = values
        return found

    def predict(self, X, return_std=False):
        """The mean of the members' predictions, of classifiers the class whose mean probability is largest.

        Parameters
        ----------
        X : array (rows, features)
        return_std : bool
            Of regressors: return the standard deviation over members, too.

        Returns
        -------
        array (rows,) or (rows, outputs), or two of them
        """
        check_is_fitted(self)
        if is_classifier(self._kind()):
            if return_std:
                raise ValueError("predict: classes have no standard deviation; predict_proba has return_std")
            mean = self.predict_members(X).mean(0)
            if self.estimators_[0]._label_binarizer.y_type_.startswith("multilabel"):
                return (mean > 0.5).astype(int)
            return np.repeat(self.classes_, len(mean)) if len(self.classes_) == 1 else self.classes_[mean.argmax(1)]
        values = self.predict_members(X)
        return (values.mean(0), values.std(0)) if return_std else values.mean(0)

    @available_if(_classifies)
    def predict_proba(self, X, return_std=False):
        """Mean probabilities (rows, classes), and with `return_std` their standard deviations over members."""
        values = self.predict_members(X)
        return (values.mean(0), values.std(0)) if return_std else values.mean(0)

    def score(self, X, y, sample_weight=None):
        """Accuracy of classifiers, R2 of regressors."""
        metric = accuracy_score if is_classifier(self._kind()) else r2_score
        return metric(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type, tags.classifier_tags = inner.estimator_type, inner.classifier_tags
        tags.regressor_tags, tags.target_tags = inner.regressor_tags, inner.target_tags
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags
