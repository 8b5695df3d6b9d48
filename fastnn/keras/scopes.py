"""Scopes that programs put around a computation: without state, on a device, with less memory; graphs as functions."""
import functools

from fastnn._tensor import Tensor, from_array
from fastnn.keras import config, tree, variables
from fastnn.keras.models.graph import Plan, trace
from fastnn.keras.symbolic import Operation, any_symbolic


class StatelessScope:
    """Within, what is assigned to variables is remembered and undone at the end; `get_current_value` says it.

    Parameters
    ----------
    state_mapping : list of (Variable, value), optional
        Values that variables have within.
    collect_losses : bool
        Accepted: `losses` is filled by `add_loss` alone.
    initialize_variables : bool
        Accepted; variables always have values.

    Examples
    --------
    >>> from fastnn.keras import Variable
    >>> v = Variable(1.0)
    >>> with StatelessScope([(v, 2.0)]) as scope:
    ...     _ = v.assign_add(3.0)
    >>> float(v), float(scope.get_current_value(v))
    (1.0, 5.0)
    """

    def __init__(self, state_mapping=None, collect_losses=False, initialize_variables=True):
        self.collect_losses, self.initialize_variables, self.losses = collect_losses, initialize_variables, []
        self._mapping, self._found = [], {}
        for variable, value in dict(state_mapping or {}).items() if isinstance(state_mapping, dict) \
                else state_mapping or []:
            if not isinstance(variable, variables.Variable):
                raise ValueError(f"Invalid reference variable in StatelessScope: all keys in argument `mapping` must "
                                 f"be Variable instances. Received instead: {variable}")
            value = variables.convert(value, config.dtype_of(variable))
            if tuple(value.shape) != tuple(variable.shape):
                raise ValueError(f"Invalid variable value in StatelessScope: all values in argument `mapping` must be "
                                 f"tensors with a shape that matches the corresponding variable shape. For variable: "
                                 f"{variable}\nReceived invalid value with shape: {tuple(value.shape)}")
            self._mapping.append((variable, value))

    @property
    def state_mapping(self):
        """Number of a variable -> its value at the end."""
        return {key: value for key, (_, value) in self._found.items()}

    def add_loss(self, loss):
        self.losses.append(loss)

    def add_update(self, update):
        """Give a variable another value within."""
        variable, value = update
        variable.assign(value)

    def get_current_value(self, variable):
        """The value of a variable at the end; None if it was neither given nor assigned."""
        if variables.state.trial is not None and id(variable) in variables.state.trial:
            return from_array(variable.array_.copy())
        found = self._found.get(id(variable))
        return None if found is None else found[1]

    def __enter__(self):
        self._outer, variables.state.trial = variables.state.trial, {}
        for variable, value in self._mapping:
            variable.assign(value)
        return self

    def __exit__(self, *exception):
        assigned, variables.state.trial = variables.state.trial, self._outer
        for variable, before in assigned.values():
            self._found[id(variable)] = variable, from_array(variable.array_.copy())
            variable.array_[...] = before
            variable._changed()


class SymbolicScope:
    """Accepted: symbolic tensors are known by their type.

    Examples
    --------
    >>> with keras.SymbolicScope():
    ...     y = keras.layers.Dense(2)(keras.Input((3,)))
    """

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


class RematScope:
    """Accepted: what the backward pass needs is kept, nothing is computed twice.

    Parameters
    ----------
    mode : {"full", "activations", "larger_than", "list_of_layers", None}
    output_size_threshold : int
    layer_names : list of str, optional

    Raises
    ------
    ValueError
        Another mode.

    Examples
    --------
    >>> with keras.RematScope("full"):
    ...     y = keras.layers.Dense(2)(np.ones((1, 3)))
    """

    def __init__(self, mode="full", output_size_threshold=1024, layer_names=None):
        if mode not in ("full", "activations", "larger_than", "list_of_layers", None):
            raise ValueError(f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', 'larger_than', "
                             f"'list_of_layers', or  None.")
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, layer_names or []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


def remat(f):
    """The function itself: what the backward pass needs is kept, nothing is computed twice.

    Parameters
    ----------
    f : callable

    Returns
    -------
    callable

    Examples
    --------
    >>> keras.remat(lambda x: x + 1)(1)
    2
    """
    @functools.wraps(f)
    def call(*args, **kwargs):
        return f(*args, **kwargs)
    return call


class device:  # noqa: N801
    """Context within which computations run on a device: the CPU alone.

    Parameters
    ----------
    device_name : str

    Raises
    ------
    ValueError
        Another device.

    Examples
    --------
    >>> with keras.device("cpu:0"):
    ...     x = keras.ops.ones(1)
    """

    def __init__(self, device_name):
        if not isinstance(device_name, str):
            raise ValueError(f"Invalid value for argument `device_name`. Expected a string like 'gpu:0' or 'cpu'. "
                             f"Received: device_name='{device_name}'")
        if "cpu" not in device_name.lower():
            raise ValueError(f"device: fastnn has no device {device_name!r}; expected 'cpu'")
        self.device_name = device_name

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


class Function(Operation):
    """Graph between symbolic inputs and outputs as a function of tensors.

    Parameters
    ----------
    inputs, outputs : KerasTensor, or structures of them
    name : str, optional

    Raises
    ------
    ValueError
        No inputs or outputs, or a call with another number of inputs.

    Examples
    --------
    >>> x = keras.Input((2,))
    >>> double = keras.Function(x, x * 2)
    >>> double(np.array([[1.0, 2.0]]))
    tensor([[2., 4.]], dtype=torch.float64)
    """

    def __init__(self, inputs, outputs, name=None):
        super().__init__(name=name)
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._inputs, self._outputs = tree.flatten(inputs), tree.flatten(outputs)
        if not self._inputs:
            raise ValueError("`inputs` argument cannot be empty.")
        if not self._outputs:
            raise ValueError("`outputs` argument cannot be empty.")
        self._nodes, self._operations = trace(self._inputs, self._outputs)
        self._plan = Plan(self._inputs, self._outputs, self._nodes)

    @property
    def inputs(self):
        return list(self._inputs)

    @property
    def outputs(self):
        return list(self._outputs)

    @property
    def operations(self):
        return list(self._operations)

    def __call__(self, inputs):
        flat = tree.flatten(inputs)
        if len(flat) != len(self._inputs):
            raise ValueError(f"Function was called with an invalid input structure: expected {len(self._inputs)} "
                             f"tensors, got {len(flat)}")
        flat = [x if isinstance(x, Tensor) or any_symbolic([x]) else variables.convert(x) for x in flat]
        found = self._plan.run(flat, lambda operation, args, kwargs: operation(*args, **kwargs))
        return tree.pack_sequence_as(self._outputs_struct, found)
