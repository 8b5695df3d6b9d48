"""Right values where formulas that look alike differ: NaN as bound, weights of 1, zero times infinity, integers."""
import numpy as np
import pytest

import fastnn as torch
from fastnn.nn import functional as F

NAN, INF = float("nan"), float("inf")


def t(*values, **options):
    return torch.tensor(values, **options)


def close(found, expected):
    np.testing.assert_allclose(found.detach().numpy(), expected, 1e-6)


@pytest.mark.parametrize("reduction, expected", [("none", [0.0315, 0.2]), ("sum", 0.2315), ("mean", 0.11575)])
def test_weighted_huber_loss(reduction, expected):
    """The mean divides by the number of losses; mse_loss and l1_loss divide by the sum of the weights."""
    x, y, w = t(1.0, 1.0), t(0.7, 0.0), t(0.7, 0.4)
    close(F.huber_loss(x, y, reduction, weight=w), expected)
    if reduction == "mean":
        close(F.mse_loss(x, y, weight=w), (0.7 * 0.09 + 0.4) / 1.1)
        close(F.l1_loss(x, y, weight=w), (0.7 * 0.3 + 0.4) / 1.1)


def test_vander_ascends_in_linalg_alone():
    x = t(2.0, 3.0)
    close(torch.vander(x), [[2, 1], [3, 1]])
    close(torch.vander(x, 3, True), [[1, 2, 4], [1, 3, 9]])
    close(torch.linalg.vander(x), [[1, 2], [1, 3]])
    close(torch.linalg.vander(x, N=3), [[1, 2, 4], [1, 3, 9]])
    close(torch.linalg.vander(torch.stack([x, x + 1])), [[[1, 2], [1, 3]], [[1, 3], [1, 4]]])
    assert torch.linalg.vander(torch.ones(0, 3)).shape == (0, 3, 3) and torch.vander(x, 0).shape == (2, 0)
    for function in (torch.vander, torch.linalg.vander):
        assert function(t(1, 2, dtype=torch.int8)).dtype is torch.int64
    assert torch.vander(t(True, False)).dtype is torch.int64
    with pytest.raises(RuntimeError, match="greater than 1"):
        torch.linalg.vander(x, N=1)


def test_cross_looks_for_no_dimension_in_linalg():
    x, y = torch.eye(3), torch.arange(9.0).reshape(3, 3)
    close(torch.linalg.cross(x, y), torch.cross(x, y, -1))
    close(torch.linalg.cross(x, y, dim=0), torch.cross(x, y))
    assert (torch.cross(x, y, 0) != torch.cross(x, y, 1)).any()
    with pytest.raises(RuntimeError, match="must have length 3"):
        torch.linalg.cross(torch.ones(3, 2), torch.ones(3, 2))


def test_a_factor_of_whole_numbers_keeps_the_results_precision():
    found = torch.add(torch.ones(1, dtype=torch.float64), torch.tensor(1), alpha=0.1)
    assert found.item() == 1.1 and torch.sub(t(1.0, dtype=torch.float64), torch.tensor(1), alpha=0.1).item() == 0.9
    assert torch.add(t(1, 2), t(3, 4), alpha=2).dtype is torch.int64


@pytest.mark.parametrize("n", [0, 1, 2, -1])
def test_matrix_power_has_memory_of_its_own(n):
    x = torch.eye(2)
    torch.matrix_power(x, n).mul_(7)
    close(x, np.eye(2))


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8"])
@pytest.mark.parametrize("name, args, expected", [
    ("threshold", (3, 5), [5, 5, 9]), ("hardtanh", (-1, 2), [-1, 1, 2]), ("relu", (), [0, 1, 9]),
    ("relu6", (), [0, 1, 6]),
])
def test_activations_of_integers_in_place(name, args, expected, dtype):
    x = t(-2, 1, 9, dtype=getattr(torch, dtype))
    assert getattr(F, name)(x, *args).tolist() == expected and x.tolist() == [-2, 1, 9]
    assert getattr(F, name)(x, *args, inplace=True) is x
    assert x.tolist() == expected and x.dtype is getattr(torch, dtype)


def test_addmm_without_its_input():
    one = torch.ones(1, 1)
    close(torch.addmm(torch.full((1, 1), NAN), one, one, beta=0), [[1]])
    found = torch.addmm(one.long(), one.long(), one.long(), alpha=-0.7, beta=1.5)
    assert found.dtype is torch.int64 and found.item() == 1


@pytest.mark.parametrize("backend", ["c", "reference"])
@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc", "sign", "sgn"])
def test_steps_have_the_gradient_0(name, value, backend):
    """Whatever comes from above: 0, not 0 times it."""
    with torch.use_backend(backend):
        x = torch.full((70,), 0.5, requires_grad=True)
        getattr(torch, name)(x).backward(torch.full((70,), value))
    close(x.grad, np.zeros(70))


@pytest.mark.parametrize("name, share", [("fmax", (0, 1)), ("fmin", (1, 0))])
def test_extremes_choose_a_gradient(name, share):
    x, y = t(1.0, requires_grad=True), t(2.0, requires_grad=True)
    getattr(torch, name)(x, y).backward(t(INF))
    assert [x.grad.item(), y.grad.item()] == [INF if part else 0 for part in share]


def test_lp_pool_of_zeros():
    x = torch.zeros(1, 1, 4, requires_grad=True)
    F.lp_pool1d(x, 2, 2).sum().backward()
    close(x.grad, np.zeros((1, 1, 4)))


@pytest.mark.parametrize("weight", [1.0, 1, "tensor"])
def test_lerp_ends_at_its_end(weight):
    start, end = t(-570.0, 1e8), t(1.0210404, 3.0)
    found = torch.lerp(start, end, torch.ones(2) if weight == "tensor" else weight)
    assert found.tolist() == end.tolist()
    w = t(0.25, 0.75, requires_grad=True)
    torch.lerp(t(1.0, 1.0), t(3.0, 3.0), w).sum().backward()
    close(w.grad, [2, 2])


@pytest.mark.parametrize("bounds", [(0.0, NAN), (NAN, 2.0), (NAN, None), (None, NAN)])
def test_bounds_that_are_nan(bounds):
    x = torch.ones(2, requires_grad=True)
    y = torch.clamp(x, *bounds)
    y.backward(torch.ones(2))
    assert y.isnan().all() and (x.grad == 0).all()
    assert torch.clamp(t(1, 2), *bounds).isnan().all()
    if None not in bounds:
        assert F.hardtanh(x, *bounds).isnan().all() and F.hardtanh(torch.ones(2), *bounds, inplace=True).isnan().all()


def test_cosine_similarity_below_eps():
    """The quotient's divisor is eps, its gradient the norm's."""
    x = t([-0.02], requires_grad=True)
    y = F.cosine_similarity(x, torch.ones(1, 1), eps=0.1)
    y.backward(torch.ones(1))
    close(y, [-0.2])
    close(x.grad, [[10 * (1 - 0.2)]])


def test_byte_masks():
    assert torch.where(t(1, 0, dtype=torch.uint8), t(1.0, 2.0), 0.0).tolist() == [1, 0]


def test_no_channels():
    for count, size in ((1, 2), (2, 2), (3, 1)):
        function = getattr(F, f"adaptive_avg_pool{count}d")
        assert function(torch.ones(1, 0, *(3,) * count), size).shape == (1, 0, *(size,) * count)
    with pytest.raises(RuntimeError, match="non-zero size"):
        F.adaptive_avg_pool3d(torch.ones(1, 0, 3, 3, 3), 2)


def test_slogdet_beside_a_singular_matrix():
    x = torch.stack([torch.ones(2, 2), 2 * torch.eye(2)]).requires_grad_()
    torch.slogdet(x)[1].sum().backward()
    assert not x.grad[0].isfinite().any()
    close(x.grad[1], np.eye(2) / 2)


@pytest.mark.parametrize("call", [
    lambda a, b: torch.bitwise_or(a, b), lambda a, b: torch.bitwise_left_shift(a, b), lambda a, b: torch.gcd(a, b),
    lambda a, b: torch.lcm(a, b), lambda a, b: a & b, lambda a, b: torch.dist(a.float(), b.float()),
    lambda a, b: torch.heaviside(a, b), lambda a, b: a[0].chunk(2), lambda a, b: a[0].tensor_split(2),
    lambda a, b: a[0].split(1),
    lambda a, b: torch.bitwise_not(a.float()), lambda a, b: a.float().bitwise_not_(), lambda a, b: torch.clamp(a),
])
def test_errors_of_the_class(call):
    with pytest.raises(RuntimeError):
        call(torch.ones(2, dtype=torch.int64), torch.ones(3, dtype=torch.int64))


def test_errors_of_arguments():
    with pytest.raises(TypeError, match="only implemented on integer"):
        ~torch.ones(2)
    with pytest.raises(TypeError, match="must be Tensor"):
        torch.bincount(t(1), 3)


def test_lcm_beyond_the_range_has_a_sign():
    assert torch.lcm(t(9), t(3684594568912005691)).item() > 0


@pytest.mark.parametrize("name", ["Hardswish", "Hardsigmoid"])
def test_reprs_that_say_nothing_of_in_place(name):
    assert repr(getattr(torch.nn, name)(inplace=True)) == f"{name}()"


@pytest.mark.parametrize("name", ["median", "nanmedian"])
def test_median_shares_its_gradient_among_equal_numbers(name):
    x = t(3.0, 1.0, 3.0, 3.0, 5.0, requires_grad=True)
    y = getattr(torch, name)(x)
    y.backward()
    assert y.item() == 3
    close(x.grad, [1 / 3, 0, 1 / 3, 1 / 3, 0])


@pytest.mark.parametrize("transposed", [False, True])
def test_masked_scatter_of_any_layout(transposed):
    source = t(*[[1.0, 2.0], [3.0, 4.0]])
    source = (source.t().contiguous().t() if transposed else source).requires_grad_()
    y = torch.zeros(3).masked_scatter(t(True, False, True), source)
    y.backward(t(5.0, 6.0, 7.0))
    close(y, [1, 0, 2])
    close(source.grad, [[5, 7], [0, 0]])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "remainder", "fmod", "floor_divide", "maximum"])
def test_integers_that_do_not_broadcast(name):
    with pytest.raises(RuntimeError):
        getattr(torch, name)(torch.ones(2, dtype=torch.uint8), torch.ones(3, dtype=torch.uint8))


def test_median_of_nothing():
    for name in ("median", "nanmedian"):
        assert getattr(torch.zeros(0), name)().isnan()
        assert getattr(torch.zeros(0, dtype=torch.int64), name)().item() == -2**63
        assert getattr(torch.zeros(0, dtype=torch.uint8), name)().item() == 0


def test_memory_of_what_requires_grad():
    """Without grad mode nothing can be lost by handing the array out."""
    x = torch.ones(2, requires_grad=True)
    for call in (lambda: x.numpy(), lambda: np.asarray(x)):
        with pytest.raises(RuntimeError, match="requires grad"):
            call()
        with torch.no_grad():
            assert call().tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_logits_have_targets_of_a_floating_dtype(dtype):
    with pytest.raises(RuntimeError, match="binary_cross_entropy_with_logits: expected target of a floating dtype"):
        F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2, dtype=dtype))


def test_classes_of_broadcast_multilabel_targets_are_the_inputs():
    found = F.multilabel_soft_margin_loss(torch.ones(2, 3), torch.ones(1, 2, 3), reduction="none")
    assert found.shape == (1, 3) and np.allclose(found.numpy(), 2 * 0.31326169 / 3)
    with pytest.raises(IndexError, match="multilabel_soft_margin_loss"):
        F.multilabel_soft_margin_loss(torch.ones(()), torch.ones(()))


def test_assignment_to_meta_tensors():
    x = torch.ones(2, 3, device="meta")
    x[0] = 1
    x[:, 1:] = torch.ones(1, 1, 2)
    with pytest.raises(RuntimeError, match=r"broadcasts to shape \(3,\), got \(7,\)"):
        x[0] = torch.ones(7)
    with pytest.raises(IndexError):
        x[9] = 1


def test_logspace_of_integers_has_exponents_between_integers():
    assert torch.logspace(2.7, 1, 8, 2.0, dtype=torch.int8).tolist() == [4, 3, 3, 2, 2, 2, 2, 2]
    assert torch.logspace(0, 3, 4, dtype=torch.int64).tolist() == [1, 10, 100, 1000]
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.logspace(-1.5, 4, 5, dtype=torch.uint8)


def test_orders_beyond_float32_are_infinite():
    x, y = torch.tensor([[1e-3, 2.0], [3.0, 4.0]]), torch.tensor([[3.0, 5.0]])
    close(F.pdist(x, 1e300), [2.999])
    close(torch.cdist(x, y, 1e300), [[3.0], [1.0]])


def test_variance_that_is_no_tensor():
    close(F.gaussian_nll_loss(torch.ones(2), torch.ones(2), 3), 0.5 * np.log(3))
    with pytest.raises(TypeError, match="'var' .*must be Tensor, not str"):
        F.gaussian_nll_loss(torch.ones(2), torch.ones(2), "three")


@pytest.mark.parametrize("name", ["attn_mask", "key_padding_mask"])
@pytest.mark.parametrize("mask", [3, "mask", np.ones((3, 3))])
def test_masks_are_tensors(name, mask):
    layer, x = torch.nn.MultiheadAttention(4, 2), torch.ones(3, 1, 4)
    with pytest.raises(TypeError, match=f"'{name}' must be Tensor or None"):
        layer(x, x, x, **{name: mask})


def test_windows_of_short_transforms_are_tensors():
    with pytest.raises(TypeError, match="istft"):
        torch.istft(torch.ones(5, 6, dtype=torch.complex64), n_fft=8, window=3)
    with pytest.raises(TypeError, match="stft"):
        torch.stft(torch.ones(20), n_fft=8, window=[1.0], return_complex=True)


def test_padding_index_of_bags():
    with pytest.raises(RuntimeError, match="embedding_bag: Padding_idx"):
        F.embedding_bag(torch.tensor([0]), torch.ones(3, 2), torch.tensor([0]), padding_idx=3)


@pytest.mark.parametrize("call", [
    lambda: torch.nn.LSTM(3, 2)(None), lambda: torch.nn.GRU(3, 2)([1.0]),
    lambda: torch.nn.GRUCell(3, 2)(torch.ones(1, 3), "h"),
    lambda: torch.nn.LSTM(3, 2)(torch.ones(4, 1, 3), [1.0, 2.0]), lambda: torch.nn.RNNCell(3, 2)(3),
    lambda: torch.nn.Transformer(4, 2, 1, 1, 8)(torch.ones(3, 1, 4), torch.ones(2, 1, 4), tgt_mask="mask"),
    lambda: torch.quasirandom.SobolEngine(3).draw(2, out=3),
    lambda: torch.quasirandom.SobolEngine(3).draw(2, dtype="x"),
    lambda: torch.nn.utils.rnn.pack_padded_sequence(None, [1])])
def test_layers_take_tensors(call):
    with pytest.raises(TypeError, match="must be "):
        call()


def test_points_of_absurd_numbers():
    with pytest.raises(ValueError, match="draw_base2: expected m of 0 to 63"):
        torch.quasirandom.SobolEngine(3).draw_base2(2 ** 62)


def test_places_of_64_bits():
    with pytest.raises(IndexError, match="out of bounds"):
        torch.ones(2, 3)[2 ** 63]
