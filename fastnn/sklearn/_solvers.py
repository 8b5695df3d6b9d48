"""How estimators are fitted: epochs of SGD or Adam by `fastnn.training`, or L-BFGS by SciPy."""
import warnings

import numpy as np
import scipy.optimize
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from fastnn import kernels
from fastnn.sklearn._callbacks import Fit, Tasks, epoch_callbacks
from fastnn.sklearn._network import Optimizer, threads
from fastnn.training.dense import dense_rows
from fastnn.training.loop import train

MOST_EPOCHS = 16  # in one call: how many threads it gets is decided at its begin, and may be wrong soon


def engine_rows(X):
    """X as the engine takes it: an array, or the arrays of a CSR matrix."""
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        return X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return np.ascontiguousarray(X)


def _mean(values, weight):
    return float(np.average(values, weights=weight))


class Epochs:
    """The batches of a fit: a whole epoch at once, or one by one if a callback looks at each."""

    def __init__(self, estimator, order, batch_size):
        self.estimator, self.order, self.batch_size = estimator, order, batch_size
        self.whole = True

    def __len__(self):
        return 1 if self.whole else -(-len(self.order) // self.batch_size)

    def random(self):
        """Whose `shuffle` brings the order of an epoch into that of the next, as scikit-learn does; or None."""
        return self.estimator._random_state if self.estimator.shuffle else None

    def __iter__(self):
        if self.estimator.shuffle:
            self.random().shuffle(self.order)
        size = len(self.order) if self.whole else self.batch_size
        for begin in range(0, len(self.order), size):
            yield self.order[begin:begin + size]


class StochasticFit:
    """What happens in and between the epochs of a fit; `rows`: those of X to learn from, all without it."""

    def __init__(self, estimator, X, y, target, sample_weight, incremental, rows=None):
        self.estimator, self.incremental, self.held = estimator, incremental, None
        self.tasks = Tasks(estimator, X, y, sample_weight, estimator.max_iter, self._attributes)
        self.stack = estimator._stack(**estimator._loss_settings(), l2=float(estimator.alpha),
                                      dropout=float(estimator.dropout), draw=estimator._random_state.random_sample)
        if not incremental or not hasattr(estimator, "_optimizer"):
            estimator._optimizer = Optimizer(estimator, self.stack.params)
        if estimator.early_stopping:
            if rows is not None:
                X, y, target = X[rows], y[rows], target[rows]
                sample_weight, rows = None if sample_weight is None else sample_weight[rows], None
            (X, target, sample_weight), self.held = estimator._split(X, y, target, sample_weight)
        self.x, self.target, self.sample_weight = engine_rows(X), np.ascontiguousarray(target), sample_weight
        order = np.arange(X.shape[0]) if rows is None else np.array(rows, np.int64)
        self.rows = len(order)
        self.constant = estimator._loss_constant(self.target, sample_weight)
        self.batch_size = estimator._batch_size(self.rows)
        self.fit = Fit(estimator, self.stack, estimator._optimizer)
        self.batches = Epochs(estimator, order, self.batch_size)
        self.callbacks = epoch_callbacks(estimator, self.fit, estimator.max_iter, -(-self.rows // self.batch_size))
        self.batches.whole = self.callbacks.batch_hooks("train") == (None, None)
        self.threads = threads(estimator.n_jobs)
        self.count = bool(self.callbacks.callbacks) and self.stack.loss in ("cross_entropy", "bce_with_logits")
        self.keep_best()

    def keep_best(self):
        if self.held is not None:
            self.best = self.fit.get_weights()

    def _attributes(self):
        """What makes a copy of the estimator predict as it would now."""
        return {name: [array.copy() for array in getattr(self.estimator, name)] for name in ("coefs_", "intercepts_")}

    def certain(self):
        """How many epochs come for sure, and need nothing from those before them but the parameters."""
        me = self.estimator
        changing = self.held is not None or self.constant is not None or me.verbose \
            or me.solver == "sgd" and me.learning_rate == "invscaling"
        left = min(me.max_iter - me.n_iter_, MOST_EPOCHS)
        return min(left, 1) if changing else int(min(left, me.n_iter_no_change + 1 - me._no_improvement_count))

    def begin(self):
        self.sum, self.counted, self.right = 0.0, 0, 0
        self.tasks.begin_epoch()

    def step(self, order):
        loss, right = self.stack.epoch(self.estimator._optimizer, self.x, self.target, order, self.batch_size,
                                       self.sample_weight, count=self.count, threads=self.threads)
        self.add(order, loss, right)

    def add(self, order, loss, right):
        """What an epoch, or a batch of it, gave."""
        self.sum += self._sum(order, loss)
        self.counted += len(order)
        self.right += right

    def _sum(self, order, loss):
        return (loss if self.constant is None else loss + self._constant_of(order)) * len(order)

    def add_all(self, found):
        """What an ensemble's call gave: (loss, right) of whole epochs, none if it was interrupted in the first."""
        order = self.batches.order
        if found:
            self.tell([self._sum(order, loss) / self.rows for loss, _ in found])

    def _constant_of(self, order):
        """Mean of the losses' constant parts, as batches weight it."""
        values = self.constant[order].astype(np.float64)
        if self.sample_weight is None:
            return values.mean()
        weight, starts = self.sample_weight[order].astype(np.float64), range(0, len(order), self.batch_size)
        sizes = np.diff([*starts, len(order)])
        return float((np.add.reduceat(values * weight, starts) / np.add.reduceat(weight, starts) * sizes).sum()
                     / len(order))

    def results(self, logs):
        found = {"loss": self.sum / self.counted}
        if self.count:
            answers = 1 if self.target.ndim == 1 else self.target.shape[1]
            found["accuracy"] = self.right / (self.counted * answers)
        return found

    def end(self, epoch):
        """After an epoch."""
        logs = self.tell([self.sum / self.counted])
        if self.tasks.end_epoch():
            self.fit.stop_training = True
        return logs

    def tell(self, losses):
        """After epochs, one or several that were `certain`: what scikit-learn keeps, and whether to stop."""
        me = self.estimator
        me.n_iter_ += len(losses)
        me.t_ += self.rows * len(losses)
        me.loss_ = losses[-1]
        me.loss_curve_ += losses
        if me.verbose:
            print(f"Iteration {me.n_iter_}, loss = {me.loss_:.8f}")
        logs = self.validate() if self.held is not None else self.compare(losses)
        me._optimizer.epoch_ends(me.t_)
        if me._no_improvement_count > me.n_iter_no_change:
            what = "Validation score" if self.held is not None else "Training loss"
            message = f"{what} did not improve more than tol={me.tol:f} for {me.n_iter_no_change} consecutive epochs."
            if me._optimizer.stops(message, me.verbose):
                self.fit.stop_training = True
            else:
                me._no_improvement_count = 0
        return logs

    def compare(self, losses):
        me = self.estimator
        count, best, tol = me._no_improvement_count, me.best_loss_, me.tol
        for loss in losses:
            count = count + 1 if loss > best - tol else 0
            best = min(best, loss)
        me._no_improvement_count, me.best_loss_ = count, best

    def validate(self):
        me = self.estimator
        X, y, target, weight = self.held
        out = me._decisions(X)
        score = me._validation_score(out, y, target, weight)
        loss = self.stack.loss_and_gradient(out, target, weight)[0]
        constant = me._loss_constant(target, weight)
        loss += 0.0 if constant is None else _mean(constant, weight)
        me.validation_scores_.append(score)
        me.validation_loss_curve_.append(loss)
        if me.verbose:
            print(f"Validation score: {score:f}")
        me._no_improvement_count = \
            me._no_improvement_count + 1 if score < me.best_validation_score_ + me.tol else 0
        if score > me.best_validation_score_:
            me.best_validation_score_ = score
            self.keep_best()
        return {"val_loss": loss, me._score_name: score}

    def run(self):
        me = self.estimator
        try:
            me.n_iter_ = 0
            train(self.fit, self.step, self.batches, self.callbacks, self.results, validate=self.end, reset=self.begin,
                  epochs=1 if self.incremental else me.max_iter)
            if not self.incremental and not self.fit.stop_training and me.n_iter_ == me.max_iter:
                me._warn_of_convergence()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self.finish()

    def finish(self):
        if self.held is not None:
            self.fit.set_weights(self.best)
        self.tasks.end()


def fit_stochastic(estimator, X, y, target, sample_weight, incremental):
    StochasticFit(estimator, X, y, target, sample_weight, incremental).run()


def fit_lbfgs(estimator, X, y, target, sample_weight, incremental):
    """All rows at once, in float64, whatever the data's dtype: the line search compares losses that differ little."""
    tasks = Tasks(estimator, X, y, sample_weight, 0, dict)
    dtype, outer = X.dtype, (estimator.coefs_, estimator.intercepts_)
    x = engine_rows(X)
    if isinstance(x, tuple):
        x = dense_rows(x, slice(None), X.shape[1], np.float64)
    x, target = x.astype(np.float64, copy=False), \
        target if target.dtype.kind == "i" else target.astype(np.float64, copy=False)
    weight = None if sample_weight is None else sample_weight.astype(np.float64)
    shapes = [array.shape for part in outer for array in part]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    packed = np.concatenate([array.ravel() for part in outer for array in part]).astype(np.float64)
    estimator.coefs_, estimator.intercepts_ = _unpack(packed.copy(), ends, shapes)
    stack = estimator._stack(**estimator._loss_settings(), l2=float(estimator.alpha))
    params = stack.params
    constant = estimator._loss_constant(target, weight)
    constant = 0.0 if constant is None else _mean(constant, weight)
    verbose = estimator.verbose

    def loss_and_gradient(values):
        for param, begin, end in zip(params, ends, ends[1:]):
            param.reshape(-1)[:] = values[begin:end]
        loss, grads, size, _ = stack.gradients(x, target, weight)
        gradient = np.concatenate([grad.ravel() for grad in grads])
        if estimator.alpha:
            decaying = ends[len(stack.weights)]
            gradient[:decaying] += (estimator.alpha / size) * values[:decaying]
        if verbose:
            print(f"L-BFGS, loss = {loss + constant:.8f}")
        return loss + constant, gradient

    before = kernels._core.limit_threads(threads(estimator.n_jobs))
    try:
        result = scipy.optimize.minimize(
            loss_and_gradient, packed, method="L-BFGS-B", jac=True,
            options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol})
    finally:
        kernels._core.limit_threads(before)
        estimator.coefs_, estimator.intercepts_ = outer
    estimator.n_iter_, estimator.loss_ = min(result.nit, estimator.max_iter), float(result.fun)
    coefs, intercepts = _unpack(result.x.astype(dtype), ends, shapes)
    estimator.coefs_, estimator.intercepts_ = coefs, intercepts
    if result.status != 0:
        warnings.warn(f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}):\n"
                      f"{result.message}\n\nYou might also want to scale the data or to increase the number of "
                      "iterations (max_iter) or of function calls (max_fun).", ConvergenceWarning, stacklevel=4)
    tasks.end()


def _unpack(values, ends, shapes):
    arrays = [values[begin:end].reshape(shape).copy() for begin, end, shape in zip(ends, ends[1:], shapes)]
    half = len(arrays) // 2
    return arrays[:half], arrays[half:]
