"""The base of transforms of samples: any structure of images, masks, boxes and other things."""
import enum
import numbers
from collections.abc import Callable, Mapping

from fastnn._tensor import Tensor
from fastnn.nn import Module
from fastnn.utils._pytree import tree_flatten, tree_unflatten
from fastnn.vision import tv_tensors
from fastnn.vision.transforms.augmentation import uniform
from fastnn.vision.transforms.images import is_pil
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.functional import is_pure_tensor

IMAGES = is_pure_tensor, tv_tensors.Image, is_pil, tv_tensors.Video


def check_type(obj, types_or_checks):
    """Whether an object is of one of some classes, or one of some functions says so.

    Same as torchvision.transforms.v2.check_type.

    Parameters
    ----------
    obj : object
    types_or_checks : sequence of type or callable

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.check_type(3, (str, lambda x: x == 3))
    True
    """
    return any(isinstance(obj, kind) if isinstance(kind, type) else kind(obj) for kind in types_or_checks)


def has_any(flat_inputs, *types_or_checks):
    """Whether one of some objects passes `check_type`.

    Same as torchvision.transforms.v2.has_any.

    Parameters
    ----------
    flat_inputs : list
    *types_or_checks : type or callable

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.has_any([1, "a"], str)
    True
    """
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs, *types_or_checks):
    """Whether each class or function is met by one of some objects.

    Same as torchvision.transforms.v2.has_all.

    Parameters
    ----------
    flat_inputs : list
    *types_or_checks : type or callable

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.has_all([1, "a"], str, float)
    False
    """
    return all(has_any(flat_inputs, kind) for kind in types_or_checks)


def get_bounding_boxes(flat_inputs):
    """The boxes among some objects.

    Same as torchvision.transforms.v2.get_bounding_boxes.

    Parameters
    ----------
    flat_inputs : list

    Raises
    ------
    ValueError
        There are none.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> v2.get_bounding_boxes([1, tv_tensors.BoundingBoxes([1, 1, 3, 3], format="XYXY", canvas_size=(4, 4))]).shape
    torch.Size([1, 4])
    """
    for inpt in flat_inputs:
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            return inpt
    raise ValueError("No bounding boxes were found in the sample")


def _one(sizes, what, kinds):
    if not sizes:
        raise TypeError(f"No {kinds} was found in the sample")
    if len(sizes) > 1:
        raise ValueError(f"Found multiple {what} dimensions in the sample: {', '.join(map(str, sorted(sizes)))}")
    return sizes.pop()


def query_chw(flat_inputs):
    """(channels, height, width) of the images among some objects.

    Same as torchvision.transforms.v2.query_chw.

    Parameters
    ----------
    flat_inputs : list

    Raises
    ------
    TypeError, ValueError
        There is none, or they differ.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.query_chw([fastnn.zeros(3, 4, 6), 1])
    (3, 4, 6)
    """
    sizes = {tuple(F.get_dimensions(inpt)) for inpt in flat_inputs if check_type(inpt, IMAGES)}
    return _one(sizes, "CxHxW", "image or video")


def query_size(flat_inputs):
    """(height, width) of the images, masks and boxes among some objects.

    Same as torchvision.transforms.v2.query_size.

    Parameters
    ----------
    flat_inputs : list

    Raises
    ------
    TypeError, ValueError
        There is none, or they differ.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.query_size([fastnn.zeros(3, 4, 6), 1])
    (4, 6)
    """
    kinds = *IMAGES, tv_tensors.Mask, tv_tensors.BoundingBoxes
    sizes = {tuple(F.get_size(inpt)) for inpt in flat_inputs if check_type(inpt, kinds)}
    return _one(sizes, "HxW", "image, video, mask or bounding box")


class Transform(Module):
    """Base class of transforms: subclasses define ``transform``, and ``make_params`` for what is drawn once a sample.

    Same as torchvision.transforms.v2.Transform. A plain tensor is transformed if it is the first one of the sample and
    there is no image or video of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> class Double(v2.Transform):
    ...     def transform(self, inpt, params):
    ...         return inpt * 2
    >>> Double()({"image": fastnn.ones(1, 1, 2), "label": 3})
    {'image': tensor([[[2., 2.]]]), 'label': 3}
    """

    takes_arrays = False
    _transformed_types = Tensor, is_pil
    _v1 = None  # its transform of single images, whose `get_params` it has as well

    def __init_subclass__(cls):
        if hasattr(cls._v1, "get_params"):
            cls.get_params = staticmethod(cls._v1.get_params)

    def check_inputs(self, flat_inputs):
        pass

    def make_params(self, flat_inputs):
        """What is drawn once for all of a sample, as a dictionary; for subclasses."""
        return {}

    def transform(self, inpt, params):
        """What becomes of one image, mask or the like; for subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: a transform defines `transform`")

    def _call_kernel(self, functional, inpt, *args, **kwargs):
        kernel = F.kernel_of(functional, inpt)
        return inpt if kernel is None else kernel(inpt, *args, **kwargs)

    def _needs_transform_list(self, flat_inputs):
        first = not has_any(flat_inputs, tv_tensors.Image, tv_tensors.Video, is_pil)
        needs = []
        for inpt in flat_inputs:
            wanted = check_type(inpt, self._transformed_types)
            if wanted and is_pure_tensor(inpt):
                wanted, first = first, False
            needs.append(wanted)
        return needs

    def _changed(self, flat_inputs, spec):
        needs = self._needs_transform_list(flat_inputs)
        params = self.make_params([inpt for inpt, wanted in zip(flat_inputs, needs) if wanted])
        return tree_unflatten([self.transform(inpt, params) if wanted else inpt
                               for inpt, wanted in zip(flat_inputs, needs)], spec)

    def forward(self, *inputs):
        flat_inputs, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        self.check_inputs(flat_inputs)
        return self._changed(flat_inputs, spec)

    def extra_repr(self):
        return ", ".join(f"{name}={value}" for name, value in vars(self).items()
                         if not name.startswith("_") and name != "training"
                         and isinstance(value, (bool, int, float, str, tuple, list, enum.Enum)))


class Sometimes(Transform):
    """One that is applied with a probability."""

    def __init__(self, p=0.5):
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        super().__init__()
        self.p = p

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(inputs)
        self.check_inputs(flat_inputs)
        return inputs if uniform() >= self.p else self._changed(flat_inputs, spec)


def no_pil(transform, flat_inputs):
    if has_any(flat_inputs, is_pil):
        raise TypeError(f"{type(transform).__name__}() does not support PIL images.")


# ---- arguments ----

def fills(fill):
    """{kind: what it is filled with}; "others" is the rest."""
    if isinstance(fill, dict):
        return {kind: fills(value)["others"] for kind, value in fill.items()}
    if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError("Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed.")
    return {"others": fill if fill is None or isinstance(fill, (int, float)) else [float(value) for value in fill]}


def fill_of(known, inpt):
    return known.get(type(inpt), known.get("others"))


def pair_of(value, name):
    """Two floats of one or two numbers."""
    if not isinstance(value, (int, float, list, tuple)):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(value)}")
    values = [value] if isinstance(value, (int, float)) else list(value)
    if len(values) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 1 or 2. Got {len(values)}")
    if not all(isinstance(number, (int, float)) for number in values):
        raise ValueError(f"{name} should be a sequence of numbers. Got {values}")
    return [float(number) for number in values * (2 // len(values))]


def labels_getter_of(labels_getter):
    """The function that finds a sample's labels."""
    if labels_getter == "default":
        return _find_labels
    if labels_getter is None:
        return lambda sample: None
    if not isinstance(labels_getter, Callable):
        raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}.")
    return labels_getter


def _find_labels(sample):
    """The second of a pair, or what a dictionary has under a key like "labels"."""
    sample = sample[1] if isinstance(sample, (tuple, list)) else sample
    if is_pure_tensor(sample):
        return sample
    if not isinstance(sample, Mapping):
        raise ValueError("When using the default labels_getter, the input passed to forward must be a dictionary or a "
                         "two-tuple whose second item is a dictionary or a tensor, but got "
                         f"{sample} instead.")
    keys = [key for key in sample if key.lower() == "labels"] + [key for key in sample if "label" in key.lower()]
    if not keys:
        raise ValueError("Could not infer where the labels are in the sample. Try passing a callable as the "
                         "labels_getter parameter? If there are no labels in the sample by design, pass "
                         "labels_getter=None.")
    return sample[keys[0]]
