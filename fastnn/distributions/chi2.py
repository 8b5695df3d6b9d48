"""The chi-squared distribution."""
from fastnn.distributions import constraints
from fastnn.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of the squares of `df` normal numbers: gamma with the shape df / 2 and the rate 1/2.

    ``p(x) = x^(df / 2 - 1) exp(-x / 2) / (2^(df / 2) gamma(df / 2))``

    Parameters
    ----------
    df : Tensor or float
        Degrees of freedom, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Chi2
    >>> Chi2(fastnn.tensor([4.0])).mean
    tensor([4.])
    """

    arg_constraints = {"df": constraints.positive}
    _parts = Gamma._parts

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self):
        """Degrees of freedom."""
        return self.concentration * 2
