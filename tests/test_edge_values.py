"""Ties, NaN, equal numbers, nothing at all, wrong shapes and ranges: values, gradients and errors beside PyTorch.

A line is what x is, and what is computed of it.
"""
import math

import pytest

import fastnn
from fastnn import nn

CASES = """
T.full((4, ), 3.).requires_grad_(); x.std()
T.full((4, ), 3., dtype=T.float64).requires_grad_(); x.std()
T.full((4, 3), 3.).requires_grad_(); x.std(0).sum()
T.full((4, 3), 3.).requires_grad_(); T.std_mean(x, 0)[0].sum()
T.full((1, ), 3.).requires_grad_(); x.std()
T.full((1, 3), 3.).requires_grad_(); x.std(0).sum()
T.full((1, 3), 3.).requires_grad_(); x.var(0).sum()
T.full((4, ), 3.).requires_grad_(); x.std(correction=0)
T.full((4, ), 3.).requires_grad_(); x.var()
T.full((4, ), 0.).requires_grad_(); x.norm()
T.full((4, ), 0.).requires_grad_(); x.sqrt().sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(x, min=T.tensor([1., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(T.tensor([1., 2., 2.]), min=x).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(T.tensor([1., 2., 4.]), max=x).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(x, max=T.tensor([1., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(x, T.tensor([1., 2., 2.]), T.tensor([1., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(T.tensor([1., 2., 2.]), x, x).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(T.tensor([0., 2., 5.]), x, T.tensor([2., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(T.tensor([0., 2., 5.]), T.tensor([2., 2., 2.]), x).sum()
T.tensor([1., nan, 3.]).requires_grad_(); T.clamp(x, T.tensor([1., 2., 2.])).sum()
T.tensor([1., nan, 3.]).requires_grad_(); T.clamp(T.tensor([1., 2., 2.]), x).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp(x, 1., 2.).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp_min(x, T.tensor([1., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp_max(x, 2.).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.clamp_min(x, 2.).sum()
T.tensor(2.).requires_grad_(); T.clamp(T.tensor([1., 2., 3.]), min=x).sum()
T.tensor(2.).requires_grad_(); T.clamp(T.tensor([1., 2., 3.]), x, T.tensor(2.5)).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.maximum(x, T.tensor([1., 2., 2.])).sum()
T.tensor([1., nan, 3.]).requires_grad_(); T.maximum(x, T.tensor([1., 2., 2.])).sum()
T.tensor([1., 2., 3.]).requires_grad_(); T.maximum(x, T.tensor([1., nan, 2.])).sum()
T.tensor([1., nan, 3.]).requires_grad_(); T.fmax(x, T.tensor([1., 2., 2.])).sum()
T.tensor([1., nan, 3.]).requires_grad_(); x.max()
T.tensor([1., nan, 3.]).requires_grad_(); x.min()
T.tensor([1., nan, 3.]).requires_grad_(); x.amax()
T.tensor([1., nan, nan]).requires_grad_(); x.amin()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.amax(1).sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.amin(0, keepdim=True).sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.max(1).values.sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); T.aminmax(x)[0]
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); T.aminmax(x, dim=1)[1].sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); T.cummax(x, 1)[0].sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.median(1)[0].sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.median()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.nanmedian()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); x.logsumexp(1).sum()
T.tensor([[1., nan, 3.], [1., 2., 3.]]).requires_grad_(); T.linalg.vector_norm(x, inf)
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.leaky_relu(x, -1.5).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.elu(x, -1.5).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.celu(x, -1.5).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.celu(x, 0.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.elu(x, 0.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.leaky_relu(x, 0.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.elu(x*1, 1.5, inplace=True).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.rrelu(x, -1.5, -1.5, True).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.rrelu(x, -1.5, -.5, False).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.hardtanh(x, -1., 1.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.hardtanh(x, 1., 1.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.softplus(x, -1.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.softplus(x, 0.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.softplus(x, 2., -1.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.threshold(x, -1., 5.).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.prelu(x, T.tensor([-1.5])).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.hardshrink(x, -.5).sum()
T.tensor([-2., -1., 0., 1.]).requires_grad_(); F.softshrink(x, 0.).sum()
T.zeros(2, 0).requires_grad_(); x.logsumexp(1).sum()
T.zeros(2, 0).requires_grad_(); x.logsumexp(1)
T.zeros(0, 2).requires_grad_(); x.logsumexp(1)
T.zeros(2, 0).requires_grad_(); x.logsumexp((0, 1))
T.zeros(2, 0).requires_grad_(); x.logsumexp(1, keepdim=True)
T.zeros(2, 0); x.logsumexp(0)
T.full((3, ), -inf).requires_grad_(); x.logsumexp(0)
T.tensor([inf, 1.]).requires_grad_(); x.logsumexp(0)
T.tensor([inf, inf]).requires_grad_(); x.logsumexp(0)
T.zeros(0).requires_grad_(); T.cat([x, T.ones(2)]).sum()
T.zeros(0).requires_grad_(); T.cat([x, T.ones(2, 3)]).sum()
T.zeros(0, 3).requires_grad_(); T.cat([x, T.ones(2, 3)]).sum()
T.zeros(0).requires_grad_(); T.cat([x, x]).sum()
T.zeros(0).requires_grad_(); T.cat([T.ones(2, 3), x], 1).sum()
T.zeros(0).requires_grad_(); T.stack([x, x]).sum()
T.zeros(0).requires_grad_(); T.hstack([x, T.ones(2)]).sum()
T.zeros(0).requires_grad_(); T.vstack([x, T.ones(2, 0)]).sum()
T.zeros(0).requires_grad_(); x.sum()
T.zeros(0).requires_grad_(); x.mean()
T.zeros(0).requires_grad_(); x.prod()
T.zeros(2, 2); T.dot(x, x)
T.zeros(2); T.dot(x, T.zeros(3))
T.zeros(2); T.dot(x, T.zeros(2, dtype=T.float64))
T.zeros(2, 2); T.vdot(x, x)
T.zeros(2, 2); T.mv(x, x)
T.zeros(2); T.mm(x, x)
T.zeros(2); T.bmm(x, x)
T.zeros(2, 2); T.outer(x, x)
T.zeros(2); T.addr(T.zeros(2, 2), x, T.zeros(2, 2))
T.zeros(2); T.linalg.multi_dot([x, x])
T.zeros(()); T.dot(x, x)
T.zeros(()); x@x
T.zeros(2, 3); x@x
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([2., 0.]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([-1., 0.]))
T.tensor([1.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.]))
T.tensor([-.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.]))
T.tensor([nan, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([nan, 0.]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1.]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1, 0]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.], dtype=T.float64))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.]), weight=T.ones(3))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy(x, T.tensor([1., 0.]), reduction="x")
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy_with_logits(x, T.tensor([2., 0.]))
T.tensor([.5, .5]).requires_grad_(); F.binary_cross_entropy_with_logits(x, T.tensor([1.]))
T.tensor([.5, .5]).requires_grad_(); F.kl_div(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.kl_div(x, T.tensor([[.5, .5], [.5, .5]]))
T.tensor([.5, .5]).requires_grad_(); F.kl_div(x, T.tensor(.5))
T.tensor([.5, .5]).requires_grad_(); F.kl_div(x, T.tensor([.5]), reduction="sum", log_target=True)
T.tensor([.5, .5]).requires_grad_(); F.kl_div(x, T.tensor([-.5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.mse_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.l1_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.smooth_l1_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.huber_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.huber_loss(x, x*2, delta=-1.)
T.tensor([.5, .5]).requires_grad_(); F.smooth_l1_loss(x, x*2, beta=-1.)
T.tensor([.5, .5]).requires_grad_(); F.soft_margin_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.poisson_nll_loss(x, T.tensor([.5, .5, .5]))
T.tensor([.5, .5]).requires_grad_(); F.gaussian_nll_loss(x, x, T.tensor([-1., 1.]))
T.tensor([.5, .5]).requires_grad_(); F.hinge_embedding_loss(x, T.tensor([.5, .5, .5]))
T.tensor([[.5, .5]]).requires_grad_(); F.nll_loss(x, T.tensor([5]))
T.tensor([[.5, .5]]).requires_grad_(); F.cross_entropy(x, T.tensor([5]))
T.tensor([[.5, .5]]).requires_grad_(); F.cross_entropy(x, T.tensor([-5]))
T.tensor([[.5, .5]]).requires_grad_(); F.cross_entropy(x, T.tensor([0, 1]))
T.tensor([[.5, .5]]).requires_grad_(); F.cross_entropy(x, T.tensor([0], dtype=T.int32))
T.tensor([[.5, .5]]).requires_grad_(); F.cross_entropy(x, T.tensor([0.]))
T.ones(3); x.clone().addcmul_(2, T.ones(3), T.ones(3))
T.ones(3); x.clone().addcdiv_(2, T.ones(3), T.ones(3))
T.ones(3); x.clone().addcmul_(T.ones(3), T.ones(3), value=2)
T.ones(3); x.clone().addcmul_(T.ones(3), T.ones(3), 2)
T.ones(3); x.clone().add_(2, T.ones(3))
T.ones(3); x.clone().sub_(2, T.ones(3))
T.ones(3); x.clone().addcmul_(T.ones(3), 2)
""".strip().split("\n")


def rounded(values):
    """Nested lists for comparison: NaN and -0 as words, six digits."""
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return f"{values + 0.0:.4g}"


def outcome(case, library):
    made, computed = case.split("; ")
    names = {"T": library, "F": library.nn.functional, "nan": math.nan, "inf": math.inf}
    names["x"] = x = eval(made, names)
    try:
        y = eval(computed, names)
        if y.requires_grad:
            y.sum().backward()
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return type(error)
    grad = None if x.grad is None else (tuple(x.grad.shape), rounded(x.grad.tolist()))
    return str(y.dtype), tuple(y.shape), rounded(y.tolist()), grad


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_beside_pytorch(case):
    torch = pytest.importorskip("torch")
    expected, found = outcome(case, torch), outcome(case, fastnn)
    if isinstance(expected, type):
        assert isinstance(found, type) and issubclass(found, expected), (found, expected)
    else:
        assert found == expected


@pytest.mark.parametrize("backend", ["c", "reference"])
@pytest.mark.parametrize("compute, expected", [
    (lambda x: x.std(), [0.0, 0.0, 0.0]), (lambda x: x.clamp(min=x.detach()).sum(), [1.0, 1.0, 1.0]),
    (lambda x: nn.functional.leaky_relu(x - 4, -1.5).sum(), [-1.5, -1.5, -1.5]),
    (lambda x: nn.functional.leaky_relu(x - 4, -1.5, inplace=True).sum(), [-1.5, -1.5, -1.5]),
    (lambda x: fastnn.cat([x, fastnn.zeros(0)]).sum(), [1.0, 1.0, 1.0])])
def test_both_backends(backend, compute, expected):
    with fastnn.use_backend(backend):
        x = fastnn.full((3,), 3.0, requires_grad=True)
        compute(x).backward()
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("function", [
    lambda x: x.std(), lambda x: x.std(0).sum(), lambda x: x.clamp(x * x - 1, x * x).pow(3).sum(),
    lambda x: fastnn.cat([x, fastnn.zeros(0, requires_grad=True), x * x]).pow(3).sum(), lambda x: x.max() ** 2,
    lambda x: x.amin() ** 2, lambda x: nn.functional.elu(x, -1.5).sum(),
    lambda x: fastnn.maximum(x * x, x).sum()])
def test_second_derivatives(function):
    x = fastnn.tensor([0.5, -1.25, 2.0], dtype=fastnn.float64, requires_grad=True)
    assert fastnn.autograd.gradcheck(function, (x,)) and fastnn.autograd.gradgradcheck(function, (x,))


@pytest.mark.torch
@pytest.mark.parametrize("driver", [None, "gelsy", "gelsd", "gels", "gelss"])
@pytest.mark.parametrize("sizes", [
    ((5, 3), (5, 2)), ((2, 5, 3), (2, 5, 2)), ((5, 3), (5,)), ((2, 5, 3), (2, 5)), ((3, 5), (3, 2)), ((3, 3), (3, 2)),
    ((2, 5, 3), (5,)), ((2, 5, 3), (5, 2)), ((2, 1, 5, 3), (1, 4, 5, 2)), ((2, 1, 5, 3), (4, 5, 2)),
    ((0, 5, 3), (0, 5, 2))], ids=str)
def test_least_squares_of_stacks(sizes, driver):
    torch = pytest.importorskip("torch")
    from parity.carry import compare
    torch.manual_seed(0)
    a, b = (torch.randn(size, dtype=torch.float64) for size in sizes)
    given = fastnn.from_numpy(a.numpy()), fastnn.from_numpy(b.numpy())
    try:
        expected = torch.linalg.lstsq(a, b, driver=driver)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            fastnn.linalg.lstsq(*given, driver=driver)
        return
    compare(tuple(fastnn.linalg.lstsq(*given, driver=driver)), tuple(expected), "lstsq", 1e-8, 1e-8)


HUGE = [lambda T: T.combinations(T.arange(1000), 5), lambda T: T.combinations(T.arange(9999), 4, with_replacement=True),
        lambda T: T.tensor_split(T.arange(3), 2 ** 40), lambda T: T.vander(T.ones(3), N=2 ** 50),
        lambda T: T.cartesian_prod(*[T.arange(10 ** 5)] * 4), lambda T: T.ones(3).repeat(2 ** 50),
        lambda T: T.tile(T.ones(3), (2 ** 50,)), lambda T: T.repeat_interleave(T.ones(3), 2 ** 50),
        lambda T: T.repeat_interleave(T.ones(3), T.tensor([2 ** 50] * 3)), lambda T: T.tril_indices(2 ** 40, 2 ** 40),
        lambda T: T.triu_indices(2 ** 30, 2 ** 30), lambda T: nn.functional.one_hot(T.tensor([1]), 2 ** 50),
        lambda T: T.bincount(T.tensor([1]), minlength=2 ** 50), lambda T: T.bincount(T.tensor([2 ** 50])),
        lambda T: T.histc(T.ones(3), bins=2 ** 50), lambda T: T.linspace(0, 1, 2 ** 50), lambda T: T.arange(2 ** 50),
        lambda T: T.arange(0, 1, 1e-300), lambda T: T.logspace(0, 1, 2 ** 50), lambda T: T.eye(2 ** 40),
        lambda T: T.zeros(2 ** 50), lambda T: T.full((2 ** 30, 2 ** 30), 1), lambda T: T.ones(2 ** 62, 2 ** 62),
        lambda T: T.randn(2 ** 50), lambda T: T.randperm(2 ** 50), lambda T: T.randint(3, (2 ** 50,)),
        lambda T: nn.functional.pad(T.ones(3), (2 ** 50, 0)),
        lambda T: nn.functional.pad(T.ones(1, 3), (2 ** 50, 0), mode="replicate"),
        lambda T: nn.functional.interpolate(T.ones(1, 1, 3), size=2 ** 50),
        lambda T: nn.functional.adaptive_avg_pool1d(T.ones(1, 3), 2 ** 50),
        lambda T: nn.functional.adaptive_max_pool1d(T.ones(1, 3), 2 ** 50),
        lambda T: nn.functional.unfold(T.ones(1, 1, 3, 3), 1, padding=2 ** 30),
        lambda T: nn.functional.fold(T.ones(1, 1, 9), (2 ** 30, 2 ** 30), 1),
        lambda T: T.diag_embed(T.ones(3), offset=2 ** 40), lambda T: T.diagflat(T.ones(3), 2 ** 40),
        lambda T: T.kron(T.ones(2 ** 20), T.ones(1).expand(2 ** 40)), lambda T: T.ones(1).expand(2 ** 50).clone(),
        lambda T: T.ones(1).expand(2 ** 50).unbind(), lambda T: T.ones(1).expand(2 ** 50).split(1),
        lambda T: T.ones(0).chunk(2 ** 50), lambda T: T.multinomial(T.ones(3), 2 ** 50, replacement=True),
        lambda T: T.ones(3).new_zeros(2 ** 50), lambda T: T.ones(3).resize_(2 ** 50),
        lambda T: nn.Linear(2 ** 30, 2 ** 30),
        lambda T: nn.functional.conv1d(T.ones(1, 1, 3), T.ones(1, 1, 1), padding=2 ** 50),
        lambda T: nn.functional.conv_transpose1d(T.ones(1, 1, 3), T.ones(1, 1, 1), stride=2 ** 50),
        lambda T: nn.functional.max_unpool1d(T.ones(1, 3), T.arange(3)[None], 2 ** 50),
        lambda T: nn.functional.pdist(T.ones(1, 1).expand(2 ** 30, 1)),
        lambda T: T.cdist(T.ones(1, 1).expand(2 ** 30, 1), T.ones(1, 1).expand(2 ** 30, 1))]


@pytest.mark.parametrize("call", HUGE)
def test_sizes_are_checked_before_work(call):
    """What no memory holds is refused at once."""
    with pytest.raises((MemoryError, RuntimeError, ValueError)):
        call(fastnn)


def test_out_of_memory_is_a_runtime_error():
    with pytest.raises(RuntimeError, match="allocate"):
        fastnn.zeros(2 ** 50)


def test_index_triangles():
    import numpy as np
    for row, col, offset in ((3, 3, 0), (4, 2, -1), (2, 5, 2), (0, 3, 0), (3, 0, 0), (3, 4, 9), (3, 4, -9),
                             (1, 1, 2 ** 40)):
        wide = int(np.clip(offset, -50, 50))
        assert fastnn.tril_indices(row, col, offset).tolist() == np.stack(np.tril_indices(row, wide, col)).tolist()
        assert fastnn.triu_indices(row, col, offset).tolist() == np.stack(np.triu_indices(row, wide, col)).tolist()


def test_clamp_of_numbers_between_tensors():
    for x, low, high in ((1.0, 1.0, 3.0), (0.0, 1.0, 3.0), (5.0, 1.0, 3.0)):
        given = [fastnn.tensor(each, requires_grad=True) for each in (x, low, high)]
        fastnn.clamp(*given).backward()
        grads = [0.0 if each.grad is None else each.grad.item() for each in given]
        assert grads == [float(low <= x <= high), float(x < low), float(x > high)]


def test_derivatives_of_bessel_functions_near_zero():
    """Where y / x has lost its digits."""
    for kind in (fastnn.float32, fastnn.float64):
        x = fastnn.tensor([fastnn.finfo(kind).smallest_normal / 2 ** 5, 0.0, 1e-30], dtype=kind, requires_grad=True)
        for function in (fastnn.special.i1, fastnn.special.i1e):
            dx, = fastnn.autograd.grad(function(x).sum(), x, create_graph=True)
            assert dx.tolist() == [0.5] * 3
            assert fastnn.isfinite(fastnn.autograd.grad(dx.sum(), x)[0]).all()


def test_products_of_integers_added_to_floats():
    """They are made in the dtype of the sum, where they do not overflow."""
    a, b = fastnn.tensor([2 ** 31 - 1], dtype=fastnn.int32), fastnn.tensor([2 ** 62])
    assert fastnn.addcmul(fastnn.ones(1), a, b).item() == pytest.approx(2.0 ** 93)
