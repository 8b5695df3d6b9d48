"""What random programs beside PyTorch showed (fuzz/programs.py), the whole kind of each, beside PyTorch."""
import numpy as np
import pytest

import fastnn

torch = pytest.importorskip("torch", reason="compared with PyTorch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]


def plain(value):
    if isinstance(value, (fastnn.Tensor, torch.Tensor)):
        return str(value.dtype), tuple(value.shape), value.requires_grad, value.detach().numpy().tolist()
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def outcome(function, library):
    """What a call gives, or the class of PyTorch's error."""
    try:
        return plain(function(library))
    except Exception as error:
        return type(error)


def compare(function):
    ours, theirs = outcome(function, fastnn), outcome(function, torch)
    if isinstance(theirs, type):
        assert isinstance(ours, type) and issubclass(ours, theirs), (ours, theirs)
    else:
        np.testing.assert_equal(str(ours).replace("fastnn.", "torch."), str(theirs))


BYTES = {
    "fill_": lambda t, n: t.zeros(2, dtype=t.uint8).fill_(n),
    "full": lambda t, n: t.full((2,), n, dtype=t.uint8),
    "full_like": lambda t, n: t.full_like(t.zeros(2, dtype=t.uint8), n),
    "new_full": lambda t, n: t.zeros(2, dtype=t.uint8).new_full((2,), n),
    "fill_diagonal_": lambda t, n: t.zeros(2, 2, dtype=t.uint8).fill_diagonal_(n),
    "masked_fill": lambda t, n: t.zeros(2, dtype=t.uint8).masked_fill(t.tensor([True, False]), n),
    "masked_fill_": lambda t, n: t.zeros(2, dtype=t.uint8).masked_fill_(t.tensor([True, False]), n),
    "index_fill": lambda t, n: t.zeros(2, dtype=t.uint8).index_fill(0, t.tensor([0]), n),
    "scatter": lambda t, n: t.zeros(2, dtype=t.uint8).scatter(0, t.tensor([0]), n),
    "setitem": lambda t, n: t.zeros(2, dtype=t.uint8).__setitem__(0, n),
    "where": lambda t, n: t.where(t.tensor([True, False]), t.zeros(2, dtype=t.uint8), n),
    "threshold": lambda t, n: t.nn.functional.threshold(t.tensor([0, 1, 255], dtype=t.uint8), 0.5, n),
}


@pytest.mark.parametrize("number", [-2, 254, 300, -300])
@pytest.mark.parametrize("name", BYTES)
def test_numbers_beyond_the_dtype(name, number):
    """Negative ones wrap around in bytes; what no element can hold is refused."""
    compare(lambda t: BYTES[name](t, number))


@pytest.mark.parametrize("name", ["masked_fill", "index_fill", "scatter", "fill_diagonal_", "fill_"])
def test_fractions_are_cut(name):
    compare(lambda t: BYTES[name](t, 2.7))


@pytest.mark.parametrize("limit", [-0.7, 0.5, 1.9])
def test_threshold_of_integers(limit):
    compare(lambda t: t.nn.functional.threshold(t.tensor([-2, -1, 0, 1, 2]), limit, 7.9))


@pytest.mark.parametrize("alpha", [True, 2, 2.5, 1.0, -0.7])
@pytest.mark.parametrize("dtype", ["bool", "int8", "float32"])
@pytest.mark.parametrize("name", ["add", "sub", "add_", "sub_", "rsub"])
def test_alpha(name, dtype, alpha):
    compare(lambda t: (getattr(t.tensor([1, 0]).to(getattr(t, dtype)), name) if name != "rsub" else
                       lambda y, **how: t.rsub(t.tensor([1, 0]).to(getattr(t, dtype)), y, **how))(
        t.tensor([1, 1]).to(getattr(t, dtype)), alpha=alpha))


@pytest.mark.parametrize("value", [2, 2.5, -1.0])
def test_addcmul_of_integers(value):
    compare(lambda t: t.addcmul(t.tensor([1, 2]), t.tensor([3, 4]), t.tensor([5, 6]), value=value))


@pytest.mark.parametrize("dtype", ["int8", "int64", "float64", "float32"])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_lerp_with_a_weight_without_dimensions(dtype, shape):
    compare(lambda t: t.lerp(t.ones(shape), t.zeros(shape), t.tensor(1, dtype=getattr(t, dtype))))


REDUCTIONS = """sum mean prod amax amin logsumexp var std all any argmax argmin max min nansum median mode cumsum
                softmax""".split()


@pytest.mark.parametrize("dim", [-2, -1, 0, 1])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_dimensions_of_a_tensor_without(name, dim):
    """0 and -1 are dimensions of a 0-d tensor, others are none."""
    if name in ("var", "std"):
        dim = max(dim, -2) if dim in (-2, 1) else pytest.skip("NaN")
    compare(lambda t: getattr(t, name)(t.tensor(1.0), dim=dim))


@pytest.mark.parametrize("name", ["all", "any"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
@pytest.mark.parametrize("keepdim", [False, True])
def test_truth_over_no_dimensions(name, dtype, keepdim):
    compare(lambda t: getattr(t, name)(t.tensor([[1, 0], [0, 0]]).to(getattr(t, dtype)), dim=(), keepdim=keepdim))


@pytest.mark.parametrize("name", ["allclose", "isclose", "logical_and", "logical_or", "logical_xor", "eq", "lt", "add",
                                  "bitwise_and", "maximum", "fmod", "atan2", "equal"])
def test_shapes_that_do_not_broadcast(name):
    compare(lambda t: getattr(t, name)(t.ones(2, dtype=t.int64), t.ones(3, dtype=t.int64)))


EMPTY = {
    "mode": lambda t: t.zeros(2, 0).mode(), "mode flat": lambda t: t.mode(t.zeros(0), -1, True),
    "argmin": lambda t: t.zeros(0).argmin(), "argmax": lambda t: t.zeros(2, 0).argmax(1),
    "cond": lambda t: t.linalg.cond(t.zeros(0, 0)), "cond -2": lambda t: t.linalg.cond(t.zeros(0, 0), -2),
    "cond fro": lambda t: t.linalg.cond(t.zeros(0, 0), "fro"), "cond stack": lambda t: t.linalg.cond(t.zeros(2, 0, 0)),
    "cond no stack": lambda t: t.linalg.cond(t.zeros(0, 2, 2)),
    "multinomial": lambda t: t.multinomial(t.zeros(0, 2), 2),
    "multinomial 3": lambda t: t.multinomial(t.zeros(0, 2), 3),
    "multinomial of nothing": lambda t: t.multinomial(t.ones(2, 0), 1),
    "bincount": lambda t: t.zeros(0, dtype=t.int64).bincount(t.zeros(0)),
    "bincount minlength": lambda t: t.zeros(0, dtype=t.int64).bincount(t.zeros(0, dtype=t.float64), 3),
    "trapezoid": lambda t: t.trapezoid(t.zeros(2, 0, requires_grad=True)),
    "trapezoid dim": lambda t: t.trapezoid(t.zeros(0, 1, requires_grad=True), t.zeros(0, 1), dim=-2),
    "combinations": lambda t: t.combinations(t.ones(1, requires_grad=True), 0),
    "scatter_reduce": lambda t: t.scatter_reduce(t.zeros(0, 1), 1, t.zeros(0, 1, dtype=t.int64),
                                                 t.zeros(0, 1, requires_grad=True), "sum"),
    "median": lambda t: t.zeros(0, requires_grad=True).median().isnan(),
    "vander": lambda t: t.linalg.vander(t.zeros(1, 0)), "vander of one": lambda t: t.linalg.vander(t.zeros(1)),
    "vander of halves": lambda t: t.linalg.vander(t.zeros(2, dtype=t.float16)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_of_nothing(name):
    compare(EMPTY[name])


@pytest.mark.parametrize("name", ["broadcast_tensors", "block_diag", "cartesian_prod", "broadcast_shapes", "einsum",
                                  "meshgrid", "atleast_1d"])
def test_several_tensors_have_no_keyword(name):
    key = {"einsum": "operands", "broadcast_shapes": "shapes"}.get(name, "tensors")
    with pytest.raises(TypeError):
        getattr(fastnn, name)(*["i"] * (name == "einsum"), **{key: fastnn.ones(2)})


@pytest.mark.parametrize("name", ["amax", "amin", "max", "min", "median"])
def test_extremes_of_halves_have_gradients(name):
    def run(t):
        x = t.tensor([1.0, 3.0, 2.0], requires_grad=True)
        y = getattr(x.half(), name)()
        return y, *t.autograd.grad(y.float(), x)
    compare(run)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_histc_bins(dtype):
    """Numbers on the border of two bins fall where the dtype's own rounding puts them."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.integers(-9, 9, rng.integers(1, 20)).astype(dtype) + rng.choice([0, 0.25, 0.1])
        compare(lambda t: t.histc(t.from_numpy(values), int(rng.choice([100]))))
        compare(lambda t: t.histc(t.from_numpy(values), 7, -3.5, 3.5))


@pytest.mark.parametrize("dtype, high", [("bool", 2), ("bool", 100), ("uint8", 256), ("uint8", 257), ("int8", 1000),
                                         ("float16", 3), ("float16", 100000)])
@pytest.mark.parametrize("name", ["randint_like", "random_", "randint"])
def test_integers_drawn_for_a_dtype(name, dtype, high):
    def run(t):
        t.manual_seed(3)
        kind = getattr(t, dtype)
        if name == "randint":
            return t.randint(0, high, (4,), dtype=kind)
        return t.randint_like(t.zeros(4, dtype=kind), high) if name == "randint_like" else \
            t.zeros(4, dtype=kind).random_(0, high)
    compare(run)


def test_bernoulli_of_halves():
    def run(t):
        t.manual_seed(3)
        return t.bernoulli(t.full((20,), 0.3, dtype=t.float16))
    compare(run)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(1, 4, 1), (2, 4, 3)])
def test_channel_shuffle_is_a_copy(groups, shape):
    x = fastnn.ones(shape)
    y = fastnn.channel_shuffle(x, groups)
    y.zero_()
    assert x.sum() == x.numel()


# ---- derivatives ----

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha", [1.0, 0.5, -1.5])
@pytest.mark.parametrize("name", ["elu", "celu", "selu", "logsigmoid"])
def test_slopes_where_the_exponential_is_small(name, alpha, dtype):
    """Off the input they are as exact as an exponential; off the output nothing is left of them."""
    values = np.array([-80, -33, -6, -0.5, -0.0, 0.0, 2, np.nan, np.inf, -np.inf], dtype)
    if alpha < 0:
        values = values[2:-2]  # what remains of them grows beyond bounds

    def run(t):
        x = t.from_numpy(values.copy()).requires_grad_()
        args = () if name in ("selu", "logsigmoid") else (alpha,)
        y = getattr(t.nn.functional, name)(x, *args)
        first, = t.autograd.grad(y.sum(), x, create_graph=True)
        second, = t.autograd.grad(first.sum(), x)
        return first.detach().numpy(), second.numpy()
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    for a, b in zip(run(fastnn), run(torch)):
        known = np.isfinite(values)
        np.testing.assert_allclose(a[known], b[known], rtol=tolerance, atol=tolerance if name == "logsigmoid" else 0)
        np.testing.assert_array_equal(a[~known][:1], b[~known][:1])


@pytest.mark.parametrize("name", ["arccos_", "threshold_", "triu_", "mul_", "exp_"])
def test_recorded_backward_from_the_same_tensor_twice(name):
    args = {"threshold_": (0.1, 1.0), "mul_": (2.0,)}.get(name, ())

    def run(t):
        x = t.tensor([[0.25, 0.5], [0.75, 0.125]], requires_grad=True)
        y = x * 1
        z = t.nn.functional.threshold_(y, *args) if name == "threshold_" else getattr(y, name)(*args)
        return t.autograd.grad([y, z], [x], [t.ones(2, 2), t.ones(2, 2)], create_graph=True)[0].detach().numpy()
    np.testing.assert_allclose(run(fastnn), run(torch), rtol=1e-6)


POOLS = {
    "avg_pool1d": ((2, 3, 7), lambda F, x: F.avg_pool1d(x, 3, 2, 1, True, False)),
    "avg_pool2d": ((2, 3, 6, 5), lambda F, x: F.avg_pool2d(x, (2, 3), 2, 1, True)),
    "avg_pool2d divisor": ((1, 2, 6, 5), lambda F, x: F.avg_pool2d(x, 2, divisor_override=3)),
    "adaptive_avg_pool1d": ((2, 3, 7), lambda F, x: F.adaptive_avg_pool1d(x, 3)),
    "adaptive_avg_pool2d": ((2, 3, 7, 5), lambda F, x: F.adaptive_avg_pool2d(x, (3, 2))),
    "adaptive_avg_pool3d": ((1, 2, 4, 5, 3), lambda F, x: F.adaptive_avg_pool3d(x, (3, 2, 2))),
    "bilinear": ((1, 2, 4, 5), lambda F, x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "nearest": ((1, 2, 4, 5), lambda F, x: F.interpolate(x, size=(3, 7))),
    "prelu": ((2, 3, 2), lambda F, x: F.prelu(x, x.new_full((3,), 0.25))),
}


@pytest.mark.parametrize("name", POOLS)
def test_second_derivatives_of_averages(name):
    shape, function = POOLS[name]
    rng = np.random.default_rng(1)
    values, weights = rng.standard_normal(shape), rng.standard_normal(shape)

    def run(t):
        x = t.from_numpy(values.copy()).requires_grad_()
        first, = t.autograd.grad((function(t.nn.functional, x) ** 3).sum(), x, create_graph=True)
        assert first.requires_grad
        return t.autograd.grad(first, x, t.from_numpy(weights))[0].numpy()
    np.testing.assert_allclose(run(fastnn), run(torch), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", list(POOLS)[:-1])
def test_gradients_of_averages_are_in_the_graph(name):
    """Also where their derivative is zero."""
    shape, function = POOLS[name]
    x = fastnn.ones(shape, requires_grad=True)
    first, = fastnn.autograd.grad(function(fastnn.nn.functional, x).sum(), x, create_graph=True)
    assert first.requires_grad
    second, = fastnn.autograd.grad(first.sum(), x)
    assert second.shape == x.shape and not second.any()


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("which", ["x", "weight", "both"])
def test_prelu_recorded(shape, which):
    def run(t):
        x = t.full(shape, -2.0).requires_grad_(which != "weight")
        w = t.full((1,), 0.5).requires_grad_(which != "x")
        found = t.autograd.grad(t.nn.functional.prelu(x, w).sum(), [v for v in (x, w) if v.requires_grad],
                                create_graph=True)
        return found
    compare(run)


def test_prelu_at_its_kink():
    """Twice: at 0 the slope is the weight, but nothing flows there when it is differentiated."""
    def run(t):
        x = t.tensor([[-5.0], [-0.0], [0.0], [2.0]], requires_grad=True)
        w = t.tensor([0.25], requires_grad=True)
        first = t.autograd.grad((t.nn.functional.prelu(x, w) * t.tensor([[1.0], [2], [3], [4]])).sum(), [x, w],
                                create_graph=True)
        return [g.detach() for g in first], t.autograd.grad((first[0] * 3).sum() + first[1].sum(), [x, w])
    compare(run)


AGAIN = {
    "scatter_add": lambda t, x: t.scatter_add(x, 1, t.tensor([[1]]), t.ones(1, 1)),
    "index_add": lambda t, x: t.index_add(x, 1, t.tensor([1]), t.ones(1, 1)),
    "remainder": lambda t, x: x.remainder(-0.7), "fmod": lambda t, x: x.fmod(0.7),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_second_backward_where_nothing_is_read(name):
    def run(t):
        x = t.ones(1, 2, requires_grad=True)
        y = AGAIN[name](t, x).sum()
        y.backward()
        y.backward()
        return x.grad
    compare(run)


@pytest.mark.parametrize("x, y", [(1.0, 0.001), (1.0, 0.1), (-1.0, 0.3), (0.3, -0.1), (5.0, 2.0)])
@pytest.mark.parametrize("name", ["remainder", "fmod"])
def test_quotients_of_remainders(name, x, y):
    """The whole quotient is the one that the remainder belongs to, not a rounded one."""
    def run(t):
        a, b = (t.tensor(v, dtype=t.float64, requires_grad=True) for v in (x, y))
        return t.autograd.grad(getattr(t, name)(a, b), [a, b])
    compare(run)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_outputs_that_lead_nowhere(create_graph, alone):
    """Of an output that does not depend on what is wanted nothing is kept or hooked, unless it is the only one."""
    def run(t):
        x, other = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
        y, z = x * 2, other * 3
        y.retain_grad()
        called = []
        y.register_hook(lambda g: called.append(1))
        outputs = [y] if alone else [y, z]
        t.autograd.grad(outputs, [other], [t.ones(2)] * len(outputs), create_graph=create_graph, allow_unused=True)
        return y.grad, called
    compare(run)


def test_unsafe_chunk():
    def run(t):
        x = t.arange(1.0, 5.0).requires_grad_()
        a, b = x.unsafe_chunk(2)
        b.exp_()
        return x.detach(), b, *t.autograd.grad((a * 3).sum() + b.sum(), x)
    ours, theirs = run(fastnn), run(torch)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)


def test_indices_of_take_along_dim_may_change():
    def run(t):
        x, index = t.ones(2, 2, requires_grad=True), t.tensor([[1]])
        y = t.take_along_dim(x, index, 1)
        index.add_(-1)
        return t.autograd.grad(y.sum(), x)
    compare(run)


def test_dropout_in_place_of_a_leaf_draws_first():
    def run(t):
        t.manual_seed(0)
        with pytest.raises(RuntimeError):
            t.nn.functional.dropout(t.ones(1, requires_grad=True), inplace=True)
        return t.rand(1)
    compare(run)


@pytest.mark.parametrize("dtype", ["float16", "float64", "float32"])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_weights_of_another_dtype(name, dtype):
    def run(t):
        return getattr(t.nn.functional, name)(t.full((2,), 0.5), t.ones(2), t.tensor([1.0, 0.5]).to(getattr(t, dtype)))
    ours, theirs = run(fastnn), run(torch)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_one_running_statistic():
    compare(lambda t: t.nn.functional.instance_norm(t.ones(2, 1, 2), running_var=t.ones(1)))
