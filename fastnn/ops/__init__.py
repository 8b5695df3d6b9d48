"""Operations: a forward function and its backward rule, side by side, one module for each subject.

Importing this package gives Tensor its operators, and the methods that the functions of its modules declare
(`fastnn.ops.declare`).
"""
from fastnn import _gradients, _operators, _tensor  # noqa: F401 (backward and hooks become methods)
# Those that declare functions:
from fastnn.ops import (activation, activation_composed, adaptive_pool, arithmetic, arithmetic_composed, attention,
                        attention_composed, bessel, casting, combinatorics, compare, compare_composed, complex_names,
                        conv, conv_composed, creation, decompositions, diagonals, distance, dropout, embedding,
                        factorizations, families, fold, fractional_pool, gamma_functions, histogram, indexing, inplace,
                        joining, joining_composed, layouts, linalg, linear, logic, loss, loss_composed,
                        matrix_functions, methods, normalization, norms, overriding, padding, pointwise,
                        pointwise_composed, pool, products, ranges, rearrange, reduce, reduce_composed, remainder,
                        replacing, resample, sampling, scan, scatter, shape, shape_composed, sharing, short_time,
                        shuffle, softmax, sorting, special, splitting, statistics, storage, strides, triangular,
                        trigonometric, unpool, volumes)
from fastnn.ops.functions import public
from fastnn.ops.printing import tensor_str

_methods = public("Tensor")
_tensor.install_methods(_methods)
_operators.open_class(_tensor.Tensor)
_operators.install(
    add=arithmetic.add, sub=arithmetic.sub, rsub=arithmetic.rsub, mul=arithmetic.mul, div=arithmetic.div,
    rdiv=arithmetic.rdiv, pow=arithmetic.pow, rpow=arithmetic.rpow, matmul=linear.matmul, rmatmul=linear.rmatmul,
    neg=pointwise.neg, abs=pointwise.abs, floor_divide=_methods["floor_divide"], remainder=_methods["remainder"],
    rfloor_divide=arithmetic.rfloor_divide, rremainder=remainder.rremainder,
    iadd=arithmetic.add_, isub=arithmetic.sub_, imul=arithmetic.mul_, idiv=arithmetic.div_, ipow=arithmetic.pow_,
    invert=compare.invert, getitem=indexing.getitem, setitem=indexing.setitem,
    unbind=splitting.unbind,
    eq=compare.eq, ne=compare.ne, lt=compare.lt, le=compare.le, gt=compare.gt, ge=compare.ge,
    repr=tensor_str, construct=creation.construct,
    **{name: _methods[f"bitwise_{name}"] for name in ("and", "or", "xor")})
