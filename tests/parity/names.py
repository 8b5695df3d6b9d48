"""Which of PyTorch's operations are compared: `torch_ops.txt` is the scope, one OpInfo name a line."""
from pathlib import Path

import fastnn
from fastnn import Tensor

SCOPE = tuple(Path(__file__).with_name("torch_ops.txt").read_text().split())

# Operations beyond the scope that fastnn has and PyTorch has samples for.
EXTRA = tuple("""
acos addbmm addmv asin atan atleast_1d atleast_2d atleast_3d bitwise_and broadcast_tensors bucketize cartesian_prod
column_stack cosh count_nonzero cumprod diag_embed dist dstack exp2 fliplr flipud floor_divide fmod histc index_copy
index_fill inner isclose kron log10 log2 logical_xor masked_scatter median msort nan_to_num
nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool1d nn.functional.bilinear
nn.functional.channel_shuffle nn.functional.conv_transpose1d nn.functional.embedding_bag nn.functional.hardshrink
nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.multi_margin_loss
nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss nn.functional.pdist
nn.functional.pixel_unshuffle nn.functional.rrelu nn.functional.softshrink
nn.functional.triplet_margin_with_distance_loss nn.functional.upsample_bilinear nn.functional.upsample_nearest
remainder repeat_interleave rot90 searchsorted sinh take tan tensor_split tensordot trunc unique_consecutive
""".split())
# Of further mathematics, statistics, matrices and rearrangements.
EXTRA += tuple("""
__radd__ __rand__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__ __rsub__ __rxor__ acosh addr allclose argwhere
asinh atan2 bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor block_diag broadcast_shapes
cdist combinations copysign corrcoef cross cummax cummin cumulative_trapezoid deg2rad diagflat diagonal_scatter diff
dsplit equal erfc erfinv fill fmax fmin frac gcd heaviside hsplit hypot index_put isin isneginf isposinf isreal item
lcm ldexp lgamma linalg.cholesky linalg.cond linalg.cross linalg.det linalg.diagonal linalg.eigvalsh linalg.inv
linalg.matrix_norm linalg.matrix_power linalg.norm linalg.slogdet linalg.solve linalg.svdvals linalg.vecdot
linalg.vector_norm logaddexp logaddexp2 logcumsumexp logdet logit nanmean nanmedian nanquantile nansum new_full
new_ones new_zeros ones pinverse positive put quantile rad2deg renorm rsub scalar_tensor scatter_reduce
select_scatter signbit sinc slice_scatter special.entr special.ndtr special.ndtri special.xlog1py split_with_sizes
std_mean trapezoid trapz tril_indices triu_indices true_divide unfold unravel_index unsafe_chunk var_mean vdot
vsplit xlogy zeros
""".split())

# OpInfo names that are not the names under which programs call the operation.
SPECIAL = {
    "nn.functional.embedding": lambda weight, index, **options: (
        fastnn.nn.functional.embedding(index, weight, **options)),
    "nn.functional.embedding_bag": lambda weight, index, **options: (
        fastnn.nn.functional.embedding_bag(index, weight, **options)),
    "T": lambda x: x.T,
    "__getitem__": lambda x, index: x[index],
    "einsum": lambda operands, equation: fastnn.einsum(equation, *operands),
    "where": lambda x, condition, other, **out: fastnn.where(condition, x, other, **out),
}


def function_of(name):
    """fastnn's function (or, where there is none, Tensor method) of an OpInfo name; None if there is neither."""
    if name in SPECIAL:
        return SPECIAL[name]
    found = fastnn
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if found is not None else getattr(Tensor, name, None)


def compared():
    """All names; the tests fail for one that fastnn lacks."""
    return [*SCOPE, *EXTRA]
