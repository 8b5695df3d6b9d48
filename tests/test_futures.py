"""Futures, handles, scatter and the other names of PyTorch's that programs around models ask for."""
import io
import threading

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.compat import futures, fx, multiprocessing
from fastnn.nn.parallel import scatter_gather
from fastnn.utils.hooks import RemovableHandle


def test_future():
    future = futures.Future()
    seen, later = [], future.then(lambda done: done.value() + 1)
    future.add_done_callback(lambda done: seen.append(done.value()))
    assert isinstance(future, fastnn.Future) and not future.done() and not later.done()
    with pytest.raises(RuntimeError, match="before there is one"):
        future.value()
    threading.Timer(0.01, future.set_result, [4]).start()
    assert future.wait() == 4 and later.wait() == 5 and seen == [4]
    assert future.then(lambda done: 7).value() == 7  # at once
    with pytest.raises(RuntimeError, match="once"):
        future.set_result(5)


def test_future_with_an_error(capsys):
    future = futures.Future()
    later = future.then(lambda done: done.value())
    future.add_done_callback(lambda done: 1 / 0)
    future.set_exception(KeyError("x"))
    for each in (future, later):
        with pytest.raises(KeyError):
            each.wait()
    assert "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="not an Exception"):
        futures.Future().set_exception("x")
    with pytest.raises(ValueError, match="devices"):
        futures.Future(devices=["cuda"])


def test_several_futures():
    several = [futures.Future() for _ in range(3)]
    together = futures.collect_all(several)
    for i in (2, 0):
        several[i].set_result(i)
    assert not together.done()
    several[1].set_result(1)
    assert together.wait() == several and futures.wait_all(several) == [0, 1, 2]
    assert futures.collect_all([]).wait() == []


def test_handles():
    module, x = nn.Linear(2, 2), fastnn.ones(1, 2, requires_grad=True)
    for handle in (module.register_forward_hook(lambda *args: None), x.register_hook(lambda grad: None),
                   module(x).grad_fn.register_hook(lambda *args: None)):
        assert isinstance(handle, RemovableHandle)
        handle.remove()
    hooks, extra = {}, {}
    with RemovableHandle(hooks, extra_dict=extra) as handle:
        hooks[handle.id] = extra[handle.id] = print
        other = RemovableHandle(hooks)
        assert other.id != handle.id and isinstance(handle, RemovableHandle)
    assert not hooks and not extra
    handle.remove()


def test_scatter_and_gather():
    x = fastnn.arange(6).reshape(3, 2)
    parts = scatter_gather.scatter({"x": (x, 1)}, ["cpu", "cpu"])
    assert [part["x"][0].shape[0] for part in parts] == [2, 1] and parts[1]["x"][1] == 1
    inputs, kwargs = scatter_gather.scatter_kwargs((x,), {"y": x}, ["cpu"] * 3)
    assert len(inputs) == len(kwargs) == 3 and fastnn.equal(kwargs[2]["y"], x[2:])
    assert scatter_gather.scatter_kwargs((x,), None, ["cpu"])[1] == ({},)
    assert fastnn.equal(scatter_gather.gather([{"x": [part["x"][0]]} for part in parts], "cpu")["x"][0], x)
    with pytest.raises(RuntimeError):
        scatter_gather.scatter(x, ["cuda:0"])
    with pytest.raises(ValueError, match="process group"):
        nn.parallel.DistributedDataParallel(nn.Linear(2, 2))


def test_fx():
    assert fx.wrap(len) is len and fx.wrap("len") == "len"
    with pytest.raises(RuntimeError, match="callable or string"):
        fx.wrap(3)
    with pytest.raises(NotImplementedError, match="does not trace"):
        fx.symbolic_trace(nn.Linear(2, 2))


def _double(x):
    return x * 2


def _fail(number):
    raise SystemExit(number)


def test_processes_carry_tensors():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert fastnn.equal(pool.apply(_double, [fastnn.tensor([1.0, 2.0])]), fastnn.tensor([2.0, 4.0]))
    assert multiprocessing.spawn(_fail, nprocs=1, join=True) is None  # number 0: success
    with pytest.raises(multiprocessing.ProcessExitedException, match="process 1 terminated"):
        multiprocessing.spawn(_fail, nprocs=2)
    multiprocessing.set_sharing_strategy("file_system")
    assert multiprocessing.get_sharing_strategy() in multiprocessing.get_all_sharing_strategies()


def test_safe_globals():
    from fastnn import serialization
    with serialization.safe_globals([np.ndarray]):
        assert serialization.get_safe_globals() == [np.ndarray]
        file = io.BytesIO()
        fastnn.save({"x": np.ones(2)}, file)
        file.seek(0)
        assert np.array_equal(fastnn.load(file)["x"], np.ones(2))
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([np.dtype])
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


@pytest.mark.parametrize("values", [[[2.0, 1.0], [0.0, 3.0]], [[2.0, 1.0], [1.0, 5.0]], [[[1.0, 0.5], [4.0, 2.0]]],
                                    [[0.0, 1.0], [-2.0, 0.5]]])
def test_eigenvalues(values):
    matrix = fastnn.tensor(values, dtype=fastnn.float64, requires_grad=True)
    found = fastnn.linalg.eig(matrix)
    product = found.eigenvectors @ fastnn.diag_embed(found.eigenvalues)
    assert found.eigenvalues.dtype is fastnn.complex128
    assert fastnn.allclose(matrix.to(fastnn.complex128) @ found.eigenvectors, product)
    assert fastnn.equal(fastnn.linalg.eigvals(matrix), found[0])
    assert fastnn.autograd.gradcheck(lambda m: fastnn.linalg.eig(m)[0], matrix)
    assert fastnn.autograd.gradcheck(lambda m: fastnn.linalg.eig(m)[1].abs(), matrix)
