"""Which functions have which other forms: in place, with ``out=``, under another name, with other keywords."""

# ``name_`` beyond the in-place forms that are compiled with their families.
IN_PLACE = """
addbmm addcdiv addcmul addmm addmv addr atan2 baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or
bitwise_right_shift bitwise_xor clamp clamp_max clamp_min copysign cumprod cumsum deg2rad eq erfc erfinv
floor_divide fmod frac gcd ge gt heaviside hypot i0 index_add index_copy index_fill index_put lcm
ldexp le lerp logical_and logical_not logical_or logical_xor logit lt masked_fill masked_scatter
nan_to_num ne put rad2deg remainder renorm scatter scatter_add scatter_reduce sgn sinc tril triu xlogy
"""
# ``name_`` changes the tensor's own shape and strides.
VIEWS_IN_PLACE = "as_strided squeeze unsqueeze t transpose"
# ``out=`` beyond the functions that take it themselves.
OUT = set("""
abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all aminmax any argmax argmin argsort asin asinh atan
atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
bucketize ceil cholesky clamp clamp_max clamp_min copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag
diff digamma div dot eq erf erfc erfinv exp exp2 expm1 float_power floor floor_divide fmax fmin fmod frac gcd ge gt
hardshrink heaviside histc hypot i0 index_add index_copy inner inverse isfinite isin isinf isnan isneginf isposinf
kron kthvalue lcm ldexp le lerp lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp
logical_and logical_not logical_or logical_xor logit logsumexp lt matmul matrix_power max maximum mean median min
minimum mm mode msort mul mv nan_to_num nanmean nanmedian nanquantile nansum narrow_copy ne neg nonzero outer pow
prod quantile rad2deg reciprocal remainder renorm round rsqrt scatter scatter_add scatter_reduce searchsorted sgn
sigmoid sign signbit sin sinc sinh slice_scatter slogdet softmax sort sqrt square std sub sum take_along_dim tan
tanh tensordot threshold topk tril triu trunc var vdot xlogy
""".split())
# Other names of functions and methods, and so of their in-place forms.
ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div", "fix": "trunc", "ger": "outer",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "moveaxis": "movedim", "multiply": "mul",
    "negative": "neg", "not_equal": "ne", "subtract": "sub", "swapaxes": "transpose", "swapdims": "transpose",
    "true_divide": "div",
}
# Keywords beyond a function's own and NumPy's (fastnn.ops._common): {function: {keyword: the function's own}}.
_SECTIONS = {"sections": "indices_or_sections", "indices": "indices_or_sections"}
OTHER_NAMES = {
    "dropout": {"train": "training"}, "alpha_dropout": {"train": "training"},
    "feature_alpha_dropout": {"train": "training"}, "max": {"other": "dim", "x2": "dim"},
    "min": {"other": "dim", "x2": "dim"}, "isin": {"element": "elements", "test_element": "test_elements"},
    "hsplit": _SECTIONS, "vsplit": _SECTIONS, "dsplit": _SECTIONS,
    "tensor_split": {**_SECTIONS, "tensor_indices_or_sections": "indices_or_sections"},
    "split": {"split_size": "split_size_or_sections"}, "view": {"dtype": "shape", "size": "shape"},
    "swapaxes": {"axis0": "dim0", "axis1": "dim1"}, "swapaxes_": {"axis0": "dim0", "axis1": "dim1"},
    **dict.fromkeys(("det", "inv", "slogdet", "svd", "svdvals"), {"A": "input"}), "lstsq": {"A": "input", "B": "b"},
    "result_type": {"tensor": "tensor1", "scalar1": "tensor1", "other": "tensor2", "x2": "tensor2",
                    "scalar": "tensor2", "scalar2": "tensor2"},
}
# Functions whose ``alpha``, ``beta`` and ``value`` may stand among the tensors, in PyTorch's old order.
SCALED = {name + suffix for suffix in ("", "_")
          for name in "add sub addbmm addcdiv addcmul addmm addmv addr baddbmm".split()}
# Functions of nn.functional that take NumPy's names too.
PARSED = """
adaptive_avg_pool1d avg_pool1d avg_pool2d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_transpose1d
conv_transpose2d conv_transpose3d cosine_similarity elu_ gelu hardshrink hardtanh_ leaky_relu_ linear logsigmoid
one_hot pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu relu_ rrelu_ scaled_dot_product_attention selu_
softplus softshrink threshold_
"""
