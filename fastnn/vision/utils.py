"""Images made of many images, under the names of torchvision.utils."""
import io
import math
import os
import struct
import zlib

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.serialization.files import write
from fastnn.vision.transforms.images import pillow

__all__ = ["make_grid", "save_image"]


def make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False, pad_value=0.0):
    """One image of a batch of images, in rows.

    Same as torchvision.utils.make_grid.

    Parameters
    ----------
    tensor : Tensor or list of Tensor
        (N, C, H, W), (C, H, W) or (H, W); one channel becomes three.
    nrow, padding : int
        Images in a row, and pixels between them; default 8 and 2.
    normalize : bool
        Whether numbers are shifted and scaled to [0, 1].
    value_range : (float, float), optional
        The numbers that become 0 and 1; default the least and largest.
    scale_each : bool
        Whether each image is scaled by its own least and largest number.
    pad_value : float
        Colour of the borders; default 0.

    Returns
    -------
    Tensor
        (3, height, width), or (C, height, width) for other numbers of channels.

    Raises
    ------
    TypeError
        No Tensor or list of them, or `value_range` is no tuple.
    ValueError
        Another number of dimensions.

    Examples
    --------
    >>> from fastnn.vision.utils import make_grid
    >>> make_grid(fastnn.zeros(5, 1, 8, 8), nrow=3).shape
    torch.Size([3, 22, 32])
    """
    images = tensor if isinstance(tensor, Tensor) else list(tensor)
    if not isinstance(tensor, Tensor) and not all(isinstance(image, Tensor) for image in images):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    if isinstance(tensor, Tensor):
        array = images.detach().numpy()
    else:
        array = np.stack([image.detach().numpy() for image in images])
    if not 2 <= array.ndim <= 4:
        raise ShapeError(f"make_grid: expected (N, C, H, W), (C, H, W) or (H, W), got {array.shape}")
    single = array.ndim == 3
    if array.ndim == 2:
        array, single = array[None], True
    array = array[None] if single else array
    if array.shape[1] == 1:
        array = np.repeat(array, 3, 1)
    if normalize:
        array = array.copy()
        for part in array if scale_each else [array]:
            low, high = value_range or (part.min(), part.max())
            part[...] = (np.clip(part, low, high) - low) / max(high - low, 1e-5)
    if len(array) == 1:
        return from_array(np.ascontiguousarray(array[0]))
    count, channels, h, w = array.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    h, w = h + padding, w + padding
    grid = np.full((channels, h * rows + padding, w * columns + padding), pad_value, array.dtype)
    for i, image in enumerate(array):
        y, x = i // columns * h + padding, i % columns * w + padding
        grid[:, y:y + h - padding, x:x + w - padding] = image
    return from_array(grid)


def png_bytes(array):
    """A PNG file of a uint8 array (H, W) or (H, W, 3)."""
    height, width = array.shape[:2]
    rows = np.zeros((height, 1 + array[0].size), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = array.reshape(height, -1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if array.ndim == 3 else 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
            + chunk(b"IEND", b""))


def save_image(tensor, fp, format=None, **kwargs):
    """Save a batch of images with numbers in [0, 1] as one image; PNG needs no Pillow.

    Same as torchvision.utils.save_image.

    Parameters
    ----------
    tensor : Tensor or list of Tensor
    fp : path or binary file
        A path is written atomically: an old file stays until the new one is complete.
    format : str, optional
        Default the path's extension.
    **kwargs
        Of `make_grid`.

    Raises
    ------
    ValueError
        The extension of the path is unknown.
    ImportError
        The format needs Pillow, which is missing.

    Examples
    --------
    >>> import io
    >>> from fastnn.vision.utils import save_image
    >>> file = io.BytesIO()
    >>> save_image(fastnn.zeros(2, 1, 8, 8), file)
    >>> file.getvalue()[1:4]
    b'PNG'
    """
    grid = make_grid(tensor, **kwargs).numpy()
    array = np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    if format is None:
        kind = "png" if hasattr(fp, "write") else os.path.splitext(os.fspath(fp))[1].lstrip(".").lower()
    else:
        kind = format.lower()
    if kind == "png" and array.shape[2] == 3 and array.size:
        data = png_bytes(np.ascontiguousarray(array))
    else:
        image, memory = pillow(f"save_image as {kind or 'a file without an extension'}"), io.BytesIO()
        known = format or image.registered_extensions().get(f".{kind}")
        if known is None:
            raise ValueError(f"save_image: unknown file extension: .{kind}")
        image.fromarray(array).save(memory, format=known)
        data = memory.getbuffer()
    write([data], fp, "save_image")
