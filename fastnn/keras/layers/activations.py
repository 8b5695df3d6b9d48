"""Activation functions with parameters, as layers."""
from fastnn.keras import activations, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.spec import InputSpec
from fastnn.nn import functional as F


class _Elementwise(Layer):
    """Base: results have the inputs' shape."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape


class ReLU(_Elementwise):
    """Rectifier, `activations.relu`, as a layer.

    ``max_value`` where ``x >= max_value``, ``x`` where ``threshold <= x < max_value``, else
    ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    max_value : float, optional
        None: no upper bound.
    negative_slope : float
    threshold : float

    Raises
    ------
    ValueError
        One of them is negative.

    Examples
    --------
    >>> keras.layers.ReLU(max_value=6)(np.array([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None and name != "max_value" or value is not None and value < 0:
                raise ValueError(f"{name} of a ReLU layer cannot be a negative value. Received: {name}={value}")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self):
        return {**self._base_config(), "max_value": self.max_value, "negative_slope": self.negative_slope,
                "threshold": self.threshold}


class LeakyReLU(_Elementwise):
    """Leaky rectifier (Maas et al., 2013): ``x`` above 0, ``negative_slope * x`` below.

    Parameters
    ----------
    negative_slope : float
        `alpha` is accepted as its older name.

    Raises
    ------
    ValueError
        `negative_slope` is None.

    Examples
    --------
    >>> keras.layers.LeakyReLU()(np.array([-10.0, 2.0]))
    tensor([-3.,  2.])
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        if negative_slope is None:
            raise ValueError("The negative_slope value of a Leaky ReLU layer cannot be None. Expecting a float. "
                             "Received: negative_slope=None")
        self.negative_slope = negative_slope

    def call(self, inputs):
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self):
        return {**self._base_config(), "negative_slope": self.negative_slope}


class PReLU(Layer):
    """Rectifier with a trained slope (He et al., 2015): ``x`` above 0, ``alpha * x`` below.

    Parameters
    ----------
    alpha_initializer : Initializer or str
    alpha_regularizer : Regularizer or str, optional
    alpha_constraint : Constraint or str, optional
    shared_axes : int or list of int, optional
        Axes along which one slope is shared; axis 0 is the batch.

    Shape
    -----
    Result: as the inputs. Weight ``alpha``: the inputs' shape without the batch, 1 along `shared_axes`.

    Examples
    --------
    >>> keras.layers.PReLU("ones")(np.array([[-10.0, 2.0]]))
    tensor([[-10.,   2.]])
    """

    def __init__(self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None,
                 **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = None if shared_axes is None else \
            list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape):
        shape = [1 if self.shared_axes and i in self.shared_axes else n for i, n in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(tuple(shape), self.alpha_initializer, name="alpha",
                                     regularizer=self.alpha_regularizer, constraint=self.alpha_constraint)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={
            i: input_shape[i] for i in range(1, len(input_shape)) if not self.shared_axes or i not in self.shared_axes})

    def call(self, inputs):
        return F.relu(inputs) - self.alpha * F.relu(-inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**self._base_config(), **_weight_config(self, "alpha"), "shared_axes": self.shared_axes}


class ELU(_Elementwise):
    """Exponential linear unit, `activations.elu`, as a layer (Clevert et al., 2015): ``x`` above 0, else ``alpha *
    (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float

    Examples
    --------
    >>> keras.layers.ELU()(np.array([-1.0, 2.0])).round(decimals=3)
    tensor([-0.6320,  2.0000])
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs):
        return activations.elu(inputs, self.alpha)

    def get_config(self):
        return {**self._base_config(), "alpha": self.alpha}


class Softmax(_Elementwise):
    """``exp(x) / sum(exp(x))`` along `axis`, `activations.softmax`, as a layer.

    Called with ``mask=``, a tensor of bool, entries whose mask is False get 0.

    Parameters
    ----------
    axis : int or tuple of int

    Examples
    --------
    >>> keras.layers.Softmax()(np.array([[1.0, 1.0, 1.0]]), mask=np.array([[True, True, False]]))
    tensor([[0.5000, 0.5000, 0.0000]])
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs, mask=None):
        if mask is not None:
            inputs = inputs - 3e4 * (1.0 - mask.to(inputs.dtype))
        return activations.softmax(inputs, self.axis)

    def get_config(self):
        return {**self._base_config(), "axis": self.axis}
