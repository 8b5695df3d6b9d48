"""Views and rearrangements: they move no numbers where NumPy's strides can say the same."""
cimport numpy as np

import warnings

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, record1, recording, repeats, shape_of, wrap, wrap_view
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport MOST_DIMS, is_complex, is_real, strided, undo, wrap_dim
from fastnn.ops._common import need_dimensions
from fastnn.ops.declare import operation

np.import_array()


cdef Tensor view(np.ndarray array, Tensor x, Op record, saved):
    """A view of x's memory, recorded if x is in a graph."""
    cdef Tensor out = wrap_view(array, x)
    cdef Tensor made
    if recording(x):
        made = record1(array, record, x, (saved,))
        out.node = made.node
    return out


cdef object reshape_backward(Node node, np.ndarray grad):
    return (<object>grad).reshape(node.saved[0])


cdef Op VIEW = declare("ViewBackward0", reshape_backward, "shape")
cdef Op SQUEEZE = declare("SqueezeBackward0", reshape_backward, "shape")
cdef Op UNSQUEEZE = declare("UnsqueezeBackward0", reshape_backward, "shape")
cdef Op TRANSPOSE_0D = declare("TransposeBackward0", reshape_backward, "shape")


@VIEW.second
@SQUEEZE.second
@UNSQUEEZE.second
@TRANSPOSE_0D.second
def _reshape_second(step, g):
    return g.reshape(step.shape)


def resolve(tuple given, Py_ssize_t total, str op):
    """Sizes with -1 filled in; a single sequence may stand for all sizes."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    need_dimensions(op, len(given))
    sizes = [int(size) for size in given]
    known, unknown = 1, None
    for i, size in enumerate(sizes):
        if size == -1:
            if unknown is not None:
                raise RuntimeError("only one dimension can be inferred")
            unknown = i
        elif size < 0:
            raise RuntimeError(f"invalid shape dimension {size}")
        else:
            known *= size
    if unknown is not None:
        if known == 0:
            raise RuntimeError(f"cannot reshape tensor of {total} elements into shape {sizes} because the unspecified "
                               f"dimension size -1 can be any value and is ambiguous")
        if total % known:
            raise RuntimeError(f"shape '{sizes}' is invalid for input of size {total}")
        sizes[unknown] = total // known
    elif known != total:
        raise RuntimeError(f"shape '{sizes}' is invalid for input of size {total}")
    return tuple(sizes)


cdef Tensor reshaped(Tensor x, tuple sizes, bint must_view):
    cdef np.ndarray array
    if np.PyArray_IS_C_CONTIGUOUS(x.array):
        return view(x.array.reshape(sizes), x, VIEW, shape_of(x.array))
    try:
        array = numpy.reshape(x.array, sizes, copy=False)
    except ValueError:
        if must_view:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.") from None
        array = x.array.reshape(sizes)
        if recording(x):
            return record1(array, VIEW, x, (shape_of(x.array),))
        return wrap(array)
    return view(array, x, VIEW, shape_of(x.array))


@operation()
def reshape(input, *shape):
    """The same elements in another shape; a view where possible. One size may be -1.

    Parameters
    ----------
    input : Tensor
    *shape : int

    Raises
    ------
    RuntimeError
        Another number of elements.

    Examples
    --------
    >>> fastnn.arange(4).reshape(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """
    cdef Tensor x = <Tensor?>input
    return reshaped(x, resolve(shape, np.PyArray_SIZE(x.array), "reshape"), False)


@operation("Tensor.view", keywords={"dtype": "shape", "size": "shape"})
def view_as_shape(input, *shape):
    """``Tensor.view``: the same memory in another shape, or (with a dtype) reinterpreted.

    Parameters
    ----------
    input : Tensor
    *shape : int or dtype

    Raises
    ------
    RuntimeError
        Another number of elements, or strides that no view has.

    Examples
    --------
    >>> fastnn.arange(4).view(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    cdef Tensor x = <Tensor?>input
    if len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
        return wrap_view(x.array.view(shape[0].numpy), x)
    return reshaped(x, resolve(shape, np.PyArray_SIZE(x.array), "view"), True)


@operation("Tensor")
def reshape_as(input, other):
    """Reshape to the shape of `other`.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.arange(4).reshape_as(fastnn.ones(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return reshape(input, tuple(other.shape))


@operation("Tensor")
def view_as(input, other):
    """View in the shape of `other`.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.arange(4).view_as(fastnn.ones(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return view_as_shape(input, tuple(other.shape))


@operation()
def flatten(input, start_dim=0, end_dim=-1):
    """Dimensions start_dim..end_dim become one.

    Parameters
    ----------
    input : Tensor
    start_dim : int, default 0
    end_dim : int, default -1

    Examples
    --------
    >>> fastnn.flatten(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    cdef Tensor x = <Tensor?>input
    cdef int ndim = np.PyArray_NDIM(x.array)
    cdef int first = wrap_dim(start_dim, ndim), last = wrap_dim(end_dim, ndim)
    if ndim == 0:
        return reshape(x, 1)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    sizes = shape_of(x.array)
    merged = 1
    for size in sizes[first:last + 1]:
        merged *= size
    return reshaped(x, sizes[:first] + (merged,) + sizes[last + 1:], False)


@operation()
def ravel(input):
    """All elements in one dimension; a view of contiguous memory alone.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.ravel(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return reshape(contiguous(input), -1)


@operation()
def unflatten(input, dim, sizes):
    """Dimension `dim` becomes several; one size may be -1.

    Parameters
    ----------
    input : Tensor
    dim : int
    sizes : tuple of ints

    Examples
    --------
    >>> fastnn.unflatten(fastnn.arange(4), 0, (2, -1))
    tensor([[0, 1],
            [2, 3]])
    """
    cdef Tensor x = <Tensor?>input
    cdef int d = wrap_dim(dim, np.PyArray_NDIM(x.array))
    shape = shape_of(x.array)
    return reshape(x, shape[:d] + resolve(tuple(sizes), shape[d], "unflatten") + shape[d + 1:])


cdef object transpose_backward(Node node, np.ndarray grad):
    return grad.swapaxes(*node.saved[0])


cdef Op TRANSPOSE = declare("TransposeBackward0", transpose_backward, "axes")
TRANSPOSE.second(lambda step, g: g.transpose(*step.axes))


@operation(aliases={"swapaxes": {"axis0": "dim0", "axis1": "dim1"}, "swapdims": None}, inplace="view")
def transpose(input, dim0, dim1):
    """Exchange two dimensions.

    Parameters
    ----------
    input : Tensor
    dim0 : int
    dim1 : int

    Examples
    --------
    >>> fastnn.transpose(fastnn.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    cdef Tensor x = <Tensor?>input
    cdef int ndim = np.PyArray_NDIM(x.array)
    axes = (wrap_dim(dim0, ndim), wrap_dim(dim1, ndim))
    if ndim == 0:
        return view(x.array, x, TRANSPOSE_0D, ())
    return view(x.array.swapaxes(*axes), x, TRANSPOSE, axes)


@operation(inplace="view")
def t(input):
    """Transpose of a matrix; vectors as they are.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.t(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return transpose(input, 0, 1) if input.ndim == 2 else transpose(input, 0, 0)


cdef object permute_backward(Node node, np.ndarray grad):
    return grad.transpose(numpy.argsort(node.saved[0]))


cdef Op PERMUTE = declare("PermuteBackward0", permute_backward, "axes")
PERMUTE.second(lambda step, g: g.permute([int(i) for i in numpy.argsort(step.axes)]))


@operation()
def permute(input, *dims):
    """Dimensions in the order `dims`.

    Parameters
    ----------
    input : Tensor
    *dims : int

    Examples
    --------
    >>> fastnn.permute(fastnn.ones(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    cdef Tensor x = <Tensor?>input
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    ndim = np.PyArray_NDIM(x.array)
    if len(dims) != ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length "
                           f"of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to "
                           f"len(dims) = {len(dims)}")
    axes = tuple([wrap_dim(dim, ndim) for dim in dims])
    if len(set(axes)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return view(x.array.transpose(axes), x, PERMUTE, axes)


@operation(aliases="moveaxis")
def movedim(input, source, destination):
    """Move dimensions to other positions.

    Parameters
    ----------
    input : Tensor
    source : int or tuple of ints
    destination : int or tuple of ints

    Examples
    --------
    >>> fastnn.movedim(fastnn.ones(2, 3, 4), 0, 2).shape
    torch.Size([3, 4, 2])
    """
    cdef int ndim = input.ndim
    source = [source] if isinstance(source, int) else list(source)
    destination = [destination] if isinstance(destination, int) else list(destination)
    source, destination = [wrap_dim(d, ndim) for d in source], [wrap_dim(d, ndim) for d in destination]
    if len(source) != len(destination):
        raise RuntimeError("movedim: Invalid source or destination dims: source should have the same number of "
                           "elements as destination")
    for name, dims in (("source", source), ("destination", destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims})")
    rest = iter([d for d in range(ndim) if d not in source])
    order = [source[destination.index(d)] if d in destination else next(rest) for d in range(ndim)]
    return permute(input, *order)


@operation(inplace="view")
def squeeze(input, dim=None):
    """Drop dimensions of size 1: all, or those named.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional

    Examples
    --------
    >>> fastnn.squeeze(fastnn.ones(1, 2, 1)).shape
    torch.Size([2])
    """
    cdef Tensor x = <Tensor?>input
    cdef int ndim = np.PyArray_NDIM(x.array)
    cdef np.npy_intp dims[MOST_DIMS]
    cdef np.npy_intp strides[MOST_DIMS]
    cdef int i, n = 0
    drop = None if dim is None else [wrap_dim(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
    for i in range(ndim):
        if np.PyArray_DIM(x.array, i) != 1 or drop is not None and i not in drop:
            dims[n], strides[n] = np.PyArray_DIM(x.array, i), np.PyArray_STRIDE(x.array, i)
            n += 1
    return view(strided(x.array, n, dims, strides, np.PyArray_BYTES(x.array)), x, SQUEEZE, shape_of(x.array))


@operation(inplace="view")
def unsqueeze(input, dim):
    """Insert a dimension of size 1.

    Parameters
    ----------
    input : Tensor
    dim : int

    Examples
    --------
    >>> fastnn.unsqueeze(fastnn.tensor([1, 2]), 0)
    tensor([[1, 2]])
    """
    cdef Tensor x = <Tensor?>input
    cdef int d = wrap_dim(dim, np.PyArray_NDIM(x.array) + 1)
    cdef np.npy_intp dims[MOST_DIMS]
    cdef np.npy_intp strides[MOST_DIMS]
    cdef int i, n = np.PyArray_NDIM(x.array)
    if n == MOST_DIMS:
        raise RuntimeError(f"unsqueeze: expected fewer than {MOST_DIMS} dimensions")
    for i in range(n):
        dims[i + (i >= d)], strides[i + (i >= d)] = np.PyArray_DIM(x.array, i), np.PyArray_STRIDE(x.array, i)
    dims[d], strides[d] = 1, (dims[d + 1] * strides[d + 1] if d < n else np.PyArray_ITEMSIZE(x.array))
    return view(strided(x.array, n + 1, dims, strides, np.PyArray_BYTES(x.array)), x, UNSQUEEZE, shape_of(x.array))


cdef object expand_backward(Node node, np.ndarray grad):
    return undo(grad, node.saved[0])


cdef Op EXPAND = declare("ExpandBackward0", expand_backward, "shape")
EXPAND.second(lambda step, g: step.sum_to(g, step.shape))


@operation("Tensor")
def expand(input, *size, implicit=False):
    """Repeat dimensions of size 1 without copying; -1 keeps a size.

    Parameters
    ----------
    input : Tensor
    *size : int
    implicit : bool, default False
        Without effect.

    Examples
    --------
    >>> fastnn.tensor([[1], [2]]).expand(2, 2)
    tensor([[1, 1],
            [2, 2]])
    """
    cdef Tensor x = <Tensor?>input
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = shape_of(x.array)
    cdef np.npy_intp dims[MOST_DIMS]
    cdef np.npy_intp strides[MOST_DIMS]
    cdef Py_ssize_t own, wanted, i, extra = len(size) - len(shape)
    if extra < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(size)}) must be greater or equal to the "
                           f"number of dimensions in the tensor ({len(shape)})")
    if len(size) > MOST_DIMS:
        raise RuntimeError(f"expand: expected at most {MOST_DIMS} dimensions, got {len(size)}")
    for i in range(len(size)):
        wanted, own = size[i], np.PyArray_DIM(x.array, i - extra) if i >= extra else 1
        if wanted == -1:
            if i < extra:
                raise RuntimeError(f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                                   f"dimension {i}")
            wanted = own
        if own != 1 and own != wanted:
            raise RuntimeError(f"The expanded size of the tensor ({wanted}) must match the existing size ({own}) at "
                               f"non-singleton dimension {i}.  Target sizes: {list(size)}.  Tensor sizes: "
                               f"{list(shape)}")
        dims[i], strides[i] = wanted, np.PyArray_STRIDE(x.array, i - extra) if i >= extra and own == wanted else 0
    try:  # where elements share a place, check_inplace refuses to write
        return view(strided(x.array, len(size), dims, strides, np.PyArray_BYTES(x.array)), x, EXPAND, shape)
    except ValueError:
        raise RuntimeError(f"expand: {list(size)}: too many elements, or a negative size") from None


@operation("Tensor")
def expand_as(input, other):
    """Expand to the shape of `other`.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.tensor([[1], [2]]).expand_as(fastnn.ones(2, 2))
    tensor([[1, 1],
            [2, 2]])
    """
    return expand(input, tuple(other.shape))


@operation()
def broadcast_to(input, *size):
    """``expand`` as a function.

    Parameters
    ----------
    input : Tensor
    *size : int

    Examples
    --------
    >>> fastnn.broadcast_to(fastnn.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(input, *size)


cdef object copy_backward(Node node, np.ndarray grad):
    dtype = node.saved[0]
    if grad.dtype == dtype:
        return grad
    return converted(grad.real if is_complex(grad) and dtype.kind not in "cV" else grad, dtype)


cdef Op CLONE = declare("CloneBackward0", copy_backward, "dtype")
cdef Op TO_COPY = declare("ToCopyBackward0", copy_backward, "dtype")


@CLONE.second
@TO_COPY.second
def _copy_second(step, g):
    if is_complex((<Tensor>g).array) and step.dtype.kind != "c":
        g = g.real
    return g if (<Tensor>g).array.dtype == step.dtype else g.to(step.dtype)


cdef Tensor copied(np.ndarray array, Tensor x, Op record):
    return record1(array, record, x, (x.array.dtype,)) if recording(x) else wrap(array)


@operation()
def clone(input, *, memory_format=None):
    """A copy with memory of its own; gradients flow through.

    Its axes lie in memory in the order of the input's; in C order with ``memory_format=contiguous_format``.

    Parameters
    ----------
    input : Tensor
    memory_format : optional
        Without effect.

    Examples
    --------
    >>> fastnn.clone(fastnn.tensor([1, 2]))
    tensor([1, 2])
    """
    cdef Tensor x = <Tensor?>input
    cdef bint keep = memory_format != "torch.contiguous_format" and not np.PyArray_IS_C_CONTIGUOUS(x.array)
    if is_real(x.array):
        array = K.copy(x.array, keep)
    else:
        array = x.array.copy("K" if keep and not repeats(x.array) else "C")
    return copied(array, x, CLONE)


@operation("Tensor")
def contiguous(input, memory_format=None):
    """The tensor itself if its memory is in C order, else such a copy.

    Parameters
    ----------
    input : Tensor
    memory_format : optional
        Without effect.

    Examples
    --------
    >>> fastnn.ones(2, 3).t().contiguous().is_contiguous()
    True
    """
    cdef Tensor x = <Tensor?>input
    return x if np.PyArray_IS_C_CONTIGUOUS(x.array) else clone(x, memory_format="torch.contiguous_format")


def converted(np.ndarray array, wanted):
    """A copy in another NumPy dtype; where imaginary parts are lost, with PyTorch's warning."""
    cdef bint to_real = wanted.kind not in "cb"
    if array.dtype.kind == "V" or wanted.kind == "V":
        if array.dtype == wanted:
            return array.copy()
        from fastnn import formats
        array = formats.decoded(array) if array.dtype.kind == "V" else array
        to_real = to_real and not (wanted.kind == "V" and dtypes.from_numpy(wanted).is_complex)
    if is_complex(array) and to_real:
        warnings.warn("Casting complex values to real discards the imaginary part", stacklevel=3)
        array = array.real
    if wanted.kind == "V":
        return formats.encoded(array, wanted)
    with numpy.errstate(over="ignore", invalid="ignore"):
        return array.astype(wanted, "C" if repeats(array) else "K")


def cast(input, dtype, bint copy=False):
    """The tensor in another dtype; itself if it has it already."""
    cdef Tensor x = <Tensor?>input
    wanted = dtypes.to_numpy(dtype)
    if x.array.dtype == wanted and not copy:
        return x
    array = converted(x.array, wanted)
    if wanted.kind not in "fcV":
        return wrap(array)
    return copied(array, x, TO_COPY)
