"""Matrix products and the dense layer."""
from fastnn.onnx.graph import Value
from fastnn.onnx.rules._declare import rule
from fastnn.onnx.rules.elementwise import activated
from fastnn.ops import linear as ops


def affine(g, x, weight, bias):
    """x W^T + b, of matrices as one node."""
    if weight.ndim == 1:
        made = g.op("MatMul", x, weight)
        return made if bias is None else g.op("Add", made, bias)
    if x.ndim == 2:
        stored = weight.constant
        transposed = stored is None or stored.flags.c_contiguous or id(weight.arrays[0]) in g.names
        right = weight if transposed else stored.T  # Keras' kernels are (in, units)
        return g.op("Gemm", x, right, bias, transB=int(transposed) or None)
    made = g.op("MatMul", x, weight.constant.T if weight.constant is not None else
                g.op("Transpose", weight, perm=[1, 0]))
    return made if bias is None else g.op("Add", made, bias)


@rule("linear")
def _linear(g, input, weight, bias=None):
    return affine(g, input, weight, bias)


@rule(ops.fused_linear)
def _fused(g, input, weight, bias, activation, a, b):
    return activated(g, affine(g, input, weight, bias), activation, a, b)


@rule("matmul")
def _matmul(g, input, other):
    return g.op("MatMul", g.cast(input, g.result.dtype), g.cast(other, g.result.dtype))


@rule("mm bmm")
def _mm(g, input, mat2):
    return _matmul(g, input, mat2)


@rule("mv")
def _mv(g, input, vec):
    return _matmul(g, input, vec)


@rule("dot")
def _dot(g, input, tensor):
    return _matmul(g, input, tensor)


@rule(ops.rmatmul)
def _rmatmul(g, input, other):
    return g.op("MatMul", g.operand(other, g.result.dtype), input)


@rule("addmm")
def _addmm(g, input, mat1, mat2, beta=1, alpha=1):
    return g.op("Gemm", mat1, mat2, input, alpha=float(alpha), beta=float(beta))


@rule("baddbmm")
def _baddbmm(g, input, batch1, batch2, beta=1, alpha=1):
    product = g.op("MatMul", batch1, batch2)
    if alpha != 1:
        product = g.op("Mul", product, g.scalar(alpha, g.result.dtype))
    rest = input if beta == 1 else g.op("Mul", input, g.scalar(beta, g.result.dtype))
    return g.op("Add", rest, product)


@rule("outer ger")
def _outer(g, input, vec2):
    return g.op("Mul", g.op("Unsqueeze", input, g.ints(1)), vec2)


@rule("einsum")
def _einsum(g, equation, *operands):
    operands = operands[0] if len(operands) == 1 and not isinstance(operands[0], Value) else operands
    if not isinstance(equation, str):
        raise g.unsupported("an equation of numbers")
    return g.op("Einsum", *operands, equation=equation)
