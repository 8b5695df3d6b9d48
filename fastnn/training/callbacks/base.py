"""Callbacks and lists of them."""

HOOKS = [f"on_{what}_{when}" for what in ("epoch", "train", "test", "predict", "train_batch", "test_batch",
                                          "predict_batch", "batch") for when in ("begin", "end")]


class Callback:
    """Base of callbacks: methods that a training loop calls at certain moments; subclasses define those that they need.

    They are ``on_{train, test, predict}_{begin, end}(logs)``, ``on_epoch_{begin, end}(epoch, logs)`` and
    ``on_{train, test, predict}_batch_{begin, end}(batch, logs)``.

    Attributes
    ----------
    model : object
        What is trained.
    params : dict
        "verbose", "epochs" and "steps".

    Examples
    --------
    >>> class Count(keras.callbacks.Callback):
    ...     epochs = 0
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.epochs += 1
    >>> model, count = keras.Sequential([keras.layers.Dense(1)]), Count()
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0, callbacks=[count])
    >>> count.epochs
    3
    """

    def __init__(self):
        self.params = None
        self._model = None

    @property
    def model(self):
        return self._model

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self._model = model

    def due(self, hook):
        """Whether this hook of a batch wants to be called now: who says no spares the loop computing the logs."""
        return True

    def on_batch_begin(self, batch, logs=None):
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Another name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch of training."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch of training and its validation; `logs` holds the metrics of both."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a step of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a step of training."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Before a step of evaluation."""

    def on_test_batch_end(self, batch, logs=None):
        """After a step of evaluation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a step of prediction."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a step of prediction."""

    def on_train_begin(self, logs=None):
        """Before training."""

    def on_train_end(self, logs=None):
        """After training."""

    def on_test_begin(self, logs=None):
        """Before evaluation, validation within training too."""

    def on_test_end(self, logs=None):
        """After evaluation."""

    def on_predict_begin(self, logs=None):
        """Before prediction."""

    def on_predict_end(self, logs=None):
        """After prediction."""


def overrides(callback, hook):
    own = getattr(callback, hook).__func__ if hasattr(getattr(callback, hook), "__func__") else None
    return own is not getattr(Callback, hook)


class History(Callback):
    """Logs of every epoch, by name; `fit` returns it.

    Attributes
    ----------
    history : dict
        Name of a metric -> list of its values, one for each epoch.
    epoch : list of int

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0)
    >>> len(history.history["loss"]), history.epoch
    (3, [0, 1, 2])
    """

    def __init__(self):
        super().__init__()
        self.history = {}

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class LambdaCallback(Callback):
    """Functions as a callback's methods.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        ``f(epoch, logs)``
    on_train_begin, on_train_end : callable, optional
        ``f(logs)``
    on_train_batch_begin, on_train_batch_end : callable, optional
        ``f(batch, logs)``
    **kwargs
        Other methods by name.

    Examples
    --------
    >>> shout = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch))
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[shout])
    epoch 0
    epoch 1
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
                 on_train_batch_begin=None, on_train_batch_end=None, **kwargs):
        super().__init__()
        given = dict(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin,
                     on_train_end=on_train_end, on_train_batch_begin=on_train_batch_begin,
                     on_train_batch_end=on_train_batch_end)
        self.__dict__.update(kwargs)
        self.__dict__.update({name: function for name, function in given.items() if function is not None})
