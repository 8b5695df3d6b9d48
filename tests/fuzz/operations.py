"""Every public operation of fastnn and the arguments it is called with; what is left out, and why."""
import functools
import inspect
import types
from pathlib import Path

import fastnn
from fastnn.ops.declare import HOMES

TABLE = Path(__file__).with_suffix(".txt")  # the arguments of every operation

# Public names that no program calls, with the reason.
SETTINGS = "a setting or a question about the process"
EXCLUDED = {
    **dict.fromkeys("""are_deterministic_algorithms_enabled get_backend get_default_device get_default_dtype
        get_deterministic_debug_mode get_float32_matmul_precision get_num_interop_threads get_num_threads get_rng_state
        initial_seed is_anomaly_check_nan_enabled is_anomaly_enabled is_autocast_enabled
        is_deterministic_algorithms_warn_only_enabled is_grad_enabled is_inference_mode_enabled
        manual_seed num_threads seed set_default_device set_default_dtype set_default_tensor_type
        set_float32_matmul_precision set_flush_denormal set_num_interop_threads set_num_threads set_printoptions
        set_rng_state show_config use_backend use_deterministic_algorithms clear_autocast_cache get_autocast_cpu_dtype
        get_autocast_dtype get_autocast_gpu_dtype is_autocast_cache_enabled is_autocast_cpu_enabled
        set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled set_autocast_dtype
        set_autocast_enabled""".split(), SETTINGS),
    **dict.fromkeys("load save compile from_dlpack from_numpy typename".split(), "files and other libraries"),
    **dict.fromkeys("""backward register_hook register_post_accumulate_grad_hook retain_grad""".split(),
                    "called by every program's end"),
    **dict.fromkeys("bfloat16 cdouble cfloat cuda pin_memory share_memory_ data_ptr new".split(),
                    "what fastnn has no dtype or device for, or memory"),
    **dict.fromkeys("apply_ map_".split(), "take a Python function"),
    **dict.fromkeys("eigh svd qr lstsq cholesky".split(), "defined up to signs: tests/parity compares them"),
    "multi_head_attention_forward": "fuzz.modules draws MultiheadAttention",
    "max_unpool2d": "indices must come from a pooling: fuzz.modules", "max_unpool1d": "the same",
    **dict.fromkeys("""binomial cholesky_ex cholesky_inverse cholesky_solve gammainc gammaincc igamma igammac
        multigammaln mvlgamma poisson polygamma solve_triangular triangular_solve zeta""".split(),
                    "of a domain, or drawn by rejection: tests/test_gamma_functions.py compares them"),
    "max_unpool3d": "the same", **dict.fromkeys("eig eigvals".split(), "complex: test_futures"),
    **dict.fromkeys("max_pool3d max_pool3d_with_indices".split(), "fuzz.modules draws MaxPool3d"),
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d is drawn",
    **dict.fromkeys("from_file frombuffer is_set_to set_ storage untyped_storage".split(), "test_program_names"),
    **dict.fromkeys("householder_product matrix_exp orgqr".split(), "of square matrices: test_pruning compares them"),
    "grid_sample": "PyTorch's crashes for positions that are not finite: parity and test_ops compare it",
    **dict.fromkeys("angle chalf complex conj_physical polar stft istft".split(), "complex: test_complex"),
    **dict.fromkeys("""bartlett_window blackman_window hamming_window hann_window kaiser_window""".split(),
                    "of one number: test_complex"),
    **dict.fromkeys("""hspmm smm sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor
        sparse_csc_tensor sparse_csr_tensor spmm sparse_mask to_sparse to_sparse_coo to_sparse_csc
        to_sparse_csr""".split(), "sparse: test_sparse"),
    **dict.fromkeys("inv_ex lu lu_factor lu_factor_ex lu_solve lu_unpack solve_ex tensorinv tensorsolve".split(),
                    "of square matrices that are well conditioned: tests/parity compares them"),
    **dict.fromkeys("histogram histogramdd".split(), "PyTorch crashes in their gradients: test_histogram"),
    "gradient": "lists of coordinates: test_cumulative",
    **dict.fromkeys("pca_lowrank svd_lowrank".split(), "of subspaces drawn at random"),
    **dict.fromkeys("""handle_torch_function has_torch_function has_torch_function_unary
        has_torch_function_variadic""".split(), SETTINGS),
    **dict.fromkeys("""alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy select_copy
        slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy
        unsqueeze_copy view_copy as_subclass""".split(), "the views are drawn: tests/test_torch_gaps.py"),
    **dict.fromkeys("""alpha_dropout_ dropout_ feature_alpha_dropout_ feature_dropout feature_dropout_
        fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d
        fractional_max_pool3d_with_indices""".split(), "random: parity, tests/test_torch_gaps.py"),
    **dict.fromkeys("chain_matmul empty_strided range".split(), "old forms of what is drawn: tests/test_torch_gaps.py"),
    **dict.fromkeys("is_warn_always_enabled set_warn_always".split(), SETTINGS),
    **dict.fromkeys("summary vmap".split(), "of layers and functions: test_summary, test_func"),
}

# The values are random, or memory that nobody wrote: shapes and dtypes are compared, and the generator's place.
UNDEFINED = set("empty empty_like new_empty resize_ resize_as_".split())
RANDOM = set("""
    rand randn randint rand_like randn_like randint_like randperm normal bernoulli bernoulli_ multinomial uniform_
    normal_ cauchy_ log_normal_ exponential_ geometric_ random_ dropout dropout1d dropout2d dropout3d alpha_dropout
    feature_alpha_dropout gumbel_softmax rrelu rrelu_
""".split())
# Called without gradients: PyTorch's results have gradient functions that raise, or give zeros.
NO_GRADIENT = set("""
    unique unique_consecutive floor_divide floor_divide_ floordiv rfloordiv heaviside heaviside_ histc bucketize
    searchsorted bincount eq_ ne_ lt_ le_ gt_ ge_ not_equal_ less_ less_equal_ greater_ greater_equal_ logical_and_
    logical_or_ logical_xor_ logical_not_ fill fill_ hinge_embedding_loss normal
""".split())
# Equal numbers may come in any order: the samples' ties are left out.
TIES = set("""
    sort argsort topk kthvalue median nanmedian mode max_pool1d max_pool2d max_pool1d_with_indices
    max_pool2d_with_indices adaptive_max_pool1d adaptive_max_pool2d msort max_unpool1d max_unpool2d
""".split())
# The result has as many elements as a product or power of the operands'.
GROWING = set("""
    diagflat diag_embed diag kron outer ger inner combinations cartesian_prod block_diag meshgrid cdist pdist tensordot
    vander isin repeat tile
""".split())
# Long rows are drawn more often: what is added up must stay accurate.
LONG = set("""
    cumsum cumprod sum mean var std var_mean std_mean layer_norm group_norm batch_norm instance_norm rms_norm
    softmax log_softmax logsumexp logcumsumexp cumulative_trapezoid trapezoid norm nansum prod dot
""".split())
# Each element of the result comes from one element of each operand: there is no excuse in larger neighbours.
ELEMENTWISE = set("""
    abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad rad2deg digamma erf erfc erfinv exp exp2 expm1 floor
    frac lgamma log log10 log1p log2 neg positive reciprocal relu rsqrt selu sgn sigmoid sign sin sinc sinh sqrt
    square tan tanh trunc round logit clamp clip clamp_min clamp_max nan_to_num celu elu gelu hardshrink hardtanh
    leaky_relu logsigmoid softsign softplus softshrink threshold relu6 hardsigmoid hardswish mish silu add sub
    subtract mul multiply div divide true_divide pow float_power maximum minimum atan2 hypot logaddexp logaddexp2
    xlogy xlog1py copysign entr ndtr ndtri truediv radd rsub rmul
""".split())
# Shift invariant: equal numbers, or few about a large mean, are no excuse for an error beyond PyTorch's.
STABLE = set("""
    layer_norm group_norm var std var_mean std_mean softmax log_softmax logsumexp mean cumsum sum
""".split())

OWNERS = {"torch": fastnn, "Tensor": fastnn.Tensor, "F": fastnn.nn.functional, "linalg": fastnn.linalg,
          "special": fastnn.special}
ALIASES = {name: found.function.__name__ for name, found in HOMES["fastnn"].items() if name != found.function.__name__}


@functools.cache
def descriptions():
    """Name (or key with its owner) -> descriptions of parameters."""
    found = {}
    for line in TABLE.read_text().splitlines()[1:]:
        heads, *texts = [part.strip() for part in line.split("|")]
        for name in heads.split():
            found.setdefault(name, []).extend(texts)
    return found


def function_of(key):
    """The operation of a key; None for operators."""
    owner, _, name = key.partition(".")
    return getattr(OWNERS[owner], name, None) if owner in OWNERS else None


def takes_one_tensor(function):
    """Whether a function has one parameter beside ``out``: it needs no line in the table."""
    try:
        return [name for name in inspect.signature(function).parameters if name != "out"] == ["input"]
    except (TypeError, ValueError):
        return False


def parameters(key):
    """The descriptions for a public key; None if there are none."""
    table, name = descriptions(), key.partition(".")[2]
    for candidate in (key, key.rstrip("_"), name, name.removesuffix("_"), ALIASES.get(name),
                      ALIASES.get(name.removesuffix("_"))):
        if candidate in table:
            return table[candidate]
    function = None if is_excluded(key) else function_of(key.removesuffix("_")) or function_of(key)
    return ["input:x"] if takes_one_tensor(function) else None


def is_excluded(key):
    name = key.partition(".")[2]
    return EXCLUDED.get(name, EXCLUDED.get(name.removesuffix("_")))


def is_random(step):
    """Whether a step draws numbers, or shows memory that nobody wrote."""
    return step.key.partition(".")[2] in RANDOM | UNDEFINED or "dropout" in step.key


OPERATORS = tuple("op." + name for name in """
    add sub mul truediv pow floordiv mod lt le gt ge eq ne radd rsub rmul rtruediv rpow rfloordiv rmod iadd isub imul
    itruediv and_ or_ xor matmul neg abs invert pos getitem setitem""".split())


@functools.cache
def public():
    """The keys of all public operations, as the package has them now."""
    found = []
    for owner, where in OWNERS.items():
        for name in sorted(dir(where)):
            value = getattr(where, name)
            if not name.startswith("_") and callable(value) and not isinstance(value, (type, types.ModuleType)):
                found.append(f"{owner}.{name}")
    return (*found, *OPERATORS)


def uncovered():
    """Public operations with neither a description nor a written exclusion."""
    return [key for key in public() if parameters(key) is None and not is_excluded(key)]


def unused():
    """Names in the table and among the exclusions that are no public operation."""
    known = {key for key in public()} | {key.partition(".")[2] for key in public()}
    known |= {name.removesuffix("_") for name in known} | set(ALIASES.values())
    return [name for name in (*descriptions(), *EXCLUDED) if name not in known]
