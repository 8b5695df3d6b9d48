"""Exponential families."""
import fastnn
from fastnn.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A family of densities ``exp(<t(x), theta> - F(theta) + k(x))``.

    Parameters
    ----------
    batch_shape, event_shape : Size
    validate_args : bool, optional

    Notes
    -----
    A subclass gives the natural parameters theta (``_natural_params``), the log normaliser F (``_log_normalizer``) and
    the expectation of k (``_mean_carrier_measure``); the entropy follows from F's gradient (Nielsen and Nock 2010).

    Examples
    --------
    >>> from fastnn.distributions import ExponentialFamily, Gamma
    >>> issubclass(Gamma, ExponentialFamily)
    True
    """

    @property
    def _natural_params(self):
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        raise NotImplementedError

    def entropy(self):
        """``F(theta) - <theta, F'(theta)> - E k(x)``"""
        found = -self._mean_carrier_measure
        natural = [value.detach().requires_grad_() for value in self._natural_params]
        with fastnn.enable_grad():
            normalizer = self._log_normalizer(*natural)
            slopes = fastnn.autograd.grad(normalizer.sum(), natural, create_graph=True)
        found = found + normalizer
        for value, slope in zip(natural, slopes):
            term = value * slope
            found = found - term.reshape(self._batch_shape + (-1,)).sum(-1)
        return found
