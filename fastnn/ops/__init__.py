"""Operations: a forward function and its backward rule, side by side, one module per family.

Importing this package gives Tensor its operators and methods: a function whose first parameter is the tensor is the
method of the same name.
"""
from fastnn import _gradients, _operators, _tensor  # noqa: F401 (backward and hooks become methods)
from fastnn.ops import (arithmetic, arrange, compare, composed, conv, creation, dropout, indexing, inplace, linear,
                        matrices, methods, names, pointwise, products, rearrange, reduce, sampling, scatter, shape,
                        sorting, special, statistics, volumes)
from fastnn.ops._common import Function
from fastnn.ops.printing import tensor_str

# Functions that are Tensor methods too (and functions of the top-level namespace).
FUNCTIONS = {
    arithmetic: "add sub mul div pow maximum minimum floor_divide remainder fmod",
    compare: "eq ne lt le gt ge equal allclose isclose isnan isinf isfinite logical_and logical_or logical_xor "
             "logical_not bitwise_and bitwise_or bitwise_xor bitwise_not",
    arrange: "as_strided unfold adjoint hsplit vsplit dsplit argwhere cross diagflat select_scatter slice_scatter "
             "diagonal_scatter narrow_copy index_put put scatter_reduce split_with_sizes is_same_size unsafe_chunk "
             "sum_to_size",
    matrices: "det logdet slogdet matrix_power cholesky vdot addr",
    special: "erfc erfinv i0 sinc frac sgn signbit deg2rad rad2deg logit clamp_min clamp_max positive "
             "atan2 hypot logaddexp logaddexp2 copysign xlogy heaviside fmax fmin float_power ldexp gcd lcm "
             "bitwise_left_shift bitwise_right_shift isposinf isneginf isreal",
    statistics: "cummax cummin logcumsumexp aminmax nansum nanmean nanmedian mode quantile nanquantile diff renorm cov "
                "corrcoef",
    indexing: "select narrow unbind split chunk gather index_select masked_select masked_fill nonzero",
    linear: "matmul mm mv bmm dot addmm outer",
    pointwise: "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal abs neg sign sin cos tan asin acos "
               "atan sinh cosh asinh acosh atanh erf lgamma digamma floor ceil round trunc clamp sigmoid tanh relu",
    products: "addcmul addcdiv addmv addbmm baddbmm lerp inner kron norm dist trace count_nonzero nan_to_num",
    rearrange: "flip fliplr flipud roll rot90 tile repeat_interleave tensor_split diagonal diag_embed diag tril triu",
    sampling: "bernoulli multinomial",
    scatter: "scatter scatter_add index_add index_copy index_fill take_along_dim take masked_scatter",
    sorting: "sort argsort msort topk kthvalue median unique unique_consecutive bincount histc bucketize cumsum "
             "cumprod",
    reduce: "sum mean prod amax amin max min argmax argmin var std all any softmax log_softmax logsumexp",
    shape: "reshape flatten ravel unflatten transpose t permute movedim squeeze unsqueeze broadcast_to clone",
}
# Functions of the top-level namespace alone.
TOP_LEVEL = {
    composed: "bilinear channel_shuffle pdist rrelu",
    dropout: "alpha_dropout dropout feature_alpha_dropout",
    pointwise: "celu hardshrink prelu selu threshold",
    conv: "conv1d conv2d conv_transpose1d conv_transpose2d conv_transpose3d",
    volumes: "conv3d",
    products: "einsum tensordot cosine_similarity pairwise_distance",
    rearrange: "hstack vstack dstack column_stack meshgrid broadcast_tensors cartesian_prod atleast_1d atleast_2d "
               "atleast_3d",
    arrange: "tril_indices triu_indices unravel_index combinations row_stack block_diag vander",
    sampling: "normal",
    special: "isin",
    statistics: "var_mean std_mean trapezoid cumulative_trapezoid cdist",
    sorting: "searchsorted",
}
# Methods under other names, and methods that are no top-level functions.
METHODS = {
    "view": shape.view_as_shape, "view_as": shape.view_as, "reshape_as": shape.reshape_as, "expand": shape.expand,
    "expand_as": shape.expand_as, "contiguous": shape.contiguous, "subtract": arithmetic.sub,
    "multiply": arithmetic.mul, "divide": arithmetic.div, "true_divide": arithmetic.div, "absolute": pointwise.abs,
    "negative": pointwise.neg, "swapaxes": shape.transpose, "clip": pointwise.clamp,
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
    found.update({"inverse": matrices.inv, "pinverse": matrices.pinv, "trapz": found["trapezoid"],
                  "rsub": arithmetic.rsub, "broadcast_shapes": arrange.broadcast_shapes_of})
    aliases = {alias for alias, name in names.ALIASES.items() if name in names.OUT}
    return public(found, "fastnn", names.OUT | aliases)


def _constructors():
    """Functions of the top-level namespace whose first parameter is no tensor."""
    return public({**{name: getattr(creation, name) for name in creation.__all__}, "where": indexing.where,
                   "cat": shape.cat, "stack": shape.stack}, "fastnn")


METHODS = {**_in_place_forms(), **METHODS}
METHODS.update({alias: METHODS[name] for alias, name in names.IN_PLACE_ALIASES.items()})
METHODS = {**_named(FUNCTIONS), **{alias: _named(FUNCTIONS)[name] for alias, name in names.ALIASES.items()}, **METHODS,
           "inverse": matrices.inv, "pinverse": matrices.pinv}
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
