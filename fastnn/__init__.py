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
from fastnn.errors import no_attribute as _no_attribute
from fastnn.errors import type_name as _type_name
from fastnn.dtypes import (Size, device, dtype, finfo, get_default_dtype, iinfo, layout, memory_format,
                           set_default_dtype)
from fastnn.ops import functions as _functions
from fastnn.ops.namespace import *  # noqa: F403
from fastnn.ops.printing import set_printoptions
from fastnn.random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from fastnn.serialization import load, save
from fastnn.utils.dlpack import from_dlpack

__version__ = "0.1.0.dev0"

globals().update({name: getattr(dtypes, name) for name in dtypes._TYPES})
globals().update(dtypes.ABSENT)
double, half, long, int, short = dtypes.float64, dtypes.float16, dtypes.int64, dtypes.int32, dtypes.int16  # noqa: A001
chalf, cfloat, cdouble = dtypes.complex32, dtypes.complex64, dtypes.complex128
float = dtypes.float32  # noqa: A001 (PyTorch's name)
inf, nan, pi, e, newaxis = _math.inf, _math.nan, _math.pi, _math.e, None
strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc = map(dtypes.layout, (
    "torch.strided", "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc", "torch.sparse_bsr",
    "torch.sparse_bsc"))
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
    """The name of a tensor's type, of a class or of another object's class, with its module.

    Parameters
    ----------
    obj : object

    Examples
    --------
    >>> fastnn.typename(fastnn.ones(2))
    'torch.FloatTensor'
    """
    return obj.type() if isinstance(obj, Tensor) else _type_name(obj)


# Packages that few programs need, or that cost more to import than the rest.
_LATER = ("distributed", "distributions", "dropin", "explain", "fft", "func", "keras", "models", "onnx", "signal",
          "sklearn", "sparse", "training", "vision")
# Methods of tensors and functions of nn.functional that are functions of torch as well.
_METHODS = frozenset((
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_ atanh_ ceil_ "
    "clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ "
    "frac_ gcd_ get_device i0_ index_put_ is_conj is_inference is_neg is_signed lcm_ ldexp_ log10_ log1p_ log2_ log_ "
    "logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ resize_as_ resolve_conj resolve_neg round_ rsqrt_ "
    "sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_").split())
_LAYERS = frozenset(("adaptive_avg_pool1d avg_pool1d celu_ group_norm layer_norm max_pool1d max_pool1d_with_indices "
                     "max_pool2d max_pool3d pixel_shuffle pixel_unshuffle rms_norm rrelu_ selu_ threshold_").split())
# Other names of torch that are defined elsewhere.
_ELSEWHERE = {name: home for home, names in {
    "fastnn.compat.copies":
        "alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy select_copy slice_copy "
        "split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy "
        "view_as_complex_copy view_as_real_copy view_copy",
    "fastnn.compat.checks":
        "_assert _check _check_index _check_is_size _check_not_implemented _check_type _check_value _check_with",
    "fastnn.compat.further":
        "alpha_dropout_ chain_matmul dropout_ empty_strided feature_alpha_dropout_ feature_dropout feature_dropout_ "
        "is_warn_always_enabled range set_warn_always",
    "fastnn.compat._C": "DeviceObjType",
    "fastnn.compat.amp":
        "GradScaler clear_autocast_cache get_autocast_cpu_dtype get_autocast_dtype get_autocast_gpu_dtype "
        "is_autocast_cache_enabled is_autocast_cpu_enabled set_autocast_cache_enabled set_autocast_cpu_dtype "
        "set_autocast_cpu_enabled set_autocast_dtype set_autocast_enabled",
    "fastnn.compat.cuda": "Event Stream",
    "fastnn.compat.jit": "ScriptModule",
    "fastnn.compat.storage": "PyTorchFileReader StorageBase TypedStorage UntypedStorage",
    "fastnn.errors": "OutOfMemoryError",
    "fastnn.func": "vmap",
    "fastnn.signal.windows": "bartlett_window blackman_window hamming_window hann_window kaiser_window",
    "fastnn.sparse":
        "hspmm smm sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor "
        "sparse_csr_tensor spmm",
    "fastnn.utils.futures": "Future",
    "fastnn.utils.summary": "summary",
}.items() for name in names.split()}


def __dir__():
    return sorted({*globals(), *compat.MODULES, *_LATER, *_METHODS, *_LAYERS, *_ELSEWHERE})


def __getattr__(name):
    import importlib
    if name in _LATER:
        try:
            return importlib.import_module(f"fastnn.{name}")
        except ImportError as error:  # an extra is missing: `hasattr` and `help` go on without it
            raise AttributeError(str(error), name=name) from error
    if name in _METHODS:
        return _functions.at_top(Tensor, name)
    if name in _LAYERS:
        return _functions.at_top(nn.functional, name)
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    module = compat.module(name)
    if module is not None:
        return module
    raise _no_attribute("fastnn", name, "; `python -m fastnn names` lists what it has")
