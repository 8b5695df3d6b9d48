"""Transforms as objects that draw no random numbers."""
import math

import numpy as np

from fastnn.vision._pixels import look_up
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.base import ModuleTransform, Transform
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.geometry import PADDINGS, interpolation_mode, pair
from fastnn.vision.transforms.images import batch_of, takes_arrays

__all__ = ["CenterCrop", "Compose", "ConvertImageDtype", "FiveCrop", "Grayscale", "Lambda", "LinearTransformation",
           "Normalize", "PILToTensor", "Pad", "Resize", "TenCrop", "ToPILImage", "ToTensor"]


class Compose(Transform):
    """One transform after the other.

    Same as torchvision.transforms.Compose.

    Parameters
    ----------
    transforms : list of callables

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    >>> transform(np.array([[0, 255]], np.uint8))
    tensor([[[-1.,  1.]]])
    """

    _known = None  # the last table and what it was made from

    def __init__(self, transforms):
        self.transforms = transforms

    @property
    def takes_arrays(self):
        return bool(self.transforms) and takes_arrays(self.transforms[0])

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image

    def batch(self, array):
        """All transforms of a whole batch; None if one of them works on single images only.

        Parameters
        ----------
        array : ndarray of uint8, shape (N, H, W) or (N, H, W, C)
            It may be changed.
        """
        if not self.transforms or any(batch_of(transform) is None for transform in self.transforms):
            return None
        if array.dtype == np.uint8 and array.ndim in (3, 4) and array.flags.c_contiguous:
            table = self._table(1 if array.ndim == 3 else array.shape[3])
            if table is not None:
                return look_up(array, table)
        return self._apply(array)

    def _apply(self, array):
        for transform in self.transforms:
            array = transform.batch(array)
            if array is None:
                return None
        return array

    def _table(self, channels):
        """The results of all 256 bytes in each channel, (channels, 256), if each pixel depends on its byte alone."""
        if type(self.transforms[0]) is not ToTensor or any(type(t) is not Normalize for t in self.transforms[1:]):
            return None
        try:
            key = channels, *((*t.mean, None, *t.std) for t in self.transforms[1:])
        except TypeError:  # a number instead of a sequence
            return None
        if self._known is None or self._known[0] != key:
            every = np.arange(256, dtype=np.uint8)[None, None, :, None].repeat(channels, 3)
            self._known = key, np.ascontiguousarray(self._apply(every).reshape(channels, 256))
        return self._known[1]

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class ToTensor(Transform):
    """A PIL image or array (H, W, C) or (H, W) as a Tensor (C, H, W); uint8 becomes float32 in [0, 1], others stay.

    Same as torchvision.transforms.ToTensor.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.ToTensor()(np.array([[0, 51, 255]], np.uint8))
    tensor([[[0.0000, 0.2000, 1.0000]]])
    """

    takes_arrays = True

    def __call__(self, pic):
        return F.to_tensor(pic)

    def batch(self, array):
        if array.dtype != np.uint8 or array.ndim not in (3, 4):
            return None
        return F.scale_bytes(array[:, None] if array.ndim == 3 else np.ascontiguousarray(array.transpose(0, 3, 1, 2)))


class Normalize(ModuleTransform):
    """(x - mean) / std for each channel of a floating-point Tensor (..., C, H, W).

    Same as torchvision.transforms.Normalize.

    Parameters
    ----------
    mean, std : sequence of float
        One for each channel, or one for all.
    inplace : bool
        Whether the result is written into the image's memory; default False.

    Raises
    ------
    ValueError
        A number of std is 0, or there are others than one or C numbers.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.Normalize([2.0], [4.0])(fastnn.tensor([[[2.0, 10.0]]]))
    tensor([[[0., 2.]]])
    """

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def batch(self, array):
        if array.ndim != 4 or array.dtype.kind != "f":
            return None
        mean, std = F.mean_and_std(self.mean, self.std, array.shape, array.dtype)
        array -= mean
        array /= std
        return array

    def __repr__(self):
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class PILToTensor(Transform):
    """A PIL image as a Tensor (C, H, W) of its own dtype.

    Same as torchvision.transforms.PILToTensor; needs Pillow.

    Examples
    --------
    >>> from PIL import Image  # doctest: +SKIP
    >>> from fastnn.vision import transforms
    >>> transforms.PILToTensor()(Image.new("L", (2, 1), 7))  # doctest: +SKIP
    tensor([[[7, 7]]], dtype=torch.uint8)
    """

    def __call__(self, pic):
        return F.pil_to_tensor(pic)


class ConvertImageDtype(ModuleTransform):
    """A Tensor image in another dtype, scaled to the range of that dtype.

    Same as torchvision.transforms.ConvertImageDtype.

    Parameters
    ----------
    dtype : dtype

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.ConvertImageDtype(fastnn.uint8)(fastnn.tensor([[[0.0, 0.5, 1.0]]]))
    tensor([[[  0, 127, 255]]], dtype=torch.uint8)
    """

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage(Transform):
    """A Tensor (C, H, W) or array (H, W, C) as a PIL image; floating-point Tensors are scaled by 255.

    Same as torchvision.transforms.ToPILImage; needs Pillow.

    Parameters
    ----------
    mode : str, optional
        Pillow's mode of the image; default by the number of channels.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.ToPILImage()(np.zeros((4, 6, 3), np.uint8)).size  # doctest: +SKIP
    (6, 4)
    """

    takes_arrays = True

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class Lambda(Transform):
    """A function as a transform.

    Same as torchvision.transforms.Lambda.

    Parameters
    ----------
    lambd : callable

    Raises
    ------
    TypeError
        It cannot be called.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.Lambda(lambda image: image + 1)(fastnn.zeros(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, image):
        return self.lambd(image)


class Grayscale(ModuleTransform):
    """Grey values 0.2989 R + 0.587 G + 0.114 B, in 1 or 3 channels.

    Same as torchvision.transforms.Grayscale.

    Parameters
    ----------
    num_output_channels : {1, 3}

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.Grayscale()(fastnn.ones(3, 2, 4)).shape
    torch.Size([1, 2, 4])
    """

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, image):
        return F.rgb_to_grayscale(image, self.num_output_channels)

    def __repr__(self):
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class Resize(ModuleTransform):
    """The image in another size.

    Same as torchvision.transforms.Resize.

    Parameters
    ----------
    size : int or (height, width)
        A number alone is the shorter side, in proportion.
    interpolation : InterpolationMode
        Default BILINEAR.
    max_size : int, optional
        Limit of the longer side, if `size` is a number.
    antialias : bool
        For Tensors; PIL images always are.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.Resize(2)(fastnn.zeros(3, 4, 6)).shape
    torch.Size([3, 2, 3])
    """

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, list, tuple)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, (list, tuple)) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size, self.interpolation = size, interpolation_mode(interpolation)
        self.max_size, self.antialias = max_size, antialias

    def forward(self, image):
        return F.resize(image, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        return (f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
                f"max_size={self.max_size}, antialias={self.antialias})")


class CenterCrop(ModuleTransform):
    """The middle of the image, padded with 0 if the image is smaller.

    Same as torchvision.transforms.CenterCrop.

    Parameters
    ----------
    size : int or (height, width)

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.CenterCrop(1)(fastnn.arange(9).reshape(1, 3, 3))
    tensor([[[4]]])
    """

    def __init__(self, size):
        super().__init__()
        self.size = pair(size, "CenterCrop")

    def forward(self, image):
        return F.center_crop(image, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class Pad(ModuleTransform):
    """Borders around the image.

    Same as torchvision.transforms.Pad.

    Parameters
    ----------
    padding : int or sequence
        For all sides; (left and right, top and bottom); or (left, top, right, bottom).
    fill : number
        Of constant borders; default 0.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
        Filled with `fill`, the border pixels, or the mirror image without or with the border pixels.

    Raises
    ------
    ValueError
        The mode is unknown.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.Pad((1, 0), fill=9)(fastnn.ones(1, 1, 2))
    tensor([[[9., 1., 1., 9.]]])
    """

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if padding_mode not in PADDINGS:
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, image):
        return F.pad(image, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class FiveCrop(ModuleTransform):
    """The four corners of the image and its middle, as a tuple.

    Same as torchvision.transforms.FiveCrop.

    Parameters
    ----------
    size : int or (height, width)

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> [int(part) for part in transforms.FiveCrop(1)(fastnn.arange(9).reshape(1, 3, 3))]
    [0, 2, 6, 8, 4]
    """

    def __init__(self, size):
        super().__init__()
        self.size = pair(size, "FiveCrop")

    def forward(self, img):
        return F.five_crop(img, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(ModuleTransform):
    """The corners and the middle of the image and of its mirror image, as a tuple.

    Same as torchvision.transforms.TenCrop.

    Parameters
    ----------
    size : int or (height, width)
    vertical_flip : bool
        Whether top and bottom are exchanged instead of left and right; default False.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> len(transforms.TenCrop(2)(fastnn.zeros(3, 4, 4)))
    10
    """

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size, self.vertical_flip = pair(size, "TenCrop"), vertical_flip

    def forward(self, img):
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


class LinearTransformation(ModuleTransform):
    """(x - mean) M of all numbers of a Tensor (..., C, H, W): whitening.

    Same as torchvision.transforms.LinearTransformation.

    Parameters
    ----------
    transformation_matrix : Tensor
        (D, D) with D = C H W.
    mean_vector : Tensor
        (D,)

    Raises
    ------
    ValueError
        The shapes or dtypes do not fit.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.LinearTransformation(2 * fastnn.eye(2), fastnn.ones(2))(fastnn.tensor([[[1.0, 4.0]]]))
    tensor([[[0., 6.]]])
    """

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(f"transformation_matrix should be square. Got {(rows, columns)} rectangular matrix.")
        if len(mean_vector) != rows:
            raise ValueError(f"mean_vector should have the same length {len(mean_vector)} as any one of the dimensions "
                             f"of the transformation_matrix [{(rows, columns)}]")
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError("Input tensors should have the same dtype. Got "
                             f"{transformation_matrix.dtype} and {mean_vector.dtype}")
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def forward(self, tensor):
        n = math.prod(tensor.shape[-3:])
        if n != len(self.mean_vector):
            raise ValueError("Input tensor and transformation matrix have incompatible shape."
                             f"[{' x '.join(map(str, tensor.shape[-3:]))}] != {len(self.mean_vector)}")
        flat = tensor.reshape(-1, n) - self.mean_vector
        return (flat @ self.transformation_matrix.to(flat.dtype)).reshape(tensor.shape)

    def __repr__(self):
        return (f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, "
                f"mean_vector={self.mean_vector.tolist()})")
