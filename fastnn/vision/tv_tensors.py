"""Tensors that say what they are, under the names of ``torchvision.tv_tensors``: `fastnn.vision.transforms.v2` moves
images, masks and boxes of a sample alike.

Operations on them give plain tensors, but for ``clone``, ``to``, ``detach`` and ``requires_grad_``. Rotated boxes and
key points are absent.
"""
import contextlib
import enum

from fastnn._tensor import Tensor, adopt, take_history
from fastnn.errors import ShapeError
from fastnn.ops.creation import as_tensor
from fastnn.vision.transforms.functional import pil_to_tensor
from fastnn.vision.transforms.images import is_pil

__all__ = ["BoundingBoxFormat", "BoundingBoxes", "Image", "Mask", "TVTensor", "Video", "is_rotated_bounding_format",
           "set_return_type", "wrap"]


def plain(tensor):
    """The same memory and history as a Tensor without a kind."""
    return tensor.view_as(tensor) if isinstance(tensor, TVTensor) else tensor


class TVTensor(Tensor):
    """Base class of the kinds of tensors.

    Same as torchvision.tv_tensors.TVTensor.

    Parameters
    ----------
    data : anything that becomes a Tensor
    dtype : dtype, optional
    device : optional
    requires_grad : bool, optional
        Default that of `data`.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> isinstance(tv_tensors.Mask(fastnn.zeros(2, 2)), tv_tensors.TVTensor)
    True
    """

    def __new__(cls, data, *, dtype=None, device=None, requires_grad=None):
        return cls._of(cls._tensor(data, dtype, device, requires_grad))

    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def _tensor(data, dtype, device, requires_grad):
        tensor = as_tensor(pil_to_tensor(data) if is_pil(data) else data, dtype=dtype, device=device)
        if requires_grad is not None and requires_grad != tensor.requires_grad:
            tensor = tensor.detach().requires_grad_(requires_grad)
        return tensor

    @classmethod
    def _of(cls, tensor):
        """A tensor of this kind on the memory and with the history of another."""
        made = adopt(Tensor.__new__(cls), tensor.detach().numpy())
        if tensor.grad_fn is not None:
            return take_history(made, tensor)
        return made.requires_grad_() if tensor.requires_grad else made

    @classmethod
    def wrap(cls, tensor, like, **kwargs):
        """`tensor` as one of this kind, with what `like` says beside its numbers; for subclasses to extend."""
        return cls._of(tensor)

    def clone(self, *args, **kwargs):
        return wrap(super().clone(*args, **kwargs), like=self)

    def detach(self):
        return super().detach() if type(self) is TVTensor else wrap(super().detach(), like=self)

    def to(self, *args, **kwargs):
        out = super().to(*args, **kwargs)
        return out if out is self else wrap(out, like=self)

    def _described(self, **extra):
        return f"{type(self).__name__}{super().__repr__()[6:-1]}, " + ", ".join(
            f"{name}={value}" for name, value in extra.items()) + ")"

    def __repr__(self):
        return self._described()


class Image(TVTensor):
    """An image, (..., C, H, W).

    Same as torchvision.tv_tensors.Image.

    Parameters
    ----------
    data : PIL image or anything that becomes a Tensor
        Of two dimensions becomes (1, H, W).
    dtype, device, requires_grad : optional
        As of `fastnn.tensor`; default those of `data`.

    Raises
    ------
    ValueError
        It has fewer than two dimensions.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> image = tv_tensors.Image([[1, 2], [3, 4]])
    >>> image.shape, type(image + 1)
    (torch.Size([1, 2, 2]), <class 'fastnn._tensor.Tensor'>)
    """

    @classmethod
    def _of(cls, tensor):
        if tensor.ndim < 2:
            raise ShapeError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        return super()._of(tensor.unsqueeze(0) if tensor.ndim == 2 else tensor)


class Video(TVTensor):
    """Frames, (..., T, C, H, W).

    Same as torchvision.tv_tensors.Video.

    Parameters
    ----------
    data : anything that becomes a Tensor
    dtype, device, requires_grad : optional
        As of `fastnn.tensor`; default those of `data`.

    Raises
    ------
    ValueError
        It has fewer than four dimensions.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> tv_tensors.Video(fastnn.zeros(5, 3, 4, 4)).shape
    torch.Size([5, 3, 4, 4])
    """

    @classmethod
    def _of(cls, tensor):
        if tensor.ndim < 4:
            raise ShapeError(f"Expected at least 4 dimensions, got {tensor.ndim}")
        return super()._of(tensor)


class Mask(TVTensor):
    """A mask of segments, (..., H, W).

    Same as torchvision.tv_tensors.Mask.

    Parameters
    ----------
    data : PIL image or anything that becomes a Tensor
    dtype, device, requires_grad : optional
        As of `fastnn.tensor`; default those of `data`.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> image, mask = fastnn.ones(1, 2, 2), tv_tensors.Mask([[0, 1], [2, 3]])
    >>> v2.RandomHorizontalFlip(1.0)(image, mask)[1]
    Mask([[1, 0],
          [3, 2]], )
    """


class BoundingBoxFormat(enum.Enum):
    """What the four numbers of a box are: two corners, a corner and sizes, or the middle and sizes.

    Same as torchvision.tv_tensors.BoundingBoxFormat; rotated boxes are absent.

    Parameters
    ----------
    value : {"XYXY", "XYWH", "CXCYWH"}

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> tv_tensors.BoundingBoxFormat("XYWH") is tv_tensors.BoundingBoxFormat.XYWH
    True
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"


def box_format(value):
    """The BoundingBoxFormat of a format or its name."""
    name = value.upper() if isinstance(value, str) else value
    if name in ("XYWHR", "CXCYWHR", "XYXYXYXY"):
        raise NotImplementedError(f"tv_tensors: rotated boxes ({name}) are absent from fastnn")
    return BoundingBoxFormat(name)


def is_rotated_bounding_format(format):
    """Whether boxes of this format are rotated: none are.

    Same as torchvision.tv_tensors.is_rotated_bounding_format.

    Parameters
    ----------
    format : BoundingBoxFormat or str

    Raises
    ------
    NotImplementedError
        It is a format of rotated boxes.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> tv_tensors.is_rotated_bounding_format("XYXY")
    False
    """
    box_format(format)
    return False


class BoundingBoxes(TVTensor):
    """Boxes around parts of an image, (N, 4).

    Same as torchvision.tv_tensors.BoundingBoxes.

    Parameters
    ----------
    data : anything that becomes a Tensor
    format : BoundingBoxFormat or str
    canvas_size : (height, width)
        Of the image.
    clamping_mode : {"soft", "hard", None}
        Whether boxes are cut to the image after transforms; default "soft".
    dtype, device, requires_grad : optional
        As of `fastnn.tensor`; default those of `data`.

    Raises
    ------
    ValueError
        A shape, format or clamping mode that is none.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> from fastnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[0, 0, 2, 3]], format="XYXY", canvas_size=(4, 8))
    >>> v2.Resize((8, 8))(boxes)
    BoundingBoxes([[0, 0, 2, 6]], format=BoundingBoxFormat.XYXY, canvas_size=(8, 8), clamping_mode=soft)
    """

    def __new__(cls, data, *, format, canvas_size, clamping_mode="soft", dtype=None, device=None, requires_grad=None):
        tensor = cls._tensor(data, dtype, device, requires_grad)
        if tensor.ndim == 1:
            tensor = tensor.unsqueeze(0)
        elif tensor.ndim != 2:
            raise ShapeError(f"Expected a 1D or 2D tensor, got {tensor.ndim}D")
        return cls._with(tensor, format, canvas_size, clamping_mode)

    @classmethod
    def _with(cls, tensor, format, canvas_size, clamping_mode):
        if clamping_mode not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")
        boxes = cls._of(tensor)
        boxes.format, boxes.canvas_size, boxes.clamping_mode = box_format(format), canvas_size, clamping_mode
        return boxes

    @classmethod
    def wrap(cls, tensor, like, **kwargs):
        return cls._with(tensor, *(kwargs.get(name, getattr(like, name))
                                   for name in ("format", "canvas_size", "clamping_mode")))

    def __repr__(self):
        return self._described(format=self.format, canvas_size=self.canvas_size, clamping_mode=self.clamping_mode)


def wrap(wrappee, *, like, **kwargs):
    """A Tensor as one of the kind of another, with what that says beside its numbers.

    Same as torchvision.tv_tensors.wrap.

    Parameters
    ----------
    wrappee : Tensor
    like : TVTensor
    **kwargs
        Of boxes: another `format`, `canvas_size` or `clamping_mode`.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> mask = tv_tensors.Mask(fastnn.zeros(1, 2))
    >>> tv_tensors.wrap(mask + 1, like=mask)
    Mask([[1., 1.]], )
    """
    return type(like).wrap(wrappee, like, **kwargs) if isinstance(like, TVTensor) else wrappee


def set_return_type(return_type):
    """What operations on such tensors give; plain tensors are the only choice.

    Same as torchvision.tv_tensors.set_return_type, for "Tensor".

    Parameters
    ----------
    return_type : str

    Raises
    ------
    NotImplementedError
        It is "TVTensor".
    ValueError
        It is something else.

    Examples
    --------
    >>> from fastnn.vision import tv_tensors
    >>> with tv_tensors.set_return_type("Tensor"):
    ...     pass
    """
    kind = return_type.lower()
    if kind == "tvtensor":
        raise NotImplementedError("set_return_type: operations give plain tensors; use tv_tensors.wrap")
    if kind != "tensor":
        raise ValueError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}")
    return contextlib.nullcontext()
