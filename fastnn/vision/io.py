"""Images in files as tensors (``torchvision.io``), read and written by Pillow."""
import enum
import io

import numpy as np

from fastnn._tensor import Tensor, from_array

__all__ = ["ImageReadMode", "decode_image", "decode_jpeg", "decode_png", "encode_jpeg", "encode_png", "read_file",
           "read_image", "write_file", "write_jpeg", "write_png"]


class ImageReadMode(enum.Enum):
    """Which channels an image is read as."""

    UNCHANGED, GRAY, GRAY_ALPHA, RGB, RGB_ALPHA = range(5)


MODES = {"GRAY": "L", "GRAY_ALPHA": "LA", "RGB": "RGB", "RGB_ALPHA": "RGBA"}


def _pillow(name):
    try:
        import PIL.Image
    except ImportError as error:
        raise ImportError(f"vision.io.{name}: images are read and written by Pillow, which is not installed: "
                          f"pip install pillow", name="PIL") from error
    return PIL.Image


def _decode(name, data, mode):
    image = _pillow(name).open(io.BytesIO(data))
    mode = ImageReadMode[mode] if isinstance(mode, str) else mode
    if mode.name in MODES:
        image = image.convert(MODES[mode.name])
    elif image.mode in ("P", "1", "CMYK", "YCbCr"):
        image = image.convert("RGBA" if "transparency" in image.info else "L" if image.mode == "1" else "RGB")
    array = np.array(image)
    if array.dtype != np.uint8:
        raise NotImplementedError(f"vision.io.{name}: expected an image of 8 bits, got {image.mode}")
    return from_array(np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1)))


def read_file(path):
    """The bytes of a file as a uint8 tensor.

    Parameters
    ----------
    path : str or path
    """
    with open(path, "rb") as file:
        return from_array(np.frombuffer(file.read(), np.uint8).copy())


def write_file(filename, data):
    """Write a uint8 tensor of one dimension as bytes.

    Parameters
    ----------
    filename : str or path
    data : Tensor
    """
    with open(filename, "wb") as file:
        file.write(_bytes("write_file", data))


def _bytes(name, data):
    if not isinstance(data, Tensor) or data.ndim != 1 or data.dtype.name != "uint8":
        raise RuntimeError(f"vision.io.{name}: expected a uint8 tensor of one dimension")
    return data.numpy().tobytes()


def read_image(path, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """An image file as a uint8 tensor (channels, height, width).

    Parameters
    ----------
    path : str or path
    mode : ImageReadMode or str
    apply_exif_orientation : bool
        False alone.
    """
    with open(path, "rb") as file:
        return _checked("read_image", file.read(), mode, apply_exif_orientation)


def _checked(name, data, mode, apply_exif_orientation):
    if apply_exif_orientation:
        raise NotImplementedError(f"vision.io.{name}: apply_exif_orientation=True is not implemented")
    return _decode(name, data, mode)


def decode_image(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """An encoded image, or a file's, as a uint8 tensor (channels, height, width).

    Parameters
    ----------
    input : Tensor, or str or path
    mode : ImageReadMode or str
    apply_exif_orientation : bool
        False alone.
    """
    if not isinstance(input, Tensor):
        return read_image(input, mode, apply_exif_orientation)
    return _checked("decode_image", _bytes("decode_image", input), mode, apply_exif_orientation)


def decode_png(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """`decode_image`."""
    return decode_image(input, mode, apply_exif_orientation)


def decode_jpeg(input, mode=ImageReadMode.UNCHANGED, device="cpu", apply_exif_orientation=False):
    """`decode_image`."""
    return decode_image(input, mode, apply_exif_orientation)


def _encode(name, input, **options):
    if not isinstance(input, Tensor) or input.ndim != 3 or input.dtype.name != "uint8" or input.shape[0] not in (1, 3):
        raise RuntimeError(f"vision.io.{name}: expected a uint8 tensor of 1 or 3 channels, (channels, height, width)")
    array = input.numpy()
    image = _pillow(name).fromarray(np.ascontiguousarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0)))
    file = io.BytesIO()
    image.save(file, **options)
    return from_array(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input, compression_level=6):
    """An image as the bytes of a PNG file.

    Parameters
    ----------
    input : Tensor
        uint8 (1 or 3, height, width)
    compression_level : int
        0 to 9.
    """
    return _encode("encode_png", input, format="PNG", compress_level=compression_level)


def encode_jpeg(input, quality=75):
    """An image as the bytes of a JPEG file.

    Parameters
    ----------
    input : Tensor
        uint8 (1 or 3, height, width)
    quality : int
        1 to 100.
    """
    return _encode("encode_jpeg", input, format="JPEG", quality=quality)


def write_png(input, filename, compression_level=6):
    """Write an image as a PNG file; see `encode_png`."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input, filename, quality=75):
    """Write an image as a JPEG file; see `encode_jpeg`."""
    write_file(filename, encode_jpeg(input, quality))
