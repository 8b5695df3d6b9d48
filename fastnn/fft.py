"""torch.fft: Fourier transforms over NumPy's, with gradients of any order."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import to_array
from fastnn.ops import rearrange
from fastnn.ops._common import axis_of, into, need_tensors
from fastnn.ops.arguments import int64_of, int64s_of
from fastnn.ops.complex_numbers import fourier as _fourier
from fastnn.ops.creation import check_options, finish, sizes_of
from fastnn.ops.declare import operation as _operation
from fastnn.ops.functions import public as _public


def _scale(norm, forward):
    if norm in (None, "backward"):
        return "none" if forward else "by_n"
    if norm == "forward":
        return "by_n" if forward else "none"
    if norm == "ortho":
        return "ortho"
    raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _ready(op, x, only_real, only_complex):
    """The tensor in a dtype that has transforms: integers in the default one."""
    need_tensors(f"fft_{op}", x)
    kind = to_array(x).dtype
    if only_real and kind.kind == "c":
        raise RuntimeError(f"{op} expects a real input tensor, but got {x.dtype}")
    if kind == np.float16:
        raise RuntimeError(f"{op}: Unsupported dtype Half")
    if kind.kind not in "fc":
        kind = dtypes.get_computing_dtype().numpy
    if only_complex:
        kind = dtypes.to_complex(kind)
    return x if to_array(x).dtype == kind else x.to(dtypes.from_numpy(kind))


def _need_points(size):
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")


def _axis(op, x, n, dim):
    """(axis, size) of a transform of one dimension."""
    dim = int64_of(f"fft_{op}", "dim", dim)
    if not x.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = axis_of(dim, x.ndim)
    return axis, None if n is None else int64_of(f"fft_{op}", "n", n)


def _axes(op, x, s, dim):
    """(axes, sizes) of a transform of several dimensions; a size is None where the tensor's own is meant."""
    if s is not None:
        s = int64s_of(f"fft_{op}", "s", (s,) if isinstance(s, int) else s)
    if dim is not None:
        dims = int64s_of(f"fft_{op}", "dim", (dim,) if isinstance(dim, int) else dim)
        axes = tuple(axis_of(d, x.ndim) for d in dims)
        if len(set(axes)) != len(axes):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(axes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > x.ndim:
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
        axes = tuple(range(x.ndim - len(s), x.ndim))
    else:
        axes = tuple(range(x.ndim))
    return axes, tuple(None if s is None or s[i] == -1 else s[i] for i in range(len(axes)))


def _transform(op, kind, x, axes, sizes, norm, forward):
    """Any of them: `kind` is "c2c", "r2c" or "c2r"."""
    scale = _scale(norm, forward)
    if kind == "c2r":  # the last size is the result's
        last = 2 * (x.shape[axes[-1]] - 1) if sizes[-1] is None else sizes[-1]
        sizes = (*sizes[:-1], last // 2 + 1)
        _need_points(last)
    sizes = tuple(x.shape[axis] if size is None else size for axis, size in zip(axes, sizes))
    for size in sizes:
        _need_points(size)
    x = _fourier.resized(x, axes, sizes)
    if kind == "c2r":
        return _fourier.c2r(x, axes, scale, last, forward)
    return getattr(_fourier, kind)(x, axes, scale, forward)


_KINDS = {  # (what, kind of transform, whether forward, sizes of the last dimension, how it is told)
    "fft": ("c2c", True, "n -> n", "The Fourier transform"),
    "ifft": ("c2c", False, "n -> n", "The inverse Fourier transform"),
    "rfft": ("r2c", True, "n -> n // 2 + 1", "The Fourier transform of real numbers, without the half that conjugates"),
    "irfft": ("c2r", False, "m -> n, 2 (m - 1) if not given", "The inverse of `rfft`: real numbers"),
    "hfft": ("c2r", True, "m -> n, 2 (m - 1) if not given",
             "The Fourier transform, which is real, of numbers whose second half conjugates the first, which is given"),
    "ihfft": ("r2c", False, "n -> n // 2 + 1", "The inverse of `hfft`, of real numbers"),
}
_EXAMPLES = {
    "fft": ("[1.0, 0.0, 0.0]", "tensor([1.+0.j, 1.+0.j, 1.+0.j])"),
    "ifft": ("[3.0, 0.0, 0.0]", "tensor([1.+0.j, 1.+0.j, 1.+0.j])"),
    "rfft": ("[1.0, 0.0, 0.0]", "tensor([1.+0.j, 1.+0.j])"), "irfft": ("[1.0, 1.0]", "tensor([1., 0.])"),
    "hfft": ("[1.0, 1.0]", "tensor([2., 0.])"), "ihfft": ("[2.0, 0.0]", "tensor([1.-0.j, 1.-0.j])"),
}
_NORM = """norm : {"backward", "ortho", "forward"}, optional
        Which direction is divided by the number of points: the inverse one ("backward", the default), the forward one,
        or both by its square root.
    out : Tensor, optional
        Where the result is written."""


def _one(name):
    """A transform along one dimension."""
    kind, forward, sizes, what = _KINDS[name]

    def function(input, n=None, dim=-1, norm=None):
        x = _ready(name, input, kind == "r2c", kind == "c2r")
        axis, size = _axis(name, x, n, dim)
        return _transform(name, kind, x, (axis,), (size,), norm, forward)
    given, found = _EXAMPLES[name]
    function.__doc__ = f"""{what}, along one dimension.

    Sizes of the dimension: {sizes}. Gradients may be differentiated in turn.

    Parameters
    ----------
    input : Tensor
    n : int, optional
        Points of the transform: the dimension is cut, or filled up with zeros.
    dim : int, default -1
    {_NORM}

    Raises
    ------
    RuntimeError
        No points, {"a complex input, " if kind == "r2c" else ""}float16, an unknown `norm`.

    Examples
    --------
    >>> fastnn.fft.{name}(fastnn.tensor({given}))
    {found}
    """
    return name, function


def _several(name, ending):
    """A transform along several dimensions, the last two by default (`ending` 2) or all."""
    kind, forward, sizes, what = _KINDS[name]
    name += ending

    def transform(input, s, dim, norm):
        x = _ready(name, input, kind == "r2c", kind == "c2r")
        axes, wanted = _axes(name, x, s, dim)
        if not axes:
            if kind != "c2c":
                raise RuntimeError(f"{name} must transform at least one axis")
            _scale(norm, forward)
            return x.to(dtypes.from_numpy(dtypes.to_complex(to_array(x).dtype)), copy=True)
        return _transform(name, kind, x, axes, wanted, norm, forward)

    def function(input, s=None, dim=(-2, -1), norm=None):
        return transform(input, s, dim, norm)

    def of_all(input, s=None, dim=None, norm=None):
        return transform(input, s, dim, norm)
    function = function if ending == "2" else of_all
    function.__doc__ = f"""{what}, along {"two" if ending == "2" else "several"} dimensions.

    Sizes of the last one of them: {sizes}. Gradients may be differentiated in turn.

    Parameters
    ----------
    input : Tensor
    s : int or tuple of ints, optional
        Points of the transform along each dimension, which is cut, or filled up with zeros; -1 keeps a size.
    dim : int or tuple of ints, {"default (-2, -1)" if ending == "2" else "optional"}
        Dimensions{"" if ending == "2" else "; the last len(s), all without `s`"}.
    {_NORM}

    Raises
    ------
    RuntimeError
        No points, {"a complex input, " if kind == "r2c" else ""}float16, an unknown `norm`, dimensions given twice.

    Examples
    --------
    >>> fastnn.fft.{name}(fastnn.ones(2, {"3" if kind == "c2r" else "2"})).shape
    torch.Size([2, {"4" if kind == "c2r" else "2"}])
    """
    return name, function


for _name, _function in [_one(_each) for _each in _KINDS] + [
        _several(_each, _ending) for _each in _KINDS for _ending in "2n"]:
    _function.__name__ = _function.__qualname__ = _name
    _operation("fft", out=True)(_function)


def _frequencies(op, found, n, d, dtype, device, layout, pin_memory, requires_grad, out):
    check_options(device, layout, pin_memory)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    if kind.kind not in "fc":
        raise RuntimeError(f"{op} requires a floating point or complex dtype")
    sizes_of((n,))
    made = (found / (n * d) if n else found).astype(kind)
    return into(op, out, finish(made, requires_grad))


@_operation("fft")
def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """The frequencies of the numbers that ``fft`` gives: 0, 1, ..., -1, divided by n d.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default 1.0
        Time between samples.
    out : Tensor, optional
        Where the result is written.
    dtype : dtype, optional
    requires_grad : bool, default False
    layout, device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    n = int64_of("fft_fftfreq", "n", n)
    found = np.arange(max(n, 0), dtype=np.float64)
    found[(n + 1) // 2:] -= n
    return _frequencies("fftfreq", found, n, d, dtype, device, layout, pin_memory, requires_grad, out)


@_operation("fft")
def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """The frequencies of the numbers that ``rfft`` gives: 0, 1, ..., n // 2, divided by n d.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default 1.0
        Time between samples.
    out : Tensor, optional
        Where the result is written.
    dtype : dtype, optional
    requires_grad : bool, default False
    layout, device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    n = int64_of("fft_rfftfreq", "n", n)
    return _frequencies("rfftfreq", np.arange(max(n // 2 + 1, 0), dtype=np.float64), n, d, dtype, device, layout,
                        pin_memory, requires_grad, out)


def _shifted(op, input, dim, inverse):
    need_tensors(f"fft_{op}", input)
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    axes = tuple(axis_of(d, input.ndim) for d in dims)
    steps = tuple((input.shape[axis] + inverse) // 2 for axis in axes)
    return rearrange.roll(input, steps, axes) if axes else input.clone()


@_operation("fft")
def fftshift(input, dim=None):
    """Frequency 0, the first of what ``fft`` gives, moves to the middle.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
        All if not given.

    Examples
    --------
    >>> fastnn.fft.fftshift(fastnn.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted("fftshift", input, dim, 0)


@_operation("fft")
def ifftshift(input, dim=None):
    """The inverse of `fftshift`.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
        All if not given.

    Examples
    --------
    >>> fastnn.fft.ifftshift(fastnn.tensor([-2, -1, 0, 1]))
    tensor([ 0,  1, -2, -1])
    """
    return _shifted("ifftshift", input, dim, 1)


_found = _public("fft")
__all__ = [name for name in sorted(_found)]
globals().update(_found)
