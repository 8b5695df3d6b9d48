"""What a layer demands of its inputs."""
from fastnn.keras import config, tree


class InputSpec:
    """Rank, shape and dtype that a layer expects of an input; calls with others raise ValueError.

    Parameters
    ----------
    dtype : str, optional
    shape : tuple, optional
        None for sizes that may be any.
    ndim, max_ndim, min_ndim : int, optional
    axes : dict, optional
        Axis -> size.
    allow_last_axis_squeeze : bool
        Whether a last axis of size 1 may be missing or added.
    name : str, optional
        For inputs that are given as a dict.
    optional : bool
        Whether None may be given.

    Examples
    --------
    >>> keras.layers.InputSpec(ndim=2, axes={-1: 3})
    InputSpec(ndim=2, axes={-1: 3})
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None,
                 allow_last_axis_squeeze=False, name=None, optional=False):
        self.dtype = config.standardize_dtype(dtype) if dtype is not None else None
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim, self.name, self.optional = max_ndim, min_ndim, name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}

    def __repr__(self):
        return "InputSpec(" + ", ".join(f"{name}={value}" for name, value in vars(self).items() if value) + ")"

    def get_config(self):
        return dict(vars(self))

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def check_input(specs, inputs, name):
    """ValueError, in Keras' words, if inputs are not what the specs demand."""
    if not specs:
        return
    specs = tree.flatten(specs)
    if isinstance(inputs, dict) and all(spec.name for spec in specs):
        flat = [inputs.get(spec.name) for spec in specs]
        missing = [spec.name for spec, x in zip(specs, flat) if x is None and not spec.optional]
        if missing:
            raise ValueError(f'Missing data for input "{missing[0]}". You passed a data dictionary with keys '
                             f"{list(inputs)}. Expected the following keys: {[spec.name for spec in specs]}")
    else:
        flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        names = [spec.name for spec in specs if spec is not None and spec.name]
        if len(names) == len(specs):
            each = ", ".join(f"'{name}': ..." for name in names)
            raise ValueError(f'Layer "{name}" expects {len(specs)} named input(s) with keys {names}, but it received '
                             f"{len(flat)} input tensors. Pass inputs as a dict, e.g. `layer({{{each}}})`.")
        raise ValueError(f'Layer "{name}" expects {len(specs)} input(s), but it received {len(flat)} input tensors. '
                         f"Inputs received: {inputs}")
    for i, (spec, x) in enumerate(zip(specs, flat)):
        if spec is None or x is None and spec.optional:
            continue
        if not hasattr(x, "shape"):
            raise ValueError(f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input for layer "
                             f"'{name}'.")
        _check(spec, tuple(x.shape), i, name)


def _check(spec, shape, i, name):
    rank = len(shape)
    if spec.ndim is not None and rank != spec.ndim:
        if not (spec.allow_last_axis_squeeze and spec.shape is not None
                and (rank == spec.ndim + 1 and shape[-1] == 1 or rank == spec.ndim - 1 and spec.shape[-1] == 1)):
            raise ValueError(f"Input {i} of layer '{name}' is incompatible with the layer: expected ndim={spec.ndim}, "
                             f"found ndim={rank}. Full shape received: {shape}")
        return
    if spec.max_ndim is not None and rank > spec.max_ndim:
        raise ValueError(f"Input {i} of layer '{name}' is incompatible with the layer: expected "
                         f"max_ndim={spec.max_ndim}, found ndim={rank}")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        raise ValueError(f"Input {i} of layer '{name}' is incompatible with the layer: expected "
                         f"min_ndim={spec.min_ndim}, found ndim={rank}. Full shape received: {shape}")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            raise ValueError(f'Input {i} of layer "{name}" is incompatible with the layer: expected axis {axis} of '
                             f"input shape to have value {size}, but received input with shape {shape}")
    if spec.shape is not None:
        for wanted, size in zip(spec.shape, shape):
            if wanted is not None and size is not None and wanted != size:
                raise ValueError(f'Input {i} of layer "{name}" is incompatible with the layer: expected '
                                 f"shape={spec.shape}, found shape={shape}")
