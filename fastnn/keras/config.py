"""Settings of the Keras door: floating type, epsilon, image layout, and whose habits it follows."""
import os
import warnings

import numpy as np

import fastnn
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.keras import dtype_policies
from fastnn.training import messages



def _limit(name):
    return int(os.environ[name]) if os.environ.get(name) else None


_settings = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "traceback_filtering": True,
             "max_epochs": _limit("KERAS_MAX_EPOCHS"), "max_steps_per_epoch": _limit("KERAS_MAX_STEPS_PER_EPOCH")}
ALLOWED_FLOATS = {"float16", "float32", "float64", "bfloat16"}
DTYPES = {"bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "bfloat16",
          "float32", "float64", "string"}
_ALIASES = {"double": "float64", "float": "float32", "half": "float16", "int": "int64" if os.name != "nt" else "int32",
            "long": "int64", "boolean": "bool"}


def backend():
    """``"torch"`` if the environment variable ``KERAS_BACKEND`` says so, ``"tensorflow"`` otherwise.

    The engine is the same; the name decides what programs see outside of `fit`: with ``"tensorflow"`` only a
    `GradientTape` records, with ``"torch"`` every call does and ``loss.backward()`` works.
    """
    return "torch" if os.environ.get("KERAS_BACKEND") == "torch" else "tensorflow"


def floatx():
    """The default floating type, as a string."""
    return _settings["floatx"]


def set_floatx(value):
    """Set the default floating type: ``"float32"`` or ``"float64"``."""
    if value not in ALLOWED_FLOATS:
        raise ValueError(f"Unknown `floatx` value: {value}. Expected among {sorted(ALLOWED_FLOATS)}")
    if value not in ("float32", "float64"):
        raise NotImplementedError(f"set_floatx: {value!r} is not implemented; float32 and float64 are")
    _settings["floatx"] = value


def epsilon():
    """The small number that keeps divisions and logarithms finite (1e-7)."""
    return _settings["epsilon"]


def set_epsilon(value):
    """Set `epsilon`."""
    _settings["epsilon"] = value


def image_data_format():
    """``"channels_last"`` or ``"channels_first"``."""
    return _settings["image_data_format"]


def set_image_data_format(data_format):
    """Set the layout that image layers assume."""
    _settings["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format):
    if data_format is None:
        return image_data_format()
    data_format = str(data_format).lower()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"The `data_format` argument must be one of ('channels_first', 'channels_last'). Received: "
                         f"data_format={data_format}")
    return data_format


def is_flash_attention_enabled():
    return None


def enable_flash_attention():
    """Accepted; attention is always computed without storing its weights where nobody asks for them."""


def disable_flash_attention():
    """Accepted; see `enable_flash_attention`."""


def is_interactive_logging_enabled():
    """Whether what is said to the user is printed; else it goes to Python's logger ``fastnn``."""
    return messages.interactive


def enable_interactive_logging():
    """Print what is said to the user."""
    messages.interactive = True


def disable_interactive_logging():
    """Hand what is said to the user, progress bars too, to Python's logger ``fastnn``."""
    messages.interactive = False


def is_traceback_filtering_enabled():
    """What was set; tracebacks are always whole."""
    return _settings["traceback_filtering"]


def enable_traceback_filtering():
    """Accepted; tracebacks are always whole, and short."""
    _settings["traceback_filtering"] = True


def disable_traceback_filtering():
    """Accepted; see `enable_traceback_filtering`."""
    _settings["traceback_filtering"] = False


def max_epochs():
    """The most epochs of any `fit`; None without a limit."""
    return _settings["max_epochs"]


def set_max_epochs(max_epochs):
    """Limit the epochs of every `fit`, as the environment variable ``KERAS_MAX_EPOCHS`` does; None: no limit."""
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch():
    """The most steps of an epoch, of `evaluate` and of `predict`; None without a limit."""
    return _settings["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch):
    """Limit the steps of an epoch, of `evaluate` and of `predict`, as ``KERAS_MAX_STEPS_PER_EPOCH`` does; None: no
    limit."""
    _settings["max_steps_per_epoch"] = max_steps_per_epoch


def limited(name, wanted):
    """A number of epochs or steps, or the limit of that name if it is less; with a warning."""
    most = _settings[name]
    if not most or wanted is not None and wanted <= most:
        return wanted
    warnings.warn(f"Limiting {name.removeprefix('max_')} to {most}", stacklevel=4)
    return most


def enable_unsafe_deserialization():
    """Not possible: nothing in a file is executed."""
    raise NotImplementedError("enable_unsafe_deserialization: fastnn executes nothing that a file holds; pass classes "
                              "and functions as `custom_objects`")


def is_nnx_enabled():
    """Never: there is no JAX here."""
    return False


def set_backend(backend):
    """Which framework's habits are followed; see `backend`. Better set ``KERAS_BACKEND`` before the program."""
    if backend not in ("tensorflow", "torch", "jax"):
        raise ValueError(f"set_backend: expected 'tensorflow', 'torch' or 'jax', got {backend!r}")
    os.environ["KERAS_BACKEND"] = backend


def dtype_policy():
    """The policy of layers that are given none; see `dtype_policies`."""
    return dtype_policies.dtype_policy()


def set_dtype_policy(policy):
    """Set the policy of layers that are given none."""
    dtype_policies.set_dtype_policy(policy)


_names = {}  # what was asked for before -> its name


def standardize_dtype(dtype):
    """The name of a type that is given in any way: a string, Python's, NumPy's or a tensor's.

    Raises
    ------
    ValueError
        It is no type that is known.
    """
    if dtype is None:
        return floatx()
    try:
        return _names[dtype]
    except (KeyError, TypeError):
        pass
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.").removeprefix("tf.")
    elif isinstance(dtype, dtypes.dtype):
        name = dtype.name
    elif dtype in (bool, int, float):
        name = {bool: "bool", int: "int64", float: "float32"}[dtype]
    else:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = getattr(dtype, "name", None) or getattr(dtype, "__name__", str(dtype))
    name = _ALIASES.get(name, name)
    if name.startswith("str"):
        name = "string"
    if name not in DTYPES:
        raise ValueError(f"Invalid dtype: {dtype}")
    try:
        _names[dtype] = name
    except TypeError:
        pass
    return name


def dtype_of(x):
    """The name of the type of a tensor, variable, symbolic tensor or array."""
    if isinstance(x, Tensor):
        return Tensor.dtype.__get__(x).name
    return standardize_dtype(x.dtype)


def torch_dtype(dtype):
    """The engine's object for a type."""
    name = standardize_dtype(dtype)
    found = getattr(dtypes, name, None)
    if not isinstance(found, dtypes.dtype):
        raise NotImplementedError(f"dtype {name!r} is not implemented")
    return found


def is_float(dtype):
    return "float" in standardize_dtype(dtype)


def is_int(dtype):
    name = standardize_dtype(dtype)
    return "int" in name


def result_type(*dtypes):
    """The name of the type that values of several types have together; Python's `int` and `float` give way to others.

    Examples
    --------
    >>> result_type("int32", "float32"), result_type("int8", int), result_type("int32", float)
    ('float32', 'int8', 'float32')
    """
    strong = [torch_dtype(d) for d in dtypes if d not in (int, float)]
    if not strong:
        return floatx() if float in dtypes else "int32"
    found = strong[0]
    for each in strong[1:]:
        found = fastnn.promote_types(found, each)
    name = standardize_dtype(found)
    if float in dtypes and not is_float(name):
        return floatx()
    return "int32" if int in dtypes and name == "bool" else name
