"""fastnn: small and middle-sized neural networks, trained and run on a CPU, under PyTorch's names.

``import fastnn as torch`` is the PyTorch door; `fastnn.kernels` and `fastnn.reference` are the lowest layer, NumPy
arrays in and NumPy arrays out. ``python -m fastnn script.py`` runs an unchanged PyTorch program.
"""
import math as _math

from fastnn import config  # first: chooses the kernels
from fastnn import autograd, compat, dtypes, kernels, linalg, nn, ops, optim, random, special, utils
from fastnn._tensor import Tensor, is_grad_enabled
from fastnn._tensor import is_inference_mode_enabled
from fastnn.autograd import enable_grad, inference_mode, no_grad, set_grad_enabled
from fastnn.autograd.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from fastnn.compat.foreach import *  # noqa: F403
from fastnn.compat.switches import *  # noqa: F403
from fastnn.compat.typed import *  # noqa: F403
from fastnn.config import (get_backend, get_num_threads, num_threads, set_flush_denormal, set_num_threads, show_config,
                           use_backend)
from fastnn.dtypes import (Size, device, dtype, finfo, get_default_dtype, iinfo, layout, memory_format,
                           set_default_dtype)
from fastnn.ops.namespace import *  # noqa: F403
from fastnn.ops.printing import set_printoptions
from fastnn.random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from fastnn.serialization import load, save
from fastnn.utils.dlpack import from_dlpack

__version__ = "0.1.0.dev0"

globals().update({name: getattr(dtypes, name) for name in dtypes._TYPES})
globals().update(dtypes.ABSENT)
double, half, long, int, short = dtypes.float64, dtypes.float16, dtypes.int64, dtypes.int32, dtypes.int16  # noqa: A001
chalf, cfloat, cdouble = dtypes.ABSENT["complex32"], dtypes.complex64, dtypes.complex128
float = dtypes.float32  # noqa: A001 (PyTorch's name)
inf, nan, pi, e, newaxis = _math.inf, _math.nan, _math.pi, _math.e, None
strided = dtypes.layout("torch.strided")
contiguous_format, preserve_format, channels_last, channels_last_3d = map(dtypes.memory_format, (
    "torch.contiguous_format", "torch.preserve_format", "torch.channels_last", "torch.channels_last_3d"))


def is_tensor(obj) -> bool:
    """Whether `obj` is a Tensor.

    Parameters
    ----------
    obj : object

    Examples
    --------
    >>> fastnn.is_tensor(fastnn.ones(2))
    True
    """
    return isinstance(obj, Tensor)


def numel(input) -> int:
    """Number of elements.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.numel(fastnn.ones(2, 3))
    6
    """
    return input.numel()


def typename(obj):
    """The name of a tensor's type, or of any other object's.

    Parameters
    ----------
    obj : object

    Examples
    --------
    >>> fastnn.typename(fastnn.ones(2))
    'torch.FloatTensor'
    """
    return obj.type() if isinstance(obj, Tensor) else type(obj).__name__


# Few programs need them, or they cost more to import than the rest.
_LATER = ("distributed", "fft", "func", "onnx", "signal", "vision")
_WINDOWS = ("bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window")
_ELSEWHERE = {**dict.fromkeys(_WINDOWS, "fastnn.signal.windows"), "Future": "fastnn.utils.futures",
              "PyTorchFileReader": "fastnn.compat.storage", "ScriptModule": "fastnn.compat.jit",
              "TypedStorage": "fastnn.compat.storage", "UntypedStorage": "fastnn.compat.storage",
              "summary": "fastnn.utils.summary", "vmap": "fastnn.func"}


def __dir__():
    return sorted({*globals(), *compat.MODULES, *_LATER, *_ELSEWHERE})


def __getattr__(name):
    import importlib
    if name in _LATER:
        return importlib.import_module(f"fastnn.{name}")
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    module = compat.module(name)
    if module is not None:
        return module
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}; `python -m fastnn names` lists what it has")
