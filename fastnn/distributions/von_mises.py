"""The von Mises distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import broadcast_all, lazy_property
from fastnn.dtypes import Size

__all__ = ["VonMises"]

# I0 and I1 by Abramowitz and Stegun 1964, 9.8.1 to 9.8.4: polynomials in (x / 3.75)^2, and in 3.75 / x from 3.75 on.
SMALL = ((1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813),
         (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411))
LARGE = ((0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633,
          0.00392377),
         (0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654,
          -0.00420059))


def _polynomial(y, coefficients):
    found = 0.0
    for coefficient in reversed(coefficients):
        found = coefficient + y * found
    return found


def _log_modified_bessel_fn(x, order=0):
    """log I_order(x) for x > 0 and the order 0 or 1."""
    small = _polynomial((x / 3.75).pow(2), SMALL[order])
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + _polynomial(3.75 / x, LARGE[order]).log()
    return fastnn.where(x < 3.75, small, large)


class VonMises(Distribution):
    """Angles, the circle's counterpart of normal numbers.

    ``p(x) = exp(concentration cos(x - loc)) / (2 pi I0(concentration))``

    Parameters
    ----------
    loc : Tensor or float
        An angle in radians.
    concentration : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import VonMises
    >>> VonMises(fastnn.tensor([1.0]), fastnn.tensor([2.0])).mean
    tensor([1.])
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _parts = {"loc": 0, "concentration": 0}

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = property(lambda self: self.loc, doc="The circular mean, ``loc``.")
    mode = property(lambda self: self.loc, doc="``loc``")

    @lazy_property
    def variance(self):
        """The circular variance, ``1 - I1(concentration) / I0(concentration)``"""
        return 1 - (_log_modified_bessel_fn(self.concentration, 1) - _log_modified_bessel_fn(self.concentration)).exp()

    def log_prob(self, value):
        """``concentration cos(value - loc) - log(2 pi) - log I0(concentration)``"""
        return (self.concentration * fastnn.cos(self._checked(value) - self.loc) - math.log(2 * math.pi)
                - _log_modified_bessel_fn(self.concentration))

    def _proposal(self):
        """The parameter of the wrapped Cauchy distribution that rejection starts from, in float64."""
        k = self.concentration.double()
        tau = 1 + (1 + 4 * k ** 2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        return fastnn.where(k < 1e-5, 1 / k + k, (1 + rho ** 2) / (2 * rho))  # the first two terms of its series

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Angles of [-pi, pi) (Best and Fisher 1979), PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        with fastnn.no_grad():
            r, k = self._proposal(), self.concentration.double()
            x = fastnn.zeros(shape, dtype=fastnn.float64)
            done = fastnn.zeros(shape, dtype=fastnn.bool)
            while not bool(done.all()):
                u1, u2, u3 = fastnn.rand((3,) + shape, dtype=fastnn.float64).unbind()
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = fastnn.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            return ((x + math.pi + self.loc.double()) % (2 * math.pi) - math.pi).to(self.loc.dtype)
