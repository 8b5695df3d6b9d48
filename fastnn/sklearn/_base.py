"""What all estimators of the door share: parameters, layers, forward passes and the fit."""
import warnings
from numbers import Integral, Real

import numpy as np
import scipy.sparse
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn import kernels
from fastnn.sklearn import _solvers
from fastnn.sklearn._callbacks import CallbackSupportMixin, check_callbacks
from fastnn.sklearn._network import ACTIVATIONS, OUTPUTS, threads
from fastnn.training.dense import BatchNorm, DenseStack

STOCHASTIC = ("sgd", "adam")
CHUNK = 4096  # rows of a sparse matrix that are dense at a time


def keep(estimator, given):
    """Parameters of ``__init__`` as attributes, as scikit-learn wants them: as they came."""
    for name, value in given.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def through(stack, X):
    """What a stack makes of X, an array or a sparse matrix, in the stack's dtype."""
    dtype = stack.weights[0].dtype
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        return np.concatenate([stack.forward(X[i:i + CHUNK].toarray().astype(dtype, copy=False))
                               for i in range(0, X.shape[0], CHUNK)])
    if X.dtype != dtype:
        with np.errstate(over="ignore"):
            X, given = X.astype(dtype), X
        if dtype.itemsize < given.dtype.itemsize and not np.isfinite(X).all() and np.isfinite(given).all():
            raise ValueError(f"Input X contains a value too large for {dtype!r}, in which the estimator was fitted.")
    return stack.forward(X)


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """A multi-layer perceptron; subclasses say what its outputs and losses are."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dtype": [None, StrOptions({"float32", "float64"}), type, np.dtype],
        "n_jobs": [None, Integral],
        "callbacks": [None, list, tuple, HasMethods("set_model")],
    }

    # ---- what subclasses say ----

    def _out_activation(self):
        raise NotImplementedError

    def _loss_settings(self):
        """Arguments of `DenseStack` for the loss."""
        raise NotImplementedError

    def _validate_input(self, X, y, incremental, reset):
        """Checked X and the target y as the engine takes it."""
        raise NotImplementedError

    def _output_count(self, y):
        raise NotImplementedError

    def _stratify(self, y):
        return None

    def _weights_of_classes(self, y, incremental, rows):
        """Factors of the weights of all rows, by how frequent classes are in `rows` (None: in all)."""
        return None

    def _loss_constant(self, y, weight):
        """What the losses of rows have beside the engine's: an array, or None."""
        return None

    def _target(self, y, dtype):
        """y as the engine takes it."""
        raise NotImplementedError

    def _validation_score(self, out, y, target, weight):
        """The score of the last layer's values, NaN if they are not finite."""
        raise NotImplementedError

    # ---- layers ----

    def _hidden_layers(self):
        """Units of the hidden layers."""
        hidden = self.hidden_layer_sizes
        hidden = list(hidden) if hasattr(hidden, "__iter__") and getattr(hidden, "ndim", 1) else [hidden]
        if not all(isinstance(units, Integral) and not isinstance(units, bool) for units in hidden):
            raise InvalidParameterError(f"hidden_layer_sizes: expected whole numbers of units, got "
                                        f"{self.hidden_layer_sizes!r}")
        if any(units <= 0 for units in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return hidden

    def _hidden_activations(self):
        return [ACTIVATIONS[self.activation]] * (len(self.coefs_) - 1)

    def _dtypes(self):
        if self.dtype is None:
            return np.float64, np.float32
        dtype = np.dtype(self.dtype)
        if dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype: expected float32 or float64, got {dtype}")
        return dtype

    def _check_X(self, X, **options):
        return validate_data(self, X, accept_sparse=["csr", "csc"], dtype=self._dtypes(), **options)

    def _initialize(self, hidden, dtype):
        """Weights by Glorot & Bengio (2010), drawn as scikit-learn draws them."""
        layer_units = [self.n_features_in_, *hidden, self.n_outputs_]
        self.n_iter_, self.t_ = 0, 0
        self.n_layers_ = len(layer_units)
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        factor = 2.0 if self.activation == "logistic" else 6.0
        for fan_in, fan_out in zip(layer_units, layer_units[1:]):
            bound = np.sqrt(factor / (fan_in + fan_out))
            draw = self._random_state.uniform
            self.coefs_.append(draw(-bound, bound, (fan_in, fan_out)).astype(dtype, copy=False))
            self.intercepts_.append(draw(-bound, bound, fan_out).astype(dtype, copy=False))
        self.batch_norms_ = [BatchNorm(units, dtype) for units in layer_units[1:-1]] if self.batch_norm else None
        self._begin(True)

    def _begin(self, anew):
        """What a fit keeps beside the parameters; of a network that goes on, what it lacks."""
        self._activations = self._hidden_activations()
        if self.solver not in STOCHASTIC:
            return
        if anew or not hasattr(self, "loss_curve_"):
            self.loss_curve_, self._no_improvement_count = [], 0
        watches_validation = getattr(self, "validation_scores_", None) is not None
        if anew or not hasattr(self, "best_loss_") or watches_validation != bool(self.early_stopping):
            self.validation_scores_ = self.validation_loss_curve_ = None
            self.best_loss_, self.best_validation_score_ = np.inf, None
            if self.early_stopping:
                self.validation_scores_, self.validation_loss_curve_ = [], []
                self.best_loss_, self.best_validation_score_ = None, -np.inf

    def _check_same_network(self, hidden, outputs, dtype):
        """A network that goes on has the layers it has."""
        there = [np.shape(self.coefs_[0])[0], *(np.shape(coef)[1] for coef in self.coefs_)]
        norms = getattr(self, "batch_norms_", None) is not None
        found = dtype if self.dtype is None else np.asarray(self.coefs_[0]).dtype
        for what, asked, has in (("layers", [self.n_features_in_, *hidden, outputs], there), ("dtype", dtype, found),
                                 ("batch_norm", bool(self.batch_norm), norms)):
            if asked != has:
                raise ValueError(f"{type(self).__name__}: warm_start and partial_fit go on with the network that is "
                                 f"there, whose {what} cannot change: expected {has}, got {asked}")

    def _fitted_activations(self):
        """Those that the network was fitted with, whatever the parameters have become since."""
        fitted = getattr(self, "_activations", ())
        return fitted if len(fitted) == len(self.coefs_) - 1 else self._hidden_activations()  # of `coefs_` set by hand

    def _stack(self, **settings):
        """The network as the engine has it, over the arrays of `coefs_` and `intercepts_` themselves."""
        norms = getattr(self, "batch_norms_", None)
        return DenseStack(self.coefs_, self.intercepts_, [*self._fitted_activations(), None],
                          norms=norms and [*norms, None], **settings)

    def _decisions(self, X):
        """The last layer's values before its activation, for input that has been checked."""
        return through(self._stack(), X)

    def _activated(self, z):
        """The outputs' activation of the last layer's values."""
        if self.out_activation_ == "softmax":
            return kernels.softmax_forward(z, 1)
        name = OUTPUTS[self.out_activation_]
        return z if name is None else kernels.unary_forward(name, z)

    def _checked(self, X):
        """X for a prediction; what is plainly right takes a short way past scikit-learn's checks."""
        if not hasattr(self, "coefs_"):
            check_is_fitted(self)
        if type(X) is np.ndarray and X.ndim == 2 and X.dtype in (np.float32, np.float64) and len(X) \
                and X.shape[1] == self.n_features_in_ and not hasattr(self, "feature_names_in_") \
                and (np.isfinite(X).all() or get_config()["assume_finite"]):
            return X
        return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False, dtype=(np.float64, np.float32))

    # ---- fit ----

    def _fit(self, X, y, sample_weight=None, incremental=False):
        given = self._prepare(X, y, sample_weight, incremental)
        fit = _solvers.fit_lbfgs if self.solver == "lbfgs" else _solvers.fit_stochastic
        fit(self, *given, incremental)
        self._check_finite()
        return self

    def _check_finite(self):
        if not all(np.isfinite(array).all() for array in [*self.coefs_, *self.intercepts_]):
            raise ValueError("Solver produced non-finite parameter weights. The input data may contain large values "
                             "and need to be preprocessed.")

    def _prepare(self, X, y, sample_weight, incremental):
        """What solvers need: checked X and y, the target and weights as the engine takes them; layers are made."""
        hidden = self._hidden_layers()
        self._check_possible()
        first_pass = not hasattr(self, "coefs_") or not self.warm_start and not incremental
        X, y = self._validate_input(X, y, incremental, reset=first_pass)
        if not first_pass and self.solver in STOCHASTIC and self.dtype is None:  # it goes on in the dtype that it has
            dtype = np.asarray(self.coefs_[0]).dtype
            X = X.astype(dtype, copy=False) if dtype in (np.float32, np.float64) else X
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        sample_weight = self._weighted(sample_weight, y, X.dtype, incremental)
        target, outputs = self._target(y, X.dtype), self._output_count(y)
        if not first_pass:
            self._check_same_network(hidden, outputs, X.dtype)
        self.n_outputs_ = outputs
        self._random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(hidden, X.dtype)
        else:  # arrays that the user may have set, or loaded from a file for reading
            self.coefs_ = [np.require(coef, X.dtype, "CW") for coef in self.coefs_]
            self.intercepts_ = [np.require(intercept, X.dtype, "CW") for intercept in self.intercepts_]
            for owner in [*(getattr(self, "batch_norms_", None) or []), getattr(self, "_optimizer", None)]:
                if owner is not None:
                    owner.own()
            self._begin(False)
        return X, y, target, sample_weight

    def _weighted(self, sample_weight, y, dtype, incremental=False, rows=None):
        """Weights of samples, times those of their classes."""
        by_class = self._weights_of_classes(y, incremental, rows)
        if by_class is None:
            return sample_weight
        by_class = by_class.astype(dtype)
        return by_class if sample_weight is None else sample_weight * by_class

    def _prepare_like(self, other, dtype):
        """As `_prepare`, after another estimator of the same parameters has prepared the same data."""
        for name in ("n_features_in_", "n_outputs_", "classes_", "_label_binarizer"):
            if name in other.__dict__:
                setattr(self, name, other.__dict__[name])
        self._random_state = check_random_state(self.random_state)
        self._initialize(self._hidden_layers(), dtype)

    def _check_possible(self):
        threads(self.n_jobs)
        check_callbacks(self.callbacks)
        if self.solver == "lbfgs" and (self.dropout or self.batch_norm):
            raise ValueError("solver='lbfgs' sees all rows at once and steps by their exact loss: dropout and "
                             "batch_norm need solver='sgd' or 'adam'")
        if self.solver == "lbfgs" and (self.callbacks or self.weight_decay):
            raise ValueError(f"solver='lbfgs' takes no {'callbacks' if self.callbacks else 'weight_decay'}: use "
                             "solver='sgd' or 'adam'" + ("" if self.callbacks else ", or alpha"))

    def _split(self, X, y, target, sample_weight):
        """(X, target, weights) of training, and the same with y of validation."""
        given = [X, y, target] + ([] if sample_weight is None else [sample_weight])
        parts = train_test_split(*given, random_state=self._random_state, test_size=self.validation_fraction,
                                 stratify=self._stratify(y))
        train, held = parts[::2], parts[1::2]
        if held[0].shape[0] < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your "
                             "dataset.")
        return (train[0], train[2], train[3] if sample_weight is not None else None), \
            (held[0], held[1], held[2], held[3] if sample_weight is not None else None)

    def _batch_size(self, rows):
        if self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                          stacklevel=4)
        return int(np.clip(self.batch_size, 1, rows))

    def _warn_of_convergence(self):
        warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                      "converged yet.", ConvergenceWarning, stacklevel=4)

    def _check_solver(self):
        if self.solver not in STOCHASTIC:
            raise AttributeError("partial_fit is only available for stochastic optimizers. "
                                 f"{self.solver} is not stochastic.")
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
