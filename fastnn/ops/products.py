"""Products of several operands: of vectors, matrices, batches, and Einstein's sums."""
import functools
import string

import numpy as np

from fastnn._tensor import record
from fastnn.errors import ShapeError
from fastnn.ops import arithmetic, rearrange, reduce
from fastnn.ops._common import axis_of, broadcast_shapes, need_one_dtype, need_tensors, promote, room
from fastnn.ops.constant import constant
from fastnn.ops.arithmetic import add, mul
from fastnn.ops.declare import operation
from fastnn.ops.linear import bmm, dot, linear, matmul, mm, mv, outer


@operation(out=True)
def cross(input, other, dim=None):
    """The vector product of vectors of 3 numbers along `dim` (the first of size 3 by default).

    Parameters
    ----------
    input : Tensor
    other : Tensor
    dim : int, optional
        Dimension; negative ones count from the end.

    Raises
    ------
    RuntimeError
        The size of `dim` is not 3.

    Examples
    --------
    >>> fastnn.cross(fastnn.tensor([1, 0, 0]), fastnn.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    need_tensors("cross", input, other)
    need_one_dtype("linalg.cross", input, other)
    if input.ndim != other.ndim:
        raise RuntimeError(f"linalg.cross: inputs must have the same number of dimensions, got {input.ndim} and "
                           f"{other.ndim}")
    sizes = broadcast_shapes(tuple(input.shape), tuple(other.shape))
    if dim is None:
        if 3 not in sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes.index(3)
    dim = axis_of(dim, len(sizes))
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and "
                           f"{other.shape[dim]}")
    x, y = input.expand(sizes), other.expand(sizes)
    return arithmetic.sub(arithmetic.mul(rearrange.roll(x, -1, dim), rearrange.roll(y, -2, dim)),
                          arithmetic.mul(rearrange.roll(x, -2, dim), rearrange.roll(y, -1, dim)))


@operation("fastnn functional")
def bilinear(input1, input2, weight, bias=None):
    """y[o] = x1 weight[o] x2 + bias[o].

    Shape: inputs (*, in1) and (*, in2), weight (out, in1, in2), bias (out), result (*, out).

    Parameters
    ----------
    input1 : Tensor
    input2 : Tensor
    weight : Tensor
    bias : Tensor, optional

    Examples
    --------
    >>> F.bilinear(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([[3.0]]), fastnn.ones(1, 2, 1))
    tensor([[9.]])
    """
    need_tensors("bilinear", input1, input2, weight)
    if weight.ndim != 3 or input1.ndim != input2.ndim or input1.ndim == 0 or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: expected (*, in1), (*, in2) and weight "
                           f"(out, in1, in2), got {list(input1.shape)}, {list(input2.shape)} and "
                           f"{list(weight.shape)}")
    for name, x, size in (("input1", input1, weight.shape[1]), ("input2", input2, weight.shape[2])):
        if x.shape[-1] != size:
            raise RuntimeError(f"bilinear(): {name} size does not match weight size: got {x.shape[-1]} but expected "
                               f"{size}")
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {list(bias.shape)} but expected "
                           f"[{weight.shape[0]}]")
    out, in1, in2 = weight.shape
    right = linear(input2, weight.reshape(out * in1, in2)).unflatten(-1, (out, in1))
    result = matmul(right, input1.unsqueeze(-1)).squeeze(-1)
    return result if bias is None else add(result, bias)


@operation("linalg", out=True)
def multi_dot(tensors):
    """The product of several matrices (the first and last may be vectors).

    Parameters
    ----------
    tensors : sequence of Tensors

    Examples
    --------
    >>> fastnn.linalg.multi_dot([fastnn.ones(2, 3), fastnn.ones(3, 2), fastnn.ones(2)])
    tensor([6., 6.])
    """
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, last = tensors[0].ndim == 1, tensors[-1].ndim == 1
    chain = list(tensors)
    if first:
        chain[0] = chain[0].unsqueeze(0)
    if last:
        chain[-1] = chain[-1].unsqueeze(1)
    if len(chain) == 2 or any(x.ndim != 2 for x in chain):  # an error of matmul's, where they are no matrices
        made = functools.reduce(matmul, chain)
    else:
        made = _product_of(chain, _splits([x.shape[0] for x in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    made = made.squeeze(-1) if last else made
    return made.squeeze(0) if first else made


def _splits(sizes):
    """Where each part (i, j) of a chain of matrices is split for the least work, of equals as PyTorch chooses."""
    count = len(sizes) - 1
    best, splits = {(i, i): 0 for i in range(count)}, {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [best[i, k] + best[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            best[i, j] = min(costs)
            splits[i, j] = j - 1 - costs[::-1].index(min(costs)) if count == 3 else i + costs.index(min(costs))
    return splits


def _product_of(chain, splits, i, j):
    if i == j:
        return chain[i]
    k = splits[i, j]
    return matmul(_product_of(chain, splits, i, k), _product_of(chain, splits, k + 1, j))


@operation("linalg", out=True)
def vecdot(x, y, *, dim=-1):
    """Sums of products along `dim`.

    Parameters
    ----------
    x : Tensor
    y : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.linalg.vecdot(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor(11.)
    """
    need_tensors("linalg.vecdot", x, y)
    need_one_dtype("linalg.vecdot", x, y)
    return reduce.sum(arithmetic.mul(x, y), dim)


@operation(out=True)
def vdot(input, other):
    """Inner product of two vectors.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.vdot(fastnn.tensor([1, 2]), fastnn.tensor([3, 4]))
    tensor(11)
    """
    return dot(input, other)


@operation(inplace=True, out=True, scaled=True)
def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta * input + alpha * the outer product of two vectors.

    Parameters
    ----------
    input : Tensor
    vec1 : Tensor
    vec2 : Tensor
    beta : number, default 1
        Factor of `input`.
    alpha : number, default 1
        Factor of the product.

    Examples
    --------
    >>> fastnn.addr(fastnn.zeros(2, 2), fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return weighted(input, beta, outer(vec1, vec2), alpha)


def scaled_by(x, factor):
    return x if isinstance(factor, (int, float)) and factor == 1 else mul(x, factor)


def weighted(input, beta, product, alpha):
    """beta * input + alpha * product; with beta = 0 NaN and inf of the input do not count."""
    if not input.is_floating_point() and not product.is_floating_point():
        alpha, beta, dtype = int(alpha), int(beta), input.dtype
        return add(scaled_by(input, beta), scaled_by(product, alpha)).to(dtype)
    product = scaled_by(product, alpha)
    if beta == 0:
        zeros = np.zeros(tuple(input.shape), input.detach().numpy().dtype)
        return add(product, record(zeros, constant("MulBackward0"), (input,), (zeros.shape,)))
    return add(scaled_by(input, beta), product)


@operation(inplace=True, out=True, scaled=True)
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2).

    Parameters
    ----------
    input : Tensor
    mat1 : Tensor
    mat2 : Tensor
    beta : number, default 1
        Factor of `input`.
    alpha : number, default 1
        Factor of the product.

    Examples
    --------
    >>> fastnn.addmm(fastnn.ones(1, 1), fastnn.ones(1, 2), fastnn.ones(2, 1))
    tensor([[3.]])
    """
    need_tensors("addmm", input, mat1)
    need_one_dtype("addmm", input, mat1)
    product = mm(mat1, mat2)
    return add(input, product) if beta == 1 and alpha == 1 else weighted(input, beta, product, alpha)


@operation(inplace=True, out=True, scaled=True)
def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta * input + alpha * (mat @ vec).

    Parameters
    ----------
    input : Tensor
    mat : Tensor
    vec : Tensor
    beta : number, default 1
        Factor of `input`.
    alpha : number, default 1
        Factor of the product.

    Examples
    --------
    >>> fastnn.addmv(fastnn.ones(2), fastnn.ones(2, 3), fastnn.ones(3))
    tensor([4., 4.])
    """
    need_tensors("addmv", input, mat)
    need_one_dtype("addmv", input, mat)
    return weighted(input, beta, mv(mat, vec), alpha)


@operation(inplace=True, out=True, scaled=True)
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * the sum over the stack of batch1[i] @ batch2[i].

    Parameters
    ----------
    input : Tensor
    batch1 : Tensor
        (stack, n, k)
    batch2 : Tensor
        (stack, k, m)
    beta : number, default 1
        Factor of `input`.
    alpha : number, default 1
        Factor of the sum.

    Examples
    --------
    >>> fastnn.addbmm(fastnn.zeros(1, 1), fastnn.ones(2, 1, 3), fastnn.ones(2, 3, 1))
    tensor([[6.]])
    """
    need_tensors("addbmm", input, batch1)
    need_one_dtype("addbmm", input, batch1)
    return weighted(input, beta, reduce.sum(bmm(batch1, batch2), 0), alpha)


@operation(inplace=True, out=True, scaled=True)
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * (batch1[i] @ batch2[i]) for each i of two stacks.

    Parameters
    ----------
    input : Tensor
    batch1 : Tensor
        (stack, n, k)
    batch2 : Tensor
        (stack, k, m)
    beta : number, default 1
        Factor of `input`.
    alpha : number, default 1
        Factor of the products.

    Examples
    --------
    >>> fastnn.baddbmm(fastnn.ones(2, 1, 1), fastnn.ones(2, 1, 3), fastnn.ones(2, 3, 1)).flatten()
    tensor([4., 4.])
    """
    need_tensors("baddbmm", input, batch1, batch2)
    need_one_dtype("baddbmm", input, batch1)
    product = bmm(batch1, batch2)
    if tuple(np.broadcast_shapes(tuple(input.shape), tuple(product.shape))) != tuple(product.shape):
        raise ShapeError(f"baddbmm: expected an input that broadcasts to {list(product.shape)}, got "
                         f"{list(input.shape)}")
    return weighted(input, beta, product, alpha)


@operation(out=True)
def inner(input, other):
    """Sum over the last dimension of products.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.inner(fastnn.tensor([[1, 2], [3, 4]]), fastnn.tensor([1, 1]))
    tensor([3, 7])
    """
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    return tensordot(input, other, ([-1], [-1]))


def _sum(x, dims, keepdim=False):
    """The sum in the tensor's own dtype, also of integers."""
    return reduce.sum(x, dims, keepdim, dtype=None if x.is_floating_point() else x.dtype)


@operation("fastnn", out=True)
def tensordot(a, b, dims=2):
    """Sum of products over dimensions of both: the last and first `dims`, or two lists of dimensions.

    Parameters
    ----------
    a : Tensor
    b : Tensor
    dims : int or two lists of ints, default 2

    Examples
    --------
    >>> fastnn.tensordot(fastnn.ones(2, 3), fastnn.ones(3, 4), dims=1).shape
    torch.Size([2, 4])
    """
    if isinstance(dims, int):
        over = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        over = [[d % a.ndim for d in dims[0]], [d % b.ndim for d in dims[1]]]
    for x, y in zip(*over):
        if a.shape[x] == 1 != b.shape[y]:  # one element stands for all
            b = _sum(b, y, True)
        elif b.shape[y] == 1 != a.shape[x]:
            a = _sum(a, x, True)
        if a.shape[x] != b.shape[y]:
            raise ShapeError(f"tensordot: contracted dimensions need to match, but first has size {a.shape[x]} in dim "
                             f"{x} and second has size {b.shape[y]} in dim {y}")
    kept = [d for d in range(a.ndim) if d not in over[0]], [d for d in range(b.ndim) if d not in over[1]]
    length = int(np.prod([a.shape[d] for d in over[0]], dtype=np.int64))
    rows, columns = [a.shape[d] for d in kept[0]], [b.shape[d] for d in kept[1]]
    left = a.permute(kept[0] + over[0]).reshape(int(np.prod(rows, dtype=np.int64)), length)
    right = b.permute(over[1] + kept[1]).reshape(length, int(np.prod(columns, dtype=np.int64)))
    return matmul(left, right).reshape(rows + columns)


def _parse(equation, operands):
    """Subscripts of each operand and of the result; `...` becomes capital letters that the equation does not use."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum(): {'more' if len(operands) > len(terms) else 'fewer'} operands were provided than "
                         f"specified in the equation")
    spare = [c for c in string.ascii_letters if c not in equation]
    widest = max([x.ndim - len(term.replace("...", "")) for term, x in zip(terms, operands) if "..." in term],
                 default=0)
    dots = "".join(spare[:max(widest, 0)])
    full = []
    for i, (term, x) in enumerate(zip(terms, operands)):
        named = term.replace("...", "")
        if not all(c in string.ascii_letters for c in named):
            raise ValueError(f"einsum(): invalid subscript given in the equation string, subscripts must be in "
                             f"[a-zA-Z], got {term!r}")
        extra = x.ndim - len(named)
        if extra < 0 or (extra and "..." not in term):
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(named)}) does not match the "
                               f"number of dimensions ({x.ndim}) for operand {i}" +
                               (" and no ellipsis was given" if extra > 0 else ""))
        full.append(term.replace("...", dots[len(dots) - extra:]))
    if arrow:
        result = right.replace("...", dots)
    else:
        counts = "".join(term.replace("...", "") for term in terms)
        result = dots + "".join(sorted(c for c in set(counts) if counts.count(c) == 1))
    known = set("".join(full))
    for c in result:
        if result.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
        if c not in known:
            raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input operand")
    return full, result


def _repeated(x, term):
    """Diagonals for subscripts that an operand names twice."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            i = term.index(c)
            j = term.index(c, i + 1)
            x = x.diagonal(0, i, j)
            term = term[:i] + term[i + 1:j] + term[j + 1:] + c
    return x, term


def _contract(x, a, y, b, keep):
    """One product of two operands with subscripts; those not in `keep` and not of the other are summed at once."""
    alone = [[i for i, c in enumerate(s) if c not in other and c not in keep] for s, other in ((a, b), (b, a))]
    if alone[0]:
        x, a = reduce.sum(x, alone[0]), "".join(c for c in a if c in b or c in keep)
    if alone[1]:
        y, b = reduce.sum(y, alone[1]), "".join(c for c in b if c in a or c in keep)
    sizes = {}
    for s, operand in ((a, x), (b, y)):
        for c, size in zip(s, operand.shape):
            sizes[c] = max(sizes.get(c, 1), size) if size != 0 else 0
    batch = [c for c in a if c in b and c in keep]
    summed = [c for c in a if c in b and c not in keep]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]

    def arranged(operand, s, *groups):
        order = [c for group in groups for c in group]
        operand = operand.permute([s.index(c) for c in order]).expand([sizes[c] for c in order])
        return operand.reshape([int(np.prod([sizes[c] for c in group], dtype=np.int64)) for group in groups])
    if any(sizes[c] != 1 for c in summed):
        need_one_dtype("einsum", x, y)
    dtype = promote(x, y)
    z = matmul(arranged(x.to(dtype), a, batch, rows, summed), arranged(y.to(dtype), b, batch, summed, columns))
    order = batch + rows + columns
    return z.reshape([sizes[c] for c in order]), "".join(order)


@operation("fastnn")
def einsum(equation, *operands):
    """Sum of products by Einstein's convention, such as ``einsum("bij,bjk->bik", x, y)``.

    Operands are multiplied from left to right, each step as a (stacked) matrix product.

    Parameters
    ----------
    equation : str
    *operands : Tensor

    Raises
    ------
    RuntimeError
        The equation does not fit the operands.

    Examples
    --------
    >>> fastnn.einsum("ij,j->i", fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]), fastnn.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if not isinstance(equation, str):
        raise TypeError("einsum(): the first argument must be the equation, a str")
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must provide at least one operand")
    need_tensors("einsum", *operands)
    terms, result = _parse(equation, operands)
    sizes = {}
    for i, (term, x) in enumerate(zip(terms, operands)):
        for c, size in zip(term, x.shape):
            if size != 1 and sizes.setdefault(c, size) != size:
                raise RuntimeError(f"einsum(): subscript {c} has size {size} for operand {i} which does not broadcast "
                                   f"with previously seen size {sizes[c]}")
    parts = [_repeated(x, term) for x, term in zip(operands, terms)]
    x, a = parts[0]
    for i, (y, b) in enumerate(parts[1:], 1):
        keep = set(result).union(*(term for _, term in parts[i + 1:]))
        x, a = _contract(x, a, y, b, keep)
    drop = [i for i, c in enumerate(a) if c not in result]
    if drop:
        x, a = reduce.sum(x, drop), "".join(c for c in a if c in result)
    return x.permute([a.index(c) for c in result]) if a != result else x


@operation(out=True)
def kron(input, other):
    """All products of elements, block by block (Kronecker).

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.kron(fastnn.tensor([1, 10]), fastnn.tensor([2, 3]))
    tensor([ 2,  3, 20, 30])
    """
    ndim = max(input.ndim, other.ndim)
    x, y = (t.reshape((1,) * (ndim - t.ndim) + tuple(t.shape)) for t in (input, other))
    room("kron", [a * b for a, b in zip(x.shape, y.shape)], x.itemsize)
    left = x.reshape([size for n in x.shape for size in (n, 1)])
    right = y.reshape([size for n in y.shape for size in (1, n)])
    return mul(left, right).reshape([a * b for a, b in zip(x.shape, y.shape)])
