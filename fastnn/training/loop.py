"""Epochs over batches."""
import warnings
from itertools import islice

from fastnn.training.batches import length


def run_epoch(step, batches, callbacks, phase, results, stopped=lambda: False, iterator=None, steps=None,
              steps_of=None):
    """One pass over `batches`, with the callbacks of one phase around each step.

    Parameters
    ----------
    step : callable
        ``step(batch)``; what it returns, if anything, are the logs of the step.
    batches : iterable
    callbacks : CallbackList
    phase : "train", "test" or "predict"
        Whose hooks are called.
    results : callable
        ``results(logs of the step)``: the logs so far. Called only when a callback looks, because it may cost more than
        the step.
    stopped : callable
        Whether to leave the epoch, asked after each step.
    iterator : iterator, optional
        Continues here instead of starting the batches again.
    steps : int, optional
        How many batches to take; all without it.
    steps_of : callable, optional
        ``steps_of(batch)``: how many steps ``step(batch)`` makes, where that is more than one.

    Returns
    -------
    (int, object)
        How many steps were run, and what the last one returned.
    """
    begin, end = callbacks.batch_hooks(phase)
    iterator = iter(batches) if iterator is None else iterator
    number, logs = 0, None
    for batch in iterator if steps is None else islice(iterator, steps):
        if begin is not None:
            begin(number)
        logs = step(batch)
        number += 1 if steps_of is None else steps_of(batch)
        if end is not None:
            end(number - 1, results, logs)
        if stopped():
            break
    return number, logs


def train(model, step, batches, callbacks, results, *, epochs=1, initial_epoch=0, steps_per_epoch=None,
          reset=lambda: None, validate=None, after_epoch=None, finish=lambda: None, steps_of=None):
    """Train: `run_epoch` over and over, validation after it, and the callbacks of epochs around both.

    Parameters
    ----------
    model : object
        Its ``stop_training`` is set to False at the start; callbacks set it to True to end the training. A callback
        that goes on with an earlier training sets ``_initial_epoch`` in `on_train_begin`.
    step, batches, callbacks, results, steps_of
        As in `run_epoch`.
    epochs, initial_epoch : int
        The numbers of the epochs are ``range(initial_epoch, epochs)``.
    steps_per_epoch : int, optional
        How many batches make an epoch; with it an epoch goes on where the one before stopped.
    reset : callable
        Called before each epoch, as metrics need it.
    validate : callable, optional
        ``validate(epoch)`` gives logs of its own, or None if this epoch is not validated.
    after_epoch : callable, optional
        Called after the last step of each epoch: some sources of batches change then.
    finish : callable, optional
        Called after the last epoch, before the callbacks' `on_train_end`.

    Returns
    -------
    dict
        The logs of the last epoch.
    """
    model.stop_training = False
    logs, iterator = {}, None
    stopped = lambda: model.stop_training
    callbacks.on_train_begin()
    initial_epoch = getattr(model, "_initial_epoch", None) or initial_epoch
    for epoch in range(initial_epoch, epochs):
        reset()
        callbacks.on_epoch_begin(epoch)
        if iterator is None or steps_per_epoch is None:
            iterator = iter(batches)
        done, last = run_epoch(step, batches, callbacks, "train", results, stopped, iterator, steps_per_epoch,
                               steps_of)
        if steps_per_epoch is not None and done < steps_per_epoch and not model.stop_training:
            iterator = iter(batches)  # this pass is used up; the epoch goes on with the next
            if length(batches) is None:
                warnings.warn("Your input ran out of data; interrupting training. Make sure that your dataset or "
                              "generator can generate at least `steps_per_epoch * epochs` batches. You may need to use "
                              "the `.repeat()` function when building your dataset.", stacklevel=3)
        logs = dict(results(last))
        if after_epoch is not None:
            after_epoch()
        if validate is not None:
            logs = dict(sorted({**logs, **(validate(epoch) or {})}.items()))
        callbacks.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
    finish()
    callbacks.on_train_end(logs)
    return logs
