"""Matrix products and the linear layer."""
cimport numpy as np

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, needs_grad, recording, record2, record3, wrap, shape_of
from fastnn.errors import ShapeError
from fastnn.kernels cimport gemm, linear as K
from fastnn.kernels.elementwise import binary, unary_saves
from fastnn.ops._common cimport STORED, as_tensor, form_of_array, is_ordinary, is_real, is_special, rule_of
from fastnn.ops._common cimport ruled, tensor_of, undo, zero_d
from fastnn.ops.arithmetic import add, mul
from fastnn.ops.maps import mapped
from fastnn.ops.slopes import times_slope
from fastnn.ops.declare import operation

np.import_array()


cdef object linear_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved, edges = node.edges
    return K.linear_backward(grad, saved[0], saved[1], saved[2], saved[3], node.a, node.b,
                             edges[0] is not None, edges[1] is not None, edges[2] is not None)


cdef Op LINEAR = declare("AddmmBackward0", linear_backward, "x weight y activation", "a b")


@LINEAR.second
def _linear_second(step, g):
    if step.y is not None:
        g = times_slope(step, g, step.activation, None, step.output(step.y), step.a, step.b)
    x, w = step.input(step.x, 0), step.input(step.weight, 1)
    rows = g.reshape(-1, w.shape[0])
    return (g @ w if step.needs(0) else None,
            rows.t() @ x.reshape(-1, w.shape[1]) if step.needs(1) else None,
            rows.sum(0) if step.needs(2) else None)


@operation("functional")
def linear(input, weight, bias=None):
    """input @ weight.T + bias.

    Shape: input (*, in), weight (out, in) or (in,), bias (out,) or what broadcasts, result (*, out) or (*).

    Parameters
    ----------
    input : Tensor
    weight : Tensor
    bias : Tensor, optional

    Examples
    --------
    >>> F.linear(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([5.0]))
    tensor([[16.]])
    """
    return fused_linear(input, weight, bias, None, 0.0, 0.0)


cpdef Tensor fused_linear(object input, object weight, Tensor bias, object activation, double a, double b):
    """activation(input @ weight.T + bias) as one kernel; `activation`: the name of a map with parameters a and b.

    Where a gradient is recorded and the map's backward reads its input (gelu, silu), the two run one after the other.
    """
    cdef Tensor x = tensor_of("linear", "input", 1, input), w = tensor_of("linear", "weight", 2, weight), out
    cdef np.ndarray y
    cdef bint records
    records = recording(x) or recording(w) or bias is not None and recording(bias)
    if records and activation is not None and "x" in unary_saves(activation):
        return mapped(fused_linear(x, w, bias, None, 0.0, 0.0), activation, a, b)
    if np.PyArray_NDIM(w.array) == 1:
        out = matmul(x, w)
        return out if bias is None else add(out, bias)
    if form_of_array(x.array) == STORED and x.dtype is w.dtype and (bias is None or x.dtype is bias.dtype):
        return rule_of(STORED, "linear", fused_linear)(x, w, bias, activation, a, b)
    if not is_real(x.array) or bias is not None and np.PyArray_NDIM(bias.array) > 1:
        out = matmul(x, w.t())
        out = out if bias is None else add(out, bias)
        return out if activation is None else mapped(out, activation, a, b)
    y = K.linear_forward(x.array, w.array, bias.array if bias is not None else None, activation, a, b)
    if not records:
        return wrap(y)
    out = record3(y, LINEAR, x, w, bias,
                  (x.array, w.array, y if activation is not None else None, activation))
    out.node.a, out.node.b = a, b
    out.node.guard(x.version_object())
    out.node.guard(w.version_object())
    if activation is not None:
        out.node.guard(out.version_object())
    return out


cdef np.ndarray transposed(np.ndarray x):
    return np.PyArray_SwapAxes(x, np.PyArray_NDIM(x) - 2, np.PyArray_NDIM(x) - 1)


cdef object matmul_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    cdef np.ndarray x = saved[0], y = saved[1]
    cdef int nx = np.PyArray_NDIM(x), ny = np.PyArray_NDIM(y)
    dx = dy = None
    if nx == 1 and ny == 1:
        if node.edges[0] is not None:
            dx = gemm_scale(y, grad)
        if node.edges[1] is not None:
            dy = gemm_scale(x, grad)
        return dx, dy
    shape_x, shape_y = shape_of(x), shape_of(y)
    if nx == 1:  # a row that matmul put in front
        x = x[None, :]
        grad = grad[..., None, :]
    elif ny == 1:
        y = y[:, None]
        grad = grad[..., None]
    if node.edges[0] is not None:
        dx = undo(gemm.matmul(grad, transposed(y)), shape_of(x)).reshape(shape_x)
    if node.edges[1] is not None:
        dy = undo(gemm.matmul(transposed(x), grad), shape_of(y)).reshape(shape_y)
    return dx, dy


cdef Op MATMUL = declare("MmBackward0", matmul_backward, "x y")


@MATMUL.second
def _matmul_second(step, g):
    x, y = step.input(step.x, 0), step.input(step.y, 1)
    if x.ndim == y.ndim == 1:
        return g * y, g * x
    left, right = x if x.ndim > 1 else x.unsqueeze(0), y if y.ndim > 1 else y.unsqueeze(1)
    if x.ndim == 1:
        g = g.unsqueeze(-2)
    if y.ndim == 1:
        g = g.unsqueeze(-1)
    return (step.sum_to(g @ right.mT, left.shape).reshape(tuple(x.shape)) if step.needs(0) else None,
            step.sum_to(left.mT @ g, right.shape).reshape(tuple(y.shape)) if step.needs(1) else None)


cdef np.ndarray gemm_scale(np.ndarray vector, np.ndarray factor):
    return binary("mul", vector, factor)


@operation("fastnn Tensor linalg", out=True)
def matmul(input, other):
    """Matrix product: vectors, matrices, or stacks of matrices whose leading dimensions broadcast.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Raises
    ------
    RuntimeError
        The sizes do not fit.

    Examples
    --------
    >>> fastnn.matmul(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([3.0, 4.0]))
    tensor([11.])
    """
    if not isinstance(other, Tensor) or not isinstance(input, Tensor):
        raise TypeError(f"matmul(): arguments must be Tensors, not {type(input).__name__} and {type(other).__name__}")
    cdef Tensor x = <Tensor>input, y = <Tensor>other, out
    if np.PyArray_TYPE(x.array) != np.PyArray_TYPE(y.array):
        if is_special(other):
            return NotImplemented
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {x.dtype} != {y.dtype}")
    if not is_ordinary(x.array):
        return ruled("matmul", x, y)
    cdef np.ndarray z
    if is_real(x.array):
        z = gemm.matmul(x.array, y.array)
    else:
        z = zero_d(x.array @ y.array)
    if not (recording(x) or recording(y)):
        return wrap(z)
    out = record2(z, MATMUL, x, y, (x.array, y.array))
    if needs_grad(y):
        out.node.guard(x.version_object())
    if needs_grad(x):
        out.node.guard(y.version_object())
    return out


def rmatmul(input, other):
    """other @ input."""
    return matmul(as_tensor(other, input), input)


cdef object exact(str name, object x, object y, int nx, int ny):
    """matmul for operands of fixed numbers of dimensions."""
    cdef int found_x = np.PyArray_NDIM((<Tensor?>x).array), found_y = np.PyArray_NDIM((<Tensor?>y).array)
    if found_x != nx or found_y != ny:
        raise ShapeError(f"{name}: expected {nx}-D and {ny}-D tensors, got {found_x}-D and {found_y}-D")
    return matmul(x, y)


@operation(out=True)
def mm(input, mat2):
    """Product of two matrices.

    Parameters
    ----------
    input : Tensor
    mat2 : Tensor

    Examples
    --------
    >>> fastnn.mm(fastnn.ones(1, 2), fastnn.ones(2, 1))
    tensor([[2.]])
    """
    return exact("mm", input, mat2, 2, 2)


@operation(out=True)
def mv(input, vec):
    """Product of a matrix and a vector.

    Parameters
    ----------
    input : Tensor
    vec : Tensor

    Examples
    --------
    >>> fastnn.mv(fastnn.ones(1, 2), fastnn.ones(2))
    tensor([2.])
    """
    return exact("mv", input, vec, 2, 1)


@operation(out=True)
def bmm(input, mat2):
    """Products of matching matrices of two stacks of equal size.

    Parameters
    ----------
    input : Tensor
    mat2 : Tensor

    Examples
    --------
    >>> fastnn.bmm(fastnn.ones(1, 1, 2), fastnn.ones(1, 2, 1))
    tensor([[[2.]]])
    """
    if isinstance(input, Tensor) and isinstance(mat2, Tensor) and input.ndim == 3 and mat2.ndim == 3 \
            and input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm: expected stacks of equal size, got {list(input.shape)} and {list(mat2.shape)}")
    return exact("bmm", input, mat2, 3, 3)


@operation(out=True)
def dot(input, tensor):
    """Inner product of two vectors.

    Parameters
    ----------
    input : Tensor
    tensor : Tensor

    Examples
    --------
    >>> fastnn.dot(fastnn.tensor([1, 2]), fastnn.tensor([3, 4]))
    tensor(11)
    """
    return exact("dot", input, tensor, 1, 1)


@operation(aliases="ger", out=True)
def outer(input, vec2):
    """All products of the elements of two vectors.

    Parameters
    ----------
    input : Tensor
    vec2 : Tensor

    Examples
    --------
    >>> fastnn.outer(fastnn.tensor([1, 2]), fastnn.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(f"outer: expected 1-D tensors, got {input.ndim}-D and {vec2.ndim}-D")
    return mul(input.unsqueeze(1), vec2)
