"""Names that libraries over PyTorch use and programs seldom do: utils._pytree, _foreach functions, _VF, compilers."""
import subprocess
import sys
from collections import OrderedDict, defaultdict, deque, namedtuple
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.utils import _pytree

Point = namedtuple("Point", "x y")
TREES = {"leaf": 3, "none": None, "empty": [], "list": [1, [2, (3,)], ()], "dict": {"b": 1, "a": {"c": None}},
         "mixed": Point({"k": [1, 2]}, (3, deque([4, 5], maxlen=4))), "ordered": OrderedDict([("z", 1), ("y", [2])]),
         "default": {"d": defaultdict(list, {"q": 1, "p": (2, 3)})}, "string": ["ab", b"c", {1, 2}]}


@pytest.fixture
def oracle():
    pytest.importorskip("torch", reason="compares with PyTorch")
    from torch.utils import _pytree as theirs
    return theirs


def same(a, b):
    assert type(a) is type(b) and a == b


# ---- structures ----

@pytest.mark.torch
@pytest.mark.parametrize("name", TREES)
def test_pytree_as_in_pytorch(name, oracle):
    tree = TREES[name]
    (leaves, spec), (expected, theirs) = _pytree.tree_flatten(tree), oracle.tree_flatten(tree)
    same(leaves, expected)
    assert (spec.num_leaves, spec.num_nodes, spec.num_children) == (theirs.num_leaves, theirs.num_nodes,
                                                                    theirs.num_children)
    same(_pytree.tree_unflatten(leaves, spec), tree)
    same(_pytree.tree_map(lambda x: [x], tree), oracle.tree_map(lambda x: [x], tree))
    same(_pytree.tree_map(lambda x, y: (x, y), tree, tree), oracle.tree_map(lambda x, y: (x, y), tree, tree))
    paths = [(_pytree.keystr(path), leaf) for path, leaf in _pytree.tree_leaves_with_path(tree)]
    assert paths == [(oracle.keystr(path), leaf) for path, leaf in oracle.tree_leaves_with_path(tree)]
    same(_pytree.tree_leaves(tree, is_leaf=lambda x: isinstance(x, tuple)),
         oracle.tree_leaves(tree, is_leaf=lambda x: isinstance(x, tuple)))
    same(_pytree.tree_map_only(int, lambda x: -x, tree), oracle.tree_map_only(int, lambda x: -x, tree))
    for a, b in [(spec, _pytree.tree_structure(TREES["list"])), (spec, _pytree.tree_structure(tree))]:
        assert (a == b) == (theirs == (oracle.tree_structure(TREES["list"]) if b is not a and b != a else theirs))


@pytest.mark.torch
@pytest.mark.parametrize("other", [[1, 2], (1, 2, 3), {"a": 1}, 5, [1, 2, 3, 4]])
def test_pytree_structures_that_do_not_match(other, oracle):
    messages = []
    for tree in (_pytree, oracle):
        with pytest.raises(ValueError) as error:
            tree.tree_map(lambda x, y: x, [1, 2, 3], other)
        messages.append(str(error.value).split()[:3])
    assert messages[0] == messages[1]


def test_pytree_of_a_class_of_ones_own():
    class Pair:
        def __init__(self, first, second):
            self.first, self.second = first, second

    _pytree.register_pytree_node(Pair, lambda pair: ([pair.first, pair.second], None),
                                 lambda children, context: Pair(*children),
                                 flatten_with_keys_fn=lambda pair: (
                                     [(_pytree.GetAttrKey("first"), pair.first),
                                      (_pytree.GetAttrKey("second"), pair.second)], None))
    try:
        tree = [Pair(1, {"a": 2}), 3]
        assert _pytree.tree_leaves(tree) == [1, 2, 3]
        doubled = _pytree.tree_map(lambda x: 2 * x, tree)
        assert doubled[0].second == {"a": 4}
        paths = [path for path, _ in _pytree.tree_leaves_with_path(tree)]
        assert list(map(_pytree.keystr, paths)) == ["[0].first", "[0].second['a']", "[1]"]
        assert _pytree.key_get(tree, paths[1]) == 2
        with pytest.raises(ValueError, match="already registered"):
            _pytree.register_pytree_node(Pair, None, None)
    finally:
        del _pytree.SUPPORTED_NODES[Pair]
    with pytest.raises(ValueError, match="2 items"):
        _pytree.tree_unflatten([1], _pytree.tree_structure([1, 2]))
    with pytest.raises(TypeError, match="PyTreeSpec"):
        _pytree.tree_unflatten([1], [1, 2])


# ---- lists of tensors ----

CASES = {"add": [2.0], "add-list": [[1, 2, 3], {"alpha": 3}], "add-tensor": ["tensor"], "sub-list": [[1, 2, 3]],
         "mul": [0.5], "mul-list": ["lists"], "div": [4.0], "div-list": ["lists"], "pow": [2.0], "maximum": ["lists"],
         "minimum": ["lists"], "sqrt": [], "abs": [], "exp": [], "neg": [], "reciprocal": [], "sigmoid": [],
         "addcmul": ["lists", "lists", {"value": 0.5}], "addcdiv": ["lists", "lists", 2.0], "lerp": ["lists", 0.25]}


@pytest.mark.torch
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_foreach_as_in_pytorch(case, in_place):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    name = f"_foreach_{case.partition('-')[0]}{'_' * in_place}"
    rng = np.random.default_rng(0)
    arrays, others = ([rng.random(shape, np.float32) + 0.5 for shape in [(2, 3), (), (4,)]] for _ in range(2))
    results = []
    for library in (fastnn, torch):
        tensors, operands, options = [library.tensor(a) for a in arrays], [], {}
        for operand in CASES[case]:
            if isinstance(operand, dict):
                options = operand
            elif operand == "tensor":
                operands.append(library.tensor(2.5))
            elif operand == "lists":
                operands.append([library.tensor(a) for a in others])
            elif isinstance(operand, list) and options == {} and case != "sub-list":
                operands.append([library.tensor(float(n)).expand(a.shape) for n, a in zip(operand, arrays)])
            else:
                operands.append(operand)
        made = getattr(library, name)(tensors, *operands, **options)
        assert not in_place or made is None or library is torch
        results.append(tensors if in_place else made)
    for got, expected in zip(*results):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-6)


def test_foreach_errors():
    x = [fastnn.ones(2)]
    with pytest.raises(RuntimeError, match="same number"):
        fastnn._foreach_add(x, [1, 2])
    with pytest.raises(TypeError, match="list of Tensors"):
        fastnn._foreach_abs(x[0])
    with pytest.raises(TypeError, match="expected 1 operands"):
        fastnn._foreach_mul(x)


# ---- recurrent networks as functions ----

@pytest.mark.torch
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("mode", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_vf_as_in_pytorch(mode, biases, bidirectional):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    layers, directions = 2, 1 + bidirectional
    rng = np.random.default_rng(1)
    gates = {"lstm": 4, "gru": 3}.get(mode, 1) * 3
    shapes = [shape for layer in range(layers) for _ in range(directions) for shape in
              [(gates, 3 * directions if layer else 5), (gates, 3), *[(gates,)] * (2 * biases)]]
    arrays = [rng.normal(size=shape).astype("f4") for shape in [(2, 4, 5), *[(layers * directions, 2, 3)] * 2, *shapes]]
    found = []
    for library in (fastnn, torch):
        x, h, c, *weights = tensors = [library.tensor(a, requires_grad=True) for a in arrays]
        state = (h, c) if mode == "lstm" else h
        out = getattr(library._VF, mode)(x, state, weights, biases, layers, 0.0, True, bidirectional, True)
        sum(each.square().sum() for each in out).backward()
        found.append([*out, *(t.grad for t in tensors if t.grad is not None)])
    assert len(found[0]) == len(found[1])
    for got, expected in zip(*found):
        np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=2e-4, atol=2e-5)


def test_vf_wrong_weights():
    with pytest.raises(RuntimeError, match="expected 4 weights"):
        fastnn._VF.gru(fastnn.ones(1, 2, 3), None, [fastnn.ones(3, 3)], True, 1, 0.0, True, False, True)


# ---- compilers, types that are only named ----

def test_compilers_leave_things_alone():
    def f():
        return 1
    assert fastnn.compiler.disable(f) is f and fastnn._dynamo.disable()(f) is f
    assert fastnn.compiler.allow_in_graph(f) is f and not fastnn.compiler.is_compiling()
    assert not isinstance(3, (fastnn.SymInt, fastnn.SymFloat, fastnn.SymBool))
    with pytest.raises(NotImplementedError, match="SymInt"):
        fastnn.SymInt(3)
    assert fastnn.float8_e4m3fn.is_floating_point and fastnn.float8_e5m2.itemsize == 1
    with pytest.raises(NotImplementedError, match="quint8"):
        fastnn.ones(2, dtype=fastnn.quint8)
    assert not isinstance(fastnn.nn.Linear(2, 2), fastnn.nn.parallel.DistributedDataParallel)
    with pytest.raises(ValueError, match="process group"):
        fastnn.nn.parallel.DistributedDataParallel(fastnn.nn.Linear(2, 2))


# ---- types that differ ----

@pytest.mark.torch
@pytest.mark.parametrize("types", [("f4", "f8"), ("f8", "f4")])
def test_probabilities_of_another_type(types):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(3, 4)).astype(types[0]), rng.random((3, 4)).astype(types[1])
    found = []
    for library in (fastnn, torch):
        x, t = library.tensor(logits, requires_grad=True), library.tensor(targets, requires_grad=True)
        loss = library.nn.functional.cross_entropy(x, t, label_smoothing=0.1)
        loss.backward()
        found.append([loss.detach().numpy(), x.grad.numpy(), t.grad.numpy()])
    for got, expected in zip(*found):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


# ---- limits of dtypes that NumPy lacks ----

@pytest.mark.torch
@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
                                  "float8_e8m0fnu", "complex64", "complex128", "uint16", "uint32", "uint64"])
def test_limits_of_dtypes(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    limits = [(t.iinfo if name.startswith("uint") else t.finfo)(getattr(t, name)) for t in (fastnn, torch)]
    fields = ("bits", "min", "max", "dtype") + (() if name.startswith("uint") else (
        "eps", "tiny", "smallest_normal", "resolution"))
    for field in fields:
        ours, theirs = (getattr(found, field) for found in limits)
        assert ours == (pytest.approx(theirs, rel=1e-6) if isinstance(theirs, float) else theirs), field


# ---- modules that are names alone ----

PROGRAM = """
import importlib.util, sys
import torch
from fastnn.compat import placeholders
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, StateDictType
from torch.distributed.fsdp.fully_sharded_data_parallel import FullyShardedDataParallel as same
from torch.utils.data._utils.collate import default_collate
import torch.distributed.algorithms.ddp_comm_hooks.default_hooks as hooks
for name in [*placeholders.NAMES, *placeholders.ALIASES]:
    if "tensorboard" in name and not importlib.util.find_spec("tensorboardX"):
        continue
    module = importlib.import_module(name)
    assert importlib.import_module(name) is module
assert FullyShardedDataParallel is same and not isinstance(torch.nn.Linear(1, 1), same)
assert ShardingStrategy.FULL_SHARD is not ShardingStrategy.NO_SHARD
assert torch.distributed.tensor.DTensor is sys.modules["torch.distributed._tensor"].DTensor
assert torch.distributed.distributed_c10d is torch.distributed and default_collate is torch.utils.data.default_collate
assert torch._dynamo.eval_frame.is_dynamo_supported() is False
assert torch.torch is torch and torch._C._functorch.is_batchedtensor(torch.ones(1)) is False
assert torch._C._are_functorch_transforms_active() is False and torch._guards.active_fake_mode() is None
import torchvision
from functorch import FunctionalModule
from torch._functorch.vmap import _add_batch_dim, tree_flatten
assert not isinstance(torch.nn.Linear(1, 1), torchvision.ops.DeformConv2d)
assert tree_flatten is torch.utils._pytree.tree_flatten

class Sharded(same):
    pass

for call, text in [(lambda: same(1), "FullyShardedDataParallel"), (Sharded, "Sharded"),
                   (lambda: hooks.fp16_compress_hook(1, 2), "default_hooks.fp16_compress_hook"),
                   (lambda: torchvision.ops.roi_pool(1), "torchvision.ops.roi_pool"),
                   (lambda: _add_batch_dim(1, 0, 0), "vmap._add_batch_dim")]:
    try:
        call()
    except NotImplementedError as error:
        assert text in str(error) and "fastnn does not have it" in str(error), error
    else:
        raise AssertionError(text)
for text in ("torch.distributed.fsdp.nothing", "torch.distributed.nothing"):
    try:
        importlib.import_module(text)
    except ModuleNotFoundError as error:
        assert error.name == text
    else:
        raise AssertionError(text)
    assert not hasattr(eval(text.rpartition(".")[0]), "nothing")
"""


def test_modules_without_work_are_names_that_raise_at_use():
    done = subprocess.run([sys.executable, "-m", "fastnn", "-c", PROGRAM], capture_output=True, text=True,
                          cwd=Path(fastnn.__path__[0]).parent)
    assert done.returncode == 0, done.stderr


# ---- small parts of libraries' machinery ----

def test_operations_of_a_program_stand_in_torch_ops():
    from fastnn.compat import library

    @library.custom_op("mine::scaled", mutates_args=())
    def scaled(x: fastnn.Tensor, by: float = 2.0) -> fastnn.Tensor:
        return x.detach() * by
    scaled.register_autograd(lambda ctx, grad: (grad * ctx.by, None),
                             setup_context=lambda ctx, inputs, output: setattr(ctx, "by", inputs[1]))
    x = fastnn.ones(2, requires_grad=True)
    fastnn.ops.mine.scaled(x, by=3.0).sum().backward()
    assert x.grad.tolist() == [3, 3] and fastnn.ops.mine.scaled.default(x).tolist() == [2, 2]
    scaled.register_kernel("cpu", lambda x, by=2.0: x.detach() + by)
    assert fastnn.ops.mine.scaled(x).tolist() == [3, 3]


@pytest.mark.parametrize("base", [(), (1,)])
def test_classes_of_tensors_whose_init_is_their_own(base):
    """The numbers come from ``super().__new__``, and share a tensor's memory, whatever ``__init__`` does."""
    class Named(fastnn.Tensor):
        def __new__(cls, x, name):
            return super().__new__(cls, x)

        def __init__(self, x, name):
            if base:
                super().__init__()
            self.name = name
    x = fastnn.ones(2)
    made = Named(x, "a")
    made.mul_(2)
    assert x.tolist() == [2, 2] and made.name == "a" and Named([1, 2], "b").tolist() == [1, 2]
    assert fastnn.Tensor(x).data_ptr() == x.data_ptr() and fastnn.Tensor(x.double()).dtype is fastnn.float32


def test_vectors_on_files(tmp_path):
    path = tmp_path / "numbers"
    shared = fastnn.from_file(path, shared=True, size=3, dtype=fastnn.int64)
    shared[:] = fastnn.arange(3)
    private = fastnn.from_file(path, size=3, dtype=fastnn.int64)
    private[0] = 9
    assert private.tolist() == [9, 1, 2] and fastnn.from_file(path, size=2, dtype=fastnn.int64).tolist() == [0, 1]
    for name, size in ((path, 9), (tmp_path / "none", 1)):
        with pytest.raises(RuntimeError, match="from_file"):
            fastnn.from_file(name, size=size)
    assert shared.is_set_to(shared.view(3)) and not shared.is_set_to(shared[:2]) and not shared.is_set_to(private)


def test_results_have_the_classes_of_return_types():
    x = fastnn.ones(2, 2)
    found = fastnn.return_types
    assert isinstance(x.max(0), found.max) and not isinstance(x.max(0), found.min)
    assert isinstance(x.sort(), found.sort) and isinstance(fastnn.linalg.svd(x), found.linalg_svd)
    with pytest.raises(AttributeError, match="nothing"):
        found.nothing  # noqa: B018


def test_checks_raise_their_errors():
    fastnn._check(True)
    for check, error in ((fastnn._check, RuntimeError), (fastnn._check_index, IndexError),
                         (fastnn._check_value, ValueError), (fastnn._check_type, TypeError)):
        with pytest.raises(error, match="why"):
            check(False, lambda: "why")
    with pytest.raises(AssertionError, match="why"):
        fastnn._assert(False, "why")


def test_swapped_tensors():
    from fastnn.nn.utils._named_member_accessor import swap_tensor
    layer = fastnn.nn.BatchNorm1d(2)
    weight, mean = layer.weight, layer.running_mean
    assert swap_tensor(layer, "weight", fastnn.zeros(2)) is weight and layer.weight.tolist() == [0, 0]
    assert swap_tensor(layer, "running_mean", None) is mean and layer.running_mean is None
    with pytest.raises(AttributeError, match="nothing"):
        swap_tensor(layer, "nothing", weight)


def test_settings_of_autocast_answer():
    assert fastnn.get_autocast_dtype("cuda") is fastnn.float16 and fastnn.get_autocast_cpu_dtype() is fastnn.bfloat16
    assert not fastnn.is_autocast_cpu_enabled() and fastnn.is_autocast_cache_enabled()
    assert fastnn.clear_autocast_cache() is None and fastnn.set_autocast_enabled("cpu", True) is None


# ---- modes that see functions ----

def test_a_mode_skips_initialisation_and_sees_functions():
    class Skip(fastnn.overrides.TorchFunctionMode):
        seen = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.seen.append(func.__name__)
            if func.__module__.endswith("nn.init"):
                return kwargs["tensor"] if "tensor" in (kwargs or {}) else args[0]
            return func(*args, **(kwargs or {}))

    before = fastnn.zeros, fastnn.nn.init.kaiming_uniform_
    state = fastnn.get_rng_state()
    with Skip() as mode, Skip():
        layer = fastnn.nn.Linear(3, 2)
        assert fastnn.zeros(2).tolist() == [0, 0]
    assert fastnn.equal(fastnn.get_rng_state(), state) and layer.weight.shape == (2, 3)
    assert mode.seen.count("zeros") == 2 and "kaiming_uniform_" in mode.seen
    assert (fastnn.zeros, fastnn.nn.init.kaiming_uniform_) == before
    fastnn.nn.Linear(3, 2)
    assert mode.seen.count("kaiming_uniform_") == 1  # the inner mode skipped it
    with pytest.raises(NotImplementedError, match="__torch_function__"), fastnn.overrides.TorchFunctionMode():
        fastnn.zeros(2)
    assert fastnn.zeros is before[0]


# ---- operations of a program's own; decompositions by random vectors ----

def test_custom_operations():
    library = fastnn.library

    @library.custom_op("tests::scaled", mutates_args=())
    def scaled(x, factor: float):
        return x.detach() * factor

    @library.register_fake("tests::scaled")
    def _(x, factor):
        return fastnn.empty_like(x)

    def keep(ctx, inputs, output):
        ctx.factor = inputs[1]

    assert scaled(fastnn.ones(2), 3.0).tolist() == [3, 3] and scaled(fastnn.ones(1), factor=2.0).item() == 2
    library.register_autograd("tests::scaled", lambda ctx, grad: (grad * ctx.factor, None), setup_context=keep)
    x = fastnn.ones(2, requires_grad=True)
    scaled(x, 3.0).sum().backward()
    assert x.grad.tolist() == [3, 3]
    mine = library.Library("tests", "DEF")
    mine.define("plus(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError, match="plus"):
        library._known["tests::plus"](x)
    mine.impl("plus", lambda x: x + 1, "CPU")
    assert library._known["tests::plus"](fastnn.ones(1)).item() == 2
    with pytest.raises(RuntimeError, match="no operation"):
        library.register_autograd("tests::none", None)
    with pytest.raises(ValueError, match="namespace::name"):
        library.custom_op("none", mutates_args=())


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(8, 5), (5, 9), (2, 6, 4)])
def test_low_rank_decompositions_as_in_pytorch(shape):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x, found = np.random.default_rng(0).normal(size=shape), []
    for t in (fastnn, torch):
        t.manual_seed(3)
        for u, s, v in (t.svd_lowrank(t.tensor(x), 3), t.pca_lowrank(t.tensor(x), 2, niter=1)):
            found.append((s.numpy(), ((u * s.unsqueeze(-2)) @ v.mT).numpy()))
    for ours, theirs in zip(found[:2], found[2:], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
