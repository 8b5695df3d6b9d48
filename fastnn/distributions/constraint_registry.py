"""Transforms from the real numbers to constraints: ``biject_to`` and ``transform_to``.

``biject_to(constraint)`` is bijective and has a determinant; ``transform_to(constraint)`` need not be, and is the
simpler one for optimizing unconstrained parameters.
"""
from fastnn.distributions import constraints, transforms
from fastnn.distributions.utils import Number

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A map from classes of constraints to makers of transforms; called, it gives a constraint's transform.

    Parameters
    ----------
    constraint : Constraint
        Where the transform leads, from the real numbers.

    Examples
    --------
    >>> from fastnn.distributions import biject_to, constraints
    >>> biject_to(constraints.unit_interval)
    SigmoidTransform()
    """

    def __init__(self):
        self._registry = {}

    def register(self, constraint, factory=None):
        """Set the maker ``factory(constraint)`` of a constraint's class; without it, a decorator.

        Parameters
        ----------
        constraint : Constraint or type
        factory : callable, optional
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {kind}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint):
        """The transform from real numbers to a constraint.

        Parameters
        ----------
        constraint : Constraint
        """
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _register(registries, kinds, factory):
    for registry in registries:
        for kind in kinds:
            registry.register(kind, factory)


def _beyond(bound, direction):
    return lambda constraint: transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(getattr(constraint, bound), direction)])


def _between(constraint):
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, Number) and isinstance(high, Number) and low == 0 and high == 1:
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


_both = (biject_to, transform_to)
_register(_both, [constraints.real], lambda constraint: transforms.identity_transform)
_register(_both, [constraints.greater_than, constraints.greater_than_eq], _beyond("lower_bound", 1))
_register(_both, [constraints.less_than], _beyond("upper_bound", -1))
_register(_both, [constraints.interval, constraints.half_open_interval], _between)
_register(_both, [constraints.corr_cholesky], lambda constraint: transforms.CorrCholeskyTransform())
_register([biject_to], [constraints.simplex], lambda constraint: transforms.StickBreakingTransform())
_register([transform_to], [constraints.simplex], lambda constraint: transforms.SoftmaxTransform())
_register([transform_to], [constraints.lower_cholesky], lambda constraint: transforms.LowerCholeskyTransform())
_register([transform_to], [constraints.positive_definite, constraints.positive_semidefinite],
          lambda constraint: transforms.PositiveDefiniteTransform())


def _of_parts(registry):
    registry.register(constraints.independent, lambda constraint: transforms.IndependentTransform(
        registry(constraint.base_constraint), constraint.reinterpreted_batch_ndims))
    registry.register(constraints.cat, lambda constraint: transforms.CatTransform(
        [registry(part) for part in constraint.cseq], constraint.dim, constraint.lengths))
    registry.register(constraints.stack, lambda constraint: transforms.StackTransform(
        [registry(part) for part in constraint.cseq], constraint.dim))


for _registry in _both:
    _of_parts(_registry)
