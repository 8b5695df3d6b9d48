"""Keywords: every name that PyTorch's parser takes, NumPy's among them, by its own tables and by calls beside it."""
import ast
import copy
import functools
import inspect
import pickle
from pathlib import Path

import pytest
from parity.names import compared

import fastnn
from fastnn.ops._function import Function

pytestmark = pytest.mark.torch

# What PyTorch's parser makes of NumPy's names.
NUMPY = {"dim": ["axis"], "keepdim": ["keepdims"], "input": ["x", "a", "x1"], "other": ["x2"]}
TABLES = {"fastnn": ("_C/_VariableFunctions.pyi", None), "fastnn.Tensor": ("_C/__init__.pyi", "TensorBase"),
          "fastnn.nn.functional": ("_C/_nn.pyi", None)}
# Names of PyTorch's tables that its parser refuses, or that no kernel for the CPU stands behind.
ABSENT = {("mm", "out_dtype"), ("bmm", "out_dtype"), ("addmm", "out_dtype"), ("baddbmm", "out_dtype"),
          ("set_num_threads", "num"), ("set_num_interop_threads", "num"), ("requires_grad_", "mode"), ("to", "other"),
          ("to", "x2"), ("one_hot", "tensor"), ("numel", "self"), ("new", "storage"), ("new", "cls"),
          ("copy_", "x2"), ("map_", "x2"), ("new", "x2"), ("group_norm", "cudnn_enabled"),
          ("layer_norm", "cudnn_enable"), ("hspmm", "out"), ("split_copy", "split_size"), ("view_copy", "dtype"),
          ("view_copy", "size")}
SPARSE = ("smm", "spmm", "sparse_bsc_tensor", "sparse_bsr_tensor")  # take what tests/test_sparse.py tries, or raise


@functools.cache
def overloads(home):
    """{function: [(positional names, keyword-only names), ...]} of PyTorch's own table."""
    torch = pytest.importorskip("torch")
    path, owner = TABLES[home]
    body = ast.parse((Path(torch.__file__).parent / path).read_text()).body
    if owner:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == owner).body
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            args = node.args
            found.setdefault(node.name, []).append(([a.arg for a in args.posonlyargs + args.args],
                                                    [a.arg for a in args.kwonlyargs]))
    return found


def owner_of(home):
    return {"fastnn": fastnn, "fastnn.Tensor": fastnn.Tensor, "fastnn.nn.functional": fastnn.nn.functional}[home]


def behind_parser(home, name):
    """Whether PyTorch's function of this name is not written in Python."""
    import torch
    function = getattr({"fastnn": torch, "fastnn.Tensor": torch.Tensor}.get(home, torch.nn.functional), name, None)
    return function is not None and not inspect.isfunction(function)


def takes(function, name):
    return function.takes(name) if isinstance(function, Function) else name in inspect.signature(function).parameters


@pytest.mark.parametrize("home", TABLES)
def test_every_name_is_taken(home):
    refused, seen = [], 0
    for name, forms in overloads(home).items():
        function = getattr(owner_of(home), name, None)
        if function is None or name.startswith("_") or name in SPARSE or not behind_parser(home, name):
            continue
        keywords = {key for positional, only in forms for key in positional + only}
        if home == "fastnn.Tensor":
            keywords -= {"self", "out"}  # the table has `out`, the parser not
        keywords |= {other for key in keywords for other in NUMPY.get(key, ())}
        if home == "fastnn.Tensor":
            keywords -= set(NUMPY["input"])  # the tensor itself
        seen += len(keywords)
        refused += [(name, key) for key in sorted(keywords)
                    if (name, key) not in ABSENT and not takes(function, key)]
    assert not refused
    assert seen > 20


RANDOM = ("bernoulli", "multinomial", "rand_like", "randn_like", "randint_like", "normal", "empty_like",
          "empty_strided")
SIGNS = ("svd", "qr")  # defined up to signs


def keyword_calls(name, sample):
    """Keywords (of the input too) for a sample of a function, of each overload that has as many parameters."""
    args = [sample.input, *sample.args]
    for positional, _ in overloads("fastnn").get(name, ()):
        if len(positional) >= len(args) and positional[:1] != ["self"]:
            call = {**dict(zip(positional, args)), **sample.kwargs}
            yield call
            other = {NUMPY[key][0] if key in NUMPY else key: value for key, value in call.items()}
            if other != call:
                yield other


@pytest.mark.parametrize("name", compared())
def test_calls_by_keywords_alone(name):
    """What PyTorch computes for them; a call that PyTorch refuses is none."""
    if name not in overloads("fastnn") or not behind_parser("fastnn", name) or name in RANDOM + SIGNS:
        pytest.skip("not behind PyTorch's parser, random or defined up to signs")
    import torch
    from parity.carry import compare, copy_of, to_fastnn
    from parity.runner import quiet, samples, spread, tolerances
    for op, _, sample in spread(samples(name, torch.float32), 12):
        for call in keyword_calls(name, sample):
            theirs, ours = copy_of(call), to_fastnn(call)
            try:
                with quiet():
                    expected = getattr(torch, name)(**theirs)
            except (TypeError, RuntimeError):
                continue
            with quiet():
                found = getattr(fastnn, name)(**ours)
            compare(found, expected, f"{name}({', '.join(call)})", *tolerances(op, sample))


X = [[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]]
CALLS = [  # Python's value of each with T for either library
    "T.tensor(X).argmax(axis=1)", "T.cat([T.tensor(X)] * 2, axis=0)", "T.tensor(X).sum(0, keepdims=True)",
    "T.sum(a=T.tensor(X), axis=1, keepdims=True)", "T.add(x1=T.tensor(X), x2=T.tensor(X))",
    "T.max(T.tensor(X), other=T.tensor(X) + 1)", "T.tensor(X).min(other=T.tensor(X) - 1)",
    "T.empty(size=(2, 3)).shape", "T.zeros(size=(2, 3))", "T.tensor(X).view(size=(3, 2))",
    "T.tensor(X).view(dtype=T.int32)", "T.reshape(T.tensor(X), shape=(3, 2))",
    "T.reshape(input=T.tensor(X), shape=(-1,))", "T.tensor(X).reshape(shape=(6,))",
    "T.permute(T.tensor(X), dims=(1, 0))", "T.tensor(X).permute(dims=(1, 0))", "T.tensor(X).repeat(repeats=(2, 1))",
    "T.tile(T.tensor(X), dims=(2, 2))", "T.tensor(X).expand(size=(4, 2, 3))", "T.tensor(X).swapaxes(axis0=0, axis1=1)",
    "T.hsplit(T.tensor(X), sections=3)", "T.tensor_split(T.tensor(X), indices=(1,), dim=1)",
    "T.softmax(T.tensor(X), axis=1)", "T.std(T.tensor(X), axis=0)", "T.tensor(X).squeeze(axis=0)",
    "T.unsqueeze(T.tensor(X), axis=0)", "T.linalg.norm(x=T.tensor(X), axis=0)", "T.tensor(X).size(axis=0)",
    "T.linalg.vector_norm(x=T.tensor(X), axis=1, keepdims=True)", "T.special.logsumexp(T.tensor(X), axis=0)",
    "T.where(condition=T.tensor(X) > 2, x=T.tensor(X), x2=T.tensor(X) * 0)",
    "T.isin(element=1.0, test_elements=T.tensor(X))", "T.nn.functional.linear(x=T.tensor(X), weight=T.tensor(X))",
    "T.nn.functional.gelu(a=T.tensor(X))", "T.tensor(X).new_zeros(size=(2,))", "T.from_numpy(T.tensor(X).numpy())",
    "T.tensor(X).clone().copy_(other=T.ones(2, 3))", "T.tensor(X).clone().clamp_(min=2.0)",
    "T.tensor(X).clone().index_fill_(axis=0, index=T.tensor([1]), value=7.0)", "T.arange(end=3)",
    "T.sort(T.tensor(X), axis=0).values", "T.tensor(X).cumsum_(axis=1)",
    "T.add(T.tensor(X), T.tensor(X), out=T.zeros(2, 3))",
    "T.linalg.det(A=T.eye(2))", "T.linalg.svd(A=T.eye(2), driver=None)", "T.linalg.lstsq(input=T.eye(2), b=T.eye(2))",
    "T.linalg.pinv(T.tensor(X), atol=0.1, rtol=0.5)", "T.linalg.matrix_rank(T.tensor(X), atol=100.0)",
    "T.linalg.matrix_rank(T.tensor(X), rtol=0.9)", "T.linalg.matrix_rank(T.tensor(X), 100.0)",
    "T.linalg.vector_norm(input=T.tensor(X), axis=0)",
    "T.dropout(T.tensor(X), p=0.0, train=True)", "T.result_type(scalar1=1, scalar2=2.0)",
    # numbers among the tensors: PyTorch's old order
    "T.tensor(X).addcmul_(2, T.tensor(X), T.tensor(X))", "T.addcdiv(T.tensor(X), 2, T.tensor(X), T.tensor(X))",
    "T.addmm(2, T.ones(2, 2), 3, T.tensor(X), T.tensor(X).T)", "T.addmm(2, T.ones(2, 2), T.tensor(X), T.tensor(X).T)",
    "T.add(T.tensor(X), 2, T.tensor(X))", "T.ones(2, 2).addmm_(2, 3, T.tensor(X), T.tensor(X).T)",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_named(call):
    torch = pytest.importorskip("torch")
    from parity.carry import compare
    expected, found = (eval(call, {"T": library, "X": X}) for library in (torch, fastnn))
    if isinstance(expected, (torch.Tensor, tuple)):
        compare(found, expected, call, None, None)
    else:
        assert str(found) == str(expected)


def test_names_of_one_parameter_twice():
    x = fastnn.ones(2, 3)
    for call in (lambda: x.sum(dim=0, axis=1), lambda: fastnn.sum(x, a=x), lambda: fastnn.add(x, x, x2=x)):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("call", [lambda x: x.sum(axes=0), lambda x: fastnn.sum(x, nonsense=1),
                                  lambda x: x.add(x, out=x), lambda x: x.reshape((6,), dims=1)])
def test_no_other_names(call):
    with pytest.raises(TypeError):
        call(fastnn.ones(2, 3))


def test_function_objects():
    """They describe themselves, are copied as one, and found again by pickle."""
    assert fastnn.sum.__name__ == "sum" and fastnn.sum.__module__ == "fastnn" and "Sum over" in fastnn.sum.__doc__
    assert list(inspect.signature(fastnn.sum).parameters)[:2] == ["input", "dim"]
    assert inspect.isroutine(fastnn.Tensor.sum) and fastnn.ones(2).sum.__self__.shape == (2,)
    for function in (fastnn.tanh, fastnn.nn.functional.gelu, fastnn.Tensor.sum, fastnn.linalg.inv, fastnn.special.erf):
        assert copy.deepcopy(function) is function
        assert pickle.loads(pickle.dumps(function)) is function
