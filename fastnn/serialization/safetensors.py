"""The safetensors format.

8 bytes (length of the header, little endian), a JSON header ``{name: {"dtype", "shape", "data_offsets"},
"__metadata__": {str: str}}``, and the arrays' bytes without gaps.
"""
import json

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.errors import FileFormatError
from fastnn.serialization.limits import bytes_of, is_count, short

MAX_HEADER = 100_000_000
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
          "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1", "C64": "<c8",
          **{name: getattr(dtypes, kind).numpy for name, kind in {
              "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
              "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"}.items()}}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def to_array(value, what):
    """The value of a tensor or array as a C-contiguous little-endian array."""
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    elif not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"{what}: expected a Tensor or a NumPy array, got {type(value).__name__}")
    array = np.asarray(value)
    little = array.dtype.newbyteorder("<")
    if little not in NAMES:
        raise TypeError(f"{what}: dtype {array.dtype} cannot be stored; possible: "
                        f"{', '.join(dtypes.from_numpy(np.dtype(code)).name for code in DTYPES.values())}")
    return np.asarray(array, little, order="C")


def pieces(arrays, metadata):
    """The file's bytes, piece by piece: header, then the arrays, those of large elements first for alignment."""
    arrays = dict(sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, array in arrays.items():
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"save: the header would take {len(text)} bytes, more than {MAX_HEADER}")
    yield len(text).to_bytes(8, "little") + text
    for array in arrays.values():
        if array.nbytes:
            yield memoryview(array.reshape(-1).view(np.uint8))


def _no_duplicates(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise FileFormatError(f"the key {short(key)} appears twice")
        result[key] = value
    return result


def _reject(constant):
    raise FileFormatError(f"{constant} is not JSON")


def parse_json(text):
    """The value of a JSON text that has no key twice; integers of thousands of digits are refused by Python."""
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_reject)
    except UnicodeDecodeError:
        raise FileFormatError("the header is not UTF-8") from None
    except RecursionError:
        raise FileFormatError("the header is nested too deeply") from None
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"the header is not JSON: {error}") from None


def _entry(name, entry):
    """(dtype, shape, begin, end) of a header's entry, checked by itself."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"tensor {short(name)}: expected dtype, shape and data_offsets, got {short(entry)}")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise FileFormatError(f"tensor {short(name)}: dtype {short(code)} is not supported; known: "
                              f"{', '.join(DTYPES)}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(is_count, offsets)):
        raise FileFormatError(f"tensor {short(name)}: expected two non-negative data_offsets, got {short(offsets)}")
    begin, end = offsets
    dtype = np.dtype(DTYPES[code])
    try:
        expected = bytes_of(shape, dtype.itemsize)
    except FileFormatError as error:
        raise FileFormatError(f"tensor {short(name)}: {error}") from None
    if end - begin != expected:
        raise FileFormatError(f"tensor {short(name)}: {code} of shape {short(shape)} takes {short(expected)} bytes, "
                              f"but data_offsets {offsets} hold {end - begin}")
    return code, dtype, shape, begin, end


def _header(text, size):
    """Entries in the order of their bytes, and the metadata; `size` is the number of bytes after the header."""
    if not text.startswith(b"{"):
        raise FileFormatError("the header does not start with '{'")
    header = parse_json(text)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("__metadata__ is not a dict of strings")
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    order = sorted(entries, key=lambda name: entries[name][3:])
    position = 0
    for name in order:
        begin, end = entries[name][3:]
        if begin != position:
            kind = "overlaps the tensor before" if begin < position else "leaves a hole"
            raise FileFormatError(f"tensor {short(name)} {kind}: it begins at {begin}, expected {position}")
        if end > size:
            raise FileFormatError(f"the file is cut off: tensor {short(name)} ends at byte {end} of {size}")
        position = end
    if position != size:
        raise FileFormatError(f"{size - position} bytes follow the last tensor")
    return [(name, *entries[name]) for name in order], metadata


def by_torch(start):
    """Whether a file whose first 9 bytes are these may be one of torch.save: a zip archive or a pickle."""
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") <= MAX_HEADER:
        return False  # the length of a header looks like anything
    return start[:4] == b"PK\x03\x04" or start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _recognise(start):
    """Another well-known format's name, if the file begins like one."""
    if by_torch(start):
        return "this is a zip archive or a pickle, no safetensors file; fastnn.load reads the files of torch.save"
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "this is an HDF5 file (Keras weights?); fastnn reads safetensors only"
    if start[:6] == b"\x93NUMPY":
        return "this is a .npy file; read it with numpy.load(path, allow_pickle=False)"
    return None


def read(file, size):
    """Arrays by name, and the metadata, of a binary file from its position on, where it has `size` bytes."""
    start = file.read(9)
    other = _recognise(start)
    if other:
        raise FileFormatError(other)
    file.seek(-len(start[8:]), 1)
    start = start[:8]
    if len(start) < 8:
        raise FileFormatError(f"the file is cut off: expected at least 8 bytes, got {len(start)}")
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise FileFormatError(f"not a safetensors file: the header would take {length} bytes, more than {MAX_HEADER}")
    if length > size - 8:
        raise FileFormatError(f"the file is cut off: expected a header of {length} bytes, got {size - 8}")
    text = file.read(length)
    entries, metadata = _header(text, size - 8 - length)
    arrays = {}
    for name, code, dtype, shape, _, _ in entries:
        array = np.empty(shape, dtype)
        if array.nbytes:
            view = memoryview(array.reshape(-1).view(np.uint8))
            while len(view):
                count = file.readinto(view)
                if not count:
                    raise FileFormatError(f"the file is cut off within tensor {short(name)}")
                view = view[count:]
        if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
            raise FileFormatError(f"tensor {short(name)}: a BOOL is neither 0 nor 1")
        arrays[name] = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    return arrays, metadata
