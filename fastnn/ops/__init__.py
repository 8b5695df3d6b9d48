"""Operations: a forward function and its backward rule, side by side, one module per family.

Importing this package gives Tensor its operators and methods: a function whose first parameter is the tensor is the
method of the same name.
"""
from fastnn import _gradients, _operators, _tensor  # noqa: F401 (backward and hooks become methods)
from fastnn.ops import (activation, arithmetic, arithmetic_composed, casting, combinatorics, compare, compare_composed,
                        conv, conv_composed, creation, diagonals, distance, dropout, indexing, inplace, joining, linalg,
                        linear, methods, names, norms, pointwise, pointwise_composed, products, rearrange, reduce,
                        reduce_composed, sampling, scan, scatter, shape, shape_composed, shuffle, sorting, special,
                        splitting, statistics, strides)
from fastnn.ops._common import Function
from fastnn.ops.printing import tensor_str

# Functions that are Tensor methods too (and functions of the top-level namespace).
FUNCTIONS = {
    arithmetic: "add sub mul div pow maximum minimum floor_divide remainder fmod",
    arithmetic_composed: "addcmul addcdiv lerp atan2 hypot copysign heaviside fmax fmin float_power ldexp gcd lcm "
                         "bitwise_left_shift bitwise_right_shift",
    compare: "eq ne lt le gt ge equal allclose isclose isnan isinf isfinite logical_and logical_or logical_xor "
             "logical_not bitwise_and bitwise_or bitwise_xor bitwise_not",
    compare_composed: "isposinf isneginf isreal",
    diagonals: "diagonal diag_embed diag diagflat tril triu",
    distance: "dist",
    indexing: "select narrow narrow_copy index_select masked_select masked_fill nonzero argwhere take",
    linalg: "adjoint det logdet slogdet matrix_power cholesky trace",
    linear: "matmul mm mv bmm dot addmm outer",
    norms: "norm renorm",
    pointwise: "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal abs neg sign sin cos tan asin acos "
               "atan sinh cosh asinh acosh atanh erf lgamma digamma floor ceil round trunc clamp sigmoid tanh relu",
    pointwise_composed: "frac sgn signbit deg2rad rad2deg clamp_min clamp_max positive nan_to_num",
    products: "addmv addbmm baddbmm addr inner kron vdot cross",
    rearrange: "flip fliplr flipud roll rot90 tile repeat_interleave",
    reduce: "sum mean prod amax amin max min argmax argmin var std all any softmax log_softmax logsumexp",
    reduce_composed: "aminmax nansum nanmean count_nonzero",
    sampling: "bernoulli multinomial",
    scan: "cumsum cumprod cummax cummin logcumsumexp diff",
    scatter: "gather scatter scatter_add scatter_reduce index_add index_copy index_fill index_put put take_along_dim "
             "masked_scatter select_scatter slice_scatter diagonal_scatter",
    shape: "reshape flatten ravel unflatten transpose t permute movedim squeeze unsqueeze broadcast_to clone",
    shape_composed: "sum_to_size is_same_size",
    sorting: "sort argsort msort topk kthvalue unique unique_consecutive bucketize",
    special: "erfc erfinv i0 sinc logit logaddexp logaddexp2 xlogy",
    splitting: "unbind split chunk tensor_split hsplit vsplit dsplit split_with_sizes unsafe_chunk",
    statistics: "median nanmedian mode quantile nanquantile bincount histc cov corrcoef",
    strides: "as_strided unfold",
}
# Functions of the top-level namespace alone.
TOP_LEVEL = {
    activation: "rrelu",
    combinatorics: "cartesian_prod combinations",
    compare_composed: "isin",
    conv: "conv1d conv2d conv_transpose1d conv_transpose2d conv_transpose3d",
    conv_composed: "conv3d",
    creation: "meshgrid vander",
    diagonals: "tril_indices triu_indices",
    distance: "cdist pdist cosine_similarity pairwise_distance",
    dropout: "alpha_dropout dropout feature_alpha_dropout",
    indexing: "unravel_index",
    joining: "hstack vstack dstack column_stack row_stack block_diag",
    pointwise: "celu hardshrink prelu selu threshold",
    products: "einsum tensordot bilinear",
    reduce_composed: "var_mean std_mean",
    sampling: "normal",
    scan: "trapezoid cumulative_trapezoid",
    shape_composed: "broadcast_tensors atleast_1d atleast_2d atleast_3d",
    shuffle: "channel_shuffle",
    sorting: "searchsorted",
}
# Functions of the top-level namespace whose first parameter is no tensor.
CONSTRUCTORS = {
    casting: "can_cast is_complex is_floating_point is_nonzero promote_types result_type",
    creation: "arange as_tensor asarray detach empty empty_like eye fill from_numpy full full_like linspace logspace "
              "ones ones_like scalar_tensor tensor zeros zeros_like",
    indexing: "where",
    sampling: "rand rand_like randint randint_like randn randn_like randperm",
    shape: "cat stack",
}
# Methods under other names, and methods that are no top-level functions.
METHODS = {
    "view": shape.view_as_shape, "view_as": shape.view_as, "reshape_as": shape.reshape_as, "expand": shape.expand,
    "expand_as": shape.expand_as, "contiguous": shape.contiguous,
    "add_": arithmetic.add_, "sub_": arithmetic.sub_, "mul_": arithmetic.mul_, "div_": arithmetic.div_,
    "repeat": rearrange.repeat, "pow_": arithmetic.pow_,
    "where": lambda self, condition, other: indexing.where(condition, self, other),
    **pointwise.IN_PLACE, **methods.METHODS,
}


def _named(table):
    return {name: getattr(module, name) for module, names in table.items() for name in names.split()}


def _in_place_forms():
    functions = _named(FUNCTIONS)
    return {**{f"{name}_": inplace.form(name, functions[name]) for name in names.IN_PLACE.split()},
            **{f"{name}_": inplace.view_form(name, functions[name]) for name in names.VIEWS_IN_PLACE.split()}}


def public(functions, home, out=()):
    """{name: Function} for {name: function}, as programs call them."""
    return {name: Function(function, name, home, names.OTHER_NAMES.get(name), name in out, name in names.SCALED)
            for name, function in functions.items()}


def _functions():
    """The top-level namespace; there, and not as methods, functions take ``out=``."""
    found = {**_named(FUNCTIONS), **_named(TOP_LEVEL)}
    found.update({alias: found[name] for alias, name in names.ALIASES.items()})
    del found["unfold"], found["sum_to_size"]  # methods alone
    found.update({"inverse": linalg.inv, "pinverse": linalg.pinv, "trapz": found["trapezoid"],
                  "rsub": arithmetic.rsub, "broadcast_shapes": shape_composed.broadcast_shapes_of})
    aliases = {alias for alias, name in names.ALIASES.items() if name in names.OUT}
    return public(found, "fastnn", names.OUT | aliases)


def _constructors():
    return public({**_named(CONSTRUCTORS), "concat": shape.cat, "concatenate": shape.cat}, "fastnn")


METHODS = {**_in_place_forms(), **METHODS}
METHODS.update({f"{alias}_": METHODS[f"{name}_"] for alias, name in names.ALIASES.items() if f"{name}_" in METHODS})
METHODS = {**_named(FUNCTIONS), **{alias: _named(FUNCTIONS)[name] for alias, name in names.ALIASES.items()}, **METHODS,
           "inverse": linalg.inv, "pinverse": linalg.pinv}
_tensor.install_methods({name: method for name, method in METHODS.items() if isinstance(method, property)})
_tensor.install_methods(public({name: method for name, method in METHODS.items() if not isinstance(method, property)},
                               "fastnn.Tensor"))
_operators.install(
    add=arithmetic.add, sub=arithmetic.sub, rsub=arithmetic.rsub, mul=arithmetic.mul, div=arithmetic.div,
    rdiv=arithmetic.rdiv, pow=arithmetic.pow, rpow=arithmetic.rpow, matmul=linear.matmul, rmatmul=linear.rmatmul,
    neg=pointwise.neg, abs=pointwise.abs, floor_divide=arithmetic.floor_divide, remainder=arithmetic.remainder,
    rfloor_divide=arithmetic.rfloor_divide, rremainder=arithmetic.rremainder,
    iadd=arithmetic.add_, isub=arithmetic.sub_, imul=arithmetic.mul_, idiv=arithmetic.div_, ipow=arithmetic.pow_,
    invert=compare.invert, getitem=indexing.getitem, setitem=indexing.setitem,
    repr=tensor_str, construct=creation.construct,
    **{"and": compare.bitwise_and, "or": compare.bitwise_or, "xor": compare.bitwise_xor})
