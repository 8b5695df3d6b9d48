"""fastnn.func beside torch.func: derivatives of structures and of derivatives, batches, ensembles; errors."""
import fastnn
import numpy as np
import pytest
from fastnn import func, nn

RNG = np.random.default_rng(0)
X, Y, BATCH = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=(4, 3))


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch")


def leaves(value):
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (tuple, list)):
        return [leaf for each in value for leaf in leaves(each)]
    return [value.detach().numpy()]


def model_of(t):
    t.manual_seed(0)
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1)).double()


def loss_of(t, model):
    def loss(parameters, x, y):
        return ((t.func.functional_call(model, parameters, (x,)) - y) ** 2).mean()
    return loss


def per_sample(t, x, y, batch):
    model = model_of(t)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    return t.func.vmap(t.func.grad(loss_of(t, model)), in_dims=(None, 0, 0))(parameters, batch, batch[:, :1])


def ensemble(t, x, y, batch):
    models = []
    for seed in range(3):
        models.append(model_of(t))
        for p in models[-1].parameters():
            p.data += seed
    parameters, buffers = t.func.stack_module_state(models)
    assert all(p.requires_grad and p.is_leaf for p in parameters.values())
    base = models[0]
    return t.func.vmap(lambda p, b, x: t.func.functional_call(base, (p, b), (x,)), in_dims=(0, 0, None))(
        parameters, buffers, batch)


def outer_history(t, x, y, batch):
    """Derivatives of what torch.func found, by ordinary backward."""
    w = x.clone().requires_grad_()
    slope = t.func.grad(lambda v: (v * w).sin().sum())(y)
    slope.sum().backward()
    return [slope, w.grad]


CASES = {
    "grad": lambda t, x, y, b: t.func.grad(lambda x, y: (x * y).sin().sum())(x, y),
    "argnums": lambda t, x, y, b: t.func.grad(lambda x, y: (x * y).sin().sum(), argnums=(1, 0))(x, y),
    "keywords": lambda t, x, y, b: t.func.grad(lambda x, scale: (x * scale).sum())(x, scale=y),
    "structure": lambda t, x, y, b: t.func.grad(lambda p: (p["a"] ** 2 * p["b"][0]).sum())({"a": x, "b": [y]}),
    "value": lambda t, x, y, b: t.func.grad_and_value(lambda x: ((x**2).sum(), x + 1), has_aux=True)(x),
    "nested": lambda t, x, y, b: t.func.grad(lambda x: t.func.grad(lambda y: (x * y**3).sum())(y).sum())(x),
    "thrice": lambda t, x, y, b: t.func.grad(t.func.grad(t.func.grad(lambda x: x**5)))(x[0]),
    "unused": lambda t, x, y, b: t.func.grad(lambda x, y: y.sum(), argnums=(0, 1))(x, y),
    "vjp": lambda t, x, y, b: t.func.vjp(lambda x, y: (x * y, x.sin()), x, y)[1]((x, y)),
    "vjp aux": lambda t, x, y, b: [f(y) if callable(f) else f for f in t.func.vjp(
        lambda x: (x * x, x + 1), x, has_aux=True)],
    "jvp": lambda t, x, y, b: t.func.jvp(lambda x, y: {"p": x * y, "s": x.sin().sum()}, (x, y), (y, x)),
    "jvp constant": lambda t, x, y, b: t.func.jvp(lambda x: y * 1, (x,), (y,)),
    "jvp aux": lambda t, x, y, b: t.func.jvp(lambda x: (x**2, x + 1), (x,), (y,), has_aux=True),
    "linearize": lambda t, x, y, b: (lambda value, f: [value, f(y), f(x)])(*t.func.linearize(t.sin, x)),
    "jacrev": lambda t, x, y, b: t.func.jacrev(lambda x: x.sin().outer(x))(x),
    "jacrev structure": lambda t, x, y, b: t.func.jacrev(lambda p, y: (p["a"] * y, p["a"].sum()))({"a": x}, y),
    "jacrev both": lambda t, x, y, b: t.func.jacrev(lambda x, y: x * y, argnums=(0, 1))(x, y),
    "jacfwd": lambda t, x, y, b: t.func.jacfwd(lambda x, y: (x * y, x + 1), has_aux=True)(x, y),
    "hessian": lambda t, x, y, b: t.func.hessian(lambda x: (x.sin() * y).prod())(x),
    "hessian both": lambda t, x, y, b: t.func.hessian(lambda x, y: (x.sin() * y).sum() ** 2, argnums=(0, 1))(x, y),
    "jacobian of gradient": lambda t, x, y, b: t.func.jacrev(t.func.grad(lambda x: (x**4).sum()))(x),
    "vmap": lambda t, x, y, b: t.func.vmap(t.dot, in_dims=(0, None))(b, x),
    "vmap out_dims": lambda t, x, y, b: t.func.vmap(lambda x: (x * 2, x.sum()), out_dims=(1, 0))(b),
    "vmap dims": lambda t, x, y, b: t.func.vmap(lambda x, y: x - y, in_dims=(1, -1), out_dims=-1)(b, b),
    "vmap nested": lambda t, x, y, b: t.vmap(t.vmap(lambda p, q: p * q, in_dims=(None, 0)), in_dims=(0, None))(x, y),
    "vmap structure": lambda t, x, y, b: t.vmap(lambda p: {"s": p["a"] + p["b"]}, in_dims=({"a": 0, "b": None},))(
        {"a": b, "b": x}),
    "vmap keyword": lambda t, x, y, b: t.vmap(lambda x, z: x + z)(b, z=b * 2),
    "vmap of jacobian": lambda t, x, y, b: t.vmap(t.func.jacrev(t.sin), chunk_size=2)(b),
    "jacobian of vmap": lambda t, x, y, b: t.func.jacrev(t.vmap(lambda x: x.sum() ** 2))(b),
    "per sample": per_sample, "ensemble": ensemble, "outer history": outer_history,
    "functionalize": lambda t, x, y, b: t.func.functionalize(lambda x: x.clone().mul_(2))(x),
}


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # PyTorch's of its own functions
@pytest.mark.parametrize("name", CASES)
def test_as_in_pytorch(torch, name):
    a, b = (CASES[name](library, *(library.tensor(value) for value in (X, Y, BATCH))) for library in (fastnn, torch))
    if not isinstance(a, list):
        assert type(a) is type(b) or isinstance(a, fastnn.Tensor) and isinstance(b, torch.Tensor)
    for p, q in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)


def test_results_have_a_history_only_where_there_is_one():
    x = fastnn.tensor(X)
    assert not func.grad(lambda x: (x**2).sum())(x).requires_grad
    assert not func.jacrev(fastnn.sin)(x).requires_grad and not func.vjp(fastnn.sin, x)[0].requires_grad
    assert not func.hessian(lambda x: (x**3).sum())(x).requires_grad
    w = x.clone().requires_grad_()
    assert func.grad(lambda x: (x**2).sum())(w).requires_grad and func.jacrev(lambda v: v * w)(x).requires_grad
    with fastnn.no_grad():
        assert not func.grad(lambda x: (x * w).sum())(w).requires_grad


def test_random_numbers_of_a_batch():
    x = fastnn.zeros(3, 2)
    same = func.vmap(lambda x: x + fastnn.rand(2), randomness="same")(x)
    other = func.vmap(lambda x: x + fastnn.rand(2), randomness="different")(x)
    assert (same[0] == same[2]).all() and not (other[0] == other[2]).any()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        func.vmap(lambda x: x + fastnn.rand(2))(x)


def test_batch_norm_without_statistics():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    assert func.replace_all_batch_norm_modules_(model) is model
    assert model[0].running_mean is None and not model[0].track_running_stats
    assert model.eval()(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])).shape == (2, 2)


@pytest.mark.parametrize("call, error, text", [
    (lambda x: func.grad(lambda x: x)(x), RuntimeError, "scalar tensor"),
    (lambda x: func.grad(lambda x: 3)(x), RuntimeError, "return a single tensor"),
    (lambda x: func.grad(lambda x: x.sum(), argnums=2)(x), RuntimeError, "Got argnum=2"),
    (lambda x: func.grad(lambda x: x.sum(), argnums=(0, 0))(x), RuntimeError, "unique"),
    (lambda x: func.grad(lambda x, n: x.sum(), argnums=1)(x, 3), RuntimeError, "expected tensors"),
    (lambda x: func.grad(lambda x: x.sum(), has_aux=True)(x), RuntimeError, "should be a tuple"),
    (lambda x: func.jvp(fastnn.sin, (x,), (x[:2],)), RuntimeError, "same python structure"),
    (lambda x: func.jvp(fastnn.sin, x, x), RuntimeError, "to be tuples"),
    (lambda x: func.jvp(fastnn.sin, (x,), (x,), strict=True), NotImplementedError, "strict"),
    (lambda x: func.vjp(fastnn.sin, x)[1]((x, x)), RuntimeError, "pytree structure of cotangents"),
    (lambda x: func.vmap(fastnn.sin)(), ValueError, "no inputs"),
    (lambda x: func.vmap(fastnn.sin, in_dims=None)(x), ValueError, "in_dims"),
    (lambda x: func.vmap(fastnn.sin, in_dims=3)(x), ValueError, "dimensionality 1"),
    (lambda x: func.vmap(fastnn.add)(x, x[:2]), ValueError, "same size in the mapped dimension"),
    (lambda x: func.vmap(lambda x: 3)(x), ValueError, "must only return Tensors"),
    (lambda x: func.vmap(lambda x, y: x)(x, 3), ValueError, "non-Tensor arguments"),
    (lambda x: func.vmap(fastnn.sin, randomness="none"), RuntimeError, "Only allowed values"),
    (lambda x: func.vmap(fastnn.sin, chunk_size=0), ValueError, "chunk_size"),
    (lambda x: func.vmap(fastnn.sin)(x[:0]), NotImplementedError, "no samples"),
    (lambda x: func.stack_module_state([]), RuntimeError, "at least one model"),
    (lambda x: func.stack_module_state([nn.Linear(1, 1), nn.ReLU()]), RuntimeError, "same class"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(fastnn.tensor(X))


def test_vmap_without_a_mapped_dimension_of_results():
    x = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert func.vmap(lambda row: (row.sum(), row.new_ones(2), 3.0, None), out_dims=(0, None, None, None))(x)[2:] == (
        3.0, None)
    assert func.vmap(lambda row: row.new_full((2,), float("nan")), out_dims=None)(x).shape == (2,)
    with pytest.raises(ValueError, match="can not return a BatchedTensor when out_dim is None"):
        func.vmap(lambda row: row.sum(), out_dims=None)(x)
    with pytest.raises(ValueError, match="must only return Tensors"):
        func.vmap(lambda row: 3.0)(x)


@pytest.mark.parametrize("transform", [func.jacrev, func.jacfwd, func.hessian])
@pytest.mark.parametrize("output", [3, None, "text"])
def test_functions_return_tensors(transform, output):
    with pytest.raises(RuntimeError, match="expected f.* to return only tensors"):
        transform(lambda x: output)(fastnn.ones(2))
    for call in (lambda: func.vjp(lambda x: output, fastnn.ones(2)),
                 lambda: func.jvp(lambda x: output, (fastnn.ones(2),), (fastnn.ones(2),))):
        with pytest.raises(RuntimeError, match="to return only tensors"):
            call()


def test_tangents_and_cotangents_are_tensors():
    x = fastnn.ones(2)
    for wrong in (None, 3):
        with pytest.raises(TypeError, match="vjp: expected cotangents to be Tensors"):
            func.vjp(fastnn.sin, x)[1](wrong)
        with pytest.raises(RuntimeError, match="jvp: Expected tangents"):
            func.jvp(fastnn.sin, (x,), (wrong,))
    with pytest.raises(ValueError, match="floating point or complex"):
        func.jvp(fastnn.sin, (x,), (x.int(),))
    for size in (0, -1, "two"):
        with pytest.raises(ValueError, match="chunk_size"):
            func.jacrev(fastnn.sin, chunk_size=size)


@pytest.mark.parametrize("call", [
    lambda a: a.sort(), lambda a: a.max(0), lambda a: a.topk(2), lambda a: a.aminmax(),
    lambda a: fastnn.linalg.svd(a.outer(a))], ids=["sort", "max", "topk", "aminmax", "svd"])
def test_vmap_of_functions_with_named_results(call):
    x = fastnn.tensor(BATCH)
    found, rows = func.vmap(call)(x), [call(row) for row in x]
    assert type(found) is type(rows[0])
    for i, part in enumerate(found):
        np.testing.assert_array_equal(part.numpy(), np.stack([row[i].numpy() for row in rows]))


def test_vmap_over_other_keys():
    with pytest.raises(ValueError, match="not compatible with the structure"):
        func.vmap(lambda d: d["a"], in_dims=({"b": 0},))({"a": fastnn.ones(2)})
