"""What a layer keeps: its attributes, variables and sublayers."""
from fastnn.keras import config, constraints, initializers, naming, regularizers
from fastnn.keras.metrics.base import Metric
from fastnn.keras.random import SeedGenerator
from fastnn.keras.variables import Variable, array_of


_changes = [0]  # counts changes of any layer's attributes: what was found by walking them may be used until the next


def changes():
    """How many changes there were."""
    return _changes[0]


class Structure:
    """What a layer and those within it hold, as lists that are made once."""

    __slots__ = ("changes", "layers", "trainable", "regularized")

    def __init__(self, layer):
        self.changes = _changes[0]
        self.layers = layer._flatten_layers()
        self.trainable = layer.trainable_weights
        self.regularized = [v for v in self.trainable if v.regularizer is not None]


class Weights:
    """The part of `Layer` that finds variables, sublayers and metrics among the attributes."""

    def __setattr__(self, name, value):
        if "_tracked" not in self.__dict__:
            if isinstance(value, (Weights, Variable)):
                raise RuntimeError(f"In layer {type(self).__name__}, you forgot to call `super().__init__()` as the "
                                   f"first statement in the `__init__()` method. Go add it!")
        elif isinstance(value, (Weights, Variable, list, tuple, dict)) or _is_metric(value) or _is_seed(value):
            if not name.startswith("_") or name in self._tracked or not _is_internal(self, name):
                self._track(name, value)
        elif name in self._tracked:
            del self._tracked[name]
            _changes[0] += 1
        elif name == "call":  # models that have this layer must not take their shorter ways around it
            _changes[0] += 1
        object.__setattr__(self, name, value)

    def _track(self, name, value):
        if self._locked and name not in self._tracked and isinstance(value, (Weights, Variable)):
            raise ValueError("You cannot add new elements of state (variables or sub-layers) to a layer that is "
                             "already built. All state must be created in the `__init__()` method or in the `build()` "
                             "method.")
        self._tracked[name] = value
        _changes[0] += 1

    def __delattr__(self, name):
        _changes[0] += 1
        self._tracked.pop(name, None)
        object.__delattr__(self, name)

    def _lock_state(self):
        self.__dict__["_locked"] = True

    def _post_build(self):
        """For subclasses, after the weights were made."""

    def _children(self, kind):
        """Things of one kind among the attributes, in lists and dicts too, each once."""
        found, seen = [], set()

        def walk(value):
            if isinstance(value, kind):
                if id(value) not in seen:
                    seen.add(id(value))
                    found.append(value)
            elif isinstance(value, (list, tuple)):
                for item in value:
                    walk(item)
            elif isinstance(value, dict):
                for item in value.values():
                    walk(item)
        for value in self._tracked.values():
            walk(value)
        return found

    def _structure(self, anew=False):
        """The cached lists; ``anew`` after lists or dicts of layers may have changed, which nobody counts."""
        found = self.__dict__.get("_found")
        if anew or found is None or found.changes != _changes[0]:
            found = self.__dict__["_found"] = Structure(self)
        return found

    @property
    def _layers(self):
        return [layer for layer in self._children(Weights) if not _is_metric(layer)]

    @property
    def _metrics(self):
        return self._children(_metric_class())

    def _flatten_layers(self, include_self=True, recursive=True):
        layers = [self] if include_self else []
        for layer in self._layers:
            layers += layer._flatten_layers() if recursive else [layer]
        return list(dict.fromkeys(layers))

    # -- weights --
    def add_weight(self, shape=None, initializer=None, dtype=None, trainable=True, autocast=True, regularizer=None,
                   constraint=None, aggregation="none", overwrite_with_gradient=False, name=None):
        """Make a variable of the layer.

        Parameters
        ----------
        shape : tuple, optional
            () without it.
        initializer : Initializer or str, optional
            "glorot_uniform" for floating types, "zeros" for others.
        dtype : str, optional
            The layer's.
        trainable : bool
        regularizer, constraint : optional
        name : str, optional

        Returns
        -------
        Variable
        """
        if "_tracked" not in self.__dict__:
            raise RuntimeError(f"Layer {type(self).__name__}: call `super().__init__()` first")
        if isinstance(shape, str):
            raise ValueError(f"`name` must be passed as a keyword argument. Received: add_weight('{shape}', ...). "
                             f"Use: add_weight(shape=..., name='{shape}').")
        shape = (shape,) if isinstance(shape, int) else () if shape is None else tuple(shape)
        dtype = self.variable_dtype if dtype is None else config.standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        if any(size is None for size in shape):
            raise ValueError(f"add_weight: expected a shape without unknown sizes, got {shape}")
        stack = naming.scopes()
        own = not (stack and stack[-1] == self.name)
        if own:
            stack.append(self.name)
        try:
            variable = Variable(initializers.get(initializer), shape, dtype, trainable, name=name)
        finally:
            if own:
                stack.pop()
        variable.regularizer, variable.constraint = regularizers.get(regularizer), constraints.get(constraint)
        variable._initializer = initializer
        variable.overwrite_with_gradient = overwrite_with_gradient
        if self._locked:
            raise ValueError("You cannot add new elements of state (variables or sub-layers) to a layer that is "
                             "already built. All state must be created in the `__init__()` method or in the `build()` "
                             "method.")
        self._extra_variables.append(variable)
        _changes[0] += 1
        return variable

    add_variable = add_weight

    @property
    def _own_variables(self):
        return list(dict.fromkeys([*self._extra_variables, *self._children(Variable)]))

    @property
    def weights(self):
        """The variables of the layer and its sublayers: its own first, trainable before others."""
        own = self._own_variables
        trainable = [v for v in own if v._trainable or getattr(v, "_was_trainable", False)]
        found = dict.fromkeys(trainable + [v for v in own if v not in set(trainable)])
        for layer in self._layers:
            found.update(dict.fromkeys(layer.weights))
        return list(found)

    @property
    def variables(self):
        """All variables: weights, states of random generators, and of metrics."""
        found = dict.fromkeys(self.weights)
        for seed in self._children(_seed_class()):
            found[seed.state] = None
        for layer in self._layers:
            found.update(dict.fromkeys(layer.variables))
        for metric in self._metrics:
            found.update(dict.fromkeys(metric.variables))
        return list(found)

    @property
    def trainable_variables(self):
        return self.trainable_weights

    @property
    def non_trainable_variables(self):
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self):
        if not self.trainable:
            return []
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self):
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def trainable(self):
        """Whether the layer's weights are trained; setting it reaches all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        self._trainable = value
        _changes[0] += 1
        for variable in self._own_variables:
            if variable._trainable or getattr(variable, "_was_trainable", False):
                variable._was_trainable = True
                variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    @property
    def metrics(self):
        """The metrics of the layer and its sublayers."""
        found = list(self._metrics)
        for layer in self._layers:
            found += layer.metrics
        return list(dict.fromkeys(found))

    @property
    def metrics_variables(self):
        return [variable for metric in self.metrics for variable in metric.variables]

    def get_weights(self):
        """The values of `weights`, as arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights):
        """Set the values of `weights` from a list of arrays.

        Raises
        ------
        ValueError
            Another number of arrays, or other shapes.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                             f"{len(weights)}, but the layer was expecting {len(own)} weights.")
        arrays = [array_of(value) for value in weights]
        for variable, array in zip(own, arrays):
            if variable.array_.shape != array.shape:
                raise ValueError(f"Layer {self.name} weight shape {tuple(variable.shape)} is not compatible with "
                                 f"provided weight shape {array.shape}.")
        for variable, array in zip(own, arrays):
            variable.assign(array)

    def count_params(self):
        """Number of elements of all weights."""
        if not self.built:
            raise ValueError(f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You "
                             f"can build it manually via: `layer.build(input_shape)`.")
        return sum(variable.array_.size for variable in self.weights)

    # -- own state in files --
    def save_own_variables(self, store):
        """Put the values of the layer's own variables into a dict of arrays."""
        for i, variable in enumerate(self._ordered_own_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store):
        """Take the values of the layer's own variables from a dict of arrays."""
        own = self._ordered_own_variables()
        if len(store) != len(own):
            raise ValueError(f"Layer '{self.name}' expected {len(own)} variables, but received {len(store)} variables "
                             f"during loading.")
        for i, variable in enumerate(own):
            variable.assign(store[str(i)])

    def _ordered_own_variables(self):
        own = self._own_variables
        first = [v for v in own if v._trainable or getattr(v, "_was_trainable", False)]
        return first + [v for v in own if v not in set(first)]


_INTERNAL = {"_losses", "_inbound_nodes", "_outbound_nodes", "_input_shape_arg", "_build_shapes", "_mask_args"}


def _is_internal(layer, name):
    return name in _INTERNAL


def _metric_class():
    return Metric


def _seed_class():
    return SeedGenerator


def _is_metric(value):
    return isinstance(value, _metric_class())


def _is_seed(value):
    return isinstance(value, _seed_class())

