"""Making tensors, and arranging what they hold."""
import math

import numpy as np

import fastnn
from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.ops.common import axes_of, floating, many, pair, sizes, tensor, tensor as make
from fastnn.keras.symbolic import KerasTensor, operation
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F


# ---- making ----

def _numpy(dtype):
    return config.torch_dtype(dtype).numpy


def zeros(shape, dtype=None):
    """All 0."""
    return from_array(np.zeros(sizes(shape), _numpy(dtype)))


def ones(shape, dtype=None):
    """All 1."""
    return from_array(np.ones(sizes(shape), _numpy(dtype)))


def empty(shape, dtype=None):
    """Zeros: nothing is gained by leaving memory as it is."""
    return zeros(shape, dtype)


def full(shape, fill_value, dtype=None):
    """All `fill_value`."""
    value = array_of(convert(fill_value, None if dtype is None else config.standardize_dtype(dtype)))
    return from_array(np.array(np.broadcast_to(value, sizes(shape))))


def _like(x, dtype):
    return config.dtype_of(x) if dtype is None else dtype


@operation
def zeros_like(x, dtype=None):
    """All 0, in x's shape."""
    x = tensor(x)
    return zeros(x.shape, _like(x, dtype))


@operation
def ones_like(x, dtype=None):
    """All 1, in x's shape."""
    x = tensor(x)
    return ones(x.shape, _like(x, dtype))


@operation
def full_like(x, fill_value, dtype=None):
    """All `fill_value`, in x's shape."""
    x = tensor(x)
    return full(x.shape, fill_value, _like(x, dtype))


@operation
def empty_like(x, dtype=None):
    """Zeros in x's shape."""
    return zeros_like(x, dtype)


def array(x, dtype=None):
    """A tensor of an array, list or number."""
    return tensor(x, dtype)


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from `start` up to `stop`, `step` apart."""
    given = [n for n in (start, stop, step) if n is not None]
    values = [float(n) if not isinstance(n, (int, np.integer))
              and "float" in np.asarray(array_of(convert(n))).dtype.name else int(n) for n in given]
    if dtype is None:
        dtype = config.floatx() if any(isinstance(n, float) for n in values) else "int32"
    start, stop, step = (0, values[0], 1) if stop is None else (values[0], values[1],
                                                                values[2] if step is not None else 1)
    return from_array(np.arange(start, stop, step, _numpy(dtype)))


def _spaced(function, start, stop, num, endpoint, dtype, axis, **options):
    made = function(array_of(convert(start)).astype(np.float64), array_of(convert(stop)).astype(np.float64), num,
                    endpoint=endpoint, axis=axis, **options)
    return from_array(np.ascontiguousarray(made).astype(_numpy(dtype)))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` numbers from `start` to `stop`, evenly apart."""
    made = _spaced(np.linspace, start, stop, num, endpoint, dtype, axis)
    if not retstep:
        return made
    parts = num - 1 if endpoint else num
    return made, (floating(stop) - floating(start)) / parts if parts else convert(float("nan"))


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """``base ** linspace(start, stop)``"""
    return _spaced(np.logspace, start, stop, num, endpoint, dtype, axis, base=base)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop`, each the same multiple of the one before."""
    return _spaced(np.geomspace, start, stop, num, endpoint, dtype, axis)


def eye(N, M=None, k=0, dtype=None):
    """1 on the k-th diagonal, else 0."""
    return from_array(np.eye(int(N), None if M is None else int(M), k, _numpy(dtype)))


def identity(n, dtype=None):
    """1 on the diagonal, else 0."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """1 on and below the k-th diagonal, else 0."""
    return from_array(np.tri(int(N), M, k, _numpy(dtype)))


def _window(name):
    def call(x):
        return from_array(getattr(np, name)(int(x)).astype(config.floatx()))
    call.__name__, call.__doc__ = name, f"The {name} window of x points."
    return call


bartlett, blackman, hamming, hanning = map(_window, ("bartlett", "blackman", "hamming", "hanning"))


def kaiser(x, beta):
    """The Kaiser window of x points."""
    return from_array(np.kaiser(int(x), float(beta)).astype(config.floatx()))


# ---- shapes ----

def shape(x):
    """The sizes as a tuple; None where a symbolic tensor's is not known."""
    return tuple(x.shape) if isinstance(x, KerasTensor) else tuple(tensor(x).shape)


def ndim(x):
    """Number of dimensions."""
    return len(shape(x))


def size(x):
    """Number of elements."""
    return math.prod(shape(x))


@operation
def reshape(x, newshape):
    """x in another shape; one size may be -1."""
    return tensor(x).reshape(sizes(newshape))


@operation
def ravel(x):
    """All elements in a row."""
    return tensor(x).reshape(-1)


@operation
def transpose(x, axes=None):
    """Axes in another order, reversed by default."""
    x = tensor(x)
    return x.permute(*(range(x.ndim - 1, -1, -1) if axes is None else axes))


@operation
def swapaxes(x, axis1, axis2):
    """Two axes exchanged."""
    return tensor(x).transpose(axis1, axis2)


@operation
def moveaxis(x, source, destination):
    """Axes at other places."""
    return tensor(x).movedim(source, destination)


@operation
def expand_dims(x, axis):
    """New axes of size 1."""
    x = tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    for a in sorted(axes_of(axes, x.ndim + len(axes))):
        x = x.unsqueeze(a)
    return x


@operation
def squeeze(x, axis=None):
    """Without axes of size 1."""
    x = tensor(x)
    if axis is None:
        return x.squeeze()
    for a in sorted(axes_of(axis, x.ndim), reverse=True):
        if x.shape[a] != 1:
            raise ValueError(f"Cannot squeeze axis {a} of a tensor of shape {tuple(x.shape)}: its size is not 1")
        x = x.squeeze(a)
    return x


@operation
def broadcast_to(x, shape):
    """x repeated along axes of size 1."""
    return tensor(x).expand(sizes(shape))


@operation
def flip(x, axis=None):
    """Axes in reverse, all by default."""
    x = tensor(x)
    return x.flip(axes_of(axis, x.ndim))


@operation
def fliplr(x):
    """The second axis in reverse."""
    return tensor(x).flip(1)


@operation
def flipud(x):
    """The first axis in reverse."""
    return tensor(x).flip(0)


@operation
def roll(x, shift, axis=None):
    """Elements moved along axes; what leaves at the end comes in at the start."""
    return tensor(x).roll(shift, axis)


@operation
def rot90(array, k=1, axes=(0, 1)):
    """Quarter turns."""
    return tensor(array).rot90(k, list(axes))


@operation
def tile(x, repeats):
    """x over and over along each axis."""
    return tensor(x).tile(sizes(repeats))


@operation
def repeat(x, repeats, axis=None):
    """Each element several times."""
    x = tensor(x)
    repeats = repeats if isinstance(repeats, int) else tensor(repeats).long()
    if not isinstance(repeats, int) and repeats.numel() == 1:
        repeats = int(repeats)
    return x.reshape(-1).repeat_interleave(repeats, 0) if axis is None else x.repeat_interleave(repeats, axis)


@operation
def concatenate(xs, axis=0):
    """Tensors one after the other."""
    return fastnn.cat(many(xs), axis)


@operation
def stack(x, axis=0):
    """Tensors of one shape along a new axis."""
    return fastnn.stack(many(x), axis)


@operation
def append(x1, x2, axis=None):
    """Two tensors one after the other, in a row by default."""
    x1, x2 = pair(x1, x2)
    return fastnn.cat([x1.reshape(-1), x2.reshape(-1)]) if axis is None else fastnn.cat([x1, x2], axis)


@operation
def hstack(xs):
    """Side by side."""
    return fastnn.hstack(many(xs))


@operation
def vstack(xs):
    """On top of each other."""
    return fastnn.vstack(many(xs))


@operation
def dstack(xs):
    """Along the third axis."""
    return fastnn.dstack(many(xs))


@operation
def split(x, indices_or_sections, axis=0):
    """Parts of equal size, or between positions."""
    x = tensor(x)
    if isinstance(indices_or_sections, int):
        if x.shape[axis] % indices_or_sections:
            raise ValueError(f"split: axis {axis} of size {x.shape[axis]} cannot be cut into {indices_or_sections} "
                             f"equal parts")
        return list(x.tensor_split(indices_or_sections, axis))
    return list(x.tensor_split([int(i) for i in indices_or_sections], axis))


@operation
def array_split(x, indices_or_sections, axis=0):
    """Parts of nearly equal size, or between positions."""
    given = indices_or_sections
    return list(tensor(x).tensor_split(given if isinstance(given, int) else [int(i) for i in given], axis))


@operation
def hsplit(x, indices_or_sections):
    """`split` along the second axis."""
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@operation
def vsplit(x, indices_or_sections):
    """`split` along the first axis."""
    return split(x, indices_or_sections, 0)


@operation
def dsplit(x, indices_or_sections):
    """`split` along the third axis."""
    return split(x, indices_or_sections, 2)


@operation
def unstack(x, num=None, axis=0):
    """The parts along an axis, without it."""
    return list(tensor(x).unbind(axis))


@operation
def meshgrid(*x, indexing="xy"):
    """Coordinates of a grid."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing parameter must be either 'xy' or 'ij'. Received: indexing={indexing}")
    return list(fastnn.meshgrid(*[tensor(each).reshape(-1) for each in x], indexing=indexing))


@operation
def pad(x, pad_width, mode="constant", constant_values=None):
    """x with more elements at both ends of its axes."""
    x = tensor(x)
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)] * x.ndim
    elif isinstance(pad_width[0], int):
        pad_width = [tuple(pad_width) if len(pad_width) == 2 else (pad_width[0],) * 2] * x.ndim
    elif len(pad_width) == 1:
        pad_width = list(pad_width) * x.ndim
    pairs = [tuple(int(n) for n in each) for each in pad_width]
    if mode == "constant":
        return F.pad(x, [n for each in reversed(pairs) for n in each], value=0 if constant_values is None else
                     constant_values)
    if constant_values is not None:
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: "
                         f"mode={mode}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            index = np.pad(np.arange(x.shape[axis]), (before, after), mode={"edge": "edge"}.get(mode, mode))
            x = x.index_select(axis, convert(index))
    return x


@operation
def diag(x, k=0):
    """A matrix with x on its k-th diagonal, or the diagonal of a matrix."""
    return fastnn.diag(tensor(x), k)


@operation
def diagflat(x, k=0):
    """A matrix with all elements on its k-th diagonal."""
    return fastnn.diag(tensor(x).reshape(-1), k)


@operation
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonals of the matrices in two axes."""
    return tensor(x).diagonal(offset, axis1, axis2)


@operation
def trace(x, offset=0, axis1=0, axis2=1):
    """The sums of the diagonals."""
    return tensor(x).diagonal(offset, axis1, axis2).sum(-1)


@operation
def tril(x, k=0):
    """0 above the k-th diagonal."""
    return tensor(x).tril(k)


@operation
def triu(x, k=0):
    """0 below the k-th diagonal."""
    return tensor(x).triu(k)


@operation
def vander(x, N=None, increasing=False):
    """Powers of the elements as columns."""
    return fastnn.vander(tensor(x), N, increasing)


@operation
def take(x, indices, axis=None):
    """Elements, or parts along an axis, by their positions."""
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = axis % x.ndim
    found = x.index_select(axis, indices.reshape(-1))
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1:])


@operation
def take_along_axis(x, indices, axis=None):
    """Elements by positions along an axis, each its own."""
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return fastnn.take_along_dim(x, indices, axis)


@operation
def get_item(x, key):
    """``x[key]``"""
    return tensor(x)[key]


@operation
def nonzero(x):
    """Positions of the elements that are not 0, an array for each axis."""
    return tuple(each.to(config.torch_dtype("int32")) for each in fastnn.nonzero(tensor(x), as_tuple=True))


@operation
def select(condlist, choicelist, default=0):
    """Elements of the first choice whose condition holds."""
    found = tensor(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        choice, found = pair(choice, found)
        found = fastnn.where(tensor(condition).bool(), choice, found)
    return found


@operation
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of x1 is one of x2."""
    return fastnn.isin(*pair(x1, x2), assume_unique=assume_unique, invert=invert)


@operation
def unravel_index(indices, shape):
    """Positions by axes of positions in a row."""
    return tuple(tensor(each.astype("int32")) for each in np.unravel_index(array_of(tensor(indices)), sizes(shape)))


@operation
def view(x, dtype=None):
    """The same memory as another type."""
    return tensor(x) if dtype is None else from_array(array_of(tensor(x)).view(_numpy(dtype)))


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of elements as one of arrays."""
    if excluded is not None or signature is not None:
        raise NotImplementedError("vectorize: excluded and signature are not implemented")
    made = np.vectorize(lambda *args: array_of(convert(pyfunc(*args))))
    return lambda *args: convert(made(*[array_of(convert(arg)) for arg in args]))


@operation
def rearrange(tensor, pattern, **axes_lengths):
    """Axes in another order, split and joined, as a pattern says: ``"b (h w) c -> b h w c"``."""
    x = make(tensor)
    try:
        left, right = (_groups(side) for side in pattern.split("->"))
    except ValueError:
        raise ValueError(f"rearrange: expected a pattern 'a b -> b a', got {pattern!r}") from None
    if len(left) != x.ndim:
        raise ValueError(f"rearrange: {pattern!r} names {len(left)} axes, the tensor has {x.ndim}")
    known = dict(axes_lengths)
    for group, n in zip(left, x.shape):
        unknown = [name for name in group if name not in known]
        rest = math.prod(known[name] for name in group if name in known)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: sizes of {unknown} are not known")
        if unknown:
            known[unknown[0]] = n // rest
        if math.prod(known[name] for name in group) != n:
            raise ValueError(f"rearrange: an axis of size {n} is no {group} of {known}")
    names = [name for group in left for name in group]
    order = [name for group in right for name in group]
    if sorted(names) != sorted(order):
        raise ValueError(f"rearrange: the axes on both sides of {pattern!r} differ")
    x = x.reshape([known[name] for name in names]).permute([names.index(name) for name in order])
    return x.reshape([math.prod(known[name] for name in group) for group in right])


def _groups(side):
    groups, inside = [], None
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            inside = []
        elif token == ")":
            groups.append(inside)
            inside = None
        elif inside is None:
            groups.append([token])
        else:
            inside.append(token)
    return groups
