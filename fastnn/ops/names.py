"""Which functions have which other forms: in place, with ``out=``, under another name."""

# ``name_`` beyond the in-place forms that are compiled with their families.
IN_PLACE = """
addbmm addcdiv addcmul addmm addmv baddbmm bitwise_and bitwise_not bitwise_or bitwise_xor clamp cumprod cumsum
eq floor_divide fmod ge gt index_add index_copy index_fill le lerp logical_and logical_not logical_or
logical_xor lt masked_fill masked_scatter nan_to_num ne remainder scatter scatter_add tril triu
"""
# ``name_`` changes the tensor's own shape and strides.
VIEWS_IN_PLACE = "squeeze unsqueeze t transpose"
# ``out=`` beyond the functions that take it themselves.
OUT = """
abs acos add addbmm addcdiv addcmul addmm addmv all any argmax argmin argsort asin atan baddbmm bitwise_and
bitwise_not bitwise_or bitwise_xor bmm bucketize ceil clamp cos cosh cumprod cumsum diag div dot eq erf exp exp2
expm1 floor floor_divide fmod ge gt histc index_add index_copy inner isfinite isinf isnan kron kthvalue le lerp
log log10 log1p log2 log_softmax logical_and logical_not logical_or logical_xor logsumexp lt matmul max maximum
mean median min minimum mm msort mul mv nan_to_num ne neg nonzero outer pow prod reciprocal remainder round
rsqrt scatter scatter_add searchsorted sigmoid sign sin sinh softmax sort sqrt square std sub sum take_along_dim
tan tanh tensordot topk tril triu trunc var
"""
# Other names of in-place forms.
IN_PLACE_ALIASES = {
    "absolute_": "abs_", "arccos_": "acos_", "arcsin_": "asin_", "arctan_": "atan_", "clip_": "clamp_",
    "divide_": "div_", "fix_": "trunc_", "greater_": "gt_", "greater_equal_": "ge_", "less_": "lt_",
    "less_equal_": "le_", "multiply_": "mul_", "negative_": "neg_", "not_equal_": "ne_", "subtract_": "sub_",
    "swapaxes_": "transpose_", "swapdims_": "transpose_", "true_divide_": "div_",
}
