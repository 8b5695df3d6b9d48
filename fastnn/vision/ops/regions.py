"""Parts of feature maps, each brought to one size."""
import numpy as np

import fastnn
from fastnn import nn


def _weights(start, length, count, samples, size):
    """(count, size): how much each of `size` positions counts in each of `count` bins from `start` over `length`."""
    samples = samples if samples > 0 else max(int(np.ceil(length / count)), 0)
    weights = np.zeros((count, size))
    at = start + (np.arange(count * samples) + 0.5) * length / (count * max(samples, 1))
    inside = np.flatnonzero((at >= -1) & (at <= size))
    place = np.clip(at[inside], 0, size - 1)
    low = place.astype(int)
    part = place - low
    bins = inside // max(samples, 1)
    np.add.at(weights, (bins, low), (1 - part) / samples)
    np.add.at(weights, (bins, np.minimum(low + 1, size - 1)), part / samples)
    return weights


def _checked(input, boxes):
    """Boxes with the numbers of their images, (K, 5)."""
    if isinstance(boxes, (list, tuple)):
        if any(part.ndim != 2 or part.shape[1] != 4 for part in boxes):
            raise ValueError("roi_align: expected a list of boxes (L, 4)")
        boxes = fastnn.cat([fastnn.cat([fastnn.full_like(part[:, :1], i), part], 1) for i, part in enumerate(boxes)])
    if boxes.ndim != 2 or boxes.shape[1] != 5:
        raise ValueError(f"roi_align: expected boxes (K, 5), got {tuple(boxes.shape)}")
    if input.ndim != 4:
        raise ValueError(f"roi_align: expected an input (N, C, H, W), got {tuple(input.shape)}")
    return boxes


def roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
    """Means of bilinear samples in the bins of a grid over each box (He et al. 2017).

    A sample's weights are a product of one along each side, so that a box is a product of two small matrices.
    Gradients go to `input`.

    Parameters
    ----------
    input : Tensor
        (N, C, H, W)
    boxes : Tensor or list of Tensor
        (K, 5), the number of the image and the corners; or boxes (L, 4) of each image.
    output_size : int or (int, int)
    spatial_scale : float
        Of the boxes' coordinates.
    sampling_ratio : int
        Samples a bin along each side; 0 or less: the bin's size, rounded up.
    aligned : bool
        Shift by half a pixel, which puts pixels' centres at .5.

    Returns
    -------
    Tensor
        (K, C, *output_size)

    Raises
    ------
    ValueError
        Shapes are others.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> x = fastnn.arange(16.0).reshape(1, 1, 4, 4)
    >>> ops.roi_align(x, [fastnn.tensor([[0.0, 0.0, 2.0, 2.0]])], 1)
    tensor([[[[5.]]]])
    """
    boxes = _checked(input, boxes)
    height, width = (output_size, output_size) if isinstance(output_size, int) else output_size
    rows, columns = [], []
    for _, *corners in boxes.tolist():
        left, top, right, bottom = (value * spatial_scale - 0.5 * aligned for value in corners)
        least = -np.inf if aligned else 1.0
        rows.append(_weights(top, max(bottom - top, least), height, sampling_ratio, input.shape[2]))
        columns.append(_weights(left, max(right - left, least), width, sampling_ratio, input.shape[3]))
    if not rows:
        return input.new_empty((0, input.shape[1], height, width))
    down, across = (fastnn.tensor(np.stack(parts), dtype=input.dtype)[:, None] for parts in (rows, columns))
    return down @ input[boxes[:, 0].long()] @ across.mT


class RoIAlign(nn.Module):
    """`roi_align` as a module.

    Parameters
    ----------
    output_size, spatial_scale, sampling_ratio, aligned
        As there.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.RoIAlign(2, 1.0, 2)
    RoIAlign(output_size=2, spatial_scale=1.0, sampling_ratio=2, aligned=False)
    """

    def __init__(self, output_size, spatial_scale, sampling_ratio, aligned=False):
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, input, rois):
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self):
        return (f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
                f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})")
