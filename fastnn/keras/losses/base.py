"""Loss: the base of losses."""
from fastnn._tensor import Tensor
from fastnn.keras import config, naming, tree
from fastnn.keras.saving import objects
from fastnn.keras.variables import convert

REDUCTIONS = {"sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight"}


class Loss:
    """Base of losses: subclasses define ``call(y_true, y_pred)``, a number for each sample.

    Parameters
    ----------
    name : str, optional
    reduction : "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight" or None
        What becomes of the samples' numbers.
    dtype : str, optional
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or naming.auto_name(type(self).__name__)
        if reduction == "auto":
            reduction = "sum_over_batch_size"
        if reduction not in REDUCTIONS:
            raise ValueError(f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: "
                             f"reduction={reduction}")
        self.reduction = "none" if reduction is None else reduction
        self._dtype = config.standardize_dtype(getattr(dtype, "compute_dtype", dtype))

    @property
    def dtype(self):
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        in_mask = getattr(y_pred, "_keras_mask", None)
        if not (isinstance(y_true, Tensor) and isinstance(y_pred, Tensor)):
            y_pred = tree.map_structure(lambda x: convert(x, self._dtype), y_pred)
            y_true = tree.map_structure(lambda x: convert(x, self._dtype), y_true)
        losses = self.call(y_true, y_pred)
        mask = combine_masks(in_mask, getattr(losses, "_keras_mask", None))
        return reduce_weighted(losses, sample_weight, mask, self.reduction)

    def call(self, y_true, y_pred):
        raise NotImplementedError(f"{type(self).__name__}.call is not implemented")

    def get_config(self):
        """The constructor's arguments."""
        made = {"name": self.name, "reduction": self.reduction}
        return made

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
        made = super().get_config()
        if type(self) is LossFunctionWrapper:
            made["fn"] = objects.serialize_keras_object(self.fn)
        made.update(objects.serialize_keras_object(self._fn_kwargs))
        return made

    @classmethod
    def from_config(cls, config):
        made = {name: objects.deserialize_keras_object(value) if isinstance(value, dict) else value
                for name, value in config.items()}
        if isinstance(made.get("fn"), str):
            from fastnn.keras import losses
            made["fn"] = losses.get(made["fn"])
        return cls(**made)

    def __repr__(self):
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


def same_rank(y_true, y_pred):
    """Drop or add a last axis of size 1 where the ranks differ by it."""
    if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
        rank, other = y_true.ndim, y_pred.ndim
        if rank == other + 1 and y_true.shape[-1] == 1:
            y_true = y_true.squeeze(-1)
        elif other == rank + 1 and y_pred.shape[-1] == 1:
            y_true = y_true.unsqueeze(-1)
    return y_true, y_pred


def combine_masks(*masks):
    """The product of masks that are not None."""
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found & mask
    return found


def reduce_weighted(values, sample_weight=None, mask=None, reduction="sum_over_batch_size"):
    """Reduce losses with weights, as Keras does: masked values do not count in the number of samples."""
    if reduction == "sum_over_batch_size" and sample_weight is None and mask is None:
        return values if values.ndim == 0 else values.mean()
    if mask is not None:
        mask = mask.to(values.dtype)
        if reduction in ("sum_over_batch_size", "mean"):
            total, valid = float(mask.numel()), mask.sum()
            mask = mask * (total / valid.clamp(min=config.epsilon()))
        sample_weight = mask if sample_weight is None else _fit(convert(sample_weight).to(values.dtype), mask) * mask
    if sample_weight is not None:
        weight = convert(sample_weight).to(values.dtype)
        values, weight = _broadcast(values, weight)
        values = values * weight
    if reduction in ("none", None) or values.ndim == 0 and reduction != "mean_with_sample_weight":
        return values
    if reduction == "mean_with_sample_weight":
        if sample_weight is None:
            return values.mean() if values.ndim else values
        total = (weight.expand(values.shape) if weight.shape != values.shape else weight).sum()
        return values.sum() / total if float(total) else values.sum() * 0
    return values.sum() if reduction == "sum" else values.sum() / max(values.numel(), 1)


def _fit(weight, values):
    return _broadcast(values, weight)[1]


def _broadcast(values, weight):
    """A weight for each sample beside values with more axes."""
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = weight.squeeze(-1)
    while weight.ndim < values.ndim:
        weight = weight.unsqueeze(-1)
    return values, weight
