"""Operations of complex tensors: one table, the name of an operation and the rule that stands for it.

A public function (`fastnn.ops._common.Function`) looks here when a complex tensor, number or dtype is among its
arguments; so do the operators, where they find operands that their kernels do not know. What is not in the table raises
NotImplementedError: no operation may drop imaginary parts or order complex numbers. The module is loaded when the first
complex tensor comes to an operation.
"""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops import norms
from fastnn.ops._common import need_tensors
from fastnn.ops.complex_numbers import arithmetic, fourier, matrices, products, random, reductions
from fastnn.ops.declare import HOMES
from fastnn.ops.inplace import changed

KINDS = {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}  # as PyTorch's errors have it
ITSELF = object()  # the function that real tensors have does the same for complex ones

RULES = {
    **dict.fromkeys("""
        __array_wrap__ __dlpack__ __dlpack_device__ __reversed__ adjoint alias_copy all allclose any apply_
        argwhere as_strided as_strided_copy as_tensor asarray atleast_1d atleast_2d atleast_3d bfloat16
        block_diag bmm bool broadcast_tensors broadcast_to byte can_cast cartesian_prod cat cdouble cfloat
        chain_matmul chalf channel_shuffle char cholesky cholesky_ex cholesky_inverse cholesky_solve chunk clone
        column_stack combinations complex contiguous copy_ corrcoef count_nonzero cov cpu cross
        cumulative_trapezoid data_ptr det detach detach_copy diag diag_embed diagflat diagonal diagonal_copy
        diagonal_scatter diff dot double dsplit dstack eigh eigvalsh einsum element_size empty empty_like
        empty_strided eq equal expand expand_as expand_copy eye fill fill_ flatten flip fliplr flipud float
        from_numpy full full_like gather get_device gradient half householder_product hsplit hstack index_add
        index_copy index_fill index_put index_select inner int inv inv_ex is_complex is_conj is_contiguous
        is_floating_point is_inference is_neg is_nonzero is_pinned is_same_size is_shared is_signed isclose
        isfinite isinf isnan istft kron ldexp linear linspace logical_and logical_not logical_or logical_xor
        logspace long lstsq lu lu_factor lu_factor_ex lu_solve lu_unpack map_ masked_fill masked_scatter
        masked_select matrix_exp matrix_power matrix_rank meshgrid mm movedim multi_dot mv narrow narrow_copy
        ndimension ne nelement new new_empty new_full new_ones new_tensor new_zeros nonzero ones ones_like outer
        pairwise_distance pca_lowrank permute permute_copy pin_memory pinv pixel_shuffle pixel_unshuffle polar
        positive promote_types put qr ravel renorm repeat repeat_interleave reshape reshape_as resize_
        resize_as_ resolve_conj resolve_neg result_type roll rot90 scalar_tensor scatter scatter_add select
        select_copy select_scatter set_ share_memory_ short size slice_copy slice_scatter solve solve_ex
        solve_triangular split split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack stft
        storage storage_offset stride sum_to_size svd svd_lowrank svdvals t t_copy take take_along_dim tensor
        tensor_split tensordot tensorinv tensorsolve tile to to_dense trace transpose transpose_copy trapezoid
        triangular_solve tril triu type type_as unbind unbind_copy unflatten unfold unfold_copy unsafe_chunk
        unsqueeze unsqueeze_copy untyped_storage vander view view_as view_copy vsplit vstack where zero_ zeros
        zeros_like
    """.split(), ITSELF),
    **arithmetic.MAPS,
    **{name: getattr(module, name) for module, names in {
        arithmetic: """add sub rsub mul div pow addcmul addcdiv lerp abs_ sgn angle isreal nan_to_num sinc softsign
            tanhshrink float_power logaddexp view_as_real view_as_complex from_parts from_polar""",
        reductions: "sum mean nansum prod cumsum cumprod var std var_mean std_mean logsumexp",
        products: "matmul vdot vecdot addmm addmv addr addbmm baddbmm",
        matrices: "slogdet logdet eigvals eig dist",
        fourier: "c2c r2c c2r",
        random: "rand randn rand_like randn_like uniform_ normal_",
    }.items() for name in names.split()},
    "abs": arithmetic.absolute, "real": arithmetic.real_view, "imag": arithmetic.imag_view,
    "conj": arithmetic.conjugate, "conj_physical": arithmetic.conjugate,
    **products.CONVOLUTIONS, **products.WINDOWS, "vector_norm": reductions.of_sizes(norms.vector_norm),
    **dict.fromkeys("cond matrix_norm norm linalg.norm".split(), ITSELF),
}


def rule_of(name, function=None, home="fastnn"):
    """What stands for `function` of a home where complex numbers are among its arguments.

    It is found by its public name, with the home of linear algebra in front, or else by the function's own.
    """
    rule = ITSELF if home == "fastnn.fft" else None
    for key in (f"{home.rpartition('.')[2]}.{name}", name, getattr(function, "__name__", name)):
        if rule is None:
            rule = RULES.get(key)
        if rule is None and key.endswith("_"):
            rule = RULES.get(key[:-1])
            if rule is not None and rule is not ITSELF:
                return in_place(key, rule)
    if rule is None and home == "fastnn.nn.functional" and name in HOMES["nn"]:
        rule = ITSELF  # made of others, which look here themselves
    if rule is None:
        return refusing(name)
    return function if rule is ITSELF else rule


def in_place(name, rule):
    """The in-place form of a rule."""
    def method(self, *args, **kwargs):
        need_tensors(name, self)
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
        if isinstance(value, (Tensor, dtypes.dtype, np.ndarray)) and str(dtype).rpartition(".")[2] in KINDS:
            return KINDS[str(dtype).rpartition(".")[2]]
    return "complex"
