"""Numbers of few bits, as ``keras.quantizers``. Quantized layers are not implemented."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.errors import no_attribute as _no_attribute
from fastnn.keras import config
from fastnn.keras import lazy
from fastnn.keras.saving.objects import Family
from fastnn.keras.variables import array_of, convert


class Quantizer:
    """Base of quantizers: called with a tensor, they give another one.

    Parameters
    ----------
    output_dtype : str

    Examples
    --------
    >>> keras.quantizers.Quantizer("int8").output_dtype
    'int8'
    """

    def __init__(self, output_dtype="int8"):
        self.output_dtype = output_dtype

    def __call__(self, x):
        return x

    def get_config(self):
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def abs_max_quantize(inputs, axis, value_range=(-127, 127), dtype="int8", epsilon=1e-07, to_numpy=False):
    """Quantizes by the largest absolute value: ``round(x * scale)`` with
    ``scale = value_range[1] / (max(abs(x)) + epsilon)``.

    Parameters
    ----------
    inputs : tensor
    axis : int or tuple of int
        Axes of the largest value.
    value_range : pair of int
    dtype : str
    epsilon : float
    to_numpy
        Accepted.

    Returns
    -------
    (Tensor, Tensor)
        Whole numbers, and scales.

    Examples
    --------
    >>> keras.quantizers.abs_max_quantize(np.array([1.0, -2.0]), 0)[0]
    tensor([  63, -127], dtype=torch.int8)
    """
    x = array_of(convert(inputs))
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    scale = (value_range[1] / (np.abs(x).max(axis=axes, keepdims=True) + x.dtype.type(epsilon))).astype(x.dtype)
    made = np.clip(np.round(x * scale), *value_range).astype(config.torch_dtype(dtype).numpy)
    return from_array(made), from_array(scale)


class AbsMaxQuantizer(Quantizer):
    """`abs_max_quantize` as an object.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The last one without it.
    value_range, epsilon
        As in `abs_max_quantize`.
    output_dtype : str

    Raises
    ------
    ValueError
        A range that int8 does not hold.

    Examples
    --------
    >>> keras.quantizers.AbsMaxQuantizer(axis=0)(np.array([1.0, -2.0]))[0]
    tensor([  63, -127], dtype=torch.int8)
    """

    def __init__(self, axis=None, value_range=(-127, 127), epsilon=1e-07, output_dtype="int8"):
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range, self.epsilon = value_range, epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise ValueError(f"Quantizer with output_dtype='int8' requires value_range to be within the interval "
                             f"[-128, 127]. Received: value_range={value_range}")

    def __call__(self, x, axis=None, to_numpy=False):
        axis = (self.axis if self.axis is not None else -1) if axis is None else axis
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self):
        made = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return made if self.axis is None else {**made, "axis": self.axis}


def pack_int4(arr, axis=0, dtype="int8"):
    """Packs pairs of numbers of four bits into bytes.

    Parameters
    ----------
    arr : tensor
        Within -8 .. 7.
    axis : int
    dtype : {"int8", "uint8"}

    Returns
    -------
    (packed, shape, length)
        Shape of the packed tensor, and size of `arr` along the axis.

    Raises
    ------
    ValueError, TypeError
        Another dtype.

    Examples
    --------
    >>> keras.quantizers.pack_int4(np.array([1, -2, 3], "int8"))
    (tensor([-31,   3], dtype=torch.int8), (2,), 3)
    """
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
    x = array_of(arr)
    if x.dtype.name != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {x.dtype.name}.")
    x = np.moveaxis(x, axis, 0)
    count = len(x)
    if count % 2:
        x = np.concatenate([x, np.zeros_like(x[:1])])
    bits = x.view(np.uint8) & 0x0F
    made = np.moveaxis((bits[::2] | bits[1::2] << 4).view(dtype), 0, axis)
    return from_array(np.ascontiguousarray(made)), tuple(made.shape), count


def unpack_int4(packed, orig_len, axis=0, dtype="int8"):
    """Inverse of `pack_int4`.

    Parameters
    ----------
    packed : tensor
    orig_len : int
        Size along the axis.
    axis : int
    dtype : {"int8", "uint8"}

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, TypeError
        Another dtype.

    Examples
    --------
    >>> packed, shape, length = keras.quantizers.pack_int4(np.array([1, -2, 3], "int8"))
    >>> keras.quantizers.unpack_int4(packed, length)
    tensor([ 1, -2,  3], dtype=torch.int8)
    """
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
    x = array_of(packed)
    if x.dtype.name != dtype:
        raise TypeError(f"Expected {dtype} tensor for unpacking, got {x.dtype.name}")
    bits = np.ascontiguousarray(np.moveaxis(x, axis, 0)).view(np.uint8)
    made = np.stack([bits & 0x0F, bits >> 4], 1).reshape(-1, *bits.shape[1:])[:orig_len].astype(np.int8)
    made = made if dtype == "uint8" else np.where(made > 7, made - 16, made)
    return from_array(np.ascontiguousarray(np.moveaxis(made.astype(dtype), 0, axis)))


_family = Family("quantizer", __name__)
serialize, deserialize = _family.serialize, _family.deserialize


def get(identifier, **kwargs):
    """Quantizer of a name, a record, a class or an object.

    Parameters
    ----------
    identifier : str, dict, class, Quantizer or None
    **kwargs
        Arguments of a class.

    Returns
    -------
    Quantizer or None

    Raises
    ------
    ValueError
        There is no such quantizer.

    Examples
    --------
    >>> keras.quantizers.get("abs_max_quantizer").axis is None
    True
    """
    found = _family.get(identifier) if not isinstance(identifier, type) else identifier
    return found(**kwargs) if isinstance(found, type) else found


def __getattr__(name):
    if name in ("AWQConfig", "Float8QuantizationConfig", "GPTQConfig", "Int4QuantizationConfig",
                "Int8QuantizationConfig", "QuantizationConfig", "abs_max_quantize_grouped_with_zero_point",
                "compute_float8_amax_history", "compute_float8_scale", "fake_quant_with_min_max_vars",
                "quantize_and_dequantize"):
        return lazy.missing(f"keras.quantizers.{name}")
    raise _no_attribute(__name__, name)
