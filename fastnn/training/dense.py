"""Stacks of dense layers: what the doors train when a model is nothing else.

`DenseStack` has two modes. Where layers, loss and optimizer allow it, `fastnn.kernels.dense` runs whole epochs
without Python; else a loop over batches calls kernels one by one. Both give the same bits.
"""
import numpy as np

from fastnn import kernels
from fastnn._tensor import Tensor, from_array
from fastnn.autograd import enable_grad
from fastnn.errors import ShapeError
from fastnn.kernels import _core
from fastnn.kernels.dense import DenseTrainer, epochs
from fastnn.utils.data._rows import take_rows

# What each optimizer keeps for a parameter beside its number of steps.
STATES = {"sgd": 1, "adam": 2, "rmsprop": 1, "adagrad": 1}


def _own(arrays):
    """Arrays that may be written to; copies of those of a file that was opened for reading."""
    return [np.require(array, requirements="CW") for array in arrays]


def _sum_in_order(values):
    """As C adds them. Python's sum() compensates rounding since 3.12, NumPy's adds in pairs."""
    return float(np.add.accumulate(values, dtype=np.float64)[-1])


class BatchNorm:
    """Batch normalisation of a layer's values before their activation (Ioffe & Szegedy, 2015).

    Parameters
    ----------
    units : int
    dtype : dtype
    momentum : float
        Share of the newest batch in the running statistics.
    eps : float
    """

    def __init__(self, units, dtype, momentum=0.1, eps=1e-5):
        self.weight, self.bias = np.ones(units, dtype), np.zeros(units, dtype)
        self.mean, self.var = np.zeros(units, dtype), np.ones(units, dtype)
        self.momentum, self.eps = momentum, eps

    def forward(self, z, training):
        return kernels.batch_norm_forward(z, self.weight, self.bias, self.mean, self.var, training, self.momentum,
                                          self.eps)

    def arrays(self):
        return [self.weight, self.bias, self.mean, self.var]

    def own(self):
        """Copy what may not be written to."""
        self.weight, self.bias, self.mean, self.var = _own(self.arrays())


class DenseOptimizer:
    """State and hyper-parameters of an optimizer for the parameters of a `DenseStack`.

    Parameters
    ----------
    name : {"sgd", "adam", "rmsprop", "adagrad"}
    params : list of arrays
        In the order of `DenseStack.params`.
    lr : float
    state, steps : lists, optional
        As `fastnn.kernels.dense.DenseTrainer` takes them; new ones, zeros, without them.
    **settings
        Momentum and the like, by the names that `DenseTrainer` has for them.
    """

    def __init__(self, name, params, lr=0.001, state=None, steps=None, **settings):
        if name not in STATES:
            raise ValueError(f"dense: unknown optimizer {name!r}; known: {', '.join(STATES)}")
        self.name, self.lr, self.settings = name, lr, settings
        if state is None:
            count = STATES[name] if name != "sgd" or settings.get("momentum") else 0
            state = [[np.zeros_like(param) for param in params] for _ in range(count)]
        self.state = list(state)
        self.steps = steps
        if steps is None and name != "sgd":
            self.steps = [np.zeros(1, np.float32) for _ in params]

    def own(self):
        """Copy what may not be written to."""
        self.state = [_own(arrays) for arrays in self.state]
        self.steps = self.steps and _own(self.steps)

    def step(self, params, grads, weights, penalty):
        """One step for all parameters; `penalty` times their values belongs to the gradients of the first `weights`."""
        decay = self.settings.get("weight_decay", 0.0)
        biases = decay if self.settings.get("decay_biases") else 0.0
        if penalty == 0 and biases == decay:
            self._step(slice(None), params, grads, 0.0, decay)
        else:
            self._step(slice(0, weights), params, grads, penalty, decay)
            self._step(slice(weights, None), params, grads, 0.0, biases)

    def _step(self, part, params, grads, penalty, decay):
        params, grads, settings = params[part], grads[part], self.settings
        state = [arrays[part] for arrays in self.state]
        momentum, beta2 = settings.get("momentum", 0.0), settings.get("beta2", 0.999)
        eps, decoupled = settings.get("eps", 1e-8), settings.get("decoupled", False) and decay != 0
        if not params:
            return
        if decoupled and (self.name != "adam" or penalty != 0):  # no kernel does both
            kernels.scale_arrays(params, 1 - self.lr * decay)
            decoupled, decay = False, 0.0
        if not decoupled:
            decay += penalty
        if self.name == "sgd":
            kernels.sgd_step(params, grads, state[0] if state else None, self.lr, momentum if state else 0.0, 0.0,
                             decay, settings.get("nesterov", False))
            return
        steps = self.steps[part]
        if self.name == "adam":
            if settings.get("outer_eps") and beta2 > 0:
                eps /= np.sqrt(1 - beta2 ** (float(steps[0][0]) + 1))
            kernels.adam_step(params, grads, state[0], state[1], state[2] if len(state) > 2 else None, steps, self.lr,
                              settings.get("beta1", 0.9), beta2, eps, decay, decoupled)
        elif self.name == "rmsprop":
            kernels.rmsprop_step(params, grads, state[0], None, state[1] if len(state) > 1 else None, steps, self.lr,
                                 beta2, eps, decay, momentum)
        else:
            kernels.adagrad_step(params, grads, state[0], steps, self.lr, 0.0, decay, eps)


class DenseStack:
    """``h = dropout(f(norm(h @ weight + bias)))`` layer after layer, with a loss.

    Parameters and an optimizer's state are changed in place; the arrays, and the optimizer's settings beside its `lr`,
    must stay the same as long as the stack is used.

    Parameters
    ----------
    weights, biases, activations
        As `fastnn.kernels.dense.DenseTrainer` takes them.
    loss : str or callable
        A name as there; or ``loss(prediction, target)`` of tensors, which gives a number or the losses of rows.
    a, b, loss_scale, grad_scale, l2, normalize
        As there.
    norms : list of BatchNorm or None, optional
    dropout : float
        Probability that a value of a hidden layer is left out of a step (Srivastava et al., 2014).
    draw : callable, optional
        ``draw(shape)``: uniform numbers in [0, 1), for dropout.

    Examples
    --------
    >>> stack = DenseStack([np.ones((2, 1))], [np.zeros(1)], [None], "mse")
    >>> optimizer = DenseOptimizer("sgd", stack.params, lr=0.1)
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0], [3.0]])
    >>> for _ in range(3):
    ...     loss, right = stack.epoch(optimizer, x, y, batch_size=2)
    >>> round(float(loss), 3)
    0.896
    """

    def __init__(self, weights, biases, activations, loss="mse", *, a=0.0, b=0.0, loss_scale=1.0, grad_scale=1.0,
                 l2=0.0, normalize=True, norms=None, dropout=0.0, draw=None):
        self.weights, self.biases, self.loss = list(weights), list(biases), loss
        self.activations = [activation if isinstance(activation, tuple) else (activation, 0.0, 0.0)
                            for activation in activations]
        self.a, self.b, self.loss_scale, self.grad_scale = a, b, loss_scale, grad_scale
        self.l2, self.normalize, self.dropout, self.draw = l2, normalize, dropout, draw
        self.norms = norms or [None] * len(weights)
        self._trainer = self._trained_by = None

    @property
    def params(self):
        """All parameters: weights, then biases, then those of the norms."""
        norms = [norm for norm in self.norms if norm is not None]
        return self.weights + [bias for bias in self.biases if bias is not None] \
            + [norm.weight for norm in norms] + [norm.bias for norm in norms]

    @property
    def compiled(self):
        """Whether epochs run without Python."""
        return not (self.dropout or callable(self.loss) or any(self.norms) or _core.get_use_reference())

    # ---- forward ----

    def forward(self, x, record=None):
        """Values of the last layer; `record`, a list, makes it a step of training and takes what backward needs."""
        h, last, training = x, len(self.weights) - 1, record is not None
        for i, (weight, bias, norm, activation) in enumerate(zip(self.weights, self.biases, self.norms,
                                                                 self.activations)):
            name, a, b = activation
            fused = norm is None and name is not None and "x" not in kernels.unary_saves(name)
            below, mask, mean, rstd, z = h, None, None, None, None
            h = kernels.linear_forward(h, weight.T, bias, *(activation if fused else ()))
            plain = h
            if norm is not None:
                h, mean, rstd = norm.forward(h, training and len(h) > 1)  # one row has no variance
            if name is not None and not fused:
                z, h = h, kernels.unary_forward(name, h, a, b)
            y = h
            if training and self.dropout and i < last:
                mask = self.draw(h.shape) >= self.dropout
                h = kernels.dropout_forward(h, mask, self.dropout)
            if training:
                record.append((below, plain, mean, rstd, z, y, mask, fused))
        return h

    # ---- backward ----

    def backward(self, grad, record):
        """Gradients of all parameters, in their order, from that of the last layer's values."""
        weights, biases, gammas, betas = [], [], [], []
        for i in range(len(self.weights) - 1, -1, -1):
            below, plain, mean, rstd, z, y, mask, fused = record[i]
            activation, norm = self.activations[i], self.norms[i]
            if mask is not None:
                grad = kernels.dropout_backward(grad, mask, self.dropout)
            if z is not None:
                grad = kernels.unary_backward(activation[0], grad, z, y, *activation[1:])
            if norm is not None:
                grad, dw, db = kernels.batch_norm_backward(grad, plain, mean, rstd, norm.weight,
                                                           len(plain) > 1)
                gammas.append(dw)
                betas.append(db)
            grad, dw, db = kernels.linear_backward(grad, below, self.weights[i].T, y if fused else None,
                                                   *(activation if fused else (None,)), need_x=i > 0,
                                                   need_bias=self.biases[i] is not None)
            weights.append(dw.T)
            if db is not None:
                biases.append(db)
        return weights[::-1] + biases[::-1] + gammas[::-1] + betas[::-1]

    def loss_and_gradient(self, out, y, sample_weight=None):
        """The mean loss of a batch, and its gradient by the last layer's values."""
        total = None
        if sample_weight is not None:
            total = _sum_in_order(sample_weight) if self.normalize else len(out)
            if total == 0:
                raise ZeroDivisionError("dense: the sample weights of a batch sum to zero, they cannot be normalized")
        if callable(self.loss):
            return self._called_loss(out, y, sample_weight, total)
        one = np.asarray(self.grad_scale, out.dtype)
        if self.loss == "cross_entropy":
            if sample_weight is None:
                loss, saved = kernels.cross_entropy_forward(out, y)
                return self.loss_scale * float(loss), kernels.cross_entropy_backward(one, out, y, saved)[0]
            factors = (sample_weight.astype(np.float64) / total).astype(out.dtype)
            losses, saved = kernels.cross_entropy_forward(out, y, reduction="none")
            loss = _sum_in_order(losses.astype(np.float64) * factors)
            return self.loss_scale * loss, \
                kernels.cross_entropy_backward(factors * one, out, y, saved, reduction="none")[0]
        factors = None
        if sample_weight is not None:
            factors = (sample_weight.astype(np.float64) * (len(out) / total)).astype(out.dtype)[:, None]
        loss = kernels.pointwise_loss_forward(self.loss, out, y, factors, a=self.a, b=self.b)
        grad, _ = kernels.pointwise_loss_backward(self.loss, one, out, y, factors, a=self.a, b=self.b)
        return self.loss_scale * float(loss), grad

    @enable_grad()
    def _called_loss(self, out, y, sample_weight, total):
        prediction = from_array(out.copy())  # functions may write into what they get
        prediction.requires_grad_(True)
        loss = self.loss(prediction, from_array(y.copy()))
        self._check_loss(loss, len(out), sample_weight is not None)
        if sample_weight is not None:
            losses = loss.reshape(len(out), -1).mean(1)
            loss = (losses * from_array((sample_weight.astype(np.float64) / total).astype(out.dtype))).sum()
        elif loss.ndim:
            loss = loss.mean()
        loss.backward()
        if prediction.grad is None:
            raise ValueError("loss: expected one that depends on the prediction")
        return self.loss_scale * loss.item(), prediction.grad.numpy() * np.asarray(self.grad_scale, out.dtype)

    @staticmethod
    def _check_loss(loss, rows, weighted):
        """Whether a function has returned what a loss is."""
        if not isinstance(loss, Tensor):
            raise TypeError(f"loss: expected the function to return a tensor of fastnn, got {type(loss).__name__}")
        if loss.ndim and len(loss) != rows:
            raise ValueError(f"loss: expected one number or the losses of {rows} rows, got shape {tuple(loss.shape)}")
        if weighted and loss.ndim == 0:
            raise ValueError("loss: expected the losses of rows, because there are weights of samples; got one number")
        if not loss.requires_grad:
            raise ValueError("loss: expected a number that depends on the prediction by operations of fastnn; got one "
                             "without gradient")

    def gradients(self, x, y, sample_weight=None):
        """(loss with the penalty, gradients of all parameters without it, rows or sum of weights)."""
        record = []
        out = self.forward(x, record)
        loss, grad = self.loss_and_gradient(out, y, sample_weight)
        size = float(len(x)) if sample_weight is None or not self.normalize else _sum_in_order(sample_weight)
        if self.l2:
            norm = kernels.total_norm(self.weights)
            loss += 0.5 * self.l2 * (norm * norm) / size
        return loss, self.backward(grad, record), size, out

    # ---- training ----

    def epoch(self, optimizer, x, y, order=None, batch_size=32, sample_weight=None, *, count=False, threads=0):
        """One pass over the rows; arguments and result as of `fastnn.kernels.dense.DenseTrainer.epoch`."""
        if self.compiled:
            trainer = self._compiled_trainer(optimizer)
            return trainer.epoch(x, y, order, batch_size, sample_weight, lr=optimizer.lr, count=count, threads=threads)
        before = _core.limit_threads(threads)
        try:
            return self._ordinary_epoch(optimizer, x, y, order, batch_size, sample_weight, count)
        finally:
            _core.limit_threads(before)

    def _compiled_trainer(self, optimizer):
        if self._trained_by is not optimizer:
            self._trainer = DenseTrainer(
                self.weights, self.biases, self.activations, self.loss, optimizer.name, optimizer.state,
                optimizer.steps, a=self.a, b=self.b, loss_scale=self.loss_scale, grad_scale=self.grad_scale,
                l2=self.l2, normalize=self.normalize, **optimizer.settings)
            self._trained_by = optimizer
        return self._trainer

    def _ordinary_epoch(self, optimizer, x, y, order, batch_size, sample_weight, count):
        rows = len(x[2]) - 1 if isinstance(x, tuple) else len(x)
        total, sum_of_losses, right = rows if order is None else len(order), 0.0, 0
        for begin in range(0, total, batch_size):
            chosen = slice(begin, min(begin + batch_size, total))
            chosen = chosen if order is None else order[chosen]
            x_rows = dense_rows(x, chosen, self.weights[0].shape[0], self.weights[0].dtype) if isinstance(x, tuple) \
                else take_rows(x, chosen)
            y_rows = take_rows(y, chosen)
            weight = None if sample_weight is None else take_rows(sample_weight, chosen)
            loss, grads, size, out = self.gradients(x_rows, y_rows, weight)
            sum_of_losses += loss * len(x_rows)
            if count:
                right += self._count_right(out, y_rows)
            optimizer.step(self.params, grads, len(self.weights), self.l2 / size)
        return (sum_of_losses / total if total else float("nan")), right

    def _count_right(self, out, y):
        if self.loss == "cross_entropy":
            return int((out.argmax(1) == y).sum())
        return int(((out > 0) == (y > 0.5)).sum())


def train_side_by_side(stacks, optimizers, xs, ys, orders, batch_sizes, sample_weights=None, *, count=False,
                       threads=0, numbers=None, shuffles=None, results=None):
    """Epochs of several stacks side by side, each on one thread and with the bits that it has alone.

    Lists of what `DenseStack.epoch` takes, one entry for each stack; of the `numbers` of epochs (one each without
    them), and of RandomStates, each a stack's own, that `shuffle` its order in place before each epoch (or None).
    Returns lists of what `DenseStack.epoch` returns; added to `results`, if given, even if KeyboardInterrupt ends them.
    """
    n = len(stacks)
    results = [[] for _ in stacks] if results is None else results
    lists = {"optimizers": optimizers, "xs": xs, "ys": ys, "orders": orders, "batch_sizes": batch_sizes,
             "sample_weights": sample_weights or [None] * n, "numbers": numbers or [1] * n,
             "shuffles": shuffles or [None] * n, "results": results}
    for name, values in lists.items():
        if len(values) != n:
            raise ShapeError(f"dense: expected {n} {name}, one for each stack, got {len(values)}")
    sources = [random for random in lists["shuffles"] if random is not None]
    if len(set(sources)) != len(sources):
        raise ValueError("dense: expected each RandomState once, they are used at the same time")
    jobs = zip(stacks, *lists.values())
    if all(stack.compiled for stack in stacks):
        epochs([(stack._compiled_trainer(optimizer), *data, optimizer.lr, number, random, found)
                for stack, optimizer, *data, number, random, found in jobs], count, threads)
        return results
    for stack, optimizer, x, y, order, size, weight, number, random, found in jobs:
        for _ in range(number):
            if random is not None:
                random.shuffle(order)
            found.append(stack.epoch(optimizer, x, y, order, size, weight, count=count, threads=threads))
    return results


def dense_rows(x, chosen, columns, dtype):
    """Rows of a matrix in CSR format, (data, indices, indptr), as an array; entries of one position are added."""
    data, indices, indptr = x
    rows = np.arange(len(indptr) - 1)[chosen]
    array = np.zeros((len(rows), columns), dtype)
    for i, row in enumerate(rows):
        part = slice(indptr[row], indptr[row + 1])
        np.add.at(array[i], indices[part], data[part])
    return array
