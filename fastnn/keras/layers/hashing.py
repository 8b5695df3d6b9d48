"""Hashes of strings as numbers of bins: FarmHash (its 64-bit fingerprint), and SipHash-2-4 with a key."""
import struct

import numpy as np

from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.numerical import check_output_mode, encode_categories, refuse_sparse
from fastnn.keras.layers.strings import strings_of
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import array_of

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _word(s, at):
    return struct.unpack_from("<Q", s, at)[0]


def _rotate(x, n):
    x &= _MASK
    return (x >> n | x << (64 - n)) & _MASK


def _mix(x):
    x &= _MASK
    return x ^ x >> 47


def _join(u, v, mul):
    a = _mix((u ^ v) * mul)
    return _mix((v ^ a) * mul) * mul & _MASK


def _weak(s, at, a, b):
    w, x, y, z = (_word(s, at + 8 * i) for i in range(4))
    a = a + w & _MASK
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y & _MASK
    b = b + _rotate(a, 44) & _MASK
    return a + z & _MASK, b + c & _MASK


def _short(s):
    n, mul = len(s), _K2 + 2 * len(s)
    if n >= 8:
        a, b = _word(s, 0) + _K2 & _MASK, _word(s, n - 8)
        return _join(_rotate(b, 37) * mul + a & _MASK, (_rotate(a, 25) + b) * mul & _MASK, mul)
    if n >= 4:
        first, last = struct.unpack_from("<I", s)[0], struct.unpack_from("<I", s, n - 4)[0]
        return _join(n + (first << 3), last, mul)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return _mix(y * _K2 & _MASK ^ z * _K0 & _MASK) * _K2 & _MASK
    return _K2


def fingerprint64(s):
    """FarmHash's fingerprint of bytes."""
    n = len(s)
    if n <= 16:
        return _short(s)
    mul = _K2 + 2 * n
    if n <= 64:
        first = _K1 if n <= 32 else _K2
        a, b = _word(s, 0) * first & _MASK, _word(s, 8)
        c, d = _word(s, n - 8) * mul & _MASK, _word(s, n - 16) * _K2 & _MASK
        y, z = _rotate(a + b, 43) + _rotate(c, 30) + d & _MASK, a + _rotate(b + _K2, 18) + c & _MASK
        z = _join(y, z, mul)
        if n <= 32:
            return z
        e, f = _word(s, 16) * mul & _MASK, _word(s, 24)
        g, h = (y + _word(s, n - 32)) * mul & _MASK, (z + _word(s, n - 24)) * mul & _MASK
        return _join(_rotate(e + f, 43) + _rotate(g, 30) + h & _MASK, e + _rotate(f + a, 18) + g & _MASK, mul)
    x, y = 81, 81 * _K1 + 113 & _MASK
    z = _mix(y * _K2 + 113) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(s, 0) & _MASK

    def step(at, x, y, z, v, w, mul, times):
        x = _rotate(x + y + v[0] + _word(s, at + 8), 37) * mul & _MASK
        y = _rotate(y + v[1] + _word(s, at + 48), 42) * mul & _MASK
        x ^= w[1] * times & _MASK
        y = y + v[0] * times + _word(s, at + 40) & _MASK
        z = _rotate(z + w[0], 33) * mul & _MASK
        v = _weak(s, at, v[1] * mul & _MASK, x + w[0] & _MASK)
        w = _weak(s, at + 32, z + w[1] & _MASK, y + _word(s, at + 16) & _MASK)
        return z, y, x, v, w
    for at in range(0, (n - 1) // 64 * 64, 64):
        x, y, z, v, w = step(at, x, y, z, v, w, _K1, 1)
    mul = _K1 + ((z & 0xFF) << 1)
    first = w[0] + (n - 1 & 63) & _MASK
    v = v[0] + first & _MASK, v[1]
    w = first + v[0] & _MASK, w[1]
    x, y, z, v, w = step(n - 64, x, y, z, v, w, mul, 9)
    return _join(_join(v[0], w[0], mul) + _mix(y) * _K0 + z & _MASK, _join(v[1], w[1], mul) + x & _MASK, mul)


def siphash(s, key):
    """SipHash-2-4 of bytes; the key is two 64-bit numbers."""
    k0, k1 = (int(k) & _MASK for k in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        a, b, c, d = v
        for _ in range(count):
            a, c = a + b & _MASK, c + d & _MASK
            b, d = _rotate(b, 51) ^ a, _rotate(d, 48) ^ c  # left by 13 and 16
            a = _rotate(a, 32)
            c, a = c + b & _MASK, a + d & _MASK
            b, d = _rotate(b, 47) ^ c, _rotate(d, 43) ^ a  # left by 17 and 21
            c = _rotate(c, 32)
        v[:] = a, b, c, d
    padded = s + bytes(7 - len(s) % 8) + bytes([len(s) & 0xFF])
    for at in range(0, len(padded), 8):
        word = _word(padded, at)
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def hashed(values, bins, salt=None):
    """Bins of an array of strings."""
    known = {}
    for value in np.unique(values):
        s = str(value).encode("utf-8")
        known[value] = (fingerprint64(s) if salt is None else siphash(s, salt)) % bins
    return np.array([known[value] for value in values.ravel()], np.int64).reshape(values.shape)


def standardize_salt(layer, salt):
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(f"The `salt` argument for `{layer}` can only be a tuple of size 2 integers, or a single integer. "
                     f"Received: salt={salt}.")


_CROSS_KEY, _CROSS_FACTOR = 0xDECAFCAFFE, 0xC6A4A7935BD1E995  # of TensorFlow's crosses of features


def _crossed(fingerprints):
    """One fingerprint of several, as TensorFlow's crosses of features have it."""
    found = _CROSS_KEY
    for each in fingerprints:
        found = (found ^ _CROSS_FACTOR ^ _mix(each * _CROSS_FACTOR) * _CROSS_FACTOR & _MASK) * _CROSS_FACTOR
        found = _mix(_mix(found) * _CROSS_FACTOR)
    return found


class Hashing(Layer):
    """Strings or whole numbers hashed to `num_bins` bins, by FarmHash, or with `salt` by SipHash; the bins are
    TensorFlow's.

    Parameters
    ----------
    num_bins : int
    mask_value : str or int, optional
        Only this gets bin 0.
    salt : int or pair of int, optional
    output_mode : {"int", "one_hot", "multi_hot", "count"}
    sparse : bool
        True raises: there are no sparse tensors.

    Raises
    ------
    ValueError
        `num_bins` is not positive, or another `output_mode` or `salt`.

    Examples
    --------
    >>> keras.layers.Hashing(3)(np.array(["a", "b", "c"]))
    tensor([0, 1, 1])
    """

    def __init__(self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else "float32"
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: "
                             f"num_bins={num_bins}.")
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ValueError(f'When `output_mode="int"`, `dtype` should be an integer type, \'int32\' or \'in64\'. '
                             f"Received: dtype={kwargs['dtype']}")
        check_output_mode(output_mode)
        refuse_sparse(self, sparse)
        self.num_bins, self.mask_value, self.output_mode, self.sparse = num_bins, mask_value, output_mode, sparse
        self.salt = standardize_salt("Hashing", salt)
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False

    def call(self, inputs):
        values = strings_of(inputs)
        bins = self.num_bins - (self.mask_value is not None and self.num_bins > 1)
        found = hashed(values, bins, self.salt)
        if bins < self.num_bins:
            found = np.where(values == str(self.mask_value), 0, found + 1)
        return encode_categories(found, self.output_mode, self.num_bins, self.dtype)

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return tuple(input_shape)
        return (*input_shape[:-1], self.num_bins)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape), self.dtype)

    def get_config(self):
        return {**self._base_config(), "num_bins": self.num_bins, "salt": self.salt, "mask_value": self.mask_value,
                "output_mode": self.output_mode, "sparse": self.sparse}


class HashedCrossing(Layer):
    """Combinations of the values of several features, hashed to `num_bins` bins; the bins are TensorFlow's.

    Parameters
    ----------
    num_bins : int
    output_mode : {"int", "one_hot"}
    sparse : bool
        True raises: there are no sparse tensors.
    name, dtype : str, optional

    Shape
    -----
    Called with a list of features of strings or whole numbers, each (), (batch,) or (batch, 1).

    Raises
    ------
    ValueError
        Fewer than two features, or features of other shapes or dtypes.

    Examples
    --------
    >>> keras.layers.HashedCrossing(5)([np.array(["a", "b"]), np.array([1, 2])])
    tensor([0, 2])
    """

    def __init__(self, num_bins, output_mode="int", sparse=False, name=None, dtype=None, **kwargs):
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype)
        refuse_sparse(self, sparse)
        if output_mode not in ("int", "one_hot"):
            raise ValueError(f"Unknown value for `output_mode` argument of layer HashedCrossing. Expected one of: "
                             f"('int', 'one_hot'). Received: output_mode={output_mode}")
        self.num_bins, self.output_mode, self.sparse = num_bins, output_mode, sparse
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"`HashedCrossing` should be called on a list or tuple of inputs. Received: "
                             f"inputs={inputs}")
        if len(inputs) < 2:
            raise ValueError(f"`HashedCrossing` should be called on at least two inputs. Received: inputs={inputs}")
        features = []
        for x in inputs:
            array = array_of(x)
            if array.dtype.kind not in "iuOUS":
                raise ValueError(f"All `HashedCrossing` inputs should have an integer or string dtype. Received: "
                                 f"inputs={inputs}")
            features.append(array if array.dtype.kind in "iu" else strings_of(array))
        shape = features[0].shape
        if len(shape) > 2 or len(shape) == 2 and shape[1] != 1:
            raise ValueError(f"All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`."
                             f" Received: inputs={inputs}")
        if any(x.shape != shape for x in features):
            raise ValueError(f"All `HashedCrossing` inputs should have equal shape. Received: inputs={inputs}")
        columns = [[int(v) & _MASK for v in x.ravel()] if x.dtype.kind in "iu" else
                   [fingerprint64(str(v).encode("utf-8")) for v in x.ravel()] for x in features]
        found = np.array([_crossed(row) % self.num_bins for row in zip(*columns)], np.int64).reshape(shape)
        return encode_categories(found, self.output_mode, self.num_bins, self.dtype)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2 or not all(isinstance(shape, (tuple, list)) for shape in input_shape):
            raise ValueError(f"Expected as input a list/tuple of 2 tensors. Received input_shape={input_shape}")
        first, second = input_shape
        if first[-1] != second[-1]:
            raise ValueError(f"Expected the two input tensors to have identical shapes. Received "
                             f"input_shape={input_shape}")
        if self.output_mode == "int":
            return tuple(first)
        return (*first, self.num_bins) if first[-1] != 1 else (*first[:-1], self.num_bins)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape([tuple(x.shape) for x in inputs]), self.dtype)

    def get_config(self):
        return {"num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": self.sparse, "name": self.name,
                "dtype": self.dtype}
