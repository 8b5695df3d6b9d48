"""Padding, cropping and enlarging of steps and images, and pooling over all of them."""
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import standardize_tuple
from fastnn.keras.layers.images import INTERPOLATIONS, resize
from fastnn.keras.layers.spec import InputSpec
from fastnn.nn import functional as F


def _pairs(value, name, rank=2):
    """((top, bottom), (left, right)) of a number, a pair of numbers or pairs; for volumes three of them."""
    if isinstance(value, int):
        return ((value, value),) * rank
    if not isinstance(value, (tuple, list)) or len(value) != rank:
        raise ValueError(f"`{name}` should have {('two', 'three')[rank - 2]} elements. Received: {name}={value}.")
    return tuple(standardize_tuple(each, 2, f"{name} entry", allow_zero=True) for each in value)


class _Images(Layer):
    """Base of layers of images in either layout."""

    def _init(self, data_format, ndim=4):
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=ndim)
        self.built = True

    @property
    def _axes(self):
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.input_spec.ndim - 2))

    def compute_output_shape(self, input_shape):
        found = list(input_shape)
        for axis, change in zip(self._axes, self._changes()):
            if found[axis] is not None:
                found[axis] = change(found[axis])
        return tuple(found)


class ZeroPadding1D(Layer):
    """Zeros before and after the steps of (batch, steps, features).

    Parameters
    ----------
    padding : int or pair of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.ZeroPadding1D((1, 2))(np.ones((1, 3, 1))).flatten()
    tensor([0., 1., 1., 1., 0., 0.])
    """

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = standardize_tuple(padding, 2, "padding", allow_zero=True)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)
        self.built = True

    def call(self, inputs):
        before, after = self.padding
        return F.pad(inputs, (before, after) if self.data_format == "channels_first" else (0, 0, before, after))

    def compute_output_shape(self, input_shape):
        axis = 2 if self.data_format == "channels_first" else 1
        found = list(input_shape)
        if found[axis] is not None:
            found[axis] += sum(self.padding)
        return tuple(found)

    def get_config(self):
        return {"padding": self.padding, "data_format": self.data_format, **self._base_config()}


class ZeroPadding2D(_Images):
    """Zeros around images.

    Parameters
    ----------
    padding : int, pair of int, or pair of pairs
        Both sides of both axes, of each axis, or ``((top, bottom), (left, right))``.
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.ZeroPadding2D(((0, 1), (2, 0)))(np.ones((1, 2, 2, 3))).shape
    torch.Size([1, 3, 4, 3])
    """

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = _pairs(padding, "padding")
        self._init(data_format)

    def _changes(self):
        return [lambda n, sides=sides: n + sum(sides) for sides in self.padding]

    def call(self, inputs):
        sides = tuple(n for pair in reversed(self.padding) for n in pair)
        return F.pad(inputs, sides if self.data_format == "channels_first" else (0, 0, *sides))

    def get_config(self):
        return {"padding": self.padding, "data_format": self.data_format, **self._base_config()}


class ZeroPadding3D(ZeroPadding2D):
    """Zeros around volumes.

    Parameters
    ----------
    padding : int, triple of int, or triple of pairs
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.ZeroPadding3D(1)(np.ones((1, 2, 3, 4, 1))).shape
    torch.Size([1, 4, 5, 6, 1])
    """

    def __init__(self, padding=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.padding = _pairs(padding, "padding", 3)
        self._init(data_format, 5)


class Cropping1D(Layer):
    """Drops the first and last steps of (batch, steps, features).

    Parameters
    ----------
    cropping : int or pair of int

    Raises
    ------
    ValueError
        Nothing is left.

    Examples
    --------
    >>> keras.layers.Cropping1D((1, 0))(np.arange(3.0).reshape(1, 3, 1)).flatten()
    tensor([1., 2.])
    """

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.cropping = standardize_tuple(cropping, 2, "cropping", allow_zero=True)
        self.input_spec = InputSpec(ndim=3)
        self.built = True

    def compute_output_shape(self, input_shape):
        steps = input_shape[1]
        if steps is not None:
            steps -= sum(self.cropping)
            if steps <= 0:
                raise ValueError(f"`cropping` parameter of `Cropping1D` layer must be smaller than the input length. "
                                 f"Received: input_shape={input_shape}, cropping={self.cropping}")
        return (input_shape[0], steps, input_shape[2])

    def call(self, inputs):
        self.compute_output_shape(tuple(inputs.shape))
        return inputs[:, self.cropping[0]:inputs.shape[1] - self.cropping[1]]

    def get_config(self):
        return {"cropping": self.cropping, **self._base_config()}


class Cropping2D(_Images):
    """Drops the borders of images.

    Parameters
    ----------
    cropping : int, pair of int, or pair of pairs
        Both sides of both axes, of each axis, or ``((top, bottom), (left, right))``.
    data_format : {"channels_last", "channels_first"}, optional

    Raises
    ------
    ValueError
        Nothing is left.

    Examples
    --------
    >>> keras.layers.Cropping2D(((1, 0), (2, 1)))(np.ones((1, 4, 5, 3))).shape
    torch.Size([1, 3, 2, 3])
    """

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.cropping = _pairs(cropping, "cropping")
        self._init(data_format)

    def _changes(self):
        def change(sides):
            def cropped(n):
                if n <= sum(sides):
                    raise ValueError(f"Values in `cropping` argument should be smaller than the corresponding spatial "
                                     f"dimension of the input. Received: {n} pixels, cropping={self.cropping}")
                return n - sum(sides)
            return cropped
        return [change(sides) for sides in self.cropping]

    def call(self, inputs):
        self.compute_output_shape(tuple(inputs.shape))
        for axis, (before, after) in zip(self._axes, self.cropping):
            inputs = inputs.narrow(axis, before, inputs.shape[axis] - before - after)
        return inputs

    def get_config(self):
        return {"cropping": self.cropping, "data_format": self.data_format, **self._base_config()}


class Cropping3D(Cropping2D):
    """Drops the borders of volumes.

    Parameters
    ----------
    cropping : int, triple of int, or triple of pairs
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.Cropping3D(1)(np.ones((1, 4, 5, 6, 1))).shape
    torch.Size([1, 2, 3, 4, 1])
    """

    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        Layer.__init__(self, **kwargs)
        self.cropping = _pairs(cropping, "cropping", 3)
        self._init(data_format, 5)


class UpSampling1D(Layer):
    """Repeats each step of (batch, steps, features) `size` times.

    Parameters
    ----------
    size : int

    Examples
    --------
    >>> keras.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]])).flatten()
    tensor([1., 1., 2., 2.])
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = int(size)
        self.input_spec = InputSpec(ndim=3)
        self.built = True

    def call(self, inputs):
        return inputs.repeat_interleave(self.size, 1)

    def compute_output_shape(self, input_shape):
        steps = input_shape[1]
        return (input_shape[0], None if steps is None else steps * self.size, input_shape[2])

    def get_config(self):
        return {"size": self.size, **self._base_config()}


class UpSampling2D(_Images):
    """Enlarges images by whole factors.

    Parameters
    ----------
    size : int or pair of int
    data_format : {"channels_last", "channels_first"}, optional
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"}

    Examples
    --------
    >>> keras.layers.UpSampling2D((1, 2))(np.array([1.0, 2.0]).reshape(1, 1, 2, 1)).flatten()
    tensor([1., 1., 2., 2.])
    """

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = standardize_tuple(size, 2, "size")
        self.interpolation = interpolation.lower()
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"`interpolation` argument should be one of {INTERPOLATIONS}. Received: "
                             f"interpolation={interpolation}")
        self._init(data_format)

    def _changes(self):
        return [lambda n, k=k: n * k for k in self.size]

    def call(self, inputs):
        last = self.data_format == "channels_last"
        height, width = inputs.shape[1:3] if last else inputs.shape[2:4]
        return resize(inputs, (height * self.size[0], width * self.size[1]), self.interpolation, channels_last=last)

    def get_config(self):
        return {"size": self.size, "data_format": self.data_format, "interpolation": self.interpolation,
                **self._base_config()}


class UpSampling3D(_Images):
    """Repeats each value of volumes `size` times along each axis.

    Parameters
    ----------
    size : int or triple of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.UpSampling3D(2)(np.ones((1, 2, 3, 4, 1))).shape
    torch.Size([1, 4, 6, 8, 1])
    """

    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.size = standardize_tuple(size, 3, "size")
        self._init(data_format, 5)

    def _changes(self):
        return [lambda n, k=k: n * k for k in self.size]

    def call(self, inputs):
        for axis, size in zip(self._axes, self.size):
            inputs = inputs.repeat_interleave(size, axis)
        return inputs

    def get_config(self):
        return {"size": self.size, "data_format": self.data_format, **self._base_config()}


class _GlobalPooling(Layer):
    """Base of pooling over all steps or pixels."""

    rank = 1

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format, self.keepdims = config.standardize_data_format(data_format), keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True

    @property
    def _axes(self):
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))

    def compute_output_shape(self, input_shape):
        return tuple(1 if i in self._axes else n for i, n in enumerate(input_shape)
                     if self.keepdims or i not in self._axes)

    def get_config(self):
        return {"data_format": self.data_format, "keepdims": self.keepdims, **self._base_config()}


class GlobalAveragePooling1D(_GlobalPooling):
    """Mean over the steps of (batch, steps, features); masked steps do not count.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
    keepdims : bool
        Whether the axes stay, with size 1.

    Examples
    --------
    >>> keras.layers.GlobalAveragePooling1D()(np.array([[[1.0], [2.0], [6.0]]]))
    tensor([[3.]])
    """

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return self._floats(inputs).mean(self._axes, keepdim=self.keepdims)
        weight = mask.to(inputs.dtype).unsqueeze(1 if self.data_format == "channels_first" else 2)
        return (inputs * weight).sum(self._axes, keepdim=self.keepdims) / weight.sum(self._axes, keepdim=self.keepdims)

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    """Mean over the pixels of images.

    Parameters
    ----------
    data_format, keepdims
        As in `GlobalAveragePooling1D`.

    Examples
    --------
    >>> keras.layers.GlobalAveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1))
    tensor([[1.5000]])
    """

    rank = 2

    def call(self, inputs):
        return self._floats(inputs).mean(self._axes, keepdim=self.keepdims)


class GlobalMaxPooling1D(_GlobalPooling):
    """Largest value over the steps of (batch, steps, features).

    Parameters
    ----------
    data_format, keepdims
        As in `GlobalAveragePooling1D`.

    Examples
    --------
    >>> keras.layers.GlobalMaxPooling1D()(np.array([[[1.0], [2.0], [6.0]]]))
    tensor([[6.]])
    """

    def call(self, inputs):
        return inputs.amax(self._axes, keepdim=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling):
    """Largest value over the pixels of images.

    Parameters
    ----------
    data_format, keepdims
        As in `GlobalAveragePooling1D`.

    Examples
    --------
    >>> keras.layers.GlobalMaxPooling2D()(np.arange(4.0).reshape(1, 2, 2, 1))
    tensor([[3.]])
    """

    rank = 2

    def call(self, inputs):
        return inputs.amax(self._axes, keepdim=self.keepdims)


class GlobalAveragePooling3D(GlobalAveragePooling2D):
    """Mean over the voxels of volumes.

    Parameters
    ----------
    data_format, keepdims
        As in `GlobalAveragePooling1D`.

    Examples
    --------
    >>> keras.layers.GlobalAveragePooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1))
    tensor([[3.5000]])
    """

    rank = 3


class GlobalMaxPooling3D(GlobalMaxPooling2D):
    """Largest value over the voxels of volumes.

    Parameters
    ----------
    data_format, keepdims
        As in `GlobalAveragePooling1D`.

    Examples
    --------
    >>> keras.layers.GlobalMaxPooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1))
    tensor([[7.]])
    """

    rank = 3
