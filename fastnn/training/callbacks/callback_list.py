"""Several callbacks as one."""
from fastnn.training.callbacks.base import HOOKS, Callback, History, overrides
from fastnn.training.callbacks.logging import ProgbarLogger


class CallbackList(Callback):
    """Several callbacks as one, with a `History` and a `ProgbarLogger` if asked for.

    Parameters
    ----------
    callbacks : Callback or (nested) list of them, optional
    add_history, add_progbar : bool
        Add one unless it is among the callbacks.
    model : object, optional
    **params
        For `Callback.set_params`.

    Examples
    --------
    >>> both = keras.callbacks.CallbackList([keras.callbacks.TerminateOnNaN()], add_history=True)
    >>> len(both.callbacks)
    2
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        super().__init__()
        self.callbacks = list(_flat(callbacks))
        self._history = next((each for each in self.callbacks if isinstance(each, History)), None)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and not any(isinstance(each, ProgbarLogger) for each in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self.set_model(model)
        self.set_params(params)

    def append(self, callback):
        """Add a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params):
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model):
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            if not hasattr(callback, "set_model"):
                raise TypeError(f"callbacks: expected Callbacks, got {type(callback).__name__}")
            callback.set_model(model)

    def follows(self, phase):
        """Whether somebody wants to be called at each step of a phase, not just now and then."""
        names = [f"on_{phase}_batch_begin", f"on_{phase}_batch_end"]
        names += ["on_batch_begin", "on_batch_end"] if phase == "train" else []
        return any(overrides(each, name) for each in self.callbacks
                   if not vars(type(each)).get("now_and_then") for name in names)

    def batch_hooks(self, phase):
        """(before a step, after a step): functions that call those who have something to do, or None if nobody has."""
        names = f"on_{phase}_batch_begin", f"on_{phase}_batch_end"
        also = ("on_batch_begin", "on_batch_end") if phase == "train" else names
        first, last = ([each for each in self.callbacks if overrides(each, name) or overrides(each, other)]
                       for name, other in zip(names, also))

        def begin(step):
            for callback in first:
                getattr(callback, names[0])(step, logs={})

        def end(step, results, logs):
            waiting = [callback for callback in last if callback.due(names[1])]
            if waiting:
                found = results(logs)
                for callback in waiting:
                    getattr(callback, names[1])(step, logs=found)
        return begin if first else None, end if last else None


def _flat(callbacks):
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for each in callbacks:
            yield from _flat(each)
    else:
        yield callbacks


def _forward(name):
    # Keras gives logs by position, but for batches: programs that name the argument otherwise rely on it.
    if "batch" in name:
        def call(self, number, logs=None):
            for callback in self.callbacks:
                getattr(callback, name)(number, logs={} if logs is None else logs)
    elif "epoch" in name:
        def call(self, number, logs=None):
            for callback in self.callbacks:
                getattr(callback, name)(number, {} if logs is None else logs)
    else:
        def call(self, logs=None):
            for callback in self.callbacks:
                getattr(callback, name)({} if logs is None else logs)
    call.__name__, call.__doc__ = name, getattr(Callback, name).__doc__
    return call


for _name in HOOKS:
    setattr(CallbackList, _name, _forward(_name))
