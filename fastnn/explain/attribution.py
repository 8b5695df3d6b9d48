"""The base of all methods."""
from fastnn.explain import _inputs as common
from fastnn.explain._checks import checked


class Attribution:
    """A method that says which inputs a model's output comes from.

    Parameters
    ----------
    forward_func : callable
        A model of any door, or a function from tensors to a tensor of shape (batch, ...).

    Notes
    -----
    Methods take one tensor or a tuple of them, of shape (batch, ...) each, and give attributions of the same shapes.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import Attribution
    >>> class Constant(Attribution):  # the same for every input
    ...     def attribute(self, inputs, target=None):
    ...         return fastnn.ones_like(inputs)
    >>> Constant(lambda x: x.sum(1)).attribute(fastnn.zeros(1, 2))
    tensor([[1., 1.]])
    >>> Constant(lambda x: x.sum(1)).attribute(fastnn.zeros(1, 2), target=0.5)
    Traceback (most recent call last):
    TypeError: Constant: expected target to be integers, got 0.5
    """

    _multiplies = False  # what `multiplies_by_inputs` says
    _complete = False  # what `has_convergence_delta` says
    _caller = None  # the method that uses this one

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "attribute" in cls.__dict__:
            cls.attribute = checked(cls.attribute)

    def __init__(self, forward_func):
        if not callable(forward_func):
            raise TypeError(f"{type(self).__name__}: expected a model or a function, got "
                            f"{type(forward_func).__name__}")
        self.forward_func = forward_func

    @property
    def _name(self):
        return self._caller or type(self).__name__

    def _by(self, method):
        """Another method that works for this one: its errors name this one."""
        method._caller = self._name
        return method

    @property
    def multiplies_by_inputs(self):
        """Whether attributions are multiples of the inputs, and so share the output out (a global method)."""
        return self._multiplies

    def has_convergence_delta(self):
        """Whether the attributions' sum is known, so that `attribute` can tell how far it is off."""
        return self._complete

    def attribute(self, inputs, **kwargs):
        """Attributions of the inputs' shapes.

        Raises
        ------
        TypeError
            An argument is of another type than it should be, inputs that gradients are needed of have no floating
            point, the model gives no tensor, or it has no layers where rules for them are needed.
        ValueError
            A number, a name or a shape does not fit, or the target is missing.
        IndexError
            A target or a neuron lies outside of the output.
        RuntimeError
            No gradient flows to the inputs, or the layer that is asked for did not run.
        NotImplementedError
            An option that there is no code for.
        """
        raise NotImplementedError(f"{self._name} defines no attribute")

    def attribute_future(self, *args, **kwargs):
        """Not implemented: models are computed at once here."""
        raise NotImplementedError(f"{self._name}.attribute_future: fastnn computes at once; call attribute")

    def compute_convergence_delta(self, attributions, start_point, end_point, target=None,
                                  additional_forward_args=None):
        """How far a method is from completeness.

        ``delta_n = sum_i a_ni - (f(end_n) - f(start_n))``

        Parameters
        ----------
        attributions, start_point, end_point : Tensor or tuple of Tensor
            `start_point` is the baseline; it may have one row.
        target, additional_forward_args
            As for `attribute`.

        Returns
        -------
        Tensor
            (batch,).
        """
        attributions, _ = common.as_tuple(attributions, "attributions", self._name)
        end, _ = common.as_tuple(end_point, "end_point", self._name)
        start = common.as_baselines(start_point, end, self._name)
        arguments = common.as_arguments(additional_forward_args)
        start = tuple(common.full(b, x) for b, x in zip(start, end))
        rows = end[0].shape[0]
        if any(each.shape[0] != rows for each in attributions):
            raise ValueError(f"{self._name}: expected attributions of {rows} rows, as the inputs have")
        values = [common.row_sums([common.value(self.forward_func, x, target, arguments, self._name)])
                  for x in (end, start)]
        return common.row_sums(attributions) - (values[0] - values[1])

    def __repr__(self):
        return f"{self._name}({type(self.forward_func).__name__})"
