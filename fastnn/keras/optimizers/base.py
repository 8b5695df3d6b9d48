"""Optimizer: the base of optimizers."""
import re
import warnings

import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import no_grad
from fastnn.keras import config, initializers, naming
from fastnn.keras.optimizers.schedules import LearningRateSchedule
from fastnn.keras.saving import objects
from fastnn.keras.variables import Variable, array_of
from fastnn.kernels import total_norm


class Optimizer:
    """Base of optimizers.

    Subclasses define `build` (which makes the state) and ``update_step(gradient, variable, learning_rate)`` for one
    variable, or `update` for all at once.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    weight_decay : float, optional
        Each step also subtracts ``learning_rate * weight_decay * variable``.
    clipnorm, clipvalue, global_clipnorm : float, optional
        Bound of each gradient's norm, of each element, or of the norm of all gradients; one of them.
    use_ema : bool
        Whether to keep moving averages of the variables.
    ema_momentum : float
        ``average = ema_momentum * average + (1 - ema_momentum) * variable``
    ema_overwrite_frequency : int, optional
        Variables take their averages every so many steps; without it at the end of training.
    loss_scale_factor : float, optional
        Factor of losses, and divisor of gradients.
    gradient_accumulation_steps : int, optional
        A step every so many calls, with the mean of their gradients.
    name : str, optional

    Raises
    ------
    ValueError
        Unknown arguments, several clippings, or values out of range.

    Examples
    --------
    >>> class Sign(keras.optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         self.assign_sub(variable, learning_rate * keras.ops.sign(gradient))
    >>> w = keras.Variable(np.array([1.0, 2.0]))
    >>> Sign(0.5).apply([np.array([3.0, -4.0])], [w])
    >>> w.numpy()
    array([0.5, 2.5])
    """

    _saved = ()  # further attributes that `get_config` holds

    def __init__(self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=3)
        if "lr" in kwargs:
            learning_rate = kwargs.pop("lr")
        for ignored in ("jit_compile", "is_legacy_optimizer"):
            kwargs.pop(ignored, None)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        given = [value for value in (clipnorm, clipvalue, global_clipnorm) if value is not None]
        if len(given) > 1:
            raise ValueError(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                             f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}")
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
        if use_ema and ema_overwrite_frequency and (not isinstance(ema_overwrite_frequency, int)
                                                    or ema_overwrite_frequency < 1):
            raise ValueError(f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
                             f"ema_overwrite_frequency={ema_overwrite_frequency}")
        if gradient_accumulation_steps and gradient_accumulation_steps < 2:
            raise ValueError(f"`gradient_accumulation_steps` must be an integer >= 2. Received: "
                             f"gradient_accumulation_steps={gradient_accumulation_steps}")
        self.name = name or naming.auto_name(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        self.global_clipnorm, self.use_ema, self.ema_momentum = global_clipnorm, use_ema, ema_momentum
        self.ema_overwrite_frequency, self.loss_scale_factor = ema_overwrite_frequency, loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._variables, self._trainable_variables, self._index = [], [], {}
        self._without_decay, self._without_decay_names, self._counts = set(), (), []
        with naming.name_scope(self.name):
            self._iterations = Variable(0, (), "int64", trainable=False, name="iteration")
            self._track_variable(self._iterations)
            if isinstance(learning_rate, dict):
                learning_rate = objects.deserialize_keras_object(learning_rate)
            if callable(learning_rate):
                self._learning_rate = learning_rate
            elif isinstance(learning_rate, (int, float, np.number)) or hasattr(learning_rate, "__float__"):
                self._learning_rate = Variable(float(learning_rate), (), config.floatx(), trainable=False,
                                               name="learning_rate")
                self._track_variable(self._learning_rate)
            else:
                raise ValueError(f"Argument `learning_rate` should be float, or an instance of LearningRateSchedule, "
                                 f"or a callable (that takes in the current iteration value and returns the "
                                 f"corresponding learning rate value). Received instead: learning_rate={learning_rate}")

    def _track_variable(self, variable):
        self._variables.append(variable)

    # -- state --
    @property
    def iterations(self):
        """How many steps were done; calls that only accumulate gradients are none."""
        if self.gradient_accumulation_steps:
            return from_array(np.asarray(self._steps_done()))
        return self._iterations

    def _steps_done(self):
        return int(self._iterations.array_) // (self.gradient_accumulation_steps or 1)

    @property
    def variables(self):
        """The state: the step's number, the learning rate, and what `build` made."""
        return list(self._variables)

    def build(self, variables):
        """Make the state for these variables."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._index = {id(variable): i for i, variable in enumerate(variables)}
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")
        self.built = True

    def _get_variable_index(self, variable):
        return self._index[id(variable)]

    def _arrays(self, variables, states):
        """The arrays of one kind of state that belong to these variables."""
        return [states[self._index[id(variable)]].array_ for variable in variables]

    def _counters(self, variables):
        """What the engine's kernels count steps with: for each variable the number of those done."""
        if len(self._counts) < len(variables):
            self._counts = [np.empty((), np.float32) for _ in variables]
        for count in self._counts:
            count[...] = self._steps_done()
        return self._counts[:len(variables)]

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """Make a variable of the state."""
        with naming.name_scope(self.name):
            variable = Variable(initializers.get(initializer), shape, dtype, trainable=False, name=name)
        self._track_variable(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """Make a variable of the state with a model variable's shape and type."""
        prefix = getattr(reference_variable, "path", "").replace("/", "_")
        return self.add_variable(tuple(reference_variable.shape), initializer, config.dtype_of(reference_variable),
                                 name=f"{prefix}_{name}" if prefix else name)

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """A list of variables of the state, one for each of the model's; several lists for several names."""
        names = [name] if isinstance(name, str) else list(name)
        starts = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        lists = tuple([] for _ in names)
        for variable in trainable_variables:
            for found, each, start in zip(lists, names, starts):
                found.append(self.add_variable_from_reference(variable, each, start))
        return lists[0] if isinstance(name, str) else lists

    @property
    def learning_rate(self):
        """A variable, or what the schedule says for this step; may be set unless there is a schedule."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate()

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            if isinstance(self._learning_rate, Variable):
                self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        elif isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError("This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` "
                            "constructor argument, hence its learning rate is not settable. If you need the learning "
                            "rate to be settable, you should instantiate the optimizer with a float `learning_rate` "
                            "argument.")
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(np.asarray(float(value), self._learning_rate.array_.dtype))
        else:
            self._learning_rate = value

    lr = learning_rate

    # -- steps --
    def apply_gradients(self, grads_and_vars, **kwargs):
        """`apply` with pairs of a gradient and a variable.

        Parameters
        ----------
        grads_and_vars : iterable of pairs
        **kwargs
            Accepted.

        Returns
        -------
        Variable
            Number of steps.

        Examples
        --------
        >>> w = keras.Variable(np.array([1.0]))
        >>> steps = keras.optimizers.SGD(0.5).apply_gradients([(np.array([1.0]), w)])
        >>> w.numpy()
        array([0.5])
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    @no_grad()
    def apply(self, grads, trainable_variables=None):
        """Changes variables by their gradients.

        Parameters
        ----------
        grads : list of tensor or None
        trainable_variables : list of Variable, optional
            Those of `build` without it.

        Raises
        ------
        ValueError
            A variable that `build` did not get, or no gradients at all.

        Examples
        --------
        >>> w = keras.Variable(np.array([1.0]))
        >>> keras.optimizers.SGD(0.5).apply([np.array([1.0])], [w])
        >>> w.numpy()
        array([0.5])
        """
        if not len(grads):
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError("When passing `grads` without `variables`, the optimizer must already be built on a "
                                 "list of variables. Call `optimizer.build(trainable_variables)` first. ")
            trainable_variables = self._trainable_variables
            if len(grads) != len(trainable_variables):
                raise ValueError(f"When passing `grads` as a list of gradient tensors, the gradients must match "
                                 f"`optimizer.variables` one-to-on. Received a list of {len(grads)} gradients, but the "
                                 f"optimizer is tracking {len(trainable_variables)} trainable variables.")
        else:
            trainable_variables = list(trainable_variables)
            if not self.built:
                self.build(trainable_variables)
                self.built = True
        for variable in trainable_variables:
            if id(variable) not in self._index:
                raise ValueError(f"Unknown variable: {variable}. This optimizer can only be called for the variables "
                                 f"it was originally built with. When working with a new set of variables, you should "
                                 f"recreate a new optimizer instance.")
        if any(g is None for g in grads):
            grads, trainable_variables = self._without_none(grads, trainable_variables)
        arrays = [array_of(g) for g in grads]
        if self.loss_scale_factor is not None:
            arrays = [g / self.loss_scale_factor for g in arrays]
        if self.gradient_accumulation_steps:
            arrays = self._accumulate(arrays, trainable_variables)
        if arrays is not None:
            self._step(arrays, list(trainable_variables))
        if self.use_ema:
            self._update_averages()
        for variable in trainable_variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))
        self._iterations.array_ += 1

    def _without_none(self, grads, variables):
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        missing = [v.path for g, v in zip(grads, variables) if g is None]
        warnings.warn(f"Gradients do not exist for variables {missing} when minimizing the loss. If using "
                      f"`model.compile()`, did you forget to provide a `loss` argument?", stacklevel=4)
        return [g for g, _ in pairs], [v for _, v in pairs]

    def _accumulate(self, arrays, variables):
        """The mean of the gradients when it is time for a step; None else."""
        sums = [self._accumulated_gradients[self._index[id(v)]].array_ for v in variables]
        steps = self.gradient_accumulation_steps
        if (int(self._iterations.array_) + 1) % steps:
            for total, g in zip(sums, arrays):
                total += g
            return None
        means = [(total + g) / steps for total, g in zip(sums, arrays)]
        for total in sums:
            total[...] = 0
        return means

    def _step(self, arrays, variables):
        arrays = self._clipped(arrays)
        rate = float(self.learning_rate)
        self._apply_weight_decay(variables)
        self.update(arrays, variables, rate)
        for variable in variables:
            variable._changed()

    def _apply_weight_decay(self, variables):
        if self.weight_decay is not None:
            self._decay([v for v in variables if self._use_weight_decay(v)], self.weight_decay)

    def _decay(self, variables, strength):
        strength *= float(self.learning_rate)
        for variable in variables:
            variable.array_ -= variable.array_ * np.asarray(strength, variable.array_.dtype)

    def update(self, grads, variables, learning_rate):
        """Change variables (their ``array_``) by arrays of gradients; by default one by one through `update_step`."""
        for g, variable in zip(grads, variables):
            self.update_step(from_array(g), variable, learning_rate)

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable by its gradient."""
        raise NotImplementedError(f"{type(self).__name__}: `update_step` is not defined")

    def assign(self, variable, value):
        """``variable.assign(value)``"""
        variable.assign(value)

    def assign_add(self, variable, value):
        """``variable.assign_add(value)``"""
        variable.assign_add(value)

    def assign_sub(self, variable, value):
        """``variable.assign_sub(value)``"""
        variable.assign_sub(value)

    def _clipped(self, arrays):
        if self.clipnorm and self.clipnorm > 0:
            return [_with_norm(g, total_norm([g]), self.clipnorm) for g in arrays]
        if self.global_clipnorm and self.global_clipnorm > 0:
            norm = total_norm(arrays)
            return [_with_norm(g, norm, self.global_clipnorm) for g in arrays]
        if self.clipvalue and self.clipvalue > 0:
            return [np.clip(g, -self.clipvalue, self.clipvalue) for g in arrays]
        return arrays

    def scale_loss(self, loss):
        """The loss to take gradients of."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes variables from weight decay; to be called before `build`.

        Parameters
        ----------
        var_list : list of Variable, optional
        var_names : list of str, optional
            Regular expressions of names.

        Raises
        ------
        ValueError
            The optimizer is built.

        Examples
        --------
        >>> keras.optimizers.AdamW().exclude_from_weight_decay(var_names=["bias"])
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._without_decay = {id(variable) for variable in var_list or ()}
        self._without_decay_names = tuple(var_names or ())

    def _use_weight_decay(self, variable):
        return id(variable) not in self._without_decay and not any(re.search(part, variable.name)
                                                                   for part in self._without_decay_names)

    # -- averages --
    def _update_averages(self):
        done = self._steps_done()
        momentum = self.ema_momentum if done else 0.0
        for variable, average in zip(self._trainable_variables, self._model_variables_moving_average):
            average.array_[...] = momentum * average.array_ + (1 - momentum) * variable.array_
        if self.ema_overwrite_frequency and (done + 1) % self.ema_overwrite_frequency == 0:
            self._take_averages()

    def _take_averages(self):
        for variable, average in zip(self._trainable_variables, self._model_variables_moving_average):
            variable.assign(average.array_)

    def finalize_variable_values(self, var_list):
        """At the end of training: variables take their averages' values, if there are any."""
        if self.use_ema and self.built:
            self._take_averages()

    # -- files --
    def set_weights(self, weights):
        """Set the values of `variables`."""
        if not self.built:
            raise ValueError("You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                             "`optimizer.build(trainable_variables)` to create the optimizer weights before calling "
                             "`set_weights()`.")
        for variable, value in zip(self.variables, weights):
            if tuple(variable.shape) != tuple(np.shape(value)):
                raise ValueError(f"Optimizer variable {variable.path} has shape {tuple(variable.shape)} not compatible "
                                 f"with provided weight shape {tuple(np.shape(value))}.")
            variable.assign(value)

    def get_weights(self):
        """The values of `variables`."""
        return [variable.numpy() for variable in self.variables]

    def save_own_variables(self, store):
        """Put the state into a dict of arrays."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store):
        """Take the state from a dict of arrays."""
        if len(store) != len(self.variables):
            warnings.warn(f"Skipping variable loading for optimizer '{self.name}', because it has "
                          f"{len(self.variables)} variables whereas the saved optimizer has {len(store)} "
                          f"variables. ", stacklevel=3)
            return
        for i, variable in enumerate(self.variables):
            variable.assign(store[str(i)])

    def get_config(self):
        """The constructor's arguments."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.array_)
        elif isinstance(rate, LearningRateSchedule):
            rate = objects.serialize_keras_object(rate)
        else:
            rate = objects.serialize_keras_object(rate) if callable(rate) else 0.5
        names = ("name", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
                 "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")
        return {"learning_rate": rate, **{name: getattr(self, name) for name in (*names, *self._saved)}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer of these arguments."""
        return cls(**config)

    def __reduce__(self):
        return _rebuild, (type(self), self.get_config())


def _rebuild(cls, config):
    return cls.from_config(config)


def _with_norm(g, norm, limit):
    """A gradient scaled so that `norm` becomes at most `limit`; all NaN if it is not finite."""
    return g if norm <= limit else g * (limit / norm + (norm - norm))
