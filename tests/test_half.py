"""float16: each operation gives PyTorch's result, or one closer to the exact one, or refuses by name."""
import numpy as np
import pytest
from parity.names import compared, function_of

import fastnn
from fastnn import nn

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

RANDOM = ("bernoulli", "dropout", "rrelu", "multinomial", "normal", "rand", "empty", "fractional", "multi_head")
OTHER = ("chalf", "complex", "view_as_complex", "sparse.mm", "to_sparse")  # tests of their own
TIES = ("sort", "argsort", "msort", "topk", "mode", "kthvalue", "median", "nanmedian")  # which of equal ones is open


def refused(error):
    """A refusal names float16."""
    return isinstance(error, (NotImplementedError, RuntimeError, TypeError)) and (
        "float16" in str(error) or "Half" in str(error))


@pytest.mark.parametrize("name", compared())
def test_samples(name):
    torch = pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    from parity.carry import Different, compare, copy_of, leaves, map_tensors, to_fastnn
    from parity.runner import describe, op_database, quiet, spread
    if any(part in name for part in RANDOM) or name in TIES + OTHER:
        pytest.skip("random, of undefined order, or tested elsewhere")
    for op in op_database()[name]:
        if torch.float16 not in op.supported_dtypes("cpu"):
            continue
        torch.manual_seed(0)
        for sample in spread(op.sample_inputs("cpu", torch.float16), 20):
            if sample.kwargs.get("dropout_p"):
                continue  # random
            given = [sample.input, *sample.args], sample.kwargs
            tensors = leaves(given, torch.Tensor)
            if any(t.ndim > 64 or t.is_complex() or t.dtype is torch.bfloat16 for t in tensors) or any(
                    value in (torch.bfloat16, torch.complex32, torch.complex64) for value in sample.kwargs.values()):
                continue
            single = map_tensors(copy_of(given), lambda t: t.float() if t.dtype is torch.float16 else t)
            single[1].update({key: torch.float32 for key, value in given[1].items() if value is torch.float16})
            theirs, ours = copy_of(given), to_fastnn(given)
            try:
                with quiet():
                    expected, exact = op.op(*theirs[0], **theirs[1]), op.op(*single[0], **single[1])
            except (RuntimeError, TypeError):
                continue  # PyTorch refuses it
            try:
                with quiet():
                    found = function_of(name)(*ours[0], **ours[1])
            except Exception as error:
                assert refused(error), f"{describe(sample)}: {error!r}"
                continue
            try:
                compare(found, expected, describe(sample), 2e-3, 2e-3)
            except Different:  # PyTorch rounds several times here
                rounded = map_tensors(exact, lambda t: t.half() if t.dtype is torch.float32 else t)
                compare(found, rounded, describe(sample), 2e-3, 1e-6)


CALLS = """
a.sum()
a.mean()
a.std()
a.var()
T.var_mean(a)
T.std_mean(a)
a.norm()
a.norm(1)
a.norm(3)
T.linalg.vector_norm(a)
T.linalg.norm(m)
T.linalg.matrix_norm(m, 1)
a.logsumexp(0)
a.cumsum(0)
(a/2+.5).cumprod(0)
T.trapezoid(a)
T.cumulative_trapezoid(a)
a@b
T.dot(a, b)
T.vdot(a, b)
T.inner(a, b)
m@m.T
T.mm(m, m.T)
T.mv(m, m[0])
T.bmm(m[None], m.T[None])
T.einsum("ij, kj->ik", m, m)
T.einsum("ij->", m)
T.tensordot(m, m, ([1], [1]))
T.nn.functional.cosine_similarity(m, m+1)
T.nn.functional.pairwise_distance(m, m+1)
T.cdist(m, m+1)
T.dist(a, b)
T.zeros(3, dtype=T.float16).index_add(0, i, a)
T.zeros(3, dtype=T.float16).scatter_add(0, i, a)
T.zeros(3, dtype=T.float16).scatter_reduce(0, i, a, "sum")
T.zeros(3, dtype=T.float16).scatter_reduce(0, i, a, "mean")
T.zeros(3, dtype=T.float16).index_put((i, ), a, accumulate=True)
T.bincount(i, a)
T.histc(a, 5)
T.nansum(a)
T.nanmean(a)
T.trace(m@m.T)
T.cov(m)
T.corrcoef(m)
T.logcumsumexp(a, 0)
T.renorm(m, 2, 0, 1.)
a.median()
T.quantile(a, .5)
T.softmax(a, 0)
T.log_softmax(a, 0)
T.nn.functional.linear(m, m)
T.count_nonzero(a)
a.sum_to_size(1)
a.prod()
T.kron(m[:3, :3], m[:3, :3])
a.addcmul(a, b, value=3.)
a.lerp(b, .3)
a/2
a//.3
a%.3
a**2
a**.5
a**-1
2**a
a+1e-3
1-a
1/a
a*3
a.clamp(.5, 1.)
a.clamp(min=.5)
a.round(decimals=1)
a.abs()
a.exp()
T.nn.functional.gelu(a)
T.atan2(a, b)
T.hypot(a, b)
T.logaddexp(a, b)
T.xlogy(a, b)
T.copysign(a, -1.)
T.fmax(a, b)
T.heaviside(a-1, b)
T.maximum(a, b)
T.float_power(a, b)
T.ldexp(a, i)
T.nan_to_num(a/0)
T.erfinv(a/3)
T.lgamma(a)
T.digamma(a)
T.i0(a)
T.sinc(a)
T.erfc(a)
T.logit(a/3)
T.deg2rad(a)
T.isclose(a, b)
T.allclose(a, a)
T.cross(m[:, :3], m[:, 3:6], dim=1)
T.diff(a)
a.sort().values
a.topk(3).values
a.unique()[:5]
T.searchsorted(a.sort().values, b)
T.bucketize(a, T.tensor([.5, 1.], dtype=T.float16))
T.isin(a, b)
T.where(a>1, a, 0.)
T.where(a>1, a, b)
a.masked_fill(a>1, .1)
T.stack([a, b])
T.nn.functional.pad(a, (1, 1), value=.1)
T.nn.functional.normalize(m)
T.nn.functional.dropout(a, 0.)
T.meshgrid(a[:3], b[:3], indexing="ij")[0]
T.linalg.inv(m[:4, :4])
T.linalg.det(m[:4, :4])
T.linalg.svdvals(m)
T.nn.functional.mse_loss(a, b)
T.nn.functional.l1_loss(a, b)
T.nn.functional.relu(a-1)
T.nn.functional.softplus(a)
T.nn.functional.leaky_relu(a-1, .1)
T.nn.functional.layer_norm(m, (600, ))
T.nn.functional.embedding(i, m)
T.linspace(0, 1, 7, dtype=T.float16)
T.arange(0, 1, .1, dtype=T.float16)
T.full((2, ), .1, dtype=T.float16)
T.logspace(0, 1, 5, dtype=T.float16)
T.eye(2, dtype=T.float16)
T.vander(a[:5])
T.aminmax(a)
T.kthvalue(a, 3).values
T.cummax(a, 0).values
a.clone().add_(.1)
a.clone().div_(3)
a.clone().pow_(2)
a.clone().exp_()
a.clone().clamp_(.5, 1)
a.clone().relu_()
T.nn.functional.relu(a.clone()-1, inplace=True)
T.nn.functional.elu(a.clone()-1, inplace=True)
a.clone().sqrt_()
a.clone().cumsum_(0)
a.clone().lerp_(b, .5)
a.clone().addcmul_(a, b, value=2)
a.clone().sigmoid_()
T.add(a, b, alpha=.3)
T.sub(a, b, alpha=.3)
T.rsub(a, b)
T.add(a, 1)
T.mul(a, T.tensor(2.))
T.mul(a, T.tensor([2.]))
a.float().sum()
a.sum(dtype=T.float32)
a.mean(dtype=T.float32)
m.float().sum(dtype=T.float16)
T.ones(3, dtype=T.int64).sum(dtype=T.float16)
a.cumsum(0, dtype=T.float32)
a.norm(dtype=T.float32)
T.triu(m)
a.argmax()
a.max(0).values
a.amax()
a.all()
a.any()
-a
abs(a)
a==b
a<1
a.equal(a)
a.floor()
a.frac()
a.sign()
a.expm1()
T.addmm(m[:, :60], m, m.T, beta=.5, alpha=2.)
T.addmv(m[:, 0], m, m[0], beta=.5, alpha=2.)
T.addr(m[:3, :3], a[:3], b[:3])
T.baddbmm(m[None, :, :60], m[None], m.T[None])
T.addbmm(m[:, :60], m[None], m.T[None])
T.addcdiv(a, a, b+1, value=.5)
T.nn.functional.bilinear(m[:, :3], m[:, :4], m[:6, :12].reshape(6, 3, 4))
m.tril()
m.flip(0)
a.clone().mul_(2)
a.sgn()
a.clone().square_()
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_long_sums_and_numbers(call):
    """Thousands of elements, whose sums float16 cannot hold on the way; Python's numbers as operands."""
    torch = pytest.importorskip("torch")
    from parity.carry import Different, compare
    rng = np.random.default_rng(0)
    arrays = {"a": rng.uniform(0, 2, 5000).astype(np.float16), "b": rng.uniform(0, 2, 5000).astype(np.float16),
              "m": rng.uniform(0, 1, (60, 600)).astype(np.float16), "i": rng.integers(0, 3, 5000)}

    def outcome(library, call=call):
        try:
            return eval(call, {"T": library, **{name: library.tensor(x) for name, x in arrays.items()}})
        except Exception as error:
            return error
    expected, found = outcome(torch), outcome(fastnn)
    if isinstance(found, Exception):
        assert isinstance(expected, Exception) or refused(found), found
    elif isinstance(expected, (torch.Tensor, tuple)):
        try:
            compare(found, expected, call, 2e-3, 1e-3)
        except Different:  # PyTorch rounds several times here
            arrays.update({name: x.astype(np.float32) for name, x in arrays.items() if name != "i"})
            compare(found, outcome(torch, call.replace("float16", "float32")).half(), call, 2e-3, 1e-6)
    else:
        assert str(found) == str(expected)


def test_small():
    h = fastnn.tensor([0.5, 0.75, 1.0], dtype=fastnn.float16)
    for made, value in ((h.sum(), 2.25), (h.prod(), 0.375), (h.nansum(), 2.25), (h.mean(), 0.75),
                        ((h / 2).sum(), 1.125), (fastnn.ones(3, 3, dtype=fastnn.float16).trace(), 3.0),
                        (h ** -1, None), (h.clamp(0.6), None)):
        assert made.dtype is fastnn.float16
        assert value is None or made.item() == value


def test_fused_layer():
    """The activation of a dense layer is not lost."""
    x, layer = fastnn.ones(2, 3), nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with fastnn.no_grad():
        for parameter in layer.parameters():
            parameter.data = parameter.data.to(fastnn.float16)
        found = layer(x.to(fastnn.float16))
    assert found.dtype is fastnn.float16 and found.min() >= 0


@pytest.mark.torch
@pytest.mark.parametrize("draw", [
    lambda t: t.rand(7, dtype=t.float16), lambda t: t.rand(3, 40, dtype=t.half), lambda t: t.randn(5, dtype=t.half),
    lambda t: t.randn(16, dtype=t.half), lambda t: t.randn(40, 3, dtype=t.half),
    lambda t: t.empty(4, 6, dtype=t.half).t().normal_(1, 2), lambda t: t.empty(20, dtype=t.half).uniform_(-3, 5),
    lambda t: t.randn_like(t.zeros(33, dtype=t.half)), lambda t: t.empty(9, dtype=t.half).exponential_(),
    lambda t: t.rand(20000, dtype=t.half)])  # some numbers round to 1, which is not in the range
def test_random_numbers(draw):
    torch = pytest.importorskip("torch")
    found = []
    for library in (fastnn, torch):
        library.manual_seed(3)
        numbers = draw(library).numpy()
        assert numbers.dtype == np.float16
        found.append((numbers, float(library.rand(1))))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def converted(value, change, kind):
    """Nested arguments with `change` applied to the tensors of a class."""
    from parity.carry import rebuilt
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {key: converted(item, change, kind) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, fastnn.Size):
        return rebuilt(value, [converted(item, change, kind) for item in value])
    return value


# With dropout; where PyTorch gives NaN for a target of 0; refused for bfloat16.
UNDEFINED = (*RANDOM, "sparse", *TIES, "scaled_dot_product_attention", "poisson_nll_loss", "nextafter")


@pytest.mark.parametrize("name", [name for name in compared() if not any(part in name for part in UNDEFINED)])
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_gradients(name, kind):
    """Values and gradients are PyTorch's, or those of float32 rounded once."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    from parity.carry import Different, compare, copy_of, leaves, map_tensors, to_fastnn
    from parity.runner import describe, op_database, quiet, spread
    own = {fastnn: getattr(fastnn, kind), torch: getattr(torch, kind)}
    tolerance = {"float16": 2e-3, "bfloat16": 1.6e-2}[kind]

    def narrow(values, library):
        """Arguments in the format: float32 stands for it elsewhere, since NumPy has no bfloat16."""
        return converted(values, lambda t: t.detach().to(own[library]).requires_grad_(t.requires_grad)
                         if t.dtype is library.float32 else t, library.Tensor)

    def wide(values, library):
        return converted(values, lambda t: t.detach().float() if t.dtype is own[library] else t, library.Tensor)

    def run(library, function, args, kwargs):
        made = function(*args, **kwargs)
        outputs = [y for y in leaves([made], library.Tensor) if y.requires_grad]
        inputs = [x for x in leaves([args, kwargs], library.Tensor) if x.requires_grad]
        if not outputs or not inputs:
            return [made]
        grads = library.autograd.grad([y.sum() for y in outputs], inputs, allow_unused=True)
        assert all(g is None or g.dtype is x.dtype for g, x in zip(grads, inputs))
        return [made] if None in [g if g is None else 0 for g in grads] else [made, *grads]

    for op in op_database()[name]:
        if own[torch] not in op.supported_dtypes("cpu"):
            continue
        differentiable = op.supports_autograd and own[torch] in op.supported_backward_dtypes("cpu")
        torch.manual_seed(0)
        for sample in spread(op.sample_inputs("cpu", own[torch], requires_grad=differentiable), 6):
            args, kwargs = [sample.input, *sample.args], sample.kwargs
            if any(t.ndim > 64 or t.is_complex() or t.dtype is torch.float32
                   for t in leaves([args, kwargs], torch.Tensor)):
                continue
            given = map_tensors((args, kwargs), lambda t: t.detach().float().requires_grad_(t.requires_grad)
                                if t.dtype is own[torch] else t)
            single = copy_of(given)
            single[1].update({key: torch.float32 for key, value in kwargs.items() if value is own[torch]})
            try:
                with quiet():
                    expected = run(torch, op.op, *narrow(copy_of(given), torch))
                    exact = run(torch, op.op, *single)
            except (RuntimeError, TypeError):
                continue  # PyTorch refuses it
            with quiet():
                found = run(fastnn, function_of(name), *narrow(to_fastnn(given), fastnn))
            dtypes = [[str(t.dtype) for t in leaves(made, library.Tensor)] for made, library in
                      ((found, fastnn), (expected, torch))]
            assert dtypes[0][:1] == dtypes[1][:1], describe(sample)
            found = wide(found, fastnn)
            if len(found) != len(expected):  # PyTorch has no gradient where it would be 0
                found, expected, exact = found[:1], expected[:1], exact[:1]
            try:
                compare(found, wide(expected, torch), describe(sample), tolerance, tolerance)
            except Different:  # PyTorch rounds several times here
                rounded = map_tensors(exact, lambda t: t.to(own[torch]).float() if t.dtype is torch.float32 else t)
                compare(found, rounded, describe(sample), tolerance, 1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal):
    """Computed in float32 and rounded."""
    torch = pytest.importorskip("torch")
    found = []
    for library in (fastnn, torch):
        library.manual_seed(0)
        q, k, v = (library.randn(2, 3, 5, 8, dtype=library.float16) for _ in range(3))
        y = library.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        assert y.dtype is library.float16
        found.append(y.float().numpy())
    np.testing.assert_allclose(*found, atol=2e-3)  # two units of float16 near 1


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_asked_for(kind):
    """``dtype=`` rounds the operand before an operation."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    for call in (lambda t, x, k: x.softmax(0, dtype=k), lambda t, x, k: x.sum(dtype=k),
                 lambda t, x, k: x.cumsum(0, dtype=k), lambda t, x, k: x.prod(0, dtype=k)):
        found, expected = [call(t, t.from_numpy(x), getattr(t, kind)) for t in (fastnn, torch)]
        assert str(found.dtype) == str(expected.dtype)
        np.testing.assert_allclose(found.tolist(), expected.tolist(), rtol=2e-3 if kind == "float16" else 1.6e-2)
    exact = fastnn.from_numpy(x).to(getattr(fastnn, kind)).softmax(0)
    assert fastnn.from_numpy(x).softmax(0, dtype=getattr(fastnn, kind)).equal(exact)


def relu_in_place(t, kind):
    x = t.ones(2).to(kind).requires_grad_()
    y = x * 1
    t.nn.functional.relu(y, True).sum().backward()
    return y, x.grad


def copied(t, source, target, shape):
    x = t.ones(shape).to(source).requires_grad_()
    y = t.zeros(2, 3).to(target)
    y.copy_(x)
    (y.float() ** 2).sum().backward()
    return y, x.grad


def put(t, kind, shape, index):
    x, v = t.ones(2, 3).to(kind).requires_grad_(), t.full(shape, 2.0).to(kind).requires_grad_()
    y = x * 1
    y[index] = v
    (y * y).sum().backward()
    return y, x.grad, v.grad


def added(t, kind):
    x, v = t.ones(2, 3).to(kind).requires_grad_(), t.ones(3).to(kind).requires_grad_()
    y = x * 1
    y += v
    y *= v
    (y.sub_(v) / v).sum().backward()
    return y, x.grad, v.grad


def turned(t, kind):
    x = t.arange(6.0).reshape(2, 1, 3).to(kind).requires_grad_()
    y = (x * 2).squeeze_(1).t_().unsqueeze_(0).transpose_(0, 1)
    (y * y).sum().backward()
    return y, x.grad


def filled(t, kind):
    x = t.ones(2, 3).to(kind).requires_grad_()
    y = (x * 1).masked_fill_(x > 0, 2.0)
    y.sum().backward()
    return y, x.grad


def clipped(t, kind):
    x = t.ones(3).to(kind).requires_grad_()
    (x * t.tensor([3.0, 4.0, 0.0]).to(kind)).sum().backward()
    norm = t.nn.utils.clip_grad_norm_([x], 1.0)
    return norm, x.grad


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("call", [
    relu_in_place, added, turned, filled, clipped,
    *[lambda t, k, shape=shape, index=index: put(t, k, shape, index)
      for shape, index in (((3,), 0), ((1,), 0), ((2,), (slice(None), 1)), ((), 0))],
    *[lambda t, k, shape=shape, wide=wide: copied(t, *((k, k), (k, t.float32), (t.float32, k))[wide], shape)
      for shape in ((2, 3), (3,), (1,)) for wide in range(3)]])
def test_changed_in_place(kind, call):
    torch = pytest.importorskip("torch")
    found, expected = [call(t, getattr(t, kind)) for t in (fastnn, torch)]
    for ours, theirs in zip(found, expected):
        assert str(ours.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(ours.tolist(), theirs.tolist(), rtol=1e-2)


@pytest.mark.parametrize("kind", [fastnn.float16, fastnn.bfloat16])
def test_leaves_are_not_changed(kind):
    x = fastnn.ones(2).to(kind).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        nn.functional.relu(x, True)
    with fastnn.no_grad():
        nn.functional.relu(x, True)


@pytest.mark.torch
def test_logarithms_of_sums_with_infinities():
    torch = pytest.importorskip("torch")
    rows = [[1701.0, np.inf, 2], [1, -np.inf, 0], [-np.inf] * 3, [np.nan, 1, 2], [1, 2, 3]]
    found = []
    for t in (fastnn, torch):
        x = t.tensor(rows, requires_grad=True)
        y = x.logsumexp(1)
        y.sum().backward()
        found.append((y.tolist(), x.grad.tolist()))
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
