"""Settings of the Keras door: floating type, epsilon, image layout, and whose habits it follows."""
import os
import warnings

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.keras import dtype_policies
from fastnn.training import messages
import fastnn



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
    """Framework whose habits are followed: "torch" if the environment variable ``KERAS_BACKEND`` says so, else
    "tensorflow".

    The engine is the same. With "tensorflow" only a `GradientTape` records outside of `fit`; with "torch" every call
    does, and ``loss.backward()`` works.

    Returns
    -------
    str

    Examples
    --------
    >>> keras.config.backend() in ("tensorflow", "torch")
    True
    """
    return "torch" if os.environ.get("KERAS_BACKEND") == "torch" else "tensorflow"


def floatx():
    """Default floating dtype.

    Examples
    --------
    >>> keras.config.floatx()
    'float32'
    """
    return _settings["floatx"]


def set_floatx(value):
    """Sets the default floating dtype.

    Parameters
    ----------
    value : {"float32", "float64"}

    Raises
    ------
    ValueError
        Another dtype.
    NotImplementedError
        "float16" or "bfloat16".

    Examples
    --------
    >>> keras.config.set_floatx("float64")
    >>> keras.ops.ones(1).dtype
    torch.float64
    >>> keras.config.set_floatx("float32")
    """
    if value not in ALLOWED_FLOATS:
        raise ValueError(f"Unknown `floatx` value: {value}. Expected among {sorted(ALLOWED_FLOATS)}")
    if value not in ("float32", "float64"):
        raise NotImplementedError(f"set_floatx: {value!r} is not implemented; float32 and float64 are")
    _settings["floatx"] = value


def epsilon():
    """Small number that keeps divisions and logarithms finite.

    Examples
    --------
    >>> keras.config.epsilon()
    1e-07
    """
    return _settings["epsilon"]


def set_epsilon(value):
    """Sets `epsilon`.

    Parameters
    ----------
    value : float

    Examples
    --------
    >>> keras.config.set_epsilon(1e-5)
    >>> keras.config.epsilon()
    1e-05
    >>> keras.config.set_epsilon(1e-7)
    """
    _settings["epsilon"] = value


def image_data_format():
    """Default layout of images: "channels_last" or "channels_first".

    Examples
    --------
    >>> keras.config.image_data_format()
    'channels_last'
    """
    return _settings["image_data_format"]


def set_image_data_format(data_format):
    """Sets the default layout of images.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}

    Raises
    ------
    ValueError
        Another layout.

    Examples
    --------
    >>> keras.config.set_image_data_format("channels_last")
    """
    _settings["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format):
    """A layout of images in lower case; the default one of None.

    Parameters
    ----------
    data_format : str or None

    Returns
    -------
    str

    Raises
    ------
    ValueError
        Another layout.

    Examples
    --------
    >>> keras.config.standardize_data_format(None)
    'channels_last'
    """
    if data_format is None:
        return image_data_format()
    data_format = str(data_format).lower()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"The `data_format` argument must be one of ('channels_first', 'channels_last'). Received: "
                         f"data_format={data_format}")
    return data_format


def is_flash_attention_enabled():
    """None: layers decide by themselves; see `enable_flash_attention`.

    Examples
    --------
    >>> keras.config.is_flash_attention_enabled() is None
    True
    """
    return None


def enable_flash_attention():
    """Accepted: attention never stores its weights unless they are asked for.

    Examples
    --------
    >>> keras.config.enable_flash_attention()
    """


def disable_flash_attention():
    """Accepted; see `enable_flash_attention`.

    Examples
    --------
    >>> keras.config.disable_flash_attention()
    """


def is_interactive_logging_enabled():
    """Whether messages are printed; else they go to Python's logger ``fastnn``.

    Examples
    --------
    >>> keras.utils.is_interactive_logging_enabled()
    True
    """
    return messages.interactive


def enable_interactive_logging():
    """Prints messages; the default.

    Examples
    --------
    >>> keras.utils.enable_interactive_logging()
    >>> keras.utils.is_interactive_logging_enabled()
    True
    """
    messages.interactive = True


def disable_interactive_logging():
    """Hands messages, progress bars too, to Python's logger ``fastnn`` instead of printing them.

    Examples
    --------
    >>> keras.utils.disable_interactive_logging()
    >>> keras.utils.is_interactive_logging_enabled()
    False
    >>> keras.utils.enable_interactive_logging()
    """
    messages.interactive = False


def is_traceback_filtering_enabled():
    """What was set by `enable_traceback_filtering` or `disable_traceback_filtering`.

    Examples
    --------
    >>> keras.config.is_traceback_filtering_enabled()
    True
    """
    return _settings["traceback_filtering"]


def enable_traceback_filtering():
    """Accepted: tracebacks are always whole.

    Examples
    --------
    >>> keras.config.enable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    True
    """
    _settings["traceback_filtering"] = True


def disable_traceback_filtering():
    """Accepted; see `enable_traceback_filtering`.

    Examples
    --------
    >>> keras.config.disable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    False
    >>> keras.config.enable_traceback_filtering()
    """
    _settings["traceback_filtering"] = False


def max_epochs():
    """Limit of the epochs of any `fit`; None without a limit.

    Examples
    --------
    >>> keras.config.max_epochs() is None
    True
    """
    return _settings["max_epochs"]


def set_max_epochs(max_epochs):
    """Limits the epochs of every `fit`, as the environment variable ``KERAS_MAX_EPOCHS`` does.

    Parameters
    ----------
    max_epochs : int or None

    Examples
    --------
    >>> keras.config.set_max_epochs(3)
    >>> keras.config.max_epochs()
    3
    >>> keras.config.set_max_epochs(None)
    """
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch():
    """Limit of the steps of an epoch, of `evaluate` and of `predict`; None without a limit.

    Examples
    --------
    >>> keras.config.max_steps_per_epoch() is None
    True
    """
    return _settings["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch):
    """Limits the steps of an epoch, of `evaluate` and of `predict`, as ``KERAS_MAX_STEPS_PER_EPOCH`` does.

    Parameters
    ----------
    max_steps_per_epoch : int or None

    Examples
    --------
    >>> keras.config.set_max_steps_per_epoch(3)
    >>> keras.config.max_steps_per_epoch()
    3
    >>> keras.config.set_max_steps_per_epoch(None)
    """
    _settings["max_steps_per_epoch"] = max_steps_per_epoch


def limited(name, wanted):
    """A number of epochs or steps, or the limit of that name if it is less; then with a warning.

    Parameters
    ----------
    name : {"max_epochs", "max_steps_per_epoch"}
    wanted : int or None

    Examples
    --------
    >>> keras.config.limited("max_epochs", 5)
    5
    """
    most = _settings[name]
    if not most or wanted is not None and wanted <= most:
        return wanted
    warnings.warn(f"Limiting {name.removeprefix('max_')} to {most}", stacklevel=4)
    return most


def enable_unsafe_deserialization():
    """Not implemented: nothing in a file is executed.

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.config.enable_unsafe_deserialization()  # doctest: +SKIP
    """
    raise NotImplementedError("enable_unsafe_deserialization: fastnn executes nothing that a file holds; pass classes "
                              "and functions as `custom_objects`")


def is_nnx_enabled():
    """False: there is no JAX here.

    Examples
    --------
    >>> keras.config.is_nnx_enabled()
    False
    """
    return False


def set_backend(backend):
    """Sets which framework's habits are followed; see `backend`. ``KERAS_BACKEND`` is better set before the program.

    Parameters
    ----------
    backend : {"tensorflow", "torch", "jax"}

    Raises
    ------
    ValueError
        Another one.

    Examples
    --------
    >>> keras.config.set_backend("torch")  # doctest: +SKIP
    """
    if backend not in ("tensorflow", "torch", "jax"):
        raise ValueError(f"set_backend: expected 'tensorflow', 'torch' or 'jax', got {backend!r}")
    os.environ["KERAS_BACKEND"] = backend


def dtype_policy():
    """Dtype policy of layers that are given none; see `dtype_policies`.

    Examples
    --------
    >>> keras.config.dtype_policy().name
    'float32'
    """
    return dtype_policies.dtype_policy()


def set_dtype_policy(policy):
    """Sets the dtype policy of layers that are given none.

    Parameters
    ----------
    policy : str or DTypePolicy
        "float32", "float64", or "mixed_float16" and "mixed_bfloat16", which compute in float32.

    Raises
    ------
    NotImplementedError
        Pure half precision.

    Examples
    --------
    >>> keras.config.set_dtype_policy("float64")
    >>> keras.layers.Dense(1).compute_dtype
    'float64'
    >>> keras.config.set_dtype_policy("float32")
    """
    dtype_policies.set_dtype_policy(policy)


_names = {}  # what was asked for before -> its name


def standardize_dtype(dtype):
    """Name of a dtype that is given as a string, Python's type, NumPy's or a tensor's dtype.

    Parameters
    ----------
    dtype : object
        None: `floatx`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        There is no such dtype.

    Examples
    --------
    >>> keras.utils.standardize_dtype(np.int8), keras.utils.standardize_dtype(None)
    ('int8', 'float32')
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
    elif isinstance(dtype, type) and dtype in (bool, int, float):  # np.dtype(float) == float, too
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
    """Name of the dtype of a tensor, a variable or a symbolic tensor.

    Parameters
    ----------
    x : tensor

    Examples
    --------
    >>> keras.config.dtype_of(keras.ops.ones(2))
    'float32'
    """
    if isinstance(x, Tensor):
        return Tensor.dtype.__get__(x).name
    return standardize_dtype(x.dtype)


def torch_dtype(dtype):
    """Dtype of the engine for a dtype that is given in any form.

    Parameters
    ----------
    dtype : object

    Returns
    -------
    fastnn.dtype

    Raises
    ------
    NotImplementedError
        The engine does not have it.

    Examples
    --------
    >>> keras.config.torch_dtype("int8")
    torch.int8
    """
    name = standardize_dtype(dtype)
    found = getattr(dtypes, name, None)
    if not isinstance(found, dtypes.dtype):
        raise NotImplementedError(f"dtype {name!r} is not implemented")
    return found


def is_float(dtype):
    """Whether a dtype is a floating one.

    Parameters
    ----------
    dtype : object

    Examples
    --------
    >>> keras.config.is_float("float32"), keras.config.is_float("int8")
    (True, False)
    """
    return "float" in standardize_dtype(dtype)


def is_int(dtype):
    """Whether a dtype is of whole numbers.

    Parameters
    ----------
    dtype : object

    Examples
    --------
    >>> keras.config.is_int("uint8"), keras.config.is_int("float32")
    (True, False)
    """
    name = standardize_dtype(dtype)
    return "int" in name


def result_type(*dtypes):
    """Name of the common dtype of several; Python's `int` and `float` give precedence to others.

    Parameters
    ----------
    *dtypes : str, dtype or type

    Returns
    -------
    str

    Examples
    --------
    >>> keras.config.result_type("int32", "float32"), keras.config.result_type("int8", int)
    ('float32', 'int8')
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
