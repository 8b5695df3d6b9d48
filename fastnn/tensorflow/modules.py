"""``tf.Variable`` and ``tf.Module``."""
from fastnn.autograd import no_grad
from fastnn.keras import naming, tree
from fastnn.keras import variables as _variables
from fastnn.keras.layers.base import Layer


class Variable(_variables.Variable):
    """A variable of a value.

    Parameters
    ----------
    initial_value : array, number, tensor or callable
        A callable is called without arguments.
    trainable : bool, optional
        True by default; whole numbers get no gradients.
    name, dtype, shape : optional
    validate_shape, caching_device, variable_def, import_scope, synchronization, aggregation
        Accepted, without effect.
    constraint : callable, optional
        What an optimizer applies to the values after a step.

    Examples
    --------
    >>> import fastnn.tensorflow as tf
    >>> v = tf.Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0]).numpy().tolist()
    [2.0, 3.0]
    """

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None,
                 variable_def=None, dtype=None, import_scope=None, constraint=None, synchronization="auto",
                 aggregation="none", shape=None):
        if initial_value is None:
            raise ValueError("The `initial_value` arg to `tf.Variable` must be specified except when you are not "
                             "providing a `variable_def`.")
        value = initial_value() if callable(initial_value) else initial_value
        known = shape is not None and all(n is not None for n in shape)
        super().__init__(value, tuple(shape) if known else None, dtype, True if trainable is None else trainable,
                         name=name)
        self.constraint = constraint

    def __getitem__(self, key):
        """A part, which may be assigned to: ``v[0, 1].assign(3.0)``."""
        part = super().__getitem__(key)
        for name, change in (("assign", lambda old, new: new), ("assign_add", lambda old, new: old + new),
                             ("assign_sub", lambda old, new: old - new)):
            setattr(part, name, _assigns(self, key, change))
        return part

    def assign(self, value, use_locking=False, name=None, read_value=True):
        return super().assign(value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        return super().assign_add(delta)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        return super().assign_sub(delta)

    def __deepcopy__(self, memo):
        made = Variable(self.array_, self._trainable, name=self.name, constraint=self.constraint)
        memo[id(self)] = made
        return made


def _assigns(variable, key, change):
    """The function that changes a part of a variable and gives back the variable."""
    def assign(value):
        with no_grad():
            whole = variable.detach().clone()
            whole[key] = change(whole[key], _variables.convert(value, variable.dtype.name))
        return variable.assign(whole)
    return assign


class Module:
    """An object that knows its variables: attributes, in lists and dicts and other modules and layers too."""

    def __init__(self, name=None):
        self._name = name or naming.auto_name(naming.to_snake_case(type(self).__name__))

    @property
    def name(self):
        """The given name, or one made of the class's."""
        return self.__dict__.get("_name") or naming.to_snake_case(type(self).__name__)

    @property
    def name_scope(self):
        """A context for names of variables."""
        return naming.name_scope(self.name)

    @classmethod
    def with_name_scope(cls, method):
        """The method itself: variables are named where they are made."""
        return method

    def _found(self):
        """What attributes hold, in the order of their names: (objects of variables, modules and layers)."""
        for name in sorted(vars(self)):
            for leaf in tree.flatten(vars(self)[name]):
                if isinstance(leaf, (_variables.Variable, Module, Layer)):
                    yield leaf

    def _variables(self, kind):
        found = {}
        for each in self._found():
            own = [each] if isinstance(each, _variables.Variable) else getattr(each, kind)
            found.update((id(v), v) for v in own if kind == "variables" or v.trainable)
        return tuple(found.values())

    @property
    def variables(self):
        """All variables, each once."""
        return self._variables("variables")

    @property
    def trainable_variables(self):
        """Those with gradients."""
        return self._variables("trainable_variables")

    @property
    def non_trainable_variables(self):
        """The others."""
        trainable = {id(v) for v in self.trainable_variables}
        return tuple(v for v in self.variables if id(v) not in trainable)

    @property
    def submodules(self):
        """The modules and layers within, and those within them."""
        found = {}
        for each in self._found():
            if not isinstance(each, _variables.Variable):
                inner = each.submodules if isinstance(each, Module) else each._flatten_layers()
                found.update((id(m), m) for m in (each, *inner))
        return tuple(found.values())
