"""nn.utils.prune, nn.utils.fusion and orthogonal parametrizations beside PyTorch's; errors."""
import copy
import importlib
import pickle

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.nn.utils import fusion, parametrizations, prune

RNG = np.random.default_rng(0)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch")


def both(torch, make):
    """A module of each library with the same numbers."""
    theirs = make(torch.nn)
    mine = make(nn)
    mine.load_state_dict({name: fastnn.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    return (fastnn, mine), (torch, theirs)


def prune_of(library):
    return prune if library is fastnn else importlib.import_module("torch.nn.utils.prune")


# ---- pruning ----

STEPS = {
    "l1": lambda p, m, t: p.l1_unstructured(m, "weight", 0.3),
    "l1 count": lambda p, m, t: p.l1_unstructured(m, "bias", 2),
    "l1 scores": lambda p, m, t: p.l1_unstructured(m, "weight", 5, importance_scores=t(RNG_SCORES)),
    "ln": lambda p, m, t: p.ln_structured(m, "weight", 0.5, n=2, dim=0),
    "ln last": lambda p, m, t: p.ln_structured(m, "weight", 2, n=float("inf"), dim=-1),
    "identity": lambda p, m, t: p.identity(m, "weight"),
    "random": lambda p, m, t: p.random_unstructured(m, "weight", 0.4),
    "random slices": lambda p, m, t: p.random_structured(m, "weight", 2, dim=1),
    "mask": lambda p, m, t: p.custom_from_mask(m, "weight", t((RNG_SCORES > 0).astype("f4"))),
    "nothing": lambda p, m, t: p.l1_unstructured(m, "weight", 0),
}
RNG_SCORES = RNG.normal(size=(4, 6)).astype("f4")


@pytest.mark.torch
@pytest.mark.parametrize("steps", [*([name] for name in STEPS), ["l1", "ln"], ["ln", "l1", "l1 count"],
                                   ["mask", "l1 scores", "ln last"], ["random", "random slices"]])
def test_pruning_as_in_pytorch(torch, steps):
    found = []
    for library, module in both(torch, lambda n: n.Linear(6, 4)):
        library.manual_seed(5)
        p = prune_of(library)
        for step in steps:
            assert STEPS[step](p, module, library.tensor) is module
        assert p.is_pruned(module)
        x = library.tensor(np.ones((2, 6), "f4"))
        y = module(x)
        y.sum().backward()
        state = {name: value.numpy() for name, value in module.state_dict().items()}
        grads = {name: q.grad.numpy() for name, q in module.named_parameters()}
        names = [name for name, _ in module.named_parameters()]
        pruned = {name.partition("_")[0] for name in names if "_orig" in name}
        for name in pruned:
            p.remove(module, name)
        after = {name: value.numpy() for name, value in module.state_dict().items()}
        found.append((state, grads, after, names, [name for name, _ in module.named_parameters()],
                      y.detach().numpy()))
    for a, b in zip(*found):
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-6)
        elif isinstance(a, list):
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
def test_global_pruning(torch):
    masks = []
    for library, model in both(torch, lambda n: n.Sequential(n.Linear(6, 4), n.ReLU(), n.Linear(4, 3))):
        p = prune_of(library)
        parameters = [(model[0], "weight"), (model[2], "weight"), (model[2], "bias")]
        p.global_unstructured(parameters, pruning_method=p.L1Unstructured, amount=0.4)
        p.global_unstructured(parameters[:2], pruning_method=p.L1Unstructured, amount=5)
        masks.append([getattr(module, f"{name}_mask").numpy() for module, name in parameters])
        with pytest.raises(TypeError, match="unstructured"):
            p.global_unstructured(parameters, pruning_method=p.LnStructured, amount=1, n=1)
    assert all(np.array_equal(a, b) for a, b in zip(*masks))


def test_pruned_modules_are_saved_copied_and_learn():
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1))
    prune.l1_unstructured(model[0], "weight", 0.5)
    prune.ln_structured(model[0], "weight", 1, n=2, dim=0)
    container = next(iter(model[0]._forward_pre_hooks.values()))
    assert isinstance(container, prune.PruningContainer) and len(container) == 2
    assert [type(method).__name__ for method in container] == ["L1Unstructured", "LnStructured"]
    optimizer = fastnn.optim.SGD(model.parameters(), lr=0.1)
    x = fastnn.randn(8, 6)
    for _ in range(3):
        optimizer.zero_grad()
        model(x).pow(2).sum().backward()
        optimizer.step()
    assert ((model[0].weight == 0) >= (model[0].weight_mask == 0)).all()
    with fastnn.no_grad():
        model(x)  # only leaves are copied, as in PyTorch
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert fastnn.allclose(twin(x), model(x)) and prune.is_pruned(twin)
    fresh = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1))
    prune.identity(fresh[0], "weight")
    fresh.load_state_dict(model.state_dict())
    assert fastnn.allclose(fresh(x), model(x))


@pytest.mark.parametrize("call, error, text", [
    (lambda: prune.L1Unstructured("0.5"), TypeError, "int or float"),
    (lambda: prune.L1Unstructured(1.5), ValueError, "amount=1.5"),
    (lambda: prune.RandomStructured(-1), ValueError, "amount=-1"),
    (lambda: prune.l1_unstructured(nn.Linear(2, 2), "weight", 5), ValueError, "number of parameters to prune=4"),
    (lambda: prune.ln_structured(nn.Linear(2, 2), "bias", 1, 2, 0), ValueError, "multidimensional"),
    (lambda: prune.ln_structured(nn.Linear(2, 2), "weight", 1, 2, 5), IndexError, "Invalid index 5"),
    (lambda: prune.remove(nn.Linear(2, 2), "weight"), ValueError, "has to be pruned"),
    (lambda: prune.custom_from_mask(nn.Linear(2, 2), "weight", fastnn.ones(3)), AssertionError, "same shape"),
    (lambda: prune.l1_unstructured(nn.Linear(2, 2), "weight", 1, fastnn.ones(3)), AssertionError, "same shape"),
    (lambda: prune.PruningContainer().add_pruning_method(3), TypeError, "BasePruningMethod"),
])
def test_pruning_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_failed_pruning_leaves_the_module_as_it_was():
    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError):
        prune.l1_unstructured(layer, "weight", 5)
    assert sorted(layer.state_dict()) == ["bias", "weight"] and layer(fastnn.ones(1, 2)).shape == (1, 2)


# ---- fusion ----

@pytest.mark.torch
@pytest.mark.parametrize("make, fuse, shape", [
    (lambda n: (n.Conv2d(3, 4, 2), n.BatchNorm2d(4)), ("fuse_conv_bn_eval",), (2, 3, 5, 5)),
    (lambda n: (n.Conv1d(3, 4, 2, bias=False), n.BatchNorm1d(4, affine=False)), ("fuse_conv_bn_eval",), (2, 3, 5)),
    (lambda n: (n.ConvTranspose2d(3, 4, 2), n.BatchNorm2d(4)), ("fuse_conv_bn_eval", True), (2, 3, 5, 5)),
    (lambda n: (n.Linear(3, 4), n.BatchNorm1d(4)), ("fuse_linear_bn_eval",), (5, 3)),
])
def test_fusion(torch, make, fuse, shape):
    x = RNG.normal(size=shape).astype("f4")
    found = []
    for library, pair in both(torch, lambda n: n.Sequential(*make(n))):
        library.manual_seed(0)
        module = fusion if library is fastnn else importlib.import_module("torch.nn.utils.fusion")
        pair(library.tensor(x) * 2 + 1)
        pair.eval()
        fused = getattr(module, fuse[0])(pair[0], pair[1], *fuse[1:])
        y = fused(library.tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), pair(library.tensor(x)).detach().numpy(), atol=1e-4)
        found.append((y.detach().numpy(), repr(fused)))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-4)
    with pytest.raises(AssertionError, match="eval"):
        fusion.fuse_conv_bn_eval(nn.Conv1d(1, 1, 1), nn.BatchNorm1d(1))


# ---- orthogonal matrices ----

@pytest.mark.torch
@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)])
def test_orthogonal(torch, shape, orthogonal_map, trivial):
    start, found = RNG.normal(size=shape), []
    for library in (fastnn, torch):
        library.manual_seed(0)
        layer = library.nn.Linear(*shape[::-1]).double()
        layer.weight.data = library.tensor(start)
        library.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=orthogonal_map, use_trivialization=trivial)
        free = layer.parametrizations.weight.original
        if orthogonal_map != "householder":
            free.data += library.tensor(np.arange(free.numel()).reshape(free.shape) * 0.1)
        w = layer.weight
        (w * library.arange(w.numel(), dtype=library.float64).reshape(w.shape)).sum().backward()
        q = w.detach().numpy()
        product = q.T @ q if shape[0] >= shape[1] else q @ q.T
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-10)
        found.append((q, free.grad.numpy()))
        assert (layer.parametrizations.weight[0].base is not None if trivial else True)
        if trivial or orthogonal_map == "householder":
            size = max(shape)
            wanted = np.linalg.qr(np.random.default_rng(1).normal(size=(size, size)))[0][:shape[0], :shape[1]]
            layer.weight = library.tensor(wanted)
            np.testing.assert_allclose(layer.weight.detach().numpy(), wanted, atol=1e-10)
        else:
            with pytest.raises(NotImplementedError, match="not possible to assign"):
                layer.weight = library.tensor(start)
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_orthogonal_errors():
    with pytest.raises(ValueError, match="orthogonal_map has to be"):
        parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="qr")
    with pytest.raises(ValueError, match="Expected a matrix"):
        parametrizations.orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="no parameter"):
        parametrizations.orthogonal(nn.Linear(2, 2), "other")


@pytest.mark.torch
@pytest.mark.parametrize("scale", [0.1, 1, 30])
def test_matrix_exp(torch, scale):
    x = RNG.normal(size=(2, 4, 4)) * scale
    mine, other = fastnn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = fastnn.linalg.matrix_exp(mine), torch.linalg.matrix_exp(other)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-10)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-9)
    assert fastnn.isnan(fastnn.matrix_exp(fastnn.full((2, 2), float("inf")))).all()


@pytest.mark.torch
def test_householder_product(torch):
    a, tau = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 2))
    tensors = [[library.tensor(value, requires_grad=True) for value in (a, tau)] for library in (fastnn, torch)]
    y, z = (library.linalg.householder_product(*given) for library, given in zip((fastnn, torch), tensors))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy())
    for error, arguments in ((RuntimeError, (fastnn.ones(2, 3), fastnn.ones(2))),
                             (RuntimeError, (fastnn.ones(3, 2), fastnn.ones(3))),
                             (RuntimeError, (fastnn.ones(3, 2), fastnn.ones(1, 2))),
                             (RuntimeError, (fastnn.ones(3, 2), fastnn.ones(2).double()))):
        with pytest.raises(error, match="householder_product"):
            fastnn.linalg.householder_product(*arguments)
