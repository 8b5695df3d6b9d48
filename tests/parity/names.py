"""Which of PyTorch's operations are compared: `torch_ops.txt` is the scope, one OpInfo name a line."""
from pathlib import Path

import fastnn
from fastnn import Tensor

SCOPE = tuple(Path(__file__).with_name("torch_ops.txt").read_text().split())

# What fastnn has and PyTorch has samples for, and is not compared by them.
_ATTRIBUTES = "an attribute, or at the top level the name of a dtype"
_RANDOM = "draws numbers: tests/test_streams.py"
_SIGNS = "defined up to signs"
_ROUNDING = "gradients beyond PyTorch's tolerance next to a pole, or of sums that cancel"
NOT_COMPARED = {
    **dict.fromkeys("H mH mT real imag bfloat16 bool cdouble cfloat double float half int long short".split(),
                    _ATTRIBUTES),
    **dict.fromkeys("""bernoulli empty empty_like empty_strided multinomial new_empty normal rand_like randint
        randint_like randn randn_like nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d
        nn.functional.dropout3d nn.functional.feature_alpha_dropout""".split(), _RANDOM),
    **dict.fromkeys("linalg.eig linalg.eigh linalg.eigvals linalg.svd svd".split(), _SIGNS),
    **dict.fromkeys("pca_lowrank svd_lowrank".split(), _RANDOM),
    "linalg.lstsq": "in PyTorch empty residuals have a graph too",
    "linalg.pinv": "a variant of PyTorch's samples holds the factors of a matrix: tests/test_decompositions.py",
    **dict.fromkeys("""atanh cov digamma linalg.multi_dot nn.functional.conv3d nn.functional.conv_transpose3d polygamma
        special.polygamma matrix_exp linalg.matrix_exp triangular_solve""".split(), _ROUNDING),
    **dict.fromkeys("cholesky_inverse cholesky_solve".split(),
                    "gradients of the triangle that is read; PyTorch's are of the whole matrix"),
    "linalg.householder_product": "rounding, and without reflections the identity has no graph",
    "to_sparse": "sparse: tests/test_sparse.py", "chalf": "a dtype that is not there",
    **dict.fromkeys(["i0"], "not implemented, or without its gradient, and says so"),
    **dict.fromkeys("resize_ resize_as_ zero_ sgn".split(), "PyTorch refuses its samples, or makes ZeroTensors"),
    **dict.fromkeys("byte char conj resolve_conj resolve_neg".split(), "trivial methods without keywords"),
    "as_strided": "its samples are views of a part of a storage, which the tests do not carry along",
    **dict.fromkeys("kthvalue logspace mode nn.functional.local_response_norm".split(),
                    "integers give other errors or ties"),
}

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


def extra():
    """Operations beyond the scope that fastnn has and PyTorch has samples for; none without PyTorch."""
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError:
        return []
    known = {*SCOPE, *NOT_COMPARED}
    return sorted({op.name for op in op_db} - known - {op.name for op in op_db if function_of(op.name) is None})


def compared():
    """All names; the tests fail for one of the scope that fastnn lacks."""
    return [*SCOPE, *extra()]
