"""Operations of complex tensors: one table, the name of an operation and the rule that stands for it.

A public function (`fastnn.ops._common.Function`) looks here when a complex tensor, number or dtype is among its
arguments; so do the operators, where they find operands that their kernels do not know. What is not in the table raises
NotImplementedError: no operation may drop imaginary parts or order complex numbers. The module is loaded when the first
complex tensor comes to an operation.
"""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops import norms
from fastnn.ops.complex_numbers import arithmetic, matrices, products, random, reductions
from fastnn.ops.inplace import changed

ITSELF = object()  # the function that real tensors have does the same for complex ones

RULES = {
    **dict.fromkeys("""
    __array_wrap__ __dlpack__ __dlpack_device__ __getitem__ __reversed__  all allclose any apply_ argwhere
    as_strided as_tensor asarray atleast_1d atleast_2d atleast_3d block_diag bmm bool broadcast_shapes
    broadcast_tensors broadcast_to byte can_cast cartesian_prod cat cdouble cfloat chain_matmul char chunk clone
    column_stack combinations concat concatenate construct contiguous copy_ count_nonzero cpu cross
    cumulative_trapezoid data_ptr detach detach_ diag diag_embed diagflat diagonal diagonal_scatter diff dim dlpack
    dot double dsplit dstack einsum element_size empty empty_like empty_strided eq equal expand expand_ expand_as
    eye fill fill_ flatten flip fliplr flipud float from_numpy full full_like functional.pad gather ger get_device
    half hsplit hstack index_add index_copy index_fill index_put index_put_ index_select inner int is_complex
    is_conj is_contiguous is_floating_point is_inference is_neg is_nonzero is_pinned is_same_size is_set_to
    is_shared is_signed is_tensor isclose isfinite isinf isnan item kron ldexp linalg.cross linalg.diagonal
    linalg.multi_dot linalg.vander linspace logical_and logical_not logical_or logical_xor logspace long map_
    masked_fill masked_scatter masked_select meshgrid mm moveaxis movedim multiply_ mv narrow narrow_copy ndimension
    ne nelement new new_empty new_empty_strided new_full new_ones new_tensor new_zeros nonzero not_equal numel ones
    ones_like outer permute pin_memory positive promote_types put     ravel real_if
    repeat repeat_interleave requires_grad_ reshape reshape_as resize_ resize_as_ resolve_conj resolve_neg
    result_type roll rot90 row_stack scalar_tensor scatter scatter_add select select_scatter set_ share_memory_
    short size slice_scatter split split_copy split_with_sizes squeeze squeeze_ stack storage storage_offset stride
    sum_to_size swapaxes swapaxes_ swapdims swapdims_ t t_ take take_along_dim tensor tensor_split tensordot tile to
    to_dense trace transpose transpose_ trapezoid trapz tril triu type type_as unbind unflatten unfold unsafe_chunk
    unsqueeze unsqueeze_ untyped_storage vander view view_as vsplit vstack where zero_ zeros zeros_like
    """.split(), ITSELF),
    "add": arithmetic.add, "sub": arithmetic.sub, "subtract": arithmetic.sub, "rsub": arithmetic.rsub,
    "mul": arithmetic.mul, "multiply": arithmetic.mul, "div": arithmetic.div, "divide": arithmetic.div,
    "true_divide": arithmetic.div, "pow": arithmetic.pow,
    "addcmul": arithmetic.addcmul, "addcdiv": arithmetic.addcdiv, "lerp": arithmetic.lerp,
    "abs": arithmetic.absolute, "absolute": arithmetic.absolute, "sgn": arithmetic.sgn, "angle": arithmetic.angle,
    "complex": arithmetic.from_parts, "polar": arithmetic.from_polar, "real": arithmetic.real_view,
    "imag": arithmetic.imag_view, "view_as_real": arithmetic.view_as_real,
    "view_as_complex": arithmetic.view_as_complex, "conj": arithmetic.conjugate,
    "conj_physical": arithmetic.conjugate, "isreal": arithmetic.isreal, "sinc": arithmetic.sinc,
    "softsign": arithmetic.softsign, "tanhshrink": arithmetic.tanhshrink, "float_power": arithmetic.float_power,
    "logaddexp": arithmetic.logaddexp,
    **arithmetic.MAPS, "logical_not": ITSELF,
    **{name: getattr(reductions, name) for name in (
        "sum mean nansum prod cumsum cumprod var std var_mean std_mean logsumexp").split()},
    **{name: getattr(products, name) for name in "matmul vdot addmm addmv addr addbmm baddbmm".split()},
    "linalg.matmul": products.matmul, "linalg.vecdot": products.vecdot,
    **products.CONVOLUTIONS, **{f"nn.functional.{name}": rule for name, rule in products.CONVOLUTIONS.items()},
    **{name: getattr(matrices, name) for name in "inv det slogdet logdet solve matrix_power cholesky pinv qr svd".split()},
    **{f"linalg.{name}": getattr(matrices, name) for name in (
        "inv det slogdet solve matrix_power cholesky eigvalsh eigh eigvals eig svdvals svd qr pinv cond matrix_norm "
        "norm").split()},
    "inverse": matrices.inv, "pinverse": matrices.pinv, "norm": matrices.old_norm, "dist": matrices.dist,
    "linalg.vector_norm": reductions.of_sizes(norms.vector_norm), "nn.functional.linear": ITSELF,
    "linalg.matrix_rank": ITSELF, "nn.functional.pixel_shuffle": ITSELF, "nn.functional.pixel_unshuffle": ITSELF,
    "nn.functional.channel_shuffle": ITSELF, "adjoint": matrices.adjoint,
    "rand": random.rand, "randn": random.randn, "rand_like": random.rand_like, "randn_like": random.randn_like,
}


def rule_of(name, function=None, home="fastnn"):
    """What stands for `function` of a home where complex numbers are among its arguments."""
    key = name if home in ("fastnn", "fastnn.Tensor") else f"{home.removeprefix('fastnn.')}.{name}"
    rule = ITSELF if home == "fastnn.fft" else RULES.get(key)
    if rule is None and key.endswith("_"):
        rule = RULES.get(key[:-1])
        if rule is not None and rule is not ITSELF:
            return in_place(key, rule)
    if rule is None:
        rule = refusing(name)
    return function if rule is ITSELF else rule


def in_place(name, rule):
    """The in-place form of a rule."""
    def method(self, *args, **kwargs):
        return changed(name, self, rule, args, kwargs)
    method.__wrapped__ = rule
    return method


def refusing(name):
    """What raises for an operation that has no rule."""
    def refused(*args, **kwargs):
        raise NotImplementedError(f'"{name}" not implemented for \'{_kind([*args, *kwargs.values()])}\'')
    return refused


def _kind(values):
    """The name, as PyTorch's errors have it, of the first complex dtype among arguments."""
    for value in values:
        if isinstance(value, (tuple, list)):
            found = _kind(value)
            if found:
                return found
        dtype = value if isinstance(value, dtypes.dtype) else getattr(value, "dtype", None)
        if isinstance(value, (Tensor, dtypes.dtype)) and dtype.is_complex:
            return "ComplexDouble" if dtype.name == "complex128" else "ComplexFloat"
    return "complex"
