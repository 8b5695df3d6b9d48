"""Transforms of kinds, dtypes and numbers, and of what is known about boxes."""
import math
import warnings

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.utils._pytree import tree_flatten, tree_unflatten
from fastnn.vision import tv_tensors
from fastnn.vision.transforms import jitter, transforms
from fastnn.vision.transforms.augmentation import uniform
from fastnn.vision.transforms.geometry import pair
from fastnn.vision.transforms.images import is_pil
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.base import Transform, get_bounding_boxes, labels_getter_of, no_pil, pair_of
from fastnn.vision.transforms.v2.functional import is_pure_tensor


class ToImage(Transform):
    """A Tensor, array (H, W, C) or PIL image as a `tv_tensors.Image`, with its numbers as they are.

    Same as torchvision.transforms.v2.ToImage.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ToImage()(np.array([[0, 51, 255]], np.uint8))
    Image([[[  0,  51, 255]]], dtype=torch.uint8, )
    """

    takes_arrays = True
    _transformed_types = is_pure_tensor, is_pil, np.ndarray

    def transform(self, inpt, params):
        return F.to_image(inpt)


class ToTensor(Transform):
    """A PIL image or array (H, W, C) as a Tensor (C, H, W); uint8 becomes float32 in [0, 1]. Deprecated in torchvision.

    Same as torchvision.transforms.v2.ToTensor.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ToTensor()(np.array([[0, 51, 255]], np.uint8))  # doctest: +SKIP
    tensor([[[0.0000, 0.2000, 1.0000]]])
    """

    takes_arrays = True
    _transformed_types = is_pil, np.ndarray

    def __init__(self):
        warnings.warn("The transform `ToTensor()` is deprecated and will be removed in a future release. Instead, "
                      "please use `v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])`. Output is "
                      "equivalent up to float precision.", stacklevel=2)
        super().__init__()

    def transform(self, inpt, params):
        return F.to_tensor(inpt)


class PILToTensor(Transform):
    """A PIL image as a Tensor (C, H, W) of its own dtype.

    Same as torchvision.transforms.v2.PILToTensor; needs Pillow.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.PILToTensor()("no image")
    'no image'
    """

    _transformed_types = (is_pil,)

    def transform(self, inpt, params):
        return F.pil_to_tensor(inpt)


class ToPILImage(Transform):
    """A Tensor (C, H, W) or array (H, W, C) as a PIL image; floats are scaled by 255.

    Same as torchvision.transforms.v2.ToPILImage; needs Pillow.

    Parameters
    ----------
    mode : str, optional
        Pillow's mode of the image; default by the number of channels.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ToPILImage()(fastnn.zeros(3, 4, 6)).size  # doctest: +SKIP
    (6, 4)
    """

    _transformed_types = is_pure_tensor, tv_tensors.Image, np.ndarray

    def __init__(self, mode=None):
        super().__init__()
        self.mode = mode

    def transform(self, inpt, params):
        return F.to_pil_image(inpt, self.mode)


class ToPureTensor(Transform):
    """All tensors of `tv_tensors` as plain ones.

    Same as torchvision.transforms.v2.ToPureTensor.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> v2.ToPureTensor()(tv_tensors.Mask([[1, 2]]))
    tensor([[1, 2]])
    """

    _transformed_types = (tv_tensors.TVTensor,)

    def transform(self, inpt, params):
        return tv_tensors.plain(inpt)


class ToDtype(Transform):
    """Images, or each kind of tensors, in another dtype.

    Same as torchvision.transforms.v2.ToDtype.

    Parameters
    ----------
    dtype : dtype or dict
        For images and videos; or for each class of `tv_tensors`, "others" for the rest, None for none.
    scale : bool
        Whether colours are scaled to the range of the dtype; default False.

    Raises
    ------
    ValueError
        `dtype` is neither, or has none for what comes.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ToDtype(fastnn.float32, scale=True)(fastnn.tensor([[[0, 255]]], dtype=fastnn.uint8))
    tensor([[[0., 1.]]])
    """

    _transformed_types = (Tensor,)

    def __init__(self, dtype, scale=False):
        super().__init__()
        if not isinstance(dtype, (dict, dtypes.dtype)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        if isinstance(dtype, dict) and Tensor in dtype and {tv_tensors.Image, tv_tensors.Video} & set(dtype):
            warnings.warn("Got `dtype` values for `torch.Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. "
                          "A plain `torch.Tensor` is not transformed where one of these is present.", stacklevel=2)
        self.dtype, self.scale = dtype, scale

    def transform(self, inpt, params):
        image = is_pure_tensor(inpt) or isinstance(inpt, (tv_tensors.Image, tv_tensors.Video))
        if not isinstance(self.dtype, dict):
            return self._call_kernel(F.to_dtype, inpt, self.dtype, self.scale) if image else inpt
        if type(inpt) not in self.dtype and "others" not in self.dtype:
            raise ValueError(f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of "
                             "images or videos, you can just pass e.g. dtype=torch.float32. If you're passing a dict "
                             'as dtype, you can use "others" as a catch-all key.')
        dtype = self.dtype.get(type(inpt), self.dtype.get("others"))
        if dtype is None:
            if self.scale and image:
                warnings.warn("scale was set to True but no dtype was specified for images or videos: no scaling will "
                              "be done.", stacklevel=2)
            return inpt
        return self._call_kernel(F.to_dtype, inpt, dtype, self.scale)


class ConvertImageDtype(Transform):
    """Images in another dtype, scaled to the range of that dtype.

    Same as torchvision.transforms.v2.ConvertImageDtype.

    Parameters
    ----------
    dtype : dtype
        Default float32.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ConvertImageDtype(fastnn.uint8)(fastnn.ones(1, 1, 2))
    tensor([[[255, 255]]], dtype=torch.uint8)
    """

    def __init__(self, dtype=dtypes.float32):
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt, params):
        return self._call_kernel(F.to_dtype, inpt, self.dtype, True)


class Identity(Transform):
    """Everything as it is.

    Same as torchvision.transforms.v2.Identity.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Identity()(3)
    3
    """

    def transform(self, inpt, params):
        return inpt


class Lambda(Transform):
    """A function of all parts of a sample, or of those of some classes.

    Same as torchvision.transforms.v2.Lambda.

    Parameters
    ----------
    lambd : callable
    *types : type
        Default everything.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Lambda(lambda number: number + 1, int)([1, "a", 2])
    [2, 'a', 3]
    """

    _transformed_types = (object,)

    def __init__(self, lambd, *types):
        super().__init__()
        self.lambd, self.types = lambd, types or self._transformed_types

    def transform(self, inpt, params):
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self):
        name = getattr(self.lambd, "__name__", None)
        return ", ".join(([name] if name else []) + [f"types={[kind.__name__ for kind in self.types]}"])


class Normalize(Transform):
    """(x - mean) / std for each channel of floating-point images.

    Same as torchvision.transforms.v2.Normalize.

    Parameters
    ----------
    mean, std : sequence of float
        One for each channel, or one for all.
    inplace : bool
        Whether the result is written into the image's memory; default False.

    Raises
    ------
    TypeError, ValueError
        A PIL image, integers, a number of std that is 0.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Normalize([2.0], [4.0])(fastnn.tensor([[[2.0, 10.0]]]))
    tensor([[[0., 2.]]])
    """

    _v1 = transforms.Normalize

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = list(mean), list(std), inplace

    def check_inputs(self, flat_inputs):
        no_pil(self, flat_inputs)

    def transform(self, inpt, params):
        return self._call_kernel(F.normalize, inpt, self.mean, self.std, self.inplace)


class LinearTransformation(Transform):
    """(x - mean) M of all numbers of an image (..., C, H, W): whitening.

    Same as torchvision.transforms.v2.LinearTransformation.

    Parameters
    ----------
    transformation_matrix : Tensor
        (D, D) with D = C H W.
    mean_vector : Tensor
        (D,)

    Raises
    ------
    TypeError, ValueError
        A PIL image; shapes or dtypes that do not fit.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.LinearTransformation(2 * fastnn.eye(2), fastnn.ones(2))(fastnn.tensor([[[1.0, 4.0]]]))
    tensor([[[0., 6.]]])
    """

    _transformed_types = is_pure_tensor, tv_tensors.Image, tv_tensors.Video
    _v1 = transforms.LinearTransformation

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        whole = self._v1(transformation_matrix, mean_vector)
        self.transformation_matrix, self.mean_vector = whole.transformation_matrix, whole.mean_vector

    def check_inputs(self, flat_inputs):
        no_pil(self, flat_inputs)

    def transform(self, inpt, params):
        out = self._v1(self.transformation_matrix, self.mean_vector)(tv_tensors.plain(inpt))
        return tv_tensors.wrap(out, like=inpt)


class GaussianBlur(Transform):
    """Images smoothed by Gaussian weights of random width.

    Same as torchvision.transforms.v2.GaussianBlur.

    Parameters
    ----------
    kernel_size : int or (x, y)
        Numbers of neighbours, odd.
    sigma : float or (lowest, highest)
        Of the Gaussian weights; default (0.1, 2).

    Raises
    ------
    ValueError
        A size is even, or sigma is not positive or no range.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.GaussianBlur(3)(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    _v1 = jitter.GaussianBlur

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = pair(kernel_size, "GaussianBlur")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        self.sigma = pair_of(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs):
        return {"sigma": [uniform(*self.sigma)] * 2}

    def transform(self, inpt, params):
        return self._call_kernel(F.gaussian_blur, inpt, list(self.kernel_size), **params)


class GaussianNoise(Transform):
    """Normal random numbers added to images.

    Same as torchvision.transforms.v2.GaussianNoise.

    Parameters
    ----------
    mean, sigma, clip
        As in `functional.gaussian_noise`.

    Raises
    ------
    ValueError
        A PIL image, or another dtype.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.GaussianNoise(0.25, 0.0)(fastnn.zeros(1, 1, 2))
    tensor([[[0.2500, 0.2500]]])
    """

    def __init__(self, mean=0.0, sigma=0.1, clip=True):
        super().__init__()
        self.mean, self.sigma, self.clip = mean, sigma, clip

    def transform(self, inpt, params):
        return self._call_kernel(F.gaussian_noise, inpt, self.mean, self.sigma, self.clip)


class UniformTemporalSubsample(Transform):
    """Some frames of videos, evenly spread.

    Same as torchvision.transforms.v2.UniformTemporalSubsample.

    Parameters
    ----------
    num_samples : int

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.UniformTemporalSubsample(2)(fastnn.zeros(9, 3, 2, 2)).shape
    torch.Size([2, 3, 2, 2])
    """

    _transformed_types = is_pure_tensor, tv_tensors.Video

    def __init__(self, num_samples):
        super().__init__()
        self.num_samples = num_samples

    def transform(self, inpt, params):
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)


# ---- boxes ----

class ConvertBoundingBoxFormat(Transform):
    """Boxes in another format.

    Same as torchvision.transforms.v2.ConvertBoundingBoxFormat.

    Parameters
    ----------
    format : BoundingBoxFormat or str

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[1, 1, 3, 5]], format="XYXY", canvas_size=(8, 8))
    >>> v2.ConvertBoundingBoxFormat("XYWH")(boxes).tolist()
    [[1, 1, 2, 4]]
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, format):
        super().__init__()
        self.format, self._format = format, tv_tensors.box_format(format)

    def transform(self, inpt, params):
        return F.convert_bounding_box_format(inpt, new_format=self._format)


class ClampBoundingBoxes(Transform):
    """Boxes cut to their image.

    Same as torchvision.transforms.v2.ClampBoundingBoxes.

    Parameters
    ----------
    clamping_mode : {"auto", "soft", "hard", None}
        "auto" is that of the boxes; None leaves them as they are.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> v2.ClampBoundingBoxes()(tv_tensors.BoundingBoxes([[-1, 1, 9, 5]], format="XYXY", canvas_size=(4, 8))).tolist()
    [[0, 1, 8, 4]]
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode="auto"):
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt, params):
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class SetClampingMode(Transform):
    """Another ``clamping_mode`` of boxes.

    Same as torchvision.transforms.v2.SetClampingMode.

    Parameters
    ----------
    clamping_mode : {"soft", "hard", None}

    Raises
    ------
    ValueError
        It is something else.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[0, 1, 2, 3]], format="XYXY", canvas_size=(4, 8))
    >>> v2.SetClampingMode(None)(boxes).clamping_mode is None
    True
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode):
        super().__init__()
        if clamping_mode not in (None, "soft", "hard"):
            raise ValueError(f"clamping_mode must be soft, hard or None, got {clamping_mode}")
        self.clamping_mode = clamping_mode

    def transform(self, inpt, params):
        return tv_tensors.wrap(inpt.clone(), like=inpt, clamping_mode=self.clamping_mode)


class SanitizeBoundingBoxes(Transform):
    """Boxes that lie in their image and are not too small, with the labels and masks (N, H, W) that belong to them.

    Same as torchvision.transforms.v2.SanitizeBoundingBoxes.

    Parameters
    ----------
    min_size, min_area : float
        Of width and height, and of their product, at least 1; default 1.
    labels_getter : "default", callable or None
        What finds the labels of a sample; by default the second of a pair, or what is called so in a dictionary.

    Raises
    ------
    ValueError
        A limit below 1, no boxes, or labels of another number.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[0, 0, 2, 2], [1, 1, 1, 1]], format="XYXY", canvas_size=(4, 4))
    >>> v2.SanitizeBoundingBoxes()({"boxes": boxes, "labels": fastnn.tensor([5, 6])})["labels"]
    tensor([5])
    """

    def __init__(self, min_size=1.0, min_area=1.0, labels_getter="default"):
        super().__init__()
        for name, value in (("min_size", min_size), ("min_area", min_area)):
            if not value >= 1 or math.isnan(value):
                raise ValueError(f"{name} must be >= 1, got {value}.")
        self.min_size, self.min_area, self.labels_getter = min_size, min_area, labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        labels = self._labels_getter(inputs)
        labels = (labels,) if isinstance(labels, Tensor) else () if labels is None else labels
        if not isinstance(labels, (tuple, list)) or not all(isinstance(label, Tensor) for label in labels):
            raise ValueError("The labels in the input to forward() must be a tensor or None, got "
                             f"{type(labels)} instead.")
        flat_inputs, spec = tree_flatten(inputs)
        boxes = get_bounding_boxes(flat_inputs)
        for label in labels:
            if label.shape[0] != boxes.shape[0]:
                raise ValueError(f"Number of boxes (shape={boxes.shape}) and must match the number of labels. Found "
                                 f"labels with shape={label.shape}).")
        valid = F.sanitize_bounding_boxes(boxes, min_size=self.min_size, min_area=self.min_area)[1]

        def kept(inpt):
            if any(inpt is label for label in labels):
                return inpt[valid]
            mask = isinstance(inpt, tv_tensors.Mask) and inpt.ndim > 0 and inpt.shape[0] == len(valid)
            mine = mask or isinstance(inpt, tv_tensors.BoundingBoxes)
            return tv_tensors.wrap(inpt[valid], like=inpt) if mine else inpt
        return tree_unflatten([kept(inpt) for inpt in flat_inputs], spec)
