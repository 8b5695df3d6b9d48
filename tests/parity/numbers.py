"""Complex tensors on PyTorch's samples: which operations are compared, and what those without a complex form do."""
from parity import names

# What has complex samples, a name in fastnn, and is not compared by them.
_PHASE = "defined up to factors of absolute value 1: tests/test_complex.py has functions that do not depend on them"
_SYMMETRY = "PyTorch's gradient of the upper factor keeps an imaginary diagonal, which no Hermitian matrix has"
_REFUSED = "no complex form: raises NotImplementedError"
NOT_COMPARED = {
    **{name: reason for name, reason in names.NOT_COMPARED.items() if reason in (names._ATTRIBUTES, names._RANDOM)},
    **{name: names.NOT_COMPARED[name] for name in """cholesky_inverse cholesky_solve linalg.householder_product
        linalg.lstsq pca_lowrank svd_lowrank""".split()},
    **dict.fromkeys("linalg.eig linalg.eigh linalg.pinv linalg.svd svd".split(), _PHASE),
    **dict.fromkeys("log_softmax logcumsumexp nn.functional.rms_norm softmax".split(), _REFUSED),
    "to_sparse": "gradients of complex sparse tensors are refused",
    **dict.fromkeys("cholesky linalg.cholesky linalg.cholesky_ex".split(), _SYMMETRY),
    **dict.fromkeys("resize_ resize_as_ zero_ as_strided".split(), "as for real numbers"),
    **dict.fromkeys("chalf".split(), "a dtype that is not there"),
}
REFUSED = tuple(name for name, reason in NOT_COMPARED.items() if reason is _REFUSED)


def compared():
    """OpInfo names; none without PyTorch."""
    try:
        import torch
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError:
        return []
    known = {op.name for op in op_db if torch.complex128 in op.supported_dtypes("cpu")}
    return sorted(name for name in known if name not in NOT_COMPARED and names.function_of(name) is not None)


def as_complex(value, torch, map_tensors):
    """Arguments whose floating-point tensors became complex128."""
    return map_tensors(value, lambda t: t.detach() * (1 + 0.5j) if t.dtype == torch.float64 else t)
