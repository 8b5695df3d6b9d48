"""Losses of predicted probabilities."""
import warnings

from fastnn._tensor import attribute
from fastnn.keras import config
from fastnn.keras.losses.base import FunctionLoss, as_pair
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


def _logits(y_pred, from_logits, activation, axis=-1):
    """Logits of which this activation made `y_pred`, where they are known: computing with them loses no digits."""
    if from_logits:
        return y_pred
    found, logits = attribute(y_pred, "_keras_logits", (None, None))
    return logits if found == activation and axis in (-1, y_pred.ndim - 1) else None


def _clipped(p):
    return p.clamp(config.epsilon(), 1.0 - config.epsilon())


def _assert_same_shape(y_true, y_pred):
    if y_true.shape != y_pred.shape:
        raise ValueError(f"Arguments `target` and `output` must have the same shape. Received: target.shape="
                         f"{tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")


def _smoothed(y_true, label_smoothing):
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1] if label_smoothing else y_true


def _categorical(name, y_true, y_pred, label_smoothing, axis):
    """The two tensors, of one type and shape."""
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")
    y_true, y_pred = as_pair(y_true, y_pred)
    if y_pred.ndim < 1:
        raise ValueError(f"Arguments `target` and `output` must be at least rank 1. Received: target.shape="
                         f"{tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")
    if y_pred.shape[-1] == 1:
        warnings.warn(f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. "
                      f"Received: y_pred.shape={tuple(y_pred.shape)}. Consider using 'binary_crossentropy' if you only "
                      f"have 2 classes.", SyntaxWarning, stacklevel=4)
    _assert_same_shape(y_true, y_pred)
    return _smoothed(y_true, label_smoothing), y_pred


@operation
def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-sum(y_true * log(y_pred))`` over `axis`.

    Parameters
    ----------
    y_true, y_pred : tensor (..., classes)
        Probabilities; `y_pred` logits if `from_logits`. Logits behind a softmax are used where they are known.
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / classes``.
    axis : int
        Of the classes.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    y_true, y_pred = _categorical("categorical_crossentropy", y_true, y_pred, label_smoothing, axis)
    logits = _logits(y_pred, from_logits, "softmax", axis)
    if logits is None:
        return -(y_true * _clipped(y_pred / y_pred.sum(axis, keepdim=True)).log()).sum(axis)
    if axis not in (-1, y_pred.ndim - 1):
        return -(y_true * F.log_softmax(logits, axis)).sum(axis)
    if y_pred.ndim == 2:
        return F.cross_entropy(logits, y_true, reduction="none")
    classes = y_pred.shape[-1]
    flat = F.cross_entropy(logits.reshape(-1, classes), y_true.reshape(-1, classes), reduction="none")
    return flat.reshape(y_pred.shape[:-1])


@operation
def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                                   axis=-1):
    """``-sum(alpha * (1 - y_pred)**gamma * y_true * log(y_pred))`` over `axis` (Lin et al., 2017).

    Parameters
    ----------
    y_true, y_pred : tensor (..., classes)
        Probabilities; `y_pred` logits if `from_logits`. Logits behind a softmax are used where they are known.
    alpha : float or list
        One weight, or one for each class.
    gamma : float
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / classes``.
    axis : int
        Of the classes.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.0045])
    """
    y_true, y_pred = _categorical("categorical_focal_crossentropy", y_true, y_pred, label_smoothing, axis)
    if from_logits:
        y_pred = F.softmax(y_pred, axis)
    p = _clipped(y_pred / y_pred.sum(axis, keepdim=True))
    weight = (1.0 - p).pow(gamma) * (alpha if isinstance(alpha, (int, float)) else convert(alpha, config.dtype_of(p)))
    return (weight * (-y_true * p.log())).sum(axis)


@operation
def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """``-log(y_pred[y_true])``, for classes given as whole numbers.

    Parameters
    ----------
    y_true : tensor (...) or (..., 1)
        Classes.
    y_pred : tensor (..., classes)
        Probabilities; logits if `from_logits`.
    from_logits : bool
        Whether predictions are logits.
    ignore_class : int, optional
        Targets of this class have loss 0 and do not count in means.
    axis : int
        Of the classes.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.losses.sparse_categorical_crossentropy([1], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    y_pred, y_true = convert(y_pred), convert(y_true)
    if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    if y_pred.ndim < 1:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={tuple(y_pred.shape)}")
    shape = list(y_pred.shape)
    classes = shape.pop(axis)
    if list(y_true.shape) != shape:
        raise ValueError(f"Arguments `target` and `output` must have the same shape up until the last dimension: "
                         f"target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")
    target = (y_true if y_true.dtype.name == "int64" else y_true.long()).reshape(-1)
    logits = _logits(y_pred, from_logits, "softmax", axis)
    found = y_pred if logits is None else logits
    if not found.is_floating_point():
        found = found.to(config.torch_dtype(None))
    if axis not in (-1, y_pred.ndim - 1):
        found = found.movedim(axis, -1)
    found = found.reshape(-1, classes)
    ignored = {} if ignore_class is None else {"ignore_index": ignore_class}
    if logits is None:
        losses = F.nll_loss(_clipped(found / found.sum(-1, keepdim=True)).log(), target, reduction="none", **ignored)
    else:
        losses = F.cross_entropy(found, target, reduction="none", **ignored)
    losses = losses.reshape(shape)
    if ignore_class is not None:
        losses._keras_mask = y_true != ignore_class
    return losses


@operation
def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))`` over `axis`.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Labels 0 and 1, and probabilities of 1; `y_pred` logits if `from_logits`.
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / 2``.
    axis : int

    Returns
    -------
    Tensor (...)
        One value for each row.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.losses.binary_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    _assert_same_shape(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return _binary(y_true, y_pred, from_logits).mean(axis)


def _binary(y_true, y_pred, from_logits=False):
    logits = _logits(y_pred, from_logits, "sigmoid")
    if logits is not None:
        return F.binary_cross_entropy_with_logits(logits, y_true, reduction="none")
    p = _clipped(y_pred)
    return -(y_true * p.log() + (1.0 - y_true) * (1.0 - p).log())


@operation
def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1):
    """`binary_crossentropy` with terms multiplied by ``(1 - p)**gamma``, p the probability of the true label (Lin et
    al., 2017).

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Labels 0 and 1, and probabilities of 1; `y_pred` logits if `from_logits`.
    apply_class_balancing : bool
        Whether labels 1 are weighted by `alpha`, labels 0 by ``1 - alpha``.
    alpha, gamma : float
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / 2``.
    axis : int

    Returns
    -------
    Tensor (...)
        One value for each row.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.losses.binary_focal_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.0180])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    _assert_same_shape(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    losses = _binary(y_true, y_pred, from_logits)
    if from_logits:
        y_pred = y_pred.sigmoid()
    losses = (1.0 - (y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred))).pow(gamma) * losses
    if apply_class_balancing:
        losses = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * losses
    return losses.mean(axis)


@operation
def kl_divergence(y_true, y_pred):
    """``sum(y_true * log(y_true / y_pred))`` over the last axis (Kullback and Leibler, 1951).

    Parameters
    ----------
    y_true, y_pred : tensor (..., classes)
        Probabilities, clipped to [1e-7, 1].

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.1438])
    """
    y_true, y_pred = (y.clamp(config.epsilon(), 1.0) for y in as_pair(y_true, y_pred))
    return (y_true * (y_true / y_pred).log()).sum(-1)


@operation
def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """``(1 - y_pred[y_true]**q) / q``, robust against wrong labels (Zhang and Sabuncu, 2018).

    Parameters
    ----------
    y_true : tensor (...)
        Classes as whole numbers.
    y_pred : tensor (..., classes)
        Probabilities.
    q : float
        Between 0 (cross-entropy) and 1 (absolute error).

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)
    tensor([1.])
    """
    y_true = convert(y_true)
    _, y_pred = as_pair(y_true, y_pred)
    chosen = F.one_hot(y_true.long(), y_pred.shape[-1]).to(y_pred.dtype)
    return (1.0 - (y_pred * chosen).sum(-1).pow(q)) / q


class KLDivergence(FunctionLoss):
    """The loss `kl_divergence`, reduced over the samples: ``sum(y_true * log(y_true / y_pred))`` over the last axis
    (Kullback and Leibler, 1951).

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.KLDivergence()
    >>> loss([[0.5, 0.5]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.1438)
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, reduction, name, dtype)


class BinaryCrossentropy(FunctionLoss):
    """The loss `binary_crossentropy`, reduced over the samples: ``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 -
    y_pred))`` over `axis`.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / 2``.
    axis : int
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> loss = keras.losses.BinaryCrossentropy()
    >>> loss([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _saved = ("from_logits", "label_smoothing", "axis")

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="binary_crossentropy", dtype=None):
        super().__init__(binary_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class BinaryFocalCrossentropy(FunctionLoss):
    """The loss `binary_focal_crossentropy`, reduced over the samples: `binary_crossentropy` with terms multiplied by
    ``(1 - p)**gamma``, p the probability of the true label (Lin et al., 2017).

    Parameters
    ----------
    apply_class_balancing : bool
        Whether labels 1 are weighted by `alpha`, labels 0 by ``1 - alpha``.
    alpha, gamma : float
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / 2``.
    axis : int
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> loss = keras.losses.BinaryFocalCrossentropy()
    >>> loss([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.0180)
    """

    _saved = ("from_logits", "label_smoothing", "axis", "apply_class_balancing", "alpha", "gamma")

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                 axis=-1, reduction="sum_over_batch_size", name="binary_focal_crossentropy", dtype=None):
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing,
                         alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalCrossentropy(FunctionLoss):
    """The loss `categorical_crossentropy`, reduced over the samples: ``-sum(y_true * log(y_pred))`` over `axis`.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / classes``.
    axis : int
        Of the classes.
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> loss = keras.losses.CategoricalCrossentropy()
    >>> loss([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _saved = ("from_logits", "label_smoothing", "axis")

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_crossentropy", dtype=None):
        super().__init__(categorical_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class CategoricalFocalCrossentropy(FunctionLoss):
    """The loss `categorical_focal_crossentropy`, reduced over the samples: ``-sum(alpha * (1 - y_pred)**gamma * y_true
    * log(y_pred))`` over `axis` (Lin et al., 2017).

    Parameters
    ----------
    alpha : float or list
        One weight, or one for each class.
    gamma : float
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        Targets become ``y_true * (1 - label_smoothing) + label_smoothing / classes``.
    axis : int
        Of the classes.
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> loss = keras.losses.CategoricalFocalCrossentropy()
    >>> loss([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.0045)
    """

    _saved = ("from_logits", "label_smoothing", "axis", "alpha", "gamma")

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="categorical_focal_crossentropy", dtype=None):
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma,
                         from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class _OfClasses(FunctionLoss):
    """Targets are whole numbers, which are not converted to floating ones."""

    def _converted(self, x):
        x = convert(x)
        return super()._converted(x) if x.is_floating_point() else x


class SparseCategoricalCrossentropy(_OfClasses):
    """The loss `sparse_categorical_crossentropy`, reduced over the samples: ``-log(y_pred[y_true])``, for classes given
    as whole numbers.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits.
    ignore_class : int, optional
        Targets of this class have loss 0 and do not count in means.
    axis : int
        Of the classes.
    reduction, name, dtype
        As in `Loss`.

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> loss = keras.losses.SparseCategoricalCrossentropy()
    >>> loss([1], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _saved = ("from_logits", "ignore_class", "axis")

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
                 name="sparse_categorical_crossentropy", dtype=None):
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         ignore_class=ignore_class, axis=axis)


class CategoricalGeneralizedCrossEntropy(_OfClasses):
    """The loss `categorical_generalized_cross_entropy`, reduced over the samples: ``(1 - y_pred[y_true]**q) / q``,
    robust against wrong labels (Zhang and Sabuncu, 2018).

    Parameters
    ----------
    q : float
        Between 0 (cross-entropy) and 1 (absolute error).
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.CategoricalGeneralizedCrossEntropy(q=0.5)
    >>> loss([1], [[0.75, 0.25]])
    tensor(1.)
    """

    _saved = ("q",)

    def __init__(self, q=0.5, reduction="sum_over_batch_size", name="categorical_generalized_cross_entropy",
                 dtype=None):
        if not 0 < q < 1:
            raise ValueError("q must be in the interval (0, 1)")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
