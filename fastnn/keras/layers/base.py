"""Layer: the base of all layers and models."""
import inspect
import threading
import warnings
from functools import wraps

import numpy as np

from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.keras import config, dtype_policies, naming, regularizers, tree
from fastnn.keras.layers.as_module import AsModule
from fastnn.keras.layers.spec import check_input
from fastnn.keras.layers.strings import Strings, is_strings, strings_of
from fastnn.keras.layers.weights import Weights
from fastnn.keras.symbolic import KerasTensor, Node, Operation, any_symbolic, infer
from fastnn.keras.variables import convert, mask_of

_state = threading.local()


class _Call:
    """What an outermost call of a layer hands to the calls within: whether it is training."""

    __slots__ = ("training",)


def recording():
    """Whether calls outside of `fit` are recorded: within a GradientTape, or with PyTorch's habits."""
    return getattr(_state, "tapes", 0) > 0 or config.backend() == "torch"


def tapes(change):
    """Enter (1) or leave (-1) a GradientTape."""
    _state.tapes = getattr(_state, "tapes", 0) + change


def outermost():
    """Whether no layer is being called."""
    return getattr(_state, "call", None) is None


class recorded:  # noqa: N801
    """Within, layers record as under a tape: the training step."""

    def __enter__(self):
        tapes(1)

    def __exit__(self, *exception):
        tapes(-1)


def is_default(method):
    """Whether a method is the one of a base class that says nothing."""
    return getattr(method, "_is_default", False)


def default(method):
    method._is_default = True
    return method


def _wrapped_build(build):
    """`build` that also notes the path, the shapes and that it has run."""
    signature = inspect.signature(build)

    @wraps(build)
    def wrapper(self, *args, **kwargs):
        nested = self.__dict__.get("_building", False)
        self.__dict__["_building"] = True
        try:
            if nested:  # by `super().build`: within the scope already
                build(self, *args, **kwargs)
            else:
                with naming.name_scope(self.name):
                    self.__dict__["_path"] = naming.path()
                    build(self, *args, **kwargs)
        finally:
            self.__dict__["_building"] = nested
        if not nested:
            bound = signature.bind(self, *args, **kwargs).arguments
            del bound[next(iter(signature.parameters))]  # the layer, whatever its name
            self.__dict__["_build_shapes"] = bound
            self.built = True
            self._post_build()
            self._lock_state()
    wrapper._wrapped_build = True
    if is_default(build):
        wrapper._is_default = True
    return wrapper


class Layer(Weights, AsModule, Operation):
    """Base of all layers: weights, sublayers, and a `call` that maps tensors to tensors.

    Subclasses define `call`, most define `build` (which makes the weights once the input's shape is known) and
    `get_config`.

    Parameters
    ----------
    activity_regularizer : Regularizer or str, optional
        Penalty on the outputs, divided by the batch size.
    trainable : bool
    dtype : str or DTypePolicy, optional
        `config.floatx` without it.
    autocast : bool
        Whether floating inputs are converted to the layer's dtype.
    name : str, optional

    Raises
    ------
    ValueError
        Unknown arguments, or a `trainable` that is no bool.

    Examples
    --------
    >>> class Scale(keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(np.array([[1.0, 2.0]]))
    tensor([[1., 2.]])
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__ and not getattr(cls.build, "_wrapped_build", False):
            cls.build = _wrapped_build(cls.build)

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        d = self.__dict__
        d["_tracked"], d["_locked"], d["_extra_variables"] = {}, False, []
        super().__init__(name)
        self._dtype_policy = dtype_policies.get(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        input_shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            input_shape = (kwargs.pop("input_dim"),)
        if "batch_input_shape" in kwargs:
            input_shape = tuple(kwargs.pop("batch_input_shape"))[1:]
        kwargs.pop("batch_size", None)
        if input_shape is not None:
            warnings.warn("Do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential models, "
                          "prefer using an `Input(shape)` object as the first layer in the model instead.",
                          stacklevel=3)
            self._input_shape_arg = input_shape if isinstance(input_shape, (tuple, list)) else (input_shape,)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if not isinstance(trainable, bool):
            raise ValueError(f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type "
                             f"{type(trainable)})")
        self.autocast, self._trainable, self.built, self._path = autocast, trainable, False, None
        self.supports_jit = True
        self._input_spec = self._build_shapes = None
        self._losses = []
        self._convert_input_args, self._allow_non_tensor_positional_args = True, False
        self._read_signature()
        self._supports_masking = not is_default(self.compute_mask)
        if is_default(self.build):
            self.built = True

    def _read_signature(self):
        signature = inspect.signature(self.call)
        names = [p.name for p in signature.parameters.values()]
        d = self.__dict__
        d["_call_signature"], d["_call_names"] = signature, names
        d["_call_has_training_arg"], d["_call_has_mask_arg"] = "training" in names, "mask" in names
        d["_mask_args"] = [name for name in names if name.endswith("_mask")]
        d["_takes_keywords"] = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())

    def build(self, input_shape):
        """Make the weights for inputs of this shape."""
        self.built = True

    build._is_default = True

    # -- dtypes --
    @property
    def dtype_policy(self):
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value):
        self._dtype_policy = dtype_policies.get(value)

    @property
    def dtype(self):
        return self._dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self):
        return self._dtype_policy.compute_dtype

    @property
    def input_dtype(self):
        return self._dtype_policy.compute_dtype

    # -- losses --
    def add_loss(self, loss):
        """Adds a number to the loss, within `call`.

        Parameters
        ----------
        loss : tensor, or structure of tensors

        Examples
        --------
        >>> layer = keras.layers.Identity()
        >>> layer.add_loss(keras.ops.ones(()))
        >>> layer.losses
        [tensor(1.)]
        """
        for each in tree.flatten(loss):
            self._losses.append(each)

    @property
    def losses(self):
        """What `add_loss` and activity regularizers gave in the last call, and the weights' penalties."""
        structure = self._structure()
        found = [loss for layer in structure.layers for loss in layer._losses]
        return found + [variable.regularizer(variable) for variable in structure.regularized]

    def _clear_losses(self):
        for layer in self._structure().layers:
            if layer._losses:
                layer._losses.clear()

    # -- the call --
    def call(self, *args, **kwargs):
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call` method implemented.")

    @property
    def supports_masking(self):
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value):
        self._supports_masking = value

    def compute_mask(self, inputs, previous_mask):
        """The mask of the outputs."""
        return previous_mask

    compute_mask._is_default = True

    def compute_output_shape(self, *args, **kwargs):
        """Shape of the output for inputs of given shapes.

        Parameters
        ----------
        *args : tuple
            Shapes.

        Returns
        -------
        tuple, or structure of tuples

        Examples
        --------
        >>> keras.layers.Dense(2).compute_output_shape((None, 3))
        (None, 2)
        """
        names = [name for name in self._call_names if name not in ("training", "mask")]
        shapes = list(args) or [kwargs.pop("input_shape", None) or next(iter(kwargs.values()))]
        inputs = [tree.map_shape_structure(lambda s: KerasTensor(s, self.compute_dtype), shape) for shape in shapes]
        outputs = self.compute_output_spec(**dict(zip(names, inputs)))
        return tree.map_structure(lambda x: x.shape, outputs)

    compute_output_shape._is_default = True

    def compute_output_spec(self, *args, **kwargs):
        """The symbolic outputs for symbolic inputs."""
        if is_default(self.compute_output_shape):
            return infer(self._call_traced, args, kwargs)
        first, arguments = self._tensor_arguments(args, kwargs)
        shapes = self._shapes_for(self.compute_output_shape, arguments)
        found = self.compute_output_shape(**shapes) if isinstance(shapes, dict) else self.compute_output_shape(shapes)
        if isinstance(found, list) and found and (found[0] is None or isinstance(found[0], int)):
            found = tuple(found)
        return tree.map_shape_structure(lambda shape: KerasTensor(shape, self.compute_dtype), found)

    def _call_traced(self, *args, **kwargs):
        losses = len(self._losses)
        outputs = self.call(*args, **kwargs)
        del self._losses[losses:]
        return outputs

    def symbolic_call(self, *args, **kwargs):
        return self.compute_output_spec(*args, **kwargs)

    def _tensor_arguments(self, args, kwargs):
        """The first argument, and those that hold tensors, by name."""
        names, found, first = self._call_names, {}, None
        for name, value in [*zip(names, args), *kwargs.items()]:
            leaves = tree.flatten(value)
            if leaves and all(isinstance(leaf, (Tensor, KerasTensor)) or leaf is None for leaf in leaves) \
                    and any(leaf is not None for leaf in leaves) and not name.endswith("mask"):
                found[name] = value
        if args:
            first = args[0]
        elif found:
            first = next(iter(found.values()))
        return first, found

    def _shapes_for(self, method, arguments):
        """What to give to `build` or `compute_output_shape`: one shape, or a dict of them by the method's names."""
        shapes = {f"{name}_shape": tree.map_structure(lambda x: None if x is None else tuple(x.shape), value)
                  for name, value in arguments.items()}
        parameters = [p for p in inspect.signature(method).parameters.values()
                      if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY, p.KEYWORD_ONLY)]
        if len(parameters) == 1 or not shapes:
            return next(iter(shapes.values()), None)
        named = {p.name: shapes[p.name] for p in parameters if p.name in shapes}
        if named:
            return named
        return dict(zip((p.name for p in parameters), shapes.values()))

    def _maybe_build(self, args, kwargs):
        first, arguments = self._tensor_arguments(args, kwargs)
        if is_default(self.build):
            self.built = True
            return
        shapes = self._shapes_for(self.build, arguments)
        with no_grad():
            self.build(**shapes) if isinstance(shapes, dict) else self.build(shapes)

    @property
    def input_spec(self):
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value):
        self._input_spec = value

    def _converted(self, x):
        """An argument as a tensor of the layer's type."""
        if isinstance(x, Tensor):
            if x.is_floating_point() and self.autocast and Tensor.dtype.__get__(x).name != self.input_dtype:
                mask = mask_of(x)
                x = x.to(config.torch_dtype(self.input_dtype))
                if mask is not None:
                    x._keras_mask = mask
            return x
        if isinstance(x, KerasTensor) or x is None or isinstance(x, (str, bytes)):
            return x
        if hasattr(x, "__array__"):
            array = np.asarray(x)
            if array.dtype.kind in "OUS":
                return strings_of(array) if array.dtype.kind != "O" or is_strings(array) else x
            if array.dtype.kind == "f" and self.autocast:
                return convert(array, self.input_dtype)
            return convert(array)
        return x

    def _floats(self, x):
        """x; whole numbers as the layer's type."""
        return x if x.is_floating_point() else x.to(config.torch_dtype(self.compute_dtype))

    def _converted_first(self, x):
        """The inputs proper: numbers too are meant as tensors."""
        if isinstance(x, (int, float)) and not isinstance(x, bool):
            return convert(x, self.input_dtype)
        return self._converted(x)

    def __call__(self, *args, **kwargs):
        if "_tracked" not in self.__dict__:
            raise RuntimeError(f"In layer {type(self).__name__}, you forgot to call `super().__init__()` as the first "
                               f"statement in the `__init__()` method. Go add it!")
        if any_symbolic(args, kwargs):
            return self._run(args, kwargs, True)
        if outermost() and not recording():
            with no_grad():
                return self._run(args, kwargs, False)
        return self._run(args, kwargs, False)

    def _run(self, args, kwargs, symbolic):
        if self._convert_input_args:
            args = tuple(tree.map_structure(self._converted_first if not symbolic else self._converted, arg)
                         for arg in args)
            kwargs = {name: tree.map_structure(self._converted, value) for name, value in kwargs.items()}
        if not self._allow_non_tensor_positional_args:
            for arg in tree.flatten(list(args)):
                if not isinstance(arg, (Tensor, KerasTensor, Strings)) and arg is not None:
                    raise ValueError(f"Only input tensors may be passed as positional arguments. The following "
                                     f"argument value should be passed as a keyword argument: {arg} (of type "
                                     f"{type(arg)})")
        if self._input_spec is not None or type(self).input_spec is not Layer.input_spec:
            first = args[0] if args else next(iter(kwargs.values()), None)
            check_input(self.input_spec, first, self.name)
        given = dict(kwargs)
        outer = getattr(_state, "call", None)
        if outer is None:
            _state.call = _Call()
            _state.call.training = None
            self._clear_losses()
        before = _state.call.training
        stack = naming.scopes()
        depth = len(stack)
        try:
            if not self.built:
                self._maybe_build(args, kwargs)
            stack.append(self.name)
            training = kwargs.get("training")
            if training is None and "training" in self._call_names:
                at = self._call_names.index("training")
                training = args[at] if at < len(args) else None
            if training is None:
                training = before
            if training is None and self._call_has_training_arg:
                standard = self._call_signature.parameters["training"].default
                training = None if standard is inspect.Parameter.empty else standard
            _state.call.training = training
            if self._call_has_training_arg and training is not None:
                kwargs["training"] = training
            elif "training" in kwargs and not self._call_has_training_arg and not self._takes_keywords:
                kwargs.pop("training")
            previous_mask = self._masks(args, kwargs)
            if symbolic:
                outputs = self.symbolic_call(*args, **kwargs)
                self.built = True
            else:
                outputs = self.call(*args, **kwargs)
                if self.activity_regularizer is not None:
                    for output in tree.flatten(outputs):
                        self.add_loss(self.activity_regularizer(output) / output.shape[0])
            if previous_mask is not None or (self._supports_masking and not is_default(self.compute_mask)):
                self._set_masks(args[0] if args else next(iter(kwargs.values()), None), outputs, previous_mask)
        finally:
            del stack[depth:]
            _state.call.training = before
            if outer is None:
                _state.call = None
        if symbolic:
            for x in tree.flatten(outputs):  # an output that is an input itself gets a name of its own
                if isinstance(x, KerasTensor) and hasattr(x, "_keras_history"):
                    outputs = tree.map_structure(_renamed, outputs)
                    break
            Node(self, args, given, outputs)
        return outputs

    def _masks(self, args, kwargs):
        """Hand the inputs' masks to the arguments that want them; the mask of the first input."""
        previous = None
        if args:
            previous = _mask_of(args[0])
        elif kwargs:
            previous = _mask_of(next(iter(kwargs.values())))
        if kwargs.get("mask") is not None:
            previous = kwargs["mask"]
        elif previous is not None and self._call_has_mask_arg and "mask" not in kwargs \
                and len(args) <= self._call_names.index("mask"):
            kwargs["mask"] = previous
        for name in self._mask_args:
            if kwargs.get(name) is None:
                source = name.removesuffix("_mask")
                value = kwargs.get(source)
                if value is None and source in self._call_names[:len(args)]:
                    value = args[self._call_names.index(source)]
                mask = None if value is None else _mask_of(value)
                if mask is not None:
                    kwargs[name] = mask
        return previous

    def _set_masks(self, inputs, outputs, previous):
        flat = [x for x in tree.flatten(outputs) if isinstance(x, (Tensor, KerasTensor))]
        if not self._supports_masking:
            if previous is not None and any(m is not None for m in tree.flatten(previous)):
                warnings.warn(f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask "
                              f"attached to it. However, this layer does not support masking and will therefore "
                              f"destroy the mask information. Downstream layers will not see the mask.", stacklevel=4)
            return
        masks = self.compute_mask(inputs, previous)
        if masks is None:
            return
        for x, mask in zip(flat, tree.flatten(masks)):
            if mask is not None and mask_of(x) is None:
                x._keras_mask = mask

    # -- configuration --
    @property
    def path(self):
        return self._path

    def get_config(self):
        """Arguments of the constructor, as JSON's types.

        Returns
        -------
        dict

        Examples
        --------
        >>> keras.layers.Dense(2).get_config()["units"]
        2
        """
        if type(self).get_config is Layer.get_config and type(self).__init__ is not Layer.__init__:
            parameters = [name for name in inspect.signature(type(self).__init__).parameters
                          if name not in ("self", "args", "kwargs", "name", "trainable", "dtype")]
            if parameters:
                raise NotImplementedError(f"Object {type(self).__name__} was created by passing non-serializable "
                                          f"argument values in `__init__()`, and therefore the object must override "
                                          f"`get_config()` in order to be serializable. Please implement "
                                          f"`get_config()`.")
        return self._base_config()

    def _base_config(self):
        made = {"name": self.name, "trainable": self.trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}
        if self.activity_regularizer is not None:
            made["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return made

    @classmethod
    def from_config(cls, config):
        """A layer of the arguments that `get_config` gave.

        Parameters
        ----------
        config : dict

        Returns
        -------
        Layer

        Examples
        --------
        >>> keras.layers.Dense.from_config(keras.layers.Dense(2).get_config()).units
        2
        """
        made = dict(config)
        if isinstance(made.get("dtype"), dict):
            made["dtype"] = dtype_policies.deserialize(made["dtype"])
        return cls(**made)

    def get_build_config(self):
        """The shapes that the layer was built with."""
        shapes = self._build_shapes
        if not shapes:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": dict(shapes)}

    def build_from_config(self, config):
        """Build with the shapes of `get_build_config`."""
        if config and not self.built:
            if "input_shape" in config:
                self.build(config["input_shape"])
            elif "shapes_dict" in config:
                self.build(**config["shapes_dict"])

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __str__(self):
        return self.__repr__()

    def __reduce__(self):
        return _rebuild, (type(self), self.get_config(), self.get_build_config(),
                          [v.numpy() for v in self.weights] if self.built else None)


def _rebuild(cls, config, build_config, weights):
    made = cls.from_config(config)
    made.build_from_config(build_config)
    if weights:
        made.set_weights(weights)
    return made


def _renamed(x):
    if isinstance(x, KerasTensor) and hasattr(x, "_keras_history"):
        made = KerasTensor(x.shape, x.dtype)
        made._keras_mask = x._keras_mask
        return made
    return x


def _mask_of(x):
    """The mask of a tensor, or a structure of masks if one of several has one."""
    if isinstance(x, (Tensor, KerasTensor)):
        return mask_of(x)
    if tree.is_nested(x):
        masks = tree.map_structure(lambda leaf: mask_of(leaf), x)
        if any(mask is not None for mask in tree.flatten(masks)):
            return masks
    return None
