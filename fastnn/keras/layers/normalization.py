"""Normalisation over a batch, over features, over groups."""
import numpy as np

from fastnn.keras import constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.basic import Wrapper
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.variables import Variable, convert
from fastnn.nn import functional as F


class _Normalization(Layer):
    """Base: ``gamma * normalised + beta``."""

    def _init_scale(self, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                    beta_constraint, gamma_constraint):
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None
        self.supports_masking = True

    def _add_scale(self, shape):
        if self.scale:
            self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma",
                                         regularizer=self.gamma_regularizer, constraint=self.gamma_constraint)
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                                        constraint=self.beta_constraint)

    def _scaled(self, x, shape):
        if self.gamma is not None:
            x = x * self.gamma.reshape(shape)
        return x if self.beta is None else x + self.beta.reshape(shape)

    def compute_output_shape(self, input_shape):
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(f"Axis {axis} is out of bounds for input shape {input_shape}. Received: "
                                 f"axis={self.axis}")
        return input_shape


class BatchNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` for each feature over the batch (Ioffe and Szegedy,
    2015).

    Training uses the mean and variance of the batch, inference their moving averages.

    Parameters
    ----------
    axis : int
        Of the features.
    momentum : float
        ``moving = momentum * moving + (1 - momentum) * batch``; the variance is the biased one.
    epsilon : float
        Greater than 0.
    center, scale : bool
        Whether there are beta and gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : Initializer or str
    beta_regularizer, gamma_regularizer : Regularizer or str, optional
    beta_constraint, gamma_constraint : Constraint or str, optional
    renorm, renorm_clipping, renorm_momentum, synchronized
        Not implemented.

    Raises
    ------
    NotImplementedError
        `renorm` or `synchronized` is True.

    Examples
    --------
    >>> layer = keras.layers.BatchNormalization()
    >>> layer(np.array([[1.0], [3.0]]), training=True).round(decimals=3)
    tensor([[-1.],
            [ 1.]])
    >>> layer.moving_mean.numpy().round(2)
    array([0.02], dtype=float32)
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                 renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False, **kwargs):
        if renorm or synchronized:
            raise NotImplementedError(f"BatchNormalization: renorm={renorm}, synchronized={synchronized} is not "
                                      f"implemented")
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self.synchronized, self.renorm, self.renorm_clipping = synchronized, renorm, renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self._init_scale(center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                         beta_constraint, gamma_constraint)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        shape = (input_shape[self.axis],)
        self._add_scale(shape)
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, name="moving_mean", trainable=False)
        self.moving_variance = self.add_weight(shape, self.moving_variance_initializer, name="moving_variance",
                                               trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: input_shape[self.axis]})

    def call(self, inputs, training=None, mask=None):
        x = inputs if inputs.is_floating_point() else inputs.to(self.moving_mean.dtype)
        ndim, axis = x.ndim, self.axis % x.ndim
        shape = [1] * ndim
        shape[axis] = x.shape[axis]
        if mask is not None and tuple(mask.shape) != tuple(x.shape[:-1]):
            raise ValueError(f"BatchNormalization: expected a mask of shape {tuple(x.shape[:-1])}, got "
                             f"{tuple(mask.shape)}")
        if not training or not self.trainable:
            return self._moved(x, axis, lambda y: F.batch_norm(y, self.moving_mean, self.moving_variance, self.gamma,
                                                                self.beta, False, 0.0, self.epsilon))
        rows = x.numel() // max(x.shape[axis], 1)
        if mask is not None or rows < 2:
            mean, variance = self._moments(x, mask, axis)
            y = (x - mean.reshape(shape)) / (variance.reshape(shape) + self.epsilon).sqrt()
            self._follow(mean.detach(), variance.detach())
            return self._scaled(y, shape)
        # The engine's averages with all the weight on the batch are its mean and its variance, corrected for the bias.
        mean = convert(np.zeros(x.shape[axis], self.moving_mean.array_.dtype))
        variance = convert(np.ones(x.shape[axis], self.moving_mean.array_.dtype))
        y = self._moved(x, axis, lambda y: F.batch_norm(y, mean, variance, self.gamma, self.beta, True, 1.0,
                                                        self.epsilon))
        self._follow(mean, variance * ((rows - 1) / rows))
        return y

    def _follow(self, mean, variance):
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving.array_ * self.momentum + batch.numpy() * (1.0 - self.momentum))

    @staticmethod
    def _moved(x, axis, function):
        """The function of x with its features at axis 1, where the engine wants them."""
        if axis == 1 or x.ndim == 2 and axis == 1:
            return function(x)
        if x.ndim == 1:
            return function(x.unsqueeze(0)).squeeze(0)
        return function(x.movedim(axis, 1)).movedim(1, axis)

    @staticmethod
    def _moments(x, mask, axis):
        axes = [i for i in range(x.ndim) if i != axis]
        if mask is None:
            mean = x.mean(axes)
            return mean, (x.square().mean(axes) - mean.square()).clamp(min=0)
        weight = mask.to(x.dtype).unsqueeze(-1)
        count = weight.expand(x.shape).sum(axes) + 1e-7
        mean = (x * weight).sum(axes) / count
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        return mean, ((x - mean.reshape(shape)).square() * weight).sum(axes) / count

    def get_config(self):
        return {**self._base_config(), "axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon,
                "center": self.center, "scale": self.scale,
                **_weight_config(self, "beta", "gamma", "moving_mean", "moving_variance"),
                "synchronized": self.synchronized, "renorm": self.renorm, "renorm_clipping": self.renorm_clipping,
                "renorm_momentum": self.renorm_momentum}


class LayerNormalization(_Normalization):
    """Mean 0 and variance 1 of each sample over `axis`, then ``gamma * x + beta`` (Ba et al., 2016).

    Parameters
    ----------
    axis : int or list of int
    epsilon, center, scale
        As in `BatchNormalization`.
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer
        As in `BatchNormalization`.
    beta_constraint, gamma_constraint
        As in `BatchNormalization`.

    Raises
    ------
    TypeError
        `axis` is neither.

    Examples
    --------
    >>> keras.layers.LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0], [10.0, 30.0]]))
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, **kwargs):
        if kwargs.pop("rms_scaling", False):
            raise NotImplementedError("LayerNormalization: rms_scaling is not implemented; use RMSNormalization")
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon, self.rms_scaling = epsilon, False
        self._init_scale(center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                         beta_constraint, gamma_constraint)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self._add_scale(tuple(input_shape[axis] for axis in self.axis))

    def call(self, inputs):
        x = inputs if inputs.is_floating_point() else inputs.to(convert(0.0).dtype)
        axes = sorted(axis % x.ndim for axis in self.axis)
        if axes == list(range(x.ndim - len(axes), x.ndim)):
            return F.layer_norm(x, [x.shape[axis] for axis in axes], self.gamma, self.beta, self.epsilon)
        mean = x.mean(axes, keepdim=True)
        centred = x - mean
        y = centred * (centred.square().mean(axes, keepdim=True) + self.epsilon).rsqrt()
        return self._scaled(y, [x.shape[i] if i in axes else 1 for i in range(x.ndim)])

    def get_config(self):
        return {**self._base_config(), "axis": self.axis, "epsilon": self.epsilon, "center": self.center,
                "scale": self.scale, "rms_scaling": self.rms_scaling, **_weight_config(self, "beta", "gamma")}


class GroupNormalization(_Normalization):
    """Mean 0 and variance 1 of each group of features of each sample, then ``gamma * x + beta`` (Wu and He, 2018).

    Parameters
    ----------
    groups : int
        Number of groups; -1: one for each feature (instance normalization).
    axis : int
        Of the features.
    epsilon, center, scale
        As in `BatchNormalization`.
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer
        As in `BatchNormalization`.
    beta_constraint, gamma_constraint
        As in `BatchNormalization`.

    Raises
    ------
    ValueError
        `groups` does not divide the features.

    Examples
    --------
    >>> keras.layers.GroupNormalization(groups=2, epsilon=0.0)(np.array([[1.0, 3.0, 10.0, 30.0]]))
    tensor([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, **kwargs):
        if not isinstance(groups, int) or groups <= 0 and groups != -1:
            raise ValueError(f"Received an invalid value for argument `groups`, expected a positive integer (or `-1` "
                             f"for instance normalization). Received: groups={groups}")
        super().__init__(**kwargs)
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._init_scale(center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                         beta_constraint, gamma_constraint)

    def build(self, input_shape):
        features = input_shape[self.axis]
        if features is None:
            raise ValueError(f"Axis {self.axis} of input tensor should have a defined dimension but the layer received "
                             f"an input with shape {input_shape}.")
        if self.groups == -1:
            self.groups = features
        if features < self.groups:
            raise ValueError(f"Number of groups ({self.groups}) cannot be more than the number of channels "
                             f"({features}).")
        if features % self.groups:
            raise ValueError(f"Number of groups ({self.groups}) must be a multiple of the number of channels "
                             f"({features}).")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: features})
        self._add_scale((features,))

    def call(self, inputs):
        axis = self.axis % inputs.ndim
        x = self._floats(inputs)
        x = x if axis == 1 else x.movedim(axis, 1)
        y = F.group_norm(x, self.groups, self.gamma, self.beta, self.epsilon)
        return y if axis == 1 else y.movedim(1, axis)

    def get_config(self):
        return {**self._base_config(), "groups": self.groups, "axis": self.axis, "epsilon": self.epsilon,
                "center": self.center, "scale": self.scale, **_weight_config(self, "beta", "gamma")}


class RMSNormalization(Layer):
    """``scale * x / sqrt(mean(x**2) + epsilon)`` over `axis` (Zhang and Sennrich, 2019).

    Parameters
    ----------
    axis : int or list of int
    epsilon : float

    Examples
    --------
    >>> keras.layers.RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]])).round(decimals=4)
    tensor([[0.2000, 1.4000]])
    """

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        self.scale = self.add_weight(tuple(input_shape[axis] for axis in self.axis), "ones", name="scale")

    def call(self, x):
        axes = sorted(axis % x.ndim for axis in self.axis)
        if axes == list(range(x.ndim - len(axes), x.ndim)):
            return F.rms_norm(x, [x.shape[axis] for axis in axes], self.scale, self.epsilon)
        y = x * (x.square().mean(axes, keepdim=True) + self.epsilon).rsqrt()
        return y * self.scale.reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])

    def compute_output_shape(self, input_shape):
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(f"Axis {axis} is out of bounds for input shape {input_shape}. Received: "
                                 f"axis={self.axis}")
        return input_shape

    def get_config(self):
        return {**self._base_config(), "axis": self.axis, "epsilon": self.epsilon}


class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value (Miyato et al., 2018).

    Parameters
    ----------
    layer : Layer
        With the attribute `kernel` or `embeddings`.
    power_iterations : int
        Steps of the power iteration in each call in training.

    Raises
    ------
    ValueError
        `power_iterations` is not positive, or the layer has no kernel.

    Examples
    --------
    >>> dense = keras.layers.Dense(2, kernel_initializer="ones")
    >>> y = keras.layers.SpectralNormalization(dense, 3)(np.ones((1, 2)), training=True)
    >>> dense.kernel.numpy().round(3)
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(f"`power_iterations` should be greater than zero. Received: "
                             f"`power_iterations={power_iterations}`")
        self.power_iterations = power_iterations

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if not isinstance(kernel, Variable):
            raise ValueError(f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        self.kernel = kernel
        self.vector_u = self.add_weight((1, kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02),
                                        trainable=False, name="vector_u")

    def call(self, inputs, training=False):
        if training:
            w = self.kernel.array_.reshape(-1, self.kernel.shape[-1])
            u = self.vector_u.array_
            for _ in range(self.power_iterations):
                v = _unit(u @ w.T)
                u = _unit(v @ w)
            sigma = (v @ w @ u.T).item()
            self.vector_u.assign(u)
            self.kernel.assign(self.kernel.array_ / sigma)
        return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x):
    return x / np.sqrt(max((x * x).sum(), 1e-12))
