"""Transforms that move: images, videos, masks and boxes of a sample alike."""
import warnings

from fastnn.vision import tv_tensors
from fastnn.vision.transforms import augmentation, distortion, transforms
from fastnn.vision.transforms.augmentation import draw, uniform
from fastnn.vision.transforms.geometry import PADDINGS, pair
from fastnn.vision.transforms.images import is_pil
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.base import (
    Sometimes, Transform, fill_of, fills, get_bounding_boxes, has_all, has_any, query_size)
from fastnn.vision.transforms.v2.functional import is_pure_tensor


class RandomHorizontalFlip(Sometimes):
    """Left and right exchanged, with a probability.

    Same as torchvision.transforms.v2.RandomHorizontalFlip.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomHorizontalFlip(p=1.0)(fastnn.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """

    def transform(self, inpt, params):
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(Sometimes):
    """Top and bottom exchanged, with a probability.

    Same as torchvision.transforms.v2.RandomVerticalFlip.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomVerticalFlip(p=1.0)(fastnn.tensor([[[1], [2]]])).flatten()
    tensor([2, 1])
    """

    def transform(self, inpt, params):
        return self._call_kernel(F.vertical_flip, inpt)


class _Resizing(Transform):
    """What has `interpolation` and `antialias`."""

    def _options(self, interpolation, antialias):
        self.interpolation, self.antialias = interpolation, antialias

    def transform(self, inpt, params):
        return self._call_kernel(F.resize, inpt, params["size"], interpolation=self.interpolation,
                                 antialias=self.antialias)


class Resize(_Resizing):
    """Another size.

    Same as torchvision.transforms.v2.Resize.

    Parameters
    ----------
    size : int, (height, width) or None
        A number alone is the shorter side, in proportion; None leaves it to `max_size`.
    interpolation : str or InterpolationMode
        Default "bilinear"; of masks the nearest pixel.
    max_size : int, optional
        Limit of the longer side, or its size if `size` is None.
    antialias : bool
        For Tensors; PIL images always are.

    Raises
    ------
    ValueError
        A size of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Resize(4)(fastnn.zeros(3, 8, 10)).shape
    torch.Size([3, 4, 5])
    """

    _v1 = transforms.Resize

    def __init__(self, size, interpolation="bilinear", max_size=None, antialias=True):
        super().__init__()
        if size is None and not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        sequence = isinstance(size, (list, tuple)) and len(size) in (1, 2)
        if not (size is None or isinstance(size, int) or sequence):
            raise ValueError("size can be an integer, a sequence of one or two integers, or None, but got "
                             f"{size} instead.")
        self.size = [size] if isinstance(size, int) else size and list(size)
        self.interpolation, self.max_size, self.antialias = interpolation, max_size, antialias

    def transform(self, inpt, params):
        return self._call_kernel(F.resize, inpt, self.size, interpolation=self.interpolation, max_size=self.max_size,
                                 antialias=self.antialias)


class RandomResize(_Resizing):
    """The shorter side of random size.

    Same as torchvision.transforms.v2.RandomResize.

    Parameters
    ----------
    min_size, max_size : int
        From the first to below the second.
    interpolation, antialias
        As in `Resize`.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomResize(4, 5)(fastnn.zeros(3, 8, 10)).shape
    torch.Size([3, 4, 5])
    """

    def __init__(self, min_size, max_size, interpolation="bilinear", antialias=True):
        super().__init__()
        self.min_size, self.max_size = min_size, max_size
        self._options(interpolation, antialias)

    def make_params(self, flat_inputs):
        return {"size": [draw(self.min_size, self.max_size)]}


class RandomShortestSize(_Resizing):
    """The shorter side of one of some sizes.

    Same as torchvision.transforms.v2.RandomShortestSize.

    Parameters
    ----------
    min_size : int or list of int
    max_size : int, optional
        Limit of the longer side.
    interpolation, antialias
        As in `Resize`.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomShortestSize([4])(fastnn.zeros(3, 8, 10)).shape
    torch.Size([3, 4, 5])
    """

    def __init__(self, min_size, max_size=None, interpolation="bilinear", antialias=True):
        super().__init__()
        self.min_size, self.max_size = [min_size] if isinstance(min_size, int) else list(min_size), max_size
        self._options(interpolation, antialias)

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        ratio = self.min_size[draw(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            ratio = min(ratio, self.max_size / max(height, width))
        return {"size": (int(height * ratio), int(width * ratio))}


class ScaleJitter(_Resizing):
    """A random multiple of the size that fits into a given one.

    Same as torchvision.transforms.v2.ScaleJitter.

    Parameters
    ----------
    target_size : (height, width)
    scale_range : (lowest, highest)
        Of the multiple; default (0.1, 2).
    interpolation, antialias
        As in `Resize`.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ScaleJitter((4, 4), (1.0, 1.0))(fastnn.zeros(3, 8, 8)).shape
    torch.Size([3, 4, 4])
    """

    def __init__(self, target_size, scale_range=(0.1, 2.0), interpolation="bilinear", antialias=True):
        super().__init__()
        self.target_size, self.scale_range = target_size, scale_range
        self._options(interpolation, antialias)

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        scale = self.scale_range[0] + uniform() * (self.scale_range[1] - self.scale_range[0])
        ratio = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * ratio), int(width * ratio))}


class CenterCrop(Transform):
    """The middle, padded with 0 if the image is smaller.

    Same as torchvision.transforms.v2.CenterCrop.

    Parameters
    ----------
    size : int or (height, width)

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.CenterCrop(1)(fastnn.arange(9).reshape(1, 3, 3))
    tensor([[[4]]])
    """

    _v1 = transforms.CenterCrop

    def __init__(self, size):
        super().__init__()
        self.size = pair(size, "CenterCrop")

    def transform(self, inpt, params):
        return self._call_kernel(F.center_crop, inpt, self.size)


class _Crops(Transform):
    def check_inputs(self, flat_inputs):
        if has_any(flat_inputs, tv_tensors.BoundingBoxes, tv_tensors.Mask):
            raise TypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")


class FiveCrop(_Crops):
    """The four corners of an image and its middle, as a tuple.

    Same as torchvision.transforms.v2.FiveCrop.

    Parameters
    ----------
    size : int or (height, width)

    Raises
    ------
    TypeError
        There are boxes or masks.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> [int(part) for part in v2.FiveCrop(1)(fastnn.arange(9).reshape(1, 3, 3))]
    [0, 2, 6, 8, 4]
    """

    _v1 = transforms.FiveCrop

    def __init__(self, size):
        super().__init__()
        self.size = pair(size, "FiveCrop")

    def transform(self, inpt, params):
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_Crops):
    """The corners and the middle of an image and of its mirror image, as a tuple.

    Same as torchvision.transforms.v2.TenCrop.

    Parameters
    ----------
    size : int or (height, width)
    vertical_flip : bool
        Whether top and bottom are exchanged instead of left and right; default False.

    Raises
    ------
    TypeError
        There are boxes or masks.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> len(v2.TenCrop(2)(fastnn.zeros(3, 4, 4)))
    10
    """

    _v1 = transforms.TenCrop

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size, self.vertical_flip = pair(size, "TenCrop"), vertical_flip

    def transform(self, inpt, params):
        return self._call_kernel(F.ten_crop, inpt, self.size, self.vertical_flip)


def _check_padding(padding, padding_mode):
    sequence = isinstance(padding, (tuple, list)) and len(padding) in (1, 2, 4)
    if not isinstance(padding, int) and not (sequence and all(isinstance(side, int) for side in padding)):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")
    if padding_mode not in PADDINGS:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")


class Pad(Transform):
    """Borders.

    Same as torchvision.transforms.v2.Pad.

    Parameters
    ----------
    padding : int or sequence
        For all sides; (left and right, top and bottom); or (left, top, right, bottom).
    fill : number, sequence or dict
        Of constant borders, for all, or for each class of `tv_tensors` ("others": the rest); default 0.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
        Filled with `fill`, the border pixels, or the mirror image without or with the border pixels.

    Raises
    ------
    TypeError, ValueError
        An argument of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Pad((1, 0), fill=9)(fastnn.ones(1, 1, 2))
    tensor([[[9., 1., 1., 9.]]])
    """

    _v1 = transforms.Pad

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        _check_padding(padding, padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill, self._fill, self.padding_mode = fill, fills(fill), padding_mode

    def transform(self, inpt, params):
        return self._call_kernel(F.pad, inpt, self.padding, fill=fill_of(self._fill, inpt),
                                 padding_mode=self.padding_mode)


class RandomZoomOut(Sometimes):
    """Borders of random width, with a probability (Liu et al. 2016).

    Same as torchvision.transforms.v2.RandomZoomOut.

    Parameters
    ----------
    fill : number, sequence or dict
        As in `Pad`.
    side_range : (lowest, highest)
        Of the factors of height and width, from 1; default (1, 4).
    p : float
        The probability; default 0.5.

    Raises
    ------
    TypeError, ValueError
        An argument of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomZoomOut(side_range=(2.0, 2.0), p=1.0)(fastnn.zeros(3, 4, 5)).shape
    torch.Size([3, 8, 10])
    """

    def __init__(self, fill=0, side_range=(1.0, 4.0), p=0.5):
        super().__init__(p)
        self.fill, self._fill = fill, fills(fill)
        distortion.is_sequence("side_range", side_range)
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")
        self.side_range = side_range

    def make_params(self, flat_inputs):
        h, w = query_size(flat_inputs)
        factor = self.side_range[0] + uniform() * (self.side_range[1] - self.side_range[0])
        width, height = int(w * factor), int(h * factor)
        left, top = int((width - w) * uniform()), int((height - h) * uniform())
        return {"padding": [left, top, width - w - left, height - h - top]}

    def transform(self, inpt, params):
        return self._call_kernel(F.pad, inpt, **params, fill=fill_of(self._fill, inpt))


class RandomCrop(Transform):
    """A rectangle at a random position.

    Same as torchvision.transforms.v2.RandomCrop.

    Parameters
    ----------
    size : int or (height, width)
    padding : int or sequence, optional
        Borders put around the image first.
    pad_if_needed : bool
        Whether smaller images are enlarged.
    fill, padding_mode
        As in `Pad`.

    Raises
    ------
    ValueError
        The image is smaller than `size`, or an argument of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomCrop(28, padding=2)(fastnn.zeros(1, 28, 28)).shape
    torch.Size([1, 28, 28])
    """

    _v1 = augmentation.RandomCrop

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = pair(size, "RandomCrop")
        if pad_if_needed or padding is not None:
            _check_padding(0 if padding is None else padding, padding_mode)
        self.padding = None
        if padding:
            sides = [padding] if isinstance(padding, int) else list(padding)
            left, top, right, bottom = sides * (4 // len(sides))
            self.padding = [left, right, top, bottom]
        self.pad_if_needed = pad_if_needed
        self.fill, self._fill, self.padding_mode = fill, fills(fill), padding_mode

    def make_params(self, flat_inputs):
        (h, w), (height, width) = query_size(flat_inputs), self.size
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        if self.pad_if_needed:  # on both sides, what is missing
            more_y, more_x = max(height - h - top - bottom, 0), max(width - w - left - right, 0)
            top, bottom, left, right = top + more_y, bottom + more_y, left + more_x, right + more_x
        h, w = h + top + bottom, w + left + right
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than "
                             f"{'' if self.padding is None else 'padded '}input image size {(h, w)}.")
        return {"padding": [left, top, right, bottom], "needs_crop": h > height or w > width,
                "top": draw(0, h - height + 1) if h > height else 0,
                "left": draw(0, w - width + 1) if w > width else 0, "height": height, "width": width}

    def transform(self, inpt, params):
        if any(params["padding"]):
            inpt = self._call_kernel(F.pad, inpt, params["padding"], fill=fill_of(self._fill, inpt),
                                     padding_mode=self.padding_mode)
        if params["needs_crop"]:
            inpt = self._call_kernel(F.crop, inpt, *(params[name] for name in ("top", "left", "height", "width")))
        return inpt


class RandomResizedCrop(Transform):
    """A rectangle of random size, shape and position, in a given size (Szegedy et al. 2015).

    Same as torchvision.transforms.v2.RandomResizedCrop.

    Parameters
    ----------
    size : int or (height, width)
        Of the result.
    scale : (lowest, highest)
        Share of the image's area; default (0.08, 1).
    ratio : (lowest, highest)
        Width by height; default (3/4, 4/3).
    interpolation, antialias
        As in `Resize`.

    Raises
    ------
    TypeError
        `scale` or `ratio` is no pair.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomResizedCrop(4)(fastnn.zeros(3, 8, 10)).shape
    torch.Size([3, 4, 4])
    """

    _v1 = distortion.RandomResizedCrop

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3.0 / 4.0, 4.0 / 3.0), interpolation="bilinear",
                 antialias=True):
        super().__init__()
        self.size = pair(size, "RandomResizedCrop")
        for name, value in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(value, (list, tuple)) or len(value) != 2:
                raise TypeError(f"{name} should be a sequence of two floats.")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.scale, self.ratio, self.interpolation, self.antialias = scale, ratio, interpolation, antialias

    def make_params(self, flat_inputs):
        rectangle = distortion.rectangle(*query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), rectangle))

    def transform(self, inpt, params):
        return self._call_kernel(F.resized_crop, inpt, **params, size=self.size, interpolation=self.interpolation,
                                 antialias=self.antialias)


class RandomIoUCrop(Transform):
    """A random rectangle that keeps enough of one of the boxes (Liu et al. 2016).

    Boxes whose middle lies outside become empty, for `SanitizeBoundingBoxes` to remove.

    Same as torchvision.transforms.v2.RandomIoUCrop.

    Parameters
    ----------
    min_scale, max_scale : float
        Of height and width; default 0.3 and 1.
    min_aspect_ratio, max_aspect_ratio : float
        Of width by height; default 0.5 and 2.
    sampler_options : list of float, optional
        Shares of intersection and union of which one is drawn as the least; 1 leaves the sample as it is.
    trials : int
        How many rectangles are tried for each; default 40.

    Raises
    ------
    TypeError
        There are no boxes or no image.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[1, 1, 3, 3]], format="XYXY", canvas_size=(4, 4))
    >>> v2.RandomIoUCrop(sampler_options=[1.0])(fastnn.zeros(3, 4, 4), boxes)[0].shape
    torch.Size([3, 4, 4])
    """

    def __init__(self, min_scale=0.3, max_scale=1.0, min_aspect_ratio=0.5, max_aspect_ratio=2.0, sampler_options=None,
                 trials=40):
        super().__init__()
        self.min_scale, self.max_scale = min_scale, max_scale
        self.min_aspect_ratio, self.max_aspect_ratio = min_aspect_ratio, max_aspect_ratio
        self.options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        self.trials = trials

    def check_inputs(self, flat_inputs):
        if not (has_all(flat_inputs, tv_tensors.BoundingBoxes)
                and has_any(flat_inputs, is_pil, tv_tensors.Image, is_pure_tensor)):
            raise TypeError(f"{type(self).__name__}() requires input sample to contain tensor or PIL images and "
                            "bounding boxes. Sample can also contain masks.")

    def make_params(self, flat_inputs):
        h, w = query_size(flat_inputs)
        boxes = get_bounding_boxes(flat_inputs)
        corners = F.convert_bounding_box_format(tv_tensors.plain(boxes), boxes.format, "XYXY").detach().numpy()
        x1, y1, x2, y2 = corners.astype(float).T
        middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
        while True:
            least = self.options[draw(0, len(self.options))]
            if least >= 1.0:
                return {}
            for _ in range(self.trials):
                span = self.max_scale - self.min_scale
                width, height = (int(size * (self.min_scale + span * uniform())) for size in (w, h))
                if not height or not self.min_aspect_ratio <= width / height <= self.max_aspect_ratio:
                    continue
                left, top = int((w - width) * uniform()), int((h - height) * uniform())
                right, bottom = left + width, top + height
                inside = (left < middle_x) & (middle_x < right) & (top < middle_y) & (middle_y < bottom)
                if not width or not inside.any():
                    continue
                common = ((x2.clip(left, right) - x1.clip(left, right))
                          * (y2.clip(top, bottom) - y1.clip(top, bottom)))
                union = (x2 - x1) * (y2 - y1) + width * height - common
                if (common / union)[inside].max() >= least:
                    return {"top": top, "left": left, "height": height, "width": width, "inside": inside}

    def transform(self, inpt, params):
        if not params:
            return inpt
        out = self._call_kernel(F.crop, inpt, *(params[name] for name in ("top", "left", "height", "width")))
        if isinstance(out, tv_tensors.BoundingBoxes):
            out[~params["inside"]] = 0
        return out
