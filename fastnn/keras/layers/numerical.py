"""Preprocessing of numbers and categories: layers whose state comes from data by `adapt`."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import array_of, convert


def batches_of(data, steps=None):
    """The arrays of what `adapt` takes: one array, or the inputs of batches."""
    if isinstance(data, np.ndarray) or hasattr(data, "__array__") or (
            isinstance(data, (list, tuple)) and data and not hasattr(data[0], "shape")):
        yield array_of(data) if not isinstance(data, (list, tuple)) else np.asarray(data)
        return
    if not hasattr(data, "__iter__") and hasattr(data, "__getitem__"):
        data = (data[i] for i in range(len(data)))
    elif not hasattr(data, "__iter__"):
        raise TypeError(f"Unsupported data type: {type(data)}. `adapt` supports arrays, tensors, data sets, "
                        f"`PyDataset` and iterables of batches.")
    for i, batch in enumerate(data):
        if steps is not None and i >= steps:
            return
        batch = batch[0] if isinstance(batch, tuple) else batch
        yield array_of(batch) if not isinstance(batch, (str, list)) else np.asarray(batch)


def encode_categories(indices, output_mode, depth, dtype, count_weights=None):
    """Numbers of categories as vectors of `depth`; negative and larger numbers count as none."""
    if output_mode == "int":
        return from_array(indices.astype(config.torch_dtype(dtype).numpy))
    if output_mode == "one_hot":
        if indices.ndim and indices.shape[-1] == 1 and indices.ndim > 1:
            indices = indices[..., 0]
        made = (indices[..., None] == np.arange(depth)).astype(config.torch_dtype(dtype).numpy)
        return from_array(made)
    rows = indices.reshape(-1, indices.shape[-1]) if indices.ndim else indices.reshape(1, 1)
    shape = (*indices.shape[:-1], depth) if indices.ndim else (depth,)
    made = np.zeros((len(rows), depth), config.torch_dtype(dtype).numpy)
    valid = (rows >= 0) & (rows < depth)
    row, _ = np.nonzero(valid)
    if output_mode == "multi_hot":
        made[row, rows[valid]] = 1
    else:
        weights = np.ones(rows.shape, made.dtype) if count_weights is None else count_weights.reshape(rows.shape)
        np.add.at(made, (row, rows[valid]), weights[valid])
    return from_array(made.reshape(shape))


def check_output_mode(output_mode, allowed=("int", "one_hot", "multi_hot", "count")):
    if output_mode not in allowed:
        raise ValueError(f"Unknown value for argument `output_mode`. Expected one of {allowed}. Received: "
                         f"output_mode={output_mode}")


def refuse_sparse(layer, sparse):
    if sparse:
        raise ValueError(f"{type(layer).__name__}: `sparse=True` cannot be used: there are no sparse tensors")


class Normalization(Layer):
    """``(inputs - mean) / sqrt(variance)``, of given values or those of the data that `adapt` reads.

    Parameters
    ----------
    axis : int, tuple of int or None
        Axes with statistics of their own; None for one of each.
    mean, variance : float or array, optional
        Without them and without `adapt` 0 and 1.
    invert : bool
        ``inputs * sqrt(variance) + mean``

    Raises
    ------
    ValueError
        Only one of `mean` and `variance`, an axis out of range, or no data in `adapt`.

    Examples
    --------
    >>> layer = keras.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[1.0], [5.0]]))
    tensor([[-1.],
            [ 3.]])
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.supports_masking, self.mean, self._shape = True, None, None
        if (mean is None) != (variance is None):
            raise ValueError(f"When setting values directly, both `mean` and `variance` must be set. Received: "
                             f"mean={mean} and variance={variance}")
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ValueError(f"When setting values directly, `mean` and `variance` must have the same shape. Received: "
                             f"mean shape {np.shape(mean)} and variance shape {np.shape(variance)}")

    def build(self, input_shape=None):
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(a < -rank or a >= rank for a in self.axis):
            raise ValueError(f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, "
                             f"while axis={self.axis}")
        self._kept = tuple(sorted(a % rank for a in self.axis))
        for a in self._kept:
            if input_shape[a] is None:
                raise ValueError(f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, "
                                 f"inputs.shape={input_shape}, with unknown axis at index {a}")
        self._shape = tuple(input_shape)
        self._broadcast = [input_shape[a] if a in self._kept else 1 for a in range(rank)]
        if self.input_mean is None:
            shape = tuple(input_shape[a] for a in self._kept)
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
            self.finalize_state()
        else:
            for name, value in (("mean", self.input_mean), ("variance", self.input_variance)):
                value = np.asarray(array_of(value) if not isinstance(value, (list, tuple)) else value, np.float64)
                shape = [1] * rank
                for i in range(1, value.ndim + 1):
                    shape[self._kept[-i]] = value.shape[-i]
                value = np.broadcast_to(value.reshape(shape), self._broadcast)
                self.__dict__[name] = convert(value.astype(config.torch_dtype(self.compute_dtype).numpy))

    def adapt(self, data):
        """Take mean and variance from arrays, or from batches of a data set."""
        total, mean, variance = 0, None, None
        for batch in batches_of(data):
            if not self.built or self._shape is None:
                self.build(batch.shape)
            for a in self._kept:
                if batch.shape[a] != self._shape[a]:
                    raise ValueError(f"The layer was built with input_shape={self._shape}, but adapt() is being called "
                                     f"with data with an incompatible shape, data.shape={batch.shape}")
            rest = tuple(a for a in range(batch.ndim) if a not in self._kept)
            batch = np.asarray(batch, np.float64)
            m, v = batch.mean(rest), batch.var(rest)
            n = int(np.prod([batch.shape[a] for a in rest]))
            if mean is None:
                total, mean, variance = n, m, v
                continue
            total += n
            share = n / total
            new = mean * (1 - share) + m * share
            variance = (variance + (mean - new) ** 2) * (1 - share) + (v + (m - new) ** 2) * share
            mean = new
        if mean is None:
            raise ValueError("adapt() received an empty iterable (no batches). Expected at least one batch.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)
        self.finalize_state()

    def finalize_state(self):
        """Make `mean` and `variance` of the weights."""
        if self.input_mean is None and self._shape is not None:
            for name, value in (("mean", self.adapt_mean), ("variance", self.adapt_variance)):
                value = value.array_.reshape(self._broadcast).astype(config.torch_dtype(self.compute_dtype).numpy)
                self.__dict__[name] = from_array(value)

    def call(self, inputs):
        inputs = convert(inputs, self.compute_dtype)
        if self.mean is None:
            raise ValueError("Normalization: call `adapt(data)` or `build` first")
        # at least epsilon, so that constant features give zeros
        scale = np.maximum(np.sqrt(array_of(self.variance)), np.float32(config.epsilon()))
        if self.invert:
            return self.mean + inputs * from_array(scale)
        return (inputs - self.mean) / from_array(scale)

    def compute_output_shape(self, input_shape):
        return input_shape

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.finalize_state()

    def set_weights(self, weights):
        super().set_weights(weights)
        self.finalize_state()

    def get_config(self):
        plain = lambda value: value if value is None or isinstance(value, (int, float)) else np.asarray(value).tolist()
        return {**self._base_config(), "axis": self.axis, "invert": self.invert, "mean": plain(self.input_mean),
                "variance": plain(self.input_variance)}


class CategoryEncoding(Layer):
    """Category numbers as vectors of `num_tokens`.

    Parameters
    ----------
    num_tokens : int
    output_mode : {"multi_hot", "one_hot", "count"}
        A row marks the categories it holds, each entry has a row of its own, or categories are counted.
    sparse : bool
        True raises: there are no sparse tensors.

    Raises
    ------
    ValueError
        Another mode, or inputs outside of [0, num_tokens).

    Examples
    --------
    >>> keras.layers.CategoryEncoding(4)(np.array([[0, 2]]))
    tensor([[1., 0., 1., 0.]])
    >>> keras.layers.CategoryEncoding(3, output_mode="one_hot")(np.array([2, 0]))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in ("count", "one_hot", "multi_hot"):
            raise ValueError(f"Unknown arg for output_mode: {output_mode}")
        if num_tokens is None:
            raise ValueError("num_tokens must be set to use this layer. If the number of tokens is not known "
                             "beforehand, use the IntegerLookup layer instead.")
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        refuse_sparse(self, sparse)
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"`count_weights` is not used when `output_mode` is not `'count'`. Received "
                             f"`count_weights={count_weights}`.")
        indices = array_of(convert(inputs)).astype(np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= self.num_tokens):
            raise ValueError(f"Input values must be in the range 0 <= values < num_tokens with "
                             f"num_tokens={self.num_tokens}")
        weights = None if count_weights is None else array_of(convert(count_weights, self.compute_dtype))
        return encode_categories(indices, self.output_mode, self.num_tokens, self.dtype, weights)

    def compute_output_shape(self, input_shape):
        if len(input_shape) == 0:
            return (self.num_tokens,)
        if self.output_mode == "one_hot" and (input_shape[-1] != 1 or len(input_shape) == 1):
            return (*input_shape, self.num_tokens)
        return (*input_shape[:-1], self.num_tokens)

    def get_config(self):
        return {**self._base_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}


class Discretization(Layer):
    """Numbers as indices of the bins that hold them; bin i is ``[boundary i - 1, boundary i)``.

    Parameters
    ----------
    bin_boundaries : list of float, optional
    num_bins : int, optional
        Instead of them: `adapt` takes the boundaries from quantiles of the data.
    epsilon : float
        Precision of the quantiles.
    output_mode : {"int", "one_hot", "multi_hot", "count"}
    sparse : bool
        True raises: there are no sparse tensors.
    dtype, name : str, optional

    Raises
    ------
    ValueError
        Neither or both of boundaries and bins.

    Examples
    --------
    >>> keras.layers.Discretization([0.0, 1.0])(np.array([-5.0, 0.5, 1.0]))
    tensor([0, 1, 2], dtype=torch.int32)
    """

    def __init__(self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int", sparse=False, dtype=None,
                 name=None):
        super().__init__(name=name, dtype=dtype)
        refuse_sparse(self, sparse)
        check_output_mode(output_mode)
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`")
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(f"Both `num_bins` and `bin_boundaries` should not be set. Received: `num_bins={num_bins}` "
                             f"and `bin_boundaries={bin_boundaries}`")
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries, self.num_bins, self.epsilon = bin_boundaries, num_bins, epsilon
        self.output_mode, self.sparse = output_mode, sparse
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False
        self.reset_state()

    def adapt(self, data, steps=None):
        """Take the boundaries from the data's quantiles."""
        if self.num_bins is None:
            raise ValueError("Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use "
                             "`num_bins` instead.")
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Merge the summary of a batch into that of the data so far: value and weight of each of 1 / epsilon points."""
        values = np.sort(np.asarray(data, np.float32).reshape(-1))
        step = max(values.size * self.epsilon, 1)
        points = values[int(step - 1)::int(step)]
        merged = np.concatenate([np.stack([points, np.full_like(points, step)]), self.summary], 1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self):
        """Make the boundaries of the summary."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self):
        """Forget the data."""
        self.summary = np.zeros((2, 0), np.float32)

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError("You need to either pass the `bin_boundaries` argument at construction time or call "
                             "`adapt(dataset)` before you can start using the `Discretization` layer.")
        indices = np.digitize(array_of(convert(inputs)), np.asarray(self.bin_boundaries, np.float32))
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return encode_categories(indices, self.output_mode, len(self.bin_boundaries) + 1, dtype)

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return tuple(input_shape)
        depth = len(self.bin_boundaries) + 1 if self.bin_boundaries is not None else self.num_bins
        if self.output_mode == "one_hot" and not (len(input_shape) > 1 and input_shape[-1] == 1):
            return (*input_shape, depth)
        return (*input_shape[:-1], depth)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape),
                           "int32" if self.output_mode == "int" else self.compute_dtype)

    def get_config(self):
        return {"bin_boundaries": self.bin_boundaries, "num_bins": self.num_bins, "epsilon": self.epsilon,
                "output_mode": self.output_mode, "sparse": self.sparse, "name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        boundaries = config.get("bin_boundaries")
        if config.get("num_bins") is not None:
            config.pop("bin_boundaries", None)
        made = cls(**config)
        made.bin_boundaries = boundaries  # which `adapt` may have found
        return made


def _compressed(summary, epsilon):
    """A summary (values, weights) at about ``1 / epsilon`` points of equal weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    values = np.interp(shares, weights / weights[-1], summary[0])
    weights = np.interp(shares, weights / weights[-1], weights)
    return np.stack([values, np.diff(weights, prepend=0)]).astype(np.float32)
