"""Layers of several inputs, and their functions: ``add([a, b])``."""
from fastnn.keras.layers.base import Layer
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import convert
from fastnn.ops.joining import cat


class Merge(Layer):
    """Base of element-wise merging: inputs of one shape, or shapes that broadcast."""

    least = 2

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if not isinstance(input_shape, (list, tuple)) or not input_shape \
                or not isinstance(input_shape[0], (list, tuple)):
            raise ValueError(f"A merge layer should be called on a list of inputs. Received: input_shape={input_shape} "
                             f"(not a list of shapes)")
        if len(input_shape) < self.least:
            raise ValueError(f"A merge layer should be called on a list of at least {self.least} input. Received "
                             f"{len(input_shape)} inputs. Full input_shape received: {input_shape}")
        self.compute_output_shape(input_shape)

    def _merge_function(self, inputs):
        raise NotImplementedError(f"{type(self).__name__}._merge_function")

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A merge layer should be called on a list of inputs. Received: inputs={inputs} (not a "
                             f"list of tensors)")
        most = max(x.ndim for x in inputs)
        inputs = [convert(x) for x in inputs]
        for i, x in enumerate(inputs):
            while x.ndim < most:
                x = x.unsqueeze(1)
            inputs[i] = x
        return self._merge_function(inputs)

    def compute_output_shape(self, input_shape):
        found = tuple(input_shape[0])
        for shape in input_shape[1:]:
            found = self._broadcast(found, tuple(shape), input_shape)
        return found

    @staticmethod
    def _broadcast(a, b, shapes):
        longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
        if len(shorter) < len(longer):
            shorter = (shorter[0], *[1] * (len(longer) - len(shorter)), *shorter[1:])
        found = []
        for i, (m, n) in enumerate(zip(longer, shorter)):
            if m == n or n == 1:
                found.append(m)
            elif m == 1:
                found.append(n)
            elif m is None or n is None:
                found.append(None if i == 0 else m if n is None else n)
            else:
                raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
        return tuple(found)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        if not isinstance(mask, (list, tuple)) or len(mask) != len(inputs):
            raise ValueError(f"`mask` should be a list of the inputs' length. Received: mask={mask}")
        found = [each for each in mask if each is not None]
        if len(found) < len(mask):
            return None
        total = found[0]
        for each in found[1:]:
            total = total & each
        return total

    def get_config(self):
        return self._base_config()


class Add(Merge):
    """Sum of the inputs, element by element.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Shape
    -----
    A list of at least two tensors of one shape, or shapes that broadcast.

    Raises
    ------
    ValueError
        Fewer than two inputs, or shapes that do not broadcast.

    Examples
    --------
    >>> keras.layers.Add()([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    tensor([4., 6.])
    """

    def _merge_function(self, inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


class Subtract(Merge):
    """First of two inputs less the second.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Raises
    ------
    ValueError
        Not two inputs, or shapes that do not broadcast.

    Examples
    --------
    >>> keras.layers.Subtract()([np.array([1.0, 2.0]), np.array([3.0, 3.0])])
    tensor([-2., -1.])
    """

    def build(self, input_shape):
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Received: "
                             f"input_shape={input_shape}")

    def _merge_function(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Received: inputs={inputs}")
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """Product of the inputs, element by element; inputs as in `Add`.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Examples
    --------
    >>> keras.layers.Multiply()([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    tensor([3., 8.])
    """

    def _merge_function(self, inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total * x
        return total


class Average(Merge):
    """Mean of the inputs, element by element; inputs as in `Add`.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Examples
    --------
    >>> keras.layers.Average()([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    tensor([2., 3.])
    """

    def _merge_function(self, inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total / len(inputs)


class Maximum(Merge):
    """Largest of the inputs, element by element; inputs as in `Add`.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Examples
    --------
    >>> keras.layers.Maximum()([np.array([1.0, 5.0]), np.array([3.0, 4.0])])
    tensor([3., 5.])
    """

    def _merge_function(self, inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total.maximum(x)
        return total


class Minimum(Merge):
    """Smallest of the inputs, element by element; inputs as in `Add`.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Examples
    --------
    >>> keras.layers.Minimum()([np.array([1.0, 5.0]), np.array([3.0, 4.0])])
    tensor([1., 4.])
    """

    def _merge_function(self, inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total.minimum(x)
        return total


class Concatenate(Merge):
    """Inputs joined along `axis`.

    Parameters
    ----------
    axis : int

    Raises
    ------
    ValueError
        No list of tensors, or sizes that differ along other axes.

    Examples
    --------
    >>> keras.layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
    torch.Size([2, 7])
    """

    least = 1

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape):
        if not input_shape or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of at least 1 input. Received: "
                             f"input_shape={input_shape}")
        shapes = [tuple(shape) for shape in input_shape]
        axis = self.axis % len(shapes[0])
        rest = [tuple(n for i, n in enumerate(shape) if i != axis) for shape in shapes]
        if len({len(shape) for shape in shapes}) > 1 or any(
                len({n for n in sizes if n is not None}) > 1 for sizes in zip(*rest)):
            raise ValueError(f"A `Concatenate` layer requires inputs with matching shapes except for the concatenation "
                             f"axis. Received: input_shape={input_shape}")

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of inputs. Received: inputs={inputs}")
        return cat([convert(x) for x in inputs], self.axis)

    def compute_output_shape(self, input_shape):
        if not isinstance(input_shape, (tuple, list)) or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of inputs. Received: "
                             f"input_shape={input_shape}")
        found = list(input_shape[0])
        sizes = [shape[self.axis] for shape in input_shape]
        found[self.axis] = None if None in sizes else sum(sizes)
        for i in range(len(found)):
            if i != self.axis % len(found) and found[i] is None:
                found[i] = next((shape[i] for shape in input_shape if shape[i] is not None), None)
        return tuple(found)

    def compute_mask(self, inputs, mask=None):
        if mask is None or all(each is None for each in mask):
            return None
        if any(isinstance(x, KerasTensor) for x in inputs):
            return KerasTensor(self.compute_output_shape([x.shape for x in inputs])[:-1], "bool")
        masks = []
        for x, each in zip(inputs, mask):
            if each is None:
                each = (x.detach() * 0 == 0) | True
            while each.ndim < x.ndim:
                each = each.unsqueeze(-1)
            masks.append(each.expand(x.shape))
        return cat(masks, self.axis).any(-1)

    def get_config(self):
        return {"axis": self.axis, **self._base_config()}


class Dot(Merge):
    """Products of two inputs summed along an axis of each, sample by sample.

    Parameters
    ----------
    axes : int or pair of int
        Axis of both inputs, or of each; axis 0 is the batch.
    normalize : bool
        Whether vectors are divided by their norms before: cosine similarity.

    Shape
    -----
    (batch, n) and (batch, n) -> (batch, 1); (batch, m, n) and (batch, k, n) with ``axes=2`` -> (batch, m, k).

    Raises
    ------
    TypeError
        `axes` is neither.
    ValueError
        Not two inputs, or sizes that differ along `axes`.

    Examples
    --------
    >>> keras.layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    tensor([[11.]])
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, int) and not (isinstance(axes, (list, tuple)) and len(axes) == 2
                                              and all(isinstance(axis, int) for axis in axes)):
            raise TypeError(f"Invalid type for argument `axes`: it should be an int or a list of two ints. Received: "
                            f"axes={axes}")
        self.axes, self.normalize = axes, normalize
        self.supports_masking = True

    def _axes(self, ranks):
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return [axis % rank for axis, rank in zip(axes, ranks)]

    def build(self, input_shape):
        if not isinstance(input_shape, (list, tuple)) or len(input_shape) != 2 or \
                not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(f"A `Dot` layer should be called on a list of 2 inputs. Received: "
                             f"input_shape={input_shape}")
        first, second = input_shape
        i, j = self._axes([len(first), len(second)])
        if first[i] != second[j]:
            raise ValueError(f"Incompatible input shapes: axis values {first[i]} (at axis {i}) != {second[j]} (at axis "
                             f"{j}). Full input shapes: {first}, {second}")

    def call(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"A `Dot` layer should be called on exactly 2 inputs. Received: inputs={inputs}")
        x, y = inputs
        i, j = self._axes([x.ndim, y.ndim])
        if self.normalize:
            x = x / x.square().sum(i, keepdim=True).clamp(min=1e-12).sqrt()
            y = y / y.square().sum(j, keepdim=True).clamp(min=1e-12).sqrt()
        x, y = x.movedim(i, -1), y.movedim(j, 1)
        left, right = x.shape[1:-1], y.shape[2:]
        made = x.reshape(x.shape[0], -1, x.shape[-1]) @ y.reshape(y.shape[0], y.shape[1], -1)
        made = made.reshape(x.shape[0], *left, *right)
        return made.unsqueeze(-1) if made.ndim == 1 else made

    def compute_output_shape(self, input_shape):
        first, second = input_shape
        i, j = self._axes([len(first), len(second)])
        found = [n for k, n in enumerate(first) if k != i] + [n for k, n in enumerate(second) if k not in (0, j)]
        return tuple(found) if len(found) > 1 else (*found, 1)

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {"axes": self.axes, "normalize": self.normalize, **self._base_config()}


def _function(cls, result):
    """A layer as a function; `result` is that of its example."""
    def merge(inputs, **kwargs):
        return cls(**kwargs)(inputs)
    merge.__name__ = merge.__qualname__ = cls.__name__.lower()
    merge.__doc__ = f"""The layer `{cls.__name__}`, applied to a list of tensors.

    Parameters
    ----------
    inputs : list of tensor
    **kwargs
        Those of `{cls.__name__}`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.layers.{merge.__name__}([np.array([1.0, 5.0]), np.array([3.0, 4.0])])
    {result}
    """
    return merge


add, subtract = _function(Add, "tensor([4., 9.])"), _function(Subtract, "tensor([-2.,  1.])")
multiply, average = _function(Multiply, "tensor([ 3., 20.])"), _function(Average, "tensor([2.0000, 4.5000])")
maximum, minimum = _function(Maximum, "tensor([3., 5.])"), _function(Minimum, "tensor([1., 4.])")


def concatenate(inputs, axis=-1, **kwargs):
    """Joins tensors along an axis, as `Concatenate` does.

    Parameters
    ----------
    inputs : list of tensor
    axis : int
    **kwargs
        Those of `Layer`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.layers.concatenate([np.ones((2, 3)), np.ones((2, 4))]).shape
    torch.Size([2, 7])
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Products of two tensors summed along an axis of each, as `Dot` does.

    Parameters
    ----------
    inputs : list of two tensors
    axes : int or pair of int
    **kwargs
        `normalize` and those of `Layer`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.layers.dot([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], axes=1)
    tensor([[11.]])
    """
    return Dot(axes=axes, **kwargs)(inputs)

