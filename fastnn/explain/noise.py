"""Methods averaged over noise and random baselines."""
import fastnn
from fastnn.explain import _inputs as common
from fastnn.explain.attribution import Attribution

KINDS = ("smoothgrad", "smoothgrad_sq", "vargrad")


class NoiseTunnel(Attribution):
    """Another method on noisy copies of the inputs: SmoothGrad and VarGrad.

    With ``a_k`` the attributions of ``x + N(0, stdev^2)``, k = 1 ... K:

    - ``smoothgrad``: ``mean_k a_k`` (Smilkov et al. 2017, arXiv:1706.03825);
    - ``smoothgrad_sq``: ``mean_k a_k^2`` (Hooker et al. 2018, arXiv:1806.10758);
    - ``vargrad``: ``mean_k a_k^2 - (mean_k a_k)^2`` (Adebayo et al. 2018, arXiv:1810.03307).

    Parameters
    ----------
    attribution_method : Attribution
        Any method of this package with ``attribute``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import NoiseTunnel, Saliency
    >>> method = NoiseTunnel(Saliency(lambda x: x @ fastnn.tensor([[2.0], [-3.0]])))
    >>> method.attribute(fastnn.ones(1, 2), nt_samples=4, stdevs=0.1)
    tensor([[2., 3.]])
    """

    def __init__(self, attribution_method):
        if not isinstance(attribution_method, Attribution):
            raise TypeError(f"NoiseTunnel: expected a method with attribute, got {type(attribution_method).__name__}")
        super().__init__(attribution_method.forward_func)
        self.attribution_method = attribution_method

    @property
    def multiplies_by_inputs(self):
        return self.attribution_method.multiplies_by_inputs

    def has_convergence_delta(self):
        return self.attribution_method.has_convergence_delta()

    def attribute(self, inputs, nt_type="smoothgrad", nt_samples=5, nt_samples_batch_size=None, stdevs=1.0,
                  draw_baseline_from_distrib=False, **kwargs):
        """The method's attributions over noise.

        Parameters
        ----------
        inputs : Tensor or tuple of Tensor
            (batch, ...).
        nt_type : {"smoothgrad", "smoothgrad_sq", "vargrad"}
        nt_samples : int
            Noisy copies of each row.
        nt_samples_batch_size : int, optional
            Copies of the batch at once; all without it.
        stdevs : float or tuple of float
            The noise's deviation, for all inputs or for each.
        draw_baseline_from_distrib : bool
            Draw each copy's baselines among the rows of ``baselines``.
        **kwargs
            For the method's own ``attribute``; targets, baselines, feature masks and tensors among
            ``additional_forward_args`` with the inputs' number of rows are repeated.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the attributions' shapes, and with ``return_convergence_delta=True`` the deltas of all copies,
            (batch * nt_samples,).
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        if nt_type not in KINDS:
            raise ValueError(f"{self._name}: expected nt_type to be one of {', '.join(KINDS)}, got {nt_type!r}")
        common.need_floats(x, self._name)
        stdevs = stdevs if isinstance(stdevs, tuple) else (stdevs,) * len(x)
        if len(stdevs) != len(x):
            raise ValueError(f"{self._name}: expected stdevs for each of {len(x)} inputs, got {len(stdevs)}")
        sums, squares, deltas, done = None, None, [], 0
        with_delta = kwargs.get("return_convergence_delta", False) and self.has_convergence_delta()
        while done < nt_samples:
            count = min(nt_samples - done, nt_samples_batch_size or nt_samples)
            given = self._repeated(kwargs, x, count, draw_baseline_from_distrib)
            noisy = tuple(common.repeat_rows(each.detach(), count) for each in x)
            noisy = tuple(each + stdev * fastnn.randn(*each.shape, dtype=each.dtype)
                          for each, stdev in zip(noisy, stdevs))
            found = self.attribution_method.attribute(common.as_given(noisy, was_tuple), **given)
            if with_delta:
                found, delta = found
                deltas.append(delta)
            parts = [each.unflatten(0, (-1, count)) for each in (found if isinstance(found, tuple) else (found,))]
            new = [each.sum(1) for each in parts], [(each ** 2).sum(1) for each in parts]
            sums = new[0] if sums is None else [a + b for a, b in zip(sums, new[0])]
            squares = new[1] if squares is None else [a + b for a, b in zip(squares, new[1])]
            done += count
        means, squares = [each / nt_samples for each in sums], [each / nt_samples for each in squares]
        results = {"smoothgrad": means, "smoothgrad_sq": squares,
                   "vargrad": [b - a * a for a, b in zip(means, squares)]}[nt_type]
        result = common.as_given(results, isinstance(found, tuple))
        return (result, fastnn.cat(deltas)) if with_delta else result

    def _repeated(self, kwargs, x, count, draw):
        kwargs, rows = dict(kwargs), x[0].shape[0]
        if "target" in kwargs:
            kwargs["target"] = common.repeat_target(kwargs["target"], count, rows, self._name)
        if kwargs.get("additional_forward_args") is not None:
            kwargs["additional_forward_args"] = tuple(
                common.repeat_rows(each, count, rows)
                for each in common.as_arguments(kwargs["additional_forward_args"]))
        for name in ("baselines", "feature_mask"):
            given = kwargs.get(name)
            if given is None or isinstance(given, (int, float)) or callable(given) and not isinstance(
                    given, fastnn.Tensor):
                continue
            values = given if isinstance(given, tuple) else (given,)
            if draw and name == "baselines":
                values = tuple(b[fastnn.randint(b.shape[0], (rows * count,))] if isinstance(b, fastnn.Tensor) else b
                               for b in values)
            else:
                values = tuple(common.repeat_rows(b, count, rows) if isinstance(b, fastnn.Tensor) and b.shape[0] > 1
                               else b for b in values)
            kwargs[name] = values if isinstance(given, tuple) else values[0]
        return kwargs


class _BaselineXGradient(Attribution):
    """``(x - b) * df(b + u (x - b)) / dx``, u drawn between 0 and 1 for each row."""

    _complete = True

    def __init__(self, forward_func, multiply_by_inputs):
        super().__init__(forward_func)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None,
                  return_convergence_delta=False):
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        start = common.as_baselines(baselines, x, self._name)
        where = fastnn.rand(x[0].shape[0], dtype=x[0].dtype)
        line = tuple(b + common.by_rows(where, each).to(each.dtype) * (each - b) for each, b in zip(x, start))
        found = common.gradients(self.forward_func, line, target, common.as_arguments(additional_forward_args),
                                 self._name)
        found = [slope * (each - b) if self._multiplies else slope for slope, each, b in zip(found, x, start)]
        result = common.as_given(found, was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, start, x, target, additional_forward_args)


class GradientShap(Attribution):
    """Gradients at random points between random baselines and noisy inputs: an estimate of Shapley values.

    ``a = E[(x' - b) * df(b + u (x' - b)) / dx]`` with ``x' = x + N(0, stdev^2)``, b a random row of the baselines, u
    uniform in [0, 1]; ``sum_i a_i`` is near ``f(x) - mean_b f(b)``.

    Lundberg, Lee 2017, "A unified approach to interpreting model predictions", arXiv:1705.07874.

    Parameters
    ----------
    forward_func : callable
    multiply_by_inputs : bool
        False leaves the factor ``x' - b`` out.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import GradientShap
    >>> method = GradientShap(lambda x: x @ fastnn.tensor([[2.0], [-3.0]]))
    >>> method.attribute(fastnn.ones(1, 2), baselines=fastnn.zeros(3, 2), n_samples=4)
    tensor([[ 2., -3.]])
    """

    _complete = True

    def __init__(self, forward_func, multiply_by_inputs=True):
        super().__init__(forward_func)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, baselines, n_samples=5, stdevs=0.0, target=None, additional_forward_args=None,
                  return_convergence_delta=False):
        """Expected gradients.

        Parameters
        ----------
        inputs, target, additional_forward_args
            As for `Saliency.attribute`.
        baselines : Tensor, tuple of Tensor or callable
            Any number of rows of the inputs' shape, or a function of the inputs that gives them.
        n_samples : int
            Samples for each row.
        stdevs : float or tuple of float
            Of the noise on inputs.
        return_convergence_delta : bool

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        Tensor
            (batch * n_samples,), with `return_convergence_delta`: how far each sample is off.
        """
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        if callable(baselines) and not isinstance(baselines, fastnn.Tensor):
            baselines = baselines(*common.taken(baselines, x))
        start = common.as_baselines(baselines, x, self._name, distribution=True)
        inner = self._by(_BaselineXGradient(self.forward_func, self._multiplies))
        return self._by(NoiseTunnel(inner)).attribute(
            inputs, nt_samples=n_samples, stdevs=stdevs, draw_baseline_from_distrib=True, baselines=start,
            target=target, additional_forward_args=additional_forward_args,
            return_convergence_delta=return_convergence_delta)
