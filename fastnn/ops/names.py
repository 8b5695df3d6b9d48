"""Which functions have which other forms: in place, with ``out=``, under another name."""

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
OUT = """
abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all aminmax any argmax argmin argsort asin asinh atan
atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
bucketize ceil clamp clamp_max clamp_min copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag diff
digamma div dot eq erf erfc erfinv exp exp2 expm1 float_power floor floor_divide fmax fmin fmod frac gcd ge gt
heaviside histc hypot i0 index_add index_copy inner isfinite isin isinf isnan isneginf isposinf kron kthvalue
lcm ldexp le lerp lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logical_and
logical_not logical_or logical_xor logit logsumexp lt matmul max maximum mean median min minimum mm mode msort
mul mv nan_to_num nanmean nanmedian nanquantile nansum narrow_copy ne neg nonzero outer pow prod quantile
rad2deg reciprocal remainder renorm round rsqrt scatter scatter_add scatter_reduce searchsorted sgn sigmoid sign
signbit sin sinc sinh slice_scatter softmax sort sqrt square std sub sum take_along_dim tan tanh tensordot topk
tril triu trunc var vdot xlogy
"""
# Other names of in-place forms.
IN_PLACE_ALIASES = {
    "absolute_": "abs_", "arccos_": "acos_", "arccosh_": "acosh_", "arcsin_": "asin_", "arcsinh_": "asinh_",
    "arctan2_": "atan2_", "arctan_": "atan_", "arctanh_": "atanh_", "clip_": "clamp_",
    "divide_": "div_", "fix_": "trunc_", "greater_": "gt_", "greater_equal_": "ge_", "less_": "lt_",
    "less_equal_": "le_", "multiply_": "mul_", "negative_": "neg_", "not_equal_": "ne_", "subtract_": "sub_",
    "swapaxes_": "transpose_", "swapdims_": "transpose_", "true_divide_": "div_",
}
# Other names of functions and methods.
ALIASES = {
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2",
    "arctanh": "atanh", "fix": "trunc", "ger": "outer", "greater": "gt", "greater_equal": "ge", "less": "lt",
    "less_equal": "le", "moveaxis": "movedim", "not_equal": "ne", "swapaxes": "transpose", "swapdims": "transpose",
}
