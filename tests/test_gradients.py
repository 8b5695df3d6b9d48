"""Every differentiable public function against central differences in float64, without PyTorch.

CASES says for each how to call it; EXEMPT why a function is not among them. A function of one tensor needs no line;
nor does one that is checked elsewhere: by its kernel's spec, or with its second derivatives. Another one in neither
fails the last test.
"""
import inspect

import numpy as np
import pytest

import fastnn as torch
from fastnn.ops import functions
from fastnn.autograd import gradcheck
from fastnn.nn import functional as F
from fastnn.testing.spec import all_specs
from fuzz.operations import takes_one_tensor
from test_second_order import CASES as TWICE

CASES, EXEMPT = {}, {}


def case(names, *shapes, low=None, high=None, call=None, **options):
    """Inputs of these shapes: uniform of [low, high), else normal and away from 0 and from each other."""
    for name in names.split():
        CASES[name] = (shapes, low, high, call, options)


def exempt(reason, names):
    EXEMPT.update(dict.fromkeys(names.split(), reason))


def whole(*values):
    return torch.tensor(values)


# ---- maps ----
case("abs sin cos tan atan arctan sinh cosh tanh exp exp2 expm1 erf erfc sigmoid relu square neg asinh arcsinh sinc "
     "deg2rad rad2deg positive frac clone ravel F.celu F.elu F.gelu F.hardswish F.leaky_relu F.logsigmoid F.mish "
     "F.relu F.selu F.sigmoid F.silu F.softplus F.softsign F.tanh F.tanhshrink F.relu6 F.hardsigmoid F.hardtanh "
     "F.softshrink F.hardshrink nan_to_num floor ceil round trunc fix sign sgn", (3, 4))
case("log log2 log10 log1p sqrt rsqrt reciprocal digamma lgamma acosh arccosh", (3, 4), low=1.2, high=3.0)
case("acos arccos asin arcsin atanh arctanh erfinv logit", (3, 4), low=0.1, high=0.8)
case("matrix_exp", (3, 3))
case("orgqr", (4, 3), (3,))
case("clamp", (3, 4), min=-0.5, max=0.7)
case("clamp_min", (3, 4), min=0.1)
case("clamp_max", (3, 4), max=0.1)
case("float_power", (3, 4), low=0.5, high=2.0, call=lambda f, x: f(x, 2.5))
case("F.threshold", (3, 4), threshold=0.1, value=2.0)
case("F.glu", (3, 4))
case("F.prelu", (2, 3), (3,))
case("F.rrelu", (3, 4), training=False)
case("F.dropout F.dropout1d F.alpha_dropout F.feature_alpha_dropout", (2, 3, 4), p=0.5, training=False)
case("F.dropout2d", (2, 3, 2, 2), p=0.5, training=False)
case("F.dropout3d", (1, 2, 2, 2, 2), p=0.5, training=False)
# ---- two tensors ----
case("add sub mul div maximum minimum atan2 arctan2 hypot logaddexp logaddexp2 copysign fmax fmin rsub", (3, 4), (4,))
case("pow", (3, 4), (4,), low=0.5, high=2.0)
case("xlogy", (3, 4), (4,), low=0.5, high=2.0)
case("remainder fmod", (3, 4), call=lambda f, x: f(x, 0.7))
case("frexp", (3, 4), call=lambda f, x: f(x).mantissa)
case("nextafter", (4,), (4,))
case("ldexp", (3, 4), call=lambda f, x: f(x, whole(1, 2, 0, -1)))
case("lerp", (3, 4), (3, 4), (4,))
case("addcmul addcdiv", (3, 4), (3, 4), (4,), value=0.5)
case("floor_divide", (3, 4), call=lambda f, x: torch.div(x, 0.7, rounding_mode="floor"))
# ---- products ----
case("matmul", (2, 3, 4), (4, 2))
case("mm", (3, 4), (4, 2))
case("mv", (3, 4), (4,))
case("bmm", (2, 3, 4), (2, 4, 2))
case("dot inner vdot", (4,), (4,))
case("outer ger", (3,), (4,))
case("kron", (2, 3), (2, 2))
case("addmm", (3, 2), (3, 4), (4, 2), beta=0.5, alpha=2)
case("addmv", (3,), (3, 4), (4,), beta=0.5, alpha=2)
case("addbmm", (3, 2), (2, 3, 4), (2, 4, 2), beta=0.5)
case("baddbmm", (2, 3, 2), (2, 3, 4), (2, 4, 2), beta=0.5)
case("addr", (3, 4), (3,), (4,), beta=0.5)
case("einsum", (3, 4), (4, 2), call=lambda f, x, y: f("ij,jk->ki", x, y))
case("tensordot", (3, 4), (4, 2), call=lambda f, x, y: f(x, y, 1))
case("cross", (2, 3), (2, 3))
case("F.linear", (5, 3), (2, 3), (2,))
case("polygamma", (3, 4), low=0.5, high=2.0, call=lambda f, x: f(1, x))
case("mvlgamma", (3, 4), low=2.0, high=3.0, p=2)
case("igamma igammac", (3, 4), (3, 4), low=0.5, high=2.0)
case("triangular_solve", (3, 2), (3, 3), low=1.0, high=2.0, call=lambda f, b, a: f(b, a)[0])
case("cholesky_solve", (3, 2), (3, 3), low=1.0, high=2.0)
case("cholesky_inverse", (3, 3), low=1.0, high=2.0)
case("F.bilinear", (5, 3), (5, 2), (4, 3, 2), (4,))
case("trace det inverse pinverse logdet slogdet", (3, 3), call=lambda f, x: f(x @ x.t() + torch.eye(3).double()))
case("cholesky", (3, 3), call=lambda f, x: f(x @ x.t() + torch.eye(3).double()))
case("matrix_power", (3, 3), call=lambda f, x: f(x, 3))
# ---- sums ----
case("sum mean prod amax amin max min var std median norm nansum nanmean nanmedian", (3, 4))
case("logsumexp softmax log_softmax cumsum cumprod logcumsumexp F.softmax F.log_softmax F.softmin", (3, 4), dim=1)
case("cummax cummin", (3, 4), call=lambda f, x: f(x, 1)[0])
case("sort topk mode kthvalue", (5,), call=lambda f, x: f(x, 2)[0] if f.__name__ in ("topk", "kthvalue") else f(x)[0])
case("msort", (4, 3))
case("aminmax var_mean std_mean", (3, 4), call=lambda f, x: tuple(f(x, dim=1)))
case("quantile nanquantile", (3, 5), call=lambda f, x: f(x, 0.3, dim=1))
case("diff trapezoid trapz cumulative_trapezoid", (3, 4))
case("gradient", (3, 4), call=lambda f, x: f(x, spacing=(0.5, 2.0), edge_order=2))
case("cov corrcoef", (3, 5))
case("renorm", (3, 4), call=lambda f, x: f(x, 2, 0, 0.5))
case("dist", (3, 4), (3, 4))
case("cdist", (3, 4), (2, 4))
case("cosine_similarity F.cosine_similarity pairwise_distance F.pairwise_distance", (3, 4), (3, 4))
case("F.normalize", (3, 4))
# ---- shapes and positions ----
case("reshape", (3, 4), call=lambda f, x: f(x, (2, 6)))
case("flatten t adjoint flip fliplr flipud rot90 tril triu diag diagonal squeeze atleast_1d atleast_2d atleast_3d",
     (3, 4), call=lambda f, x: f(x, (0,)) if f.__name__ == "flip" else f(x))
case("unflatten", (6,), call=lambda f, x: f(x, 0, (2, 3)))
case("cat stack", (2, 3), (2, 3), call=lambda f, x, y: f([x, y], 1))
case("where", (2, 3), (2, 3), call=lambda f, x, y: f(torch.tensor([True, False, True]), x, y))
case("transpose swapaxes swapdims movedim moveaxis", (2, 3, 4), call=lambda f, x: f(x, 0, 2))
case("permute", (2, 3, 4), call=lambda f, x: f(x, (2, 0, 1)))
case("unsqueeze", (3, 4), dim=1)
case("broadcast_to", (1, 4), call=lambda f, x: f(x, (3, 4)))
case("select", (3, 4), call=lambda f, x: f(x, 1, 2))
case("narrow narrow_copy", (3, 4), call=lambda f, x: f(x, 1, 1, 2))
case("unbind chunk unsafe_chunk split tensor_split hsplit vsplit", (4, 4),
     call=lambda f, x: f(x) if f.__name__ == "unbind" else f(x, 2))
case("dsplit", (2, 2, 4), call=lambda f, x: f(x, 2))
case("split_with_sizes", (4, 3), call=lambda f, x: f(x, [1, 3]))
case("as_strided", (6,), call=lambda f, x: f(x, (2, 3), (2, 1)))
case("roll", (3, 4), call=lambda f, x: f(x, 1, 1))
case("tile", (2, 3), call=lambda f, x: f(x, (2, 2)))
case("repeat_interleave", (2, 3), call=lambda f, x: f(x, 2, 1))
case("diag_embed diagflat", (3,))
case("hstack vstack dstack column_stack row_stack", (2, 3), (2, 3), call=lambda f, x, y: f((x, y)))
case("block_diag meshgrid cartesian_prod", (2,), (3,))
case("broadcast_tensors", (3, 1), (1, 2))
case("combinations vander", (3,))
case("gather", (3, 4), call=lambda f, x: f(x, 1, torch.tensor([[0, 1], [3, 3], [2, 0]])))
case("take_along_dim", (3, 4), call=lambda f, x: f(x, torch.tensor([[0, 1], [3, 3], [2, 0]]), 1))
case("take", (3, 4), call=lambda f, x: f(x, whole(0, 5, 5)))
case("index_select", (3, 4), call=lambda f, x: f(x, 1, whole(0, 3, 3)))
case("masked_select", (4,), call=lambda f, x: f(x, whole(True, False, True, True)))
case("masked_fill", (4,), call=lambda f, x: f(x, whole(True, False, True, True), 2.0))
case("masked_scatter", (4,), (4,), call=lambda f, x, y: f(x, whole(True, False, True, True), y))
case("scatter scatter_add", (3, 4), (3, 4), call=lambda f, x, y: f(x, 0, torch.tensor([[0, 1, 2, 0]]), y))
case("scatter_reduce", (3, 4), (3, 4), call=lambda f, x, y: f(x, 0, torch.tensor([[0, 1, 2, 0], [0, 0, 1, 1]]), y,
                                                              "mean"))
case("index_reduce", (3, 4), (2, 4), call=lambda f, x, y: f(x, 0, whole(2, 0), y, "mean"))
case("index_add index_copy", (3, 4), (2, 4), call=lambda f, x, y: f(x, 0, whole(2, 0), y))
case("index_fill", (3, 4), call=lambda f, x: f(x, 0, whole(2, 0), 1.5))
case("index_put", (3, 4), (2, 4), call=lambda f, x, y: f(x, (whole(2, 0),), y))
case("put", (3, 4), (2,), call=lambda f, x, y: f(x, whole(2, 7), y))
case("select_scatter", (3, 4), (3,), call=lambda f, x, y: f(x, y, 1, 2))
case("slice_scatter", (3, 4), (2, 4), call=lambda f, x, y: f(x, y, 0, 1))
case("diagonal_scatter", (3, 4), (3,))
case("F.pad", (2, 3), call=lambda f, x: f(x, (1, 2)))
# ---- losses ----
case("F.mse_loss F.l1_loss F.smooth_l1_loss F.huber_loss", (3, 4), (3, 4))
case("F.binary_cross_entropy", (3, 4), low=0.2, high=0.8, call=lambda f, x: f(x, torch.full((3, 4), 0.4).double()))
case("F.binary_cross_entropy_with_logits F.multilabel_soft_margin_loss", (3, 4),
     call=lambda f, x: f(x, torch.eye(4)[:3].double()))
case("F.kl_div", (3, 4), (3, 4), low=0.2, high=0.8, reduction="sum")
case("F.poisson_nll_loss", (3, 4), (3, 4), low=0.2, high=0.8)
case("F.gaussian_nll_loss", (3, 4), (3, 4), (3, 4), low=0.2, high=0.8)
case("F.cross_entropy F.nll_loss F.multi_margin_loss", (3, 4), call=lambda f, x: f(x, whole(0, 3, 1)))
case("F.multilabel_margin_loss", (2, 4), call=lambda f, x: f(x, torch.tensor([[1, 2, -1, 0], [0, -1, 1, 1]])))
case("F.soft_margin_loss F.hinge_embedding_loss", (4,), call=lambda f, x: f(x, whole(1.0, -1.0, 1.0, -1.0).double()))
case("F.margin_ranking_loss", (4,), (4,), call=lambda f, x, y: f(x, y, whole(1.0, -1.0, 1.0, -1.0).double()))
case("F.cosine_embedding_loss", (4, 3), (4, 3), call=lambda f, x, y: f(x, y, whole(1.0, -1.0, 1.0, -1.0).double()))
case("F.triplet_margin_loss F.triplet_margin_with_distance_loss", (3, 4), (3, 4), (3, 4))
# ---- images and sequences ----
case("F.conv1d conv1d", (2, 2, 6), (3, 2, 3), (3,))
case("F.conv2d conv2d", (1, 2, 4, 5), (2, 2, 3, 2), (2,))
case("F.conv_transpose1d conv_transpose1d", (2, 2, 4), (2, 3, 3), (3,))
case("F.conv_transpose2d conv_transpose2d", (1, 2, 3, 3), (2, 2, 2, 2), (2,))
case("F.max_pool1d F.avg_pool1d", (2, 2, 6), kernel_size=2)
case("F.max_pool1d_with_indices", (2, 2, 6), call=lambda f, x: f(x, 2)[0])
case("F.max_pool2d F.avg_pool2d", (1, 2, 4, 4), kernel_size=2)
case("F.max_pool2d_with_indices", (1, 2, 4, 4), call=lambda f, x: f(x, 2)[0])
case("F.max_pool3d", (1, 1, 2, 4, 4), kernel_size=2)
case("F.max_pool3d_with_indices", (1, 1, 2, 4, 4), call=lambda f, x: f(x, 2)[0])
case("F.max_unpool3d", (1, 1, 1, 1, 2), call=lambda f, x: f(x, torch.tensor([[[[[1, 2]]]]]), 2))
case("conv3d F.conv3d", (1, 2, 3, 3, 3), (2, 2, 2, 2, 2), (2,))
case("F.adaptive_avg_pool1d F.adaptive_max_pool1d", (2, 2, 6), output_size=3)
case("F.adaptive_avg_pool2d F.adaptive_max_pool2d", (1, 2, 4, 4), output_size=2)
case("F.adaptive_avg_pool3d", (1, 2, 2, 4, 3), output_size=2)
case("F.max_unpool1d", (1, 1, 2), call=lambda f, x: f(x, torch.tensor([[[1, 2]]]), 2))
case("F.max_unpool2d", (1, 1, 1, 2), call=lambda f, x: f(x, torch.tensor([[[[1, 2]]]]), 2))
case("F.lp_pool1d", (2, 2, 6), low=0.5, high=2.0, norm_type=2, kernel_size=2)
case("F.lp_pool2d", (1, 2, 4, 4), low=0.5, high=2.0, norm_type=2, kernel_size=2)
case("F.batch_norm", (4, 3), (3,), (3,), call=lambda f, x, w, b: f(x, None, None, w, b, True))
case("F.layer_norm F.rms_norm", (3, 4), normalized_shape=(4,))
case("F.group_norm", (2, 4, 3), num_groups=2)
case("F.instance_norm", (2, 3, 4))
case("F.local_response_norm", (2, 4, 3), size=3)
case("F.channel_shuffle", (1, 4, 2, 2), groups=2)
case("F.pdist", (4, 3))
case("F.pixel_shuffle", (1, 4, 2, 2), upscale_factor=2)
case("F.pixel_unshuffle", (1, 1, 4, 4), downscale_factor=2)
case("F.unfold", (1, 2, 4, 4), kernel_size=2)
case("F.fold", (1, 4, 9), output_size=(4, 4), kernel_size=2)
case("F.interpolate F.upsample", (1, 2, 3, 3), scale_factor=2, mode="bilinear")
case("F.embedding", (4, 3), call=lambda f, w: f(whole(0, 2, 2), w))
case("F.scaled_dot_product_attention", (2, 3, 4), (2, 5, 4), (2, 5, 3))

exempt("bool or integer results", "all any allclose argmax argmin argsort argwhere bincount bitwise_and bitwise_not "
       "bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift bucketize count_nonzero eq equal ge greater "
       "greater_equal gt gcd lcm histc histogram histogramdd isclose isfinite isin isinf isnan isneginf isposinf "
       "isreal is_same_size le less "
       "less_equal logical_and logical_not logical_or logical_xor lt ne not_equal nonzero searchsorted signbit "
       "tril_indices triu_indices unique unique_consecutive unravel_index broadcast_shapes F.one_hot heaviside")
exempt("nn.functional's own", "alpha_dropout bilinear celu channel_shuffle dropout feature_alpha_dropout hardshrink "
       "pdist prelu rrelu selu threshold")
exempt("new tensors, types, and the same function under another name", "absolute arange as_tensor asarray can_cast "
       "clip concat concatenate detach divide empty empty_like eye fill from_numpy full full_like is_complex "
       "is_floating_point is_nonzero linspace logspace multiply negative ones ones_like promote_types rand rand_like "
       "randint randn randn_like randperm result_type scalar_tensor subtract tensor true_divide zeros zeros_like")
exempt("random numbers, and the implicit gradients of some: tests/test_gamma_functions.py", "_dirichlet_grad "
       "_sample_dirichlet _standard_gamma _standard_gamma_grad bernoulli multinomial normal randint_like poisson "
       "binomial F.gumbel_softmax F.rrelu_")
exempt("in place: tests/test_inplace.py and the in-place samples of test_torch_parity.py",
       "F.celu_ F.elu_ F.hardtanh_ F.leaky_relu_ F.relu_ F.selu_ F.threshold_")
case("i0", (3,))
exempt("composed, compared in tests/test_volumes.py and by PyTorch's samples",
       "conv_transpose3d F.conv_transpose3d F.avg_pool3d F.lp_pool3d F.adaptive_max_pool3d "
       "F.adaptive_max_pool3d_with_indices")
exempt("of memory", "from_file frombuffer is_set_to")
exempt("of subspaces drawn at random: tests/test_library_names.py", "pca_lowrank svd_lowrank")
exempt("no operations", "F.handle_torch_function F.has_torch_function F.has_torch_function_unary "
       "F.has_torch_function_variadic")
exempt("complex: tests/test_complex.py", "complex imag istft polar stft view_as_complex view_as_real")
exempt("defined up to signs, or by pivots: PyTorch's samples in test_torch_parity.py", "lu lu_unpack qr svd")
exempt("a module's function, checked with the module", "F.multi_head_attention_forward F.embedding_bag "
       "F.upsample_nearest F.upsample_bilinear F.adaptive_max_pool1d_with_indices "
       "F.adaptive_max_pool2d_with_indices F.fractional_max_pool2d F.fractional_max_pool2d_with_indices "
       "F.fractional_max_pool3d F.fractional_max_pool3d_with_indices F.native_channel_shuffle")


def public():
    """Name -> function: the top level's operations, and nn.functional's as F.name."""
    found = functions.public("fastnn")
    found.update({f"F.{name}": function for name, function in vars(F).items()
                  if not name.startswith("_") and callable(function) and not inspect.isclass(function)
                  and (name in getattr(F, "__all__", ()) or not getattr(F, "__all__", ()))})
    return found


def inputs_of(name):
    """Leaves in float64 whose elements keep a distance from 0 and, in one tensor, from each other."""
    shapes, low, high, _, _ = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    found = []
    for shape in shapes:
        size = int(np.prod(shape))
        if low is None:
            steps = (rng.permutation(size) + 0.5) * (3.0 / size) - 1.5 + rng.uniform(-0.01, 0.01, size)
            values = steps + np.where(steps < 0, -0.05, 0.05)
        else:
            values = rng.uniform(low, high, size)
        found.append(torch.from_numpy(values.reshape(shape)).requires_grad_())
    return found


def cover_maps():
    """A function of one tensor that is in neither table is a map of all numbers."""
    for name, function in public().items():
        if name not in CASES and name not in EXEMPT and takes_one_tensor(function):
            case(name, (3, 4))


cover_maps()


@pytest.mark.filterwarnings("ignore:`nn.functional.upsample` is deprecated:UserWarning")
@pytest.mark.parametrize("backend", ["c", "reference"])
@pytest.mark.parametrize("name", [name for name in CASES if name in public()])
def test_gradient(name, backend):
    function = public()[name]
    call, options = CASES[name][3:]

    def run(*tensors):
        out = call(function, *tensors) if call else function(*tensors, **options)
        out = out if isinstance(out, (tuple, list)) else (out,)
        return tuple(y for y in out if y.is_floating_point() and y.requires_grad)
    with torch.use_backend(backend):
        assert run(*inputs_of(name)), f"{name}: the result is not differentiable"
        assert gradcheck(run, inputs_of(name))


def test_every_function_is_listed():
    elsewhere = {spec.name.removesuffix("_forward") for spec in all_specs() if spec.gradient} | set(TWICE)
    unlisted = sorted(name for name in set(public()) - set(CASES) - set(EXEMPT) if name.split(".")[-1] not in elsewhere)
    assert not unlisted, f"neither in CASES nor in EXEMPT of {__file__}: {unlisted}"
    assert not set(CASES) & set(EXEMPT)
