"""Training by a function of a batch, for programs that have a model and an optimizer."""
from types import SimpleNamespace

import numpy as np

from fastnn._tensor import Tensor, to_array
from fastnn.training.batches import length
from fastnn.training.callbacks import CallbackList
from fastnn.training.loop import train


def gradient_step(loss_of, optimizer, *, before=None, schedule=None):
    """A function that does one step of an optimizer on the loss of a batch, and returns that loss.

    Parameters
    ----------
    loss_of : callable
        ``loss_of(batch)``: a tensor of one element.
    optimizer : Optimizer
    before : callable, optional
        Called between the gradients and the step: limits gradients, for instance.
    schedule : optional
        A scheduler of the learning rate that goes on with every step.
    """
    def step(batch):
        loss = loss_of(batch)
        optimizer.zero_grad()
        loss.backward()
        if before is not None:
            before()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return loss
    return step


def _rows(batch):
    """How many rows a batch has: those of its first tensor; 1 if there is none."""
    while isinstance(batch, (list, tuple)) and batch:
        batch = batch[0]
    return len(batch) if isinstance(batch, (Tensor, np.ndarray)) and batch.ndim else 1


def fit(step, batches, epochs=1, *, callbacks=None, validate=None, verbose=0):
    """Train: go through the batches `epochs` times.

    Parameters
    ----------
    step : callable
        ``step(batch)`` trains and returns the batch's mean loss; see `gradient_step`.
    batches : iterable
        A DataLoader, `ArrayBatches`, a list: what is iterated again in every epoch.
    epochs : int
    callbacks : Callback or list of them, optional
        Those who set ``model.stop_training`` end the training.
    validate : callable, optional
        ``validate()`` after every epoch gives a dict of numbers, which join the epoch's logs.
    verbose : 0, 1 or 2
        Nothing, a progress bar, or a line for each epoch.

    Returns
    -------
    History
        ``history["loss"]`` holds the mean loss of the rows of every epoch, beside what `validate` gave.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.training import ArrayBatches, fit, gradient_step
    >>> x = fastnn.linspace(-1, 1, 64)[:, None]
    >>> model = fastnn.nn.Linear(1, 1)
    >>> step = gradient_step(lambda batch: (model(batch[0]) - batch[1]).square().mean(),
    ...                      fastnn.optim.SGD(model.parameters(), lr=0.5))
    >>> history = fit(step, ArrayBatches([x.numpy(), 3 * x.numpy()], shuffle=True), epochs=20)
    >>> history.history["loss"][-1] < 1e-3
    True
    """
    if epochs < 1:
        raise ValueError(f"fit: expected at least one epoch, got {epochs}")
    losses, rows, model = [], [], SimpleNamespace(stop_training=False)
    callbacks = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose,
                             epochs=epochs, steps=length(batches))

    def counted(batch):
        loss = step(batch)
        losses.append(to_array(loss) if isinstance(loss, Tensor) else loss)  # looked at when somebody asks
        rows.append(_rows(batch))

    def results(_):
        if not rows:
            raise ValueError("fit: expected batches, got none")
        return {"loss": float(np.average(np.array(losses, np.float64).ravel(), weights=rows))}

    def reset():
        losses.clear()
        rows.clear()

    train(model, counted, batches, callbacks, results, epochs=epochs, reset=reset,
          validate=None if validate is None else lambda epoch: validate())
    return model.history
