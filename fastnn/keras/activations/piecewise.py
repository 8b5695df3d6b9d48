"""Activation functions that are made of lines and parabolas."""
from fastnn.keras.activations.common import floating
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


@operation
def linear(x):
    """``x``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.linear(2.0)
    2.0
    """
    return x


@operation
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """``max(x, 0)``

    In general ``max_value`` where ``x >= max_value``, ``x`` where ``threshold <= x < max_value``, else
    ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    x : tensor
    negative_slope, threshold : float
    max_value : float, optional

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Raises
    ------
    ValueError
        A parameter is negative.

    Examples
    --------
    >>> keras.activations.relu([-1.0, 0.0, 2.0])
    tensor([0., 0., 2.])
    """
    x = convert(x)
    if not negative_slope and max_value is None and not threshold:
        return F.relu(x)
    if max_value is not None and max_value < 0 or threshold < 0 or negative_slope < 0:
        raise ValueError(f"relu: max_value, negative_slope and threshold cannot be negative. Received: "
                         f"negative_slope={negative_slope}, max_value={max_value}, threshold={threshold}")
    kept = x * (x > threshold).to(x.dtype) if threshold else F.relu(x)
    if max_value is not None:
        kept = kept.clamp(0.0, max_value)
    return kept - negative_slope * F.relu(threshold - x) if negative_slope else kept


@operation
def leaky_relu(x, negative_slope=0.2):
    """``x`` above 0, ``negative_slope * x`` below (Maas et al., 2013)

    Parameters
    ----------
    x : tensor
    negative_slope : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.leaky_relu([-1.0, 0.0, 2.0])
    tensor([-0.2000,  0.0000,  2.0000])
    """
    return F.leaky_relu(convert(x), negative_slope)


@operation
def relu6(x):
    """``min(max(x, 0), 6)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.relu6([-1.0, 2.0, 9.0])
    tensor([0., 2., 6.])
    """
    return F.relu6(convert(x))


@operation
def hard_sigmoid(x):
    """``min(max(x / 6 + 1 / 2, 0), 1)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.hard_sigmoid([-3.0, 0.0, 9.0])
    tensor([0.0000, 0.5000, 1.0000])
    """
    return F.hardsigmoid(floating(x))


@operation
def hard_silu(x):
    """``x * hard_sigmoid(x)`` (Howard et al., 2019)

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.hard_silu([-3.0, 0.0, 9.0])
    tensor([-0., 0., 9.])
    """
    return F.hardswish(floating(x))


@operation
def hard_tanh(x):
    """``min(max(x, -1), 1)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.hard_tanh([-3.0, 0.5, 9.0])
    tensor([-1.0000,  0.5000,  1.0000])
    """
    return F.hardtanh(floating(x))


@operation
def soft_shrink(x, threshold=0.5):
    """``sign(x) * max(abs(x) - threshold, 0)``

    Parameters
    ----------
    x : tensor
    threshold : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.soft_shrink([-1.0, 0.0, 2.0])
    tensor([-0.5000,  0.0000,  1.5000])
    """
    return F.softshrink(floating(x), threshold)


@operation
def hard_shrink(x, threshold=0.5):
    """``x`` where ``abs(x) > threshold``, else 0

    Parameters
    ----------
    x : tensor
    threshold : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.hard_shrink([-1.0, 0.2, 2.0])
    tensor([-1.,  0.,  2.])
    """
    return F.hardshrink(floating(x), threshold)


@operation
def sparse_plus(x):
    """0 up to -1, ``(x + 1)**2 / 4`` up to 1, ``x`` above

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.sparse_plus([-1.0, 0.0, 2.0])
    tensor([0.0000, 0.2500, 2.0000])
    """
    x = floating(x)
    return ((x.clamp(-1, 1) + 1).square() / 4) + F.relu(x - 1)


@operation
def sparse_sigmoid(x):
    """``min(max((x + 1) / 2, 0), 1)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.sparse_sigmoid([-1.0, 0.0, 2.0])
    tensor([0.0000, 0.5000, 1.0000])
    """
    return (0.5 * (floating(x) + 1)).clamp(0, 1)


@operation
def threshold(x, threshold, default_value):
    """``x`` where ``x > threshold``, else `default_value`

    Parameters
    ----------
    x : tensor
    threshold, default_value : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.threshold([-1.0, 0.0, 2.0], 1.0, -9.0)
    tensor([-9., -9.,  2.])
    """
    return F.threshold(convert(x), threshold, default_value)
