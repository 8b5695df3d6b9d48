"""Tensor without PyTorch: creation, dtypes, views, in-place forms, indexing, conversion, printing, errors."""
import copy
import pickle
from unittest import mock

import numpy as np
import pytest

import fastnn as torch
from fastnn.nn import functional as F


# ---- creation ----

def test_tensor_takes_pythons_and_numpys_types():
    assert torch.tensor([1, 2]).dtype is torch.int64
    assert torch.tensor([1.0, 2]).dtype is torch.float32
    assert torch.tensor([True]).dtype is torch.bool
    assert torch.tensor(np.zeros(2)).dtype is torch.float64
    assert torch.tensor(np.zeros(2, np.int16)).dtype is torch.int16
    assert torch.tensor([[1, 2.5], [3, 4]]).shape == (2, 2)
    assert torch.tensor([]).shape == (0,)
    assert torch.tensor(3).shape == ()
    assert torch.tensor([torch.tensor(1.0), torch.tensor(2.0)]).tolist() == [1.0, 2.0]


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(3, np.float32)
    copied, shared = torch.tensor(array), torch.from_numpy(array)
    array[0] = 7
    assert copied[0].item() == 0 and shared[0].item() == 7
    shared[1] = 5
    assert array[1] == 5 and np.asarray(shared) is not None and torch.as_tensor(array).numpy() is array


def test_creation_functions():
    assert torch.zeros(2, 3).shape == torch.zeros((2, 3)).shape == torch.zeros([2, 3]).shape == (2, 3)
    assert torch.full((2,), 3).dtype is torch.int64 and torch.full((2,), 3.0).dtype is torch.float32
    assert torch.arange(5).tolist() == [0, 1, 2, 3, 4] and torch.arange(1, 2, 0.5).tolist() == [1.0, 1.5]
    assert torch.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]
    assert torch.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    x = torch.ones(2, dtype=torch.float64)
    for made in (torch.zeros_like(x), torch.ones_like(x), torch.full_like(x, 2), torch.rand_like(x), x.new_zeros(3)):
        assert made.dtype is torch.float64
    assert sorted(torch.randperm(5).tolist()) == [0, 1, 2, 3, 4]
    assert torch.randint(3, (100,)).max().item() <= 2
    assert torch.Tensor([1, 2]).dtype is torch.float32 and torch.Tensor(2, 3).shape == (2, 3)
    out = torch.empty(0)
    assert torch.arange(3, out=out) is out and out.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("make", "error"), [
    (lambda: torch.zeros(-1), RuntimeError), (lambda: torch.tensor([[1], [2, 3]]), ValueError),
    (lambda: torch.tensor("x"), TypeError), (lambda: torch.zeros(2, device="cuda"), RuntimeError),
    (lambda: torch.arange(0, 3, 0), RuntimeError), (lambda: torch.eye(-1), RuntimeError),
    (lambda: torch.from_numpy([1]), TypeError), (lambda: torch.linspace(0, 1, -1), RuntimeError),
    (lambda: torch.from_numpy(np.zeros(2, object)), TypeError), (lambda: torch.randint(3, 3, (1,)), RuntimeError),
])
def test_creation_errors(make, error):
    with pytest.raises(error):
        make()


# ---- dtype promotion ----

@pytest.mark.parametrize(("expression", "expected"), [
    (lambda i, f, d, b: i + 1, "int64"), (lambda i, f, d, b: i + 1.0, "float32"), (lambda i, f, d, b: i + f, "float32"),
    (lambda i, f, d, b: f + d, "float64"), (lambda i, f, d, b: f + d[0], "float32"), (lambda i, f, d, b: i + b,
    "int64"),
    (lambda i, f, d, b: b + b, "bool"), (lambda i, f, d, b: b * 2, "int64"), (lambda i, f, d, b: i / i, "float32"),
    (lambda i, f, d, b: i // 2, "int64"), (lambda i, f, d, b: i + d[0], "float64"), (lambda i, f, d, b: 2.0 ** i,
    "float32"),
    (lambda i, f, d, b: f * 3, "float32"), (lambda i, f, d, b: torch.exp(i), "float32"),
    (lambda i, f, d, b: b.sum(), "int64"), (lambda i, f, d, b: i.to(torch.int32).sum(), "int64"),
    (lambda i, f, d, b: torch.where(b, f, d), "float64"), (lambda i, f, d, b: torch.cat([i, f]), "float32"),
    (lambda i, f, d, b: torch.maximum(i, f), "float32"), (lambda i, f, d, b: i.to(torch.uint8) + i.to(torch.int8),
    "int16"),
    (lambda i, f, d, b: i > f, "bool"), (lambda i, f, d, b: i.clamp(0.5), "float32"),
])
def test_promotion(expression, expected):
    i, f, d, b = (torch.ones(2, dtype=kind) for kind in (torch.int64, torch.float32, torch.float64, torch.bool))
    assert str(expression(i, f, d, b).dtype) == f"torch.{expected}"


def test_gradients_have_the_dtype_of_their_tensor():
    x = torch.ones(2, requires_grad=True)
    d = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (x * d).sum().backward()
    assert x.grad.dtype is torch.float32 and d.grad.dtype is torch.float64


# ---- views ----

@pytest.mark.parametrize("view", [
    lambda x: x.view(6), lambda x: x.reshape(3, 2), lambda x: x.t(), lambda x: x[1], lambda x: x[:, 1:],
    lambda x: x[None],
    lambda x: x.unsqueeze(0), lambda x: x.permute(1, 0), lambda x: x.flatten(), lambda x: x.T, lambda x: x.narrow(1,
    0, 2),
    lambda x: x.unbind()[1], lambda x: x.chunk(2)[0], lambda x: x.diagonal(), lambda x: x.detach(), lambda x: x[..., 0],
    lambda x: x.split(1)[1], lambda x: x.squeeze(), lambda x: x.view_as(torch.zeros(6)),
])
def test_views_share_memory_and_version(view):
    x = torch.arange(6.0).view(2, 3).clone()
    v = view(x)
    before = v._version
    assert np.shares_memory(v.numpy(), x.numpy())
    v.add_(100)
    assert (x >= 100).any() and v._version == before + 1 == x._version


@pytest.mark.parametrize("copy", [
    lambda x: x.clone(), lambda x: x[[0, 1]], lambda x: x[x > 2], lambda x: x.t().contiguous(), lambda x: x.repeat(1,
    1),
    lambda x: x.flip(0), lambda x: x.to(torch.float64), lambda x: x.t().reshape(6), lambda x: torch.cat([x]),
])
def test_copies_do_not(copy):
    x = torch.arange(6.0).view(2, 3).clone()
    assert not np.shares_memory(copy(x).numpy(), x.numpy())


def test_view_of_incompatible_strides_is_refused():
    with pytest.raises(RuntimeError, match="reshape"):
        torch.zeros(2, 3).t().view(6)


def test_expanded_memory_cannot_be_written():
    with pytest.raises(RuntimeError):
        torch.zeros(1, 3).expand(2, 3).add_(1)


# ---- in place ----

def test_in_place_forms():
    x = torch.tensor([1.0, -2.0, 3.0])
    same = x
    x += 1
    x.mul_(2).sub_(1).div_(2).abs_().clamp_(0, 3)
    x **= 2
    assert same is x and x.tolist() == [2.25, 2.25, 9.0] and x._version == 7
    x.zero_()
    x.fill_(4.0).copy_(torch.tensor(1.0))
    assert x.tolist() == [1.0, 1.0, 1.0]
    x.masked_fill_(torch.tensor([True, False, True]), 0)
    assert x.tolist() == [0.0, 1.0, 0.0]


def test_in_place_errors():
    x = torch.zeros(3)
    with pytest.raises(RuntimeError, match="broadcast shape"):
        x.add_(torch.zeros(2, 3))
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.zeros(3, dtype=torch.int64).add_(0.5)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        torch.zeros(3, requires_grad=True).add_(1)
    with pytest.raises(RuntimeError, match="view of a leaf"):
        torch.zeros(3, requires_grad=True)[0].add_(1)


def test_read_only_arrays():
    array = np.arange(3.0)
    array.flags.writeable = False
    x = torch.from_numpy(array)
    assert (x * 2).tolist() == [0.0, 2.0, 4.0] and F.relu(x).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(RuntimeError, match="read-only"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="read-only"):
        x[0] = 1


def grads(function, *shapes):
    torch.manual_seed(0)
    leaves = [torch.rand(*shape, dtype=torch.float64).requires_grad_() for shape in shapes]
    function(*leaves).backward()
    return [torch.zeros_like(x).tolist() if x.grad is None else x.grad.tolist() for x in leaves]


@pytest.mark.parametrize(("in_place", "out_of_place"), [
    (lambda y, w: y[0].mul_(w), lambda y, w: torch.stack([y[0] * w, y[1]])),
    (lambda y, w: y.view(-1).add_(w.repeat(2)), lambda y, w: y + w),
    (lambda y, w: y.t().mul_(w.unsqueeze(1)), lambda y, w: y * w),
    (lambda y, w: y[:, 1:].copy_(w[:2]), lambda y, w: torch.cat([y[:, :1], w[:2].expand(2, 2)], 1)),
    (lambda y, w: y[1].zero_(), lambda y, w: torch.stack([y[0], 0 * y[1]]) + 0 * w),
    (lambda y, w: y[0].exp_(), lambda y, w: torch.stack([y[0].exp(), y[1]]) + 0 * w),
    (lambda y, w: y[0].sin_(), lambda y, w: torch.stack([y[0].sin(), y[1]]) + 0 * w),
    (lambda y, w: y[0].__setitem__(slice(0, 2), w[1:]), lambda y, w: torch.cat([torch.cat([w[1:], y[0, 2:]])[None],
    y[1:]])),
    (lambda y, w: y[0][1].add_(w[0]).mul_(3), lambda y, w: y + torch.stack([
        torch.stack([0 * w[0], 2 * y[0, 1] + 3 * w[0], 0 * w[0]]), 0 * w])),
    (lambda y, w: y.diagonal().mul_(w[:2]), lambda y, w: y * torch.eye(2, 3, dtype=torch.float64).masked_fill(
        torch.eye(2, 3) == 0, 1) * (1 + torch.diag(w[:2] - 1) @ torch.eye(2, 3, dtype=torch.float64))),
    (lambda y, w: y.pow_(w), lambda y, w: y ** w),
    (lambda y, w: y.div_(w), lambda y, w: y / w),
])
def test_changing_a_view_inside_a_graph(in_place, out_of_place):
    """Gradients are those of the program written without in-place operations."""
    def one(x, w):
        y = x * 2
        in_place(y, w)
        return (y * y * torch.arange(1.0, 7, dtype=torch.float64).view(2, 3)).sum()

    def other(x, w):
        y = out_of_place(x * 2, w)
        return (y * y * torch.arange(1.0, 7, dtype=torch.float64).view(2, 3)).sum()
    for found, expected in zip(grads(one, (2, 3), (3,)), grads(other, (2, 3), (3,))):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_views_made_before_see_changes_of_their_base():
    def one(x):
        y = x * 1
        before = y[0]
        y.mul_(x)
        return before.sum() + (y.view(-1) * 2).sum()

    def other(x):
        y = x * x
        return y[0].sum() + (y * 2).sum()
    assert grads(one, (2, 3)) == grads(other, (2, 3))


def test_a_plain_tensor_becomes_part_of_the_graph_by_its_view():
    out, w = torch.zeros(2, 3), torch.ones(3, requires_grad=True)
    for i in range(2):
        out[i].add_(w * (i + 1))
    assert out.requires_grad and out.grad_fn.name() == "CopySlices"
    out.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0, 3.0]


def test_view_made_without_grad_cannot_change_a_graph():
    y = torch.ones(3, requires_grad=True) * 1
    with torch.no_grad():
        v = y[0]
        v.add_(1)
    with pytest.raises(RuntimeError, match="no_grad mode"):
        v.add_(1)


# ---- indexing ----

def test_indexing_follows_numpy():
    array = np.arange(24.0).reshape(2, 3, 4)
    x = torch.from_numpy(array.copy())
    for index in [0, -1, (0, 1), (slice(None), 2), (..., 1), (None, 0), (slice(0, 2), [0, 2]), ([0, 1], [1, 2]),
                  (slice(None), slice(None), slice(0, 4, 2)), (0, ..., slice(1, 3))]:
        assert np.array_equal(x[index].numpy(), array[index])
    mask = array > 10
    assert np.array_equal(x[torch.from_numpy(mask)].numpy(), array[mask])
    assert x[torch.tensor(1), torch.tensor([0, 2])].shape == (2, 4)
    x[0, :, 1] = 5
    x[torch.from_numpy(mask)] = -1.0
    x[1, 0] = torch.tensor([9.0, 8.0, 7.0, 6.0], dtype=torch.float64)
    array[0, :, 1] = 5
    array[mask] = -1
    array[1, 0] = [9, 8, 7, 6]
    assert np.array_equal(x.numpy(), array)


@pytest.mark.parametrize(("index", "error"), [
    (5, IndexError), ((0, 0, 0), IndexError), (slice(None, None, -1), ValueError), (1.5, IndexError),
    (torch.tensor([0.5]), IndexError), (torch.tensor([9]), IndexError)])
def test_indexing_errors(index, error):
    with pytest.raises(error):
        torch.zeros(2, 3)[index]


def test_index_gradients_accumulate():
    x = torch.zeros(3, requires_grad=True)
    x[torch.tensor([0, 0, 2])].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


# ---- conversion ----

def test_item_tolist_numpy():
    assert torch.tensor([[2]]).item() == 2 and isinstance(torch.tensor(2.0).item(), float)
    assert torch.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]] and torch.tensor(True).tolist() is True
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        torch.zeros(2).item()
    with pytest.raises(RuntimeError, match="requires grad"):
        torch.zeros(2, requires_grad=True).numpy()
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(torch.zeros(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(torch.zeros(2))
    with pytest.raises(TypeError, match="0-d"):
        len(torch.tensor(1.0))
    assert float(torch.tensor(2.5)) == 2.5 and int(torch.tensor(2)) == 2 and [10, 20, 30][torch.tensor(1)] == 20
    assert 2.0 in torch.tensor([1.0, 2.0]) and list(torch.arange(3)) == [0, 1, 2]
    assert f"{torch.tensor(1.23456):.2f}" == "1.23"
    with pytest.raises(RuntimeError, match="does not have|not have been|requires_grad|require gradient"):
        torch.zeros(2).register_hook(print)


def test_dtype_casts():
    x = torch.tensor([1.7, -1.7])
    assert x.long().tolist() == [1, -1] and x.double().dtype is torch.float64 and x.to("cpu") is x
    assert x.to(torch.float32) is x and x.float() is x and x.type() == "torch.FloatTensor"
    assert x.bool().tolist() == [True, True] and x.to(torch.zeros(1, dtype=torch.float64)).dtype is torch.float64
    with pytest.raises(RuntimeError, match="CPU"):
        x.cuda()


def test_deepcopy_and_pickle():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y, z = copy.deepcopy(x), pickle.loads(pickle.dumps(x))
    for made in (y, z):
        assert made.tolist() == [1.0, 2.0] and made.requires_grad and not np.shares_memory(
            made.detach().numpy(), x.detach().numpy())
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)


def test_size():
    size = torch.zeros(2, 3).size()
    assert size == (2, 3) == torch.Size([2, 3]) and repr(size) == "torch.Size([2, 3])" and size.numel() == 6
    assert torch.zeros(2, 3).size(1) == 3 and torch.zeros(2, 3).size(-1) == 3 and isinstance(size[:1], torch.Size)


# ---- zero sizes and layouts ----

def test_zero_sizes():
    x = torch.zeros(0, 3, requires_grad=True)
    assert x.sum().item() == 0 and x.sum(0).tolist() == [0, 0, 0] and x.prod().item() == 1
    assert (x + 1).shape == (0, 3) and (x @ torch.zeros(3, 2)).shape == (0, 2) and F.relu(x).shape == (0, 3)
    assert F.softmax(x, 1).shape == (0, 3) and torch.cat([x, torch.ones(1, 3)]).shape == (1, 3)
    assert F.linear(x, torch.zeros(2, 3), torch.zeros(2)).shape == (0, 2)
    assert torch.zeros(2, 0).sum(1).tolist() == [0, 0]
    assert torch.zeros(2, 0).matmul(torch.zeros(0, 2)).tolist() == [[0, 0]] * 2
    assert np.isnan(torch.zeros(0).mean().item())
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)
    with pytest.raises((RuntimeError, IndexError)):
        torch.zeros(0).max()


@pytest.mark.parametrize("function", [torch.exp, F.relu, lambda x: x.sum(1), lambda x: x @ x.t(),
    lambda x: F.softmax(x, 0),
                                      lambda x: x * x[:1], lambda x: x.mean(), lambda x: x.cumsum(0)])
def test_layouts_do_not_matter(function):
    array = np.linspace(-1, 1, 24).reshape(4, 6)
    big = np.zeros((8, 18))
    big[::2, 1::3] = array
    expected = function(torch.from_numpy(array)).numpy()
    for same in (np.asfortranarray(array), big[::2, 1::3], array[::-1, ::-1].copy()[::-1, ::-1]):
        x = torch.from_numpy(same).requires_grad_()
        y = function(x)
        np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-12, atol=1e-15)
        y.sum().backward()
        assert x.grad.shape == x.shape


# ---- printing ----

@pytest.mark.parametrize(("make", "text"), [
    (lambda: torch.tensor([1.0, 2.5, -3.25]), "tensor([ 1.0000,  2.5000, -3.2500])"),
    (lambda: torch.tensor([1.0, 2.0]), "tensor([1., 2.])"),
    (lambda: torch.tensor([[1, 20], [300, 4]]), "tensor([[  1,  20],\n        [300,   4]])"),
    (lambda: torch.tensor(3.14159), "tensor(3.1416)"),
    (lambda: torch.tensor(7), "tensor(7)"),
    (lambda: torch.tensor([True, False]), "tensor([ True, False])"),
    (lambda: torch.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    (lambda: torch.tensor([1e10, 1.0]), "tensor([1.0000e+10, 1.0000e+00])"),
    (lambda: torch.tensor([float("nan"), float("inf"), 1.5]), "tensor([   nan,    inf, 1.5000])"),
    (lambda: torch.zeros(2, dtype=torch.float64), "tensor([0., 0.], dtype=torch.float64)"),
    (lambda: torch.zeros(2, dtype=torch.int32), "tensor([0, 0], dtype=torch.int32)"),
    (lambda: torch.tensor([]), "tensor([])"),
    (lambda: torch.zeros(0, 3), "tensor([], size=(0, 3))"),
    (lambda: torch.zeros(0, dtype=torch.int64), "tensor([], dtype=torch.int64)"),
    (lambda: torch.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
    (lambda: torch.ones(2, requires_grad=True) * 2, "tensor([2., 2.], grad_fn=<MulBackward0>)"),
    (lambda: torch.zeros(1, 2, 2), "tensor([[[0., 0.],\n         [0., 0.]]])"),
    (lambda: torch.zeros(2, 1, 2), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
    (lambda: torch.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (lambda: torch.arange(12.0) / 7, "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,\n"
     "        1.2857, 1.4286, 1.5714])"),
    (lambda: torch.tensor([0.0, -0.0]), "tensor([0., -0.])"),
    (lambda: torch.tensor([1.5, 2.5]).max(0), "torch.return_types.max(\nvalues=tensor(2.5000),\nindices=tensor(1))"),
])
def test_printing(make, text):
    assert repr(make()) == text


# ---- errors name the operation ----

@pytest.mark.parametrize(("call", "match"), [
    (lambda: F.linear(torch.zeros(2, 3), torch.zeros(4, 5)), "linear"),
    (lambda: torch.zeros(2, 3) @ torch.zeros(2, 3), "matmul"),
    (lambda: torch.zeros(2, 3) + torch.zeros(2, 4), "add|broadcast"),
    (lambda: torch.mm(torch.zeros(2), torch.zeros(2)), "mm"),
    (lambda: torch.zeros(2, 3).view(4), "shape"),
    (lambda: torch.cat([torch.zeros(2, 3), torch.zeros(2, 4)]), "Sizes of tensors must match"),
    (lambda: torch.stack([torch.zeros(2), torch.zeros(3)]), "stack"),
    (lambda: torch.zeros(2).sum(dim=3), "Dimension out of range"),
    (lambda: torch.zeros(2, 3).permute(0, 0), "permute"),
    (lambda: torch.topk(torch.zeros(2), 3), "k out of range"),
    (lambda: torch.einsum("ij,jk", torch.zeros(2, 3), torch.zeros(2, 3)), "einsum"),
    (lambda: torch.zeros(2).gather(0, torch.tensor([5])), "out of bounds"),
    (lambda: torch.zeros(2).expand(3), "expand"),
    (lambda: torch.ones(2, dtype=torch.int64).mean(), "mean"),
])
def test_error_messages(call, match):
    with pytest.raises((RuntimeError, ValueError, IndexError, TypeError), match=match):
        call()


def test_matrices():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 4, 4))
    x = torch.from_numpy(a)
    np.testing.assert_allclose(torch.linalg.inv(x).numpy() @ a, np.broadcast_to(np.eye(4), a.shape), atol=1e-10)
    q, r = torch.linalg.qr(x)
    np.testing.assert_allclose((q @ r).numpy(), a, atol=1e-12)
    u, s, vh = torch.linalg.svd(x)
    np.testing.assert_allclose((u * s.unsqueeze(-2) @ vh).numpy(), a, atol=1e-12)
    found = torch.linalg.eigh(x + x.mT)
    np.testing.assert_allclose((found.eigenvectors * found.eigenvalues.unsqueeze(-2) @ found.eigenvectors.mT).numpy(),
                               (x + x.mT).numpy(), atol=1e-12)
    with pytest.raises(RuntimeError, match="Singular"):
        torch.linalg.inv(torch.zeros(2, 2))
    with pytest.raises(AttributeError, match="not implemented"):
        _ = torch.linalg.ldl_solve


def test_windows_share_memory_and_pass_gradients():
    x = torch.arange(6.0).requires_grad_()
    windows = x.unfold(0, 3, 2)
    assert windows.tolist() == [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]
    windows.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 2.0, 1.0, 1.0, 0.0]
    base = torch.zeros(6)
    base.as_strided((2, 2), (3, 1)).fill_(1)
    assert base.tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    with pytest.raises(RuntimeError, match="out of bounds"):
        base.as_strided((3, 3), (3, 1))


def test_integer_operators_in_place():
    x = torch.tensor([6, 5])
    x &= 3
    x |= 8
    x ^= 1
    x //= 2
    x %= 4
    assert x.tolist() == [((((6 & 3) | 8) ^ 1) // 2) % 4, ((((5 & 3) | 8) ^ 1) // 2) % 4]
    assert (x << 2).tolist() == [value << 2 for value in x.tolist()]
    assert list(reversed(torch.tensor([1, 2]))) == [2, 1] and complex(torch.tensor(2.0)) == 2


def test_numbers_beside_index_arrays_select_first():
    x = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
    y = x[0, :, [0, 2]]
    assert y.tolist() == [[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]
    y.sum().backward()
    assert x.grad.sum().item() == 6 and x.grad[0, :, 2].tolist() == [1.0, 1.0, 1.0]
    z = torch.zeros(2, 3, 4)
    z[1, :, torch.tensor([0, 3])] = torch.ones(3, 2)
    assert z.sum().item() == 6 and z[1, :, 3].tolist() == [1.0, 1.0, 1.0]
    assert torch.arange(6).reshape(2, 3)[None, 1, torch.tensor([True, False, True])].tolist() == [[3, 5]]


def test_dtypes_that_are_only_names():
    assert str(torch.bfloat16) == "torch.bfloat16" and torch.complex32.is_complex
    for make in (lambda: torch.zeros(2, dtype=torch.quint8), lambda: torch.ones(2).to(torch.qint8)):
        with pytest.raises(NotImplementedError, match="not implemented"):
            make()
    assert isinstance(np.exp(torch.zeros(2)), torch.Tensor) and torch.ones(2).new([1, 2]).dtype is torch.float32


@pytest.mark.parametrize("convert", [float, int, complex])
def test_only_one_element_is_a_number(convert):
    assert convert(torch.tensor([[2.0]])) == 2
    for n in (0, 2):
        with pytest.raises(ValueError, match="only one element"):
            convert(torch.ones(n))


@pytest.mark.parametrize("options, text", [
    ({"fweights": torch.ones(4)}, "integral dtype"), ({"aweights": torch.ones(4).int()}, "floating point dtype"),
    ({"fweights": torch.ones(3).int()}, "same numel"), ({"aweights": torch.ones(2, 2)}, "one or fewer dimensions"),
    ({"aweights": -torch.ones(4)}, "negative"), ({"aweights": torch.zeros(4)}, "sum to zero")])
def test_weights_of_cov(options, text):
    with pytest.raises(RuntimeError, match=text):
        torch.cov(torch.ones(3, 4), **options)


def test_comparisons_with_numbers():
    x = torch.tensor([0.1, float("nan"), 2.0, 1e30])
    for y in (0.1, 2, 1e300, float("inf"), float("nan"), True, 2 ** 70):
        expected = [[value == y for value in x.tolist()], [value < y for value in x.tolist()]]
        expected[0][0] = y == 0.1  # the number is rounded to the tensor's dtype
        expected[1][0] = 0.1 < y
        assert [(x == y).tolist(), (x < y).tolist()] == expected
        assert [(y == x).tolist(), (y > x).tolist()] == expected
        assert [(x[::2] == y).tolist(), (x.double()[1::2] < y).tolist()] == [expected[0][::2], expected[1][1::2]]
    assert torch.tensor(3) == 3 and not torch.tensor([]).gt(1).numel() and (torch.ones(2, 1) >= torch.ones(3)).all()


def test_cat_of_other_layouts():
    x = torch.arange(24).reshape(2, 3, 4).float()
    joined = torch.cat([x.transpose(0, 2), x.transpose(0, 2)[:, :1], torch.zeros(4, 0, 2)], 1)
    assert joined.shape == (4, 4, 2) and (joined[:, 3] == x[:, 0].t()).all()
    assert torch.cat([x, torch.zeros(0), x.to(torch.int32)], -1).dtype == torch.float32
    assert torch.stack([x[0].t(), x[1].t()], -1).shape == (4, 3, 2)
    assert torch.cat([torch.zeros(0), torch.zeros(0)]).shape == (0,)
    assert torch.cat([torch.zeros(2, 0), torch.zeros(2, 0)], 1).shape == (2, 0)


def test_added_attributes_can_be_deleted():
    for x in (torch.ones(2), torch.nn.Parameter(torch.ones(2))):
        x.note = "seen"
        del x.note
        assert not hasattr(x, "note")
        with pytest.raises(AttributeError, match="note"):
            del x.note
    x = torch.ones(2, requires_grad=True)
    x.sum().backward()
    del x.grad
    assert x.grad is None


class Anything:
    """Equal to all, and less than nothing."""

    def __eq__(self, other):
        return "equal"

    def __ne__(self, other):
        return "different"

    def __gt__(self, other):
        return "greater"


@pytest.mark.parametrize("library", ["fastnn", pytest.param("torch", marks=pytest.mark.torch)])
def test_what_is_no_number_compares_itself(library):
    T = pytest.importorskip(library)
    x, other = T.ones(2, 3), Anything()
    assert (x == other, x != other, x < other) == ("equal", "different", "greater")
    assert {"x": [x]} == {"x": [mock.ANY]} and x != object() and not x == print and x != None  # noqa: E711
    with pytest.raises(TypeError, match="eq"):
        x.eq(other)
    with pytest.raises(TypeError, match="eq"):
        T.eq(x, mock.ANY)
    with pytest.raises(TypeError, match="not supported between"):
        assert x >= other
    assert (x == T.ones(3)).all() and (x == 1.0).all()
