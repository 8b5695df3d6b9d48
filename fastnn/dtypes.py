"""Data types, numbers, devices and sizes under PyTorch's names. Everything lives in main memory, on the CPU."""
import builtins
import functools

import numpy as np

__all__ = ["dtype", "device", "Size", "from_numpy", "to_numpy", "get_computing_dtype", "get_default_dtype",
           "set_default_dtype", "can_cast", "finfo", "iinfo"]


class dtype:  # noqa: N801 (PyTorch's name)
    """An element type; one object each, compared by identity, convertible to NumPy's.

    Attributes
    ----------
    name : str
    numpy : numpy.dtype
    is_floating_point, is_complex, is_signed : bool
    itemsize : int
        Bytes.

    Examples
    --------
    >>> fastnn.float32.itemsize
    4
    """

    __slots__ = ("name", "numpy", "is_floating_point", "is_complex", "is_signed", "itemsize")

    def __init__(self, name, numpy_type):
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.is_floating_point = self.numpy.kind == "f"
        self.is_complex = self.numpy.kind == "c"
        self.is_signed = self.numpy.kind in "ifc"
        self.itemsize = self.numpy.itemsize

    def to_real(self):
        """The dtype of a complex number's parts; of any other itself."""
        return _OF_NUMPY[to_real(self.numpy)]

    def to_complex(self):
        """The dtype of complex numbers with such parts; RuntimeError of integers."""
        if not (self.is_complex or self.is_floating_point):
            raise RuntimeError(f"Unknown Complex ScalarType for {self}")
        return self if self.is_complex else _COMPLEX[self.numpy]

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return _by_name, (self.name,)


class _format(dtype):  # noqa: N801
    """A dtype that NumPy has no arithmetic for: it gets a NumPy dtype of its own, of bytes, which stand for no number.

    What converts them is `fastnn.formats`; operations that take them are listed in `fastnn.ops.format_rules`.
    """

    __slots__ = ()

    def __init__(self, name, itemsize):
        super().__init__(name, [(name, f"V{itemsize}")])
        self.is_complex = name.startswith("complex")
        self.is_floating_point, self.is_signed = not self.is_complex, "e8m0" not in name

    def to_real(self):
        return _TYPES["float16"] if self.is_complex else self

    def to_complex(self):
        if not self.is_complex:
            raise RuntimeError(f"Unknown Complex ScalarType for {self}")
        return self


class _absent(dtype):  # noqa: N801
    """A dtype that programs may name and compare with, but no tensor has."""

    __slots__ = ()

    def __init__(self, name, itemsize):
        self.name, self.itemsize = name, itemsize
        self.is_floating_point = self.is_complex = False
        self.is_signed = not name.startswith("qu")

    @property
    def numpy(self):
        raise NotImplementedError(f"torch.{self.name}: tensors of this dtype are not implemented")


ABSENT = {name: _absent(name, size) for name, size in [("quint8", 1), ("qint8", 1), ("qint32", 4), ("quint4x2", 1)]}
FORMATS = {name: _format(name, size) for name, size in [
    ("bfloat16", 2), ("complex32", 4), ("float8_e4m3fn", 1), ("float8_e5m2", 1), ("float8_e4m3fnuz", 1),
    ("float8_e5m2fnuz", 1), ("float8_e8m0fnu", 1), ("float4_e2m1fn_x2", 1)]}
_TYPES = {name: dtype(name, numpy_type) for name, numpy_type in [
    ("float32", np.float32), ("float64", np.float64), ("float16", np.float16), ("int64", np.int64),
    ("int32", np.int32), ("int16", np.int16), ("int8", np.int8), ("uint8", np.uint8), ("bool", np.bool_),
    ("complex64", np.complex64), ("complex128", np.complex128), ("uint16", np.uint16), ("uint32", np.uint32),
    ("uint64", np.uint64)]} | FORMATS
_COMPLEX = {np.dtype(np.float32): _TYPES["complex64"], np.dtype(np.float64): _TYPES["complex128"],
            np.dtype(np.float16): _TYPES["complex32"]}
_OF_NUMPY = {t.numpy: t for t in _TYPES.values()}
globals().update(_TYPES)
__all__ += list(_TYPES)
HALVES = _TYPES["float16"], _TYPES["bfloat16"]
_default = _computing = _TYPES["float32"]
on_narrow = None  # called with whether the default dtype is narrow, when that changes


def _by_name(name):
    return _TYPES[name] if name in _TYPES else ABSENT[name]


def from_numpy(numpy_type):
    """The dtype of a NumPy dtype; TypeError for those that PyTorch lacks."""
    try:
        return _OF_NUMPY[numpy_type]
    except KeyError:
        native = np.dtype(numpy_type).newbyteorder("=")
        if native in _OF_NUMPY:
            return _OF_NUMPY[native]
        raise TypeError(f"can't convert np.ndarray of type {numpy_type}. The only supported types are: "
                        f"{', '.join(name for name in _TYPES if name not in FORMATS)}.") from None


def to_numpy(kind):
    """The NumPy dtype of a dtype, a NumPy dtype, a Python type or None (the default float type)."""
    if isinstance(kind, dtype):
        return kind.numpy
    if kind is None:
        return _default.numpy
    if isinstance(kind, type) and isinstance(getattr(kind, "dtype", None), dtype):  # torch.FloatTensor
        return kind.dtype.numpy
    return from_numpy(np.dtype(kind)).numpy


def to_complex(kind):
    """The NumPy dtype of complex numbers whose parts have this NumPy dtype; itself if it is one."""
    if kind.kind == "V":
        return np.dtype(np.complex64)
    if kind == np.float16:
        raise NotImplementedError("complex32: float16 numbers and complex ones have no common arithmetic here")
    return kind if kind.kind == "c" else _COMPLEX[kind if kind.kind == "f" else _computing.numpy].numpy


def to_real(kind):
    """The NumPy dtype of a complex one's parts; any other itself."""
    return np.dtype(f"f{kind.itemsize // 2}") if kind.kind == "c" else kind


def number(value, kind):
    """A number as NumPy dtype `kind` holds it; RuntimeError, as PyTorch's, where it does not fit."""
    if kind.kind == "b":
        return builtins.bool(value)
    if kind.kind == "V":
        from fastnn import formats
        return formats.number(value, kind)
    if kind.kind == "c" or isinstance(value, (complex, np.complexfloating)):
        if kind.kind != "c" and value.imag == 0:
            return number(value.real, kind)
        parts = [number(part, to_real(kind)) for part in (value.real, value.imag)] if kind.kind == "c" else None
        if parts is None:
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
        return complex(*parts)
    if kind.kind == "f":
        if -65504 <= value <= 65504:  # fits into all
            return value
        with np.errstate(over="ignore"):
            made = kind.type(value)
        fits = not np.isinf(made) or np.isinf(value)
    else:
        limits = np.iinfo(kind)
        made = int(value) if -np.inf < value < np.inf else None
        fits = made is not None and (limits.min or -limits.max) <= made <= limits.max
        made = made % (limits.max + 1) if fits and limits.min == 0 and made < 0 else made
    if not fits:
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    return made


def as_gradient(array, kind):
    """The gradient of an output of NumPy dtype `kind`; RuntimeError, as PyTorch's, where one of both is complex."""
    if "V" in (array.dtype.kind, kind.kind):
        from fastnn import formats
        array = formats.decoded(array) if array.dtype.kind == "V" else array
        return formats.encoded(array, kind) if kind.kind == "V" else as_gradient(array, kind)
    if array.dtype.kind == "c" or kind.kind == "c":
        raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. "
                           f"Mismatch in dtype: grad_output[0] has a dtype of torch.{array.dtype} and output[0] has a "
                           f"dtype of torch.{kind}.")
    return array.astype(kind)


def get_default_dtype():
    """The dtype of new floating-point tensors.

    Examples
    --------
    >>> fastnn.get_default_dtype()
    torch.float32
    """
    return _default


def get_computing_dtype():
    """The dtype in which is computed what the default dtype decides: float32 if that is narrower, else the same."""
    return _computing


def set_default_dtype(kind):
    """Set the dtype of new floating-point tensors: float32, float64, float16 or bfloat16.

    With one of the last two results that are of the default dtype (``integers / 2``) are computed in float32, and
    rounded once.

    Parameters
    ----------
    kind : dtype

    Raises
    ------
    TypeError
        Another dtype.

    Examples
    --------
    >>> fastnn.set_default_dtype(fastnn.float32)
    """
    global _default, _computing
    if kind not in (_TYPES["float32"], _TYPES["float64"], *HALVES):
        raise TypeError(f"only floating-point types are supported as the default type: expected torch.float32, "
                        f"torch.float64, torch.float16 or torch.bfloat16, got {kind}")
    if (kind in HALVES) != (_default in HALVES):
        on_narrow(kind in HALVES)
    _default = kind
    _computing = _TYPES["float32"] if kind in HALVES else kind


def can_cast(from_, to):
    """Whether PyTorch lets a result of dtype `from_` be written to a tensor of dtype `to`."""
    source, target = ("c" if kind.is_complex else "f" if kind.is_floating_point else kind.numpy.kind
                      for kind in (from_, to))
    return source == target or target == "c" or target == "f" and source != "c" or target in "iu" and source in "biu"


class Size(tuple):
    """A tensor's shape: a tuple that knows its number of elements.

    Examples
    --------
    >>> fastnn.Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self):
        """Product of the sizes."""
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def __getitem__(self, index):
        result = tuple.__getitem__(self, index)
        return Size(result) if isinstance(index, slice) else result

    def __add__(self, other):
        return Size(tuple.__add__(self, other))


# What PyTorch knows; here all but the first are values to name and compare.
DEVICES = ("cpu cuda ipu xpu mkldnn opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu mtia "
           "privateuseone").split()


class _Name(str):
    """A name that prints without quotes."""

    __slots__ = ()
    __repr__ = str.__str__

    def __new__(cls, name):
        return super().__new__(cls, name)


class layout(_Name):  # noqa: N801 (PyTorch's name)
    """How tensors lie in memory, as a name; all are ``torch.strided``.

    Examples
    --------
    >>> fastnn.ones(2).layout
    torch.strided
    """

    __slots__ = ()


class memory_format(_Name):  # noqa: N801 (PyTorch's name)
    """An order of dimensions in memory, as a name.

    Examples
    --------
    >>> fastnn.channels_last
    torch.channels_last
    """

    __slots__ = ()


class device:  # noqa: N801 (PyTorch's name)
    """A place where tensors may live: a type and, perhaps, a number. All tensors of fastnn live on the CPU.

    Parameters
    ----------
    type : str
        With or without the number: ``"cpu"``, ``"cuda:1"``.
    index : int, optional

    Examples
    --------
    >>> fastnn.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("type", "index")

    def __init__(self, type="cpu", index=None):  # noqa: A002 (PyTorch's name)
        if isinstance(type, device) and index is None:
            type, index = type.type, type.index
        elif isinstance(type, int) and not isinstance(type, builtins.bool):
            raise RuntimeError("Cannot access accelerator device when none is available.")
        elif not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' (position 1) must be str, not {_type_name(type)}")
        name, colon, number = type.partition(":")
        if name not in DEVICES:
            raise RuntimeError(f"Expected one of {', '.join(DEVICES)} device type at start of device string: {name}")
        if colon:
            if index is not None or not (number.isascii() and number.isdigit() and str(int(number)) == number):
                raise RuntimeError(f"Invalid device string: {type!r}")
            index = int(number)
        if isinstance(index, builtins.bool) or not (index is None or isinstance(index, int)):
            raise TypeError(f"device(): argument 'index' (position 2) must be int, not {_type_name(index)}")
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        self.type, self.index = name, index

    def __repr__(self):
        return f"device(type='{self.type}'" + (f", index={self.index})" if self.index is not None else ")")

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other):
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self):
        return hash((self.type, self.index))

    def __enter__(self):
        """New tensors are made there: on the CPU, as always."""
        need_cpu(self)
        return self

    def __exit__(self, *error):
        return None


def _type_name(value):
    return value.__class__.__name__


def need_cpu(where):
    """Raise unless a device, its name or None means the CPU."""
    if where is not None and device(where).type != "cpu":
        refuse_device(where)


class NoDevice(AssertionError, RuntimeError):
    """What PyTorch without CUDA raises where CUDA is asked for."""


def refuse_device(where):
    """Raise the error of a device that is not there, PyTorch's class and first words for CUDA and XPU."""
    kind = device(where).type
    if kind in ("cuda", "xpu"):
        raise NoDevice(f"Torch not compiled with {kind.upper()} enabled: fastnn computes on the CPU alone; expected "
                       f"device 'cpu', got {str(where)!r}")
    raise RuntimeError(f"device: fastnn computes on the CPU alone; expected 'cpu', got {str(where)!r}")


cpu = device("cpu")


# Of formats that NumPy does not know: eps, max, tiny, resolution (OCP 8-bit formats, bfloat16).
_LIMITS = {"bfloat16": (2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 0.01),
           "float8_e4m3fn": (0.125, 448.0, 2.0**-6, 1.0), "float8_e4m3fnuz": (0.125, 240.0, 2.0**-7, 1.0),
           "float8_e5m2": (0.25, 57344.0, 2.0**-14, 1.0), "float8_e5m2fnuz": (0.125, 57344.0, 2.0**-15, 1.0),
           "float8_e8m0fnu": (1.0, 2.0**127, 2.0**-127, 1.0)}


@functools.cache
def _limits(kind):
    """What a `finfo` says of a dtype."""
    if isinstance(kind, dtype) and kind.name in _LIMITS:
        eps, largest, tiny, resolution = _LIMITS[kind.name]
        return {"bits": 8 * kind.itemsize, "dtype": kind.name, "eps": eps, "max": largest,
                "min": tiny if kind.name == "float8_e8m0fnu" else -largest, "tiny": tiny, "smallest_normal": tiny,
                "resolution": resolution}
    if isinstance(kind, dtype) and kind.name == "float4_e2m1fn_x2":
        raise NotImplementedError("finfo: torch.float4_e2m1fn_x2 holds two numbers in each element, and has no limits")
    info = np.finfo(from_numpy(to_numpy(kind)).to_real().numpy)
    return {"bits": info.bits, "dtype": str(info.dtype), **{
        name: float(getattr(info, name)) for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution")}}


class finfo:  # noqa: N801 (PyTorch's name)
    """Limits of a floating-point dtype.

    Parameters
    ----------
    kind : dtype, optional
        The default dtype if not given.

    Examples
    --------
    >>> fastnn.finfo(fastnn.float32)
    finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, smallest_normal=1.17549e-38, \
tiny=1.17549e-38, dtype=float32)
    >>> fastnn.finfo(fastnn.float16).bits
    16
    """

    def __init__(self, kind=None):
        vars(self).update(_limits(_default if kind is None else kind))

    def __repr__(self):
        names = "resolution", "min", "max", "eps", "smallest_normal", "tiny"
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in names)}, dtype={self.dtype})"

    def __eq__(self, other):
        return isinstance(other, finfo) and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.dtype)


class iinfo:  # noqa: N801 (PyTorch's name)
    """Limits of an integer dtype.

    Parameters
    ----------
    kind : dtype

    Examples
    --------
    >>> fastnn.iinfo(fastnn.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, kind):
        kind = to_numpy(kind)
        if kind.kind not in "iu":
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{kind}'")
        info = np.iinfo(kind)
        self.bits, self.dtype, self.max, self.min = info.bits, str(info.dtype), info.max, info.min

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"

    def __eq__(self, other):
        return isinstance(other, iinfo) and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.dtype)
