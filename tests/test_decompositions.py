"""Decompositions of real and complex matrices: they multiply to the matrix, and functions of them that do not depend on
signs or phases have PyTorch's values and gradients, of both orders."""
import numpy as np
import pytest

import fastnn
from fastnn import keras
from fastnn.autograd import gradgradcheck

SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 3), (0, 3, 3)]
KINDS = ["float64", "complex128"]


def matrices(*shape, kind="float64", seed=0):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(shape)
    return x + 1j * generator.standard_normal(shape) if kind == "complex128" else x


def positive(x):
    return x @ x.mH + 0.5 * (x @ x.mH).diagonal(0, -2, -1).diag_embed()


def functions(library):
    """By name: real-valued results that PyTorch and fastnn must share."""
    def parts(*tensors):
        return [t.abs() for t in tensors]

    linalg = library.linalg
    return {
        "qr": lambda x: parts(*linalg.qr(x)),
        "qr of the adjoint": lambda x: parts(*linalg.qr(x.mH)),
        "projection by qr": lambda x: [((q := linalg.qr(x).Q) @ q.mH).real],
        "svd": lambda x: parts(*linalg.svd(x, full_matrices=False)),
        "polar factor": lambda x: [((f := linalg.svd(x, full_matrices=False)).U @ f.Vh).real],
        "svdvals": lambda x: [linalg.svdvals(x)],
        "nuclear norm": lambda x: [linalg.matrix_norm(x, "nuc"), linalg.matrix_norm(x, 2)],
        "old svd": lambda x: [library.svd(x).S, library.svd(x).V.abs()],
        "pinv": lambda x: [linalg.pinv(x).real],
        "lstsq": lambda x: [linalg.lstsq(x, x.abs().to(x.dtype) + x[..., :1]).solution.real],
        "lstsq of a vector": lambda x: [linalg.lstsq(x, (1.5 * x + x * x).sum(-1), driver="gelsd").solution.real],
        "residuals (of more rows than columns)": lambda x: [linalg.lstsq(x, x * x, driver="gels").residuals],
        "lu": lambda x: [part.real for part in linalg.lu(x)],
        "cov": lambda x: [library.cov(x).real if x.ndim == 2 else x.real],
        "corrcoef": lambda x: [library.corrcoef(x).imag if x.is_complex() and x.ndim == 2 else x.real],
        "eigh": lambda x: [*parts(linalg.eigh(x @ x.mH + x.shape[-2] * library.eye(x.shape[-2], dtype=x.dtype))[0])],
        "cholesky": lambda x: [linalg.cholesky(positive(x)).real, linalg.cholesky(positive(x), upper=True).real],
        "solve": lambda x: [linalg.solve(positive(x), x).real],
        "lu_solve": lambda x: [linalg.lu_solve(*linalg.lu_factor(positive(x)), x, adjoint=True).real],
        "solve_triangular": lambda x: [linalg.solve_triangular(positive(x), x, upper=True).real],
        "cholesky_solve": lambda x: [library.cholesky_solve(x, linalg.cholesky(positive(x))).real],
        "matrix_exp": lambda x: [linalg.matrix_exp(x @ x.mH / 9).real],
        "householder_product": lambda x: [linalg.householder_product(x @ x.mH, (x @ x.mH).diagonal(0, -2, -1)).real],
    }


def value(library, name, x):
    """A number that depends on every element of the results, each in its own way."""
    total = 0.0
    for i, part in enumerate(functions(library)[name](x)):
        weights = library.cos(library.arange(part.numel(), dtype=library.float64) + i).reshape(part.shape)
        total = total + (part * weights).sum()
    return total


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", functions(fastnn))
def test_values_and_gradients(name, shape, kind):
    torch = pytest.importorskip("torch")
    x = matrices(*shape, kind=kind)
    found = []
    for library in (torch, fastnn):
        leaf = library.from_numpy(x.copy()).requires_grad_()
        y = value(library, name, leaf)
        gradient, = library.autograd.grad(y, leaf, allow_unused=True) if y.requires_grad else [None]
        found.append((y.detach().numpy(), np.zeros_like(x) if gradient is None else gradient.resolve_conj().numpy()))
    for ours, theirs in zip(found[1], found[0]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 3)], ids=str)
@pytest.mark.parametrize("name", ["qr", "svd", "svdvals", "polar factor", "pinv", "lstsq"])
def test_second_order(name, shape):
    x = fastnn.from_numpy(matrices(*shape)).requires_grad_()
    assert gradgradcheck(lambda x: value(fastnn, name, x), [x])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
def test_parts_multiply_to_the_matrix(shape, kind):
    x = fastnn.from_numpy(matrices(*shape, kind=kind))
    u, s, vh = fastnn.linalg.svd(x)
    k = s.shape[-1]
    made = {"svd": (u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], "qr": fastnn.matmul(*fastnn.linalg.qr(x)),
            "qr complete": fastnn.matmul(*fastnn.linalg.qr(x, mode="complete"))}
    if shape[-1] == shape[-2]:
        values, vectors = fastnn.linalg.eigh(x + x.mH)
        made["eigh"] = (vectors * values.unsqueeze(-2)) @ vectors.mH - x.mH
    for name, product in made.items():
        assert fastnn.allclose(product, x, atol=1e-12), name


def test_what_has_no_gradient_says_so():
    x = fastnn.ones(4, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="mode='complete' and nrows > ncols"):
        fastnn.linalg.qr(x, mode="complete").R.sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        fastnn.linalg.qr(x, mode="r").R.sum().backward()


def test_large_singular_values_can_be_differentiated_twice():
    """Their squares would be beyond float32."""
    x = fastnn.tensor([[3e25, 0.0], [0.0, 4e25]], requires_grad=True)
    y, = fastnn.autograd.grad(fastnn.linalg.svdvals(x).sum(), x, create_graph=True)
    assert fastnn.equal(y.detach(), fastnn.eye(2)) and y.sum().requires_grad
    assert fastnn.isfinite(fastnn.autograd.grad(y.sum(), x)[0]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_end_at_once(kind, bad):
    """LAPACK iterates for ever over infinities."""
    x = fastnn.from_numpy(matrices(4, 4, kind=kind)).requires_grad_()
    with fastnn.no_grad():
        x[0, 0] = bad
    linalg = fastnn.linalg
    for function in (linalg.svd, linalg.svdvals, linalg.eigh, linalg.eigvals, linalg.pinv, linalg.matrix_rank,
                     linalg.cond, lambda x: linalg.norm(x, "nuc"), lambda x: linalg.lstsq(x, x),
                     lambda x: linalg.matrix_rank(x, atol=0.1), lambda x: keras.ops.matrix_rank(x.abs()),
                     lambda x: keras.ops.lstsq(x.abs(), x.abs())):
        with pytest.raises(linalg.LinAlgError, match="non-finite|NaN|eig"):
            function(x)
    gradient, = fastnn.autograd.grad(linalg.det(x).abs(), x)
    assert gradient.isnan().all()
    assert linalg.cholesky_ex(x.detach()).info.item() == 1
