"""Transforms that bend images, videos, masks and boxes of a sample alike."""
from fastnn.vision.transforms import augmentation, distortion, warping
from fastnn.vision.transforms.augmentation import angles, uniform
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.base import Sometimes, Transform, fill_of, fills, pair_of, query_size


class _Warping(Transform):
    """What has `interpolation` and `fill`."""

    def _options(self, interpolation, fill):
        self.interpolation, self.fill, self._fill = interpolation, fill, fills(fill)

    def _warped(self, functional, inpt, **options):
        return self._call_kernel(functional, inpt, interpolation=self.interpolation, fill=fill_of(self._fill, inpt),
                                 **options)


class RandomRotation(_Warping):
    """Rotation by a random angle.

    Same as torchvision.transforms.v2.RandomRotation.

    Parameters
    ----------
    degrees : number or (lowest, highest)
        A number d stands for (-d, d).
    interpolation : str or InterpolationMode
        Default "nearest".
    expand, center
        As in `functional.rotate`.
    fill : number, sequence or dict
        As in `Pad`.

    Raises
    ------
    TypeError, ValueError
        An argument of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomRotation((90, 90))(fastnn.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 4],
             [1, 3]]])
    """

    _v1 = augmentation.RandomRotation

    def __init__(self, degrees, interpolation="nearest", expand=False, center=None, fill=0):
        super().__init__()
        self.degrees, self.interpolation, self.expand = angles(degrees, "degrees"), interpolation, expand
        self._options(interpolation, fill)
        if center is not None:
            distortion.is_sequence("center", center)
        self.center = center

    def make_params(self, flat_inputs):
        return {"angle": uniform(*self.degrees)}

    def transform(self, inpt, params):
        return self._warped(F.rotate, inpt, **params, expand=self.expand, center=self.center)


class RandomAffine(_Warping):
    """Random rotation, shift, scale and shear.

    Same as torchvision.transforms.v2.RandomAffine.

    Parameters
    ----------
    degrees : number or (lowest, highest)
        Angles; a number d stands for (-d, d).
    translate : (x, y), optional
        Largest shifts, as shares of width and height.
    scale : (lowest, highest), optional
    shear : number, (lowest, highest) along x or these of x and y, optional
        In degrees.
    interpolation : str or InterpolationMode
        Default "nearest".
    fill : number, sequence or dict
        As in `Pad`.
    center : (x, y), optional
        Default the middle.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind, length or range.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomAffine(0, scale=(1, 1))(fastnn.ones(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    _v1 = distortion.RandomAffine

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation="nearest", fill=0, center=None):
        super().__init__()
        known = self._v1(degrees, translate, scale, shear, center=center)
        self.degrees, self.translate, self.scale, self.shear = known.degrees, translate, scale, known.shear
        self._options(interpolation, fill)
        self.center = center

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return dict(zip(("angle", "translate", "scale", "shear"), drawn))

    def transform(self, inpt, params):
        return self._warped(F.affine, inpt, **params, center=self.center)


class RandomPerspective(Sometimes, _Warping):
    """A sample as it looks from a random point, with a probability.

    Same as torchvision.transforms.v2.RandomPerspective.

    Parameters
    ----------
    distortion_scale : float
        How far corners move, 0 to 1 (half of the image); default 0.5.
    p : float
        The probability; default 0.5.
    interpolation : str or InterpolationMode
        Default "bilinear".
    fill : number, sequence or dict
        As in `Pad`.

    Raises
    ------
    TypeError, ValueError
        An argument of another kind.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomPerspective(p=1.0)(fastnn.zeros(3, 6, 8)).shape
    torch.Size([3, 6, 8])
    """

    _v1 = distortion.RandomPerspective

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation="bilinear", fill=0):
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self.distortion_scale = distortion_scale
        self._options(interpolation, fill)

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        return {"coefficients": warping.perspective_coefficients(
            *self.get_params(width, height, self.distortion_scale)).tolist()}

    def transform(self, inpt, params):
        return self._warped(F.perspective, inpt, startpoints=None, endpoints=None, **params)


class ElasticTransform(_Warping):
    """Each pixel moved by smooth random distances (Simard et al. 2003).

    Same as torchvision.transforms.v2.ElasticTransform.

    Parameters
    ----------
    alpha : float or (x, y)
        Size of the distances; default 50.
    sigma : float or (x, y)
        Their smoothness; default 5.
    interpolation : str or InterpolationMode
        Default "bilinear".
    fill : number, sequence or dict
        As in `Pad`.

    Raises
    ------
    TypeError, ValueError
        An argument of another kind or length.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ElasticTransform(sigma=1.0)(fastnn.zeros(3, 12, 16)).shape
    torch.Size([3, 12, 16])
    """

    _v1 = distortion.ElasticTransform

    def __init__(self, alpha=50.0, sigma=5.0, interpolation="bilinear", fill=0):
        super().__init__()
        self.alpha, self.sigma = pair_of(alpha, "alpha"), pair_of(sigma, "sigma")
        self._options(interpolation, fill)

    def make_params(self, flat_inputs):
        return {"displacement": self.get_params(self.alpha, self.sigma, query_size(flat_inputs))}

    def transform(self, inpt, params):
        return self._warped(F.elastic, inpt, **params)
