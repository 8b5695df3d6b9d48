"""Loss: the base of losses."""
from fastnn._tensor import Tensor
from fastnn.keras import config, losses, naming, tree
from fastnn.keras.saving import objects
from fastnn.keras.variables import convert, mask_of

REDUCTIONS = {"sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight"}


class Loss:
    """Base of losses: subclasses define ``call(y_true, y_pred)``, a number for each sample.

    Parameters
    ----------
    name : str, optional
    reduction : "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight" or None
        What becomes of the samples' numbers.
    dtype : str, optional
        What targets and predictions are converted to.
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or naming.auto_name(type(self).__name__)
        self.reduction = standardize_reduction("sum_over_batch_size" if reduction == "auto" else reduction)
        self._dtype = config.standardize_dtype(getattr(dtype, "compute_dtype", dtype))

    @property
    def dtype(self):
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        in_mask = mask_of(y_pred)
        y_true, y_pred = self._converted(y_true), self._converted(y_pred)
        losses = self.call(y_true, y_pred)
        mask = combine_masks(in_mask, mask_of(losses))
        return reduce_weighted(losses, sample_weight, mask, self.reduction)

    def _converted(self, x):
        if isinstance(x, Tensor):
            return convert(x, self._dtype)
        return tree.map_structure(lambda each: convert(each, self._dtype), x)

    def call(self, y_true, y_pred):
        raise NotImplementedError(f"{type(self).__name__}.call is not implemented")

    def get_config(self):
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        """A loss of these arguments."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function of ``(y_true, y_pred)`` as a loss; further arguments go to the function."""

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true, y_pred):
        y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        return {**super().get_config(), "fn": objects.serialize_keras_object(self.fn),
                **objects.serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config):
        made = {name: objects.deserialize_keras_object(value) if isinstance(value, dict) else value
                for name, value in config.items()}
        if isinstance(made.get("fn"), str):
            made["fn"] = losses.get(made["fn"])
        return cls(**made)

    def __repr__(self):
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


class FunctionLoss(LossFunctionWrapper):
    """One of the door's own functions as a class; `_saved` names the arguments that its record holds."""

    _saved = ()

    def __init__(self, fn, reduction, name, dtype, **kwargs):
        super().__init__(fn, reduction, name, dtype, **kwargs)
        vars(self).update({each: kwargs[each] for each in self._saved})

    def get_config(self):
        return {**Loss.get_config(self), **{name: getattr(self, name) for name in self._saved}}


def standardize_reduction(reduction):
    if reduction not in REDUCTIONS:
        raise ValueError(f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: "
                         f"reduction={reduction}")
    return reduction


def as_pair(y_true, y_pred):
    """Targets and predictions as tensors of the predictions' type, which is a floating one."""
    y_pred = convert(y_pred)
    if not y_pred.is_floating_point():
        y_pred = y_pred.to(config.torch_dtype(None))
    y_true = convert(y_true)
    return y_true if y_true.dtype is y_pred.dtype else y_true.to(y_pred.dtype), y_pred


def same_rank(x, y, expand=True):
    """Fit two tensors (or arrays) whose ranks differ by a last axis of size 1.

    The axis is dropped, or, beside a vector and with `expand`, given to the other one.
    """
    if isinstance(x, (list, tuple, dict)) or isinstance(y, (list, tuple, dict)) or abs(x.ndim - y.ndim) != 1:
        return x, y
    if x.ndim > y.ndim:
        if x.shape[-1] == 1:
            return (x, y[..., None]) if y.ndim == 1 and expand else (x[..., 0], y)
    elif y.shape[-1] == 1:
        return (x[..., None], y) if x.ndim == 1 and expand else (x, y[..., 0])
    return x, y


def combine_masks(*masks):
    """The product of masks that are not None."""
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found & mask
    return found


def apply_mask(sample_weight, mask, reduction):
    """Sample weights and a mask as weights (arrays or tensors alike); None if there is neither.

    In a mean over samples the masked ones do not count: the others weigh more by their share.
    """
    if mask is None:
        return sample_weight
    weight = convert(mask).to(config.torch_dtype(None))
    if reduction in ("mean", "sum_over_batch_size"):
        valid = float(weight.sum())
        weight = weight * (weight.numel() / valid if valid else 0.0)
    if sample_weight is None:
        return weight
    weight, sample_weight = _fitted(weight, convert(sample_weight).to(weight.dtype))
    return sample_weight * weight


def reduce_weighted(values, sample_weight=None, mask=None, reduction="sum_over_batch_size"):
    """Reduce losses with weights and a mask.

    Weights of fewer axes than the losses belong to the first axes.
    """
    if sample_weight is None and mask is None and reduction in ("sum_over_batch_size", "mean"):
        return values if not values.ndim else values.mean() if values.numel() else values.sum()
    weight = apply_mask(sample_weight, mask, reduction)
    if weight is not None:
        values, weight = _fitted(values, convert(weight).to(values.dtype))
        values = values * weight
    if reduction in ("none", None) or not values.ndim:
        return values
    total = values.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        divisor = float(weight.sum())
    else:
        divisor = values.numel()
    return total / divisor if divisor else total * 0.0


def _fitted(values, weight):
    values, weight = same_rank(values, weight)
    while 0 < weight.ndim < values.ndim:
        weight = weight[..., None]
    return values, weight
