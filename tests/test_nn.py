"""torch.nn's protocol without PyTorch: modules, state, hooks, containers, initial values, activations, fusion."""
import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import fastnn as torch
from fastnn import nn
from fastnn.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(4, 3, bias=False), nn.LeakyReLU(0.2, inplace=True),
                                      nn.PReLU())
        self.heads = nn.ModuleList([nn.Linear(3, 1) for _ in range(3)] + [nn.Identity()])
        self.table = nn.ModuleDict({"a": nn.Softmax(dim=1), "b": nn.GELU("tanh")})
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.scale = nn.Parameter(torch.ones(1))
        self.nothing = None

    def forward(self, x):
        x = self.features(x)
        return sum(head(x) for head in self.heads) * self.scale


# ---- the protocol ----

def test_registration_and_names():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["scale", "features.1.weight", "features.3.weight", "heads.0.weight", "heads.0.bias",
                     "heads.1.weight", "heads.1.bias", "heads.2.weight", "heads.2.bias"]
    assert [name for name, _ in net.named_buffers()] == ["count", "scratch"]
    assert [name for name, _ in net.named_children()] == ["features", "heads", "table"]
    assert [name for name, _ in net.named_modules()][:3] == ["", "features", "features.0"]
    assert len(list(net.modules())) == 14 and len(list(net.parameters(recurse=False))) == 1
    assert net.get_submodule("heads.1") is net.heads[1] and net.get_parameter("heads.1.bias") is net.heads[1].bias
    assert net.get_buffer("count") is net.count
    with pytest.raises(AttributeError):
        net.get_submodule("heads.9")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        assert net.missing


def test_shared_parameters_are_named_once():
    a = nn.Linear(2, 2)
    net = nn.Sequential(a, nn.ReLU(), a)
    assert len(list(net.parameters())) == 2 and len(list(net.named_parameters(remove_duplicate=False))) == 4


def test_attributes_change_kind():
    net = Net()
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'scale'"):
        net.scale = torch.zeros(1)
    with pytest.raises(TypeError, match="as child module 'features'"):
        net.features = 3
    del net.count
    assert "count" not in net.state_dict() and not hasattr(net, "count")
    net.nothing = nn.Linear(1, 1)
    assert "nothing.weight" in net.state_dict()


def test_registration_errors():
    net = nn.Module()
    with pytest.raises(KeyError, match="buffer name"):
        net.register_buffer("a.b", torch.zeros(1))
    with pytest.raises(KeyError, match="empty string"):
        net.register_parameter("", None)
    with pytest.raises(KeyError, match="already exists"):
        net.register_parameter("forward", None)
    with pytest.raises(TypeError, match="not a Module subclass"):
        net.add_module("x", 1)
    changed = nn.Parameter(torch.ones(1), requires_grad=False).mul_(torch.ones(1, requires_grad=True))
    with pytest.raises(ValueError, match="non-leaf"):
        net.register_parameter("x", changed)

    class Late(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)
    with pytest.raises(AttributeError, match="before Module.__init__"):
        Late()
    with pytest.raises(NotImplementedError, match="forward"):
        nn.Module()(1)


def test_state_dict():
    net = Net()
    keys = list(net.state_dict())
    assert keys == ["scale", "count", "features.1.weight", "features.3.weight", "heads.0.weight", "heads.0.bias",
                    "heads.1.weight", "heads.1.bias", "heads.2.weight", "heads.2.bias"]
    assert isinstance(net.state_dict(), OrderedDict) and not net.state_dict()["scale"].requires_grad
    other = Net()
    assert repr(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    x = torch.randn(2, 4)
    assert torch.equal(net(x), other(x))
    with torch.no_grad():
        net.scale.fill_(5)
    assert other.scale.item() == 1  # copied, not shared


def test_load_state_dict_errors():
    net = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(RuntimeError) as raised:
        net.load_state_dict({"0.weight": torch.zeros(2, 2), "x": torch.zeros(1)})
    assert str(raised.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "0.bias". \n'
        '\tUnexpected key(s) in state_dict: "x". \n'
        "\tsize mismatch for 0.weight: copying a param with shape torch.Size([2, 2]) from checkpoint, the shape in "
        "current model is torch.Size([3, 2]).")
    result = net.load_state_dict({"0.weight": torch.ones(3, 2)}, strict=False)
    assert repr(result) == "_IncompatibleKeys(missing_keys=['0.bias'], unexpected_keys=[])"
    assert net[0].weight.sum().item() == 6
    with pytest.raises(RuntimeError, match="expected torch.Tensor"):
        net.load_state_dict({"0.weight": 1, "0.bias": torch.zeros(3)})


def test_modes_casts_apply():
    net = Net()
    assert net.training and not net.eval().heads[0].training and net.train().heads[0].training
    with pytest.raises(ValueError):
        net.train("yes")
    weight = net.features[1].weight
    assert net.double() is net and net.features[1].weight is weight and weight.dtype is torch.float64
    assert net.count.dtype is torch.float64 and net.float().count.dtype is torch.float32
    assert net.to("cpu") is net and net.to(torch.float64).scale.dtype is torch.float64
    with pytest.raises(RuntimeError):
        net.to("cuda")
    with pytest.raises(TypeError):
        net.to(torch.int64)
    seen = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen[-1] == "Net" and len(seen) == 14
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad():
    net = nn.Linear(2, 1)
    net(torch.ones(1, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0, 0]]
    net.zero_grad()
    assert net.weight.grad is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies(duplicate):
    net = Net()
    other = duplicate(net)
    x = torch.randn(2, 4)
    assert torch.equal(net(x), other(x)) and repr(other) == repr(net)
    other.features[1].weight.data.fill_(0)
    assert not torch.equal(net(x), other(x))
    assert all(p.requires_grad and p.is_leaf for p in other.parameters())
    other(x).sum().backward()
    assert net.features[1].weight.grad is None and other.features[1].weight.grad is not None
    fused = duplicate(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    fused[0].weight.data.fill_(1)
    fused[0].bias.data.fill_(0)
    assert fused(torch.ones(1, 2)).tolist() == [[2, 2]]


@pytest.mark.parametrize("ndim", [1, 2])
def test_relu_before_pooling(ndim):
    """In Sequential, ReLU may change places with the pooling behind it; nothing else may show it."""
    convolution, pooling = getattr(nn, f"Conv{ndim}d")(2, 3, 3), getattr(nn, f"MaxPool{ndim}d")(2)
    net = nn.Sequential(convolution, nn.ReLU(inplace=True), pooling)
    x = torch.randn(2, 2, *(9, 10)[:ndim])
    x[0, 0, ..., 0] = torch.nan

    def both(apart):
        """Outputs and gradients of the chain, once called module by module."""
        results = []
        for call in (net, lambda value: pooling(nn.functional.relu(convolution(value)))):
            value = x.clone().requires_grad_()
            net.zero_grad()
            y = call(value)
            y = y[0] if isinstance(y, tuple) else y
            y.backward(torch.arange(float(y.numel())).reshape(y.shape))
            results.append((y.detach(), value.grad, convolution.weight.grad, convolution.bias.grad))
        for found, expected in zip(*results):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
        assert [type(module) for module, _ in net._plan] == (
            [type(convolution), type(pooling), nn.ReLU] if not apart else [type(convolution), type(pooling)])

    both(False)
    pooling.return_indices = True
    both(True)
    pooling.return_indices, pooling.stride = False, 1
    both(True)
    pooling.stride = 2
    both(False)
    seen = []
    pooling.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape))
    both(True)
    assert len(seen) == 2


# ---- hooks ----

def test_forward_hooks():
    layer = nn.Linear(2, 2)
    seen = []
    handles = [layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,)),
               layer.register_forward_hook(lambda module, args, output: seen.append(args[0].sum().item())),
               layer.register_forward_hook(lambda module, args, output: output + 1)]
    assert torch.allclose(layer(torch.ones(1, 2)), layer.bias + 1) and seen == [0.0]
    for handle in handles:
        handle.remove()
    assert torch.equal(layer(torch.zeros(1, 2))[0], layer.bias)
    with layer.register_forward_hook(lambda module, args, kwargs, output: output * kwargs.get("k", 0),
        with_kwargs=True):
        assert layer(torch.ones(1, 2)).tolist() == [[0, 0]]


def test_backward_hooks():
    layer = nn.Linear(2, 3)
    seen = []
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(
        (grad_input[0].tolist(), grad_output[0].tolist())))
    x = torch.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert seen == [(x.grad.tolist(), [[1.0, 1.0, 1.0]])]
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    layer.zero_grad()
    layer(x).sum().backward()
    assert layer.bias.grad.tolist() == [2.0, 2.0, 2.0]


# ---- printing ----

def test_repr_of_a_tree():
    assert repr(Net()) == """Net(
  (features): Sequential(
    (0): Flatten(start_dim=1, end_dim=-1)
    (1): Linear(in_features=4, out_features=3, bias=False)
    (2): LeakyReLU(negative_slope=0.2, inplace=True)
    (3): PReLU(num_parameters=1)
  )
  (heads): ModuleList(
    (0-2): 3 x Linear(in_features=3, out_features=1, bias=True)
    (3): Identity()
  )
  (table): ModuleDict(
    (a): Softmax(dim=1)
    (b): GELU(approximate='tanh')
  )
)"""


ACTIVATIONS = [  # module, its repr, the same as a function
    (lambda: nn.ReLU(), "ReLU()", F.relu), (lambda: nn.ReLU(True), "ReLU(inplace=True)", F.relu),
    (lambda: nn.ReLU6(), "ReLU6()", F.relu6), (lambda: nn.ELU(0.5), "ELU(alpha=0.5)", lambda x: F.elu(x, 0.5)),
    (lambda: nn.CELU(), "CELU(alpha=1.0)", F.celu), (lambda: nn.SELU(), "SELU()", F.selu),
    (lambda: nn.GELU(), "GELU(approximate='none')", F.gelu), (lambda: nn.SiLU(), "SiLU()", F.silu),
    (lambda: nn.GELU("tanh"), "GELU(approximate='tanh')", lambda x: F.gelu(x, approximate="tanh")),
    (lambda: nn.Mish(), "Mish()", F.mish), (lambda: nn.Hardtanh(), "Hardtanh(min_val=-1.0, max_val=1.0)", F.hardtanh),
    (lambda: nn.Hardtanh(-2, 2), "Hardtanh(min_val=-2, max_val=2)", lambda x: F.hardtanh(x, -2, 2)),
    (lambda: nn.Hardswish(), "Hardswish()", F.hardswish), (lambda: nn.Hardsigmoid(), "Hardsigmoid()", F.hardsigmoid),
    (lambda: nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)", F.softplus),
    (lambda: nn.Softshrink(), "Softshrink(0.5)", F.softshrink), (lambda: nn.Hardshrink(), "Hardshrink(0.5)",
    F.hardshrink),
    (lambda: nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)", lambda x: F.threshold(x, 0.1, 20)),
    (lambda: nn.Softmax(dim=1), "Softmax(dim=1)", lambda x: F.softmax(x, 1)),
    (lambda: nn.LogSoftmax(-1), "LogSoftmax(dim=-1)", lambda x: F.log_softmax(x, -1)),
    (lambda: nn.Softmin(1), "Softmin(dim=1)", lambda x: F.softmin(x, 1)), (lambda: nn.GLU(), "GLU(dim=-1)", F.glu),
    (lambda: nn.Tanh(), "Tanh()", torch.tanh), (lambda: nn.Sigmoid(), "Sigmoid()", torch.sigmoid),
    (lambda: nn.LogSigmoid(), "LogSigmoid()", F.logsigmoid), (lambda: nn.Softsign(), "Softsign()", F.softsign),
    (lambda: nn.Tanhshrink(), "Tanhshrink()", F.tanhshrink),
    (lambda: nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)", F.leaky_relu),
    (lambda: nn.PReLU(6), "PReLU(num_parameters=6)", lambda x: F.prelu(x, torch.full((6,), 0.25, dtype=x.dtype))),
    (lambda: nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)", lambda x: x.flatten(1)),
    (lambda: nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))", lambda x: x.view(4, 2, 3)),
    (lambda: nn.Identity(), "Identity()", lambda x: x),
]


@pytest.mark.parametrize(("make", "text", "function"), ACTIVATIONS, ids=[text for _, text, _ in ACTIVATIONS])
def test_activation_modules(make, text, function):
    module = make().double()
    assert repr(module) == text
    x = torch.linspace(-3, 3, 24, dtype=torch.float64).view(4, 6)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    ya, yb = module(a * 1), function(b * 1)
    assert torch.equal(ya, yb)
    (ya * ya).sum().backward()
    (yb * yb).sum().backward()
    assert torch.equal(a.grad, b.grad)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x.clone()), yb)


def test_softmax_without_dim_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        nn.Softmax()(torch.zeros(2, 2))


# ---- containers ----

def test_sequential_is_a_list():
    net = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.ReLU()))
    assert net.a is net[0] and len(net) == 2 and list(net.state_dict()) == ["a.weight", "a.bias"]
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    net.append(nn.Linear(3, 1)).insert(0, nn.Identity())
    assert [type(m).__name__ for m in net] == ["Identity", "Linear", "ReLU", "Linear"]
    assert isinstance(net[1:], nn.Sequential) and len(net[1:]) == 3 and type(net[-1]) is nn.Linear
    del net[0]
    assert list(net.state_dict())[0] == "0.weight" and net.pop(-1).out_features == 1
    net[1] = nn.Tanh()
    assert "Tanh" in repr(net) and len(net + net) == 4
    with pytest.raises(IndexError):
        net[7]
    assert nn.Sequential()(3) == 3


def test_module_list_and_dict():
    modules = nn.ModuleList([nn.Linear(1, 1)])
    modules.append(nn.ReLU()).extend([nn.Tanh()])
    modules += [nn.Identity()]
    assert len(modules) == 4 and type(modules[1:3]) is nn.ModuleList and len(list(modules.parameters())) == 2
    table = nn.ModuleDict([("x", nn.Linear(1, 1))])
    table["y"] = nn.ReLU()
    assert list(table) == ["x", "y"] and "x" in table and table.pop("y") is not None and len(table) == 1
    table.update({"z": nn.Tanh()})
    table.clear()
    assert not len(table) and not list(table.parameters())


# ---- fused Linear and activation ----

FUSABLE = [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.ReLU6, nn.SELU, nn.GELU, nn.SiLU, nn.ELU, nn.Softplus]


@pytest.mark.parametrize("activation", FUSABLE)
@pytest.mark.parametrize("bias", [True, False])
def test_fused_equals_unfused(activation, bias):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(7, 5, bias), activation(), nn.Linear(5, 3, bias), activation()).double()
    x = torch.randn(4, 7, dtype=torch.float64)

    def run(function):
        net.zero_grad()
        given = x.clone().requires_grad_()
        out = function(given)
        (out * out).sum().backward()
        return [out.detach().numpy(), given.grad.numpy(), *(p.grad.numpy().copy() for p in net.parameters())]

    def one_by_one(y):
        for module in net:
            y = module(y)
        return y
    for fused, plain in zip(run(net), run(one_by_one)):
        np.testing.assert_allclose(fused, plain, rtol=1e-12, atol=1e-14)


def test_fusion_stops_for_hooks_and_starts_again():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    x = torch.randn(3, 2)
    expected = net(x)
    seen = []
    handle = net[0].register_forward_hook(lambda module, args, output: seen.append(output))
    assert torch.allclose(net(x), expected) and len(seen) == 1 and (seen[0] < 0).any()
    handle.remove()
    assert torch.equal(net(x), expected) and len(seen) == 1
    with net[1].register_forward_pre_hook(lambda module, args: seen.append(args[0])):
        net(x)
    assert len(seen) == 2
    net[1] = nn.Tanh()
    assert torch.allclose(net(x), torch.tanh(net[0](x)))
    net[0].forward = lambda given: given * 0
    assert net(x).abs().sum().item() == 0


def test_fusion_sees_changed_parameters_of_the_activation():
    net = nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.1))
    x = -torch.ones(1, 2)
    net[0].weight.data = torch.eye(2)
    net[0].bias.data = torch.zeros(2)
    assert torch.allclose(net(x), x * 0.1)
    net[1].negative_slope = 0.5
    assert torch.allclose(net(x), x * 0.5)


def test_subclasses_are_not_fused():
    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    class Loud(nn.ReLU):
        def forward(self, x):
            return super().forward(x) + 1
    linear = Doubled(2, 2)
    net = nn.Sequential(linear, Loud())
    x = torch.randn(3, 2)
    assert torch.allclose(net(x), torch.relu(linear(x)) + 1)


# ---- Linear and initial values: PyTorch's numbers ----

def test_linear_starts_as_pytorch():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    np.testing.assert_allclose(layer.weight.detach().numpy(), [
        [-0.004322517663240433, 0.3097158372402191, -0.4751853346824646],
        [-0.4248946011066437, -0.2223689705133438, 0.15482072532176971]], rtol=1e-6)
    np.testing.assert_allclose(layer.bias.detach().numpy(), [-0.011439144611358643, 0.45777493715286255], rtol=1e-6)
    torch.manual_seed(42)
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    np.testing.assert_allclose(net[2].weight.detach().numpy(),
                               [[-0.08151666074991226, 0.44507113099098206, 0.08533751219511032]], rtol=1e-6)
    np.testing.assert_allclose(net[2].bias.detach().numpy(), [-0.26953014731407166], rtol=1e-6)


def test_init_functions_give_pytorchs_numbers():
    torch.manual_seed(1)
    w = torch.empty(2, 3)
    np.testing.assert_allclose(nn.init.xavier_normal_(w).numpy(), [
        [0.4182758331298828, 0.16881762444972992, 0.03900812193751335],
        [0.39295557141304016, -0.2858104407787323, -0.10506998747587204]], rtol=1e-5)
    np.testing.assert_allclose(nn.init.trunc_normal_(w, std=0.5).numpy(), [
        [-0.7613842487335205, 0.19084195792675018, -0.5138043165206909],
        [-0.2815263867378235, -0.44614526629447937, -0.029125088825821877]], rtol=1e-5)
    np.testing.assert_allclose(nn.init.orthogonal_(w).numpy(), [
        [-0.18238401412963867, -0.9008082151412964, 0.3940565586090088],
        [0.4143639802932739, -0.4338696002960205, -0.8000372052192688]], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(nn.init.kaiming_normal_(w, nonlinearity="relu").numpy(), [
        [-1.2840757369995117, -0.10063137114048004, 2.928764581680298],
        [-1.4952421188354492, 1.3053333759307861, -1.0426719188690186]], rtol=1e-5)
    assert nn.init.eye_(torch.empty(2, 2)).tolist() == [[1, 0], [0, 1]] and nn.init.ones_(w).sum().item() == 6
    assert nn.init.constant_(w, 0.5)[0, 0].item() == 0.5 and nn.init.zeros_(w).sum().item() == 0
    assert nn.init.calculate_gain("tanh") == 5 / 3
    assert (nn.init.sparse_(torch.empty(10, 4), 0.3) == 0).sum().item() == 12
    with pytest.raises(ValueError):
        nn.init.xavier_uniform_(torch.empty(3))
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        nn.init.calculate_gain("none")
    with pytest.raises(ValueError, match="Mode"):
        nn.init.kaiming_uniform_(w, mode="fan")


def test_linear():
    layer = nn.Linear(3, 2, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"] and layer(torch.ones(3)).shape == (2,)
    assert layer(torch.ones(2, 4, 3)).shape == (2, 4, 2) and layer(torch.ones(0, 3)).shape == (0, 2)
    with pytest.raises(RuntimeError, match="linear"):
        layer(torch.ones(2, 4))
    with pytest.raises((RuntimeError, TypeError), match="linear"):
        layer(torch.ones(2, 3, dtype=torch.float64))
    with pytest.raises((RuntimeError, TypeError, AttributeError)):
        layer(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError):
        nn.Linear(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert nn.Linear(0, 2)(torch.ones(1, 0)).shape == (1, 2)


# ---- the reference backend ----

def test_reference_backend_gives_the_same_network():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 3))
    x, target = torch.randn(8, 6), torch.randint(3, (8,))

    def run():
        net.zero_grad()
        loss = F.cross_entropy(net(x), target) + F.mse_loss(torch.sigmoid(net(x)).sum(1), torch.ones(8))
        loss.backward()
        return [loss.detach().numpy(), *(p.grad.numpy().copy() for p in net.parameters())]
    ours = run()
    with torch.use_backend("reference"):
        reference = run()
    assert torch.get_backend() == "c"
    for a, b in zip(ours, reference):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
