"""New tensors by rule: ranges, grids, powers, the identity."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.ops import arithmetic
from fastnn.ops._common import into, room
from fastnn.ops.arguments import int64_of
from fastnn.ops.creation import check_options, finish
from fastnn.ops.declare import operation
from fastnn.ops.joining import stack


@operation("fastnn")
def arange(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
           out=None):
    """start, start + step, ... below end; int64 for integers, else the default float type.

    Parameters
    ----------
    start : number, default 0
    end : number, optional
        ``arange(end)`` starts at 0.
    step : number, default 1
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        `step` is 0, or leads away from `end`.

    Examples
    --------
    >>> fastnn.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    check_options(device, layout, pin_memory)
    if end is None:
        start, end = 0, start
    start, end, step = (value.item() if isinstance(value, Tensor) else value for value in (start, end, step))
    if out is not None:
        dtype = out.dtype
        if not dtype.is_floating_point and int(step) == 0:
            raise ValueError("step must be nonzero")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    for name, value in (("start", start), ("end", end), ("step", step)):
        if isinstance(value, int):
            int64_of("arange", name, int(value))
    if not (np.isfinite(start) and np.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        dtype = np.int64 if all(isinstance(value, (int, np.integer)) for value in (start, end, step)) else None
    kind = dtypes.to_numpy(dtype)
    if kind.kind == "b":
        raise NotImplementedError('"arange_cpu" not implemented for \'Bool\'')
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)
    if all(isinstance(value, int) for value in (start, end, step)):  # exactly
        count = -(-(end - start) // step)
    else:
        count = int(np.ceil((end - start) / step))
    room("arange", (count,), 8)
    if kind.kind in "iu":
        start, step = int(start), int(step)
    values = start + np.arange(count, dtype=np.int64 if isinstance(start, int) and isinstance(step, int) else
                               np.float64) * step
    return into("arange", out, finish(values.astype(kind), requires_grad))


@operation("fastnn")
def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """`steps` evenly spaced numbers from start to end, both included.

    Parameters
    ----------
    start : number or Tensor
    end : number or Tensor
    steps : int
        How many numbers.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    check_options(device, layout, pin_memory)
    steps = int64_of("linspace", "steps", steps)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if any(isinstance(value, Tensor) and value.ndim for value in (start, end)):
        raise RuntimeError("linspace only supports 0-dimensional start and end tensors")
    room("linspace", (steps,), 8)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    start, end = (value.item() if isinstance(value, Tensor) else value for value in (start, end))
    if kind.kind != "c" and any(isinstance(value, complex) for value in (start, end)):
        raise RuntimeError(f"torch.linspace(): inferred dtype complex can't be safely cast to passed dtype {kind}")
    # From both ends towards the middle, in the dtype itself (integers in float64), as PyTorch counts.
    real = kind if kind.kind in "fc" else np.dtype(np.float64)
    start, end = (np.asarray(value).astype(kind).astype(real)[()] for value in (start, end))
    step = real.type((end - start) / (steps - 1)) if steps > 1 else real.type(0)
    index = np.arange(steps)
    lower = start + step * index.astype(real)
    upper = end - step * (steps - 1 - index).astype(real)
    values = np.where(index < steps // 2, lower, upper).astype(kind) if steps != 1 else np.asarray([start], kind)
    return into("linspace", out, finish(values, requires_grad))


@operation("fastnn")
def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Ones on the diagonal, zeros elsewhere.

    Parameters
    ----------
    n : int
        Rows.
    m : int, optional
        Columns; `n` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    check_options(device, layout, pin_memory)
    n, m = int64_of("eye", "n", n), None if m is None else int64_of("eye", "m", m)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    room("eye", (n, n if m is None else m), kind.itemsize)
    return into("eye", out, finish(np.eye(n, m, dtype=kind), requires_grad))


@operation("fastnn")
def logspace(start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False, out=None):
    """`steps` numbers from base^start to base^end, evenly spaced in their exponents.

    Parameters
    ----------
    start : number or Tensor
    end : number or Tensor
    steps : int
        How many numbers.
    base : float, default 10.0
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    check_options(device, layout, pin_memory)
    kind = dtypes.to_numpy(dtype if out is None else out.dtype)
    if kind.kind in "iu" and int64_of("logspace", "steps", steps) > 1:  # exponents from and to numbers of the dtype
        start, end = (value.item() if isinstance(value, Tensor) and not value.ndim else value for value in (start, end))
        limits = np.iinfo(kind)
        for value in (start, end):
            if isinstance(value, (int, float)) and not limits.min <= value <= limits.max:
                raise RuntimeError(f"logspace(): value cannot be converted to type {kind} without overflow: {value}")
        start, end = (int(value) if isinstance(value, (int, float)) else value for value in (start, end))
    exponents = linspace(start, end, steps, dtype=dtypes.float64).numpy()
    return into("logspace", out, finish(np.power(float(base), exponents).astype(kind), requires_grad))


@operation("fastnn")
def vander(x, N=None, increasing=False):  # noqa: N803 (PyTorch's name)
    """Powers of a vector's elements, one element a row.

    Parameters
    ----------
    x : Tensor
        A vector.
    N : int, optional
        How many powers; as many as elements if not given.
    increasing : bool, default False

    Examples
    --------
    >>> fastnn.vander(fastnn.tensor([2, 3, 4]))
    tensor([[ 4,  2,  1],
            [ 9,  3,  1],
            [16,  4,  1]])
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    powers = powers_of(x, n)
    return powers if increasing else powers.flip(1)


def powers_of(x, count):
    """x^0, x^1, ... along a new last dimension; of whole numbers in int64."""
    room("vander", (*x.shape, count), x.itemsize)
    x = x if x.is_floating_point() or x.is_complex() else x.to(dtypes.int64)
    powers = [from_array(np.ones(tuple(x.shape), x.detach().numpy().dtype))]
    while len(powers) < count:
        powers.append(arithmetic.mul(powers[-1], x))
    return stack(powers, -1)[..., :count]


@operation("fastnn")
def meshgrid(*tensors, indexing=None) -> tuple[Tensor, ...]:
    """Coordinates of a grid: each vector expanded over the dimensions of the others.

    Parameters
    ----------
    *tensors : Tensor
        Vectors, or one sequence of them.
    indexing : {"ij", "xy"}, optional
        "xy" exchanges the first two dimensions; "ij" if not given.

    Returns
    -------
    tuple of Tensors
        Views.

    Examples
    --------
    >>> fastnn.meshgrid(fastnn.tensor([1, 2]), fastnn.tensor([5, 6]), indexing="ij")[0]
    tensor([[1, 1],
            [2, 2]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(tensors) > 1
    if swapped:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    sizes = [x.numel() for x in tensors]
    grids = [x.reshape([-1 if i == axis else 1 for i in range(len(tensors))] if x.numel() else
                       [0 if i == axis else 1 for i in range(len(tensors))]).expand(sizes)
             for axis, x in enumerate(tensors)]
    if swapped:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)
