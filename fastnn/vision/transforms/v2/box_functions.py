"""Functions of boxes alone, which `functional` has as well."""
from fastnn.vision import tv_tensors
from fastnn.vision.transforms.v2 import boxes as moved
from fastnn.vision.transforms.v2.kinds import is_pure_tensor
from fastnn.vision.tv_tensors import BoundingBoxes


def _numbers(inpt, format, op):
    if isinstance(inpt, BoundingBoxes):
        if format is not None:
            raise ValueError(f"{op}: for bounding box tv_tensor inputs, the format must not be passed.")
        return tv_tensors.plain(inpt), inpt.format
    if not is_pure_tensor(inpt):
        raise TypeError("Input can either be a plain tensor or a bounding box tv_tensor, but got "
                        f"{type(inpt)} instead.")
    if format is None:
        raise ValueError(f"{op}: for pure tensor inputs, the format has to be passed.")
    return inpt, tv_tensors.box_format(format)


def convert_bounding_box_format(inpt, old_format=None, new_format=None, inplace=False):
    """Boxes in another format.

    Same as torchvision.transforms.v2.functional.convert_bounding_box_format.

    Parameters
    ----------
    inpt : BoundingBoxes or Tensor (..., 4)
    old_format : BoundingBoxFormat or str
        Of a plain Tensor alone.
    new_format : BoundingBoxFormat or str
    inplace : bool
        Whether the numbers are written into the same memory; default False.

    Raises
    ------
    TypeError, ValueError
        A format is missing or one too many, or the input of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.convert_bounding_box_format(fastnn.tensor([[1, 1, 3, 5]]), "XYXY", "CXCYWH")
    tensor([[2, 3, 2, 4]])
    """
    if new_format is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    boxes, old = _numbers(inpt, old_format, "convert_bounding_box_format")
    new = tv_tensors.box_format(new_format)
    out = moved.convert(boxes, old, new)
    out = boxes.copy_(out) if inplace else out
    return tv_tensors.wrap(out, like=inpt, format=new) if isinstance(inpt, BoundingBoxes) else out


def clamp_bounding_boxes(inpt, format=None, canvas_size=None, clamping_mode="auto"):
    """Boxes cut to their image.

    Same as torchvision.transforms.v2.functional.clamp_bounding_boxes.

    Parameters
    ----------
    inpt : BoundingBoxes or Tensor (..., 4)
    format : BoundingBoxFormat or str
        Of a plain Tensor alone.
    canvas_size : (height, width)
        For a plain Tensor alone.
    clamping_mode : {"auto", "soft", "hard", None}
        "auto" is that of the boxes; None leaves them as they are.

    Raises
    ------
    TypeError, ValueError
        An argument is missing or one too many, or the input of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.clamp_bounding_boxes(fastnn.tensor([[-1, 1, 9, 5]]), "XYXY", (4, 8))
    tensor([[0, 1, 8, 4]])
    """
    boxes, form = _numbers(inpt, format, "clamp_bounding_boxes")
    if isinstance(inpt, BoundingBoxes):
        mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
        return tv_tensors.wrap(moved.clamp(boxes, form, inpt.canvas_size, mode), like=inpt)
    if canvas_size is None:
        raise ValueError("For pure tensor inputs, `canvas_size` has to be passed.")
    return moved.clamp(boxes, form, canvas_size, clamping_mode)


def sanitize_bounding_boxes(bounding_boxes, format=None, canvas_size=None, min_size=1.0, min_area=1.0):
    """The boxes that lie in their image and are not too small, and which they are.

    Same as torchvision.transforms.v2.functional.sanitize_bounding_boxes.

    Parameters
    ----------
    bounding_boxes : BoundingBoxes or Tensor (N, 4)
    format, canvas_size
        As in `clamp_bounding_boxes`.
    min_size, min_area : float
        Of width and height, and of their product; default 1.

    Returns
    -------
    (boxes, valid)
        Boxes of the same kind, and a bool Tensor (N,).

    Raises
    ------
    ValueError
        An argument is missing or one too many.

    Examples
    --------
    >>> from fastnn.vision.transforms.v2 import functional
    >>> functional.sanitize_bounding_boxes(fastnn.tensor([[0, 0, 2, 2], [1, 1, 1, 1]]), "XYXY", (4, 4))
    (tensor([[0, 0, 2, 2]]), tensor([ True, False]))
    """
    boxes, form = _numbers(bounding_boxes, format, "sanitize_bounding_boxes")
    mine = isinstance(bounding_boxes, BoundingBoxes)
    if mine == (canvas_size is not None):
        raise ValueError("sanitize_bounding_boxes: canvas_size is for pure tensors, which need it")
    keep = moved.valid(boxes, form, bounding_boxes.canvas_size if mine else canvas_size, min_size, min_area)
    out = boxes[keep]
    return (tv_tensors.wrap(out, like=bounding_boxes) if mine else out), keep
