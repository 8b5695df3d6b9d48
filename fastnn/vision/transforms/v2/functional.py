"""Operations on images, masks and boxes, under the names of ``torchvision.transforms.v2.functional``.

Each takes a PIL image, a Tensor, or a tensor of `fastnn.vision.tv_tensors`, and gives one of the same kind. Options are
those of `fastnn.vision.transforms.functional`; masks take the nearest pixel, boxes are moved with their image.
"""
import functools

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops.creation import as_tensor
from fastnn.ops.indexing import index_select
from fastnn.ops.sampling import randn_like
from fastnn.vision import tv_tensors
from fastnn.vision.transforms import functional as v1
from fastnn.vision.transforms.functional import InterpolationMode, pil_to_tensor, to_pil_image, to_tensor
from fastnn.vision.transforms.geometry import interpolation_mode
from fastnn.vision.transforms.images import is_pil
from fastnn.vision.transforms.v2 import boxes as moved
from fastnn.vision.transforms.v2.box_functions import (
    clamp_bounding_boxes, convert_bounding_box_format, sanitize_bounding_boxes)
from fastnn.vision.transforms.v2.kinds import is_pure_tensor
from fastnn.vision.transforms.warping import seen

__all__ = ["InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue",
           "adjust_saturation", "adjust_sharpness", "affine", "autocontrast", "center_crop", "clamp_bounding_boxes",
           "convert_bounding_box_format", "convert_image_dtype", "crop", "elastic", "elastic_transform", "equalize",
           "erase", "five_crop", "gaussian_blur", "gaussian_noise", "get_dimensions", "get_image_num_channels",
           "get_image_size", "get_num_channels", "get_num_frames", "get_size", "grayscale_to_rgb", "hflip",
           "horizontal_flip", "invert", "is_pure_tensor", "normalize", "pad", "permute_channels", "perspective",
           "pil_to_tensor", "posterize", "register_kernel", "resize", "resized_crop", "rgb_to_grayscale", "rotate",
           "sanitize_bounding_boxes", "solarize", "ten_crop", "to_dtype", "to_grayscale", "to_image", "to_pil_image",
           "to_tensor", "uniform_temporal_subsample", "vertical_flip", "vflip"]

Image, Video, Mask, BoundingBoxes = tv_tensors.Image, tv_tensors.Video, tv_tensors.Mask, tv_tensors.BoundingBoxes


# ---- one name for several kinds ----

FUNCTIONS = {}


def kernel_of(function, inpt):
    """What a function does to such an input; None if nothing."""
    if isinstance(inpt, tv_tensors.TVTensor):
        return next((function.kernels[kind] for kind in type(inpt).__mro__ if kind in function.kernels), None)
    return function.kernels["image"] if isinstance(inpt, Tensor) or is_pil(inpt) else None


def register_kernel(functional, tv_tensor_cls):
    """Decorate what a function does to a kind of tensors of one's own.

    Same as torchvision.transforms.v2.functional.register_kernel.

    Parameters
    ----------
    functional : function of this module or its name
    tv_tensor_cls : type
        A subclass of `tv_tensors.TVTensor`, none of torchvision's.

    Raises
    ------
    ValueError
        Either is none.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms.v2 import functional
    >>> class Row(tv_tensors.TVTensor):
    ...     pass
    >>> @functional.register_kernel("hflip", Row)
    ... def flip(row):
    ...     return tv_tensors.wrap(row.flip(0), like=row)
    >>> functional.hflip(Row([1, 2]))
    Row([2, 1], )
    """
    function = FUNCTIONS.get(functional) if isinstance(functional, str) else functional
    if not hasattr(function, "kernels"):
        raise ValueError("Kernels can only be registered on functionals from the "
                         f"torchvision.transforms.v2.functional namespace, but got {functional}.")
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, tv_tensors.TVTensor)):
        raise ValueError("Kernels can only be registered for subclasses of torchvision.tv_tensors.TVTensor, "
                         f"but got {tv_tensor_cls}.")
    if tv_tensor_cls in (Image, Video, Mask, BoundingBoxes, tv_tensors.TVTensor):
        raise ValueError(f"Kernels cannot be registered for the builtin tv_tensor classes, but got {tv_tensor_cls}")

    def register(kernel):
        function.kernels[tv_tensor_cls] = kernel
        return kernel
    return register


def _same_kind(kernel):
    def call(inpt, *args, **kwargs):
        out = kernel(tv_tensors.plain(inpt), *args, **kwargs)
        if isinstance(out, tuple):
            return tuple(tv_tensors.wrap(part, like=inpt) for part in out)
        return tv_tensors.wrap(out, like=inpt)
    return call


def _mask_of(kernel):
    def call(inpt, *args, **kwargs):
        flat = tv_tensors.plain(inpt)
        out = kernel(flat.unsqueeze(0), *args, **kwargs)[0] if flat.ndim < 3 else kernel(flat, *args, **kwargs)
        return tv_tensors.wrap(out, like=inpt)
    return call


def _boxes_of(kernel):
    def call(inpt, *args, **kwargs):
        out, canvas = kernel(tv_tensors.plain(inpt), inpt, *args, **kwargs)
        return tv_tensors.wrap(out, like=inpt, canvas_size=canvas)
    return call


def _spread(image, mask=None, boxes=None, name=None):
    """The function of a name for images, given what it does to images, masks and boxes."""
    @functools.wraps(image)
    def function(inpt, *args, **kwargs):
        kernel = kernel_of(function, inpt)
        if kernel is None:
            raise TypeError(f"{function.__name__}: expected an image or another input that it takes, got {type(inpt)}")
        return kernel(inpt, *args, **kwargs)
    function.__name__ = function.__qualname__ = name or image.__name__
    function.__module__ = __name__
    kind = _same_kind(image)
    function.kernels = {"image": image, Image: kind, Video: kind}
    if mask is not None:
        function.kernels[Mask] = _mask_of(mask)
    if boxes is not None:
        function.kernels[BoundingBoxes] = _boxes_of(boxes)
    FUNCTIONS[function.__name__] = function
    return function


def _nearest(image, keep=()):
    """The same with the nearest pixel, whatever interpolation was asked for."""
    @functools.wraps(image)
    def call(inpt, *args, interpolation=None, antialias=None, **kwargs):
        mode = None if interpolation is None else interpolation_mode(interpolation)
        mode = mode if mode in keep else InterpolationMode.NEAREST
        return image(inpt, *args, interpolation=mode, **kwargs)
    return call


# ---- images alone ----

adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, adjust_sharpness = map(_spread, (
    v1.adjust_brightness, v1.adjust_contrast, v1.adjust_gamma, v1.adjust_hue, v1.adjust_saturation,
    v1.adjust_sharpness))
autocontrast, equalize, gaussian_blur, invert, normalize, posterize, solarize = map(_spread, (
    v1.autocontrast, v1.equalize, v1.gaussian_blur, v1.invert, v1.normalize, v1.posterize, v1.solarize))
five_crop, ten_crop = _spread(v1.five_crop), _spread(v1.ten_crop)


def _rgb_to_grayscale(image, num_output_channels=1):
    if is_pil(image):
        return v1.to_grayscale(image, num_output_channels)
    if num_output_channels == 3 and image.shape[-3] == 1:
        return image.repeat(*[1] * (image.ndim - 3), 3, 1, 1)
    return v1.rgb_to_grayscale(image, num_output_channels)


_rgb_to_grayscale.__doc__ = v1.rgb_to_grayscale.__doc__
rgb_to_grayscale = _spread(_rgb_to_grayscale, name="rgb_to_grayscale")
to_grayscale = v1.to_grayscale


def _grayscale_to_rgb(image):
    """An image of one channel as one of three; others as they are.

    Same as torchvision.transforms.v2.functional.grayscale_to_rgb.

    Parameters
    ----------
    image : Tensor or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.grayscale_to_rgb(fastnn.zeros(1, 4, 4)).shape
    torch.Size([3, 4, 4])
    """
    if is_pil(image):
        return image.convert("RGB")
    return image if image.shape[-3] >= 3 else _rgb_to_grayscale(image, 3)


grayscale_to_rgb = _spread(_grayscale_to_rgb, name="grayscale_to_rgb")


def _permute_channels(image, permutation):
    """The channels in another order.

    Same as torchvision.transforms.v2.functional.permute_channels.

    Parameters
    ----------
    image : Tensor or PIL image
    permutation : sequence of int

    Raises
    ------
    ValueError
        Its length is not the number of channels.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.permute_channels(fastnn.tensor([[[1]], [[2]]]), [1, 0]).flatten()
    tensor([2, 1])
    """
    if is_pil(image):
        return to_pil_image(_permute_channels(pil_to_tensor(image), permutation))
    if len(permutation) != image.shape[-3]:
        raise ShapeError("Length of permutation does not match number of channels: "
                         f"{len(permutation)} != {image.shape[-3]}")
    return index_select(image, -3, as_tensor(permutation))


permute_channels = _spread(_permute_channels, name="permute_channels")


def _erase(image, i, j, h, w, v, inplace=False):
    if is_pil(image):
        return to_pil_image(v1.erase(pil_to_tensor(image), i, j, h, w, v, True), image.mode)
    return v1.erase(image, i, j, h, w, v, inplace)


_erase.__doc__ = v1.erase.__doc__
erase = _spread(_erase, name="erase")


def _gaussian_noise(image, mean=0.0, sigma=0.1, clip=True):
    """Normal random numbers added to an image.

    Same as torchvision.transforms.v2.functional.gaussian_noise.

    Parameters
    ----------
    image : Tensor
        Of floating-point numbers from 0 to 1, or uint8.
    mean, sigma : float
        For colours from 0 to 1; default 0 and 0.1.
    clip : bool
        Whether the result stays in the range; default True.

    Raises
    ------
    ValueError
        `sigma` is negative, or the image of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.gaussian_noise(fastnn.zeros(1, 1, 2), 0.5, 0.0)
    tensor([[[0.5000, 0.5000]]])
    """
    if is_pil(image):
        raise ValueError("Gaussian Noise is not implemented for PIL images.")
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    if image.dtype.is_floating_point:
        out = image + (mean + randn_like(image) * sigma)
        return out.clamp(0, 1) if clip else out
    if image.dtype != dtypes.uint8:
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={image.dtype}")
    noise = mean * 255 + randn_like(image, dtype=dtypes.float32) * (sigma * 255)
    out = image + noise.to(dtypes.int16)
    return (out.clamp(0, 255) if clip else out).to(dtypes.uint8)


gaussian_noise = _spread(_gaussian_noise, name="gaussian_noise")


def _uniform_temporal_subsample(video, num_samples):
    """Some frames of a video, evenly spread.

    Same as torchvision.transforms.v2.functional.uniform_temporal_subsample.

    Parameters
    ----------
    video : Tensor
        (..., T, C, H, W)
    num_samples : int

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.uniform_temporal_subsample(fastnn.zeros(9, 3, 2, 2), 4).shape
    torch.Size([4, 3, 2, 2])
    """
    frames = np.linspace(0, video.shape[-4] - 1, num_samples, dtype=np.float32).astype(np.int64)
    return index_select(video, -4, from_array(frames))


uniform_temporal_subsample = _spread(_uniform_temporal_subsample, name="uniform_temporal_subsample")
del uniform_temporal_subsample.kernels[Image]

# ---- dtypes ----


def _to_dtype(image, dtype=dtypes.float32, scale=False):
    """An image in another dtype.

    Same as torchvision.transforms.v2.functional.to_dtype.

    Parameters
    ----------
    image : Tensor
    dtype : dtype
        Default float32.
    scale : bool
        Whether colours are scaled to the range of the dtype; default False.

    Raises
    ------
    RuntimeError
        The dtype holds numbers that the image's cannot.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.to_dtype(fastnn.tensor([[[0, 255]]], dtype=fastnn.uint8), scale=True)
    tensor([[[0., 1.]]])
    """
    if not scale or image.dtype == dtype:
        return image.to(dtype)
    if dtype.is_floating_point and not image.dtype.is_floating_point:  # times the reciprocal, as torchvision's v2
        return image.to(dtype) * (1.0 / (1 if image.dtype == dtypes.bool else np.iinfo(image.dtype.numpy).max))
    return v1.convert_image_dtype(image, dtype)


def _only_dtype(inpt, dtype=dtypes.float32, scale=False):
    return inpt.to(dtype)


to_dtype = _spread(_to_dtype, _only_dtype, name="to_dtype")
to_dtype.kernels[BoundingBoxes] = _only_dtype


def convert_image_dtype(image, dtype=dtypes.float32):
    """An image in another dtype, scaled to its range: `to_dtype` with ``scale=True``.

    Same as torchvision.transforms.v2.functional.convert_image_dtype.

    Parameters
    ----------
    image : Tensor
    dtype : dtype
        Default float32.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.convert_image_dtype(fastnn.ones(1, 1, 2), fastnn.uint8)
    tensor([[[255, 255]]], dtype=torch.uint8)
    """
    return to_dtype(image, dtype, scale=True)


def to_image(inpt):
    """A PIL image, array (H, W, C) or (H, W), or Tensor as a `tv_tensors.Image`, with its numbers as they are.

    Same as torchvision.transforms.v2.functional.to_image.

    Parameters
    ----------
    inpt : PIL image, ndarray or Tensor

    Raises
    ------
    TypeError
        It is something else.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.to_image(np.zeros((4, 6, 3), np.uint8)).shape
    torch.Size([3, 4, 6])
    """
    if isinstance(inpt, np.ndarray):
        return Image(from_array(np.ascontiguousarray(np.atleast_3d(inpt).transpose(2, 0, 1))))
    if not isinstance(inpt, Tensor) and not is_pil(inpt):
        raise TypeError(f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} "
                        "instead.")
    return Image(inpt)


# ---- what moves ----

horizontal_flip = hflip = _spread(v1.hflip, v1.hflip, moved.hflip)
vertical_flip = vflip = _spread(v1.vflip, v1.vflip, moved.vflip)
crop, center_crop = _spread(v1.crop, v1.crop, moved.crop), _spread(v1.center_crop, v1.center_crop, moved.center_crop)
affine = _spread(v1.affine, _nearest(v1.affine), moved.affine)
elastic = elastic_transform = _spread(v1.elastic_transform, _nearest(v1.elastic_transform), moved.elastic, "elastic")


def _pad_mask(mask, padding, fill=None, padding_mode="constant"):
    if isinstance(fill, (tuple, list)):
        raise ValueError("Non-scalar fill value is not supported")
    return v1.pad(mask, padding, fill, padding_mode)


pad = _spread(v1.pad, _pad_mask, moved.pad)


def _rotate(image, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    quarters = angle % 360 / 90
    square = image.shape[-1] == image.shape[-2] if isinstance(image, Tensor) else False
    if isinstance(image, Tensor) and center is None and (
            quarters in (0, 2) or (quarters in (1, 3) and (expand or square))):
        return image.rot90(int(quarters), (-2, -1))
    return v1.rotate(image, angle, interpolation, expand, center, fill)


_rotate.__doc__ = v1.rotate.__doc__
rotate = _spread(_rotate, _nearest(_rotate), moved.rotate, "rotate")


def _resize(image, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    if size is None:
        _, h, w = v1.get_dimensions(image)
        size = moved.resized(h, w, None, max_size)
        max_size = None
    return v1.resize(image, size, interpolation, max_size, antialias)


def _resized_crop(image, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True):
    return _resize(v1.crop(image, top, left, height, width), size, interpolation, None, antialias)


_resize.__doc__, _resized_crop.__doc__ = v1.resize.__doc__, v1.resized_crop.__doc__
_KEPT = InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT
resize = _spread(_resize, _nearest(_resize, _KEPT), moved.resize, "resize")
resized_crop = _spread(_resized_crop, _nearest(_resized_crop), moved.resized_crop, "resized_crop")


def _perspective(image, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None,
                 coefficients=None):
    if coefficients is not None:
        if startpoints is not None or endpoints is not None:
            raise ValueError("perspective: expected either points or coefficients, got both")
        return seen(image, coefficients, interpolation, fill)
    return v1.perspective(image, startpoints, endpoints, interpolation, fill)


_perspective.__doc__ = v1.perspective.__doc__
perspective = _spread(_perspective, _nearest(_perspective), moved.perspective, "perspective")


# ---- questions ----

def get_size(inpt):
    """[height, width] of an image, mask or video, and of the image of boxes.

    Same as torchvision.transforms.v2.functional.get_size.

    Parameters
    ----------
    inpt : PIL image, Tensor or tensor of a kind

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.get_size(fastnn.zeros(3, 4, 6))
    [4, 6]
    """
    return list(inpt.canvas_size) if isinstance(inpt, BoundingBoxes) else v1.get_dimensions(inpt)[1:]


get_dimensions, get_image_size = v1.get_dimensions, v1.get_image_size
get_num_channels = get_image_num_channels = v1.get_image_num_channels


def get_num_frames(inpt):
    """The number of frames of a video, (..., T, C, H, W).

    Same as torchvision.transforms.v2.functional.get_num_frames.

    Parameters
    ----------
    inpt : Tensor

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.get_num_frames(fastnn.zeros(5, 3, 4, 6))
    5
    """
    return inpt.shape[-4]
