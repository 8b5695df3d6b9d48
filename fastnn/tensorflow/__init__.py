"""What Keras programs touch of TensorFlow: ``import tensorflow as tf`` gives this under ``python -m fastnn``.

Tensors are fastnn's: a computation runs when it is called, and `function` changes nothing. Names that are not here
raise an AttributeError that says so.
"""
import sys as _sys
import types as _types

import fastnn as _fastnn
from fastnn import keras
from fastnn._tensor import Tensor
from fastnn.keras.ops import custom_gradient
from fastnn.keras.utils import pipeline as data
from fastnn.keras.utils.pipeline import TensorSpec
from fastnn.tensorflow import functions, image, strings
from fastnn.tensorflow.gradients import GradientTape, UnconnectedGradients, stop_gradient
from fastnn.tensorflow.modules import Module, Variable

__version__ = "2.20.0"
_sys.modules[f"{__name__}.data"] = data
newaxis = None


def _group(name, text, **members):
    module = _types.ModuleType(f"{__name__}.{name}", text)
    module.__dict__.update(members)
    return module


_functions = {name: thing for name, thing in vars(functions).items()
              if callable(thing) and not name.startswith("_") and getattr(thing, "__module__", "").startswith("fastnn")
              and thing not in (functions.convert, functions.array_of, functions.Tensor)}
_of_networks = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits", "l2_loss", "embedding_lookup",
                "sparse_softmax_cross_entropy_with_logits", "l2_normalize", "moments", "leaky_relu", "conv2d",
                "max_pool2d", "avg_pool2d", "bias_add")
_of_math = ("confusion_matrix", "unsorted_segment_sum", "unsorted_segment_mean", "unsorted_segment_max")
globals().update({name: thing for name, thing in _functions.items() if name not in _of_networks + _of_math})
globals().update(functions.DTYPES)
double, half, string = functions.DTYPES["float64"], functions.DTYPES["float16"], "string"  # noqa: A001
dtypes = _group("dtypes", "Types.", **functions.DTYPES, as_dtype=keras.config.torch_dtype)

math = _group("math", "Element-wise functions and reductions.",
              **{name: thing for name, thing in _functions.items() if name not in _of_networks},
              **{name: getattr(keras.ops, name) for name in ("rsqrt", "log_softmax", "segment_sum", "erfinv") if
                 hasattr(keras.ops, name)}, l2_normalize=functions.l2_normalize)
nn = _group("nn", "Operations of networks.", **{name: getattr(functions, name) for name in _of_networks},
            **{name: getattr(keras.ops, name) for name in
               ("relu", "relu6", "sigmoid", "tanh", "softmax", "log_softmax", "softplus", "softsign", "elu", "selu",
                "gelu", "silu", "swish", "max_pool", "conv", "one_hot") if hasattr(keras.ops, name)},
            dropout=lambda x, rate, noise_shape=None, seed=None, name=None:
            keras.random.dropout(functions.convert_to_tensor(x), rate, noise_shape, seed),
            top_k=functions.top_k, in_top_k=functions.in_top_k)
linalg = _group("linalg", "Linear algebra.", matmul=functions.matmul, norm=functions.norm,
                **{name: getattr(keras.ops, name) for name in ("inv", "det", "svd", "qr", "eigh", "cholesky", "solve",
                                                               "einsum", "diag", "trace", "tensordot")})


def _random_normal(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
    return keras.random.normal(shape, mean, stddev, dtype, seed)


def _random_uniform(shape, minval=0, maxval=None, dtype="float32", seed=None, name=None):
    maxval = 1 if maxval is None else maxval
    if keras.config.is_int(dtype):
        return keras.random.randint(shape, minval, maxval, dtype, seed)
    return keras.random.uniform(shape, minval, maxval, dtype, seed)


def _random_shuffle(value, seed=None, name=None):
    return keras.random.shuffle(value, seed=seed)


random = _group("random", "Random numbers.", set_seed=_fastnn.manual_seed, normal=_random_normal,
                uniform=_random_uniform, shuffle=_random_shuffle,
                **{name: getattr(keras.random, name) for name in ("categorical", "gamma", "truncated_normal") if
                   hasattr(keras.random, name)})


def _no_devices(device_type=None):
    return []


config = _group("config", "What machine this is: a CPU.", list_physical_devices=_no_devices,
                list_logical_devices=_no_devices, run_functions_eagerly=lambda run_eagerly: None,
                functions_run_eagerly=lambda: True, set_visible_devices=lambda *args, **kwargs: None,
                experimental=_group("config.experimental", "The same.", list_physical_devices=_no_devices,
                                    set_memory_growth=lambda *args, **kwargs: None,
                                    enable_op_determinism=lambda: None),
                threading=_group("config.threading", "Threads.",
                                 set_intra_op_parallelism_threads=_fastnn.set_num_threads,
                                 set_inter_op_parallelism_threads=lambda n: None,
                                 get_intra_op_parallelism_threads=_fastnn.get_num_threads))
test = _group("test", "Questions about the build.", is_gpu_available=lambda *args, **kwargs: False,
              is_built_with_cuda=lambda: False, gpu_device_name=lambda: "")
losses, metrics, optimizers, initializers = keras.losses, keras.metrics, keras.optimizers, keras.initializers


version = _group("version", "The release that is followed.", VERSION=__version__)
errors = _group("errors", "Classes of errors.", InvalidArgumentError=ValueError, OutOfRangeError=StopIteration,
                NotFoundError=FileNotFoundError, ResourceExhaustedError=MemoryError)


def executing_eagerly():
    """True: everything is run as it is called."""
    return True


class device:  # noqa: N801
    """Accepted: there is one device."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


class name_scope(device):  # noqa: N801
    """Accepted."""
